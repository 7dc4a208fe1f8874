//! Issuing codes: what generating and importing share. For the office; all calls block.
//!
//! Codes are handed out block by block, each durable before it leaves, so that a million stream
//! through little memory and an interrupted request goes on where it stopped: repeated with the
//! same request id, it finds its batch again.

use std::collections::HashMap;
use std::sync::Arc;

use super::Engine;
use super::open::{indexed, indexed_override};
use crate::catalog::{
    Batch, BatchError, Issue, NonceBytes, Override, SeriesError, Source, StoreError,
};
use crate::codes::strength::TooGuessable;
use crate::domain::campaign::Campaign;
use crate::domain::code::CodeKey;
use crate::domain::id::{CampaignId, RequestId, TenantId};
use crate::domain::time::Timestamp;
use crate::index::Entry;

/// Most codes in one request: a batch's positions fit 32 bits, and nobody prints more.
pub const ISSUE_COUNT_MAX: u64 = 100_000_000;

/// What all codes of one issue have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueOrder {
    /// The campaign.
    pub campaign: CampaignId,
    /// What people call the batch; may be empty.
    pub label: String,
    /// The request's id: repeated, the request goes on where it stopped.
    pub request: Option<RequestId>,
    /// When they were paid.
    pub paid: Option<Timestamp>,
    /// Their number of uses, where it is not the campaign's.
    pub uses: Option<u64>,
    /// Their starting balance, where it is not the campaign's, in minor units.
    pub balance_minor: Option<i64>,
    /// Their first moment, where it is not the campaign's.
    pub valid_from: Option<Timestamp>,
    /// Their first moment after, where it is not the campaign's.
    pub valid_until: Option<Timestamp>,
}

impl IssueOrder {
    /// Codes of `campaign` as it says, without anything of their own.
    #[must_use]
    pub fn plain(campaign: CampaignId) -> Self {
        Self {
            campaign,
            label: String::new(),
            request: None,
            paid: None,
            uses: None,
            balance_minor: None,
            valid_from: None,
            valid_until: None,
        }
    }
}

/// Why codes were not issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// There is no such campaign.
    #[error("there is no campaign {0}")]
    UnknownCampaign(CampaignId),
    /// The campaign says nothing of how its codes are made.
    #[error("campaign {0} has no code pattern; add [codes] pattern = \"…\" to it, or import codes")]
    NoPattern(CampaignId),
    /// None, or too many.
    #[error("{0} codes were asked for; 1 to {ISSUE_COUNT_MAX} can be made at once")]
    Count(u64),
    /// A balance for codes whose campaign has none.
    #[error("campaign {0} is no voucher, so its codes have no balance")]
    NoBalance(CampaignId),
    /// Codes could be guessed.
    #[error(transparent)]
    Weak(#[from] TooGuessable),
    /// The code that the request was given is not kept any more.
    #[error("the code that this request was given was removed after campaign {0} had ended")]
    Removed(CampaignId),
    /// The pattern is used up.
    #[error(transparent)]
    Series(#[from] SeriesError),
    /// The batch does not take them.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The input cannot be read.
    #[error("the input cannot be read: {0}")]
    Input(#[from] std::io::Error),
    /// No randomness.
    #[error("the operating system gave no randomness")]
    NoRandomness,
    /// A generated code exists already.
    #[error(
        "a code of this pattern exists already although it was never made; batch {0} is incomplete"
    )]
    Taken(u32),
}

impl Engine {
    pub(super) fn campaign_for(
        &self,
        tenant: &TenantId,
        order: &IssueOrder,
    ) -> Result<Arc<Campaign>, IssueError> {
        let definitions = self.index.definitions();
        let campaign = definitions
            .campaign(tenant, &order.campaign)
            .ok_or_else(|| IssueError::UnknownCampaign(order.campaign.clone()))?;
        if order.balance_minor.is_some() && !campaign.has_balance() {
            return Err(IssueError::NoBalance(order.campaign.clone()));
        }
        Ok(Arc::clone(campaign))
    }

    pub(super) fn begin(
        &self,
        tenant: &TenantId,
        order: &IssueOrder,
        campaign: &Campaign,
        source: Source,
        wanted: Option<u64>,
    ) -> Result<Batch, IssueError> {
        let _step = self.in_step();
        let batch = self.catalog.begin_batch(Issue {
            tenant: tenant.clone(),
            campaign: order.campaign.clone(),
            version: campaign.version,
            label: order.label.clone(),
            source,
            request: order.request,
            wanted,
            issued: self.now(),
            paid: order.paid,
            uses: order.uses,
            balance_minor: order.balance_minor,
            valid_from: order.valid_from,
            valid_until: order.valid_until,
        })?;
        self.place_batch(&batch);
        Ok(batch)
    }

    /// Lets requests read the codes of a batch.
    pub(super) fn place_batch(&self, batch: &Batch) {
        let placed = self.index.change(|definitions| definitions.put_batch(indexed(batch)));
        if let Err(error) = placed {
            tracing::error!(%error, "a batch does not fit the index");
        }
    }

    /// Stores a block of codes durably, then lets requests find them; `own` is what some of them
    /// have different. Whoever calls holds the office's turn and has checked that they are new.
    pub(super) fn store_block(
        &self,
        batch: &Batch,
        codes: &[(CodeKey, &str)],
        own: Vec<(CodeKey, Override)>,
    ) -> Result<(), IssueError> {
        let mut nonce = NonceBytes::default();
        if !(self.random)(&mut nonce) {
            return Err(IssueError::NoRandomness);
        }
        let _step = self.in_step();
        // What is different comes first, on disk and in memory: a code seen without it could be
        // worth too much.
        if !own.is_empty() {
            self.catalog.put_overrides(&own)?;
        }
        // Generated codes are known by their places.
        let at = matches!(batch.issue.source, Source::Generated { .. })
            .then(|| u32::try_from(batch.stored).unwrap_or(u32::MAX));
        let first = self.catalog.append_block(batch.number, at, codes, nonce)?;
        self.catalog.sync()?;
        let mut own: HashMap<CodeKey, Override> = own.into_iter().collect();
        if !own.is_empty() {
            for ((key, _), position) in codes.iter().zip(first..) {
                let Some(own) = own.remove(key) else { continue };
                if let Some(entry) = Entry::new(batch.number, position) {
                    self.index.insert_overridden(*key, entry, Arc::new(indexed_override(own)));
                }
            }
        }
        if let Some(entry) = Entry::new(batch.number, first) {
            self.index.fill(entry, codes.iter().map(|(key, _)| *key));
        }
        Ok(())
    }
}
