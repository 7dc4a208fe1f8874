//! What is stored of codes: batches that were issued together, and what single codes have
//! different.

use serde::{Deserialize, Serialize};

use crate::domain::campaign::CodeState;
use crate::domain::code::CodeKey;
use crate::domain::id::{CampaignId, Owner, RequestId, TenantId};
use crate::domain::time::Timestamp;

use super::record;

/// Largest batch number: 24 bits, so that a place in a batch fits eight bytes with its flags.
pub const BATCH_NUMBER_MAX: u32 = (1 << 24) - 1;

/// Most codes that are appended in one block: 64 KiB of keys.
pub const BLOCK_CODES_MAX: usize = 4_096;

/// Longest code text, in bytes.
pub const CODE_TEXT_BYTES_MAX: usize = 255;

/// Longest reference to a holder's picture, in bytes: an address with its parameters.
pub const PHOTO_BYTES_MAX: usize = 512;

/// Codes that were issued together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// Its number, from 1 to [`BATCH_NUMBER_MAX`], unique in the catalog.
    pub number: u32,
    /// What was asked for.
    pub issue: Issue,
    /// How many codes it has ever got.
    pub stored: u64,
    /// Whether more codes may come.
    pub state: BatchState,
    /// How many of them were removed again, because nobody used them. Their positions stay empty.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub removed: u64,
}

impl Batch {
    /// How many codes it has now.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.stored.saturating_sub(self.removed)
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Whether a batch may get more codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchState {
    /// It may.
    Open,
    /// It has all it will ever have.
    Complete,
}

/// An order for codes, and what they have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// Whose codes they are.
    #[serde(with = "record::plain")]
    pub tenant: TenantId,
    /// The campaign they belong to.
    #[serde(with = "record::plain")]
    pub campaign: CampaignId,
    /// The version of the campaign that says what they are worth.
    pub version: u32,
    /// What people call the batch; may be empty.
    pub label: String,
    /// Where the codes come from.
    pub source: Source,
    /// The request that asked for them: repeated, it finds its batch again.
    #[serde(with = "record::optional")]
    pub request: Option<RequestId>,
    /// How many codes are to come; absent: it grows as codes are needed.
    pub wanted: Option<u64>,
    /// When they are issued.
    #[serde(with = "record::plain")]
    pub issued: Timestamp,
    /// When they were paid.
    #[serde(with = "record::optional")]
    pub paid: Option<Timestamp>,
    /// Their number of uses, where it is not the campaign's.
    pub uses: Option<u64>,
    /// Their starting balance, where it is not the campaign's, in minor units.
    pub balance_minor: Option<i64>,
    /// Their first moment, where it is not the campaign's.
    #[serde(with = "record::optional")]
    pub valid_from: Option<Timestamp>,
    /// Their first moment after, where it is not the campaign's.
    #[serde(with = "record::optional")]
    pub valid_until: Option<Timestamp>,
}

/// Where the codes of a batch come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Source {
    /// They are made from serial numbers, so a batch that stopped can go on: the code at
    /// position `n` has the serial `first_serial + n`.
    Generated {
        /// Pattern such as `PARK-####-####`.
        pattern: String,
        /// Name of the alphabet.
        alphabet: String,
        /// Whether the last place is a check character.
        check: bool,
        /// The first serial.
        first_serial: u64,
    },
    /// They are made from serial numbers one by one, as they are needed.
    OnDemand {
        /// Pattern such as `PARK-####-####`.
        pattern: String,
        /// Name of the alphabet.
        alphabet: String,
        /// Whether the last place is a check character.
        check: bool,
    },
    /// They came in a list.
    Imported,
    /// Somebody chose them.
    ByHand,
}

/// A code that a request asked for by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Single {
    /// Whose code it is.
    pub tenant: TenantId,
    /// The request: repeated, it finds its code again.
    pub request: RequestId,
    /// The code's key.
    pub key: CodeKey,
    /// Its text.
    pub text: String,
    /// What it has different from its batch.
    pub own: Override,
}

/// Where a code lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lies {
    /// The number of its batch.
    pub batch: u32,
    /// Its position there, from 0.
    pub position: u32,
}

/// What became of an order for a single code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Issued {
    /// It was stored.
    Now(Lies),
    /// The same request stored one before, which stands.
    Before(Lies),
}

/// One code of a batch, as listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row<'a> {
    /// Its position in the batch, from 0.
    pub position: u32,
    /// Its key.
    pub key: CodeKey,
    /// Its text as it was issued: the secret itself.
    pub text: &'a str,
}

/// What one code has different from its batch; what is absent is as in the batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// Whether the code can be used at all.
    #[serde(with = "record::plain")]
    pub state: CodeState,
    /// When it was paid.
    #[serde(with = "record::optional")]
    pub paid: Option<Timestamp>,
    /// The customer it is bound to.
    pub holder: Option<String>,
    /// A reference to the holder's picture, at most [`PHOTO_BYTES_MAX`] bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub photo: Option<String>,
    /// When it was issued.
    #[serde(default, with = "record::optional", skip_serializing_if = "Option::is_none")]
    pub issued: Option<Timestamp>,
    /// Its own number of uses.
    pub uses: Option<u64>,
    /// Its own starting balance, in minor units.
    pub balance_minor: Option<i64>,
    /// Its own first moment.
    #[serde(with = "record::optional")]
    pub valid_from: Option<Timestamp>,
    /// Its own first moment after.
    #[serde(with = "record::optional")]
    pub valid_until: Option<Timestamp>,
    /// Whose counters and balance it has in the ledger: those of the code that it replaced.
    #[serde(with = "record::optional")]
    pub owner: Option<Owner>,
    /// The code that took its place.
    #[serde(with = "record::optional")]
    pub replaced_by: Option<CodeKey>,
}

impl Default for Override {
    /// Nothing is different.
    fn default() -> Self {
        Self {
            state: CodeState::Live,
            paid: None,
            holder: None,
            photo: None,
            issued: None,
            uses: None,
            balance_minor: None,
            valid_from: None,
            valid_until: None,
            owner: None,
            replaced_by: None,
        }
    }
}
