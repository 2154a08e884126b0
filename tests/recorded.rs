//! Replays responses in the shapes of the live API: the examples below, and
//! recorded ones from the folder in `PAGES_CAPTURES`, if there is one.

#![expect(clippy::unwrap_used, reason = "a test fails where it is wrong")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use pages_retry::cloudflare::Client;
use pages_retry::cloudflare::deployment::{Deployment, Stage};
use pages_retry::cloudflare::transport::{Answer, Body, Request, SendError, Transport};
use pages_retry::run::outcome::Outcome;
use pages_retry::run::verdict::verdict;

/// Always gives the same response.
struct Recorded {
    status: u16,
    body: Vec<u8>,
}

/// A body that arrives in one piece.
struct Whole(Option<Vec<u8>>);

impl Transport for Recorded {
    type Body = Whole;

    async fn send(&self, _: &Request) -> Result<Answer<Whole>, SendError> {
        Ok(Answer {
            status: self.status,
            headers: reqwest::header::HeaderMap::new(),
            body: Whole(Some(self.body.clone())),
        })
    }
}

impl Body for Whole {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, SendError> {
        Ok(self.0.take())
    }
}

fn client(status: u16, body: Vec<u8>) -> Client<Recorded> {
    Client::new(Recorded { status, body }, "account", "site")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let nested = |it: PathBuf| if it.is_dir() { files(&it) } else { vec![it] };
    entries.flat_map(nested).collect()
}

/// The status at the start of the file name. If it starts with an error code instead,
/// the status is 400, with which only the code counts.
fn status(name: &str) -> u16 {
    let status = name.split(['.', '-']).next().and_then(|it| it.parse().ok());
    status.filter(|it| *it < 600).unwrap_or(400)
}

/// Made up, in the shapes that were recorded.
const EXAMPLES: &[(&str, &str)] = &[
    (
        "errors/429.json",
        r#"{"success":false,"errors":[{"code":10000,"message":"Slow down"}],"result":null}"#,
    ),
    ("errors/503.txt", "upstream connect error"),
    (
        "errors/8000000.json",
        r#"{"success":false,"errors":[{"code":8000000,"message":"Unknown"}],"result":null}"#,
    ),
    (
        "errors/8000009.json",
        r#"{"success":false,"errors":[{"code":8000009,"message":"Not there. "}],"result":{}}"#,
    ),
    (
        "errors/8000007.json",
        r#"{"errors":[{"code":8000007,"message":"No such project \ud83d"}]}"#,
    ),
    (
        "errors/403.json",
        r#"{"code":10000,"error":"Authentication error"}"#,
    ),
    (
        "deployment.success.json",
        r#"{"id":"0f1e2d3c-1","created_on":"2026-01-02T03:04:05.1234567Z","source":{},
            "latest_stage":{"name":"deploy","status":"success"},"stages":[
            {"name":"queued","status":"active"},{"name":"initialize","status":"success"},
            {"name":"clone_repo","status":"success"},{"name":"build","status":"success"},
            {"name":"deploy","status":"success"}]}"#,
    ),
    (
        "deployment.failure.json",
        r#"{"id":"0f1e2d3c-2","created_on":"2026-01-02T03:04:05Z","source":{},
            "is_skipped":null,"latest_stage":{"name":"build","status":"failure"},"stages":[
            {"name":"queued","status":"success"},{"name":"initialize","status":"success"},
            {"name":"clone_repo","status":"success"},{"name":"build","status":"failure"},
            {"name":"deploy","status":"idle","started_on":null,"ended_on":null}]}"#,
    ),
    (
        "retry.skipped.json",
        r#"{"success":true,"errors":[],"messages":[],"result":{"id":"0f1e2d3c-3",
            "is_skipped":true,"skip_reason":"path_config",
            "latest_stage":{"name":"queued","status":"idle"}}}"#,
    ),
    (
        "history-logs.json",
        r#"{"total":9,"includes_container_logs":true,"data":[
            {"ts":"2026-01-02T03:04:05.1234567Z","line":"one"},{"ts":"","line":""}]}"#,
    ),
    (
        "stages.json",
        r#"[{"name":"queued","status":"active","started_on":null,"ended_on":null}]"#,
    ),
    (
        "latest_stage.json",
        r#"{"latest_stage":{"name":"queued","started_on":null,"status":"idle"}}"#,
    ),
];

