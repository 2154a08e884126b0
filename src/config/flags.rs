//! The command line: `pages-retry [FLAGS] [DEPLOYMENT]`. Each input is also a
//! flag, and the positional argument is `deployment_id`.
//!
//! Invariant: secrets are not accepted, and no problem holds the value of a
//! flag.

use std::ffi::{OsStr, OsString};

use lexopt::{Arg, Parser};

use super::inputs::{InputSpec, find, is_input, nearest, normalized};
use crate::env::Env;

/// What the arguments ask for.
#[derive(Debug, PartialEq, Eq)]
pub enum CommandLine {
    Help,
    Version,
    Run(Flags),
}

/// The inputs that were given as arguments.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// Names of inputs with their values, each at most once.
    given: Vec<(&'static str, String)>,
    /// What is wrong with the arguments, one line a problem.
    pub problems: Vec<String>,
    /// The inputs that the problems are about: nothing more needs to be said
    /// of those.
    rejected: Vec<&'static str>,
    /// The values that were given for secrets, which must be shown nowhere.
    pub secrets: Vec<String>,
}

/// Reads the arguments, without the program's own name. Help and version take
/// precedence over whatever follows them.
pub fn parse(arguments: &[OsString]) -> CommandLine {
    let mut parser = Parser::from_args(arguments);
    let mut flags = Flags::default();
    // The only error is a value that nobody took, and each value is taken.
    while let Ok(Some(argument)) = parser.next() {
        match argument {
            Arg::Short('h') | Arg::Long("help") => return CommandLine::Help,
            Arg::Short('V') | Arg::Long("version") => return CommandLine::Version,
            Arg::Short(first) => {
                let rest = parser.optional_value().unwrap_or_default();
                let name = format!("{first}{}", rest.to_string_lossy());
                let (name, value) = match name.split_once('=') {
                    Some((name, value)) => (name.to_owned(), Some(value.into())),
                    None => (name, None),
                };
                flags.unknown("-", &name, value, &mut parser);
            }
            Arg::Long(name) => {
                let name = name.to_owned();
                let value = parser.optional_value();
                match find(&name) {
                    Some(input) => flags.flag(input, value, &mut parser),
                    None => flags.unknown("--", &name, value, &mut parser),
                }
            }
            Arg::Value(deployment) => flags.give("deployment_id", deployment),
        }
    }
    CommandLine::Run(flags)
}

impl Flags {
    /// Whether the user works at a command line, rather than with variables.
    pub fn are_given(&self) -> bool {
        !self.given.is_empty() || !self.problems.is_empty()
    }

    /// The environment with the given inputs in place of its own.
    /// `prefixes` are those of the variables that hold inputs.
    pub fn over(&self, env: &Env, prefixes: &[&str]) -> Env {
        self.given.iter().fold(env.clone(), |env, (input, value)| {
            let env = env.without(|name| is_input(name, prefixes, input));
            env.with(&format!("INPUT_{}", input.to_ascii_uppercase()), value)
        })
    }

    /// Puts the problems of the arguments in front of those of the inputs. That
    /// an input is missing is no second problem where its flag was rejected.
    pub fn join_problems(&self, of_inputs: Vec<String>) -> Vec<String> {
        let is_said = |problem: &String| {
            let mut names = self.rejected.iter();
            names.any(|it| problem.starts_with(&format!("input `{it}` is missing")))
        };
        let rest = of_inputs.into_iter().filter(|it| !is_said(it));
        self.problems.iter().cloned().chain(rest).collect()
    }

    fn flag(&mut self, input: &'static InputSpec, value: Option<OsString>, parser: &mut Parser) {
        if input.is_secret {
            self.secret(input, value, parser);
        } else if input.is_switch() {
            self.give(input.name, value.unwrap_or_else(|| "true".into()));
        } else {
            match value.map_or_else(|| parser.value(), Ok) {
                Ok(value) => self.give(input.name, value),
                Err(_) => self.reject(input.name, "needs a value"),
            }
        }
    }

    fn give(&mut self, input: &'static str, value: OsString) {
        let Ok(value) = value.into_string() else {
            return self.reject(input, "is not UTF-8: give it as plain text");
        };
        let value = value.trim().to_owned();
        match self.given.iter().find(|(name, _)| *name == input) {
            Some((_, other)) if *other != value => {
                self.reject(input, "is given twice with different values; keep one");
            }
            Some(_) => {}
            None => self.given.push((input, value)),
        }
    }

