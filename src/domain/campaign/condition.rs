//! Conditions: what must hold for a code to be used. What they mean is in `rules`.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use chrono::NaiveDate;

use super::effect::Basis;
use crate::domain::order::Trigger;

/// A list that a reference must be in, or must not be in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Among {
    /// How the list is meant.
    pub rule: AmongRule,
    /// The references.
    pub set: HashSet<Box<str>, foldhash::fast::FixedState>,
}

/// How a list is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AmongRule {
    /// Only these.
    Only,
    /// All but these.
    Not,
}

impl AmongRule {
    /// Whether a thing that is in the list, or is not, is as the list demands.
    #[must_use]
    pub fn accepts(self, in_list: bool) -> bool {
        in_list == (self == Self::Only)
    }
}

impl Among {
    /// Whether `reference` is as the list demands.
    #[must_use]
    pub fn accepts(&self, reference: &str) -> bool {
        self.rule.accepts(self.set.contains(reference))
    }
}

/// Days that a date must be among, or must not be among.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dates {
    /// How the list is meant.
    pub rule: AmongRule,
    /// First to last days, both included.
    pub ranges: Vec<RangeInclusive<NaiveDate>>,
}

impl Dates {
    /// Whether `date` is as the list demands.
    #[must_use]
    pub fn accepts(&self, date: NaiveDate) -> bool {
        self.rule.accepts(self.ranges.iter().any(|range| range.contains(&date)))
    }
}

/// Product types that rules know by name. An order's lines may be of any type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProductType {
    /// A room; its products are room types.
    Room,
    /// A package of several services.
    Package,
    /// A programme: a tour, a course, a treatment.
    Programme,
    /// Meals.
    Board,
    /// A voucher that is bought.
    Voucher,
}

impl ProductType {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Room, Self::Package, Self::Programme, Self::Board, Self::Voucher];

    /// The name by which lines give it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Room => "room",
            Self::Package => "package",
            Self::Programme => "programme",
            Self::Board => "board",
            Self::Voucher => "voucher",
        }
    }
}

/// One thing that must hold for a code to be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// The order costs at least and at most so much, in minor units.
    Amount {
        /// At least.
        min: Option<i64>,
        /// At most.
        max: Option<i64>,
        /// Before any code, or after the earlier ones.
        basis: Basis,
    },
    /// The matching lines have together at least and at most so many pieces.
    Quantity {
        /// At least.
        min: Option<u64>,
        /// At most.
        max: Option<u64>,
    },
    /// The order is for at least and at most so many persons.
    Persons {
        /// At least.
        min: Option<u64>,
        /// At most.
        max: Option<u64>,
    },
    /// It lasts at least and at most so many nights.
    Nights {
        /// At least.
        min: Option<u64>,
        /// At most.
        max: Option<u64>,
    },
    /// The customer's account has at least and at most so many points that can be spent.
    Points {
        /// At least.
        min: Option<u64>,
        /// At most.
        max: Option<u64>,
    },
    /// The day of booking.
    Booked(Dates),
    /// The day of arrival, visit or event.
    Arrival(Dates),
    /// The day of departure.
    Departure(Dates),
    /// Products; lines that do not match take no part in the effects.
    Product(Among),
    /// Product types; lines that do not match take no part in the effects.
    ProductType(Among),
    /// Product categories; lines that do not match take no part in the effects.
    Category(Among),
    /// Themes; lines that do not match take no part in the effects.
    Theme(Among),
    /// Regions; lines that do not match take no part in the effects.
    Region(Among),
    /// With `Only`, a line of this type must be for one of these products; with `Not`, none may.
    /// Other lines take part in the effects as before.
    Contains {
        /// The type: room types, packages, programmes, board.
        product_type: ProductType,
        /// The products.
        among: Among,
    },
    /// Sales channels.
    Channel(Among),
    /// Properties.
    Property(Among),
    /// Gates.
    Gate(Among),
    /// Zones that gates lead into.
    Zone(Among),
    /// Partners.
    Partner(Among),
    /// Brands.
    Brand(Among),
    /// Groups of customers, contacts or members, and segments: with `Only`, one of the customer's
    /// groups must be in the list; with `Not`, none may.
    CustomerGroup(Among),
    /// With `Only`, it must be the customer's first order; with `Not`, a later one.
    FirstOrder(AmongRule),
    /// What brings the request about.
    Trigger {
        /// How the list is meant.
        rule: AmongRule,
        /// The triggers.
        triggers: Vec<Trigger>,
    },
}
