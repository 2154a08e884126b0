//! At a terminal: the lines of the log, above a view that moves: the running
//! stage, the stages to come, and how long it will take.
//!
//! Invariant: what is drawn here is gone when the run ends; what stays is the
//! log.

use std::fmt::Write as _;
use std::io::{self, Stdout};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::cloudflare::deployment::Deployment;
use crate::report::keys::QuietKeys;
use crate::report::log::Log;
use crate::run::event::Event;
use crate::run::event::Report;
use crate::run::history::StageHistory;
use crate::run::wording::format_duration;
use crate::text::inline;

/// How often the view moves.
const TICK: Duration = Duration::from_millis(120);

/// The cells of the bar that shows the whole.
const CELLS: usize = 24;

pub struct Terminal {
    log: Log<Stdout>,
    is_colored: bool,
    view: MultiProgress,
    /// The running stage.
    running: Option<ProgressBar>,
    /// The stages to come, by name.
    pending: Vec<(String, ProgressBar)>,
    overall: Option<ProgressBar>,
    /// What the stages that are over usually take, and all stages together.
    done: Duration,
    total: Duration,
    speed: u32,
    /// Until the end of the run.
    keys: Option<QuietKeys>,
}

impl Terminal {
    /// The times of the view pass `speed` times as fast as the clock: 1, except
    /// in front of an API whose time does.
    pub fn new(log: Log<Stdout>, is_colored: bool, speed: u32) -> Self {
        // Not stderr, which stays empty.
        let target = ProgressDrawTarget::stdout();
        Self {
            log,
            is_colored,
            view: MultiProgress::with_draw_target(target),
            running: None,
            pending: Vec::new(),
            overall: None,
            done: Duration::ZERO,
            total: Duration::ZERO,
            speed,
            keys: QuietKeys::new(),
        }
    }

    fn clear(&mut self) {
        self.end_stage();
        for (_, row) in self.pending.drain(..) {
            row.finish_and_clear();
        }
        if let Some(overall) = self.overall.take() {
            overall.finish_and_clear();
        }
        let _ = self.view.clear();
    }

    /// Shows what is to come.
    fn plan(&mut self, deployment: &Deployment, usual: &StageHistory) {
        self.clear();
        self.done = Duration::ZERO;
        self.total = Duration::ZERO;
        for stage in deployment.stages_by_latest() {
            let usually = usual.median(&stage.name);
            self.total += usually.unwrap_or_default();
            let name = inline(&stage.name.to_string());
            let row = self.view.add(ProgressBar::no_length());
            row.set_style(self.style("  {wide_msg}", "  {wide_msg:.dim}"));
            row.set_message(labeled(&name, "", usually));
            row.tick();
            self.pending.push((name, row));
        }
        if !self.total.is_zero() {
            let overall = self.view.add(ProgressBar::no_length());
            overall.enable_steady_tick(TICK);
            self.overall = Some(overall);
            self.advance(Duration::ZERO);
        }
    }

    /// Lets the bar move on to the end of a stage that takes `usually`.
    fn advance(&mut self, usually: Duration) {
        let (done, total, speed) = (self.done, self.total, self.speed);
        let bar = move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let _ = out.write_str(&bar(done + (state.elapsed() * speed).min(usually), total));
        };
        if let Some(overall) = &self.overall {
            overall.set_style(self.style("  {bar_}", "  {bar_}").with_key("bar_", bar));
            overall.reset_elapsed();
        }
    }

    fn start_stage(&mut self, name: &str, usually: Option<Duration>) {
        self.end_stage();
        match self.pending.iter().position(|(it, _)| it == name) {
            Some(at) => {
                let (_, row) = self.pending.remove(at);
                row.finish_and_clear();
                self.view.remove(&row);
            }
            // The check comes after all stages, and nobody knows its time.
            None if self.pending.is_empty() => {
                if let Some(overall) = self.overall.take() {
                    overall.finish_and_clear();
                }
            }
            None => {}
        }
        self.run(name, usually);
        self.advance(usually.unwrap_or_default());
        self.done += usually.unwrap_or_default();
    }

    /// A row that moves, in front of all others.
    fn run(&mut self, what: &str, usually: Option<Duration>) {
        let (what, speed) = (what.to_owned(), self.speed);
        let label = move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let spent = format_duration(state.elapsed() * speed);
            let _ = out.write_str(&labeled(&what, &spent, usually));
        };
        let row = self.view.insert(0, ProgressBar::no_length());
        let style = self.style("{spinner} {label}", "{spinner:.cyan} {label}");
        row.set_style(style.with_key("label", label));
        row.enable_steady_tick(TICK);
        self.running = Some(row);
    }

    fn end_stage(&mut self) {
        if let Some(row) = self.running.take() {
            row.finish_and_clear();
            self.view.remove(&row);
        }
    }

    fn style(&self, plain: &str, colored: &str) -> ProgressStyle {
        let template = if self.is_colored { colored } else { plain };
        ProgressStyle::with_template(template).expect("the templates are constants")
    }
}

