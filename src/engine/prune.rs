//! Removing codes that nobody used of campaigns that are over. Blocks.
//!
//! A campaign is over when it was ended or its validity is; so many days after that as it says,
//! those of its codes of which the ledger knows nothing are removed for good. Codes that were used,
//! held or released once stay, and so do codes that are valid longer than their campaign.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::PoisonError;

use super::Engine;
use super::import::Trial;
use crate::catalog::{BLOCK_CODES_MAX, BatchError, NonceBytes, StoreError};
use crate::domain::campaign::{Campaign, Status};
use crate::domain::code::CodeKey;
use crate::domain::id::{CampaignId, Owner, TenantId};
use crate::domain::posting::{FacetKind, Key};
use crate::domain::time::Timestamp;
use crate::ledger::LedgerError;

/// What became of one campaign's codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pruned {
    /// The campaign.
    pub campaign: CampaignId,
    /// Codes that were removed, or would be.
    pub removed: u64,
    /// Codes that are kept because they were used.
    pub used: u64,
    /// Codes that are kept because they are valid longer.
    pub valid: u64,
}

/// Why codes were not removed.
#[derive(Debug, thiserror::Error)]
pub enum PruneError {
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store does not remove them.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// The ledger cannot be asked.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

const DAY_MS: i64 = 86_400_000;

/// A page of a batch's codes.
#[derive(Default)]
struct Page {
    codes: Vec<(u32, CodeKey, Owner)>,
    /// Where the next one begins.
    next: u32,
    valid: u64,
}

impl Engine {
    /// Removes the unused codes of a tenant's campaigns that were over long enough, or says what it
    /// would remove. `each` hears of every campaign that has codes to look at, and may break.
    ///
    /// # Errors
    /// [`PruneError`]; what was removed before stays removed.
    pub fn prune(
        &self,
        tenant: &TenantId,
        trial: Trial,
        who: &str,
        mut each: impl FnMut(&Pruned) -> ControlFlow<()>,
    ) -> Result<(), PruneError> {
        let definitions = self.index.definitions();
        for campaign in definitions.campaigns(tenant) {
            if !self.is_due(campaign)? {
                continue;
            }
            let campaign_id = campaign.id.clone();
            let mut pruned = Pruned { campaign: campaign_id, removed: 0, used: 0, valid: 0 };
            for batch in definitions.batches_of(tenant, &campaign.id) {
                self.prune_batch(campaign, batch.number, trial, &mut pruned)?;
            }
            if pruned.removed > 0 && trial == Trial::Real {
                let Pruned { campaign, removed, used, .. } = &pruned;
                let what = format!(
                    "campaign {campaign}: removed {removed} unused codes; {used} used ones stay"
                );
                self.audit(who, what)?;
            }
            let has_codes = pruned.removed + pruned.used + pruned.valid > 0;
            if has_codes && each(&pruned).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// All tenants that have defined something.
    #[must_use]
    pub fn tenants(&self) -> Vec<TenantId> {
        self.index.definitions().tenants().cloned().collect()
    }

    /// Whether a campaign has been over for so long that its unused codes go.
    fn is_due(&self, campaign: &Campaign) -> Result<bool, StoreError> {
        let Some(days) = campaign.retention_days else { return Ok(false) };
        let ended = match campaign.status {
            Status::Ended => {
                let stored = self.catalog.campaign(&campaign.tenant, &campaign.id, None)?;
                stored.and_then(|stored| stored.since)
            }
            Status::Draft | Status::Active | Status::Paused => None,
        };
        let over = ended.into_iter().chain(campaign.validity.until).min();
        Ok(over.is_some_and(|over| has_passed(over, days, self.now())))
    }

    fn prune_batch(
        &self,
        campaign: &Campaign,
        batch: u32,
        trial: Trial,
        pruned: &mut Pruned,
    ) -> Result<(), PruneError> {
        let mut from = 0;
        loop {
            let page = self.page_of(campaign, batch, from)?;
            from = page.next;
            pruned.valid += page.valid;
            let owners = page.codes.iter().map(|(_, _, owner)| *owner).collect();
            self.look_and_wait(owners)?;
            let (mut positions, mut keys) = (BTreeSet::new(), Vec::new());
            for (position, key, owner) in page.codes {
                if self.is_known(owner)? {
                    pruned.used += 1;
                } else {
                    positions.insert(position);
                    keys.push(key);
                }
            }
            pruned.removed += match trial {
                Trial::Dry => keys.len() as u64,
                Trial::Real => self.remove(campaign, batch, &positions, &keys)?,
            };
            if from == u32::MAX {
                return Ok(());
            }
        }
    }

    /// Codes of a batch from position `from` on that may go.
    fn page_of(&self, campaign: &Campaign, batch: u32, from: u32) -> Result<Page, StoreError> {
        let mut page = Page { next: u32::MAX, ..Page::default() };
        let days = campaign.retention_days.unwrap_or(u32::MAX);
        self.catalog.rows(batch, from..u32::MAX, |row| {
            if page.codes.len() == BLOCK_CODES_MAX {
                page.next = row.position;
                return ControlFlow::Break(());
            }
            // A code that lies elsewhere too was issued there.
            let found = self.index.find(&row.key).filter(|found| found.batch == batch);
            let Some(found) = found else { return ControlFlow::Continue(()) };
            let until = found.code.valid_until.filter(|_| campaign.status != Status::Ended);
            if until.is_some_and(|until| !has_passed(until, days, self.now())) {
                page.valid += 1;
            } else {
                page.codes.push((row.position, row.key, found.code.owner));
            }
            ControlFlow::Continue(())
        })?;
        Ok(page)
    }

    /// Whether the ledger knows anything of what `owner` has.
    fn is_known(&self, owner: Owner) -> Result<bool, LedgerError> {
        let key = |kind| Key::of(owner, kind);
        let has_records = self.read_known(&[owner], || {
            let book = self.ledger.read();
            let uses = key(FacetKind::Uses);
            book.used(&uses) + book.held(&uses) > 0
                || book.balance(&key(FacetKind::Balance)).is_some()
        })?;
        Ok(has_records || !self.ledger.history(&owner, u64::MAX, 1)?.is_empty())
    }

    fn remove(
        &self,
        campaign: &Campaign,
        batch: u32,
        positions: &BTreeSet<u32>,
        keys: &[CodeKey],
    ) -> Result<u64, PruneError> {
        let _turn = self.office.lock().unwrap_or_else(PoisonError::into_inner);
        let definitions = self.index.definitions();
        let now_known = definitions.campaign(&campaign.tenant, &campaign.id);
        if now_known.is_none_or(|known| **known != *campaign) {
            // Somebody has just changed it: it is looked at another time.
            return Ok(0);
        }
        let mut nonce = || {
            let mut nonce = NonceBytes::default();
            (self.random)(&mut nonce).then_some(nonce)
        };
        let _step = self.in_step();
        let removed = self.catalog.remove_codes(batch, positions, &mut nonce)?;
        for key in keys {
            self.index.remove(key);
        }
        Ok(removed)
    }

    /// Takes codes of a batch out that another node has removed.
    pub(super) fn forget_codes(&self, batch: u32, keys: &[CodeKey]) {
        let _step = self.in_step();
        for key in keys {
            if self.index.lookup(key).is_some_and(|entry| entry.batch() == batch) {
                self.index.remove(key);
            }
        }
    }
}

/// Whether `days` have passed since `moment`.
fn has_passed(moment: Timestamp, days: u32, now: Timestamp) -> bool {
    now >= moment.plus_ms(DAY_MS.saturating_mul(i64::from(days)))
}
