//! How tokens, users and sessions lie in the store: JSON, told apart by their fields. Never the
//! text of a token or session, nor a password.

use serde::{Deserialize, Serialize};

use super::AccessError;
use crate::auth::caller::{CallerId, Identity};
use crate::auth::hex;
use crate::auth::password::PasswordHash;
use crate::auth::session::Session;
use crate::auth::token::{TokenHash, TokenRecord};
use crate::auth::user::{Language, Standing, User};

/// Whatever a record turns out to be.
pub(super) enum Record {
    Token(TokenRecord),
    User(User),
    Session(Session),
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Stored {
    User { user: StoredUser },
    Session { session: StoredSession },
    Token(StoredToken),
}

#[derive(Serialize, Deserialize)]
struct StoredToken {
    hash: String,
    urn: String,
    created_ms: i64,
    expires_ms: Option<i64>,
    revoked_ms: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct StoredUser {
    urn: String,
    password: String,
    language: Option<String>,
    created_ms: i64,
    changed_ms: i64,
    disabled: bool,
    generation: u64,
}

#[derive(Serialize, Deserialize)]
struct StoredSession {
    hash: String,
    user: String,
    generation: u64,
    created_ms: i64,
    expires_ms: i64,
}

pub(super) fn token(record: &TokenRecord) -> Result<Vec<u8>, AccessError> {
    bytes(&Stored::Token(StoredToken {
        hash: hex::encode(record.hash.as_bytes()),
        urn: record.identity.urn(),
        created_ms: record.created_ms,
        expires_ms: record.expires_ms,
        revoked_ms: record.revoked_ms,
    }))
}

pub(super) fn user(user: &User) -> Result<Vec<u8>, AccessError> {
    let user = StoredUser {
        urn: user.identity.urn(),
        password: user.password.as_str().to_owned(),
        language: user.language.map(|language| language.to_string()),
        created_ms: user.created_ms,
        changed_ms: user.changed_ms,
        disabled: user.standing == Standing::Disabled,
        generation: user.generation,
    };
    bytes(&Stored::User { user })
}

pub(super) fn session(session: &Session) -> Result<Vec<u8>, AccessError> {
    let session = StoredSession {
        hash: hex::encode(session.hash.as_bytes()),
        user: session.user.to_string(),
        generation: session.generation,
        created_ms: session.created_ms,
        expires_ms: session.expires_ms,
    };
    bytes(&Stored::Session { session })
}

fn bytes(stored: &Stored) -> Result<Vec<u8>, AccessError> {
    serde_json::to_vec(stored).map_err(|error| wrong(&error))
}

pub(super) fn read(bytes: &[u8]) -> Result<Record, AccessError> {
    let stored = serde_json::from_slice(bytes).map_err(|error| wrong(&error))?;
    match stored {
        Stored::User { user } => read_user(&user).map(Record::User),
        Stored::Session { session } => read_session(&session).map(Record::Session),
        Stored::Token(token) => read_token(&token).map(Record::Token),
    }
}

fn read_token(stored: &StoredToken) -> Result<TokenRecord, AccessError> {
    Ok(TokenRecord {
        hash: hash(&stored.hash)?,
        identity: Identity::from_urn(&stored.urn).map_err(|error| wrong(&error))?,
        created_ms: stored.created_ms,
        expires_ms: stored.expires_ms,
        revoked_ms: stored.revoked_ms,
    })
}

fn read_user(stored: &StoredUser) -> Result<User, AccessError> {
    let password = PasswordHash::parse(&stored.password);
    Ok(User {
        identity: Identity::from_urn(&stored.urn).map_err(|error| wrong(&error))?,
        password: password.ok_or_else(|| wrong(&"its password's hash is none"))?,
        language: stored.language.as_deref().and_then(Language::parse),
        created_ms: stored.created_ms,
        changed_ms: stored.changed_ms,
        standing: if stored.disabled { Standing::Disabled } else { Standing::Enabled },
        generation: stored.generation,
    })
}

fn read_session(stored: &StoredSession) -> Result<Session, AccessError> {
    Ok(Session {
        hash: hash(&stored.hash)?,
        user: CallerId::parse(&stored.user).ok_or_else(|| wrong(&"its user's id is none"))?,
        generation: stored.generation,
        created_ms: stored.created_ms,
        expires_ms: stored.expires_ms,
    })
}

fn hash(text: &str) -> Result<TokenHash, AccessError> {
    let bytes = hex::decode(text).ok_or_else(|| wrong(&"its hash is no hash"))?;
    Ok(TokenHash::from_bytes(bytes))
}

fn wrong(what: &dyn ToString) -> AccessError {
    AccessError::Record(what.to_string())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    const TOKEN: &str = r#"{"hash":"0000000000000000000000000000000000000000000000000000000000000001","urn":"urn:jeton:tenant:park:role:gate:name:north","created_ms":1,"expires_ms":null,"revoked_ms":3}"#;

    const USER: &str = r#"{"user":{"urn":"urn:jeton:tenant:park:role:office:name:anna:property:aqua","password":"$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$c2FsdHNhbHRzYWx0c2FsdHNhbHRzYWx0c2FsdHNhbHQ","language":"de","created_ms":1,"changed_ms":2,"disabled":true,"generation":18446744073709551615}}"#;

    const SESSION: &str = r#"{"session":{"hash":"0000000000000000000000000000000000000000000000000000000000000002","user":"000102030405060708090a0b0c0d0e0f","generation":7,"created_ms":1,"expires_ms":2}}"#;

    /// What lies in installations; it must be read for ever.
    #[test]
    fn kept_records_are_read_and_written_alike() {
        for kept in [TOKEN, USER, SESSION] {
            let written = match read(kept.as_bytes()).unwrap() {
                Record::Token(record) => token(&record),
                Record::User(record) => user(&record),
                Record::Session(record) => session(&record),
            };
            assert_eq!(String::from_utf8(written.unwrap()).unwrap(), kept);
        }
    }

    #[test]
    fn damaged_records_are_noticed() {
        for kept in [TOKEN, USER, SESSION] {
            for (from, to) in
                [("0000000", "000000x"), ("urn:", "run:"), ("argon2id", "argon3"), ("0a0b", "0a")]
            {
                let damaged = kept.replace(from, to);
                assert!(damaged == kept || read(damaged.as_bytes()).is_err(), "{damaged}");
            }
        }
        assert!(read(b"{}").is_err() && read(b"").is_err());
    }
}
