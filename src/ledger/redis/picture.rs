//! What this node has seen of the records in Redis: a book that requests may read.
//!
//! A look puts an owner's records in; whatever this node does to an owner takes them out again, so
//! that nobody reads what was before his own write. Others' writes are seen as far as the moment
//! of the look, which is said with what is read.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use super::wire::OwnerRecord;
use crate::domain::book::{Book, Record, Slot};
use crate::domain::id::Owner;
use crate::domain::posting::Key;
use crate::domain::time::Timestamp;
use crate::ledger::Knowledge;

type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// Most owners that are remembered; then all are forgotten, which costs a look each.
const OWNERS_MAX: usize = 200_000;

/// The records that were looked at.
#[derive(Default)]
pub(super) struct Picture {
    book: RwLock<Book>,
    seen: RwLock<Map<Owner, Seen>>,
}

struct Seen {
    at: Timestamp,
    slots: Vec<Slot>,
    held: Vec<Key>,
}

impl Picture {
    pub(super) fn read(&self) -> RwLockReadGuard<'_, Book> {
        self.book.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// How well all of `owners` are known: as the one seen longest ago.
    pub(super) fn knowledge(&self, owners: &[Owner]) -> Knowledge {
        let seen = self.seen.read().unwrap_or_else(PoisonError::into_inner);
        let mut oldest = None;
        for owner in owners {
            let Some(known) = seen.get(owner) else { return Knowledge::None };
            oldest = Some(oldest.map_or(known.at, |at: Timestamp| at.min(known.at)));
        }
        oldest.map_or(Knowledge::Exact, Knowledge::Of)
    }

    /// Takes over what an owner has at `at`.
    pub(super) fn put(&self, owner: Owner, found: OwnerRecord, at: Timestamp) {
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        let mut book = self.book.write().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= OWNERS_MAX {
            seen.clear();
            *book = Book::new();
        }
        if let Some(before) = seen.remove(&owner) {
            forget(&mut book, &before);
        }
        let slots = found.records.iter().map(slot_of).collect();
        for record in found.records {
            book.show(record);
        }
        let held = found.held.iter().map(|(key, ..)| *key).collect();
        for (key, kept, earning) in found.held {
            book.show_held(key, kept, earning);
        }
        seen.insert(owner, Seen { at, slots, held });
    }

    /// Forgets owners, because their records have changed.
    pub(super) fn forget(&self, owners: impl Iterator<Item = Owner>) {
        let mut owners = owners.peekable();
        if owners.peek().is_none() {
            return;
        }
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        if seen.is_empty() {
            return;
        }
        let mut gone = owners.filter_map(|owner| seen.remove(&owner)).peekable();
        if gone.peek().is_none() {
            return;
        }
        let mut book = self.book.write().unwrap_or_else(PoisonError::into_inner);
        for before in gone {
            forget(&mut book, &before);
        }
    }
}

fn forget(book: &mut Book, before: &Seen) {
    for slot in &before.slots {
        book.unshow(slot);
    }
    for key in &before.held {
        book.show_held(*key, 0, 0);
    }
}

fn slot_of(record: &Record) -> Slot {
    match record {
        Record::Counter(key, _) => Slot::Counter(*key),
        Record::Register(key, _) => Slot::Register(*key),
        Record::Balance(key, _) => Slot::Balance(*key),
    }
}
