//! The store in Redis as commands reach it: where it is, and what an operator can see there.
//!
//! Reads the fences by themselves, without the library of functions: it must work where nothing
//! else does. Writes nothing.

use std::collections::BTreeMap;
use std::fs;
use std::future::Future;

use ::redis::{Cmd, FromRedisValue, Value, cmd, from_redis_value};
use anyhow::{Context, anyhow};

use super::epoch::EpochFile;
use super::gauges::OVERDUE_MS;
use super::installation::check_private;
use super::place::read;
use crate::catalog;
use crate::config::{Config, RedisStore};
use crate::domain::time::Timestamp;
use crate::ledger::Durability;
use crate::ledger::redis::{PARTITIONS_MAX, Place, installation};
use crate::metrics::Stopwatch;
use crate::remote::{self, Lane, Master, Password, Remote, RemoteError};

const DAY_MS: i64 = 86_400_000;

/// What begins the name of each library of ours.
const LIBRARIES: &str = "jeton_*";

/// How to reach the store: reads the files with the password and the authorities.
pub(super) fn remote_options(store: &RedisStore) -> anyhow::Result<remote::Options> {
    let mut options = remote::Options::new(store.target.clone());
    if let Some(file) = &store.password_file {
        check_private(file)?;
        let password = read(file)?.trim_end_matches(['\r', '\n']).to_owned();
        options.target.password = Some(Password::new(password));
    }
    if let Some(file) = &store.ca_file {
        options.ca_pem = Some(fs::read(file).with_context(|| file.display().to_string())?);
    }
    Ok(options)
}

/// Where the ledger is.
pub(super) fn place(store: &RedisStore, epoch: EpochFile) -> anyhow::Result<Place> {
    let mut place = Place::new(remote_options(store)?, epoch.epoch);
    place.partitions = epoch.partitions;
    place.lanes = store.lanes;
    place.retention_ms = i64::from(store.retention_days) * DAY_MS;
    Ok(place)
}

/// Where the catalog is.
pub(super) fn catalog_store(config: &Config, store: &RedisStore) -> anyhow::Result<catalog::Store> {
    let replicas = match config.durability {
        Durability::Replicas { replicas } => u32::from(replicas),
        Durability::Sync
        | Durability::Interval { .. }
        | Durability::Memory
        | Durability::RedisAofAlways
        | Durability::RedisAsIs => 0,
    };
    Ok(catalog::Store::Redis { remote: remote_options(store)?, replicas })
}

/// Waits for what Redis says, on a thread that may block.
pub(super) fn wait<T>(work: impl Future<Output = T>) -> anyhow::Result<T> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build().context("no runtime can be started")?;
    Ok(runtime.block_on(work))
}

/// What stands in Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Survey {
    /// The epoch and the partitions of the installation, if there is one.
    pub(super) installation: Option<(String, u16)>,
    /// As many as the installation has, or as we think it has.
    pub(super) partitions: Vec<Partition>,
    /// Whether there is a catalog.
    pub(super) has_catalog: bool,
}

/// What stands in Redis about one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Partition {
    /// The epoch of its fence, if it has one.
    pub(super) epoch: Option<String>,
    /// Events that it has seen.
    pub(super) events: u64,
    /// Holds that are open.
    pub(super) holds: u64,
}

/// What the fences mean for a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fence {
    /// All carry its epoch.
    Ours,
    /// There is nothing of an installation.
    Absent,
    /// Another installation.
    Other(String),
    /// The installation's record is ours, and that many fences are not, or other than we know.
    Broken(usize),
    /// The number of partitions is another.
    Partitions(u16),
}

impl Survey {
    /// Looks.
    pub(super) async fn take(remote: &Remote, partitions: u16) -> Result<Self, RemoteError> {
        let mut lane = remote.lane().await?;
        let found = installation(remote).await?;
        let installation = found.map(|found| (found.epoch, found.partitions));
        let count = installation.as_ref().map_or(partitions, |(_, found)| *found);
        let mut all = Vec::new();
        for partition in 0..count.min(PARTITIONS_MAX) {
            let (fence, holds) = (format!("{{j{partition}}}m"), format!("{{j{partition}}}h"));
            let value: Option<String> =
                ask_one(&mut lane, &fence, cmd("GET").arg(&fence).take()).await?;
            let holds: u64 = ask_one(&mut lane, &holds, cmd("ZCARD").arg(&holds).take()).await?;
            let (epoch, events) =
                match value.as_deref().and_then(|value| value.split_at_checked(32)) {
                    Some((epoch, events)) => (Some(epoch.to_owned()), events.parse().unwrap_or(0)),
                    None => (None, 0),
                };
            all.push(Partition { epoch, events, holds });
        }
        let ask = cmd("HEXISTS").arg("{jc}meta").arg("format").take();
        let has_catalog = ask_one::<u8>(&mut lane, "{jc}", ask).await? == 1;
        Ok(Self { installation, partitions: all, has_catalog })
    }

