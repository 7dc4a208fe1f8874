//! Policies: what a tenant says about orders as a whole, whatever campaigns they use.
//!
//! Groups and slots say which campaigns a date or service accepts; the policy says how many codes
//! go into one order. Knows no campaign: groups are named by campaigns, not the other way round.

use super::campaign::{AccountingType, Texts};

/// Most codes in one order by any policy, and most campaigns that apply to one by themselves.
pub const CODES_MAX: usize = 16;

/// How many codes go into one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Of all types together, 1 to [`CODES_MAX`]. Default 1; where only types have numbers, their
    /// sum.
    pub codes_max: u8,
    /// Of each accounting type, in the order of [`AccountingType::ALL`]; absent: as many as
    /// `codes_max`.
    pub codes_max_by_type: [Option<u8>; 4],
}

impl Default for Policy {
    fn default() -> Self {
        Self { codes_max: 1, codes_max_by_type: [None; 4] }
    }
}

impl Policy {
    /// How many codes of this type go into one order.
    #[must_use]
    pub fn codes_max_of(&self, accounting: AccountingType) -> u8 {
        let places = AccountingType::ALL.into_iter().zip(self.codes_max_by_type);
        let own = places.filter(|(each, _)| *each == accounting).find_map(|(_, max)| max);
        own.unwrap_or(self.codes_max).min(self.codes_max)
    }
}

/// A set of campaigns that a slot can accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its id within the tenant.
    pub id: Box<str>,
    /// Its name by language.
    pub name: Texts,
    /// Whether an order for a slot that accepts this group needs a code.
    pub needs_code: NeedsCode,
}

/// Whether an order needs a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NeedsCode {
    /// It does: the group is mandatory.
    Mandatory,
    /// It does not.
    Optional,
}

/// A bookable date or service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// The id by which orders name it.
    pub id: Box<str>,
    /// The one group of campaigns that it accepts.
    pub group: Box<str>,
}
