//! Node.js itself, and exceptions of scripts that it runs.
//!
//! Sources: Node.js (`lib/internal/errors.js`, `lib/internal/modules`), V8's
//! messages, Deno.

use super::{Rank, Rule, permanent};

pub(super) const RULES: &[Rule] = &[
    permanent(
        "an ES module and a CommonJS module do not fit together in the code or configuration",
        "set \"type\" in package.json, or rename the file to .mjs or .cjs, as the log says",
        &[
            "require() of es module",
            "cannot use import statement outside a module",
            "module is not defined in es module scope",
            "require is not defined in es module scope",
            "exports is not defined in es module scope",
            "__dirname is not defined in es module scope",
            "unexpected token 'export'",
            "must use import to load es module",
            "err_require_cycle_module",
            "named export '*' not found. the requested module",
            "err_unsupported_dir_import",
            "err_import_assertion",
            "err_import_attribute_missing",
        ],
    )
    .rank(Rank::Refused),
    permanent(
        "NODE_OPTIONS or a command line option is not accepted by Node.js",
        "correct NODE_OPTIONS in the build's environment variables or the option in the build script",
        &["is not allowed in node_options", "^node: bad option", "/node: bad option", "node: *--*requires an argument"],
    )
    .rank(Rank::Refused),
    permanent(
        "a file that a script of the build reads does not exist",
        "correct the path in the script or configuration: names are case-sensitive on Linux, and the file has to be in the repository",
        &["could not find prisma schema", "enoent: no such file or directory", "enoent", "err_invalid_file_url", "enotdir", "eisdir", "no such file or directory"],
    )
    .rank(Rank::Doubtful)
    .without(&["npm error enoent", "spawn "]),
    permanent(
        "the code or a script throws an exception",
        "correct the code or script that the log names, and check the variables or token and the data that it reads",
        &[
            "^typeerror: ",
            "^referenceerror: ",
            "^rangeerror: ",
            "^uncaught ",
            "uncaught exception",
            "unhandledpromiserejection",
            "err_unhandled_rejection",
            "unhandled rejection",
            "unhandled error",
            "typeerror: ",
            "referenceerror: ",
            "rangeerror: ",
            "is not a function",
            "is not defined",
            "cannot read propert",
            "segmentation fault",
            "core dumped",
            "maximum call stack",
            "panicked at",
            "traceback (most recent call last)",
        ],
    )
    .rank(Rank::Symptom),
];
