//! `commit_hash: current`: the commit that a run on a CI host is about.
//!
//! Invariant: a merge commit that only the host knows is never given, since
//! Pages does not build one. Nothing here reads a file or a variable of the
//! process.

use serde_json::Value;

use crate::env::Env;

/// The file that describes what started a run on GitHub, Gitea or Forgejo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventFile {
    /// Its text, which should be JSON.
    Read(String),
    /// Why it could not be read.
    Unreadable(String),
}

/// The hosts whose variables name the commit, the first one that is set
/// counting: `host: variables`. GitHub, Gitea and Forgejo are not among them.
const VARIABLES: [(&str, &[&str]); 10] = [
    (
        "gitlab",
        &["CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", "CI_COMMIT_SHA"],
    ),
    (
        "azure",
        &["SYSTEM_PULLREQUEST_SOURCECOMMITID", "BUILD_SOURCEVERSION"],
    ),
    ("buildkite", &["BUILDKITE_COMMIT"]),
    ("circleci", &["CIRCLE_SHA1"]),
    ("bitbucket", &["BITBUCKET_COMMIT"]),
    ("teamcity", &["BUILD_VCS_NUMBER"]),
    ("jenkins", &["GIT_COMMIT"]),
    ("woodpecker", &["CI_COMMIT_SHA"]),
    ("drone", &["DRONE_COMMIT_SHA"]),
    ("cloudbuild", &["COMMIT_SHA"]),
];

/// Where an event holds the commit that it is about.
const EVENT_FIELDS: [&str; 4] = [
    "/pull_request/head/sha",
    "/workflow_run/head_sha",
    "/check_run/head_sha",
    "/check_suite/head_sha",
];

/// The events whose `GITHUB_SHA` is a commit of a branch or tag.
const EVENTS_OF_A_COMMIT: [&str; 9] = [
    "push",
    "create",
    "release",
    "schedule",
    "workflow_dispatch",
    "repository_dispatch",
    "merge_group",
    "deployment",
    "deployment_status",
];

/// The events whose `GITHUB_SHA` is a merge commit that only GitHub has.
const EVENTS_OF_A_MERGE: [&str; 3] = [
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
];

const GITHUB_LIKE: [&str; 3] = ["github", "gitea", "forgejo"];

/// The path of the event file to read for [`current`], on the hosts that have
/// one. `host` is the host's word in `log_format`.
pub fn event_path<'a>(host: &str, env: &'a Env) -> Option<&'a str> {
    let is_github_like = GITHUB_LIKE.contains(&host);
    env.get("GITHUB_EVENT_PATH").filter(|_| is_github_like)
}

/// The hash of the commit that the run is about, in lower case.
///
/// `host` is the host's word in `log_format`, `event` what [`event_path`]
/// leads to. The error follows the name of the input: it says which variable
/// or field was expected, and what to do instead.
pub fn current(host: &str, env: &Env, event: Option<&EventFile>) -> Result<String, String> {
    if GITHUB_LIKE.contains(&host) {
        return from_event(env, event);
    }
    let Some((_, names)) = VARIABLES.iter().find(|(name, _)| *name == host) else {
        return Err(
            "cannot be `current` here: no CI system was detected whose variable names the commit; give the commit's hash"
                .to_owned(),
        );
    };
    let found = names.iter().find_map(|name| Some((name, env.get(name)?)));
    let Some((name, value)) = found else {
        let hint = match host {
            "cloudbuild" => "pass it to the step with `env: [\"COMMIT_SHA=$COMMIT_SHA\"]`",
            _ => "pass it to the step, or give the commit's hash",
        };
        let names = names.join("` or `");
        return Err(format!(
            "is `current`, but the variable `{names}` is not set; {hint}"
        ));
    };
    hash(value).ok_or_else(|| {
        format!(
            "is `current`, but the variable `{name}` holds no commit hash: `{value}`; give the commit's hash"
        )
    })
}

