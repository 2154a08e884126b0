//! Decides, from responses and the time, what happened to a deployment and what
//! to do next.
//!
//! Invariant: no I/O, no clock, no randomness; the same inputs give the same
//! events. Each stage starts at most once and ends at most once, in order.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::cloudflare::deployment::{Deployment, Stage, StageName, StageStatus};
use crate::cloudflare::error::ClientError;
use crate::retry::failure_budget::{FailureBudget, Rejections};
use crate::retry::pace::{self, Pause};
use crate::run::event::{Event, StageEnd};
use crate::run::history::StageHistory;
use crate::run::outcome::Outcome;
use crate::run::verdict::verdict;

/// How long after the request to retry the API may not know the deployment it
/// made.
const NOT_YET_KNOWN: Duration = Duration::from_secs(30);

/// How many responses in a row must say that a deployment does not exist, and
/// how far the last must be from the first.
const MISSES: u32 = 3;
const MISSING_FOR: Duration = Duration::from_secs(10);

/// The pause after such a response.
const MISS_PAUSE: Duration = Duration::from_secs(5);

/// How long a retry that kept its id may show how the original ended.
const NOT_YET_CHANGED: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub enum Input {
    Polled {
        deployment: Box<Deployment>,
        /// The API's time, if it said so.
        date: Option<DateTime<Utc>>,
    },
    PollFailed(ClientError),
}

#[must_use = "the events must be reported and the next step taken"]
#[derive(Debug)]
pub struct Reaction {
    pub events: Vec<Event>,
    pub next: Next,
}

#[derive(Debug)]
pub enum Next {
    PollIn(Pause),
    Finish(Outcome),
}

/// One deployment on its way.
pub struct Watch {
    usual: StageHistory,
    /// `None` means as often as it makes sense.
    poll_interval: Option<Duration>,
    stages: Vec<StageProgress>,
    /// The places of the stages in `stages`.
    places: HashMap<StageName, usize>,
    warned: HashSet<String>,
    failures: FailureBudget,
    /// The responses in a row that say that it does not exist, and when the
    /// first of them came.
    misses: u32,
    missing_since: Duration,
    /// Until then the API may not know the deployment.
    known_by: Duration,
    /// How the original ended, while the retry may still show it.
    stale: Option<Stage>,
    began: Duration,
}

/// What was reported of a stage.
struct StageProgress {
    name: StageName,
    started_at: Duration,
    has_ended: bool,
}

impl Watch {
    /// A watch that begins `elapsed` after the run did.
    pub fn new(elapsed: Duration, usual: StageHistory, poll_interval: Option<Duration>) -> Self {
        Self {
            usual,
            poll_interval,
            stages: Vec::new(),
            places: HashMap::new(),
            warned: HashSet::new(),
            failures: FailureBudget::new(Rejections::MustAgree),
            misses: 0,
            missing_since: Duration::ZERO,
            known_by: Duration::ZERO,
            stale: None,
            began: elapsed,
        }
    }

    /// The watch of a deployment just made from `original`.
    pub fn for_new_deployment(mut self, deployment: &Deployment, original: &Deployment) -> Self {
        self.known_by = self.began + NOT_YET_KNOWN;
        if deployment.id == original.id {
            self.stale.clone_from(&original.latest_stage);
        }
        self
    }

    /// The stage that runs, and how long it has been seen to.
    pub fn running(&self, elapsed: Duration) -> Option<(StageName, Duration)> {
        let stage = self.stages.iter().rev().find(|it| !it.has_ended)?;
        let running_for = elapsed.saturating_sub(stage.started_at);
        Some((stage.name.clone(), running_for))
    }

    /// Takes in what happened, `elapsed` after the run began.
    pub fn handle(&mut self, elapsed: Duration, input: Input) -> Reaction {
        match input {
            Input::Polled { deployment, date } => self.polled(elapsed, &deployment, date),
            Input::PollFailed(error) => self.failed(elapsed, &error),
        }
    }

