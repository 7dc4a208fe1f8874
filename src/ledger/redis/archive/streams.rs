//! The events of all partitions in one order, and the numbers that they get by it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use redis::cmd;

use super::{Link, damaged};
use crate::domain::book::Event;
use crate::ledger::archive::ArchiveError;
use crate::ledger::redis::call::key;
use crate::ledger::redis::wire::Reader;

/// Entries of a stream that are read at once.
const ENTRIES_AT_ONCE: usize = 500;

/// The numbers of events as others know them: those that are here count on behind those that were
/// let go.
pub(super) struct Numbers {
    /// The count of the first event that is here, by partition.
    firsts: Vec<u64>,
    /// The new numbers of those that are here, by partition and count.
    new: Vec<Vec<u64>>,
    last: u64,
}

impl Numbers {
    pub(super) fn new(firsts: Vec<u64>) -> Self {
        let partitions = firsts.len() as u64;
        let gone = |(partition, first): (u64, &u64)| match first {
            0 | 1 => 0,
            first => (first - 1) * partitions + partition,
        };
        let last = (0..).zip(&firsts).map(gone).max().unwrap_or(0);
        let new = vec![Vec::new(); firsts.len()];
        Self { firsts, new, last }
    }

    /// The next event that is here.
    pub(super) fn add(&mut self, number: u64) {
        self.last += 1;
        let Some((partition, place)) = self.place(number) else { return };
        if let Some(new) = self.new.get_mut(partition) {
            new.resize(place.max(new.len()), 0);
            new.push(self.last);
        }
    }

    /// Where an event that is here stands.
    fn place(&self, number: u64) -> Option<(usize, usize)> {
        let partitions = self.firsts.len().max(1) as u64;
        let partition = usize::try_from(number % partitions).ok()?;
        let place = (number / partitions).checked_sub(*self.firsts.get(partition)?)?;
        Some((partition, usize::try_from(place).ok()?))
    }

    pub(super) fn of(&self, number: u64) -> u64 {
        let new = || {
            let (partition, place) = self.place(number)?;
            self.new.get(partition)?.get(place).copied()
        };
        new().unwrap_or(number)
    }
}

/// The events of one partition.
pub(super) struct Stream {
    pub(super) partition: u16,
    /// The entry that was read last, as the begin of a range.
    pub(super) after: String,
    pub(super) ready: VecDeque<Event>,
}

impl Stream {
    pub(super) fn read(&mut self, link: &mut Link) -> Result<(), ArchiveError> {
        let mut range = cmd("XRANGE");
        range.arg(key(self.partition, b'e', &[])).arg(&self.after).arg("+");
        range.arg("COUNT").arg(ENTRIES_AT_ONCE);
        let found: Vec<(String, Vec<Vec<u8>>)> = link.ask(range)?;
        for (id, fields) in found {
            let mut reader = Reader::new(fields.get(1).map(Vec::as_slice).unwrap_or_default());
            while !reader.is_empty() {
                self.ready.push_back(reader.event().map_err(damaged)?);
            }
            self.after = format!("({id}");
        }
        Ok(())
    }
}

/// The events of all partitions.
pub(super) struct Streams(pub(super) Vec<Stream>);

impl Streams {
    /// Hands over all events in the order of their moments; those of a partition in their own.
    pub(super) fn merged(
        &mut self,
        link: &mut Link,
        take: &mut dyn FnMut(Event) -> Result<(), ArchiveError>,
    ) -> Result<(), ArchiveError> {
        let next = |place: usize, stream: &Stream| {
            stream.ready.front().map(|event| Reverse((event.at, event.number, place)))
        };
        let mut heap: BinaryHeap<_> =
            self.0.iter().enumerate().filter_map(|(place, stream)| next(place, stream)).collect();
        while let Some(Reverse((.., place))) = heap.pop() {
            let Some(stream) = self.0.get_mut(place) else { break };
            if let Some(event) = stream.ready.pop_front() {
                take(event)?;
            }
            if stream.ready.is_empty() {
                stream.read(link)?;
            }
            heap.extend(next(place, stream));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_rise_and_those_of_events_that_were_let_go_stay_below() {
        // Of partition 0 the first two events are gone, of partition 1 none.
        let mut numbers = Numbers::new(vec![3, 1]);
        for number in [6, 3, 5, 8] {
            numbers.add(number);
        }
        let new: Vec<u64> = [0, 2, 4, 6, 3, 5, 8].map(|number| numbers.of(number)).into();
        assert_eq!(new, [0, 2, 4, 5, 6, 7, 8]);
        assert_eq!(Numbers::new(vec![1, 1, 1]).last, 0, "nothing was let go");
    }
}
