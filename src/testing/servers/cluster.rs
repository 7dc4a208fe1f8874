//! A Redis Cluster: masters with replicas, failover, and slots that move step by step.
//!
//! Put together command by command, so that nothing waits longer than it must. Who serves a slot is
//! asked of the nodes each time, never remembered.

use std::time::Duration;

use ::redis::Cmd;

use super::process::until;
use super::redis::{RedisOptions, RedisServer};
use crate::testing::SetUp;

/// Slots of every Cluster.
const SLOTS: u16 = 16_384;

/// A node that is silent for so long is down. Shorter, a busy machine fails over by itself.
const NODE_TIMEOUT_MS: u64 = 1_000;

/// Until all nodes agree.
const AGREEMENT_MS_MAX: u64 = 30_000;

/// Keys that move between two looks of the caller.
const KEYS_PER_STEP: usize = 10;

/// Until a step has moved its keys.
const STEP_MS_MAX: usize = 5_000;

/// A Cluster on loopback: first the masters, which share the slots evenly, then their replicas.
pub struct Cluster {
    nodes: Vec<RedisServer>,
    password: Option<String>,
}

impl Cluster {
    /// Starts the nodes, joins them, and waits until all serve and all replicas are linked.
    ///
    /// Replica `r` of master `m` is node `masters + m * replicas_per_master + r`.
    ///
    /// # Errors
    /// When a node cannot be started or they do not agree within 30 seconds.
    pub fn start(
        masters: usize,
        replicas_per_master: usize,
        options: &RedisOptions,
    ) -> SetUp<Self> {
        let count = masters * (1 + replicas_per_master);
        let start = |_| RedisServer::start_cluster_node(options, NODE_TIMEOUT_MS);
        let nodes = (0..count).map(start).collect::<SetUp<Vec<_>>>()?;
        let cluster = Self { nodes, password: options.password().map(str::to_owned) };
        cluster.join(masters)?;
        cluster.share_slots(masters)?;
        for (index, replica) in cluster.nodes.iter().enumerate().skip(masters) {
            let master = cluster.node((index - masters) / replicas_per_master)?;
            replica.ask::<()>(&["CLUSTER", "REPLICATE", &id_of(master)?])?;
        }
        cluster.wait_until_whole()?;
        Ok(cluster)
    }

    /// Where clients connect, `redis+cluster://…`.
    #[must_use]
    pub fn url(&self) -> String {
        let address = |node: &RedisServer| format!("127.0.0.1:{}", node.port());
        let addresses: Vec<_> = self.nodes.iter().map(address).collect();
        let user = self.password.as_ref().map(|password| format!(":{password}@"));
        format!("redis+cluster://{}{}", user.unwrap_or_default(), addresses.join(","))
    }

    /// The nodes, in the order in which they were started.
    #[must_use]
    pub fn nodes(&self) -> &[RedisServer] {
        &self.nodes
    }

    /// The node with that index, to be changed.
    ///
    /// # Errors
    /// When there is none.
    pub fn node_mut(&mut self, index: usize) -> SetUp<&mut RedisServer> {
        self.nodes.get_mut(index).ok_or_else(|| format!("there is no node {index}"))
    }

