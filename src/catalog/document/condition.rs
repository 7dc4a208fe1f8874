//! Conditions as documents write them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Amount, Basis, Days, Trigger};

/// A list that a reference must be in, or must not be in; exactly one of the two is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AmongDocument {
    /// Only these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only: Option<Vec<String>>,
    /// All but these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not: Option<Vec<String>>,
}

/// Dates that a day must be among, or must not be among; exactly one of the two is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DatesDocument {
    /// Only these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only: Option<Vec<Days>>,
    /// All but these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not: Option<Vec<Days>>,
}

/// One thing that must hold for a code to be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ConditionDocument {
    /// What the order costs.
    Amount {
        /// At least.
        #[serde(skip_serializing_if = "Option::is_none")]
        min: Option<Amount>,
        /// At most.
        #[serde(skip_serializing_if = "Option::is_none")]
        max: Option<Amount>,
        /// Before any code, or as earlier campaigns of the order left it. Default `original`.
        #[serde(skip_serializing_if = "Option::is_none")]
        basis: Option<Basis>,
    },
    /// How many pieces the matching lines have together.
    Quantity {
        /// At least.
        #[serde(skip_serializing_if = "Option::is_none")]
        min: Option<u64>,
        /// At most.
        #[serde(skip_serializing_if = "Option::is_none")]
        max: Option<u64>,
    },
    /// How many persons the order is for.
    Persons {
        /// At least.
        #[serde(skip_serializing_if = "Option::is_none")]
        min: Option<u64>,
        /// At most.
        #[serde(skip_serializing_if = "Option::is_none")]
        max: Option<u64>,
    },
    /// How many nights the order lasts.
    Nights {
        /// At least.
        #[serde(skip_serializing_if = "Option::is_none")]
        min: Option<u64>,
        /// At most.
        #[serde(skip_serializing_if = "Option::is_none")]
        max: Option<u64>,
    },
    /// How many points the customer's account has that can be spent; cents, where it holds money.
    Points {
        /// At least.
        #[serde(skip_serializing_if = "Option::is_none")]
        min: Option<u64>,
        /// At most.
        #[serde(skip_serializing_if = "Option::is_none")]
        max: Option<u64>,
    },
    /// The day of booking.
    Booked(DatesDocument),
    /// The day of arrival, visit or event.
    Arrival(DatesDocument),
    /// The day of departure.
    Departure(DatesDocument),
    /// Products; lines that do not match take no part in the effects.
    Product(AmongDocument),
    /// Product types; lines that do not match take no part in the effects.
    ProductType(AmongDocument),
    /// Product categories; lines that do not match take no part in the effects.
    Category(AmongDocument),
    /// Themes; lines that do not match take no part in the effects.
    Theme(AmongDocument),
    /// Regions; lines that do not match take no part in the effects.
    Region(AmongDocument),
    /// Room types: `only`, one of them must be in the order; `not`, none may.
    RoomType(AmongDocument),
    /// Packages: `only`, one of them must be in the order; `not`, none may.
    Package(AmongDocument),
    /// Programmes: `only`, one of them must be in the order; `not`, none may.
    Programme(AmongDocument),
    /// Meals: `only`, one of them must be in the order; `not`, none may.
    Board(AmongDocument),
    /// Vouchers that are bought: `only`, one of them must be in the order; `not`, none may.
    Voucher(AmongDocument),
    /// Sales channels.
    Channel(AmongDocument),
    /// Properties.
    Property(AmongDocument),
    /// Gates.
    Gate(AmongDocument),
    /// Zones that gates lead into.
    Zone(AmongDocument),
    /// Partners.
    Partner(AmongDocument),
    /// Brands.
    Brand(AmongDocument),
    /// Groups of customers, and segments: `only`, the customer is in one of them; `not`, in none.
    CustomerGroup(AmongDocument),
    /// Whether it is the customer's first order.
    FirstOrder {
        /// True: it must be the first; false: it must be a later one.
        is: bool,
    },
    /// What brings the request about.
    Trigger {
        /// Only these.
        #[serde(skip_serializing_if = "Option::is_none")]
        only: Option<Vec<Trigger>>,
        /// All but these.
        #[serde(skip_serializing_if = "Option::is_none")]
        not: Option<Vec<Trigger>>,
    },
}
