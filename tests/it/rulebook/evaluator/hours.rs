//! E8: on which days and at which hours a campaign is good.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, Timelike, WeekdaySet};
use jeton::domain::campaign::{Hours, Window};
use jeton::domain::time::{Calendar, DAY_MS, MINUTE_MS, Timestamp};

/// Clocks are set forward and back at whole quarters of an hour.
const QUARTER_MIN: i64 = 15;

/// How far an opening is looked for.
const SEARCH_DAYS: i64 = 400;

/// What the wall clock of the zone shows.
pub(super) fn wall_clock(calendar: &Calendar, moment: Timestamp) -> NaiveDateTime {
    let moment = DateTime::from_timestamp_millis(moment.0).unwrap();
    moment.with_timezone(&calendar.zone).naive_local()
}

/// Whether a campaign is open when the wall clock shows `local`: a window that began today or one
/// that goes on from yesterday.
pub(super) fn is_open(hours: &Hours, local: NaiveDateTime) -> bool {
    let date = local.date();
    let yesterday = windows_of(hours, date - Days::new(1));
    holds(&windows_of(hours, date), &yesterday, minute_of(local))
}

/// The first later moment that is open, before `until`.
pub(super) fn next_open(
    calendar: &Calendar,
    hours: &Hours,
    now: Timestamp,
    until: Option<Timestamp>,
) -> Option<Timestamp> {
    let quarter_ms = QUARTER_MIN * MINUTE_MS;
    let mut quarter = Timestamp(now.0.div_euclid(quarter_ms) * quarter_ms);
    let mut date = NaiveDate::MIN;
    let (mut today, mut yesterday) = (Vec::new(), Vec::new());
    while quarter.0 <= now.0 + SEARCH_DAYS * DAY_MS {
        let local = wall_clock(calendar, quarter);
        if local.date() != date {
            date = local.date();
            today = windows_of(hours, date);
            yesterday = windows_of(hours, date - Days::new(1));
        }
        let minutes = if today.is_empty() && yesterday.is_empty() { 0 } else { QUARTER_MIN };
        for minute in 0..minutes {
            let moment = Timestamp(quarter.0 + minute * MINUTE_MS);
            if until.is_some_and(|until| moment >= until) {
                return None;
            }
            if moment > now && holds(&today, &yesterday, minute_of(local) + minute) {
                return Some(moment);
            }
        }
        quarter = Timestamp(quarter.0 + quarter_ms);
    }
    None
}

fn minute_of(local: NaiveDateTime) -> i64 {
    i64::from(local.hour() * 60 + local.minute())
}

fn holds(today: &[Window], yesterday: &[Window], minute: i64) -> bool {
    let from = |window: &Window| i64::from(window.from_min);
    let until = |window: &Window| i64::from(window.until_min);
    let goes_on = |window: &Window| until(window) <= from(window);
    today.iter().any(|w| minute >= from(w) && (goes_on(w) || minute < until(w)))
        || yesterday.iter().any(|w| goes_on(w) && minute < until(w))
}

/// The windows that begin on a date.
fn windows_of(hours: &Hours, date: NaiveDate) -> Vec<Window> {
    let whole = Window { days: WeekdaySet::ALL, from_min: 0, until_min: 1_440 };
    let windows = if hours.windows.is_empty() { vec![whole] } else { hours.windows.clone() };
    if hours.extra.iter().any(|range| range.contains(&date)) {
        return windows;
    }
    if hours.blackout.iter().any(|range| range.contains(&date)) {
        return Vec::new();
    }
    windows.into_iter().filter(|window| window.days.contains(date.weekday())).collect()
}
