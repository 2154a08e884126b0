//! The state of a deployment at a given age.
//!
//! Invariant: the state is a function of the age alone.

use std::time::Duration;

use super::life::{Kind, Life, Step};

/// A stage at some age. Its times are microseconds since the creation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub name: String,
    pub status: String,
    pub started: Option<i64>,
    pub ended: Option<i64>,
}

impl Life {
    /// The age at which the deployment ends, if it does.
    pub fn ends_at(&self) -> Option<Duration> {
        if self.kind != Kind::Build {
            return Some(Duration::ZERO);
        }
        let mut age = self.idle;
        for step in &self.steps {
            age += step.takes?;
            if step.ends != "success" {
                break;
            }
            age += self.pause;
        }
        let is_whole = self.steps.iter().all(|step| step.ends == "success");
        Some(if is_whole {
            age.saturating_sub(self.pause)
        } else {
            age
        })
    }

    pub fn is_skipped_at(&self, age: Duration) -> bool {
        let is_ended = self.ends_at().is_some_and(|end| end <= age);
        self.skip_reason.is_some() && (self.kind == Kind::SkippedByRule || is_ended)
    }

    /// The log lines written up to an age, oldest first.
    pub fn lines_at(&self, age: Duration) -> Vec<(Duration, String)> {
        if self.is_log_held_back && self.ends_at().is_none_or(|end| age < end) {
            return Vec::new();
        }
        let mut lines = self.log.clone().unwrap_or_else(|| self.own_lines());
        lines.retain(|(at, _)| *at <= age);
        lines
    }

    /// `stages` and `latest_stage` at an age.
    pub fn stages_at(&self, age: Duration) -> (Vec<Shown>, Shown) {
        if self.kind == Kind::SkippedByRule {
            let stages: Vec<_> = self.steps.iter().map(Shown::idle).collect();
            return (stages.clone(), stages[0].clone());
        }
        if self.kind == Kind::Upload {
            return self.upload_stages();
        }
        let mut stages = Vec::new();
        let mut latest = 0;
        let mut start = Some(self.idle);
        for (index, step) in self.steps.iter().enumerate() {
            let Some(started) = start.filter(|it| *it <= age) else {
                stages.push(Shown::idle(step));
                continue;
            };
            latest = index;
            let ended = step.takes.map(|it| started + it).filter(|it| *it <= age);
            stages.push(self.shown(step, started, ended));
            start = ended
                .filter(|_| step.ends == "success")
                .map(|it| it + self.pause);
        }
        let latest = stages[latest].clone();
        (stages, latest)
    }

    fn shown(&self, step: &Step, started: Duration, ended: Option<Duration>) -> Shown {
        let mut shown = Shown {
            name: step.name.clone(),
            status: ended.map_or(&step.running, |_| &step.ends).clone(),
            started: step.is_timed.then(|| micros(started)),
            ended: ended.filter(|_| step.is_timed).map(micros),
        };
        if self.is_queue_restamped && step.name == "queued" && shown.ended.is_some() {
            shown.started = shown.ended.map(|it| it + 29_640);
        }
        shown
    }

    fn upload_stages(&self) -> (Vec<Shown>, Shown) {
        let mut stages: Vec<_> = self.steps.iter().map(Shown::idle).collect();
        if let [queued, .., deploy] = &mut *stages {
            "active".clone_into(&mut queued.status);
            queued.started = Some(0);
            "success".clone_into(&mut deploy.status);
            deploy.ended = Some(1_500_000);
        }
        let latest = stages[stages.len() - 1].clone();
        (stages, latest)
    }

    fn own_lines(&self) -> Vec<(Duration, String)> {
        if self.kind != Kind::Build {
            return Vec::new();
        }
        let mut lines = Vec::new();
        let mut start = self.idle;
        for step in &self.steps {
            let (first, broken) = words(&step.name);
            lines.push((start, first.to_owned()));
            let Some(takes) = step.takes else { break };
            start += takes;
            if step.ends == "success" {
                start += self.pause;
                continue;
            }
            if step.ends == "failure" {
                lines.push((start, broken.to_owned()));
            }
            break;
        }
        lines.retain(|(_, line)| !line.is_empty());
        lines
    }
}

impl Shown {
    fn idle(step: &Step) -> Self {
        Self {
            name: step.name.clone(),
            status: "idle".to_owned(),
            started: None,
            ended: None,
        }
    }
}

/// The log lines for the start and for the failure of a stage.
fn words(stage: &str) -> (&'static str, &'static str) {
    match stage {
        "initialize" => (
            "Initializing build environment...",
            "Failed: an internal error occurred",
        ),
        "clone_repo" => (
            "Cloning repository...",
            "error: RPC failed; curl 56 GnuTLS recv error (-54): Error in the pull function.",
        ),
        "build" => (
            "Executing user command: npm run build",
            "Failed: build command exited with code: 1",
        ),
        "deploy" => (
            "Deploying your site to Cloudflare's global network...",
            "Failed to publish your assets. Got error: Unknown internal error occurred.",
        ),
        _ => ("", ""),
    }
}

fn micros(age: Duration) -> i64 {
    i64::try_from(age.as_micros()).unwrap_or(i64::MAX)
}
