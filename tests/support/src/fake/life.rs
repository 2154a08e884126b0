//! The lifecycle of a deployment, scripted in advance.

use std::time::Duration;

use super::deployment::Deployment;

/// The five stages of every deployment and how long each takes by default.
const STAGES: [(&str, u64); 5] = [
    ("queued", 2),
    ("initialize", 3),
    ("clone_repo", 4),
    ("build", 60),
    ("deploy", 6),
];

/// One stage of a lifecycle.
#[derive(Clone, Debug)]
pub struct Step {
    pub name: String,
    /// `None` means that it never ends.
    pub(super) takes: Option<Duration>,
    /// The status while it runs, and when it has ended.
    pub(super) running: String,
    pub(super) ends: String,
    pub(super) is_timed: bool,
}

impl Step {
    /// A stage that takes a second and ends in success.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            takes: Some(Duration::from_secs(1)),
            running: "active".to_owned(),
            ends: "success".to_owned(),
            is_timed: true,
        }
    }

    pub fn takes(mut self, duration: Duration) -> Self {
        self.takes = Some(duration);
        self
    }

    /// Sets the final status; the next stage starts only after `success`.
    pub fn ends(mut self, status: &str) -> Self {
        status.clone_into(&mut self.ends);
        self
    }

    /// Sets the status while it runs.
    pub fn running(mut self, status: &str) -> Self {
        status.clone_into(&mut self.running);
        self
    }

    pub fn never_ends(mut self) -> Self {
        self.takes = None;
        self
    }

    /// `started_on` and `ended_on` stay null.
    pub fn untimed(mut self) -> Self {
        self.is_timed = false;
        self
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Build,
    Upload,
    SkippedByRule,
}

/// What happens to a deployment after its creation.
#[derive(Clone, Debug)]
pub struct Life {
    pub steps: Vec<Step>,
    /// The time before the first stage is `active`.
    pub(super) idle: Duration,
    /// The time between two stages, while `latest_stage` is still the previous one.
    pub(super) pause: Duration,
    pub(super) is_queue_restamped: bool,
    pub(super) kind: Kind,
    /// The `skip_reason`, shown once it is skipped.
    pub skip_reason: Option<String>,
    pub deleted_after: Option<Duration>,
    pub log: Option<Vec<(Duration, String)>>,
    pub log_total: Option<usize>,
    pub log_page: Option<usize>,
    pub is_log_held_back: bool,
    /// Another deployment, created this long after this one.
    pub brings: Option<(Duration, Box<Deployment>)>,
}

impl Life {
    pub fn success() -> Self {
        Self::of(STAGES.map(|(name, seconds)| Step::new(name).takes(Duration::from_secs(seconds))))
    }

    /// A lifecycle with exactly these stages.
    pub fn of(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            idle: Duration::ZERO,
            pause: Duration::ZERO,
            is_queue_restamped: true,
            kind: Kind::Build,
            skip_reason: None,
            deleted_after: None,
            log: None,
            log_total: None,
            log_page: None,
            is_log_held_back: false,
            brings: None,
        }
    }

    pub fn fails_in(stage: &str) -> Self {
        Self::success().ends_in(stage, "failure")
    }

    pub fn canceled_in(stage: &str) -> Self {
        Self::success().ends_in(stage, "canceled")
    }

    pub fn never_ends_in(stage: &str) -> Self {
        Self::success().change(stage, Step::never_ends)
    }

    /// Skipped by a rule of the project: its stages stay as if it were queued.
    pub fn skipped_by_rule(reason: &str) -> Self {
        Self {
            skip_reason: Some(reason.to_owned()),
            kind: Kind::SkippedByRule,
            ..Self::success()
        }
    }

    /// Skipped after 4 s in the queue because of a newer push.
    pub fn superseded() -> Self {
        let queue = Duration::from_secs(4);
        let newer = Deployment::new("5ec0dde4", Self::success())
            .commit("77d3e05")
            .message("Fix the typo");
        let life = Self::success().takes("queued", queue);
        Self {
            skip_reason: Some("superseded_queued_build".to_owned()),
            ..life.ends_in("queued", "skipped")
        }
        .brings(Duration::from_secs(3), newer)
    }

    /// A direct upload: no build, and `stages` that stay inconsistent.
    pub fn upload() -> Self {
        Self {
            kind: Kind::Upload,
            ..Self::success()
        }
    }

    /// Ends with this status in this stage.
    pub fn ends_in(self, stage: &str, status: &str) -> Self {
        self.change(stage, |step| step.ends(status))
    }

    pub fn takes(self, stage: &str, duration: Duration) -> Self {
        self.change(stage, |step| step.takes(duration))
    }

    /// Inserts a stage before another one.
    pub fn before(mut self, stage: &str, step: Step) -> Self {
        let index = self.index(stage);
        self.steps.insert(index, step);
        self
    }

    pub fn change(mut self, stage: &str, change: impl FnOnce(Step) -> Step) -> Self {
        let index = self.index(stage);
        let step = change(self.steps[index].clone());
        self.steps[index] = step;
        self
    }

    /// Starts as `queued`/`idle` without times, for this long.
    pub fn idle_at_first(mut self, duration: Duration) -> Self {
        self.idle = duration;
        self
    }

    pub fn pause_between_stages(mut self, duration: Duration) -> Self {
        self.pause = duration;
        self
    }

    /// `queued` keeps its start time. By default it gets a new `started_on` when it
    /// ends, slightly after its `ended_on`, as the live API has done.
    pub fn with_a_tidy_queue(mut self) -> Self {
        self.is_queue_restamped = false;
        self
    }

    pub fn deleted_after(mut self, duration: Duration) -> Self {
        self.deleted_after = Some(duration);
        self
    }

    /// Replaces the default log lines of the stages.
    pub fn log<S: Into<String>>(mut self, lines: impl IntoIterator<Item = (Duration, S)>) -> Self {
        let lines = lines.into_iter().map(|(at, line)| (at, line.into()));
        self.log = Some(lines.collect());
        self
    }

    /// Reports this `total` instead of the number of lines.
    pub fn log_total(mut self, total: usize) -> Self {
        self.log_total = Some(total);
        self
    }

    /// Limits the lines in a response to a request without `size`.
    pub fn log_page(mut self, lines: usize) -> Self {
        self.log_page = Some(lines);
        self
    }

    /// Shows no log line before the deployment has ended.
    pub fn log_held_back(mut self) -> Self {
        self.is_log_held_back = true;
        self
    }

    pub fn brings(mut self, after: Duration, other: Deployment) -> Self {
        self.brings = Some((after, Box::new(other)));
        self
    }

    fn index(&self, stage: &str) -> usize {
        let index = self.steps.iter().position(|step| step.name == stage);
        index.unwrap_or_else(|| panic!("the lifecycle has no stage {stage}"))
    }
}
