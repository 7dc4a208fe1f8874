//! Definitions in Redis.

use crate::domain::id::TenantId;

use super::super::archive::Pair;
use super::super::definition::{definition, definition_key, definition_prefix, grant, tenant_of};
use super::super::{
    CatalogChange, Definition, DefinitionError, DefinitionName, Granted, Sort, StoreError, Wish,
};
use super::{Commit, Decision, Redis, of, whole};

/// Definitions that are written in one step: some milliseconds of the server's time.
const WISHES_AT_ONCE: usize = 500;

/// Definitions that are asked for in one command.
const NAMES_AT_ONCE: usize = 1_000;

impl Redis {
    pub(in crate::catalog) fn put_definitions(
        &self,
        tenant: &TenantId,
        wishes: &[Wish],
    ) -> Result<Vec<Granted>, DefinitionError> {
        let mut all = Vec::with_capacity(wishes.len());
        for wishes in wishes.chunks(WISHES_AT_ONCE) {
            all.extend(self.optimistically(|| self.granting(tenant, wishes))?);
        }
        Ok(all)
    }

    fn granting(
        &self,
        tenant: &TenantId,
        wishes: &[Wish],
    ) -> Result<Decision<Vec<Granted>>, DefinitionError> {
        let keys: Vec<String> =
            wishes.iter().map(|wish| definition_key(tenant, &wish.name)).collect();
        let records: Vec<Option<Vec<u8>>> =
            self.ask("definitions", of("HMGET", "definitions", &keys))?;
        let mut commit = Commit::default();
        let (mut all, mut names) = (Vec::with_capacity(wishes.len()), Vec::new());
        for ((wish, key), there) in wishes.iter().zip(&keys).zip(records) {
            let (granted, record) = grant(wish, there.as_deref())?;
            if let Some(record) = record {
                commit.expect("definitions", key.as_bytes(), there.as_deref());
                commit.set("definitions", key.as_bytes(), record);
                names.push(wish.name.clone());
            }
            all.push(granted);
        }
        if names.is_empty() {
            return Ok(Decision::Answer(all));
        }
        commit.tell(&CatalogChange::Definitions { tenant: tenant.clone(), names })?;
        Ok(Decision::Write(commit, all))
    }

    pub(in crate::catalog) fn definitions_named(
        &self,
        tenant: &TenantId,
        names: &[DefinitionName],
    ) -> Result<Vec<Option<Definition>>, StoreError> {
        let mut all = Vec::with_capacity(names.len());
        for names in names.chunks(NAMES_AT_ONCE) {
            let keys: Vec<String> = names.iter().map(|name| definition_key(tenant, name)).collect();
            let records: Vec<Option<Vec<u8>>> =
                self.ask("definitions", of("HMGET", "definitions", &keys))?;
            for record in records {
                let found = record.map(|record| definition(tenant, &record)).transpose()?;
                all.push(found.flatten());
            }
        }
        Ok(all)
    }

    pub(in crate::catalog) fn definitions_of(
        &self,
        tenant: &TenantId,
        sort: Sort,
    ) -> Result<Vec<Definition>, StoreError> {
        let prefix = definition_prefix(tenant, sort);
        let mut records = self.definition_records()?;
        records.retain(|(key, _)| key.starts_with(prefix.as_bytes()));
        let one = |(_, record): (_, Vec<u8>)| definition(tenant, &record).transpose();
        records.into_iter().filter_map(one).collect()
    }

    /// Those of all tenants.
    pub(super) fn all_definitions(&self) -> Result<Vec<Definition>, StoreError> {
        let one = |(key, record): (Vec<u8>, Vec<u8>)| definition(&tenant_of(&key)?, &record);
        self.definition_records()?.into_iter().map(one).filter_map(Result::transpose).collect()
    }

    /// In the order of their keys.
    fn definition_records(&self) -> Result<Vec<Pair>, StoreError> {
        let mut records: Vec<Pair> = self.ask("definitions", whole("HGETALL", "definitions"))?;
        records.sort_unstable();
        Ok(records)
    }
}
