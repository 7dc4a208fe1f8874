//! Values that a document holds as text: amounts, moments and lengths of time.
//!
//! They are kept as they were written and only checked for being text (or a whole number) here;
//! what they mean depends on the rest of the document and is found out by `compile`, which can
//! say where in the document a mistake is.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

use super::Period;

/// A decimal number as text, `"12.50"`, or a whole number. Never a binary fraction: those cannot
/// hold most amounts exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Amount(pub String);

/// A local date, `2026-03-01`, or a moment as RFC 3339, `2026-03-01T10:00:00+01:00`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = "2026-03-01")]
pub struct Moment(pub String);

/// A length of time with its units, `"10m"` or `"1h 30m"`, or whole milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Length(pub String);

/// A date, or all dates from a first to a last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged, deny_unknown_fields, expecting = "a date, \"2026-12-24\", or { from, until }")]
pub enum Days {
    /// The date.
    One(Moment),
    /// The dates.
    Range {
        /// The first.
        from: Moment,
        /// The last, which is included.
        until: Moment,
    },
}

/// When a limit counts anew: a word, or the length of a rolling period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum LimitPeriod {
    /// With the calendar.
    Word(Period),
    /// Never at once: what counts is what was used in the time before.
    Rolling {
        /// The length of that time: whole minutes, up to 366 days.
        rolling: Length,
    },
}

/// How often each code can be used: a whole number, or `"unlimited"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged, expecting = "how often a code can be used: a whole number or \"unlimited\"")]
pub enum Uses {
    /// So often.
    Count(u64),
    /// Without limit.
    Word(Unlimited),
}

/// The word `unlimited`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unlimited {
    /// Without limit.
    Unlimited,
}

/// Reads a word, or a table in its place.
pub(super) fn word_or_table<'de, D, W, T, V>(
    deserializer: D,
    expecting: &'static str,
    of_word: fn(W) -> V,
    of_table: fn(T) -> V,
) -> Result<V, D::Error>
where
    D: Deserializer<'de>,
    W: Deserialize<'de>,
    T: Deserialize<'de>,
{
    deserializer.deserialize_any(WordOrTable { expecting, of_word, of_table })
}

struct WordOrTable<W, T, V> {
    expecting: &'static str,
    of_word: fn(W) -> V,
    of_table: fn(T) -> V,
}

impl<'de, W: Deserialize<'de>, T: Deserialize<'de>, V> Visitor<'de> for WordOrTable<W, T, V> {
    type Value = V;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expecting)
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<V, E> {
        W::deserialize(StrDeserializer::new(word)).map(self.of_word)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(self.of_table)
    }
}

impl<'de> Deserialize<'de> for LimitPeriod {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            rolling: Length,
        }
        let of_table = |table: Table| Self::Rolling { rolling: table.rolling };
        word_or_table(deserializer, "a period or { rolling = \"24h\" }", Self::Word, of_table)
    }
}

/// Text or a whole number.
fn written(description: &str, example: &str) -> RefOr<Schema> {
    let types = SchemaType::from_iter([Type::String, Type::Integer]);
    let object = ObjectBuilder::new().schema_type(types).description(Some(description));
    object.examples([example]).into()
}

impl PartialSchema for Amount {
    fn schema() -> RefOr<Schema> {
        written("A decimal number as text, `\"12.50\"`, or a whole number.", "12.50")
    }
}

impl ToSchema for Amount {}

impl PartialSchema for Length {
    fn schema() -> RefOr<Schema> {
        let text = "A length of time with its units, `\"10m\"` or `\"1h 30m\"`, or milliseconds.";
        written(text, "15m")
    }
}

impl ToSchema for Length {}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written::Amount).map(Self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written::Moment).map(Self)
    }
}

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written::Length).map(Self)
    }
}

/// What is being read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    Amount,
    Moment,
    Length,
}

/// How a TOML reader hands over a date that was written without quotes.
const TOML_DATE: &str = "$__toml_private_datetime";

impl Written {
    fn integer<E: Error>(self, digits: String) -> Result<String, E> {
        match self {
            Self::Amount => Ok(digits),
            Self::Length => Ok(digits + "ms"),
            Self::Moment => Err(E::custom(format!(
                "{digits} is not a date; write \"2026-03-01\" or \"2026-03-01T10:00:00+01:00\""
            ))),
        }
    }
}

impl<'de> Visitor<'de> for Written {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Amount => "a decimal number as text, such as \"12.50\", or a whole number",
            Self::Moment => "a date such as \"2026-03-01\" or a moment as RFC 3339",
            Self::Length => "a length of time such as \"10m\", or whole milliseconds",
        })
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<String, E> {
        self.integer(number.to_string())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<String, E> {
        self.integer(number.to_string())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<String, E> {
        Err(E::custom(format!(
            "{number} is a binary fraction, which is not exact; write it as text: \"{number}\""
        )))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<String, A::Error> {
        if self == Self::Moment && map.next_key::<String>()?.as_deref() == Some(TOML_DATE) {
            return map.next_value();
        }
        Err(A::Error::invalid_type(serde::de::Unexpected::Map, &self))
    }
}
