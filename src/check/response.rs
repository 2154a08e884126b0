//! The response of an address, as far as the check needs it.
//!
//! Functions of their arguments: the client brings bytes, and this file reads
//! them.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use reqwest::header::{CONTENT_TYPE, ETAG, HeaderMap, LOCATION, WWW_AUTHENTICATE};
use url::Url;

use super::address::is_loopback;
use crate::text::inline;

/// Redirects that are followed for one request.
pub(super) const MAX_REDIRECTS: usize = 5;

/// Bytes of a body that are read, compared and searched.
pub(super) const MAX_BODY: usize = 1 << 20;

/// Cloudflare serves this page with status 200 where nothing has been deployed
/// yet. Both sentences must be there: a site may contain one of them.
const PLACEHOLDER: [&str; 2] = [
    "There is nothing here yet",
    "If you expect something to be here, it may take some time",
];

/// The final response to one request, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Page(Page),
    /// A redirect to the login page of Cloudflare Access, or its rejection.
    Access,
    /// A bot challenge.
    Challenge,
    /// A redirect that is not followed, with its status.
    BadRedirect {
        status: u16,
        why: String,
    },
    /// The name of a host has no address. The text is sanitized.
    NotResolved(String),
    /// No connection, no response or only a part of one. The text is
    /// sanitized.
    NoResponse(String),
}

/// A response that is no redirect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) status: u16,
    /// Without `W/`: a proxy may weaken a validator on the way.
    pub(super) etag: Option<String>,
    pub(super) body: Fingerprint,
    pub(super) is_html: bool,
    /// Whether it contains `check_text`; true if there is none.
    pub(super) has_text: bool,
    /// See [`PLACEHOLDER`].
    pub(super) is_placeholder: bool,
}

/// Distinguishes bodies by their first [`MAX_BODY`] bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint {
    pub(super) bytes: usize,
    hash: u64,
}

/// What to do after reading the headers of a response.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// The same request at another URL.
    Follow(Url),
    /// The body is to be read.
    Read,
    /// The result is known without the body.
    Known(Answer),
}

/// Reads the head of a response from `url`, after `hops` redirects. Plain http
/// is followed only from a loopback host to a loopback host.
pub(super) fn read_head(url: &Url, hops: usize, status: u16, headers: &HeaderMap) -> Head {
    let is_challenge = headers
        .get("cf-mitigated")
        .is_some_and(|it| it.as_bytes().eq_ignore_ascii_case(b"challenge"));
    if is_challenge {
        return Head::Known(Answer::Challenge);
    }
    let asks_for_access = |it: &[u8]| it.to_ascii_lowercase().starts_with(b"cloudflare-access");
    let mut challenges = headers.get_all(WWW_AUTHENTICATE).iter();
    if matches!(status, 401 | 403) && challenges.any(|it| asks_for_access(it.as_bytes())) {
        return Head::Known(Answer::Access);
    }
    let location = headers.get(LOCATION);
    let Some(location) = location.filter(|_| matches!(status, 301 | 302 | 303 | 307 | 308)) else {
        return Head::Read;
    };
    let bad = |why: String| Head::Known(Answer::BadRedirect { status, why });
    let location = String::from_utf8_lossy(location.as_bytes());
    let Ok(mut next) = url.join(&location) else {
        return bad(format!(
            "redirects to `{}`, which is not a URL",
            inline(&location)
        ));
    };
    if is_access(&next) {
        return Head::Known(Answer::Access);
    }
    let is_between_loopbacks = is_loopback(url) && is_loopback(&next);
    if next.scheme() != "https" && !(next.scheme() == "http" && is_between_loopbacks) {
        return bad(format!(
            "redirects to {}, which is not https",
            inline(next.as_str())
        ));
    }
    if MAX_REDIRECTS <= hops {
        return bad(format!("redirects more than {MAX_REDIRECTS} times"));
    }
    // A page may not choose what we authenticate with. The setters fail only
    // for URLs without a host, which https excludes.
    let _ = next.set_username("");
    let _ = next.set_password(None);
    next.set_fragment(None);
    Head::Follow(next)
}

