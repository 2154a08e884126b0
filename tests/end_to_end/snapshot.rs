//! An ending as a user sees it on each host, compared with files to the byte.

#![expect(
    clippy::disallowed_methods,
    reason = "a test is asked to write its files by a variable"
)]

use std::path::PathBuf;
use std::{env, fs, thread};

use crate::step::{Done, Step};

/// Where a step runs.
#[derive(Clone, Copy)]
pub(crate) enum Host {
    Unknown,
    GitHub,
}

impl Host {
    const ALL: [Self; 2] = [Self::Unknown, Self::GitHub];

    /// The step as it is on this host.
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

/// Runs a step on each host and compares exit code, outputs (`name=value` a
/// line), and, with the files in `expected/<name>/`, log and summary.
///
/// In the files `␛` is the escape character and `<token>` what nobody can
/// guess. `EXPECTED=write cargo test` writes them: read the difference.
#[track_caller]
pub(crate) fn check(name: &str, code: i32, outputs: &str, run: impl Fn(Host) -> Done + Sync) {
    // At once, since most of a run is waiting.
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
