//! A server that says what a script tells it, and remembers what it was asked.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex};

use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Endpoint, SendStream, VarInt};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::PrivateKeyDer;
use tokio::sync::mpsc;

use crate::protocol::{ALPN, ErrorReply, Fault, Hello, Id, Inbox, Reply, Request, Welcome};

/// Issues all certificates of these tests.
pub(super) static CA: LazyLock<Ca> = LazyLock::new(Ca::new);

pub(super) struct Ca(CertifiedIssuer<'static, KeyPair>);

impl Ca {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(super) fn pem(&self) -> String {
        self.0.pem()
    }

    /// Certificate and key, PEM.
    pub(super) fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    fn server_config(&self) -> quinn::ServerConfig {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .allow_unauthenticated()
                .build()
                .unwrap();
        let mut tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )
            .unwrap();
        tls.alpn_protocols = vec![ALPN.to_vec()];
        quinn::ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls).unwrap()))
    }
}

/// A certificate that nobody here trusts.
pub(super) fn other_ca() -> String {
    Ca::new().pem()
}

/// A request as it arrived. Hello is not among them.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// How many requests came before it.
    pub(super) nth: usize,
    /// How many of them had its id.
    pub(super) nth_of_id: usize,
    pub(super) connection: usize,
    /// Counted per connection.
    pub(super) lane: usize,
    pub(super) seq: u32,
    pub(super) request: Request,
}

impl Seen {
    pub(super) fn reply(&self, reply: Reply) -> Act {
        Act::Reply { to: (self.connection, self.lane), seq: self.seq, reply: Box::new(reply) }
    }

    pub(super) fn reply_to_nothing(&self, reply: Reply) -> Act {
        Act::Reply { to: (self.connection, self.lane), seq: 0, reply: Box::new(reply) }
    }

    pub(super) fn fault(&self, fault: Fault) -> Act {
        let message = "so the script says".to_owned();
        self.reply(Reply::Error(ErrorReply { number: fault.number(), message }))
    }
}

/// What the script wants.
#[derive(Debug)]
pub(super) enum Act {
    Reply { to: (usize, usize), seq: u32, reply: Box<Reply> },
    EndLane,
    CloseConnection,
}

type Script = Box<dyn FnMut(&Seen) -> Vec<Act> + Send>;

struct Shared {
    script: Mutex<Script>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    seen: Vec<Seen>,
    tries_by_id: HashMap<Id, usize>,
    connections: Vec<quinn::Connection>,
    writers: HashMap<(usize, usize), mpsc::UnboundedSender<Vec<u8>>>,
}

pub(super) struct Server {
    endpoint: Endpoint,
    shared: Arc<Shared>,
}

impl Server {
    pub(super) fn start(script: impl FnMut(&Seen) -> Vec<Act> + Send + 'static) -> Self {
        Self::start_at("127.0.0.1:0", script)
    }

    pub(super) fn start_at(
        address: &str,
        script: impl FnMut(&Seen) -> Vec<Act> + Send + 'static,
    ) -> Self {
        let endpoint = Endpoint::server(CA.server_config(), address.parse().unwrap()).unwrap();
        let script = Mutex::new(Box::new(script) as Script);
        let shared = Arc::new(Shared { script, state: Mutex::default() });
        tokio::spawn(accept(endpoint.clone(), Arc::clone(&shared)));
        Self { endpoint, shared }
    }

    pub(super) fn address(&self) -> String {
        self.endpoint.local_addr().unwrap().to_string()
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.shared.state.lock().unwrap().seen.clone()
    }

    pub(super) fn connections(&self) -> usize {
        self.shared.state.lock().unwrap().connections.len()
    }

    pub(super) fn peer(&self, connection: usize) -> SocketAddr {
        self.connection(connection).remote_address()
    }

    /// Until the client has closed this connection.
    pub(super) async fn closed(&self, connection: usize) {
        self.connection(connection).closed().await;
    }

    fn connection(&self, nth: usize) -> quinn::Connection {
        self.shared.state.lock().unwrap().connections.get(nth).unwrap().clone()
    }

