//! What a catalog tells those who follow it.
//!
//! A change says what to read again, not what it says now: reading is always right, in whatever
//! order changes come and however often.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::domain::code::CodeKey;
use crate::domain::id::{CampaignId, TenantId};

use super::definition::DefinitionName;
use super::record;

/// Something that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum CatalogChange {
    /// A campaign is new, or has a new version.
    Campaign {
        /// Whose it is.
        #[serde(with = "record::plain")]
        tenant: TenantId,
        /// Which one.
        #[serde(with = "record::plain")]
        id: CampaignId,
        /// The version that is new.
        version: u32,
    },
    /// A campaign stands elsewhere.
    Status {
        /// Whose it is.
        #[serde(with = "record::plain")]
        tenant: TenantId,
        /// Which one.
        #[serde(with = "record::plain")]
        id: CampaignId,
    },
    /// There is a new batch.
    Begun {
        /// Its number.
        batch: u32,
    },
    /// A batch has more codes.
    Appended {
        /// Its number.
        batch: u32,
        /// Where they are.
        positions: Range<u32>,
    },
    /// A batch has all it will ever have.
    Completed {
        /// Its number.
        batch: u32,
    },
    /// Codes have something different.
    Overridden {
        /// Their keys.
        #[serde(with = "record::list")]
        keys: Vec<CodeKey>,
    },
    /// Codes were removed.
    Removed {
        /// Their batch.
        batch: u32,
        /// Their keys.
        #[serde(with = "record::list")]
        keys: Vec<CodeKey>,
    },
    /// Definitions are new, say something else or were removed.
    Definitions {
        /// Whose they are.
        #[serde(with = "record::plain")]
        tenant: TenantId,
        /// Which ones.
        names: Vec<DefinitionName>,
    },
    /// A token, a user or a session is new, has another record or was removed.
    Token {
        /// Its id.
        #[serde(with = "record::plain")]
        id: [u8; 16],
    },
}

/// How far somebody has followed a catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    pub(super) urgent: Place,
    pub(super) rest: Place,
}

/// A place in one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// How many entries were ever added up to here.
    pub(super) seen: u64,
    /// The last one's id.
    pub(super) id: String,
}

/// What was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// What changed, what must not wait first. Empty when something was lost.
    pub changes: Vec<CatalogChange>,
    /// Where to go on.
    pub cursor: Cursor,
    /// Whether changes are missing: they were too many, or Redis has forgotten some that were
    /// heard before. Then everything must be loaded again, after which `cursor` holds.
    pub lost: bool,
}

impl News {
    pub(super) fn nothing(after: &Cursor) -> Self {
        Self { changes: Vec::new(), cursor: after.clone(), lost: false }
    }
}
