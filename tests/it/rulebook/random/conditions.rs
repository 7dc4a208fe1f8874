//! Random conditions, which mostly hold for the order that they are made for.

use chrono::NaiveDate;
use jeton::domain::campaign::{Among, AmongRule, Basis, Condition, Dates, ProductType};
use jeton::domain::order::{FirstOrder, Line, Trigger};

use super::{CATEGORIES, Dice, PLACES, PRODUCT_TYPES, PRODUCTS, REGIONS, Scene, THEMES, day_after};

/// How many conditions of a hundred are made to hold; of the others, some do all the same.
const HOLDS: u64 = 82;

pub(super) fn condition(dice: &mut Dice, scene: &Scene<'_>) -> Condition {
    let order = scene.order;
    let line = if order.lines.is_empty() { None } else { Some(dice.pick(&order.lines)) };
    let of = |read: fn(&Line<'static>) -> &'static str| line.as_ref().map(read);
    let number = |n: Option<u32>| n.map(u64::from);
    match dice.below(24) {
        0 | 1 => amount(dice, order.total()),
        2 => {
            let pieces: u32 = order.lines.iter().map(|line| line.quantity).sum();
            let (min, max) = bounds(dice, Some(pieces.into()));
            Condition::Quantity { min, max }
        }
        3 => {
            let (min, max) = bounds(dice, number(order.persons()));
            Condition::Persons { min, max }
        }
        4 => {
            let (min, max) = bounds(dice, number(order.nights()));
            Condition::Nights { min, max }
        }
        5 => {
            let (min, max) = bounds(dice, scene.spendable[0]);
            Condition::Points { min, max }
        }
        6 => Condition::Booked(dates(dice, order.booked.or(order.arrival))),
        7 => Condition::Arrival(dates(dice, order.arrival)),
        8 => Condition::Departure(dates(dice, order.departure)),
        9 => Condition::Product(among(dice, of(|line| line.product), &PRODUCTS)),
        10 => Condition::ProductType(among(dice, of(|line| line.product_type), &PRODUCT_TYPES)),
        11 => Condition::Category(among(dice, of(|line| line.category), &CATEGORIES)),
        12 => Condition::Theme(among(dice, of(|line| line.theme), &THEMES)),
        13 => Condition::Region(among(dice, of(|line| line.region), &REGIONS)),
        14 => contains(dice, line.as_ref()),
        15 => Condition::Channel(among(dice, order.channel, &PLACES)),
        16 => Condition::Property(among(dice, order.property, &PLACES)),
        17 => Condition::Gate(among(dice, order.gate, &PLACES)),
        18 => Condition::Zone(among(dice, order.zone, &PLACES)),
        19 => Condition::Partner(among(dice, order.partner, &PLACES)),
        20 => Condition::Brand(among(dice, order.brand, &PLACES)),
        21 => {
            Condition::CustomerGroup(among(dice, order.customer_groups.first().copied(), &PLACES))
        }
        22 => {
            Condition::FirstOrder(if dice.percent(HOLDS) == (order.first_order == FirstOrder::No) {
                AmongRule::Not
            } else {
                AmongRule::Only
            })
        }
        _ => trigger(dice, order.trigger),
    }
}

fn rule(dice: &mut Dice) -> AmongRule {
    dice.pick(&[AmongRule::Only, AmongRule::Not])
}

/// A list that mostly accepts `found`.
fn among(dice: &mut Dice, found: Option<&'static str>, names: &[&'static str]) -> Among {
    let rule = rule(dice);
    let mut listed: Vec<&str> = names.iter().copied().filter(|_| dice.percent(40)).collect();
    if dice.percent(HOLDS) {
        listed.retain(|name| Some(*name) != found);
        if rule == AmongRule::Only {
            listed.extend(found);
        }
    } else if rule == AmongRule::Not && dice.percent(60) {
        listed = names.to_vec();
    }
    Among { rule, set: listed.into_iter().map(Box::from).collect() }
}

fn amount(dice: &mut Dice, total: Option<i64>) -> Condition {
    let total = total.unwrap_or(5_000);
    let basis = dice.pick(&[Basis::Original, Basis::Running]);
    let (by_min, by_max) = near(dice);
    let least = if basis == Basis::Running { total / 2 } else { total };
    let (min, max) = match dice.below(3) {
        0 => (Some(least + by_min), None),
        1 => (None, Some(total + by_max)),
        _ => (Some(least + by_min), Some(total + by_max)),
    };
    Condition::Amount { min, max, basis }
}

/// By how much a lower and an upper bound miss what is there.
fn near(dice: &mut Dice) -> (i64, i64) {
    if dice.percent(HOLDS) {
        (-dice.pick(&[0, 0, 1, 500]), dice.pick(&[0, 0, 1, 500]))
    } else {
        (dice.pick(&[1, 1, 500]), -dice.pick(&[1, 1, 500]))
    }
}

fn bounds(dice: &mut Dice, found: Option<u64>) -> (Option<u64>, Option<u64>) {
    let found = found.unwrap_or(2);
    let (min, max) = if dice.percent(HOLDS) {
        (found.saturating_sub(dice.below(3)), found + dice.below(3))
    } else {
        (found + 1 + dice.below(2), found.saturating_sub(1 + dice.below(2)))
    };
    match dice.below(3) {
        0 => (Some(min), None),
        1 => (None, Some(max)),
        _ => (Some(min.min(max)), Some(max)),
    }
}

fn dates(dice: &mut Dice, found: Option<NaiveDate>) -> Dates {
    let rule = rule(dice);
    let day = found.unwrap_or_default();
    let in_list = dice.percent(HOLDS) == (rule == AmongRule::Only);
    let range = |dice: &mut Dice| {
        let (before, after) = (dice.between(0, 2), dice.between(0, 2));
        if in_list {
            day_after(day, -before)..=day_after(day, after)
        } else if dice.percent(50) {
            day_after(day, 1)..=day_after(day, 1 + after)
        } else {
            day_after(day, -1 - before)..=day_after(day, -1)
        }
    };
    let count = dice.below(2) + 1;
    Dates { rule, ranges: (0..count).map(|_| range(dice)).collect() }
}

fn contains(dice: &mut Dice, line: Option<&Line<'static>>) -> Condition {
    let of_line = line.and_then(|line| {
        ProductType::ALL.into_iter().find(|each| each.name() == line.product_type)
    });
    let product_type = of_line.unwrap_or_else(|| dice.pick(&ProductType::ALL));
    Condition::Contains { product_type, among: among(dice, line.map(|l| l.product), &PRODUCTS) }
}

fn trigger(dice: &mut Dice, found: Trigger) -> Condition {
    let rule = rule(dice);
    let mut triggers: Vec<Trigger> =
        Trigger::ALL.into_iter().filter(|_| dice.percent(30)).collect();
    if dice.percent(HOLDS) {
        triggers.retain(|trigger| *trigger != found);
        if rule == AmongRule::Only {
            triggers.push(found);
        }
    }
    Condition::Trigger { rule, triggers }
}
