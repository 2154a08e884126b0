//! `TeamCity`: service messages, which it reads anywhere in a line.

use std::fmt::Write as _;

use super::delivery::Export;
use super::outputs::Outputs;
use super::{Group, Host, Severity};
use crate::env::Env;

pub(super) struct TeamCity;

/// Characters of a problem's description; `TeamCity` cuts what is longer.
const MAX_DESCRIPTION: usize = 4000;

/// Characters of a problem's identity.
const MAX_IDENTITY: usize = 60;

impl Host for TeamCity {
    fn name(&self) -> &'static str {
        "teamcity"
    }

    fn renders_color(&self) -> bool {
        true
    }

    fn open_group(&self, group: Group, _now: u64) -> Option<String> {
        let title = escaped(group.title);
        Some(format!("##teamcity[blockOpened name='{title}']"))
    }

    fn close_group(&self, group: Group, _now: u64) -> Option<String> {
        let title = escaped(group.title);
        Some(format!("##teamcity[blockClosed name='{title}']"))
    }

    fn annotates(&self) -> bool {
        true
    }

    /// A problem fails the build; a warning does not.
    fn annotate(&self, level: Severity, title: &str, message: &str) -> Option<String> {
        let text: String = super::titled(title, message)
            .chars()
            .take(MAX_DESCRIPTION)
            .collect();
        let text = escaped(&text);
        Some(match level {
            Severity::Error => {
                let identity = identity(title);
                format!("##teamcity[buildProblem description='{text}' identity='{identity}']")
            }
            Severity::Warning => {
                format!("##teamcity[message text='{text}' status='WARNING']")
            }
        })
    }

    fn suspend_commands(&self, _token: &str) -> Option<(String, String)> {
        let message = |name| format!("##teamcity[{name}]");
        Some((
            message("disableServiceMessages"),
            message("enableServiceMessages"),
        ))
    }

    /// The parameter must be declared, or later steps do not see it.
    fn export(&self, _vars: &Env, outputs: &Outputs, _token: &str) -> Export {
        let carried = outputs.carry(usize::MAX, |name, value| {
            if value.contains('%') {
                return Err("TeamCity would resolve the `%` in it");
            }
            let value = escaped(value);
            Ok(format!(
                "##teamcity[setParameter name='env.{name}' value='{value}']"
            ))
        });
        carried.print()
    }
}

/// The same for the same problem of another build, so that it can be muted or
/// investigated: a Java identifier from the words of the title that hold no
/// digit, and so no id and no time.
fn identity(title: &str) -> String {
    let words = title.split(|it: char| !it.is_ascii_alphanumeric());
    let words = words.filter(|it| !it.is_empty() && it.bytes().all(|it| it.is_ascii_alphabetic()));
    let words: Vec<_> = ["pages", "retry"].into_iter().chain(words).collect();
    let mut identity = words.join("_");
    identity.truncate(MAX_IDENTITY);
    identity
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => escaped.push_str("|n"),
            '\r' => escaped.push_str("|r"),
            '\'' | '|' | '[' | ']' => escaped.extend(['|', c]),
            ' '..='~' => escaped.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(escaped, "|0x{unit:04x}");
                }
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_value_or_a_line_is_escaped() {
        assert_eq!(escaped("a|b'c[d]\n\ré"), "a||b|'c|[d|]|n|r|0x00e9");
    }

    #[test]
    fn an_error_is_a_build_problem_and_a_warning_is_none() {
        let title = "Deployment 9a8b7c6d failed in stage build";
        assert_eq!(
            TeamCity
                .annotate(Severity::Error, title, "it's broken")
                .unwrap(),
            "##teamcity[buildProblem description='Deployment 9a8b7c6d failed in stage build|nit|'s broken' identity='pages_retry_Deployment_failed_in_stage_build']"
        );
        assert_eq!(
            TeamCity.annotate(Severity::Warning, title, title).unwrap(),
            "##teamcity[message text='Deployment 9a8b7c6d failed in stage build' status='WARNING']"
        );
        assert_eq!(identity(&"word ".repeat(99)).len(), 60);
        let long = TeamCity.annotate(Severity::Error, "a", &"é".repeat(9000));
        assert_eq!(long.unwrap().matches("|0x00e9").count(), 3998);
    }
}