/// Whether a URL belongs to the login pages of Cloudflare Access.
fn is_access(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    host == "cloudflareaccess.com" || host.ends_with(".cloudflareaccess.com")
}

/// Reads a whole response. `body` has at most [`MAX_BODY`] bytes; `text` is
/// what the page must contain.
pub(super) fn read_page(status: u16, headers: &HeaderMap, body: &[u8], text: Option<&str>) -> Page {
    let header = |name| {
        let value = headers.get(name).map(|it: &reqwest::header::HeaderValue| {
            String::from_utf8_lossy(it.as_bytes()).trim().to_owned()
        });
        value.filter(|it| !it.is_empty())
    };
    let content_type = header(CONTENT_TYPE)
        .unwrap_or_default()
        .to_ascii_lowercase();
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    Page {
        status,
        etag: header(ETAG).map(|it| it.strip_prefix("W/").unwrap_or(&it).to_owned()),
        body: Fingerprint {
            bytes: body.len(),
            hash: hasher.finish(),
        },
        is_html: content_type.starts_with("text/html"),
        has_text: text.is_none_or(|it| contains(body, it)),
        is_placeholder: PLACEHOLDER.iter().all(|it| contains(body, it)),
    }
}

fn contains(body: &[u8], text: &str) -> bool {
    let text = text.as_bytes();
    text.is_empty() || body.windows(text.len()).any(|it| it == text)
}

