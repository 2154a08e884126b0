//! A fake Pages API on loopback for trying the program: prints the variables to export
//! and serves requests until it is stopped. With these variables set,
//! `pages-retry latest-failed` retries a deployment of the fake.
//!
//! `cargo run --example fake_api -- success` selects the result of a retry of the failed
//! deployment 4f1c2a9e: `success` (the default), `failure` (with a build log that tries
//! to inject commands into whatever shows it), or `endless`.

use std::env;
use std::io::{self, Write as _};
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};
use test_support::fake::{ACCOUNT, Api, Clock, Deployment, Fake, Life, PROJECT, TOKEN};

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
    let variables = [
        ("CLOUDFLARE_API_BASE_URL", fake.url()),
        ("CLOUDFLARE_ACCOUNT_ID", ACCOUNT.to_owned()),
        ("CLOUDFLARE_PAGES_PROJECT", PROJECT.to_owned()),
        ("CLOUDFLARE_API_TOKEN", TOKEN.to_owned()),
    ];
    let lines = variables.map(|(name, value)| format!("export {name}={value}\n"));
    // In one piece, for who waits for a file that is not empty.
    io::stdout().write_all(lines.concat().as_bytes())?;
    loop {
        thread::park();
    }
}
