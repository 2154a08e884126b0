//! Decides what to do with a deployment and when.

mod diagnosis;
pub(crate) mod pace;
mod rules;
pub(crate) mod usual;
