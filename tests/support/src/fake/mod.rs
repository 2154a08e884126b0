//! A Cloudflare Pages API for tests: stateful, scripted, on a clock of its own.
//!
//! It knows one project of one account. [`Api`] is the whole of it as a plain
//! value, from a request and a time to an answer: no socket, no thread, no
//! clock. [`Fake`] puts an `Api` on a loopback socket. Whatever was scripted
//! and never asked for fails the test when the `Api` is dropped.
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
    reason = "each includer uses a part of it"
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
