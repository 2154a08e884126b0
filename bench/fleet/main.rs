//! Simulates many concurrent runs on one account: which of them see the result of
//! their deployment, and how many requests they send. Prints Markdown.
//!
//! Nothing is measured: the API, the runs and the clock are simulated, and the
//! same seed gives the same figures on every machine.

#![expect(clippy::print_stdout, reason = "it prints its results as tables")]

mod account;
mod peers;
mod run;
mod simulation;

use std::time::Duration;

use account::{LIMIT, WINDOW};
use simulation::{Fleet, Rules, Tally, simulate};

/// The default of the input `timeout`.
const TIMEOUT: Duration = Duration::from_mins(45);

/// Long enough that only the queue or the rate limit decides how long a run takes.
const PATIENT: Duration = Duration::from_hours(24);

/// The minimum for a run that is never rate-limited and polls only once: the
/// target, the list, the POST, and the final poll.
const LEAST_REQUESTS: u32 = 4;

fn main() {
    let ours = at_once();
    builds_wait();
    matrix();
    println!("\n### Goals\n");
    let total = |count: fn(&Tally) -> u32| ours.iter().map(|(_, it)| count(it)).sum();
    goal(
        "runs of pages-retry that end in `error`",
        total(|it| it.errors),
        0,
    );
    goal(
        "requests of pages-retry during a known block",
        total(|it| it.defiant),
        0,
    );
    for (fleet, tally) in ours.iter().filter(|(it, _)| it.timeout == TIMEOUT) {
        let what = format!("{} at once: runs that end in `timed_out`", fleet.runs);
        goal(&what, tally.timed_out, 0);
        let served = LIMIT * u32::try_from(TIMEOUT.as_secs() / WINDOW.as_secs()).unwrap_or(0);
        if served < LEAST_REQUESTS * fleet.runs {
            println!(
                "  This goal cannot be met: the API allows {served} requests in {}, and {} runs need at least {}.",
                time(TIMEOUT),
                fleet.runs,
                LEAST_REQUESTS * fleet.runs
            );
        }
    }
}

fn goal(what: &str, reached: u32, most: u32) {
    let verdict = if reached <= most { "met" } else { "NOT met" };
    println!("- {what}: {reached}: {verdict}");
}

/// All jobs start within half a minute and the account runs all builds
/// concurrently, which is the highest load that a fleet can put on the API.
fn at_once() -> Vec<(Fleet, Tally)> {
    println!("### All at once\n");
    head("runs | client | timeout");
    let mut ours = vec![];
    for runs in [1, 10, 100, 1_000, 10_000] {
        let fleet = Fleet {
            runs,
            jobs: runs,
            builds: runs,
            timeout: TIMEOUT,
        };
        let patient = Fleet {
            timeout: PATIENT,
            ..fleet
        };
        let ask = |fleet: Fleet| {
            let first = format!("{runs} | **pages-retry** | {}", time(fleet.timeout));
            (fleet, row(&first, fleet, Rules::PagesRetry))
        };
        ours.push(ask(fleet));
        if ours.iter().any(|(_, it)| it.timed_out != 0) {
            ours.push(ask(patient));
        }
        for (name, rules) in [
            ("list every 5 s", Rules::ListLoop),
            ("wrangler", Rules::Wrangler),
            ("SDK every 5 s", Rules::Sdk),
        ] {
            row(&format!("{runs} | {name} | none"), patient, rules);
        }
    }
    ours
}

/// The account's plan limits the number of concurrent builds.
fn builds_wait() {
    println!("\n### All at once, with few concurrent builds\n");
    head("runs | concurrent builds | timeout");
    for builds in [1, 5, 20] {
        for (runs, timeout) in [(10, TIMEOUT), (100, TIMEOUT), (100, PATIENT)] {
            let fleet = Fleet {
                runs,
                jobs: runs,
                builds,
                timeout,
            };
            let first = format!("{runs} | {builds} | {}", time(timeout));
            row(&first, fleet, Rules::PagesRetry);
        }
    }
}

/// As many jobs as a GitHub matrix can have.
fn matrix() {
    println!("\n### A matrix of 256 jobs\n");
    head("`max-parallel` | concurrent builds");
    for builds in [1, 5, 20] {
        for jobs in [5, 10, 20, 40, 80, 256] {
            let fleet = Fleet {
                runs: 256,
                jobs,
                builds,
                timeout: TIMEOUT,
            };
            row(&format!("{jobs} | {builds}"), fleet, Rules::PagesRetry);
        }
    }
}

const COLUMNS: &str = "saw the result | exited without result | `error` | `timed_out` | requests | per run | rate-limited | during a known block | lag | 95th percentile lag | finished after";

fn head(first: &str) {
    let columns = format!("| {first} | {COLUMNS} |");
    println!("{columns}");
    println!("{}|", "|---".repeat(columns.matches('|').count() - 1));
}

fn row(first: &str, fleet: Fleet, rules: Rules) -> Tally {
    let it = simulate(fleet, rules);
    let runs = f64::from(it.fleets * fleet.runs);
    let share = |count: u32| match count {
        0 => "0".to_owned(),
        count => format!("{:.1} %", 100.0 * f64::from(count) / runs),
    };
    println!(
        "| {first} | {} | {} | {} | {} | {} | {:.1} | {} | {} | {} | {} | {} |",
        share(it.seen),
        share(it.blind),
        share(it.errors),
        share(it.timed_out),
        it.requests / it.fleets,
        f64::from(it.requests) / runs,
        it.refused / it.fleets,
        it.defiant / it.fleets,
        mean_lag(&it),
        lag_of_95(&it),
        time(it.took),
    );
    it
}

fn mean_lag(tally: &Tally) -> String {
    match u32::try_from(tally.lags.len()) {
        Ok(0) | Err(_) => "-".to_owned(),
        Ok(count) => lag(tally.lags.iter().sum::<Duration>() / count),
    }
}

fn lag_of_95(tally: &Tally) -> String {
    let lags = &tally.lags;
    let it = lags.get(lags.len() * 95 / 100);
    it.map_or("-".to_owned(), |it| lag(*it))
}

fn lag(lag: Duration) -> String {
    format!("{:.1} s", lag.as_secs_f64())
}

fn time(time: Duration) -> String {
    let minutes = time.as_secs().div_ceil(60);
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} m"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes:02} m"),
    }
}
