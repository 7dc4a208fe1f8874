//! Ledgers: executors of the book.
//!
//! A ledger applies commands in one order, makes them durable, and answers only then. What crosses
//! into it is a batch of commands; what comes back is the batch of answers. It deliberately knows
//! no rules, no codes' texts and no wire: keys are opaque, the moment is part of each command.
//!
//! # Invariants
//! - An answer leaves only after what it says is as durable as [`Durability`] promises.
//! - After a failed write nothing is answered any more but [`LedgerError::Poisoned`]; what is on
//!   disk is still good, and opening it again is safe.
//! - [`Ledger::read`] sees all that was applied, even what is still being made durable.

pub mod archive;
mod cursor;
mod embedded;
mod memory;
pub mod redis;

use std::path::PathBuf;
use std::sync::{Arc, RwLockReadGuard};

use smallvec::SmallVec;
use tokio::sync::watch;

use crate::domain::book::{Book, Event};
use crate::domain::id::{Owner, PostingId};
use crate::domain::posting::{Command, Outcome, Receipt, Released};
use crate::domain::time::Timestamp;

pub use cursor::Cursor;
pub use embedded::Embedded;
#[cfg(feature = "testing")]
pub use embedded::Fault;
pub use memory::Memory;

/// Reads the time: a ledger has no clock of its own.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What an answer survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// A power cut: every answer waits for its sync to disk.
    Sync,
    /// A crash of the process; a power cut loses at most so many milliseconds of answers.
    Interval {
        /// Milliseconds between syncs, 1 to 60,000.
        window_ms: u64,
    },
    /// Nothing: for trying things out.
    Memory,
    /// A crash of Redis or a power cut: Redis syncs its log to disk before each reply.
    RedisAofAlways,
    /// The loss of the master, in the ways that Redis fails over well: so many replicas have
    /// confirmed each answer.
    Replicas {
        /// How many, 1 to 16.
        replicas: u16,
    },
    /// Whatever Redis survives as it is set up.
    RedisAsIs,
}

/// How to open a ledger.
#[derive(Clone)]
pub struct Options {
    /// What an answer survives. Default [`Durability::Sync`].
    pub durability: Durability,
    /// Where the records are, unless they are only in memory or in Redis.
    pub dir: PathBuf,
    /// Where they are when they are in Redis.
    pub redis: Option<redis::Place>,
    /// Most commands that wait; beyond, callers are told that it is busy. Default 65,536: at a
    /// hundred thousand a second, more could not be answered in time anyway.
    pub queue_max: usize,
    /// The clock, for deadlines and for ending holds.
    pub now: Now,
    /// Where and how to fail.
    #[cfg(feature = "testing")]
    pub fault: Fault,
}

impl Options {
    /// The defaults for a ledger in `dir`.
    #[must_use]
    pub fn new(dir: PathBuf, now: Now) -> Self {
        Self {
            durability: Durability::Sync,
            dir,
            redis: None,
            queue_max: 65_536,
            now,
            #[cfg(feature = "testing")]
            fault: Fault::None,
        }
    }
}

/// A command and until when its answer is of use.
#[derive(Debug)]
pub struct Task {
    /// What to do.
    pub command: Command,
    /// Not begun after this moment.
    pub deadline: Timestamp,
}

/// What became of a task.
#[derive(Debug)]
pub enum Answer {
    /// The book has spoken.
    Outcome(Outcome),
    /// Its deadline came before its turn; nothing was done.
    Late,
    /// What became of it is not known; asking again with the same id is safe.
    Failed(LedgerError),
}

/// Takes the answers to a batch, in the order of its tasks.
pub type Completion = Box<dyn FnOnce(Result<Vec<Answer>, LedgerError>) + Send>;

/// A batch and who waits for it.
struct Submission {
    tasks: Vec<Task>,
    done: Completion,
}

/// Why a ledger cannot answer. What was asked may have been done or not, unless stated otherwise;
/// asking again with the same ids is safe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// Too much is waiting. Nothing was done.
    #[error("the ledger's queue is full")]
    Busy,
    /// The ledger is shutting down. Nothing was done.
    #[error("the ledger is closed")]
    Closed,
    /// A write or sync failed; the process must be restarted.
    #[error("the ledger stopped after a failed write: {0}")]
    Poisoned(Arc<str>),
    /// Reading failed.
    #[error("reading the ledger failed: {0}")]
    Read(Arc<str>),
    /// The ledger's servers could not be reached in time.
    #[error("the ledger is away: {0}")]
    Away(Arc<str>),
    /// The ledger's servers are not those that this installation was made with, or lost what they
    /// had; an operator must decide. Nothing was done.
    #[error("the ledger is fenced: {0}")]
    Fenced(Arc<str>),
}

impl LedgerError {
    /// Whether asking again soon may help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Busy | Self::Away(_))
    }
}

