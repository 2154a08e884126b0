//! What to say when no deployment matches.
//!
//! The newest deployments are listed for orientation, never as something to
//! do: a person decides which one is meant.

use chrono::{DateTime, TimeDelta, Utc};

use crate::cloudflare::deployment::Deployment;
use crate::run::outcome::Outcome;
use crate::run::verdict::verdict;

/// How many of the newest deployments are listed.
const LISTED: usize = 3;

/// The newest deployments, `listed` newest first:
/// `the newest deployments are 9a8b7c6d (production, main, failed 2 h ago), …`.
/// `now` is the API's time; without it, ages are left out.
pub(super) fn describe_newest(listed: &[Deployment], now: Option<DateTime<Utc>>) -> String {
    let newest: Vec<String> = listed
        .iter()
        .take(LISTED)
        .map(|it| short(it, now))
        .collect();
    match newest.as_slice() {
        [] => "the project has no deployments there".to_owned(),
        [only] => format!("the newest deployment is {only}"),
        several => format!("the newest deployments are {}", several.join(", ")),
    }
}

/// `9a8b7c6d (production, main, failed 2 h ago)`.
fn short(deployment: &Deployment, now: Option<DateTime<Utc>>) -> String {
    let state = match verdict(deployment) {
        None => "in progress",
        Some(Outcome::Deployed) => "succeeded",
        Some(Outcome::Canceled { .. }) => "canceled",
        Some(Outcome::Skipped { .. }) => "skipped",
        Some(_) => "failed",
    };
    let latest = deployment.latest_stage.as_ref();
    let ended_on = latest.and_then(|it| it.ended_on).or(deployment.created_on);
    let age = match verdict(deployment) {
        Some(_) => age(now, ended_on).map(|it| format!(" {it} ago")),
        None => age(now, deployment.created_on).map(|it| format!(" for {it}")),
    };
    let state = format!("{state}{}", age.unwrap_or_default());
    let parts = [deployment.environment.as_str(), deployment.branch(), &state];
    let parts: Vec<&str> = parts.into_iter().filter(|it| !it.is_empty()).collect();
    format!("{} ({})", deployment.short_id(), parts.join(", "))
}

/// `less than 1 min`, `5 min`, `2 h`, `3 d`. A time in the future, which the
/// API's clocks have been seen to give, counts as now.
fn age(now: Option<DateTime<Utc>>, then: Option<DateTime<Utc>>) -> Option<String> {
    let age = (now? - then?).max(TimeDelta::zero());
    Some(match (age.num_days(), age.num_hours(), age.num_minutes()) {
        (0, 0, 0) => "less than 1 min".to_owned(),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, _) => format!("{hours} h"),
        (days, _, _) => format!("{days} d"),
    })
}

/// Which other input a `deployment_id` belongs into, if it turns out to be a
/// branch, a commit or an environment.
pub(super) fn other_input(deployment_id: &str, listed: &[Deployment]) -> Option<String> {
    let text = deployment_id;
    let is_branch = |it: &&Deployment| it.branch().eq_ignore_ascii_case(text);
    let says = |what: &str, input: &str, value: &str| {
        format!(
            "`{text}` is {what}, not a deployment: use `deployment_id: latest-failed` (or `latest`) with `{input}: {value}`"
        )
    };
    if let Some(of_branch) = listed.iter().find(is_branch) {
        return Some(says("a branch", "branch", of_branch.branch()));
    }
    if let "production" | "preview" = text {
        return Some(says("an environment", "environment", text));
    }
    let is_hash = (7..=64).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_hexdigit());
    let is_commit = |it: &Deployment| {
        let hash = it.commit_hash().to_ascii_lowercase();
        hash.starts_with(&text.to_ascii_lowercase())
    };
    (is_hash && listed.iter().any(is_commit)).then(|| says("a commit", "commit_hash", text))
}