impl Answer {
    /// The response in a few words, sanitized: `404`, `200 with ETag "abc"`.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Page(page) => {
                let Page {
                    status, etag, body, ..
                } = page;
                match etag {
                    Some(etag) => format!("{status} with ETag {}", inline(etag)),
                    None => format!("{status} with {} bytes", body.bytes),
                }
            }
            Self::Access => "the login page of Cloudflare Access".to_owned(),
            Self::Challenge => "a bot challenge".to_owned(),
            Self::BadRedirect { status, why } => format!("{status}, which {why}"),
            Self::NotResolved(why) | Self::NoResponse(why) => why.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| {
                let value = HeaderValue::from_str(value).unwrap();
                (HeaderName::from_static(name), value)
            })
            .collect()
    }

    #[track_caller]
    fn redirect(from: &str, to: &str, hops: usize) -> Result<String, Answer> {
        let head = read_head(
            &Url::parse(from).unwrap(),
            hops,
            302,
            &headers(&[("location", to)]),
        );
        match head {
            Head::Follow(url) => Ok(url.into()),
            Head::Known(answer) => Err(answer),
            Head::Read => panic!("a redirect has no page"),
        }
    }

    #[test]
    fn a_redirect_is_followed_over_https() {
        let from = "https://a.example/b/c";
        let followed = [
            ("/d", "https://a.example/d"),
            ("d?e#f", "https://a.example/b/d?e"),
            ("https://b.example", "https://b.example/"),
            ("//b.example/x", "https://b.example/x"),
            ("https://user:hush@b.example/", "https://b.example/"),
        ];
        for (to, expected) in followed {
            assert_eq!(redirect(from, to, 0).as_deref(), Ok(expected), "{to}");
        }
        let refused = [
            (
                "http://a.example/",
                "redirects to http://a.example/, which is not https",
            ),
            (
                "http://127.0.0.1/",
                "redirects to http://127.0.0.1/, which is not https",
            ),
            (
                "file:///etc/passwd",
                "redirects to file:///etc/passwd, which is not https",
            ),
            ("https://", "redirects to `https://`, which is not a URL"),
        ];
        for (to, expected) in refused {
            let answer = redirect(from, to, 0).unwrap_err();
            let why = expected.to_owned();
            assert_eq!(answer, Answer::BadRedirect { status: 302, why }, "{to}");
        }
        let looped = redirect(from, "/d", 5).unwrap_err();
        assert_eq!(looped.describe(), "302, which redirects more than 5 times");
        assert!(redirect(from, "/d", 4).is_ok());
    }

    #[test]
    fn plain_http_is_followed_between_loopback_hosts() {
        let followed = redirect("http://127.0.0.2:1/", "http://127.0.0.3:2/", 0);
        assert_eq!(followed.as_deref(), Ok("http://127.0.0.3:2/"));
        assert!(redirect("http://127.0.0.2:1/", "http://a.example/", 0).is_err());
    }

    #[test]
    fn access_and_a_challenge_are_recognized() {
        let from = "https://a.example/";
        let login = "https://team.cloudflareaccess.com/cdn-cgi/access/login/a.example?kid=1";
        assert_eq!(redirect(from, login, 0), Err(Answer::Access));
        assert_eq!(redirect(from, login, 5), Err(Answer::Access));
        assert!(redirect(from, "https://cloudflareaccess.com.example/", 0).is_ok());
        let url = Url::parse(from).unwrap();
        let head = |status, pairs: &[_]| read_head(&url, 0, status, &headers(pairs));
        let known = [
            (403, ("cf-mitigated", "challenge"), Answer::Challenge),
            (503, ("cf-mitigated", "Challenge"), Answer::Challenge),
            (
                401,
                ("www-authenticate", "Cloudflare-Access realm=\"x\""),
                Answer::Access,
            ),
        ];
        for (status, header, expected) in known {
            assert_eq!(head(status, &[header]), Head::Known(expected));
        }
        for (status, header) in [
            (403, ("cf-mitigated", "block")),
            (401, ("www-authenticate", "Basic realm=\"x\"")),
            (200, ("www-authenticate", "Cloudflare-Access")),
            (304, ("location", "/a")),
            (200, ("location", "/a")),
        ] {
            assert_eq!(head(status, &[header]), Head::Read, "{status} {header:?}");
        }
    }

    #[test]
    fn a_page_is_told_by_its_validator_and_its_body() {
        let page = |pairs: &[_], body: &str| read_page(200, &headers(pairs), body.as_bytes(), None);
        let strong = page(&[("etag", "\"a\"")], "x");
        assert_eq!(strong.etag.as_deref(), Some("\"a\""));
        assert_eq!(page(&[("etag", "W/\"a\"")], "y").etag, strong.etag);
        assert_eq!(page(&[("etag", " ")], "x").etag, None);
        assert_eq!(page(&[], "x").body, strong.body);
        assert_ne!(page(&[], "y").body, strong.body);
        assert!(page(&[("content-type", "Text/HTML; charset=utf-8")], "").is_html);
        assert!(!page(&[("content-type", "text/plain")], "").is_html);
    }

    #[test]
    fn text_is_searched_in_bytes_that_need_not_be_unicode() {
        let has = |body: &[u8], text| read_page(200, &HeaderMap::new(), body, Some(text)).has_text;
        assert!(has(b"\xff<h1>B\xc3\xa4r</h1>", "Bär"));
        assert!(has(b"Bar", "Bar"));
        assert!(!has(b"Ba", "Bar"));
        assert!(!has(b"", "Bar"));
    }

    #[test]
    fn only_the_whole_placeholder_is_one() {
        let is =
            |body: &str| read_page(200, &HeaderMap::new(), body.as_bytes(), None).is_placeholder;
        let [first, second] = PLACEHOLDER;
        assert!(is(&format!("<h1>{first}</h1><p>{second}.</p>")));
        assert!(!is(first) && !is(second) && !is(""));
    }

    #[test]
    fn a_response_cannot_inject_log_commands() {
        let page = read_page(200, &headers(&[("etag", "\"##[error]x\"")]), b"", None);
        let described = Answer::Page(page).describe();
        assert!(!described.contains("##["), "{described}");
    }
}
