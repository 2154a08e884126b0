//! Creates exactly one new deployment.
//!
//! The request to retry has no idempotency key. So it is sent again only when
//! a response proves that it was not executed, or when a list that was read
//! completely, at least [`LIST_LAG`] after an ambiguous response, does not
//! contain a new deployment.
//!
//! Invariant: no I/O, no clock. A deployment is new if it was not listed
//! before; no timestamp and no clock decides that.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::cloudflare::deployment::Deployment;
use crate::cloudflare::error::{ClientError, ErrorResponse, error_chain};
use crate::retry::failure_budget::FailureBudget;
use crate::retry::pace::Pause;
use crate::run::event::Event;
use crate::run::outcome::Outcome;
use crate::run::wording::format_duration;

/// How long the list may take to show a new deployment.
const LIST_LAG: Duration = Duration::from_mins(1);

/// How many requests to retry may be sent when each response is ambiguous.
const MAX_POSTS: u32 = 3;

/// The pauses between two readings of the list grow within these limits.
const SHORTEST_LIST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_LIST_PAUSE: Duration = Duration::from_secs(10);

#[must_use = "the events must be reported and the next step taken"]
pub(super) struct Reaction {
    pub events: Vec<Event>,
    pub next: Next,
}

pub(super) enum Next {
    /// Send the request to retry.
    Post,
    /// Wait, then read the list as far as `extent` says.
    List {
        pause: Pause,
        extent: Extent,
    },
    /// Let the guard check the list just read, then send the request.
    Guard,
    /// This is the new deployment.
    Adopt(Box<Deployment>),
    Finish(Outcome),
}

/// How much of the list is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// One page, where a new deployment normally is.
    FirstPage,
    /// All that is newer than what was listed before, and the target.
    Complete,
}

/// How much of the list was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coverage {
    /// What was not read is older than what was listed before.
    Complete,
    Partial,
}

/// What the response to a request to retry proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    /// It was not executed, and may be sent again.
    NotExecuted,
    /// It was not executed, and sent again it would be rejected again.
    Rejected,
    /// A deployment may have been created.
    Ambiguous,
}

pub(super) struct Trigger {
    original: Deployment,
    /// The deployment to retry if the API rejects a retry of `original`.
    instead: Option<Deployment>,
    /// What was there before the request, by id.
    known: HashSet<String>,
    /// When the oldest deployment of the list was created, if older ones may
    /// exist that were not read; `None` if the list was read to its end.
    horizon: Option<DateTime<Utc>>,
    ambiguous_posts: u32,
    /// When the last ambiguous response came.
    ambiguous_at: Duration,
    /// How much of the list was requested last.
    extent: Extent,
    /// A rejection after an ambiguous POST that may have succeeded.
    rejection: Option<ClientError>,
    /// Of the request to retry.
    failures: FailureBudget,
}

/// What was listed before the request to retry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before<'a> {
    pub listed: &'a [Deployment],
    /// Whether older deployments exist that were not read.
    pub rest: Rest,
}

/// Whether a list was read to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Rest {
    Nothing,
    #[default]
    Unread,
}

impl Trigger {
    /// Remembers what was there `before` the request to retry.
    pub(super) fn new(original: Deployment, before: Before<'_>) -> Self {
        let known = before.listed.iter().map(|it| it.id.clone());
        let created = before.listed.iter().filter_map(|it| it.created_on);
        Self {
            known: known.chain([original.id.clone()]).collect(),
            horizon: created.min().filter(|_| before.rest == Rest::Unread),
            original,
            instead: None,
            ambiguous_posts: 0,
            ambiguous_at: Duration::ZERO,
            extent: Extent::FirstPage,
            rejection: None,
            failures: FailureBudget::default(),
        }
    }

    /// Retries `other` if the API rejects a retry of the deployment that was
    /// given first: whether a retry can itself be retried is not documented.
    pub(super) fn with_fallback(mut self, other: &Deployment) -> Self {
        self.known.insert(other.id.clone());
        self.instead = Some(other.clone()).filter(|it| it.id != self.original.id);
        self
    }

    /// The deployment to retry.
    pub(super) fn original(&self) -> &Deployment {
        &self.original
    }

