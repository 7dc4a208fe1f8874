//! jeton decides whether a voucher, coupon, gift card, points account or season pass may be used
//! now, for this, and what it is worth; and it records each use exactly once.
//!
//! Reading order: [`domain`] is the core, pure data and decisions. [`codes`] makes and checks code
//! texts, [`index`] finds them in memory, [`catalog`] remembers definitions, [`ledger`] carries out
//! postings durably; [`remote`] is the way to Redis for both. [`engine`] joins them into use cases.
//! [`protocol`] is the wire, [`client`] speaks it, [`server`] listens, [`auth`] says who may,
//! [`cli`] and [`config`] start it all.

pub mod auth;
pub mod catalog;
pub mod cli;
pub mod client;
pub mod clock;
pub mod codes;
pub mod config;
pub mod domain;
pub mod engine;
pub mod index;
pub mod ledger;
pub mod metrics;
pub mod protocol;
pub mod remote;
pub mod server;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
