//! Python, pip, Poetry, uv, `MkDocs`, Sphinx, Pelican.
//!
//! Sources: pip (`_internal/exceptions.py`), setuptools, Poetry, uv, `MkDocs`
//! (`mkdocs/exceptions.py`, `config/base.py`), Sphinx, `CPython`.

use super::{Rank, Rule, permanent, refused};

pub(super) const RULES: &[Rule] = &[
    refused(
        "a Python package or its version does not exist, or does not fit the Python version",
        "correct the version in requirements.txt or pyproject.toml, or set PYTHON_VERSION to a version that the package supports",
        &[
            "could not find a version that satisfies",
            "no matching distribution found",
            "because there is no version of",
            "no solution found when resolving",
            "^× no solution found",
            "version solving failed",
            "requires a different python",
            "requires-python",
            "package '*' requires a different python",
            "is not supported by this python",
            "requires python >",
            "depends on * doesn't match any versions",
            "was not found in the package registry",
        ],
    ),
    refused(
        "Python dependencies conflict with each other (not resolvable)",
        "loosen or correct the versions in requirements.txt or pyproject.toml that the log names",
        &["because these package versions have conflicting dependencies", "conflicting dependencies", "resolutionimpossible"],
    ),
    refused(
        "pip cannot build the repository as a Python package: several top-level packages were found",
        "remove pyproject.toml or setup.py if the site is no Python package, or name the packages in pyproject.toml; list dependencies in requirements.txt",
        &["multiple top-level packages discovered", "multiple top-level modules discovered", "neither 'setup.py' nor 'pyproject.toml' found", "does not appear to be a python project"],
    ),
    refused(
        "the lock file of the Python project does not fit pyproject.toml",
        "run `poetry lock` or `uv lock` locally and commit the lock file",
        &["poetry.lock is not up to date", "pyproject.toml changed significantly since poetry.lock", "lockfile at `uv.lock` needs to be updated", "pipfile.lock * out of date", "hashes are required in --require-hashes", "do not match the hashes from the requirements file"],
    ),
    permanent(
        "a Python package could not be built (wheel or compiler error)",
        "use a version of the package that has a wheel for this Python version, or change PYTHON_VERSION",
        &[
            "failed building wheel for",
            "could not build wheels for",
            "failed to build installable wheels",
            "error: subprocess-exited-with-error",
            "metadata-generation-failed",
            "error: command '*gcc' failed",
            "error: metadata-generation-failed",
            "no module named 'distutils'",
            "has no attribute 'impimporter'",
            "failed to build `",
            "cannot import 'setuptools.build_meta'",
        ],
    ),
    permanent(
        "a Python module is not installed (module not found)",
        "add the package to requirements.txt or pyproject.toml, and check that the build installs it",
        &["modulenotfounderror: no module named", "importerror: no module named", "importerror: cannot import name", "no module named "],
    ),
    permanent(
        "requirements.txt or another file that pip needs was not found or is not valid",
        "correct the path or the line in requirements.txt, or the root directory in the project's build settings",
        &["could not open requirements file", "invalid requirement:", "error: invalid requirement"],
    )
    .rank(Rank::Refused),
    permanent(
        "the configuration of MkDocs is not valid or a plugin or theme is not installed",
        "correct mkdocs.yml, and add the plugin or theme to requirements.txt",
        &["the \"*\" plugin is not installed", "plugin is not installed", "unrecognised theme name", "config value '*': ", "config value: '", "config file 'mkdocs.yml' does not exist", "aborted with * configuration error"],
    )
    .rank(Rank::Refused),
    permanent(
        "MkDocs or Sphinx stops at warnings (strict mode): a link or page is wrong",
        "correct the links and pages that the log names, or build without the strict mode",
        &["?aborted with * warnings in strict mode", "warning, treated as error", "?warning -  doc file", "aborted with * warnings"],
    )
    .with(&["strict mode", "treated as error", "aborted with"]),
    permanent(
        "the Python code of the build has a syntax error",
        "correct the code that the log names, or set PYTHON_VERSION to a version that knows this syntax",
        &["syntaxerror: invalid syntax", "indentationerror:", "taberror:", "syntaxerror: unterminated", "syntaxerror: '*' was never closed", "syntaxerror: f-string"],
    ),
    permanent(
        "a script of the build throws an exception (Python)",
        "correct the code or the data that the log names",
        &["^attributeerror:", "^typeerror: *argument", "^valueerror:", "^keyerror:", "^filenotfounderror:", "^nameerror:", "^assertionerror", "^runtimeerror:", "^indexerror:", "^unicodedecodeerror", "^typeerror: ", "^zerodivisionerror", "^oserror:", "^exception:"],
    )
    .with(&["traceback (most recent call last)", "file \"*\", line "]),
];
