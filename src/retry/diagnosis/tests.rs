//! Logs in the formats of the tools, each with what has to be said of it.
//!
//! `## VERDICT: REASON` opens a log; `REASON` may be the start of the reason.
//! `=> ` marks the line that has to be shown first. Behind each log of a
//! transient failure stands a similar one of a permanent failure.

use proptest::prelude::*;

use super::StageName::{Build, Deploy, Initialize};
use super::excerpt::MAX_LINES;
use super::pattern::matches;
use super::rules::{ALL, Rule};
use super::*;

const FILES: &[&str] = &[
    include_str!("examples/limits.txt"),
    include_str!("examples/cloudflare.txt"),
    include_str!("examples/git.txt"),
    include_str!("examples/registries.txt"),
    include_str!("examples/packages.txt"),
    include_str!("examples/toolchain.txt"),
    include_str!("examples/browsers.txt"),
    include_str!("examples/shell.txt"),
    include_str!("examples/python.txt"),
    include_str!("examples/generators.txt"),
    include_str!("examples/languages.txt"),
    include_str!("examples/frameworks.txt"),
    include_str!("examples/bundlers.txt"),
    include_str!("examples/node.txt"),
    include_str!("examples/network.txt"),
];

struct Example {
    verdict: &'static str,
    reason: &'static str,
    log: String,
    first: String,
}

impl Example {
    fn parse(block: &'static str) -> Self {
        let (head, log) = block.split_once('\n').unwrap();
        let (verdict, reason) = head.split_once(": ").unwrap();
        let mut marked = log.lines().filter_map(|it| it.strip_prefix("=> "));
        let first = marked.next().unwrap().trim().to_owned();
        assert_eq!(marked.next(), None, "one line of {block} is marked");
        let log = log.lines().map(|it| it.strip_prefix("=> ").unwrap_or(it));
        let log = log.collect::<Vec<_>>().join("\n").trim_end().to_owned();
        Self {
            verdict,
            reason,
            log,
            first,
        }
    }

    fn all() -> impl Iterator<Item = Self> {
        let blocks = FILES.iter().flat_map(|it| it.split("## ").skip(1));
        blocks.map(Self::parse)
    }
}

fn clues(log: &str) -> Clues {
    let mut clues = Clues::default();
    log.lines().for_each(|it| clues.saw(it));
    clues
}

fn verdict(diagnosis: &Diagnosis) -> &'static str {
    match diagnosis.cause {
        Cause::Permanent => "permanent",
        Cause::Transient | Cause::InternalError => "transient",
        Cause::TimeLimit => "time limit",
    }
}

