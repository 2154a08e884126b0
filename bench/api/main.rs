//! The fake Pages API as a separate process, with TLS on loopback, for `bench/run`.
//!
//! `api CA_FILE BUILD_SECONDS` writes the certificate of its authority to the file,
//! prints its base URL and the id of a failed deployment, and serves requests until
//! stdin is closed. Then it prints statistics about the requests as one JSON object.

#![expect(
    clippy::disallowed_methods,
    reason = "it measures, waits, writes files or starts programs"
)]

use std::io::{self, Read as _, Write as _};
use std::time::{Duration, Instant, SystemTime};
use std::{env, fs};

use anyhow::{Context as _, Result, bail};
use serde_json::json;
use test_support::fake::{Api, Authority, Clock, Deployment, Fake, Life, Listen, Record, full_id};

/// The failed deployment to retry.
const TARGET: &str = "4f1c2a9e";

/// The stages other than the build, which take about as long in every project.
const STAGES: [(&str, u64); 4] = [
    ("queued", 2),
    ("initialize", 2),
    ("clone_repo", 1),
    ("deploy", 3),
];

fn main() -> Result<()> {
    let [ca, build] = &env::args().skip(1).collect::<Vec<_>>()[..] else {
        bail!("usage: api CA_FILE BUILD_SECONDS");
    };
    let build = build.parse().context("BUILD_SECONDS is not a number")?;
    let authority = Authority::create();
    fs::write(ca, authority.pem()).context("failed to write the authority")?;
    let started = Started::now();
    let fake = Fake::listen(api(build), Listen::default().tls(authority.server()));
    writeln!(io::stdout().lock(), "{} {}", fake.url(), full_id(TARGET))?;
    io::stdin().read_to_end(&mut Vec::new())?;
    let records = fake.records();
    let posted = received(records.iter().find(|it| it.request.method == "POST"));
    let ended = posted.map(|it| it + life(build).1);
    let lag = received(records.last())
        .zip(ended)
        .map(|(last, ended)| last.saturating_duration_since(ended).as_secs_f64());
    let seen = json!({
        "requests": records.len(),
        "handshakes": fake.handshakes(),
        "posts": fake.posts().len(),
        "lag": lag,
        "first": received(records.first()).map(|it| started.epoch(it)),
    });
    writeln!(io::stdout().lock(), "{seen}")?;
    Ok(())
}

fn api(build: u64) -> Api {
    let history = (1..=8).map(|hours| {
        Deployment::new(&format!("0000000{hours}"), life(build).0)
            .ago(Duration::from_secs(3600 * (hours + 1)))
    });
    let api = Api::new().clock(Clock::Real { speed: 1.0 });
    let api = history.fold(api, Api::deployment);
    api.deployment(Deployment::failed(TARGET))
        .retries_to(life(build).0)
}

/// The lifecycle of a deployment, and how long it takes.
fn life(build: u64) -> (Life, Duration) {
    let stages = STAGES.into_iter().chain([("build", build)]);
    let take = |(life, sum): (Life, Duration), (stage, seconds)| {
        let duration = Duration::from_secs(seconds);
        (life.takes(stage, duration), sum + duration)
    };
    let (life, sum) = stages.fold((Life::success(), Duration::ZERO), take);
    (life.with_a_tidy_queue(), sum)
}

fn received(record: Option<&Record>) -> Option<Instant> {
    record?.request.received.map(|(at, _)| at)
}

/// Converts times of the monotonic clock to the wall clock, which a shell can read.
struct Started {
    instant: Instant,
    epoch: Duration,
}

impl Started {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place of the bench that reads the clock"
    )]
    fn now() -> Self {
        let epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Self {
            instant: Instant::now(),
            epoch: epoch.expect("a clock after 1970"),
        }
    }

    /// Seconds since 1970.
    fn epoch(&self, at: Instant) -> f64 {
        (self.epoch + at.saturating_duration_since(self.instant)).as_secs_f64()
    }
}
