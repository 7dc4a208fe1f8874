//! Conditions: what must hold for a code to be used with an order.
//!
//! Every condition is checked by itself against the order; of all that fail, the one whose reason
//! has the lowest number is the answer, so it does not matter in which order a document lists them.
//! Deliberately knows no clock times (those are [`hours`](super::hours)) and no counters.

mod matching;

use crate::domain::campaign::{
    Among, AmongRule, BalanceOf, Basis, Condition, CustomerRule, Dates, Effect, Kind, ProductType,
    Scope,
};
use crate::domain::order::{FirstOrder, Order};
use crate::domain::refusal::{Reason, Refusal};

use super::{Question, Running, effects};

pub(super) use matching::{Matching, list_of};

/// What was found when a condition was held against an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
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
/// Without `running`, what is demanded of the amount that earlier codes leave is not looked at.
pub(super) fn check(
    question: &Question<'_, '_>,
    running: Option<&Running>,
) -> Result<Matching, Refusal> {
    let Question { campaign, worth, order, .. } = *question;
    let matching = Matching::of(campaign, order);
    let mut first = First::default();
    for effect in &worth.effects {
        first.note(effects::name(effect), effects::find(effect, question, matching));
    }
    first.note("customer", customer(question));
    first.note("holder", holder(question));
    for condition in &campaign.conditions {
        first.note(name(condition), find(condition, question, running, matching));
    }
    first.note("currency", currency(question));
    first.into_result()?;
    Ok(effects::without_exempt(question, matching))
}

/// A condition's name in documents.
pub(super) fn name(condition: &Condition) -> &'static str {
    match condition {
        Condition::Amount { .. } => "amount",
        Condition::Quantity { .. } => "quantity",
        Condition::Persons { .. } => "persons",
        Condition::Nights { .. } => "nights",
        Condition::Points { .. } => "points",
        Condition::Booked(_) => "booked",
        Condition::Arrival(_) => "arrival",
        Condition::Departure(_) => "departure",
        Condition::Product(_) => "product",
        Condition::ProductType(_) => "product_type",
        Condition::Category(_) => "category",
        Condition::Theme(_) => "theme",
        Condition::Region(_) => "region",
        Condition::Contains { product_type: ProductType::Room, .. } => "room_type",
        Condition::Contains { product_type, .. } => product_type.name(),
        Condition::Channel(_) => "channel",
        Condition::Property(_) => "property",
        Condition::Gate(_) => "gate",
        Condition::Zone(_) => "zone",
        Condition::Partner(_) => "partner",
        Condition::Brand(_) => "brand",
        Condition::CustomerGroup(_) => "customer_group",
        Condition::FirstOrder(_) => "first_order",
        Condition::Trigger { .. } => "trigger",
    }
}

