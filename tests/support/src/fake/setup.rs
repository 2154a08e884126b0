//! How an [`Api`] is told what to be, before the first request.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::Value;

use super::api::{ACCOUNT, Api, Clock, PROJECT, Project, TOKEN};
use super::deployment::{Deployment, full_id};
use super::fault::{Fault, When};
use super::life::Life;
use super::limit::Limit;
use super::request::Route;

impl Default for Api {
    fn default() -> Self {
        Self::new()
    }
}

impl Api {
    /// An empty project on a manual clock, whose retries succeed.
    pub fn new() -> Self {
        Self {
            project: Project {
                account: ACCOUNT.to_owned(),
                name: PROJECT.to_owned(),
                subdomain: PROJECT.to_owned(),
            },
            token: TOKEN.to_owned(),
            deployments: Vec::new(),
            now: Duration::ZERO,
            lives: VecDeque::new(),
            ids: VecDeque::new(),
            retry_trigger: None,
            pushes: Vec::new(),
            list_lag: Duration::ZERO,
            get_lag: Duration::ZERO,
            messages: Vec::new(),
            made: Vec::new(),
            clock: Clock::Manual,
            skew: TimeDelta::zero(),
            has_date: true,
            headers: Vec::new(),
            limit: None,
            faults: Vec::new(),
            expected: Vec::new(),
            records: Vec::new(),
        }
    }

    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Adds a deployment, and the one that its life brings.
    pub fn deployment(mut self, deployment: Deployment) -> Self {
        self.add(deployment);
        self
    }

    /// The life of the next deployment made by a retry. Called again, it is of
    /// the one after; the last life is that of all further ones.
    pub fn retries_to(mut self, life: Life) -> Self {
        self.lives.push_back(life);
        self
    }

    /// The id of the next deployment made by a retry, in the same way. Without
    /// any they are `9a8b7c6d`, `9a8b7c6e`, and so on.
    pub fn retry_id(mut self, id: &str) -> Self {
        self.ids.push_back(full_id(id));
        self
    }

    /// `deployment_trigger.type` of what a retry makes; without it, that of the
    /// original.
    pub fn retry_trigger(mut self, kind: &str) -> Self {
        self.retry_trigger = Some(kind.to_owned());
        self
    }

    /// Somebody else's deployment, created when the first POST comes in and
    /// just before the POST's own, whatever becomes of the POST.
    pub fn push_at_the_post(mut self, deployment: Deployment) -> Self {
        self.pushes.push(deployment);
        self
    }

    /// The list shows a deployment only this long after its creation.
    pub fn list_lag(mut self, lag: Duration) -> Self {
        self.list_lag = lag;
        self
    }

    /// A deployment is found by its id only this long after its creation.
    pub fn get_lag(mut self, lag: Duration) -> Self {
        self.get_lag = lag;
        self
    }

    /// The `Date` header is this many seconds fast, or slow if negative.
    pub fn date_skew(mut self, seconds: i64) -> Self {
        self.skew = TimeDelta::seconds(seconds);
        self
    }

    pub fn without_date(mut self) -> Self {
        self.has_date = false;
        self
    }

    /// A header of every answer, such as `Ratelimit`.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A quota of requests per window, told in `Ratelimit` headers and kept:
    /// what goes beyond it is answered 429.
    pub fn ratelimit(mut self, quota: u64, window: Duration) -> Self {
        self.limit = Some(Limit::new(quota, window));
        self
    }

    /// An item in the `messages` of every success.
    pub fn message(mut self, message: Value) -> Self {
        self.messages.push(message);
        self
    }

    pub fn fault(mut self, when: When, fault: impl Into<Fault>) -> Self {
        self.add_fault(when, fault);
        self
    }

    /// Exactly so many requests of a route are to come.
    pub fn expect(mut self, route: Route, count: usize) -> Self {
        self.expected.push((route, count));
        self
    }

    pub fn account(mut self, account: &str) -> Self {
        account.clone_into(&mut self.project.account);
        self
    }

    pub fn project(mut self, name: &str, subdomain: &str) -> Self {
        name.clone_into(&mut self.project.name);
        subdomain.clone_into(&mut self.project.subdomain);
        self
    }

    pub fn token(mut self, token: &str) -> Self {
        token.clone_into(&mut self.token);
        self
    }
}
