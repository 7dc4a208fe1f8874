//! What tests share: the table language of scenarios, and the view of a ledger that they check.
//!
//! Knows the core only. A ledger is tested through [`Executor`], which every ledger can offer;
//! [`BookExecutor`] offers it over the bare state machine, so that all ledgers are held to the same
//! tables.

mod checker;
mod executor;
mod found;
mod scenario;
mod server;
pub mod servers;

pub use checker::{Call, Heard, Lie, Standing, judge};
pub use executor::{BookExecutor, Executor, Records};
pub use scenario::{check, key, posting_id, run};
pub use server::{BoxOptions, ManualClock, RedisStore, ServerBox, SetUp, engine_in};
