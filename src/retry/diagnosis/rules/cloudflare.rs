//! Cloudflare's own messages: publishing, upload, faults of its own, and its
//! API as Wrangler reports it.
//!
//! Sources: Cloudflare's build system as shown in public threads, its
//! documentation of debugging Pages, and Wrangler (`workers-sdk`,
//! `packages/wrangler/src`: `pages`, `cfetch`, `deploy`, `config`).

use super::{Cause, Rank, Rule, permanent, refused, transient};

const AGAIN: &str = "run it again later; if it recurs, check https://www.cloudflarestatus.com for an incident and contact Cloudflare's support";

pub(super) const RULES: &[Rule] = &[
    // Publishing, refused.
    refused(
        "publish failed: the Function uses a Node.js API or module that the Workers runtime does not have",
        "add the nodejs_compat compatibility flag, or remove the Node.js code from the Function",
        &[
            "got error: * process is not defined",
            "got error: * messagechannel is not defined",
            "got error: * require is not defined",
            "got error: * buffer is not defined",
            "got error: * __dirname is not defined",
            "got error: * no such module",
            "got error: * dynamic require of",
            "got error: * is not implemented yet",
            "error: no such module \"",
        ],
    ),
    refused(
        "publish failed: a binding of the project names something that does not exist",
        "correct the binding (KV, D1, R2, Durable Object, service) in the project's settings or in the Wrangler configuration file",
        &[
            "got error: * binding",
            "got error: * bucket",
            "got error: * namespace",
            "[code: 10041]",
            "[code: 10085]",
            "[code: 10181]",
            "[code: 10143]",
            "[code: 10144]",
            "kv namespace * not found",
            "kv namespace * is not valid",
            "r2 bucket * not found",
            "d1 database * not found",
            "couldn't find a d1 db",
            "could not find service binding",
            "cannot apply new-class migration",
            "cannot create binding",
            "durable object * not exported",
            "workers.api.error.service_binding",
        ],
    ),
    transient(
        "publish failed: internal error at Cloudflare",
        AGAIN,
        &[
            "failed to publish your function* unknown error",
            "failed to publish your function* unknown internal error",
            "failed to publish your function* internal error",
            "failed to publish your function* internal server error",
            "failed to publish your function* service unavailable",
            "failed to publish your function* timed out",
            "failed to publish your function* timeout",
            "failed to publish your function* network connection lost",
            "failed to publish your function* please try again",
            "failed to publish your function* error code: 5",
            "failed to publish assets*unknown",
            "failed to publish assets*internal",
            "failed to publish assets*error code: 5",
            "failed to publish assets*timed out",
            "failed to publish assets$",
        ],
    )
    .cause(Cause::InternalError),
    refused(
        "publish failed: Cloudflare refused the Functions",
        "correct what the error names: the code, a binding or the compatibility date and flags (such as nodejs_compat)",
        &[
            "failed to publish your function. got error:",
            "^got error: ",
            "failed to publish your function",
            "[code: 10021]",
            "uncaught * functionsworker",
            "script startup exceeded cpu time limit",
            "compatibility date * in the future",
            "no such compatibility flag",
            "could not find compatibility flag",
        ],
    )
    .rank(Rank::Fault),
    // Publishing with wrangler, refused.
    refused(
        "wrangler deploy found no entry point or assets: the Worker's script or assets directory is missing",
        "set main or assets.directory in the Wrangler configuration file to what the build creates, or run the build command first; for a Pages project use `wrangler pages deploy`",
        &[
            "missing entry-point",
            "the entry-point file at * was not found",
            "entry-point file",
            "the directory specified by the \"assets.directory\" * does not exist",
            "the directory specified by the * does not exist",
            "assets directory * does not exist",
            "could not detect a directory containing static files",
            "it looks like you've run a workers-specific command in a pages project",
            "no environment found in configuration with name",
        ],
    ),
    refused(
        "wrangler is not authenticated: the API token is missing or lacks a permission",
        "correct CLOUDFLARE_API_TOKEN and its permissions in the build's variables",
        &[
            "authentication error [code: 10000]",
            "in a non-interactive environment, it's necessary to set a cloudflare_api_token",
            "unable to authenticate request",
            "invalid access token [code: 9109]",
            "invalid request headers [code: 6003]",
            "not logged in",
            "[code: 10000]",
            "[code: 9106]",
            "more than one account available but unable to select one",
        ],
    ),
    refused(
        "the Worker, project or account that wrangler names does not exist",
        "correct the name and the account id in the Wrangler configuration file or the deploy command",
        &[
            "project not found. the specified project name does not match",
            "[code: 8000007]",
            "[code: 10007]",
            "[code: 7003]",
            "this worker does not exist",
            "workers.api.error.script_not_found",
            "failed to match worker name",
        ],
    ),
    // Cloudflare's own faults.
    transient(
        "internal error at Cloudflare: its API answered with an error",
        AGAIN,
        &[
            "/pages/assets/* -> 5",
            "/pages/assets/* -> 429",
            "-> 500 internal server error",
            "-> 502 bad gateway",
            "-> 503 service",
            "-> 504 gateway",
            "-> 520",
            "-> 521",
            "-> 522",
            "-> 523",
            "-> 524",
            "-> 525",
            "-> 530",
            "-> 429 too many",
            "received a malformed response from the api",
            "workers.api.error.unknown",
            "workers.api.error.internal",
            "workers.api.error.service_unavailable",
            "workers.api.error.*timeout",
            "[code: 10013]",
            "[code: 10001]",
            "[code: 971]",
            "[code: 7010]",
            "[code: 8000000]",
            "service unavailable [code:",
            "internal server error [code:",
            "internal error [code:",
            "too many requests [code:",
            "an unknown error occurred [code:",
            "temporarily unavailable*[code:",
            "[code: 10024]",
            "a request to the cloudflare api * internal",
            "consider throttling your request rate",
            "the process is being rate limited",
            "a fetch request failed, likely due to a connectivity issue",
            "^[error] fetch failed",
            "^failed to fetch /accounts/* 5",
            "^error code: 52",
            "^error code: 50",
            "an unknown error has occurred. if this problem persists",
            "unknown error while * cloudflare",
            "upstream connect error or disconnect",
            "cloudflare api * 50",
            "api.cloudflare.*econnreset",
            "api.cloudflare.*etimedout",
            "api.cloudflare.*eai_again",
            "api.cloudflare.*timed out",
            "api.cloudflare.*fetch failed",
        ],
    ),
    transient(
        "upload failed: the assets could not be sent to Cloudflare",
        AGAIN,
        &[
            "failed to upload files. please try again",
            "failed to upload files",
            "error uploading static assets",
            "^upload failed",
            "upload of * asset* failed",
            "asset upload failed",
            "^failed: upload process exited",
        ],
    )
    .rank(Rank::Doubtful),
    transient(
        "Cloudflare could not start the build",
        AGAIN,
        &[
            "^failed: unable to submit build job",
            "unable to submit build job",
            "^failed: build could not be started",
            "^failed: unable to start",
            "^failed: error initializing build environment",
            "^failed: error occurred while initializing",
            "^failed: initializing build environment",
        ],
    )
    .cause(Cause::InternalError),
    // A negative code is a signal: the reader itself crashed.
    transient(
        "internal error at Cloudflare: its build system crashed on the configuration file",
        AGAIN,
        &["^failed: unable to read wrangler* with code: -"],
    ),
    permanent(
        "the Wrangler configuration file could not be read",
        "correct the syntax of the Wrangler configuration file (wrangler.toml or wrangler.jsonc)",
        &["^failed: unable to read wrangler"],
    )
    .rank(Rank::Symptom),
    permanent(
        "wrangler could not deploy: the deploy command failed",
        "correct what the lines above name: the Wrangler configuration, the token or the deploy command",
        &["^failed: error occurred while running deploy command"],
    )
    .rank(Rank::Wrapper),
    permanent(
        "the tools or dependencies could not be installed",
        "install them locally with the same versions to see why, then correct the version files or the lock file",
        &["^failed: error occurred while installing", "^failed: error while installing"],
    )
    .rank(Rank::Wrapper),
    permanent(
        "the build command failed",
        "run the build command locally with the same versions, and correct what the lines above name",
        &[
            "^failed: * build command exited with",
            "^failed: build command exited with",
            "^failed: error while executing user command",
            "^failed: error occurred while running build command",
            "^failed: error while running build command",
            "^error: command \"*\" exited with",
        ],
    )
    .rank(Rank::Wrapper),
    transient(
        "internal error at Cloudflare",
        AGAIN,
        &[
            "^failed: an internal error occurred",
            "^failed: internal error",
            "^failed: unknown internal error",
            "^error: unknown internal error",
            "^unknown internal error occurred",
            "^an internal error occurred",
            "^internal error$",
            "^internal error occurred",
            "^internal server error$",
            "unknown internal error occurred",
        ],
    )
    .cause(Cause::InternalError)
    .rank(Rank::LastResort),
];
