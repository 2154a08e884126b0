//! The Cloudflare Pages API: the only code that speaks HTTP.

pub(crate) mod deployment;
