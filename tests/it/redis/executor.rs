//! The ledger in Redis dressed as an executor, over a server that a test shares.

use std::sync::Arc;

use jeton::domain::book::{Balance, Event, EventKind};
use jeton::domain::posting::{Command, Key, Outcome};
use jeton::domain::time::Timestamp;
use jeton::ledger::redis::{Epoch, Place, initialise};
use jeton::ledger::{Cursor, Durability, Ledger, Options};
use jeton::remote::{self, Remote};
use jeton::testing::servers::{RedisOptions, RedisServer};
use jeton::testing::{Executor, ManualClock};

use crate::ledgers::executor::{BEFORE_ALL, ask, outcomes};

/// The mark of the installations that tests make.
pub(crate) const EPOCH: Epoch = Epoch([7; 16]);

/// A Redis of a test's own.
pub(crate) struct Server {
    pub(crate) redis: RedisServer,
    pub(crate) url: String,
}

impl Server {
    /// A server that persists nothing: what is tested is what is answered.
    pub(crate) fn start() -> Self {
        let redis = RedisServer::start(&RedisOptions::default()).unwrap();
        let url = redis.url();
        Self { redis, url }
    }
}

/// Runs a future to its end.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}

/// A new installation at `url`.
pub(crate) fn place(url: &str, partitions: u16) -> Place {
    let options = remote::Options::new(url.parse().unwrap());
    let remote = Remote::new(options.clone()).unwrap();
    wait(initialise(&remote, EPOCH, partitions)).unwrap();
    Place { partitions, ..Place::new(options, EPOCH) }
}

/// A ledger in Redis as an executor. Holds end when the test says so, and only then.
pub(crate) struct RedisExecutor {
    ledger: Option<Ledger>,
    options: Options,
    clock: ManualClock,
    partitions: u16,
    cursor: Cursor,
    events: Vec<Event>,
}

impl RedisExecutor {
    /// An empty ledger.
    pub(crate) fn new(server: &Server, partitions: u16) -> Self {
        server.redis.cli(&["FLUSHALL"]).unwrap();
        Self::at(place(&server.url, partitions))
    }

    pub(crate) fn at(place: Place) -> Self {
        let clock = ManualClock::at(BEFORE_ALL);
        let shown = clock.clone();
        let mut options = Options::new("/nowhere".into(), Arc::new(move || shown.now()));
        options.durability = Durability::RedisAsIs;
        let partitions = place.partitions;
        options.redis = Some(place);
        let ledger = Some(Ledger::open(options.clone()).unwrap());
        Self { ledger, options, clock, partitions, cursor: Cursor::default(), events: Vec::new() }
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        self.ledger.as_ref().unwrap()
    }

    /// Reads the events that are new. Those of several partitions are put in order and numbered
    /// anew, without the ones that only say that a partition has followed another.
    fn read_on(&mut self) {
        let (entries, cursor) = self.ledger().events(&self.cursor, usize::MAX).unwrap();
        self.cursor = cursor;
        let mut events: Vec<Event> = entries.into_iter().map(|entry| entry.event).collect();
        events.retain(|event| event.kind != EventKind::Followed);
        if self.partitions > 1 {
            events.sort_by_key(|event| (event.at, event.kind != EventKind::Expired));
        }
        for mut event in events {
            if self.partitions > 1 {
                event.number = self.events.len() as u64 + 1;
            }
            self.events.push(event);
        }
    }

    /// Shows the ledger another time.
    pub(crate) fn set_clock(&self, now: Timestamp) {
        self.clock.set(now);
    }

    fn look(&self, key: Key) {
        let owners = [key.owner].into_iter().collect();
        assert_eq!(outcomes(ask(self.ledger(), &[Command::Look { owners }])), [Outcome::Looked]);
    }
}

impl Executor for RedisExecutor {
    fn apply(&mut self, commands: &[Command]) -> Vec<Outcome> {
        outcomes(ask(self.ledger(), commands))
    }

    fn sweep(&mut self, now: Timestamp) {
        self.clock.set(now);

        // One round ends so many; another may be left for the rest.
        let mut before = None;
        while before.replace(self.last_event()) != Some(self.last_event()) {
            self.apply(&[]);
        }
        // It stays: what a ledger has forgotten, it does not remember.
    }

    fn used(&mut self, key: Key) -> u64 {
        self.look(key);
        self.ledger().read().used(&key)
    }

    fn held(&mut self, key: Key) -> u64 {
        self.look(key);
        self.ledger().read().held(&key)
    }

    fn register(&mut self, key: Key) -> Option<i64> {
        self.look(key);
        self.ledger().read().register(&key)
    }

    fn balance(&mut self, key: Key) -> Option<Balance> {
        self.look(key);
        self.ledger().read().balance(&key).cloned()
    }

    fn last_event(&mut self) -> u64 {
        self.read_on();
        self.events.len() as u64
    }

    fn events_after(&mut self, number: u64) -> Vec<Event> {
        self.read_on();
        self.events.iter().skip(usize::try_from(number).unwrap()).cloned().collect()
    }

    fn reopen(&mut self) {
        self.ledger = None;
        self.ledger = Some(Ledger::open(self.options.clone()).unwrap());
    }
}
