//! Whether a deployment may be retried, or would overwrite a newer one.
//!
//! Invariant: what cannot be shown to be older counts as newer. A retry that
//! is refused can be requested again; old code on production cannot be taken
//! back.

use std::cmp::Reverse;

use crate::cloudflare::deployment::Deployment;
use crate::retry::address::share_address;
use crate::run::outcome::Outcome;
use crate::run::verdict::verdict;
use crate::run::wording::branch_and_environment;

/// The decision of the guard.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Guard {
    /// The retry may continue.
    Passed {
        /// Shown once: older code goes live on production.
        warning: Option<String>,
    },
    Refused {
        why: String,
    },
}

/// What the user says about newer deployments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Newer {
    /// They are protected.
    Protect,
    /// `allow_older: true`.
    MayBeOverwritten,
}

/// Looks for what a retry of `original` would overwrite: a newer deployment
/// for the same address that succeeded or is in progress.
///
/// `listed` is the list, newest first, back to the original. `ours` are the
/// ids of earlier attempts of this run, which never count, whatever the list
/// still says of them.
pub(super) fn guard(
    original: &Deployment,
    listed: &[Deployment],
    ours: &[&str],
    policy: Newer,
) -> Guard {
    if original.is_direct_upload() {
        return Guard::Refused {
            why: upload_refused(original),
        };
    }
    let would_be_overwritten = |it: &Deployment| {
        it.id != original.id
            && !ours.contains(&it.id.as_str())
            && share_address(it, original)
            && matches!(verdict(it), None | Some(Outcome::Deployed))
    };
    let boundary = boundary(original, listed);
    let newer = listed.iter().enumerate();
    let newer = newer.filter(|(place, it)| {
        would_be_overwritten(it) && is_newer(it, *place < boundary, original)
    });
    // The newest by date; an undated one, whose age is unknown, comes first.
    let newest = newer.min_by_key(|(place, it)| {
        let date = it.created_on.map(Reverse);
        (date.is_some(), date, *place)
    });
    let Some((_, newer)) = newest else {
        return Guard::Passed { warning: None };
    };
    let state = match verdict(newer) {
        Some(_) => "is live",
        None => "is in progress",
    };
    let (id, of) = (newer.short_id(), branch_and_environment(newer));
    match policy {
        Newer::Protect => Guard::Refused {
            why: format!(
                "deployment {id} of {of} is newer than {} and {state}; set `allow_older: true` to retry the older one anyway",
                original.short_id()
            ),
        },
        Newer::MayBeOverwritten => {
            let is_old_code = newer.commit_hash() != original.commit_hash();
            let is_production = original.environment.eq_ignore_ascii_case("production");
            let warning = (is_old_code && is_production).then(|| {
                format!(
                    "this retry puts older code live on production: deployment {id} is newer and {state}"
                )
            });
            Guard::Passed { warning }
        }
    }
}

/// Why a direct upload is refused.
pub(super) fn upload_refused(upload: &Deployment) -> String {
    format!(
        "deployment {} is a direct upload, which has nothing to rebuild; upload it again",
        upload.short_id()
    )
}

/// Whether everything newer than `original` is among those `listed`: the
/// original itself is, or a deployment that is certainly older.
pub(super) fn reaches(original: &Deployment, listed: &[Deployment]) -> bool {
    let is_older = |it: &Deployment| match (it.created_on, original.created_on) {
        (Some(date), Some(of_original)) => date < of_original,
        _ => false,
    };
    listed.iter().any(|it| it.id == original.id || is_older(it))
}

/// Dates decide where both have one and they differ; else the place in the
/// list, which is sorted by the API, newest first.
fn is_newer(deployment: &Deployment, is_before_original: bool, original: &Deployment) -> bool {
    match (deployment.created_on, original.created_on) {
        (Some(date), Some(of_original)) if date != of_original => of_original < date,
        _ => is_before_original,
    }
}

