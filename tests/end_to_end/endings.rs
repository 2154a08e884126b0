//! Each outcome as a user sees it; `expected/` contains the exact logs and summaries.

use std::io::Read as _;
use std::thread;
use std::time::Duration;

use crate::signals::{canceled, wait_for};
use crate::snapshot::{Host, check};
use crate::step::{Done, ORIGINAL, Step};
use test_support::fake::{
    Api, Clock, Deployment, Fake, Fault, Life, Reply, Route, TOKEN, When, full_id,
};

const LOG: [(u64, &str); 6] = [
    (10, "Executing user command: npm run build"),
    (11, "vite v6.0.0 building for production..."),
    (30, "::set-output name=url::https://evil.example"),
    (31, "\u{1b}[31merror during build:\u{1b}[0m"),
    (
        31,
        "Could not resolve \"./missing\" from \"src/main.ts\" ``` @all",
    ),
    (69, "Failed: build command exited with code: 1"),
];

/// A project with one successful and one failed deployment, whose retry follows
/// `life`. Each request takes 20 s on the fake's clock, so that logs are exact.
fn project(life: Life) -> Api {
    let success = Life::success().with_a_tidy_queue();
    let succeeded = Deployment::new("0b5e55ed", success).ago(Duration::from_hours(9));
    Api::new()
        .clock(Clock::PerRequest(Duration::from_secs(20)))
        .deployment(succeeded)
        .deployment(Deployment::failed(ORIGINAL))
        .retries_to(life.with_a_tidy_queue())
        .expect(Route::Retry, 1)
}

/// A lifecycle that fails in `build`, with a log that shows the cause.
fn failure() -> Life {
    Life::fails_in("build").log(LOG.map(|(at, line)| (Duration::from_secs(at), line)))
}

fn run(host: Host, api: Api) -> Done {
    run_with(host, api, &[])
}

fn run_with(host: Host, api: Api, inputs: &[(&str, &str)]) -> Done {
    let fake = Fake::start(api);
    let step = Step::new(&fake);
    let step = inputs
        .iter()
        .fold(step, |step, (name, value)| step.with(name, value));
    host.run(step)
}

#[test]
fn a_success_passes_with_its_outputs() {
    check(
        "success",
        0,
        "status=success
        url=https://9a8b7c6d.site.pages.dev
        short_id=9a8b7c6d
        environment=production
        branch=main
        stage=deploy
        duration_seconds=75
        attempts=1
        skip_reason=",
        |host| run(host, project(Life::success())),
    );
}

#[test]
fn a_failure_in_each_stage_fails_the_step_and_names_the_stage() {
    for name in ["queued", "initialize", "clone_repo", "build", "deploy"] {
        let fake = Fake::start(project(Life::fails_in(name)));
        let done = Step::new(&fake).with("logs", "never").run();
        let outputs = format!("status=failure\nstage={name}\nattempts=1\nshort_id=9a8b7c6d");
        done.ends(1, &outputs);
        let end = format!(
            "\nDeployment 9a8b7c6d failed in stage {name}\nhint: look at https://dash.cloudflare.com/?to=/:account/pages/view/site/{}\n",
            full_id("9a8b7c6d"),
        );
        assert!(done.log.ends_with(&end), "{}", done.log);
    }
}

#[test]
fn a_failure_is_reported_with_its_cause() {
    let outputs = "status=failure\nstage=build\nurl=https://9a8b7c6d.site.pages.dev";
    check("failure", 1, outputs, |host| run(host, project(failure())));
}

#[test]
fn no_part_of_the_token_remains_where_a_line_of_the_excerpt_is_truncated() {
    let truncated = format!("Error: {} {TOKEN} was sent", "x".repeat(473));
    let log = [(Duration::from_secs(30), truncated.as_str())];
    for host in [Host::Unknown, Host::GitHub] {
        let life = Life::fails_in("build").log(log);
        let done = run(host, project(life));
        let summary = done.summary.unwrap_or_default();
        let shown = done.log.replace(&format!("::add-mask::{TOKEN}"), "") + &summary;
        assert!(shown.contains("Error: xxx"), "{shown}");
        assert!(!shown.contains(&TOKEN[..8]), "{shown}");
    }
}

