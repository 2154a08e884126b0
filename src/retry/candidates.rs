//! Which deployment `latest` and `latest-failed` mean.
//!
//! Invariant: the target of `latest-failed` is never a deployment that
//! succeeded, and nothing is called fine while one of the candidates that were
//! read has failed.

use std::collections::HashSet;

use crate::cloudflare::deployment::Deployment;
use crate::retry::address::Address;
use crate::retry::filter::Filter;
use crate::run::outcome::Outcome;
use crate::run::verdict::verdict;

/// The most deployments that are searched for a failed candidate, counted
/// before branch and commit are compared.
pub(super) const MAX_SEARCHED: usize = 200;

/// What `latest-failed` found among the deployments read so far.
#[derive(Debug)]
pub(super) enum Choice<'a> {
    /// The newest candidate that failed or was canceled, and the other ones.
    Failed {
        target: &'a Deployment,
        others: Vec<&'a Deployment>,
    },
    /// No candidate has failed, and the newest of those in progress is to be
    /// watched first.
    InProgress {
        target: &'a Deployment,
        /// The other candidates in progress.
        others: Vec<&'a Deployment>,
    },
    /// All candidates succeeded; never empty, newest first.
    AllSucceeded {
        examined: Vec<&'a Deployment>,
    },
    /// Only direct uploads that failed match, perhaps among skipped ones.
    OnlyFailedUploads {
        newest: &'a Deployment,
    },
    OnlySkipped {
        newest: &'a Deployment,
    },
    NoMatch,
}

/// The candidates: the newest deployment of production and of each preview
/// branch among those that match and count. `listed` is the list, newest
/// first; so is the result.
///
/// A skipped deployment does not count, and neither does a direct upload that
/// failed: there is nothing to rebuild.
pub(super) fn candidates<'a>(filter: &Filter, listed: &'a [Deployment]) -> Vec<&'a Deployment> {
    let mut known = HashSet::new();
    searched(listed)
        .iter()
        .filter(|it| filter.matches(it) && counts(it))
        .filter(|it| known.insert(Address::of(it)))
        .collect()
}

/// What `latest-failed` means, from the list read so far, newest first.
pub(super) fn choose<'a>(filter: &Filter, listed: &'a [Deployment]) -> Choice<'a> {
    let examined = candidates(filter, listed);
    let mut failed = examined.iter().copied().filter(|it| has_failed(it));
    if let Some(target) = failed.next() {
        let others = failed.collect();
        return Choice::Failed { target, others };
    }
    let mut in_progress = examined.iter().copied().filter(|it| verdict(it).is_none());
    if let Some(target) = in_progress.next() {
        let others = in_progress.collect();
        return Choice::InProgress { target, others };
    }
    if !examined.is_empty() {
        return Choice::AllSucceeded { examined };
    }
    let matching = || searched(listed).iter().filter(|it| filter.matches(it));
    if let Some(newest) = matching().find(|it| has_failed(it)) {
        return Choice::OnlyFailedUploads { newest };
    }
    match matching().next() {
        Some(newest) => Choice::OnlySkipped { newest },
        None => Choice::NoMatch,
    }
}

/// Whether reading further pages cannot change the target: a failed candidate
/// is known, or the only address that the filter allows.
pub(super) fn is_decided(filter: &Filter, listed: &[Deployment]) -> bool {
    if MAX_SEARCHED <= listed.len() {
        return true;
    }
    match choose(filter, listed) {
        Choice::Failed { .. } => true,
        Choice::InProgress { .. } | Choice::AllSucceeded { .. } => filter.is_of_one_address(),
        Choice::OnlyFailedUploads { .. } | Choice::OnlySkipped { .. } | Choice::NoMatch => false,
    }
}

/// The deployment that `latest` means: the newest one that matches, whatever
/// became of it.
pub(super) fn latest<'a>(filter: &Filter, listed: &'a [Deployment]) -> Option<&'a Deployment> {
    listed.iter().find(|it| filter.matches(it))
}

