//! The Redis servers behind one URL: how to reach them, safely and again.
//!
//! It deliberately does not know what is stored there, and repeats nothing by itself, except what
//! a cluster's rearranging makes necessary: whoever sends must be able to send the same twice.
//!
//! Invariants: everything has a time-out; no text of ours has a password; a sentinel's word is
//! checked with the server itself, which must say that it is a master.

mod error;
mod find;
mod lane;
mod target;

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, IntoConnectionInfo,
    RedisConnectionInfo, TlsCertificates, Value,
};

pub use error::{RemoteError, ServerError};
pub use lane::Lane;
pub use target::{Kind, Node, Password, Target, TargetError};

/// Silence after which the other side is asked whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// How to connect.
#[derive(Clone)]
pub struct Options {
    /// Where to.
    pub target: Target,
    /// Certificates in PEM form of those who may sign the servers' certificates; absent: the
    /// operating system's.
    pub ca_pem: Option<Vec<u8>>,
    /// How long a connection may take to come about. Default: 1 second.
    pub connect_timeout: Duration,
    /// How long an answer may take. Default: 2 seconds.
    pub response_timeout: Duration,
}

impl Options {
    /// The defaults for a target.
    #[must_use]
    pub fn new(target: Target) -> Self {
        Self {
            target,
            ca_pem: None,
            connect_timeout: Duration::from_secs(1),
            response_timeout: Duration::from_secs(2),
        }
    }
}

/// The servers. Cheap to clone; connects when asked.
#[derive(Clone)]
pub struct Remote {
    options: Arc<Options>,
}

/// A master, on a connection of its own.
pub struct Master {
    /// Its address, as `host:port`.
    pub address: String,
    connection: MultiplexedConnection,
}

impl Master {
    /// Sends one command and returns the reply.
    ///
    /// # Errors
    /// [`RemoteError::Refused`] is the server's error; all others are the connection's.
    pub async fn query(&mut self, command: &Cmd) -> Result<Value, RemoteError> {
        query(&mut self.connection, command).await
    }
}

impl Remote {
    /// The servers of `options`. Connects to nothing.
    ///
    /// # Errors
    /// When the CA's certificates cannot be read.
    pub fn new(options: Options) -> Result<Self, RemoteError> {
        if options.target.tls && rustls::crypto::CryptoProvider::get_default().is_none() {
            // Somebody else was faster: that is as good.
            let _installed = rustls::crypto::ring::default_provider().install_default();
        }
        let remote = Self { options: Arc::new(options) };
        for node in &remote.options.target.nodes {
            remote.client(node, Peer::Server)?;
        }
        Ok(remote)
    }