#[tokio::test]
async fn each_shape_is_understood() {
    for (name, body) in EXAMPLES {
        let is_replayed = replay(Path::new(name), body.as_bytes().to_vec()).await;
        assert!(is_replayed, "no check knows the name {name}");
    }
}

#[tokio::test]
async fn recorded_responses_are_understood() {
    #[expect(
        clippy::disallowed_methods,
        reason = "the variable names the folder of the recordings"
    )]
    let Some(folder) = std::env::var_os("PAGES_CAPTURES") else {
        return;
    };
    let mut replayed = 0;
    for path in files(Path::new(&folder)) {
        let bytes = fs::read(&path).unwrap();
        replayed += usize::from(replay(&path, bytes).await);
    }
    assert!(0 < replayed, "nothing to replay in {}", folder.display());
}

/// Checks one response by its name; false if no check knows the name.
async fn replay(path: &Path, bytes: Vec<u8>) -> bool {
    let (shown, name) = (path.display(), path.file_name().unwrap());
    let name = name.to_str().unwrap();
    if path.parent().unwrap().ends_with("errors") {
        if name.starts_with("token-verify") {
            return false;
        }
        let client = client(status(name), bytes);
        let error = client.deployment("id").await.result.expect_err("an error");
        let is_rate_limit = name.starts_with("429");
        assert_eq!(error.is_rate_limit(), is_rate_limit, "{shown}: {error}");
        let is_transient = is_rate_limit || name.starts_with("503") || name.starts_with("8000000");
        assert_eq!(error.is_transient(), is_transient, "{shown}: {error}");
        let is_gone = name.starts_with("8000009");
        assert_eq!(error.is_no_such_deployment(), is_gone, "{shown}");
    } else if name.starts_with("deployment.") {
        let deployment: Deployment = serde_json::from_slice(&bytes).unwrap();
        let verdict = verdict(&deployment);
        match name {
            it if it.contains("success") => assert_eq!(verdict, Some(Outcome::Deployed)),
            it if it.contains("failure") => {
                assert!(matches!(verdict, Some(Outcome::Failed { .. })), "{shown}");
            }
            _ => assert_eq!(verdict, None, "{shown}"),
        }
        assert_eq!(deployment.stages.len(), 5, "{shown}");
        assert!(deployment.created_on.is_some() && !deployment.is_direct_upload());
    } else if name.starts_with("retry.") {
        let client = client(200, bytes);
        let deployment = client.retry("id").await.result.unwrap();
        assert!(matches!(
            verdict(&deployment),
            Some(Outcome::Skipped { .. })
        ));
    } else if name.starts_with("history-logs") {
        let log: Value = serde_json::from_slice(&bytes).unwrap();
        let mut lines = 0;
        let mut count = |_: &str| lines += 1;
        let body = serde_json::json!({ "success": true, "result": log });
        let client = client(200, body.to_string().into_bytes());
        let exchange = client.log("id", 0, &mut count).await;
        let total = log["data"].as_array().map(Vec::len);
        assert_eq!(exchange.result.ok(), total, "{shown}");
        assert_eq!(Some(lines), total, "{shown}");
    } else if name.starts_with("stages.") {
        let stages: Vec<Stage> = serde_json::from_slice(&bytes).unwrap();
        assert!(!stages.is_empty(), "{shown}");
    } else if name.starts_with("latest_stage.") {
        let value: Value = serde_json::from_slice(&bytes).unwrap();
        let stage: Stage = serde_json::from_value(value["latest_stage"].clone()).unwrap();
        assert!(stage.started_on.is_none(), "{shown}");
    } else {
        return false;
    }
    true
}
