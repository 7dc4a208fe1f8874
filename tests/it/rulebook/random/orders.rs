//! Random orders.

use chrono::{DateTime, NaiveDate};
use jeton::domain::order::{FirstOrder, Line, Order, Passage, Trigger};
use jeton::domain::time::Timestamp;

use super::{
    CATEGORIES, CUSTOMERS, Dice, PLACES, PRODUCT_TYPES, PRODUCTS, REGIONS, THEMES, day_after,
};

pub(super) fn order(dice: &mut Dice, now: Timestamp) -> Order<'static> {
    let lines = dice.weighted(&[7, 20, 26, 21, 12, 8, 6]);
    let lines: Vec<Line<'static>> = (0..lines).map(|_| line(dice)).collect();
    let today = DateTime::from_timestamp_millis(now.0).unwrap().date_naive();
    let arrival = dice.maybe(92, |dice| near(dice, today));
    let stay = dice.between(0, 5);
    let place = |dice: &mut Dice| dice.maybe(93, |dice| dice.pick(&PLACES));
    let few = |dice: &mut Dice| u32::try_from(dice.below(4)).unwrap();
    let groups = dice.below(3);
    Order {
        customer: dice.maybe(88, |dice| if dice.percent(3) { "" } else { dice.pick(&CUSTOMERS) }),
        customer_groups: (0..groups).map(|_| dice.pick(&PLACES)).collect(),
        gate: place(dice),
        property: place(dice),
        channel: place(dice),
        partner: place(dice),
        brand: place(dice),
        currency: dice.maybe(30, |dice| if dice.percent(96) { "EUR" } else { "CZK" }),
        total_minor: total(dice, &lines),
        lines: lines.into_iter().collect(),
        units: if dice.percent(80) { 1 } else { u32::try_from(dice.below(6)).unwrap() },
        amount_minor: dice.maybe(12, Dice::amount),
        order_ref: None,
        zone: place(dice),
        passage: match dice.below(50) {
            0 => Passage::Exit,
            1 => Passage::Entry,
            _ => Passage::None,
        },
        nights: dice.maybe(30, few),
        arrival,
        departure: arrival.filter(|_| dice.percent(92)).map(|day| day_after(day, stay)),
        booked: dice.maybe(40, |dice| near(dice, today)),
        adults: dice.maybe(85, few),
        children: dice.maybe(75, few),
        persons: dice.maybe(30, few),
        first_order: dice.pick(&[
            FirstOrder::Yes,
            FirstOrder::Yes,
            FirstOrder::No,
            FirstOrder::No,
            FirstOrder::Unknown,
        ]),
        trigger: if dice.percent(60) { Trigger::Booking } else { dice.pick(&Trigger::ALL) },
        slot: None,
    }
}

/// A stated total is the sum of the lines, or more (shipping), or less (an offer for all of it).
fn total(dice: &mut Dice, lines: &[Line<'_>]) -> Option<i64> {
    let sum: i64 = lines.iter().map(|line| line.amount_minor).sum();
    if lines.is_empty() {
        return dice.maybe(60, Dice::amount);
    }
    match dice.below(10) {
        0..=4 => None,
        5 => Some(sum.max(0)),
        6 | 7 => Some(sum.max(0) + dice.amount()),
        8 => Some(sum.max(0) * dice.between(0, 100) / 100),
        _ => Some(dice.amount()),
    }
}

fn line(dice: &mut Dice) -> Line<'static> {
    let amount_minor = dice.amount();
    Line {
        product: dice.pick(&PRODUCTS),
        category: dice.pick(&CATEGORIES),
        quantity: u32::try_from(dice.between(1, 4)).unwrap(),
        // A few give something back.
        amount_minor: if dice.per_mille(15) { -amount_minor / 10 } else { amount_minor },
        product_type: dice.pick(&PRODUCT_TYPES),
        theme: dice.pick(&THEMES),
        region: dice.pick(&REGIONS),
    }
}

pub(super) fn near(dice: &mut Dice, day: NaiveDate) -> NaiveDate {
    let days = dice.between(-3, 3);
    day_after(day, days)
}
