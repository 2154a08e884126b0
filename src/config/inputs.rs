//! The inputs by name: which there are, and how they are found among the
//! variables. `action.yml`, `--help` and the README hold the same table, and a
//! test compares them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::forgiving;
use crate::env::Env;

/// One input of the contract.
pub struct InputSpec {
    pub name: &'static str,
    /// Empty means that it has none.
    pub default: &'static str,
    /// Variables that count when the input is absent, the first one first.
    pub falls_back_to: &'static [&'static str],
    pub is_secret: bool,
    pub meaning: &'static str,
}

impl InputSpec {
    /// Whether the flag alone means `true`, so that a value needs a `=`:
    /// booleans, and `check_url`, which may be a path instead.
    pub(super) fn is_switch(&self) -> bool {
        matches!(self.default, "true" | "false")
    }
}

const fn input(
    name: &'static str,
    default: &'static str,
    falls_back_to: &'static [&'static str],
    meaning: &'static str,
) -> InputSpec {
    InputSpec {
        name,
        default,
        falls_back_to,
        is_secret: false,
        meaning,
    }
}

const fn secret(
    name: &'static str,
    falls_back_to: &'static [&'static str],
    meaning: &'static str,
) -> InputSpec {
    InputSpec {
        name,
        default: "",
        falls_back_to,
        is_secret: true,
        meaning,
    }
}

#[rustfmt::skip]
pub static INPUTS: [InputSpec; 28] = [
    input("account_id", "", &["CLOUDFLARE_ACCOUNT_ID"], "Required. The account that owns the project: its id, or a dashboard URL"),
    input("project_name", "", &["CLOUDFLARE_PAGES_PROJECT"], "Required. The name of the Pages project, or `NAME.pages.dev`"),
    input("deployment_id", "", &[], "Required. What to retry: an id, an 8-character short id, a deployment URL, an alias URL, a dashboard URL, `latest`, or `latest-failed`"),
    secret("api_token", &["CLOUDFLARE_API_TOKEN"], "API token with the permission Cloudflare Pages: Edit"),
    input("api_email", "", &["CLOUDFLARE_EMAIL"], "With `api_key`, the older way to authenticate; a token wins"),
    secret("api_key", &["CLOUDFLARE_API_KEY"], "With `api_email`, the older way to authenticate; a token wins"),
    input("branch", "", &[], "Filters `latest` and `latest-failed` by branch: `NAME` or `refs/heads/NAME`. Without any of the three filters, only production is considered"),
    input("environment", "", &[], "Filters `latest` and `latest-failed`: `production` or `preview`"),
    input("commit_hash", "", &[], "Filters `latest` and `latest-failed` by commit: `current` (the commit this CI run is about), or at least 7 characters of a hash; a deployment that is not there yet is waited for"),
    input("max_attempts", "1", &[], "Maximum number of new deployments; 1 means no further attempts"),
    input("retry_when", "auto", &[], "Which failures are retried. `auto`: the target whatever its cause of failure, further attempts only after transient failures; `transient`: also the target of `latest-failed` only if its failure is transient; `any`: all"),
    input("allow_older", "false", &[], "Retry even if a newer deployment for the same address (production, or the same preview branch) has succeeded or is in progress"),
    input("fail_on", "failure,canceled,skipped,deleted,timed_out,unreachable", &[], "The endings that fail the step, or `none`"),
    input("timeout", "45m", &[], "Total time limit: `90s`, `45m`, `1h30m`, or seconds; up to 30 days"),
    input("poll_interval", "auto", &[], "Polling interval: `auto`, or a fixed interval of at least 1s"),
    input("wait", "true", &[], "`false`: trigger, write the outputs, exit"),
    input("check_url", "false", &[], "`true`, or a path such as `/version.txt`: succeed only once the deployment's addresses serve it"),
    input("check_text", "", &[], "Text that the checked page must contain"),
    input("check_timeout", "5m", &[], "How long the deployment may take to become reachable, within `timeout`"),
    input("access_client_id", "", &["CF_ACCESS_CLIENT_ID"], "With `access_client_secret`, a service token for addresses behind Cloudflare Access"),
    secret("access_client_secret", &["CF_ACCESS_CLIENT_SECRET"], "With `access_client_id`, a service token for addresses behind Cloudflare Access; sent only to the checked addresses"),
    input("logs", "on-failure", &[], "The build log: `on-failure`, `always`, or `never`"),
    input("log_format", "auto", &[], "`auto`, `plain`, `json`, or a CI host: `github`, `gitea`, `forgejo`, `gitlab`, `azure`, `buildkite`, `teamcity`, `circleci`, `bitbucket`, `woodpecker`, `drone`, `cloudbuild`, `jenkins`"),
    input("summary", "true", &[], "Write the step summary where the host has one"),
    input("output_file", "", &[], "Also write the outputs to this file; `.env` is dotenv, `.json` is JSON"),
    input("output_format", "", &[], "The format of `output_file` where its ending does not tell: `dotenv`, `json`, or `github`"),
    input("api_base_url", "", &["CLOUDFLARE_API_BASE_URL", "CLOUDFLARE_BASE_URL"], "The API, if not `https://api.cloudflare.com/client/v4`; https, except on a loopback address"),
    input("dry_run", "false", &[], "Resolve and check, trigger nothing"),
];

