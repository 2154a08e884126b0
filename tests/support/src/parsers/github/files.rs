//! The GitHub Actions runner: the files for outputs and the step summary.

use super::property;

/// The outputs in a file, up to the first error.
#[derive(Debug, Default)]
pub struct OutputFile {
    pub records: Vec<(String, String)>,
    /// An error that fails the step.
    pub error: Option<String>,
}

impl OutputFile {
    /// The last value of a name; names are case-insensitive.
    pub fn get(&self, wanted: &str) -> Option<&str> {
        property(&self.records, wanted)
    }
}

/// Reads an output file as the GitHub runner does.
pub fn outputs(text: &str) -> OutputFile {
    let mut file = OutputFile::default();
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        rest = after;
        if line.is_empty() {
            continue;
        }
        match record(line, &mut rest) {
            Ok(record) => file.records.push(record),
            Err(error) => {
                file.error = Some(error);
                break;
            }
        }
    }
    file
}

fn record(line: &str, rest: &mut &str) -> Result<(String, String), String> {
    let equals = line.find('=').unwrap_or(usize::MAX);
    let heredoc = line.find("<<").unwrap_or(usize::MAX);
    if equals < heredoc {
        let (name, value) = line.split_at(equals);
        if name.is_empty() {
            return Err("an output without a name".to_owned());
        }
        return Ok((name.to_owned(), value[1..].to_owned()));
    }
    if heredoc == usize::MAX {
        return Err(format!("Invalid format '{line}'"));
    }
    let (name, delimiter) = (&line[..heredoc], &line[heredoc + 2..]);
    if name.is_empty() || delimiter.is_empty() {
        return Err(format!(
            "Invalid format '{line}'. Name and delimiter must not be empty"
        ));
    }
    let mut lines: Vec<&str> = Vec::new();
    loop {
        if rest.is_empty() {
            return Err(format!(
                "Invalid value. Matching delimiter not found '{delimiter}'"
            ));
        }
        match rest.split_once('\n') {
            Some((line, after)) => {
                *rest = after;
                if line == delimiter {
                    break;
                }
                lines.push(line);
            }
            None if *rest == delimiter => {
                *rest = "";
                break;
            }
            None => return Err("Invalid value. EOF marker missing new line.".to_owned()),
        }
    }
    Ok((name.to_owned(), lines.join("\n")))
}

/// Returns the part of a step summary that is shown: all of it, or nothing.
pub fn summary(text: &str) -> Result<Option<&str>, String> {
    const MOST: usize = 1024 * 1024;
    if MOST < text.len() {
        return Err(format!("upload aborted, got {}k", text.len() / 1024));
    }
    Ok((!text.is_empty()).then_some(text))
}
