//! The clock, the waiting, the signals and the writing of the log: nothing else
//! has them.
//!
//! Everything that takes time goes through [`Io`], so that `timeout` and a
//! signal interrupt it wherever it is.

#![expect(
    clippy::disallowed_methods,
    reason = "the only clock, waiting and randomness"
)]

mod log_writer;
mod signals;

use std::fmt::Write as _;
use std::future::Future;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::net::UnixStream;
use std::pin::{Pin, pin};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::select;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::time::{Instant, sleep_until, timeout};

pub use self::log_writer::LogWriter;
pub use self::signals::Signals;
use crate::run::event::{Event, Report};
use crate::run::outcome::{Outcome, Phase, Signal};

/// Continues with a value, or ends the run with an outcome.
pub type Flow<T> = ControlFlow<Outcome, T>;

/// CI hosts stop a step that prints nothing for ten minutes.
const MAX_SILENCE: Duration = Duration::from_mins(1);

/// The reporter, the clock and the signals of a run.
pub struct Io<'a> {
    reporter: &'a mut dyn Report,
    signals: Signals,
    started: Instant,
    timeout: Duration,
    printed_at: Instant,
    /// What an interruption at this moment would interrupt.
    pub phase: Phase,
    /// What the line after a silent minute says is running, and since when.
    running: (String, Duration),
}

/// How many files a run has open at once, beside the log.
const OPEN_FILES: usize = 8;

/// Checks that as many files may be opened as a run needs: the runtime would
/// panic halfway.
///
/// # Errors
///
/// Fails with the system's error if they may not.
pub fn check_open_files() -> io::Result<()> {
    let pairs = (0..OPEN_FILES / 2).map(|_| UnixStream::pair());
    pairs.collect::<io::Result<Vec<_>>>().map(drop)
}

/// Seconds since 1970 by the local clock, which some hosts want to see beside
/// a group of the log. Nothing is decided by it.
pub fn unix_seconds() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default().as_secs()
}

impl<'a> Io<'a> {
    /// Starts the clock of a run that may take `timeout`.
    pub fn new(reporter: &'a mut dyn Report, signals: Signals, timeout: Duration) -> Self {
        let now = Instant::now();
        Self {
            reporter,
            signals,
            started: now,
            timeout,
            printed_at: now,
            phase: Phase::Connecting,
            running: ("resolving".to_owned(), Duration::ZERO),
        }
    }

    /// Time since the run began.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Time until `timeout` expires.
    pub fn time_left(&self) -> Duration {
        self.timeout.saturating_sub(self.elapsed())
    }

    /// Takes note that the API has responded, with whatever it was.
    pub fn responded(&mut self) {
        if self.phase == Phase::Connecting {
            self.phase = Phase::Preparing;
        }
    }

    /// Shows an event. A log that can no longer be written changes no outcome.
    pub fn show(&mut self, event: &Event) {
        let _ = self.reporter.event(event);
        if !matches!(event, Event::Requested(_)) {
            self.printed_at = Instant::now();
        }
    }

    /// Says what runs from now on, for the line after a silent minute.
    pub fn now_running(&mut self, what: &str) {
        if self.running.0 != what {
            self.running = (what.to_owned(), self.elapsed());
        }
    }

    /// Waits for `duration`, unless the run is interrupted.
    pub async fn sleep(&mut self, duration: Duration) -> Flow<()> {
        let end = Instant::now() + duration;
        self.run_until_interrupted(sleep_until(end)).await
    }

    /// Waits for `future`, and shows that it is still running once a minute.
    /// Ends the run if `timeout` expires or a signal arrives first.
    pub async fn run_until_interrupted<A>(&mut self, future: impl Future<Output = A>) -> Flow<A> {
        let (_, mut no_events) = mpsc::unbounded_channel();
        self.run_and_show(future, &mut no_events).await
    }

    /// As [`Io::run_until_interrupted`], and shows the `events` that `future`
    /// sends meanwhile.
    pub async fn run_and_show<A>(
        &mut self,
        future: impl Future<Output = A>,
        events: &mut UnboundedReceiver<Event>,
    ) -> Flow<A> {
        let mut result = None;
        {
            let done = pin!(async { result = Some(future.await) });
            self.wait_for(done, events).await?;
        }
        // Without a break it is done.
        result.map_or_else(
            || ControlFlow::Break(self.timed_out()),
            ControlFlow::Continue,
        )
    }

