//! Gitea and Forgejo Actions: GitHub's commands and files. Their runner does
//! not act on errors and warnings: it would show the bare command.

use super::delivery::{Delivery, HandOver};
use super::github::GitHub;
use super::outputs::Outputs;
use super::{Group, Host, Level};
use crate::config::vars::Vars;

/// Either of them, by its word in `log_format`.
pub(crate) struct Gitea(pub(crate) &'static str);

impl Host for Gitea {
    fn name(&self) -> &'static str {
        self.0
    }

    fn renders_color(&self) -> bool {
        GitHub.renders_color()
    }

    fn mask(&self, secret: &str) -> Option<String> {
        GitHub.mask(secret)
    }

    fn open_group(&self, group: Group, now: u64) -> Option<String> {
        GitHub.open_group(group, now)
    }

    fn close_group(&self, group: Group, now: u64) -> Option<String> {
        GitHub.close_group(group, now)
    }

    fn debug(&self, message: &str) -> Option<String> {
        GitHub.debug(message)
    }

    fn deaf(&self, token: &str) -> Option<(String, String)> {
        GitHub.deaf(token)
    }

    fn wants_debug(&self, vars: &Vars) -> bool {
        GitHub.wants_debug(vars)
    }

    fn summarize(&self, vars: &Vars, markdown: String, level: Option<Level>) -> Vec<Delivery> {
        GitHub.summarize(vars, markdown, level)
    }

    fn hand_over(&self, vars: &Vars, outputs: &Outputs, token: &str) -> HandOver {
        GitHub.hand_over(vars, outputs, token)
    }
}
