//! From the wire to the domain: orders, checked for what the wire cannot say.

use smallvec::SmallVec;

use crate::auth::caller::Caller;
use crate::domain::money::AMOUNT_MINOR_MAX;
use crate::domain::order::{Line, Order, Passage};
use crate::domain::time::Timestamp;
use crate::protocol;

/// Most units in one request: more persons than any gate admits at once.
pub(super) const UNITS_MAX: u32 = 1_000_000;

/// Largest number of pieces in one line.
const QUANTITY_MAX: u32 = 1_000_000;

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
}

/// The order of a request. What it leaves out is filled with the place that the caller is pinned
/// to.
pub(super) fn order<'wire: 'a, 'a>(
    wire: &protocol::Order<&'wire str>,
    caller: &'a Caller,
) -> Result<Order<'a>, OrderFault> {
    let pinned_gate = caller.identity.gate.as_ref().map(|gate| gate.as_str());
    let pinned_property = caller.identity.property.as_ref().map(|property| property.as_str());
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
    })
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
