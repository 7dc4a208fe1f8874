//! The checks that every part of a document is made of; they collect what they find.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use chrono::NaiveDate;
use chrono_tz::{TZ_VARIANTS, Tz};
use rust_decimal::Decimal;

use crate::domain::id::CampaignId;
use crate::domain::money::{Currency, Percent};
use crate::domain::time::{Calendar, Timestamp};

use super::{Amount, FORMAT, FieldError, Length, Moment, Texts};

/// Longest text in one language, in bytes. Labels are references and shorter.
pub const TEXT_BYTES_MAX: usize = 4_096;

/// What is known of a document while it is being compiled.
#[derive(Default)]
pub(super) struct Check {
    currency: Option<Currency>,
    /// A currency was given, right or wrong.
    currency_given: bool,
    needs_currency: bool,
    /// The first place that is about an account.
    account_user: Option<String>,
    errors: Vec<FieldError>,
}

impl Check {
    /// The document has amounts, or is about them.
    pub(super) fn need_currency(&mut self) {
        self.needs_currency = true;
    }

    /// What is at `path` is about an account.
    pub(super) fn need_account(&mut self, path: &str) {
        self.account_user.get_or_insert_with(|| path.to_owned());
    }

    /// The first place that is about an account.
    pub(super) fn account_user(&self) -> Option<&str> {
        self.account_user.as_deref()
    }

    /// What was made of the document, or all mistakes.
    pub(super) fn finish<T>(mut self, made: T) -> Result<T, Vec<FieldError>> {
        let errors = self.errors();
        if errors.is_empty() { Ok(made) } else { Err(errors) }
    }

    /// The version of the format that a document is written in.
    pub(super) fn format(&mut self, format: Option<u32>) {
        if let Some(format) = format.filter(|&format| format != FORMAT) {
            self.fail("format", format!("is {format}; this version of jeton reads {FORMAT}"));
        }
    }

    /// An id that is a name: of a group, of an account.
    pub(super) fn slug(&mut self, path: &str, text: &str) {
        self.parsed(path, CampaignId::parse(text));
    }

    /// Texts by language.
    pub(super) fn texts(&mut self, path: &str, texts: &Texts) {
        for (language, text) in texts {
            let path = format!("{path}.{language}");
            let is_code = language.len() == 2 && language.bytes().all(|b| b.is_ascii_lowercase());
            if !is_code {
                self.fail(&path, "is not a language; give two small letters, such as \"de\"");
            }
            self.text(&path, text, TEXT_BYTES_MAX);
        }
    }

    /// Notes a mistake.
    pub(super) fn fail(&mut self, path: &str, message: impl Into<String>) {
        self.note(path, message.into(), None);
    }

    fn note(&mut self, path: &str, message: String, suggestion: Option<String>) {
        self.errors.push(FieldError { path: path.to_owned(), message, suggestion });
    }

    /// All mistakes that were noted, with the one that only the end shows.
    pub(super) fn errors(&mut self) -> Vec<FieldError> {
        if self.needs_currency && !self.currency_given {
            self.fail("currency", "is needed because the document has amounts");
        }
        std::mem::take(&mut self.errors)
    }

    pub(super) fn known_currency(&self) -> Option<Currency> {
        self.currency
    }

    pub(super) fn parsed<T, E: Display>(&mut self, path: &str, parsed: Result<T, E>) -> Option<T> {
        parsed.map_err(|error| self.fail(path, error.to_string())).ok()
    }

    pub(super) fn at_most(&mut self, path: &str, count: usize, max: usize) {
        if count > max {
            self.fail(path, format!("has {count} entries; at most {max} are allowed"));
        }
    }

    /// A text that is not blank and has no control characters but line ends.
    pub(super) fn text(&mut self, path: &str, text: &str, bytes_max: usize) {
        if text.trim().is_empty() {
            self.fail(path, "is empty");
        } else if text.len() > bytes_max {
            let message = format!("has {} bytes; at most {bytes_max} are allowed", text.len());
            self.fail(path, message);
        } else if text.chars().any(|c| c.is_control() && c != '\n') {
            self.fail(path, "contains a control character");
        }
    }

    pub(super) fn zone(&mut self, name: Option<&str>) -> Tz {
        let name = name.unwrap_or("UTC");
        Tz::from_str(name).unwrap_or_else(|_| {
            let message = format!("{name:?} is not an IANA zone, such as \"Europe/Vienna\"");
            self.note("zone", message, zone_like(name));
            Tz::UTC
        })
    }

    pub(super) fn currency(&mut self, text: Option<&str>) {
        let Some(text) = text else { return };
        self.currency_given = true;
        let Some(known) = iso_currency::Currency::from_code(text) else {
            let capitals = text.trim().to_ascii_uppercase();
            let suggestion = iso_currency::Currency::from_code(&capitals).map(|_| capitals);
            let message = format!("{text:?} is not a currency of ISO 4217, such as \"EUR\"");
            return self.note("currency", message, suggestion);
        };
        let digits = known.exponent().and_then(|digits| u8::try_from(digits).ok());
        match digits {
            Some(digits) => {
                let currency = Currency::new(known.code(), digits);
                self.currency = self.parsed("currency", currency);
            }
            None => self.fail("currency", format!("{text} has no amounts to pay with")),
        }
    }