/// What was examined and turned out well:
/// `the newest deployment of production, 9a8b7c6d, succeeded`. At most three
/// of several are named.
pub(super) fn describe_examined(filter: &Filter, examined: &[&Deployment]) -> String {
    if let [only] = examined {
        return format!("{} succeeded", the_newest(filter, only));
    }
    let commit = for_commit(filter);
    let named = examined.iter().take(3);
    let named = named.map(|it| format!("{} ({})", Address::of(it).describe(), it.short_id()));
    let mut parts: Vec<String> = named.collect();
    match examined.len().saturating_sub(parts.len()) {
        0 => {}
        1 => parts.push("1 more branch".to_owned()),
        more => parts.push(format!("{more} more branches")),
    }
    format!(
        "the newest deployments of {}{commit} succeeded",
        enumerate(&parts)
    )
}

/// Why there is nothing to retry where only skipped deployments match:
/// `the newest deployment of production, 9a8b7c6d, was skipped: path_config`.
pub(super) fn describe_skipped(filter: &Filter, newest: &Deployment) -> String {
    let reason = newest.skip_reason.as_deref().filter(|it| !it.is_empty());
    let reason = reason.map(|it| format!(": {it}")).unwrap_or_default();
    format!("{} was skipped{reason}", the_newest(filter, newest))
}

/// `the newest deployment of production, 9a8b7c6d,`.
fn the_newest(filter: &Filter, deployment: &Deployment) -> String {
    let address = Address::of(deployment).describe();
    let commit = for_commit(filter);
    format!(
        "the newest deployment of {address}{commit}, {},",
        deployment.short_id()
    )
}

fn for_commit(filter: &Filter) -> String {
    let commit = filter.commit_hash.as_ref();
    let commit = commit.map(|it| format!(" for commit {}", it.get(..7).unwrap_or(it)));
    commit.unwrap_or_default()
}

/// The notice that names the failed candidates other than the target, if there
/// are any.
pub(super) fn describe_others(others: &[&Deployment]) -> Option<String> {
    let word = match others {
        [] => return None,
        [_] => "deployment",
        _ => "deployments",
    };
    let named = others.iter().map(|it| {
        let state = match verdict(it) {
            Some(Outcome::Canceled { .. }) => "canceled",
            _ => "failed",
        };
        format!(
            "{} ({}, {state})",
            it.short_id(),
            Address::of(it).describe()
        )
    });
    let named: Vec<String> = named.collect();
    Some(format!(
        "also broken, and not retried by this run: {word} {}",
        enumerate(&named)
    ))
}

