//! A caller: who it is, for which tenant, in which role, at which place.
//!
//! An [`Identity`] is what an operator grants; a [`Caller`] is a proven identity together with the
//! stable id that budgets are keyed by. Does not know how the proof was made, nor anything of
//! sockets.

use std::fmt;
use std::sync::Arc;

use crate::auth::hex;
use crate::auth::role::{Action, Role};
use crate::domain::id::TenantId;

/// Longest name of a caller or of a place it is pinned to, in bytes; also what a certificate's
/// subject can hold.
pub const NAME_BYTES_MAX: usize = 64;

/// How identities are written into certificates. Everything under it belongs to this service.
pub(super) const URN_PREFIX: &str = "urn:jeton:";

/// A name: 1 to 64 of `A-Z a-z 0-9 . _ -`, so that it can stand in a URN, a log line and a file
/// name as it is.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Arc<str>);

/// The text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a name; give 1 to {NAME_BYTES_MAX} characters of A-Z, a-z, 0-9, '.', '_', '-'"
)]
pub struct NameError(String);

impl Name {
    /// Checks `text` and takes it as a name.
    ///
    /// # Errors
    /// [`NameError`] if it is empty, too long, or has a character outside the alphabet.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        let fits = (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(allowed);
        if fits { Ok(Self(text.into())) } else { Err(NameError(text.to_owned())) }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

/// What is granted to a caller: by a client certificate, by a token, or to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The only tenant the caller sees.
    pub tenant: TenantId,
    /// What it may do.
    pub role: Role,
    /// How people call it; unique within a tenant and role by convention.
    pub name: Name,
    /// The properties that requests may name, and whose events the caller sees; empty is all.
    pub properties: Vec<Name>,
    /// If set, requests may name no other gate: a stolen scanner cannot pose as another one.
    pub gate: Option<Name>,
}

impl Identity {
    /// An identity that is not pinned to a place.
    #[must_use]
    pub const fn new(tenant: TenantId, role: Role, name: Name) -> Self {
        Self { tenant, role, name, properties: Vec::new(), gate: None }
    }

    /// Whether the role allows `action`, and the properties do not forbid it.
    #[must_use]
    pub fn may(&self, action: Action) -> bool {
        self.role.may(action) && (self.properties.is_empty() || !action.is_tenant_wide())
    }

    /// The property that a request stands for which names none.
    #[must_use]
    pub fn property(&self) -> Option<&str> {
        match self.properties.as_slice() {
            [only] => Some(only.as_str()),
            _ => None,
        }
    }

    /// Whether the caller may see what happened in `property`; with properties of its own, what
    /// happened in none is not its business either.
    #[must_use]
    pub fn sees(&self, property: Option<&str>) -> bool {
        self.properties.is_empty()
            || property.is_some_and(|named| self.properties.iter().any(|own| own.as_str() == named))
    }

    /// The identity as a URN, which is how certificates carry it:
    /// `urn:jeton:tenant:T:role:R:name:N[:property:P]…[:gate:G]`, always in that order.
    #[must_use]
    pub fn urn(&self) -> String {
        let Self { tenant, role, name, .. } = self;
        let mut urn = format!("{URN_PREFIX}tenant:{tenant}:role:{role}:name:{name}");
        for property in &self.properties {
            urn.extend([":property:", property.as_str()]);
        }
        if let Some(gate) = &self.gate {
            urn.extend([":gate:", gate.as_str()]);
        }
        urn
    }

    /// Reads what [`Self::urn`] writes. A part it does not know makes the whole URN invalid: it may
    /// be a restriction, and a restriction must never be skipped.
    ///
    /// # Errors
    /// [`Denied::IdentityMalformed`].
    pub fn from_urn(urn: &str) -> Result<Self, Denied> {
        Self::read_urn(urn).ok_or(Denied::IdentityMalformed)
    }

    fn read_urn(urn: &str) -> Option<Self> {
        let parts: Vec<&str> = urn.strip_prefix(URN_PREFIX)?.split(':').collect();
        let ["tenant", tenant, "role", role, "name", name, place @ ..] = parts.as_slice() else {
            return None;
        };
        let (mut place, mut properties) = (place, Vec::new());
        while let ["property", property, rest @ ..] = place {
            properties.push(Name::parse(property).ok()?);
            place = rest;
        }
        let gate = match place {
            [] => None,
            ["gate", gate] => Some(Name::parse(gate).ok()?),
            _ => return None,
        };
        Some(Self {
            tenant: TenantId::parse(tenant).ok()?,
            role: role.parse().ok()?,
            name: Name::parse(name).ok()?,
            properties,
            gate,
        })
    }
}

