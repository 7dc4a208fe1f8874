//! What a catalog is loaded into. The catalog does not know what is made of it.

use std::sync::Arc;

use crate::domain::campaign::Campaign;
use crate::domain::code::CodeKey;

use super::batch::{Batch, Override};
use super::definition::Definition;

/// What a catalog is loaded into. Definitions come first, once; then codes, from several threads
/// at the same time and in any order; overrides come last.
pub trait Picture: Sync {
    /// All versions of campaigns that are in use, ascending by version within a campaign, and
    /// all batches; and all other definitions.
    fn definitions(
        &self,
        campaigns: Vec<Arc<Campaign>>,
        batches: Vec<Batch>,
        others: Vec<Definition>,
    );

    /// Codes of a batch that lie side by side, from position `first` on.
    fn codes(&self, batch: u32, first: u32, keys: impl Iterator<Item = CodeKey>);

    /// What one code has different.
    fn overridden(&self, key: CodeKey, own: Override);
}

/// What was loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Loaded {
    /// Campaigns, in whatever number of versions.
    pub campaigns: u64,
    /// Batches.
    pub batches: u64,
    /// Codes.
    pub codes: u64,
    /// Overrides.
    pub overrides: u64,
}
