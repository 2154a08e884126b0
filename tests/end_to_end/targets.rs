//! Each form of `deployment_id`, and which deployments may be retried.

use std::time::Duration;

use crate::step::{Done, ORIGINAL, Step};
use test_support::fake::{Api, Clock, Deployment, Fake, Life, Route, full_id};

const HOUR: Duration = Duration::from_hours(1);

/// A project with three deployments, oldest first: a failed one of production, a failed
/// preview, and a canceled preview of another branch.
fn project() -> Api {
    Api::new()
        .clock(Clock::PerRequest(Duration::from_secs(20)))
        .deployment(Deployment::failed(ORIGINAL).ago(3 * HOUR))
        .deployment(
            Deployment::failed("5eed5eed")
                .preview("feature/login")
                .commit("aaaaaaa")
                .alias("https://feature-login.site.pages.dev")
                .ago(2 * HOUR),
        )
        .deployment(
            Deployment::canceled("0ddba11a")
                .preview("docs")
                .commit("bbbbbbb")
                .ago(HOUR),
        )
}

fn triggers(fake: &Fake, inputs: &[(&str, &str)]) -> Done {
    let step = Step::new(fake).with("wait", "false");
    let step = inputs
        .iter()
        .fold(step, |step, (name, value)| step.with(name, value));
    step.run()
}

#[test]
fn a_deployment_is_found_by_each_kind_of_identifier() {
    let dashboard = format!("pages/view/site/{}", full_id("5eed5eed"));
    let account = test_support::fake::ACCOUNT;
    let cases = [
        ("5eed5eed".to_owned(), 3),
        ("5EED5EED".to_owned(), 3),
        (full_id("5eed5eed"), 3),
        ("https://5eed5eed.site.pages.dev".to_owned(), 3),
        ("https://5eed5eed.site.pages.dev/a/page?x=1#y".to_owned(), 3),
        ("https://feature-login.site.pages.dev/".to_owned(), 3),
        (
            format!("https://dash.cloudflare.com/{account}/{dashboard}"),
            3,
        ),
        (
            format!("https://dash.cloudflare.com/?to=/:account/{dashboard}"),
            3,
        ),
        (
            format!("https://dash.cloudflare.com?to=/:account/{dashboard}"),
            3,
        ),
    ];
    for (name, most_requests) in cases {
        let fake = Fake::start(project());
        let done = triggers(&fake, &[("deployment_id", &name)]);
        assert_eq!(done.code, 0, "{name}:\n{}", done.log);
        assert_eq!(done.outputs["original_id"], full_id("5eed5eed"), "{name}");
        assert!(fake.records().len() <= most_requests, "{name}");
    }
}

#[test]
fn the_newest_deployment_that_matches_is_the_target() {
    let cases: [(&[(&str, &str)], &str); 6] = [
        // Without a filter only production is considered.
        (&[("deployment_id", "latest")], ORIGINAL),
        (&[("deployment_id", "latest-failed")], ORIGINAL),
        (
            &[("deployment_id", "latest"), ("branch", "feature/login")],
            "5eed5eed",
        ),
        (
            &[("deployment_id", "latest"), ("environment", "production")],
            ORIGINAL,
        ),
        (
            &[("deployment_id", "latest"), ("commit_hash", "aaaaaaa")],
            "5eed5eed",
        ),
        (
            &[
                ("deployment_id", "latest-failed"),
                ("environment", "preview"),
                ("branch", "docs"),
            ],
            "0ddba11a",
        ),
    ];
    for (inputs, expected) in cases {
        let fake = Fake::start(project());
        let done = triggers(&fake, inputs);
        assert_eq!(done.code, 0, "{inputs:?}:\n{}", done.log);
        assert_eq!(done.outputs["original_id"], full_id(expected), "{inputs:?}");
    }
}

#[test]
fn a_missing_target_is_an_error_that_names_what_exists() {
    for name in ["deadbeef".to_owned(), full_id("5eed5eee")] {
        let fake = Fake::start(project());
        let done = triggers(&fake, &[("deployment_id", &name)]);
        assert_eq!(done.code, 3, "{name}");
        assert_eq!(done.outputs["status"], "error");
        assert!(
            done.log
                .contains("5eed5eed (preview, feature/login, failed 1 h ago)"),
            "{}",
            done.log
        );
        assert_eq!(fake.count(Route::Retry), 0);
    }
}

