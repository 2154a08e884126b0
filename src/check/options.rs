//! The options of a reachability check.

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

/// The inputs of a check, valid by construction.
#[derive(Clone, Debug)]
pub struct Options {
    /// The path and the query that are requested of each address, with a
    /// leading slash. See [`is_path`].
    pub path: String,
    /// What the page must contain.
    pub text: Option<String>,
    /// How long the check may take.
    pub timeout: Duration,
    pub access: Option<ServiceToken>,
}

/// A service token of Cloudflare Access.
#[derive(Clone, Debug)]
pub struct ServiceToken {
    pub client_id: String,
    pub client_secret: SecretString,
}

/// Whether `text` is a path and perhaps a query, so that it cannot lead to
/// another host: URL parsers take `//host` and `/\host` as a host's name.
pub fn is_path(text: &str) -> bool {
    let base = Url::parse("https://host.invalid/").ok();
    let joined = base.and_then(|it| it.join(text).ok());
    let is_on_host = joined.is_some_and(|it| {
        it.host_str() == Some("host.invalid") && it.scheme() == "https" && it.fragment().is_none()
    });
    text.starts_with('/') && is_on_host
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_cannot_lead_to_another_host() {
        for path in ["/", "/version.txt", "/a/b?c=d&e=//f", "/ä b", "/a//b"] {
            assert!(is_path(path), "{path}");
        }
        for other in [
            "",
            "version.txt",
            "//other.example/",
            "/\\other.example/",
            "/\t/other.example",
            "https://other.example/",
            "https://host.invalid/",
            "/a#b",
        ] {
            assert!(!is_path(other), "{other}");
        }
    }
}
