//! The CI host a step runs on: how it groups, annotates and masks, and where
//! its later steps look for outputs.
//!
//! Invariant: a host decides and formats; only `deliver` writes.

mod azure;
mod bitbucket;
mod buildkite;
mod circleci;
mod cloudbuild;
pub mod commit;
pub mod delivery;
mod drone;
mod github;
mod gitlab;
mod jenkins;
pub mod outputs;
mod teamcity;
mod woodpecker;

use crate::env::Env;
use crate::host::azure::Azure;
use crate::host::bitbucket::Bitbucket;
use crate::host::buildkite::Buildkite;
use crate::host::circleci::CircleCi;
use crate::host::cloudbuild::CloudBuild;
use crate::host::delivery::{Delivery, Export};
use crate::host::drone::Drone;
use crate::host::github::GitHub;
use crate::host::gitlab::GitLab;
use crate::host::jenkins::Jenkins;
use crate::host::outputs::Outputs;
use crate::host::teamcity::TeamCity;
use crate::host::woodpecker::Woodpecker;
use crate::run::outcome::Severity;

/// The hosts, and how each is detected; the first match counts. Forgejo
/// and Gitea also say that they are GitHub, and several hosts set `CI`.
#[rustfmt::skip]
static HOSTS: [(&dyn Host, Marker); 13] = [
    (&GitHub { name: "forgejo", annotates: false }, Marker::IsSet("FORGEJO_ACTIONS")),
    (&GitHub { name: "gitea", annotates: false }, Marker::IsSet("GITEA_ACTIONS")),
    (&GitHub { name: "github", annotates: true }, Marker::IsSet("GITHUB_ACTIONS")),
    (&GitLab, Marker::IsSet("GITLAB_CI")),
    (&CircleCi, Marker::IsSet("CIRCLECI")),
    (&Azure, Marker::IsSet("TF_BUILD")),
    (&Buildkite, Marker::IsSet("BUILDKITE")),
    (&TeamCity, Marker::IsSet("TEAMCITY_VERSION")),
    (&Bitbucket, Marker::IsSet("BITBUCKET_BUILD_NUMBER")),
    (&Woodpecker, Marker::Is("CI", "woodpecker")),
    (&Drone, Marker::IsSet("DRONE")),
    (&CloudBuild, Marker::IsSet("BUILDER_OUTPUT")),
    (&Jenkins, Marker::IsSet("JENKINS_URL")),
];

/// Harness has no variable that is always set. Other hosts' steps have some of
/// its variables too, for what they deploy, so that it comes after all others.
const HARNESS: Marker = Marker::Begins("HARNESS_");

/// The variable that identifies a host.
enum Marker {
    IsSet(&'static str),
    Is(&'static str, &'static str),
    /// Any variable that holds something and whose name begins like this.
    Begins(&'static str),
}

impl Marker {
    fn is_in(&self, vars: &Env) -> bool {
        match self {
            Self::IsSet(name) => vars.get(name).is_some(),
            Self::Is(name, value) => vars.get(name) == Some(value),
            Self::Begins(prefix) => vars
                .iter()
                .any(|(name, value)| name.starts_with(prefix) && !value.is_empty()),
        }
    }
}

/// No host that we know: a plain log, and no outputs but `output_file`.
struct Unknown;

impl Host for Unknown {
    fn name(&self) -> &'static str {
        "plain"
    }
}

/// The hosts' words in `log_format`.
pub fn names() -> impl Iterator<Item = &'static str> {
    HOSTS.iter().map(|(host, _)| host.name())
}

/// The host that the variables tell.
pub fn detect_from_env(vars: &Env) -> &'static dyn Host {
    let told = HOSTS.iter().find(|(_, sign)| sign.is_in(vars));
    match told {
        Some((host, _)) => *host,
        None if HARNESS.is_in(vars) => &Drone,
        None => &Unknown,
    }
}

