//! The book: the state machine that applies postings. Every ledger runs it or mirrors it.
//!
//! A book holds counters, registers, balances, open holds and receipts in maps and changes them by
//! [`Book::apply`], one command at a time, all or nothing. It deliberately does not know what its
//! keys stand for, how it is stored, or what time it is: each command brings its own `now`.
//!
//! # Invariants
//! - used + held ≤ max for every counter at the moment a posting is accepted.
//! - For every balance: lots + taken + lapsed = earned + debt, and there is a debt only while there
//!   are no lots. Nothing is ever negative.
//! - Every accepted change appends exactly one [`Event`]; numbers begin at 1 and have no gaps. An
//!   event carries the values that records have afterwards, so the events alone rebuild the
//!   records.
//! - A refusal writes nothing. (Holds that were found to be over are expired first; that is their
//!   own event.)
//! - A repeated command changes nothing and gives its first answer.

mod balance;
mod event;
mod guard;
mod hold;
mod resolve;
mod settle;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use smallvec::SmallVec;

use super::id::PostingId;
use super::posting::{
    Blocked, Command, Confirmed, Key, LEGS_MAX, Leg, LegResult, Mode, NOTE_BYTES_MAX, Outcome,
    Part, Posting, Receipt, Setting, State,
};
use super::time::Timestamp;

pub use balance::{Balance, Lot};
pub use event::{Change, Event, EventKind, Record, Slot};
use hold::Holds;
use settle::Force;

type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// A counter's record. What live holds keep is not in it; it is known from the holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter {
    /// How much was used.
    pub used: u64,
    /// The record is forgotten after this moment; [`Timestamp::NEVER`] for totals.
    pub keep_until: Timestamp,
}

/// A register's record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Register {
    /// What it holds.
    pub setting: Setting,
    /// The record is forgotten after this moment.
    pub keep_until: Timestamp,
}

/// All state of one partition.
#[derive(Debug, Default)]
pub struct Book {
    counters: Map<Key, Counter>,
    registers: Map<Key, Register>,
    balances: Map<Key, Balance>,
    /// Shared with whoever was told of them.
    receipts: Map<PostingId, Arc<Receipt>>,
    holds_by_end: BTreeSet<(Timestamp, PostingId)>,
    holds_by_key: Map<Key, Holds>,
    slots_by_keep_until: BTreeMap<Timestamp, Vec<Slot>>,
    last_event: u64,
    touched: SmallVec<[Slot; 8]>,
    events: Vec<Event>,
}

/// How many records of each sort a book holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sizes {
    /// Counters, markers included.
    pub counters: usize,
    /// Registers.
    pub registers: usize,
    /// Balances.
    pub balances: usize,
    /// Open holds.
    pub holds: usize,
}

impl Book {
    /// An empty book whose next event is number 1.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Does what `command` says, or says why not.
    ///
    /// New events are kept until [`Book::take_events`].
    pub fn apply(&mut self, command: &Command) -> Outcome {
        match command {
            Command::Post(posting) => self.post(posting),
            Command::Recall { id, fingerprint, mode, now } => {
                self.repeat(*id, *fingerprint, *mode, *now).unwrap_or(Outcome::Unknown)
            }
            Command::Confirm { id, part, now } => self.confirm(*id, *part, *now),
            Command::Release { id, release_id, part, credit, now } => {
                self.release(*id, *release_id, *part, credit.as_deref(), *now)
            }
            Command::Extend { id, until, now } => self.extend(*id, *until, *now),
            Command::Status { id, now } => self.status(*id, *now),
            Command::Look { .. } => Outcome::Looked,
        }
    }

