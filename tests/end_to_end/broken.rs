//! What `latest-failed` finds broken, what it leaves alone, and how it says so.

use std::time::Duration;

use test_support::fake::{Api, Clock, Deployment, Fake, Life, Route, full_id};

use crate::step::{Done, ORIGINAL, Step};

const HOUR: Duration = Duration::from_hours(1);

const TRANSIENT: &str =
    "error: RPC failed; curl 56 GnuTLS recv error (-54): Error in the pull function.";
const PERMANENT: &str =
    "src/main.ts(3,9): error TS2345: Argument of type 'string' is not assignable.";

/// A life that ends in a failure in `stage`, whose log has one line.
fn fails(stage: &str, line: &str) -> Life {
    let log = [(Duration::from_secs(6), line)];
    Life::fails_in(stage).log(log).with_a_tidy_queue()
}

fn clone_fails() -> Life {
    fails("clone_repo", TRANSIENT)
}

fn build_fails() -> Life {
    let end = "Failed: error occurred while running build command";
    let log = [PERMANENT, end].map(|it| (Duration::from_secs(6), it));
    Life::fails_in("build").log(log).with_a_tidy_queue()
}

/// A project whose retries succeed.
fn project() -> Api {
    Api::new()
        .clock(Clock::PerRequest(Duration::from_secs(20)))
        .retries_to(Life::success().with_a_tidy_queue())
}

fn run(api: Api, inputs: &[(&str, &str)]) -> (Done, Fake) {
    let fake = Fake::start(api);
    let step = Step::new(&fake).with("deployment_id", "latest-failed");
    let step = inputs
        .iter()
        .fold(step, |step, (name, value)| step.with(name, value));
    (step.run(), fake)
}

#[test]
fn broken_production_is_retried_though_a_preview_has_succeeded_since() {
    let api = project()
        .deployment(Deployment::failed(ORIGINAL).ago(2 * HOUR))
        .deployment(Deployment::succeeded("5eed5eed").preview("docs").ago(HOUR))
        .expect(Route::Retry, 1);
    let (done, _fake) = run(api, &[]);
    done.ends(0, "status=success\nattempts=1");
    assert_eq!(done.outputs["original_id"], full_id(ORIGINAL));
}

#[test]
fn nothing_to_retry_says_what_was_examined() {
    let api = project()
        .deployment(Deployment::failed("5eed5eed").preview("docs").ago(2 * HOUR))
        .deployment(Deployment::succeeded(ORIGINAL).branch("next").ago(HOUR))
        .expect(Route::Retry, 0);
    let (done, fake) = run(api, &[]);
    done.is(
        "Nothing to retry: the newest deployment of production, 4f1c2a9e, succeeded\n",
        0,
        "status=nothing_to_retry\nshort_id=4f1c2a9e\nattempts=0",
    );
    // One page settles it: only production is considered.
    assert_eq!(fake.count(Route::List), 1);
}

#[test]
fn the_newest_failed_preview_is_retried_and_the_others_are_named() {
    let api = project()
        .deployment(Deployment::failed("b10b0001").preview("blog").ago(4 * HOUR))
        .deployment(
            Deployment::canceled("5407e001")
                .preview("shop")
                .ago(3 * HOUR),
        )
        .deployment(Deployment::failed("d0c50001").preview("docs").ago(2 * HOUR))
        .deployment(Deployment::succeeded("d0c50002").preview("docs").ago(HOUR));
    let (done, _fake) = run(api, &[("environment", "PREVIEW")]);
    done.ends(0, "status=success");
    assert_eq!(done.outputs["original_id"], full_id("5407e001"));
    let notice =
        "also broken, and not retried by this run: deployment b10b0001 (branch blog, failed)\n";
    assert_eq!(done.log.matches(notice).count(), 1, "{}", done.log);
}

#[test]
fn only_two_hundred_deployments_are_searched_and_the_log_says_so() {
    let old = Deployment::failed(ORIGINAL).preview("old").ago(1000 * HOUR);
    let newer = (0..205).map(|n| {
        let it = Deployment::succeeded(&format!("{n:08x}")).preview("docs");
        it.ago((900 - n) * HOUR)
    });
    let api = newer.fold(project().deployment(old), Api::deployment);
    let (done, fake) = run(api, &[("environment", "preview")]);
    done.ends(0, "status=nothing_to_retry");
    let log = "\
searched only the newest 200 deployments for failed ones; older ones were not examined
Nothing to retry: the newest deployment of branch docs, 000000cc, succeeded
";
    assert_eq!(done.log, log);
    assert_eq!(fake.count(Route::List), 8);
}

