//! Turns variables into a [`Config`] that is valid by construction.
//!
//! Invariant: all problems are reported together, and no message holds the
//! value of a secret.

mod check;
pub mod flags;
mod forgiving;
pub mod inputs;
pub mod mistakes;
mod parse;
mod parser;

use std::path::PathBuf;

use crate::check::options as check_options;
use crate::cloudflare::transport::{Credentials, Endpoint};
use crate::config::inputs::RawInputs;
use crate::config::mistakes::Source;
use crate::config::parser::InputParser;
use crate::env::Env;
use crate::host::commit::EventFile;
use crate::host::outputs::OutputFormat;
use crate::retry::options::Options;
use crate::run::outcome::Outcome;

/// What was requested, valid by construction.
#[derive(Clone, Debug)]
pub struct Config {
    pub account_id: String,
    pub credentials: Credentials,
    pub endpoint: Endpoint,
    pub options: Options,
    /// The reachability check, if one is wanted.
    pub check: Option<check_options::Options>,
}

impl Config {
    /// Adds to the hint of a rejection what an account id looks like, if ours
    /// does not. Only the hints of rejections name `account_id`.
    pub fn explain_account_id(&self, outcome: &mut Outcome) {
        if let Outcome::ApiError {
            hint: Some(hint), ..
        } = outcome
            && hint.contains("`account_id`")
            && !forgiving::is_account_id(&self.account_id)
        {
            hint.push_str(
                "; an account id has 32 hexadecimal digits, and this one has not: it stands in each dashboard URL, `https://dash.cloudflare.com/ACCOUNT_ID/…`",
            );
        }
    }

    /// Whether a run ended because the account has no project of this name.
    pub fn is_project_unknown(outcome: &Outcome) -> bool {
        matches!(outcome, Outcome::ApiError { hint: Some(hint), .. } if hint.ends_with(NO_SUCH_PROJECT))
    }

    /// Adds to the hint of such an ending which project was probably meant.
    /// `names` are those of the account's projects.
    pub fn suggest_project(&self, outcome: &mut Outcome, names: &[String]) {
        let suggestion = mistakes::another_project(&self.options.project_name, names);
        if let Outcome::ApiError {
            hint: Some(hint), ..
        } = outcome
        {
            hint.push_str(&suggestion);
        }
    }
}

/// The end of the hint that belongs to code 8000007.
const NO_SUCH_PROJECT: &str = "the account has no Pages project of this name";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputFile {
    pub path: PathBuf,
    pub format: OutputFormat,
}

/// The run on a CI host that the inputs belong to, as far as they refer to it.
pub struct CiRun {
    /// The host's word in `log_format`.
    pub host: &'static str,
    /// The file that describes what started the run, on hosts that have one.
    pub event: Option<EventFile>,
    /// Whether a person typed a command.
    pub is_interactive: bool,
}

impl CiRun {
    /// Of no CI host that we know.
    pub const UNKNOWN: Self = Self {
        host: "plain",
        event: None,
        is_interactive: false,
    };

    /// Where a missing input is set.
    fn source(&self) -> Source {
        match self.host {
            "github" | "gitea" | "forgejo" => Source::Workflow,
            _ if self.is_interactive => Source::Terminal,
            _ => Source::Variables,
        }
    }
}

/// The parsed inputs. How the result is reported is known for bad input, too.
pub struct ParsedInputs {
    /// What to do, or everything that is wrong, one line a problem.
    pub config: Result<Config, Vec<String>>,
    /// What is odd, but not wrong.
    pub warnings: Vec<String>,
    /// What was read otherwise than it was written.
    pub notices: Vec<String>,
    pub output_file: Option<OutputFile>,
    pub summary: bool,
}

