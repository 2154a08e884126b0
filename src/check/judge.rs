//! Judges one response of one address.
//!
//! A status proves little for an alias or a domain: both may serve another
//! deployment with 200. So their content is compared with what the
//! deployment's own URL serves.

use super::address::Kind;
use super::response::{Answer, Page};
use crate::run::reachability::{Obstacle, Problem};

/// Observations of the own URL that are kept.
const MAX_OBSERVED: usize = 16;

/// What one response says about its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judgment {
    Good,
    Bad(Problem),
    /// Neither good nor bad.
    Blocked(Obstacle),
    /// The own URL has not served anything yet to compare with.
    Pending,
}

/// What the deployment's own URL has served so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Reference {
    /// Different good pages, the newest last.
    observed: Vec<Page>,
    /// Whether no page will be added, because the own URL cannot be read.
    is_closed: bool,
}

impl Reference {
    /// Adds a good page of the own URL.
    pub(super) fn observe(&mut self, page: &Page) {
        self.observed.retain(|it| it != page);
        self.observed.push(page.clone());
        if MAX_OBSERVED < self.observed.len() {
            self.observed.remove(0);
        }
    }

    /// Gives up on the own URL.
    pub(super) fn close(&mut self) {
        self.is_closed = true;
    }

    fn has_stable_etag(&self) -> bool {
        let mut etags = self.observed.iter().map(|it| &it.etag);
        let first = etags.next().and_then(Option::as_ref);
        first.is_some_and(|first| etags.all(|it| it.as_ref() == Some(first)))
    }

    /// Whether the own URL serves different content each time, so that no
    /// content proves anything.
    fn is_unstable(&self) -> bool {
        let mut bodies = self.observed.iter().map(|it| it.body);
        let first = bodies.next();
        !self.has_stable_etag() && bodies.any(|it| Some(it) != first)
    }

    fn matches(&self, page: &Page) -> bool {
        self.observed.iter().any(|it| {
            let is_same_etag = it.etag.is_some() && it.etag == page.etag;
            is_same_etag || it.body == page.body
        })
    }
}

/// What the page must contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Demand {
    /// Nothing in particular.
    AnyText,
    /// `check_text`.
    Text,
}

/// Judges a response of an address of this `kind`.
pub(super) fn judge(
    kind: Kind,
    answer: &Answer,
    reference: &Reference,
    demand: Demand,
) -> Judgment {
    let page = match answer {
        Answer::Page(page) => page,
        Answer::Access => return Judgment::Blocked(Obstacle::Access),
        Answer::Challenge => return Judgment::Blocked(Obstacle::Challenge),
        Answer::BadRedirect { status, .. } => return Judgment::Bad(Problem::Returns(*status)),
        Answer::NotResolved(_) => return Judgment::Bad(Problem::DoesNotResolve),
        Answer::NoResponse(_) => return Judgment::Bad(Problem::DoesNotRespond),
    };
    if matches!(page.status, 404 | 500..) {
        return Judgment::Bad(Problem::Returns(page.status));
    }
    if page.is_placeholder {
        return Judgment::Bad(Problem::OtherContent);
    }
    match kind {
        Kind::Own if page.has_text => Judgment::Good,
        Kind::Own => Judgment::Bad(Problem::LacksText),
        Kind::PagesDev | Kind::Domain => compare(kind, page, reference, demand),
    }
}

