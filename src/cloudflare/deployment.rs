//! The API's words: a deployment, its stages and what they were built from.
//!
//! Invariant: nothing but a missing `id` makes a deployment unreadable. The
//! live API leaves out, nulls and adds fields that its reference page calls
//! required or does not know, so each other field falls back to its absence.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::lenient::{lenient, lossy_vec, non_empty, presence, timestamp};

/// One build of a Pages project, as `GET …/deployments/{id}` answers.
#[derive(Clone, Debug, Deserialize)]
pub struct Deployment {
    #[serde(deserialize_with = "non_empty")]
    pub id: String,
    #[serde(default, deserialize_with = "lenient")]
    short_id: String,
    #[serde(default, deserialize_with = "lenient")]
    pub project_name: String,
    #[serde(default, deserialize_with = "lenient")]
    pub environment: String,
    /// The address of exactly this deployment.
    #[serde(default, deserialize_with = "lenient")]
    pub url: String,
    #[serde(default, deserialize_with = "lossy_vec")]
    pub aliases: Vec<String>,
    #[serde(default, deserialize_with = "timestamp")]
    pub created_on: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "lenient")]
    pub is_skipped: bool,
    /// The API's word for why it was skipped; the list of words is open.
    #[serde(default, deserialize_with = "lenient")]
    pub skip_reason: Option<String>,
    /// Where the deployment stands. The verdict comes from here: a finished
    /// direct upload keeps `queued: active` in [`Deployment::stages`].
    #[serde(default, deserialize_with = "lenient")]
    pub latest_stage: Option<Stage>,
    #[serde(default, deserialize_with = "lossy_vec")]
    pub stages: Vec<Stage>,
    #[serde(default, deserialize_with = "lenient")]
    pub deployment_trigger: Trigger,
    #[serde(default, deserialize_with = "lenient")]
    pub build_config: BuildConfig,
    #[serde(default, deserialize_with = "lenient")]
    pub env_vars: BTreeMap<String, Option<EnvVar>>,
    /// Missing on a direct upload, which has nothing to rebuild.
    #[serde(default, deserialize_with = "presence")]
    pub source: Option<Source>,
    #[serde(default, deserialize_with = "lenient")]
    pub uses_functions: Option<bool>,
}

impl Deployment {
    /// The eight characters by which people know a deployment.
    pub fn short_id(&self) -> &str {
        if self.short_id.is_empty() {
            self.id.get(..8).unwrap_or(&self.id)
        } else {
            &self.short_id
        }
    }

    /// `production` or `preview`, if the response says so.
    pub fn environment(&self) -> Option<&str> {
        Some(self.environment.as_str()).filter(|it| !it.is_empty())
    }

    pub fn branch(&self) -> &str {
        &self.deployment_trigger.metadata.branch
    }

    /// Empty on a direct upload, so it must never be matched against "".
    pub fn commit_hash(&self) -> &str {
        &self.deployment_trigger.metadata.commit_hash
    }

    /// A deployment of uploaded files. `ad_hoc` does not show this: a Git build
    /// that the dashboard or the API started is `ad_hoc` too.
    pub fn is_direct_upload(&self) -> bool {
        self.source.is_none()
    }

    /// The alias under `pages.dev`, else the first. Never computed: the API
    /// shortens and rewrites branch names in its own way.
    pub fn alias(&self) -> Option<&str> {
        let is_pages = |it: &&String| it.trim_end_matches('/').ends_with(".pages.dev");
        let aliases = &self.aliases;
        let alias = aliases.iter().find(is_pages).or_else(|| aliases.first());
        alias.map(String::as_str)
    }

    /// The stages as they came, with [`Deployment::latest_stage`] in the place
    /// of the one it names: where the two disagree, the latter is right.
    pub fn stages_by_latest(&self) -> Vec<Stage> {
        let mut stages = self.stages.clone();
        if let Some(latest) = &self.latest_stage {
            match stages.iter_mut().find(|it| it.name == latest.name) {
                Some(stage) => {
                    stage.status = latest.status.clone();
                    stage.started_on = latest.started_on.or(stage.started_on);
                    stage.ended_on = latest.ended_on.or(stage.ended_on);
                }
                None => stages.push(latest.clone()),
            }
        }
        stages
    }
}

/// One step of a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Stage {
    pub name: StageName,
    pub status: StageStatus,
    #[serde(default, deserialize_with = "timestamp")]
    pub started_on: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "timestamp")]
    pub ended_on: Option<DateTime<Utc>>,
}