    /// What the fences mean for a node with this epoch.
    pub(super) fn fence(&self, ours: &EpochFile) -> Fence {
        let own = ours.epoch.text();
        match &self.installation {
            None => Fence::Absent,
            Some((epoch, _)) if *epoch != own => Fence::Other(epoch.clone()),
            Some((_, partitions)) if *partitions != ours.partitions => {
                Fence::Partitions(*partitions)
            }
            Some(_) => {
                let is_broken = |one: &&Partition| one.epoch.as_deref() != Some(own.as_str());
                match self.partitions.iter().filter(is_broken).count() {
                    0 => Fence::Ours,
                    count => Fence::Broken(count),
                }
            }
        }
    }
}

impl Fence {
    /// What is the matter, and what to type; `None` when nothing is.
    pub(super) fn trouble(&self) -> Option<(String, &'static str)> {
        const LOST: &str = "restore Redis from its own AOF or RDB backup, type: jeton ledger \
            restore --check, and then restart every node";
        match self {
            Self::Ours => None,
            Self::Absent => Some((
                "fenced: Redis has nothing of this installation; it was emptied, replaced, or \
                 restarted without its data"
                    .to_owned(),
                LOST,
            )),
            Self::Broken(count) => Some((
                format!("fenced: {count} partitions in Redis lost their fence, or have another's"),
                LOST,
            )),
            Self::Other(epoch) => Some((
                format!("fenced: Redis belongs to another installation (epoch {epoch})"),
                "check store and the epoch file: copy it from a node of that installation, or \
                 name the Redis of this one",
            )),
            Self::Partitions(found) => Some((
                format!("fenced: Redis has {found} partitions, the epoch file says otherwise"),
                "copy the epoch file from another node",
            )),
        }
    }
}

/// What a node measures in Redis now and then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sight {
    /// Open holds of all partitions.
    pub(super) holds: u64,
    /// Those that should have ended [`OVERDUE_MS`] ago.
    pub(super) holds_overdue: u64,
    /// How far our clock is ahead of the servers', in milliseconds; of several the one that
    /// differs most.
    pub(super) skew_ms: i64,
    /// Bytes of memory that the data of all masters take, where we may know.
    pub(super) used_memory_bytes: Option<u64>,
}

impl Sight {
    /// Looks. `now` reads our clock.
    pub(super) async fn take(
        remote: &Remote,
        partitions: u16,
        now: &(dyn Fn() -> Timestamp + Send + Sync),
    ) -> Result<Self, RemoteError> {
        let (mut holds, mut holds_overdue, mut skew_ms) = (0, 0, 0_i64);
        let mut lane = remote.lane().await?;
        for partition in 0..partitions {
            let key = format!("{{j{partition}}}h");
            holds += ask_one::<u64>(&mut lane, &key, cmd("ZCARD").arg(&key).take()).await?;
            let due = now().plus_ms(-OVERDUE_MS).0;
            let count = cmd("ZCOUNT").arg(&key).arg("-inf").arg(due).take();
            holds_overdue += ask_one::<u64>(&mut lane, &key, count).await?;
        }
        let mut used_memory_bytes = None;
        for mut master in remote.masters().await? {
            let before = now();
            let (seconds, micros): (i64, i64) = from_redis_value(master.query(&cmd("TIME")).await?)
                .map_err(|error| RemoteError::Unexpected(error.to_string()))?;
            let theirs = Timestamp(seconds.saturating_mul(1_000).saturating_add(micros / 1_000));
            let skew = skew_of(before, theirs, now());
            if skew.abs() > skew_ms.abs() {
                skew_ms = skew;
            }
            if let Some(bytes) = used_memory(&mut master).await? {
                used_memory_bytes = Some(used_memory_bytes.unwrap_or(0) + bytes);
            }
        }
        Ok(Self { holds, holds_overdue, skew_ms, used_memory_bytes })
    }
}

/// How far we are ahead of a clock that was read between two readings of ours.
fn skew_of(before: Timestamp, theirs: Timestamp, after: Timestamp) -> i64 {
    (before.0 - theirs.0).max(0) - (theirs.0 - after.0).max(0)
}

