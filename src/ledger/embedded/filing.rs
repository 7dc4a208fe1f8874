//! Filing: what commits changed goes where it is looked for later.
//!
//! A commit writes receipts and events only; from events, every record and the history of every
//! owner can be known. Their own places are written now and then, for many commits at once: in the
//! order of their keys, straight into tables of the store, which costs a fraction of writing them
//! one by one. What was not filed when the process ended is filed from the events at the next
//! start. It deliberately does not know how commits come about.
//!
//! Invariants: only what is durable is filed; the mark that says up to which event all is filed
//! moves afterwards, so filing may be cut off anywhere and is then done again. The mark is durable
//! before the next filing begins, so what is done again begins where it began the first time: it
//! writes the same records in the same places, and perhaps more.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use fjall::{Keyspace, UserValue};
use foldhash::fast::RandomState;

use super::disk::{Disk, META_FILED, history_key};
use super::record::{Encoder, key_bytes};
use crate::domain::book::{Change, Event, Record, Slot};
use crate::domain::id::Owner;
use crate::ledger::LedgerError;

/// So many changes of records are filed together. Fewer would have the store merge its tables more
/// often; more would take more memory and lengthen the start after a crash.
const FILE_AT: usize = 400_000;

/// Fewer if they are so many bytes: balances can be of many lots.
const FILE_AT_BYTES: usize = 32 * 1024 * 1024;

/// Most events in one record of an owner's history: one is read as a whole to find some in it.
const HISTORY_AT_ONCE: usize = 256;

/// What some commits changed, in their order.
#[derive(Default)]
pub(super) struct Unfiled {
    /// Where, and what is there since; nothing when the record is gone.
    records: Vec<(Slot, Option<UserValue>)>,
    /// Of all values together.
    bytes: usize,
    /// Owners and the events that concern them.
    history: Vec<(Owner, u64)>,
    last_event: Option<u64>,
}

/// Owners and the events that concern them, and for each owner a way through its own.
#[derive(Default)]
struct History {
    lines: Vec<Line>,
    /// Where the newest line of an owner is.
    newest: HashMap<Owner, usize, RandomState>,
}

struct Line {
    owner: Owner,
    number: u64,
    /// Where the owner's line before this one is, or this place if there is none.
    before: usize,
}

impl History {
    fn with_capacity(lines: usize) -> Self {
        let newest = HashMap::with_capacity_and_hasher(lines, RandomState::default());
        Self { lines: Vec::with_capacity(lines), newest }
    }

    fn add(&mut self, (owner, number): (Owner, u64)) {
        let place = self.lines.len();
        let before = self.newest.insert(owner, place).unwrap_or(place);
        self.lines.push(Line { owner, number, before });
    }

    /// The events of `owner`, newest first.
    fn of(&self, owner: &Owner) -> impl Iterator<Item = u64> {
        let mut next = self.newest.get(owner).copied();
        std::iter::from_fn(move || {
            let place = next?;
            let line = self.lines.get(place)?;
            next = (line.before != place).then_some(line.before);
            Some(line.number)
        })
    }

    fn pairs(&self) -> Vec<(Owner, u64)> {
        self.lines.iter().map(|line| (line.owner, line.number)).collect()
    }
}

impl Unfiled {
    /// Adds an event that concerns `owners`.
    pub(super) fn add(&mut self, event: &Event, owners: impl IntoIterator<Item = Owner>) {
        for change in &event.changes {
            let value = match change {
                Change::Is(record, _) => Some(encoded(record)),
                Change::Gone(_) => None,
            };
            self.bytes += value.as_ref().map_or(0, |value| value.len());
            self.records.push((change.slot(), value));
        }
        self.history.extend(owners.into_iter().map(|owner| (owner, event.number)));
        self.last_event = Some(event.number);
    }

    /// Adds that a record was forgotten.
    pub(super) fn forget(&mut self, slot: Slot) {
        self.records.push((slot, None));
    }

    fn is_empty(&self) -> bool {
        self.records.is_empty() && self.last_event.is_none()
    }
}

fn encoded(record: &Record) -> UserValue {
    let mut encoder = Encoder::new(24);
    match record {
        Record::Counter(_, counter) => encoder.counter(counter),
        Record::Register(_, register) => encoder.register(register),
        Record::Balance(_, balance) => encoder.balance(balance),
    }
    encoder.done().into()
}

/// What is durable but not filed, for those who file and those who read histories.
pub(super) struct Desk {
    papers: Mutex<Papers>,
}

#[derive(Default)]
struct Papers {
    /// Its history is kept apart.
    collected: Unfiled,
    history: History,
    /// The history that is being filed now.
    in_work: Arc<History>,
    /// Up to this event, all histories are on disk.
    filed: u64,
}

impl Desk {
    pub(super) fn new(filed: u64) -> Self {
        Self { papers: Mutex::new(Papers { filed, ..Papers::default() }) }
    }

