//! The step summary: what happened, in Markdown with a picture.
//!
//! Invariant: a function of the ending; always under [`MOST`] bytes. Text from
//! outside is escaped for Markdown, HTML and Mermaid where it is put in.

use std::fmt::Write as _;

use crate::cloudflare::deployment::{Deployment, EnvVar, StageStatus};
use crate::report::harmless::markup::{code, fence_for, markdown, mermaid};
use crate::report::harmless::secrets::Secrets;
use crate::report::harmless::{Colors, inline};
use crate::report::line::{advice, last_line, span, subject};
use crate::retry::outcome::{Attempt, Ending, Outcome};
use crate::retry::watch::took;

/// Bytes; GitHub drops a summary of over 1 MiB as a whole.
const MOST: usize = 100_000;

/// Variables, aliases and stages beyond these are counted, not named.
const MOST_NAMES: usize = 50;

/// Renders the summary of a run, without a secret. Where all attempts are too
/// much, the last ones are told.
pub(crate) fn render(ending: &Ending, secrets: &Secrets) -> String {
    let pen = &Pen { secrets };
    let headline = headline(ending, pen);
    let attempts = ending.attempts.iter().enumerate();
    let attempts: Vec<Told> = attempts.map(|(n, it)| told(ending, n, it, pen)).collect();
    let built = ending.deployment().map(|it| built(it, pen));
    let texts = (0..=attempts.len()).map(|earlier| {
        let left_out = match earlier {
            0 => String::new(),
            _ => format!("The log tells of {earlier} earlier attempts.\n\n"),
        };
        let told = &attempts[earlier..];
        let tables: String = told.iter().map(|it| it.tables.as_str()).collect();
        let gantt = gantt(told);
        [
            &headline,
            &left_out,
            &tables,
            &gantt,
            built.as_deref().unwrap_or_default(),
        ]
        .concat()
    });
    let mut fitting = texts.filter(|it| it.len() <= MOST);
    fitting.next().unwrap_or(headline.clone())
}

/// What is told of one attempt.
struct Told {
    tables: String,
    /// Its section of the picture.
    section: String,
}

fn told(ending: &Ending, n: usize, attempt: &Attempt, pen: &Pen) -> Told {
    Told {
        tables: stages(ending, n, attempt, pen) + &failure(attempt, pen),
        section: section(n, attempt, pen),
    }
}

