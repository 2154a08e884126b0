//! What is handed to the host at the end, and the ways to hand it over.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use crate::report::Report;

/// How long a program of the host's may take; it only talks to its own agent.
/// A canceled step may have ten seconds for everything.
const PROGRAM_TAKES: Duration = Duration::from_secs(5);

/// What is to be delivered, and what cannot be.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct HandOver {
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) warnings: Vec<String>,
}

/// One thing to hand over.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    Append {
        path: PathBuf,
        text: String,
    },
    Replace {
        path: PathBuf,
        text: String,
    },
    /// Lines of the log that the host obeys.
    Print(Vec<String>),
    /// A program of the host's, which reads `input`. It is given `vars` and no
    /// other variable: the token is none of its business.
    Run {
        program: PathBuf,
        arguments: Vec<String>,
        input: String,
        vars: Vec<(String, String)>,
    },
}

impl Delivery {
    /// Where it goes, for a message.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::Append { path, .. } | Self::Replace { path, .. } => {
                format!("`{}`", path.display())
            }
            Self::Print(_) => "the log".to_owned(),
            Self::Run { program, .. } => format!("`{}`", program.display()),
        }
    }

    /// Writes at once, or starts the program.
    pub(crate) fn start(self, log: &mut dyn Report) -> io::Result<Started> {
        match self {
            Self::Append { path, text } => {
                let mut file = OpenOptions::new().create(true).append(true).open(path)?;
                file.write_all(text.as_bytes())?;
            }
            Self::Replace { path, text } => fs::write(path, text)?,
            Self::Print(lines) => lines.iter().try_for_each(|it| log.command(it))?,
            Self::Run {
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
}

/// What was begun, and may still run.
pub(crate) struct Started(Option<Receiver<io::Result<ExitStatus>>>);

impl Started {
    /// Waits for the end of a program, but not for ever.
    pub(crate) fn end(self) -> io::Result<()> {
        let Some(receiver) = self.0 else {
            return Ok(());
        };
        let late = |_| io::Error::new(io::ErrorKind::TimedOut, "it did not end in time");
        let status = receiver.recv_timeout(PROGRAM_TAKES).map_err(late)??;
        if status.success() {
            return Ok(());
        }
        Err(io::Error::other(format!("it ended with {status}")))
    }
}

/// Starts a program that must not hold us up: a reader that does not read and
/// a program that does not end are left behind.
fn run(mut command: Command, input: String) -> io::Result<Started> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = command.spawn()?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        if let Some(mut stdin) = child.stdin.take() {
            // Its exit status tells more than a pipe that broke.
            let _ = stdin.write_all(input.as_bytes());
        }
        let _ = sender.send(child.wait());
    });
    Ok(Started(Some(receiver)))
}

/// Finds a program in the folders of `PATH`.
pub(crate) fn find(program: &str, path: Option<&str>) -> Option<PathBuf> {
    let folders = std::env::split_paths(path?);
    folders
        .map(|it| it.join(program))
        .find(|it| Path::is_file(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_in_the_first_folder_that_has_it() {
        let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let path = std::env::join_paths(folders.iter().map(tempfile::TempDir::path)).unwrap();
        let path = path.to_str();
        assert_eq!(find("agent", path), None);
        fs::create_dir(folders[0].path().join("agent")).unwrap();
        let program = folders[1].path().join("agent");
        fs::write(&program, "").unwrap();
        assert_eq!(find("agent", path), Some(program));
        assert_eq!(find("agent", None), None);
    }
}
