//! The outputs, and the formats of the files they are written to.

use std::mem;
use std::path::PathBuf;

use crate::cloudflare::deployment::{Deployment, Stage, StageStatus};
use crate::host::delivery::{Delivery, Export};
use crate::run::outcome::RunResult;
use crate::run::reachability::Verdict;

/// The format of an output file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputFormat {
    Dotenv,
    Json,
    GitHub,
}

/// What is known at the end, by the names of the contract, in its order. What
/// is not known is left out; `status` is always there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outputs(pub Vec<(&'static str, String)>);

/// The outputs that are numbers in JSON.
const NUMBERS: [&str; 3] = ["duration_seconds", "attempts", "reachable_seconds"];

impl Outputs {
    pub fn new(ending: &RunResult) -> Self {
        let mut outputs = vec![("status", ending.outcome.status().to_owned())];
        let mut put = |name, value: &str| {
            if !value.is_empty() {
                outputs.push((name, value.to_owned()));
            }
        };
        if let Some(deployment) = ending.deployment() {
            put("url", &deployment.url);
            put("short_id", deployment.short_id());
            put("id", &deployment.id);
            put("alias", deployment.alias().unwrap_or_default());
            put("environment", &deployment.environment);
            put("branch", deployment.branch());
            put("commit_hash", deployment.commit_hash());
            let latest = deployment.latest_stage.as_ref();
            let latest = latest.map(|it| it.name.to_string());
            put("stage", &latest.unwrap_or_default());
            put(
                "skip_reason",
                deployment.skip_reason.as_deref().unwrap_or_default(),
            );
            put("duration_seconds", &duration(deployment));
        }
        put("attempts", &ending.attempts.len().to_string());
        if let Some(deployment) = ending.deployment() {
            put(
                "dashboard_url",
                &RunResult::page(&ending.project_name, &deployment.id),
            );
        }
        let original = ending.original.as_ref();
        put("original_id", original.map_or("", |it| &it.id));
        let (reason, _, _) = ending.explanation();
        put("reason", reason.unwrap_or_default());
        if let Some(reachability) = &ending.reachability {
            let verdict = reachability.verdict();
            put("reachable", verdict.word());
            if verdict == Verdict::Reachable {
                put(
                    "reachable_seconds",
                    &reachability.took.as_secs().to_string(),
                );
            }
        }
        Self(outputs)
    }

    /// The whole text of a file in `format`. `token` cannot be guessed.
    pub fn text(&self, format: OutputFormat, token: &str) -> String {
        match format {
            OutputFormat::Json => self.json(),
            OutputFormat::GitHub => self.github(token),
            OutputFormat::Dotenv => self.dotenv(),
        }
    }

    fn json(&self) -> String {
        format!("{:#}\n", serde_json::Value::from(self.object()))
    }

    /// Names and values, numbers as such.
    pub fn object(&self) -> serde_json::Map<String, serde_json::Value> {
        let pairs = self.0.iter().map(|(name, value)| {
            let number = value.parse::<u64>().ok().filter(|_| NUMBERS.contains(name));
            let value = number.map_or_else(|| value.as_str().into(), serde_json::Value::from);
            ((*name).to_owned(), value)
        });
        pairs.collect()
    }

    /// Records that a value cannot end, whatever is in it.
    pub fn github(&self, token: &str) -> String {
        let records = self.0.iter().map(|(name, value)| {
            let delimiter = format!("ghadelimiter_{token}");
            format!("{name}<<{delimiter}\n{}\n{delimiter}\n", one_line(value))
        });
        records.collect()
    }

    /// `PAGES_RETRY_<NAME>=value` lines, without quotes. A value with a line
    /// break cannot be one.
    fn dotenv(&self) -> String {
        let lines = self.0.iter().map(|(name, value)| {
            let line = variable(&name_of_variable(name), &one_line(value));
            format!("{line}\n")
        });
        lines.collect()
    }

    /// Lines at the end of the file at `path`, if the host has given one.
    pub fn append_to(&self, path: Option<&str>) -> Export {
        let Some(path) = path else {
            return Export::default();
        };
        let carried = self.carry(usize::MAX, |name, value| Ok(variable(name, value)));
        carried.append_to(path)
    }

    /// Each output as a piece of text that `write` makes of the variable's name
    /// and value, at most `most_bytes` in all. A value that has control
    /// characters, does not fit, or that `write` refuses, is left out with a
    /// warning that says why.
    pub fn carry(
        &self,
        most_bytes: usize,
        write: impl Fn(&str, &str) -> Result<String, &'static str>,
    ) -> Carried {
        let mut carried = Carried::default();
        let mut left = most_bytes;
        for (name, value) in &self.0 {
            let written = if value.contains(char::is_control) {
                Err("it holds a line break or another control character")
            } else {
                write(&name_of_variable(name), value)
            };
            // Each piece ends with a line break.
            let fits = |it: &String| it.len() < left;
            match written {
                Ok(written) if fits(&written) => {
                    left -= written.len() + 1;
                    carried.pieces.push(written);
                }
                Ok(_) => carried.leave_out(name, "it is too long for this host"),
                Err(why) => carried.leave_out(name, why),
            }
        }
        carried
    }
}

