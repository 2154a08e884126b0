//! The GitHub runner: the environment that it sets, and how it interprets the log, the
//! files and the exit code. Tests that need a container are in `tests/container`.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::step::{Done, ORIGINAL, Step};
use test_support::fake::{Api, Clock, Deployment, Fake, Life, Reply, Route, TOKEN, When};
use test_support::parsers::github::{self, Act, Annotation, Kind, files};
use test_support::parsers::hostile;

const ACTION: &str = include_str!("../../action.yml");

/// The runner only converts a name to uppercase and replaces spaces.
fn variable(input: &str) -> String {
    format!("INPUT_{}", input.replace(' ', "_").to_uppercase())
}

/// The inputs of `action.yml` with their defaults. An input without a default is set to
/// an empty string.
fn defaults() -> Vec<(String, String)> {
    let inputs = ACTION
        .lines()
        .skip_while(|it| *it != "inputs:")
        .take_while(|it| *it != "outputs:");
    let mut defaults: Vec<(String, String)> = Vec::new();
    for line in inputs.skip(1) {
        if let Some(value) = line.strip_prefix("    default: ") {
            value
                .trim_matches('"')
                .clone_into(&mut defaults.last_mut().unwrap().1);
        } else if let Some(name) = line.strip_suffix(':')
            && !name.starts_with("   ")
        {
            defaults.push((name.trim().to_owned(), String::new()));
        }
    }
    assert!(20 < defaults.len(), "{defaults:?}");
    defaults
}

/// A step of a workflow that sets only the required inputs.
fn step(fake: &Fake) -> Step {
    let given = Step::new(fake);
    let step = defaults().iter().fold(Step::bare(), |step, (name, value)| {
        step.var(&variable(name), value)
    });
    let step = given
        .vars()
        .iter()
        .fold(step, |step, (name, value)| step.var(name, value));
    let home = step.folder().to_str().unwrap().to_owned();
    step.on_github()
        .var("CI", "true")
        .var("HOME", &home)
        .var("GITHUB_WORKSPACE", &home)
        .var("RUNNER_OS", "Linux")
}

fn project(life: Life) -> Fake {
    Fake::start(
        Api::new()
            .clock(Clock::PerRequest(Duration::from_secs(20)))
            .deployment(Deployment::failed(ORIGINAL))
            .retries_to(life.with_a_tidy_queue()),
    )
}

fn log_of<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<(Duration, String)> {
    let at = Duration::from_secs(12);
    lines.into_iter().map(|it| (at, it.to_owned())).collect()
}

/// Reads the log of a step as the runner does, and asserts that it failed because of
/// its exit code and not because of its log.
#[track_caller]
fn failed(done: &Done) -> github::Log {
    let log = github::read(&done.log);
    assert_ne!(done.code, 0, "{}", done.log);
    assert!(!log.fails_step(), "{:?}", log.acts);
    log
}

fn errors(log: &github::Log) -> Vec<&Annotation> {
    let errors = log.annotations.iter();
    errors.filter(|it| it.kind == Kind::Error).collect()
}

#[test]
fn a_hostile_build_log_triggers_no_other_actions_of_the_runner() {
    let life = Life::fails_in("build").log(log_of(hostile::TABLE.iter().map(|it| it.text)));
    let fake = project(life);
    let step = step(&fake).with("logs", "always");
    let log = failed(&step.run());
    assert_eq!(log.acts[0], Act::AddMask(TOKEN.to_owned()));
    let kinds = log.acts.iter().map(|act| {
        let act = format!("{act:?}");
        act.split('(').next().unwrap_or_default().to_owned()
    });
    let expected = [
        "AddMask",
        "Group",
        "StopCommands",
        "ResumeCommands",
        "EndGroup",
        "Annotate",
    ];
    assert_eq!(kinds.collect::<Vec<_>>(), expected, "{:?}", log.acts);
    assert_eq!(errors(&log).len(), 1);
    assert!(!log.shown.iter().any(|it| it.contains(TOKEN)));
}

