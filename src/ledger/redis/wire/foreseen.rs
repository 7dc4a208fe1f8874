//! Uses of one counter: all that Redis is to write for one is known beforehand but the number of
//! its event and what the counter stands at, so the function has nearly nothing to build. When
//! there is more to it after all (the posting is known, something is held, the limit is reached),
//! the function reads what was foreseen, and goes on as with any other posting.
//!
//! Knows the layouts of [`super`], and no Redis.

use smallvec::{SmallVec, smallvec};

use super::{COUNTER, Decoded, Reader, Writer, kind_number, state_number};
use crate::domain::book::EventKind;
use crate::domain::posting::{
    AMOUNT_MAX, Command, Key, Leg, LegResult, Mode, Posting, Receipt, State,
};
use crate::domain::time::Timestamp;

/// A posting of one leg, which counts.
#[derive(Debug, Clone, Copy)]
pub(in crate::ledger::redis) struct Foreseen<'a> {
    pub(in crate::ledger::redis) posting: &'a Posting,
    /// The counter.
    pub(in crate::ledger::redis) key: &'a Key,
    n: u64,
    max: u64,
    keep_until: Option<Timestamp>,
}

impl<'a> Foreseen<'a> {
    /// What can be foreseen of a command.
    pub(in crate::ledger::redis) fn of(command: &'a Command) -> Option<Self> {
        let Command::Post(posting) = command else { return None };
        match posting.legs.as_slice() {
            [Leg::Count { key, n, max, keep_until }]
                if posting.mode == Mode::Post && (1..=AMOUNT_MAX).contains(n) =>
            {
                Some(Self { posting, key, n: *n, max: *max, keep_until: *keep_until })
            }
            _ => None,
        }
    }

    /// Whether it is the only use there can be, so that nothing may be known of its owner.
    pub(in crate::ledger::redis) fn is_first(&self) -> bool {
        self.n == self.max && self.keep_until.is_none()
    }

    fn size(&self) -> u64 {
        self.posting.size.max(1)
    }

    /// A first use, as the function reads it: the owner's record, the receipt up to its event's
    /// number and from there on, the event from its number on.
    pub(in crate::ledger::redis) fn first(&self) -> [Vec<u8>; 4] {
        let mut counted = Writer(self.receipt_up_to_count());
        counted.uint(self.n);
        counted.packed(&self.receipt_from_count_on());
        let mut event = Writer(self.event_up_to_count());
        event.uint(self.n);
        event.absent();
        event.uint(0);
        [self.owner(), self.receipt_up_to_event(), counted.done(), event.done()]
    }

    /// What uses of one counter have in common, as the function reads it.
    pub(in crate::ledger::redis) fn counter(&self) -> Vec<u8> {
        let mut out = Writer(Vec::with_capacity(160));
        out.array(6);
        out.entry(COUNTER, self.key);
        out.uint(self.n);
        out.limit(self.max);
        out.maybe_moment(self.keep_until);
        out.bytes(&self.receipt_up_to_count());
        out.done()
    }

    /// Whether both are such uses.
    pub(in crate::ledger::redis) fn counts_as(&self, other: &Self) -> bool {
        self.posting.legs == other.posting.legs
    }

    /// One of them, as the function reads it: the receipt up to its event's number and from what
    /// the counter stands at on, the event from its number up to that.
    pub(in crate::ledger::redis) fn further(&self) -> [Vec<u8>; 3] {
        [self.receipt_up_to_event(), self.receipt_from_count_on(), self.event_up_to_count()]
    }

    fn receipt_up_to_event(&self) -> Vec<u8> {
        let mut out = Writer(Vec::with_capacity(40));
        out.array(16);
        out.bytes(&self.posting.fingerprint.to_be_bytes());
        out.uint(state_number(State::Redeemed));
        out.uint(self.size());
        out.uint(self.size());
        out.uint(0);
        out.absent();
        out.absent();
        out.moment(self.posting.now);
        out.done()
    }

    /// From the event's number to what the counter stands at. There is room for the rest.
    fn receipt_up_to_count(&self) -> Vec<u8> {
        let mut out = Writer(Vec::with_capacity(256));
        out.absent();
        out.legs(&self.posting.legs);
        out.array(1);
        out.array(4);
        out.uint(self.n);
        out.done()
    }

