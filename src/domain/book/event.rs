//! What happened, numbered, with the values that records have afterwards.

use smallvec::SmallVec;

use super::{Balance, Book, Counter, Key, Receipt, Register};
use crate::domain::id::PostingId;
use crate::domain::time::Timestamp;

/// One accepted change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number: from 1, without gaps.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: EventKind,
    /// The posting that it happened to.
    pub id: PostingId,
    /// Every record that it changed, as it is afterwards.
    pub changes: SmallVec<[Change; 2]>,
}

/// What happened to a posting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// Redeemed without a hold.
    Redeemed,
    /// Held.
    Held,
    /// A hold became a redemption.
    Confirmed,
    /// All or a part was given back.
    Released,
    /// A hold got another end.
    Extended,
    /// A hold came to its end.
    Expired,
    /// Records changed because of a posting whose own event is in another partition: only a ledger
    /// over several machines tells this.
    Followed,
}

/// Where a record lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Slot {
    /// Among the counters.
    Counter(Key),
    /// Among the registers.
    Register(Key),
    /// Among the balances.
    Balance(Key),
}

impl Slot {
    /// The record's key.
    #[must_use]
    pub fn key(&self) -> Key {
        match self {
            Self::Counter(key) | Self::Register(key) | Self::Balance(key) => *key,
        }
    }
}

/// A record and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A counter.
    Counter(Key, Counter),
    /// A register.
    Register(Key, Register),
    /// A balance.
    Balance(Key, Balance),
}

impl Record {
    /// Where it lives.
    #[must_use]
    pub fn slot(&self) -> Slot {
        match self {
            Self::Counter(key, _) => Slot::Counter(*key),
            Self::Register(key, _) => Slot::Register(*key),
            Self::Balance(key, _) => Slot::Balance(*key),
        }
    }
}

/// A record as it is after an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It has this value. For counters: and so much is held.
    Is(Record, u64),
    /// It is gone (a register that was unset).
    Gone(Slot),
}

impl Change {
    /// Where the record lives, or lived.
    #[must_use]
    pub fn slot(&self) -> Slot {
        match self {
            Self::Is(record, _) => record.slot(),
            Self::Gone(slot) => *slot,
        }
    }
}

impl Book {
    /// Writes down that `kind` happened to `receipt`, with all records touched since the last
    /// event.
    pub(super) fn record(&mut self, kind: EventKind, receipt: &Receipt, at: Timestamp) -> u64 {
        self.last_event += 1;
        let touched = std::mem::take(&mut self.touched);
        let changes = touched.iter().map(|slot| self.change(*slot)).collect();
        let number = self.last_event;
        self.events.push(Event { number, at, kind, id: receipt.id, changes });
        number
    }

    fn change(&self, slot: Slot) -> Change {
        let value = match slot {
            Slot::Counter(key) => self.counters.get(&key).map(|c| Record::Counter(key, *c)),
            Slot::Register(key) => self.registers.get(&key).map(|r| Record::Register(key, *r)),
            Slot::Balance(key) => self.balances.get(&key).map(|b| Record::Balance(key, b.clone())),
        };
        match value {
            Some(record) => Change::Is(record, self.held(&slot.key())),
            None => Change::Gone(slot),
        }
    }

    /// Notes that a record changed, so that the next event carries it.
    pub(super) fn touch(&mut self, slot: Slot) {
        if !self.touched.contains(&slot) {
            self.touched.push(slot);
        }
    }

    /// Sets a record, remembers when to forget it, and notes the change.
    pub(super) fn write(&mut self, record: Record) {
        let (slot, keep_until, is_new) = match record {
            Record::Counter(key, counter) => {
                let before = self.counters.insert(key, counter);
                let is_new = before.is_none_or(|before| before.keep_until != counter.keep_until);
                (Slot::Counter(key), counter.keep_until, is_new)
            }
            Record::Register(key, register) => {
                let before = self.registers.insert(key, register);
                let is_new = before.is_none_or(|before| before.keep_until != register.keep_until);
                (Slot::Register(key), register.keep_until, is_new)
            }
            Record::Balance(key, balance) => {
                self.balances.insert(key, balance);
                (Slot::Balance(key), Timestamp::NEVER, false)
            }
        };
        if is_new && keep_until != Timestamp::NEVER {
            self.slots_by_keep_until.entry(keep_until).or_default().push(slot);
        }
        self.touch(slot);
    }

    /// Forgets at most about `most` records whose period is over, and says which, so that a store
    /// can do the same. They are no event: nobody can ask about them any more.
    pub fn forget(&mut self, now: Timestamp, most: usize) -> Vec<Slot> {
        let mut forgotten = Vec::new();
        while forgotten.len() < most {
            let Some(entry) = self.slots_by_keep_until.first_entry() else { break };
            if *entry.key() > now {
                break;
            }
            for slot in entry.remove() {
                if self.forget_slot(slot, now) {
                    forgotten.push(slot);
                }
            }
        }
        forgotten
    }

    fn forget_slot(&mut self, slot: Slot, now: Timestamp) -> bool {
        match slot {
            Slot::Counter(key) => {
                let over = self.counters.get(&key).is_some_and(|c| c.keep_until <= now);
                over && self.counters.remove(&key).is_some()
            }
            Slot::Register(key) => {
                let over = self.registers.get(&key).is_some_and(|r| r.keep_until <= now);
                over && self.registers.remove(&key).is_some()
            }
            Slot::Balance(_) => false,
        }
    }
}