impl Stage {
    /// How long it took, by the API's timestamps; `None` while it runs.
    /// Cloudflare has been seen to end a stage a few milliseconds before it
    /// began: that took no time.
    pub fn duration(&self) -> Option<Duration> {
        let duration = self.ended_on? - self.started_on?;
        Some(duration.to_std().unwrap_or_default())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageName {
    Queued,
    Initialize,
    CloneRepo,
    Build,
    Deploy,
    /// A stage this version does not know; it is shown, never rejected.
    #[serde(untagged)]
    Other(String),
}

impl fmt::Display for StageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Queued => "queued",
            Self::Initialize => "initialize",
            Self::CloneRepo => "clone_repo",
            Self::Build => "build",
            Self::Deploy => "deploy",
            Self::Other(name) => name,
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageStatus {
    Idle,
    Active,
    Success,
    Failure,
    Canceled,
    /// Not on the reference page: a queued build that a newer one superseded.
    Skipped,
    /// A status that this version does not know: treated as still running.
    #[serde(untagged)]
    Other(String),
}

/// What made the deployment.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Trigger {
    /// `github:push`, `ad_hoc`, `deploy_hook`, or a word not known yet.
    #[serde(default, rename = "type", deserialize_with = "lenient")]
    pub kind: String,
    #[serde(default, deserialize_with = "lenient")]
    pub metadata: TriggerMetadata,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct TriggerMetadata {
    #[serde(default, deserialize_with = "lenient")]
    pub branch: String,
    #[serde(default, deserialize_with = "lenient")]
    pub commit_hash: String,
    #[serde(default, deserialize_with = "lenient")]
    pub commit_message: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct BuildConfig {
    #[serde(default, deserialize_with = "lenient")]
    pub build_caching: Option<bool>,
    #[serde(default, deserialize_with = "lenient")]
    pub build_command: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub destination_dir: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub root_dir: Option<String>,
}

/// The kind of a variable of the build. Even a plain value may be something that
/// nobody should read in a log, so no value is read.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EnvVar {
    PlainText,
    SecretText,
    #[serde(other)]
    Other,
}

/// Where the code came from.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Source {
    /// `github` or `gitlab`.
    #[serde(default, rename = "type", deserialize_with = "lenient")]
    pub kind: String,
    #[serde(default, deserialize_with = "lenient")]
    pub config: SourceConfig,
}

/// The repository.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct SourceConfig {
    #[serde(default, deserialize_with = "lenient")]
    pub owner: String,
    #[serde(default, deserialize_with = "lenient")]
    pub repo_name: String,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(value: Value) -> Deployment {
        serde_json::from_value(value).unwrap()
    }

    /// A deployment with every field of the reference page, and some more.
    fn whole() -> Value {
        json!({
            "id": "5f0e1d2c-aaaa-4bbb-8ccc-123456789abc",
            "short_id": "5f0e1d2c",
            "project_id": "p-1",
            "project_name": "shop",
            "environment": "preview",
            "url": "https://5f0e1d2c.shop.pages.dev",
            "aliases": ["https://shop.example", "https://fix-cart.shop.pages.dev"],
            "created_on": "2026-05-04T03:02:01.12345Z",
            "modified_on": "2026-05-04T03:05:01.1234567Z",
            "is_skipped": true,
            "skip_reason": "path_config",
            "uses_functions": true,
            "not_on_the_page": {"x": 1},
            "latest_stage": {
                "name": "queued", "status": "idle", "started_on": null, "ended_on": null
            },
            "stages": [
                {"name": "queued", "status": "success",
                 "started_on": "2026-05-04T03:02:02.5", "ended_on": "2026-05-04T03:02:02.487Z"},
                {"name": "test", "status": "thinking"},
                "not a stage"
            ],
            "deployment_trigger": {
                "type": "deploy_hook",
                "metadata": {
                    "branch": "fix-cart", "commit_hash": "0123456789abcdef",
                    "commit_message": "Fix the cart", "commit_dirty": true
                }
            },
            "build_config": {
                "build_caching": true, "build_command": "make site", "destination_dir": "out",
                "root_dir": "web", "web_analytics_tag": "tag", "web_analytics_token": "hush"
            },
            "env_vars": {
                "MODE": {"type": "plain_text", "value": "fast"},
                "KEY": {"type": "secret_text", "value": ""},
                "ODD": {"type": "a_new_kind", "value": "x"},
                "GONE": null
            },
            "source": {
                "type": "gitlab",
                "config": {
                    "owner": "acme", "owner_id": "1", "repo_name": "shop", "repo_id": "2",
                    "production_branch": "main", "production_deployments_enabled": true,
                    "preview_deployment_setting": "custom", "preview_branch_includes": ["fix-*"],
                    "preview_branch_excludes": ["wip-*"], "path_includes": ["web/*"],
                    "path_excludes": ["docs/*"], "pr_comments_enabled": true,
                    "deployments_enabled": true
                }
            }
        })
    }

