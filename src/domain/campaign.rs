//! Campaigns and the codes that belong to them: what somebody designed, ready to be evaluated.
//!
//! A [`Campaign`] is one version of a definition with everything parsed: zones, sets, decimals. It
//! is built once per version from a document (`catalog`) and shared. Conditions and effects are
//! closed lists; what they mean is in `rules`.

mod condition;
mod effect;
mod validity;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::id::{CampaignId, Owner, TenantId};
use super::money::Currency;
use super::time::{Calendar, Period, Timestamp};

pub use condition::{Among, AmongRule, Condition, Dates, ProductType};
pub use effect::{
    BalanceOf, Basis, Effect, Item, Per, Pick, Points, Remainder, Switch, Terms, Tier, Times, Worth,
};
pub use validity::{Hours, RelativeValidity, Since, Validity, Window};

/// Most conditions, effects and limits in one campaign.
pub const RULES_MAX: usize = 64;

/// Longest time for which capacity can be held, in milliseconds: a week, since nobody pays for
/// longer.
pub const HOLD_TTL_MS_MAX: u64 = 7 * 24 * 3_600_000;

/// How long a hold lasts when nothing else is said: a quarter of an hour, the usual time for a
/// payment page.
pub const HOLD_TTL_MS: u64 = 15 * 60_000;

/// What kind of thing a campaign's codes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Takes a percentage or an amount off an order.
    Discount = 0,
    /// Has a balance of money that is drawn down.
    Voucher = 1,
    /// Admits.
    Pass = 2,
    /// Is worth goods or a service.
    Unit = 3,
    /// Is worth points.
    Points = 4,
    /// Is worth nothing and opens the way.
    Access = 5,
    /// Adds to the price.
    Surcharge = 6,
}

impl Kind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 7] = [
        Self::Discount,
        Self::Voucher,
        Self::Pass,
        Self::Unit,
        Self::Points,
        Self::Access,
        Self::Surcharge,
    ];

    /// The kind's name in documents and answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Discount => "discount",
            Self::Voucher => "voucher",
            Self::Pass => "pass",
            Self::Unit => "unit",
            Self::Points => "points",
            Self::Access => "access",
            Self::Surcharge => "surcharge",
        }
    }
}

/// How accounting sees a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccountingType {
    /// A price reduction.
    Discount,
    /// Sold by a third party, which owes for it.
    Deal,
    /// Bought from us.
    Purchase,
    /// Given in settlement of a claim.
    Settlement,
}

impl AccountingType {
    /// All types.
    pub const ALL: [Self; 4] = [Self::Discount, Self::Deal, Self::Purchase, Self::Settlement];

    /// The type's name in documents and answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Discount => "discount",
            Self::Deal => "deal",
            Self::Purchase => "purchase",
            Self::Settlement => "settlement",
        }
    }
}

/// Where a campaign stands. A change of status is not a new version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Status {
    /// Being prepared.
    Draft = 0,
    /// In use.
    Active = 1,
    /// Stopped for a while.
    Paused = 2,
    /// Over.
    Ended = 3,
}

impl Status {
    /// The status's name in documents and answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Ended => "ended",
        }
    }
}

/// What must have happened before a code is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Activation {
    /// Nothing.
    AtOnce,
    /// It must have been paid.
    Paid,
}

/// Whether a request must say who the customer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CustomerRule {
    /// It may.
    Optional,
    /// It must.
    Required,
}

/// One ceiling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// What is counted together.
    pub scope: Scope,
    /// What is counted.
    pub counts: Counts,
    /// When counting begins anew.
    pub period: Period,
    /// The ceiling: uses, orders, units, distinct days, or minor units of money. At least 1.
    pub max: u64,
}

/// What a limit counts together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Each code by itself.
    Code,
    /// All codes of the campaign.
    Campaign,
    /// Each customer within the campaign.
    Customer,
    /// Each stored-value account.
    Account,
}

impl Scope {
    /// The scope's name in documents, refusals and answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Campaign => "campaign",
            Self::Customer => "customer",
            Self::Account => "account",
        }
    }
}

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Counts {
    /// Uses: every redemption takes as many as it has units.
    Uses,
    /// Orders: every redemption takes one.
    Orders,
    /// Units: persons.
    Units,
    /// Money: what the redemption is worth, in minor units.
    Money,
    /// Distinct local days with at least one use.
    Days,
}

impl Counts {
    /// Its name in documents, refusals and answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Uses => "uses",
            Self::Orders => "orders",
            Self::Units => "units",
            Self::Money => "money",
            Self::Days => "days",
        }
    }
}

/// How a pass is kept from being handed back over the fence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Passback {
    /// Milliseconds that must lie between two entries.
    pub interval_ms: Option<i64>,
    /// For so long after an entry that took a use, further entries take none, in milliseconds.
    pub reentry_ms: Option<i64>,
    /// Whether who is in must leave before entering again; everybody is out again at the end of the
    /// local day.
    pub zones: ZoneRule,
}

/// Whether entry and exit are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum ZoneRule {
    /// They are not.
    #[default]
    Free,
    /// One must be outside to enter, and in a zone to leave it.
    Followed,
}

/// What happens when a discount would be zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NoEffect {
    /// It is refused, so that no use is lost for nothing.
    Refuse,
    /// It is allowed.
    Allow,
}

/// How a campaign comes into an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Application {
    /// By one of its codes.
    ByCode,
    /// By itself, wherever its conditions hold; codes that it may have besides are refused.
    Automatic,
}

