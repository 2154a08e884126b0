//! The options of a run.

use std::time::Duration;

use super::filter::Filter;
use super::target::Target;

/// The inputs that decide what a run does, valid by construction.
#[derive(Clone, Debug)]
pub struct Options {
    pub project_name: String,
    pub target: Target,
    /// Applies to `latest` and `latest-failed` only.
    pub filter: Filter,
    /// The maximum number of new deployments.
    pub max_attempts: u32,
    pub retry_when: RetryWhen,
    pub allow_older: bool,
    /// The outcomes that fail the step, in the words of the `status` output.
    pub fail_on: Vec<&'static str>,
    /// The limit for the whole run.
    pub timeout: Duration,
    /// A fixed polling interval; `None` adapts it to the project.
    pub poll_interval: Option<Duration>,
    pub wait: bool,
    pub logs: Logs,
    pub dry_run: bool,
}

/// Which failures are retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryWhen {
    /// The target whatever its cause of failure; further attempts only after
    /// transient failures.
    Auto,
    /// In addition, the target of `latest-failed` only if its failure is
    /// transient.
    Transient,
    /// All failures.
    Any,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logs {
    OnFailure,
    Always,
    Never,
}
