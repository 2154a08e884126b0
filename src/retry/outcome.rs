//! How a run ended: the outcome, its status and exit code, and all that the
//! outputs and the summary say about it.

use std::time::Duration;

use crate::cloudflare::deployment::{Deployment, StageName};
use crate::host::Level;
use crate::retry::usual::Usual;

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Deployed,
    /// `wait: false`.
    Triggered,
    NothingToRetry,
    DryRun,
    Failed {
        stage: StageName,
    },
    Canceled {
        stage: StageName,
    },
    Skipped {
        /// The API's word, or ours where it gave none.
        reason: String,
        /// The newer deployment that took its place: short id and URL.
        superseded_by: Option<(String, String)>,
    },
    Deleted,
    /// A guard of ours said no.
    Refused {
        why: String,
    },
    TimedOut {
        doing: Doing,
        after: Duration,
    },
    Interrupted {
        signal: Signal,
        doing: Doing,
    },
    /// The API refused us, did not know the target, or could not be reached.
    Unreachable {
        what: String,
        hint: Option<String>,
    },
    /// Bad input, or a file of ours could not be written.
    Unusable {
        /// One line a problem.
        problems: Vec<String>,
    },
}

/// What was going on when the time was up or a signal came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    /// No request to retry had been sent.
    Preparing,
    /// The request to retry was on its way, or its answer was lost.
    Posting,
    /// A deployment goes on at Cloudflare, in this stage if one had begun.
    Watching { stage: Option<StageName> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Interrupt,
    Terminate,
}

impl Outcome {
    /// The word of the `status` output.
    pub(crate) fn status(&self) -> &'static str {
        match self {
            Self::Deployed => "success",
            Self::Triggered => "triggered",
            Self::NothingToRetry => "nothing_to_retry",
            Self::DryRun => "dry_run",
            Self::Failed { .. } => "failure",
            Self::Canceled { .. } => "canceled",
            Self::Skipped { .. } => "skipped",
            Self::Deleted => "deleted",
            Self::Refused { .. } => "refused",
            Self::TimedOut { .. } => "timed_out",
            Self::Interrupted { .. } => "interrupted",
            Self::Unreachable { .. } | Self::Unusable { .. } => "error",
        }
    }

    /// The exit code of an ending that fails the step.
    fn code(&self) -> u8 {
        match self {
            Self::Deployed | Self::Triggered | Self::NothingToRetry | Self::DryRun => 0,
            Self::Failed { .. } | Self::Canceled { .. } | Self::Skipped { .. } | Self::Deleted => 1,
            Self::Refused { .. } | Self::Unusable { .. } => 2,
            Self::Unreachable { .. } => 3,
            Self::TimedOut { .. } => 4,
            Self::Interrupted { signal, .. } => match signal {
                Signal::Interrupt => 130,
                Signal::Terminate => 143,
            },
        }
    }

    pub(crate) fn is_good(&self) -> bool {
        self.code() == 0
    }

    /// Whether `fail_on` may let this ending pass. `refused`, `error` and
    /// `interrupted` always fail.
    fn is_forgivable(&self) -> bool {
        FAIL_ON.contains(&self.status())
    }
}

/// The endings that `fail_on` decides about, in the words of `status`.
pub(crate) const FAIL_ON: [&str; 5] = ["failure", "canceled", "skipped", "deleted", "timed_out"];

/// One new deployment, as it was last seen.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) deployment: Deployment,
    /// Why it is believed to have failed, in one line.
    pub(crate) reason: Option<&'static str>,
    /// What a user can do about it.
    pub(crate) advice: Option<&'static str>,
    /// The lines of the build log that tell most, the most telling one first.
    pub(crate) telling: Vec<String>,
}

/// Everything known at the end of a run.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    pub(crate) outcome: Outcome,
    /// Whether this ending fails the step.
    pub(crate) fails: bool,
    /// The deployment that was to be retried, once it was found.
    pub(crate) original: Option<Deployment>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) project_name: String,
    /// What the stages took in the project's last successful deployments.
    pub(crate) usual: Usual,
}

