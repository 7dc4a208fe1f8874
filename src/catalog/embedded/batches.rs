//! Batches in the embedded store.

use std::ops::{Bound, ControlFlow, Range};

use crate::domain::code::CodeKey;
use crate::domain::id::{RequestId, TenantId};

use super::super::block::{
    batch_of, begun_before, block_key, block_of, packed, place, place_codes, request_key, unpacked,
};
use super::super::bytes::{decode, encode, exactly, number};
use super::super::{
    BATCH_NUMBER_MAX, Batch, BatchError, BatchState, Issue, NonceBytes, Row, StoreError,
};
use super::Embedded;

impl Embedded {
    pub(in crate::catalog) fn begin_batch(&self, issue: Issue) -> Result<Batch, BatchError> {
        let _turn = self.turn();
        if let Some(request) = issue.request
            && let Some(begun) = self.batch_of_request(&issue.tenant, request)?
        {
            return begun_before(begun, &issue);
        }
        let head = self.head(&issue.tenant, &issue.campaign)?;
        if head.is_none_or(|head| !(1..=head.version).contains(&issue.version)) {
            let Issue { campaign, version, .. } = issue;
            return Err(BatchError::UnknownCampaign { campaign, version });
        }
        let last = self.batches.last_key_value().map(|item| item.key()).transpose()?;
        let last = last.map_or(Ok(0), |key| number(&key, "a batch's key"))?;
        if last >= BATCH_NUMBER_MAX {
            return Err(BatchError::NumbersExhausted);
        }
        let batch =
            Batch { number: last + 1, issue, stored: 0, state: BatchState::Open, removed: 0 };
        let mut writes = self.db.batch();
        if let Some(request) = batch.issue.request {
            let key = request_key(&batch.issue.tenant, request);
            writes.insert(&self.requests, key, batch.number.to_be_bytes());
        }
        writes.insert(&self.batches, batch.number.to_be_bytes(), encode(&batch)?);
        Self::commit(writes)?;
        Ok(batch)
    }

    pub(in crate::catalog) fn batch_of_request(
        &self,
        tenant: &TenantId,
        request: RequestId,
    ) -> Result<Option<Batch>, StoreError> {
        match self.requests.get(request_key(tenant, request))? {
            Some(found) => self.batch(batch_of(&found)?),
            None => Ok(None),
        }
    }

    pub(in crate::catalog) fn append_block(
        &self,
        batch: u32,
        at: Option<u32>,
        codes: &[(CodeKey, &str)],
        nonce: NonceBytes,
    ) -> Result<u32, BatchError> {
        let (keys, texts) = packed(codes)?;
        let _turn = self.turn();
        let mut batch = self.batch(batch)?.ok_or(BatchError::Unknown(batch))?;
        let first = place_codes(&mut batch, at, codes.len())?;
        if codes.is_empty() {
            return Ok(first);
        }
        let key = block_key(batch.number, first);
        let sealed = self.seal.seal(nonce, &place(&key), &texts).map_err(StoreError::from)?;
        let mut writes = self.db.batch();
        writes.insert(&self.code_keys, key, keys);
        writes.insert(&self.code_texts, key, sealed);
        writes.insert(&self.batches, batch.number.to_be_bytes(), encode(&batch)?);
        writes.commit()?;
        Ok(first)
    }

    pub(in crate::catalog) fn complete_batch(&self, batch: u32) -> Result<Batch, BatchError> {
        let _turn = self.turn();
        let mut batch = self.batch(batch)?.ok_or(BatchError::Unknown(batch))?;
        batch.state = BatchState::Complete;
        let mut writes = self.db.batch();
        writes.insert(&self.batches, batch.number.to_be_bytes(), encode(&batch)?);
        Self::commit(writes)?;
        Ok(batch)
    }

    pub(in crate::catalog) fn batch(&self, number: u32) -> Result<Option<Batch>, StoreError> {
        let batch = self.batches.get(number.to_be_bytes())?;
        batch.map(|batch| decode("a batch", &batch)).transpose()
    }

    pub(in crate::catalog) fn batches(&self) -> Result<Vec<Batch>, StoreError> {
        self.batches.iter().map(|item| decode("a batch", &item.value()?)).collect()
    }

    pub(in crate::catalog) fn rows(
        &self,
        batch: u32,
        positions: Range<u32>,
        mut each: impl FnMut(Row<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        if positions.is_empty() {
            return Ok(());
        }
        // The first block may begin before the first position that is wanted.
        let up_to_first = block_key(batch, 0)..=block_key(batch, positions.start);
        let Some(first) = self.code_keys.range(up_to_first).next_back() else { return Ok(()) };
        let range = (
            Bound::Included(first.key()?.to_vec()),
            Bound::Excluded(block_key(batch, positions.end).to_vec()),
        );
        for item in self.code_keys.range(range) {
            let (key, keys) = item.into_inner()?;
            let Some(sealed) = self.code_texts.get(&key)? else {
                return Err(StoreError::Damaged(format!("texts of batch {batch} are missing")));
            };
            let key = exactly::<8>(&key, "a block's key")?;
            let texts = self.seal.open(&place(&key), &sealed)?;
            let (_, first) = block_of(&key)?;
            for row in unpacked(first, &keys, &texts) {
                let row = row?;
                if positions.contains(&row.position) && each(row).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}
