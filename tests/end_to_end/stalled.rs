//! What is slow or stuck around the program: a reader of its log, a pipe
//! instead of a file, a host's agent, an API that never responds. None of it
//! delays the outcome, and no signal is lost.

#![expect(
    clippy::disallowed_methods,
    reason = "how soon a step is gone is what is tested"
)]

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::signals::wait_for;
use crate::step::{ORIGINAL, Step};
use test_support::fake::{Api, Clock, Deployment, Fake, Fault, Life, Route, When};

fn project(life: Life) -> Fake {
    Fake::start(
        Api::new()
            .clock(Clock::PerRequest(Duration::from_secs(20)))
            .deployment(Deployment::failed(ORIGINAL))
            .retries_to(life.with_a_tidy_queue()),
    )
}

fn endless() -> Fake {
    project(Life::never_ends_in("queued"))
}

/// A retry that fails after more log than a pipe holds.
fn talkative() -> Fake {
    let line = |n| {
        (
            Duration::from_secs(12),
            format!("{n:04} {}", "x".repeat(400)),
        )
    };
    project(Life::fails_in("build").log((0..2_000).map(line)))
}

fn signal(child: &Child, signal: &str) {
    let mut kill = Command::new("kill");
    let kill = kill.arg(signal).arg(child.id().to_string()).status();
    assert!(kill.unwrap().success());
}

/// The exit code of a child that ends within `limit`.
#[track_caller]
fn ends_within(child: &mut Child, limit: Duration) -> Option<i32> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if limit < began.elapsed() {
            child.kill().unwrap();
            panic!("still running after {limit:?}");
        }
        thread::park_timeout(Duration::from_millis(5));
    }
}

fn pipe(step: &Step, name: &str) -> String {
    let pipe = step.folder().join(name);
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    pipe.to_str().unwrap().to_owned()
}

