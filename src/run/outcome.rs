//! How a run ended: the outcome, its status and exit code, and all that the
//! outputs and the summary say about it.

use std::time::Duration;

use crate::cloudflare::deployment::{Deployment, Stage, StageName, StageStatus};
use crate::cloudflare::error::{ClientError, error_chain};
use crate::run::history::StageHistory;
use crate::run::reachability::{Problem, Reachability};

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Deployed,
    /// `wait: false`.
    Triggered,
    NothingToRetry {
        /// What was examined: `the newest deployment of production, 9a8b7c6d,
        /// succeeded`.
        what: String,
    },
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
    /// Deployed, but an address did not serve it in time.
    Unreachable {
        url: String,
        problem: Problem,
        /// What the check took.
        after: Duration,
    },
    /// A guard of ours said no.
    Refused {
        why: String,
    },
    TimedOut {
        phase: Phase,
        after: Duration,
    },
    Interrupted {
        signal: Signal,
        phase: Phase,
    },
    /// The API rejected a request, did not know the target, or was unreachable.
    ApiError {
        what: String,
        hint: Option<String>,
    },
    /// Bad input, or a file of ours could not be written.
    UsageError {
        /// One line a problem.
        problems: Vec<String>,
    },
}

/// What was going on when the time was up or a signal came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The API had not responded to anything.
    Connecting,
    /// No request to retry had been sent.
    Preparing,
    /// The retry request was in progress, or its response was lost.
    Posting,
    /// A deployment continues at Cloudflare, in this stage if one had begun.
    Watching { stage: Option<StageName> },
    /// The deployment has succeeded, and its addresses are checked.
    Checking,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP.
    Hangup,
}

/// How severe an unsuccessful outcome is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
}

impl Outcome {
    /// The outcome of a run that an API error ended.
    pub fn from_api_error(error: &ClientError) -> Self {
        Self::ApiError {
            what: error_chain(error),
            hint: error.hint().map(str::to_owned),
        }
    }

    /// The word of the `status` output.
    pub fn status(&self) -> &'static str {
        match self {
            Self::Deployed => "success",
            Self::Triggered => "triggered",
            Self::NothingToRetry { .. } => "nothing_to_retry",
            Self::DryRun => "dry_run",
            Self::Failed { .. } => "failure",
            Self::Canceled { .. } => "canceled",
            Self::Skipped { .. } => "skipped",
            Self::Deleted => "deleted",
            Self::Unreachable { .. } => "unreachable",
            Self::Refused { .. } => "refused",
            Self::TimedOut { .. } => "timed_out",
            Self::Interrupted { .. } => "interrupted",
            Self::ApiError { .. } | Self::UsageError { .. } => "error",
        }
    }

    /// The exit code of an outcome that fails the step.
    fn code(&self) -> u8 {
        match self {
            Self::Deployed | Self::Triggered | Self::NothingToRetry { .. } | Self::DryRun => 0,
            Self::Failed { .. }
            | Self::Canceled { .. }
            | Self::Skipped { .. }
            | Self::Deleted
            | Self::Unreachable { .. } => 1,
            Self::Refused { .. } | Self::UsageError { .. } => 2,
            Self::ApiError { .. } => 3,
            Self::TimedOut { .. } => 4,
            Self::Interrupted { signal, .. } => match signal {
                Signal::Interrupt => 130,
                Signal::Terminate => 143,
                Signal::Hangup => 129,
            },
        }
    }

    pub fn is_good(&self) -> bool {
        self.code() == 0
    }

    /// Whether `fail_on` may let this outcome pass. `refused`, `error` and
    /// `interrupted` always fail.
    fn is_forgivable(&self) -> bool {
        FAIL_ON.contains(&self.status())
    }
}

/// The outcomes that `fail_on` decides about, in the words of `status`.
pub const FAIL_ON: [&str; 6] = [
    "failure",
    "canceled",
    "skipped",
    "deleted",
    "timed_out",
    "unreachable",
];

