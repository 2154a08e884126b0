//! The step summary: what happened, in Markdown with a picture.
//!
//! Invariant: a function of the ending; always under [`MOST`] bytes. Text from
//! outside is escaped for Markdown, HTML and Mermaid where it is put in.

use std::fmt::Write as _;

use crate::cloudflare::deployment::{Deployment, EnvVar, StageStatus};
use crate::report::harmless::markup::{code, fence_for, markdown, mermaid};
use crate::report::harmless::secrets::Secrets;
use crate::report::harmless::{Colors, inline};
use crate::report::line::{advice, last_line, span};
use crate::retry::outcome::{Attempt, Ending};
use crate::retry::watch::took;

/// Bytes; GitHub drops a summary of over 1 MiB as a whole.
const MOST: usize = 100_000;

/// Variables and aliases beyond these are counted, not named.
const MOST_NAMES: usize = 50;

/// Renders the summary of a run, without a secret.
pub(crate) fn render(ending: &Ending, secrets: &Secrets) -> String {
    let pen = &Pen { secrets };
    let parts = parts(ending, pen);
    let whole = parts.concat();
    if whole.len() <= MOST {
        return whole;
    }
    // Only the first part has a bound by itself; the log has the rest.
    parts.into_iter().next().unwrap_or_default()
}

fn parts(ending: &Ending, pen: &Pen) -> Vec<String> {
    let mut parts = vec![headline(ending, pen)];
    for (n, attempt) in ending.attempts.iter().enumerate() {
        parts.push(stages(ending, n, attempt, pen));
        parts.push(failure(attempt, pen));
    }
    parts.push(gantt(&ending.attempts, pen));
    parts.extend(ending.deployment().map(|it| built(it, pen)));
    parts
}

fn headline(ending: &Ending, pen: &Pen) -> String {
    let symbol = match (ending.outcome.is_good(), ending.fails) {
        (true, _) => "✅",
        (false, true) => "❌",
        (false, false) => "⚠️",
    };
    let deployment = ending.deployment();
    let url = deployment.map_or("", |it| it.url.as_str());
    // The link follows as one of its own: an address in the text would end it.
    let line = last_line(ending).replace(url, "");
    let line = pen.markdown(line.trim_end_matches([':', ' ']));
    let mut text = format!("### {symbol} {line}");
    if deployment.is_some() {
        let site = pen.link("Site", url);
        let page = pen.link("Dashboard", &ending.dashboard_url());
        let _ = write!(text, " · {site} · {page}");
    }
    text.push_str("\n\n");
    if let Some(advice) = advice(ending).filter(|_| !ending.outcome.is_good()) {
        let _ = write!(text, "{}\n\n", pen.markdown(&advice));
    }
    text
}

/// A table of the stages of one attempt, with what they usually take.
fn stages(ending: &Ending, n: usize, attempt: &Attempt, pen: &Pen) -> String {
    let mut text = String::new();
    if 1 < ending.attempts.len() {
        let id = pen.code(attempt.deployment.short_id());
        let _ = write!(text, "#### Attempt {}: {id}\n\n", n + 1);
    }
    text.push_str("| stage | result | time | usually |\n|---|---|---|---|\n");
    for stage in attempt.deployment.stages_by_latest() {
        let result = match &stage.status {
            StageStatus::Idle => "·".to_owned(),
            StageStatus::Active => "… running".to_owned(),
            StageStatus::Success => "✓".to_owned(),
            StageStatus::Failure => "✗ failed".to_owned(),
            StageStatus::Canceled => "⊘ canceled".to_owned(),
            StageStatus::Skipped => "» skipped".to_owned(),
            StageStatus::Other(word) => pen.markdown(word),
        };
        let usually = ending.usual.of(&stage.name).map(span).unwrap_or_default();
        let took = took(&stage).map(span).unwrap_or_default();
        let name = pen.markdown(&stage.name.to_string());
        let (took, usually) = (pen.markdown(&took), pen.markdown(&usually));
        let _ = writeln!(text, "| {name} | {result} | {took} | {usually} |");
    }
    text.push('\n');
    text
}

/// Why an attempt failed, with the lines of the build log that tell most.
fn failure(attempt: &Attempt, pen: &Pen) -> String {
    let mut text = String::new();
    if let Some(reason) = attempt.reason {
        let _ = write!(text, "**Why:** {}\n\n", pen.markdown(reason));
    }
    let lines = attempt
        .telling
        .iter()
        .map(|it| pen.secrets.line(it, Colors::Stripped));
    let lines = lines.collect::<Vec<_>>().join("\n");
    if !lines.is_empty() {
        let fence = fence_for(&lines);
        let _ = write!(text, "{fence}text\n{lines}\n{fence}\n\n");
    }
    text
}

