//! How long a failure that may pass is borne, and when to ask again.

use std::time::Duration;

use crate::cloudflare::error::ClientError;
use crate::retry::event::Event;
use crate::retry::pace::Pause;

/// Unbroken failure after which we give up. Time spent on a 429 is no failure:
/// the API is well, and only busy with others.
pub(crate) const GIVE_UP_AFTER: Duration = Duration::from_mins(5);

/// The longest wish of a server that is unwell to be left alone.
const LONGEST_WISH: Duration = Duration::from_mins(1);

/// The failures since the last real answer.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    /// Time spent failing, without what was spent on rate limits.
    failing: Duration,
    /// When the last failure came, if it was not a rate limit.
    failed_at: Option<Duration>,
    in_a_row: u32,
    limits_in_a_row: u32,
}

impl Patience {
    /// Takes in a failure `elapsed` after the run began: what to say and how
    /// long to wait before the same request is sent again, or `None` to give
    /// up.
    pub(crate) fn failed(
        &mut self,
        elapsed: Duration,
        error: &ClientError,
    ) -> Option<(Event, Pause)> {
        let pause = self.pause(elapsed, error)?;
        let event = Event::RequestFailed {
            reason: error.to_string(),
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
                at_least: asked.min(LONGEST_WISH),
                ..pause
            },
            Some(_) | None => pause,
        })
    }

    pub(crate) fn answered(&mut self) {
        *self = Self::default();
    }
}
