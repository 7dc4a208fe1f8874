//! The ledgers answer as the book does, and keep what they are given.

pub(crate) mod executor;
pub(crate) mod workload;