    fn polled(
        &mut self,
        elapsed: Duration,
        deployment: &Deployment,
        date: Option<DateTime<Utc>>,
    ) -> Reaction {
        self.failures.answered();
        self.misses = 0;
        let is_stale = self.stale.is_some()
            && self.stale == deployment.latest_stage
            && elapsed.saturating_sub(self.began) < NOT_YET_CHANGED;
        if is_stale {
            return Reaction {
                events: Vec::new(),
                next: Next::PollIn(Pause::exactly(Duration::from_secs(2))),
            };
        }
        let mut events = self.unknown_words(deployment);
        let verdict = verdict(deployment);
        match &verdict {
            Some(Outcome::Skipped { reason, .. }) => {
                let reason = reason.clone();
                events.push(Event::Skipped { reason });
            }
            Some(_) | None => self.replay(elapsed, deployment, &mut events),
        }
        let next = match verdict {
            Some(outcome) => Next::Finish(outcome),
            None => Next::PollIn(self.pause(elapsed, deployment, date)),
        };
        Reaction { events, next }
    }

    fn failed(&mut self, elapsed: Duration, error: &ClientError) -> Reaction {
        let silently = |next| Reaction {
            events: Vec::new(),
            next,
        };
        if error.is_no_such_deployment() {
            self.failures.not_rejected();
            return silently(self.missing(elapsed));
        }
        if !error.is_rate_limit() {
            self.misses = 0;
        }
        let Some((event, pause)) = self.failures.failed(elapsed, error) else {
            return silently(Next::Finish(Outcome::from_api_error(error)));
        };
        Reaction {
            events: vec![event],
            next: Next::PollIn(pause),
        }
    }

    /// Takes in that the API does not know the deployment: just created it may
    /// not be known yet, and a single response decides nothing.
    fn missing(&mut self, elapsed: Duration) -> Next {
        if elapsed < self.known_by {
            return Next::PollIn(Pause::exactly(Duration::from_secs(2)));
        }
        if self.misses == 0 {
            self.missing_since = elapsed;
        }
        self.misses += 1;
        let missing_for = elapsed.saturating_sub(self.missing_since);
        if MISSES <= self.misses && MISSING_FOR <= missing_for {
            return Next::Finish(Outcome::Deleted);
        }
        Next::PollIn(Pause::exactly(MISS_PAUSE))
    }

    /// When to poll next. A stage's age is best measured by the API's own times,
    /// its `Date` included; else by how long we have seen it.
    fn pause(
        &self,
        elapsed: Duration,
        deployment: &Deployment,
        date: Option<DateTime<Utc>>,
    ) -> Pause {
        if let Some(every) = self.poll_interval {
            return Pause::exactly(every);
        }
        let (name, seen_for) = self
            .running(elapsed)
            .unwrap_or_else(|| (StageName::Queued, elapsed.saturating_sub(self.began)));
        let stages = deployment.stages_by_latest();
        let stage = stages.iter().find(|it| it.name == name);
        let started_on = stage.and_then(|it| it.started_on);
        let age = date.zip(started_on).map(|(now, start)| now - start);
        let age = age.and_then(|it| it.to_std().ok()).unwrap_or_default();
        pace::pause(&self.usual, &name, age.max(seen_for))
    }

