//! Sessions: that somebody has signed in, for a while.
//!
//! A session is proven like a token, by 32 random bytes, written `jts_` and 64 hexadecimal digits,
//! of which only the hash is kept. It names its user and says nothing of what she may do: that is
//! the user's, and is looked up with each request. Its text travels in a cookie, which a browser
//! sends whoever made it ask; so what changes something must also name the session's *csrf*, which
//! is derived from the secret and which only pages of our own can read.
//!
//! A session ends twelve hours after it began, whether it is used or not: a working day, and no
//! node needs to tell the others when it was used last.
//!
//! Does not know where records are stored: whoever stores them hands them to [`Sessions::insert`].

use std::fmt;
use std::sync::Arc;

use dashmap::DashMap;
use ring::rand::SecureRandom;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::auth::caller::{Caller, CallerId, Denied};
use crate::auth::hex;
use crate::auth::secret::{NoRandomness, Secret};
use crate::auth::token::TokenHash;
use crate::auth::user::{Standing, User, Users};

/// What every session's text begins with.
pub const SESSION_PREFIX: &str = "jts_";

/// How long a session lasts, in milliseconds.
pub const SESSION_MS: i64 = 12 * 3_600 * 1_000;

/// Most sessions of one user; with one more, the oldest ends.
pub const SESSIONS_MAX: usize = 20;

const CSRF_CONTEXT: &str = "jeton v1 csrf of a session";

/// What is kept of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Recognises it.
    pub hash: TokenHash,
    /// Whose it is.
    pub user: CallerId,
    /// The user's generation under which it began.
    pub generation: u64,
    /// When it began, in Unix milliseconds.
    pub created_ms: i64,
    /// From when on it is over, in Unix milliseconds.
    pub expires_ms: i64,
}

impl Session {
    /// Begins a session: the text for the cookie, and the record to keep.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn begin(
        user: &User,
        now_ms: i64,
        random: &dyn SecureRandom,
    ) -> Result<(Zeroizing<String>, Self), NoRandomness> {
        let secret = Secret::random(random)?;
        let session = Self {
            hash: TokenHash::of_secret(&secret),
            user: user.id(),
            generation: user.generation,
            created_ms: now_ms,
            expires_ms: now_ms.saturating_add(SESSION_MS),
        };
        Ok((secret.text(SESSION_PREFIX), session))
    }

    /// The session's id, under which it is kept.
    #[must_use]
    pub fn id(&self) -> CallerId {
        CallerId::of_hash(self.hash.as_bytes())
    }

    fn is_of(&self, user: &User, now_ms: i64) -> bool {
        self.generation == user.generation
            && user.standing == Standing::Enabled
            && now_ms < self.expires_ms
    }
}

/// What must come with everything that changes something: 64 hexadecimal digits.
#[derive(Clone, PartialEq, Eq)]
pub struct Csrf([u8; 32]);

impl Csrf {
    fn of(secret: &Secret) -> Self {
        Self(blake3::derive_key(CSRF_CONTEXT, secret.bytes()))
    }

    /// Whether `text` is it, in constant time.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        hex::decode::<32>(text.trim()).is_some_and(|bytes| bytes.ct_eq(&self.0).into())
    }

    /// As pages name it.
    #[must_use]
    pub fn text(&self) -> String {
        hex::encode(&self.0)
    }
}

impl fmt::Debug for Csrf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Csrf(…)")
    }
}

/// Somebody who has signed in.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// As every other caller.
    pub caller: Arc<Caller>,
    /// Who it is.
    pub user: Arc<User>,
    /// Through which session.
    pub session: CallerId,
    /// What must come with changes.
    pub csrf: Csrf,
}

/// The sessions of the installation.
#[derive(Debug, Default)]
pub struct Sessions {
    sessions_by_id: DashMap<CallerId, Session, foldhash::fast::RandomState>,
}

impl Sessions {
    /// Who presents `text` at `now_ms`.
    ///
    /// # Errors
    /// [`Denied::SessionOver`], whatever is wrong with it.
    pub fn resolve(&self, text: &str, users: &Users, now_ms: i64) -> Result<SignedIn, Denied> {
        let secret = Secret::of_text(SESSION_PREFIX, text).ok_or(Denied::SessionOver)?;
        let hash = TokenHash::of_secret(&secret);
        let id = CallerId::of_hash(hash.as_bytes());
        let session = self.sessions_by_id.get(&id).filter(|session| session.hash == hash);
        let session = session.ok_or(Denied::SessionOver)?;
        let user = users.find(session.user).filter(|user| session.is_of(user, now_ms));
        let user = user.ok_or(Denied::SessionOver)?;
        let caller = Caller {
            id: session.user,
            identity: user.identity.clone(),
            expires_ms: Some(session.expires_ms),
        };
        Ok(SignedIn { caller: Arc::new(caller), user, session: id, csrf: Csrf::of(&secret) })
    }

    /// Whether a session goes on at `now_ms`.
    #[must_use]
    pub fn is_in_force(&self, id: CallerId, users: &Users, now_ms: i64) -> bool {
        self.sessions_by_id.get(&id).is_some_and(|session| {
            users.find(session.user).is_some_and(|user| session.is_of(&user, now_ms))
        })
    }

    /// Takes a session in.
    pub fn insert(&self, session: Session) {
        self.sessions_by_id.insert(session.id(), session);
    }

    /// Ends a session here.
    pub fn remove(&self, id: CallerId) {
        self.sessions_by_id.remove(&id);
    }

