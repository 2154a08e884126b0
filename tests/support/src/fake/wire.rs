//! A deployment's JSON, with every field that the API sends.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::api::{Project, START};
use super::deployment::{Deployment, delta};
use super::timeline::Shown;

/// The values of two environment variables in the JSON of every deployment, which
/// must never be printed.
pub const PLAIN_VALUE: &str = "plain-value-that-must-not-leak";
pub const SECRET_VALUE: &str = "secret-value-that-must-not-leak";

pub(super) const PROJECT_ID: &str = "6a0f0c1e-52d1-4be4-93a7-2c7d2f1b9d58";

impl Deployment {
    pub fn json(&self, project: &Project, age: Duration) -> Value {
        let created = START + self.created;
        let (stages, latest) = self.life.stages_at(age);
        let modified = stages
            .iter()
            .filter_map(|it| it.ended.max(it.started))
            .max();
        let is_skipped = self.life.is_skipped_at(age);
        let stages: Vec<_> = stages.iter().map(|it| stage(it, created)).collect();
        let mut json = json!({
            "id": self.id,
            "short_id": self.short_id(),
            "project_id": PROJECT_ID,
            "project_name": project.name,
            "environment": self.environment,
            "url": format!("https://{}.{}.pages.dev", self.short_id(), project.subdomain),
            "created_on": time(created, 6),
            "modified_on": time(created + TimeDelta::microseconds(modified.unwrap_or(0)), 6),
            "latest_stage": stage(&latest, created),
            "deployment_trigger": {
                "type": self.trigger,
                "metadata": {
                    "branch": self.branch,
                    "commit_hash": self.commit_hash,
                    "commit_message": self.commit_message,
                    "commit_dirty": false,
                },
            },
            "stages": stages,
            "build_config": self.build_config(),
            "source": source(&project.name),
            "env_vars": {
                "API_ORIGIN": { "type": "plain_text", "value": PLAIN_VALUE },
                "NPM_TOKEN": { "type": "secret_text", "value": SECRET_VALUE },
            },
            "compatibility_date": "2026-01-15",
            "compatibility_flags": [],
            "build_image_major_version": 3,
            "build_image_minor_version": null,
            "usage_model": null,
            "production_branch": "main",
            "aliases": (!self.aliases.is_empty()).then_some(&self.aliases),
            "is_skipped": is_skipped,
            "skip_reason": self.life.skip_reason.as_ref().filter(|_| is_skipped),
            "uses_functions": false,
        });
        if let Some(fields) = json.as_object_mut() {
            self.change(fields);
        }
        json
    }

    fn change(&self, fields: &mut Map<String, Value>) {
        if !self.has_source {
            fields.remove("source");
        }
        for (field, value) in &self.changes {
            match value {
                Some(value) => fields.insert(field.clone(), value.clone()),
                None => fields.remove(field),
            };
        }
    }

    fn build_config(&self) -> Value {
        if !self.has_source {
            return json!({
                "build_command": null,
                "destination_dir": null,
                "root_dir": null,
                "build_caching": null,
                "web_analytics_tag": null,
                "web_analytics_token": null,
            });
        }
        json!({
            "build_command": "npm run build",
            "destination_dir": "dist",
            "root_dir": "",
            "build_caching": true,
            "web_analytics_tag": "0c4f27b3e6d14a7c8d0f5b9a1e3c6d42",
            "web_analytics_token": "analytics-token-that-must-not-leak",
        })
    }

    pub fn log(&self, age: Duration, size: Option<usize>) -> Value {
        let created = START + self.created;
        let lines = self.life.lines_at(age);
        let total = self.life.log_total.unwrap_or(lines.len());
        let page = size.or(self.life.log_page).unwrap_or(lines.len());
        let lines = lines.into_iter().take(page);
        let lines: Vec<_> = lines
            .map(|(at, line)| json!({ "ts": time(created + delta(at), 7), "line": line }))
            .collect();
        json!({ "total": total, "includes_container_logs": true, "data": lines })
    }
}

fn stage(shown: &Shown, created: DateTime<Utc>) -> Value {
    // The API writes five to seven fractional digits. A trailing zero keeps the value.
    let at = |age: i64, digits| time(created + TimeDelta::microseconds(age), digits);
    json!({
        "name": shown.name,
        "started_on": shown.started.map(|it| at(it, 6)),
        "ended_on": shown.ended.map(|it| at(it, 5)),
        "status": shown.status,
    })
}

fn source(project: &str) -> Value {
    json!({
        "type": "github",
        "config": {
            "owner": "owner-of-the-site",
            "owner_id": "40318276",
            "repo_name": project,
            "repo_id": "718204563",
            "production_branch": "main",
            "pr_comments_enabled": true,
            "deployments_enabled": true,
            "production_deployments_enabled": true,
            "preview_deployment_setting": "all",
            "preview_branch_includes": ["*"],
            "preview_branch_excludes": [],
            "path_includes": ["*"],
            "path_excludes": [],
        },
    })
}

/// Formats a time as RFC 3339. With 5 digits, the sixth is kept unless it is zero; with
/// 7, a zero is added.
fn time(at: DateTime<Utc>, digits: usize) -> String {
    let micros = format!("{:06}", at.timestamp_subsec_micros());
    let fraction = match digits {
        5 => micros.strip_suffix('0').unwrap_or(&micros).to_owned(),
        6 => micros,
        _ => format!("{micros}0"),
    };
    format!("{}.{fraction}Z", at.naive_utc().format("%Y-%m-%dT%H:%M:%S"))
}
