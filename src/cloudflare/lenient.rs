//! Reads fields that may be missing, null, or of another type than documented.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize as _, Deserializer};
use serde_json::Value;

/// Reads an id that is not blank.
pub(super) fn non_empty<'de, D>(deserializer: D) -> Result<String, D::Error>
where
    D: Deserializer<'de>,
{
    let id = String::deserialize(deserializer)?;
    if id.trim().is_empty() {
        return Err(D::Error::custom("the id is empty"));
    }
    Ok(id)
}

/// Reads a field, or its default where it is null or of another type.
pub(super) fn lenient<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + DeserializeOwned,
{
    let value = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

/// Reads the items that can be read, so that one odd item hides no other.
pub(super) fn lossy_vec<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let values: Vec<Value> = lenient(deserializer)?;
    let items = values.into_iter().map(serde_json::from_value);
    Ok(items.filter_map(Result::ok).collect())
}

/// Distinguishes a missing value from one in an unknown shape.
pub(super) fn presence<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Default + DeserializeOwned,
{
    let value = Value::deserialize(deserializer)?;
    Ok((!value.is_null()).then(|| serde_json::from_value(value).unwrap_or_default()))
}

/// Reads a time with any number of fractional digits; without a zone it is UTC.
pub(super) fn timestamp<'de, D>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error>
where
    D: Deserializer<'de>,
{
    let text: Option<String> = lenient(deserializer)?;
    Ok(text.and_then(|it| {
        let zoned = DateTime::parse_from_rfc3339(&it).map(|it| it.to_utc());
        let bare = || NaiveDateTime::parse_from_str(&it, "%Y-%m-%dT%H:%M:%S%.f");
        zoned.or_else(|_| bare().map(|it| it.and_utc())).ok()
    }))
}