/// Bytes that a master's data take; `None` when we may not know.
async fn used_memory(master: &mut Master) -> Result<Option<u64>, RemoteError> {
    let text = match master.query(cmd("INFO").arg("memory")).await {
        Ok(reply) => from_redis_value::<String>(reply).unwrap_or_default(),
        Err(RemoteError::Refused(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let used = text.lines().find_map(|line| line.strip_prefix("used_memory:"));
    Ok(used.and_then(|digits| digits.trim().parse().ok()))
}

async fn ask_one<T: FromRedisValue>(
    lane: &mut Lane,
    key: &str,
    command: Cmd,
) -> Result<T, RemoteError> {
    let reply = lane.query(key.as_bytes(), command).await?;
    from_redis_value(reply).map_err(|error| RemoteError::Unexpected(error.to_string()))
}

/// What one master says of itself.
pub(super) struct ServerFacts {
    pub(super) address: String,
    /// Round trips, sorted, in seconds.
    pub(super) pings: Vec<f64>,
    /// The libraries of ours that are loaded; `None` when we may not know.
    pub(super) libraries: Option<Vec<String>>,
    /// Bytes of memory that its data take.
    pub(super) used_memory_bytes: Option<u64>,
}

/// Asks every master, `pings` times how fast it answers.
pub(super) async fn facts(remote: &Remote, pings: usize) -> Result<Vec<ServerFacts>, RemoteError> {
    let mut all = Vec::new();
    for mut master in remote.masters().await? {
        let mut seconds = Vec::with_capacity(pings);
        for _ in 0..pings {
            let watch = Stopwatch::start();
            master.query(&cmd("PING")).await?;
            seconds.push(watch.seconds());
        }
        seconds.sort_by(f64::total_cmp);
        let list = cmd("FUNCTION").arg("LIST").arg("LIBRARYNAME").arg(LIBRARIES).take();
        let libraries = match master.query(&list).await {
            Ok(reply) => Some(library_names(reply)),
            Err(RemoteError::Refused(_)) => None,
            Err(error) => return Err(error),
        };
        let used_memory_bytes = used_memory(&mut master).await?;
        all.push(ServerFacts {
            address: master.address.clone(),
            pings: seconds,
            libraries,
            used_memory_bytes,
        });
    }
    Ok(all)
}

fn library_names(reply: Value) -> Vec<String> {
    let libraries: Vec<BTreeMap<String, Value>> = from_redis_value(reply).unwrap_or_default();
    let name = |mut fields: BTreeMap<String, Value>| {
        fields.remove("library_name").and_then(|name| from_redis_value(name).ok())
    };
    libraries.into_iter().filter_map(name).collect()
}

/// The servers of a store.
pub(super) fn remote(store: &RedisStore) -> anyhow::Result<Remote> {
    Remote::new(remote_options(store)?).map_err(|error| anyhow!("{error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::redis::Epoch;

    #[test]
    fn a_skew_is_what_the_way_cannot_explain() {
        let skew =
            |before, theirs, after| skew_of(Timestamp(before), Timestamp(theirs), Timestamp(after));
        assert_eq!((skew(10, 10, 14), skew(10, 14, 14), skew(10, 12, 14)), (0, 0, 0));
        assert_eq!((skew(10, 7, 14), skew(10, 19, 14)), (3, -5));
    }

    #[test]
    fn a_fence_is_ours_only_whole() {
        let ours = EpochFile { epoch: Epoch([7; 16]), partitions: 2 };
        let own = ours.epoch.text();
        let partition =
            |epoch: &str| Partition { epoch: Some(epoch.to_owned()), events: 1, holds: 0 };
        let survey = |epoch: &str, count: u16, partitions: Vec<Partition>| Survey {
            installation: Some((epoch.to_owned(), count)),
            partitions,
            has_catalog: true,
        };
        let good = survey(&own, 2, vec![partition(&own), partition(&own)]);
        assert_eq!(good.fence(&ours), Fence::Ours);
        assert_eq!(good.fence(&ours).trouble(), None);
        let absent = Survey { installation: None, ..good.clone() };
        assert_eq!(absent.fence(&ours), Fence::Absent);
        assert_eq!(survey("ff", 2, vec![]).fence(&ours), Fence::Other("ff".to_owned()));
        assert_eq!(survey(&own, 3, vec![]).fence(&ours), Fence::Partitions(3));
        let lost = Partition { epoch: None, events: 0, holds: 0 };
        let broken = survey(&own, 2, vec![partition("ff"), lost]);
        assert_eq!(broken.fence(&ours), Fence::Broken(2));
        assert!(broken.fence(&ours).trouble().is_some());
    }
}
