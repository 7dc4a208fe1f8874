//! The store in Redis as a whole: read and written without the functions, in large pipelines.
//!
//! Standalone and Sentinel only: with Cluster a posting can lie in several partitions. Reading
//! needs 8 bytes of memory for each event and 20 for each receipt and owner, filling 8 for each
//! event and 40 for each owner of a posting.
//!
//! While a store is being filled its fences say so, and every function refuses.

mod filling;
mod streams;

use std::collections::VecDeque;

use redis::{Cmd, FromRedisValue, Value, cmd, from_redis_value};
use tokio::runtime::{Builder, Runtime};

use super::call::key;
use super::library::{fence, fence_key};
use super::wire::Reader;
use super::{Place, inspect};
use crate::domain::book::Record;
use crate::domain::id::{Owner, PostingId};
use crate::domain::time::Timestamp;
use crate::ledger::archive::{ArchiveError, Item, Part, Parts, Take};
use crate::ledger::{LedgerError, OpenError};
use crate::remote::{Kind, Lane, Remote, RemoteError};
use filling::Filling;
use streams::{Numbers, Stream, Streams};

/// What a fence says while its partition is being filled: no epoch.
const FILLING: &str = "an archive is being brought in here ";

/// Bytes of an epoch in a fence.
const EPOCH_BYTES: usize = 32;

/// Commands that are sent together.
const COMMANDS_AT_ONCE: usize = 1_000;

/// Bytes that are sent together.
const BYTES_AT_ONCE: usize = 1 << 22;

/// Records that one command reads.
const RECORDS_AT_ONCE: usize = 500;

/// Keys that one command looks at.
const KEYS_AT_ONCE: usize = 5_000;

/// The store, opened for moving.
pub(in crate::ledger) struct Whole {
    link: Link,
    place: Place,
    server: String,
    now: Timestamp,
    still: Vec<Standing>,
    names: Option<Names>,
    numbers: Option<Numbers>,
    /// Events in each partition, once it was filled.
    counts: Vec<u64>,
}

/// How much has happened in a partition: what its fence says, and how many entries its stream has.
type Standing = (Vec<u8>, u64);

type Name = (u16, [u8; 16]);

/// What there is, in the order of the names.
struct Names {
    receipts: Vec<Name>,
    owners: Vec<Name>,
}

impl Whole {
    pub(in crate::ledger) fn open(place: Place, now: Timestamp) -> Result<Self, ArchiveError> {
        let remote = Remote::new(place.remote.clone())?;
        if remote.target().kind == Kind::Cluster {
            return Err(ArchiveError::Cluster);
        }
        let server = remote.target().to_string();
        let unable = |error: std::io::Error| ArchiveError::Write(error.to_string());
        let runtime = Builder::new_current_thread().enable_all().build().map_err(unable)?;
        let (found, lane) = runtime.block_on(async {
            let found = inspect::installation(&remote).await?;
            Ok::<_, RemoteError>((found, remote.lane().await?))
        })?;
        let found = found.ok_or_else(|| OpenError::NotInitialised(server.clone()))?;
        if found.epoch != place.epoch.text() {
            return Err(OpenError::OtherEpoch(server).into());
        }
        if found.partitions != place.partitions {
            let (found, wanted) = (found.partitions, place.partitions);
            return Err(OpenError::Partitions { found, wanted }.into());
        }
        let mut link = Link { runtime, lane, commands: Vec::new(), bytes: 0 };
        let still = standings(&mut link, place.partitions)?;
        let own = place.epoch.text();
        for (fence, _) in &still {
            if fence.starts_with(FILLING.as_bytes()) {
                return Err(ArchiveError::NotEmpty(format!(
                    "{server}, where an import broke off,"
                )));
            }
            if fence.get(..EPOCH_BYTES) != Some(own.as_bytes()) {
                return Err(OpenError::OtherEpoch(server).into());
            }
        }
        let (names, numbers, counts) = (None, None, Vec::new());
        Ok(Self { link, place, server, now, still, names, numbers, counts })
    }

    pub(in crate::ledger) fn check_empty(&mut self) -> Result<(), ArchiveError> {
        let beginning = fence(&self.place.epoch).into_bytes();
        let is_new = |(fence, entries): &Standing| *fence == beginning && *entries == 0;
        let still = standings(&mut self.link, self.place.partitions)?;
        if still.iter().all(is_new) && self.names()?.receipts.is_empty() {
            Ok(())
        } else {
            Err(ArchiveError::NotEmpty(self.server.clone()))
        }
    }

    pub(in crate::ledger) fn check_still(&mut self) -> Result<(), ArchiveError> {
        let now = standings(&mut self.link, self.place.partitions)?;
        if now == self.still { Ok(()) } else { Err(ArchiveError::Changed) }
    }