/// What budgets are keyed by and what audit logs show: stable over reconnects and restarts.
///
/// A token's is the first half of its stored hash; a certificate's is a hash of its URN, so a
/// renewed certificate keeps it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallerId(pub [u8; 16]);

impl CallerId {
    /// The id of whoever presents a certificate with this identity.
    #[must_use]
    pub fn of_identity(identity: &Identity) -> Self {
        let hash = blake3::hash(identity.urn().as_bytes());
        Self::of_hash(hash.as_bytes())
    }

    /// The id of a person, who keeps it whatever else of her changes.
    #[must_use]
    pub fn of_user(tenant: &TenantId, name: &Name) -> Self {
        let text = format!("{URN_PREFIX}tenant:{tenant}:user:{name}");
        Self::of_hash(blake3::hash(text.as_bytes()).as_bytes())
    }

    /// The first half of a hash.
    #[must_use]
    pub fn of_hash(hash: &[u8; 32]) -> Self {
        let (half, _) = hash.as_chunks::<16>();
        Self(half.first().copied().unwrap_or_default())
    }

    /// Reads the 32 hexadecimal digits that `Display` writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        hex::decode(text).map(Self)
    }
}

impl fmt::Display for CallerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for CallerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallerId({self})")
    }
}

/// A proven caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// What budgets are keyed by.
    pub id: CallerId,
    /// What was granted.
    pub identity: Identity,
    /// When the proof ends, in Unix milliseconds; `None` is never. A connection outlives the check
    /// at its opening, so whoever keeps one asks [`Self::is_valid_at`] again.
    pub expires_ms: Option<i64>,
}

impl Caller {
    /// Whether the caller may take `action`.
    #[must_use]
    pub fn may(&self, action: Action) -> bool {
        self.identity.may(action)
    }

    /// Whether exact refusal reasons may be told to this caller.
    #[must_use]
    pub const fn tells_reasons(&self) -> bool {
        self.identity.role.tells_reasons()
    }

    /// Whether the proof still holds at `now_ms`.
    #[must_use]
    pub fn is_valid_at(&self, now_ms: i64) -> bool {
        self.expires_ms.is_none_or(|expires_ms| now_ms < expires_ms)
    }

    /// Whether a request that names this property and gate may come from this caller. What a
    /// request leaves out is allowed where it then stands for the place that the caller is pinned
    /// to; who has several properties must name one.
    #[must_use]
    pub fn may_speak_for(&self, property: Option<&str>, gate: Option<&str>) -> bool {
        let property_fits = self.identity.sees(property.or(self.identity.property()));
        let pinned = self.identity.gate.as_ref();
        let gate_fits = pinned.zip(gate).is_none_or(|(pinned, named)| pinned.as_str() == named);
        property_fits && gate_fits
    }
}

