//! How long the stages of a project usually take, from its last deployments.
//!
//! Costs no request: the list page that the guards read anyway holds the
//! times. An empty history is as good as none, never an error.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::cloudflare::deployment::{Deployment, Stage, StageName, StageStatus};

/// The durations of each stage, shortest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Usual {
    samples: BTreeMap<StageName, Vec<Duration>>,
}

impl Usual {
    /// Reads the deployments that were built from Git and went well. A failed
    /// or canceled one ended early, and an upload has no build: both would
    /// tell when to expect what will not come.
    pub(crate) fn from_deployments(deployments: &[Deployment]) -> Self {
        let mut samples = BTreeMap::<StageName, Vec<Duration>>::new();
        for deployment in deployments.iter().filter(|it| is_telling(it)) {
            for stage in deployment.stages_by_latest() {
                if let Some(took) = took(&stage) {
                    samples.entry(stage.name).or_default().push(took);
                }
            }
        }
        for stage in samples.values_mut() {
            stage.sort_unstable();
        }
        Self { samples }
    }

    /// The median: what the log shows as the usual time.
    pub(crate) fn of(&self, stage: &StageName) -> Option<Duration> {
        let samples = self.samples(stage);
        let upper = samples.get(samples.len() / 2)?;
        let lower = samples.get((samples.len() - 1) / 2)?;
        Some((*lower + *upper) / 2)
    }

    pub(crate) fn samples(&self, stage: &StageName) -> &[Duration] {
        self.samples.get(stage).map_or(&[], Vec::as_slice)
    }
}

fn is_telling(deployment: &Deployment) -> bool {
    let succeeded = deployment
        .latest_stage
        .as_ref()
        .is_some_and(|it| it.name == StageName::Deploy && it.status == StageStatus::Success);
    succeeded && !deployment.is_skipped && !deployment.is_direct_upload()
}

/// Cloudflare has been seen to end `queued` a few milliseconds before it
/// began: that took no time.
fn took(stage: &Stage) -> Option<Duration> {
    if stage.status != StageStatus::Success {
        return None;
    }
    let took = stage.ended_on? - stage.started_on?;
    Some(took.to_std().unwrap_or(Duration::ZERO))
}
