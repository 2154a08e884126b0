//! Connects the layers: environment → config → run → report. Writes the
//! outputs and the summary on every path, and emits the final event.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write as _};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;

use crate::check;
use crate::cloudflare::Client;
use crate::cloudflare::transport::Http;
use crate::config::flags::{self, CommandLine, Flags};
use crate::config::{CiRun, Config, OutputFile, ParsedInputs, inputs};
use crate::deliver::{Deliverer, Programs, check_writable, read_event, start};
use crate::env::Env;
use crate::help::help;
use crate::host::commit::event_path;
use crate::host::delivery::Delivery;
use crate::host::outputs::{OutputFormat, Outputs};
use crate::host::{Host, LogFormat, detect_from_env};
use crate::io::{
    Hurry, Io, LogWriter, Signals, check_open_files, unguessable, unix_seconds, within,
};
use crate::report;
use crate::report::json::Json;
use crate::report::line::last_line;
use crate::report::log::{Log, LogStyle};
use crate::report::summary;
use crate::report::terminal::Terminal;
use crate::retry;
use crate::run::event::{Event, Report};
use crate::run::history::StageHistory;
use crate::run::outcome::{Outcome, RunResult};
use crate::text::secrets::Secrets;

/// Runs the program with its arguments, without its own name, and its
/// environment. Returns the exit code of the contract. `signals` is what came
/// of installing their handlers.
pub fn run(arguments: &[OsString], env: &Env, signals: io::Result<Signals>) -> ExitCode {
    run_at_speed(arguments, env, signals, 1)
}

