//! Compares the requests and the lag of `poll_interval: auto` with those of a fixed
//! interval that sends the same number of requests, on simulated projects. Prints
//! Markdown.
//!
//! Nothing is measured: the same seed gives the same figures on every machine.

#![expect(clippy::print_stdout, reason = "it prints its results as tables")]

use test_support::projects::{Durations, Project, Random, compare, watch_auto};

/// Requests before the watch: the target, the list and the POST.
const BEFORE_THE_WATCH: u32 = 3;

fn main() {
    println!("### Beside a fixed interval with as many requests\n");
    println!("| spread | history | requests | lag | fixed | ratio | worst project |");
    println!("|---|---|---|---|---|---|---|");
    let mut goals = vec![];
    for spread in [0.1, 0.2, 0.3, 0.5] {
        for history in [1, 3, 8, 20] {
            let (ratio, worst) = beside_fixed(spread, history);
            if history == 8 {
                goals.push((spread, ratio, worst));
            }
        }
    }
    println!("\n### A whole run\n");
    println!("| deployment | history | requests: mean | 95 % | most | lag | of the last stage |");
    println!("|---|---|---|---|---|---|---|");
    let costs = [30, 75, 180, 600].map(|total| [0, 8].map(|history| whole_run(total, history)));
    println!("\n### Goals\n");
    for (spread, ratio, worst) in goals {
        let percent = spread * 100.0;
        if spread < 0.15 {
            let what = format!("spread {percent} %: no project worse off than at a fixed interval");
            goal(&what, worst, 1.0, worst <= 1.0);
        } else {
            let most = if spread < 0.4 { 0.5 } else { 0.6 };
            let what = format!("spread {percent} %: lag over that of a fixed interval");
            goal(&what, ratio, most, ratio <= most);
        }
    }
    let [_, [_, short], [blind, long], _] = costs;
    let at_most = |what: &str, reached: f64, most: f64| goal(what, reached, most, reached <= most);
    at_most("75 s, history: mean requests", short.mean, 30.0);
    at_most("75 s, history: most requests", short.most, 30.0);
    at_most("3 min, history: mean requests", long.mean, 40.0);
    at_most("3 min, history: requests of 95 %", long.most_of_95, 40.0);
    at_most("3 min, history: most requests", long.most, 40.0);
    at_most("3 min, history: lag", long.lag, 1.0);
    at_most("3 min, no history: mean requests", blind.mean, 40.0);
    at_most(
        "3 min, no history: requests of 95 %",
        blind.most_of_95,
        40.0,
    );
    at_most("3 min, no history: most requests", blind.most, 40.0);
    at_most("3 min, no history: lag", blind.lag, 1.0);
    at_most(
        "3 min, no history: lag of the last stage",
        blind.last_lag,
        1.0,
    );
}

fn goal(what: &str, reached: f64, most: f64, met: bool) {
    let verdict = if met { "met" } else { "NOT met" };
    let reached = (reached * 100.0).round() / 100.0;
    println!("- {what}: {reached}, goal {most}: {verdict}");
}

/// Returns the ratio of the mean lags, and the ratio of the worst project.
fn beside_fixed(spread: f64, history: u32) -> (f64, f64) {
    let mut random = Random(1);
    let projects = 200;
    let (mut polls, mut lag, mut fixed, mut worst) = (0.0, 0.0, 0.0, 0.0_f64);
    for _ in 0..projects {
        let project = Project::any(spread, &mut random);
        let it = compare(&project, history, 100, &mut random);
        polls += it.polls / f64::from(projects);
        lag += it.lag / f64::from(projects);
        fixed += it.fixed_lag / f64::from(projects);
        worst = worst.max(it.lag / it.fixed_lag);
    }
    let ratio = lag / fixed;
    println!(
        "| {} % | {history} | {polls:.1} | {lag:.2} s | {fixed:.2} s | {ratio:.2} | {worst:.2} |",
        spread * 100.0
    );
    (ratio, worst)
}

struct Cost {
    mean: f64,
    most_of_95: f64,
    most: f64,
    lag: f64,
    last_lag: f64,
}

/// Simulates runs on deployments that take exactly `total` seconds, after `history`
/// earlier deployments, in projects with a spread of 20 %.
fn whole_run(total: u32, history: u32) -> Cost {
    let mut random = Random(1);
    let runs = 10_000;
    let mut requests = vec![];
    let mut lags = Durations::default();
    for _ in 0..runs {
        let project = Project::of(f64::from(total), 0.2, &mut random);
        let usual = project.history(history, &mut random);
        let deployment = project.deployment_of(f64::from(total), &mut random);
        let seen = watch_auto(&deployment, &usual, &mut random);
        requests.push(f64::from(BEFORE_THE_WATCH + seen.polls));
        for (sum, lag) in lags.iter_mut().zip(seen.lags) {
            *sum += lag / f64::from(runs);
        }
    }
    requests.sort_by(f64::total_cmp);
    let cost = Cost {
        mean: requests.iter().sum::<f64>() / f64::from(runs),
        most_of_95: requests[requests.len() * 95 / 100],
        most: requests[requests.len() - 1],
        lag: lags.iter().sum::<f64>() / 5.0,
        last_lag: lags[4],
    };
    println!(
        "| {total} s | {history} | {:.1} | {} | {} | {:.2} s | {:.2} s |",
        cost.mean, cost.most_of_95, cost.most, cost.lag, cost.last_lag
    );
    cost
}