/// The value of `log_format`.
#[derive(Clone, Copy)]
pub enum LogFormat {
    /// The format of the detected host.
    Auto,
    Plain,
    Json,
    Host(&'static dyn Host),
}

impl LogFormat {
    /// Parses the input.
    ///
    /// # Errors
    ///
    /// Fails with what the input may be if `text` is none of it.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "auto" => return Ok(Self::Auto),
            "plain" => return Ok(Self::Plain),
            "json" => return Ok(Self::Json),
            _ => {}
        }
        let named = HOSTS.iter().find(|(host, _)| host.name() == text);
        named.map(|(host, _)| Self::Host(*host)).ok_or_else(|| {
            let formats = ["auto", "plain", "json"].into_iter().chain(names());
            let formats: Vec<_> = formats.collect();
            format!(
                "is not known: `{text}`; use one of `{}`",
                formats.join("`, `")
            )
        })
    }

    /// The host that receives the outputs and the summary: the one that is
    /// named, else the `detected` one.
    pub fn host(self, detected: &'static dyn Host) -> &'static dyn Host {
        match self {
            Self::Host(host) => host,
            Self::Auto | Self::Plain | Self::Json => detected,
        }
    }

    /// The host whose format the log has.
    pub fn log_host(self, detected: &'static dyn Host) -> &'static dyn Host {
        match self {
            Self::Plain => &Unknown,
            Self::Auto | Self::Json | Self::Host(_) => self.host(detected),
        }
    }
}

/// A CI host, as data and a few small functions. What a host does not have is
/// the default.
pub trait Host: Sync {
    /// Its word in `log_format`.
    fn name(&self) -> &'static str;

    /// Whether its log shows SGR colors.
    fn renders_color(&self) -> bool {
        false
    }

    /// The line that makes the host hide `secret` from here on.
    fn mask(&self, _secret: &str) -> Option<String> {
        None
    }

    /// The line that opens a collapsed group. `now` is in seconds since 1970.
    fn open_group(&self, _group: Group, _now: u64) -> Option<String> {
        None
    }

    /// The line that closes it again.
    fn close_group(&self, _group: Group, _now: u64) -> Option<String> {
        None
    }

    /// Whether it has annotations.
    fn annotates(&self) -> bool {
        false
    }

    /// The line that annotates the step with one message, which may hold
    /// newlines. Without one the message is printed as lines of the log.
    fn annotate(&self, _level: Severity, _title: &str, _message: &str) -> Option<String> {
        None
    }

    /// The line for debugging, which most hosts do not have.
    fn debug(&self, _message: &str) -> Option<String> {
        None
    }

    /// The lines between which the host ignores commands. `token` cannot be
    /// guessed.
    fn suspend_commands(&self, _token: &str) -> Option<(String, String)> {
        None
    }

    /// Whether the host requests a debug log.
    fn wants_debug(&self, _vars: &Env) -> bool {
        false
    }

    /// The prefixes of the variables that hold inputs.
    fn input_prefixes(&self) -> &'static [&'static str] {
        &["INPUT_"]
    }

    /// How the Markdown summary reaches a person; `level` is that of the
    /// ending, if it is not a good one.
    fn summarize(&self, _vars: &Env, _markdown: String, _level: Option<Severity>) -> Vec<Delivery> {
        Vec::new()
    }

    /// How the outputs reach later steps.
    fn export(&self, _vars: &Env, _outputs: &Outputs, _token: &str) -> Export {
        Export::default()
    }
}

/// A title above its message, where the host has no place of its own for it.
fn titled(title: &str, message: &str) -> String {
    if message.starts_with(title) {
        return message.to_owned();
    }
    format!("{title}\n{message}")
}

