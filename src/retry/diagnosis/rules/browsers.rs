//! Browsers and binaries that packages download at install, fonts that
//! frameworks fetch at build.
//!
//! Sources: Playwright (`server/registry/browserFetcher.ts`), Cypress
//! (`cli/lib/errors.ts`, `tasks/download.js`), Puppeteer (`install.ts`),
//! `@electron/get`, sharp (`install/libvips.js`), esbuild
//! (`lib/npm/node-install.ts`), node-pre-gyp, prebuild-install, Sentry's CLI,
//! `next/font` (`packages/font/src/google`), Turbopack.

use super::{Rank, Rule, permanent, refused, transient};

const AGAIN: &str = "run it again later; if it recurs, check the status page of the download server, set a mirror, or skip the download if the build does not need the binary";
const FONT: &str = "run it again later; if it recurs, check the font's name and axes, or keep the font files in the repository (next/font/local)";

pub(super) const RULES: &[Rule] = &[
    refused(
        "a browser or binary is not available for this version or platform (404)",
        "update the package that downloads it, or correct the mirror that the environment variables name",
        &[
            "^error: server returned code 404",
            "download failed: server returned code 404",
            "response code: 404",
            "response code 404",
            "404 (not found)",
            "got status code 404",
            "error: http error: 404",
            "not found: 404",
        ],
    )
    .with(&["playwright", "cypress", "puppeteer", "electron", "sharp", "chromium", "chromedriver", "binary"]),
    transient(
        "a browser could not be downloaded: network error (Playwright)",
        AGAIN,
        &[
            "failed to download chrom",
            "failed to download firefox",
            "failed to download webkit",
            "failed to download ffmpeg",
            "^error: failed to download ",
            "download failure, code=",
            "download failed: server returned code 5",
            "download failed: size mismatch",
            "download failed: ",
            "end of central directory record signature not found",
            "error: request to http*playwright* timed out",
            "error: download failed",
            "browsertype* failed to download",
        ],
    )
    .with(&["playwright", "chromium", "webkit", "cdn.", "browser"]),
    transient(
        "the Cypress binary could not be downloaded: network error",
        AGAIN,
        &[
            "the cypress app could not be downloaded",
            "failed downloading the cypress binary",
            "cypress*corrupted download",
            "error downloading the cypress",
            "url: http*download.cypress",
        ],
    ),
    transient(
        "a browser could not be downloaded: network error (Puppeteer)",
        AGAIN,
        &[
            "failed to set up chrome",
            "failed to download chromium",
            "failed to set up puppeteer",
            "error: failed to download chrome",
            "set \"puppeteer_skip_download\"",
            "set puppeteer_skip_download",
        ],
    ),
    transient(
        "a binary could not be downloaded during the install: network error (Electron)",
        AGAIN,
        &[
            "^error: read econnreset",
            "^requesterror: ",
            "^httperror: response code 5",
            "typeerror: fetch failed",
            "^error: connect e",
            "^error: getaddrinfo eai_again",
            "^error: getaddrinfo enotfound github",
            "socket hang up",
            "^fetcherror:",
            "^error: generated checksum for",
            "econnreset",
            "etimedout",
            "eai_again",
            "timed out",
            "responded with 5",
        ],
    )
    .with(&["electron@", "downloading electron", "install-electron", "node_modules/electron/", "@electron/get"]),
    transient(
        "a binary could not be downloaded during the install: network error",
        AGAIN,
        &[
            "sharp: installation error: ",
            "err! sharp *econn",
            "err! sharp *timed out",
            "err! sharp *5",
            "prebuild-install *err! *econn",
            "prebuild-install *err! *timed out",
            "prebuild-install *err! *socket hang up",
            "prebuild-install err! install read econnreset",
            "prebuild-install warn install *econn",
            "node-pre-gyp err! *econn",
            "node-pre-gyp err! *etimedout",
            "node-pre-gyp err! *50",
            "node-pre-gyp http 5",
            "^[sentry-cli] *failed",
            "sentry-cli*unable to download",
            "error: unable to download sentry-cli",
            "downloading binary from http*failed",
            "cannot download \"http*",
            "failed to download \"@*/*\"",
            "[esbuild] failed to find package",
            "trying to download \"esbuild",
            "^failed to download swc package",
            "failed to load swc binary*download",
            "failed to download swc",
            "could not download prebuilt",
            "downloading hugo*econn",
            "hugo-bin*econn",
            "hugo-extended*failed to",
            "hugo installation failed",
            "gyp http 5",
            "gyp err! stack error: read econnreset",
            "gyp err! stack error: connect etimedout",
            "gyp err! stack fetcherror",
            "gyp err! stack error: 50",
            "gyp err! stack *getaddrinfo eai_again",
            "gyp err! stack *socket hang up",
            "failed to download prisma",
            "failed to fetch the engine file at http* 5",
            "failed to fetch sha256 checksum at http* 5",
            "request to http*binaries.prisma",
            "error: *failed to fetch * prisma",
            "unable to download *chromedriver",
            "chromedriver*econn",
            "phantomjs*econn",
            "error requesting archive",
            "cloudflared*econn",
            "downloading workerd*fail",
            "error: failed to download binary",
            "failed to download binary",
            "error: failed downloading",
        ],
    )
    .without(&["404", "unsupported platform", "enoent: no such file or directory, open"]),
    // Fonts.
    transient(
        "a font could not be fetched from Google Fonts during the build",
        FONT,
        &[
            "error [nextfonterror]: failed to fetch font",
            "failed to fetch font `",
            "failed to fetch `*` from google fonts",
            "can't resolve '@vercel/turbopack-next/internal/font/google/font'",
            "font/google/font",
            "error while requesting resource*fonts.g",
            "there was an issue establishing a connection while requesting http*fonts.",
            "received response with status * when requesting http*fonts.",
            "fonts.gstatic",
            "inlining of fonts failed",
            "failed to download * font",
            "error fetching google font",
            "fonts.googleapis*failed",
            "cannotfetchfontfile",
            "could not initialize provider * google",
        ],
    )
    .with(&["font"])
    .without(&["compiled successfully"]),
    permanent(
        "a font that the code requests does not exist at Google Fonts",
        "correct the font's name, weights or axes in the code (next/font)",
        &["unknown font `", "missing weight for font", "unknown weight", "available weights:", "axes can only be defined for variable fonts", "invalid axes value"],
    )
    .rank(Rank::Refused),
    // Started, not downloaded.
    permanent(
        "the browser that the build starts is not installed or lacks system libraries",
        "install the browser in the build command (`npx playwright install`), or do not start a browser in the build: system libraries cannot be added there",
        &[
            "executable doesn't exist at",
            "error while loading shared libraries: ",
            "could not find chrome",
            "could not find chromium",
            "host system is missing dependencies to run browsers",
            "failed to launch the browser process",
            "looks like playwright * was just installed or updated",
            "playwright test did not expect",
            "the cypress npm package is installed, but the cypress binary is missing",
            "running as root without --no-sandbox",
        ],
    )
    .rank(Rank::Refused),
    permanent(
        "a native binary of a package is missing for this platform (optional dependency not installed)",
        "remove node_modules and the lock file locally, install again on the package manager's current version and commit the lock file; add the linux-x64 package to optionalDependencies",
        &[
            "could not load the \"sharp\" module",
            "cannot find module @rollup/rollup-linux",
            "cannot find module '@rollup/rollup-linux",
            "npm has a bug related to optional dependencies",
            "cannot find module '*linux-x64",
            "cannot find module '../lightningcss",
            "cannot find module *lightningcss.linux",
            "cannot find native binding",
            "the package \"@esbuild/linux-x64\" could not be found",
            "you installed esbuild for another platform",
            "failed to load native binding",
            "cannot find module '@swc/core-linux",
            "cannot find module '@tailwindcss/oxide",
            "cannot find module 'sharp'",
        ],
    )
    .rank(Rank::Refused),
];
