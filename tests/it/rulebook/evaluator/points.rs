//! V: what an entry puts into the customer's account.

use jeton::domain::account::{RedeemAndEarn, Weights};
use jeton::domain::campaign::{BalanceOf, Basis, Effect, Points};
use jeton::domain::rules::{Earning, Offer};

use super::Tally;
use super::conditions::booked;
use super::sheet::Sheet;
use super::worth::count;
use crate::rulebook::case::{Case, Entry};
use crate::rulebook::fraction::Fraction;

/// Whether an offer takes something out of the customer's account.
pub(super) fn spends(offer: &Offer) -> bool {
    offer.spend.is_some() || offer.draw.is_some_and(|draw| draw.of == BalanceOf::Account)
}

/// B8, V3, V5, V6, V9: what an entry earns on the order as all leave it. `spent` names the accounts
/// that something is taken out of.
pub(super) fn earning(
    case: &Case,
    entry: &Entry,
    matching: &[bool],
    sheet: &Sheet,
    spent: &[&str],
    tally: &mut Tally,
) -> Option<Earning> {
    let account = entry.account.as_ref()?;
    let is_spent = spent.contains(&&*account.id);
    let mut amount = 0;
    for effect in &entry.worth().effects {
        let Effect::Points { points, times } = effect else { continue };
        amount += match points {
            Points::Fixed(points) => points * count(*times, &case.order, matching),
            Points::ByWeight if account.redeem_and_earn == RedeemAndEarn::EarnsNothing => {
                tally.held("V6 redeem and earn", !is_spent);
                if is_spent { 0 } else { weighed(&account.weights, case, matching, sheet) as u64 }
            }
            Points::ByWeight => {
                if is_spent {
                    tally.note("V6 redeem and earn", "held although spent");
                }
                weighed(&account.weights, case, matching, sheet) as u64
            }
        };
    }
    tally.note("V5 earning", if amount > 0 { "something" } else { "nothing" });
    if amount == 0 {
        return None;
    }
    let calendar = &entry.campaign.calendar;
    let day = booked(case, entry);
    let begin = calendar.begin_of(day);
    let spendable = day + chrono::Days::new(u64::from(account.pending_days));
    let expires =
        account.lasts.map(|lasts| calendar.end_of_validity(begin, lasts.count, lasts.unit));
    Some(Earning {
        amount,
        expires,
        spendable_from: (account.pending_days > 0).then(|| calendar.begin_of(spendable)),
    })
}

/// V5: one for every so much that is paid, of the cart or of each product type.
fn weighed(weights: &Weights, case: &Case, matching: &[bool], sheet: &Sheet) -> i64 {
    match weights {
        Weights::None => 0,
        Weights::Cart(weight) => {
            let paid = sheet.base_minor(Basis::Running, matching);
            Fraction::whole(paid).divided_by(*weight).floor()
        }
        Weights::ByProductType(weights) => {
            let points = weights.iter().map(|(product_type, weight)| {
                let paid: i64 = case
                    .order
                    .lines
                    .iter()
                    .enumerate()
                    .filter(|(place, line)| {
                        matching[*place] && line.product_type == &**product_type
                    })
                    .map(|(place, _)| sheet.parts[place])
                    .sum();
                Fraction::whole(paid.max(0)).divided_by(*weight).floor()
            });
            points.sum()
        }
    }
}
