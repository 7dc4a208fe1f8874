//! Encryption of blocks at rest: AES-256-GCM under the installation's store key.
//!
//! Does not know what a block holds. The *place* of a block (table, key, version) goes in as
//! associated data, so that a sealed block copied elsewhere does not open there.
//!
//! ```text
//! sealed block: nonce 12 bytes | ciphertext as long as the plain text | tag 16 bytes
//! ```
//!
//! Invariant: every sealing draws a fresh nonce. With 96 random bits one key is good for 2^32
//! blocks (NIST SP 800-38D, 8.3); at 64 KiB each that is 256 TiB.

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::SecureRandom;

use crate::auth::secret::{NoRandomness, Secret};

/// What sealing adds to a block, in bytes.
pub const SEAL_OVERHEAD_BYTES: usize = NONCE_LEN + 16;

/// Seals and opens blocks with one key. Cheap to share; make it once.
pub struct Sealer(LessSafeKey);

impl Sealer {
    /// A sealer with this key.
    ///
    /// # Errors
    /// [`SealError::Key`] never happens with 32 bytes, but is not ours to rule out.
    pub fn new(key: &Secret) -> Result<Self, SealError> {
        let key = UnboundKey::new(&AES_256_GCM, key.bytes()).map_err(|_| SealError::Key)?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// Encrypts `plain` for `place`.
    ///
    /// # Errors
    /// [`SealError::NoRandomness`]; [`SealError::TooLong`] past 64 GiB.
    pub fn seal(
        &self,
        place: &[u8],
        plain: &[u8],
        random: &dyn SecureRandom,
    ) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut nonce).map_err(|_| NoRandomness)?;
        let mut sealed = Vec::with_capacity(plain.len() + SEAL_OVERHEAD_BYTES);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let (_, body) = sealed.split_at_mut_checked(NONCE_LEN).ok_or(SealError::TooLong)?;
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self
            .0
            .seal_in_place_separate_tag(nonce, Aad::from(place), body)
            .map_err(|_| SealError::TooLong)?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Decrypts what was sealed for `place`.
    ///
    /// # Errors
    /// [`SealError::Damaged`] if it is not exactly what was sealed: altered, cut off, from another
    /// place or under another key. Which of these cannot be told.
    pub fn open(&self, place: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (nonce, body) = sealed.split_first_chunk().ok_or(SealError::Damaged)?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let mut plain = body.to_vec();
        let opened = self.0.open_in_place(nonce, Aad::from(place), &mut plain);
        let plain_bytes = opened.map_err(|_| SealError::Damaged)?.len();
        plain.truncate(plain_bytes);
        Ok(plain)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(…)")
    }
}

/// Why a block could not be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// No fresh nonce, and an old one must never be used.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// More than one nonce may cover.
    #[error("the block is too long to be encrypted in one piece")]
    TooLong,
    /// Not what was sealed.
    #[error("the encrypted block was altered, moved, or belongs to another installation's secret")]
    Damaged,
    /// The cipher refused the key.
    #[error("the encryption key was refused")]
    Key,
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use ring::rand::SystemRandom;

    fn sealer(byte: u8) -> Sealer {
        Sealer::new(&Secret::new([byte; 32])).unwrap()
    }

    #[test]
    fn blocks_of_every_size_round_trip() {
        let (sealer, random) = (sealer(1), SystemRandom::new());
        for bytes in [0, 1, 15, 16, 17, 4_096, 65_536] {
            let plain = vec![7; bytes];
            let sealed = sealer.seal(b"batch 3", &plain, &random).unwrap();
            assert_eq!(sealed.len(), bytes + SEAL_OVERHEAD_BYTES);
            assert_eq!(sealer.open(b"batch 3", &sealed), Ok(plain));
        }
    }

    #[test]
    fn the_same_block_never_looks_the_same() {
        let (sealer, random) = (sealer(1), SystemRandom::new());
        let once = sealer.seal(b"", b"PARK-1234", &random).unwrap();
        let again = sealer.seal(b"", b"PARK-1234", &random).unwrap();
        assert_ne!(once, again);
        assert!(!once.windows(4).any(|window| window == b"PARK"));
    }

    #[test]
    fn whatever_was_altered_does_not_open() {
        let (ours, random) = (sealer(1), SystemRandom::new());
        let sealed = ours.seal(b"batch 3", b"PARK-1234", &random).unwrap();
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            *altered.get_mut(at).unwrap() ^= 0x80;
            assert_eq!(ours.open(b"batch 3", &altered), Err(SealError::Damaged), "byte {at}");
            altered.truncate(at);
            assert_eq!(ours.open(b"batch 3", &altered), Err(SealError::Damaged), "cut at {at}");
        }
        assert_eq!(ours.open(b"batch 4", &sealed), Err(SealError::Damaged));
        assert_eq!(sealer(2).open(b"batch 3", &sealed), Err(SealError::Damaged));
    }
}
