//! The order: the context of a request, borrowed from the frame or body that brought it.
//!
//! Every field is optional, because a gate knows little and a shop knows much. Conditions read it;
//! nothing here judges. Sizes are bounded where the order is made (`server/from_wire.rs`), not
//! here.

use smallvec::SmallVec;

/// Most lines in one order.
pub const LINES_MAX: usize = 128;

/// Most groups that a request may say its customer is in.
pub const CUSTOMER_GROUPS_MAX: usize = 32;

/// What is being bought or entered, by whom, where, and for how much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order<'a> {
    /// Who asks: a customer id, or for guests a hashed e-mail or device key that the caller
    /// supplies.
    pub customer: Option<&'a str>,
    /// Groups that the caller says the customer is in.
    pub customer_groups: SmallVec<[&'a str; 4]>,
    /// The gate, till or terminal.
    pub gate: Option<&'a str>,
    /// The park, hotel or house.
    pub property: Option<&'a str>,
    /// Where the sale happens: web, app, phone, desk.
    pub channel: Option<&'a str>,
    /// The third party that brings the customer.
    pub partner: Option<&'a str>,
    /// The brand under which is sold.
    pub brand: Option<&'a str>,
    /// Three letters of ISO 4217; all amounts of the order are in it.
    pub currency: Option<&'a str>,
    /// What the order costs before anything is taken off, in minor units. Absent: the sum of the
    /// lines.
    pub total_minor: Option<i64>,
    /// What is in the cart.
    pub lines: SmallVec<[Line<'a>; 4]>,
    /// Persons or uses that this request takes. Default 1.
    pub units: u32,
    /// How much to draw from a balance, in minor units. Absent: what the order leaves to pay.
    pub amount_minor: Option<i64>,
    /// The caller's own number for the order or booking; kept in the history.
    pub order_ref: Option<&'a str>,
    /// The zone that is entered or left.
    pub zone: Option<&'a str>,
    /// Whether somebody passes a gate, and in which direction.
    pub passage: Passage,
}

/// One line of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Product id.
    pub product: &'a str,
    /// Product type or category; may be empty.
    pub category: &'a str,
    /// How many pieces, at least 1.
    pub quantity: u32,
    /// What the whole line costs, in minor units.
    pub amount_minor: i64,
}

/// The direction in which a gate is passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Passage {
    /// No gate is passed, or the gate does not say; counts like an entry.
    #[default]
    None,
    /// In.
    Entry,
    /// Out: changes the zone only and takes no use.
    Exit,
}

impl Default for Order<'_> {
    fn default() -> Self {
        Self {
            customer: None,
            customer_groups: SmallVec::new(),
            gate: None,
            property: None,
            channel: None,
            partner: None,
            brand: None,
            currency: None,
            total_minor: None,
            lines: SmallVec::new(),
            units: 1,
            amount_minor: None,
            order_ref: None,
            zone: None,
            passage: Passage::None,
        }
    }
}

impl Order<'_> {
    /// What the order costs in minor units: the stated total, or else the sum of its lines, or
    /// nothing when neither is known.
    #[must_use]
    pub fn total(&self) -> Option<i64> {
        self.total_minor.or_else(|| {
            (!self.lines.is_empty()).then(|| self.lines.iter().map(|line| line.amount_minor).sum())
        })
    }
}
