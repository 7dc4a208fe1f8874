//! The installation's keys: one master secret, from which every other key is derived.
//!
//! Only the master is kept (as one line of text in a file); the derived keys are recomputed at
//! every start. Does not know the file, nor what the keys are used for beyond the purposes named
//! here.
//!
//! Invariants: keys for different purposes are independent of each other; they are wiped from
//! memory when dropped and never printed. Losing the master makes the catalog unreadable and every
//! used code unrecognisable, so it belongs into the backup, apart from the data.

use std::fmt;

use ring::rand::SecureRandom;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use crate::auth::hex;

/// What the kept line begins with; the version names the derivation below.
const PREFIX: &str = "jeton-secret-v1:";

/// Bytes of the master's hash that follow it in the kept line. A digit copied wrongly would
/// otherwise silently give other keys, and with other keys no used code is recognised as used.
const CHECK_BYTES: usize = 4;

// Each names its purpose for ever: a changed text is a changed key.
const CODE_CONTEXT: &str = "jeton v1 names of codes in the ledger";
const STORE_CONTEXT: &str = "jeton v1 catalog texts at rest";
const RECEIPT_CONTEXT: &str = "jeton v1 signature of receipts";
const ENDPOINT_CONTEXT: &str = "jeton v1 quic connection ids and resets";
const FINGERPRINT_CONTEXT: &str = "jeton v1 fingerprint of the installation";
const CHECK_CONTEXT: &str = "jeton v1 check of the kept secret";

/// 32 secret bytes: wiped when dropped, compared in constant time, never printed.
#[derive(Clone)]
pub struct Secret([u8; 32]);

impl Secret {
    /// Takes bytes as a secret. The caller's own copy is the caller's to wipe.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A fresh secret.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn random(random: &dyn SecureRandom) -> Result<Self, NoRandomness> {
        let mut secret = Self([0; 32]);
        random.fill(&mut secret.0).map_err(|_| NoRandomness)?;
        Ok(secret)
    }

    /// Reads what [`Self::text`] writes, digits of either case; `None` for any other text.
    #[must_use]
    pub(super) fn of_text(prefix: &str, text: &str) -> Option<Self> {
        let mut bytes = hex::decode::<32>(text.strip_prefix(prefix)?)?;
        let secret = Self(bytes);
        bytes.zeroize();
        Some(secret)
    }

    /// As its owner carries it: `prefix` and 64 hexadecimal digits.
    #[must_use]
    pub(super) fn text(&self, prefix: &str) -> Zeroizing<String> {
        let digits = Zeroizing::new(hex::encode(&self.0));
        // Never grows, so no copy is left behind.
        let mut text = Zeroizing::new(String::with_capacity(prefix.len() + digits.len()));
        text.extend([prefix, &digits]);
        text
    }

    /// The bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn derive(&self, context: &str) -> Self {
        Self(blake3::derive_key(context, &self.0))
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The keys of one installation. All nodes of an installation share them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    master: Secret,
    /// Names codes in ledger, receipts and events by keyed hash.
    pub code_secret: Secret,
    /// Encrypts the catalog's texts at rest.
    pub store_key: Secret,
    /// Signs the receipts that callers keep.
    pub receipt_secret: Secret,
    /// Keeps QUIC connection ids and stateless resets the same over a restart, so that gates notice
    /// it at once.
    pub endpoint_secret: Secret,
}

impl Installation {
    /// A new installation.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn generate(random: &dyn SecureRandom) -> Result<Self, NoRandomness> {
        Secret::random(random).map(Self::from_master)
    }

    fn from_master(master: Secret) -> Self {
        Self {
            code_secret: master.derive(CODE_CONTEXT),
            store_key: master.derive(STORE_CONTEXT),
            receipt_secret: master.derive(RECEIPT_CONTEXT),
            endpoint_secret: master.derive(ENDPOINT_CONTEXT),
            master,
        }
    }

    /// The line to keep: `jeton-secret-v1:`, the master and its check as 72 hexadecimal digits, a
    /// line feed.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<String> {
        let digits = Zeroizing::new(hex::encode(self.master.bytes()));
        let check = hex::encode(&check_of(&self.master));
        let mut line = String::with_capacity(PREFIX.len() + digits.len() + check.len() + 1);
        line.extend([PREFIX, &digits, &check, "\n"]);
        Zeroizing::new(line)
    }

    /// Reads what [`Self::encode`] wrote; white space around it is ignored.
    ///
    /// # Errors
    /// [`SecretError`] says what is wrong, and never repeats the text.
    pub fn decode(text: &str) -> Result<Self, SecretError> {
        let digits = text.trim().strip_prefix(PREFIX).ok_or(SecretError::Prefix)?;
        let (master, check) = digits.split_at_checked(64).ok_or(SecretError::Digits)?;
        let master = Secret::of_text("", master).ok_or(SecretError::Digits)?;
        let check = hex::decode::<CHECK_BYTES>(check).ok_or(SecretError::Digits)?;
        if check != check_of(&master) {
            return Err(SecretError::Check);
        }
        Ok(Self::from_master(master))
    }

    /// Tells installations apart without giving anything away. A store remembers it and refuses to
    /// be opened under another one: there, no used code would be recognised.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 16] {
        first_bytes(&self.master.derive(FINGERPRINT_CONTEXT))
    }
}

