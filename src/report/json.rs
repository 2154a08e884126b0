//! The log for programs: one JSON object per event and line, as
//! `docs/json-log.md` describes it.
//!
//! Invariant: nothing else is written. External text is sanitized here, too: some
//! hosts run a command in the middle of a line.

use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::cloudflare::deployment::Deployment;
use crate::host::outputs::Outputs;
use crate::report::addresses::describe;
use crate::report::line::{advice, last_line};
use crate::run::event::Report;
use crate::run::event::{Event, StageEnd};
use crate::run::outcome::RunResult;
use crate::run::reachability::{AddressResult, Finding};
use crate::run::wording::subject;
use crate::text::secrets::Secrets;
use crate::text::{self, Colors};

/// Changes when a field changes its meaning or goes away; new events and new
/// fields are no change.
const SCHEMA: u32 = 1;

pub struct Json<W> {
    out: W,
    secrets: Secrets,
    shows_debug: bool,
}

#[derive(Serialize)]
struct Line {
    schema: u32,
    #[serde(flatten)]
    entry: Entry,
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Entry {
    Retrying {
        deployment: Introduced,
    },
    Awaiting {
        deployment: Introduced,
    },
    Triggered {
        deployment: Introduced,
    },
    StageStarted {
        stage: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        usual_seconds: Option<f64>,
    },
    StageFinished {
        stage: String,
        result: &'static str,
        seconds: f64,
    },
    StillRunning {
        what: String,
        seconds: f64,
    },
    Skipped {
        reason: String,
    },
    RequestFailed {
        reason: String,
        retry_in_seconds: f64,
    },
    Warning {
        message: String,
    },
    Notice {
        message: String,
    },
    BuildLog {
        attempt: u32,
        line: String,
    },
    Diagnosed {
        reason: String,
    },
    AttemptScheduled {
        attempt: u32,
        max_attempts: u32,
        in_seconds: f64,
    },
    Request {
        method: &'static str,
        route: String,
        status: Option<u16>,
        milliseconds: u64,
        cf_ray: Option<String>,
    },
    Finished {
        status: &'static str,
        exit_code: u8,
        message: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<&'static str>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        excerpt: Vec<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        addresses: Vec<Checked>,
        outputs: Value,
    },
}

/// An address of the reachability check.
#[derive(Serialize)]
struct Checked {
    url: String,
    reachable: &'static str,
    /// How long the problem lasted, or when the address was reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_response: Option<String>,
}

#[derive(Serialize)]
struct Introduced {
    id: String,
    short_id: String,
    url: String,
    environment: String,
    branch: String,
    commit_hash: String,
    commit_message: String,
}

impl<W: Write> Json<W> {
    pub fn new(out: W, secrets: &[String], shows_debug: bool) -> Self {
        Self {
            out,
            secrets: Secrets::new(secrets),
            shows_debug,
        }
    }

    /// The entries of an event: one, but for lines of a build log.
    fn entries(&self, event: &Event) -> Vec<Entry> {
        let text = |it: &str| self.text(it);
        vec![match event {
            Event::Retrying { original } => Entry::Retrying {
                deployment: self.describe(original),
            },
            Event::Awaiting { target, .. } => Entry::Awaiting {
                deployment: self.describe(target),
            },
            Event::Triggered { deployment, .. } => Entry::Triggered {
                deployment: self.describe(deployment),
            },
            Event::StageStarted { name, usually } => Entry::StageStarted {
                stage: text(&name.to_string()),
                usual_seconds: usually.map(seconds),
            },
            Event::StageFinished { name, end, took } => Entry::StageFinished {
                stage: text(&name.to_string()),
                result: match end {
                    StageEnd::Success => "success",
                    StageEnd::Failure => "failure",
                    StageEnd::Canceled => "canceled",
                    StageEnd::Unknown => "unknown",
                },
                seconds: seconds(*took),
            },
            Event::StillRunning { what, elapsed } => Entry::StillRunning {
                what: text(what),
                seconds: seconds(*elapsed),
            },
            Event::Skipped { reason } => Entry::Skipped {
                reason: text(reason),
            },
            Event::RequestFailed {
                reason, again_in, ..
            } => Entry::RequestFailed {
                reason: text(reason),
                retry_in_seconds: seconds(*again_in),
            },
            Event::Warned { message } => Entry::Warning {
                message: text(message),
            },
            Event::Noticed { message } => Entry::Notice {
                message: text(message),
            },
            Event::LogRead { attempt, lines, .. } => {
                let parts = lines.iter().flat_map(|it| text::lines(it));
                let entries = parts.map(|it| Entry::BuildLog {
                    attempt: *attempt,
                    line: text(it),
                });
                return entries.collect();
            }
            Event::Diagnosed { reason } => Entry::Diagnosed {
                reason: text(reason),
            },
            Event::AttemptScheduled {
                attempt,
                max_attempts,
                pause,
            } => Entry::AttemptScheduled {
                attempt: *attempt,
                max_attempts: *max_attempts,
                in_seconds: seconds(*pause),
            },
            Event::Requested(_) if !self.shows_debug => return Vec::new(),
            Event::Requested(requested) => Entry::Request {
                method: requested.method,
                route: text(&requested.route),
                status: requested.status,
                milliseconds: u64::try_from(requested.took.as_millis()).unwrap_or(u64::MAX),
                cf_ray: requested.cf_ray.as_deref().map(text),
            },
            Event::Finished(ending) => self.finished(ending),
        }]
    }

