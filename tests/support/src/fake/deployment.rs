//! A deployment of the fake, with builder methods.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::Value;

use super::api::PROJECT;
use super::life::Life;

#[derive(Clone, Debug)]
pub struct Deployment {
    pub id: String,
    pub life: Life,
    /// When it was created, relative to the fake's start.
    pub created: TimeDelta,
    pub environment: String,
    pub branch: String,
    pub commit_hash: String,
    pub commit_message: String,
    pub trigger: String,
    pub(super) aliases: Vec<String>,
    pub(super) has_source: bool,
    /// Fields of the JSON that are replaced or removed.
    pub(super) changes: Vec<(String, Option<Value>)>,
}

impl Deployment {
    /// A Git deployment of `main` in production, an hour old. An id of 8 characters
    /// is a short id; the rest is generated.
    pub fn new(id: &str, life: Life) -> Self {
        Self {
            id: full_id(id),
            life,
            created: TimeDelta::hours(-1),
            environment: "production".to_owned(),
            branch: "main".to_owned(),
            commit_hash: full_hash("3b2f9c1"),
            commit_message: "Update index.html".to_owned(),
            trigger: "github:push".to_owned(),
            aliases: Vec::new(),
            has_source: true,
            changes: Vec::new(),
        }
    }

    pub fn succeeded(id: &str) -> Self {
        Self::new(id, Life::success())
    }

    /// Failed in `build`.
    pub fn failed(id: &str) -> Self {
        Self::new(id, Life::fails_in("build"))
    }

    /// Canceled in `build`.
    pub fn canceled(id: &str) -> Self {
        Self::new(id, Life::canceled_in("build"))
    }

    /// Skipped by a rule of the project.
    pub fn skipped(id: &str, reason: &str) -> Self {
        Self::new(id, Life::skipped_by_rule(reason))
    }

    /// Created when the fake starts, and running from then on.
    pub fn running(id: &str, life: Life) -> Self {
        Self::new(id, life).ago(Duration::ZERO)
    }

    /// A deployment without `source`, commit and build.
    pub fn direct_upload(id: &str) -> Self {
        Self {
            commit_hash: String::new(),
            commit_message: String::new(),
            trigger: "ad_hoc".to_owned(),
            has_source: false,
            ..Self::new(id, Life::upload())
        }
    }

    /// Created this long before the fake's start.
    pub fn ago(mut self, duration: Duration) -> Self {
        self.created = -delta(duration);
        self
    }

    /// Created this long after the fake's start; not found before that.
    pub fn appears_at(mut self, duration: Duration) -> Self {
        self.created = delta(duration);
        self
    }

    /// A preview of a branch, with the branch's alias.
    pub fn preview(mut self, branch: &str) -> Self {
        "preview".clone_into(&mut self.environment);
        self.alias(&format!("https://{branch}.{PROJECT}.pages.dev"))
            .branch(branch)
    }

    pub fn branch(mut self, branch: &str) -> Self {
        branch.clone_into(&mut self.branch);
        self
    }

    pub fn environment(mut self, environment: &str) -> Self {
        environment.clone_into(&mut self.environment);
        self
    }

    /// A hash of fewer than 40 characters is a prefix; the rest is generated.
    pub fn commit(mut self, hash: &str) -> Self {
        self.commit_hash = full_hash(hash);
        self
    }

    pub fn message(mut self, message: &str) -> Self {
        message.clone_into(&mut self.commit_message);
        self
    }

    pub fn trigger(mut self, kind: &str) -> Self {
        kind.clone_into(&mut self.trigger);
        self
    }

    pub fn alias(mut self, url: &str) -> Self {
        self.aliases.push(url.to_owned());
        self
    }

    /// Replaces a field of the JSON.
    pub fn with(mut self, field: &str, value: Value) -> Self {
        self.changes.push((field.to_owned(), Some(value)));
        self
    }

    /// Removes a field from the JSON.
    pub fn without(mut self, field: &str) -> Self {
        self.changes.push((field.to_owned(), None));
        self
    }

    pub fn is_upload(&self) -> bool {
        !self.has_source
    }

    pub fn short_id(&self) -> &str {
        &self.id[..8.min(self.id.len())]
    }

    /// `None` before it is created.
    pub fn age(&self, now: Duration) -> Option<Duration> {
        (delta(now) - self.created).to_std().ok()
    }

    pub fn is_deleted(&self, age: Duration) -> bool {
        self.life.deleted_after.is_some_and(|it| it <= age)
    }
}

/// Returns the full id for a short id, and any other id unchanged.
pub fn full_id(id: &str) -> String {
    if id.len() != 8 {
        return id.to_owned();
    }
    let rest = digits(id, 24);
    let (a, b, c, d) = (&rest[..4], &rest[5..8], &rest[9..12], &rest[12..]);
    format!("{id}-{a}-4{b}-8{c}-{d}")
}

fn full_hash(prefix: &str) -> String {
    format!(
        "{prefix}{}",
        digits(prefix, 40_usize.saturating_sub(prefix.len()))
    )
}

/// Generates hexadecimal digits, always the same for the same seed.
fn digits(seed: &str, count: usize) -> String {
    // FNV-1a, hashed once more for each digit.
    let stir = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let mut hash = seed.bytes().fold(0xcbf2_9ce4_8422_2325, stir);
    let mut digits = String::new();
    for _ in 0..count {
        hash = stir(hash, 0x9e);
        digits.extend(char::from_digit(u32::try_from(hash >> 60).unwrap_or(0), 16));
    }
    digits
}

pub(super) fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}
