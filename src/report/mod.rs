//! Shows what happens.

#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the reporters that use it are still to come")
)]
pub(crate) mod harmless;