    fn finished(&self, ending: &RunResult) -> Entry {
        let (why, _, excerpt) = match ending.severity() {
            Some(_) => ending.explanation(),
            None => (None, None, &[][..]),
        };
        let hint = advice(ending).filter(|_| ending.severity().is_some());
        let reachability = ending.reachability.iter();
        let addresses = reachability.flat_map(|it| &it.addresses);
        let mut outputs = Outputs::new(ending).object();
        for value in outputs.values_mut() {
            if let Value::String(it) = value {
                *it = self.text(it);
            }
        }
        Entry::Finished {
            status: ending.outcome.status(),
            exit_code: ending.exit_code(),
            message: self.text(&last_line(ending)),
            why,
            excerpt: excerpt.iter().map(|it| self.text(it)).collect(),
            hint: hint.map(|it| self.text(&it)),
            addresses: addresses.map(|it| self.checked(it)).collect(),
            outputs: outputs.into(),
        }
    }

    fn checked(&self, address: &AddressResult) -> Checked {
        let (took, problem, last_response) = match &address.finding {
            Finding::Reachable { after } => (Some(*after), None, None),
            Finding::Unknown(obstacle) => (None, Some(describe(*obstacle).to_owned()), None),
            Finding::Unreachable {
                problem,
                last_response,
                lasted,
            } => (
                Some(*lasted),
                Some(problem.to_string()),
                Some(self.text(last_response)),
            ),
        };
        Checked {
            url: self.text(&address.url),
            reachable: address.finding.verdict().word(),
            seconds: took.map(seconds),
            problem,
            last_response,
        }
    }

    fn describe(&self, deployment: &Deployment) -> Introduced {
        Introduced {
            id: self.text(&deployment.id),
            short_id: self.text(deployment.short_id()),
            url: self.text(&deployment.url),
            environment: self.text(&deployment.environment),
            branch: self.text(deployment.branch()),
            commit_hash: self.text(deployment.commit_hash()),
            commit_message: self.text(subject(deployment)),
        }
    }

    fn text(&self, text: &str) -> String {
        self.secrets.line(text, Colors::Stripped)
    }
}

impl<W: Write> Report for Json<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        for entry in self.entries(event) {
            let schema = SCHEMA;
            let line = serde_json::to_string(&Line { schema, entry })?;
            writeln!(self.out, "{line}")?;
        }
        self.out.flush()
    }
}

