//! The story of a run: resolve, guard, trigger, watch, perhaps again.
//!
//! What to do is decided by the pure modules beside this one; what takes time
//! goes through [`edge`].

mod address;
mod appearance;
#[cfg_attr(not(test), expect(dead_code, reason = "not connected yet"))]
mod candidates;
pub(crate) mod diagnosis;
pub(crate) mod edge;
pub(crate) mod event;
#[cfg_attr(not(test), expect(dead_code, reason = "not connected yet"))]
pub(crate) mod filter;
mod follow;
#[cfg_attr(not(test), expect(dead_code, reason = "not connected yet"))]
mod guard;
mod not_there;
pub(crate) mod outcome;
pub(crate) mod pace;
mod patience;
mod resolve;

pub(crate) mod target;

mod trigger;
pub(crate) mod usual;
pub(crate) mod watch;

use std::ops::ControlFlow;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::cloudflare::deployment::Deployment;
use crate::cloudflare::error::ClientError;
use crate::cloudflare::transport::Transport;
use crate::cloudflare::{Client, Page};
use crate::config::Config;
use crate::report::line::introduced;
use crate::retry::edge::{Edge, Flow};
use crate::retry::event::Event;
use crate::retry::follow::LogSoFar;
use crate::retry::outcome::{Attempt, Doing, Ending, Outcome};
use crate::retry::pace::Pause;
use crate::retry::target::{Guard, Target};
use crate::retry::trigger::Trigger;
use crate::retry::usual::Usual;
use crate::retry::watch::verdict;

/// Runs to the end and tells how it ended. The ending has not been shown yet.
pub(crate) async fn run<'a, T: Transport>(
    config: &'a Config,
    client: &'a Client<T>,
    edge: Edge<'a>,
) -> Ending {
    let mut run = Run {
        config,
        client,
        edge,
        listed: Listed::default(),
        original: None,
        attempts: Vec::new(),
        log: LogSoFar::default(),
        usual: Usual::default(),
    };
    let (ControlFlow::Continue(outcome) | ControlFlow::Break(outcome)) = run.story().await;
    Ending {
        fails: Ending::fails(&outcome, &config.fail_on),
        outcome,
        original: run.original,
        attempts: run.attempts,
        project_name: config.project_name.clone(),
        usual: run.usual,
    }
}

/// What the list last said of the target's neighborhood.
#[derive(Default)]
struct Listed {
    deployments: Vec<Deployment>,
    /// The API's time of the first page.
    read_at: Option<DateTime<Utc>>,
    /// When the first page was asked for, since the run began.
    began: Duration,
    /// Whether all was read that was asked for.
    is_whole: bool,
}

struct Run<'a, T> {
    config: &'a Config,
    client: &'a Client<T>,
    edge: Edge<'a>,
    listed: Listed,
    original: Option<Deployment>,
    attempts: Vec<Attempt>,
    log: LogSoFar,
    usual: Usual,
}