    /// Whether a deployment may have been created that we do not know.
    pub(super) fn is_ambiguous(&self) -> bool {
        0 < self.ambiguous_posts
    }

    /// Whether `listed`, the beginning of the list, goes back to what was
    /// there before the request. Without a horizon only the end of the list
    /// does.
    pub(super) fn is_complete(&self, listed: &[Deployment]) -> bool {
        self.horizon.is_some_and(|horizon| {
            let mut created = listed.iter().filter_map(|it| it.created_on);
            created.any(|it| it <= horizon)
        })
    }

    /// Takes in the response to the request to retry, `elapsed` after the run
    /// began.
    pub(super) fn posted(
        &mut self,
        elapsed: Duration,
        response: Result<Deployment, ClientError>,
    ) -> Reaction {
        let error = match response {
            Ok(deployment) => return Reaction::silently(Next::Adopt(Box::new(deployment))),
            Err(error) => error,
        };
        match proof(&error) {
            Proof::Ambiguous => self.ambiguous(elapsed, &error),
            Proof::NotExecuted => {
                let Some((event, pause)) = self.failures.failed(elapsed, &error) else {
                    return self.give_up(&error);
                };
                Reaction {
                    events: vec![event],
                    next: Next::List {
                        pause,
                        extent: Extent::Complete,
                    },
                }
            }
            Proof::Rejected if self.is_ambiguous() => {
                // Perhaps because it has been retried, by the request whose
                // response was ambiguous.
                self.rejection = Some(error);
                self.ambiguous_at = elapsed;
                Reaction::silently(self.next_list(Duration::ZERO))
            }
            Proof::Rejected => self.rejected(&error),
        }
    }

    fn ambiguous(&mut self, elapsed: Duration, error: &ClientError) -> Reaction {
        self.failures.answered();
        self.ambiguous_posts += 1;
        self.ambiguous_at = elapsed;
        let message = format!(
            "no usable response to the retry request ({}); checking whether a deployment was created",
            error_chain(error)
        );
        Reaction {
            events: vec![Event::Warned { message }],
            next: self.next_list(Duration::ZERO),
        }
    }

    fn rejected(&mut self, error: &ClientError) -> Reaction {
        let Some(instead) = self.instead.take_if(|_| error.rejects_deployment()) else {
            return self.give_up(error);
        };
        let (refused, id) = (self.original.short_id(), instead.short_id());
        let message = format!(
            "deployment {refused} cannot be retried ({}); retrying {id} again",
            error_chain(error)
        );
        self.original = instead;
        Reaction {
            events: vec![Event::Warned { message }],
            next: Next::List {
                pause: Pause::NONE,
                extent: Extent::Complete,
            },
        }
    }

