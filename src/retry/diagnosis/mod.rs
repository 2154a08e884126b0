//! Finds out why a deployment failed, and whether the cause is transient.
//!
//! Invariant: what is not known is not transient, and however long the log
//! is, only a bounded part of it is kept.

mod excerpt;
mod lines;
mod pattern;
mod prefix;
mod rules;

use std::collections::VecDeque;
use std::time::Duration;

use self::excerpt::excerpt;
use self::lines::Line;
pub use self::rules::Cause;
use self::rules::{ALL, PRIVATE_HOST, Rank, Rule, STEPS};
use crate::cloudflare::deployment::StageName;

/// Why a deployment failed, as far as its log shows.
#[derive(Debug)]
pub struct Diagnosis {
    /// Another attempt may succeed although nothing is changed.
    pub is_transient: bool,
    pub cause: Cause,
    /// One sentence of at most 120 characters.
    pub reason: &'static str,
    /// Log lines without their colors, the one to point at first.
    pub excerpt: Vec<String>,
    /// What a person can do about it.
    pub advice: Option<&'static str>,
}

impl Diagnosis {
    /// Whether another attempt makes sense with nothing changed. `previous` is
    /// the reason of the failure right before this one, and `usual` what the
    /// build of this project usually takes.
    ///
    /// An internal error of Cloudflare that follows itself does not pass, and
    /// a build that always comes near the time limit did not hang.
    pub fn justifies_retry(&self, previous: Option<&str>, usual: Option<Duration>) -> bool {
        let is_repeated = previous == Some(self.reason);
        match self.cause {
            Cause::Permanent => false,
            Cause::Transient => true,
            Cause::InternalError => !is_repeated,
            Cause::TimeLimit => !is_repeated && usual.is_some_and(|it| it < TIME_LIMIT / 3),
        }
    }
}

/// After this time Cloudflare Pages ends a build (its documented limits).
const TIME_LIMIT: Duration = Duration::from_mins(20);

/// Judges a failure in `stage`; `None` is a log that could not be read.
pub fn diagnose(stage: &StageName, log: Option<&Clues>) -> Diagnosis {
    let Some(clues) = log else {
        return Diagnosis {
            is_transient: false,
            cause: Cause::Permanent,
            reason: "the build log could not be read",
            excerpt: Vec::new(),
            advice: None,
        };
    };
    let all = clues.lines();
    let lines = since_the_last_step(&all);
    let says_nothing =
        |it: &Line| it.holds(&["^failed: error occurred while running build command"]);
    if lines.iter().all(says_nothing) {
        return unexplained(stage, &[]);
    }
    if let Some((rule, met_by)) = decisive(lines) {
        return Diagnosis {
            is_transient: matches!(rule.cause, Cause::Transient | Cause::InternalError),
            cause: rule.cause,
            reason: rule.reason,
            excerpt: excerpt(&met_by, rule.rank, lines),
            advice: Some(rule.advice),
        };
    }
    unexplained(stage, lines)
}

/// What can be said of a log that meets no rule.
fn unexplained(stage: &StageName, lines: &[Line]) -> Diagnosis {
    let is_silent = lines.is_empty();
    let is_early = match stage {
        StageName::Queued | StageName::Initialize | StageName::CloneRepo => true,
        StageName::Build | StageName::Deploy | StageName::Other(_) => false,
    };
    let (cause, reason, advice) = match (is_silent, is_early, stage) {
        (true, _, StageName::Build) => (
            Cause::Transient,
            "the build died without any output",
            "run it again later; if it recurs, look at https://www.cloudflarestatus.com and run the build command locally",
        ),
        // A broken Git connection ends a deployment before it logs anything.
        (true, true, _) => (
            Cause::Permanent,
            "it failed before the build, and the log does not say why",
            "check the Git connection in the project's build settings, and that Cloudflare's app may access the repository",
        ),
        _ => (
            Cause::Permanent,
            "the log does not show a known cause",
            "run the build command locally with the same versions of the tools, and correct what the last lines of the log name",
        ),
    };
    Diagnosis {
        is_transient: cause == Cause::Transient,
        cause,
        reason,
        excerpt: excerpt(&[], Rank::Wrapper, lines),
        advice: Some(advice),
    }
}

/// The rule that decides, and the lines that meet it, the best first.
fn decisive(lines: &[Line]) -> Option<(&'static Rule, Vec<usize>)> {
    let found = best_rule(lines);
    if found
        .as_ref()
        .is_some_and(|(rule, _)| rule.rank < Rank::Symptom)
    {
        return found;
    }
    at_private_host(lines).or(found)
}

fn best_rule(lines: &[Line]) -> Option<(&'static Rule, Vec<usize>)> {
    let mut best: Option<(&Rule, Vec<usize>)> = None;
    for rule in ALL.iter().copied().flatten() {
        if best.as_ref().is_some_and(|(it, _)| it.rank <= rule.rank) {
            continue;
        }
        let met_by = met_by(rule, lines);
        if !met_by.is_empty() {
            best = Some((rule, met_by));
        }
    }
    best
}

