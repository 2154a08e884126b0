//! `TeamCity`: service messages anywhere in a line.

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub name: String,
    /// The attributes; a single value without a key has an empty key.
    pub attributes: Vec<(String, String)>,
}

impl Message {
    pub fn get(&self, wanted: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(key, _)| key == wanted)
            .map(|(_, value)| value.as_str())
    }
}

/// Returns the messages of a log. Messages between `disableServiceMessages` and
/// `enableServiceMessages` are ignored; these two are included.
pub fn read(log: &str) -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    let mut is_enabled = true;
    for line in log.split(['\n', '\r']) {
        let mut rest = line;
        while let Some(at) = rest.to_ascii_lowercase().find("##teamcity[") {
            rest = &rest[at + "##teamcity[".len()..];
            let Some(message) = message(rest) else {
                continue;
            };
            if message.name == "enableServiceMessages" {
                is_enabled = true;
            } else if !is_enabled {
                continue;
            } else if message.name == "disableServiceMessages" {
                is_enabled = false;
            }
            messages.push(message);
        }
    }
    messages
}

fn message(text: &str) -> Option<Message> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let length = text.find(|c| !is_name(c)).filter(|length| 0 < *length)?;
    let (name, mut rest) = text.split_at(length);
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start();
        if rest.starts_with(']') {
            return Some(Message {
                name: name.to_owned(),
                attributes,
            });
        }
        let (key, quoted) = rest.split_once('\'')?;
        let key = key.trim().trim_end_matches('=').trim();
        let (value, after) = value(quoted)?;
        attributes.push((key.to_owned(), value));
        rest = after;
    }
}

fn value(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\'' => return Some((value, &text[at + 1..])),
            '[' | ']' => return None,
            '|' => match chars.next()?.1 {
                'n' => value.push('\n'),
                'r' => value.push('\r'),
                'x' => value.push('\u{85}'),
                'l' => value.push('\u{2028}'),
                'p' => value.push('\u{2029}'),
                '0' => {
                    let digits = text.get(at + 3..at + 7)?;
                    value.push(char::from_u32(u32::from_str_radix(digits, 16).ok()?)?);
                    chars.nth(4)?;
                }
                c @ ('\'' | '|' | '[' | ']') => value.push(c),
                _ => return None,
            },
            c => value.push(c),
        }
    }
    None
}
