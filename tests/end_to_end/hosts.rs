//! Each CI host: runs the built binary with the variables of the host, and reads the
//! log and the outputs as the host does.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::step::{Done, ORIGINAL, Step};
use test_support::fake::{Api, Clock, Deployment, Fake, Life, Route, TOKEN};
use test_support::parsers::{
    Reader, act, azure, bitbucket, circleci, cloudbuild, drone, gitlab, hostile, teamcity,
};

type Variables = BTreeMap<String, String>;

struct Host {
    name: &'static str,
    /// The variables of the host; `{}` stands for the folder of the step.
    vars: &'static [(&'static str, &'static str)],
    reader: Option<Reader>,
    /// The actions that the log of a failure triggers, without repetitions.
    acts_of_a_failure: &'static [&'static str],
    /// The outputs that a later step would see, from the folder and the log.
    outputs: fn(&Path, &str) -> Variables,
    /// Whether a value with a `$` reaches a later step.
    carries_dollars: bool,
}

fn variables(pairs: Vec<(String, String)>) -> Variables {
    pairs.into_iter().collect()
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap()
}

const GITEA: Host = Host {
    name: "gitea",
    vars: &[
        ("GITHUB_ACTIONS", "true"),
        ("GITEA_ACTIONS", "true"),
        ("GITHUB_OUTPUT", "{}/output"),
    ],
    reader: Some(Reader::Gitea),
    acts_of_a_failure: &["add-mask", "group", "stop-commands", "(token)", "endgroup"],
    outputs: |folder, _| variables(act::output_file(&read(folder, "output")).unwrap()),
    carries_dollars: true,
};

const HOSTS: [Host; 12] = [
    GITEA,
    Host {
        name: "forgejo",
        vars: &[
            ("GITHUB_ACTIONS", "true"),
            ("FORGEJO_ACTIONS", "true"),
            ("GITHUB_OUTPUT", "{}/output"),
        ],
        ..GITEA
    },
    Host {
        name: "gitlab",
        vars: &[("GITLAB_CI", "true"), ("CI_PROJECT_DIR", "{}")],
        reader: Some(Reader::GitLab),
        acts_of_a_failure: &["is_start: true, build_log_", "is_start: false, build_log_"],
        outputs: |folder, _| variables(gitlab::dotenv(&read(folder, "pages-retry.env")).unwrap()),
        carries_dollars: false,
    },
    Host {
        name: "azure",
        vars: &[("TF_BUILD", "True"), ("AGENT_TEMPDIRECTORY", "{}")],
        reader: Some(Reader::Azure),
        acts_of_a_failure: &[
            "task.setsecret",
            "group",
            "endgroup",
            "task.setvariable",
            "task.uploadsummary",
            "task.logissue",
        ],
        outputs: |_, log| variables(azure::output_variables(log)),
        carries_dollars: true,
    },
    Host {
        name: "teamcity",
        vars: &[("TEAMCITY_VERSION", "2026.1")],
        reader: Some(Reader::TeamCity),
        acts_of_a_failure: &[
            "blockOpened",
            "disableServiceMessages",
            "enableServiceMessages",
            "blockClosed",
            "setParameter",
            "buildProblem",
        ],
        outputs: |_, log| {
            let messages = teamcity::read(log).into_iter();
            let set = messages.filter(|it| it.name == "setParameter");
            let pairs = set.map(|it| {
                let name = it.get("name").unwrap().strip_prefix("env.").unwrap();
                (name.to_owned(), it.get("value").unwrap().to_owned())
            });
            pairs.collect()
        },
        carries_dollars: true,
    },
    Host {
        name: "circleci",
        vars: &[("CIRCLECI", "true"), ("BASH_ENV", "{}/bash_env")],
        reader: None,
        acts_of_a_failure: &[],
        outputs: |folder, _| {
            let read = variables(circleci::bash_env(&read(folder, "bash_env")).unwrap());
            let names: Vec<_> = read.keys().map(String::as_str).collect();
            let by_bash = circleci::by_bash(&folder.join("bash_env"), &names);
            let values: Vec<_> = read.values().cloned().collect();
            assert_eq!(by_bash.expect("there is a bash"), values);
            read
        },
        carries_dollars: true,
    },
    Host {
        name: "bitbucket",
        vars: &[
            ("BITBUCKET_BUILD_NUMBER", "7"),
            ("BITBUCKET_PIPELINES_VARIABLES_PATH", "{}/variables"),
        ],
        reader: None,
        acts_of_a_failure: &[],
        outputs: |folder, _| {
            variables(bitbucket::output_variables(&read(folder, "variables")).unwrap())
        },
        carries_dollars: true,
    },
    Host {
        name: "drone",
        vars: &[("DRONE", "true"), ("DRONE_OUTPUT", "{}/output")],
        reader: None,
        acts_of_a_failure: &[],
        outputs: |folder, _| variables(drone::output_file(&read(folder, "output")).unwrap()),
        carries_dollars: true,
    },
    Host {
        name: "cloudbuild",
        vars: &[("BUILDER_OUTPUT", "{}")],
        reader: None,
        acts_of_a_failure: &[],
        outputs: |folder, _| {
            let file = fs::read(folder.join("output")).unwrap();
            let arrived = cloudbuild::step_output(&file);
            assert_eq!(arrived.len(), file.len(), "something was cut off");
            let text = std::str::from_utf8(arrived).unwrap();
            variables(drone::output_file(text).unwrap())
        },
        carries_dollars: true,
    },
    Host {
        name: "buildkite",
        vars: &[("BUILDKITE", "true"), ("PATH", "{}")],
        reader: Some(Reader::Buildkite),
        acts_of_a_failure: &["Collapsed", "Open"],
        outputs: |folder, _| {
            let names = fs::read_dir(folder.join("meta-data")).unwrap();
            let names = names.map(|it| it.unwrap().file_name().into_string().unwrap());
            let read = |name: String| {
                let value = read(&folder.join("meta-data"), &name);
                (name, value)
            };
            names.map(read).collect()
        },
        carries_dollars: true,
    },
    Host {
        name: "woodpecker",
        vars: &[("CI", "woodpecker")],
        reader: None,
        acts_of_a_failure: &[],
        outputs: |_, _| Variables::new(),
        carries_dollars: true,
    },
    Host {
        name: "jenkins",
        vars: &[("JENKINS_URL", "https://ci.example/")],
        reader: None,
        acts_of_a_failure: &[],
        outputs: |_, _| Variables::new(),
        carries_dollars: true,
    },
];

