//! Writes files and starts programs: the only file that does.

#![expect(
    clippy::disallowed_methods,
    reason = "the only writer of files and starter of programs"
)]

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use crate::host::commit::EventFile;
use crate::host::delivery::Delivery;
use crate::io::{Hurry, LogWriter};
use crate::run::event::{Event, Report};

/// How long a program of the host's may take; it only talks to its own agent.
/// A canceled step may have ten seconds for everything.
const AGENT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long it may take after a signal that asks to be quick.
const AGENT_GRACE: Duration = Duration::from_secs(1);

/// How long a pipe or a device may take; a pipe may wait for its reader.
const DEVICE_TIMEOUT: Duration = Duration::from_secs(5);
const DEVICE_GRACE: Duration = Duration::from_millis(500);

/// Checks that the user's own file can be written, before anything is created
/// at Cloudflare.
///
/// # Errors
///
/// Fails if the file cannot be opened for writing.
pub(crate) fn check_writable(path: &Path) -> io::Result<()> {
    // A pipe may wait for its reader.
    if fs::metadata(path).is_ok_and(|it| is_device(&it)) {
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

/// Writes the files of a run, and keeps the programs for later.
pub(crate) struct Deliverer<'a> {
    pub(crate) log: &'a mut dyn Report,
    /// Where a file goes that is our own stdout.
    pub(crate) stdout: LogWriter,
    pub(crate) hurry: Hurry,
    /// The programs to run, with what they are given.
    pub(crate) programs: Programs,
}

/// Lists of programs to run, each with what it hands over.
pub(crate) type Programs = Vec<(&'static str, Vec<Delivery>)>;

impl Deliverer<'_> {
    /// Writes one file after another. The first failure is a warning, and
    /// nothing is written after it: the rest would fail alike, or refers to
    /// what is not there.
    pub(crate) fn write_all(&mut self, deliveries: Vec<Delivery>, what: &'static str) {
        let mut programs = Vec::new();
        for delivery in deliveries {
            let place = delivery.place();
            match delivery {
                Delivery::Run { .. } => programs.push(delivery),
                Delivery::Append { .. } | Delivery::Replace { .. } | Delivery::Print(_) => {
                    if let Err(error) = self.write(delivery) {
                        let message = format!("failed to write {what} to {place}: {error}");
                        let _ = self.log.event(&Event::Warned { message });
                        break;
                    }
                }
            }
        }
        self.programs.push((what, programs));
    }

    /// Writes one file, or lines of the log.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be written, or is a pipe that nobody reads.
    pub(crate) fn write(&mut self, delivery: Delivery) -> io::Result<()> {
        let (path, text, mode) = match delivery {
            Delivery::Append { path, text } => (path, text, Mode::Append),
            Delivery::Replace { path, text } => (path, text, Mode::Replace),
            Delivery::Print(lines) => return lines.iter().try_for_each(|it| self.log.command(it)),
            // Programs come later.
            Delivery::Run { .. } => return Ok(()),
        };
        if is_stdout(&path) {
            // Opened again it would be written from its beginning.
            self.stdout.write_all(text.as_bytes())?;
            return self.stdout.flush();
        }
        if !fs::metadata(&path).is_ok_and(|it| is_device(&it)) {
            return mode.write(&path, &text);
        }
        let (sender, receiver) = mpsc::channel();
        thread::Builder::new().spawn(move || {
            // Nobody may wait for it any more.
            let _ = sender.send(mode.write(&path, &text));
        })?;
        self.hurry
            .deadline(DEVICE_TIMEOUT, DEVICE_GRACE)
            .receive(&receiver)
            .unwrap_or_else(|| Err(io::Error::new(io::ErrorKind::TimedOut, "nobody reads it")))
    }
}

/// What becomes of a file that is already there.
#[derive(Clone, Copy)]
enum Mode {
    Append,
    Replace,
}

impl Mode {
    fn write(self, path: &Path, text: &str) -> io::Result<()> {
        let mut file = match self {
            Self::Append => OpenOptions::new().create(true).append(true).open(path)?,
            Self::Replace => File::create(path)?,
        };
        file.write_all(text.as_bytes())
    }
}

/// A pipe, a terminal or another device.
fn is_device(metadata: &Metadata) -> bool {
    !metadata.is_file() && !metadata.is_dir()
}

/// Whether a file is the one that our stdout goes to.
fn is_stdout(path: &Path) -> bool {
    const STDOUT: &str = "/dev/stdout";
    let id = |path: &Path| fs::metadata(path).ok().map(|it| (it.dev(), it.ino()));
    path == Path::new(STDOUT) || id(path).is_some_and(|it| id(Path::new(STDOUT)) == Some(it))
}

/// Programs that run side by side, since a canceled step has little time.
pub(crate) struct Started(Vec<(String, io::Result<Receiver<io::Result<ExitStatus>>>)>);

/// Starts programs. After the first of a list that cannot be started the rest
/// of the list is not: it would fail alike.
pub(crate) fn start(programs: Programs) -> Started {
    let mut started = Vec::new();
    for (what, programs) in programs {
        for program in programs {
            let label = format!("{what} to {}", program.place());
            let result = run(program);
            let is_over = result.is_err();
            started.push((label, result));
            if is_over {
                break;
            }
        }
    }
    Started(started)
}

impl Started {
    /// Waits for all of them, at most [`AGENT_TIMEOUT`]; returns a warning for
    /// each kind of thing that could not be handed over.
    pub(crate) fn wait(self, hurry: &Hurry) -> Vec<String> {
        let mut warnings: Vec<(String, String)> = Vec::new();
        let late = || io::Error::new(io::ErrorKind::TimedOut, "it did not end in time");
        let deadline = hurry.deadline(AGENT_TIMEOUT, AGENT_GRACE);
        for (label, result) in self.0 {
            let result = result.and_then(|receiver| {
                let status = deadline.receive(&receiver);
                let status = status.unwrap_or_else(|| Err(late()))?;
                if status.success() {
                    return Ok(());
                }
                Err(io::Error::other(format!("it ended with {status}")))
            });
            if let Err(error) = result
                && !warnings.iter().any(|(it, _)| *it == label)
            {
                let message = format!("failed to write {label}: {error}");
                warnings.push((label, message));
            }
        }
        warnings.into_iter().map(|(_, message)| message).collect()
    }
}

/// Starts a program that must not block us: one that does not read its input or
/// does not end is left behind.
fn run(program: Delivery) -> io::Result<Receiver<io::Result<ExitStatus>>> {
    let Delivery::Run {
        program,
        arguments,
        input,
        vars,
    } = program
    else {
        return Err(io::Error::other("it is not a program"));
    };
    let mut child = Command::new(&program)
        .args(arguments)
        .env_clear()
        .envs(vars)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new().spawn(move || {
        if let Some(mut stdin) = child.stdin.take() {
            // The exit status says more than a broken pipe.
            let _ = stdin.write_all(input.as_bytes());
        }
        let _ = sender.send(child.wait());
    })?;
    Ok(receiver)
}
