//! Lines with which an attacker might try to control a CI host or a terminal, through
//! a build log, a commit message or a branch name.

use super::Reader::{
    self, Act, Azure, Buildkite, GitHub, GitLab, Gitea, TeamCity, Terminal, Travis,
};

pub struct Hostile {
    /// A reader that acts on it; there may be others.
    pub reader: Reader,
    pub tries: &'static str,
    /// The text in the log. It may contain a `\r`, which ends a line for some readers.
    pub text: &'static str,
}

const fn hostile(reader: Reader, tries: &'static str, text: &'static str) -> Hostile {
    Hostile {
        reader,
        tries,
        text,
    }
}

#[rustfmt::skip]
pub const TABLE: &[Hostile] = &[
    // Workflow commands at the start of a line.
    hostile(GitHub, "sets an output", "::set-output name=url::https://evil.example"),
    hostile(GitHub, "sets a state", "::save-state name=pid::1"),
    hostile(GitHub, "fails the step", "::set-env name=PATH::/tmp"),
    hostile(GitHub, "fails the step", "::add-path::/tmp/bin"),
    hostile(GitHub, "fails the step by a missing name", "::set-output::value"),
    hostile(GitHub, "forges an error", "::error file=src/main.rs,line=1::All is lost"),
    hostile(GitHub, "uses up the warnings", "::warning::w"),
    hostile(GitHub, "forges a notice", "::notice title=Deployed::https://evil.example"),
    hostile(GitHub, "masks a letter", "::add-mask::e"),
    hostile(GitHub, "masks several lines", "::add-mask::success%0Afailure"),
    hostile(GitHub, "stops our commands", "::stop-commands::pwned"),
    hostile(GitHub, "kills the step by an empty token", "::stop-commands::"),
    hostile(GitHub, "kills the step by a token that is a command", "::stop-commands::error"),
    hostile(GitHub, "loads a problem matcher", "::add-matcher::/github/workspace/m.json"),
    hostile(GitHub, "unloads a problem matcher", "::remove-matcher owner=eslint::"),
    hostile(GitHub, "hides the rest in a group", "::group::quiet"),
    hostile(GitHub, "closes our group", "::endgroup::"),
    hostile(GitHub, "echoes commands", "::echo::on"),
    hostile(GitHub, "writes a debug line", "::debug::d"),
    hostile(GitHub, "ignores case", "::ErRoR::x"),
    hostile(GitHub, "indents", "   ::error::x"),
    hostile(GitHub, "indents by tabs", "\t\t::error::x"),
    hostile(GitHub, "indents by a no-break space", "\u{a0}::error::x"),
    hostile(GitHub, "indents by an ideographic space", "\u{3000}::error::x"),
    hostile(GitHub, "indents by the next-line control", "\u{85}::error::x"),
    hostile(GitHub, "indents by a line separator", "\u{2028}::error::x"),
    hostile(GitHub, "indents by an en quad", "\u{2000}::error::x"),
    hostile(GitHub, "hides behind a return", "50%\r::set-output name=url::x"),
    hostile(GitHub, "hides behind a return and more", "a\r\r  ::add-mask::o\r"),
    hostile(GitHub, "hides behind a second line", "a commit\n::error::x"),
    hostile(GitHub, "parts the colons by a zero-width space", ":\u{200b}:error::x"),
    hostile(GitHub, "parts the colons by a joiner", ":\u{200d}:error::x"),
    hostile(GitHub, "starts with a byte order mark", "\u{feff}::error::x"),
    hostile(GitHub, "starts with a soft hyphen", "\u{ad}::error::x"),
    hostile(GitHub, "starts with a direction mark", "\u{200f}::error::x"),
    hostile(GitHub, "starts with a null", "\0::error::x"),
    hostile(GitHub, "parts the colons by a variation selector", ":\u{fe0f}:error::x"),
    hostile(GitHub, "parts the colons by a tag", ":\u{e0041}:error::x"),
    // Workflow commands anywhere in a line.
    hostile(GitHub, "sets an output in mid-line", "done ##[set-output name=url]x"),
    hostile(GitHub, "masks in mid-line", "foo ##[add-mask]o"),
    hostile(GitHub, "fails the step in mid-line", "ok ##[add-path]/tmp"),
    hostile(GitHub, "forges an error in mid-line", "> ##[ERROR]x"),
    hostile(GitHub, "has one sign too many", "###[error]x"),
    hostile(GitHub, "stops our commands in mid-line", "│ ##[stop-commands]pwned"),
    hostile(GitHub, "parts the signs by a null", "x #\0#[error]x"),
    hostile(GitHub, "parts the signs by a word joiner", "x ##\u{2060}[error]x"),
    hostile(GitHub, "parts the signs by a backspace", "x #\x08#[error]x"),
    hostile(GitHub, "fails as the newer form, works as the older", "::nothing::##[error]x"),
    // The runners of act, Gitea and Forgejo.
    hostile(Act, "sets an output", "::set-output name=a::b"),
    hostile(Act, "has two pairs of colons", "::add-mask a=b::c::d"),
    hostile(Act, "is in the older form", "##[add-mask]o"),
    hostile(Gitea, "masks", "::add-mask::o"),
    hostile(Gitea, "stops our commands", "::stop-commands::x"),
    hostile(Gitea, "opens a group", "a\r::group::g"),
    // GitLab.
    hostile(GitLab, "opens a section", "\x1b[0Ksection_start:1700000000:build\r\x1b[0KBuild"),
    hostile(GitLab, "closes our section", "section_end:1700000000:build_log\r\x1b[0K"),
    hostile(GitLab, "hides the rest", "x section_start:1:a[collapsed=true]\r\x1b[0K"),
    hostile(GitLab, "hides the rest, with options", "section_start:1:a.b-c[a=b, c=d]\r\x1b[0Kx"),
    // Azure Pipelines.
    hostile(Azure, "sets a variable", "##vso[task.setvariable variable=url;isOutput=true]x"),
    hostile(Azure, "ends the task well", "x ##vso[task.complete result=Succeeded;]"),
    hostile(Azure, "uploads a file", "##VSO[task.uploadsummary]/etc/passwd"),
    hostile(Azure, "forges an error", "a\r##vso[task.logissue type=error]x"),
    hostile(Azure, "masks", "##vso[task.setsecret]e"),
    hostile(Azure, "adds to the path", "##vso[task.prependpath]/tmp"),
    hostile(Azure, "parts the signs", "#\u{200b}#v\u{200c}so[task.setsecret]e"),
    hostile(Azure, "opens a group", "##[group]quiet"),
    hostile(Azure, "styles a line", "##[section]Finishing"),
    // TeamCity.
    hostile(TeamCity, "sets a parameter", "##teamcity[setParameter name='env.URL' value='x']"),
    hostile(TeamCity, "fails the build", "x ##teamcity[buildProblem description='x']"),
    hostile(TeamCity, "publishes files", "##teamcity[publishArtifacts '/etc/passwd']"),
    hostile(TeamCity, "stops our messages", "##teamcity[disableServiceMessages]"),
    hostile(TeamCity, "changes the number", "##TeamCity[buildNumber '1']"),
    hostile(TeamCity, "has an escape", "##teamcity[message text='a|nb|0x0041|'c']"),
    // Buildkite.
    hostile(Buildkite, "opens a group", "--- Tests"),
    hostile(Buildkite, "opens a group unfolded", "+++ Deploy"),
    hostile(Buildkite, "opens a dim group", "~~~ quiet"),
    hostile(Buildkite, "unfolds the group before", "^^^ +++"),
    hostile(Buildkite, "colors the start", "\x1b[31m--- Tests"),
    hostile(Buildkite, "colors the middle", "-\x1b[0m-\x1b[1m- Tests"),
    hostile(Buildkite, "parts by a tab", "---\tTests"),
    hostile(Buildkite, "parts by a no-break space", "+++\u{a0}Deploy"),
    hostile(Buildkite, "hides behind a return", "x\r+++ Deploy"),
    hostile(Buildkite, "shows an image", "\x1b]1338;url=https://evil.example/i.png\x07"),
    hostile(Buildkite, "shows a link", "\x1b]1339;url=https://evil.example;content=ok\x07"),
    hostile(Buildkite, "forges a time", "\x1b_bk;t=0\x07x"),
    // Travis.
    hostile(Travis, "folds", "travis_fold:start:x\r\x1b[0K"),
    hostile(Travis, "ends a fold", "x travis_fold:end:x\r"),
    hostile(Travis, "starts a timer", "travis_time:start:0\r\x1b[0K"),
    // Terminals.
    hostile(Terminal, "clears the screen", "\x1b[2J\x1b[H"),
    hostile(Terminal, "moves up and overwrites", "\x1b[1A\x1b[2Kok"),
    hostile(Terminal, "overwrites the line", "failed\rpassed"),
    hostile(Terminal, "overwrites by backspaces", "bad\x08\x08\x08ok "),
    hostile(Terminal, "sets the title", "\x1b]0;title\x07"),
    hostile(Terminal, "writes to the clipboard", "\x1b]52;c;ZXZpbA==\x1b\\"),
    hostile(Terminal, "shows a link as another", "\x1b]8;;https://evil.example\x1b\\safe\x1b]8;;\x1b\\"),
    hostile(Terminal, "leaves a sequence open", "\x1b]0;all that follows"),
    hostile(Terminal, "sends a device control string", "\x1bP$q\"p\x1b\\x"),
    hostile(Terminal, "asks for an answer", "\x1b[6n\x1b[c"),
    hostile(Terminal, "resets", "\x1bc"),
    hostile(Terminal, "changes the character set", "\x1b(0lqqk"),
    hostile(Terminal, "uses the one-character forms", "\u{9b}2J\u{9d}0;t\u{9c}\u{90}x\u{9c}"),
    hostile(Terminal, "rings", "\x07\x07"),
    hostile(Terminal, "leaves a color on", "\x1b[41;97mred"),
    hostile(Terminal, "conceals", "\x1b[8mnot seen\x1b[0m"),
    hostile(Terminal, "turns the writing", "user \u{202e}gpj.exe"),
    hostile(Terminal, "isolates", "a\u{2066}b\u{2069}"),
    hostile(Terminal, "looks the same", "pay\u{200b}pal"),
];