impl ParsedInputs {
    /// Reads the inputs from the variables that begin with one of `prefixes`.
    pub fn from_env(vars: &Env, prefixes: &[&str], run: &CiRun) -> Self {
        let RawInputs {
            inputs,
            explicit,
            problems,
            warnings,
        } = inputs::collect(vars, prefixes);
        let mut reading = InputParser {
            explicit,
            problems,
            warnings,
            notices: Vec::new(),
            env: vars,
            source: run.source(),
        };
        let output_file = reading.output_file(&inputs);
        let summary = reading.read("summary", &inputs.summary, parse::boolean);
        let config = reading.config(&inputs, vars, run);
        Self {
            config: match config {
                Some(config) if reading.problems.is_empty() => Ok(config),
                Some(_) | None => Err(reading.problems),
            },
            warnings: reading.warnings,
            notices: reading.notices,
            output_file,
            summary: summary.unwrap_or(true),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::config::parser::DEFAULT_BASE_URL;
    use crate::retry::options::{Logs, RetryWhen};
    use crate::run::outcome::FAIL_ON;

    const GOOD: [(&str, &str); 4] = [
        ("INPUT_ACCOUNT_ID", "AB12"),
        ("INPUT_PROJECT_NAME", "site"),
        ("INPUT_DEPLOYMENT_ID", "latest"),
        ("INPUT_API_TOKEN", "hush-hush"),
    ];

    fn given(vars: &[(&str, &str)]) -> ParsedInputs {
        let is_given = |name: &str| vars.iter().any(|(it, _)| *it == name);
        let good = GOOD.iter().filter(|(name, _)| !is_given(name));
        let all = good
            .chain(vars)
            .map(|(name, value)| (name.into(), value.into()));
        ParsedInputs::from_env(&Env::from_os(all), &["INPUT_"], &CiRun::UNKNOWN)
    }

    /// What to do, or what is wrong, a line each.
    fn read(vars: &[(&str, &str)]) -> Result<Config, String> {
        given(vars).config.map_err(|it| it.join("\n"))
    }

    #[test]
    fn each_bad_value_is_named_with_what_would_be_right() {
        let cases = [
            ("ACCOUNT_ID", "a/b", "`account_id` is not an id"),
            (
                "PROJECT_NAME",
                "My_Site",
                "`project_name` is not the name of a Pages project",
            ),
            (
                "DEPLOYMENT_ID",
                "a/b",
                "`deployment_id` is neither an id nor a URL",
            ),
            (
                "DEPLOYMENT_ID",
                "9a8b7c6d,site",
                "use an id, a short id, a URL, `latest`, or `latest-failed`",
            ),
            (
                "DEPLOYMENT_ID",
                "https://dash.cloudflare.com/x",
                "`deployment_id` is not the dashboard page",
            ),
            ("API_TOKEN", "hush\nhush", "`api_token` holds a line break"),
            (
                "API_TOKEN",
                "hush\u{e9}hush",
                "`api_token` holds a character that is not ASCII",
            ),
            ("API_TOKEN", "Bearer hush", "without `Bearer`"),
            ("ENVIRONMENT", "prod", "use one of `production`, `preview`"),
            ("COMMIT_HASH", "abc", "`commit_hash` is not a commit hash"),
            (
                "DEPLOYMENT_ID",
                "https://dash.cloudflare.com/?to=/:account/pages/view/site/",
                "is not the dashboard page of a deployment",
            ),
            (
                "MAX_ATTEMPTS",
                "0",
                "`max_attempts` is not a whole number of at least 1",
            ),
            (
                "MAX_ATTEMPTS",
                "two",
                "`max_attempts` is not a whole number",
            ),
            (
                "RETRY_WHEN",
                "never",
                "use one of `auto`, `transient`, `any`",
            ),
            ("ALLOW_OLDER", "1", "`allow_older` is not a boolean"),
            (
                "FAIL_ON",
                "failure,success",
                "`fail_on` is not known: `success`",
            ),
            ("FAIL_ON", ",", "`fail_on` names no ending"),
            ("FAIL_ON", "none,failure", "`fail_on` is not known: `none`"),
            ("TIMEOUT", "soon", "`timeout` is not a duration"),
            ("TIMEOUT", "31days", "`timeout` is out of range"),
            (
                "TIMEOUT",
                "99999999999999999999",
                "`timeout` is not a duration",
            ),
            ("POLL_INTERVAL", "0", "`poll_interval` is out of range"),
            ("POLL_INTERVAL", "autoo", "use `auto`, `90s`"),
            ("WAIT", "yes", "`wait` is not a boolean"),
            ("LOGS", "all", "use one of `on-failure`, `always`, `never`"),
            ("LOG_FORMAT", "xml", "`log_format` is not known"),
            (
                "OUTPUT_FILE",
                "outputs",
                "`output_file` has an ending that tells no format",
            ),
            (
                "OUTPUT_FORMAT",
                "json",
                "`output_format` needs `output_file`",
            ),
            (
                "API_BASE_URL",
                "http://api.cloudflare.com",
                "`api_base_url` must begin with https",
            ),
            ("API_BASE_URL", "https://u:p@example.com", "holds a user"),
            ("API_BASE_URL", "https://u@example.com", "holds a user"),
            ("API_BASE_URL", "https://:p@example.com", "holds a user"),
            ("API_BASE_URL", "https://example.com?x", "holds a `?`"),
            ("API_BASE_URL", "https://example.com#x", "holds a `?`"),
            ("API_BASE_URL", "nonsense", "`api_base_url` is not a URL"),
        ];
        for (name, value, expected) in cases {
            let error = read(&[(&format!("INPUT_{name}"), value)]).unwrap_err();
            assert_eq!(error.lines().count(), 1, "{name}={value}: {error}");
            assert!(error.contains(expected), "{name}={value}: {error}");
            assert!(!error.contains("hush"), "{error}");
        }
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_named_and_not_shown() {
        let cases = [
            (
                "HTTPS_PROXY",
                "socks5://u:hush@proxy.example:1080",
                "not supported: `socks5`",
            ),
            (
                "https_proxy",
                "socks5h://proxy.example",
                "not supported: `socks5h`",
            ),
            (
                "ALL_PROXY",
                "ftp://u:hush@proxy.example",
                "not supported: `ftp`",
            ),
            ("all_proxy", "http://", "is not the URL of a proxy"),
            (
                "HTTPS_PROXY",
                "http://u:hush@proxy.example:port",
                "is not the URL",
            ),
            ("HTTPS_PROXY", "proxy .example", "is not the URL of a proxy"),
            ("HTTPS_PROXY", ":::", "is not the URL of a proxy"),
        ];
        for (name, value, expected) in cases {
            let error = read(&[(name, value)]).unwrap_err();
            assert!(error.starts_with(&format!("variable `{name}` ")), "{error}");
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("hush"), "{error}");
        }
        let good = [
            ("proxy.example:3128", "http://proxy.example:3128"),
            ("u:p@proxy.example", "http://u:p@proxy.example"),
            ("https://proxy.example", "https://proxy.example"),
        ];
        for (value, expected) in good {
            let vars = [("https_proxy", value), ("ALL_PROXY", "socks5://unused")];
            let config = read(&vars).unwrap();
            assert_eq!(
                config.endpoint.connection.https_proxy.as_deref(),
                Some(expected)
            );
        }
    }

    #[test]
    fn an_empty_input_is_an_absent_one() {
        for (name, _) in GOOD {
            let error = read(&[(name, "  ")]).unwrap_err();
            assert!(error.contains("is missing"), "{error}");
            let variable = match name {
                "INPUT_ACCOUNT_ID" => "`INPUT_ACCOUNT_ID` or `CLOUDFLARE_ACCOUNT_ID`",
                "INPUT_PROJECT_NAME" => "`INPUT_PROJECT_NAME` or `CLOUDFLARE_PAGES_PROJECT`",
                "INPUT_DEPLOYMENT_ID" => "set the variable `INPUT_DEPLOYMENT_ID`",
                _ => "`INPUT_API_TOKEN` or `CLOUDFLARE_API_TOKEN` to an API token",
            };
            assert!(error.contains(variable), "{error}");
        }
        assert!(read(&[("INPUT_TIMEOUT", ""), ("INPUT_BRANCH", "")]).is_ok());
    }

    #[test]
    fn the_defaults_are_those_of_the_contract() {
        let config = read(&[]).unwrap();
        assert_eq!(config.account_id, "ab12");
        assert_eq!(config.options.max_attempts, 1);
        assert_eq!(config.options.retry_when, RetryWhen::Auto);
        assert_eq!(config.options.fail_on, FAIL_ON);
        assert_eq!(config.options.timeout, Duration::from_mins(45));
        assert_eq!(config.options.poll_interval, None);
        assert_eq!(config.options.logs, Logs::OnFailure);
        assert!(config.options.wait && !config.options.allow_older && !config.options.dry_run);
        assert_eq!(config.endpoint.base_url, DEFAULT_BASE_URL);
        let given = given(&[]);
        assert!(given.output_file.is_none() && given.warnings.is_empty() && given.summary);
    }

    #[test]
    fn a_name_is_found_in_any_spelling_and_the_default_yields() {
        let long = |vars: &[(&str, &str)]| read(vars).map(|it| it.options.timeout);
        let hour = Duration::from_hours(1);
        assert_eq!(
            long(&[("INPUT_TIMEOUT", "45m"), ("INPUT_Time-Out", "1h")]),
            Ok(hour)
        );
        assert_eq!(
            long(&[("INPUT_TIME_OUT", "1h"), ("INPUT_TIME-OUT", "1h")]),
            Ok(hour)
        );
        assert_eq!(long(&[("INPUT_TIMEOUT", "3600")]), Ok(hour));
        for (text, hours) in [("30days", 720), ("720h", 720)] {
            let longest = Duration::from_hours(hours);
            assert_eq!(long(&[("INPUT_TIMEOUT", text)]), Ok(longest));
        }
        let second = Duration::from_secs(1);
        assert_eq!(long(&[("INPUT_TIMEOUT", "1")]), Ok(second));
        let error = long(&[("INPUT_TIMEOUT", "2h"), ("INPUT_TIME-OUT", "1h")]).unwrap_err();
        assert!(error.contains("is set twice"), "{error}");
    }

    #[test]
    fn variables_count_where_an_input_is_absent() {
        let vars = [
            ("INPUT_API_TOKEN", ""),
            ("CLOUDFLARE_API_TOKEN", "from-variable"),
            ("INPUT_ACCOUNT_ID", ""),
            ("CLOUDFLARE_ACCOUNT_ID", "fromvariable"),
            ("CLOUDFLARE_BASE_URL", "https://second.example/v4/"),
        ];
        let config = read(&vars).unwrap();
        assert_eq!(config.account_id, "fromvariable");
        assert_eq!(config.endpoint.base_url, "https://second.example/v4");
        let Credentials::Token(token) = config.credentials else {
            panic!("a token was given");
        };
        assert_eq!(token.expose_secret(), "from-variable");
    }

    #[test]
    fn a_token_wins_and_half_a_pair_is_bad() {
        let email = ("INPUT_API_EMAIL", "me@example.com");
        assert!(matches!(
            read(&[email]).unwrap().credentials,
            Credentials::Token(_)
        ));
        let no_token = ("INPUT_API_TOKEN", "");
        let error = read(&[no_token, email]).unwrap_err();
        assert!(error.contains("`api_key` is missing beside `api_email`"));
        let pair = read(&[no_token, email, ("CLOUDFLARE_API_KEY", "hush")]).unwrap();
        assert!(matches!(pair.credentials, Credentials::Key { .. }));
    }

    #[test]
    fn what_would_be_ignored_is_said() {
        let id = ("INPUT_DEPLOYMENT_ID", "9a8b7c6d");
        let warnings = given(&[id, ("INPUT_BRANCH", "main"), ("INPUT_ARGS", "x")]).warnings;
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].contains("`branch` filters only"));
        let error = read(&[("INPUT_WAIT", "false"), ("INPUT_MAX_ATTEMPTS", "2")]).unwrap_err();
        assert!(error.contains("`max_attempts` needs `wait: true`"));
        assert!(read(&[("INPUT_WAIT", "false"), ("INPUT_MAX_ATTEMPTS", "1")]).is_ok());
        assert!(read(&[("INPUT_PROJECT_NAME", "a-0-site")]).is_ok());
    }

    #[test]
    fn how_the_result_is_told_is_known_for_bad_input_too() {
        let bad = [
            ("INPUT_WAIT", "yes"),
            ("INPUT_OUTPUT_FILE", "outputs.env"),
            ("INPUT_SUMMARY", "false"),
        ];
        let given = given(&bad);
        assert!(given.config.is_err() && !given.summary);
        let format = given.output_file.map(|it| it.format);
        assert_eq!(format, Some(OutputFormat::Dotenv));
    }

    #[test]
    fn plain_http_is_for_loopback_addresses() {
        for host in ["localhost:1", "127.0.0.1:1", "127.9.9.9", "[::1]:1"] {
            let url = format!("http://{host}/client/v4");
            assert_eq!(
                read(&[("INPUT_API_BASE_URL", &url)])
                    .unwrap()
                    .endpoint
                    .base_url,
                url
            );
        }
        for host in [
            "localhost.example",
            "10.0.0.1",
            "[::2]",
            "127.0.0.1.nip.example",
        ] {
            assert!(read(&[("INPUT_API_BASE_URL", &format!("http://{host}/v4"))]).is_err());
        }
    }
}
