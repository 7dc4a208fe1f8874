//! Reading what happened: events by partition, receipts, the history of an owner.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::rc::Rc;

use redis::{Value, cmd};
use tokio::sync::oneshot;

use super::Message;
use super::call::{key, partition_of};
use super::round::Rounds;
use super::wire::Reader;
use crate::domain::book::{Event, EventKind};
use crate::domain::id::{Owner, PostingId};
use crate::domain::posting::{Receipt, State};
use crate::ledger::{Cursor, Entry, LedgerError, owners_of_event};
use crate::remote::{Lane, RemoteError};

/// Most older postings of an owner that are looked through for a page.
const HISTORY_MAX: usize = 10_000;

/// Receipts that are read at once: reading them takes a fraction of a millisecond, in which nobody
/// is answered.
const RECEIPTS_AT_ONCE: usize = 128;

/// Most stream entries that are read at once; each holds the events of one call.
const PAGE_ENTRIES: usize = 64;

/// As many events are expected in an entry: there may be one, or as many as go into a call.
const EVENTS_IN_ENTRY: usize = 16;

/// Answers one question.
pub(super) async fn answer(rounds: Rc<Rounds>, question: Message) {
    match question {
        Message::Receipt(id, answered) => tell(answered, receipt_by_id(&rounds, id).await),
        Message::Events(after, most, answered) => {
            tell(answered, events(&rounds, &after, most).await);
        }
        Message::Newest(answered) => tell(answered, newest(&rounds).await),
        Message::History(owner, before, most, answered) => {
            tell(answered, history(&rounds, owner, before, most).await);
        }
        Message::Batch(_) | Message::Close => {}
    }
}

fn tell<T>(answered: oneshot::Sender<T>, answer: T) {
    // Who no longer waits needs no answer.
    let _gone = answered.send(answer);
}

fn damaged(what: String) -> LedgerError {
    LedgerError::Read(what.into())
}

fn away(error: &RemoteError) -> LedgerError {
    LedgerError::Away(error.to_string().into())
}

async fn lane(rounds: &Rounds) -> Result<Lane, LedgerError> {
    rounds.remote.lane().await.map_err(|error| away(&error))
}

async fn one(lane: &mut Lane, key: &[u8], command: redis::Cmd) -> Result<Value, LedgerError> {
    lane.query(key, command).await.map_err(|error| away(&error))
}

async fn bytes_at(lane: &mut Lane, key: &[u8]) -> Result<Option<Vec<u8>>, LedgerError> {
    let reply = one(lane, key, cmd("GET").arg(key).take()).await?;
    redis::from_redis_value(reply).map_err(|error| damaged(error.to_string()))
}

async fn receipt_by_id(rounds: &Rounds, id: PostingId) -> Result<Option<Receipt>, LedgerError> {
    let mut lane = lane(rounds).await?;
    receipt_of(rounds, &mut lane, id).await
}

async fn receipt_of(
    rounds: &Rounds,
    lane: &mut Lane,
    id: PostingId,
) -> Result<Option<Receipt>, LedgerError> {
    let home = rounds.home(lane, id).await.map_err(|trouble| trouble.error())?;
    let found = bytes_at(lane, &key(home, b'r', &id.0)).await?;
    found.map(|bytes| Reader::new(&bytes).receipt(id).map_err(damaged)).transpose()
}

/// The numbers of the newest events.
async fn newest(rounds: &Rounds) -> Result<Cursor, LedgerError> {
    let mut lane = lane(rounds).await?;
    let mut counts = Vec::new();
    for partition in 0..rounds.place.partitions {
        let fence = bytes_at(&mut lane, &key(partition, b'm', &[])).await?.unwrap_or_default();
        let count = fence.get(32..).and_then(|text| std::str::from_utf8(text).ok());
        counts.push(count.and_then(|text| text.parse().ok()).unwrap_or(0));
    }
    Ok(Cursor::of(counts))
}

