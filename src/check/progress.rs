//! The progress of a check: takes responses and the time, returns requests or
//! findings.
//!
//! Invariant: no I/O, no clock. Addresses are requested in rounds: each
//! address that is not decided once, and the own URL for as long as another
//! address is compared with it.

use std::collections::VecDeque;
use std::time::Duration;

use super::address::{Address, Kind};
use super::judge::{Demand, Judgment, Reference, judge};
use super::response::Answer;
use crate::run::reachability::{AddressResult, Finding, Obstacle, Problem, Reachability};
use crate::text::inline;

/// This many equal judgments in a row decide: single responses come from
/// different machines, of which some are ahead of others.
const IN_A_ROW: usize = 3;

/// Requests for each address; redirects do not count.
const MAX_ROUNDS: u32 = 120;

/// Rounds that confirming responses do not use up, so that an address that
/// flaps is still requested at the end.
const RESERVED_ROUNDS: u32 = 20;

const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const USUAL_PAUSE: Duration = Duration::from_secs(5);

/// A check in progress.
#[derive(Debug)]
pub(super) struct Progress {
    addresses: Vec<Watched>,
    reference: Reference,
    demand: Demand,
    timeout: Duration,
    rounds: u32,
}

/// What comes after a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the check goes on or ends"]
pub(super) enum Next {
    /// Another round, after this pause.
    RoundIn(Duration),
    /// All is known, or there are no requests left.
    Finish,
}

#[derive(Debug)]
struct Watched {
    address: Address,
    /// The last responses, the newest last, each with the time it was received.
    recent: VecDeque<(Duration, Answer)>,
    /// Set once, when the address is decided.
    decided: Option<Finding>,
    /// The problem of the last bad response.
    trouble: Option<Trouble>,
}

#[derive(Clone, Debug)]
struct Trouble {
    problem: Problem,
    last_response: String,
    /// When the problem began without a break, since the check started.
    since: Duration,
}

impl Progress {
    /// Begins the check of `addresses`, which may take `timeout`.
    pub(super) fn new(addresses: Vec<Address>, demand: Demand, timeout: Duration) -> Self {
        let mut reference = Reference::default();
        if addresses.iter().all(|it| it.kind != Kind::Own) {
            reference.close();
        }
        Self {
            addresses: addresses.into_iter().map(Watched::new).collect(),
            reference,
            demand,
            timeout,
            rounds: 0,
        }
    }

    /// The addresses to request in this round, by their index.
    pub(super) fn round(&self) -> Vec<(usize, &Address)> {
        let is_compared = |it: &Watched| it.decided.is_none() && it.address.kind != Kind::Own;
        let needs_reference = self.addresses.iter().any(is_compared);
        let watched = self.addresses.iter().enumerate();
        let requested = watched.filter(|(_, it)| match &it.decided {
            None => true,
            Some(Finding::Reachable { .. }) => it.address.kind == Kind::Own && needs_reference,
            Some(Finding::Unknown(_) | Finding::Unreachable { .. }) => false,
        });
        requested.map(|(index, it)| (index, &it.address)).collect()
    }

    /// Records a response received `elapsed` after the check started.
    pub(super) fn answered(&mut self, index: usize, elapsed: Duration, answer: Answer) {
        let Some(watched) = self.addresses.get_mut(index) else {
            return;
        };
        if watched.address.kind == Kind::Own
            && let Answer::Page(page) = &answer
            && judge(Kind::Own, &answer, &self.reference, self.demand) == Judgment::Good
        {
            self.reference.observe(page);
        }
        watched.recent.push_back((elapsed, answer));
        if IN_A_ROW < watched.recent.len() {
            watched.recent.pop_front();
        }
    }

    /// Ends a round, `elapsed` after the check started.
    pub(super) fn round_ended(&mut self, elapsed: Duration) -> Next {
        self.rounds += 1;
        self.decide();
        if self.addresses.iter().all(|it| it.decided.is_some()) || MAX_ROUNDS <= self.rounds {
            return Next::Finish;
        }
        let left = self.timeout.saturating_sub(elapsed);
        Next::RoundIn(pause(self.rounds, left, self.is_confirming()))
    }

    /// Ends the check, `elapsed` after it started.
    pub(super) fn finish(mut self, elapsed: Duration) -> Reachability {
        // The last round may have been cut short.
        self.decide();
        let addresses = self.addresses.into_iter();
        let result = |it: Watched| it.result(&self.reference, self.demand, elapsed);
        Reachability {
            addresses: addresses.map(result).collect(),
            took: elapsed,
        }
    }

