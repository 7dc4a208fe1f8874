//! A campaign as people write it, in JSON or TOML.
//!
//! A document is text with names; [`CampaignDocument::compile`] turns it into a
//! [`Campaign`](crate::domain::campaign::Campaign) with everything parsed and checked, and says
//! of each mistake where it is. It knows nothing of codes, patterns or stores: whether a pattern
//! is a good one is not judged here.
//!
//! Unknown fields are refused, so that a misspelt condition is never a missing one.

mod check;
mod compile;
mod rules;
mod value;
mod words;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use compile::{LABELS_MAX, TEXT_BYTES_MAX};
pub use rules::{AMONG_MAX, LIMITS_MAX};
pub use value::{Amount, Length, Moment, Unlimited, Uses};
pub use words::{
    Accounting, Activation, Counts, Customer, Kind, NoEffect, Period, Scope, Since, Status, Unit,
    Weekday, Zones,
};

/// Longest document that is read, in bytes: a megabyte, for long lists of products.
pub const DOCUMENT_BYTES_MAX: usize = 1 << 20;

/// Texts in several languages, by two-letter language code.
pub type Texts = BTreeMap<String, String>;

/// A campaign's definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CampaignDocument {
    /// Its id: 1 to 64 characters of a-z, 0-9, `-` and `_`.
    pub id: String,
    /// What its codes are. Cannot be changed later.
    pub kind: Kind,
    /// How accounting sees it. Default: `purchase` for vouchers and passes, else `discount`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accounting: Option<Accounting>,
    /// Where it stands. Absent: as it is, and `active` when it is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Its texts.
    #[serde(default, skip_serializing_if = "TextsDocument::is_empty")]
    pub texts: TextsDocument,
    /// Labels for statistics and filters; without effect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// The IANA zone of all its dates and days. Default `UTC`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// The local time at which a day begins, `"04:00"` for a night shift. Default midnight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day_begins: Option<String>,
    /// The first day of a week. Default `monday`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub week_begins: Option<Weekday>,
    /// When its codes are good. Default: always.
    #[serde(default, skip_serializing_if = "ValidityDocument::is_empty")]
    pub validity: ValidityDocument,
    /// What must have happened before a code is good. Default `at_once`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
    /// How often each code can be used. Default: `"unlimited"` for vouchers and passes, else 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uses: Option<Uses>,
    /// How many units (persons) one request may take. Default: exactly one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub units: Option<UnitsDocument>,
    /// Further ceilings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<LimitDocument>,
    /// Whether a request must say who the customer is. Default `optional`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<Customer>,
    /// How a pass is kept from being handed back over the fence. Default: not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passback: Option<PassbackDocument>,
    /// What must hold for a code to be used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<ConditionDocument>,
    /// What a redemption is worth, in order. Default: `balance` for a voucher, `zero` for a pass
    /// and for access; the other kinds must say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<EffectDocument>,
    /// What happens when a discount would be zero. Default `refuse`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_effect: Option<NoEffect>,
    /// The ISO 4217 currency of all its amounts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// The balance with which a voucher begins, where the code does not say otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balance: Option<Amount>,
    /// How long a hold lasts when the request does not say, at most a week. Default 15 minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_ttl: Option<Length>,
    /// How its codes are made. Absent: it has only own codes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codes: Option<CodesDocument>,
}

/// A campaign's texts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TextsDocument {
    /// Its name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub name: Texts,
    /// One line that makes people want it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub teaser: Texts,
    /// What it is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub description: Texts,
    /// What to tell whoever is refused, in the place of the refusal's own text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refusal: Texts,
}

/// When a campaign's codes are good; all that is given must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ValidityDocument {
    /// The first day or moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Moment>,
    /// The last day, which is included; or the first moment after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
    /// A time that each code runs by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relative: Option<RelativeDocument>,
}

