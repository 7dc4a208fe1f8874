//! Campaigns in the embedded store.

use crate::domain::campaign::Status;
use crate::domain::id::{CampaignId, Owner, TenantId};
use crate::domain::time::Timestamp;

use super::super::bytes::{decode, encode};
use super::super::version::{
    Draft, Head, Version, check_expected, head_key, ids_of, no_version, stored, version_key,
};
use super::super::{CampaignDocument, CampaignError, Change, Expect, StoreError, Stored};
use super::Embedded;

impl Embedded {
    pub(in crate::catalog) fn put_campaign(
        &self,
        tenant: &TenantId,
        document: CampaignDocument,
        expect: Expect,
        owner: Owner,
        now: Timestamp,
    ) -> Result<(Stored, Change), CampaignError> {
        let draft = Draft::new(document, expect, owner, now)?;
        let _turn = self.turn();
        let there = match self.head(tenant, &draft.id)? {
            Some(head) => {
                let version = self.version(tenant, &draft.id, head.version)?;
                Some((head, version))
            }
            None => None,
        };
        let put = draft.put(tenant, there)?;
        if put.change == Change::Nothing {
            return Ok((put.stored, put.change));
        }
        let mut writes = self.db.batch();
        if let Some(record) = put.version {
            writes.insert(&self.versions, version_key(tenant, &draft.id, put.head.version), record);
        }
        writes.insert(&self.campaigns, head_key(tenant, &draft.id), encode(&put.head)?);
        Self::commit(writes)?;
        Ok((put.stored, put.change))
    }

    pub(in crate::catalog) fn put_status(
        &self,
        tenant: &TenantId,
        id: &CampaignId,
        status: Status,
        expect: Expect,
        now: Timestamp,
    ) -> Result<Option<Stored>, CampaignError> {
        let _turn = self.turn();
        let Some(head) = self.head(tenant, id)? else { return Ok(None) };
        check_expected(id, expect, Some(&head))?;
        let head = head.standing(status, now);
        let mut writes = self.db.batch();
        writes.insert(&self.campaigns, head_key(tenant, id), encode(&head)?);
        Self::commit(writes)?;
        let version = self.version(tenant, id, head.version)?;
        Ok(Some(stored(tenant, &head, head.version, version)?))
    }

    pub(in crate::catalog) fn campaign(
        &self,
        tenant: &TenantId,
        id: &CampaignId,
        version: Option<u32>,
    ) -> Result<Option<Stored>, StoreError> {
        let Some(head) = self.head(tenant, id)? else { return Ok(None) };
        let number = version.unwrap_or(head.version);
        if !(1..=head.version).contains(&number) {
            return Ok(None);
        }
        stored(tenant, &head, number, self.version(tenant, id, number)?).map(Some)
    }

    pub(in crate::catalog) fn campaigns(
        &self,
        tenant: &TenantId,
    ) -> Result<Vec<Stored>, StoreError> {
        let mut campaigns = Vec::new();
        for item in self.campaigns.prefix(format!("{tenant}/")) {
            let (key, head) = item.into_inner()?;
            let (_, id) = ids_of(&key)?;
            let head: Head = decode("a campaign's head", &head)?;
            let version = self.version(tenant, &id, head.version)?;
            campaigns.push(stored(tenant, &head, head.version, version)?);
        }
        Ok(campaigns)
    }

    /// The ids and current versions of all tenants' campaigns.
    pub(super) fn heads(
        &self,
    ) -> impl Iterator<Item = Result<(TenantId, CampaignId, u32), StoreError>> {
        self.campaigns.iter().map(|item| {
            let (key, head) = item.into_inner()?;
            let (tenant, id) = ids_of(&key)?;
            Ok((tenant, id, decode::<Head>("a campaign's head", &head)?.version))
        })
    }

    pub(super) fn head(
        &self,
        tenant: &TenantId,
        id: &CampaignId,
    ) -> Result<Option<Head>, StoreError> {
        let head = self.campaigns.get(head_key(tenant, id))?;
        head.map(|head| decode("a campaign's head", &head)).transpose()
    }

    fn version(
        &self,
        tenant: &TenantId,
        id: &CampaignId,
        number: u32,
    ) -> Result<Version, StoreError> {
        let version = self.versions.get(version_key(tenant, id, number))?;
        decode("a campaign's version", &version.ok_or_else(|| no_version(tenant, id, number))?)
    }
}
