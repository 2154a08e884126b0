//! The recipes of the README: read as workflows, and their steps run against
//! the fake API as GitHub would run them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use test_support::fake::{ACCOUNT, Api, Clock, Deployment, Fake, Life, Route, TOKEN, full_id};

use crate::step::{Done, ORIGINAL, Step};

const README: &str = include_str!("../../README.md");

/// The commit that the workflows are about.
const HEAD: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// The workflow under a heading of the README.
fn workflow(heading: &str) -> Value {
    let (_, section) = README
        .split_once(&format!("\n### {heading}\n"))
        .unwrap_or_else(|| panic!("no heading {heading}"));
    let (_, block) = section.split_once("\n```yaml\n").unwrap();
    let (block, _) = block.split_once("\n```\n").unwrap();
    serde_saphyr::from_str(block).unwrap_or_else(|error| panic!("{heading}: {error}"))
}

/// The only job of a workflow.
fn job(workflow: &Value) -> &Value {
    let jobs = workflow["jobs"].as_object().unwrap();
    assert_eq!(jobs.len(), 1);
    let job = jobs.values().next().unwrap();
    assert!(job["runs-on"].is_string(), "{job}");
    job
}

/// The inputs of the step that uses the action, its expressions evaluated.
fn inputs(workflow: &Value) -> BTreeMap<String, String> {
    let steps = job(workflow)["steps"].as_array().unwrap();
    let is_ours = |it: &&Value| it["uses"] == "OWNER/pages-retry@v1";
    let ours: Vec<_> = steps.iter().filter(is_ours).collect();
    let [ours] = ours.as_slice() else {
        panic!("one step uses the action: {steps:?}");
    };
    let evaluate = |value: &Value| {
        let text = value.as_str().map(str::to_owned);
        let text = text.unwrap_or_else(|| value.to_string());
        match text.as_str() {
            "${{ vars.CLOUDFLARE_ACCOUNT_ID }}" => ACCOUNT.to_owned(),
            "${{ secrets.CLOUDFLARE_API_TOKEN }}" => TOKEN.to_owned(),
            "${{ inputs.deployment }}" => ORIGINAL.to_owned(),
            _ => {
                assert!(!text.contains("${{"), "an expression to evaluate: {text}");
                text
            }
        }
    };
    let with = ours["with"].as_object().unwrap().iter();
    with.map(|(name, value)| (name.clone(), evaluate(value)))
        .collect()
}

/// Runs the step of a recipe on GitHub, started by an event.
fn run(heading: &str, event: &str, payload: &Value, api: Api) -> (Done, Fake) {
    let workflow = workflow(heading);
    let on = &workflow["on"];
    let is_started = on == event || on.get(event).is_some();
    assert!(is_started, "{heading} is started by {on}");
    let fake = Fake::start(api);
    let step = Step::bare()
        .with("api_base_url", &fake.url())
        .with("poll_interval", "1s")
        .on_github();
    let path = step.folder().join("event.json");
    std::fs::write(&path, payload.to_string()).unwrap();
    let step = step
        .var("GITHUB_EVENT_NAME", event)
        .var("GITHUB_EVENT_PATH", path.to_str().unwrap());
    // On `check_run` and `schedule` it is the newest commit of the default
    // branch.
    let sha = if event == "push" {
        HEAD.to_owned()
    } else {
        "f".repeat(40)
    };
    let step = step.var("GITHUB_SHA", &sha);
    let given = inputs(&workflow);
    let step = given
        .iter()
        .fold(step, |step, (name, value)| step.with(name, value));
    (step.run(), fake)
}

fn fails(stage: &str, line: &str) -> Life {
    let log = [(Duration::from_secs(6), line)];
    Life::fails_in(stage).log(log).with_a_tidy_queue()
}

/// A failure that may be gone the next time, and one that will not.
fn clone_fails() -> Life {
    let line = "error: RPC failed; curl 56 GnuTLS recv error (-54): Error in the pull function.";
    fails("clone_repo", line)
}

fn build_fails() -> Life {
    let lines = [
        "src/main.ts(3,9): error TS2345: Argument of type 'string' is not assignable.",
        "Failed: error occurred while running build command",
    ];
    let log = lines.map(|it| (Duration::from_secs(6), it));
    Life::fails_in("build").log(log).with_a_tidy_queue()
}

/// A project with the deployment of the commit, whose production is fine and
/// whose retries succeed.
fn project(life: Life) -> Api {
    Api::new()
        .clock(Clock::PerRequest(Duration::from_secs(20)))
        .deployment(Deployment::succeeded("0b5e55ed").ago(Duration::from_hours(9)))
        .deployment(
            Deployment::running(ORIGINAL, life)
                .preview("fix")
                .commit(HEAD),
        )
        .retries_to(Life::success().with_a_tidy_queue())
}

