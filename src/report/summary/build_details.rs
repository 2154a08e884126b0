//! What was built, collapsed. Of variables only the names are shown.

use std::fmt::Write as _;

use crate::cloudflare::deployment::{EnvVar, Source};
use crate::report::summary::escaper::Escaper;
use crate::run::outcome::RunResult;

pub(super) fn built(ending: &RunResult, escaper: &Escaper) -> String {
    let Some(deployment) = ending.deployment() else {
        return String::new();
    };
    let metadata = &deployment.deployment_trigger.metadata;
    let build = &deployment.build_config;
    let original = ending.original.as_ref();
    let original = original.filter(|_| !ending.attempts.is_empty());
    let subject = metadata.commit_message.lines().next().unwrap_or_default();
    let markdown = |it: &str| is_given(it).then(|| escaper.markdown(it));
    let code = |it: &str| is_given(it).then(|| escaper.code(it));
    let commit = [code(&metadata.commit_hash), markdown(subject)];
    let commit: Vec<String> = commit.into_iter().flatten().collect();
    let aliases = deployment.aliases.iter();
    let aliases = aliases.map(|it| escaper.link(it, it).unwrap_or_else(|| escaper.code(it)));
    let variables = deployment.env_vars.iter().map(|(name, variable)| {
        let is_secret = matches!(variable, Some(EnvVar::SecretText));
        let mark = if is_secret { " (secret)" } else { "" };
        format!("{}{mark}", escaper.code(name))
    });
    let optional_code = |it: &Option<String>| it.as_deref().and_then(code);
    let rows = [
        ("deployment", code(deployment.short_id())),
        ("retry of", original.and_then(|it| code(it.short_id()))),
        (
            "repository",
            deployment
                .source
                .as_ref()
                .and_then(|it| repository(it, escaper)),
        ),
        ("branch", code(deployment.branch())),
        ("commit", Some(commit.join(" "))),
        ("trigger", markdown(&deployment.deployment_trigger.kind)),
        ("environment", markdown(&deployment.environment)),
        ("build command", optional_code(&build.build_command)),
        ("root folder", optional_code(&build.root_dir)),
        ("output folder", optional_code(&build.destination_dir)),
        ("build caching", build.build_caching.map(yes_or_no)),
        ("Functions", deployment.uses_functions.map(yes_or_no)),
        ("aliases", Some(escaper.names(aliases))),
        ("variables", Some(escaper.names(variables))),
    ];
    let mut text = "<details><summary>What was built</summary>\n\n| | |\n|---|---|\n".to_owned();
    for (name, value) in rows {
        if let Some(value) = value.filter(|it| !it.is_empty()) {
            let _ = writeln!(text, "| {name} | {value} |");
        }
    }
    text.push_str("\n</details>\n");
    text
}

/// `owner/name (github)`, as far as it is known.
fn repository(source: &Source, escaper: &Escaper) -> Option<String> {
    let path = [&source.config.owner, &source.config.repo_name];
    let path: Vec<String> = path
        .into_iter()
        .filter(|it| is_given(it))
        .map(|it| escaper.markdown(it))
        .collect();
    let path = path.join("/");
    let kind = is_given(&source.kind).then(|| escaper.markdown(&source.kind));
    match (path.is_empty(), kind) {
        (true, kind) => kind,
        (false, None) => Some(path),
        (false, Some(kind)) => Some(format!("{path} ({kind})")),
    }
}

fn is_given(text: &str) -> bool {
    !text.trim().is_empty()
}

fn yes_or_no(it: bool) -> String {
    if it { "yes" } else { "no" }.to_owned()
}
