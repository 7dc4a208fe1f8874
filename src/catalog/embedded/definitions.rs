//! Definitions in the embedded store.

use crate::domain::id::TenantId;

use super::super::definition::{definition, definition_key, definition_prefix, grant, tenant_of};
use super::super::{Definition, DefinitionError, DefinitionName, Granted, Sort, StoreError, Wish};
use super::Embedded;

impl Embedded {
    pub(in crate::catalog) fn put_definitions(
        &self,
        tenant: &TenantId,
        wishes: &[Wish],
    ) -> Result<Vec<Granted>, DefinitionError> {
        let _turn = self.turn();
        let mut writes = self.db.batch();
        let mut all = Vec::with_capacity(wishes.len());
        for wish in wishes {
            let key = definition_key(tenant, &wish.name);
            let (granted, record) = grant(wish, self.definitions.get(&key)?.as_deref())?;
            if let Some(record) = record {
                writes.insert(&self.definitions, key, record);
            }
            all.push(granted);
        }
        if !writes.is_empty() {
            Self::commit(writes)?;
        }
        Ok(all)
    }

    pub(in crate::catalog) fn definitions_named(
        &self,
        tenant: &TenantId,
        names: &[DefinitionName],
    ) -> Result<Vec<Option<Definition>>, StoreError> {
        let one = |name| match self.definitions.get(definition_key(tenant, name))? {
            Some(record) => definition(tenant, &record),
            None => Ok(None),
        };
        names.iter().map(one).collect()
    }

    pub(in crate::catalog) fn definitions_of(
        &self,
        tenant: &TenantId,
        sort: Sort,
    ) -> Result<Vec<Definition>, StoreError> {
        let all = self.definitions.prefix(definition_prefix(tenant, sort));
        let one = |item: fjall::Guard| definition(tenant, &item.value()?);
        all.map(one).filter_map(Result::transpose).collect()
    }

    /// Those of all tenants.
    pub(super) fn all_definitions(&self) -> Result<Vec<Definition>, StoreError> {
        let one = |item: fjall::Guard| {
            let (key, record) = item.into_inner()?;
            definition(&tenant_of(&key)?, &record)
        };
        self.definitions.iter().map(one).filter_map(Result::transpose).collect()
    }
}
