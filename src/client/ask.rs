//! Building a question about codes, a word at a time.

use std::time::Duration;

use smallvec::SmallVec;

use super::{millis, new_id};
use crate::protocol::{self, Id, Line, Options, Order, Passage, Request};

/// A question about an order and its codes; [`Validate`], [`Redeem`] and [`Hold`] differ in `V`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a question must be given to a client"]
pub struct Ask<V> {
    deadline_ms: u32,
    codes: SmallVec<[String; 2]>,
    order: Order,
    options: Options,
    verb: V,
}

/// Would it be yes?
pub type Validate = Ask<ToValidate>;
/// Take it.
pub type Redeem = Ask<ToRedeem>;
/// Take it for a while.
pub type Hold = Ask<ToHold>;

/// What only validate can be told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToValidate {
    exact: bool,
}

/// What only redeem can be told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToRedeem {
    id: Option<Id>,
}

/// What only hold can be told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToHold {
    id: Option<Id>,
    ttl_ms: u32,
}

impl<V: Default> Ask<V> {
    /// About one code.
    pub fn code(code: impl Into<String>) -> Self {
        Self::codes([code])
    }

    /// About an order without a code: what applies by itself.
    pub fn without_code() -> Self {
        Self::codes([""; 0])
    }

    /// About several codes, at most 16.
    pub fn codes(codes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            deadline_ms: 0,
            codes: codes.into_iter().map(Into::into).collect(),
            order: Order::default(),
            options: Options::default(),
            verb: V::default(),
        }
    }
}

impl<V> Ask<V> {
    /// How long it may take with all its tries; the client's deadline unless told otherwise.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline_ms = millis(deadline).max(1);
        self
    }

    /// The whole order at once.
    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// Who asks.
    pub fn customer(mut self, customer: impl Into<String>) -> Self {
        self.order.customer = Some(customer.into());
        self
    }

    /// A group the customer belongs to.
    pub fn customer_group(mut self, group: impl Into<String>) -> Self {
        self.order.customer_groups.push(group.into());
        self
    }

    /// Where the code was presented.
    pub fn gate(mut self, gate: impl Into<String>) -> Self {
        self.order.gate = Some(gate.into());
        self
    }

    /// The house, park, pool.
    pub fn property(mut self, property: impl Into<String>) -> Self {
        self.order.property = Some(property.into());
        self
    }

    /// How the order came in.
    pub fn channel(mut self, channel: impl Into<String>) -> Self {
        self.order.channel = Some(channel.into());
        self
    }

    /// Who sold it.
    pub fn partner(mut self, partner: impl Into<String>) -> Self {
        self.order.partner = Some(partner.into());
        self
    }

    /// Under which brand.
    pub fn brand(mut self, brand: impl Into<String>) -> Self {
        self.order.brand = Some(brand.into());
        self
    }

    /// What the order costs before any code: minor units of an ISO 4217 currency.
    pub fn total_minor(mut self, total_minor: i64, currency: impl Into<String>) -> Self {
        self.order.total_minor = Some(total_minor);
        self.order.currency = Some(currency.into());
        self
    }

    /// One more line of the cart.
    pub fn line(mut self, line: Line) -> Self {
        self.order.lines.push(line);
        self
    }

    /// Persons or uses taken; 1 unless said otherwise.
    pub fn units(mut self, units: u32) -> Self {
        self.order.units = units;
        self
    }

    /// How much to draw from a balance, in minor units.
    pub fn amount_minor(mut self, amount_minor: i64) -> Self {
        self.order.amount_minor = Some(amount_minor);
        self
    }

    /// The caller's name for the order.
    pub fn order_ref(mut self, order_ref: impl Into<String>) -> Self {
        self.order.order_ref = Some(order_ref.into());
        self
    }

    /// The zone that is entered or left, and which.
    pub fn passage(mut self, zone: impl Into<String>, passage: Passage) -> Self {
        self.order.zone = Some(zone.into());
        self.order.passage = passage;
        self
    }

    /// The bookable date or service that the order is for.
    pub fn slot(mut self, slot: impl Into<String>) -> Self {
        self.order.slot = Some(slot.into());
        self
    }

    /// Codes that cannot be used are left out, and the others are used; else it is all or none.
    pub fn partial(mut self) -> Self {
        self.options.partial = true;
        self
    }

    /// Changes nothing, and is answered as validate would be, with exact counts.
    pub fn dry(mut self) -> Self {
        self.options.dry = true;
        self
    }
}

impl Validate {
    /// Ask the ledger itself, not a node's picture of it.
    pub fn exact(mut self) -> Self {
        self.verb.exact = true;
        self
    }

    /// Answer as at this moment, in milliseconds since 1970 UTC. For the office only.
    pub fn at_ms(mut self, now_ms: i64) -> Self {
        self.options.now_ms = Some(now_ms);
        self
    }

    pub(super) fn into_request(self) -> Request {
        Request::Validate(protocol::Validate {
            deadline_ms: self.deadline_ms,
            codes: self.codes,
            order: self.order,
            exact: self.verb.exact,
            explain: false,
            options: self.options,
        })
    }
}

impl Redeem {
    /// The id to redeem under; a fresh one unless given.
    pub fn id(mut self, id: Id) -> Self {
        self.verb.id = Some(id);
        self
    }

    pub(super) fn into_request(self) -> Request {
        Request::Redeem(protocol::Redeem {
            deadline_ms: self.deadline_ms,
            id: self.verb.id.unwrap_or_else(new_id),
            codes: self.codes,
            order: self.order,
            options: self.options,
        })
    }
}

impl Hold {
    /// The id to hold under; a fresh one unless given.
    pub fn id(mut self, id: Id) -> Self {
        self.verb.id = Some(id);
        self
    }

    /// How long to hold; the campaign's default unless given.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.verb.ttl_ms = millis(ttl).max(1);
        self
    }

    pub(super) fn into_request(self) -> Request {
        Request::Hold(protocol::Hold {
            deadline_ms: self.deadline_ms,
            id: self.verb.id.unwrap_or_else(new_id),
            codes: self.codes,
            order: self.order,
            ttl_ms: self.verb.ttl_ms,
            options: self.options,
        })
    }
}
