//! From the wire to the domain: orders, checked for what the wire cannot say, and how they are to
//! be taken.

use std::ops::RangeInclusive;

use chrono::{Datelike, NaiveDate};
use smallvec::SmallVec;

use crate::auth::caller::Caller;
use crate::auth::role::Role;
use crate::domain::money::AMOUNT_MINOR_MAX;
use crate::domain::order::{FirstOrder, Line, Order, Passage, Trigger};
use crate::domain::rules::StackMode;
use crate::domain::time::Timestamp;
use crate::protocol;

/// Most units in one request: more persons than any gate admits at once.
pub(super) const UNITS_MAX: u32 = 1_000_000;

/// Largest number of pieces in one line.
pub(super) const QUANTITY_MAX: u32 = 1_000_000;

/// Most nights, and most persons: more than anybody books at once.
pub(super) const HEADCOUNT_MAX: u32 = 1_000_000;

/// The years that a day or moment can be in.
const YEARS: RangeInclusive<i32> = 1..=9999;

/// The moments that can be asked for: 1970 to the end of 9999, in milliseconds since 1970 UTC.
const MOMENTS_MS: RangeInclusive<i64> = 0..=253_402_300_799_999;

/// What is wrong with an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum OrderFault {
    /// An amount out of range.
    #[error("{0} is outside of ±{AMOUNT_MINOR_MAX} minor units")]
    Amount(&'static str),
    /// Too many pieces, or none.
    #[error("a line has a quantity outside of 1 to {QUANTITY_MAX}")]
    Quantity,
    /// Too many units.
    #[error("more than {UNITS_MAX} units")]
    Units,
    /// Not three capital letters.
    #[error("currency is not three capital letters")]
    Currency,
    /// Too many nights or persons.
    #[error("{0} is more than {HEADCOUNT_MAX}")]
    Headcount(&'static str),
    /// A day that no calendar here has.
    #[error("{0} is no day of the years 1 to 9999")]
    Day(&'static str),
    /// A moment that cannot be asked for.
    #[error("now_ms is no moment of the years 1970 to 9999")]
    Moment,
}

/// The order of a request. What it leaves out is filled with the place that the caller is pinned
/// to.
pub(super) fn order<'wire: 'a, 'a>(
    wire: &protocol::Order<&'wire str>,
    caller: &'a Caller,
) -> Result<Order<'a>, OrderFault> {
    let pinned_gate = caller.identity.gate.as_ref().map(|gate| gate.as_str());
    let pinned_property = caller.identity.property();
    let mut lines: SmallVec<[Line<'a>; 4]> = SmallVec::new();
    for line in &wire.lines {
        if line.quantity == 0 || line.quantity > QUANTITY_MAX {
            return Err(OrderFault::Quantity);
        }
        lines.push(Line {
            product: line.product,
            category: line.category,
            quantity: line.quantity,
            amount_minor: amount("lines", line.amount_minor)?,
            product_type: line.product_type,
            theme: line.theme,
            region: line.region,
        });
    }
    if wire.units > UNITS_MAX {
        return Err(OrderFault::Units);
    }
    if wire.currency.is_some_and(|c| c.len() != 3 || !c.bytes().all(|b| b.is_ascii_uppercase())) {
        return Err(OrderFault::Currency);
    }
    let total_minor = wire.total_minor.map(|total| amount("total_minor", total)).transpose()?;
    let amount_minor = wire.amount_minor.map(|drawn| amount("amount_minor", drawn)).transpose()?;
    Ok(Order {
        customer: wire.customer,
        customer_groups: wire.customer_groups.iter().map(|group| -> &'a str { group }).collect(),
        gate: wire.gate.or(pinned_gate),
        property: wire.property.or(pinned_property),
        channel: wire.channel,
        partner: wire.partner,
        brand: wire.brand,
        currency: wire.currency,
        total_minor,
        lines,
        units: wire.units,
        amount_minor,
        order_ref: wire.order_ref,
        zone: wire.zone,
        passage: match wire.passage {
            protocol::Passage::None => Passage::None,
            protocol::Passage::Entry => Passage::Entry,
            protocol::Passage::Exit => Passage::Exit,
        },
        nights: headcount("nights", wire.nights)?,
        arrival: day("arrival", wire.arrival_day)?,
        departure: day("departure", wire.departure_day)?,
        booked: day("booked", wire.booked_day)?,
        adults: headcount("adults", wire.adults)?,
        children: headcount("children", wire.children)?,
        persons: headcount("persons", wire.persons)?,
        first_order: first_order(wire.first_order),
        trigger: trigger(wire.trigger),
        slot: wire.slot,
    })
}

fn headcount(what: &'static str, count: Option<u32>) -> Result<Option<u32>, OrderFault> {
    if count.is_some_and(|count| count > HEADCOUNT_MAX) {
        return Err(OrderFault::Headcount(what));
    }
    Ok(count)
}

fn day(what: &'static str, day: Option<i32>) -> Result<Option<NaiveDate>, OrderFault> {
    let date = |day| NaiveDate::from_epoch_days(day).filter(is_accepted_day);
    day.map(|day| date(day).ok_or(OrderFault::Day(what))).transpose()
}

/// Whether a calendar here has this day.
pub(super) fn is_accepted_day(day: &NaiveDate) -> bool {
    YEARS.contains(&day.year())
}

/// Whether it is the customer's first order.
pub(super) fn first_order(stated: Option<bool>) -> FirstOrder {
    match stated {
        None => FirstOrder::Unknown,
        Some(true) => FirstOrder::Yes,
        Some(false) => FirstOrder::No,
    }
}

fn trigger(wire: protocol::Trigger) -> Trigger {
    match wire {
        protocol::Trigger::Booking => Trigger::Booking,
        protocol::Trigger::Registration => Trigger::Registration,
        protocol::Trigger::Referral => Trigger::Referral,
        protocol::Trigger::VoucherPurchase => Trigger::VoucherPurchase,
        protocol::Trigger::Birthday => Trigger::Birthday,
    }
}

/// What happens when some of the codes cannot be used.
pub(super) fn mode(partial: bool) -> StackMode {
    if partial { StackMode::Partial } else { StackMode::AllOrNothing }
}

/// Whether this caller may ask how it would be at another moment.
pub(super) fn may_choose_moment(caller: &Caller) -> bool {
    matches!(caller.identity.role, Role::Office | Role::Admin)
}

/// The moment that is asked for.
pub(super) fn moment(now_ms: i64) -> Result<Timestamp, OrderFault> {
    if !MOMENTS_MS.contains(&now_ms) {
        return Err(OrderFault::Moment);
    }
    Ok(Timestamp(now_ms))
}

fn amount(what: &'static str, minor: i64) -> Result<i64, OrderFault> {
    if minor.unsigned_abs() > AMOUNT_MINOR_MAX.unsigned_abs() {
        return Err(OrderFault::Amount(what));
    }
    Ok(minor)
}

/// The moment after which an answer is of no use; never, when the request says nothing.
pub(super) fn deadline(now: Timestamp, deadline_ms: u32) -> Timestamp {
    if deadline_ms == 0 { Timestamp::NEVER } else { now.plus_ms(i64::from(deadline_ms)) }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed one is a failed test")]
mod tests {
    use super::*;
    use crate::auth::caller::{CallerId, Identity, Name};
    use crate::domain::id::TenantId;

    fn caller(role: Role) -> Caller {
        let tenant = TenantId::parse("park").unwrap();
        let identity = Identity::new(tenant, role, Name::parse("till").unwrap());
        Caller { id: CallerId::of_identity(&identity), identity, expires_ms: None }
    }

    #[test]
    fn a_stay_means_what_it_says() {
        let caller = caller(Role::Checkout);
        let wire = protocol::Order {
            lines: smallvec::smallvec![protocol::Line {
                product: "suite",
                quantity: 1,
                product_type: "room",
                theme: "spa",
                region: "tyrol",
                ..protocol::Line::default()
            }],
            nights: Some(4),
            arrival_day: Some(20_574),
            departure_day: Some(20_578),
            booked_day: Some(-1),
            adults: Some(2),
            children: Some(1),
            persons: Some(3),
            first_order: Some(true),
            trigger: protocol::Trigger::Birthday,
            slot: Some("summer"),
            ..protocol::Order::default()
        };
        let line = Line {
            product: "suite",
            quantity: 1,
            product_type: "room",
            theme: "spa",
            region: "tyrol",
            ..Line::default()
        };
        let expected = Order {
            lines: smallvec::smallvec![line],
            nights: Some(4),
            arrival: NaiveDate::from_ymd_opt(2026, 5, 1),
            departure: NaiveDate::from_ymd_opt(2026, 5, 5),
            booked: NaiveDate::from_ymd_opt(1969, 12, 31),
            adults: Some(2),
            children: Some(1),
            persons: Some(3),
            first_order: FirstOrder::Yes,
            trigger: Trigger::Birthday,
            slot: Some("summer"),
            ..Order::default()
        };
        assert_eq!(order(&wire, &caller), Ok(expected));
    }

    #[test]
    fn triggers_have_the_same_numbers_on_the_wire() {
        for (wire, own) in protocol::Trigger::ALL.into_iter().zip(Trigger::ALL) {
            assert_eq!((trigger(wire), wire.number()), (own, own as u8));
        }
    }

    #[test]
    fn days_and_persons_have_bounds() {
        let fault = |wire: protocol::Order<&'static str>| order(&wire, &caller(Role::Gate)).err();
        let plain = protocol::Order::default;
        let many = Some(HEADCOUNT_MAX + 1);
        for (wire, expect) in [
            (protocol::Order { nights: many, ..plain() }, OrderFault::Headcount("nights")),
            (protocol::Order { adults: many, ..plain() }, OrderFault::Headcount("adults")),
            (protocol::Order { children: many, ..plain() }, OrderFault::Headcount("children")),
            (protocol::Order { persons: many, ..plain() }, OrderFault::Headcount("persons")),
            (
                protocol::Order { arrival_day: Some(i32::MIN), ..plain() },
                OrderFault::Day("arrival"),
            ),
            (
                protocol::Order { departure_day: Some(2_932_897), ..plain() },
                OrderFault::Day("departure"),
            ),
            (protocol::Order { booked_day: Some(-719_163), ..plain() }, OrderFault::Day("booked")),
        ] {
            assert_eq!(fault(wire), Some(expect));
        }
        let last = protocol::Order { departure_day: Some(2_932_896), ..plain() };
        assert_eq!(fault(last), None);
        let first = protocol::Order { booked_day: Some(-719_162), ..plain() };
        assert_eq!(fault(first), None);
    }

    #[test]
    fn moments_are_for_the_office_and_within_the_calendar() {
        let may = Role::ALL.into_iter().filter(|role| may_choose_moment(&caller(*role)));
        assert_eq!(may.collect::<Vec<_>>(), [Role::Office, Role::Admin]);
        assert_eq!(moment(-1), Err(OrderFault::Moment));
        assert_eq!(moment(0), Ok(Timestamp(0)));
        assert_eq!(moment(253_402_300_799_999), Ok(Timestamp(253_402_300_799_999)));
        assert_eq!(moment(253_402_300_800_000), Err(OrderFault::Moment));
    }
}
