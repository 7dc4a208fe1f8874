//! Passwords of people: what may be one, and what is kept of it.
//!
//! Unlike a token a password can be guessed, so each guess must cost: Argon2id (RFC 9106) over
//! 19 MiB in two passes, the crate's default and OWASP's advice. What is kept is a PHC string,
//! which names its own cost: older hashes stay good when the cost is raised.
//!
//! It deliberately does not limit how many are hashed at once: that is up to whoever calls, from a
//! thread that may block. Randomness is an argument.

use std::fmt;

use argon2::password_hash::phc;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use ring::rand::SecureRandom;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::auth::caller::Name;
use crate::auth::secret::NoRandomness;

/// Shortest password, in characters: below, the budget for wrong guesses is all that protects it.
pub const PASSWORD_CHARS_MIN: usize = 10;

/// Longest password, in characters.
pub const PASSWORD_CHARS_MAX: usize = 256;

const SALT_BYTES: usize = 16;

/// Why a text may not be somebody's password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordFault {
    /// Fewer characters than [`PASSWORD_CHARS_MIN`].
    #[error("is too short; give at least {PASSWORD_CHARS_MIN} characters")]
    Short,
    /// More characters than [`PASSWORD_CHARS_MAX`].
    #[error("is too long; give at most {PASSWORD_CHARS_MAX} characters")]
    Long,
    /// Contains what no keyboard types.
    #[error("contains control characters")]
    Control,
    /// The first guess of everybody.
    #[error("must not be the name")]
    Name,
}

/// Checks what `name` wants as a password.
///
/// # Errors
/// [`PasswordFault`].
pub fn check_password(name: &Name, password: &str) -> Result<(), PasswordFault> {
    let chars = password.chars().take(PASSWORD_CHARS_MAX + 1).count();
    if chars < PASSWORD_CHARS_MIN {
        return Err(PasswordFault::Short);
    }
    if chars > PASSWORD_CHARS_MAX {
        return Err(PasswordFault::Long);
    }
    if password.chars().any(char::is_control) {
        return Err(PasswordFault::Control);
    }
    if password.trim().eq_ignore_ascii_case(name.as_str()) {
        return Err(PasswordFault::Name);
    }
    Ok(())
}

/// Why a password could not be hashed.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// No salt.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The library did not want to.
    #[error("a password cannot be hashed: {0}")]
    Library(argon2::password_hash::Error),
}

/// What is kept of a password. Not as harmless as a token's hash: weak passwords can be found from
/// it with patience, so it is neither printed nor told.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Box<str>);

impl PasswordHash {
    /// Hashes a password under a new salt. Takes some tens of milliseconds and 19 MiB.
    ///
    /// # Errors
    /// [`HashError`].
    pub fn of(password: &str, random: &dyn SecureRandom) -> Result<Self, HashError> {
        let mut salt = [0; SALT_BYTES];
        random.fill(&mut salt).map_err(|_| NoRandomness)?;
        let hash = hash(password, &salt).map_err(HashError::Library)?;
        Ok(Self(hash.to_string().into()))
    }

    /// A hash that was kept; `None` if it is none.
    #[must_use]
    pub fn parse(kept: &str) -> Option<Self> {
        let hash = phc::PasswordHash::new(kept).ok()?;
        let is_ours = hash.algorithm == argon2::ARGON2ID_IDENT && hash.hash.is_some();
        is_ours.then(|| Self(kept.into()))
    }

    /// The text to keep.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the hash of `password`. Takes as long as [`Self::of`], right or wrong.
    #[must_use]
    pub fn is_of(&self, password: &str) -> bool {
        let password = composed(password);
        Argon2::default().verify_password(password.as_bytes(), &*self.0).is_ok()
    }

    /// Takes as long as [`Self::is_of`], for nobody's password: so that time does not tell whose
    /// name exists.
    pub fn is_of_nobody(password: &str) {
        // What comes out is of no use to anybody.
        let _unused = hash(password, &[0; SALT_BYTES]);
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

fn hash(password: &str, salt: &[u8]) -> argon2::password_hash::Result<phc::PasswordHash> {
    Argon2::default().hash_password_with_salt(composed(password).as_bytes(), salt)
}

/// The same letters in the same bytes, whichever keyboard they came from (NFC, as in RFC 8265).
fn composed(password: &str) -> Zeroizing<String> {
    Zeroizing::new(password.nfc().collect())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    fn hashed(password: &str) -> PasswordHash {
        PasswordHash::of(password, &ring::rand::SystemRandom::new()).unwrap()
    }

    #[test]
    fn a_hash_knows_its_password_and_no_other() {
        let hash = hashed("correct horse");
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
        let kept = PasswordHash::parse(hash.as_str()).unwrap();
        assert!(kept.is_of("correct horse"));
        for wrong in ["", "correct hors", "correct horse ", "Correct horse", "correct\0horse"] {
            assert!(!kept.is_of(wrong), "{wrong:?}");
        }
        assert_ne!(hashed("correct horse"), hash, "each has its own salt");
        assert_eq!(format!("{hash:?}"), "PasswordHash(…)");
    }

    #[test]
    fn a_letter_is_the_same_however_it_was_typed() {
        assert!(hashed("Caf\u{e9} am See").is_of("Cafe\u{301} am See"));
    }

    #[test]
    fn other_texts_are_no_hashes() {
        for wrong in ["", "hunter2", "$argon2id$", "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ"] {
            assert_eq!(PasswordHash::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn rules_are_few_and_clear() {
        let name = Name::parse("annabel.lee").unwrap();
        let check = |password: &str| check_password(&name, password);
        assert_eq!(check("sailing by the sea"), Ok(()));
        assert_eq!(check("übermäßig"), Err(PasswordFault::Short));
        assert_eq!(check("übermäßigß"), Ok(()));
        assert_eq!(check(&"x".repeat(256)), Ok(()));
        assert_eq!(check(&"ü".repeat(257)), Err(PasswordFault::Long));
        assert_eq!(check("0123456789\0"), Err(PasswordFault::Control));
        assert_eq!(check(" Annabel.LEE "), Err(PasswordFault::Name));
    }
}
