//! A question that is kept while the ledger is asked: texts of its own, the codes already found.

use chrono::NaiveDate;

use super::ask::Ask;
use crate::domain::id::TenantId;
use crate::domain::order::{FirstOrder, Line, Order, Passage, Trigger};
use crate::domain::rules::StackMode;
use crate::domain::time::Timestamp;

type Text = Option<Box<str>>;

/// An [`Ask`] that outlives the frame or body that brought it.
pub(super) struct KeptAsk {
    tenant: TenantId,
    now: Timestamp,
    mode: StackMode,
    customer: Text,
    customer_groups: Box<[Box<str>]>,
    gate: Text,
    property: Text,
    channel: Text,
    partner: Text,
    brand: Text,
    currency: Text,
    total_minor: Option<i64>,
    lines: Box<[KeptLine]>,
    units: u32,
    amount_minor: Option<i64>,
    order_ref: Text,
    zone: Text,
    passage: Passage,
    nights: Option<u32>,
    arrival: Option<NaiveDate>,
    departure: Option<NaiveDate>,
    booked: Option<NaiveDate>,
    adults: Option<u32>,
    children: Option<u32>,
    persons: Option<u32>,
    first_order: FirstOrder,
    trigger: Trigger,
    slot: Text,
}

struct KeptLine {
    product: Box<str>,
    category: Box<str>,
    quantity: u32,
    amount_minor: i64,
    product_type: Box<str>,
    theme: Box<str>,
    region: Box<str>,
}

impl KeptLine {
    fn line(&self) -> Line<'_> {
        let Self { product, category, quantity, amount_minor, product_type, theme, region } = self;
        let (quantity, amount_minor) = (*quantity, *amount_minor);
        Line { product, category, quantity, amount_minor, product_type, theme, region }
    }
}

impl KeptAsk {
    /// Keeps all of `ask` but its codes: they are kept as what they were found to be.
    pub(super) fn of(ask: &Ask<'_>) -> Self {
        let text = |text: Option<&str>| text.map(Box::from);
        let line = |line: &Line<'_>| {
            let Line { product, category, quantity, amount_minor, product_type, theme, region } =
                *line;
            KeptLine {
                product: product.into(),
                category: category.into(),
                quantity,
                amount_minor,
                product_type: product_type.into(),
                theme: theme.into(),
                region: region.into(),
            }
        };
        let order = &ask.order;
        Self {
            tenant: ask.tenant.clone(),
            now: ask.now,
            mode: ask.mode,
            customer: text(order.customer),
            customer_groups: order.customer_groups.iter().map(|group| Box::from(*group)).collect(),
            gate: text(order.gate),
            property: text(order.property),
            channel: text(order.channel),
            partner: text(order.partner),
            brand: text(order.brand),
            currency: text(order.currency),
            total_minor: order.total_minor,
            lines: order.lines.iter().map(line).collect(),
            units: order.units,
            amount_minor: order.amount_minor,
            order_ref: text(order.order_ref),
            zone: text(order.zone),
            passage: order.passage,
            nights: order.nights,
            arrival: order.arrival,
            departure: order.departure,
            booked: order.booked,
            adults: order.adults,
            children: order.children,
            persons: order.persons,
            first_order: order.first_order,
            trigger: order.trigger,
            slot: text(order.slot),
        }
    }

    /// The question again, without its codes.
    pub(super) fn ask(&self) -> Ask<'_> {
        let order = Order {
            customer: self.customer.as_deref(),
            customer_groups: self.customer_groups.iter().map(|group| &**group).collect(),
            gate: self.gate.as_deref(),
            property: self.property.as_deref(),
            channel: self.channel.as_deref(),
            partner: self.partner.as_deref(),
            brand: self.brand.as_deref(),
            currency: self.currency.as_deref(),
            total_minor: self.total_minor,
            lines: self.lines.iter().map(KeptLine::line).collect(),
            units: self.units,
            amount_minor: self.amount_minor,
            order_ref: self.order_ref.as_deref(),
            zone: self.zone.as_deref(),
            passage: self.passage,
            nights: self.nights,
            arrival: self.arrival,
            departure: self.departure,
            booked: self.booked,
            adults: self.adults,
            children: self.children,
            persons: self.persons,
            first_order: self.first_order,
            trigger: self.trigger,
            slot: self.slot.as_deref(),
        };
        let codes = smallvec::SmallVec::new();
        Ask { tenant: &self.tenant, codes, order, now: self.now, mode: self.mode }
    }
}
