//! Which addresses a deployment has.

use url::{Host, Url};

use crate::cloudflare::deployment::Deployment;
use crate::cloudflare::project::Project;

/// One address to check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) kind: Kind,
    pub(super) url: Url,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The URL of exactly this deployment: what the others are compared with.
    Own,
    /// An alias under `pages.dev`, which may serve another deployment.
    PagesDev,
    /// A name in the user's own zone, which may also change what it serves.
    Domain,
}

/// The addresses at which a deployment should be reachable, and those texts
/// of the API among them that are no addresses.
///
/// `project` is needed only for production, whose addresses it lists. Each
/// host occurs once; the own URL is first. `path` was checked by
/// [`is_path`](super::options::is_path).
pub(super) fn addresses(
    deployment: &Deployment,
    project: Option<&Project>,
    path: &str,
) -> (Vec<Address>, Vec<String>) {
    let others = deployment.alias().into_iter();
    let others = others.chain(project.into_iter().flat_map(|project| {
        let domains = project.domains.iter().map(String::as_str);
        project.subdomain.as_deref().into_iter().chain(domains)
    }));
    let mut addresses: Vec<Address> = Vec::new();
    let mut unusable = Vec::new();
    let own = deployment.url.as_str();
    for text in [own].into_iter().chain(others) {
        let Some(url) = base(text).and_then(|it| it.join(path).ok()) else {
            unusable.extend((!text.trim().is_empty()).then(|| text.to_owned()));
            continue;
        };
        if addresses.iter().any(|it| it.url == url) {
            continue;
        }
        let kind = if text == own {
            Kind::Own
        } else if url.host_str().is_some_and(|it| it.ends_with(".pages.dev")) {
            Kind::PagesDev
        } else {
            Kind::Domain
        };
        addresses.push(Address { kind, url });
    }
    (addresses, unusable)
}

/// Reads a URL or a host's name. Without a scheme it is https, except on a
/// loopback host; plain http is for loopback hosts only.
fn base(text: &str) -> Option<Url> {
    let text = text.trim();
    let mut url = if text.contains("://") {
        Url::parse(text).ok()?
    } else {
        let url = Url::parse(&format!("https://{text}")).ok()?;
        if is_loopback(&url) {
            Url::parse(&format!("http://{text}")).ok()?
        } else {
            url
        }
    };
    url.host()?;
    if url.scheme() == "http" && !is_loopback(&url) {
        url.set_scheme("https").ok()?;
    }
    let is_web = matches!(url.scheme(), "http" | "https");
    let has_user = !url.username().is_empty() || url.password().is_some();
    (is_web && !has_user).then_some(url)
}

/// Whether a URL leads to this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(aliases: &[&str], project: Option<&Project>, path: &str, expected: &[(Kind, &str)]) {
        let deployment = serde_json::from_value(json!({
            "id": "9a8b7c6d",
            "url": "https://9a8b7c6d.site-1x2.pages.dev",
            "aliases": aliases,
        }));
        let (addresses, unusable) = addresses(&deployment.unwrap(), project, path);
        let addresses: Vec<_> = addresses
            .iter()
            .map(|it| (it.kind, it.url.as_str()))
            .collect();
        assert_eq!(addresses, expected);
        assert!(unusable.is_empty(), "{unusable:?}");
    }

    fn project(subdomain: Option<&str>, domains: &[&str]) -> Project {
        Project {
            subdomain: subdomain.map(str::to_owned),
            domains: domains.iter().map(|it| (*it).to_owned()).collect(),
        }
    }

    #[test]
    fn a_preview_has_its_own_url_and_its_alias() {
        let own = (
            Kind::Own,
            "https://9a8b7c6d.site-1x2.pages.dev/version.txt?a",
        );
        check(&[], None, "/version.txt?a", &[own]);
        check(
            &[
                "https://preview.example",
                "https://topic.site-1x2.pages.dev",
            ],
            None,
            "/",
            &[
                (Kind::Own, "https://9a8b7c6d.site-1x2.pages.dev/"),
                (Kind::PagesDev, "https://topic.site-1x2.pages.dev/"),
            ],
        );
    }

    #[test]
    fn production_has_the_project_s_addresses_each_once() {
        let domains = [
            "site-1x2.pages.dev",
            "example.com",
            "www.example.com",
            "EXAMPLE.com",
        ];
        check(
            &["https://example.com"],
            Some(&project(Some("site-1x2.pages.dev"), &domains)),
            "/",
            &[
                (Kind::Own, "https://9a8b7c6d.site-1x2.pages.dev/"),
                (Kind::Domain, "https://example.com/"),
                (Kind::PagesDev, "https://site-1x2.pages.dev/"),
                (Kind::Domain, "https://www.example.com/"),
            ],
        );
        check(
            &[],
            Some(&project(None, &["site-1x2.pages.dev"])),
            "/",
            &[
                (Kind::Own, "https://9a8b7c6d.site-1x2.pages.dev/"),
                (Kind::PagesDev, "https://site-1x2.pages.dev/"),
            ],
        );
    }

    #[test]
    fn plain_http_is_for_loopback_hosts() {
        let cases = [
            ("127.0.0.2:81", Some("http://127.0.0.2:81/")),
            ("[::1]:81", Some("http://[::1]:81/")),
            ("localhost", Some("http://localhost/")),
            ("http://127.0.0.1:81", Some("http://127.0.0.1:81/")),
            ("https://127.0.0.1:81", Some("https://127.0.0.1:81/")),
            ("example.com", Some("https://example.com/")),
            ("http://example.com", Some("https://example.com/")),
            ("localhost.example", Some("https://localhost.example/")),
            ("bücher.example", Some("https://xn--bcher-kva.example/")),
            ("ftp://example.com", None),
            ("https://user:hush@example.com", None),
            ("not a host", None),
            ("*:*", None),
        ];
        for (text, expected) in cases {
            let url = base(text);
            assert_eq!(url.as_ref().map(Url::as_str), expected, "{text}");
        }
    }
}
