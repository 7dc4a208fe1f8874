//! A connection of somebody who need not keep to the protocol.

use std::sync::Arc;
use std::time::Duration;

use jeton::client::{Reply, Request, new_id};
use jeton::protocol::{self, Hello, Inbox};
use jeton::testing::ServerBox;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{RecvStream, SendStream};
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio::time::timeout;

/// Long enough for anything that is going to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A connection of somebody who need not keep to the protocol.
pub(crate) struct Raw {
    pub(crate) connection: quinn::Connection,
    _endpoint: quinn::Endpoint,
}

impl Raw {
    pub(crate) async fn connect(
        server: &ServerBox,
        alpn: &[u8],
    ) -> Result<Self, quinn::ConnectionError> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(server.ca_pem.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![alpn.to_vec()];
        let config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
        let endpoint = quinn::Endpoint::client(([127, 0, 0, 1], 0).into()).unwrap();
        let address = server.server.quic_address();
        let connection = endpoint.connect_with(config, address, "localhost").unwrap().await?;
        Ok(Self { connection, _endpoint: endpoint })
    }

    /// A lane on which nothing was said.
    pub(crate) async fn lane(&self) -> Lane {
        let (send, receive) = timeout(PATIENCE, self.connection.open_bi()).await.unwrap().unwrap();
        Lane { send, receive, inbox: Inbox::default() }
    }

    /// A lane on which the server said welcome.
    pub(crate) async fn welcomed(&self, token: &str) -> Lane {
        let mut lane = self.lane().await;
        lane.say(&frame(1, &Request::Hello(Hello { client: "raw", token }))).await;
        let welcome = lane.hear().await;
        assert!(matches!(welcome, Some(Reply::Welcome(_))), "{welcome:?}");
        lane
    }
}

pub(crate) struct Lane {
    pub(crate) send: SendStream,
    pub(crate) receive: RecvStream,
    pub(crate) inbox: Inbox,
}

impl Lane {
    pub(crate) async fn say(&mut self, bytes: &[u8]) {
        timeout(PATIENCE, self.send.write_all(bytes)).await.unwrap().unwrap();
    }

    /// The next reply; `None` when the server has ended the lane.
    pub(crate) async fn hear(&mut self) -> Option<Reply> {
        self.hear_numbered().await.map(|(_seq, reply)| reply)
    }

    /// The next reply with its sequence number.
    pub(crate) async fn hear_numbered(&mut self) -> Option<(u32, Reply)> {
        loop {
            let mut frames = self.inbox.frames();
            if let Some(frame) = frames.next() {
                let (seq, reply) = Reply::decode(frame.unwrap()).unwrap();
                let (reply, consumed) = (reply.into_owned(), frames.consumed());
                self.inbox.consume(consumed);
                return Some((seq, reply));
            }
            let read = timeout(PATIENCE, self.receive.read(self.inbox.space())).await.unwrap();
            match read {
                Ok(Some(count)) => self.inbox.filled(count),
                Ok(None) | Err(_) => return None,
            }
        }
    }

    /// The number of the fault that the server calls next.
    pub(crate) async fn fault(&mut self) -> Option<u16> {
        match self.hear().await {
            Some(Reply::Error(error)) => Some(error.number),
            None => None,
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) fn frame<S: AsRef<str>>(seq: u32, request: &Request<S>) -> Vec<u8> {
    let mut bytes = Vec::new();
    request.encode(seq, &mut bytes).unwrap();
    bytes
}

pub(crate) fn body(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap();
    [&length.to_be_bytes()[..], bytes].concat()
}

pub(crate) fn redeem(code: &'static str) -> Request<&'static str> {
    Request::Redeem(protocol::Redeem {
        id: new_id(),
        codes: [code].into_iter().collect(),
        ..protocol::Redeem::default()
    })
}
