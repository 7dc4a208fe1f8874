//! From options to a connection on which the server has said welcome.

use std::fmt::Display;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use quinn::congestion::CubicConfig;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{
    AckFrequencyConfig, Endpoint, EndpointConfig, IdleTimeout, TokioRuntime, TransportConfig,
    VarInt,
};
use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::lookup_host;
use tokio::time::timeout;

use super::lane::{Lane, Receive, Stream};
use super::{Error, Options};
use crate::protocol::{ALPN, Hello, Reply, Request, Welcome};

/// Well below the 30 s after which address translators forget a UDP flow, and below both idle
/// time-outs.
const KEEP_ALIVE: Duration = Duration::from_secs(4);
/// After this long without a packet the connection is given up. In whole milliseconds.
const IDLE_TIMEOUT_MS: u32 = 12_000;
/// Of a local network: a lost first packet is repeated after about 60 ms instead of a second.
const INITIAL_RTT: Duration = Duration::from_millis(20);
/// A burst of pipelined requests leaves at once instead of being paced by a millisecond timer.
const INITIAL_WINDOW: u64 = 256 * 1024;
/// Bounds what a lost packet costs: its repetition waits for the peer's delayed acknowledgement.
const MAX_ACK_DELAY: Duration = Duration::from_millis(2);
/// What one lane may have in flight towards us; a thousand answers and more.
const LANE_WINDOW: u32 = 512 * 1024;
/// A burst of answers must not overflow the socket. The kernel may grant less.
const UDP_BUFFER: usize = 4 * 1024 * 1024;

/// Opens connections that share one local socket.
#[derive(Debug, Clone)]
pub struct Connector {
    endpoint: Endpoint,
    config: quinn::ClientConfig,
    options: Arc<Options>,
}

impl Connector {
    /// Reads keys and certificates and opens the socket; connects to nothing yet.
    ///
    /// # Errors
    /// When the options are no good, or no socket can be had.
    pub async fn new(options: Options) -> Result<Self, Error> {
        let mut config = quinn::ClientConfig::new(Arc::new(tls(&options)?));
        config.transport_config(Arc::new(transport()));
        let Some(server) = resolve(&options).await?.next() else {
            return Err(no_address(&options));
        };
        let socket = socket(server.ip().is_ipv6()).map_err(Error::Socket)?;
        let runtime = Arc::new(TokioRuntime);
        let endpoint = Endpoint::new(EndpointConfig::default(), None, socket, runtime)
            .map_err(Error::Socket)?;
        Ok(Self { endpoint, config, options: Arc::new(options) })
    }

    /// What this connector was told.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Connects and says hello.
    ///
    /// # Errors
    /// When the server cannot be reached in time, or does not know the caller.
    pub async fn connect(&self) -> Result<Connection, Error> {
        timeout(self.options.connect_timeout, self.try_addresses())
            .await
            .unwrap_or_else(|_| Err(self.failed(&"no answer in time")))
    }

    /// Moves all connections of this connector to a new local socket.
    ///
    /// # Errors
    /// When no socket can be had; the old one is kept.
    pub fn rebind(&self) -> Result<(), Error> {
        let is_v6 = self.endpoint.local_addr().map_err(Error::Socket)?.is_ipv6();
        let socket = socket(is_v6).map_err(Error::Socket)?;
        self.endpoint.rebind(socket).map_err(Error::Socket)
    }

    /// Until all connections are closed and their peers know it.
    pub(super) async fn idle(&self) {
        self.endpoint.wait_idle().await;
    }