#[test]
fn long_text_is_truncated_before_the_runner_truncates_it() {
    let endless = format!("error: {}", "long ".repeat(20_000));
    let built = project(Life::fails_in("build").log(log_of([endless.as_str()])));
    let refused = project(Life::success());
    let reply = Reply::error(403, 10000, &endless);
    refused.add(When::next(Route::Retry), reply);
    for fake in [built, refused] {
        let step = step(&fake);
        let log = failed(&step.run());
        let [error] = errors(&log)[..] else {
            panic!("{:?}", log.annotations);
        };
        let length = error.message.chars().count();
        assert!(length < 4096, "{length}");
        assert!(files::summary(&step.summary().unwrap()).unwrap().is_some());
    }
}

#[test]
fn a_build_log_of_megabytes_leaves_the_summary_readable() {
    let text = "x".repeat(400);
    let life = Life::fails_in("build").log(log_of(std::iter::repeat_n(text.as_str(), 5_000)));
    let fake = project(life);
    let step = step(&fake).with("logs", "always");
    failed(&step.run());
    let summary = step.summary().unwrap();
    let shown = files::summary(&summary).unwrap().unwrap();
    assert!(shown.starts_with("### ❌ Deployment 9a8b7c6d failed"));
}

#[test]
fn many_warnings_do_not_crowd_out_the_error_annotation() {
    let fake = project(Life::fails_in("build"));
    let numbers = 10..30;
    let step = numbers.clone().fold(step(&fake), |step, number| {
        step.with(&format!("unknown_{number}"), "x")
    });
    let log = failed(&step.run());
    assert_eq!(errors(&log).len(), 1);
    for number in numbers {
        let name = format!("INPUT_UNKNOWN_{number}");
        assert!(log.shown.iter().any(|it| it.contains(&name)), "{name}");
    }
    let warnings = log
        .acts
        .iter()
        .filter(|act| matches!(act, Act::Annotate(it) if it.kind == Kind::Warning));
    assert!(warnings.count() <= 10);
}

#[test]
fn hyphens_in_the_names_of_a_workflow_make_no_difference() {
    let fake = project(Life::success());
    let with_hyphens =
        |step: Step, (name, value): (&String, &String)| match name.strip_prefix("INPUT_") {
            Some(input) => step.var(&variable(&input.to_lowercase().replace('_', "-")), value),
            None => step.var(name, value),
        };
    let with_underscores = step(&fake);
    let step = with_underscores
        .vars()
        .iter()
        .fold(Step::bare(), with_hyphens);
    assert!(step.vars().contains_key("INPUT_API-TOKEN"));
    let done = step.with("output_file", "").on_github().run();
    assert_eq!(done.code, 0, "{}", done.log);
    assert_eq!(done.outputs["status"], "success");
    assert_eq!(github::read(&done.log).annotations, []);
}

/// Runners in Kubernetes execute a script in the container, and the program replaces
/// the shell.
#[test]
fn the_script_of_a_pod_passes_inputs_and_outputs() {
    let fake = project(Life::success());
    let step = step(&fake).var("INPUT_LOG-FORMAT", "plain");
    let script = step.folder().join("script");
    let vars = step.vars().iter();
    let vars: Vec<_> = vars
        .map(|(name, value)| format!("\"{name}={value}\""))
        .collect();
    let vars = vars.join(" ");
    let program = env!("CARGO_BIN_EXE_pages-retry");
    let folder = step.folder().display();
    let text = format!("set -e\ncd {folder}\nexec env {vars} {program}\n");
    fs::write(&script, text).unwrap();
    let mut shell = Command::new("sh");
    shell.arg("-e").arg(script).stdin(Stdio::null());
    let done = step.done(shell.output().unwrap());
    assert_eq!(done.code, 0, "{}", done.log);
    let beginning = format!("::add-mask::{TOKEN}\nRetrying deployment 4f1c2a9e of site");
    assert!(done.log.starts_with(&beginning), "{}", done.log);
    assert_eq!(done.outputs["short_id"], "9a8b7c6d");
}
