//! When to ask again.
//!
//! Invariant: no clock, no randomness. A [`Pause`] says how long to wait at
//! least and how much to draw on top of it; whoever waits draws.

use std::time::Duration;

use crate::cloudflare::deployment::StageName;
use crate::retry::usual::Usual;

const SHORTEST: f64 = 1.0;
const LONGEST: f64 = 15.0;

/// How many seconds of expected lag are worth one request.
const LAG_PER_REQUEST: f64 = 0.12;

/// A wait: at least `at_least`, and up to `spread` more, drawn by whoever waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pause {
    pub(crate) at_least: Duration,
    pub(crate) spread: Duration,
}

impl Pause {
    pub(crate) const NONE: Self = Self {
        at_least: Duration::ZERO,
        spread: Duration::ZERO,
    };

    /// After a 429: all that the API asked for, and a share on top, so that
    /// those who were told the same do not come back together. The share
    /// doubles with each refusal in a row.
    pub(crate) fn after_rate_limit(retry_after: Option<Duration>, in_a_row: u32) -> Self {
        let at_least = retry_after.unwrap_or(Duration::from_mins(1));
        let spread =
            (at_least / 10).max(Duration::from_secs(1)) * 2_u32.pow(in_a_row.clamp(1, 6) - 1);
        Self { at_least, spread }
    }

    /// Stretches the pause when what remains would not last until the window
    /// ends; with nothing left it waits for the new window.
    pub(crate) fn within(self, budget: Option<Budget>) -> Self {
        let Some(budget) = budget else { return self };
        let share =
            budget.resets_in.as_secs_f64() * to_f64(budget.per_request) / to_f64(budget.remaining);
        let stretched = Duration::try_from_secs_f64(share)
            .map_or(budget.resets_in, |it| it.min(budget.resets_in));
        if stretched <= self.at_least {
            return self;
        }
        Self {
            at_least: stretched,
            spread: self
                .spread
                .max(stretched / 10)
                .max(Duration::from_millis(250) * to_u32(budget.per_request)),
        }
    }
}

/// What the API's rate limit leaves to everybody who uses the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Budget {
    remaining: u64,
    resets_in: Duration,
    /// How many requests everybody together sends while we send one.
    per_request: u64,
}

impl Budget {
    /// What an answer's headers say, `before` being what the answer before
    /// it said.
    pub(crate) fn new(remaining: u64, resets_in: Duration, before: Option<Self>) -> Self {
        let per_request = match before {
            Some(before) if resets_in <= before.resets_in && remaining <= before.remaining => {
                before.remaining - remaining
            }
            Some(before) => before.per_request,
            None => 1,
        };
        Self {
            remaining,
            resets_in,
            per_request: per_request.max(1),
        }
    }
}

/// When to ask next about a stage that has been running for `running_for`.
pub(crate) fn pause(usual: &Usual, stage: &StageName, running_for: Duration) -> Pause {
    let gap = Forecast::new(usual, stage).gap(running_for.as_secs_f64());
    Pause {
        at_least: Duration::from_secs_f64((gap * 0.95).max(SHORTEST)),
        spread: Duration::from_secs_f64(gap * 0.1),
    }
}

/// When a stage may end: one hump for each time it took before, and a wide one
/// for what has never been seen.
struct Forecast {
    humps: Vec<Hump>,
}

/// A log-logistic distribution.
struct Hump {
    weight: f64,
    median: f64,
    shape: f64,
}

impl Hump {
    fn survival(&self, at: f64) -> f64 {
        self.weight / (1.0 + (at / self.median).powf(self.shape))
    }
}

impl Forecast {
    fn new(usual: &Usual, stage: &StageName) -> Self {
        let samples = usual.samples(stage);
        let mut humps = vec![Hump {
            weight: 1.0,
            median: typical(stage),
            shape: 1.0,
        }];
        humps.extend(samples.iter().map(|it| Hump {
            weight: 1.0,
            median: it.as_secs_f64().max(0.5),
            shape: 12.0,
        }));
        Self { humps }
    }

    fn survival(&self, at: f64) -> f64 {
        self.humps.iter().map(|it| it.survival(at)).sum()
    }

    /// The longest gap whose expected lag is no more than a request is worth.
    fn gap(&self, age: f64) -> f64 {
        const STEP: f64 = 0.25;
        let now = self.survival(age);
        let (mut gap, mut lag) = (0.0, 0.0);
        while gap < LONGEST && lag < LAG_PER_REQUEST {
            gap += STEP;
            lag += STEP * (1.0 - self.survival(age + gap) / now);
        }
        gap.max(SHORTEST)
    }
}

/// The median of a stage of a project that nothing is known of.
fn typical(stage: &StageName) -> f64 {
    match stage {
        StageName::Queued | StageName::Initialize | StageName::CloneRepo => 4.0,
        StageName::Deploy => 6.0,
        StageName::Build | StageName::Other(_) => 60.0,
    }
}

fn to_f64(count: u64) -> f64 {
    f64::from(to_u32(count))
}

fn to_u32(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
