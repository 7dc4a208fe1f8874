//! Guards: whether the legs of a posting may be applied. Reads only, so that *validate* can ask as well.

use super::{Balance, Book, Key, Timestamp};
use crate::domain::posting::{AtCap, Blocked, Leg, Take, Unset};

impl Book {
    /// Checks the guards of `legs` in their order; the first that fails is the answer. Legs of one posting that share
    /// a key are counted together.
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
                    if self.used(marker) == 0 && !before.iter().any(|leg| marks(leg, marker)) {
                        self.check_count(place, key, *n, *max, before, now)?;
                    }
                }
                Leg::Interval { key, min_ms, .. } => {
                    self.check_interval(place, key, *min_ms, now)?;
                }
                Leg::Zone { key, from, from_unset, .. } => {
                    let at = self.register(key).map(i64::cast_unsigned);
                    let passes = match at {
                        Some(at) => at == *from,
                        None => *from_unset == Unset::Passes,
                    };
                    if !passes {
                        return Err(Blocked::Elsewhere { leg: place, at });
                    }
                }
                Leg::Spend { .. } => self.check_spend(place, leg, before, now)?,
                Leg::Earn { .. } => self.check_earn(place, leg, now)?,
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
        let pending: u64 = before.iter().map(|leg| counts_on(leg, key)).sum();
        let asked = used.saturating_add(pending).saturating_add(n);
        if asked.saturating_add(held) <= max {
            return Ok(());
        }
        let needed = asked.saturating_add(held).saturating_sub(max);
        let retry_after_ms = if asked <= max { self.retry_after(key, needed, now) } else { None };
        Err(Blocked::Guard { leg, used, held, max, retry_after_ms })
    }

    fn check_interval(
        &self,
        leg: usize,
        key: &Key,
        min_ms: i64,
        now: Timestamp,
    ) -> Result<(), Blocked> {
        let Some(last) = self.register(key) else { return Ok(()) };
        let next = Timestamp(last).plus_ms(min_ms);
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
        let pending: u64 = before.iter().map(|leg| spends_on(leg, key)).sum();
        let available = balance.available(now).saturating_add(over).saturating_sub(pending);
        let needed = match take {
            Take::Exact => *amount,
            Take::UpTo => 1,
        };
        if available >= needed {
            return Ok(());
        }
        let held = self.held(key).saturating_sub(over);
        let retry_after_ms = if available.saturating_add(held) >= needed {
            self.retry_after(key, needed - available, now)
        } else {
            None
        };
        Err(Blocked::Guard { leg: place, used: available, held, max: *amount, retry_after_ms })
    }

    fn check_earn(&self, place: usize, leg: &Leg, now: Timestamp) -> Result<(), Blocked> {
        let Leg::Earn { key, amount, lot_expires, cap, at_cap, opening } = leg else {
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
        if !balance.has_room(*lot_expires) {
            return Err(Blocked::TooManyLots { leg: place });
        }
        let standing = balance.available(now).saturating_add(self.held(key));
        match (cap, at_cap) {
            (Some(cap), AtCap::Refuse) if standing.saturating_add(*amount) > *cap => {
                Err(Blocked::Cap { leg: place, balance: standing, max: *cap })
            }
            _ => Ok(()),
        }
    }
}

fn marks(leg: &Leg, wanted: &Key) -> bool {
    matches!(leg, Leg::Once { marker, .. } if marker == wanted)
}

fn counts_on(leg: &Leg, wanted: &Key) -> u64 {
    if let Leg::Count { key, n, .. } | Leg::Once { key, n, .. } = leg
        && key == wanted
    {
        return *n;
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
