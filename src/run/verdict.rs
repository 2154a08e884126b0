//! Reads from a deployment how it ended.

use crate::cloudflare::deployment::{Deployment, StageName, StageStatus};
use crate::run::outcome::Outcome;

/// Reads how a deployment ended; `None` while it is in progress.
///
/// `is_skipped` comes first: a deployment that a rule skipped looks queued and
/// idle for ever. Then only `latest_stage` counts, and only `deploy` makes a
/// success.
pub fn verdict(deployment: &Deployment) -> Option<Outcome> {
    let skipped = || Outcome::Skipped {
        reason: deployment
            .skip_reason
            .clone()
            .unwrap_or_else(|| "skipped".to_owned()),
        superseded_by: None,
    };
    if deployment.is_skipped {
        return Some(skipped());
    }
    let latest = deployment.latest_stage.as_ref()?;
    let stage = latest.name.clone();
    match (&latest.name, &latest.status) {
        (_, StageStatus::Skipped) => Some(skipped()),
        (_, StageStatus::Failure) => Some(Outcome::Failed { stage }),
        (_, StageStatus::Canceled) => Some(Outcome::Canceled { stage }),
        (StageName::Deploy, StageStatus::Success) => Some(Outcome::Deployed),
        (
            _,
            StageStatus::Idle | StageStatus::Active | StageStatus::Success | StageStatus::Other(_),
        ) => None,
    }
}
