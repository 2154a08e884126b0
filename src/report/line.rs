//! Every word a person reads in the log, from events. Each reporter wraps the
//! same lines.
//!
//! External text is sanitized piece by piece here; the writer sanitizes the whole
//! line once more.

use std::time::Duration;

use crate::report::addresses;
use crate::run::event::{Event, StageEnd};
use crate::run::outcome::{Outcome, Phase, RunResult};
use crate::run::wording::{describe, format_duration};
use crate::text::inline;

/// One line, its symbol apart so that it alone is colored.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    pub symbol: Option<Symbol>,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symbol {
    Started,
    Success,
    Failure,
    Canceled,
    Running,
    Skipped,
}

impl Symbol {
    pub fn char(self) -> char {
        match self {
            Self::Started => '•',
            Self::Success => '✓',
            Self::Failure => '✗',
            Self::Canceled => '⊘',
            Self::Running => '…',
            Self::Skipped => '»',
        }
    }
}

/// The line of an event; `None` where it is no line of its own: log lines,
/// annotations, debugging.
pub fn line(event: &Event) -> Option<Line> {
    let plain = |text: String| Some(Line { symbol: None, text });
    let with = |symbol, text| {
        Some(Line {
            symbol: Some(symbol),
            text,
        })
    };
    match event {
        Event::Retrying { original } => plain(format!("Retrying {}", describe(original))),
        Event::Awaiting { target, .. } => plain(format!(
            "Waiting for the end of {}, which is in progress",
            describe(target)
        )),
        Event::Triggered { deployment, .. } => plain(format!(
            "New deployment {} {}",
            inline(deployment.short_id()),
            inline(&deployment.url)
        )),
        Event::StageStarted { name, usually } => {
            let usually = usually.map(|it| format!(" (usually {})", format_duration(it)));
            let name = inline(&name.to_string());
            with(
                Symbol::Started,
                format!("{name}{}", usually.unwrap_or_default()),
            )
        }
        Event::StageFinished { name, end, took } => {
            let (name, took) = (inline(&name.to_string()), format_duration(*took));
            match end {
                StageEnd::Success => with(Symbol::Success, format!("{name} in {took}")),
                StageEnd::Failure => with(Symbol::Failure, format!("{name} failed after {took}")),
                StageEnd::Canceled => {
                    with(Symbol::Canceled, format!("{name} canceled after {took}"))
                }
                StageEnd::Unknown => with(Symbol::Skipped, format!("{name} unknown after {took}")),
            }
        }
        Event::StillRunning { what, elapsed } => with(
            Symbol::Running,
            format!(
                "{} still running after {}",
                inline(what),
                format_duration(*elapsed)
            ),
        ),
        Event::Skipped { reason } => with(Symbol::Skipped, format!("skipped: {}", inline(reason))),
        Event::RequestFailed {
            reason,
            again_in,
            is_first: false,
        } => plain(request_failed(reason, *again_in)),
        Event::Diagnosed { reason } => plain(format!("Why: {}", inline(reason))),
        Event::AttemptScheduled {
            attempt,
            max_attempts,
            pause,
        } => plain(format!(
            "Attempt {attempt} of {max_attempts} in {}",
            format_duration(*pause)
        )),
        Event::Finished(ending) => plain(last_line(ending)),
        Event::RequestFailed { is_first: true, .. }
        | Event::Warned { .. }
        | Event::Noticed { .. }
        | Event::LogRead { .. }
        | Event::Requested(_) => None,
    }
}

pub fn request_failed(reason: &str, again_in: Duration) -> String {
    format!(
        "{}; retrying in {}",
        inline(reason),
        format_duration(again_in)
    )
}