/// How a campaign stands to the others of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stacking {
    /// Campaigns apply by ascending number, those with the same in the order of their codes.
    pub order_number: i32,
    /// At most one campaign of such a group is in an order; absent: it goes with every other.
    pub exclusion_group: Option<Box<str>>,
    /// Of the campaigns with the same name here, only the one that is worth most is in an order.
    pub best_of: Option<Box<str>>,
    /// Whether others may apply after it.
    pub after: After,
}

/// Whether other campaigns may apply after one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum After {
    /// They may.
    GoesOn,
    /// It is the last.
    Stops,
}

impl Default for Stacking {
    fn default() -> Self {
        Self { order_number: 0, exclusion_group: None, best_of: None, after: After::GoesOn }
    }
}

/// How a campaign's codes are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeFormat {
    /// Pattern such as `PARK-####-####`.
    pub pattern: Box<str>,
    /// Name of the alphabet.
    pub alphabet: Box<str>,
    /// Whether the last place is a check character.
    pub check: CheckRule,
}

/// Whether a code ends with a check character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CheckRule {
    /// It does.
    Checked,
    /// It does not.
    Unchecked,
}

/// Texts in several languages, by two-letter language code.
pub type Texts = BTreeMap<Box<str>, Box<str>>;

/// One version of a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Campaign {
    /// Whose it is.
    pub tenant: TenantId,
    /// Its id.
    pub id: CampaignId,
    /// The owner of its counters in the ledger.
    pub owner: Owner,
    /// Its version, from 1.
    pub version: u32,
    /// Where it stands.
    pub status: Status,
    /// What its codes are.
    pub kind: Kind,
    /// How accounting sees it.
    pub accounting: AccountingType,
    /// Its name by language.
    pub name: Texts,
    /// What to tell whoever is refused, by language; absent: the refusal's own text.
    pub refusal_texts: Texts,
    /// Labels for statistics and filters; without effect.
    pub labels: Vec<Box<str>>,
    /// Where its days begin.
    pub calendar: Calendar,
    /// When its codes are good.
    pub validity: Validity,
    /// Whether codes must be paid first.
    pub activation: Activation,
    /// How often each code can be used; absent: without limit.
    pub uses: Option<u64>,
    /// How many units one request may take.
    pub units: RangeInclusive<u32>,
    /// Further ceilings.
    pub limits: Vec<Limit>,
    /// Whether a request must name its customer.
    pub customer: CustomerRule,
    /// Anti-passback.
    pub passback: Passback,
    /// What must hold, in the order of the refusals' numbers.
    pub conditions: Vec<Condition>,
    /// What it is worth, in order.
    pub effects: Vec<Effect>,
    /// What happens when that is nothing.
    pub no_effect: NoEffect,
    /// Whether it needs a code.
    pub application: Application,
    /// How it stands to the other campaigns of an order.
    pub stacking: Stacking,
    /// The groups it belongs to, for slots.
    pub groups: Vec<Box<str>>,
    /// The account that its effects put into, spend and draw from, and that limits count by.
    pub account: Option<Box<str>>,
    /// Unused codes are removed so many days after the campaign has ended; absent: never.
    pub retention_days: Option<u32>,
    /// The currency of all its amounts.
    pub currency: Option<Currency>,
    /// The balance with which a voucher begins, in minor units, where the code does not say
    /// otherwise.
    pub balance_minor: Option<i64>,
    /// How long a hold lasts when the request does not say, in milliseconds.
    pub hold_ttl_ms: u64,
    /// How its codes are made; absent when it has only own codes.
    pub code_format: Option<CodeFormat>,
}

impl Campaign {
    /// Whether its codes have a balance that is drawn down.
    #[must_use]
    pub fn has_balance(&self) -> bool {
        let of_code =
            |effect: &Effect| matches!(effect, Effect::Balance { of: BalanceOf::Code, .. });
        self.effects.iter().any(of_code)
    }

    /// Whether what it is worth depends on what is in the customer's account.
    #[must_use]
    pub fn rests_on_account(&self) -> bool {
        let asks = |condition: &Condition| matches!(condition, Condition::Points { .. });
        self.conditions.iter().any(asks) || self.draws_from_account()
    }

    /// Whether the customer's account pays with it like a balance.
    #[must_use]
    pub fn draws_from_account(&self) -> bool {
        let draws =
            |effect: &Effect| matches!(effect, Effect::Balance { of: BalanceOf::Account, .. });
        self.effects.iter().any(draws)
    }

    /// Whether its codes' validity begins with their first use.
    #[must_use]
    pub fn runs_from_first_use(&self) -> bool {
        self.validity.relative.is_some_and(|relative| relative.since == Since::FirstUse)
    }
}

/// Whether a code can be used at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum CodeState {
    /// It can.
    Live = 0,
    /// It was blocked.
    Revoked = 1,
    /// Another code took its place.
    Replaced = 2,
}

/// One individual code: what is known of it apart from its campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// Whose counters and balance it has in the ledger. A code that replaced another has the
    /// other's.
    pub owner: Owner,
    /// Whether it can be used at all.
    pub state: CodeState,
    /// When it was issued.
    pub issued: Timestamp,
    /// When it was paid.
    pub paid: Option<Timestamp>,
    /// The customer it is bound to.
    pub holder: Option<Arc<str>>,
    /// A reference to the holder's picture, for who stands at the gate.
    pub photo: Option<Arc<str>>,
    /// Its own number of uses.
    pub uses: Option<u64>,
    /// Its own starting balance, in minor units.
    pub balance_minor: Option<i64>,
    /// Its own first moment.
    pub valid_from: Option<Timestamp>,
    /// Its own first moment after.
    pub valid_until: Option<Timestamp>,
}
