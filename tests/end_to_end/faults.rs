//! An API that misbehaves: each fault at each moment of a run, with the built
//! binary. Only a real answer gives a verdict, and one retry makes one
//! deployment.

use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::step::{ORIGINAL, Step};
use test_support::fake::{Api, Clock, Deployment, Fake, Fault, Life, Reply, Route, When};

/// What a fault means, by the rules of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// It may pass, and does not tell whether a retry was taken.
    Passes,
    /// It passes, and a retry was not taken.
    NotTaken,
    /// It stays.
    Stays,
}

use Meaning::{NotTaken, Passes, Stays};

fn faults() -> Vec<(String, Fault, Meaning)> {
    let mut faults: Vec<(String, Fault, Meaning)> = vec![
        ("reset".into(), Fault::Reset, Passes),
        ("close".into(), Fault::Close, Passes),
        ("stall".into(), Fault::Stall, Passes),
        ("stall in mid body".into(), Fault::StallMidBody, Passes),
        ("truncated".into(), Fault::Truncate, Passes),
        ("huge".into(), Fault::Huge { bytes: 64 << 20 }, Passes),
    ];
    let mut reply = |name: &str, reply: Reply, meaning| {
        faults.push((name.to_owned(), reply.into(), meaning));
    };
    for status in [408, 425, 500, 502, 503, 504, 520, 524] {
        let page = Reply::html(status, "<html><h1>Bad gateway</h1></html>");
        reply(&format!("HTML under {status}"), page, Passes);
    }
    let text = "upstream connect error or disconnect/reset before headers";
    reply("text under 503", Reply::text(503, text), Passes);
    reply("HTML under 200", Reply::html(200, "<html>"), Passes);
    reply("HTML under 404", Reply::html(404, "<html>"), Passes);
    reply("empty under 200", Reply::empty(200), Passes);
    reply(
        "truncated JSON",
        Reply::text(200, "{\"result\": {\"id\": \"x"),
        Passes,
    );
    reply(
        "other JSON",
        Reply::json(200, &json!({"result": [1]})),
        Passes,
    );
    reply(
        "no success",
        Reply::json(200, &json!({"success": false})),
        Passes,
    );
    reply(
        "unknown error",
        Reply::error(500, 8_000_000, "unknown"),
        Passes,
    );
    reply("429", Reply::rate_limited().retry_after(2), NotTaken);
    reply(
        "429 with code 10000",
        Reply::error(429, 10_000, "wait").retry_after(1),
        NotTaken,
    );
    let elsewhere = Reply::text(302, "").header("location", "https://example.com/");
    reply("redirect", elsewhere, Stays);
    reply("challenge", Reply::challenge(), Stays);
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
        reply(&format!("{status} with code {code}"), error, Stays);
    }
    faults
}

#[derive(Clone, Copy, Debug)]
enum Moment {
    BeforeThePost,
    AtThePost,
    AtThePostThatWasTaken,
    AtTheFirstPoll,
    InMidBuild,
    AtTheLastPoll,
}

use Moment::{
    AtTheFirstPoll, AtTheLastPoll, AtThePost, AtThePostThatWasTaken, BeforeThePost, InMidBuild,
};

impl Moment {
    const ALL: [Self; 6] = [
        BeforeThePost,
        AtThePost,
        AtThePostThatWasTaken,
        AtTheFirstPoll,
        InMidBuild,
        AtTheLastPoll,
    ];

    fn when(self) -> When {
        match self {
            BeforeThePost => When::next(Route::Get).before_post(),
            AtThePost => When::next(Route::Retry),
            AtThePostThatWasTaken => When::next(Route::Retry).made(),
            AtTheFirstPoll => When::next(Route::Get).after_post(),
            InMidBuild => When::next(Route::Get).after_post().in_stage("build"),
            AtTheLastPoll => When::next(Route::Get).at_end(),
        }
    }
}

/// Status, exit code, requests to retry, and deployments made.
fn expected(moment: Moment, meaning: Meaning) -> (&'static str, i32, usize, usize) {
    match (meaning, moment) {
        (Stays, BeforeThePost) => ("error", 3, 0, 0),
        (Stays, AtThePost) => ("error", 3, 1, 0),
        (Stays, _) => ("error", 3, 1, 1),
        (Passes | NotTaken, AtThePost) => ("success", 0, 2, 1),
        (Passes | NotTaken, _) => ("success", 0, 1, 1),
    }
}

/// What is wrong with a run that met the fault, if anything.
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
        wrong += "a request went out while the API asked to stay away\n";
    }
    (!wrong.is_empty()).then_some(wrong)
}

#[test]
fn no_fault_at_any_moment_gives_a_false_verdict_or_a_second_deployment() {
    let mut cases = Vec::new();
    for (name, fault, meaning) in faults() {
        for moment in Moment::ALL {
            // What was not taken made nothing.
            let is_impossible = meaning == NotTaken && matches!(moment, AtThePostThatWasTaken);
            if !is_impossible {
                cases.push((name.clone(), fault.clone(), meaning, moment));
            }
        }
    }
    // Those that take longest first, since nearly all of it is waiting.
    cases.sort_by_key(|(name, ..)| name.starts_with("stall"));
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
