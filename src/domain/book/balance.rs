//! Balances: money or points in lots, each with its own end.

use smallvec::SmallVec;

use crate::domain::posting::{AMOUNT_MAX, ClawBack, LOTS_MAX, LotPart, Opening};
use crate::domain::time::Timestamp;

/// A balance. Lots + taken + lapsed = earned + debt, always, and there is a debt only while there
/// are no lots.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Balance {
    /// What is in it, by the end of its lots, those without an end last, then by when they can be
    /// spent; no two with the same moments.
    pub lots: SmallVec<[Lot; 1]>,
    /// All that was ever put in and not taken back.
    pub earned: u64,
    /// What was spent and not given back; what holds keep is in it.
    pub taken: u64,
    /// What came to its end unspent.
    pub lapsed: u64,
    /// What was spent although it was taken back since: whatever comes in pays this first.
    pub debt: u64,
}

/// Money or points that end together and can be spent from the same moment on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lot {
    /// How much.
    pub amount: u64,
    /// The first moment at which it can no longer be spent; absent: never.
    pub expires: Option<Timestamp>,
    /// The first moment at which it can be spent; absent: it always can.
    pub spendable_from: Option<Timestamp>,
}

impl Lot {
    fn can_be_spent(&self, now: Timestamp) -> bool {
        !self.is_over(now) && self.spendable_from.is_none_or(|from| from <= now)
    }

    fn is_of(&self, expires: Option<Timestamp>, from: Option<Timestamp>) -> bool {
        self.expires == expires && self.spendable_from == from
    }

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
            balance.put_in(opening.amount.min(AMOUNT_MAX), opening.expires, None);
        }
        balance
    }

    /// What is in all lots: those included that cannot be spent yet, and those whose end has come
    /// but was not written down.
    #[must_use]
    pub fn in_lots(&self) -> u64 {
        self.lots.iter().map(|lot| lot.amount).sum()
    }

    /// What can be spent at `now`.
    #[must_use]
    pub fn available(&self, now: Timestamp) -> u64 {
        self.lots.iter().filter(|lot| lot.can_be_spent(now)).map(|lot| lot.amount).sum()
    }

    /// What can be spent at `now` or later.
    #[must_use]
    pub fn standing(&self, now: Timestamp) -> u64 {
        self.lots.iter().filter(|lot| !lot.is_over(now)).map(|lot| lot.amount).sum()
    }

    /// Whether a lot of these moments finds room; lots that are over take none.
    pub(super) fn has_room(
        &self,
        expires: Option<Timestamp>,
        from: Option<Timestamp>,
        now: Timestamp,
    ) -> bool {
        let mut live = self.lots.iter().filter(|lot| !lot.is_over(now));
        live.clone().count() < LOTS_MAX || live.any(|lot| lot.is_of(expires, from))
    }

    /// Writes down the lots whose end has come.
    pub(super) fn lapse(&mut self, now: Timestamp) {
        let over: u64 = self.lots.iter().filter(|lot| lot.is_over(now)).map(|lot| lot.amount).sum();
        self.lots.retain(|lot| !lot.is_over(now));
        self.lapsed += over;
    }

    /// Puts in something new.
    pub(super) fn put_in(
        &mut self,
        amount: u64,
        expires: Option<Timestamp>,
        from: Option<Timestamp>,
    ) {
        self.earned += amount;
        let rest = self.pay(amount);
        self.add(rest, expires, from);
    }

    /// Takes up to `amount` of what can be spent at `now`, from the lot that ends first.
    pub(super) fn spend(&mut self, amount: u64, now: Timestamp) -> SmallVec<[LotPart; 1]> {
        let mut left = amount;
        let mut parts = SmallVec::new();
        for lot in self.lots.iter_mut().filter(|lot| lot.can_be_spent(now)) {
            let part = lot.amount.min(left);
            if part > 0 {
                lot.amount -= part;
                left -= part;
                let Lot { expires, spendable_from, .. } = *lot;
                parts.push(LotPart { amount: part, expires, spendable_from });
            }
        }
        self.lots.retain(|lot| lot.amount > 0);
        self.taken += amount - left;
        parts
    }

    /// Gives back what lies between `keep` and `had` of what `parts` took, to lots with their
    /// original moments. Says how much of it returned to lots that are over.
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
            let rest = self.pay(back);
            if part.expires.is_some_and(|expires| expires <= now) {
                self.lapsed += rest;
                lapsed += rest;
            } else {
                self.add(rest, part.expires, part.spendable_from);
            }
        }
        lapsed
    }

    /// Takes back `amount` of what was put in: from the lot of these moments, then from those that
    /// end first. Says how much was not there.
    pub(super) fn take_back(
        &mut self,
        amount: u64,
        expires: Option<Timestamp>,
        from: Option<Timestamp>,
        claw_back: ClawBack,
    ) -> u64 {
        // No more than came in, whatever a damaged record says.
        let amount = amount.min(self.earned);
        let mut left = amount;
        let own_first = self.lots.iter().position(|lot| lot.is_of(expires, from));
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
        match claw_back {
            ClawBack::Floor => self.earned -= amount - left,
            ClawBack::Debt => {
                self.earned -= amount;
                self.debt += left;
            }
        }
        left
    }

    /// Pays what is owed out of `amount`, and says what is left of it.
    fn pay(&mut self, amount: u64) -> u64 {
        let paid = self.debt.min(amount);
        self.debt -= paid;
        amount - paid
    }

    fn add(&mut self, amount: u64, expires: Option<Timestamp>, spendable_from: Option<Timestamp>) {
        if amount == 0 {
            return;
        }
        let order = |expires: Option<Timestamp>, from| (expires.unwrap_or(Timestamp::NEVER), from);
        let place = self.lots.partition_point(|lot| {
            order(lot.expires, lot.spendable_from) < order(expires, spendable_from)
        });
        match self.lots.get_mut(place) {
            Some(lot) if lot.is_of(expires, spendable_from) => lot.amount += amount,
            _ => self.lots.insert(place, Lot { amount, expires, spendable_from }),
        }
    }
}
