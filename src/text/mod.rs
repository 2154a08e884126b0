//! Sanitizes external text, so that it cannot act on the log that shows it.
//!
//! Build log lines, commit messages, branch names, URLs, error bodies and
//! stage names are written by others. CI hosts read what a step prints, and
//! some of it as workflow commands: set an output, fail the step, mask a word. Terminals
//! obey escape sequences. So nothing from outside is shown before it has
//! passed one of these functions:
//!
//! - [`lines`], then [`line()`] for each line of a forwarded log,
//! - [`inline`] for a piece inside a line of ours,
//! - [`markup`] for Markdown and Mermaid,
//! - [`secrets::Secrets`] for what must not be shown at all.
//!
//! Invariant: functions of their arguments, linear in them, and no panic on
//! any text. What they return holds no control character but those of a kept
//! color, nothing invisible, and no workflow command of any host; a clean line
//! stays as it is. Every host's commands are neutralized on every host, since
//! detection may
//! be wrong. Problem matchers that earlier steps gave to GitHub match any
//! text they like: those cannot be neutralized.
//!
//! Order matters: what cannot be seen is taken out first, and only then are
//! commands looked for, so that removing something cannot put one together.

pub mod markup;
pub mod secrets;

pub mod escapes;

use std::{iter, mem};

use escapes::{Piece, pieces};

/// The longest line that is shown, in bytes; the web views of CI hosts get
/// slow with longer ones.
pub const LONGEST_LINE: usize = 4096;

/// The longest piece inside a line of ours, in bytes.
pub const LONGEST_INLINE: usize = 500;

/// Stands before a line that would be a command because of how it starts.
///
/// It can be seen, so that nobody wonders, and it is ASCII and not blank,
/// since hosts look past white space and past what has no width.
const GUTTER: &str = "| ";

/// Stands where the rest was cut off.
pub const CUT: &str = "…";
const RESET: &str = "\x1b[0m";

/// Whether the place where a line is shown renders colors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colors {
    Kept,
    Stripped,
}

/// Splits where a CI host sees the end of a line: at `\n`, at `\r\n`, and at
/// a lone `\r` too, behind which a command could otherwise hide.
pub fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some(end) = rest.find(['\n', '\r']) else {
            return Some(mem::take(&mut rest));
        };
        let (line, ending) = rest.split_at(end);
        rest = ending.strip_prefix("\r\n").unwrap_or(&ending[1..]);
        Some(line)
    })
}

/// Whether [`line()`] would return `text` as it is, for most lines of a build log.
/// A quick test: `false` says nothing.
pub(crate) fn is_plain(text: &str) -> bool {
    let is_printable = text.bytes().all(|it| matches!(it, b' '..=b'~'));
    // `##[`, `section_start:`, `travis_fold:` and the like.
    let has_command = text.contains("##") || (text.contains(':') && text.contains('_'));
    // Commands that are recognized by how a line starts.
    let starts_plainly = !matches!(
        text.trim_start().bytes().next(),
        Some(b':' | b'-' | b'+' | b'~' | b'^')
    );
    is_printable && !has_command && starts_plainly && text.len() < LONGEST_LINE / 2
}

/// Cleans one line of a forwarded log.
pub fn line(text: &str, colors: Colors) -> String {
    let mut line = Line::new(LONGEST_LINE);
    for piece in pieces(text) {
        match piece {
            Piece::Char('\t') => iter::repeat_n(' ', 4).for_each(|space| line.push(space)),
            Piece::Char(c) if breaks_line(c) => line.push(' '),
            Piece::Char(c) if is_invisible(c) => {}
            Piece::Char(c) => line.push(c),
            Piece::Color(sequence) if colors == Colors::Kept => line.color(sequence),
            Piece::Color(_) => {}
        }
        if line.is_full() {
            break;
        }
    }
    line.finish()
}

/// Cleans a short piece for use anywhere inside a line of ours: one line, no
/// color, white space drawn together, at most [`LONGEST_INLINE`] bytes.
///
/// Put a space or a word between two such pieces: each is neutralized by itself,
/// but a `#` at the end of one and a `#[` at the start of the next are not.
pub fn inline(text: &str) -> String {
    let mut line = Line::new(LONGEST_INLINE);
    let mut is_spaced = false;
    for piece in pieces(text) {
        let Piece::Char(c) = piece else { continue };
        if c.is_whitespace() {
            is_spaced = true;
        } else if !is_invisible(c) {
            if is_spaced && !line.shown.is_empty() {
                line.push(' ');
            }
            is_spaced = false;
            line.push(c);
        }
        if line.is_full() {
            break;
        }
    }
    line.finish()
}

