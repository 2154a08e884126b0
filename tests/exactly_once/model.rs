//! A model of the API that is as small as the promise allows: deployments with
//! a time from which the list shows them, someone else who works on the same
//! project, and responses that get lost or wrong.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use pages_retry::cloudflare::Client;
use pages_retry::cloudflare::deployment::StageName;
use pages_retry::cloudflare::transport::{Answer, Body, Method, Request, SendError, Transport};
use pages_retry::config::{CiRun, ParsedInputs};
use pages_retry::env::Env;
use pages_retry::io::{Io, Signals};
use pages_retry::report::line::{Symbol, line};
use pages_retry::retry;
use pages_retry::run::event::{Event, Report};
use pages_retry::run::outcome::RunResult;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::search::Choices;

/// The clocks that stamp `created_on`, beside the clock of the list's `Date`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clocks {
    Right,
    TenMinutesSlow,
    Missing,
}

/// How a new deployment ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    Success,
    Failure,
}

/// What holds for a whole schedule.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) list_lag: Duration,
    pub(crate) clocks: Clocks,
    /// How our deployments end, one after another; the last one repeats.
    pub(crate) lives: Vec<Life>,
}

struct Deployment {
    id: String,
    commit: &'static str,
    kind: &'static str,
    created: Duration,
    /// The attempt whose request created it; `None` if it was someone else.
    attempt: Option<usize>,
    life: Life,
    polls: usize,
}

struct World {
    scenario: Scenario,
    choices: Choices,
    schedule: Vec<String>,
    deployments: Vec<Deployment>,
    requests: usize,
    attempt: usize,
    has_someone_acted: bool,
}

/// A deployment that was created during the run.
struct Created {
    id: String,
    commit: &'static str,
    /// The attempt that created it; `None` if it was someone else.
    attempt: Option<usize>,
    life: Life,
}

/// A run and what the model knows about it.
pub(crate) struct Run {
    pub(crate) schedule: Vec<String>,
    pub(crate) log: String,
    pub(crate) requests: usize,
    created: Vec<Created>,
    adopted: Vec<String>,
    warnings: Vec<String>,
    stages: Vec<String>,
    result: RunResult,
}

/// The commit of the target.
const COMMIT: &str = "abc1234";
const ORIGINAL: &str = "0r161na1-0000";
const MAX_REQUESTS: usize = 2_000;

impl World {
    fn new(scenario: &Scenario, choices: Choices) -> Self {
        let original = Deployment {
            id: ORIGINAL.to_owned(),
            commit: COMMIT,
            kind: "github:push",
            created: Duration::ZERO,
            attempt: None,
            life: Life::Failure,
            polls: 9,
        };
        Self {
            scenario: scenario.clone(),
            choices,
            schedule: Vec::new(),
            deployments: vec![original],
            requests: 0,
            attempt: 0,
            has_someone_acted: false,
        }
    }

