//! Campaigns in Redis.

use crate::domain::campaign::Status;
use crate::domain::id::{CampaignId, Owner, TenantId};
use crate::domain::time::Timestamp;

use super::super::bytes::{decode, encode};
use super::super::version::{
    Draft, Head, Version, check_expected, head_key, ids_of, no_version, stored, version_key,
};
use super::super::{
    CampaignDocument, CampaignError, CatalogChange, Change, Expect, StoreError, Stored,
};
use super::{Commit, Decision, Redis, of, whole};

/// Versions that are asked for in one command: some megabytes of documents.
const VERSIONS_AT_ONCE: usize = 256;

/// Whose campaign, and which.
pub(super) type CampaignName = (TenantId, CampaignId);

impl Redis {
    pub(in crate::catalog) fn put_campaign(
        &self,
        tenant: &TenantId,
        document: CampaignDocument,
        expect: Expect,
        owner: Owner,
        now: Timestamp,
    ) -> Result<(Stored, Change), CampaignError> {
        let draft = Draft::new(document, expect, owner, now)?;
        self.optimistically(|| {
            let head = self.head(tenant, &draft.id)?;
            let there = match &head {
                Some((head, _)) => {
                    let version = self.version(tenant, &draft.id, head.version)?;
                    Some((head.clone(), version))
                }
                None => None,
            };
            let before = head.as_ref().map(|(head, _)| head.status);
            let put = draft.put(tenant, there)?;
            let answer = (put.stored, put.change);
            if put.change == Change::Nothing {
                return Ok(Decision::Answer(answer));
            }
            let mut commit = Commit::default();
            let head_key = head_key(tenant, &draft.id);
            commit.expect("campaigns", head_key.as_bytes(), head.as_ref().map(|h| h.1.as_slice()));
            let (tenant, id, version) = (tenant.clone(), draft.id.clone(), put.head.version);
            if let Some(record) = put.version {
                commit.set("versions", &version_key(&tenant, &id, version), record);
                let (tenant, id) = (tenant.clone(), id.clone());
                commit.tell(&CatalogChange::Campaign { tenant, id, version })?;
            }
            if before.is_some_and(|before| before != put.head.status) {
                commit.tell_first(&CatalogChange::Status { tenant, id })?;
            }
            commit.set("campaigns", head_key.as_bytes(), encode(&put.head)?);
            Ok(Decision::Write(commit, answer))
        })
    }

    pub(in crate::catalog) fn put_status(
        &self,
        tenant: &TenantId,
        id: &CampaignId,
        status: Status,
        expect: Expect,
        now: Timestamp,
    ) -> Result<Option<Stored>, CampaignError> {
        self.optimistically(|| {
            let Some((head, record)) = self.head(tenant, id)? else {
                return Ok(Decision::Answer(None));
            };
            check_expected(id, expect, Some(&head))?;
            let head = head.standing(status, now);
            let version = self.version(tenant, id, head.version)?;
            let head_key = head_key(tenant, id);
            let mut commit = Commit::default();
            commit.expect("campaigns", head_key.as_bytes(), Some(&record));
            commit.set("campaigns", head_key.as_bytes(), encode(&head)?);
            let change = CatalogChange::Status { tenant: tenant.clone(), id: id.clone() };
            commit.tell_first(&change)?;
            let stored = stored(tenant, &head, head.version, version)?;
            Ok(Decision::Write(commit, Some(stored)))
        })
    }

    pub(in crate::catalog) fn campaign(
        &self,
        tenant: &TenantId,
        id: &CampaignId,
        version: Option<u32>,
    ) -> Result<Option<Stored>, StoreError> {
        let Some((head, _)) = self.head(tenant, id)? else { return Ok(None) };
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
        let heads = self.heads()?.into_iter().filter(|((whose, _), _)| whose == tenant);
        let wanted = heads.map(|(name, head)| {
            let version = head.version;
            (name, head, version)
        });
        self.stored(&wanted.collect::<Vec<_>>())
    }

    /// The heads of all tenants' campaigns, in the order of their ids.
    pub(super) fn heads(&self) -> Result<Vec<(CampaignName, Head)>, StoreError> {
        let records: Vec<(Vec<u8>, Vec<u8>)> =
            self.ask("campaigns", whole("HGETALL", "campaigns"))?;
        let head = |(key, record): (Vec<u8>, Vec<u8>)| {
            Ok((ids_of(&key)?, decode("a campaign's head", &record)?))
        };
        let heads: Result<Vec<_>, StoreError> = records.into_iter().map(head).collect();
        let mut heads = heads?;
        heads.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(heads)
    }

    /// Campaigns in the versions that are named with them.
    pub(super) fn stored(
        &self,
        wanted: &[(CampaignName, Head, u32)],
    ) -> Result<Vec<Stored>, StoreError> {
        let mut all = Vec::with_capacity(wanted.len());
        for wanted in wanted.chunks(VERSIONS_AT_ONCE) {
            let keys =
                wanted.iter().map(|((tenant, id), _, number)| version_key(tenant, id, *number));
            let keys: Vec<_> = keys.collect();
            let records: Vec<Option<Vec<u8>>> =
                self.ask("versions", of("HMGET", "versions", &keys))?;
            for (((tenant, id), head, number), record) in wanted.iter().zip(records) {
                let record = record.ok_or_else(|| no_version(tenant, id, *number))?;
                let version = decode("a campaign's version", &record)?;
                all.push(stored(tenant, head, *number, version)?);
            }
        }
        Ok(all)
    }

    /// The head and its record.
    pub(super) fn head(
        &self,
        tenant: &TenantId,
        id: &CampaignId,
    ) -> Result<Option<(Head, Vec<u8>)>, StoreError> {
        let Some(record) = self.field("campaigns", head_key(tenant, id).as_bytes())? else {
            return Ok(None);
        };
        Ok(Some((decode("a campaign's head", &record)?, record)))
    }

    fn version(
        &self,
        tenant: &TenantId,
        id: &CampaignId,
        number: u32,
    ) -> Result<Version, StoreError> {
        let record = self.field("versions", &version_key(tenant, id, number))?;
        decode("a campaign's version", &record.ok_or_else(|| no_version(tenant, id, number))?)
    }
}
