//! Runs the real program many times under random faults, and once for very long.
//!
//! `cargo run --release --example soak -- [RUNS] [POLLS]`, by default 2,000 runs
//! and 300 polls. A poll takes a second. Exits with 1 if an outcome was wrong, a
//! retry did not create exactly one deployment, an output could not be read, or
//! memory use or the number of open files grew.

#![expect(
    clippy::disallowed_methods,
    reason = "it measures, waits, writes files or starts programs"
)]

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use test_support::fake::{
    ACCOUNT, Api, Clock, Deployment, Fake, Fault, Life, PROJECT, Reply, Route, TOKEN, When,
};

/// The number of concurrent runs, which spend most of their time waiting.
const SIDE_BY_SIDE: usize = 48;

/// How much the memory of a long watch may grow after its first polls.
const MOST_GROWTH_KIB: u64 = 256;

fn main() -> Result<ExitCode> {
    let number = |n: usize, default| {
        let text = env::args().nth(n);
        text.map_or(Ok(default), |it| it.parse::<u64>().context("give numbers"))
    };
    let (runs, polls) = (number(1, 2_000)?, usize::try_from(number(2, 300)?)?);
    let program = program()?;
    let wrong = soak(&program, runs)?;
    let grew = watch(&program, polls)?;
    Ok(if wrong || grew {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// The program, from the folder into which cargo built this benchmark.
fn program() -> Result<PathBuf> {
    let here = env::current_exe()?;
    let folder = here.ancestors().nth(2).context("not in cargo's folder")?;
    let program = folder.join("pages-retry");
    ensure!(program.exists(), "build {} first", program.display());
    Ok(program)
}

fn step(program: &Path, fake: &Fake, outputs: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("INPUT_ACCOUNT_ID", ACCOUNT)
        .env("INPUT_PROJECT_NAME", PROJECT)
        .env("INPUT_DEPLOYMENT_ID", "4f1c2a9e")
        .env("INPUT_API_TOKEN", TOKEN)
        .env("INPUT_API_BASE_URL", fake.url())
        .env("INPUT_POLL_INTERVAL", "1s")
        .env("INPUT_OUTPUT_FILE", outputs)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A random number generator: the same seed gives the same numbers.
struct Drawn(u64);

impl Drawn {
    fn index(&mut self, end: u64) -> usize {
        usize::try_from(self.below(end)).unwrap_or(0)
    }

    fn below(&mut self, end: u64) -> u64 {
        // Xorshift.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) % end
    }
}

/// A project with random faults, and the expected status and exit code of its retry.
fn drawn(seed: u64) -> (Api, &'static str, i32) {
    let mut drawn = Drawn(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed + 1));
    let (life, status, code) = match drawn.below(5) {
        0 | 1 => (Life::success(), "success", 0),
        2 => (Life::fails_in("build"), "failure", 1),
        3 => (Life::canceled_in("clone_repo"), "canceled", 1),
        _ => (Life::skipped_by_rule("path_config"), "skipped", 1),
    };
    let mut api = Api::new()
        .clock(Clock::PerRequest(Duration::from_secs(15)))
        .deployment(Deployment::failed("4f1c2a9e"))
        .retries_to(life.with_a_tidy_queue());
    // The program gives up after three lost responses to the POST: lose at most two.
    let mut routes = vec![Route::Get, Route::List, Route::Logs, Route::Retry];
    if drawn.below(2) == 0 {
        // The response is lost, whether or not the deployment was created.
        let when = When::next(Route::Retry);
        let when = if drawn.below(2) == 0 {
            when.made()
        } else {
            when
        };
        api.add_fault(when, Fault::Reset);
    }
    for _ in 0..drawn.below(4) {
        let route = routes[drawn.index(routes.len() as u64)];
        routes.retain(|it| route != Route::Retry || *it != Route::Retry);
        let when = When::nth(route, 1 + drawn.index(4));
        let fault = match drawn.below(6) {
            0 => Reply::text(503, "upstream connect error").into(),
            1 => Reply::html(502, "<html>Bad gateway</html>").into(),
            2 => Reply::rate_limited().retry_after(1).into(),
            3 => Fault::Truncate,
            4 => Fault::Close,
            _ => Fault::Reset,
        };
        api.add_fault(when, fault);
    }
    (api, status, code)
}

/// Describes what was wrong with the run of `seed`, if anything.
fn one(program: &Path, seed: u64) -> Result<Option<String>> {
    let (api, status, code) = drawn(seed);
    let fake = Fake::start(api);
    let folder = tempfile::tempdir()?;
    let outputs = folder.path().join("outputs.json");
    let done = step(program, &fake, &outputs).output()?;
    fake.api().forget_faults();
    let read: Result<BTreeMap<String, serde_json::Value>> = fs::read_to_string(&outputs)
        .map_err(Into::into)
        .and_then(|it| Ok(serde_json::from_str(&it)?));
    let found = read.as_ref().ok().and_then(|it| it.get("status"));
    let is_right = done.status.code() == Some(code)
        && done.stderr.is_empty()
        && found.is_some_and(|it| it == status)
        && fake.api().made().len() == 1;
    Ok((!is_right).then(|| {
        let log = String::from_utf8_lossy(&done.stdout);
        let made = fake.api().made().len();
        format!(
            "seed {seed}: expected {status}, {made} deployments created, outputs {read:?}:\n{log}"
        )
    }))
}

fn soak(program: &Path, runs: u64) -> Result<bool> {
    let next = AtomicU64::new(0);
    let wrong = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if runs <= seed {
                        break;
                    }
                    let said = one(program, seed).unwrap_or_else(|it| Some(it.to_string()));
                    let mut wrong = wrong
                        .lock()
                        .expect("no thread panics while it holds the lock");
                    wrong.extend(said);
                }
            });
        }
    });
    let wrong = wrong
        .into_inner()
        .expect("no thread panics while it holds the lock");
    let mut out = io::stdout();
    for it in wrong.iter().take(3) {
        writeln!(out, "{it}")?;
    }
    writeln!(out, "{runs} runs under faults: {} wrong", wrong.len())?;
    Ok(!wrong.is_empty())
}