    fn reject(&mut self, input: &'static str, problem: &str) {
        self.problems.push(format!("{} {problem}", flag(input)));
        self.rejected.push(input);
    }

    /// Other users of the machine can read arguments.
    fn secret(&mut self, input: &'static InputSpec, value: Option<OsString>, parser: &mut Parser) {
        let variable = input.falls_back_to.first().copied().unwrap_or_default();
        self.reject(
            input.name,
            &format!(
                "is not accepted, because other users can read arguments; set the variable `{variable}`"
            ),
        );
        self.take_secret(value, parser);
    }

    /// Takes the value of a secret out of the arguments, also one that begins
    /// with a dash.
    fn take_secret(&mut self, value: Option<OsString>, parser: &mut Parser) {
        let next = || {
            let mut rest = parser.try_raw_args()?;
            rest.next_if(|it| !is_flag(it))
        };
        if let Some(value) = value.or_else(next) {
            self.secrets.push(value.to_string_lossy().trim().to_owned());
        }
    }

    /// `value` is what followed the `=`, if there was one.
    fn unknown(&mut self, dashes: &str, name: &str, value: Option<OsString>, parser: &mut Parser) {
        let negated = name.strip_prefix("no-").and_then(find);
        if let Some(input) = negated.filter(|it| it.is_switch()) {
            let problem = format!(
                "unknown flag `{dashes}{name}`; use `--{}=false`",
                dashed(input.name)
            );
            self.problems.push(problem);
            return;
        }
        let meant = find(name).or_else(|| find(nearest(&normalized(name))?));
        let advice = match meant {
            Some(it) => format!("did you mean `--{}`?", dashed(it.name)),
            None => "`--help` lists all flags".to_owned(),
        };
        self.problems
            .push(format!("unknown flag `{dashes}{name}`; {advice}"));
        if let Some(input) = meant {
            self.rejected.push(input.name);
            if input.is_secret {
                self.take_secret(value, parser);
            } else if value.is_none() && !input.is_switch() {
                // Its value is no deployment.
                let rest = parser.try_raw_args();
                rest.and_then(|mut it| it.next_if(|it| !it.to_string_lossy().starts_with('-')));
            }
        }
    }
}

/// Whether an argument is one of our flags.
fn is_flag(argument: &OsStr) -> bool {
    let text = argument.to_string_lossy();
    let Some(name) = text.strip_prefix("--") else {
        return matches!(&*text, "-h" | "-V");
    };
    let name = name.split('=').next().unwrap_or_default();
    matches!(name, "" | "help" | "version") || find(name).is_some()
}

/// How a problem names an argument.
fn flag(input: &str) -> String {
    if input == "deployment_id" {
        return "the deployment".to_owned();
    }
    format!("flag `--{}`", dashed(input))
}

