//! The API's rate limit: 1,200 requests in five minutes for one account. One
//! more request, and the API rejects all requests for five minutes.

use std::time::Duration;

pub(crate) const LIMIT: u32 = 1_200;
pub(crate) const WINDOW: Duration = Duration::from_mins(5);

#[derive(Default)]
pub(crate) struct Account {
    /// The window begins with its first request, and ends at this time.
    window_ends: Duration,
    used: u32,
    blocked_until: Duration,
    pub requests: u32,
    pub refused: u32,
}

pub(crate) enum Admission {
    /// A response, with the values of `Ratelimit: "default";r=…;t=…`.
    Served { remaining: u32, resets_in: Duration },
    /// A 429, with the value of `Retry-After`.
    Refused { retry_after: Duration },
}

impl Account {
    /// Handles a request at `now`; requests must come in chronological order.
    pub(crate) fn admit(&mut self, now: Duration) -> Admission {
        self.requests += 1;
        if self.blocked_until <= now {
            if self.window_ends <= now {
                self.window_ends = now + WINDOW;
                self.used = 0;
            }
            if self.used < LIMIT {
                self.used += 1;
                return Admission::Served {
                    remaining: LIMIT - self.used,
                    resets_in: rounded_up(self.window_ends.saturating_sub(now)),
                };
            }
            self.blocked_until = now + WINDOW;
            self.window_ends = self.blocked_until;
        }
        self.refused += 1;
        Admission::Refused {
            retry_after: rounded_up(self.blocked_until.saturating_sub(now)),
        }
    }
}

/// Rounds up to whole seconds, as the headers do.
fn rounded_up(time: Duration) -> Duration {
    Duration::from_secs(time.as_secs() + u64::from(time.subsec_nanos() != 0))
}
