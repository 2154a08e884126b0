//! What build logs say when a deployment fails, and what it means.
//!
//! Data only. The first rule that was met decides, so the order is: causes
//! that stay, causes that pass, the lines that only say that something broke
//! (`build command exited with code: 1` follows a registry's 503 as well as a
//! typo), and last Cloudflare's `internal error`, which older logs print even
//! after a build command that failed.

use Place::{Anywhere, BeforeBuild, Build};

use crate::cloudflare::deployment::StageName;

pub(super) struct Rule {
    pub(super) is_transient: bool,
    pub(super) reason: &'static str,
    /// What a person can do about it.
    pub(super) advice: Option<&'static str>,
    pub(super) place: Place,
    pub(super) signs: Signs,
}

/// A line meets a rule if it holds one of the words of each list. It is
/// compared in lower case and stands between two `\n`, so that a word can be
/// bound to the start or the end of the line.
pub(super) type Signs = &'static [&'static [&'static str]];

/// Where a rule holds. What a user's own build prints must not look like a
/// failed clone.
#[derive(Clone, Copy)]
pub(super) enum Place {
    Anywhere,
    BeforeBuild,
    Build,
}

impl Place {
    pub(super) fn includes(self, stage: &StageName) -> bool {
        match self {
            Self::Anywhere => true,
            Self::BeforeBuild => is_before_build(stage),
            Self::Build => *stage == StageName::Build,
        }
    }
}

/// The stages in which nothing of the user's own has run yet.
pub(super) fn is_before_build(stage: &StageName) -> bool {
    match stage {
        StageName::Queued | StageName::Initialize | StageName::CloneRepo => true,
        StageName::Build | StageName::Deploy | StageName::Other(_) => false,
    }
}

pub(super) static RULES: &[Rule] = &[
    // Causes that stay.
    stays(
        "the build took longer than Cloudflare allows",
        "make the build faster, or build elsewhere and upload the result",
        Anywhere,
        &[&["\nfailed: build exceeded the time limit"]],
    ),
    stays(
        "the build ran out of memory",
        "let the build use less memory, or build elsewhere and upload the result",
        Anywhere,
        &[&[
            "\nfailed: build exceeded memory limit",
            "heap out of memory",
            "reached heap limit",
            "outofmemoryerror",
            "\nkilled\n",
            "code 137",
            "code: 137",
            "sigkill",
            "enomem",
        ]],
    ),
    stays(
        "Cloudflare has lost its access to the Git repository",
        "reconnect the repository in the project's build settings",
        BeforeBuild,
        &[&[
            "disconnected from your git account",
            "not properly installed on your git account",
            "installation has been suspended",
            "linked to a repository that no longer exists",
            "repository cannot be accessed",
            "your cloudflare pages git installation",
        ]],
    ),
    stays(
        "the Git host refused access to a repository or submodule",
        "check that Cloudflare's Git app may read the repository and each submodule",
        BeforeBuild,
        &[&[
            "could not read username for",
            "authentication failed for",
            "repository not found",
            "permission denied (publickey)",
            "host key verification failed",
            "access to repository not granted",
            "returned error: 401",
            "returned error: 403",
            "returned error: 404",
        ]],
    ),
    stays(
        "a submodule has no URL in .gitmodules",
        "add the submodule to .gitmodules, or remove it with git rm --cached",
        BeforeBuild,
        &[&["no url found for submodule path"]],
    ),
    stays(
        "the commit is no longer in the repository",
        "push the commit again, or deploy another one",
        BeforeBuild,
        &[&[
            "not our ref",
            "couldn't find remote ref",
            "direct fetching of that commit failed",
            "reference is not a tree",
        ]],
    ),
    stays(
        "the repository's Git LFS quota is used up",
        "raise the LFS quota at the Git host",
        BeforeBuild,
        &[&["exceeded its lfs budget", "over its data quota"]],
    ),
    stays(
        "the root directory was not found",
        "correct the root directory in the project's build settings",
        Anywhere,
        &[&["\nfailed: root directory not found"]],
    ),
    stays(
        "the build's output directory was not found",
        "correct the output directory, or the build command that should fill it",
        Anywhere,
        &[&["\nerror: output directory \""], &["not found"]],
    ),
    stays(
        "the output breaks a limit of Cloudflare Pages",
        "publish fewer or smaller files",
        Anywhere,
        &[&[
            "pages only supports files up to",
            "pages only supports up to",
            "pages functions bundle size (",
            "\nfailed: error occurred while validating assets",
        ]],
    ),
    stays(
        "a configuration file is not valid",
        "correct the file that the log names",
        Anywhere,
        &[&[
            "invalid _redirects",
            "invalid _headers",
            "invalid _routes.json",
            "configuration file for pages projects does not support",
        ]],
    ),
    stays(
        "the Node.js version does not exist or does not fit",
        "set NODE_VERSION, or .node-version, to a version that fits",
        Build,
        &[&[
            "node-build: definition not found",
            "nvm ls-remote",
            "\nwrangler requires at least node",
            "the engine \"node\" is incompatible",
            "code ebadengine",
            "err_pnpm_unsupported_engine",
        ]],
    ),
    stays(
        "the lock file is missing or does not fit the manifest",
        "install locally and commit the lock file",
        Build,
        &[&[
            "npm ci` can only install",
            "can only install with an existing package-lock.json",
            "from lock file\n",
            "err_pnpm_outdated_lockfile",
            "err_pnpm_no_lockfile",
            "your lockfile needs to be updated",
            "lockfile would have been modified",
            "lockfile is frozen",
        ]],
    ),
    stays(
        "a dependency does not exist, does not fit or is not accessible",
        "correct the dependency that the log names",
        Build,
        &[&[
            "npm err! code e40",
            "npm error code e40",
            "npm err! code eresolve",
            "npm error code eresolve",
            "npm err! code etarget",
            "npm error code etarget",
            "err_pnpm_fetch_40",
            "err_pnpm_no_matching_version",
            "couldn't find any versions for",
            "could not find a version that satisfies",
        ]],
    ),
    stays(
        "the Functions do not compile",
        "correct the code that the log names",
        Anywhere,
        &[&[
            "\nfailed: generating pages functions failed",
            "\nfailed building pages functions",
        ]],
    ),
    // Causes that pass.
    passes(
        "clone failed: network error from the Git host",
        BeforeBuild,
        &[&[
            "rpc failed",
            "curl 56",
            "gnutls recv error",
            "early eof",
            "could not resolve host",
            "temporary failure in name resolution",
            "connection reset by peer",
            "connection refused",
            "connection timed out",
            "operation timed out",
            "failed to connect to",
            "hung up unexpectedly",
            "unexpected disconnect",
            "ssl_error_syscall",
            "was non-properly terminated",
            "returned error: 429",
            "returned error: 5",
            "remote: internal server error",
        ]],
    ),
    passes(
        "Cloudflare could not start the build",
        Anywhere,
        &[&["\nfailed: unable to submit build job"]],
    ),
    passes(
        "install failed: network error from the package registry",
        Build,
        &[
            &[
                "://registry.",
                "://index.",
                "://proxy.",
                "://sum.",
                "://files.",
                "://repo.",
            ],
            NETWORK_TROUBLE,
        ],
    ),
    passes(
        "install failed: the package manager met a network error",
        Build,
        &[
            &[
                "\nnpm err!",
                "\nnpm error",
                "err_pnpm_",
                "yn0035",
                "pip._vendor",
                "gem::remotefetcher",
                "bundler::httperror",
            ],
            NETWORK_TROUBLE,
        ],
    ),
    passes(
        "Node.js could not be downloaded",
        Build,
        &[&["\nerror: failed to download node-v"]],
    ),
    // A negative code is a signal: the reader itself crashed.
    passes(
        "Cloudflare's build system crashed on the configuration file",
        Build,
        &[&["\nfailed: unable to read wrangler"], &["with code: -"]],
    ),
    passes(
        "publish failed: internal error at Cloudflare",
        Anywhere,
        &[
            &[
                "failed to publish your function.",
                "failed to publish assets",
            ],
            &["unknown internal error"],
        ],
    ),
    passes(
        "upload failed: the Cloudflare API answered with an error",
        Anywhere,
        &[&["/pages/assets/"], &["-> 429", "-> 5"]],
    ),
    // Lines that only say that something broke.
    stays(
        "the Wrangler configuration file could not be read",
        "correct the configuration file",
        Anywhere,
        &[&["\nfailed: unable to read wrangler"]],
    ),
    stays(
        "publish failed: Cloudflare refused the Functions",
        "correct what the error names: the code, a binding or the compatibility date",
        Anywhere,
        &[&["failed to publish your function. got error:"]],
    ),
    stays(
        "the tools or dependencies could not be installed",
        "install them locally with the same versions to see why",
        Build,
        &[&[
            "\nfailed: error occurred while installing",
            "\nfailed: error while installing",
        ]],
    ),
    stays(
        "the build command failed",
        "correct what the log names; the build command can be run locally too",
        Anywhere,
        &[
            &["\nfailed: ", "\nerror: command \""],
            &[
                "build command exited with",
                "while executing user command",
                "while running build command",
                "\" exited with",
            ],
        ],
    ),
    stays(
        "the submodules could not be fetched",
        "check .gitmodules, and that each submodule is public or readable",
        BeforeBuild,
        &[&["\nfailed: error occurred while updating repository submodules"]],
    ),
    stays(
        "the repository could not be fetched, and the log does not say why",
        "check the Git connection in the project's build settings",
        BeforeBuild,
        &[&["\nfailed: error occurred while fetching repository"]],
    ),
    passes(
        "upload failed",
        Anywhere,
        &[&[
            "\nfailed: error uploading static assets",
            "\nfailed: upload process exited",
            "failed to upload files. please try again",
        ]],
    ),
    passes(
        "internal error at Cloudflare",
        Anywhere,
        &[&[
            "\nfailed: an internal error occurred",
            "\nfailed: internal error",
            "\nfailed: unknown internal error",
            "\nerror: unknown internal error",
            "\nunknown internal error occurred",
            "\ninternal error\n",
        ]],
    ),
];

/// A cause that stays until somebody acts on the advice.
const fn stays(reason: &'static str, advice: &'static str, place: Place, signs: Signs) -> Rule {
    Rule {
        is_transient: false,
        reason,
        advice: Some(advice),
        place,
        signs,
    }
}

/// A cause that may be gone at the next attempt.
const fn passes(reason: &'static str, place: Place, signs: Signs) -> Rule {
    Rule {
        is_transient: true,
        reason,
        advice: None,
        place,
        signs,
    }
}

/// Bare numbers are left out: `503 packages` is not an answer.
const NETWORK_TROUBLE: &[&str] = &[
    "etimedout",
    "esockettimedout",
    "econnreset",
    "eai_again",
    "err_socket_timeout",
    "socket hang up",
    "socket timeout",
    "timed out",
    "i/o timeout",
    "tls handshake timeout",
    "connection reset",
    "temporary failure in name resolution",
    "could not resolve host",
    "internal server error",
    "bad gateway",
    "service unavailable",
    "gateway time",
    "too many requests",
    "code e429",
    "code e50",
    "err_pnpm_fetch_429",
    "err_pnpm_fetch_50",
    "http error 50",
    "status code 50",
    "response code: 50",
    "got 500",
    "got 502",
    "got 503",
    "got 504",
    " - 500",
    " - 502",
    " - 503",
    " - 504",
];

/// The build system's own lines that open a step. All that came before one
/// did not end the build.
pub(super) const STEPS: &[&str] = &[
    "\ninitializing build environment",
    "\nsuccess: finished ",
    "\ncloning repository...",
    "\nusing v2 root directory strategy",
    "\nrestoring from ",
    "\nchecking for configuration in a ",
    "\nno wrangler",
    "\ndetected the following tools from environment",
    "\ninstalling project dependencies:",
    "\ninstalling dependencies\n",
    "\nexecuting user command:",
    "\nno build command specified",
    "\nfound functions directory",
    "\nnote: no functions dir",
    "\nvalidating asset output directory",
    "\ndeploying your site to",
];

/// A trouble that the tool says it got over, or will try to.
pub(super) const NOT_THE_END: &[&str] = &[
    "warn ",
    "warning",
    "will retry",
    "retrying",
    "tries remaining",
    "retries left",
];
