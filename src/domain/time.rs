//! Moments, local days and the periods that limits count in.
//!
//! Knows no clock: `now` is always an argument. A campaign's [`Calendar`] says where its days
//! begin. Days are local days of an IANA zone and last 23, 24 or 25 hours; a local time that a
//! clock change skips means the first moment after the gap, one that occurs twice means its first
//! occurrence.

use chrono::{
    DateTime, Datelike, Duration, LocalResult, Months, NaiveDate, NaiveDateTime, NaiveTime,
    TimeZone, Utc, Weekday,
};
use chrono_tz::Tz;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Timestamp(pub i64);

/// Milliseconds of one minute, hour and day.
pub const MINUTE_MS: i64 = 60_000;
/// Milliseconds of one hour.
pub const HOUR_MS: i64 = 60 * MINUTE_MS;
/// Milliseconds of a day of 24 hours.
pub const DAY_MS: i64 = 24 * HOUR_MS;

impl Timestamp {
    /// Later than every moment that is ever compared with it: "never".
    pub const NEVER: Self = Self(i64::MAX);

    /// This moment, `ms` later (or earlier, when negative); stops at the ends of the number range.
    #[must_use]
    pub fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this moment; zero when `earlier` is later.
    #[must_use]
    pub fn since_ms(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }

    /// RFC 3339 in UTC with milliseconds, for people and JSON.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        self.utc().to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
    }

    /// Reads RFC 3339, with any offset.
    #[must_use]
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        DateTime::parse_from_rfc3339(text).ok().map(|moment| Self(moment.timestamp_millis()))
    }

    fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

/// Where a campaign's days, weeks and months begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calendar {
    /// The IANA zone.
    pub zone: Tz,
    /// Minutes after local midnight at which a day begins, 0 to 1,439: 240 for a night shift that
    /// ends at 04:00. Default 0.
    pub day_begins_min: u16,
    /// First day of a week. Default Monday.
    pub week_begins: Weekday,
}

/// A stretch of the calendar in which a limit counts anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Period {
    /// For ever.
    Total,
    /// A local day.
    Day,
    /// Seven local days.
    Week,
    /// A calendar month.
    Month,
    /// A calendar year.
    Year,
    /// The time before each moment, of this length in whole minutes, 1 to
    /// [`ROLLING_MINUTES_MAX`].
    Rolling {
        /// Its length.
        minutes: u32,
    },
}

/// Longest rolling period, in minutes: 366 days.
pub const ROLLING_MINUTES_MAX: u32 = 366 * 24 * 60;

/// A rolling period moves on in steps of a twelfth of its length.
pub const ROLLING_STEPS: u8 = 12;

impl Period {
    /// The period's name on the wire and in documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
            Self::Rolling { .. } => "rolling",
        }
    }
}

/// One concrete period: from `begin` up to, not including, `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its first moment.
    pub begin: Timestamp,
    /// The first moment after it; [`Timestamp::NEVER`] for [`Period::Total`].
    pub end: Timestamp,
    /// Its number: days from 1970-01-01 to its first local day; zero for [`Period::Total`]; steps
    /// from 1970-01-01 for [`Period::Rolling`].
    pub number: i64,
}

/// The unit in which a relative validity is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValidityUnit {
    /// Exactly so many times 3,600 seconds.
    Hours,
    /// Local days, of which the first is day 1.
    Days,
    /// Weeks of seven local days.
    Weeks,
    /// Calendar months.
    Months,
    /// Calendar years.
    Years,
}

impl Calendar {
    /// A calendar with plain days and weeks that begin on Monday.
    #[must_use]
    pub fn plain(zone: Tz) -> Self {
        Self { zone, day_begins_min: 0, week_begins: Weekday::Mon }
    }

    /// The local day that `moment` belongs to: before the hour at which days begin, that is the day
    /// before.
    #[must_use]
    pub fn day_of(&self, moment: Timestamp) -> NaiveDate {
        let date = self.wall_clock(moment).date();
        // Compared as moments, not as wall-clock times: when clocks go back over the hour at which
        // days begin, that hour comes twice, and the day begins at its first coming.
        if moment < self.begin_of(date) { date.pred_opt().unwrap_or(date) } else { date }
    }

    /// The number of the local day that `moment` belongs to: days since 1970-01-01.
    #[must_use]
    pub fn day_number(&self, moment: Timestamp) -> i64 {
        number_of(self.day_of(moment))
    }

