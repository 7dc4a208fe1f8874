//! The records in Redis as they are.

use redis::Cmd;

use super::super::StoreError;
use super::super::archive::{Pair, Table, Take};
use super::super::block::{block_key, block_of};
use super::batches::{block_name, blocks_name};
use super::link::as_a;
use super::{Commit, Redis, of, whole};

/// Records, or lines, that are asked for at once.
const RECORDS_AT_ONCE: usize = 1_000;

/// Blocks that are asked for at once: some megabytes.
const BLOCKS_AT_ONCE: usize = 32;

impl Redis {
    pub(in crate::catalog) fn each_record(
        &self,
        table: Table,
        take: &mut Take<'_>,
    ) -> Result<(), StoreError> {
        match table {
            Table::Overrides => self.each_override(take)?,
            Table::Keys => self.each_block("keys", take)?,
            Table::Texts => self.each_block("texts", take)?,
            Table::Audit => self.each_line(take)?,
            Table::Tokens => self.each_field("tokens", take)?,
            Table::Series => self.each_field("series", take)?,
            Table::Requests => self.each_field("requests", take)?,
            Table::Batches => self.each_field("batches", take)?,
            Table::Versions => self.each_field("versions", take)?,
            Table::Campaigns => self.each_field("campaigns", take)?,
            Table::Definitions => self.each_field("definitions", take)?,
        }
        // Emptied meanwhile, it would look like less.
        self.check_epoch()
    }

    fn each_field(&self, hash: &str, take: &mut Take<'_>) -> Result<(), StoreError> {
        let mut fields: Vec<Vec<u8>> = self.ask(hash, whole("HKEYS", hash))?;
        fields.sort_unstable();
        for fields in fields.chunks(RECORDS_AT_ONCE) {
            let values: Vec<Option<Vec<u8>>> = self.ask(hash, of("HMGET", hash, fields))?;
            for (field, value) in fields.iter().zip(values) {
                let missing = || StoreError::Damaged(format!("a record of {hash} is missing"));
                take(field.clone(), value.ok_or_else(missing)?)?;
            }
        }
        Ok(())
    }

    fn each_override(&self, take: &mut Take<'_>) -> Result<(), StoreError> {
        let mut after = b"-".to_vec();
        loop {
            let count = RECORDS_AT_ONCE.to_string();
            let page = [after.as_slice(), b"+", b"LIMIT", b"0", count.as_bytes()];
            let keys: Vec<Vec<u8>> =
                self.ask("override_keys", of("ZRANGEBYLEX", "override_keys", &page))?;
            let Some(last) = keys.last() else { return Ok(()) };
            after = [b"(".as_slice(), last].concat();
            let values: Vec<Option<Vec<u8>>> =
                self.ask("overrides", of("HMGET", "overrides", &keys))?;
            for (key, value) in keys.into_iter().zip(values) {
                // Without a value it was removed since its key was read.
                if let Some(value) = value {
                    take(key, value)?;
                }
            }
        }
    }

    fn each_block(&self, field: &str, take: &mut Take<'_>) -> Result<(), StoreError> {
        for batch in self.batches()? {
            let range = ["0", "-1"];
            let blocks = of("ZRANGE", &blocks_name(batch.number), &range);
            let firsts: Vec<u32> = self.ask("blocks", blocks)?;
            for firsts in firsts.chunks(BLOCKS_AT_ONCE) {
                let asked = |first: &u32| of("HGET", &block_name(batch.number, *first), &[field]);
                let values = self.call(firsts.iter().map(asked).collect())?;
                for (first, value) in firsts.iter().zip(values) {
                    let value: Option<Vec<u8>> = as_a("a block", value)?;
                    match value {
                        Some(value) => take(block_key(batch.number, *first).to_vec(), value)?,
                        None => self.check_removed(batch.number, *first)?,
                    }
                }
            }
        }
        Ok(())
    }

    fn each_line(&self, take: &mut Take<'_>) -> Result<(), StoreError> {
        let mut next = 0;
        loop {
            let range = [next, next + RECORDS_AT_ONCE - 1];
            let lines: Vec<Vec<u8>> = self.ask("audit", of("LRANGE", "audit", &range))?;
            if lines.is_empty() {
                return Ok(());
            }
            for line in lines {
                next += 1;
                take((next as u64).to_be_bytes().to_vec(), line)?;
            }
        }
    }

    pub(in crate::catalog) fn put_records(
        &self,
        table: Table,
        records: &[Pair],
    ) -> Result<(), StoreError> {
        let _turn = self.turn();
        self.check_epoch()?;
        let name = match table {
            Table::Audit => {
                // Appending twice would be twice: this is done once, however often it is sent.
                let mut commit = Commit::default();
                records.iter().for_each(|(_, line)| commit.push("audit", line.clone()));
                return self.write(commit);
            }
            Table::Keys => return self.put_blocks("keys", records),
            Table::Texts => return self.put_blocks("texts", records),
            Table::Overrides => "overrides",
            Table::Tokens => "tokens",
            Table::Series => "series",
            Table::Requests => "requests",
            Table::Batches => "batches",
            Table::Versions => "versions",
            Table::Campaigns => "campaigns",
            Table::Definitions => "definitions",
        };
        let mut commands = Vec::with_capacity(records.len() + 1);
        if table == Table::Overrides && !records.is_empty() {
            let mut sorted = whole("ZADD", "override_keys");
            for (key, _) in records {
                sorted.arg(0).arg(key);
            }
            commands.push(sorted);
        }
        commands.extend(records.iter().map(|(key, value)| of("HSET", name, &[key, value])));
        self.call(commands).map(drop)
    }

    fn put_blocks(&self, field: &str, records: &[Pair]) -> Result<(), StoreError> {
        let mut commands: Vec<Cmd> = Vec::with_capacity(2 * records.len());
        for (key, value) in records {
            let (batch, first) = block_of(key)?;
            let block = [field.as_bytes(), value.as_slice()];
            commands.push(of("HSET", &block_name(batch, first), &block));
            let first = first.to_string();
            commands.push(of("ZADD", &blocks_name(batch), &[&first, &first]));
        }
        self.call(commands).map(drop)
    }
}
