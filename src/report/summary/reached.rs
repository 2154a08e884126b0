//! The reachability check in the summary: a row of the stages' table, a bar of
//! the picture, and the addresses that were not reached.

use std::fmt::Write as _;

use crate::cloudflare::deployment::Deployment;
use crate::report::addresses::address_lines;
use crate::report::summary::escaper::Escaper;
use crate::run::outcome::RunResult;
use crate::run::reachability::{Reachability, Verdict};
use crate::run::wording::format_duration;

/// A row of the stages' table.
pub(super) fn row(reachability: &Reachability) -> [String; 4] {
    let result = match reachability.verdict() {
        Verdict::Reachable => "✓",
        Verdict::Unknown => "» unknown",
        Verdict::Unreachable => "✗ failed",
    };
    let took = format_duration(reachability.took);
    ["reachable", result, &took, ""].map(str::to_owned)
}

/// A bar that begins where the last stage of `deployment` ended, if that is
/// known: the check has a clock of its own.
pub(super) fn task(deployment: &Deployment, reachability: &Reachability) -> Option<String> {
    let tag = match reachability.verdict() {
        Verdict::Reachable => "",
        Verdict::Unknown => "done, ",
        Verdict::Unreachable => "crit, ",
    };
    let stages = deployment.stages_by_latest();
    let start = stages.iter().filter_map(|it| it.ended_on).max()?;
    let start = start.timestamp_millis();
    let took = i64::try_from(reachability.took.as_millis()).ok()?;
    let end = start.checked_add(took)?;
    // A name cannot hold the sign of `<1s`.
    let took = format_duration(reachability.took).replace('<', "under ");
    Some(format!("    reachable {took} : {tag}{start}, {end}\n"))
}

/// A list of the addresses, if one of them was not reached.
pub(super) fn addresses(result: &RunResult, escaper: &Escaper) -> String {
    let lines = address_lines(result);
    let (shown, more) = escaper.first(&lines);
    let mut text = String::new();
    for line in shown {
        let _ = writeln!(text, "- {}", escaper.prose(line));
    }
    if 0 < more {
        let _ = writeln!(text, "- and {more} more");
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}
