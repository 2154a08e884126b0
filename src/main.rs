//! Retries a Cloudflare Pages deployment exactly once and watches it to its end.
#![expect(dead_code, reason = "the parts are joined later")]

mod cloudflare;
mod report;
mod retry;

fn main() {}
