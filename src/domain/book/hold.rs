//! Open holds: found by their end, and by what they keep.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::settle::Force;
use super::{Book, Event, EventKind, Key, Leg, LegResult, Receipt, State, Timestamp};
use crate::domain::id::PostingId;
use crate::domain::posting::share;

/// The open holds on one key.
#[derive(Debug, Default)]
pub(super) struct Holds {
    /// What they keep together.
    pub(super) amount: u64,
    /// What they will earn when they are confirmed: room under the balance's cap.
    pub(super) earning: u64,
    /// Their ends.
    pub(super) ends: BTreeSet<(Timestamp, PostingId)>,
}

/// Most holds that are looked at to say when enough of them will have ended; beyond, the answer is
/// "not before that".
const HOLDS_LOOKED_AT_MAX: usize = 64;

/// What a leg keeps in the held account of its key when `live` of `size` are held. Distinct days
/// count as used at once, because two postings may share one.
pub(super) fn held_amount(leg: &Leg, result: &LegResult, live: u64, size: u64) -> u64 {
    match leg {
        Leg::Count { .. } | Leg::Spend { .. } => share(result.amount, live, size),
        Leg::Once { .. } | Leg::Interval { .. } | Leg::Zone { .. } | Leg::Earn { .. } => 0,
    }
}

/// What a leg will put into its balance when `live` of `size` are confirmed.
pub(super) fn earning_amount(leg: &Leg, result: &LegResult, live: u64, size: u64) -> u64 {
    if matches!(leg, Leg::Earn { .. }) { share(result.amount, live, size) } else { 0 }
}

impl Book {
    /// How many open holds ended before `moment`; at most `most` are counted.
    #[must_use]
    pub fn holds_ended_before(&self, moment: Timestamp, most: usize) -> usize {
        self.holds_by_end.iter().take_while(|(until, _)| *until < moment).take(most).count()
    }

    /// Enters a hold into the books of holds.
    pub(super) fn open_hold(&mut self, receipt: &Receipt, until: Timestamp) {
        self.holds_by_end.insert((until, receipt.id));
        for (leg, result) in receipt.in_force() {
            let holds = self.holds_by_key.entry(*leg.key()).or_default();
            holds.amount += held_amount(leg, result, receipt.live(), receipt.size);
            holds.earning += earning_amount(leg, result, receipt.live(), receipt.size);
            holds.ends.insert((until, receipt.id));
        }
    }

    /// Takes a hold out of the books of holds; `receipt` is as it was while it was held.
    pub(super) fn close_hold(&mut self, receipt: &Receipt) {
        let Some(until) = receipt.until else { return };
        self.holds_by_end.remove(&(until, receipt.id));
        for (leg, result) in receipt.in_force() {
            let key = leg.key();
            let Some(holds) = self.holds_by_key.get_mut(key) else { continue };
            let (live, size) = (receipt.live(), receipt.size);
            holds.amount = holds.amount.saturating_sub(held_amount(leg, result, live, size));
            holds.earning = holds.earning.saturating_sub(earning_amount(leg, result, live, size));
            holds.ends.remove(&(until, receipt.id));
            if holds.ends.is_empty() {
                self.holds_by_key.remove(key);
            }
        }
    }

    /// Ends the holds on the legs' keys whose time is over.
    pub(super) fn reclaim(&mut self, legs: &[Leg], now: Timestamp) {
        if self.holds_by_end.first().is_none_or(|(until, _)| *until > now) {
            return;
        }
        for leg in legs {
            let key = leg.key();
            while let Some(&(until, id)) = self.holds_by_key.get(key).and_then(|h| h.ends.first()) {
                if until > now {
                    break;
                }
                self.expire(id, now);
            }
        }
    }

    /// Ends at most `most` holds whose time is over, oldest end first. Says how many.
    pub fn expire_due(&mut self, now: Timestamp, most: usize) -> usize {
        let mut ended = 0;
        while let Some(&(until, id)) = self.holds_by_end.first() {
            if until > now || ended >= most {
                break;
            }
            self.expire(id, now);
            ended += 1;
        }
        ended
    }

