//! Chooses the lines of a build log that tell why it failed.
//!
//! Invariant: the lines of the log as they are, the most telling one first,
//! each once and at most [`MOST`].
//!
//! In this order: the lines that met the rule; those that an announcement
//! speaks of; those that name an error; the announcements; what is only a
//! frame around the cause. Without any of them it is the last line.

use super::Line;

pub(super) const MOST: usize = 5;

/// How far behind an announcement its cause may stand.
const NEAR: usize = 4;

pub(super) fn excerpt(met_by: Vec<&Line>, lines: &[Line]) -> Vec<String> {
    let announced = (0..lines.len()).filter_map(|n| announced(&lines[n..]));
    let mut excerpt = met_by;
    excerpt.extend(announced);
    let names_an_error = |it: &&Line| it.holds(ERRORS) && !it.holds(NOISE);
    excerpt.extend(lines.iter().filter(names_an_error));
    if excerpt.is_empty() {
        excerpt.extend(lines.last());
    }
    excerpt.sort_by_key(|it| (it.holds(NOISE), announces(it)));
    let mut texts: Vec<String> = Vec::new();
    for line in excerpt {
        if texts.len() < MOST && !texts.contains(&line.text) {
            texts.push(line.text.clone());
        }
    }
    texts
}

/// What the first line announces, if it does: the next one that says
/// something. A place in a file alone (`./src/main.ts:3:7`) has no space.
fn announced(lines: &[Line]) -> Option<&Line> {
    let (first, rest) = lines.split_first()?;
    if !announces(first) {
        return None;
    }
    let says_something = |it: &&Line| it.text.contains(' ') && !is_frame(it);
    rest.iter().take(NEAR).find(says_something)
}

fn announces(line: &Line) -> bool {
    line.holds(ANNOUNCEMENTS) || line.holds(ERRORS) && line.text.ends_with(':')
}

fn is_frame(line: &Line) -> bool {
    line.holds(NOISE) || announces(line)
}

/// Lines that say no more than that the cause comes next. Others are those
/// that name an error and end with a colon.
const ANNOUNCEMENTS: &[&str] = &[
    "build failed in ",
    "build failed.\n",
    "compiled with errors",
    "failed to compile.\n",
    "problem writing eleventy templates:\n",
    "\nerror in ./",
    "\nerror occurred prerendering page",
];

/// How a line starts, or what it holds, when it names an error.
const ERRORS: &[&str] = &[
    "\nerror",
    "\nfatal",
    "\nfailed",
    "\nnpm err!",
    "\nnpm error",
    "\n✘",
    "error:",
    "[error]",
    "err_pnpm_",
    "exception",
    "error ts",
    "cannot find module",
    "module not found",
    "panicked at",
];