impl<T: Transport> Run<'_, T> {
    async fn story(&mut self) -> Flow<Outcome> {
        let mut original = self.resolve().await?;
        self.original = Some(original.clone());
        if verdict(&original).is_none() && !self.config.dry_run {
            original = self.await_end(original).await?;
        }
        if self.config.target == Target::LatestFailed
            && let Some(Outcome::Deployed | Outcome::Skipped { .. }) = verdict(&original)
        {
            return ControlFlow::Break(Outcome::NothingToRetry);
        }
        self.list_newer(&original).await?;
        self.guard(&original)?;
        if self.config.dry_run {
            let message = format!("Would retry {}", introduced(&original));
            self.edge.show(&Event::Noticed { message });
            return ControlFlow::Break(Outcome::DryRun);
        }
        let mut attempt = 1;
        let mut began = self.edge.elapsed();
        let mut triggered = self.trigger(&original, original.clone()).await?;
        loop {
            let (retried, deployment) = triggered;
            if !self.config.wait {
                return ControlFlow::Break(Outcome::Triggered);
            }
            let outcome = self.watch_attempt(deployment, &retried, attempt).await?;
            let Outcome::Failed { stage } = &outcome else {
                return ControlFlow::Break(outcome);
            };
            // It has failed, also if there is no time to read why.
            let ControlFlow::Continue(is_worth_it) = self.diagnose(attempt, stage).await else {
                return ControlFlow::Break(outcome);
            };
            let took = self.edge.elapsed().saturating_sub(began);
            let pause = Duration::from_secs(10).saturating_mul(1 << (attempt - 1).min(3));
            let pause = pause.min(Duration::from_mins(1));
            if self.config.max_attempts <= attempt || !is_worth_it {
                return ControlFlow::Break(outcome);
            }
            if self.edge.left() < pause + took {
                let message =
                    "no further attempt: the time left is less than the pause and as long again";
                let message = message.to_owned();
                self.edge.show(&Event::Warned { message });
                return ControlFlow::Break(outcome);
            }
            attempt += 1;
            self.edge.show(&Event::AttemptScheduled {
                attempt,
                max_attempts: self.config.max_attempts,
                pause,
            });
            self.edge.doing = Doing::Preparing;
            let last = self.attempts.last().map(|it| it.deployment.clone());
            let previous = last.unwrap_or(retried);
            began = self.edge.elapsed() + pause;
            triggered = match self.trigger_again(&original, previous, pause).await {
                ControlFlow::Continue(triggered) => triggered,
                ControlFlow::Break(end) => {
                    return ControlFlow::Break(self.without_another(end, outcome));
                }
            };
        }
    }

    async fn trigger_again(
        &mut self,
        original: &Deployment,
        previous: Deployment,
        pause: Duration,
    ) -> Flow<(Deployment, Deployment)> {
        self.edge.now_running("the pause before the next attempt");
        self.edge.wait(Pause::exactly(pause)).await?;
        self.list_newer(original).await?;
        self.guard(original)?;
        self.trigger(original, previous).await
    }

    /// How a run ends whose last attempt `failed` and whose next one came to
    /// an `end` before it could be made: the failure stays what is known,
    /// unless a deployment may have been made.
    fn without_another(&mut self, end: Outcome, failed: Outcome) -> Outcome {
        let why = if let Outcome::Unreachable { what, hint } = &end {
            let hint = hint.as_ref().map(|it| format!("; {it}"));
            format!("{what}{}", hint.unwrap_or_default())
        } else {
            "`timeout` has passed".to_owned()
        };
        let is_before_the_post =
            matches!(end, Outcome::TimedOut { .. } | Outcome::Unreachable { .. })
                && self.edge.doing == Doing::Preparing;
        if !is_before_the_post {
            return end;
        }
        let message = format!("no further attempt: {why}");
        self.edge.show(&Event::Warned { message });
        failed
    }

    fn guard(&mut self, original: &Deployment) -> Flow<()> {
        let listed = &self.listed.deployments;
        let ours = self.attempts.iter().map(|it| it.deployment.id.as_str());
        let ours: Vec<_> = ours.collect();
        match target::guard(original, listed, &ours, self.config.allow_older) {
            Guard::Passed { warning } => {
                if let Some(message) = warning.filter(|_| self.attempts.is_empty()) {
                    self.edge.show(&Event::Warned { message });
                }
                ControlFlow::Continue(())
            }
            Guard::Refused { why } => ControlFlow::Break(Outcome::Refused { why }),
        }
    }

    /// Makes one new deployment by retrying `previous` or, if the API refuses
    /// that, `original`. Gives the retried and the new one.
    async fn trigger(
        &mut self,
        original: &Deployment,
        previous: Deployment,
    ) -> Flow<(Deployment, Deployment)> {
        self.edge.show(&Event::Retrying {
            original: Box::new(previous.clone()),
        });
        let read_at = self.listed.read_at;
        let mut trigger = Trigger::new(previous, &self.listed.deployments, read_at).or(original);
        let mut next = trigger::Next::Post;
        loop {
            let reaction = match next {
                // At once: the guard has just been asked.
                trigger::Next::Post => {
                    self.edge.now_running("the request to retry");
                    self.edge.doing = Doing::Posting;
                    let id = trigger.original().id.clone();
                    let asked = self.edge.ask(self.client.retry(&id)).await?;
                    let reaction = trigger.posted(self.edge.elapsed(), asked.result);
                    if !trigger.is_unsure() {
                        self.edge.doing = Doing::Preparing;
                    }
                    reaction
                }
                trigger::Next::List(pause) => {
                    self.edge.now_running(if trigger.is_unsure() {
                        "the search for the new deployment"
                    } else {
                        "the wait to retry"
                    });
                    self.edge.wait(pause).await?;
                    let list = self.client.deployments(original.environment(), 1);
                    let asked = self.edge.ask(list).await?;
                    let answer = asked.result;
                    let reaction = trigger.listed(self.edge.elapsed(), answer.as_ref());
                    if let Ok(Page { deployments, .. }) = answer {
                        self.listed.deployments = deployments;
                    }
                    reaction
                }
                trigger::Next::Guard => {
                    let mut guarded = self.guard(original);
                    if trigger.is_unsure()
                        && let ControlFlow::Break(Outcome::Refused { why }) = &mut guarded
                    {
                        why.push_str("; a deployment may have been made by the lost retry");
                    }
                    guarded?;
                    trigger::Reaction {
                        events: Vec::new(),
                        next: trigger::Next::Post,
                    }
                }
                trigger::Next::Adopt(deployment) => {
                    self.usual = Usual::from_deployments(&self.listed.deployments);
                    self.edge.show(&Event::Triggered {
                        deployment: deployment.clone(),
                        usual: self.usual.clone(),
                    });
                    self.edge.doing = Doing::Watching { stage: None };
                    self.attempts.push(Attempt {
                        deployment: (*deployment).clone(),
                        reason: None,
                        advice: None,
                        telling: Vec::new(),
                    });
                    return ControlFlow::Continue((trigger.original().clone(), *deployment));
                }
                trigger::Next::Finish(outcome) => return ControlFlow::Break(outcome),
            };
            for event in &reaction.events {
                self.edge.show(event);
            }
            next = reaction.next;
        }
    }
}

fn unreachable(error: &ClientError) -> Outcome {
    Outcome::Unreachable {
        what: error.to_string(),
        hint: error.hint().map(str::to_owned),
    }
}

#[cfg(test)]
mod tests;