    /// Where they are.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.options.target
    }

    /// A connection (with a cluster, one to each master) of its own: what is sent through one
    /// lane arrives at each master in that order.
    ///
    /// # Errors
    /// When there is no way to the servers, or they refuse us.
    pub async fn lane(&self) -> Result<Lane, RemoteError> {
        match &self.options.target.kind {
            Kind::Standalone => Ok(Lane::direct(self.only_server().await?.connection)),
            Kind::Sentinel { master } => {
                Ok(Lane::direct(self.sentinels_master(master).await?.connection))
            }
            Kind::Cluster => Lane::cluster(self).await,
        }
    }

    /// The master of each shard: one, or with a cluster all that have slots.
    ///
    /// # Errors
    /// When there is no way to one of them, or it refuses us.
    pub async fn masters(&self) -> Result<Vec<Master>, RemoteError> {
        match &self.options.target.kind {
            Kind::Standalone => Ok(vec![self.only_server().await?]),
            Kind::Sentinel { master } => Ok(vec![self.sentinels_master(master).await?]),
            Kind::Cluster => self.cluster_masters().await,
        }
    }

    /// An ordinary connection to one node.
    ///
    /// # Errors
    /// When there is no way to it, or it refuses us.
    pub async fn connect_to(&self, node: &Node) -> Result<MultiplexedConnection, RemoteError> {
        self.connect(node, Peer::Server).await
    }

    async fn only_server(&self) -> Result<Master, RemoteError> {
        let node = self.options.target.nodes.first().ok_or_else(no_node)?;
        Ok(Master { address: node.to_string(), connection: self.connect_to(node).await? })
    }

    async fn connect(&self, node: &Node, peer: Peer) -> Result<MultiplexedConnection, RemoteError> {
        let address = node.to_string();
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.options.connect_timeout))
            .set_response_timeout(Some(self.options.response_timeout));
        let client = self.client(node, peer)?;
        let connection = client.get_multiplexed_async_connection_with_config(&config).await;
        let mut connection =
            connection.map_err(|error| RemoteError::while_connecting(&address, &error))?;
        // A server that wants a password takes the connection and refuses the first command.
        match query(&mut connection, &redis::cmd("PING")).await {
            Ok(_) => Ok(connection),
            // What this user may not is said when it is needed.
            Err(RemoteError::Refused(error)) if error.is("NOPERM") => Ok(connection),
            Err(RemoteError::Refused(error)) if error.asks_for_reconnect() => {
                Err(RemoteError::Unreachable { address, reason: error.to_string() })
            }
            Err(error) => Err(error),
        }
    }

    fn client(&self, node: &Node, peer: Peer) -> Result<Client, RemoteError> {
        let info = self.connection_info(node, peer)?;
        let client = match self.certificates() {
            Some(certificates) => Client::build_with_tls(info, certificates),
            None => Client::open(info),
        };
        client.map_err(|error| RemoteError::Tls(error.to_string()))
    }

    fn certificates(&self) -> Option<TlsCertificates> {
        let root_cert = self.options.ca_pem.clone();
        self.options.target.tls.then_some(TlsCertificates { client_tls: None, root_cert })
    }

    fn connection_info(&self, node: &Node, peer: Peer) -> Result<ConnectionInfo, RemoteError> {
        let target = &self.options.target;
        let Node { host, port } = node.clone();
        let address = if target.tls {
            ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
        } else {
            ConnectionAddr::Tcp(host, port)
        };
        let mut account = RedisConnectionInfo::default();
        if peer == Peer::Server {
            account = account.set_db(target.database);
        }
        if let Some(password) = target.password.as_ref().filter(|_| peer != Peer::OpenSentinel) {
            account = account.set_password(password.plain());
            if let Some(username) = &target.username {
                account = account.set_username(username);
            }
        }
        let info = address.into_connection_info();
        let info = info.map_err(|error| RemoteError::Unexpected(error.to_string()))?;
        Ok(info.set_tcp_settings(tcp_settings()).set_redis_settings(account))
    }
}

/// Whom we connect to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Peer {
    /// A server with data.
    Server,
    /// A sentinel that may want the same password. It has no databases.
    Sentinel,
    /// A sentinel that wants no password.
    OpenSentinel,
}

fn tcp_settings() -> TcpSettings {
    TcpSettings::default()
        .set_nodelay(true)
        .set_keepalive(TcpKeepalive::new().with_time(KEEP_ALIVE).with_interval(KEEP_ALIVE))
}

/// A target that was made by hand, and not well.
fn no_node() -> RemoteError {
    let address = "an empty list of nodes".to_owned();
    RemoteError::Unreachable { address, reason: "nothing to connect to".to_owned() }
}

async fn query(
    connection: &mut MultiplexedConnection,
    command: &Cmd,
) -> Result<Value, RemoteError> {
    match connection.send_packed_command(command).await {
        Ok(Value::ServerError(error)) => Err(RemoteError::Refused(ServerError::of(&error))),
        Ok(value) => Ok(value),
        Err(error) => Err(RemoteError::while_sending(&error)),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed one is a failed test")]
pub(crate) mod tests;