fn check_of(master: &Secret) -> [u8; CHECK_BYTES] {
    first_bytes(&master.derive(CHECK_CONTEXT))
}

fn first_bytes<const N: usize>(secret: &Secret) -> [u8; N] {
    const { assert!(N <= 32) };
    std::array::from_fn(|at| secret.bytes().get(at).copied().unwrap_or_default())
}

/// The operating system gave no randomness; nothing secret can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no randomness")]
pub struct NoRandomness;

/// Why a text is not an installation's secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It begins otherwise.
    #[error("the secret does not begin with {PREFIX:?}")]
    Prefix,
    /// Not 72 hexadecimal digits.
    #[error("the secret must have 72 hexadecimal digits after {PREFIX:?}; was it cut off?")]
    Digits,
    /// The check does not fit.
    #[error(
        "the secret was altered: its last 8 digits do not fit the others; restore it from a backup"
    )]
    Check,
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    /// Made once; a change means that existing installations would lose their data.
    const KEPT: &str =
        "jeton-secret-v1:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1faed5d4d3";

    #[test]
    fn a_kept_secret_gives_the_same_keys_for_ever() {
        let keys = Installation::decode(KEPT).unwrap();
        assert_eq!(keys.encode().trim(), KEPT);
        assert_eq!(
            hex::encode(keys.code_secret.bytes()),
            "e425ded7af4a163bdf78420a8477efc4f3790cd21687574fb41a96baba86f8c4"
        );
        assert_eq!(hex::encode(&keys.fingerprint()), "265e336a4940b7adf21c34b1e2d60dca");
    }

    #[test]
    fn fresh_installations_differ_and_round_trip() {
        let random = ring::rand::SystemRandom::new();
        let keys = Installation::generate(&random).unwrap();
        assert_eq!(Installation::decode(&keys.encode()), Ok(keys.clone()));
        let other = Installation::generate(&random).unwrap();
        assert_ne!(keys, other);
        assert_ne!(keys.fingerprint(), other.fingerprint());
        let four =
            [&keys.code_secret, &keys.store_key, &keys.receipt_secret, &keys.endpoint_secret];
        for (i, a) in four.iter().enumerate() {
            assert_ne!(**a, keys.master);
            assert!(four.iter().skip(i + 1).all(|b| a != b));
        }
    }

    #[test]
    fn every_altered_digit_is_noticed() {
        let cut = KEPT.split_at(KEPT.len() - 1).0;
        assert_eq!(Installation::decode(cut), Err(SecretError::Digits));
        assert_eq!(Installation::decode(""), Err(SecretError::Prefix));
        assert_eq!(Installation::decode("jeton-secret-v2:00"), Err(SecretError::Prefix));
        assert_eq!(Installation::decode("jeton-secret-v1:é"), Err(SecretError::Digits));
        for at in PREFIX.len()..KEPT.len() {
            let mut altered = KEPT.as_bytes().to_vec();
            let digit = altered.get_mut(at).unwrap();
            *digit = if *digit == b'0' { b'1' } else { b'0' };
            let altered = String::from_utf8(altered).unwrap();
            assert_eq!(Installation::decode(&altered), Err(SecretError::Check), "at {at}");
        }
    }

    #[test]
    fn nothing_secret_is_printed() {
        let keys = Installation::decode(KEPT).unwrap();
        let printed = format!("{keys:?} {:?}", Installation::decode("jeton-secret-v1:00"));
        assert!(!printed.contains("0001") && printed.contains('…'), "{printed}");
    }
}