#[test]
fn a_url_of_another_project_is_bad_input() {
    let cases = [
        "https://5eed5eed.other.pages.dev",
        "https://dash.cloudflare.com/?to=/:account/pages/view/other/5eed5eed",
        "https://dash.cloudflare.com/ffffffffffffffffffffffffffffffff/pages/view/site/5eed5eed",
    ];
    for url in cases {
        let fake = Fake::start(project());
        let done = triggers(&fake, &[("deployment_id", url)]);
        assert_eq!(done.code, 2, "{url}:\n{}", done.log);
        assert!(done.log.contains("is a URL of another"), "{}", done.log);
    }
}

#[test]
fn the_deployment_of_a_commit_is_waited_for_watched_and_healed() {
    let life = Life::fails_in("build").with_a_tidy_queue();
    let late = Deployment::running("c0mm1700", life)
        .commit("ccccccc")
        .appears_at(Duration::from_secs(15));
    let api = Api::new()
        .clock(Clock::PerRequest(Duration::from_secs(10)))
        .deployment(Deployment::succeeded(ORIGINAL).ago(HOUR))
        .deployment(late)
        .retries_to(Life::success().with_a_tidy_queue())
        .expect(Route::Retry, 1);
    let fake = Fake::start(api);
    let done = Step::new(&fake)
        .with("deployment_id", "latest-failed")
        .with("commit_hash", "ccccccc")
        .run();
    assert_eq!(done.code, 0, "{}", done.log);
    assert_eq!(done.outputs["status"], "success");
    assert_eq!(done.outputs["attempts"], "1");
    assert_eq!(done.outputs["short_id"], "9a8b7c6d");
    assert_eq!(done.outputs["original_id"], full_id("c0mm1700"));
    let log = "\
Waiting up to 5m00s for the deployment of commit `ccccccc`
Waiting for the end of deployment c0mm1700 of site";
    assert!(done.log.starts_with(log), "{}", done.log);
}

#[test]
fn a_target_in_progress_that_succeeds_is_nothing_to_retry() {
    let running = Deployment::running("c0mm1700", Life::success().with_a_tidy_queue());
    let api = Api::new()
        .clock(Clock::PerRequest(Duration::from_secs(30)))
        .deployment(running);
    let fake = Fake::start(api);
    let done = Step::new(&fake).with("deployment_id", "latest").run();
    assert_eq!(done.code, 0, "{}", done.log);
    assert_eq!(done.outputs["status"], "nothing_to_retry");
    assert_eq!(done.outputs["url"], "https://c0mm1700.site.pages.dev");
    assert!(
        done.log
            .ends_with("✓ deploy in 6s\nNothing to retry: c0mm1700 succeeded\n"),
        "{}",
        done.log
    );
    assert_eq!(fake.count(Route::Retry), 0);
}

#[test]
fn a_direct_upload_is_refused() {
    let fake = Fake::start(Api::new().deployment(Deployment::direct_upload(ORIGINAL)));
    Step::new(&fake).run().is(
        "Refused: deployment 4f1c2a9e is a direct upload, which has nothing to rebuild; upload it again\n",
        2,
        "status=refused\nshort_id=4f1c2a9e\ncommit_hash=",
    );
}

#[test]
fn old_code_that_goes_live_is_warned_about_even_when_allowed() {
    let api = Api::new()
        .deployment(Deployment::failed(ORIGINAL).ago(2 * HOUR))
        .deployment(
            Deployment::succeeded("77c0ffee")
                .commit("ddddddd")
                .ago(HOUR),
        );
    let fake = Fake::start(api);
    let done = triggers(&fake, &[("allow_older", "true")]);
    assert_eq!(done.code, 0, "{}", done.log);
    let warning = "warning: this retry puts older code live on production: deployment 77c0ffee is newer and is live\n";
    assert!(done.log.starts_with(warning), "{}", done.log);
}

#[test]
fn an_ambiguous_short_id_requires_the_full_one() {
    let twin = Deployment::failed("5eed5eee")
        .preview("docs")
        .with("short_id", "5eed5eed".into());
    let fake = Fake::start(project().deployment(twin));
    let done = triggers(&fake, &[("deployment_id", "5eed5eed")]);
    assert_eq!(done.code, 3, "{}", done.log);
    assert!(
        done.log.contains("deployment `5eed5eed` is ambiguous: "),
        "{}",
        done.log
    );
}

