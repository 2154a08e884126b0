//! Buildkite: headings that fold the log, and its agent, which takes meta-data
//! and annotations. In a container the agent is there only if it was mounted.

use super::delivery::{Delivery, Export, find};
use super::outputs::Outputs;
use super::{Group, Host, Severity};
use crate::env::Env;

const AGENT: &str = "buildkite-agent";

/// What the agent needs to find itself and its server; the names of its own
/// variables begin with `BUILDKITE`.
const AGENT_NEEDS: [&str; 8] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

pub(super) struct Buildkite;

impl Host for Buildkite {
    fn name(&self) -> &'static str {
        "buildkite"
    }

    fn renders_color(&self) -> bool {
        true
    }

    fn open_group(&self, group: Group, _now: u64) -> Option<String> {
        Some(format!("--- {}", group.title))
    }

    /// A group goes on to the next heading; this one stays open.
    fn close_group(&self, _group: Group, _now: u64) -> Option<String> {
        Some("+++ Deployment".to_owned())
    }

    fn wants_debug(&self, vars: &Env) -> bool {
        vars.get("BUILDKITE_AGENT_DEBUG") == Some("true")
    }

    fn summarize(&self, vars: &Env, markdown: String, level: Option<Severity>) -> Vec<Delivery> {
        let style = match level {
            None => "success",
            Some(Severity::Warning) => "warning",
            Some(Severity::Error) => "error",
        };
        let arguments = ["annotate", "--style", style, "--context", "pages-retry"];
        agent(vars, &arguments, markdown).into_iter().collect()
    }

    fn export(&self, vars: &Env, outputs: &Outputs, _token: &str) -> Export {
        let mut deliveries = Vec::new();
        let carried = outputs.carry(usize::MAX, |name, value| Ok(format!("{name}\n{value}")));
        for piece in &carried.pieces {
            let (name, value) = piece.split_once('\n').unwrap_or_default();
            let set = ["meta-data", "set", name];
            deliveries.extend(agent(vars, &set, value.to_owned()));
        }
        let mut warnings = carried.warnings;
        if deliveries.is_empty() {
            let warning = format!(
                "`{AGENT}` is not in PATH, so later steps get no outputs and there is no annotation; mount it, or use `output_file`"
            );
            warnings.push(warning);
        }
        Export {
            deliveries,
            warnings,
        }
    }
}

/// The agent with `arguments`, which reads `input`.
fn agent(vars: &Env, arguments: &[&str], input: String) -> Option<Delivery> {
    let program = find(AGENT, vars.get("PATH"))?;
    let is_needed = |name: &str| name.starts_with("BUILDKITE") || AGENT_NEEDS.contains(&name);
    let vars = vars.iter().filter(|(name, _)| is_needed(name));
    Some(Delivery::Run {
        program,
        arguments: arguments.iter().map(|it| (*it).to_owned()).collect(),
        input,
        vars: vars
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    })
}
