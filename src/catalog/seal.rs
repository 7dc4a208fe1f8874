//! Encryption at rest: AES-256-GCM under a key that is derived from the installation's.
//!
//! A sealed text is bound to its place: moved to another one, it does not open. Nonces are drawn
//! by the caller; they must be random, which with 96 bits is safe for thousands of millions of
//! blocks.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;

/// A nonce: 12 random bytes, never used for two blocks.
pub type NonceBytes = [u8; NONCE_LEN];

/// A key that was not made for this, or data that was not sealed with it at this place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("does not open with this key at this place")]
pub(super) struct Unsealed;

/// Seals and opens.
pub(super) struct Seal {
    key: LessSafeKey,
    fingerprint: [u8; 32],
}

impl Seal {
    pub(super) fn new(store_key: &[u8; 32]) -> Result<Self, Unsealed> {
        let derived = |purpose: &str| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, store_key);
            <[u8; 32]>::try_from(hmac::sign(&key, purpose.as_bytes()).as_ref())
                .map_err(|_| Unsealed)
        };
        let unbound = UnboundKey::new(&AES_256_GCM, &derived("jeton catalog texts")?);
        let key = LessSafeKey::new(unbound.map_err(|_| Unsealed)?);
        Ok(Self { key, fingerprint: derived("jeton catalog fingerprint")? })
    }

    /// What tells this key from others without giving it away.
    pub(super) fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }

    /// `nonce`, then `plain` encrypted, then the tag of 16 bytes.
    pub(super) fn seal(
        &self,
        nonce: NonceBytes,
        place: &[u8],
        plain: &[u8],
    ) -> Result<Vec<u8>, Unsealed> {
        let mut sealed = Vec::with_capacity(NONCE_LEN + plain.len() + AES_256_GCM.tag_len());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let body = sealed.get_mut(NONCE_LEN..).ok_or(Unsealed)?;
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self.key.seal_in_place_separate_tag(nonce, Aad::from(place), body);
        sealed.extend_from_slice(tag.map_err(|_| Unsealed)?.as_ref());
        Ok(sealed)
    }

    /// What [`Seal::seal`] was given for `place`.
    pub(super) fn open(&self, place: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Unsealed> {
        let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(Unsealed)?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let mut body = body.to_vec();
        let plain = self.key.open_in_place(nonce, Aad::from(place), &mut body);
        let plain_len = plain.map_err(|_| Unsealed)?.len();
        body.truncate(plain_len);
        Ok(body)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn a_text_opens_only_with_its_key_at_its_place() {
        let seal = Seal::new(&[1; 32]).unwrap();
        let sealed = seal.seal([7; 12], b"here", b"SOMMER-2026").unwrap();
        assert_eq!(seal.open(b"here", &sealed).unwrap(), b"SOMMER-2026");
        assert_eq!(seal.open(b"there", &sealed), Err(Unsealed));
        let other = Seal::new(&[2; 32]).unwrap();
        assert_eq!(other.open(b"here", &sealed), Err(Unsealed));
        assert_ne!(other.fingerprint(), seal.fingerprint());
    }

    #[test]
    fn no_byte_can_be_changed_or_left_out() {
        let seal = Seal::new(&[1; 32]).unwrap();
        let sealed = seal.seal([7; 12], b"here", b"abc").unwrap();
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            *changed.get_mut(place).unwrap() ^= 1;
            assert_eq!(seal.open(b"here", &changed), Err(Unsealed), "byte {place}");
            assert_eq!(seal.open(b"here", sealed.get(..place).unwrap()), Err(Unsealed));
        }
    }
}
