//! The Pages API as a plain value that maps a request and a time to a response.
//!
//! Invariant: no socket, no thread, no real clock; the same requests at the same
//! times get the same responses.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::deployment::{Deployment, delta};
use super::fault::{self, Fault, Scheduled, Situation, When};
use super::life::Life;
use super::limit::Limit;
use super::request::{Answer, Record, Reply, Request, Route, Taken};

pub const ACCOUNT: &str = "b0a1c2d3e4f5061728394a5b6c7d8e9f";
pub const PROJECT: &str = "site";
pub const TOKEN: &str = "token-that-must-not-leak";
pub const EMAIL: &str = "someone@example.com";
pub const KEY: &str = "key-that-must-not-leak";

/// When every fake starts: 2026-03-02 10:00 UTC. The fraction makes the times look
/// realistic and keeps differences exact.
pub const START: DateTime<Utc> =
    DateTime::from_timestamp(1_772_445_600, 412_350_000).expect("within chrono's range");

/// What advances the fake's clock, which starts at [`START`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Clock {
    /// Only [`Api::advance`] and [`Api::set_now`].
    Manual,
    /// Every request: the first one arrives at zero, the second after one step.
    /// Logs and durations are exact, however fast the client really polls.
    PerRequest(Duration),
    /// Real time, accelerated by this factor.
    Real { speed: f64 },
}

/// How the list is cut into pages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paging {
    /// No page has more rows, whatever is requested.
    pub max_rows: usize,
    /// `env` takes rows out of the pages instead of out of the list.
    pub filters_pages: bool,
    /// Whether a page says anything about the list.
    pub has_info: bool,
    /// Every page is the first.
    pub is_stuck: bool,
}

#[derive(Clone, Debug)]
pub struct Project {
    pub account: String,
    pub name: String,
    /// The subdomain of `pages.dev`, which may differ from the name.
    pub subdomain: String,
}

/// The state of the fake; see the module documentation.
#[derive(Debug)]
pub struct Api {
    pub(super) project: Project,
    pub(super) token: String,
    pub(super) deployments: Vec<Deployment>,
    pub(super) now: Duration,
    pub(super) lives: VecDeque<Life>,
    pub(super) ids: VecDeque<String>,
    pub(super) retry_trigger: Option<String>,
    pub(super) pushes: Vec<Deployment>,
    pub(super) list_lag: Duration,
    pub(super) get_lag: Duration,
    pub(super) messages: Vec<Value>,
    pub(super) paging: Paging,
    pub(super) raw: Vec<(String, Vec<u8>)>,
    pub(super) made: Vec<String>,
    pub(super) clock: Clock,
    pub(super) skew: TimeDelta,
    pub(super) has_date: bool,
    pub(super) headers: Vec<(String, String)>,
    pub(super) limit: Option<Limit>,
    pub(super) faults: Vec<Scheduled>,
    pub(super) expected: Vec<(Route, usize)>,
    pub(super) records: Vec<Record>,
}

impl Api {
    /// Responds to a request at the time [`Api::now`].
    pub fn answer(&mut self, request: &Request) -> Answer {
        let (route, id) = Route::of(request);
        if route == Route::Retry {
            self.push();
        }
        let situation = self.situation(route, id);
        let over = self.limit.as_mut().and_then(|it| it.count(self.now));
        let answer = match over {
            Some(reply) => Answer::Http(reply),
            None => match fault::due(&mut self.faults, &situation) {
                Some((fault, made)) => self.break_off(fault, made, request),
                None => Answer::Http(self.respond(request)),
            },
        };
        let answer = self.stamp(answer);
        self.records.push(Record {
            request: request.clone(),
            route,
            at: self.now,
            status: answer.status(),
            taken: answer.taken(),
        });
        if let Clock::PerRequest(step) = self.clock {
            self.now += step;
        }
        answer
    }

    /// The time on the fake's clock since its start.
    pub fn now(&self) -> Duration {
        self.now
    }

    pub fn set_now(&mut self, now: Duration) {
        self.now = now;
    }

    pub fn advance(&mut self, duration: Duration) {
        self.now += duration;
    }

    /// Advances [`Clock::Real`] to this much real time since the start.
    pub fn real_time(&mut self, elapsed: Duration) {
        if let Clock::Real { speed } = self.clock {
            self.now = elapsed.mul_f64(speed);
        }
    }

    pub fn add(&mut self, deployment: Deployment) {
        if let Some((after, other)) = &deployment.life.brings {
            let mut other = (**other).clone();
            other.created = deployment.created + delta(*after);
            self.add(other);
        }
        self.deployments.push(deployment);
    }

    pub fn add_fault(&mut self, when: When, fault: impl Into<Fault>) {
        self.faults.push(Scheduled::new(when, fault.into()));
    }

    /// Removes all remaining faults, so that they neither happen nor fail the test.
    pub fn forget_faults(&mut self) {
        self.faults.clear();
    }

