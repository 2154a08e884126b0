//! The built binary against the fake Pages API: exact log, outputs, exit code.

#[path = "../fake/mod.rs"]
mod fake;

#[cfg(test)]
mod attempts;
#[cfg(test)]
mod endings;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod inputs;
#[cfg(test)]
mod signals;
#[cfg(test)]
mod step;
#[cfg(test)]
mod targets;
#[cfg(test)]
mod transport;
