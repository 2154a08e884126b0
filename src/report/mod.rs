//! Shows events. One trait, one reporter per way of showing.

pub(crate) mod harmless;
pub(crate) mod json;
pub(crate) mod line;
pub(crate) mod log;
pub(crate) mod summary;
pub(crate) mod terminal;

use std::io;

use crate::retry::event::Event;

/// Whether a person watches: a row that moves would fill a CI system's log,
/// and some CI systems pretend to be terminals.
///
/// | `log_format` | CI  | terminal | live |
/// |--------------|-----|----------|------|
/// | `auto`       | no  | yes      | yes  |
/// | any other    | *   | *        | no   |
/// | *            | yes | *        | no   |
/// | *            | *   | no       | no   |
pub(crate) fn is_live(log_format: &str, is_ci: bool, is_terminal: bool) -> bool {
    matches!((log_format, is_ci, is_terminal), ("auto", false, true))
}

/// Shows what happened, at once and in order.
pub(crate) trait Report {
    fn event(&mut self, event: &Event) -> io::Result<()>;

    /// Writes a line that the host obeys, where the log has room for one.
    fn command(&mut self, _line: &str) -> io::Result<()> {
        Err(io::Error::other(
            "this `log_format` has no room for the host's commands; use `output_file`",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::is_live;

    #[test]
    fn only_a_person_at_a_terminal_sees_a_row_that_moves() {
        assert!(is_live("auto", false, true));
        assert!(!is_live("plain", false, true));
        assert!(!is_live("auto", true, true));
        assert!(!is_live("auto", false, false));
    }
}
