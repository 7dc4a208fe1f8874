//! Conditions: what must hold for a code to be used with an order.
//!
//! Every condition is checked by itself against the order; of all that fail, the one whose reason
//! has the lowest number is the answer, so it does not matter in which order a document lists them.

use crate::domain::campaign::{Among, AmongRule, Campaign, Condition, CustomerRule, Kind, Scope};
use crate::domain::order::{Line, Order};
use crate::domain::refusal::{Reason, Refusal};

use super::{Question, effects};

/// Which lines of the order the product conditions let take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Matching {
    /// One bit for each line that is in every list and that no list excludes.
    lines: u128,
    /// One bit for each line that is in every list.
    listed: u128,
    /// Whether what no line explains takes part: only if no condition is about products.
    rest: bool,
}

impl Matching {
    fn of(campaign: &Campaign, order: &Order<'_>) -> Self {
        let mut matching = Self { lines: u128::MAX, listed: u128::MAX, rest: true };
        for condition in &campaign.conditions {
            if let Condition::Product(among) = condition {
                matching.narrow(among, order, |line| line.product);
            } else if let Condition::Category(among) = condition {
                matching.narrow(among, order, |line| line.category);
            }
        }
        matching
    }

    fn narrow(
        &mut self,
        among: &Among,
        order: &Order<'_>,
        of: impl for<'a> Fn(&Line<'a>) -> &'a str,
    ) {
        let mut accepted = 0_u128;
        for (place, line) in order.lines.iter().enumerate() {
            if among.accepts(of(line)) {
                accepted |= bit(place);
            }
        }
        self.rest = false;
        self.lines &= accepted;
        if among.rule == AmongRule::Only {
            self.listed &= accepted;
        }
    }

    /// Whether the line at this place takes part.
    pub(super) fn has_line(self, place: usize) -> bool {
        self.lines & bit(place) != 0
    }

    /// Whether what no line explains takes part.
    pub(super) fn has_rest(self) -> bool {
        self.rest
    }
}

/// An order has at most [`LINES_MAX`](crate::domain::order::LINES_MAX) lines; a line beyond them
/// would match nothing.
fn bit(place: usize) -> u128 {
    u32::try_from(place).ok().and_then(|place| 1_u128.checked_shl(place)).unwrap_or(0)
}

const _: () = assert!(crate::domain::order::LINES_MAX <= 128);

/// What was found when a condition was held against an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// What was asked.
    Holds,
    /// Nothing: the order lacks the field of this name.
    Missing(&'static str),
    /// Something else.
    Fails(Reason),
    /// So much less or more than was asked.
    OffBy(Reason, u64),
}

