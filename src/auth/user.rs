//! Users: people who sign in with a name and a password.
//!
//! A user is one person of one tenant, with a role and perhaps only some of its properties. Every
//! change after which somebody must sign in again gives the user another *generation*; sessions
//! remember under which one they began and are over under any other. So one record ends all
//! sessions of a person, on all nodes.
//!
//! Does not know where records are stored: whoever stores them hands them to [`Users::insert`].

use std::sync::Arc;

use dashmap::DashMap;

use crate::auth::caller::{CallerId, Identity, Name, NameError};
use crate::auth::password::PasswordHash;
use crate::auth::role::Role;
use crate::domain::id::TenantId;

/// Most properties of one user.
pub const PROPERTIES_MAX: usize = 64;

/// The name that somebody signs in as. Case does not matter to people, so it is lowered.
///
/// # Errors
/// [`NameError`], when it is none.
pub fn user_name(text: &str) -> Result<Name, NameError> {
    Name::parse(&text.to_ascii_lowercase())
}

/// The language somebody reads: two letters of ISO 639.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Language([u8; 2]);

impl Language {
    /// Takes `de`, `en`, `cs` and the like; `None` for other texts.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let letters: [u8; 2] = text.as_bytes().try_into().ok()?;
        letters.iter().all(u8::is_ascii_lowercase).then_some(Self(letters))
    }
}

impl std::fmt::Display for Language {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|letter| write!(f, "{}", char::from(*letter)))
    }
}

/// Whether somebody may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// She may.
    Enabled,
    /// Not until she is enabled again.
    Disabled,
}

/// What is kept of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Who it is, and what she may do.
    pub identity: Identity,
    /// Recognises the password.
    pub password: PasswordHash,
    /// What the pages speak; `None` is what the browser wishes.
    pub language: Option<Language>,
    /// When she was made a user, in Unix milliseconds.
    pub created_ms: i64,
    /// When anything was changed last, in Unix milliseconds.
    pub changed_ms: i64,
    /// Whether she may sign in.
    pub standing: Standing,
    /// Random; sessions that began under another one are over.
    pub generation: u64,
}

/// What shall be different; `None` stays as it is.
#[derive(Debug, Default)]
pub struct UserChange {
    /// The role.
    pub role: Option<Role>,
    /// The properties; empty is all.
    pub properties: Option<Vec<Name>>,
    /// The language; `Some(None)` is what the browser wishes.
    pub language: Option<Option<Language>>,
    /// The password.
    pub password: Option<PasswordHash>,
    /// Whether she may sign in.
    pub standing: Option<Standing>,
}

impl User {
    /// The user's id: what budgets are keyed by.
    #[must_use]
    pub fn id(&self) -> CallerId {
        CallerId::of_user(&self.identity.tenant, &self.identity.name)
    }

    /// Makes the change; `generation` is a new one, taken if sessions must end.
    #[must_use]
    pub fn changed(mut self, change: &UserChange, now_ms: i64, generation: u64) -> Self {
        let before = self.clone();
        if let Some(role) = change.role {
            self.identity.role = role;
        }
        if let Some(properties) = &change.properties {
            self.identity.properties.clone_from(properties);
        }
        if let Some(language) = change.language {
            self.language = language;
        }
        if let Some(password) = &change.password {
            self.password = password.clone();
        }
        if let Some(standing) = change.standing {
            self.standing = standing;
        }
        let ends_sessions = self.identity != before.identity
            || self.password != before.password
            || self.standing != before.standing;
        if ends_sessions {
            self.generation = generation;
        }
        if self != before {
            self.changed_ms = now_ms;
        }
        self
    }
}

/// The users of the installation.
#[derive(Debug, Default)]
pub struct Users {
    users_by_id: DashMap<CallerId, Arc<User>, foldhash::fast::RandomState>,
}

impl Users {
    /// Takes a user in, or replaces what was known.
    pub fn insert(&self, user: User) {
        self.users_by_id.insert(user.id(), Arc::new(user));
    }

    /// Forgets a user.
    pub fn remove(&self, id: CallerId) {
        self.users_by_id.remove(&id);
    }

    /// Forgets all users but those that `keep` names.
    pub fn retain(&self, keep: impl Fn(CallerId) -> bool) {
        self.users_by_id.retain(|id, _| keep(*id));
    }