    fn decide(&mut self) {
        // The own URL comes first: the others depend on what is known of it.
        for watched in &mut self.addresses {
            watched.decide(&self.reference, self.demand);
            if watched.address.kind == Kind::Own
                && let Some(Finding::Unknown(_)) = watched.decided
            {
                self.reference.close();
            }
        }
    }

    /// Whether the newest responses of an undecided address may soon decide it.
    fn is_confirming(&self) -> bool {
        let undecided = self.addresses.iter().filter(|it| it.decided.is_none());
        let mut judgments = undecided.filter_map(|it| it.judgment(&self.reference, self.demand));
        judgments.any(|it| matches!(it, Judgment::Good | Judgment::Blocked(_)))
    }
}

impl Watched {
    fn new(address: Address) -> Self {
        Self {
            address,
            recent: VecDeque::new(),
            decided: None,
            trouble: None,
        }
    }

    /// The judgment of the newest response.
    fn judgment(&self, reference: &Reference, demand: Demand) -> Option<Judgment> {
        let (_, answer) = self.recent.back()?;
        Some(judge(self.address.kind, answer, reference, demand))
    }

    /// Judges the last responses by what is known now: responses from before
    /// the own URL served anything count too.
    fn decide(&mut self, reference: &Reference, demand: Demand) {
        if self.decided.is_some() {
            return;
        }
        let kind = self.address.kind;
        let judged = self.recent.iter().map(|(at, answer)| {
            let judgment = judge(kind, answer, reference, demand);
            (*at, answer, judgment)
        });
        let judged: Vec<_> = judged.collect();
        let Some((at, answer, newest)) = judged.last() else {
            return;
        };
        let is_whole = judged.len() == IN_A_ROW;
        if let Judgment::Bad(problem) = newest {
            let before = self.trouble.take().filter(|it| it.problem == *problem);
            let same = judged.iter().rev().take_while(|it| it.2 == *newest);
            let first = same.map(|(at, ..)| *at).last().unwrap_or(*at);
            // The run of bad responses may be longer than what is kept.
            let is_unbroken = judged.iter().all(|it| it.2 == *newest);
            let since = before.filter(|_| is_unbroken).map_or(first, |it| it.since);
            self.trouble = Some(Trouble {
                problem: *problem,
                last_response: answer.describe(),
                since,
            });
        } else if is_whole && judged.iter().all(|it| it.2 == Judgment::Good) {
            self.decided = Some(Finding::Reachable { after: *at });
        } else if let Judgment::Blocked(obstacle) = newest
            && is_whole
            && judged.iter().all(|it| matches!(it.2, Judgment::Blocked(_)))
        {
            self.decided = Some(Finding::Unknown(*obstacle));
        }
    }

    /// What is known at the end of the check.
    fn result(self, reference: &Reference, demand: Demand, elapsed: Duration) -> AddressResult {
        let judgment = self.judgment(reference, demand);
        let last_response = match self.recent.len() {
            0 => "no response in time".to_owned(),
            n => format!("only {n} good response(s) in time"),
        };
        let trouble = self.trouble.unwrap_or(Trouble {
            problem: Problem::DoesNotRespond,
            last_response,
            since: Duration::ZERO,
        });
        let unreachable = Finding::Unreachable {
            problem: trouble.problem,
            last_response: trouble.last_response,
            lasted: elapsed.saturating_sub(trouble.since),
        };
        let finding = self.decided.unwrap_or(match judgment {
            Some(Judgment::Blocked(obstacle)) => Finding::Unknown(obstacle),
            Some(Judgment::Pending) => Finding::Unknown(Obstacle::NothingToCompare),
            Some(Judgment::Good | Judgment::Bad(_)) | None => unreachable,
        });
        let url = &self.address.url;
        let is_root = url.path() == "/" && url.query().is_none();
        let shown = url.as_str();
        let shown = shown.strip_suffix('/').filter(|_| is_root).unwrap_or(shown);
        AddressResult {
            url: inline(shown),
            finding,
        }
    }
}

