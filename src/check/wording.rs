//! What is reported about addresses that are neither reachable nor
//! unreachable.

use crate::run::reachability::{Finding, Obstacle, Reachability};

/// Whether the check has a service token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Given,
    Absent,
}

/// One warning for each obstacle, which says what to set.
pub(super) fn warnings(reachability: &Reachability, token: Token) -> Vec<String> {
    let obstacles = [
        Obstacle::Access,
        Obstacle::Challenge,
        Obstacle::RewrittenHtml,
        Obstacle::NothingToCompare,
    ];
    let warnings = obstacles.into_iter().filter_map(|obstacle| {
        let addresses = reachability.addresses.iter();
        let blocked = addresses.filter(|it| it.finding == Finding::Unknown(obstacle));
        let urls: Vec<_> = blocked.map(|it| it.url.as_str()).collect();
        (!urls.is_empty()).then(|| format!("{}: {}", what(obstacle, token), urls.join(", ")))
    });
    warnings.collect()
}

fn what(obstacle: Obstacle, token: Token) -> &'static str {
    match (obstacle, token) {
        (Obstacle::Access, Token::Absent) => {
            "not known to be reachable, because Cloudflare Access asks for a login; set `access_client_id` and `access_client_secret` to a service token"
        }
        (Obstacle::Access, Token::Given) => {
            "not known to be reachable, because Cloudflare Access did not accept the service token; add a policy with the action Service Auth for the token"
        }
        (Obstacle::Challenge, _) => {
            "not known to be reachable, because of a bot challenge; let requests whose user agent begins with `pages-retry/` skip the challenge, or set `check_url` to a path that is not challenged"
        }
        (Obstacle::RewrittenHtml, _) => {
            "not known to serve this deployment, because the zone rewrites HTML; set `check_text`, or set `check_url` to a path that is not HTML"
        }
        (Obstacle::NothingToCompare, _) => {
            "not known to serve this deployment, because its own URL served nothing to compare with; set `check_text`, or make the own URL readable"
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::run::reachability::AddressResult;

    #[test]
    fn each_obstacle_is_reported_once_with_what_to_set() {
        let address = |url: &str, finding| AddressResult {
            url: url.to_owned(),
            finding,
        };
        let reachability = Reachability {
            addresses: vec![
                address("https://a.example/", Finding::Unknown(Obstacle::Access)),
                address(
                    "https://b.example/",
                    Finding::Reachable {
                        after: Duration::ZERO,
                    },
                ),
                address(
                    "https://c.example/",
                    Finding::Unknown(Obstacle::RewrittenHtml),
                ),
                address("https://d.example/", Finding::Unknown(Obstacle::Access)),
            ],
            took: Duration::ZERO,
        };
        let check = |token, expected: &str| {
            let warnings = warnings(&reachability, token);
            assert_eq!(warnings.len(), 2);
            assert!(warnings[0].contains(expected), "{warnings:?}");
            assert!(warnings[0].ends_with(": https://a.example/, https://d.example/"));
            assert!(warnings[1].contains("set `check_text`"), "{warnings:?}");
            assert!(warnings[1].ends_with(": https://c.example/"));
        };
        check(Token::Absent, "set `access_client_id`");
        check(Token::Given, "Service Auth");
    }
}
