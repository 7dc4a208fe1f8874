//! From a document to a campaign: everything parsed, and all mistakes found, not only the first.

use std::ops::RangeInclusive;

use chrono::NaiveTime;

use crate::domain::campaign::{
    self, Campaign, CheckRule, CodeFormat, HOLD_TTL_MS, HOLD_TTL_MS_MAX, Passback,
    RelativeValidity, Validity,
};
use crate::domain::id::{CampaignId, Owner, REFERENCE_BYTES_MAX, TenantId};
use crate::domain::time::{Calendar, DAY_MS, Timestamp};

use super::check::Check;
use super::{CampaignDocument, CodesDocument, FieldError, Kind, Texts, Unlimited, Uses};

/// Most labels.
pub const LABELS_MAX: usize = 64;

/// Longest text in one language, in bytes. Labels are references and shorter.
pub const TEXT_BYTES_MAX: usize = 4_096;

/// Longest relative validity, in units of any length: a century of days.
const RELATIVE_COUNT_MAX: u32 = 36_525;

/// Longest code pattern, in bytes: the longest code with a separator after each character.
const PATTERN_BYTES_MAX: usize = 96;

/// Shortest hold, in milliseconds: a shorter one could end before its confirm arrives.
const HOLD_TTL_MS_MIN: u64 = 1_000;

/// Longest interval between two entries, in milliseconds: registers are kept for some days only.
const INTERVAL_MS_MAX: u64 = DAY_MS.unsigned_abs();

impl CampaignDocument {
    /// The campaign that this document describes, as its version `version`.
    ///
    /// `owner` is what its counters belong to and `status` where it stands: the status in the
    /// document is a wish.
    ///
    /// # Errors
    /// All mistakes in the document, each with its place.
    pub fn compile(
        &self,
        tenant: &TenantId,
        version: u32,
        owner: Owner,
        status: campaign::Status,
    ) -> Result<Campaign, Vec<FieldError>> {
        let mut check = Check::default();
        let id = check.parsed("id", CampaignId::parse(&self.id));
        let calendar = self.calendar(&mut check);
        check.currency(self.currency.as_deref());
        self.check_texts(&mut check);
        let validity = self.validity(&mut check, &calendar);
        let uses = self.uses(&mut check);
        let units = self.units(&mut check, uses);
        let limits = check.limits(&self.limits);
        let passback = self.passback(&mut check);
        let conditions = check.conditions(&self.conditions);
        let effects = check.effects(self.kind, &self.effects);
        let balance_minor = self.balance(&mut check);
        let hold_ttl_ms = self.hold_ttl_ms(&mut check);
        let code_format = self.codes.as_ref().map(|codes| codes.compile(&mut check));
        let errors = check.errors();
        let (Some(id), true) = (id, errors.is_empty()) else { return Err(errors) };
        Ok(Campaign {
            tenant: tenant.clone(),
            id,
            owner,
            version,
            status,
            kind: self.kind.into(),
            accounting: self.accounting(),
            name: boxed(&self.texts.name),
            refusal_texts: boxed(&self.texts.refusal),
            labels: self.labels.iter().map(|label| label.as_str().into()).collect(),
            calendar,
            validity,
            activation: self.activation.map_or(campaign::Activation::AtOnce, Into::into),
            uses,
            units,
            limits,
            customer: self.customer.map_or(campaign::CustomerRule::Optional, Into::into),
            passback,
            conditions,
            effects,
            no_effect: self.no_effect.map_or(campaign::NoEffect::Refuse, Into::into),
            currency: check.known_currency(),
            balance_minor,
            hold_ttl_ms,
            code_format,
        })
    }

    /// Whether people have paid for the codes, as a rule.
    fn is_bought(&self) -> bool {
        matches!(self.kind, Kind::Voucher | Kind::Pass)
    }

    fn accounting(&self) -> campaign::AccountingType {
        match self.accounting {
            Some(accounting) => accounting.into(),
            None if self.is_bought() => campaign::AccountingType::Purchase,
            None => campaign::AccountingType::Discount,
        }
    }

    fn calendar(&self, check: &mut Check) -> Calendar {
        let mut calendar = Calendar::plain(check.zone(self.zone.as_deref()));
        if let Some(day) = self.week_begins {
            calendar.week_begins = day.into();
        }
        if let Some(text) = &self.day_begins {
            match NaiveTime::parse_from_str(text, "%H:%M") {
                Ok(time) => {
                    let minutes = (time - NaiveTime::MIN).num_minutes();
                    calendar.day_begins_min = u16::try_from(minutes).unwrap_or(0);
                }
                Err(_) => {
                    check.fail("day_begins", format!("{text:?} is no time; write \"04:00\""));
                }
            }
        }
        calendar
    }