/// `build       42s  usually 1m50s`.
fn labeled(name: &str, spent: &str, usually: Option<Duration>) -> String {
    let mut text = format!("{name:<12} {spent:>8}");
    if let Some(usually) = usually {
        let _ = write!(text, "  usually {}", format_duration(usually));
    }
    text.trim_end().to_owned()
}

/// How much of the usual time is over, and how much is left.
fn bar(done: Duration, total: Duration) -> String {
    let part = done.as_secs_f64() / total.as_secs_f64().max(1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a number of cells"
    )]
    let full = ((part * CELLS as f64) as usize).min(CELLS);
    let left = total.saturating_sub(done);
    let left = if left.is_zero() {
        "longer than usual".to_owned()
    } else {
        format!("about {} left", format_duration(left))
    };
    format!("{}{} {left}", "━".repeat(full), "╌".repeat(CELLS - full))
}

impl Report for Terminal {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Triggered { deployment, usual } => self.plan(deployment, usual),
            Event::Awaiting { target, usual } => self.plan(target, usual),
            Event::StageStarted { name, usually } => {
                self.start_stage(&inline(&name.to_string()), *usually);
            }
            Event::StageFinished { .. } => self.end_stage(),
            Event::AttemptScheduled { .. } => {
                self.clear();
                self.run("waiting", None);
            }
            Event::Finished(_) => self.clear(),
            Event::LogRead { .. }
            | Event::Retrying { .. }
            | Event::StillRunning { .. }
            | Event::Skipped { .. }
            | Event::RequestFailed { .. }
            | Event::Warned { .. }
            | Event::Noticed { .. }
            | Event::Diagnosed { .. }
            | Event::Requested(_) => {}
        }
        let Self { log, view, .. } = self;
        let result = view.suspend(|| log.event(event));
        if matches!(event, Event::Finished(_)) {
            self.keys = None;
        }
        result
    }

    fn command(&mut self, line: &str) -> io::Result<()> {
        let Self { log, view, .. } = self;
        view.suspend(|| log.command(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_fills_and_says_what_is_left() {
        let seconds = Duration::from_secs;
        let full = "━".repeat(24);
        for (done, expected) in [
            (0, format!("{} about 1m00s left", "╌".repeat(24))),
            (
                30,
                format!("{}{} about 30s left", "━".repeat(12), "╌".repeat(12)),
            ),
            (60, format!("{full} longer than usual")),
            (90, format!("{full} longer than usual")),
        ] {
            assert_eq!(bar(seconds(done), seconds(60)), expected);
        }
    }

    #[test]
    fn a_row_has_its_times_in_columns() {
        let minute = Duration::from_mins(1);
        assert_eq!(
            labeled("build", "42s", Some(minute)),
            "build             42s  usually 1m00s"
        );
        assert_eq!(
            labeled("deploy", "", Some(minute)),
            "deploy                 usually 1m00s"
        );
        assert_eq!(labeled("deploy", "", None), "deploy");
    }
}
