//! Reads the inputs of the reachability check.

use secrecy::SecretString;

use super::inputs::Inputs;
use super::mistakes;
use super::parse;
use super::parser::InputParser;
use crate::check::options::{Options, ServiceToken, is_path};

/// The inputs that mean nothing without `check_url`.
const WITHOUT_EFFECT: [&str; 4] = [
    "check_text",
    "check_timeout",
    "access_client_id",
    "access_client_secret",
];

impl InputParser<'_> {
    /// What to check, if anything. Bad input is among the problems.
    pub(super) fn check(&mut self, inputs: &Inputs, wait: Option<bool>) -> Option<Options> {
        let path = self.read("check_url", &inputs.check_url, path);
        let timeout = self.read("check_timeout", &inputs.check_timeout, parse::duration);
        self.warnings.extend(mistakes::seconds_instead_of_minutes(
            "check_timeout",
            &inputs.check_timeout,
        ));
        let is_off = path == Some(None);
        for name in WITHOUT_EFFECT.iter().filter(|_| is_off) {
            if self.explicit.contains(name) {
                self.warnings
                    .push(format!("input `{name}` has no effect without `check_url`"));
            }
        }
        // Variables alone may be meant for other steps.
        let is_explicit = |it: &&str| it.starts_with("access_");
        let access = if is_off && !self.explicit.iter().any(is_explicit) {
            None
        } else {
            self.service_token(inputs)
        };
        let path = path??;
        if wait == Some(false) {
            self.problem(
                "check_url",
                "needs `wait: true`; without waiting nothing can be reached yet",
            );
        }
        Some(Options {
            path,
            text: Some(inputs.check_text.clone()).filter(|it| !it.is_empty()),
            timeout: timeout?,
            access,
        })
    }

    fn service_token(&mut self, inputs: &Inputs) -> Option<ServiceToken> {
        let (id, secret) = (&inputs.access_client_id, &inputs.access_client_secret);
        match (id.as_str(), secret.as_str()) {
            ("", "") => None,
            ("", _) => {
                self.problem(
                    "access_client_id",
                    "is missing beside `access_client_secret`",
                );
                None
            }
            (_, "") => {
                self.problem(
                    "access_client_secret",
                    "is missing beside `access_client_id`",
                );
                None
            }
            (id, secret) => {
                self.read("access_client_id", id, parse::secret)?;
                self.read("access_client_secret", secret, parse::secret)?;
                Some(ServiceToken {
                    client_id: id.to_owned(),
                    client_secret: SecretString::from(secret.to_owned()),
                })
            }
        }
    }
}

/// `true` is the path `/`, `false` is none.
fn path(text: &str) -> Result<Option<String>, String> {
    if let Ok(is_on) = parse::boolean(text) {
        return Ok(is_on.then(|| "/".to_owned()));
    }
    if is_path(text) {
        return Ok(Some(text.to_owned()));
    }
    Err(format!(
        "is neither a boolean nor a path: `{text}`; use `true`, or a path such as `/version.txt`"
    ))
}
