//! When to poll.
//!
//! Invariant: no clock, no randomness. A [`Pause`] says how long to wait at
//! least and how much jitter to add; the caller draws the jitter.
//!
//! # How long an interval should be
//!
//! A poll costs a request; a longer interval costs lag: the time for which a
//! stage has ended and the log does not show it yet. Let `h` be the hazard of a
//! stage, which is the chance that it ends within the next second if it has not
//! ended yet. Polling every `g` seconds costs `h·g/2` seconds of lag and `1/g`
//! requests per second. If a request costs as much as `c` seconds of lag, the
//! sum is smallest at `g = √(2·c/h)`, the square root rule for inspections. It
//! polls often when an end is likely, and seldom when it is not.
//!
//! Evaluated at one moment, the rule misses a sharp peak: just before the peak
//! the hazard is still low, so the interval is long. But at the best interval
//! the expected lag, `h·g²/2`, is exactly the cost of a request. So
//! [`Forecast::interval`] takes the longest interval whose expected lag, the
//! integral of the chance that the stage has ended, is at most that cost. Where
//! the hazard is constant, both rules give the same interval.
//!
//! # When a stage may end
//!
//! The forecast is a kernel density estimate: one kernel for each duration that
//! the stage had before, and one tail for what has never been seen, all of equal
//! weight. The kernels are logistic in the logarithm of time and
//! [`KERNEL_WIDTH`] wide, since few durations are known and a stage varies in
//! proportion to its length. The tail falls as the square root of time,
//! `(1 + t/scale)^-½`: its hazard is `½ / (scale + t)`, and its interval
//! `√(4·c·(scale + t))`. Without a history only the tail exists: 1 s in a young
//! `queued`, 5 s in a young build, 9 s after three minutes. With a history it
//! takes over once a stage has lasted longer than every kernel. So a build that
//! takes far longer than ever before is polled less and less often, up to
//! [`MAX_INTERVAL`] after ten minutes, but never abandoned.
//!
//! `cargo run --release --example pace` simulates all this.

use std::time::Duration;

use crate::cloudflare::deployment::StageName;
use crate::run::history::StageHistory;

/// Limits of the polling interval in seconds, whatever the forecast says.
const MIN_INTERVAL: f64 = 1.0;
const MAX_INTERVAL: f64 = 15.0;

/// The cost of a request, in seconds of expected lag. At this cost, watching a
/// build of three minutes takes fewer than forty requests.
const REQUEST_COST: f64 = 0.09;

/// The window of the API's rate limit, and how long it blocks.
const WINDOW: Duration = Duration::from_mins(5);

/// The share of an interval that is random, so that runs that started together
/// do not poll together.
const JITTER: f64 = 0.1;

/// How long to wait: `at_least`, and a random time up to `spread` on top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    pub at_least: Duration,
    pub spread: Duration,
}

/// When to poll next, given a stage that has been running for `running_for` and
/// how long it took before.
pub fn pause(usual: &StageHistory, stage: &StageName, running_for: Duration) -> Pause {
    let interval =
        Forecast::new(usual.samples(stage), scale(stage)).interval(running_for.as_secs_f64());
    let spread = interval * JITTER;
    Pause {
        at_least: Duration::from_secs_f64((interval - spread).max(MIN_INTERVAL)),
        spread: Duration::from_secs_f64(spread),
    }
}

impl Pause {
    pub const NONE: Self = Self::exactly(Duration::ZERO);

    pub const fn exactly(at_least: Duration) -> Self {
        Self {
            at_least,
            spread: Duration::ZERO,
        }
    }

    /// After the `in_a_row`th failed request in a row: 1, 2, 4, 8, 16, then 20 s,
    /// and up to half of it on top.
    pub fn after_failure(in_a_row: u32) -> Self {
        let at_least = doubled(Duration::from_secs(1), in_a_row).min(Duration::from_secs(20));
        Self {
            at_least,
            spread: at_least / 2,
        }
    }

    /// After the `in_a_row`th 429 in a row: the `retry_after` of the API, and
    /// jitter on top, so that clients that received the same value do not return
    /// together. The jitter doubles with each 429 in a row: being limited again
    /// is how a run learns that there are many other clients.
    ///
    /// Without a `Retry-After`, 30 s, 1, 2, 4, then 5 minutes.
    pub fn after_rate_limit(retry_after: Option<Duration>, in_a_row: u32) -> Self {
        let guess = || doubled(Duration::from_secs(30), in_a_row).min(WINDOW);
        let at_least = retry_after.unwrap_or_else(guess);
        let share = (at_least / 10).max(Duration::from_secs(1));
        Self {
            at_least,
            spread: doubled(share, in_a_row),
        }
    }

