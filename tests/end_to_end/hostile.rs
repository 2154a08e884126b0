//! External text in the whole program: whatever reads the log executes only the
//! program's own commands.
//!
//! Each run is repeated with harmless texts instead of hostile ones, and each host's
//! parser must find the same commands in both logs.

use std::time::Duration;

use crate::step::{Done, ORIGINAL, Step};
use test_support::fake::{Api, Clock, Deployment, Fake, Life, Reply, Route, Step as Stage, When};
use test_support::parsers::github::Act;
use test_support::parsers::hostile::TABLE;
use test_support::parsers::{Reader, github};

/// Every value of `log_format` except `auto`.
const FORMATS: [&str; 15] = [
    "plain",
    "json",
    "github",
    "gitea",
    "forgejo",
    "gitlab",
    "azure",
    "buildkite",
    "teamcity",
    "circleci",
    "bitbucket",
    "woodpecker",
    "drone",
    "cloudbuild",
    "jenkins",
];

/// The texts of the hostile table, or the same number of harmless ones.
#[derive(Clone, Copy)]
enum Texts {
    Hostile,
    Tame,
}

impl Texts {
    fn all(self) -> Vec<String> {
        let texts = TABLE.iter().enumerate().map(|(n, hostile)| match self {
            Self::Hostile => hostile.text.to_owned(),
            Self::Tame => format!("tame {n}"),
        });
        texts.collect()
    }
}

/// The actions that a log triggers in a reader, without the random token and the times,
/// which differ in each run.
fn acts(reader: Reader, log: &str) -> Vec<String> {
    let token = log
        .lines()
        .find_map(|it| it.strip_prefix("::stop-commands::"));
    let log = match token.filter(|it| 32 <= it.len()) {
        Some(token) => log.replace(token, "token"),
        None => log.to_owned(),
    };
    let without_time = |act: String| {
        let parts = act.split_inclusive(|it: char| !it.is_ascii_digit());
        parts.filter(|it| it.len() <= 10).collect()
    };
    reader.acts(&log).into_iter().map(without_time).collect()
}

/// Compares the `part` of each action of each reader.
#[track_caller]
fn compare(format: &str, run: impl Fn(Texts) -> Done, part: impl Fn(&str) -> &str) {
    let (hostile, tame) = (run(Texts::Hostile), run(Texts::Tame));
    assert_eq!(hostile.code, tame.code, "{format}: {}", hostile.log);
    for reader in Reader::ALL {
        let (hostile_acts, tame_acts) = (acts(reader, &hostile.log), acts(reader, &tame.log));
        let parts = |acts: &[String]| acts.iter().map(|it| part(it).to_owned()).collect();
        let (found, expected): (Vec<_>, Vec<_>) = (parts(&hostile_acts), parts(&tame_acts));
        assert_eq!(
            found, expected,
            "{reader:?} reads {format}:\n{}",
            hostile.log
        );
    }
}

/// A build whose stages have these names and whose log has these lines.
fn build(texts: Texts, format: &str) -> Done {
    const CAUSE: &str = "JavaScript heap out of memory";
    let texts = texts.all();
    let mut lines = texts.clone();
    lines.push(CAUSE.to_owned());
    let lines = lines.into_iter().map(|it| (Duration::from_secs(12), it));
    let stages = texts.iter().map(|it| Stage::new(it));
    let life = stages.fold(Life::fails_in("build").log(lines), |life, stage| {
        life.before("queued", stage.takes(Duration::from_millis(20)))
    });
    let api = Api::new()
        .clock(Clock::PerRequest(Duration::from_secs(30)))
        .deployment(Deployment::failed(ORIGINAL))
        .retries_to(life);
    let fake = Fake::start(api);
    let step = Step::new(&fake).with("log_format", format);
    step.with("logs", "always").run()
}

#[test]
fn no_reader_executes_commands_in_a_build_log_or_a_stage_name() {
    for format in FORMATS {
        compare(format, |texts| build(texts, format), |act| act);
    }
}

