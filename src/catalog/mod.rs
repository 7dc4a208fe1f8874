//! The catalog: the durable store of definitions. Campaigns in all their versions, accounts,
//! groups, slots and policies, codes in batches, what single codes have different, series of
//! serials, tokens, users and their sessions, and the audit log.
//!
//! It deliberately knows nothing of rules, of how often a code was used, of how a code text is
//! made or hashed, and neither clock nor randomness: moments and nonces are arguments.
//!
//! Invariants: what was answered survives a power cut, except appended blocks, which do after
//! [`Catalog::sync`]; a version that was stored never changes; codes are never on the disk in
//! plain text; after a crash nothing half-written is visible. In Redis, where several nodes write,
//! each write happens once although it may be sent twice, and tells all nodes in the same step.
//!
//! All calls block: they wait for the disk or for Redis. They may be made from any thread.

pub mod archive;
mod batch;
mod block;
mod bytes;
mod change;
mod definition;
pub mod document;
mod embedded;
mod error;
mod loading;
mod picture;
mod record;
mod redis;
mod seal;
mod stored;
mod version;

use std::collections::BTreeSet;
use std::ops::{ControlFlow, Range};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::domain::campaign::Status;
use crate::domain::code::CodeKey;
use crate::domain::id::{CampaignId, Owner, RequestId, TenantId};
use crate::domain::time::Timestamp;
use crate::remote;

pub use batch::{
    BATCH_NUMBER_MAX, BLOCK_CODES_MAX, Batch, BatchState, CODE_TEXT_BYTES_MAX, Issue, Issued, Lies,
    Override, PHOTO_BYTES_MAX, Row, Single, Source,
};
pub use change::{CatalogChange, Cursor, News};
pub use definition::{
    Definition, DefinitionDocument, DefinitionName, Granted, POLICY_ID, Sort, Wish,
};
pub use document::{CampaignDocument, FieldError};
pub use error::{BatchError, CampaignError, DefinitionError, OpenError, SeriesError, StoreError};
pub use picture::{Loaded, Picture};
pub use seal::NonceBytes;
pub use stored::{Change, Expect, Stored};

/// The format of everything that is stored; changes when a layout does.
const FORMAT: u32 = 1;

/// What a catalog needs to be opened.
pub struct Options {
    /// Where it is.
    pub store: Store,
    /// The installation's key, from which the key for its texts is derived.
    pub store_key: [u8; 32],
}

/// Where a catalog is.
pub enum Store {
    /// In a directory of this machine.
    Embedded {
        /// The directory that is its own; made when it does not exist.
        dir: PathBuf,
    },
    /// In Redis, for several nodes.
    Redis {
        /// The servers.
        remote: remote::Options,
        /// How many replicas must have a write before it is answered. Default 0: what Redis has
        /// is as durable as Redis is configured.
        replicas: u32,
    },
}

/// A store of definitions.
pub enum Catalog {
    /// In a directory of this machine, for one process.
    Embedded(embedded::Embedded),
    /// In Redis, for several.
    Redis(self::redis::Redis),
}

/// The record of a token, a user or a session, whose content only the caller knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its id.
    pub id: [u8; 16],
    /// The record.
    pub record: Vec<u8>,
}

/// One line of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When it happened.
    #[serde(with = "record::plain")]
    pub at: Timestamp,
    /// Who did it.
    pub who: String,
    /// What was done.
    pub what: String,
}

/// A key of the figures, and what lies there from now on: nothing, when it is absent.
pub type FigureWrite = (Vec<u8>, Option<Vec<u8>>);

macro_rules! each {
    ($self:ident, $store:ident => $call:expr) => {
        match $self {
            Self::Embedded($store) => $call,
            Self::Redis($store) => $call,
        }
    };
}

impl Catalog {
    /// Opens the catalog, or makes a new one.
    ///
    /// # Errors
    /// When another process has it open, when it was made by something else, by another release
    /// or with another key, when the disk fails, or when Redis cannot be reached.
    pub fn open(options: &Options) -> Result<Self, OpenError> {
        let key = &options.store_key;
        match &options.store {
            Store::Embedded { dir } => embedded::Embedded::open(dir, key).map(Self::Embedded),
            Store::Redis { remote, replicas } => {
                self::redis::Redis::open(remote, *replicas, key).map(Self::Redis)
            }
        }
    }

    /// Makes everything durable that was written before, in particular appended blocks.
    ///
    /// # Errors
    /// When the disk fails. Then it is not known what will be there after a restart.
    pub fn sync(&self) -> Result<(), StoreError> {
        each!(self, store => store.sync())
    }

