//! What happened, for the reporters. Every line a person reads was one of
//! these first, our own errors too.

use std::io;
use std::time::Duration;

use crate::cloudflare::ResponseMeta;
use crate::cloudflare::deployment::{Deployment, StageName};
use crate::run::history::StageHistory;
use crate::run::outcome::RunResult;

#[derive(Clone, Debug)]
pub enum Event {
    /// The deployment to retry is known and about to be retried.
    Retrying { original: Box<Deployment> },
    /// The target is still in progress and is watched to its end first.
    Awaiting {
        target: Box<Deployment>,
        /// What the stages usually take.
        usual: StageHistory,
    },
    /// The API made a new deployment, or the list showed the one we made.
    Triggered {
        deployment: Box<Deployment>,
        /// What the stages usually take.
        usual: StageHistory,
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
    /// Cloudflare skipped the deployment; `reason` is the API's own term.
    Skipped { reason: String },
    /// One request failed temporarily.
    RequestFailed {
        reason: String,
        again_in: Duration,
        /// Whether this is the first failure in a row.
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
    /// One request was sent, with or without a response; for debugging.
    Requested(Requested),
    /// The end. Comes exactly once, and nothing follows it.
    Finished(Box<RunResult>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageEnd {
    Success,
    Failure,
    Canceled,
    /// It ended without a result; only the reachability check does.
    Unknown,
}

/// One request, without the body of its response.
#[derive(Clone, Debug)]
pub struct Requested {
    pub method: &'static str,
    /// The path below the project's deployments, with ids; the whole URL of a
    /// request to another server than the API.
    pub route: String,
    /// `None` if no response was received.
    pub status: Option<u16>,
    pub took: Duration,
    pub cf_ray: Option<String>,
}

impl Requested {
    /// A request to the API.
    pub fn new(meta: &ResponseMeta, took: Duration) -> Self {
        Self {
            method: meta.method,
            route: meta.route.clone(),
            status: meta.status,
            took,
            cf_ray: meta.cf_ray.clone(),
        }
    }
}

/// Shows what happened, at once and in order.
pub trait Report {
    fn event(&mut self, event: &Event) -> io::Result<()>;

    /// Writes a command of the host, if the log format allows one.
    fn command(&mut self, _line: &str) -> io::Result<()> {
        Err(io::Error::other(
            "this `log_format` has no room for the host's commands; use `output_file`",
        ))
    }
}
