//! Each ending of the contract, as a user sees it.

use std::io::Read as _;
use std::thread;
use std::time::Duration;

use crate::fake::{Api, Clock, Deployment, Fake, Life, Route};
use crate::step::{ORIGINAL, Step};

const BEGINNING: &str = "\
Retrying deployment 4f1c2a9e of site (production, main, 3b2f9c1 Update index.html)
New deployment 9a8b7c6d https://9a8b7c6d.site.pages.dev
";

/// A project whose failed deployment lives on as `life` when it is retried.
/// Each request takes 20 s on the fake's clock, so that logs are exact.
fn project(life: Life) -> Api {
    Api::new()
        .clock(Clock::PerRequest(Duration::from_secs(20)))
        .deployment(Deployment::failed(ORIGINAL))
        .retries_to(life.with_a_tidy_queue())
        .expect(Route::Retry, 1)
}

/// Four stages of 2, 3, 4 and 60 s and one of 6 s, up to `stages` of them.
fn stages(stages: usize) -> String {
    let stages = [
        "queued in 2s",
        "initialize in 3s",
        "clone_repo in 4s",
        "build in 1m00s",
        "deploy in 6s",
    ]
    .into_iter()
    .take(stages);
    let lines = stages.map(|it| {
        let name = it.split(' ').next().unwrap();
        format!("• {name}\n✓ {it}\n")
    });
    lines.collect()
}

#[test]
fn a_success_is_handed_over() {
    let fake = Fake::start(project(Life::success()));
    let log = format!(
        "{BEGINNING}{}Deployment 9a8b7c6d succeeded: https://9a8b7c6d.site.pages.dev\n",
        stages(5)
    );
    Step::new(&fake).run().is(
        &log,
        0,
        "status=success
        url=https://9a8b7c6d.site.pages.dev
        short_id=9a8b7c6d
        environment=production
        branch=main
        stage=deploy
        duration_seconds=75
        attempts=1
        skip_reason=",
    );
}

#[test]
fn a_failure_in_each_stage_fails_the_step_and_names_the_stage() {
    let names = ["queued", "initialize", "clone_repo", "build", "deploy"];
    let took = ["2s", "3s", "4s", "1m00s", "6s"];
    for (n, name) in names.into_iter().enumerate() {
        let fake = Fake::start(project(Life::fails_in(name)));
        let step = Step::new(&fake).with("logs", "never");
        let log = format!(
            "{BEGINNING}{}• {name}\n✗ {name} failed after {}\nDeployment 9a8b7c6d failed in stage {name}\nhint: look at https://dash.cloudflare.com/?to=/:account/pages/view/site/{}\n",
            stages(n),
            took[n],
            crate::fake::full_id("9a8b7c6d"),
        );
        let outputs = format!("status=failure\nstage={name}\nattempts=1\nshort_id=9a8b7c6d");
        step.run().is(&log, 1, &outputs);
    }
}

#[test]
fn a_canceled_deployment_fails_the_step() {
    let fake = Fake::start(project(Life::canceled_in("build")));
    let log = format!(
        "{BEGINNING}{}• build\n⊘ build canceled after 1m00s\nDeployment 9a8b7c6d was canceled in stage build\nhint: look at https://dash.cloudflare.com/?to=/:account/pages/view/site/{}\n",
        stages(3),
        crate::fake::full_id("9a8b7c6d"),
    );
    let outputs = "status=canceled\nstage=build";
    Step::new(&fake).run().is(&log, 1, outputs);
}

#[test]
fn a_deployment_that_a_rule_skips_does_not_hang() {
    let fake = Fake::start(project(Life::skipped_by_rule("path_config")));
    let log = format!(
        "{BEGINNING}» skipped: path_config\nDeployment 9a8b7c6d was skipped: path_config\nhint: check the build watch paths, the branch rules and the commit message\n"
    );
    let outputs = "status=skipped\nskip_reason=path_config";
    Step::new(&fake).run().is(&log, 1, outputs);
}

#[test]
fn a_deployment_that_a_newer_one_supersedes_names_it() {
    let fake = Fake::start(project(Life::superseded()));
    let done = Step::new(&fake).run();
    assert_eq!(done.code, 1);
    assert_eq!(done.outputs["status"], "skipped");
    assert_eq!(done.outputs["skip_reason"], "superseded_queued_build");
    let line = "Deployment 9a8b7c6d was skipped: superseded_queued_build; superseded by 5ec0dde4 https://5ec0dde4.site.pages.dev\n";
    assert!(done.log.contains(line), "{}", done.log);
}