    /// Stores a document: a new campaign, a new version, a new status, or nothing when it says
    /// what is there already. `owner` is what a new campaign's counters belong to.
    ///
    /// # Errors
    /// When what is there is not what was expected, or the document has mistakes.
    pub fn put_campaign(
        &self,
        tenant: &TenantId,
        document: CampaignDocument,
        expect: Expect,
        owner: Owner,
        now: Timestamp,
    ) -> Result<(Stored, Change), CampaignError> {
        each!(self, store => store.put_campaign(tenant, document, expect, owner, now))
    }

    /// Changes where a campaign stands, which makes no new version. `None` when there is no such
    /// campaign.
    ///
    /// # Errors
    /// When what is there is not what was expected.
    pub fn put_status(
        &self,
        tenant: &TenantId,
        id: &CampaignId,
        status: Status,
        expect: Expect,
        now: Timestamp,
    ) -> Result<Option<Stored>, CampaignError> {
        each!(self, store => store.put_status(tenant, id, status, expect, now))
    }

    /// A campaign in one version, or the current one. Versions count from 1.
    ///
    /// # Errors
    /// When the store fails.
    pub fn campaign(
        &self,
        tenant: &TenantId,
        id: &CampaignId,
        version: Option<u32>,
    ) -> Result<Option<Stored>, StoreError> {
        each!(self, store => store.campaign(tenant, id, version))
    }

    /// All campaigns of a tenant in their current versions, in the order of their ids.
    ///
    /// # Errors
    /// When the store fails.
    pub fn campaigns(&self, tenant: &TenantId) -> Result<Vec<Stored>, StoreError> {
        each!(self, store => store.campaigns(tenant))
    }

    /// Makes definitions what is wished, and says what became of each wish. In a directory all or
    /// none; in Redis all or none of each five hundred. Durable when answered.
    ///
    /// # Errors
    /// When what is there is not what was expected.
    pub fn put_definitions(
        &self,
        tenant: &TenantId,
        wishes: &[Wish],
    ) -> Result<Vec<Granted>, DefinitionError> {
        each!(self, store => store.put_definitions(tenant, wishes))
    }

    /// These definitions of a tenant, in their order; `None` where there is none.
    ///
    /// # Errors
    /// When the store fails.
    pub fn definitions_named(
        &self,
        tenant: &TenantId,
        names: &[DefinitionName],
    ) -> Result<Vec<Option<Definition>>, StoreError> {
        each!(self, store => store.definitions_named(tenant, names))
    }

    /// All definitions of one sort of a tenant, in the order of their ids.
    ///
    /// # Errors
    /// When the store fails.
    pub fn definitions_of(
        &self,
        tenant: &TenantId,
        sort: Sort,
    ) -> Result<Vec<Definition>, StoreError> {
        each!(self, store => store.definitions_of(tenant, sort))
    }

    /// Begins a batch, or finds the one that the same request began: that one goes on at its
    /// position [`Batch::stored`], with its own source. Durable when answered.
    ///
    /// # Errors
    /// When the campaign has no such version, or the request asked for something else before.
    pub fn begin_batch(&self, issue: Issue) -> Result<Batch, BatchError> {
        each!(self, store => store.begin_batch(issue))
    }

    /// The batch that a request began.
    ///
    /// # Errors
    /// When the store fails.
    pub fn batch_of_request(
        &self,
        tenant: &TenantId,
        request: RequestId,
    ) -> Result<Option<Batch>, StoreError> {
        each!(self, store => store.batch_of_request(tenant, request))
    }

    /// Appends 1 to [`BLOCK_CODES_MAX`] codes to an open batch, all or none, and returns the
    /// position of the first: `at`, where it matters to the caller. They are durable after
    /// [`Catalog::sync`]. That no other code has these keys is the caller's business. `nonce` is
    /// random.
    ///
    /// # Errors
    /// When the batch is unknown, complete or full, when somebody else has appended to it, or when
    /// a text is too long.
    pub fn append_block(
        &self,
        batch: u32,
        at: Option<u32>,
        codes: &[(CodeKey, &str)],
        nonce: NonceBytes,
    ) -> Result<u32, BatchError> {
        each!(self, store => store.append_block(batch, at, codes, nonce))
    }

    /// Where the single code lies that a request asked for.
    ///
    /// # Errors
    /// When the request asked for a batch.
    pub fn issued_by(
        &self,
        tenant: &TenantId,
        request: RequestId,
    ) -> Result<Option<Lies>, BatchError> {
        each!(self, store => store.issued_by(tenant, request))
    }