/// The runner's own names, which are no inputs of ours.
const OF_THE_RUNNER: [&str; 2] = ["ENTRYPOINT", "ARGS"];

/// What the user gave, still as text; empty means absent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Inputs {
    pub account_id: String,
    pub project_name: String,
    pub deployment_id: String,
    pub api_token: String,
    pub api_email: String,
    pub api_key: String,
    pub branch: String,
    pub environment: String,
    pub commit_hash: String,
    pub max_attempts: String,
    pub retry_when: String,
    pub allow_older: String,
    pub fail_on: String,
    pub timeout: String,
    pub poll_interval: String,
    pub wait: String,
    pub check_url: String,
    pub check_text: String,
    pub check_timeout: String,
    pub access_client_id: String,
    pub access_client_secret: String,
    pub logs: String,
    pub log_format: String,
    pub summary: String,
    pub output_file: String,
    pub output_format: String,
    pub api_base_url: String,
    pub dry_run: String,
}

/// Inputs, and what was odd about the variables they came from.
#[derive(Debug, Default)]
pub struct RawInputs {
    pub inputs: Inputs,
    /// The inputs that were set to something other than their default; a
    /// variable that an input falls back to does not count.
    pub explicit: Vec<&'static str>,
    pub problems: Vec<String>,
    pub warnings: Vec<String>,
}

/// Finds the inputs among the variables that begin with one of `prefixes`.
///
/// Input names ignore case, `-` and `_`: `INPUT_API_TOKEN`,
/// `INPUT_API-TOKEN` and `INPUT_APITOKEN` are one input. GitHub's runner also
/// sends each default of `action.yml`, so a spelling that holds the default
/// yields to another one.
pub fn collect(vars: &Env, prefixes: &[&str]) -> RawInputs {
    let mut collected = RawInputs::default();
    let mut given: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (name, value) in vars.iter().filter(|(_, value)| !value.is_empty()) {
        let Some(key) = key(name, prefixes) else {
            continue;
        };
        if INPUTS.iter().any(|it| normalized(it.name) == key) {
            given.entry(key).or_default().push(value);
        } else if !OF_THE_RUNNER.contains(&key.as_str()) {
            collected.warnings.push(unknown(name, &key));
        }
    }
    let not_unicode: Vec<&str> = vars.not_unicode().collect();
    let mut found = Vec::new();
    for input in &INPUTS {
        let mut values = given.remove(&normalized(input.name)).unwrap_or_default();
        values.sort_unstable();
        values.dedup();
        if 1 < values.len() {
            values.retain(|it| *it != input.default);
        }
        if 1 < values.len() {
            collected.problems.push(format!(
                "input `{}` is set twice with different values; keep one",
                input.name
            ));
        }
        let is_odd = |it: &&&str| {
            key(it, prefixes).is_some_and(|it| it == normalized(input.name))
                || (values.is_empty() && input.falls_back_to.contains(it))
        };
        if let Some(name) = not_unicode.iter().find(is_odd) {
            collected.problems.push(format!(
                "input `{}`: the variable `{name}` is not UTF-8: give it as plain text",
                input.name
            ));
        }
        let value = values.first().copied();
        if value.is_some_and(|it| it != input.default) {
            collected.explicit.push(input.name);
        }
        let value = value.or_else(|| vars.first(input.falls_back_to));
        let value = value.unwrap_or(input.default);
        found.push((format!("INPUT_{}", input.name), value.to_owned()));
    }
    collected.inputs = envy::prefixed("INPUT_")
        .from_iter(found)
        .expect("each input is a string with a default");
    collected
}

/// The secrets among the variables, valid or not, so that they can be masked
/// before anything is said about them.
pub fn secrets(vars: &Env, prefixes: &[&str]) -> Vec<String> {
    let inputs = INPUTS.iter().filter(|it| it.is_secret);
    let (names, fallbacks): (Vec<_>, Vec<_>) = inputs
        .map(|it| (normalized(it.name), it.falls_back_to))
        .unzip();
    let is_secret = |name: &str| {
        key(name, prefixes).is_some_and(|it| names.contains(&it))
            || fallbacks.iter().any(|it| it.contains(&name))
    };
    let mut secrets: Vec<String> = vars
        .iter()
        .filter(|(name, value)| !value.is_empty() && is_secret(name))
        .map(|(_, value)| value.to_owned())
        .collect();
    secrets.sort_unstable();
    secrets.dedup();
    secrets
}

/// Whether the variable `name` holds `input`, in whatever spelling.
pub(super) fn is_input(name: &str, prefixes: &[&str], input: &str) -> bool {
    key(name, prefixes).is_some_and(|it| it == normalized(input))
}

