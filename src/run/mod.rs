//! What happens in a run and how it ends: the words that `retry`, `check`, the
//! hosts and the reports share.

pub mod event;
pub mod history;
pub mod outcome;
pub mod reachability;
pub mod verdict;
pub mod wording;