/// An input's name as a flag has it, without the dashes in front.
pub fn dashed(input: &str) -> String {
    input.replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::inputs::INPUTS;

    fn run(arguments: &str) -> Flags {
        let arguments: Vec<_> = arguments.split_whitespace().map(OsString::from).collect();
        match parse(&arguments) {
            CommandLine::Run(flags) => flags,
            other @ (CommandLine::Help | CommandLine::Version) => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_input_is_a_flag_and_the_positional_argument_is_the_target() {
        let given = |arguments: &str| {
            let flags = run(arguments);
            assert_eq!(flags.problems, [""; 0], "{arguments}");
            let given = flags.given.iter();
            let given: Vec<_> = given
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            given.join(" ")
        };
        for (arguments, expected) in [
            ("", ""),
            ("latest", "deployment_id=latest"),
            ("--project-name site", "project_name=site"),
            ("--project-name=site", "project_name=site"),
            ("--project_name=site", "project_name=site"),
            ("--projectName site", "project_name=site"),
            ("--dry-run 4f1c2a9e", "dry_run=true deployment_id=4f1c2a9e"),
            ("--dry-run=false", "dry_run=false"),
            ("--wait=False latest", "wait=False deployment_id=latest"),
            ("--check-url latest", "check_url=true deployment_id=latest"),
            ("--check-url=/version.txt", "check_url=/version.txt"),
            ("--branch= latest", "branch= deployment_id=latest"),
            ("--branch -x", "branch=-x"),
            ("--deployment-id latest", "deployment_id=latest"),
            ("--branch main --branch=main", "branch=main"),
            (
                "--timeout 5m -- --dry-run",
                "timeout=5m deployment_id=--dry-run",
            ),
        ] {
            if find("check_url").is_some() || !arguments.contains("check-url") {
                assert_eq!(given(arguments), expected, "{arguments}");
            }
        }
        for input in INPUTS.iter().filter(|it| !it.is_secret) {
            let flag = format!("--{}=x", dashed(input.name));
            assert_eq!(given(&flag), format!("{}=x", input.name));
        }
    }

    #[test]
    fn help_and_version_are_found_anywhere() {
        for (arguments, expected) in [
            ("-h", CommandLine::Help),
            ("--help", CommandLine::Help),
            ("latest --project-name site --help", CommandLine::Help),
            ("-V", CommandLine::Version),
            ("--version", CommandLine::Version),
        ] {
            let arguments: Vec<_> = arguments.split(' ').map(OsString::from).collect();
            assert_eq!(parse(&arguments), expected, "{arguments:?}");
        }
    }

    #[test]
    fn each_problem_says_what_would_be_right() {
        let cases = [
            (
                "--projct-name site",
                "unknown flag `--projct-name`; did you mean `--project-name`?",
            ),
            (
                "--project site",
                "unknown flag `--project`; did you mean `--project-name`?",
            ),
            (
                "-project-name site",
                "unknown flag `-project-name`; did you mean `--project-name`?",
            ),
            (
                "-branch=main",
                "unknown flag `-branch`; did you mean `--branch`?",
            ),
            ("--no-wait", "unknown flag `--no-wait`; use `--wait=false`"),
            (
                "--verbose",
                "unknown flag `--verbose`; `--help` lists all flags",
            ),
            ("-v", "unknown flag `-v`; `--help` lists all flags"),
            ("--branch", "flag `--branch` needs a value"),
            (
                "--branch a --branch b",
                "flag `--branch` is given twice with different values; keep one",
            ),
            (
                "latest 4f1c2a9e",
                "the deployment is given twice with different values; keep one",
            ),
        ];
        for (arguments, expected) in cases {
            assert_eq!(run(arguments).problems, [expected], "{arguments}");
        }
    }

    #[test]
    fn a_secret_is_rejected_and_known_in_order_to_be_hidden() {
        let token = "set the variable `CLOUDFLARE_API_TOKEN`";
        for (arguments, expected) in [
            ("--api-token hush-hush", token),
            ("--api-token=hush-hush", token),
            ("--apiToken hush-hush latest", token),
            (
                "--api-key=hush-hush",
                "set the variable `CLOUDFLARE_API_KEY`",
            ),
            ("--api-tokn hush-hush", "did you mean `--api-token`?"),
            ("--token=hush-hush", "did you mean `--api-token`?"),
            ("-api-token hush-hush", "did you mean `--api-token`?"),
        ] {
            let flags = run(arguments);
            let [problem] = flags.problems.as_slice() else {
                panic!("{arguments}: {flags:?}");
            };
            assert!(problem.contains(expected), "{arguments}: {problem}");
            assert!(!problem.contains("hush"), "{problem}");
            assert_eq!(flags.secrets, ["hush-hush"], "{arguments}");
            assert!(!flags.given.iter().any(|(_, it)| it.contains("hush")));
        }
        // A token may begin with a dash; a flag that follows is no token.
        assert_eq!(run("--api-token -hush").secrets, ["-hush"]);
        let flags = run("--api-token --dry-run");
        assert!(flags.secrets.is_empty());
        assert_eq!(flags.given, [("dry_run", "true".to_owned())]);
    }

    #[test]
    fn a_flag_takes_precedence_over_each_spelling_of_a_variable() {
        let env = Env::from([
            ("INPUT_TIMEOUT", "1h"),
            ("plugin_time-out", "2h"),
            ("INPUT_BRANCH", "main"),
            ("TIMEOUT", "of somebody else"),
        ]);
        let env = run("--timeout 5m").over(&env, &["INPUT_", "PLUGIN_"]);
        let left: Vec<_> = env.iter().collect();
        assert_eq!(
            left,
            [
                ("INPUT_BRANCH", "main"),
                ("TIMEOUT", "of somebody else"),
                ("INPUT_TIMEOUT", "5m")
            ]
        );
    }

    #[test]
    fn what_a_rejected_flag_was_meant_for_is_not_missing_as_well() {
        let missing = |name: &str| format!("input `{name}` is missing: set it");
        let problems = vec![missing("project_name"), missing("account_id")];
        let joined = run("--projct-name site").join_problems(problems);
        assert_eq!(joined.len(), 2, "{joined:?}");
        assert_eq!(joined[1], missing("account_id"));
    }
}
