//! Reads build logs: beside the polls of a watch, and after its end.
//!
//! The API cannot return the new lines only: each request reads the
//! whole log. So a log that grows is read at moments that lie further and
//! further apart, and what was read in all stays in proportion to its length.

use std::ops::ControlFlow;
use std::time::Duration;

use super::Run;
use crate::cloudflare::deployment::StageName;
use crate::cloudflare::error::{ClientError, error_chain};

use crate::cloudflare::transport::Transport;
use crate::io::Flow;
use crate::retry::diagnosis::{Clues, diagnose};
use crate::retry::failure_budget::FailureBudget;
use crate::retry::pace::Pause;
use crate::run::event::Event;

/// How long a known outcome waits for its log, in all.
pub(super) const LOG_WAIT: Duration = Duration::from_secs(10);

/// The pause before a log is read again that says nothing yet.
const SILENT_LOG_PAUSE: Duration = Duration::from_secs(2);

/// What was read of the build log of one deployment.
#[derive(Default)]
pub(super) struct LogSoFar {
    /// Lines taken in, in order.
    pub(super) lines: usize,
    pub(super) clues: Clues,
    pub(super) was_read: bool,
}

/// Who sees the lines of a log as they are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lines {
    /// They are shown at once, as those of this attempt.
    Shown {
        attempt: u32,
    },
    Kept,
}

impl LogSoFar {
    /// Takes in a line when it comes: what a response brought before it broke
    /// off was shown.
    fn saw(&mut self, line: &str) {
        self.lines += 1;
        self.clues.saw(line);
    }

    /// Whether the log has not begun to explain a failure in this stage: the
    /// build system may not have delivered it yet.
    fn is_silent(&self, stage: &StageName) -> bool {
        *stage == StageName::Build
            && diagnose(stage, Some(&self.clues)).reason
                == diagnose(stage, Some(&Clues::default())).reason
    }
}

/// When a growing log is read beside the polls of a watch.
#[derive(Debug, Default)]
pub(super) struct LogSchedule {
    polls: u32,
    reads: u32,
    /// When it was read last, since the watch began.
    read_at: Duration,
}

impl LogSchedule {
    /// How many polls there are at least for each time the log is read.
    const POLLS_PER_READ: u32 = 5;

    pub(super) fn polled(&mut self) {
        self.polls += 1;
    }

    /// Whether the log is to be read `since_start` after the watch began. Each
    /// reading is half as late again as the one before: a log that grows
    /// steadily is thus read three times in all.
    pub(super) fn is_due(&mut self, since_start: Duration) -> bool {
        // Two more requests come for sure: the next poll, and the last reading.
        let is_due = (self.reads + 1) * Self::POLLS_PER_READ <= self.polls + 2
            && self.read_at + self.read_at / 2 <= since_start;
        if is_due {
            self.reads += 1;
            self.read_at = since_start;
        }
        is_due
    }
}

impl<T: Transport> Run<'_, '_, T> {
    /// Reads the new lines of a log for at most `limit`, beside a watch.
    /// Whether the API has any while it builds is not documented, so that no
    /// response is no failure.
    pub(super) async fn stream_log(
        &mut self,
        id: &str,
        log: &mut LogSoFar,
        lines: Lines,
        limit: Duration,
    ) -> Flow<()> {
        if limit <= self.session.blocked_for() {
            return ControlFlow::Continue(());
        }
        self.read_log_once(id, log, lines, limit).await?;
        ControlFlow::Continue(())
    }

