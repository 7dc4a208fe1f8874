//! The integration tests: one binary, a module per theme.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a failed one is a failed test"
)]
#![expect(clippy::disallowed_methods, reason = "tests measure how long things take")]

mod callers;
mod checkout;
mod cli;
mod cli_redis;
mod controls;
mod crash;
mod definitions;
mod demand;
mod deploying;
mod examples;
mod figures;
mod gates;
mod house;
mod http;
mod kill;
mod ledgers;
mod limits;
mod lists;
mod media;
mod monitoring;
mod moving;
mod nodes;
mod offices;
mod overload;
mod pages;
mod people;
mod quic;
mod raw;
mod redis;
mod refusals;
mod restarts;
mod rulebook;
mod scenarios;
mod sequences;
mod taking;
mod told;
mod value;
