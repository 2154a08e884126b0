//! Tells why a deployment failed, and whether that may pass by itself.
//!
//! Invariant: what is not known is not transient, and however long the log
//! is, only its last lines are kept.

mod excerpt;
mod rules;

use std::collections::VecDeque;

use self::excerpt::excerpt;
use self::rules::{NOT_THE_END, RULES, Rule, STEPS, is_before_build};
use crate::cloudflare::deployment::StageName;
use crate::text::escapes::{Piece, pieces};

/// Why a deployment failed, as far as its log tells.
#[derive(Debug)]
pub struct Diagnosis {
    /// Another attempt may succeed although nothing is changed.
    pub is_transient: bool,
    pub reason: &'static str,
    /// Log lines without their colors, the most telling one first.
    pub excerpt: Vec<String>,
    /// What a person can do about it.
    pub advice: Option<&'static str>,
}

/// Judges a failure in `stage`; `None` is a log that could not be read.
pub fn diagnose(stage: &StageName, log: Option<&Clues>) -> Diagnosis {
    let Some(clues) = log else {
        return Diagnosis {
            is_transient: false,
            reason: "the build log could not be read",
            excerpt: Vec::new(),
            advice: None,
        };
    };
    let lines = clues.since_the_last_step();
    for rule in RULES.iter().filter(|it| it.place.includes(stage)) {
        let met_by: Vec<&Line> = lines.iter().filter(|it| it.meets(rule)).collect();
        if !met_by.is_empty() {
            return Diagnosis {
                is_transient: rule.is_transient,
                reason: rule.reason,
                excerpt: excerpt(met_by, &lines),
                advice: rule.advice,
            };
        }
    }
    let is_silent = lines.is_empty();
    let (is_transient, reason, advice) = if is_silent && *stage == StageName::Build {
        (true, "the build died without any output", None)
    } else if is_silent && is_before_build(stage) {
        // A broken Git connection ends a deployment before it logs anything.
        let advice = "check the Git connection in the project's build settings";
        (
            false,
            "it failed before the build, and the log does not say why",
            Some(advice),
        )
    } else {
        (false, "the log does not show a known cause", None)
    };
    Diagnosis {
        is_transient,
        reason,
        excerpt: excerpt(Vec::new(), &lines),
        advice,
    }
}

const SHOWN_LINES: usize = 50;
/// A cause stands near the end, but some tools print long traces after it.
const KEPT_LINES: usize = 500;
const LINE_BYTES: usize = 4096;

/// What a build log said last. It is fed line by line, in order.
#[derive(Debug, Default)]
pub struct Clues {
    last: VecDeque<String>,
}

impl Clues {
    pub fn saw(&mut self, line: &str) {
        if self.last.len() == KEPT_LINES {
            self.last.pop_front();
        }
        let line = &line[..line.floor_char_boundary(LINE_BYTES)];
        self.last.push_back(line.to_owned());
    }

    /// The last lines as they came, oldest first.
    pub fn tail(&self) -> impl Iterator<Item = &str> {
        let skipped = self.last.len().saturating_sub(SHOWN_LINES);
        self.last.iter().skip(skipped).map(String::as_str)
    }

    /// What was printed since the build system opened a step. What came before
    /// did not end the build: it went on.
    fn since_the_last_step(&self) -> Vec<Line> {
        let lines = self.last.iter().map(|it| Line::new(it));
        let mut lines: Vec<Line> = lines.filter(|it| !it.text.is_empty()).collect();
        match lines.iter().rposition(|it| it.holds(STEPS)) {
            Some(step) => lines.split_off(step + 1),
            None => lines,
        }
    }
}

pub(super) struct Line {
    /// Without escape sequences and control characters.
    pub(super) text: String,
    /// In lower case, between two `\n`.
    searched: String,
}

impl Line {
    pub(super) fn new(line: &str) -> Self {
        let text = plain(line);
        let searched = format!("\n{}\n", text.to_ascii_lowercase());
        Self { text, searched }
    }

