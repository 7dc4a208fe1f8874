//! Guards: whether the legs of a posting may be applied. Reads only, so that *validate* can ask as
//! well.

use super::{Balance, Book, Counter, Key, Timestamp};
use crate::domain::posting::{AMOUNT_MAX, AtCap, Blocked, Leg, Setting, Take, Unset};

impl Book {
    /// Checks the guards of `legs` in their order; the first that fails is the answer. Legs of one
    /// posting that share a key are counted together.
    ///
    /// # Errors
    /// [`Blocked`] says which guard fails and what it found.
    pub fn check(&self, legs: &[Leg], now: Timestamp) -> Result<(), Blocked> {
        for (place, leg) in legs.iter().enumerate() {
            let before = legs.get(..place).unwrap_or_default();
            match leg {
                Leg::Count { key, n, max, .. } => {
                    self.check_count(place, key, *n, *max, before, now)?;
                }
                Leg::Once { marker, key, n, max, .. } => {
                    if !self.is_marked(marker, before, now) {
                        self.check_count(place, key, *n, *max, before, now)?;
                    }
                }
                Leg::Interval { key, min_ms, .. } => {
                    self.check_interval(place, key, *min_ms, now)?;
                }
                Leg::Zone { key, from, from_unset, .. } => {
                    let at = self.register_at(key, now).map(|at| at.value.cast_unsigned());
                    let passes = match at {
                        Some(at) => at == *from,
                        None => *from_unset == Unset::Passes,
                    };
                    if !passes {
                        return Err(Blocked::Elsewhere { leg: place, at });
                    }
                }
                Leg::Spend { .. } => self.check_spend(place, leg, before, now)?,
                Leg::Earn { .. } => self.check_earn(place, leg, before, now)?,
            }
        }
        Ok(())
    }

    fn check_count(
        &self,
        leg: usize,
        key: &Key,
        n: u64,
        max: u64,
        before: &[Leg],
        now: Timestamp,
    ) -> Result<(), Blocked> {
        let used = self.used(key);
        let held = self.held(key).saturating_sub(self.held_but_over(key, now));
        let asked = used.saturating_add(self.pending(before, key, now)).saturating_add(n);
        let limit = max.min(AMOUNT_MAX);
        let needed = asked.saturating_add(held).saturating_sub(limit);
        if needed == 0 {
            return Ok(());
        }
        let retry_after_ms = if asked <= limit { self.retry_after(key, needed, now) } else { None };
        Err(Blocked::Guard { leg, used, held, max, retry_after_ms })
    }

    fn check_interval(
        &self,
        leg: usize,
        key: &Key,
        min_ms: i64,
        now: Timestamp,
    ) -> Result<(), Blocked> {
        let Some(last) = self.register_at(key, now) else { return Ok(()) };
        let next = Timestamp(last.value).plus_ms(min_ms);
        if min_ms <= 0 || next <= now {
            return Ok(());
        }
        Err(Blocked::TooSoon { leg, retry_after_ms: next.since_ms(now) })
    }

    fn check_spend(
        &self,
        place: usize,
        leg: &Leg,
        before: &[Leg],
        now: Timestamp,
    ) -> Result<(), Blocked> {
        let Leg::Spend { key, amount, take, opening } = leg else { return Ok(()) };
        let opened;
        let balance = match self.balances.get(key) {
            Some(balance) => balance,
            None => {
                opened = Balance::opened(*opening);
                &opened
            }
        };
        let over = self.held_but_over(key, now);
        let pending = sum(before.iter().map(|leg| spends_on(leg, key)));
        // What holds give back pays a debt first.
        let over_debt = over.saturating_sub(balance.debt);
        let owed = balance.debt.saturating_sub(over);
        let available = balance.available(now).saturating_add(over_debt).saturating_sub(pending);
        let needed = match take {
            Take::Exact => *amount,
            Take::UpTo => 1,
        };
        if available >= needed {
            return Ok(());
        }
        let held = self.held(key).saturating_sub(over);
        let missing = needed.saturating_add(owed) - available;
        let retry_after_ms =
            if held >= missing { self.retry_after(key, missing, now) } else { None };
        Err(Blocked::Guard { leg: place, used: available, held, max: *amount, retry_after_ms })
    }