/// The warning about a `commit_hash` that is the merge commit of a pull
/// request, which Pages never builds.
pub fn merge_commit_warning(
    host: &str,
    env: &Env,
    event: Option<&EventFile>,
    commit_hash: &str,
) -> Option<String> {
    let name = env.get("GITHUB_EVENT_NAME")?;
    let sha = env.get("GITHUB_SHA")?.to_ascii_lowercase();
    let is_of_a_merge = GITHUB_LIKE.contains(&host) && EVENTS_OF_A_MERGE.contains(&name);
    if !is_of_a_merge || !sha.starts_with(&commit_hash.to_ascii_lowercase()) {
        return None;
    }
    // On Gitea and Forgejo `GITHUB_SHA` may be the pull request's own commit.
    let head = event.and_then(|it| field(it).ok().flatten());
    if head.is_some_and(|it| it == sha) {
        return None;
    }
    Some(format!(
        "input `commit_hash` is `GITHUB_SHA`, which on `{name}` is a merge commit that Pages does not build; use `commit_hash: current`"
    ))
}

fn from_event(env: &Env, event: Option<&EventFile>) -> Result<String, String> {
    let name = env.get("GITHUB_EVENT_NAME").unwrap_or_default();
    if EVENTS_OF_A_COMMIT.contains(&name) {
        let sha = env.get("GITHUB_SHA");
        let Some(sha) = sha else {
            return Err(
                "is `current`, but the variable `GITHUB_SHA` is not set; give the commit's hash"
                    .to_owned(),
            );
        };
        return hash(sha).ok_or_else(|| {
            format!(
                "is `current`, but the variable `GITHUB_SHA` holds no commit hash: `{sha}`; give the commit's hash"
            )
        });
    }
    let Some(event) = event else {
        return Err(format!(
            "is `current`, but the variable `GITHUB_EVENT_PATH` is not set, which leads to the commit of {}; give the commit's hash",
            the_event(name)
        ));
    };
    match field(event) {
        Ok(Some(hash)) => Ok(hash),
        Ok(None) => Err(format!(
            "is `current`, but {} names no commit (expected `pull_request.head.sha`, `workflow_run.head_sha`, `check_run.head_sha` or `check_suite.head_sha` in its file); give the commit's hash, or use `branch` instead",
            the_event(name)
        )),
        Err(problem) => Err(format!(
            "is `current`, but the file in `GITHUB_EVENT_PATH` {problem}; give the commit's hash"
        )),
    }
}

fn the_event(name: &str) -> String {
    match name {
        "" => "the event".to_owned(),
        name => format!("the event `{name}`"),
    }
}

/// The commit that an event file holds, if any.
fn field(event: &EventFile) -> Result<Option<String>, String> {
    let text = match event {
        EventFile::Read(text) => text,
        EventFile::Unreadable(why) => return Err(format!("cannot be read: {why}")),
    };
    let json: Value = serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|_| "is not JSON".to_owned())?;
    let mut values = EVENT_FIELDS
        .iter()
        .filter_map(|it| json.pointer(it)?.as_str());
    Ok(values.find_map(hash))
}