#[test]
fn a_deployment_that_is_deleted_ends_the_watch() {
    let life = Life::never_ends_in("build").deleted_after(Duration::from_secs(90));
    let fake = Fake::start(project(life));
    // It takes half a minute to be believed: so long the API may not know a
    // deployment that is new.
    let log = format!(
        "{BEGINNING}{}• build\nDeployment 9a8b7c6d was deleted\nhint: look at https://dash.cloudflare.com/?to=/:account/pages/view/site/{}\n",
        stages(3),
        crate::fake::full_id("9a8b7c6d"),
    );
    Step::new(&fake).run().is(&log, 1, "status=deleted");
}

#[test]
fn a_timeout_says_that_the_deployment_goes_on() {
    let fake = Fake::start(project(Life::never_ends_in("build")));
    let log = format!(
        "{BEGINNING}{}• build\nDeployment 9a8b7c6d still in stage build after 3s; it goes on at Cloudflare: https://dash.cloudflare.com/?to=/:account/pages/view/site/{}\nhint: give `timeout` more time\n",
        stages(3),
        crate::fake::full_id("9a8b7c6d"),
    );
    let step = Step::new(&fake).with("timeout", "3s");
    step.run()
        .is(&log, 4, "status=timed_out\nstage=build\nattempts=1");
}

#[test]
fn without_waiting_the_step_ends_after_the_trigger() {
    let fake = Fake::start(project(Life::success()));
    let log = format!("{BEGINNING}Triggered 9a8b7c6d https://9a8b7c6d.site.pages.dev\n");
    let step = Step::new(&fake).with("wait", "false");
    step.run()
        .is(&log, 0, "status=triggered\nshort_id=9a8b7c6d\nattempts=1");
}

#[test]
fn a_dry_run_triggers_nothing() {
    let fake = Fake::start(Api::new().deployment(Deployment::failed(ORIGINAL)));
    let step = Step::new(&fake).with("dry_run", "true");
    let outputs = "status=dry_run\nshort_id=4f1c2a9e\nattempts=0";
    step.run()
        .is("Dry run: nothing was triggered\n", 0, outputs);
    assert_eq!(fake.count(Route::Retry), 0);
}

#[test]
fn an_ending_that_fail_on_does_not_list_passes() {
    let fake = Fake::start(project(Life::fails_in("build")));
    let step = Step::new(&fake).with("fail_on", "canceled");
    let done = step.with("logs", "never").run();
    assert_eq!(done.outputs["status"], "failure");
    assert_eq!(done.code, 0);
}

#[test]
fn a_success_is_nothing_to_retry_for_latest_failed() {
    let api = Api::new().deployment(Deployment::succeeded(ORIGINAL));
    let fake = Fake::start(api);
    let step = Step::new(&fake).with("deployment_id", "latest-failed");
    let outputs = "status=nothing_to_retry\nshort_id=4f1c2a9e\nattempts=0";
    step.run()
        .is("Nothing to retry: 4f1c2a9e succeeded\n", 0, outputs);
}

#[test]
fn an_older_deployment_is_refused_by_name() {
    let api = Api::new()
        .deployment(Deployment::failed(ORIGINAL).ago(Duration::from_hours(2)))
        .deployment(Deployment::succeeded("77c0ffee").ago(Duration::from_hours(1)));
    let fake = Fake::start(api);
    let log = "Refused: deployment 77c0ffee of main (production) is newer than 4f1c2a9e and is live; set `allow_older: true` to retry the older one all the same\n";
    Step::new(&fake)
        .run()
        .is(log, 2, "status=refused\nattempts=0");
    assert_eq!(fake.count(Route::Retry), 0);
}

#[test]
fn a_failure_that_may_pass_is_retried_again() {
    let life = Life::fails_in("clone_repo")
        .log([
            (Duration::from_secs(5), "Cloning repository..."),
            (
                Duration::from_secs(6),
                "error: RPC failed; curl 56 GnuTLS recv error (-54): Error in the pull function.",
            ),
        ])
        .with_a_tidy_queue();
    let api = Api::new()
        .clock(Clock::PerRequest(Duration::from_secs(20)))
        .deployment(Deployment::failed(ORIGINAL))
        .retries_to(life)
        .retries_to(Life::success().with_a_tidy_queue())
        .expect(Route::Retry, 2);
    let fake = Fake::start(api);
    let done = Step::new(&fake).with("max_attempts", "2").run();
    assert_eq!(done.code, 0, "{}", done.log);
    assert_eq!(done.outputs["attempts"], "2");
    assert_eq!(done.outputs["original_id"], crate::fake::full_id(ORIGINAL));
    assert!(
        done.log.contains("\nAttempt 2 of 2 in 10s\n"),
        "{}",
        done.log
    );
}