fn compare(kind: Kind, page: &Page, reference: &Reference, demand: Demand) -> Judgment {
    let own = reference.observed.last();
    if own.is_none() && !reference.is_closed {
        return Judgment::Pending;
    }
    if 400 <= page.status && own.is_none_or(|it| it.status != page.status) {
        return Judgment::Bad(Problem::Returns(page.status));
    }
    if !page.has_text {
        return Judgment::Bad(Problem::LacksText);
    }
    let has_only_text = |obstacle| match demand {
        Demand::AnyText => Judgment::Blocked(obstacle),
        Demand::Text => Judgment::Good,
    };
    let Some(own) = own else {
        return has_only_text(Obstacle::NothingToCompare);
    };
    let is_rewritten =
        kind == Kind::Domain && page.is_html && page.etag.is_none() && own.etag.is_some();
    if reference.matches(page) || (reference.is_unstable() && own.status == page.status) {
        Judgment::Good
    } else if is_rewritten {
        has_only_text(Obstacle::RewrittenHtml)
    } else {
        Judgment::Bad(Problem::OtherContent)
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderValue};

    use super::super::response::read_page;
    use super::*;

    /// A page from `STATUS ETAG TYPE BODY`; `-` is an absent header. The
    /// demanded text is `text`.
    fn page(text: &str) -> Page {
        let [status, etag, kind, body] = text.split(' ').collect::<Vec<_>>()[..] else {
            panic!("not a page: {text}");
        };
        let mut headers = HeaderMap::new();
        if etag != "-" {
            headers.insert("etag", HeaderValue::from_str(etag).unwrap());
        }
        if kind != "-" {
            headers.insert("content-type", HeaderValue::from_str(kind).unwrap());
        }
        read_page(
            status.parse().unwrap(),
            &headers,
            body.as_bytes(),
            Some("text"),
        )
    }

    fn any_text(text: &str) -> Answer {
        let mut page = page(text);
        page.has_text = true;
        Answer::Page(page)
    }

    fn reference(pages: &[&str]) -> Reference {
        let mut reference = Reference::default();
        for text in pages {
            reference.observe(&page(text));
        }
        reference
    }

    const GOOD: Judgment = Judgment::Good;
    const OTHER: Judgment = Judgment::Bad(Problem::OtherContent);

    fn returns(status: u16) -> Judgment {
        Judgment::Bad(Problem::Returns(status))
    }

    #[test]
    fn the_own_url_is_judged_by_its_status_and_the_text() {
        let none = Reference::default();
        let cases = [
            ("200 - - x", GOOD),
            ("204 - - x", GOOD),
            ("304 - - x", GOOD),
            ("401 - - x", GOOD),
            ("403 - - x", GOOD),
            ("404 - - x", returns(404)),
            ("410 - - x", GOOD),
            ("500 - - x", returns(500)),
            ("530 - - x", returns(530)),
        ];
        for (text, expected) in cases {
            let judgment = judge(Kind::Own, &any_text(text), &none, Demand::AnyText);
            assert_eq!(judgment, expected, "{text}");
        }
        for (text, expected) in [
            ("200 - - a-text-b", GOOD),
            ("200 - - x", Judgment::Bad(Problem::LacksText)),
            ("404 - - text", returns(404)),
        ] {
            let answer = Answer::Page(page(text));
            let judgment = judge(Kind::Own, &answer, &none, Demand::Text);
            assert_eq!(judgment, expected, "{text}");
        }
        let mut placeholder = page("200 - - x");
        placeholder.is_placeholder = true;
        let placeholder = Answer::Page(placeholder);
        assert_eq!(judge(Kind::Own, &placeholder, &none, Demand::Text), OTHER);
    }

    #[test]
    fn what_is_no_page_has_a_problem_or_an_obstacle() {
        let cases = [
            (Answer::Access, Judgment::Blocked(Obstacle::Access)),
            (Answer::Challenge, Judgment::Blocked(Obstacle::Challenge)),
            (
                Answer::BadRedirect {
                    status: 301,
                    why: String::new(),
                },
                returns(301),
            ),
            (
                Answer::NotResolved(String::new()),
                Judgment::Bad(Problem::DoesNotResolve),
            ),
            (
                Answer::NoResponse(String::new()),
                Judgment::Bad(Problem::DoesNotRespond),
            ),
        ];
        for (answer, expected) in cases {
            for kind in [Kind::Own, Kind::PagesDev, Kind::Domain] {
                let judgment = judge(kind, &answer, &Reference::default(), Demand::AnyText);
                assert_eq!(judgment, expected, "{answer:?}");
            }
        }
    }

    /// The pages of the own URL, the page of an address, and the judgments for
    /// a name under `pages.dev` and for a domain.
    #[test]
    fn an_alias_or_domain_must_serve_this_deployment() {
        let rewritten = Judgment::Blocked(Obstacle::RewrittenHtml);
        let pending = Judgment::Pending;
        let cases: [(&[&str], &str, Judgment, Judgment); 20] = [
            (&[], "200 - - new", pending, pending),
            (&["200 - - new"], "200 - - new", GOOD, GOOD),
            (&["200 - - new"], "200 - - old", OTHER, OTHER),
            (&["200 - - new"], "404 - - new", returns(404), returns(404)),
            (&["200 - - new"], "403 - - new", returns(403), returns(403)),
            (&["403 - - no"], "403 - - no", GOOD, GOOD),
            (&["403 - - no"], "401 - - no", returns(401), returns(401)),
            // The validator decides where both have one, else the body.
            (&["200 a - new"], "200 a - changed", GOOD, GOOD),
            (&["200 a - new"], "200 W/a - changed", GOOD, GOOD),
            (&["200 a - new"], "200 b - old", OTHER, OTHER),
            (&["200 a - new"], "200 b - new", GOOD, GOOD),
            (&["200 a - new"], "200 - - new", GOOD, GOOD),
            (&["200 a - new"], "200 - text/plain old", OTHER, OTHER),
            // A zone that rewrites HTML removes the validator.
            (
                &["200 a text/html new"],
                "200 - text/html changed",
                OTHER,
                rewritten,
            ),
            (
                &["200 - text/html new"],
                "200 - text/html changed",
                OTHER,
                OTHER,
            ),
            // Content that changes with each request proves nothing.
            (&["200 - - 1", "200 - - 2"], "200 - - 3", GOOD, GOOD),
            (&["200 a - 1", "200 b - 2"], "200 c - 3", GOOD, GOOD),
            (&["200 - - 1", "200 - - 2"], "204 - - 3", OTHER, OTHER),
            (&["200 a - 1", "200 a - 2"], "200 b - 3", OTHER, OTHER),
            (&["200 a - 1", "200 - - 2"], "200 - - 3", GOOD, GOOD),
        ];
        for (own, text, pages_dev, domain) in cases {
            let reference = reference(own);
            for (kind, expected) in [(Kind::PagesDev, pages_dev), (Kind::Domain, domain)] {
                let judgment = judge(kind, &any_text(text), &reference, Demand::AnyText);
                assert_eq!(judgment, expected, "{kind:?}: {text} against {own:?}");
            }
        }
    }

    #[test]
    fn the_text_counts_beside_the_content_and_replaces_what_cannot_be_compared() {
        let lacks = Judgment::Bad(Problem::LacksText);
        let cases: [(&[&str], &str, Judgment); 5] = [
            (&["200 - - text"], "200 - - text", GOOD),
            (&["200 - - text"], "200 - - x", lacks),
            (&["200 - - text"], "200 - - old-text", OTHER),
            (&["200 a text/html text"], "200 - text/html my-text", GOOD),
            (&["200 a text/html text"], "200 - text/html mine", lacks),
        ];
        for (own, text, expected) in cases {
            let answer = Answer::Page(page(text));
            let judgment = judge(Kind::Domain, &answer, &reference(own), Demand::Text);
            assert_eq!(judgment, expected, "{text} against {own:?}");
        }
    }

    #[test]
    fn without_the_own_url_only_the_text_proves_anything() {
        let mut closed = Reference::default();
        closed.close();
        let unknown = Judgment::Blocked(Obstacle::NothingToCompare);
        for (text, any, with_text) in [
            ("200 - - x", unknown, Judgment::Bad(Problem::LacksText)),
            ("200 - - text", unknown, GOOD),
            ("403 - - text", returns(403), returns(403)),
        ] {
            let judgment = judge(Kind::Domain, &any_text(text), &closed, Demand::AnyText);
            assert_eq!(judgment, any, "{text}");
            let answer = Answer::Page(page(text));
            let judgment = judge(Kind::Domain, &answer, &closed, Demand::Text);
            assert_eq!(judgment, with_text, "{text}");
        }
    }

    #[test]
    fn the_reference_is_bounded() {
        let mut reference = Reference::default();
        for n in 0..100 {
            reference.observe(&page(&format!("200 - - {n}")));
        }
        assert_eq!(reference.observed.len(), MAX_OBSERVED);
        assert!(reference.matches(&page("200 - - 99")) && !reference.matches(&page("200 - - 1")));
    }
}
