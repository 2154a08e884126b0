//! Whole runs against the fake API, in a time that passes by itself.

#![expect(
    clippy::disallowed_methods,
    reason = "tests wait, write files and start programs"
)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::ops::Range;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::*;
use crate::cloudflare::transport::{Answer, Body, Request, SendError};
use crate::config::{CiRun, ParsedInputs};
use crate::env::Env;
use crate::io::Signals;
use crate::report::line::{advice, line};
use crate::run::event::Report;
use test_support::fake::{self, ACCOUNT, Api, Fault, Life, PROJECT, Reply, Route, TOKEN, When};

const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// The fake without a socket, its clock driven by tokio's.
struct Direct {
    api: RefCell<Api>,
    outages: Vec<Outage>,
    started: Instant,
}

/// What requests of a route meet for a while, if there are any.
struct Outage {
    route: Route,
    during: Range<Duration>,
    fault: Fault,
}

/// What is left of a body, and how it breaks off.
struct Rest {
    body: Option<Vec<u8>>,
    is_broken: bool,
}

fn no_answer() -> SendError {
    SendError::NoAnswer("connection reset".into())
}

impl Transport for Direct {
    type Body = Rest;

    async fn send(&self, request: &Request) -> Result<Answer<Rest>, SendError> {
        let target = format!("/client/v4{}", request.path);
        let exchange = fake::Request::new(request.method.as_str(), &target)
            .with_header("authorization", &format!("Bearer {TOKEN}"))
            .with_header("content-type", "application/json")
            .with_body("{}");
        let answer = {
            let mut api = self.api.borrow_mut();
            let now = self.started.elapsed();
            let route = Route::of(&exchange).0;
            let is_due = |it: &&Outage| it.route == route && it.during.contains(&now);
            if let Some(outage) = self.outages.iter().find(is_due) {
                api.add_fault(When::next(route), outage.fault.clone());
            }
            api.set_now(now);
            api.answer(&exchange)
        };
        let (reply, is_broken) = match answer {
            fake::Answer::Http(reply) => (reply, false),
            fake::Answer::Late(delay, reply) => {
                timeout(REQUEST_TIMEOUT, sleep(delay))
                    .await
                    .map_err(|_| no_answer())?;
                (reply, false)
            }
            fake::Answer::Stall => {
                sleep(REQUEST_TIMEOUT).await;
                return Err(no_answer());
            }
            fake::Answer::Reset | fake::Answer::Close => return Err(no_answer()),
            fake::Answer::StallMidBody(reply)
            | fake::Answer::Truncated(reply)
            | fake::Answer::Huge(reply, ..) => (reply, true),
        };
        let headers = reply.headers.iter().map(|(name, value)| {
            let name = reqwest::header::HeaderName::from_bytes(name.as_bytes()).unwrap();
            (name, value.parse().unwrap())
        });
        Ok(Answer {
            status: reply.status,
            headers: headers.collect(),
            body: Rest {
                body: Some(reply.body),
                is_broken,
            },
        })
    }
}

impl Body for Rest {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, SendError> {
        match self.body.take() {
            Some(body) if self.is_broken => Ok(Some(body[..body.len() / 2].to_vec())),
            None if self.is_broken => Err(no_answer()),
            body => Ok(body),
        }
    }
}

/// The lines of the log, and the notices, which stand between them.
#[derive(Default)]
struct Lines(String, Vec<String>);

impl Report for Lines {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        if let Some(line) = line(event) {
            let symbol = line.symbol.map(|it| format!("{} ", it.char()));
            let _ = writeln!(self.0, "{}{}", symbol.unwrap_or_default(), line.text);
        }
        if let Event::Warned { message } = event {
            let _ = writeln!(self.0, "warning: {message}");
        }
        if let Event::LogRead { lines, .. } = event {
            let lines = lines.iter().flat_map(|it| ["  ", it, "\n"]);
            self.0.extend(lines);
        }
        if let Event::Noticed { message } = event {
            self.1.push(message.clone());
        }
        Ok(())
    }
}

struct Told {
    status: &'static str,
    code: u8,
    log: String,
    notices: Vec<String>,
    hint: String,
    api: Api,
    took: Duration,
}

fn an_api() -> Api {
    Api::new()
        .clock(fake::Clock::Manual)
        .deployment(fake::Deployment::failed("4f1c2a9e"))
}

async fn run_api(api: Api, inputs: &[(&str, &str)]) -> Told {
    run_with_outages(api, Vec::new(), inputs).await
}

