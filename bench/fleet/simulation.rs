//! The simulated clock: lets each run send its next request until all runs have ended.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::account::{Account, Admission};
use crate::peers::{ListLoop, Sdk, Wrangler};
use crate::run::{Answer, End, Next, PagesRetry, Request, Run, Standing};
use test_support::projects::{Project, ROUND_TRIP, Random};

/// Seconds over which the first jobs start.
const START: f64 = 30.0;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rules {
    PagesRetry,
    ListLoop,
    Wrangler,
    Sdk,
}

#[derive(Clone, Copy)]
pub(crate) struct Fleet {
    pub runs: u32,
    /// The number of concurrent jobs: `max-parallel` of the matrix.
    pub jobs: u32,
    /// The number of concurrent builds that the account's plan allows.
    pub builds: u32,
    pub timeout: Duration,
}

/// The results of the runs of one or more fleets.
#[derive(Default)]
pub(crate) struct Tally {
    pub fleets: u32,
    pub seen: u32,
    pub blind: u32,
    pub errors: u32,
    pub timed_out: u32,
    pub requests: u32,
    pub refused: u32,
    /// Requests sent by a run that knew of the block.
    pub defiant: u32,
    /// From the end of each deployment to the response that showed it, sorted.
    pub lags: Vec<Duration>,
    /// The longest time that a fleet took.
    pub took: Duration,
}

/// Simulates at least a thousand runs; a small fleet is simulated several times.
pub(crate) fn simulate(fleet: Fleet, rules: Rules) -> Tally {
    let mut tally = Tally::default();
    while tally.fleets * fleet.runs < 1_000 {
        tally.fleets += 1;
        tally = Simulation::new(fleet, rules, tally).run();
    }
    tally.lags.sort_unstable();
    tally
}

struct Simulation {
    fleet: Fleet,
    rules: Rules,
    random: Random,
    account: Account,
    jobs: Vec<Job>,
    turns: BinaryHeap<Reverse<Turn>>,
    /// When each build slot becomes free again.
    places: BinaryHeap<Reverse<Duration>>,
    tally: Tally,
}

struct Job {
    run: Box<dyn Run>,
    /// When each stage ends, relative to the creation of the deployment.
    ends: [Duration; 5],
    started: Duration,
    made: Option<Duration>,
    knows_of_block_until: Duration,
}

/// The moment at which a job sends its next request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    at: Duration,
    job: usize,
    request: Request,
}

impl Simulation {
    fn new(fleet: Fleet, rules: Rules, tally: Tally) -> Self {
        let mut simulation = Self {
            fleet,
            rules,
            random: Random(u64::from(tally.fleets)),
            account: Account::default(),
            jobs: vec![],
            turns: BinaryHeap::new(),
            places: (0..fleet.builds.min(fleet.runs))
                .map(|_| Reverse(Duration::ZERO))
                .collect(),
            tally,
        };
        for _ in 0..fleet.jobs.min(fleet.runs) {
            let at = Duration::from_secs_f64(START * simulation.random.uniform());
            simulation.start(at);
        }
        simulation
    }

    fn run(mut self) -> Tally {
        while let Some(Reverse(turn)) = self.turns.pop() {
            self.take(turn);
        }
        self.tally.requests += self.account.requests;
        self.tally.refused += self.account.refused;
        self.tally
    }

    fn start(&mut self, at: Duration) {
        let mut random = self.random.split();
        let project = Project::any(0.2, &mut random);
        let usual = project.history(8, &mut random);
        let mut end = Duration::ZERO;
        let ends = project.deployment(&mut random).map(|it| {
            end += Duration::from_secs_f64(it);
            end
        });
        let run: Box<dyn Run> = match self.rules {
            Rules::PagesRetry => Box::new(PagesRetry::new(usual, random)),
            Rules::ListLoop => Box::new(ListLoop),
            Rules::Wrangler => Box::new(Wrangler::default()),
            Rules::Sdk => Box::new(Sdk::new(random)),
        };
        let mut job = Job {
            run,
            ends,
            started: at,
            made: None,
            knows_of_block_until: Duration::ZERO,
        };
        // This client watches a deployment that a push created.
        if self.rules == Rules::ListLoop {
            job.make(at, &mut self.places);
        }
        let next = job.run.first();
        self.jobs.push(job);
        self.follow(self.jobs.len() - 1, at, next);
    }

    fn take(&mut self, turn: Turn) {
        let job = &mut self.jobs[turn.job];
        if turn.at < job.knows_of_block_until {
            self.tally.defiant += 1;
        }
        let now = turn.at + Duration::from_secs_f64(ROUND_TRIP);
        let answer = match self.account.admit(turn.at) {
            Admission::Served {
                remaining,
                resets_in,
            } => {
                if turn.request == Request::Post {
                    job.make(turn.at, &mut self.places);
                }
                Answer::Served {
                    standing: job.standing(turn.at),
                    remaining,
                    resets_in,
                }
            }
            Admission::Refused { retry_after } => {
                job.knows_of_block_until = now + retry_after;
                Answer::Refused { retry_after }
            }
        };
        let next = job.run.take(now, &answer);
        self.follow(turn.job, now, next);
    }

    fn follow(&mut self, index: usize, now: Duration, next: Next) {
        let job = &self.jobs[index];
        let give_up = job.started + self.fleet.timeout;
        let ended = match next {
            Next::Ask(request, wait) if now + wait <= give_up => {
                self.turns.push(Reverse(Turn {
                    at: now + wait,
                    job: index,
                    request,
                }));
                return;
            }
            Next::Ask(..) => {
                self.tally.timed_out += 1;
                give_up
            }
            Next::End(end) => {
                match end {
                    End::Seen => {
                        self.tally.seen += 1;
                        self.tally.lags.push(now.saturating_sub(job.ended()));
                    }
                    End::Blind => self.tally.blind += 1,
                    End::Error => self.tally.errors += 1,
                }
                now
            }
        };
        self.tally.took = self.tally.took.max(ended);
        if self.jobs.len() < self.fleet.runs as usize {
            self.start(ended);
        }
    }
}

impl Job {
    /// Creates the deployment, which stays in `queued` until a build slot is free.
    fn make(&mut self, now: Duration, places: &mut BinaryHeap<Reverse<Duration>>) {
        let Reverse(free) = places.pop().unwrap_or(Reverse(now));
        let waits = free.saturating_sub(now + self.ends[0]);
        for end in &mut self.ends {
            *end += waits;
        }
        self.made = Some(now);
        places.push(Reverse(self.ended()));
    }

    fn ended(&self) -> Duration {
        self.made.unwrap_or_default() + self.ends[4]
    }

    fn standing(&self, now: Duration) -> Standing {
        let Some(made) = self.made else {
            return Standing::NotMade;
        };
        let stage = self.ends.iter().position(|end| now < made + *end);
        stage.map_or(Standing::Ended, Standing::InStage)
    }
}
