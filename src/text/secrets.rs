//! Removes secrets from external text and from our own.
//!
//! Invariant: the text around a secret is kept, and a text without secrets is
//! returned unchanged.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{CUT, Colors, inline, is_plain, line};

/// Replaces a secret.
const HIDDEN: &str = "***";

/// Shorter values are not secrets; hiding them would make the text unreadable.
const SHORTEST: usize = 8;

/// What a URL escapes: all but its unreserved characters.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Headers whose value is a credential whatever it is.
const CREDENTIALS: [&str; 3] = ["authorization", "x-auth-key", "x-auth-user-service-key"];

/// What must never be shown, in every form in which it may be met.
pub struct Secrets {
    forms: Vec<String>,
}

impl Secrets {
    pub fn new(secrets: &[impl AsRef<str>]) -> Self {
        let mut forms: Vec<String> = maskable(secrets)
            .flat_map(encodings)
            .filter(|form| SHORTEST <= form.len())
            .collect();
        // A form may be part of another one, of which no end may be left over.
        forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        forms.dedup();
        Self { forms }
    }

    /// Replaces every secret, and every value that looks like the one of an
    /// `Authorization` header, by `***`.
    ///
    /// Good for text of any length and number of lines, for our own too.
    pub fn hide<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut hidden = Cow::Borrowed(text);
        for form in &self.forms {
            if hidden.contains(form.as_str()) {
                hidden = Cow::Owned(hidden.replace(form.as_str(), HIDDEN));
            }
        }
        for name in CREDENTIALS {
            if let Some(without) = hide_values(&hidden, name) {
                hidden = Cow::Owned(without);
            }
        }
        if let Some(without) = hide_bearer(&hidden) {
            hidden = Cow::Owned(without);
        }
        if let Some(without) = self.hide_beginnings(&hidden) {
            hidden = Cow::Owned(without);
        }
        hidden
    }

    /// Hides what is left of a secret where a text was cut: at its end, and
    /// before each [`CUT`] in it, since it may stand in a longer one by now.
    fn hide_beginnings(&self, text: &str) -> Option<String> {
        let mut shown = String::new();
        let mut is_hidden = false;
        for part in text.split_inclusive(CUT) {
            let (before, mark) = part.strip_suffix(CUT).map_or((part, ""), |it| (it, CUT));
            let left = self.forms.iter().map(|it| beginning_at_end(before, it));
            let left = left.max().unwrap_or_default();
            shown.push_str(&before[..before.len() - left]);
            if 0 < left {
                shown.push_str(HIDDEN);
                is_hidden = true;
            }
            shown.push_str(mark);
        }
        is_hidden.then_some(shown)
    }

    /// Cleans one line of a forwarded log that may hold secrets.
    ///
    /// They are hidden first, since of a secret at the cut the first half
    /// would be left, and once more afterwards, since what was taken out may
    /// have stood inside one. The colors go if a secret is hidden by them.
    pub fn line(&self, text: &str, colors: Colors) -> String {
        let hidden = self.hide(text);
        if matches!(hidden, Cow::Borrowed(_)) && is_plain(text) {
            return text.to_owned();
        }
        let shown = line(&hidden, colors);
        let plain = line(&shown, Colors::Stripped);
        let hidden = self.hide(&plain);
        if *hidden == plain {
            return shown;
        }
        line(&hidden, Colors::Stripped)
    }
}

impl Secrets {
    /// Cleans a piece for use inside a line of ours, as [`inline`] does. The
    /// secrets are hidden before and after, as in [`Secrets::line`]: what was
    /// taken out may have stood inside one.
    pub fn inline(&self, text: &str) -> String {
        let shown = inline(&self.hide(text));
        let hidden = self.hide(&shown);
        if *hidden == shown {
            return shown;
        }
        inline(&hidden)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(***)")
    }
}

/// How many bytes at the end of `text` are the beginning of `form`; too few
/// are none.
fn beginning_at_end(text: &str, form: &str) -> usize {
    let mut lengths = (SHORTEST..form.len()).rev();
    let is_beginning = |n: &usize| form.get(..*n).is_some_and(|it| text.ends_with(it));
    lengths.find(is_beginning).unwrap_or_default()
}

/// The secrets line by line, without those that are too short to be one: to
/// hide a single letter would shred every log and every output.
pub fn maskable(secrets: &[impl AsRef<str>]) -> impl Iterator<Item = &str> {
    let lines = secrets.iter().flat_map(|it| it.as_ref().lines());
    lines.map(str::trim).filter(|it| SHORTEST <= it.len())
}

