//! What went wrong between us and the API: what happened, whether it may
//! pass, and what a user can do about it.
//!
//! A 429 is a rate limit whatever its body says; else the code in the body
//! decides; else the status. Code 10000 alone would not do: it is
//! "Authentication error" under 403 and "Rate limited" under 429.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::envelope::Item;

pub type BoxError = Box<dyn Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No connection: nothing of the request has left.
    #[error("failed to connect to the Pages API")]
    NotSent(#[source] BoxError),
    /// A certificate that we do not trust will be the same next time.
    #[error("the certificate of the Pages API is not trusted")]
    Untrusted(#[source] BoxError),
    /// The proxy did not let us through: nothing of the request has left.
    #[error("the proxy answered 407: it requires a user name and a password")]
    ProxyRejected,
    /// The request was sent, but no complete response was received.
    #[error("the Pages API gave no whole answer")]
    NoAnswer(#[source] BoxError),
    /// Too many requests; this one was not executed.
    #[error("the Pages API answered {0}")]
    RateLimited(ErrorResponse),
    /// A temporary failure of the API.
    #[error("the Pages API answered {0}")]
    Unavailable(ErrorResponse),
    /// The API rejected the request, and would reject it again.
    #[error("the Pages API answered {0}")]
    Refused(ErrorResponse),
    #[error("the Pages API answered {0}, which is a redirect")]
    Redirected(u16),
}

/// A response without a result.
#[derive(Clone, Debug, Default)]
pub struct ErrorResponse {
    pub status: u16,
    /// What the API says of it; empty if the body was not its JSON.
    pub items: Vec<Item>,
    /// The beginning of a body that is not the API's JSON.
    pub excerpt: Option<String>,
    /// Identifies the request for Cloudflare's support.
    pub cf_ray: Option<String>,
    /// How long the API asks clients to wait (`Retry-After`).
    pub retry_after: Option<Duration>,
    /// Cloudflare's bot protection challenged the request.
    pub is_challenge: bool,
}

impl ErrorResponse {
    /// Whether it comes from a gate in front of the API or from the API itself,
    /// and says no: not a 5xx, and not a body that nobody can read.
    fn is_rejection(&self) -> bool {
        self.status < 500 && (self.is_challenge || !self.items.is_empty())
    }

    pub fn has_code(&self, codes: &[i64]) -> bool {
        let mut items = self.items.iter().flat_map(|it| {
            let chained = it.error_chain.iter().map(|it| it.code);
            chained.chain([it.code])
        });
        items.any(|it| codes.contains(&it))
    }
}

impl fmt::Display for ErrorResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        if self.is_challenge {
            f.write_str(" with a firewall's challenge")?;
        } else if let Some(excerpt) = &self.excerpt {
            f.write_str(" with a body that is not the expected JSON")?;
            if !excerpt.is_empty() {
                write!(f, " ({excerpt})")?;
            }
        }
        for (n, item) in self.items.iter().enumerate() {
            write!(f, "{} {item}", if n == 0 { ":" } else { ";" })?;
        }
        if let Some(cf_ray) = &self.cf_ray
            && self.items.is_empty()
        {
            write!(f, ", cf-ray {cf_ray}")?;
        }
        Ok(())
    }
}

const NO_SUCH_PROJECT: i64 = 8_000_007;
const NO_SUCH_DEPLOYMENT: i64 = 8_000_009;
const BLOCKED: [i64; 2] = [8_000_119, 8_000_036];
const UNAUTHENTICATED: [i64; 6] = [10_000, 9_106, 9_109, 1_000, 1_001, 10_405];
const MALFORMED: [i64; 3] = [6_003, 6_103, 6_111];
const NO_ROUTE: [i64; 2] = [7_003, 7_000];
const RATE_LIMITED: [i64; 2] = [971, 10_429];
const UNKNOWN: i64 = 8_000_000;

