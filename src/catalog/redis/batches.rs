//! Batches in Redis.

use std::ops::{ControlFlow, Range};

use crate::domain::code::CodeKey;
use crate::domain::id::{RequestId, TenantId};

use super::super::block::{
    batch_of, begun_before, block_key, packed, place, place_codes, request_key, unpacked,
};
use super::super::bytes::{decode, encode};
use super::super::{
    BATCH_NUMBER_MAX, Batch, BatchError, BatchState, CatalogChange, Issue, NonceBytes, Row,
    StoreError,
};
use super::link::as_a;
use super::{Commit, Decision, Redis, of, whole};

/// Blocks that are read at once after the first one: a megabyte or so.
const BLOCKS_AT_ONCE: usize = 8;

impl Redis {
    pub(in crate::catalog) fn begin_batch(&self, issue: Issue) -> Result<Batch, BatchError> {
        let head = self.head(&issue.tenant, &issue.campaign)?;
        let is_known = head.is_some_and(|(head, _)| (1..=head.version).contains(&issue.version));
        let new = Batch { number: 0, issue, stored: 0, state: BatchState::Open, removed: 0 };
        let issue = &new.issue;
        self.optimistically(|| {
            let mut commit = Commit::default();
            let request = issue.request.map(|request| request_key(&issue.tenant, request));
            if let Some(request) = issue.request
                && let Some(begun) = self.batch_of_request(&issue.tenant, request)?
            {
                return begun_before(begun, issue).map(Decision::Answer);
            }
            if !is_known {
                let (campaign, version) = (issue.campaign.clone(), issue.version);
                return Err(BatchError::UnknownCampaign { campaign, version });
            }
            // Numbers are given out without gaps and never taken back.
            let last: u32 = self.ask("batches", whole("HLEN", "batches"))?;
            if last >= BATCH_NUMBER_MAX {
                return Err(BatchError::NumbersExhausted);
            }
            let batch = Batch { number: last + 1, ..new.clone() };
            let number = batch.number.to_be_bytes();
            if let Some(request) = request {
                commit.expect("requests", &request, None);
                commit.set("requests", &request, number.to_vec());
            }
            commit.expect("batches", &number, None);
            commit.set("batches", &number, encode(&batch)?);
            commit.tell(&CatalogChange::Begun { batch: batch.number })?;
            Ok(Decision::Write(commit, batch))
        })
    }

    pub(in crate::catalog) fn batch_of_request(
        &self,
        tenant: &TenantId,
        request: RequestId,
    ) -> Result<Option<Batch>, StoreError> {
        match self.field("requests", &request_key(tenant, request))? {
            Some(found) => self.batch(batch_of(&found)?),
            None => Ok(None),
        }
    }

    pub(in crate::catalog) fn append_block(
        &self,
        batch: u32,
        at: Option<u32>,
        codes: &[(CodeKey, &str)],
        mut nonce: NonceBytes,
    ) -> Result<u32, BatchError> {
        let (keys, texts) = packed(codes)?;
        self.optimistically(|| {
            let (mut batch, record) =
                self.batch_record(batch)?.ok_or(BatchError::Unknown(batch))?;
            let first = place_codes(&mut batch, at, codes.len())?;
            if codes.is_empty() {
                return Ok(Decision::Answer(first));
            }
            let number = batch.number;
            let place = place(&block_key(number, first));
            let sealed = self.seal.seal(nonce, &place, &texts).map_err(StoreError::from)?;
            // At another place the same texts are sealed with another nonce.
            if let Some(last) = nonce.last_chunk_mut::<4>() {
                *last = u32::from_be_bytes(*last).wrapping_add(1).to_be_bytes();
            }
            let mut commit = Commit::default();
            commit.expect("batches", &number.to_be_bytes(), Some(&record));
            commit.set("batches", &number.to_be_bytes(), encode(&batch)?);
            commit.set(&block_name(number, first), b"keys", keys.clone());
            commit.set(&block_name(number, first), b"texts", sealed);
            commit.sort(&blocks_name(number), first, first.to_string().as_bytes());
            let end = u32::try_from(batch.stored).unwrap_or(u32::MAX);
            commit.tell(&CatalogChange::Appended { batch: number, positions: first..end })?;
            Ok(Decision::Write(commit, first))
        })
    }

