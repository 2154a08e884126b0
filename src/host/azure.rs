//! Azure Pipelines: logging commands, which its agent reads anywhere in a
//! line.

use std::path::Path;

use super::delivery::{Delivery, Export};
use super::outputs::Outputs;
use super::{Group, Host, Severity};
use crate::env::Env;

pub(super) struct Azure;

impl Host for Azure {
    fn name(&self) -> &'static str {
        "azure"
    }

    fn renders_color(&self) -> bool {
        true
    }

    fn mask(&self, secret: &str) -> Option<String> {
        Some(format!("##vso[task.setsecret]{}", escaped(secret)))
    }

    fn open_group(&self, group: Group, _now: u64) -> Option<String> {
        Some(format!("##[group]{}", group.title))
    }

    fn close_group(&self, _group: Group, _now: u64) -> Option<String> {
        Some("##[endgroup]".to_owned())
    }

    fn annotates(&self) -> bool {
        true
    }

    fn annotate(&self, level: Severity, title: &str, message: &str) -> Option<String> {
        let kind = match level {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let text = escaped(&super::titled(title, message));
        Some(format!("##vso[task.logissue type={kind};]{text}"))
    }

    fn debug(&self, message: &str) -> Option<String> {
        Some(format!("##vso[task.debug]{}", escaped(message)))
    }

    fn wants_debug(&self, vars: &Env) -> bool {
        let wish = vars.get("SYSTEM_DEBUG").unwrap_or_default();
        wish.eq_ignore_ascii_case("true")
    }

    /// A file in the agent's own folder, which lives as long as the job.
    fn summarize(&self, vars: &Env, markdown: String, _level: Option<Severity>) -> Vec<Delivery> {
        let Some(folder) = vars.get("AGENT_TEMPDIRECTORY") else {
            return Vec::new();
        };
        let path = Path::new(folder).join("pages-retry.md");
        let upload = format!(
            "##vso[task.uploadsummary]{}",
            escaped(&path.to_string_lossy())
        );
        let file = Delivery::Replace {
            path,
            text: markdown,
        };
        vec![file, Delivery::Print(vec![upload])]
    }

    fn export(&self, _vars: &Env, outputs: &Outputs, _token: &str) -> Export {
        let carried = outputs.carry(usize::MAX, |name, value| {
            let value = escaped(value);
            Ok(format!(
                "##vso[task.setvariable variable={name};isOutput=true]{value}"
            ))
        });
        carried.print()
    }
}

fn escaped(text: &str) -> String {
    text.replace('%', "%AZP25")
        .replace(';', "%3B")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
        .replace(']', "%5D")
}
