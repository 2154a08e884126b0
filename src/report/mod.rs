//! Shows events. One trait, one reporter per way of showing.

pub(crate) mod harmless;
pub(crate) mod line;
pub(crate) mod log;
pub(crate) mod summary;

use std::io;

use crate::retry::event::Event;

/// Shows what happened, at once and in order.
pub(crate) trait Report {
    fn event(&mut self, event: &Event) -> io::Result<()>;
}
