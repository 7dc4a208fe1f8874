//! A whole catalog, record by record, as it lies in every store: how it moves from one to another.
//!
//! Records are moved as they are. Code texts stay sealed with the store key, so that who has only
//! the records cannot redeem; a catalog with another key has no use for them.

use super::{Catalog, StoreError};

/// What a catalog consists of, in the order in which it is filled: what restricts codes comes
/// first and the campaigns come last, without which no code is worth anything. So a catalog that
/// is only half filled redeems nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// What codes have different, by code key.
    Overrides,
    /// Tokens, users and sessions, by id.
    Tokens,
    /// Next serials, by shape.
    Series,
    /// Batch numbers, by tenant and request.
    Requests,
    /// The keys of a block of codes, by batch and first position.
    Keys,
    /// The sealed texts of a block of codes, by batch and first position.
    Texts,
    /// Batches, by number.
    Batches,
    /// The audit log, by line. Lines are appended to those that are there.
    Audit,
    /// Campaigns' documents, by tenant, id and version.
    Versions,
    /// Where campaigns stand, by tenant and id.
    Campaigns,
    /// Accounts, groups, slots and policies, by tenant, sort and id.
    Definitions,
}

impl Table {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Overrides,
        Self::Tokens,
        Self::Series,
        Self::Requests,
        Self::Keys,
        Self::Texts,
        Self::Batches,
        Self::Audit,
        Self::Definitions,
        Self::Versions,
        Self::Campaigns,
    ];
}

/// A key and what stands there.
pub type Pair = (Vec<u8>, Vec<u8>);

/// Takes records one by one.
pub type Take<'a> = dyn FnMut(Vec<u8>, Vec<u8>) -> Result<(), StoreError> + 'a;

impl Catalog {
    /// Hands over all records of one table in the order of their keys.
    ///
    /// # Errors
    /// When the store fails, or what `take` says; then it stops.
    pub fn each_record(&self, table: Table, take: &mut Take<'_>) -> Result<(), StoreError> {
        match self {
            Self::Embedded(embedded) => embedded.each_record(table, take),
            Self::Redis(redis) => redis.each_record(table, take),
        }
    }

    /// Puts records into one table, in the order of their keys. Who follows this catalog is not
    /// told. Durable after [`Catalog::sync`].
    ///
    /// # Errors
    /// When the store fails; some may be written then.
    pub fn put_records(&self, table: Table, records: &[Pair]) -> Result<(), StoreError> {
        match self {
            Self::Embedded(embedded) => embedded.put_records(table, records),
            Self::Redis(redis) => redis.put_records(table, records),
        }
    }
}
