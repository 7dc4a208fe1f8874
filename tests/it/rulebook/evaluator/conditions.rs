//! E1–E9: each condition against the order.

use chrono::NaiveDate;
use jeton::domain::campaign::{Among, AmongRule, Basis, Condition, Dates, ProductType};
use jeton::domain::order::{FirstOrder, Order};
use jeton::domain::refusal::{Reason, Refusal};

use super::lines::pieces;
use super::sheet::Sheet;
use super::{Tally, hours};
use crate::rulebook::case::{Case, Entry};

/// What a condition found.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found {
    Holds,
    Missing(&'static str),
    Fails(Reason),
    OffBy(Reason, u64),
}

/// What stands against an entry by its own conditions, each looked at by itself.
pub(super) fn conditions(
    case: &Case,
    entry: &Entry,
    matching: &[bool],
    tally: &mut Tally,
) -> Vec<Refusal> {
    let mut against = Vec::new();
    for condition in &entry.campaign.conditions {
        let found = look(condition, case, entry, matching);
        tally.note(rule_of(condition), said(condition, &found));
        against.extend(refusal_of(found, name_of(condition)));
    }
    against
}

/// E1 with `basis: running`: what the earlier entries left.
pub(super) fn amounts_left(entry: &Entry, sheet: &Sheet, tally: &mut Tally) -> Result<(), Refusal> {
    let mut against = Vec::new();
    for condition in &entry.campaign.conditions {
        if let Condition::Amount { min, max, basis: Basis::Running } = condition {
            let found = amount(sheet.total_minor(), *min, *max);
            tally.held("E1 amount running", matches!(found, Found::Holds));
            against.extend(refusal_of(found, "amount"));
        }
    }
    lowest(against).map_or(Ok(()), Err)
}

/// The reason with the lowest number; of equal numbers, the first.
pub(super) fn lowest(against: Vec<Refusal>) -> Option<Refusal> {
    // Of equal ones, the first is given.
    against.into_iter().min_by_key(|refusal| refusal.reason.number())
}

/// What a condition said, by how its list is meant.
fn said(condition: &Condition, found: &Found) -> &'static str {
    let rule = match condition {
        Condition::Booked(dates) | Condition::Arrival(dates) | Condition::Departure(dates) => {
            Some(dates.rule)
        }
        Condition::Channel(among)
        | Condition::Property(among)
        | Condition::Gate(among)
        | Condition::Zone(among)
        | Condition::Partner(among)
        | Condition::Brand(among)
        | Condition::CustomerGroup(among)
        | Condition::Contains { among, .. } => Some(among.rule),
        Condition::FirstOrder(rule) | Condition::Trigger { rule, .. } => Some(*rule),
        _ => None,
    };
    match (found, rule) {
        (Found::Missing(_), _) => "missing",
        (Found::Holds, None) => "held",
        (Found::Holds, Some(AmongRule::Only)) => "only these: held",
        (Found::Holds, Some(AmongRule::Not)) => "not these: held",
        (Found::Fails(_) | Found::OffBy(..), None) => "failed",
        (Found::Fails(_) | Found::OffBy(..), Some(AmongRule::Only)) => "only these: failed",
        (Found::Fails(_) | Found::OffBy(..), Some(AmongRule::Not)) => "not these: failed",
    }
}

/// The row of each condition and its name.
pub(super) fn rule_of(condition: &Condition) -> &'static str {
    match condition {
        Condition::Amount { basis: Basis::Original, .. } => "E1 amount",
        Condition::Amount { basis: Basis::Running, .. } => "E1 amount running, at first",
        Condition::Quantity { .. } => "E1 quantity",
        Condition::Persons { .. } => "E1 persons",
        Condition::Nights { .. } => "E2 nights",
        Condition::Booked(_) => "E2 booked",
        Condition::Arrival(_) => "E2 arrival",
        Condition::Departure(_) => "E2 departure",
        Condition::Product(_) => "E3 product",
        Condition::ProductType(_) => "E3 product_type",
        Condition::Category(_) => "E3 category",
        Condition::Theme(_) => "E3 theme",
        Condition::Region(_) => "E3 region",
        Condition::Channel(_) => "E4 channel",
        Condition::Property(_) => "E4 property",
        Condition::Partner(_) => "E4 partner",
        Condition::Brand(_) => "E4 brand",
        Condition::Gate(_) => "G4 gate",
        Condition::Zone(_) => "G4 zone",
        Condition::CustomerGroup(_) => "E5 customer_group",
        Condition::FirstOrder(_) => "E5 first_order",
        Condition::Contains { .. } => "E6 contains",
        Condition::Points { .. } => "E7 points",
        Condition::Trigger { .. } => "E9 trigger",
    }
}

