//! The GitHub Actions runner: workflow commands in the log.

pub mod files;

/// An action that a line triggers in the runner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    SetOutput {
        name: String,
        value: String,
    },
    SaveState {
        name: String,
        value: String,
    },
    AddMask(String),
    AddMatcher(String),
    RemoveMatcher(String),
    Annotate(Annotation),
    Debug(String),
    Group(String),
    EndGroup,
    Echo(String),
    StopCommands(String),
    ResumeCommands,
    /// `set-env`, `add-path`, or a command that lacks a required property: the step
    /// fails, whatever its exit code.
    FailStep(String),
    /// An exception outside the command handler: the step ends immediately.
    Die(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    pub kind: Kind,
    /// Unescaped and masked, at most 4096 characters.
    pub message: String,
    pub properties: Vec<(String, String)>,
}

impl Annotation {
    pub fn title(&self) -> Option<&str> {
        property(&self.properties, "title")
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Error,
    Warning,
    Notice,
}

#[derive(Default)]
pub struct Log {
    pub acts: Vec<Act>,
    /// The annotations that are kept: at most ten of each kind.
    pub annotations: Vec<Annotation>,
    /// The lines that the log shows, masked.
    pub shown: Vec<String>,
    masks: Vec<String>,
    stopped_by: Option<String>,
}

impl Log {
    pub fn fails_step(&self) -> bool {
        self.acts
            .iter()
            .any(|act| matches!(act, Act::FailStep(_) | Act::Die(_)))
    }

    /// The last value of an output that was set in the log.
    pub fn output(&self, wanted: &str) -> Option<&str> {
        let mut last = None;
        for act in &self.acts {
            if let Act::SetOutput { name, value } = act
                && name.eq_ignore_ascii_case(wanted)
            {
                last = Some(value.as_str());
            }
        }
        last
    }

