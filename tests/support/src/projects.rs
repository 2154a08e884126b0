//! Simulated projects whose stages take random times, and the cost of watching
//! their deployments. The same seed always gives the same figures.

use std::time::Duration;

use pages_retry::cloudflare::deployment::StageName;
use pages_retry::retry::pace::{Pause, pause};
use pages_retry::run::history::StageHistory;

pub const STAGES: [StageName; 5] = [
    StageName::Queued,
    StageName::Initialize,
    StageName::CloneRepo,
    StageName::Build,
    StageName::Deploy,
];

/// Seconds from a request to its response. The state in the response is half as old.
pub const ROUND_TRIP: f64 = 0.15;

/// Seconds that each stage takes.
pub type Durations = [f64; 5];

pub struct Project {
    pub medians: Durations,
    /// The standard deviation of a stage's duration divided by its mean.
    pub spread: f64,
}

impl Project {
    /// A random project: the build takes 20 to 400 s, the other stages 1 to 12 s.
    pub fn any(spread: f64, random: &mut Random) -> Self {
        let build = random.between(20.0, 400.0);
        Self {
            medians: medians(build, random),
            spread,
        }
    }

    /// A random project whose deployments typically take `total` seconds.
    pub fn of(total: f64, spread: f64, random: &mut Random) -> Self {
        let mut medians = medians(0.0, random);
        medians[3] = total - medians.iter().sum::<f64>();
        Self { medians, spread }
    }

    /// Draws the log-normal stage durations of one deployment.
    pub fn deployment(&self, random: &mut Random) -> Durations {
        let deviation = (1.0 + self.spread * self.spread).ln().sqrt();
        self.medians
            .map(|it| it * (deviation * random.normal()).exp())
    }

    /// Draws a deployment that takes exactly `total` seconds.
    pub fn deployment_of(&self, total: f64, random: &mut Random) -> Durations {
        let mut deployment = self.deployment(random);
        deployment[3] += total - deployment.iter().sum::<f64>();
        deployment
    }

    /// The history that a list page shows after this number of deployments.
    pub fn history(&self, deployments: u32, random: &mut Random) -> StageHistory {
        let times = (0..deployments).flat_map(|_| STAGES.into_iter().zip(self.deployment(random)));
        let seconds = |(stage, time)| (stage, Duration::from_secs_f64(time));
        times.collect::<Vec<_>>().into_iter().map(seconds).collect()
    }
}

fn medians(build: f64, random: &mut Random) -> Durations {
    [
        random.between(1.0, 4.0),
        random.between(1.5, 6.0),
        random.between(1.0, 8.0),
        build,
        random.between(3.0, 12.0),
    ]
}

/// The result of watching one deployment.
pub struct Seen {
    pub polls: u32,
    /// Seconds from the end of each stage to the response that showed it.
    pub lags: Durations,
}

impl Seen {
    pub fn mean_lag(&self) -> f64 {
        self.lags.iter().sum::<f64>() / 5.0
    }
}

/// Watches a deployment from its creation. `wait` gets the stage and the seconds
/// since it was first seen, and returns the seconds until the next poll.
pub fn watch(deployment: &Durations, mut wait: impl FnMut(&StageName, f64) -> f64) -> Seen {
    let mut ends = deployment.iter().scan(0.0, |end, it| {
        *end += it;
        Some(*end)
    });
    let mut ends: Durations = std::array::from_fn(|_| ends.next().unwrap_or_default());
    let (mut now, mut first_seen, mut stage, mut polls) = (0.0, 0.0, 0, 0);
    while let Some(name) = STAGES.get(stage) {
        now += wait(name, now - first_seen);
        let state_at = now + ROUND_TRIP / 2.0;
        now += ROUND_TRIP;
        polls += 1;
        while stage < 5 && ends[stage] <= state_at {
            ends[stage] = now - ends[stage];
            stage += 1;
            first_seen = now;
        }
    }
    Seen { polls, lags: ends }
}

/// Watches a deployment as `poll_interval: auto` does.
pub fn watch_auto(deployment: &Durations, usual: &StageHistory, random: &mut Random) -> Seen {
    watch(deployment, |stage, running_for| {
        let running_for = Duration::from_secs_f64(running_for);
        random.draw(pause(usual, stage, running_for))
    })
}

/// Means over several deployments of one project.
pub struct Compared {
    pub polls: f64,
    pub lag: f64,
    /// The lag of the fixed interval that needs the same number of requests.
    pub fixed_lag: f64,
}

/// Watches `runs` deployments, each after `history` earlier ones. Then watches the
/// same deployments at the fixed interval that needs the same number of requests.
pub fn compare(project: &Project, history: u32, runs: u32, random: &mut Random) -> Compared {
    let (mut deployments, mut polls, mut lag) = (vec![], 0, 0.0);
    for _ in 0..runs {
        let usual = project.history(history, random);
        let deployment = project.deployment(random);
        let seen = watch_auto(&deployment, &usual, random);
        polls += seen.polls;
        lag += seen.mean_lag();
        deployments.push(deployment);
    }
    let fixed = |interval: f64| {
        let seen = deployments.iter().map(|it| watch(it, |_, _| interval));
        seen.fold((0, 0.0), |(polls, lag), it| {
            (polls + it.polls, lag + it.mean_lag())
        })
    };
    let (mut short, mut long) = (0.1, 60.0);
    for _ in 0..30 {
        let middle = f64::midpoint(short, long);
        if polls < fixed(middle).0 {
            short = middle;
        } else {
            long = middle;
        }
    }
    // The shorter interval needs one more request, so the comparison favors it.
    Compared {
        polls: f64::from(polls) / f64::from(runs),
        lag: lag / f64::from(runs),
        fixed_lag: fixed(short).1 / f64::from(runs),
    }
}

/// A splitmix generator.
pub struct Random(pub u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// Returns another, independent generator.
    pub fn split(&mut self) -> Self {
        Self(self.bits())
    }

    /// Returns a number from 0 to 1.
    pub fn uniform(&mut self) -> f64 {
        let upper = u32::try_from(self.bits() >> 32).unwrap_or_default();
        f64::from(upper) / f64::from(u32::MAX)
    }

    /// Returns a number whose logarithm is evenly distributed.
    pub fn between(&mut self, least: f64, most: f64) -> f64 {
        least * (most / least).powf(self.uniform())
    }

    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().max(1e-9).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Draws the length of a pause, in seconds.
    pub fn draw(&mut self, pause: Pause) -> f64 {
        pause.at_least.as_secs_f64() + pause.spread.as_secs_f64() * self.uniform()
    }
}
