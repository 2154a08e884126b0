//! Tests of the fake API: its responses must be those of the live API.

#![expect(
    clippy::disallowed_methods,
    reason = "tests wait, write files and start programs"
)]
#![expect(
    clippy::unwrap_used,
    reason = "a test's helpers fail like the test itself"
)]

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;
use test_support::fake::{
    ACCOUNT, Answer, Api, Authority, Clock, Deployment, Fake, Fault, Life, Listen, PLAIN_VALUE,
    Reply, Request, Route, SECRET_VALUE, START, Step, TOKEN, When, full_id,
};

const PATH: &str =
    "/client/v4/accounts/b0a1c2d3e4f5061728394a5b6c7d8e9f/pages/projects/site/deployments";

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn request(method: &str, rest: &str) -> Request {
    Request::new(method, &format!("{PATH}{rest}"))
        .with_header("authorization", &format!("Bearer {TOKEN}"))
}

fn reply(api: &mut Api, request: &Request) -> Reply {
    let answer = api.answer(request);
    let Answer::Http(reply) = answer else {
        panic!("not a whole answer: {answer:?}");
    };
    reply
}

fn get(api: &mut Api, rest: &str) -> Value {
    reply(api, &request("GET", rest)).value()
}

/// A deployment's stages at an age, in one line.
fn stages_at(life: &Life, age: Duration) -> String {
    let mut api = Api::new().deployment(Deployment::running("4f1c2a9e", life.clone()));
    api.advance(age);
    let result = &get(&mut api, &format!("/{}", full_id("4f1c2a9e")))["result"];
    let shown = |it: &Value| format!("{}:{}", text(&it["name"]), text(&it["status"]));
    let stages = result["stages"].as_array().unwrap().iter().map(shown);
    let stages = stages.collect::<Vec<_>>().join(" ");
    let skipped = if result["is_skipped"] == true {
        format!(" ({})", text(&result["skip_reason"]))
    } else {
        String::new()
    };
    format!("{stages} = {}{skipped}", shown(&result["latest_stage"]))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn ids(list: &Value) -> Vec<&str> {
    let list = list["result"].as_array().unwrap();
    list.iter().map(|it| text(&it["short_id"])).collect()
}

fn code(value: &Value) -> u64 {
    value["errors"][0]["code"].as_u64().unwrap()
}

#[test]
fn the_account_of_the_paths_is_the_fakes() {
    assert!(PATH.contains(ACCOUNT));
}

#[test]
fn a_retry_makes_a_new_deployment_of_the_same_commit() {
    let original = Deployment::failed("4f1c2a9e")
        .preview("topic")
        .commit("abc1234");
    let mut api = Api::new().deployment(original).expect(Route::Retry, 1);
    let old = full_id("4f1c2a9e");
    let retry = request("POST", &format!("/{old}/retry")).with_body("{}");
    let answer = reply(&mut api, &retry).value();
    let new = &answer["result"];
    let old = &get(&mut api, &format!("/{old}"))["result"];
    assert_eq!(new["short_id"], "9a8b7c6d");
    assert_eq!(new["url"], "https://9a8b7c6d.site.pages.dev");
    assert_eq!(new["created_on"], "2026-03-02T10:00:00.412350Z");
    for same in ["environment", "deployment_trigger", "project_id", "aliases"] {
        assert_eq!(new[same], old[same]);
    }
    assert_eq!(
        text(&old["deployment_trigger"]["metadata"]["commit_hash"]).len(),
        40
    );
    assert_eq!(api.made(), [full_id("9a8b7c6d")]);
    assert_eq!(api.records()[0].request.body, b"{}");
    assert_eq!(ids(&get(&mut api, "")), ["9a8b7c6d", "4f1c2a9e"]);
}

#[test]
fn the_stages_follow_the_script() {
    let check = |life: &Life, age, expected: &str| assert_eq!(stages_at(life, secs(age)), expected);
    let life = Life::success();
    check(
        &life,
        0,
        "queued:active initialize:idle clone_repo:idle build:idle deploy:idle = queued:active",
    );
    check(
        &life,
        9,
        "queued:success initialize:success clone_repo:success build:active deploy:idle = build:active",
    );
    check(
        &life,
        75,
        "queued:success initialize:success clone_repo:success build:success deploy:success = deploy:success",
    );
    check(
        &Life::canceled_in("initialize"),
        99,
        "queued:success initialize:canceled clone_repo:idle build:idle deploy:idle = initialize:canceled",
    );
    check(
        &Life::never_ends_in("queued"),
        9999,
        "queued:active initialize:idle clone_repo:idle build:idle deploy:idle = queued:active",
    );
    check(
        &Life::skipped_by_rule("path_config"),
        99,
        "queued:idle initialize:idle clone_repo:idle build:idle deploy:idle = queued:idle (path_config)",
    );
    check(
        &Life::superseded(),
        4,
        "queued:skipped initialize:idle clone_repo:idle build:idle deploy:idle = queued:skipped (superseded_queued_build)",
    );
    check(
        &Life::upload(),
        0,
        "queued:active initialize:idle clone_repo:idle build:idle deploy:success = deploy:success",
    );
    check(
        &Life::success().idle_at_first(secs(3)),
        2,
        "queued:idle initialize:idle clone_repo:idle build:idle deploy:idle = queued:idle",
    );
    check(
        &Life::success().pause_between_stages(secs(2)),
        3,
        "queued:success initialize:idle clone_repo:idle build:idle deploy:idle = queued:success",
    );
    let odd = Life::of([
        Step::new("queued"),
        Step::new("test").running("warming").ends("exploded"),
    ]);
    check(&odd, 1, "queued:success test:warming = test:warming");
    check(&odd, 2, "queued:success test:exploded = test:exploded");
}

#[test]
fn the_times_are_as_irregular_as_the_apis_and_differ_by_whole_seconds() {
    let mut api = Api::new().deployment(Deployment::running("4f1c2a9e", Life::success()));
    api.advance(secs(5));
    let result = &get(&mut api, &format!("/{}", full_id("4f1c2a9e")))["result"];
    // `queued` gets an `ended_on` before its `started_on`.
    assert_eq!(
        result["stages"][0]["started_on"],
        "2026-03-02T10:00:02.441990Z"
    );
    assert_eq!(
        result["stages"][0]["ended_on"],
        "2026-03-02T10:00:02.41235Z"
    );
    assert_eq!(
        result["stages"][1]["started_on"],
        "2026-03-02T10:00:02.412350Z"
    );
    assert_eq!(
        result["stages"][1]["ended_on"],
        "2026-03-02T10:00:05.41235Z"
    );
    assert_eq!(result["stages"][3]["started_on"], Value::Null);
}

#[test]
fn a_deployment_contains_secrets_and_its_fields_can_be_changed() {
    let bent = Deployment::succeeded("4f1c2a9e")
        .with("usage_model", "bundled".into())
        .without("is_skipped");
    let mut api = Api::new().deployment(bent);
    let result = &get(&mut api, &format!("/{}", full_id("4f1c2a9e")))["result"];
    assert_eq!(result["env_vars"]["API_ORIGIN"]["value"], PLAIN_VALUE);
    assert_eq!(result["env_vars"]["NPM_TOKEN"]["value"], SECRET_VALUE);
    assert_eq!(result["source"]["config"]["production_branch"], "main");
    assert_eq!(result["usage_model"], "bundled");
    assert_eq!(result.get("is_skipped"), None);
}

#[test]
fn a_direct_upload_has_no_source_and_no_commit() {
    let mut api = Api::new().deployment(Deployment::direct_upload("4f1c2a9e"));
    let result = &get(&mut api, &format!("/{}", full_id("4f1c2a9e")))["result"];
    assert_eq!(result.get("source"), None);
    assert_eq!(result["deployment_trigger"]["metadata"]["commit_hash"], "");
    assert_eq!(result["latest_stage"]["started_on"], Value::Null);
    let retry = request("POST", &format!("/{}/retry", full_id("4f1c2a9e")));
    assert_eq!(reply(&mut api, &retry).status, 400);
}

#[test]
fn the_list_has_pages_of_25_with_the_newest_first() {
    let mut api = Api::new();
    for index in 0..30 {
        let old = Deployment::succeeded(&format!("{index:08x}"));
        let old = old.ago(secs(100 + index));
        api = api.deployment(if index % 2 == 0 {
            old.preview("topic")
        } else {
            old
        });
    }
    let first = get(&mut api, "");
    assert_eq!(ids(&first).len(), 25);
    assert_eq!(ids(&first)[..2], ["00000000", "00000001"]);
    assert_eq!(first["result_info"]["total_count"], 30);
    assert_eq!(first["result_info"]["total_pages"], 2);
    assert_eq!(ids(&get(&mut api, "?page=2")).len(), 5);
    assert_eq!(ids(&get(&mut api, "?page=3")).len(), 0);
    assert_eq!(
        ids(&get(&mut api, "?env=production&per_page=2")),
        ["00000001", "00000003"]
    );
    for bad in ["?per_page=26", "?page=0", "?page=x"] {
        let answer = reply(&mut api, &request("GET", bad));
        assert_eq!((answer.status, code(&answer.value())), (400, 8_000_024));
    }
}

#[test]
fn a_lag_hides_a_new_deployment_for_a_while() {
    let mut api = Api::new()
        .deployment(Deployment::failed("4f1c2a9e"))
        .deployment(Deployment::running("11111111", Life::success()).appears_at(secs(60)))
        .list_lag(secs(10))
        .get_lag(secs(3));
    reply(
        &mut api,
        &request("POST", &format!("/{}/retry", full_id("4f1c2a9e"))),
    );
    let new = format!("/{}", full_id("9a8b7c6d"));
    assert_eq!(code(&get(&mut api, &new)), 8_000_009);
    api.advance(secs(3));
    assert_eq!(get(&mut api, &new)["success"], true);
    assert_eq!(ids(&get(&mut api, "")), ["4f1c2a9e"]);
    api.advance(secs(7));
    assert_eq!(ids(&get(&mut api, "")), ["9a8b7c6d", "4f1c2a9e"]);
    api.set_now(secs(70));
    assert_eq!(
        ids(&get(&mut api, "")),
        ["11111111", "9a8b7c6d", "4f1c2a9e"]
    );
}

#[test]
fn others_can_push_at_the_post_and_supersede_or_delete() {
    let mut api = Api::new()
        .deployment(Deployment::failed("4f1c2a9e"))
        .push_at_the_post(Deployment::new("22222222", Life::success()))
        .retries_to(Life::superseded().deleted_after(secs(60)));
    reply(
        &mut api,
        &request("POST", &format!("/{}/retry", full_id("4f1c2a9e"))),
    );
    assert_eq!(
        ids(&get(&mut api, "")),
        ["9a8b7c6d", "22222222", "4f1c2a9e"]
    );
    api.advance(secs(4));
    assert_eq!(ids(&get(&mut api, ""))[0], "5ec0dde4");
    api.advance(secs(56));
    assert_eq!(
        code(&get(&mut api, &format!("/{}", full_id("9a8b7c6d")))),
        8_000_009
    );
}

#[test]
fn a_push_at_the_post_comes_even_when_the_post_is_lost() {
    let mut api = Api::new()
        .deployment(Deployment::failed("4f1c2a9e"))
        .push_at_the_post(Deployment::new("22222222", Life::success()))
        .fault(When::next(Route::Retry), Fault::Close);
    api.answer(&request("POST", &format!("/{}/retry", full_id("4f1c2a9e"))));
    assert_eq!(ids(&get(&mut api, "")), ["22222222", "4f1c2a9e"]);
    assert!(api.made().is_empty());
}

#[test]
fn a_wait_is_measured_from_the_response_that_requested_it() {
    let limited = Reply::rate_limited().retry_after(30);
    let mut api = Api::new().fault(When::nth(Route::List, 2), limited);
    for wait in [1, 30, 2] {
        api.answer(&request("GET", ""));
        api.advance(secs(wait));
    }
    assert_eq!(api.waits_after(429), [secs(30)]);
}

#[test]
fn the_messages_of_a_success_are_those_of_the_script() {
    let mut api = Api::new().message("Pages is busy".into());
    assert_eq!(get(&mut api, "")["messages"][0], "Pages is busy");
}

#[test]
fn the_log_grows_with_the_build_and_its_total_may_be_wrong() {
    let life = Life::fails_in("build").log_total(9).log_page(2);
    let mut api = Api::new().deployment(Deployment::running("4f1c2a9e", life));
    let path = format!("/{}/history/logs", full_id("4f1c2a9e"));
    let lines = |log: &Value| log["result"]["data"].as_array().unwrap().len();
    assert_eq!(lines(&get(&mut api, &path)), 0);
    api.advance(secs(200));
    let log = get(&mut api, &path);
    assert_eq!((lines(&log), &log["result"]["total"]), (2, &9.into()));
    assert_eq!(
        log["result"]["data"][0]["ts"],
        "2026-03-02T10:00:02.4123500Z"
    );
    let log = get(&mut api, &format!("{path}?size=10000000"));
    let last = &log["result"]["data"][lines(&log) - 1]["line"];
    assert_eq!(last, "Failed: build command exited with code: 1");
}

#[test]
fn a_bad_path_or_credential_is_rejected_as_by_the_api() {
    let mut api = Api::new();
    let mut check = |request: &Request, expected| {
        let answer = reply(&mut api, request);
        assert_eq!((answer.status, code(&answer.value())), expected);
    };
    let bearer = |token: &str| Request::new("GET", PATH).with_header("Authorization", token);
    check(&Request::new("GET", PATH), (400, 9106));
    check(&bearer("Bearer another"), (403, 10000));
    check(&bearer("another"), (400, 6003));
    let moved = |from, to| Request {
        path: PATH.replace(from, to),
        ..request("GET", "")
    };
    check(&moved(ACCOUNT, "0"), (404, 7003));
    check(&moved("/site/", "/other/"), (404, 8_000_007));
    check(&moved("/client/v4", ""), (404, 7003));
    check(&request("GET", "/4f1c2a9e"), (404, 8_000_009));
    check(&request("DELETE", "/4f1c2a9e"), (405, 10405));
}

#[test]
fn a_fault_affects_the_requests_it_was_scripted_for() {
    let mut api = Api::new()
        .clock(Clock::PerRequest(secs(5)))
        .deployment(Deployment::failed("4f1c2a9e"))
        .fault(
            When::nth(Route::List, 2).times(2),
            Reply::text(503, "upstream"),
        )
        .fault(When::nth(Route::List, 3), Fault::Reset)
        .fault(When::any().during(secs(30)..secs(40)), Fault::Stall)
        .fault(
            When::next(Route::Get).after_post().in_stage("build"),
            Fault::Truncate,
        )
        .fault(When::next(Route::Retry), Fault::Close)
        .fault(When::next(Route::Retry).made(), Reply::html(502, "<html>"))
        .fault(When::next(Route::Get).at_end(), Fault::Huge { bytes: 9 });
    let list = request("GET", "");
    let statuses: Vec<_> = (0..5).map(|_| api.answer(&list).status()).collect();
    assert_eq!(statuses, [Some(200), Some(503), Some(503), None, Some(200)]);
    api.set_now(secs(35));
    assert!(matches!(api.answer(&list), Answer::Stall));
    api.set_now(secs(100));
    let retry = request("POST", &format!("/{}/retry", full_id("4f1c2a9e")));
    assert!(matches!(api.answer(&retry), Answer::Close));
    assert!(api.made().is_empty());
    assert_eq!(api.answer(&retry).status(), Some(502));
    assert_eq!(api.made().len(), 1);
    let new = request("GET", &format!("/{}", full_id("9a8b7c6d")));
    assert!(matches!(api.answer(&new), Answer::Http(_)));
    api.advance(secs(30));
    assert!(matches!(api.answer(&new), Answer::Truncated(_)));
    assert!(matches!(api.answer(&new), Answer::Http(_)));
    api.advance(secs(60));
    assert!(matches!(api.answer(&new), Answer::Huge(_, 9, _)));
    assert_eq!(api.left_over(), [""; 0]);
}

#[test]
#[should_panic(expected = "scripted, but has not happened")]
fn a_fault_that_never_happened_fails_the_test() {
    drop(Api::new().fault(When::next(Route::Get), Fault::Reset));
}

#[test]
#[should_panic(expected = "1 requests Retry, not 0")]
fn a_request_that_was_never_sent_fails_the_test() {
    drop(Fake::start(Api::new().expect(Route::Retry, 1)));
}

#[test]
fn every_response_has_the_headers_of_the_edge() {
    let mut api = Api::new()
        .date_skew(-60)
        .header("x-extra", "1")
        .ratelimit(2, secs(60))
        .fault(
            When::next(Route::List),
            Reply::rate_limited().retry_after_date(secs(90)),
        );
    let first = reply(&mut api, &request("GET", ""));
    let of = |reply: &Reply, name: &str| {
        let found = reply.headers.iter().find(|(it, _)| it == name);
        found.map(|(_, value)| value.clone()).unwrap()
    };
    assert_eq!(START.timestamp(), 1_772_445_600);
    assert_eq!(of(&first, "date"), "Mon, 02 Mar 2026 09:59:00 GMT");
    assert_eq!(of(&first, "retry-after"), "Mon, 02 Mar 2026 10:00:30 GMT");
    assert_eq!(of(&first, "x-extra"), "1");
    assert_eq!(of(&first, "ratelimit"), "\"default\";r=1;t=60");
    api.advance(secs(59));
    assert_eq!(reply(&mut api, &request("GET", "")).status, 200);
    let third = reply(&mut api, &request("GET", ""));
    assert_eq!((third.status, &*of(&third, "retry-after")), (429, "1"));
    api.advance(secs(1));
    assert_eq!(reply(&mut api, &request("GET", "")).status, 200);
}

/// Sends a request over a new socket and reads the response until the end.
fn ask(fake: &Fake) -> (String, Option<ErrorKind>) {
    let mut stream = TcpStream::connect(fake.address()).unwrap();
    stream.set_read_timeout(Some(secs(1) / 5)).unwrap();
    write!(
        stream,
        "GET {PATH} HTTP/1.1\r\nhost: fake\r\nconnection: close\r\n"
    )
    .unwrap();
    write!(stream, "authorization: Bearer {TOKEN}\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let end = stream.read_to_end(&mut answer).err().map(|it| it.kind());
    (String::from_utf8(answer).unwrap(), end)
}

#[test]
fn each_fault_reaches_the_socket() {
    let list = || When::next(Route::List);
    let fake = Fake::start(
        Api::new()
            .fault(list(), Fault::Reset)
            .fault(list(), Fault::Close)
            .fault(list(), Fault::Stall)
            .fault(list(), Fault::StallMidBody)
            .fault(list(), Fault::Truncate)
            .fault(list(), Fault::Huge { bytes: 3 << 20 }),
    );
    assert_eq!(
        ask(&fake),
        (String::new(), Some(ErrorKind::ConnectionReset))
    );
    assert_eq!(ask(&fake), (String::new(), None));
    assert_eq!(ask(&fake), (String::new(), Some(ErrorKind::WouldBlock)));
    for expected in [Some(ErrorKind::WouldBlock), None] {
        let (answer, end) = ask(&fake);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"));
        assert!(!body.is_empty());
        assert!(!head.contains(&format!("content-length: {}\r\n", body.len())));
        assert_eq!(end, expected);
    }
    let (answer, end) = ask(&fake);
    assert!(answer.contains("transfer-encoding: chunked\r\n"));
    assert!((3 << 20) < answer.len() && end.is_none());
    let records = fake.records();
    assert_eq!(records[5].taken.bytes(), 3 << 20);
    let (answer, end) = ask(&fake);
    assert!(answer.ends_with("\"success\":true}"), "{answer}");
    assert_eq!(end, None);
    assert_eq!(fake.connections(), 7);
    assert_eq!(fake.gaps().len(), 6);
}

#[test]
fn a_client_that_leaves_a_huge_body_does_not_get_it() {
    const BYTES: u64 = 1 << 32;
    let huge = Fault::Huge { bytes: BYTES };
    let fake = Fake::start(Api::new().fault(When::next(Route::List), huge));
    let mut stream = TcpStream::connect(fake.address()).unwrap();
    write!(stream, "GET {PATH} HTTP/1.1\r\nhost: fake\r\n\r\n").unwrap();
    stream.read_exact(&mut [0; 4096]).unwrap();
    drop(stream);
    assert!(fake.records()[0].taken.bytes() < BYTES / 10);
}

#[test]
fn the_fake_supports_tls_for_clients_that_trust_its_authority() {
    let authority = Authority::create();
    let listen = Listen::default().ipv6().tls(authority.server());
    let fake = Fake::listen(Api::new().expect(Route::List, 1), listen);
    assert!(fake.url().starts_with("https://[::1]:"));
    let _ = rustls::crypto::ring::default_provider().install_default();
    let trusted = reqwest::Certificate::from_pem(authority.pem().as_bytes()).unwrap();
    let client = |builder: reqwest::ClientBuilder| builder.no_proxy().build().unwrap();
    let trusting = client(reqwest::Client::builder().tls_certs_only([trusted]));
    let other = Authority::create();
    let other = reqwest::Certificate::from_pem(other.pem().as_bytes()).unwrap();
    let doubting = client(reqwest::Client::builder().tls_certs_only([other]));
    let url = format!("https://{}{PATH}", fake.address());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let status = trusting
            .get(&url)
            .bearer_auth(TOKEN)
            .send()
            .await
            .unwrap()
            .status();
        assert_eq!(status, 200);
        assert!(doubting.get(&url).send().await.unwrap_err().is_connect());
    });
    assert_eq!((fake.connections(), fake.handshakes()), (2, 1));
}

