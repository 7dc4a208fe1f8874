//! Legs taking effect, and being undone exactly.

use smallvec::SmallVec;

use super::hold::earning_amount;
use super::{
    Balance, Book, Counter, Key, Leg, LegResult, Receipt, Record, Register, Slot, Timestamp,
};
use crate::domain::posting::{AtCap, Mark, Opening, Setting, Take, bit, share};

/// In which account a posting's capacity stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Force {
    /// Kept by a hold; the books of holds say how much.
    Held,
    /// Used.
    Used,
}

/// What undoing could not put back as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Losses {
    /// Returned to lots that are over.
    pub(super) lapsed: u64,
    /// Earned, but spent meanwhile.
    pub(super) short: u64,
}

impl Book {
    /// Applies legs whose guards have passed.
    pub(super) fn take_all(
        &mut self,
        legs: &[Leg],
        force: Force,
        now: Timestamp,
    ) -> SmallVec<[LegResult; 2]> {
        let mut results = SmallVec::<[LegResult; 2]>::new();
        for leg in legs {
            // What earlier legs of a hold will earn is in no balance yet, but takes its room.
            let same = |(earlier, _): &(&Leg, &LegResult)| earlier.key() == leg.key();
            let earlier = legs.iter().zip(&results).filter(same);
            let promised = match force {
                Force::Held => earlier.map(|(leg, result)| earning_amount(leg, result, 1, 1)).sum(),
                Force::Used => 0,
            };
            results.push(self.take(leg, force, promised, now));
        }
        results
    }

    /// Applies one leg whose guard has passed; `promised` is what earlier legs of the same hold
    /// will earn.
    pub(super) fn take(
        &mut self,
        leg: &Leg,
        force: Force,
        promised: u64,
        now: Timestamp,
    ) -> LegResult {
        match leg {
            Leg::Count { key, n, keep_until, .. } => {
                self.count(key, if force == Force::Used { *n } else { 0 }, *keep_until);
                LegResult { amount: *n, ..LegResult::default() }
            }
            Leg::Once { .. } => self.take_once(leg, now),
            Leg::Interval { key, mark, .. } => {
                let before = self.register_at(key, now);
                if *mark == Mark::First && before.is_some() {
                    return LegResult { before, ..LegResult::default() };
                }
                self.set_register(key, now.0, None);
                LegResult { amount: 1, before, ..LegResult::default() }
            }
            Leg::Zone { key, to, keep_until, .. } => {
                let before = self.register_at(key, now);
                self.set_register(key, to.cast_signed(), *keep_until);
                LegResult { amount: 1, before, ..LegResult::default() }
            }
            Leg::Spend { key, amount, take, opening } => {
                let mut balance = self.open_balance(key, *opening);
                balance.lapse(now);
                let wanted = match take {
                    Take::Exact => *amount,
                    Take::UpTo => (*amount).min(balance.available(now)),
                };
                let lots = balance.spend(wanted, now);
                let amount = lots.iter().map(|part| part.amount).sum();
                self.write(Record::Balance(*key, balance));
                LegResult { amount, lots, ..LegResult::default() }
            }
            Leg::Earn { .. } => self.take_earn(leg, force, promised, now),
        }
    }

    /// The first posting sets the marker anew, with its own end, and is the only one that counts.
    fn take_once(&mut self, leg: &Leg, now: Timestamp) -> LegResult {
        let Leg::Once { marker, key, n, keep_until, counter_keep_until, .. } = leg else {
            return LegResult::default();
        };
        let known = self.marker_at(marker, now);
        let used = known.map_or(0, |known| known.used).saturating_add(1);
        let keep_until =
            known.map_or(keep_until.unwrap_or(Timestamp::NEVER), |known| known.keep_until);
        self.write(Record::Counter(*marker, Counter { used, keep_until }));
        let amount = if known.is_none() { *n } else { 0 };
        if known.is_none() {
            self.count(key, *n, *counter_keep_until);
        }
        let is_for_ever = keep_until == Timestamp::NEVER;
        let before = (!is_for_ever).then_some(Setting { value: keep_until.0, event: 0 });
        LegResult { amount, before, ..LegResult::default() }
    }

    /// What is held is not spendable yet: an earning takes effect when its hold is confirmed.
    fn take_earn(&mut self, leg: &Leg, force: Force, promised: u64, now: Timestamp) -> LegResult {
        let Leg::Earn { key, amount, opening, .. } = leg else { return LegResult::default() };
        let mut balance = self.open_balance(key, *opening);
        balance.lapse(now);
        let amount = self.fitting(leg, &balance).saturating_sub(promised).min(*amount);
        if force == Force::Used {
            earn(&mut balance, leg, amount);
        }
        self.write(Record::Balance(*key, balance));
        LegResult { amount, ..LegResult::default() }
    }

    fn fitting(&self, leg: &Leg, balance: &Balance) -> u64 {
        let Leg::Earn { key, cap: Some(cap), at_cap: AtCap::Clamp, .. } = leg else {
            return u64::MAX;
        };
        let standing = balance.in_lots().saturating_add(self.held(key));
        cap.saturating_sub(standing).saturating_sub(self.earning(key))
    }