/// The name of a condition in documents and refusals.
fn name_of(condition: &Condition) -> &'static str {
    match condition {
        // A line of this type is asked for.
        Condition::Contains { product_type: ProductType::Room, .. } => "room_type",
        Condition::Contains { product_type, .. } => product_type.name(),
        _ => rule_of(condition)[3..].split(' ').next().unwrap(),
    }
}

/// One condition against the untouched order. Those that narrow the lines hold wherever there are
/// lines: what they leave together is another question.
fn look(condition: &Condition, case: &Case, entry: &Entry, matching: &[bool]) -> Found {
    let order = &case.order;
    match condition {
        // What earlier entries leave is not known yet, unless there are none.
        Condition::Amount { basis: Basis::Running, .. } if case.entries.len() > 1 => Found::Holds,
        Condition::Amount { min, max, .. } => amount(order.total(), *min, *max),
        Condition::Quantity { .. } if order.lines.is_empty() => Found::Missing("lines"),
        Condition::Quantity { min, max } => {
            number(Some(pieces(order, matching)), "lines", *min, *max)
        }
        Condition::Persons { min, max } => {
            number(order.persons().map(u64::from), "persons", *min, *max)
        }
        Condition::Nights { min, max } => {
            number(order.nights().map(u64::from), "nights", *min, *max)
        }
        Condition::Points { min, max } => points(entry, order, *min, *max),
        Condition::Booked(dates) => date(Some(booked(case, entry)), "booked", dates),
        Condition::Arrival(dates) => date(order.arrival, "arrival", dates),
        Condition::Departure(dates) => date(order.departure, "departure", dates),
        Condition::Product(_)
        | Condition::ProductType(_)
        | Condition::Category(_)
        | Condition::Theme(_)
        | Condition::Region(_) => {
            if order.lines.is_empty() {
                Found::Missing("lines")
            } else {
                Found::Holds
            }
        }
        Condition::Contains { product_type, among } => contains(order, product_type.name(), among),
        Condition::Channel(among) => {
            reference(order.channel, "channel", among, Reason::ChannelNotEligible)
        }
        Condition::Brand(among) => {
            reference(order.brand, "brand", among, Reason::ChannelNotEligible)
        }
        Condition::Property(among) => {
            reference(order.property, "property", among, Reason::PropertyNotEligible)
        }
        Condition::Gate(among) => reference(order.gate, "gate", among, Reason::GateNotEligible),
        Condition::Zone(among) => reference(order.zone, "zone", among, Reason::GateNotEligible),
        Condition::Partner(among) => {
            reference(order.partner, "partner", among, Reason::PartnerNotEligible)
        }
        Condition::CustomerGroup(among) => {
            let in_list = order.customer_groups.iter().any(|group| is_in(among, group));
            either(listed(among.rule, in_list), Reason::CustomerNotEligible)
        }
        Condition::FirstOrder(rule) => match order.first_order {
            FirstOrder::Unknown => Found::Missing("first_order"),
            first => either(listed(*rule, first == FirstOrder::Yes), Reason::CustomerNotEligible),
        },
        Condition::Trigger { rule, triggers } => {
            either(listed(*rule, triggers.contains(&order.trigger)), Reason::TriggerNotEligible)
        }
    }
}