async fn events(
    rounds: &Rounds,
    after: &Cursor,
    most: usize,
) -> Result<(Vec<Entry>, Cursor), LedgerError> {
    let mut lane = lane(rounds).await?;
    let mut cursor = after.clone();
    let mut entries = Vec::new();
    for partition in 0..rounds.place.partitions {
        while entries.len() < most {
            let seen = cursor.count(usize::from(partition));
            let found = page(rounds, &mut lane, partition, seen, most - entries.len()).await?;
            let Some(last) = found.last() else { break };
            let last = last.number / u64::from(rounds.place.partitions.max(1));
            cursor.set(usize::from(partition), last);
            for events in found.chunks(RECEIPTS_AT_ONCE) {
                let ids: Vec<PostingId> = events.iter().map(|event| event.id).collect();
                let receipts = receipts_of(rounds, &mut lane, &ids).await?;
                let told = events.iter().cloned().zip(receipts);
                entries.extend(told.map(|(event, receipt)| Entry { event, receipt }));
            }
        }
    }
    entries.sort_by_key(|entry| (entry.event.at, entry.event.number));
    Ok((entries, cursor))
}

/// The receipts of postings as they stand now: by one command, where one server has all.
async fn receipts_of(
    rounds: &Rounds,
    lane: &mut Lane,
    ids: &[PostingId],
) -> Result<Vec<Option<Receipt>>, LedgerError> {
    let mut receipts = Vec::with_capacity(ids.len());
    if ids.is_empty() {
        return Ok(receipts);
    }
    if lane.is_cluster() {
        for id in ids {
            receipts.push(receipt_of(rounds, lane, *id).await?);
        }
        return Ok(receipts);
    }
    let partitions = rounds.place.partitions;
    let receipt_key = |id: &PostingId| key(partition_of(&id.0, partitions), b'r', &id.0);
    let keys: Vec<Vec<u8>> = ids.iter().map(receipt_key).collect();
    let reply = one(lane, &[], cmd("MGET").arg(keys).take()).await?;
    let found: Vec<Option<Vec<u8>>> =
        redis::from_redis_value(reply).map_err(|error| damaged(error.to_string()))?;
    for (id, found) in ids.iter().zip(found) {
        let receipt = found.map(|bytes| Reader::new(&bytes).receipt(*id).map_err(damaged));
        receipts.push(receipt.transpose()?);
    }
    Ok(receipts)
}

/// Up to `most` events of a partition after the one with count `seen`.
async fn page(
    rounds: &Rounds,
    lane: &mut Lane,
    partition: u16,
    seen: u64,
    most: usize,
) -> Result<Vec<Event>, LedgerError> {
    let stream = key(partition, b'e', &[]);
    let mut range = cmd("XRANGE");
    let entries = most.div_ceil(EVENTS_IN_ENTRY).min(PAGE_ENTRIES);
    range.arg(&stream).arg(format!("({seen}-0")).arg("+").arg("COUNT").arg(entries);
    let reply = one(lane, &stream, range).await?;
    let found: Vec<(String, Vec<Vec<u8>>)> =
        redis::from_redis_value(reply).map_err(|error| damaged(error.to_string()))?;
    let partitions = u64::from(rounds.place.partitions.max(1));
    let mut events = Vec::new();
    for (_id, fields) in found {
        let mut reader = Reader::new(fields.get(1).map(Vec::as_slice).unwrap_or_default());
        while !reader.is_empty() {
            let event = reader.event().map_err(damaged)?;
            if event.number / partitions > seen && events.len() < most {
                events.push(event);
            }
        }
    }
    Ok(events)
}

/// The ids of an owner's postings, the newest first, some at a time. One to which something
/// happened later may come more than once.
struct Ids {
    owner: Owner,
    partition: u16,
    /// What is asked next.
    next: From,
}

/// Where ids are.
enum From {
    Record,
    /// In the list, after so many.
    List(isize),
    /// In the sorted set of earlier versions, after so many.
    Set(isize),
    Nowhere,
}

