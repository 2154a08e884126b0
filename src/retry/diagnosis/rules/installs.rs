//! Scripts that packages of JavaScript run at install, and patches.
//!
//! Sources: npm's lifecycle scripts, pnpm's error codes, node-gyp,
//! patch-package, Yarn's error codes.

use super::{Rank, Rule, permanent, refused};

pub(super) const RULES: &[Rule] = &[
    refused(
        "pnpm stops because build scripts of dependencies are not approved",
        "run `pnpm approve-builds` locally and commit the result (onlyBuiltDependencies in pnpm-workspace.yaml), or set strictDepBuilds to false",
        &["err_pnpm_ignored_builds"],
    ),
    permanent(
        "a patch of a dependency could not be applied",
        "make the patch again for the installed version of the dependency, or remove the patch",
        &["err_pnpm_patch_not_applied", "err_pnpm_unused_patch", "patch-package finished with", "failed to apply patch for package", "err_pnpm_patch_failed", "yn0066"],
    ),
    permanent(
        "a native module could not be compiled during the install (node-gyp)",
        "use a version of the package that has a prebuilt binary for this Node.js version, or change NODE_VERSION",
        &["gyp err! build error", "gyp err! ", "npm err! gyp err!", "npm error gyp err!", "node-gyp rebuild"],
    )
    .rank(Rank::Fault),
    permanent(
        "a dependency is a Git repository that could not be read during the install",
        "check that the repository is public, or give the build access with an https address and a token",
        &["npm error code 128", "npm err! code 128", "npm err! git * ls-remote", "an unknown git error occurred", "exit code 128*git"],
    ),
    permanent(
        "a package's install script failed",
        "look at the package that the log names: update it, or check what its script needs",
        &["npm err! failed at the * install script", "npm err! * postinstall: `", "npm err! * install: `", "npm err! * preinstall: `", "npm error command sh -c", "npm err! command sh -c", "yn0009", "^error /*node_modules/*: command failed", "err_pnpm_prepare_pkg_failure", "err_pnpm_lifecycle", "* postinstall: failed", "^error: postinstall script from", "^error: install script from"],
    )
    .rank(Rank::Symptom),
];
