//! How talking to Redis fails: what a server answers with, and what happens on the way to it.

use std::error::Error;
use std::sync::Arc;
use std::{fmt, io};

use redis::ErrorKind;

/// An error that a server answered with. The command it is for did nothing, unless its text says
/// otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerError {
    /// The first word, such as `READONLY`, `NOSCRIPT` or `ERR`; absent when there was none.
    pub code: Option<String>,
    /// What follows it.
    pub text: String,
}

impl ServerError {
    pub(super) fn of(error: &redis::ServerError) -> Self {
        let text = error.details().unwrap_or_default().to_owned();
        Self { code: Some(error.code().to_owned()), text }
    }

    /// Whether its first word is `code`.
    #[must_use]
    pub fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    /// Whether this server cannot do it now and another one, or the same one later, can: make a
    /// new lane and send again.
    #[must_use]
    pub fn asks_for_reconnect(&self) -> bool {
        let codes =
            ["READONLY", "MASTERDOWN", "LOADING", "CLUSTERDOWN", "TRYAGAIN", "MOVED", "ASK"];
        self.code.as_deref().is_some_and(|code| codes.contains(&code))
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) => write!(f, "{code} {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

/// Why there is no answer from Redis. Never has a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteError {
    /// No connection came about.
    #[error("Redis at {address} cannot be reached: {reason}; check that it runs and the address")]
    Unreachable {
        /// Where.
        address: String,
        /// Why.
        reason: String,
    },
    /// No answer in time: what was sent may have been done or not.
    #[error("Redis did not answer in time")]
    TimedOut,
    /// The connection was lost: what was sent may have been done or not.
    #[error("the connection to Redis was lost")]
    Dropped,
    /// The server says no, most often to the user or what the user may.
    #[error("Redis refuses: {0}; check the URL's user and password, and what the user may do")]
    Refused(ServerError),
    /// The sentinels know no such master, or none that is one.
    #[error("no sentinel knows a living master {name:?}; check the name in the URL")]
    NoMaster {
        /// Its name.
        name: String,
    },
    /// A cluster is being rearranged, for longer than we wait.
    #[error("the cluster is being rearranged: {0}; the same again finds it settled")]
    Unsettled(ServerError),
    /// No TLS came about.
    #[error("TLS with Redis failed: {0}; check the CA file and the name in its certificate")]
    Tls(String),
    /// Something that Redis does not answer.
    #[error("Redis answered what was not expected: {0}")]
    Unexpected(String),
}

impl RemoteError {
    /// Whether the same may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::TimedOut
            | Self::Dropped
            | Self::NoMaster { .. }
            | Self::Unsettled(_) => true,
            Self::Refused(error) => error.asks_for_reconnect(),
            Self::Tls(_) | Self::Unexpected(_) => false,
        }
    }

    /// What happened while connecting to `address`.
    pub(super) fn while_connecting(address: &str, error: &redis::RedisError) -> Self {
        if error.kind() == ErrorKind::AuthenticationFailed {
            let text = "wrong user name or password".to_owned();
            return Self::Refused(ServerError { code: Some("WRONGPASS".to_owned()), text });
        }
        if let Some(reason) = tls_failure(error) {
            return Self::Tls(reason);
        }
        let unreachable = |reason| Self::Unreachable { address: address.to_owned(), reason };
        match server_error(error) {
            Some(error) if error.asks_for_reconnect() => unreachable(error.to_string()),
            Some(error) => Self::Refused(error),
            None if error.is_timeout() => unreachable("no answer in time".to_owned()),
            None => unreachable(error.to_string()),
        }
    }

    /// What happened to commands that were sent.
    pub(super) fn while_sending(error: &redis::RedisError) -> Self {
        match server_error(error) {
            Some(error) if error.asks_for_reconnect() => Self::Unsettled(error),
            Some(error) => Self::Refused(error),
            None if error.is_timeout() => Self::TimedOut,
            None if error.kind() == ErrorKind::ClusterConnectionNotFound => Self::Dropped,
            None if error.is_io_error() => Self::Dropped,
            None => Self::Unexpected(error.to_string()),
        }
    }
}

fn server_error(error: &redis::RedisError) -> Option<ServerError> {
    let is_from_server = matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension);
    let text = || error.detail().map_or_else(|| error.to_string(), ToOwned::to_owned);
    is_from_server.then(|| ServerError { code: error.code().map(ToOwned::to_owned), text: text() })
}

/// What TLS says, when it was TLS that failed: the crate has it in an input/output error behind a
/// shared pointer, which counts as an error of its own.
fn tls_failure(error: &redis::RedisError) -> Option<String> {
    let shared = error.source()?.downcast_ref::<Arc<dyn Error + Send + Sync>>()?;
    let inner = shared.downcast_ref::<io::Error>()?.get_ref()?;
    inner.downcast_ref::<rustls::Error>().map(ToString::to_string)
}