    /// Reports what happened since the last response, from the whole list:
    /// several stages may have come and gone. Takes linear time, however many
    /// stages there are.
    fn replay(&mut self, elapsed: Duration, deployment: &Deployment, events: &mut Vec<Event>) {
        let listed = deployment.stages_by_latest();
        let mut order = HashMap::new();
        for (n, stage) in listed.iter().enumerate() {
            order.entry(&stage.name).or_insert(n);
        }
        let is_over = verdict(deployment).is_some();
        let latest = deployment.latest_stage.as_ref().map(|it| &it.name);
        // A verdict comes from the latest stage: what the list has behind it
        // did not happen.
        let end = latest.and_then(|it| order.get(it)).filter(|_| is_over);
        let stages = &listed[..end.map_or(listed.len(), |it| it + 1)];
        let last_begun = stages.iter().rposition(has_begun);
        let started = self.stages.iter().filter_map(|it| order.get(&it.name));
        let mut last_started = started.max().copied();
        for (n, stage) in stages.iter().enumerate() {
            if !has_begun(stage) {
                continue;
            }
            let place = if let Some(place) = self.places.get(&stage.name) {
                *place
            } else {
                // What comes late to a list that has moved on would be out of
                // order, but the stage in which it ended is always reported.
                let is_late = last_started.is_some_and(|it| n < it);
                if is_late && end != Some(&n) {
                    continue;
                }
                events.push(Event::StageStarted {
                    name: stage.name.clone(),
                    usually: self.usual.median(&stage.name),
                });
                last_started = last_started.max(order.get(&stage.name).copied());
                let place = self.stages.len();
                self.places.insert(stage.name.clone(), place);
                self.stages.push(StageProgress {
                    name: stage.name.clone(),
                    started_at: elapsed,
                    has_ended: false,
                });
                place
            };
            let progress = &mut self.stages[place];
            let end = match stage.status {
                StageStatus::Success => Some(StageEnd::Success),
                StageStatus::Failure => Some(StageEnd::Failure),
                StageStatus::Canceled => Some(StageEnd::Canceled),
                // The list can lag: a later stage has begun.
                StageStatus::Idle
                | StageStatus::Active
                | StageStatus::Skipped
                | StageStatus::Other(_) => (Some(n) < last_begun).then_some(StageEnd::Success),
            };
            if let Some(end) = end
                && !progress.has_ended
            {
                progress.has_ended = true;
                events.push(Event::StageFinished {
                    name: stage.name.clone(),
                    end,
                    took: stage
                        .duration()
                        .unwrap_or_else(|| elapsed.saturating_sub(progress.started_at)),
                });
            }
        }
    }

    fn unknown_words(&mut self, deployment: &Deployment) -> Vec<Event> {
        let stages = deployment.stages_by_latest();
        let words = stages.iter().filter_map(|it| match &it.status {
            StageStatus::Other(word) => Some((it, word)),
            StageStatus::Idle
            | StageStatus::Active
            | StageStatus::Success
            | StageStatus::Failure
            | StageStatus::Canceled
            | StageStatus::Skipped => None,
        });
        let new = words.filter(|(_, word)| self.warned.insert((*word).clone()));
        let events = new.map(|(stage, word)| Event::Warned {
            message: format!(
                "stage {} has the status `{word}`, unknown to this version; treated as still running",
                stage.name
            ),
        });
        events.collect()
    }
}

