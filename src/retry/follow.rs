//! Follows a deployment to its end, reads its build log, and says why it
//! failed.

use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::time::Duration;

use super::{Listed, Run};
use crate::cloudflare::deployment::{Deployment, StageName};
use crate::cloudflare::error::error_chain;
use crate::cloudflare::transport::Transport;
use crate::io::Flow;
use crate::retry::candidates::describe_examined;
use crate::retry::diagnosis::{Clues, Diagnosis, diagnose};
use crate::retry::failure_budget::FailureBudget;
use crate::retry::options::{Logs, RetryWhen};
use crate::retry::pace::Pause;
use crate::retry::target::Target;
use crate::retry::watch::{self, Input, Watch};
use crate::run::event::Event;
use crate::run::history::StageHistory;
use crate::run::outcome::{Explanation, Outcome, Phase, RunResult};

/// How often a log that cannot be read is asked for where nothing depends on
/// it.
const MOST_TRIES: u32 = 3;

/// How long it is waited for there: the verdict is known.
const MAX_OPTIONAL_LOG_DELAY: Duration = Duration::from_secs(5);

/// The number that stands for the target where attempts are counted from 1.
const TARGET: u32 = 0;

/// What depends on a build log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    /// Nothing: it is not read.
    None,
    /// It explains a failure.
    Helps,
    /// It decides whether there is another attempt.
    Decides,
}

/// What was read of the build log of one attempt.
#[derive(Default)]
pub(super) struct LogSoFar {
    /// Lines shown.
    lines: usize,
    clues: Clues,
    was_read: bool,
}

impl LogSoFar {
    /// Takes in a line when it comes: what an answer brought before it broke
    /// off was shown.
    fn saw(&mut self, line: &str) {
        self.lines += 1;
        self.clues.saw(line);
    }
}