    /// Reads the log of a deployment that has ended in `stage`, after what
    /// `log` has of it, for at most [`LOG_WAIT`]: the outcome is known. What
    /// could not be read is reported; see [`LogSoFar::was_read`].
    pub(super) async fn read_log(
        &mut self,
        id: &str,
        stage: Option<&StageName>,
        log: &mut LogSoFar,
        lines: Lines,
    ) -> Flow<()> {
        self.session.io.now_running("the reading of the build log");
        let deadline = self.session.io.elapsed() + LOG_WAIT;
        let mut failures = FailureBudget::default();
        let why = loop {
            let left = deadline.saturating_sub(self.session.io.elapsed());
            if left <= self.session.blocked_for() {
                break "the API's rate limit forbids it for longer than the log is waited for"
                    .to_owned();
            }
            if lines == Lines::Kept {
                *log = LogSoFar::default();
            }
            let Some(result) = self.read_log_once(id, log, lines, left).await? else {
                break format!("it did not arrive within {} s", LOG_WAIT.as_secs());
            };
            let left = deadline.saturating_sub(self.session.io.elapsed());
            let pause = match result {
                Ok(_) => {
                    log.was_read = true;
                    let is_silent = stage.is_some_and(|it| log.is_silent(it));
                    if !is_silent || left <= SILENT_LOG_PAUSE {
                        return ControlFlow::Continue(());
                    }
                    Pause::exactly(SILENT_LOG_PAUSE)
                }
                Err(error) => {
                    let pause = failures.failed(self.session.io.elapsed(), &error);
                    match pause.map(|(_, pause)| pause) {
                        Some(pause) if pause.at_least < left => pause,
                        // A log that was read before is still what is known.
                        Some(_) | None if log.was_read => return ControlFlow::Continue(()),
                        Some(_) | None => break error_chain(&error),
                    }
                }
            };
            self.session.wait_at_most(pause, left).await?;
        };
        if !log.was_read {
            let message = format!("failed to read the build log: {why}");
            self.session.io.show(&Event::Warned { message });
        }
        ControlFlow::Continue(())
    }

    /// Sends one request for the log; `None` if `limit` passed before its end.
    async fn read_log_once(
        &mut self,
        id: &str,
        log: &mut LogSoFar,
        lines: Lines,
        limit: Duration,
    ) -> Flow<Option<Result<usize, ClientError>>> {
        let skip = log.lines;
        let take = |line: &str| {
            log.saw(line);
            match lines {
                Lines::Shown { attempt } => Some(Event::LogRead {
                    attempt,
                    lines: vec![line.to_owned()],
                }),
                Lines::Kept => None,
            }
        };
        let log = self.session.read_log(self.client, id, skip, take, limit);
        let exchange = log.await?;
        ControlFlow::Continue(exchange.map(|it| it.result))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The moments at which a log is read beside polls every so many seconds.
    fn reads(every: u64, until: u64) -> Vec<u64> {
        let mut schedule = LogSchedule::default();
        let polls = (0..=until).step_by(usize::try_from(every).unwrap());
        let due = polls.filter(|at| {
            schedule.polled();
            schedule.is_due(Duration::from_secs(*at))
        });
        due.collect()
    }

    #[test]
    fn a_growing_log_is_read_seldom_and_in_proportion_to_its_length() {
        for (every, until) in [(1, 10), (1, 3_600), (5, 180), (14, 3_600)] {
            let reads = reads(every, until);
            let polls = until / every + 1;
            // The last reading, after the end, comes on top of these; target,
            // list and POST come before the polls.
            let added = u64::try_from(reads.len()).unwrap() + 1;
            assert!(added * 10 <= (polls + 3) * 3, "{added} to {polls}");
            let bytes: u64 = reads.iter().sum::<u64>() + until;
            assert!(bytes <= 4 * until, "{bytes} of {until}");
        }
    }

    #[test]
    fn each_reading_is_half_as_late_again() {
        assert_eq!(reads(1, 30), [2, 7, 12, 18, 27]);
    }

    #[test]
    fn only_a_build_whose_log_says_nothing_is_silent() {
        let log = |lines: &[&str]| {
            let mut log = LogSoFar::default();
            for line in lines {
                log.saw(line);
            }
            log
        };
        assert!(log(&[]).is_silent(&StageName::Build));
        assert!(!log(&[]).is_silent(&StageName::CloneRepo));
        assert!(log(&["Executing user command: npm run build"]).is_silent(&StageName::Build));
        assert!(!log(&["> vite build", "something"]).is_silent(&StageName::Build));
    }
}
