//! The log of a CI step, or of a pipe: one line per event, in the host's own
//! form.
//!
//! Invariant: the only writer of the log. Each line passes [`Secrets`] and is
//! sanitized; a build log is also printed while the host's commands are stopped.

use std::io::{self, Write};

use crate::host::{Group, Host};
use crate::report::addresses::address_lines;
use crate::report::line::{self, Line, Symbol};
use crate::run::event::Report;
use crate::run::event::{Event, Requested};
use crate::run::outcome::{Outcome, RunResult, Severity};
use crate::text::secrets::{Secrets, maskable};
use crate::text::{self, Colors, inline};

const TITLE: &str = "pages-retry";

/// The host shows at most ten annotations of a kind for a step; the last one
/// of errors and warnings belongs to the outcome.
const MOST_WARNINGS: u32 = 9;

pub struct Log<W> {
    out: W,
    form: LogStyle,
    secrets: Secrets,
    /// Stops and resumes the host's obedience; `None` where it has none.
    suspend: Option<(String, String)>,
    is_suspended: bool,
    /// The title of the open group.
    group: Option<String>,
    /// How many groups there have been.
    groups: u32,
    warnings: u32,
}

/// How a log looks.
#[derive(Clone, Copy)]
pub struct LogStyle {
    pub host: &'static dyn Host,
    pub is_colored: bool,
    pub shows_debug: bool,
    /// Seconds since 1970, for hosts whose groups hold a time.
    pub clock: fn() -> u64,
}

impl<W: Write> Log<W> {
    /// Begins with the masks of `secrets` for the `detected` host, whatever form
    /// the log has: only where the environment identifies a host does anyone
    /// read them; elsewhere they would print the secrets. A log that is gone
    /// changes no verdict. `token` cannot be guessed.
    pub fn new(
        mut out: W,
        form: LogStyle,
        detected: &dyn Host,
        secrets: &[String],
        token: &str,
    ) -> Self {
        for mask in maskable(secrets).filter_map(|it| detected.mask(it)) {
            let _ = writeln!(out, "{mask}");
        }
        let _ = out.flush();
        Self {
            out,
            form,
            secrets: Secrets::new(secrets),
            suspend: form.host.suspend_commands(token),
            is_suspended: false,
            group: None,
            groups: 0,
            warnings: 0,
        }
    }

    fn line(&mut self, Line { symbol, text }: &Line) -> io::Result<()> {
        let text = self.secrets.line(text, Colors::Stripped);
        match symbol {
            Some(symbol) if self.form.is_colored => {
                let (char, color) = (symbol.char(), color(*symbol));
                writeln!(self.out, "\x1b[{color}m{char}\x1b[0m {text}")
            }
            Some(symbol) => writeln!(self.out, "{} {text}", symbol.char()),
            None => writeln!(self.out, "{text}"),
        }
    }

