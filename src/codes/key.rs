//! Keyed hashes that name a secret without showing it.
//!
//! Every key comes from the installation's secret and its purpose (BLAKE3's `derive_key`), so
//! that no value made for one purpose can appear in another. Every hashed message begins each of
//! its parts with the part's length, so that two different lists of parts never give one message.

use std::fmt;

use smallvec::SmallVec;
use zeroize::Zeroize as _;

use crate::domain::code::{CodeKey, Normal};

/// The keys an installation uses for codes, derived from its secret. Wiped when dropped.
#[derive(Clone)]
pub struct CodeKeys {
    codes: [u8; 32],
    owners: [u8; 32],
    series: [u8; 32],
}

impl CodeKeys {
    /// Derives the keys. The same secret gives the same keys; losing it loses every code.
    #[must_use]
    pub fn new(mut secret: [u8; 32]) -> Self {
        let keys = Self {
            codes: blake3::derive_key("jeton 1 key of code texts", &secret),
            owners: blake3::derive_key("jeton 1 key of owner ids", &secret),
            series: blake3::derive_key("jeton 1 key of code series", &secret),
        };
        secret.zeroize();
        keys
    }

    /// The name of a tenant's code.
    #[must_use]
    pub fn key(&self, tenant: &str, normal: &Normal) -> CodeKey {
        CodeKey::from_bytes(keyed(&self.codes, [normal.as_bytes(), tenant.as_bytes()]))
    }

    /// The name of anything else that owns counters or balances, such as a campaign or a customer
    /// within one. `label` says what kind of thing it is; `parts` say which one.
    #[must_use]
    pub fn derive(&self, label: &str, parts: &[&[u8]]) -> [u8; 16] {
        let parts = [label.as_bytes()].into_iter().chain(parts.iter().copied());
        keyed(&self.owners, parts)
    }

    /// The key of the permutation that all codes of one shape of one tenant share.
    pub(super) fn series_key(&self, tenant: &str, shape: &str) -> [u8; 16] {
        keyed(&self.series, [tenant.as_bytes(), shape.as_bytes()])
    }
}

impl Drop for CodeKeys {
    fn drop(&mut self) {
        self.codes.zeroize();
        self.owners.zeroize();
        self.series.zeroize();
    }
}

impl fmt::Debug for CodeKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeKeys(…)")
    }
}

/// BLAKE3 keyed with `key` over the parts, each behind its length, truncated to 16 bytes.
///
/// A length is written as bytes of 7 bits, least first, the last one below 128: one byte for all
/// that occurs, so that a code and its tenant usually fit the 64 bytes of one block.
fn keyed<'a>(key: &[u8; 32], parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 16] {
    let mut message = SmallVec::<[u8; 128]>::new();
    for part in parts {
        let mut len = part.len();
        while len >= 0x80 {
            message.push(0x80 | low_bits(len));
            len >>= 7;
        }
        message.push(low_bits(len));
        message.extend_from_slice(part);
    }
    let hash = blake3::keyed_hash(key, &message);
    message.zeroize();
    hash.as_bytes().first_chunk().copied().unwrap_or_default()
}

fn low_bits(len: usize) -> u8 {
    let [lowest, ..] = len.to_le_bytes();
    lowest & 0x7F
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn normal(text: &str) -> Normal {
        Normal::parse(text).unwrap()
    }

    #[test]
    fn keys_are_the_same_after_a_restart() {
        let keys = CodeKeys::new([7; 32]);
        let key = keys.key("park", &normal("PARK-7K3M-9QXT"));
        assert_eq!(key, CodeKeys::new([7; 32]).key("park", &normal("park 7k3m 9qxt")));
        assert_eq!(format!("{key:?}"), "CodeKey(48817f6936491bfdda66dfb6233e5bb1)");
    }

    #[test]
    fn secret_tenant_text_and_purpose_all_count() {
        let (keys, others) = (CodeKeys::new([1; 32]), CodeKeys::new([2; 32]));
        let long = "t".repeat(300);
        let names = [
            *keys.key("park", &normal("A1")).as_bytes(),
            *others.key("park", &normal("A1")).as_bytes(),
            *keys.key("pool", &normal("A1")).as_bytes(),
            *keys.key("park", &normal("A2")).as_bytes(),
            *keys.key("2park", &normal("A")).as_bytes(),
            *keys.key(&long, &normal("A1")).as_bytes(),
            *keys.key(&long, &normal("A2")).as_bytes(),
            keys.derive("A1", &[b"park"]),
            keys.derive("A1park", &[]),
            keys.derive("A1", &[b"pa", b"rk"]),
            keys.derive("A1", &[b"par", b"k"]),
            keys.derive("", &[b"A1", b"park"]),
            keys.series_key("A1", "park"),
            keys.series_key("park", "A1"),
        ];
        assert_eq!(HashSet::from(names).len(), names.len());
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", CodeKeys::new([1; 32])), "CodeKeys(…)");
    }
}
