//! How long the stages of a project usually take, from its last deployments.
//!
//! Costs no request: the list page that the guards read anyway holds the
//! times. An empty history is as good as none, never an error.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::cloudflare::deployment::{Deployment, StageName, StageStatus};

/// The durations of each stage, shortest first.
#[derive(Clone, Debug, Default)]
pub struct StageHistory {
    samples: BTreeMap<StageName, Vec<Duration>>,
}

impl StageHistory {
    /// Reads the deployments that were built from Git and went well. A failed
    /// or canceled one ended early, and an upload has no build: both would
    /// distort the expected durations.
    pub fn from_deployments(deployments: &[Deployment]) -> Self {
        let successes = deployments.iter().filter(|it| is_representative(it));
        let stages = successes.flat_map(Deployment::stages_by_latest);
        stages
            .filter(|it| it.status == StageStatus::Success)
            .filter_map(|it| it.duration().map(|took| (it.name, took)))
            .collect()
    }

    /// The median: what the log shows as the usual time.
    pub fn median(&self, stage: &StageName) -> Option<Duration> {
        let samples = self.samples(stage);
        let upper = samples.get(samples.len() / 2)?;
        let lower = samples.get((samples.len() - 1) / 2)?;
        Some((*lower + *upper) / 2)
    }

    pub fn samples(&self, stage: &StageName) -> &[Duration] {
        self.samples.get(stage).map_or(&[], Vec::as_slice)
    }
}

impl FromIterator<(StageName, Duration)> for StageHistory {
    fn from_iter<I: IntoIterator<Item = (StageName, Duration)>>(durations: I) -> Self {
        let mut samples = BTreeMap::<StageName, Vec<Duration>>::new();
        for (stage, took) in durations {
            samples.entry(stage).or_default().push(took);
        }
        for stage in samples.values_mut() {
            stage.sort_unstable();
        }
        Self { samples }
    }
}

fn is_representative(deployment: &Deployment) -> bool {
    let succeeded = deployment
        .latest_stage
        .as_ref()
        .is_some_and(|it| it.name == StageName::Deploy && it.status == StageStatus::Success);
    succeeded && !deployment.is_skipped && !deployment.is_direct_upload()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A Git build that took so many seconds.
    fn build(seconds: u32) -> Value {
        json!({
            "id": "4f1c2a9e",
            "source": {"type": "github"},
            "latest_stage": {"name": "deploy", "status": "success"},
            "stages": [{
                "name": "build",
                "status": "success",
                "started_on": "2026-01-01T00:00:10Z",
                "ended_on": format!("2026-01-01T00:01:{:02}Z", seconds - 50),
            }],
        })
    }

    #[track_caller]
    fn check(deployments: &[Value], expected: &[u64]) {
        let deployments: Vec<Deployment> = deployments
            .iter()
            .map(|it| serde_json::from_value(it.clone()).unwrap())
            .collect();
        let usual = StageHistory::from_deployments(&deployments);
        let seconds = usual.samples(&StageName::Build).iter();
        assert_eq!(seconds.map(Duration::as_secs).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn times_come_from_git_builds_that_went_well() {
        check(&[], &[]);
        check(&[build(70), build(60), build(65)], &[60, 65, 70]);
        for (field, value) in [
            ("source", Value::Null),
            ("is_skipped", json!(true)),
            ("latest_stage", Value::Null),
            (
                "latest_stage",
                json!({"name": "build", "status": "success"}),
            ),
            (
                "latest_stage",
                json!({"name": "deploy", "status": "failure"}),
            ),
            (
                "latest_stage",
                json!({"name": "build", "status": "canceled"}),
            ),
        ] {
            let mut other = build(70);
            other[field] = value;
            check(&[build(60), other], &[60]);
        }
    }

    #[test]
    fn a_stage_without_times_tells_nothing() {
        for field in ["started_on", "ended_on"] {
            let mut other = build(70);
            other["stages"][0][field] = Value::Null;
            check(&[other, build(60)], &[60]);
        }
        let mut idle = build(70);
        idle["stages"][0]["status"] = json!("idle");
        check(&[idle], &[]);
    }

    #[test]
    fn a_stage_that_ended_before_it_began_took_no_time() {
        let mut hasty = build(60);
        hasty["stages"][0]["ended_on"] = json!("2026-01-01T00:00:09.987058Z");
        check(&[hasty], &[0]);
    }

    #[test]
    fn the_usual_time_is_the_median() {
        let usual = |seconds: &[u64]| {
            let times = seconds.iter().map(|it| Duration::from_secs(*it));
            let usual: StageHistory = times.map(|it| (StageName::Build, it)).collect();
            usual.median(&StageName::Build).map(|it| it.as_secs())
        };
        assert_eq!(usual(&[]), None);
        assert_eq!(usual(&[110]), Some(110));
        assert_eq!(usual(&[300, 100]), Some(200));
        assert_eq!(usual(&[100, 3_000, 110]), Some(110));
    }
}
