//! The project at Cloudflare: directories, configuration files, Functions that
//! do not compile.
//!
//! Sources: Cloudflare's build system as shown in public threads, its
//! documentation of debugging Pages, and Wrangler (`workers-sdk`,
//! `packages/wrangler/src`: `pages`, `config`), esbuild.

use super::{Rank, Rule, permanent, refused};

pub(super) const RULES: &[Rule] = &[
    // Settings.
    refused(
        "the root directory was not found",
        "correct the root directory in the project's build settings",
        &["^failed: root directory not found", "root directory * not found", "^failed: root directory"],
    ),
    permanent(
        "the build's output directory was not found",
        "correct the output directory in the project's build settings (dist, build, out, public, _site …), or the build command that should fill it",
        &[
            "output directory \"*\" not found",
            "output directory * not found",
            "output directory * does not exist",
            "enoent: no such file or directory, scandir '/opt/buildhome/repo/",
        ],
    ),
    permanent(
        "the build's output directory was not found, because no build command is set",
        "set the build command and the output directory in the project's build settings",
        &["output directory \"*\" not found", "output directory * not found", "^no build command specified"],
    )
    .rank(Rank::Refused)
    .with(&["^no build command specified", "no build command"])
    .without(&["^executing user command"]),
    refused(
        "the output directory contains symbolic links that cannot be followed",
        "let the build write real files instead of links into the output directory, or choose the directory that the link names as the output directory",
        &["output directory contains links", "contains links to files that can't be accessed"],
    ),
    permanent(
        "the output directory is empty",
        "correct the build command or the output directory in the project's build settings",
        &["output directory * is empty", "no files to upload", "no files found to upload"],
    ),
    refused(
        "the Wrangler configuration file is not valid",
        "correct or remove the entry that the log names in the Wrangler configuration file (wrangler.toml)",
        &[
            "configuration file for pages projects does not support",
            "^- configuration file",
            "missing top-level field",
            "^- expected \"",
            "^- the field \"*\" should be",
            "^- unexpected fields found in top-level field",
            "contains an invalid \"pages_build_output_dir\"",
            "parseerror: * wrangler",
            "invalidsymbol",
            "can't redefine existing key",
            "expected \"=\"*toml",
            "running configuration file validation",
            "processing wrangler configuration",
            "processing wrangler.toml configuration",
            "could not parse wrangler",
        ],
    )
    .without(&["missing entry-point", "entry-point file"])
    .rank(Rank::Fault),
    refused(
        "_redirects, _headers or _routes.json is not valid",
        "correct the file that the log names",
        &[
            "invalid _redirects",
            "invalid _headers",
            "invalid _routes.json",
            "_routes.json * invalid",
            "functions routing rules * invalid",
            "infinite loop detected in this rule",
        ],
    ),
    // Functions.
    refused(
        "a Node.js module is bundled into the Function without the nodejs_compat flag",
        "add the nodejs_compat compatibility flag (and a recent compatibility date) in the project's settings or in wrangler.toml",
        &[
            "?the package \"*\" wasn't found on the file system but is built into node",
            "?unless you enable the \"nodejs_compat\"",
            "no such module \"node:",
        ],
    )
    .with(&["^failed: generating pages functions", "^failed building pages functions", "build failed with", "[code: 10021]", "publish your function", "deploy command"])
    .rank(Rank::Fault),
    permanent(
        "the Functions do not compile: an import could not be resolved",
        "install the dependencies and run the build command before the Functions are bundled, or correct the import that the log names",
        &["could not resolve \"", "no matching export in"],
    )
    .with(&["pages functions", "functionsworker", "/functions/"]),
    permanent(
        "the Functions do not compile",
        "correct the code in the functions directory that the log names",
        &[
            "functions/*: error:",
            "[error] expected ",
            "[error] unexpected ",
            "[error] syntax error",
            "[error] the jsx syntax extension",
            "error: the jsx syntax extension",
            "[error] no loader is configured",
            "[error] top-level await",
        ],
    )
    .with(&["generating pages functions", "building pages functions"]),
    permanent(
        "the Functions do not compile",
        "correct the code in the functions directory that the lines above name",
        &["^failed: generating pages functions failed", "^failed building pages functions"],
    )
    .rank(Rank::Symptom),
];
