//! What `--help` prints: inputs, outputs and exit codes, from the same tables
//! that the program reads.

use std::fmt::Write as _;

use crate::config::inputs::INPUTS;

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

pub(crate) fn help() -> String {
    let mut text = concat!(
        "pages-retry ",
        env!("CARGO_PKG_VERSION"),
        "\n",
        env!("CARGO_PKG_DESCRIPTION"),
        "\n\nUsage: pages-retry [--help | --version]\n\nInputs (variables INPUT_<NAME>):\n"
    )
    .to_owned();
    for input in &INPUTS {
        let mut notes = String::new();
        if !input.falls_back_to.is_empty() {
            let _ = write!(
                notes,
                " [falls back to: {}]",
                input.falls_back_to.join(", ")
            );
        }
        if !input.default.is_empty() {
            let _ = write!(notes, " [default: {}]", input.default);
        }
        let _ = writeln!(text, "  {:<16}  {}{notes}", input.name, input.meaning);
    }
    for (title, rows) in [("Outputs", &OUTPUTS[..]), ("Exit codes", &EXIT_CODES)] {
        let _ = writeln!(text, "\n{title}:");
        for (name, meaning) in rows {
            let _ = writeln!(text, "  {name:<16}  {meaning}");
        }
    }
    text
}
