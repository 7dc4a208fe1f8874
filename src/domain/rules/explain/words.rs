//! What conditions ask and what orders have, in a few English words.

use chrono::{NaiveDate, Weekday, WeekdaySet};
use std::ops::RangeInclusive;

use crate::domain::campaign::{
    Among, AmongRule, Basis, Condition, Dates, Hours, ProductType, Window,
};
use crate::domain::order::{FirstOrder, Line, Order};
use crate::domain::rules::conditions::{self, Matching};
use crate::domain::rules::{Question, Running};
use crate::domain::time::{Calendar, Timestamp};

/// More entries of a list than this are only counted.
const ENTRIES_MAX: usize = 8;

/// A moment as the clock on the wall shows it.
pub(super) fn moment(calendar: &Calendar, moment: Timestamp) -> String {
    calendar.wall_clock(moment).format("%Y-%m-%d %H:%M:%S").to_string()
}

/// The hours: `Mon Tue 09:00-17:00, Sat 22:00-02:00; not 2026-12-24; also 2026-12-27`.
pub(super) fn hours(hours: &Hours) -> String {
    let mut text = if hours.windows.is_empty() {
        "any time".to_owned()
    } else {
        list(hours.windows.iter().map(window))
    };
    for (word, dates) in [("not", &hours.blackout), ("also", &hours.extra)] {
        if !dates.is_empty() {
            text = format!("{text}; {word} {}", list(dates.iter().map(range)));
        }
    }
    text
}

/// What a condition asks.
pub(super) fn asked(condition: &Condition, question: &Question<'_, '_>) -> String {
    match condition {
        Condition::Amount { min, max, basis } => {
            let text = bounds(min.map(|m| digits(m, question)), max.map(|m| digits(m, question)));
            let after = if *basis == Basis::Running { " after earlier codes" } else { "" };
            format!("{text} {}{after}", currency(question))
        }
        Condition::Quantity { min, max }
        | Condition::Persons { min, max }
        | Condition::Nights { min, max }
        | Condition::Points { min, max } => {
            bounds(min.map(|min| min.to_string()), max.map(|max| max.to_string()))
        }
        Condition::Booked(dates) | Condition::Arrival(dates) | Condition::Departure(dates) => {
            let Dates { rule, ranges } = dates;
            format!("{}{}", of_rule(*rule), list(ranges.iter().map(range)))
        }
        Condition::Product(among)
        | Condition::ProductType(among)
        | Condition::Category(among)
        | Condition::Theme(among)
        | Condition::Region(among)
        | Condition::Contains { among, .. }
        | Condition::Channel(among)
        | Condition::Property(among)
        | Condition::Gate(among)
        | Condition::Zone(among)
        | Condition::Partner(among)
        | Condition::Brand(among)
        | Condition::CustomerGroup(among) => references(among),
        Condition::FirstOrder(rule) => format!("{}the first order", of_rule(*rule)),
        Condition::Trigger { rule, triggers } => {
            let names = triggers.iter().map(|trigger| trigger.name().to_owned());
            format!("{}{}", of_rule(*rule), list(names))
        }
    }
}