/// Why a ledger cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error(
        "{0} is in use by another process; stop that one, or give this one another data directory"
    )]
    Locked(PathBuf),
    /// It is of another format.
    #[error("{dir} holds a ledger of format {found}, this program reads format {known}")]
    Format {
        /// Where.
        dir: PathBuf,
        /// What was found.
        found: String,
        /// What is known.
        known: u32,
    },
    /// Durability and place do not go together.
    #[error("durability {durability} needs {needs}; set `store` or `durability` in the config")]
    Mixed {
        /// The durability that was asked for.
        durability: &'static str,
        /// What it needs.
        needs: &'static str,
    },
    /// The servers cannot be reached or refuse us.
    #[error("the ledger in Redis cannot be opened: {0}")]
    Remote(String),
    /// The servers would break the promise that was asked for.
    #[error("{0}; or accept it with durability `redis-as-is`")]
    Unsafe(String),
    /// There is no installation yet.
    #[error("{0} holds no installation; `jeton init` makes one")]
    NotInitialised(String),
    /// The installation is another.
    #[error(
        "{0} belongs to another installation, or was replaced: its epoch is not ours; `jeton \
         doctor` shows both"
    )]
    OtherEpoch(String),
    /// The installation has another number of partitions.
    #[error("the installation has {found} partitions, the config says {wanted}")]
    Partitions {
        /// What was found.
        found: u16,
        /// What was wanted.
        wanted: u16,
    },
    /// A record cannot be read.
    #[error("{dir} holds a damaged record in {place}: {what}; restore the directory from a backup")]
    Damaged {
        /// Where.
        dir: PathBuf,
        /// In which keyspace.
        place: &'static str,
        /// What is wrong.
        what: String,
    },
    /// The store refuses.
    #[error("the ledger in {dir} cannot be opened: {what}")]
    Store {
        /// Where.
        dir: PathBuf,
        /// What the store says.
        what: String,
    },
}

/// How a ledger feels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It works.
    Good,
    /// It stopped for good, because of this.
    Poisoned(Arc<str>),
    /// Its servers cannot be reached now, because of this. It heals by itself.
    Away(Arc<str>),
    /// Its servers lost what they had, or are others: nothing is answered until an operator has
    /// decided.
    Fenced(Arc<str>),
}

impl Health {
    /// The names of all states, the good one first.
    pub const NAMES: [&'static str; 4] = ["good", "away", "fenced", "poisoned"];

    /// The state's name in answers and metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        let [good, away, fenced, poisoned] = Self::NAMES;
        match self {
            Self::Good => good,
            Self::Away(_) => away,
            Self::Fenced(_) => fenced,
            Self::Poisoned(_) => poisoned,
        }
    }
}

/// How well what [`Ledger::read`] shows of some owners is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Knowledge {
    /// As it is now.
    Exact,
    /// As it was at that moment; the oldest of several.
    Of(Timestamp),
    /// As it was at that moment, but this node has changed it since.
    Stale(Timestamp),
    /// Not at all: what is shown means nothing before a [`Command::Look`].
    None,
}

/// What the ledger did lately, for dashboards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pulse {
    /// Number of the newest event that is durable.
    pub last_event: u64,
}

/// Something that happened, with the receipt of its posting as it stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What happened.
    pub event: Event,
    /// The posting it happened to; absent when the receipt has left the store.
    pub receipt: Option<Receipt>,
}

/// A durable executor of the book.
#[expect(clippy::large_enum_variant, reason = "there is one in a process")]
pub enum Ledger {
    /// Nothing outlives the process.
    Memory(Memory),
    /// Durable on this machine.
    Embedded(Embedded),
    /// Shared by several nodes.
    Redis(redis::Redis),
}

impl Ledger {
    /// Opens the ledger that `options` describe.
    ///
    /// # Errors
    /// [`OpenError`] says what stands in the way and what to do.
    pub fn open(options: Options) -> Result<Self, OpenError> {
        let place = options.redis.clone();
        match (options.durability, place) {
            (Durability::Memory, _) => Ok(Self::Memory(Memory::new(options))),
            (Durability::Sync | Durability::Interval { .. }, None) => {
                Embedded::open(options).map(Self::Embedded)
            }
            (Durability::Sync | Durability::Interval { .. }, Some(_)) => Err(OpenError::Mixed {
                durability: "sync or interval",
                needs: "the embedded store",
            }),
            (
                Durability::RedisAofAlways | Durability::Replicas { .. } | Durability::RedisAsIs,
                Some(place),
            ) => redis::Redis::open(options, place).map(Self::Redis),
            (
                Durability::RedisAofAlways | Durability::Replicas { .. } | Durability::RedisAsIs,
                None,
            ) => Err(OpenError::Mixed { durability: "redis-…", needs: "a redis:// store" }),
        }
    }

    /// Hands over a batch. `done` hears the answers, on another thread, once they are durable; when
    /// the queue is full it hears that at once.
    pub fn submit(&self, tasks: Vec<Task>, done: Completion) {
        let submission = Submission { tasks, done };
        match self {
            Self::Memory(memory) => memory.submit(submission),
            Self::Embedded(embedded) => embedded.submit(submission),
            Self::Redis(redis) => redis.submit(submission),
        }
    }

