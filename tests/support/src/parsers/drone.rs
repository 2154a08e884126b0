//! Harness (formerly Drone): the file `DRONE_OUTPUT`.

/// Reads `NAME=VALUE` lines. A value cannot contain a line break: the rest would be a
/// separate line.
pub fn output_file(text: &str) -> Result<Vec<(String, String)>, String> {
    pairs(text)
}

pub(super) fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    text.lines()
        .map(|line| {
            let (name, value) = line
                .split_once('=')
                .ok_or_else(|| format!("not a variable: '{line}'"))?;
            let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if !is_name || value.contains('\r') {
                return Err(format!("not a variable: '{line}'"));
            }
            Ok((name.to_owned(), value.to_owned()))
        })
        .collect()
}
