//! Getting ready: the functions are loaded on every master, the fence and the servers are checked.

use redis::{Value, cmd};

use super::inspect::{self, Severity};
use super::{Epoch, Place};
use crate::domain::time::Timestamp;
use crate::ledger::{Durability, Now, OpenError};
use crate::remote::{Remote, RemoteError, ServerError};

/// The functions. The name of the library in it carries the version.
const LIBRARY: &str = include_str!("jeton.lua");

/// What is left out of the library, to prove that the tests would notice.
#[cfg(feature = "testing")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Flaw {
    /// Nothing.
    #[default]
    None,
    /// The epoch is not compared.
    NoFence,
    /// Receipts are not kept.
    NoReceipts,
    /// A decision is not written down.
    NoDecision,
    /// Ceilings are not checked.
    NoCeiling,
    /// Holds that are over are not reclaimed.
    NoReclaim,
}

/// The text of the library.
pub(super) fn text(place: &Place) -> String {
    #[cfg(feature = "testing")]
    {
        let (from, to) = match place.flaw {
            Flaw::None => return LIBRARY.to_owned(),
            Flaw::NoFence => (
                "if not value or sub(value, 1, 32) ~= epoch then",
                "value = value or epoch .. '0' if false then",
            ),
            Flaw::NoReceipts => ("value and unpacked(value) or false", "false"),
            Flaw::NoDecision => (
                "call('SET', given_up_key(id, attempt)",
                "call('SET', given_up_key(id, attempt) .. 'x'",
            ),
            Flaw::NoCeiling => ("asked + kept <= limit", "true"),
            Flaw::NoReclaim => ("holds and holds[3] <= now", "false"),
        };
        assert!(LIBRARY.contains(from), "the flaw {:?} is not in the library", place.flaw);
        LIBRARY.replacen(from, to, 1)
    }
    #[cfg(not(feature = "testing"))]
    {
        let _place = place;
        LIBRARY.to_owned()
    }
}

/// Loads the functions on every master.
pub(super) async fn load(remote: &Remote, place: &Place) -> Result<(), RemoteError> {
    for mut master in remote.masters().await? {
        let mut load = cmd("FUNCTION");
        load.arg("LOAD").arg("REPLACE").arg(text(place));
        master.query(&load).await?;
    }
    Ok(())
}

/// Whether the server says that the library is not there.
pub(super) fn is_missing(error: &ServerError) -> bool {
    error.text.contains("Function not found")
}

/// Makes sure that everything is as it must be before the first call.
pub(super) async fn prepare(
    remote: &Remote,
    place: &Place,
    durability: Durability,
    now: &Now,
) -> Result<(), OpenError> {
    let failed = |error: RemoteError| OpenError::Remote(error.to_string());
    for finding in inspect::inspect(remote, durability, now).await.map_err(failed)? {
        match finding.severity {
            Severity::Good => tracing::debug!("{finding}"),
            Severity::Unsafe if durability != Durability::RedisAsIs => {
                return Err(OpenError::Unsafe(finding.to_string()));
            }
            Severity::Unsafe | Severity::Unknown => tracing::warn!("{finding}"),
        }
    }
    check_fence(remote, place).await?;
    load(remote, place).await.map_err(failed)
}

/// Compares the fence with what this node was told.
async fn check_fence(remote: &Remote, place: &Place) -> Result<(), OpenError> {
    let failed = |error: RemoteError| OpenError::Remote(error.to_string());
    let found = inspect::installation(remote).await.map_err(failed)?;
    let Some(found) = found else {
        return Err(OpenError::NotInitialised(remote.target().to_string()));
    };
    if found.epoch != place.epoch.text() {
        return Err(OpenError::OtherEpoch(remote.target().to_string()));
    }
    if found.partitions != place.partitions {
        return Err(OpenError::Partitions { found: found.partitions, wanted: place.partitions });
    }
    Ok(())
}

/// The key of a partition's fence.
pub(super) fn fence_key(partition: u16) -> Vec<u8> {
    format!("{{j{partition}}}m").into_bytes()
}

/// A fence as it is made: before the first event.
pub(super) fn fence(epoch: &Epoch) -> String {
    format!("{}0", epoch.text())
}

/// The moment that a reply to `TIME` says.
pub(super) fn moment(reply: &Value) -> Option<Timestamp> {
    let (seconds, micros): (i64, i64) = redis::from_redis_value_ref(reply).ok()?;
    Some(Timestamp(seconds.saturating_mul(1_000).saturating_add(micros / 1_000)))
}
