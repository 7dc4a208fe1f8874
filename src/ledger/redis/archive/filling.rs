//! Writing what the functions would have written.

use std::collections::BTreeMap;

use redis::cmd;

use super::Link;
use crate::domain::book::{Event, Record};
use crate::domain::id::{Owner, PostingId};
use crate::domain::posting::{Key, Leg, Receipt, State, share};
use crate::domain::time::Timestamp;
use crate::ledger::archive::{ArchiveError, Item, keep_until};
use crate::ledger::owners;
use crate::ledger::redis::call::{key, partition_of};
use crate::ledger::redis::wire::{Held, Writer};

/// The partition of all events, as without Cluster.
const LOG: u16 = 0;

/// Events in one entry of a stream: entries are let go as a whole.
const EVENTS_IN_ENTRY: usize = 16;

/// Posting ids that stand in an owner's record itself; older ones are kept apart.
const IDS_MAX: usize = 4;

/// An owner's record outlives its last period by a day, for releases that come late.
const LASTS_MS: i64 = 86_400_000;

/// A store that is being filled.
pub(super) struct Filling<'a> {
    pub(super) link: &'a mut Link,
    partitions: u16,
    now: Timestamp,
    /// Events so far, by partition.
    pub(super) counts: Vec<u64>,
    /// The number that the first event came with.
    first: Option<u64>,
    /// The new numbers, in the order of the old ones.
    new: Vec<u64>,
    /// Packed events that are not sent yet: how many, the last one's count, and they.
    entry: (usize, u64, Vec<u8>),
    /// The postings of each owner: newest first, last owner first, once they are sorted.
    ids: Vec<(Owner, Timestamp, PostingId)>,
    held: BTreeMap<Owner, Vec<Held>>,
}

impl<'a> Filling<'a> {
    pub(super) fn new(link: &'a mut Link, partitions: u16, now: Timestamp) -> Self {
        let all = usize::from(partitions);
        Self {
            link,
            partitions,
            now,
            counts: vec![0; all],
            first: None,
            new: Vec::new(),
            entry: (0, 0, Vec::new()),
            ids: Vec::new(),
            held: BTreeMap::new(),
        }
    }

    /// Gives an event its number here.
    pub(super) fn number(&mut self, item: &Item) -> Result<(), ArchiveError> {
        let Item::Event(event) = item else { return Ok(()) };
        let partitions = u64::from(self.partitions);
        let first = *self.first.get_or_insert_with(|| {
            // Numbers of events that were let go are below all others, here too.
            self.counts.fill((event.number.saturating_sub(1)) / partitions);
            event.number
        });
        let place = event.number.checked_sub(first).and_then(|place| usize::try_from(place).ok());
        if place != Some(self.new.len()) {
            let what = format!("event {} is not where it belongs", event.number);
            return Err(ArchiveError::Source(what));
        }
        if let Some(count) = self.counts.get_mut(usize::from(LOG)) {
            *count += 1;
            self.new.push(*count * partitions + u64::from(LOG));
        }
        Ok(())
    }

    pub(super) fn put(&mut self, mut item: Item) -> Result<(), ArchiveError> {
        let new = |number: u64| {
            let place = number.checked_sub(self.first?)?;
            self.new.get(usize::try_from(place).ok()?).copied()
        };
        item.renumber(|number| new(number).unwrap_or(number));
        match item {
            Item::Event(event) => self.put_event(&event),
            Item::Receipt(receipt) => self.put_receipt(&receipt),
            Item::Owner(owner, records) => {
                // Those without records of their own.
                while let Some((other, ..)) = self.ids.last().filter(|(other, ..)| *other < owner) {
                    let other = *other;
                    self.put_owner(other, &[])?;
                }
                self.put_owner(owner, &records)
            }
        }
    }

    fn put_event(&mut self, event: &Event) -> Result<(), ArchiveError> {
        let (events, last, packed) = &mut self.entry;
        let mut writer = Writer::default();
        writer.event(event);
        packed.extend(writer.done());
        *events += 1;
        *last = event.number / u64::from(self.partitions.max(1));
        if *events >= EVENTS_IN_ENTRY { self.end_stream() } else { Ok(()) }
    }

    /// Sends the events that are not sent yet.
    pub(super) fn end_stream(&mut self) -> Result<(), ArchiveError> {
        let (events, last, packed) = std::mem::take(&mut self.entry);
        if events == 0 {
            return Ok(());
        }
        let bytes = packed.len();
        let mut add = cmd("XADD");
        add.arg(key(LOG, b'e', &[])).arg(format!("{last}-0")).arg("e").arg(packed);
        self.link.push(add, bytes)
    }

    pub(super) fn end_receipts(&mut self) {
        self.ids.sort_unstable();
        self.ids.reverse();
    }

