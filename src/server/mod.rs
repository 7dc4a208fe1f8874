//! The doors: QUIC for gates and checkouts, HTTP for offices and web shops.
//!
//! Sockets, deadlines, back-pressure and shutdown are here; what a request means is the engine's, who may ask is
//! `auth`'s. It deliberately knows nothing of storage.

pub mod access;
pub mod http;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::engine::Engine;
use access::Access;

/// What both doors share.
pub struct Shared {
    /// The use cases.
    pub engine: Arc<Engine>,
    /// Who may ask.
    pub access: Access,
    /// Renders all metrics as Prometheus text.
    pub metrics_text: Box<dyn Fn() -> String + Send + Sync>,
    /// Cancelled when the server begins to drain: nothing new is begun, streams end.
    pub draining: CancellationToken,
    /// Tasks that must end before the server has drained.
    pub tasks: TaskTracker,
    is_ready: AtomicBool,
}

impl Shared {
    /// Everything is loaded; callers may come.
    pub fn set_ready(&self) {
        self.is_ready.store(true, Ordering::Release);
    }

    /// Whether callers may come.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.is_ready.load(Ordering::Acquire) && !self.draining.is_cancelled()
    }

    /// Shares an engine between the doors.
    #[must_use]
    pub fn new(
        engine: Arc<Engine>,
        access: Access,
        metrics_text: Box<dyn Fn() -> String + Send + Sync>,
    ) -> Self {
        Self {
            engine,
            access,
            metrics_text,
            draining: CancellationToken::new(),
            tasks: TaskTracker::new(),
            is_ready: AtomicBool::new(false),
        }
    }
}