/// The reason with the lowest number so far, and the rule it comes from.
#[derive(Default)]
struct First(Option<(Reason, &'static str, Found)>);

impl First {
    fn note(&mut self, rule: &'static str, found: Found) {
        let reason = match found {
            Found::Holds => return,
            Found::Missing(_) => Reason::InputMissing,
            Found::Fails(reason) | Found::OffBy(reason, _) => reason,
        };
        if self.0.is_none_or(|(first, ..)| reason < first) {
            self.0 = Some((reason, rule, found));
        }
    }

    fn into_result(self) -> Result<(), Refusal> {
        let Some((reason, rule, found)) = self.0 else { return Ok(()) };
        Err(Refusal::new(reason).with(|d| {
            d.rule = Some(rule);
            match found {
                Found::Missing(field) => d.missing = Some(field),
                Found::OffBy(_, off_by) => d.off_by = Some(off_by),
                Found::Holds | Found::Fails(_) => {}
            }
        }))
    }
}

/// Checks everything that the campaign demands of the order, and says which lines take part.
pub(super) fn check(question: &Question<'_, '_>) -> Result<Matching, Refusal> {
    let Question { campaign, worth, order, .. } = *question;
    let matching = Matching::of(campaign, order);
    let mut first = First::default();
    for effect in &worth.effects {
        if let Some(field) = effects::missing(effect, order) {
            first.note(effects::name(effect), Found::Missing(field));
        }
    }
    first.note("customer", customer(question));
    first.note("holder", holder(question));
    for condition in &campaign.conditions {
        first.note(name(condition), find(condition, order, matching));
    }
    first.note("currency", currency(question));
    first.into_result()?;
    Ok(matching)
}

/// A condition's name in documents.
fn name(condition: &Condition) -> &'static str {
    match condition {
        Condition::Amount { .. } => "amount",
        Condition::Quantity { .. } => "quantity",
        Condition::Product(_) => "product",
        Condition::Category(_) => "category",
        Condition::Channel(_) => "channel",
        Condition::Property(_) => "property",
        Condition::Gate(_) => "gate",
        Condition::Partner(_) => "partner",
        Condition::Brand(_) => "brand",
        Condition::CustomerGroup(_) => "customer_group",
    }
}

fn find(condition: &Condition, order: &Order<'_>, matching: Matching) -> Found {
    match condition {
        Condition::Amount { min, max } => amount(*min, *max, order),
        Condition::Quantity { min, max } => quantity(*min, *max, order, matching),
        Condition::Product(_) | Condition::Category(_) => products(order, matching),
        Condition::Channel(among) => {
            reference(among, order.channel, "channel", Reason::ChannelNotEligible)
        }
        Condition::Property(among) => {
            reference(among, order.property, "property", Reason::PropertyNotEligible)
        }
        Condition::Gate(among) => reference(among, order.gate, "gate", Reason::GateNotEligible),
        Condition::Partner(among) => {
            reference(among, order.partner, "partner", Reason::PartnerNotEligible)
        }
        // A brand is a way to sell; the rule's name tells it from the channel.
        Condition::Brand(among) => {
            reference(among, order.brand, "brand", Reason::ChannelNotEligible)
        }
        Condition::CustomerGroup(among) => groups(among, order),
    }
}

fn reference(among: &Among, found: Option<&str>, field: &'static str, otherwise: Reason) -> Found {
    match found {
        None => Found::Missing(field),
        Some(found) if among.accepts(found) => Found::Holds,
        Some(_) => Found::Fails(otherwise),
    }
}

/// A customer in no group at all is in none of those that are kept out.
fn groups(among: &Among, order: &Order<'_>) -> Found {
    let in_list = order.customer_groups.iter().any(|group| among.set.contains(*group));
    let holds = in_list == (among.rule == AmongRule::Only);
    if holds { Found::Holds } else { Found::Fails(Reason::CustomerNotEligible) }
}

/// The total before any code took its part.
fn amount(min: Option<i64>, max: Option<i64>, order: &Order<'_>) -> Found {
    let Some(total) = order.total() else { return Found::Missing("total_minor") };
    if let Some(min) = min.filter(|&min| total < min) {
        return Found::OffBy(Reason::AmountBelowMin, min.abs_diff(total));
    }
    match max.filter(|&max| total > max) {
        Some(max) => Found::OffBy(Reason::AmountAboveMax, total.abs_diff(max)),
        None => Found::Holds,
    }
}

fn quantity(min: Option<u64>, max: Option<u64>, order: &Order<'_>, matching: Matching) -> Found {
    if order.lines.is_empty() {
        return Found::Missing("lines");
    }
    let lines = order.lines.iter().enumerate().filter(|&(place, _)| matching.has_line(place));
    let pieces: u64 = lines.map(|(_, line)| u64::from(line.quantity)).sum();
    let off_by = match (min, max) {
        (Some(min), _) if pieces < min => min - pieces,
        (_, Some(max)) if pieces > max => pieces - max,
        (_, _) => return Found::Holds,
    };
    Found::OffBy(Reason::QuantityOutOfRange, off_by)
}

fn products(order: &Order<'_>, matching: Matching) -> Found {
    let all = bit(order.lines.len()).wrapping_sub(1);
    if order.lines.is_empty() {
        Found::Missing("lines")
    } else if matching.listed & all == 0 {
        Found::Fails(Reason::ProductNotEligible)
    } else if matching.lines == 0 {
        Found::Fails(Reason::ProductExcluded)
    } else {
        Found::Holds
    }
}

/// Whoever is counted must be known.
fn customer(question: &Question<'_, '_>) -> Found {
    let Question { campaign, order, .. } = *question;
    let counted = campaign.limits.iter().any(|limit| limit.scope == Scope::Customer);
    let required = campaign.customer == CustomerRule::Required || counted;
    if required && named_customer(order).is_none() {
        Found::Fails(Reason::CustomerRequired)
    } else {
        Found::Holds
    }
}

/// Whom a code is bound to. A gate knows no customers: of what admits, the holder is shown and a
/// person compares, so there only a customer who is named and is another one is refused.
fn holder(question: &Question<'_, '_>) -> Found {
    let Some(holder) = question.code.holder.as_deref() else { return Found::Holds };
    match named_customer(question.order) {
        Some(customer) if customer == holder => Found::Holds,
        Some(_) => Found::Fails(Reason::NotHolder),
        None => match question.worth.kind {
            Kind::Pass | Kind::Access => Found::Holds,
            Kind::Discount | Kind::Voucher | Kind::Unit | Kind::Points | Kind::Surcharge => {
                Found::Fails(Reason::CustomerRequired)
            }
        },
    }
}

/// An empty id would make all guests one customer.
fn named_customer<'a>(order: &Order<'a>) -> Option<&'a str> {
    order.customer.filter(|customer| !customer.is_empty())
}

/// Amounts of the rules and of the worth must be in the order's currency.
fn currency(question: &Question<'_, '_>) -> Found {
    let Question { campaign, worth, order, .. } = *question;
    let Some(stated) = order.currency else { return Found::Holds };
    let mut ours = campaign.currency.iter().chain(&worth.currency);
    if ours.all(|currency| currency.as_str() == stated) {
        Found::Holds
    } else {
        Found::Fails(Reason::CurrencyMismatch)
    }
}