/// What the order has of what a condition asks; absent: the order does not say.
pub(super) fn found(
    condition: &Condition,
    question: &Question<'_, '_>,
    running: &Running,
    matching: Matching,
) -> Option<String> {
    let order = question.order;
    let amount = |minor: i64| format!("{} {}", digits(minor, question), currency(question));
    let has_lines = (!order.lines.is_empty()).then_some(());
    match condition {
        Condition::Amount { basis: Basis::Original, .. } => order.total().map(amount),
        Condition::Amount { basis: Basis::Running, .. } => running.total_minor().map(amount),
        Condition::Quantity { .. } => has_lines.map(|()| matching.pieces(order).to_string()),
        Condition::Persons { .. } => order.persons().map(|persons| persons.to_string()),
        Condition::Nights { .. } => order.nights().map(|nights| nights.to_string()),
        Condition::Points { .. } => {
            question.account?;
            Some(question.seen.account.unwrap_or(0).to_string())
        }
        Condition::Booked(_) => Some(conditions::booked(question).to_string()),
        Condition::Arrival(_) => order.arrival.map(|date| date.to_string()),
        Condition::Departure(_) => order.departure.map(|date| date.to_string()),
        Condition::Product(_)
        | Condition::ProductType(_)
        | Condition::Category(_)
        | Condition::Theme(_)
        | Condition::Region(_) => {
            let (_, column) = conditions::list_of(condition)?;
            has_lines.map(|()| of_lines(order, |line| Some(column(line))))
        }
        Condition::Contains { product_type, .. } => {
            has_lines.map(|()| of_lines(order, |line| product_of(line, *product_type)))
        }
        Condition::Channel(_) => order.channel.map(str::to_owned),
        Condition::Property(_) => order.property.map(str::to_owned),
        Condition::Gate(_) => order.gate.map(str::to_owned),
        Condition::Zone(_) => order.zone.map(str::to_owned),
        Condition::Partner(_) => order.partner.map(str::to_owned),
        Condition::Brand(_) => order.brand.map(str::to_owned),
        Condition::CustomerGroup(_) => {
            Some(list(order.customer_groups.iter().map(|&group| group.to_owned())))
        }
        Condition::FirstOrder(_) => match order.first_order {
            FirstOrder::Unknown => None,
            FirstOrder::Yes => Some("the first order".to_owned()),
            FirstOrder::No => Some("a later order".to_owned()),
        },
        Condition::Trigger { .. } => Some(order.trigger.name().to_owned()),
    }
}

fn product_of<'a>(line: &Line<'a>, product_type: ProductType) -> Option<&'a str> {
    (line.product_type == product_type.name()).then_some(line.product)
}

/// What the lines have, each thing once.
fn of_lines<'a>(
    order: &Order<'a>,
    column: impl for<'l> Fn(&'l Line<'a>) -> Option<&'l str>,
) -> String {
    let mut things: Vec<&str> = Vec::new();
    for thing in order.lines.iter().filter_map(column).filter(|thing| !thing.is_empty()) {
        if !things.contains(&thing) {
            things.push(thing);
        }
    }
    list(things.into_iter().map(str::to_owned))
}

/// An amount with the digits of the campaign's currency; without one, in minor units.
fn digits(minor: i64, question: &Question<'_, '_>) -> String {
    let currency = question.campaign.currency.or(question.worth.currency);
    currency.map_or(minor.to_string(), |currency| currency.decimal(minor).to_string())
}

fn currency<'a>(question: &Question<'a, '_>) -> &'a str {
    let currency = question.campaign.currency.as_ref().or(question.worth.currency.as_ref());
    currency.map_or("minor units", |currency| currency.as_str())
}

fn bounds(min: Option<String>, max: Option<String>) -> String {
    match (min, max) {
        (None, None) => "any".to_owned(),
        (Some(min), None) => format!("at least {min}"),
        (None, Some(max)) => format!("at most {max}"),
        (Some(min), Some(max)) => format!("{min} to {max}"),
    }
}

fn of_rule(rule: AmongRule) -> &'static str {
    match rule {
        AmongRule::Only => "",
        AmongRule::Not => "not ",
    }
}

fn references(among: &Among) -> String {
    let mut all: Vec<&str> = among.set.iter().map(|reference| &**reference).collect();
    all.sort_unstable();
    format!("{}{}", of_rule(among.rule), list(all.into_iter().map(str::to_owned)))
}

/// `a, b, c`; the entries beyond the first [`ENTRIES_MAX`] are only counted.
fn list(entries: impl Iterator<Item = String>) -> String {
    let mut entries = entries.fuse();
    let shown: Vec<String> = entries.by_ref().take(ENTRIES_MAX).collect();
    match (shown.is_empty(), entries.count()) {
        (true, _) => "none".to_owned(),
        (false, 0) => shown.join(", "),
        (false, more) => format!("{}, … (+{more})", shown.join(", ")),
    }
}

fn range(range: &RangeInclusive<NaiveDate>) -> String {
    if range.start() == range.end() {
        range.start().to_string()
    } else {
        format!("{} to {}", range.start(), range.end())
    }
}

fn window(window: &Window) -> String {
    let clock = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
    let days: Vec<String> = window.days.iter(Weekday::Mon).map(|day| day.to_string()).collect();
    let days = if window.days == WeekdaySet::ALL { "every day".to_owned() } else { days.join(" ") };
    format!("{days} {}-{}", clock(window.from_min), clock(window.until_min))
}
