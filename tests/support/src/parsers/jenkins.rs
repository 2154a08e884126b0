//! Jenkins: a file that a pipeline reads with `readProperties`, according to the rules
//! of `java.util.Properties`.

pub fn properties(text: &str) -> Vec<(String, String)> {
    logical_lines(text)
        .iter()
        .map(|line| {
            let end = key_length(line);
            let (key, after) = line.split_at(end);
            let value = after.trim_start_matches(BLANK);
            let value = value.strip_prefix(['=', ':']).unwrap_or(value);
            (unescape(key), unescape(value.trim_start_matches(BLANK)))
        })
        .collect()
}

const BLANK: [char; 3] = [' ', '\t', '\x0c'];

/// Joins lines that end with a `\`, and removes comments and blank lines.
fn logical_lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut is_open = false;
    for line in text.split(['\n', '\r']) {
        let line = line.trim_start_matches(BLANK);
        if !is_open && (line.is_empty() || line.starts_with(['#', '!'])) {
            continue;
        }
        let backslashes = line.len() - line.trim_end_matches('\\').len();
        let goes_on = backslashes % 2 == 1;
        let part = &line[..line.len() - usize::from(goes_on)];
        match lines.last_mut() {
            Some(last) if is_open => last.push_str(part),
            Some(_) | None => lines.push(part.to_owned()),
        }
        is_open = goes_on;
    }
    lines
}

fn key_length(line: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in line.char_indices() {
        if !is_escaped && matches!(c, '=' | ':' | ' ' | '\t' | '\x0c') {
            return at;
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    line.len()
}

fn unescape(text: &str) -> String {
    let mut meant = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            meant.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => meant.push('\n'),
            Some('r') => meant.push('\r'),
            Some('t') => meant.push('\t'),
            Some('f') => meant.push('\x0c'),
            Some('u') => {
                let digits: String = chars.by_ref().take(4).collect();
                let c = u32::from_str_radix(&digits, 16)
                    .ok()
                    .and_then(char::from_u32);
                meant.push(c.unwrap_or('\u{fffd}'));
            }
            Some(c) => meant.push(c),
            None => {}
        }
    }
    meant
}
