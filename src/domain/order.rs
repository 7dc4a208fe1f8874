//! The order: the context of a request, borrowed from the frame or body that brought it.
//!
//! Every field is optional, because a gate knows little and a shop knows much. Conditions read it;
//! nothing here judges. Sizes are bounded where the order is made (`server/from_wire.rs`), not
//! here.

use chrono::NaiveDate;
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
    /// How many nights it lasts. Absent: from arrival to departure.
    pub nights: Option<u32>,
    /// The local day of arrival, visit or event.
    pub arrival: Option<NaiveDate>,
    /// The local day of departure.
    pub departure: Option<NaiveDate>,
    /// The local day of booking. Absent: the day of the request.
    pub booked: Option<NaiveDate>,
    /// How many adults it is for.
    pub adults: Option<u32>,
    /// How many children it is for.
    pub children: Option<u32>,
    /// How many persons it is for. Absent: adults and children.
    pub persons: Option<u32>,
    /// Whether it is the customer's first.
    pub first_order: FirstOrder,
    /// What brings the request about.
    pub trigger: Trigger,
    /// The bookable date or service that it is for, which accepts one group of campaigns.
    pub slot: Option<&'a str>,
}

/// Whether an order is the customer's first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum FirstOrder {
    /// The caller does not say.
    #[default]
    Unknown,
    /// It is.
    Yes,
    /// It is not.
    No,
}

/// What brings a request about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
#[repr(u8)]
pub enum Trigger {
    /// Something is booked, bought or entered.
    #[default]
    Booking = 0,
    /// A customer registers.
    Registration = 1,
    /// A customer brings another one.
    Referral = 2,
    /// A voucher is bought.
    VoucherPurchase = 3,
    /// It is the customer's birthday.
    Birthday = 4,
}

impl Trigger {
    /// All triggers, in the order of their numbers.
    pub const ALL: [Self; 5] =
        [Self::Booking, Self::Registration, Self::Referral, Self::VoucherPurchase, Self::Birthday];

    /// The trigger's name in documents and requests.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Booking => "booking",
            Self::Registration => "registration",
            Self::Referral => "referral",
            Self::VoucherPurchase => "voucher_purchase",
            Self::Birthday => "birthday",
        }
    }
}

/// One line of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Line<'a> {
    /// Product id.
    pub product: &'a str,
    /// Product category; may be empty.
    pub category: &'a str,
    /// How many pieces, at least 1.
    pub quantity: u32,
    /// What the whole line costs, in minor units.
    pub amount_minor: i64,
    /// Product type: `room`, `package`, `programme`, `board`, `voucher` or any other; may be empty.
    pub product_type: &'a str,
    /// Theme; may be empty.
    pub theme: &'a str,
    /// Region; may be empty.
    pub region: &'a str,
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
            nights: None,
            arrival: None,
            departure: None,
            booked: None,
            adults: None,
            children: None,
            persons: None,
            first_order: FirstOrder::Unknown,
            trigger: Trigger::Booking,
            slot: None,
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

    /// How many nights it lasts: as stated, or from arrival to departure.
    #[must_use]
    pub fn nights(&self) -> Option<u32> {
        self.nights.or_else(|| {
            let days = (self.departure? - self.arrival?).num_days();
            u32::try_from(days).ok()
        })
    }

    /// How many persons it is for: as stated, or adults and children together.
    #[must_use]
    pub fn persons(&self) -> Option<u32> {
        self.persons.or_else(|| match (self.adults, self.children) {
            (None, None) => None,
            (adults, children) => Some(adults.unwrap_or(0).saturating_add(children.unwrap_or(0))),
        })
    }
}