impl<T: Transport> Run<'_, T> {
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

    /// Asks about a deployment until it has ended.
    async fn watch(&mut self, mut watch: Watch, id: &str, attempt: Option<u32>) -> Flow<Outcome> {
        let mut log = LogSoFar::default();
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
            let streamed = match attempt.filter(|_| self.options.logs == Logs::Always) {
                Some(attempt) => self.stream(&mut log, id, attempt).await,
                None => ControlFlow::Continue(()),
            };
            let stage = watch.running(elapsed).map(|(stage, _)| stage);
            let what = stage
                .as_ref()
                .map_or_else(|| "queued".to_owned(), ToString::to_string);
            self.session.io.now_running(&what);
            self.session.io.phase = Phase::Watching { stage };
            match next {
                watch::Next::PollIn(pause) => {
                    streamed?;
                    self.session.wait(pause).await?;
                }
                // It has ended, whatever cut the reading of its log short:
                // nothing comes after it.
                watch::Next::Finish(outcome) if streamed.is_break() => {
                    return ControlFlow::Break(outcome);
                }
                watch::Next::Finish(outcome) => break outcome,
            }
        };
        self.log = log;
        if let Outcome::ApiError { what, .. } = &mut outcome {
            let page = RunResult::page(&self.options.project_name, id);
            let _ = write!(what, "; deployment {id} continues at Cloudflare: {page}");
        }
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

    /// Shows the lines of the build log that are new. Whether the API gives
    /// any while it builds is not documented, so no answer is no failure.
    async fn stream(&mut self, log: &mut LogSoFar, id: &str, attempt: u32) -> Flow<()> {
        let skip = log.lines;
        let take = |line: &str| {
            log.saw(line);
            Some(Event::LogRead {
                attempt,
                lines: vec![line.to_owned()],
            })
        };
        let exchange = self.session.read_log(self.client, id, skip, take).await?;
        log.was_read = exchange.result.is_ok();
        ControlFlow::Continue(())
    }

    /// Says why a deployment failed, and whether another attempt is worth it.
    pub(super) async fn diagnose(&mut self, attempt: u32, stage: &StageName) -> Flow<bool> {
        let Some(id) = self.attempts.last().map(|it| it.deployment.id.clone()) else {
            return ControlFlow::Continue(false);
        };
        let has_another = attempt < self.options.max_attempts;
        let need = match (self.options.logs, self.options.retry_when) {
            (
                Logs::OnFailure | Logs::Always | Logs::Never,
                RetryWhen::Auto | RetryWhen::Transient,
            ) if has_another => Need::Decides,
            (Logs::OnFailure | Logs::Always, _) => Need::Helps,
            (Logs::Never, _) => Need::None,
        };
        let log = std::mem::take(&mut self.log);
        let log = self.read_log(&id, attempt, log, need).await?;
        self.show_tail(attempt, &log);
        let diagnosis = diagnose(stage, log.was_read.then_some(&log.clues));
        if need != Need::None {
            let reason = diagnosis.reason.to_owned();
            self.session.io.show(&Event::Diagnosed { reason });
        }
        if let Some(attempt) = self.attempts.last_mut().filter(|_| log.was_read) {
            attempt.reason = Some(diagnosis.reason);
            attempt.advice = diagnosis.advice;
            attempt.excerpt = diagnosis.excerpt;
        }
        ControlFlow::Continue(match self.options.retry_when {
            RetryWhen::Any => true,
            RetryWhen::Auto | RetryWhen::Transient => diagnosis.is_transient,
        })
    }

    /// Says why the target failed. Its log is shown only if that is where the
    /// run ends.
    pub(super) async fn diagnose_target(
        &mut self,
        target: &Deployment,
        stage: &StageName,
    ) -> Flow<Diagnosis> {
        let log = LogSoFar::default();
        let log = self
            .read_log(&target.id, TARGET, log, Need::Decides)
            .await?;
        let diagnosis = diagnose(stage, log.was_read.then_some(&log.clues));
        if diagnosis.is_transient {
            let reason = diagnosis.reason.to_owned();
            self.session.io.show(&Event::Diagnosed { reason });
        } else if self.options.logs == Logs::Always || !self.options.dry_run {
            self.show_tail(TARGET, &log);
        }
        self.target_failure = Some(Explanation {
            reason: diagnosis.reason,
            advice: diagnosis.advice,
            excerpt: diagnosis.excerpt.clone(),
        });
        ControlFlow::Continue(diagnosis)
    }

    /// Reads the build log of a deployment that has ended, after what `log`
    /// has of it, and gives up where less depends on it.
    async fn read_log(
        &mut self,
        id: &str,
        attempt: u32,
        mut log: LogSoFar,
        need: Need,
    ) -> Flow<LogSoFar> {
        let is_streamed = self.options.logs == Logs::Always && attempt != TARGET;
        self.session.io.now_running("the reading of the build log");
        let mut failures = FailureBudget::default();
        let mut tries = 0;
        while need != Need::None && !log.was_read {
            tries += 1;
            if !is_streamed {
                log = LogSoFar::default();
            }
            let skip = log.lines;
            let take = |line: &str| {
                log.saw(line);
                is_streamed.then(|| Event::LogRead {
                    attempt,
                    lines: vec![line.to_owned()],
                })
            };
            let exchange = self.session.read_log(self.client, id, skip, take).await?;
            let Err(error) = exchange.result else {
                log.was_read = true;
                break;
            };
            let again = failures.failed(self.session.io.elapsed(), &error);
            let is_soon =
                |pause: &Pause| tries < MOST_TRIES && pause.at_least <= MAX_OPTIONAL_LOG_DELAY;
            let decides = need == Need::Decides;
            let Some((event, pause)) = again.filter(|(_, it)| decides || is_soon(it)) else {
                let message = format!("failed to read the build log: {}", error_chain(&error));
                self.session.io.show(&Event::Warned { message });
                break;
            };
            if decides {
                self.session.io.show(&event);
            }
            self.session.wait(pause).await?;
        }
        ControlFlow::Continue(log)
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
        let list = self.client.deployments(skipped.environment(), 1);
        let exchange = self.session.send(list).await?;
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