/// One new deployment, as it was last seen.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub deployment: Deployment,
    /// Why it is believed to have failed, in one line.
    pub reason: Option<&'static str>,
    /// What a user can do about it.
    pub advice: Option<&'static str>,
    /// The most relevant lines of the build log, the most relevant first.
    pub excerpt: Vec<String>,
}

/// Why a deployment failed, as far as its build log shows.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// In one line.
    pub reason: &'static str,
    /// What a user can do about it.
    pub advice: Option<&'static str>,
    /// The most relevant lines of the build log, the most relevant first.
    pub excerpt: Vec<String>,
}

/// Everything known at the end of a run.
#[derive(Clone, Debug)]
pub struct RunResult {
    pub outcome: Outcome,
    /// Whether this outcome fails the step.
    pub fails: bool,
    /// The deployment that was to be retried, once it was found.
    pub original: Option<Deployment>,
    /// Why the target failed, if its log was read to decide whether to retry.
    pub target_failure: Option<Explanation>,
    pub attempts: Vec<Attempt>,
    pub project_name: String,
    /// What the stages took in the project's last successful deployments.
    pub usual: StageHistory,
    /// What the reachability check found, if it ran to its end.
    pub reachability: Option<Reachability>,
}

impl RunResult {
    /// What the outputs describe: the last new deployment, else the target.
    pub fn deployment(&self) -> Option<&Deployment> {
        let last = self.attempts.last().map(|it| &it.deployment);
        last.or(self.original.as_ref())
    }

    /// Why the deployment failed that the outputs describe: reason, advice and
    /// excerpt, as far as they are known.
    pub fn explanation(&self) -> (Option<&'static str>, Option<&'static str>, &[String]) {
        match (self.attempts.last(), &self.target_failure) {
            (Some(attempt), _) => (attempt.reason, attempt.advice, &attempt.excerpt),
            (None, Some(it)) => (Some(it.reason), it.advice, &it.excerpt),
            (None, None) => (None, None, &[]),
        }
    }