/// The last line of a run.
pub fn last_line(ending: &RunResult) -> String {
    let deployment = ending.deployment();
    let id = deployment.map_or_else(String::new, |it| inline(it.short_id()));
    let url = deployment.map_or_else(String::new, |it| inline(&it.url));
    let dashboard = inline(&ending.dashboard_url());
    match &ending.outcome {
        Outcome::Deployed => format!("Deployment {id} succeeded: {url}"),
        Outcome::Triggered => format!("Triggered {id} {url}"),
        Outcome::NothingToRetry { what } => format!("Nothing to retry: {}", inline(what)),
        Outcome::DryRun => "Dry run: nothing was triggered".to_owned(),
        Outcome::Failed { stage } => {
            let why = ending.why_not_retried();
            let why = why.map(|it| format!("; not retried: {}", inline(it)));
            format!(
                "Deployment {id} failed in stage {}{}",
                inline(&stage.to_string()),
                why.unwrap_or_default()
            )
        }
        Outcome::Canceled { stage } => format!(
            "Deployment {id} was canceled in stage {}",
            inline(&stage.to_string())
        ),
        Outcome::Skipped {
            reason,
            superseded_by,
        } => {
            let by = superseded_by
                .as_ref()
                .map(|(id, url)| format!("; superseded by {} {}", inline(id), inline(url)));
            let by = by.unwrap_or_default();
            format!("Deployment {id} was skipped: {}{by}", inline(reason))
        }
        Outcome::Deleted => format!("Deployment {id} was deleted"),
        Outcome::Unreachable {
            url,
            problem,
            after,
        } => format!(
            "Deployment {id} succeeded, but {} {problem} after {}",
            inline(url),
            format_duration(*after)
        ),
        Outcome::Refused { why } => format!("Refused: {}", inline(why)),
        Outcome::TimedOut { phase, after } => {
            let after = format_duration(*after);
            match phase {
                Phase::Connecting => format!(
                    "Timed out after {after}: the Pages API never responded; nothing was triggered"
                ),
                Phase::Preparing => format!("Timed out after {after}; nothing was triggered"),
                Phase::Posting => format!(
                    "Timed out after {after} during the POST; a deployment may have been created: {dashboard}"
                ),
                Phase::Watching { stage } => {
                    let stage = stage
                        .as_ref()
                        .map_or_else(|| "queued".to_owned(), |it| inline(&it.to_string()));
                    format!(
                        "Deployment {id} still in stage {stage} after {after}; it continues at Cloudflare: {dashboard}"
                    )
                }
                Phase::Checking => format!(
                    "Timed out after {after} during the check; deployment {id} has succeeded: {url}"
                ),
            }
        }
        Outcome::Interrupted { phase, .. } => match phase {
            Phase::Connecting | Phase::Preparing => {
                "Interrupted; nothing continues at Cloudflare".to_owned()
            }
            Phase::Posting => {
                format!(
                    "Interrupted during the POST; a deployment may have been created: {dashboard}"
                )
            }
            Phase::Watching { .. } => {
                format!("Interrupted; deployment {id} continues at Cloudflare: {dashboard}")
            }
            Phase::Checking => {
                format!("Interrupted during the check; deployment {id} has succeeded: {url}")
            }
        },
        Outcome::ApiError { what, .. } => format!("Error: {}", inline(what)),
        Outcome::UsageError { problems } => {
            let problems: Vec<_> = problems.iter().map(|it| inline(it)).collect();
            format!("Error: {}", problems.join("; "))
        }
    }
}

/// What a user can do next, for the outcomes where something can be done.
pub fn advice(ending: &RunResult) -> Option<String> {
    let dashboard = || format!("look at {}", inline(&ending.dashboard_url()));
    match &ending.outcome {
        Outcome::Failed { .. } => {
            let (_, advice, _) = ending.explanation();
            Some(advice.map_or_else(dashboard, str::to_owned))
        }
        Outcome::Canceled { .. } | Outcome::Deleted => Some(dashboard()),
        Outcome::Skipped { superseded_by, .. } => Some(match superseded_by {
            Some(_) => "a newer deployment took its place; nothing needs to be done".to_owned(),
            None => {
                "check the build watch paths, the branch rules and the commit message".to_owned()
            }
        }),
        Outcome::TimedOut {
            phase: Phase::Connecting,
            ..
        } => Some("check the network, `HTTPS_PROXY` and `api_base_url`".to_owned()),
        Outcome::TimedOut { .. } => Some("give `timeout` more time".to_owned()),
        Outcome::Unreachable { url, problem, .. } => {
            Some(addresses::advice(*problem, url, &ending.dashboard_url()))
        }
        Outcome::ApiError { hint, .. } => hint.clone(),
        Outcome::Deployed
        | Outcome::Triggered
        | Outcome::NothingToRetry { .. }
        | Outcome::DryRun
        | Outcome::Refused { .. }
        | Outcome::UsageError { .. }
        | Outcome::Interrupted { .. } => None,
    }
}
