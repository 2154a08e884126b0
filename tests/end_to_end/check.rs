//! The reachability check: what a person sees while a deployment that has
//! succeeded is not, or not yet, served by its addresses.
//!
//! Most runs find a target that needs no retry, so that they consist of the
//! check alone. The sites are on loopback; a second of a check is a second.

use std::net::TcpListener;
use std::time::Duration;

use crate::signals::{canceled, wait_for};
use crate::step::{Done, ORIGINAL, Step};
use test_support::fake::{Api, Clock, Deployment, Fake, Reply, Route, TOKEN, When};
use test_support::parsers::github;
use test_support::site::{Page, Site};

const SECRET: &str = "access-secret-that-must-not-leak";

fn new_page() -> Page {
    Page::html(200, "<h1>new</h1>").etag("\"new\"")
}

fn old_page() -> Page {
    Page::html(200, "<h1>old</h1>").etag("\"old\"")
}

/// A preview that has succeeded, with its own URL and its alias.
fn preview(own: &Site, alias: Option<&Site>) -> Fake {
    let deployment = Deployment::succeeded(ORIGINAL)
        .environment("preview")
        .branch("topic")
        .with("url", own.url().into());
    let deployment = match alias {
        Some(alias) => deployment.alias(&alias.url()),
        None => deployment,
    };
    Fake::start(Api::new().deployment(deployment))
}

/// A production deployment that has succeeded, and the project's addresses.
fn production(own: &Site, domains: &[String]) -> Fake {
    let deployment = Deployment::succeeded(ORIGINAL).with("url", own.url().into());
    Fake::start(Api::new().domains(domains).deployment(deployment))
}

/// A step that has nothing to do but to check.
fn step(fake: &Fake) -> Step {
    Step::new(fake)
        .with("deployment_id", "latest-failed")
        .with("check_url", "true")
        .with("check_timeout", "30s")
}

fn preview_step(fake: &Fake) -> Step {
    step(fake).with("environment", "preview")
}

/// The lines of a log from the check on.
fn checked(done: &Done) -> &str {
    let at = done.log.find("• reachable\n");
    let at = at.unwrap_or_else(|| panic!("no check:\n{}", done.log));
    &done.log[at..]
}

/// Reached after so many seconds, or a little later on a busy machine.
#[track_caller]
fn reached(done: &Done, seconds: u64) {
    let found: u64 = done.outputs["reachable_seconds"].parse().unwrap();
    assert!((seconds..seconds + 5).contains(&found), "{}", done.log);
    let line = format!("• reachable\n✓ reachable in {found}s\nNothing to retry: ");
    assert!(checked(done).starts_with(&line), "{}", done.log);
    done.ends(0, "status=nothing_to_retry\nreachable=true");
}

#[track_caller]
fn not_reached(done: &Done, problem: &str) {
    let log = checked(done);
    let line = format!("Deployment 4f1c2a9e succeeded, but {problem} after ");
    assert!(log.contains("\n✗ reachable failed after "), "{log}");
    assert!(log.contains(&line), "{log}");
    done.ends(
        1,
        "status=unreachable\nreachable=false\nreachable_seconds=\nstage=deploy",
    );
}

/// The retry of a production deployment, to the end of the check; and who is
/// sent which secret.
#[test]
fn a_new_deployment_is_a_success_once_each_address_serves_it() {
    let own = Site::steady(new_page());
    let pages_dev = Site::steady(new_page());
    let domain = Site::steady(Page::html(200, "<h1>new</h1>").etag("W/\"new\""));
    let deployment = Deployment::failed(ORIGINAL)
        .with("url", own.url().into())
        .with("aliases", serde_json::json!([domain.host()]));
    let api = Api::new()
        .clock(Clock::PerRequest(Duration::from_mins(5)))
        .domains(&[pages_dev.host(), domain.host()])
        .deployment(deployment)
        .expect(Route::Project, 1);
    let fake = Fake::start(api);
    let done = Step::new(&fake)
        .with("check_url", "/version.txt?a=b")
        .with("check_timeout", "30s")
        .with("access_client_id", "id.access")
        .with("access_client_secret", SECRET)
        .run();
    let last = format!("Deployment 9a8b7c6d succeeded: {}\n", own.url());
    let seconds = &done.outputs["reachable_seconds"];
    let end = format!("• reachable\n✓ reachable in {seconds}s\n{last}");
    assert_eq!(checked(&done), end);
    done.ends(0, "status=success\nreachable=true\nstage=deploy");
    for site in [&own, &pages_dev, &domain] {
        let visits = site.visits();
        assert_eq!(visits.len(), 3);
        for visit in visits {
            assert_eq!(visit.path, "/version.txt?a=b");
            assert_eq!(visit.header("cache-control"), Some("no-cache"));
            assert_eq!(visit.header("accept-encoding"), Some("identity"));
            assert_eq!(visit.header("cf-access-client-id"), Some("id.access"));
            assert_eq!(visit.header("cf-access-client-secret"), Some(SECRET));
            let agent = visit.header("user-agent").unwrap();
            assert!(agent.starts_with("pages-retry/"), "{agent}");
            assert!(!format!("{visit:?}").contains(TOKEN), "{visit:?}");
        }
    }
    for record in fake.records() {
        let request = format!("{:?}", record.request);
        assert!(
            request.contains(TOKEN) && !request.contains(SECRET),
            "{request}"
        );
    }
    assert!(!done.log.contains(SECRET), "{}", done.log);
}

