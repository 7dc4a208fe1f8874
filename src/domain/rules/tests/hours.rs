//! On which days and at which hours a code is good, and when it is next.

use std::ops::RangeInclusive;

use chrono::{NaiveDate, Weekday, WeekdaySet};
use chrono_tz::Tz;
use proptest::prelude::*;

use super::*;
use crate::domain::campaign::{Hours, Window};
use crate::domain::rules::hours as hours_of;
use crate::domain::time::{Calendar, DAY_MS, MINUTE_MS};

/// Windows such as `mon tue 09:00-17:00, every 22:00-02:00`.
fn windows(text: &str) -> Vec<Window> {
    let minutes = |clock: &str| {
        let (hours, minutes) = clock.split_once(':').unwrap();
        hours.parse::<u16>().unwrap() * 60 + minutes.parse::<u16>().unwrap()
    };
    let window = |text: &str| {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (clock, days) = words.split_last().unwrap();
        let (from, until) = clock.split_once('-').unwrap();
        let days = match days {
            ["every"] => WeekdaySet::ALL,
            days => days.iter().map(|day| day.parse::<Weekday>().unwrap()).collect(),
        };
        Window { days, from_min: minutes(from), until_min: minutes(until) }
    };
    text.split(',').filter(|text| !text.is_empty()).map(window).collect()
}

fn dates(first: &str, last: &str) -> RangeInclusive<NaiveDate> {
    first.parse().unwrap()..=last.parse().unwrap()
}

fn hours(text: &str) -> Hours {
    Hours { windows: windows(text), ..Hours::default() }
}

fn scene(hours: &Hours, now: &str) -> Scene {
    Scene::discount().with(|s| {
        s.campaign.validity.from = None;
        s.campaign.validity.until = None;
        s.campaign.validity.hours = hours.clone();
        s.now = at(now);
    })
}

/// Moments at which it is open.
#[track_caller]
fn check_open(hours: &Hours, moments: &[&str]) {
    for now in moments {
        assert_eq!(scene(hours, now).judge().map(|offer| offer.worth_minor), Ok(2_000), "{now}");
    }
}

/// Moments at which it is closed, each with the moment of the next opening.
#[track_caller]
fn check_next(hours: &Hours, pairs: &[(&str, &str)]) {
    for (now, next) in pairs {
        let next = at(next).to_rfc3339();
        let answer = refusal_text(&scene(hours, now).judge().unwrap_err());
        assert_eq!(answer, format!("122 outside_window next_valid_at={next}"), "at {now}");
    }
}

#[test]
fn windows_of_the_week() {
    // 15 June 2026 is a Monday.
    let office = hours("mon tue wed thu fri 09:00-12:00, mon 13:30-17:00, sat 10:00-24:00");
    check_open(
        &office,
        &[
            "2026-06-15T09:00:00+02:00",
            "2026-06-15T11:59:59.999+02:00",
            "2026-06-15T13:30:00+02:00",
            "2026-06-20T23:59:59.999+02:00",
        ],
    );
    check_next(
        &office,
        &[
            ("2026-06-15T08:59:59.999+02:00", "2026-06-15T09:00:00+02:00"),
            ("2026-06-15T12:00:00+02:00", "2026-06-15T13:30:00+02:00"),
            ("2026-06-16T13:30:00+02:00", "2026-06-17T09:00:00+02:00"),
            ("2026-06-19T12:00:00+02:00", "2026-06-20T10:00:00+02:00"),
            ("2026-06-21T00:00:00+02:00", "2026-06-22T09:00:00+02:00"),
        ],
    );
}

