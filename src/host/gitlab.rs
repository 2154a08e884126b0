//! GitLab CI/CD: collapsible sections, and a dotenv report as outputs.

use std::path::Path;

use super::delivery::Export;
use super::outputs::{Outputs, variable};
use super::{Group, Host};
use crate::env::Env;

/// The file that a job names under `artifacts:reports:dotenv`.
const REPORT: &str = "pages-retry.env";

/// GitLab refuses a report of 5 KB or more, as a whole.
const MOST_BYTES: usize = 5 * 1024 - 1;

pub(super) struct GitLab;

impl Host for GitLab {
    fn name(&self) -> &'static str {
        "gitlab"
    }

    fn renders_color(&self) -> bool {
        true
    }

    fn open_group(&self, Group { title, key }: Group, now: u64) -> Option<String> {
        Some(format!(
            "\x1b[0Ksection_start:{now}:{key}[collapsed=true]\r\x1b[0K{title}"
        ))
    }

    fn close_group(&self, Group { key, .. }: Group, now: u64) -> Option<String> {
        Some(format!("\x1b[0Ksection_end:{now}:{key}\r\x1b[0K"))
    }

    fn wants_debug(&self, vars: &Env) -> bool {
        vars.get("CI_DEBUG_TRACE") == Some("true")
    }

    /// Paths of artifacts start at the project's folder. `$NAME` in a value
    /// would become the value of that variable.
    fn export(&self, vars: &Env, outputs: &Outputs, _token: &str) -> Export {
        let carried = outputs.carry(MOST_BYTES, |name, value| {
            if value.contains('$') {
                return Err("GitLab would expand the `$` in it");
            }
            if value.trim() != value {
                return Err("GitLab would cut the space around it");
            }
            Ok(variable(name, value))
        });
        let folder = vars.get("CI_PROJECT_DIR").unwrap_or_default();
        carried.replace(Path::new(folder).join(REPORT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::delivery::Delivery;

    #[test]
    fn a_report_stays_under_five_kilobytes() {
        let report = |length| {
            let outputs = Outputs(vec![("branch", "x".repeat(length))]);
            let handed = GitLab.export(&Env::default(), &outputs, "");
            let Some(Delivery::Replace { text, .. }) = handed.deliveries.into_iter().next() else {
                panic!("it is a file");
            };
            text.len()
        };
        let most = 5 * 1024 - 1;
        let name = "PAGES_RETRY_BRANCH=\n".len();
        assert_eq!(report(most - name), most);
        assert_eq!(report(most - name + 1), 0);
    }
}