/// The numbers of the lines that meet a rule, in the order of its patterns.
fn met_by(rule: &Rule, lines: &[Line]) -> Vec<usize> {
    let mut met: Vec<usize> = Vec::new();
    for pattern in rule.patterns {
        let (pattern, takes_warnings) = match pattern.strip_prefix('?') {
            Some(pattern) => (pattern, true),
            None => (*pattern, false),
        };
        for (number, line) in lines.iter().enumerate() {
            let is_counted = takes_warnings || !line.is_warning;
            if is_counted
                && !line.is_code_frame
                && !met.contains(&number)
                && line.matches(pattern)
                && !(rule.cause == Cause::Transient && names_private_host(&line.searched))
            {
                met.push(number);
            }
        }
    }
    let any = |patterns: &[&str]| lines.iter().any(|it| it.holds(patterns));
    let is_backed = rule.with.is_empty() || met.is_empty() || any(rule.with);
    if !is_backed || !met.is_empty() && any(rule.without) {
        met.clear();
    }
    met
}

/// The line of a failure that would be transient if it did not name a private
/// host.
fn at_private_host(lines: &[Line]) -> Option<(&'static Rule, Vec<usize>)> {
    let would_be_met = |line: &Line| {
        let mut rules = ALL.iter().copied().flatten();
        rules.any(|it| it.cause == Cause::Transient && line.holds(it.patterns))
    };
    let is_one =
        |it: &&Line| !it.is_warning && names_private_host(&it.searched) && would_be_met(it);
    let number = lines.iter().position(|it| is_one(&it))?;
    Some((&PRIVATE_HOST, vec![number]))
}

/// Whether a line names a host that only its owner reaches: what fails there
/// does not pass by itself.
fn names_private_host(line: &str) -> bool {
    const NAMES: &[&str] = &[
        "localhost",
        "127.0.0.1",
        "0.0.0.0",
        "[::1]",
        " ::1",
        "host.docker.internal",
    ];
    const NETWORKS: &[&str] = &[
        "10.", "192.168.", "169.254.", "172.16.", "172.17.", "172.18.", "172.19.", "172.20.",
    ];
    const SUFFIXES: &[&str] = &[
        ".internal",
        ".local",
        ".corp",
        ".lan",
        ".localdomain",
        ".intranet",
        ".intra",
    ];
    // `read tcp 10.0.0.2:43210->192.0.2.1:443` begins with our own address.
    let line = line.rsplit("->").next().unwrap_or(line);
    let is_end =
        |it: &str| it.starts_with(['/', ':', ' ', '\'', '"', ',', '.', ')', '`']) || it.is_empty();
    let holds_suffix = |suffix: &&str| {
        line.match_indices(*suffix).any(|(at, _)| {
            line[..at].ends_with(|c: char| c.is_ascii_alphanumeric())
                && is_end(&line[at + suffix.len()..])
        })
    };
    let holds_network = |network: &&str| {
        line.match_indices(*network).any(|(at, _)| {
            line[..at].ends_with([' ', '/', '(', '@', '"', '\'', '[']) && is_address(&line[at..])
        })
    };
    NAMES.iter().any(|it| line.contains(it))
        || SUFFIXES.iter().any(holds_suffix)
        || NETWORKS.iter().any(holds_network)
}

/// Whether a text begins with four numbers, so that it is no version.
fn is_address(text: &str) -> bool {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    text[..end].trim_end_matches('.').split('.').count() == 4
}

const SHOWN_LINES: usize = 50;
/// A cause stands near the end, but some tools print long traces after it.
const KEPT_LINES: usize = 500;
const LINE_BYTES: usize = 4096;

/// What a build log said last. It is fed line by line, in order.
#[derive(Debug, Default)]
pub struct Clues {
    last: VecDeque<String>,
}

impl Clues {
    pub fn saw(&mut self, line: &str) {
        if self.last.len() == KEPT_LINES {
            self.last.pop_front();
        }
        let line = &line[..line.floor_char_boundary(LINE_BYTES)];
        self.last.push_back(line.to_owned());
    }

    /// The last lines as they came, oldest first.
    pub fn tail(&self) -> impl Iterator<Item = &str> {
        let skipped = self.last.len().saturating_sub(SHOWN_LINES);
        self.last.iter().skip(skipped).map(String::as_str)
    }

    fn lines(&self) -> Vec<Line> {
        let lines = self.last.iter().map(|it| Line::new(it));
        lines.filter(|it| !it.is_blank()).collect()
    }
}

/// What was printed since the build system opened a step. What came before
/// did not end the build: it went on.
fn since_the_last_step(lines: &[Line]) -> &[Line] {
    let step = lines.iter().rposition(|it| it.holds(STEPS));
    step.map_or(lines, |step| &lines[step + 1..])
}

#[cfg(test)]
mod tests;
