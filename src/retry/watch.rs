//! Decides, from answers and the time, what happened to a deployment and what
//! to do next.
//!
//! Invariant: no I/O, no clock, no randomness; the same inputs give the same
//! events. Each stage starts at most once and ends at most once, in order.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::cloudflare::deployment::{Deployment, Stage, StageName, StageStatus};
use crate::cloudflare::error::ClientError;
use crate::retry::event::{Event, StageEnd};
use crate::retry::outcome::Outcome;
use crate::retry::pace::{self, Pause};
use crate::retry::patience::Patience;
use crate::retry::usual::Usual;

/// How long after the request to retry the API may not know the deployment it
/// made.
const NOT_YET_KNOWN: Duration = Duration::from_secs(30);

/// How long a retry that kept its id may show how the original ended.
const NOT_YET_CHANGED: Duration = Duration::from_mins(1);

/// Reads how a deployment ended; `None` while it is in progress.
///
/// `is_skipped` comes first: a deployment that a rule skipped looks queued and
/// idle for ever. Then only `latest_stage` counts, and only `deploy` makes a
/// success.
pub(crate) fn verdict(deployment: &Deployment) -> Option<Outcome> {
    let skipped = || Outcome::Skipped {
        reason: deployment
            .skip_reason
            .clone()
            .unwrap_or_else(|| "skipped".to_owned()),
        superseded_by: None,
    };
    if deployment.is_skipped {
        return Some(skipped());
    }
    let latest = deployment.latest_stage.as_ref()?;
    let stage = latest.name.clone();
    match (&latest.name, &latest.status) {
        (_, StageStatus::Skipped) => Some(skipped()),
        (_, StageStatus::Failure) => Some(Outcome::Failed { stage }),
        (_, StageStatus::Canceled) => Some(Outcome::Canceled { stage }),
        (StageName::Deploy, StageStatus::Success) => Some(Outcome::Deployed),
        (
            _,
            StageStatus::Idle | StageStatus::Active | StageStatus::Success | StageStatus::Other(_),
        ) => None,
    }
}

#[derive(Debug)]
pub(crate) enum Input {
    Polled {
        deployment: Box<Deployment>,
        /// The API's time, if it said so.
        date: Option<DateTime<Utc>>,
    },
    PollFailed(ClientError),
}

#[must_use = "the events must be reported and the next step taken"]
#[derive(Debug)]
pub(crate) struct Reaction {
    pub(crate) events: Vec<Event>,
    pub(crate) next: Next,
}

#[derive(Debug)]
pub(crate) enum Next {
    PollIn(Pause),
    Finish(Outcome),
}

/// One deployment on its way.
pub(crate) struct Watch {
    usual: Usual,
    /// `None` means as often as it makes sense.
    poll_every: Option<Duration>,
    stages: Vec<Seen>,
    warned: HashSet<String>,
    patience: Patience,
    /// Until then the API may not know the deployment.
    known_by: Duration,
    /// How the original ended, while the retry may still show it.
    stale: Option<Stage>,
    began: Duration,
}

/// What was said of a stage.
struct Seen {
    name: StageName,
    started_at: Duration,
    has_ended: bool,
}

impl Watch {
    /// A watch that begins `elapsed` after the run did.
    pub(crate) fn new(elapsed: Duration, usual: Usual, poll_every: Option<Duration>) -> Self {
        Self {
            usual,
            poll_every,
            stages: Vec::new(),
            warned: HashSet::new(),
            patience: Patience::default(),
            known_by: Duration::ZERO,
            stale: None,
            began: elapsed,
        }
    }

    /// The watch of a deployment just made from `original`.
    pub(crate) fn of_new(mut self, deployment: &Deployment, original: &Deployment) -> Self {
        self.known_by = self.began + NOT_YET_KNOWN;
        if deployment.id == original.id {
            self.stale.clone_from(&original.latest_stage);
        }
        self
    }

    /// The stage that runs, and how long it has been seen to.
    pub(crate) fn running(&self, elapsed: Duration) -> Option<(StageName, Duration)> {
        let stage = self.stages.iter().rev().find(|it| !it.has_ended)?;
        let running_for = elapsed.saturating_sub(stage.started_at);
        Some((stage.name.clone(), running_for))
    }

    /// Takes in what happened, `elapsed` after the run began.
    pub(crate) fn handle(&mut self, elapsed: Duration, input: Input) -> Reaction {
        match input {
            Input::Polled { deployment, date } => self.polled(elapsed, &deployment, date),
            Input::PollFailed(error) => self.failed(elapsed, &error),
        }
    }

    fn polled(
        &mut self,
        elapsed: Duration,
        deployment: &Deployment,
        date: Option<DateTime<Utc>>,
    ) -> Reaction {
        self.patience.answered();
        let is_stale = self.stale.is_some()
            && self.stale == deployment.latest_stage
            && elapsed.saturating_sub(self.began) < NOT_YET_CHANGED;
        if is_stale {
            return Reaction {
                events: Vec::new(),
                next: Next::PollIn(Pause::exactly(Duration::from_secs(2))),
            };
        }
        let mut events = self.unknown_words(deployment);
        let verdict = verdict(deployment);
        match &verdict {
            Some(Outcome::Skipped { reason, .. }) => {
                let reason = reason.clone();
                events.push(Event::Skipped { reason });
            }
            Some(_) | None => self.replay(elapsed, deployment, &mut events),
        }
        let next = match verdict {
            Some(outcome) => Next::Finish(outcome),
            None => Next::PollIn(self.pause(elapsed, deployment, date)),
        };
        Reaction { events, next }
    }

