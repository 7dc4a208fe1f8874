//! What lies on disk: keyspaces of one fjall database.
//!
//! | keyspace | key | holds | written |
//! |---|---|---|---|
//! | `meta` | text | format version; numbers of the last event, and of the last one filed | |
//! | `receipts` | posting id | every receipt, open or settled | by each commit |
//! | `holds` | posting id | nothing: which receipts are open holds | by each commit |
//! | `events` | first number | the events of one commit | by each commit |
//! | `counters`, `registers`, `balances` | owner, facet | the records of the book | by [filing] |
//! | `history` | owner, first number | numbers of the owner's events | by filing |
//!
//! The first format wrote everything with each commit.
//!
//! [filing]: super::filing

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::filing::Unfiled;
use super::record::{Damage, Decoder, Encoder, Owners, key_from, owners_of_changes};
use crate::domain::book::{Book, Event, EventKind, Record, Slot};
use crate::domain::id::{Owner, PostingId};
use crate::domain::posting::{Receipt, State};
use crate::ledger::{Entry, LedgerError, OpenError, owners_of_event};

/// The format that this program writes. It reads the first one, too, in which everything is filed.
const FORMAT: u32 = 2;
const FORMAT_FIRST: &[u8] = b"1";

/// What a keyspace keeps in memory before it writes a table. Receipts come nearly in the order of
/// their ids, so small tables need no merging; and memory that is used again need not be cleared.
const MEMTABLE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// What a start after a crash has to read again, at most.
const JOURNALS_BYTES_MAX: u64 = 128 * 1024 * 1024;