    /// Stretches the pause if the remaining requests would not suffice until the
    /// window ends. With almost none left, it waits for the next window.
    pub fn within(self, budget: Option<Budget>) -> Self {
        let share = budget.map_or(Duration::ZERO, Budget::share);
        if share <= self.at_least {
            return self;
        }
        Self {
            at_least: share,
            spread: share.mul_f64(JITTER),
        }
    }
}

/// What the `Ratelimit` header of a response leaves to all clients of the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    remaining: u32,
    resets_in: Duration,
    /// How many requests all clients together send while we send one.
    per_request: u32,
}

impl Budget {
    /// From a header that allows `remaining` requests until the window ends in
    /// `resets_in`, and from the budget `before` it: the difference shows how
    /// many requests other clients sent meanwhile.
    pub fn new(remaining: u32, resets_in: Duration, before: Option<Self>) -> Self {
        let per_request = match before {
            Some(before) if resets_in <= before.resets_in && remaining <= before.remaining => {
                before.remaining - remaining
            }
            // A new window began in between.
            Some(before) => before.per_request,
            None => 1,
        };
        Self {
            remaining,
            resets_in: resets_in.min(WINDOW),
            per_request: per_request.max(1),
        }
    }

    /// The same budget `elapsed` later.
    pub fn after(self, elapsed: Duration) -> Self {
        Self {
            resets_in: self.resets_in.saturating_sub(elapsed),
            ..self
        }
    }

    /// The interval at which the remaining requests last until the window ends,
    /// if all other clients stretch theirs in proportion, as each of our runs
    /// does. At most a minute: the other clients may have stopped meanwhile.
    fn share(self) -> Duration {
        // Each of the others may be about to send one more, and one request too
        // many blocks everybody for a whole window.
        let reserve = self.per_request.min(100);
        if self.remaining <= reserve {
            return self.resets_in;
        }
        let rounds = f64::from(self.remaining - reserve) / f64::from(self.per_request);
        let share = self.resets_in.as_secs_f64() / rounds;
        Duration::from_secs_f64(share.min(60.0))
    }
}

/// `first`, doubled each time after the first, six times at most.
fn doubled(first: Duration, in_a_row: u32) -> Duration {
    first.saturating_mul(2_u32.pow(in_a_row.clamp(1, 7) - 1))
}

/// When a stage may end.
struct Forecast {
    /// The logarithms of the durations it had before, in seconds.
    kernels: Vec<f64>,
    scale: f64,
}

/// The standard deviation of the logarithm: about the relative error of one
/// duration as a forecast of the next.
const KERNEL_WIDTH: f64 = 0.2;

/// Seconds after which the tail of a stage begins to fall.
fn scale(stage: &StageName) -> f64 {
    match stage {
        StageName::Build => 75.0,
        StageName::Queued
        | StageName::Initialize
        | StageName::CloneRepo
        | StageName::Deploy
        | StageName::Other(_) => 3.0,
    }
}

impl Forecast {
    fn new(samples: &[Duration], scale: f64) -> Self {
        // A stage that took no time would have no logarithm.
        let kernels = samples.iter().map(|it| it.as_secs_f64().max(0.5).ln());
        Self {
            kernels: kernels.collect(),
            scale,
        }
    }

    /// The longest interval, in seconds, whose expected lag costs no more than a
    /// request.
    fn interval(&self, age: f64) -> f64 {
        const STEP: f64 = 0.25;
        let alive = self.survival(age);
        let (mut interval, mut lag, mut ended) = (0.0, 0.0, 0.0);
        while interval < MAX_INTERVAL {
            let ended_then = 1.0 - self.survival(age + interval + STEP) / alive;
            let added = STEP * f64::midpoint(ended, ended_then);
            if REQUEST_COST < lag + added {
                interval += STEP * (REQUEST_COST - lag) / added;
                break;
            }
            interval += STEP;
            lag += added;
            ended = ended_then;
        }
        interval.max(MIN_INTERVAL)
    }