const PROXY_HINT: &str = "put the proxy's user name and password into `HTTPS_PROXY`, as in `http://user:password@proxy.example:3128`, or let `NO_PROXY` name the API's host";

impl ClientError {
    /// Classifies an error response by its error code, then by its HTTP status.
    pub(crate) fn from_refusal(refusal: ErrorResponse) -> Self {
        let status = refusal.status;
        if status == 429 || refusal.has_code(&RATE_LIMITED) {
            return Self::RateLimited(refusal);
        }
        if (300..400).contains(&status) {
            return Self::Redirected(status);
        }
        let is_final_code = refusal.has_code(&UNAUTHENTICATED)
            || refusal.has_code(&MALFORMED)
            || refusal.has_code(&NO_ROUTE)
            || refusal.has_code(&BLOCKED)
            || refusal.has_code(&[NO_SUCH_PROJECT, NO_SUCH_DEPLOYMENT]);
        let is_named = (400..500).contains(&status) && !refusal.items.is_empty();
        let is_passing = matches!(status, 408 | 425 | 500..) || refusal.has_code(&[UNKNOWN]);
        if is_final_code || matches!(status, 401 | 403 | 407) || (is_named && !is_passing) {
            Self::Refused(refusal)
        } else {
            Self::Unavailable(refusal)
        }
    }

    /// Whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::NotSent(_) | Self::NoAnswer(_) | Self::RateLimited(_) | Self::Unavailable(_) => {
                true
            }
            Self::Untrusted(_) | Self::ProxyRejected | Self::Refused(_) | Self::Redirected(_) => {
                false
            }
        }
    }

    pub fn is_rate_limit(&self) -> bool {
        matches!(self, Self::RateLimited(_))
    }

    /// Whether the API says that the deployment does not exist.
    pub fn is_no_such_deployment(&self) -> bool {
        matches!(self, Self::Refused(it) if it.has_code(&[NO_SUCH_DEPLOYMENT]))
    }

    /// Whether the API rejects the deployment itself, rather than the token, the
    /// account or the project.
    pub fn rejects_deployment(&self) -> bool {
        let Self::Refused(refusal) = self else {
            return false;
        };
        let is_about_us = matches!(refusal.status, 401 | 403)
            || refusal.has_code(&UNAUTHENTICATED)
            || refusal.has_code(&MALFORMED)
            || refusal.has_code(&NO_ROUTE)
            || refusal.has_code(&BLOCKED)
            || refusal.has_code(&[NO_SUCH_PROJECT]);
        !is_about_us && refusal.is_rejection()
    }

    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited(it) | Self::Unavailable(it) => it.retry_after,
            Self::NotSent(_)
            | Self::Untrusted(_)
            | Self::ProxyRejected
            | Self::NoAnswer(_)
            | Self::Refused(_)
            | Self::Redirected(_) => None,
        }
    }

    /// What a user can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotSent(_) => Some("check the network, `HTTPS_PROXY` and `api_base_url`"),
            Self::Untrusted(_) => Some(
                "a company's own certificate authority is read from `SSL_CERT_FILE`; else check `api_base_url`",
            ),
            Self::ProxyRejected => Some(PROXY_HINT),
            Self::Refused(it) if it.status == 407 => Some(PROXY_HINT),
            Self::NoAnswer(_) | Self::Unavailable(_) => {
                Some("check https://www.cloudflarestatus.com for outages, then run the step again")
            }
            Self::RateLimited(_) => Some(
                "the limit is 1,200 requests in five minutes per user, across all tokens and the dashboard; run fewer jobs at once",
            ),
            Self::Redirected(_) => Some("check `api_base_url`; a redirect is never followed"),
            Self::Refused(it) if it.is_challenge => Some(
                "Cloudflare's bot protection challenged the request; allowlist this runner's IP address",
            ),
            Self::Refused(it) if it.has_code(&MALFORMED) => {
                Some("check `api_token` for quotes, spaces and line breaks")
            }
            Self::Refused(it) if it.has_code(&NO_ROUTE) => Some(
                "check `account_id`: the token may be valid but cannot access this account, or the id belongs to another account",
            ),
            Self::Refused(it) if it.has_code(&[NO_SUCH_PROJECT]) => Some(
                "check `project_name` and `account_id`: the account has no Pages project of this name",
            ),
            Self::Refused(it) if it.has_code(&[NO_SUCH_DEPLOYMENT]) => {
                Some("check `deployment_id`; a deployment that was deleted cannot be retried")
            }
            Self::Refused(it) if it.has_code(&BLOCKED) => Some(
                "Cloudflare blocked the project or the account, or the token lacks a permission; write to Cloudflare",
            ),
            Self::Refused(it)
                if matches!(it.status, 401 | 403) || it.has_code(&UNAUTHENTICATED) =>
            {
                Some(
                    "check `api_token`: it needs the permission Cloudflare Pages: Edit; the token may be valid but cannot access this account, or `account_id` belongs to another account",
                )
            }
            Self::Refused(_) => None,
        }
    }
}