    fn meets(&self, rule: &Rule) -> bool {
        rule.signs.iter().all(|it| self.holds(it))
            && !(rule.is_transient && self.holds(NOT_THE_END))
    }

    /// Whether it holds one of the words, in lower case. A `\n` in a word is
    /// the start or the end of the line.
    pub(super) fn holds(&self, words: &[&str]) -> bool {
        words.iter().any(|it| self.searched.contains(it))
    }
}

/// The text of a line: no escape sequences, no control characters, no space
/// around it. A line break inside becomes a space, so that it cannot make a
/// word look as if it began a line.
fn plain(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    for piece in pieces(line) {
        if let Piece::Char(c) = piece {
            text.push(if c.is_control() { ' ' } else { c });
        }
    }
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::StageName::{Build, CloneRepo, Deploy, Initialize};
    use super::excerpt::MOST;
    use super::*;

    /// `expected` is the judgment, then the excerpt.
    fn check(stage: &StageName, log: &str, expected: &str) {
        let diagnosis = diagnose(stage, Some(&clues(log)));
        let judgment = if diagnosis.is_transient {
            "passes"
        } else {
            "stays"
        };
        let mut shown = vec![format!("{judgment}: {}", diagnosis.reason)];
        shown.extend(diagnosis.excerpt);
        assert_eq!(shown.join("\n"), expected);
    }

    fn clues(log: &str) -> Clues {
        let mut clues = Clues::default();
        log.lines().for_each(|it| clues.saw(it));
        clues
    }

    #[test]
    fn each_rule_is_met_by_its_line() {
        let mut unmet: Vec<&str> = RULES.iter().map(|it| it.reason).collect();
        for (reason, stage, line) in EXAMPLES {
            let diagnosis = diagnose(stage, Some(&clues(line)));
            assert_eq!(diagnosis.reason, *reason, "for {line}");
            assert_eq!(diagnosis.excerpt, [*line]);
            unmet.retain(|it| it != reason);
        }
        assert_eq!(unmet, [""; 0]);
    }

    #[test]
    fn each_word_is_in_lower_case_as_the_lines_are() {
        let in_rules = RULES.iter().flat_map(|it| it.signs).copied();
        for word in in_rules.chain([STEPS, NOT_THE_END]).flatten() {
            assert_eq!(*word, word.to_ascii_lowercase());
        }
    }

    #[test]
    fn a_failed_clone_passes() {
        check(
            &CloneRepo,
            "\
Cloning repository...
error: RPC failed; curl 56 GnuTLS recv error (-54): Error in the pull function.
fatal: early EOF
fatal: fetch-pack: invalid index-pack output
Failed: error occurred while fetching repository",
            "\
passes: clone failed: network error from the Git host
error: RPC failed; curl 56 GnuTLS recv error (-54): Error in the pull function.
fatal: early EOF
fatal: fetch-pack: invalid index-pack output",
        );
    }

    #[test]
    fn a_refused_clone_stays_although_the_host_hung_up() {
        check(
            &CloneRepo,
            "\
fatal: could not read Username for 'https://github.com': No such device or address
fatal: the remote end hung up unexpectedly
Failed: error occurred while updating repository submodules",
            "\
stays: the Git host refused access to a repository or submodule
fatal: could not read Username for 'https://github.com': No such device or address
fatal: the remote end hung up unexpectedly",
        );
    }

    #[test]
    fn a_registry_that_broke_the_build_command_passes() {
        check(
            &Build,
            "\
Executing user command: npm ci && npm run build
npm error code E503
npm error 503 Service Unavailable - GET https://registry.example/left-pad
npm error A complete log of this run can be found in: /opt/buildhome/.npm/_logs/0.log
Failed: Error while executing user command. Exited with error code: 1
Failed: build command exited with code: 1
Failed: error occurred while running build command",
            "\
passes: install failed: network error from the package registry
npm error 503 Service Unavailable - GET https://registry.example/left-pad",
        );
    }

    #[test]
    fn a_registry_that_recovered_is_not_the_cause() {
        let then = "
src/main.ts(3,7): error TS2322: Type 'string' is not assignable to type 'number'.
Failed: build command exited with code: 1";
        let expected = "\
stays: the build command failed
src/main.ts(3,7): error TS2322: Type 'string' is not assignable to type 'number'.
Failed: build command exited with code: 1";
        let retried = "WARN GET https://registry.example/vite error (ETIMEDOUT). Will retry in 10 seconds. 2 retries left.";
        check(&Build, &format!("{retried}{then}"), expected);
        let survived = "\
npm error 503 Service Unavailable - GET https://registry.example/vite
Executing user command: npm run build";
        check(&Build, &format!("{survived}{then}"), expected);
    }

    #[test]
    fn what_a_users_own_build_prints_does_not_make_it_transient() {
        for line in [
            "expected 503 Service Unavailable, got 200",
            "GET /api/pages 503 in 12 ms",
            "Error: connect ETIMEDOUT 10.0.0.1:5432",
            "fatal: early EOF",
            "error: RPC failed; curl 56 GnuTLS recv error (-9)",
            "TypeError: an internal error occurred",
            "✓ shows `Failed: an internal error occurred` (3 ms)",
            "503 packages from registry.example are looking for funding",
            "progress 12%\rFailed: an internal error occurred",
        ] {
            let alone = diagnose(&Build, Some(&clues(line)));
            assert!(!alone.is_transient, "for {line}");
            let log = format!("{line}\nFailed: build command exited with code: 1");
            let diagnosis = diagnose(&Build, Some(&clues(&log)));
            assert_eq!(diagnosis.reason, "the build command failed", "for {line}");
        }
    }

    #[test]
    fn what_an_announcement_announces_tells_more_than_it_does() {
        check(
            &Build,
            "\
Executing user command: npm run build
> vite build
✓ 38 modules transformed.
✗ Build failed in 8.61s
error during build:
Could not resolve \"./components/Footer\" from \"src/App.jsx\"
Failed: Error while executing user command. Exited with error code: 1",
            "\
stays: the build command failed
Could not resolve \"./components/Footer\" from \"src/App.jsx\"
error during build:
Failed: Error while executing user command. Exited with error code: 1",
        );
    }

    #[test]
    fn an_internal_error_after_a_failed_command_is_not_the_cause() {
        check(
            &Build,
            "\
SyntaxError: Unexpected token '.'
    at Loader.moduleStrategy (internal/modules/esm/translators.js:81:18)
Failed: build command exited with code: 1
Failed: an internal error occurred",
            "\
stays: the build command failed
SyntaxError: Unexpected token '.'
Failed: an internal error occurred
Failed: build command exited with code: 1",
        );
    }

    #[test]
    fn memory_is_the_cause_whatever_else_was_printed() {
        check(
            &Build,
            "\
npm error network read ECONNRESET
FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory
Failed: build command exited with code: 1",
            "\
stays: the build ran out of memory
FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory
npm error network read ECONNRESET",
        );
    }

    #[test]
    fn a_configuration_file_that_was_passed_over_is_not_the_cause() {
        check(
            &Build,
            "\
A wrangler.toml file was found but it does not appear to be valid. Skipping file and continuing.
Executing user command: npm run build
\u{1b}[31m✘ \u{1b}[41;31m[\u{1b}[97mERROR\u{1b}[0m] Cannot find module 'vite'
Failed: build command exited with code: 1",
            "\
stays: the build command failed
✘ [ERROR] Cannot find module 'vite'
Failed: build command exited with code: 1",
        );
    }

    #[test]
    fn a_refused_function_stays_and_an_internal_error_at_publishing_passes() {
        check(
            &Deploy,
            "Error: Failed to publish your Function. Got error: Uncaught ReferenceError: process is not defined",
            "\
stays: publish failed: Cloudflare refused the Functions
Error: Failed to publish your Function. Got error: Uncaught ReferenceError: process is not defined",
        );
        check(
            &Deploy,
            "Error: Failed to publish your Function. Got error: Unknown internal error occurred.",
            "\
passes: publish failed: internal error at Cloudflare
Error: Failed to publish your Function. Got error: Unknown internal error occurred.",
        );
    }

    #[test]
    fn a_build_that_died_without_output_passes_and_one_with_output_stays() {
        let silent = "\
Success: Finished cloning repository files
Executing user command: npm run build
";
        check(&Build, silent, "passes: the build died without any output");
        check(&Build, "", "passes: the build died without any output");
        check(
            &Build,
            &format!("{silent}\n> vite build\nError: ENOSPC\ndone"),
            "stays: the log does not show a known cause\nError: ENOSPC",
        );
        check(&Deploy, "", "stays: the log does not show a known cause");
    }

    #[test]
    fn before_the_build_an_empty_log_is_no_reason_to_try_again() {
        check(
            &Initialize,
            "",
            "stays: it failed before the build, and the log does not say why",
        );
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
    fn colors_links_and_control_characters_are_not_part_of_a_line() {
        let link = "\u{1b}]8;;https://example.com\u{1b}\\here\u{1b}]8;;\u{7}";
        assert_eq!(
            plain(&format!("\u{1b}[1;31mred\u{1b}[0m\t{link}\r")),
            "red here"
        );
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

    proptest! {
        #[test]
        fn no_log_makes_it_panic(log in proptest::collection::vec(".*", 0..9), escapes in "[\u{1b}\\[\\]m\u{7}a\n]*") {
            let mut clues = clues(&escapes);
            for line in &log {
                clues.saw(line);
            }
            prop_assert!(diagnose(&Build, Some(&clues)).excerpt.len() <= MOST);
        }
    }

    const EXAMPLES: &[(&str, StageName, &str)] = &[
        (
            "the build took longer than Cloudflare allows",
            Build,
            "Failed: build exceeded the time limit and was terminated",
        ),
        (
            "the build ran out of memory",
            Build,
            "Failed: build exceeded memory limit and was terminated",
        ),
        ("the build ran out of memory", Build, "Killed"),
        (
            "Cloudflare has lost its access to the Git repository",
            Initialize,
            "This project is disconnected from your Git account, this may cause deployments to fail.",
        ),
        (
            "the Git host refused access to a repository or submodule",
            CloneRepo,
            "fatal: Authentication failed for 'https://github.com/example/theme.git/'",
        ),
        (
            "a submodule has no URL in .gitmodules",
            CloneRepo,
            "fatal: No url found for submodule path 'themes/paper' in .gitmodules",
        ),
        (
            "the commit is no longer in the repository",
            CloneRepo,
            "fatal: remote error: upload-pack: not our ref 0861ab36ca6fefac903d5dfb47292cb5df995a1e",
        ),
        (
            "the repository's Git LFS quota is used up",
            CloneRepo,
            "batch response: This repository exceeded its LFS budget.",
        ),
        (
            "the root directory was not found",
            Build,
            "Failed: root directory not found",
        ),
        (
            "the build's output directory was not found",
            Build,
            "Error: Output directory \"dist\" not found.",
        ),
        (
            "the output breaks a limit of Cloudflare Pages",
            Build,
            "✘ [ERROR] Error: Pages only supports files up to 25 MiB in size",
        ),
        (
            "a configuration file is not valid",
            Deploy,
            "✘ [ERROR] Invalid _routes.json file found at: dist/_routes.json",
        ),
        (
            "the Node.js version does not exist or does not fit",
            Build,
            "node-build: definition not found: 22",
        ),
        (
            "the lock file is missing or does not fit the manifest",
            Build,
            "npm error `npm ci` can only install packages when your package.json and package-lock.json are in sync.",
        ),
        (
            "the lock file is missing or does not fit the manifest",
            Build,
            "error: lockfile had changes, but lockfile is frozen",
        ),
        (
            "a dependency does not exist, does not fit or is not accessible",
            Build,
            "npm ERR! code E404",
        ),
        (
            "the Functions do not compile",
            Deploy,
            "Failed: generating Pages Functions failed. Check the logs above for more information.",
        ),
        (
            "clone failed: network error from the Git host",
            CloneRepo,
            "fatal: unable to access 'https://github.com/example/site/': The requested URL returned error: 502",
        ),
        (
            "clone failed: network error from the Git host",
            CloneRepo,
            "fatal: unable to access 'https://github.com/example/site/': Could not resolve host: github.com",
        ),
        (
            "Cloudflare could not start the build",
            Initialize,
            "Failed: unable to submit build job",
        ),
        (
            "install failed: network error from the package registry",
            Build,
            "error An unexpected error occurred: \"https://registry.example/vite: Request failed \\\"503 Service Unavailable\\\"\".",
        ),
        (
            "install failed: network error from the package registry",
            Build,
            "ERR_PNPM_FETCH_503  GET https://registry.example/vite: Service Unavailable - 503",
        ),
        (
            "install failed: network error from the package registry",
            Build,
            "ERROR: HTTP error 503 while getting https://files.example/packages/mkdocs.whl",
        ),
        (
            "install failed: the package manager met a network error",
            Build,
            "Gem::RemoteFetcher::FetchError: bad response Service Unavailable 503 (https://gems.example/specs.4.8.gz)",
        ),
        (
            "install failed: network error from the package registry",
            Build,
            "go: github.com/example/theme@v1.2.0: Get \"https://proxy.example/cached-only\": dial tcp: i/o timeout",
        ),
        (
            "install failed: network error from the package registry",
            Build,
            "failed to get successful HTTP response from `https://index.example/se/rd/serde`, got 503",
        ),
        (
            "install failed: network error from the package registry",
            Build,
            "The \"https://repo.example/packages.json\" file could not be downloaded (HTTP/1.1 502 Bad Gateway)",
        ),
        (
            "install failed: the package manager met a network error",
            Build,
            "npm ERR! code EAI_AGAIN",
        ),
        (
            "install failed: the package manager met a network error",
            Build,
            "➤ YN0035: │ Response Code: 503 (Service Unavailable)",
        ),
        (
            "Node.js could not be downloaded",
            Build,
            "error: failed to download node-v18.18.0-linux-x64.tar.gz",
        ),
        (
            "Cloudflare's build system crashed on the configuration file",
            Build,
            "Failed: unable to read wrangler.toml file with code: -11",
        ),
        (
            "publish failed: internal error at Cloudflare",
            Deploy,
            "Error: Failed to publish your Function. Got error: Unknown internal error occurred.",
        ),
        (
            "upload failed: the Cloudflare API answered with an error",
            Deploy,
            "POST /pages/assets/check-missing -> 500 Internal Server Error",
        ),
        (
            "the Wrangler configuration file could not be read",
            Build,
            "Failed: unable to read wrangler.toml file with code: 1",
        ),
        (
            "publish failed: Cloudflare refused the Functions",
            Deploy,
            "Error: Failed to publish your Function. Got error: R2 bucket 'media' not found.",
        ),
        (
            "the tools or dependencies could not be installed",
            Build,
            "Failed: error occurred while installing tools or dependencies",
        ),
        (
            "the build command failed",
            Build,
            "Failed: build command exited with code: 1",
        ),
        (
            "the build command failed",
            Build,
            "Error: Command \"npm run build\" exited with 1",
        ),
        (
            "the submodules could not be fetched",
            CloneRepo,
            "Failed: error occurred while updating repository submodules",
        ),
        (
            "the repository could not be fetched, and the log does not say why",
            CloneRepo,
            "Failed: error occurred while fetching repository",
        ),
        (
            "upload failed",
            Deploy,
            "Failed: error uploading static assets. Check the logs above for more information.",
        ),
        (
            "internal error at Cloudflare",
            Build,
            "Failed: an internal error occurred. If this continues, contact support.",
        ),
    ];
}
