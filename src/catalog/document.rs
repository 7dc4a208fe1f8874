//! Definitions as people write them, in JSON or TOML: campaigns, and what they refer to.
//!
//! A document is text with names; [`CampaignDocument::compile`] turns it into a
//! [`Campaign`](crate::domain::campaign::Campaign) with everything parsed and checked, and says
//! of each mistake where it is. A [`BundleDocument`] is what one file holds. Nothing here knows
//! codes, patterns or stores: whether a pattern is a good one, and whether what a document refers
//! to exists, is not judged here.
//!
//! Unknown fields are refused, so that a misspelt condition is never a missing one. The reference
//! for people is in `document/README.md`; the documentation of the fields is the JSON Schema's.

mod account;
mod bundle;
mod check;
mod compile;
mod condition;
mod effect;
mod group;
mod policy;
mod read;
mod rules;
mod schema;
mod slot;
mod validity;
mod value;
mod windows;
mod words;
mod worth;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use account::{AccountDocument, AccountTexts, LastsDocument, WeightsDocument};
pub use bundle::{BundleDocument, SLOTS_MAX};
pub use check::TEXT_BYTES_MAX;
pub use compile::{GROUPS_MAX, LABELS_MAX};
pub use condition::{AmongDocument, ConditionDocument, DatesDocument};
pub use effect::{ByPrice, EffectDocument, Pick, TierDocument};
pub use group::{GroupDocument, GroupTexts};
pub use policy::{CodesByType, PolicyDocument};
pub use read::{BUNDLE_BYTES_MAX, DOCUMENT_BYTES_MAX};
pub use rules::{AMONG_MAX, LIMITS_MAX};
pub use schema::schema;
pub use slot::SlotDocument;
pub use validity::{HoursDocument, RelativeDocument, ValidityDocument};
pub use value::{Amount, Days, Length, LimitPeriod, Moment, Unlimited, Uses};
pub use windows::{DATES_MAX, WINDOWS_MAX};
pub use words::{
    Accounting, Activation, AtMax, BalanceOf, Basis, ClawBack, Counts, Customer, Kind, NoEffect,
    Per, Period, Remainder, Scope, Since, Status, Stores, Switch, Trigger, Unit, Weekday, Zones,
};

/// The version of the format that is read and written.
pub const FORMAT: u32 = 1;

/// Texts in several languages, by two-letter language code.
pub type Texts = BTreeMap<String, String>;

/// A campaign's definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CampaignDocument {
    /// The version of this format. Default 1, the only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<u32>,
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
    /// Whether it applies by itself wherever its conditions hold, without a code. Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub automatic: Option<bool>,
    /// How often each code can be used; an automatic campaign: how often it applies in all.
    /// Default: `"unlimited"` for vouchers, passes and automatic campaigns, else 1.
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
    /// Campaigns of one order apply by ascending number; those with the same, codes first and in
    /// the order of the request. Default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_number: Option<i32>,
    /// At most one campaign of such a group is in an order. Default: it goes with every other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exclusion_group: Option<String>,
    /// Of the campaigns of an order with the same name here, only the one that is worth most is
    /// applied. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best_of: Option<String>,
    /// Whether no other campaign may apply after it. Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stops: Option<bool>,
    /// The groups it is in, for slots that accept one group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// The account that its effects put into, spend and draw from, and that its limits count by.
    /// Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
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
    /// Its unused codes are removed so long after it has ended: whole days, `"90days"`.
    /// Default: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<Length>,
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
    pub period: Option<LimitPeriod>,
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
    /// For so long after an entry that took a use, further entries take none. Default: each takes
    /// one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reentry: Option<Length>,
    /// Whether entry and exit are followed. Default `free`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zones: Option<Zones>,
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

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "they fail a test")]
mod tests;