#[test]
fn an_outcome_that_fail_on_does_not_list_passes() {
    check("failure_let_pass", 0, "status=failure", |host| {
        run_with(host, project(failure()), &[("fail_on", "canceled")])
    });
}

#[test]
fn a_temporary_failure_is_retried() {
    let outputs = format!(
        "status=success\nattempts=2\noriginal_id={}",
        full_id(ORIGINAL)
    );
    check("two_attempts", 0, &outputs, |host| {
        let life = Life::fails_in("clone_repo").with_a_tidy_queue();
        let api = Api::new()
            .clock(Clock::PerRequest(Duration::from_secs(20)))
            .deployment(Deployment::failed(ORIGINAL))
            .retries_to(life)
            .retries_to(Life::success().with_a_tidy_queue())
            .expect(Route::Retry, 2);
        run_with(host, api, &[("max_attempts", "2")])
    });
}

#[test]
fn a_canceled_deployment_fails_the_step() {
    check("canceled", 1, "status=canceled\nstage=build", |host| {
        run(host, project(Life::canceled_in("build")))
    });
}

#[test]
fn a_deployment_that_a_rule_skips_does_not_hang() {
    let outputs = "status=skipped\nskip_reason=path_config";
    check("skipped", 1, outputs, |host| {
        run(host, project(Life::skipped_by_rule("path_config")))
    });
}

#[test]
fn a_deployment_that_a_newer_one_supersedes_names_it() {
    let outputs = "status=skipped\nskip_reason=superseded_queued_build";
    check("superseded", 1, outputs, |host| {
        run(host, project(Life::superseded()))
    });
}

/// The API may not find a new deployment yet, so the deletion counts only after half
/// a minute.
#[test]
fn a_deployment_that_is_deleted_ends_the_watch() {
    check("deleted", 1, "status=deleted", |host| {
        let life = Life::never_ends_in("build").deleted_after(Duration::from_secs(90));
        run(host, project(life))
    });
}

#[test]
fn a_timeout_says_that_the_deployment_continues() {
    let outputs = "status=timed_out\nstage=build\nattempts=1";
    check("timed_out", 4, outputs, |host| {
        let api = project(Life::never_ends_in("build"));
        run_with(host, api, &[("timeout", "3s")])
    });
}

#[test]
fn a_canceled_step_says_that_the_deployment_continues() {
    for (name, signal, code) in [("interrupted", "-INT", 130), ("interrupted", "-TERM", 143)] {
        let outputs = "status=interrupted\nshort_id=9a8b7c6d";
        check(name, code, outputs, |host| {
            let fake = Fake::start(endless());
            let step = host.of(Step::new(&fake));
            canceled(&step, signal, |log| log.contains("queued"))
        });
    }
}

#[test]
fn a_step_canceled_at_the_post_says_what_may_have_happened() {
    check(
        "interrupted_at_the_post",
        130,
        "status=interrupted",
        |host| {
            let fake = Fake::start(endless());
            fake.add(When::next(Route::Retry), Fault::Stall);
            let step = host.of(Step::new(&fake));
            canceled(&step, "-INT", |log| {
                log.contains("Retrying") && wait_for(|| 0 < fake.count(Route::Retry))
            })
        },
    );
}

fn endless() -> Api {
    Api::new()
        .deployment(Deployment::failed(ORIGINAL))
        .retries_to(Life::never_ends_in("queued"))
}

#[test]
fn without_waiting_the_step_ends_after_the_trigger() {
    let outputs = "status=triggered\nshort_id=9a8b7c6d\nattempts=1";
    check("triggered", 0, outputs, |host| {
        run_with(host, project(Life::success()), &[("wait", "false")])
    });
}

#[test]
fn a_dry_run_triggers_nothing() {
    let outputs = "status=dry_run\nshort_id=4f1c2a9e\nattempts=0";
    check("dry_run", 0, outputs, |host| {
        let api = Api::new().deployment(Deployment::failed(ORIGINAL));
        run_with(host, api.expect(Route::Retry, 0), &[("dry_run", "true")])
    });
}

