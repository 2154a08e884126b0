//! Bitbucket Pipelines: a file of variables, for the steps after one that
//! lists them under `output-variables`.

use super::Host;
use super::delivery::HandOver;
use super::outputs::Outputs;
use crate::config::vars::Vars;

pub(crate) struct Bitbucket;

impl Host for Bitbucket {
    fn name(&self) -> &'static str {
        "bitbucket"
    }

    fn renders_color(&self) -> bool {
        true
    }

    fn hand_over(&self, vars: &Vars, outputs: &Outputs, _token: &str) -> HandOver {
        outputs.append_to(vars.get("BITBUCKET_PIPELINES_VARIABLES_PATH"))
    }
}
