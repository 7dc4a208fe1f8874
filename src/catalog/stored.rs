//! Campaigns as they are stored, and what a writer expects and hears.

use std::fmt;
use std::sync::Arc;

use crate::domain::campaign::Campaign;
use crate::domain::time::Timestamp;

use super::document::CampaignDocument;

/// One version of a campaign as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The document, with the status that the campaign has now.
    pub document: CampaignDocument,
    /// The document compiled; it has the version and the status.
    pub campaign: Arc<Campaign>,
    /// When this version was made.
    pub made: Timestamp,
    /// Since when the campaign has its status; absent where nobody wrote it down.
    pub since: Option<Timestamp>,
}

/// What putting a document changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// There was no such campaign.
    Created,
    /// There is a new version.
    Edited,
    /// The same version stands elsewhere now.
    StatusOnly,
    /// Nothing: the document says what is there.
    Nothing,
}

/// What a writer believes to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Nothing.
    New,
    /// Exactly this version.
    Version(u32),
    /// Whatever there is.
    Any,
}

impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New => f.write_str("none"),
            Self::Version(version) => write!(f, "version {version}"),
            Self::Any => f.write_str("any"),
        }
    }
}