/// A line while it is put together.
struct Line {
    /// What will be shown.
    shown: String,
    /// What a host may match a command against: of `shown` only white space and
    /// the ASCII characters, and no colors. Buildkite takes colors out before it looks
    /// for its commands, and the GitHub and Azure runners compare by the rules
    /// of a language, in which some characters have no weight. Which ones is
    /// a matter of tables; that all of them are beyond ASCII is not.
    matched: String,
    longest: usize,
    is_colored: bool,
    /// Up to where `shown` may be kept if it gets too long, and whether a
    /// color is on there.
    cut: (usize, bool),
}

impl Line {
    fn new(longest: usize) -> Self {
        Self {
            shown: String::new(),
            matched: String::new(),
            longest,
            is_colored: false,
            cut: (0, false),
        }
    }

    fn push(&mut self, c: char) {
        self.mark_cut();
        if self.completes_command(c) {
            self.shown.push(' ');
            self.matched.push(' ');
        }
        self.shown.push(c);
        if c.is_whitespace() {
            self.matched.push(' ');
        } else if c.is_ascii() {
            self.matched.push(c);
        }
    }

    fn color(&mut self, sequence: &str) {
        self.mark_cut();
        self.shown.push_str(sequence);
        self.is_colored = !matches!(sequence, "\x1b[m" | "\x1b[0m");
    }

    /// Remembers the last place that leaves room for what [`Line::finish`] adds.
    fn mark_cut(&mut self) {
        if self.shown.len() + GUTTER.len() + CUT.len() + RESET.len() <= self.longest {
            self.cut = (self.shown.len(), self.is_colored);
        }
    }

    fn is_full(&self) -> bool {
        self.longest < self.shown.len()
    }

    /// Whether `c` is the last character of a command that acts anywhere in a
    /// line. A space before it, `## [error]`, leaves the text readable and is
    /// not skipped by any host.
    fn completes_command(&self, c: char) -> bool {
        match c {
            // `##[`, `##vso[` and `##teamcity[`.
            '[' => self
                .matched
                .trim_end_matches(|c: char| c.is_ascii_alphanumeric())
                .ends_with("##"),
            ':' => ["section_start", "section_end", "travis_fold", "travis_time"]
                .iter()
                .any(|command| ends_with_ignoring_case(&self.matched, command)),
            _ => false,
        }
    }

    /// Whether the line is a command because of how it starts: a workflow
    /// command (`::error::`), or a group of Buildkite (`--- `).
    fn starts_command(&self) -> bool {
        let text = self.matched.trim_start();
        text.starts_with("::")
            || ["---", "+++", "~~~", "^^^"].iter().any(|command| {
                text.strip_prefix(command)
                    .is_some_and(|after| after.is_empty() || after.starts_with(' '))
            })
    }

    fn finish(mut self) -> String {
        let gutter = if self.starts_command() { GUTTER } else { "" };
        let reset = if self.is_colored { RESET } else { "" };
        if gutter.len() + self.shown.len() + reset.len() <= self.longest {
            return format!("{gutter}{}{reset}", self.shown);
        }
        let (cut, is_colored) = self.cut;
        self.shown.truncate(cut);
        let reset = if is_colored { RESET } else { "" };
        format!("{gutter}{}{CUT}{reset}", self.shown)
    }
}

fn ends_with_ignoring_case(text: &str, end: &str) -> bool {
    let (text, end) = (text.as_bytes(), end.as_bytes());
    end.len() <= text.len() && text[text.len() - end.len()..].eq_ignore_ascii_case(end)
}