/// A time that begins with something that happened to the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RelativeDocument {
    /// What it begins with.
    pub since: Since,
    /// How many units, at least 1.
    pub count: u32,
    /// Of what length.
    pub unit: Unit,
}

/// How many units one request may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UnitsDocument {
    /// At least. Default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<u32>,
    /// At most. Default: as many as at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
}

/// One ceiling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitDocument {
    /// What is counted together.
    pub scope: Scope,
    /// What is counted. Default `uses`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
    /// When counting begins anew. Default `total`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// The ceiling: a whole number, or for money an amount.
    pub max: Amount,
}

/// How a pass is kept from being handed back over the fence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PassbackDocument {
    /// What must lie between two entries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Length>,
    /// Whether entry and exit are followed. Default `free`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zones: Option<Zones>,
}

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
    /// Products; lines that do not match take no part in the effects.
    Product(AmongDocument),
    /// Product categories; lines that do not match take no part in the effects.
    Category(AmongDocument),
    /// Sales channels.
    Channel(AmongDocument),
    /// Properties.
    Property(AmongDocument),
    /// Gates.
    Gate(AmongDocument),
    /// Partners.
    Partner(AmongDocument),
    /// Brands.
    Brand(AmongDocument),
    /// Groups of customers.
    CustomerGroup(AmongDocument),
}

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
    },
    /// An amount off; never more than the matching lines cost.
    Amount {
        /// How much.
        amount: Amount,
    },
    /// Worth nothing: identification.
    Zero,
    /// Adds to the price.
    Surcharge {
        /// How much.
        amount: Amount,
    },
    /// Goods or a service, free.
    Unit {
        /// The product.
        product: String,
        /// How many pieces. Default 1.
        #[serde(skip_serializing_if = "Option::is_none")]
        quantity: Option<u32>,
    },
    /// Draws from the code's balance.
    Balance,
}

/// How a campaign's codes are made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodesDocument {
    /// Pattern such as `PARK-####-####`.
    pub pattern: String,
    /// Name of the alphabet. Default `clear`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alphabet: Option<String>,
    /// Whether the last place is a check character. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<bool>,
}

/// One mistake in a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Where it is: `effects[1].percent`; empty for the document as a whole.
    pub path: String,
    /// What is wrong, as a sentence that follows the path.
    pub message: String,
    /// What was probably meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.message)?,
            path => write!(f, "{path}: {}", self.message)?,
        }
        match &self.suggestion {
            Some(suggestion) => write!(f, " (did you mean {suggestion}?)"),
            None => Ok(()),
        }
    }
}

impl TextsDocument {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl ValidityDocument {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl CampaignDocument {
    /// Reads a document from JSON.
    ///
    /// # Errors
    /// When it is longer than [`DOCUMENT_BYTES_MAX`], no JSON, or has wrong or unknown fields.
    pub fn from_json(text: &str) -> Result<Self, FieldError> {
        check_length(text)?;
        serde_json::from_str(text).map_err(|error| unreadable(&error))
    }

    /// Reads a document from TOML.
    ///
    /// # Errors
    /// When it is longer than [`DOCUMENT_BYTES_MAX`], no TOML, or has wrong or unknown fields.
    pub fn from_toml(text: &str) -> Result<Self, FieldError> {
        check_length(text)?;
        toml::from_str(text).map_err(|error| unreadable(&error))
    }
}

fn check_length(text: &str) -> Result<(), FieldError> {
    if text.len() <= DOCUMENT_BYTES_MAX {
        return Ok(());
    }
    let message =
        format!("the document has {} bytes; at most {DOCUMENT_BYTES_MAX} are read", text.len());
    Err(FieldError { path: String::new(), message, suggestion: None })
}

fn unreadable(error: &dyn fmt::Display) -> FieldError {
    let message = error.to_string().trim_end().to_owned();
    FieldError { path: String::new(), message, suggestion: None }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "they fail a test")]
mod tests;