/// As [`run`], against an API whose time passes `speed` times as fast as the
/// clock; the live view follows the API's time.
pub fn run_at_speed(
    arguments: &[OsString],
    env: &Env,
    signals: io::Result<Signals>,
    speed: u32,
) -> ExitCode {
    let text = match flags::parse(arguments) {
        CommandLine::Help => help(),
        CommandLine::Version => concat!("pages-retry ", env!("CARGO_PKG_VERSION"), "\n").into(),
        CommandLine::Run(flags) => return run_step(&flags, env, signals, speed),
    };
    // Nobody is left to read an error.
    let _ = io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

/// Runs a step with the inputs of `env`, over which `flags` take precedence.
fn run_step(flags: &Flags, env: &Env, signals: io::Result<Signals>, speed: u32) -> ExitCode {
    let detected = detect_from_env(env);
    let env = &flags.over(env, &["INPUT_", "PLUGIN_"]);
    // The format of the log must be known before the inputs are.
    let raw = inputs::collect(env, detected.input_prefixes()).inputs;
    let log_format = LogFormat::parse(&raw.log_format).unwrap_or(LogFormat::Auto);
    let host = log_format.host(detected);
    let prefixes = [detected.input_prefixes(), host.input_prefixes()].concat();
    let mut secrets = inputs::secrets(env, &prefixes);
    secrets.extend(flags.secrets.iter().cloned());
    let delimiter = unguessable();
    let stdout = LogWriter::start();
    let mut log = reporter(
        env, log_format, detected, &secrets, &delimiter, &stdout, speed,
    );
    // Only a filter by commit refers to what started the run.
    let event_path = event_path(host.name(), env).filter(|_| !raw.commit_hash.is_empty());
    let run = CiRun {
        host: host.name(),
        event: event_path.map(|it| read_event(Path::new(it))),
        is_interactive: flags.are_given() || (io::stdout().is_terminal() && !is_ci(env)),
    };
    let parsed = ParsedInputs::from_env(env, &prefixes, &run);
    for message in parsed.warnings {
        let _ = log.event(&Event::Warned { message });
    }
    for message in parsed.notices {
        let _ = log.event(&Event::Noticed { message });
    }
    let output_file = parsed.output_file.as_ref();
    let config = parsed
        .config
        .and_then(|config| is_writable(output_file).map(|()| config));
    let result = match (config, &signals) {
        (Err(problems), _) => usage_error(flags.join_problems(problems)),
        (Ok(_), _) if !flags.problems.is_empty() => usage_error(flags.problems.clone()),
        (Ok(config), Ok(signals)) => retry(&config, signals, &mut *log)
            .unwrap_or_else(|error| usage_error(vec![format!("{error:#}")])),
        (Ok(_), Err(error)) => usage_error(vec![format!("failed to listen to signals: {error}")]),
    };
    let hurry = Hurry::new(&signals.unwrap_or_default(), &result.outcome);
    let mut deliverer = Deliverer {
        log: &mut *log,
        stdout: stdout.clone(),
        hurry: hurry.clone(),
        programs: Programs::new(),
    };
    let result = write_outputs(result, env, host, output_file, &mut deliverer, &delimiter);
    if parsed.summary {
        let markdown = summary::render(&result, &Secrets::new(&secrets));
        let deliveries = host.summarize(env, markdown, result.severity());
        deliverer.write_all(deliveries, "the summary");
    }
    let mut programs = deliverer.programs;
    let code = result.exit_code();
    // A step that was signaled may be killed soon: the last line comes first.
    if !hurry.is_signaled() {
        for message in start(std::mem::take(&mut programs)).wait(&hurry) {
            let _ = log.event(&Event::Warned { message });
        }
    }
    let _ = log.event(&Event::Finished(Box::new(result)));
    let started = start(programs);
    stdout.drain(&hurry);
    // Nothing follows the last line.
    let _ = started.wait(&hurry);
    ExitCode::from(code)
}

/// Checks the user's own file before anything is created at Cloudflare.
fn is_writable(output_file: Option<&OutputFile>) -> Result<(), Vec<String>> {
    let Some(OutputFile { path, .. }) = output_file else {
        return Ok(());
    };
    check_writable(path).map_err(|error| vec![not_written(path, &error)])
}

fn not_written(path: &Path, error: &io::Error) -> String {
    format!(
        "failed to write `output_file` `{}`: {error}",
        path.display()
    )
}

/// The reporter for the log's format; the host's masks are its first lines.
fn reporter(
    env: &Env,
    log_format: LogFormat,
    detected: &'static dyn Host,
    secrets: &[String],
    delimiter: &str,
    stdout: &LogWriter,
    speed: u32,
) -> Box<dyn Report> {
    let host = log_format.host(detected);
    let shows_debug = host.wants_debug(env);
    if matches!(log_format, LogFormat::Json) {
        return Box::new(Json::new(stdout.clone(), secrets, shows_debug));
    }
    let log_host = log_format.log_host(detected);
    // A dumb terminal knows no escape sequences: what it gets is a plain log.
    let is_terminal = io::stdout().is_terminal() && env.get("TERM") != Some("dumb");
    let is_colored = env.get("NO_COLOR").is_none() && (log_host.renders_color() || is_terminal);
    let style = LogStyle {
        host: log_host,
        is_colored,
        shows_debug,
        clock: unix_seconds,
    };
    let is_ci = is_ci(env) || host.name() != "plain";
    if report::is_live(log_format, is_ci, is_terminal) {
        // The live view moves between the lines, on the same stdout.
        let log = Log::new(io::stdout(), style, detected, secrets, delimiter);
        Box::new(Terminal::new(log, is_colored, speed))
    } else {
        let log = Log::new(stdout.clone(), style, detected, secrets, delimiter);
        Box::new(log)
    }
}

/// How long the end of a run waits for a suggestion.
const SUGGESTION_LIMIT: Duration = Duration::from_secs(5);

/// Names the nearest project in the hint that there is none of this name.
async fn suggest_project(
    config: &Config,
    client: &Client<Http>,
    outcome: &mut Outcome,
    io: &mut Io<'_>,
) {
    if !Config::is_project_unknown(outcome) {
        return;
    }
    let names = within(SUGGESTION_LIMIT, client.project_names());
    // A signal ends only the search: how the run ended is known.
    if let ControlFlow::Continue(Some(Ok(names))) = io.run_until_interrupted(names).await {
        config.suggest_project(outcome, &names);
    }
}

/// Whether `CI` says so; `CI=false` is how a developer turns it off.
fn is_ci(env: &Env) -> bool {
    let no = ["false", "0", "no", "off"];
    let ci = env.get("CI");
    ci.is_some_and(|it| !no.contains(&it.to_ascii_lowercase().as_str()))
}

/// Runs on a runtime of its own, which is left behind without waiting for what
/// it still does: looking up a name cannot be canceled.
fn retry(config: &Config, signals: &Signals, log: &mut dyn Report) -> anyhow::Result<RunResult> {
    check_open_files().context("the limit of open files is too low")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let result = runtime.block_on(async {
        let transport = Http::new(config.endpoint.clone(), &config.credentials)?;
        for message in transport.warnings() {
            let message = message.clone();
            let _ = log.event(&Event::Warned { message });
        }
        let client = Client::new(transport, &config.account_id, &config.options.project_name);
        let mut io = Io::new(log, signals.clone(), config.options.timeout);
        let mut result = retry::run(&config.options, &client, &mut io).await;
        config.explain_account_id(&mut result.outcome);
        suggest_project(config, &client, &mut result.outcome, &mut io).await;
        check(config, &client, result, &mut io).await
    });
    runtime.shutdown_background();
    result
}

/// Checks whether what succeeded is reachable, if that is wanted.
async fn check(
    config: &Config,
    client: &Client<Http>,
    mut result: RunResult,
    io: &mut Io<'_>,
) -> anyhow::Result<RunResult> {
    let Some(options) = &config.check else {
        return Ok(result);
    };
    let Some(deployment) = result.succeeded() else {
        return Ok(result);
    };
    let connection = &config.endpoint.connection;
    match check::run(options, connection, client, deployment, io).await? {
        ControlFlow::Continue(reachability) => result.checked(reachability),
        ControlFlow::Break(outcome) => result.outcome = outcome,
    }
    result.fails = RunResult::fails(&result.outcome, &config.options.fail_on);
    Ok(result)
}

/// Writes the outputs. A host's file that cannot be written is a warning, and
/// the outcome stands; the user's own file is an explicit request.
fn write_outputs(
    mut result: RunResult,
    env: &Env,
    host: &dyn Host,
    output_file: Option<&OutputFile>,
    deliverer: &mut Deliverer<'_>,
    delimiter: &str,
) -> RunResult {
    if let Some(file) = output_file {
        let text = Outputs::new(&result).text(file.format, delimiter);
        let path = file.path.clone();
        let delivery = match file.format {
            OutputFormat::GitHub => Delivery::Append { path, text },
            OutputFormat::Dotenv | OutputFormat::Json => Delivery::Replace { path, text },
        };
        if let Err(error) = deliverer.write(delivery) {
            let problem = not_written(&file.path, &error);
            if let Outcome::UsageError { problems } = &mut result.outcome {
                if !problems.contains(&problem) {
                    problems.push(problem);
                }
            } else {
                // The outcome of the deployment is reported anyway.
                let message = last_line(&result);
                let _ = deliverer.log.event(&Event::Noticed { message });
                result.outcome = Outcome::UsageError {
                    problems: vec![problem],
                };
            }
            result.fails = true;
        }
    }
    let export = host.export(env, &Outputs::new(&result), delimiter);
    deliverer.write_all(export.deliveries, "the outputs");
    for message in export.warnings {
        let _ = deliverer.log.event(&Event::Warned { message });
    }
    result
}

fn usage_error(problems: Vec<String>) -> RunResult {
    RunResult {
        outcome: Outcome::UsageError { problems },
        fails: true,
        original: None,
        target_failure: None,
        attempts: Vec::new(),
        project_name: String::new(),
        usual: StageHistory::default(),
        reachability: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ci_that_is_turned_off_is_none() {
        for (value, expected) in [
            ("true", true),
            ("1", true),
            ("woodpecker", true),
            ("false", false),
            ("False", false),
            ("0", false),
            ("", false),
        ] {
            assert_eq!(is_ci(&Env::from([("CI", value)])), expected, "{value}");
        }
        assert!(!is_ci(&Env::default()));
    }
}
