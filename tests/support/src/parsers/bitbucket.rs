//! Bitbucket Pipelines: the file with output variables.

/// Reads `NAME=VALUE` lines; nothing else is allowed.
pub fn output_variables(text: &str) -> Result<Vec<(String, String)>, String> {
    super::drone::pairs(text)
}
