//! What the reachability check found out about each address, in words.

use crate::run::outcome::RunResult;
use crate::run::reachability::{AddressResult, Finding, Obstacle, Problem, Verdict};
use crate::run::wording::format_duration;
use crate::text::inline;

/// Addresses that an annotation lists: hosts cut long ones.
const MAX_LISTED: usize = 10;

/// A line for each address of a check that did not reach all of them, those
/// that were not reached first.
pub(super) fn address_lines(result: &RunResult) -> Vec<String> {
    let reachability = result.reachability.as_ref();
    let reachability = reachability.filter(|it| it.verdict() != Verdict::Reachable);
    let verdicts = [Verdict::Unreachable, Verdict::Unknown, Verdict::Reachable];
    let addresses = verdicts.into_iter().flat_map(|verdict| {
        let addresses = reachability.iter().flat_map(|it| &it.addresses);
        addresses.filter(move |it| it.finding.verdict() == verdict)
    });
    let addresses: Vec<_> = addresses.collect();
    let more = addresses.len().saturating_sub(MAX_LISTED);
    let shown = addresses.into_iter().take(MAX_LISTED);
    let mut lines: Vec<_> = shown.map(address_line).collect();
    if 0 < more {
        lines.push(format!("and {more} more addresses"));
    }
    lines
}

/// `https://site.pages.dev returns 404 for 4m58s; last response: 404 with 9 bytes`.
fn address_line(address: &AddressResult) -> String {
    let url = inline(&address.url);
    match &address.finding {
        Finding::Reachable { after } => {
            format!("{url} is reachable after {}", format_duration(*after))
        }
        Finding::Unknown(obstacle) => format!("{url} is unknown: {}", describe(*obstacle)),
        Finding::Unreachable {
            problem,
            last_response,
            lasted,
        } => format!(
            "{url} {problem} for {}; last response: {}",
            format_duration(*lasted),
            inline(last_response)
        ),
    }
}

/// An obstacle in a few words.
pub(super) fn describe(obstacle: Obstacle) -> &'static str {
    match obstacle {
        Obstacle::Access => "Cloudflare Access asks for a login",
        Obstacle::Challenge => "a bot challenge",
        Obstacle::RewrittenHtml => "the zone rewrites HTML",
        Obstacle::NothingToCompare => "the deployment's own URL served nothing to compare with",
    }
}

/// What to do about the first address that was not reached.
pub(super) fn advice(problem: Problem, url: &str, dashboard: &str) -> String {
    match problem {
        Problem::DoesNotResolve => format!(
            "is the domain active? the project's custom domains tell: {}",
            inline(dashboard)
        ),
        Problem::LacksText => {
            "compare `check_text` with the page, or increase `check_timeout`".to_owned()
        }
        Problem::Returns(_) | Problem::OtherContent | Problem::DoesNotRespond => {
            format!("open {}, or increase `check_timeout`", inline(url))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::run::history::StageHistory;
    use crate::run::outcome::Outcome;
    use crate::run::reachability::Reachability;

    #[track_caller]
    fn check(findings: Vec<(&str, Finding)>, expected: &[&str]) {
        let addresses = findings.into_iter().map(|(url, finding)| AddressResult {
            url: url.to_owned(),
            finding,
        });
        let result = RunResult {
            outcome: Outcome::Deployed,
            fails: false,
            original: None,
            attempts: Vec::new(),
            target_failure: None,
            project_name: String::new(),
            usual: StageHistory::default(),
            reachability: Some(Reachability {
                addresses: addresses.collect(),
                took: Duration::from_mins(5),
            }),
        };
        assert_eq!(address_lines(&result), expected);
    }

    fn reachable() -> Finding {
        Finding::Reachable {
            after: Duration::from_millis(2_100),
        }
    }

    fn dead(last_response: &str) -> Finding {
        Finding::Unreachable {
            problem: Problem::OtherContent,
            last_response: last_response.to_owned(),
            lasted: Duration::from_secs(298),
        }
    }

    #[test]
    fn the_addresses_that_were_not_reached_come_first() {
        check(
            vec![
                ("https://a.example", reachable()),
                ("https://b.example", Finding::Unknown(Obstacle::Challenge)),
                ("https://c.example", dead("200 with ETag \"old\"")),
            ],
            &[
                "https://c.example serves other content for 4m58s; last response: 200 with ETag \"old\"",
                "https://b.example is unknown: a bot challenge",
                "https://a.example is reachable after 2s",
            ],
        );
    }

    #[test]
    fn nothing_is_listed_where_all_is_well() {
        check(vec![("https://a.example", reachable())], &[]);
    }

    #[test]
    fn an_annotation_lists_ten_addresses() {
        let many = vec![("https://a.example", dead("200")); 25];
        let line = "https://a.example serves other content for 4m58s; last response: 200";
        let mut expected = vec![line; 10];
        expected.push("and 15 more addresses");
        check(many, &expected);
    }
}
