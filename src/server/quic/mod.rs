//! The QUIC door: `jeton/1` for gates and checkouts.
//!
//! One UDP socket; a task per connection, a task per lane. A lane decodes all frames that arrived,
//! answers what needs no ledger at once, hands the rest on as one batch, and writes once for all
//! answers that are there. A lane that is not read from stops reading: what a stranger can make us
//! hold is bounded by the limits in [`Options`]. What the ledger would not come to in time is
//! refused as busy, unread; see `backlog`.

mod backlog;
mod connection;
mod lane;
mod measures;

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use quinn::crypto::rustls::QuicServerConfig;
use quinn::{
    AckFrequencyConfig, EndpointConfig, IdleTimeout, ServerConfig, TokioRuntime, TransportConfig,
    VarInt,
};
use quinn_proto::RandomConnectionIdGenerator;
use ring::hmac;

use super::Shared;
use crate::auth::tls::{ServerPem, TlsError, quic_server_config};
use backlog::Backlog;
use measures::Measures;

/// Length of a connection id; with as many random bytes, no two connections ever meet.
const CONNECTION_ID_BYTES: usize = 8;

/// Why a connection is closed, as the other side sees it.
pub(super) const CLOSE_DRAINED: u32 = 0;
/// It did not prove who it is.
pub(super) const CLOSE_NOT_AUTHENTICATED: u32 = 6;
/// There are too many connections.
pub(super) const CLOSE_TOO_MANY: u32 = 8;

/// The settings of the QUIC door.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen. Default 127.0.0.1:7411.
    pub listen: SocketAddr,
    /// Certificate chain, PEM.
    pub certificate: String,
    /// Its private key, PEM.
    pub key: String,
    /// The authority whose client certificates are accepted, PEM.
    pub client_authority: Option<String>,
    /// Keeps stateless resets the same over a restart, so that gates notice it at once.
    pub endpoint_secret: [u8; 32],
    /// Most connections. Default 20,000; each holds at most about 2 MiB.
    pub connections_max: usize,
    /// Most lanes of a connection. Default 64.
    pub lanes_max: u32,
    /// Most unanswered requests of a connection; beyond, it is not read from. Default 4,096.
    pub in_flight_max: u32,
    /// A connection that is silent for so many milliseconds is forgotten. Default 15,000.
    pub idle_ms: u32,
    /// How long what is in flight is still answered when the server drains, in milliseconds; told
    /// to clients. Default 10,000.
    pub drain_ms: u32,
    /// Wanted size of the socket's buffers, in bytes. Default 8 MiB; the system may give less.
    pub udp_buffer_bytes: usize,
}

impl Options {
    /// The defaults with these PEM texts.
    #[must_use]
    pub fn new(certificate: String, key: String, endpoint_secret: [u8; 32]) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], crate::protocol::PORT)),
            certificate,
            key,
            client_authority: None,
            endpoint_secret,
            connections_max: 20_000,
            lanes_max: 64,
            in_flight_max: 4_096,
            idle_ms: 15_000,
            drain_ms: 10_000,
            udp_buffer_bytes: 8 * 1024 * 1024,
        }
    }
}

/// Why the door cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum QuicError {
    /// The socket.
    #[error("cannot listen for QUIC on {0}: {1}")]
    Socket(SocketAddr, io::Error),
    /// The certificate or key.
    #[error("the QUIC certificate: {0}")]
    Tls(#[from] TlsError),
    /// The TLS configuration does not do for QUIC.
    #[error("the TLS configuration does not do for QUIC: {0}")]
    Unfit(String),
}

/// The open door.
pub struct Door {
    endpoint: quinn::Endpoint,
    options: Arc<Options>,
}

/// What all connections of the door share.
pub(super) struct Hall {
    pub(super) shared: Arc<Shared>,
    pub(super) options: Arc<Options>,
    pub(super) connections: AtomicUsize,
    backlog: Backlog,
    pub(super) measures: Measures,
}

