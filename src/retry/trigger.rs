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

use crate::cloudflare::deployment::Deployment;
use crate::cloudflare::error::{ClientError, error_chain};
use crate::cloudflare::page::Page;
use crate::retry::failure_budget::FailureBudget;
use crate::retry::pace::Pause;
use crate::run::event::Event;
use crate::run::outcome::Outcome;
use crate::run::wording::format_duration;

/// How long the list may take to show a new deployment.
const LIST_LAG: Duration = Duration::from_secs(15);

/// How often the request is sent when each answer is lost.
const MOST_POSTS: u32 = 3;

/// How far two clocks of the API may be apart; a gateway may set one of them.
const SKEW: TimeDelta = TimeDelta::minutes(5);

#[must_use = "the events must be reported and the next step taken"]
pub(super) struct Reaction {
    pub events: Vec<Event>,
    pub next: Next,
}

pub(super) enum Next {
    /// Send the request to retry.
    Post,
    /// Wait, then read the list.
    List(Pause),
    /// Ask the guard again about the list just read, then send the request.
    Guard,
    /// This is the new deployment.
    Adopt(Box<Deployment>),
    Finish(Outcome),
}

pub(super) struct Trigger {
    original: Deployment,
    /// What is retried instead where the API refuses to retry `original`.
    instead: Option<Deployment>,
    known: HashSet<String>,
    /// When the newest known deployment was created.
    newest: Option<DateTime<Utc>>,
    /// The API's time when the list was read.
    read_at: Option<DateTime<Utc>>,
    lost_posts: u32,
    lost_at: Duration,
    /// A no after a lost answer, which may have been a yes.
    refused: Option<ClientError>,
    /// With the request to retry.
    failures: FailureBudget,
    /// With the list.
    list_failures: FailureBudget,
}

