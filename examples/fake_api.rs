//! A fake Pages API on loopback for trying the program: prints its URL and serves
//! requests until it is stopped.
//!
//! `cargo run --example fake_api -- success` selects the result of a retry of the failed
//! deployment 4f1c2a9e: `success` (the default), `failure` (with a build log that tries
//! to inject commands into whatever shows it), or `endless`.

use std::env;
use std::io::{self, Write as _};
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};
use test_support::fake::{Api, Clock, Deployment, Fake, Life};

/// The factor by which the fake accelerates time: a deployment takes a few seconds.
const SPEED: f64 = 20.0;

fn main() -> Result<()> {
    let life = match env::args().nth(1).as_deref() {
        None | Some("success") => Life::success(),
        Some("failure") => {
            let lines = test_support::parsers::hostile::TABLE.iter();
            let log = lines.map(|it| (Duration::from_secs(20), it.text));
            Life::fails_in("build").log(log)
        }
        Some("endless") => Life::never_ends_in("build"),
        Some(_) => bail!("choose the result of a retry: success, failure, or endless"),
    };
    let fake = Fake::start(
        Api::new()
            .clock(Clock::Real { speed: SPEED })
            .deployment(Deployment::failed("4f1c2a9e"))
            .retries_to(life.with_a_tidy_queue()),
    );
    writeln!(io::stdout(), "{}", fake.url())?;
    loop {
        thread::park();
    }
}