    pub(in crate::ledger) fn finish(mut self) -> Result<(), ArchiveError> {
        let epoch = self.place.epoch.text();
        for (partition, count) in (0..self.place.partitions).zip(&self.counts) {
            let mut set = cmd("SET");
            set.arg(fence_key(partition)).arg(format!("{epoch}{count}"));
            self.link.push(set, EPOCH_BYTES)?;
        }
        self.link.flush()
    }

    /// Looks once at all keys there are.
    fn names(&mut self) -> Result<&Names, ArchiveError> {
        let names = match self.names.take() {
            Some(names) => names,
            None => names(&mut self.link)?,
        };
        Ok(self.names.insert(names))
    }

    /// What the numbers of events become.
    fn numbers(&mut self) -> Result<Numbers, ArchiveError> {
        if let Some(numbers) = self.numbers.take() {
            return Ok(numbers);
        }
        let (mut streams, mut numbers) = self.streams()?;
        streams.merged(&mut self.link, &mut |event| {
            numbers.add(event.number);
            Ok(())
        })?;
        Ok(numbers)
    }

    fn streams(&mut self) -> Result<(Streams, Numbers), ArchiveError> {
        let mut all = Vec::new();
        let mut firsts = Vec::new();
        let partitions = u64::from(self.place.partitions);
        for (partition, (fence, _)) in (0..self.place.partitions).zip(&self.still) {
            let mut stream = Stream { partition, after: "-".to_owned(), ready: VecDeque::new() };
            stream.read(&mut self.link)?;
            let seen = fence.get(EPOCH_BYTES..).and_then(|text| str::from_utf8(text).ok());
            let seen: u64 = seen.and_then(|text| text.parse().ok()).unwrap_or(0);
            let first = stream.ready.front().map(|event| event.number / partitions);
            firsts.push(first.unwrap_or(seen + 1));
            all.push(stream);
        }
        Ok((Streams(all), Numbers::new(firsts)))
    }

    fn each_event(&mut self, take: &mut Take<'_>) -> Result<(), ArchiveError> {
        let numbers = self.numbers()?;
        let (mut streams, _) = self.streams()?;
        streams.merged(&mut self.link, &mut |event| {
            let mut item = Item::Event(event);
            item.renumber(|number| numbers.of(number));
            take(item)
        })?;
        self.numbers = Some(numbers);
        Ok(())
    }

    fn each_record(&mut self, part: Part, take: &mut Take<'_>) -> Result<(), ArchiveError> {
        let numbers = self.numbers()?;
        self.names()?;
        let Some(all) = self.names.take() else { return Ok(()) };
        let (letter, names) = match part {
            Part::Events | Part::Receipts => (b'r', &all.receipts),
            Part::Owners => (b'o', &all.owners),
        };
        for names in names.chunks(RECORDS_AT_ONCE) {
            let mut read = cmd("MGET");
            for (partition, name) in names {
                read.arg(key(*partition, letter, name));
            }
            let values: Vec<Option<Vec<u8>>> = self.link.ask(read)?;
            for ((_, name), value) in names.iter().zip(values) {
                let mut item = match (part, value) {
                    // Its last period is over.
                    (Part::Owners, None) => continue,
                    (_, None) => return Err(ArchiveError::Changed),
                    (Part::Owners, Some(value)) => owner_item(Owner(*name), &value)?,
                    (_, Some(value)) => receipt_item(PostingId(*name), &value)?,
                };
                item.renumber(|number| numbers.of(number));
                take(item)?;
            }
        }
        (self.names, self.numbers) = (Some(all), Some(numbers));
        Ok(())
    }

    pub(in crate::ledger) fn fill(&mut self, from: &mut impl Parts) -> Result<(), ArchiveError> {
        (self.names, self.numbers) = (None, None);
        for partition in 0..self.place.partitions {
            let mut set = cmd("SET");
            set.arg(fence_key(partition)).arg(FILLING);
            self.link.push(set, FILLING.len())?;
        }
        let mut filling = Filling::new(&mut self.link, self.place.partitions, self.now);
        from.each(Part::Events, &mut |item| filling.number(&item))?;
        from.each(Part::Events, &mut |item| filling.put(item))?;
        filling.end_stream()?;
        from.each(Part::Receipts, &mut |item| filling.put(item))?;
        filling.end_receipts();
        from.each(Part::Owners, &mut |item| filling.put(item))?;
        filling.end_owners()?;
        filling.link.flush()?;
        self.counts = filling.counts;
        Ok(())
    }
}

impl Parts for Whole {
    fn each(&mut self, part: Part, take: &mut Take<'_>) -> Result<(), ArchiveError> {
        match part {
            Part::Events => self.each_event(take),
            Part::Receipts | Part::Owners => self.each_record(part, take),
        }
    }
}

