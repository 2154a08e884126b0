use std::iter;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::cloudflare::deployment::{Deployment, StageName};
use crate::run::history::StageHistory;
use crate::run::reachability::{AddressResult, Finding, Problem, Reachability};

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
        "source": {"type": "github", "config": {"owner": "example", "repo_name": "shop"}},
        "env_vars": {"MODE": {"type": "plain_text", "value": "hush"},
                     "KEY": {"type": "secret_text", "value": ""}}
    });
    bend(&mut deployment);
    serde_json::from_value(deployment).unwrap()
}

fn failed(deployment: Deployment, excerpt: &[&str]) -> RunResult {
    RunResult {
        outcome: Outcome::Failed {
            stage: StageName::Build,
        },
        fails: true,
        original: None,
        target_failure: None,
        attempts: vec![Attempt {
            deployment,
            reason: Some("the build command failed"),
            advice: Some("correct it"),
            excerpt: excerpt.iter().map(|it| (*it).to_owned()).collect(),
        }],
        project_name: "shop".to_owned(),
        usual: StageHistory::default(),
        reachability: None,
    }
}

fn rendered(ending: &RunResult) -> String {
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
### ❌ Deployment 5f0e1d2c failed in stage build · [Dashboard](<https://dash.cloudflare.com/?to=/:account/pages/view/shop/5f0e1d2c-aaaa>)

**Why:** the build command failed

````text
a ``` fence
error: no
````

**What to do:** correct it

| stage | result | time |
| --- | --- | --- |
| queued | ✓ | 2s |
| build | ✗ failed | 1m04s |
| deploy | · |  |

```mermaid
gantt
    dateFormat x
    axisFormat %H:%M:%S
    todayMarker off
    section attempt 1
    queued 2s : 1777863721000, 1777863723000
    build 1m04s : crit, 1777863723000, 1777863787000
```

<details><summary>What was built</summary>

| | |
|---|---|
| deployment | <code>5f0e1d2c</code> |
| repository | example/shop (github) |
| branch | <code>main</code> |
| commit | <code>0123abc</code> Fix |
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
fn without_an_address_there_is_no_link_to_a_site() {
    for url in ["", "javascript:alert(1)", "https://a b", "http://a.example"] {
        let mut ending = failed(deployment(|it| it["url"] = url.into()), &[]);
        ending.outcome = Outcome::Deployed;
        let summary = rendered(&ending);
        let line = summary.lines().next().unwrap();
        assert!(!line.contains("Site"), "{line}");
        let start = "### ✅ Deployment 5f0e1d2c succeeded";
        assert!(line.starts_with(start), "{line}");
    }
}

#[test]
fn a_source_is_named_as_far_as_it_is_known() {
    for (source, row) in [
        (json!({}), ""),
        (json!({"type": "gitlab"}), "| repository | gitlab |\n"),
        (
            json!({"config": {"owner": "a", "repo_name": "b"}}),
            "| repository | a/b |\n",
        ),
        (
            json!({"type": "github", "config": {"repo_name": "b"}}),
            "| repository | b (github) |\n",
        ),
    ] {
        let summary = rendered(&failed(deployment(|it| it["source"] = source.clone()), &[]));
        assert_eq!(summary.matches("| repository |").count(), row.len().min(1));
        assert!(summary.contains(row), "{summary}");
    }
}

#[test]
fn a_task_is_named_with_its_time_or_as_running() {
    let summary = rendered(&failed(
        deployment(|it| {
            it["stages"][0]["ended_on"] = "2026-05-04T03:02:01.5Z".into();
            it["stages"][1]["status"] = "active".into();
            it["stages"][1]["ended_on"] = Value::Null;
        }),
        &[],
    ));
    let tasks = "
    section attempt 1
    queued under 1s : 1777863721000, 1777863721500
    build running : milestone, 1777863723000, 1777863723000
```
";
    assert!(summary.contains(tasks), "{summary}");
}

#[test]
fn an_attempt_that_the_title_does_not_name_has_a_title_of_its_own() {
    let mut ending = failed(deployment(|_| {}), &[]);
    ending.outcome = Outcome::Refused {
        why: "deployment 77c0ffee is newer".to_owned(),
    };
    let summary = rendered(&ending);
    assert!(summary.contains("\n#### Attempt 1: <code>5f0e1d2c</code> · [Dashboard]"));
}

/// Far more attempts than anybody makes.
#[test]
fn each_attempt_is_named() {
    let mut ending = failed(deployment(|_| {}), &["error: no"]);
    let attempt = ending.attempts[0].clone();
    let ids: Vec<String> = (0..200).map(|n| format!("{n:08x}")).collect();
    ending.attempts = ids
        .iter()
        .map(|id| Attempt {
            deployment: deployment(|it| it["short_id"] = id.as_str().into()),
            ..attempt.clone()
        })
        .collect();
    let summary = rendered(&ending);
    assert!(summary.len() < MOST);
    for id in &ids {
        assert!(summary.contains(&format!("<code>{id}</code>")), "{id}");
    }
    assert!(summary.contains("\n#### Attempt 200: <code>000000c7</code>"));
}