/// Holds one condition against the order.
pub(super) fn find(
    condition: &Condition,
    question: &Question<'_, '_>,
    running: Option<&Running>,
    matching: Matching,
) -> Found {
    let order = question.order;
    let reference = |among: &Among, found: Option<&str>, reason| match found {
        None => Found::Missing(name(condition)),
        Some(found) => found_or(among.accepts(found), reason),
    };
    let dates = |dates: &Dates, found| match found {
        None => Found::Missing(name(condition)),
        Some(date) => found_or(dates.accepts(date), Reason::DateNotEligible),
    };
    match condition {
        Condition::Amount { min, max, basis: Basis::Original } => amount(*min, *max, order.total()),
        Condition::Amount { min, max, basis: Basis::Running } => match running {
            Some(running) => amount(*min, *max, running.total_minor()),
            None => Found::Holds,
        },
        Condition::Quantity { .. } if order.lines.is_empty() => Found::Missing("lines"),
        Condition::Quantity { min, max } => quantity(*min, *max, matching.pieces(order)),
        Condition::Persons { min, max } => match order.persons() {
            None => Found::Missing("persons"),
            Some(persons) => quantity(*min, *max, persons.into()),
        },
        Condition::Nights { min, max } => match order.nights() {
            None => Found::Missing("nights"),
            Some(nights) => quantity(*min, *max, nights.into()),
        },
        Condition::Points { min, max } => points(*min, *max, question),
        Condition::Booked(asked) => dates(asked, Some(booked(question))),
        Condition::Arrival(asked) => dates(asked, order.arrival),
        Condition::Departure(asked) => dates(asked, order.departure),
        Condition::Product(_)
        | Condition::ProductType(_)
        | Condition::Category(_)
        | Condition::Theme(_)
        | Condition::Region(_) => lines(condition, question, matching),
        Condition::Contains { product_type, among } => contains(*product_type, among, order),
        Condition::Channel(among) => reference(among, order.channel, Reason::ChannelNotEligible),
        Condition::Property(among) => reference(among, order.property, Reason::PropertyNotEligible),
        Condition::Gate(among) => reference(among, order.gate, Reason::GateNotEligible),
        // A zone is where a gate leads; the rule's name tells it from the gate.
        Condition::Zone(among) => reference(among, order.zone, Reason::GateNotEligible),
        Condition::Partner(among) => reference(among, order.partner, Reason::PartnerNotEligible),
        // A brand is a way to sell; the rule's name tells it from the channel.
        Condition::Brand(among) => reference(among, order.brand, Reason::ChannelNotEligible),
        Condition::CustomerGroup(among) => groups(among, order),
        Condition::FirstOrder(rule) => first_order(*rule, order),
        Condition::Trigger { rule, triggers } => {
            let holds = rule.accepts(triggers.contains(&order.trigger));
            found_or(holds, Reason::TriggerNotEligible)
        }
    }
}

fn found_or(holds: bool, otherwise: Reason) -> Found {
    if holds { Found::Holds } else { Found::Fails(otherwise) }
}

/// The plain local date of booking: as stated, or the date of the request.
pub(super) fn booked(question: &Question<'_, '_>) -> chrono::NaiveDate {
    let today = || question.campaign.calendar.wall_clock(question.now).date();
    question.order.booked.unwrap_or_else(today)
}

fn amount(min: Option<i64>, max: Option<i64>, total: Option<i64>) -> Found {
    let Some(total) = total else { return Found::Missing("total_minor") };
    if let Some(min) = min.filter(|&min| total < min) {
        return Found::OffBy(Reason::AmountBelowMin, min.abs_diff(total));
    }
    match max.filter(|&max| total > max) {
        Some(max) => Found::OffBy(Reason::AmountAboveMax, total.abs_diff(max)),
        None => Found::Holds,
    }
}

fn quantity(min: Option<u64>, max: Option<u64>, found: u64) -> Found {
    let off_by = match (min, max) {
        (Some(min), _) if found < min => min - found,
        (_, Some(max)) if found > max => found - max,
        (_, _) => return Found::Holds,
    };
    Found::OffBy(Reason::QuantityOutOfRange, off_by)
}

fn points(min: Option<u64>, max: Option<u64>, question: &Question<'_, '_>) -> Found {
    if question.account.is_none() || !is_somebodys(question) {
        return Found::Fails(Reason::CustomerRequired);
    }
    let points = question.seen.account.unwrap_or(0);
    match min.filter(|&min| points < min) {
        Some(min) => Found::OffBy(Reason::PointsInsufficient, min - points),
        None => found_or(max.is_none_or(|max| points <= max), Reason::CustomerNotEligible),
    }
}

/// A list that narrows the lines. Where nothing is left, regions are to blame if the other lists
/// leave something.
fn lines(condition: &Condition, question: &Question<'_, '_>, matching: Matching) -> Found {
    let Question { campaign, order, .. } = *question;
    if order.lines.is_empty() {
        return Found::Missing("lines");
    }
    if matching.has_lines(order) {
        return Found::Holds;
    }
    let anywhere = Matching::anywhere(campaign, order);
    match (anywhere.has_lines(order), condition) {
        (true, Condition::Region(_)) => Found::Fails(Reason::RegionNotEligible),
        (true, _) | (false, Condition::Region(_)) => Found::Holds,
        (false, _) if anywhere.has_listed(order) => Found::Fails(Reason::ProductExcluded),
        (false, _) => Found::Fails(Reason::ProductNotEligible),
    }
}