/// Why a proof was not accepted. For the log only: a stranger is told `not_permitted` and nothing
/// else, or it would learn which of its guesses were close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Not of the form `jtn_` and 64 hexadecimal digits.
    #[error("the token is malformed")]
    TokenMalformed,
    /// Well-formed, but never made here.
    #[error("the token is unknown")]
    TokenUnknown,
    /// Taken back.
    #[error("the token was revoked")]
    TokenRevoked,
    /// Its time is over.
    #[error("the token has expired")]
    TokenExpired,
    /// Not a session of anybody: malformed, never begun, ended, or the person was changed since.
    #[error("the session is over or was never begun")]
    SessionOver,
    /// Not a readable X.509 certificate.
    #[error("the client certificate cannot be read")]
    CertificateMalformed,
    /// No `urn:jeton:` among its alternative names, or more than one.
    #[error("the client certificate must name exactly one caller in its alternative names")]
    CertificateNameless,
    /// The URN is not one that [`Identity::from_urn`] reads.
    #[error("the client certificate's urn:jeton name cannot be read")]
    IdentityMalformed,
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    fn gate() -> Identity {
        Identity {
            properties: vec![Name::parse("aqua").unwrap()],
            gate: Some(Name::parse("North.3").unwrap()),
            ..Identity::new(
                TenantId::parse("park").unwrap(),
                Role::Gate,
                Name::parse("scanner-17").unwrap(),
            )
        }
    }

    #[test]
    fn urns_round_trip() {
        let full = gate();
        assert_eq!(
            full.urn(),
            "urn:jeton:tenant:park:role:gate:name:scanner-17:property:aqua:gate:North.3"
        );
        let two = ["aqua", "dry"].map(|name| Name::parse(name).unwrap()).to_vec();
        let variants = [
            Identity { properties: Vec::new(), ..full.clone() },
            Identity { gate: None, ..full.clone() },
            Identity { properties: Vec::new(), gate: None, ..full.clone() },
            Identity { properties: two, ..full.clone() },
            full,
        ];
        for identity in variants {
            assert_eq!(Identity::from_urn(&identity.urn()), Ok(identity));
        }
    }

    #[test]
    fn urns_that_are_not_understood_grant_nothing() {
        let wrong = [
            "",
            "urn:jeton:",
            "urn:jeton:tenant:park:role:gate",
            "urn:jeton:role:gate:tenant:park:name:a",
            "urn:jeton:tenant:park:role:king:name:a",
            "urn:jeton:tenant:Park:role:gate:name:a",
            "urn:jeton:tenant:park:role:gate:name:",
            "urn:jeton:tenant:park:role:gate:name:a b",
            "urn:jeton:tenant:park:role:gate:name:a:gate",
            "urn:jeton:tenant:park:role:gate:name:a:gate:x:property:y",
            "urn:jeton:tenant:park:role:gate:name:a:property:x:property",
            "urn:jeton:tenant:park:role:gate:name:a:hours:9-17",
            "urn:other:tenant:park:role:gate:name:a",
        ];
        for urn in wrong {
            assert_eq!(Identity::from_urn(urn), Err(Denied::IdentityMalformed), "{urn}");
        }
    }

    #[test]
    fn names_are_plain() {
        for good in ["a", "North-Gate_3.b", &"x".repeat(64)] {
            assert_eq!(Name::parse(good).unwrap().as_str(), good);
        }
        for wrong in ["", "a:b", "a b", "a\n", "ä", &"x".repeat(65)] {
            assert_eq!(Name::parse(wrong), Err(NameError(wrong.to_owned())));
        }
    }

    #[test]
    fn ids_are_stable_and_distinct() {
        let id = CallerId::of_identity(&gate());
        assert_eq!(id, CallerId::of_identity(&gate()));
        assert_ne!(id, CallerId::of_identity(&Identity { gate: None, ..gate() }));
        assert_eq!(CallerId::parse(&id.to_string()), Some(id));
        assert_eq!(CallerId::parse("00"), None);
    }

    #[test]
    fn a_pinned_caller_speaks_for_its_place_only() {
        let pinned = Caller { id: CallerId([0; 16]), identity: gate(), expires_ms: Some(1_000) };
        assert!(pinned.may_speak_for(Some("aqua"), Some("North.3")));
        assert!(pinned.may_speak_for(None, None));
        assert!(!pinned.may_speak_for(Some("aqua"), Some("North.4")));
        assert!(!pinned.may_speak_for(Some("dry"), Some("North.3")));
        assert!(pinned.is_valid_at(999) && !pinned.is_valid_at(1_000));

        let identity = Identity { properties: Vec::new(), gate: None, ..gate() };
        let free = Caller { identity, expires_ms: None, ..pinned };
        assert!(free.may_speak_for(Some("dry"), Some("any")) && free.is_valid_at(i64::MAX));
        assert!(free.may_speak_for(None, None) && free.identity.sees(None));
    }

    #[test]
    fn who_has_several_properties_names_one_of_them() {
        let properties = ["aqua", "dry"].map(|name| Name::parse(name).unwrap()).to_vec();
        let identity = Identity { properties, gate: None, ..gate() };
        let caller = Caller { id: CallerId([0; 16]), identity, expires_ms: None };
        assert!(
            caller.may_speak_for(Some("aqua"), None) && caller.may_speak_for(Some("dry"), None)
        );
        assert!(!caller.may_speak_for(None, None) && !caller.may_speak_for(Some("lake"), None));
        assert_eq!(caller.identity.property(), None);
        assert!(caller.identity.sees(Some("dry")) && !caller.identity.sees(None));
    }

    #[test]
    fn properties_forbid_what_concerns_the_whole_tenant() {
        let admin = Identity { role: Role::Admin, ..gate() };
        for action in Action::ALL {
            assert_eq!(admin.may(action), !action.is_tenant_wide(), "{action:?}");
            let of_all = Identity { properties: Vec::new(), ..admin.clone() };
            assert!(of_all.may(action), "{action:?}");
        }
    }
}
