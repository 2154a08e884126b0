//! What the terminal does with keys while the live view is drawn.

use std::io;

use rustix::process::getpgrp;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};

/// While this value lives, the terminal echoes no keys into the live view, and
/// Ctrl-C drops no output that has not been shown: the kernel would do both,
/// and rows of the view would stay behind.
pub(super) struct QuietKeys {
    before: Termios,
}

impl QuietKeys {
    /// Changes the terminal at stdout; `None` where that is not possible.
    pub(super) fn new() -> Option<Self> {
        let stdout = io::stdout();
        if !is_in_foreground() {
            return None;
        }
        let before = tcgetattr(&stdout).ok()?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        quiet.local_modes.insert(LocalModes::NOFLSH);
        tcsetattr(&stdout, OptionalActions::Now, &quiet).ok()?;
        Some(Self { before })
    }
}

impl Drop for QuietKeys {
    fn drop(&mut self) {
        if is_in_foreground() {
            // A terminal that is gone needs nothing.
            let _ = tcsetattr(io::stdout(), OptionalActions::Now, &self.before);
        }
    }
}

/// A process in the background that changes the terminal is stopped.
fn is_in_foreground() -> bool {
    tcgetpgrp(io::stdout()).is_ok_and(|it| it == getpgrp())
}
