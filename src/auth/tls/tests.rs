//! Real handshakes in memory: who is let in, as whom, and who is not.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::*;
use crate::auth::caller::{Caller, Identity, Name};
use crate::auth::certificate::{Authority, CertificatePem, caller_of};
use crate::auth::role::Role;
use crate::domain::id::TenantId;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, ServerConnection};
use std::time::Duration;

/// 2026-11-21 12:00 UTC.
const NOW_MS: i64 = 1_795_262_400_000;
const DAY_MS: i64 = 86_400_000;

#[derive(Debug)]
struct At(i64);

impl TimeProvider for At {
    fn current_time(&self) -> Option<UnixTime> {
        let unix_ms = u64::try_from(self.0).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_millis(unix_ms)))
    }
}

struct Site {
    authority: Authority,
    authority_pem: String,
    server: CertificatePem,
}

fn site() -> Site {
    let (authority, pem) = Authority::create("site", NOW_MS).unwrap();
    let server = authority.issue_server(&["jeton.example".to_owned()], NOW_MS).unwrap();
    Site { authority, authority_pem: pem.certificate, server }
}

impl Site {
    fn pem(&self) -> ServerPem<'_> {
        ServerPem {
            certificate: &self.server.certificate,
            key: &self.server.key,
            client_authority: Some(&self.authority_pem),
        }
    }

    fn client(&self, days: u32) -> CertificatePem {
        let tenant = TenantId::parse("park").unwrap();
        let identity = Identity::new(tenant, Role::Gate, Name::parse("north").unwrap());
        self.authority.issue_client(&identity, days, NOW_MS).unwrap()
    }

    /// A client that trusts this site, presents `own` and sees the time `now_ms`.
    fn client_config(
        &self,
        own: Option<&CertificatePem>,
        alpn: &[u8],
        now_ms: i64,
    ) -> ClientConfig {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_details(provider, Arc::new(At(now_ms)))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(authorities(&self.authority_pem).unwrap());
        let mut config = match own {
            None => builder.with_no_client_auth(),
            Some(own) => {
                let chain = certificates(&own.certificate, Text::Certificate).unwrap();
                let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        };
        config.alpn_protocols = vec![alpn.to_vec()];
        config
    }
}

/// What a handshake ended in.
#[derive(Debug)]
struct Met {
    caller: Option<Caller>,
    alpn: Vec<u8>,
    resumed: bool,
}

fn meet(
    server: &Arc<ServerConfig>,
    client: &Arc<ClientConfig>,
    host: &str,
) -> Result<Met, rustls::Error> {
    let host = ServerName::try_from(host.to_owned()).unwrap();
    let mut server = ServerConnection::new(Arc::clone(server))?;
    let mut client = ClientConnection::new(Arc::clone(client), host)?;
    while client.wants_write() || server.wants_write() {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        feed(&bytes, |rest| server.read_tls(rest).unwrap());
        server.process_new_packets()?;
        bytes.clear();
        while server.wants_write() {
            server.write_tls(&mut bytes).unwrap();
        }
        feed(&bytes, |rest| client.read_tls(rest).unwrap());
        client.process_new_packets()?;
    }
    assert!(!server.is_handshaking() && !client.is_handshaking());
    let presented = server.peer_certificates().and_then(<[_]>::first);
    Ok(Met {
        caller: presented.map(|certificate| caller_of(certificate).unwrap()),
        alpn: server.alpn_protocol().unwrap_or_default().to_vec(),
        resumed: server.handshake_kind() == Some(rustls::HandshakeKind::Resumed),
    })
}

fn feed(mut bytes: &[u8], mut read: impl FnMut(&mut &[u8]) -> usize) {
    while !bytes.is_empty() {
        assert!(read(&mut bytes) > 0);
    }
}

/// The QUIC listener of `site` meets `own` at `now_ms`.
fn meet_quic(site: &Site, own: Option<&CertificatePem>, now_ms: i64) -> Result<Met, rustls::Error> {
    let server = quic_server_config(site.pem(), Arc::new(At(now_ms))).unwrap();
    let client = site.client_config(own, ALPN_QUIC, NOW_MS);
    meet(&Arc::new(server), &Arc::new(client), "jeton.example")
}

#[test]
fn a_client_certificate_proves_its_caller() {
    let site = site();
    let met = meet_quic(&site, Some(&site.client(30)), NOW_MS).unwrap();
    let caller = met.caller.unwrap();
    assert_eq!(caller.identity.urn(), "urn:jeton:tenant:park:role:gate:name:north");
    assert_eq!(met.alpn, ALPN_QUIC);
}

#[test]
fn without_a_certificate_the_token_decides() {
    assert_eq!(meet_quic(&site(), None, NOW_MS).unwrap().caller, None);
}

