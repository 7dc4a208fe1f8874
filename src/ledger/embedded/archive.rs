//! The store on disk as a whole, and items as bytes: the records that lie on disk, each behind the
//! name it has there.
//!
//! ```text
//! event      as a list of one
//! receipt    posting id (16 bytes), receipt
//! owner      owner (16 bytes), version, n, n × (facet, 0 counter | 1 register | 2 balance)
//! ```
//!
//! A store that is being filled has no number of its newest event while it has events, so that
//! nobody can serve from it before it is finished.

use std::collections::BTreeMap;
use std::path::Path;

use fjall::{Guard, Keyspace, OwnedWriteBatch, PersistMode};

use super::disk::{Disk, META_FILED, META_LAST_EVENT, decode_events, history_key, posting_id};
use super::record::{Damage, Decoder, Encoder, key_bytes, key_from};
use crate::domain::book::{Event, Record};
use crate::domain::id::Owner;
use crate::domain::posting::{Facet, Key, State};
use crate::ledger::archive::{ArchiveError, Item, Part, Parts, Take};
use crate::ledger::{LedgerError, owners_of_event};

/// Events in one block: one is read as a whole to find an event in it.
const EVENTS_AT_ONCE: usize = 64;

/// Records that are committed together.
const RECORDS_AT_ONCE: usize = 4_096;

/// An item as bytes, without its part.
#[must_use]
pub fn encode(item: &Item) -> Vec<u8> {
    let mut encoder = Encoder::new(128);
    let name = match item {
        Item::Event(event) => {
            encoder.events(std::slice::from_ref(event), &[]);
            return encoder.done();
        }
        Item::Receipt(receipt) => {
            encoder.receipt(receipt);
            receipt.id.0
        }
        Item::Owner(owner, records) => {
            encoder.uint(records.len() as u64);
            for record in records {
                encoder.uint(record.slot().key().facet.0);
                match record {
                    Record::Counter(_, counter) => {
                        encoder.uint(0);
                        encoder.counter(counter);
                    }
                    Record::Register(_, register) => {
                        encoder.uint(1);
                        encoder.register(register);
                    }
                    Record::Balance(_, balance) => {
                        encoder.uint(2);
                        encoder.balance(balance);
                    }
                }
            }
            owner.0
        }
    };
    [name.as_slice(), &encoder.done()].concat()
}

/// The item of `part` that [`encode`] made into `bytes`.
///
/// # Errors
/// What is wrong with it.
pub fn decode(part: Part, bytes: &[u8]) -> Result<Item, String> {
    if part == Part::Events {
        let mut decoder = Decoder::new(bytes)?;
        let mut events = decoder.events()?.0.into_iter();
        decoder.end()?;
        return match (events.next(), events.next()) {
            (Some(event), None) => Ok(Item::Event(event)),
            _ => Err("it is not one event".to_owned()),
        };
    }
    let (name, record) = bytes.split_first_chunk::<16>().ok_or("it has no name")?;
    let mut decoder = Decoder::new(record)?;
    let item = match part {
        Part::Events | Part::Receipts => {
            Item::Receipt(Box::new(decoder.receipt(posting_id(name)?)?))
        }
        Part::Owners => Item::Owner(Owner(*name), records_of(Owner(*name), &mut decoder)?),
    };
    decoder.end()?;
    Ok(item)
}

fn records_of(owner: Owner, decoder: &mut Decoder<'_>) -> Result<Vec<Record>, Damage> {
    let mut records = Vec::new();
    for _ in 0..decoder.uint()? {
        let key = Key { owner, facet: Facet(decoder.uint()?) };
        records.push(match decoder.uint()? {
            0 => Record::Counter(key, decoder.counter()?),
            1 => Record::Register(key, decoder.register()?),
            2 => Record::Balance(key, decoder.balance()?),
            other => return Err(format!("a record has kind {other}")),
        });
    }
    Ok(records)
}

/// The store in a directory, which nobody else has open.
pub(in crate::ledger) struct Whole {
    disk: Disk,
}

