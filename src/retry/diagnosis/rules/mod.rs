//! What the tools print when they fail, and what that means. Data, by tool.
//!
//! A rule is met by a line that matches one of its patterns (see
//! `pattern::matches`); the patterns are in lower case, the line that
//! a person would point at first. `?` before a pattern lets it match warnings
//! too. Of the rules that are met, the lowest [`Rank`] decides, then the
//! order in [`ALL`].

mod browsers;
mod bundlers;
mod cloudflare;
mod frameworks;
mod generators;
mod git;
mod installs;
mod javascript;
mod languages;
mod limits;
mod network;
mod node;
mod node_version;
mod packages;
mod project;
mod pypi;
mod python;
mod registries;
mod servers;
mod shell;
mod toolchain;

/// What another attempt does with nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Remains until somebody acts on the advice.
    Permanent,
    /// May be gone at the next attempt.
    Transient,
    /// Cloudflare's own fault: transient unless the same follows itself.
    InternalError,
    /// Transient if the build usually takes much less than the limit.
    TimeLimit,
}

/// How much a rule proves. Lower ranks win.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// A limit that ended the build, whatever else went wrong.
    Limit,
    /// Lines that together prove what one alone would not.
    Proven,
    /// A clear no: access, a missing package, a lock file.
    Refused,
    /// The network failed, in the words of a tool that ends then.
    Network,
    /// A cause in the code, the settings or the versions.
    Fault,
    /// The network failed, in words that a program may survive.
    Doubtful,
    /// What a cause leads to; says where it failed.
    Symptom,
    /// Says only that something failed.
    Wrapper,
    /// Cloudflare's own word that follows other failures, too.
    LastResort,
}

pub(super) struct Rule {
    pub(super) cause: Cause,
    pub(super) rank: Rank,
    /// One sentence of at most 120 characters, without a period.
    pub(super) reason: &'static str,
    /// What to change and where, at most 240 characters.
    pub(super) advice: &'static str,
    pub(super) patterns: &'static [&'static str],
    /// Another line of the log has to match one of these.
    pub(super) with: &'static [&'static str],
    /// No line of the log may match one of these.
    pub(super) without: &'static [&'static str],
}

impl Rule {
    const fn with(mut self, patterns: &'static [&'static str]) -> Self {
        self.with = patterns;
        self
    }

    const fn without(mut self, patterns: &'static [&'static str]) -> Self {
        self.without = patterns;
        self
    }

    const fn rank(mut self, rank: Rank) -> Self {
        self.rank = rank;
        self
    }

    const fn cause(mut self, cause: Cause) -> Self {
        self.cause = cause;
        self
    }
}

const fn permanent(
    reason: &'static str,
    advice: &'static str,
    patterns: &'static [&'static str],
) -> Rule {
    Rule {
        cause: Cause::Permanent,
        rank: Rank::Fault,
        reason,
        advice,
        patterns,
        with: &[],
        without: &[],
    }
}

const fn refused(
    reason: &'static str,
    advice: &'static str,
    patterns: &'static [&'static str],
) -> Rule {
    permanent(reason, advice, patterns).rank(Rank::Refused)
}

const fn transient(
    reason: &'static str,
    advice: &'static str,
    patterns: &'static [&'static str],
) -> Rule {
    permanent(reason, advice, patterns)
        .rank(Rank::Network)
        .cause(Cause::Transient)
}

/// All rules; within a rank the first that is met decides.
pub(super) static ALL: &[&[Rule]] = &[
    limits::RULES,
    project::RULES,
    cloudflare::RULES,
    git::RULES,
    browsers::RULES,
    javascript::RULES,
    pypi::RULES,
    registries::RULES,
    packages::RULES,
    installs::RULES,
    toolchain::RULES,
    node_version::RULES,
    shell::RULES,
    python::RULES,
    generators::RULES,
    languages::RULES,
    frameworks::RULES,
    bundlers::RULES,
    node::RULES,
    servers::RULES,
    network::RULES,
];

/// What would be transient, but at a host that only its owner reaches.
pub(super) static PRIVATE_HOST: Rule = permanent(
    "a private host could not be reached: the build has no connection to it (network)",
    "correct the address of the registry or server in the settings or variables: it has to be reachable from the internet",
    &[],
);

/// The build system's own lines that open a step. All that came before one
/// did not end the build.
pub(super) const STEPS: &[&str] = &[
    "^initializing build environment",
    "^success: finished ",
    "^cloning repository...",
    "^using v2 root directory strategy",
    "^restoring from ",
    "^checking for configuration in a ",
    "^no wrangler",
    "^installing project dependencies:",
    "^installing dependencies$",
    "^executing user command:",
    "^executing user build command:",
    "^executing user deploy command:",
    "^found functions directory",
    "^note: no functions dir",
    "^validating asset output directory",
    "^deploying your site to",
];