    pub fn records(&self) -> &[Record] {
        &self.records
    }

    pub fn count(&self, route: Route) -> usize {
        self.records.iter().filter(|it| it.route == route).count()
    }

    /// The full ids of the deployments that POSTs have created.
    pub fn made(&self) -> &[String] {
        &self.made
    }

    /// The times from each response with this status to the next request, by the
    /// fake's clock.
    pub fn waits_after(&self, status: u16) -> Vec<Duration> {
        let pairs = self.records.windows(2);
        let pairs = pairs.filter(|pair| pair[0].status == Some(status));
        pairs
            .map(|pair| pair[1].at.saturating_sub(pair[0].at))
            .collect()
    }

    /// Describes everything that was scripted and has not happened.
    pub fn left_over(&self) -> Vec<String> {
        let faults = self.faults.iter().filter_map(Scheduled::left_over);
        let expected = self.expected.iter();
        let expected = expected.filter(|(route, count)| self.count(*route) != *count);
        let expected = expected.map(|(route, count)| {
            format!("{count} requests {route:?}, not {}", self.count(*route))
        });
        faults.chain(expected).collect()
    }

    /// Creates the deployments of [`Api::push_at_the_post`].
    fn push(&mut self) {
        for mut push in std::mem::take(&mut self.pushes) {
            push.created = delta(self.now);
            self.add(push);
        }
    }

    fn situation(&self, route: Route, id: Option<&str>) -> Situation {
        let deployment = id.and_then(|id| self.deployments.iter().find(|it| it.id == id));
        let age = deployment.and_then(|it| it.age(self.now));
        let living = deployment.zip(age);
        Situation {
            route,
            now: self.now,
            any_made: !self.made.is_empty(),
            stage: living.map(|(it, age)| it.life.stages_at(age).1.name),
            ended: living.is_some_and(|(it, age)| it.life.ends_at().is_some_and(|end| end <= age)),
            is_made: deployment.is_some_and(|it| self.made.contains(&it.id)),
        }
    }

    fn break_off(&mut self, fault: Fault, made: bool, request: &Request) -> Answer {
        let is_retry = Route::of(request).0 == Route::Retry;
        // A POST without effect has no regular response.
        let truth = if is_retry && !made {
            Reply::error(500, 8_000_000, "An unknown error occurred.")
        } else {
            self.respond(request)
        };
        match fault {
            Fault::Answer(reply) => Answer::Http(reply),
            Fault::Late(after) => Answer::Late(after, truth),
            Fault::Reset => Answer::Reset,
            Fault::Close => Answer::Close,
            Fault::Stall => Answer::Stall,
            Fault::StallMidBody => Answer::StallMidBody(truth),
            Fault::Truncate => Answer::Truncated(truth),
            Fault::Huge { bytes } => {
                let reply = Reply::new(200, "application/json", "");
                Answer::Huge(reply, bytes, Taken::default())
            }
        }
    }

    /// Adds the headers that every response has.
    fn stamp(&self, mut answer: Answer) -> Answer {
        let (Answer::Http(reply)
        | Answer::Late(_, reply)
        | Answer::StallMidBody(reply)
        | Answer::Truncated(reply)
        | Answer::Huge(reply, _, _)) = &mut answer
        else {
            return answer;
        };
        let date = START + delta(self.now) + self.skew;
        let http = |at: DateTime<Utc>| httpdate::fmt_http_date(SystemTime::from(at));
        let mut headers = self.headers.clone();
        if self.has_date {
            headers.push(("date".to_owned(), http(date)));
        }
        if let Some(wait) = reply.retry_after_date {
            headers.push(("retry-after".to_owned(), http(date + delta(wait))));
        }
        headers.push((
            "cf-ray".to_owned(),
            format!("{:016x}-FRA", self.records.len() + 1),
        ));
        let limit = self.limit.iter().flat_map(|it| it.headers(self.now));
        headers.extend(limit);
        for (marker, bytes) in &self.raw {
            reply.body = replaced(&reply.body, marker.as_bytes(), bytes);
        }
        headers.retain(|(name, _)| !reply.has_header(name));
        reply.headers.extend(headers);
        answer
    }
}

fn replaced(body: &[u8], marker: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::new();
    let mut rest = body;
    while let Some(start) = rest.windows(marker.len()).position(|it| it == marker) {
        replaced.extend(&rest[..start]);
        replaced.extend(bytes);
        rest = &rest[start + marker.len()..];
    }
    replaced.extend(rest);
    replaced
}

/// A test must not pass if something that it scripted has not happened.
impl Drop for Api {
    fn drop(&mut self) {
        let left_over = self.left_over();
        assert!(
            std::thread::panicking() || left_over.is_empty(),
            "scripted, but has not happened: {}",
            left_over.join("; ")
        );
    }
}
