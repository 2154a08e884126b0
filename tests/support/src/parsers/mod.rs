//! Independent parsers of the logs and output files that CI hosts read, written from
//! the hosts' rules. They share no code with the product, so tests can check how a
//! host would interpret the product's output.
//!
//! Where a host's behavior is unclear, a parser assumes the worst case. A parser
//! reports actions: everything that a host does beyond showing the text.

pub mod act;
pub mod azure;
pub mod bitbucket;
pub mod buildkite;
pub mod circleci;
pub mod cloudbuild;
pub mod drone;
pub mod github;
pub mod gitlab;
pub mod hostile;
pub mod jenkins;
pub mod teamcity;
pub mod terminal;
pub mod travis;

/// A program that reads a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    GitHub,
    Act,
    Gitea,
    GitLab,
    Azure,
    TeamCity,
    Buildkite,
    Travis,
    Terminal,
}

impl Reader {
    pub const ALL: [Self; 9] = [
        Self::GitHub,
        Self::Act,
        Self::Gitea,
        Self::GitLab,
        Self::Azure,
        Self::TeamCity,
        Self::Buildkite,
        Self::Travis,
        Self::Terminal,
    ];

    /// Describes the actions that the log triggers in this reader.
    pub fn acts(self, log: &str) -> Vec<String> {
        match self {
            Self::GitHub => github::read(log).acts.iter().map(debug).collect(),
            Self::Act => act::read(log, act::Dialect::Act)
                .iter()
                .map(debug)
                .collect(),
            Self::Gitea => act::read(log, act::Dialect::Gitea)
                .iter()
                .map(debug)
                .collect(),
            Self::GitLab => gitlab::sections(log).iter().map(debug).collect(),
            Self::Azure => azure::read(log).iter().map(debug).collect(),
            Self::TeamCity => teamcity::read(log).iter().map(debug).collect(),
            Self::Buildkite => buildkite::read(log).iter().map(debug).collect(),
            Self::Travis => travis::folds(log).iter().map(debug).collect(),
            Self::Terminal => terminal::read(log),
        }
    }
}

fn debug(act: &impl std::fmt::Debug) -> String {
    format!("{act:?}")
}
