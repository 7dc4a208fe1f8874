//! Hours of the day, and lists of dates, of a document.

use std::ops::RangeInclusive;

use chrono::{NaiveDate, Weekday, WeekdaySet};

use crate::domain::campaign::{AmongRule, Dates, Hours, Window};

use super::check::Check;
use super::{DatesDocument, Days, HoursDocument, Moment, ValidityDocument};

/// Most windows in one campaign.
pub const WINDOWS_MAX: usize = 64;

/// Most dates and ranges of dates in one list.
pub const DATES_MAX: usize = 1_000;

/// Minutes of a date by the wall clock.
const DATE_MIN: u16 = 24 * 60;

impl Check {
    pub(super) fn hours(&mut self, validity: &ValidityDocument) -> Hours {
        self.at_most("validity.hours", validity.hours.len(), WINDOWS_MAX);
        let windows = validity.hours.iter().enumerate();
        let windows = windows
            .filter_map(|(place, hours)| self.window(&format!("validity.hours[{place}]"), hours))
            .collect();
        let blackout = self.days("validity.blackout", &validity.blackout);
        let extra = self.days("validity.extra", &validity.extra);
        Hours { windows, blackout, extra }
    }

    fn window(&mut self, path: &str, hours: &HoursDocument) -> Option<Window> {
        let days: WeekdaySet = match &hours.days {
            None => WeekdaySet::ALL,
            Some(days) => days.iter().map(|&day| Weekday::from(day)).collect(),
        };
        if days.is_empty() {
            self.fail(&format!("{path}.days"), "is empty; leave it out for all days");
        }
        let from = hours.from.as_deref().unwrap_or("00:00");
        let until = hours.until.as_deref().unwrap_or("24:00");
        let from_min = self.minutes(&format!("{path}.from"), from, DATE_MIN - 1);
        let until_min = self.minutes(&format!("{path}.until"), until, DATE_MIN);
        // Midnight that ends a date is its last minute, not the first of the next.
        let until_min = until_min.map(|min| if min == 0 { DATE_MIN } else { min });
        Some(Window { days, from_min: from_min?, until_min: until_min? })
    }

    pub(super) fn dates(&mut self, path: &str, dates: &DatesDocument) -> Option<Dates> {
        let (rule, name, list) = self.only_or_not(path, &dates.only, &dates.not)?;
        let path = format!("{path}.{name}");
        Some(Dates { rule, ranges: self.days(&path, list) })
    }

    /// The one list that is given, how it is meant, and its name.
    pub(super) fn only_or_not<'a, T>(
        &mut self,
        path: &str,
        only: &'a Option<Vec<T>>,
        not: &'a Option<Vec<T>>,
    ) -> Option<(AmongRule, &'static str, &'a [T])> {
        let (rule, name, list) = match (only, not) {
            (Some(list), None) => (AmongRule::Only, "only", list),
            (None, Some(list)) => (AmongRule::Not, "not", list),
            (None, None) | (Some(_), Some(_)) => {
                self.fail(path, "needs exactly one of the lists only and not");
                return None;
            }
        };
        if list.is_empty() {
            self.fail(&format!("{path}.{name}"), "is empty");
        }
        Some((rule, name, list))
    }

    fn days(&mut self, path: &str, days: &[Days]) -> Vec<RangeInclusive<NaiveDate>> {
        self.at_most(path, days.len(), DATES_MAX);
        let mut ranges = Vec::with_capacity(days.len());
        for (place, days) in days.iter().enumerate() {
            let path = format!("{path}[{place}]");
            let (from, until) = match days {
                Days::One(day) => {
                    let date = self.date(&path, day);
                    (date, date)
                }
                Days::Range { from, until } => (
                    self.date(&format!("{path}.from"), from),
                    self.date(&format!("{path}.until"), until),
                ),
            };
            let (Some(from), Some(until)) = (from, until) else { continue };
            if from > until {
                self.fail(&path, "has a from after its until");
            }
            ranges.push(from..=until);
        }
        ranges
    }

    fn date(&mut self, path: &str, day: &Moment) -> Option<NaiveDate> {
        let date = NaiveDate::parse_from_str(&day.0, "%Y-%m-%d").ok();
        if date.is_none() {
            self.fail(path, format!("{:?} is no date; write \"2026-12-24\"", day.0));
        }
        date
    }
}