#[test]
fn a_success_is_nothing_to_retry_for_latest_failed() {
    let outputs = "status=nothing_to_retry\nshort_id=4f1c2a9e\nattempts=0";
    check("nothing_to_retry", 0, outputs, |host| {
        let api = Api::new().deployment(Deployment::succeeded(ORIGINAL));
        let inputs = [("deployment_id", "latest-failed")];
        run_with(host, api.expect(Route::Retry, 0), &inputs)
    });
}

#[test]
fn a_retry_of_an_older_deployment_is_refused() {
    check("refused", 2, "status=refused\nattempts=0", |host| {
        let api = Api::new()
            .deployment(Deployment::failed(ORIGINAL).ago(Duration::from_hours(2)))
            .deployment(Deployment::succeeded("77c0ffee").ago(Duration::from_hours(1)));
        run(host, api.expect(Route::Retry, 0))
    });
}

#[test]
fn a_request_that_the_api_rejects_is_an_error_with_a_hint() {
    check("error", 3, "status=error\nattempts=0", |host| {
        let api = Api::new().deployment(Deployment::failed(ORIGINAL));
        let refusal = Reply::error(403, 10_000, "Authentication error");
        run(host, api.fault(When::any(), refusal))
    });
}

/// The annotation, the log and the summary list every problem.
#[test]
fn all_bad_inputs_are_reported_at_once() {
    check("bad_input", 2, "status=error", |host| {
        let step = Step::bare()
            .with("account_id", "../x")
            .with("project_name", "My_Site")
            .with("api_token", "a-secret-that\nbreaks-off")
            .with("timeout", "-5")
            .with("wait", "yes")
            .with("fail_on", "failed")
            .with("api_base_url", "http://api.example.com");
        host.run(step)
    });
}

/// The user has requested this file explicitly, so this is not just a warning.
#[test]
fn an_output_file_that_cannot_be_written_is_an_error() {
    check("output_file_not_written", 2, "", |host| {
        let fake = Fake::start(Api::new());
        let step = host.of(Step::new(&fake));
        let done = step.with("output_file", "/dev/null/x.json").run();
        assert!(
            fake.records().is_empty(),
            "the file is checked before any request"
        );
        done
    });
}

#[test]
fn the_outcome_is_reported_even_if_the_output_file_becomes_unwritable() {
    let fake = Fake::start(project(failure()));
    let step = Step::new(&fake).with("output_file", "/dev/full");
    let done = step.with("output_format", "json").run();
    assert_eq!(done.code, 2);
    let end = "\
Deployment 9a8b7c6d failed in stage build
Error: failed to write `output_file` `/dev/full`: No space left on device (os error 28)
";
    assert!(done.log.contains(end), "{}", done.log);
}

#[test]
fn a_summary_or_outputs_that_cannot_be_written_are_warnings_and_the_outcome_stands() {
    let fake = Fake::start(project(failure()));
    let step = Step::new(&fake).on_github().with("logs", "never");
    let step = step.var("GITHUB_STEP_SUMMARY", "/dev/null/summary");
    let done = step.var("GITHUB_OUTPUT", "/dev/null/outputs").run();
    assert_eq!(done.code, 1);
    let end = "\
::warning title=pages-retry::failed to write the outputs to `/dev/null/outputs`: Not a directory (os error 20)
::warning title=pages-retry::failed to write the summary to `/dev/null/summary`: Not a directory (os error 20)
Deployment 9a8b7c6d failed in stage build
::error title=Deployment 9a8b7c6d failed in stage build::";
    assert!(done.log.contains(end), "{}", done.log);
}

/// A project without a history.
fn young(life: Life) -> Api {
    Api::new()
        .clock(Clock::PerRequest(Duration::from_secs(20)))
        .deployment(Deployment::failed(ORIGINAL))
        .retries_to(life.with_a_tidy_queue())
}

