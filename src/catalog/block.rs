//! Batches as records, and their codes in packed blocks.
//!
//! A block has the codes of one call, so a block can be of any size up to [`BLOCK_CODES_MAX`].
//! A code that was removed leaves a key of zeros and an empty text, so that all others stay where
//! they are; a block without codes is removed itself.
//!
//! Keys and texts are apart: starting up reads the keys only, and needs neither to open a seal
//! nor to hash a text. A block and the count of its batch are one atomic write, which is why a
//! batch that was interrupted simply goes on where it stands.

use std::collections::BTreeSet;

use crate::domain::code::CodeKey;
use crate::domain::id::{RequestId, TenantId};

use super::bytes::{exactly, number};
use super::{
    BLOCK_CODES_MAX, Batch, BatchError, BatchState, CODE_TEXT_BYTES_MAX, Issue, Lies, Row, Source,
    StoreError,
};

/// Most codes in one batch: positions have 32 bits.
const BATCH_CODES_MAX: u64 = u32::MAX as u64;

/// Finds place for `more` codes behind those that `batch` has, counts them, and returns the
/// position of the first. `at` is where the caller says they belong.
pub(super) fn place_codes(
    batch: &mut Batch,
    at: Option<u32>,
    more: usize,
) -> Result<u32, BatchError> {
    if batch.state == BatchState::Complete {
        return Err(BatchError::Complete(batch.number));
    }
    if at.is_some_and(|at| u64::from(at) != batch.stored) {
        return Err(BatchError::Moved { batch: batch.number, stored: batch.stored });
    }
    let max = batch.issue.wanted.unwrap_or(BATCH_CODES_MAX).min(BATCH_CODES_MAX);
    let stored = batch.stored + more as u64;
    // The first position also fits when the block is empty and the batch full.
    let (Ok(first), true) = (u32::try_from(batch.stored), stored <= max) else {
        let Batch { number: batch, stored, .. } = *batch;
        return Err(BatchError::Full { batch, stored, max, more });
    };
    batch.stored = stored;
    Ok(first)
}

/// What a request began before, when it asks for the same again.
pub(super) fn begun_before(begun: Batch, again: &Issue) -> Result<Batch, BatchError> {
    if is_same_request(&begun.issue, again) {
        Ok(begun)
    } else {
        Err(BatchError::RequestMismatch { batch: begun.number })
    }
}

/// The keys side by side, and the texts, each behind its length.
pub(super) fn packed(codes: &[(CodeKey, &str)]) -> Result<(Vec<u8>, Vec<u8>), BatchError> {
    if codes.len() > BLOCK_CODES_MAX {
        return Err(BatchError::BlockTooLarge(codes.len()));
    }
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

pub(super) fn unpacked<'a>(
    first: u32,
    keys: &'a [u8],
    texts: &'a [u8],
) -> impl Iterator<Item = Result<Row<'a>, StoreError>> {
    let mut left = texts;
    let keys = keys_in(keys.as_chunks::<{ CodeKey::LEN }>().0);
    let rows = keys.zip(first..).map(move |(key, position)| {
        let mut row = || {
            let (&len, rest) = left.split_first()?;
            let (text, rest) = rest.split_at_checked(usize::from(len))?;
            left = rest;
            Some(Row { position, key, text: str::from_utf8(text).ok()? })
        };
        row().ok_or_else(|| StoreError::Damaged("a block has fewer texts than keys".to_owned()))
    });
    rows.filter(|row| !matches!(row, Ok(row) if row.text.is_empty()))
}

/// What stands in the place of a removed code's key. A hash that is all zeros is not met.
const NO_KEY: CodeKey = CodeKey::from_bytes([0; CodeKey::LEN]);

/// The codes of a block that lie side by side, each time with the position of their first.
pub(super) fn runs(first: u32, block: &[u8]) -> impl Iterator<Item = (u32, &[[u8; CodeKey::LEN]])> {
    let (keys, _) = block.as_chunks::<{ CodeKey::LEN }>();
    let is_code = |key: &[u8; CodeKey::LEN]| key != NO_KEY.as_bytes();
    let mut next = first;
    let runs = keys.chunk_by(move |one, other| is_code(one) == is_code(other)).map(move |run| {
        let at = next;
        next = next.saturating_add(u32::try_from(run.len()).unwrap_or(u32::MAX));
        (at, run)
    });
    runs.filter(move |(_, run)| run.first().is_some_and(is_code))
}

/// A block without some of its codes.
pub(super) struct Thinned {
    pub(super) keys: Vec<u8>,
    /// To be sealed.
    pub(super) texts: Vec<u8>,
    /// The keys that it had and has not any more.
    pub(super) removed: Vec<CodeKey>,
    /// Whether it has codes still.
    pub(super) is_empty: bool,
}

/// A block that begins at `first`, without the codes at `positions`.
pub(super) fn thinned(
    first: u32,
    keys: &[u8],
    texts: &[u8],
    positions: &BTreeSet<u32>,
) -> Result<Thinned, StoreError> {
    let mut left = Thinned {
        keys: vec![0; keys.len()],
        texts: Vec::with_capacity(texts.len()),
        removed: Vec::new(),
        is_empty: true,
    };
    let (places, _) = left.keys.as_chunks_mut::<{ CodeKey::LEN }>();
    let mut rows = unpacked(first, keys, texts).peekable();
    for (place, position) in places.iter_mut().zip(first..) {
        let Some(row) = rows.next_if(|row| !matches!(row, Ok(row) if row.position > position))
        else {
            left.texts.push(0);
            continue;
        };
        let row = row?;
        if positions.contains(&position) {
            left.removed.push(row.key);
            left.texts.push(0);
            continue;
        }
        *place = *row.key.as_bytes();
        left.texts.push(u8::try_from(row.text.len()).unwrap_or(u8::MAX));
        left.texts.extend_from_slice(row.text.as_bytes());
        left.is_empty = false;
    }
    Ok(left)
}

/// Where a request's single code lies; `None` when it asked for a batch.
pub(super) fn lies(record: &[u8]) -> Result<Option<Lies>, StoreError> {
    if record.len() == size_of::<u32>() {
        return Ok(None);
    }
    let (batch, position) = block_of(record)?;
    Ok(Some(Lies { batch, position }))
}

/// The batch of a request's record.
pub(super) fn batch_of(record: &[u8]) -> Result<u32, StoreError> {
    match lies(record)? {
        Some(lies) => Ok(lies.batch),
        None => number(record, "a request's batch"),
    }
}

/// The keys of a block, or of a part of it.
pub(super) fn keys_in(block: &[[u8; CodeKey::LEN]]) -> impl Iterator<Item = CodeKey> {
    block.iter().copied().map(CodeKey::from_bytes)
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
pub(super) fn place(key: &[u8; 8]) -> [u8; 18] {
    let mut place = *b"code_texts________";
    if let Some(tail) = place.last_chunk_mut::<8>() {
        *tail = *key;
    }
    place
}

pub(super) fn request_key(tenant: &TenantId, request: RequestId) -> Vec<u8> {
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
        Source::OnDemand { .. } | Source::Imported | Source::ByHand => None,
    };
    first.campaign == again.campaign
        && first.wanted == again.wanted
        && std::mem::discriminant(&first.source) == std::mem::discriminant(&again.source)
        && source(first) == source(again)
}
