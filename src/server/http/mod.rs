//! The HTTP door.

use std::net::SocketAddr;
use std::sync::Arc;

use super::Shared;

/// The settings of the HTTP door.
pub struct Options {
    /// Where to listen.
    pub listen: SocketAddr,
}

impl Options {
    /// The defaults.
    #[must_use]
    pub fn new(listen: SocketAddr) -> Self {
        Self { listen }
    }
}

/// Why the door cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {}

/// The open door.
pub struct Door {
    address: SocketAddr,
}

impl Door {
    pub(super) async fn open(_shared: Arc<Shared>, options: Options) -> Result<Self, HttpError> {
        Ok(Self { address: options.listen })
    }
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
    pub(super) async fn reload(&self, _certificate: &str, _key: &str) -> Result<(), HttpError> {
        Ok(())
    }
    pub(super) async fn close(self) {}
}
