//! `act`, and the runners of Gitea and Forgejo, which are based on it. They support
//! GitHub's commands, matched by regular expressions at the start of a line.

use super::github::unescape;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `^::([^ ]+)( (.+))?::([^\r\n]*)$`: the name extends to the last
    /// `::`, so `::error::a::b` is a command `error::a`; also `^##\[…\]`.
    Act,
    /// `^::([^ :]+)( .*)?::(.*)$`.
    Gitea,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    pub name: String,
    pub properties: Vec<(String, String)>,
    pub data: String,
}

/// Returns the commands in a log. The runners only show unknown commands, but this
/// parser reports them too.
pub fn read(log: &str, dialect: Dialect) -> Vec<Act> {
    let mut acts: Vec<Act> = Vec::new();
    let mut stopped_by: Option<String> = None;
    for line in log.split(['\n', '\r']) {
        let Some(act) = parse(line, dialect) else {
            continue;
        };
        match &stopped_by {
            Some(token) if *token != act.name => continue,
            Some(_) => stopped_by = None,
            None if act.name == "stop-commands" => stopped_by = Some(act.data.clone()),
            None => {}
        }
        acts.push(act);
    }
    acts
}

fn parse(line: &str, dialect: Dialect) -> Option<Act> {
    let parts = match dialect {
        Dialect::Act => line
            .strip_prefix("::")
            .and_then(|text| greedy(text, "::"))
            .or_else(|| line.strip_prefix("##[").and_then(|text| greedy(text, "]"))),
        Dialect::Gitea => line.strip_prefix("::").and_then(gitea),
    };
    let (name, properties, data) = parts?;
    let escapes = [("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ",")];
    let properties = properties
        .split(',')
        .filter_map(|pair| pair.split_once('='))
        // A value that contains a `=` is dropped.
        .filter(|(_, value)| !value.contains('='))
        .map(|(key, value)| {
            let value = unescape(&unescape(value, &escapes), &[("%25", "%")]);
            (key.trim().to_owned(), value)
        })
        .collect();
    Some(Act {
        name: name.to_owned(),
        properties,
        data: unescape(data, &[("%0D", "\r"), ("%0A", "\n"), ("%25", "%")]),
    })
}

/// Matches `([^ ]+)( (.+))?END(.*)`, greedily.
fn greedy<'a>(text: &'a str, end: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let word = text.find(' ').unwrap_or(text.len());
    let with_properties = text
        .rfind(end)
        .filter(|at| word + 1 < *at && 0 < word)
        .map(|at| (&text[..word], &text[word + 1..at], &text[at + end.len()..]));
    with_properties.or_else(|| {
        let at = text[..word].rfind(end).filter(|at| 0 < *at)?;
        Some((&text[..at], "", &text[at + end.len()..]))
    })
}

fn gitea(text: &str) -> Option<(&str, &str, &str)> {
    let word = text.find([' ', ':']).filter(|at| 0 < *at)?;
    let (name, after) = text.split_at(word);
    if let Some(data) = after.strip_prefix("::") {
        return Some((name, "", data));
    }
    let at = after.strip_prefix(' ')?.rfind("::")? + 1;
    Some((name, &after[1..at], &after[at + 2..]))
}

/// Reads an output file. `act` does so as GitHub does, but a blank line between
/// records is an error that discards all outputs.
pub fn output_file(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut records = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let equals = line.find('=').unwrap_or(usize::MAX);
        let heredoc = line.find("<<").unwrap_or(usize::MAX);
        if equals < heredoc {
            records.push((line[..equals].to_owned(), line[equals + 1..].to_owned()));
        } else if heredoc < usize::MAX {
            let delimiter = &line[heredoc + 2..];
            let mut value = String::new();
            loop {
                let Some(part) = lines.next() else {
                    return Err(format!("no delimiter '{delimiter}'"));
                };
                if part == delimiter {
                    break;
                }
                // Blank lines at the start of a value are lost.
                if !value.is_empty() {
                    value.push('\n');
                }
                value.push_str(part);
            }
            records.push((line[..heredoc].to_owned(), value));
        } else {
            return Err(format!("invalid format '{line}'"));
        }
    }
    Ok(records)
}
