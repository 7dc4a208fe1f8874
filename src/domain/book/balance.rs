//! Balances: money or points in lots, each with its own end.

use smallvec::SmallVec;

use crate::domain::posting::{AMOUNT_MAX, LOTS_MAX, LotPart, Opening};
use crate::domain::time::Timestamp;

/// A balance. Lots + taken + lapsed = earned, always.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Balance {
    /// What can be spent, by the end of its lots, those without an end last; no two with the same
    /// end.
    pub lots: SmallVec<[Lot; 1]>,
    /// All that was ever put in.
    pub earned: u64,
    /// What was spent and not given back; what holds keep is in it.
    pub taken: u64,
    /// What came to its end unspent.
    pub lapsed: u64,
}

/// Money or points that end together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lot {
    /// How much.
    pub amount: u64,
    /// The first moment at which it can no longer be spent; absent: never.
    pub expires: Option<Timestamp>,
}

impl Lot {
    fn is_over(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

impl Balance {
    /// A balance with its first lot.
    #[must_use]
    pub fn opened(opening: Option<Opening>) -> Self {
        let mut balance = Self::default();
        if let Some(opening) = opening {
            balance.put_in(opening.amount.min(AMOUNT_MAX), opening.expires);
        }
        balance
    }

    /// What is in all lots, those included whose end has come but was not written down yet.
    #[must_use]
    pub fn in_lots(&self) -> u64 {
        self.lots.iter().map(|lot| lot.amount).sum()
    }

    /// What can be spent at `now`.
    #[must_use]
    pub fn available(&self, now: Timestamp) -> u64 {
        self.lots.iter().filter(|lot| !lot.is_over(now)).map(|lot| lot.amount).sum()
    }

    /// Whether a lot that ends at `expires` finds room; lots that are over take none.
    pub(super) fn has_room(&self, expires: Option<Timestamp>, now: Timestamp) -> bool {
        let mut live = self.lots.iter().filter(|lot| !lot.is_over(now));
        live.clone().count() < LOTS_MAX || live.any(|lot| lot.expires == expires)
    }

    /// Writes down the lots whose end has come.
    pub(super) fn lapse(&mut self, now: Timestamp) {
        let over: u64 = self.lots.iter().filter(|lot| lot.is_over(now)).map(|lot| lot.amount).sum();
        self.lots.retain(|lot| !lot.is_over(now));
        self.lapsed += over;
    }

    /// Puts in something new.
    pub(super) fn put_in(&mut self, amount: u64, expires: Option<Timestamp>) {
        self.earned += amount;
        self.add(amount, expires);
    }

    /// Takes up to `amount`, from the lot that ends first.
    pub(super) fn spend(&mut self, amount: u64) -> SmallVec<[LotPart; 1]> {
        let mut left = amount;
        let mut parts = SmallVec::new();
        for lot in &mut self.lots {
            let part = lot.amount.min(left);
            if part > 0 {
                lot.amount -= part;
                left -= part;
                parts.push(LotPart { amount: part, expires: lot.expires });
            }
        }
        self.lots.retain(|lot| lot.amount > 0);
        self.taken += amount - left;
        parts
    }

    /// Gives back what lies between `keep` and `had` of what `parts` took, to lots with their
    /// original end. Says how much of it returned to lots that are over.
    pub(super) fn give_back(
        &mut self,
        parts: &[LotPart],
        had: u64,
        keep: u64,
        now: Timestamp,
    ) -> u64 {
        let mut begin = 0_u64;
        let mut lapsed = 0;
        for part in parts {
            let end = begin + part.amount;
            let back = end.min(had).saturating_sub(begin.max(keep));
            begin = end;
            if back == 0 {
                continue;
            }
            self.taken -= back;
            if part.expires.is_some_and(|expires| expires <= now) {
                self.lapsed += back;
                lapsed += back;
            } else {
                self.add(back, part.expires);
            }
        }
        lapsed
    }

    /// Takes back up to `amount` of what was put in: from the lot that ends at `expires`, then from
    /// those that end first. Says how much was there.
    pub(super) fn take_back(&mut self, amount: u64, expires: Option<Timestamp>) -> u64 {
        let mut left = amount;
        let own_first = self.lots.iter().position(|lot| lot.expires == expires);
        if let Some(place) = own_first
            && let Some(own) = self.lots.get_mut(place)
        {
            let part = own.amount.min(left);
            own.amount -= part;
            left -= part;
        }
        for lot in &mut self.lots {
            let part = lot.amount.min(left);
            lot.amount -= part;
            left -= part;
        }
        self.lots.retain(|lot| lot.amount > 0);
        let taken = amount - left;
        self.earned -= taken;
        taken
    }

    fn add(&mut self, amount: u64, expires: Option<Timestamp>) {
        if amount == 0 {
            return;
        }
        let order = |end: Option<Timestamp>| end.unwrap_or(Timestamp::NEVER);
        let place = self.lots.partition_point(|lot| order(lot.expires) < order(expires));
        match self.lots.get_mut(place) {
            Some(lot) if lot.expires == expires => lot.amount += amount,
            _ => self.lots.insert(place, Lot { amount, expires }),
        }
    }
}
