//! `log_format: json`: standard output contains only JSON, whatever happens.

use std::time::Duration;

use serde_json::Value;

use crate::step::{Done, ORIGINAL, Step};
use test_support::fake::{Api, Clock, Deployment, Fake, Life, Reply, Route, When};
use test_support::parsers::{Reader, hostile};

fn project(life: Life) -> Api {
    Api::new()
        .clock(Clock::PerRequest(Duration::from_secs(20)))
        .deployment(Deployment::failed(ORIGINAL))
        .retries_to(life.with_a_tidy_queue())
}

/// Parses a log, and asserts that it ends with its only `finished` event.
#[track_caller]
fn objects(done: &Done) -> Vec<Value> {
    assert!(done.log.ends_with('\n'), "{}", done.log);
    let objects: Vec<Value> = done
        .log
        .lines()
        .map(|it| serde_json::from_str(it).unwrap_or_else(|error| panic!("{error}: {it}")))
        .collect();
    assert!(objects.iter().all(|it| it["schema"] == 1), "{}", done.log);
    let finished = objects.iter().filter(|it| it["event"] == "finished");
    assert_eq!(finished.count(), 1, "{}", done.log);
    let last = objects.last().unwrap();
    assert_eq!(last["event"], "finished");
    assert_eq!(last["status"], done.outputs["status"].as_str());
    assert_eq!(last["exit_code"], done.code);
    objects
}

#[test]
fn every_outcome_is_json_to_the_last_byte() {
    let lives = [
        ("success", Life::success()),
        ("failure", Life::fails_in("build")),
        ("canceled", Life::canceled_in("build")),
        ("skipped", Life::skipped_by_rule("path_config")),
        ("skipped", Life::superseded()),
        ("timed_out", Life::never_ends_in("build")),
    ];
    for (status, life) in lives {
        let fake = Fake::start(project(life));
        let step = Step::new(&fake).with("log_format", "json");
        let done = step.with("timeout", "4s").run();
        let objects = objects(&done);
        assert_eq!(done.outputs["status"], status, "{}", done.log);
        assert_eq!(objects[0]["event"], "retrying");
        assert_eq!(objects[1]["deployment"]["short_id"], "9a8b7c6d");
    }
}

#[test]
fn an_error_is_json_too() {
    let refused = Reply::error(403, 10_000, "Authentication error");
    let api = project(Life::success()).fault(When::next(Route::Get), refused);
    let fake = Fake::start(api);
    let done = Step::new(&fake).with("log_format", "json").run();
    let objects = objects(&done);
    let hint = objects.last().unwrap()["hint"].as_str().unwrap();
    assert!(hint.starts_with("check `api_token`"), "{hint}");
}

#[test]
fn bad_input_is_json_too() {
    let step = Step::bare()
        .with("log_format", "json")
        .with("tiemout", "5m");
    let done = step.run();
    let objects = objects(&done);
    assert_eq!(objects[0]["event"], "warning");
    assert_eq!(objects[1]["outputs"]["status"], "error");
    assert_eq!(done.code, 2);
}

#[test]
fn a_host_that_reads_outputs_from_the_log_gets_a_warning_with_advice() {
    for (name, value) in [("TF_BUILD", "True"), ("TEAMCITY_VERSION", "2026.1")] {
        let fake = Fake::start(project(Life::success()));
        let step = Step::new(&fake).with("log_format", "json").var(name, value);
        let done = step.run();
        let objects = objects(&done);
        let warning = &objects[objects.len() - 2];
        assert_eq!(warning["event"], "warning");
        let message = "failed to write the outputs to the log: this `log_format` has no room for the host's commands; use `output_file`";
        assert_eq!(warning["message"], message);
    }
}

#[test]
fn no_reader_executes_commands_in_the_json_log() {
    let lines = hostile::TABLE.iter();
    let log = lines.map(|it| (Duration::from_secs(12), it.text));
    let fake = Fake::start(project(Life::fails_in("build").log(log)));
    let step = Step::new(&fake).with("log_format", "json");
    let done = step.with("logs", "always").on_github().run();
    let objects = objects(&done);
    let shown = objects.iter().filter(|it| it["event"] == "build_log");
    assert!(hostile::TABLE.len() <= shown.count());
    for reader in Reader::ALL {
        assert_eq!(reader.acts(&done.log), Vec::<String>::new(), "{reader:?}");
    }
}
