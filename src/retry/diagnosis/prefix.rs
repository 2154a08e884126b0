//! Removes what hosts and tools put before a line of a log: a time, the number
//! of a Docker step, the name of a package in a workspace, drawn marks.

/// How many prefixes are removed, one after another.
const MAX_PREFIXES: usize = 6;

/// What is left of a line without its prefixes.
pub(super) fn without_prefixes(text: &str) -> &str {
    let mut body = text;
    for _ in 0..MAX_PREFIXES {
        let shorter = without_time(body)
            .or_else(|| without_step(body))
            .or_else(|| without_package(body))
            .or_else(|| without_glyph(body));
        let Some(shorter) = shorter else { break };
        body = shorter.trim_start();
    }
    body
}

/// `12:00:01.123`, `[12:00:01]`, `1:57:11 PM:`, `2026-01-02T12:00:01.123Z`,
/// `2026-01-02 12:00:01`, then perhaps `|`.
fn without_time(text: &str) -> Option<&str> {
    let inner = text.trim_start_matches(['[', '(']);
    let day = inner.get(..10).filter(|it| is_shaped(it, "dddd-dd-dd"));
    let clock = match day {
        Some(_) => inner[10..].trim_start_matches(['T', ' ']),
        None => inner,
    };
    let is_clock = |shape: &str| {
        let start = clock.get(..shape.len());
        start.is_some_and(|it| is_shaped(it, shape))
    };
    let shape = ["dd:dd:dd", "d:dd:dd"]
        .into_iter()
        .find(|it| is_clock(it))?;
    let rest = clock[shape.len()..]
        .trim_start_matches(|c: char| matches!(c, '.' | ',' | '0'..='9' | 'Z' | ']' | ')'));
    let rest = rest.trim_start();
    let rest = ["AM:", "PM:", "AM", "PM", "|"]
        .iter()
        .find_map(|it| rest.strip_prefix(it))
        .unwrap_or(rest);
    // `12:00:01: ` is a time; `src/a.ts` has none, and neither has `1:02:03x`.
    Some(rest.strip_prefix(':').unwrap_or(rest))
}

/// `d` stands for a digit.
fn is_shaped(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text
            .bytes()
            .zip(shape.bytes())
            .all(|(byte, shape)| match shape {
                b'd' => byte.is_ascii_digit(),
                _ => byte == shape,
            })
}

/// `#10 3.138 ` of a Docker build, `##[error]` of GitHub and Azure.
fn without_step(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix("##[") {
        return rest.split_once(']').map(|(_, rest)| rest);
    }
    for level in ["[INFO] ", "[info] "] {
        if let Some(rest) = text.strip_prefix(level) {
            return Some(rest);
        }
    }
    if let Some(rest) = text.strip_prefix("::error") {
        return rest.split_once("::").map(|(_, rest)| rest);
    }
    let (number, rest) = text.strip_prefix('#')?.split_once(' ')?;
    let is_number =
        |it: &str| !it.is_empty() && it.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if !is_number(number) {
        return None;
    }
    Some(match rest.split_once(' ') {
        Some((time, rest)) if is_number(time) => rest,
        _ => rest,
    })
}

/// What workspace runners put before each line: `apps/web build: ` (pnpm),
/// `@acme/web:build: ` (Turborepo), `[web:build] ` and `[@acme/web]: ` (Yarn,
/// npm-run-all, Nx), `YN0000: cypress@npm:12.5.1 STDERR ` (Yarn).
fn without_package(text: &str) -> Option<&str> {
    for stream in [" STDERR ", " STDOUT "] {
        if let Some((package, rest)) = text.split_once(stream)
            && package.len() < 120
            && package.contains('@')
        {
            return Some(rest);
        }
    }
    if let Some(rest) = text.strip_prefix("YN0000: ") {
        let is_message = rest.starts_with('│') || rest.starts_with('┌') || rest.starts_with('└');
        return is_message.then_some(rest);
    }
    if let Some((name, rest)) = text.strip_prefix('[').and_then(|it| it.split_once(']')) {
        let is_name = name.len() < 60
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"@/:_-.".contains(&b))
            && (name.contains(['/', ':', '@']) || name.bytes().all(|b| b.is_ascii_digit()));
        return is_name.then(|| rest.strip_prefix(':').unwrap_or(rest));
    }
    let (head, rest) = text.split_once(": ")?;
    let is_path = |it: &str| {
        !it.is_empty()
            && it
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"@/_-.".contains(&b))
    };
    let is_task =
        |it: &str| SCRIPTS.contains(&it) || it.split([':', '-']).any(|it| SCRIPTS.contains(&it));
    let is_pnpm = head
        .split_once(' ')
        .is_some_and(|(package, script)| is_path(package) && is_task(script));
    let is_turbo = head
        .rsplit_once(':')
        .is_some_and(|(package, script)| is_path(package) && is_task(script));
    (is_pnpm || is_turbo).then_some(rest)
}

const SCRIPTS: &[&str] = &[
    "build",
    "dev",
    "install",
    "postinstall",
    "preinstall",
    "prepare",
    "prebuild",
    "postbuild",
    "generate",
    "compile",
    "bundle",
    "lint",
    "test",
    "typecheck",
    "check",
    "start",
    "export",
];

/// Marks that tools draw before a message.
fn without_glyph(text: &str) -> Option<&str> {
    if is_code_frame(text) {
        return None;
    }
    let is_glyph = |c| "✘×✖✗❌▲⨯•│┃|➤›>╷╰─├└┌🚨💥⚡⛔🛑⚠️✕⎯".contains(c) || c == '\u{fe0f}';
    let rest = text.trim_start_matches(is_glyph);
    (rest.len() < text.len()).then_some(rest)
}

/// `> 12 | code`, `12 │ code`, `   |    ^`.
pub(super) fn is_code_frame(text: &str) -> bool {
    let rest = text.trim_start_matches(['>', ' ', '⎸']);
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let behind = rest[digits..].trim_start();
    let has_bar = behind.starts_with('|') || behind.starts_with('│');
    let drawn = text.trim_matches(|c| "|│╵╷╎·^~─┬╰╯└┘┴-= >".contains(c));
    (0 < digits && has_bar) || drawn.is_empty()
}
