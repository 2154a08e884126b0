//! Escapes external text for the summary.
//!
//! Invariant: a secret is hidden before anything else, since an escaped or cut
//! one would not be known any more, and once more when what cannot be seen is
//! gone; then the text is cut to the size of the
//! escaper, and escaped last.

use crate::text::secrets::Secrets;
use crate::text::{Colors, markup};

/// Bytes of a piece, for each item of a list.
const BYTES: usize = 8;

/// Bytes of a line of a build log, for each item of a list.
const LOG_BYTES: usize = 64;

pub(super) struct Escaper<'a> {
    secrets: &'a Secrets,
    /// Items of a list.
    size: usize,
}

impl<'a> Escaper<'a> {
    pub(super) fn new(secrets: &'a Secrets, size: usize) -> Self {
        Self { secrets, size }
    }

    pub(super) fn markdown(&self, text: &str) -> String {
        markup::markdown(&self.piece(text))
    }

    pub(super) fn code(&self, text: &str) -> String {
        markup::code(&self.piece(text))
    }

    pub(super) fn prose(&self, text: &str) -> String {
        markup::prose(&self.piece(text))
    }

    pub(super) fn mermaid(&self, text: &str) -> String {
        markup::mermaid(&self.piece(text))
    }

    pub(super) fn optional(&self, text: Option<String>) -> String {
        text.map(|it| self.markdown(&it)).unwrap_or_default()
    }

    pub(super) fn log_line(&self, text: &str) -> String {
        let line = self.secrets.line(text, Colors::Stripped);
        cut(line, self.size * LOG_BYTES)
    }

    /// A link; `None` if the address is not one that a browser may be sent to.
    pub(super) fn link(&self, text: &str, address: &str) -> Option<String> {
        let address = self.secrets.inline(address);
        let is_safe = |it: char| it.is_ascii_graphic() && !"<>()[]\\\"'`|".contains(it);
        let is_link = address.starts_with("https://") && address.chars().all(is_safe);
        is_link.then(|| format!("[{}](<{address}>)", self.markdown(text)))
    }

    /// The first of a list, and how many more there are.
    pub(super) fn first<'t, T>(&self, list: &'t [T]) -> (&'t [T], usize) {
        let shown = list.len().min(self.size);
        (&list[..shown], list.len() - shown)
    }

    /// What comes before the last of a list, and the last.
    pub(super) fn last<'t, T>(&self, list: &'t [T]) -> (&'t [T], &'t [T]) {
        list.split_at(list.len().saturating_sub(self.size))
    }

    /// Names in one line, which may be more than the items of a list.
    pub(super) fn names(&self, names: impl ExactSizeIterator<Item = String>) -> String {
        let most = 4 * self.size;
        let more = names.len().saturating_sub(most);
        let mut list: Vec<String> = names.take(most).collect();
        if 0 < more {
            list.push(format!("and {more} more"));
        }
        list.join(", ")
    }

    fn piece(&self, text: &str) -> String {
        cut(self.secrets.inline(text), self.size * BYTES)
    }
}

fn cut(text: String, most: usize) -> String {
    if text.len() <= most {
        return text;
    }
    format!("{}…", &text[..text.floor_char_boundary(most)])
}
