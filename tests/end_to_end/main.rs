//! The built binary against the fake Pages API: exact log, outputs, exit code.

#[path = "../fake/mod.rs"]
mod fake;

mod endings;
mod inputs;
mod signals;
mod step;
mod targets;
