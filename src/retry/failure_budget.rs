//! How long failures are tolerated, and when to send the request again.

use std::time::Duration;

use crate::cloudflare::error::{ClientError, error_chain};
use crate::retry::pace::Pause;
use crate::run::event::Event;

/// Unbroken failure after which a run ends. Time spent on a 429 is no failure:
/// the API works, and only limits the number of requests.
pub(super) const GIVE_UP_AFTER: Duration = Duration::from_mins(5);

/// The longest `Retry-After` of a failing server that is waited for in full.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(1);

/// How many rejections in a row end a run, and how far the last must be from
/// the first.
const REJECTIONS: u32 = 3;
const REJECTED_FOR: Duration = Duration::from_secs(30);

/// The pause after a rejection that is tolerated.
const REJECTION_PAUSE: Duration = Duration::from_secs(15);

/// What a rejection (an error that is not transient) means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Rejections {
    /// The first one ends the run: nothing has been seen that it contradicts.
    #[default]
    EndAtOnce,
    /// A single one decides nothing: [`REJECTIONS`] in a row must agree.
    MustAgree,
}

/// The failures since the last real response.
#[derive(Debug, Default)]
pub(super) struct FailureBudget {
    rejections: Rejections,
    /// Time spent failing, without what was spent on rate limits.
    failing: Duration,
    /// When the last failure came, if it was not a rate limit.
    failed_at: Option<Duration>,
    in_a_row: u32,
    limits_in_a_row: u32,
    rejected_in_a_row: u32,
    /// When the first of the rejections in a row came.
    rejected_at: Duration,
}

impl FailureBudget {
    pub(super) fn new(rejections: Rejections) -> Self {
        Self {
            rejections,
            ..Self::default()
        }
    }

    /// Takes in a failure `elapsed` after the run began: what to report and
    /// how long to wait before the same request is sent again, or `None` to
    /// give up.
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
        if !error.is_transient() && self.rejections == Rejections::EndAtOnce {
            return None;
        }
        if let Some(failed_at) = self.failed_at {
            self.failing += elapsed.saturating_sub(failed_at);
        }
        self.in_a_row += 1;
        if error.is_rate_limit() {
            // Says nothing about the request itself, so rejections before and
            // after it are in a row.
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
        if !error.is_transient() {
            return self.rejected(elapsed);
        }
        self.rejected_in_a_row = 0;
        let pause = Pause::after_failure(self.in_a_row);
        Some(match error.retry_after() {
            // A failing server may be back long before it says so.
            Some(retry_after) if pause.at_least < retry_after => Pause {
                at_least: retry_after.min(MAX_RETRY_AFTER),
                ..pause
            },
            Some(_) | None => pause,
        })
    }

    fn rejected(&mut self, elapsed: Duration) -> Option<Pause> {
        if self.rejected_in_a_row == 0 {
            self.rejected_at = elapsed;
        }
        self.rejected_in_a_row += 1;
        let rejected_for = elapsed.saturating_sub(self.rejected_at);
        let do_agree = REJECTIONS <= self.rejected_in_a_row && REJECTED_FOR <= rejected_for;
        (!do_agree).then_some(Pause::exactly(REJECTION_PAUSE))
    }

    /// Another request got a response: the failures are not unbroken, but the
    /// pauses between them keep growing.
    pub(super) fn interrupted(&mut self) {
        self.failing = Duration::ZERO;
        self.failed_at = None;
        self.rejected_in_a_row = 0;
    }

    /// The response ends a series of rejections but is not a success.
    pub(super) fn not_rejected(&mut self) {
        self.rejected_in_a_row = 0;
    }

    pub(super) fn answered(&mut self) {
        *self = Self::new(self.rejections);
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
    fn retry_after_is_honored_up_to_a_minute() {
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
    fn other_responses_reset_the_failures_but_not_the_pauses() {
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
    fn a_permanent_failure_is_not_tolerated() {
        let refused = ClientError::Refused(ErrorResponse::default());
        assert!(
            FailureBudget::default()
                .failed(seconds(0), &refused)
                .is_none()
        );
    }

    #[test]
    fn three_rejections_in_a_row_over_half_a_minute_end_a_run_that_saw_something() {
        let refused = || ClientError::Refused(ErrorResponse::default());
        let limited = || ClientError::RateLimited(ErrorResponse::default());
        let cases: [(&[(u64, ClientError)], bool); 7] = [
            (&[(0, refused()), (15, refused())], false),
            (&[(0, refused()), (15, refused()), (30, refused())], true),
            (&[(0, refused()), (10, refused()), (29, refused())], false),
            (&[(0, refused()), (40, ClientError::Redirected(302))], false),
            // A transient error in between breaks the row, a limit does not.
            (
                &[
                    (0, refused()),
                    (15, unwell(None)),
                    (30, refused()),
                    (45, refused()),
                ],
                false,
            ),
            (
                &[
                    (0, refused()),
                    (15, limited()),
                    (30, refused()),
                    (45, refused()),
                ],
                true,
            ),
            (
                &[
                    (0, refused()),
                    (20, ClientError::Redirected(302)),
                    (40, refused()),
                ],
                true,
            ),
        ];
        for (n, (errors, ends)) in cases.iter().enumerate() {
            let mut failures = FailureBudget::new(Rejections::MustAgree);
            let mut pauses = errors
                .iter()
                .map(|(at, error)| failures.failed(seconds(*at), error));
            let last = pauses.by_ref().last().unwrap();
            assert_eq!(last.is_none(), *ends, "case {n}");
        }
    }

    #[test]
    fn rejections_and_other_failures_together_end_a_run_after_five_minutes() {
        let mut failures = FailureBudget::new(Rejections::MustAgree);
        let refused = ClientError::Refused(ErrorResponse::default());
        let end = (0..60).find(|n| {
            let error = if n % 2 == 0 { &refused } else { &unwell(None) };
            failures.failed(seconds(n * 20), error).is_none()
        });
        assert_eq!(end, Some(15));
    }

    #[test]
    fn a_response_breaks_a_row_of_rejections() {
        let mut failures = FailureBudget::new(Rejections::MustAgree);
        let refused = ClientError::Refused(ErrorResponse::default());
        for at in [0, 20, 40, 60] {
            assert!(failures.failed(seconds(at), &refused).is_some());
            failures.answered();
        }
    }
}
