//! One ordered way to the data.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{Route, SingleNodeRoutingInfo, Slot, SlotAddr};
use redis::{Cmd, Pipeline, Value};
use tokio::time::timeout;

use super::{Peer, Remote, RemoteError, ServerError, no_node, tcp_settings};

/// How often a cluster's client sends again what the cluster's rearranging made fail.
const CLUSTER_RETRIES: u32 = 3;

/// Shortest and longest wait before it does, in milliseconds.
const CLUSTER_RETRY_WAIT_MS: (u64, u64) = (10, 200);

/// Connecting to a cluster asks one node for the others and connects to all, one after the other
/// in the worst case.
const CLUSTER_CONNECT_STEPS: u32 = 3;

/// One ordered way to the data: what is sent arrives at each master in the order of sending. A
/// clone is the same way.
#[derive(Clone)]
pub struct Lane {
    way: Way,
}

#[derive(Clone)]
enum Way {
    Direct(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Lane {
    pub(super) fn direct(connection: MultiplexedConnection) -> Self {
        Self { way: Way::Direct(connection) }
    }

    pub(super) async fn cluster(remote: &Remote) -> Result<Self, RemoteError> {
        let options = &remote.options;
        let nodes = options.target.nodes.iter();
        let nodes: Vec<_> = nodes
            .map(|node| remote.connection_info(node, Peer::Server))
            .collect::<Result<_, _>>()?;
        let (wait_ms_min, wait_ms_max) = CLUSTER_RETRY_WAIT_MS;
        let mut builder = ClusterClientBuilder::new(nodes)
            .connection_timeout(options.connect_timeout)
            .response_timeout(options.response_timeout)
            .retries(CLUSTER_RETRIES)
            .min_retry_wait(wait_ms_min)
            .max_retry_wait(wait_ms_max)
            .tcp_settings(tcp_settings());
        if let Some(certificates) = remote.certificates() {
            builder = builder.certs(certificates);
        }
        let address = options.target.to_string();
        let failed = |error| RemoteError::while_connecting(&address, &error);
        let client = builder.build().map_err(failed)?;
        let within: Duration = options.connect_timeout * CLUSTER_CONNECT_STEPS;
        let error = match timeout(within, client.get_async_connection()).await {
            Ok(Ok(connection)) => return Ok(Self { way: Way::Cluster(connection) }),
            Ok(Err(error)) => failed(error),
            Err(_) => {
                let reason = "no answer in time".to_owned();
                RemoteError::Unreachable { address: address.clone(), reason }
            }
        };
        // The cluster's client knows only that no node is good; a node itself says why.
        let node = options.target.nodes.first().ok_or_else(no_node)?;
        match remote.connect_to(node).await {
            Err(why @ (RemoteError::Refused(_) | RemoteError::Tls(_))) => Err(why),
            _ => Err(error),
        }
    }

    /// Sends `commands` in one flush to the master that has `key`, any key of their hash tag, and
    /// returns the reply to each, or the server's error for it. Without a cluster `key` says
    /// nothing. With a cluster, what is being moved is sent again by itself, all of it.
    ///
    /// # Errors
    /// The connection failed or an answer did not come in time: each command may have been done
    /// or not. Drop the lane and make a new one.
    pub async fn send(
        &mut self,
        key: &[u8],
        commands: &[Cmd],
    ) -> Result<Vec<Result<Value, ServerError>>, RemoteError> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let count = commands.len();
        if let (Way::Direct(connection), [command]) = (&mut self.way, commands) {
            // One needs not be copied into a pipeline.
            let sent = connection.send_packed_command(command).await;
            return sent
                .map(|value| vec![reply(value)])
                .map_err(|error| RemoteError::while_sending(&error));
        }
        let mut pipeline = Pipeline::with_capacity(count);
        for command in commands {
            pipeline.add_command(command.clone());
        }
        pipeline.ignore_errors();
        let replies = match &mut self.way {
            Way::Direct(connection) => connection.send_packed_commands(&pipeline, 0, count).await,
            Way::Cluster(connection) => {
                let master = Route::with_slot(Slot::for_key(key), SlotAddr::Master);
                let master = SingleNodeRoutingInfo::SpecificNode(master);
                connection.route_pipeline(pipeline, 0, count, master).await
            }
        };
        let replies = replies.map_err(|error| RemoteError::while_sending(&error))?;
        if replies.len() != count {
            let what = format!("{} replies to {count} commands", replies.len());
            return Err(RemoteError::Unexpected(what));
        }
        Ok(replies.into_iter().map(reply).collect())
    }

    /// Sends one command to the master that has `key`, and returns the reply.
    ///
    /// # Errors
    /// [`RemoteError::Refused`] is the server's error; all others are the connection's.
    pub async fn query(&mut self, key: &[u8], command: Cmd) -> Result<Value, RemoteError> {
        let mut replies = self.send(key, &[command]).await?;
        replies.pop().ok_or(RemoteError::Dropped)?.map_err(RemoteError::Refused)
    }

    /// Whether there are several masters, so that only keys of one slot go together.
    #[must_use]
    pub fn is_cluster(&self) -> bool {
        matches!(self.way, Way::Cluster(_))
    }
}

fn reply(value: Value) -> Result<Value, ServerError> {
    if let Value::ServerError(error) = &value { Err(ServerError::of(error)) } else { Ok(value) }
}
