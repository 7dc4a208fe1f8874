//! The small records: series of serials, overrides, tokens and the audit log.

use std::ops::Bound;

use crate::domain::code::CodeKey;

use super::super::bytes::{decode, encode, exactly};
use super::super::{AuditEntry, Override, SeriesError, StoreError, Token};
use super::Embedded;

impl Embedded {
    pub(in crate::catalog) fn reserve(
        &self,
        shape: [u8; 16],
        count: u64,
        capacity: u64,
    ) -> Result<u64, SeriesError> {
        let _turn = self.turn();
        let first = match self.series.get(shape)? {
            Some(next) => u64::from_be_bytes(exactly(&next, "a series")?),
            None => 0,
        };
        let left = capacity.saturating_sub(first);
        if count > left {
            return Err(SeriesError::Exhausted { left, count });
        }
        let mut writes = self.db.batch();
        writes.insert(&self.series, shape, (first + count).to_be_bytes());
        Self::commit(writes)?;
        Ok(first)
    }

    pub(in crate::catalog) fn put_overrides(
        &self,
        overrides: &[(CodeKey, Override)],
    ) -> Result<(), StoreError> {
        let _turn = self.turn();
        self.write_overrides(overrides)
    }

    pub(in crate::catalog) fn change_override<E: From<StoreError>>(
        &self,
        key: &CodeKey,
        mut decide: impl FnMut(Option<Override>) -> Result<Vec<(CodeKey, Override)>, E>,
    ) -> Result<Vec<(CodeKey, Override)>, E> {
        let _turn = self.turn();
        let overrides = decide(self.override_of(key)?)?;
        self.write_overrides(&overrides)?;
        Ok(overrides)
    }

    fn write_overrides(&self, overrides: &[(CodeKey, Override)]) -> Result<(), StoreError> {
        let mut writes = self.db.batch();
        for (key, own) in overrides {
            writes.insert(&self.overrides, *key.as_bytes(), encode(own)?);
        }
        Self::commit(writes)
    }

    pub(in crate::catalog) fn overrides_of(
        &self,
        keys: &[CodeKey],
    ) -> Result<Vec<Option<Override>>, StoreError> {
        keys.iter().map(|key| self.override_of(key)).collect()
    }

    pub(in crate::catalog) fn override_of(
        &self,
        key: &CodeKey,
    ) -> Result<Option<Override>, StoreError> {
        let own = self.overrides.get(key.as_bytes())?;
        own.map(|own| decode("an override", &own)).transpose()
    }

    pub(in crate::catalog) fn overrides(
        &self,
        after: Option<CodeKey>,
        count: usize,
    ) -> Result<Vec<(CodeKey, Override)>, StoreError> {
        let after = after.map_or(Bound::Unbounded, |key| Bound::Excluded(*key.as_bytes()));
        let items = self.overrides.range((after, Bound::Unbounded)).take(count);
        items.map(|item| override_from(item.into_inner()?)).collect()
    }

    /// All overrides in the order of their keys.
    pub(super) fn all_overrides(
        &self,
    ) -> impl Iterator<Item = Result<(CodeKey, Override), StoreError>> {
        self.overrides.iter().map(|item| override_from(item.into_inner()?))
    }

    pub(in crate::catalog) fn put_token(
        &self,
        id: [u8; 16],
        record: &[u8],
    ) -> Result<(), StoreError> {
        let mut writes = self.db.batch();
        writes.insert(&self.tokens, id, record);
        let _turn = self.turn();
        Self::commit(writes)
    }

    pub(in crate::catalog) fn change_token<E: From<StoreError>>(
        &self,
        id: [u8; 16],
        mut decide: impl FnMut(Option<Vec<u8>>) -> Result<Option<Vec<u8>>, E>,
    ) -> Result<(), E> {
        let _turn = self.turn();
        let found = self.tokens.get(id).map_err(StoreError::from)?;
        let mut writes = self.db.batch();
        match decide(found.map(|record| record.to_vec()))? {
            Some(record) => writes.insert(&self.tokens, id, record),
            None => writes.remove(&self.tokens, id),
        }
        Ok(Self::commit(writes)?)
    }

    pub(in crate::catalog) fn remove_tokens(&self, ids: &[[u8; 16]]) -> Result<(), StoreError> {
        let _turn = self.turn();
        let mut writes = self.db.batch();
        for id in ids {
            writes.remove(&self.tokens, *id);
        }
        Self::commit(writes)
    }

    pub(in crate::catalog) fn tokens_of(
        &self,
        ids: &[[u8; 16]],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let record = |id: &[u8; 16]| Ok(self.tokens.get(id)?.map(|record| record.to_vec()));
        ids.iter().map(record).collect()
    }

    pub(in crate::catalog) fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        let token = |item: fjall::Guard| {
            let (id, record) = item.into_inner()?;
            Ok(Token { id: exactly(&id, "a token's id")?, record: record.to_vec() })
        };
        self.tokens.iter().map(token).collect()
    }

    pub(in crate::catalog) fn append_audit(
        &self,
        entries: &[AuditEntry],
    ) -> Result<(), StoreError> {
        let _turn = self.turn();
        let last = self.audit.last_key_value().map(|item| item.key()).transpose()?;
        let next = match last {
            Some(key) => u64::from_be_bytes(exactly(&key, "an audit line's number")?) + 1,
            None => 1,
        };
        let mut writes = self.db.batch();
        for (entry, line) in entries.iter().zip(next..) {
            writes.insert(&self.audit, line.to_be_bytes(), encode(entry)?);
        }
        Self::commit(writes)
    }

    pub(in crate::catalog) fn audit(
        &self,
        before: Option<u64>,
        count: usize,
    ) -> Result<Vec<(u64, AuditEntry)>, StoreError> {
        let before = before.map_or(Bound::Unbounded, |line| Bound::Excluded(line.to_be_bytes()));
        let lines = self.audit.range((Bound::Unbounded, before)).rev().take(count);
        let entry = |item: fjall::Guard| {
            let (line, entry) = item.into_inner()?;
            let line = u64::from_be_bytes(exactly(&line, "an audit line's number")?);
            Ok((line, decode("an audit line", &entry)?))
        };
        lines.map(entry).collect()
    }
}

fn override_from((key, own): fjall::KvPair) -> Result<(CodeKey, Override), StoreError> {
    let key = CodeKey::from_bytes(exactly(&key, "an override's key")?);
    Ok((key, decode("an override", &own)?))
}