#[test]
fn a_word_that_is_not_known_is_shown_once_and_watched_on() {
    let odd = crate::fake::Step::new("polish")
        .takes(Duration::from_mins(1))
        .running("pondering");
    let fake = Fake::start(project(Life::success().before("deploy", odd)));
    let log = format!(
        "{BEGINNING}{}• build\nwarning: stage polish has the status `pondering`, which this version does not know; it is taken as running\n✓ build in 1m00s\n• polish\n✓ polish in 1m00s\n• deploy\n✓ deploy in 6s\nDeployment 9a8b7c6d succeeded: https://9a8b7c6d.site.pages.dev\n",
        stages(3)
    );
    Step::new(&fake).run().is(&log, 0, "status=success");
}

#[test]
fn github_gets_masks_groups_outputs_and_one_error() {
    let log = [(
        Duration::from_secs(12),
        "::set-output name=url::https://evil.example",
    )];
    let life = Life::fails_in("build").log(log);
    let fake = Fake::start(project(life));
    let step = Step::new(&fake).on_github();
    let done = step.run();
    assert_eq!(done.code, 1);
    let summary = step.summary().unwrap();
    assert!(
        summary.starts_with("### ❌ Deployment 9a8b7c6d failed in stage build · [Site](<https://9a8b7c6d.site.pages.dev>)"),
        "{summary}"
    );
    for secret in [crate::fake::PLAIN_VALUE, crate::fake::TOKEN] {
        assert!(!summary.contains(secret), "{summary}");
    }
    assert_eq!(done.outputs["status"], "failure");
    assert_eq!(done.outputs["url"], "https://9a8b7c6d.site.pages.dev");
    let lines: Vec<&str> = done.log.lines().collect();
    assert_eq!(lines[0], format!("::add-mask::{}", crate::fake::TOKEN));
    let at = |start: &str| {
        let found: Vec<usize> = (0..lines.len())
            .filter(|n| lines[*n].starts_with(start))
            .collect();
        assert_eq!(
            found.len(),
            1,
            "one line that starts with {start}:\n{}",
            done.log
        );
        found[0]
    };
    let (group, deaf, end) = (at("::group::"), at("::stop-commands::"), at("::endgroup::"));
    let error = at("::error title=Deployment 9a8b7c6d failed in stage build::");
    assert!(group < deaf && deaf < end && end < error, "{}", done.log);
    let token = lines[deaf].trim_start_matches("::stop-commands::");
    assert!(32 <= token.len() && at(&format!("::{token}::")) == end - 1);
    assert!(
        !lines
            .iter()
            .any(|it| it.trim_start().starts_with("::set-output"))
    );
}

#[test]
fn a_summary_or_outputs_that_cannot_be_written_are_a_warning() {
    let fake = Fake::start(project(Life::success()));
    let step = Step::new(&fake)
        .var("GITHUB_ACTIONS", "true")
        .var("GITHUB_STEP_SUMMARY", "no/such/folder/summary")
        .var("GITHUB_OUTPUT", "no/such/folder/output")
        .with("output_file", "");
    let output = step.command().output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let log = String::from_utf8(output.stdout).unwrap();
    let warnings = "\
::warning title=pages-retry::failed to write the outputs to `no/such/folder/output`: No such file or directory (os error 2)
::warning title=pages-retry::failed to write the summary to `no/such/folder/summary`: No such file or directory (os error 2)
Deployment 9a8b7c6d succeeded: https://9a8b7c6d.site.pages.dev
";
    assert!(log.ends_with(warnings), "{log}");
}

/// The most memory that a process has had so far, in bytes; `None` once it is
/// gone.
fn peak_memory(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}

#[test]
fn a_log_of_50_mb_is_shown_with_less_than_30_mb_of_memory() {
    let at = Duration::from_secs(12);
    let log = (0..100_000).map(|n| (at, format!("{n:06} {}", "x".repeat(493))));
    let fake = Fake::start(project(Life::fails_in("build").log(log)));
    let step = Step::new(&fake).with("logs", "always");
    let mut child = step.command().spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let reader = thread::spawn(move || {
        let mut log = String::new();
        stdout.read_to_string(&mut log).unwrap();
        log
    });
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        peak = peak_memory(child.id()).unwrap_or_default().max(peak);
        thread::park_timeout(Duration::from_millis(5));
    }
    let log = reader.join().unwrap();
    let shown = log.lines().filter(|it| it.ends_with("xxx")).count();
    // The one more is the telling line.
    assert_eq!(shown, 100_001, "each line once");
    assert!(50_000_000 < log.len());
    assert!(0 < peak && peak < 30 * 1024 * 1024, "{peak} bytes");
}
