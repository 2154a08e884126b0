//! One step of a workflow: runs the built binary with an empty environment and collects
//! its log, outputs and exit code.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use test_support::fake::{ACCOUNT, Fake, PLAIN_VALUE, PROJECT, SECRET_VALUE, TOKEN, full_id};
use test_support::parsers::github::files;

/// The failed deployment that most steps retry.
pub(crate) const ORIGINAL: &str = "4f1c2a9e";

pub(crate) struct Step {
    vars: BTreeMap<String, String>,
    dir: TempDir,
}

/// The result of a step.
pub(crate) struct Done {
    pub log: String,
    pub code: i32,
    pub outputs: BTreeMap<String, String>,
    /// The step summary, if one was written.
    pub summary: Option<String>,
}

impl Step {
    /// A step on an unknown host, with all required inputs.
    pub(crate) fn new(fake: &Fake) -> Self {
        Self::bare()
            .with("account_id", ACCOUNT)
            .with("project_name", PROJECT)
            .with("api_token", TOKEN)
            .with("deployment_id", &full_id(ORIGINAL))
            .with("api_base_url", &fake.url())
            .with("poll_interval", "1s")
    }

    /// A step without any input.
    pub(crate) fn bare() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let outputs = dir.path().join("outputs.json");
        let step = Self {
            vars: BTreeMap::new(),
            dir,
        };
        step.with("output_file", outputs.to_str().unwrap())
    }

    pub(crate) fn with(self, input: &str, value: &str) -> Self {
        self.var(&format!("INPUT_{}", input.to_uppercase()), value)
    }

    pub(crate) fn var(mut self, name: &str, value: &str) -> Self {
        self.vars.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The same step on GitHub; the outputs are read from GitHub's file.
    pub(crate) fn on_github(self) -> Self {
        let path = self.dir.path().join("github_output");
        fs::write(&path, "").unwrap();
        let path = path.to_str().unwrap().to_owned();
        let summary = self.dir.path().join("github_summary");
        let summary = summary.to_str().unwrap().to_owned();
        self.var("GITHUB_ACTIONS", "true")
            .var("GITHUB_OUTPUT", &path)
            .var("GITHUB_STEP_SUMMARY", &summary)
            .with("output_file", "")
    }

    pub(crate) fn summary(&self) -> Option<String> {
        fs::read_to_string(self.vars.get("GITHUB_STEP_SUMMARY")?).ok()
    }

    /// The environment variables of the step.
    pub(crate) fn vars(&self) -> &BTreeMap<String, String> {
        &self.vars
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pages-retry"));
        command
            .env_clear()
            .envs(&self.vars)
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// The folder in which the step runs and writes its files.
    pub(crate) fn folder(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn run(&self) -> Done {
        self.done(self.command().output().unwrap())
    }

    /// Collects the result. Asserts that only the masking command contains the token.
    pub(crate) fn done(&self, output: std::process::Output) -> Done {
        let masks = ["::add-mask::", "##vso[task.setsecret]"];
        let is_mask = |line: &str| masks.iter().any(|it| line.strip_prefix(it) == Some(TOKEN));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(stderr, "", "everything goes to stdout");
        let log = String::from_utf8(output.stdout).unwrap();
        assert!(
            !log.lines().any(|it| it.contains(TOKEN) && !is_mask(it)),
            "the token is in the log:\n{log}"
        );
        let summary = self.summary();
        for secret in [TOKEN, PLAIN_VALUE, SECRET_VALUE] {
            let is_shown = summary.as_ref().is_some_and(|it| it.contains(secret));
            assert!(!is_shown, "a secret is in the summary:\n{summary:?}");
        }
        Done {
            outputs: self.outputs(),
            summary,
            // -1 if the program was killed by a signal.
            code: output.status.code().unwrap_or(-1),
            log,
        }
    }

    fn outputs(&self) -> BTreeMap<String, String> {
        if let Some(path) = self.vars.get("GITHUB_OUTPUT") {
            let file = files::outputs(&fs::read_to_string(path).unwrap_or_default());
            assert_eq!(file.error, None, "the runner rejects the file");
            return file.records.into_iter().collect();
        }
        let Ok(json) = fs::read_to_string(self.dir.path().join("outputs.json")) else {
            return BTreeMap::new();
        };
        let outputs: BTreeMap<String, serde_json::Value> = serde_json::from_str(&json).unwrap();
        let text = |value: serde_json::Value| {
            let text = value.as_str().map(str::to_owned);
            text.unwrap_or_else(|| value.to_string())
        };
        outputs
            .into_iter()
            .map(|(name, it)| (name, text(it)))
            .collect()
    }
}

impl Done {
    /// Compares the whole log, the exit code, and the given outputs, one `name=value` per
    /// line.
    #[track_caller]
    pub(crate) fn is(&self, log: &str, code: i32, outputs: &str) {
        assert_eq!(self.log, log);
        self.ends(code, outputs);
    }

    #[track_caller]
    pub(crate) fn ends(&self, code: i32, outputs: &str) {
        assert_eq!(self.code, code, "{}", self.log);
        for line in outputs.lines() {
            let (name, value) = line.trim().split_once('=').unwrap();
            let found = self.outputs.get(name).map_or("", String::as_str);
            assert_eq!(found, value, "output {name}");
        }
    }
}
