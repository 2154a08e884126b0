//! Makes exactly one new deployment.
//!
//! The request to retry has no idempotency key. So it is sent again only when
//! an answer proves that it was not taken, or when the list has not shown a
//! new deployment for [`LIST_LAG`] after an answer was lost.
//!
//! Invariant: no I/O, no clock. New is told from old by what the API itself
//! said before, never by the local clock.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::cloudflare::Page;
use crate::cloudflare::deployment::Deployment;
use crate::cloudflare::error::ClientError;
use crate::report::line::span;
use crate::retry::event::Event;
use crate::retry::outcome::Outcome;
use crate::retry::pace::Pause;
use crate::retry::patience::Patience;

/// How long the list may take to show a new deployment.
const LIST_LAG: Duration = Duration::from_secs(15);

/// How often the request is sent when each answer is lost.
const MOST_POSTS: u32 = 3;

/// How far two clocks of the API may be apart.
const SKEW: TimeDelta = TimeDelta::seconds(60);

#[must_use = "the events must be reported and the next step taken"]
pub(crate) struct Reaction {
    pub(crate) events: Vec<Event>,
    pub(crate) next: Next,
}

pub(crate) enum Next {
    /// Wait, then send the request to retry.
    Post(Pause),
    /// Wait, then read the list.
    List(Pause),
    /// Ask the guard again, then send the request to retry.
    Guard,
    /// This is the new deployment.
    Adopt(Box<Deployment>),
    Finish(Outcome),
}

pub(crate) struct Trigger {
    original: Deployment,
    known: HashSet<String>,
    /// When the newest known deployment was created.
    newest: Option<DateTime<Utc>>,
    /// The API's time when the list was read.
    read_at: Option<DateTime<Utc>>,
    lost_posts: u32,
    lost_at: Duration,
    patience: Patience,
}

impl Trigger {
    /// Remembers what was there before: the deployments `listed` at the API's
    /// time `read_at`.
    pub(crate) fn new(
        original: Deployment,
        listed: &[Deployment],
        read_at: Option<DateTime<Utc>>,
    ) -> Self {
        let known = listed.iter().map(|it| it.id.clone());
        let newest = listed.iter().filter_map(|it| it.created_on).max();
        Self {
            known: known.chain([original.id.clone()]).collect(),
            newest: newest.max(original.created_on),
            original,
            read_at,
            lost_posts: 0,
            lost_at: Duration::ZERO,
            patience: Patience::default(),
        }
    }

    /// Whether a deployment may have been made that we do not know.
    pub(crate) fn is_unsure(&self) -> bool {
        0 < self.lost_posts
    }

    /// Takes in the answer to the request to retry.
    pub(crate) fn posted(
        &mut self,
        elapsed: Duration,
        answer: Result<Deployment, ClientError>,
    ) -> Reaction {
        let error = match answer {
            Ok(deployment) => return Reaction::silently(Next::Adopt(Box::new(deployment))),
            Err(error) => error,
        };
        if error.proves_it_was_not_taken() {
            let Some((event, pause)) = self.patience.failed(elapsed, &error) else {
                return self.give_up(&error);
            };
            return Reaction {
                events: vec![event],
                next: Next::Post(pause),
            };
        }
        self.patience.answered();
        self.lost_posts += 1;
        self.lost_at = elapsed;
        let message = format!(
            "the answer to the retry was lost ({error}); looking whether a deployment was made"
        );
        Reaction {
            events: vec![Event::Warned { message }],
            next: Next::List(Pause::exactly(Duration::from_secs(1))),
        }
    }

