//! Corrupted external input: reads each file of `tests/corpus` and hundreds of random
//! mutations of it, and checks the invariants of every result.

#![expect(clippy::unwrap_used, reason = "a test fails where it is wrong")]

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use pages_retry::cloudflare::Client;
use pages_retry::cloudflare::error::ClientError;
use pages_retry::cloudflare::transport::{Answer, Body, Request, SendError, Transport};
use pages_retry::config::{CiRun, ParsedInputs};
use pages_retry::env::Env;
use pages_retry::host::delivery::Delivery;
use pages_retry::host::outputs::Outputs;
use pages_retry::host::{LogFormat, detect_from_env};
use pages_retry::run::verdict::verdict;
use test_support::parsers::github::files;
use test_support::parsers::{azure, circleci, drone, gitlab, teamcity};

/// Always returns the same response.
struct Fixed {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// The rest of a body, which arrives in chunks of seven bytes.
struct Rest(Vec<u8>);

impl Transport for Fixed {
    type Body = Rest;

    async fn send(&self, _: &Request) -> Result<Answer<Rest>, SendError> {
        Ok(Answer {
            status: self.status,
            headers: self.headers.clone(),
            body: Rest(self.body.clone()),
        })
    }
}

impl Body for Rest {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, SendError> {
        let rest = self.0.split_off(self.0.len().min(7));
        let chunk = std::mem::replace(&mut self.0, rest);
        Ok((!chunk.is_empty()).then_some(chunk))
    }
}

/// Mutates a file: inserts, removes or replaces bytes at random positions.
fn bent(seed: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let places = seed.len() + 1;
    let bend = (0..places, 0..4_usize, any::<Vec<u8>>());
    prop::collection::vec(bend, 0..4).prop_map(move |bends| {
        let mut bytes = seed.clone();
        for (at, taken, put) in bends {
            let at = at.min(bytes.len());
            let end = (at + taken).min(bytes.len());
            bytes.splice(at..end, put.into_iter().take(8));
        }
        bytes
    })
}

/// Calls `promise` with each file of a part of the corpus, unchanged and mutated.
fn each(part: &str, promise: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/corpus")
        .join(part);
    let mut files = 0;
    for file in fs::read_dir(folder).unwrap() {
        let seed = fs::read(file.unwrap().path()).unwrap();
        promise(&seed);
        let config = ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::default()
        };
        let mut runner = TestRunner::new(config);
        let run = runner.run(&bent(seed), |bytes| {
            promise(&bytes);
            Ok(())
        });
        run.unwrap();
        files += 1;
    }
    assert!(0 < files, "there is no corpus of {part}");
}

fn ask<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(future)
}

/// Asserts that an error is a single line, whatever the body was, and that its
/// classification is consistent.
fn assert_error(error: &ClientError) {
    let text = error.to_string();
    assert!(!text.contains(char::is_control), "{text:?}");
    assert!(text.len() < 2_000, "{} bytes", text.len());
    assert!(
        !(error.rejects_deployment() && error.is_transient()),
        "{text}"
    );
}

#[test]
fn any_response_is_a_result_or_an_error() {
    for status in [200, 404, 429, 500] {
        each("answer", |body| {
            let transport = Fixed {
                status,
                headers: HeaderMap::new(),
                body: body.to_vec(),
            };
            let client = Client::new(transport, "account", "site");
            match ask(client.deployment("id")).result {
                Ok(deployment) => {
                    assert_eq!(status, 200);
                    assert!(!deployment.id.trim().is_empty());
                    let _ = verdict(&deployment);
                }
                Err(error) => assert_error(&error),
            }
            match ask(client.deployments(None, 1)).result {
                Ok(page) => assert!(page.deployments.iter().all(|it| !it.id.is_empty())),
                Err(error) => assert_error(&error),
            }
        });
    }
}

#[test]
fn any_log_is_lines_or_an_error() {
    each("log", |body| {
        let transport = Fixed {
            status: 200,
            headers: HeaderMap::new(),
            body: body.to_vec(),
        };
        let client = Client::new(transport, "account", "site");
        let mut shown = 0;
        let result = ask(client.log("id", 1, &mut |_| shown += 1)).result;
        match result {
            Ok(met) => assert_eq!(shown, met.saturating_sub(1)),
            Err(error) => assert_error(&error),
        }
    });
}

#[test]
fn any_headers_are_a_rate_limit_or_none() {
    each("headers", |bytes| {
        let mut headers = HeaderMap::new();
        for line in bytes.split(|it| *it == b'\n') {
            let Some(at) = line.iter().position(|it| *it == b':') else {
                continue;
            };
            let name = HeaderName::from_bytes(&line[..at]);
            let value = HeaderValue::from_bytes(line[at + 1..].trim_ascii());
            if let (Ok(name), Ok(value)) = (name, value) {
                headers.append(name, value);
            }
        }
        let transport = Fixed {
            status: 429,
            headers,
            body: Vec::new(),
        };
        let client = Client::new(transport, "account", "site");
        let exchange = ask(client.deployment("id"));
        assert!(exchange.result.is_err_and(|it| it.is_rate_limit()));
    });
}

