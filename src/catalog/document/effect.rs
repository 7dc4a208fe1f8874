//! Effects as documents write them.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::value::word_or_table;
use super::{Amount, BalanceOf, Basis, Per, Remainder, Switch};

/// What a redemption is worth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum EffectDocument {
    /// A share of what the matching lines cost.
    Percent {
        /// The share, 0 to 100 with at most six decimals.
        percent: Amount,
        /// Never more than this.
        #[serde(skip_serializing_if = "Option::is_none")]
        cap: Option<Amount>,
        /// What it is a share of. Default `running`.
        #[serde(skip_serializing_if = "Option::is_none")]
        basis: Option<Basis>,
    },
    /// An amount off; never more than the matching lines cost.
    Amount {
        /// How much, each time.
        amount: Amount,
        /// For each of what. Default `order`: once.
        #[serde(skip_serializing_if = "Option::is_none")]
        per: Option<Per>,
        /// At most so many times. Default: as often as there are.
        #[serde(skip_serializing_if = "Option::is_none")]
        max_times: Option<u32>,
        /// Never more than this.
        #[serde(skip_serializing_if = "Option::is_none")]
        cap: Option<Amount>,
    },
    /// A fixed price for the matching lines; never more than they cost.
    Price {
        /// What is left to pay, each time; 0: nothing.
        price: Amount,
        /// For each of what. Default `order`: once.
        #[serde(skip_serializing_if = "Option::is_none")]
        per: Option<Per>,
        /// At most so many times. Default: as often as there are.
        #[serde(skip_serializing_if = "Option::is_none")]
        max_times: Option<u32>,
        /// Never more off than this.
        #[serde(skip_serializing_if = "Option::is_none")]
        cap: Option<Amount>,
    },
    /// By the order's total before any code: the last tier that it reaches counts.
    Tiers {
        /// At least one.
        tiers: Vec<TierDocument>,
        /// For each of what an amount or price counts. Default `order`: once.
        #[serde(skip_serializing_if = "Option::is_none")]
        per: Option<Per>,
        /// At most so many times. Default: as often as there are.
        #[serde(skip_serializing_if = "Option::is_none")]
        max_times: Option<u32>,
        /// Never more than this.
        #[serde(skip_serializing_if = "Option::is_none")]
        cap: Option<Amount>,
        /// What a share is of. Default `running`.
        #[serde(skip_serializing_if = "Option::is_none")]
        basis: Option<Basis>,
    },
    /// Worth nothing: identification.
    Zero {},
    /// Adds to the price; exactly one of `amount` and `percent` is given.
    Surcharge {
        /// How much, each time.
        #[serde(skip_serializing_if = "Option::is_none")]
        amount: Option<Amount>,
        /// A share of what the matching lines cost.
        #[serde(skip_serializing_if = "Option::is_none")]
        percent: Option<Amount>,
        /// For each of what an amount counts. Default `order`: once.
        #[serde(skip_serializing_if = "Option::is_none")]
        per: Option<Per>,
        /// At most so many times. Default: as often as there are.
        #[serde(skip_serializing_if = "Option::is_none")]
        max_times: Option<u32>,
        /// Never more than this.
        #[serde(skip_serializing_if = "Option::is_none")]
        cap: Option<Amount>,
        /// What a share is of. Default `running`.
        #[serde(skip_serializing_if = "Option::is_none")]
        basis: Option<Basis>,
    },
    /// Goods or a service, free.
    Unit {
        /// The product.
        product: String,
        /// How many pieces. Default 1.
        #[serde(skip_serializing_if = "Option::is_none")]
        quantity: Option<u32>,
    },
    /// Makes pieces in the cart free or cheaper; at most one of `percent`, `amount` and `price` is
    /// given.
    Item {
        /// Which pieces of the matching lines.
        pick: Pick,
        /// A share of what each piece costs. Default 100: it is free.
        #[serde(skip_serializing_if = "Option::is_none")]
        percent: Option<Amount>,
        /// An amount off each piece.
        #[serde(skip_serializing_if = "Option::is_none")]
        amount: Option<Amount>,
        /// What is left to pay for each piece; 0: nothing.
        #[serde(skip_serializing_if = "Option::is_none")]
        price: Option<Amount>,
        /// One piece for every so many that match. Absent: `pieces_max` pieces at once.
        #[serde(skip_serializing_if = "Option::is_none")]
        every: Option<u32>,
        /// At most so many pieces. Default 1 without `every`, else as many as there are.
        #[serde(skip_serializing_if = "Option::is_none")]
        pieces_max: Option<u32>,
    },
    /// The matching lines are fully paid: a deal that was sold elsewhere.
    PaysAll {
        /// Only lines of this product, of which there must be one. Default: all matching lines.
        #[serde(skip_serializing_if = "Option::is_none")]
        product: Option<String>,
    },
    /// Says of a product whether it can be booked, or leaves it out of the effects.
    Switch {
        /// The product.
        product: String,
        /// What it is switched to.
        to: Switch,
    },
    /// Puts points into the customer's account; exactly one of `points` and `by_weight` is given.
    Points {
        /// How many, each time; cents, where the account holds money.
        #[serde(skip_serializing_if = "Option::is_none")]
        points: Option<u64>,
        /// True: by what is paid and the account's weights.
        #[serde(skip_serializing_if = "Option::is_none")]
        by_weight: Option<bool>,
        /// For each of what a fixed number counts. Default `order`: once.
        #[serde(skip_serializing_if = "Option::is_none")]
        per: Option<Per>,
        /// At most so many times. Default: as often as there are.
        #[serde(skip_serializing_if = "Option::is_none")]
        max_times: Option<u32>,
    },
    /// Costs points or credit of the customer's account.
    Spend {
        /// How many points, each time; cents, where the account holds money.
        amount: u64,
        /// For each of what. Default `order`: once.
        #[serde(skip_serializing_if = "Option::is_none")]
        per: Option<Per>,
        /// At most so many times. Default: as often as there are.
        #[serde(skip_serializing_if = "Option::is_none")]
        max_times: Option<u32>,
    },
    /// Draws what the order leaves to pay from a balance.
    Balance {
        /// Whose. Default `code`.
        #[serde(skip_serializing_if = "Option::is_none")]
        of: Option<BalanceOf>,
        /// What becomes of what the order does not need. Default `kept`.
        #[serde(skip_serializing_if = "Option::is_none")]
        remainder: Option<Remainder>,
    },
}

/// One tier; exactly one of `percent`, `amount` and `price` is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TierDocument {
    /// The order's total before any code from which it counts.
    pub from: Amount,
    /// A share of what the matching lines cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<Amount>,
    /// An amount off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
    /// What is left to pay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Amount>,
}

/// Which pieces become free or cheaper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Pick {
    /// By price.
    ByPrice(ByPrice),
    /// By product.
    Named {
        /// Pieces of this product, by the order of the lines.
        product: String,
    },
}

impl<'de> Deserialize<'de> for Pick {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            product: String,
        }
        let expecting = "\"cheapest\", \"dearest\" or { product = \"…\" }";
        let of_table = |table: Table| Self::Named { product: table.product };
        word_or_table(deserializer, expecting, Self::ByPrice, of_table)
    }
}

/// Which pieces, by what one costs; of equals, the earlier line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ByPrice {
    /// Those that cost least.
    Cheapest,
    /// Those that cost most.
    Dearest,
}