    fn choose(&mut self, now: Duration, what: &str, names: &[&'static str]) -> &'static str {
        let choice = names[self.choices.choose(names.len())];
        if choice != names[0] {
            self.schedule
                .push(format!("{:>4}s {what}: {choice}", now.as_secs()));
        }
        choice
    }

    /// What someone else may do before a request of ours arrives, once.
    fn someone_else(&mut self, now: Duration) {
        if self.has_someone_acted {
            return;
        }
        let act = self.choose(
            now,
            "someone else",
            &["nothing", "retries it too", "pushes"],
        );
        if act != "nothing" {
            self.has_someone_acted = true;
            let (commit, kind) = match act {
                "pushes" => ("def5678", "github:push"),
                _ => (COMMIT, "ad_hoc"),
            };
            self.create(now, commit, kind, None);
        }
    }

    fn create(
        &mut self,
        now: Duration,
        commit: &'static str,
        kind: &'static str,
        attempt: Option<usize>,
    ) -> String {
        let who = if attempt.is_some() { "0e5" } else { "07he5" };
        let id = format!("{:0>8}-{:04}", who, self.deployments.len());
        let id = format!("{:04}{id}", self.deployments.len());
        let lives = &self.scenario.lives;
        let ours = self.deployments.iter().filter(|it| it.attempt.is_some());
        let life = lives[ours.count().min(lives.len() - 1)];
        self.deployments.push(Deployment {
            id: id.clone(),
            commit,
            kind,
            created: now,
            attempt,
            life: if attempt.is_some() {
                life
            } else {
                Life::Success
            },
            polls: 0,
        });
        id
    }

    fn json(&self, deployment: &Deployment) -> Value {
        let ended = 2 <= deployment.polls;
        let (name, status) = match (ended, deployment.life) {
            (true, Life::Success) => ("deploy", "success"),
            (true, Life::Failure) => ("build", "failure"),
            (false, _) => ("build", "active"),
        };
        let stamp = match self.scenario.clocks {
            Clocks::Right => Some(at(deployment.created)),
            Clocks::TenMinutesSlow => Some(at(deployment.created) - TimeDelta::minutes(10)),
            Clocks::Missing => None,
        };
        let mut json = json!({
            "id": deployment.id,
            "project_name": "site",
            "environment": "production",
            "url": format!("https://{}.site.pages.dev", &deployment.id[..8]),
            "latest_stage": {"name": name, "status": status},
            "stages": [
                {"name": "queued", "status": "success"},
                {"name": name, "status": status},
            ],
            "source": {"type": "github"},
            "deployment_trigger": {
                "type": deployment.kind,
                "metadata": {"branch": "main", "commit_hash": deployment.commit},
            },
        });
        if let Some(stamp) = stamp.filter(|_| deployment.id != ORIGINAL) {
            json["created_on"] = json!(stamp.to_rfc3339());
        }
        if deployment.id == ORIGINAL {
            json["created_on"] = json!((at(Duration::ZERO) - TimeDelta::hours(1)).to_rfc3339());
        }
        json
    }

    fn respond(&mut self, now: Duration, request: &Request) -> Response {
        self.requests += 1;
        assert!(self.requests < MAX_REQUESTS, "the run does not terminate");
        self.someone_else(now);
        let path = request.path.as_str();
        if request.method == Method::Post {
            return self.post(now);
        }
        if path.contains("/history/logs") {
            let line = "Failed: an internal error occurred. If this continues, contact support";
            let data = json!([{"ts": "2026-01-01T00:00:00Z", "line": line}]);
            return Response::json(
                200,
                &json!({"success": true, "result": {"total": 1, "data": data}}),
            );
        }
        if path.contains("?page=") {
            return self.list(now);
        }
        self.poll(now, path)
    }

    fn post(&mut self, now: Duration) -> Response {
        let choice = self.choose(
            now,
            "POST",
            &[
                "created",
                "created, response lost",
                "created, 500 with a code of its own",
                "created, unreadable body",
                "response lost",
                "502",
                "429",
                "rejected",
                "not sent",
            ],
        );
        let created = choice.starts_with("created").then(|| {
            let attempt = Some(self.attempt);
            self.create(now, COMMIT, "ad_hoc", attempt)
        });
        match choice {
            "created" => {
                let id = created.unwrap();
                let deployment = self.deployments.iter().find(|it| it.id == id).unwrap();
                Response::json(
                    200,
                    &json!({"success": true, "result": self.json(deployment)}),
                )
            }
            "created, 500 with a code of its own" => Response::error(500, 10_000),
            "created, unreadable body" => Response::text(200, "{\"success\": true, \"resu"),
            "502" => Response::text(502, "<html>bad gateway</html>"),
            "429" => Response::error(429, 10_429),
            "rejected" => Response::error(409, 8_000_055),
            "not sent" => Response::NotSent,
            _ => Response::Lost,
        }
    }

    fn list(&mut self, now: Duration) -> Response {
        match self.choose(now, "list", &["whole", "503", "lost", "unreadable"]) {
            "503" => return Response::text(503, "upstream connect error"),
            "lost" => return Response::Lost,
            "unreadable" => return Response::text(200, "{\"success\": true, \"result\": [{"),
            _ => {}
        }
        let lag = self.scenario.list_lag;
        let shown = self.deployments.iter().rev();
        let shown = shown.filter(|it| it.id == ORIGINAL || it.created + lag <= now);
        let shown: Vec<_> = shown.map(|it| self.json(it)).collect();
        let count = shown.len();
        let info = json!({"page": 1, "per_page": 25, "count": count, "total_count": count, "total_pages": 1});
        Response::json(
            200,
            &json!({"success": true, "result": shown, "result_info": info}),
        )
    }

    fn poll(&mut self, now: Duration, path: &str) -> Response {
        let id = path.rsplit('/').next().unwrap();
        let Some(at) = self.deployments.iter().position(|it| it.id == id) else {
            return Response::error(404, 8_000_009);
        };
        match self.choose(now, "GET", &["right", "503", "404", "403", "lost"]) {
            "503" => return Response::text(503, "upstream connect error"),
            "404" if self.deployments[at].id != ORIGINAL => return Response::error(404, 8_000_009),
            "403" if self.deployments[at].id != ORIGINAL => return Response::error(403, 10_000),
            "lost" => return Response::Lost,
            _ => {}
        }
        self.deployments[at].polls += 1;
        let deployment = self.json(&self.deployments[at]);
        Response::json(200, &json!({"success": true, "result": deployment}))
    }
}

fn at(elapsed: Duration) -> DateTime<Utc> {
    let start = DateTime::parse_from_rfc3339("2026-01-01T12:00:00Z").unwrap();
    start.to_utc() + TimeDelta::from_std(elapsed).unwrap()
}

enum Response {
    Http(u16, String),
    Lost,
    NotSent,
}

impl Response {
    fn json(status: u16, body: &Value) -> Self {
        Self::Http(status, body.to_string())
    }

    fn text(status: u16, body: &str) -> Self {
        Self::Http(status, body.to_owned())
    }

    fn error(status: u16, code: i64) -> Self {
        let errors = json!([{"code": code, "message": "no"}]);
        Self::json(
            status,
            &json!({"success": false, "errors": errors, "result": null}),
        )
    }
}

struct Api {
    world: Rc<RefCell<World>>,
    started: Instant,
}

struct Whole(Option<Vec<u8>>);

impl Body for Whole {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, SendError> {
        Ok(self.0.take())
    }
}

impl Transport for Api {
    type Body = Whole;

    async fn send(&self, request: &Request) -> Result<Answer<Whole>, SendError> {
        let now = self.started.elapsed();
        let response = self.world.borrow_mut().respond(now, request);
        match response {
            Response::Http(status, body) => {
                let mut headers = HeaderMap::new();
                let date = at(now).format("%a, %d %b %Y %H:%M:%S GMT").to_string();
                headers.insert("date", date.parse().unwrap());
                if status == 429 {
                    headers.insert("retry-after", "30".parse().unwrap());
                }
                Ok(Answer {
                    status,
                    headers,
                    body: Whole(Some(body.into_bytes())),
                })
            }
            Response::Lost => Err(SendError::NoAnswer("connection reset".into())),
            Response::NotSent => Err(SendError::NotSent("connection refused".into())),
        }
    }
}

/// Keeps what the log says, and tells the model which attempt runs.
struct Recorder {
    world: Rc<RefCell<World>>,
    log: String,
    adopted: Vec<String>,
    warnings: Vec<String>,
    stages: Vec<String>,
}

impl Report for Recorder {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        if let Some(line) = line(event) {
            let symbol = line.symbol.map_or(' ', Symbol::char);
            let _ = writeln!(self.log, "    {symbol} {}", line.text);
        }
        match event {
            Event::Triggered { deployment, .. } => {
                self.adopted.push(deployment.id.clone());
                self.stages.push(String::new());
            }
            Event::AttemptScheduled { .. } => self.world.borrow_mut().attempt += 1,
            Event::Warned { message } | Event::Noticed { message } => {
                let _ = writeln!(self.log, "    ! {message}");
                self.warnings.push(message.clone());
            }
            Event::StageStarted { name, .. } => self.stage("start", name),
            Event::StageFinished { name, .. } => self.stage("end", name),
            Event::Retrying { .. }
            | Event::Awaiting { .. }
            | Event::StillRunning { .. }
            | Event::Skipped { .. }
            | Event::RequestFailed { .. }
            | Event::LogRead { .. }
            | Event::Diagnosed { .. }
            | Event::Requested(_)
            | Event::Finished(_) => {}
        }
        Ok(())
    }
}

impl Recorder {
    fn stage(&mut self, what: &str, name: &StageName) {
        if let Some(stages) = self.stages.last_mut() {
            let _ = writeln!(stages, "{what} {name}");
        }
    }
}

/// Runs one schedule, and gives the choices back for the next one.
pub(crate) async fn run(scenario: &Scenario, choices: Choices) -> (Run, Choices) {
    let world = Rc::new(RefCell::new(World::new(scenario, choices)));
    let attempts = scenario.lives.len().to_string();
    let inputs = [
        ("INPUT_ACCOUNT_ID", "b0a1c2d3e4f5061728394a5b6c7d8e9f"),
        ("INPUT_PROJECT_NAME", "site"),
        ("INPUT_DEPLOYMENT_ID", ORIGINAL),
        ("INPUT_API_TOKEN", "token-of-the-model"),
        ("INPUT_MAX_ATTEMPTS", &attempts),
    ];
    let env = Env::from_os(inputs.map(|(name, value)| (name.into(), value.into())));
    let options = ParsedInputs::from_env(&env, &["INPUT_"], &CiRun::UNKNOWN)
        .config
        .unwrap()
        .options;
    let mut recorder = Recorder {
        world: Rc::clone(&world),
        log: String::new(),
        adopted: Vec::new(),
        warnings: Vec::new(),
        stages: Vec::new(),
    };
    let api = Api {
        world: Rc::clone(&world),
        started: Instant::now(),
    };
    let client = Client::new(api, "account", "site");
    let mut io = Io::new(&mut recorder, Signals::default(), options.timeout);
    let result = retry::run(&options, &client, &mut io).await;
    let _ = recorder.event(&Event::Finished(Box::new(result.clone())));
    let Recorder {
        log,
        adopted,
        warnings,
        stages,
        world: shared,
    } = recorder;
    drop(shared);
    drop(client);
    let world = Rc::into_inner(world).unwrap().into_inner();
    let created = world.deployments.into_iter().skip(1);
    let created = created.map(|it| Created {
        id: it.id,
        commit: it.commit,
        attempt: it.attempt,
        life: it.life,
    });
    let created = created.collect();
    let run = Run {
        schedule: world.schedule,
        log,
        requests: world.requests,
        created,
        adopted,
        warnings,
        stages,
        result,
    };
    (run, world.choices)
}

impl Run {
    /// The most deployments that one attempt created.
    pub(crate) fn created_per_attempt(&self) -> usize {
        let attempts: Vec<_> = self.created.iter().filter_map(|it| it.attempt).collect();
        let count = |attempt: &usize| attempts.iter().filter(|it| *it == attempt).count();
        attempts.iter().map(count).max().unwrap_or(0)
    }

