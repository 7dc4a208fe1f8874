//! Single codes in Redis: one that a request asks for, and many that nobody used.

use std::collections::BTreeSet;

use crate::domain::code::CodeKey;
use crate::domain::id::{RequestId, TenantId};

use super::super::block::{
    Thinned, batch_of, block_key, lies, packed, place, place_codes, request_key, thinned,
};
use super::super::bytes::encode;
use super::super::{
    Batch, BatchError, CatalogChange, Issued, Lies, NonceBytes, Single, StoreError,
};
use super::batches::{block_name, blocks_name};
use super::records::{KEYS_IN_NEWS, override_one};
use super::{Commit, Decision, Redis, of};

impl Redis {
    pub(in crate::catalog) fn issued_by(
        &self,
        tenant: &TenantId,
        request: RequestId,
    ) -> Result<Option<Lies>, BatchError> {
        let Some(record) = self.field("requests", &request_key(tenant, request))? else {
            return Ok(None);
        };
        let batch = batch_of(&record)?;
        lies(&record)?.map(Some).ok_or(BatchError::RequestMismatch { batch })
    }

    pub(in crate::catalog) fn issue_one(
        &self,
        batch: u32,
        single: &Single,
        mut nonce: NonceBytes,
    ) -> Result<Issued, BatchError> {
        let (keys, texts) = packed(&[(single.key, single.text.as_str())])?;
        let request = request_key(&single.tenant, single.request);
        self.optimistically(|| {
            if let Some(lies) = self.issued_by(&single.tenant, single.request)? {
                return Ok(Decision::Answer(Issued::Before(lies)));
            }
            let (mut batch, record) =
                self.batch_record(batch)?.ok_or(BatchError::Unknown(batch))?;
            let position = place_codes(&mut batch, None, 1)?;
            let number = batch.number;
            let block = block_key(number, position);
            let sealed = self.seal.seal(nonce, &place(&block), &texts).map_err(StoreError::from)?;
            // At another place the same text is sealed with another nonce.
            if let Some(last) = nonce.last_chunk_mut::<4>() {
                *last = u32::from_be_bytes(*last).wrapping_add(1).to_be_bytes();
            }
            let mut commit = Commit::default();
            commit.expect("requests", &request, None);
            commit.expect("batches", &number.to_be_bytes(), Some(&record));
            commit.set("requests", &request, block.to_vec());
            override_one(&mut commit, &single.key, &single.own)?;
            commit.set("batches", &number.to_be_bytes(), encode(&batch)?);
            commit.set(&block_name(number, position), b"keys", keys.clone());
            commit.set(&block_name(number, position), b"texts", sealed);
            commit.sort(&blocks_name(number), position, position.to_string().as_bytes());
            let positions = position..position.saturating_add(1);
            commit.tell(&CatalogChange::Appended { batch: number, positions })?;
            Ok(Decision::Write(commit, Issued::Now(Lies { batch: number, position })))
        })
    }

    pub(in crate::catalog) fn remove_codes(
        &self,
        batch: u32,
        positions: &BTreeSet<u32>,
        nonce: &mut dyn FnMut() -> Option<NonceBytes>,
    ) -> Result<u64, BatchError> {
        let (Some(&first), Some(&last)) = (positions.first(), positions.last()) else {
            return Ok(0);
        };
        let blocks = blocks_name(batch);
        let (first, last) = (first.to_string(), last.to_string());
        // The first block may begin before the first position.
        let up_to_first = of("ZREVRANGEBYSCORE", &blocks, &[&first, "-inf", "LIMIT", "0", "1"]);
        let mut begins: Vec<u32> = self.ask("blocks", up_to_first)?;
        let after_first = [format!("({first}"), last];
        let rest: Vec<u32> = self.ask("blocks", of("ZRANGEBYSCORE", &blocks, &after_first))?;
        begins.extend(rest);
        let mut removed = 0;
        for first in begins {
            removed += self.thin_block(batch, first, positions, nonce)?;
        }
        Ok(removed)
    }

    fn thin_block(
        &self,
        batch: u32,
        first: u32,
        positions: &BTreeSet<u32>,
        nonce: &mut dyn FnMut() -> Option<NonceBytes>,
    ) -> Result<u64, BatchError> {
        self.optimistically(|| {
            let (batch, record) = self.batch_record(batch)?.ok_or(BatchError::Unknown(batch))?;
            let name = block_name(batch.number, first);
            let block: (Option<Vec<u8>>, Option<Vec<u8>>) =
                self.ask("a block", of("HMGET", &name, &["keys", "texts"]))?;
            let (Some(keys), Some(sealed)) = block else {
                // Another node was faster.
                return Ok(Decision::Answer(0));
            };
            let place = place(&block_key(batch.number, first));
            let texts = self.seal.open(&place, &sealed).map_err(StoreError::from)?;
            let left = thinned(first, &keys, &texts, positions)?;
            if left.removed.is_empty() {
                return Ok(Decision::Answer(0));
            }
            let mut commit = Commit::default();
            commit.expect("batches", &batch.number.to_be_bytes(), Some(&record));
            commit.expect(&name, b"keys", Some(&keys));
            if left.is_empty {
                commit.drop_key(&name);
                commit.unsort(&blocks_name(batch.number), first.to_string().as_bytes());
            } else {
                let nonce = nonce().ok_or(BatchError::NoRandomness)?;
                let sealed = self.seal.seal(nonce, &place, &left.texts);
                commit.set(&name, b"keys", left.keys.clone());
                commit.set(&name, b"texts", sealed.map_err(StoreError::from)?);
            }
            let removed = left.removed.len() as u64;
            forget(&mut commit, batch, &left)?;
            Ok(Decision::Write(commit, removed))
        })
    }
}

/// Counts and tells what was removed, and takes away what those codes had different.
fn forget(commit: &mut Commit, mut batch: Batch, left: &Thinned) -> Result<(), StoreError> {
    for key in &left.removed {
        commit.unset("overrides", key.as_bytes());
        commit.unsort("override_keys", key.as_bytes());
    }
    batch.removed += left.removed.len() as u64;
    commit.set("batches", &batch.number.to_be_bytes(), encode(&batch)?);
    left.removed.chunks(KEYS_IN_NEWS).try_for_each(|keys: &[CodeKey]| {
        commit.tell(&CatalogChange::Removed { batch: batch.number, keys: keys.to_vec() })
    })
}
