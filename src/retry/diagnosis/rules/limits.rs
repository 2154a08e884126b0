//! Memory, time, disk and the limits of Cloudflare Pages.
//!
//! Sources: Cloudflare's build system (`Failed: …`) and its documentation of
//! limits, Wrangler's `packages/wrangler/src/pages`, V8's and Go's runtime
//! messages, `strerror(3)`.

use super::{Cause, Rank, Rule, permanent};

pub(super) const RULES: &[Rule] = &[
    permanent(
        "the build took longer than the time limit that Cloudflare allows",
        "if it hung, run it again later; otherwise make the build faster (cache, fewer pages), or build in CI and upload with `wrangler pages deploy`",
        &[
            "^failed: build exceeded the time limit",
            "^failed: build exceeded the maximum",
            "build was terminated * time limit",
            "^failed: build timed out",
            "^build timed out",
            "exceeded the maximum build time",
        ],
    )
    .rank(Rank::Limit)
    .cause(Cause::TimeLimit),
    permanent(
        "the build ran out of memory",
        "let the build use less memory (NODE_OPTIONS=--max-old-space-size=4096, fewer parallel workers, no source maps), or build in CI and upload the result",
        &[
            "heap out of memory",
            "reached heap limit",
            "^failed: build exceeded memory limit",
            "exceeded * memory limit",
            "outofmemoryerror",
            "java heap space",
            "array buffer allocation failed",
            "memory allocation of * bytes failed",
            "std::bad_alloc",
            "fatal error: runtime: out of memory",
            "fatal: out of memory",
            "cannot allocate memory",
            "signal: killed",
            "signal: 9, sigkill",
            "signal sigkill",
            "signal \"sigkill\"",
            "oom-kill",
            "oomkilled",
            "^memoryerror",
            "err_worker_out_of_memory",
            "enomem",
            "^killed$",
            "line * killed ",
            "sigkill",
            "exit code 137",
            "exit code: 137",
            "exited with code 137",
            "exit status 137",
            "exited with error code: 137",
            "errno 137",
            "elifecycle * 137",
            "code: 137",
        ],
    )
    .rank(Rank::Limit),
    permanent(
        "the disk of the build is full",
        "let the build write less: clear its caches in the project's build settings and remove large files or dependencies",
        &["enospc*no space left", "no space left on device", "disk quota exceeded"],
    )
    .rank(Rank::Limit),
    permanent(
        "the build watches too many files (a development server or watch mode)",
        "replace the watch or serve command by the build command in the project's build settings",
        &["enospc: system limit for number of file watchers"],
    )
    .rank(Rank::Limit),
    permanent(
        "a file is larger than the 25 MiB limit of Cloudflare Pages",
        "make the file smaller, exclude it from the output directory, or serve it from R2",
        &[
            "pages only supports files up to",
            "assets only supports files up to",
            "asset too large",
            "is * in size*25 mib",
            "file * exceeds * 25 mib",
            "cloudflare workers supports assets with sizes of up to",
        ],
    )
    .rank(Rank::Refused),
    permanent(
        "the output has more files than the limit of Cloudflare Pages (20,000)",
        "publish fewer files: exclude what is not needed from the output directory, or move files to R2; paid plans may have a higher limit",
        &[
            "pages only supports up to",
            "supports up to 20,000 files",
            "maximum number of files",
            "more than 20000 files",
            "cloudflare workers supports up to * assets",
        ],
    )
    .rank(Rank::Refused),
    permanent(
        "the Functions or the Worker are larger than the size limit",
        "make the bundle smaller: remove large dependencies, load data from KV or R2, or use a plan with a higher limit",
        &[
            "pages functions bundle size (",
            "functions bundle size * over the limit",
            "worker exceeded the size limit",
            "script exceeds the size limit",
            "exceeded the script size limit",
            "workers.api.error.script_too_large",
            "[code: 10027]",
            "worker too large",
        ],
    )
    .rank(Rank::Refused),
    permanent(
        "the account has reached a limit of its plan (builds, projects or scripts)",
        "wait until the limit resets, remove what is not needed, or upgrade the plan",
        &[
            "monthly build limit",
            "builds per month",
            "exceeded the*number of builds",
            "reached the limit of * builds",
            "exceeded the limit of * scripts",
            "workers.api.error.too_many_scripts",
            "build minutes * exceeded",
            "exceeded * build minutes",
            "[code: 10037]",
        ],
    )
    .rank(Rank::Refused),
    permanent(
        "_redirects or _headers has more rules than the limit",
        "reduce the rules in the file, or use Bulk Redirects",
        &[
            "maximum number of rules supported is",
            "maximum number of dynamic rules",
            "maximum number of static rules",
            "header rules * limit",
            "redirect rules * limit",
        ],
    )
    .rank(Rank::Refused),
    permanent(
        "the output breaks a limit of Cloudflare Pages",
        "publish fewer or smaller files; the lines above name the limit",
        &["^failed: error occurred while validating assets", "over the limit of"],
    )
    .rank(Rank::Symptom),
];