    /// The first moment of the local day `date`.
    #[must_use]
    pub fn begin_of(&self, date: NaiveDate) -> Timestamp {
        let minutes = u32::from(self.day_begins_min);
        let time =
            NaiveTime::from_hms_opt(minutes / 60 % 24, minutes % 60, 0).unwrap_or(NaiveTime::MIN);
        self.moment_of(date.and_time(time))
    }

    /// What the wall clock of the zone shows at `moment`. Its dates begin at midnight, whatever the
    /// calendar's days do.
    #[must_use]
    pub fn wall_clock(&self, moment: Timestamp) -> NaiveDateTime {
        moment.utc().with_timezone(&self.zone).naive_local()
    }

    /// The second moment at which the wall clock of the zone shows `local`, where clocks go back
    /// over it.
    #[must_use]
    pub fn second_moment_of(&self, local: NaiveDateTime) -> Option<Timestamp> {
        match self.zone.from_local_datetime(&local) {
            LocalResult::Ambiguous(_, second) => Some(Timestamp(second.timestamp_millis())),
            LocalResult::Single(_) | LocalResult::None => None,
        }
    }

    /// The moment at which the wall clock of the zone shows `local`.
    #[must_use]
    pub fn moment_of(&self, local: NaiveDateTime) -> Timestamp {
        /// Longest gap that a zone ever made, in quarters of an hour: Samoa skipped a whole day.
        const GAP_QUARTERS_MAX: i32 = 25 * 4;
        let found = |local: NaiveDateTime| self.zone.from_local_datetime(&local).earliest();
        if let Some(moment) = found(local) {
            return Timestamp(moment.timestamp_millis());
        }
        // Skipped: go back to a time that exists and let as much real time pass as the wall clock
        // would have.
        let before = (1..=GAP_QUARTERS_MAX)
            .map(|quarters| Duration::minutes(i64::from(quarters) * 15))
            .find_map(|back| found(local - back).map(|moment| moment + back));
        let Some(passed) = before else { return Timestamp(local.and_utc().timestamp_millis()) };
        // That is as far behind the gap as `local` was behind its start; the first moment after the
        // gap is wanted.
        let shown = passed.with_timezone(&self.zone).naive_local();
        let overshoot = (0..=GAP_QUARTERS_MAX * 15)
            .map(|minutes| Duration::minutes(i64::from(minutes)))
            .find(|back| found(shown - *back - Duration::minutes(1)).is_none())
            .unwrap_or_default();
        Timestamp((passed - overshoot).timestamp_millis())
    }

    /// The period of kind `period` that `moment` lies in. For a rolling one, from the begin of the
    /// step that `moment` lies in to the end of the last step in which a use at `moment` counts:
    /// never less than the period after it, and at most a step more. Its number is the step's.
    #[must_use]
    pub fn span(&self, period: Period, moment: Timestamp) -> Span {
        if period == Period::Total {
            return Span { begin: Timestamp(i64::MIN), end: Timestamp::NEVER, number: 0 };
        }
        if let Period::Rolling { minutes } = period {
            let steps = i64::from(ROLLING_STEPS);
            let step_ms = i64::from(minutes.max(1)) * MINUTE_MS / steps;
            let number = moment.0.div_euclid(step_ms);
            let begin = Timestamp(number.saturating_mul(step_ms));
            return Span { begin, end: begin.plus_ms((steps + 1) * step_ms), number };
        }
        let day = self.day_of(moment);
        let (first, next) = match period {
            Period::Total | Period::Rolling { .. } | Period::Day => (Some(day), day.succ_opt()),
            Period::Week => {
                let first = day.week(self.week_begins).checked_first_day();
                (first, first.and_then(|first| first.checked_add_signed(Duration::days(7))))
            }
            Period::Month => {
                let first = day.with_day(1);
                (first, first.and_then(|first| first.checked_add_months(Months::new(1))))
            }
            Period::Year => {
                let first = NaiveDate::from_ymd_opt(day.year(), 1, 1);
                (first, first.and_then(|first| first.checked_add_months(Months::new(12))))
            }
        };
        let first = first.unwrap_or(day);
        Span {
            begin: self.begin_of(first),
            end: next.map_or(Timestamp::NEVER, |next| self.begin_of(next)),
            number: number_of(first),
        }
    }