fn amount(total: Option<i64>, min: Option<i64>, max: Option<i64>) -> Found {
    let Some(total) = total else { return Found::Missing("total_minor") };
    if let Some(min) = min
        && total < min
    {
        return Found::OffBy(Reason::AmountBelowMin, (min - total).unsigned_abs());
    }
    if let Some(max) = max
        && total > max
    {
        return Found::OffBy(Reason::AmountAboveMax, (total - max).unsigned_abs());
    }
    Found::Holds
}

fn number(found: Option<u64>, field: &'static str, min: Option<u64>, max: Option<u64>) -> Found {
    let Some(found) = found else { return Found::Missing(field) };
    if let Some(min) = min
        && found < min
    {
        return Found::OffBy(Reason::QuantityOutOfRange, min - found);
    }
    if let Some(max) = max
        && found > max
    {
        return Found::OffBy(Reason::QuantityOutOfRange, found - max);
    }
    Found::Holds
}

/// E7: what can be spent of the customer's account.
fn points(entry: &Entry, order: &Order<'_>, min: Option<u64>, max: Option<u64>) -> Found {
    let somebody = customer_of(order).or(entry.code.holder.as_deref());
    if entry.account.is_none() || somebody.is_none() {
        return Found::Fails(Reason::CustomerRequired);
    }
    let spendable = entry.seen.account.unwrap_or(0);
    if let Some(min) = min
        && spendable < min
    {
        return Found::OffBy(Reason::PointsInsufficient, min - spendable);
    }
    either(max.is_none_or(|max| spendable <= max), Reason::CustomerNotEligible)
}

/// Without a name, all guests would be one customer.
pub(super) fn customer_of<'a>(order: &Order<'a>) -> Option<&'a str> {
    order.customer.filter(|customer| !customer.is_empty())
}

/// E2: the day of booking as stated, or the plain local date of the request.
pub(super) fn booked(case: &Case, entry: &Entry) -> NaiveDate {
    let today = hours::wall_clock(&entry.campaign.calendar, case.now).date();
    case.order.booked.unwrap_or(today)
}

fn date(found: Option<NaiveDate>, field: &'static str, dates: &Dates) -> Found {
    let Some(found) = found else { return Found::Missing(field) };
    let in_list = dates.ranges.iter().any(|range| *range.start() <= found && found <= *range.end());
    either(listed(dates.rule, in_list), Reason::DateNotEligible)
}

fn reference(found: Option<&str>, field: &'static str, among: &Among, reason: Reason) -> Found {
    let Some(found) = found else { return Found::Missing(field) };
    either(listed(among.rule, is_in(among, found)), reason)
}

/// E6: what is among the lines of a type.
fn contains(order: &Order<'_>, product_type: &str, among: &Among) -> Found {
    if order.lines.is_empty() {
        return Found::Missing("lines");
    }
    let of_type = order.lines.iter().filter(|line| line.product_type == product_type);
    let in_list = of_type.into_iter().any(|line| is_in(among, line.product));
    match (among.rule, in_list) {
        (AmongRule::Only, false) => Found::Fails(Reason::ProductNotEligible),
        (AmongRule::Not, true) => Found::Fails(Reason::ProductExcluded),
        (AmongRule::Only, true) | (AmongRule::Not, false) => Found::Holds,
    }
}

pub(super) fn is_in(among: &Among, reference: &str) -> bool {
    among.set.iter().any(|each| &**each == reference)
}

/// *Only these*, or *not these*.
pub(super) fn listed(rule: AmongRule, in_list: bool) -> bool {
    match rule {
        AmongRule::Only => in_list,
        AmongRule::Not => !in_list,
    }
}

pub(super) fn either(holds: bool, reason: Reason) -> Found {
    if holds { Found::Holds } else { Found::Fails(reason) }
}

pub(super) fn refusal_of(found: Found, rule: &'static str) -> Option<Refusal> {
    let no = |reason: Reason| Refusal::new(reason).with(|d| d.rule = Some(rule));
    match found {
        Found::Holds => None,
        Found::Missing(field) => Some(no(Reason::InputMissing).with(|d| d.missing = Some(field))),
        Found::Fails(reason) => Some(no(reason)),
        Found::OffBy(reason, by) => Some(no(reason).with(|d| d.off_by = Some(by))),
    }
}
