//! Campaigns: a head that says which version is current and where it stands, and all versions.

use std::sync::Arc;

use fjall::OwnedWriteBatch;
use serde::{Deserialize, Serialize};

use crate::domain::campaign::Status;
use crate::domain::id::{CampaignId, Owner, TenantId};
use crate::domain::time::Timestamp;

use super::super::{
    CampaignDocument, CampaignError, Change, Expect, FieldError, StoreError, Stored, record,
};
use super::{Embedded, decode, encode};

/// What is said of a campaign apart from its versions.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) version: u32,
    #[serde(with = "record::plain")]
    status: Status,
    #[serde(with = "record::plain")]
    owner: Owner,
}

/// One version, which never changes.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Version {
    /// Without a status: that is in the head.
    document: CampaignDocument,
    #[serde(with = "record::plain")]
    made: Timestamp,
}

impl Embedded {
    pub(in crate::catalog) fn put_campaign(
        &self,
        tenant: &TenantId,
        mut document: CampaignDocument,
        expect: Expect,
        owner: Owner,
        now: Timestamp,
    ) -> Result<(Stored, Change), CampaignError> {
        let id = CampaignId::parse(&document.id).map_err(|e| invalid("id", e.to_string()))?;
        let wished = document.status.take().map(Status::from);
        let _turn = self.turn();
        let head = self.head(tenant, &id)?;
        check_expected(&id, expect, head.as_ref())?;
        let Some(head) = head else {
            let status = wished.unwrap_or(Status::Active);
            let head = Head { version: 1, status, owner };
            let version = Version { document, made: now };
            return Ok((self.write_version(tenant, &id, &head, version)?, Change::Created));
        };
        let status = wished.unwrap_or(head.status);
        let current = self.version(tenant, &id, head.version)?;
        if current.document.kind != document.kind {
            let message = "cannot be changed: codes of the old kind are in use".to_owned();
            return Err(invalid("kind", message));
        }
        if current.document != document {
            let head = Head { version: head.version + 1, status, owner: head.owner };
            let version = Version { document, made: now };
            return Ok((self.write_version(tenant, &id, &head, version)?, Change::Edited));
        }
        let change = if status == head.status { Change::Nothing } else { Change::StatusOnly };
        let head = Head { status, ..head };
        if change == Change::StatusOnly {
            self.write_head(tenant, &id, &head)?;
        }
        Ok((stored(tenant, &head, head.version, current)?, change))
    }

    pub(in crate::catalog) fn put_status(
        &self,
        tenant: &TenantId,
        id: &CampaignId,
        status: Status,
        expect: Expect,
    ) -> Result<Option<Stored>, CampaignError> {
        let _turn = self.turn();
        let Some(head) = self.head(tenant, id)? else { return Ok(None) };
        check_expected(id, expect, Some(&head))?;
        let head = Head { status, ..head };
        self.write_head(tenant, id, &head)?;
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
        let Some(version) = self.versions.get(version_key(tenant, id, number))? else {
            let what = format!("version {number} of campaign {tenant}/{id} is missing");
            return Err(StoreError::Damaged(what));
        };
        decode("a campaign's version", &version)
    }

    /// Compiles a new version and stores it as the current one.
    fn write_version(
        &self,
        tenant: &TenantId,
        id: &CampaignId,
        head: &Head,
        version: Version,
    ) -> Result<Stored, CampaignError> {
        let record = encode(&version)?;
        let compiled = compiled(tenant, head, head.version, version);
        let stored = compiled.map_err(CampaignError::Invalid)?;
        let mut batch = self.db.batch();
        batch.insert(&self.versions, version_key(tenant, id, head.version), record);
        self.commit_head(batch, tenant, id, head)?;
        Ok(stored)
    }

    fn write_head(
        &self,
        tenant: &TenantId,
        id: &CampaignId,
        head: &Head,
    ) -> Result<(), StoreError> {
        self.commit_head(self.db.batch(), tenant, id, head)
    }

    fn commit_head(
        &self,
        mut batch: OwnedWriteBatch,
        tenant: &TenantId,
        id: &CampaignId,
        head: &Head,
    ) -> Result<(), StoreError> {
        batch.insert(&self.campaigns, head_key(tenant, id), encode(head)?);
        Self::commit(batch)
    }
}

fn compiled(
    tenant: &TenantId,
    head: &Head,
    number: u32,
    version: Version,
) -> Result<Stored, Vec<FieldError>> {
    let Version { mut document, made } = version;
    let campaign = document.compile(tenant, number, head.owner, head.status)?;
    document.status = Some(head.status.into());
    Ok(Stored { document, campaign: Arc::new(campaign), made })
}

/// What was stored once compiles again; when it does not, it is not what was stored.
fn stored(
    tenant: &TenantId,
    head: &Head,
    number: u32,
    version: Version,
) -> Result<Stored, StoreError> {
    let id = version.document.id.clone();
    compiled(tenant, head, number, version).map_err(|errors| {
        let first = errors.first().map(ToString::to_string).unwrap_or_default();
        StoreError::Damaged(format!("campaign {tenant}/{id}: {first}"))
    })
}

fn check_expected(
    id: &CampaignId,
    expect: Expect,
    head: Option<&Head>,
) -> Result<(), CampaignError> {
    let found = head.map(|head| head.version);
    let fits = match expect {
        Expect::New => found.is_none(),
        Expect::Version(version) => found == Some(version),
        Expect::Any => true,
    };
    if fits {
        return Ok(());
    }
    Err(CampaignError::Conflict { id: id.clone(), expected: expect, found })
}

fn invalid(path: &str, message: String) -> CampaignError {
    CampaignError::Invalid(vec![FieldError { path: path.to_owned(), message, suggestion: None }])
}

fn head_key(tenant: &TenantId, id: &CampaignId) -> String {
    format!("{tenant}/{id}")
}

fn version_key(tenant: &TenantId, id: &CampaignId, version: u32) -> Vec<u8> {
    let mut key = format!("{tenant}/{id}/").into_bytes();
    key.extend_from_slice(&version.to_be_bytes());
    key
}

fn ids_of(key: &[u8]) -> Result<(TenantId, CampaignId), StoreError> {
    let ids = || {
        let (tenant, id) = str::from_utf8(key).ok()?.split_once('/')?;
        Some((TenantId::parse(tenant).ok()?, CampaignId::parse(id).ok()?))
    };
    ids().ok_or_else(|| StoreError::Damaged("a campaign's key has no ids".to_owned()))
}