    /// Ends the hold `id` if its time is over.
    pub(super) fn expire_if_over(&mut self, id: PostingId, now: Timestamp) {
        let over = self.receipts.get(&id).is_some_and(|receipt| {
            receipt.state == State::Held && receipt.until.is_some_and(|until| until <= now)
        });
        if over {
            self.expire(id, now);
        }
    }

    fn expire(&mut self, id: PostingId, now: Timestamp) {
        let Some(known) = self.receipts.remove(&id) else { return };
        let mut receipt = Arc::unwrap_or_clone(known);
        self.close_hold(&receipt);
        let live = receipt.live();
        self.settle(&receipt, u64::MAX, (Force::Held, live), (Force::Held, 0), now);
        receipt.state = State::Expired;
        self.record(EventKind::Expired, &receipt, now);
        self.receipts.insert(id, Arc::new(receipt));
    }

    /// What open holds will put into the balance `key`.
    pub(super) fn earning(&self, key: &Key) -> u64 {
        self.holds_by_key.get(key).map_or(0, |holds| holds.earning)
    }

    /// What the holds on `key` keep that are over but were not ended yet: readers cannot end them.
    pub(super) fn held_but_over(&self, key: &Key, now: Timestamp) -> u64 {
        let Some(holds) = self.holds_by_key.get(key) else { return 0 };
        holds
            .ends
            .iter()
            .take_while(|(until, _)| *until <= now)
            .map(|(_, id)| self.kept_by(id, key))
            .sum()
    }

    /// How long until holds on `key` that keep at least `needed` have ended. `None` when they never
    /// give so much.
    pub(super) fn retry_after(&self, key: &Key, needed: u64, now: Timestamp) -> Option<u64> {
        let holds = self.holds_by_key.get(key)?;
        if needed > holds.amount || holds.ends.is_empty() {
            return None;
        }
        let mut freed = 0_u64;
        let mut last = now;
        for (until, id) in holds.ends.iter().filter(|(u, _)| *u > now).take(HOLDS_LOOKED_AT_MAX) {
            freed += self.kept_by(id, key);
            last = *until;
            if freed >= needed {
                break;
            }
        }
        Some(last.since_ms(now))
    }

    fn kept_by(&self, id: &PostingId, key: &Key) -> u64 {
        let Some(receipt) = self.receipts.get(id) else { return 0 };
        receipt
            .in_force()
            .filter(|(leg, _)| leg.key() == key)
            .map(|(leg, result)| held_amount(leg, result, receipt.live(), receipt.size))
            .sum()
    }

    /// The newest events that were not taken yet.
    #[must_use]
    pub fn untaken_events(&self) -> &[Event] {
        &self.events
    }
}

#[cfg(test)]
mod tests {
    use smallvec::smallvec;

    use super::*;
    use crate::domain::id::Owner;
    use crate::domain::posting::{Command, FacetKind, Mode, Posting};

    #[test]
    fn holds_that_are_over_are_counted_until_they_are_ended() {
        let mut book = Book::new();
        for until in [10, 20, 30] {
            let key = Key::of(Owner([1; 16]), FacetKind::Uses);
            let id = PostingId([u8::try_from(until).unwrap_or(0); 16]);
            let legs = smallvec![Leg::Count { key, n: 1, max: 9, keep_until: None }];
            let (mode, now) = (Mode::Hold { until: Timestamp(until) }, Timestamp(1));
            let note = Box::default();
            let posting = Posting { id, fingerprint: 0, mode, size: 1, legs, note, now };
            book.apply(&Command::Post(posting));
        }
        let over = |book: &Book, now| book.holds_ended_before(Timestamp(now), 9);
        assert_eq!((over(&book, 10), over(&book, 11), over(&book, 99)), (0, 1, 3));
        assert_eq!(book.holds_ended_before(Timestamp(99), 2), 2);
        book.expire_due(Timestamp(25), 9);
        assert_eq!(over(&book, 99), 1);
    }
}
