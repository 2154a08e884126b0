//! What a reachability check found out about the addresses of a deployment.

use std::fmt;
use std::time::Duration;

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reachability {
    /// In the order in which they were checked first; the deployment's own
    /// URL leads.
    pub addresses: Vec<AddressResult>,
    /// From the start of the check to its end.
    pub took: Duration,
}

/// What was found out about one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressResult {
    /// The checked URL, sanitized.
    pub url: String,
    pub finding: Finding,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The address serves the deployment, known `after` the check started.
    Reachable { after: Duration },
    /// Nothing proves that the address serves the deployment, and nothing
    /// proves the opposite.
    Unknown(Obstacle),
    Unreachable {
        problem: Problem,
        /// The last bad response in a few words, sanitized.
        last_response: String,
        /// How long the problem lasted, up to the end of the check.
        lasted: Duration,
    },
}

impl Finding {
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Reachable { .. } => Verdict::Reachable,
            Self::Unknown(_) => Verdict::Unknown,
            Self::Unreachable { .. } => Verdict::Unreachable,
        }
    }
}

/// Why an address could not be reached. Each reads on after a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    Returns(u16),
    OtherContent,
    LacksText,
    DoesNotResolve,
    DoesNotRespond,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Returns(status) => return write!(f, "returns {status}"),
            Self::OtherContent => "serves other content",
            Self::LacksText => "lacks the text",
            Self::DoesNotResolve => "does not resolve",
            Self::DoesNotRespond => "does not respond",
        })
    }
}

/// What stands between the check and an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The login page of Cloudflare Access.
    Access,
    /// A bot challenge of the zone.
    Challenge,
    /// The zone rewrites HTML, so that its content equals no other.
    RewrittenHtml,
    /// The deployment's own URL could not be read, so that there is nothing
    /// to compare the address with.
    NothingToCompare,
}

/// The three values of the `reachable` output. Of several addresses the
/// greatest one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    Reachable,
    Unknown,
    Unreachable,
}

impl Verdict {
    /// The value of the `reachable` output.
    pub fn word(self) -> &'static str {
        match self {
            Self::Reachable => "true",
            Self::Unreachable => "false",
            Self::Unknown => "unknown",
        }
    }
}

impl Reachability {
    /// One unreachable address decides; otherwise one unknown address does.
    /// Without any address nothing is known.
    pub fn verdict(&self) -> Verdict {
        let verdicts = self.addresses.iter().map(|it| it.finding.verdict());
        verdicts.max().unwrap_or(Verdict::Unknown)
    }

    /// The first address that was not reached, and why.
    pub fn first_problem(&self) -> Option<(&str, Problem)> {
        self.addresses.iter().find_map(|it| match it.finding {
            Finding::Unreachable { problem, .. } => Some((it.url.as_str(), problem)),
            Finding::Reachable { .. } | Finding::Unknown(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_dead_address_outweighs_an_unknown_one() {
        let reachable = || Finding::Reachable {
            after: Duration::from_secs(2),
        };
        let unknown = || Finding::Unknown(Obstacle::Access);
        let dead = || Finding::Unreachable {
            problem: Problem::Returns(404),
            last_response: "404".to_owned(),
            lasted: Duration::from_mins(5),
        };
        let cases = [
            (vec![], Verdict::Unknown, None),
            (vec![reachable(), reachable()], Verdict::Reachable, None),
            (vec![reachable(), unknown()], Verdict::Unknown, None),
            (vec![unknown(), dead()], Verdict::Unreachable, Some("1")),
            (vec![dead(), unknown()], Verdict::Unreachable, Some("0")),
        ];
        for (findings, verdict, first) in cases {
            let addresses = findings.into_iter().enumerate();
            let reachability = Reachability {
                addresses: addresses
                    .map(|(n, finding)| AddressResult {
                        url: n.to_string(),
                        finding,
                    })
                    .collect(),
                took: Duration::from_mins(5),
            };
            assert_eq!(reachability.verdict(), verdict);
            let problem = reachability.first_problem();
            assert_eq!(problem.map(|(url, _)| url), first);
        }
    }
}