    #[test]
    fn fields_of_the_reference_page_are_read() {
        let deployment = read(whole());
        assert_eq!(deployment.short_id(), "5f0e1d2c");
        assert_eq!(deployment.project_name, "shop");
        assert_eq!(deployment.environment(), Some("preview"));
        assert_eq!(deployment.alias(), Some("https://fix-cart.shop.pages.dev"));
        assert!(deployment.is_skipped && deployment.uses_functions == Some(true));
        assert_eq!(deployment.skip_reason.as_deref(), Some("path_config"));
        assert_eq!(deployment.deployment_trigger.kind, "deploy_hook");
        assert_eq!(deployment.branch(), "fix-cart");
        assert_eq!(deployment.commit_hash(), "0123456789abcdef");
        let metadata = &deployment.deployment_trigger.metadata;
        assert_eq!(metadata.commit_message, "Fix the cart");
        let build = &deployment.build_config;
        assert_eq!(build.build_caching, Some(true));
        assert_eq!(build.build_command.as_deref(), Some("make site"));
        assert_eq!(build.destination_dir.as_deref(), Some("out"));
        assert_eq!(build.root_dir.as_deref(), Some("web"));
        let source = deployment.source.unwrap();
        assert_eq!(source.kind, "gitlab");
        assert_eq!(source.config.owner, "acme");
        assert_eq!(source.config.repo_name, "shop");
    }

    #[test]
    fn the_kind_of_a_variable_is_read_and_its_value_is_not() {
        let deployment = read(whole());
        let kind = |name| deployment.env_vars[name].as_ref();
        assert!(matches!(kind("MODE"), Some(EnvVar::PlainText)));
        assert!(matches!(kind("KEY"), Some(EnvVar::SecretText)));
        assert!(matches!(kind("ODD"), Some(EnvVar::Other)));
        assert!(kind("GONE").is_none());
        let printed = format!("{deployment:?}");
        assert!(!printed.contains("fast") && !printed.contains("hush"));
    }

    #[test]
    fn odd_stages_are_kept_and_odd_items_hide_no_other() {
        let stages = read(whole()).stages;
        assert_eq!(stages.len(), 2);
        assert!(stages[0].ended_on < stages[0].started_on);
        assert_eq!(stages[1].name, StageName::Other("test".to_owned()));
        assert_eq!(stages[1].status, StageStatus::Other("thinking".to_owned()));
    }

    #[test]
    fn nothing_but_an_id_is_needed() {
        let whole = whole();
        for name in whole.as_object().unwrap().keys().filter(|it| *it != "id") {
            for odd in [Value::Null, json!(7), json!([{}]), json!("?"), json!({})] {
                let mut bent = whole.clone();
                bent[name] = odd.clone();
                let read: Result<Deployment, _> = serde_json::from_value(bent);
                assert!(read.is_ok(), "{name} is {odd}");
            }
        }
        let bare = read(json!({"id": "5f0e1d2c-aaaa"}));
        assert_eq!(bare.short_id(), "5f0e1d2c");
        assert!(bare.is_direct_upload() && bare.alias().is_none());
        for id in [json!(null), json!(""), json!(" "), json!(7)] {
            let unusable: Result<Deployment, _> = serde_json::from_value(json!({"id": id}));
            assert!(unusable.is_err());
        }
    }

    #[test]
    fn the_latest_stage_is_right_where_the_list_disagrees() {
        let it = read(json!({
            "id": "x",
            "latest_stage": {"name": "deploy", "status": "success"},
            "stages": [{"name": "queued", "status": "active"}, {"name": "deploy", "status": "idle"}]
        }));
        let statuses: Vec<_> = it
            .stages_by_latest()
            .into_iter()
            .map(|it| it.status)
            .collect();
        assert_eq!(statuses, [StageStatus::Active, StageStatus::Success]);
    }
}
