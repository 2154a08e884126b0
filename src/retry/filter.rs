//! The filters of `latest` and `latest-failed`: `branch`, `environment` and
//! `commit_hash`.

use crate::cloudflare::deployment::Deployment;

/// An environment of a Pages project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    Production,
    Preview,
}

impl Environment {
    /// The API's name of the environment.
    pub fn name(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Preview => "preview",
        }
    }
}

/// Which deployments `latest` and `latest-failed` consider. The default
/// considers all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The branch's name, without `refs/heads/`.
    pub branch: Option<String>,
    pub environment: Option<Environment>,
    /// At least the first seven characters of the hash, in lower case.
    pub commit_hash: Option<String>,
}

impl Filter {
    /// The filter that applies: if nothing was requested, only production is
    /// considered.
    pub fn or_production(self) -> Self {
        if self != Self::default() {
            return self;
        }
        Self {
            environment: Some(Environment::Production),
            ..self
        }
    }

    /// Whether a deployment is considered.
    pub fn matches(&self, deployment: &Deployment) -> bool {
        let is_branch = |branch: &String| branch == deployment.branch();
        let is_environment =
            |it: Environment| deployment.environment.eq_ignore_ascii_case(it.name());
        // A direct upload may have an empty hash, which no prefix fits.
        let hash = deployment.commit_hash().to_ascii_lowercase();
        self.branch.as_ref().is_none_or(is_branch)
            && self.environment.is_none_or(is_environment)
            && self
                .commit_hash
                .as_ref()
                .is_none_or(|it| hash.starts_with(it))
    }

    /// Whether all that it matches serve one address.
    pub fn is_of_one_address(&self) -> bool {
        match self.environment {
            Some(Environment::Production) => true,
            Some(Environment::Preview) => self.branch.is_some(),
            None => false,
        }
    }

    /// Words that follow `deployment`: ` of branch `docs` in preview`.
    pub fn describe(&self) -> String {
        let branch = self.branch.as_ref();
        let commit = self.commit_hash.as_ref();
        let parts = [
            branch.map(|it| format!(" of branch `{it}`")),
            self.environment.map(|it| format!(" in {}", it.name())),
            commit.map(|it| format!(" of commit `{it}`")),
        ];
        parts.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_production_is_considered_without_a_filter() {
        let production = Filter::default().or_production();
        assert_eq!(production.environment, Some(Environment::Production));
        assert_eq!(production.describe(), " in production");
        let of_branch = Filter {
            branch: Some("docs".to_owned()),
            ..Filter::default()
        };
        assert_eq!(of_branch.clone().or_production(), of_branch);
    }

    #[test]
    fn a_preview_filter_needs_a_branch_to_mean_one_address() {
        let branch = Some("docs".to_owned());
        for (environment, branch, expected) in [
            (Some(Environment::Production), None, true),
            (Some(Environment::Production), branch.clone(), true),
            (Some(Environment::Preview), branch.clone(), true),
            (Some(Environment::Preview), None, false),
            // It may be built for production and as a preview.
            (None, branch, false),
            (None, None, false),
        ] {
            let filter = Filter {
                branch,
                environment,
                commit_hash: None,
            };
            assert_eq!(filter.is_of_one_address(), expected, "{filter:?}");
        }
    }
}
