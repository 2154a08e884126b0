//! Patterns of lines, and a quick way to see that most of them do not match.

/// Whether a line in lower case matches a pattern: pieces that occur in this
/// order, separated by `*`. `^` binds the first piece to the start of the
/// line, `$` the last one to its end.
pub(super) fn matches(pattern: &str, line: &str) -> bool {
    let (pattern, is_at_start) = strip(pattern, |it| it.strip_prefix('^'));
    let (pattern, is_at_end) = strip(pattern, |it| it.strip_suffix('$'));
    let mut rest = line;
    let mut pieces = pattern.split('*').peekable();
    let mut is_first = true;
    while let Some(piece) = pieces.next() {
        let is_last = pieces.peek().is_none();
        let found = if is_first && is_at_start {
            let starts = rest.starts_with(piece);
            (starts && (!is_last || !is_at_end || rest.len() == piece.len())).then_some(0)
        } else if is_last && is_at_end {
            let found = rest.len().checked_sub(piece.len());
            found.filter(|_| rest.ends_with(piece))
        } else {
            rest.find(piece)
        };
        let Some(found) = found else { return false };
        rest = &rest[found + piece.len()..];
        is_first = false;
    }
    true
}

fn strip<'a>(text: &'a str, by: impl Fn(&'a str) -> Option<&'a str>) -> (&'a str, bool) {
    by(text).map_or((text, false), |rest| (rest, true))
}

/// The hashed set of a text's trigrams (three bytes in a row): it shows quickly
/// that most patterns do not match.
#[derive(Debug)]
pub(super) struct Trigrams([u64; 64]);

impl Trigrams {
    pub(super) fn of(text: &str) -> Self {
        let mut set = [0; 64];
        for trigram in text.as_bytes().windows(3) {
            let (word, bit) = Self::place(trigram);
            set[word] |= bit;
        }
        Self(set)
    }

    /// Looks for the first and the last three bytes of a pattern.
    pub(super) fn may_hold(&self, pattern: &str) -> bool {
        let pattern = pattern
            .trim_start_matches('^')
            .trim_end_matches('$')
            .as_bytes();
        let (Some(first), Some(last)) = (pattern.first_chunk::<3>(), pattern.last_chunk::<3>())
        else {
            return true;
        };
        let may_hold = |trigram: &[u8]| {
            let (word, bit) = Self::place(trigram);
            trigram.contains(&b'*') || self.0[word] & bit != 0
        };
        may_hold(first) && may_hold(last)
    }

    fn place(trigram: &[u8]) -> (usize, u64) {
        let hash = trigram.iter().fold(0_usize, |hash, byte| {
            hash.wrapping_mul(31).wrapping_add(usize::from(*byte))
        });
        (hash / 64 % 64, 1 << (hash % 64))
    }
}
