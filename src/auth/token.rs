//! API tokens: made once, shown once, kept as a hash.
//!
//! A token is 32 random bytes, written `jtn_` and 64 hexadecimal digits; the prefix lets scanners
//! for leaked secrets recognise it. Only the BLAKE3 hash is kept. A plain fast hash is enough:
//! there is no guessing through 2^256 secrets, unlike through passwords.
//!
//! Does not know where records are stored: whoever stores them hands them to [`Tokens::insert`].

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use dashmap::DashMap;
use ring::rand::SecureRandom;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::auth::caller::{Caller, CallerId, Denied, Identity};
use crate::auth::secret::{NoRandomness, Secret};
use crate::domain::id::TenantId;

/// What every token begins with.
pub const TOKEN_PREFIX: &str = "jtn_";

/// The kept hash of a token. Not a secret: no token can be found from it.
#[derive(Clone, Copy, Eq)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of the token that `text` presents.
    ///
    /// # Errors
    /// [`Denied::TokenMalformed`].
    pub fn of_text(text: &str) -> Result<Self, Denied> {
        let secret = Secret::of_text(TOKEN_PREFIX, text).ok_or(Denied::TokenMalformed)?;
        Ok(Self::of_secret(&secret))
    }

    /// The hash of a secret.
    pub(super) fn of_secret(secret: &Secret) -> Self {
        Self(*blake3::hash(secret.bytes()).as_bytes())
    }

    /// A hash that was kept.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes to keep.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// In constant time, so that no comparison of hashes tells how much of one agreed.
impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Hash for TokenHash {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenHash({})", CallerId::of_hash(&self.0))
    }
}

/// What is kept of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRecord {
    /// Recognises the token.
    pub hash: TokenHash,
    /// What it grants.
    pub identity: Identity,
    /// When it was made, in Unix milliseconds.
    pub created_ms: i64,
    /// From when on it is refused, in Unix milliseconds; `None` is never.
    pub expires_ms: Option<i64>,
    /// When it was revoked, in Unix milliseconds; revoked once is revoked for ever.
    pub revoked_ms: Option<i64>,
}

impl TokenRecord {
    /// Makes a token for `identity`: the text to show once, and the record to keep.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn mint(
        identity: Identity,
        created_ms: i64,
        expires_ms: Option<i64>,
        random: &dyn SecureRandom,
    ) -> Result<(Zeroizing<String>, Self), NoRandomness> {
        let secret = Secret::random(random)?;
        let hash = TokenHash::of_secret(&secret);
        Ok((
            secret.text(TOKEN_PREFIX),
            Self { hash, identity, created_ms, expires_ms, revoked_ms: None },
        ))
    }

    /// The token's public id: what lists show, what `revoke` takes, what budgets are keyed by.
    #[must_use]
    pub fn id(&self) -> CallerId {
        CallerId::of_hash(self.hash.as_bytes())
    }
}

/// A token as requests meet it: the caller is made once and shared.
#[derive(Debug)]
struct Known {
    record: TokenRecord,
    caller: Arc<Caller>,
}

/// The tokens of the installation, found by hash in one look-up.
///
/// A look-up is not constant in time, and need not be: how long it takes depends on the hash of
/// what was presented, and whoever learns something about that hash knows nothing about another
/// token's secret.
#[derive(Debug, Default)]
pub struct Tokens {
    known_by_hash: DashMap<TokenHash, Known, foldhash::fast::RandomState>,
}

impl Tokens {
    /// Who presents `text` at `now_ms`.
    ///
    /// # Errors
    /// [`Denied`], for the log; the stranger learns only that it was denied.
    pub fn resolve(&self, text: &str, now_ms: i64) -> Result<Arc<Caller>, Denied> {
        let hash = TokenHash::of_text(text)?;
        let known = self.known_by_hash.get(&hash).ok_or(Denied::TokenUnknown)?;
        if known.record.revoked_ms.is_some() {
            return Err(Denied::TokenRevoked);
        }
        if !known.caller.is_valid_at(now_ms) {
            return Err(Denied::TokenExpired);
        }
        Ok(Arc::clone(&known.caller))
    }

    /// Takes a record in, or replaces the one with the same hash. A record that was revoked here
    /// stays revoked: a stale copy that arrives later does not bring a token back.
    pub fn insert(&self, mut record: TokenRecord) {
        let caller = Arc::new(Caller {
            id: record.id(),
            identity: record.identity.clone(),
            expires_ms: record.expires_ms,
        });
        match self.known_by_hash.entry(record.hash) {
            dashmap::Entry::Occupied(mut known) => {
                record.revoked_ms = known.get().record.revoked_ms.or(record.revoked_ms);
                known.insert(Known { record, caller });
            }
            dashmap::Entry::Vacant(place) => {
                place.insert(Known { record, caller });
            }
        }
    }

