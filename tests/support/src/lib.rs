//! What several tests, benchmarks and examples share: a fake Pages API, the CI
//! hosts' own parsers written anew, and simulated projects.

#![expect(
    clippy::disallowed_methods,
    reason = "tests wait, write files and start programs"
)]

pub mod fake;
pub mod parsers;
pub mod projects;
