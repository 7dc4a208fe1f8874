//! Single codes in the embedded store: one that a request asks for, and many that nobody used.

use std::collections::BTreeSet;

use crate::domain::id::{RequestId, TenantId};

use super::super::block::{
    batch_of, block_key, block_of, lies, packed, place, place_codes, request_key, thinned,
};
use super::super::bytes::{encode, exactly};
use super::super::{BatchError, Issued, Lies, NonceBytes, Single, StoreError};
use super::Embedded;

impl Embedded {
    pub(in crate::catalog) fn issued_by(
        &self,
        tenant: &TenantId,
        request: RequestId,
    ) -> Result<Option<Lies>, BatchError> {
        let Some(record) = self.requests.get(request_key(tenant, request))? else {
            return Ok(None);
        };
        let batch = batch_of(&record)?;
        lies(&record)?.map(Some).ok_or(BatchError::RequestMismatch { batch })
    }

    pub(in crate::catalog) fn issue_one(
        &self,
        batch: u32,
        single: &Single,
        nonce: NonceBytes,
    ) -> Result<Issued, BatchError> {
        let (keys, texts) = packed(&[(single.key, single.text.as_str())])?;
        let _turn = self.turn();
        if let Some(lies) = self.issued_by(&single.tenant, single.request)? {
            return Ok(Issued::Before(lies));
        }
        let mut batch = self.batch(batch)?.ok_or(BatchError::Unknown(batch))?;
        let position = place_codes(&mut batch, None, 1)?;
        let key = block_key(batch.number, position);
        let sealed = self.seal.seal(nonce, &place(&key), &texts).map_err(StoreError::from)?;
        let mut writes = self.db.batch();
        writes.insert(&self.requests, request_key(&single.tenant, single.request), key);
        writes.insert(&self.overrides, *single.key.as_bytes(), encode(&single.own)?);
        writes.insert(&self.code_keys, key, keys);
        writes.insert(&self.code_texts, key, sealed);
        writes.insert(&self.batches, batch.number.to_be_bytes(), encode(&batch)?);
        Self::commit(writes)?;
        Ok(Issued::Now(Lies { batch: batch.number, position }))
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
        let _turn = self.turn();
        let mut batch = self.batch(batch)?.ok_or(BatchError::Unknown(batch))?;
        let number = batch.number;
        let mut removed = 0;
        // The first block may begin before the first position.
        let up_to_first = block_key(number, 0)..=block_key(number, first);
        let Some(begin) = self.code_keys.range(up_to_first).next_back() else { return Ok(0) };
        let range = begin.key()?.to_vec()..=block_key(number, last).to_vec();
        for item in self.code_keys.range(range) {
            let (key, keys) = item.into_inner()?;
            let key = exactly::<8>(&key, "a block's key")?;
            let (_, first) = block_of(&key)?;
            let Some(sealed) = self.code_texts.get(key)? else {
                let what = format!("texts of batch {number} are missing");
                return Err(StoreError::Damaged(what).into());
            };
            let texts = self.seal.open(&place(&key), &sealed).map_err(StoreError::from)?;
            let left = thinned(first, &keys, &texts, positions)?;
            if left.removed.is_empty() {
                continue;
            }
            let mut writes = self.db.batch();
            for key in &left.removed {
                writes.remove(&self.overrides, *key.as_bytes());
            }
            if left.is_empty {
                writes.remove(&self.code_keys, key);
                writes.remove(&self.code_texts, key);
            } else {
                let nonce = nonce().ok_or(BatchError::NoRandomness)?;
                let sealed = self.seal.seal(nonce, &place(&key), &left.texts);
                writes.insert(&self.code_keys, key, left.keys);
                writes.insert(&self.code_texts, key, sealed.map_err(StoreError::from)?);
            }
            batch.removed += left.removed.len() as u64;
            removed += left.removed.len() as u64;
            writes.insert(&self.batches, number.to_be_bytes(), encode(&batch)?);
            Self::commit(writes)?;
        }
        Ok(removed)
    }
}
