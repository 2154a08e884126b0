//! Which deployment is meant, and whether it may be retried.
//!
//! Invariant: URLs are compared with what the API lists, never computed: a
//! project's sub-domain may differ from its name, and a branch's alias is
//! shortened in ways of the API's own.

use std::cmp::Reverse;

use url::Url;

use crate::cloudflare::deployment::Deployment;
use crate::run::outcome::Outcome;
use crate::run::verdict::verdict;
use crate::run::wording::{branch_and_environment, status_word};

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

/// What narrows [`Target::Latest`] and [`Target::LatestFailed`].
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub branch: Option<String>,
    pub environment: Option<&'static str>,
    /// At least seven characters of it.
    pub commit_hash: Option<String>,
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
        Err(format!(
            "is neither an id nor a URL: `{text}`; use an id, a short id, a URL, `latest`, or `latest-failed`"
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

    fn is(&self, deployment: &Deployment, filter: &Filter) -> bool {
        match self {
            Self::Id(id) => deployment.id.eq_ignore_ascii_case(id),
            Self::ShortId(id) => {
                deployment.short_id().eq_ignore_ascii_case(id) || deployment.id.starts_with(id)
            }
            Self::Host(host) => {
                let mut urls = deployment.aliases.iter().chain([&deployment.url]);
                urls.any(|it| host_of(it).as_deref() == Some(host))
            }
            Self::Latest | Self::LatestFailed => filter.matches(deployment),
        }
    }

    /// How a message names it.
    pub fn describe(&self, filter: &Filter) -> String {
        match self {
            Self::Id(id) | Self::ShortId(id) => format!("deployment `{id}`"),
            Self::Host(host) => format!("deployment at `{host}`"),
            Self::Latest | Self::LatestFailed => {
                let parts = [
                    filter
                        .branch
                        .as_ref()
                        .map(|it| format!(" of branch `{it}`")),
                    filter.environment.map(|it| format!(" in {it}")),
                    filter
                        .commit_hash
                        .as_ref()
                        .map(|it| format!(" of commit `{it}`")),
                ];
                format!(
                    "deployment{}",
                    parts.into_iter().flatten().collect::<String>()
                )
            }
        }
    }
}

impl Filter {
    fn matches(&self, deployment: &Deployment) -> bool {
        let is_branch = |it: &String| it == deployment.branch();
        let is_environment = |it: &str| it == deployment.environment;
        // A direct upload has an empty hash, which no prefix fits.
        let is_commit = |it: &String| deployment.commit_hash().starts_with(it.as_str());
        self.branch.as_ref().is_none_or(is_branch)
            && self.environment.is_none_or(is_environment)
            && self.commit_hash.as_ref().is_none_or(is_commit)
    }
}

/// The deployments that are meant, among those `listed`, the newest first.
/// More than one only where a short id fits several.
pub fn find<'a>(target: &Target, filter: &Filter, listed: &'a [Deployment]) -> Vec<&'a Deployment> {
    let mut found: Vec<_> = listed.iter().filter(|it| target.is(it, filter)).collect();
    match target {
        Target::ShortId(_) => {}
        Target::Id(_) | Target::Host(_) | Target::Latest | Target::LatestFailed => {
            found.truncate(1);
        }
    }
    found
}

