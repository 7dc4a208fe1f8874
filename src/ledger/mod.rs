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

mod embedded;
mod memory;

use std::path::PathBuf;
use std::sync::{Arc, RwLockReadGuard};

use smallvec::SmallVec;
use tokio::sync::watch;

use crate::domain::book::{Book, Event};
use crate::domain::id::{Owner, PostingId};
use crate::domain::posting::{Command, Outcome, Receipt};
use crate::domain::time::Timestamp;

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
}

/// How to open a ledger.
#[derive(Clone)]
pub struct Options {
    /// What an answer survives. Default [`Durability::Sync`].
    pub durability: Durability,
    /// Where the records are, unless they are only in memory.
    pub dir: PathBuf,
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

/// How well what [`Ledger::read`] shows of some owners is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Knowledge {
    /// As it is now.
    Exact,
    /// As it was at that moment; the oldest of several.
    Of(Timestamp),
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
}

impl Ledger {
    /// Opens the ledger that `options` describe.
    ///
    /// # Errors
    /// [`OpenError`] says what stands in the way and what to do.
    pub fn open(options: Options) -> Result<Self, OpenError> {
        match options.durability {
            Durability::Memory => Ok(Self::Memory(Memory::new(options))),
            Durability::Sync | Durability::Interval { .. } => {
                Embedded::open(options).map(Self::Embedded)
            }
        }
    }

    /// Hands over a batch. `done` hears the answers, on another thread, once they are durable; when
    /// the queue is full it hears that at once.
    pub fn submit(&self, tasks: Vec<Task>, done: Completion) {
        let submission = Submission { tasks, done };
        match self {
            Self::Memory(memory) => memory.submit(submission),
            Self::Embedded(embedded) => embedded.submit(submission),
        }
    }

    /// The book as it is now. Keep the guard for a moment only: nothing is applied meanwhile.
    pub fn read(&self) -> RwLockReadGuard<'_, Book> {
        match self {
            Self::Memory(memory) => memory.read(),
            Self::Embedded(embedded) => embedded.read(),
        }
    }

    /// Whether all records are in this process: then [`Ledger::read`] shows the truth, and nothing
    /// waits for a network.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Memory(_) | Self::Embedded(_) => true,
        }
    }

    /// How well [`Ledger::read`] knows the records of `owners`.
    #[must_use]
    pub fn knowledge(&self, _owners: &[Owner]) -> Knowledge {
        match self {
            Self::Memory(_) | Self::Embedded(_) => Knowledge::Exact,
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
        }
    }

    /// Up to `most` durable events after number `after`, oldest first. Reads from disk.
    ///
    /// # Errors
    /// [`LedgerError::Read`].
    pub fn events(&self, after: u64, most: usize) -> Result<Vec<Entry>, LedgerError> {
        match self {
            Self::Memory(memory) => Ok(memory.events(after, most)),
            Self::Embedded(embedded) => embedded.events(after, most),
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
        }
    }

    /// Follows what becomes durable.
    #[must_use]
    pub fn pulse(&self) -> watch::Receiver<Pulse> {
        match self {
            Self::Memory(memory) => memory.pulse(),
            Self::Embedded(embedded) => embedded.pulse(),
        }
    }

    /// Follows how the ledger feels.
    #[must_use]
    pub fn health(&self) -> watch::Receiver<Health> {
        match self {
            Self::Memory(memory) => memory.health(),
            Self::Embedded(embedded) => embedded.health(),
        }
    }

    /// Commands that wait now.
    #[must_use]
    pub fn queue_len(&self) -> usize {
        match self {
            Self::Memory(_) => 0,
            Self::Embedded(embedded) => embedded.queue_len(),
        }
    }

    /// Finishes what is waiting, makes all durable and stops.
    pub fn close(&self) {
        match self {
            Self::Memory(_) => {}
            Self::Embedded(embedded) => embedded.close(),
        }
    }
}

/// The owners that a posting concerns, each once.
fn owners(receipt: &Receipt) -> SmallVec<[Owner; 2]> {
    use crate::domain::posting::Leg;
    let mut owners = SmallVec::new();
    for leg in &receipt.legs {
        let owner = match leg {
            Leg::Count { key, .. }
            | Leg::Once { key, .. }
            | Leg::Interval { key, .. }
            | Leg::Zone { key, .. }
            | Leg::Spend { key, .. }
            | Leg::Earn { key, .. } => key.owner,
        };
        if !owners.contains(&owner) {
            owners.push(owner);
        }
    }
    owners
}
