//! The definitions that orders are read with: campaigns in all versions in use, batches, and what
//! a tenant says of accounts, groups, slots and orders as a whole.
//!
//! Invariants: a batch is only here when its campaign and the version it was issued under are, so
//! that a code that is found can always be judged. A copy shares everything with its original that
//! is not changed afterwards, so that a change costs what it changes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use smallvec::SmallVec;

use crate::domain::account::Account;
use crate::domain::campaign::{Application, Campaign, CodeState, Status};
use crate::domain::code::CodeKey;
use crate::domain::id::{CampaignId, Owner, TenantId};
use crate::domain::order::Order;
use crate::domain::policy::{Group, Policy};
use crate::domain::time::Timestamp;

use super::automatic::Automatic;
use super::chunked::Chunked;
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
    /// A reference to the holder's picture.
    pub photo: Option<Arc<str>>,
    /// When it was issued.
    pub issued: Option<Timestamp>,
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

/// One consistent picture of all definitions; readers keep the one they began with.
#[derive(Debug, Clone, Default)]
pub struct Definitions {
    /// In the order in which they came.
    editions: Chunked<Editions>,
    /// By batch number.
    batches: Chunked<Option<Placed>>,
    tenants: BTreeMap<TenantId, Arc<Tenant>>,
}

/// A campaign: what it is now, and what it was when codes were issued.
#[derive(Debug, Clone)]
struct Editions {
    current: Arc<Campaign>,
    /// Ascending by version.
    versions: Vec<Arc<Campaign>>,
}

impl Editions {
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
    edition: usize,
    batch: Arc<Batch>,
}

/// What one tenant has defined. Each part is shared by itself.
#[derive(Debug, Clone, Default)]
struct Tenant {
    campaigns: Arc<BTreeMap<CampaignId, usize>>,
    automatic: Arc<Automatic>,
    accounts: Arc<BTreeMap<Box<str>, Arc<Account>>>,
    groups: Arc<BTreeMap<Box<str>, Arc<Group>>>,
    /// The group that each slot accepts.
    slots: Arc<HashMap<Box<str>, Box<str>>>,
    policy: Policy,
    default_group: Option<Box<str>>,
}

impl Definitions {
    /// Takes in one version of a campaign. The highest version is the current one; the same
    /// version again replaces the first, which is how a change of status arrives.
    pub fn put_campaign(&mut self, campaign: Arc<Campaign>) {
        let tenant = Arc::make_mut(self.tenants.entry(campaign.tenant.clone()).or_default());
        let known = tenant.campaigns.get(&campaign.id).copied();
        let number = known.unwrap_or_else(|| {
            let number = self.editions.len();
            Arc::make_mut(&mut tenant.campaigns).insert(campaign.id.clone(), number);
            let versions = Vec::new();
            self.editions.push(Editions { current: Arc::clone(&campaign), versions });
            number
        });
        let Some(editions) = self.editions.get_mut(number) else { return };
        let versions = &mut editions.versions;
        match versions.binary_search_by_key(&campaign.version, |known| known.version) {
            Ok(place) => {
                if let Some(known) = versions.get_mut(place) {
                    *known = Arc::clone(&campaign);
                }
            }
            Err(place) => versions.insert(place, Arc::clone(&campaign)),
        }
        if campaign.version >= editions.current.version {
            editions.current = Arc::clone(&campaign);
            let comes_by_itself = campaign.application == Application::Automatic;
            if comes_by_itself && campaign.status == Status::Active {
                Arc::make_mut(&mut tenant.automatic).put(campaign);
            } else if tenant.automatic.has(&campaign.id) {
                Arc::make_mut(&mut tenant.automatic).remove(&campaign.id);
            }
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
        let edition = self.edition(&batch.tenant, &batch.campaign).filter(|&number| {
            self.editions.get(number).is_some_and(|known| known.version(batch.version).is_some())
        });
        let Some(edition) = edition else {
            let Batch { number, campaign, version, .. } = batch;
            return Err(BatchError::Campaign { batch: number, campaign, version });
        };
        let place = batch.number as usize;
        self.batches.grow(place + 1, &None);
        if let Some(placed) = self.batches.get_mut(place) {
            *placed = Some(Placed { edition, batch: Arc::new(batch) });
        }
        Ok(())
    }

    /// Takes in an account, in the place of an earlier one with its id.
    pub fn put_account(&mut self, tenant: &TenantId, account: Arc<Account>) {
        Arc::make_mut(&mut self.own(tenant).accounts).insert(account.id.clone(), account);
    }

    /// Takes in a group, in the place of an earlier one with its id.
    pub fn put_group(&mut self, tenant: &TenantId, group: Arc<Group>) {
        Arc::make_mut(&mut self.own(tenant).groups).insert(group.id.clone(), group);
    }

    /// Says which group each of these slots accepts from now on; absent: they are slots no more.
    pub fn put_slots(
        &mut self,
        tenant: &TenantId,
        slots: impl IntoIterator<Item = (Box<str>, Option<Box<str>>)>,
    ) {
        let known = Arc::make_mut(&mut self.own(tenant).slots);
        for (slot, group) in slots {
            match group {
                Some(group) => known.insert(slot, group),
                None => known.remove(&slot),
            };
        }
    }

    /// Sets a tenant's policy, and the group that slots accept which are not defined.
    pub fn put_policy(&mut self, tenant: &TenantId, policy: Policy, default_group: Option<&str>) {
        let own = self.own(tenant);
        (own.policy, own.default_group) = (policy, default_group.map(Into::into));
    }

    /// Takes an account out.
    pub fn remove_account(&mut self, tenant: &TenantId, id: &str) {
        Arc::make_mut(&mut self.own(tenant).accounts).remove(id);
    }

    /// Takes a group out.
    pub fn remove_group(&mut self, tenant: &TenantId, id: &str) {
        Arc::make_mut(&mut self.own(tenant).groups).remove(id);
    }

    /// Takes out everything but campaigns and batches, of all tenants.
    pub fn clear_others(&mut self) {
        for tenant in self.tenants.values_mut() {
            let Tenant { campaigns, automatic, .. } = &**tenant;
            let (campaigns, automatic) = (Arc::clone(campaigns), Arc::clone(automatic));
            *tenant = Arc::new(Tenant { campaigns, automatic, ..Tenant::default() });
        }
    }

    /// All tenants that have ever defined something.
    pub fn tenants(&self) -> impl Iterator<Item = &TenantId> {
        self.tenants.keys()
    }

    /// A campaign as it is now.
    #[must_use]
    pub fn campaign(&self, tenant: &TenantId, id: &CampaignId) -> Option<&Arc<Campaign>> {
        Some(&self.editions.get(self.edition(tenant, id)?)?.current)
    }

    /// All campaigns of a tenant as they are now, in the order of their ids.
    pub fn campaigns(&self, tenant: &TenantId) -> impl Iterator<Item = &Arc<Campaign>> {
        self.of(tenant).map(|editions| &editions.current)
    }

    /// All campaigns of a tenant, each in all its versions that are known.
    pub fn versions(&self, tenant: &TenantId) -> impl Iterator<Item = &Arc<Campaign>> {
        self.of(tenant).flat_map(|editions| &editions.versions)
    }

    /// The campaigns that may come into an order by themselves, in the order of their ids: active
    /// ones, none that the order's slot does not accept, and few whose conditions do not hold.
    pub fn automatic<'a>(
        &'a self,
        tenant: &TenantId,
        order: &Order<'_>,
    ) -> impl Iterator<Item = &'a Arc<Campaign>> + use<'a> {
        let known = self.tenants.get(tenant).map(|tenant| &tenant.automatic);
        let found = known.filter(|automatic| !automatic.is_empty()).map(|automatic| {
            let group = order.slot.and_then(|slot| self.group_of_slot(tenant, slot));
            automatic.of(order, group.map(|group| &*group.id))
        });
        found.map(SmallVec::into_iter).into_iter().flatten()
    }

