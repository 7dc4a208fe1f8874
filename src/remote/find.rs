//! Finding the masters: sentinels say which server it is, a cluster says which ones they are.

use std::collections::BTreeSet;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use redis::Value;
use redis::aio::MultiplexedConnection;

use super::{Master, Node, Peer, Remote, RemoteError, no_node, query};

impl Remote {
    /// The master that the first of the sentinels names whose word is true. All are asked at
    /// once, so that one which is away costs no time.
    pub(super) async fn sentinels_master(&self, name: &str) -> Result<Master, RemoteError> {
        let sentinels = self.options.target.nodes.iter();
        let mut asked: FuturesUnordered<_> =
            sentinels.map(|sentinel| self.master_by(sentinel, name)).collect();
        let mut why = no_node();
        while let Some(answer) = asked.next().await {
            match answer {
                Ok(master) => return Ok(master),
                // What a sentinel or a server says tells more than that one is away.
                Err(error @ RemoteError::Unreachable { .. })
                    if !matches!(why, RemoteError::Unreachable { .. }) =>
                {
                    tracing::debug!(%error, "a sentinel is of no help");
                }
                Err(error) => why = error,
            }
        }
        Err(why)
    }

    async fn master_by(&self, sentinel: &Node, name: &str) -> Result<Master, RemoteError> {
        let mut connection = match self.connect(sentinel, Peer::Sentinel).await {
            Err(RemoteError::Refused(_)) if self.options.target.password.is_some() => {
                self.connect(sentinel, Peer::OpenSentinel).await?
            }
            connected => connected?,
        };
        let mut command = redis::cmd("SENTINEL");
        command.arg("GET-MASTER-ADDR-BY-NAME").arg(name);
        let no_master = || RemoteError::NoMaster { name: name.to_owned() };
        // Nil when it knows none of this name.
        let Value::Array(address) = query(&mut connection, &command).await? else {
            return Err(no_master());
        };
        let node = node_of(&address, None).ok_or_else(no_master)?;
        let mut connection = self.connect_to(&node).await?;
        let role = query(&mut connection, &redis::cmd("ROLE")).await?;
        let Value::Array(parts) = &role else { return Err(unexpected("a role", &role)) };
        if parts.first().and_then(text_of) != Some("master") {
            return Err(no_master());
        }
        Ok(Master { address: node.to_string(), connection })
    }

    /// The masters that have slots, as the first node sees it that answers.
    pub(super) async fn cluster_masters(&self) -> Result<Vec<Master>, RemoteError> {
        let mut why = no_node();
        for node in &self.options.target.nodes {
            let found = match self.connect_to(node).await {
                Ok(mut connection) => masters_by(&mut connection, node).await,
                Err(error) => Err(error),
            };
            match found {
                Ok(nodes) => {
                    let mut masters = Vec::with_capacity(nodes.len());
                    for node in nodes {
                        let connection = self.connect_to(&node).await?;
                        masters.push(Master { address: node.to_string(), connection });
                    }
                    return Ok(masters);
                }
                Err(error) => why = error,
            }
        }
        Err(why)
    }
}

async fn masters_by(
    connection: &mut MultiplexedConnection,
    asked: &Node,
) -> Result<BTreeSet<Node>, RemoteError> {
    let mut command = redis::cmd("CLUSTER");
    command.arg("SLOTS");
    let reply = query(connection, &command).await?;
    let Value::Array(ranges) = &reply else { return Err(unexpected("slots", &reply)) };
    let masters: Option<BTreeSet<_>> = ranges
        .iter()
        .map(|range| {
            // First slot, last slot, master, replicas.
            let Value::Array(range) = range else { return None };
            let Value::Array(master) = range.get(2)? else { return None };
            node_of(master, Some(&asked.host))
        })
        .collect();
    match masters {
        Some(masters) if !masters.is_empty() => Ok(masters),
        Some(_) => Err(RemoteError::Unreachable {
            address: asked.to_string(),
            reason: "the cluster has no slots; type redis-cli --cluster create".to_owned(),
        }),
        None => Err(unexpected("slots", &reply)),
    }
}

/// An address, as its first two values say it. A node may say nothing of its own host: then it is
/// the one that was asked.
fn node_of(values: &[Value], asked: Option<&str>) -> Option<Node> {
    let host = values.first().and_then(text_of).filter(|host| !["", "?"].contains(host));
    let port = values.get(1)?;
    let port = if let Value::Int(port) = port {
        u16::try_from(*port).ok()?
    } else {
        text_of(port)?.parse().ok()?
    };
    Some(Node { host: host.or(asked)?.to_owned(), port })
}

fn text_of(value: &Value) -> Option<&str> {
    if let Value::BulkString(bytes) = value { str::from_utf8(bytes).ok() } else { None }
}

fn unexpected(what: &str, value: &Value) -> RemoteError {
    RemoteError::Unexpected(format!("{what}: {value:?}"))
}