#[test]
fn a_handshake_can_stall_and_a_tls_connection_be_reset() {
    let authority = Authority::create();
    let silent = Listen::default()
        .tls(authority.server())
        .stall_connections();
    let silent = Fake::listen(Api::new(), silent);
    assert_eq!(ask(&silent).1, Some(ErrorKind::WouldBlock));
    assert_eq!((silent.connections(), silent.handshakes()), (1, 0));

    let listen = Listen::default().tls(authority.server_with_tls12());
    let fake = Fake::listen(
        Api::new().fault(When::next(Route::List), Fault::Reset),
        listen,
    );
    let _ = rustls::crypto::ring::default_provider().install_default();
    let trusted = reqwest::Certificate::from_pem(authority.pem().as_bytes()).unwrap();
    let client = reqwest::Client::builder().no_proxy();
    let client = client.tls_certs_only([trusted]).build().unwrap();
    let url = format!("https://{}{PATH}", fake.address());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let error = runtime.block_on(client.get(&url).send()).unwrap_err();
    assert!(
        format!("{error:?}").contains("ConnectionReset"),
        "{error:?}"
    );
    assert_eq!(fake.handshakes(), 1);
}

#[test]
fn a_late_response_is_the_regular_one() {
    let late = Fault::Late(Duration::from_millis(20));
    let fake = Fake::start(Api::new().fault(When::next(Route::List), late));
    let started = tokio::time::Instant::now();
    assert!(ask(&fake).0.starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(Duration::from_millis(20) <= started.elapsed());
}

#[test]
fn a_clock_by_requests_advances_one_step_after_each() {
    let mut api = Api::new().clock(Clock::PerRequest(secs(5)));
    for _ in 0..3 {
        api.answer(&request("GET", ""));
    }
    let times: Vec<_> = api.records().iter().map(|it| it.at).collect();
    assert_eq!(times, [0, 5, 10].map(secs));
}

#[test]
fn a_real_clock_runs_as_many_times_as_fast() {
    let mut api = Api::new().clock(Clock::Real { speed: 8.0 });
    api.real_time(secs(2));
    assert_eq!(api.now(), secs(16));
}
