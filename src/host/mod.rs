//! The CI host a step runs on: how it groups, annotates and masks, and where
//! its later steps look for outputs.
//!
//! Invariant: a host decides and formats; only [`Delivery::deliver`] writes.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::config::vars::Vars;
use crate::host::github::GitHub;
use crate::host::outputs::Outputs;

mod github;
pub(crate) mod outputs;

/// The hosts and the variable that tells each, the first one found counts.
const HOSTS: [(&dyn Host, &str); 1] = [(&GitHub, "GITHUB_ACTIONS")];

/// No host that we know: a plain log, and no outputs but `output_file`.
struct Unknown;

impl Host for Unknown {
    fn name(&self) -> &'static str {
        "plain"
    }
}

/// The hosts' words in `log_format`.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    HOSTS.iter().map(|(host, _)| host.name())
}

/// The host that `log_format` names, else the one that the variables tell.
pub(crate) fn detect(vars: &Vars, log_format: &str) -> &'static dyn Host {
    let named = HOSTS.iter().find(|(host, _)| host.name() == log_format);
    let told = || {
        HOSTS
            .iter()
            .find(|(_, variable)| vars.get(variable).is_some())
    };
    named.or_else(told).map_or(&Unknown, |(host, _)| *host)
}

/// The host whose form the log has.
pub(crate) fn of_log(vars: &Vars, log_format: &str) -> &'static dyn Host {
    if log_format == "plain" {
        &Unknown
    } else {
        detect(vars, log_format)
    }
}

/// How much an annotation weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Error,
    Warning,
}

/// A CI host, as data and a few small functions. What a host does not have is
/// the default.
pub(crate) trait Host: Sync {
    /// Its word in `log_format`.
    fn name(&self) -> &'static str;

    /// Whether its log shows SGR colors.
    fn renders_color(&self) -> bool {
        false
    }

    /// The line that makes the host hide `secret` from here on.
    fn mask(&self, _secret: &str) -> Option<String> {
        None
    }

    /// The lines around a collapsed group. `key` is unique within the log and
    /// made of `[a-z0-9_]`.
    fn group(&self, _title: &str, _key: &str) -> Option<(String, String)> {
        None
    }

    /// Whether it has annotations.
    fn annotates(&self) -> bool {
        false
    }

    /// The line that annotates the step with one message, which may hold
    /// newlines. Without one the message is printed as lines of the log.
    fn annotate(&self, _level: Level, _title: &str, _message: &str) -> Option<String> {
        None
    }

    /// The line for debugging, which most hosts do not have.
    fn debug(&self, _message: &str) -> Option<String> {
        None
    }

    /// The lines between which the host obeys no command. `token` cannot be
    /// guessed.
    fn deaf(&self, _token: &str) -> Option<(String, String)> {
        None
    }

    /// Whether the host was asked for a debug log.
    fn wants_debug(&self, _vars: &Vars) -> bool {
        false
    }

    /// The prefixes of the variables that hold inputs.
    fn input_prefixes(&self) -> &'static [&'static str] {
        &["INPUT_"]
    }

    /// How the Markdown summary reaches a person.
    fn summarize(&self, _vars: &Vars, _markdown: String) -> Option<Delivery> {
        None
    }

    /// How the outputs reach later steps.
    fn hand_over(&self, _vars: &Vars, _outputs: &Outputs, _token: &str) -> HandOver {
        HandOver::default()
    }
}

/// What is to be delivered, and what could not be.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct HandOver {
    pub(crate) deliveries: Vec<Delivery>,
    /// The outputs that the host cannot carry, each with the reason.
    pub(crate) left_out: Vec<(&'static str, String)>,
}

/// One thing to write.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    Append { path: PathBuf, text: String },
    Replace { path: PathBuf, text: String },
}

impl Delivery {
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Append { path, .. } | Self::Replace { path, .. } => path,
        }
    }

    pub(crate) fn deliver(&self) -> io::Result<()> {
        match self {
            Self::Append { path, text } => {
                let mut file = OpenOptions::new().create(true).append(true).open(path)?;
                file.write_all(text.as_bytes())
            }
            Self::Replace { path, text } => fs::write(path, text),
        }
    }
}
