//! Runs the built binary against a faulty API, with each fault at each moment of a
//! run. Only a genuine response decides the outcome, and one retry creates one
//! deployment.

use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::step::{ORIGINAL, Step};
use test_support::fake::{Api, Clock, Deployment, Fake, Fault, Life, Reply, Route, When};

/// How the program must treat a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// Temporary, and does not show whether a POST was executed.
    Transient,
    /// Temporary, and proves that a POST was not executed.
    NotExecuted,
    /// A rejection that proves that a POST was not executed.
    Rejected,
    /// A rejection that may come from a gateway, after a POST was executed.
    RejectedByGateway,
}

use Meaning::{NotExecuted, Rejected, RejectedByGateway, Transient};

fn faults() -> Vec<(String, Fault, Meaning)> {
    let mut faults: Vec<(String, Fault, Meaning)> = vec![
        ("reset".into(), Fault::Reset, Transient),
        ("close".into(), Fault::Close, Transient),
        ("stall".into(), Fault::Stall, Transient),
        ("stall in mid body".into(), Fault::StallMidBody, Transient),
        ("truncated".into(), Fault::Truncate, Transient),
        ("huge".into(), Fault::Huge { bytes: 64 << 20 }, Transient),
    ];
    let mut reply = |name: &str, reply: Reply, meaning| {
        faults.push((name.to_owned(), reply.into(), meaning));
    };
    for status in [408, 425, 500, 502, 503, 504, 520, 524] {
        let page = Reply::html(status, "<html><h1>Bad gateway</h1></html>");
        reply(&format!("HTML under {status}"), page, Transient);
    }
    let text = "upstream connect error or disconnect/reset before headers";
    reply("text under 503", Reply::text(503, text), Transient);
    reply("HTML under 200", Reply::html(200, "<html>"), Transient);
    reply("HTML under 404", Reply::html(404, "<html>"), Transient);
    reply("empty under 200", Reply::empty(200), Transient);
    reply(
        "truncated JSON",
        Reply::text(200, "{\"result\": {\"id\": \"x"),
        Transient,
    );
    reply(
        "other JSON",
        Reply::json(200, &json!({"result": [1]})),
        Transient,
    );
    reply(
        "no success",
        Reply::json(200, &json!({"success": false})),
        Transient,
    );
    reply(
        "unknown error",
        Reply::error(500, 8_000_000, "unknown"),
        Transient,
    );
    reply("429", Reply::rate_limited().retry_after(2), NotExecuted);
    reply(
        "429 with code 10000",
        Reply::error(429, 10_000, "wait").retry_after(1),
        NotExecuted,
    );
    let elsewhere = Reply::text(302, "").header("location", "https://example.com/");
    reply("redirect", elsewhere, RejectedByGateway);
    reply("challenge", Reply::challenge(), RejectedByGateway);
    for (status, code) in [(500, 10_000), (502, 1_000)] {
        let error = Reply::error(status, code, "no");
        let name = format!("{status} with code {code}");
        reply(&name, error, RejectedByGateway);
    }
    let limit = Reply::error(500, 10_429, "no").retry_after(1);
    reply("500 with code 10429", limit, Transient);
    for (status, code) in [
        (401, 10_000),
        (403, 10_000),
        (400, 9_106),
        (403, 9_109),
        (400, 6_003),
        (404, 7_003),
        (404, 8_000_007),
        (403, 8_000_119),
        (400, 8_000_098),
    ] {
        let error = Reply::error(status, code, "no");
        reply(&format!("{status} with code {code}"), error, Rejected);
    }
    faults
}

#[derive(Clone, Copy, Debug)]
enum Moment {
    BeforeThePost,
    AtThePost,
    AtTheExecutedPost,
    AtTheFirstPoll,
    InMidBuild,
    AtTheLastPoll,
}

use Moment::{
    AtTheExecutedPost, AtTheFirstPoll, AtTheLastPoll, AtThePost, BeforeThePost, InMidBuild,
};

