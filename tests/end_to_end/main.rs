//! The built binary against the fake Pages API: exact log, outputs, exit code.

#[path = "../fake/mod.rs"]
mod fake;
#[cfg(test)]
#[expect(dead_code, reason = "other tests use the rest")]
#[path = "../parsers/mod.rs"]
mod parsers;

#[cfg(test)]
mod attempts;
#[cfg(test)]
mod endings;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod hosts;
#[cfg(test)]
mod inputs;
#[cfg(test)]
mod json;
#[cfg(test)]
mod runner;
#[cfg(test)]
mod signals;
#[cfg(test)]
mod snapshot;
#[cfg(test)]
mod step;
#[cfg(test)]
mod targets;
#[cfg(test)]
mod terminal;
#[cfg(test)]
mod transport;
