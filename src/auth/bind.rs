//! Which sockets may be opened: anything but loopback needs TLS and credentials.
//!
//! A pure rule on an address; opens nothing and does not know the configuration's names.

use std::net::SocketAddr;

/// Whether a listener speaks TLS (QUIC always does).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// Clear text.
    Clear,
    /// TLS.
    Tls,
}

/// Whether a listener asks its callers who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credentials {
    /// Anybody is let in.
    Open,
    /// A client certificate or a token is required.
    Required,
}

/// A listener that would hand the service to the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BindRefused {
    /// Codes and tokens would travel readable.
    #[error(
        "will not listen on {0} without TLS: codes and tokens could be read on the way. \
         Give the listener a certificate and its key, or bind it to 127.0.0.1 or [::1]"
    )]
    Clear(SocketAddr),
    /// Everybody could redeem.
    #[error(
        "will not listen on {0} without credentials: anybody who reaches it could redeem. \
         Require client certificates or tokens, or bind it to 127.0.0.1 or [::1]"
    )]
    Open(SocketAddr),
}

/// Checks a listener before it is opened.
///
/// # Errors
/// [`BindRefused`] says what is missing and what to do.
pub fn check_bind(
    address: SocketAddr,
    encryption: Encryption,
    credentials: Credentials,
) -> Result<(), BindRefused> {
    // `::ffff:127.0.0.1` is loopback too, which only the canonical form shows.
    if address.ip().to_canonical().is_loopback() {
        return Ok(());
    }
    match (encryption, credentials) {
        (Encryption::Clear, _) => Err(BindRefused::Clear(address)),
        (Encryption::Tls, Credentials::Open) => Err(BindRefused::Open(address)),
        (Encryption::Tls, Credentials::Required) => Ok(()),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_may_be_careless() {
        use Credentials::{Open, Required};
        use Encryption::{Clear, Tls};
        for local in ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            let local = local.parse().unwrap();
            assert_eq!(check_bind(local, Clear, Open), Ok(()));
        }
        for far in ["0.0.0.0:1", "[::]:1", "192.168.0.7:1", "[::ffff:10.0.0.1]:1", "[fe80::1]:1"] {
            let far = far.parse().unwrap();
            assert_eq!(check_bind(far, Clear, Open), Err(BindRefused::Clear(far)));
            assert_eq!(check_bind(far, Clear, Required), Err(BindRefused::Clear(far)));
            assert_eq!(check_bind(far, Tls, Open), Err(BindRefused::Open(far)));
            assert_eq!(check_bind(far, Tls, Required), Ok(()));
        }
    }

    #[test]
    fn the_message_says_what_to_do() {
        let text = BindRefused::Clear("0.0.0.0:7412".parse().unwrap()).to_string();
        assert!(text.contains("0.0.0.0:7412") && text.contains("127.0.0.1"), "{text}");
    }
}
