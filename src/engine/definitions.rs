//! Accounts, groups, slots and the policy: define, list, remove. For the office; all calls block.
//!
//! Nothing is removed while campaigns, slots or the policy name it, and nothing is defined that
//! names what does not exist. Two nodes that do both in the same second may leave a name behind
//! that nothing answers to: then a slot accepts what the default group accepts, and a campaign
//! without its account has none.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError};

use super::Engine;
use crate::catalog::{
    Change, Definition, DefinitionDocument, DefinitionError, DefinitionName, Expect, FieldError,
    POLICY_ID, Sort, StoreError, Wish, document,
};
use crate::domain::account::{Account, AccountUnit};
use crate::domain::campaign::Campaign;
use crate::domain::id::TenantId;
use crate::index::Definitions;

/// How many slots were made what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SlotsPut {
    /// They are new.
    pub created: usize,
    /// They accept another group now.
    pub edited: usize,
    /// They were so before.
    pub unchanged: usize,
}

impl Engine {
    /// Stores an account, a group, a slot or the policy. In force for the next request.
    ///
    /// # Errors
    /// When somebody else changed it first, or the document has mistakes.
    pub fn put_definition(
        &self,
        tenant: &TenantId,
        document: DefinitionDocument,
        expect: Expect,
        who: &str,
    ) -> Result<(Definition, Change), DefinitionError> {
        let _turn = self.office.lock().unwrap_or_else(PoisonError::into_inner);
        self.check_definition(tenant, &document).map_err(DefinitionError::Invalid)?;
        let groups = groups_of(&document).map(|(path, group)| (path.to_owned(), group));
        self.check_groups(tenant, groups.into_iter())?;
        let definition = Definition { tenant: tenant.clone(), version: 0, document };
        let wish = Wish::put(definition.document.clone(), expect);
        let name = wish.name.clone();
        let step = self.in_step();
        let granted = self.catalog.put_definitions(tenant, &[wish])?;
        self.index.change(|index| take_up_others(index, [&definition]));
        drop(step);
        let (change, version) = granted
            .first()
            .map_or((Change::Nothing, 0), |granted| (granted.change, granted.version));
        let what = format!("{} {}: {change:?}, version {version}", name.sort.name(), name.id);
        self.audit(who, what)?;
        Ok((Definition { version, ..definition }, change))
    }

    /// Stores many slots, whatever there was. In force for the next request.
    ///
    /// # Errors
    /// When one of them has mistakes; then nothing is stored. When the store fails, some may be.
    pub fn put_slots(
        &self,
        tenant: &TenantId,
        slots: Vec<document::SlotDocument>,
        who: &str,
    ) -> Result<SlotsPut, DefinitionError> {
        let _turn = self.office.lock().unwrap_or_else(PoisonError::into_inner);
        let groups = slots.iter().enumerate();
        let groups = groups.map(|(place, slot)| (format!("[{place}].group"), &*slot.group));
        self.check_groups(tenant, groups)?;
        let (mut all, mut mistakes) = (Vec::with_capacity(slots.len()), Vec::new());
        let mut ids = HashSet::new();
        for (place, slot) in slots.into_iter().enumerate() {
            if !ids.insert(slot.id.clone()) {
                mistakes
                    .push(mistake(&format!("[{place}].id"), "is in the list before".to_owned()));
            }
            if let Err(errors) = slot.compile() {
                mistakes.extend(errors.into_iter().map(|error| FieldError {
                    path: format!("[{place}].{}", error.path),
                    ..error
                }));
            }
            let document = DefinitionDocument::Slot(slot);
            all.push(Definition { tenant: tenant.clone(), version: 0, document });
        }
        if !mistakes.is_empty() {
            return Err(DefinitionError::Invalid(mistakes));
        }
        let wishes: Vec<Wish> =
            all.iter().map(|slot| Wish::put(slot.document.clone(), Expect::Any)).collect();
        let step = self.in_step();
        let granted = self.catalog.put_definitions(tenant, &wishes)?;
        self.index.change(|index| take_up_others(index, &all));
        drop(step);
        let mut put = SlotsPut::default();
        for granted in granted {
            match granted.change {
                Change::Created => put.created += 1,
                Change::Edited | Change::StatusOnly => put.edited += 1,
                Change::Nothing => put.unchanged += 1,
            }
        }
        self.audit(who, format!("slots: {} created, {} edited", put.created, put.edited))?;
        Ok(put)
    }

