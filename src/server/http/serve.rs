//! The listener: TCP, perhaps with TLS, HTTP/1.1 and HTTP/2.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum_server::Handle;
use axum_server::accept::NoDelayAcceptor;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::task::JoinHandle;

use super::router;
use crate::auth::tls::{ServerPem, TlsError, http_server_config};
use crate::server::Shared;

/// How long a client may take to send the head of a request, and to answer a ping.
const HEAD_MAX: Duration = Duration::from_secs(30);

/// How long what is in flight may take after everything else has drained.
const CLOSE_MAX: Duration = Duration::from_secs(2);

/// Longest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 32 * 1024;

/// Most requests at once in one connection of HTTP/2.
const CONCURRENT_STREAMS_MAX: u32 = 128;

/// The settings of the HTTP door.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen. Default 127.0.0.1:7412.
    pub listen: SocketAddr,
    /// The certificate; absent: without TLS.
    pub tls: Option<Pem>,
    /// Longest import, in bytes. Default 2 GiB.
    pub import_bytes_max: u64,
    /// Most requests at once; beyond, 503. Default 1,024.
    pub concurrent_max: usize,
    /// Whether metrics are read without a token. Default: only when it listens on loopback.
    pub metrics_open: bool,
}

/// A certificate and its key.
#[derive(Clone)]
pub struct Pem {
    /// Certificate chain, PEM.
    pub certificate: String,
    /// Its private key, PEM.
    pub key: String,
}

impl std::fmt::Debug for Pem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pem")
    }
}

impl Options {
    /// The defaults.
    #[must_use]
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            tls: None,
            import_bytes_max: 2 << 30,
            concurrent_max: 1_024,
            metrics_open: listen.ip().to_canonical().is_loopback(),
        }
    }
}

/// Why the door cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The socket.
    #[error("cannot listen for HTTP on {0}: {1}")]
    Socket(SocketAddr, io::Error),
    /// The certificate or key.
    #[error("the HTTP certificate: {0}")]
    Tls(#[from] TlsError),
}

/// The open door.
pub struct Door {
    address: SocketAddr,
    tls: Option<RustlsConfig>,
    handle: Handle<SocketAddr>,
    serving: JoinHandle<()>,
}

impl Door {
    /// Listens and begins to answer; stops to take connections when the server drains.
    pub(in crate::server) async fn open(
        shared: Arc<Shared>,
        options: Options,
    ) -> Result<Self, HttpError> {
        let wrong = |error| HttpError::Socket(options.listen, error);
        let tls = options.tls.as_ref().map(|pem| config(&pem.certificate, &pem.key)).transpose()?;
        let listener = TcpListener::bind(options.listen).map_err(wrong)?;
        listener.set_nonblocking(true).map_err(wrong)?;
        let address = listener.local_addr().map_err(wrong)?;
        let router = router(Arc::clone(&shared), &options);
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let handle = Handle::new();
        let server =
            axum_server::from_tcp(listener).map_err(wrong)?.acceptor(NoDelayAcceptor::new());
        let mut server = server.handle(handle.clone());
        limit(server.http_builder());
        let acceptor = tls.clone();
        let serving = tokio::spawn(async move {
            let ended = match acceptor {
                None => server.serve(service).await,
                Some(config) => {
                    let tls = |plain| RustlsAcceptor::new(config).acceptor(plain);
                    server.map(tls).serve(service).await
                }
            };
            if let Err(error) = ended {
                tracing::error!(%error, "the HTTP door closed");
            }
        });
        let stop = handle.clone();
        tokio::spawn(async move {
            shared.draining.cancelled().await;
            stop.graceful_shutdown(None);
        });
        Ok(Self { address, tls, handle, serving })
    }

    pub(in crate::server) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes another certificate for connections to come. Nothing to do without TLS.
    pub(in crate::server) async fn reload(
        &self,
        certificate: &str,
        key: &str,
    ) -> Result<(), HttpError> {
        if let Some(tls) = &self.tls {
            tls.reload_from_config(config(certificate, key)?.get_inner());
        }
        Ok(())
    }

    /// Ends what is still open, after a short while.
    pub(in crate::server) async fn close(self) {
        let mut serving = self.serving;
        self.handle.graceful_shutdown(None);
        if tokio::time::timeout(CLOSE_MAX, &mut serving).await.is_err() {
            self.handle.shutdown();
            // A panic there was told where it happened.
            let _ended = serving.await;
        }
    }
}

fn config(certificate: &str, key: &str) -> Result<RustlsConfig, TlsError> {
    let pem = ServerPem { certificate, key, client_authority: None };
    let time = Arc::new(rustls::time_provider::DefaultTimeProvider);
    Ok(RustlsConfig::from_config(Arc::new(http_server_config(pem, time)?)))
}

/// What one connection may hold, and for how long.
fn limit(builder: &mut Builder<TokioExecutor>) {
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_MAX)
        .max_buf_size(HEAD_BYTES_MAX * 2);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(HEAD_MAX)
        .keep_alive_timeout(HEAD_MAX)
        .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX))
        .max_concurrent_streams(CONCURRENT_STREAMS_MAX);
}
