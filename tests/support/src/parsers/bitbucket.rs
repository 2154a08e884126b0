//! Bitbucket Pipelines: the file of output variables.

/// `NAME=VALUE` lines; nothing else may stand in the file.
pub fn output_variables(text: &str) -> Result<Vec<(String, String)>, String> {
    super::drone::pairs(text)
}