    /// Takes in the list, read after an answer was lost.
    pub(crate) fn listed(
        &mut self,
        elapsed: Duration,
        answer: Result<&Page, &ClientError>,
    ) -> Reaction {
        let page = match answer {
            Ok(page) => page,
            Err(error) => {
                let Some((event, pause)) = self.patience.failed(elapsed, error) else {
                    return self.give_up(error);
                };
                return Reaction {
                    events: vec![event],
                    next: Next::List(pause),
                };
            }
        };
        self.patience.answered();
        let new = self.new_in(&page.deployments);
        if let Some(deployment) = new.first() {
            return Reaction {
                events: self.doubts(&new),
                next: Next::Adopt(Box::new((*deployment).clone())),
            };
        }
        let waited = elapsed.saturating_sub(self.lost_at);
        let rest = LIST_LAG.saturating_sub(waited);
        if !rest.is_zero() {
            let pause = Pause::exactly(rest.min(Duration::from_secs(3)));
            return Reaction::silently(Next::List(pause));
        }
        if self.lost_posts < MOST_POSTS {
            let message = format!(
                "no new deployment was listed within {}; asking to retry again",
                span(LIST_LAG)
            );
            return Reaction {
                events: vec![Event::Noticed { message }],
                next: Next::Guard,
            };
        }
        Reaction::silently(Next::Finish(Outcome::Unreachable {
            what: format!(
                "the answer to the retry was lost {MOST_POSTS} times, and no new deployment was listed; one may have been made"
            ),
            hint: Some("look at the dashboard before the step is run again".to_owned()),
        }))
    }

    /// The deployments that may be ours, the likeliest first.
    fn new_in<'a>(&self, listed: &'a [Deployment]) -> Vec<&'a Deployment> {
        let is_new = |it: &&Deployment| {
            let after_list = self.read_at.is_none_or(|read_at| {
                it.created_on
                    .is_some_and(|created_on| read_at - SKEW <= created_on)
            });
            !self.known.contains(&it.id)
                && self.newest < it.created_on
                && after_list
                && it.environment == self.original.environment
                && it.branch() == self.original.branch()
                && it.commit_hash() == self.original.commit_hash()
        };
        let mut new: Vec<_> = listed.iter().filter(is_new).collect();
        new.sort_by_key(|it| (self.unlikeliness(it), Reverse(it.created_on)));
        new
    }

    /// Which type a retry has is not documented: `ad_hoc`, as all that the API
    /// starts, or the original's.
    fn unlikeliness(&self, deployment: &Deployment) -> u8 {
        let kind = deployment.deployment_trigger.kind.as_str();
        let is_originals = kind == self.original.deployment_trigger.kind;
        match kind {
            "ad_hoc" => 0,
            _ if is_originals => 1,
            _ => 2,
        }
    }

    /// Says so where a deployment of somebody else may look like ours.
    fn doubts(&self, new: &[&Deployment]) -> Vec<Event> {
        let [ours, others @ ..] = new else {
            return Vec::new();
        };
        let alike = |it: &&&Deployment| self.unlikeliness(it) == self.unlikeliness(ours);
        let mut message = format!(
            "found deployment {}, made by the lost retry",
            ours.short_id()
        );
        let is_doubtful = match others.iter().find(alike) {
            Some(other) => {
                message = format!(
                    "deployments {} and {} are both new and alike; one was made by the retry, one by somebody else: watching the former",
                    ours.short_id(),
                    other.short_id()
                );
                true
            }
            None if ours.deployment_trigger.kind == "github:push" => {
                message.push_str(", or by a push of the same commit at the same moment");
                true
            }
            None => false,
        };
        vec![if is_doubtful {
            Event::Warned { message }
        } else {
            Event::Noticed { message }
        }]
    }

    fn give_up(&self, error: &ClientError) -> Reaction {
        let mut what = error.to_string();
        if self.is_unsure() {
            what.push_str("; a deployment may have been made");
        }
        Reaction::silently(Next::Finish(Outcome::Unreachable {
            what,
            hint: error.hint().map(str::to_owned),
        }))
    }
}

impl Reaction {
    fn silently(next: Next) -> Self {
        Self {
            events: Vec::new(),
            next,
        }
    }
}
