//! The CI host a step runs on: how it groups, annotates and masks, and where
//! its later steps look for outputs.
//!
//! Invariant: a host decides and formats; only [`Delivery::start`] writes.

mod azure;
mod bitbucket;
mod buildkite;
mod circleci;
mod cloudbuild;
#[cfg_attr(not(test), expect(dead_code, reason = "not connected yet"))]
mod commit;
pub(crate) mod delivery;
mod drone;
mod github;
mod gitlab;
mod jenkins;
pub(crate) mod outputs;
mod teamcity;
mod woodpecker;

use crate::config::vars::Vars;
use crate::host::azure::Azure;
use crate::host::bitbucket::Bitbucket;
use crate::host::buildkite::Buildkite;
use crate::host::circleci::CircleCi;
use crate::host::cloudbuild::CloudBuild;
use crate::host::delivery::{Delivery, HandOver};
use crate::host::drone::Drone;
use crate::host::github::GitHub;
use crate::host::gitlab::GitLab;
use crate::host::jenkins::Jenkins;
use crate::host::outputs::Outputs;
use crate::host::teamcity::TeamCity;
use crate::host::woodpecker::Woodpecker;

/// The hosts, and what tells each; the first one that is told counts. Forgejo
/// and Gitea also say that they are GitHub, and several hosts set `CI`.
#[rustfmt::skip]
static HOSTS: [(&dyn Host, Sign); 13] = [
    (&GitHub { name: "forgejo", annotates: false }, Sign::Set("FORGEJO_ACTIONS")),
    (&GitHub { name: "gitea", annotates: false }, Sign::Set("GITEA_ACTIONS")),
    (&GitHub { name: "github", annotates: true }, Sign::Set("GITHUB_ACTIONS")),
    (&GitLab, Sign::Set("GITLAB_CI")),
    (&CircleCi, Sign::Set("CIRCLECI")),
    (&Azure, Sign::Set("TF_BUILD")),
    (&Buildkite, Sign::Set("BUILDKITE")),
    (&TeamCity, Sign::Set("TEAMCITY_VERSION")),
    (&Bitbucket, Sign::Set("BITBUCKET_BUILD_NUMBER")),
    (&Woodpecker, Sign::Is("CI", "woodpecker")),
    (&Drone, Sign::SetOrBegins("DRONE", "HARNESS_")),
    (&CloudBuild, Sign::Set("BUILDER_OUTPUT")),
    (&Jenkins, Sign::Set("JENKINS_URL")),
];

/// What tells a host among the variables.
enum Sign {
    Set(&'static str),
    Is(&'static str, &'static str),
    /// The variable, or any whose name begins like this.
    SetOrBegins(&'static str, &'static str),
}

impl Sign {
    fn is_in(&self, vars: &Vars) -> bool {
        match self {
            Self::Set(name) => vars.get(name).is_some(),
            Self::Is(name, value) => vars.get(name) == Some(value),
            Self::SetOrBegins(name, prefix) => {
                vars.get(name).is_some() || vars.iter().any(|(it, _)| it.starts_with(prefix))
            }
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
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    HOSTS.iter().map(|(host, _)| host.name())
}

/// The host that the variables tell.
pub(crate) fn told(vars: &Vars) -> &'static dyn Host {
    let told = HOSTS.iter().find(|(_, sign)| sign.is_in(vars));
    told.map_or(&Unknown, |(host, _)| *host)
}

/// The host that `log_format` names, else the one that the variables tell.
pub(crate) fn detect(vars: &Vars, log_format: &str) -> &'static dyn Host {
    let named = HOSTS.iter().find(|(host, _)| host.name() == log_format);
    named.map_or_else(|| told(vars), |(host, _)| *host)
}

/// The host whose form the log has.
pub(crate) fn of_log(vars: &Vars, log_format: &str) -> &'static dyn Host {
    if log_format == "plain" {
        &Unknown
    } else {
        detect(vars, log_format)
    }
}