    /// An amount of money above zero, in minor units.
    pub(super) fn money(&mut self, path: &str, amount: &Amount) -> Option<i64> {
        let minor = self.minor(path, amount)?;
        if minor <= 0 {
            self.fail(path, format!("is {}; give more than 0", amount.0));
            return None;
        }
        Some(minor)
    }

    /// An amount of money that may be zero, in minor units.
    pub(super) fn money_or_zero(&mut self, path: &str, amount: &Amount) -> Option<i64> {
        let minor = self.minor(path, amount)?;
        if minor < 0 {
            self.fail(path, format!("is {}; give at least 0", amount.0));
            return None;
        }
        Some(minor)
    }

    fn minor(&mut self, path: &str, amount: &Amount) -> Option<i64> {
        let decimal = self.decimal(path, amount)?;
        self.needs_currency = true;
        let minor = self.currency?.minor(decimal);
        self.parsed(path, minor)
    }

    pub(super) fn percent(&mut self, path: &str, amount: &Amount) -> Option<Percent> {
        let decimal = self.decimal(path, amount)?;
        self.parsed(path, Percent::new(decimal))
    }

    /// A whole number of at least 1.
    pub(super) fn count(&mut self, path: &str, amount: &Amount) -> Option<u64> {
        let count = amount.0.parse::<u64>().ok().filter(|&count| count > 0);
        if count.is_none() {
            self.fail(path, format!("{:?} is not a whole number of at least 1", amount.0));
        }
        count
    }

    fn decimal(&mut self, path: &str, amount: &Amount) -> Option<Decimal> {
        let text = amount.0.as_str();
        let plain = |text: &str| {
            // `Decimal` would also take an exponent or underscores, which nobody writes on purpose.
            let digits = text.strip_prefix('-').unwrap_or(text);
            let is_plain = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
            if is_plain { Decimal::from_str_exact(text).ok() } else { None }
        };
        let decimal = plain(text);
        if decimal.is_none() {
            let pointed = text.trim().replace(',', ".");
            let suggestion = plain(&pointed).map(|_| format!("\"{pointed}\""));
            let message = format!("{text:?} is not a decimal number, such as \"12.50\"");
            self.note(path, message, suggestion);
        }
        decimal
    }

    /// A length of time in milliseconds, within `range`.
    pub(super) fn length_ms(
        &mut self,
        path: &str,
        length: &Length,
        range: RangeInclusive<u64>,
    ) -> Option<u64> {
        let Ok(duration) = humantime::parse_duration(&length.0) else {
            let message = format!("{:?} is not a length of time, such as \"10m\"", length.0);
            self.fail(path, message);
            return None;
        };
        let ms = u64::try_from(duration.as_millis()).ok().filter(|ms| range.contains(ms));
        if ms.is_none() {
            let bound = |ms: u64| humantime::format_duration(std::time::Duration::from_millis(ms));
            let (min, max) = (bound(*range.start()), bound(*range.end()));
            self.fail(path, format!("{:?} is not within {min} and {max}", length.0));
        }
        ms
    }

    /// A moment, or what `at_date` makes of a local date.
    pub(super) fn moment(
        &mut self,
        path: &str,
        moment: &Moment,
        calendar: &Calendar,
        at_date: fn(&Calendar, NaiveDate) -> Timestamp,
    ) -> Option<Timestamp> {
        let text = moment.0.as_str();
        let found = match NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            Ok(date) => Some(at_date(calendar, date)),
            Err(_) => Timestamp::from_rfc3339(text),
        };
        if found.is_none() {
            let message = format!(
                "{text:?} is no date; write \"2026-03-01\" or \"2026-03-01T10:00:00+01:00\""
            );
            self.fail(path, message);
        }
        found
    }

    /// Minutes after midnight, up to `max`.
    pub(super) fn minutes(&mut self, path: &str, text: &str, max: u16) -> Option<u16> {
        let two = |text: &str| -> Option<u16> {
            let is_two = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
            if is_two { text.parse().ok() } else { None }
        };
        let minutes = text.split_once(':').and_then(|(hours, minutes)| {
            let (hours, minutes) = (two(hours)?, two(minutes)?);
            Some(hours * 60 + minutes).filter(|&all| minutes < 60 && all <= max)
        });
        if minutes.is_none() {
            let last = format!("{:02}:{:02}", max / 60, max % 60);
            let message = format!("{text:?} is no time; write \"00:00\" to \"{last}\"");
            self.fail(path, message);
        }
        minutes
    }
}

/// A zone that differs from `name` in case only, or whose city it is.
fn zone_like(name: &str) -> Option<String> {
    let name = name.trim().replace(' ', "_");
    let is_like = |zone: &Tz| {
        let known = zone.name();
        let city = known.rsplit('/').next().unwrap_or(known);
        known.eq_ignore_ascii_case(&name) || city.eq_ignore_ascii_case(&name)
    };
    TZ_VARIANTS.iter().find(|zone| is_like(zone)).map(|zone| zone.name().to_owned())
}
