//! Further attempts: which failures justify one, what is retried, and when to stop.

use std::time::Duration;

use crate::step::{ORIGINAL, Step};
use test_support::fake::{Api, Clock, Deployment, Fake, Life, Reply, Route, When, full_id};

const NETWORK: &str =
    "error: RPC failed; curl 56 GnuTLS recv error (-54): Error in the pull function.";

fn fails_with(stage: &str, line: &str) -> Life {
    let log = [(Duration::from_secs(6), line)];
    Life::fails_in(stage).log(log).with_a_tidy_queue()
}

/// A failed deployment whose retries follow the given lifecycles, one after another.
fn project<const N: usize>(lives: [Life; N], retries: usize) -> Api {
    let api = Api::new()
        .clock(Clock::PerRequest(Duration::from_secs(30)))
        .deployment(Deployment::failed(ORIGINAL))
        .expect(Route::Retry, retries);
    lives.into_iter().fold(api, Api::retries_to)
}

/// The lines of the log about the attempts, without stages and build log.
fn attempt_lines(log: &str) -> String {
    let starts = [
        "Retrying",
        "New",
        "Why",
        "Attempt",
        "warning",
        "Deployment",
        "Error",
    ];
    let lines = log
        .lines()
        .filter(|it| starts.iter().any(|start| it.starts_with(start)));
    lines.flat_map(|it| [it, "\n"]).collect()
}

const OF_SITE: &str = "of site (production, main, 3b2f9c1 Update index.html)";

#[test]
fn the_next_attempt_retries_the_deployment_that_failed_last() {
    let lives = [fails_with("clone_repo", NETWORK), Life::success()];
    let fake = Fake::start(project(lives, 2));
    let done = Step::new(&fake).with("max_attempts", "3").run();
    let expected = format!(
        "\
Retrying deployment 4f1c2a9e {OF_SITE}
New deployment 9a8b7c6d https://9a8b7c6d.site.pages.dev
Why: clone failed: network error from the Git host
Attempt 2 of 3 in 10s
Retrying deployment 9a8b7c6d {OF_SITE}
New deployment 9a8b7c6e https://9a8b7c6e.site.pages.dev
Deployment 9a8b7c6e succeeded: https://9a8b7c6e.site.pages.dev
"
    );
    assert_eq!(attempt_lines(&done.log), expected);
    assert_eq!(done.code, 0);
    assert_eq!(done.outputs["attempts"], "2");
    assert_eq!(done.outputs["short_id"], "9a8b7c6e");
    assert_eq!(done.outputs["original_id"], full_id(ORIGINAL));
}

#[test]
fn the_original_is_retried_if_the_api_rejects_the_newer_one() {
    let lives = [fails_with("clone_repo", NETWORK), Life::success()];
    let refused = Reply::error(400, 8_000_014, "This deployment cannot be retried");
    let api = project(lives, 3).fault(When::nth(Route::Retry, 2), refused);
    let fake = Fake::start(api);
    let done = Step::new(&fake).with("max_attempts", "2").run();
    assert_eq!(done.code, 0, "{}", done.log);
    let warning = "warning: deployment 9a8b7c6d cannot be retried (the Pages API answered 400: This deployment cannot be retried (code 8000014)); retrying 4f1c2a9e again\n";
    assert!(done.log.contains(warning), "{}", done.log);
    let retried: Vec<_> = fake
        .posts()
        .iter()
        .map(|it| it.request.path.clone())
        .collect();
    let of = |it: &String, id: &str| it.contains(&full_id(id));
    assert!(
        of(&retried[1], "9a8b7c6d") && of(&retried[2], ORIGINAL),
        "{retried:?}"
    );
    assert_eq!(done.outputs["attempts"], "2");
}

#[test]
fn a_permanent_failure_is_not_retried() {
    let lives = [fails_with("build", "npm error Missing script: \"build\"")];
    let fake = Fake::start(project(lives, 1));
    let done = Step::new(&fake).with("max_attempts", "3").run();
    assert_eq!(done.code, 1);
    assert_eq!(done.outputs["status"], "failure");
    assert_eq!(done.outputs["attempts"], "1");
    let why = "\nWhy: package.json has no script with that name\n";
    assert!(done.log.contains(why), "{}", done.log);
}

#[test]
fn any_failure_is_retried_if_requested() {
    let line = "Failed: error occurred while running build command";
    let lives = [fails_with("build", line), fails_with("build", line)];
    let fake = Fake::start(project(lives, 2));
    let step = Step::new(&fake).with("max_attempts", "2");
    let done = step.with("retry_when", "any").run();
    assert_eq!(done.code, 1, "{}", done.log);
    assert_eq!(done.outputs["attempts"], "2");
    assert_eq!(done.outputs["short_id"], "9a8b7c6e");
}

#[test]
fn no_attempt_starts_without_enough_time_left() {
    let lives = [fails_with("clone_repo", NETWORK)];
    let fake = Fake::start(project(lives, 1));
    // Even the pause before the next attempt would take longer.
    let step = Step::new(&fake).with("max_attempts", "2");
    let done = step.with("timeout", "9s").run();
    assert_eq!(done.code, 1, "{}", done.log);
    assert_eq!(done.outputs["status"], "failure");
    let warning = "warning: no further attempt: not enough time left before `timeout`\n";
    assert!(done.log.contains(warning), "{}", done.log);
}

#[test]
fn the_summary_shows_every_attempt() {
    let lives = [
        fails_with("clone_repo", NETWORK),
        fails_with("clone_repo", NETWORK),
    ];
    let fake = Fake::start(project(lives, 2));
    let step = Step::new(&fake).on_github().with("max_attempts", "2");
    let done = step.run();
    assert_eq!(done.code, 1);
    let summary = done.summary.unwrap();
    let headings: Vec<_> = summary
        .lines()
        .filter(|it| it.starts_with("#### A"))
        .collect();
    let ids = ["9a8b7c6d", "9a8b7c6e"];
    assert_eq!(headings.len(), ids.len(), "{summary}");
    for (heading, id) in headings.iter().zip(ids) {
        assert!(heading.contains(id), "{heading}");
    }
}