    /// Removes an account, a group, a slot or the policy; `false` when there was none. In force for
    /// the next request.
    ///
    /// # Errors
    /// When others name it, or somebody else changed it first.
    pub fn remove_definition(
        &self,
        tenant: &TenantId,
        name: &DefinitionName,
        expect: Expect,
        who: &str,
    ) -> Result<bool, DefinitionError> {
        let _turn = self.office.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(by) = named_by(&self.index.definitions(), tenant, name) {
            let DefinitionName { sort, id } = name.clone();
            return Err(DefinitionError::InUse { sort, id, by });
        }
        let wish = Wish { name: name.clone(), document: None, expect };
        let step = self.in_step();
        let granted = self.catalog.put_definitions(tenant, &[wish])?;
        self.index.change(|index| remove_other(index, tenant, name));
        drop(step);
        let was_there = granted.iter().any(|granted| granted.change != Change::Nothing);
        if was_there {
            self.audit(who, format!("{} {}: removed", name.sort.name(), name.id))?;
        }
        Ok(was_there)
    }

    /// An account, a group, a slot or the policy as it is stored.
    ///
    /// # Errors
    /// When the store fails.
    pub fn definition(
        &self,
        tenant: &TenantId,
        name: DefinitionName,
    ) -> Result<Option<Definition>, StoreError> {
        Ok(self.catalog.definitions_named(tenant, &[name])?.into_iter().flatten().next())
    }

    /// All of one sort, in the order of their ids.
    ///
    /// # Errors
    /// When the store fails.
    pub fn definitions_of(
        &self,
        tenant: &TenantId,
        sort: Sort,
    ) -> Result<Vec<Definition>, StoreError> {
        self.catalog.definitions_of(tenant, sort)
    }

    /// What a campaign names that does not exist, or does not go with it.
    pub(super) fn check_references(
        &self,
        tenant: &TenantId,
        campaign: &Campaign,
    ) -> Result<Vec<FieldError>, StoreError> {
        let mut mistakes = Vec::new();
        if let Some(id) = &campaign.account {
            let name = DefinitionName { sort: Sort::Account, id: id.to_string() };
            let account = self.definition(tenant, name)?.map(|found| found.document);
            let account = match &account {
                Some(DefinitionDocument::Account(account)) => account.compile().ok(),
                _ => None,
            };
            match account {
                None => mistakes.push(mistake("account", format!("there is no account {id}"))),
                Some(Account { unit: AccountUnit::Money(theirs), .. })
                    if campaign.currency.is_some_and(|own| own != theirs) =>
                {
                    let what = format!("is an account in {theirs}, which this campaign is not in");
                    mistakes.push(mistake("account", what));
                }
                Some(Account { unit: AccountUnit::Points, pays_minor: None, .. })
                    if campaign.draws_from_account() =>
                {
                    let what =
                        format!("is {id}, whose points pay nothing: say what one pays there");
                    mistakes.push(mistake("account", what));
                }
                Some(_) => {}
            }
        }
        let groups = campaign.groups.iter().enumerate();
        let groups = groups.map(|(place, group)| (format!("groups[{place}]"), &**group));
        mistakes.extend(self.unknown_groups(tenant, groups)?);
        Ok(mistakes)
    }

    fn check_definition(
        &self,
        tenant: &TenantId,
        document: &DefinitionDocument,
    ) -> Result<(), Vec<FieldError>> {
        match document {
            DefinitionDocument::Group(group) => group.compile().map(drop),
            DefinitionDocument::Slot(slot) => slot.compile().map(drop),
            DefinitionDocument::Policy(policy) => policy.compile().map(drop),
            DefinitionDocument::Account(account) => {
                let account = account.compile()?;
                let definitions = self.index.definitions();
                let known = definitions.account(tenant, &account.id);
                if known.is_none_or(|known| known.unit == account.unit) {
                    return Ok(());
                }
                let name = DefinitionName { sort: Sort::Account, id: account.id.to_string() };
                match named_by(&definitions, tenant, &name) {
                    None => Ok(()),
                    Some(by) => {
                        let what = format!("cannot be changed, nor its currency: {by}");
                        Err(vec![mistake("unit", what)])
                    }
                }
            }
        }
    }

    fn check_groups<'a>(
        &self,
        tenant: &TenantId,
        groups: impl Iterator<Item = (String, &'a str)>,
    ) -> Result<(), DefinitionError> {
        let mistakes = self.unknown_groups(tenant, groups)?;
        if mistakes.is_empty() { Ok(()) } else { Err(DefinitionError::Invalid(mistakes)) }
    }

    /// Those of these groups that do not exist, as mistakes at their paths.
    fn unknown_groups<'a>(
        &self,
        tenant: &TenantId,
        groups: impl Iterator<Item = (String, &'a str)>,
    ) -> Result<Vec<FieldError>, StoreError> {
        let definitions = self.index.definitions();
        let unknown: Vec<(String, DefinitionName)> = groups
            .filter(|(_, group)| definitions.group(tenant, group).is_none())
            .map(|(path, id)| (path, DefinitionName { sort: Sort::Group, id: id.to_owned() }))
            .collect();
        if unknown.is_empty() {
            return Ok(Vec::new());
        }
        // Another node may have defined them a moment ago.
        let names: Vec<DefinitionName> = unknown.iter().map(|(_, name)| name.clone()).collect();
        let found = self.catalog.definitions_named(tenant, &names)?;
        let missing = unknown.into_iter().zip(found).filter(|(_, found)| found.is_none());
        let wrong = |((path, name), _): ((String, DefinitionName), _)| {
            mistake(&path, format!("there is no group {}", name.id))
        };
        Ok(missing.map(wrong).collect())
    }

