//! `CircleCI`: the file that bash reads at the start of each later step.

use std::process::Command;

/// Returns the variables that the file exports. Allows only `export NAME="VALUE"` and
/// `export NAME='VALUE'`, and nothing that a shell would expand or run.
pub fn bash_env(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut variables = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let declaration = rest
            .strip_prefix("export ")
            .ok_or_else(|| format!("not an export: {rest}"))?;
        let (name, after) = declaration
            .split_once('=')
            .ok_or_else(|| format!("no value: {rest}"))?;
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_name {
            return Err(format!("invalid name {name}"));
        }
        let (value, after) = value(after).ok_or_else(|| format!("invalid value of {name}"))?;
        rest = after
            .strip_prefix('\n')
            .ok_or_else(|| format!("more after the value of {name}"))?;
        variables.push((name.to_owned(), value));
    }
    Ok(variables)
}

/// Reads consecutive quoted parts as one value, such as `'it'\''s'`.
fn value(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        if let Some(quoted) = rest.strip_prefix('\'') {
            let (inside, after) = quoted.split_once('\'')?;
            value.push_str(inside);
            rest = after;
        } else if let Some(quoted) = rest.strip_prefix('"') {
            rest = double_quoted(quoted, &mut value)?;
        } else if let Some(escaped) = rest.strip_prefix('\\') {
            let c = escaped.chars().next().filter(|c| *c != '\n')?;
            value.push(c);
            rest = &escaped[c.len_utf8()..];
        } else {
            return Some((value, rest));
        }
    }
}

fn double_quoted<'a>(text: &'a str, value: &mut String) -> Option<&'a str> {
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some(&text[at + 1..]),
            '$' | '`' => return None,
            '\\' => match chars.next()?.1 {
                c @ ('"' | '\\' | '$' | '`') => value.push(c),
                '\n' => {}
                c => value.extend(['\\', c]),
            },
            c => value.push(c),
        }
    }
    None
}

/// Returns the values of `names` after bash itself has read the file in an empty
/// environment; `None` if bash is not installed.
pub fn by_bash(file: &std::path::Path, names: &[&str]) -> Option<Vec<String>> {
    let script = "source \"$0\" && for name; do printf '%s\\0' \"${!name}\"; done";
    let output = Command::new("bash")
        .env_clear()
        .args(["--noprofile", "--norc", "-eu", "-c", script])
        .arg(file)
        .args(names)
        .output()
        .ok()?;
    assert!(
        output.status.success(),
        "bash rejects the file: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let values = String::from_utf8(output.stdout).expect("the values are UTF-8");
    Some(values.split_terminator('\0').map(str::to_owned).collect())
}
