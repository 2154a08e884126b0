//! Makes JSON readable that is nearly JSON: text that is not UTF-8, a
//! surrogate without its other half, a control character inside a string, a
//! number beyond every range, nesting beyond every use.
//!
//! JavaScript cuts an emoji in two and writes `"\ud83d"`; a build tool prints
//! Latin-1. A strict reader would lose the whole response for it.
//!
//! Invariant: what is JSON already has the same value afterwards, and every
//! byte is looked at a fixed number of times.

use std::mem;

use crate::text::CUT;

/// What stands for a character that cannot be read.
const REPLACEMENT: &str = "\u{fffd}";

/// `serde_json` reads no more than 128 levels.
const MAX_DEPTH: usize = 100;

/// Makes the text of strings readable, in pieces of any size.
///
/// A string of more than `max_length` bytes is cut there.
pub(super) struct StringRepair {
    max_length: usize,
    /// Bytes of the current string; `None` between strings.
    length: Option<usize>,
    /// The start of an escape or a character whose end has not come yet.
    held: Vec<u8>,
}

/// The first thing in the bytes of a string.
enum Token<'a> {
    /// Bytes to keep.
    Text(&'a [u8]),
    /// The end of the string.
    End,
    /// This many bytes are not valid text.
    Broken(usize),
    /// More bytes are needed to decide.
    Incomplete,
}

impl StringRepair {
    pub(super) fn new(max_length: usize) -> Self {
        Self {
            max_length,
            length: None,
            held: Vec::new(),
        }
    }

    /// Takes the next bytes and returns what can be read of them.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        let held = mem::take(&mut self.held);
        let mut repaired = Vec::with_capacity(held.len() + bytes.len());
        if held.is_empty() {
            self.read(bytes, &mut repaired);
        } else {
            self.read(&[&held, bytes].concat(), &mut repaired);
        }
        repaired
    }

    fn read(&mut self, mut bytes: &[u8], repaired: &mut Vec<u8>) {
        while !bytes.is_empty() {
            let Some(length) = self.length else {
                let start = bytes.iter().position(|it| *it == b'"');
                let end = start.map_or(bytes.len(), |it| it + 1);
                repaired.extend(&bytes[..end]);
                bytes = &bytes[end..];
                self.length = start.map(|_| 0);
                continue;
            };
            match token(bytes) {
                Token::Text(text) => {
                    self.write(length, text, repaired);
                    bytes = &bytes[text.len()..];
                }
                Token::End => {
                    repaired.push(b'"');
                    bytes = &bytes[1..];
                    self.length = None;
                }
                Token::Broken(count) => {
                    self.write(length, REPLACEMENT.as_bytes(), repaired);
                    bytes = &bytes[count..];
                }
                Token::Incomplete => {
                    self.held = bytes.to_vec();
                    return;
                }
            }
        }
    }

    /// Adds text to the current string, as far as there is room. The text is
    /// one character, one escape, or ASCII that may be cut anywhere.
    fn write(&mut self, length: usize, text: &[u8], repaired: &mut Vec<u8>) {
        let room = self.max_length.saturating_sub(length);
        self.length = Some(length.saturating_add(text.len()));
        if text.len() <= room {
            repaired.extend(text);
        } else if length <= self.max_length {
            if is_plain(text[0]) {
                repaired.extend(&text[..room]);
            }
            repaired.extend(CUT.as_bytes());
            // From here on there is no room, not even for the mark.
            self.length = Some(usize::MAX);
        }
    }
}

/// The token that `bytes`, the rest of a string, begin with.
fn token(bytes: &[u8]) -> Token<'_> {
    match bytes[0] {
        b'"' => Token::End,
        b'\\' => escape(bytes),
        byte if is_plain(byte) => {
            let end = bytes.iter().position(|it| !is_plain(*it));
            Token::Text(&bytes[..end.unwrap_or(bytes.len())])
        }
        byte if byte.is_ascii() => Token::Broken(1),
        _ => character(bytes),
    }
}

/// ASCII that stands for itself inside a string.
fn is_plain(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7f) && byte != b'"' && byte != b'\\'
}

/// A character of more than one byte.
fn character(bytes: &[u8]) -> Token<'_> {
    let first = &bytes[..bytes.len().min(4)];
    match str::from_utf8(first) {
        Ok(text) => Token::Text(&bytes[..first_length(text)]),
        Err(error) if 0 < error.valid_up_to() => {
            let valid = str::from_utf8(&first[..error.valid_up_to()]);
            Token::Text(&bytes[..first_length(valid.unwrap_or_default())])
        }
        Err(error) => error.error_len().map_or(Token::Incomplete, Token::Broken),
    }
}

