//! Identities: who owns, what is named, which request it was.
//!
//! Texts that people choose (tenants, campaigns) are *slugs*, checked once where they enter;
//! everything else a request mentions (gate, property, channel, …) is a plain reference that
//! conditions compare, never a key. Knows nothing of how an id is stored or sent.

use std::fmt;
use std::sync::Arc;

/// Longest slug, in bytes.
pub const SLUG_BYTES_MAX: usize = 64;

/// Longest reference id (gate, property, channel, customer, product, …) in a request, in bytes.
pub const REFERENCE_BYTES_MAX: usize = 128;

/// Why a text is not a slug.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing was given.
    #[error("is empty; give 1 to {SLUG_BYTES_MAX} characters of a-z, 0-9, '-' and '_'")]
    Empty,
    /// Too many bytes.
    #[error("has {0} bytes; at most {SLUG_BYTES_MAX} are allowed")]
    TooLong(usize),
    /// A character outside the slug alphabet.
    #[error("contains {0:?}; only a-z, 0-9, '-' and '_' are allowed")]
    Character(char),
}

fn check_slug(text: &str) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > SLUG_BYTES_MAX {
        return Err(IdError::TooLong(text.len()));
    }
    let allowed = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '-' | '_');
    match text.chars().find(|&c| !allowed(c)) {
        Some(c) => Err(IdError::Character(c)),
        None => Ok(()),
    }
}

macro_rules! slug {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks `text` and takes it as an id.
            ///
            /// # Errors
            /// [`IdError`] names what is wrong with it.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                check_slug(text)?;
                Ok(Self(text.into()))
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    };
}

slug! {
    /// The company that everything belongs to; codes are unique per tenant.
    TenantId
}

slug! {
    /// A campaign of one tenant.
    CampaignId
}

macro_rules! bytes16 {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub [u8; 16]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }
    };
}

bytes16! {
    /// The id that a caller gives a request before its first try; a UUIDv7 is advised.
    RequestId
}

bytes16! {
    /// A posting in the ledger: a request id made unique across tenants.
    PostingId
}

bytes16! {
    /// What a counter, balance or register belongs to: the keyed hash of a code, of a campaign, or
    /// of a customer within a campaign.
    Owner
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_short_and_plain() {
        assert_eq!(TenantId::parse("park-1_a").unwrap().as_str(), "park-1_a");
        assert_eq!(TenantId::parse(""), Err(IdError::Empty));
        assert_eq!(CampaignId::parse("Sommer"), Err(IdError::Character('S')));
        assert_eq!(CampaignId::parse(&"x".repeat(65)), Err(IdError::TooLong(65)));
    }

    #[test]
    fn ids_print_as_hex() {
        let id = RequestId([0xab; 16]);
        assert_eq!(id.to_string(), "ab".repeat(16));
        assert_eq!(format!("{id:?}"), format!("RequestId({})", "ab".repeat(16)));
    }
}