async fn run_with_outages(api: Api, outages: Vec<Outage>, inputs: &[(&str, &str)]) -> Told {
    let id = fake::full_id("4f1c2a9e");
    let mut vars = BTreeMap::from([
        ("INPUT_ACCOUNT_ID", ACCOUNT),
        ("INPUT_PROJECT_NAME", PROJECT),
        ("INPUT_DEPLOYMENT_ID", id.as_str()),
        ("INPUT_API_TOKEN", TOKEN),
    ]);
    vars.extend(inputs.iter().copied());
    let vars = vars
        .into_iter()
        .map(|(name, value)| (name.into(), value.into()));
    let config = ParsedInputs::from_env(&Env::from_os(vars), &["INPUT_"], &CiRun::UNKNOWN)
        .config
        .unwrap();
    let started = Instant::now();
    let transport = Direct {
        api: RefCell::new(api),
        outages,
        started,
    };
    let client = Client::new(&transport, &config.account_id, &config.options.project_name);
    let mut lines = Lines::default();
    let mut io = Io::new(&mut lines, Signals::default(), config.options.timeout);
    let ending = run(&config.options, &client, &mut io).await;
    let _ = lines.event(&Event::Finished(Box::new(ending.clone())));
    Told {
        status: ending.outcome.status(),
        code: ending.exit_code(),
        log: lines.0,
        notices: lines.1,
        hint: advice(&ending).unwrap_or_default(),
        took: started.elapsed(),
        api: transport.api.into_inner(),
    }
}

impl<T: Transport> Transport for &T {
    type Body = T::Body;

