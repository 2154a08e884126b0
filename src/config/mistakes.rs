//! Common mistakes with inputs. Each function gives what is wrong and what
//! would be right, in one line that never holds the value of a secret.

use super::flags::dashed;
use super::inputs::InputSpec;
use crate::env::Env;

/// Where the inputs come from, and so where a missing one is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A person types a command.
    Terminal,
    /// A workflow's `with:`.
    Workflow,
    Variables,
}

/// A value in quotes, or one whose reference to a variable was not expanded.
pub(super) fn in_value(input: &InputSpec, value: &str) -> Option<String> {
    let shown = if input.is_secret {
        String::new()
    } else {
        format!(": `{value}`")
    };
    let is_in = |quote: char| {
        let inner = value.strip_prefix(quote)?.strip_suffix(quote)?;
        (!inner.is_empty()).then_some(inner)
    };
    if is_in('"').or_else(|| is_in('\'')).is_some() {
        return Some(format!("is in quotes{shown}; remove them"));
    }
    if value.contains("${{") {
        return Some(format!(
            "holds an expression that was not expanded{shown}; only a workflow of GitHub expands `${{{{ … }}}}`"
        ));
    }
    is_reference(value).then(|| {
        format!(
            "is a variable that was not expanded{shown}; a shell expands it only outside single quotes"
        )
    })
}

/// `$NAME` or `${NAME}`, and nothing else.
fn is_reference(value: &str) -> bool {
    let Some(name) = value.strip_prefix('$') else {
        return false;
    };
    let braced = name.strip_prefix('{').and_then(|it| it.strip_suffix('}'));
    let name = braced.unwrap_or(name);
    let is_good = |it: char| it.is_ascii_alphanumeric() || it == '_';
    name.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_') && name.chars().all(is_good)
}

/// Variables of other tools that hold what our inputs hold.
const OF_OTHER_TOOLS: [(&str, &[&str]); 5] = [
    (
        "api_token",
        &[
            "CF_API_TOKEN",
            "CLOUDFLARE_TOKEN",
            "CF_TOKEN",
            "CLOUDFLARE_PAGES_API_TOKEN",
        ],
    ),
    (
        "account_id",
        &["CF_ACCOUNT_ID", "CLOUDFLARE_ACCOUNT", "CF_ACCOUNT"],
    ),
    (
        "project_name",
        &[
            "CLOUDFLARE_PROJECT_NAME",
            "CLOUDFLARE_PAGES_PROJECT_NAME",
            "CF_PROJECT_NAME",
            "CF_PAGES_PROJECT",
            "CF_PAGES_PROJECT_NAME",
        ],
    ),
    (
        "api_email",
        &["CF_API_EMAIL", "CF_EMAIL", "CLOUDFLARE_API_EMAIL"],
    ),
    ("api_key", &["CF_API_KEY", "CLOUDFLARE_GLOBAL_API_KEY"]),
];

/// How to give an input that is missing. `for_what` is what the value must be.
pub(super) fn missing(input: &InputSpec, for_what: &str, env: &Env, source: Source) -> String {
    let names = OF_OTHER_TOOLS.iter().find(|(it, _)| *it == input.name);
    let names = names.map_or(&[][..], |(_, names)| names);
    let ours = input.falls_back_to.first();
    if let Some(name) = names.iter().find(|it| env.get(it).is_some())
        && let Some(ours) = ours
    {
        return format!("is missing: `{name}` is set; this program reads `{ours}`");
    }
    let name = input.name;
    match (source, ours) {
        (Source::Terminal, Some(ours)) if input.is_secret => {
            format!("is missing: set the variable `{ours}`{for_what}")
        }
        (Source::Terminal, Some(ours)) => format!(
            "is missing: add the flag `--{}`{for_what}, or set the variable `{ours}`",
            dashed(name)
        ),
        (Source::Terminal, None) => {
            "is missing: name it, for instance `pages-retry latest-failed`".to_owned()
        }
        (Source::Workflow, _) if input.is_secret => format!(
            "is missing: set `{name}` under `with:`{for_what}; a secret that does not exist here is empty"
        ),
        (Source::Workflow, _) => format!("is missing: set `{name}` under `with:`{for_what}"),
        (Source::Variables, _) => {
            let ours = ours.map(|it| format!(" or `{it}`")).unwrap_or_default();
            let name = name.to_ascii_uppercase();
            format!("is missing: set the variable `INPUT_{name}`{ours}{for_what}")
        }
    }
}

/// What to say of a limit that is a bare number under a minute.
pub(super) fn seconds_instead_of_minutes(name: &str, value: &str) -> Option<String> {
    let seconds: u64 = value.parse().ok().filter(|it| *it < 60)?;
    Some(format!(
        "input `{name}`: `{value}` means {seconds} seconds; for minutes, use `{seconds}m`"
    ))
}