/// A whole or abbreviated hash (SHA-1 or SHA-256), in lower case. The hash of
/// zeros stands for no commit.
fn hash(text: &str) -> Option<String> {
    let is_hash = (7..=64).contains(&text.len())
        && text.bytes().all(|it| it.is_ascii_hexdigit())
        && text.bytes().any(|it| it != b'0');
    is_hash.then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HEAD: &str = "3b2f9c1d0e8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c";
    const MERGE: &str = "ffff9c1d0e8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c";

    fn env(vars: &[(&str, &str)]) -> Env {
        Env::from_os(
            vars.iter()
                .map(|(name, value)| ((*name).into(), (*value).into())),
        )
    }

    /// What `current` gives on a host with these variables; an error by a part
    /// of its text.
    #[track_caller]
    fn check(host: &str, vars: &[(&str, &str)], expected: Result<&str, &str>) {
        let found = current(host, &env(vars), None);
        match expected {
            Ok(hash) => assert_eq!(found.as_deref(), Ok(hash), "{host} {vars:?}"),
            Err(part) => {
                let error = found.unwrap_err();
                assert!(error.contains(part), "{host} {vars:?}: {error}");
            }
        }
    }

    #[test]
    fn each_host_names_the_commit_in_its_own_variables() {
        for (host, names) in VARIABLES {
            for name in names {
                check(host, &[(name, HEAD)], Ok(HEAD));
            }
            // The first one that holds something counts.
            let [first, last] = [names[0], names[names.len() - 1]];
            if first != last {
                check(host, &[(last, MERGE), (first, HEAD)], Ok(HEAD));
                check(host, &[(last, HEAD), (first, " ")], Ok(HEAD));
            }
            let missing = format!("the variable `{}` is not set", names.join("` or `"));
            check(host, &[], Err(&missing));
            // Another host's variable is not this one's.
            check(host, &[("GITHUB_SHA", HEAD)], Err(&missing));
            let odd = format!("the variable `{last}` holds no commit hash: `HEAD`");
            check(host, &[(last, "HEAD")], Err(&odd));
        }
        let upper = HEAD.to_uppercase();
        check("teamcity", &[("BUILD_VCS_NUMBER", &upper)], Ok(HEAD));
        check(
            "teamcity",
            &[("BUILD_VCS_NUMBER", "41207")],
            Err("no commit hash: `41207`"),
        );
        check("cloudbuild", &[], Err("COMMIT_SHA=$COMMIT_SHA"));
        check(
            "plain",
            &[("CI_COMMIT_SHA", HEAD)],
            Err("no CI system was detected"),
        );
    }

    /// Event files in the shape that GitHub writes them, as far as they matter
    /// here, and the commit that each is about.
    fn events() -> Vec<(&'static str, Value, Result<&'static str, &'static str>)> {
        let pull_request = json!({
            "action": "synchronize", "number": 7,
            "before": MERGE, "after": HEAD,
            "pull_request": {
                "number": 7, "merge_commit_sha": MERGE,
                "head": {"label": "acme:fix", "ref": "fix", "sha": HEAD, "repo": {"fork": true}},
                "base": {"label": "acme:main", "ref": "main", "sha": MERGE},
            },
            "repository": {"full_name": "acme/site"},
        });
        let check_run = json!({
            "action": "completed",
            "check_run": {
                "id": 4, "name": "Cloudflare Pages", "head_sha": HEAD, "conclusion": "failure",
                "check_suite": {"id": 5, "head_branch": "main", "head_sha": HEAD},
                "app": {"slug": "cloudflare-workers-and-pages"}, "pull_requests": [],
            },
        });
        let suite = json!({
            "action": "completed",
            "check_suite": {"id": 5, "head_branch": "main", "head_sha": HEAD, "before": MERGE},
        });
        let workflow_run = json!({
            "action": "completed", "workflow": {"name": "CI"},
            "workflow_run": {
                "id": 9, "event": "pull_request", "head_branch": "fix", "head_sha": HEAD,
                "head_commit": {"id": HEAD}, "pull_requests": [],
            },
        });
        let no_field = "names no commit (expected `pull_request.head.sha`";
        vec![
            ("pull_request", pull_request.clone(), Ok(HEAD)),
            ("pull_request_target", pull_request.clone(), Ok(HEAD)),
            ("pull_request_review", pull_request, Ok(HEAD)),
            ("check_run", check_run.clone(), Ok(HEAD)),
            ("check_suite", suite, Ok(HEAD)),
            ("workflow_run", workflow_run, Ok(HEAD)),
            // An issue is about no commit, and a comment on a pull request is
            // one on an issue.
            (
                "issue_comment",
                json!({"action": "created", "issue": {"number": 7, "pull_request": {"url": "u"}}}),
                Err(no_field),
            ),
            (
                "delete",
                json!({"ref": "fix", "ref_type": "branch"}),
                Err(no_field),
            ),
            (
                "workflow_run",
                json!({"workflow_run": {"head_sha": null}}),
                Err(no_field),
            ),
            (
                "check_run",
                json!({"check_run": {"head_sha": "main"}}),
                Err(no_field),
            ),
            (
                "pull_request",
                json!([]),
                Err("the event `pull_request` names no commit"),
            ),
            // These are about `GITHUB_SHA`, whatever else their file holds.
            (
                "push",
                json!({"after": HEAD, "head_commit": {"id": HEAD}}),
                Ok(MERGE),
            ),
            ("schedule", json!({"schedule": "17 3 * * *"}), Ok(MERGE)),
            (
                "workflow_dispatch",
                json!({"inputs": {"pull_request": "7"}}),
                Ok(MERGE),
            ),
            (
                "merge_group",
                json!({"merge_group": {"head_sha": HEAD}}),
                Ok(MERGE),
            ),
            ("deployment_status", check_run, Ok(MERGE)),
        ]
    }

    #[test]
    fn on_github_the_event_names_the_commit() {
        for host in GITHUB_LIKE {
            for (name, json, expected) in events() {
                let env = env(&[("GITHUB_SHA", MERGE), ("GITHUB_EVENT_NAME", name)]);
                let event = EventFile::Read(json.to_string());
                let found = current(host, &env, Some(&event));
                match expected {
                    Ok(hash) => assert_eq!(found.as_deref(), Ok(hash), "{name}: {json}"),
                    Err(part) => {
                        let error = found.unwrap_err();
                        assert!(error.contains(part), "{name}: {error}");
                    }
                }
            }
        }
    }

    #[test]
    fn an_event_that_cannot_be_read_is_said_to_be_so() {
        let named = |name: &str| env(&[("GITHUB_SHA", MERGE), ("GITHUB_EVENT_NAME", name)]);
        let of = |name: &str, event: Option<&EventFile>| current("github", &named(name), event);
        let unreadable = EventFile::Unreadable("permission denied".to_owned());
        let cut = EventFile::Read("{\"check_run\": {".to_owned());
        for (event, part) in [
            (
                Some(&unreadable),
                "`GITHUB_EVENT_PATH` cannot be read: permission denied",
            ),
            (Some(&cut), "`GITHUB_EVENT_PATH` is not JSON"),
            (None, "`GITHUB_EVENT_PATH` is not set"),
        ] {
            let error = of("check_run", event).unwrap_err();
            assert!(error.contains(part), "{error}");
            // Where `GITHUB_SHA` is the commit, the file does not matter.
            assert_eq!(of("push", event).as_deref(), Ok(MERGE));
        }
        check(
            "github",
            &[("GITHUB_EVENT_NAME", "push")],
            Err("`GITHUB_SHA` is not set"),
        );
        let zeros = "0".repeat(40);
        let vars = [
            ("GITHUB_EVENT_NAME", "push"),
            ("GITHUB_SHA", zeros.as_str()),
        ];
        check("github", &vars, Err("`GITHUB_SHA` holds no commit hash"));
        check(
            "gitea",
            &[("GITHUB_SHA", HEAD)],
            Err("the commit of the event;"),
        );
    }

    #[test]
    fn the_merge_commit_of_a_pull_request_is_warned_about() {
        let vars = |name| env(&[("GITHUB_SHA", MERGE), ("GITHUB_EVENT_NAME", name)]);
        let warns = |name, commit: &str| {
            merge_commit_warning("github", &vars(name), None, commit).is_some()
        };
        let warning = merge_commit_warning("github", &vars("pull_request"), None, MERGE);
        assert!(warning.unwrap().contains("`commit_hash: current`"));
        assert!(warns("pull_request", &MERGE[..7]));
        assert!(!warns("pull_request", HEAD));
        assert!(!warns("push", MERGE));
        assert!(!warns("pull_request_target", MERGE));
        let other_host = merge_commit_warning("gitlab", &vars("pull_request"), None, MERGE);
        assert_eq!(other_host, None);
        // The file shows that it is the pull request's own commit.
        let event = json!({"pull_request": {"head": {"sha": MERGE}}}).to_string();
        let event = EventFile::Read(event);
        let own = merge_commit_warning("gitea", &vars("pull_request"), Some(&event), MERGE);
        assert_eq!(own, None);
    }

    #[test]
    fn the_event_file_is_looked_for_only_where_there_is_one() {
        let env = env(&[("GITHUB_EVENT_PATH", "/e.json")]);
        for host in GITHUB_LIKE {
            assert_eq!(event_path(host, &env), Some("/e.json"));
        }
        assert_eq!(event_path("gitlab", &env), None);
        assert_eq!(event_path("plain", &env), None);
    }
}