/// How long to wait after `rounds` rounds with `left` until the end.
///
/// One second at first, growing to five, and to more where [`MAX_ROUNDS`]
/// would not last; one second where responses are about to decide.
fn pause(rounds: u32, left: Duration, is_confirming: bool) -> Duration {
    let growing =
        SHORTEST_PAUSE.mul_f64(1.5_f64.powi(rounds.saturating_sub(2).min(8).cast_signed()));
    let rounds_left = MAX_ROUNDS.saturating_sub(rounds);
    let stretched = left / rounds_left.max(1);
    if is_confirming && RESERVED_ROUNDS < rounds_left {
        SHORTEST_PAUSE
    } else if growing < USUAL_PAUSE && RESERVED_ROUNDS < rounds_left {
        growing
    } else {
        USUAL_PAUSE.max(stretched)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use reqwest::header::HeaderMap;
    use url::Url;

    use super::super::response::read_page;
    use super::*;

    fn address(kind: Kind, host: &str) -> Address {
        let url = Url::parse(&format!("https://{host}/")).unwrap();
        Address { kind, url }
    }

    /// A response from one word: `login`, `challenge`, `nowhere`, `silent`, a
    /// status, or the body of a page with status 200.
    fn answer(word: &str) -> Answer {
        let page = |status, body: &str| {
            Answer::Page(read_page(status, &HeaderMap::new(), body.as_bytes(), None))
        };
        match word {
            "login" => Answer::Access,
            "challenge" => Answer::Challenge,
            "nowhere" => Answer::NotResolved("no such name".to_owned()),
            "silent" => Answer::NoResponse("timed out".to_owned()),
            word => match word.parse() {
                Ok(status) => page(status, word),
                Err(_) => page(200, word),
            },
        }
    }

    /// Runs a check of 20 seconds. Each line is an address: its name, and
    /// its responses in turn, of which the last one repeats. The own URL is
    /// called `own`, a name under pages.dev `alias`, the rest are domains.
    /// Network time is zero.
    #[track_caller]
    fn check(script: &str, expected: &str) {
        let script: Vec<Vec<&str>> = script.lines().map(|it| it.split(' ').collect()).collect();
        let addresses = script.iter().map(|it| {
            let kind = match it[0] {
                "own" => Kind::Own,
                "alias" => Kind::PagesDev,
                _ => Kind::Domain,
            };
            address(kind, it[0])
        });
        let timeout = Duration::from_secs(20);
        let mut progress = Progress::new(addresses.collect(), Demand::AnyText, timeout);
        let mut elapsed = Duration::ZERO;
        let mut requests = vec![0; script.len()];
        loop {
            let round: Vec<_> = progress.round().iter().map(|it| it.0).collect();
            for index in round {
                requests[index] += 1;
                let words = &script[index][1..];
                let word = words[(requests[index] - 1).min(words.len() - 1)];
                progress.answered(index, elapsed, answer(word));
            }
            match progress.round_ended(elapsed) {
                Next::RoundIn(pause) if elapsed + pause < timeout => elapsed += pause,
                Next::RoundIn(_) => {
                    elapsed = timeout;
                    break;
                }
                Next::Finish => break,
            }
        }
        let mut shown = String::new();
        for (result, requests) in progress.finish(elapsed).addresses.iter().zip(requests) {
            let name = result
                .url
                .trim_start_matches("https://")
                .trim_end_matches('/');
            let finding = match &result.finding {
                Finding::Reachable { after } => format!("reachable after {}s", after.as_secs()),
                Finding::Unknown(obstacle) => format!("unknown: {obstacle:?}"),
                Finding::Unreachable {
                    problem,
                    last_response,
                    lasted,
                } => format!("{problem}, {last_response}, for {}s", lasted.as_secs()),
            };
            let _ = writeln!(shown, "{name} {finding} ({requests} requests)");
        }
        assert_eq!(shown, expected);
    }

    #[test]
    fn three_good_responses_in_a_row_are_enough() {
        check(
            "own new\nalias new\nexample.com new",
            "\
own reachable after 2s (3 requests)
alias reachable after 2s (3 requests)
example.com reachable after 2s (3 requests)
",
        );
    }

    #[test]
    fn a_flapping_address_is_not_reached_before_it_is_steady() {
        check(
            "own new new 404 new new new",
            "own reachable after 5s (6 requests)\n",
        );
        check(
            "own 404 new 404 new new new",
            "own reachable after 5s (6 requests)\n",
        );
        check(
            "own new 404 new 404 new 404 new 404 new 404 new 404 new 404 new 404 new 404 new 404 \
             new 404 new 404 new 404",
            "own returns 404, 404 with 3 bytes, for 1s (10 requests)\n",
        );
    }

    #[test]
    fn an_alias_that_lags_is_waited_for_and_compared_with_the_own_url() {
        check(
            "own new\nalias old old old old new",
            "\
own reachable after 2s (7 requests)
alias reachable after 7s (7 requests)
",
        );
        check(
            "own new\nalias old",
            "\
own reachable after 2s (8 requests)
alias serves other content, 200 with 3 bytes, for 20s (8 requests)
",
        );
    }

    #[test]
    fn responses_from_before_the_own_url_works_count() {
        check(
            "own 404 404 new\nalias new",
            "\
own reachable after 4s (5 requests)
alias reachable after 2s (3 requests)
",
        );
    }

    #[test]
    fn content_that_changes_each_time_costs_no_further_request() {
        check(
            "own 1a 2a 3a\nalias 4a 5a 6a",
            "\
own reachable after 2s (3 requests)
alias reachable after 2s (3 requests)
",
        );
    }

    #[test]
    fn access_and_challenges_end_at_once_as_unknown() {
        check("own login", "own unknown: Access (3 requests)\n");
        check("own challenge", "own unknown: Challenge (3 requests)\n");
        check(
            "own login\nalias new\nexample.com 404",
            "\
own unknown: Access (3 requests)
alias unknown: NothingToCompare (3 requests)
example.com returns 404, 404 with 3 bytes, for 20s (8 requests)
",
        );
        check(
            "own new challenge new new new",
            "own reachable after 4s (5 requests)\n",
        );
    }

    #[test]
    fn a_dead_own_url_leaves_the_others_undecided() {
        check(
            "own 500\nalias new",
            "\
own returns 500, 500 with 3 bytes, for 20s (8 requests)
alias unknown: NothingToCompare (8 requests)
",
        );
    }

    #[test]
    fn the_last_problem_is_reported_with_its_beginning() {
        check(
            "own nowhere nowhere silent",
            "own does not respond, timed out, for 18s (8 requests)\n",
        );
        check(
            "own new\nexample.com nowhere",
            "\
own reachable after 2s (8 requests)
example.com does not resolve, no such name, for 20s (8 requests)
",
        );
    }

    #[test]
    fn the_own_url_is_not_needed_where_there_is_none() {
        check(
            "alias new",
            "alias unknown: NothingToCompare (3 requests)\n",
        );
    }

    #[test]
    fn a_check_without_time_says_what_is_missing() {
        let start = || {
            let addresses = vec![address(Kind::Own, "own")];
            Progress::new(addresses, Demand::AnyText, Duration::from_secs(1))
        };
        let finding = |progress: Progress| {
            let mut results = progress.finish(Duration::from_secs(1)).addresses;
            results.remove(0).finding
        };
        let unreachable = |last_response: &str| Finding::Unreachable {
            problem: Problem::DoesNotRespond,
            last_response: last_response.to_owned(),
            lasted: Duration::from_secs(1),
        };
        assert_eq!(finding(start()), unreachable("no response in time"));
        let mut progress = start();
        progress.answered(0, Duration::ZERO, answer("new"));
        assert_eq!(
            finding(progress),
            unreachable("only 1 good response(s) in time")
        );
    }

    #[test]
    fn a_hundred_and_twenty_rounds_last_until_the_end() {
        for (timeout, is_confirming) in [
            (300, false),
            (300, true),
            (3_600, false),
            (3_600, true),
            (86_400, false),
        ] {
            let timeout = Duration::from_secs(timeout);
            let mut elapsed = Duration::ZERO;
            let mut rounds = 0;
            let mut longest = Duration::ZERO;
            while elapsed < timeout {
                rounds += 1;
                let pause = pause(rounds, timeout.saturating_sub(elapsed), is_confirming);
                assert!(SHORTEST_PAUSE <= pause, "{pause:?}");
                longest = longest.max(pause);
                elapsed += pause;
            }
            assert!(rounds <= MAX_ROUNDS, "{rounds} in {timeout:?}");
            let even = timeout / MAX_ROUNDS;
            assert!(
                is_confirming || longest < 2 * even.max(USUAL_PAUSE),
                "{longest:?}"
            );
        }
        let first: Vec<_> = (1..=7)
            .map(|it| pause(it, Duration::from_mins(4), false).as_millis())
            .collect();
        assert_eq!(first, [1_000, 1_000, 1_500, 2_250, 3_375, 5_000, 5_000]);
    }
}