#[test]
fn nothing_is_requested_without_a_check() {
    let own = Site::steady(new_page());
    let fake = production(&own, &[own.host()]);
    let done = step(&fake).with("check_url", "false").run();
    done.ends(0, "status=nothing_to_retry\nreachable=\nreachable_seconds=");
    let failed = Deployment::failed(ORIGINAL).with("url", own.url().into());
    let fake = Fake::start(Api::new().deployment(failed).expect(Route::Project, 0));
    let done = step(&fake).with("dry_run", "true").run();
    done.ends(0, "status=dry_run\nreachable=");
    assert!(!done.log.contains("reachable"), "{}", done.log);
    assert_eq!(own.visits().len(), 0);
}

#[test]
fn an_address_that_lags_or_flaps_is_waited_for() {
    let missing = || Page::html(404, "Deployment Not Found");
    let new = new_page;
    let cases: [(Vec<Page>, u64, usize); 4] = [
        (vec![missing(), missing(), new()], 4, 5),
        (vec![new(), new(), missing(), new()], 5, 6),
        (vec![Page::placeholder(), new()], 3, 4),
        (vec![Page::Close, new()], 3, 4),
    ];
    std::thread::scope(|scope| {
        for (pages, seconds, visits) in cases {
            scope.spawn(move || {
                let own = Site::script(pages);
                let fake = preview(&own, None);
                let done = preview_step(&fake).run();
                reached(&done, seconds);
                assert_eq!(own.visits().len(), visits);
            });
        }
    });
}

#[test]
fn an_alias_with_old_content_is_waited_for_though_it_answers_200() {
    let own = Site::steady(new_page());
    let alias = Site::script([old_page(), old_page(), new_page()]);
    let fake = preview(&own, Some(&alias));
    let done = preview_step(&fake).run();
    reached(&done, 4);
    assert_eq!(alias.visits().len(), 5);
}

#[test]
fn an_alias_that_stays_old_is_unreachable_and_the_annotation_says_why() {
    let own = Site::steady(new_page());
    let alias = Site::steady(old_page());
    let fake = preview(&own, Some(&alias));
    let problem = format!("{} serves other content", alias.url());
    let step = preview_step(&fake).with("check_timeout", "4s");
    not_reached(&step.run(), &problem);
    let done = step.on_github().run();
    let log = github::read(&done.log);
    let [error] = &log.annotations[..] else {
        panic!("{:?}", log.annotations);
    };
    let expected = format!(
        "{problem} for Ns; last response: 200 with ETag \"old\"\n\
         {} is reachable after Ns\n\
         open {}, or increase `check_timeout`",
        own.url(),
        alias.url()
    );
    let seconds = |text: &str| {
        (1..9).fold(text.to_owned(), |text, n| {
            text.replace(&format!(" {n}s"), " Ns")
        })
    };
    assert_eq!(seconds(&error.message), expected);
    let summary = seconds(&done.summary.unwrap());
    assert!(summary.contains("serves other content for Ns"), "{summary}");
    assert!(summary.contains(" is reachable after Ns\n"), "{summary}");
}

#[test]
fn an_outcome_that_may_pass_is_a_warning() {
    let own = Site::steady(Page::html(503, "no"));
    let fake = preview(&own, None);
    let done = preview_step(&fake)
        .with("check_timeout", "1s")
        .with("fail_on", "failure")
        .run();
    let last = format!(
        "Deployment 4f1c2a9e succeeded, but {} returns 503 after 1s\n",
        own.url()
    );
    assert!(done.log.contains(&last), "{}", done.log);
    done.ends(0, "status=unreachable\nreachable=false");
}

