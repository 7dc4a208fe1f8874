//! Records as bytes: JSON, and numbers of a fixed length, big-endian.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;

pub(super) fn encode<T: Serialize>(record: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(record).map_err(|error| StoreError::Damaged(error.to_string()))
}

pub(super) fn decode<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|error| StoreError::Damaged(format!("{what}: {error}")))
}

pub(super) fn exactly<const N: usize>(bytes: &[u8], what: &str) -> Result<[u8; N], StoreError> {
    bytes
        .try_into()
        .map_err(|_| StoreError::Damaged(format!("{what} has {} bytes and not {N}", bytes.len())))
}

pub(super) fn number(bytes: &[u8], what: &str) -> Result<u32, StoreError> {
    exactly(bytes, what).map(u32::from_be_bytes)
}