    /// Appends one code to an open batch, with what it has different and under its request, unless
    /// that request has its code already. Durable when answered. That no other code has this key is
    /// the caller's business. `nonce` is random.
    ///
    /// # Errors
    /// When the batch is unknown, complete or full, when the request asked for a batch, or when the
    /// text is too long.
    pub fn issue_one(
        &self,
        batch: u32,
        single: &Single,
        nonce: NonceBytes,
    ) -> Result<Issued, BatchError> {
        each!(self, store => store.issue_one(batch, single, nonce))
    }

    /// Removes the codes of a batch at `positions` for good, with what they have different, and
    /// says how many there were. All others stay where they are. Durable when answered; after a
    /// failure some may be removed. `nonce` gives new randomness each time.
    ///
    /// # Errors
    /// When the batch is unknown, or there is no randomness.
    pub fn remove_codes(
        &self,
        batch: u32,
        positions: &BTreeSet<u32>,
        nonce: &mut dyn FnMut() -> Option<NonceBytes>,
    ) -> Result<u64, BatchError> {
        each!(self, store => store.remove_codes(batch, positions, nonce))
    }

    /// Says that a batch has all it will ever have. Durable when answered, with all its blocks.
    ///
    /// # Errors
    /// When the batch is unknown.
    pub fn complete_batch(&self, batch: u32) -> Result<Batch, BatchError> {
        each!(self, store => store.complete_batch(batch))
    }

    /// A batch by its number.
    ///
    /// # Errors
    /// When the store fails.
    pub fn batch(&self, number: u32) -> Result<Option<Batch>, StoreError> {
        each!(self, store => store.batch(number))
    }

    /// All batches, in the order of their numbers.
    ///
    /// # Errors
    /// When the store fails.
    pub fn batches(&self) -> Result<Vec<Batch>, StoreError> {
        each!(self, store => store.batches())
    }

    /// Reads the codes of a batch at `positions`, in order, until `each` breaks. A block is in
    /// memory at a time.
    ///
    /// # Errors
    /// When the store fails.
    pub fn rows(
        &self,
        batch: u32,
        positions: Range<u32>,
        each: impl FnMut(Row<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        each!(self, store => store.rows(batch, positions, each))
    }

    /// The text of one code.
    ///
    /// # Errors
    /// When the store fails.
    pub fn text(&self, batch: u32, position: u32) -> Result<Option<String>, StoreError> {
        let mut text = None;
        self.rows(batch, position..position.saturating_add(1), |row| {
            text = Some(row.text.to_owned());
            ControlFlow::Break(())
        })?;
        Ok(text)
    }

    /// Hands out `count` serials of a shape that has `capacity` of them, and returns the first.
    /// Durable when answered: a crash may waste serials and never hands one out twice.
    ///
    /// # Errors
    /// When not so many are left.
    pub fn reserve(&self, shape: [u8; 16], count: u64, capacity: u64) -> Result<u64, SeriesError> {
        each!(self, store => store.reserve(shape, count, capacity))
    }

    /// Stores what codes have different, all or none. Durable when answered.
    ///
    /// # Errors
    /// When the store fails.
    pub fn put_overrides(&self, overrides: &[(CodeKey, Override)]) -> Result<(), StoreError> {
        each!(self, store => store.put_overrides(overrides))
    }

    /// Stores what codes have different as `decide` says, all or none, after it has read what the
    /// code `key` has: nobody changes that in between. Where others are faster, it is asked again.
    /// Gives what was stored. Durable when answered.
    ///
    /// # Errors
    /// When `decide` does not want to, or the store fails.
    pub fn change_override<E: From<StoreError>>(
        &self,
        key: &CodeKey,
        decide: impl FnMut(Option<Override>) -> Result<Vec<(CodeKey, Override)>, E>,
    ) -> Result<Vec<(CodeKey, Override)>, E> {
        each!(self, store => store.change_override(key, decide))
    }

    /// What each of these codes has different, in their order.
    ///
    /// # Errors
    /// When the store fails.
    pub fn overrides_of(&self, keys: &[CodeKey]) -> Result<Vec<Option<Override>>, StoreError> {
        each!(self, store => store.overrides_of(keys))
    }

    /// What one code has different.
    ///
    /// # Errors
    /// When the store fails.
    pub fn override_of(&self, key: &CodeKey) -> Result<Option<Override>, StoreError> {
        each!(self, store => store.override_of(key))
    }

    /// At most `count` overrides in the order of their keys, after `after`.
    ///
    /// # Errors
    /// When the store fails.
    pub fn overrides(
        &self,
        after: Option<CodeKey>,
        count: usize,
    ) -> Result<Vec<(CodeKey, Override)>, StoreError> {
        each!(self, store => store.overrides(after, count))
    }

    /// Stores a token's record, in the place of the one it had. Durable when answered.
    ///
    /// # Errors
    /// When the store fails.
    pub fn put_token(&self, id: [u8; 16], record: &[u8]) -> Result<(), StoreError> {
        each!(self, store => store.put_token(id, record))
    }

    /// Makes the record of a token what `decide` says, after it has read what is there: nobody
    /// changes that in between. Where others are faster, it is asked again; `None` removes the
    /// record. Durable when answered.
    ///
    /// # Errors
    /// When `decide` does not want to, or the store fails.
    pub fn change_token<E: From<StoreError>>(
        &self,
        id: [u8; 16],
        decide: impl FnMut(Option<Vec<u8>>) -> Result<Option<Vec<u8>>, E>,
    ) -> Result<(), E> {
        each!(self, store => store.change_token(id, decide))
    }

    /// Removes the records of tokens, all or none. Durable when answered.
    ///
    /// # Errors
    /// When the store fails.
    pub fn remove_tokens(&self, ids: &[[u8; 16]]) -> Result<(), StoreError> {
        each!(self, store => store.remove_tokens(ids))
    }

    /// The records of these tokens, in their order; `None` where there is none.
    ///
    /// # Errors
    /// When the store fails.
    pub fn tokens_of(&self, ids: &[[u8; 16]]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        each!(self, store => store.tokens_of(ids))
    }

    /// All tokens' records, in the order of their ids.
    ///
    /// # Errors
    /// When the store fails.
    pub fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        each!(self, store => store.tokens())
    }

