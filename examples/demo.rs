//! Demonstrates `pages-retry` without an account and without a network: starts a fake
//! Pages API on loopback and runs the real program against it.
//!
//! `cargo run --example demo` retries a failed deployment, and the new deployment
//! succeeds. With `-- --fail` the new one fails too. The exit code is that of the
//! program. Ctrl-C ends the demo as it ends the program: with the outputs.
//!
//! The program runs within the demo, so that nothing is built twice. A first build
//! needs a C compiler.

#![expect(
    clippy::disallowed_methods,
    reason = "it measures, waits, writes files or starts programs"
)]

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use pages_retry::app;
use pages_retry::env::Env;
use pages_retry::io::Signals;
use test_support::fake::{ACCOUNT, Api, Clock, Deployment, Fake, Life, PROJECT, TOKEN};

/// The factor by which the fake accelerates time.
const SPEED: u32 = 5;

/// The log of a build that cannot find one of its files: the second and the text of
/// each line.
const BROKEN_BUILD: [(u64, &str); 16] = [
    (5, "Initializing build environment..."),
    (8, "Success: Finished initializing build environment"),
    (11, "Cloning repository..."),
    (
        16,
        "Detected the following tools from environment: nodejs@22.16.0, npm@10.9.2",
    ),
    (
        17,
        "Installing project dependencies: npm clean-install --progress=false",
    ),
    (29, "added 142 packages, and audited 143 packages in 11s"),
    (30, "Executing user command: npm run build"),
    (31, "> site@1.4.0 build"),
    (31, "> vite build"),
    (33, "vite v6.3.5 building for production..."),
    (41, "✓ 38 modules transformed."),
    (42, "✗ Build failed in 8.61s"),
    (42, "error during build:"),
    (
        42,
        "Could not resolve \"./components/Footer\" from \"src/App.jsx\"",
    ),
    (
        43,
        "Failed: Error while executing user command. Exited with error code: 1",
    ),
    (44, "Failed: build command exited with code: 1"),
];

fn main() -> Result<ExitCode> {
    let signals = Signals::install();
    let life = match *env::args().skip(1).collect::<Vec<_>>() {
        [] => life(),
        [ref it] if it == "--fail" => broken_life(),
        _ => bail!("the demo takes no argument but --fail"),
    };
    let fake = Fake::start(
        Api::new()
            .clock(Clock::Real {
                speed: f64::from(SPEED),
            })
            .deployment(before())
            .deployment(Deployment::failed("4f1c2a9e"))
            .retries_to(life),
    );
    let folder = tempfile::tempdir().context("failed to make a temporary folder")?;
    let outputs = folder.path().join("outputs.json");
    say(&format!(
        "The deployment 4f1c2a9e failed an hour ago; pages-retry retries it.\nA fake API simulates the new one, {SPEED} times as fast.\n"
    ));
    let code = app::run_at_speed(&[], &step(&fake, &outputs), signals, SPEED);
    let outputs = fs::read_to_string(&outputs).context("failed to read the outputs")?;
    say(&format!(
        "\nOutputs for the steps after it:\n{}",
        outputs.trim_end()
    ));
    Ok(code)
}

fn life() -> Life {
    let seconds = [
        ("queued", 5),
        ("initialize", 6),
        ("clone_repo", 5),
        ("build", 42),
        ("deploy", 8),
    ];
    let take = |life: Life, (stage, seconds)| life.takes(stage, Duration::from_secs(seconds));
    let life = seconds.into_iter().fold(Life::success(), take);
    life.with_a_tidy_queue()
}

/// An earlier successful deployment, which determines the usual durations.
fn before() -> Deployment {
    let life = life().takes("build", Duration::from_secs(38));
    Deployment::new("77c0ffee", life).ago(Duration::from_hours(5))
}

fn broken_life() -> Life {
    let at = |(second, line)| (Duration::from_secs(second), line);
    life()
        .takes("build", Duration::from_secs(28))
        .ends_in("build", "failure")
        .log(BROKEN_BUILD.map(at))
}

/// The variables of a step, without those of the caller's CI or account.
fn step(fake: &Fake, outputs: &Path) -> Env {
    let inherited = ["PATH", "HOME", "TERM", "NO_COLOR"];
    let inherited = inherited.into_iter();
    let inherited = inherited.filter_map(|it| Some((it.into(), env::var_os(it)?)));
    let url = fake.url();
    let inputs: [(&str, OsString); 7] = [
        ("INPUT_ACCOUNT_ID", ACCOUNT.into()),
        ("INPUT_PROJECT_NAME", PROJECT.into()),
        ("INPUT_DEPLOYMENT_ID", "4f1c2a9e".into()),
        ("INPUT_API_TOKEN", TOKEN.into()),
        ("INPUT_API_BASE_URL", url.into()),
        // `auto` would poll too rarely, since the fake accelerates time.
        ("INPUT_POLL_INTERVAL", "1s".into()),
        ("INPUT_OUTPUT_FILE", outputs.into()),
    ];
    let inputs = inputs.map(|(name, value)| (OsString::from(name), value));
    Env::from_os(inherited.chain(inputs))
}

/// Prints a text. Nobody may be left to read it: `demo | head`.
fn say(text: &str) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}
