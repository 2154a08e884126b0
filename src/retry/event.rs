//! What happened, for whoever shows it. Every line a person reads was one of
//! these first, our own errors too.

use std::time::Duration;

use crate::cloudflare::deployment::{Deployment, StageName};
use crate::retry::outcome::Ending;
use crate::retry::usual::Usual;

#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// The deployment to retry is known and about to be retried.
    Retrying { original: Box<Deployment> },
    /// The target is still in progress and is watched to its end first.
    Awaiting {
        target: Box<Deployment>,
        /// What the stages usually take.
        usual: Usual,
    },
    /// The API made a new deployment, or the list showed the one we made.
    Triggered {
        deployment: Box<Deployment>,
        /// What the stages usually take.
        usual: Usual,
    },
    StageStarted {
        name: StageName,
        /// What it took in the project's last successful deployments.
        usually: Option<Duration>,
    },
    StageFinished {
        name: StageName,
        end: StageEnd,
        took: Duration,
    },
    /// A minute passed without a line.
    StillRunning { what: String, elapsed: Duration },
    /// Cloudflare skipped the deployment; the reason in its own word.
    Skipped { reason: String },
    /// One request failed in a way that may pass.
    RequestFailed {
        reason: String,
        again_in: Duration,
        /// Whether the request before it was answered.
        is_first: bool,
    },
    /// Something a user should know that changes no verdict.
    Warned { message: String },
    /// Something the API or we want to say.
    Noticed { message: String },
    /// Lines of the build log, in order, each once.
    LogRead {
        /// The attempt they belong to, from 1.
        attempt: u32,
        lines: Vec<String>,
    },
    /// A failure was looked at; `reason` says why it is retried or not.
    Diagnosed { reason: String },
    /// Another attempt comes after a pause.
    AttemptScheduled {
        attempt: u32,
        max_attempts: u32,
        pause: Duration,
    },
    /// One request went out and was answered or not, for debugging.
    Requested(Requested),
    /// The end. Comes exactly once, and nothing follows it.
    Finished(Box<Ending>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StageEnd {
    Success,
    Failure,
    Canceled,
}

/// One request, without anything that its answer said.
#[derive(Clone, Debug)]
pub(crate) struct Requested {
    pub(crate) method: &'static str,
    /// The path below the project, with ids.
    pub(crate) route: String,
    /// `None` when no answer came.
    pub(crate) status: Option<u16>,
    pub(crate) took: Duration,
    pub(crate) cf_ray: Option<String>,
}
