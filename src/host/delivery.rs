//! What is handed to the host at the end, and the ways to hand it over.

use std::path::{Path, PathBuf};

/// What is to be delivered, and what cannot be.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Export {
    pub deliveries: Vec<Delivery>,
    pub warnings: Vec<String>,
}

/// One thing to hand over.
#[derive(Debug, PartialEq, Eq)]
pub enum Delivery {
    Append {
        path: PathBuf,
        text: String,
    },
    Replace {
        path: PathBuf,
        text: String,
    },
    /// Commands in the log.
    Print(Vec<String>),
    /// A program of the host's, which reads `input`. It is given `vars` and no
    /// other variable: the token is none of its business.
    Run {
        program: PathBuf,
        arguments: Vec<String>,
        input: String,
        vars: Vec<(String, String)>,
    },
}

impl Delivery {
    /// Where it goes, for a message.
    pub fn place(&self) -> String {
        match self {
            Self::Append { path, .. } | Self::Replace { path, .. } => {
                format!("`{}`", path.display())
            }
            Self::Print(_) => "the log".to_owned(),
            Self::Run { program, .. } => format!("`{}`", program.display()),
        }
    }
}

/// Finds a program in the folders of `PATH`.
pub fn find(program: &str, path: Option<&str>) -> Option<PathBuf> {
    let folders = std::env::split_paths(path?);
    folders
        .map(|it| it.join(program))
        .find(|it| Path::is_file(it))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a file to find")]
    fn a_program_is_found_in_the_first_folder_that_has_it() {
        let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let path = std::env::join_paths(folders.iter().map(tempfile::TempDir::path)).unwrap();
        let path = path.to_str();
        assert_eq!(find("agent", path), None);
        fs::create_dir(folders[0].path().join("agent")).unwrap();
        let program = folders[1].path().join("agent");
        fs::write(&program, "").unwrap();
        assert_eq!(find("agent", path), Some(program));
        assert_eq!(find("agent", None), None);
    }
}