#[test]
fn each_recipe_is_a_workflow_with_one_job() {
    let mut recipes = 0;
    for part in README.split("\n```yaml\n").skip(1) {
        let (block, _) = part.split_once("\n```\n").unwrap();
        let workflow: Value = serde_saphyr::from_str(block).unwrap();
        assert!(!workflow["on"].is_null(), "{block}");
        for step in job(&workflow)["steps"].as_array().unwrap() {
            let is_step = step["uses"].is_string() || step["run"].is_string();
            assert!(is_step, "{step}");
        }
        recipes += 1;
    }
    assert!(7 <= recipes, "{recipes}");
}

#[test]
fn the_recipe_that_heals_a_push_retries_what_may_pass_and_nothing_else() {
    let heading = "Heal a push";
    let payload = json!({"ref": "refs/heads/fix", "after": HEAD});
    let cases = [
        (
            Life::success().with_a_tidy_queue(),
            "nothing_to_retry",
            0,
            0,
        ),
        (clone_fails(), "success", 0, 1),
        (build_fails(), "failure", 1, 0),
    ];
    for (life, status, code, retries) in cases {
        let api = project(life).expect(Route::Retry, retries);
        let (done, _fake) = run(heading, "push", &payload, api);
        done.ends(code, &format!("status={status}\nattempts={retries}"));
        assert_eq!(done.outputs["original_id"], full_id(ORIGINAL));
    }
}

#[test]
fn the_recipe_on_a_schedule_heals_production_alone() {
    let heading = "Heal production on a schedule";
    let payload = json!({"schedule": "23 * * * *"});
    // Only a preview is broken.
    let api = project(build_fails()).expect(Route::Retry, 0);
    let (done, _fake) = run(heading, "schedule", &payload, api);
    done.ends(0, "status=nothing_to_retry\nshort_id=0b5e55ed");
    let broken = Deployment::new("b20ce001", clone_fails()).ago(Duration::from_hours(2));
    let api = project(Life::success())
        .deployment(broken)
        .expect(Route::Retry, 1);
    let (done, _fake) = run(heading, "schedule", &payload, api);
    done.ends(0, "status=success\nattempts=1");
    assert_eq!(done.outputs["original_id"], full_id("b20ce001"));
}

#[test]
fn the_recipe_on_a_check_run_costs_nothing_while_builds_pass() {
    let heading = "Heal a build as soon as it fails";
    let recipe = workflow(heading);
    let condition = job(&recipe)["if"].as_str().unwrap();
    // The condition of the job, which GitHub evaluates without a runner.
    let parts: Vec<&str> = condition.split(" && ").collect();
    assert_eq!(
        parts,
        [
            "github.event.check_run.name == 'Cloudflare Pages'",
            "github.event.check_run.conclusion == 'failure'",
        ]
    );
    assert_eq!(recipe["on"]["check_run"]["types"], json!(["completed"]));
    // Its own retry reports a check run too: only the first run for a commit
    // retries, and a run is known by its name.
    let steps = job(&recipe)["steps"].as_array().unwrap();
    assert_eq!(steps[0]["env"]["TITLE"], recipe["run-name"]);
    let count = steps[0]["run"].as_str().unwrap();
    assert!(count.contains(".displayTitle == env.TITLE and .conclusion != \"skipped\""));
    assert_eq!(steps[1]["if"], "steps.runs.outputs.count == '1'");
    assert_eq!(recipe["permissions"], json!({"actions": "read"}));

    let payload = json!({
        "action": "completed",
        "check_run": {"name": "Cloudflare Pages", "head_sha": HEAD, "conclusion": "failure"},
    });
    let api = project(clone_fails()).expect(Route::Retry, 1);
    let (done, _fake) = run(heading, "check_run", &payload, api);
    done.ends(0, "status=success\nattempts=1");
    assert_eq!(done.outputs["original_id"], full_id(ORIGINAL));
}

#[test]
fn the_manual_button_and_the_nightly_rebuild_retry_what_they_name() {
    let payload = json!({"inputs": {"deployment": ORIGINAL}});
    let api = project(build_fails()).expect(Route::Retry, 1);
    let heading = "Retry a given deployment";
    let (done, _fake) = run(heading, "workflow_dispatch", &payload, api);
    done.ends(0, "status=success\nattempts=1");

    let api = project(build_fails()).expect(Route::Retry, 1);
    let heading = "Rebuild every night";
    let (done, _fake) = run(heading, "schedule", &json!({}), api);
    done.ends(0, "status=success\nattempts=1");
    assert_eq!(done.outputs["original_id"], full_id("0b5e55ed"));
}
