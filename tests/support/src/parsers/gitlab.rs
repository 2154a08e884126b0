//! GitLab: collapsible sections in the log, and the dotenv report.

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    pub is_start: bool,
    pub time: u64,
    pub name: String,
    /// The options in brackets, such as `collapsed=true`.
    pub options: Vec<String>,
}

/// Returns the section markers of a log:
/// `section_(start|end):(\d+):([a-zA-Z0-9_.-]+)(\[(\w+=\w+)(, ?\w+=\w+)*\])?\r\033\[0K`.
pub fn sections(log: &str) -> Vec<Section> {
    log.match_indices("section_")
        .filter_map(|(at, word)| section(&log[at + word.len()..]))
        .collect()
}

fn section(text: &str) -> Option<Section> {
    let (is_start, text) = match text.strip_prefix("start:") {
        Some(text) => (true, text),
        None => (false, text.strip_prefix("end:")?),
    };
    let (time, text) = text.split_once(':')?;
    let time = time.parse().ok()?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let length = text.find(|c| !is_name(c)).filter(|length| 0 < *length)?;
    let (name, mut text) = text.split_at(length);
    let mut options = Vec::new();
    if let Some(bracket) = text.strip_prefix('[') {
        let (inside, after) = bracket.split_once(']')?;
        let is_word =
            |w: &str| !w.is_empty() && w.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        for option in inside.split(',') {
            let option = option.strip_prefix(' ').unwrap_or(option);
            let (key, value) = option.split_once('=')?;
            if !is_word(key) || !is_word(value) {
                return None;
            }
            options.push(option.to_owned());
        }
        text = after;
    }
    text.starts_with("\r\x1b[0K").then(|| Section {
        is_start,
        time,
        name: name.to_owned(),
        options,
    })
}

/// Returns the names of the sections in order, or an error unless each is opened and
/// closed once and they are nested properly.
pub fn pairs(log: &str) -> Result<Vec<String>, String> {
    let mut open: Vec<String> = Vec::new();
    let mut all: Vec<String> = Vec::new();
    for section in sections(log) {
        if section.is_start {
            if all.contains(&section.name) {
                return Err(format!("section {} occurs twice", section.name));
            }
            all.push(section.name.clone());
            open.push(section.name);
        } else if open.pop().as_ref() != Some(&section.name) {
            return Err(format!("section {} ends but is not open", section.name));
        }
    }
    match open.pop() {
        None => Ok(all),
        Some(name) => Err(format!("section {name} is not closed")),
    }
}

/// Reads a dotenv report. As in GitLab, one invalid line invalidates the whole report.
/// A value in which GitLab would later expand a variable is an error too, since it
/// would not arrive unchanged.
pub fn dotenv(text: &str) -> Result<Vec<(String, String)>, String> {
    const MOST_BYTES: usize = 5 * 1024;
    const MOST_VARIABLES: usize = 20;
    if MOST_BYTES <= text.len() {
        return Err("the file is too big".to_owned());
    }
    let mut variables: Vec<(String, String)> = Vec::new();
    for line in text
        .strip_prefix('\u{feff}')
        .unwrap_or(text)
        .split_inclusive('\n')
    {
        let (name, value) = line
            .split_once('=')
            .ok_or_else(|| format!("Invalid Format: {line}"))?;
        let (name, value) = (name.trim(), value.trim());
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(format!("invalid name {name}"));
        }
        if value.contains('$') {
            return Err(format!("the value of {name} would be expanded"));
        }
        variables.retain(|(known, _)| known != name);
        variables.push((name.to_owned(), value.to_owned()));
    }
    if MOST_VARIABLES < variables.len() {
        return Err("too many variables".to_owned());
    }
    Ok(variables)
}
