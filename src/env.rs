//! The environment, as it was when the process began.

use std::ffi::OsString;

/// What `main` read, so that nothing else needs to. A variable that is not
/// Unicode is known by its name only.
#[derive(Clone, Debug, Default)]
pub struct Env {
    unicode: Vec<(String, String)>,
    not_unicode: Vec<String>,
}

impl Env {
    /// Takes what `std::env::vars_os` gives.
    pub fn from_os(vars: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut sorted = Self::default();
        for (name, value) in vars {
            // A name that is not Unicode is none of ours.
            let Ok(name) = name.into_string() else {
                continue;
            };
            match value.into_string() {
                Ok(value) => sorted.unicode.push((name, value)),
                Err(_) => sorted.not_unicode.push(name),
            }
        }
        sorted
    }

    /// The trimmed value; empty means absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.unicode.iter().find(|(it, _)| it == name)?;
        Some(value.trim()).filter(|it| !it.is_empty())
    }

    /// The first of `names` that holds something.
    pub fn first(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|it| self.get(it))
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let vars = self.unicode.iter();
        vars.map(|(name, value)| (name.as_str(), value.trim()))
    }

    /// Without the variables whose names are `unwanted`.
    pub fn without(mut self, unwanted: impl Fn(&str) -> bool) -> Self {
        self.unicode.retain(|(name, _)| !unwanted(name));
        self.not_unicode.retain(|name| !unwanted(name));
        self
    }

    /// With one more variable.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.unicode.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn not_unicode(&self) -> impl Iterator<Item = &str> {
        self.not_unicode.iter().map(String::as_str)
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Env {
    fn from(vars: [(&str, &str); N]) -> Self {
        Self::from_os(vars.map(|(name, value)| (name.into(), value.into())))
    }
}
