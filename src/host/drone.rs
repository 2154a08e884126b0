//! Drone and Harness: settings of a plugin as inputs, and on Harness a file of
//! outputs.

use super::Host;
use super::delivery::HandOver;
use super::outputs::Outputs;
use crate::config::vars::Vars;

pub(crate) struct Drone;

impl Host for Drone {
    fn name(&self) -> &'static str {
        "drone"
    }

    fn renders_color(&self) -> bool {
        true
    }

    fn wants_debug(&self, vars: &Vars) -> bool {
        vars.get("DRONE_BUILD_DEBUG") == Some("true")
    }

    fn input_prefixes(&self) -> &'static [&'static str] {
        &["INPUT_", "PLUGIN_"]
    }

    fn hand_over(&self, vars: &Vars, outputs: &Outputs, _token: &str) -> HandOver {
        outputs.append_to(vars.get("DRONE_OUTPUT"))
    }
}