/// To the millisecond.
fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cloudflare::deployment::StageName;
    use crate::run::event::Requested;
    use crate::run::history::StageHistory;
    use crate::run::outcome::{Attempt, Outcome};

    fn deployment() -> Box<Deployment> {
        let json = json!({
            "id": "9a8b7c6d-0000", "short_id": "9a8b7c6d", "environment": "production",
            "url": "https://9a8b7c6d.site.pages.dev",
            "deployment_trigger": {"metadata": {
                "branch": "main", "commit_hash": "3b2f9c1", "commit_message": "Update\nmore"}},
        });
        serde_json::from_value(json).unwrap()
    }

    const DEPLOYMENT: &str = r#"{"id":"9a8b7c6d-0000","short_id":"9a8b7c6d","url":"https://9a8b7c6d.site.pages.dev","environment":"production","branch":"main","commit_hash":"3b2f9c1","commit_message":"Update"}"#;

    fn written(event: &Event) -> String {
        let mut out = Vec::new();
        let mut json = Json::new(&mut out, &["hush-hush".to_owned()], true);
        json.event(event).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn finished() -> (Event, String) {
        let text = |it: &str| it.to_owned();
        let event = Event::Finished(Box::new(RunResult {
            outcome: Outcome::Failed {
                stage: StageName::Build,
            },
            fails: true,
            original: None,
            target_failure: None,
            attempts: vec![Attempt {
                deployment: *deployment(),
                reason: Some("the build command failed"),
                advice: Some("correct it"),
                excerpt: vec![text("error: hush-hush")],
            }],
            project_name: text("site"),
            usual: StageHistory::default(),
            reachability: None,
        }));
        let line = concat!(
            r#"{"schema":1,"event":"finished","status":"failure","exit_code":1,"#,
            r#""message":"Deployment 9a8b7c6d failed in stage build","why":"the build command failed","#,
            r#""excerpt":["error: ***"],"hint":"correct it","outputs":{"attempts":1,"branch":"main","#,
            r#""commit_hash":"3b2f9c1","dashboard_url":"https://dash.cloudflare.com/?to=/:account/pages/view/site/9a8b7c6d-0000","#,
            r#""environment":"production","id":"9a8b7c6d-0000","reason":"the build command failed","short_id":"9a8b7c6d","status":"failure","#,
            r#""url":"https://9a8b7c6d.site.pages.dev"}}"#
        );
        (event, line.to_owned())
    }

    /// Every kind of event, with its line.
    fn cases() -> Vec<(Event, String)> {
        let seconds = Duration::from_secs;
        let name = || StageName::Build;
        let text = |it: &str| it.to_owned();
        let of =
            |event: &str| format!(r#"{{"schema":1,"event":"{event}","deployment":{DEPLOYMENT}}}"#);
        let line = |rest: &str| format!(r#"{{"schema":1,"event":{rest}}}"#);
        vec![
            (Event::Retrying { original: deployment() }, of("retrying")),
            (Event::Awaiting { target: deployment(), usual: StageHistory::default() }, of("awaiting")),
            (Event::Triggered { deployment: deployment(), usual: StageHistory::default() }, of("triggered")),
            (
                Event::StageStarted { name: name(), usually: None },
                line(r#""stage_started","stage":"build""#),
            ),
            (
                Event::StageStarted { name: name(), usually: Some(seconds(110)) },
                line(r#""stage_started","stage":"build","usual_seconds":110.0"#),
            ),
            (
                Event::StageFinished {
                    name: name(),
                    end: StageEnd::Failure,
                    took: Duration::from_micros(1_234_567),
                },
                line(r#""stage_finished","stage":"build","result":"failure","seconds":1.235"#),
            ),
            (
                Event::StillRunning { what: text("build"), elapsed: seconds(60) },
                line(r#""still_running","what":"build","seconds":60.0"#),
            ),
            (
                Event::Skipped { reason: text("path_config") },
                line(r#""skipped","reason":"path_config""#),
            ),
            (
                Event::RequestFailed {
                    reason: text("503"),
                    again_in: seconds(2),
                    is_first: true,
                },
                line(r#""request_failed","reason":"503","retry_in_seconds":2.0"#),
            ),
            (
                Event::Warned { message: text("say \"hush-hush\"") },
                line(r#""warning","message":"say \"***\"""#),
            ),
            (
                Event::Noticed { message: text("hello") },
                line(r#""notice","message":"hello""#),
            ),
            (
                Event::LogRead {
                    attempt: 2,
                    lines: vec![text("a\rb"), text("\x1b[31mc##vso[task.complete]d")],
                },
                [
                    r#"{"schema":1,"event":"build_log","attempt":2,"line":"a"}"#,
                    r#"{"schema":1,"event":"build_log","attempt":2,"line":"b"}"#,
                    r#"{"schema":1,"event":"build_log","attempt":2,"line":"c##vso [task.complete]d"}"#,
                ]
                .join("\n"),
            ),
            (
                Event::Diagnosed { reason: text("it broke") },
                line(r#""diagnosed","reason":"it broke""#),
            ),
            (
                Event::AttemptScheduled { attempt: 2, max_attempts: 3, pause: seconds(10) },
                line(r#""attempt_scheduled","attempt":2,"max_attempts":3,"in_seconds":10.0"#),
            ),
            (
                Event::Requested(Requested {
                    method: "GET",
                    route: text("/deployments"),
                    status: None,
                    took: Duration::from_millis(12),
                    cf_ray: None,
                }),
                line(r#""request","method":"GET","route":"/deployments","status":null,"milliseconds":12,"cf_ray":null"#),
            ),
            finished(),
        ]
    }

    #[test]
    fn each_event_is_one_object_a_line() {
        for (event, expected) in cases() {
            assert_eq!(written(&event), format!("{expected}\n"));
        }
    }

    #[test]
    fn requests_are_told_only_where_debugging_is_asked_for() {
        let (request, _) = cases()
            .into_iter()
            .find(|(it, _)| matches!(it, Event::Requested(_)))
            .unwrap();
        let mut out = Vec::new();
        Json::new(&mut out, &[], false).event(&request).unwrap();
        assert!(out.is_empty());
    }

    #[test]
    fn the_document_names_each_event_and_field() {
        let document = include_str!("../../docs/json-log.md");
        for line in cases().iter().flat_map(|(_, it)| it.lines()) {
            let object: serde_json::Map<String, Value> = serde_json::from_str(line).unwrap();
            let event = object["event"].as_str().unwrap();
            let start = format!("| `{event}` |");
            let row = document.lines().find(|it| it.starts_with(&start));
            let row = row.unwrap_or_else(|| panic!("no row for {event}"));
            let fields = object
                .keys()
                .filter(|it| !["schema", "event"].contains(&it.as_str()));
            for field in fields {
                assert!(row.contains(&format!("`{field}`")), "{event}: {field}");
            }
        }
        for field in deployment_fields() {
            assert!(document.contains(&format!("`{field}`")), "{field}");
        }
    }

    fn deployment_fields() -> Vec<String> {
        let object: serde_json::Map<String, Value> = serde_json::from_str(DEPLOYMENT).unwrap();
        object.keys().cloned().collect()
    }
}