#[test]
fn each_problem_has_its_words() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed_host = closed.local_addr().unwrap().to_string();
    drop(closed);
    let own = Site::steady(new_page());
    let domains = |domain: &str| production(&own, &[own.host(), domain.to_owned()]);
    let silent = Site::steady(Page::Stall);
    let away = Site::steady(Page::redirect("http://site.example/"));
    let endless = Site::start(|_, visit| Page::redirect(&format!("{}x", visit.path)));
    let broken = Site::steady(Page::html(500, ""));
    let cases = [
        (
            domains("site.invalid"),
            "https://site.invalid does not resolve",
            "is the domain active? ",
        ),
        (
            domains(&closed_host),
            &*format!("http://{closed_host} does not respond"),
            "Connection refused",
        ),
        (
            domains(&silent.host()),
            &*format!("{} does not respond", silent.url()),
            "no response in time",
        ),
        (
            domains(&away.host()),
            &*format!("{} returns 302", away.url()),
            "302, which redirects to http://site.example/, which is not https",
        ),
        (
            domains(&endless.host()),
            &*format!("{} returns 302", endless.url()),
            "302, which redirects more than 5 times",
        ),
        (
            domains(&broken.host()),
            &*format!("{} returns 500", broken.url()),
            "500 with 0 bytes",
        ),
    ];
    std::thread::scope(|scope| {
        for (fake, problem, detail) in &cases {
            scope.spawn(move || {
                let done = step(fake).with("check_timeout", "6s").run();
                not_reached(&done, problem);
                assert!(done.log.contains(detail), "{detail}:\n{}", done.log);
            });
        }
    });
}

#[test]
fn the_text_must_be_on_the_page_and_it_replaces_what_cannot_be_compared() {
    let own = Site::steady(Page::html(200, "build 42").etag("\"new\""));
    let rewritten = Site::steady(Page::html(200, "<script></script>build 42"));
    let fake = production(&own, &[own.host(), rewritten.host()]);
    reached(&step(&fake).with("check_text", "build 42").run(), 2);
    let done = step(&fake)
        .with("check_text", "build 43")
        .with("check_timeout", "2s")
        .run();
    not_reached(&done, &format!("{} lacks the text", own.url()));
}

#[test]
fn what_cannot_be_known_is_a_warning_that_says_what_to_set() {
    let own = Site::steady(new_page());
    let access = Site::steady(Page::access());
    let challenge = Site::steady(Page::challenge());
    let rewritten = Site::steady(Page::html(200, "<h1>new</h1><script></script>"));
    let hosts = |site: &Site| production(&own, &[own.host(), site.host()]);
    let cases = [
        (hosts(&access), "set `access_client_id`", access.url()),
        (
            hosts(&challenge),
            "because of a bot challenge",
            challenge.url(),
        ),
        (hosts(&rewritten), "set `check_text`", rewritten.url()),
    ];
    std::thread::scope(|scope| {
        for (fake, advice, url) in &cases {
            scope.spawn(move || {
                let done = step(fake).run();
                let log = checked(&done);
                assert!(
                    log.starts_with("• reachable\n» reachable unknown after "),
                    "{log}"
                );
                assert!(log.contains(advice), "{log}");
                assert!(log.contains(&format!(": {url}\n")), "{log}");
                done.ends(
                    0,
                    "status=nothing_to_retry\nreachable=unknown\nreachable_seconds=",
                );
            });
        }
    });
    assert_eq!(access.visits().len(), 3);
}

#[test]
fn a_service_token_opens_access_and_is_sent_to_no_other_site() {
    let elsewhere = Site::steady(new_page());
    let location = elsewhere.url();
    let own = Site::start(
        move |_, visit| match visit.header("cf-access-client-secret") {
            Some(SECRET) => Page::redirect(&location),
            _ => Page::access(),
        },
    );
    let fake = preview(&own, None);
    let done = preview_step(&fake)
        .var("CF_ACCESS_CLIENT_ID", "id.access")
        .var("CF_ACCESS_CLIENT_SECRET", SECRET)
        .on_github()
        .run();
    assert_eq!(done.code, 0, "{}", done.log);
    assert_eq!(done.outputs["reachable"], "true");
    assert_eq!(elsewhere.visits().len(), 3);
    for visit in elsewhere.visits() {
        assert_eq!(visit.header("cf-access-client-id"), None);
        assert_eq!(visit.header("cf-access-client-secret"), None);
    }
    let mask = format!("::add-mask::{SECRET}\n");
    assert!(done.log.contains(&mask), "{}", done.log);
    assert!(
        !done.log.replace(&mask, "").contains(SECRET),
        "{}",
        done.log
    );
}

#[test]
fn a_page_without_an_end_is_read_as_far_as_needed() {
    let own = Site::steady(Page::Endless);
    let alias = Site::steady(Page::Endless);
    let fake = preview(&own, Some(&alias));
    reached(&preview_step(&fake).run(), 2);
}

