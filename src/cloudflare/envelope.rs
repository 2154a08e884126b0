//! The envelope of API responses: `success`, `errors`, `messages`, `result`.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use super::lenient::{lenient, lossy_vec};
use super::lossy;
use super::page::ResultInfo;
use crate::text::inline;

/// A response in any of its known shapes. Each field may be missing, and
/// some endpoints return `{code, error}` instead.
#[derive(Debug, Deserialize)]
pub(super) struct Envelope {
    /// A 200 may still say `false`.
    #[serde(default, deserialize_with = "lenient")]
    pub(super) success: Option<bool>,
    #[serde(default, deserialize_with = "lossy_vec")]
    pub(super) errors: Vec<Item>,
    #[serde(default, deserialize_with = "lossy_vec")]
    pub(super) messages: Vec<Item>,
    #[serde(default)]
    pub(super) result: Value,
    /// What a list says of itself.
    #[serde(default, deserialize_with = "lenient")]
    pub(super) result_info: ResultInfo,
    #[serde(default, deserialize_with = "lenient")]
    code: Option<i64>,
    #[serde(default, deserialize_with = "lenient")]
    error: Option<String>,
}

impl Envelope {
    /// Reads a body, also where some of its text cannot be read; `None` if it
    /// is not a JSON object.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let strictly = serde_json::from_slice(body);
        let value: Value = strictly
            .or_else(|_| serde_json::from_str(&lossy::repair(body)))
            .ok()?;
        let mut envelope = Self::deserialize(value).ok()?;
        if envelope.errors.is_empty()
            && let Some(message) = envelope.error.take()
        {
            envelope.errors.push(Item {
                code: envelope.code.unwrap_or_default(),
                message,
                ..Item::default()
            });
        }
        Some(envelope)
    }
}

/// One error or message of the API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Value")]
pub struct Item {
    /// 0 where the API gave none.
    pub code: i64,
    pub message: String,
    pub documentation_url: Option<String>,
    /// A JSON pointer to the part of the request that it is about.
    pub pointer: Option<String>,
    pub error_chain: Vec<Item>,
}

impl From<Value> for Item {
    /// Reads an item; `messages` have been seen to be strings too.
    fn from(value: Value) -> Self {
        #[derive(Default, Deserialize)]
        struct Wire {
            #[serde(default, deserialize_with = "lenient")]
            code: i64,
            #[serde(default, deserialize_with = "lenient")]
            message: String,
            #[serde(default, deserialize_with = "lenient")]
            documentation_url: Option<String>,
            #[serde(default, deserialize_with = "lenient")]
            source: Option<Source>,
            #[serde(default, deserialize_with = "lossy_vec")]
            error_chain: Vec<Item>,
        }
        #[derive(Deserialize)]
        struct Source {
            #[serde(default, deserialize_with = "lenient")]
            pointer: Option<String>,
        }
        if let Value::String(message) = value {
            return Self {
                message,
                ..Self::default()
            };
        }
        let wire: Wire = serde_json::from_value(value).unwrap_or_default();
        Self {
            code: wire.code,
            message: wire.message,
            documentation_url: wire.documentation_url,
            pointer: wire.source.and_then(|it| it.pointer),
            error_chain: wire.error_chain,
        }
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&inline(&self.message))?;
        if self.code != 0 {
            write!(f, " (code {})", self.code)?;
        }
        if let Some(pointer) = &self.pointer {
            write!(f, " at {}", inline(pointer))?;
        }
        if let Some(url) = &self.documentation_url {
            write!(f, ", see {}", inline(url))?;
        }
        for item in &self.error_chain {
            write!(f, ": {item}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(body: impl AsRef<[u8]>) -> Option<Vec<String>> {
        let envelope = Envelope::read(body.as_ref())?;
        let items = envelope.errors.iter().chain(&envelope.messages);
        Some(items.map(ToString::to_string).collect())
    }

    #[test]
    fn a_message_is_one_line_without_control_characters() {
        let body = r#"{"success":false,"errors":[{"message":" a\u007fb\r\nc "}]}"#;
        assert_eq!(items(body), Some(vec!["ab c".to_owned()]));
    }

    #[test]
    fn errors_and_messages_are_read_in_each_of_their_shapes() {
        let cases: [(&str, &[&str]); 4] = [
            (
                r#"{"success":false,"errors":[{"code":7,"message":"No."}]}"#,
                &["No. (code 7)"],
            ),
            (
                r#"{"code":1004,"error":"No route"}"#,
                &["No route (code 1004)"],
            ),
            (r#"{"messages":["slow today"]}"#, &["slow today"]),
            (
                r#"{"errors":[{"message":"A","error_chain":[{"code":9,"message":"B"}]}]}"#,
                &["A: B (code 9)"],
            ),
        ];
        for (body, expected) in cases {
            assert_eq!(items(body).unwrap(), expected, "{body}");
        }
        assert!(items("<html>").is_none());
    }

    #[test]
    fn no_byte_of_a_text_makes_an_error_unreadable() {
        let body =
            b"{\"errors\":[{\"code\":8000007,\"message\":\"caf\xe9 \\ud83d\"}],\"result\":1e999}";
        assert_eq!(
            items(body).unwrap(),
            ["caf\u{fffd} \u{fffd} (code 8000007)"]
        );
        let body = br#"{"messages":["\udc00"],"result":{},"result":{"id":"x"}}"#;
        assert_eq!(items(body).unwrap(), ["\u{fffd}"]);
        assert_eq!(Envelope::read(body).unwrap().result["id"], "x");
    }
}