    /// Moves what is in force of a posting from one account and quantity to another: of those of
    /// its legs that are among `legs` and not gone.
    pub(super) fn settle(
        &mut self,
        receipt: &Receipt,
        legs: u64,
        from: (Force, u64),
        to: (Force, u64),
        now: Timestamp,
    ) -> Losses {
        let mut losses = Losses::default();
        // The last change is undone first. What was spent comes back before what was earned is
        // taken back, or that would seem to be spent.
        let which = legs & !receipt.gone;
        let undone = || {
            let legs = receipt.legs.iter().zip(&receipt.results).enumerate().rev();
            legs.filter(|(leg, _)| which & bit(*leg) != 0).map(|(_, leg)| leg)
        };
        let is_earn = |leg: &Leg| matches!(leg, Leg::Earn { .. });
        let earns_last = undone()
            .filter(|(leg, _)| !is_earn(leg))
            .chain(undone().filter(|(leg, _)| is_earn(leg)));
        for (leg, result) in earns_last {
            let had = share(result.amount, from.1, receipt.size);
            let keeps = share(result.amount, to.1, receipt.size);
            match leg {
                Leg::Count { key, keep_until, .. } => {
                    let used_before = if from.0 == Force::Used { had } else { 0 };
                    let used_after = if to.0 == Force::Used { keeps } else { 0 };
                    let is_over = keep_until.is_some_and(|end| end <= now);
                    if !is_over || self.counters.contains_key(key) {
                        self.recount(key, used_before, used_after, *keep_until);
                    }
                }
                Leg::Once { .. } => {
                    if to.1 == 0 && from.1 > 0 {
                        self.unmark(leg, result.before, now);
                    }
                }
                Leg::Interval { key, .. } | Leg::Zone { key, .. } => {
                    if to.1 == 0 && from.1 > 0 && result.amount > 0 {
                        self.unset(key, result.before, receipt.event);
                    }
                }
                Leg::Spend { key, .. } => {
                    let mut balance = self.open_balance(key, None);
                    losses.lapsed += balance.give_back(&result.lots, had, keeps, now);
                    balance.lapse(now);
                    self.write(Record::Balance(*key, balance));
                }
                Leg::Earn { .. } => {
                    losses.short += self.settle_earn(leg, (from.0, had), (to.0, keeps), now);
                }
            }
        }
        losses
    }

    fn settle_earn(
        &mut self,
        leg: &Leg,
        from: (Force, u64),
        to: (Force, u64),
        now: Timestamp,
    ) -> u64 {
        let Leg::Earn { key, lot_expires, spendable_from, claw_back, .. } = leg else { return 0 };
        let mut balance = self.open_balance(key, None);
        balance.lapse(now);
        let short = match (from.0, to.0) {
            // Its room under the cap was kept, so it is exactly what undoing will take back.
            (Force::Held, Force::Used) => {
                earn(&mut balance, leg, to.1);
                0
            }
            (Force::Used, _) => {
                balance.take_back(from.1 - to.1, *lot_expires, *spendable_from, *claw_back)
            }
            (Force::Held, Force::Held) => 0,
        };
        self.write(Record::Balance(*key, balance));
        short
    }

    /// Adds to a counter, making it if need be. Zero still touches it, so that events tell what is
    /// held.
    fn count(&mut self, key: &Key, n: u64, keep_until: Option<Timestamp>) {
        let known = self.counters.get(key).copied();
        let keep_until = known.map_or(keep_until.unwrap_or(Timestamp::NEVER), |c| c.keep_until);
        let used = known.map_or(0, |counter| counter.used).saturating_add(n);
        self.write(Record::Counter(*key, Counter { used, keep_until }));
    }

    /// A counter that was forgotten stays forgotten when something is given back to it. What was
    /// held and is confirmed after its period counts for nothing any more.
    fn recount(&mut self, key: &Key, before: u64, after: u64, keep_until: Option<Timestamp>) {
        if before == 0 && after > 0 {
            self.count(key, after, keep_until);
            return;
        }
        let Some(counter) = self.counters.get(key).copied() else { return };
        let used = counter.used.saturating_sub(before).saturating_add(after);
        self.write(Record::Counter(*key, Counter { used, ..counter }));
    }

    /// Takes one posting off a marker; with the last one, the day no longer counts. When the marker
    /// is over nobody knows whether others shared the day, so it goes on counting; and one that was
    /// set later is of other postings.
    fn unmark(&mut self, leg: &Leg, before: Option<Setting>, now: Timestamp) {
        let Leg::Once { marker, key, n, .. } = leg else { return };
        let Some(known) = self.marker_at(marker, now) else { return };
        if before.is_some_and(|before| before.value != known.keep_until.0) {
            return;
        }
        self.recount(marker, 1, 0, None);
        if known.used == 1 {
            self.recount(key, *n, 0, None);
        }
    }

    /// Puts back what a register held, unless somebody has set it since.
    fn unset(&mut self, key: &Key, before: Option<Setting>, event: u64) {
        let Some(register) = self.registers.get(key).copied() else { return };
        if register.setting.event != event {
            return;
        }
        match before {
            Some(setting) => self.write(Record::Register(*key, Register { setting, ..register })),
            None => {
                self.registers.remove(key);
                self.touch(Slot::Register(*key));
            }
        }
    }

    fn set_register(&mut self, key: &Key, value: i64, keep_until: Option<Timestamp>) {
        let keep_until = keep_until.unwrap_or(Timestamp::NEVER);
        // The event that is about to be recorded.
        let setting = Setting { value, event: self.last_event() + 1 };
        self.write(Record::Register(*key, Register { setting, keep_until }));
    }

    fn open_balance(&self, key: &Key, opening: Option<Opening>) -> Balance {
        self.balances.get(key).cloned().unwrap_or_else(|| Balance::opened(opening))
    }
}

fn earn(balance: &mut Balance, leg: &Leg, amount: u64) {
    if let Leg::Earn { lot_expires, spendable_from, .. } = leg {
        balance.put_in(amount, *lot_expires, *spendable_from);
    }
}