    fn failed(&mut self, elapsed: Duration, error: &ClientError) -> Reaction {
        let silently = |next| Reaction {
            events: Vec::new(),
            next,
        };
        if error.is_no_such_deployment() {
            return silently(if elapsed < self.known_by {
                Next::PollIn(Pause::exactly(Duration::from_secs(2)))
            } else {
                Next::Finish(Outcome::Deleted)
            });
        }
        let Some((event, pause)) = self.patience.failed(elapsed, error) else {
            return silently(Next::Finish(Outcome::Unreachable {
                what: error.to_string(),
                hint: error.hint().map(str::to_owned),
            }));
        };
        Reaction {
            events: vec![event],
            next: Next::PollIn(pause),
        }
    }

    /// When to ask next. A stage's age is best told by the API's own times,
    /// its `Date` included; else by how long we have seen it.
    fn pause(
        &self,
        elapsed: Duration,
        deployment: &Deployment,
        date: Option<DateTime<Utc>>,
    ) -> Pause {
        if let Some(every) = self.poll_every {
            return Pause::exactly(every);
        }
        let (name, seen_for) = self
            .running(elapsed)
            .unwrap_or_else(|| (StageName::Queued, elapsed.saturating_sub(self.began)));
        let stages = deployment.stages_by_latest();
        let stage = stages.iter().find(|it| it.name == name);
        let started_on = stage.and_then(|it| it.started_on);
        let age = date.zip(started_on).map(|(now, start)| now - start);
        let age = age.and_then(|it| it.to_std().ok()).unwrap_or_default();
        pace::pause(&self.usual, &name, age.max(seen_for))
    }

    /// Tells what happened since the last answer, from the whole list: several
    /// stages may have come and gone.
    fn replay(&mut self, elapsed: Duration, deployment: &Deployment, events: &mut Vec<Event>) {
        let stages = deployment.stages_by_latest();
        let is_over = verdict(deployment).is_some();
        let latest = deployment.latest_stage.as_ref().map(|it| &it.name);
        // A verdict comes from the latest stage: what the list has behind it
        // did not happen.
        let end = stages
            .iter()
            .position(|it| is_over && Some(&it.name) == latest);
        let stages = &stages[..end.map_or(stages.len(), |it| it + 1)];
        for (n, stage) in stages.iter().enumerate() {
            if !has_begun(stage) {
                continue;
            }
            let goes_on = stages[n + 1..].iter().any(has_begun);
            let seen = self.stages.iter().position(|it| it.name == stage.name);
            if seen.is_none() {
                // What comes late to a list that has moved on would be out of order.
                let order = |name: &StageName| stages.iter().position(|it| it.name == *name);
                if self.stages.iter().any(|it| Some(n) < order(&it.name)) {
                    continue;
                }
                events.push(Event::StageStarted {
                    name: stage.name.clone(),
                    usually: self.usual.of(&stage.name),
                });
                self.stages.push(Seen {
                    name: stage.name.clone(),
                    started_at: elapsed,
                    has_ended: false,
                });
            }
            let last = self.stages.len() - 1;
            let seen = &mut self.stages[seen.unwrap_or(last)];
            let end = match stage.status {
                StageStatus::Success => Some(StageEnd::Success),
                StageStatus::Failure => Some(StageEnd::Failure),
                StageStatus::Canceled => Some(StageEnd::Canceled),
                // The list can lag: the stage behind it has begun.
                StageStatus::Idle
                | StageStatus::Active
                | StageStatus::Skipped
                | StageStatus::Other(_) => goes_on.then_some(StageEnd::Success),
            };
            if let Some(end) = end
                && !seen.has_ended
            {
                seen.has_ended = true;
                events.push(Event::StageFinished {
                    name: stage.name.clone(),
                    end,
                    took: took(stage).unwrap_or_else(|| elapsed.saturating_sub(seen.started_at)),
                });
            }
        }
    }

    fn unknown_words(&mut self, deployment: &Deployment) -> Vec<Event> {
        let stages = deployment.stages_by_latest();
        let words = stages.iter().filter_map(|it| match &it.status {
            StageStatus::Other(word) => Some((it, word)),
            StageStatus::Idle
            | StageStatus::Active
            | StageStatus::Success
            | StageStatus::Failure
            | StageStatus::Canceled
            | StageStatus::Skipped => None,
        });
        let new = words.filter(|(_, word)| self.warned.insert((*word).clone()));
        let events = new.map(|(stage, word)| Event::Warned {
            message: format!(
                "stage {} has the status `{word}`, which this version does not know; it is taken as running",
                stage.name
            ),
        });
        events.collect()
    }
}

fn has_begun(stage: &Stage) -> bool {
    match stage.status {
        StageStatus::Idle => stage.started_on.is_some(),
        StageStatus::Skipped => false,
        StageStatus::Active
        | StageStatus::Success
        | StageStatus::Failure
        | StageStatus::Canceled
        | StageStatus::Other(_) => true,
    }
}

/// What a stage took, by the API's times. Cloudflare has been seen to end a
/// stage a few milliseconds before it began.
pub(crate) fn took(stage: &Stage) -> Option<Duration> {
    let took = stage.ended_on? - stage.started_on?;
    Some(took.to_std().unwrap_or_default())
}