fn headline(ending: &Ending, pen: &Pen) -> String {
    let symbol = match (ending.outcome.is_good(), ending.fails) {
        (true, _) => "✅",
        (false, true) => "❌",
        (false, false) => "⚠️",
    };
    if let Outcome::Unusable { problems } = &ending.outcome
        && 1 < problems.len()
    {
        let items = problems
            .iter()
            .map(|it| format!("- {}\n", pen.markdown(it)));
        let items: String = items.collect();
        return format!(
            "### {symbol} Error: {} problems\n\n{items}\n",
            problems.len()
        );
    }
    let deployment = ending.deployment();
    let (url, dashboard) = (deployment.map_or("", |it| &it.url), ending.dashboard_url());
    let newer = if let Outcome::Skipped {
        superseded_by: Some((_, url)),
        ..
    } = &ending.outcome
    {
        url
    } else {
        ""
    };
    // Links follow as ones of their own: an address in the text would end it.
    let mut line = last_line(ending);
    for address in [url, newer, &dashboard] {
        line = line.replace(&inline(address), "");
    }
    let line = pen.markdown(line.trim_end_matches([':', ' ']));
    let mut text = format!("### {symbol} {line}");
    let has_page = !ending.project_name.is_empty();
    let links = [
        ("Site", url),
        ("Newer deployment", newer),
        ("Dashboard", if has_page { &dashboard } else { "" }),
    ];
    for (name, address) in links.into_iter().filter(|(_, it)| !it.is_empty()) {
        let _ = write!(text, " · {}", pen.link(name, address));
    }
    text.push_str("\n\n");
    let advice = advice(ending).filter(|it| !it.contains(&dashboard));
    if let Some(advice) = advice {
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
    // Without a history there is nothing usual.
    let (heading, rule) = if ending.usual.is_empty() {
        ("", "")
    } else {
        (" usually |", "---|")
    };
    let _ = writeln!(
        text,
        "| stage | result | time |{heading}\n|---|---|---|{rule}"
    );
    let stages = attempt.deployment.stages_by_latest();
    for stage in stages.iter().take(MOST_NAMES) {
        let result = match &stage.status {
            StageStatus::Idle => "·".to_owned(),
            StageStatus::Active => "… running".to_owned(),
            StageStatus::Success => "✓".to_owned(),
            StageStatus::Failure => "✗ failed".to_owned(),
            StageStatus::Canceled => "⊘ canceled".to_owned(),
            StageStatus::Skipped => "» skipped".to_owned(),
            StageStatus::Other(word) => pen.markdown(word),
        };
        let name = pen.markdown(&stage.name.to_string());
        let took = took(stage).map(span).unwrap_or_default();
        let _ = write!(text, "| {name} | {result} | {} |", pen.markdown(&took));
        if !ending.usual.is_empty() {
            let usually = ending.usual.of(&stage.name).map(span).unwrap_or_default();
            let _ = write!(text, " {} |", pen.markdown(&usually));
        }
        text.push('\n');
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
fn gantt(attempts: &[Told]) -> String {
    let sections: String = attempts.iter().map(|it| it.section.as_str()).collect();
    if sections.is_empty() {
        return String::new();
    }
    format!("```mermaid\ngantt\n    dateFormat x\n    axisFormat %H:%M:%S\n{sections}```\n\n")
}

/// The stages of one attempt that have begun and ended.
fn section(n: usize, attempt: &Attempt, pen: &Pen) -> String {
    let mut tasks = String::new();
    let stages = attempt.deployment.stages_by_latest();
    for stage in stages.into_iter().take(MOST_NAMES) {
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
        let _ = writeln!(tasks, "    {name} : {tag}, {start}, {}", end.max(start));
    }
    if tasks.is_empty() {
        return tasks;
    }
    let id = attempt.deployment.short_id();
    let name = pen.mermaid(&format!("attempt {} {id}", n + 1));
    format!("    section {name}\n{tasks}")
}

/// What was built, folded. Of variables only the names are shown.
fn built(deployment: &Deployment, pen: &Pen) -> String {
    let metadata = &deployment.deployment_trigger.metadata;
    let build = &deployment.build_config;
    let repository = deployment.source.as_ref().map(|it| {
        let config = &it.config;
        let parts = [&config.owner, &config.repo_name].map(String::as_str);
        let parts: Vec<_> = parts.into_iter().filter(|it| !it.is_empty()).collect();
        format!("{} ({})", parts.join("/"), it.kind).replace(" ()", "")
    });
    let commit = format!("{} {}", metadata.commit_hash, subject(deployment));
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
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;
    use crate::cloudflare::deployment::StageName;
    use crate::retry::outcome::{Doing, Signal};
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

| stage | result | time |
|---|---|---|
| queued | ✓ | 2s |
| build | ✗ failed | 1m04s |
| deploy | · |  |

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

    /// What stands above the tables, for an ending without a new deployment or
    /// with one.
    #[track_caller]
    fn check_head(outcome: Outcome, fails: bool, has_attempt: bool, head: &str) {
        let mut ending = failed(deployment(|_| {}), &[]);
        ending.outcome = outcome;
        ending.fails = fails;
        if !has_attempt {
            ending.original = ending.attempts.pop().map(|it| it.deployment);
        }
        let summary = rendered(&ending);
        let found = summary.split("\n\n|").next().unwrap_or_default();
        let found = found.split("\n\n<details>").next().unwrap_or_default();
        assert_eq!(found, head);
        let has_table = summary.contains("| build | ✗ failed | 1m04s |");
        assert_eq!(has_table, has_attempt);
        assert!(summary.contains("<summary>What was built</summary>"));
    }

    const SITE: &str = " · [Site](<https://5f0e1d2c.shop.pages.dev>)";
    const PAGE: &str =
        " · [Dashboard](<https://dash.cloudflare.com/?to=/:account/pages/view/shop/5f0e1d2c-aaaa>)";

    #[test]
    fn each_ending_of_a_deployment_has_its_headline_and_advice() {
        let build = || StageName::Build;
        let watching = || Doing::Watching {
            stage: Some(StageName::Build),
        };
        let minute = Duration::from_mins(1);
        let with_attempt = [
            (
                Outcome::Deployed,
                false,
                format!("### ✅ Deployment 5f0e1d2c succeeded{SITE}{PAGE}"),
            ),
            (
                Outcome::Triggered,
                false,
                format!("### ✅ Triggered 5f0e1d2c{SITE}{PAGE}"),
            ),
            (
                Outcome::Failed { stage: build() },
                false,
                format!(
                    "### ⚠️ Deployment 5f0e1d2c failed in stage build{SITE}{PAGE}\n\ncorrect it"
                ),
            ),
            (
                Outcome::Canceled { stage: build() },
                true,
                format!("### ❌ Deployment 5f0e1d2c was canceled in stage build{SITE}{PAGE}"),
            ),
            (
                Outcome::Skipped {
                    reason: "path_config".to_owned(),
                    superseded_by: None,
                },
                true,
                format!(
                    "### ❌ Deployment 5f0e1d2c was skipped&#58; path&#95;config{SITE}{PAGE}\n\ncheck the build watch paths, the branch rules and the commit message"
                ),
            ),
            (
                Outcome::Skipped {
                    reason: "superseded_queued_build".to_owned(),
                    superseded_by: Some((
                        "5ec0dde4".to_owned(),
                        "https://5ec0dde4.shop.pages.dev".to_owned(),
                    )),
                },
                true,
                format!(
                    "### ❌ Deployment 5f0e1d2c was skipped&#58; superseded&#95;queued&#95;build; superseded by 5ec0dde4{SITE} · [Newer deployment](<https://5ec0dde4.shop.pages.dev>){PAGE}\n\na newer deployment took its place; nothing needs to be done"
                ),
            ),
            (
                Outcome::Deleted,
                true,
                format!("### ❌ Deployment 5f0e1d2c was deleted{SITE}{PAGE}"),
            ),
            (
                Outcome::TimedOut {
                    doing: watching(),
                    after: minute,
                },
                true,
                format!(
                    "### ❌ Deployment 5f0e1d2c still in stage build after 1m00s; it goes on at Cloudflare{SITE}{PAGE}\n\ngive &#96;timeout&#96; more time"
                ),
            ),
            (
                Outcome::Interrupted {
                    signal: Signal::Interrupt,
                    doing: watching(),
                },
                true,
                format!(
                    "### ❌ Interrupted; deployment 5f0e1d2c goes on at Cloudflare{SITE}{PAGE}"
                ),
            ),
        ];
        for (outcome, fails, head) in with_attempt {
            check_head(outcome, fails, true, &head);
        }
    }

    #[test]
    fn an_ending_without_a_new_deployment_tells_of_the_target() {
        let without = [
            (
                Outcome::NothingToRetry,
                false,
                format!("### ✅ Nothing to retry&#58; 5f0e1d2c succeeded{SITE}{PAGE}"),
            ),
            (
                Outcome::DryRun,
                false,
                format!("### ✅ Dry run&#58; nothing was triggered{SITE}{PAGE}"),
            ),
            (
                Outcome::Refused {
                    why: "it is old".to_owned(),
                },
                true,
                format!("### ❌ Refused&#58; it is old{SITE}{PAGE}"),
            ),
            (
                Outcome::Unreachable {
                    what: "the Pages API answered 403".to_owned(),
                    hint: Some("check it".to_owned()),
                },
                true,
                format!("### ❌ Error&#58; the Pages API answered 403{SITE}{PAGE}\n\ncheck it"),
            ),
        ];
        for (outcome, fails, head) in without {
            check_head(outcome, fails, false, &head);
        }
    }

    fn unusable(problems: &[&str]) -> Ending {
        Ending {
            outcome: Outcome::Unusable {
                problems: problems.iter().map(|it| (*it).to_owned()).collect(),
            },
            fails: true,
            original: None,
            attempts: Vec::new(),
            project_name: String::new(),
            usual: Usual::default(),
        }
    }

    #[test]
    fn each_bad_input_is_an_item_of_its_own() {
        let one = rendered(&unusable(&["input `timeout` is empty"]));
        assert_eq!(
            one,
            "### ❌ Error&#58; input &#96;timeout&#96; is empty\n\n"
        );
        let two = rendered(&unusable(&["no token", "no account"]));
        let expected = "### ❌ Error: 2 problems\n\n- no token\n- no account\n\n";
        assert_eq!(two, expected);
    }

    #[test]
    fn two_attempts_are_two_tables_and_two_sections() {
        let mut ending = failed(deployment(|_| {}), &[]);
        let second = deployment(|it| {
            it["short_id"] = "5f0e1d2d".into();
            it["stages"][1]["status"] = "success".into();
        });
        ending.attempts.push(Attempt {
            deployment: second,
            reason: None,
            advice: None,
            telling: Vec::new(),
        });
        ending.usual = [(StageName::Build, Duration::from_secs(58))]
            .into_iter()
            .collect();
        let summary = rendered(&ending);
        let tables = "\
#### Attempt 1: <code>5f0e1d2c</code>

| stage | result | time | usually |
|---|---|---|---|
| queued | ✓ | 2s |  |
| build | ✗ failed | 1m04s | 58s |
| deploy | · |  |  |

**Why:** the build command failed

#### Attempt 2: <code>5f0e1d2d</code>

| stage | result | time | usually |
|---|---|---|---|
| queued | ✓ | 2s |  |
| build | ✓ | 1m04s | 58s |
| deploy | · |  |  |

```mermaid
gantt
    dateFormat x
    axisFormat %H:%M:%S
    section attempt 1 5f0e1d2c
    queued : done, 1777863721000, 1777863723000
    build : crit, 1777863723000, 1777863787000
    section attempt 2 5f0e1d2d
    queued : done, 1777863721000, 1777863723000
    build : done, 1777863723000, 1777863787000
```
";
        assert!(summary.contains(tables), "{summary}");
    }

    #[test]
    fn what_the_api_does_not_say_is_not_there() {
        let bare = |it: &mut Value| {
            it["url"] = "".into();
            it["source"] = json!({"type": "gitlab", "config": {}});
            it["deployment_trigger"] = json!({});
            it["env_vars"] = json!({});
            it["environment"] = "".into();
        };
        let summary = rendered(&failed(deployment(bare), &[]));
        let head = format!("### ❌ Deployment 5f0e1d2c failed in stage build{PAGE}\n");
        assert!(summary.starts_with(&head), "{summary}");
        let built = "<summary>What was built</summary>\n\n| | |\n|---|---|\n| repository | &#40;gitlab&#41; |\n\n</details>\n";
        assert!(summary.ends_with(built), "{summary}");
    }

    #[test]
    fn it_stays_under_its_size_whatever_comes() {
        let long = "x".repeat(400_000);
        let big = || {
            deployment(|it| {
                it["aliases"] = (0..9_999).map(|n| format!("https://{n}.example")).collect();
                it["stages"] = (0..9_999)
                    .map(|n| json!({"name": format!("s{n}"), "status": "active"}))
                    .collect();
                it["deployment_trigger"]["metadata"]["branch"] = long.clone().into();
            })
        };
        let line = "x".repeat(4_000);
        let telling = vec![line.as_str(); 12];
        let mut ending = failed(big(), &telling);
        let first = rendered(&ending);
        assert!(first.len() <= MOST, "{}", first.len());
        assert!(first.contains("| s0 |") && first.ends_with("</details>\n"));
        let attempt = ending.attempts[0].clone();
        ending.attempts = vec![attempt; 40];
        let summary = rendered(&ending);
        assert!(summary.len() <= MOST, "{}", summary.len());
        assert!(summary.contains("#### Attempt 40") && !summary.contains("#### Attempt 1:"));
        assert!(summary.contains(" earlier attempts.\n"), "{summary}");
    }
}
