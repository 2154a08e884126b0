//! Unavailable registries of Python packages: all transient.
//!
//! Sources: pip (`_internal/network`) and its urllib3, Poetry, uv
//! (`crates/uv-client`).

use super::{Rank, Rule, transient};

const PY: &str = "run it again later; if it recurs, check PyPI's status page and the index address in the requirements or pip settings";

pub(super) const RULES: &[Rule] = &[
    transient(
        "install failed: network error from the package registry (pip could not reach it)",
        PY,
        &["?after connection broken by"],
    )
    .rank(Rank::Proven)
    .with(&[
        "could not find a version that satisfies",
        "no matching distribution found",
    ])
    .without(&[
        "connection broken by 'proxyerror",
        "certificate_verify_failed",
        "127.0.0.1",
        "localhost",
        "(from versions: 0",
        "(from versions: 1",
        "(from versions: 2",
    ]),
    transient(
        "install failed: network error from the package registry (PyPI)",
        PY,
        &[
            "pip._vendor.urllib3.exceptions.readtimeouterror",
            "pip._vendor.urllib3.exceptions.",
            "pip._vendor.requests.exceptions.connectionerror",
            "pip._vendor.requests.exceptions.",
            "pip._vendor.*readtimeout",
            "^error: http error 5* while getting",
            "^error: http error 429 while getting",
            "^error: could not install packages due to an oserror: httpsconnectionpool",
            "^error: could not install packages due to an environmenterror: httpsconnectionpool",
            "^error: could not install packages due to an oserror: *max retries exceeded",
            "^error: could not install packages due to an oserror: *connection",
            "^error: could not install packages due to an oserror: 5",
            "error: *pip*http error 5",
            "incomplete-download",
            "download failed because not enough bytes were received",
            "^error: connection* pypi",
            "^httpsconnectionpool(host='pypi",
            "^httpsconnectionpool(host='files.",
            "httpsconnectionpool(host='files.*read timed out",
            "httpsconnectionpool(host='pypi*timed out",
            "httpsconnectionpool(host='*timed out",
            "httpsconnectionpool(host='pypi",
            // Poetry.
            "all attempts to connect to pypi* failed",
            "^all attempts to connect to",
            "connectionerror*httpsconnectionpool",
            "^('connection aborted",
            // uv.
            "request failed after * retries",
            "failed to fetch: `http*",
            "^failed to fetch wheel",
            "failed to fetch wheel",
            "^failed to download distributions",
            "failed to download distribution",
            "^failed to download `",
            "request failed after * retries",
            "error sending request for url (http*",
            "request or response body error: operation timed out",
            "^operation timed out",
            "error decoding response body",
            "http status server error (5",
            "http status client error (429",
            "connection closed before message completed",
            "peer closed connection without sending tls close_notify",
            "failed to extract archive: *request or response body error",
            "^error: *status code 5* pypi",
            "?after connection broken by 'readtimeouterror",
            "?after connection broken by 'newconnectionerror",
            "?after connection broken by 'connecttimeouterror",
            "?after connection broken by 'protocolerror",
            "?after connection broken by 'remotedisconnected",
            "?after connection broken by 'connectionreseterror",
        ],
    )
    .with(&[
        "pip",
        "uv ",
        "poetry",
        "wheel",
        "pypi",
        "pypi.",
        "files.",
        "distribution",
        "retries",
        "simple/",
        "pdm",
        "error sending request",
        "http status",
        ".whl",
        "connection broken by",
    ])
    .without(&[
        "proxyerror",
        "status client error (404",
        "status client error (403",
        "status client error (401",
        "crates-io",
        "index.crates",
        "cargo ",
        "mise ",
        "mise error",
        "rustup",
        "could not find a version",
        "volta",
        "corepack",
        "successfully installed",
        "collecting build command",
    ]),
    transient(
        "install failed: the network failed while Python packages were downloaded",
        PY,
        &[
            "^failed to fetch: `",
            "^× failed to download",
            "^error: failed to fetch",
            "^failed to prepare distributions",
            "failed to download `",
        ],
    )
    .with(&[
        "caused by: *timed out",
        "dns error",
        "connection reset",
        "client error (connect)",
        "tcp connect error",
        "operation timed out",
        "server error (5",
        "connection error",
        "temporary failure",
    ]),
];
