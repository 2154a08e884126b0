//! Bitbucket Pipelines: a file of variables, for the steps after one that
//! lists them under `output-variables`.

use super::Host;
use super::delivery::Export;
use super::outputs::Outputs;
use crate::env::Env;

pub(super) struct Bitbucket;

impl Host for Bitbucket {
    fn name(&self) -> &'static str {
        "bitbucket"
    }

    fn renders_color(&self) -> bool {
        true
    }

    fn export(&self, vars: &Env, outputs: &Outputs, _token: &str) -> Export {
        outputs.append_to(vars.get("BITBUCKET_PIPELINES_VARIABLES_PATH"))
    }
}
