//! Bad input, as a user sees it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use crate::step::{ORIGINAL, Step};
use test_support::fake::{Api, Deployment, Fake, PROJECT};

#[test]
fn a_variable_that_is_not_unicode_is_named() {
    let fake = Fake::start(Api::new());
    let step = Step::new(&fake);
    let mut command = step.command();
    command.env("INPUT_BRANCH", OsStr::from_bytes(b"ma\xffin"));
    let done = step.done(command.output().unwrap());
    assert_eq!(
        done.log,
        "Error: input `branch`: the variable `INPUT_BRANCH` is not UTF-8: give it as plain text\n"
    );
    assert_eq!(done.code, 2);
}

#[test]
fn an_unknown_input_gets_the_nearest_name() {
    let done = Step::bare()
        .with("deploymentid", "x")
        .with("api_tokn", "x")
        .run();
    let warning =
        "warning: unknown input in the variable `INPUT_API_TOKN`; did you mean `api_token`?\n";
    assert!(done.log.contains(warning), "{}", done.log);
}

#[test]
fn flags_take_precedence_over_variables() {
    let fake = Fake::start(Api::new().deployment(Deployment::failed(ORIGINAL)));
    let step = Step::new(&fake)
        .with("project_name", "another")
        .with("deployment_id", "latest-failed")
        .with("timeout", "soon");
    let flags = ["--project-name", PROJECT, "--timeout=5m", "--dry-run"];
    let mut command = step.command();
    command.args(flags).arg(ORIGINAL);
    let done = step.done(command.output().unwrap());
    done.ends(0, "status=dry_run\nshort_id=4f1c2a9e");
}

#[test]
fn an_unknown_flag_is_bad_input_with_the_nearest_one() {
    let step = Step::bare();
    let mut command = step.command();
    command.args(["--projct-name", "site", "--verbose"]);
    let done = step.done(command.output().unwrap());
    let line = "Error: unknown flag `--projct-name`; did you mean `--project-name`?; unknown flag `--verbose`; `--help` lists all flags; ";
    assert!(done.log.starts_with(line), "{}", done.log);
    assert!(!done.log.contains("`project_name` is missing"));
    done.ends(2, "status=error");
}

#[test]
fn a_secret_is_no_flag_and_shown_nowhere() {
    let fake = Fake::start(Api::new());
    for form in ["--api-token=hush-hush-hush", "--api-tokn=hush-hush-hush"] {
        let step = Step::new(&fake)
            .with("deployment_id", "")
            .with("branch", "hush-hush-hush")
            .on_github();
        let mut command = step.command();
        // Also where another input has the same value.
        command.args([form, "https://hush-hush-hush.example"]);
        let done = step.done(command.output().unwrap());
        assert_eq!(done.code, 2, "{}", done.log);
        let mask = "::add-mask::hush-hush-hush";
        let is_shown = |it: &str| it.contains("hush-hush") && it != mask;
        assert!(!done.log.lines().any(is_shown), "{}", done.log);
        assert!(done.log.contains(mask), "{}", done.log);
        let summary = done.summary.unwrap();
        assert!(!summary.contains("hush-hush"), "{summary}");
        assert!(done.log.contains("--api-token"), "{}", done.log);
    }
}

#[test]
fn help_and_version_need_nothing_else() {
    let step = Step::bare();
    for (argument, expected) in [
        ("-h", "Usage: pages-retry [FLAGS] [DEPLOYMENT]\n"),
        (
            "-V",
            concat!("pages-retry ", env!("CARGO_PKG_VERSION"), "\n"),
        ),
    ] {
        let done = step.done(step.command().arg(argument).output().unwrap());
        assert!(done.log.contains(expected), "{}", done.log);
        assert_eq!(done.code, 0);
    }
}

#[test]
fn a_disabled_summary_is_not_written_for_bad_input_either() {
    for (wanted, is_there) in [("true", true), ("false", false)] {
        let step = Step::bare().on_github().with("summary", wanted);
        let done = step.run();
        assert_eq!(done.code, 2);
        assert_eq!(done.summary.is_some(), is_there);
    }
}