#[test]
fn certificates_of_another_authority_are_refused() {
    let refused = meet_quic(&site(), Some(&site().client(30)), NOW_MS).unwrap_err();
    assert!(matches!(refused, rustls::Error::InvalidCertificate(_)), "{refused}");
}

#[test]
fn expired_and_future_certificates_are_refused() {
    let site = site();
    let own = site.client(30);
    assert!(meet_quic(&site, Some(&own), NOW_MS + 30 * DAY_MS - 1_000).is_ok());
    for now_ms in [NOW_MS + 30 * DAY_MS + 1_000, NOW_MS - DAY_MS] {
        let refused = meet_quic(&site, Some(&own), now_ms).unwrap_err();
        assert!(matches!(refused, rustls::Error::InvalidCertificate(_)), "{refused}");
    }
}

#[test]
fn a_server_certificate_does_not_make_a_caller() {
    let site = site();
    let refused = meet_quic(&site, Some(&site.server), NOW_MS).unwrap_err();
    assert!(matches!(refused, rustls::Error::InvalidCertificate(_)), "{refused}");
}

#[test]
fn other_protocols_are_refused() {
    let site = site();
    let server = quic_server_config(site.pem(), Arc::new(At(NOW_MS))).unwrap();
    let client = site.client_config(None, b"h3", NOW_MS);
    let refused = meet(&Arc::new(server), &Arc::new(client), "jeton.example").unwrap_err();
    assert_eq!(refused, rustls::Error::NoApplicationProtocol);
}

#[test]
fn http_is_spoken_at_every_name_of_the_server() {
    let site = site();
    let server = Arc::new(http_server_config(site.pem(), Arc::new(At(NOW_MS))).unwrap());
    for host in ["jeton.example", "localhost", "127.0.0.1", "::1"] {
        for alpn in ALPN_HTTP {
            let client = Arc::new(site.client_config(None, alpn, NOW_MS));
            assert_eq!(meet(&server, &client, host).unwrap().alpn, alpn);
        }
    }
    let client = Arc::new(site.client_config(None, b"h2", NOW_MS));
    assert!(meet(&server, &client, "other.example").is_err());
}

#[test]
fn sessions_are_resumed_only_where_no_certificate_is_asked_for() {
    let site = site();
    for (client_authority, resumed) in [(site.pem().client_authority, false), (None, true)] {
        let pem = ServerPem { client_authority, ..site.pem() };
        let server = Arc::new(http_server_config(pem, Arc::new(At(NOW_MS))).unwrap());
        let client = Arc::new(site.client_config(None, b"h2", NOW_MS));
        assert!(!meet(&server, &client, "localhost").unwrap().resumed);
        assert_eq!(meet(&server, &client, "localhost").unwrap().resumed, resumed);
    }
}

#[test]
fn quic_takes_tls_1_3_without_early_data() {
    let site = site();
    let config = quic_server_config(site.pem(), Arc::new(At(NOW_MS))).unwrap();
    assert_eq!(config.max_early_data_size, 0);
    let provider = Arc::new(ring::default_provider());
    let mut old = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS12])
        .unwrap()
        .with_root_certificates(authorities(&site.authority_pem).unwrap())
        .with_no_client_auth();
    old.alpn_protocols = vec![ALPN_QUIC.to_vec()];
    let refused = meet(&Arc::new(config), &Arc::new(old), "localhost").unwrap_err();
    assert!(matches!(refused, rustls::Error::PeerIncompatible(_)), "{refused}");
}

#[test]
fn errors_name_the_text_that_is_wrong() {
    let (site, other) = (site(), site());
    let good = site.pem();
    let fail = |pem| quic_server_config(pem, Arc::new(At(NOW_MS))).unwrap_err();
    let damaged = good.certificate.replacen("MII", "M!I", 1);
    let not_x509 = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (pem, text) in [
        (
            ServerPem { certificate: "", ..good },
            "the server certificate text holds no such PEM block; is it the right file?",
        ),
        (
            ServerPem { key: good.certificate, ..good },
            "the server key text holds no such PEM block; is it the right file?",
        ),
        (
            ServerPem { certificate: &damaged, ..good },
            "the server certificate text is not valid PEM: base64 decode error",
        ),
        (
            ServerPem { key: &other.server.key, ..good },
            "the server key does not belong to the server certificate",
        ),
        (
            ServerPem { client_authority: Some(""), ..good },
            "the client authority text holds no such PEM block; is it the right file?",
        ),
        (
            ServerPem { client_authority: Some(not_x509), ..good },
            "the client authority cannot be used: ",
        ),
        (
            ServerPem { certificate: not_x509, ..good },
            "the server certificate or its key cannot be used: ",
        ),
    ] {
        let message = fail(pem).to_string();
        assert!(message.starts_with(text), "{message}");
    }
}