    /// Appends to the audit log. Durable when answered; many lines cost as much as one.
    ///
    /// # Errors
    /// When the store fails.
    pub fn append_audit(&self, entries: &[AuditEntry]) -> Result<(), StoreError> {
        each!(self, store => store.append_audit(entries))
    }

    /// At most `count` lines of the audit log with their numbers, newest first, older than the
    /// line `before`.
    ///
    /// # Errors
    /// When the store fails.
    pub fn audit(
        &self,
        before: Option<u64>,
        count: usize,
    ) -> Result<Vec<(u64, AuditEntry)>, StoreError> {
        each!(self, store => store.audit(before, count))
    }

    /// What lies under these keys of the figures, in their order. What keys and values mean is the
    /// business of whoever counts.
    ///
    /// # Errors
    /// When the store fails.
    pub fn figures(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        each!(self, store => store.figures(keys))
    }

    /// Writes figures, all or none, if `key` still has the value `expected`; `false` when it has
    /// not, and nothing is written. In a directory, a power cut may lose the last ones, never some
    /// of those that were written together.
    ///
    /// # Errors
    /// When the store fails.
    pub fn change_figures(
        &self,
        key: &[u8],
        expected: Option<&[u8]>,
        writes: &[FigureWrite],
    ) -> Result<bool, StoreError> {
        each!(self, store => store.change_figures(key, expected, writes))
    }

    /// How many codes there are, to make room for them before they are loaded.
    ///
    /// # Errors
    /// When the store fails.
    pub fn code_count(&self) -> Result<u64, StoreError> {
        Ok(self.batches()?.iter().map(Batch::left).sum())
    }

    /// Loads everything that requests read. `progress` hears how many codes of how many are
    /// loaded, from several threads.
    ///
    /// # Errors
    /// When the store fails or is damaged.
    pub fn load(
        &self,
        picture: &impl Picture,
        progress: impl Fn(u64, u64) + Sync,
    ) -> Result<Loaded, StoreError> {
        each!(self, store => store.load(picture, &progress))
    }

    /// Where the stream of changes stands: taken before [`Catalog::load`], nothing is missed.
    /// `None` when nobody else changes this catalog.
    ///
    /// # Errors
    /// When the store fails.
    pub fn cursor(&self) -> Result<Option<Cursor>, StoreError> {
        match self {
            Self::Embedded(_) => Ok(None),
            Self::Redis(redis) => redis.cursor().map(Some),
        }
    }

    /// What changed after `after`, this node's own changes included: waits up to a second for
    /// something, and returns nothing when nothing came. What must not wait comes first: codes
    /// revoked or replaced, and where campaigns stand.
    ///
    /// # Errors
    /// When the store fails. [`StoreError::Replaced`] says that it is another store by now.
    pub fn changes(&self, after: &Cursor) -> Result<News, StoreError> {
        match self {
            Self::Embedded(_) => Ok(News::nothing(after)),
            Self::Redis(redis) => redis.changes(after),
        }
    }
}

/// Checks what a store says of itself.
fn check_meta(found: u32, fingerprint: &[u8], seal: &seal::Seal) -> Result<(), OpenError> {
    if found != FORMAT {
        return Err(OpenError::Format { found, wanted: FORMAT });
    }
    if fingerprint != seal.fingerprint() {
        return Err(OpenError::OtherKey);
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed one is a failed test")]
mod tests;
