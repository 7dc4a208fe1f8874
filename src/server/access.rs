//! Who calls, and whether they may go on: tokens in force and failure budgets.
//!
//! Shared by both doors, so that a caller who guesses over QUIC finds the HTTP door closed as well.

use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use crate::auth::caller::{Caller, CallerId, Denied, Identity};
use crate::auth::guess::{GuessBudget, GuessKey, GuessOptions, Throttled};
use crate::auth::hex;
use crate::auth::role::Role;
use crate::auth::token::{TokenHash, TokenRecord, Tokens};
use crate::engine::{CatalogError, Engine, TenantId};

/// Tokens and budgets.
pub struct Access {
    engine: Arc<Engine>,
    tokens: RwLock<Tokens>,
    budget: GuessBudget,
}

/// Why tokens cannot be loaded or changed.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The store fails.
    #[error("tokens cannot be stored: {0}")]
    Store(#[from] CatalogError),
    /// A stored record cannot be read.
    #[error("a stored token cannot be read: {0}")]
    Record(String),
    /// No randomness.
    #[error("the operating system gave no randomness")]
    NoRandomness,
}

/// A token as it is stored: never its text.
#[derive(Serialize, Deserialize)]
struct StoredToken {
    hash: String,
    urn: String,
    created_ms: i64,
    expires_ms: Option<i64>,
    revoked_ms: Option<i64>,
}

impl Access {
    /// Loads the tokens. Blocks.
    ///
    /// # Errors
    /// When the store fails.
    pub fn open(engine: Arc<Engine>, options: GuessOptions) -> Result<Self, AccessError> {
        let tokens = Tokens::default();
        for record in engine.tokens()? {
            tokens.insert(read(&record)?);
        }
        Ok(Self { engine, tokens: RwLock::new(tokens), budget: GuessBudget::new(options) })
    }

    /// The caller that a token's text proves.
    ///
    /// # Errors
    /// Why it proves none, for the log only.
    pub fn resolve(&self, text: &str) -> Result<Arc<Caller>, Denied> {
        let now_ms = self.engine.now().0;
        self.tokens.read().unwrap_or_else(PoisonError::into_inner).resolve(text, now_ms)
    }

    /// Makes a token, durably, and gives its text: the only time it is known. Blocks.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn mint(
        &self,
        identity: Identity,
        expires_ms: Option<i64>,
    ) -> Result<(String, TokenRecord), AccessError> {
        let random = ring::rand::SystemRandom::new();
        let now_ms = self.engine.now().0;
        let (text, record) = TokenRecord::mint(identity, now_ms, expires_ms, &random)
            .map_err(|_none| AccessError::NoRandomness)?;
        self.store(&record)?;
        self.tokens.write().unwrap_or_else(PoisonError::into_inner).insert(record.clone());
        Ok((text.to_string(), record))
    }

    /// Takes a token back, durably; `None` when the tenant has no such token. Blocks.
    ///
    /// # Errors
    /// When it cannot be stored. It is out of force in this process all the same.
    pub fn revoke(
        &self,
        tenant: &TenantId,
        id: CallerId,
    ) -> Result<Option<TokenRecord>, AccessError> {
        let now_ms = self.engine.now().0;
        let revoked =
            self.tokens.write().unwrap_or_else(PoisonError::into_inner).revoke(tenant, id, now_ms);
        if let Some(record) = &revoked {
            self.store(record)?;
        }
        Ok(revoked)
    }

    /// Takes up all tokens as they are stored, after another node has changed one. What was
    /// revoked here stays revoked.
    pub(super) fn take_up(&self, records: &[Vec<u8>]) {
        let tokens = self.tokens.read().unwrap_or_else(PoisonError::into_inner);
        for record in records {
            match read(record) {
                Ok(record) => tokens.insert(record),
                Err(error) => tracing::error!(%error, "a token of another node is left out"),
            }
        }
    }

    /// A tenant's tokens.
    #[must_use]
    pub fn list(&self, tenant: &TenantId) -> Vec<TokenRecord> {
        let tokens = self.tokens.read().unwrap_or_else(PoisonError::into_inner);
        tokens.list(tenant)
    }

    /// Whether a caller may go on, or has guessed too often.
    ///
    /// # Errors
    /// How long it must wait.
    pub fn check(&self, key: GuessKey) -> Result<(), Throttled> {
        self.budget.check(key, self.engine.now().0)
    }

    /// Counts a guess that missed.
    pub fn miss(&self, key: GuessKey, role: Option<Role>) {
        metrics::counter!("jeton_guesses_total").increment(1);
        if self.budget.miss(key, role, self.engine.now().0).is_some() {
            metrics::counter!("jeton_guess_lockouts_total").increment(1);
            tracing::warn!(caller = ?key, "a caller's failure budget is used up");
        }
    }

    /// Forgets callers that have been quiet. Called about once a minute.
    pub fn sweep(&self) {
        self.budget.sweep(self.engine.now().0);
    }

    fn store(&self, record: &TokenRecord) -> Result<(), AccessError> {
        let bytes = serde_json::to_vec(&StoredToken {
            hash: hex::encode(record.hash.as_bytes()),
            urn: record.identity.urn(),
            created_ms: record.created_ms,
            expires_ms: record.expires_ms,
            revoked_ms: record.revoked_ms,
        });
        let bytes = bytes.map_err(|error| AccessError::Record(error.to_string()))?;
        Ok(self.engine.put_token(record.id().0, &bytes)?)
    }
}

fn read(bytes: &[u8]) -> Result<TokenRecord, AccessError> {
    let wrong = |what: &dyn ToString| AccessError::Record(what.to_string());
    let stored: StoredToken = serde_json::from_slice(bytes).map_err(|error| wrong(&error))?;
    let hash = hex::decode(&stored.hash).ok_or_else(|| wrong(&"its hash is no hash"))?;
    Ok(TokenRecord {
        hash: TokenHash::from_bytes(hash),
        identity: Identity::from_urn(&stored.urn).map_err(|error| wrong(&error))?,
        created_ms: stored.created_ms,
        expires_ms: stored.expires_ms,
        revoked_ms: stored.revoked_ms,
    })
}
