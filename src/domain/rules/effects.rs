//! Effects: what a code is worth for an order.
//!
//! Effects apply one after the other to the lines that match, each to what the earlier ones left,
//! and are spread over those lines in proportion to what they cost.

use crate::domain::campaign::Effect;
use crate::domain::order::Order;
use crate::domain::posting::{Opening, Take};
use crate::domain::time::Timestamp;

use super::conditions::Matching;
use super::{Draw, Offer, Question, Running, limits_money};

/// An effect's name in documents.
pub(super) fn name(effect: &Effect) -> &'static str {
    match effect {
        Effect::Percent { .. } => "percent",
        Effect::Amount { .. } => "amount",
        Effect::Zero => "zero",
        Effect::Surcharge { .. } => "surcharge",
        Effect::Unit { .. } => "unit",
        Effect::Balance => "balance",
    }
}

/// The field that the order lacks for this effect.
pub(super) fn missing(effect: &Effect, order: &Order<'_>) -> Option<&'static str> {
    let unknown = order.total().is_none();
    match effect {
        Effect::Percent { .. } | Effect::Amount { .. } => unknown.then_some("total_minor"),
        Effect::Balance => (unknown && order.amount_minor.is_none()).then_some("amount_minor"),
        Effect::Zero | Effect::Surcharge { .. } | Effect::Unit { .. } => None,
    }
}

/// What the code is worth. `until` is the end of its validity, and of its opening lot.
pub(super) fn apply(
    question: &Question<'_, '_>,
    until: Option<Timestamp>,
    matching: Matching,
    running: &mut Running,
) -> Offer {
    let units = question.order.units;
    let mut offer = Offer { units, ..Offer::default() };
    offer.line_parts.resize(running.places(), 0);
    for effect in &question.worth.effects {
        let base = running.base_minor(matching);
        let off = match effect {
            Effect::Percent { percent, cap_minor } => {
                percent.of(base).min(cap_minor.unwrap_or(i64::MAX)).max(0)
            }
            Effect::Amount { amount_minor } => (*amount_minor).clamp(0, base),
            Effect::Zero => 0,
            Effect::Surcharge { amount_minor } => -(*amount_minor).max(0),
            Effect::Unit { product, quantity } => {
                // Who takes two of ten coffees gets two.
                offer.products.push((product.clone(), quantity.saturating_mul(units)));
                0
            }
            Effect::Balance => balance(question, until, base, running, &mut offer),
        };
        running.take(off, matching, &mut offer.line_parts);
        offer.worth_minor += off;
    }
    offer
}

/// Wishes a draw, and says how much of it comes off the lines. A stated amount is drawn in full, by
/// the first voucher of the order; else a lone voucher gives what it has, and several give what
/// each was last seen to have, because how much the next must give follows from it. A money limit
/// counts what is drawn, so it must be known, too.
fn balance(
    question: &Question<'_, '_>,
    until: Option<Timestamp>,
    base: i64,
    running: &mut Running,
    offer: &mut Offer,
) -> i64 {
    if offer.draw.is_some() {
        return 0;
    }
    offer.opening = opening(question, until);
    let stated = running.asked_minor();
    let Some(wanted) = u64::try_from(stated.unwrap_or(base)).ok().filter(|&wanted| wanted > 0)
    else {
        return 0;
    };
    let begins_with = offer.opening.map_or(0, |opening| opening.amount);
    let there = question.seen.balance.unwrap_or(begins_with).min(wanted);
    let draw = if stated.is_some() {
        Draw { amount: wanted, take: Take::Exact }
    } else if question.alone && !limits_money(question.campaign) {
        Draw { amount: wanted, take: Take::UpTo }
    } else {
        // Of nothing, nothing can be drawn: the ledger is to say that it is empty.
        let amount = if there == 0 { wanted } else { there };
        Draw { amount, take: Take::Exact }
    };
    offer.draw = Some(draw);
    let worth = match draw.take {
        Take::Exact => draw.amount,
        Take::UpTo => there,
    };
    let worth = i64::try_from(worth).unwrap_or(i64::MAX);
    running.draw(worth);
    let off = worth.min(base);
    // The part of a stated amount that no line costs is drawn all the same.
    offer.worth_minor += worth - off;
    off
}

fn opening(question: &Question<'_, '_>, until: Option<Timestamp>) -> Option<Opening> {
    let amount = question.code.balance_minor.or(question.worth.balance_minor)?;
    Some(Opening { amount: u64::try_from(amount).unwrap_or(0), expires: until })
}