    async fn send(&self, request: &Request) -> Result<Answer<T::Body>, SendError> {
        (*self).send(request).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_succeeds_is_a_success() {
    let told = run_api(an_api().retries_to(Life::success()), &[]).await;
    assert_eq!((told.status, told.code), ("success", 0), "{}", told.log);
    assert_eq!(told.api.made().len(), 1);
    let ends: Vec<_> = told.log.lines().filter(|it| it.starts_with('✓')).collect();
    assert_eq!(ends.len(), 5, "{}", told.log);
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_fails_fails_the_step() {
    let told = run_api(an_api().retries_to(Life::fails_in("build")), &[]).await;
    assert_eq!((told.status, told.code), ("failure", 1), "{}", told.log);
    assert_eq!(told.api.made().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn no_request_is_sent_before_retry_after_has_passed() {
    let limited = Reply::rate_limited().retry_after(300);
    let api = an_api()
        .retries_to(Life::success())
        .fault(When::next(Route::Get).after_post(), limited);
    let told = run_api(api, &[]).await;
    assert_eq!((told.status, told.code), ("success", 0), "{}", told.log);
    let at: Vec<_> = told
        .api
        .records()
        .iter()
        .map(|it| (it.at, it.status))
        .collect();
    let limited = at.iter().position(|it| it.1 == Some(429)).unwrap();
    assert!(at[limited].0 + Duration::from_mins(5) <= at[limited + 1].0);
}

#[tokio::test(start_paused = true)]
async fn an_excessive_retry_after_ends_at_the_timeout() {
    let limited = Reply::rate_limited().header("retry-after", "18446744073709551615");
    let api = an_api()
        .retries_to(Life::success())
        .fault(When::next(Route::Get).after_post(), limited);
    let told = run_api(api, &[("INPUT_TIMEOUT", "10m")]).await;
    assert_eq!((told.status, told.code), ("timed_out", 4), "{}", told.log);
}

#[tokio::test(start_paused = true)]
async fn an_api_that_is_down_for_five_minutes_is_given_up() {
    let api = an_api()
        .retries_to(Life::success())
        .fault(When::next(Route::Get).after_post().forever(), Fault::Reset);
    let told = run_api(api, &[]).await;
    assert_eq!((told.status, told.code), ("error", 3), "{}", told.log);
    assert!(Duration::from_mins(5) <= told.took && told.took < Duration::from_mins(7));
    let page =
        "continues at Cloudflare: https://dash.cloudflare.com/?to=/:account/pages/view/site/";
    assert!(told.log.contains(page), "{}", told.log);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_a_failure_though_its_log_never_ends() {
    for logs in ["on-failure", "always"] {
        let api = an_api().retries_to(Life::fails_in("build"));
        let api = api.fault(When::next(Route::Logs).forever(), Fault::Stall);
        let inputs = [("INPUT_TIMEOUT", "160s"), ("INPUT_LOGS", logs)];
        let told = run_api(api, &inputs).await;
        assert_eq!(
            (told.status, told.code),
            ("failure", 1),
            "{logs}:\n{}",
            told.log
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_unavailable_api_is_polled_before_a_long_retry_after_ends() {
    let unwell = Reply::text(503, "upstream connect error").retry_after(3_600);
    let api = an_api()
        .retries_to(Life::success())
        .fault(When::next(Route::Get).after_post(), unwell);
    let told = run_api(api, &[]).await;
    assert_eq!((told.status, told.code), ("success", 0), "{}", told.log);
    assert!(told.took < Duration::from_mins(5), "{:?}", told.took);
}

/// A retry whose clone fails temporarily after nine seconds.
fn fails_to_clone() -> Life {
    let line = "error: RPC failed; curl 56 GnuTLS recv error (-54): Error in the pull function.";
    Life::fails_in("clone_repo").log([(Duration::from_secs(6), line)])
}

#[tokio::test(start_paused = true)]
async fn the_pauses_between_attempts_grow_to_a_minute() {
    let api = (0..6).fold(an_api(), |api, _| api.retries_to(fails_to_clone()));
    let told = run_api(api, &[("INPUT_MAX_ATTEMPTS", "6")]).await;
    assert_eq!((told.status, told.code), ("failure", 1), "{}", told.log);
    let pauses = [
        "2 of 6 in 10s",
        "3 of 6 in 20s",
        "4 of 6 in 40s",
        "5 of 6 in 1m00s",
        "6 of 6 in 1m00s",
    ];
    let lines = told
        .log
        .lines()
        .filter_map(|it| it.strip_prefix("Attempt "));
    assert_eq!(lines.collect::<Vec<_>>(), pauses);
    assert_eq!(told.api.made().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_starts_only_if_there_is_time_for_its_pause_and_as_long_again() {
    for (timeout, made) in [("25s", 1), ("60s", 2)] {
        let api = an_api()
            .retries_to(fails_to_clone())
            .retries_to(fails_to_clone());
        let inputs = [("INPUT_MAX_ATTEMPTS", "2"), ("INPUT_TIMEOUT", timeout)];
        let told = run_api(api, &inputs).await;
        assert_eq!((told.status, told.code), ("failure", 1), "{}", told.log);
        assert_eq!(told.api.made().len(), made, "{timeout}:\n{}", told.log);
    }
}

#[tokio::test(start_paused = true)]
async fn only_latest_failed_leaves_a_success_alone() {
    for (target, status) in [("latest-failed", "nothing_to_retry"), ("latest", "success")] {
        let deployment = fake::Deployment::succeeded("77c0ffee");
        let api = an_api().deployment(deployment).retries_to(Life::success());
        let told = run_api(api, &[("INPUT_DEPLOYMENT_ID", target)]).await;
        assert_eq!((told.status, told.code), (status, 0), "{}", told.log);
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_in_progress_is_watched_but_in_a_dry_run() {
    for (dry_run, status) in [("false", "nothing_to_retry"), ("true", "dry_run")] {
        let running = fake::Deployment::running("77c0ffee", Life::success());
        let api = an_api().deployment(running);
        let inputs = [
            ("INPUT_DEPLOYMENT_ID", "latest"),
            ("INPUT_DRY_RUN", dry_run),
        ];
        let told = run_api(api, &inputs).await;
        assert_eq!((told.status, told.code), (status, 0), "{}", told.log);
        assert!(told.api.made().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn the_deployment_of_a_commit_is_waited_for_five_minutes() {
    let inputs = [
        ("INPUT_DEPLOYMENT_ID", "latest-failed"),
        ("INPUT_COMMIT_HASH", "ccccccc"),
    ];
    let told = run_api(an_api(), &inputs).await;
    assert_eq!((told.status, told.code), ("error", 3), "{}", told.log);
    let error = "Error: there is no deployment of commit `ccccccc` in project site\n";
    assert!(told.log.ends_with(error), "{}", told.log);
    let waited = Duration::from_mins(5)..Duration::from_secs(310);
    assert!(waited.contains(&told.took), "{:?}", told.took);
}

#[tokio::test(start_paused = true)]
async fn a_build_that_never_ends_is_left_at_the_timeout() {
    let api = an_api().retries_to(Life::never_ends_in("build"));
    let told = run_api(api, &[("INPUT_TIMEOUT", "20m")]).await;
    assert_eq!((told.status, told.code), ("timed_out", 4), "{}", told.log);
    assert_eq!(told.took, Duration::from_mins(20));
}

#[tokio::test(start_paused = true)]
async fn a_lost_response_creates_no_second_deployment() {
    let cases = [
        (When::next(Route::Retry).made(), 1),
        (When::next(Route::Retry), 2),
    ];
    for (when, posts) in cases {
        let api = an_api()
            .retries_to(Life::success())
            .list_lag(Duration::from_secs(8))
            .fault(when, Fault::Reset);
        let told = run_api(api, &[]).await;
        assert_eq!((told.status, told.code), ("success", 0), "{}", told.log);
        assert_eq!(told.api.made().len(), 1, "{}", told.log);
        assert_eq!(told.api.count(Route::Retry), posts, "{}", told.log);
        assert_only_the_environment_is_listed(&told);
    }
}

/// Other environments would push what is looked for off the page.
#[track_caller]
fn assert_only_the_environment_is_listed(told: &Told) {
    let records = told.api.records().iter();
    let lists: Vec<_> = records.filter(|it| it.route == Route::List).collect();
    assert!(!lists.is_empty());
    for list in lists {
        assert_eq!(list.request.parameter("env"), Some("production"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_push_that_comes_while_an_answer_is_lost_is_not_put_in_the_shade() {
    let push = fake::Deployment::running("5ec0dde4", Life::success()).commit("ddddddd");
    let api = an_api()
        .push_at_the_post(push)
        .fault(When::next(Route::Retry), Fault::Reset);
    let told = run_api(api, &[]).await;
    assert_eq!((told.status, told.code), ("refused", 2), "{}", told.log);
    assert_eq!(told.api.count(Route::Retry), 1);
    let doubt = "; a deployment may have been created\n";
    assert!(told.log.ends_with(doubt), "{}", told.log);
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_comes_while_the_api_asks_to_stay_away_is_not_put_in_the_shade() {
    let push = fake::Deployment::new("5ec0dde4", Life::success())
        .commit("ddddddd")
        .appears_at(Duration::from_mins(1));
    let limited = Reply::rate_limited().retry_after(120);
    let api = an_api()
        .deployment(push)
        .fault(When::next(Route::Retry), limited);
    let told = run_api(api, &[]).await;
    assert_eq!((told.status, told.code), ("refused", 2), "{}", told.log);
    assert!(told.api.made().is_empty(), "{}", told.log);
}

#[tokio::test(start_paused = true)]
async fn a_late_list_is_read_again_before_the_guard_decides() {
    let push = fake::Deployment::new("5ec0dde4", Life::success())
        .commit("ddddddd")
        .appears_at(Duration::from_secs(5));
    let late = Fault::Late(Duration::from_secs(15));
    for (fault, reads) in [(Some(late), 2), (None, 1)] {
        let api = an_api()
            .deployment(push.clone())
            .retries_to(Life::success());
        let is_late = fault.is_some();
        let api = match fault {
            Some(fault) => api.fault(When::next(Route::List), fault),
            None => api,
        };
        let told = run_api(api, &[("INPUT_DEPLOYMENT_ID", "latest")]).await;
        let status = if is_late { "refused" } else { "success" };
        assert_eq!(told.status, status, "{}", told.log);
        assert_eq!(told.api.count(Route::List), reads, "{}", told.log);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_stays_one_when_no_further_attempt_can_be_made() {
    let down = || (When::next(Route::List).after_post().forever(), Fault::Reset);
    let limited = Reply::rate_limited().retry_after(60);
    let busy = (When::nth(Route::Retry, 2).forever(), limited.into());
    let no = Reply::error(403, 10_000, "Authentication error");
    let refused = (When::nth(Route::Retry, 2), no.into());
    for (when, fault) in [down(), busy, refused] {
        let api = an_api().retries_to(fails_to_clone()).fault(when, fault);
        let inputs = [
            ("INPUT_MAX_ATTEMPTS", "2"),
            ("INPUT_TIMEOUT", "20m"),
            ("INPUT_FAIL_ON", "failure"),
        ];
        let told = run_api(api, &inputs).await;
        assert_eq!((told.status, told.code), ("failure", 1), "{}", told.log);
        assert_eq!(told.api.made().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_says_whether_a_deployment_may_have_been_made() {
    let limited = Reply::rate_limited().retry_after(60);
    let lost = When::next(Route::Retry).made();
    let unlisted = When::next(Route::List).after_post().forever();
    let api = || an_api().retries_to(Life::success());
    let cases = [
        (
            api().fault(When::next(Route::Retry).forever(), limited),
            "Timed out after 4m00s; nothing was triggered\n",
        ),
        (
            api()
                .fault(lost, Fault::Reset)
                .fault(unlisted, Fault::Reset),
            "Timed out after 4m00s during the POST; a deployment may have been created: https://dash.cloudflare.com/?to=/:account/pages/view/site\n",
        ),
    ];
    for (api, end) in cases {
        let told = run_api(api, &[("INPUT_TIMEOUT", "4m")]).await;
        assert_eq!((told.status, told.code), ("timed_out", 4), "{}", told.log);
        assert!(told.log.ends_with(end), "{}", told.log);
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_at_a_further_attempt_that_may_have_made_a_deployment_is_one() {
    let api = an_api()
        .retries_to(fails_to_clone())
        .fault(When::nth(Route::Retry, 2).forever(), Fault::Reset);
    let told = run_api(api, &[("INPUT_MAX_ATTEMPTS", "2")]).await;
    assert_eq!((told.status, told.code), ("error", 3), "{}", told.log);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_looked_through_is_refused_unless_older_code_is_allowed() {
    for (allow_older, status) in [("false", "refused"), ("true", "success")] {
        let newer = (0..1_000).map(|n| {
            let it = fake::Deployment::succeeded(&format!("{n:08x}")).branch("other");
            it.ago(Duration::from_mins(5))
        });
        let api = newer.fold(an_api(), Api::deployment);
        let inputs = [("INPUT_ALLOW_OLDER", allow_older)];
        let told = run_api(api.retries_to(Life::success()), &inputs).await;
        assert_eq!(told.status, status, "{}", told.log);
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_of_many_pages_is_read_once_while_a_commit_is_waited_for() {
    let many = (0..1_100).map(|n| fake::Deployment::succeeded(&format!("{n:08x}")));
    let api = many.fold(an_api(), Api::deployment);
    let inputs = [
        ("INPUT_DEPLOYMENT_ID", "latest"),
        ("INPUT_COMMIT_HASH", "ccccccc"),
    ];
    let told = run_api(api, &inputs).await;
    assert_eq!((told.status, told.code), ("error", 3), "{}", told.log);
    let requests = told.api.count(Route::List);
    assert!((90..120).contains(&requests), "{requests}");
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_a_commit_reports_each_minute_and_says_what_to_check() {
    let api = an_api().deployment(fake::Deployment::succeeded("5eed5eed"));
    let inputs = [
        ("INPUT_DEPLOYMENT_ID", "latest-failed"),
        ("INPUT_COMMIT_HASH", "ccccccc"),
    ];
    let told = run_api(api, &inputs).await;
    assert_eq!((told.status, told.code), ("error", 3), "{}", told.log);
    assert_eq!(
        told.log,
        "Error: there is no deployment of commit `ccccccc` in project site\n"
    );
    let what = "the deployment of commit `ccccccc`";
    let mut expected = vec![format!("Waiting up to 5m00s for {what}")];
    let minutes = (1..=4).rev();
    expected.extend(minutes.map(|it| format!("Still waiting for {what}; {it}m00s left")));
    assert_eq!(told.notices, expected);
    let hint = told.hint;
    assert!(
        hint.starts_with("check that Pages builds this branch"),
        "{hint}"
    );
    assert!(
        hint.contains("a fork") && hint.contains("merge commit"),
        "{hint}"
    );
    assert!(hint.contains("; the newest deployments are "), "{hint}");
}

#[tokio::test(start_paused = true)]
async fn an_internal_error_of_the_target_counts_where_its_log_was_read() {
    let printed = "Failed: an internal error occurred";
    let life = || Life::fails_in("deploy").log([(Duration::from_secs(6), printed)]);
    for (retry_when, attempts) in [("transient", 1), ("auto", 2)] {
        let api = Api::new()
            .clock(fake::Clock::Manual)
            .deployment(fake::Deployment::new("4f1c2a9e", life()))
            .retries_to(life());
        let inputs = [
            ("INPUT_DEPLOYMENT_ID", "latest-failed"),
            ("INPUT_RETRY_WHEN", retry_when),
            ("INPUT_MAX_ATTEMPTS", "3"),
        ];
        let told = run_api(api, &inputs).await;
        assert_eq!((told.status, told.code), ("failure", 1), "{}", told.log);
        assert_eq!(told.api.made().len(), attempts, "{}", told.log);
    }
}

#[tokio::test(start_paused = true)]
async fn skipped_deployments_of_a_commit_are_not_waited_for() {
    let skipped = fake::Deployment::skipped("5eed5eed", "path_config").commit("ccccccc");
    let inputs = [
        ("INPUT_DEPLOYMENT_ID", "latest-failed"),
        ("INPUT_COMMIT_HASH", "ccccccc"),
    ];
    let told = run_api(an_api().deployment(skipped), &inputs).await;
    assert_eq!(told.status, "nothing_to_retry", "{}", told.log);
    let line = "Nothing to retry: the newest deployment of production for commit ccccccc, 5eed5eed, was skipped: path_config\n";
    assert_eq!(told.log, line);
    assert!(told.took < Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_is_not_there_says_how_many_were_searched() {
    let many = (0..300).map(|n| fake::Deployment::succeeded(&format!("{n:08x}")));
    let api = many.fold(an_api(), Api::deployment);
    let inputs = [
        ("INPUT_DEPLOYMENT_ID", "latest-failed"),
        ("INPUT_COMMIT_HASH", "ccccccc"),
    ];
    let told = run_api(api, &inputs).await;
    let line = "Error: there is no deployment of commit `ccccccc` in project site among the newest 200 deployments\n";
    assert!(told.log.contains(line), "{}", told.log);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_decides_about_a_further_attempt_is_waited_for_ten_seconds() {
    let unwell = || Reply::text(503, "upstream connect error");
    for (times, made, status) in [(Some(2), 2, "success"), (None, 1, "failure")] {
        let when = When::next(Route::Logs);
        let when = match times {
            Some(times) => when.times(times),
            None => when.forever(),
        };
        let api = an_api()
            .retries_to(fails_to_clone())
            .retries_to(Life::success())
            .fault(when, unwell());
        let told = run_api(api, &[("INPUT_MAX_ATTEMPTS", "2")]).await;
        assert_eq!(told.status, status, "{}", told.log);
        assert_eq!(told.api.made().len(), made, "{}", told.log);
        let warning = "failed to read the build log: ";
        assert_eq!(told.log.contains(warning), times.is_none(), "{}", told.log);
    }
}

/// How long a run took, without its log, and with a log that meets `fault`.
async fn delay(logs: &str, fault: Fault) -> Duration {
    let mut took = Vec::new();
    for fault in [None, Some(fault)] {
        let mut api = an_api().retries_to(Life::fails_in("build"));
        let inputs = [
            ("INPUT_LOGS", if fault.is_some() { logs } else { "never" }),
            ("INPUT_POLL_INTERVAL", "2s"),
        ];
        let is_to_be_reported = fault.is_some();
        if let Some(fault) = fault {
            api.add_fault(When::next(Route::Logs).forever(), fault);
        }
        let told = run_api(api, &inputs).await;
        assert_eq!((told.status, told.code), ("failure", 1), "{}", told.log);
        let warning = "failed to read the build log: ";
        assert_eq!(
            told.log.contains(warning),
            is_to_be_reported,
            "{}",
            told.log
        );
        took.push(told.took);
    }
    took[1].saturating_sub(took[0])
}

#[tokio::test(start_paused = true)]
async fn a_known_failure_waits_ten_seconds_for_its_log_and_a_watch_not_at_all() {
    let limit = Duration::from_millis(10_100);
    for logs in ["on-failure", "always"] {
        for fault in [
            Fault::Stall,
            Fault::Late(Duration::from_secs(20)),
            Fault::StallMidBody,
            Fault::Reset,
        ] {
            let delay = delay(logs, fault.clone()).await;
            assert!(delay <= limit, "{logs} {fault:?}: {delay:?}");
        }
    }
    let limited = Reply::rate_limited().retry_after(300);
    let delay = delay("on-failure", limited.into()).await;
    assert!(delay < Duration::from_secs(1), "{delay:?}");
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_of_the_log_holds_for_all_routes() {
    let limited = Reply::rate_limited().retry_after(300);
    let api = an_api()
        .retries_to(Life::success().takes("build", Duration::from_mins(2)))
        .fault(When::next(Route::Logs), limited);
    let inputs = [("INPUT_LOGS", "always"), ("INPUT_POLL_INTERVAL", "1s")];
    let told = run_api(api, &inputs).await;
    assert_eq!((told.status, told.code), ("success", 0), "{}", told.log);
    let waits = told.api.waits_after(429);
    assert_eq!(waits.len(), 1);
    assert!(Duration::from_mins(5) <= waits[0], "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn showing_the_whole_log_costs_at_most_three_requests_for_ten() {
    for minutes in [1, 3, 20] {
        let mut requests = Vec::new();
        for logs in ["on-failure", "always"] {
            let life = Life::fails_in("build").takes("build", Duration::from_mins(minutes));
            let printed = |n: u64| (Duration::from_secs(9 + n), format!("line {n:04}"));
            let life = life.log((1..60 * minutes).map(printed));
            let told = run_api(an_api().retries_to(life), &[("INPUT_LOGS", logs)]).await;
            requests.push(told.api.records().len());
            let lines = told.log.lines().filter(|it| it.starts_with("  line"));
            let lines: Vec<_> = lines.collect();
            if logs == "always" {
                let expected = (1..60 * minutes).map(|n| format!("  line {n:04}"));
                assert_eq!(lines, expected.collect::<Vec<_>>());
            }
        }
        let [fewer, more] = requests[..] else {
            panic!("two runs");
        };
        // The polls have a random part.
        assert!(more * 10 <= fewer * 13 + 10, "{more} instead of {fewer}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_build_is_silent_only_if_its_log_is_still_empty_after_ten_seconds() {
    // The build fails after 69 s.
    for (at, made) in [(75, 1), (600, 2)] {
        let at = Duration::from_secs(at);
        let line = "error TS2304: Cannot find name 'x'.";
        let api = an_api()
            .retries_to(Life::fails_in("build").log([(at, line)]))
            .retries_to(Life::success());
        let told = run_api(api, &[("INPUT_MAX_ATTEMPTS", "2")]).await;
        assert_eq!(told.api.made().len(), made, "{at:?}\n{}", told.log);
    }
}

/// A retry whose build prints sixty lines, and fails.
fn prints_and_fails() -> Life {
    let line = |n: u64| (Duration::from_secs(5 + n / 2), format!("line {n:02}"));
    Life::fails_in("build").log((1..=60).map(line))
}

#[tokio::test(start_paused = true)]
async fn the_build_log_is_shown_as_requested_and_each_line_once() {
    let cases = [
        ("on-failure", "1", 50),
        ("on-failure", "2", 50),
        ("always", "1", 60),
        ("always", "2", 60),
        ("never", "1", 0),
        ("never", "2", 0),
    ];
    for (logs, attempts, shown) in cases {
        let inputs = [("INPUT_LOGS", logs), ("INPUT_MAX_ATTEMPTS", attempts)];
        let told = run_api(an_api().retries_to(prints_and_fails()), &inputs).await;
        assert_eq!((told.status, told.code), ("failure", 1), "{}", told.log);
        let lines = told.log.lines().filter(|it| it.starts_with("  line"));
        let last = 61 - shown..=60;
        let expected: Vec<_> = last.map(|n| format!("  line {n:02}")).collect();
        assert_eq!(lines.collect::<Vec<_>>(), expected, "{logs} {attempts}");
        // The log is requested where the cause of the failure decides.
        let is_asked = logs != "never" || attempts == "2";
        assert_eq!(
            told.api.count(Route::Logs) != 0,
            is_asked,
            "{logs} {attempts}"
        );
        // Once, wherever the log was read.
        let why = "Why: the log does not show a known cause\n";
        let times = usize::from(is_asked);
        assert_eq!(told.log.matches(why).count(), times, "{}", told.log);
    }
}

#[tokio::test(start_paused = true)]
async fn any_failure_is_retried_though_its_log_cannot_be_read() {
    let unwell = Reply::text(503, "upstream connect error");
    let api = an_api()
        .retries_to(prints_and_fails())
        .retries_to(Life::success())
        .fault(When::next(Route::Logs).forever(), unwell);
    let inputs = [("INPUT_MAX_ATTEMPTS", "2"), ("INPUT_RETRY_WHEN", "any")];
    let told = run_api(api, &inputs).await;
    assert_eq!(told.api.made().len(), 2, "{}", told.log);
}

#[tokio::test(start_paused = true)]
async fn a_skip_names_the_deployment_that_took_its_place() {
    let other = |id: &str| fake::Deployment::running(id, Life::success());
    let api = an_api()
        .deployment(fake::Deployment::failed("01de2000").ago(Duration::from_mins(5)))
        .deployment(
            other("0e200000")
                .branch("other")
                .appears_at(Duration::from_secs(2)),
        )
        .retries_to(Life::superseded());
    let told = run_api(api, &[]).await;
    assert_eq!((told.status, told.code), ("skipped", 1), "{}", told.log);
    let by = told.log.rsplit("superseded by ").next().unwrap();
    assert!(!by.contains("01de2000") && !by.contains("0e200000"), "{by}");
    assert!(told.log.contains("; superseded by "), "{}", told.log);
    assert_only_the_environment_is_listed(&told);
}

#[tokio::test(start_paused = true)]
async fn slow_pages_one_after_another_are_no_silence() {
    let many = (0..300).map(|n| fake::Deployment::succeeded(&format!("{n:08x}")));
    let late = Fault::Late(Duration::from_secs(9));
    let api = many.fold(an_api(), Api::deployment);
    let api = api.fault(When::next(Route::List).forever(), late);
    let inputs = [("INPUT_DEPLOYMENT_ID", "latest"), ("INPUT_BRANCH", "none")];
    let told = run_api(api, &inputs).await;
    let line = "… resolving still running after 1m00s\n";
    assert!(told.log.starts_with(line), "{}", told.log);
}

#[tokio::test(start_paused = true)]
async fn after_each_silent_minute_one_line_says_what_is_running() {
    let life = Life::success().takes("build", Duration::from_secs(210));
    let told = run_api(an_api().retries_to(life), &[]).await;
    let lines: Vec<_> = told.log.lines().filter(|it| it.starts_with('…')).collect();
    assert_eq!(lines.len(), 3, "{}", told.log);
    for (line, minute) in lines.iter().zip(1..) {
        let expected = format!("… build still running after {minute}m00s");
        assert_eq!(*line, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn three_minutes_take_at_most_45_requests() {
    let life = || Life::success().takes("build", Duration::from_secs(165));
    let history = (1..=8).map(|hours| {
        let id = format!("0000000{hours}");
        fake::Deployment::new(&id, life()).ago(Duration::from_hours(hours + 1))
    });
    for has_history in [false, true] {
        let history = history.clone().filter(|_| has_history);
        let api = history.fold(an_api(), Api::deployment);
        let told = run_api(api.retries_to(life()), &[]).await;
        assert_eq!((told.status, told.code), ("success", 0), "{}", told.log);
        let requests = told.api.records().len();
        assert!((20..=45).contains(&requests), "{requests} requests");
    }
}

/// Numbers that are the same for the same seed.
struct Drawn(u64);

impl Drawn {
    fn below(&mut self, end: usize) -> usize {
        // Xorshift.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

#[tokio::test(start_paused = true)]
async fn any_failure_leaves_one_deployment_with_a_reported_outcome() {
    for seed in 1..=1_000 {
        let mut drawn = Drawn(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let (life, expected) = match drawn.below(4) {
            0 => (Life::success(), "success"),
            1 => (Life::fails_in("build"), "failure"),
            2 => (Life::canceled_in("clone_repo"), "canceled"),
            _ => (
                Life::success().takes("build", Duration::from_mins(9)),
                "success",
            ),
        };
        let mut api = an_api()
            .retries_to(life)
            .list_lag(Duration::from_secs(drawn.below(58) as u64))
            .get_lag(Duration::from_secs(drawn.below(12) as u64));
        if drawn.below(2) == 0 {
            let when = When::next(Route::Retry);
            let is_made = drawn.below(2) == 0;
            api.add_fault(if is_made { when.made() } else { when }, Fault::Reset);
        }
        let mut outages = Vec::new();
        for _ in 0..drawn.below(4) {
            let route = [Route::Get, Route::List][drawn.below(2)];
            let from = Duration::from_secs(drawn.below(200) as u64);
            let during = from..from + Duration::from_secs(1 + drawn.below(40) as u64);
            let fault = match drawn.below(6) {
                0 => Reply::text(503, "upstream connect error").into(),
                1 => Reply::html(502, "<h1>Bad gateway</h1>").into(),
                2 => Reply::rate_limited().retry_after(20).into(),
                3 => Fault::Truncate,
                4 => Fault::Stall,
                _ => Fault::Close,
            };
            outages.push(Outage {
                route,
                during,
                fault,
            });
        }
        let told = run_with_outages(api, outages, &[]).await;
        assert_eq!(told.status, expected, "seed {seed}\n{}", told.log);
        assert_eq!(told.api.made().len(), 1, "seed {seed}\n{}", told.log);
    }
}
