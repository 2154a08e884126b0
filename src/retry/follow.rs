//! Follows a deployment to its end, reads its build log, and says why it
//! failed.

use std::fmt::Write as _;
use std::ops::ControlFlow;

use super::{Listed, Run};
use crate::cloudflare::deployment::{Deployment, StageName};
use crate::cloudflare::transport::Transport;
use crate::io::Flow;
use crate::retry::build_log::{LOG_WAIT, Lines, LogSchedule, LogSoFar};
use crate::retry::candidates::describe_examined;
use crate::retry::diagnosis::diagnose;
use crate::retry::options::{Logs, RetryWhen};
use crate::retry::target::Target;
use crate::retry::watch::{self, Input, Watch};
use crate::run::event::Event;
use crate::run::history::StageHistory;
use crate::run::outcome::{Explanation, Outcome, Phase, RunResult};

/// The number that stands for the target where attempts are counted from 1.
const TARGET: u32 = 0;

impl<T: Transport> Run<'_, '_, T> {
    /// Watches a target in progress to its end; only a failed or canceled one
    /// is retried.
    pub(super) async fn await_end(&mut self, target: Deployment) -> Flow<Deployment> {
        self.usual = StageHistory::from_deployments(&self.listed.deployments);
        self.session.io.show(&Event::Awaiting {
            target: Box::new(target.clone()),
            usual: self.usual.clone(),
        });
        let (elapsed, usual) = (self.session.io.elapsed(), self.usual.clone());
        let watch = Watch::new(elapsed, usual, self.options.poll_interval);
        self.listed = Listed::default();
        let outcome = self.watch(watch, &target.id, None).await?;
        if let Outcome::Deployed = outcome {
            let ended = self.original.as_ref().unwrap_or(&target);
            let what = if self.options.target == Target::LatestFailed {
                describe_examined(&self.options.filter, &[ended])
            } else {
                format!("{} succeeded", ended.short_id())
            };
            return ControlFlow::Break(Outcome::NothingToRetry { what });
        }
        if let Outcome::Failed { .. } | Outcome::Canceled { .. } = outcome {
            self.session.io.phase = Phase::Preparing;
            return ControlFlow::Continue(self.original.clone().unwrap_or(target));
        }
        ControlFlow::Break(outcome)
    }

    /// Watches a new deployment to its end.
    pub(super) async fn watch_attempt(
        &mut self,
        deployment: Deployment,
        original: &Deployment,
        attempt: u32,
    ) -> Flow<Outcome> {
        let (elapsed, usual) = (self.session.io.elapsed(), self.usual.clone());
        let watch = Watch::new(elapsed, usual, self.options.poll_interval);
        let watch = watch.for_new_deployment(&deployment, original);
        let id = deployment.id.clone();
        let outcome = self.watch(watch, &id, Some(attempt)).await?;
        if let Outcome::Skipped { reason, .. } = outcome {
            let superseding = self.superseding(&deployment, &reason).await;
            let superseded_by = superseding.continue_value().flatten();
            return ControlFlow::Continue(Outcome::Skipped {
                reason,
                superseded_by,
            });
        }
        ControlFlow::Continue(outcome)
    }

    /// Polls a deployment until it has ended.
    async fn watch(&mut self, mut watch: Watch, id: &str, attempt: Option<u32>) -> Flow<Outcome> {
        let mut log = LogSoFar::default();
        let mut schedule = LogSchedule::default();
        let began = self.session.io.elapsed();
        let shown = attempt.filter(|_| self.options.logs == Logs::Always);
        let shown = shown.map(|attempt| Lines::Shown { attempt });
        let mut outcome = loop {
            let exchange = self.session.send(self.client.deployment(id)).await?;
            let input = match exchange.result {
                Ok(deployment) => {
                    self.remember(&deployment, attempt);
                    Input::Polled {
                        deployment: Box::new(deployment),
                        date: exchange.meta.date,
                    }
                }
                Err(error) => Input::PollFailed(error),
            };
            let elapsed = self.session.io.elapsed();
            let watch::Reaction { events, next } = watch.handle(elapsed, input);
            for event in &events {
                self.session.io.show(event);
            }
            schedule.polled();
            let stage = watch.running(elapsed).map(|(stage, _)| stage);
            let what = stage
                .as_ref()
                .map_or_else(|| "queued".to_owned(), ToString::to_string);
            self.session.io.now_running(&what);
            self.session.io.phase = Phase::Watching { stage };
            match next {
                watch::Next::PollIn(pause) => {
                    let next_poll = elapsed + self.session.duration(pause);
                    if let Some(lines) = shown
                        && schedule.is_due(elapsed.saturating_sub(began))
                    {
                        // In the time until the next poll, which is never late.
                        let limit = next_poll.saturating_sub(self.session.io.elapsed());
                        self.stream_log(id, &mut log, lines, limit).await?;
                    }
                    let rest = next_poll.saturating_sub(self.session.io.elapsed());
                    self.session.io.sleep(rest).await?;
                }
                watch::Next::Finish(outcome) => break outcome,
            }
        };
        if let Outcome::ApiError { what, .. } = &mut outcome {
            let page = RunResult::page(&self.options.project_name, id);
            let _ = write!(what, "; deployment {id} continues at Cloudflare: {page}");
        } else if let Some(lines) = shown {
            let stage = match &outcome {
                Outcome::Failed { stage } => Some(stage.clone()),
                Outcome::Deployed
                | Outcome::Triggered
                | Outcome::NothingToRetry { .. }
                | Outcome::DryRun
                | Outcome::Canceled { .. }
                | Outcome::Skipped { .. }
                | Outcome::Deleted
                | Outcome::Unreachable { .. }
                | Outcome::Refused { .. }
                | Outcome::TimedOut { .. }
                | Outcome::Interrupted { .. }
                | Outcome::ApiError { .. }
                | Outcome::UsageError { .. } => None,
            };
            let has_log = !matches!(outcome, Outcome::Skipped { .. } | Outcome::Deleted);
            if has_log
                && self
                    .read_log(id, stage.as_ref(), &mut log, lines)
                    .await
                    .is_break()
            {
                // It has ended, whatever cut the reading of its log short:
                // nothing comes after it.
                return ControlFlow::Break(outcome);
            }
        }
        self.log = log;
        ControlFlow::Continue(outcome)
    }

