//! The thin edge: the only clock, the only sleep, the only ear for signals.
//!
//! Everything that takes time goes through here, so that the timeout and a
//! signal cut it short wherever it is.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::future::Future;
use std::io;
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use tokio::select;
use tokio::signal::unix::{self, SignalKind};
use tokio::time::{Instant, sleep_until};

use crate::cloudflare::error::ClientError;
use crate::cloudflare::transport::Transport;
use crate::cloudflare::{Asked, Client, Head};
use crate::report::Report;
use crate::retry::event::{Event, Requested};
use crate::retry::outcome::{Doing, Outcome, Signal};
use crate::retry::pace::{Budget, Pause};
use crate::retry::patience::Patience;

/// Goes on with a value, or ends the run.
pub(crate) type Flow<T> = ControlFlow<Outcome, T>;

/// CI hosts stop a step that prints nothing for ten minutes.
const LONGEST_SILENCE: Duration = Duration::from_mins(1);

pub(crate) struct Edge<'a> {
    reporter: &'a mut dyn Report,
    signals: Signals,
    started: Instant,
    give_up_after: Duration,
    printed_at: Instant,
    budget: Option<(Instant, Budget)>,
    /// What an ending that comes now would cut short.
    pub(crate) doing: Doing,
    /// What the API has said beside its answers; each is shown once.
    noticed: HashSet<String>,
    /// What a line after a silent minute says is running, and since when.
    running: (String, Duration),
}

/// Seconds since 1970 by the local clock, which some hosts want to see beside
/// a group of the log. Nothing is decided by it.
#[expect(clippy::disallowed_methods, reason = "only shown")]
pub(crate) fn unix_seconds() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default().as_secs()
}

/// SIGINT and SIGTERM; a second one ends the process at once.
pub(crate) struct Signals {
    interrupt: unix::Signal,
    terminate: unix::Signal,
}