    /// The chance that a stage lasts longer than `age` seconds, times the number of
    /// kernels.
    fn survival(&self, age: f64) -> f64 {
        // The scale of a logistic distribution is its deviation × √3/π.
        const SLOPE: f64 = 1.813_799_364_234_217_8 / KERNEL_WIDTH;
        let tail = (1.0 + age / self.scale).sqrt().recip();
        let log = age.ln();
        let kernel = |it: &f64| 1.0 / (1.0 + ((log - it) * SLOPE).exp());
        tail + self.kernels.iter().map(kernel).sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_support::projects::{Project, Random, compare, watch_auto};

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    fn after(stage: &StageName, times: &[f64]) -> StageHistory {
        let times = times.iter().map(|it| (stage.clone(), seconds(*it)));
        times.collect()
    }

    /// The middle of the pause, to a tenth of a second.
    #[track_caller]
    fn check(stage: &StageName, times: &[f64], age: f64, expected: f64) {
        let pause = pause(&after(stage, times), stage, seconds(age));
        let middle = (pause.at_least + pause.spread / 2).as_secs_f64();
        assert!((middle - expected).abs() < 0.06, "{middle:.2}");
    }

    #[test]
    fn without_a_history_the_interval_grows_with_the_age() {
        check(&StageName::Queued, &[], 0.0, 1.1);
        check(&StageName::Queued, &[], 10.0, 2.1);
        check(&StageName::Build, &[], 0.0, 5.0);
        check(&StageName::Build, &[], 60.0, 6.7);
        check(&StageName::Build, &[], 180.0, 9.2);
        check(&StageName::Build, &[], 600.0, 14.2);
        check(&StageName::Build, &[], 86_400.0, 14.2);
    }

    #[test]
    fn with_a_history_the_polls_gather_around_the_usual_time() {
        let times = [52.0, 56.0, 58.0, 60.0, 61.0, 63.0, 66.0, 70.0];
        check(&StageName::Build, &times, 0.0, 14.2);
        check(&StageName::Build, &times, 40.0, 4.4);
        check(&StageName::Build, &times, 60.0, 1.7);
        check(&StageName::Build, &times, 120.0, 5.9);
    }

    #[test]
    fn a_stage_that_takes_no_time_is_polled_each_second() {
        check(&StageName::Queued, &[0.0; 8], 0.0, 1.1);
    }

    #[test]
    fn a_build_that_outlives_every_other_is_polled_less_and_less_often() {
        let usual = after(&StageName::Build, &[60.0; 8]);
        let mut last = Duration::ZERO;
        for age in (90..2_000).step_by(10) {
            let pause = pause(&usual, &StageName::Build, Duration::from_secs(age));
            assert!(last <= pause.at_least, "at {age} s");
            last = pause.at_least;
        }
        assert_eq!(last, seconds(13.5));
    }

    #[test]
    fn no_interval_is_shorter_than_one_second_or_longer_than_fifteen() {
        let ages = (0..60).map(|it| Duration::from_millis((1 << it) - 1));
        let times = [&[][..], &[0.0], &[0.01; 25], &[60.0], &[1e9], &[3.0, 600.0]];
        for (age, times) in ages.flat_map(|age| times.map(|times| (age, times))) {
            let usual = after(&StageName::Build, times);
            let pause = pause(&usual, &StageName::Build, age);
            assert!(seconds(1.0) <= pause.at_least, "{pause:?}");
            assert!(seconds(0.1) <= pause.spread, "{pause:?}");
            assert!(pause.at_least + pause.spread <= seconds(15.0), "{pause:?}");
        }
    }

    /// The mean lag over that of a fixed interval with as many requests, over
    /// some simulated projects with eight deployments behind them, and the
    /// worst of these projects.
    fn ratios(spread: f64) -> (f64, f64) {
        let mut random = Random(1);
        let (mut lag, mut fixed, mut worst) = (0.0, 0.0, 0.0_f64);
        for _ in 0..40 {
            let project = Project::any(spread, &mut random);
            let it = compare(&project, 8, 25, &mut random);
            lag += it.lag;
            fixed += it.fixed_lag;
            worst = worst.max(it.lag / it.fixed_lag);
        }
        (lag / fixed, worst)
    }

    #[test]
    fn the_lag_is_half_of_a_fixed_intervals_with_as_many_requests() {
        assert!(ratios(0.2).0 < 0.5);
        assert!(ratios(0.3).0 < 0.5);
        assert!(ratios(0.5).0 < 0.6);
    }

    #[test]
    fn no_project_with_steady_builds_is_worse_off_than_at_a_fixed_interval() {
        assert!(ratios(0.1).1 < 1.0);
    }

    /// Requests of the whole run and mean lag of a transition, for a
    /// deployment of just `total` seconds after `history` like it.
    fn cost(total: f64, history: u32) -> (f64, f64) {
        let mut random = Random(1);
        let runs = 300;
        let (mut polls, mut lag) = (0, 0.0);
        for _ in 0..runs {
            let project = Project::of(total, 0.2, &mut random);
            let usual = project.history(history, &mut random);
            let deployment = project.deployment_of(total, &mut random);
            let seen = watch_auto(&deployment, &usual, &mut random);
            polls += seen.polls;
            lag += seen.mean_lag();
        }
        // The target, the list and the POST came before.
        let runs = f64::from(runs);
        (3.0 + f64::from(polls) / runs, lag / runs)
    }

    #[test]
    fn three_minutes_take_less_than_forty_requests() {
        let (requests, lag) = cost(180.0, 8);
        assert!(requests < 40.0 && lag < 1.0, "{requests} {lag}");
        let (requests, _) = cost(180.0, 0);
        assert!(requests < 40.0, "{requests}");
    }

    #[test]
    fn seventy_five_seconds_like_eight_before_take_less_than_thirty_requests() {
        let (requests, lag) = cost(75.0, 8);
        assert!(requests < 30.0 && lag < 1.0, "{requests} {lag}");
    }

    #[test]
    fn retry_after_is_waited_out_in_full_and_what_is_added_doubles() {
        let pause = |in_a_row| Pause::after_rate_limit(Some(Duration::from_mins(5)), in_a_row);
        let spreads = [1, 2, 3, 7, 100].map(|it| pause(it).spread.as_secs());
        assert_eq!(spreads, [30, 60, 120, 1_920, 1_920]);
        assert_eq!(pause(9).at_least, Duration::from_mins(5));

        let at_once = Pause::after_rate_limit(Some(Duration::ZERO), 1);
        assert_eq!(at_once.spread, seconds(1.0));
        let never = Pause::after_rate_limit(Some(Duration::MAX), u32::MAX);
        assert_eq!(never.at_least, Duration::MAX);
    }

    #[test]
    fn a_refusal_that_names_no_time_is_waited_out_for_up_to_five_minutes() {
        let waits = [1, 2, 3, 4, 5].map(|it| Pause::after_rate_limit(None, it).at_least.as_secs());
        assert_eq!(waits, [30, 60, 120, 240, 300]);
    }

    #[test]
    fn failures_in_a_row_are_followed_by_longer_pauses() {
        let waits = [0, 1, 2, 3, 4, 5, 6, 99].map(|it| Pause::after_failure(it).at_least.as_secs());
        assert_eq!(waits, [1, 1, 2, 4, 8, 16, 20, 20]);
        let last = Pause::after_failure(99);
        assert_eq!(last.spread, last.at_least / 2);
    }

    #[test]
    fn what_remains_is_worth_more_the_later_it_is() {
        let budget = Budget::new(0, seconds(60.0), None).after(seconds(20.0));
        let pause = Pause::NONE.within(Some(budget));
        assert_eq!(pause.at_least, seconds(40.0));
    }

    #[track_caller]
    fn check_budget(budgets: &[(u32, u64)], expected: f64) {
        let budget = budgets.iter().fold(None, |before, (remaining, resets_in)| {
            let resets_in = Duration::from_secs(*resets_in);
            Some(Budget::new(*remaining, resets_in, before))
        });
        let pause = Pause::exactly(seconds(2.0)).within(budget);
        assert_eq!(pause.at_least, seconds(expected));
        let is_stretched = seconds(2.0) < pause.at_least;
        assert_eq!(pause.spread.is_zero(), !is_stretched);
    }

    #[test]
    fn what_remains_lasts_until_the_window_ends() {
        // Enough for everybody.
        check_budget(&[], 2.0);
        check_budget(&[(1_199, 299)], 2.0);
        check_budget(&[(1_000, 290), (999, 288)], 2.0);
        // Too little for a request every 2 s.
        check_budget(&[(11, 100)], 10.0);
        // Enough for us, too little for ten like us.
        check_budget(&[(1_000, 290), (210, 200)], 60.0);
        check_budget(&[(220, 210), (210, 200)], 10.0);
        // Nothing left, or no more than the others are about to send.
        check_budget(&[(0, 40)], 40.0);
        check_budget(&[(70, 250), (40, 240)], 60.0);
        check_budget(&[(70, 250), (30, 240)], 240.0);
        // The other clients of the last window are expected in the new one.
        check_budget(&[(220, 210), (210, 200), (1_190, 300)], 300.0 / 118.0);
        // No reset is further away than a window is long.
        check_budget(&[(0, u64::MAX)], 300.0);
    }
}
