//! Finds the deployment that is meant, and what is newer, with as few pages of
//! the list as it takes.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::time::Duration;

use super::{Listed, Run};
use crate::cloudflare::deployment::Deployment;
use crate::cloudflare::transport::Transport;
use crate::io::Flow;
use crate::retry::pace::Pause;
use crate::retry::target::{self, Target};
use crate::retry::trigger::Rest;
use crate::run::event::Event;
use crate::run::outcome::Outcome;
use crate::run::wording::format_duration;

/// How long the deployment of a commit is waited for.
const APPEARS_WITHIN: Duration = Duration::from_mins(5);

/// How often the list is read meanwhile.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How old a list may be that the guard is asked about.
const FRESH: Duration = Duration::from_secs(10);

/// The most pages of the list that are read for one question.
const MOST_PAGES: usize = 40;

impl<T: Transport> Run<'_, T> {
    /// Finds the deployment that is meant.
    pub(super) async fn resolve(&mut self) -> Flow<Deployment> {
        let Target::Id(id) = &self.options.target else {
            return self.search().await;
        };
        let client = self.client;
        let error = match self.session.read(|| client.deployment(id)).await? {
            Ok(found) => return ControlFlow::Continue(found),
            Err(error) => error,
        };
        if error.is_no_such_deployment() {
            self.list(None, |_| true).await?;
            return self.not_found();
        }
        ControlFlow::Break(Outcome::from_api_error(&error))
    }

    /// Looks through the list, the newest first. The deployment of a commit
    /// that is not there yet is waited for.
    async fn search(&mut self) -> Flow<Deployment> {
        let (target, filter) = (&self.options.target, &self.options.filter);
        let began = self.session.io.elapsed();
        // What was looked through once need not be read again.
        let mut seen = HashSet::new();
        let mut is_told = false;
        loop {
            let is_enough = |listed: &[Deployment]| {
                !target::find(target, filter, listed).is_empty()
                    || listed.iter().any(|it| seen.contains(&it.id))
            };
            self.list(filter.environment, is_enough).await?;
            let found = target::find(target, filter, &self.listed.deployments);
            match found.as_slice() {
                [found] => return ControlFlow::Continue((*found).clone()),
                [] => {}
                [_, ..] => {
                    let ids = found.iter().map(|it| it.id.as_str());
                    return ControlFlow::Break(Outcome::ApiError {
                        what: format!(
                            "{} is ambiguous: {}",
                            target.describe(filter),
                            ids.collect::<Vec<_>>().join(", ")
                        ),
                        hint: Some("use the whole id".to_owned()),
                    });
                }
            }
            let waited = self.session.io.elapsed().saturating_sub(began);
            if !target.can_be_filtered() || filter.commit_hash.is_none() || APPEARS_WITHIN <= waited
            {
                return self.not_found();
            }
            if !is_told {
                is_told = true;
                let what = target.describe(filter);
                let message = format!(
                    "Waiting up to {} for the {what}",
                    format_duration(APPEARS_WITHIN)
                );
                self.session.io.show(&Event::Noticed { message });
            }
            seen.extend(self.listed.deployments.iter().map(|it| it.id.clone()));
            self.session
                .io
                .now_running("the wait for the commit's deployment");
            self.session.wait(Pause::exactly(LOOK_EVERY)).await?;
        }
    }

    fn not_found(&mut self) -> Flow<Deployment> {
        let (target, filter) = (&self.options.target, &self.options.filter);
        let listed = &self.listed.deployments;
        let what = target.describe(filter);
        ControlFlow::Break(if target::is_of_another_project(target, listed) {
            Outcome::UsageError {
                problems: vec![format!(
                    "input `deployment_id` is a URL of another project than `{}`: {what}",
                    self.options.project_name
                )],
            }
        } else {
            Outcome::ApiError {
                what: format!(
                    "there is no {what} in project {}",
                    self.options.project_name
                ),
                hint: Some(target::candidates(target, listed)),
            }
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
        for page in 1..=MOST_PAGES {
            let client = self.client;
            let read = self
                .session
                .read(|| client.deployments(environment, page))
                .await?;
            let read = match read {
                Ok(read) => read,
                Err(error) => return ControlFlow::Break(Outcome::from_api_error(&error)),
            };
            let listed = &mut self.listed.deployments;
            for deployment in read.deployments {
                // What is new meanwhile pushes others onto the next page.
                if !listed.iter().any(|it| it.id == deployment.id) {
                    listed.push(deployment);
                }
            }
            if !read.has_next {
                self.listed.rest = Rest::Nothing;
            }
            if !read.has_next || is_enough(&self.listed.deployments) {
                self.listed.is_whole = true;
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
        let reaches = |listed: &[Deployment]| target::reaches(original, listed);
        self.list(original.environment(), reaches).await?;
        self.require_whole(original)
    }

    /// Refuses where a deployment that was not read may be in the way.
    pub(super) fn require_whole(&self, original: &Deployment) -> Flow<()> {
        if !self.listed.is_whole && !self.options.allow_older {
            return ControlFlow::Break(Outcome::Refused {
                why: format!(
                    "deployment {} is older than the newest {}, too many to search for one that is live or in progress; set `allow_older: true` to retry it anyway",
                    original.short_id(),
                    self.listed.deployments.len()
                ),
            });
        }
        ControlFlow::Continue(())
    }
}