    /// Why the target was not retried though it had failed.
    pub fn why_not_retried(&self) -> Option<&'static str> {
        let is_failure = matches!(self.outcome, Outcome::Failed { .. });
        let failure = self.target_failure.as_ref();
        let failure = failure.filter(|_| is_failure && self.attempts.is_empty());
        failure.map(|it| it.reason)
    }

    /// The deployment that succeeded, or that needed no retry because it had.
    pub fn succeeded(&self) -> Option<&Deployment> {
        let is_success = matches!(
            self.outcome,
            Outcome::Deployed | Outcome::NothingToRetry { .. }
        );
        let has_succeeded = |it: &&Deployment| {
            let latest = it.latest_stage.as_ref();
            let is_deployed =
                |it: &Stage| it.name == StageName::Deploy && it.status == StageStatus::Success;
            !it.is_skipped && latest.is_some_and(is_deployed)
        };
        self.deployment()
            .filter(|it| is_success && has_succeeded(it))
    }

    /// Takes in what the reachability check found.
    pub fn checked(&mut self, reachability: Reachability) {
        if let Some((url, problem)) = reachability.first_problem() {
            self.outcome = Outcome::Unreachable {
                url: url.to_owned(),
                problem,
                after: reachability.took,
            };
        }
        self.reachability = Some(reachability);
    }

    pub fn exit_code(&self) -> u8 {
        if self.fails { self.outcome.code() } else { 0 }
    }

    /// How much it weighs, if it is not a good one.
    pub fn severity(&self) -> Option<Severity> {
        let level = if self.fails {
            Severity::Error
        } else {
            Severity::Warning
        };
        (!self.outcome.is_good()).then_some(level)
    }

    /// Whether `outcome` fails the step, given the outcomes of `fail_on`.
    pub fn fails(outcome: &Outcome, fail_on: &[&str]) -> bool {
        !outcome.is_good() && (!outcome.is_forgivable() || fail_on.contains(&outcome.status()))
    }

    /// The page to look at: of the deployment, else of the project.
    pub fn dashboard_url(&self) -> String {
        let id = self.deployment().map_or("", |it| &it.id);
        let is_unsure = match &self.outcome {
            Outcome::TimedOut { phase, .. } | Outcome::Interrupted { phase, .. } => {
                *phase == Phase::Posting
            }
            Outcome::Deployed
            | Outcome::Triggered
            | Outcome::NothingToRetry { .. }
            | Outcome::DryRun
            | Outcome::Failed { .. }
            | Outcome::Canceled { .. }
            | Outcome::Skipped { .. }
            | Outcome::Deleted
            | Outcome::Unreachable { .. }
            | Outcome::Refused { .. }
            | Outcome::ApiError { .. }
            | Outcome::UsageError { .. } => false,
        };
        // The deployment that may have been created is not known.
        Self::page(&self.project_name, if is_unsure { "" } else { id })
    }

    /// The page of a deployment, or of its project, which opens even where the
    /// account id in the address would be masked.
    pub fn page(project_name: &str, id: &str) -> String {
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
    fn fail_on_decides_only_about_its_own_outcomes() {
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
            let fails = RunResult::fails(&outcome, fail_on);
            assert_eq!(fails, expected, "{outcome:?} and {fail_on:?}");
        }
    }

    #[test]
    fn the_page_is_the_deployment_s_unless_another_may_have_been_made() {
        let json = json!({"id": "0r161na1"});
        let ending = |outcome| RunResult {
            outcome,
            fails: true,
            original: serde_json::from_value(json.clone()).ok(),
            target_failure: None,
            attempts: Vec::new(),
            project_name: "site".to_owned(),
            usual: StageHistory::default(),
            reachability: None,
        };
        let timed_out = |phase| Outcome::TimedOut {
            phase,
            after: Duration::ZERO,
        };
        let of_the_deployment = RunResult::page("site", "0r161na1");
        for (outcome, is_deployment) in [
            (failed(), true),
            (timed_out(Phase::Connecting), true),
            (timed_out(Phase::Preparing), true),
            (timed_out(Phase::Watching { stage: None }), true),
            (timed_out(Phase::Posting), false),
        ] {
            let page = ending(outcome).dashboard_url();
            assert_eq!(page == of_the_deployment, is_deployment, "{page}");
        }
    }

    #[test]
    fn only_what_was_deployed_is_checked() {
        let nothing_to_retry = || Outcome::NothingToRetry {
            what: String::new(),
        };
        let deployed = json!({"name": "deploy", "status": "success"});
        let target = |json: serde_json::Value| serde_json::from_value::<Deployment>(json).ok();
        let cases = [
            (
                Outcome::Deployed,
                json!({"id": "a", "latest_stage": deployed}),
                true,
            ),
            (
                nothing_to_retry(),
                json!({"id": "a", "latest_stage": deployed}),
                true,
            ),
            (
                nothing_to_retry(),
                json!({"id": "a", "is_skipped": true, "latest_stage": deployed}),
                false,
            ),
            (
                nothing_to_retry(),
                json!({"id": "a", "latest_stage": {"name": "queued", "status": "success"}}),
                false,
            ),
            (
                Outcome::DryRun,
                json!({"id": "a", "latest_stage": deployed}),
                false,
            ),
            (
                Outcome::Triggered,
                json!({"id": "a", "latest_stage": deployed}),
                false,
            ),
            (
                failed(),
                json!({"id": "a", "latest_stage": deployed}),
                false,
            ),
        ];
        for (outcome, json, expected) in cases {
            let result = RunResult {
                outcome,
                fails: false,
                original: target(json.clone()),
                attempts: Vec::new(),
                target_failure: None,
                project_name: String::new(),
                usual: StageHistory::default(),
                reachability: None,
            };
            let is_checked = result.succeeded().is_some();
            assert_eq!(is_checked, expected, "{:?} {json}", result.outcome);
        }
    }
}
