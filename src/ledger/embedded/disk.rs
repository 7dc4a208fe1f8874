//! What lies on disk: keyspaces of one fjall database, written in one batch per round.
//!
//! | keyspace | key | holds |
//! |---|---|---|
//! | `meta` | text | format version, number of the last event |
//! | `counters`, `registers`, `balances` | owner, facet | the records of the book |
//! | `receipts` | posting id | every receipt, open or settled |
//! | `holds` | posting id | nothing: which receipts are open holds |
//! | `events` | first number | the events of one commit |
//! | `history` | owner, first number | the numbers of the owner's events in one commit |

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::record::{Damage, Decoder, Encoder, key_bytes, key_from};
use crate::domain::book::{Book, Change, Event, EventKind, Record, Slot};
use crate::domain::id::{Owner, PostingId};
use crate::domain::posting::{Receipt, State};
use crate::ledger::{Entry, LedgerError, OpenError, owners_of_event};

/// The format that this program writes and reads.
const FORMAT: u32 = 1;

const META_FORMAT: &[u8] = b"format";
pub(super) const META_LAST_EVENT: &[u8] = b"last_event";

/// The database and its keyspaces.
pub(super) struct Disk {
    pub(super) db: Database,
    pub(super) dir: PathBuf,
    pub(super) meta: Keyspace,
    pub(super) counters: Keyspace,
    pub(super) registers: Keyspace,
    pub(super) balances: Keyspace,
    pub(super) receipts: Keyspace,
    pub(super) holds: Keyspace,
    pub(super) events: Keyspace,
    pub(super) history: Keyspace,
}

/// Changes to be committed together.
pub(super) struct Batch {
    writes: fjall::OwnedWriteBatch,
    /// The newest event in it.
    pub(super) last_event: Option<u64>,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }
}

impl Disk {
    pub(super) fn open(dir: &Path) -> Result<Self, OpenError> {
        let failed = |error: fjall::Error| {
            if matches!(error, fjall::Error::Locked) {
                return OpenError::Locked(dir.to_owned());
            }
            OpenError::Store { dir: dir.to_owned(), what: error.to_string() }
        };
        let db = Database::builder(dir).open().map_err(failed)?;
        let keyspace = |name| db.keyspace(name, KeyspaceCreateOptions::default).map_err(failed);
        let disk = Self {
            dir: dir.to_owned(),
            meta: keyspace("meta")?,
            counters: keyspace("counters")?,
            registers: keyspace("registers")?,
            balances: keyspace("balances")?,
            receipts: keyspace("receipts")?,
            holds: keyspace("holds")?,
            events: keyspace("events")?,
            history: keyspace("history")?,
            db,
        };
        disk.check_format()?;
        Ok(disk)
    }

    fn check_format(&self) -> Result<(), OpenError> {
        let known = FORMAT.to_string();
        match self.meta.get(META_FORMAT).map_err(|error| self.store(&error))? {
            Some(found) if *found == *known.as_bytes() => Ok(()),
            Some(found) => Err(OpenError::Format {
                dir: self.dir.clone(),
                found: String::from_utf8_lossy(&found).into_owned(),
                known: FORMAT,
            }),
            None => {
                self.meta.insert(META_FORMAT, known).map_err(|error| self.store(&error))?;
                self.db.persist(PersistMode::SyncAll).map_err(|error| self.store(&error))
            }
        }
    }

    fn store(&self, error: &fjall::Error) -> OpenError {
        OpenError::Store { dir: self.dir.clone(), what: error.to_string() }
    }

