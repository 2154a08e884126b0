//! What the user calls the deployment to retry, in each form that people paste.
//!
//! Invariant: URLs are compared with what the API lists, never computed: a
//! project's sub-domain may differ from its name, and a branch's alias is
//! shortened in ways of the API's own.

use url::Url;

use crate::cloudflare::deployment::Deployment;
use crate::retry::filter::Filter;

/// What the user calls the deployment to retry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Id(String),
    /// The first eight characters of an id.
    ShortId(String),
    /// The host of a deployment's own URL or of an alias.
    Host(String),
    Latest,
    LatestFailed,
}

const DASHBOARD: &str = "dash.cloudflare.com";

impl Target {
    /// Reads a `deployment_id`. The error says what is wrong and what would be
    /// right.
    pub fn parse(text: &str, account_id: &str, project_name: &str) -> Result<Self, String> {
        let word = text.to_ascii_lowercase();
        match word.as_str() {
            "latest" => return Ok(Self::Latest),
            "latest-failed" => return Ok(Self::LatestFailed),
            _ => {}
        }
        if text.contains("://") {
            return Self::parse_url(text, account_id, project_name);
        }
        if is_bare_host(text) {
            let url = format!("https://{text}");
            return Self::parse_url(&url, account_id, project_name);
        }
        let is_good = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '_');
        if text.chars().all(is_good) {
            // An id is made of hexadecimal digits, so none is near to a word.
            let near = |it: &&&str| strsim::damerau_levenshtein(it, &word) <= 3;
            let is_hex = text.chars().all(|it| it.is_ascii_hexdigit() || it == '-');
            let nearest = ["latest", "latest-failed"].iter().find(near);
            if let Some(meant) = nearest.filter(|_| !is_hex) {
                return Err(format!("is no id: `{text}`; did you mean `{meant}`?"));
            }
            return Ok(Self::from_id(text));
        }
        let hint = if is_branch_like(text) {
            format!("; a branch goes into `branch: {text}`, beside `latest-failed`")
        } else {
            String::new()
        };
        Err(format!(
            "is neither an id nor a URL: `{text}`; use an id, a short id, a URL, `latest`, or `latest-failed`{hint}"
        ))
    }

    fn from_id(id: &str) -> Self {
        let id = id.to_ascii_lowercase();
        if id.len() == 8 {
            Self::ShortId(id)
        } else {
            Self::Id(id)
        }
    }

    fn parse_url(text: &str, account_id: &str, project_name: &str) -> Result<Self, String> {
        let url = Url::parse(text).ok();
        let Some((url, host)) = url.as_ref().and_then(|it| Some((it, it.host_str()?))) else {
            return Err(format!("is not a URL: `{text}`"));
        };
        if !host.eq_ignore_ascii_case(DASHBOARD) {
            return Ok(Self::Host(host.trim_end_matches('.').to_ascii_lowercase()));
        }
        // https://dash.cloudflare.com/ACCOUNT/pages/view/PROJECT/ID, or the
        // same path in `to`, with `:account` for the account.
        let to = url.query_pairs().find(|(name, _)| name == "to");
        let path = to.map_or_else(|| url.path().to_owned(), |(_, path)| path.into_owned());
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let [account, "pages", "view", project, id, ..] = parts.as_slice() else {
            return Err(format!(
                "is not the dashboard page of a deployment: `{text}`"
            ));
        };
        if *account != ":account" && !account.eq_ignore_ascii_case(account_id) {
            return Err(format!(
                "is a URL of another account than `account_id`: `{text}`"
            ));
        }
        if *project != project_name {
            return Err(format!(
                "is a URL of another project than `project_name`: `{text}`"
            ));
        }
        let is_good = |it: char| it.is_ascii_alphanumeric() || it == '-';
        if id.is_empty() || !id.chars().all(is_good) {
            return Err(format!(
                "is not the dashboard page of a deployment: `{text}`"
            ));
        }
        Ok(Self::from_id(id))
    }

    /// Whether `branch`, `environment` and `commit_hash` mean anything to it.
    pub fn can_be_filtered(&self) -> bool {
        matches!(self, Self::Latest | Self::LatestFailed)
    }

    /// Whether it names this deployment. A keyword names none by itself.
    pub fn names(&self, deployment: &Deployment) -> bool {
        match self {
            Self::Id(id) => deployment.id.eq_ignore_ascii_case(id),
            Self::ShortId(id) => {
                deployment.short_id().eq_ignore_ascii_case(id) || deployment.id.starts_with(id)
            }
            Self::Host(host) => {
                let mut urls = deployment.aliases.iter().chain([&deployment.url]);
                urls.any(|it| host_of(it).as_deref() == Some(host))
            }
            Self::Latest | Self::LatestFailed => false,
        }
    }

    /// How a message names it.
    pub fn describe(&self, filter: &Filter) -> String {
        match self {
            Self::Id(id) | Self::ShortId(id) => format!("deployment `{id}`"),
            Self::Host(host) => format!("deployment at `{host}`"),
            Self::Latest | Self::LatestFailed => format!("deployment{}", filter.describe()),
        }
    }
}