    /// Takes what a commit has made durable. Says whether it is time to file.
    pub(super) fn put(&self, unfiled: Unfiled) -> bool {
        let Unfiled { mut records, bytes, history, last_event } = unfiled;
        let mut guard = self.papers();
        let papers = &mut *guard;
        papers.collected.records.append(&mut records);
        papers.collected.bytes += bytes;
        papers.collected.last_event = last_event.or(papers.collected.last_event);
        history.into_iter().for_each(|pair| papers.history.add(pair));
        papers.collected.records.len().max(papers.history.lines.len()) >= FILE_AT
            || papers.collected.bytes >= FILE_AT_BYTES
    }

    /// The newest `most` events before `before` that concern `owner`, newest first.
    pub(super) fn history(
        &self,
        disk: &Disk,
        owner: &Owner,
        before: u64,
        most: usize,
    ) -> Result<Vec<u64>, LedgerError> {
        let papers = self.papers();
        let numbers = papers.history.of(owner).chain(papers.in_work.of(owner));
        let mut found: Vec<u64> = numbers.filter(|number| *number < before).take(most).collect();
        let filed = papers.filed;
        drop(papers);
        // Of what is being filed, a part may be on disk already.
        let before = before.min(filed.saturating_add(1));
        found.extend(disk.history(owner, before, most - found.len())?);
        Ok(found)
    }

    /// Files what was collected, in a thread of its own; nothing when there is nothing.
    pub(super) fn file(
        self: &Arc<Self>,
        disk: &Arc<Disk>,
    ) -> std::io::Result<Option<JoinHandle<Result<(), String>>>> {
        let mut papers = self.papers();
        if papers.collected.is_empty() {
            return Ok(None);
        }
        // As much will come again.
        let room = Vec::with_capacity(papers.collected.records.len());
        let next = Unfiled { records: room, ..Unfiled::default() };
        let mut unfiled = std::mem::replace(&mut papers.collected, next);
        let next = History::with_capacity(papers.history.lines.len());
        let history = Arc::new(std::mem::replace(&mut papers.history, next));
        papers.in_work = Arc::clone(&history);
        drop(papers);
        let (desk, disk) = (Arc::clone(self), Arc::clone(disk));
        let work = move || {
            let last_event = unfiled.last_event;
            unfiled.history = history.pairs();
            disk.file(unfiled).map_err(|error| error.to_string())?;
            let mut papers = desk.papers();
            papers.in_work = Arc::default();
            papers.filed = last_event.unwrap_or(papers.filed);
            Ok(())
        };
        std::thread::Builder::new().name("filing".to_owned()).spawn(work).map(Some)
    }

    fn papers(&self) -> MutexGuard<'_, Papers> {
        // Each change of it is one that cannot be left half done.
        self.papers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk {
    /// Puts everything in its place. What it says must be committed.
    pub(super) fn file(&self, unfiled: Unfiled) -> fjall::Result<()> {
        if unfiled.is_empty() {
            return Ok(());
        }
        let Unfiled { mut records, mut history, last_event, .. } = unfiled;
        // Committed is not yet synced, with an interval; nor is the last mark.
        self.db.persist(fjall::PersistMode::SyncData)?;
        // Equal slots stay in the order of their commits: the last one counts.
        records.sort_by_key(|(slot, _)| *slot);
        let of_one_sort = |(one, _): &(Slot, _), (other, _): &(Slot, _)| {
            std::mem::discriminant(one) == std::mem::discriminant(other)
        };
        for sort in records.chunk_by(of_one_sort) {
            let Some((slot, _)) = sort.first() else { continue };
            let newest = sort.chunk_by(|(one, _), (other, _)| one == other);
            let newest = newest.filter_map(<[_]>::last);
            let items = newest.map(|(slot, value)| (key_bytes(&slot.key()), value.clone()));
            ingest(self.records(slot), items)?;
        }
        history.sort_unstable();
        let of_owners = history.chunk_by(|(one, _), (other, _)| one == other);
        let pieces = of_owners.flat_map(|numbers| numbers.chunks(HISTORY_AT_ONCE));
        ingest(&self.history, pieces.filter_map(history_record))?;
        if let Some(last_event) = last_event {
            self.meta.insert(META_FILED, last_event.to_be_bytes())?;
        }
        Ok(())
    }
}

/// A piece of the history of one owner.
fn history_record(piece: &[(Owner, u64)]) -> Option<([u8; 24], Option<UserValue>)> {
    let (owner, first) = piece.first()?;
    let mut encoder = Encoder::new(16);
    encoder.numbers(piece.iter().map(|(_, number)| *number));
    Some((history_key(owner, *first), Some(encoder.done().into())))
}

/// Writes items, which come in the order of their keys, into tables of their own.
fn ingest(
    keyspace: &Keyspace,
    items: impl Iterator<Item = ([u8; 24], Option<UserValue>)>,
) -> fjall::Result<()> {
    let mut items = items.peekable();
    if items.peek().is_none() {
        return Ok(());
    }
    let mut ingestion = keyspace.start_ingestion()?;
    for (key, value) in items {
        match value {
            Some(value) => ingestion.write(key, value)?,
            None => ingestion.write_tombstone(key)?,
        }
    }
    ingestion.finish()
}
