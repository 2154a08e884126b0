//! The API's words: a deployment, its stages and what they were built from.
//!
//! Invariant: nothing but a missing `id` makes a deployment unreadable. The
//! live API leaves out, nulls and adds fields that its reference page calls
//! required or does not know, so each other field falls back to its absence.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::Deserialize;

use super::lenient::{each, lenient, present, time, usable};

/// One build of a Pages project, as `GET …/deployments/{id}` answers.
#[derive(Clone, Debug, Deserialize)]
#[expect(
    clippy::struct_field_names,
    reason = "`deployment_trigger` is the API's word"
)]
pub(crate) struct Deployment {
    #[serde(deserialize_with = "usable")]
    pub(crate) id: String,
    #[serde(default, deserialize_with = "lenient")]
    short_id: String,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) project_name: String,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) environment: String,
    /// The address of exactly this deployment.
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) url: String,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) aliases: Vec<String>,
    #[serde(default, deserialize_with = "time")]
    pub(crate) created_on: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) is_skipped: bool,
    /// The API's word for why it was skipped; the list of words is open.
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) skip_reason: Option<String>,
    /// Where the deployment stands. The verdict comes from here: a finished
    /// direct upload keeps `queued: active` in [`Deployment::stages`].
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) latest_stage: Option<Stage>,
    #[serde(default, deserialize_with = "each")]
    pub(crate) stages: Vec<Stage>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) deployment_trigger: Trigger,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) build_config: BuildConfig,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) env_vars: BTreeMap<String, Option<EnvVar>>,
    /// Missing on a direct upload, which has nothing to rebuild.
    #[serde(default, deserialize_with = "present")]
    pub(crate) source: Option<Source>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) uses_functions: Option<bool>,
    #[serde(default, deserialize_with = "time")]
    #[cfg_attr(not(test), expect(dead_code, reason = "the reference page has it"))]
    pub(crate) modified_on: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "lenient")]
    #[cfg_attr(not(test), expect(dead_code, reason = "the reference page has it"))]
    pub(crate) project_id: String,
}

impl Deployment {
    /// The eight characters by which people know a deployment.
    pub(crate) fn short_id(&self) -> &str {
        if self.short_id.is_empty() {
            self.id.get(..8).unwrap_or(&self.id)
        } else {
            &self.short_id
        }
    }

    /// `production` or `preview`, if the API told.
    pub(crate) fn environment(&self) -> Option<&str> {
        Some(self.environment.as_str()).filter(|it| !it.is_empty())
    }

    pub(crate) fn branch(&self) -> &str {
        &self.deployment_trigger.metadata.branch
    }

    /// Empty on a direct upload, so it must never be matched against "".
    pub(crate) fn commit_hash(&self) -> &str {
        &self.deployment_trigger.metadata.commit_hash
    }

    /// A deployment of uploaded files. `ad_hoc` does not tell: a Git build
    /// that the dashboard or the API started is `ad_hoc` too.
    pub(crate) fn is_direct_upload(&self) -> bool {
        self.source.is_none()
    }

    /// The alias under `pages.dev`, else the first. Never computed: the API
    /// shortens and rewrites branch names in its own way.
    pub(crate) fn alias(&self) -> Option<&str> {
        let is_pages = |it: &&String| it.trim_end_matches('/').ends_with(".pages.dev");
        let aliases = &self.aliases;
        let alias = aliases.iter().find(is_pages).or_else(|| aliases.first());
        alias.map(String::as_str)
    }

    /// The stages as they came, with [`Deployment::latest_stage`] in the place
    /// of the one it names: where the two disagree, the latter is right.
    pub(crate) fn stages_by_latest(&self) -> Vec<Stage> {
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
pub(crate) struct Stage {
    pub(crate) name: StageName,
    pub(crate) status: StageStatus,
    #[serde(default, deserialize_with = "time")]
    pub(crate) started_on: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "time")]
    pub(crate) ended_on: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StageName {
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
pub(crate) enum StageStatus {
    Idle,
    Active,
    Success,
    Failure,
    Canceled,
    /// Not on the reference page: a queued build that a newer one superseded.
    Skipped,
    /// A status this version does not know: no verdict, the watch goes on.
    #[serde(untagged)]
    Other(String),
}

/// What made the deployment.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Trigger {
    /// `github:push`, `ad_hoc`, `deploy_hook`, or a word not known yet.
    #[serde(default, rename = "type", deserialize_with = "lenient")]
    pub(crate) kind: String,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) metadata: TriggerMetadata,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct TriggerMetadata {
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) branch: String,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) commit_hash: String,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) commit_message: String,
    /// Missing in older deployments.
    #[serde(default, deserialize_with = "lenient")]
    #[cfg_attr(not(test), expect(dead_code, reason = "the reference page has it"))]
    pub(crate) commit_dirty: Option<bool>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct BuildConfig {
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) build_caching: Option<bool>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) build_command: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) destination_dir: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) root_dir: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    #[cfg_attr(not(test), expect(dead_code, reason = "the reference page has it"))]
    pub(crate) web_analytics_tag: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    #[cfg_attr(not(test), expect(dead_code, reason = "the reference page has it"))]
    pub(crate) web_analytics_token: Option<SecretString>,
}

