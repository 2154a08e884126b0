//! Cancellation of a step by signals.

#![expect(
    clippy::disallowed_methods,
    reason = "the tests measure how soon a step ends"
)]

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::step::{Done, ORIGINAL, Step};
use test_support::fake::{Api, Clock, Deployment, Fake, Fault, Life, Reply, Route, When};

/// Runs the step, and sends `signal` as soon as `is_time` accepts the log.
pub(crate) fn canceled(step: &Step, signal: &str, is_time: impl Fn(&str) -> bool) -> Done {
    let mut child = step.command().spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut log = String::new();
    while !is_time(&log) {
        assert_ne!(
            stdout.read_line(&mut log).unwrap(),
            0,
            "ended early:\n{log}"
        );
    }
    let sent = Instant::now();
    let kill = Command::new("kill")
        .arg(signal)
        .arg(child.id().to_string())
        .status();
    assert!(kill.unwrap().success());
    stdout.read_to_string(&mut log).unwrap();
    let mut output = child.wait_with_output().unwrap();
    assert!(
        sent.elapsed() < Duration::from_secs(1),
        "took {:?}",
        sent.elapsed()
    );
    output.stdout = log.into_bytes();
    step.done(output)
}

fn endless() -> Fake {
    let api = Api::new()
        .deployment(Deployment::failed(ORIGINAL))
        .retries_to(Life::never_ends_in("queued"));
    Fake::start(api)
}

#[test]
fn a_cancellation_while_the_log_of_a_failure_is_read_makes_no_further_attempt() {
    let api = Api::new()
        .clock(Clock::PerRequest(Duration::from_secs(20)))
        .deployment(Deployment::failed(ORIGINAL))
        .retries_to(Life::fails_in("build"))
        .fault(When::next(Route::Logs).at_end().forever(), Fault::Stall);
    let fake = Fake::start(api);
    let step = Step::new(&fake)
        .with("max_attempts", "2")
        .with("retry_when", "any");
    let done = canceled(&step, "-TERM", |log| {
        log.contains("✗ build failed") && wait_for(|| fake.count(Route::Logs) != 0)
    });
    assert_eq!(done.code, 1, "{}", done.log);
    assert_eq!(done.outputs["status"], "failure");
    assert_eq!(fake.made().len(), 1);
}

#[test]
fn a_step_is_canceled_at_once_whatever_it_waits_for() {
    let refused = Reply::error(503, 1, "Service unavailable");
    let limited = Reply::rate_limited().retry_after(300);
    let cases: [(Fault, &str); 3] = [
        (Fault::Stall, "New deployment"),
        (refused.into(), "retrying in"),
        (limited.into(), "retrying in"),
    ];
    for (fault, cue) in cases {
        let fake = endless();
        fake.add(When::next(Route::Get).after_post().forever(), fault);
        let step = Step::new(&fake);
        let done = canceled(&step, "-TERM", |log| {
            log.contains(cue) && wait_for(|| 1 < fake.count(Route::Get))
        });
        let line = "Interrupted; deployment 9a8b7c6d continues at Cloudflare: ";
        assert!(done.log.contains(line), "{}", done.log);
        assert_eq!(done.code, 143);
        assert_eq!(done.outputs["status"], "interrupted");
    }
}

#[test]
fn a_second_signal_ends_a_step_that_cannot_write_its_outputs() {
    let fake = endless();
    let step = Step::new(&fake);
    // Nothing reads this pipe, so the first signal cannot end the step.
    let pipe = step.folder().join("outputs.env");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let step = step.with("output_file", pipe.to_str().unwrap());
    let mut child = step.command().spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut log = String::new();
    while !log.contains("New deployment") {
        assert_ne!(stdout.read_line(&mut log).unwrap(), 0, "{log}");
    }
    let sent = Instant::now();
    let mut signals = 0;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(sent.elapsed() < Duration::from_secs(1), "{signals} signals");
        let kill = Command::new("kill")
            .arg("-INT")
            .arg(child.id().to_string())
            .status();
        signals += i32::from(kill.unwrap().success());
        std::thread::park_timeout(Duration::from_millis(20));
    };
    // The file cannot be written, whatever else happened.
    assert_eq!(status.code(), Some(2));
    assert!(2 <= signals);
    stdout.read_to_string(&mut log).unwrap();
    assert!(log.contains("Interrupted; deployment 9a8b7c6d continues at Cloudflare: "));
    assert!(log.contains("nobody reads it\n"), "{log}");
}

/// Waits until another process has fulfilled the condition.
pub(crate) fn wait_for(is_so: impl Fn() -> bool) -> bool {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(10));
        std::thread::yield_now();
    }
    true
}
