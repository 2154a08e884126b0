//! Demonstrates `pages-retry` without an account and without a network: starts a fake
//! Pages API on loopback and runs the real program against it.
//!
//! `cargo run --example demo` retries a failed deployment, and the new deployment
//! succeeds. With `-- --fail` the new one fails too. The exit code is that of the
//! program.

#![expect(
    clippy::disallowed_methods,
    reason = "it measures, waits, writes files or starts programs"
)]

use std::env;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use test_support::fake::{ACCOUNT, Api, Clock, Deployment, Fake, Life, PROJECT, TOKEN};

/// The factor by which the fake accelerates time.
const SPEED: f64 = 5.0;

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
    let life = match *env::args().skip(1).collect::<Vec<_>>() {
        [] => life(),
        [ref it] if it == "--fail" => broken_life(),
        _ => bail!("the demo takes no argument but --fail"),
    };
    let program = built_program()?;
    let fake = Fake::start(
        Api::new()
            .clock(Clock::Real { speed: SPEED })
            .deployment(before())
            .deployment(Deployment::failed("4f1c2a9e"))
            .retries_to(life),
    );
    let folder = tempfile::tempdir().context("failed to make a temporary folder")?;
    let outputs = folder.path().join("outputs.json");
    say(&format!(
        "The deployment 4f1c2a9e failed an hour ago; pages-retry retries it.\nA fake API simulates the new one, {SPEED} times as fast.\n"
    ))?;
    let status = command(&program, &fake, &outputs)
        .status()
        .with_context(|| format!("failed to run {}", program.display()))?;
    let outputs = fs::read_to_string(&outputs).context("failed to read the outputs")?;
    say(&format!(
        "\nOutputs for the steps after it:\n{}",
        outputs.trim_end()
    ))?;
    let code = status.code().context("pages-retry was ended by a signal")?;
    Ok(ExitCode::from(u8::try_from(code)?))
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

/// Runs the program as in a step, without the variables of the caller's CI or account.
fn command(program: &Path, fake: &Fake, outputs: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear();
    for name in ["PATH", "HOME", "TERM", "NO_COLOR"] {
        command.envs(variable(name).map(|it| (name, it)));
    }
    command
        .env("INPUT_ACCOUNT_ID", ACCOUNT)
        .env("INPUT_PROJECT_NAME", PROJECT)
        .env("INPUT_DEPLOYMENT_ID", "4f1c2a9e")
        .env("INPUT_API_TOKEN", TOKEN)
        .env("INPUT_API_BASE_URL", fake.url())
        // `auto` would poll too rarely, since the fake accelerates time.
        .env("INPUT_POLL_INTERVAL", "1s")
        .env("INPUT_OUTPUT_FILE", outputs);
    command
}

/// Builds the program, since `cargo run --example` does not.
fn built_program() -> Result<PathBuf> {
    let demo = env::current_exe().context("failed to find the demo itself")?;
    let profile = demo
        .ancestors()
        .nth(2)
        .context("the demo is not in cargo's target folder")?;
    let mut build = Command::new(variable("CARGO").unwrap_or_else(|| "cargo".into()));
    build
        .args([
            "build",
            "--quiet",
            "--bin",
            "pages-retry",
            "--manifest-path",
        ])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    if profile.ends_with("release") {
        build.arg("--release");
    }
    let status = build.status().context("failed to run cargo")?;
    ensure!(status.success(), "cargo could not build pages-retry");
    Ok(profile.join(format!("pages-retry{}", env::consts::EXE_SUFFIX)))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the demo passes its environment on"
)]
fn variable(name: &str) -> Option<std::ffi::OsString> {
    env::var_os(name)
}

fn say(text: &str) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{text}")
}