#[test]
fn each_log_gets_its_verdict_reason_and_first_line() {
    let mut wrong = Vec::new();
    for Example {
        verdict: expected,
        reason,
        log,
        first,
    } in Example::all()
    {
        let diagnosis = diagnose(&Build, Some(&clues(&log)));
        let is_right = verdict(&diagnosis) == expected
            && diagnosis.reason.starts_with(reason)
            && diagnosis.excerpt.first() == Some(&first);
        if !is_right {
            let said = format!(
                "{}: {}\n   {:?}",
                verdict(&diagnosis),
                diagnosis.reason,
                diagnosis.excerpt.first()
            );
            wrong.push(format!("{expected}: {reason}\n   {first}\ngot {said}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} are wrong:\n{}",
        wrong.len(),
        wrong.join("\n\n")
    );
}

fn decided_by(log: &str) -> Option<&'static Rule> {
    let lines = clues(log).lines();
    decisive(since_the_last_step(&lines)).map(|(rule, _)| rule)
}

#[test]
fn each_rule_decides_a_log() {
    let met: Vec<&Rule> = Example::all()
        .filter_map(|it| decided_by(&it.log))
        .collect();
    let unmet = ALL
        .iter()
        .copied()
        .flatten()
        .filter(|rule| !met.iter().any(|it| std::ptr::eq(*it, *rule)));
    let unmet: Vec<_> = unmet.map(|it| it.reason).collect();
    assert_eq!(unmet, [""; 0]);
}

#[test]
fn behind_a_log_of_each_transient_rule_stands_a_permanent_one() {
    let examples: Vec<Example> = Example::all().collect();
    let pairs = examples
        .windows(2)
        .filter(|it| it[1].verdict == "permanent");
    let compared: Vec<&Rule> = pairs.filter_map(|it| decided_by(&it[0].log)).collect();
    for rule in ALL.iter().copied().flatten() {
        let is_transient = matches!(rule.cause, Cause::Transient | Cause::InternalError);
        let is_compared = compared.iter().any(|it| std::ptr::eq(*it, rule));
        assert!(!is_transient || is_compared, "{}", rule.reason);
    }
}

#[test]
fn reasons_and_advice_fit_where_they_are_shown() {
    for rule in ALL.iter().copied().flatten() {
        assert!(rule.reason.chars().count() <= 120, "{}", rule.reason);
        assert!(rule.advice.chars().count() <= 240, "{}", rule.advice);
        let is_transient = matches!(rule.cause, Cause::Transient | Cause::InternalError);
        assert_eq!(
            is_transient,
            rule.advice.starts_with("run it again later"),
            "{}",
            rule.advice
        );
    }
}

#[test]
fn each_pattern_is_in_lower_case_as_the_lines_are() {
    let rules = ALL.iter().copied().flatten();
    let patterns = rules
        .flat_map(|it| [it.patterns, it.with, it.without])
        .flatten();
    for pattern in patterns.chain(STEPS) {
        assert_eq!(*pattern, pattern.to_ascii_lowercase());
    }
}

#[test]
fn a_registry_that_recovered_is_not_the_cause() {
    let then = "
src/main.ts(3,7): error TS2322: Type 'string' is not assignable to type 'number'.
Failed: build command exited with code: 1";
    let retried = "WARN GET https://registry.example/vite error (ETIMEDOUT). Will retry in 10 seconds. 2 retries left.";
    let survived = "\
npm error 503 Service Unavailable - GET https://registry.example/vite
Executing user command: npm run build";
    for before in [retried, survived] {
        let diagnosis = diagnose(&Build, Some(&clues(&format!("{before}{then}"))));
        assert!(!diagnosis.is_transient);
        assert!(
            diagnosis.reason.starts_with("TypeScript"),
            "{}",
            diagnosis.reason
        );
    }
}

#[test]
fn what_a_users_own_build_prints_does_not_make_it_transient() {
    for line in [
        "GET /api/pages 503 in 12 ms",
        "Error: connect ETIMEDOUT 10.0.0.1:5432",
        "TypeError: an internal error occurred",
        "✓ shows `Failed: an internal error occurred` (3 ms)",
        "503 packages from registry.example are looking for funding",
        "progress 12%\rFailed: an internal error occurred",
        "npm warn network read ECONNRESET",
    ] {
        let alone = diagnose(&Build, Some(&clues(line)));
        assert!(!alone.is_transient, "for {line}");
        let log = format!("{line}\nFailed: build command exited with code: 1");
        let diagnosis = diagnose(&Build, Some(&clues(&log)));
        assert!(!diagnosis.is_transient, "for {line}");
    }
}

/// What hosts and tools put before a line.
#[test]
fn prefixes_and_colors_change_nothing() {
    for prefix in [
        "",
        "12:00:01.123 | ",
        "12:00:01.123\t",
        "2026-01-02T12:00:01.123456Z\t",
        "2026-01-02 12:00:01,123 ",
        "1:57:11 PM: ",
        "[12:00:01] ",
        "#10 3.138 ",
        "##[error]",
        "[INFO] ",
        "apps/web build: ",
        "@acme/web:build: ",
        "[@acme/web]: ",
        "[0] ",
        "➤ YN0000: │ cypress@npm:12.5.1 STDERR ",
        "▲  ",
        "\u{1b}[31m✘ \u{1b}[0m",
        "12:00:01.123 | \u{1b}[2mapps/web build:\u{1b}[22m ",
    ] {
        let log = format!(
            "{prefix}npm error code E503\n{prefix}npm error 503 Service Unavailable - GET https://registry.example/vite"
        );
        let diagnosis = diagnose(&Build, Some(&clues(&log)));
        assert!(diagnosis.is_transient, "for {prefix:?}");
        let first = diagnosis.excerpt[0].as_str();
        assert!(first.ends_with("registry.example/vite"), "{first}");
        let alone = diagnose(&Build, Some(&clues(&format!("{prefix}Killed"))));
        assert_eq!(
            alone.reason, "the build ran out of memory",
            "for {prefix:?}"
        );
    }
}

#[test]
fn a_build_without_output_is_transient_and_one_with_output_permanent() {
    let silent = "\
Success: Finished cloning repository files
Executing user command: npm run build
";
    for log in [silent, ""] {
        let diagnosis = diagnose(&Build, Some(&clues(log)));
        assert!(diagnosis.is_transient);
        assert_eq!(diagnosis.reason, "the build died without any output");
    }
    let spoke = diagnose(&Build, Some(&clues(&format!("{silent}all is well"))));
    assert!(!spoke.is_transient);
    assert_eq!(spoke.excerpt, ["all is well"]);
    assert!(!diagnose(&Deploy, Some(&clues(""))).is_transient);
}

#[test]
fn an_empty_log_before_the_build_is_not_transient() {
    let diagnosis = diagnose(&Initialize, Some(&clues("")));
    assert!(!diagnosis.is_transient);
    assert!(diagnosis.reason.starts_with("it failed before the build"));
}

#[test]
fn a_log_that_could_not_be_read_is_not_an_empty_one() {
    let diagnosis = diagnose(&Build, None);
    assert!(!diagnosis.is_transient);
    assert_eq!(diagnosis.reason, "the build log could not be read");
}

#[test]
fn the_last_fifty_lines_are_kept_as_they_came() {
    let log: Vec<String> = (0..120).map(|it| format!("\u{1b}[1m {it} ")).collect();
    assert_eq!(clues(&log.join("\n")).tail().collect::<Vec<_>>(), log[70..]);
}

#[test]
fn a_long_log_does_not_fill_memory() {
    let mut clues = Clues::default();
    for _ in 0..100_000 {
        clues.saw(&"é".repeat(3_000));
    }
    let kept: usize = clues.last.iter().map(String::len).sum();
    assert_eq!(kept, KEPT_LINES * LINE_BYTES);
}

#[test]
fn patterns_are_pieces_in_order() {
    for (pattern, line, expected) in [
        ("b", "abc", true),
        ("^b", "abc", false),
        ("^a", "abc", true),
        ("b$", "abc", false),
        ("c$", "abc", true),
        ("^abc$", "abc", true),
        ("^abc$", "abcd", false),
        ("a*c", "abc", true),
        ("c*a", "abc", false),
        ("^a*c$", "abcbc", true),
        ("^a*b$", "abc", false),
        ("a*a", "a", false),
    ] {
        assert_eq!(matches(pattern, line), expected, "{pattern} in {line}");
    }
}

proptest! {
    #[test]
    fn no_log_makes_it_panic(log in proptest::collection::vec(".*", 0..9), escapes in "[\u{1b}\\[\\]m\u{7}a\n0-9:#.|>TZ-]*") {
        let mut clues = clues(&escapes);
        for line in &log {
            clues.saw(line);
        }
        let diagnosis = diagnose(&Build, Some(&clues));
        prop_assert!(diagnosis.excerpt.len() <= MAX_LINES);
    }
}

#[test]
fn what_follows_itself_is_not_tried_a_third_time() {
    let minutes = |it: u64| Some(Duration::from_mins(it));
    let of = |log: &str| diagnose(&Build, Some(&clues(log)));
    let internal = of("Failed: an internal error occurred");
    let registry = of("npm error code E503");
    let limit = of("Failed: build exceeded the time limit and was terminated");
    let code = of("SyntaxError: Unexpected token ';'");
    for (diagnosis, previous, usual, expected) in [
        (&internal, None, None, true),
        (&internal, Some(registry.reason), None, true),
        (&internal, Some(internal.reason), None, false),
        (&registry, Some(registry.reason), None, true),
        (&limit, None, None, false),
        (&limit, None, minutes(7), false),
        (&limit, None, minutes(6), true),
        (&limit, Some(limit.reason), minutes(6), false),
        (&code, None, minutes(1), false),
    ] {
        let said = diagnosis.justifies_retry(previous, usual);
        assert_eq!(said, expected, "{} after {previous:?}", diagnosis.reason);
    }
}