#[test]
fn a_failed_upload_is_refused_where_nothing_else_is_there() {
    let failure = serde_json::json!({"name": "deploy", "status": "failure"});
    let upload = Deployment::direct_upload(ORIGINAL).with("latest_stage", failure);
    let (done, _fake) = run(project().deployment(upload), &[]);
    done.ends(2, "status=refused\nshort_id=4f1c2a9e");
    assert!(done.log.contains("is a direct upload"), "{}", done.log);
}

#[test]
fn a_permanent_failure_of_the_target_is_the_outcome_and_nothing_is_retried() {
    let api = project()
        .deployment(Deployment::new(ORIGINAL, build_fails()))
        .expect(Route::Retry, 0);
    let (done, fake) = run(api, &[("retry_when", "transient"), ("max_attempts", "3")]);
    done.ends(
        1,
        "status=failure\nstage=build\nattempts=0\nshort_id=4f1c2a9e",
    );
    let reason = &done.outputs["reason"];
    let last = format!("Deployment 4f1c2a9e failed in stage build; not retried: {reason}\n");
    assert!(done.log.contains(&last), "{}", done.log);
    assert_eq!(
        done.log.matches(reason.as_str()).count(),
        1,
        "told once: {}",
        done.log
    );
    assert!(
        done.log.contains(&format!("  {PERMANENT}\n")),
        "{}",
        done.log
    );
    assert!(done.log.contains("hint: "), "{}", done.log);
    assert!(!done.log.contains("Retrying"), "{}", done.log);
    drop(fake);
    // An annotation and a summary have the same.
    let fake = Fake::start(project().deployment(Deployment::new(ORIGINAL, build_fails())));
    let step = Step::new(&fake)
        .on_github()
        .with("deployment_id", "latest-failed");
    let done = step.with("retry_when", "transient").run();
    assert_eq!(done.log.matches("::error ").count(), 1, "{}", done.log);
    let summary = done.summary.unwrap();
    assert!(summary.contains("not retried&#58; "), "{summary}");
    assert!(summary.contains("error TS2345"), "{summary}");
    assert!(summary.contains("**What to do:**"), "{summary}");
}

#[test]
fn a_transient_failure_of_the_target_is_retried_with_its_reason_told() {
    for retry_when in ["auto", "transient", "any"] {
        let api = project()
            .deployment(Deployment::new(ORIGINAL, clone_fails()))
            .expect(Route::Retry, 1);
        let (done, fake) = run(api, &[("retry_when", retry_when)]);
        done.ends(0, "status=success\nattempts=1\nreason=");
        // Only where it decides is the target's log read.
        let is_read = retry_when == "transient";
        assert_eq!(
            fake.count(Route::Logs),
            usize::from(is_read),
            "{retry_when}"
        );
        assert_eq!(done.log.starts_with("Why: "), is_read, "{}", done.log);
    }
}

#[test]
fn what_the_log_does_not_explain_and_a_cancellation_are_not_retried() {
    let odd = fails("deploy", "something nobody has seen");
    for (life, status, told) in [
        (odd, "failure", "; not retried: "),
        (
            Life::canceled_in("build"),
            "canceled",
            "Not retried: it was canceled",
        ),
    ] {
        let api = project()
            .deployment(Deployment::new(ORIGINAL, life))
            .expect(Route::Retry, 0);
        let (done, _fake) = run(api, &[("retry_when", "transient")]);
        done.ends(1, &format!("status={status}\nattempts=0"));
        assert!(done.log.contains(told), "{}", done.log);
    }
}

#[test]
fn a_dry_run_diagnoses_too_and_passes() {
    for (life, told) in [
        (build_fails(), "Would not retry deployment 4f1c2a9e of site"),
        (clone_fails(), "Would retry deployment 4f1c2a9e of site"),
        (
            Life::canceled_in("build"),
            "Would not retry deployment 4f1c2a9e of site",
        ),
    ] {
        let api = project()
            .deployment(Deployment::new(ORIGINAL, life))
            .expect(Route::Retry, 0);
        let (done, _fake) = run(api, &[("retry_when", "transient"), ("dry_run", "true")]);
        done.ends(0, "status=dry_run\nshort_id=4f1c2a9e\nattempts=0");
        assert!(done.log.contains(told), "{}", done.log);
        assert!(
            done.log.ends_with("Dry run: nothing was triggered\n"),
            "{}",
            done.log
        );
    }
}

#[test]
fn retry_when_transient_leaves_a_deployment_alone_that_is_named() {
    let api = project()
        .deployment(Deployment::new(ORIGINAL, build_fails()))
        .expect(Route::Retry, 1);
    let (done, fake) = run(
        api,
        &[("deployment_id", ORIGINAL), ("retry_when", "transient")],
    );
    done.ends(0, "status=success");
    assert_eq!(fake.count(Route::Logs), 0);
}

