//! Who calls, and whether they may go on: tokens, users and sessions in force, failure budgets.
//!
//! Shared by both doors, so that a caller who guesses over QUIC finds the HTTP door closed as well.
//! The store is read at the start and followed from then on; requests are answered from memory.

mod people;
mod stored;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::auth::caller::{Caller, CallerId, Denied, Identity};
use crate::auth::guess::{GuessBudget, GuessKey, GuessOptions, Throttled};
use crate::auth::password::HashError;
use crate::auth::role::Role;
use crate::auth::session::Sessions;
use crate::auth::token::{TokenRecord, Tokens};
use crate::auth::user::Users;
use crate::engine::{CatalogError, Engine, TenantId, TokenNews};
use stored::Record;

pub use people::Begun;

/// Passwords that are hashed at once: each takes a core for some tens of milliseconds, and 19 MiB.
const HASHES_MAX: usize = 2;

/// Who may wait for that: two seconds' worth. Further ones are turned away.
const HASHES_WAITING_MAX: usize = 64;

/// Tokens, users, sessions and budgets.
pub struct Access {
    engine: Arc<Engine>,
    tokens: Tokens,
    users: Users,
    sessions: Sessions,
    budget: GuessBudget,
    /// Held from reading or writing the store to memory saying the same: whoever holds it cannot
    /// put something older over something newer.
    step: Mutex<()>,
    hashing: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

/// Why tokens, users and sessions cannot be loaded or changed.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The store fails.
    #[error("who may come in cannot be stored: {0}")]
    Store(#[from] CatalogError),
    /// A stored record cannot be read.
    #[error("a stored token, user or session cannot be read: {0}")]
    Record(String),
    /// No randomness.
    #[error("the operating system gave no randomness")]
    NoRandomness,
    /// No hash of a password.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// There is a user of this name.
    #[error("there is a user {0} already")]
    Taken(String),
}

/// The right to hash a password, until it is dropped.
pub struct Turn {
    _hashing: OwnedSemaphorePermit,
    _waiting: OwnedSemaphorePermit,
}

impl Access {
    /// Loads tokens, users and sessions. Blocks.
    ///
    /// # Errors
    /// When the store fails, or holds what cannot be read.
    pub fn open(engine: Arc<Engine>, options: GuessOptions) -> Result<Self, AccessError> {
        let records = engine.tokens()?;
        let access = Self {
            engine,
            tokens: Tokens::default(),
            users: Users::default(),
            sessions: Sessions::default(),
            budget: GuessBudget::new(options),
            step: Mutex::default(),
            hashing: Arc::new(Semaphore::new(HASHES_MAX)),
            waiting: Arc::new(Semaphore::new(HASHES_WAITING_MAX)),
        };
        for (_, record) in records {
            access.take(stored::read(&record)?);
        }
        Ok(access)
    }

    /// The caller that a token's text proves.
    ///
    /// # Errors
    /// Why it proves none, for the log only.
    pub fn resolve(&self, text: &str) -> Result<Arc<Caller>, Denied> {
        self.tokens.resolve(text, self.engine.now().0)
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
        let _step = self.in_step();
        self.engine.put_token(record.id().0, &stored::token(&record)?)?;
        self.tokens.insert(record.clone());
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
        let _step = self.in_step();
        let revoked = self.tokens.revoke(tenant, id, self.engine.now().0);
        if let Some(record) = &revoked {
            self.engine.put_token(record.id().0, &stored::token(record)?)?;
        }
        Ok(revoked)
    }

    /// Takes up what another node has changed. What was revoked here stays revoked.
    pub(super) fn take_up(&self, news: TokenNews) -> Result<(), CatalogError> {
        let _step = self.in_step();
        match news {
            TokenNews::All => {
                let records = self.engine.tokens()?;
                let ids: HashSet<CallerId> = records.iter().map(|(id, _)| CallerId(*id)).collect();
                self.users.retain(|id| ids.contains(&id));
                self.sessions.retain(|id| ids.contains(&id));
                records.iter().for_each(|(_, record)| self.take_readable(record));
            }
            TokenNews::Some(ids) => {
                for (id, record) in ids.iter().zip(self.engine.tokens_of(&ids)?) {
                    match record {
                        Some(record) => self.take_readable(&record),
                        None => {
                            self.users.remove(CallerId(*id));
                            self.sessions.remove(CallerId(*id));
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn take_readable(&self, record: &[u8]) {
        match stored::read(record) {
            Ok(record) => self.take(record),
            Err(error) => tracing::error!(%error, "a record of another node is left out"),
        }
    }

    fn take(&self, record: Record) {
        match record {
            Record::Token(token) => self.tokens.insert(token),
            Record::User(user) => self.take_user(user),
            Record::Session(session) => self.sessions.insert(session),
        }
    }

    /// A tenant's tokens.
    #[must_use]
    pub fn list(&self, tenant: &TenantId) -> Vec<TokenRecord> {
        self.tokens.list(tenant)
    }

    /// Waits until a password may be hashed; `None` when too many wait already.
    pub async fn turn(&self) -> Option<Turn> {
        let waiting = Arc::clone(&self.waiting).try_acquire_owned().ok()?;
        let hashing = Arc::clone(&self.hashing).acquire_owned().await.ok()?;
        Some(Turn { _hashing: hashing, _waiting: waiting })
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
        self.miss_all(&[key], role);
    }

    /// Counts one guess that missed against several budgets.
    pub fn miss_all(&self, keys: &[GuessKey], role: Option<Role>) {
        metrics::counter!("jeton_guesses_total").increment(1);
        for key in keys {
            if self.budget.miss(*key, role, self.engine.now().0).is_some() {
                metrics::counter!("jeton_guess_lockouts_total").increment(1);
                tracing::warn!(caller = ?key, "a caller's failure budget is used up");
            }
        }
    }

    /// Forgets callers that have been quiet, and sessions that are over. Called about once a
    /// minute. Blocks.
    pub fn sweep(&self) {
        let now_ms = self.engine.now().0;
        self.budget.sweep(now_ms);
        let expired = self.sessions.expired(now_ms);
        if !expired.is_empty() {
            let _step = self.in_step();
            self.forget(&expired);
        }
    }

    fn in_step(&self) -> MutexGuard<'_, ()> {
        // The lock guards no memory that a panic could have left half done.
        self.step.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