    /// The first moment after a validity of `count` `unit`s that begins at `begin`. The day of
    /// `begin` is day 1 and the last day counts to its end; hours are exact.
    #[must_use]
    pub fn end_of_validity(&self, begin: Timestamp, count: u32, unit: ValidityUnit) -> Timestamp {
        let day = self.day_of(begin);
        let days = |n: i64| day.checked_add_signed(Duration::days(n));
        let months = |n: u32| {
            day.checked_add_months(Months::new(n)).map(|end| {
                // 31 January and one month: through 28 February, so the first day after it.
                if end.day() == day.day() { end } else { end.succ_opt().unwrap_or(end) }
            })
        };
        let end = match unit {
            ValidityUnit::Hours => return begin.plus_ms(i64::from(count).saturating_mul(HOUR_MS)),
            ValidityUnit::Days => days(i64::from(count)),
            ValidityUnit::Weeks => days(i64::from(count) * 7),
            ValidityUnit::Months => months(count),
            ValidityUnit::Years => months(count.saturating_mul(12)),
        };
        end.map_or(Timestamp::NEVER, |end| self.begin_of(end))
    }
}

/// Days from 1970-01-01 to `date`.
fn number_of(date: NaiveDate) -> i64 {
    date.signed_duration_since(NaiveDate::default()).num_days()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_rfc3339(text).unwrap()
    }

    fn vienna() -> Calendar {
        Calendar::plain(Tz::Europe__Vienna)
    }

    #[track_caller]
    fn check_day(calendar: &Calendar, moment: &str, begin: &str, end: &str) {
        let span = calendar.span(Period::Day, at(moment));
        assert_eq!(
            (span.begin.to_rfc3339(), span.end.to_rfc3339()),
            (at(begin).to_rfc3339(), at(end).to_rfc3339())
        );
        assert!(span.begin <= at(moment) && at(moment) < span.end);
    }

    #[test]
    fn local_days_have_23_24_or_25_hours() {
        let day = vienna();
        check_day(
            &day,
            "2026-06-01T12:00:00+02:00",
            "2026-06-01T00:00:00+02:00",
            "2026-06-02T00:00:00+02:00",
        );
        check_day(
            &day,
            "2026-03-29T12:00:00+02:00",
            "2026-03-29T00:00:00+01:00",
            "2026-03-30T00:00:00+02:00",
        );
        check_day(
            &day,
            "2026-10-25T12:00:00+01:00",
            "2026-10-25T00:00:00+02:00",
            "2026-10-26T00:00:00+01:00",
        );
        check_day(
            &day,
            "2026-06-01T23:59:59.999+02:00",
            "2026-06-01T00:00:00+02:00",
            "2026-06-02T00:00:00+02:00",
        );
    }

    #[test]
    fn a_night_shift_belongs_to_the_day_before() {
        let night = Calendar { day_begins_min: 240, ..vienna() };
        check_day(
            &night,
            "2026-06-02T03:59:59+02:00",
            "2026-06-01T04:00:00+02:00",
            "2026-06-02T04:00:00+02:00",
        );
        check_day(
            &night,
            "2026-06-02T04:00:00+02:00",
            "2026-06-02T04:00:00+02:00",
            "2026-06-03T04:00:00+02:00",
        );
    }

    #[test]
    fn a_day_that_begins_in_a_gap_begins_after_it() {
        let half_past_two = Calendar { day_begins_min: 150, ..vienna() };
        check_day(
            &half_past_two,
            "2026-03-29T03:00:00+02:00",
            "2026-03-29T03:00:00+02:00",
            "2026-03-30T02:30:00+02:00",
        );
        // In Beirut clocks went forward at midnight itself.
        let beirut = Calendar::plain(Tz::Asia__Beirut);
        check_day(
            &beirut,
            "2022-03-27T12:00:00+03:00",
            "2022-03-27T01:00:00+03:00",
            "2022-03-28T00:00:00+03:00",
        );
    }

    #[test]
    fn a_day_that_begins_in_a_repeated_hour_begins_once() {
        let half_past_two = Calendar { day_begins_min: 150, ..vienna() };
        let first = at("2026-10-25T02:30:00+02:00");
        let second = at("2026-10-25T02:15:00+01:00");
        assert_eq!(half_past_two.span(Period::Day, first).begin, first);
        assert_eq!(half_past_two.span(Period::Day, second).begin, first);
    }

    #[test]
    fn rolling_periods_move_on_in_twelfths() {
        let hour = Period::Rolling { minutes: 60 };
        let span = vienna().span(hour, at("2026-06-15T12:04:59.999Z"));
        assert_eq!(span.begin, at("2026-06-15T12:00:00Z"));
        assert_eq!(span.end, at("2026-06-15T13:05:00Z"));
        let next = vienna().span(hour, at("2026-06-15T12:05:00Z"));
        assert_eq!((next.begin, next.number), (at("2026-06-15T12:05:00Z"), span.number + 1));
        let longest = Period::Rolling { minutes: ROLLING_MINUTES_MAX };
        let year = vienna().span(longest, at("2026-06-15T12:00:00Z"));
        assert_eq!(year.end.since_ms(year.begin), 396 * 24 * 3_600_000 + 12 * 3_600_000);
    }

    #[test]
    fn a_wall_clock_shows_some_times_twice_and_some_never() {
        let calendar = vienna();
        let shows = |text: &str| calendar.wall_clock(at(text)).to_string();
        assert_eq!(shows("2026-10-25T00:30:00Z"), "2026-10-25 02:30:00");
        assert_eq!(shows("2026-10-25T01:30:00Z"), "2026-10-25 02:30:00");
        let second = |text: &str| calendar.second_moment_of(text.parse().unwrap());
        assert_eq!(second("2026-10-25T02:30:00"), Some(at("2026-10-25T01:30:00Z")));
        assert_eq!(second("2026-10-25T03:30:00"), None);
        assert_eq!(second("2026-03-29T02:30:00"), None);
    }

    #[test]
    fn weeks_months_and_years() {
        let calendar = vienna();
        let moment = at("2026-11-21T10:00:00+01:00");
        let begin = |period| calendar.span(period, moment).begin.to_rfc3339();
        assert_eq!(begin(Period::Week), "2026-11-15T23:00:00.000Z");
        let sunday = Calendar { week_begins: Weekday::Sun, ..calendar };
        assert_eq!(
            sunday.span(Period::Week, moment).begin.to_rfc3339(),
            "2026-11-14T23:00:00.000Z"
        );
        assert_eq!(begin(Period::Month), "2026-10-31T23:00:00.000Z");
        assert_eq!(begin(Period::Year), "2025-12-31T23:00:00.000Z");
        assert_eq!(
            calendar.span(Period::Year, moment).end.to_rfc3339(),
            "2026-12-31T23:00:00.000Z"
        );
        assert_eq!(calendar.span(Period::Total, moment).end, Timestamp::NEVER);
    }

    #[test]
    fn days_are_numbered_from_1970_by_the_local_calendar() {
        assert_eq!(Calendar::plain(Tz::UTC).day_number(Timestamp(0)), 0);
        assert_eq!(Calendar::plain(Tz::UTC).day_number(Timestamp(-1)), -1);
        let night = Calendar { day_begins_min: 240, ..vienna() };
        for (moment, number) in [
            ("1970-01-02T03:59:00+01:00", 0),
            ("1970-01-02T04:00:00+01:00", 1),
            ("2026-06-15T12:00:00+02:00", 20_619),
        ] {
            assert_eq!(night.day_number(at(moment)), number, "{moment}");
            assert_eq!(night.span(Period::Day, at(moment)).number, number, "{moment}");
        }
        let week = night.span(Period::Week, at("1970-01-07T00:00:00Z"));
        assert_eq!(week.number, night.day_number(week.begin));
    }

    #[test]
    fn relative_validity_counts_its_first_day() {
        let calendar = vienna();
        let begin = at("2026-01-31T15:00:00+01:00");
        let end = |count, unit| calendar.end_of_validity(begin, count, unit).to_rfc3339();
        assert_eq!(end(1, ValidityUnit::Days), "2026-01-31T23:00:00.000Z");
        assert_eq!(end(365, ValidityUnit::Days), "2027-01-30T23:00:00.000Z");
        assert_eq!(end(1, ValidityUnit::Weeks), "2026-02-06T23:00:00.000Z");
        assert_eq!(end(1, ValidityUnit::Months), "2026-02-28T23:00:00.000Z");
        assert_eq!(end(1, ValidityUnit::Years), "2027-01-30T23:00:00.000Z");
        assert_eq!(end(2, ValidityUnit::Hours), "2026-01-31T16:00:00.000Z");
    }
}