#[test]
fn what_is_too_long_is_cut_and_all_the_rest_stays() {
    let long = "`x|".repeat(200_000);
    let summary = rendered(&failed(
        deployment(|it| {
            it["aliases"] = (0..9_999).map(|n| format!("https://{n}.example")).collect();
            let stages = (0..9_999).map(|n| {
                json!({"name": format!("s{n}"), "status": "active",
                    "started_on": "2026-05-04T03:02:01Z", "ended_on": "2026-05-04T03:02:02Z"})
            });
            it["stages"] = stages.collect();
            it["deployment_trigger"]["metadata"]["branch"] = long.clone().into();
        }),
        &[&long, "error: the second"],
    ));
    assert!(summary.len() < MOST);
    for part in [
        "### ❌ Deployment 5f0e1d2c failed in stage build · [Dashboard]",
        "**What to do:** correct it\n",
        "**Why:** the build command failed\n",
        "\nerror: the second\n",
        "\n| s0 |",
        " more |  |  |\n",
        "    section attempt 1\n    s0 1s : milestone",
        "| branch | <code>&#96;x&#124;",
        "…</code> |\n| commit | <code>0123abc</code> Fix |\n",
        "[https&#58;<!-- -->//0.example](<https://0.example>)",
        "<code>KEY</code> (secret)",
        "\n</details>\n",
    ] {
        assert!(summary.contains(part), "{part} in {summary}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]
    #[test]
    fn it_stays_under_its_size_whatever_comes(
        (attempts, stages, lines, names) in (1..80_usize, 0..90_usize, 0..9_usize, 0..300_usize),
        (times, piece, n) in (1..1_500_usize, "[`@#:<|a-c ]{1,3}|.{1,3}", 0..4_usize),
    ) {
        let long = piece.repeat(times);
        // Many of them or long ones: both at once take minutes.
        let (stages, names) = (stages.min(10_000 / times), names.min(20_000 / times));
        let stage = json!({"name": long, "status": "failure",
            "started_on": "2026-05-04T03:02:01Z", "ended_on": "2026-05-04T03:02:03Z"});
        let deployment = deployment(|it| {
            for field in ["url", "environment", "short_id"] {
                it[field] = long.clone().into();
            }
            it["stages"] = iter::repeat_n(stage.clone(), stages).collect();
            it["aliases"] = iter::repeat_n(long.clone(), names).collect();
            it["env_vars"] = (0..names).map(|n| (format!("{long}{n}"), Value::Null)).collect();
            it["build_config"] = json!({"build_command": long, "root_dir": long, "destination_dir": long});
            it["source"] = json!({"type": long, "config": {"owner": long, "repo_name": long}});
            let metadata = json!({"branch": long, "commit_hash": long, "commit_message": long});
            it["deployment_trigger"] = json!({"type": long, "metadata": metadata});
        });
        let mut ending = failed(deployment, &vec![long.as_str(); lines]);
        ending.original = Some(ending.attempts[0].deployment.clone());
        let attempt = ending.attempts[0].clone();
        ending.attempts = vec![attempt; attempts.min(1 + 1_000 / times)];
        let outcomes = [
            Outcome::Failed { stage: StageName::Other(long.clone()) },
            Outcome::UsageError { problems: vec![long.clone(); names] },
            Outcome::ApiError { what: long.clone(), hint: Some(long.clone()) },
            Outcome::Skipped { reason: long.clone(), superseded_by: Some((long.clone(), long.clone())) },
        ];
        ending.outcome = outcomes[n].clone();
        let summary = rendered(&ending);
        prop_assert!(summary.len() < MOST);
        prop_assert!(summary.starts_with("### ❌ "));
        prop_assert!(summary.ends_with("\n</details>\n"));
    }
}

#[test]
fn the_check_is_a_row_of_the_table_and_a_bar_of_the_picture() {
    let mut result = failed(deployment(|_| ()), &[]);
    result.checked(Reachability {
        addresses: vec![AddressResult {
            url: "https://shop.example".to_owned(),
            finding: Finding::Unreachable {
                problem: Problem::Returns(404),
                last_response: "404 with 9 bytes".to_owned(),
                lasted: Duration::from_secs(299),
            },
        }],
        took: Duration::from_mins(5),
    });
    let summary = rendered(&result);
    let stages = result.attempts[0].deployment.stages_by_latest();
    let last = stages.iter().filter_map(|it| it.ended_on).max().unwrap();
    let start = last.timestamp_millis();
    let bar = format!("    reachable 5m00s : crit, {start}, {}\n", start + 300_000);
    assert!(summary.contains(&bar), "{summary}");
    assert!(
        summary.contains("| reachable | ✗ failed | 5m00s |"),
        "{summary}"
    );
    let title = summary.lines().next().unwrap();
    assert!(title.contains(" returns 404 after 5m00s"), "{title}");
    assert!(title.contains("shop.example"), "{title}");
    assert!(
        summary.contains(" returns 404 for 4m59s; last response"),
        "{summary}"
    );
}
