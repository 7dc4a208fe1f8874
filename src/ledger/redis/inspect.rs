//! What an operator must know about the servers: the checks of `jeton doctor`, of every start, and
//! the making of an installation.

use std::collections::BTreeMap;
use std::fmt;

use redis::cmd;

use super::library::{fence, fence_key, moment};
use super::{Epoch, PARTITIONS_MAX};
use crate::ledger::{Durability, Now};
use crate::remote::{Master, Remote, RemoteError};

/// The oldest Redis that has functions.
const VERSION_MIN: (u64, u64) = (7, 0);

/// Most milliseconds that a server's clock may differ from this node's: holds end by the nodes'
/// clocks.
const SKEW_MS_MAX: u64 = 500;

/// The layout that this program writes and reads.
const FORMAT: u32 = 1;

/// The key of what an installation is.
const INSTALLATION_KEY: &str = "{j0}g";

/// How a finding must be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// As it must be.
    Good,
    /// Promises would be broken.
    Unsafe,
    /// It could not be found out.
    Unknown,
}

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How it must be taken.
    pub severity: Severity,
    /// Which server.
    pub server: String,
    /// What was found.
    pub what: String,
    /// What to type when it is not good; empty when it is.
    pub remedy: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.server, self.what)?;
        if self.remedy.is_empty() { Ok(()) } else { write!(f, "; {}", self.remedy) }
    }
}

/// What stands in Redis about an installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// Its epoch, as 32 hexadecimal digits.
    pub epoch: String,
    /// Its partitions.
    pub partitions: u16,
    /// The layout of its records.
    pub format: u32,
}

/// Checks every master: version, clock, memory policy, persistence.
///
/// # Errors
/// When a server cannot be reached.
pub async fn inspect(
    remote: &Remote,
    durability: Durability,
    now: &Now,
) -> Result<Vec<Finding>, RemoteError> {
    let mut findings = Vec::new();
    for mut master in remote.masters().await? {
        version(&mut master, &mut findings).await?;
        clock(&mut master, now, &mut findings).await?;
        settings(&mut master, durability, &mut findings).await?;
        if let Durability::Replicas { replicas } = durability {
            replicas_of(&mut master, replicas, &mut findings).await?;
        }
    }
    Ok(findings)
}

fn told(
    findings: &mut Vec<Finding>,
    master: &Master,
    severity: Severity,
    what: String,
    remedy: &str,
) {
    let remedy = if severity == Severity::Good { String::new() } else { remedy.to_owned() };
    findings.push(Finding { severity, server: master.address.clone(), what, remedy });
}

fn judged(is_good: bool) -> Severity {
    if is_good { Severity::Good } else { Severity::Unsafe }
}

async fn info(master: &mut Master, section: &str) -> Result<BTreeMap<String, String>, RemoteError> {
    let reply = master.query(cmd("INFO").arg(section)).await?;
    let text: String = redis::from_redis_value(reply).unwrap_or_default();
    let fields = text.lines().filter_map(|line| line.split_once(':'));
    Ok(fields.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect())
}

async fn version(master: &mut Master, findings: &mut Vec<Finding>) -> Result<(), RemoteError> {
    let info = info(master, "server").await?;
    let text = info.get("redis_version").cloned().unwrap_or_default();
    let mut parts = text.split('.').map(|part| part.parse().unwrap_or(0));
    let found = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    let what = format!("version {text}");
    told(findings, master, judged(found >= VERSION_MIN), what, "install Redis 7.0 or newer");
    Ok(())
}

async fn clock(
    master: &mut Master,
    now: &Now,
    findings: &mut Vec<Finding>,
) -> Result<(), RemoteError> {
    let before = now();
    let reply = master.query(&cmd("TIME")).await?;
    let after = now();
    let Some(theirs) = moment(&reply) else { return Ok(()) };
    // Anything between sending and hearing may be when the server looked.
    let skew_ms = before.since_ms(theirs).max(theirs.since_ms(after));
    let what = format!("its clock differs by {skew_ms} ms");
    let remedy = "let NTP set the clocks of all servers and nodes (chronyc tracking)";
    told(findings, master, judged(skew_ms <= SKEW_MS_MAX), what, remedy);
    Ok(())
}

