//! The course of a run: resolve, guard, trigger, watch, perhaps again.
//!
//! What to do is decided by the pure modules beside this one; what takes time
//! goes through `session`.

mod address;
mod appearance;
mod build_log;
mod candidates;
pub mod diagnosis;
mod failure_budget;
pub mod filter;
mod follow;
mod guard;
mod judge;
mod not_there;
pub mod options;
pub mod pace;
mod resolve;
mod session;
pub mod target;
mod trigger;
pub mod watch;

use std::ops::ControlFlow;
use std::time::Duration;

use crate::cloudflare::Client;
use crate::cloudflare::deployment::Deployment;
use crate::cloudflare::transport::Transport;
use crate::io::{Flow, Io};
use crate::retry::build_log::LogSoFar;
use crate::retry::options::Options;
use crate::retry::pace::Pause;
use crate::retry::session::Session;
use crate::retry::trigger::{Before, Coverage, Extent, Rest, Trigger};
use crate::run::event::Event;
use crate::run::history::StageHistory;
use crate::run::outcome::{Attempt, Explanation, Outcome, Phase, RunResult};
use crate::run::verdict::verdict;
use crate::run::wording::describe;

/// Runs to the end, and returns the result, which has not been shown yet.
pub async fn run<'a, T: Transport>(
    options: &'a Options,
    client: &'a Client<T>,
    io: &'a mut Io<'_>,
) -> RunResult {
    let mut run = Run {
        options,
        client,
        session: Session::new(io),
        listed: Listed::default(),
        original: None,
        target_failure: None,
        has_others_in_progress: false,
        attempts: Vec::new(),
        log: LogSoFar::default(),
        usual: StageHistory::default(),
    };
    let (ControlFlow::Continue(outcome) | ControlFlow::Break(outcome)) =
        Box::pin(run.run_attempts()).await;
    RunResult {
        fails: RunResult::fails(&outcome, &options.fail_on),
        outcome,
        original: run.original,
        target_failure: run.target_failure,
        attempts: run.attempts,
        project_name: options.project_name.clone(),
        usual: run.usual,
        reachability: None,
    }
}

/// What the list last said of the target's neighborhood.
#[derive(Default)]
struct Listed {
    deployments: Vec<Deployment>,
    /// When the first page was requested, since the run began.
    began: Duration,
    /// Whether everything was read that is needed.
    is_whole: bool,
    /// Whether older deployments were not read.
    rest: Rest,
}

struct Run<'a, 'io, T> {
    options: &'a Options,
    client: &'a Client<T>,
    session: Session<'a, 'io>,
    listed: Listed,
    original: Option<Deployment>,
    /// Why the target failed, if its log was read.
    target_failure: Option<Explanation>,
    /// Whether the target was chosen among several candidates in progress.
    has_others_in_progress: bool,
    attempts: Vec<Attempt>,
    log: LogSoFar,
    usual: StageHistory,
}