/// Resident memory in KiB and open files of a process.
fn size(process: u32) -> Option<(u64, usize)> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:"))?;
    let memory = line.trim().strip_suffix(" kB")?.parse().ok()?;
    let files = fs::read_dir(format!("/proc/{process}/fd")).ok()?.count();
    Some((memory, files))
}

fn watch(program: &Path, polls: usize) -> Result<bool> {
    let fake = Fake::start(
        Api::new()
            .clock(Clock::Real { speed: 1.0 })
            .deployment(Deployment::failed("4f1c2a9e"))
            .retries_to(Life::never_ends_in("build")),
    );
    let folder = tempfile::tempdir()?;
    let mut child = step(program, &fake, &folder.path().join("outputs.json"))
        .env("INPUT_TIMEOUT", "30days")
        .spawn()?;
    // The allocator still grows during the first polls; this does not count.
    let early = (polls / 10).clamp(20, 100);
    let mut sizes = Vec::new();
    for at in [early, polls] {
        while fake.count(Route::Get) < at {
            thread::park_timeout(Duration::from_millis(100));
        }
        sizes.push(size(child.id()).context("the watch has ended")?);
    }
    child.kill()?;
    child.wait()?;
    let [(before, files_before), (after, files_after)] = [sizes[0], sizes[1]];
    let grew = before + MOST_GROWTH_KIB < after || files_before < files_after;
    writeln!(
        io::stdout(),
        "{polls} polls: {before} KiB and {files_before} open files after {early}, {after} KiB and {files_after} at the end"
    )?;
    Ok(grew)
}
