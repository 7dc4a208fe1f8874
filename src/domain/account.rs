//! Accounts: stored value that belongs to a customer, points or credit, in lots.
//!
//! An [`Account`] is a definition: what is stored, how long it lasts, how much there may be of it
//! and how it is earned. What one customer has is a balance in the ledger. It knows no campaign.

use super::campaign::Texts;
use super::money::Currency;
use super::time::{Calendar, Timestamp, ValidityUnit};

/// Most weights by product type in one account.
pub const WEIGHTS_MAX: usize = 64;

/// A kind of account that customers of a tenant can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id within the tenant.
    pub id: Box<str>,
    /// Its name by language: "Lucky Card".
    pub name: Texts,
    /// What its unit is called, by language: "stars".
    pub unit_name: Texts,
    /// What is stored.
    pub unit: AccountUnit,
    /// Where its days begin, for what is put in apart from any campaign; what a campaign puts in
    /// goes by the campaign's.
    pub calendar: Calendar,
    /// How long what comes in lasts, counted from the day of booking; absent: for ever.
    pub lasts: Option<Lasting>,
    /// The most that may be in it; absent: any amount.
    pub max: Option<u64>,
    /// What happens at the most.
    pub at_max: AtMax,
    /// How much must be paid for one point.
    pub weights: Weights,
    /// Whether an order that spends points also earns some.
    pub redeem_and_earn: RedeemAndEarn,
    /// What happens to points that were earned with a cancelled order and spent since.
    pub claw_back: ClawBackRule,
    /// What one point pays where points are a means of payment, in minor units; absent: they are
    /// none. Money pays itself.
    pub pays_minor: Option<i64>,
    /// So many days must pass before what was earned can be spent; 0: none.
    pub pending_days: u32,
}

impl Account {
    /// The currency of what it stores; absent: points.
    #[must_use]
    pub fn currency(&self) -> Option<Currency> {
        match self.unit {
            AccountUnit::Points => None,
            AccountUnit::Money(currency) => Some(currency),
        }
    }

    /// When something lapses that is put in at `now`, apart from any campaign; absent: never.
    #[must_use]
    pub fn expires(&self, now: Timestamp) -> Option<Timestamp> {
        self.lasts.map(|lasts| self.calendar.end_of_validity(now, lasts.count, lasts.unit))
    }
}

/// What an account stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountUnit {
    /// Whole points.
    Points,
    /// Minor units of money.
    Money(Currency),
}

/// A length of time in the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lasting {
    /// How many units, at least 1.
    pub count: u32,
    /// Of what length.
    pub unit: ValidityUnit,
}

/// What happens when an account would have more than its most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AtMax {
    /// What fits comes in, and the answer tells.
    Clamp,
    /// The request is refused.
    Refuse,
}

/// How much must be paid for one point, in minor units.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Weights {
    /// Nothing is earned by paying.
    #[default]
    None,
    /// So much of the whole cart.
    Cart(i64),
    /// So much of all lines of a product type together; lines of other types earn nothing.
    ByProductType(Vec<(Box<str>, i64)>),
}

/// Whether an order that spends points also earns some.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RedeemAndEarn {
    /// It does, on the rest that is paid.
    Earns,
    /// It does not.
    EarnsNothing,
}

/// What happens to points that were earned with a cancelled order and spent since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClawBackRule {
    /// They are owed: the next that come in pay for them.
    Debt,
    /// They are given up; the answer tells.
    Floor,
}