/// The stages on a time line, a section for each attempt.
fn gantt(attempts: &[Attempt], pen: &Pen) -> String {
    let mut tasks = String::new();
    for (n, attempt) in attempts.iter().enumerate() {
        let mut section = String::new();
        for stage in attempt.deployment.stages_by_latest() {
            let (Some(start), Some(end)) = (stage.started_on, stage.ended_on) else {
                continue;
            };
            let tag = match stage.status {
                StageStatus::Failure | StageStatus::Canceled => "crit",
                StageStatus::Idle
                | StageStatus::Active
                | StageStatus::Success
                | StageStatus::Skipped
                | StageStatus::Other(_) => "done",
            };
            let (start, end) = (start.timestamp_millis(), end.timestamp_millis());
            let name = pen.mermaid(&stage.name.to_string());
            let _ = writeln!(section, "    {name} : {tag}, {start}, {}", end.max(start));
        }
        if !section.is_empty() {
            let id = attempt.deployment.short_id();
            let name = pen.mermaid(&format!("attempt {} {id}", n + 1));
            let _ = write!(tasks, "    section {name}\n{section}");
        }
    }
    if tasks.is_empty() {
        return String::new();
    }
    format!("```mermaid\ngantt\n    dateFormat x\n    axisFormat %H:%M:%S\n{tasks}```\n\n")
}

/// What was built, folded. Of variables only the names are shown.
fn built(deployment: &Deployment, pen: &Pen) -> String {
    let metadata = &deployment.deployment_trigger.metadata;
    let build = &deployment.build_config;
    let repository = deployment.source.as_ref().map(|it| {
        let config = &it.config;
        format!("{}/{} ({})", config.owner, config.repo_name, it.kind)
    });
    let subject = metadata.commit_message.lines().next().unwrap_or_default();
    let commit = format!("{} {subject}", metadata.commit_hash);
    let yes_or_no = |it: Option<bool>| it.map(|it| if it { "yes" } else { "no" }.to_owned());
    let variables = deployment.env_vars.iter().map(|(name, variable)| {
        let is_secret = matches!(variable, Some(EnvVar::SecretText { .. }));
        format!(
            "{}{}",
            pen.code(name),
            if is_secret { " (secret)" } else { "" }
        )
    });
    let rows = [
        ("repository", repository.map(|it| pen.markdown(&it))),
        ("branch", Some(pen.code(deployment.branch()))),
        ("commit", Some(pen.markdown(commit.trim()))),
        (
            "trigger",
            Some(pen.markdown(&deployment.deployment_trigger.kind)),
        ),
        ("environment", Some(pen.markdown(&deployment.environment))),
        (
            "build command",
            build.build_command.as_deref().map(|it| pen.code(it)),
        ),
        (
            "root folder",
            build.root_dir.as_deref().map(|it| pen.code(it)),
        ),
        (
            "output folder",
            build.destination_dir.as_deref().map(|it| pen.code(it)),
        ),
        ("build caching", yes_or_no(build.build_caching)),
        ("Functions", yes_or_no(deployment.uses_functions)),
        (
            "aliases",
            Some(names(deployment.aliases.iter().map(|it| pen.link(it, it)))),
        ),
        ("variables", Some(names(variables))),
    ];
    let mut text = "<details><summary>What was built</summary>\n\n| | |\n|---|---|\n".to_owned();
    for (name, value) in rows {
        let value = value.filter(|it| !it.is_empty() && it != "<code></code>");
        if let Some(value) = value {
            let _ = writeln!(text, "| {name} | {value} |");
        }
    }
    text.push_str("\n</details>\n");
    text
}

fn names(names: impl ExactSizeIterator<Item = String>) -> String {
    let more = names.len().saturating_sub(MOST_NAMES);
    let mut list: Vec<String> = names.take(MOST_NAMES).collect();
    if 0 < more {
        list.push(format!("and {more} more"));
    }
    list.join(", ")
}

/// Puts in text from outside: secrets are hidden first, since an escaped one
/// would not be known any more.
struct Pen<'a> {
    secrets: &'a Secrets,
}