/// How much an annotation weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Error,
    Warning,
}

/// A CI host, as data and a few small functions. What a host does not have is
/// the default.
pub(crate) trait Host: Sync {
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
    fn annotate(&self, _level: Level, _title: &str, _message: &str) -> Option<String> {
        None
    }

    /// The line for debugging, which most hosts do not have.
    fn debug(&self, _message: &str) -> Option<String> {
        None
    }

    /// The lines between which the host obeys no command. `token` cannot be
    /// guessed.
    fn deaf(&self, _token: &str) -> Option<(String, String)> {
        None
    }

    /// Whether the host was asked for a debug log.
    fn wants_debug(&self, _vars: &Vars) -> bool {
        false
    }

    /// The prefixes of the variables that hold inputs.
    fn input_prefixes(&self) -> &'static [&'static str] {
        &["INPUT_"]
    }

    /// How the Markdown summary reaches a person; `level` is that of the
    /// ending, if it is not a good one.
    fn summarize(&self, _vars: &Vars, _markdown: String, _level: Option<Level>) -> Vec<Delivery> {
        Vec::new()
    }

    /// How the outputs reach later steps.
    fn hand_over(&self, _vars: &Vars, _outputs: &Outputs, _token: &str) -> HandOver {
        HandOver::default()
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
pub(crate) struct Group<'a> {
    pub(crate) title: &'a str,
    /// Unique within the log, and made of `[a-z0-9_]`.
    pub(crate) key: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_told_by_its_variables_also_among_others() {
        let cases: [(&[(&str, &str)], &str); 22] = [
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
            let host = told(&Vars::from_os(given));
            assert_eq!(host.name(), expected, "{vars:?}");
        }
    }

    /// What a host's log has: color, then its mask, group, end of the group,
    /// warning, and line for debugging; `-` is none.
    #[track_caller]
    fn check(name: &str, expected: [&str; 6]) {
        let host = detect(&Vars::default(), name);
        assert_eq!(host.name(), name);
        let group = Group {
            title: "Build [log]",
            key: "build_log_1",
        };
        let annotation = host.annotate(Level::Warning, "Odd; it's 5%", "a\nb");
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
            let vars = Vars::from([(variable, value)]);
            assert_eq!(detect(&vars, name).wants_debug(&vars), expected, "{name}");
        }
        for name in names() {
            assert!(!detect(&Vars::default(), name).wants_debug(&Vars::default()));
        }
    }

    #[test]
    fn what_a_host_has_a_way_to_is_deaf_to_a_build_log() {
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
            assert_eq!(of_log(&Vars::default(), name).deaf("t"), expected, "{name}");
        }
    }

    #[test]
    fn settings_of_a_plugin_are_inputs_where_a_step_is_one() {
        for name in names().chain(["none"]) {
            let expected: &[&str] = match name {
                "woodpecker" | "drone" => &["INPUT_", "PLUGIN_"],
                _ => &["INPUT_"],
            };
            let host = detect(&Vars::default(), name);
            assert_eq!(host.input_prefixes(), expected, "{name}");
        }
    }

    #[test]
    fn a_summary_goes_where_the_host_shows_one() {
        let vars = Vars::from([("GITHUB_STEP_SUMMARY", "/s"), ("AGENT_TEMPDIRECTORY", "/t")]);
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
        let vars = Vars::from([("GITLAB_CI", "true")]);
        assert_eq!(detect(&vars, "auto").name(), "gitlab");
        assert_eq!(detect(&vars, "azure").name(), "azure");
        assert_eq!(detect(&vars, "plain").name(), "gitlab");
        assert_eq!(of_log(&vars, "plain").name(), "plain");
        assert_eq!(of_log(&vars, "auto").name(), "gitlab");
        assert_eq!(detect(&vars, "json").name(), "gitlab");
    }
}