/// The deployments that an id, a short id or an address names among those
/// `listed`, the newest first. More than one only where a short id fits
/// several; at an address the newest one counts.
pub fn find<'a>(target: &Target, listed: &'a [Deployment]) -> Vec<&'a Deployment> {
    let mut found: Vec<_> = listed.iter().filter(|it| target.names(it)).collect();
    match target {
        Target::ShortId(_) => {}
        Target::Id(_) | Target::Host(_) | Target::Latest | Target::LatestFailed => {
            found.truncate(1);
        }
    }
    found
}

/// Whether a host under `pages.dev` belongs to none of those `listed`.
pub fn is_of_another_project(target: &Target, listed: &[Deployment]) -> bool {
    let Target::Host(host) = target else {
        return false;
    };
    let domain = |host: &str| host.split_once('.').map(|(_, it)| it.to_owned());
    let mut known = listed.iter().filter_map(|it| host_of(&it.url)).peekable();
    host.ends_with(".pages.dev")
        && known.peek().is_some()
        && known.all(|it| domain(&it) != domain(host) && domain(&it).as_ref() != Some(host))
}

/// `4f1c2a9e.site.pages.dev`, as it is copied without its scheme.
fn is_bare_host(text: &str) -> bool {
    let host = text.split('/').next().unwrap_or_default();
    let is_label =
        |it: &str| !it.is_empty() && it.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    host.contains('.') && host.split('.').all(is_label)
}

/// `feature/login`, which no id and no address looks like.
fn is_branch_like(text: &str) -> bool {
    let is_good = |it: char| it.is_alphanumeric() || matches!(it, '-' | '_' | '.' | '/' | '#');
    text.contains('/') && !text.starts_with(['.', '/']) && text.chars().all(is_good)
}

