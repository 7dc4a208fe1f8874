//! Campaigns as records: a head that says which version is current and where it stands, and all
//! versions. What putting a document comes to is decided here, for every store.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::campaign::Status;
use crate::domain::id::{CampaignId, Owner, TenantId};
use crate::domain::time::Timestamp;

use super::bytes::encode;
use super::{
    CampaignDocument, CampaignError, Change, Expect, FieldError, StoreError, Stored, record,
};

/// What is said of a campaign apart from its versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) version: u32,
    #[serde(with = "record::plain")]
    pub(super) status: Status,
    #[serde(with = "record::plain")]
    pub(super) owner: Owner,
    /// Since when it stands there; absent where nobody wrote it down.
    #[serde(default, with = "record::optional", skip_serializing_if = "Option::is_none")]
    pub(super) since: Option<Timestamp>,
}

impl Head {
    /// The head when the campaign is to stand at `status` from `now` on.
    pub(super) fn standing(self, status: Status, now: Timestamp) -> Self {
        if status == self.status { self } else { Self { status, since: Some(now), ..self } }
    }
}

/// One version, which never changes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Version {
    /// Without a status: that is in the head.
    document: CampaignDocument,
    #[serde(with = "record::plain")]
    made: Timestamp,
}

/// What putting a document comes to.
pub(super) struct Put {
    pub(super) change: Change,
    /// What will be there.
    pub(super) stored: Stored,
    /// To be written unless nothing changes.
    pub(super) head: Head,
    /// The record of a new version, to be written with the head.
    pub(super) version: Option<Vec<u8>>,
}

/// A document that somebody puts.
pub(super) struct Draft {
    pub(super) id: CampaignId,
    document: CampaignDocument,
    wished: Option<Status>,
    expect: Expect,
    owner: Owner,
    now: Timestamp,
}

impl Draft {
    pub(super) fn new(
        mut document: CampaignDocument,
        expect: Expect,
        owner: Owner,
        now: Timestamp,
    ) -> Result<Self, CampaignError> {
        let id = CampaignId::parse(&document.id).map_err(|e| invalid("id", e.to_string()))?;
        let wished = document.status.take().map(Status::from);
        Ok(Self { id, document, wished, expect, owner, now })
    }

    /// What putting it comes to, where `there` is what is there.
    pub(super) fn put(
        &self,
        tenant: &TenantId,
        there: Option<(Head, Version)>,
    ) -> Result<Put, CampaignError> {
        let Self { id, document, wished, expect, owner, now } = self;
        check_expected(id, *expect, there.as_ref().map(|(head, _)| head))?;
        let Some((head, current)) = there else {
            let status = wished.unwrap_or(Status::Active);
            let head = Head { version: 1, status, owner: *owner, since: Some(*now) };
            return new_version(tenant, head, document, *now, Change::Created);
        };
        let status = wished.unwrap_or(head.status);
        if current.document.kind != document.kind {
            let message = "cannot be changed: codes of the old kind are in use".to_owned();
            return Err(invalid("kind", message));
        }
        if current.document != *document {
            let version = head.version + 1;
            let head = Head { version, ..head.standing(status, *now) };
            return new_version(tenant, head, document, *now, Change::Edited);
        }
        let change = if status == head.status { Change::Nothing } else { Change::StatusOnly };
        let head = head.standing(status, *now);
        let stored = stored(tenant, &head, head.version, current)?;
        Ok(Put { change, stored, head, version: None })
    }
}

fn new_version(
    tenant: &TenantId,
    head: Head,
    document: &CampaignDocument,
    now: Timestamp,
    change: Change,
) -> Result<Put, CampaignError> {
    let version = Version { document: document.clone(), made: now };
    let record = encode(&version)?;
    let stored = compiled(tenant, &head, head.version, version).map_err(CampaignError::Invalid)?;
    Ok(Put { change, stored, head, version: Some(record) })
}

pub(super) fn no_version(tenant: &TenantId, id: &CampaignId, number: u32) -> StoreError {
    StoreError::Damaged(format!("version {number} of campaign {tenant}/{id} is missing"))
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
    Ok(Stored { document, campaign: Arc::new(campaign), made, since: head.since })
}

/// What was stored once compiles again; when it does not, it is not what was stored.
pub(super) fn stored(
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

pub(super) fn check_expected(
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

pub(super) fn head_key(tenant: &TenantId, id: &CampaignId) -> String {
    format!("{tenant}/{id}")
}

pub(super) fn version_key(tenant: &TenantId, id: &CampaignId, version: u32) -> Vec<u8> {
    let mut key = format!("{tenant}/{id}/").into_bytes();
    key.extend_from_slice(&version.to_be_bytes());
    key
}

pub(super) fn ids_of(key: &[u8]) -> Result<(TenantId, CampaignId), StoreError> {
    let ids = || {
        let (tenant, id) = str::from_utf8(key).ok()?.split_once('/')?;
        Some((TenantId::parse(tenant).ok()?, CampaignId::parse(id).ok()?))
    };
    ids().ok_or_else(|| StoreError::Damaged("a campaign's key has no ids".to_owned()))
}
