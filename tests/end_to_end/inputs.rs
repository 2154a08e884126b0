//! Bad input, as a user sees it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use crate::step::Step;
use test_support::fake::{Api, Fake};

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
fn an_argument_is_refused_in_one_line() {
    let step = Step::bare();
    let done = step.done(step.command().arg("--verbose").output().unwrap());
    let line = "Error: there are no arguments but `--help` and `--version`: `--verbose`; inputs come from variables, as --help says\n";
    done.is(line, 2, "status=error");
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