const META_FORMAT: &[u8] = b"format";
pub(super) const META_LAST_EVENT: &[u8] = b"last_event";
pub(super) const META_FILED: &[u8] = b"filed";

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
    /// What is to be filed when it is committed.
    pub(super) unfiled: Unfiled,
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
        let builder = Database::builder(dir).journal_compression(CompressionType::None);
        let db = builder.max_journaling_size(JOURNALS_BYTES_MAX).open().map_err(failed)?;
        let options = || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES_MAX);
        let keyspace = |name| db.keyspace(name, options).map_err(failed);
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
        disk.catch_up()?;
        Ok(disk)
    }

    fn check_format(&self) -> Result<(), OpenError> {
        let known = FORMAT.to_string();
        let failed = |error| self.store(&error);
        let found = self.meta.get(META_FORMAT).map_err(failed)?;
        if let Some(found) = &found
            && **found != *known.as_bytes()
            && **found != *FORMAT_FIRST
        {
            return Err(OpenError::Format {
                dir: self.dir.clone(),
                found: String::from_utf8_lossy(found).into_owned(),
                known: FORMAT,
            });
        }
        if found.is_some_and(|found| *found == *known.as_bytes()) {
            return Ok(());
        }
        let filed = self.number(META_LAST_EVENT)?.unwrap_or_default();
        let mut writes = self.db.batch();
        writes.insert(&self.meta, META_FILED, filed.to_be_bytes());
        writes.insert(&self.meta, META_FORMAT, known.as_bytes());
        writes.durability(Some(PersistMode::SyncAll)).commit().map_err(failed)
    }

    /// Files what an earlier process has committed and not filed. A store that is being filled has
    /// no number of its newest event, and nothing to be filed.
    fn catch_up(&self) -> Result<(), OpenError> {
        let Some(newest) = self.number(META_LAST_EVENT)? else { return Ok(()) };
        let filed = self.filed()?;
        if filed > newest {
            let what = format!("event {filed} is noted as filed, {newest} is the newest");
            return Err(self.damaged("meta")(what));
        }
        if filed == newest {
            return Ok(());
        }
        let damaged = |error: LedgerError| self.damaged("events")(error.to_string());
        let begin = self.block_of(filed.saturating_add(1)).map_err(damaged)?;
        let mut unfiled = Unfiled::default();
        for block in self.events.range(begin..) {
            let (events, mut others) = decode_block(block).map_err(damaged)?;
            for event in events.iter().filter(|event| event.number > filed) {
                let owners = others.remove(&event.number);
                unfiled.add(event, owners.unwrap_or_else(|| owners_of_changes(event)));
            }
        }
        self.file(unfiled).map_err(|error| self.store(&error))
    }

    /// Up to which event everything is filed.
    pub(super) fn filed(&self) -> Result<u64, OpenError> {
        Ok(self.number(META_FILED)?.unwrap_or_default())
    }

    /// The greatest id that has a receipt.
    pub(super) fn newest_receipt(&self) -> Result<Option<PostingId>, OpenError> {
        let Some(newest) = self.receipts.last_key_value() else { return Ok(None) };
        let id = newest.key().map_err(|error| self.store(&error))?;
        posting_id(&id).map(Some).map_err(self.damaged("receipts"))
    }

    fn number(&self, name: &'static [u8]) -> Result<Option<u64>, OpenError> {
        let Some(bytes) = self.meta.get(name).map_err(|error| self.store(&error))? else {
            return Ok(None);
        };
        let number = <[u8; 8]>::try_from(&*bytes).map_err(|_wrong| {
            let name = String::from_utf8_lossy(name);
            self.damaged("meta")(format!("{name} is no number"))
        })?;
        Ok(Some(u64::from_be_bytes(number)))
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
        let noted = self.number(META_LAST_EVENT)?.unwrap_or_default();
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
        decode_receipt(*id, &bytes).map(Some)
    }

    /// The events, and the receipts that they changed as they are in `book` now.
    pub(super) fn batch(&self, book: &Book, events: &[Event], forgotten: &[Slot]) -> Batch {
        let mut writes = self.db.batch();
        let mut unfiled = Unfiled::default();
        let mut others: Vec<(u64, Owners)> = Vec::new();
        // A batch must not name a key twice: which one counts would be chance.
        let mut ids =
            HashSet::with_capacity_and_hasher(events.len(), foldhash::fast::RandomState::default());
        for event in events {
            let mut owners = owners_of_changes(event);
            if let Some(receipt) = book.receipt(&event.id) {
                let concerned = owners_of_event(receipt, event.number);
                if concerned != owners {
                    others.push((event.number, concerned.clone()));
                    owners = concerned;
                }
                if ids.insert(event.id) {
                    self.put_receipt(&mut writes, receipt, event.kind);
                }
            }
            unfiled.add(event, owners);
        }
        for slot in forgotten {
            unfiled.forget(*slot);
        }
        let last_event = events.last().map(|event| event.number);
        if let (Some(first), Some(last)) = (events.first(), last_event) {
            let mut encoder = Encoder::new(events.len() * 96);
            encoder.events(events, &others);
            writes.insert(&self.events, first.number.to_be_bytes(), encoder.done());
            writes.insert(&self.meta, META_LAST_EVENT, last.to_be_bytes());
        }
        Batch { writes, last_event, unfiled }
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

    pub(super) fn records(&self, slot: &Slot) -> &Keyspace {
        match slot {
            Slot::Counter(_) => &self.counters,
            Slot::Register(_) => &self.registers,
            Slot::Balance(_) => &self.balances,
        }
    }

    /// Writes a batch, all or nothing; with `sync`, it is on the disk afterwards.
    /// What it gives back is to be filed.
    pub(super) fn commit(&self, batch: Batch, sync: bool) -> Result<Unfiled, String> {
        let mode = if sync { PersistMode::SyncData } else { PersistMode::Buffer };
        let committed = batch.writes.durability(Some(mode)).commit();
        committed.map(|()| batch.unfiled).map_err(|error| error.to_string())
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
        let mut found = Vec::new();
        let begin = self.block_of(after.saturating_add(1))?;
        'blocks: for block in self.events.range(begin..) {
            for event in decode_events(block)? {
                if event.number <= after {
                    continue;
                }
                if event.number > last || found.len() >= most {
                    break 'blocks;
                }
                found.push(event);
            }
        }
        let mut near = self.receipts_near(&found)?;
        let entry = |event: Event| match near.remove(&event.id) {
            Some(receipt) => Ok(Entry { event, receipt: Some(receipt) }),
            None => self.entry(event),
        };
        found.into_iter().map(entry).collect()
    }

    /// The receipts of events, as far as they lie close together: what happened in a row does,
    /// where ids are in the order of time, and is read in a row for much less than one by one.
    fn receipts_near(&self, events: &[Event]) -> Result<HashMap<PostingId, Receipt>, LedgerError> {
        let ids: HashSet<PostingId> = events.iter().map(|event| event.id).collect();
        let mut receipts = HashMap::with_capacity(ids.len());
        let (Some(first), Some(last)) = (ids.iter().min(), ids.iter().max()) else {
            return Ok(receipts);
        };
        for item in self.receipts.range(first.0..=last.0).take(2 * ids.len()) {
            let (key, value) = item.into_inner().map_err(|error| unreadable(&error))?;
            let id = posting_id(&key).map_err(|what| LedgerError::Read(what.into()))?;
            if ids.contains(&id) {
                receipts.insert(id, decode_receipt(id, &value)?);
            }
        }
        Ok(receipts)
    }

    /// The key of the block that holds event `number`: it may begin before it.
    fn block_of(&self, number: u64) -> Result<fjall::UserKey, LedgerError> {
        match self.events.range(..=number.to_be_bytes()).next_back() {
            Some(block) => block.key().map_err(|error| unreadable(&error)),
            None => Ok(number.to_be_bytes().into()),
        }
    }

    /// The newest `most` filed events of `owner` before `before`, newest first.
    pub(super) fn history(
        &self,
        owner: &Owner,
        before: u64,
        most: usize,
    ) -> Result<Vec<u64>, LedgerError> {
        let mut found = Vec::new();
        let range = history_key(owner, 0)..history_key(owner, before);
        for item in self.history.range(range).rev() {
            let value = item.value().map_err(|error| unreadable(&error))?;
            let numbers = Decoder::new(&value)
                .and_then(|mut decoder| decoder.numbers())
                .map_err(|what| LedgerError::Read(format!("history of {owner}: {what}").into()))?;
            for number in numbers.into_iter().rev().filter(|number| *number < before) {
                if found.len() >= most {
                    return Ok(found);
                }
                found.push(number);
            }
        }
        Ok(found)
    }

    /// The events of these numbers, but those that are not there.
    pub(super) fn entries(&self, numbers: Vec<u64>) -> Result<Vec<Entry>, LedgerError> {
        let mut entries = Vec::with_capacity(numbers.len());
        for number in numbers {
            if let Some(event) = self.event(number)? {
                entries.push(self.entry(event)?);
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

fn decode_receipt(id: PostingId, bytes: &[u8]) -> Result<Receipt, LedgerError> {
    let decoded = Decoder::new(bytes).and_then(|mut decoder| {
        let receipt = decoder.receipt(id)?;
        decoder.end()?;
        Ok(receipt)
    });
    decoded.map_err(|what| LedgerError::Read(format!("receipt {id}: {what}").into()))
}

pub(super) fn decode_events(block: fjall::Guard) -> Result<Vec<Event>, LedgerError> {
    decode_block(block).map(|(events, _)| events)
}

/// Events, and the owners of those that concern others than they changed.
fn decode_block(block: fjall::Guard) -> Result<(Vec<Event>, HashMap<u64, Owners>), LedgerError> {
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
