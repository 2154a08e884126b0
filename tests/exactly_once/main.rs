//! "Exactly once", enumerated: the real course of a run (trigger, watch, log and
//! further attempts) beside a small model of the API, on every schedule of
//! faults up to a stated depth. `docs/exactly-once.md` has the promise, the
//! assumptions and what was explored.
//!
//! A schedule is a sequence of choices of the model: how a request fails, and
//! what someone else does meanwhile. Every choice but the first is a fault. The
//! search runs a schedule, notes how many choices there were at each point, and
//! changes the last one that can be changed, until all schedules with at most
//! so many faults have been run.

#![expect(
    clippy::print_stdout,
    reason = "the figures are in docs/exactly-once.md"
)]
#![expect(clippy::disallowed_methods, reason = "the time is paused")]
#![expect(clippy::unwrap_used, reason = "a test fails where it is wrong")]

mod model;
mod search;

use std::time::Duration;

use crate::model::{Clocks, Life, Scenario};
use crate::search::{Explored, explore};

/// Our deployments, one after another: one that succeeds, or one that fails and
/// is retried.
const LIVES: [&[Life]; 2] = [&[Life::Success], &[Life::Failure, Life::Success]];

const CLOCKS: [Clocks; 3] = [Clocks::Right, Clocks::TenMinutesSlow, Clocks::Missing];

/// Every combination of the lags of the list, in seconds, and the clocks.
fn scenarios(lags: &[u64], clocks: &[Clocks]) -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    for lag in lags {
        for clocks in clocks {
            for lives in LIVES {
                scenarios.push(Scenario {
                    list_lag: Duration::from_secs(*lag),
                    clocks: *clocks,
                    lives: lives.to_vec(),
                });
            }
        }
    }
    scenarios
}

/// Explores the scenarios on two threads.
fn explore_all(scenarios: Vec<Scenario>, max_faults: usize) -> Explored {
    let (even, odd): (Vec<_>, Vec<_>) = scenarios
        .into_iter()
        .enumerate()
        .partition(|(at, _)| at % 2 == 0);
    let threads = [even, odd].map(|half| {
        std::thread::spawn(move || {
            let mut explored = Explored::default();
            for (_, scenario) in half {
                explored.add(explore(&scenario, max_faults));
            }
            explored
        })
    });
    let mut explored = Explored::default();
    for thread in threads {
        explored.add(thread.join().unwrap());
    }
    explored
}

#[test]
fn no_schedule_creates_a_second_deployment_while_the_list_lags_less_than_a_minute() {
    let mut explored = explore_all(scenarios(&[0, 5, 20, 45, 59], &CLOCKS), 1);
    explored.add(explore_all(
        scenarios(&[59], &[Clocks::Right, Clocks::Missing]),
        2,
    ));
    println!("{}", explored.report());
    assert!(explored.violations.is_empty(), "{}", explored.report());
    assert_eq!(explored.max_created, 1, "{}", explored.report());
    assert!(5_000 < explored.schedules, "{}", explored.report());
}

#[test]
fn beyond_a_minute_at_most_three_are_created_and_the_log_says_so() {
    let mut explored = explore_all(scenarios(&[61, 75, 400], &CLOCKS), 1);
    explored.add(explore_all(scenarios(&[400], &[Clocks::Right]), 2));
    println!("{}", explored.report());
    assert!(explored.violations.is_empty(), "{}", explored.report());
    assert!(
        (2..=3).contains(&explored.max_created),
        "{}",
        explored.report()
    );
}
