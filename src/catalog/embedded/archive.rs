//! The embedded store's records as they are.

use fjall::{Keyspace, PersistMode};

use super::super::StoreError;
use super::super::archive::{Pair, Table, Take};
use super::super::bytes::exactly;
use super::Embedded;

impl Embedded {
    fn table(&self, table: Table) -> &Keyspace {
        match table {
            Table::Overrides => &self.overrides,
            Table::Tokens => &self.tokens,
            Table::Series => &self.series,
            Table::Requests => &self.requests,
            Table::Keys => &self.code_keys,
            Table::Texts => &self.code_texts,
            Table::Batches => &self.batches,
            Table::Audit => &self.audit,
            Table::Versions => &self.versions,
            Table::Campaigns => &self.campaigns,
            Table::Definitions => &self.definitions,
        }
    }

    pub(in crate::catalog) fn each_record(
        &self,
        table: Table,
        take: &mut Take<'_>,
    ) -> Result<(), StoreError> {
        for item in self.table(table).iter() {
            let (key, value) = item.into_inner()?;
            take(key.to_vec(), value.to_vec())?;
        }
        Ok(())
    }

    pub(in crate::catalog) fn put_records(
        &self,
        table: Table,
        records: &[Pair],
    ) -> Result<(), StoreError> {
        let _turn = self.turn();
        let keyspace = self.table(table);
        let mut writes = self.db.batch();
        if table == Table::Audit {
            let last = match self.audit.last_key_value() {
                Some(last) => u64::from_be_bytes(exactly(&last.key()?, "an audit line's number")?),
                None => 0,
            };
            for ((_, value), line) in records.iter().zip(last + 1..) {
                writes.insert(keyspace, line.to_be_bytes(), value.as_slice());
            }
        } else {
            for (key, value) in records {
                writes.insert(keyspace, key.as_slice(), value.as_slice());
            }
        }
        Ok(writes.durability(Some(PersistMode::Buffer)).commit()?)
    }
}
