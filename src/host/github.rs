//! GitHub Actions, and the grammar that its runner reads a log with; Gitea and
//! Forgejo Actions speak it too.

use super::delivery::{Delivery, Export};
use super::outputs::Outputs;
use super::{Group, Host, Severity};
use crate::env::Env;

/// GitHub, and the hosts that speak its language.
pub(super) struct GitHub {
    /// Its word in `log_format`.
    pub name: &'static str,
    /// Gitea and Forgejo have no annotations: their runner prints the command
    /// as a line of the log.
    pub annotates: bool,
}

impl Host for GitHub {
    fn name(&self) -> &'static str {
        self.name
    }

    fn renders_color(&self) -> bool {
        true
    }

    fn mask(&self, secret: &str) -> Option<String> {
        Some(format!("::add-mask::{}", data(secret)))
    }

    fn open_group(&self, group: Group, _now: u64) -> Option<String> {
        Some(format!("::group::{}", data(group.title)))
    }

    fn close_group(&self, _group: Group, _now: u64) -> Option<String> {
        Some("::endgroup::".to_owned())
    }

    fn annotates(&self) -> bool {
        self.annotates
    }

    fn annotate(&self, level: Severity, title: &str, message: &str) -> Option<String> {
        if !self.annotates {
            return None;
        }
        let command = match level {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        Some(format!(
            "::{command} title={}::{}",
            property(title),
            data(message)
        ))
    }

    fn debug(&self, message: &str) -> Option<String> {
        Some(format!("::debug::{}", data(message)))
    }

    fn suspend_commands(&self, token: &str) -> Option<(String, String)> {
        Some((format!("::stop-commands::{token}"), format!("::{token}::")))
    }

    fn wants_debug(&self, vars: &Env) -> bool {
        vars.get("RUNNER_DEBUG") == Some("1")
    }

    fn summarize(&self, vars: &Env, markdown: String, _level: Option<Severity>) -> Vec<Delivery> {
        let path = vars.get("GITHUB_STEP_SUMMARY");
        let delivery = path.map(|path| Delivery::Append {
            path: path.into(),
            text: markdown,
        });
        delivery.into_iter().collect()
    }

    fn export(&self, vars: &Env, outputs: &Outputs, token: &str) -> Export {
        let path = vars.get("GITHUB_OUTPUT");
        let delivery = path.map(|path| Delivery::Append {
            path: path.into(),
            text: outputs.github(token),
        });
        Export {
            deliveries: delivery.into_iter().collect(),
            warnings: Vec::new(),
        }
    }
}

/// Escapes what a message may hold.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// Escapes what a property may hold.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_cannot_end_its_command_or_start_another() {
        let github = GitHub {
            name: "github",
            annotates: true,
        };
        let annotation = github.annotate(Severity::Error, "a:b,c", "100%\n::set-output name=x::y");
        let expected = "::error title=a%3Ab%2Cc::100%25%0A::set-output name=x::y";
        assert_eq!(annotation.unwrap(), expected);
    }
}
