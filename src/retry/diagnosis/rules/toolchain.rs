//! The tools that a build installs first: Node.js, Python, Ruby, Go, Hugo,
//! and the programs that install them.
//!
//! Sources: Cloudflare's build image (asdf with node-build, python-build and
//! ruby-build), nvm (`nvm.sh`), mise and its plugins, Volta
//! (`crates/volta-core/src/error`), fnm, corepack (`sources/httpUtils.ts`),
//! rustup, Netlify's older build image.

use super::{Rank, Rule, refused, transient};

const AGAIN: &str = "run it again later; if it recurs, check the status page of the server that the log names, or choose a version that the build image contains";

pub(super) const RULES: &[Rule] = &[
    refused(
        "a Node.js version was given to Python (runtime.txt names the Python version)",
        "remove runtime.txt or write a Python version into it, and set NODE_VERSION or .node-version for Node.js",
        &["python node-", "python@node-"],
    ),
    refused(
        "the Python version does not exist or is not available in the build image",
        "set PYTHON_VERSION, runtime.txt or .python-version to a version of Python that exists",
        &[
            "error setting python version from",
            "python-build: definition not found",
            "pyenv: version `*' is not installed",
            "pythonpython-*no such file or directory",
            "requested python version (*) is not installed",
            "asdf * python * not installed",
            "^error: no interpreter found for python",
            "no version of python * was found",
            "could not find python version",
        ],
    ),
    refused(
        "the Ruby version does not exist or is not available in the build image",
        "set RUBY_VERSION or .ruby-version to a version of Ruby that exists and that the build image knows",
        &[
            "version not found",
            "ruby-build: definition not found",
            "rbenv: version `*' is not installed",
            "your ruby version is *, but your gemfile specified",
            "ruby * is not installed",
            "unknown ruby interpreter version",
        ],
    )
    .with(&["ruby"]),
    refused(
        "the Hugo version does not exist or is not available",
        "set HUGO_VERSION to a version of Hugo that exists",
        &["error: failed to download hugo", "hugo * version not found", "installing hugo * failed"],
    )
    .with(&["404", "not found", "version"]),
    refused(
        "the Node.js version does not exist or is not available",
        "set NODE_VERSION, .node-version or .nvmrc to a version of Node.js that exists, such as 22",
        &[
            "node-build: definition not found",
            "nvm ls-remote",
            "version '*' not found - try `nvm",
            "version \"*\" not found - try `nvm",
            "n/a: version",
            "could not find node version matching",
            "node version * could not be found",
            "no nodejs executable found",
            "can't find requested version",
            "error setting node version",
            "failed to parse *.nvmrc",
            "unknown node version",
            "no node version matching",
            "could not find a node version",
        ],
    ),
    refused(
        "the version of a tool does not exist or is not available in the build image",
        "set the version in the build's environment variables or in .tool-versions to one that exists",
        &[
            "definition not found:",
            "^version not found",
            "unknown version",
            "version * is not available",
            "no compatible versions available",
            "not a valid version",
            "no versions found for",
            "no version matching",
            "mise error * 404",
            "no such version",
            "error * version * not found",
        ],
    )
    .with(&["asdf", "mise", "installing ", "detected the following tools", "volta", "definition not found", "tool"]),
    refused(
        "no version is set for a tool that the build command calls: it is not installed",
        "set the tool's version in the build's environment variables (such as HUGO_VERSION, BUN_VERSION, GO_VERSION), or install it in the build command",
        &["no preset version installed for command", "no version is set for command", "no version set for command", "is not installed. to install it, run: asdf", "unknown command: * perhaps you have to reshim"],
    ),
    refused(
        "the package manager that corepack should run is not accepted (signature or checksum)",
        "set packageManager in package.json to a current version, or use a newer Node.js (NODE_VERSION) with a newer corepack",
        &["cannot find matching keyid", "mismatch hashes. expected", "signature does not match"],
    ),
    refused(
        "the version of the package manager that corepack should run does not exist",
        "correct the packageManager entry in package.json",
        &["server answered with http 404 when performing the request", "server answered with http 403 when performing the request"],
    ),
    transient(
        "tool download failed: network error while corepack fetched the package manager",
        AGAIN,
        &[
            "error when performing the request to http",
            "error when performing the request",
            "server answered with http 5* when performing the request",
            "server answered with http 429 when performing the request",
        ],
    ),
    refused(
        "the downloaded tool does not exist (404): the version is wrong or not made for this platform",
        "set the version in the build's environment variables or version file to one that exists",
        &["could not download *404", "failed to download *404", "error: failed to download node-v*404", "download failed*404", "http status client error (404", "curl: (22) * 404", "the requested url returned error: 404"],
    )
    .with(&["installing ", "nvm", "asdf", "mise", "volta", "fnm", "node-build", "download"])
    .without(&["unable to access", "fatal:", "crates"]),
    transient(
        "tool download failed: Node.js could not be downloaded (network error)",
        AGAIN,
        &[
            "error: failed to download node-v",
            "^error: failed to download node",
            "failed to download node",
            "binary download from http*nodejs* failed",
            "binary download failed, trying source",
            "binary download failed",
            "could not download node",
            "error: could not download node",
            "could not fetch node version registry",
            "could not download index of node",
            "couldn't download node",
            "downloading and installing node v*curl: (",
            "nvm: *failed to download",
            "node-v*: checksum mismatch",
            "checksum mismatch: node-v",
            "checksums do not match: ",
            "provided file to checksum does not exist",
            "curl: (*nodejs.",
            "nodejs.*econnreset",
            "nodejs.*etimedout",
            "nodejs.*timed out",
            "nodejs.*error sending request",
            "nodejs.*50",
            "failed to install core:node",
            "failed to install node@",
            "failed to install nodejs",
            "unable to download node",
        ],
    )
    .without(&["404", "not found", "no such version", "definition not found"]),
    transient(
        "tool download failed: network error while a tool was downloaded",
        AGAIN,
        &[
            "http status client error (403*api.github",
            "http timed out after",
            "mise error*http status server error",
            "mise error*error sending request",
            "mise error*operation timed out",
            "mise error*timed out",
            "mise error*connection",
            "mise*http status server error (5",
            "mise*http status client error (429",
            "mise*error sending request for url",
            "mise*rate limit",
            "github rate limit exceeded",
            "mise error*http status client error (403*api.github",
            "403 rate limit exceeded",
            "could not fetch latest version",
            "volta error: could not",
            "error: failed to download",
            "^asdf: * could not download",
            "* fail: could not download",
            "error: can't download",
            "failed to download hugo",
            "failed to download ruby",
            "failed to download python",
            "failed to download go",
            "failed to download bun",
            "failed to download zola",
            "fatal: the requested url returned error: 5",
            "^curl: (5",
            "^curl: (6) could not resolve host: g",
            "^curl: (7) failed to connect to",
            "^curl: (18) ",
            "^curl: (28) ",
            "^curl: (35) ",
            "^curl: (92) ",
            "^curl: (22) * 5",
            "^curl: (22) * 429",
            "^wget: *timed out",
            "error 502: bad gateway",
            "error 503: service",
            "error 504: gateway",
            "http request sent, awaiting response... 5",
            "^gzip: stdin: unexpected end of file",
            "^tar: unexpected eof in archive",
            "^gzip: stdin: not in gzip format",
            "^xz: *unexpected end of input",
            "checksum mismatch: *.tar",
        ],
    )
    .without(&["404", "no such version", "version not found", "definition not found", "playwright", "cypress", "localhost", "127.0.0.1"]),
    transient(
        "download failed: network error while a file or tool was downloaded",
        AGAIN,
        &[
            "could not download ",
            "error: failed to fetch http",
            "^failed to download http",
            "^error: download failed",
            "^error: unable to download",
            "^download failed",
            "download failed for http",
        ],
    )
    .rank(Rank::Doubtful)
    .without(&["404", "403", "401", "no such version", "not found"]),
    refused(
        "a tool could not be built from its sources",
        "choose a version that the build image has ready, in the build's environment variables",
        &["^build failed (", "the python ssl extension was not compiled", "configure: error:", "bin/install: line"],
    )
    .with(&["python-build", "ruby-build", "node-build", "asdf", "pyenv", "installing "])
    .rank(Rank::Fault),
];
