//! Finds the deployment that is meant, and what is newer, with as few pages of
//! the list as it takes.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::time::Duration;

use super::{Listed, Run};
use crate::cloudflare::deployment::Deployment;
use crate::cloudflare::page::{Position, Reading};
use crate::cloudflare::transport::Transport;
use crate::io::Flow;
use crate::retry::appearance::{Appearance, Next, WHAT_TO_CHECK};
use crate::retry::candidates::{self, Choice, MAX_SEARCHED};
use crate::retry::filter::Environment;
use crate::retry::guard::{self, upload_refused};
use crate::retry::not_there;
use crate::retry::pace::Pause;
use crate::retry::target::{self, Target};
use crate::retry::trigger::Rest;
use crate::run::event::Event;
use crate::run::outcome::Outcome;

/// How old a list may be for the guard.
const FRESH: Duration = Duration::from_secs(10);

/// How many deployments are read for one question, and in how many pages: the
/// API may choose a smaller page than requested.
const MAX_LISTED: usize = 1_000;
const MAX_PAGES: usize = 100;

/// What the search found.
enum Found {
    /// The target, to be watched first if it is still in progress.
    Target(Box<Deployment>),
    /// There is one, and it ends the run.
    End(Outcome),
    Nothing,
}

impl<T: Transport> Run<'_, '_, T> {
    /// Finds the deployment that is meant.
    pub(super) async fn resolve(&mut self) -> Flow<Deployment> {
        let options = self.options;
        match &options.target {
            Target::Id(id) => self.resolve_id(id).await,
            Target::ShortId(_) | Target::Host(_) => self.resolve_name().await,
            Target::Latest | Target::LatestFailed => self.search().await,
        }
    }

    async fn resolve_id(&mut self, id: &str) -> Flow<Deployment> {
        let client = self.client;
        let error = match self.session.read(|| client.deployment(id)).await? {
            Ok(found) => return ControlFlow::Continue(found),
            Err(error) => error,
        };
        if error.is_no_such_deployment() {
            let is_enough = |listed: &[Deployment]| {
                MAX_SEARCHED <= listed.len() || not_there::other_input(id, listed).is_some()
            };
            self.list(None, is_enough).await?;
            // The deployment was requested directly; the list only helps to explain.
            return self.not_found(None);
        }
        ControlFlow::Break(Outcome::from_api_error(&error))
    }

    /// Finds a short id or an address in the list.
    async fn resolve_name(&mut self) -> Flow<Deployment> {
        let options = self.options;
        let target = &options.target;
        let is_enough = |listed: &[Deployment]| !target::find(target, listed).is_empty();
        self.list(None, is_enough).await?;
        let found = target::find(target, &self.listed.deployments);
        match found.as_slice() {
            [found] => ControlFlow::Continue((*found).clone()),
            [] => self.not_found(self.searched_part(self.listed.deployments.len())),
            [_, ..] => {
                let ids = found.iter().map(|it| it.id.as_str());
                let ids = ids.collect::<Vec<_>>().join(", ");
                ControlFlow::Break(Outcome::ApiError {
                    what: format!(
                        "{} is ambiguous: {ids}",
                        target.describe(&self.options.filter)
                    ),
                    hint: Some("use the whole id".to_owned()),
                })
            }
        }
    }

    /// Searches for what `latest` or `latest-failed` means. The deployment of a
    /// commit that is not there yet is waited for.
    async fn search(&mut self) -> Flow<Deployment> {
        let options = self.options;
        let filter = &options.filter;
        let environment = filter.environment.map(Environment::name);
        let is_failed = options.target == Target::LatestFailed;
        let mut appearance = Appearance::new(self.session.io.elapsed());
        // What was searched once need not be read again.
        let mut seen: HashSet<String> = HashSet::new();
        let mut has_seen_end = false;
        loop {
            let is_enough = |listed: &[Deployment]| {
                let is_decided = if is_failed {
                    candidates::is_decided(filter, listed)
                } else {
                    candidates::latest(filter, listed).is_some()
                };
                is_decided || listed.iter().any(|it| seen.contains(&it.id))
            };
            self.list(environment, is_enough).await?;
            seen.extend(self.listed.deployments.iter().map(|it| it.id.clone()));
            has_seen_end |= self.listed.rest == Rest::Nothing;
            let part = Some(seen.len()).filter(|_| !has_seen_end);
            match self.choose() {
                Found::Target(target) => return ControlFlow::Continue(*target),
                Found::End(outcome) => return ControlFlow::Break(outcome),
                Found::Nothing if filter.commit_hash.is_none() => return self.not_found(part),
                Found::Nothing => {}
            }
            let what = self.options.target.describe(filter);
            let elapsed = self.session.io.elapsed();
            let Next::LookAgain { message, pause } = appearance.not_there(elapsed, &what) else {
                return self.not_found(part);
            };
            if let Some(message) = message {
                self.session.io.show(&Event::Noticed { message });
            }
            self.session
                .io
                .now_running(&format!("the wait for the {what}"));
            self.session.wait(Pause::exactly(pause)).await?;
        }
    }

