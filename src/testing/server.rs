//! A server in a box: real stores in a directory, a real QUIC socket on loopback, a clock that can
//! be set.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::auth::caller::{Identity, Name};
use crate::auth::certificate::Authority;
use crate::auth::guess::GuessOptions;
use crate::auth::role::Role;
use crate::catalog::document::BundleDocument;
use crate::catalog::{self, DefinitionDocument, Expect};
use crate::client;
use crate::clock::Clock;
use crate::codes::import::Format;
use crate::domain::id::{CampaignId, TenantId};
use crate::domain::time::Timestamp;
use crate::engine::{self, Engine, ImportNews, Imported, IssueOrder, List, Trial};
use crate::ledger::redis::{Epoch, Flaw, Place, initialise};
use crate::ledger::{self, Durability, Fault};
use crate::remote::{self, Remote};
use crate::server::access::Access;
use crate::server::{Options, Server, Shared, http, quic};

/// What goes wrong while a box is set up: a text that says where.
pub type SetUp<T> = Result<T, String>;

/// A clock that stands still until it is set, or follows the machine's.
#[derive(Clone)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(now.0)))
    }

    /// Shows another time from now on.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.0, Ordering::SeqCst);
    }

    /// Goes on by so many milliseconds.
    pub fn advance(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }

    /// What it shows.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }

    /// As the engine wants it.
    #[must_use]
    pub fn clock(&self) -> Clock {
        let own = self.clone();
        Clock::from_fn(move || own.now())
    }
}

/// An installation in Redis that several boxes share.
#[derive(Clone)]
pub struct RedisStore {
    /// Where it is.
    pub url: String,
    /// Its mark.
    pub epoch: Epoch,
    /// How many partitions it was initialised with.
    pub partitions: u16,
    /// What is left out of the ledger's library.
    pub flaw: Flaw,
}

impl RedisStore {
    /// Makes a new installation.
    ///
    /// # Errors
    /// When the servers cannot be reached, or have one.
    pub async fn initialise(url: String, partitions: u16) -> SetUp<Self> {
        let store = Self { url, epoch: Epoch([5; 16]), partitions, flaw: Flaw::None };
        let remote = Remote::new(store.remote()?).map_err(|error| error.to_string())?;
        let made = initialise(&remote, store.epoch, partitions).await;
        made.map_err(|error| format!("initialising: {error}"))?;
        Ok(store)
    }

    fn remote(&self) -> SetUp<remote::Options> {
        let target = self.url.parse().map_err(|error| format!("{}: {error}", self.url))?;
        Ok(remote::Options::new(target))
    }

    fn place(&self) -> SetUp<Place> {
        let (partitions, flaw) = (self.partitions, self.flaw);
        Ok(Place { partitions, flaw, ..Place::new(self.remote()?, self.epoch) })
    }
}

/// How a box is made.
#[derive(Clone)]
pub struct BoxOptions {
    /// Where its stores are; absent: in its directory. In Redis, answers survive what `durability`
    /// says, which must be one of Redis's words.
    pub redis: Option<RedisStore>,
    /// What answers survive.
    pub durability: Durability,
    /// The clock.
    pub clock: Clock,
    /// Where and how the ledger fails.
    pub fault: Fault,
    /// Most unanswered requests of a connection.
    pub in_flight_max: u32,
    /// Most commands that wait for the ledger.
    pub queue_max: usize,
    /// Failure budgets.
    pub guess: GuessOptions,
    /// Whether HTTP is served as well.
    pub http: bool,
}

impl Default for BoxOptions {
    fn default() -> Self {
        Self {
            redis: None,
            durability: Durability::Sync,
            clock: Clock::system(),
            fault: Fault::None,
            in_flight_max: 4_096,
            queue_max: 65_536,
            guess: GuessOptions::default(),
            http: false,
        }
    }
}

/// A running server with its authority.
pub struct ServerBox {
    /// The server.
    pub server: Server,
    /// The use cases behind it.
    pub engine: Arc<Engine>,
    /// The authority's certificate, PEM.
    pub ca_pem: String,
    authority: Authority,
    tenant: TenantId,
    clock: Clock,
}

/// An engine over stores in `dir`, with secrets that are the same each time.
///
/// # Errors
/// When the stores cannot be opened.
pub fn engine_in(dir: &Path, options: &BoxOptions) -> SetUp<Engine> {
    let clock = options.clock.clone();
    let mut ledger = ledger::Options::new(dir.join("ledger"), Arc::new(move || clock.now()));
    ledger.durability = options.durability;
    ledger.fault = options.fault;
    ledger.queue_max = options.queue_max;
    let mut store = catalog::Store::Embedded { dir: dir.join("catalog") };
    if let Some(redis) = &options.redis {
        ledger.redis = Some(redis.place()?);
        store = catalog::Store::Redis { remote: redis.remote()?, replicas: 0 };
    }
    let random = ring::rand::SystemRandom::new();
    let engine = Engine::open(
        engine::Options {
            catalog: catalog::Options { store, store_key: [7; 32] },
            ledger,
            code_secret: [9; 32],
            campaign_labels: Vec::new(),
            counts_age_ms_max: engine::COUNTS_AGE_MS_MAX,
            clock: options.clock.clone(),
            random: Arc::new(move |bytes| ring::rand::SecureRandom::fill(&random, bytes).is_ok()),
        },
        |_, _| {},
    );
    engine.map(|(engine, _)| engine).map_err(|error| format!("opening the engine: {error}"))
}