#[test]
fn a_slow_address_is_waited_for_and_delays_no_signal() {
    let slow = || Page::Late(Duration::from_millis(1_300), Box::new(new_page()));
    let own = Site::script([slow(), new_page()]);
    let fake = preview(&own, None);
    reached(&preview_step(&fake).run(), 3);
    let silent = Site::steady(Page::Stall);
    let fake = preview(&silent, None);
    let step = preview_step(&fake);
    let done = canceled(&step, "-TERM", |log| {
        log.contains("• reachable") && wait_for(|| !silent.visits().is_empty())
    });
    let line = format!(
        "Interrupted during the check; deployment 4f1c2a9e has succeeded: {}\n",
        silent.url()
    );
    assert!(done.log.contains(&line), "{}", done.log);
    done.ends(143, "status=interrupted\nreachable=");
}

#[test]
fn the_total_time_limit_ends_the_check_too() {
    let own = Site::steady(Page::html(404, "no"));
    let fake = preview(&own, None);
    let done = preview_step(&fake).with("timeout", "2s").run();
    not_reached(&done, &format!("{} returns 404", own.url()));
}

#[test]
fn addresses_that_cannot_be_read_are_warned_about_and_the_rest_is_checked() {
    let own = Site::steady(new_page());
    let fake = production(&own, &[own.host()]);
    let refusal = Reply::error(403, 10000, "Authentication error");
    fake.add(When::next(Route::Project), refusal);
    let done = step(&fake).run();
    let warning = "• reachable\nwarning: the production addresses of the project are not checked";
    assert!(checked(&done).starts_with(warning), "{}", done.log);
    done.ends(0, "status=nothing_to_retry\nreachable=true");
    let fake = production(&own, &[own.host()]);
    let down = Reply::text(503, "upstream connect error");
    fake.add(When::next(Route::Project), down);
    let done = step(&fake).run();
    reached(&done, 4);
}

#[test]
fn the_log_as_json_has_the_check_as_a_stage_and_lists_the_addresses() {
    let own = Site::steady(new_page());
    let alias = Site::steady(old_page());
    let fake = preview(&own, Some(&alias));
    let done = preview_step(&fake)
        .with("check_timeout", "3s")
        .with("log_format", "json")
        .run();
    let lines = done.log.lines().map(|it| serde_json::from_str(it).unwrap());
    let lines: Vec<serde_json::Value> = lines.collect();
    let finished = &lines[lines.len() - 1];
    let stage = &lines[lines.len() - 2];
    assert_eq!(stage["stage"], "reachable");
    assert_eq!(stage["result"], "failure");
    let addresses = finished["addresses"].as_array().unwrap();
    assert_eq!(addresses.len(), 2);
    assert_eq!(addresses[0]["url"], own.url());
    assert_eq!(addresses[0]["reachable"], "true");
    assert_eq!(addresses[1]["reachable"], "false");
    assert_eq!(addresses[1]["problem"], "serves other content");
    assert_eq!(addresses[1]["last_response"], "200 with ETag \"old\"");
    assert_eq!(finished["outputs"]["reachable"], "false");
}

#[test]
fn inputs_that_contradict_each_other_are_bad_and_those_without_effect_are_warned_about() {
    let fake = Fake::start(Api::new());
    let bad = [
        (("wait", "false"), "`check_url` needs `wait: true`"),
        (("check_url", "version.txt"), "`check_url` is neither"),
        (("check_url", "//site.example/"), "`check_url` is neither"),
        (
            ("check_timeout", "soon"),
            "`check_timeout` is not a duration",
        ),
        (
            ("access_client_id", "x"),
            "`access_client_secret` is missing beside",
        ),
        (
            ("access_client_secret", SECRET),
            "`access_client_id` is missing beside",
        ),
    ];
    for ((name, value), problem) in bad {
        let done = step(&fake).with(name, value).run();
        assert!(done.log.contains(problem), "{name}:\n{}", done.log);
        assert!(!done.log.contains(SECRET), "{}", done.log);
        done.ends(2, "status=error");
    }
    assert_eq!(fake.records().len(), 0);
    let own = Site::steady(new_page());
    let fake = production(&own, &[own.host()]);
    let done = step(&fake)
        .with("check_url", "")
        .with("check_text", "x")
        .with("check_timeout", "5m")
        .var("CF_ACCESS_CLIENT_ID", "x")
        .run();
    let warning = "warning: input `check_text` has no effect without `check_url`\nNothing";
    assert!(done.log.starts_with(warning), "{}", done.log);
    done.ends(0, "status=nothing_to_retry");
}
