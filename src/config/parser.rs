//! Reads the inputs one after another and collects all that is wrong.

use std::path::PathBuf;

use secrecy::SecretString;

use super::inputs::{self, Inputs};
use super::mistakes::{self, Source};
use super::{CiRun, Config, OutputFile, forgiving, parse};
use crate::cloudflare::connection::Connection;
use crate::cloudflare::transport::{Credentials, Endpoint};
use crate::env::Env;
use crate::host::outputs::OutputFormat;
use crate::host::{LogFormat, commit};
use crate::retry::filter::Filter;
use crate::retry::options::{Logs, Options, RetryWhen};
use crate::retry::target::Target;
use crate::run::outcome::FAIL_ON;

pub(super) const DEFAULT_BASE_URL: &str = "https://api.cloudflare.com/client/v4";

/// Collects what is wrong while the rest is read on.
pub(super) struct InputParser<'a> {
    /// The inputs that were set to something other than their default.
    pub(super) explicit: Vec<&'static str>,
    pub(super) problems: Vec<String>,
    pub(super) warnings: Vec<String>,
    pub(super) notices: Vec<String>,
    pub(super) env: &'a Env,
    pub(super) source: Source,
}

impl InputParser<'_> {
    /// All inputs, if none is wrong.
    pub(super) fn config(&mut self, inputs: &Inputs, vars: &Env, run: &CiRun) -> Option<Config> {
        let it = inputs;
        let account_id = self.required("account_id", &it.account_id, forgiving::account_id);
        let project_name = self.required("project_name", &it.project_name, forgiving::project_name);
        if let Some(name) = project_name
            .as_ref()
            .filter(|name| **name != it.project_name)
        {
            self.notices.push(format!(
                "input `project_name`: `{name}` is used for `{}`",
                it.project_name
            ));
        }
        let target = {
            let account_id = account_id.as_deref().unwrap_or_default();
            let project_name = project_name.as_deref().unwrap_or_default();
            let parse = |text: &str| Target::parse(text, account_id, project_name);
            self.required("deployment_id", &it.deployment_id, parse)
        };
        let filter = self.filter(it, target.as_ref(), vars, run);
        let credentials = self.credentials(it);
        let endpoint = self.endpoint(it, vars);
        let max_attempts = self.read("max_attempts", &it.max_attempts, parse::at_least_one);
        let retry_when = self.read("retry_when", &it.retry_when, |text| {
            let words = [
                ("auto", RetryWhen::Auto),
                ("transient", RetryWhen::Transient),
                ("any", RetryWhen::Any),
            ];
            choice(text, &words)
        });
        let allow_older = self.read("allow_older", &it.allow_older, parse::boolean);
        let fail_on = self.read("fail_on", &it.fail_on, |text| parse::list(text, &FAIL_ON));
        let timeout = self.read("timeout", &it.timeout, parse::duration);
        self.warnings
            .extend(mistakes::seconds_instead_of_minutes("timeout", &it.timeout));
        let poll_interval = self.read("poll_interval", &it.poll_interval, |text| match text {
            "auto" => Ok(None),
            _ => match parse::duration(text) {
                Ok(every) => Ok(Some(every)),
                Err(problem) => Err(problem.replace("; use ", "; use `auto`, ")),
            },
        });
        let wait = self.read("wait", &it.wait, parse::boolean);
        let check = self.check(it, wait);
        let logs = self.read("logs", &it.logs, |text| {
            let words = [
                ("on-failure", Logs::OnFailure),
                ("always", Logs::Always),
                ("never", Logs::Never),
            ];
            choice(&text.replace('_', "-"), &words)
        });
        self.read("log_format", &it.log_format, LogFormat::parse);
        let dry_run = self.read("dry_run", &it.dry_run, parse::boolean);
        if wait == Some(false) && max_attempts.is_some_and(|it| 1 < it) {
            self.problem(
                "max_attempts",
                "needs `wait: true`; without waiting no failure can be seen",
            );
        }
        Some(Config {
            account_id: account_id?,
            credentials: credentials?,
            endpoint: endpoint?,
            options: Options {
                project_name: project_name?,
                target: target?,
                filter,
                max_attempts: max_attempts?,
                retry_when: retry_when?,
                allow_older: allow_older?,
                fail_on: fail_on?,
                timeout: timeout?,
                poll_interval: poll_interval?,
                wait: wait?,
                logs: logs?,
                dry_run: dry_run?,
            },
            check,
        })
    }

    /// The filters, which an id or a URL ignores: then they are not read
    /// either, and each gets a warning.
    fn filter(
        &mut self,
        inputs: &Inputs,
        target: Option<&Target>,
        env: &Env,
        run: &CiRun,
    ) -> Filter {
        if target.is_some_and(|it| !it.can_be_filtered()) {
            let given = [
                ("branch", &inputs.branch),
                ("environment", &inputs.environment),
                ("commit_hash", &inputs.commit_hash),
            ];
            for (name, _) in given.iter().filter(|(_, value)| !value.is_empty()) {
                self.warnings.push(format!(
                    "input `{name}` filters only `latest` and `latest-failed`; it is ignored here"
                ));
            }
            return Filter::default();
        }
        let branch = self.optional("branch", &inputs.branch, forgiving::branch);
        let environment = self.optional("environment", &inputs.environment, forgiving::environment);
        let commit_hash = self.optional("commit_hash", &inputs.commit_hash, |text| {
            if text.eq_ignore_ascii_case("current") {
                return commit::current(run.host, env, run.event.as_ref());
            }
            parse::commit_hash(text)
        });
        let is_current = inputs.commit_hash.eq_ignore_ascii_case("current");
        if let Some(hash) = commit_hash.as_ref().filter(|_| !is_current) {
            let event = run.event.as_ref();
            let warning = commit::merge_commit_warning(run.host, env, event, hash);
            self.warnings.extend(warning);
        }
        let filter = Filter {
            branch,
            environment,
            commit_hash,
        };
        filter.or_production()
    }

    fn credentials(&mut self, inputs: &Inputs) -> Option<Credentials> {
        let secret = |text: &str| SecretString::from(text.to_owned());
        if !inputs.api_token.is_empty() {
            self.read("api_token", &inputs.api_token, parse::secret)?;
            return Some(Credentials::Token(secret(&inputs.api_token)));
        }
        match (inputs.api_email.as_str(), inputs.api_key.as_str()) {
            ("", "") => {
                self.missing(
                    "api_token",
                    " to an API token with the permission Cloudflare Pages: Edit",
                );
                None
            }
            ("", _) => {
                self.problem("api_email", "is missing beside `api_key`");
                None
            }
            (_, "") => {
                self.problem("api_key", "is missing beside `api_email`");
                None
            }
            (email, key) => {
                self.read("api_email", email, parse::secret)?;
                self.read("api_key", key, parse::secret)?;
                Some(Credentials::Key {
                    email: email.to_owned(),
                    key: secret(key),
                })
            }
        }
    }

    fn endpoint(&mut self, inputs: &Inputs, vars: &Env) -> Option<Endpoint> {
        let base_url = match inputs.api_base_url.as_str() {
            "" => Some(DEFAULT_BASE_URL.to_owned()),
            text => self.read("api_base_url", text, parse::base_url),
        };
        let proxy = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
        let proxy = proxy.iter().find_map(|it| Some((it, vars.get(it)?)));
        let proxy = match proxy.map(|(name, url)| (name, parse::proxy(url))) {
            Some((name, Err(problem))) => {
                self.problems.push(format!("variable `{name}` {problem}"));
                None
            }
            Some((_, Ok(url))) => Some(url),
            None => None,
        };
        let path = |name: &str| vars.get(name).map(PathBuf::from);
        Some(Endpoint {
            base_url: base_url?,
            connection: Connection {
                https_proxy: proxy,
                no_proxy: vars.first(&["no_proxy", "NO_PROXY"]).map(str::to_owned),
                ssl_cert_file: path("SSL_CERT_FILE"),
                ssl_cert_dir: path("SSL_CERT_DIR"),
            },
        })
    }

    pub(super) fn output_file(&mut self, inputs: &Inputs) -> Option<OutputFile> {
        let words = [
            ("dotenv", OutputFormat::Dotenv),
            ("json", OutputFormat::Json),
            ("github", OutputFormat::GitHub),
        ];
        let format = self.optional("output_format", &inputs.output_format, |text| {
            choice(text, &words)
        });
        if inputs.output_file.is_empty() {
            if !inputs.output_format.is_empty() {
                self.problem("output_format", "needs `output_file`, which is missing");
            }
            return None;
        }
        let path = PathBuf::from(&inputs.output_file);
        // A file named just `.env` has no extension.
        let ending = inputs.output_file.rsplit_once('.').map(|(_, it)| it);
        let by_ending = match ending {
            Some("env") => Some(OutputFormat::Dotenv),
            Some("json") => Some(OutputFormat::Json),
            Some(_) | None => None,
        };
        let Some(format) = format.or(by_ending) else {
            if inputs.output_format.is_empty() {
                self.problem(
                    "output_file",
                    "has an ending that tells no format; end it in `.env` or `.json`, or set `output_format`",
                );
            }
            return None;
        };
        Some(OutputFile { path, format })
    }

    fn required<T>(
        &mut self,
        name: &str,
        text: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        if text.is_empty() {
            self.missing(name, "");
            return None;
        }
        self.read(name, text, parse)
    }

    fn optional<T>(
        &mut self,
        name: &str,
        text: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        if text.is_empty() {
            return None;
        }
        self.read(name, text, parse)
    }

    pub(super) fn read<T>(
        &mut self,
        name: &str,
        text: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let input = inputs::find(name);
        if let Some(problem) = input.and_then(|it| mistakes::in_value(it, text)) {
            self.problem(name, &problem);
            return None;
        }
        match parse(text) {
            Ok(value) => Some(value),
            Err(problem) => {
                self.problem(name, &problem);
                None
            }
        }
    }

    /// `for_what` is what the value must be.
    fn missing(&mut self, name: &str, for_what: &str) {
        if let Some(input) = inputs::find(name) {
            let problem = mistakes::missing(input, for_what, self.env, self.source);
            self.problem(name, &problem);
        }
    }

    pub(super) fn problem(&mut self, name: &str, problem: &str) {
        self.problems.push(format!("input `{name}` {problem}"));
    }
}

fn choice<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, String> {
    let words: Vec<&str> = choices.iter().map(|(it, _)| *it).collect();
    let word = parse::word(text, &words)?;
    let found = choices.iter().find(|(it, _)| *it == word);
    Ok(found.expect("`word` gives one of the words").1)
}
