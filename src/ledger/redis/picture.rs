//! What this node has seen of the records in Redis: a book that requests may read.
//!
//! A look puts an owner's records in, as they were when it was sent. What this node writes itself
//! makes them stale, so that nobody takes what was before his own write for new; what others write
//! is seen with the next look. How old a record is, is said with it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
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
    /// Looks that are on their way: only those can bring what is older than our own writes.
    looks: AtomicUsize,
}

#[derive(Default)]
struct Seen {
    /// When the look was sent that saw it; absent: none did.
    at: Option<Timestamp>,
    /// When this node last heard that it had written it itself.
    written: Option<Timestamp>,
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
        let mut oldest: Option<Timestamp> = None;
        let mut is_stale = false;
        for owner in owners {
            let Some(known) = seen.get(owner) else { return Knowledge::None };
            let Some(at) = known.at else { return Knowledge::None };
            is_stale |= known.written.is_some_and(|written| written >= at);
            oldest = Some(oldest.map_or(at, |oldest| oldest.min(at)));
        }
        match oldest {
            None => Knowledge::Exact,
            Some(at) if is_stale => Knowledge::Stale(at),
            Some(at) => Knowledge::Of(at),
        }
    }

    /// A number of looks are sent.
    pub(super) fn looking(&self, count: usize) {
        self.looks.fetch_add(count, Ordering::Relaxed);
    }

    /// So many looks have come back or were given up.
    pub(super) fn looked(&self, count: usize) {
        self.looks.fetch_sub(count, Ordering::Relaxed);
    }

    /// Takes over what an owner had when a look was sent, at `at`.
    pub(super) fn put(&self, owner: Owner, found: OwnerRecord, at: Timestamp) {
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        let mut book = self.book.write().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= OWNERS_MAX {
            seen.clear();
            *book = Book::new();
        }
        let known = seen.entry(owner).or_default();
        if known.at.is_some_and(|known| known > at) {
            return;
        }
        for slot in &known.slots {
            book.unshow(slot);
        }
        for key in &known.held {
            book.show_held(*key, 0, 0);
        }
        known.at = Some(at);
        known.slots = found.records.iter().map(Record::slot).collect();
        known.held = found.held.iter().map(|(key, ..)| *key).collect();
        for record in found.records {
            book.show(record);
        }
        for (key, kept, earning) in found.held {
            book.show_held(key, kept, earning);
        }
    }

    /// Notes that this node has written to `owners`.
    pub(super) fn wrote(&self, owners: impl Iterator<Item = Owner>, at: Timestamp) {
        let is_looking = self.looks.load(Ordering::Relaxed) > 0;
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        if seen.is_empty() && !is_looking {
            return;
        }
        for owner in owners {
            if let Some(known) = seen.get_mut(&owner) {
                known.written = Some(at);
            } else if is_looking && seen.len() < OWNERS_MAX {
                seen.insert(owner, Seen { written: Some(at), ..Seen::default() });
            }
        }
    }
}
