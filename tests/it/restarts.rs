//! Servers that stop and come back over the wire: drains, crashes, and clients that hold on.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jeton::auth::caller::{Identity, Name};
use jeton::auth::certificate::Authority;
use jeton::auth::guess::GuessOptions;
use jeton::auth::role::Role;
use jeton::catalog::{CampaignDocument, Expect};
use jeton::client::{Answer, Client, Error, Id, Options, Redeem, State, new_id};
use jeton::clock::Clock;
use jeton::codes::import::Format;
use jeton::domain::id::{CampaignId, TenantId};
use jeton::engine::{Engine, IssueOrder, List, Trial};
use jeton::ledger::Fault;
use jeton::server::access::Access;
use jeton::server::{Server, Shared, quic};
use jeton::testing::{BoxOptions, engine_in};

use crate::house::block_on;

/// A server that comes back at its old address, with its old certificates.
struct Sturdy {
    dir: tempfile::TempDir,
    authority: Authority,
    ca: String,
    address: SocketAddr,
}

impl Sturdy {
    fn new() -> Self {
        let now_ms = Clock::system().now().0;
        let (authority, ca) = Authority::create("test", now_ms).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        Self { dir: tempfile::tempdir().unwrap(), authority, ca: ca.certificate, address }
    }

    /// Starts it; the stores and the socket of the one before may still be closing.
    async fn start(&mut self, fault: Fault) -> (Server, Arc<Engine>) {
        let engine = loop {
            let options = BoxOptions { fault, ..BoxOptions::default() };
            match engine_in(self.dir.path(), &options) {
                Ok(engine) => break Arc::new(engine),
                Err(why) => assert!(why.contains("in use"), "{why}"),
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        let now_ms = Clock::system().now().0;
        let pem = self.authority.issue_server(&[], now_ms).unwrap();
        loop {
            let access = Access::open(Arc::clone(&engine), GuessOptions::default()).unwrap();
            let shared = Shared::new(Arc::clone(&engine), access, Box::new(String::new));
            let quic = quic::Options {
                listen: self.address,
                ..quic::Options::new(pem.certificate.clone(), pem.key.to_string(), [3; 32])
            };
            let options = jeton::server::Options { quic, http: None, drain_ms: 300 };
            if let Ok(server) = Server::start(shared, options).await {
                self.address = server.quic_address();
                return (server, engine);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Options of a client with a new token, which asks again soon and gives up late.
    fn client(&self, server: &Server) -> Options {
        let tenant = TenantId::parse("park").unwrap();
        let identity = Identity::new(tenant, Role::Checkout, Name::parse("till").unwrap());
        let (token, _) = server.shared().access.mint(identity, None).unwrap();
        Options::new(self.address.to_string(), self.ca.clone())
            .server_name("localhost")
            .token(token.as_str())
            .try_timeout(Duration::from_millis(100))
            .deadline(Duration::from_secs(10))
    }
}

fn stock(engine: &Engine, toml: &str, codes: &str) {
    let tenant = TenantId::parse("park").unwrap();
    let document = CampaignDocument::from_toml(toml).unwrap();
    let order = IssueOrder::plain(CampaignId::parse(&document.id).unwrap());
    engine.put_campaign(&tenant, document, Expect::Any, "test").unwrap();
    let list = List { input: codes.as_bytes(), format: Format::Auto, trial: Trial::Real };
    engine.import(&tenant, &order, list, "test", |_| {}).unwrap();
}

const PASS: &str = "id = \"pass\"\nkind = \"pass\"\n";

fn ordinal(answer: Answer) -> u64 {
    match answer {
        Answer::Yes(yes) => yes.uses[0].ordinal,
        Answer::No(no) => panic!("{no:?}"),
    }
}

/// What `redeem` under this id is answered when nobody knows what became of it.
async fn unknown(client: &Client, id: Id) {
    let ask = Redeem::code("PASS").id(id).deadline(Duration::from_millis(400));
    let told = client.redeem(ask).await;
    assert!(matches!(told, Err(Error::Unknown { id: told, .. }) if told == id), "{told:?}");
}

#[test]
fn what_is_unknown_after_a_crash_is_settled_by_status() {
    block_on(async {
        let mut sturdy = Sturdy::new();
        // Durable but not answered, as if the process had died after its sync.
        let (server, engine) = sturdy.start(Fault::StopAfter(3)).await;
        stock(&engine, PASS, "PASS");
        let client = Client::connect(sturdy.client(&server)).await.unwrap();
        assert_eq!(ordinal(client.redeem(Redeem::code("PASS")).await.unwrap()), 1);
        assert_eq!(ordinal(client.redeem(Redeem::code("PASS")).await.unwrap()), 2);
        let (done, lost) = (new_id(), new_id());
        unknown(&client, done).await;
        unknown(&client, lost).await;
        drop(engine);
        server.drain().await;

        // Not durable and not answered: it never happened.
        let (server, engine) = sturdy.start(Fault::StopBefore(1)).await;
        let Answer::Yes(status) = client.status(done).await.unwrap() else { panic!("lost a yes") };
        assert_eq!((status.state, status.uses[0].ordinal), (State::Redeemed, 3));
        unknown(&client, lost).await;
        drop(engine);
        server.drain().await;

        let (server, engine) = sturdy.start(Fault::None).await;
        let Answer::No(none) = client.status(lost).await.unwrap() else { panic!("half a write") };
        assert_eq!(none.reason, "redemption_not_found");
        let again = Redeem::code("PASS").id(done);
        assert_eq!(ordinal(client.redeem(again).await.unwrap()), 3);
        let again = Redeem::code("PASS").id(lost);
        assert_eq!(ordinal(client.redeem(again).await.unwrap()), 4);
        let Answer::Yes(page) = client.code("PASS").await.unwrap() else { panic!("no page") };
        assert_eq!(page.used, 4);
        drop(engine);
        server.drain().await;
    });
}

#[test]
fn clients_hold_on_over_restarts_and_every_use_counts_once() {
    block_on(async {
        let mut sturdy = Sturdy::new();
        let (mut server, mut engine) = sturdy.start(Fault::None).await;
        stock(&engine, PASS, "PASS");
        let client = Client::connect(sturdy.client(&server)).await.unwrap();
        let stop = tokio_util::sync::CancellationToken::new();
        let tills: Vec<_> = (0..8)
            .map(|_| {
                let (client, stop) = (client.clone(), stop.clone());
                tokio::spawn(async move {
                    let mut ordinals = Vec::new();
                    while !stop.is_cancelled() {
                        let id = new_id();
                        loop {
                            match client.redeem(Redeem::code("PASS").id(id)).await {
                                Ok(answer) => break ordinals.push(ordinal(answer)),
                                Err(error) => assert!(error.is_transient(), "{error:?}"),
                            }
                        }
                    }
                    ordinals
                })
            })
            .collect();
        for _ in 0..3 {
            let used = engine.ledger().read().last_event();
            while engine.ledger().read().last_event() < used + 200 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            drop(engine);
            server.drain().await;
            (server, engine) = sturdy.start(Fault::None).await;
        }
        stop.cancel();
        let mut ordinals = Vec::new();
        for till in tills {
            ordinals.extend(till.await.unwrap());
        }
        ordinals.sort_unstable();
        assert!(ordinals.len() >= 600);
        let all: Vec<u64> = (1..).take(ordinals.len()).collect();
        assert_eq!(ordinals, all);
        drop(engine);
        server.drain().await;
    });
}

#[test]
fn a_second_server_on_the_same_stores_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let open = |dir: &Path| engine_in(dir, &BoxOptions::default());
    let first = open(dir.path()).unwrap();
    let second = open(dir.path()).map(|_| ());
    assert!(second.as_ref().is_err_and(|why| why.contains("in use")), "{second:?}");
    drop(first);
    assert!(open(dir.path()).is_ok());
}
