//! What a tenant defines besides campaigns: accounts, groups, slots and its policy, as records.
//!
//! Every sort is kept in the same way: one document under one id, with a version that grows with
//! each change. A removed one leaves its version behind, so that who removed and who changed it at
//! the same time never both succeed. Whether others name a definition is not known here.

use serde::{Deserialize, Serialize};

use crate::domain::id::TenantId;

use super::bytes::{decode, encode};
use super::document::{AccountDocument, GroupDocument, PolicyDocument, SlotDocument};
use super::{Change, DefinitionError, Expect, StoreError};

/// The id under which a tenant's one policy is kept.
pub const POLICY_ID: &str = "policy";

/// The sorts of definitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// Accounts that customers can have.
    Account,
    /// Sets of campaigns that slots accept.
    Group,
    /// Bookable dates and services.
    Slot,
    /// What holds for all orders; there is one.
    Policy,
}

impl Sort {
    /// All of them, what others name first.
    pub const ALL: [Self; 4] = [Self::Account, Self::Group, Self::Slot, Self::Policy];

    /// The sort's name in keys, answers and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Group => "group",
            Self::Slot => "slot",
            Self::Policy => "policy",
        }
    }
}

/// A document of any sort.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DefinitionDocument {
    /// An account.
    Account(AccountDocument),
    /// A group.
    Group(GroupDocument),
    /// A slot.
    Slot(SlotDocument),
    /// The policy.
    Policy(PolicyDocument),
}

impl DefinitionDocument {
    /// Its sort.
    #[must_use]
    pub fn sort(&self) -> Sort {
        match self {
            Self::Account(_) => Sort::Account,
            Self::Group(_) => Sort::Group,
            Self::Slot(_) => Sort::Slot,
            Self::Policy(_) => Sort::Policy,
        }
    }

    /// Its id, unique within its tenant and sort.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Account(account) => &account.id,
            Self::Group(group) => &group.id,
            Self::Slot(slot) => &slot.id,
            Self::Policy(_) => POLICY_ID,
        }
    }
}

/// A definition as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// Whose it is.
    pub tenant: TenantId,
    /// How often it was changed, from 1.
    pub version: u32,
    /// What it says.
    pub document: DefinitionDocument,
}

/// Which definition of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DefinitionName {
    /// Its sort.
    pub sort: Sort,
    /// Its id.
    pub id: String,
}

impl DefinitionName {
    /// The definition that a document is about.
    #[must_use]
    pub fn of(document: &DefinitionDocument) -> Self {
        Self { sort: document.sort(), id: document.id().to_owned() }
    }
}

/// What somebody wants a definition to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Which one.
    pub name: DefinitionName,
    /// What it shall say; absent: it shall be removed.
    pub document: Option<DefinitionDocument>,
    /// What is believed to be there.
    pub expect: Expect,
}

impl Wish {
    /// A document, over what is expected.
    #[must_use]
    pub fn put(document: DefinitionDocument, expect: Expect) -> Self {
        Self { name: DefinitionName::of(&document), document: Some(document), expect }
    }
}

/// What became of a wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// What changed. A definition that was removed was edited.
    pub change: Change,
    /// The version that is there now; of a removed one, the last. Zero: there never was one.
    pub version: u32,
}

/// A definition as it lies in a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    version: u32,
    /// Absent: it was removed.
    document: Option<DefinitionDocument>,
}

/// What granting a wish comes to, and the record to be written unless nothing changes.
pub(super) fn grant(
    wish: &Wish,
    there: Option<&[u8]>,
) -> Result<(Granted, Option<Vec<u8>>), DefinitionError> {
    let there: Option<Record> = there.map(|record| decode("a definition", record)).transpose()?;
    let last = there.as_ref().map_or(0, |record| record.version);
    let known = there.and_then(|record| record.document);
    let found = known.is_some().then_some(last);
    let fits = match wish.expect {
        Expect::New => found.is_none(),
        Expect::Version(version) => found == Some(version),
        Expect::Any => true,
    };
    if !fits {
        let DefinitionName { sort, id } = wish.name.clone();
        return Err(DefinitionError::Conflict { sort, id, expected: wish.expect, found });
    }
    if known == wish.document {
        return Ok((Granted { change: Change::Nothing, version: last }, None));
    }
    let change = if known.is_none() { Change::Created } else { Change::Edited };
    let version = last + 1;
    let record = encode(&Record { version, document: wish.document.clone() })?;
    Ok((Granted { change, version }, Some(record)))
}

/// The definition that a record has; `None` when it was removed.
pub(super) fn definition(
    tenant: &TenantId,
    record: &[u8],
) -> Result<Option<Definition>, StoreError> {
    let Record { version, document } = decode("a definition", record)?;
    Ok(document.map(|document| Definition { tenant: tenant.clone(), version, document }))
}

/// A `/` is in no tenant and no sort; an id may have any character.
pub(super) fn definition_key(tenant: &TenantId, name: &DefinitionName) -> String {
    format!("{}{}", definition_prefix(tenant, name.sort), name.id)
}

/// What the keys of a tenant's definitions of one sort begin with.
pub(super) fn definition_prefix(tenant: &TenantId, sort: Sort) -> String {
    format!("{tenant}/{}/", sort.name())
}

/// The tenant of a definition's key.
pub(super) fn tenant_of(key: &[u8]) -> Result<TenantId, StoreError> {
    let tenant = || {
        let (tenant, _) = str::from_utf8(key).ok()?.split_once('/')?;
        TenantId::parse(tenant).ok()
    };
    tenant().ok_or_else(|| StoreError::Damaged("a definition's key has no tenant".to_owned()))
}