    pub(in crate::catalog) fn complete_batch(&self, batch: u32) -> Result<Batch, BatchError> {
        self.optimistically(|| {
            let (mut batch, record) =
                self.batch_record(batch)?.ok_or(BatchError::Unknown(batch))?;
            if batch.state == BatchState::Complete {
                return Ok(Decision::Answer(batch));
            }
            batch.state = BatchState::Complete;
            let mut commit = Commit::default();
            commit.expect("batches", &batch.number.to_be_bytes(), Some(&record));
            commit.set("batches", &batch.number.to_be_bytes(), encode(&batch)?);
            commit.tell(&CatalogChange::Completed { batch: batch.number })?;
            Ok(Decision::Write(commit, batch))
        })
    }

    pub(in crate::catalog) fn batch(&self, number: u32) -> Result<Option<Batch>, StoreError> {
        Ok(self.batch_record(number)?.map(|(batch, _)| batch))
    }

    pub(super) fn batch_record(&self, number: u32) -> Result<Option<(Batch, Vec<u8>)>, StoreError> {
        let Some(record) = self.field("batches", &number.to_be_bytes())? else {
            return Ok(None);
        };
        Ok(Some((decode("a batch", &record)?, record)))
    }

    pub(in crate::catalog) fn batches(&self) -> Result<Vec<Batch>, StoreError> {
        let records: Vec<Vec<u8>> = self.ask("batches", whole("HVALS", "batches"))?;
        let batches: Result<Vec<Batch>, StoreError> =
            records.iter().map(|record| decode("a batch", record)).collect();
        let mut batches = batches?;
        batches.sort_by_key(|batch| batch.number);
        Ok(batches)
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
        let blocks = blocks_name(batch);
        // The first block may begin before the first position that is wanted.
        let start = positions.start.to_string();
        let up_to_first = of("ZREVRANGEBYSCORE", &blocks, &[&start, "-inf", "LIMIT", "0", "1"]);
        let mut next: Vec<u32> = self.ask("blocks", up_to_first)?;
        let end = format!("({}", positions.end);
        while let Some(&last) = next.last() {
            let asked = next
                .iter()
                .map(|first| of("HMGET", &block_name(batch, *first), &["keys", "texts"]));
            for (first, block) in next.iter().zip(self.call(asked.collect())?) {
                let block: (Option<Vec<u8>>, Option<Vec<u8>>) = as_a("a block", block)?;
                let (Some(keys), Some(sealed)) = block else {
                    self.check_removed(batch, *first)?;
                    continue;
                };
                let texts = self.seal.open(&place(&block_key(batch, *first)), &sealed)?;
                for row in unpacked(*first, &keys, &texts) {
                    let row = row?;
                    if positions.contains(&row.position) && each(row).is_break() {
                        return Ok(());
                    }
                }
            }
            let (after, count) = (format!("({last}"), BLOCKS_AT_ONCE.to_string());
            let following = [after.as_str(), &end, "LIMIT", "0", &count];
            next = self.ask("blocks", of("ZRANGEBYSCORE", &blocks, &following))?;
        }
        Ok(())
    }
}

impl Redis {
    /// A block that is not there was removed since its batch was read.
    pub(super) fn check_removed(&self, batch: u32, first: u32) -> Result<(), StoreError> {
        let at = first.to_string();
        let listed: Option<String> =
            self.ask("blocks", of("ZSCORE", &blocks_name(batch), &[at.as_str()]))?;
        match listed {
            None => Ok(()),
            Some(_) => {
                let what = format!("the block of batch {batch} at {first} is missing");
                Err(StoreError::Damaged(what))
            }
        }
    }
}

/// The key of what says where a batch's blocks begin.
pub(super) fn blocks_name(batch: u32) -> String {
    format!("blocks:{batch}")
}

/// The key of a block.
pub(super) fn block_name(batch: u32, first: u32) -> String {
    format!("block:{batch}:{first}")
}
