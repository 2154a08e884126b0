//! What `--help` prints: inputs, outputs and exit codes, from the same tables
//! that the program reads.

use std::fmt::Write as _;

use crate::config::inputs::{INPUTS, InputSpec};

const OUTPUTS: [(&str, &str); 17] = [
    ("status", "How it ended; always there"),
    ("url", "The address of the new deployment"),
    ("short_id", "Its 8-character id"),
    ("id", "Its whole id"),
    ("alias", "Its alias under pages.dev, else its first alias"),
    ("environment", "production or preview"),
    ("branch", "The branch it was built from"),
    ("commit_hash", "The commit it was built from"),
    ("stage", "The stage in which it ended"),
    (
        "skip_reason",
        "Why Cloudflare skipped it, in the API's word",
    ),
    (
        "duration_seconds",
        "From its creation to the end of its last stage",
    ),
    ("attempts", "How many new deployments were made"),
    ("dashboard_url", "Its page in the dashboard"),
    ("original_id", "The id of the deployment that was retried"),
    ("reason", "Why it failed, in one sentence"),
    ("reachable", "With check_url: true, false, or unknown"),
    (
        "reachable_seconds",
        "From the start of the check until every address was reachable",
    ),
];

const EXIT_CODES: [(&str, &str); 7] = [
    (
        "0",
        "success, triggered, nothing_to_retry, dry_run, or an ending that fail_on lets pass",
    ),
    ("1", "failure, canceled, skipped, deleted, unreachable"),
    (
        "2",
        "bad input, a file that could not be written, or refused by a guard",
    ),
    (
        "3",
        "the API refused us, did not know the target, or could not be reached",
    ),
    ("4", "timed_out"),
    ("130", "interrupted by SIGINT"),
    ("143", "interrupted by SIGTERM"),
];

const FLAGS: [(&str, &str); 2] = [
    ("-h, --help", "Print this help"),
    ("-V, --version", "Print the version"),
];

const USAGE: &str = "
Usage: pages-retry [FLAGS] [DEPLOYMENT]

Example:
  export CLOUDFLARE_ACCOUNT_ID=b0a1c2d3e4f5061728394a5b6c7d8e9f
  read -rs CLOUDFLARE_API_TOKEN && export CLOUDFLARE_API_TOKEN
  pages-retry --project-name site latest-failed

";

/// The width of the help in characters, at most.
const WIDTH: usize = 100;

/// The width of the column of names.
const NAMES: usize = 20;

pub(crate) fn help() -> String {
    let mut text = format!("pages-retry {}\n", env!("CARGO_PKG_VERSION"));
    wrap(&mut text, 0, env!("CARGO_PKG_DESCRIPTION"));
    text.push_str(USAGE);
    let secrets = INPUTS.iter().filter(|it| it.is_secret);
    let secrets: Vec<_> = secrets.map(|it| it.name).collect();
    wrap(
        &mut text,
        0,
        &format!(
            "DEPLOYMENT is the input deployment_id. Each input is a flag (`--project-name site` or \
             `--project-name=site`) or a variable (`INPUT_PROJECT_NAME=site`); a flag takes precedence. \
             A flag that may be `true` or `false` takes a value only with `=`: `--dry-run`, \
             `--wait=false`. Secrets ({}) are not accepted as flags, because other users can read \
             arguments.",
            secrets.join(", ")
        ),
    );
    rows(&mut text, "Flags", FLAGS);
    rows(
        &mut text,
        "Inputs (flags --<name>, or variables INPUT_<NAME>)",
        INPUTS.iter().map(|input| (input.name, meaning(input))),
    );
    rows(&mut text, "Outputs", OUTPUTS);
    rows(&mut text, "Exit codes", EXIT_CODES);
    text
}

fn meaning(input: &InputSpec) -> String {
    let mut meaning = input.meaning.to_owned();
    if !input.falls_back_to.is_empty() {
        let names = input.falls_back_to.join(", ");
        let _ = write!(meaning, " [falls back to: {names}]");
    }
    if !input.default.is_empty() {
        let _ = write!(meaning, " [default: {}]", input.default);
    }
    meaning
}

/// A section: names, and what they mean beside them.
fn rows<T: AsRef<str>>(
    text: &mut String,
    title: &str,
    rows: impl IntoIterator<Item = (&'static str, T)>,
) {
    let _ = writeln!(text, "\n{title}:");
    for (name, meaning) in rows {
        let _ = write!(text, "  {name:<NAMES$}  ");
        wrap(text, NAMES + 4, meaning.as_ref());
    }
}

/// Appends `words` from the column `indent` on, in lines of at most [`WIDTH`].
/// The cursor is in that column already. A longer word has its own line.
fn wrap(text: &mut String, indent: usize, words: &str) {
    let mut column = indent;
    for word in words.split(' ') {
        let length = word.chars().count();
        if indent < column {
            if WIDTH < column + 1 + length {
                let _ = write!(text, "\n{:indent$}", "");
                column = indent;
            } else {
                text.push(' ');
                column += 1;
            }
        }
        text.push_str(word);
        column += length;
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_is_at_most_100_columns_wide() {
        for line in help().lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
            assert_eq!(line, line.trim_end());
        }
    }

    #[test]
    fn words_are_wrapped_and_none_is_lost() {
        let long = "x".repeat(WIDTH);
        let mut text = "  a ".to_owned();
        wrap(&mut text, 4, &format!("b {long} c"));
        assert_eq!(text, format!("  a b\n    {long}\n    c\n"));
    }
}
