//! Google Cloud Build: one file per step, which the build's result shows.

use std::path::Path;

use super::Host;
use super::delivery::Export;
use super::outputs::{Outputs, variable};
use crate::env::Env;

/// What is behind it is cut off.
const MOST_BYTES: usize = 4096;

pub(super) struct CloudBuild;

impl Host for CloudBuild {
    fn name(&self) -> &'static str {
        "cloudbuild"
    }

    fn export(&self, vars: &Env, outputs: &Outputs, _token: &str) -> Export {
        let Some(folder) = vars.get("BUILDER_OUTPUT") else {
            return Export::default();
        };
        let carried = outputs.carry(MOST_BYTES, |name, value| Ok(variable(name, value)));
        carried.replace(Path::new(folder).join("output"))
    }
}
