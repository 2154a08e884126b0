//! Buildkite: log groups, marked at the start of a line, and its own escape sequences.

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    Collapsed(String),
    Open(String),
    Dim(String),
    OpenPrevious,
    /// An escape sequence for an image, a link or a timestamp.
    Special(String),
}

pub fn read(log: &str) -> Vec<Act> {
    let mut acts = Vec::new();
    for line in log.split(['\n', '\r']) {
        for start in [
            "\x1b]1337;",
            "\x1b]1338;",
            "\x1b]1339;",
            "\x1b]8;",
            "\x1b_bk;",
        ] {
            if let Some((_, after)) = line.split_once(start) {
                acts.push(Act::Special(after.to_owned()));
            }
        }
        acts.extend(group(&without_colors(line)));
    }
    acts
}

fn group(line: &str) -> Option<Act> {
    if let Some(after) = line.strip_prefix("^^^") {
        let is_open = after.starts_with(char::is_whitespace) && after.trim() == "+++";
        return is_open.then_some(Act::OpenPrevious);
    }
    let (start, title) = line.split_at_checked(3)?;
    if !title.is_empty() && !title.starts_with(char::is_whitespace) {
        return None;
    }
    let title = title.trim().to_owned();
    match start {
        "---" => Some(Act::Collapsed(title)),
        "+++" => Some(Act::Open(title)),
        "~~~" => Some(Act::Dim(title)),
        _ => None,
    }
}

/// Removes `ESC [ … m` and `ESC [ … K`, as the agent does before it looks for groups.
fn without_colors(line: &str) -> String {
    let mut shown = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        let length = after
            .find(|c: char| !(c.is_ascii_digit() || c == ';'))
            .unwrap_or(after.len());
        shown.push_str(before);
        rest = if let Some(after) = after[length..].strip_prefix(['m', 'K']) {
            after
        } else {
            shown.push_str("\x1b[");
            after
        };
    }
    shown + rest
}