#[test]
fn windows_go_on_past_midnight() {
    let night = hours("fri 22:00-02:00");
    check_open(
        &night,
        &[
            "2026-06-19T22:00:00+02:00",
            "2026-06-20T00:00:00+02:00",
            "2026-06-20T01:59:59.999+02:00",
        ],
    );
    check_next(
        &night,
        &[
            ("2026-06-19T01:00:00+02:00", "2026-06-19T22:00:00+02:00"),
            ("2026-06-20T02:00:00+02:00", "2026-06-26T22:00:00+02:00"),
            ("2026-06-20T22:00:00+02:00", "2026-06-26T22:00:00+02:00"),
        ],
    );
    // The night belongs to the date on which it begins, whatever the calendar says of days.
    let shift = scene(&night, "2026-06-20T01:00:00+02:00");
    check(&shift.clone().with(|s| s.campaign.calendar.day_begins_min = 240), "worth 2000");
    let black = Hours { blackout: vec![dates("2026-06-19", "2026-06-19")], ..night.clone() };
    check_next(&black, &[("2026-06-20T01:00:00+02:00", "2026-06-26T22:00:00+02:00")]);
    let day_after = Hours { blackout: vec![dates("2026-06-20", "2026-06-20")], ..night };
    check_open(&day_after, &["2026-06-20T01:00:00+02:00"]);
    // From ten to ten: a day and a night.
    let round = hours("sat 10:00-10:00");
    check_open(&round, &["2026-06-20T10:00:00+02:00", "2026-06-21T09:59:00+02:00"]);
    check_next(&round, &[("2026-06-21T10:00:00+02:00", "2026-06-27T10:00:00+02:00")]);
}

#[test]
fn dates_are_blacked_out_and_given_back() {
    let closed = Hours { blackout: vec![dates("2026-12-24", "2026-12-26")], ..Hours::default() };
    check_open(&closed, &["2026-12-23T23:59:59.999+01:00", "2026-12-27T00:00:00+01:00"]);
    check_next(&closed, &[("2026-12-24T00:00:00+01:00", "2026-12-27T00:00:00+01:00")]);
    let but_one = Hours { extra: vec![dates("2026-12-25", "2026-12-25")], ..closed };
    check_open(&but_one, &["2026-12-25T12:00:00+01:00"]);
    check_next(
        &but_one,
        &[
            ("2026-12-24T12:00:00+01:00", "2026-12-25T00:00:00+01:00"),
            ("2026-12-26T12:00:00+01:00", "2026-12-27T00:00:00+01:00"),
        ],
    );
    // A bridge day has the windows of every weekday: also those of Saturdays.
    let weekend = Hours {
        extra: vec![dates("2026-06-19", "2026-06-19")],
        ..hours("sat 10:00-12:00, sun 14:00-16:00")
    };
    check_open(&weekend, &["2026-06-19T10:00:00+02:00", "2026-06-19T15:00:00+02:00"]);
    check_next(&weekend, &[("2026-06-19T12:00:00+02:00", "2026-06-19T14:00:00+02:00")]);
    // Extra dates alone restrict nothing.
    let extra = Hours { extra: vec![dates("2026-06-19", "2026-06-19")], ..Hours::default() };
    check_open(&extra, &["2026-06-18T10:00:00+02:00"]);
}

#[test]
fn what_clocks_skip_never_comes() {
    // On 29 March 2026, 02:00 to 03:00 is skipped in Vienna.
    let skipped = hours("every 02:15-02:45");
    check_next(
        &skipped,
        &[
            ("2026-03-28T02:45:00+01:00", "2026-03-30T02:15:00+02:00"),
            ("2026-03-29T03:00:00+02:00", "2026-03-30T02:15:00+02:00"),
        ],
    );
    let through = hours("every 02:30-04:00");
    check_next(&through, &[("2026-03-29T01:59:59.999+01:00", "2026-03-29T03:00:00+02:00")]);
    check_open(&through, &["2026-03-29T03:00:00+02:00"]);
}

