//! The integration tests: one binary, a module per theme.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed one is a failed test"
)]

mod controls;
mod gates;
mod scenarios;
mod sequences;