/// The secret of the corpus.
const SECRET: &str = "hush-hush-hush";

#[test]
fn any_inputs_are_a_configuration_or_problems_without_a_secret() {
    each("input", |bytes| {
        let lines = bytes.split(|it| *it == b'\n');
        let vars = lines.filter_map(|line| {
            let text = String::from_utf8_lossy(line).replace('\0', "");
            let (name, value) = text.split_once('=')?;
            Some((format!("INPUT_{name}"), value.to_owned()))
        });
        let vars: Vec<_> = vars.collect();
        let is_token = |name: &str| name == "INPUT_API_TOKEN";
        let is_spilled =
            |(name, value): &(String, String)| !is_token(name) && value.contains(SECRET);
        let is_kept = !vars.iter().any(is_spilled);
        let vars = vars
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()));
        match ParsedInputs::from_env(&Env::from_os(vars), &["INPUT_"], &CiRun::UNKNOWN).config {
            Ok(config) => {
                let seconds = config.options.timeout.as_secs();
                assert!((1..=30 * 24 * 3600).contains(&seconds));
                assert!(
                    config
                        .options
                        .poll_interval
                        .is_none_or(|it| 1 <= it.as_secs())
                );
                assert!(1 <= config.options.max_attempts);
                assert!(!format!("{config:?}").contains(SECRET));
            }
            Err(problems) => {
                assert!(!problems.is_empty());
                for problem in &problems {
                    assert!(!is_kept || !problem.contains(SECRET), "{problem}");
                    assert!(problem.starts_with("input `"), "{problem}");
                }
            }
        }
    });
}

/// Exports the outputs for the host `name`, and reads them back by its rules.
fn read_back(name: &str, outputs: &Outputs) -> Vec<(String, String)> {
    let vars = Env::from_os(
        [
            ("GITHUB_OUTPUT", "x"),
            ("BASH_ENV", "x"),
            ("DRONE_OUTPUT", "x"),
            ("BUILDER_OUTPUT", "x"),
            ("BITBUCKET_PIPELINES_VARIABLES_PATH", "x"),
        ]
        .map(|(name, value)| (name.into(), value.into())),
    );
    let handed = LogFormat::parse(name)
        .unwrap()
        .host(detect_from_env(&vars))
        .export(&vars, outputs, "0123456789abcdef");
    let mut deliveries = handed.deliveries.into_iter();
    let text = match deliveries.next() {
        Some(Delivery::Append { text, .. } | Delivery::Replace { text, .. }) => text,
        Some(Delivery::Print(lines)) => lines.iter().flat_map(|it| [it, "\n"]).collect(),
        Some(Delivery::Run { .. }) | None => panic!("{name} writes or prints"),
    };
    assert_eq!(deliveries.next(), None);
    match name {
        "github" | "gitea" => {
            let file = files::outputs(&text);
            assert_eq!(file.error, None);
            file.records
        }
        "gitlab" => gitlab::dotenv(&text).unwrap(),
        "azure" => azure::output_variables(&text),
        "circleci" => circleci::bash_env(&text).unwrap(),
        "teamcity" => {
            let messages = teamcity::read(&text).into_iter();
            let pairs = messages.map(|it| {
                let get = |key| it.get(key).unwrap().to_owned();
                (get("name").replace("env.", ""), get("value"))
            });
            pairs.collect()
        }
        _ => drone::output_file(&text).unwrap(),
    }
}

const FILES: [&str; 9] = [
    "github",
    "gitea",
    "gitlab",
    "azure",
    "teamcity",
    "circleci",
    "bitbucket",
    "drone",
    "cloudbuild",
];

proptest! {
    /// A host reads back the outputs unchanged and nothing else; only whole outputs may
    /// be missing.
    #[test]
    fn any_outputs_arrive_as_they_are_or_not_at_all(
        branch in "[ -~à-ÿ\u{2000}日本]{0,40}", url in "[ -~]{0,40}", reason in "[a-z$'\"\\\\ %;|\\]\\[=\n\r#:]{0,30}",
    ) {
        let values = [("status", "failure".to_owned()), ("url", url), ("branch", branch), ("skip_reason", reason)];
        let outputs = Outputs(values.to_vec());
        for name in FILES {
            let read = read_back(name, &outputs);
            let known = |(name, value): &(String, String)| {
                let name = name.trim_start_matches("PAGES_RETRY_").to_lowercase();
                let given = values.iter().find(|(it, _)| *it == name);
                // On GitHub a line break becomes a space.
                given.is_some_and(|(_, it)| it.replace(char::is_control, " ") == *value)
            };
            let strange = read.iter().find(|it| !known(it));
            prop_assert_eq!(strange, None, "{}", name);
            prop_assert!(read.iter().any(|(it, _)| it.eq_ignore_ascii_case("status") || it == "PAGES_RETRY_STATUS"));
            let mut names: Vec<_> = read.iter().map(|(it, _)| it).collect();
            names.sort();
            names.dedup();
            prop_assert_eq!(names.len(), read.len());
        }
    }
}
