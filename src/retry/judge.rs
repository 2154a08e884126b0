//! Whether there is an attempt at all, and another one: the target is watched to
//! its end first, its failure may have to be transient, and the guard must
//! allow the retry.

use std::ops::ControlFlow;

use super::Run;
use crate::cloudflare::deployment::Deployment;
use crate::cloudflare::transport::Transport;
use crate::io::Flow;
use crate::retry::guard::{Guard, Newer, guard};
use crate::retry::options::RetryWhen;
use crate::retry::target::Target;
use crate::run::event::Event;
use crate::run::outcome::{Outcome, Phase};
use crate::run::verdict::verdict;
use crate::run::wording::describe;

impl<T: Transport> Run<'_, '_, T> {
    /// Finds the target and watches it to its end, if it is still in progress.
    /// Only one that is to be retried comes back; with `dry_run` also one in
    /// progress.
    pub(super) async fn resolve_ended(&mut self) -> Flow<Deployment> {
        let mut succeeded: Option<(Deployment, Outcome)> = None;
        loop {
            let target = self.resolve().await?;
            if verdict(&target).is_none()
                && let Some((first, outcome)) = succeeded
            {
                // No candidate has failed while the first one was watched.
                self.original = Some(first);
                return ControlFlow::Break(outcome);
            }
            self.original = Some(target.clone());
            if verdict(&target).is_some() || self.options.dry_run {
                return ControlFlow::Continue(target);
            }
            let ended = self.await_end(target).await;
            if let ControlFlow::Break(outcome @ Outcome::NothingToRetry { .. }) = &ended
                && self.has_others_in_progress
            {
                // Another candidate may have failed meanwhile.
                succeeded = self.original.clone().map(|it| (it, outcome.clone()));
                continue;
            }
            return ended;
        }
    }

    /// Ends the run if the failure of a target of `latest-failed` does not
    /// deserve a retry.
    pub(super) async fn judge(&mut self, target: &Deployment) -> Flow<()> {
        let is_to_be_judged = self.options.target == Target::LatestFailed
            && self.options.retry_when == RetryWhen::Transient;
        let Some(outcome) = verdict(target).filter(|_| is_to_be_judged) else {
            return ControlFlow::Continue(());
        };
        let why = match &outcome {
            Outcome::Canceled { .. } => {
                "it was canceled, and `retry_when: transient` retries transient failures only"
            }
            Outcome::Failed { stage } => match self.diagnose_target(target, stage).await? {
                Some(why) => why,
                None => return ControlFlow::Continue(()),
            },
            // No other outcome is retried, nor comes here.
            Outcome::Deployed
            | Outcome::Triggered
            | Outcome::NothingToRetry { .. }
            | Outcome::DryRun
            | Outcome::Skipped { .. }
            | Outcome::Deleted
            | Outcome::Unreachable { .. }
            | Outcome::Refused { .. }
            | Outcome::TimedOut { .. }
            | Outcome::Interrupted { .. }
            | Outcome::ApiError { .. }
            | Outcome::UsageError { .. } => return ControlFlow::Continue(()),
        };
        if self.options.dry_run {
            let message = format!("Would not retry {}: {why}", describe(target));
            self.session.io.show(&Event::Noticed { message });
            return ControlFlow::Break(Outcome::DryRun);
        }
        // The last line of a failure says why by itself.
        if let Outcome::Canceled { .. } = outcome {
            let message = format!("Not retried: {why}");
            self.session.io.show(&Event::Noticed { message });
        }
        ControlFlow::Break(outcome)
    }

    /// How a run ends whose last attempt `failed` and whose next one came to
    /// an `end` before it could be made: the failure stays what is known,
    /// unless a deployment may have been created.
    pub(super) fn keep_last_failure(&mut self, end: Outcome, failed: Outcome) -> Outcome {
        let is_preparing = self.session.io.phase == Phase::Preparing;
        let why = match &end {
            // The guard says itself if a POST may have been executed.
            Outcome::Refused { why } => why.clone(),
            Outcome::ApiError { what, hint } if is_preparing => {
                let hint = hint.as_ref().map(|it| format!("; {it}"));
                format!("{what}{}", hint.unwrap_or_default())
            }
            Outcome::TimedOut { .. } if is_preparing => "`timeout` has passed".to_owned(),
            Outcome::ApiError { .. }
            | Outcome::TimedOut { .. }
            | Outcome::Interrupted { .. }
            | Outcome::Deployed
            | Outcome::Triggered
            | Outcome::NothingToRetry { .. }
            | Outcome::DryRun
            | Outcome::Failed { .. }
            | Outcome::Canceled { .. }
            | Outcome::Skipped { .. }
            | Outcome::Deleted
            | Outcome::Unreachable { .. }
            | Outcome::UsageError { .. } => return end,
        };
        let message = format!("no further attempt: {why}");
        self.session.io.show(&Event::Warned { message });
        failed
    }

    /// Refuses what would overwrite a newer deployment, by the list as it was
    /// last read.
    pub(super) fn guard(&mut self, original: &Deployment) -> Flow<()> {
        let listed = &self.listed.deployments;
        let ours = self.attempts.iter().map(|it| it.deployment.id.as_str());
        let ours: Vec<_> = ours.collect();
        let newer = if self.options.allow_older {
            Newer::MayBeOverwritten
        } else {
            Newer::Protect
        };
        match guard(original, listed, &ours, newer) {
            Guard::Passed { warning } => {
                if let Some(message) = warning.filter(|_| self.attempts.is_empty()) {
                    self.session.io.show(&Event::Warned { message });
                }
                ControlFlow::Continue(())
            }
            Guard::Refused { why } => ControlFlow::Break(Outcome::Refused { why }),
        }
    }
}
