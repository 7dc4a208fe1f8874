//! How the domain's values are written into JSON records: ids as text, keys as hexadecimal
//! digits, moments as milliseconds. The domain itself knows no serialisation.
//!
//! Used as `#[serde(with = "record::plain")]`, `record::optional` for an `Option`, and
//! `record::list` for a `Vec`.

use std::fmt::Write;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::domain::campaign::{CodeState, Status};
use crate::domain::code::CodeKey;
use crate::domain::id::{CampaignId, Owner, RequestId, TenantId};
use crate::domain::time::Timestamp;

/// A value with a form in which it is recorded.
pub(super) trait Recorded: Sized {
    type Form: Serialize + DeserializeOwned;

    fn form(&self) -> Self::Form;

    /// `None` when `form` was never made by [`Recorded::form`].
    fn from_form(form: Self::Form) -> Option<Self>;
}

impl Recorded for Timestamp {
    type Form = i64;

    fn form(&self) -> i64 {
        self.0
    }

    fn from_form(form: i64) -> Option<Self> {
        Some(Self(form))
    }
}

macro_rules! recorded_as_text {
    ($($type:ty: $form:expr, $from_form:expr;)+) => {$(
        impl Recorded for $type {
            type Form = String;

            fn form(&self) -> String {
                $form(self)
            }

            fn from_form(form: String) -> Option<Self> {
                $from_form(&form)
            }
        }
    )+};
}

recorded_as_text! {
    TenantId: ToString::to_string, |text: &str| Self::parse(text).ok();
    CampaignId: ToString::to_string, |text: &str| Self::parse(text).ok();
    Owner: |owner: &Self| hex(&owner.0), |text: &str| bytes(text).map(Self);
    RequestId: |id: &Self| hex(&id.0), |text: &str| bytes(text).map(Self);
    CodeKey: |key: &Self| hex(key.as_bytes()), |text: &str| bytes(text).map(Self::from_bytes);
    [u8; 16]: hex, bytes;
    Status: |status: &Self| status.name().to_owned(), status_named;
    CodeState: |state: &Self| state_name(*state).to_owned(), state_named;
}

fn status_named(name: &str) -> Option<Status> {
    let all = [Status::Draft, Status::Active, Status::Paused, Status::Ended];
    all.into_iter().find(|status| status.name() == name)
}

fn state_name(state: CodeState) -> &'static str {
    match state {
        CodeState::Live => "live",
        CodeState::Revoked => "revoked",
        CodeState::Replaced => "replaced",
    }
}

fn state_named(name: &str) -> Option<CodeState> {
    let all = [CodeState::Live, CodeState::Revoked, CodeState::Replaced];
    all.into_iter().find(|state| state_name(*state) == name)
}

fn hex(bytes: &[u8; 16]) -> String {
    bytes.iter().fold(String::with_capacity(32), |mut text, byte| {
        // Writing into a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn bytes(hex: &str) -> Option<[u8; 16]> {
    if hex.len() != 32 || !hex.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(hex, 16).ok().map(u128::to_be_bytes)
}

pub(super) mod plain {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Recorded;

    pub(in crate::catalog) fn serialize<T: Recorded, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.form().serialize(serializer)
    }

    pub(in crate::catalog) fn deserialize<'de, T: Recorded, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        let form = T::Form::deserialize(deserializer)?;
        T::from_form(form).ok_or_else(|| D::Error::custom("a value that was never written"))
    }
}

pub(super) mod optional {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Recorded;

    pub(in crate::catalog) fn serialize<T: Recorded, S: Serializer>(
        value: &Option<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().map(Recorded::form).serialize(serializer)
    }

    pub(in crate::catalog) fn deserialize<'de, T: Recorded, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<T>, D::Error> {
        let form = Option::<T::Form>::deserialize(deserializer)?;
        let wrong = || D::Error::custom("a value that was never written");
        form.map(|form| T::from_form(form).ok_or_else(wrong)).transpose()
    }
}

pub(super) mod list {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Recorded;

    pub(in crate::catalog) fn serialize<T: Recorded, S: Serializer>(
        values: &[T],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(Recorded::form))
    }

    pub(in crate::catalog) fn deserialize<'de, T: Recorded, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<T>, D::Error> {
        let forms = Vec::<T::Form>::deserialize(deserializer)?;
        let wrong = || D::Error::custom("a value that was never written");
        forms.into_iter().map(|form| T::from_form(form).ok_or_else(wrong)).collect()
    }
}