/// `a, b and c`.
fn enumerate(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn searched(listed: &[Deployment]) -> &[Deployment] {
    &listed[..listed.len().min(MAX_SEARCHED)]
}

fn has_failed(deployment: &Deployment) -> bool {
    matches!(
        verdict(deployment),
        Some(Outcome::Failed { .. } | Outcome::Canceled { .. })
    )
}

fn counts(deployment: &Deployment) -> bool {
    match verdict(deployment) {
        Some(Outcome::Skipped { .. }) => false,
        _ => !(deployment.is_direct_upload() && has_failed(deployment)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::retry::filter::Environment;

    /// One deployment from `id environment branch commit state`; the state
    /// `upload-failure` is that of a direct upload.
    fn deployment(words: &str) -> Deployment {
        let words: Vec<&str> = words.split(' ').collect();
        let [id, environment, branch, commit, state] = words.as_slice() else {
            panic!("five words: {words:?}");
        };
        let (is_upload, state) = match state.strip_prefix("upload-") {
            Some(state) => (true, state),
            None => (false, *state),
        };
        let mut json = json!({
            "id": format!("{id}-0000"), "short_id": id, "environment": environment,
            "latest_stage": {"name": "deploy", "status": state},
            "source": {"type": "github"},
            "deployment_trigger": {"metadata": {"branch": branch, "commit_hash": commit}},
        });
        if is_upload {
            json["source"] = serde_json::Value::Null;
        }
        serde_json::from_value(json).unwrap()
    }

    fn list(lines: &[&str]) -> Vec<Deployment> {
        lines.iter().map(|it| deployment(it)).collect()
    }

    /// `branch=`, `environment=` and `commit=`, separated by spaces.
    fn filter(words: &str) -> Filter {
        let mut filter = Filter::default();
        for word in words.split_whitespace() {
            match word.split_once('=').unwrap() {
                ("branch", it) => filter.branch = Some(it.to_owned()),
                ("commit", it) => filter.commit_hash = Some(it.to_owned()),
                (_, "production") => filter.environment = Some(Environment::Production),
                (_, _) => filter.environment = Some(Environment::Preview),
            }
        }
        filter.or_production()
    }

    /// `failed ID +OTHER…`, `running ID`, `fine ID…`, `skipped ID`,
    /// `upload ID`, or `none`.
    fn told(choice: &Choice) -> String {
        let ids = |list: &[&Deployment], mark: &str| {
            let ids = list.iter().map(|it| format!(" {mark}{}", it.short_id()));
            ids.collect::<String>()
        };
        match choice {
            Choice::Failed { target, others } => {
                format!("failed {}{}", target.short_id(), ids(others, "+"))
            }
            Choice::InProgress { target, others } => {
                format!("running {}{}", target.short_id(), ids(others, "+"))
            }
            Choice::AllSucceeded { examined } => format!("fine{}", ids(examined, "")),
            Choice::OnlyFailedUploads { newest } => format!("upload {}", newest.short_id()),
            Choice::OnlySkipped { newest } => format!("skipped {}", newest.short_id()),
            Choice::NoMatch => "none".to_owned(),
        }
    }

    #[track_caller]
    fn check(words: &str, lines: &[&str], expected: &str) {
        let listed = list(lines);
        assert_eq!(
            told(&choose(&filter(words), &listed)),
            expected,
            "{lines:?}"
        );
    }

    #[test]
    fn broken_production_is_found_behind_previews_that_succeed() {
        let lines = [
            "dd000005 preview docs ccccccc2 success",
            "dd000004 production main bbbbbbb1 failure",
            "dd000003 production main aaaaaaa1 success",
        ];
        check("", &lines, "failed dd000004");
        check("environment=production", &lines, "failed dd000004");
        check("environment=preview", &lines, "fine dd000005");
    }

    #[test]
    fn production_counts_once_whatever_the_branch() {
        let lines = [
            "dd000003 production next ccccccc2 success",
            "dd000002 production main bbbbbbb1 failure",
        ];
        check("", &lines, "fine dd000003");
        // The filter applies before the newest is taken.
        check("branch=main", &lines, "failed dd000002");
    }

    #[test]
    fn each_preview_branch_counts_once_and_other_failures_are_named() {
        let lines = [
            "dd000007 preview docs ccccccc2 success",
            "dd000006 preview shop ccccccc3 canceled",
            "dd000005 preview docs ccccccc1 failure",
            "dd000004 preview blog ccccccc4 failure",
            "dd000003 preview shop ccccccc5 failure",
        ];
        check("environment=preview", &lines, "failed dd000006 +dd000004");
        check("environment=preview branch=docs", &lines, "fine dd000007");
        check("branch=blog", &lines, "failed dd000004");
        check("commit=ccccccc1", &lines, "failed dd000005");
        check("branch=Docs", &lines, "none");
    }

    #[test]
    fn a_failure_comes_before_what_is_in_progress() {
        let lines = [
            "dd000003 preview docs ccccccc2 active",
            "dd000002 preview shop bbbbbbb1 failure",
            "dd000001 preview blog bbbbbbb1 idle",
        ];
        check("environment=preview", &lines, "failed dd000002");
        let lines = [lines[0], lines[2], "dd000000 preview news aaaaaaa1 success"];
        check("environment=preview", &lines, "running dd000003 +dd000001");
    }

    #[test]
    fn skipped_deployments_and_failed_uploads_do_not_count() {
        let skipped = "dd000004 production main ccccccc2 skipped";
        let upload = "dd000003 production main ccccccc2 upload-failure";
        let failed = "dd000002 production main bbbbbbb1 failure";
        check("", &[skipped, upload, failed], "failed dd000002");
        check("", &[skipped], "skipped dd000004");
        check("", &[skipped, upload], "upload dd000003");
        // An upload that succeeded does: production serves it.
        let uploaded = "dd000005 production main ccccccc2 upload-success";
        check("", &[uploaded, failed], "fine dd000005");
        check("", &[], "none");
    }

    #[test]
    fn no_more_pages_are_read_than_needed() {
        let success = "dd000002 production main bbbbbbb1 success";
        let preview = "dd000003 preview docs bbbbbbb1 failure";
        let cases = [
            ("", vec![success], true),
            ("", vec![preview], false),
            ("environment=preview", vec![preview], true),
            ("environment=preview branch=docs", vec![success], false),
            // A failed preview of this commit may come on the next page.
            ("commit=bbbbbbb", vec![success], false),
            ("commit=bbbbbbb", vec![success, preview], true),
            ("commit=ccccccc", vec![success; MAX_SEARCHED - 1], false),
            ("commit=ccccccc", vec![success; MAX_SEARCHED], true),
        ];
        for (words, lines, expected) in cases {
            let decided = is_decided(&filter(words), &list(&lines));
            assert_eq!(decided, expected, "{words}, {} lines", lines.len());
        }
    }

    #[test]
    fn the_two_hundredth_deployment_is_searched_and_the_next_is_not() {
        let mut lines = vec!["dd000002 preview docs bbbbbbb1 success"; MAX_SEARCHED - 1];
        lines.push("dd000001 preview shop aaaaaaa1 failure");
        check("environment=preview", &lines, "failed dd000001");
        lines.insert(0, "dd000003 preview docs bbbbbbb1 success");
        check("environment=preview", &lines, "fine dd000003");
    }

    #[test]
    fn what_was_examined_is_named() {
        let listed = list(&[
            "dd000005 production main aaaaaaa1 success",
            "dd000004 preview docs aaaaaaa1 success",
            "dd000003 preview shop aaaaaaa1 success",
            "dd000002 preview blog aaaaaaa1 success",
            "dd000001 preview news aaaaaaa1 success",
        ]);
        let describe = |words: &str, count: usize| {
            let examined: Vec<_> = listed.iter().take(count).collect();
            describe_examined(&filter(words), &examined)
        };
        assert_eq!(
            describe("", 1),
            "the newest deployment of production, dd000005, succeeded"
        );
        assert_eq!(
            describe("commit=aaaaaaa1", 1),
            "the newest deployment of production for commit aaaaaaa, dd000005, succeeded"
        );
        assert_eq!(
            describe("branch=x", 2),
            "the newest deployments of production (dd000005) and branch docs (dd000004) succeeded"
        );
        assert_eq!(
            describe("branch=x", 5),
            "the newest deployments of production (dd000005), branch docs (dd000004), branch shop (dd000003) and 2 more branches succeeded"
        );
    }

    #[test]
    fn other_failures_stand_in_one_notice() {
        let listed = list(&[
            "dd000002 production main aaaaaaa1 failure",
            "dd000001 preview docs aaaaaaa1 canceled",
        ]);
        let others: Vec<_> = listed.iter().collect();
        assert_eq!(describe_others(&[]), None);
        assert_eq!(
            describe_others(&others).unwrap(),
            "also broken, and not retried by this run: deployments dd000002 (production, failed) and dd000001 (branch docs, canceled)"
        );
    }

    #[test]
    fn latest_is_the_newest_match_whatever_became_of_it() {
        let listed = list(&[
            "dd000003 preview docs ccccccc1 failure",
            "dd000002 production main bbbbbbb1 skipped",
            "dd000001 production main aaaaaaa1 success",
        ]);
        let found = |words: &str| latest(&filter(words), &listed).map(Deployment::short_id);
        assert_eq!(found(""), Some("dd000002"));
        assert_eq!(found("branch=docs"), Some("dd000003"));
        assert_eq!(found("commit=aaaaaaa"), Some("dd000001"));
        assert_eq!(found("commit=aaaaaaa12"), None);
    }

    fn histories() -> impl Strategy<Value = Vec<Deployment>> {
        let environment = prop::sample::select(vec!["production", "preview"]);
        let branch = prop::sample::select(vec!["main", "docs", "shop"]);
        let commit = prop::sample::select(vec!["aaaaaaa1", "bbbbbbb1"]);
        let state = prop::sample::select(vec![
            "success",
            "failure",
            "canceled",
            "skipped",
            "active",
            "idle",
            "upload-success",
            "upload-failure",
            "pondering",
        ]);
        let one = (environment, branch, commit, state);
        prop::collection::vec(one, 0..24).prop_map(|all| {
            let lines = all.iter().enumerate();
            let lines = lines.map(|(n, (environment, branch, commit, state))| {
                deployment(&format!("{n:08x} {environment} {branch} {commit} {state}"))
            });
            lines.collect()
        })
    }

    fn filters() -> impl Strategy<Value = Filter> {
        prop::sample::select(vec![
            "",
            "environment=production",
            "environment=preview",
            "branch=main",
            "branch=docs",
            "commit=aaaaaaa",
            "commit=aaaaaaa branch=docs environment=preview",
        ])
        .prop_map(filter)
    }

    /// Whether a deployment is the newest of its address that matches and
    /// counts: the definition, written without a set.
    fn is_candidate(filter: &Filter, listed: &[Deployment], n: usize) -> bool {
        let is_alike = |it: &Deployment| {
            filter.matches(it)
                && counts(it)
                && it.environment == listed[n].environment
                && (it.environment == "production" || it.branch() == listed[n].branch())
        };
        is_alike(&listed[n]) && !listed[..n].iter().any(is_alike)
    }

    proptest! {
        #[test]
        fn nothing_is_fine_while_a_candidate_has_failed(
            listed in histories(),
            filter in filters(),
        ) {
            let failed: Vec<&str> = (0..listed.len())
                .filter(|&n| is_candidate(&filter, &listed, n) && has_failed(&listed[n]))
                .map(|n| listed[n].short_id())
                .collect();
            match choose(&filter, &listed) {
                Choice::Failed { target, others } => {
                    let all = [target].into_iter().chain(others).map(Deployment::short_id);
                    // The newest is the target, and every other one is named.
                    prop_assert_eq!(all.collect::<Vec<_>>(), failed);
                    prop_assert!(filter.matches(target));
                    prop_assert!(!target.is_direct_upload());
                }
                Choice::InProgress { target, .. } => {
                    prop_assert!(failed.is_empty());
                    prop_assert_eq!(verdict(target), None);
                }
                Choice::AllSucceeded { examined } => {
                    prop_assert!(failed.is_empty() && !examined.is_empty());
                    for it in examined {
                        prop_assert_eq!(verdict(it), Some(Outcome::Deployed));
                    }
                }
                Choice::OnlyFailedUploads { newest } => {
                    prop_assert!(newest.is_direct_upload() && has_failed(newest));
                }
                Choice::OnlySkipped { .. } => {
                    let mut matching = listed.iter().filter(|it| filter.matches(it));
                    let is_skipped = |it: &Deployment| matches!(verdict(it), Some(Outcome::Skipped { .. }));
                    prop_assert!(matching.all(is_skipped));
                }
                Choice::NoMatch => prop_assert!(!listed.iter().any(|it| filter.matches(it))),
            }
        }

        #[test]
        fn the_next_page_never_changes_a_decision(
            listed in histories(),
            filter in filters(),
            read in 0_usize..24,
        ) {
            let part = &listed[..read.min(listed.len())];
            if is_decided(&filter, part) {
                let target = |choice: &Choice| match choice {
                    Choice::Failed { target, .. } | Choice::InProgress { target, .. } => {
                        Some(target.short_id().to_owned())
                    }
                    Choice::AllSucceeded { .. }
                    | Choice::OnlyFailedUploads { .. }
                    | Choice::OnlySkipped { .. }
                    | Choice::NoMatch => None,
                };
                let (early, late) = (choose(&filter, part), choose(&filter, &listed));
                prop_assert_eq!(target(&early), target(&late));
            }
        }
    }
}