    /// The promises that this run broke.
    pub(crate) fn broken_promises(&self, scenario: &Scenario) -> Vec<String> {
        let mut broken = Vec::new();
        let created = self.created_per_attempt();
        let warns = |words: &[&str]| {
            self.warnings
                .iter()
                .any(|it| words.iter().any(|word| it.contains(word)))
        };
        if scenario.list_lag < Duration::from_mins(1) && 1 < created {
            broken.push(format!("{created} deployments were created in an attempt"));
        }
        if 1 < created && !warns(&["no usable response"]) {
            broken.push("a second deployment was created silently".to_owned());
        }
        let is_doubted = warns(&[
            "someone else",
            "another request",
            "a push of the same commit",
        ]);
        for id in &self.adopted {
            let adopted = self.created.iter().find(|it| it.id == *id);
            let Some(adopted) = adopted.filter(|it| it.attempt.is_none()) else {
                continue;
            };
            let is_doubted = warns(&[
                "someone else",
                "another request",
                "a push of the same commit",
            ]);
            if adopted.commit != COMMIT {
                broken.push(format!("{id} of another commit was adopted"));
            } else if !is_doubted {
                broken.push(format!("{id} of someone else was adopted without a doubt"));
            }
        }
        let is_lost = |it: &Created| it.attempt.is_some() && !self.adopted.contains(&it.id);
        if scenario.list_lag < Duration::from_mins(1)
            && self.created.iter().any(is_lost)
            && !is_doubted
            && !self.log.contains("may have been created")
        {
            broken.push("a deployment was created, and nothing says so".to_owned());
        }
        let status = self.result.outcome.status();
        let last = self.adopted.last();
        let life = last.and_then(|id| self.created.iter().find(|it| it.id == *id));
        let life = life.map(|it| it.life);
        if matches!(
            (status, life),
            ("success", Some(Life::Failure) | None) | ("failure", Some(Life::Success) | None)
        ) {
            broken.push(format!(
                "the status is {status}, and the deployment was {life:?}"
            ));
        }
        for stages in &self.stages {
            let lines: Vec<_> = stages.lines().collect();
            let distinct: BTreeSet<_> = lines.iter().collect();
            let is_ordered = lines.iter().enumerate().all(|(at, line)| {
                let Some(name) = line.strip_prefix("end ") else {
                    return true;
                };
                lines[..at].contains(&format!("start {name}").as_str())
            });
            if distinct.len() != lines.len() || !is_ordered {
                broken.push(format!(
                    "a stage was reported twice or out of order: {lines:?}"
                ));
            }
        }
        broken
    }
}