impl Door {
    /// Listens and begins to answer.
    ///
    /// # Errors
    /// [`QuicError`].
    pub(super) fn open(shared: Arc<Shared>, options: Options) -> Result<Self, QuicError> {
        let endpoint = endpoint(&options)?;
        let options = Arc::new(options);
        let hall = Arc::new(Hall {
            shared,
            options: Arc::clone(&options),
            connections: AtomicUsize::new(0),
            backlog: Backlog::new(),
            measures: Measures::new(),
        });
        tokio::spawn(accept(endpoint.clone(), hall));
        Ok(Self { endpoint, options })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the system does not say.
    pub(super) fn address(&self) -> io::Result<SocketAddr> {
        self.endpoint.local_addr()
    }

    /// Takes another certificate for connections to come.
    ///
    /// # Errors
    /// When it is no good; the old one stays.
    pub(super) fn reload(&self, certificate: String, key: String) -> Result<(), QuicError> {
        let options = Options { certificate, key, ..Options::clone(&self.options) };
        self.endpoint.set_server_config(Some(server_config(&options)?));
        Ok(())
    }

    /// Takes no more connections.
    pub(super) fn refuse_new(&self) {
        self.endpoint.set_server_config(None);
    }

    /// Closes what is still open and waits until that was told, at most `patience`.
    pub(super) async fn close(&self, patience: Duration) {
        self.endpoint.close(VarInt::from_u32(CLOSE_DRAINED), b"drained");
        // Who does not hear it notices by its own time-out.
        let _told = tokio::time::timeout(patience, self.endpoint.wait_idle()).await;
    }
}

async fn accept(endpoint: quinn::Endpoint, hall: Arc<Hall>) {
    /// Beyond so many connections, a stranger must show that its address is its own.
    const UNPROVEN_MAX: usize = 1_000;
    while let Some(incoming) = endpoint.accept().await {
        let open = hall.connections.load(Ordering::Relaxed);
        if open >= hall.options.connections_max || hall.shared.draining.is_cancelled() {
            incoming.refuse();
            continue;
        }
        if open >= UNPROVEN_MAX && !incoming.remote_address_validated() {
            // Fails only for addresses that are validated.
            let _asked = incoming.retry();
            continue;
        }
        let hall = Arc::clone(&hall);
        tokio::spawn(connection::serve(incoming, hall));
    }
}

/// An endpoint with the settings of the door, by itself: whoever measures another server on it
/// measures that, and not other settings.
///
/// # Errors
/// [`QuicError`].
pub fn endpoint(options: &Options) -> Result<quinn::Endpoint, QuicError> {
    let config = server_config(options)?;
    let failed = |error| QuicError::Socket(options.listen, error);
    let socket = bind(options).map_err(failed)?;
    let settings = endpoint_config(&options.endpoint_secret);
    quinn::Endpoint::new(settings, Some(config), socket, Arc::new(TokioRuntime)).map_err(failed)
}

fn bind(options: &Options) -> io::Result<UdpSocket> {
    use socket2::{Domain, Protocol, Socket, Type};
    let socket =
        Socket::new(Domain::for_address(options.listen), Type::DGRAM, Some(Protocol::UDP))?;
    let wanted = options.udp_buffer_bytes;
    socket.set_recv_buffer_size(wanted)?;
    socket.set_send_buffer_size(wanted)?;
    // The system doubles what it grants, and caps silently what it does not.
    let granted = socket.recv_buffer_size()?;
    if granted < wanted {
        tracing::warn!(
            granted,
            wanted,
            "the system gives a smaller UDP buffer than wanted; bursts may lose packets: set net.core.rmem_max and net.core.wmem_max"
        );
    }
    socket.bind(&options.listen.into())?;
    Ok(socket.into())
}

fn endpoint_config(secret: &[u8; 32]) -> EndpointConfig {
    let mut config = EndpointConfig::new(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, secret)));
    // Among thousands of connections, ids with fewer random bytes meet: the default's three make
    // one handshake in some thousands time out.
    config.cid_generator(|| Box::new(RandomConnectionIdGenerator::new(CONNECTION_ID_BYTES)));
    config
}

fn server_config(options: &Options) -> Result<ServerConfig, QuicError> {
    let pem = ServerPem {
        certificate: &options.certificate,
        key: &options.key,
        client_authority: options.client_authority.as_deref(),
    };
    let tls = quic_server_config(pem, Arc::new(rustls::time_provider::DefaultTimeProvider))?;
    let crypto =
        QuicServerConfig::try_from(tls).map_err(|error| QuicError::Unfit(error.to_string()))?;
    let mut config = ServerConfig::with_crypto(Arc::new(crypto));
    config.transport_config(Arc::new(transport(options)));
    // Handshakes that wait, and what they may make us keep: defaults are for larger houses.
    config.max_incoming(4_096).incoming_buffer_size_total(16 * 1024 * 1024);
    Ok(config)
}

fn transport(options: &Options) -> TransportConfig {
    let mut ack = AckFrequencyConfig::default();
    // A lost request costs a probe time-out, which the peer's delay of acknowledgements is part of.
    ack.max_ack_delay(Some(Duration::from_millis(2)));
    let mut cubic = quinn::congestion::CubicConfig::default();
    // Gates are near: a burst of answers need not wait for the window to open.
    cubic.initial_window(256 * 1024);
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(options.lanes_max))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(VarInt::from_u32(64 * 1024))
        .receive_window(VarInt::from_u32(1024 * 1024))
        .send_window(1024 * 1024)
        .send_fairness(false)
        .datagram_receive_buffer_size(None)
        .initial_rtt(Duration::from_millis(20))
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(options.idle_ms))))
        .ack_frequency_config(Some(ack))
        .congestion_controller_factory(Arc::new(cubic));
    transport
}