/// A project with more than two pages of newer deployments on other branches.
fn long_project() -> Api {
    let target = Deployment::failed(ORIGINAL).preview("old").ago(60 * HOUR);
    let newer = (0..52).map(|n| {
        Deployment::succeeded(&format!("{n:08x}"))
            .preview(&format!("branch-{n}"))
            .ago((59 - n) * HOUR)
    });
    newer.fold(Api::new().deployment(target), Api::deployment)
}

#[test]
fn a_target_beyond_the_first_page_is_found() {
    let cases: [(&[(&str, &str)], usize); 4] = [
        (&[("deployment_id", ORIGINAL)], 3),
        (&[("deployment_id", "https://4f1c2a9e.site.pages.dev")], 3),
        (&[("deployment_id", "latest"), ("branch", "old")], 3),
        (&[("deployment_id", "latest"), ("branch", "branch-51")], 1),
    ];
    for (inputs, pages) in cases {
        let fake = Fake::start(long_project());
        let done = triggers(&fake, inputs);
        assert_eq!(done.code, 0, "{inputs:?}:\n{}", done.log);
        assert_eq!(fake.count(Route::List), pages, "{inputs:?}");
    }
}

#[test]
fn the_list_is_read_to_its_end_before_nothing_is_found() {
    let fake = Fake::start(long_project());
    let inputs = [("deployment_id", "latest-failed"), ("branch", "gone")];
    triggers(&fake, &inputs).is(
        "\
Error: there is no deployment of branch `gone` in project site
hint: the newest deployments are 00000033 (preview, branch-51, succeeded 7 h ago), 00000032 (preview, branch-50, succeeded 8 h ago), 00000031 (preview, branch-49, succeeded 9 h ago)
",
        3,
        "status=error",
    );
    assert_eq!(fake.count(Route::List), 3);
}

#[test]
fn a_skip_is_nothing_to_retry_for_latest_failed() {
    let skipped = Deployment::skipped(ORIGINAL, "path_config");
    let fake = Fake::start(Api::new().deployment(skipped));
    triggers(&fake, &[("deployment_id", "latest-failed")]).is(
        "Nothing to retry: the newest deployment of production, 4f1c2a9e, was skipped: path_config\n",
        0,
        "status=nothing_to_retry\nskip_reason=path_config\nattempts=0",
    );
    assert_eq!(fake.count(Route::Retry), 0);
}

#[test]
fn a_target_that_is_canceled_while_it_is_watched_is_retried() {
    let life = Life::canceled_in("build").with_a_tidy_queue();
    let api = Api::new()
        .clock(Clock::PerRequest(Duration::from_mins(1)))
        .deployment(Deployment::running("c0mm1700", life))
        .retries_to(Life::success().with_a_tidy_queue())
        .expect(Route::Retry, 1);
    let fake = Fake::start(api);
    let done = Step::new(&fake).with("deployment_id", "latest").run();
    assert_eq!(done.code, 0, "{}", done.log);
    let lines = "⊘ build canceled after 1m00s\nRetrying deployment c0mm1700 of site";
    assert!(done.log.contains(lines), "{}", done.log);
    assert_eq!(done.outputs["status"], "success");
    assert_eq!(done.outputs["original_id"], full_id("c0mm1700"));
}

#[test]
fn a_target_that_is_skipped_while_it_is_watched_ends_the_run() {
    let api = Api::new()
        .clock(Clock::PerRequest(Duration::from_secs(3)))
        .deployment(Deployment::running("c0mm1700", Life::superseded()));
    let fake = Fake::start(api);
    let done = Step::new(&fake).with("deployment_id", "latest").run();
    assert_eq!(done.code, 1, "{}", done.log);
    assert_eq!(done.outputs["status"], "skipped");
    assert_eq!(done.outputs["skip_reason"], "superseded_queued_build");
    assert_eq!(fake.count(Route::Retry), 0);
}

#[test]
fn a_direct_upload_never_matches_a_commit() {
    let api = project().deployment(Deployment::direct_upload("d12ec700"));
    let fake = Fake::start(api);
    let inputs = [("deployment_id", "latest"), ("commit_hash", "aaaaaaa")];
    let done = triggers(&fake, &inputs);
    assert_eq!(done.outputs["original_id"], full_id("5eed5eed"));
}