impl Ids {
    /// The next ones; none when that was all.
    async fn read(&mut self, lane: &mut Lane) -> Result<Vec<PostingId>, LedgerError> {
        let step = RECEIPTS_AT_ONCE.cast_signed();
        loop {
            let key = |letter| key(self.partition, letter, &self.owner.0);
            let ids = match self.next {
                From::Record => {
                    let bytes = bytes_at(lane, &key(b'o')).await?;
                    let record =
                        bytes.map(|bytes| Reader::new(&bytes).owner_record(self.owner)).transpose();
                    self.next = From::List(0);
                    record.map_err(damaged)?.unwrap_or_default().ids
                }
                From::List(passed) => {
                    let mut range = cmd("LRANGE");
                    range.arg(key(b'i')).arg(-passed - step).arg(-passed - 1);
                    let ids = ids_in(one(lane, &key(b'i'), range).await?)?;
                    let is_end = ids.is_empty();
                    self.next = if is_end { From::Set(0) } else { From::List(passed + step) };
                    ids
                }
                From::Set(passed) => {
                    let mut range = cmd("ZRANGE");
                    range.arg(key(b'l')).arg(-passed - step).arg(-passed - 1);
                    let ids = ids_in(one(lane, &key(b'l'), range).await?)?;
                    let is_end = ids.is_empty();
                    self.next = if is_end { From::Nowhere } else { From::Set(passed + step) };
                    ids
                }
                From::Nowhere => return Ok(Vec::new()),
            };
            if !ids.is_empty() {
                return Ok(ids);
            }
        }
    }
}

fn ids_in(reply: Value) -> Result<Vec<PostingId>, LedgerError> {
    let found: Vec<Vec<u8>> =
        redis::from_redis_value(reply).map_err(|error| damaged(error.to_string()))?;
    let id = |id: &Vec<u8>| Some(PostingId(id.as_slice().try_into().ok()?));
    Ok(found.iter().filter_map(id).collect())
}

/// What happened to the postings of an owner before an event, newest first. Built from their
/// receipts, which tell of everything but extensions.
async fn history(
    rounds: &Rounds,
    owner: Owner,
    before: u64,
    most: usize,
) -> Result<Vec<Entry>, LedgerError> {
    let mut lane = lane(rounds).await?;
    let partition = partition_of(&owner.0, rounds.place.partitions);
    let mut ids = Ids { owner, partition, next: From::Record };
    let mut seen = HashSet::new();
    let mut entries: Vec<Entry> = Vec::new();
    loop {
        // Ids are nearly in the order of what happened: one step more than is needed has it all.
        let is_last = earlier(&entries, before).is_some_and(|found| found.len() >= most)
            || seen.len() >= HISTORY_MAX;
        let mut some = ids.read(&mut lane).await?;
        let is_last = is_last || some.is_empty();
        some.retain(|id| seen.insert(*id));
        for receipt in receipts_of(rounds, &mut lane, &some).await?.iter().flatten() {
            let concerns =
                |entry: &Entry| owners_of_event(receipt, entry.event.number).contains(&owner);
            entries.extend(told(receipt).into_iter().filter(concerns));
        }
        entries.sort_by_key(|entry| Reverse((entry.event.at, entry.event.number)));
        if is_last {
            let found = earlier(&entries, before).map(<[Entry]>::to_vec);
            let found = found.unwrap_or_else(|| {
                entries.retain(|entry| entry.event.number < before);
                entries
            });
            return Ok(found.into_iter().take(most).collect());
        }
    }
}

/// Of entries, newest first, those that come after the event with this number; absent when it is
/// not there. Numbers of several partitions say nothing about what was first.
fn earlier(entries: &[Entry], before: u64) -> Option<&[Entry]> {
    if before == u64::MAX {
        return Some(entries);
    }
    let place = entries.iter().rposition(|entry| entry.event.number == before)?;
    entries.get(place + 1..)
}

/// The events that a receipt tells of.
fn told(receipt: &Receipt) -> Vec<Entry> {
    let event = |number, at, kind| Event {
        number,
        at,
        kind,
        id: receipt.id,
        changes: smallvec::SmallVec::new(),
    };
    let first = if receipt.until.is_some() { EventKind::Held } else { EventKind::Redeemed };
    let mut events = vec![event(receipt.event, receipt.at, first)];
    if let Some(confirm) = &receipt.confirm {
        events.push(event(confirm.event, confirm.at, EventKind::Confirmed));
    }
    events.extend(receipt.releases.iter().map(|r| event(r.event, r.at, EventKind::Released)));
    if let (State::Expired, Some(until)) = (receipt.state, receipt.until) {
        events.push(event(receipt.event, until, EventKind::Expired));
    }
    let receipt = Some(receipt.clone());
    events.into_iter().map(|event| Entry { event, receipt: receipt.clone() }).collect()
}
