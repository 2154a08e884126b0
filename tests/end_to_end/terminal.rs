//! The live view: the screen as a person sees it, in a pseudo-terminal.
#![expect(clippy::disallowed_methods, reason = "the live view needs real time")]

use std::io::{Read as _, Write as _};
use std::num::NonZeroU16;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::step::{ORIGINAL, Step};
use test_support::fake::{Api, Clock, Deployment, Fake, Life};
use test_support::site::{Page, Site};

/// The time limit for the screen to show what a test waits for.
const PATIENCE: Duration = Duration::from_secs(20);

struct Terminal {
    screen: vt100::Parser,
    bytes: Receiver<Vec<u8>>,
    master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
    /// What the terminal did with keys before the program began.
    modes: String,
    /// All bytes that the program has written.
    written: Vec<u8>,
}

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).unwrap()
}

fn size(rows: u16, cols: u16) -> PtySize {
    PtySize {
        rows,
        cols,
        pixel_width: 0,
        pixel_height: 0,
    }
}

/// What a terminal does with keys, as text.
fn modes(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios())
}

impl Terminal {
    /// Starts a step in a terminal of `rows` by `cols`.
    fn start(step: &Step, rows: u16, cols: u16) -> Self {
        let pair = native_pty_system().openpty(size(rows, cols)).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_pages-retry"));
        command.env_clear();
        command.env("TERM", "xterm-256color");
        for (name, value) in step.vars() {
            command.env(name, value);
        }
        command.cwd(step.folder());
        let modes = modes(&*pair.master);
        let child = pair.slave.spawn_command(command).unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (sender, bytes) = mpsc::channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length) = reader.read(&mut buffer) {
                if length == 0 || sender.send(buffer[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self {
            screen: vt100::Parser::new(cells(rows), cells(cols), 1000),
            bytes,
            master: pair.master,
            child,
            modes,
            written: Vec::new(),
        }
    }

    fn text(&self) -> String {
        let (_, cols) = self.screen.screen().size();
        let rows = self.screen.screen().rows(0, cols.get());
        let rows: Vec<_> = rows.map(|it| it.trim_end().to_owned()).collect();
        rows.join("\n").trim_end().to_owned()
    }

    /// Waits until `is_wanted` accepts the screen.
    #[track_caller]
    fn until(&mut self, is_wanted: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let text = self.text();
            if is_wanted(&text) {
                return text;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.bytes.recv_timeout(left) {
                Ok(bytes) => self.take(&bytes),
                Err(error) => panic!("{error}; the screen:\n{text}"),
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.screen.process(bytes);
        self.written.extend(bytes);
    }

    fn resize(&mut self, rows: u16, cols: u16) {
        self.master.resize(size(rows, cols)).unwrap();
        self.screen.screen_mut().set_size(cells(rows), cells(cols));
    }

    fn press(&mut self, key: u8) {
        let mut writer = self.master.take_writer().unwrap();
        writer.write_all(&[key]).unwrap();
    }

    /// Waits for the program to end; returns the final screen and the exit code.
    fn end(mut self) -> (Self, u32) {
        let deadline = Instant::now() + PATIENCE;
        let code = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status.exit_code();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.bytes.recv_timeout(left.min(Duration::from_millis(20))) {
                Ok(bytes) => self.take(&bytes),
                Err(RecvTimeoutError::Disconnected) => {}
                Err(RecvTimeoutError::Timeout) => assert!(!left.is_zero(), "not ended"),
            }
        };
        while let Ok(bytes) = self.bytes.recv_timeout(Duration::from_millis(200)) {
            self.take(&bytes);
        }
        (self, code)
    }
}

/// A project with a history, whose retry follows `life` in real time.
fn project(life: Life) -> Fake {
    let hour = Duration::from_hours(1);
    Fake::start(
        Api::new()
            .clock(Clock::Real { speed: 1.0 })
            .deployment(Deployment::succeeded("77c0ffee").ago(2 * hour))
            .deployment(Deployment::failed(ORIGINAL).ago(hour))
            .retries_to(life),
    )
}

/// A deployment that takes a few seconds and writes one line to its log.
fn quick(life: Life) -> Life {
    let seconds = Duration::from_secs;
    let life = life
        .takes("queued", seconds(0))
        .takes("initialize", seconds(0));
    life.takes("clone_repo", seconds(0))
        .takes("build", seconds(5))
        .takes("deploy", seconds(1))
        .log([(seconds(1), "added 142 packages in 11s")])
        .with_a_tidy_queue()
}

fn step(fake: &Fake) -> Step {
    Step::new(fake).with("logs", "always")
}

const PENDING_DEPLOY: &str = "  deploy                 usually 6s";

#[test]
fn the_running_and_the_remaining_stages_are_shown_below_the_log() {
    for (rows, cols) in [(24, 80), (50, 200)] {
        let fake = project(quick(Life::success()));
        let step = step(&fake);
        let mut terminal = Terminal::start(&step, rows, cols);
        let line = "  added 142 packages in 11s";
        let text = terminal
            .until(|it| it.contains(line) && it.contains(" build  ") && it.ends_with(" left"));
        let lines: Vec<&str> = text.lines().collect();
        let at = lines.iter().position(|it| it.contains(" build  ")).unwrap();
        assert_eq!(lines[at - 1], line, "{text}");
        let (spinner, row) = lines[at].split_once(' ').unwrap();
        assert_eq!(spinner.chars().count(), 1, "{text}");
        assert!(row.starts_with("build"), "{text}");
        assert!(row.ends_with("usually 1m00s"), "{text}");
        assert_eq!(lines[at + 1], PENDING_DEPLOY, "{text}");
        assert!(lines[at + 2].starts_with("  ━━"), "{text}");
        assert!(lines[at + 2].ends_with(" left"), "{text}");
        assert_eq!(lines.len(), at + 3, "{text}");

        let (terminal, code) = terminal.end();
        assert_eq!(code, 0);
        let text = terminal.text();
        let log = "\
• build (usually 1m00s)
Build log:
  added 142 packages in 11s
✓ build in 5s
• deploy (usually 6s)
✓ deploy in 1s
Deployment 9a8b7c6d succeeded: https://9a8b7c6d.site.pages.dev";
        assert!(text.ends_with(log), "{text}");
        assert!(!terminal.screen.screen().hide_cursor());
    }
}

#[test]
fn the_check_is_shown_below_the_log_while_it_runs() {
    let missing = Page::html(404, "not yet");
    let site = Site::script([missing.clone(), missing, Page::html(200, "new")]);
    let deployment = Deployment::failed(ORIGINAL)
        .environment("preview")
        .with("url", site.url().into());
    let api = Api::new()
        .clock(Clock::Real { speed: 60.0 })
        .deployment(Deployment::succeeded("77c0ffee"))
        .deployment(deployment)
        .retries_to(Life::success().with_a_tidy_queue());
    let fake = Fake::start(api);
    let step = step(&fake).with("check_url", "true");
    let mut terminal = Terminal::start(&step, 24, 80);
    let text = terminal.until(|it| it.contains(" reachable          1s"));
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[lines.len() - 2].ends_with("• reachable"), "{text}");
    let (terminal, code) = terminal.end();
    assert_eq!(code, 0);
    let text = terminal.text();
    let lines: Vec<&str> = text.lines().rev().collect();
    assert!(lines[1].starts_with("✓ reachable in "), "{text}");
    assert!(lines[2].ends_with("• reachable"), "{text}");
}

#[test]
fn no_color_is_respected_and_colors_are_the_default() {
    for (no_color, has_color) in [("1", false), ("", true)] {
        let fake = project(quick(Life::fails_in("build")));
        let step = step(&fake).var("NO_COLOR", no_color);
        let (terminal, code) = Terminal::start(&step, 24, 80).end();
        assert_eq!(code, 1);
        let written = String::from_utf8_lossy(&terminal.written);
        // A sequence that ends with `m` sets a color.
        let is_digit = |it: char| it.is_ascii_digit() || it == ';';
        let is_color = |it: &str| it.trim_start_matches(is_digit).starts_with('m');
        assert_eq!(written.split("\x1b[").skip(1).any(is_color), has_color);
        assert!(terminal.text().contains("✗ build failed after 5s"));
    }
}

#[test]
fn a_dumb_terminal_gets_a_plain_log() {
    let fake = project(quick(Life::fails_in("build")));
    let step = step(&fake).var("TERM", "dumb");
    let (terminal, code) = Terminal::start(&step, 24, 80).end();
    assert_eq!(code, 1);
    assert!(!terminal.written.contains(&0x1b), "{}", terminal.text());
    assert!(terminal.text().contains("✗ build failed after 5s"));
}

#[test]
fn a_dry_run_shows_what_it_found() {
    let fake = Fake::start(Api::new().deployment(Deployment::failed(ORIGINAL)));
    let step = step(&fake).with("dry_run", "true");
    let (terminal, code) = Terminal::start(&step, 24, 80).end();
    assert_eq!(code, 0);
    let text = terminal.text();
    assert!(
        text.starts_with("Would retry deployment 4f1c2a9e of site "),
        "{text}"
    );
    assert!(text.ends_with("\nDry run: nothing was triggered"), "{text}");
}

#[test]
fn control_c_leaves_a_clean_screen_with_a_cursor() {
    let fake = project(quick(Life::never_ends_in("build")));
    let step = step(&fake);
    let mut terminal = Terminal::start(&step, 24, 80);
    terminal.until(|it| it.contains("about"));
    assert_ne!(modes(&*terminal.master), terminal.modes);
    terminal.press(3);
    let (terminal, code) = terminal.end();
    assert_eq!(code, 130);
    assert!(terminal.modes.contains("ECHO |"), "{}", terminal.modes);
    assert_eq!(modes(&*terminal.master), terminal.modes);
    let text = terminal.text();
    let last = text.lines().rev().take(2).collect::<Vec<_>>();
    let last = format!("{}{}", last[1], last[0]);
    let line =
        "Interrupted; deployment 9a8b7c6d continues at Cloudflare: https://dash.cloudflare.com/";
    assert!(last.contains(line), "{text}");
    assert!(!text.contains("about") && !text.contains('╌'), "{text}");
    assert!(
        !text.contains("^C") && !text.contains("usually 6s\n"),
        "{text}"
    );
    assert!(!terminal.screen.screen().hide_cursor());
}

#[test]
fn a_window_that_gets_smaller_shows_whole_rows_again() {
    let fake = project(quick(Life::success()));
    let step = step(&fake);
    let mut terminal = Terminal::start(&step, 40, 120);
    terminal.until(|it| it.contains("about"));
    terminal.resize(30, 60);
    let (terminal, code) = terminal.end();
    assert_eq!(code, 0);
    let text = terminal.text();
    assert!(text.contains("✓ deploy in 1s"), "{text}");
    assert!(!text.contains('╌'), "{text}");
}
