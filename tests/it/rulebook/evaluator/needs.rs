//! B: what effects must know of the order.

use jeton::domain::account::AccountUnit;
use jeton::domain::campaign::{BalanceOf, Effect, Per, Points, Times, Worth};
use jeton::domain::order::Order;
use jeton::domain::refusal::{Reason, Refusal};

use super::conditions::{Found, either, refusal_of};
use crate::rulebook::case::Entry;

/// What stands against an entry by its effects: what they lack, or an account that holds another
/// currency.
pub(super) fn needs_of(entry: &Entry, order: &Order<'_>, matching: &[bool]) -> Vec<Refusal> {
    let mut against = Vec::new();
    for effect in &entry.worth().effects {
        for found in [needs(effect, order, matching), currency_of_account(effect, entry, order)] {
            against.extend(refusal_of(found, effect_name(effect)));
        }
    }
    against
}

/// What an effect needs to know of the order, and whether it is there.
fn needs(effect: &Effect, order: &Order<'_>, matching: &[bool]) -> Found {
    let total =
        || if order.total().is_none() { Found::Missing("total_minor") } else { Found::Holds };
    let lines = || if order.lines.is_empty() { Found::Missing("lines") } else { Found::Holds };
    let both = |one: Found, other: Found| if matches!(one, Found::Holds) { other } else { one };
    match effect {
        Effect::Surcharge { worth: Worth::Amount(_), terms } => times(terms.times, order),
        Effect::Off { terms, .. }
        | Effect::Tiers { terms, .. }
        | Effect::Surcharge { terms, .. } => both(total(), times(terms.times, order)),
        Effect::Zero | Effect::Unit { .. } | Effect::Switch { .. } => Found::Holds,
        Effect::Item(_) => lines(),
        Effect::PaysAll { product: None } => total(),
        Effect::PaysAll { product: Some(product) } => {
            let mut of_product = order.lines.iter().zip(matching);
            let found = of_product.any(|(line, is_in)| *is_in && line.product == &**product);
            both(lines(), either(found, Reason::ProductNotEligible))
        }
        Effect::Points { points: Points::Fixed(_), times: t } | Effect::Spend { times: t, .. } => {
            times(*t, order)
        }
        Effect::Points { points: Points::ByWeight, .. } => Found::Holds,
        Effect::Balance { .. } => {
            let is_known = order.amount_minor.is_some() || order.total().is_some();
            if is_known { Found::Holds } else { Found::Missing("amount_minor") }
        }
    }
}

/// B3: what must be known to count.
fn times(times: Times, order: &Order<'_>) -> Found {
    let (is_known, field) = match times.per {
        Per::Order => (true, ""),
        Per::Unit | Per::Room | Per::Programme | Per::Package => (!order.lines.is_empty(), "lines"),
        Per::Night => (order.nights().is_some(), "nights"),
        Per::Adult => (order.adults.is_some(), "adults"),
        Per::Child => (order.children.is_some(), "children"),
        Per::Person => (order.persons().is_some(), "persons"),
    };
    if is_known { Found::Holds } else { Found::Missing(field) }
}

/// What moves an account of money must be in its currency.
fn currency_of_account(effect: &Effect, entry: &Entry, order: &Order<'_>) -> Found {
    let unit = entry.account.as_ref().map(|account| account.unit);
    match (unit, order.currency) {
        (Some(AccountUnit::Money(own)), Some(stated)) if moves_account(effect) => {
            either(own.as_str() == stated, Reason::CurrencyMismatch)
        }
        _ => Found::Holds,
    }
}

/// Whether an effect puts something into the customer's account or takes something out of it.
pub(super) fn moves_account(effect: &Effect) -> bool {
    matches!(
        effect,
        Effect::Points { .. }
            | Effect::Spend { .. }
            | Effect::Balance { of: BalanceOf::Account, .. }
    )
}

/// The name of an effect in documents and refusals.
fn effect_name(effect: &Effect) -> &'static str {
    match effect {
        Effect::Off { worth: Worth::Percent(_), .. } => "percent",
        Effect::Off { worth: Worth::Amount(_), .. } => "amount",
        Effect::Off { worth: Worth::Price(_), .. } => "price",
        Effect::Tiers { .. } => "tiers",
        Effect::Zero => "zero",
        Effect::Surcharge { .. } => "surcharge",
        Effect::Unit { .. } => "unit",
        Effect::Item(_) => "item",
        Effect::PaysAll { .. } => "pays_all",
        Effect::Switch { .. } => "switch",
        Effect::Points { .. } => "points",
        Effect::Spend { .. } => "spend",
        Effect::Balance { .. } => "balance",
    }
}