/// What was searched, where that was not everything:
/// ` among the newest 1,000 deployments`.
pub(super) fn describe_searched(count: usize) -> String {
    let digits = count.to_string();
    let head = digits.len().saturating_sub(3);
    let (thousands, rest) = digits.split_at(head);
    let count = if thousands.is_empty() {
        rest.to_owned()
    } else {
        format!("{thousands},{rest}")
    };
    format!(" among the newest {count} deployments")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment(id: &str, environment: &str, branch: &str, status: &str) -> Deployment {
        let json = json!({
            "id": format!("{id}-0000"), "short_id": id, "environment": environment,
            "created_on": "2026-01-01T10:00:00Z",
            "latest_stage": {
                "name": "deploy", "status": status, "started_on": "2026-01-01T10:01:00Z",
                "ended_on": (status != "active").then_some("2026-01-01T10:05:00Z"),
            },
            "deployment_trigger": {"metadata": {
                "branch": branch, "commit_hash": "3b2f9c1d0e8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c",
            }},
        });
        serde_json::from_value(json).unwrap()
    }

    fn at(time: &str) -> Option<DateTime<Utc>> {
        format!("2026-01-{time}:00Z").parse().ok()
    }

    #[test]
    fn the_newest_three_are_listed_with_state_and_age() {
        let listed = [
            deployment("9a8b7c6d", "production", "main", "failure"),
            deployment("0ddba11a", "preview", "docs", "active"),
            deployment("5eed5eed", "", "", "success"),
            deployment("77c0ffee", "preview", "shop", "success"),
        ];
        assert_eq!(
            describe_newest(&listed, at("01T12:05")),
            "the newest deployments are 9a8b7c6d (production, main, failed 2 h ago), 0ddba11a (preview, docs, in progress for 2 h), 5eed5eed (succeeded 2 h ago)"
        );
        assert_eq!(
            describe_newest(&listed[..1], None),
            "the newest deployment is 9a8b7c6d (production, main, failed)"
        );
        assert_eq!(
            describe_newest(&[], None),
            "the project has no deployments there"
        );
    }

    #[test]
    fn an_age_is_one_number() {
        for (now, expected) in [
            ("01T10:04", "less than 1 min"),
            ("01T10:05", "less than 1 min"),
            ("01T10:06", "1 min"),
            ("01T11:04", "59 min"),
            ("01T11:05", "1 h"),
            ("02T10:04", "23 h"),
            ("02T10:05", "1 d"),
            ("09T10:05", "8 d"),
        ] {
            assert_eq!(age(at(now), at("01T10:05")).unwrap(), expected, "{now}");
        }
        assert_eq!(age(None, at("01T10:05")), None);
    }

    #[test]
    fn a_branch_or_a_commit_is_recognized_and_its_input_named() {
        let listed = [deployment("9a8b7c6d", "preview", "Docs", "failure")];
        let cases = [
            ("docs", Some("with `branch: Docs`")),
            ("3b2f9c1", Some("with `commit_hash: 3b2f9c1`")),
            ("3B2F9C1D", Some("with `commit_hash: 3B2F9C1D`")),
            ("production", Some("with `environment: production`")),
            ("3b2f9c", None),
            ("3b2f9c2", None),
            ("deadbeef", None),
            ("shop", None),
        ];
        for (text, expected) in cases {
            let found = other_input(text, &listed);
            match expected {
                Some(part) => assert!(found.unwrap().ends_with(part), "{text}"),
                None => assert_eq!(found, None, "{text}"),
            }
        }
        // A direct upload has no hash and may have no branch.
        let mut upload = deployment("9a8b7c6d", "preview", "", "failure");
        upload.deployment_trigger.metadata.commit_hash.clear();
        assert_eq!(other_input("3b2f9c1", &[upload]), None);
    }

    #[test]
    fn what_was_searched_is_counted() {
        assert_eq!(describe_searched(200), " among the newest 200 deployments");
        assert_eq!(
            describe_searched(1000),
            " among the newest 1,000 deployments"
        );
    }
}
