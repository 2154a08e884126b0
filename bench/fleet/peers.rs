//! The loops that people use instead, modeled on their source code.

use std::time::Duration;

use crate::run::{Answer, End, Next, Request, Run, Standing};
use test_support::projects::Random;

const FIVE_SECONDS: Duration = Duration::from_secs(5);

/// cf-pages-await: reads the list every five seconds, for a deployment that a
/// push created. A 429 ends it.
pub(crate) struct ListLoop;

impl Run for ListLoop {
    fn first(&self) -> Next {
        Next::Ask(Request::Look, FIVE_SECONDS)
    }

    fn take(&mut self, _now: Duration, answer: &Answer) -> Next {
        match answer {
            Answer::Refused { .. } => Next::End(End::Error),
            Answer::Served { standing, .. } => match standing {
                Standing::Ended => Next::End(End::Seen),
                Standing::NotMade | Standing::InStage(_) => Next::Ask(Request::Look, FIVE_SECONDS),
            },
        }
    }
}

/// wrangler's `pages deploy`: sends the POST and then five polls, 1, 2, 4, 8 and
/// 16 s apart, even if they are rate-limited. It exits when it sees the stage
/// `deploy`.
#[derive(Default)]
pub(crate) struct Wrangler {
    waited: Duration,
}

impl Run for Wrangler {
    fn first(&self) -> Next {
        Next::Ask(Request::Post, Duration::ZERO)
    }

    fn take(&mut self, _now: Duration, answer: &Answer) -> Next {
        match answer {
            Answer::Refused { .. } if self.waited.is_zero() => return Next::End(End::Error),
            Answer::Refused { .. } => {}
            Answer::Served { standing, .. } => match standing {
                Standing::Ended => return Next::End(End::Seen),
                Standing::InStage(4) => return Next::End(End::Blind),
                Standing::NotMade | Standing::InStage(_) => {}
            },
        }
        if self.waited == Duration::from_secs(31) {
            return Next::End(End::Blind);
        }
        let wait = self.waited + Duration::from_secs(1);
        self.waited += wait;
        Next::Ask(Request::Look, wait)
    }
}

/// A script with the Python SDK: reads the target, sends the POST, then polls
/// every five seconds. The SDK sends each request up to three times and ignores
/// a `Retry-After` of more than a minute.
pub(crate) struct Sdk {
    random: Random,
    answers: u32,
    refusals: u32,
}

impl Sdk {
    pub(crate) fn new(random: Random) -> Self {
        Self {
            random,
            answers: 0,
            refusals: 0,
        }
    }
}

impl Run for Sdk {
    fn first(&self) -> Next {
        Next::Ask(Request::Look, Duration::ZERO)
    }

    fn take(&mut self, _now: Duration, answer: &Answer) -> Next {
        let wait = match answer {
            Answer::Refused { retry_after } => {
                self.refusals += 1;
                if self.refusals == 3 {
                    return Next::End(End::Error);
                }
                if *retry_after <= Duration::from_mins(1) {
                    *retry_after
                } else {
                    let wait = Duration::from_millis(500) * self.refusals;
                    wait.mul_f64(1.0 - 0.25 * self.random.uniform())
                }
            }
            Answer::Served { standing, .. } => {
                self.answers += 1;
                self.refusals = 0;
                match standing {
                    Standing::NotMade => Duration::ZERO,
                    Standing::InStage(_) => FIVE_SECONDS,
                    Standing::Ended => return Next::End(End::Seen),
                }
            }
        };
        match self.answers {
            1 => Next::Ask(Request::Post, wait),
            _ => Next::Ask(Request::Look, wait),
        }
    }
}
