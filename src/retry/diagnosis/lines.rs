//! One line of a build log, prepared for the rules.

use super::pattern::{Trigrams, matches};
use super::prefix::{is_code_frame, without_prefixes};
use crate::text::escapes::{Piece, pieces};

/// How many bytes of a line are searched: its start, then its end. Longer
/// lines are minified code or data, and the words of a tool stand outside.
const SEARCHED_START: usize = 700;
const SEARCHED_END: usize = 300;

#[derive(Debug)]
pub(super) struct Line {
    /// Without escape sequences and control characters: what is shown.
    pub(super) text: String,
    /// The line without its prefixes, in lower case: what is searched.
    pub(super) searched: String,
    /// The tool says that it continues, or tries again.
    pub(super) is_warning: bool,
    pub(super) is_code_frame: bool,
    trigrams: Trigrams,
}

impl Line {
    pub(super) fn new(line: &str) -> Self {
        let text = plain(line);
        let body = without_prefixes(&text);
        let searched = ends_of(body).to_ascii_lowercase();
        Self {
            trigrams: Trigrams::of(&searched),
            is_warning: is_warning(&searched),
            is_code_frame: is_code_frame(body),
            searched,
            text,
        }
    }

    /// Whether nothing is left once the prefixes are gone.
    pub(super) fn is_blank(&self) -> bool {
        self.searched.is_empty()
    }

    /// Whether it matches one of the patterns; a leading `?` is passed over.
    pub(super) fn holds(&self, patterns: &[&str]) -> bool {
        let mut patterns = patterns.iter();
        patterns.any(|it| self.matches(it.strip_prefix('?').unwrap_or(it)))
    }

    /// See [`matches()`].
    pub(super) fn matches(&self, pattern: &str) -> bool {
        self.trigrams.may_hold(pattern) && matches(pattern, &self.searched)
    }
}

/// The text of a line: no escape sequences, no control characters, no space
/// around it. A line break inside becomes a space, so that it cannot make a
/// word look as if it began a line.
pub(super) fn plain(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    for piece in pieces(line) {
        if let Piece::Char(c) = piece {
            text.push(if c.is_control() { ' ' } else { c });
        }
    }
    text.trim().to_owned()
}

fn ends_of(body: &str) -> String {
    if body.len() <= SEARCHED_START + SEARCHED_END {
        return body.to_owned();
    }
    let start = body.floor_char_boundary(SEARCHED_START);
    let end = body.ceil_char_boundary(body.len() - SEARCHED_END);
    format!("{} {}", &body[..start], &body[end..])
}

/// Words of a line after which the tool continues, or tries again.
fn is_warning(line: &str) -> bool {
    const STARTS: &[&str] = &[
        "npm warn",
        "warn",
        "[warn",
        "(!)",
        "deprecat",
        "info ",
        "notice",
        "npm notice",
        "hint:",
    ];
    const WORDS: &[&str] = &[
        "[warning]",
        "will retry",
        "retrying",
        "tries remaining",
        "retries left",
        " warn ",
        "retry scheduled",
        "trying again",
        "attempt 1",
        "attempt 2",
        "spurious network error",
        "using fallback",
    ];
    let is_node_warning = line.starts_with("(node:") && !line.contains("unhandled");
    is_node_warning
        || STARTS.iter().any(|it| line.starts_with(it))
        || WORDS.iter().any(|it| line.contains(it))
}
