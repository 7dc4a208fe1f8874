//! Hours: on which days and at which hours a code is good, by the wall clock of the campaign's
//! zone.
//!
//! What is compared is what the clock on the wall shows: a time that a clock change skips never
//! comes, one that comes twice counts twice. Dates begin at midnight here, whatever the calendar
//! says of days: a night shift is a window that goes on past midnight. Deliberately knows nothing
//! of first and last moments.

use std::slice;

use chrono::{Datelike, Duration, NaiveDate, NaiveDateTime, Timelike, WeekdaySet};

use crate::domain::campaign::{Hours, Window};
use crate::domain::time::{Calendar, MINUTE_MS, Timestamp};

/// For how many dates a next opening is looked for: a year, and the holidays after it.
const SEARCH_DATES: usize = 400;

const MIDNIGHT_MIN: u16 = 24 * 60;

/// What holds where no windows are given.
const WHOLE_DATE: Window = Window { days: WeekdaySet::ALL, from_min: 0, until_min: MIDNIGHT_MIN };

/// Whether `now` is in one of the windows.
pub(super) fn open(calendar: &Calendar, hours: &Hours, now: Timestamp) -> bool {
    if hours.windows.is_empty() && hours.blackout.is_empty() {
        return true;
    }
    let local = calendar.wall_clock(now);
    let (today, yesterday) = (local.date(), local.date().pred_opt());
    windows(hours).iter().any(|window| {
        let minute = local.hour() * 60 + local.minute();
        let has_begun = u32::from(window.from_min) <= minute;
        let goes_on = minute < u32::from(window.until_min);
        let of_today = has_begun && (goes_on || is_overnight(window));
        let of_yesterday = goes_on && is_overnight(window);
        of_today && begins(hours, window, today)
            || of_yesterday && yesterday.is_some_and(|date| begins(hours, window, date))
    })
}

/// The first moment after `now`, which is in no window, that is in one and before `until`; absent
/// if there is none in the next [`SEARCH_DATES`] dates.
pub(super) fn next_open(
    calendar: &Calendar,
    hours: &Hours,
    now: Timestamp,
    until: Option<Timestamp>,
) -> Option<Timestamp> {
    let end = until.unwrap_or(Timestamp::NEVER);
    let mut first = end;
    // A window that began yesterday can open again when clocks go back.
    let yesterday = calendar.wall_clock(now).date().pred_opt()?;
    for date in yesterday.iter_days().take(SEARCH_DATES) {
        if date > yesterday && calendar.moment_of(date.and_time(chrono::NaiveTime::MIN)) >= first {
            break;
        }
        for window in windows(hours).iter().filter(|window| begins(hours, window, date)) {
            let mut consider = |moment: Timestamp| {
                let is_better = now < moment && moment < first;
                if is_better && open(calendar, hours, moment) {
                    first = moment;
                }
            };
            if let Some(from) = local(date, window.from_min) {
                consider(calendar.moment_of(from));
                calendar.second_moment_of(from).map(&mut consider);
            }
            let last = if is_overnight(window) { date.succ_opt() } else { Some(date) };
            if let Some(until) = last.and_then(|last| local(last, window.until_min))
                && let Some(second) = calendar.second_moment_of(until)
            {
                // Between its two comings the clock goes back, perhaps into the window.
                let mut moment = calendar.moment_of(until);
                while moment < second {
                    consider(moment);
                    moment = moment.plus_ms(MINUTE_MS);
                }
            }
        }
    }
    (first < end).then_some(first)
}

fn windows(hours: &Hours) -> &[Window] {
    if hours.windows.is_empty() { slice::from_ref(&WHOLE_DATE) } else { &hours.windows }
}

fn is_overnight(window: &Window) -> bool {
    window.until_min <= window.from_min
}

/// Whether the window begins on this date.
fn begins(hours: &Hours, window: &Window, date: NaiveDate) -> bool {
    let is_extra = hours.extra.iter().any(|range| range.contains(&date));
    let is_blacked_out = || hours.blackout.iter().any(|range| range.contains(&date));
    is_extra || window.days.contains(date.weekday()) && !is_blacked_out()
}

/// So many minutes after midnight, by the clock on the wall.
fn local(date: NaiveDate, minutes: u16) -> Option<NaiveDateTime> {
    date.and_time(chrono::NaiveTime::MIN).checked_add_signed(Duration::minutes(minutes.into()))
}
