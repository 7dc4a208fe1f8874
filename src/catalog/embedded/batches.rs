//! Batches of codes, in packed blocks.
//!
//! A block has the codes of one call, so a block can be of any size up to [`BLOCK_CODES_MAX`].
//! Keys and texts are apart: starting up reads the keys only, and needs neither to open a seal
//! nor to hash a text. A block and the count of its batch are one atomic write, which is why a
//! batch that was interrupted simply goes on where it stands.

use std::ops::{Bound, ControlFlow, Range};

use crate::domain::code::CodeKey;
use crate::domain::id::{RequestId, TenantId};

use super::super::{
    BATCH_NUMBER_MAX, BLOCK_CODES_MAX, Batch, BatchError, BatchState, CODE_TEXT_BYTES_MAX, Issue,
    NonceBytes, Row, Source, StoreError,
};
use super::{Embedded, decode, encode, exactly, number};

/// Most codes in one batch: positions have 32 bits.
const BATCH_CODES_MAX: u64 = u32::MAX as u64;

impl Embedded {
    pub(in crate::catalog) fn begin_batch(&self, issue: Issue) -> Result<Batch, BatchError> {
        let _turn = self.turn();
        if let Some(request) = issue.request
            && let Some(begun) = self.batch_of_request(&issue.tenant, request)?
        {
            if !is_same_request(&begun.issue, &issue) {
                return Err(BatchError::RequestMismatch { batch: begun.number });
            }
            return Ok(begun);
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
        let batch = Batch { number: last + 1, issue, stored: 0, state: BatchState::Open };
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
            Some(found) => self.batch(number(&found, "a request's batch")?),
            None => Ok(None),
        }
    }

    pub(in crate::catalog) fn append_block(
        &self,
        batch: u32,
        codes: &[(CodeKey, &str)],
        nonce: NonceBytes,
    ) -> Result<u32, BatchError> {
        if codes.len() > BLOCK_CODES_MAX {
            return Err(BatchError::BlockTooLarge(codes.len()));
        }
        let (keys, texts) = packed(codes)?;
        let _turn = self.turn();
        let mut batch = self.batch(batch)?.ok_or(BatchError::Unknown(batch))?;
        if batch.state == BatchState::Complete {
            return Err(BatchError::Complete(batch.number));
        }
        let max = batch.issue.wanted.unwrap_or(BATCH_CODES_MAX).min(BATCH_CODES_MAX);
        let stored = batch.stored + codes.len() as u64;
        // The first position also fits when the block is empty and the batch full.
        let (Ok(first), true) = (u32::try_from(batch.stored), stored <= max) else {
            let Batch { number: batch, stored, .. } = batch;
            return Err(BatchError::Full { batch, stored, max, more: codes.len() });
        };
        if codes.is_empty() {
            return Ok(first);
        }
        batch.stored = stored;
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

/// The keys side by side, and the texts, each behind its length.
fn packed(codes: &[(CodeKey, &str)]) -> Result<(Vec<u8>, Vec<u8>), BatchError> {
    let mut keys = Vec::with_capacity(codes.len() * CodeKey::LEN);
    let mut texts = Vec::with_capacity(codes.iter().map(|(_, text)| 1 + text.len()).sum());
    for (key, text) in codes {
        let len = u8::try_from(text.len()).ok().filter(|&len| len > 0);
        let len = len.ok_or(BatchError::TextLength(text.len()))?;
        keys.extend_from_slice(key.as_bytes());
        texts.push(len);
        texts.extend_from_slice(text.as_bytes());
    }
    Ok((keys, texts))
}

const _: () = assert!(CODE_TEXT_BYTES_MAX == u8::MAX as usize, "a length is one byte");

fn unpacked<'a>(
    first: u32,
    keys: &'a [u8],
    texts: &'a [u8],
) -> impl Iterator<Item = Result<Row<'a>, StoreError>> {
    let mut left = texts;
    keys_of(keys).zip(first..).map(move |(key, position)| {
        let mut row = || {
            let (&len, rest) = left.split_first()?;
            let (text, rest) = rest.split_at_checked(usize::from(len))?;
            left = rest;
            Some(Row { position, key, text: str::from_utf8(text).ok()? })
        };
        row().ok_or_else(|| StoreError::Damaged("a block has fewer texts than keys".to_owned()))
    })
}

/// The keys of a block.
pub(super) fn keys_of(block: &[u8]) -> impl Iterator<Item = CodeKey> {
    block.as_chunks::<{ CodeKey::LEN }>().0.iter().copied().map(CodeKey::from_bytes)
}

pub(super) fn block_key(batch: u32, first: u32) -> [u8; 8] {
    ((u64::from(batch) << 32) | u64::from(first)).to_be_bytes()
}

/// The batch and the first position of a block.
pub(super) fn block_of(key: &[u8]) -> Result<(u32, u32), StoreError> {
    let [b0, b1, b2, b3, p0, p1, p2, p3] = exactly::<8>(key, "a block's key")?;
    Ok((u32::from_be_bytes([b0, b1, b2, b3]), u32::from_be_bytes([p0, p1, p2, p3])))
}

/// What a block's seal is bound to.
fn place(key: &[u8; 8]) -> [u8; 18] {
    let mut place = *b"code_texts________";
    if let Some(tail) = place.last_chunk_mut::<8>() {
        *tail = *key;
    }
    place
}

fn request_key(tenant: &TenantId, request: RequestId) -> Vec<u8> {
    let mut key = format!("{tenant}/").into_bytes();
    key.extend_from_slice(&request.0);
    key
}

/// Whether a repeated request asks for what it asked for first. Serials, moments and the
/// campaign's version may have moved on in between; the first answer stands.
fn is_same_request(first: &Issue, again: &Issue) -> bool {
    let source = |issue: &Issue| match &issue.source {
        Source::Generated { pattern, alphabet, check, .. } => {
            Some((pattern.clone(), alphabet.clone(), *check))
        }
        Source::Imported | Source::ByHand => None,
    };
    first.campaign == again.campaign
        && first.wanted == again.wanted
        && std::mem::discriminant(&first.source) == std::mem::discriminant(&again.source)
        && source(first) == source(again)
}