    /// A kind of account.
    #[must_use]
    pub fn account(&self, tenant: &TenantId, id: &str) -> Option<&Arc<Account>> {
        self.tenants.get(tenant)?.accounts.get(id)
    }

    /// A group of campaigns.
    #[must_use]
    pub fn group(&self, tenant: &TenantId, id: &str) -> Option<&Arc<Group>> {
        self.tenants.get(tenant)?.groups.get(id)
    }

    /// The group that a slot accepts: its own; of a slot that is not defined, or whose group is
    /// gone, the tenant's default group.
    #[must_use]
    pub fn group_of_slot(&self, tenant: &TenantId, slot: &str) -> Option<&Arc<Group>> {
        let own = self.tenants.get(tenant)?;
        let group = own.slots.get(slot).and_then(|group| own.groups.get(group));
        group.or_else(|| own.groups.get(own.default_group.as_ref()?))
    }

    /// A slot that accepts this group.
    #[must_use]
    pub fn slot_of_group(&self, tenant: &TenantId, group: &str) -> Option<&str> {
        let mut slots = self.tenants.get(tenant)?.slots.iter();
        slots.find_map(|(slot, accepts)| (**accepts == *group).then_some(&**slot))
    }

    /// What a tenant says of orders as a whole.
    #[must_use]
    pub fn policy(&self, tenant: &TenantId) -> Policy {
        self.tenants.get(tenant).map(|tenant| tenant.policy).unwrap_or_default()
    }

    /// The group that slots accept which are not defined.
    #[must_use]
    pub fn default_group(&self, tenant: &TenantId) -> Option<&str> {
        self.tenants.get(tenant)?.default_group.as_deref()
    }

    /// A batch by its number.
    #[must_use]
    pub fn batch(&self, number: u32) -> Option<&Arc<Batch>> {
        Some(&self.placed(number)?.batch)
    }

    /// The batches of one campaign, in the order of their numbers.
    pub fn batches_of<'a>(
        &'a self,
        tenant: &TenantId,
        id: &CampaignId,
    ) -> impl Iterator<Item = &'a Arc<Batch>> + use<'a> {
        let edition = self.edition(tenant, id);
        let placed = self.batches.iter().flatten();
        placed.filter(move |placed| Some(placed.edition) == edition).map(|placed| &placed.batch)
    }

    /// A batch, its campaign as it is now, and the version that the batch was issued under.
    pub(super) fn issue(&self, batch: u32) -> Option<(&Batch, &Arc<Campaign>, &Arc<Campaign>)> {
        let placed = self.placed(batch)?;
        let editions = self.editions.get(placed.edition)?;
        Some((&placed.batch, &editions.current, editions.version(placed.batch.version)?))
    }

    fn placed(&self, number: u32) -> Option<&Placed> {
        self.batches.get(number as usize)?.as_ref()
    }

    fn of(&self, tenant: &TenantId) -> impl Iterator<Item = &Editions> {
        let campaigns = self.tenants.get(tenant).map(|tenant| &*tenant.campaigns);
        let numbers = campaigns.into_iter().flat_map(BTreeMap::values);
        numbers.filter_map(|&number| self.editions.get(number))
    }

    fn edition(&self, tenant: &TenantId, id: &CampaignId) -> Option<usize> {
        self.tenants.get(tenant)?.campaigns.get(id).copied()
    }

    fn own(&mut self, tenant: &TenantId) -> &mut Tenant {
        Arc::make_mut(self.tenants.entry(tenant.clone()).or_default())
    }
}