    fn put_receipt(&mut self, receipt: &Receipt) -> Result<(), ArchiveError> {
        let id = receipt.id;
        let home = partition_of(&id.0, self.partitions);
        let mut writer = Writer::default();
        writer.receipt(receipt);
        let packed = writer.done();
        let bytes = packed.len();
        self.link.push(cmd("SET").arg(key(home, b'r', &id.0)).arg(packed).take(), bytes)?;
        let owners = owners(receipt, |_| true);
        self.ids.extend(owners.into_iter().map(|owner| (owner, receipt.at, id)));
        let (State::Held, Some(until)) = (receipt.state, receipt.until) else { return Ok(()) };
        let mut add = cmd("ZADD");
        add.arg(key(home, b'h', &[])).arg(until.0).arg(&id.0);
        self.link.push(add, id.0.len())?;
        for (key, kept, earning) in kept_by(receipt) {
            self.hold(&key, kept, earning, until, id)?;
        }
        Ok(())
    }

    fn hold(
        &mut self,
        held_key: &Key,
        kept: u64,
        earning: u64,
        until: Timestamp,
        id: PostingId,
    ) -> Result<(), ArchiveError> {
        let Key { owner, facet } = *held_key;
        let all = self.held.entry(owner).or_default();
        match all.iter_mut().find(|held| held.facet == facet) {
            Some(held) => {
                held.kept += kept;
                held.earning += earning;
                held.first_end = held.first_end.min(until);
                held.count += 1;
            }
            None => all.push(Held { facet, kept, earning, first_end: until, count: 1 }),
        }
        let partition = partition_of(&owner.0, self.partitions);
        let name = [owner.0.as_slice(), &facet.0.to_be_bytes()].concat();
        let member = [id.0.as_slice(), kept.to_string().as_bytes()].concat();
        let mut add = cmd("ZADD");
        add.arg(key(partition, b'k', &name)).arg(until.0).arg(&member);
        self.link.push(add, member.len())
    }

    /// Writes an owner's record, with the postings and holds that belong to it.
    fn put_owner(&mut self, owner: Owner, records: &[Record]) -> Result<(), ArchiveError> {
        let partition = partition_of(&owner.0, self.partitions);
        let mut newest = Vec::with_capacity(IDS_MAX);
        while let Some((.., id)) = self.ids.pop_if(|(other, ..)| *other == owner) {
            if newest.len() == IDS_MAX {
                self.put_older(partition, owner, &newest)?;
                newest.clear();
            }
            newest.push(id);
        }
        let held = self.held.remove(&owner).unwrap_or_default();
        let mut writer = Writer::default();
        writer.owner(&newest, records, &held);
        let packed = writer.done();
        let bytes = packed.len();
        let mut set = cmd("SET");
        set.arg(key(partition, b'o', &owner.0)).arg(packed);
        let last = records.iter().map(keep_until).max().unwrap_or(Timestamp::NEVER);
        if last != Timestamp::NEVER && held.is_empty() {
            set.arg("PX").arg(last.plus_ms(LASTS_MS).since_ms(self.now).max(1));
        }
        self.link.push(set, bytes)
    }

    fn put_older(
        &mut self,
        partition: u16,
        owner: Owner,
        postings: &[PostingId],
    ) -> Result<(), ArchiveError> {
        let mut push = cmd("RPUSH");
        push.arg(key(partition, b'i', &owner.0));
        postings.iter().for_each(|id| _ = push.arg(&id.0));
        self.link.push(push, postings.len() * 16)
    }

    pub(super) fn end_owners(&mut self) -> Result<(), ArchiveError> {
        while let Some((owner, ..)) = self.ids.last() {
            let owner = *owner;
            self.put_owner(owner, &[])?;
        }
        Ok(())
    }
}

/// What the legs of a hold keep of each of its keys, and will earn.
fn kept_by(receipt: &Receipt) -> Vec<(Key, u64, u64)> {
    let mut all: Vec<(Key, u64, u64)> = Vec::new();
    for (leg, result) in receipt.in_force() {
        let amount = || share(result.amount, receipt.live(), receipt.size);
        let (key, kept, earning) = match leg {
            Leg::Count { key, .. } | Leg::Spend { key, .. } => (*key, amount(), 0),
            Leg::Earn { key, .. } => (*key, 0, amount()),
            Leg::Once { key, .. } | Leg::Interval { key, .. } | Leg::Zone { key, .. } => {
                (*key, 0, 0)
            }
        };
        match all.iter_mut().find(|(other, ..)| *other == key) {
            Some((_, all_kept, all_earning)) => {
                *all_kept += kept;
                *all_earning += earning;
            }
            None => all.push((key, kept, earning)),
        }
    }
    all
}
