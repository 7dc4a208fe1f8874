//! A master with replicas, watched by three Sentinels.
//!
//! Who is master is asked of the Sentinels each time, never remembered.

use std::time::Duration;

use super::process::until;
use super::redis::{RedisOptions, RedisServer};
use crate::testing::SetUp;

/// The name under which Sentinels know the master.
const MASTER_NAME: &str = "jeton";

/// Sentinels of a set.
const SENTINELS: usize = 3;

/// A master that is silent for so long is down. Shorter, a busy machine fails over by itself.
const DOWN_AFTER_MS: u64 = 1_000;

/// How often Sentinels ping, ask and tell, instead of every one, ten and two seconds.
///
/// Pings must be several times more frequent than silence is long: a Sentinel that has just learnt
/// of a new master would otherwise find it silent, and two masters would alternate for ever. What
/// was asked must be younger than five pings, or no replica is good enough to be chosen.
const PERIODS_MS: [(&str, u64); 3] =
    [("PING-PERIOD", 250), ("INFO-PERIOD", 300), ("PUBLISH-PERIOD", 500)];

/// A failover that takes longer is given up; the next may begin after twice as long.
const FAILOVER_MS_MAX: u64 = 3_000;

/// Until everybody has found everybody, or has heard of the new master.
const AGREEMENT_MS_MAX: u64 = 30_000;

/// A master with its replicas and its Sentinels.
pub struct Sentinels {
    /// The data servers. The first began as the master.
    pub servers: Vec<RedisServer>,
    /// The three Sentinels.
    pub sentinels: Vec<RedisServer>,
}

impl Sentinels {
    /// Starts a master, so many replicas, and three Sentinels of which `quorum` must agree that the
    /// master is down; waits until all know each other and the replicas follow.
    ///
    /// # Errors
    /// When a server cannot be started or they do not find each other.
    pub fn start(replicas: usize, quorum: usize, options: &RedisOptions) -> SetUp<Self> {
        let master = RedisServer::start(options)?;
        let port = master.port();
        let follower = options.clone().with("replicaof", format!("127.0.0.1 {port}"));
        let mut servers = vec![master];
        for _ in 0..replicas {
            servers.push(RedisServer::start(&follower)?);
        }
        let mut lines = vec![
            format!("sentinel monitor {MASTER_NAME} 127.0.0.1 {port} {quorum}"),
            format!("sentinel down-after-milliseconds {MASTER_NAME} {DOWN_AFTER_MS}"),
            format!("sentinel failover-timeout {MASTER_NAME} {FAILOVER_MS_MAX}"),
        ];
        let password = options.password();
        lines.extend(password.map(|word| format!("sentinel auth-pass {MASTER_NAME} {word}")));
        let start = |_| RedisServer::start_program("redis-sentinel", None, |_| Ok(lines.clone()));
        let sentinels = (0..SENTINELS).map(start).collect::<SetUp<Vec<_>>>()?;
        for sentinel in &sentinels {
            for (name, ms) in PERIODS_MS {
                sentinel.ask::<()>(&["SENTINEL", "DEBUG", name, &ms.to_string()])?;
            }
        }
        let all = Self { servers, sentinels };
        all.wait_until_whole()?;
        Ok(all)
    }

    /// Where clients connect, `redis+sentinel://…/jeton`.
    #[must_use]
    pub fn url(&self) -> String {
        let address = |sentinel: &RedisServer| format!("127.0.0.1:{}", sentinel.port());
        let addresses: Vec<_> = self.sentinels.iter().map(address).collect();
        format!("redis+sentinel://{}/{MASTER_NAME}", addresses.join(","))
    }

    /// The master, as the first Sentinel that answers sees it.
    ///
    /// # Errors
    /// When no Sentinel answers.
    pub fn master(&mut self) -> SetUp<&mut RedisServer> {
        let port = self.sentinels.iter().find_map(master_port).ok_or("no Sentinel answers")?;
        let mut servers = self.servers.iter_mut();
        servers.find(|server| server.port() == port).ok_or_else(|| format!("{port} is not ours"))
    }

    /// Waits until one server that is awake is the master, the others that are awake follow it,
    /// and every Sentinel that is awake knows the master, all servers and all Sentinels.
    ///
    /// # Errors
    /// When that takes longer than 30 seconds.
    pub fn wait_until_whole(&self) -> SetUp<()> {
        let is_whole = || {
            let port = self.sentinels.iter().find_map(master_port)?;
            let mut servers = self.servers.iter().filter(|server| server.is_awake());
            let mut sentinels = self.sentinels.iter().filter(|sentinel| sentinel.is_awake());
            let follow = servers.all(|server| {
                let follower = || server.info("master_link_status").is_some_and(|is| is == "up");
                if server.port() == port { is_master(server) } else { follower() }
            });
            let replicas = self.servers.len() - 1;
            let know = sentinels.all(|sentinel| knows(sentinel, port, replicas));
            (follow && know).then_some(())
        };
        until(Duration::from_millis(AGREEMENT_MS_MAX), "the Sentinels to agree", is_whole)
    }

    /// Kills the master; its port.
    ///
    /// # Errors
    /// When no Sentinel answers.
    pub fn kill_master(&mut self) -> SetUp<u16> {
        let master = self.master()?;
        master.kill();
        Ok(master.port())
    }

    /// Orders a failover while the master lives, and waits for it; the new master's port.
    ///
    /// # Errors
    /// When there is no good replica, a failover is under way already, or it does not end.
    pub fn failover(&mut self) -> SetUp<u16> {
        let old_port = self.master()?.port();
        let sentinel = self.sentinels.iter().find(|one| one.is_awake());
        let sentinel = sentinel.ok_or("no Sentinel answers")?;
        sentinel.ask::<String>(&["SENTINEL", "FAILOVER", MASTER_NAME])?;
        self.wait_for_master_change(old_port)
    }

    /// Waits until every Sentinel that is awake names the same other master than `old_port`, and
    /// that one agrees; its port.
    ///
    /// # Errors
    /// When that takes longer than 30 seconds.
    pub fn wait_for_master_change(&self, old_port: u16) -> SetUp<u16> {
        until(Duration::from_millis(AGREEMENT_MS_MAX), "another master", || {
            let awake = self.sentinels.iter().filter(|sentinel| sentinel.is_awake());
            let ports: Vec<_> = awake.map(master_port).collect();
            let new_port = ports.first().copied().flatten().filter(|port| *port != old_port)?;
            let agreed = ports.iter().all(|port| *port == Some(new_port));
            let master = self.servers.iter().find(|server| server.port() == new_port)?;
            (agreed && is_master(master)).then_some(new_port)
        })
    }
}

/// The master's port in the eyes of a Sentinel.
fn master_port(sentinel: &RedisServer) -> Option<u16> {
    let words = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER_NAME];
    let (_, port): (String, u16) = sentinel.ask(&words).ok()?;
    Some(port)
}

fn is_master(server: &RedisServer) -> bool {
    server.info("role").is_some_and(|role| role == "master")
}

/// Whether a Sentinel has found the master, the replicas and the other Sentinels.
fn knows(sentinel: &RedisServer, port: u16, replicas: usize) -> bool {
    let found =
        format!("status=ok,address=127.0.0.1:{port},slaves={replicas},sentinels={SENTINELS}");
    sentinel.info("master0").is_some_and(|line| line.ends_with(&found))
}