impl Moment {
    const ALL: [Self; 6] = [
        BeforeThePost,
        AtThePost,
        AtTheExecutedPost,
        AtTheFirstPoll,
        InMidBuild,
        AtTheLastPoll,
    ];

    fn when(self) -> When {
        match self {
            BeforeThePost => When::next(Route::Get).before_post(),
            AtThePost => When::next(Route::Retry),
            AtTheExecutedPost => When::next(Route::Retry).made(),
            AtTheFirstPoll => When::next(Route::Get).after_post(),
            InMidBuild => When::next(Route::Get).after_post().in_stage("build"),
            AtTheLastPoll => When::next(Route::Get).at_end(),
        }
    }
}

/// The expected status, exit code, number of POSTs, and number of new deployments.
fn expected(moment: Moment, meaning: Meaning) -> (&'static str, i32, usize, usize) {
    match (meaning, moment) {
        (Rejected | RejectedByGateway, BeforeThePost) => ("error", 3, 0, 0),
        (Rejected, AtThePost) => ("error", 3, 1, 0),
        (_, AtThePost) => ("success", 0, 2, 1),
        // A single rejection decides nothing once a deployment was seen.
        (_, _) => ("success", 0, 1, 1),
    }
}

/// Whether the list is read for a minute before the POST is sent again: a few
/// such cases are enough here, and the others are tested without real time.
fn takes_a_minute(name: &str, meaning: Meaning, moment: Moment) -> bool {
    let few = [
        "reset",
        "stall",
        "HTML under 524",
        "500 with code 10000",
        "challenge",
    ];
    matches!(moment, AtThePost)
        && matches!(meaning, Transient | RejectedByGateway)
        && !few.contains(&name)
}

/// Runs with the fault and describes what was wrong, if anything.
fn run(fault: Fault, moment: Moment, meaning: Meaning) -> Option<String> {
    let api = Api::new()
        .clock(Clock::PerRequest(Duration::from_secs(20)))
        .deployment(Deployment::failed(ORIGINAL))
        .retries_to(Life::success())
        .fault(moment.when(), fault);
    let fake = Fake::start(api);
    let done = Step::new(&fake).run();
    let status = done.outputs.get("status").map_or("", String::as_str);
    let made = fake.made().len();
    let found = (status, done.code, fake.count(Route::Retry), made);
    let expected = expected(moment, meaning);
    let mut wrong = String::new();
    if found != expected {
        wrong = format!("{found:?} instead of {expected:?}\n{}", done.log);
    }
    let asked = Duration::from_secs(1);
    if fake.waits_after(429).iter().any(|it| *it < asked) {
        wrong += "a request was sent before `Retry-After` had passed\n";
    }
    (!wrong.is_empty()).then_some(wrong)
}

#[test]
fn no_fault_at_any_moment_causes_a_wrong_outcome_or_a_second_deployment() {
    let mut cases = Vec::new();
    for (name, fault, meaning) in faults() {
        for moment in Moment::ALL {
            // A POST that was not executed creates nothing.
            let is_impossible =
                matches!(meaning, NotExecuted | Rejected) && matches!(moment, AtTheExecutedPost);
            if !is_impossible && !takes_a_minute(&name, meaning, moment) {
                cases.push((name.clone(), fault.clone(), meaning, moment));
            }
        }
    }
    // Start with the longest cases, since they spend nearly all of their time waiting.
    cases.sort_by_key(|(name, _, _, moment)| {
        name.starts_with("stall") || matches!(moment, AtThePost)
    });
    let cases = Mutex::new(cases);
    let wrong = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..48 {
            scope.spawn(|| {
                loop {
                    let case = cases.lock().unwrap().pop();
                    let Some((name, fault, meaning, moment)) = case else {
                        break;
                    };
                    if let Some(why) = run(fault, moment, meaning) {
                        let why = format!("{name}, {moment:?}: {why}");
                        wrong.lock().unwrap().push(why);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(
        wrong.is_empty(),
        "{} are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