#[test]
fn filters_have_no_effect_on_an_id_or_a_url() {
    for target in [
        full_id(ORIGINAL),
        "https://4f1c2a9e.site.pages.dev".to_owned(),
    ] {
        let api = project()
            .deployment(Deployment::failed(ORIGINAL))
            .expect(Route::Retry, 1);
        let inputs = [
            ("deployment_id", target.as_str()),
            ("environment", "preview"),
            ("branch", "docs"),
            // Not even read.
            ("commit_hash", "current"),
        ];
        let (done, _fake) = run(api, &inputs);
        done.ends(0, "status=success");
        for name in ["environment", "branch", "commit_hash"] {
            let warning = format!(
                "warning: input `{name}` filters only `latest` and `latest-failed`; it is ignored here\n"
            );
            assert!(done.log.contains(&warning), "{}", done.log);
        }
    }
}

#[test]
fn a_branch_may_be_a_reference_and_an_environment_in_any_case() {
    let api = project()
        .deployment(Deployment::failed(ORIGINAL).ago(2 * HOUR))
        .deployment(Deployment::failed("5eed5eed").preview("docs").ago(HOUR));
    let inputs = [("branch", "refs/heads/main"), ("environment", "Production")];
    let (done, _fake) = run(api, &inputs);
    done.ends(0, "status=success");
    assert_eq!(done.outputs["original_id"], full_id(ORIGINAL));
}

#[test]
fn production_is_guarded_whatever_the_branch() {
    let api = project()
        .deployment(Deployment::failed(ORIGINAL).ago(2 * HOUR))
        .deployment(Deployment::succeeded("77c0ffee").branch("next").ago(HOUR))
        .expect(Route::Retry, 0);
    let (done, _fake) = run(api, &[("deployment_id", ORIGINAL)]);
    done.ends(2, "status=refused");
    assert!(
        done.log
            .contains("deployment 77c0ffee of next (production) is newer"),
        "{}",
        done.log
    );
}

#[test]
fn a_refusal_of_a_further_attempt_is_a_warning_and_the_failure_stands() {
    let newer = Deployment::running("77c0ffee", Life::success()).branch("next");
    let fails = clone_fails().brings(Duration::from_secs(5), newer);
    let api = Api::new()
        .clock(Clock::PerRequest(Duration::from_secs(20)))
        .deployment(Deployment::failed(ORIGINAL))
        .retries_to(fails)
        .expect(Route::Retry, 1);
    let (done, _fake) = run(api, &[("max_attempts", "2")]);
    done.ends(
        1,
        "status=failure\nstage=clone_repo\nattempts=1\nshort_id=9a8b7c6d",
    );
    let warning = "warning: no further attempt: deployment 77c0ffee of next (production) is newer than 4f1c2a9e and is ";
    assert!(done.log.contains(warning), "{}", done.log);
    assert_eq!(done.log.matches("Why: ").count(), 1, "{}", done.log);
}

#[test]
fn a_branch_or_a_commit_given_as_the_deployment_is_recognized() {
    let cases = [
        (
            "docs",
            "`docs` is a branch, not a deployment: use `deployment_id: latest-failed` (or `latest`) with `branch: docs`",
        ),
        ("aaaaaaa", "with `commit_hash: aaaaaaa`"),
        ("production", "with `environment: production`"),
        // It looks like the name of a host.
        ("release.next", "with `branch: release.next`"),
    ];
    for (given, expected) in cases {
        let api = project()
            .deployment(
                Deployment::failed(ORIGINAL)
                    .preview("release.next")
                    .ago(9 * HOUR),
            )
            .deployment(
                Deployment::failed("5eed5eed")
                    .preview("docs")
                    .commit("aaaaaaa"),
            )
            .expect(Route::Retry, 0);
        let (done, _fake) = run(api, &[("deployment_id", given)]);
        done.ends(3, "status=error");
        assert!(done.log.contains(expected), "{}", done.log);
        assert!(
            done.log
                .contains("the newest deployments are 5eed5eed (preview, docs, failed "),
            "{}",
            done.log
        );
    }
}

#[test]
fn a_short_id_that_is_too_far_back_says_how_many_were_searched() {
    let newer = (0..1_001).map(|n| Deployment::succeeded(&format!("{n:08x}")).ago(HOUR));
    let api = newer.fold(
        project().deployment(Deployment::failed(ORIGINAL).ago(2 * HOUR)),
        Api::deployment,
    );
    let (done, _fake) = run(api, &[("deployment_id", ORIGINAL)]);
    done.ends(3, "status=error");
    let told = "Error: there is no deployment `4f1c2a9e` in project site among the newest 1,000 deployments\n";
    assert!(done.log.contains(told), "{}", done.log);
}

