//! When codes are good, as documents write it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Days, Moment, Since, Unit, Weekday};

/// When a campaign's codes are good; all that is given must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ValidityDocument {
    /// The first day or moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Moment>,
    /// The last day, which is included; or the first moment after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
    /// A time that each code runs by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relative: Option<RelativeDocument>,
    /// On which weekdays and at which hours. Default: always.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hours: Vec<HoursDocument>,
    /// Dates on which no hours begin.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blackout: Vec<Days>,
    /// Dates with the hours of every weekday, also where they are blacked out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Days>,
}

/// A time that begins with something that happened to the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RelativeDocument {
    /// What it begins with.
    pub since: Since,
    /// How many units, at least 1.
    pub count: u32,
    /// Of what length.
    pub unit: Unit,
}

/// A stretch of the day, by the wall clock of the campaign's zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HoursDocument {
    /// The weekdays on which it begins. Default: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<Vec<Weekday>>,
    /// Its first minute, `"00:00"` to `"23:59"`. Default `"00:00"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "18:00")]
    pub from: Option<String>,
    /// The first minute after it, up to `"24:00"`; not later than `from`: on the next date.
    /// Default `"24:00"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "02:00")]
    pub until: Option<String>,
}

impl ValidityDocument {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
