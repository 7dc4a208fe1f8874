//! The small records in Redis: series of serials, overrides, tokens and the audit log.

use crate::domain::campaign::CodeState;
use crate::domain::code::CodeKey;

use super::super::bytes::{decode, encode, exactly};
use super::super::{AuditEntry, CatalogChange, Override, SeriesError, StoreError, Token};
use super::{Commit, Decision, Redis, of, whole};

/// Keys in one piece of news.
pub(super) const KEYS_IN_NEWS: usize = 1_000;

impl Redis {
    pub(in crate::catalog) fn reserve(
        &self,
        shape: [u8; 16],
        count: u64,
        capacity: u64,
    ) -> Result<u64, SeriesError> {
        self.optimistically(|| {
            let record = self.field("series", &shape)?;
            let first = match &record {
                Some(next) => u64::from_be_bytes(exactly(next, "a series")?),
                None => 0,
            };
            let left = capacity.saturating_sub(first);
            if count > left {
                return Err(SeriesError::Exhausted { left, count });
            }
            let mut commit = Commit::default();
            commit.expect("series", &shape, record.as_deref());
            commit.set("series", &shape, (first + count).to_be_bytes().to_vec());
            Ok(Decision::Write(commit, first))
        })
    }

    pub(in crate::catalog) fn put_overrides(
        &self,
        overrides: &[(CodeKey, Override)],
    ) -> Result<(), StoreError> {
        self.write(overriding(overrides)?)
    }

    pub(in crate::catalog) fn change_override<E: From<StoreError>>(
        &self,
        key: &CodeKey,
        mut decide: impl FnMut(Option<Override>) -> Result<Vec<(CodeKey, Override)>, E>,
    ) -> Result<Vec<(CodeKey, Override)>, E> {
        self.optimistically(|| {
            let record = self.field("overrides", key.as_bytes())?;
            let own = record.as_deref().map(|own| decode("an override", own)).transpose()?;
            let overrides = decide(own)?;
            let mut commit = overriding(&overrides)?;
            commit.expect("overrides", key.as_bytes(), record.as_deref());
            Ok(Decision::Write(commit, overrides))
        })
    }

