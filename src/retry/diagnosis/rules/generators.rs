//! Hugo, Jekyll, Zola, Eleventy, Hexo, Gatsby, Docusaurus, `VitePress`.
//!
//! Sources: Hugo (`hugolib`, `tpl`, `common/herrors`), Go's templates,
//! Jekyll and Liquid, Bundler's (`bundler/errors.rb`), Zola (`components`),
//! Eleventy (`EleventyErrorHandler.js`), Hexo, Gatsby's error map,
//! Docusaurus (`brokenLinks.ts`), `VitePress`.

use super::{Rank, Rule, permanent, refused, transient};

pub(super) const RULES: &[Rule] = &[
    // Hugo.
    permanent(
        "the Hugo version does not fit the theme or templates (a function or feature is not defined)",
        "set HUGO_VERSION in the build's environment variables to the version that the theme needs, or correct the template",
        &[
            "function \"*\" not defined",
            "theme does not support hugo version",
            "hugo * extended version * required",
            "tocss: failed to transform",
            "scss processing not supported",
            "this feature is not available in your current hugo version",
            "module \"*\" is not compatible with this hugo version",
            "min_version",
            "can't evaluate field * in type",
            "<.site.*>: can't evaluate",
            "was deprecated in hugo",
        ],
    )
    .with(&["hugo", "template", "layouts/", "tocss"])
    .rank(Rank::Refused),
    refused(
        "the Hugo theme or module was not found",
        "add the theme as a submodule (`git submodule add`) and commit .gitmodules, or correct the theme's name in the Hugo configuration",
        &[
            "module \"*\" not found",
            "unable to find theme directory",
            "theme * not found",
            "unable to locate config file or config directory",
            "found no layout file for",
        ],
    )
    .with(&["hugo", "theme", "layout", "^error", "module \"*\" not found in"])
    .without(&["module not found: error", "webpack"]),
    transient(
        "install failed: network error while Hugo fetched a module or resource",
        "run it again later; if it recurs, check the address in the log, or keep the module or resource in the repository",
        &[
            "failed to fetch remote resource*gateway",
            "failed to fetch remote resource*service unavailable",
            "failed to fetch remote resource*server error",
            "failed to fetch remote resource*too many",
            "failed to get remote*timeout",
            "failed to get remote*connection",
            "resources.getremote*deadline",
            "resources.getremote*timeout",
            "resources.getremote*eof",
            "resources.getremote*tls",
            "error calling resources.getremote: *timeout",
            "error calling resources.getremote: *dial tcp",
            "error calling resources.getremote: *eof",
            "error calling getremote: ",
            "resources.getremote*connection",
            "getremote*i/o timeout",
            "error calling getjson*50",
            "failed to download modules: *timeout",
            "failed to download modules: *5",
            "failed to download modules: *connection",
            "failed to download modules: *dial tcp",
            "module download*i/o timeout",
        ],
    )
    .without(&["404", "no such host", "unknown revision", "could not read username"]),
    permanent(
        "a Hugo template or shortcode fails: error in the code or the content",
        "correct the template, shortcode or content file that the log names, or set HUGO_VERSION to the version that the theme needs",
        &[
            "failed to extract shortcode",
            "template for shortcode * not found",
            "execute of template failed",
            "error calling partial",
            "failed to render pages",
            "render of \"*\" failed",
            "parse failed: template",
            "error building site",
            "failed to unmarshal yaml",
            "failed to unmarshal toml",
            "failed to load config",
            "ref_not_found",
            "unmarshal failed",
            "assemble: failed to create page",
            "process: readandprocesscontent",
            "failed to extract",
        ],
    )
    .with(&["hugo", "template", "shortcode", "layouts", "error building site"])
    .rank(Rank::Fault),
    // Zola.
    permanent(
        "Zola could not render the site: error in a template, the configuration or the content",
        "correct the file that the log names, or set the Zola version that the theme needs",
        &["reason: failed to render", "error: failed to render", "failed to build the site", "error: reason: filter", "unable to load section", "could not render", "error: theme * not found"],
    )
    .with(&["zola", "failed to build the site", "tera", "reason: "]),
    // Jekyll, Bundler.
    refused(
        "a gem is not in the bundle: the Gemfile or its lock file lacks a dependency (not installed)",
        "add the gem to the Gemfile (webrick and rexml are not part of Ruby 3), run `bundle install` locally and commit Gemfile.lock",
        &[
            "cannot load such file",
            "bundler: failed to load command",
            "error loading the '*' gem",
            "could not find * in any of the sources",
            "could not find gem",
            "could not find * in locally installed gems",
            "bundler::gemnotfound",
            "is not currently included in the bundle",
            "gem::missingspecerror",
            "you have already activated",
            "the dependency * will be unused by any of the platforms",
            "jekyll::errors::missingdependencyexception",
            "missing dependency: ",
            "bundler could not find compatible versions",
            "could not find compatible versions",
            "because every version of",
        ],
    )
    .without(&["bundler::httperror", "network error", "could not fetch specs"]),
    refused(
        "Gemfile.lock does not fit the Gemfile, the platform or the Bundler version (lock file)",
        "run `bundle lock --add-platform x86_64-linux` or `bundle install` locally and commit Gemfile.lock",
        &[
            "your bundle only supports platforms",
            "you are trying to install in deployment mode after changing your gemfile",
            "the gemfile's dependencies are changed, but the lockfile",
            "frozen mode",
            "the lockfile does not have all gems needed",
            "some dependencies were deleted",
            "must install with bundler",
            "your lockfile was created by bundler",
            "could not find 'bundler' (",
            "bundler version * is not",
            "the gemfile's dependencies are changed",
        ],
    ),
    permanent(
        "the Ruby version does not fit a gem or the site (Ruby is too old or too new)",
        "set RUBY_VERSION (or .ruby-version) to a version that the gems in Gemfile.lock support, or update the gems",
        &["requires ruby version", "undefined method `tainted?'", "undefined method 'tainted?'", "requires rubygems version", "undefined method `untaint'", "undefined method `exists?' for", "wrong number of arguments (given", "your ruby version is"],
    )
    .with(&["ruby", "gem", "liquid", "jekyll", "untaint", "tainted"]),
    permanent(
        "a gem's native extension could not be compiled",
        "update the gem in Gemfile.lock or set RUBY_VERSION to a version it supports",
        &["failed to build gem native extension", "an error occurred while installing * and bundler cannot continue", "an error occurred while installing"],
    ),
    permanent(
        "Jekyll could not render the site: error in a page, a template or the configuration",
        "correct the file that the log names",
        &["liquid exception:", "liquid syntax error", "liquid warning", "yaml exception reading", "could not read file", "invalid date", "conversion error: ", "error: could not find theme", "the * theme could not be found", "syntax error in _config.yml", "jekyll * error:"],
    )
    .with(&["jekyll", "liquid", "yaml exception", "conversion error", "theme could not be found", "bundle"]),
    // Eleventy.
    permanent(
        "Eleventy could not render the site: error in a template or the configuration",
        "correct the template or configuration file that the log names",
        &["[11ty] *. ", "having trouble rendering", "having trouble writing", "template render error", "(via template render error)", "error in your eleventy config file", "[11ty] problem writing", "[11ty] eleventy fatal error", "problem writing eleventy templates", "eleventy fatal error"],
    )
    .with(&["11ty", "eleventy"])
    .without(&["cannot find module", "etimedout", "econnreset", "eai_again", "fetch failed"]),
    // Docusaurus, VitePress, Gatsby.
    permanent(
        "the site has broken links, which stops the build",
        "correct the links that the log names, or lower onBrokenLinks (Docusaurus) or set ignoreDeadLinks (VitePress)",
        &["broken links found", "found broken links", "docusaurus found broken", "dead link(s) found", "broken link on source page", "found dead link", "broken anchors", "invalid links found", "broken markdown link"],
    ),
    permanent(
        "a page cannot be parsed: MDX or Markdown syntax error",
        "correct the Markdown or MDX syntax in the file that the log names",
        &["mdx compilation failed", "could not parse import/exports with acorn", "could not parse expression with acorn", "unexpected character * before name", "expected a closing tag for", "unexpected closing slash", "unexpected closing tag", "mdxerror", "unexpected eof in mdx"],
    ),
    permanent(
        "the front matter or data of a content file is not valid",
        "correct the front matter of the file that the log names, or the schema",
        &["invalidcontententry", "frontmatter does not match", "data does not match collection schema", "invalidcontententryfrontmattererror", "invalidcontententrydataerror", "yamlexception", "can not read a block mapping entry", "can not read an implicit mapping", "bad indentation of a mapping", "duplicated mapping key", "error while loading front matter", "contententrydata"],
    ),
    permanent(
        "a Gatsby plugin or query failed: error in the code, the configuration or the data",
        "correct the plugin's options, the GraphQL query or the data that the log names",
        &["there was a problem loading plugin", "couldn't find the \"*\" plugin", "couldn't find the * plugin declared", "there was an error in your graphql query", "cannot query field", "error #", "threw an error while running the", "unable to find plugin"],
    )
    .with(&["gatsby", "graphql", "plugin", "error #"])
    .rank(Rank::Symptom),
    permanent(
        "Hexo could not generate the site: error in a page, a template or the configuration",
        "correct the file that the log names",
        &["^fatal something's wrong", "fatal something's wrong. maybe you can find the solution here", "^error asset render failed", "^error plugin load failed", "^error render", "^error process failed", "nunjucks error"],
    )
    .with(&["hexo", "nunjucks", "something's wrong"]),
];