fn receipt_item(id: PostingId, value: &[u8]) -> Result<Item, ArchiveError> {
    let receipt = Reader::new(value).receipt(id);
    receipt.map(|receipt| Item::Receipt(Box::new(receipt))).map_err(damaged)
}

fn owner_item(owner: Owner, value: &[u8]) -> Result<Item, ArchiveError> {
    let mut records = Reader::new(value).owner_record(owner).map_err(damaged)?.records;
    let place = |record: &Record| match record {
        Record::Counter(key, _) => (0, key.facet),
        Record::Register(key, _) => (1, key.facet),
        Record::Balance(key, _) => (2, key.facet),
    };
    records.sort_by_key(place);
    Ok(Item::Owner(owner, records))
}

fn damaged(what: String) -> ArchiveError {
    LedgerError::Read(what.into()).into()
}

fn standings(link: &mut Link, partitions: u16) -> Result<Vec<Standing>, ArchiveError> {
    let standing = |partition| {
        let fence: Option<Vec<u8>> = link.ask(cmd("GET").arg(fence_key(partition)).take())?;
        let entries = link.ask(cmd("XLEN").arg(key(partition, b'e', &[])).take())?;
        Ok((fence.unwrap_or_default(), entries))
    };
    (0..partitions).map(standing).collect()
}

fn names(link: &mut Link) -> Result<Names, ArchiveError> {
    let mut names = Names { receipts: Vec::new(), owners: Vec::new() };
    let mut cursor = "0".to_owned();
    loop {
        let scan = cmd("SCAN").arg(&cursor).arg("COUNT").arg(KEYS_AT_ONCE).take();
        let (next, keys): (String, Vec<Vec<u8>>) = link.ask(scan)?;
        for key in keys {
            match name_in(&key) {
                Some((b'r', name)) => names.receipts.push(name),
                Some((b'o', name)) => names.owners.push(name),
                _ => {}
            }
        }
        if next == "0" {
            break;
        }
        cursor = next;
    }
    // Redis may say a key twice.
    for names in [&mut names.receipts, &mut names.owners] {
        names.sort_unstable_by_key(|(_, name)| *name);
        names.dedup();
    }
    Ok(names)
}

/// The letter and the name in a key such as `{j7}rNAME`.
fn name_in(key: &[u8]) -> Option<(u8, Name)> {
    let rest = key.strip_prefix(b"{j")?;
    let close = rest.iter().position(|byte| *byte == b'}')?;
    let (partition, rest) = rest.split_at_checked(close)?;
    let partition = str::from_utf8(partition).ok()?.parse().ok()?;
    let [b'}', letter, name @ ..] = rest else { return None };
    Some((*letter, (partition, name.try_into().ok()?)))
}

/// The way to the server, for a thread that waits.
struct Link {
    runtime: Runtime,
    lane: Lane,
    /// What is sent next.
    commands: Vec<Cmd>,
    bytes: usize,
}

impl Link {
    fn ask<T: FromRedisValue>(&mut self, command: Cmd) -> Result<T, ArchiveError> {
        self.flush()?;
        let replies = self.send(&[command])?;
        let reply = replies.into_iter().next().ok_or(RemoteError::Dropped)?;
        from_redis_value(reply).map_err(|error| damaged(error.to_string()))
    }

    /// Sends a command that writes, sooner or later. `bytes` is about its size.
    fn push(&mut self, command: Cmd, bytes: usize) -> Result<(), ArchiveError> {
        self.commands.push(command);
        self.bytes += bytes;
        let is_much = self.commands.len() >= COMMANDS_AT_ONCE || self.bytes >= BYTES_AT_ONCE;
        if is_much { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), ArchiveError> {
        self.bytes = 0;
        let commands = std::mem::take(&mut self.commands);
        self.send(&commands).map(drop)
    }

    fn send(&mut self, commands: &[Cmd]) -> Result<Vec<Value>, ArchiveError> {
        let replies = self.runtime.block_on(self.lane.send(&fence_key(0), commands))?;
        let refused = |error| ArchiveError::Remote(RemoteError::Refused(error));
        replies.into_iter().map(|reply| reply.map_err(refused)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_apart() {
        let name = [b'}'; 16];
        let key = |letter| key(255, letter, &name);
        assert_eq!(name_in(&key(b'r')), Some((b'r', (255, name))));
        assert_eq!(name_in(&key(b'o')), Some((b'o', (255, name))));
        for other in [b"{jc}meta".as_slice(), b"{j0}m", b"{j0}g", b"j", b"{j0}r1", b"{j0}"] {
            assert_eq!(name_in(other), None);
        }
    }
}
