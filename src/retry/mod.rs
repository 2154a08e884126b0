//! Decides what to do with a deployment and when.

mod diagnosis;
mod rules;