    fn post(&mut self, posting: &Posting) -> Outcome {
        assert!(posting.legs.len() <= LEGS_MAX, "the engine bounds the legs of a posting");
        assert!(posting.note.len() <= NOTE_BYTES_MAX, "the engine bounds the note of a posting");
        let now = posting.now;
        if let Some(answer) = self.repeat(posting.id, posting.fingerprint, posting.mode, now) {
            return answer;
        }
        let (force, until) = match posting.mode {
            Mode::Post => (Force::Used, None),
            Mode::Hold { until } if until <= now => return Outcome::Refused(Blocked::HoldExpired),
            Mode::Hold { until } => (Force::Held, Some(until)),
        };
        self.reclaim(&posting.legs, now);
        if let Err(blocked) = self.check(&posting.legs, now) {
            return Outcome::Refused(blocked);
        }
        // From here it must succeed.
        // An id whose hold has expired may be posted again; releases of that hold are still
        // repeats.
        let earlier =
            self.receipts.remove(&posting.id).map(|known| Arc::unwrap_or_clone(known).releases);
        let results = self.take_all(&posting.legs, force, now);
        let size = match posting.size {
            0 => posting.legs.iter().zip(&results).find_map(spent).unwrap_or(1),
            size => size,
        };
        let (kind, state) = match force {
            Force::Used => (EventKind::Redeemed, State::Redeemed),
            Force::Held => (EventKind::Held, State::Held),
        };
        let mut receipt = Receipt {
            id: posting.id,
            fingerprint: posting.fingerprint,
            state,
            size,
            confirmed: if force == Force::Used { size } else { 0 },
            released: 0,
            gone: 0,
            until,
            first_until: until,
            at: now,
            event: 0,
            confirm: None,
            legs: posting.legs.clone(),
            results,
            note: posting.note.clone(),
            releases: earlier.unwrap_or_default(),
        };
        if let Some(until) = until {
            self.open_hold(&receipt, until);
        }
        self.stand(&mut receipt);
        receipt.event = self.record(kind, &receipt, now);
        self.finish(receipt)
    }

    /// The answer to a posting whose id is known, or `None` when it is to be tried (again).
    fn repeat(
        &mut self,
        id: PostingId,
        fingerprint: u64,
        mode: Mode,
        now: Timestamp,
    ) -> Option<Outcome> {
        self.expire_if_over(id, now);
        let known = self.receipts.get(&id)?;
        if known.fingerprint != fingerprint {
            return Some(Outcome::Mismatch);
        }
        let was_hold = known.until.is_some();
        match (mode, was_hold) {
            (Mode::Post, false) | (Mode::Hold { .. }, true) => {
                return Some(Outcome::Replayed(Arc::clone(known)));
            }
            (Mode::Hold { .. }, false) => return Some(Outcome::Mismatch),
            (Mode::Post, true) => {}
        }
        // A redemption under the id of its own hold.
        match known.state {
            State::Held => Some(self.confirm(id, Part::All, now)),
            State::Redeemed | State::Released if known.confirm.is_some() => {
                Some(Outcome::Replayed(Arc::clone(known)))
            }
            State::Redeemed | State::Released => Some(Outcome::Refused(Blocked::AlreadyReleased)),
            State::Expired => None,
        }
    }

    fn status(&self, id: PostingId, now: Timestamp) -> Outcome {
        let Some(known) = self.receipts.get(&id) else { return Outcome::Unknown };
        let mut receipt = Arc::clone(known);
        let over = receipt.until.is_some_and(|until| until <= now);
        if receipt.state == State::Held && over {
            Arc::make_mut(&mut receipt).state = State::Expired;
        }
        Outcome::Replayed(receipt)
    }

    /// What each leg's counter or balance stands at, written into the results of a new receipt.
    fn stand(&self, receipt: &mut Receipt) {
        for (leg, result) in receipt.legs.iter().zip(&mut receipt.results) {
            result.after = self.standing(leg, receipt.at);
        }
    }

    fn standings(&self, receipt: &Receipt, now: Timestamp) -> SmallVec<[u64; 2]> {
        receipt.legs.iter().map(|leg| self.standing(leg, now)).collect()
    }

    fn standing(&self, leg: &Leg, now: Timestamp) -> u64 {
        match leg {
            Leg::Count { key, .. } | Leg::Once { key, .. } => {
                self.used(key).saturating_add(self.held(key))
            }
            Leg::Spend { key, .. } | Leg::Earn { key, .. } => {
                self.balances.get(key).map_or(0, |balance| balance.standing(now))
            }
            Leg::Interval { .. } | Leg::Zone { .. } => 0,
        }
    }