    /// Revokes a token of `tenant` from now on and returns its record to be kept; `None` if the
    /// tenant has no such token. Revoking again changes nothing. Looks at every token: it is rare.
    #[must_use = "the record must be kept, or the token is valid again after a restart"]
    pub fn revoke(&self, tenant: &TenantId, id: CallerId, now_ms: i64) -> Option<TokenRecord> {
        self.known_by_hash.iter_mut().find_map(|mut known| {
            let record = &mut known.value_mut().record;
            (record.id() == id && record.identity.tenant == *tenant).then(|| {
                record.revoked_ms.get_or_insert(now_ms);
                record.clone()
            })
        })
    }

    /// The tokens of `tenant`, oldest first.
    #[must_use]
    pub fn list(&self, tenant: &TenantId) -> Vec<TokenRecord> {
        let known = self.known_by_hash.iter();
        let mut records: Vec<TokenRecord> = known
            .filter(|known| known.record.identity.tenant == *tenant)
            .map(|known| known.record.clone())
            .collect();
        records.sort_by_key(|record| (record.created_ms, record.id()));
        records
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::auth::caller::Name;
    use crate::auth::hex;
    use crate::auth::role::Role;

    fn tenant(text: &str) -> TenantId {
        TenantId::parse(text).unwrap()
    }

    fn mint(
        of: &str,
        created_ms: i64,
        expires_ms: Option<i64>,
    ) -> (Zeroizing<String>, TokenRecord) {
        let identity = Identity::new(tenant(of), Role::Gate, Name::parse("north").unwrap());
        let random = ring::rand::SystemRandom::new();
        TokenRecord::mint(identity, created_ms, expires_ms, &random).unwrap()
    }

    #[test]
    fn a_token_proves_its_caller() {
        let (text, record) = mint("park", 10, None);
        assert!(text.starts_with("jtn_") && text.len() == 68);
        let tokens = Tokens::default();
        assert_eq!(tokens.resolve(&text, 10), Err(Denied::TokenUnknown));
        tokens.insert(record.clone());
        let caller = tokens.resolve(&text, i64::MAX).unwrap();
        assert_eq!((caller.id, &caller.identity), (record.id(), &record.identity));
        assert_ne!(mint("park", 10, None).0, text);
    }

    #[test]
    fn a_kept_hash_recognises_the_same_token() {
        let text = format!("jtn_{}", "00".repeat(32));
        let kept = *blake3::hash(&[0; 32]).as_bytes();
        assert_eq!(TokenHash::of_text(&text), Ok(TokenHash::from_bytes(kept)));
    }

    #[test]
    fn other_texts_are_malformed() {
        let (text, record) = mint("park", 10, None);
        let tokens = Tokens::default();
        tokens.insert(record);
        let digits = text.trim_start_matches(TOKEN_PREFIX);
        for wrong in ["", "jtn_", digits, &format!("{}0", *text), &format!(" {}", *text), "jtn_é"]
        {
            assert_eq!(tokens.resolve(wrong, 10), Err(Denied::TokenMalformed), "{wrong}");
        }
    }

    #[test]
    fn a_token_ends_at_its_expiry() {
        let (text, record) = mint("park", 10, Some(1_000));
        let tokens = Tokens::default();
        tokens.insert(record);
        assert!(tokens.resolve(&text, 999).is_ok());
        assert_eq!(tokens.resolve(&text, 1_000), Err(Denied::TokenExpired));
    }

    #[test]
    fn revoking_is_for_the_own_tenant_and_for_ever() {
        let (text, record) = mint("park", 10, None);
        let tokens = Tokens::default();
        tokens.insert(record.clone());
        assert_eq!(tokens.revoke(&tenant("pool"), record.id(), 50), None);
        assert!(tokens.resolve(&text, 50).is_ok());

        let revoked = tokens.revoke(&tenant("park"), record.id(), 50).unwrap();
        assert_eq!(revoked.revoked_ms, Some(50));
        assert_eq!(tokens.revoke(&tenant("park"), record.id(), 60), Some(revoked));
        tokens.insert(record);
        assert_eq!(tokens.resolve(&text, 70), Err(Denied::TokenRevoked));
    }

    #[test]
    fn a_tenant_lists_its_own_tokens_oldest_first() {
        let tokens = Tokens::default();
        let [late, early, foreign] =
            [("park", 30), ("park", 20), ("pool", 10)].map(|(of, at)| mint(of, at, None).1);
        for record in [&late, &early, &foreign] {
            tokens.insert(record.clone());
        }
        assert_eq!(tokens.list(&tenant("park")), [early, late]);
        assert_eq!(tokens.list(&tenant("pool")), [foreign]);
    }

    #[test]
    fn debug_output_holds_no_token() {
        let (text, record) = mint("park", 10, None);
        let printed = format!("{record:?}");
        assert!(!printed.contains(text.trim_start_matches(TOKEN_PREFIX)));
        assert!(!printed.contains(&hex::encode(record.hash.as_bytes())));
    }
}