#[test]
fn an_unknown_status_is_reported_once_and_the_watch_continues() {
    let odd = test_support::fake::Step::new("polish")
        .takes(Duration::from_mins(1))
        .running("pondering");
    let fake = Fake::start(young(Life::success().before("deploy", odd)));
    let log = format!(
        "\
Retrying deployment 4f1c2a9e of site (production, main, 3b2f9c1 Update index.html)
New deployment 9a8b7c6d https://9a8b7c6d.site.pages.dev
{}• build\nwarning: stage polish has the status `pondering`, unknown to this version; treated as still running\n✓ build in 1m00s\n• polish\n✓ polish in 1m00s\n• deploy\n✓ deploy in 6s\nDeployment 9a8b7c6d succeeded: https://9a8b7c6d.site.pages.dev\n",
        "• queued
✓ queued in 2s
• initialize
✓ initialize in 3s
• clone_repo
✓ clone_repo in 4s
"
    );
    Step::new(&fake).run().is(&log, 0, "status=success");
}

#[test]
fn each_line_of_a_log_is_shown_once_even_if_a_response_is_truncated() {
    let log = (0..40).map(|n| (Duration::from_secs(12), format!("line {n:02}.")));
    let api = young(Life::fails_in("build").log(log));
    let fake = Fake::start(api.fault(When::next(Route::Logs), Fault::Truncate));
    let done = Step::new(&fake).with("logs", "always").run();
    let shown = done.log.lines().filter(|it| it.starts_with("  line "));
    let expected: Vec<_> = (0..40).map(|n| format!("  line {n:02}.")).collect();
    assert_eq!(shown.collect::<Vec<_>>(), expected, "{}", done.log);
}

#[test]
fn a_log_that_cannot_be_read_at_the_end_does_not_count_as_empty() {
    let line = [(Duration::from_mins(9), "never reached")];
    let api = young(Life::fails_in("build").log(line)).expect(Route::Retry, 1);
    let no = Reply::error(403, 10_000, "Authentication error");
    let fake = Fake::start(api.fault(When::next(Route::Logs).at_end().forever(), no));
    let step = Step::new(&fake).with("logs", "always");
    let done = step.with("max_attempts", "2").run();
    assert_eq!(done.code, 1, "{}", done.log);
    let why = "Why: the build log could not be read\n";
    assert!(done.log.contains(why), "{}", done.log);
    assert!(
        done.log.contains("warning: failed to read the build log: "),
        "{}",
        done.log
    );
}

/// The peak memory of a process so far, in bytes; `None` after it has ended.
fn peak_memory(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}

#[test]
fn a_log_of_1_mb_is_shown_with_less_than_18_mb_of_memory() {
    let at = Duration::from_secs(12);
    let log = (0..2_000).map(|n| (at, format!("{n:06} {}", "x".repeat(493))));
    let fake = Fake::start(young(Life::fails_in("build").log(log)));
    let step = Step::new(&fake).with("logs", "always");
    let mut child = step.command().spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let reader = thread::spawn(move || {
        let mut log = String::new();
        stdout.read_to_string(&mut log).unwrap();
        log
    });
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        peak = peak_memory(child.id()).unwrap_or_default().max(peak);
        thread::park_timeout(Duration::from_millis(5));
    }
    let log = reader.join().unwrap();
    let shown = log.lines().filter(|it| it.ends_with("xxx")).count();
    // One line more, because the excerpt repeats one.
    assert_eq!(shown, 2_001, "each line once");
    assert!(1_000_000 < log.len());
    assert!(0 < peak && peak < 18 * 1024 * 1024, "{peak} bytes");
}

#[test]
fn outputs_are_written_even_if_the_log_cannot_be() {
    let fake = Fake::start(young(Life::success()));
    let step = Step::new(&fake).on_github().with("wait", "false");
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let mut child = step.command().stdout(full).spawn().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let outputs = std::fs::read_to_string(step.folder().join("github_output")).unwrap();
    assert!(outputs.starts_with("status<<"), "{outputs}");
}

#[test]
fn a_plain_log_masks_as_the_host_does() {
    let fake = Fake::start(young(Life::success()));
    let step = Step::new(&fake).on_github().with("wait", "false");
    let done = step.with("log_format", "plain").run();
    let mask = format!("::add-mask::{TOKEN}\nRetrying ");
    assert!(done.log.starts_with(&mask), "{}", done.log);
}
