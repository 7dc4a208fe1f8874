//! Effects: what a redemption is worth. What they mean to the cent is in `rules`.

use crate::domain::money::Percent;

/// What a redemption is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Takes something off what the matching lines cost.
    Off {
        /// How much.
        worth: Worth,
        /// On what terms.
        terms: Terms,
    },
    /// As `Off`, by the order's original total: the last tier that it reaches counts.
    Tiers {
        /// At least one, by ascending `from_minor`.
        tiers: Vec<Tier>,
        /// On what terms.
        terms: Terms,
    },
    /// Worth nothing: identification.
    Zero,
    /// Adds to the price.
    Surcharge {
        /// How much: a share or an amount.
        worth: Worth,
        /// On what terms.
        terms: Terms,
    },
    /// Goods or a service that come with it, free.
    Unit {
        /// The product.
        product: Box<str>,
        /// How many pieces, at least 1.
        quantity: u32,
    },
    /// Makes pieces in the cart free or cheaper.
    Item(Item),
    /// The matching lines are fully paid: a deal that was sold elsewhere.
    PaysAll {
        /// Only lines of this product, of which there must be one.
        product: Option<Box<str>>,
    },
    /// Says of a product whether it can be booked, or leaves it out of the effects.
    Switch {
        /// The product.
        product: Box<str>,
        /// What it is switched to.
        to: Switch,
    },
    /// Puts points into the customer's account.
    Points {
        /// How many.
        points: Points,
        /// How many times, where the number is fixed.
        times: Times,
    },
    /// Costs points or credit of the customer's account.
    Spend {
        /// How much: points, or minor units; at least 1.
        amount: u64,
        /// How many times.
        times: Times,
    },
    /// Draws the order's remaining total (or the amount asked for) from a balance.
    Balance {
        /// Whose.
        of: BalanceOf,
        /// What becomes of what the order does not need.
        remainder: Remainder,
    },
}

/// How much is taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worth {
    /// A share.
    Percent(Percent),
    /// An amount in minor units, at least 1.
    Amount(i64),
    /// So much that this is left to pay, in minor units.
    Price(i64),
}

/// On what terms something is taken off or added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// What a share is of.
    pub basis: Basis,
    /// How many times an amount or price counts.
    pub times: Times,
    /// Never more than this, in minor units.
    pub cap_minor: Option<i64>,
}

impl Terms {
    /// Once, of what earlier effects left, without a cap.
    pub const PLAIN: Self = Self { basis: Basis::Running, times: Times::ONCE, cap_minor: None };
}

/// Of which state of the order an amount is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Basis {
    /// As the earlier effects left it.
    Running,
    /// As it was before any code.
    Original,
}

/// How many times something counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// For each of what.
    pub per: Per,
    /// At most so many times.
    pub max: Option<u32>,
}

impl Times {
    /// Once an order.
    pub const ONCE: Self = Self { per: Per::Order, max: None };
}

/// For each of what something counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Per {
    /// The order, booking or cart: once.
    Order,
    /// Each piece of the matching lines.
    Unit,
    /// Each night.
    Night,
    /// Each room among the matching lines.
    Room,
    /// Each programme among the matching lines.
    Programme,
    /// Each package among the matching lines.
    Package,
    /// Each adult.
    Adult,
    /// Each child.
    Child,
    /// Each person.
    Person,
}

/// One tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// The order's original total from which it counts, in minor units.
    pub from_minor: i64,
    /// How much is taken off.
    pub worth: Worth,
}

/// Pieces in the cart that become free or cheaper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Which pieces of the matching lines.
    pub pick: Pick,
    /// How much is taken off each piece: a share or an amount, or down to a price.
    pub worth: Worth,
    /// One for every so many pieces that match; absent: `pieces_max` pieces at once.
    pub every: Option<u32>,
    /// At most so many pieces. Default 1 without `every`, else without limit.
    pub pieces_max: Option<u32>,
}

/// Which pieces become free or cheaper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick {
    /// Those whose piece costs least; of equals, the earlier line.
    Cheapest,
    /// Those whose piece costs most; of equals, the earlier line.
    Dearest,
    /// Those of this product, by the order of the lines.
    Named(Box<str>),
}

/// What a product is switched to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Switch {
    /// It can be booked.
    Bookable,
    /// It cannot be booked.
    NotBookable,
    /// Its lines take no part in the effects.
    Exempt,
}

impl Switch {
    /// Its name in documents and answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bookable => "bookable",
            Self::NotBookable => "not_bookable",
            Self::Exempt => "exempt",
        }
    }

    /// The switch with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Bookable, Self::NotBookable, Self::Exempt].into_iter().find(|to| to.name() == name)
    }
}

/// How many points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Points {
    /// So many, at least 1.
    Fixed(u64),
    /// By what is paid and the account's weights.
    ByWeight,
}

/// Whose balance is drawn on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BalanceOf {
    /// The code's own.
    Code,
    /// The account's of the customer.
    Account,
}

/// What becomes of the part of a balance that an order does not need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Remainder {
    /// It stays.
    Kept,
    /// It is lost with the first use.
    Forfeited,
}
