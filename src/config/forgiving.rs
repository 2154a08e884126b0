//! Reads what people paste: a dashboard URL for an account, an address for a
//! project, a Git reference for a branch. Each function gives the value that is
//! meant, or says what is wrong and what would be right.

use url::Url;

use super::parse;
use crate::retry::filter::Environment;

/// An account id, or the dashboard URL of anything in the account:
/// `https://dash.cloudflare.com/ACCOUNT/…`.
pub(super) fn account_id(text: &str) -> Result<String, String> {
    let lower = text.to_ascii_lowercase();
    let is_url = lower.contains("://");
    if !is_url && !lower.starts_with("dash.cloudflare.com/") {
        return parse::id(text).map_err(|problem| {
            format!("{problem}; an account id has 32 hexadecimal digits and is in each dashboard URL, `https://dash.cloudflare.com/ACCOUNT_ID/…`")
        });
    }
    let url = if is_url {
        text.to_owned()
    } else {
        format!("https://{text}")
    };
    let from_path = || {
        let url = Url::parse(&url).ok()?;
        let host = url.host_str()?.to_ascii_lowercase();
        let first = url.path_segments()?.next()?.to_owned();
        (host == "dash.cloudflare.com" && !first.is_empty()).then_some(first)
    };
    let account = from_path().and_then(|it| parse::id(&it).ok());
    account.ok_or_else(|| {
        format!(
            "is a URL without an account: `{text}`; use the account's id, or a URL like `https://dash.cloudflare.com/ACCOUNT_ID/…`"
        )
    })
}

/// Whether `account_id` looks like one: 32 hexadecimal digits.
pub(super) fn is_account_id(account_id: &str) -> bool {
    account_id.len() == 32 && account_id.bytes().all(|it| it.is_ascii_hexdigit())
}

/// The name of a project, or its address under `pages.dev`, in any case.
pub(super) fn project_name(text: &str) -> Result<String, String> {
    let lower = text.to_ascii_lowercase();
    let name = lower.strip_prefix("https://").unwrap_or(&lower);
    let name = name.trim_end_matches('/');
    let name = name.strip_suffix(".pages.dev").unwrap_or(name);
    if name.is_empty() {
        return parse::project_name(text);
    }
    // The message shows what was given.
    parse::project_name(name).map_err(|problem| problem.replace(name, text))
}

/// A branch, or the reference `refs/heads/BRANCH`.
pub(super) fn branch(text: &str) -> Result<String, String> {
    let branch = text.strip_prefix("refs/heads/").unwrap_or(text);
    if branch.is_empty() {
        return Err(format!("names no branch: `{text}`"));
    }
    if let Some((kind, _)) = branch
        .strip_prefix("refs/")
        .and_then(|it| it.split_once('/'))
    {
        return Err(format!(
            "is a reference to something else than a branch (refs/{kind}): `{text}`; use the branch's name"
        ));
    }
    Ok(branch.to_owned())
}

/// `production` or `preview`, in any case.
pub(super) fn environment(text: &str) -> Result<Environment, String> {
    let lower = text.to_ascii_lowercase();
    let all = [Environment::Production, Environment::Preview];
    let found = all.into_iter().find(|it| it.name() == lower);
    found.ok_or_else(|| {
        let names = all.map(Environment::name);
        // The words in the error are those that are accepted.
        parse::word(text, &names).err().unwrap_or_default()
    })
}

/// Our name of an input that other actions call otherwise: their names without
/// `-` and `_`, in upper case.
pub(super) fn name_elsewhere(normalized: &str) -> Option<&'static str> {
    let found = NAMES_ELSEWHERE
        .iter()
        .find(|(names, _)| names.contains(&normalized));
    found.map(|(_, ours)| *ours)
}