impl Whole {
    pub(in crate::ledger) fn open(dir: &Path) -> Result<Self, ArchiveError> {
        Ok(Self { disk: Disk::open(dir)? })
    }

    pub(in crate::ledger) fn check_empty(&self) -> Result<(), ArchiveError> {
        let Disk { counters, registers, balances, receipts, events, dir, .. } = &self.disk;
        for keyspace in [counters, registers, balances, receipts, events] {
            if keyspace.first_key_value().is_some() {
                return Err(ArchiveError::NotEmpty(dir.display().to_string()));
            }
        }
        Ok(())
    }

    pub(in crate::ledger) fn fill(&self, from: &mut impl Parts) -> Result<(), ArchiveError> {
        let mut writes = Writes { disk: &self.disk, batch: self.disk.db.batch(), events: vec![] };
        // The receipts first: an event is in the history of the owners that its receipt names.
        for part in [Part::Receipts, Part::Events, Part::Owners] {
            from.each(part, &mut |item| writes.put(item))?;
            writes.flush()?;
        }
        Ok(())
    }

    pub(in crate::ledger) fn finish(self) -> Result<(), ArchiveError> {
        let disk = self.disk;
        let newest = disk.events.last_key_value().map(decode_events).transpose()?;
        if let Some(last) = newest.unwrap_or_default().last() {
            let mut writes = disk.db.batch();
            for name in [META_LAST_EVENT, META_FILED] {
                writes.insert(&disk.meta, name, last.number.to_be_bytes());
            }
            writes.commit().map_err(|error| failed(&error))?;
        }
        disk.db.persist(PersistMode::SyncAll).map_err(|error| failed(&error))
    }

    fn each_owner(&self, take: &mut Take<'_>) -> Result<(), ArchiveError> {
        let Disk { counters, registers, balances, .. } = &self.disk;
        let mut counters = Sorted::new(counters, |key, decoder| {
            decoder.counter().map(|counter| Record::Counter(key, counter))
        })?;
        let mut registers = Sorted::new(registers, |key, decoder| {
            decoder.register().map(|register| Record::Register(key, register))
        })?;
        let mut balances = Sorted::new(balances, |key, decoder| {
            decoder.balance().map(|balance| Record::Balance(key, balance))
        })?;
        loop {
            let owners = [counters.owner(), registers.owner(), balances.owner()];
            let Some(owner) = owners.into_iter().flatten().min() else { return Ok(()) };
            let mut records = Vec::new();
            counters.take(owner, &mut records)?;
            registers.take(owner, &mut records)?;
            balances.take(owner, &mut records)?;
            take(Item::Owner(owner, records))?;
        }
    }
}

impl Parts for Whole {
    fn each(&mut self, part: Part, take: &mut Take<'_>) -> Result<(), ArchiveError> {
        match part {
            Part::Events => {
                for block in self.disk.events.iter() {
                    for event in decode_events(block)? {
                        take(Item::Event(event))?;
                    }
                }
                Ok(())
            }
            Part::Receipts => {
                for item in self.disk.receipts.iter() {
                    let (key, value) = item.into_inner().map_err(|error| unreadable(&error))?;
                    let receipt = posting_id(&key).and_then(|id| {
                        let mut decoder = Decoder::new(&value)?;
                        let receipt = decoder.receipt(id)?;
                        decoder.end()?;
                        Ok(receipt)
                    });
                    take(Item::Receipt(Box::new(receipt.map_err(damaged)?)))?;
                }
                Ok(())
            }
            Part::Owners => self.each_owner(take),
        }
    }
}

/// The records of one sort in the order of their owners.
struct Sorted<D> {
    items: fjall::Iter,
    decode: D,
    next: Option<Record>,
}

