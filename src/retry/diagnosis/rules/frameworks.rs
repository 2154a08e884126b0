//! Next.js, Nuxt, `SvelteKit`, Astro, Remix, Angular and their adapters.
//!
//! Sources: Next.js (`packages/next/src/build`, `errors/`), next-on-pages,
//! `OpenNext`, Nuxt and Nitro, `SvelteKit` (`kit/src/core`), Astro
//! (`errors-data.ts`), Remix, Angular (`@angular/build`).

use super::{Rank, Rule, permanent, refused};

pub(super) const RULES: &[Rule] = &[
    refused(
        "routes are not configured for the Edge Runtime, which next-on-pages requires",
        "export `runtime = 'edge'` in each route that the log names, or deploy with the OpenNext adapter instead",
        &["the following routes were not configured to run with the edge runtime", "not configured to run with the edge runtime", "please make sure that all your non-static routes export"],
    ),
    refused(
        "the build command does not fit the framework: the adapter finds no output of Next.js",
        "set the framework's build command in the project's build settings (such as `npx @cloudflare/next-on-pages`), and remove a build script that calls itself",
        &["vercel build * failed", "the vercel build * command failed", "no output directory named \"public\" found", "could not find a production build in the", "experimental pages router * not supported", "recursive invocation of commands", "`vercel build` must not recursively invoke"],
    )
    .rank(Rank::Symptom),
    refused(
        "the Next.js configuration does not fit static export",
        "remove the feature that the log names from the code, or do not use `output: 'export'` in next.config",
        &[
            "with \"output: export\"",
            "\"output: export\" config",
            "with `output: export`",
            "is missing \"generatestaticparams()\"",
            "image optimization using the default loader is not compatible with",
            "cannot be used with \"output",
            "api routes cannot be used",
            "i18n configuration in next.config.js is unsupported",
            "getserversideprops support",
        ],
    ),
    refused(
        "a page's settings do not fit together (edge runtime, generateStaticParams, route configuration)",
        "remove one of the exports that the log names from the page (such as `runtime = 'edge'` or generateStaticParams)",
        &["cannot use both `export const", "cannot use both", "can't recognize the exported `config` field", "invalid page config", "cannot be used together with", "is incompatible with `nextconfig", "doesn't match the required types"],
    )
    .with(&["page", "route"]),
    permanent(
        "CI=true turns warnings into errors, and the build stops",
        "set CI=false in the build's environment variables, or correct the warnings that the log names",
        &["treating warnings as errors because process.env.ci = true"],
    )
    .rank(Rank::Refused),
    permanent(
        "the Next.js configuration is not valid",
        "correct next.config as the log says",
        &["invalid next.config", "configuring next.js via 'next.config.ts' is not supported", "unrecognized key(s) in object", "this build is using turbopack, with a `webpack` config", "failed to load next.config", "conflicting app and page file"],
    )
    .with(&["next"])
    .rank(Rank::Refused),
    permanent(
        "the framework's entry or directory was not found (pages, app, routes or index.html)",
        "correct the root directory in the project's build settings, or the paths in the framework's configuration",
        &["couldn't find any `pages` or `app` directory", "couldn't find a `pages` directory", "no pages directory", "could not resolve entry module", "could not find root directory", "no angular workspace", "could not find the '*' builder", "no astro", "route module not found"],
    )
    .rank(Rank::Refused),
    permanent(
        "a hook or API is used outside its boundary while a page is prerendered (missing Suspense boundary)",
        "wrap the component that the log names in a <Suspense> boundary, or render the page on demand",
        &["should be wrapped in a suspense boundary", "missing-suspense-with-csr-bailout"],
    ),
    permanent(
        "a server component uses client-only code",
        "add the \"use client\" directive to the file that the log names, or move the code",
        &["you're importing a component that needs", "it only works in a client component", "createcontext is not a function", "attempted to call * from the server but"],
    ),
    permanent(
        "the page's data or code fails while it is prerendered: the code throws an exception",
        "correct the code of the page that the log names, and the environment variables it reads",
        &["typeerror: cannot read prop", "referenceerror: ", "typeerror: ", "^error: "],
    )
    .with(&["error occurred prerendering page", "export encountered an error", "export encountered errors", "failed to collect page data"])
    .without(&["econnrefused", "fetch failed", "etimedout", "econnreset", "enotfound", "eai_again", "unauthorized", "socket hang up", "request failed with status", "status code", "timed out", "environment variable", "required"])
    .rank(Rank::Doubtful),
    permanent(
        "the page takes too long to prerender (static generation timed out)",
        "make the page's data faster or raise staticPageGenerationTimeout in next.config",
        &["static page generation for * is still timing out", "collecting page data for * is still timing out", "static worker exited"],
    ),
    permanent(
        "SvelteKit found no adapter for this environment, or prerendering failed",
        "install and set @sveltejs/adapter-cloudflare in the Svelte configuration, or correct the page or link that the log names",
        &["could not detect a supported production environment", "encountered dynamic routes", "the following routes were marked as prerenderable, but were not", "^error: 404 /", "^error: 500 /", "could not install @sveltejs/adapter"],
    )
    .with(&["svelte", "adapter", "prerender", "linked from"]),
    permanent(
        "the Astro configuration or a page is not valid",
        "correct what the log names: the configuration, the adapter or the page",
        &["[noadapterinstalled]", "cannot use server-rendered pages without an adapter", "noadapterinstalled", "getstaticpathsrequired", "[getstaticpathsrequired]", "[imagenotfound]", "imagenotfound", "localimageusedwrongly", "[missingsharp]", "missingsharp", "unable to load your astro config", "[astro] unable to load", "[config] astro found issue(s)", "contentcollection*does not exist", "[unsupportedimageformat]", "could not process image request", "[expectedimage"],
    )
    .rank(Rank::Refused),
    permanent(
        "the Nuxt configuration, a module or a prerendered route is not valid",
        "correct what the log names: the module, the configuration or the route",
        &["exiting due to prerender errors", "nuxt build error", "could not load `*`. is it installed?", "cannot find module 'nuxt", "[prerender] exiting", "errors prerendering:", "cannot resolve module"],
    )
    .with(&["nuxt", "nitro", "prerender"]),
    permanent(
        "the Angular build failed: error in the code or a budget exceeded",
        "correct the code that the log names, or raise the budgets in angular.json",
        &["error: bundle initial exceeded maximum budget", "exceeded maximum budget", "error ng", "[error] ng", "exceeded maximum budget by", "could not find the implementation for builder", "an unhandled exception occurred"],
    )
    .with(&["angular", "budget", " ng", "ng build"]),
    permanent(
        "ESLint or a check found errors in the code, and they stop the build",
        "correct the code that the log names, or do not run the check in the build",
        &["error: * @typescript-eslint/", "error  * @typescript-eslint/", "error: * react/", "error: * react-hooks/", "✖ * problems (", "* problems (* error", "error: * is defined but never used", "eslint: ", "^[eslint]", "found * errors and * warnings", "svelte-check found * error", "some files need formatting", "code style issues found"],
    )
    .without(&[": error ts", "type error:", "error ts("]),
    permanent(
        "tests failed, and they stop the build",
        "correct the code or the tests that the log names, or do not run tests in the build",
        &["assertionerror", "test suites: * failed", "tests: * failed", "test files * failed", "failing tests", "from config.webserver", "expected: * received:", "* failed, * passed"],
    )
    .with(&["test"]),
];
