//! Short phrases that the log, the outputs and the decisions share.

use std::time::Duration;

use crate::cloudflare::deployment::Deployment;
use crate::run::verdict::verdict;
use crate::text::inline;

/// `deployment 4f1c2a9e of site (production, main, 3b2f9c1 Update index.html)`.
pub fn describe(deployment: &Deployment) -> String {
    let metadata = &deployment.deployment_trigger.metadata;
    let hash = metadata
        .commit_hash
        .get(..7)
        .unwrap_or(&metadata.commit_hash);
    let commit = [inline(hash), inline(subject(deployment))];
    let commit: Vec<_> = commit.into_iter().filter(|it| !it.is_empty()).collect();
    let details = [
        inline(&deployment.environment),
        inline(deployment.branch()),
        commit.join(" "),
    ];
    let details: Vec<_> = details.into_iter().filter(|it| !it.is_empty()).collect();
    format!(
        "deployment {} of {} ({})",
        inline(deployment.short_id()),
        inline(&deployment.project_name),
        details.join(", ")
    )
}

/// The first line of the commit's message.
pub fn subject(deployment: &Deployment) -> &str {
    let message = &deployment.deployment_trigger.metadata.commit_message;
    message.lines().next().unwrap_or_default()
}

/// `main (production)`.
pub fn branch_and_environment(deployment: &Deployment) -> String {
    let (branch, environment) = (inline(deployment.branch()), inline(&deployment.environment));
    format!("{branch} ({environment})")
}

/// How far a deployment is, in the words of the `status` output.
pub fn status_word(deployment: &Deployment) -> &'static str {
    verdict(deployment).map_or("in progress", |it| it.status())
}

/// `<1s`, `2s`, `1m00s`, `1h02m03s`.
pub fn format_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes, rest) {
        (0, 0, 0) => "<1s".to_owned(),
        (0, 0, _) => format!("{rest}s"),
        (0, _, _) => format!("{minutes}m{rest:02}s"),
        (_, _, _) => format!("{hours}h{minutes:02}m{rest:02}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_as_short_as_it_can_be() {
        let cases = [
            (0, "<1s"),
            (999, "<1s"),
            (1_000, "1s"),
            (59_999, "59s"),
            (60_000, "1m00s"),
            (3_599_000, "59m59s"),
            (3_600_000, "1h00m00s"),
            (3_723_000, "1h02m03s"),
        ];
        for (millis, expected) in cases {
            assert_eq!(format_duration(Duration::from_millis(millis)), expected);
        }
    }
}
