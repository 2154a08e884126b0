//! Azure Pipelines: logging commands anywhere in a line, and formatting commands.

use super::github::{lines, split_properties, unescape, weighty};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// `##vso[name key=value;…]data`.
    Command {
        name: String,
        properties: Vec<(String, String)>,
        data: String,
    },
    /// `##[group]title`.
    Format { name: String, text: String },
}

const ESCAPES: [(&str, &str); 5] = [
    ("%3B", ";"),
    ("%0D", "\r"),
    ("%0A", "\n"),
    ("%5D", "]"),
    ("%AZP25", "%"),
];

pub fn read(log: &str) -> Vec<Act> {
    lines(log)
        .iter()
        .filter_map(|line| {
            let line = weighty(line);
            command(&line).or_else(|| format(&line))
        })
        .collect()
}

fn command(line: &str) -> Option<Act> {
    let lower = line.to_ascii_lowercase();
    let at = lower.find("##vso[")? + "##vso[".len();
    let (head, data) = line[at..].split_once(']')?;
    let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
    name.contains('.').then(|| Act::Command {
        name: name.to_ascii_lowercase(),
        properties: split_properties(properties, ';', &ESCAPES),
        data: unescape(data, &ESCAPES),
    })
}

/// The web view styles these lines; whether it also does so in the middle of a line
/// is not documented.
fn format(line: &str) -> Option<Act> {
    const NAMES: [&str; 7] = [
        "group", "endgroup", "section", "command", "debug", "warning", "error",
    ];
    let (_, after) = line.split_once("##[")?;
    let (name, text) = after.split_once(']')?;
    NAMES
        .contains(&name.to_ascii_lowercase().as_str())
        .then(|| Act::Format {
            name: name.to_ascii_lowercase(),
            text: text.to_owned(),
        })
}

/// Returns the output variables that a log sets with `isOutput=true`.
pub fn output_variables(log: &str) -> Vec<(String, String)> {
    read(log)
        .into_iter()
        .filter_map(|act| match act {
            Act::Command {
                name,
                properties,
                data,
            } if name == "task.setvariable" => {
                let get = |wanted: &str| {
                    properties
                        .iter()
                        .find(|(key, _)| key.eq_ignore_ascii_case(wanted))
                        .map(|(_, value)| value.clone())
                };
                get("isOutput")
                    .filter(|is_output| is_output.eq_ignore_ascii_case("true"))
                    .and(get("variable"))
                    .map(|variable| (variable, data))
            }
            Act::Command { .. } | Act::Format { .. } => None,
        })
        .collect()
}
