//! Reads response headers: how long to wait, what is left of
//! the rate limit, what time it is at Cloudflare.
//!
//! The local clock is never used: a date is compared with the `Date` of the
//! same response.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// The API's time.
pub(super) fn date(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    http_date(text(headers, DATE.as_str())?)
}

pub(super) fn cf_ray(headers: &HeaderMap) -> Option<String> {
    text(headers, "cf-ray").map(str::to_owned)
}

/// The page of a bot challenge.
pub(super) fn is_challenge(headers: &HeaderMap) -> bool {
    text(headers, "cf-mitigated").is_some_and(|it| it.eq_ignore_ascii_case("challenge"))
}

/// The value of `Retry-After`, given in seconds or as a date.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = text(headers, RETRY_AFTER.as_str())?.trim();
    if !value.is_empty() && value.bytes().all(|it| it.is_ascii_digit()) {
        // A century is as good as any longer time, and no clock overflows.
        let seconds: u32 = value.parse().unwrap_or(u32::MAX);
        return Some(Duration::from_secs(seconds.into()));
    }
    let until = http_date(value)?;
    (until - date(headers)?).to_std().ok()
}

/// What a rate limit leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    pub remaining: u32,
    pub resets_in: Duration,
}

/// What the tightest of the rate limits leaves, from
/// `Ratelimit: "default";r=50;t=30` and `Ratelimit-Policy: "default";q=100;w=60`:
/// `r` requests remain for `t` seconds, else for the window `w`.
pub(super) fn limit(headers: &HeaderMap) -> Option<Limit> {
    let policies = items(headers, "ratelimit-policy");
    let window = |name: &str| {
        let policy = policies.iter().find(|it| it.name == name)?;
        policy.parameter("w")
    };
    let limits = items(headers, "ratelimit").into_iter().filter_map(|item| {
        let remaining = item.parameter("r")?;
        let seconds = item.parameter("t").or_else(|| window(&item.name))?;
        Some(Limit {
            remaining: u32::try_from(remaining).unwrap_or(u32::MAX),
            resets_in: Duration::from_secs(seconds),
        })
    });
    let tightness = |it: &Limit| it.resets_in / it.remaining.saturating_add(1);
    limits.max_by_key(tightness)
}

/// One item of a header that is a list: a name and its parameters.
struct Item {
    name: String,
    parameters: Vec<(String, u64)>,
}

impl Item {
    fn parameter(&self, name: &str) -> Option<u64> {
        let parameter = self.parameters.iter().find(|(it, _)| it == name)?;
        Some(parameter.1)
    }
}

fn items(headers: &HeaderMap, name: &str) -> Vec<Item> {
    let lines = headers.get_all(name).into_iter();
    let lines = lines.filter_map(|it| it.to_str().ok());
    lines.flat_map(|it| it.split(',')).map(item).collect()
}

fn item(text: &str) -> Item {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default().trim_matches('"');
    let parameters = parts.filter_map(|it| {
        let (name, value) = it.split_once('=')?;
        let value = value.trim().parse().ok()?;
        Some((name.trim().to_ascii_lowercase(), value))
    });
    Item {
        name: name.to_ascii_lowercase(),
        parameters: parameters.collect(),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn http_date(text: &str) -> Option<DateTime<Utc>> {
    Some(httpdate::parse_http_date(text).ok()?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        const NOW: &str = "Mon, 02 Mar 2026 10:00:00 GMT";
        let cases = [
            ("0", Some(0)),
            (" 300 ", Some(300)),
            ("Mon, 02 Mar 2026 10:01:30 GMT", Some(90)),
            ("Mon, 02 Mar 2026 09:59:00 GMT", None),
            ("18446744073709551615", Some(u64::from(u32::MAX))),
            ("99999999999999999999999", Some(u64::from(u32::MAX))),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ];
        for (value, expected) in cases {
            let headers = headers(&[("date", NOW), ("retry-after", value)]);
            let seconds = retry_after(&headers).map(|it| it.as_secs());
            assert_eq!(seconds, expected, "{value}");
        }
    }

    #[test]
    fn a_retry_after_date_needs_the_date_of_the_response() {
        let headers = headers(&[("retry-after", "Mon, 02 Mar 2026 10:01:30 GMT")]);
        assert_eq!(retry_after(&headers), None);
    }

    #[test]
    fn a_firewall_s_challenge_and_the_number_of_a_request_are_read() {
        let challenge = headers(&[("cf-mitigated", "Challenge"), ("cf-ray", "8f-FRA")]);
        assert!(is_challenge(&challenge));
        assert_eq!(cf_ray(&challenge).as_deref(), Some("8f-FRA"));
        let none = headers(&[("cf-mitigated", "log")]);
        assert!(!is_challenge(&none) && cf_ray(&none).is_none());
    }

    #[test]
    fn the_tightest_of_several_limits_counts() {
        let cases = [
            (r#""default";r=50;t=30"#, "", Some((50, 30))),
            (r#""a";r=50;t=30, "b";r=1;t=60"#, "", Some((1, 60))),
            (r#""a";r=50"#, r#""a";q=100;w=60"#, Some((50, 60))),
            (r#""a";r=50"#, r#""b";q=100;w=60"#, None),
            (r#""a";r=many;t=30"#, "", None),
            ("", "", None),
        ];
        for (limits, policy, expected) in cases {
            let headers = headers(&[("ratelimit", limits), ("ratelimit-policy", policy)]);
            let found = limit(&headers).map(|it| (it.remaining, it.resets_in.as_secs()));
            assert_eq!(found, expected, "{limits} {policy}");
        }
        // The tightest by what remains for each second, and no number is too
        // large.
        let headers = headers(&[("Ratelimit", r#""a";r=5;t=10, "b";r=99999999999;t=60"#)]);
        let tightest = Limit {
            remaining: 5,
            resets_in: Duration::from_secs(10),
        };
        assert_eq!(limit(&headers), Some(tightest));
    }
}
