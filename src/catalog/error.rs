//! How the catalog fails. None of these is a correct answer.

use std::path::PathBuf;

use crate::domain::id::CampaignId;
use crate::remote::{RemoteError, ServerError};

use super::Expect;
use super::batch::{BATCH_NUMBER_MAX, BLOCK_CODES_MAX, CODE_TEXT_BYTES_MAX};
use super::definition::Sort;
use super::document::FieldError;
use super::seal::Unsealed;

/// Why a catalog cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("the catalog in {0} is in use by another process")]
    Locked(PathBuf),
    /// What is there was written by something else.
    #[error("what is in {0} is not a catalog")]
    Foreign(String),
    /// It was written by another release.
    #[error("the catalog has format {found}; this release reads format {wanted}")]
    Format {
        /// The format it has.
        found: u32,
        /// The format that can be read.
        wanted: u32,
    },
    /// Its texts were sealed with another key.
    #[error("the catalog was made with another store key; restore the key file it was made with")]
    OtherKey,
    /// The store below failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why the store below could not do what was asked. After a failed write on a disk nothing can be
/// written any more until the catalog is opened anew; in Redis the same can be tried again.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Reading or writing failed.
    #[error("the catalog's store failed: {0}")]
    Store(#[from] fjall::Error),
    /// A record is not what was written.
    #[error("the catalog is damaged: {0}")]
    Damaged(String),
    /// There is no answer from Redis. What was to be written may be written or not.
    #[error("the catalog: {0}")]
    Remote(#[from] RemoteError),
    /// Redis does not do it.
    #[error("the catalog's Redis refuses: {0}")]
    Refused(ServerError),
    /// What is in Redis is not the catalog that was opened: it was emptied, or replaced.
    #[error(
        "the catalog in Redis was emptied or replaced since it was opened; \
         restore it, then restart this node"
    )]
    Replaced,
    /// It is written, and fewer replicas than wanted have said that they have it.
    #[error("{reached} of {wanted} replicas have the catalog's change; it is not safe yet")]
    Replicas {
        /// How many were wanted.
        wanted: u32,
        /// How many answered.
        reached: i64,
    },
    /// Others change the same without end.
    #[error("others change the same part of the catalog all the time; try again")]
    Contended,
}

impl StoreError {
    /// Whether the same may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Remote(error) => error.is_transient(),
            Self::Refused(error) => error.asks_for_reconnect(),
            Self::Replicas { .. } | Self::Contended => true,
            Self::Store(_) | Self::Damaged(_) | Self::Replaced => false,
        }
    }
}

impl From<Unsealed> for StoreError {
    fn from(error: Unsealed) -> Self {
        Self::Damaged(error.to_string())
    }
}

/// Why a campaign was not changed.
#[derive(Debug, thiserror::Error)]
pub enum CampaignError {
    /// Somebody else changed it first, or it is not what was expected.
    #[error("campaign {id} {}; expected was {expected}", found_text(*found))]
    Conflict {
        /// The campaign.
        id: CampaignId,
        /// What the caller expected.
        expected: Expect,
        /// Its version now; absent when there is none.
        found: Option<u32>,
    },
    /// The document has mistakes: all of them.
    #[error("{}", list_text(.0))]
    Invalid(Vec<FieldError>),
    /// The store below failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why definitions were not changed.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    /// Somebody else changed it first, or it is not what was expected.
    #[error("{} {id} {}; expected was {expected}", sort.name(), found_text(*found))]
    Conflict {
        /// Its sort.
        sort: Sort,
        /// Its id.
        id: String,
        /// What the caller expected.
        expected: Expect,
        /// Its version now; absent when there is none.
        found: Option<u32>,
    },
    /// The document has mistakes: all of them.
    #[error("{}", list_text(.0))]
    Invalid(Vec<FieldError>),
    /// It cannot be removed: others name it.
    #[error("{} {id} cannot be removed: {by}", sort.name())]
    InUse {
        /// Its sort.
        sort: Sort,
        /// Its id.
        id: String,
        /// Who names it, in words.
        by: String,
    },
    /// The store below failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why codes were not stored.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// No campaign has this id in this version.
    #[error("there is no version {version} of campaign {campaign}")]
    UnknownCampaign {
        /// The campaign.
        campaign: CampaignId,
        /// The version.
        version: u32,
    },
    /// The request was used before for another campaign, number or kind of codes.
    #[error("this request was made before with another content, as batch {batch}")]
    RequestMismatch {
        /// The batch it made.
        batch: u32,
    },
    /// There is no such batch.
    #[error("there is no batch {0}")]
    Unknown(u32),
    /// The batch is complete.
    #[error("batch {0} is complete and gets no more codes")]
    Complete(u32),
    /// More codes than the batch wants or can hold.
    #[error("batch {batch} has {stored} codes and may have {max}; {more} more do not fit")]
    Full {
        /// The batch.
        batch: u32,
        /// The codes it has.
        stored: u64,
        /// The codes it may have.
        max: u64,
        /// The codes that were to come.
        more: usize,
    },
    /// Somebody else has appended to the batch.
    #[error("batch {batch} has {stored} codes by now: somebody else goes on with it")]
    Moved {
        /// The batch.
        batch: u32,
        /// The codes it has.
        stored: u64,
    },
    /// A block of too many codes.
    #[error("a block has at most {BLOCK_CODES_MAX} codes, not {0}")]
    BlockTooLarge(usize),
    /// A code text of a length that cannot be stored.
    #[error("a code has 1 to {CODE_TEXT_BYTES_MAX} bytes, not {0}")]
    TextLength(usize),
    /// There is no randomness to seal texts with.
    #[error("the operating system gave no randomness")]
    NoRandomness,
    /// All batch numbers were given out.
    #[error("all {BATCH_NUMBER_MAX} batch numbers are in use")]
    NumbersExhausted,
    /// The store below failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why serials were not handed out.
#[derive(Debug, thiserror::Error)]
pub enum SeriesError {
    /// The shape has not so many codes left.
    #[error("{left} codes of this pattern are left; {count} were asked for")]
    Exhausted {
        /// How many are left.
        left: u64,
        /// How many were asked for.
        count: u64,
    },
    /// The store below failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

macro_rules! from_fjall {
    ($($error:ident),+) => {$(
        impl From<fjall::Error> for $error {
            fn from(error: fjall::Error) -> Self {
                Self::Store(error.into())
            }
        }
    )+};
}

from_fjall!(OpenError, CampaignError, DefinitionError, BatchError, SeriesError);

fn found_text(found: Option<u32>) -> String {
    found.map_or_else(|| "does not exist".to_owned(), |version| format!("is at version {version}"))
}

fn list_text(errors: &[FieldError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