impl<T: Transport> Run<'_, '_, T> {
    async fn run_attempts(&mut self) -> Flow<Outcome> {
        let original = self.resolve_ended().await?;
        self.judge(&original).await?;
        self.list_newer(&original).await?;
        self.guard(&original)?;
        if self.options.dry_run {
            let message = if verdict(&original).is_none() {
                format!(
                    "Would wait for the end of {}, and retry it if it fails",
                    describe(&original)
                )
            } else {
                format!("Would retry {}", describe(&original))
            };
            self.session.io.show(&Event::Noticed { message });
            return ControlFlow::Break(Outcome::DryRun);
        }
        let mut attempt = 1;
        let mut triggered = self.trigger(&original, original.clone()).await?;
        loop {
            let (retried, deployment) = triggered;
            let began = self.session.io.elapsed();
            if !self.options.wait {
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
            let took = self.session.io.elapsed().saturating_sub(began);
            let pause = Duration::from_secs(10).saturating_mul(1 << (attempt - 1).min(3));
            let pause = pause.min(Duration::from_mins(1));
            if self.options.max_attempts <= attempt || !is_worth_it {
                return ControlFlow::Break(outcome);
            }
            if self.session.io.time_left() < pause + took {
                let message = "no further attempt: not enough time left before `timeout`";
                let message = message.to_owned();
                self.session.io.show(&Event::Warned { message });
                return ControlFlow::Break(outcome);
            }
            attempt += 1;
            self.session.io.show(&Event::AttemptScheduled {
                attempt,
                max_attempts: self.options.max_attempts,
                pause,
            });
            self.session.io.phase = Phase::Preparing;
            let last = self.attempts.last().map(|it| it.deployment.clone());
            let previous = last.unwrap_or(retried);
            triggered = match self.trigger_again(&original, previous, pause).await {
                ControlFlow::Continue(triggered) => triggered,
                ControlFlow::Break(end) => {
                    return ControlFlow::Break(self.keep_last_failure(end, outcome));
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
        self.session
            .io
            .now_running("the pause before the next attempt");
        self.session.wait(Pause::exactly(pause)).await?;
        self.list_newer(original).await?;
        self.guard(original)?;
        self.trigger(original, previous).await
    }

    /// Reads the list for the trigger and, before a further POST, the guard.
    async fn list_for(
        &mut self,
        trigger: &Trigger,
        original: &Deployment,
        extent: Extent,
    ) -> Flow<Coverage> {
        let is_enough =
            |listed: &[Deployment]| extent == Extent::FirstPage || trigger.is_complete(listed);
        let mut read = self.list(original.environment(), is_enough).await;
        if let ControlFlow::Break(Outcome::ApiError { what, .. }) = &mut read
            && trigger.is_ambiguous()
        {
            what.push_str(trigger::MAY_EXIST);
        }
        read?;
        ControlFlow::Continue(match extent {
            Extent::Complete if self.listed.is_whole => Coverage::Complete,
            Extent::Complete | Extent::FirstPage => Coverage::Partial,
        })
    }

    /// Makes one new deployment by retrying `previous` or, if the API refuses
    /// that, `original`. Gives the retried and the new one.
    async fn trigger(
        &mut self,
        original: &Deployment,
        previous: Deployment,
    ) -> Flow<(Deployment, Deployment)> {
        self.session.io.show(&Event::Retrying {
            original: Box::new(previous.clone()),
        });
        let before = Before {
            listed: &self.listed.deployments,
            rest: self.listed.rest,
        };
        let mut trigger = Trigger::new(previous, before).with_fallback(original);
        let mut next = trigger::Next::Post;
        loop {
            let reaction = match next {
                // At once: the guard has just run.
                trigger::Next::Post => {
                    self.session.io.now_running("the request to retry");
                    self.session.io.phase = Phase::Posting;
                    let id = trigger.original().id.clone();
                    let exchange = self.session.send(self.client.retry(&id)).await?;
                    let reaction = trigger.posted(self.session.io.elapsed(), exchange.result);
                    if !trigger.is_ambiguous() {
                        self.session.io.phase = Phase::Preparing;
                    }
                    reaction
                }
                trigger::Next::List { pause, extent } => {
                    self.session.io.now_running(if trigger.is_ambiguous() {
                        "the search for the new deployment"
                    } else {
                        "the wait to retry"
                    });
                    self.session.wait(pause).await?;
                    let coverage = self.list_for(&trigger, original, extent).await?;
                    let listed = &self.listed;
                    trigger.listed(listed.began, &listed.deployments, coverage)
                }
                trigger::Next::Guard => {
                    let mut guarded = match self.require_whole(original) {
                        ControlFlow::Continue(()) => self.guard(original),
                        refused @ ControlFlow::Break(_) => refused,
                    };
                    if trigger.is_ambiguous()
                        && let ControlFlow::Break(Outcome::Refused { why }) = &mut guarded
                    {
                        why.push_str(trigger::MAY_EXIST);
                    }
                    guarded?;
                    trigger::Reaction {
                        events: Vec::new(),
                        next: trigger::Next::Post,
                    }
                }
                trigger::Next::Adopt(deployment) => {
                    self.usual = StageHistory::from_deployments(&self.listed.deployments);
                    self.session.io.show(&Event::Triggered {
                        deployment: deployment.clone(),
                        usual: self.usual.clone(),
                    });
                    self.session.io.phase = Phase::Watching { stage: None };
                    self.attempts.push(Attempt {
                        deployment: (*deployment).clone(),
                        reason: None,
                        advice: None,
                        excerpt: Vec::new(),
                    });
                    return ControlFlow::Continue((trigger.original().clone(), *deployment));
                }
                trigger::Next::Finish(outcome) => return ControlFlow::Break(outcome),
            };
            for event in &reaction.events {
                self.session.io.show(event);
            }
            next = reaction.next;
        }
    }
}

#[cfg(test)]
mod tests;
