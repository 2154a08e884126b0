//! Retries a Cloudflare Pages deployment exactly once, shows its stages, hands
//! over the result, and fails when the deployment fails.
//!
//! Reading order, the way of the data: [`config`] (variables → what the user
//! wants), [`cloudflare`] (the only HTTP), [`mod@retry`] (decides, and its `edge`
//! waits), [`report`] (shows events), [`host`] (the CI host's own forms).
//!
//! Invariants:
//! 1. Only `retry/edge.rs` waits and reads the clock, only `cloudflare` speaks
//!    HTTP, only `report` and `host` write, only `main` reads the environment.
//! 2. `watch`, `trigger`, `target`, `pace`, `diagnosis`, `line` and `harmless`
//!    are functions of their arguments.
//! 3. The final event comes exactly once, and nothing follows it.
//! 4. Outputs are written for every ending, before the process ends.
//! 5. The token leaves only towards the configured API host.
//! 6. No text from outside reaches a log or a file without passing `harmless`
//!    or its host's escape.

mod cloudflare;
mod config;
mod help;
mod host;
mod report;
mod retry;

#[cfg(test)]
#[path = "../tests/fake/mod.rs"]
mod fake;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
#[expect(dead_code, reason = "other tests use the rest")]
#[path = "../tests/parsers/mod.rs"]
mod parsers;

use std::env;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use crate::cloudflare::Client;
use crate::cloudflare::transport::Http;
use crate::config::vars::Vars;
use crate::config::{Config, Given, OutputFile};
use crate::host::Host;
use crate::host::delivery::{Delivery, Started};
use crate::host::outputs::Outputs;
use crate::report::Report;
use crate::report::harmless::secrets::Secrets;
use crate::report::json::Json;
use crate::report::line::last_line;
use crate::report::log::{Form, Log};
use crate::report::summary;
use crate::report::terminal::Terminal;
use crate::retry::edge::{Edge, Signals, unix_seconds};
use crate::retry::event::Event;
use crate::retry::outcome::{Ending, Outcome};
use crate::retry::usual::Usual;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    let text = match arguments.as_slice() {
        [it] if it == "--help" => help::help(),
        [it] if it == "--version" => {
            concat!("pages-retry ", env!("CARGO_PKG_VERSION"), "\n").into()
        }
        [] => return run(None),
        [it, ..] => return run(Some(&it.to_string_lossy())),
    };
    // A reader that is gone needs no help.
    let _ = io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

/// Runs a step; an `argument` is none that we know.
fn run(argument: Option<&str>) -> ExitCode {
    let vars = Vars::from_os(env::vars_os());
    // The log must know its form before the inputs are known to be good.
    let prefixes = host::told(&vars).input_prefixes();
    let log_format = config::inputs::collect(&vars, prefixes).inputs.log_format;
    let host = host::detect(&vars, &log_format);
    let prefixes = [prefixes, host.input_prefixes()].concat();
    let secrets = config::inputs::secrets(&vars, &prefixes);
    let token = unguessable();
    let mut log = reporter(&vars, &log_format, &secrets, &token);
    let given = Given::from_vars(&vars, &prefixes);
    for message in given.warnings {
        let _ = log.event(&Event::Warned { message });
    }
    let output_file = given.output_file.as_ref();
    let ending = if let Some(argument) = argument {
        unusable(vec![format!(
            "there are no arguments but `--help` and `--version`: `{argument}`; inputs come from variables, as --help says"
        )])
    } else {
        match given
            .config
            .and_then(|it| is_writable(output_file).map(|()| it))
        {
            Ok(config) => retry(&config, &mut *log)
                .unwrap_or_else(|error| unusable(vec![format!("{error:#}")])),
            Err(problems) => unusable(problems),
        }
    };
    let ending = hand_over(ending, &vars, host, output_file, &mut *log, &token);
    if given.summary {
        let markdown = summary::render(&ending, &Secrets::new(&secrets));
        let deliveries = host.summarize(&vars, markdown, ending.level());
        deliver(deliveries, "the summary", &mut *log);
    }
    let code = ending.exit_code();
    let _ = log.event(&Event::Finished(Box::new(ending)));
    ExitCode::from(code)
}

/// Tries the user's own file before anything is made at Cloudflare.
fn is_writable(output_file: Option<&OutputFile>) -> Result<(), Vec<String>> {
    let Some(OutputFile { path, .. }) = output_file else {
        return Ok(());
    };
    // A pipe may wait for its reader.
    if fs::metadata(path).is_ok_and(|it| !it.is_file() && !it.is_dir()) {
        return Ok(());
    }
    let opened = OpenOptions::new().create(true).append(true).open(path);
    opened
        .map(drop)
        .map_err(|error| vec![not_written(path, &error)])
}