/// Up to three of those `listed` that may have been meant: the nearest to an
/// id or a host, else the newest.
pub fn candidates(target: &Target, listed: &[Deployment]) -> String {
    let mut nearest: Vec<&Deployment> = listed.iter().collect();
    match target {
        Target::Id(text) | Target::ShortId(text) => {
            let meta = text.get(..8).unwrap_or(text);
            nearest.sort_by_key(|it| strsim::damerau_levenshtein(it.short_id(), meta));
        }
        Target::Host(text) => {
            let host = |it: &Deployment| host_of(&it.url).unwrap_or_default();
            nearest.sort_by_key(|it| strsim::damerau_levenshtein(&host(it), text));
        }
        Target::Latest | Target::LatestFailed => {}
    }
    if nearest.is_empty() {
        return "the project has no deployments there".to_owned();
    }
    let nearest = nearest.into_iter().take(3).map(|it| {
        let what = branch_and_environment(it);
        format!("{} ({what}, {})", it.short_id(), status_word(it))
    });
    format!("there are {}", nearest.collect::<Vec<_>>().join(", "))
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

/// Whether everything newer than `original` is among those `listed`.
pub fn reaches(original: &Deployment, listed: &[Deployment]) -> bool {
    listed
        .iter()
        .any(|it| it.created_on < original.created_on || it.id == original.id)
}

/// Whether a deployment may be retried.
#[derive(Debug, PartialEq, Eq)]
pub enum Guard {
    Passed { warning: Option<String> },
    Refused { why: String },
}

/// Looks for what a retry would put in the shade: a newer deployment of the
/// same branch and environment that is live or in progress.
/// `ours` are the ids of earlier attempts, which are in nobody's way whatever
/// the list still says of them.
pub fn guard(
    original: &Deployment,
    listed: &[Deployment],
    ours: &[&str],
    allow_older: bool,
) -> Guard {
    if original.is_direct_upload() {
        return Guard::Refused {
            why: format!(
                "deployment {} is a direct upload, which has nothing to rebuild; upload it again",
                original.short_id()
            ),
        };
    }
    let is_alike = |it: &&Deployment| {
        it.id != original.id
            && !ours.contains(&it.id.as_str())
            && original.created_on < it.created_on
            && it.environment == original.environment
            && it.branch() == original.branch()
    };
    let is_in_the_way = |it: &&Deployment| matches!(verdict(it), None | Some(Outcome::Deployed));
    let mut newer: Vec<_> = listed
        .iter()
        .filter(is_alike)
        .filter(is_in_the_way)
        .collect();
    newer.sort_by_key(|it| Reverse(it.created_on));
    let Some(newer) = newer.first() else {
        return Guard::Passed { warning: None };
    };
    let is = match verdict(newer) {
        Some(_) => "is live",
        None => "is on its way",
    };
    let (id, of) = (newer.short_id(), branch_and_environment(newer));
    if !allow_older {
        let why = format!(
            "deployment {id} of {of} is newer than {} and {is}; set `allow_older: true` to retry the older one anyway",
            original.short_id()
        );
        return Guard::Refused { why };
    }
    let is_old_code = newer.commit_hash() != original.commit_hash();
    let warning = (is_old_code && original.environment == "production").then(|| {
        format!("this retry puts older code live on production: deployment {id} is newer and {is}")
    });
    Guard::Passed { warning }
}

/// `4f1c2a9e.site.pages.dev`, as it is copied without its scheme.
fn is_bare_host(text: &str) -> bool {
    let host = text.split('/').next().unwrap_or_default();
    let is_label =
        |it: &str| !it.is_empty() && it.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    host.contains('.') && host.split('.').all(is_label)
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
    fn the_newest_that_fits_every_narrowing_is_found() {
        let cases: [(Target, &[&str], &[&str]); 13] = [
            (Target::Latest, &[], &["dd000004"]),
            (Target::LatestFailed, &["branch=main"], &["dd000003"]),
            (Target::Latest, &["environment=production"], &["dd000003"]),
            (Target::Latest, &["commit=aaaaaaa"], &["dd000002"]),
            (Target::Latest, &["commit=aaaaaaa1"], &["dd000002"]),
            (Target::Latest, &["commit=aaaaaaa12"], &[]),
            (
                Target::Latest,
                &["branch=docs", "environment=production"],
                &[],
            ),
            (Target::Latest, &["branch=Main"], &[]),
            (Target::ShortId("dd000001".to_owned()), &[], &["dd000001"]),
            (
                Target::ShortId("dd00".to_owned()),
                &[],
                &["dd000004", "dd000003", "dd000002", "dd000001"],
            ),
            (Target::Id("dd000001-0000".to_owned()), &[], &["dd000001"]),
            (
                Target::Host("docs.site-5up.pages.dev".to_owned()),
                &[],
                &["dd000004"],
            ),
            (Target::Host("docs.site.pages.dev".to_owned()), &[], &[]),
        ];
        let listed = listed(&LISTED);
        for (target, narrowings, expected) in cases {
            let mut filter = Filter::default();
            for it in narrowings {
                match it.split_once('=').unwrap() {
                    ("branch", it) => filter.branch = Some(it.to_owned()),
                    ("commit", it) => filter.commit_hash = Some(it.to_owned()),
                    (_, it) => filter.environment = Some(it),
                }
            }
            let found = find(&target, &filter, &listed);
            let found: Vec<_> = found.iter().map(|it| it.short_id()).collect();
            assert_eq!(found, expected, "{target:?} {narrowings:?}");
        }
    }

    #[test]
    fn the_three_likeliest_are_named_where_nothing_fits() {
        let listed = listed(&LISTED);
        let ids = |target: &Target| {
            let candidates = candidates(target, &listed);
            let words = candidates.split(' ');
            let ids = words.filter(|it| it.starts_with("dd00"));
            ids.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(ids(&Target::Latest), ["dd000004", "dd000003", "dd000002"]);
        let near = ids(&Target::Id("dd000001-1111".to_owned()));
        assert_eq!(near[0], "dd000001");
        let near = ids(&Target::Host("dd000002.site-5up.pages.dev".to_owned()));
        assert_eq!(near[0], "dd000002");
        let none = candidates(&Target::Latest, &[]);
        assert_eq!(none, "the project has no deployments there");
    }

    #[test]
    fn a_host_of_another_project_is_told_from_one_that_is_gone() {
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

    /// What the guard says to a failed deployment of `main` in production, made
    /// before those `newer`, the newest first.
    #[track_caller]
    fn check_guard(newer: &[&str], allow_older: bool, refused_for: Option<&str>, warns: bool) {
        let original = deployment(1, "0r161na1 production main aaaaaaa1 failure");
        let mut listed = listed(newer);
        listed.push(original.clone());
        match guard(&original, &listed, &[], allow_older) {
            Guard::Passed { warning } => {
                assert_eq!(refused_for, None, "{newer:?}");
                assert_eq!(warning.is_some(), warns, "{newer:?}: {warning:?}");
            }
            Guard::Refused { why } => {
                let id = refused_for.unwrap_or_else(|| panic!("{newer:?}: {why}"));
                assert!(why.starts_with(&format!("deployment {id} ")), "{why}");
                assert!(why.contains("`allow_older: true`"), "{why}");
            }
        }
    }

    #[test]
    fn only_a_newer_deployment_that_lives_stands_in_the_way() {
        let of_main = |end: &str| format!("newer001 production main bbbbbbb1 {end}");
        for (end, is_in_the_way) in [
            ("success", true),
            ("active", true),
            ("idle", true),
            ("failure", false),
            ("canceled", false),
            ("skipped", false),
        ] {
            let refused_for = is_in_the_way.then_some("newer001");
            check_guard(&[&of_main(end)], false, refused_for, false);
            check_guard(&[&of_main(end)], true, None, is_in_the_way);
        }
        check_guard(&[], false, None, false);
        let elsewhere = "newer001 preview main bbbbbbb1 success";
        check_guard(&[elsewhere], false, None, false);
        let other_branch = "newer001 production next bbbbbbb1 success";
        check_guard(&[other_branch], false, None, false);
        // The newest of several is named.
        let two = [
            "newer002 production main bbbbbbb1 success",
            "newer001 production main bbbbbbb1 success",
        ];
        check_guard(&two, false, Some("newer002"), false);
        // The same code is not older code.
        let rebuilt = "newer001 production main aaaaaaa1 success";
        check_guard(&[rebuilt], true, None, false);
    }

    #[test]
    fn an_older_deployment_is_in_nobody_s_way() {
        let original = deployment(5, "0r161na1 production main aaaaaaa1 failure");
        let older = deployment(4, "older001 production main bbbbbbb1 success");
        let listed = [original.clone(), older];
        let passed = Guard::Passed { warning: None };
        assert_eq!(guard(&original, &listed, &[], false), passed);
    }

    #[test]
    fn the_list_reaches_far_enough_with_the_original_or_an_older_one() {
        let original = deployment(5, "0r161na1 production main aaaaaaa1 failure");
        let newer = deployment(6, "newer001 production main bbbbbbb1 success");
        let older = deployment(4, "older001 production main bbbbbbb1 success");
        assert!(!reaches(&original, &[]));
        assert!(!reaches(&original, std::slice::from_ref(&newer)));
        assert!(reaches(&original, &[newer.clone(), original.clone()]));
        assert!(reaches(&original, &[newer, older]));
    }

    #[test]
    fn what_was_made_at_the_same_moment_is_not_newer() {
        let original = deployment(5, "0r161na1 production main aaaaaaa1 failure");
        let twin = deployment(5, "twin0001 production main aaaaaaa1 success");
        let passed = Guard::Passed { warning: None };
        assert_eq!(guard(&original, &[twin], &[], false), passed);
    }

    #[test]
    fn our_own_attempt_is_in_nobody_s_way_though_the_list_lags() {
        let original = deployment(1, "0r161na1 production main aaaaaaa1 failure");
        let attempt = deployment(2, "attempt1 production main aaaaaaa1 active");
        let listed = [attempt.clone(), original.clone()];
        let passed = Guard::Passed { warning: None };
        assert_eq!(guard(&original, &listed, &[&attempt.id], false), passed);
        assert_ne!(guard(&original, &listed, &["another"], false), passed);
    }
}