/// A setting, or `None` when the server does not let us read it.
async fn setting(master: &mut Master, name: &str) -> Result<Option<String>, RemoteError> {
    let reply = match master.query(cmd("CONFIG").arg("GET").arg(name)).await {
        Ok(reply) => reply,
        Err(RemoteError::Refused(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let pairs: BTreeMap<String, String> = redis::from_redis_value(reply).unwrap_or_default();
    Ok(pairs.get(name).cloned())
}

async fn settings(
    master: &mut Master,
    durability: Durability,
    findings: &mut Vec<Finding>,
) -> Result<(), RemoteError> {
    let mut wanted = vec![(
        "maxmemory-policy",
        vec!["noeviction"],
        "type: redis-cli CONFIG SET maxmemory-policy noeviction, and put it into redis.conf: \
         anything else throws used codes away when memory is short",
    )];
    match durability {
        Durability::RedisAofAlways => {
            wanted.push((
                "appendonly",
                vec!["yes"],
                "type: redis-cli CONFIG SET appendonly yes, and put it into redis.conf",
            ));
            wanted.push((
                "appendfsync",
                vec!["always"],
                "type: redis-cli CONFIG SET appendfsync always, and put it into redis.conf",
            ));
        }
        Durability::Replicas { .. } => wanted.push((
            "appendonly",
            vec!["yes"],
            "type: redis-cli CONFIG SET appendonly yes: a master that restarts empty makes its \
             replicas empty as well",
        )),
        Durability::Sync
        | Durability::Interval { .. }
        | Durability::Memory
        | Durability::RedisAsIs => {}
    }
    for (name, good, remedy) in wanted {
        let (severity, what) = match setting(master, name).await? {
            Some(found) => (judged(good.contains(&found.as_str())), format!("{name} is {found}")),
            None => (Severity::Unknown, format!("{name} cannot be read (CONFIG GET is refused)")),
        };
        told(findings, master, severity, what, remedy);
    }
    Ok(())
}

async fn replicas_of(
    master: &mut Master,
    wanted: u16,
    findings: &mut Vec<Finding>,
) -> Result<(), RemoteError> {
    let info = info(master, "replication").await?;
    let found: u16 = info.get("connected_slaves").and_then(|n| n.parse().ok()).unwrap_or(0);
    let what = format!("{found} replicas are connected, {wanted} must confirm every answer");
    let remedy = "connect more replicas, or ask for fewer: durability = { replicas = N }";
    told(findings, master, judged(found >= wanted), what, remedy);
    Ok(())
}

/// What stands in Redis about an installation; `None` when there is none.
///
/// # Errors
/// When the servers cannot be reached.
pub async fn installation(remote: &Remote) -> Result<Option<Installation>, RemoteError> {
    let key = INSTALLATION_KEY;
    let mut lane = remote.lane().await?;
    let reply = lane.query(key.as_bytes(), cmd("HGETALL").arg(key).take()).await?;
    let fields: BTreeMap<String, String> = redis::from_redis_value(reply).unwrap_or_default();
    let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
    if fields.is_empty() {
        return Ok(None);
    }
    Ok(Some(Installation {
        epoch: field("epoch"),
        partitions: field("partitions").parse().unwrap_or(0),
        format: field("format").parse().unwrap_or(0),
    }))
}

/// Why an installation was not made.
#[derive(Debug, thiserror::Error)]
pub enum InitialiseError {
    /// There is one already.
    #[error(
        "{server} has an installation already (epoch {epoch}); give this one another database, or \
         take over its keys"
    )]
    Exists {
        /// Where.
        server: String,
        /// Its epoch.
        epoch: String,
    },
    /// A number that cannot be.
    #[error("there can be 1 to {PARTITIONS_MAX} partitions, not {0}")]
    Partitions(u16),
    /// The servers.
    #[error(transparent)]
    Remote(#[from] RemoteError),
}

/// Makes an installation: the fences of all partitions, all at their beginning. Repeated after it
/// was interrupted, with the same epoch, it goes on.
///
/// # Errors
/// When there is one already, or the servers cannot be reached.
pub async fn initialise(
    remote: &Remote,
    epoch: Epoch,
    partitions: u16,
) -> Result<(), InitialiseError> {
    if partitions == 0 || partitions > PARTITIONS_MAX {
        return Err(InitialiseError::Partitions(partitions));
    }
    if let Some(found) = installation(remote).await? {
        let server = remote.target().to_string();
        return Err(InitialiseError::Exists { server, epoch: found.epoch });
    }
    let mut lane = remote.lane().await?;
    for partition in 0..partitions {
        let key = fence_key(partition);
        lane.query(&key, cmd("SET").arg(&key).arg(fence(&epoch)).arg("NX").take()).await?;
        let found = lane.query(&key, cmd("GET").arg(&key).take()).await?;
        let found: String = redis::from_redis_value(found).unwrap_or_default();
        if found != fence(&epoch) {
            let server = remote.target().to_string();
            return Err(InitialiseError::Exists {
                server,
                epoch: found.chars().take(32).collect(),
            });
        }
    }
    let mut put = cmd("HSET");
    put.arg(INSTALLATION_KEY).arg("format").arg(FORMAT);
    put.arg("epoch").arg(epoch.text()).arg("partitions").arg(partitions);
    lane.query(INSTALLATION_KEY.as_bytes(), put).await?;
    Ok(())
}