/// A variable of the build. Even a plain one may hold what nobody should
/// read in a log, so both values are secrets here.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum EnvVar {
    PlainText {
        #[serde(default)]
        #[cfg_attr(not(test), expect(dead_code, reason = "never shown"))]
        value: SecretString,
    },
    SecretText {
        #[serde(default)]
        #[cfg_attr(not(test), expect(dead_code, reason = "never shown"))]
        value: SecretString,
    },
    #[serde(other)]
    Other,
}

/// Where the code came from.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Source {
    /// `github` or `gitlab`.
    #[serde(default, rename = "type", deserialize_with = "lenient")]
    pub(crate) kind: String,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) config: SourceConfig,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(not(test), expect(dead_code, reason = "the reference page has them"))]
pub(crate) struct SourceConfig {
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) owner: String,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) owner_id: String,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) repo_name: String,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) repo_id: String,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) production_branch: String,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) production_deployments_enabled: Option<bool>,
    /// `all`, `none` or `custom`.
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) preview_deployment_setting: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) preview_branch_includes: Vec<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) preview_branch_excludes: Vec<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) path_includes: Vec<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) path_excludes: Vec<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) pr_comments_enabled: Option<bool>,
    /// Deprecated by the API in favor of the two settings above.
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) deployments_enabled: Option<bool>,
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;
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
    fn each_field_of_the_reference_page_is_read() {
        let it = read(whole());
        assert_eq!(
            (it.short_id(), it.project_name.as_str()),
            ("5f0e1d2c", "shop")
        );
        assert_eq!(
            (it.project_id.as_str(), it.environment.as_str()),
            ("p-1", "preview")
        );
        assert_eq!(it.alias(), Some("https://fix-cart.shop.pages.dev"));
        let took = it.modified_on.unwrap() - it.created_on.unwrap();
        assert_eq!(took.num_nanoseconds(), Some(180_000_006_700));
        assert!(it.is_skipped && it.uses_functions == Some(true));
        assert_eq!(it.skip_reason.as_deref(), Some("path_config"));
        assert_eq!(it.deployment_trigger.kind, "deploy_hook");
        assert_eq!(
            (it.branch(), it.commit_hash()),
            ("fix-cart", "0123456789abcdef")
        );
        let metadata = &it.deployment_trigger.metadata;
        assert_eq!(metadata.commit_message, "Fix the cart");
        assert_eq!(metadata.commit_dirty, Some(true));
        let build = &it.build_config;
        assert_eq!(build.build_caching, Some(true));
        assert_eq!(build.build_command.as_deref(), Some("make site"));
        assert_eq!(build.destination_dir.as_deref(), Some("out"));
        assert_eq!(build.root_dir.as_deref(), Some("web"));
        assert_eq!(build.web_analytics_tag.as_deref(), Some("tag"));
        assert_eq!(
            build.web_analytics_token.as_ref().unwrap().expose_secret(),
            "hush"
        );
        let source = it.source.unwrap();
        assert_eq!(source.kind, "gitlab");
        let config = source.config;
        assert_eq!(
            (config.owner.as_str(), config.owner_id.as_str()),
            ("acme", "1")
        );
        assert_eq!(
            (config.repo_name.as_str(), config.repo_id.as_str()),
            ("shop", "2")
        );
        assert_eq!(config.production_branch, "main");
        assert_eq!(config.production_deployments_enabled, Some(true));
        assert_eq!(config.preview_deployment_setting.as_deref(), Some("custom"));
        assert_eq!(config.preview_branch_includes, ["fix-*"]);
        assert_eq!(config.preview_branch_excludes, ["wip-*"]);
        assert_eq!(config.path_includes, ["web/*"]);
        assert_eq!(config.path_excludes, ["docs/*"]);
        assert_eq!(config.pr_comments_enabled, Some(true));
        assert_eq!(config.deployments_enabled, Some(true));
    }

    #[test]
    fn no_value_of_a_variable_can_be_printed() {
        let it = read(whole());
        let Some(Some(EnvVar::PlainText { value })) = it.env_vars.get("MODE") else {
            panic!("MODE is plain");
        };
        assert_eq!(value.expose_secret(), "fast");
        let Some(Some(EnvVar::SecretText { value })) = it.env_vars.get("KEY") else {
            panic!("KEY is secret");
        };
        assert_eq!(value.expose_secret(), "");
        assert!(matches!(it.env_vars["ODD"], Some(EnvVar::Other)));
        assert!(it.env_vars["GONE"].is_none());
        let printed = format!("{it:?}");
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