fn first_length(text: &str) -> usize {
    text.chars().next().map_or(1, char::len_utf8)
}

/// An escape: `\n`, `\u00e9`, or a pair of surrogates.
fn escape(bytes: &[u8]) -> Token<'_> {
    match bytes.get(1) {
        None => Token::Incomplete,
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Token::Text(&bytes[..2]),
        Some(b'u') => match unit(bytes) {
            Unit::Incomplete => Token::Incomplete,
            Unit::Broken => Token::Broken(2),
            Unit::Read(0xd800..=0xdbff) => match unit(&bytes[6..]) {
                Unit::Incomplete => Token::Incomplete,
                Unit::Read(0xdc00..=0xdfff) => Token::Text(&bytes[..12]),
                Unit::Read(_) | Unit::Broken => Token::Broken(6),
            },
            Unit::Read(0xdc00..=0xdfff) => Token::Broken(6),
            Unit::Read(_) => Token::Text(&bytes[..6]),
        },
        // Only the backslash is wrong.
        Some(_) => Token::Broken(1),
    }
}

/// A `\uXXXX`.
enum Unit {
    Read(u16),
    Broken,
    Incomplete,
}

fn unit(bytes: &[u8]) -> Unit {
    let is_right = |(n, byte): (usize, &u8)| match n {
        0 => *byte == b'\\',
        1 => *byte == b'u',
        _ => byte.is_ascii_hexdigit(),
    };
    let start = &bytes[..bytes.len().min(6)];
    if !start.iter().enumerate().all(is_right) {
        return Unit::Broken;
    }
    let Some(digits) = start.get(2..6) else {
        return Unit::Incomplete;
    };
    let digits = str::from_utf8(digits).unwrap_or_default();
    u16::from_str_radix(digits, 16).map_or(Unit::Broken, Unit::Read)
}

/// Makes a whole document readable. A number that no `f64` can hold and what
/// is nested too deep become `null`.
pub(super) fn repair(document: &[u8]) -> String {
    let document = document.strip_prefix(b"\xef\xbb\xbf").unwrap_or(document);
    let strings = StringRepair::new(usize::MAX).push(document);
    let text = String::from_utf8_lossy(&strings);
    let mut repaired = String::with_capacity(text.len());
    let mut rest = &*text;
    let mut depth = 0_usize;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '"' => string_length(rest),
            '-' | '0'..='9' => number_length(rest),
            _ => c.len_utf8(),
        };
        let (part, after) = rest.split_at(length);
        rest = after;
        let was_shown = depth <= MAX_DEPTH;
        match c {
            '[' | '{' => depth += 1,
            ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if was_shown && MAX_DEPTH < depth {
            repaired.push_str("null");
        }
        if !was_shown || MAX_DEPTH < depth {
            continue;
        }
        let is_infinite = || part.parse().is_ok_and(f64::is_infinite);
        if matches!(c, '-' | '0'..='9') && is_infinite() {
            repaired.push_str("null");
        } else {
            repaired.push_str(part);
        }
    }
    repaired
}

/// The length of a string with its quotes.
fn string_length(text: &str) -> usize {
    let mut is_escaped = false;
    let is_end = |byte: u8| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    };
    let end = text.bytes().skip(1).position(is_end);
    end.map_or(text.len(), |it| it + 2)
}

