//! Selects the lines of a build log that show why it failed.
//!
//! Invariant: the lines of the log as they are, the one to point at first,
//! each once and at most [`MAX_LINES`].
//!
//! In this order: the lines that met the rule, unless it only says that
//! something failed; those that a header line speaks of; those that name an
//! error; header lines; boilerplate. Without any of them, the last lines.

use super::lines::Line;
use super::rules::Rank;

pub(super) const MAX_LINES: usize = 5;

/// How far behind a header line its cause may stand.
const NEAR: usize = 6;
/// How many last lines are shown if none names an error.
const LAST_LINES: usize = 3;

/// The lines to show, given the numbers of those that met the rule (the best
/// first), the rule's rank and all lines of the step.
pub(super) fn excerpt(met_by: &[usize], rank: Rank, lines: &[Line]) -> Vec<String> {
    let place = if rank == Rank::Wrapper {
        Place::Frame
    } else {
        Place::Met
    };
    let met = met_by.iter().map(|it| (place, &lines[*it]));
    let explained = (0..lines.len()).filter_map(|it| explained(&lines[it..]));
    let errors = lines.iter().filter(|it| names_error(it));
    let mut chosen: Vec<(Place, &Line)> = met.collect();
    chosen.extend(explained.map(|it| (Place::Explained, it)));
    chosen.extend(errors.map(|it| (Place::Error, it)));
    for (place, line) in &mut chosen {
        // The line of the last resort is boilerplate after any other failure.
        if rank == Rank::LastResort && *place == Place::Met {
            continue;
        }
        if is_boilerplate(line) {
            *place = Place::Frame;
        } else if is_header(line) {
            *place = Place::Header;
        }
    }
    if rank == Rank::Wrapper && chosen.iter().all(|(place, _)| *place >= Place::Header) {
        let said = lines
            .iter()
            .rev()
            .filter(|it| !is_boilerplate(it) && !is_header(it));
        let mut last: Vec<_> = said.take(LAST_LINES).map(|it| (Place::Error, it)).collect();
        last.reverse();
        chosen.extend(last);
    }
    if chosen.is_empty() {
        chosen.extend(lines.last().map(|it| (Place::Frame, it)));
    }
    chosen.sort_by_key(|(place, _)| *place);
    let mut texts: Vec<String> = Vec::new();
    for (_, line) in chosen {
        if texts.len() < MAX_LINES && !texts.contains(&line.text) {
            texts.push(line.text.clone());
        }
    }
    texts
}

/// Where a line stands among those that are shown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// The rule is about this line.
    Met,
    /// A header line announces it.
    Explained,
    /// It names an error.
    Error,
    Header,
    /// Boilerplate, and what only says that something failed.
    Frame,
}

/// What the first line announces, if it is a header: the next one that says
/// something. A place in a file alone (`./src/main.ts:3:7`) has no space.
fn explained(lines: &[Line]) -> Option<&Line> {
    let (first, rest) = lines.split_first()?;
    if !is_header(first) {
        return None;
    }
    let says_something = |it: &&Line| {
        it.text.contains(' ') && !is_boilerplate(it) && !is_header(it) && !it.is_warning
    };
    rest.iter().take(NEAR).find(says_something)
}

fn names_error(line: &Line) -> bool {
    !line.is_warning && line.holds(ERRORS) && !is_boilerplate(line)
}

fn is_header(line: &Line) -> bool {
    line.holds(HEADERS) || line.holds(ERRORS) && line.text.ends_with(':')
}

fn is_boilerplate(line: &Line) -> bool {
    line.is_code_frame || line.holds(BOILERPLATE)
}

/// Lines that say no more than that the cause comes next. Others are those
/// that name an error and end with a colon.
const HEADERS: &[&str] = &[
    "build failed in ",
    "^build failed.$",
    "^build failed with * error",
    "^build failed because of webpack errors",
    "build error occurred",
    "compiled with errors",
    "^[eslint]$",
    "^failed to compile.$",
    "problem writing eleventy templates:$",
    "^error in ./",
    "^error occurred prerendering page",
    "^error: turbopack build failed",
    "^traceback (most recent call last)",
    "^error: exception:$",
    "^caused by:$",
];

/// How a line starts, or what it holds, when it names an error.
const ERRORS: &[&str] = &[
    "^error",
    "^fatal",
    "^failed",
    "^npm err!",
    "^npm error",
    "^[error]",
    "error:",
    "error(",
    "[error]",
    "[fail",
    "err_pnpm_",
    "exception",
    " error ts",
    "cannot find ",
    "could not ",
    "couldn't ",
    "not found",
    "panicked at",
    "unexpected ",
    "is not defined",
    "^caused by",
];

/// Lines that look like errors but explain nothing.
const BOILERPLATE: &[&str] = &[
    "^at ",
    "^from /",
    "^file \"",
    "^npm err!$",
    "^npm error$",
    "^npm err! code",
    "^npm error code",
    "^npm err! errno",
    "^npm error errno",
    "^npm err! path",
    "^npm error path",
    "^npm error command",
    "^npm err! command",
    "^npm error lifecycle",
    "^npm err! exit status",
    "^npm err! argv",
    "^npm err! node v",
    "^npm err! npm ",
    "^npm err! linux",
    "^npm err! failed at the",
    "^npm err! this is probably not",
    "^npm err! a complete log",
    "^npm error a complete log",
    "^npm error in workspace",
    "^npm error location",
    "^npm error workspace",
    "elifecycle",
    "command failed with exit code",
    "command failed with exit code",
    "build command exited with",
    "exited with error code",
    "exit with error code",
    "^error: exit with",
    "^error: command \"",
    "^error: process completed with",
    "process exited with code",
    "failed: error occurred while",
    "failed: build command exited",
    "upload process exited",
    "^failed: an internal error",
    "check the logs above",
    "failed building pages functions",
    "errors logged to",
    "logs were written to",
    "a complete log of this run",
    "collects anonymous telemetry",
    "if you think this is a bug",
    "if this continues",
    "^code: '",
    "^}",
    "^{",
    "returned a non-zero code",
    "err_pnpm_recursive_run_first_fail",
    "^node.js v",
    "^for more information",
    "^info visit ",
    "exited with code",
    "exited (1)",
];
