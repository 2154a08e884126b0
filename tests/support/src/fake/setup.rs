//! Sets up an [`Api`] before the first request.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::Value;

use super::api::{ACCOUNT, Api, Clock, PROJECT, Paging, Project, TOKEN};
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
    /// An empty project with a manual clock, whose retries succeed.
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
            paging: Paging {
                max_rows: 25,
                filters_pages: false,
                has_info: true,
                is_stuck: false,
            },
            raw: Vec::new(),
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

    /// Adds a deployment, and the one that its lifecycle brings, if any.
    pub fn deployment(mut self, deployment: Deployment) -> Self {
        self.add(deployment);
        self
    }

    /// Sets the lifecycle of the next deployment created by a retry. Further calls
    /// apply to the following ones; the last lifecycle is used for all others.
    pub fn retries_to(mut self, life: Life) -> Self {
        self.lives.push_back(life);
        self
    }

    /// Sets the id of the next deployment created by a retry; further calls apply to
    /// the following ones. The default ids are `9a8b7c6d`, `9a8b7c6e`, and so on.
    pub fn retry_id(mut self, id: &str) -> Self {
        self.ids.push_back(full_id(id));
        self
    }

    /// Sets `deployment_trigger.type` of the deployments created by a retry. The
    /// default is that of the original.
    pub fn retry_trigger(mut self, kind: &str) -> Self {
        self.retry_trigger = Some(kind.to_owned());
        self
    }

    /// Adds another client's deployment, which is created when the first POST
    /// arrives, just before the POST's own and even if the POST fails.
    pub fn push_at_the_post(mut self, deployment: Deployment) -> Self {
        self.pushes.push(deployment);
        self
    }

    /// The list shows a deployment only after this time since its creation.
    pub fn list_lag(mut self, lag: Duration) -> Self {
        self.list_lag = lag;
        self
    }

    /// A GET by id finds a deployment only after this time since its creation.
    pub fn get_lag(mut self, lag: Duration) -> Self {
        self.get_lag = lag;
        self
    }

    /// The `Date` header is this many seconds ahead, or behind if negative.
    pub fn date_skew(mut self, seconds: i64) -> Self {
        self.skew = TimeDelta::seconds(seconds);
        self
    }

    pub fn without_date(mut self) -> Self {
        self.has_date = false;
        self
    }

    /// Adds a header to every response, such as `Ratelimit`.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Enforces a quota of requests per window and announces it in `Ratelimit`
    /// headers: any request beyond it gets a 429.
    pub fn ratelimit(mut self, quota: u64, window: Duration) -> Self {
        self.limit = Some(Limit::new(quota, window));
        self
    }

    /// Adds an item to `messages` in every successful response.
    pub fn message(mut self, message: Value) -> Self {
        self.messages.push(message);
        self
    }

    /// No page of the list has more rows than this, whatever is requested.
    pub fn max_rows(mut self, rows: usize) -> Self {
        self.paging.max_rows = rows;
        self
    }

    /// The list is filtered by `env` after it was cut into pages.
    pub fn filters_pages(mut self) -> Self {
        self.paging.filters_pages = true;
        self
    }

    /// The list says nothing about itself.
    pub fn without_result_info(mut self) -> Self {
        self.paging.has_info = false;
        self
    }

    /// The list ignores `page`.
    pub fn only_the_first_page(mut self) -> Self {
        self.paging.is_stuck = true;
        self
    }

    /// Sends `bytes` instead of `marker`, wherever it stands in a body: text
    /// that no JSON writer would write.
    pub fn raw(mut self, marker: &str, bytes: &[u8]) -> Self {
        self.raw.push((marker.to_owned(), bytes.to_owned()));
        self
    }

    pub fn fault(mut self, when: When, fault: impl Into<Fault>) -> Self {
        self.add_fault(when, fault);
        self
    }

    /// Expects exactly this many requests to a route.
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
