//! At a terminal: the lines of the log, above a row that moves.

use std::io::{self, Stdout};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::report::Report;
use crate::report::harmless::inline;
use crate::report::line::span;
use crate::report::log::Log;
use crate::retry::event::Event;

/// How often the row moves.
const TICK: Duration = Duration::from_millis(120);

pub(crate) struct Terminal {
    log: Log<Stdout>,
    row: ProgressBar,
}

impl Terminal {
    pub(crate) fn new(log: Log<Stdout>) -> Self {
        // Not stderr, which stays empty.
        let target = ProgressDrawTarget::stdout();
        let row = ProgressBar::with_draw_target(None, target);
        let style = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}")
            .expect("the template is a constant that is well formed");
        row.set_style(style);
        Self { log, row }
    }

    fn run(&self, what: String) {
        self.row.set_message(what);
        self.row.reset();
        self.row.enable_steady_tick(TICK);
    }
}

impl Report for Terminal {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::StageStarted { name, usually } => {
                let usually = usually.map(|it| format!(", usually {}", span(it)));
                let name = inline(&name.to_string());
                self.run(format!("{name}{}", usually.unwrap_or_default()));
            }
            Event::AttemptScheduled { .. } => self.run("waiting".to_owned()),
            Event::StageFinished { .. } | Event::Finished(_) => self.row.finish_and_clear(),
            Event::Retrying { .. }
            | Event::Awaiting { .. }
            | Event::Triggered { .. }
            | Event::StillRunning { .. }
            | Event::Skipped { .. }
            | Event::RequestFailed { .. }
            | Event::Warned { .. }
            | Event::Noticed { .. }
            | Event::LogRead { .. }
            | Event::Diagnosed { .. }
            | Event::Requested(_) => {}
        }
        let Self { log, row } = self;
        row.suspend(|| log.event(event))
    }

    fn command(&mut self, line: &str) -> io::Result<()> {
        let Self { log, row } = self;
        row.suspend(|| log.command(line))
    }
}
