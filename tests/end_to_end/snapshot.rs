//! Compares the log and the summary of an outcome on each host with files, byte by byte.

#![expect(
    clippy::disallowed_methods,
    reason = "a variable makes the tests rewrite the files"
)]

use std::path::PathBuf;
use std::{env, fs, thread};

use crate::step::{Done, Step};

/// The host on which a step runs.
#[derive(Clone, Copy)]
pub(crate) enum Host {
    Unknown,
    GitHub,
}

impl Host {
    const ALL: [Self; 2] = [Self::Unknown, Self::GitHub];

    /// Configures a step for this host.
    pub(crate) fn of(self, step: Step) -> Step {
        match self {
            Self::Unknown => step,
            Self::GitHub => step.on_github(),
        }
    }

    pub(crate) fn run(self, step: Step) -> Done {
        self.of(step).run()
    }

    fn log_file(self) -> &'static str {
        match self {
            Self::Unknown => "plain.log",
            Self::GitHub => "github.log",
        }
    }
}

/// Runs a step on each host. Compares the exit code, the outputs (one `name=value` per
/// line), and the log and summary with the files in `expected/<name>/`.
///
/// In the files, `␛` stands for the escape character and `<token>` for the random
/// token. `EXPECTED=write cargo test` rewrites them: review the difference.
#[track_caller]
pub(crate) fn check(name: &str, code: i32, outputs: &str, run: impl Fn(Host) -> Done + Sync) {
    // Run concurrently, since a run mostly waits.
    let run = &run;
    let done = thread::scope(|scope| {
        let steps = Host::ALL.map(|host| (host, scope.spawn(move || run(host))));
        steps.map(|(host, step)| (host, step.join().unwrap()))
    });
    for (host, done) in done {
        done.ends(code, outputs);
        compare(name, host.log_file(), &readable(&done.log));
        match host {
            Host::Unknown => assert!(done.summary.is_none()),
            Host::GitHub => compare(name, "summary.md", &done.summary.unwrap()),
        }
    }
}

fn readable(log: &str) -> String {
    let mut log = log.replace('\u{1b}', "␛");
    let token = log
        .lines()
        .find_map(|it| it.strip_prefix("::stop-commands::"));
    if let Some(token) = token.map(str::to_owned) {
        assert!(32 <= token.len(), "{token} can be guessed");
        log = log.replace(&token, "<token>");
    }
    log
}

#[track_caller]
fn compare(name: &str, file: &str, found: &str) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/end_to_end/expected");
    let path = folder.join(name).join(file);
    if env::var_os("EXPECTED").is_some_and(|it| it == "write") {
        fs::create_dir_all(folder.join(name)).unwrap();
        fs::write(&path, found).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, expected, "{} differs", path.display());
}
