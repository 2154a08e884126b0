//! Go, Rust, PHP, .NET, Java, Dart, Elm as build tools of sites.
//!
//! Sources: `cmd/go`, `rustc` and Cargo, Composer's `Problem.php`, the .NET
//! SDK, Maven and Gradle, Flutter.

use super::{Rank, Rule, permanent, refused};

pub(super) const RULES: &[Rule] = &[
    refused(
        "a Go module or its version does not exist or is not accessible",
        "correct the module's path or version in go.mod; for a private module set GOPRIVATE and give the build access",
        &[
            "^go: *404 not found",
            "410 gone",
            "invalid version: unknown revision",
            "unknown revision",
            "no matching versions for query",
            "module lookup disabled",
            "^go: *: reading *: 404",
            "malformed module path",
            "cannot find module providing package",
            "no required module provides package",
            "is not in std",
            "module * found (*), but does not contain package",
        ],
    )
    .with(&["go: ", "go.mod", "go get", "module", "no required module", "is not in std"]),
    refused(
        "the checksum of a Go module does not fit go.sum",
        "run `go mod tidy` locally and commit go.sum",
        &["verifying *: checksum mismatch", "missing go.sum entry", "checksum mismatch", "updates to go.mod needed", "go: updates to go.sum needed", "inconsistent vendoring"],
    )
    .with(&["go.sum", "go.mod", "go: ", "verifying "]),
    refused(
        "the Go version is too old for a module",
        "set GO_VERSION to the version that go.mod names",
        &["go.mod requires go >=", "requires go >=", "invalid go version", "note: module requires go", "toolchain not available", "unknown directive: toolchain"],
    ),
    permanent(
        "the Go code does not compile",
        "correct the code that the log names",
        &[".go:*: undefined:", ".go:*: syntax error", ".go:*: cannot use", ".go:*: declared and not used", ".go:*: ", "^undefined: "],
    )
    .with(&["^# ", ".go:"])
    .rank(Rank::Fault),
    refused(
        "a crate or its version does not exist, or Cargo.toml or Cargo.lock is missing or does not fit",
        "correct the version in Cargo.toml and commit Cargo.lock",
        &["no matching package named",
            "could not find `cargo.toml` in", "failed to select a version for", "the lock file * needs to be updated but --locked", "checksum for * changed between lock files", "no matching package found", "is not supported by this version of cargo", "cannot update the lock file", "lock file version * requires"],
    ),
    permanent(
        "the Rust version is too old for a crate",
        "set the toolchain (rust-toolchain.toml, RUST_VERSION) to the version that the log names",
        &["requires rustc", "is not supported by the following package", "rustc * is not supported", "feature `edition2024` is required", "feature `edition20"],
    )
    .rank(Rank::Refused),
    permanent(
        "the Rust code does not compile",
        "correct the code that the log names",
        &["^error[e0", "could not compile `"],
    ),
    permanent(
        "the Rust target or wasm tool is not installed",
        "add the target in the build command (`rustup target add wasm32-unknown-unknown`), or install the tool",
        &["can't find crate for `core`", "can't find crate for `std`", "the `wasm32-unknown-unknown` target may not be installed", "linker `cc` not found"],
    )
    .rank(Rank::Refused),
    refused(
        "Composer cannot resolve the dependencies, or composer.lock does not fit",
        "correct the versions in composer.json or set PHP_VERSION, run `composer update` locally and commit composer.lock",
        &[
            "your requirements could not be resolved to an installable set",
            "your lock file does not contain a compatible set",
            "root composer.json requires",
            "is locked to version * and an update of this package was not requested",
            "could not find a matching version of package",
            "could not find package",
            "requires php ",
            "requires ext-",
            "the lock file is not up to date",
        ],
    )
    .with(&["composer", "php", "packages/", "problem 1", "requirements"]),
    permanent(
        "the PHP code of the build throws an error",
        "correct the code that the log names, or set PHP_VERSION",
        &["php fatal error:", "php parse error:", "^fatal error: uncaught", "^parse error: "],
    ),
    permanent(
        "the .NET project does not compile or restore",
        "correct what the log names, or install the SDK version that the project needs",
        &["error cs", "error nu1", "error msb", "error netsdk", "a compatible .net sdk was not found", "the sdk '*' specified could not be found"],
    ),
    permanent(
        "the Java, Kotlin or Gradle build failed: error in the code or the configuration",
        "correct what the log names",
        &["compilation failure", "execution failed for task", "build failure", "unsupportedclassversionerror", "could not resolve dependencies for project"],
    )
    .with(&["maven", "gradle", "[error]", "task ':", "java"])
    .rank(Rank::Symptom),
    permanent(
        "the Flutter or Dart code does not compile or its packages do not fit",
        "correct pubspec.yaml or the code that the log names",
        &["version solving failed.", "because * depends on * sdk", "pub get failed", "error: compilation failed", "target dart2js failed"],
    )
    .with(&["flutter", "dart", "pub "]),
];