/// An agent that records its arguments, its input and its environment.
const AGENT: &str = "#!/bin/sh
PATH=/usr/bin:/bin
here=${0%/*}
env >>\"$here/agent.env\"
case $1 in
meta-data) mkdir -p \"$here/meta-data\" && cat >\"$here/meta-data/$3\" ;;
*) printf '%s\\n' \"$@\" >\"$here/annotate\" && cat >\"$here/annotation.md\" ;;
esac
";

/// Runs a step on `host`.
fn run(host: &Host, fake: &Fake) -> (Step, Done) {
    let step = Step::new(fake).with("logs", "always");
    let folder = step.folder().to_str().unwrap().to_owned();
    let vars = host.vars.iter();
    let step = vars.fold(step, |step, (name, value)| {
        step.var(name, &value.replace("{}", &folder))
    });
    let agent = step.folder().join("buildkite-agent");
    fs::write(&agent, AGENT).unwrap();
    fs::set_permissions(&agent, fs::Permissions::from_mode(0o755)).unwrap();
    let done = step.run();
    (step, done)
}

impl Host {
    /// The name of an output for later steps.
    fn name_of(&self, output: &str) -> String {
        match self.name {
            "gitea" | "forgejo" => output.to_owned(),
            _ => format!("PAGES_RETRY_{}", output.to_uppercase()),
        }
    }

    /// The actions that the log triggers in the host, without times and texts.
    fn acts(&self, log: &str) -> Vec<String> {
        let Some(reader) = self.reader else {
            return Vec::new();
        };
        let acts = reader.acts(log).into_iter();
        let kinds = acts.map(|act| {
            // `Message { name: "x", …`, `Section { is_start: true, … "x" …`, `Kind(…`.
            let name = act.split('"').nth(1).unwrap_or_default();
            let is_token = name.len() == 32 && name.chars().all(|it| it.is_ascii_hexdigit());
            let name = if is_token { "(token)" } else { name }.to_owned();
            match act.split_once([' ', '(']) {
                Some(("Act" | "Message" | "Command" | "Format", _)) => name,
                Some(("Section", rest)) => {
                    let side = rest.trim_start_matches("{ ").split(',').next();
                    format!(
                        "{}, {}",
                        side.unwrap_or_default(),
                        name.trim_end_matches(|it: char| it.is_ascii_digit())
                    )
                }
                Some((kind, _)) => kind.to_owned(),
                None => act,
            }
        });
        let mut kinds: Vec<_> = kinds.collect();
        kinds.dedup();
        kinds
    }
}

/// A failed deployment whose retry follows `life`.
fn project(life: Life, change: impl FnOnce(Deployment) -> Deployment) -> Fake {
    let original = change(Deployment::failed(ORIGINAL));
    Fake::start(
        Api::new()
            .clock(Clock::PerRequest(Duration::from_secs(20)))
            .deployment(original)
            .retries_to(life.with_a_tidy_queue())
            .expect(Route::Retry, 1),
    )
}

fn log_of(lines: &[&str]) -> Vec<(Duration, String)> {
    let at = Duration::from_secs(12);
    lines.iter().map(|it| (at, (*it).to_owned())).collect()
}

/// Asserts that later steps see the outputs of the file, under the host's names.
#[track_caller]
fn assert_handed_over(host: &Host, step: &Step, done: &Done, without: &[&str]) {
    // These hosts only have `output_file`, from which `done.outputs` was read.
    if matches!(host.name, "woodpecker" | "jenkins") {
        assert!(done.outputs.contains_key("status"), "{}", done.log);
        return;
    }
    let seen = (host.outputs)(step.folder(), &done.log);
    let expected: Variables = done
        .outputs
        .iter()
        .filter(|(name, _)| !without.contains(&name.as_str()))
        .map(|(name, value)| (host.name_of(name), value.clone()))
        .collect();
    assert_eq!(seen, expected, "{}:\n{}", host.name, done.log);
}

/// Runs a test on all hosts concurrently.
fn on_each(try_on: impl Fn(&Host) + Sync) {
    thread::scope(|scope| {
        for host in &HOSTS {
            scope.spawn(|| try_on(host));
        }
    });
}

#[test]
fn a_success_reaches_the_later_steps_of_each_host() {
    on_each(|host| {
        let fake = project(Life::success(), |it| it);
        let (step, done) = run(host, &fake);
        assert_eq!(done.code, 0, "{}:\n{}", host.name, done.log);
        assert_eq!(done.outputs["url"], "https://9a8b7c6d.site.pages.dev");
        assert_handed_over(host, &step, &done, &[]);
    });
}

#[test]
fn a_failure_reaches_the_later_steps_of_each_host() {
    on_each(|host| {
        let life = Life::fails_in("build").log(log_of(&["$ npm run build", "error: no"]));
        let fake = project(life, |it| it);
        let (step, done) = run(host, &fake);
        assert_eq!(done.code, 1, "{}:\n{}", host.name, done.log);
        assert_eq!(done.outputs["status"], "failure");
        assert_handed_over(host, &step, &done, &[]);
        let acts = host.acts(&done.log);
        assert_eq!(acts, host.acts_of_a_failure, "{}:\n{}", host.name, done.log);
    });
}

#[test]
fn a_hostile_deployment_triggers_no_additional_actions_on_any_host() {
    let lines: Vec<&str> = hostile::TABLE.iter().map(|it| it.text).collect();
    let evil = "$HOME'; ##vso[task.complete]##teamcity[x y='z'] `id`";
    on_each(|host| {
        let life = Life::fails_in("build").log(log_of(&lines));
        let fake = project(life, |it| it.branch(evil).message(&lines.join("\n")));
        let (step, done) = run(host, &fake);
        assert_eq!(done.code, 1, "{}:\n{}", host.name, done.log);
        let acts = host.acts(&done.log);
        assert_eq!(acts, host.acts_of_a_failure, "{}:\n{}", host.name, done.log);
        let warning = "warning: output `branch` is left out: GitLab would expand the `$` in it\n";
        assert_eq!(done.log.contains(warning), !host.carries_dollars);
        let without: &[&str] = if host.carries_dollars {
            &[]
        } else {
            &["branch"]
        };
        assert_handed_over(host, &step, &done, without);
    });
}

fn host(name: &str) -> &'static Host {
    HOSTS.iter().find(|it| it.name == name).unwrap()
}

fn failure(host: &Host) -> (Step, Done) {
    run(host, &project(Life::fails_in("build"), |it| it))
}

#[test]
fn azure_shows_the_summary_that_was_written() {
    let (step, done) = failure(host("azure"));
    let path = step.folder().join("pages-retry.md");
    let upload = format!("##vso[task.uploadsummary]{}\n", path.display());
    assert!(done.log.contains(&upload), "{}", done.log);
    let summary = read(step.folder(), "pages-retry.md");
    assert!(
        summary.starts_with("### ❌ Deployment 9a8b7c6d"),
        "{summary}"
    );
}

#[test]
fn azure_gets_no_upload_command_for_a_summary_that_could_not_be_written() {
    let fake = project(Life::success(), |it| it);
    let step = Step::new(&fake).var("TF_BUILD", "True");
    let done = step.var("AGENT_TEMPDIRECTORY", "no/such/folder").run();
    assert_eq!(done.code, 0, "{}", done.log);
    let warning = "failed to write the summary to `no/such/folder/pages-retry.md`: ";
    assert_eq!(done.log.matches(warning).count(), 1, "{}", done.log);
    assert!(!done.log.contains("task.uploadsummary"), "{}", done.log);
}

#[test]
fn the_buildkite_agent_gets_the_summary_and_no_secret() {
    let (step, _) = failure(host("buildkite"));
    let arguments = "annotate\n--style\nerror\n--context\npages-retry\n";
    assert_eq!(read(step.folder(), "annotate"), arguments);
    let summary = read(step.folder(), "annotation.md");
    assert!(
        summary.starts_with("### ❌ Deployment 9a8b7c6d"),
        "{summary}"
    );
    let seen = read(step.folder(), "agent.env");
    assert!(seen.contains("BUILDKITE=true\n"), "{seen}");
    assert!(!seen.contains(TOKEN) && !seen.contains("INPUT_"), "{seen}");
}

#[test]
fn a_missing_or_failing_agent_is_a_warning_and_the_outcome_stands() {
    let fake = || project(Life::success(), |it| it);
    let step = |fake: &Fake| Step::new(fake).var("BUILDKITE", "true");
    let done = step(&fake()).run();
    assert_eq!(done.code, 0, "{}", done.log);
    let warning = "warning: `buildkite-agent` is not in PATH, so later steps get no outputs and there is no annotation; mount it, or use `output_file`\n";
    assert!(done.log.contains(warning), "{}", done.log);

    let fake = fake();
    let step = step(&fake);
    let folder = step.folder().to_str().unwrap().to_owned();
    let step = step.var("PATH", &folder);
    let agent = step.folder().join("buildkite-agent");
    fs::write(&agent, "#!/bin/sh\nexit 7\n").unwrap();
    fs::set_permissions(&agent, fs::Permissions::from_mode(0o755)).unwrap();
    let done = step.run();
    assert_eq!(done.code, 0, "{}", done.log);
    for what in ["the outputs", "the summary"] {
        let warning = format!(
            "warning: failed to write {what} to `{}`: it ended with exit status: 7\n",
            agent.display()
        );
        assert_eq!(done.log.matches(&warning).count(), 1, "{}", done.log);
    }
}

#[test]
fn plugin_settings_are_inputs_only_on_woodpecker_and_drone() {
    let cases = [
        ("CI", "woodpecker", true),
        ("DRONE", "true", true),
        ("HARNESS_BUILD_ID", "7", true),
        ("GITLAB_CI", "true", false),
    ];
    for (name, value, counts) in cases {
        let fake = Fake::start(Api::new().deployment(Deployment::failed(ORIGINAL)));
        let step = Step::new(&fake)
            .var(name, value)
            .with("deployment_id", "")
            .var("PLUGIN_DEPLOYMENT_ID", ORIGINAL)
            .var("PLUGIN_LOG_FORMAT", "plain")
            .var("PLUGIN_DRY_RUN", "true");
        let done = step.run();
        let log = "\
Would retry deployment 4f1c2a9e of site (production, main, 3b2f9c1 Update index.html)
Dry run: nothing was triggered
";
        assert_eq!(done.log == log, counts, "{name}:\n{}", done.log);
    }
}
