//! A fake Cloudflare Pages API for tests: stateful, scripted, with its own clock.
//!
//! It has one project in one account. [`Api`] contains all of the logic as a plain
//! value that maps a request and a time to a response, without a socket, a thread or
//! a real clock. [`Fake`] serves an `Api` on a loopback socket. When the `Api` is
//! dropped, the test fails if anything that it scripted has not happened.
//!
//! ```ignore
//! let fake = Fake::start(
//!     Api::new()
//!         .clock(Clock::PerRequest(Duration::from_secs(5)))
//!         .deployment(Deployment::failed("4f1c2a9e"))
//!         .retries_to(Life::success())
//!         .fault(When::nth(Route::Get, 3), Reply::text(503, "upstream connect error")),
//! );
//! // … run the program with `INPUT_API_BASE_URL` set to `fake.url()` …
//! assert_eq!(fake.count(Route::Retry), 1);
//! assert_eq!(fake.made(), [full_id("9a8b7c6d")]);
//! ```
//!
//! Reading order: `request`, `api`, `setup`, `routes`, `deployment`, `wire`,
//! `life`, `timeline`, `fault`, `limit`; then `server`, `connection`, `body`, `tls`.

#![allow(
    clippy::allow_attributes,
    dead_code,
    unused_imports,
    reason = "no user needs all of it"
)]

mod api;
mod body;
mod connection;
mod deployment;
mod fault;
mod life;
mod limit;
mod request;
mod routes;
mod server;
mod setup;
mod timeline;
mod tls;
mod wire;

pub use api::{ACCOUNT, Api, Clock, EMAIL, KEY, PROJECT, START, TOKEN};
pub use deployment::{Deployment, full_id};
pub use fault::{Fault, When};
pub use life::{Life, Step};
pub use request::{Answer, Record, Reply, Request, Route};
pub use server::{Fake, Listen};
pub use tls::Authority;
pub use wire::{PLAIN_VALUE, SECRET_VALUE};