/// What to add to the hint that the account has no project called `wanted`:
/// `names` are those of its projects.
pub(super) fn another_project(wanted: &str, names: &[String]) -> String {
    const MAX_NAMES: usize = 5;
    let most = 3.min(wanted.chars().count() / 2);
    let distances = names
        .iter()
        .map(|it| (strsim::damerau_levenshtein(wanted, it), it));
    let nearest = distances.min().filter(|(distance, _)| *distance <= most);
    if let Some((_, name)) = nearest {
        return format!("; did you mean `{name}`?");
    }
    if names.is_empty() {
        return "; it has no projects at all".to_owned();
    }
    let shown = names[..names.len().min(MAX_NAMES)].join("`, `");
    let more = if MAX_NAMES < names.len() { ", …" } else { "" };
    format!("; it has `{shown}`{more}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::inputs::find;

    #[test]
    fn a_value_that_was_pasted_as_it_stands_is_named() {
        let token = find("api_token").unwrap();
        let account = find("account_id").unwrap();
        for (value, expected) in [
            ("\"abc\"", "is in quotes: `\"abc\"`; remove them"),
            ("'abc'", "is in quotes: `'abc'`; remove them"),
            (
                "$CF_ACCOUNT",
                "is a variable that was not expanded: `$CF_ACCOUNT`; a shell expands it only outside single quotes",
            ),
            (
                "${ACCOUNT}",
                "is a variable that was not expanded: `${ACCOUNT}`; a shell expands it only outside single quotes",
            ),
            (
                "${{ vars.ACCOUNT }}",
                "holds an expression that was not expanded: `${{ vars.ACCOUNT }}`; only a workflow of GitHub expands `${{ … }}`",
            ),
        ] {
            assert_eq!(in_value(account, value).as_deref(), Some(expected));
            let of_secret = in_value(token, value).unwrap();
            assert_eq!(of_secret, expected.replacen(&format!(": `{value}`"), "", 1));
        }
        for value in [
            "", "abc", "\"", "''", "\"abc", "$", "$5", "${", "a$b", "$a-b",
        ] {
            assert_eq!(in_value(account, value), None, "{value}");
        }
    }

    #[test]
    fn a_missing_input_says_how_to_set_it_here() {
        let [token, account, deployment] =
            ["api_token", "account_id", "deployment_id"].map(|it| find(it).unwrap());
        let none = Env::default();
        let other = Env::from([("CF_API_TOKEN", "hush"), ("CF_ACCOUNT_ID", "x")]);
        for (input, source, env, expected) in [
            (
                token,
                Source::Terminal,
                &none,
                "is missing: set the variable `CLOUDFLARE_API_TOKEN`",
            ),
            (
                token,
                Source::Workflow,
                &none,
                "is missing: set `api_token` under `with:`; a secret that does not exist here is empty",
            ),
            (
                token,
                Source::Variables,
                &none,
                "is missing: set the variable `INPUT_API_TOKEN` or `CLOUDFLARE_API_TOKEN`",
            ),
            (
                token,
                Source::Terminal,
                &other,
                "is missing: `CF_API_TOKEN` is set; this program reads `CLOUDFLARE_API_TOKEN`",
            ),
            (
                account,
                Source::Terminal,
                &none,
                "is missing: add the flag `--account-id`, or set the variable `CLOUDFLARE_ACCOUNT_ID`",
            ),
            (
                account,
                Source::Workflow,
                &none,
                "is missing: set `account_id` under `with:`",
            ),
            (
                account,
                Source::Workflow,
                &other,
                "is missing: `CF_ACCOUNT_ID` is set; this program reads `CLOUDFLARE_ACCOUNT_ID`",
            ),
            (
                deployment,
                Source::Terminal,
                &none,
                "is missing: name it, for instance `pages-retry latest-failed`",
            ),
            (
                deployment,
                Source::Workflow,
                &none,
                "is missing: set `deployment_id` under `with:`",
            ),
            (
                deployment,
                Source::Variables,
                &none,
                "is missing: set the variable `INPUT_DEPLOYMENT_ID`",
            ),
        ] {
            assert_eq!(missing(input, "", env, source), expected);
        }
    }

    #[test]
    fn a_number_without_a_unit_is_seconds() {
        let warning = "input `timeout`: `5` means 5 seconds; for minutes, use `5m`";
        let of = |value| seconds_instead_of_minutes("timeout", value);
        assert_eq!(of("5").as_deref(), Some(warning));
        assert!(of("59").is_some());
        for value in ["60", "5s", "5m", "45m", ""] {
            assert_eq!(of(value), None, "{value}");
        }
    }

    #[test]
    fn the_nearest_project_is_suggested_else_some_are_named() {
        let names = ["shop", "site-prod", "docs", "a", "b", "c"].map(str::to_owned);
        for (wanted, names, expected) in [
            ("shpo", &names[..], "; did you mean `shop`?"),
            ("site_prod", &names, "; did you mean `site-prod`?"),
            ("landing-page", &names[..2], "; it has `shop`, `site-prod`"),
            (
                "landing-page",
                &names,
                "; it has `shop`, `site-prod`, `docs`, `a`, `b`, …",
            ),
            ("shop", &[], "; it has no projects at all"),
        ] {
            assert_eq!(another_project(wanted, names), expected);
        }
    }
}