    /// Takes up what these definitions say now.
    pub(super) fn reread_others(
        &self,
        tenant: &TenantId,
        names: &[DefinitionName],
    ) -> Result<(), StoreError> {
        let _step = self.in_step();
        let found = self.catalog.definitions_named(tenant, names)?;
        self.index.change(|index| {
            for (name, _) in names.iter().zip(&found).filter(|(_, found)| found.is_none()) {
                remove_other(index, tenant, name);
            }
            take_up_others(index, found.iter().flatten());
        });
        Ok(())
    }
}

/// Lets requests see definitions. Each was checked when it was stored.
pub(super) fn take_up_others<'a>(
    index: &mut Definitions,
    others: impl IntoIterator<Item = &'a Definition>,
) {
    let mut slots: HashMap<&TenantId, Vec<_>> = HashMap::new();
    for Definition { tenant, document, .. } in others {
        let taken = match document {
            DefinitionDocument::Account(account) => account.compile().map(|account| {
                index.put_account(tenant, Arc::new(account));
            }),
            DefinitionDocument::Group(group) => group.compile().map(|group| {
                index.put_group(tenant, Arc::new(group));
            }),
            DefinitionDocument::Policy(policy) => policy.compile().map(|compiled| {
                index.put_policy(tenant, compiled, policy.default_group.as_deref());
            }),
            DefinitionDocument::Slot(slot) => {
                let slot = (slot.id.as_str().into(), Some(slot.group.as_str().into()));
                slots.entry(tenant).or_default().push(slot);
                Ok(())
            }
        };
        if let Err(errors) = taken {
            let (sort, id) = (document.sort().name(), document.id());
            tracing::error!(%tenant, sort, id, ?errors, "a definition is left out of the index");
        }
    }
    for (tenant, slots) in slots {
        index.put_slots(tenant, slots);
    }
}

fn remove_other(index: &mut Definitions, tenant: &TenantId, name: &DefinitionName) {
    match name.sort {
        Sort::Account => index.remove_account(tenant, &name.id),
        Sort::Group => index.remove_group(tenant, &name.id),
        Sort::Slot => index.put_slots(tenant, [(name.id.as_str().into(), None)]),
        Sort::Policy => index.put_policy(tenant, crate::domain::policy::Policy::default(), None),
    }
}

/// Who names a definition, in words. Slots and policies are named by nobody.
fn named_by(definitions: &Definitions, tenant: &TenantId, name: &DefinitionName) -> Option<String> {
    let id = name.id.as_str();
    let named = |campaign: &Campaign| match name.sort {
        Sort::Account => campaign.account.as_deref() == Some(id),
        Sort::Group => campaign.groups.iter().any(|group| **group == *id),
        Sort::Slot | Sort::Policy => false,
    };
    // Codes that were issued under an earlier version are worth what it says.
    let campaigns = match name.sort {
        Sort::Account => definitions.versions(tenant).find(|campaign| named(campaign)),
        Sort::Group | Sort::Slot | Sort::Policy => {
            definitions.campaigns(tenant).find(|campaign| named(campaign))
        }
    };
    if let Some(campaign) = campaigns {
        return Some(format!("campaign {} names it", campaign.id));
    }
    if name.sort != Sort::Group {
        return None;
    }
    if definitions.default_group(tenant) == Some(id) {
        return Some("the policy names it as the default group".to_owned());
    }
    definitions.slot_of_group(tenant, id).map(|slot| format!("slot {slot} names it"))
}

/// The groups that a document names, with their paths.
fn groups_of(document: &DefinitionDocument) -> Option<(&'static str, &str)> {
    match document {
        DefinitionDocument::Slot(slot) => Some(("group", &slot.group)),
        DefinitionDocument::Policy(policy) => {
            Some(("default_group", policy.default_group.as_deref()?))
        }
        DefinitionDocument::Account(_) | DefinitionDocument::Group(_) => None,
    }
}

fn mistake(path: &str, message: String) -> FieldError {
    FieldError { path: path.to_owned(), message, suggestion: None }
}

/// The name of a tenant's policy.
#[must_use]
pub fn policy_name() -> DefinitionName {
    DefinitionName { sort: Sort::Policy, id: POLICY_ID.to_owned() }
}