    pub(in crate::catalog) fn overrides_of(
        &self,
        keys: &[CodeKey],
    ) -> Result<Vec<Option<Override>>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let fields: Vec<&[u8]> = keys.iter().map(|key| key.as_bytes().as_slice()).collect();
        let records: Vec<Option<Vec<u8>>> =
            self.ask("overrides", of("HMGET", "overrides", &fields))?;
        let own = |own: Option<Vec<u8>>| own.map(|own| decode("an override", &own)).transpose();
        records.into_iter().map(own).collect()
    }

    pub(in crate::catalog) fn override_of(
        &self,
        key: &CodeKey,
    ) -> Result<Option<Override>, StoreError> {
        let own = self.field("overrides", key.as_bytes())?;
        own.map(|own| decode("an override", &own)).transpose()
    }

    pub(in crate::catalog) fn overrides(
        &self,
        after: Option<CodeKey>,
        count: usize,
    ) -> Result<Vec<(CodeKey, Override)>, StoreError> {
        let after =
            after.map_or_else(|| b"-".to_vec(), |key| [b"(".as_slice(), key.as_bytes()].concat());
        let count = i64::try_from(count).unwrap_or(i64::MAX).to_string();
        let page = [after.as_slice(), b"+", b"LIMIT", b"0", count.as_bytes()];
        let keys: Vec<Vec<u8>> =
            self.ask("override_keys", of("ZRANGEBYLEX", "override_keys", &page))?;
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let records: Vec<Option<Vec<u8>>> =
            self.ask("overrides", of("HMGET", "overrides", &keys))?;
        let own = |(key, record): (Vec<u8>, Option<Vec<u8>>)| {
            let key = CodeKey::from_bytes(exactly(&key, "an override's key")?);
            // It was removed since its key was read.
            let Some(record) = record else { return Ok(None) };
            Ok(Some((key, decode("an override", &record)?)))
        };
        keys.into_iter().zip(records).map(own).filter_map(Result::transpose).collect()
    }

    pub(in crate::catalog) fn put_token(
        &self,
        id: [u8; 16],
        record: &[u8],
    ) -> Result<(), StoreError> {
        let mut commit = Commit::default();
        commit.set("tokens", &id, record.to_vec());
        commit.tell(&CatalogChange::Token { id })?;
        self.write(commit)
    }

    pub(in crate::catalog) fn change_token<E: From<StoreError>>(
        &self,
        id: [u8; 16],
        mut decide: impl FnMut(Option<Vec<u8>>) -> Result<Option<Vec<u8>>, E>,
    ) -> Result<(), E> {
        self.optimistically(|| {
            let found = self.field("tokens", &id)?;
            let mut commit = Commit::default();
            commit.expect("tokens", &id, found.as_deref());
            match decide(found)? {
                Some(record) => commit.set("tokens", &id, record),
                None => commit.unset("tokens", &id),
            }
            commit.tell(&CatalogChange::Token { id })?;
            Ok(Decision::Write(commit, ()))
        })
    }

    pub(in crate::catalog) fn remove_tokens(&self, ids: &[[u8; 16]]) -> Result<(), StoreError> {
        for ids in ids.chunks(KEYS_IN_NEWS) {
            let mut commit = Commit::default();
            for id in ids {
                commit.unset("tokens", id);
                commit.tell(&CatalogChange::Token { id: *id })?;
            }
            self.write(commit)?;
        }
        Ok(())
    }

    pub(in crate::catalog) fn tokens_of(
        &self,
        ids: &[[u8; 16]],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<&[u8]> = ids.iter().map(<[u8; 16]>::as_slice).collect();
        self.ask("tokens", of("HMGET", "tokens", &ids))
    }

    pub(in crate::catalog) fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        let records: Vec<(Vec<u8>, Vec<u8>)> = self.ask("tokens", whole("HGETALL", "tokens"))?;
        let token = |(id, record): (Vec<u8>, Vec<u8>)| {
            Ok(Token { id: exactly(&id, "a token's id")?, record })
        };
        let tokens: Result<Vec<_>, StoreError> = records.into_iter().map(token).collect();
        let mut tokens = tokens?;
        tokens.sort_by_key(|token| token.id);
        Ok(tokens)
    }

    pub(in crate::catalog) fn append_audit(
        &self,
        entries: &[AuditEntry],
    ) -> Result<(), StoreError> {
        let mut commit = Commit::default();
        for entry in entries {
            commit.push("audit", encode(entry)?);
        }
        self.write(commit)
    }

    pub(in crate::catalog) fn audit(
        &self,
        before: Option<u64>,
        count: usize,
    ) -> Result<Vec<(u64, AuditEntry)>, StoreError> {
        let last: u64 = self.ask("audit", whole("LLEN", "audit"))?;
        // The line with number n is at place n - 1.
        let end = before.map_or(last, |before| before.saturating_sub(1).min(last));
        let begin = end.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
        if begin == end {
            return Ok(Vec::new());
        }
        let records: Vec<Vec<u8>> = self.ask("audit", of("LRANGE", "audit", &[begin, end - 1]))?;
        let lines = records.iter().rev().zip((begin + 1..=end).rev());
        lines.map(|(entry, line)| Ok((line, decode("an audit line", entry)?))).collect()
    }
}

/// Stores what one code has different.
pub(super) fn override_one(
    commit: &mut Commit,
    key: &CodeKey,
    own: &Override,
) -> Result<(), StoreError> {
    commit.set("overrides", key.as_bytes(), encode(own)?);
    commit.sort("override_keys", 0, key.as_bytes());
    Ok(())
}

/// What stores overrides and tells of them.
fn overriding(overrides: &[(CodeKey, Override)]) -> Result<Commit, StoreError> {
    let mut commit = Commit::default();
    for (key, own) in overrides {
        override_one(&mut commit, key, own)?;
    }
    let keys = |is_live: bool| {
        let wanted = overrides.iter().filter(|own| (own.1.state == CodeState::Live) == is_live);
        wanted.map(|(key, _)| *key).collect::<Vec<_>>()
    };
    for keys in keys(false).chunks(KEYS_IN_NEWS) {
        commit.tell_first(&CatalogChange::Overridden { keys: keys.to_vec() })?;
    }
    for keys in keys(true).chunks(KEYS_IN_NEWS) {
        commit.tell(&CatalogChange::Overridden { keys: keys.to_vec() })?;
    }
    Ok(commit)
}