/// The place in the list before which everything is newer than `original`: its
/// own, else that of the first one that is not newer by its date. If neither
/// is there, everything counts as newer.
fn boundary(original: &Deployment, listed: &[Deployment]) -> usize {
    let is_not_newer = |it: &Deployment| match (it.created_on, original.created_on) {
        (Some(date), Some(of_original)) => date <= of_original,
        _ => false,
    };
    let own = listed.iter().position(|it| it.id == original.id);
    let place = own.or_else(|| listed.iter().position(is_not_newer));
    place.unwrap_or(listed.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// A deployment created at `hour`, or without a date, from
    /// `id environment branch commit state`.
    fn deployment(hour: Option<u32>, words: &str) -> Deployment {
        let words: Vec<&str> = words.split(' ').collect();
        let [id, environment, branch, commit, state] = words.as_slice() else {
            panic!("five words: {words:?}");
        };
        let environment = environment.trim_matches('-');
        let json = json!({
            "id": format!("{id}-0000"), "short_id": id, "environment": environment,
            "created_on": hour.map(|it| format!("2026-01-01T{it:02}:00:00Z")),
            "latest_stage": {"name": "deploy", "status": state},
            "source": {"type": "github"},
            "deployment_trigger": {"metadata": {"branch": branch, "commit_hash": commit}},
        });
        serde_json::from_value(json).unwrap()
    }

    const FAILED: &str = "0r161na1 production main aaaaaaa1 failure";

    fn passed() -> Guard {
        Guard::Passed { warning: None }
    }

    /// What the guard says to a failed deployment of `main` in production,
    /// made before those `newer`, the newest first.
    #[track_caller]
    fn check(newer: &[&str], refused_for: Option<&str>, warns: bool) {
        let original = deployment(Some(1), FAILED);
        let hours = (2..12).rev().map(Some);
        let mut listed: Vec<_> = hours
            .zip(newer)
            .map(|(hour, it)| deployment(hour, it))
            .collect();
        listed.push(original.clone());
        match guard(&original, &listed, &[], Newer::Protect) {
            Guard::Passed { warning } => {
                assert_eq!((refused_for, warning), (None, None), "{newer:?}");
            }
            Guard::Refused { why } => {
                let id = refused_for.unwrap_or_else(|| panic!("{newer:?}: {why}"));
                assert!(why.starts_with(&format!("deployment {id} ")), "{why}");
                assert!(why.contains("`allow_older: true`"), "{why}");
            }
        }
        match guard(&original, &listed, &[], Newer::MayBeOverwritten) {
            Guard::Passed { warning } => assert_eq!(warning.is_some(), warns, "{newer:?}"),
            Guard::Refused { why } => panic!("{newer:?}: {why}"),
        }
    }

    #[test]
    fn only_a_newer_deployment_that_succeeded_or_runs_is_protected() {
        for (state, is_protected) in [
            ("success", true),
            ("active", true),
            ("idle", true),
            ("pondering", true),
            ("failure", false),
            ("canceled", false),
            ("skipped", false),
        ] {
            let newer = format!("newer001 production main bbbbbbb1 {state}");
            check(&[&newer], is_protected.then_some("newer001"), is_protected);
        }
        check(&[], None, false);
    }

    #[test]
    fn production_is_protected_whatever_the_branch_and_previews_by_theirs() {
        let other_branch = "newer001 production next bbbbbbb1 success";
        check(&[other_branch], Some("newer001"), true);
        check(&["newer001 preview main bbbbbbb1 success"], None, false);
        let original = deployment(Some(1), "0r161na1 preview docs aaaaaaa1 failure");
        let says = |words: &str| {
            let listed = [deployment(Some(2), words), original.clone()];
            guard(&original, &listed, &[], Newer::Protect) != passed()
        };
        assert!(says("newer001 preview docs bbbbbbb1 active"));
        assert!(!says("newer001 preview shop bbbbbbb1 active"));
        assert!(!says("newer001 production docs bbbbbbb1 active"));
        // The API left out the environment: it may be the same address.
        assert!(says("newer001 - docs bbbbbbb1 active"));
    }

    #[test]
    fn the_newest_of_several_is_named_and_the_same_code_is_not_older() {
        let two = [
            "newer002 production main bbbbbbb1 success",
            "newer001 production main bbbbbbb1 success",
        ];
        check(&two, Some("newer002"), true);
        let rebuilt = "newer001 production main aaaaaaa1 success";
        check(&[rebuilt], Some("newer001"), false);
    }

    #[test]
    fn an_older_deployment_and_our_own_attempt_do_not_count() {
        let original = deployment(Some(5), FAILED);
        let older = deployment(Some(4), "older001 production main bbbbbbb1 success");
        let listed = [original.clone(), older];
        assert_eq!(guard(&original, &listed, &[], Newer::Protect), passed());
        let attempt = deployment(Some(6), "attempt1 production main aaaaaaa1 active");
        let listed = [attempt.clone(), original.clone()];
        assert_eq!(
            guard(&original, &listed, &[&attempt.id], Newer::Protect),
            passed()
        );
        assert_ne!(
            guard(&original, &listed, &["another"], Newer::Protect),
            passed()
        );
    }

    #[test]
    fn a_direct_upload_has_nothing_to_rebuild() {
        let mut upload = deployment(Some(5), FAILED);
        upload.source = None;
        let Guard::Refused { why } = guard(&upload, &[], &[], Newer::MayBeOverwritten) else {
            panic!("passed");
        };
        assert!(why.contains("direct upload"), "{why}");
    }

    #[test]
    fn without_a_date_the_place_in_the_list_decides() {
        let live = "newer001 production main bbbbbbb1 success";
        // (date of the other, date of the original, whether the list has the
        // other first, whether it is newer)
        let cases = [
            (None, Some(5), true, true),
            (None, Some(5), false, false),
            (Some(4), None, true, true),
            (Some(6), None, false, false),
            (None, None, true, true),
            (None, None, false, false),
            // The same moment.
            (Some(5), Some(5), true, true),
            (Some(5), Some(5), false, false),
            // Dates win over the place.
            (Some(4), Some(5), true, false),
            (Some(6), Some(5), false, true),
        ];
        for (other, of_original, is_first, expected) in cases {
            let original = deployment(of_original, FAILED);
            let mut listed = vec![original.clone(), deployment(other, live)];
            if is_first {
                listed.reverse();
            }
            let says = guard(&original, &listed, &[], Newer::Protect);
            assert_eq!(
                says != passed(),
                expected,
                "{other:?} {of_original:?} {is_first}"
            );
        }
    }

    #[test]
    fn an_undated_deployment_is_placed_by_its_neighbors() {
        let original = deployment(Some(5), FAILED);
        let undated = || deployment(None, "newer001 production main bbbbbbb1 success");
        let older = || deployment(Some(4), "older001 production main bbbbbbb1 failure");
        let says =
            |listed: &[Deployment]| guard(&original, listed, &[], Newer::Protect) != passed();
        // The original itself is not in the list.
        assert!(says(&[undated(), older()]));
        assert!(!says(&[older(), undated()]));
        // Nothing shows that it is older.
        assert!(says(&[undated()]));
    }

    #[test]
    fn the_list_reaches_back_with_the_original_or_one_that_is_certainly_older() {
        let original = deployment(Some(5), FAILED);
        let at = |hour| deployment(hour, "another1 production main bbbbbbb1 success");
        assert!(!reaches(&original, &[]));
        assert!(!reaches(&original, &[at(Some(6))]));
        assert!(!reaches(&original, &[at(None)]));
        assert!(!reaches(&deployment(None, FAILED), &[at(Some(4))]));
        assert!(reaches(&original, &[at(Some(6)), original.clone()]));
        assert!(reaches(&original, &[at(Some(6)), at(Some(4))]));
    }

    proptest! {
        /// In an ordered list, dates left out here and there change nothing:
        /// a live deployment before the original is always protected.
        #[test]
        fn dates_that_are_left_out_hide_nothing_newer(
            dated in prop::collection::vec(any::<bool>(), 1..12),
            place in any::<prop::sample::Index>(),
            live in any::<prop::sample::Index>(),
        ) {
            let (count, place) = (dated.len(), place.index(dated.len()));
            let live = live.index(count);
            prop_assume!(live != place);
            let hours = (1..=u32::try_from(count).unwrap()).rev();
            let listed: Vec<_> = hours.zip(&dated).enumerate().map(|(n, (hour, is_dated))| {
                let state = if n == live { "success" } else { "failure" };
                let words = format!("{n:08x} production main aaaaaaa1 {state}");
                deployment(is_dated.then_some(hour), &words)
            }).collect();
            let says = guard(&listed[place], &listed, &[], Newer::Protect) != passed();
            prop_assert_eq!(says, live < place);
        }
    }
}
