//! A whole ledger, item by item: how it moves from one store to another.
//!
//! A store is read and filled as it lies there, without serving from it: no command is applied and
//! no function called. It deliberately does not know what a file of items looks like.
//!
//! # Invariants
//! - Only a store in which nothing has ever happened is filled. Until [`Store::finish`] nobody can
//!   serve from what was filled.
//! - What is read is of one moment: an embedded store is locked, and one in Redis is asked before
//!   and after how much has happened, see [`Store::check_still`].
//!
//! # Numbers of events
//! Items carry numbers that only rise in the order of the events, which is that of their moments.
//! In Redis an event has another number, because it says the partition; whatever names an event
//! (receipts, registers, what undoing puts back) is renumbered with it. What names an event that
//! was let go keeps a number of its own, below those of all events that are there.

use super::embedded::Whole as EmbeddedWhole;
use super::redis::Whole as RedisWhole;
use super::{Durability, LedgerError, OpenError, Options};
use crate::domain::book::{Change, Event, Record};
use crate::domain::id::Owner;
use crate::domain::posting::{Receipt, Setting};
use crate::domain::time::Timestamp;
use crate::remote::RemoteError;

pub use super::embedded::{decode, encode};

/// The parts of a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What happened, oldest first.
    Events,
    /// The receipts of postings, open holds among them, in the order of their ids.
    Receipts,
    /// Counters, registers and balances, in the order of their owners.
    Owners,
}

/// One thing that a ledger remembers.
#[expect(clippy::large_enum_variant, reason = "most are events, and boxing each would cost more")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// Of [`Part::Events`].
    Event(Event),
    /// Of [`Part::Receipts`].
    Receipt(Box<Receipt>),
    /// Of [`Part::Owners`]: all records of one owner, in the order of their kinds and facets.
    Owner(Owner, Vec<Record>),
}

/// Why a ledger was not moved.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Reading failed.
    #[error(transparent)]
    Read(#[from] LedgerError),
    /// Writing failed.
    #[error("the ledger cannot be written: {0}")]
    Write(String),
    /// The servers cannot be reached or refuse.
    #[error("the ledger's Redis: {0}")]
    Remote(#[from] RemoteError),
    /// Something has happened here before.
    #[error(
        "{0} is not empty: an archive goes only into an installation in which nothing has \
         happened yet; make another one with jeton init"
    )]
    NotEmpty(String),
    /// Somebody wrote.
    #[error("something happened while the ledger was read; stop all nodes, then repeat")]
    Changed,
    /// Partitions that lie apart.
    #[error(
        "a ledger in Redis Cluster cannot be moved as a whole; go by a standalone Redis or by \
         Sentinel"
    )]
    Cluster,
    /// Nothing is kept there.
    #[error("durability memory keeps nothing that could be moved")]
    Memory,
    /// The source of the items failed.
    #[error("{0}")]
    Source(String),
}

/// Takes items one by one.
pub type Take<'a> = dyn FnMut(Item) -> Result<(), ArchiveError> + 'a;

/// Something that has all items of a ledger. Each part can be read several times.
pub trait Parts {
    /// Hands over the items of one part.
    ///
    /// # Errors
    /// Its own, or what `take` says; then it stops.
    fn each(&mut self, part: Part, take: &mut Take<'_>) -> Result<(), ArchiveError>;
}

/// The ledger's store, opened for moving.
pub struct Store {
    place: Place,
    now: Timestamp,
}

#[expect(clippy::large_enum_variant, reason = "there is one or two in a process")]
enum Place {
    Embedded(EmbeddedWhole),
    Redis(RedisWhole),
}

impl Store {
    /// Opens the store that `options` name: a directory of this machine, or Redis, standalone or
    /// with Sentinel. Blocks.
    ///
    /// # Errors
    /// When it is in use or cannot be reached, or has parts that lie apart.
    pub fn open(options: &Options) -> Result<Self, ArchiveError> {
        let now = (options.now)();
        let place = match &options.redis {
            Some(place) => Place::Redis(RedisWhole::open(place.clone(), now)?),
            None if options.durability == Durability::Memory => return Err(ArchiveError::Memory),
            None => Place::Embedded(EmbeddedWhole::open(&options.dir)?),
        };
        Ok(Self { place, now })
    }