/// What a host takes, and what it does not.
#[derive(Debug, Default)]
pub struct Carried {
    pub pieces: Vec<String>,
    pub warnings: Vec<String>,
}

impl Carried {
    fn leave_out(&mut self, name: &str, why: &str) {
        let warning = format!("output `{name}` is left out: {why}");
        self.warnings.push(warning);
    }

    /// As lines at the end of the file at `path`.
    pub fn append_to(self, path: &str) -> Export {
        let (path, text) = (path.into(), self.lines());
        self.by(Delivery::Append { path, text })
    }

    /// As the lines of the file at `path`, instead of what it had.
    pub fn replace(self, path: PathBuf) -> Export {
        let text = self.lines();
        self.by(Delivery::Replace { path, text })
    }

    /// As commands in the log.
    pub fn print(mut self) -> Export {
        let lines = mem::take(&mut self.pieces);
        self.by(Delivery::Print(lines))
    }

    fn lines(&self) -> String {
        self.pieces.iter().flat_map(|it| [it, "\n"]).collect()
    }

    fn by(self, delivery: Delivery) -> Export {
        Export {
            deliveries: vec![delivery],
            warnings: self.warnings,
        }
    }
}

fn name_of_variable(name: &str) -> String {
    format!("PAGES_RETRY_{}", name.to_ascii_uppercase())
}

/// A line as most hosts read it: no quotes, no escapes.
pub fn variable(name: &str, value: &str) -> String {
    format!("{name}={value}")
}

/// No output of the API's has a line break by right.
fn one_line(value: &str) -> String {
    value.replace(|it: char| it.is_control(), " ")
}

/// From the creation to the end of the last stage, by the API's own times.
fn duration(deployment: &Deployment) -> String {
    let stages = deployment.stages_by_latest();
    // An upload's last stage has an end and no beginning.
    let has_ended = |it: &&Stage| {
        matches!(
            it.status,
            StageStatus::Success | StageStatus::Failure | StageStatus::Canceled
        )
    };
    let ended = stages.iter().filter(has_ended);
    let last = ended.filter_map(|it| it.ended_on).max();
    let duration = last
        .zip(deployment.created_on)
        .map(|(end, start)| end - start);
    let duration = duration.and_then(|it| it.to_std().ok());
    duration.map_or_else(String::new, |it| it.as_secs().to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_host_cannot_carry_is_left_out_with_a_warning() {
        let value = |text: &str| text.to_owned();
        let outputs = Outputs(vec![
            ("status", value("success")),
            ("branch", value("a\nb")),
            ("url", value("https://x")),
            ("alias", value("no")),
        ]);
        let write = |name: &str, value: &str| match value {
            "no" => Err("it is refused"),
            _ => Ok(variable(name, value)),
        };
        let carried = outputs.carry(usize::MAX, write);
        let pieces = ["PAGES_RETRY_STATUS=success", "PAGES_RETRY_URL=https://x"];
        assert_eq!(carried.pieces, pieces);
        let warnings = [
            "output `branch` is left out: it holds a line break or another control character",
            "output `alias` is left out: it is refused",
        ];
        assert_eq!(carried.warnings, warnings);
        // A line break ends each piece.
        let most = pieces[0].len() + pieces[1].len() + 2;
        assert_eq!(outputs.carry(most, write).pieces, pieces);
        let less = outputs.carry(most - 1, write);
        assert_eq!(less.pieces, pieces[..1]);
        let warning = "output `url` is left out: it is too long for this host";
        assert!(less.warnings.contains(&warning.to_owned()));
    }

    #[test]
    fn each_format_has_the_whole_text_of_a_file() {
        let outputs = Outputs(vec![("status", "failure".into()), ("attempts", "2".into())]);
        let cases = [
            (
                OutputFormat::Dotenv,
                "PAGES_RETRY_STATUS=failure\nPAGES_RETRY_ATTEMPTS=2\n",
            ),
            (
                OutputFormat::Json,
                "{\n  \"attempts\": 2,\n  \"status\": \"failure\"\n}\n",
            ),
            (
                OutputFormat::GitHub,
                "status<<ghadelimiter_0\nfailure\nghadelimiter_0\nattempts<<ghadelimiter_0\n2\nghadelimiter_0\n",
            ),
        ];
        for (format, expected) in cases {
            assert_eq!(outputs.text(format, "0"), expected);
        }
    }

    #[test]
    fn the_duration_ends_with_the_last_stage_that_has_ended() {
        let of = |stages: serde_json::Value| {
            let json = json!({"id": "x", "created_on": "2026-01-01T12:00:00Z", "stages": stages});
            duration(&serde_json::from_value(json).unwrap())
        };
        let queued = json!({
            "name": "queued", "status": "success",
            "started_on": "2026-01-01T12:00:01Z", "ended_on": "2026-01-01T12:00:09Z"});
        let build = json!({"name": "build", "status": "active", "ended_on": null});
        assert_eq!(of(json!([queued, build])), "9");
        let deploy = json!({
            "name": "deploy", "status": "success",
            "started_on": null, "ended_on": "2026-01-01T12:01:30.9Z"});
        assert_eq!(of(json!([queued, deploy])), "90");
        assert_eq!(of(json!([build])), "");
    }
}