    fn check_earn(
        &self,
        place: usize,
        leg: &Leg,
        before: &[Leg],
        now: Timestamp,
    ) -> Result<(), Blocked> {
        let Leg::Earn { key, amount, lot_expires, spendable_from, cap, at_cap, opening, .. } = leg
        else {
            return Ok(());
        };
        let opened;
        let balance = match self.balances.get(key) {
            Some(balance) => balance,
            None => {
                opened = Balance::opened(*opening);
                &opened
            }
        };
        if !balance.has_room(*lot_expires, *spendable_from, now) {
            return Err(Blocked::TooManyLots { leg: place });
        }
        let pending = sum(before.iter().map(|leg| earns_on(leg, key)));
        let coming = self.earning(key).saturating_add(pending);
        let earned = balance.earned.saturating_add(coming);
        if earned.saturating_add(*amount) > AMOUNT_MAX {
            return Err(Blocked::Cap { leg: place, balance: earned, max: AMOUNT_MAX });
        }
        // What the posting spends before makes room.
        let spent = sum(before.iter().map(|leg| spends_on(leg, key)));
        let left = balance.standing(now).saturating_sub(spent);
        let standing = left.saturating_add(self.held(key)).saturating_add(coming);
        match (cap, at_cap) {
            (Some(cap), AtCap::Refuse) if standing.saturating_add(*amount) > *cap => {
                Err(Blocked::Cap { leg: place, balance: standing, max: *cap })
            }
            _ => Ok(()),
        }
    }

    /// What earlier legs of the same posting count on `key`.
    fn pending(&self, before: &[Leg], key: &Key, now: Timestamp) -> u64 {
        sum(before.iter().enumerate().map(|(place, leg)| {
            let (n, marker) = match leg {
                Leg::Count { key: counted, n, .. } if counted == key => (*n, None),
                Leg::Once { key: counted, n, marker, .. } if counted == key => (*n, Some(marker)),
                Leg::Count { .. }
                | Leg::Once { .. }
                | Leg::Interval { .. }
                | Leg::Zone { .. }
                | Leg::Spend { .. }
                | Leg::Earn { .. } => return 0,
            };
            let earlier = before.get(..place).unwrap_or_default();
            let is_set = marker.is_some_and(|marker| self.is_marked(marker, earlier, now));
            if is_set { 0 } else { n }
        }))
    }

    /// Whether `marker` is set, or will be by the legs `before`.
    fn is_marked(&self, marker: &Key, before: &[Leg], now: Timestamp) -> bool {
        self.marker_at(marker, now).is_some() || before.iter().any(|leg| marks(leg, marker, now))
    }

    /// The marker `key`, if it is set and not over.
    pub(super) fn marker_at(&self, key: &Key, now: Timestamp) -> Option<Counter> {
        let is_set = |marker: &Counter| marker.used > 0 && marker.keep_until > now;
        self.counters.get(key).copied().filter(is_set)
    }

    /// What the register `key` holds, unless its period is over.
    pub(super) fn register_at(&self, key: &Key, now: Timestamp) -> Option<Setting> {
        let register = self.registers.get(key).filter(|register| register.keep_until > now)?;
        Some(register.setting)
    }
}

fn marks(leg: &Leg, wanted: &Key, now: Timestamp) -> bool {
    let Leg::Once { marker, keep_until, .. } = leg else { return false };
    marker == wanted && keep_until.is_none_or(|end| end > now)
}

fn sum(amounts: impl Iterator<Item = u64>) -> u64 {
    amounts.fold(0, u64::saturating_add)
}

fn earns_on(leg: &Leg, wanted: &Key) -> u64 {
    if let Leg::Earn { key, amount, .. } = leg
        && key == wanted
    {
        return *amount;
    }
    0
}

fn spends_on(leg: &Leg, wanted: &Key) -> u64 {
    if let Leg::Spend { key, amount, .. } = leg
        && key == wanted
    {
        return *amount;
    }
    0
}