fn contains(product_type: ProductType, among: &Among, order: &Order<'_>) -> Found {
    if order.lines.is_empty() {
        return Found::Missing("lines");
    }
    let mut of_type = order.lines.iter().filter(|line| line.product_type == product_type.name());
    let in_list = of_type.any(|line| among.set.contains(line.product));
    let otherwise = match among.rule {
        AmongRule::Only => Reason::ProductNotEligible,
        AmongRule::Not => Reason::ProductExcluded,
    };
    found_or(among.rule.accepts(in_list), otherwise)
}

/// A customer in no group at all is in none of those that are kept out.
fn groups(among: &Among, order: &Order<'_>) -> Found {
    let in_list = order.customer_groups.iter().any(|group| among.set.contains(*group));
    found_or(among.rule.accepts(in_list), Reason::CustomerNotEligible)
}

fn first_order(rule: AmongRule, order: &Order<'_>) -> Found {
    let is_first = match order.first_order {
        FirstOrder::Unknown => return Found::Missing("first_order"),
        FirstOrder::Yes => true,
        FirstOrder::No => false,
    };
    found_or(rule.accepts(is_first), Reason::CustomerNotEligible)
}

/// Whoever is counted, or whose account is touched, must be known.
pub(super) fn customer(question: &Question<'_, '_>) -> Found {
    let known = match who_is_needed(question) {
        None => true,
        Some(Who::Customer) => named_customer(question.order).is_some(),
        Some(Who::Somebody) => is_somebodys(question),
    };
    found_or(known, Reason::CustomerRequired)
}

/// Who must be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// The customer.
    Customer,
    /// The customer, or else the holder of the code.
    Somebody,
}

/// Who must be known for this campaign; absent: nobody.
pub(super) fn who_is_needed(question: &Question<'_, '_>) -> Option<Who> {
    let Question { campaign, worth, .. } = *question;
    let counts = |scope| campaign.limits.iter().any(|limit| limit.scope == scope);
    if campaign.customer == CustomerRule::Required || counts(Scope::Customer) {
        Some(Who::Customer)
    } else {
        let touches = counts(Scope::Account) || worth.effects.iter().any(touches_account);
        touches.then_some(Who::Somebody)
    }
}

fn touches_account(effect: &Effect) -> bool {
    matches!(
        effect,
        Effect::Points { .. }
            | Effect::Spend { .. }
            | Effect::Balance { of: BalanceOf::Account, .. }
    )
}

/// Whether there is anybody whose account could be meant.
fn is_somebodys(question: &Question<'_, '_>) -> bool {
    named_customer(question.order).is_some() || question.code.holder.is_some()
}

/// Whom a code is bound to. A gate knows no customers: of what admits, the holder is shown and a
/// person compares, and a card or wristband for points says itself whose it is; so there only a
/// customer who is named and is another one is refused.
pub(super) fn holder(question: &Question<'_, '_>) -> Found {
    let Some(holder) = question.code.holder.as_deref() else { return Found::Holds };
    match named_customer(question.order) {
        Some(customer) if customer == holder => Found::Holds,
        Some(_) => Found::Fails(Reason::NotHolder),
        None => match question.worth.kind {
            Kind::Pass | Kind::Access | Kind::Points => Found::Holds,
            Kind::Discount | Kind::Voucher | Kind::Unit | Kind::Surcharge => {
                Found::Fails(Reason::CustomerRequired)
            }
        },
    }
}

/// An empty id would make all guests one customer.
pub(super) fn named_customer<'a>(order: &Order<'a>) -> Option<&'a str> {
    order.customer.filter(|customer| !customer.is_empty())
}

/// Amounts of the rules and of the worth must be in the order's currency.
pub(super) fn currency(question: &Question<'_, '_>) -> Found {
    let Question { campaign, worth, order, .. } = *question;
    let Some(stated) = order.currency else { return Found::Holds };
    let mut ours = campaign.currency.iter().chain(&worth.currency);
    found_or(ours.all(|currency| currency.as_str() == stated), Reason::CurrencyMismatch)
}