#[test]
fn github_executes_our_own_commands_around_a_hostile_log() {
    let log = build(Texts::Hostile, "github").log;
    let acts = github::read(&log).acts;
    let [group, stop, resume, end, error] = acts.as_slice() else {
        panic!("{acts:?}");
    };
    assert_eq!(*group, Act::Group("Build log".to_owned()));
    assert!(matches!(stop, Act::StopCommands(token) if 32 <= token.len()));
    assert_eq!((resume, end), (&Act::ResumeCommands, &Act::EndGroup));
    let Act::Annotate(error) = error else {
        panic!("{error:?}");
    };
    assert_eq!(error.kind, github::Kind::Error);
    assert!(error.message.starts_with("the build ran out of memory\n"));
}

/// On Azure and `TeamCity` the log contains the outputs, and therefore such texts;
/// `hosts.rs` reads them back.
#[test]
fn no_reader_executes_commands_in_a_branch_a_commit_message_or_a_url() {
    let formats = FORMATS.into_iter();
    for format in formats.filter(|it| !["azure", "teamcity"].contains(it)) {
        let run = |texts: &[String]| {
            let [branch, message, url] = texts else {
                panic!("three texts");
            };
            let original = Deployment::failed(ORIGINAL).branch(branch).message(message);
            let original = original.with("url", url.as_str().into());
            let original = original.with("environment", url.as_str().into());
            let fake = Fake::start(Api::new().deployment(original));
            let step = Step::new(&fake).with("log_format", format);
            step.with("wait", "false").run()
        };
        for first in (0..TABLE.len() - 2).step_by(3) {
            let run = |texts: Texts| run(&texts.all()[first..first + 3]);
            compare(format, run, |act| act);
        }
    }
}

/// An annotation may contain such a message, so only its kind is compared.
#[test]
fn no_reader_executes_commands_in_an_error_message() {
    for format in FORMATS {
        for first in (0..TABLE.len()).step_by(8) {
            let run = |texts: Texts| {
                let message: Vec<_> = texts.all().into_iter().skip(first).take(8).collect();
                let refusal = Reply::error(403, 9_999, &message.join("\n"));
                let api = Api::new().deployment(Deployment::failed(ORIGINAL));
                let fake = Fake::start(api.fault(When::any(), refusal));
                Step::new(&fake).with("log_format", format).run()
            };
            compare(format, run, |act| {
                let end = ["properties", "attributes", "message", "data"];
                let end = end.iter().filter_map(|it| act.find(it)).min();
                &act[..end.unwrap_or(act.len())]
            });
        }
    }
}

#[test]
fn only_a_host_that_the_environment_identifies_is_told_the_secrets() {
    for format in FORMATS {
        let fake = Fake::start(Api::new().deployment(Deployment::failed(ORIGINAL)));
        let step = Step::new(&fake).with("log_format", format);
        let done = step.with("wait", "false").run();
        assert_eq!(done.code, 0, "{format}: {}", done.log);
        let is_shown = done.log.contains(test_support::fake::TOKEN);
        assert!(!is_shown, "{format}: {}", done.log);
        if format != "json" {
            let log = log_on_github(format);
            assert!(log.starts_with("::add-mask::"), "{format}: {log}");
        }
    }
}

/// The log of a step on GitHub, in another form.
fn log_on_github(format: &str) -> String {
    let fake = Fake::start(Api::new().deployment(Deployment::failed(ORIGINAL)));
    let step = Step::new(&fake).on_github().with("log_format", format);
    step.with("wait", "false").run().log
}

#[test]
fn a_secret_that_comes_back_with_something_invisible_inside_is_hidden() {
    let (start, end) = test_support::fake::TOKEN.split_at(8);
    for parted in ["\u{200b}", "\u{ad}", "\u{202e}", "\0"] {
        let echoed = format!("the token {start}{parted}{end} is not valid");
        let original = Deployment::failed(ORIGINAL).message(&echoed);
        let refusal = Reply::error(403, 10_000, &echoed);
        let api = Api::new().deployment(original);
        let fake = Fake::start(api.fault(When::next(Route::Retry), refusal));
        let done = Step::new(&fake).on_github().run();
        assert_eq!(done.code, 3, "{}", done.log);
        let summary = done.summary.unwrap();
        let hidden = summary.matches("the token &#42;&#42;&#42; is not valid");
        assert_eq!(hidden.count(), 2, "{summary}");
        assert!(!summary.contains(&format!("{start}{end}")), "{summary}");
    }
}
