//! The address that a deployment serves: production has one, whatever branch
//! was built for it, and each branch has one among the previews.

use crate::cloudflare::deployment::Deployment;

/// The API's name of the environment that serves the project's own domains.
const PRODUCTION: &str = "production";

/// What a deployment would replace when it succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Address<'a> {
    /// The project's own domains.
    Production,
    /// The alias of this branch.
    Preview(&'a str),
}

impl<'a> Address<'a> {
    /// The address of `deployment`. Without an environment it counts as a
    /// preview of its branch.
    pub(super) fn of(deployment: &'a Deployment) -> Self {
        if deployment.environment.eq_ignore_ascii_case(PRODUCTION) {
            Self::Production
        } else {
            Self::Preview(deployment.branch())
        }
    }

    /// `production`, or `branch docs`.
    pub(super) fn describe(self) -> String {
        match self {
            Self::Production => PRODUCTION.to_owned(),
            Self::Preview("") => "a branch without a name".to_owned(),
            Self::Preview(branch) => format!("branch {branch}"),
        }
    }
}

/// Whether two deployments serve the same address. Where the API left out the
/// environment of one, the same branch counts as the same address, because
/// this check protects a deployment from being overwritten.
pub(super) fn share_address(one: &Deployment, other: &Deployment) -> bool {
    if one.environment.is_empty() || other.environment.is_empty() {
        return one.branch() == other.branch();
    }
    Address::of(one) == Address::of(other)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment(environment: &str, branch: &str) -> Deployment {
        let json = json!({
            "id": "d0", "environment": environment,
            "deployment_trigger": {"metadata": {"branch": branch}},
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn production_is_one_address_and_each_preview_branch_another() {
        let cases = [
            (("production", "main"), ("production", "next"), true),
            (("Production", "main"), ("production", "main"), true),
            (("preview", "docs"), ("preview", "docs"), true),
            (("preview", "docs"), ("preview", "Docs"), false),
            (("preview", "main"), ("production", "main"), false),
            // An environment that the API left out.
            (("", "main"), ("production", "main"), true),
            (("preview", "docs"), ("", "docs"), true),
            (("", "main"), ("production", "next"), false),
        ];
        for (one, other, expected) in cases {
            let [a, b] = [one, other].map(|(environment, branch)| deployment(environment, branch));
            assert_eq!(share_address(&a, &b), expected, "{one:?} and {other:?}");
            assert_eq!(share_address(&b, &a), expected, "{other:?} and {one:?}");
        }
        assert_eq!(
            Address::of(&deployment("preview", "docs")).describe(),
            "branch docs"
        );
        assert_eq!(
            Address::of(&deployment("production", "docs")).describe(),
            "production"
        );
    }
}