fn has_begun(stage: &Stage) -> bool {
    match stage.status {
        StageStatus::Idle => stage.started_on.is_some(),
        StageStatus::Skipped => false,
        StageStatus::Active
        | StageStatus::Success
        | StageStatus::Failure
        | StageStatus::Canceled
        | StageStatus::Other(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::cloudflare::error::ErrorResponse;
    use crate::report::line::line;

    /// A deployment from `name:status` words, the last one being the latest
    /// stage. Each stage took a minute.
    fn deployment(stages: &str) -> Deployment {
        let stages: Vec<_> = stages
            .split_whitespace()
            .map(|it| {
                let (name, status) = it.split_once(':').unwrap();
                let start = (status != "idle").then_some("2026-01-01T00:00:00Z");
                let is_over = ["success", "failure", "canceled"].contains(&status);
                let end = is_over.then_some("2026-01-01T00:01:00Z");
                json!({"name": name, "status": status, "started_on": start, "ended_on": end})
            })
            .collect();
        let latest = stages.last().cloned();
        let json = json!({"id": "new", "stages": stages, "latest_stage": latest});
        serde_json::from_value(json).unwrap()
    }

    fn watch() -> Watch {
        Watch::new(Duration::ZERO, StageHistory::default(), None)
    }

    fn polled(deployment: Deployment) -> Input {
        Input::Polled {
            deployment: Box::new(deployment),
            date: None,
        }
    }

    /// Passes in the responses one by one, a second apart; one per line.
    #[track_caller]
    fn check(answers: &str, log: &str, end: Option<&Outcome>) {
        let mut watch = watch();
        let (mut shown, mut finished) = (String::new(), None);
        for (n, answer) in (1..).zip(answers.lines()) {
            let elapsed = Duration::from_secs(n);
            let Reaction { events, next } = watch.handle(elapsed, polled(deployment(answer)));
            for line in events.iter().filter_map(line) {
                let symbol = line.symbol.map(|it| format!("{} ", it.char()));
                shown.extend([symbol.unwrap_or_default(), line.text, "\n".to_owned()]);
            }
            if let Next::Finish(outcome) = next {
                finished = Some(outcome);
            }
        }
        assert_eq!(shown, log);
        assert_eq!(finished.as_ref(), end);
    }

    #[test]
    fn a_stage_that_came_and_went_between_polls_is_still_reported() {
        check(
            "\
queued:active
queued:success initialize:success clone_repo:success build:active",
            "\
• queued
✓ queued in 1m00s
• initialize
✓ initialize in 1m00s
• clone_repo
✓ clone_repo in 1m00s
• build
",
            None,
        );
    }

    #[test]
    fn only_a_deploy_that_succeeded_is_a_success() {
        check(
            "queued:success\nqueued:success build:success",
            "• queued\n✓ queued in 1m00s\n• build\n✓ build in 1m00s\n",
            None,
        );
        check(
            "deploy:success",
            "• deploy\n✓ deploy in 1m00s\n",
            Some(&Outcome::Deployed),
        );
    }

    #[test]
    fn a_list_that_lags_behind_is_caught_up_with() {
        check(
            "clone_repo:active\nclone_repo:active build:active\nclone_repo:success build:active",
            "• clone_repo\n✓ clone_repo in 1s\n• build\n",
            None,
        );
    }

    #[test]
    fn a_canceled_stage_ends_the_watch() {
        let stage = StageName::Other("test".to_owned());
        check(
            "queued:success test:canceled",
            "• queued\n✓ queued in 1m00s\n• test\n⊘ test canceled after 1m00s\n",
            Some(&Outcome::Canceled { stage }),
        );
    }

    #[test]
    fn an_unknown_status_is_warned_about_once_and_taken_as_running() {
        let mut watch = watch();
        let warnings = (1..=3).map(|n| {
            let input = polled(deployment("build:pondering"));
            let reaction = watch.handle(Duration::from_secs(n), input);
            assert!(matches!(reaction.next, Next::PollIn(_)));
            let is_warning = |it: &&Event| matches!(it, Event::Warned { .. });
            reaction.events.iter().filter(is_warning).count()
        });
        assert_eq!(warnings.sum::<usize>(), 1);
    }

    #[test]
    fn a_skipped_deployment_looks_queued_and_is_not() {
        let mut skipped = deployment("queued:idle");
        assert_eq!(verdict(&skipped), None);
        skipped.is_skipped = true;
        skipped.skip_reason = Some("path_config".to_owned());
        let Some(Outcome::Skipped { reason, .. }) = verdict(&skipped) else {
            panic!("it is skipped");
        };
        assert_eq!(reason, "path_config");
        let superseded = verdict(&deployment("build:skipped"));
        assert!(matches!(superseded, Some(Outcome::Skipped { .. })));
    }

    fn gone() -> Input {
        let body = json!({"errors": [{"code": 8_000_009, "message": "gone"}]});
        let items = serde_json::from_value(body["errors"].clone()).unwrap();
        Input::PollFailed(ClientError::Refused(ErrorResponse {
            status: 404,
            items,
            ..ErrorResponse::default()
        }))
    }

    /// A deployment just created from another one.
    fn watch_new() -> Watch {
        let original = deployment("build:failure");
        let mut made = deployment("queued:active");
        made.id = "made".to_owned();
        watch().for_new_deployment(&made, &original)
    }

    fn refused(status: u16) -> Input {
        Input::PollFailed(ClientError::from_refusal(ErrorResponse {
            status,
            excerpt: Some("no".to_owned()),
            ..ErrorResponse::default()
        }))
    }

    /// When the watch ends that gets these responses at these seconds.
    fn ends_at(mut watch: Watch, inputs: Vec<(u64, Input)>) -> Option<(u64, Outcome)> {
        inputs.into_iter().find_map(|(at, input)| {
            match watch.handle(Duration::from_secs(at), input).next {
                Next::Finish(outcome) => Some((at, outcome)),
                Next::PollIn(_) => None,
            }
        })
    }

    #[test]
    fn a_deployment_is_deleted_after_three_misses_over_ten_seconds() {
        let cases = [
            // Ignored while the API may not know it yet.
            (vec![(1, gone()), (15, gone()), (29, gone())], None),
            (vec![(29, gone()), (34, gone()), (39, gone())], None),
            (vec![(30, gone()), (35, gone()), (39, gone())], None),
            (vec![(30, gone()), (35, gone()), (40, gone())], Some(40)),
            (vec![(40, gone()), (60, gone())], None),
            (
                vec![
                    (40, gone()),
                    (45, polled(deployment("build:active"))),
                    (50, gone()),
                    (55, gone()),
                ],
                None,
            ),
            (
                vec![(40, gone()), (45, unwell()), (50, gone()), (55, gone())],
                None,
            ),
            (
                vec![(40, gone()), (45, limited()), (80, gone()), (85, gone())],
                Some(85),
            ),
        ];
        for (n, (inputs, end)) in cases.into_iter().enumerate() {
            let found = ends_at(watch_new(), inputs);
            assert_eq!(found, end.map(|it| (it, Outcome::Deleted)), "case {n}");
        }
    }

    #[test]
    fn a_single_rejection_ends_no_watch_and_three_over_half_a_minute_do() {
        for status in [401, 403, 302] {
            let single = vec![
                (5, refused(status)),
                (20, polled(deployment("build:active"))),
            ];
            assert_eq!(ends_at(watch_new(), single), None);
            let three = (0..9).map(|n| (5 + n * 15, refused(status))).collect();
            let (at, outcome) = ends_at(watch_new(), three).unwrap();
            assert_eq!(at, 35);
            assert!(matches!(outcome, Outcome::ApiError { .. }), "{status}");
        }
    }

    #[test]
    fn ten_thousand_stages_are_reported_each_once() {
        let stages = (0..10_000).map(|n| format!("stage{n}:success"));
        let stages: Vec<_> = stages.chain(["build:active".to_owned()]).collect();
        let deployment = deployment(&stages.join(" "));
        let mut watch = watch();
        let events = watch.handle(Duration::from_secs(1), polled(deployment.clone()));
        assert_eq!(events.events.len(), 20_001);
        let again = watch.handle(Duration::from_secs(2), polled(deployment));
        assert!(again.events.is_empty());
    }

    #[test]
    fn a_retry_that_kept_its_id_is_not_judged_by_how_the_original_ended() {
        let original = deployment("build:failure");
        let mut watch = watch().for_new_deployment(&original, &original);
        let mut next = |seconds, stages| {
            let input = polled(deployment(stages));
            watch.handle(Duration::from_secs(seconds), input).next
        };
        assert!(matches!(next(1, "build:failure"), Next::PollIn(_)));
        assert!(matches!(next(2, "queued:active"), Next::PollIn(_)));
        let failed = next(70, "build:failure");
        assert!(matches!(failed, Next::Finish(Outcome::Failed { .. })));
    }

    #[test]
    fn the_age_of_a_stage_is_measured_by_the_api_s_times() {
        let json = json!({
            "id": "x", "latest_stage": {"name": "build", "status": "active"},
            "stages": [
                {"name": "queued", "status": "success", "started_on": "2026-01-01T11:00:00Z"},
                {"name": "build", "status": "active", "started_on": "2026-01-01T12:00:00Z"}]});
        let deployment: Deployment = serde_json::from_value(json).unwrap();
        for (date, age) in [(Some("2026-01-01T12:01:40Z"), 100), (None, 0)] {
            let input = Input::Polled {
                deployment: Box::new(deployment.clone()),
                date: date.and_then(|it| it.parse().ok()),
            };
            let Next::PollIn(pause) = watch().handle(Duration::ZERO, input).next else {
                panic!("it goes on");
            };
            let age = Duration::from_secs(age);
            let expected = pace::pause(&StageHistory::default(), &StageName::Build, age);
            assert_eq!(pause, expected, "{date:?}");
        }
    }

    fn unwell() -> Input {
        Input::PollFailed(ClientError::Unavailable(ErrorResponse::default()))
    }

    fn limited() -> Input {
        Input::PollFailed(ClientError::RateLimited(ErrorResponse::default()))
    }

    #[test]
    fn five_unbroken_minutes_of_failure_are_enough_and_rate_limits_are_none() {
        let ends = |inputs: &dyn Fn(u64) -> Input| {
            let mut watch = watch();
            (0..100).find(|minute| {
                let reaction = watch.handle(Duration::from_mins(*minute), inputs(*minute));
                matches!(reaction.next, Next::Finish(Outcome::ApiError { .. }))
            })
        };
        assert_eq!(ends(&|_| unwell()), Some(5));
        assert_eq!(ends(&|_| limited()), None);
        let broken = |minute| match minute {
            3 => polled(deployment("build:active")),
            _ => unwell(),
        };
        assert_eq!(ends(&broken), Some(9));
        let mixed = |minute| if minute % 2 == 0 { unwell() } else { limited() };
        assert_eq!(ends(&mixed), Some(10));
    }

    fn any_stage() -> impl Strategy<Value = serde_json::Value> {
        let names = [
            "queued",
            "initialize",
            "clone_repo",
            "build",
            "deploy",
            "odd",
        ];
        let statuses = [
            "idle", "active", "success", "failure", "canceled", "skipped", "odd",
        ];
        let times = ["2026-01-01T00:00:09Z", "2026-01-01T00:00:00.1", "never"];
        let time = || prop::option::of(prop::sample::select(times.to_vec()));
        let (name, status) = (
            prop::sample::select(names.to_vec()),
            prop::sample::select(statuses.to_vec()),
        );
        (name, status, time(), time()).prop_map(|(name, status, start, end)| {
            json!({"name": name, "status": status, "started_on": start, "ended_on": end})
        })
    }

    fn any_answer() -> impl Strategy<Value = Deployment> {
        let stages = prop::collection::vec(any_stage(), 0..7);
        (
            stages,
            prop::option::of(any_stage()),
            prop::bool::weighted(0.05),
        )
            .prop_map(|(stages, latest, is_skipped)| {
                let json = json!({
                    "id": "x", "stages": stages, "latest_stage": latest, "is_skipped": is_skipped
                });
                serde_json::from_value(json).unwrap()
            })
    }

    proptest! {
        /// For any responses in any order, the events are consistent, in the
        /// order of the API's own list, and the end comes with the verdict.
        #[test]
        fn each_stage_starts_once_and_ends_once_in_order(
            answers in prop::collection::vec(any_answer(), 1..12)
        ) {
            let mut watch = watch();
            let (mut started, mut ended) = (Vec::new(), Vec::new());
            for (n, answer) in (1..).zip(answers) {
                let stages = answer.stages_by_latest();
                let names: HashSet<_> = stages.iter().map(|it| it.name.to_string()).collect();
                let has_twins = names.len() < stages.len();
                let verdict = verdict(&answer);
                let ended_in = answer.latest_stage.as_ref().map(|it| it.name.clone());
                let ended_in = ended_in.filter(|_| verdict.is_some());
                let reaction = watch.handle(Duration::from_secs(n), polled(answer));
                for event in reaction.events {
                    if let Event::StageStarted { name, .. } = event {
                        prop_assert!(!started.contains(&name), "{name} started twice");
                        let order = |it: &StageName| stages.iter().position(|at| at.name == *it);
                        let is_late = started.iter().any(|it| order(&name) < order(it));
                        // The stage it ended in is always reported; a list that
                        // names a stage twice has no order.
                        let is_bound = ended_in.as_ref() != Some(&name) && !has_twins;
                        prop_assert!(!is_late || !is_bound, "{name} started after a later stage");
                        started.push(name);
                    } else if let Event::StageFinished { name, .. } = event {
                        prop_assert!(started.contains(&name), "{name} ended before it started");
                        prop_assert!(!ended.contains(&name), "{name} ended twice");
                        ended.push(name);
                    }
                }
                match reaction.next {
                    Next::Finish(outcome) => {
                        prop_assert_eq!(Some(outcome), verdict);
                        break;
                    }
                    Next::PollIn(_) => prop_assert_eq!(verdict, None),
                }
            }
        }
    }
}