#[test]
fn what_comes_twice_counts_twice() {
    // On 25 October 2026, 02:00 to 03:00 comes twice in Vienna.
    let twice = hours("every 02:15-02:45");
    check_open(&twice, &["2026-10-25T02:15:00+02:00", "2026-10-25T02:15:00+01:00"]);
    check_next(
        &twice,
        &[
            ("2026-10-25T02:00:00+02:00", "2026-10-25T02:15:00+02:00"),
            ("2026-10-25T02:45:00+02:00", "2026-10-25T02:15:00+01:00"),
            ("2026-10-25T02:45:00+01:00", "2026-10-26T02:15:00+01:00"),
        ],
    );
    // The clock goes back into the window.
    check_next(
        &hours("every 01:00-02:30"),
        &[("2026-10-25T02:30:00+02:00", "2026-10-25T02:00:00+01:00")],
    );
    // Also into one that began the day before.
    check_next(
        &hours("sat 22:00-02:30"),
        &[("2026-10-25T02:45:00+02:00", "2026-10-25T02:00:00+01:00")],
    );
}

#[test]
fn a_next_opening_is_within_the_validity_and_in_sight() {
    let fridays = hours("fri 10:00-12:00");
    let ends = |until: &str| {
        scene(&fridays, "2026-06-15T12:00:00+02:00").with(|s| {
            s.campaign.validity.until = Some(at(until));
        })
    };
    check(&ends("2026-06-19T10:00:00+02:00"), "122 outside_window");
    check(
        &ends("2026-06-19T10:00:00.001+02:00"),
        "122 outside_window next_valid_at=2026-06-19T08:00:00.000Z",
    );
    let never = hours("").with_blackout("2026-01-01", "2030-01-01");
    check(&scene(&never, "2026-06-15T12:00:00+02:00"), "122 outside_window");
    let later = hours("").with_blackout("2026-01-01", "2026-12-31");
    check_next(&later, &[("2026-01-01T00:00:00+01:00", "2027-01-01T00:00:00+01:00")]);
}

impl Hours {
    fn with_blackout(mut self, first: &str, last: &str) -> Self {
        self.blackout.push(dates(first, last));
        self
    }
}

fn any_hours() -> impl Strategy<Value = Hours> {
    let window =
        (1_u8..128, 0_u16..24, 1_u16..=24, any::<bool>()).prop_map(|(days, from, until, half)| {
            let all = WeekdaySet::ALL.iter(Weekday::Mon).enumerate();
            let days =
                all.filter(|(place, _)| days >> place & 1 == 1).map(|(_, day)| day).collect();
            let half = if half { 30 } else { 0 };
            Window { days, from_min: from * 60 + half, until_min: (until * 60).min(1_440) - half }
        });
    let range = (0_i64..20, 0_i64..3).prop_map(|(first, more)| {
        let first = "2026-10-18".parse::<NaiveDate>().unwrap() + chrono::Duration::days(first);
        first..=first + chrono::Duration::days(more)
    });
    let ranges = || proptest::collection::vec(range.clone(), 0..3);
    (proptest::collection::vec(window, 0..3), ranges(), ranges())
        .prop_map(|(windows, blackout, extra)| Hours { windows, blackout, extra })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Held against every minute in turn, across a change of clocks.
    #[test]
    fn the_next_opening_is_the_first_open_minute(
        hours in any_hours(),
        is_spring in any::<bool>(),
        minute in 0_i64..10 * 24 * 60,
        zone in proptest::sample::select(vec![
            Tz::Europe__Vienna, Tz::America__New_York, Tz::Australia__Lord_Howe, Tz::Asia__Tokyo,
            Tz::America__Havana,
        ]),
    ) {
        let begin = if is_spring { "2026-03-05T00:00:00Z" } else { "2026-10-20T00:00:00Z" };
        let now = at(begin).plus_ms(minute * MINUTE_MS);
        let calendar = Calendar::plain(zone);
        if hours_of::open(&calendar, &hours, now) {
            return Ok(());
        }
        let until = now.plus_ms(30 * DAY_MS);
        let slow = (1..30 * 24 * 60)
            .map(|later| now.plus_ms(later * MINUTE_MS))
            .find(|&moment| hours_of::open(&calendar, &hours, moment));
        prop_assert_eq!(
            hours_of::next_open(&calendar, &hours, now, Some(until)),
            slow
        );
    }
}