    /// The slot of a key: the part in the first `{…}`, unless empty, otherwise all of it.
    ///
    /// The formula is that of the Redis Cluster specification: CRC-16/XMODEM modulo 16,384.
    #[must_use]
    pub fn slot_of(key: &[u8]) -> u16 {
        let mut parts = key.splitn(2, |byte| *byte == b'{').skip(1);
        let tag = parts.next().and_then(|rest| {
            let end = rest.iter().position(|byte| *byte == b'}')?;
            rest.get(..end).filter(|tag| !tag.is_empty())
        });
        let crc = tag.unwrap_or(key).iter().fold(0u16, |crc, byte| {
            (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| {
                if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 }
            })
        });
        crc % SLOTS
    }

    /// The node that serves a slot: of those awake that claim it, the one with the newest claim.
    ///
    /// # Errors
    /// When none claims it, as between a master's death and the failover.
    pub fn master_of_slot(&self, slot: u16) -> SetUp<usize> {
        let claims = self.nodes.iter().enumerate().filter_map(|(index, node)| {
            let own = OwnLine::of(node)?;
            own.serves(slot).then_some((own.epoch, index))
        });
        let newest = claims.max().map(|(_, index)| index);
        newest.ok_or_else(|| format!("no node serves slot {slot}"))
    }

    /// Kills a node.
    ///
    /// # Errors
    /// When there is none.
    pub fn kill(&mut self, index: usize) -> SetUp<()> {
        self.node_mut(index).map(RedisServer::kill)
    }

    /// Starts a node again, as what it was or, after a failover, as a replica of its successor.
    ///
    /// # Errors
    /// When there is none, or it cannot be started.
    pub fn restart(&mut self, index: usize) -> SetUp<()> {
        self.node_mut(index)?.restart()
    }

    /// Makes a replica the master, by agreement with the master it follows, and waits for it; the
    /// others may still have to learn it ([`wait_until_whole`](Self::wait_until_whole)).
    ///
    /// # Errors
    /// When the node is no replica, its master is away, or it takes longer than 30 seconds.
    pub fn failover(&self, replica: usize) -> SetUp<()> {
        let node = self.node(replica)?;
        node.ask::<()>(&["CLUSTER", "FAILOVER"])?;
        until(Duration::from_millis(AGREEMENT_MS_MAX), "the failover", || {
            OwnLine::of(node).filter(|own| own.is_master).map(|_| ())
        })
    }

    /// Waits until all nodes that are awake see every slot served, each slot is claimed by one of
    /// them only, and every replica is linked to its master.
    ///
    /// # Errors
    /// When that takes longer than 30 seconds.
    pub fn wait_until_whole(&self) -> SetUp<()> {
        until(Duration::from_millis(AGREEMENT_MS_MAX), "the Cluster to be whole", || {
            let awake = self.nodes.iter().filter(|node| node.is_awake());
            let claimed: Option<usize> = awake.map(slots_if_in_order).sum();
            (claimed? == usize::from(SLOTS)).then_some(())
        })
    }

    /// Moves a slot from one master to another as an operator's resharding does, a few keys at a
    /// time; `while_moving` is called once before the first keys and after each few.
    ///
    /// # Errors
    /// When a node refuses a step; the slot may then be left half moved.
    pub fn move_slot(
        &self,
        slot: u16,
        from: usize,
        to: usize,
        mut while_moving: impl FnMut(),
    ) -> SetUp<()> {
        let (from, to) = (self.node(from)?, self.node(to)?);
        let (from_id, to_id) = (id_of(from)?, id_of(to)?);
        let slot = slot.to_string();
        to.ask::<()>(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id])?;
        from.ask::<()>(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id])?;
        while_moving();
        while self.move_keys(&slot, from, to)? > 0 {
            while_moving();
        }
        // The new owner first: it takes a newer claim, which the others then learn.
        to.ask::<()>(&["CLUSTER", "SETSLOT", &slot, "NODE", &to_id])?;
        from.ask::<()>(&["CLUSTER", "SETSLOT", &slot, "NODE", &to_id])?;
        let others =
            self.nodes.iter().filter(|node| ![from.port(), to.port()].contains(&node.port()));
        for other in others.filter(|node| OwnLine::of(node).is_some_and(|own| own.is_master)) {
            other.ask::<()>(&["CLUSTER", "SETSLOT", &slot, "NODE", &to_id])?;
        }
        Ok(())
    }

    /// Moves the next few keys of a slot; how many.
    fn move_keys(&self, slot: &str, from: &RedisServer, to: &RedisServer) -> SetUp<usize> {
        let told = |error: ::redis::RedisError| format!("moving slot {slot}: {error}");
        let mut connection = from.connection()?;
        // Bytes, not text: a key may hold anything.
        let mut list = Cmd::new();
        list.arg("CLUSTER").arg("GETKEYSINSLOT").arg(slot).arg(KEYS_PER_STEP);
        let keys: Vec<Vec<u8>> = list.query(&mut connection).map_err(told)?;
        if keys.is_empty() {
            return Ok(0);
        }
        let mut migrate = Cmd::new();
        migrate.arg("MIGRATE").arg("127.0.0.1").arg(to.port()).arg("").arg(0).arg(STEP_MS_MAX);
        if let Some(password) = &self.password {
            migrate.arg("AUTH").arg(password);
        }
        migrate.arg("KEYS").arg(&keys);
        migrate.query::<()>(&mut connection).map_err(told)?;
        Ok(keys.len())
    }

    fn node(&self, index: usize) -> SetUp<&RedisServer> {
        self.nodes.get(index).ok_or_else(|| format!("there is no node {index}"))
    }

    /// Introduces all nodes to each other and waits until each knows all.
    fn join(&self, masters: usize) -> SetUp<()> {
        for (index, master) in self.nodes.iter().take(masters).enumerate() {
            // Different from the start: equal epochs are told apart by chance, later. Before the
            // first meeting: a node that knows another refuses.
            master.ask::<()>(&["CLUSTER", "SET-CONFIG-EPOCH", &(index + 1).to_string()])?;
        }
        for (index, node) in self.nodes.iter().enumerate() {
            for other in self.nodes.iter().skip(index + 1) {
                let bus: Vec<String> = other.ask(&["CONFIG", "GET", "cluster-port"])?;
                let bus = bus.last().ok_or("a node without a bus port")?;
                let port = other.port().to_string();
                node.ask::<()>(&["CLUSTER", "MEET", "127.0.0.1", &port, bus])?;
            }
        }
        until(Duration::from_millis(AGREEMENT_MS_MAX), "the nodes to meet", || {
            let met = |node: &RedisServer| {
                node.ask::<String>(&["CLUSTER", "NODES"]).is_ok_and(|lines| {
                    lines.lines().count() == self.nodes.len() && !lines.contains("handshake")
                })
            };
            self.nodes.iter().all(met).then_some(())
        })
    }

    fn share_slots(&self, masters: usize) -> SetUp<()> {
        for (index, master) in self.nodes.iter().take(masters).enumerate() {
            let first = usize::from(SLOTS) * index / masters;
            let last = usize::from(SLOTS) * (index + 1) / masters - 1;
            let (first, last) = (first.to_string(), last.to_string());
            master.ask::<()>(&["CLUSTER", "ADDSLOTSRANGE", &first, &last])?;
        }
        Ok(())
    }
}