    /// When it was opened. Records whose period was over then are left out of it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Makes sure that nothing has happened here yet.
    ///
    /// # Errors
    /// [`ArchiveError::NotEmpty`], or when the store fails.
    pub fn check_empty(&mut self) -> Result<(), ArchiveError> {
        match &mut self.place {
            Place::Embedded(whole) => whole.check_empty(),
            Place::Redis(whole) => whole.check_empty(),
        }
    }

    /// Makes sure that nothing has happened since it was opened.
    ///
    /// # Errors
    /// [`ArchiveError::Changed`], or when the store fails.
    pub fn check_still(&mut self) -> Result<(), ArchiveError> {
        match &mut self.place {
            // It is locked.
            Place::Embedded(_) => Ok(()),
            Place::Redis(whole) => whole.check_still(),
        }
    }

    /// Puts everything that `from` has into this store, which must be empty. Until
    /// [`Store::finish`] it can be read here, and nobody can serve from it.
    ///
    /// # Errors
    /// When reading or writing fails; what is half done then stays of no use.
    pub fn fill(&mut self, from: &mut impl Parts) -> Result<(), ArchiveError> {
        self.check_empty()?;
        match &mut self.place {
            Place::Embedded(whole) => whole.fill(from),
            Place::Redis(whole) => whole.fill(from),
        }
    }

    /// Makes what was filled durable, and lets it be served from.
    ///
    /// # Errors
    /// When writing fails.
    pub fn finish(self) -> Result<(), ArchiveError> {
        match self.place {
            Place::Embedded(whole) => whole.finish(),
            Place::Redis(whole) => whole.finish(),
        }
    }
}

impl Parts for Store {
    fn each(&mut self, part: Part, take: &mut Take<'_>) -> Result<(), ArchiveError> {
        let now = self.now;
        let mut lasting = |item: Item| item.lasting(now).map_or(Ok(()), &mut *take);
        match &mut self.place {
            Place::Embedded(whole) => whole.each(part, &mut lasting),
            Place::Redis(whole) => whole.each(part, &mut lasting),
        }
    }
}

impl Item {
    /// Replaces every number of an event by what `new` says for it.
    pub fn renumber(&mut self, new: impl Fn(u64) -> u64) {
        let set = |setting: &mut Setting| setting.event = new(setting.event);
        let records = |record: &mut Record| {
            if let Record::Register(_, register) = record {
                set(&mut register.setting);
            }
        };
        match self {
            Self::Event(event) => {
                event.number = new(event.number);
                for change in &mut event.changes {
                    if let Change::Is(record, _) = change {
                        records(record);
                    }
                }
            }
            Self::Receipt(receipt) => {
                receipt.event = new(receipt.event);
                if let Some(confirm) = &mut receipt.confirm {
                    confirm.event = new(confirm.event);
                }
                for release in &mut receipt.releases {
                    release.event = new(release.event);
                }
                for result in &mut receipt.results {
                    result.before.iter_mut().for_each(&set);
                }
            }
            Self::Owner(_, of_owner) => of_owner.iter_mut().for_each(records),
        }
    }

    /// The item without the records whose period is over at `now`, which no store keeps for long;
    /// `None` when nothing is left.
    #[must_use]
    pub fn lasting(mut self, now: Timestamp) -> Option<Self> {
        if let Self::Owner(_, records) = &mut self {
            records.retain(|record| keep_until(record) > now);
            if records.is_empty() {
                return None;
            }
        }
        Some(self)
    }
}

/// The moment after which a record is forgotten.
pub(super) fn keep_until(record: &Record) -> Timestamp {
    match record {
        Record::Counter(_, counter) => counter.keep_until,
        Record::Register(_, register) => register.keep_until,
        Record::Balance(..) => Timestamp::NEVER,
    }
}