    fn remember(&mut self, deployment: &Deployment, attempt: Option<u32>) {
        let place = match attempt {
            Some(_) => self.attempts.last_mut().map(|it| &mut it.deployment),
            None => self.original.as_mut(),
        };
        if let Some(place) = place {
            *place = deployment.clone();
        }
    }

    /// Says why a deployment failed, and whether another attempt is worth it.
    pub(super) async fn diagnose(&mut self, attempt: u32, stage: &StageName) -> Flow<bool> {
        let Some(id) = self.attempts.last().map(|it| it.deployment.id.clone()) else {
            return ControlFlow::Continue(false);
        };
        let wants_log = match self.options.logs {
            Logs::OnFailure | Logs::Always => true,
            Logs::Never => 1 < self.options.max_attempts,
        };
        let mut log = std::mem::take(&mut self.log);
        // With `logs: always` it was read at the end of the watch.
        if wants_log && self.options.logs != Logs::Always {
            self.read_log(&id, Some(stage), &mut log, Lines::Kept)
                .await?;
        }
        self.show_tail(attempt, &log);
        let diagnosis = diagnose(stage, log.was_read.then_some(&log.clues));
        if wants_log {
            let reason = diagnosis.reason.to_owned();
            self.session.io.show(&Event::Diagnosed { reason });
        }
        // Before the first attempt it is the target, if its log was read.
        let previous = match self.attempts.iter().rev().nth(1) {
            Some(attempt) => attempt.reason,
            None => self.target_failure.as_ref().map(|it| it.reason),
        };
        let justifies_retry = diagnosis.justifies_retry(previous, self.usual.median(stage));
        if let Some(attempt) = self.attempts.last_mut().filter(|_| log.was_read) {
            attempt.reason = Some(diagnosis.reason);
            attempt.advice = diagnosis.advice;
            attempt.excerpt = diagnosis.excerpt;
        }
        ControlFlow::Continue(match self.options.retry_when {
            RetryWhen::Any => true,
            // The cause of what could not be read is unknown.
            RetryWhen::Auto | RetryWhen::Transient => log.was_read && justifies_retry,
        })
    }

    /// Why the target is not retried, if its failure does not justify a retry.
    /// Its log is shown only if that is where the run ends.
    pub(super) async fn diagnose_target(
        &mut self,
        target: &Deployment,
        stage: &StageName,
    ) -> Flow<Option<&'static str>> {
        let mut log = LogSoFar::default();
        self.read_log(&target.id, Some(stage), &mut log, Lines::Kept)
            .await?;
        let diagnosis = diagnose(stage, log.was_read.then_some(&log.clues));
        let usual = StageHistory::from_deployments(&self.listed.deployments);
        let justifies_retry = log.was_read && diagnosis.justifies_retry(None, usual.median(stage));
        if justifies_retry {
            let reason = diagnosis.reason.to_owned();
            self.session.io.show(&Event::Diagnosed { reason });
        } else if !self.options.dry_run {
            self.show_tail(TARGET, &log);
        }
        self.target_failure = Some(Explanation {
            reason: diagnosis.reason,
            advice: diagnosis.advice,
            excerpt: diagnosis.excerpt,
        });
        ControlFlow::Continue((!justifies_retry).then_some(diagnosis.reason))
    }

    /// Shows the end of a build log that was not shown while it was read.
    fn show_tail(&mut self, attempt: u32, log: &LogSoFar) {
        let is_to_be_shown = match self.options.logs {
            Logs::OnFailure => true,
            Logs::Always => attempt == TARGET,
            Logs::Never => false,
        };
        if !is_to_be_shown {
            return;
        }
        let lines: Vec<_> = log.clues.tail().map(str::to_owned).collect();
        let shown = lines.len();
        if shown < log.lines {
            let message = format!("The build log has {} lines; its last {shown}:", log.lines);
            self.session.io.show(&Event::Noticed { message });
        }
        self.session.io.show(&Event::LogRead { attempt, lines });
    }

    /// The newer deployment for which Cloudflare skipped this one.
    async fn superseding(
        &mut self,
        skipped: &Deployment,
        reason: &str,
    ) -> Flow<Option<(String, String)>> {
        if !reason.contains("superseded") {
            return ControlFlow::Continue(None);
        }
        // The outcome is known, and waits no longer than for its log.
        let list = self.client.deployments(skipped.environment(), 1);
        let Some(exchange) = self.session.send_within(LOG_WAIT, list).await? else {
            return ControlFlow::Continue(None);
        };
        let newer = exchange.result.ok().and_then(|page| {
            page.deployments.into_iter().find(|it| {
                it.id != skipped.id
                    && skipped.created_on < it.created_on
                    && it.branch() == skipped.branch()
            })
        });
        ControlFlow::Continue(newer.map(|it| (it.short_id().to_owned(), it.url)))
    }
}