#[test]
fn a_preview_that_fails_while_another_is_watched_is_retried() {
    let watched = Deployment::running("d0c50001", Life::success().with_a_tidy_queue());
    let other = Deployment::running("5407e001", build_fails())
        .preview("shop")
        .ago(Duration::from_secs(1));
    let api = project()
        .deployment(other)
        .deployment(watched.preview("docs"))
        .expect(Route::Retry, 1);
    let (done, _fake) = run(api, &[("environment", "preview")]);
    done.ends(0, "status=success");
    assert_eq!(done.outputs["original_id"], full_id("5407e001"));
}

#[test]
fn pasted_accounts_and_projects_are_understood() {
    let account = test_support::fake::ACCOUNT;
    let api = project().deployment(Deployment::failed(ORIGINAL));
    let url = format!("https://dash.cloudflare.com/{account}/pages/view/site");
    let inputs = [
        ("account_id", url.as_str()),
        ("project_name", "Site.pages.dev"),
    ];
    let (done, _fake) = run(api, &inputs);
    done.ends(0, "status=success");
    let notice = "input `project_name`: `site` is used for `Site.pages.dev`\n";
    assert!(done.log.starts_with(notice), "{}", done.log);
}

#[test]
fn a_rejected_account_id_that_is_none_is_explained() {
    let api = project().deployment(Deployment::failed(ORIGINAL));
    let (done, _fake) = run(api, &[("account_id", "my-company")]);
    done.ends(3, "status=error");
    assert!(
        done.log.contains("an account id has 32 hexadecimal digits"),
        "{}",
        done.log
    );
    let api = project().deployment(Deployment::failed(ORIGINAL));
    let other = "f".repeat(32);
    let (done, _fake) = run(api, &[("account_id", &other)]);
    assert!(!done.log.contains("32 hexadecimal"), "{}", done.log);
}

#[test]
fn the_commit_of_the_run_is_healed_and_a_merge_commit_is_warned_about() {
    let head = full_hash_of("aaaaaaa");
    let api = || {
        project()
            .deployment(Deployment::failed(ORIGINAL).ago(2 * HOUR))
            .deployment(
                Deployment::failed("5eed5eed")
                    .preview("fix")
                    .commit(&head)
                    .ago(HOUR),
            )
    };
    let fake = Fake::start(api());
    let step = Step::new(&fake)
        .on_github()
        .with("deployment_id", "latest-failed");
    let event = step.folder().join("event.json");
    let text = format!("{{\"pull_request\": {{\"head\": {{\"sha\": \"{head}\"}}}}}}");
    std::fs::write(&event, text).unwrap();
    let merge = "f".repeat(40);
    let step = step
        .var("GITHUB_EVENT_NAME", "pull_request")
        .var("GITHUB_EVENT_PATH", event.to_str().unwrap())
        .var("GITHUB_SHA", &merge);
    let done = step.with("commit_hash", "current").run();
    done.ends(0, "status=success");
    assert_eq!(done.outputs["original_id"], full_id("5eed5eed"));

    // The merge commit has no deployment: dry, since it would be waited for.
    let fake = Fake::start(api());
    let step = Step::new(&fake)
        .on_github()
        .with("deployment_id", "latest-failed");
    let step = step
        .var("GITHUB_EVENT_NAME", "pull_request")
        .var("GITHUB_SHA", &merge)
        .with("commit_hash", &merge);
    let done = step.with("timeout", "1s").run();
    let warning = "::warning title=pages-retry::input `commit_hash` is `GITHUB_SHA`, which on `pull_request` is a merge commit";
    assert!(done.log.contains(warning), "{}", done.log);

    // GitLab names it in a variable; elsewhere it is bad input.
    let fake = Fake::start(api());
    let step = Step::new(&fake)
        .with("deployment_id", "latest-failed")
        .with("commit_hash", "current");
    let step = step.var("GITLAB_CI", "true").var("CI_COMMIT_SHA", &head);
    let done = step.run();
    assert_eq!(done.code, 0, "{}", done.log);
    let fake = Fake::start(api());
    let step = Step::new(&fake)
        .with("deployment_id", "latest-failed")
        .with("commit_hash", "current");
    let done = step
        .var("BUILDKITE", "true")
        .var("BUILDKITE_COMMIT", "HEAD")
        .run();
    assert_eq!(done.code, 2, "{}", done.log);
    let told = "the variable `BUILDKITE_COMMIT` holds no commit hash: `HEAD`";
    assert!(done.log.contains(told), "{}", done.log);
    assert!(fake.records().is_empty());
}

/// A whole hash that begins like this.
fn full_hash_of(prefix: &str) -> String {
    format!("{prefix:0<40}")
}
