//! A ledger as tests see it, and the book dressed as one.
//!
//! Invariant: everything a test may look at is an answer, an event, or a record that a ledger can
//! look up by its key.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::book::{Balance, Book, Change, Event, Record, Slot};
use crate::domain::id::PostingId;
use crate::domain::posting::{Command, Key, Outcome, Receipt};
use crate::domain::time::Timestamp;

/// Something that executes postings.
pub trait Executor {
    /// Applies a batch and answers each command, in their order.
    fn apply(&mut self, commands: &[Command]) -> Vec<Outcome>;

    /// Ends all holds that are over at `now` and forgets the records whose period is.
    fn sweep(&mut self, now: Timestamp);

    /// How much of `key` is used.
    fn used(&mut self, key: Key) -> u64;

    /// How much of `key` open holds keep.
    fn held(&mut self, key: Key) -> u64;

    /// What the register `key` holds.
    fn register(&mut self, key: Key) -> Option<i64>;

    /// The balance `key`, once it was opened.
    fn balance(&mut self, key: Key) -> Option<Balance>;

    /// Number of the newest event; zero when there was none.
    fn last_event(&mut self) -> u64;

    /// All events with a higher number, oldest first.
    fn events_after(&mut self, number: u64) -> Vec<Event>;

    /// Closes and opens again. Whoever keeps nothing on a disk does nothing.
    fn reopen(&mut self);
}

/// The records that events tell of.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Records {
    by_slot: BTreeMap<Slot, (Record, u64)>,
}

impl Records {
    /// Takes over what `event` changed.
    pub fn fold(&mut self, event: &Event) {
        for change in &event.changes {
            match change {
                Change::Is(record, held) => {
                    self.by_slot.insert(record.slot(), (record.clone(), *held));
                }
                Change::Gone(slot) => {
                    self.by_slot.remove(slot);
                }
            }
        }
    }

    /// Drops a record whose period is over.
    pub fn forget(&mut self, slot: &Slot) {
        self.by_slot.remove(slot);
    }

    /// The record at `slot`.
    #[must_use]
    pub fn record(&self, slot: &Slot) -> Option<&Record> {
        self.by_slot.get(slot).map(|(record, _)| record)
    }

    /// How much holds keep of the record at `slot`.
    #[must_use]
    pub fn held(&self, slot: &Slot) -> u64 {
        self.by_slot.get(slot).map_or(0, |(_, held)| *held)
    }

    /// All records with what holds keep of them, by slot.
    pub fn iter(&self) -> impl Iterator<Item = (&Slot, &Record, u64)> {
        self.by_slot.iter().map(|(slot, (record, held))| (slot, record, *held))
    }
}

/// The book as an executor.
///
/// Like a durable ledger, it keeps settled receipts elsewhere and brings back those that a batch
/// names; and it opens
/// again from nothing but events and receipts.
#[derive(Debug, Default)]
pub struct BookExecutor {
    book: Book,
    events: Vec<Event>,
    records: Records,
    receipts: BTreeMap<PostingId, Receipt>,
}

impl BookExecutor {
    /// An empty book.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn store_events(&mut self) {
        let events = self.book.take_events();
        let ids: BTreeSet<PostingId> = events.iter().map(|event| event.id).collect();
        for event in &events {
            self.records.fold(event);
        }
        self.events.extend(events);
        for id in ids {
            if let Some(receipt) = self.book.receipt(&id) {
                self.receipts.insert(id, receipt.clone());
            }
            self.book.let_go(&id);
        }
    }
}

impl Executor for BookExecutor {
    fn apply(&mut self, commands: &[Command]) -> Vec<Outcome> {
        for receipt in commands.iter().filter_map(|command| self.receipts.get(&command.id()?)) {
            self.book.restore_receipt(receipt.clone());
        }
        let outcomes = commands.iter().map(|command| self.book.apply(command)).collect();
        self.store_events();
        for command in commands {
            if let Some(id) = command.id() {
                self.book.let_go(&id);
            }
        }
        outcomes
    }

    fn sweep(&mut self, now: Timestamp) {
        for slot in self.book.forget(now, usize::MAX) {
            self.records.forget(&slot);
        }
        self.book.expire_due(now, usize::MAX);
        self.store_events();
    }

    fn used(&mut self, key: Key) -> u64 {
        self.book.used(&key)
    }

    fn held(&mut self, key: Key) -> u64 {
        self.book.held(&key)
    }

    fn register(&mut self, key: Key) -> Option<i64> {
        self.book.register(&key)
    }

    fn balance(&mut self, key: Key) -> Option<Balance> {
        self.book.balance(&key).cloned()
    }

    fn last_event(&mut self) -> u64 {
        self.book.last_event()
    }

    fn events_after(&mut self, number: u64) -> Vec<Event> {
        self.events.iter().filter(|event| event.number > number).cloned().collect()
    }

    fn reopen(&mut self) {
        let mut book = Book::new();
        book.restore_last_event(self.book.last_event());
        for (_, record, _) in self.records.iter() {
            book.restore(record.clone());
        }
        for receipt in self.receipts.values() {
            book.restore_receipt(receipt.clone());
            book.let_go(&receipt.id);
        }
        self.book = book;
    }
}