fn number_length(text: &str) -> usize {
    let is_part = |it: char| it.is_ascii_digit() || matches!(it, '+' | '-' | '.' | 'e' | 'E');
    text.find(|it| !is_part(it)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn read(document: &[u8]) -> Value {
        serde_json::from_str(&repair(document)).unwrap()
    }

    #[test]
    fn what_cannot_be_read_becomes_a_replacement_character() {
        let cases: [(&[u8], &str); 16] = [
            (br"Fix \ud83d", "Fix \u{fffd}"),
            (br"\ud83d and more", "\u{fffd} and more"),
            (br"\ude00", "\u{fffd}"),
            (br"\ud83d\ud83d\ude00", "\u{fffd}😀"),
            (br"\ud83d\n", "\u{fffd}\n"),
            (br"\uD83D\uDE00", "😀"),
            (br"\\ud83d", "\\ud83d"),
            (b"caf\xe9", "caf\u{fffd}"),
            (b"\xe9t\xe9", "\u{fffd}t\u{fffd}"),
            (b"\xf0\x9f\x98", "\u{fffd}"),
            (b"\xed\xa0\xbd", "\u{fffd}\u{fffd}\u{fffd}"),
            (b"a\nb\0c\x1b", "a\u{fffd}b\u{fffd}c\u{fffd}"),
            (br"\x41", "\u{fffd}x41"),
            (br"\u12", "\u{fffd}12"),
            (br"\u00zz", "\u{fffd}00zz"),
            ("日本語 é 😀".as_bytes(), "日本語 é 😀"),
        ];
        for (text, expected) in cases {
            let document = [b"{\"a\":\"", text, b"\",\"b\":[1,\"x\"]}"].concat();
            let shown = String::from_utf8_lossy(&document);
            assert_eq!(
                read(&document),
                json!({"a": expected, "b": [1, "x"]}),
                "{shown}"
            );
        }
    }

    #[test]
    fn a_number_beyond_every_range_is_null() {
        let document =
            br#"{"a":1e999,"b":[-1e999,2],"c":-0.5e-3,"d":"1e999","e":1e99999999999999999999}"#;
        let expected = json!({"a": null, "b": [null, 2], "c": -0.0005, "d": "1e999", "e": null});
        assert_eq!(read(document), expected);
    }

    #[test]
    fn what_is_nested_too_deep_is_null_and_hides_nothing_beside_it() {
        for (open, close) in [("[", "]"), ("{\"x\":", "}")] {
            let deep = |levels: usize| {
                let (open, close) = (open.repeat(levels), close.repeat(levels));
                format!("{{\"before\":1,\"deep\":{open}\"]}}\"{close},\"after\":2}}")
            };
            for levels in [1, 99, 100, 500, 100_000] {
                let value = read(deep(levels).as_bytes());
                assert_eq!((&value["before"], &value["after"]), (&json!(1), &json!(2)));
                assert!(!value["deep"].is_null());
            }
        }
    }

    #[test]
    fn a_mark_of_the_byte_order_is_left_out() {
        assert_eq!(read(b"\xef\xbb\xbf{\"a\":1}"), json!({"a": 1}));
    }

    /// Pushes a document in pieces of `size`.
    fn in_pieces(document: &[u8], size: usize, max_length: usize) -> Vec<u8> {
        let mut repair = StringRepair::new(max_length);
        let pieces = document.chunks(size).map(|it| repair.push(it));
        pieces.collect::<Vec<_>>().concat()
    }

    #[test]
    fn the_pieces_of_a_document_make_no_difference() {
        let document =
            b"{\"a\":\"\\ud83d\\ude00 \xe9 \\ud83d \xf0\x9f\x98\x80 \\\\\",\"b\":\"\\\"\"}";
        let whole = in_pieces(document, document.len(), usize::MAX);
        let value: Value = serde_json::from_slice(&whole).unwrap();
        assert_eq!(value, json!({"a": "😀 \u{fffd} \u{fffd} 😀 \\", "b": "\""}));
        for size in 1..document.len() {
            let found = in_pieces(document, size, usize::MAX);
            assert_eq!(found, whole, "in pieces of {size}");
        }
    }

    #[test]
    fn a_long_string_is_cut_and_the_next_one_is_whole() {
        for (text, expected) in [
            ("abcd", "abcd"),
            ("abcdé", "abcd…"),
            ("abcde", "abcd…"),
            ("abcdef and more é", "abcd…"),
            ("abé", "abé"),
            ("abcé", "abc…"),
            (r"abc\n", "abc…"),
            (r"ab\n", "ab\n"),
        ] {
            let document = format!("[\"{text}\",\"next\"]");
            for size in 1..=document.len() {
                let cut = in_pieces(document.as_bytes(), size, 4);
                let value: Value = serde_json::from_slice(&cut).unwrap();
                assert_eq!(
                    value,
                    json!([expected, "next"]),
                    "{text} in pieces of {size}"
                );
            }
        }
    }

    /// Any value, as JSON.
    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..8)
                    .prop_map(|it| Value::Object(it.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_json_keeps_its_value(value in value()) {
            let document = value.to_string();
            prop_assert_eq!(repair(document.as_bytes()), document.as_str());
            let pieces = in_pieces(document.as_bytes(), 3, usize::MAX);
            prop_assert_eq!(pieces, document.as_bytes());
        }

        #[test]
        fn no_bytes_inside_a_string_make_it_unreadable(
            text in prop::collection::vec(any::<u8>(), 0..64),
            size in 1..16_usize,
        ) {
            let text: Vec<u8> = text.into_iter().filter(|it| *it != b'"' && *it != b'\\').collect();
            let document = [b"{\"a\":\"", &*text, b"\"}"].concat();
            prop_assert!(read(&document)["a"].is_string());
            let pieces = in_pieces(&document, size, usize::MAX);
            let value: Value = serde_json::from_slice(&pieces).unwrap();
            prop_assert_eq!(value, read(&document));
        }
    }
}