    fn damaged(&self, place: &'static str) -> impl Fn(Damage) -> OpenError + '_ {
        move |what| OpenError::Damaged { dir: self.dir.clone(), place, what }
    }

    /// Puts all records and open holds into an empty book.
    pub(super) fn load(&self, book: &mut Book) -> Result<(), OpenError> {
        book.restore_last_event(self.last_event()?);
        self.load_records(
            &self.counters,
            "counters",
            |key, decoder| decoder.counter().map(|counter| Record::Counter(key, counter)),
            book,
        )?;
        self.load_records(
            &self.registers,
            "registers",
            |key, decoder| decoder.register().map(|register| Record::Register(key, register)),
            book,
        )?;
        self.load_records(
            &self.balances,
            "balances",
            |key, decoder| decoder.balance().map(|balance| Record::Balance(key, balance)),
            book,
        )?;
        for hold in self.holds.iter() {
            let id = hold.key().map_err(|error| self.store(&error))?;
            let id = posting_id(&id).map_err(self.damaged("holds"))?;
            let receipt = self
                .receipt(&id)
                .map_err(|error| self.damaged("receipts")(error.to_string()))?
                .ok_or_else(|| {
                    self.damaged("holds")(format!("the receipt of hold {id} is missing"))
                })?;
            book.restore_receipt(receipt);
        }
        Ok(())
    }

    /// The number of the newest event, as noted and as found.
    fn last_event(&self) -> Result<u64, OpenError> {
        let noted = match self.meta.get(META_LAST_EVENT).map_err(|error| self.store(&error))? {
            Some(bytes) => <[u8; 8]>::try_from(&*bytes).map_err(|_wrong| {
                self.damaged("meta")("the number of the newest event is no number".to_owned())
            })?,
            None => [0; 8],
        };
        let noted = u64::from_be_bytes(noted);
        let newest = self.events.iter().next_back().map(decode_events).transpose();
        let newest = newest.map_err(|error| self.damaged("events")(error.to_string()))?;
        let found = newest.unwrap_or_default().last().map_or(0, |event| event.number);
        if found != noted {
            let what = format!("event {noted} is noted as the newest, {found} is");
            return Err(self.damaged("meta")(what));
        }
        Ok(noted)
    }

    fn load_records(
        &self,
        keyspace: &Keyspace,
        place: &'static str,
        decode: impl Fn(crate::domain::posting::Key, &mut Decoder<'_>) -> Result<Record, Damage>,
        book: &mut Book,
    ) -> Result<(), OpenError> {
        for item in keyspace.iter() {
            let (key, value) = item.into_inner().map_err(|error| self.store(&error))?;
            let record = key_from(&key)
                .and_then(|key| {
                    let mut decoder = Decoder::new(&value)?;
                    let record = decode(key, &mut decoder)?;
                    decoder.end()?;
                    Ok(record)
                })
                .map_err(self.damaged(place))?;
            book.restore(record);
        }
        Ok(())
    }

    pub(super) fn receipt(&self, id: &PostingId) -> Result<Option<Receipt>, LedgerError> {
        let Some(bytes) = self.receipts.get(id.0).map_err(|error| unreadable(&error))? else {
            return Ok(None);
        };
        let decoded = Decoder::new(&bytes).and_then(|mut decoder| {
            let receipt = decoder.receipt(*id)?;
            decoder.end()?;
            Ok(receipt)
        });
        decoded.map(Some).map_err(|what| LedgerError::Read(format!("receipt {id}: {what}").into()))
    }

    /// Everything that the events changed, each record once, as it is in `book` now.
    pub(super) fn batch(&self, book: &Book, events: &[Event], forgotten: &[Slot]) -> Batch {
        let mut writes = self.db.batch();
        let mut newest: HashMap<Slot, &Change> = HashMap::with_capacity(events.len() * 2);
        let mut ids = HashSet::with_capacity(events.len());
        let mut numbers: BTreeMap<Owner, Vec<u64>> = BTreeMap::new();
        for event in events {
            for change in &event.changes {
                newest.insert(change.slot(), change);
            }
            let Some(receipt) = book.receipt(&event.id) else { continue };
            for owner in owners_of_event(receipt, event.number) {
                numbers.entry(owner).or_default().push(event.number);
            }
            if ids.insert(event.id) {
                self.put_receipt(&mut writes, receipt, event.kind);
            }
        }
        // A batch must not name a key twice: which one counts would be chance.
        for slot in forgotten {
            newest.remove(slot);
            writes.remove(self.records(slot), key_bytes(&slot.key()));
        }
        for (slot, change) in newest {
            self.put_change(&mut writes, slot, change);
        }
        for (owner, numbers) in numbers {
            let mut encoder = Encoder::new(16);
            encoder.numbers(&numbers);
            let first = numbers.first().copied().unwrap_or_default();
            writes.insert(&self.history, history_key(&owner, first), encoder.done());
        }
        let last_event = events.last().map(|event| event.number);
        if let (Some(first), Some(last)) = (events.first(), last_event) {
            let mut encoder = Encoder::new(events.len() * 96);
            encoder.events(events);
            writes.insert(&self.events, first.number.to_be_bytes(), encoder.done());
            writes.insert(&self.meta, META_LAST_EVENT, last.to_be_bytes());
        }
        Batch { writes, last_event }
    }

    /// `first` is what happened to it first in this batch: a hold that expired may have been
    /// replaced by a redemption since.
    fn put_receipt(
        &self,
        writes: &mut fjall::OwnedWriteBatch,
        receipt: &Receipt,
        first: EventKind,
    ) {
        let mut encoder = Encoder::new(192 + receipt.note.len());
        encoder.receipt(receipt);
        writes.insert(&self.receipts, receipt.id.0, encoder.done());
        if receipt.state == State::Held {
            writes.insert(&self.holds, receipt.id.0, []);
        } else if receipt.until.is_some() || first == EventKind::Expired {
            writes.remove(&self.holds, receipt.id.0);
        }
    }

    fn put_change(&self, writes: &mut fjall::OwnedWriteBatch, slot: Slot, change: &Change) {
        let key = key_bytes(&slot.key());
        let Change::Is(record, _) = change else {
            writes.remove(self.records(&slot), key);
            return;
        };
        let mut encoder = Encoder::new(24);
        match record {
            Record::Counter(_, counter) => encoder.counter(counter),
            Record::Register(_, register) => encoder.register(register),
            Record::Balance(_, balance) => encoder.balance(balance),
        }
        writes.insert(self.records(&slot), key, encoder.done());
    }

    pub(super) fn records(&self, slot: &Slot) -> &Keyspace {
        match slot {
            Slot::Counter(_) => &self.counters,
            Slot::Register(_) => &self.registers,
            Slot::Balance(_) => &self.balances,
        }
    }

    /// Writes a batch, all or nothing; with `sync`, it is on the disk afterwards.
    pub(super) fn commit(&self, batch: Batch, sync: bool) -> Result<(), String> {
        let mode = if sync { PersistMode::SyncData } else { PersistMode::Buffer };
        batch.writes.durability(Some(mode)).commit().map_err(|error| error.to_string())
    }

    /// Makes durable what was committed without a sync.
    pub(super) fn sync(&self) -> Result<(), String> {
        self.db.persist(PersistMode::SyncData).map_err(|error| error.to_string())
    }

    pub(super) fn events(
        &self,
        after: u64,
        last: u64,
        most: usize,
    ) -> Result<Vec<Entry>, LedgerError> {
        let mut entries = Vec::new();
        // The block that holds `after + 1` may begin before it.
        let wanted = after.saturating_add(1);
        let begin = match self.events.range(..=wanted.to_be_bytes()).next_back() {
            Some(guard) => guard.key().map_err(|error| unreadable(&error))?,
            None => wanted.to_be_bytes().into(),
        };
        for block in self.events.range(begin..) {
            for event in decode_events(block)? {
                if event.number <= after {
                    continue;
                }
                if event.number > last || entries.len() >= most {
                    return Ok(entries);
                }
                entries.push(self.entry(event)?);
            }
        }
        Ok(entries)
    }

    pub(super) fn history(
        &self,
        owner: &Owner,
        before: u64,
        most: usize,
    ) -> Result<Vec<Entry>, LedgerError> {
        let mut entries = Vec::new();
        let range = history_key(owner, 0)..history_key(owner, before);
        for item in self.history.range(range).rev() {
            let value = item.value().map_err(|error| unreadable(&error))?;
            let numbers = Decoder::new(&value)
                .and_then(|mut decoder| decoder.numbers())
                .map_err(|what| LedgerError::Read(format!("history of {owner}: {what}").into()))?;
            for number in numbers.into_iter().rev().filter(|number| *number < before) {
                if entries.len() >= most {
                    return Ok(entries);
                }
                if let Some(event) = self.event(number)? {
                    entries.push(self.entry(event)?);
                }
            }
        }
        Ok(entries)
    }

    fn event(&self, number: u64) -> Result<Option<Event>, LedgerError> {
        let Some(block) = self.events.range(..=number.to_be_bytes()).next_back() else {
            return Ok(None);
        };
        Ok(decode_events(block)?.into_iter().find(|event| event.number == number))
    }

    fn entry(&self, event: Event) -> Result<Entry, LedgerError> {
        let receipt = self.receipt(&event.id)?;
        Ok(Entry { event, receipt })
    }
}

pub(super) fn decode_events(block: fjall::Guard) -> Result<Vec<Event>, LedgerError> {
    let value = block.value().map_err(|error| unreadable(&error))?;
    let events = Decoder::new(&value).and_then(|mut decoder| {
        let events = decoder.events()?;
        decoder.end()?;
        Ok(events)
    });
    events.map_err(|what| LedgerError::Read(format!("events: {what}").into()))
}

pub(super) fn history_key(owner: &Owner, number: u64) -> [u8; 24] {
    let mut bytes = [0; 24];
    let (front, back) = bytes.split_at_mut(16);
    front.copy_from_slice(&owner.0);
    back.copy_from_slice(&number.to_be_bytes());
    bytes
}

pub(super) fn posting_id(bytes: &[u8]) -> Result<PostingId, Damage> {
    let bytes = <[u8; 16]>::try_from(bytes)
        .map_err(|_wrong| format!("an id has {} bytes instead of 16", bytes.len()))?;
    Ok(PostingId(bytes))
}

fn unreadable(error: &fjall::Error) -> LedgerError {
    LedgerError::Read(Arc::from(error.to_string()))
}