    /// Takes in the list, whose reading began `read_at` after the run did and
    /// went as far as `coverage` says.
    pub(super) fn listed(
        &mut self,
        read_at: Duration,
        listed: &[Deployment],
        coverage: Coverage,
    ) -> Reaction {
        if !self.is_ambiguous() {
            // None of these is ours: they were there before the next request.
            self.known.extend(listed.iter().map(|it| it.id.clone()));
            self.failures.interrupted();
            return Reaction::silently(Next::Guard);
        }
        let new = self.new_in(listed);
        if let Some(deployment) = new.first() {
            return Reaction {
                events: self.ambiguity_warning(&new),
                next: Next::Adopt(Box::new((*deployment).clone())),
            };
        }
        let waited = read_at.saturating_sub(self.ambiguous_at);
        let is_complete = coverage == Coverage::Complete;
        if waited < LIST_LAG || (!is_complete && self.extent == Extent::FirstPage) {
            return Reaction::silently(self.next_list(waited));
        }
        if !is_complete {
            return Reaction::silently(Next::Finish(Outcome::ApiError {
                what: format!("the list of deployments cannot be read completely{MAY_EXIST}"),
                hint: Some(LOOK_FIRST.to_owned()),
            }));
        }
        if let Some(error) = self.rejection.take() {
            return self.give_up(&error);
        }
        if self.ambiguous_posts < MAX_POSTS {
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
                "no usable response to {MAX_POSTS} retry requests, and no new deployment was listed; one may have been created"
            ),
            hint: Some(LOOK_FIRST.to_owned()),
        }))
    }

    /// When to read the list next, `waited` after an ambiguous response.
    fn next_list(&mut self, waited: Duration) -> Next {
        let rest = LIST_LAG.saturating_sub(waited);
        let pause = (waited / 2).clamp(SHORTEST_LIST_PAUSE, LONGEST_LIST_PAUSE);
        self.extent = if rest <= pause {
            Extent::Complete
        } else {
            Extent::FirstPage
        };
        Next::List {
            pause: Pause::exactly(pause.min(rest)),
            extent: self.extent,
        }
    }

    /// The deployments that may be ours, the likeliest first.
    fn new_in<'a>(&self, listed: &'a [Deployment]) -> Vec<&'a Deployment> {
        // What lies behind the horizon was not read before, but is old.
        let is_in_sight = |it: &Deployment| {
            let created_on = it.created_on;
            self.horizon
                .zip(created_on)
                .is_none_or(|(horizon, created_on)| horizon <= created_on)
        };
        let is_new = |it: &&Deployment| {
            !self.known.contains(&it.id)
                && is_in_sight(it)
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

    /// Reports a doubt where another deployment may look like ours.
    fn ambiguity_warning(&self, new: &[&Deployment]) -> Vec<Event> {
        let [ours, others @ ..] = new else {
            return Vec::new();
        };
        let alike = |it: &&&Deployment| self.match_rank(it) == self.match_rank(ours);
        let id = ours.short_id();
        vec![match others.iter().find(alike) {
            Some(other) => Event::Warned {
                message: format!(
                    "deployments {id} and {} are both new and of the same commit; the retry created one of them, another request the other: watching {id}",
                    other.short_id()
                ),
            },
            None if ours.deployment_trigger.kind == "github:push" => Event::Warned {
                message: format!(
                    "found deployment {id}, created by the retry or by a push of the same commit at the same moment"
                ),
            },
            None => Event::Noticed {
                message: format!(
                    "found deployment {id}, created by the retry, unless someone else retried the same commit at the same moment"
                ),
            },
        }]
    }

    fn give_up(&self, error: &ClientError) -> Reaction {
        let mut what = error_chain(error);
        if self.is_ambiguous() {
            what.push_str(MAY_EXIST);
        }
        Reaction::silently(Next::Finish(Outcome::ApiError {
            what,
            hint: error.hint().map(str::to_owned),
        }))
    }
}

/// The end of a message where an ambiguous response came before.
pub(super) const MAY_EXIST: &str = "; a deployment may have been created";

const LOOK_FIRST: &str = "look at the dashboard before the step is run again";