    /// What a keyword means in the list as it was read.
    fn choose(&mut self) -> Found {
        let options = self.options;
        let filter = &options.filter;
        let listed = &self.listed.deployments;
        if options.target == Target::Latest {
            let latest = candidates::latest(filter, listed).cloned();
            return latest.map_or(Found::Nothing, |it| Found::Target(Box::new(it)));
        }
        let (found, notice) = match candidates::choose(filter, listed) {
            Choice::Failed { target, others } => {
                let notice = candidates::describe_others(&others);
                (Found::Target(Box::new(target.clone())), notice)
            }
            Choice::InProgress { target, others } => {
                self.has_others_in_progress = !others.is_empty();
                (Found::Target(Box::new(target.clone())), self.search_limit())
            }
            Choice::AllSucceeded { examined } => {
                let what = candidates::describe_examined(filter, &examined);
                let newest = examined.first().copied().cloned();
                let notice = self.search_limit();
                self.original = newest;
                (Found::End(Outcome::NothingToRetry { what }), notice)
            }
            Choice::OnlyFailedUploads { newest } => {
                let why = upload_refused(newest);
                let newest = newest.clone();
                self.original = Some(newest);
                (Found::End(Outcome::Refused { why }), None)
            }
            Choice::OnlySkipped { newest } => {
                let what = candidates::describe_skipped(filter, newest);
                let notice = self.search_limit();
                self.original = Some(newest.clone());
                (Found::End(Outcome::NothingToRetry { what }), notice)
            }
            Choice::NoMatch => (Found::Nothing, None),
        };
        if let Some(message) = notice {
            self.session.io.show(&Event::Noticed { message });
        }
        found
    }

    /// Says that no failed candidate was found among those searched, where
    /// there are more of them.
    fn search_limit(&self) -> Option<String> {
        let filter = &self.options.filter;
        let count = self.listed.deployments.len();
        let is_limited = MAX_SEARCHED <= count
            && self.listed.rest == Rest::Unread
            && !filter.is_of_one_address();
        is_limited.then(|| {
            format!(
                "searched only the newest {MAX_SEARCHED} deployments for failed ones; older ones were not examined"
            )
        })
    }

    /// The number of deployments that were read, if that was not all of them.
    fn searched_part(&self, count: usize) -> Option<usize> {
        Some(count).filter(|_| self.listed.rest == Rest::Unread)
    }

    /// How a run ends that found no target; `part` is the number of deployments
    /// searched, if that was not all of them.
    fn not_found(&mut self, part: Option<usize>) -> Flow<Deployment> {
        let (target, filter) = (&self.options.target, &self.options.filter);
        let project = &self.options.project_name;
        let listed = &self.listed.deployments;
        let what = target.describe(filter);
        if target::is_of_another_project(target, listed) {
            return ControlFlow::Break(Outcome::UsageError {
                problems: vec![format!(
                    "input `deployment_id` is a URL of another project than `{project}`: {what}"
                )],
            });
        }
        let searched = part.map(not_there::describe_searched);
        let searched = searched.unwrap_or_default();
        let mut hints = Vec::new();
        if let Target::Id(text) | Target::ShortId(text) | Target::Host(text) = target {
            hints.extend(not_there::other_input(text, listed));
        }
        if filter.commit_hash.is_some() && target.can_be_filtered() {
            hints.push(WHAT_TO_CHECK.to_owned());
        }
        hints.push(not_there::describe_newest(listed, self.session.api_time()));
        ControlFlow::Break(Outcome::ApiError {
            what: format!("there is no {what} in project {project}{searched}"),
            hint: Some(hints.join("; ")),
        })
    }

    /// Reads pages of the list until `is_enough`, or to the end.
    pub(super) async fn list(
        &mut self,
        environment: Option<&str>,
        is_enough: impl Fn(&[Deployment]) -> bool,
    ) -> Flow<()> {
        self.listed = Listed {
            began: self.session.io.elapsed(),
            ..Listed::default()
        };
        let mut reading = Reading::default();
        for page in 1..=MAX_PAGES {
            let client = self.client;
            let read = self
                .session
                .read(|| client.deployments(environment, page))
                .await?;
            let read = match read {
                Ok(read) => read,
                Err(error) => return ControlFlow::Break(Outcome::from_api_error(&error)),
            };
            let mut page = read;
            let listed = &mut self.listed.deployments;
            let before = listed.len();
            for deployment in std::mem::take(&mut page.deployments) {
                // What is new meanwhile pushes others onto the next page.
                if !listed.iter().any(|it| it.id == deployment.id) {
                    listed.push(deployment);
                }
            }
            let position = reading.read(&page, before < listed.len());
            if position == Position::End {
                self.listed.rest = Rest::Nothing;
            }
            self.listed.is_whole = position == Position::End || is_enough(listed);
            let is_limit = MAX_LISTED <= listed.len();
            if self.listed.is_whole || position == Position::Unclear || is_limit {
                break;
            }
        }
        ControlFlow::Continue(())
    }

    /// Reads all that is newer than `original`, unless it was read just now.
    pub(super) async fn list_newer(&mut self, original: &Deployment) -> Flow<()> {
        let age = self.session.io.elapsed().saturating_sub(self.listed.began);
        let is_fresh = self.attempts.is_empty()
            && age < FRESH
            && self
                .listed
                .deployments
                .iter()
                .any(|it| it.id == original.id);
        if is_fresh {
            return ControlFlow::Continue(());
        }
        let reaches = |listed: &[Deployment]| guard::reaches(original, listed);
        self.list(original.environment(), reaches).await?;
        self.require_whole(original)
    }

    /// Refuses if a newer deployment may be among those that were not read.
    pub(super) fn require_whole(&self, original: &Deployment) -> Flow<()> {
        if !self.listed.is_whole && !self.options.allow_older {
            return ControlFlow::Break(Outcome::Refused {
                why: format!(
                    "the list could not be read back to deployment {}: {} deployments were read, and a newer one may be live or in progress; set `allow_older: true` to retry it anyway",
                    original.short_id(),
                    self.listed.deployments.len()
                ),
            });
        }
        ControlFlow::Continue(())
    }
}
