//! Takes text apart into characters and escape sequences.
//!
//! Invariant: each byte is looked at no more than twice, also in a text of
//! nothing but broken sequences.

use std::iter;

/// What a text is made of; other escape sequences are left out.
pub enum Piece<'a> {
    Char(char),
    /// `ESC [ … m`, which changes how the text behind it looks.
    Color(&'a str),
}

pub fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    iter::from_fn(move || {
        loop {
            let c = rest.chars().next()?;
            let (found, length) = match introducer(rest) {
                None => (Some(Piece::Char(c)), c.len_utf8()),
                Some((Kind::Control, start)) => {
                    let length = control_length(rest, start);
                    (color(&rest[..length]).map(Piece::Color), length)
                }
                Some((Kind::String, start)) => (None, string_length(rest, start)),
                Some((Kind::Short, start)) => (None, short_length(rest, start)),
            };
            rest = &rest[length..];
            if found.is_some() {
                return found;
            }
        }
    })
}

enum Kind {
    /// CSI: parameters, then one final character.
    Control,
    /// OSC, DCS, SOS, PM, APC: anything up to a terminator.
    String,
    /// Any other: perhaps intermediates, then one final character.
    Short,
}

/// How an escape sequence starts, and the length of that start. Each of the
/// long ones has a form of two characters and one of a single C1 character.
fn introducer(text: &str) -> Option<(Kind, usize)> {
    let mut chars = text.chars();
    match (chars.next()?, chars.next()) {
        ('\x1b', Some('[')) => Some((Kind::Control, 2)),
        ('\x1b', Some('P' | 'X' | ']' | '^' | '_')) => Some((Kind::String, 2)),
        ('\x1b', _) => Some((Kind::Short, 1)),
        (c @ '\u{9b}', _) => Some((Kind::Control, c.len_utf8())),
        (c @ ('\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}'), _) => {
            Some((Kind::String, c.len_utf8()))
        }
        _ => None,
    }
}

/// A sequence that breaks off ends where it does, so that the text behind it
/// is still shown.
fn control_length(text: &str, start: usize) -> usize {
    let body = &text.as_bytes()[start..];
    let parameters = count(body, |b| matches!(b, 0x20..=0x3f));
    let is_final = matches!(body.get(parameters), Some(0x40..=0x7e));
    start + parameters + usize::from(is_final)
}

fn short_length(text: &str, start: usize) -> usize {
    let body = &text.as_bytes()[start..];
    let intermediates = count(body, |b| matches!(b, 0x20..=0x2f));
    let is_final = matches!(body.get(intermediates), Some(0x30..=0x7e));
    start + intermediates + usize::from(is_final)
}

/// Without its terminator only the start is a sequence: the rest of the line
/// must not vanish. The start of another sequence ends the search, as it ends
/// this one in a terminal; that also keeps the search linear.
fn string_length(text: &str, start: usize) -> usize {
    let body = &text[start..];
    let is_end = |c| matches!(c, '\x07' | '\x1b' | '\u{80}'..='\u{9f}');
    match body.find(is_end) {
        Some(end) if body[end..].starts_with('\x07') => start + end + 1,
        Some(end) if body[end..].starts_with('\u{9c}') => start + end + '\u{9c}'.len_utf8(),
        Some(end) if body[end..].starts_with("\x1b\\") => start + end + 2,
        Some(_) | None => start,
    }
}

fn count(bytes: &[u8], is_part: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|b| is_part(**b)).count()
}

/// The sequence itself if it only changes colors and the like. One of absurd
/// length is none, and neither is one that conceals the text behind it.
fn color(sequence: &str) -> Option<&str> {
    const LONGEST: usize = 64;
    let parameters = sequence.strip_prefix("\x1b[")?.strip_suffix('m')?;
    let is_plain = parameters
        .bytes()
        .all(|b| matches!(b, b'0'..=b'9' | b';' | b':'));
    (is_plain && sequence.len() <= LONGEST && !conceals(parameters)).then_some(sequence)
}

fn conceals(parameters: &str) -> bool {
    let mut parameters = parameters
        .split(';')
        .map(|parameter| parameter.trim_start_matches('0'));
    while let Some(parameter) = parameters.next() {
        match parameter {
            "8" => return true,
            // A color by number or by parts: an 8 in there is a color.
            "38" | "48" | "58" => match parameters.next() {
                Some("5") => drop(parameters.next()),
                Some("2") => drop(parameters.nth(2)),
                Some(_) | None => {}
            },
            _ => {}
        }
    }
    false
}
