//! Drawing on a balance: the code's own, or the customer's account.

use super::Giving;
use crate::domain::account::AccountUnit;
use crate::domain::campaign::{BalanceOf, Basis, Effect, Points, Remainder};
use crate::domain::posting::{AMOUNT_MAX, Opening, Take};
use crate::domain::rules::{Draw, limits_money};

/// A balance as it was last seen.
struct Purse {
    /// How much is there.
    there: u64,
    /// What one unit of it pays, in minor units.
    unit_minor: i64,
}

impl Giving<'_, '_, '_> {
    /// Wishes a draw, and takes what it will be worth off the lines. A stated amount is drawn in
    /// full, by the first voucher of the order; else a lone voucher gives what it has, and several
    /// give what each was last seen to have, because how much the next must give follows from it. A
    /// money limit counts what is drawn, and weights weigh what it leaves to pay, so then it must
    /// be known, too. What is forfeited is drawn along.
    pub(super) fn draw(&mut self, of: BalanceOf, remainder: Remainder) {
        if self.offer.draw.is_some() {
            return;
        }
        let Some(Purse { there, unit_minor }) = self.purse(of) else { return };
        let base = self.base_minor(Basis::Running);
        let stated = self.running.asked_minor();
        let needed = stated.unwrap_or(base);
        let wanted = u64::try_from(needed / unit_minor).unwrap_or(0);
        if wanted == 0 {
            return;
        }
        let (most, worth_minor_max) = match remainder {
            Remainder::Kept => (wanted, i64::MAX),
            Remainder::Forfeited => (AMOUNT_MAX, needed),
        };
        let seen = there.min(most);
        let (amount, take) = if stated.is_some() {
            (seen.max(wanted), Take::Exact)
        } else if !self.must_be_known() {
            (most, Take::UpTo)
        } else {
            // Of nothing, nothing can be drawn: the ledger is to say that it is empty.
            (if seen == 0 { wanted } else { seen }, Take::Exact)
        };
        self.offer.draw = Some(Draw { of, amount, take, unit_minor, worth_minor_max });
        let drawn = match take {
            Take::Exact => amount,
            Take::UpTo => seen,
        };
        let worth = i64::try_from(drawn).unwrap_or(i64::MAX).saturating_mul(unit_minor).min(needed);
        self.running.draw(worth);
        let off = worth.min(base);
        self.take(off);
        // The part of a stated amount that no line costs is drawn all the same.
        self.offer.worth_minor += worth - off;
    }

    /// The balance; none where an account of points does not say what a point pays.
    fn purse(&mut self, of: BalanceOf) -> Option<Purse> {
        let question = self.question;
        match of {
            BalanceOf::Code => {
                self.offer.opening = self.opening();
                let begins_with = self.offer.opening.map_or(0, |opening| opening.amount);
                Some(Purse { there: question.seen.balance.unwrap_or(begins_with), unit_minor: 1 })
            }
            BalanceOf::Account => {
                let account = question.account?;
                let unit_minor = match account.unit {
                    AccountUnit::Money(_) => 1,
                    AccountUnit::Points => account.pays_minor.filter(|&pays| pays > 0)?,
                };
                Some(Purse { there: question.seen.account.unwrap_or(0), unit_minor })
            }
        }
    }

    fn opening(&self) -> Option<Opening> {
        let amount = self.question.code.balance_minor.or(self.question.worth.balance_minor)?;
        let expires = self.admitted.until;
        Some(Opening { amount: u64::try_from(amount).unwrap_or(0), expires })
    }

    fn must_be_known(&self) -> bool {
        let weighs =
            |effect: &Effect| matches!(effect, Effect::Points { points: Points::ByWeight, .. });
        !self.question.alone
            || limits_money(self.question.campaign)
            || self.question.worth.effects.iter().any(weighs)
    }
}