    /// Ends all sessions but those that `keep` names.
    pub fn retain(&self, keep: impl Fn(CallerId) -> bool) {
        self.sessions_by_id.retain(|id, _| keep(*id));
    }

    /// The sessions of one user, whether they are over or not, oldest first.
    #[must_use]
    pub fn of(&self, user: CallerId) -> Vec<Session> {
        let sessions = self.sessions_by_id.iter().filter(|session| session.user == user);
        let mut sessions: Vec<Session> = sessions.map(|session| session.clone()).collect();
        sessions.sort_by_key(|session| (session.created_ms, session.id()));
        sessions
    }

    /// How many sessions of one user go on at `now_ms`.
    #[must_use]
    pub fn in_force(&self, user: &User, now_ms: i64) -> usize {
        let id = user.id();
        let sessions = self.sessions_by_id.iter().filter(|session| session.user == id);
        sessions.filter(|session| session.is_of(user, now_ms)).count()
    }

    /// Those whose time is over at `now_ms`.
    #[must_use]
    pub fn expired(&self, now_ms: i64) -> Vec<CallerId> {
        let sessions = self.sessions_by_id.iter();
        sessions.filter(|session| now_ms >= session.expires_ms).map(|one| *one.key()).collect()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::auth::user::UserChange;
    use crate::auth::user::tests::user;

    fn begin(of: &User) -> (Zeroizing<String>, Session) {
        Session::begin(of, 1_000, &ring::rand::SystemRandom::new()).unwrap()
    }

    fn signed_in() -> (Users, Sessions, Zeroizing<String>, Session) {
        let (users, sessions) = (Users::default(), Sessions::default());
        let anna = user("park", "anna");
        let (text, session) = begin(&anna);
        users.insert(anna);
        sessions.insert(session.clone());
        (users, sessions, text, session)
    }

    #[test]
    fn a_session_proves_its_user_until_it_expires() {
        let (users, sessions, text, session) = signed_in();
        assert!(text.starts_with("jts_") && text.len() == 68);
        let end_ms = 1_000 + SESSION_MS;
        let who = sessions.resolve(&text, &users, end_ms - 1).unwrap();
        assert_eq!(who.caller.identity, user("park", "anna").identity);
        assert_eq!((who.caller.id, who.session), (user("park", "anna").id(), session.id()));
        assert_eq!(who.caller.expires_ms, Some(end_ms));
        assert!(sessions.is_in_force(session.id(), &users, end_ms - 1));
        assert!(!sessions.is_in_force(session.id(), &users, end_ms));
        assert_eq!(sessions.resolve(&text, &users, end_ms).unwrap_err(), Denied::SessionOver);
        assert_eq!(sessions.expired(end_ms - 1), []);
        assert_eq!(sessions.expired(end_ms), [session.id()]);
    }

    #[test]
    fn changing_disabling_or_removing_the_user_ends_it() {
        let (users, sessions, text, session) = signed_in();
        let resolve = || sessions.resolve(&text, &users, 2_000).is_ok();
        let anna = user("park", "anna");
        let language = UserChange { language: Some(None), ..UserChange::default() };
        users.insert(anna.clone().changed(&language, 2_000, 2));
        assert!(resolve(), "what changes nothing of her rights ends nothing");
        users.insert(User { generation: 2, ..anna.clone() });
        assert!(!resolve());
        users.insert(User { standing: Standing::Disabled, ..anna.clone() });
        assert!(!resolve());
        users.remove(anna.id());
        assert!(!resolve());
        users.insert(anna.clone());
        assert!(resolve());
        assert_eq!(sessions.in_force(&anna, 2_000), 1);
        sessions.remove(session.id());
        assert!(!resolve());
        assert_eq!(sessions.in_force(&anna, 2_000), 0);
    }

    #[test]
    fn other_texts_prove_nobody() {
        let (users, sessions, text, _) = signed_in();
        let digits = text.trim_start_matches(SESSION_PREFIX);
        let changed = format!("jts_{}", "0".repeat(64));
        for wrong in
            ["", "jts_", digits, &format!("jtn_{digits}"), &format!("{}0", *text), &changed]
        {
            assert!(sessions.resolve(wrong, &users, 2_000).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_csrf_is_the_sessions_own() {
        let (users, sessions, text, _) = signed_in();
        let csrf = sessions.resolve(&text, &users, 2_000).unwrap().csrf;
        assert_eq!(csrf, sessions.resolve(&text, &users, 3_000).unwrap().csrf);
        assert!(csrf.is(&csrf.text()));
        assert!(
            !csrf.is("") && !csrf.is(&"0".repeat(64)) && !csrf.is(text.trim_start_matches("jts_"))
        );
        assert_eq!(format!("{csrf:?}"), "Csrf(…)");
        let (other, session) = begin(&user("park", "anna"));
        sessions.insert(session);
        assert_ne!(csrf, sessions.resolve(&other, &users, 2_000).unwrap().csrf);
    }

    #[test]
    fn sessions_of_one_user_are_told_oldest_first() {
        let sessions = Sessions::default();
        let anna = user("park", "anna");
        let later = |(_, session): (_, Session), created_ms| Session { created_ms, ..session };
        let [second, first, other] =
            [later(begin(&anna), 20), later(begin(&anna), 10), begin(&user("pool", "anna")).1];
        for session in [&second, &first, &other] {
            sessions.insert(session.clone());
        }
        assert_eq!(sessions.of(anna.id()), [first.clone(), second]);
        sessions.retain(|id| id == first.id());
        assert_eq!(sessions.of(anna.id()), [first]);
    }
}