fn host_of(url: &str) -> Option<String> {
    Url::parse(url)
        .ok()?
        .host_str()
        .map(str::to_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_deployment_is_named_in_every_form_that_people_paste() {
        let id = |it: &str| Ok(Target::Id(it.to_owned()));
        let host = |it: &str| Ok(Target::Host(it.to_owned()));
        let cases = [
            ("latest", Ok(Target::Latest)),
            ("latest-failed", Ok(Target::LatestFailed)),
            ("4F1C2A9E", Ok(Target::ShortId("4f1c2a9e".to_owned()))),
            (
                "4f1c2a9e-0000-4000-8000-0000",
                id("4f1c2a9e-0000-4000-8000-0000"),
            ),
            (
                "https://4F1C2A9E.site.pages.dev/a?b",
                host("4f1c2a9e.site.pages.dev"),
            ),
            (
                "https://dash.cloudflare.com/abc/pages/view/site/d0",
                id("d0"),
            ),
            (
                "https://dash.cloudflare.com/?to=/:account/pages/view/site/d0",
                id("d0"),
            ),
            (
                "https://dash.cloudflare.com/def/pages/view/site/d0",
                Err("another account"),
            ),
            (
                "https://dash.cloudflare.com/abc/pages/view/other/d0",
                Err("another project"),
            ),
            (
                "https://dash.cloudflare.com/abc/pages/view/site",
                Err("not the dashboard page"),
            ),
            (
                "https://dash.cloudflare.com/abc/pages/view/site/d.0",
                Err("not the dashboard page"),
            ),
            ("https://", Err("is not a URL")),
            ("latest-faild", Err("did you mean `latest-failed`?")),
            ("lastest", Err("did you mean `latest`?")),
            ("Latest-Failed", Ok(Target::LatestFailed)),
            (
                "site.pages.dev",
                Ok(Target::Host("site.pages.dev".to_owned())),
            ),
            ("dash.cloudflare.com/x", Err("not the dashboard page")),
            ("site.pages.dev:", Err("neither an id nor a URL")),
            ("../4f1c2a9e", Err("neither an id nor a URL")),
            (
                "feature/login",
                Err("a branch goes into `branch: feature/login`, beside `latest-failed`"),
            ),
        ];
        for (text, expected) in cases {
            let parsed = Target::parse(text, "abc", "site");
            match expected {
                Ok(expected) => assert_eq!(parsed, Ok(expected), "{text}"),
                Err(part) => assert!(parsed.unwrap_err().contains(part), "{text}"),
            }
        }
    }

    /// A deployment created at `hour`, from `id environment branch commit end`.
    fn deployment(hour: u32, words: &str) -> Deployment {
        let words: Vec<&str> = words.split(' ').collect();
        let [id, environment, branch, commit, end] = words.as_slice() else {
            panic!("five words: {words:?}");
        };
        let json = json!({
            "id": format!("{id}-0000"), "short_id": id, "environment": environment,
            "url": format!("https://{id}.site-5up.pages.dev"),
            "aliases": [format!("https://{branch}.site-5up.pages.dev")],
            "created_on": format!("2026-01-01T{hour:02}:00:00Z"),
            "latest_stage": {"name": "deploy", "status": end},
            "source": {"type": "github"},
            "deployment_trigger": {"metadata": {"branch": branch, "commit_hash": commit}},
        });
        serde_json::from_value(json).unwrap()
    }

    fn listed(lines: &[&str]) -> Vec<Deployment> {
        let hours = (1..=12).rev();
        hours
            .zip(lines)
            .map(|(hour, it)| deployment(hour, it))
            .collect()
    }

    /// The newest first.
    const LISTED: [&str; 5] = [
        "dd000004 preview docs ccccccc2 active",
        "dd000003 production main bbbbbbb1 failure",
        "dd000002 production main aaaaaaa1 success",
        "dd000001 preview docs ccccccc1 canceled",
        "uploaded production main  success",
    ];

    #[test]
    fn an_id_a_short_id_or_an_address_names_a_deployment() {
        let cases: [(Target, &[&str]); 6] = [
            (Target::ShortId("dd000001".to_owned()), &["dd000001"]),
            (
                Target::ShortId("dd00".to_owned()),
                &["dd000004", "dd000003", "dd000002", "dd000001"],
            ),
            (Target::Id("dd000001-0000".to_owned()), &["dd000001"]),
            (
                Target::Host("docs.site-5up.pages.dev".to_owned()),
                &["dd000004"],
            ),
            (Target::Host("docs.site.pages.dev".to_owned()), &[]),
            (Target::Latest, &[]),
        ];
        let listed = listed(&LISTED);
        for (target, expected) in cases {
            let found = find(&target, &listed);
            let found: Vec<_> = found.iter().map(|it| it.short_id()).collect();
            assert_eq!(found, expected, "{target:?}");
        }
    }

    #[test]
    fn a_host_of_another_project_differs_from_a_deleted_one() {
        let listed = listed(&LISTED);
        let cases = [
            ("dd000009.other.pages.dev", true),
            ("other.pages.dev", true),
            ("dd000009.site-5up.pages.dev", false),
            ("site-5up.pages.dev", false),
            // A custom domain may be anybody's.
            ("www.example.com", false),
        ];
        for (host, expected) in cases {
            let target = Target::Host(host.to_owned());
            assert_eq!(is_of_another_project(&target, &listed), expected, "{host}");
        }
        let unknown = Target::Host("a.other.pages.dev".to_owned());
        assert!(
            !is_of_another_project(&unknown, &[]),
            "nothing to compare with"
        );
    }
}
