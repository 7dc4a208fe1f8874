//! Users and their sessions: who signs in, and what becomes of sessions when a user is changed.
//!
//! A session is decided by two records: its own, and its user's with the generation under which it
//! began. So one write to the user's record ends all her sessions, on all nodes; removing the
//! sessions' own records afterwards only makes room.

use std::sync::Arc;

use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::stored::{self, Record};
use super::{Access, AccessError};
use crate::auth::caller::{CallerId, Denied, Identity};
use crate::auth::guess::GuessKey;
use crate::auth::password::PasswordHash;
use crate::auth::session::{SESSIONS_MAX, Session, SignedIn};
use crate::auth::user::{Language, Standing, User, UserChange, user_name};
use crate::engine::TenantId;

/// A session that has just begun.
pub struct Begun {
    /// For the cookie: the only time it is known.
    pub text: Zeroizing<String>,
    /// Who has signed in.
    pub who: SignedIn,
}

impl Access {
    /// Who presents a session's text.
    ///
    /// # Errors
    /// [`Denied::SessionOver`].
    pub fn session(&self, text: &str) -> Result<SignedIn, Denied> {
        self.sessions.resolve(text, &self.users, self.engine.now().0)
    }

    /// Whether a session still goes on.
    #[must_use]
    pub fn is_session_in_force(&self, id: CallerId) -> bool {
        self.sessions.is_in_force(id, &self.users, self.engine.now().0)
    }

    /// Whether nobody can sign in, for nobody was made a user.
    #[must_use]
    pub fn has_no_users(&self) -> bool {
        self.users.is_empty()
    }

    /// A tenant's users by name.
    #[must_use]
    pub fn users(&self, tenant: &TenantId) -> Vec<Arc<User>> {
        self.users.list(tenant)
    }

    /// How many sessions of a user go on.
    #[must_use]
    pub fn sessions_of(&self, user: &User) -> usize {
        self.sessions.in_force(user, self.engine.now().0)
    }

    /// Whose budgets a wrong password is taken from: the name's, in whatever tenant and whether it
    /// exists or not.
    #[must_use]
    pub fn sign_in_key(name: &str) -> GuessKey {
        let lowered = name.to_ascii_lowercase();
        GuessKey::SignIn(CallerId::of_hash(blake3::hash(lowered.as_bytes()).as_bytes()))
    }

    /// Begins a session for whoever knows the password; `None` for anything that is wrong, after
    /// the same time. Without a tenant, the name must exist in one tenant only. Blocks, and works
    /// for some tens of milliseconds: for who has a [`Turn`](super::Turn).
    ///
    /// # Errors
    /// When the session cannot be stored.
    pub fn sign_in(
        &self,
        tenant: Option<&str>,
        name: &str,
        password: &str,
    ) -> Result<Option<Begun>, AccessError> {
        let Some(user) = self.named(tenant, name) else {
            PasswordHash::is_of_nobody(password);
            return Ok(None);
        };
        if !user.password.is_of(password) {
            return Ok(None);
        }
        let _step = self.in_step();
        self.begin(&user)
    }

    fn named(&self, tenant: Option<&str>, name: &str) -> Option<Arc<User>> {
        let name = user_name(name).ok()?;
        let Some(tenant) = tenant else { return self.users.only(&name) };
        self.users.find(CallerId::of_user(&TenantId::parse(tenant).ok()?, &name))
    }

    /// Ends a session, durably. Blocks.
    ///
    /// # Errors
    /// When that cannot be stored. It is over in this process all the same.
    pub fn sign_out(&self, session: CallerId) -> Result<(), AccessError> {
        let _step = self.in_step();
        self.sessions.remove(session);
        Ok(self.engine.remove_tokens(&[session.0])?)
    }

    /// Makes a user, durably. Blocks, and hashes the password.
    ///
    /// # Errors
    /// [`AccessError::Taken`] when there is one of this name, or when it cannot be stored.
    pub fn create_user(
        &self,
        identity: Identity,
        password: &str,
        language: Option<Language>,
    ) -> Result<Arc<User>, AccessError> {
        let now_ms = self.engine.now().0;
        let user = User {
            identity,
            password: PasswordHash::of(password, &SystemRandom::new())?,
            language,
            created_ms: now_ms,
            changed_ms: now_ms,
            standing: Standing::Enabled,
            generation: new_generation()?,
        };
        let record = stored::user(&user)?;
        let _step = self.in_step();
        self.engine.change_token(user.id().0, |found| match found {
            None => Ok(Some(record.clone())),
            Some(_) => Err(AccessError::Taken(user.identity.name.to_string())),
        })?;
        self.users.insert(user.clone());
        Ok(Arc::new(user))
    }

