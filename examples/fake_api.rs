//! A Pages API on loopback, to try the program against: prints its address and
//! serves until it is stopped.
//!
//! `cargo run --example fake_api -- success` says how a retry of the failed
//! deployment 4f1c2a9e goes: `success`, as without a word, `failure` (with a
//! build log that tries to take over whatever shows it), or `endless`.

use std::env;
use std::io::{self, Write as _};
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};
use test_support::fake::{Api, Clock, Deployment, Fake, Life};

/// A deployment of a minute and a quarter is over in some seconds.
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
        Some(_) => bail!("say how a retry goes: success, failure, or endless"),
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
