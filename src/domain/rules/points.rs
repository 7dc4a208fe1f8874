//! What an order puts into the customer's account, once all its campaigns have taken their part.
//!
//! Knows no balance: what fits into the account, the ledger decides.

use crate::domain::account::{Account, RedeemAndEarn, Weights};
use crate::domain::campaign::{BalanceOf, Basis, Effect, Points};
use crate::domain::posting::AMOUNT_MAX;

use super::conditions::Matching;
use super::{Earning, Offer, Question, Running, conditions, effects};

/// Whether the code can earn anything at all.
pub(super) fn may_earn(question: &Question<'_, '_>) -> bool {
    question.worth.effects.iter().any(|effect| matches!(effect, Effect::Points { .. }))
}

/// Whether the offer takes something out of the customer's account.
pub(super) fn spends(offer: &Offer) -> bool {
    offer.spend.is_some() || offer.draw.is_some_and(|draw| draw.of == BalanceOf::Account)
}

/// What the code earns. `running` is the order as all its codes leave it; `is_spent` says whether
/// any of them takes something out of the same account.
pub(super) fn earning(
    question: &Question<'_, '_>,
    matching: Matching,
    running: &Running,
    is_spent: bool,
) -> Option<Earning> {
    let account = question.account?;
    let calendar = question.campaign.calendar;
    let mut amount = 0_u64;
    for effect in &question.worth.effects {
        if let Effect::Points { points, times } = effect {
            amount = amount.saturating_add(match points {
                Points::Fixed(n) => {
                    n.saturating_mul(effects::count(*times, question.order, matching))
                }
                Points::ByWeight
                    if is_spent && account.redeem_and_earn == RedeemAndEarn::EarnsNothing =>
                {
                    0
                }
                Points::ByWeight => weighed(question, account, matching, running),
            });
        }
    }
    if amount == 0 {
        return None;
    }
    let booked = conditions::booked(question);
    let begin = calendar.begin_of(booked);
    let pending = chrono::Days::new(account.pending_days.into());
    Some(Earning {
        amount: amount.min(AMOUNT_MAX),
        expires: account.lasts.map(|l| calendar.end_of_validity(begin, l.count, l.unit)),
        spendable_from: (account.pending_days > 0)
            .then(|| booked.checked_add_days(pending).map(|day| calendar.begin_of(day)))
            .flatten(),
    })
}

/// One for every so much that is paid.
fn weighed(
    question: &Question<'_, '_>,
    account: &Account,
    matching: Matching,
    running: &Running,
) -> u64 {
    let whole = |minor: i64, weight: i64| {
        minor.checked_div(weight).and_then(|points| u64::try_from(points).ok()).unwrap_or(0)
    };
    match &account.weights {
        Weights::None => 0,
        Weights::Cart(weight) => whole(running.base_minor(Basis::Running, matching), *weight),
        Weights::ByProductType(weights) => {
            let paid = |product_type: &str| -> i64 {
                let own = matching.lines_of_type(question.order, product_type);
                let lines = running.lines_minor().iter().enumerate();
                lines.filter(|&(place, _)| own.has_line(place)).map(|(_, minor)| minor).sum()
            };
            let points = |(of, weight): &(Box<str>, i64)| whole(paid(of), *weight);
            weights.iter().map(points).fold(0, u64::saturating_add)
        }
    }
}