impl<D> Sorted<D>
where
    D: Fn(Key, &mut Decoder<'_>) -> Result<Record, Damage>,
{
    fn new(keyspace: &Keyspace, decode: D) -> Result<Self, ArchiveError> {
        let mut sorted = Self { items: keyspace.iter(), decode, next: None };
        sorted.advance()?;
        Ok(sorted)
    }

    fn owner(&self) -> Option<Owner> {
        self.next.as_ref().map(|record| record.slot().key().owner)
    }

    /// Moves the records of `owner`, if they are next.
    fn take(&mut self, owner: Owner, records: &mut Vec<Record>) -> Result<(), ArchiveError> {
        while self.owner() == Some(owner) {
            records.extend(self.next.take());
            self.advance()?;
        }
        Ok(())
    }

    fn advance(&mut self) -> Result<(), ArchiveError> {
        let decoded = |item: Guard| {
            let (key, value) = item.into_inner().map_err(|error| unreadable(&error))?;
            let record = key_from(&key).and_then(|key| {
                let mut decoder = Decoder::new(&value)?;
                let record = (self.decode)(key, &mut decoder)?;
                decoder.end()?;
                Ok(record)
            });
            record.map_err(damaged)
        };
        self.next = self.items.next().map(decoded).transpose()?;
        Ok(())
    }
}

/// What is written next.
struct Writes<'a> {
    disk: &'a Disk,
    batch: OwnedWriteBatch,
    events: Vec<Event>,
}

impl Writes<'_> {
    fn put(&mut self, item: Item) -> Result<(), ArchiveError> {
        match item {
            Item::Event(event) => {
                self.events.push(event);
                if self.events.len() >= EVENTS_AT_ONCE {
                    self.put_events()?;
                }
            }
            Item::Receipt(receipt) => {
                let mut encoder = Encoder::new(192 + receipt.note.len());
                encoder.receipt(&receipt);
                self.batch.insert(&self.disk.receipts, receipt.id.0, encoder.done());
                if receipt.state == State::Held {
                    self.batch.insert(&self.disk.holds, receipt.id.0, []);
                }
            }
            Item::Owner(_, records) => {
                for record in &records {
                    let mut encoder = Encoder::new(24);
                    match record {
                        Record::Counter(_, counter) => encoder.counter(counter),
                        Record::Register(_, register) => encoder.register(register),
                        Record::Balance(_, balance) => encoder.balance(balance),
                    }
                    let slot = record.slot();
                    let key = key_bytes(&slot.key());
                    self.batch.insert(self.disk.records(&slot), key, encoder.done());
                }
            }
        }
        if self.batch.len() >= RECORDS_AT_ONCE { self.commit() } else { Ok(()) }
    }

    /// A block of events, and what of it belongs to the history of each owner.
    fn put_events(&mut self) -> Result<(), ArchiveError> {
        let events = std::mem::take(&mut self.events);
        let Some(first) = events.first() else { return Ok(()) };
        let mut encoder = Encoder::new(events.len() * 96);
        encoder.events(&events, &[]);
        self.batch.insert(&self.disk.events, first.number.to_be_bytes(), encoder.done());
        let mut numbers: BTreeMap<Owner, Vec<u64>> = BTreeMap::new();
        for event in &events {
            if let Some(receipt) = self.disk.receipt(&event.id)? {
                for owner in owners_of_event(&receipt, event.number) {
                    numbers.entry(owner).or_default().push(event.number);
                }
            }
        }
        for (owner, numbers) in numbers {
            let mut encoder = Encoder::new(16);
            encoder.numbers(numbers.iter().copied());
            let first = numbers.first().copied().unwrap_or_default();
            self.batch.insert(&self.disk.history, history_key(&owner, first), encoder.done());
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), ArchiveError> {
        let batch = std::mem::replace(&mut self.batch, self.disk.db.batch());
        batch.durability(Some(PersistMode::Buffer)).commit().map_err(|error| failed(&error))
    }

    fn flush(&mut self) -> Result<(), ArchiveError> {
        self.put_events()?;
        self.commit()
    }
}

fn failed(error: &fjall::Error) -> ArchiveError {
    ArchiveError::Write(error.to_string())
}

fn unreadable(error: &fjall::Error) -> ArchiveError {
    LedgerError::Read(error.to_string().into()).into()
}

fn damaged(what: Damage) -> ArchiveError {
    LedgerError::Read(what.into()).into()
}
