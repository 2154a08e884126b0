//! Buildkite: headings that fold the log, and its agent, which takes meta-data
//! and annotations. In a container the agent is there only if it was mounted.

use super::delivery::{Delivery, HandOver, find};
use super::outputs::Outputs;
use super::{Group, Host, Level};
use crate::config::vars::Vars;

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

pub(crate) struct Buildkite;

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

    fn wants_debug(&self, vars: &Vars) -> bool {
        vars.get("BUILDKITE_AGENT_DEBUG") == Some("true")
    }

    fn summarize(&self, vars: &Vars, markdown: String, level: Option<Level>) -> Vec<Delivery> {
        let style = match level {
            None => "success",
            Some(Level::Warning) => "warning",
            Some(Level::Error) => "error",
        };
        let arguments = ["annotate", "--style", style, "--context", "pages-retry"];
        agent(vars, &arguments, markdown).into_iter().collect()
    }

    fn hand_over(&self, vars: &Vars, outputs: &Outputs, _token: &str) -> HandOver {
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
        HandOver {
            deliveries,
            warnings,
        }
    }
}

/// The agent with `arguments`, which reads `input`.
fn agent(vars: &Vars, arguments: &[&str], input: String) -> Option<Delivery> {
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
