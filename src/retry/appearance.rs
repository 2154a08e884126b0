//! The wait for the deployment of a commit that is not there yet: how long,
//! how often, and what it says each minute.

use std::time::Duration;

use crate::run::wording::format_duration;

/// How long the deployment of a commit may take to appear.
pub(super) const LIMIT: Duration = Duration::from_mins(5);

/// How often the list is read meanwhile.
const INTERVAL: Duration = Duration::from_secs(5);

/// How often a line says what is being waited for.
const REPORT_EVERY: Duration = Duration::from_mins(1);

/// What to do next while the deployment is not there.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Show the line, if there is one, and read the list after the pause.
    LookAgain {
        message: Option<String>,
        pause: Duration,
    },
    /// It does not appear.
    GiveUp,
}

/// The wait for one deployment. All times are since the run began.
#[derive(Debug)]
pub(super) struct Appearance {
    began: Duration,
    reported_at: Option<Duration>,
}

impl Appearance {
    pub(super) fn new(elapsed: Duration) -> Self {
        Self {
            began: elapsed,
            reported_at: None,
        }
    }

    /// Decides after a list without the deployment; `what` names it.
    pub(super) fn not_there(&mut self, elapsed: Duration, what: &str) -> Next {
        let waited = elapsed.saturating_sub(self.began);
        let left = LIMIT.saturating_sub(waited);
        if left.is_zero() {
            return Next::GiveUp;
        }
        let message = match self.reported_at {
            None => Some(format!(
                "Waiting up to {} for the {what}",
                format_duration(LIMIT)
            )),
            Some(at) if at + REPORT_EVERY <= elapsed => Some(format!(
                "Still waiting for the {what}; {} left",
                format_duration(left)
            )),
            Some(_) => None,
        };
        if message.is_some() {
            self.reported_at = Some(elapsed);
        }
        // The pause ends when a line is due, so that none comes late.
        let next_report = self.reported_at.unwrap_or(elapsed) + REPORT_EVERY;
        let pause = INTERVAL.min(next_report.saturating_sub(elapsed)).min(left);
        Next::LookAgain { message, pause }
    }
}

/// What to check where the deployment of a commit did not appear.
pub(super) const WHAT_TO_CHECK: &str = "check that Pages builds this branch (branch control and build watch paths in the project's settings), that the commit does not come from a fork, and that it is not the merge commit of a pull request, which Pages never builds (`commit_hash: current` avoids it)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_minute_says_how_much_longer() {
        let mut elapsed = Duration::from_secs(7);
        let mut appearance = Appearance::new(elapsed);
        let mut lines = Vec::new();
        let mut lists = 1;
        loop {
            match appearance.not_there(elapsed, "deployment of commit `ccccccc`") {
                Next::GiveUp => break,
                Next::LookAgain { message, pause } => {
                    let waited = elapsed.as_secs() - 7;
                    lines.extend(message.map(|it| format!("{waited} {it}")));
                    assert!(!pause.is_zero());
                    elapsed += pause;
                    lists += 1;
                }
            }
        }
        let expected = [
            "0 Waiting up to 5m00s for the deployment of commit `ccccccc`",
            "60 Still waiting for the deployment of commit `ccccccc`; 4m00s left",
            "120 Still waiting for the deployment of commit `ccccccc`; 3m00s left",
            "180 Still waiting for the deployment of commit `ccccccc`; 2m00s left",
            "240 Still waiting for the deployment of commit `ccccccc`; 1m00s left",
        ];
        assert_eq!(lines, expected);
        // One at first, then one each five seconds, the last one at the end.
        assert_eq!((elapsed.as_secs(), lists), (307, 61));
    }

    #[test]
    fn slow_lists_make_neither_a_late_line_nor_a_longer_wait() {
        let mut appearance = Appearance::new(Duration::ZERO);
        let mut said = Vec::new();
        let mut elapsed = Duration::from_secs(4);
        while let Next::LookAgain { message, pause } = appearance.not_there(elapsed, "x") {
            said.extend(message.map(|_| elapsed.as_secs()));
            // Each list takes four seconds more.
            elapsed += pause + Duration::from_secs(4);
        }
        assert!(said.windows(2).all(|it| it[1] - it[0] <= 64), "{said:?}");
        assert!(elapsed < LIMIT + Duration::from_secs(9), "{elapsed:?}");
    }
}
