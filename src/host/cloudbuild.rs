//! Google Cloud Build: one file per step, which the build's result shows.

use std::path::Path;

use super::Host;
use super::delivery::HandOver;
use super::outputs::{Outputs, variable};
use crate::config::vars::Vars;

/// What is behind it is cut off.
const MOST_BYTES: usize = 4096;

pub(crate) struct CloudBuild;

impl Host for CloudBuild {
    fn name(&self) -> &'static str {
        "cloudbuild"
    }

    fn hand_over(&self, vars: &Vars, outputs: &Outputs, _token: &str) -> HandOver {
        let Some(folder) = vars.get("BUILDER_OUTPUT") else {
            return HandOver::default();
        };
        let carried = outputs.carry(MOST_BYTES, |name, value| Ok(variable(name, value)));
        carried.replace(Path::new(folder).join("output"))
    }
}
