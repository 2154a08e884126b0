//! Common mistakes: what the log and the summary say, in one line each.

use crate::step::{ORIGINAL, Step};
use test_support::fake::{Api, Deployment, Fake, Route};

/// An input or variable with a value, and what is said of it.
const MISTAKES: [(&str, &str, &str); 16] = [
    (
        "INPUT_API_TOKEN",
        "\"hush-hush\"",
        "input `api_token` is in quotes; remove them",
    ),
    (
        "INPUT_API_TOKEN",
        "$TOKEN",
        "input `api_token` is a variable that was not expanded; a shell expands it only outside single quotes",
    ),
    (
        "INPUT_API_TOKEN",
        "${{ secrets.TOKEN }}",
        "input `api_token` holds an expression that was not expanded; only a workflow of GitHub expands `${{ … }}`",
    ),
    (
        "INPUT_API_TOKEN",
        "",
        "input `api_token` is missing: `CF_API_TOKEN` is set; this program reads `CLOUDFLARE_API_TOKEN`",
    ),
    (
        "INPUT_ACCOUNT_ID",
        "",
        "input `account_id` is missing: set `account_id` under `with:`",
    ),
    (
        "INPUT_ACCOUNT_ID",
        "My Company",
        "input `account_id` is not an id: `My Company`; only letters, digits, `-` and `_` can be in it; an account id has 32 hexadecimal digits and is in each dashboard URL, `https://dash.cloudflare.com/ACCOUNT_ID/…`",
    ),
    (
        "INPUT_ACCOUNT_ID",
        "b0a1c2d3e4f5061728394a5b6c7d8e9",
        "an account id has 32 hexadecimal digits, and this one has not",
    ),
    (
        "INPUT_ACCOUNT_ID",
        "https://dash.cloudflare.com/b0a1c2d3e4f5061728394a5b6c7d8e9f/workers-and-pages",
        "",
    ),
    ("INPUT_PROJECT_NAME", "site.pages.dev", ""),
    (
        "INPUT_PROJECT_NAME",
        "siet",
        "the account has no Pages project of this name; did you mean `site`?",
    ),
    ("INPUT_ENVIRONMENT", "Production", ""),
    ("INPUT_LOGS", "on_failure", ""),
    ("INPUT_FAIL_ON", "failure,cancelled", ""),
    ("INPUT_WAIT", "True", ""),
    (
        "INPUT_TIMEOUT",
        "5",
        "input `timeout`: `5` means 5 seconds; for minutes, use `5m`",
    ),
    (
        "INPUT_PROJECT",
        "site",
        "unknown input in the variable `INPUT_PROJECT`; did you mean `project_name`?",
    ),
];

#[test]
fn each_mistake_is_named_in_one_line_with_what_is_right() {
    for (name, value, expected) in MISTAKES {
        let fake = Fake::start(Api::new().deployment(Deployment::failed(ORIGINAL)));
        let step = Step::new(&fake)
            .on_github()
            .with("deployment_id", "latest-failed")
            .with("dry_run", "true")
            .var("CF_API_TOKEN", "of-another-tool")
            .var(name, value);
        let done = step.run();
        let lines = done
            .log
            .lines()
            .filter(|it| !it.starts_with("::add-mask::"));
        let lines: Vec<_> = lines.collect();
        assert!(!lines.iter().any(|it| it.contains("hush")), "{lines:?}");
        let is_accepted = expected.is_empty();
        let is_warning = ["INPUT_TIMEOUT", "INPUT_PROJECT"].contains(&name);
        if is_accepted || is_warning {
            assert_eq!(done.code, 0, "{name}={value}: {lines:?}");
        } else {
            assert_ne!(done.code, 0, "{name}={value}: {lines:?}");
            let summary = text(&done.summary.unwrap());
            let shown = expected.replace('`', "");
            assert!(summary.contains(&shown), "{shown} is not in {summary}");
        }
        assert!(
            lines.iter().any(|it| it.contains(expected)),
            "{name}={value}: {lines:?}"
        );
        let warnings = lines.iter().filter(|it| it.starts_with("::warning"));
        assert_eq!(warnings.count(), usize::from(is_warning), "{lines:?}");
    }
}

#[test]
fn projects_are_listed_only_for_a_project_that_does_not_exist() {
    for (name, lists) in [("site", 0), ("siet", 1)] {
        let fake = Fake::start(Api::new().deployment(Deployment::failed(ORIGINAL)));
        let step = Step::new(&fake)
            .with("project_name", name)
            .with("dry_run", "true");
        let done = step.run();
        assert_eq!(fake.count(Route::Projects), lists, "{}", done.log);
    }
}

/// Markdown as a reader sees it, roughly: without tags, entities and backticks.
fn text(markdown: &str) -> String {
    let mut text = String::new();
    for piece in markdown.split('<') {
        text.push_str(piece.split_once('>').map_or(piece, |(_, it)| it));
    }
    for code in 33..127_u8 {
        text = text.replace(&format!("&#{code};"), &char::from(code).to_string());
    }
    text.replace('`', "")
}