    /// Closes all connections and gives the port free.
    pub(super) async fn stop(self) {
        let address = self.address();
        self.endpoint.close(VarInt::from_u32(0), b"stopped");
        self.endpoint.wait_idle().await;
        self.shared.state.lock().unwrap().connections.clear();
        drop(self);
        while std::net::UdpSocket::bind(&address).is_err() {
            tokio::task::yield_now().await;
        }
    }
}

async fn accept(endpoint: Endpoint, shared: Arc<Shared>) {
    while let Some(incoming) = endpoint.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let Ok(connection) = incoming.await else { return };
            let number = {
                let mut state = shared.state.lock().unwrap();
                state.connections.push(connection.clone());
                state.connections.len() - 1
            };
            let mut lane = 0;
            while let Ok((send, recv)) = connection.accept_bi().await {
                let key = (number, lane);
                lane += 1;
                let (writer, queue) = mpsc::unbounded_channel();
                shared.state.lock().unwrap().writers.insert(key, writer);
                tokio::spawn(write(send, queue));
                tokio::spawn(read(connection.clone(), recv, key, Arc::clone(&shared)));
            }
        });
    }
}

async fn write(mut send: SendStream, mut queue: mpsc::UnboundedReceiver<Vec<u8>>) {
    while let Some(mut bytes) = queue.recv().await {
        while let Ok(more) = queue.try_recv() {
            bytes.extend(more);
        }
        if send.write_all(&bytes).await.is_err() {
            return;
        }
    }
    let _ = send.finish();
}

async fn read(
    connection: quinn::Connection,
    mut recv: quinn::RecvStream,
    key: (usize, usize),
    shared: Arc<Shared>,
) {
    let mut inbox = Inbox::default();
    while let Ok(Some(count)) = recv.read(inbox.space()).await {
        inbox.filled(count);
        let mut frames = inbox.frames();
        for frame in frames.by_ref() {
            let (seq, request) = Request::decode(frame.unwrap()).unwrap();
            if let Request::Hello(hello) = request {
                greet(&connection, &shared, key, seq, &hello);
                continue;
            }
            for act in shared.see(key, seq, request.into_owned()) {
                match act {
                    Act::Reply { to, seq, reply } => shared.send(to, seq, &reply),
                    Act::EndLane => {
                        shared.state.lock().unwrap().writers.remove(&key);
                        return;
                    }
                    Act::CloseConnection => connection.close(VarInt::from_u32(1), b"script"),
                }
            }
        }
        let consumed = frames.consumed();
        inbox.consume(consumed);
    }
}

impl Shared {
    fn see(&self, (connection, lane): (usize, usize), seq: u32, request: Request) -> Vec<Act> {
        let seen = {
            let mut state = self.state.lock().unwrap();
            let nth_of_id = request.id().map_or(0, |id| {
                let tries = state.tries_by_id.entry(id).or_default();
                *tries += 1;
                *tries - 1
            });
            let nth = state.seen.len();
            let seen = Seen { nth, nth_of_id, connection, lane, seq, request };
            state.seen.push(seen.clone());
            seen
        };
        (self.script.lock().unwrap())(&seen)
    }

    fn send(&self, to: (usize, usize), seq: u32, reply: &Reply) {
        let mut bytes = Vec::new();
        reply.encode(seq, &mut bytes).unwrap();
        if let Some(writer) = self.state.lock().unwrap().writers.get(&to) {
            let _ = writer.send(bytes);
        }
    }
}

fn greet(
    connection: &quinn::Connection,
    shared: &Shared,
    key: (usize, usize),
    seq: u32,
    hello: &Hello<&str>,
) {
    if hello.token == "jt_good" || connection.peer_identity().is_some() {
        let welcome = Welcome {
            server: "script".to_owned(),
            role: "gate".to_owned(),
            lanes_max: 8,
            in_flight_max: 1024,
            ..Welcome::default()
        };
        shared.send(key, seq, &Reply::Welcome(welcome));
    } else {
        let number = Fault::NotAuthenticated.number();
        let message = "who are you?".to_owned();
        shared.send(key, seq, &Reply::Error(ErrorReply { number, message }));
    }
}