impl ServerBox {
    /// Starts a server over stores in `dir`, on free loopback ports, for tenant `park`.
    ///
    /// # Errors
    /// Whatever goes wrong.
    pub async fn start(dir: &Path, options: BoxOptions) -> SetUp<Self> {
        let (of, with) = (dir.to_owned(), options.clone());
        let engine = tokio::task::spawn_blocking(move || engine_in(&of, &with)).await;
        let engine = Arc::new(engine.map_err(|error| error.to_string())??);
        let access = Access::open(Arc::clone(&engine), options.guess);
        let access = access.map_err(|error| format!("loading tokens: {error}"))?;
        let now_ms = Clock::system().now().0;
        let (authority, ca) = Authority::create("test", now_ms)
            .map_err(|error| format!("making an authority: {error}"))?;
        let pem = authority
            .issue_server(&[], now_ms)
            .map_err(|error| format!("making a certificate: {error}"))?;
        let loopback = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        let quic = quic::Options {
            listen: loopback,
            client_authority: Some(ca.certificate.clone()),
            in_flight_max: options.in_flight_max,
            ..quic::Options::new(pem.certificate.clone(), pem.key.to_string(), [3; 32])
        };
        let shared = Shared::new(Arc::clone(&engine), access, Box::new(String::new));
        let http = options.http.then(|| http::Options::new(loopback));
        let server = Server::start(shared, Options { quic, http, drain_ms: 2_000 })
            .await
            .map_err(|error| format!("starting the server: {error}"))?;
        let tenant = TenantId::parse("park").map_err(|error| error.to_string())?;
        Ok(Self { server, engine, ca_pem: ca.certificate, authority, tenant, clock: options.clock })
    }

    /// Stops the server and waits until its stores are free for another one.
    pub async fn stop(self) {
        let Self { server, engine, .. } = self;
        server.drain().await;
        // The last tasks end a moment after it.
        let last = Arc::downgrade(&engine);
        drop(engine);
        while last.strong_count() > 0 {
            tokio::task::yield_now().await;
        }
    }

    /// The tenant of the box.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// What the box's clock shows.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Stores the definitions of a TOML file: one campaign, or a bundle.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn define(&self, toml: &str) -> SetUp<()> {
        let bundle = BundleDocument::from_toml(toml).map_err(|error| format!("{error:?}"))?;
        let BundleDocument { account, group, slot, policy, campaign, .. } = bundle;
        let accounts = account.into_iter().map(DefinitionDocument::Account);
        let groups = group.into_iter().map(DefinitionDocument::Group);
        let slots = slot.into_iter().map(DefinitionDocument::Slot);
        let policy = policy.into_iter().map(DefinitionDocument::Policy);
        for definition in accounts.chain(groups).chain(slots).chain(policy) {
            let stored = self.engine.put_definition(&self.tenant, definition, Expect::Any, "test");
            stored.map_err(|error| error.to_string())?;
        }
        for campaign in campaign {
            let stored = self.engine.put_campaign(&self.tenant, campaign, Expect::Any, "test");
            stored.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Lets an order take up to so many codes, instead of one.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn allow_codes(&self, codes_max: u8) -> SetUp<()> {
        self.define(&format!("[policy]\ncodes_max = {codes_max}"))
    }

    /// Adds own codes to a campaign: one a line, or CSV with a header.
    ///
    /// # Errors
    /// The first row that is refused.
    pub fn codes(&self, campaign: &str, list: &str) -> SetUp<Imported> {
        let campaign = CampaignId::parse(campaign).map_err(|error| error.to_string())?;
        let mut refused = None;
        let list = List { input: list.as_bytes(), format: Format::Auto, trial: Trial::Real };
        let order = IssueOrder::plain(campaign);
        let imported = self.engine.import(&self.tenant, &order, list, "test", |news| {
            if let ImportNews::Refused(row) = news {
                refused.get_or_insert_with(|| row.to_string());
            }
        });
        match refused {
            Some(refused) => Err(refused),
            None => imported.map_err(|error| error.to_string()),
        }
    }

    /// A token of `role`.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn token(&self, role: Role) -> SetUp<String> {
        let name = Name::parse(&format!("test-{}", role.as_str())).map_err(|e| e.to_string())?;
        let identity = Identity::new(self.tenant.clone(), role, name);
        let minted = self.server.shared().access.mint(identity, None);
        minted.map(|(text, _)| text).map_err(|error| error.to_string())
    }

    /// Options for a client with a new token of `role`.
    ///
    /// # Errors
    /// When the token cannot be stored.
    pub fn client_options(&self, role: Role) -> SetUp<client::Options> {
        let address = self.server.quic_address().to_string();
        let options = client::Options::new(address, self.ca_pem.clone());
        Ok(options.server_name("localhost").token(self.token(role)?))
    }

    /// A connected client with a new token of `role`.
    ///
    /// # Errors
    /// When it cannot connect.
    pub async fn client(&self, role: Role) -> SetUp<client::Client> {
        let options = self.client_options(role)?;
        client::Client::connect(options).await.map_err(|error| error.to_string())
    }

    /// A client certificate and key of `role`, PEM.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn client_certificate(&self, role: Role) -> SetUp<(String, String)> {
        let name = Name::parse("test-certificate").map_err(|error| error.to_string())?;
        let identity = Identity::new(self.tenant.clone(), role, name);
        let now_ms = Clock::system().now().0;
        let pem = self.authority.issue_client(&identity, 1, now_ms);
        let pem = pem.map_err(|error| error.to_string())?;
        Ok((pem.certificate, pem.key.to_string()))
    }
}