    fn receipt_from_count_on(&self) -> Vec<u8> {
        let mut out = Writer(Vec::with_capacity(128));
        out.absent();
        out.absent();
        out.bytes(&self.posting.note);
        out.array(0);
        out.absent();
        out.absent();
        out.done()
    }

    fn event_up_to_count(&self) -> Vec<u8> {
        let mut out = Writer(Vec::with_capacity(96));
        out.moment(self.posting.now);
        out.uint(kind_number(EventKind::Redeemed));
        out.bytes(&self.posting.id.0);
        out.array(1);
        out.array(4);
        out.entry(COUNTER, self.key);
        out.array(2);
        out.done()
    }

    /// The record of an owner of whom nothing else is known.
    fn owner(&self) -> Vec<u8> {
        let mut out = Writer(Vec::with_capacity(40));
        out.array(3);
        out.bytes(&self.posting.id.0);
        out.map(1);
        out.entry_name(COUNTER, self.key.facet);
        out.array(2);
        out.uint(self.n);
        out.absent();
        out.absent();
        out.done()
    }

    /// Its receipt, by what the function says: the event's number, and what the counter stands at
    /// unless it is a first use.
    pub(in crate::ledger::redis) fn receipt(&self, told: &mut Reader<'_>) -> Decoded<Receipt> {
        let posting = self.posting;
        let event = told.uint()?;
        let after = if told.is_empty() { self.n } else { told.uint()? };
        Ok(Receipt {
            id: posting.id,
            fingerprint: posting.fingerprint,
            state: State::Redeemed,
            size: self.size(),
            confirmed: self.size(),
            released: 0,
            gone: 0,
            until: None,
            first_until: None,
            at: posting.now,
            event,
            confirm: None,
            legs: posting.legs.clone(),
            results: smallvec![LegResult {
                amount: self.n,
                after,
                lots: SmallVec::new(),
                before: None,
            }],
            note: posting.note.clone(),
            releases: SmallVec::new(),
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::domain::id::{Owner, PostingId};
    use crate::domain::posting::Facet;

    fn posting(n: u64, max: u64, keep_until: Option<Timestamp>) -> Command {
        let key = Key { owner: Owner([7; 16]), facet: Facet(9) };
        Command::Post(Posting {
            id: PostingId([1; 16]),
            fingerprint: 5,
            mode: Mode::Post,
            size: 0,
            legs: smallvec![Leg::Count { key, n, max, keep_until }],
            note: b"note".to_vec().into(),
            now: Timestamp(80),
        })
    }

    #[test]
    fn what_the_function_writes_is_the_receipt_that_is_told() {
        let command = posting(2, 9, Some(Timestamp(100)));
        let foreseen = Foreseen::of(&command).unwrap();
        let mut told = Writer::default();
        told.uint(77);
        told.uint(6);
        let told = foreseen.receipt(&mut Reader::new(&told.done())).unwrap();
        let after = told.results.iter().map(|result| result.after).collect::<Vec<_>>();
        assert_eq!((told.event, after), (77, vec![6]));
        let mut kept = Writer(foreseen.receipt_up_to_event());
        kept.uint(77);
        kept.packed(&foreseen.receipt_up_to_count());
        kept.uint(6);
        kept.packed(&foreseen.receipt_from_count_on());
        let kept = kept.done();
        let mut reader = Reader::new(&kept);
        assert_eq!(reader.receipt_and_spread(told.id).unwrap(), (told, None));
        assert!(reader.is_empty());
    }

    #[test]
    fn only_what_is_used_up_for_good_is_a_first_use() {
        let is_first = |command: Command| Foreseen::of(&command).map(|one| one.is_first());
        assert_eq!(is_first(posting(1, 1, None)), Some(true));
        assert_eq!(is_first(posting(2, 2, None)), Some(true));
        assert_eq!(is_first(posting(1, 2, None)), Some(false));
        assert_eq!(is_first(posting(1, 1, Some(Timestamp(100)))), Some(false));
        assert_eq!(is_first(posting(0, 0, None)), None);
    }
}
