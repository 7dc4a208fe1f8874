//! Real Redis servers for tests: one, a master with Sentinels, a Cluster, and a proxy that spoils
//! connections. Linux only.
//!
//! Knows nothing of ledgers or catalogs: it starts programs, talks to them and stops them. Calls
//! block; from async code wrap the slow ones (start, failover, restart) in `spawn_blocking`.
//!
//! Invariants: every server has its own directory and free loopback ports; nothing outlives the
//! value that owns it, nor, should that value never be dropped, the process that made it.

mod cluster;
mod process;
mod proxy;
mod redis;
mod sentinels;

#[cfg(test)]
mod tests;

pub use self::cluster::Cluster;
pub use self::proxy::{Fault, Proxy};
pub use self::redis::{Aof, RedisOptions, RedisServer};
pub use self::sentinels::Sentinels;
