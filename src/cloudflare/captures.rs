//! Replays recorded answers of the live API, from the folder that
//! `PAGES_CAPTURES` names. Without it there is nothing to replay.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::deployment::{Deployment, Stage};
use super::envelope::Envelope;
use super::error::ClientError;
use super::log::LogReader;
use super::transport::{Answer, Body, SendError};
use crate::retry::outcome::Outcome;
use crate::retry::watch::verdict;

/// A body that is all there.
struct Whole(Option<Vec<u8>>);

impl Body for Whole {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, SendError> {
        Ok(self.0.take())
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let nested = |it: PathBuf| if it.is_dir() { files(&it) } else { vec![it] };
    entries.flat_map(nested).collect()
}

async fn refused(path: &Path, bytes: Vec<u8>) -> ClientError {
    let name = path.file_name().unwrap().to_str().unwrap();
    let status = name.split(['.', '-']).next().and_then(|it| it.parse().ok());
    let answer = Answer {
        // The other files are named by their code: under 400 only that counts.
        status: status.filter(|it| *it < 600).unwrap_or(400),
        headers: reqwest::header::HeaderMap::new(),
        body: Whole(Some(bytes)),
    };
    let read = super::read::<Deployment, _>(answer).await;
    read.expect_err("an error holds no deployment")
}

#[tokio::test]
async fn recorded_answers_are_understood() {
    #[expect(clippy::disallowed_methods, reason = "a test asks where its data is")]
    let Some(folder) = std::env::var_os("PAGES_CAPTURES") else {
        return;
    };
    let mut replayed = 0;
    for path in files(Path::new(&folder)) {
        let bytes = fs::read(&path).unwrap();
        let (shown, name) = (path.display(), path.file_name().unwrap());
        let name = name.to_str().unwrap();
        if path.parent().unwrap().ends_with("errors") {
            if name.starts_with("token-verify") {
                continue;
            }
            let error = refused(&path, bytes).await;
            let is_rate_limit = name.starts_with("429");
            assert_eq!(error.is_rate_limit(), is_rate_limit, "{shown}: {error}");
            let may_pass = is_rate_limit || name.starts_with("503") || name.starts_with("8000000");
            assert_eq!(error.is_transient(), may_pass, "{shown}: {error}");
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
            let envelope = Envelope::read(&bytes).unwrap();
            let deployment: Deployment = serde_json::from_value(envelope.result).unwrap();
            assert!(matches!(
                verdict(&deployment),
                Some(Outcome::Skipped { .. })
            ));
        } else if name.starts_with("history-logs") {
            let log: Value = serde_json::from_slice(&bytes).unwrap();
            let mut lines = 0;
            let mut count = |_: &str| lines += 1;
            let mut reader = LogReader::new(0, &mut count);
            reader.push(serde_json::json!({ "result": log }).to_string().as_bytes());
            let total = log["data"].as_array().map(Vec::len);
            assert_eq!(reader.lines(), total, "{shown}");
            assert_eq!(Some(lines), total, "{shown}");
        } else if name.starts_with("stages.") {
            let stages: Vec<Stage> = serde_json::from_slice(&bytes).unwrap();
            assert!(!stages.is_empty(), "{shown}");
        } else if name.starts_with("latest_stage.") {
            let value: Value = serde_json::from_slice(&bytes).unwrap();
            let stage: Stage = serde_json::from_value(value["latest_stage"].clone()).unwrap();
            assert!(stage.started_on.is_none(), "{shown}");
        } else {
            continue;
        }
        replayed += 1;
    }
    assert!(0 < replayed, "nothing to replay in {}", folder.display());
}