/// An error with its causes, each once: what a person is shown.
pub fn error_chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.contains(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Eq)]
    enum Sorted {
        Final,
        MayPass,
        Limit,
    }

    fn refused(status: u16, code: i64) -> ClientError {
        let item = Item {
            code,
            message: "why".to_owned(),
            ..Item::default()
        };
        ClientError::from_refusal(ErrorResponse {
            status,
            items: (code != 0).then_some(item).into_iter().collect(),
            ..ErrorResponse::default()
        })
    }

    fn sorted(status: u16, code: i64) -> Sorted {
        let error = refused(status, code);
        if error.is_rate_limit() {
            Sorted::Limit
        } else if error.is_transient() {
            Sorted::MayPass
        } else {
            Sorted::Final
        }
    }

    #[test]
    fn a_429_is_a_limit_else_the_code_decides_else_the_status() {
        use Sorted::{Final, Limit, MayPass};
        let cases = [
            (429, 0, Limit),
            (429, 971, Limit),
            (429, 10_000, Limit),
            (429, 10_502, Limit),
            (500, 971, Limit),
            (200, 10_429, Limit),
            (400, 10_000, Final),
            (403, 10_000, Final),
            (401, 0, Final),
            (403, 0, Final),
            (407, 0, Final),
            (400, 9_106, Final),
            (403, 9_109, Final),
            (400, 1_000, Final),
            (400, 6_003, Final),
            (404, 7_003, Final),
            (400, 7_000, Final),
            (200, 8_000_007, Final),
            (404, 8_000_009, Final),
            (403, 8_000_119, Final),
            (403, 8_000_036, Final),
            (500, 8_000_009, Final),
            // The code decides, whatever the status.
            (500, 9_106, Final),
            (500, 6_003, Final),
            (500, 7_003, Final),
            (500, 8_000_119, Final),
            (500, 8_000_007, Final),
            (400, 8_000_099, Final),
            (409, 8_000_099, Final),
            (302, 0, Final),
            (308, 8_000_000, Final),
            (200, 0, MayPass),
            (200, 8_000_099, MayPass),
            (400, 8_000_000, MayPass),
            (404, 0, MayPass),
            (408, 8_000_099, MayPass),
            (425, 0, MayPass),
            (500, 8_000_000, MayPass),
            (500, 8_000_099, MayPass),
            (502, 0, MayPass),
            (524, 0, MayPass),
        ];
        for (status, code, expected) in cases {
            assert_eq!(sorted(status, code), expected, "{status} with code {code}");
        }
    }

    #[test]
    fn a_5xx_rejects_no_deployment_whatever_its_code() {
        for code in [0, 971, 10_000, 10_429, 8_000_007, 8_000_009] {
            assert!(!refused(500, code).rejects_deployment(), "{code}");
        }
        assert!(refused(409, 8_000_099).rejects_deployment());
        assert!(refused(404, 8_000_009).rejects_deployment());
    }

    #[test]
    fn a_hint_depends_on_the_error_code_or_else_the_status() {
        let cases = [
            (400, 6_003, Some("check `api_token` for quotes")),
            (404, 7_003, Some("check `account_id`: ")),
            (
                404,
                8_000_007,
                Some("check `project_name` and `account_id`: "),
            ),
            (404, 8_000_009, Some("check `deployment_id`; ")),
            (403, 8_000_119, Some("Cloudflare blocked the project ")),
            (
                403,
                10_000,
                Some("check `api_token`: it needs the permission "),
            ),
            (401, 0, Some("check `api_token`: it needs the permission ")),
            (
                400,
                9_106,
                Some("check `api_token`: it needs the permission "),
            ),
            (400, 8_000_099, None),
        ];
        for (status, code, expected) in cases {
            let hint = refused(status, code).hint();
            let is_right = match expected {
                Some(beginning) => hint.is_some_and(|it| it.starts_with(beginning)),
                None => hint.is_none(),
            };
            assert!(is_right, "{status} with code {code}: {hint:?}");
        }
    }

    #[test]
    fn a_rejected_deployment_differs_from_a_rejected_token_or_project() {
        let cases = [
            (400, 8_000_099, true),
            (404, 8_000_009, true),
            (403, 8_000_099, false),
            (400, 9_106, false),
            (400, 6_003, false),
            (404, 7_003, false),
            (400, 8_000_119, false),
            (404, 8_000_007, false),
            (401, 0, false),
            (500, 8_000_099, false),
        ];
        for (status, code, expected) in cases {
            let is = refused(status, code).rejects_deployment();
            assert_eq!(is, expected, "{status} with code {code}");
        }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("{message}")]
    struct Caused {
        message: &'static str,
        source: Option<Box<Caused>>,
    }

    #[test]
    fn an_error_is_described_with_each_cause_once() {
        let caused = |message, source: Option<Caused>| Caused {
            message,
            source: source.map(Box::new),
        };
        let cause = caused("refused", Some(caused("connect", None)));
        let error = ClientError::NotSent(Box::new(caused("tcp connect error", Some(cause))));
        let own = "failed to connect to the Pages API";
        assert_eq!(error.to_string(), own);
        let expected = format!("{own}: tcp connect error: refused");
        assert_eq!(error_chain(&error), expected);
    }

    #[test]
    fn the_beginning_of_a_body_that_is_not_json_is_shown() {
        for (excerpt, expected) in [("upstream", " (upstream)"), ("", "")] {
            let error = ClientError::from_refusal(ErrorResponse {
                status: 502,
                excerpt: Some(excerpt.to_owned()),
                cf_ray: Some("8f".to_owned()),
                ..ErrorResponse::default()
            });
            let expected = format!(
                "the Pages API answered 502 with a body that is not the expected JSON{expected}, cf-ray 8f"
            );
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn a_message_says_what_the_api_said_and_where_to_read_on() {
        let item = Item {
            code: 8_000_099,
            message: "No. ".to_owned(),
            documentation_url: Some("https://developers.example/x".to_owned()),
            pointer: Some("/branch".to_owned()),
            ..Item::default()
        };
        let error = ClientError::from_refusal(ErrorResponse {
            status: 400,
            items: vec![item],
            ..ErrorResponse::default()
        });
        let expected = "the Pages API answered 400: No. (code 8000099) at /branch, see https://developers.example/x";
        assert_eq!(error.to_string(), expected);
        let challenge = ClientError::from_refusal(ErrorResponse {
            status: 403,
            excerpt: Some("Just a moment".to_owned()),
            cf_ray: Some("8f".to_owned()),
            is_challenge: true,
            ..ErrorResponse::default()
        });
        let expected = "the Pages API answered 403 with a firewall's challenge, cf-ray 8f";
        assert_eq!(challenge.to_string(), expected);
        assert!(
            challenge
                .hint()
                .is_some_and(|it| it.contains("bot protection"))
        );
    }
}
