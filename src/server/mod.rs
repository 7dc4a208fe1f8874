//! The doors: QUIC for gates and checkouts, HTTP for offices and web shops.
//!
//! Sockets, deadlines, back-pressure and shutdown are here; what a request means is the engine's,
//! who may ask is `auth`'s. It deliberately knows nothing of storage.

pub mod access;
mod figures;
mod follow;
mod from_wire;
pub mod http;
mod live;
mod prune;
pub mod quic;
mod to_wire;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
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
    live: live::Live,
    figures_wanted: Notify,
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
            live: live::Live::default(),
            figures_wanted: Notify::new(),
        }
    }
}

/// The settings of both doors.
pub struct Options {
    /// QUIC.
    pub quic: quic::Options,
    /// HTTP; absent: that door stays closed.
    pub http: Option<http::Options>,
    /// How long what is in flight may take when the server drains, in milliseconds. Default 10,000.
    pub drain_ms: u64,
}

/// Why a server cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The QUIC door.
    #[error(transparent)]
    Quic(#[from] quic::QuicError),
    /// The HTTP door.
    #[error(transparent)]
    Http(#[from] http::HttpError),
    /// The system does not say where it listens.
    #[error("the listening address is unknown: {0}")]
    Address(std::io::Error),
}

/// A server with open doors.
pub struct Server {
    shared: Arc<Shared>,
    quic: quic::Door,
    quic_address: SocketAddr,
    http: Option<http::Door>,
    drain: Duration,
}

impl Server {
    /// Opens the doors.
    ///
    /// # Errors
    /// [`StartError`] says which door, and why.
    pub async fn start(shared: Shared, options: Options) -> Result<Self, StartError> {
        let shared = Arc::new(shared);
        let drain_ms = u32::try_from(options.drain_ms).unwrap_or(u32::MAX);
        let options_quic = quic::Options { drain_ms, ..options.quic };
        let quic = quic::Door::open(Arc::clone(&shared), options_quic)?;
        let quic_address = quic.address().map_err(StartError::Address)?;
        let http = match options.http {
            Some(options) => Some(http::Door::open(Arc::clone(&shared), options).await?),
            None => None,
        };
        shared.set_ready();
        tokio::spawn(sweep(Arc::clone(&shared)));
        tokio::spawn(follow::follow(Arc::clone(&shared)));
        tokio::spawn(live::beat(Arc::clone(&shared)));
        shared.tasks.spawn(figures::count(Arc::clone(&shared)));
        shared.tasks.spawn(figures::add_refusals(Arc::clone(&shared)));
        tokio::spawn(prune::prune(Arc::clone(&shared)));
        Ok(Self {
            shared,
            quic,
            quic_address,
            http,
            drain: Duration::from_millis(options.drain_ms),
        })
    }

    /// What both doors share.
    #[must_use]
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Where QUIC listens.
    #[must_use]
    pub fn quic_address(&self) -> SocketAddr {
        self.quic_address
    }

    /// Where HTTP listens.
    #[must_use]
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http.as_ref().map(http::Door::address)
    }

    /// Takes another certificate for connections to come.
    ///
    /// # Errors
    /// When it is no good; the old one stays.
    pub async fn reload(&self, certificate: &str, key: &str) -> Result<(), StartError> {
        self.quic.reload(certificate.to_owned(), key.to_owned())?;
        if let Some(http) = &self.http {
            http.reload(certificate, key).await?;
        }
        Ok(())
    }

    /// Lets everybody finish and closes the doors: not ready, no new connections, GoAway, answers
    /// to what is in flight, then the end. Takes at most about the drain time.
    pub async fn drain(self) {
        self.shared.draining.cancel();
        self.quic.refuse_new();
        self.shared.tasks.close();
        // What is not finished by then is cut off; its callers ask again by id.
        let _finished = tokio::time::timeout(self.drain, self.shared.tasks.wait()).await;
        self.quic.close(CLOSE_PATIENCE).await;
        if let Some(http) = self.http {
            http.close().await;
        }
    }
}

/// How long closing may take once everything is answered.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);

/// How often callers that have been quiet and sessions that are over are forgotten.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

async fn sweep(shared: Arc<Shared>) {
    let mut every = tokio::time::interval(SWEEP_EVERY);
    loop {
        tokio::select! {
            () = shared.draining.cancelled() => return,
            _ = every.tick() => {
                let sweeping = Arc::clone(&shared);
                let swept = tokio::task::spawn_blocking(move || sweeping.access.sweep());
                if let Err(error) = swept.await {
                    tracing::error!(%error, "forgetting who is gone failed");
                }
            }
        }
    }
}