    /// The user with this id.
    #[must_use]
    pub fn find(&self, id: CallerId) -> Option<Arc<User>> {
        self.users_by_id.get(&id).map(|user| Arc::clone(&user))
    }

    /// The only user of this name in all tenants; `None` also when there are several. Looks at
    /// everybody: signing in is rare, and hashing her password takes far longer.
    #[must_use]
    pub fn only(&self, name: &Name) -> Option<Arc<User>> {
        let mut named = self.users_by_id.iter().filter(|user| user.identity.name == *name);
        match (named.next(), named.next()) {
            (Some(user), None) => Some(Arc::clone(&user)),
            (Some(_), Some(_)) | (None, _) => None,
        }
    }

    /// The users of `tenant`, by name.
    #[must_use]
    pub fn list(&self, tenant: &TenantId) -> Vec<Arc<User>> {
        let users = self.users_by_id.iter().filter(|user| user.identity.tenant == *tenant);
        let mut users: Vec<Arc<User>> = users.map(|user| Arc::clone(&user)).collect();
        users.sort_by(|a, b| a.identity.name.cmp(&b.identity.name));
        users
    }

    /// Whether there is nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users_by_id.is_empty()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
pub(super) mod tests {
    use super::*;

    pub(in crate::auth) fn user(tenant: &str, name: &str) -> User {
        let name = user_name(name).unwrap();
        let identity = Identity::new(TenantId::parse(tenant).unwrap(), Role::Office, name);
        let kept = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA\
                    $c2FsdHNhbHRzYWx0c2FsdHNhbHRzYWx0c2FsdHNhbHQ";
        User {
            identity,
            password: PasswordHash::parse(kept).unwrap(),
            language: None,
            created_ms: 1_000,
            changed_ms: 1_000,
            standing: Standing::Enabled,
            generation: 1,
        }
    }

    #[test]
    fn a_user_is_found_by_her_name() {
        let users = Users::default();
        assert!(users.is_empty());
        for (tenant, name) in [("park", "Zoe"), ("park", "anna"), ("pool", "anna")] {
            users.insert(user(tenant, name));
        }
        let tenant = TenantId::parse("park").unwrap();
        let names = users.list(&tenant);
        let names: Vec<&str> = names.iter().map(|user| user.identity.name.as_str()).collect();
        assert_eq!(names, ["anna", "zoe"]);
        assert_eq!(users.only(&user_name("ZOE").unwrap()), users.find(user("park", "zoe").id()));
        assert_eq!(users.only(&user_name("anna").unwrap()), None, "there are two");
        assert_eq!(users.only(&user_name("nobody").unwrap()), None);
        users.remove(user("park", "zoe").id());
        users.retain(|id| id == user("pool", "anna").id());
        assert!(users.list(&tenant).is_empty() && !users.is_empty());
    }

    #[test]
    fn only_some_changes_end_sessions() {
        let check = |change: UserChange, ends: bool, is_new: bool| {
            let after = user("park", "anna").changed(&change, 2_000, 2);
            assert_eq!(after.generation, if ends { 2 } else { 1 }, "{change:?}");
            assert_eq!(after.changed_ms, if is_new { 2_000 } else { 1_000 }, "{change:?}");
        };
        let none = UserChange::default;
        check(none(), false, false);
        check(UserChange { role: Some(Role::Office), ..none() }, false, false);
        check(UserChange { role: Some(Role::Admin), ..none() }, true, true);
        let aqua = vec![Name::parse("aqua").unwrap()];
        check(UserChange { properties: Some(aqua), ..none() }, true, true);
        check(UserChange { language: Some(Language::parse("de")), ..none() }, false, true);
        check(UserChange { standing: Some(Standing::Disabled), ..none() }, true, true);
        let other = PasswordHash::of("another one", &ring::rand::SystemRandom::new()).unwrap();
        check(UserChange { password: Some(other), ..none() }, true, true);
    }

    #[test]
    fn names_and_languages_are_plain() {
        assert_eq!(user_name("Anna.B").unwrap().as_str(), "anna.b");
        for wrong in ["", "a b", "änne", "a\0", &"x".repeat(65), &"x".repeat(1 << 20)] {
            assert!(user_name(wrong).is_err());
        }
        assert_eq!(Language::parse("cs").unwrap().to_string(), "cs");
        for wrong in ["", "c", "CS", "ces", "é", "c1"] {
            assert_eq!(Language::parse(wrong), None, "{wrong}");
        }
    }
}
