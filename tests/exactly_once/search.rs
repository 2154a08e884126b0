//! The search: runs every schedule of a scenario, and checks what was promised.

use std::fmt::Write as _;

use crate::model::{Run, Scenario, run};

/// The choices of one schedule. Past its end the first choice is taken, which
/// is never a fault.
#[derive(Debug, Default)]
pub(crate) struct Choices {
    taken: Vec<usize>,
    /// How many choices there were at each point.
    widths: Vec<usize>,
    /// How many of the choices were taken so far.
    at: usize,
    faults_left: usize,
}

impl Choices {
    /// The number of the choice, from 0 to `width` - 1; 0 is no fault.
    pub(crate) fn choose(&mut self, width: usize) -> usize {
        if self.faults_left == 0 {
            return 0;
        }
        if self.taken.len() <= self.at {
            self.taken.push(0);
        }
        let choice = self.taken[self.at];
        if self.widths.len() <= self.at {
            self.widths.push(width);
        }
        self.at += 1;
        if choice != 0 {
            self.faults_left -= 1;
        }
        choice
    }

    /// Prepares the next schedule; `false` after the last one.
    fn advance(&mut self) -> bool {
        self.taken.truncate(self.at);
        self.widths.truncate(self.at);
        while let (Some(choice), Some(width)) = (self.taken.pop(), self.widths.pop()) {
            if choice + 1 < width {
                self.taken.push(choice + 1);
                self.widths.push(width);
                return true;
            }
        }
        false
    }
}

/// What the search found.
#[derive(Default)]
pub(crate) struct Explored {
    pub(crate) schedules: usize,
    pub(crate) requests: usize,
    /// The most deployments that our requests created in one attempt.
    pub(crate) max_created: usize,
    /// The shortest schedules that broke a promise.
    pub(crate) violations: Vec<String>,
}

impl Explored {
    pub(crate) fn add(&mut self, other: Self) {
        self.schedules += other.schedules;
        self.requests += other.requests;
        self.max_created = self.max_created.max(other.max_created);
        self.violations.extend(other.violations);
        self.violations.sort_by_key(String::len);
        self.violations.truncate(3);
    }

    pub(crate) fn report(&self) -> String {
        let mut text = format!(
            "{} schedules, {} requests, at most {} deployments in an attempt\n",
            self.schedules, self.requests, self.max_created
        );
        for violation in &self.violations {
            let _ = writeln!(text, "\n{violation}");
        }
        text
    }
}

/// Runs every schedule of `scenario` with at most `max_faults` faults.
pub(crate) fn explore(scenario: &Scenario, max_faults: usize) -> Explored {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let mut explored = Explored::default();
    let mut choices = Choices::default();
    loop {
        choices.at = 0;
        choices.faults_left = max_faults;
        let (run, back) = runtime.block_on(run(scenario, choices));
        choices = back;
        explored.schedules += 1;
        explored.requests += run.requests;
        explored.max_created = explored.max_created.max(run.created_per_attempt());
        for broken in run.broken_promises(scenario) {
            explored.violations.push(describe(scenario, &run, &broken));
        }
        if !choices.advance() {
            break;
        }
    }
    explored.violations.sort_by_key(String::len);
    explored.violations.truncate(3);
    explored
}

fn describe(scenario: &Scenario, run: &Run, broken: &str) -> String {
    format!(
        "{broken}\n  {scenario:?}\n  {}\n  log:\n{}",
        run.schedule.join("\n  "),
        run.log
    )
}
