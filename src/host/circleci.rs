//! `CircleCI`: a file that bash reads at the start of each later step of the
//! job.

use super::Host;
use super::delivery::Export;
use super::outputs::Outputs;
use crate::env::Env;

pub(super) struct CircleCi;

impl Host for CircleCi {
    fn name(&self) -> &'static str {
        "circleci"
    }

    fn renders_color(&self) -> bool {
        true
    }

    /// In single quotes, within which the shell reads nothing but their end.
    fn export(&self, vars: &Env, outputs: &Outputs, _token: &str) -> Export {
        let Some(path) = vars.get("BASH_ENV") else {
            return Export::default();
        };
        let carried = outputs.carry(usize::MAX, |name, value| {
            let value = value.replace('\'', r"'\''");
            Ok(format!("export {name}='{value}'"))
        });
        carried.append_to(path)
    }
}