    /// The book as it is now. Keep the guard for a moment only: nothing is applied meanwhile.
    pub fn read(&self) -> RwLockReadGuard<'_, Book> {
        match self {
            Self::Memory(memory) => memory.read(),
            Self::Embedded(embedded) => embedded.read(),
            Self::Redis(redis) => redis.read(),
        }
    }

    /// Whether all records are in this process: then [`Ledger::read`] shows the truth, and nothing
    /// waits for a network.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Memory(_) | Self::Embedded(_) => true,
            Self::Redis(_) => false,
        }
    }

    /// How well [`Ledger::read`] knows the records of `owners`.
    #[must_use]
    pub fn knowledge(&self, owners: &[Owner]) -> Knowledge {
        match self {
            Self::Memory(_) | Self::Embedded(_) => Knowledge::Exact,
            Self::Redis(redis) => redis.knowledge(owners),
        }
    }

    /// The receipt of a posting, wherever it is. May read from disk.
    ///
    /// # Errors
    /// [`LedgerError::Read`].
    pub fn receipt(&self, id: &PostingId) -> Result<Option<Receipt>, LedgerError> {
        match self {
            Self::Memory(memory) => Ok(memory.receipt(id)),
            Self::Embedded(embedded) => embedded.receipt(id),
            Self::Redis(redis) => redis.receipt(id),
        }
    }

    /// Up to `most` durable events after `after`, oldest first, and where to go on. Reads from
    /// disk or from the network.
    ///
    /// # Errors
    /// [`LedgerError::Read`] or [`LedgerError::Away`].
    pub fn events(&self, after: &Cursor, most: usize) -> Result<(Vec<Entry>, Cursor), LedgerError> {
        let entries = match self {
            Self::Memory(memory) => memory.events(after.count(0), most),
            Self::Embedded(embedded) => embedded.events(after.count(0), most)?,
            Self::Redis(redis) => return redis.events(after, most),
        };
        let last = entries.last().map_or(after.count(0), |entry| entry.event.number);
        Ok((entries, Cursor::from(last)))
    }

    /// Where the newest durable events are. May read from the network.
    ///
    /// # Errors
    /// [`LedgerError::Away`].
    pub fn newest(&self) -> Result<Cursor, LedgerError> {
        match self {
            Self::Memory(_) | Self::Embedded(_) => {
                Ok(Cursor::from(self.pulse().borrow().last_event))
            }
            Self::Redis(redis) => redis.newest(),
        }
    }

    /// Up to `most` events before number `before` that concern `owner`, newest first. Reads from
    /// disk.
    ///
    /// # Errors
    /// [`LedgerError::Read`].
    pub fn history(
        &self,
        owner: &Owner,
        before: u64,
        most: usize,
    ) -> Result<Vec<Entry>, LedgerError> {
        match self {
            Self::Memory(memory) => Ok(memory.history(owner, before, most)),
            Self::Embedded(embedded) => embedded.history(owner, before, most),
            Self::Redis(redis) => redis.history(owner, before, most),
        }
    }

    /// Follows what becomes durable.
    #[must_use]
    pub fn pulse(&self) -> watch::Receiver<Pulse> {
        match self {
            Self::Memory(memory) => memory.pulse(),
            Self::Embedded(embedded) => embedded.pulse(),
            Self::Redis(redis) => redis.pulse(),
        }
    }

    /// Follows how the ledger feels.
    #[must_use]
    pub fn health(&self) -> watch::Receiver<Health> {
        match self {
            Self::Memory(memory) => memory.health(),
            Self::Embedded(embedded) => embedded.health(),
            Self::Redis(redis) => redis.health(),
        }
    }

    /// Commands that wait now.
    #[must_use]
    pub fn queue_len(&self) -> usize {
        match self {
            Self::Memory(_) => 0,
            Self::Embedded(embedded) => embedded.queue_len(),
            Self::Redis(redis) => redis.queue_len(),
        }
    }

    /// Finishes what is waiting, makes all durable and stops.
    pub fn close(&self) {
        match self {
            Self::Memory(_) => {}
            Self::Embedded(embedded) => embedded.close(),
            Self::Redis(redis) => redis.close(),
        }
    }
}

/// The owners that a posting concerns, each once: those of its legs, and those of credits in the
/// releases that `counts` lets count.
fn owners(receipt: &Receipt, counts: impl Fn(&Released) -> bool) -> SmallVec<[Owner; 2]> {
    let credits = receipt.releases.iter().filter(|release| counts(release));
    let credits = credits.filter_map(|release| release.credit.as_deref()).map(|(leg, _)| leg);
    let mut owners = SmallVec::new();
    for leg in receipt.legs.iter().chain(credits) {
        let owner = leg.key().owner;
        if !owners.contains(&owner) {
            owners.push(owner);
        }
    }
    owners
}

/// The owners that one event of a posting concerns, each once.
fn owners_of_event(receipt: &Receipt, number: u64) -> SmallVec<[Owner; 2]> {
    owners(receipt, |release| release.event == number)
}
