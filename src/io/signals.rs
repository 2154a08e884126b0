//! The signals that request the program to exit.

use std::fs;
use std::future::pending;
use std::io;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator;
use tokio::sync::watch;

use crate::run::outcome::Signal;

/// SIGINT, SIGTERM and SIGHUP, as they arrive. The default receives none.
#[derive(Clone, Debug, Default)]
pub struct Signals(Option<watch::Receiver<Received>>);

#[derive(Clone, Copy, Debug, Default)]
struct Received {
    first: Option<Signal>,
    count: u32,
}

impl Signals {
    /// Installs the handlers: before anything else, since a signal that comes
    /// earlier ends the process without any output. Process 1 of a container
    /// receives no signal that it has no handler for.
    ///
    /// # Errors
    ///
    /// Fails if the system has no resources left for the handlers.
    pub fn install() -> io::Result<Self> {
        let mut signals = vec![SIGINT, SIGTERM];
        if !is_ignored(SIGHUP) {
            signals.push(SIGHUP);
        }
        let mut signals = iterator::Signals::new(signals)?;
        let (sender, receiver) = watch::channel(Received::default());
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                for signal in signals.forever() {
                    let signal = match signal {
                        SIGINT => Signal::Interrupt,
                        SIGHUP => Signal::Hangup,
                        _ => Signal::Terminate,
                    };
                    sender.send_modify(|it| {
                        it.first.get_or_insert(signal);
                        it.count += 1;
                    });
                }
            })?;
        Ok(Self(Some(receiver)))
    }

    /// Waits for the first signal.
    pub(super) async fn first(&mut self) -> Signal {
        if let Some(receiver) = &mut self.0
            && let Ok(received) = receiver.wait_for(|it| it.first.is_some()).await
            && let Some(signal) = received.first
        {
            return signal;
        }
        pending().await
    }

    /// How many signals have arrived.
    pub fn count(&self) -> u32 {
        self.0.as_ref().map_or(0, |it| it.borrow().count)
    }
}

/// Whether a signal was ignored when the program started, as `nohup` makes it.
/// If the system does not report it, the signal counts as not ignored.
fn is_ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    is_in_mask(&status, signal)
}

/// Whether the `SigIgn` line of `/proc/self/status` has the signal's bit.
fn is_in_mask(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|it| it.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|it| u64::from_str_radix(it.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_signal_is_found_in_the_status_of_the_process() {
        let status = "Name:\tx\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\n";
        assert!(is_in_mask(status, SIGHUP));
        assert!(!is_in_mask(status, SIGINT));
        assert!(!is_in_mask("", SIGHUP));
    }
}
