//! When a campaign's codes are good.

use std::ops::RangeInclusive;

use chrono::{NaiveDate, WeekdaySet};

use crate::domain::time::{Timestamp, ValidityUnit};

/// When a campaign's codes are good; all that is given must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Validity {
    /// The first moment.
    pub from: Option<Timestamp>,
    /// The first moment after: the end *date* of a document is inclusive, so this is the start of
    /// the next local day.
    pub until: Option<Timestamp>,
    /// Additionally, a time that each code runs by itself.
    pub relative: Option<RelativeValidity>,
    /// Additionally, the days and hours.
    pub hours: Hours,
}

/// A time that begins with something that happened to the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelativeValidity {
    /// What it begins with.
    pub since: Since,
    /// How many units.
    pub count: u32,
    /// Of what length.
    pub unit: ValidityUnit,
}

/// What a relative validity begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Since {
    /// The code's first use.
    FirstUse,
    /// The moment it was issued.
    Issue,
    /// The moment it was paid.
    Payment,
}

/// On which days and at which hours codes are good, by the wall clock of the campaign's zone.
///
/// A window belongs to the date on which it begins, also where it ends after midnight. A date that
/// is blacked out has no windows; an extra date has the windows of every weekday, also where it is
/// blacked out. Without windows, a whole date is one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hours {
    /// The windows; none: at any time of the day.
    pub windows: Vec<Window>,
    /// Dates without windows, first to last.
    pub blackout: Vec<RangeInclusive<NaiveDate>>,
    /// Dates with the windows of every weekday, first to last.
    pub extra: Vec<RangeInclusive<NaiveDate>>,
}

/// A stretch of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The weekdays on which it begins.
    pub days: WeekdaySet,
    /// Its first minute after midnight, 0 to 1,439.
    pub from_min: u16,
    /// The first minute after it, 1 to 1,440; not above `from_min`: on the next date.
    pub until_min: u16,
}
