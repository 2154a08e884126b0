//! Sends the requests of a run, one at a time, within the rate limit.

use std::collections::HashSet;
use std::future::Future;
use std::ops::ControlFlow;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::mpsc;

use crate::cloudflare::error::ClientError;
use crate::cloudflare::transport::Transport;
use crate::cloudflare::{Client, Exchange};
use crate::io::{Flow, Io, jitter, within};
use crate::retry::failure_budget::{FailureBudget, Rejections};
use crate::retry::pace::{Budget, Pause};
use crate::run::event::{Event, Requested};

/// [`Io`], and what the API last said about its rate limit.
pub(super) struct Session<'a, 'io> {
    pub(super) io: &'a mut Io<'io>,
    /// The rate limit, and when it was read, since the run began.
    budget: Option<(Duration, Budget)>,
    /// Whether a rejection contradicts what was seen.
    rejections: Rejections,
    /// No request is sent before this time since the run began: a 429 asked
    /// for the pause, on any endpoint.
    blocked_until: Duration,
    /// The messages that the API has sent; each is shown once.
    noticed: HashSet<String>,
    /// The time that the API last gave.
    api_time: Option<DateTime<Utc>>,
}

impl<'a, 'io> Session<'a, 'io> {
    pub(super) fn new(io: &'a mut Io<'io>) -> Self {
        Self {
            io,
            budget: None,
            rejections: Rejections::EndAtOnce,
            blocked_until: Duration::ZERO,
            noticed: HashSet::new(),
            api_time: None,
        }
    }

    /// The time that the API gave in its last response with one, for showing
    /// ages; nothing is decided by it.
    pub(super) fn api_time(&self) -> Option<DateTime<Utc>> {
        self.api_time
    }

    /// How long no request may be sent.
    pub(super) fn blocked_for(&self) -> Duration {
        self.blocked_until.saturating_sub(self.io.elapsed())
    }

    /// Sends one request, once no 429 forbids it.
    pub(super) async fn send<A>(
        &mut self,
        request: impl Future<Output = Exchange<A>>,
    ) -> Flow<Exchange<A>> {
        self.io.sleep(self.blocked_for()).await?;
        let began = self.io.elapsed();
        let exchange = self.io.run_until_interrupted(request).await?;
        self.record(&exchange, began);
        ControlFlow::Continue(exchange)
    }

    /// Sends one request, unless a 429 forbids it for `limit`; `None` if there
    /// was no response by then.
    pub(super) async fn send_within<A>(
        &mut self,
        limit: Duration,
        request: impl Future<Output = Exchange<A>>,
    ) -> Flow<Option<Exchange<A>>> {
        if limit <= self.blocked_for() {
            return ControlFlow::Continue(None);
        }
        self.io.sleep(self.blocked_for()).await?;
        let began = self.io.elapsed();
        let request = within(limit, request);
        let exchange = self.io.run_until_interrupted(request).await?;
        if let Some(exchange) = &exchange {
            self.record(exchange, began);
        }
        ControlFlow::Continue(exchange)
    }

    /// Reads a build log from line `skip` on, and gives `take` each line as it
    /// arrives; shows the events that it returns. `None` means that it was not
    /// read to its end within `limit`.
    pub(super) async fn read_log<T: Transport>(
        &mut self,
        client: &Client<T>,
        id: &str,
        skip: usize,
        mut take: impl FnMut(&str) -> Option<Event>,
        limit: Duration,
    ) -> Flow<Option<Exchange<usize>>> {
        self.io.sleep(self.blocked_for()).await?;
        let began = self.io.elapsed();
        let (sender, mut events) = mpsc::unbounded_channel();
        let mut take = |line: &str| {
            if let Some(event) = take(line) {
                // The receiver is there until the log has been read.
                let _ = sender.send(event);
            }
        };
        let log = within(limit, client.log(id, skip, &mut take));
        let exchange = self.io.run_and_show(log, &mut events).await?;
        if let Some(exchange) = &exchange {
            self.record(exchange, began);
        }
        ControlFlow::Continue(exchange)
    }

    /// Sends a request that only reads until it gets a response, and not
    /// before the rate limit allows it.
    pub(super) async fn read<A, F>(
        &mut self,
        request: impl Fn() -> F,
    ) -> Flow<Result<A, ClientError>>
    where
        F: Future<Output = Exchange<A>>,
    {
        let mut failures = FailureBudget::new(self.rejections);
        self.wait(Pause::NONE).await?;
        loop {
            let error = match self.send(request()).await?.result {
                Ok(result) => return ControlFlow::Continue(Ok(result)),
                Err(error) => error,
            };
            let Some((event, pause)) = failures.failed(self.io.elapsed(), &error) else {
                return ControlFlow::Continue(Err(error));
            };
            self.io.show(&event);
            self.wait(pause).await?;
        }
    }

    /// Waits for `pause`, or longer where the rate limit would not suffice.
    pub(super) async fn wait(&mut self, pause: Pause) -> Flow<()> {
        let duration = self.duration(pause);
        self.io.sleep(duration).await
    }

    /// Waits for `pause` as [`Session::wait`] does, but not beyond `limit`.
    pub(super) async fn wait_at_most(&mut self, pause: Pause, limit: Duration) -> Flow<()> {
        let duration = self.duration(pause).min(limit);
        self.io.sleep(duration).await
    }

    /// How long to wait for `pause`, or for the rate limit; it has a random
    /// part.
    pub(super) fn duration(&self, pause: Pause) -> Duration {
        let now = self.io.elapsed();
        let budget = self
            .budget
            .map(|(at, budget)| budget.after(now.saturating_sub(at)));
        let pause = pause.within(budget);
        let duration = pause.at_least + pause.spread.mul_f64(jitter());
        duration.max(self.blocked_for())
    }

    fn record<A>(&mut self, exchange: &Exchange<A>, began: Duration) {
        let now = self.io.elapsed();
        let meta = &exchange.meta;
        self.api_time = meta.date.or(self.api_time);
        if meta.status.is_some() {
            self.io.responded();
        }
        match &exchange.result {
            Ok(_) => self.rejections = Rejections::MustAgree,
            Err(error) => {
                let retry_after = error.retry_after().filter(|_| error.is_rate_limit());
                let until = now + retry_after.unwrap_or_default();
                self.blocked_until = self.blocked_until.max(until);
            }
        }
        if let Some(limit) = meta.limit {
            let before = self.budget.map(|(_, budget)| budget);
            let budget = Budget::new(limit.remaining, limit.resets_in, before);
            self.budget = Some((now, budget));
        }
        self.io.show(&Event::Requested(Requested::new(
            meta,
            now.saturating_sub(began),
        )));
        for message in &exchange.messages {
            if self.noticed.insert(message.clone()) {
                let message = message.clone();
                self.io.show(&Event::Noticed { message });
            }
        }
    }
}