impl Pen<'_> {
    fn markdown(&self, text: &str) -> String {
        markdown(&self.secrets.hide(text))
    }

    fn code(&self, text: &str) -> String {
        code(&self.secrets.hide(text))
    }

    fn mermaid(&self, text: &str) -> String {
        mermaid(&self.secrets.hide(text))
    }

    /// A link, if the address is one that a browser may be sent to.
    fn link(&self, text: &str, address: &str) -> String {
        let address = inline(&self.secrets.hide(address));
        let is_safe = |it: char| it.is_ascii_graphic() && !"<>()[]\\\"'`|".contains(it);
        if address.starts_with("https://") && address.chars().all(is_safe) {
            format!("[{}](<{address}>)", self.markdown(text))
        } else {
            self.markdown(text)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cloudflare::deployment::StageName;
    use crate::retry::outcome::Outcome;
    use crate::retry::usual::Usual;

    fn deployment(bend: impl Fn(&mut Value)) -> Deployment {
        let mut deployment = json!({
            "id": "5f0e1d2c-aaaa", "short_id": "5f0e1d2c", "environment": "production",
            "url": "https://5f0e1d2c.shop.pages.dev",
            "stages": [
                {"name": "queued", "status": "success", "started_on": "2026-05-04T03:02:01Z",
                 "ended_on": "2026-05-04T03:02:03Z"},
                {"name": "build", "status": "failure", "started_on": "2026-05-04T03:02:03Z",
                 "ended_on": "2026-05-04T03:03:07Z"},
                {"name": "deploy", "status": "idle"}
            ],
            "deployment_trigger": {"type": "ad_hoc", "metadata": {
                "branch": "main", "commit_hash": "0123abc", "commit_message": "Fix\nit"}},
            "source": {"type": "github", "config": {"owner": "acme", "repo_name": "shop"}},
            "env_vars": {"MODE": {"type": "plain_text", "value": "hush"},
                         "KEY": {"type": "secret_text", "value": ""}}
        });
        bend(&mut deployment);
        serde_json::from_value(deployment).unwrap()
    }

    fn failed(deployment: Deployment, telling: &[&str]) -> Ending {
        Ending {
            outcome: Outcome::Failed {
                stage: StageName::Build,
            },
            fails: true,
            original: None,
            attempts: vec![Attempt {
                deployment,
                reason: Some("the build command failed"),
                advice: Some("correct it"),
                telling: telling.iter().map(|it| (*it).to_owned()).collect(),
            }],
            project_name: "shop".to_owned(),
            usual: Usual::default(),
        }
    }

    fn rendered(ending: &Ending) -> String {
        render(ending, &Secrets::new(&["to_ken-12_345"]))
    }

    #[test]
    fn a_secret_is_hidden_wherever_it_stands() {
        let summary = rendered(&failed(
            deployment(|it| {
                let metadata = &mut it["deployment_trigger"]["metadata"];
                metadata["commit_message"] = "Use to_ken-12_345".into();
                it["build_config"] = json!({"build_command": "K=to_ken-12_345 make"});
            }),
            &["curl to_ken-12_345"],
        ));
        assert_eq!(summary.matches("ken").count(), 0, "{summary}");
        assert_eq!(summary.matches("***").count(), 1, "{summary}");
    }

    #[test]
    fn a_failure_is_told_with_stages_reason_picture_and_what_was_built() {
        let summary = rendered(&failed(deployment(|_| {}), &["a ``` fence", "error: no"]));
        let expected = "\
### ❌ Deployment 5f0e1d2c failed in stage build · [Site](<https://5f0e1d2c.shop.pages.dev>) · [Dashboard](<https://dash.cloudflare.com/?to=/:account/pages/view/shop/5f0e1d2c-aaaa>)

correct it

| stage | result | time | usually |
|---|---|---|---|
| queued | ✓ | 2s |  |
| build | ✗ failed | 1m04s |  |
| deploy | · |  |  |

**Why:** the build command failed

````text
a ``` fence
error: no
````

```mermaid
gantt
    dateFormat x
    axisFormat %H:%M:%S
    section attempt 1 5f0e1d2c
    queued : done, 1777863721000, 1777863723000
    build : crit, 1777863723000, 1777863787000
```

<details><summary>What was built</summary>

| | |
|---|---|
| repository | acme/shop &#40;github&#41; |
| branch | <code>main</code> |
| commit | 0123abc Fix |
| trigger | ad&#95;hoc |
| environment | production |
| variables | <code>KEY</code> (secret), <code>MODE</code> |

</details>
";
        assert_eq!(summary, expected);
    }

    #[test]
    fn no_value_of_a_variable_and_no_markup_from_outside_is_in_it() {
        let evil = "</details><img src=x>|`a`\n# [x](javascript:y)";
        let summary = rendered(&failed(
            deployment(|it| {
                it["deployment_trigger"]["metadata"]["branch"] = evil.into();
                it["deployment_trigger"]["metadata"]["commit_message"] = evil.into();
                it["aliases"] = json!(["javascript:alert(1)", "https://a)b\">c"]);
                it["stages"][0]["name"] = "a: b, c\n section x".into();
            }),
            &[],
        ));
        assert!(!summary.contains("hush"));
        assert!(!summary.contains("<img") && !summary.contains("](javascript"));
        assert_eq!(summary.matches("</details>").count(), 1);
        let sections = summary
            .lines()
            .filter(|it| it.trim_start().starts_with("section "));
        assert_eq!(sections.count(), 1, "{summary}");
        let rows = summary.lines().filter(|it| it.starts_with("| branch"));
        assert!(rows.map(|it| it.matches('|').count()).eq([3]), "{summary}");
    }

    #[test]
    fn it_stays_under_its_size_whatever_comes() {
        let long = "x".repeat(400_000);
        let summary = rendered(&failed(
            deployment(|it| {
                it["aliases"] = (0..9_999).map(|n| format!("https://{n}.example")).collect();
                it["stages"] = (0..9_999)
                    .map(|n| json!({"name": format!("s{n}"), "status": "active"}))
                    .collect();
                it["deployment_trigger"]["metadata"]["branch"] = long.clone().into();
            }),
            &[&long],
        ));
        assert!(summary.len() <= MOST);
        assert!(summary.starts_with("### ❌ Deployment 5f0e1d2c failed in stage build"));
    }
}
