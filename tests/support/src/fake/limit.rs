//! A rate limit per window of the fake's time.

use std::time::Duration;

use super::request::Reply;

#[derive(Debug)]
pub(super) struct Limit {
    quota: u64,
    window: Duration,
    began: Duration,
    used: u64,
}

impl Limit {
    pub(super) fn new(quota: u64, window: Duration) -> Self {
        Self {
            quota,
            window,
            began: Duration::ZERO,
            used: 0,
        }
    }

    /// Counts a request; returns a 429 if it exceeds the quota.
    pub(super) fn count(&mut self, now: Duration) -> Option<Reply> {
        while self.began + self.window <= now {
            self.began += self.window;
            self.used = 0;
        }
        self.used += 1;
        let is_over = self.quota < self.used;
        is_over.then(|| Reply::rate_limited().retry_after(self.seconds_left(now)))
    }

    pub(super) fn headers(&self, now: Duration) -> [(String, String); 2] {
        let left = self.quota.saturating_sub(self.used);
        let seconds = self.seconds_left(now);
        let window = self.window.as_secs();
        let (quota, name) = (self.quota, "\"default\"");
        [
            ("ratelimit", format!("{name};r={left};t={seconds}")),
            ("ratelimit-policy", format!("{name};q={quota};w={window}")),
        ]
        .map(|(name, value)| (name.to_owned(), value))
    }

    /// The seconds until the window ends, rounded up.
    fn seconds_left(&self, now: Duration) -> u64 {
        let left = (self.began + self.window).saturating_sub(now);
        left.as_secs() + u64::from(left.subsec_nanos() != 0)
    }
}