/// What an error proves. Only the API's own JSON proves anything: an error
/// page may come from a gateway behind which the request was executed, and so
/// may any 5xx, whatever code it carries.
fn proof(error: &ClientError) -> Proof {
    let is_api_rejection = |it: &ErrorResponse| {
        (400..500).contains(&it.status) && !it.items.is_empty() && !it.is_challenge
    };
    match error {
        ClientError::NotSent(_) => Proof::NotExecuted,
        ClientError::Untrusted(_) | ClientError::ProxyRejected => Proof::Rejected,
        ClientError::RateLimited(it) if it.status == 429 || is_api_rejection(it) => {
            Proof::NotExecuted
        }
        ClientError::Refused(it) | ClientError::Unavailable(it) if is_api_rejection(it) => {
            Proof::Rejected
        }
        ClientError::NoAnswer(_)
        | ClientError::RateLimited(_)
        | ClientError::Refused(_)
        | ClientError::Unavailable(_)
        | ClientError::Redirected(_) => Proof::Ambiguous,
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

    /// A trigger that read the whole list: the original and an older one.
    fn trigger() -> Trigger {
        let older = made("older", 5, "github:push", "old");
        Trigger::new(original(), all_of(&[original(), older]))
    }

    fn all_of(listed: &[Deployment]) -> Before<'_> {
        Before {
            listed,
            rest: Rest::Nothing,
        }
    }

    /// A deployment with some fields of its JSON replaced.
    fn with(deployment: &str, changes: &serde_json::Value) -> Deployment {
        let mut json = json!({
            "id": deployment, "environment": "production",
            "created_on": "2026-01-01T12:31:00Z",
            "deployment_trigger": {
                "type": "ad_hoc", "metadata": {"branch": "main", "commit_hash": "abc"}
            }
        });
        for (name, value) in changes.as_object().unwrap() {
            json[name] = value.clone();
        }
        serde_json::from_value(json).unwrap()
    }

    fn lost() -> Result<Deployment, ClientError> {
        Err(ClientError::NoAnswer("reset".into()))
    }

    fn error(status: u16, code: i64) -> ClientError {
        let items = json!([{"code": code, "message": "no"}]);
        ClientError::from_refusal(ErrorResponse {
            status,
            items: serde_json::from_value(items).unwrap(),
            ..ErrorResponse::default()
        })
    }

    fn page_without_json(status: u16) -> ClientError {
        ClientError::from_refusal(ErrorResponse {
            status,
            excerpt: Some("<html>".to_owned()),
            ..ErrorResponse::default()
        })
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn is_list(next: &Next) -> bool {
        matches!(next, Next::List { .. })
    }

    /// Which deployment is adopted after an ambiguous response, and whether a
    /// doubt is reported.
    #[track_caller]
    fn check(listed: &[Deployment], expected: Option<(&str, bool)>) {
        let mut trigger = trigger();
        assert!(!trigger.is_ambiguous());
        let reaction = trigger.posted(seconds(1), lost());
        assert!(is_list(&reaction.next) && trigger.is_ambiguous());
        let reaction = trigger.listed(seconds(2), listed, Coverage::Partial);
        let is_doubted = reaction
            .events
            .iter()
            .any(|it| matches!(it, Event::Warned { .. }));
        let adopted = match reaction.next {
            Next::Adopt(deployment) => Some(deployment.id),
            Next::Post | Next::List { .. } | Next::Guard | Next::Finish(_) => None,
        };
        assert_eq!(adopted.as_deref(), expected.map(|it| it.0));
        assert_eq!(is_doubted, expected.is_some_and(|it| it.1));
    }

    #[test]
    fn a_new_deployment_of_branch_commit_and_environment_is_ours() {
        check(&[], None);
        check(&[original()], None);
        let ours = Some(("new", false));
        check(&[with("new", &json!({})), original()], ours);
        // Neither clocks nor odd times hide it.
        for created_on in [
            json!("2026-01-01T12:09:00Z"),
            json!("2026-01-01T12:10:00Z"),
            json!("2025-01-01T00:00:00Z"),
            json!("2026-01-01T12:31:00+0000"),
            json!("yesterday"),
            json!(null),
        ] {
            let new = with("new", &json!({"created_on": created_on}));
            check(&[original(), new], ours);
        }
        for other in [
            json!({"environment": "preview"}),
            json!({"deployment_trigger": {"type": "ad_hoc",
                "metadata": {"branch": "other", "commit_hash": "abc"}}}),
            json!({"deployment_trigger": {"type": "ad_hoc",
                "metadata": {"branch": "main", "commit_hash": "other"}}}),
        ] {
            check(&[with("new", &other)], None);
        }
    }

    #[test]
    fn what_was_not_read_before_is_not_new() {
        let before = Before {
            listed: &[original(), made("older", 5, "github:push", "old")],
            rest: Rest::Unread,
        };
        let mut trigger = Trigger::new(original(), before);
        let _ = trigger.posted(seconds(1), lost());
        let ancient = made("ancient", 4, "ad_hoc", "abc");
        let next = trigger
            .listed(seconds(2), &[original(), ancient], Coverage::Partial)
            .next;
        assert!(is_list(&next));
        let recent = made("recent", 6, "ad_hoc", "abc");
        let next = trigger
            .listed(seconds(3), &[recent], Coverage::Partial)
            .next;
        assert!(matches!(next, Next::Adopt(it) if it.id == "recent"));
    }

    #[test]
    fn the_list_is_complete_where_it_goes_back_to_what_was_listed_before() {
        let known = [original(), made("older", 5, "github:push", "old")];
        for (rest, minute, is_complete) in [
            (Rest::Unread, 6, false),
            (Rest::Unread, 5, true),
            // Only its end will do.
            (Rest::Nothing, 5, false),
        ] {
            let listed = &known[..];
            let trigger = Trigger::new(original(), Before { listed, rest });
            let read = [original(), made("x", minute, "ad_hoc", "x")];
            assert_eq!(trigger.is_complete(&read), is_complete, "{rest:?} {minute}");
        }
    }

    #[test]
    fn a_push_at_the_same_moment_is_told_apart_or_warned_about() {
        let push = made("push", 32, "github:push", "abc");
        let retry = made("retry", 31, "ad_hoc", "abc");
        check(&[push.clone(), retry.clone()], Some(("retry", false)));
        check(std::slice::from_ref(&push), Some(("push", true)));
        let hook = made("hook", 33, "deploy_hook", "abc");
        check(&[hook, push.clone()], Some(("push", true)));
        let twin = made("twin", 31, "github:push", "abc");
        check(&[push, twin], Some(("push", true)));
        let other_retry = made("other", 30, "ad_hoc", "abc");
        check(&[retry, other_retry], Some(("retry", true)));
    }

    #[test]
    fn only_the_api_s_own_json_proves_that_nothing_was_created() {
        use Proof::{Ambiguous, NotExecuted, Rejected};
        let challenge = ClientError::from_refusal(ErrorResponse {
            status: 403,
            is_challenge: true,
            ..ErrorResponse::default()
        });
        let cases = [
            (ClientError::NotSent("refused".into()), NotExecuted),
            (ClientError::NoAnswer("reset".into()), Ambiguous),
            (error(429, 10_000), NotExecuted),
            (page_without_json(429), NotExecuted),
            (error(400, 10_429), NotExecuted),
            (error(403, 10_000), Rejected),
            (error(404, 7_003), Rejected),
            (error(409, 8_000_099), Rejected),
            (error(400, 8_000_000), Rejected),
            // Any 5xx, whatever its code.
            (error(500, 10_000), Ambiguous),
            (error(502, 1_000), Ambiguous),
            (error(500, 10_429), Ambiguous),
            (error(503, 8_000_007), Ambiguous),
            (error(500, 8_000_000), Ambiguous),
            // A success that names no deployment, and what is not the API's.
            (error(200, 8_000_007), Ambiguous),
            (page_without_json(200), Ambiguous),
            (page_without_json(403), Ambiguous),
            (page_without_json(404), Ambiguous),
            (page_without_json(524), Ambiguous),
            (ClientError::Redirected(302), Ambiguous),
            (challenge, Ambiguous),
        ];
        for (error, expected) in cases {
            assert_eq!(proof(&error), expected, "{error}");
        }
    }

    #[test]
    fn a_request_that_was_not_executed_is_sent_again_after_the_guard() {
        let limited = || {
            Err(ClientError::RateLimited(ErrorResponse {
                status: 429,
                retry_after: Some(seconds(77)),
                ..ErrorResponse::default()
            }))
        };
        let mut trigger = trigger();
        let Next::List { pause, extent } = trigger.posted(seconds(1), limited()).next else {
            panic!("the list is read");
        };
        assert_eq!((pause.at_least, extent), (seconds(77), Extent::Complete));
        // A new deployment on the list is not ours, but a retry might overwrite it.
        let new = [made("new", 31, "ad_hoc", "abc")];
        let next = trigger.listed(seconds(78), &new, Coverage::Complete).next;
        assert!(matches!(next, Next::Guard));
        let next = trigger.posted(seconds(79), lost()).next;
        assert!(is_list(&next));
        let next = trigger.listed(seconds(80), &new, Coverage::Complete).next;
        assert!(is_list(&next), "it was there before");
    }

    #[test]
    fn a_rejection_is_final_and_the_request_sent_once() {
        let next = trigger().posted(seconds(1), Err(error(403, 10_000))).next;
        assert!(matches!(next, Next::Finish(Outcome::ApiError { .. })));
    }

    #[test]
    fn the_original_is_retried_where_the_api_refuses_to_retry_the_newer_one() {
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
            let mut trigger = Trigger::new(newer(), all_of(&[newer()])).with_fallback(&original());
            let next = trigger.posted(seconds(1), Err(error(status, code))).next;
            assert_eq!(is_list(&next), is_tried, "{status} {code}");
            let id = trigger.original().id.as_str();
            assert_eq!(id, if is_tried { "original" } else { "newer" });
            let next = trigger.posted(seconds(2), Err(error(status, code))).next;
            assert!(matches!(next, Next::Finish(_)), "only once: {status}");
        }
        let mut trigger = trigger().with_fallback(&original());
        let next = trigger.posted(seconds(1), Err(error(400, 8_000_014))).next;
        assert!(matches!(next, Next::Finish(_)), "it is the original");
    }

    #[test]
    fn a_rejection_after_an_ambiguous_response_proves_nothing() {
        let newer = made("newer", 20, "ad_hoc", "abc");
        let known = [newer.clone(), original()];
        for is_listed in [true, false] {
            let mut trigger =
                Trigger::new(newer.clone(), all_of(&known)).with_fallback(&original());
            let _ = trigger.posted(seconds(1), lost());
            let next = trigger.listed(seconds(62), &known, Coverage::Complete).next;
            assert!(matches!(next, Next::Guard));
            let next = trigger.posted(seconds(63), Err(error(403, 10_000))).next;
            assert!(is_list(&next), "the original is left alone");
            let next = trigger.listed(seconds(65), &known, Coverage::Complete).next;
            assert!(is_list(&next), "the list may lag");
            let ours = [made("ours", 31, "ad_hoc", "abc")];
            let listed = if is_listed { &ours[..] } else { &known };
            let next = trigger
                .listed(seconds(123), listed, Coverage::Complete)
                .next;
            match next {
                Next::Adopt(it) => assert!(is_listed && it.id == "ours"),
                Next::Finish(Outcome::ApiError { what, .. }) => {
                    assert!(!is_listed && what.ends_with(MAY_EXIST), "{what}");
                }
                Next::Post | Next::List { .. } | Next::Guard | Next::Finish(_) => panic!("no end"),
            }
        }
    }

    #[test]
    fn the_request_is_repeated_only_after_a_complete_list_and_twice_at_most() {
        let mut trigger = trigger();
        let listed = [original()];
        for n in 0..3 {
            let at = seconds(n * 100);
            let mut next = trigger.posted(at, lost()).next;
            let mut reading = at;
            // Reads each list at the requested time; a list takes no time.
            while let Next::List { pause, extent } = next {
                reading += pause.at_least;
                let coverage = match extent {
                    Extent::Complete => Coverage::Complete,
                    Extent::FirstPage => Coverage::Partial,
                };
                next = trigger.listed(reading, &listed, coverage).next;
            }
            assert_eq!(reading, at + seconds(60));
            if n < 2 {
                assert!(matches!(next, Next::Guard));
            } else {
                let Next::Finish(Outcome::ApiError { what, .. }) = next else {
                    panic!("three times are enough");
                };
                assert!(what.ends_with("one may have been created"), "{what}");
            }
        }
    }

    #[test]
    fn a_list_that_is_not_complete_or_was_read_too_early_proves_nothing() {
        let mut trigger = trigger();
        let listed = [original()];
        let _ = trigger.posted(seconds(0), lost());
        let next = trigger
            .listed(seconds(59), &listed, Coverage::Complete)
            .next;
        assert!(is_list(&next));
        let _ = trigger.listed(seconds(1), &listed, Coverage::Partial);
        let next = trigger.listed(seconds(61), &listed, Coverage::Partial).next;
        let Next::List { extent, .. } = next else {
            panic!("it is read completely");
        };
        assert_eq!(extent, Extent::Complete);
        let next = trigger.listed(seconds(62), &listed, Coverage::Partial).next;
        let Next::Finish(Outcome::ApiError { what, .. }) = next else {
            panic!("it cannot be read completely");
        };
        assert!(what.ends_with(MAY_EXIST), "{what}");
    }

    #[test]
    fn a_deployment_that_the_list_shows_late_is_still_ours() {
        let mut trigger = trigger();
        let _ = trigger.posted(seconds(0), lost());
        let _ = trigger.listed(seconds(60), &[original()], Coverage::Complete);
        let _ = trigger.posted(seconds(61), lost());
        let late = [made("late", 31, "ad_hoc", "abc")];
        let next = trigger.listed(seconds(62), &late, Coverage::Partial).next;
        assert!(matches!(next, Next::Adopt(it) if it.id == "late"));
    }
}