/// Lines that look like errors and tell nothing: the frame around the cause.
const NOISE: &[&str] = &[
    "\nat ",
    "\nnpm err!\n",
    "\nnpm error\n",
    "npm err! code",
    "npm error code",
    "npm err! errno",
    "npm error errno",
    "npm err! path",
    "npm error path",
    "npm error command",
    "npm err! command",
    "npm error lifecycle",
    "npm err! a complete log",
    "npm error a complete log",
    "elifecycle",
    "command failed with exit code",
    "build command exited with",
    "exited with error code",
    "exit with error code",
    "error: command \"",
    "failed: error occurred while",
    "upload process exited",
    "check the logs above",
    "failed building pages functions",
    "errors logged to",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(log: &str) -> Vec<Line> {
        let lines = log.lines().map(Line::new);
        lines.filter(|it| !it.text.is_empty()).collect()
    }

    #[test]
    fn at_most_five_lines_tell_and_frames_come_last() {
        let log =
            lines("npm error code 1\nerror: 1\nerror: 2\nerror: 3\nerror: 4\nerror: 5\nerror: 6");
        let told = excerpt(Vec::new(), &log);
        assert_eq!(
            told,
            ["error: 1", "error: 2", "error: 3", "error: 4", "error: 5"]
        );
        let log = lines("Build failed in 74ms\nnpm error code 1\nbuild failed.\nthe cause it is");
        assert_eq!(excerpt(Vec::new(), &log)[0], "the cause it is");
    }

    /// Each log, with the most telling of its lines behind `>`.
    const LOGS: &[&str] = &[
        // Vite.
        "\
vite v6.0.0 building for production...
x Build failed in 74ms
error during build:
> Could not resolve \"./missing\" from \"src/main.ts\"
file: /opt/buildhome/repo/src/main.ts
    at getRollupError (file:///opt/buildhome/repo/node_modules/rollup/dist/es/shared/parseAst.js:397:41)
Failed: build command exited with code: 1",
        "\
error during build:
[vite:esbuild] Transform failed with 1 error:
> /opt/buildhome/repo/src/main.ts:1:8: ERROR: Expected identifier but found \";\"
file: /opt/buildhome/repo/src/main.ts:1:8",
        // webpack.
        "\
ERROR in ./src/index.js 3:0-30
> Module not found: Error: Can't resolve './missing' in '/opt/buildhome/repo/src'
webpack 5.90.0 compiled with 1 error in 812 ms
error Command failed with exit code 1.",
        // Next.js.
        "\
Failed to compile.

./pages/index.tsx:3:7
> Type error: Cannot find name 'total'.
Failed: Error while executing user command. Exited with error code: 1",
        "\
Error occurred prerendering page \"/about\". Read more: https://nextjs.example/prerender-error
> TypeError: Cannot read properties of undefined (reading 'title')
    at About (/opt/buildhome/repo/.next/server/pages/about.js:1:520)",
        // Docusaurus.
        "\
[ERROR] Client bundle compiled with errors therefore further build is impossible.
> Module not found: Error: Can't resolve '@site/src/missing'",
        // Parcel.
        "\
Build failed.
> @parcel/core: Failed to resolve './missing.js' from './src/index.html'",
        // Eleventy.
        "\
[11ty] Problem writing Eleventy templates:
> [11ty] 1. Having trouble rendering liquid template ./index.md
[11ty] 2. parse error",
        // No announcement: the first line that names an error.
        "\
Traceback (most recent call last):
  File \"build.py\", line 3, in <module>
> ModuleNotFoundError: No module named 'markdown'",
        "\
> error[E0432]: unresolved import `crate::pages`
error: could not compile `site` (bin \"site\") due to 1 previous error",
        "\
npm error code ENOENT
npm error path /opt/buildhome/repo/package.json
> npm error enoent Could not read package.json",
        // Nothing but a frame, and nothing at all.
        "> Failed: build command exited with code: 1",
        "\
done in 3 s
> bye",
    ];

    #[test]
    fn the_cause_comes_before_what_only_announces_it() {
        for log in LOGS {
            let expected = log.lines().find_map(|it| it.strip_prefix("> "));
            let told = excerpt(Vec::new(), &lines(&log.replace("> ", "")));
            assert_eq!(told.first().map(String::as_str), expected, "of {log}");
        }
    }

    #[test]
    fn each_announcement_stands_in_a_log() {
        let lines: Vec<Line> = LOGS.iter().flat_map(|it| lines(it)).collect();
        for word in ANNOUNCEMENTS {
            let is_met = lines.iter().any(|it| it.holds(&[word]));
            assert!(is_met, "{word}");
        }
    }

    #[test]
    fn each_word_is_in_lower_case_as_the_lines_are() {
        for word in [ANNOUNCEMENTS, ERRORS, NOISE].iter().flat_map(|it| *it) {
            assert_eq!(*word, word.to_ascii_lowercase());
        }
    }

    #[test]
    fn what_met_the_rule_comes_first_and_the_frame_last() {
        let lines = lines("error: a\nerror during build:\nsome cause\nerror: b");
        let told = excerpt(vec![&lines[3]], &lines);
        assert_eq!(
            told,
            ["error: b", "some cause", "error: a", "error during build:"]
        );
    }
}