/// From the actions that deploy to Pages or wait for it, and from the tools'
/// variables.
const NAMES_ELSEWHERE: [(&[&str], &str); 11] = [
    (
        &[
            "ACCOUNT",
            "CLOUDFLAREACCOUNTID",
            "CFACCOUNTID",
            "CLOUDFLAREACCOUNT",
        ],
        "account_id",
    ),
    (
        &[
            "PROJECT",
            "PROJECTID",
            "PAGESPROJECT",
            "PAGESPROJECTNAME",
            "CLOUDFLAREPROJECTNAME",
            "CFPROJECTNAME",
        ],
        "project_name",
    ),
    (
        &["DEPLOYMENT", "DEPLOYMENTURL", "DEPLOYID", "TARGET"],
        "deployment_id",
    ),
    (
        &[
            "TOKEN",
            "CLOUDFLAREAPITOKEN",
            "CLOUDFLARETOKEN",
            "CFAPITOKEN",
            "CFTOKEN",
        ],
        "api_token",
    ),
    (
        &[
            "EMAIL",
            "ACCOUNTEMAIL",
            "CLOUDFLAREEMAIL",
            "CFEMAIL",
            "AUTHEMAIL",
        ],
        "api_email",
    ),
    (
        &["GLOBALAPIKEY", "CLOUDFLAREAPIKEY", "CFAPIKEY", "AUTHKEY"],
        "api_key",
    ),
    (
        &["COMMIT", "SHA", "COMMITSHA", "COMMITID", "REVISION"],
        "commit_hash",
    ),
    (&["REF", "GITREF", "BRANCHNAME"], "branch"),
    (
        &["RETRIES", "MAXRETRIES", "ATTEMPTS", "RETRYCOUNT"],
        "max_attempts",
    ),
    (&["INTERVAL", "POLLINGINTERVAL"], "poll_interval"),
    (
        &["TIMEOUTSECONDS", "TIMEOUTMINUTES", "MAXTIMEOUT"],
        "timeout",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn an_account_is_an_id_or_a_page_of_the_dashboard() {
        let upper = ACCOUNT.to_uppercase();
        for text in [
            ACCOUNT.to_owned(),
            upper.clone(),
            format!("https://dash.cloudflare.com/{ACCOUNT}"),
            format!("https://dash.cloudflare.com/{upper}/workers-and-pages?x=1"),
            format!("https://DASH.cloudflare.com/{ACCOUNT}/pages/view/site"),
            format!("dash.cloudflare.com/{ACCOUNT}/"),
        ] {
            assert_eq!(account_id(&text).as_deref(), Ok(ACCOUNT), "{text}");
        }
        for text in [
            "https://dash.cloudflare.com/",
            "https://dash.cloudflare.com/?to=/:account/pages",
            "https://dash.cloudflare.com/:account/pages",
            "https://example.com/0123456789abcdef0123456789abcdef",
            "https://",
        ] {
            let error = account_id(text).unwrap_err();
            assert!(
                error.contains("is a URL without an account"),
                "{text}: {error}"
            );
        }
        assert!(account_id("a/b").unwrap_err().contains("is not an id"));
        assert!(is_account_id(ACCOUNT));
        assert!(!is_account_id("0123") && !is_account_id(&ACCOUNT.replace('0', "x")));
    }

    #[test]
    fn a_project_is_known_by_its_address_and_in_any_case() {
        for text in [
            "site",
            "Site",
            "site.pages.dev",
            "SITE.Pages.dev",
            "https://site.pages.dev",
            "https://site.pages.dev/",
        ] {
            assert_eq!(project_name(text).as_deref(), Ok("site"), "{text}");
        }
        for text in [
            "My_Site",
            "a.site.pages.dev",
            ".pages.dev",
            "site.example",
            "site/x",
        ] {
            let error = project_name(text).unwrap_err();
            assert!(error.contains(&format!("`{text}`")), "{error}");
        }
    }

    #[test]
    fn a_branch_may_be_a_reference() {
        assert_eq!(branch("main").as_deref(), Ok("main"));
        assert_eq!(
            branch("refs/heads/feature/login").as_deref(),
            Ok("feature/login")
        );
        assert_eq!(branch("heads/main").as_deref(), Ok("heads/main"));
        for text in ["refs/heads/", "refs/tags/v1", "refs/pull/7/merge"] {
            assert!(branch(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_environment_is_known_in_any_case() {
        assert_eq!(environment("Production"), Ok(Environment::Production));
        assert_eq!(environment("PREVIEW"), Ok(Environment::Preview));
        let error = environment("prod").unwrap_err();
        assert!(
            error.contains("use one of `production`, `preview`"),
            "{error}"
        );
    }

    #[test]
    fn names_of_other_actions_are_known() {
        assert_eq!(name_elsewhere("PROJECT"), Some("project_name"));
        assert_eq!(name_elsewhere("ACCOUNTEMAIL"), Some("api_email"));
        assert_eq!(name_elsewhere("COLOR"), None);
        // A name stands once, in the form that is compared.
        let mut all: Vec<&str> = NAMES_ELSEWHERE
            .iter()
            .flat_map(|(it, _)| *it)
            .copied()
            .collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
        assert!(
            all.iter()
                .all(|it| it.bytes().all(|c| c.is_ascii_uppercase()))
        );
    }
}