/// The forms of a secret: itself, in JSON, in a URL, and in base64.
fn encodings(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned()];
    let json = serde_json::Value::from(secret).to_string();
    forms.push(json[1..json.len() - 1].to_owned());
    let percent = utf8_percent_encode(secret, ESCAPED).to_string();
    forms.push(lower_escapes(&percent));
    forms.push(percent);
    // In the middle of a longer text, as in `user:secret`, a secret has one of
    // three forms, by where it starts.
    for offset in 0..3 {
        let standard = base64_inside(secret.as_bytes(), offset);
        forms.push(standard.replace('+', "-").replace('/', "_"));
        forms.push(standard);
    }
    forms
}

fn lower_escapes(percent: &str) -> String {
    let mut lower = String::with_capacity(percent.len());
    let mut escape = 0;
    for c in percent.chars() {
        lower.push(if 0 < escape {
            c.to_ascii_lowercase()
        } else {
            c
        });
        escape = if c == '%' {
            2_u8
        } else {
            escape.saturating_sub(1)
        };
    }
    lower
}

/// The characters of base64 that depend on `bytes` alone, if they stand
/// `offset` bytes after a multiple of three.
fn base64_inside(bytes: &[u8], offset: usize) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let byte_at = |index: usize| bytes[index - offset];
    let end = offset + bytes.len();
    // Character `i` holds the bits from `6 * i` on.
    let first = (offset * 8).div_ceil(6);
    (first..end * 8 / 6)
        .map(|i| {
            let (index, shift) = (i * 6 / 8, i * 6 % 8);
            let high = u16::from(byte_at(index)) << 8;
            let low = if index + 1 < end {
                u16::from(byte_at(index + 1))
            } else {
                0
            };
            let sextet = ((high | low) >> (10 - shift)) & 0x3f;
            char::from(ALPHABET[usize::from(sextet)])
        })
        .collect()
}

/// Hides what stands behind `name` and a `:` or `=`, as in
/// `Authorization: Bearer x`, `-H "X-Auth-Key: x"` and `"authorization":"x"`.
///
/// Without quotes the value may hold spaces and quotes of its own, so all of
/// the line goes.
fn hide_values(text: &str, name: &str) -> Option<String> {
    hide_each(text, name, |before, after| {
        let mut text = after.trim_start_matches(BLANK);
        let mut quote = Quote::at_end_of(before);
        if quote.is_some() && text.starts_with(QUOTES) {
            // The name alone was quoted.
            text = text[1..].trim_start_matches(BLANK);
            quote = None;
        }
        text = text.strip_prefix([':', '='])?.trim_start_matches(BLANK);
        if text.starts_with(QUOTES) {
            quote = Quote::at_end_of(&after[..=after.len() - text.len()]);
            text = &text[1..];
        }
        let length = value_length(text, quote);
        let start = after.len() - text.len();
        Some(start..start + length)
    })
}

/// Hides the token behind the word `Bearer`, wherever it stands. A word of
/// letters only is no token: this may be a sentence.
fn hide_bearer(text: &str) -> Option<String> {
    const SHORTEST_TOKEN: usize = 16;
    const BEGINNING: usize = 64;
    hide_each(text, "bearer", |_, after| {
        let text = after.trim_start_matches([' ', '\t', ':', '=']);
        let is_part = |c: &char| c.is_ascii_alphanumeric() || "-._~+/=".contains(*c);
        // Only a token is read to its end: `bearerbearerbearer…` is none.
        let beginning = text.chars().take(BEGINNING).take_while(is_part);
        let is_token = SHORTEST_TOKEN <= beginning.clone().count()
            && beginning.clone().any(|c| c.is_ascii_digit());
        let length = || text.chars().take_while(is_part).count();
        let start = after.len() - text.len();
        is_token.then(|| start..start + length())
    })
}

/// Replaces what `find` finds after each `name`, given the text before and
/// after it; nothing if it finds nothing.
fn hide_each(
    text: &str,
    name: &str,
    find: impl Fn(&str, &str) -> Option<Range<usize>>,
) -> Option<String> {
    let mut shown = String::new();
    let mut rest = text;
    let mut is_hidden = false;
    while let Some(start) = find_ignoring_case(rest, name) {
        let (before, after) = rest.split_at(start + name.len());
        shown.push_str(before);
        rest = after;
        if let Some(value) = find(&before[..start], after)
            && !value.is_empty()
        {
            shown.push_str(&after[..value.start]);
            shown.push_str(HIDDEN);
            rest = &after[value.end..];
            is_hidden = true;
        }
    }
    is_hidden.then(|| shown + rest)
}

