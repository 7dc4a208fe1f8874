//! The definitions that codes are read with: campaigns in all versions in use, and batches.
//!
//! Invariant: a batch is only here when its campaign and the version it was issued under are, so
//! that a code that is found can always be judged.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::campaign::{Campaign, CodeState};
use crate::domain::code::CodeKey;
use crate::domain::id::{CampaignId, Owner, TenantId};
use crate::domain::time::Timestamp;

use super::entry::Entry;

/// What the codes that were issued together have in common, as far as judging them needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Its number, 1 to [`Entry::BATCH_MAX`].
    pub number: u32,
    /// Whose it is.
    pub tenant: TenantId,
    /// The campaign its codes belong to.
    pub campaign: CampaignId,
    /// The version of the campaign that says what its codes are worth.
    pub version: u32,
    /// When its codes were issued.
    pub issued: Timestamp,
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

/// What one code has different from its batch; what is absent is as in the batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// Whether the code can be used at all.
    pub state: CodeState,
    /// When it was paid.
    pub paid: Option<Timestamp>,
    /// The customer it is bound to.
    pub holder: Option<Arc<str>>,
    /// Its own number of uses.
    pub uses: Option<u64>,
    /// Its own starting balance, in minor units.
    pub balance_minor: Option<i64>,
    /// Its own first moment.
    pub valid_from: Option<Timestamp>,
    /// Its own first moment after.
    pub valid_until: Option<Timestamp>,
    /// Whose counters and balance it has in the ledger: those of the code that it replaced.
    pub owner: Option<Owner>,
    /// The code that took its place.
    pub replaced_by: Option<CodeKey>,
}

/// Why a batch cannot be put.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// Its campaign, or the version it names, is not here.
    #[error("batch {batch} belongs to version {version} of campaign {campaign}, which is unknown")]
    Campaign {
        /// The batch.
        batch: u32,
        /// Its campaign.
        campaign: CampaignId,
        /// The version of it.
        version: u32,
    },
    /// Its number has no place in an [`Entry`].
    #[error("batch numbers end at {max}, this is {0}", max = Entry::BATCH_MAX)]
    Number(u32),
}

/// One consistent picture of all campaigns and batches; readers keep the one they began with.
#[derive(Debug, Clone, Default)]
pub struct Definitions {
    slots: Vec<Slot>,
    slots_by_campaign: BTreeMap<TenantId, BTreeMap<CampaignId, usize>>,
    /// By batch number.
    batches: Vec<Option<Placed>>,
}

/// A campaign: what it is now, and what it was when codes were issued.
#[derive(Debug, Clone)]
struct Slot {
    current: Arc<Campaign>,
    /// Ascending by version.
    versions: Vec<Arc<Campaign>>,
}

impl Slot {
    fn version(&self, version: u32) -> Option<&Arc<Campaign>> {
        if version == self.current.version {
            return Some(&self.current);
        }
        let place = self.versions.binary_search_by_key(&version, |campaign| campaign.version);
        place.ok().and_then(|place| self.versions.get(place))
    }
}

#[derive(Debug, Clone)]
struct Placed {
    slot: usize,
    batch: Arc<Batch>,
}

impl Definitions {
    /// Takes in one version of a campaign. The highest version is the current one; the same
    /// version again replaces the first, which is how a change of status arrives.
    pub fn put_campaign(&mut self, campaign: Arc<Campaign>) {
        let by_id = self.slots_by_campaign.entry(campaign.tenant.clone()).or_default();
        let number = *by_id.entry(campaign.id.clone()).or_insert(self.slots.len());
        let Some(slot) = self.slots.get_mut(number) else {
            self.slots.push(Slot { current: Arc::clone(&campaign), versions: vec![campaign] });
            return;
        };
        match slot.versions.binary_search_by_key(&campaign.version, |known| known.version) {
            Ok(place) => {
                if let Some(known) = slot.versions.get_mut(place) {
                    *known = Arc::clone(&campaign);
                }
            }
            Err(place) => slot.versions.insert(place, Arc::clone(&campaign)),
        }
        if campaign.version >= slot.current.version {
            slot.current = campaign;
        }
    }

    /// Takes in a batch, in the place of an earlier one of the same number.
    ///
    /// # Errors
    /// When its number is too large or its campaign in that version is unknown.
    pub fn put_batch(&mut self, batch: Batch) -> Result<(), BatchError> {
        if batch.number > Entry::BATCH_MAX {
            return Err(BatchError::Number(batch.number));
        }
        let slot = self.slot_number(&batch.tenant, &batch.campaign).filter(|&number| {
            self.slots.get(number).is_some_and(|slot| slot.version(batch.version).is_some())
        });
        let Some(slot) = slot else {
            let Batch { number, campaign, version, .. } = batch;
            return Err(BatchError::Campaign { batch: number, campaign, version });
        };
        let place = batch.number as usize;
        if self.batches.len() <= place {
            self.batches.resize(place + 1, None);
        }
        if let Some(placed) = self.batches.get_mut(place) {
            *placed = Some(Placed { slot, batch: Arc::new(batch) });
        }
        Ok(())
    }

    /// A campaign as it is now.
    #[must_use]
    pub fn campaign(&self, tenant: &TenantId, id: &CampaignId) -> Option<&Arc<Campaign>> {
        Some(&self.slots.get(self.slot_number(tenant, id)?)?.current)
    }

    /// All campaigns of a tenant as they are now, in the order of their ids.
    pub fn campaigns(&self, tenant: &TenantId) -> impl Iterator<Item = &Arc<Campaign>> {
        let numbers = self.slots_by_campaign.get(tenant).into_iter().flat_map(BTreeMap::values);
        numbers.filter_map(|&number| Some(&self.slots.get(number)?.current))
    }

    /// A batch by its number.
    #[must_use]
    pub fn batch(&self, number: u32) -> Option<&Arc<Batch>> {
        Some(&self.placed(number)?.batch)
    }

    /// A batch, its campaign as it is now, and the version that the batch was issued under.
    pub(super) fn issue(&self, batch: u32) -> Option<(&Batch, &Arc<Campaign>, &Arc<Campaign>)> {
        let placed = self.placed(batch)?;
        let slot = self.slots.get(placed.slot)?;
        Some((&placed.batch, &slot.current, slot.version(placed.batch.version)?))
    }

    fn placed(&self, number: u32) -> Option<&Placed> {
        self.batches.get(number as usize)?.as_ref()
    }

    fn slot_number(&self, tenant: &TenantId, id: &CampaignId) -> Option<usize> {
        self.slots_by_campaign.get(tenant)?.get(id).copied()
    }
}
