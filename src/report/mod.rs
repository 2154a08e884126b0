//! Shows events. One trait, one reporter per way of showing.

mod addresses;
pub mod json;
mod keys;
pub mod line;
pub mod log;
pub mod summary;
pub mod terminal;

use crate::host::LogFormat;

/// Whether a person watches: a row that moves would fill a CI system's log,
/// and some CI systems pretend to be terminals.
///
/// | `log_format` | CI  | terminal | live |
/// |--------------|-----|----------|------|
/// | `auto`       | no  | yes      | yes  |
/// | any other    | *   | *        | no   |
/// | *            | yes | *        | no   |
/// | *            | *   | no       | no   |
pub fn is_live(log_format: LogFormat, is_ci: bool, is_terminal: bool) -> bool {
    matches!(
        (log_format, is_ci, is_terminal),
        (LogFormat::Auto, false, true)
    )
}

#[cfg(test)]
mod tests {
    use super::is_live;
    use crate::host::LogFormat;

    #[test]
    fn only_a_person_at_a_terminal_sees_a_row_that_moves() {
        assert!(is_live(LogFormat::Auto, false, true));
        assert!(!is_live(LogFormat::Plain, false, true));
        assert!(!is_live(LogFormat::Auto, true, true));
        assert!(!is_live(LogFormat::Auto, false, false));
    }
}