/// Whether the process has a handler for a signal.
fn handles(process: u32, signal: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let mask = status.lines().find_map(|it| it.strip_prefix("SigCgt:"));
    let mask = mask.and_then(|it| u64::from_str_radix(it.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

#[test]
fn a_reader_that_has_stalled_delays_neither_the_timeout_nor_the_outputs() {
    let fake = talkative();
    let step = Step::new(&fake).with("logs", "always");
    let mut child = step.command().spawn().unwrap();
    // Nobody reads what it prints.
    assert_eq!(ends_within(&mut child, Duration::from_secs(40)), Some(1));
    let done = step.done(child.wait_with_output().unwrap());
    assert_eq!(done.outputs["status"], "failure");

    let fake = endless();
    let step = Step::new(&fake).with("timeout", "3s");
    let (mut reader, full) = stalled_reader();
    let mut child = step.command().stdout(full).spawn().unwrap();
    assert_eq!(ends_within(&mut child, Duration::from_secs(12)), Some(4));
    let outputs = fs::read_to_string(step.folder().join("outputs.json")).unwrap();
    assert!(outputs.contains("timed_out"), "{outputs}");
    reader.kill().unwrap();
    reader.wait().unwrap();
}

/// A program that never reads, and a pipe to it that is full.
fn stalled_reader() -> (Child, ChildStdin) {
    let mut reader = Command::new("sleep")
        .arg("60")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut full = reader.stdin.take().unwrap();
    // A pipe holds 64 KiB.
    full.write_all(&vec![b' '; 1 << 16]).unwrap();
    (reader, full)
}

#[test]
fn a_signal_ends_a_step_whose_log_nobody_reads() {
    let fake = endless();
    let step = Step::new(&fake);
    let (mut reader, full) = stalled_reader();
    let mut child = step.command().stdout(full).spawn().unwrap();
    wait_for(|| 2 < fake.count(Route::Get));
    signal(&child, "-TERM");
    thread::park_timeout(Duration::from_millis(200));
    signal(&child, "-TERM");
    assert_eq!(ends_within(&mut child, Duration::from_secs(2)), Some(143));
    let outputs = fs::read_to_string(step.folder().join("outputs.json")).unwrap();
    assert!(outputs.contains("interrupted"), "{outputs}");
    reader.kill().unwrap();
    reader.wait().unwrap();
}

#[test]
fn a_pipe_that_nobody_reads_is_a_warning_where_the_host_gave_it() {
    let fake = project(Life::success());
    let step = Step::new(&fake).on_github();
    let pipe = pipe(&step, "pipe");
    let step = step.var("GITHUB_OUTPUT", &pipe).with("wait", "false");
    let mut child = step.command().spawn().unwrap();
    assert_eq!(ends_within(&mut child, Duration::from_secs(10)), Some(0));
    let mut log = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut log)
        .unwrap();
    assert!(log.contains("failed to write the outputs to `"), "{log}");
    assert!(log.contains("nobody reads it\n"), "{log}");
}

#[test]
fn a_signal_at_the_first_moment_leaves_the_outputs() {
    for _ in 0..20 {
        let fake = Fake::start(Api::new().deployment(Deployment::failed(ORIGINAL)));
        fake.add(When::any().forever(), Fault::Stall);
        let step = Step::new(&fake);
        let mut child = step.command().spawn().unwrap();
        wait_for(|| handles(child.id(), 15));
        signal(&child, "-TERM");
        assert_eq!(ends_within(&mut child, Duration::from_secs(2)), Some(143));
        let done = step.done(child.wait_with_output().unwrap());
        assert_eq!(done.outputs["status"], "interrupted", "{}", done.log);
        fake.api().forget_faults();
    }
}

#[test]
fn a_hangup_ends_a_step_unless_it_is_ignored() {
    let fake = endless();
    let step = Step::new(&fake);
    let mut child = step.command().spawn().unwrap();
    wait_for(|| 1 < fake.count(Route::Get));
    signal(&child, "-HUP");
    assert_eq!(ends_within(&mut child, Duration::from_secs(2)), Some(129));
    let done = step.done(child.wait_with_output().unwrap());
    assert_eq!(done.outputs["status"], "interrupted");

    let fake = endless();
    let step = Step::new(&fake);
    let mut child = in_shell(&step, "trap '' HUP").spawn().unwrap();
    wait_for(|| 1 < fake.count(Route::Get));
    signal(&child, "-HUP");
    let polls = fake.count(Route::Get);
    wait_for(|| polls + 1 < fake.count(Route::Get));
    signal(&child, "-TERM");
    assert_eq!(ends_within(&mut child, Duration::from_secs(2)), Some(143));
}

/// The step in the place of a shell that has run `first`.
fn in_shell(step: &Step, first: &str) -> Command {
    let direct = step.command();
    let mut shell = Command::new("sh");
    let program = direct.get_program().to_str().unwrap();
    shell
        .arg("-c")
        .arg(format!("{first}; exec {program}"))
        .env_clear()
        .envs(step.vars())
        .current_dir(step.folder())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    shell
}

#[test]
fn too_few_files_are_an_error_and_no_panic() {
    for limit in 3..16 {
        let fake = project(Life::success());
        let step = Step::new(&fake).with("wait", "false");
        let output = in_shell(&step, &format!("ulimit -n {limit}"))
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        let code = output.status.code();
        let is_in_contract = matches!(code, Some(0 | 2 | 3 | 4));
        // With fewer the program cannot be loaded at all.
        assert!(is_in_contract || limit < 5, "{limit}: {code:?} {stderr}");
        assert!(!stderr.contains("panicked"), "{limit}: {stderr}");
    }
}

#[test]
fn an_output_file_that_is_stdout_stands_in_the_log() {
    let fake = project(Life::success());
    let step = Step::new(&fake).with("wait", "false");
    let step = step
        .with("output_file", "/dev/stdout")
        .with("output_format", "dotenv");
    let path = step.folder().join("log");
    let file = fs::File::create(&path).unwrap();
    let status = step.command().stdout(file).status().unwrap();
    assert_eq!(status.code(), Some(0));
    let log = fs::read_to_string(path).unwrap();
    assert!(log.starts_with("Retrying deployment"), "{log}");
    assert!(log.contains("\nPAGES_RETRY_STATUS="), "{log}");
    assert!(log.contains("\nTriggered 9a8b7c6d "), "{log}");
}

#[test]
fn a_timeout_says_that_the_api_never_responded() {
    let fake = Fake::start(Api::new().deployment(Deployment::failed(ORIGINAL)));
    fake.add(When::any().forever(), Fault::Stall);
    let done = Step::new(&fake).with("timeout", "2s").run();
    done.ends(4, "status=timed_out");
    assert!(
        done.log.contains("the Pages API never responded"),
        "{}",
        done.log
    );
    assert!(
        !done.log.contains("give `timeout` more time"),
        "{}",
        done.log
    );
    fake.api().forget_faults();
}

#[test]
fn a_second_signal_cuts_an_agent_short_and_no_file() {
    let fake = endless();
    let step = Step::new(&fake).var("BUILDKITE", "true");
    let folder = step.folder().to_str().unwrap().to_owned();
    let agent = step.folder().join("buildkite-agent");
    fs::write(&agent, "#!/bin/sh\nexec /bin/sleep 60\n").unwrap();
    fs::set_permissions(&agent, fs::Permissions::from_mode(0o755)).unwrap();
    let step = step.var("PATH", &folder);
    let mut child = step.command().spawn().unwrap();
    wait_for(|| 1 < fake.count(Route::Get));
    let sent = Instant::now();
    signal(&child, "-TERM");
    thread::park_timeout(Duration::from_millis(300));
    signal(&child, "-TERM");
    assert_eq!(ends_within(&mut child, Duration::from_secs(3)), Some(143));
    assert!(sent.elapsed() < Duration::from_secs(3));
    let done = step.done(child.wait_with_output().unwrap());
    assert_eq!(done.outputs["status"], "interrupted");
    assert!(
        done.log
            .contains("Interrupted; deployment 9a8b7c6d continues"),
        "{}",
        done.log
    );
}
