//! `TeamCity`: service messages, which it reads anywhere in a line.

use std::fmt::Write as _;

use super::delivery::Export;
use super::outputs::Outputs;
use super::{Group, Host, Severity};
use crate::env::Env;

pub(super) struct TeamCity;

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

    fn annotate(&self, level: Severity, title: &str, message: &str) -> Option<String> {
        let status = match level {
            Severity::Error => "ERROR",
            Severity::Warning => "WARNING",
        };
        let text = escaped(&super::titled(title, message));
        Some(format!(
            "##teamcity[message text='{text}' status='{status}']"
        ))
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
}