impl Ending {
    /// What the outputs describe: the last new deployment, else the target.
    pub(crate) fn deployment(&self) -> Option<&Deployment> {
        let last = self.attempts.last().map(|it| &it.deployment);
        last.or(self.original.as_ref())
    }

    pub(crate) fn exit_code(&self) -> u8 {
        if self.fails { self.outcome.code() } else { 0 }
    }

    /// How much it weighs, if it is not a good one.
    pub(crate) fn level(&self) -> Option<Level> {
        let level = if self.fails {
            Level::Error
        } else {
            Level::Warning
        };
        (!self.outcome.is_good()).then_some(level)
    }

    /// Whether `outcome` fails the step, given the endings of `fail_on`.
    pub(crate) fn fails(outcome: &Outcome, fail_on: &[&str]) -> bool {
        !outcome.is_good() && (!outcome.is_forgivable() || fail_on.contains(&outcome.status()))
    }

    /// The page to look at: of the deployment, else of the project.
    pub(crate) fn dashboard_url(&self) -> String {
        let id = self.deployment().map_or("", |it| &it.id);
        let is_unsure = match &self.outcome {
            Outcome::TimedOut { doing, .. } | Outcome::Interrupted { doing, .. } => {
                *doing == Doing::Posting
            }
            Outcome::Deployed
            | Outcome::Triggered
            | Outcome::NothingToRetry
            | Outcome::DryRun
            | Outcome::Failed { .. }
            | Outcome::Canceled { .. }
            | Outcome::Skipped { .. }
            | Outcome::Deleted
            | Outcome::Refused { .. }
            | Outcome::Unreachable { .. }
            | Outcome::Unusable { .. } => false,
        };
        // The deployment that may have been made is not known.
        Self::page(&self.project_name, if is_unsure { "" } else { id })
    }

    /// The page of a deployment, or of its project, which opens even where the
    /// account id in the address would be masked.
    pub(crate) fn page(project_name: &str, id: &str) -> String {
        let page =
            format!("https://dash.cloudflare.com/?to=/:account/pages/view/{project_name}/{id}");
        page.trim_end_matches('/').to_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn failed() -> Outcome {
        let stage = StageName::Build;
        Outcome::Failed { stage }
    }

    fn refused() -> Outcome {
        let why = String::new();
        Outcome::Refused { why }
    }

    #[test]
    fn fail_on_decides_about_its_own_endings_and_about_no_other() {
        let cases = [
            (Outcome::Deployed, &FAIL_ON[..], false),
            (Outcome::Deployed, &[], false),
            (failed(), &FAIL_ON, true),
            (failed(), &["failure"], true),
            (failed(), &["canceled"], false),
            (failed(), &[], false),
            (Outcome::Deleted, &["deleted"], true),
            (Outcome::Deleted, &["failure"], false),
            (refused(), &[], true),
        ];
        for (outcome, fail_on, expected) in cases {
            let fails = Ending::fails(&outcome, fail_on);
            assert_eq!(fails, expected, "{outcome:?} and {fail_on:?}");
        }
    }

    #[test]
    fn the_page_is_the_deployment_s_unless_another_may_have_been_made() {
        let json = json!({"id": "0r161na1"});
        let ending = |outcome| Ending {
            outcome,
            fails: true,
            original: serde_json::from_value(json.clone()).ok(),
            attempts: Vec::new(),
            project_name: "site".to_owned(),
            usual: Usual::default(),
        };
        let timed_out = |doing| Outcome::TimedOut {
            doing,
            after: Duration::ZERO,
        };
        let of_the_deployment = Ending::page("site", "0r161na1");
        for (outcome, is_deployment) in [
            (failed(), true),
            (timed_out(Doing::Preparing), true),
            (timed_out(Doing::Watching { stage: None }), true),
            (timed_out(Doing::Posting), false),
        ] {
            let page = ending(outcome).dashboard_url();
            assert_eq!(page == of_the_deployment, is_deployment, "{page}");
        }
    }
}