    /// Changes a user, durably; `None` when there is none. If it concerns what she may do, all her
    /// sessions are over. Blocks.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn change_user(
        &self,
        id: CallerId,
        change: &UserChange,
    ) -> Result<Option<Arc<User>>, AccessError> {
        let _step = self.in_step();
        self.change(id, change)
    }

    /// Removes a user and all her sessions, durably; `None` when there is none. Blocks.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn remove_user(&self, id: CallerId) -> Result<Option<Arc<User>>, AccessError> {
        let _step = self.in_step();
        let Some(user) = self.users.find(id) else { return Ok(None) };
        self.engine.remove_tokens(&[id.0])?;
        self.users.remove(id);
        self.end(&self.sessions.of(id));
        Ok(Some(user))
    }

    /// Gives who has signed in another password, ends all her sessions and begins a new one; `None`
    /// when the old password is wrong. Blocks, and hashes two passwords.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn change_password(
        &self,
        who: &SignedIn,
        old: &str,
        new: &str,
    ) -> Result<Option<Begun>, AccessError> {
        if !who.user.password.is_of(old) {
            return Ok(None);
        }
        let password = Some(PasswordHash::of(new, &SystemRandom::new())?);
        let _step = self.in_step();
        // Somebody else may have changed or disabled her meanwhile.
        let is_same = |now: &Arc<User>| now.generation == who.user.generation;
        if !self.users.find(who.user.id()).as_ref().is_some_and(is_same) {
            return Ok(None);
        }
        let change = UserChange { password, ..UserChange::default() };
        match self.change(who.user.id(), &change)? {
            Some(user) => self.begin(&user),
            None => Ok(None),
        }
    }

    fn change(&self, id: CallerId, change: &UserChange) -> Result<Option<Arc<User>>, AccessError> {
        let (now_ms, generation) = (self.engine.now().0, new_generation()?);
        let mut changed = None;
        self.engine.change_token(id.0, |found| {
            changed = None;
            let Some(record) = found else { return Ok(None) };
            let Record::User(user) = stored::read(&record)? else { return Ok(Some(record)) };
            let user = user.changed(change, now_ms, generation);
            let record = stored::user(&user);
            changed = Some(user);
            record.map(Some)
        })?;
        let Some(user) = changed else { return Ok(None) };
        self.take_user(user.clone());
        let mut over = self.sessions.of(id);
        over.retain(|session| session.generation != user.generation);
        self.end(&over);
        Ok(Some(Arc::new(user)))
    }

    /// Knows a user as she is from now on. With another password, what was guessed at the old one
    /// is forgiven, on every node as it hears of it; but not where the name is somebody else's in
    /// another tenant, too: the two share a budget, and one could guess at the other's for ever.
    pub(super) fn take_user(&self, user: User) {
        let before = self.users.find(user.id());
        let is_other = before.is_some_and(|before| before.password != user.password);
        let name = user.identity.name.clone();
        self.users.insert(user);
        if is_other && self.users.only(&name).is_some() {
            self.budget.forgive(Self::sign_in_key(name.as_str()));
        }
    }

    /// Begins a session of `user` as she was when her password was compared; for who is in step.
    fn begin(&self, user: &User) -> Result<Option<Begun>, AccessError> {
        let known = self.users.find(user.id());
        let is_same =
            |now: &User| now.generation == user.generation && now.standing == Standing::Enabled;
        let Some(user) = known.filter(|now| is_same(now)) else { return Ok(None) };
        let now_ms = self.engine.now().0;
        let (text, session) = Session::begin(&user, now_ms, &SystemRandom::new())
            .map_err(|_none| AccessError::NoRandomness)?;
        self.engine.put_token(session.id().0, &stored::session(&session)?)?;
        let mut oldest = self.sessions.of(user.id());
        oldest.truncate((oldest.len() + 1).saturating_sub(SESSIONS_MAX));
        self.end(&oldest);
        self.sessions.insert(session);
        let who = self.sessions.resolve(&text, &self.users, now_ms);
        Ok(who.ok().map(|who| Begun { text, who }))
    }

    fn end(&self, sessions: &[Session]) {
        let ids: Vec<CallerId> = sessions.iter().map(Session::id).collect();
        self.forget(&ids);
    }

    /// Forgets sessions that are over anyway; where the store fails, their records stay for now.
    pub(super) fn forget(&self, ids: &[CallerId]) {
        if ids.is_empty() {
            return;
        }
        ids.iter().for_each(|id| self.sessions.remove(*id));
        let ids: Vec<[u8; 16]> = ids.iter().map(|id| id.0).collect();
        if let Err(error) = self.engine.remove_tokens(&ids) {
            tracing::warn!(%error, "sessions that are over stay in the store for now");
        }
    }
}

fn new_generation() -> Result<u64, AccessError> {
    let mut bytes = [0; 8];
    SystemRandom::new().fill(&mut bytes).map_err(|_none| AccessError::NoRandomness)?;
    Ok(u64::from_be_bytes(bytes))
}