    async fn try_addresses(&self) -> Result<Connection, Error> {
        let is_v6 = self.endpoint.local_addr().map_err(Error::Socket)?.is_ipv6();
        let mut last = no_address(&self.options);
        for server in resolve(&self.options).await?.filter(|at| at.is_ipv6() == is_v6) {
            match self.connect_to(server).await {
                Ok(connection) => return Ok(connection),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn connect_to(&self, server: SocketAddr) -> Result<Connection, Error> {
        let name = &self.options.server_name;
        let connecting = self
            .endpoint
            .connect_with(self.config.clone(), server, name)
            .map_err(|error| self.failed(&error))?;
        let quinn = connecting.await.map_err(|error| self.failed(&error))?;
        let mut first = Stream::open(&quinn).await.map_err(|error| self.failed(&error))?;
        let mut hello = Vec::new();
        let (client, token) = (self.options.name.as_str(), self.options.token.as_str());
        Request::Hello(Hello { client, token }).encode(1, &mut hello)?;
        first.send.write_all(&hello).await.map_err(|error| self.failed(&error))?;
        let welcome = self.welcome(&mut first).await?;
        Ok(Connection { quinn, welcome, first: Some(first) })
    }

    async fn welcome(&self, first: &mut Stream) -> Result<Welcome, Error> {
        let Stream { recv, inbox, .. } = first;
        loop {
            let mut frames = inbox.frames();
            if let Some(frame) = frames.next() {
                let frame = frame.map_err(|error| self.failed(&error))?;
                let (_, reply) = Reply::decode(frame).map_err(|error| self.failed(&error))?;
                let reply = reply.into_owned();
                let consumed = frames.consumed();
                inbox.consume(consumed);
                if let Reply::Welcome(welcome) = reply {
                    return Ok(welcome);
                }
                if let Reply::Error(error) = reply {
                    return Err(Error::TurnedAway { number: error.number, message: error.message });
                }
                return Err(Error::unexpected(&reply));
            }
            match recv.read(inbox.space()).await.map_err(|error| self.failed(&error))? {
                Some(count) => inbox.filled(count),
                None => return Err(self.failed(&"the server said nothing")),
            }
        }
    }

    fn failed(&self, why: &dyn Display) -> Error {
        Error::Connect { server: self.options.server.clone(), why: why.to_string() }
    }
}

/// A connection to a server that said welcome. It closes when it and all its lanes are dropped.
#[derive(Debug)]
pub struct Connection {
    quinn: quinn::Connection,
    welcome: Welcome,
    first: Option<Stream>,
}

impl Connection {
    /// What the server said.
    #[must_use]
    pub const fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// Opens a lane; `receive` gets what arrives on it. The first lane is the one on which hello
    /// was said. Honour `lanes_max` and `in_flight_max` of [`welcome`](Self::welcome).
    ///
    /// # Errors
    /// When the connection is closed.
    pub async fn lane(&mut self, receive: impl Receive) -> Result<Lane, Error> {
        let stream = match self.first.take() {
            Some(first) => first,
            None => Stream::open(&self.quinn)
                .await
                .map_err(|error| Error::LaneClosed { why: error.to_string() })?,
        };
        Ok(Lane::start(stream, receive))
    }

    /// Closes the connection at once.
    pub fn close(&self) {
        self.quinn.close(VarInt::from_u32(0), b"");
    }

    pub(super) const fn quinn(&self) -> &quinn::Connection {
        &self.quinn
    }

    pub(super) const fn take_first(&mut self) -> Option<Stream> {
        self.first.take()
    }
}

async fn resolve(options: &Options) -> Result<impl Iterator<Item = SocketAddr>, Error> {
    let found = lookup_host(options.server.as_str()).await;
    found.map_err(|error| Error::Connect { server: options.server.clone(), why: error.to_string() })
}

fn no_address(options: &Options) -> Error {
    Error::Connect { server: options.server.clone(), why: "no usable address".to_owned() }
}

fn tls(options: &Options) -> Result<QuicClientConfig, Error> {
    let wrong = |what| move |why: &dyn ToString| Error::Options { what, why: why.to_string() };
    let (ca, identity) = (wrong("ca_pem"), wrong("identity_pem"));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&options.ca_pem) {
        roots.add(certificate.map_err(|error| ca(&error))?).map_err(|error| ca(&error))?;
    }
    if roots.is_empty() {
        return Err(ca(&"no certificate in it"));
    }
    let builder = rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| wrong("tls")(&error))?
        .with_root_certificates(roots);
    let mut config = match &options.identity_pem {
        Some((chain, key)) => {
            let chain = CertificateDer::pem_slice_iter(chain)
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| identity(&error))?;
            let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| identity(&error))?;
            builder.with_client_auth_cert(chain, key).map_err(|error| identity(&error))?
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![ALPN.to_vec()];
    QuicClientConfig::try_from(config).map_err(|error| wrong("tls")(&error))
}

fn transport() -> TransportConfig {
    let mut congestion = CubicConfig::default();
    congestion.initial_window(INITIAL_WINDOW);
    let mut acks = AckFrequencyConfig::default();
    acks.max_ack_delay(Some(MAX_ACK_DELAY));
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        .stream_receive_window(VarInt::from_u32(LANE_WINDOW))
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(IDLE_TIMEOUT_MS))))
        .keep_alive_interval(Some(KEEP_ALIVE))
        .initial_rtt(INITIAL_RTT)
        .send_fairness(false)
        .congestion_controller_factory(Arc::new(congestion))
        .ack_frequency_config(Some(acks));
    transport
}

fn socket(is_v6: bool) -> io::Result<UdpSocket> {
    let (domain, any) = if is_v6 {
        (Domain::IPV6, IpAddr::from(Ipv6Addr::UNSPECIFIED))
    } else {
        (Domain::IPV4, IpAddr::from(Ipv4Addr::UNSPECIFIED))
    };
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    socket.set_recv_buffer_size(UDP_BUFFER)?;
    socket.set_send_buffer_size(UDP_BUFFER)?;
    let granted = socket.recv_buffer_size()?;
    if granted < UDP_BUFFER {
        tracing::debug!(granted, wanted = UDP_BUFFER, "small UDP buffer: net.core.rmem_max");
    }
    socket.bind(&SocketAddr::new(any, 0).into())?;
    Ok(socket.into())
}