    /// The one loop behind all waiting. Takes any future in the same form, so
    /// that the program contains the loop once.
    async fn wait_for(
        &mut self,
        mut done: Pin<&mut dyn Future<Output = ()>>,
        events: &mut UnboundedReceiver<Event>,
    ) -> Flow<()> {
        let deadline = self.started + self.timeout;
        loop {
            select! {
                // What was sent before the result is shown before it, and a
                // result that arrives together with a signal counts.
                biased;
                Some(event) = events.recv() => {
                    self.show(&event);
                    // What is sent at once is shown without setting timers anew.
                    while let Ok(event) = events.try_recv() {
                        self.show(&event);
                    }
                }
                () = &mut done => {
                    while let Ok(event) = events.try_recv() {
                        self.show(&event);
                    }
                    return ControlFlow::Continue(());
                }
                signal = self.signals.first() => return ControlFlow::Break(self.interrupted(signal)),
                () = sleep_until(deadline) => return ControlFlow::Break(self.timed_out()),
                () = sleep_until(self.printed_at + MAX_SILENCE) => {
                    let (what, since) = self.running.clone();
                    let elapsed = self.elapsed().saturating_sub(since);
                    self.show(&Event::StillRunning { what, elapsed });
                }
            }
        }
    }

    fn interrupted(&self, signal: Signal) -> Outcome {
        Outcome::Interrupted {
            signal,
            phase: self.phase.clone(),
        }
    }

    fn timed_out(&self) -> Outcome {
        Outcome::TimedOut {
            phase: self.phase.clone(),
            after: self.timeout,
        }
    }
}

/// Whether slow work at the end of a run may continue: a signal received after
/// the outcome was known requests a fast exit.
#[derive(Clone, Debug)]
pub struct Hurry {
    signals: Signals,
    /// How many signals the outcome itself comes from.
    expected: u32,
}

impl Hurry {
    /// Starts from the signals received so far by a run that ended in `outcome`.
    pub fn new(signals: &Signals, outcome: &Outcome) -> Self {
        Self {
            signals: signals.clone(),
            expected: u32::from(matches!(outcome, Outcome::Interrupted { .. })),
        }
    }

    /// Whether any signal has arrived: then the step may be killed soon.
    pub fn is_signaled(&self) -> bool {
        self.signals.count() != 0
    }

    /// Whether something slow may take more than `grace`.
    pub fn may_take(&self, elapsed: Duration, grace: Duration) -> bool {
        elapsed < grace || self.signals.count() <= self.expected
    }

    /// A deadline for something slow: `limit` from now on, and in a hurry
    /// `grace`.
    pub fn deadline(&self, limit: Duration, grace: Duration) -> Deadline<'_> {
        Deadline {
            hurry: self,
            began: std::time::Instant::now(),
            limit,
            grace,
        }
    }
}

/// See [`Hurry::deadline`].
#[derive(Debug)]
pub struct Deadline<'a> {
    hurry: &'a Hurry,
    began: std::time::Instant,
    limit: Duration,
    grace: Duration,
}

impl Deadline<'_> {
    /// Waits for a result; `None` if it has not come in time.
    pub fn receive<A>(&self, receiver: &Receiver<A>) -> Option<A> {
        const SLICE: Duration = Duration::from_millis(20);
        loop {
            let elapsed = self.began.elapsed();
            if self.limit <= elapsed || !self.hurry.may_take(elapsed, self.grace) {
                return receiver.try_recv().ok();
            }
            let slice = SLICE.min(self.limit.saturating_sub(elapsed));
            match receiver.recv_timeout(slice) {
                Ok(result) => return Some(result),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }
}

/// Runs `future` for at most `limit`; `None` if it did not end by then.
pub async fn within<A>(limit: Duration, future: impl Future<Output = A>) -> Option<A> {
    timeout(limit, future).await.ok()
}

/// A number from 0 to 1 that is different in each run, for jitter only.
pub fn jitter() -> f64 {
    let drawn = getrandom::u32().unwrap_or(u32::MAX / 2);
    f64::from(drawn) / f64::from(u32::MAX)
}

/// 128 random bits in hexadecimal, which no external text can contain.
pub fn unguessable() -> String {
    let mut bytes = [0; 16];
    // Without randomness the text is still delimited, only less safely.
    let _ = getrandom::fill(&mut bytes);
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
