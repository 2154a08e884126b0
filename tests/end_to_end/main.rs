//! Runs the built binary against the fake Pages API and compares the exact log, the
//! outputs and the exit code.

#![expect(
    clippy::disallowed_methods,
    reason = "tests wait, write files and start programs"
)]

#[cfg(test)]
mod attempts;
#[cfg(test)]
mod broken;
#[cfg(test)]
mod check;
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
mod messages;
#[cfg(test)]
mod recipes;
#[cfg(test)]
mod responses;
#[cfg(test)]
mod runner;
#[cfg(test)]
mod signals;
#[cfg(test)]
mod snapshot;
#[cfg(test)]
mod stalled;
#[cfg(test)]
mod step;
#[cfg(test)]
mod targets;
#[cfg(test)]
mod terminal;
#[cfg(test)]
mod transport;