/// What a node says of itself in `CLUSTER NODES`.
struct OwnLine {
    is_master: bool,
    /// Of its claim to its slots; the newest claim wins.
    epoch: u64,
    /// First and last slots.
    ranges: Vec<(u16, u16)>,
}

impl OwnLine {
    /// Nothing when the node does not answer.
    fn of(node: &RedisServer) -> Option<Self> {
        let lines: String = node.ask(&["CLUSTER", "NODES"]).ok()?;
        let own = lines.lines().find(|line| line.contains("myself"))?;
        // id address flags master ping pong epoch link slots…
        let mut words = own.split(' ').skip(2);
        let is_master = words.next()?.contains("master");
        let epoch = words.nth(3)?.parse().ok()?;
        let ranges = words.skip(1).filter_map(|range| {
            // A slot that is on its way is in brackets, and does not parse.
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            Some((first.parse().ok()?, last.parse().ok()?))
        });
        Some(Self { is_master, epoch, ranges: ranges.collect() })
    }

    fn serves(&self, slot: u16) -> bool {
        self.is_master && self.ranges.iter().any(|(first, last)| (*first..=*last).contains(&slot))
    }
}

fn id_of(node: &RedisServer) -> SetUp<String> {
    node.ask(&["CLUSTER", "MYID"])
}

/// How many slots a node claims, if it sees every slot served and, as a replica, is linked to its
/// master.
fn slots_if_in_order(node: &RedisServer) -> Option<usize> {
    let seen: String = node.ask(&["CLUSTER", "INFO"]).ok()?;
    let says = |line: &str| seen.lines().any(|said| said == line);
    let is_served = says("cluster_state:ok") && says(&format!("cluster_slots_ok:{SLOTS}"));
    let own = OwnLine::of(node).filter(|_| is_served)?;
    if own.is_master {
        return Some(own.ranges.iter().map(|(first, last)| usize::from(last - first) + 1).sum());
    }
    node.info("master_link_status").filter(|status| status == "up").map(|_| 0)
}