fn not_written(path: &Path, error: &io::Error) -> String {
    format!(
        "failed to write `output_file` `{}`: {error}",
        path.display()
    )
}

/// Who shows what happens; the host's masks are the first lines of its log.
fn reporter(vars: &Vars, log_format: &str, secrets: &[String], token: &str) -> Box<dyn Report> {
    let host = host::detect(vars, log_format);
    let shows_debug = host.wants_debug(vars);
    if log_format == "json" {
        return Box::new(Json::new(io::stdout(), secrets, shows_debug));
    }
    let log_host = host::of_log(vars, log_format);
    let is_terminal = io::stdout().is_terminal();
    let is_colored = vars.get("NO_COLOR").is_none() && (log_host.renders_color() || is_terminal);
    let form = Form {
        host: log_host,
        is_colored,
        shows_debug,
        clock: unix_seconds,
    };
    let log = Log::new(io::stdout(), form, host, secrets, token);
    let is_ci = vars.get("CI").is_some() || host.name() != "plain";
    if report::is_live(log_format, is_ci, is_terminal) {
        Box::new(Terminal::new(log, is_colored))
    } else {
        Box::new(log)
    }
}

/// Runs on a runtime of its own, which is left behind without waiting for what
/// it still does: looking up a name cannot be canceled.
fn retry(config: &Config, log: &mut dyn Report) -> anyhow::Result<Ending> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let ending = runtime.block_on(async {
        let signals = Signals::listen()?;
        let transport = Http::new(config.route.clone(), config.credentials.clone())?;
        let client = Client::new(transport, &config.account_id, &config.project_name);
        let edge = Edge::new(log, signals, config.give_up_after);
        Ok(retry::run(config, &client, edge).await)
    });
    runtime.shutdown_background();
    ending
}

/// Writes the outputs. A host's file that cannot be written is a warning, and
/// the verdict stands; the user's own file is the user's own wish.
fn hand_over(
    mut ending: Ending,
    vars: &Vars,
    host: &dyn Host,
    output_file: Option<&OutputFile>,
    log: &mut dyn Report,
    token: &str,
) -> Ending {
    if let Some(file) = output_file {
        let text = Outputs::of(&ending).text(file.format, token);
        let path = file.path.clone();
        let delivery = match file.format {
            config::OutputFormat::GitHub => Delivery::Append { path, text },
            config::OutputFormat::Dotenv | config::OutputFormat::Json => {
                Delivery::Replace { path, text }
            }
        };
        if let Err(error) = delivery.start(log).and_then(Started::end) {
            let problem = not_written(&file.path, &error);
            if let Outcome::Unusable { problems } = &mut ending.outcome {
                if !problems.contains(&problem) {
                    problems.push(problem);
                }
            } else {
                // The verdict is told all the same.
                let message = last_line(&ending);
                let _ = log.event(&Event::Noticed { message });
                ending.outcome = Outcome::Unusable {
                    problems: vec![problem],
                };
            }
            ending.fails = true;
        }
    }
    let handed = host.hand_over(vars, &Outputs::of(&ending), token);
    deliver(handed.deliveries, "the outputs", log);
    for message in handed.warnings {
        let _ = log.event(&Event::Warned { message });
    }
    ending
}

/// What cannot be delivered is warned about once, and nothing after it is
/// begun: the rest would fail alike, or names what is not there. Programs run
/// side by side, since a canceled step has little time.
fn deliver(deliveries: Vec<Delivery>, what: &str, log: &mut dyn Report) {
    let mut started = Vec::new();
    for delivery in deliveries {
        let place = delivery.place();
        let result = delivery.start(log);
        let is_over = result.is_err();
        started.push((place, result));
        if is_over {
            break;
        }
    }
    for (place, result) in started {
        if let Err(error) = result.and_then(Started::end) {
            let message = format!("failed to write {what} to {place}: {error}");
            let _ = log.event(&Event::Warned { message });
            break;
        }
    }
}

fn unusable(problems: Vec<String>) -> Ending {
    Ending {
        outcome: Outcome::Unusable { problems },
        fails: true,
        original: None,
        attempts: Vec::new(),
        project_name: String::new(),
        usual: Usual::default(),
    }
}

/// 128 random bits in hexadecimal, so that no text from outside can hold them.
fn unguessable() -> String {
    let mut bytes = [0; 16];
    // Without randomness the text is still marked, only less surely.
    let _ = getrandom::fill(&mut bytes);
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
