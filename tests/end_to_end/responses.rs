//! Responses that are not as documented: text that no JSON writer would write,
//! lists in pages of any size, 5xx responses in the API's own words, logs that
//! are none.

use std::time::Duration;

use serde_json::json;

use crate::step::{Done, ORIGINAL, Step};
use test_support::fake::{Api, Clock, Deployment, Fake, Life, Reply, Route, When};

const HOUR: Duration = Duration::from_hours(1);
const OUT_OF_MEMORY: &str = "JavaScript heap out of memory";

fn api() -> Api {
    Api::new().clock(Clock::PerRequest(Duration::from_secs(20)))
}

fn failing(log: &[&str]) -> Life {
    let at = Duration::from_secs(12);
    Life::fails_in("build").log(log.iter().map(|it| (at, (*it).to_owned())))
}

/// A run whose build log has these lines.
fn build(log: &[&str]) -> Done {
    let original = Deployment::failed(ORIGINAL);
    let fake = Fake::start(api().deployment(original).retries_to(failing(log)));
    Step::new(&fake).run()
}

#[track_caller]
fn assert_why_memory(done: &Done) {
    done.ends(1, "status=failure");
    let why = "Why: the build ran out of memory\n";
    assert!(done.log.contains(why), "{}", done.log);
}

#[test]
fn no_byte_makes_a_response_or_a_log_unreadable() {
    let cases: [&[u8]; 7] = [
        br"\ud83d",
        br"\ude00\ud83d",
        b"\xe9",
        b"\xf0\x9f\x98",
        b"\0\x1b\x01",
        br"\x",
        br"\u12",
    ];
    for bytes in cases {
        let other = Deployment::succeeded("0ddba11a").preview("docs");
        let api = api()
            .deployment(other.message("Fix GARBLED").ago(2 * HOUR))
            .deployment(Deployment::failed(ORIGINAL).message("GARBLED"))
            .retries_to(failing(&["caf GARBLED", OUT_OF_MEMORY]))
            .message(json!("slow GARBLED today"))
            .raw("GARBLED", bytes);
        let fake = Fake::start(api);
        let done = Step::new(&fake).with("deployment_id", ORIGINAL).run();
        let shown = String::from_utf8_lossy(bytes);
        assert_why_memory(&done);
        assert_eq!(fake.count(Route::Retry), 1, "{shown}: {}", done.log);
        assert!(done.log.contains("  caf \u{fffd}"), "{shown}: {}", done.log);
    }
}

/// A failed target, a live deployment that is newer, and newer ones that
/// failed or belong to another branch.
fn history() -> Api {
    let ids = 0..12_u32;
    let api = api()
        .deployment(Deployment::failed(ORIGINAL).ago(40 * HOUR))
        .deployment(Deployment::succeeded("11fe11fe").ago(39 * HOUR));
    ids.fold(api, |api, n| {
        let failed = Deployment::failed(&format!("fa11ed{n:02x}"));
        let preview = Deployment::succeeded(&format!("9re71e{n:02x}")).preview("docs");
        let age = HOUR * (30 - n);
        api.deployment(failed.ago(age)).deployment(preview.ago(age))
    })
}

#[test]
fn a_newer_live_deployment_is_found_whatever_pages_the_list_has() {
    let cases = [
        ("short pages", history().max_rows(10)),
        ("very short pages", history().max_rows(3)),
        ("nothing said", history().max_rows(10).without_result_info()),
        ("filtered pages", history().filters_pages()),
        (
            "short filtered pages",
            history().max_rows(2).filters_pages(),
        ),
    ];
    for (name, api) in cases {
        let fake = Fake::start(api);
        let done = Step::new(&fake).run();
        assert_eq!(done.code, 2, "{name}: {}", done.log);
        assert_eq!(done.outputs["status"], "refused", "{name}: {}", done.log);
        assert!(done.log.contains("11fe11fe"), "{name}: {}", done.log);
        assert_eq!(fake.count(Route::Retry), 0, "{name}");
    }
}

#[test]
fn a_list_that_cannot_be_read_back_to_the_target_refuses_unless_older_is_allowed() {
    for (allow_older, status, posts) in [("false", "refused", 0), ("true", "triggered", 1)] {
        let fake = Fake::start(history().max_rows(10).only_the_first_page());
        let step = Step::new(&fake).with("allow_older", allow_older);
        let done = step.with("wait", "false").run();
        assert_eq!(done.outputs["status"], status, "{}", done.log);
        assert_eq!(fake.count(Route::Retry), posts, "{}", done.log);
    }
}

#[test]
fn a_5xx_to_the_post_is_ambiguous_whatever_code_it_carries() {
    for (status, code) in [
        (500, 10_000),
        (502, 1_000),
        (500, 10_429),
        (500, 971),
        (503, 8_000_009),
        (500, 8_000_007),
    ] {
        let api = api()
            .deployment(Deployment::failed(ORIGINAL))
            .retries_to(Life::success())
            .fault(
                When::next(Route::Retry).made(),
                Reply::error(status, code, "no"),
            );
        let fake = Fake::start(api);
        let done = Step::new(&fake).run();
        let case = format!("{status} with code {code}: {}", done.log);
        assert_eq!((done.code, fake.made().len()), (0, 1), "{case}");
        assert_eq!(fake.count(Route::Retry), 1, "{case}");
    }
}

#[test]
fn only_the_data_of_the_result_is_a_log() {
    let lines = json!([{"ts": "2026-03-02T10:00:00Z", "line": OUT_OF_MEMORY}]);
    let no_log = json!({"success": true, "messages": {"data": lines}});
    let api = api()
        .deployment(Deployment::failed(ORIGINAL))
        .retries_to(failing(&["nothing of note"]))
        .fault(When::next(Route::Logs), Reply::json(200, &no_log));
    let fake = Fake::start(api);
    let done = Step::new(&fake).run();
    assert!(!done.log.contains(OUT_OF_MEMORY), "{}", done.log);
    assert!(done.log.contains("nothing of note"), "{}", done.log);
}

#[test]
fn no_line_of_a_log_hides_what_comes_after_it() {
    let endless = "x".repeat(5 << 20);
    for before in [
        "Executing user command: npm run build\n",
        "Executing user command: npm run build\r\n",
        "\x1b]0;npm run build ",
        "\x1bP npm run build ",
        "\u{9d}npm run build ",
    ] {
        let done = build(&[&format!("{before}{OUT_OF_MEMORY}")]);
        assert_why_memory(&done);
    }
    let done = build(&[&endless, OUT_OF_MEMORY]);
    assert_why_memory(&done);
}
