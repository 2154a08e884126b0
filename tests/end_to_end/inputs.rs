//! Bad input, as a user sees it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use crate::fake::{Api, Fake};
use crate::step::Step;

#[test]
fn all_bad_inputs_are_told_at_once() {
    let done = Step::bare()
        .with("account_id", "../x")
        .with("project_name", "Site")
        .with("api_token", "se\ncret")
        .with("timeout", "-5")
        .with("wait", "yes")
        .with("fail_on", "failed")
        .with("api_base_url", "http://api.example.com")
        .run();
    done.is(
        "Error: input `account_id` is not an id: `../x`; only letters, digits, `-` and `_` can be in it; \
input `project_name` is not the name of a Pages project: `Site`; only `a` to `z`, digits and `-` can be in it; \
input `deployment_id` is missing: set it; \
input `api_token` holds a line break; paste the bare value, on one line; \
input `api_base_url` must begin with https, except on a loopback address; use `https://api.cloudflare.com/client/v4`; \
input `fail_on` is not known: `failed`; use one of `failure`, `canceled`, `skipped`, `deleted`, `timed_out`, separated by commas, or `none` alone; \
input `timeout` is not a duration: `-5`; use `90s`, `45m`, `1h30m`, or seconds; \
input `wait` is not a boolean: `yes`; use `true` or `false`\n",
        2,
        "status=error",
    );
}

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
    assert_eq!(done.code, 2);
    assert_eq!(done.log.lines().count(), 1);
}

#[test]
fn a_summary_that_is_not_wanted_is_not_written_for_bad_input_either() {
    for (wanted, is_there) in [("true", true), ("false", false)] {
        let step = Step::bare().on_github().with("summary", wanted);
        assert_eq!(step.run().code, 2);
        assert_eq!(step.summary().is_some(), is_there);
    }
}
