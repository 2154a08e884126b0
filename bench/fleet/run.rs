//! How a simulated run reacts to a response, and the rules of pages-retry.

use std::time::Duration;

use pages_retry::retry::pace::{Budget, Pause, pause};
use pages_retry::run::history::StageHistory;
use test_support::projects::{Random, STAGES};

/// A client that watches a deployment.
pub(crate) trait Run {
    fn first(&self) -> Next;
    fn take(&mut self, now: Duration, answer: &Answer) -> Next;
}

pub(crate) enum Answer {
    Served {
        standing: Standing,
        remaining: u32,
        resets_in: Duration,
    },
    Refused {
        retry_after: Duration,
    },
}

/// The state of the run's deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    NotMade,
    InStage(usize),
    Ended,
}

#[derive(Clone, Copy)]
pub(crate) enum Next {
    Ask(Request, Duration),
    End(End),
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Request {
    Look,
    /// Creates the deployment.
    Post,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Saw the result of the deployment.
    Seen,
    /// Exited with success without knowing the result of the deployment.
    Blind,
    Error,
}

/// A run of pages-retry: reads the target and the list, sends the POST, then polls.
pub(crate) struct PagesRetry {
    usual: StageHistory,
    random: Random,
    answers: u32,
    refusals: u32,
    budget: Option<Budget>,
    standing: Standing,
    first_seen: Duration,
}

impl PagesRetry {
    pub(crate) fn new(usual: StageHistory, random: Random) -> Self {
        Self {
            usual,
            random,
            answers: 0,
            refusals: 0,
            budget: None,
            standing: Standing::NotMade,
            first_seen: Duration::ZERO,
        }
    }

    fn ask_after(&mut self, pause: Pause) -> Next {
        let request = match self.answers {
            2 => Request::Post,
            _ => Request::Look,
        };
        let wait = self.random.draw(pause);
        Next::Ask(request, Duration::from_secs_f64(wait))
    }
}

impl Run for PagesRetry {
    fn first(&self) -> Next {
        Next::Ask(Request::Look, Duration::ZERO)
    }

    fn take(&mut self, now: Duration, answer: &Answer) -> Next {
        let (standing, remaining, resets_in) = match *answer {
            Answer::Refused { retry_after } => {
                self.refusals += 1;
                let pause = Pause::after_rate_limit(Some(retry_after), self.refusals);
                return self.ask_after(pause);
            }
            Answer::Served {
                standing,
                remaining,
                resets_in,
            } => (standing, remaining, resets_in),
        };
        self.answers += 1;
        self.refusals = 0;
        self.budget = Some(Budget::new(remaining, resets_in, self.budget));
        if standing != self.standing {
            self.standing = standing;
            self.first_seen = now;
        }
        let pause = match standing {
            Standing::NotMade => Pause::NONE,
            Standing::InStage(stage) => {
                let running_for = now.saturating_sub(self.first_seen);
                pause(&self.usual, &STAGES[stage], running_for)
            }
            Standing::Ended => return Next::End(End::Seen),
        };
        self.ask_after(pause.within(self.budget))
    }
}
