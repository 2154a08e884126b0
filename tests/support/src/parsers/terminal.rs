//! A terminal, and the person who reads it.

/// Returns everything beyond text and colors: sequences that move the cursor, clear
/// the screen, write to the clipboard or request a response; control characters;
/// invisible characters and those that change the writing direction; and colors that
/// extend beyond the end of a line.
pub fn read(log: &str) -> Vec<String> {
    log.split('\n').flat_map(line).collect()
}

fn line(line: &str) -> Vec<String> {
    let mut acts = Vec::new();
    let mut is_colored = false;
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        if let Some(parameters) = color(rest) {
            rest = &rest[parameters.len() + "\x1b[m".len()..];
            is_colored = !matches!(parameters, "" | "0");
            let mut numbers = parameters.split(';');
            if numbers.next() == Some("8") {
                acts.push("conceals".to_owned());
            }
            continue;
        }
        rest = &rest[c.len_utf8()..];
        let name = match c {
            '\x1b' | '\u{80}'..='\u{9f}' => "escape sequence",
            '\0'..='\x1f' | '\x7f' => "control character",
            '\u{200e}'
            | '\u{200f}'
            | '\u{61c}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => "turns the writing",
            '\u{ad}'
            | '\u{200b}'..='\u{200d}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{2060}'..='\u{2064}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}' => "invisible",
            _ => continue,
        };
        acts.push(format!("{name} {}", c.escape_unicode()));
    }
    if is_colored {
        acts.push("a color left on".to_owned());
    }
    acts
}

fn color(text: &str) -> Option<&str> {
    let (parameters, _) = text.strip_prefix("\x1b[")?.split_once('m')?;
    parameters
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, ';' | ':'))
        .then_some(parameters)
}