const QUOTES: [char; 3] = ['"', '\'', '`'];
const BLANK: [char; 3] = [' ', '\t', '\\'];

/// A quote, perhaps one that is itself inside quotes: `\"`.
#[derive(Clone, Copy)]
struct Quote {
    mark: char,
    is_escaped: bool,
}

impl Quote {
    fn at_end_of(text: &str) -> Option<Self> {
        let mark = text.chars().next_back().filter(|c| QUOTES.contains(c))?;
        let is_escaped = text[..text.len() - 1].ends_with('\\');
        Some(Self { mark, is_escaped })
    }
}

/// A value ends with the line, or before it at the quote that was opened.
fn value_length(text: &str, quote: Option<Quote>) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        match quote {
            _ if matches!(c, '\n' | '\r') => return at,
            Some(quote) if c == quote.mark && is_escaped == quote.is_escaped => {
                return at - usize::from(is_escaped);
            }
            Some(_) | None => is_escaped = c == '\\',
        }
    }
    text.len()
}

/// Both are ASCII at the place found, so it is a boundary of characters.
fn find_ignoring_case(text: &str, name: &str) -> Option<usize> {
    let (text, name) = (text.as_bytes(), name.as_bytes());
    let first = name.first()?.to_ascii_lowercase();
    let mut at = 0;
    loop {
        at += text[at..]
            .iter()
            .position(|it| it.to_ascii_lowercase() == first)?;
        let window = text.get(at..at + name.len())?;
        if window.eq_ignore_ascii_case(name) {
            return Some(at);
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Colors, inline};
    use super::{SHORTEST, Secrets, maskable};

    const TOKEN: &str = "v1.0-A_b+C/d=9\"x";

    fn check(text: &str, expected: &str) {
        assert_eq!(Secrets::new(&[TOKEN]).hide(text), expected);
    }

    #[test]
    fn a_secret_is_hidden_in_every_form() {
        check(&format!("a {TOKEN}{TOKEN} b"), "a ****** b");
        check("a v1.0-A_b+C/d=9\\\"x b", "a *** b");
        check("a?t=v1.0-A_b%2BC%2Fd%3D9%22x&b", "a?t=***&b");
        check("a?t=v1.0-A_b%2bC%2fd%3d9%22x&b", "a?t=***&b");
    }

    /// The base64 of the token after nothing, `u` and `u:`, made by another
    /// program; of the last and first characters only some bits are ours.
    #[test]
    fn a_secret_is_hidden_in_base64_wherever_it_starts() {
        check("djEuMC1BX2IrQy9kPTkieA==", "***A==");
        check("dXYxLjAtQV9iK0MvZD05Ing=", "dX***g=");
        check("dTp2MS4wLUFfYitDL2Q9OSJ4", "dTp***");
    }

    #[test]
    fn a_form_that_is_part_of_another_leaves_no_end_of_it() {
        let secrets = Secrets::new(&["longenough", "longenough-and-longer"]);
        assert_eq!(secrets.hide("x longenough-and-longer"), "x ***");
    }

    #[test]
    fn what_is_too_short_for_a_secret_is_none() {
        let short = ["", "a", "1234567", "  ", "{\n  1\n}"];
        assert_eq!(maskable(&short).count(), 0);
        assert_eq!(Secrets::new(&short).hide("a 1234567 {"), "a 1234567 {");
        let lines = ["{\n  longenough\n}"];
        assert_eq!(maskable(&lines).collect::<Vec<_>>(), ["longenough"]);
    }

    #[test]
    fn the_value_of_an_authorization_header_is_hidden() {
        for (text, expected) in [
            ("Authorization: Bearer x y", "Authorization: ***"),
            (
                "< AUTHORIZATION:Basic eA==\nHost: a",
                "< AUTHORIZATION:***\nHost: a",
            ),
            (
                "curl -H \"Authorization: Bearer x\" a",
                "curl -H \"Authorization: ***\" a",
            ),
            ("curl -H 'x-auth-key: 1' a", "curl -H 'x-auth-key: ***' a"),
            (
                "{\"authorization\": \"Bearer x\", \"b\": 1}",
                "{\"authorization\": \"***\", \"b\": 1}",
            ),
            (
                "{\\\"Authorization\\\":\\\"x\\\"}",
                "{\\\"Authorization\\\":\\\"***\\\"}",
            ),
            (
                "\"authorization\": \"Digest a=\\\"b\\\", c=\\\"d\\\"\", e",
                "\"authorization\": \"***\", e",
            ),
            (
                "Authorization: Digest a=\"b\", c=\"d\"",
                "Authorization: ***",
            ),
            ("HTTP_AUTHORIZATION=x", "HTTP_AUTHORIZATION=***"),
            (
                "curl -H Authorization:\\ Bearer\\ x",
                "curl -H Authorization:\\ ***",
            ),
            ("a Bearer abcdef0123456789.x b", "a Bearer *** b"),
            (
                "X-Auth-User-Service-Key: v1.0-x",
                "X-Auth-User-Service-Key: ***",
            ),
        ] {
            check(text, expected);
        }
    }

    #[test]
    fn a_sentence_about_authorization_is_kept() {
        for text in [
            "Invalid format for Authorization header",
            "authorization failed",
            "bearer authentication is required",
            "Authorization:",
            "the bearer",
        ] {
            check(text, text);
        }
    }

    #[test]
    fn a_secret_is_hidden_though_a_line_parts_it_or_cuts_it() {
        let secrets = Secrets::new(&["0123456789abcdef"]);
        let shown = |text: &str| secrets.line(text, Colors::Kept);
        assert_eq!(
            shown("\x1b[1ma\x1b[0m 0123456789abcdef"),
            "\x1b[1ma\x1b[0m ***"
        );
        assert_eq!(shown("a 01234567\0\u{200b}89abcdef"), "a ***");
        assert_eq!(shown("a 01234567\x1b[31m89abcdef"), "a ***");
        for parted in ["\u{200b}", "\0", "\x1b[31m", "\u{ad}", "\x1b]0;x\x07"] {
            let piece = secrets.inline(&format!("a 01234567{parted}89abcdef\n b"));
            assert_eq!(piece, "a *** b");
        }
        assert_eq!(shown("Authorization: ***"), "Authorization: ***");
        let cut = shown(&format!("{}0123456789abcdef", "x".repeat(4090)));
        assert!(!cut.contains("01234"));
    }

    #[test]
    fn nothing_is_left_of_a_secret_where_a_text_was_cut_before_it_came_here() {
        let whole = format!("{}{TOKEN} and more", "x ".repeat(300));
        for start in 0..whole.len() - 500 {
            let piece = inline(&whole[start..]);
            let shown = Secrets::new(&[TOKEN]).hide(&piece).into_owned();
            assert!(!shown.contains(&TOKEN[..SHORTEST]), "{shown}");
        }
        check("log: v1.0-A_b+…, so", "log: ***…, so");
        check("log: v1.0-A_b+", "log: ***");
        check("log: v1.0-A_b+ x…", "log: v1.0-A_b+ x…");
        check("log: v1.0-A_b…", "log: ***…");
        check("log: v1.0-A_…", "log: v1.0-A_…");
    }

    #[test]
    fn secrets_do_not_print_themselves() {
        assert_eq!(format!("{:?}", Secrets::new(&[TOKEN])), "Secrets(***)");
    }

    proptest! {
        #[test]
        fn no_secret_is_left_in_any_text(
            before in any::<String>(),
            secret in "[0-9A-Za-z_+/\"-]{8,40}",
            after in any::<String>(),
        ) {
            let secrets = Secrets::new(&[&secret]);
            let hidden = secrets.hide(&format!("{before}{secret}{after}")).into_owned();
            prop_assert!(!hidden.contains(&secret));
            prop_assert_eq!(secrets.hide(&hidden), hidden.as_str());
        }

        #[test]
        fn any_quoting_is_tolerated(text in "([aA]uthorization|[bB]earer|[ :=\"'`\\\\\n\r]|ä|x1){0,40}") {
            let secrets = Secrets::new(&[""; 0]);
            let hidden = secrets.hide(&text).into_owned();
            prop_assert_eq!(secrets.hide(&hidden), hidden.as_str());
        }
    }

    #[test]
    fn a_text_of_nothing_but_names_is_read_in_linear_time() {
        for part in [
            "authorization",
            "authorization ",
            "\"authorization:",
            "bearer ",
            "bearer1",
        ] {
            let text = part.repeat(50_000);
            assert!(Secrets::new(&[TOKEN]).hide(&text).len() <= text.len());
        }
    }
}
