//! Retries a Cloudflare Pages deployment exactly once, shows its stages, writes
//! the outputs, and fails when the deployment fails.
//!
//! This library is not published. It exists so that the program, the tests and
//! the simulations share one compilation. ARCHITECTURE.md describes the layers
//! and what each of them may import; `tests/layers.rs` enforces it.

#![expect(
    async_fn_in_trait,
    reason = "one thread drives every future, so none has to be `Send`"
)]

pub mod app;
pub mod check;
pub mod cloudflare;
pub mod config;
mod deliver;
pub mod env;
mod help;
pub mod host;
pub mod io;
pub mod report;
pub mod retry;
pub mod run;
pub mod text;
