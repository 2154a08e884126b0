//! External text in the step summary: Markdown, HTML and Mermaid.

use super::inline;

/// Cleans a short piece and escapes it for Markdown and for HTML alike.
///
/// Character references rather than backslashes: they hold in a table cell,
/// in `<summary>`, and next to a backslash, and can never be markup.
///
/// GitHub makes links of bare addresses, of `@name` and of `#1` once the
/// references are read, so an empty comment parts what it would look for.
pub fn markdown(text: &str) -> String {
    escape(&inline(text))
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut before = ' ';
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let after = chars.peek().copied();
        let is_before_word = after.is_some_and(char::is_alphanumeric);
        let is_inside_word = before.is_alphanumeric() && is_before_word;
        let is_innocent = matches!(c, ',' | ';' | '/' | '?' | '%')
            || matches!(c, '-' | '.' | '(' | ')') && is_inside_word;
        let is_link = match c {
            '@' | '#' => is_before_word,
            ':' => after == Some('/'),
            '.' => ends_with_www(&escaped),
            _ => false,
        };
        if is_link || c.is_ascii_punctuation() && !is_innocent {
            escaped.push_str("&#");
            escaped.push_str(&u32::from(c).to_string());
            escaped.push(';');
        } else {
            escaped.push(c);
        }
        if is_link {
            escaped.push_str(PART);
        }
        before = c;
    }
    escaped
}

/// Parts a text and is not shown.
const PART: &str = "<!-- -->";

fn ends_with_www(text: &str) -> bool {
    let end = text.as_bytes().last_chunk::<3>();
    end.is_some_and(|it| it.eq_ignore_ascii_case(b"www"))
}

/// A short piece as code. An element rather than backticks: a `|` between
/// backticks still ends a table cell.
pub fn code(text: &str) -> String {
    format!("<code>{}</code>", markdown(text))
}

/// A sentence of ours that may hold pieces from outside: what stands between
/// backticks becomes code, and all of it is escaped.
pub fn prose(text: &str) -> String {
    let text = inline(text);
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        // A backtick without another.
        return escape(&text);
    }
    let parts = parts.into_iter().enumerate().map(|(n, part)| {
        if n.is_multiple_of(2) {
            escape(part)
        } else {
            format!("<code>{}</code>", escape(part))
        }
    });
    parts.collect()
}

/// A fence that nothing in `text` can close: longer than any run of backticks.
pub fn fence_for(text: &str) -> String {
    let longest = text
        .split(|c| c != '`')
        .map(str::len)
        .max()
        .unwrap_or_default();
    "`".repeat(longest.max(2) + 1)
}

