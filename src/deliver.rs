//! Writes files and starts programs: the only file that does.

#![expect(
    clippy::disallowed_methods,
    reason = "the only writer of files and starter of programs"
)]

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use crate::host::commit::EventFile;
use crate::host::delivery::Delivery;
use crate::run::event::{Event, Report};

/// How long a program of the host's may take; it only talks to its own agent.
/// A canceled step may have ten seconds for everything.
const AGENT_TIMEOUT: Duration = Duration::from_secs(5);

/// Checks that the user's own file can be written, before anything is created
/// at Cloudflare.
///
/// # Errors
///
/// Fails if the file cannot be opened for writing.
pub(crate) fn check_writable(path: &Path) -> io::Result<()> {
    // A pipe may wait for its reader.
    if fs::metadata(path).is_ok_and(|it| !it.is_file() && !it.is_dir()) {
        return Ok(());
    }
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.map(drop)
}

/// Reads the file that describes what started the run. A file that cannot be
/// read is no reason to stop here: nothing may depend on it.
pub(crate) fn read_event(path: &Path) -> EventFile {
    match fs::read(path) {
        Ok(bytes) => EventFile::Read(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) => EventFile::Unreadable(error.to_string()),
    }
}

/// Delivers one after another, and waits for the programs at the end: they run
/// side by side, since a canceled step has little time. The first failure is a
/// warning, and nothing is started after it: the rest would fail alike, or
/// refers to what is not there.
pub(crate) fn deliver_all(deliveries: Vec<Delivery>, what: &str, log: &mut dyn Report) {
    let mut started = Vec::new();
    for delivery in deliveries {
        let place = delivery.place();
        let result = deliver(delivery, log);
        let is_over = result.is_err();
        started.push((place, result));
        if is_over {
            break;
        }
    }
    for (place, result) in started {
        if let Err(error) = result.and_then(Started::wait) {
            let message = format!("failed to write {what} to {place}: {error}");
            let _ = log.event(&Event::Warned { message });
            break;
        }
    }
}

/// Writes at once, or starts the program.
///
/// # Errors
///
/// Fails if the file cannot be written or the program cannot be started.
pub(crate) fn deliver(delivery: Delivery, log: &mut dyn Report) -> io::Result<Started> {
    match delivery {
        Delivery::Append { path, text } => {
            let mut file = OpenOptions::new().create(true).append(true).open(path)?;
            file.write_all(text.as_bytes())?;
        }
        Delivery::Replace { path, text } => fs::write(path, text)?,
        Delivery::Print(lines) => lines.iter().try_for_each(|it| log.command(it))?,
        Delivery::Run {
            program,
            arguments,
            input,
            vars,
        } => {
            let mut command = Command::new(&program);
            command.args(arguments).env_clear().envs(vars);
            return run(command, input);
        }
    }
    Ok(Started(None))
}

/// A program that was started, or nothing if the delivery is complete.
pub(crate) struct Started(Option<Receiver<io::Result<ExitStatus>>>);

impl Started {
    /// Waits for the end of the program, at most [`AGENT_TIMEOUT`].
    ///
    /// # Errors
    ///
    /// Fails if the program fails or does not end in time.
    pub(crate) fn wait(self) -> io::Result<()> {
        let Some(receiver) = self.0 else {
            return Ok(());
        };
        let late = |_| io::Error::new(io::ErrorKind::TimedOut, "it did not end in time");
        let status = receiver.recv_timeout(AGENT_TIMEOUT).map_err(late)??;
        if status.success() {
            return Ok(());
        }
        Err(io::Error::other(format!("it ended with {status}")))
    }
}

/// Starts a program that must not block us: one that does not read its input or
/// does not end is left behind.
fn run(mut command: Command, input: String) -> io::Result<Started> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = command.spawn()?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        if let Some(mut stdin) = child.stdin.take() {
            // The exit status says more than a broken pipe.
            let _ = stdin.write_all(input.as_bytes());
        }
        let _ = sender.send(child.wait());
    });
    Ok(Started(Some(receiver)))
}
