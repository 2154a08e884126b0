//! Drone and Harness: settings of a plugin as inputs, and on Harness a file of
//! outputs.

use super::Host;
use super::delivery::Export;
use super::outputs::Outputs;
use crate::env::Env;

pub(super) struct Drone;

impl Host for Drone {
    fn name(&self) -> &'static str {
        "drone"
    }

    fn renders_color(&self) -> bool {
        true
    }

    fn wants_debug(&self, vars: &Env) -> bool {
        vars.get("DRONE_BUILD_DEBUG") == Some("true")
    }

    fn input_prefixes(&self) -> &'static [&'static str] {
        &["INPUT_", "PLUGIN_"]
    }

    fn export(&self, vars: &Env, outputs: &Outputs, _token: &str) -> Export {
        outputs.append_to(vars.get("DRONE_OUTPUT"))
    }
}
