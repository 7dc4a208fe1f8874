//! TLS configurations for the two listeners, from PEM texts.
//!
//! QUIC: TLS 1.3, ALPN `jeton/1`, no early data. HTTP: TLS 1.2 or 1.3, ALPN `h2` and `http/1.1`.
//! Both may ask for a client certificate and do without, since a token is an alternative; whoever
//! presents one must present a valid one. Does not know files or sockets; the time that
//! certificates are checked against is an argument.
//!
//! Invariant: where client certificates are asked for, sessions are never resumed. A resumed
//! session would skip the check of the certificate, and let an expired one live on.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::server::{NoServerSessionStorage, VerifierBuilderError, WebPkiClientVerifier};
use rustls::time_provider::TimeProvider;
use rustls::{InconsistentKeys, RootCertStore, ServerConfig, SupportedProtocolVersion, version};
use rustls_pki_types::pem::{Error as PemError, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// What QUIC clients and servers agree on: the protocol and its version.
pub const ALPN_QUIC: &[u8] = b"jeton/1";

/// What HTTP clients may choose from, best first.
const ALPN_HTTP: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The texts a listener is made from.
#[derive(Clone, Copy)]
pub struct ServerPem<'a> {
    /// The server's certificate, followed by the intermediate ones, if any.
    pub certificate: &'a str,
    /// Its private key: PKCS #8, SEC 1 or PKCS #1.
    pub key: &'a str,
    /// The authorities whose client certificates are accepted; `None` asks for none.
    pub client_authority: Option<&'a str>,
}

/// The configuration of the QUIC listener.
///
/// # Errors
/// [`TlsError`] says which text is wrong and how.
pub fn quic_server_config(
    pem: ServerPem<'_>,
    time: Arc<dyn TimeProvider>,
) -> Result<ServerConfig, TlsError> {
    let mut config = server_config(pem, time, &[&version::TLS13])?;
    config.alpn_protocols = vec![ALPN_QUIC.to_vec()];
    // Early data can be replayed by whoever recorded it.
    config.max_early_data_size = 0;
    Ok(config)
}

/// The configuration of the HTTP listener.
///
/// # Errors
/// [`TlsError`] says which text is wrong and how.
pub fn http_server_config(
    pem: ServerPem<'_>,
    time: Arc<dyn TimeProvider>,
) -> Result<ServerConfig, TlsError> {
    let mut config = server_config(pem, time, &[&version::TLS13, &version::TLS12])?;
    config.alpn_protocols = ALPN_HTTP.map(<[u8]>::to_vec).to_vec();
    Ok(config)
}

fn server_config(
    pem: ServerPem<'_>,
    time: Arc<dyn TimeProvider>,
    versions: &[&'static SupportedProtocolVersion],
) -> Result<ServerConfig, TlsError> {
    let chain = certificates(pem.certificate, Text::Certificate)?;
    let key = PrivateKeyDer::from_pem_slice(pem.key.as_bytes())
        .map_err(|error| TlsError::pem(Text::Key, error))?;
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_details(Arc::clone(&provider), time)
        .with_protocol_versions(versions)
        .map_err(TlsError::Rejected)?;
    let builder = match pem.client_authority {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let roots = authorities(authority)?;
            builder.with_client_cert_verifier(client_verifier(roots, provider)?)
        }
    };
    let mut config = builder.with_single_cert(chain, key).map_err(TlsError::own)?;
    if pem.client_authority.is_some() {
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    Ok(config)
}

fn client_verifier(
    roots: RootCertStore,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn rustls::server::danger::ClientCertVerifier>, TlsError> {
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .allow_unauthenticated()
        .build()
        .map_err(TlsError::Verifier)
}

fn authorities(pem: &str) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem, Text::ClientAuthority)? {
        roots.add(certificate).map_err(TlsError::Authority)?;
    }
    Ok(roots)
}

fn certificates(pem: &str, text: Text) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let found = found.map_err(|error| TlsError::pem(text, error))?;
    if found.is_empty() { Err(TlsError::Missing(text)) } else { Ok(found) }
}

/// One of the texts of [`ServerPem`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    /// The server's certificate.
    Certificate,
    /// The server's private key.
    Key,
    /// The authorities of client certificates.
    ClientAuthority,
}

impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Certificate => "server certificate",
            Self::Key => "server key",
            Self::ClientAuthority => "client authority",
        })
    }
}

/// Why a TLS configuration could not be made.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// No block of the kind that is needed.
    #[error("the {0} text holds no such PEM block; is it the right file?")]
    Missing(Text),
    /// A damaged block.
    #[error("the {0} text is not valid PEM: {1}")]
    Damaged(Text, PemError),
    /// Certificate and key are of different origin.
    #[error("the server key does not belong to the server certificate")]
    KeyMismatch,
    /// A certificate that cannot be trusted as an authority.
    #[error("the client authority cannot be used: {0}")]
    Authority(rustls::Error),
    /// The authorities as a whole cannot be used.
    #[error("client certificates cannot be verified: {0}")]
    Verifier(VerifierBuilderError),
    /// Anything else that the library finds wrong with certificate or key.
    #[error("the server certificate or its key cannot be used: {0}")]
    Rejected(rustls::Error),
}

impl TlsError {
    fn pem(text: Text, error: PemError) -> Self {
        if matches!(error, PemError::NoItemsFound) {
            Self::Missing(text)
        } else {
            Self::Damaged(text, error)
        }
    }

    fn own(error: rustls::Error) -> Self {
        if error == rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) {
            Self::KeyMismatch
        } else {
            Self::Rejected(error)
        }
    }
}

#[cfg(test)]
mod tests;