    fn check_texts(&self, check: &mut Check) {
        let texts = &self.texts;
        let named = [
            ("name", &texts.name),
            ("teaser", &texts.teaser),
            ("description", &texts.description),
            ("refusal", &texts.refusal),
        ];
        for (field, by_language) in named {
            for (language, text) in by_language {
                let path = format!("texts.{field}.{language}");
                let is_code =
                    language.len() == 2 && language.bytes().all(|b| b.is_ascii_lowercase());
                if !is_code {
                    check.fail(&path, "is not a language; give two small letters, such as \"de\"");
                }
                check.text(&path, text, TEXT_BYTES_MAX);
            }
        }
        check.at_most("labels", self.labels.len(), LABELS_MAX);
        for (place, label) in self.labels.iter().enumerate() {
            check.text(&format!("labels[{place}]"), label, REFERENCE_BYTES_MAX);
        }
    }

    fn validity(&self, check: &mut Check, calendar: &Calendar) -> Validity {
        let written = &self.validity;
        let moment = |check: &mut Check, path: &str, at_date: fn(&Calendar, _) -> Timestamp| {
            let field = if path == "validity.from" { &written.from } else { &written.until };
            field.as_ref().and_then(|moment| check.moment(path, moment, calendar, at_date))
        };
        let from = moment(check, "validity.from", |calendar, date| calendar.begin_of(date));
        // The last day is included, so its end is the begin of the next.
        let until = moment(check, "validity.until", |calendar, date: chrono::NaiveDate| {
            date.succ_opt().map_or(Timestamp::NEVER, |next| calendar.begin_of(next))
        });
        if let (Some(from), Some(until)) = (from, until)
            && from >= until
        {
            check.fail("validity.until", "is not after validity.from");
        }
        let relative = written.relative.map(|relative| {
            if !(1..=RELATIVE_COUNT_MAX).contains(&relative.count) {
                let message = format!("is {}; give 1 to {RELATIVE_COUNT_MAX}", relative.count);
                check.fail("validity.relative.count", message);
            }
            RelativeValidity {
                since: relative.since.into(),
                count: relative.count,
                unit: relative.unit.into(),
            }
        });
        let since_payment = relative.is_some_and(|r| r.since == campaign::Since::Payment);
        if since_payment && self.activation.is_none_or(|word| word != super::Activation::Paid) {
            check.fail(
                "validity.relative.since",
                "counts from the payment, so codes must be paid first: set activation = \"paid\"",
            );
        }
        Validity { from, until, relative }
    }

    fn uses(&self, check: &mut Check) -> Option<u64> {
        match self.uses {
            Some(Uses::Word(Unlimited::Unlimited)) => None,
            Some(Uses::Count(0)) => {
                check.fail("uses", "is 0; give at least 1, or \"unlimited\"");
                None
            }
            Some(Uses::Count(count)) => Some(count),
            None => {
                if self.is_bought() {
                    None
                } else {
                    Some(1)
                }
            }
        }
    }

    fn units(&self, check: &mut Check, uses: Option<u64>) -> RangeInclusive<u32> {
        let min = self.units.and_then(|units| units.min).unwrap_or(1);
        let max = self.units.and_then(|units| units.max).unwrap_or(min);
        if min == 0 {
            check.fail("units.min", "is 0; give at least 1");
        }
        if max < min {
            check.fail("units.max", format!("is {max}, below units.min, which is {min}"));
        }
        if let Some(uses) = uses.filter(|&uses| uses < u64::from(min)) {
            let message = format!("is {min}, but a code has only {uses} uses in all");
            check.fail("units.min", message);
        }
        min..=max
    }

    fn passback(&self, check: &mut Check) -> Passback {
        let Some(written) = &self.passback else { return Passback::default() };
        let interval = written.interval.as_ref().and_then(|interval| {
            check.length_ms("passback.interval", interval, 1..=INTERVAL_MS_MAX)
        });
        Passback {
            interval_ms: interval.and_then(|ms| i64::try_from(ms).ok()),
            zones: written.zones.map_or_else(Default::default, Into::into),
        }
    }

    fn balance(&self, check: &mut Check) -> Option<i64> {
        if self.kind == Kind::Voucher {
            check.need_currency();
        }
        let amount = self.balance.as_ref()?;
        if self.kind != Kind::Voucher {
            check.fail("balance", "only vouchers have one");
        }
        check.money("balance", amount)
    }

    fn hold_ttl_ms(&self, check: &mut Check) -> u64 {
        let range = HOLD_TTL_MS_MIN..=HOLD_TTL_MS_MAX;
        let written = self.hold_ttl.as_ref();
        written.and_then(|ttl| check.length_ms("hold_ttl", ttl, range)).unwrap_or(HOLD_TTL_MS)
    }
}

impl CodesDocument {
    fn compile(&self, check: &mut Check) -> CodeFormat {
        check.text("codes.pattern", &self.pattern, PATTERN_BYTES_MAX);
        let alphabet = self.alphabet.as_deref().unwrap_or("clear");
        check.text("codes.alphabet", alphabet, REFERENCE_BYTES_MAX);
        CodeFormat {
            pattern: self.pattern.as_str().into(),
            alphabet: alphabet.into(),
            check: match self.check {
                None | Some(true) => CheckRule::Checked,
                Some(false) => CheckRule::Unchecked,
            },
        }
    }
}

fn boxed(texts: &Texts) -> campaign::Texts {
    texts.iter().map(|(language, text)| (language.as_str().into(), text.as_str().into())).collect()
}
