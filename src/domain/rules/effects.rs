//! Effects: what a code is worth for an order.
//!
//! Effects apply one after the other to the lines that match, each to what the earlier ones left,
//! and are spread over those lines in proportion to what they cost; only pieces of the cart are
//! taken from their own lines. Lines of products that the campaign exempts do not match. What is
//! earned is not decided here but when all codes of the order have taken their part (`points`).

mod balance;
mod item;

use crate::domain::account::{Account, AccountUnit};
use crate::domain::campaign::{
    BalanceOf, Basis, Effect, Per, ProductType, Switch, Terms, Tier, Times, Worth,
};
use crate::domain::money::AMOUNT_MINOR_MAX;
use crate::domain::order::Order;
use crate::domain::refusal::Reason;

use super::conditions::{Found, Matching};
use super::{Admitted, Offer, Question, Running};

/// An effect's name in documents.
pub(super) fn name(effect: &Effect) -> &'static str {
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

/// The field that the order lacks for this effect.
fn missing(effect: &Effect, order: &Order<'_>) -> Option<&'static str> {
    let total = || order.total().is_none().then_some("total_minor");
    let lines = || order.lines.is_empty().then_some("lines");
    match effect {
        Effect::Off { worth, terms } => total().or_else(|| missing_times(*worth, *terms, order)),
        Effect::Tiers { tiers, terms } => total()
            .or_else(|| tiers.iter().find_map(|tier| missing_times(tier.worth, *terms, order))),
        Effect::Surcharge { worth: Worth::Percent(_), .. } => total(),
        Effect::Surcharge { worth, terms } => missing_times(*worth, *terms, order),
        Effect::Item(_) | Effect::PaysAll { product: Some(_) } => lines(),
        Effect::PaysAll { product: None } => total(),
        Effect::Points { times, .. } | Effect::Spend { times, .. } => missing_per(*times, order),
        Effect::Balance { .. } => {
            order.amount_minor.is_none().then(total).flatten().map(|_| "amount_minor")
        }
        Effect::Zero | Effect::Unit { .. } | Effect::Switch { .. } => None,
    }
}

/// A share is taken once, however many there are of anything.
fn missing_times(worth: Worth, terms: Terms, order: &Order<'_>) -> Option<&'static str> {
    match worth {
        Worth::Percent(_) => None,
        Worth::Amount(_) | Worth::Price(_) => missing_per(terms.times, order),
    }
}

fn missing_per(times: Times, order: &Order<'_>) -> Option<&'static str> {
    let (is_known, field) = match times.per {
        Per::Order => return None,
        Per::Unit | Per::Room | Per::Programme | Per::Package => (!order.lines.is_empty(), "lines"),
        Per::Night => (order.nights().is_some(), "nights"),
        Per::Adult => (order.adults.is_some(), "adults"),
        Per::Child => (order.children.is_some(), "children"),
        Per::Person => (order.persons().is_some(), "persons"),
    };
    (!is_known).then_some(field)
}

/// Holds an effect against the order: whether all is there that it needs. `matching` is what the
/// conditions let take part.
pub(super) fn find(effect: &Effect, question: &Question<'_, '_>, matching: Matching) -> Found {
    let Question { order, account, .. } = *question;
    if let Some(field) = missing(effect, order) {
        return Found::Missing(field);
    }
    match effect {
        Effect::Points { .. }
        | Effect::Spend { .. }
        | Effect::Balance { of: BalanceOf::Account, .. } => match account {
            None => Found::Fails(Reason::CustomerRequired),
            Some(Account { unit: AccountUnit::Money(currency), .. })
                if order.currency.is_some_and(|stated| stated != currency.as_str()) =>
            {
                Found::Fails(Reason::CurrencyMismatch)
            }
            Some(_) => Found::Holds,
        },
        Effect::PaysAll { product: Some(product) } => {
            let paid = without_exempt(question, matching).lines_of(order, product);
            if paid.has_lines(order) {
                Found::Holds
            } else {
                Found::Fails(Reason::ProductNotEligible)
            }
        }
        Effect::Switch { to: Switch::Exempt, .. } => {
            let left = without_exempt(question, matching);
            let has_rest = left.has_rest() && has_rest(order);
            if has_rest || left.has_lines(order) || !matching.has_lines(order) {
                Found::Holds
            } else {
                Found::Fails(Reason::ProductExcluded)
            }
        }
        Effect::Off { .. }
        | Effect::Tiers { .. }
        | Effect::Zero
        | Effect::Surcharge { .. }
        | Effect::Unit { .. }
        | Effect::Item(_)
        | Effect::PaysAll { product: None }
        | Effect::Switch { .. }
        | Effect::Balance { .. } => Found::Holds,
    }
}

/// Whether the order costs more than its lines explain.
fn has_rest(order: &Order<'_>) -> bool {
    let lines_minor: i64 = order.lines.iter().map(|line| line.amount_minor).sum();
    order.total().is_some_and(|total| total > lines_minor)
}

/// The lines that take part: without those of products that the campaign exempts.
pub(super) fn without_exempt(question: &Question<'_, '_>, mut matching: Matching) -> Matching {
    for effect in &question.worth.effects {
        if let Effect::Switch { product, to: Switch::Exempt } = effect {
            matching = matching.without(question.order, product);
        }
    }
    matching
}

/// What the code is worth.
pub(super) fn apply(
    question: &Question<'_, '_>,
    admitted: &Admitted,
    running: &mut Running,
) -> Offer {
    let mut giving = Giving::new(question, admitted, running);
    for effect in &question.worth.effects {
        giving.give(effect);
    }
    giving.offer
}

/// What an effect did to the price of the whole order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Its name in documents.
    pub effect: &'static str,
    /// What was left to pay before it, in minor units.
    pub before_minor: i64,
    /// What was left to pay after it, in minor units.
    pub after_minor: i64,
}

/// What each effect of the code does in turn, to explain an offer: over the order as it stands
/// before this code.
pub(super) fn steps(
    question: &Question<'_, '_>,
    admitted: &Admitted,
    running: &Running,
) -> Vec<Step> {
    let mut running = running.clone();
    let mut giving = Giving::new(question, admitted, &mut running);
    let step = |effect| {
        let before_minor = giving.running.total_minor().unwrap_or(0);
        giving.give(effect);
        let after_minor = giving.running.total_minor().unwrap_or(0);
        Step { effect: name(effect), before_minor, after_minor }
    };
    question.worth.effects.iter().map(step).collect()
}

/// An offer in the making.
struct Giving<'q, 'a, 'o> {
    question: &'q Question<'a, 'o>,
    admitted: &'q Admitted,
    running: &'q mut Running,
    offer: Offer,
}

impl<'q, 'a, 'o> Giving<'q, 'a, 'o> {
    fn new(
        question: &'q Question<'a, 'o>,
        admitted: &'q Admitted,
        running: &'q mut Running,
    ) -> Self {
        let mut offer = Offer { units: question.order.units, ..Offer::default() };
        offer.line_parts.resize(running.places(), 0);
        Self { question, admitted, running, offer }
    }

    fn give(&mut self, effect: &Effect) {
        let offer = &mut self.offer;
        match effect {
            Effect::Off { worth, terms } => self.take(self.off(*worth, *terms)),
            Effect::Tiers { tiers, terms } => {
                if let Some(tier) = tier(tiers, self.question.order) {
                    self.take(self.off(tier.worth, *terms));
                }
            }
            Effect::Surcharge { worth, terms } => self.take(-self.surcharge(*worth, *terms)),
            Effect::Unit { product, quantity } => {
                // Who takes two of ten coffees gets two.
                let pieces = quantity.saturating_mul(offer.units);
                offer.products.push((product.clone(), pieces));
            }
            Effect::Item(item) => self.item(item),
            Effect::PaysAll { product } => self.pay_all(product.as_deref()),
            Effect::Switch { product, to } => offer.switches.push((product.clone(), *to)),
            Effect::Spend { amount, times } => {
                let spent = amount.saturating_mul(self.times(*times));
                let spend = &mut self.offer.spend;
                *spend = Some(spend.unwrap_or(0).saturating_add(spent)).filter(|&all| all > 0);
            }
            Effect::Balance { of, remainder } => self.draw(*of, *remainder),
            Effect::Zero | Effect::Points { .. } => {}
        }
    }

    fn base_minor(&self, basis: Basis) -> i64 {
        self.running.base_minor(basis, self.admitted.matching)
    }

    fn times(&self, times: Times) -> u64 {
        count(times, self.question.order, self.admitted.matching)
    }

    /// An amount for each of what it counts for.
    fn multiplied(&self, amount_minor: i64, times: Times) -> i64 {
        amount_minor.saturating_mul(i64::try_from(self.times(times)).unwrap_or(i64::MAX))
    }

    fn off(&self, worth: Worth, terms: Terms) -> i64 {
        let base = self.base_minor(Basis::Running);
        let off = match worth {
            Worth::Percent(percent) if terms.basis == Basis::Running => percent.of(base),
            Worth::Percent(percent) => percent.of(self.base_minor(terms.basis)),
            Worth::Amount(amount) => self.multiplied(amount, terms.times),
            Worth::Price(_) if self.times(terms.times) == 0 => 0,
            Worth::Price(price) => base.saturating_sub(self.multiplied(price, terms.times)),
        };
        off.min(terms.cap_minor.unwrap_or(i64::MAX)).clamp(0, base)
    }

    fn surcharge(&self, worth: Worth, terms: Terms) -> i64 {
        let more = match worth {
            Worth::Percent(percent) => percent.of(self.base_minor(terms.basis)),
            Worth::Amount(amount) => self.multiplied(amount, terms.times),
            // A price is nothing that can be added.
            Worth::Price(_) => 0,
        };
        more.min(terms.cap_minor.unwrap_or(i64::MAX)).clamp(0, AMOUNT_MINOR_MAX)
    }

    /// Takes off the matching lines, or adds to them when below zero.
    fn take(&mut self, off: i64) {
        self.running.take(off, self.admitted.matching, &mut self.offer.line_parts);
        self.offer.worth_minor += off;
    }

    fn pay_all(&mut self, product: Option<&str>) {
        let mut paid = self.admitted.matching;
        if let Some(product) = product {
            paid = paid.lines_of(self.question.order, product);
        }
        let off = self.running.base_minor(Basis::Running, paid);
        self.running.take(off, paid, &mut self.offer.line_parts);
        self.offer.worth_minor += off;
    }
}

/// The tier that the order reached before any code.
fn tier<'t>(tiers: &'t [Tier], order: &Order<'_>) -> Option<&'t Tier> {
    let total = order.total()?;
    tiers.iter().filter(|tier| tier.from_minor <= total).max_by_key(|tier| tier.from_minor)
}

/// How many times something counts.
pub(super) fn count(times: Times, order: &Order<'_>, matching: Matching) -> u64 {
    let of_type = |of: ProductType| matching.lines_of_type(order, of.name()).pieces(order);
    let number = |known: Option<u32>| u64::from(known.unwrap_or(0));
    let all: u64 = match times.per {
        Per::Order => 1,
        Per::Unit => matching.pieces(order),
        Per::Night => number(order.nights()),
        Per::Room => of_type(ProductType::Room),
        Per::Programme => of_type(ProductType::Programme),
        Per::Package => of_type(ProductType::Package),
        Per::Adult => number(order.adults),
        Per::Child => number(order.children),
        Per::Person => number(order.persons()),
    };
    times.max.map_or(all, |max| all.min(max.into()))
}