fn key(name: &str, prefixes: &[&str]) -> Option<String> {
    let name = name.to_ascii_uppercase();
    prefixes
        .iter()
        .find_map(|it| name.strip_prefix(it))
        .map(normalized)
}

/// A name without case, `-` and `_`, in capitals.
pub(super) fn normalized(name: &str) -> String {
    name.chars()
        .filter(|it| !matches!(it, '-' | '_'))
        .collect::<String>()
        .to_ascii_uppercase()
}

/// The input with this name, in whatever spelling.
pub(super) fn find(name: &str) -> Option<&'static InputSpec> {
    let name = normalized(name);
    INPUTS.iter().find(|it| normalized(it.name) == name)
}

/// The input that was probably meant by an unknown name, which is normalized.
pub(super) fn nearest(key: &str) -> Option<&'static str> {
    // More than half of a short name changed is another word.
    let most = 3.min(key.len() / 2);
    let distance = |name| strsim::damerau_levenshtein(key, &normalized(name));
    let nearest = INPUTS
        .iter()
        .map(|it| (distance(it.name), it.name))
        .min()
        .filter(|(distance, _)| *distance <= most);
    forgiving::name_elsewhere(key).or(nearest.map(|(_, it)| it))
}

fn unknown(name: &str, key: &str) -> String {
    let advice = nearest(key).map(|nearest| format!("; did you mean `{nearest}`?"));
    format!(
        "unknown input in the variable `{name}`{}",
        advice.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;

    const PREFIXES: [&str; 2] = ["INPUT_", "PLUGIN_"];

    #[test]
    fn an_unknown_name_gets_one_warning_with_the_nearest() {
        let vars = Env::from([
            ("INPUT_TIEMOUT", "5m"),
            ("PLUGIN_COLOR_OF_THE_SKY", "blue"),
            ("INPUT_FOO", "x"),
            // Names of other actions.
            ("INPUT_PROJECT", "site"),
            ("INPUT_ACCOUNTEMAIL", "a@example.com"),
            ("INPUT_LOG", "always"),
            ("INPUT_DEPLOYMNT_I", "x"),
            ("INPUT_WAIT", "false"),
            // The runner's own, others' variables, and what is empty.
            ("INPUT_ENTRYPOINT", "x"),
            ("INPUT_ARGS", "x"),
            ("OUTPUT_X", "x"),
            ("INPUT_ODD", ""),
        ]);
        let collected = collect(&vars, &PREFIXES);
        assert_eq!(
            collected.warnings,
            [
                "unknown input in the variable `INPUT_TIEMOUT`; did you mean `timeout`?",
                "unknown input in the variable `PLUGIN_COLOR_OF_THE_SKY`",
                "unknown input in the variable `INPUT_FOO`",
                "unknown input in the variable `INPUT_PROJECT`; did you mean `project_name`?",
                "unknown input in the variable `INPUT_ACCOUNTEMAIL`; did you mean `api_email`?",
                "unknown input in the variable `INPUT_LOG`; did you mean `logs`?",
                "unknown input in the variable `INPUT_DEPLOYMNT_I`; did you mean `deployment_id`?",
            ]
        );
        assert_eq!(collected.inputs.wait, "false");
        assert!(collected.problems.is_empty());
    }

    #[test]
    fn a_secret_is_known_by_each_of_its_names_and_nothing_else_is_one() {
        let vars = Env::from([
            ("INPUT_API-TOKEN", "one"),
            ("plugin_apikey", "two"),
            ("CLOUDFLARE_API_TOKEN", "three"),
            ("CLOUDFLARE_API_KEY", "one"),
            ("CLOUDFLARE_ACCOUNT_ID", "account"),
            ("INPUT_API_EMAIL", "a@example.com"),
            ("API_TOKEN", "of somebody else"),
        ]);
        assert_eq!(secrets(&vars, &PREFIXES), ["one", "three", "two"]);
    }

    #[test]
    fn what_is_no_text_is_a_problem_only_where_it_counts() {
        let odd = || OsString::from_vec(vec![0xff]);
        let of = |vars: &[(&str, OsString)]| {
            let vars = vars.iter().cloned();
            let vars = Env::from_os(vars.map(|(name, value)| (name.into(), value)));
            collect(&vars, &PREFIXES).problems
        };
        let problem = |input: &str, name: &str| {
            format!("input `{input}`: the variable `{name}` is not UTF-8: give it as plain text")
        };
        assert_eq!(
            of(&[("INPUT_BRANCH", odd())]),
            [problem("branch", "INPUT_BRANCH")]
        );
        let fallback = [("CLOUDFLARE_API_TOKEN", odd())];
        assert_eq!(
            of(&fallback),
            [problem("api_token", "CLOUDFLARE_API_TOKEN")]
        );
        let [fallback] = fallback;
        assert!(of(&[fallback, ("INPUT_API_TOKEN", "x".into())]).is_empty());
        assert!(of(&[("PATH", odd())]).is_empty());
    }
}