    /// How much of `key` is used.
    #[must_use]
    pub fn used(&self, key: &Key) -> u64 {
        self.counters.get(key).map_or(0, |counter| counter.used)
    }

    /// How much of `key` open holds keep.
    #[must_use]
    pub fn held(&self, key: &Key) -> u64 {
        self.holds_by_key.get(key).map_or(0, |holds| holds.amount)
    }

    /// What the register `key` holds.
    #[must_use]
    pub fn register(&self, key: &Key) -> Option<i64> {
        self.registers.get(key).map(|register| register.setting.value)
    }

    /// The balance `key`, if the book has ever seen it.
    #[must_use]
    pub fn balance(&self, key: &Key) -> Option<&Balance> {
        self.balances.get(key)
    }

    /// Whether there is a record at `slot`.
    #[must_use]
    pub fn has(&self, slot: &Slot) -> bool {
        match slot {
            Slot::Counter(key) => self.counters.contains_key(key),
            Slot::Register(key) => self.registers.contains_key(key),
            Slot::Balance(key) => self.balances.contains_key(key),
        }
    }

    /// The receipt of a posting, if it is in memory.
    #[must_use]
    pub fn receipt(&self, id: &PostingId) -> Option<&Receipt> {
        self.receipts.get(id).map(AsRef::as_ref)
    }

    /// Number of the newest event; zero when there was none.
    #[must_use]
    pub fn last_event(&self) -> u64 {
        self.last_event
    }

    /// How much the book holds.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        Sizes {
            counters: self.counters.len(),
            registers: self.registers.len(),
            balances: self.balances.len(),
            holds: self.holds_by_end.len(),
        }
    }

    /// The events since the last call, oldest first.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Puts a record back that was stored, as it was.
    pub fn restore(&mut self, record: Record) {
        self.write(record);
        self.touched.clear();
    }

    /// Puts a receipt back that was stored, as it was; a hold counts again. A receipt that is there
    /// already stays.
    pub fn restore_receipt(&mut self, receipt: Receipt) {
        if self.receipts.contains_key(&receipt.id) {
            return;
        }
        if let (State::Held, Some(until)) = (receipt.state, receipt.until) {
            self.open_hold(&receipt, until);
        }
        self.receipts.insert(receipt.id, Arc::new(receipt));
    }

    /// Puts a record in that only [`Book::unshow`] takes out: for a picture of records that are
    /// elsewhere.
    pub fn show(&mut self, record: Record) {
        match record {
            Record::Counter(key, counter) => drop(self.counters.insert(key, counter)),
            Record::Register(key, register) => drop(self.registers.insert(key, register)),
            Record::Balance(key, balance) => drop(self.balances.insert(key, balance)),
        }
    }

    /// Takes a record out of a picture.
    pub fn unshow(&mut self, slot: &Slot) {
        match slot {
            Slot::Counter(key) => drop(self.counters.remove(key)),
            Slot::Register(key) => drop(self.registers.remove(key)),
            Slot::Balance(key) => drop(self.balances.remove(key)),
        }
    }

    /// Says what holds keep of `key`, and will earn, without the holds themselves: for a picture.
    /// When they end is not known then.
    pub fn show_held(&mut self, key: Key, amount: u64, earning: u64) {
        if amount == 0 && earning == 0 {
            self.holds_by_key.remove(&key);
        } else {
            self.holds_by_key.insert(key, Holds { amount, earning, ends: BTreeSet::new() });
        }
    }

    /// Goes on counting events after `number`.
    pub fn restore_last_event(&mut self, number: u64) {
        self.last_event = number;
    }

    /// Lets go of a receipt that is stored elsewhere; open holds stay.
    pub fn let_go(&mut self, id: &PostingId) {
        if self.receipts.get(id).is_some_and(|receipt| receipt.state != State::Held) {
            self.receipts.remove(id);
        }
    }
}

fn spent((leg, result): (&Leg, &LegResult)) -> Option<u64> {
    matches!(leg, Leg::Spend { .. }).then_some(result.amount)
}