    /// The titles of the groups, and whether the last one was closed.
    pub fn groups(&self) -> (Vec<&str>, bool) {
        let mut titles = Vec::new();
        let mut is_closed = true;
        for act in &self.acts {
            if let Act::Group(title) = act {
                titles.push(title.as_str());
                is_closed = false;
            }
            is_closed |= matches!(act, Act::EndGroup);
        }
        (titles, is_closed)
    }
}

const REGISTERED: [&str; 15] = [
    "set-env",
    "set-output",
    "save-state",
    "add-mask",
    "add-path",
    "add-matcher",
    "remove-matcher",
    "debug",
    "warning",
    "error",
    "notice",
    "group",
    "endgroup",
    "echo",
    "stop-commands",
];

/// Reads a whole log as the runner does, line by line.
pub fn read(text: &str) -> Log {
    let mut log = Log::default();
    for line in lines(text) {
        if !process(&mut log, &line) {
            let shown = mask(&log.masks, &line);
            log.shown.push(shown);
        }
        if matches!(log.acts.last(), Some(Act::Die(_))) {
            break;
        }
    }
    log
}

/// Splits lines; a lone `\r` ends a line, too.
pub(super) fn lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => {
                chars.next_if_eq(&'\n');
                lines.push(std::mem::take(&mut line));
            }
            '\n' => lines.push(std::mem::take(&mut line)),
            _ => line.push(c),
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

struct Command {
    name: String,
    properties: Vec<(String, String)>,
    data: String,
}

fn process(log: &mut Log, line: &str) -> bool {
    let is_registered = |name: &str| {
        let token = log.stopped_by.as_deref();
        REGISTERED
            .iter()
            .copied()
            .chain(token)
            .any(|registered| registered.eq_ignore_ascii_case(name))
    };
    let Some(command) = parse_v2(line, is_registered).or_else(|| parse_v1(line, is_registered))
    else {
        return false;
    };
    if let Some(token) = &log.stopped_by {
        if !command.name.eq_ignore_ascii_case(token) {
            return false;
        }
        log.stopped_by = None;
        log.acts.push(Act::ResumeCommands);
        return true;
    }
    let act = execute(log, command);
    log.acts.push(act);
    true
}

fn execute(log: &mut Log, command: Command) -> Act {
    let Command {
        name,
        properties,
        data,
    } = command;
    let named = || property(&properties, "name").map(str::to_owned);
    match name.to_ascii_lowercase().as_str() {
        "stop-commands" => {
            let is_taken = REGISTERED
                .iter()
                .chain(&["pause-logging"])
                .any(|taken| taken.eq_ignore_ascii_case(&data));
            if data.is_empty() || is_taken {
                return Act::Die(format!("invalid stop token '{data}'"));
            }
            if 6 < data.len() {
                log.masks.push(data.clone());
            }
            log.stopped_by = Some(data.clone());
            Act::StopCommands(data)
        }
        "add-mask" => {
            log.masks.push(data.clone());
            let lines = data.split(['\r', '\n']).map(str::trim);
            let lines = lines.filter(|line| !line.is_empty()).map(str::to_owned);
            log.masks.extend(lines);
            Act::AddMask(data)
        }
        "set-output" => match named() {
            Some(name) => Act::SetOutput { name, value: data },
            None => Act::FailStep("set-output without a name".to_owned()),
        },
        "save-state" => match named() {
            Some(name) => Act::SaveState { name, value: data },
            None => Act::FailStep("save-state without a name".to_owned()),
        },
        "add-matcher" => Act::AddMatcher(data),
        "remove-matcher" => Act::RemoveMatcher(data),
        "debug" => Act::Debug(data),
        "group" => {
            log.shown
                .push(mask(&log.masks, &format!("##[group]{data}")));
            Act::Group(data)
        }
        "endgroup" => Act::EndGroup,
        "echo" => Act::Echo(data),
        "error" => annotate(log, Kind::Error, &data, properties),
        "warning" => annotate(log, Kind::Warning, &data, properties),
        "notice" => annotate(log, Kind::Notice, &data, properties),
        refused => Act::FailStep(format!("`{refused}` is disabled")),
    }
}

fn annotate(log: &mut Log, kind: Kind, data: &str, properties: Vec<(String, String)>) -> Act {
    let message = mask(&log.masks, data);
    let word = match kind {
        Kind::Error => "error",
        Kind::Warning => "warning",
        Kind::Notice => "notice",
    };
    log.shown.push(format!("##[{word}]{message}"));
    let annotation = Annotation {
        kind,
        message: message.chars().take(4096).collect(),
        properties,
    };
    if log.annotations.iter().filter(|a| a.kind == kind).count() < 10 {
        log.annotations.push(annotation.clone());
    }
    Act::Annotate(annotation)
}

/// Parses `::name key=value,key=value::data`, after optional white space.
fn parse_v2(line: &str, is_registered: impl Fn(&str) -> bool) -> Option<Command> {
    let line = weighty(line);
    let (head, data) = line.trim_start().strip_prefix("::")?.split_once("::")?;
    let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
    let escapes = [
        ("%0D", "\r"),
        ("%0A", "\n"),
        ("%3A", ":"),
        ("%2C", ","),
        ("%25", "%"),
    ];
    is_registered(name).then(|| Command {
        name: name.to_owned(),
        properties: split_properties(properties.trim(), ',', &escapes),
        data: unescape(data, &[("%0D", "\r"), ("%0A", "\n"), ("%25", "%")]),
    })
}

/// Parses `##[name key=value;key=value]data`, anywhere in the line.
fn parse_v1(line: &str, is_registered: impl Fn(&str) -> bool) -> Option<Command> {
    let line = weighty(line);
    let (_, after) = line.split_once("##[")?;
    let (head, data) = after.split_once(']')?;
    let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
    let escapes = [
        ("%3B", ";"),
        ("%0D", "\r"),
        ("%0A", "\n"),
        ("%5D", "]"),
        ("%25", "%"),
    ];
    is_registered(name).then(|| Command {
        name: name.to_owned(),
        properties: split_properties(properties, ';', &escapes),
        data: unescape(data, &escapes),
    })
}

/// Removes characters that a culture-sensitive string comparison ignores. The runner
/// searches for `::` and `##[` with such a comparison, so these characters do not
/// separate their neighbors.
pub(super) fn weighty(text: &str) -> String {
    let is_weightless = |c| {
        matches!(c,
            '\0'..='\x08' | '\x0e'..='\x1f' | '\x7f'..='\u{84}' | '\u{86}'..='\u{9f}'
            | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180b}'..='\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0001}'..='\u{e007f}'
            | '\u{e0100}'..='\u{e01ef}')
    };
    text.chars().filter(|c| !is_weightless(*c)).collect()
}

pub(super) fn split_properties(
    text: &str,
    separator: char,
    escapes: &[(&str, &str)],
) -> Vec<(String, String)> {
    text.split(separator)
        .filter_map(|pair| pair.split_once('='))
        .filter(|(key, value)| !key.is_empty() && !value.is_empty())
        .map(|(key, value)| (key.to_owned(), unescape(value, escapes)))
        .collect()
}

/// Replaces one escape after the other, `%25` last: `%250A` becomes `%0A`.
pub(super) fn unescape(text: &str, escapes: &[(&str, &str)]) -> String {
    let mut text = text.to_owned();
    for (escape, meaning) in escapes {
        text = text.replace(escape, meaning);
    }
    text
}

fn property<'a>(properties: &'a [(String, String)], wanted: &str) -> Option<&'a str> {
    properties
        .iter()
        .rev()
        .find(|(key, _)| key.eq_ignore_ascii_case(wanted))
        .map(|(_, value)| value.as_str())
}

fn mask(masks: &[String], text: &str) -> String {
    let mut text = text.to_owned();
    let mut masks: Vec<&String> = masks.iter().filter(|mask| !mask.is_empty()).collect();
    masks.sort_by_key(|mask| std::cmp::Reverse(mask.len()));
    for mask in masks {
        text = text.replace(mask.as_str(), "***");
    }
    text
}