/// A name for a task or a section in a Mermaid `gantt`.
///
/// Mermaid has no escapes there, so what has a meaning becomes a space; and it
/// reads a task that starts like a keyword or a date as one, so such a name
/// gets a word before it.
pub fn mermaid(text: &str) -> String {
    const KEYWORDS: [&str; 19] = [
        "accdescr",
        "acctitle",
        "axisformat",
        "call",
        "click",
        "dateformat",
        "end",
        "excludes",
        "gantt",
        "href",
        "includes",
        "inclusive",
        "section",
        "tickinterval",
        "title",
        "todaymarker",
        "topaxis",
        "weekday",
        "weekend",
    ];
    let spaced: String = inline(text)
        .chars()
        .map(|c| match c {
            '-' | '.' | '_' => c,
            c if c.is_alphanumeric() => c,
            _ => ' ',
        })
        .collect();
    let name = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    let start = name.to_ascii_lowercase();
    let is_name = start.starts_with(char::is_alphabetic)
        && !KEYWORDS.iter().any(|keyword| start.starts_with(keyword));
    if is_name {
        name
    } else {
        format!("stage {name}").trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{PART, code, fence_for, markdown, mermaid, prose};

    #[test]
    fn words_stay_readable() {
        for text in [
            "Update index.html",
            "pages-retry",
            "v1.2.3",
            "feature/a-b",
            "äöü 日本",
        ] {
            assert_eq!(markdown(text), text);
        }
    }

    #[test]
    fn what_is_markup_is_escaped() {
        for (text, expected) in [
            ("a|b", "a&#124;b"),
            ("<img src=x>", "&#60;img src&#61;x&#62;"),
            ("&lt;", "&#38;lt;"),
            ("`x`", "&#96;x&#96;"),
            ("**b** _i_", "&#42;&#42;b&#42;&#42; &#95;i&#95;"),
            ("[a](b)", "&#91;a&#93;&#40;b&#41;"),
            ("\\|", "&#92;&#124;"),
            ("# h", "&#35; h"),
            ("- x", "&#45; x"),
            ("1. x", "1&#46; x"),
            ("a @ b: c #", "a &#64; b&#58; c &#35;"),
            ("a\n\n<b>", "a &#60;b&#62;"),
        ] {
            assert_eq!(markdown(text), expected);
        }
    }

    #[test]
    fn what_github_makes_a_link_of_is_parted() {
        for (text, expected) in [
            ("https://x", "https&#58;<!-- -->//x"),
            ("www.example.com", "www&#46;<!-- -->example.com"),
            ("xWwW.example.com", "xWwW&#46;<!-- -->example.com"),
            ("@you", "&#64;<!-- -->you"),
            ("a@example.com", "a&#64;<!-- -->example.com"),
            ("a/b#1", "a/b&#35;<!-- -->1"),
        ] {
            assert_eq!(markdown(text), expected);
        }
        assert_eq!(code("@you"), "<code>&#64;<!-- -->you</code>");
    }

    #[test]
    fn a_sentence_keeps_its_code_and_nothing_else() {
        for (text, expected) in [
            (
                "set `a_b: true` now",
                "set <code>a&#95;b&#58; true</code> now",
            ),
            ("`a` and `b`", "<code>a</code> and <code>b</code>"),
            ("`<b>` *", "<code>&#60;b&#62;</code> &#42;"),
            ("a ` b", "a &#96; b"),
        ] {
            assert_eq!(prose(text), expected);
        }
    }

    #[test]
    fn code_is_an_element_that_holds_in_a_table() {
        assert_eq!(code("a|`b`"), "<code>a&#124;&#96;b&#96;</code>");
    }

    #[test]
    fn a_fence_is_longer_than_any_inside() {
        assert_eq!(fence_for("x"), "```");
        assert_eq!(fence_for("`` x ```\n````"), "`````");
    }

    #[test]
    fn a_task_is_named_by_nothing_that_mermaid_reads_otherwise() {
        for (text, expected) in [
            ("clone_repo", "clone_repo"),
            ("build: a;b #c %%d", "build a b c d"),
            ("Section x", "stage Section x"),
            ("2026-01-01", "stage 2026-01-01"),
            ("dateFormat x", "stage dateFormat x"),
            ("a\nsection b", "a section b"),
            (":::", "stage"),
        ] {
            assert_eq!(mermaid(text), expected);
        }
    }

    proptest! {
        #[test]
        fn nothing_in_any_text_is_markup(text in any::<String>()) {
            let escaped = markdown(&text).replace(PART, "");
            let mut rest = escaped.as_str();
            // What is left of the references is letters and innocent signs.
            let mut plain = String::new();
            while let Some((before, after)) = rest.split_once("&#") {
                plain.push_str(before);
                rest = after.split_once(';').unwrap().1;
            }
            plain.push_str(rest);
            let markup = "&<>\"'`*_~[]{}\\#@!|:$^+=";
            let is_plain = !plain.contains(|c| markup.contains(c));
            prop_assert!(is_plain, "{escaped}");
        }

        #[test]
        fn any_task_name_is_a_name(text in any::<String>()) {
            let name = mermaid(&text);
            prop_assert!(name.starts_with(char::is_alphabetic));
            prop_assert!(!name.contains([':', ';', '#', '%', ',', '\n']));
            prop_assert_eq!(mermaid(&name), name);
        }
    }
}
