//! Scripted faults, and the requests that they affect.

use std::ops::Range;
use std::time::Duration;

use super::request::{Reply, Route};

/// What happens instead of the regular response.
#[derive(Clone, Debug)]
pub enum Fault {
    Answer(Reply),
    /// The regular response, after this much real time.
    Late(Duration),
    Reset,
    Close,
    Stall,
    StallMidBody,
    Truncate,
    /// Status 200 and a body of this many bytes, without a `Content-Length`.
    Huge {
        bytes: u64,
    },
}

impl From<Reply> for Fault {
    fn from(reply: Reply) -> Self {
        Self::Answer(reply)
    }
}

/// Selects the requests that a fault affects: those to a route, under certain
/// conditions, from the nth of them on, a number of times. If several faults are due,
/// the one scripted first is used, and the others wait for the next request.
#[derive(Clone, Debug)]
pub struct When {
    /// `None` means any route.
    route: Option<Route>,
    moments: Vec<Moment>,
    skip: usize,
    /// `None` means without limit.
    times: Option<usize>,
    pub made: bool,
}

#[derive(Clone, Debug)]
enum Moment {
    BeforePost,
    AfterPost,
    InStage(String),
    AtEnd,
    During(Range<Duration>),
}

impl When {
    /// The first request of a route.
    pub fn next(route: Route) -> Self {
        Self::nth(route, 1)
    }

    /// The nth request of a route, counted from 1.
    pub fn nth(route: Route, nth: usize) -> Self {
        Self {
            route: Some(route),
            moments: Vec::new(),
            skip: nth.saturating_sub(1),
            times: Some(1),
            made: false,
        }
    }

    /// The first request, whatever its route.
    pub fn any() -> Self {
        Self {
            route: None,
            ..Self::next(Route::Other)
        }
    }

    pub fn times(mut self, times: usize) -> Self {
        self.times = Some(times);
        self
    }

    pub fn forever(mut self) -> Self {
        self.times = None;
        self
    }

    /// Every request in a span of the fake's time.
    pub fn during(self, span: Range<Duration>) -> Self {
        self.at(Moment::During(span)).forever()
    }

    /// Only while no POST has created a deployment.
    pub fn before_post(self) -> Self {
        self.at(Moment::BeforePost)
    }

    /// Only after a POST has created a deployment.
    pub fn after_post(self) -> Self {
        self.at(Moment::AfterPost)
    }

    /// Only for a deployment that is in this stage and has not ended.
    pub fn in_stage(self, name: &str) -> Self {
        self.at(Moment::InStage(name.to_owned()))
    }

    /// Only for a deployment that has ended and was created by a POST: the fault
    /// affects the poll that would have shown the result.
    pub fn at_end(self) -> Self {
        self.at(Moment::AtEnd)
    }

    /// The POST takes effect despite the fault.
    pub fn made(mut self) -> Self {
        self.made = true;
        self
    }

    fn at(mut self, moment: Moment) -> Self {
        self.moments.push(moment);
        self
    }
}

/// The state with which the conditions of a fault are compared.
#[derive(Debug)]
pub(super) struct Situation {
    pub route: Route,
    pub now: Duration,
    pub any_made: bool,
    /// The stage of the requested deployment.
    pub stage: Option<String>,
    pub ended: bool,
    pub is_made: bool,
}

/// A fault in the queue.
#[derive(Debug)]
pub(super) struct Scheduled {
    when: When,
    fault: Fault,
    seen: usize,
    used: usize,
}

impl Scheduled {
    pub(super) fn new(when: When, fault: Fault) -> Self {
        Self {
            when,
            fault,
            seen: 0,
            used: 0,
        }
    }

    /// Describes the fault for a failing test, if it has not happened as often as scripted.
    pub(super) fn left_over(&self) -> Option<String> {
        let is_left = match self.when.times {
            Some(times) => self.used < times,
            None => self.used == 0,
        };
        is_left.then(|| format!("{:?} {:?} (met {} times)", self.when, self.fault, self.used))
    }

    fn sees(&mut self, situation: &Situation) -> bool {
        let is_route = self.when.route.is_none_or(|it| it == situation.route);
        let is_met = is_route && self.when.moments.iter().all(|it| it.is_met(situation));
        self.seen += usize::from(is_met);
        is_met
            && self.when.skip < self.seen
            && self.when.times.is_none_or(|times| self.used < times)
    }
}

impl Moment {
    fn is_met(&self, situation: &Situation) -> bool {
        match self {
            Self::BeforePost => !situation.any_made,
            Self::AfterPost => situation.any_made,
            Self::InStage(name) => !situation.ended && situation.stage.as_ref() == Some(name),
            Self::AtEnd => situation.ended && situation.is_made,
            Self::During(span) => span.contains(&situation.now),
        }
    }
}

/// Returns the fault that affects a request, and whether a POST takes effect anyway.
/// Every matching fault counts the request, even if another fault is used.
pub(super) fn due(faults: &mut [Scheduled], situation: &Situation) -> Option<(Fault, bool)> {
    let mut due = None;
    for scheduled in faults {
        if scheduled.sees(situation) && due.is_none() {
            scheduled.used += 1;
            due = Some((scheduled.fault.clone(), scheduled.when.made));
        }
    }
    due
}