impl Trigger {
    /// Remembers what was there before: the deployments `listed` at the API's
    /// time `read_at`.
    pub(super) fn new(
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
            instead: None,
            read_at,
            lost_posts: 0,
            lost_at: Duration::ZERO,
            refused: None,
            failures: FailureBudget::default(),
            list_failures: FailureBudget::default(),
        }
    }

    /// Retries `other` where the API refuses to retry the deployment that was
    /// given first: whether a retry can itself be retried is not documented.
    pub(super) fn or(mut self, other: &Deployment) -> Self {
        self.known.insert(other.id.clone());
        self.instead = Some(other.clone()).filter(|it| it.id != self.original.id);
        self
    }

    /// The deployment to retry.
    pub(super) fn original(&self) -> &Deployment {
        &self.original
    }

    /// Whether a deployment may have been created that we do not know.
    pub(super) fn is_unsure(&self) -> bool {
        0 < self.lost_posts
    }

    /// Takes in the answer to the request to retry.
    pub(super) fn posted(
        &mut self,
        elapsed: Duration,
        answer: Result<Deployment, ClientError>,
    ) -> Reaction {
        let error = match answer {
            Ok(deployment) => return Reaction::silently(Next::Adopt(Box::new(deployment))),
            Err(error) => error,
        };
        let is_about_it = error.rejects_deployment();
        if is_about_it && self.is_unsure() {
            // Perhaps because it has been retried: what was lost.
            self.refused = Some(error);
            self.lost_at = elapsed;
            return Reaction::silently(Next::List(Pause::exactly(Duration::from_secs(1))));
        }
        if is_about_it && let Some(instead) = self.instead.take() {
            let (refused, id) = (self.original.short_id(), instead.short_id());
            let message = format!(
                "deployment {refused} cannot be retried ({}); retrying {id} again",
                error_chain(&error)
            );
            self.original = instead;
            return Reaction {
                events: vec![Event::Warned { message }],
                next: Next::Post,
            };
        }
        if error.proves_not_executed() {
            let Some((event, pause)) = self.failures.failed(elapsed, &error) else {
                return self.give_up(&error);
            };
            return Reaction {
                events: vec![event],
                next: Next::List(pause),
            };
        }
        self.failures.answered();
        self.lost_posts += 1;
        self.lost_at = elapsed;
        let message = format!(
            "no usable response to the retry request ({}); checking whether a deployment was created",
            error_chain(&error)
        );
        Reaction {
            events: vec![Event::Warned { message }],
            next: Next::List(Pause::exactly(Duration::from_secs(1))),
        }
    }

    /// Takes in the list, read after an answer was lost or a wait.
    pub(super) fn listed(
        &mut self,
        elapsed: Duration,
        answer: Result<&Page, &ClientError>,
    ) -> Reaction {
        let page = match answer {
            Ok(page) => page,
            Err(error) => {
                let Some((event, pause)) = self.list_failures.failed(elapsed, error) else {
                    return self.give_up(error);
                };
                return Reaction {
                    events: vec![event],
                    next: Next::List(pause),
                };
            }
        };
        self.list_failures.answered();
        if !self.is_unsure() {
            // Nothing of this is ours: it was there before the next request.
            let listed = page.deployments.iter();
            self.known.extend(listed.clone().map(|it| it.id.clone()));
            self.newest = listed.filter_map(|it| it.created_on).max().max(self.newest);
            self.failures.interrupted();
            return Reaction::silently(Next::Guard);
        }
        let new = self.new_in(&page.deployments);
        if let Some(deployment) = new.first() {
            return Reaction {
                events: self.ambiguity_warning(&new),
                next: Next::Adopt(Box::new((*deployment).clone())),
            };
        }
        let waited = elapsed.saturating_sub(self.lost_at);
        let rest = LIST_LAG.saturating_sub(waited);
        if !rest.is_zero() {
            let pause = Pause::exactly(rest.min(Duration::from_secs(3)));
            return Reaction::silently(Next::List(pause));
        }
        if let Some(error) = self.refused.take() {
            return self.give_up(&error);
        }
        if self.lost_posts < MOST_POSTS {
            let message = format!(
                "no new deployment was listed within {}; asking to retry again",
                format_duration(LIST_LAG)
            );
            return Reaction {
                events: vec![Event::Noticed { message }],
                next: Next::Guard,
            };
        }
        Reaction::silently(Next::Finish(Outcome::ApiError {
            what: format!(
                "no usable response to {MOST_POSTS} retry requests, and no new deployment was listed; one may have been created"
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
        new.sort_by_key(|it| (self.match_rank(it), Reverse(it.created_on)));
        new
    }

    /// Which type a retry has is not documented: `ad_hoc`, as all that the API
    /// starts, or the original's.
    fn match_rank(&self, deployment: &Deployment) -> u8 {
        let kind = deployment.deployment_trigger.kind.as_str();
        let is_originals = kind == self.original.deployment_trigger.kind;
        match kind {
            "ad_hoc" => 0,
            _ if is_originals => 1,
            _ => 2,
        }
    }

    /// Says so where a deployment of somebody else may look like ours.
    fn ambiguity_warning(&self, new: &[&Deployment]) -> Vec<Event> {
        let [ours, others @ ..] = new else {
            return Vec::new();
        };
        let alike = |it: &&&Deployment| self.match_rank(it) == self.match_rank(ours);
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
        let mut what = error_chain(error);
        if self.is_unsure() {
            what.push_str("; a deployment may have been created");
        }
        Reaction::silently(Next::Finish(Outcome::ApiError {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cloudflare::error::ErrorResponse;

    /// A deployment created `minute` minutes into the day.
    fn made(id: &str, minute: u32, kind: &str, commit: &str) -> Deployment {
        let json = json!({
            "id": id, "environment": "production",
            "created_on": format!("2026-01-01T12:{minute:02}:00Z"),
            "deployment_trigger": {
                "type": kind, "metadata": {"branch": "main", "commit_hash": commit}
            }
        });
        serde_json::from_value(json).unwrap()
    }

    fn original() -> Deployment {
        made("original", 10, "github:push", "abc")
    }

    fn trigger() -> Trigger {
        let older = made("older", 5, "github:push", "old");
        let read_at = "2026-01-01T12:30:00Z".parse().ok();
        Trigger::new(original(), &[original(), older], read_at)
    }

    /// One that was told to stay away, and has read `page` since.
    fn trigger_after(page: &Page) -> Trigger {
        let mut trigger = trigger();
        let limited = ClientError::RateLimited(ErrorResponse::default());
        let _ = trigger.posted(seconds(1), Err(limited));
        let _ = trigger.listed(seconds(78), Ok(page));
        trigger
    }

    fn page(deployments: &[Deployment]) -> Page {
        Page {
            deployments: deployments.to_vec(),
            ..Page::default()
        }
    }

    fn lost() -> Result<Deployment, ClientError> {
        Err(ClientError::NoAnswer("reset".into()))
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Which deployment is taken as ours after an answer was lost, and whether
    /// a doubt is told.
    #[track_caller]
    fn check(listed: &[Deployment], expected: Option<(&str, bool)>) {
        let mut trigger = trigger();
        assert!(!trigger.is_unsure());
        let reaction = trigger.posted(seconds(1), lost());
        assert!(matches!(reaction.next, Next::List(_)) && trigger.is_unsure());
        let reaction = trigger.listed(seconds(2), Ok(&page(listed)));
        let is_doubted = reaction
            .events
            .iter()
            .any(|it| matches!(it, Event::Warned { .. }));
        let adopted = match reaction.next {
            Next::Adopt(deployment) => Some(deployment.id),
            Next::Post | Next::List(_) | Next::Guard | Next::Finish(_) => None,
        };
        assert_eq!(adopted.as_deref(), expected.map(|it| it.0));
        assert_eq!(is_doubted, expected.is_some_and(|it| it.1));
    }

    #[test]
    fn the_deployment_of_a_lost_retry_is_found_by_what_the_api_said() {
        let new = |kind| made("new", 31, kind, "abc");
        check(&[], None);
        check(&[original()], None);
        check(&[new("ad_hoc"), original()], Some(("new", false)));
        check(&[made("new", 31, "ad_hoc", "other")], None);
        // Older than what was there, or from long before the list was read.
        check(&[made("new", 9, "ad_hoc", "abc")], None);
        check(&[made("new", 10, "ad_hoc", "abc")], None);
        check(&[made("new", 20, "ad_hoc", "abc")], None);
    }

    #[test]
    fn what_is_as_old_as_the_newest_known_is_not_ours() {
        let mut trigger = Trigger::new(original(), &[original()], None);
        let _ = trigger.posted(seconds(1), lost());
        let twin = page(&[made("twin", 10, "ad_hoc", "abc"), original()]);
        let next = trigger.listed(seconds(2), Ok(&twin)).next;
        assert!(matches!(next, Next::List(_)));
    }

    #[test]
    fn a_push_at_the_same_moment_is_told_apart_or_warned_about() {
        let push = made("push", 32, "github:push", "abc");
        let retry = made("retry", 31, "ad_hoc", "abc");
        check(&[push.clone(), retry], Some(("retry", false)));
        check(std::slice::from_ref(&push), Some(("push", true)));
        let hook = made("hook", 33, "deploy_hook", "abc");
        check(&[hook, push.clone()], Some(("push", true)));
        let twin = made("twin", 31, "github:push", "abc");
        check(&[push, twin], Some(("push", true)));
    }

    #[test]
    fn an_answer_that_proves_nothing_was_taken_is_asked_again_after_the_guard() {
        let limited = ClientError::RateLimited(ErrorResponse {
            retry_after: Some(seconds(77)),
            ..ErrorResponse::default()
        });
        let mut trigger = trigger();
        let Next::List(pause) = trigger.posted(seconds(1), Err(limited)).next else {
            panic!("it is sent again");
        };
        assert_eq!(pause.at_least, seconds(77));
        let refused = ClientError::NotSent("connection refused".into());
        // What is new on the list is not ours, but may be in the way.
        let new = page(&[made("new", 31, "ad_hoc", "abc")]);
        let next = trigger.listed(seconds(78), Ok(&new)).next;
        assert!(matches!(next, Next::Guard));
        let mut again = trigger_after(&new);
        assert!(matches!(
            again.posted(seconds(79), lost()).next,
            Next::List(_)
        ));
        let next = again.listed(seconds(80), Ok(&new)).next;
        assert!(matches!(next, Next::List(_)), "it was there before");
        let next = trigger.posted(seconds(80), Err(refused)).next;
        assert!(matches!(next, Next::List(_)) && !trigger.is_unsure());
    }

    #[test]
    fn a_no_is_final_and_sent_once() {
        let refusal = ErrorResponse {
            status: 403,
            is_challenge: true,
            ..ErrorResponse::default()
        };
        let reaction = trigger().posted(seconds(1), Err(ClientError::Refused(refusal)));
        assert!(matches!(
            reaction.next,
            Next::Finish(Outcome::ApiError { .. })
        ));
    }

    #[test]
    fn the_original_is_retried_where_the_api_refuses_to_retry_the_newer_one() {
        let answer = |status, code| {
            let items = json!([{"code": code, "message": "no"}]);
            Err(ClientError::Refused(ErrorResponse {
                status,
                items: serde_json::from_value(items).unwrap(),
                ..ErrorResponse::default()
            }))
        };
        let newer = || made("newer", 20, "ad_hoc", "abc");
        let cases = [
            (400, 8_000_014, true),
            (404, 8_000_009, true),
            (409, 8_000_069, true),
            (403, 10_000, false),
            (404, 8_000_007, false),
            (404, 7_003, false),
        ];
        for (status, code, is_tried) in cases {
            let mut trigger = Trigger::new(newer(), &[newer()], None).or(&original());
            let next = trigger.posted(seconds(1), answer(status, code)).next;
            assert_eq!(matches!(next, Next::Post), is_tried, "{status} {code}");
            let id = trigger.original().id.as_str();
            assert_eq!(id, if is_tried { "original" } else { "newer" });
            let next = trigger.posted(seconds(2), answer(status, code)).next;
            assert!(matches!(next, Next::Finish(_)), "only once: {status}");
        }
        let mut trigger = trigger().or(&original());
        let next = trigger.posted(seconds(1), answer(400, 8_000_014)).next;
        assert!(matches!(next, Next::Finish(_)), "it is the original");
    }

    #[test]
    fn a_no_after_a_lost_answer_may_mean_that_it_was_taken() {
        let newer = made("newer", 20, "ad_hoc", "abc");
        let no = || {
            let items = json!([{"code": 8_000_014, "message": "no"}]);
            Err(ClientError::Refused(ErrorResponse {
                status: 400,
                items: serde_json::from_value(items).unwrap(),
                ..ErrorResponse::default()
            }))
        };
        let known = [newer.clone(), original()];
        let nothing_new = page(&known);
        for is_listed in [true, false] {
            let mut trigger = Trigger::new(newer.clone(), &known, None).or(&original());
            let _ = trigger.posted(seconds(1), lost());
            let _ = trigger.listed(seconds(17), Ok(&nothing_new));
            let next = trigger.posted(seconds(18), no()).next;
            assert!(matches!(next, Next::List(_)), "the original is left alone");
            let next = trigger.listed(seconds(20), Ok(&nothing_new)).next;
            assert!(matches!(next, Next::List(_)), "the list may lag");
            let ours = page(&[made("ours", 31, "ad_hoc", "abc")]);
            let listed = if is_listed { &ours } else { &nothing_new };
            let next = trigger.listed(seconds(34), Ok(listed)).next;
            match next {
                Next::Adopt(it) => assert!(is_listed && it.id == "ours"),
                Next::Finish(Outcome::ApiError { what, .. }) => {
                    assert!(
                        !is_listed && what.ends_with("may have been created"),
                        "{what}"
                    );
                }
                Next::Post | Next::List(_) | Next::Guard | Next::Finish(_) => panic!("no end"),
            }
        }
    }

    #[test]
    fn a_retry_is_repeated_only_after_the_list_had_its_time_and_twice_at_most() {
        let mut trigger = trigger();
        let empty = page(&[original()]);
        for n in 0..3 {
            let at = n * 100;
            assert!(matches!(
                trigger.posted(seconds(at), lost()).next,
                Next::List(_)
            ));
            let early = trigger.listed(seconds(at + 14), Ok(&empty));
            assert!(matches!(early.next, Next::List(_)));
            // A list that cannot be read shows nothing, neither yes nor no.
            let unwell = ClientError::Unavailable(ErrorResponse::default());
            let unread = trigger.listed(seconds(at + 20), Err(&unwell));
            assert!(matches!(unread.next, Next::List(_)));
            let late = trigger.listed(seconds(at + 21), Ok(&empty));
            if n < 2 {
                assert!(matches!(late.next, Next::Guard));
            } else {
                let Next::Finish(Outcome::ApiError { what, .. }) = late.next else {
                    panic!("three times are enough");
                };
                assert!(what.ends_with("one may have been created"), "{what}");
            }
        }
    }

    #[test]
    fn a_deployment_that_the_list_shows_late_is_still_ours() {
        let mut trigger = trigger();
        let _ = trigger.posted(seconds(0), lost());
        let _ = trigger.listed(seconds(15), Ok(&page(&[original()])));
        let _ = trigger.posted(seconds(16), lost());
        let late = page(&[made("late", 31, "ad_hoc", "abc")]);
        let next = trigger.listed(seconds(17), Ok(&late)).next;
        assert!(matches!(next, Next::Adopt(it) if it.id == "late"));
    }
}