/// Characters that separate lines somewhere, though not for CI hosts.
fn breaks_line(c: char) -> bool {
    matches!(
        c,
        '\n' | '\r' | '\x0b' | '\x0c' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

/// Characters that show nothing themselves: control characters, those that
/// turn the direction of writing (what is read is then not what is there),
/// and those without width (two words that look alike are then not equal).
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{600}'..='\u{605}'
                | '\u{61c}'
                | '\u{6dd}'
                | '\u{70f}'
                | '\u{8e2}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        CUT, Colors, GUTTER, LONGEST_INLINE, LONGEST_LINE, RESET, inline, is_plain, line, lines,
    };
    use test_support::parsers::{Reader, hostile};

    fn check(text: &str, expected: &str) {
        assert_eq!(line(text, Colors::Stripped), expected);
    }

    /// As a forwarded log is shown.
    fn forwarded(text: &str, colors: Colors) -> String {
        lines(text).fold(String::new(), |log, text| log + &line(text, colors) + "\n")
    }

    /// Every way in which external text is shown.
    fn shown(text: &str) -> Vec<String> {
        let piece = inline(text);
        vec![
            forwarded(text, Colors::Kept),
            forwarded(text, Colors::Stripped),
            line(text, Colors::Kept),
            format!("  {piece}"),
            format!("✓ {piece} in 2s"),
            format!("Refused: ({piece})"),
            piece,
        ]
    }

    fn assert_neutralized(text: &str) {
        for shown in shown(text) {
            for reader in Reader::ALL {
                let acts = reader.acts(&shown);
                assert!(acts.is_empty(), "{text:?} as {shown:?}: {acts:?}");
            }
        }
    }

    #[test]
    fn no_host_and_no_terminal_acts_on_a_hostile_line() {
        for hostile in hostile::TABLE {
            assert_neutralized(hostile.text);
            for text in lines(hostile.text) {
                assert_neutralized(text);
            }
        }
    }

    #[test]
    fn a_command_is_neutralized_visibly() {
        check("::error::x", "| ::error::x");
        check("  ::error::x", "|   ::error::x");
        check("\u{3000}::error::x", "| \u{3000}::error::x");
        check("--- Tests", "| --- Tests");
        check("^^^ +++", "| ^^^ +++");
        check("a ##[group]b", "a ## [group]b");
        check("a ###[group]b", "a ### [group]b");
        check("a ##vso[task.x]b", "a ##vso [task.x]b");
        check("##TeamCity[x]", "##TeamCity [x]");
        check("Section_End:1:a", "Section_End :1:a");
        check("travis_fold:start:a", "travis_fold :start:a");
    }

    #[test]
    fn removing_something_puts_no_command_together() {
        check("#\0#\x1b[0K[error]", "## [error]");
        check(":\u{200b}:error::x", "| ::error::x");
        check("\x1b]0;x\x07::error::x", "| ::error::x");
        check("section_\u{ad}start:1", "section_start :1");
        let colored = line("#\x1b[1m#\x1b[2m[error]", Colors::Kept);
        assert_eq!(colored, "#\x1b[1m#\x1b[2m [error]\x1b[0m");
        let colored = line("\x1b[1m:\x1b[2m:error::", Colors::Kept);
        assert_eq!(colored, "| \x1b[1m:\x1b[2m:error::\x1b[0m");
    }

    #[test]
    fn a_command_is_neutralized_though_other_characters_part_it() {
        check("#é#[error]", "#é# [error]");
    }

    #[test]
    fn an_ordinary_line_stays_as_it_is() {
        for text in [
            "",
            "  indented",
            "src/a.rs: std::fmt::Debug",
            "## Heading",
            "#[test] a[0] ##x [y]",
            "-----",
            "---x",
            "https://a.example/?b=c&d#e",
            "日本語 ✨ äöü",
        ] {
            check(text, text);
        }
    }

    #[test]
    fn what_cannot_be_seen_is_taken_out() {
        check("a\0b\x08c\x7fd\u{9c}e", "abcde");
        check("a\u{202e}b\u{2066}c\u{200f}d\u{feff}e\u{200b}f", "abcdef");
        check("a\tb\x0bc\u{2028}d", "a    b c d");
    }

    #[test]
    fn escape_sequences_are_taken_out_whole_and_the_text_around_them_is_kept() {
        check("a\x1b[2Kb\x1b[1;2Hc\x1b[?25ld", "abcd");
        check("\x1b]8;;https://a\x1b\\link\x1b]8;;\x07", "link");
        check("a\x1bPq1\x1b\\b\x1b_c\u{9c}d\x1b^e\x07f", "abdf");
        check("a\x1b(0b\x1bcd\x1b#8e", "abde");
        check("a\u{9b}31mb\u{9d}0;x\x07c", "abc");
    }

    #[test]
    fn a_sequence_that_is_not_ended_does_not_take_the_text_behind_it() {
        check("a\x1b]0;b", "a0;b");
        check("a\x1b[31", "a");
        check("a\x1b[31\u{e4}b", "a\u{e4}b");
        check("a\x1b]b\x1b[1mc", "abc");
        check("a\x1b", "a");
    }

    #[test]
    fn a_color_is_kept_where_it_is_rendered_and_ends_with_the_line() {
        for (text, expected) in [
            ("\x1b[31mred", "\x1b[31mred\x1b[0m"),
            ("\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m"),
            ("\x1b[1;38;5;8ma\x1b[m", "\x1b[1;38;5;8ma\x1b[m"),
            ("\x1b[38;2;1;8;8ma\x1b[m", "\x1b[38;2;1;8;8ma\x1b[m"),
            ("\x1b[8ma\x1b[1;08mb\x1b[38;5;8;8mc", "abc"),
            ("\x1b[>4ma\x1b[ mb", "ab"),
        ] {
            assert_eq!(line(text, Colors::Kept), expected);
        }
        check("\x1b[31mred\x1b[0m", "red");
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let text = "ä".repeat(LONGEST_LINE);
        let cut = line(&text, Colors::Stripped);
        assert!(cut.ends_with("ä…") && cut.len() <= LONGEST_LINE);
        let text = format!("::x\x1b[31m{text}");
        let cut = line(&text, Colors::Kept);
        assert!(cut.starts_with("| ::x") && cut.ends_with("ä…\x1b[0m"));
        assert!(cut.len() <= LONGEST_LINE);
        check(&"x".repeat(LONGEST_LINE), &"x".repeat(LONGEST_LINE));
        // Room is left for a gutter, the mark and the end of a color.
        let room = GUTTER.len() + CUT.len() + RESET.len();
        let cut = line(&"x".repeat(LONGEST_LINE + 1), Colors::Stripped);
        assert_eq!(cut.len(), LONGEST_LINE - room + CUT.len());
        let text = "x".repeat(LONGEST_INLINE + 1);
        assert!(inline(&text).ends_with("x…"));
    }

    #[test]
    fn a_piece_is_one_line_without_color_and_with_single_spaces() {
        assert_eq!(inline(" a\r\n b\t\u{a0}c\x1b[31m d\n"), "a b c d");
        assert_eq!(inline("\n ::error::x"), "| ::error::x");
        assert_eq!(inline("a\n::error::x"), "a ::error::x");
        assert_eq!(inline(" \n\0"), "");
    }

    #[test]
    fn a_line_ends_at_a_lone_return_too() {
        let split: Vec<&str> = lines("a\r\nb\rc\n\n\rd\n").collect();
        assert_eq!(split, ["a", "b", "c", "", "", "d"]);
        assert_eq!(lines("").count(), 0);
        assert_eq!(lines("\n").count(), 1);
    }

    /// Text of the parts of which commands and sequences are made.
    fn text() -> impl Strategy<Value = String> {
        let words = [
            "\x1b",
            "[",
            "]",
            "\x1b[",
            "\x1b]",
            "\x1b[31m",
            "\x1b[0m",
            "\x1b[8m",
            "\x1bP",
            "\x1b\\",
            "\x07",
            "\u{9b}",
            "\u{9c}",
            "\u{9d}",
            "m",
            "8",
            ";",
            "#",
            "##",
            "vso",
            "teamcity",
            "error",
            "add-mask",
            ":",
            "::",
            "section_start",
            "travis_fold",
            ":1:a",
            "-",
            "--- ",
            "+++",
            "~~~",
            "^^^",
            " ",
            "\t",
            "\r",
            "\n",
            "\u{85}",
            "\u{a0}",
            "\u{200b}",
            "\u{202e}",
            "\0",
            "|",
            "…",
            "ä",
        ];
        let part = prop_oneof![
            8 => prop::sample::select(words.to_vec()).prop_map(str::to_owned),
            1 => any::<char>().prop_map(String::from),
            1 => any::<String>(),
        ];
        let long = prop_oneof![9 => Just(1_usize), 1 => Just(200)];
        (prop::collection::vec(part, 0..24), long)
            .prop_map(|(parts, times)| parts.concat().repeat(times))
    }

    fn is_clean(text: &str) -> bool {
        !text.chars().any(char::is_control)
    }

    proptest! {
        #[test]
        fn any_text_is_neutralized(text in text()) {
            assert_neutralized(&text);
        }

        #[test]
        fn any_text_becomes_short_and_clean(text in text()) {
            let plain = line(&text, Colors::Stripped);
            prop_assert!(is_clean(&plain) && plain.len() <= LONGEST_LINE);
            prop_assert!(line(&text, Colors::Kept).len() <= LONGEST_LINE);
            let piece = inline(&text);
            prop_assert!(is_clean(&piece) && piece.len() <= LONGEST_INLINE);
        }

        #[test]
        fn a_plain_line_is_left_as_it_is(text in text()) {
            for text in [text.as_str(), "vite v7 building for production...", "a-b [x] #1"] {
                prop_assert!(!is_plain(text) || line(text, Colors::Kept) == text);
            }
        }

        #[test]
        fn sanitized_text_stays_as_it_is(text in text()) {
            for colors in [Colors::Kept, Colors::Stripped] {
                let once = line(&text, colors);
                prop_assert_eq!(&line(&once, colors), &once);
            }
            let once = inline(&text);
            prop_assert_eq!(&inline(&once), &once);
        }

        #[test]
        fn no_text_is_lost_between_lines(text in text()) {
            let joined: String = lines(&text).collect();
            prop_assert_eq!(joined, text.replace(['\r', '\n'], ""));
        }
    }

    /// Would not end in a lifetime if a part were read again and again.
    #[test]
    fn a_text_of_nothing_but_beginnings_is_read_in_linear_time() {
        for part in [
            "\x1b]", "\u{90}", "\x1b[", "\u{9d}x", "##a", "a[", "\x1b[1", "\x1b(", "\x07",
        ] {
            let text = part.repeat(300_000);
            assert!(line(&text, Colors::Kept).len() <= LONGEST_LINE);
            assert!(inline(&text).len() <= LONGEST_INLINE);
        }
    }
}