    /// Annotates the step, or prints the message where the host cannot.
    fn annotate(&mut self, level: Severity, title: &str, message: &str) -> io::Result<()> {
        let title = self.secrets.hide(title).into_owned();
        let message = self.secrets.hide(message).into_owned();
        if let Some(annotation) = self.form.host.annotate(level, &title, &message) {
            return writeln!(self.out, "{annotation}");
        }
        let label = match level {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        for part in message.lines() {
            let text = format!("{label}: {part}");
            self.line(&Line { symbol: None, text })?;
        }
        Ok(())
    }

    fn warn(&mut self, message: &str) -> io::Result<()> {
        self.warnings += 1;
        if self.warnings <= MOST_WARNINGS {
            return self.annotate(Severity::Warning, TITLE, message);
        }
        let text = format!("warning: {message}");
        self.line(&Line { symbol: None, text })
    }

    /// Shows lines of a build log, in one group per attempt.
    fn log_read(&mut self, attempt: u32, lines: &[String]) -> io::Result<()> {
        if self.group.is_none() && !lines.is_empty() {
            let title = match attempt {
                0 | 1 => "Build log".to_owned(),
                _ => format!("Build log of attempt {attempt}"),
            };
            self.open_group(title)?;
        }
        if let Some((stop, _)) = &self.suspend
            && !self.is_suspended
            && !lines.is_empty()
        {
            writeln!(self.out, "{stop}")?;
            self.is_suspended = true;
        }
        let colors = if self.form.is_colored {
            Colors::Kept
        } else {
            Colors::Stripped
        };
        for part in lines.iter().flat_map(|it| text::lines(it)) {
            let part = self.secrets.line(part, colors);
            writeln!(self.out, "  {part}")?;
        }
        Ok(())
    }

    fn open_group(&mut self, title: String) -> io::Result<()> {
        self.groups += 1;
        let key = format!("build_log_{}", self.groups);
        let group = Group {
            title: &title,
            key: &key,
        };
        match self.form.host.open_group(group, (self.form.clock)()) {
            Some(start) => writeln!(self.out, "{start}")?,
            None => writeln!(self.out, "{title}:")?,
        }
        self.group = Some(title);
        Ok(())
    }

    /// Ends what the build log has begun, so that our own lines are heard and
    /// seen.
    fn close_group(&mut self) -> io::Result<()> {
        if let Some((_, resume)) = &self.suspend
            && self.is_suspended
        {
            writeln!(self.out, "{resume}")?;
            self.is_suspended = false;
        }
        let Some(title) = self.group.take() else {
            return Ok(());
        };
        let key = format!("build_log_{}", self.groups);
        let group = Group {
            title: &title,
            key: &key,
        };
        match self.form.host.close_group(group, (self.form.clock)()) {
            Some(end) => writeln!(self.out, "{end}"),
            None => Ok(()),
        }
    }

    fn finished(&mut self, ending: &RunResult) -> io::Result<()> {
        let Some(level) = ending.severity() else {
            return Ok(());
        };
        let title = line::last_line(ending);
        let (reason, _, excerpt) = ending.explanation();
        let mut details = Vec::new();
        details.extend(excerpt.first().map(|it| ("log", inline(it))));
        let addresses = address_lines(ending).into_iter();
        details.extend(addresses.map(|it| ("check", it)));
        details.extend(line::advice(ending).map(|it| ("hint", it)));
        if self.form.host.annotates() {
            // The annotation stands apart from the log, whose `Why:` line, or
            // last line, has told the reason.
            let reason = reason.filter(|it| !title.contains(it));
            details.splice(0..0, reason.map(|it| ("why", it.to_owned())));
            let lines: Vec<_> = details.into_iter().map(|(_, it)| it).collect();
            // A title is one short line.
            let (title, lines) = if let Outcome::UsageError { problems } = &ending.outcome {
                let problems = problems.iter().map(|it| inline(it));
                ("Error".to_owned(), problems.collect())
            } else if lines.is_empty() {
                (TITLE.to_owned(), vec![title])
            } else {
                (title, lines)
            };
            return self.annotate(level, &title, &lines.join("\n"));
        }
        for (label, text) in details {
            let text = format!("{label}: {text}");
            self.line(&Line { symbol: None, text })?;
        }
        Ok(())
    }

    fn requested(&mut self, requested: &Requested) -> io::Result<()> {
        if !self.form.shows_debug {
            return Ok(());
        }
        let Requested {
            method,
            route,
            status,
            took,
            cf_ray,
        } = requested;
        let status = status.map_or_else(|| "no answer".to_owned(), |it| it.to_string());
        let cf_ray = cf_ray.as_ref().map(|it| format!(" cf-ray {}", inline(it)));
        let text = format!(
            "{method} {} {status} {} ms{}",
            inline(route),
            took.as_millis(),
            cf_ray.unwrap_or_default()
        );
        match self.form.host.debug(&text) {
            Some(debug) => writeln!(self.out, "{debug}"),
            None => self.line(&Line {
                symbol: None,
                text: format!("debug: {text}"),
            }),
        }
    }
}

impl<W: Write> Report for Log<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        let is_hidden = matches!(event, Event::Requested(_)) && !self.form.shows_debug;
        if !is_hidden && !matches!(event, Event::LogRead { .. }) {
            self.close_group()?;
        }
        if let Some(line) = line::line(event) {
            self.line(&line)?;
        }
        match event {
            Event::RequestFailed {
                reason,
                again_in,
                is_first: true,
            } => self.warn(&line::request_failed(reason, *again_in))?,
            Event::Warned { message } => self.warn(&inline(message))?,
            Event::Noticed { message } => self.line(&Line {
                symbol: None,
                text: inline(message),
            })?,
            Event::LogRead { attempt, lines } => self.log_read(*attempt, lines)?,
            Event::Requested(requested) => self.requested(requested)?,
            Event::Finished(ending) => self.finished(ending)?,
            Event::Retrying { .. }
            | Event::Awaiting { .. }
            | Event::Triggered { .. }
            | Event::StageStarted { .. }
            | Event::StageFinished { .. }
            | Event::StillRunning { .. }
            | Event::Skipped { .. }
            | Event::RequestFailed { .. }
            | Event::Diagnosed { .. }
            | Event::AttemptScheduled { .. } => {}
        }
        self.out.flush()
    }

    fn command(&mut self, line: &str) -> io::Result<()> {
        self.close_group()?;
        writeln!(self.out, "{line}")?;
        self.out.flush()
    }
}

fn color(symbol: Symbol) -> u8 {
    match symbol {
        Symbol::Success => 32,
        Symbol::Failure => 31,
        Symbol::Canceled | Symbol::Skipped => 33,
        Symbol::Started | Symbol::Running => 36,
    }
}
