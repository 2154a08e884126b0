//! Follows a deployment to its end, reads its build log, and says why it
//! failed.

use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::time::Duration;

use super::{Listed, Run};
use crate::cloudflare::deployment::{Deployment, StageName};
use crate::cloudflare::transport::Transport;
use crate::config::{Logs, RetryWhen};
use crate::retry::diagnosis::{Clues, diagnose};
use crate::retry::edge::Flow;
use crate::retry::event::Event;
use crate::retry::outcome::{Doing, Ending, Outcome};
use crate::retry::pace::Pause;
use crate::retry::patience::Patience;
use crate::retry::usual::Usual;
use crate::retry::watch::{self, Input, Watch};

/// How often a log that cannot be read is asked for where nothing depends on
/// it.
const MOST_TRIES: u32 = 3;

/// How long it is waited for there: the verdict is known.
const SOON: Duration = Duration::from_secs(5);

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
        self.usual = Usual::from_deployments(&self.listed.deployments);
        self.edge.show(&Event::Awaiting {
            target: Box::new(target.clone()),
            usual: self.usual.clone(),
        });
        let (elapsed, usual) = (self.edge.elapsed(), self.usual.clone());
        let watch = Watch::new(elapsed, usual, self.config.poll_every);
        self.listed = Listed::default();
        let outcome = self.watch(watch, &target.id, None).await?;
        if let Outcome::Deployed = outcome {
            return ControlFlow::Break(Outcome::NothingToRetry);
        }
        if let Outcome::Failed { .. } | Outcome::Canceled { .. } = outcome {
            self.edge.doing = Doing::Preparing;
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
        let (elapsed, usual) = (self.edge.elapsed(), self.usual.clone());
        let watch = Watch::new(elapsed, usual, self.config.poll_every);
        let watch = watch.of_new(&deployment, original);
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
            let asked = self.edge.ask(self.client.deployment(id)).await?;
            let input = match asked.result {
                Ok(deployment) => {
                    self.remember(&deployment, attempt);
                    Input::Polled {
                        deployment: Box::new(deployment),
                        date: asked.head.date,
                    }
                }
                Err(error) => Input::PollFailed(error),
            };
            let elapsed = self.edge.elapsed();
            let watch::Reaction { events, next } = watch.handle(elapsed, input);
            for event in &events {
                self.edge.show(event);
            }
            let streamed = match attempt.filter(|_| self.config.logs == Logs::Always) {
                Some(attempt) => self.stream(&mut log, id, attempt).await,
                None => ControlFlow::Continue(()),
            };
            let stage = watch.running(elapsed).map(|(stage, _)| stage);
            let what = stage
                .as_ref()
                .map_or_else(|| "queued".to_owned(), ToString::to_string);
            self.edge.now_running(&what);
            self.edge.doing = Doing::Watching { stage };
            match next {
                watch::Next::PollIn(pause) => {
                    streamed?;
                    self.edge.wait(pause).await?;
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
        if let Outcome::Unreachable { what, .. } = &mut outcome {
            let page = Ending::page(&self.config.project_name, id);
            let _ = write!(what, "; deployment {id} goes on at Cloudflare: {page}");
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
        let asked = self.edge.read_log(self.client, id, skip, take).await?;
        log.was_read = asked.result.is_ok();
        ControlFlow::Continue(())
    }

    /// Says why a deployment failed, and whether another attempt is worth it.
    pub(super) async fn diagnose(&mut self, attempt: u32, stage: &StageName) -> Flow<bool> {
        let Some(id) = self.attempts.last().map(|it| it.deployment.id.clone()) else {
            return ControlFlow::Continue(false);
        };
        let wants_log = match self.config.logs {
            Logs::OnFailure | Logs::Always => true,
            Logs::Never => 1 < self.config.max_attempts,
        };
        let is_streamed = self.config.logs == Logs::Always;
        let decides =
            attempt < self.config.max_attempts && self.config.retry_when == RetryWhen::Transient;
        let mut log = std::mem::take(&mut self.log);
        self.edge.now_running("the reading of the build log");
        let mut patience = Patience::default();
        let mut tries = 0;
        while wants_log && !log.was_read {
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
            let asked = self.edge.read_log(self.client, &id, skip, take).await?;
            let Err(error) = asked.result else {
                log.was_read = true;
                break;
            };
            let again = patience.failed(self.edge.elapsed(), &error);
            let is_soon = |pause: &Pause| tries < MOST_TRIES && pause.at_least <= SOON;
            let Some((event, pause)) = again.filter(|(_, it)| decides || is_soon(it)) else {
                let message = format!("failed to read the build log: {error}");
                self.edge.show(&Event::Warned { message });
                break;
            };
            if decides {
                self.edge.show(&event);
            }
            self.edge.wait(pause).await?;
        }
        if self.config.logs == Logs::OnFailure {
            let lines: Vec<_> = log.clues.tail().map(str::to_owned).collect();
            let shown = lines.len();
            if shown < log.lines {
                let message = format!("The build log has {} lines; its last {shown}:", log.lines);
                self.edge.show(&Event::Noticed { message });
            }
            self.edge.show(&Event::LogRead { attempt, lines });
        }
        let diagnosis = diagnose(stage, log.was_read.then_some(&log.clues));
        if 1 < self.config.max_attempts {
            let reason = diagnosis.reason.to_owned();
            self.edge.show(&Event::Diagnosed { reason });
        }
        if let Some(attempt) = self.attempts.last_mut().filter(|_| log.was_read) {
            attempt.reason = Some(diagnosis.reason);
            attempt.advice = diagnosis.advice;
            attempt.telling = diagnosis.telling;
        }
        ControlFlow::Continue(match self.config.retry_when {
            RetryWhen::Any => true,
            RetryWhen::Transient => diagnosis.is_transient,
        })
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
        let asked = self.edge.ask(list).await?;
        let newer = asked.result.ok().and_then(|page| {
            page.deployments.into_iter().find(|it| {
                it.id != skipped.id
                    && skipped.created_on < it.created_on
                    && it.branch() == skipped.branch()
            })
        });
        ControlFlow::Continue(newer.map(|it| (it.short_id().to_owned(), it.url)))
    }
}
