//! Every word a person reads in the log, from events. Each reporter wraps the
//! same lines.
//!
//! Text from outside is made one harmless piece here; the writer makes the
//! whole line harmless once more.

use std::time::Duration;

use crate::cloudflare::deployment::Deployment;
use crate::report::harmless::inline;
use crate::retry::event::{Event, StageEnd};
use crate::retry::outcome::{Doing, Ending, Outcome};
use crate::retry::watch::verdict;

/// One line, its symbol apart so that it alone is colored.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) symbol: Option<Symbol>,
    pub(crate) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Symbol {
    Started,
    Success,
    Failure,
    Canceled,
    Running,
    Skipped,
}

impl Symbol {
    pub(crate) fn char(self) -> char {
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
pub(crate) fn line(event: &Event) -> Option<Line> {
    let plain = |text: String| Some(Line { symbol: None, text });
    let with = |symbol, text| {
        Some(Line {
            symbol: Some(symbol),
            text,
        })
    };
    match event {
        Event::Retrying { original } => plain(format!("Retrying {}", introduced(original))),
        Event::Awaiting { target, .. } => plain(format!(
            "Waiting for the end of {}, which is in progress",
            introduced(target)
        )),
        Event::Triggered { deployment, .. } => plain(format!(
            "New deployment {} {}",
            inline(deployment.short_id()),
            inline(&deployment.url)
        )),
        Event::StageStarted { name, usually } => {
            let usually = usually.map(|it| format!(" (usually {})", span(it)));
            let name = inline(&name.to_string());
            with(
                Symbol::Started,
                format!("{name}{}", usually.unwrap_or_default()),
            )
        }
        Event::StageFinished { name, end, took } => {
            let (name, took) = (inline(&name.to_string()), span(*took));
            match end {
                StageEnd::Success => with(Symbol::Success, format!("{name} in {took}")),
                StageEnd::Failure => with(Symbol::Failure, format!("{name} failed after {took}")),
                StageEnd::Canceled => {
                    with(Symbol::Canceled, format!("{name} canceled after {took}"))
                }
            }
        }
        Event::StillRunning { what, elapsed } => with(
            Symbol::Running,
            format!("{} still running after {}", inline(what), span(*elapsed)),
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
            span(*pause)
        )),
        Event::Finished(ending) => plain(last_line(ending)),
        Event::RequestFailed { is_first: true, .. }
        | Event::Warned { .. }
        | Event::Noticed { .. }
        | Event::LogRead { .. }
        | Event::Requested(_) => None,
    }
}

pub(crate) fn request_failed(reason: &str, again_in: Duration) -> String {
    format!("{}; asking again in {}", inline(reason), span(again_in))
}

/// The last line of a run.
pub(crate) fn last_line(ending: &Ending) -> String {
    let deployment = ending.deployment();
    let id = deployment.map_or_else(String::new, |it| inline(it.short_id()));
    let url = deployment.map_or_else(String::new, |it| inline(&it.url));
    let dashboard = inline(&ending.dashboard_url());
    match &ending.outcome {
        Outcome::Deployed => format!("Deployment {id} succeeded: {url}"),
        Outcome::Triggered => format!("Triggered {id} {url}"),
        Outcome::NothingToRetry => match deployment.and_then(verdict) {
            Some(Outcome::Skipped { reason, .. }) => {
                format!("Nothing to retry: {id} was skipped: {}", inline(&reason))
            }
            Some(_) | None => format!("Nothing to retry: {id} succeeded"),
        },
        Outcome::DryRun => "Dry run: nothing was triggered".to_owned(),
        Outcome::Failed { stage } => {
            format!(
                "Deployment {id} failed in stage {}",
                inline(&stage.to_string())
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
        Outcome::Refused { why } => format!("Refused: {}", inline(why)),
        Outcome::TimedOut { doing, after } => {
            let after = span(*after);
            match doing {
                Doing::Preparing => format!("Timed out after {after}; nothing goes on"),
                Doing::Posting => format!(
                    "Timed out after {after} at the POST; a deployment may have been made: {dashboard}"
                ),
                Doing::Watching { stage } => {
                    let stage = stage
                        .as_ref()
                        .map_or_else(|| "queued".to_owned(), |it| inline(&it.to_string()));
                    format!(
                        "Deployment {id} still in stage {stage} after {after}; it goes on at Cloudflare: {dashboard}"
                    )
                }
            }
        }
        Outcome::Interrupted { doing, .. } => match doing {
            Doing::Preparing => "Interrupted; nothing goes on at Cloudflare".to_owned(),
            Doing::Posting => {
                format!("Interrupted at the POST; a deployment may have been made: {dashboard}")
            }
            Doing::Watching { .. } => {
                format!("Interrupted; deployment {id} goes on at Cloudflare: {dashboard}")
            }
        },
        Outcome::Unreachable { what, .. } => format!("Error: {}", inline(what)),
        Outcome::Unusable { problems } => {
            let problems: Vec<_> = problems.iter().map(|it| inline(it)).collect();
            format!("Error: {}", problems.join("; "))
        }
    }
}

/// What a user can do next, for the endings where something can be done.
pub(crate) fn advice(ending: &Ending) -> Option<String> {
    let dashboard = || format!("look at {}", inline(&ending.dashboard_url()));
    match &ending.outcome {
        Outcome::Failed { .. } => {
            let attempt = ending.attempts.last();
            let advice = attempt.and_then(|it| it.advice).map(str::to_owned);
            Some(advice.unwrap_or_else(dashboard))
        }
        Outcome::Canceled { .. } | Outcome::Deleted => Some(dashboard()),
        Outcome::Skipped { superseded_by, .. } => Some(match superseded_by {
            Some(_) => "a newer deployment took its place; nothing needs to be done".to_owned(),
            None => {
                "check the build watch paths, the branch rules and the commit message".to_owned()
            }
        }),
        Outcome::TimedOut { .. } => Some("give `timeout` more time".to_owned()),
        Outcome::Unreachable { hint, .. } => hint.clone(),
        Outcome::Deployed
        | Outcome::Triggered
        | Outcome::NothingToRetry
        | Outcome::DryRun
        | Outcome::Refused { .. }
        | Outcome::Unusable { .. }
        | Outcome::Interrupted { .. } => None,
    }
}

/// `deployment 4f1c2a9e of site (production, main, 3b2f9c1 Update index.html)`.
pub(crate) fn introduced(deployment: &Deployment) -> String {
    let metadata = &deployment.deployment_trigger.metadata;
    let hash = metadata
        .commit_hash
        .get(..7)
        .unwrap_or(&metadata.commit_hash);
    let commit = [inline(hash), inline(subject(deployment))];
    let commit: Vec<_> = commit.into_iter().filter(|it| !it.is_empty()).collect();
    let details = [
        inline(&deployment.environment),
        inline(deployment.branch()),
        commit.join(" "),
    ];
    let details: Vec<_> = details.into_iter().filter(|it| !it.is_empty()).collect();
    format!(
        "deployment {} of {} ({})",
        inline(deployment.short_id()),
        inline(&deployment.project_name),
        details.join(", ")
    )
}

/// The first line of the commit's message.
pub(crate) fn subject(deployment: &Deployment) -> &str {
    let message = &deployment.deployment_trigger.metadata.commit_message;
    message.lines().next().unwrap_or_default()
}

/// `main (production)`.
pub(crate) fn branch_and_environment(deployment: &Deployment) -> String {
    let (branch, environment) = (inline(deployment.branch()), inline(&deployment.environment));
    format!("{branch} ({environment})")
}

/// How far a deployment is, in the words of the `status` output.
pub(crate) fn state(deployment: &Deployment) -> &'static str {
    verdict(deployment).map_or("in progress", |it| it.status())
}

/// `<1s`, `2s`, `1m00s`, `1h02m03s`.
pub(crate) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes, rest) {
        (0, 0, 0) => "<1s".to_owned(),
        (0, 0, _) => format!("{rest}s"),
        (0, _, _) => format!("{minutes}m{rest:02}s"),
        (_, _, _) => format!("{hours}h{minutes:02}m{rest:02}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_as_short_as_it_can_be() {
        let cases = [
            (0, "<1s"),
            (999, "<1s"),
            (1_000, "1s"),
            (59_999, "59s"),
            (60_000, "1m00s"),
            (3_599_000, "59m59s"),
            (3_600_000, "1h00m00s"),
            (3_723_000, "1h02m03s"),
        ];
        for (millis, expected) in cases {
            assert_eq!(span(Duration::from_millis(millis)), expected);
        }
    }
}
