//! Code shared by tests, benchmarks and examples: a fake Pages API, independent
//! parsers of the CI hosts' formats, simulated projects, and web sites.

#![expect(
    clippy::disallowed_methods,
    reason = "tests wait, write files and start programs"
)]

pub mod fake;
pub mod parsers;
pub mod projects;
pub mod site;
