//! How long a failure that may pass is borne, and when to ask again.

use std::time::Duration;

use crate::cloudflare::error::{ClientError, error_chain};
use crate::retry::pace::Pause;
use crate::run::event::Event;

/// Unbroken failure after which we give up. Time spent on a 429 is no failure:
/// the API is well, and only busy with others.
pub(super) const GIVE_UP_AFTER: Duration = Duration::from_mins(5);

/// The longest wish of a server that is unwell to be left alone.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(1);

/// The failures since the last real answer.
#[derive(Debug, Default)]
pub(super) struct FailureBudget {
    /// Time spent failing, without what was spent on rate limits.
    failing: Duration,
    /// When the last failure came, if it was not a rate limit.
    failed_at: Option<Duration>,
    in_a_row: u32,
    limits_in_a_row: u32,
}

impl FailureBudget {
    /// Takes in a failure `elapsed` after the run began: what to say and how
    /// long to wait before the same request is sent again, or `None` to give
    /// up.
    pub(super) fn failed(
        &mut self,
        elapsed: Duration,
        error: &ClientError,
    ) -> Option<(Event, Pause)> {
        let pause = self.pause(elapsed, error)?;
        let event = Event::RequestFailed {
            reason: error_chain(error),
            again_in: pause.at_least,
            is_first: self.in_a_row == 1,
        };
        Some((event, pause))
    }

    fn pause(&mut self, elapsed: Duration, error: &ClientError) -> Option<Pause> {
        if !error.is_transient() {
            return None;
        }
        if let Some(failed_at) = self.failed_at {
            self.failing += elapsed.saturating_sub(failed_at);
        }
        self.in_a_row += 1;
        if error.is_rate_limit() {
            self.failed_at = None;
            self.limits_in_a_row += 1;
            return Some(Pause::after_rate_limit(
                error.retry_after(),
                self.limits_in_a_row,
            ));
        }
        self.failed_at = Some(elapsed);
        if GIVE_UP_AFTER <= self.failing {
            return None;
        }
        self.limits_in_a_row = 0;
        let pause = Pause::after_failure(self.in_a_row);
        Some(match error.retry_after() {
            // A server that is unwell may be back long before it says so.
            Some(asked) if pause.at_least < asked => Pause {
                at_least: asked.min(MAX_RETRY_AFTER),
                ..pause
            },
            Some(_) | None => pause,
        })
    }

    /// Something else was answered: the failures are not unbroken, but the
    /// pauses between them go on growing.
    pub(super) fn interrupted(&mut self) {
        self.failing = Duration::ZERO;
        self.failed_at = None;
    }

    pub(super) fn answered(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloudflare::error::ErrorResponse;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn unwell(retry_after: Option<u64>) -> ClientError {
        ClientError::Unavailable(ErrorResponse {
            status: 503,
            retry_after: retry_after.map(seconds),
            ..ErrorResponse::default()
        })
    }

    #[test]
    fn a_wish_to_be_left_alone_is_kept_up_to_a_minute() {
        for (wish, pause) in [(None, 1), (Some(0), 1), (Some(9), 9), (Some(3_600), 60)] {
            let (event, paused) = FailureBudget::default()
                .failed(seconds(5), &unwell(wish))
                .unwrap();
            assert_eq!(paused.at_least, seconds(pause), "{wish:?}");
            let Event::RequestFailed {
                again_in, is_first, ..
            } = event
            else {
                panic!("it is told");
            };
            assert!(is_first && again_in == paused.at_least);
        }
    }

    #[test]
    fn failures_are_borne_until_they_have_lasted_five_minutes() {
        let mut failures = FailureBudget::default();
        for (at, is_first) in [(0, true), (200, false), (299, false)] {
            let (event, _) = failures.failed(seconds(at), &unwell(None)).unwrap();
            assert!(matches!(event, Event::RequestFailed { is_first: it, .. } if it == is_first));
        }
        assert!(failures.failed(seconds(300), &unwell(None)).is_none());
        failures.answered();
        assert!(failures.failed(seconds(301), &unwell(None)).is_some());
    }

    #[test]
    fn time_spent_on_a_rate_limit_is_no_failure() {
        let limited = || ClientError::RateLimited(ErrorResponse::default());
        let mut failures = FailureBudget::default();
        for (at, pause) in [(0, 30), (400, 60), (900, 120)] {
            let (_, paused) = failures.failed(seconds(at), &limited()).unwrap();
            assert_eq!(paused.at_least, seconds(pause));
        }
        // It fails from now on.
        for at in [1_000, 1_299] {
            assert!(
                failures.failed(seconds(at), &unwell(None)).is_some(),
                "{at}"
            );
        }
        assert!(failures.failed(seconds(1_300), &unwell(None)).is_none());
    }

    #[test]
    fn what_else_is_answered_breaks_the_failures_and_not_the_pauses() {
        let mut failures = FailureBudget::default();
        for at in [0, 299, 400] {
            let (_, pause) = failures.failed(seconds(at), &unwell(None)).unwrap();
            failures.interrupted();
            let expected = match at {
                0 => 1,
                299 => 2,
                _ => 4,
            };
            assert_eq!(pause.at_least, seconds(expected), "{at}");
        }
    }

    #[test]
    fn what_will_not_pass_is_not_borne() {
        let refused = ClientError::Refused(ErrorResponse::default());
        assert!(
            FailureBudget::default()
                .failed(seconds(0), &refused)
                .is_none()
        );
    }
}