impl Signals {
    /// Must be called on a runtime, before anything is worth interrupting: as
    /// process 1 of a container we get no signal that we do not listen to.
    pub(crate) fn listen() -> io::Result<Self> {
        for (signal, code) in [(SIGINT, 130), (SIGTERM, 143)] {
            let is_second = Arc::new(AtomicBool::new(false));
            // In this order: the first signal finds the flag down and raises it.
            flag::register_conditional_shutdown(signal, code, Arc::clone(&is_second))?;
            flag::register(signal, is_second)?;
        }
        Ok(Self {
            interrupt: unix::signal(SignalKind::interrupt())?,
            terminate: unix::signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> Signal {
        select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
    }
}

impl<'a> Edge<'a> {
    pub(crate) fn new(
        reporter: &'a mut dyn Report,
        signals: Signals,
        give_up_after: Duration,
    ) -> Self {
        let now = Instant::now();
        Self {
            reporter,
            signals,
            started: now,
            give_up_after,
            printed_at: now,
            budget: None,
            doing: Doing::Preparing,
            noticed: HashSet::new(),
            running: ("resolving".to_owned(), Duration::ZERO),
        }
    }

    /// Time since the run began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Time until `timeout` has passed.
    pub(crate) fn left(&self) -> Duration {
        self.give_up_after.saturating_sub(self.elapsed())
    }

    /// Shows an event. A log that is gone changes no verdict.
    pub(crate) fn show(&mut self, event: &Event) {
        let _ = self.reporter.event(event);
        if !matches!(event, Event::Requested(_)) {
            self.printed_at = Instant::now();
        }
    }

    /// Says what runs from now on.
    pub(crate) fn now_running(&mut self, what: &str) {
        if self.running.0 != what {
            self.running = (what.to_owned(), self.elapsed());
        }
    }

    /// Sends one request.
    pub(crate) async fn ask<A>(
        &mut self,
        request: impl Future<Output = Asked<A>>,
    ) -> Flow<Asked<A>> {
        let began = Instant::now();
        let asked = self.until_cut(request).await?;
        self.requested(&asked.head, began);
        for message in &asked.messages {
            if self.noticed.insert(message.clone()) {
                let message = message.clone();
                self.show(&Event::Noticed { message });
            }
        }
        ControlFlow::Continue(asked)
    }

    /// Reads a build log from line `skip` on, and shows `take`n lines as they
    /// come.
    pub(crate) async fn read_log<T: Transport>(
        &mut self,
        client: &Client<T>,
        id: &str,
        skip: usize,
        mut take: impl FnMut(&str) -> Option<Event>,
    ) -> Flow<Asked<usize>> {
        let began = Instant::now();
        let deadline = self.started + self.give_up_after;
        let timed_out = self.timed_out();
        let printed_at = Cell::new(self.printed_at);
        let asked = {
            let reporter = RefCell::new(&mut *self.reporter);
            let show = |event: &Event| {
                let _ = reporter.borrow_mut().event(event);
                printed_at.set(Instant::now());
            };
            let mut take = |line: &str| {
                if let Some(event) = take(line) {
                    show(&event);
                }
            };
            let mut log = pin!(client.log(id, skip, &mut take));
            loop {
                select! {
                    asked = &mut log => break asked,
                    signal = self.signals.next() => return ControlFlow::Break(Outcome::Interrupted {
                        signal,
                        doing: self.doing.clone(),
                    }),
                    () = sleep_until(deadline) => return ControlFlow::Break(timed_out),
                    () = sleep_until(printed_at.get() + LONGEST_SILENCE) => show(&Event::StillRunning {
                        what: "the reading of the build log".to_owned(),
                        elapsed: began.elapsed(),
                    }),
                }
            }
        };
        self.printed_at = printed_at.get();
        self.requested(&asked.head, began);
        ControlFlow::Continue(asked)
    }

    /// Sends a request that only reads, until it is answered, and not before
    /// the rate limit allows it.
    pub(crate) async fn read<A, F>(
        &mut self,
        request: impl Fn() -> F,
    ) -> Flow<Result<Read<A>, ClientError>>
    where
        F: Future<Output = Asked<A>>,
    {
        let mut patience = Patience::default();
        self.wait(Pause::NONE).await?;
        loop {
            let asked = self.ask(request()).await?;
            let error = match asked.result {
                Ok(answer) => {
                    let head = asked.head;
                    return ControlFlow::Continue(Ok(Read { answer, head }));
                }
                Err(error) => error,
            };
            let Some((event, pause)) = patience.failed(self.elapsed(), &error) else {
                return ControlFlow::Continue(Err(error));
            };
            self.show(&event);
            self.wait(pause).await?;
        }
    }

    /// Waits, longer where the rate limit would not last.
    pub(crate) async fn wait(&mut self, pause: Pause) -> Flow<()> {
        let now = Instant::now();
        let budget = self.budget.map(|(at, budget)| budget.after(now - at));
        let pause = pause.within(budget);
        let end = now + pause.at_least + pause.spread.mul_f64(draw());
        self.until_cut(sleep_until(end)).await
    }

    /// Waits for what takes time, and breaks the silence once a minute.
    async fn until_cut<A>(&mut self, future: impl Future<Output = A>) -> Flow<A> {
        let deadline = self.started + self.give_up_after;
        let mut future = pin!(future);
        loop {
            select! {
                // What is done is done: a signal that comes with it finds it done.
                biased;
                done = &mut future => return ControlFlow::Continue(done),
                signal = self.signals.next() => return ControlFlow::Break(Outcome::Interrupted {
                    signal,
                    doing: self.doing.clone(),
                }),
                () = sleep_until(deadline) => return ControlFlow::Break(self.timed_out()),
                () = sleep_until(self.printed_at + LONGEST_SILENCE) => {
                    let (what, since) = self.running.clone();
                    let elapsed = self.elapsed().saturating_sub(since);
                    self.show(&Event::StillRunning { what, elapsed });
                }
            }
        }
    }

    fn timed_out(&self) -> Outcome {
        Outcome::TimedOut {
            doing: self.doing.clone(),
            after: self.give_up_after,
        }
    }

    fn requested(&mut self, head: &Head, began: Instant) {
        let now = Instant::now();
        if let Some(limit) = head.limit {
            let before = self.budget.map(|(_, budget)| budget);
            let budget = Budget::new(limit.remaining, limit.resets_in, before);
            self.budget = Some((now, budget));
        }
        self.show(&Event::Requested(Requested {
            method: head.method,
            route: head.route.clone(),
            status: head.status,
            took: now - began,
            cf_ray: head.cf_ray.clone(),
        }));
    }
}

/// A real answer.
pub(crate) struct Read<A> {
    pub(crate) answer: A,
    pub(crate) head: Head,
}

/// A number from 0 to 1, for jitter only.
fn draw() -> f64 {
    let drawn = getrandom::u32().unwrap_or(u32::MAX / 2);
    f64::from(drawn) / f64::from(u32::MAX)
}