/// A collapsed part of the log.
#[derive(Clone, Copy)]
pub struct Group<'a> {
    pub title: &'a str,
    /// Unique within the log, and made of `[a-z0-9_]`.
    pub key: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The host of the outputs, given `log_format`.
    fn detect(env: &Env, log_format: &str) -> &'static dyn Host {
        let format = LogFormat::parse(log_format).unwrap_or(LogFormat::Auto);
        format.host(detect_from_env(env))
    }

    fn log_host(env: &Env, log_format: &str) -> &'static dyn Host {
        let format = LogFormat::parse(log_format).unwrap_or(LogFormat::Auto);
        format.log_host(detect_from_env(env))
    }

    #[test]
    fn a_host_is_told_by_its_variables_also_among_others() {
        let cases: [(&[(&str, &str)], &str); 26] = [
            (&[], "plain"),
            (&[("CI", "true")], "plain"),
            (&[("GITHUB_ACTIONS", "true")], "github"),
            (
                &[("GITHUB_ACTIONS", "true"), ("GITEA_ACTIONS", "true")],
                "gitea",
            ),
            (
                &[
                    ("GITHUB_ACTIONS", "true"),
                    ("GITEA_ACTIONS", "true"),
                    ("FORGEJO_ACTIONS", "true"),
                ],
                "forgejo",
            ),
            (
                &[("GITHUB_ACTIONS", "true"), ("FORGEJO_ACTIONS", "true")],
                "forgejo",
            ),
            (&[("GITLAB_CI", "true"), ("CI", "true")], "gitlab"),
            (&[("CIRCLECI", "true")], "circleci"),
            (&[("TF_BUILD", "True")], "azure"),
            (&[("BUILDKITE", "true")], "buildkite"),
            (&[("TEAMCITY_VERSION", "2026.1")], "teamcity"),
            (&[("BITBUCKET_BUILD_NUMBER", "7")], "bitbucket"),
            (&[("CI", "woodpecker")], "woodpecker"),
            // Woodpecker once set Drone's variables too.
            (&[("CI", "woodpecker"), ("DRONE", "true")], "woodpecker"),
            (&[("DRONE", "true")], "drone"),
            (&[("HARNESS_BUILD_ID", "7")], "drone"),
            // Another host's own variable says more than one of Harness.
            (
                &[("HARNESS_API_KEY", "x"), ("BUILDER_OUTPUT", "/out")],
                "cloudbuild",
            ),
            (
                &[("HARNESS_API_KEY", "x"), ("JENKINS_URL", "https://ci")],
                "jenkins",
            ),
            (&[("HARNESS_X", "x"), ("GITHUB_ACTIONS", "true")], "github"),
            (&[("HARNESS_BUILD_ID", "")], "plain"),
            (&[("BUILDER_OUTPUT", "/builder/outputs")], "cloudbuild"),
            (&[("JENKINS_URL", "https://ci.example/")], "jenkins"),
            // A Jenkins that starts what runs on another host.
            (
                &[
                    ("JENKINS_URL", "https://ci.example/"),
                    ("BUILDKITE", "true"),
                ],
                "buildkite",
            ),
            (
                &[
                    ("GITLAB_CI", "true"),
                    ("CIRCLECI", "true"),
                    ("TF_BUILD", "True"),
                ],
                "gitlab",
            ),
            // Empty means absent.
            (&[("GITHUB_ACTIONS", "")], "plain"),
            (&[("HARNESS", "true"), ("MY_DRONE", "true")], "plain"),
        ];
        for (vars, expected) in cases {
            let given = vars
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into()));
            let host = detect_from_env(&Env::from_os(given));
            assert_eq!(host.name(), expected, "{vars:?}");
        }
    }

    /// What a host's log has: color, then its mask, group, end of the group,
    /// warning, and line for debugging; `-` is none.
    #[track_caller]
    fn check(name: &str, expected: [&str; 6]) {
        let host = detect(&Env::default(), name);
        assert_eq!(host.name(), name);
        let group = Group {
            title: "Build [log]",
            key: "build_log_1",
        };
        let annotation = host.annotate(Severity::Warning, "Odd; it's 5%", "a\nb");
        assert_eq!(annotation.is_some(), host.annotates(), "{name}");
        let found = [
            Some(host.renders_color().to_string()),
            host.mask("hush"),
            host.open_group(group, 7),
            host.close_group(group, 8),
            annotation,
            host.debug("GET"),
        ];
        let found = found.map(|it| it.unwrap_or_else(|| "-".to_owned()));
        assert_eq!(found, expected.map(str::to_owned), "{name}");
    }

    #[test]
    fn each_host_is_spoken_to_in_its_own_words() {
        check("plain", ["false", "-", "-", "-", "-", "-"]);
        check(
            "github",
            [
                "true",
                "::add-mask::hush",
                "::group::Build [log]",
                "::endgroup::",
                "::warning title=Odd; it's 5%25::a%0Ab",
                "::debug::GET",
            ],
        );
        for name in ["gitea", "forgejo"] {
            let group = ["::group::Build [log]", "::endgroup::"];
            let [open, close] = group;
            check(
                name,
                ["true", "::add-mask::hush", open, close, "-", "::debug::GET"],
            );
        }
        check(
            "gitlab",
            [
                "true",
                "-",
                "\x1b[0Ksection_start:7:build_log_1[collapsed=true]\r\x1b[0KBuild [log]",
                "\x1b[0Ksection_end:8:build_log_1\r\x1b[0K",
                "-",
                "-",
            ],
        );
        check(
            "azure",
            [
                "true",
                "##vso[task.setsecret]hush",
                "##[group]Build [log]",
                "##[endgroup]",
                "##vso[task.logissue type=warning;]Odd%3B it's 5%AZP25%0Aa%0Ab",
                "##vso[task.debug]GET",
            ],
        );
        check(
            "buildkite",
            ["true", "-", "--- Build [log]", "+++ Deployment", "-", "-"],
        );
        check(
            "teamcity",
            [
                "true",
                "-",
                "##teamcity[blockOpened name='Build |[log|]']",
                "##teamcity[blockClosed name='Build |[log|]']",
                "##teamcity[message text='Odd; it|'s 5%|na|nb' status='WARNING']",
                "-",
            ],
        );
        for name in ["circleci", "bitbucket", "woodpecker", "drone"] {
            check(name, ["true", "-", "-", "-", "-", "-"]);
        }
        for name in ["cloudbuild", "jenkins"] {
            check(name, ["false", "-", "-", "-", "-", "-"]);
        }
        assert_eq!(names().count(), 13);
    }

    #[test]
    fn a_debug_log_is_told_by_each_host_s_own_variable() {
        let cases = [
            ("github", "RUNNER_DEBUG", "1", true),
            ("forgejo", "RUNNER_DEBUG", "1", true),
            ("github", "RUNNER_DEBUG", "0", false),
            ("gitlab", "CI_DEBUG_TRACE", "true", true),
            ("azure", "SYSTEM_DEBUG", "True", true),
            ("azure", "SYSTEM_DEBUG", "false", false),
            ("buildkite", "BUILDKITE_AGENT_DEBUG", "true", true),
            ("drone", "DRONE_BUILD_DEBUG", "true", true),
            ("plain", "RUNNER_DEBUG", "1", false),
        ];
        for (name, variable, value, expected) in cases {
            let vars = Env::from([(variable, value)]);
            assert_eq!(detect(&vars, name).wants_debug(&vars), expected, "{name}");
        }
        for name in names() {
            assert!(!detect(&Env::default(), name).wants_debug(&Env::default()));
        }
    }

    #[test]
    fn what_a_host_has_a_way_to_is_suspended_to_a_build_log() {
        for name in names().chain(["plain"]) {
            let expected = match name {
                "github" | "gitea" | "forgejo" => Some(("::stop-commands::t", "::t::")),
                "teamcity" => Some((
                    "##teamcity[disableServiceMessages]",
                    "##teamcity[enableServiceMessages]",
                )),
                _ => None,
            };
            let expected = expected.map(|(stop, resume)| (stop.to_owned(), resume.to_owned()));
            assert_eq!(
                log_host(&Env::default(), name).suspend_commands("t"),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn settings_of_a_plugin_are_inputs_where_a_step_is_one() {
        for name in names().chain(["none"]) {
            let expected: &[&str] = match name {
                "woodpecker" | "drone" => &["INPUT_", "PLUGIN_"],
                _ => &["INPUT_"],
            };
            let host = detect(&Env::default(), name);
            assert_eq!(host.input_prefixes(), expected, "{name}");
        }
    }

    #[test]
    fn a_summary_goes_where_the_host_shows_one() {
        let vars = Env::from([("GITHUB_STEP_SUMMARY", "/s"), ("AGENT_TEMPDIRECTORY", "/t")]);
        let summary = |name| detect(&vars, name).summarize(&vars, "# x".to_owned(), None);
        for name in names() {
            let places: Vec<_> = summary(name).iter().map(Delivery::place).collect();
            let expected: &[&str] = match name {
                "github" | "gitea" | "forgejo" => &["`/s`"],
                "azure" => &["`/t/pages-retry.md`", "the log"],
                _ => &[],
            };
            assert_eq!(places, expected, "{name}");
        }
    }

    #[test]
    fn a_name_wins_over_the_variables_and_plain_is_only_for_the_log() {
        let vars = Env::from([("GITLAB_CI", "true")]);
        assert_eq!(detect(&vars, "auto").name(), "gitlab");
        assert_eq!(detect(&vars, "azure").name(), "azure");
        assert_eq!(detect(&vars, "plain").name(), "gitlab");
        assert_eq!(log_host(&vars, "plain").name(), "plain");
        assert_eq!(log_host(&vars, "auto").name(), "gitlab");
        assert_eq!(detect(&vars, "json").name(), "gitlab");
    }
}
