//! From a document to a campaign: everything parsed, and all mistakes found, not only the first.

use std::ops::RangeInclusive;

use crate::domain::campaign::{
    self, Campaign, CheckRule, CodeFormat, HOLD_TTL_MS, HOLD_TTL_MS_MAX, Passback,
    RelativeValidity, Stacking, Validity,
};
use crate::domain::id::{CampaignId, Owner, REFERENCE_BYTES_MAX, TenantId};
use crate::domain::time::{Calendar, DAY_MS, Timestamp};

use super::check::Check;
use super::{CampaignDocument, CodesDocument, FieldError, Kind, Length, Texts, Unlimited, Uses};

/// Most labels.
pub const LABELS_MAX: usize = 64;

/// Most groups that one campaign is in.
pub const GROUPS_MAX: usize = 64;

/// Longest relative validity, in units of any length: a century of days.
const RELATIVE_COUNT_MAX: u32 = 36_525;

/// Longest code pattern, in bytes: the longest code with a separator after each character.
const PATTERN_BYTES_MAX: usize = 96;

/// Shortest hold, in milliseconds: a shorter one could end before its confirm arrives.
const HOLD_TTL_MS_MIN: u64 = 1_000;

/// Longest interval between two entries, in milliseconds: registers are kept for some days only.
const INTERVAL_MS_MAX: u64 = DAY_MS.unsigned_abs();

/// Longest retention, in days: a century.
const RETENTION_DAYS_MAX: u64 = 36_525;

/// The last minute with which a day can begin.
const LAST_MINUTE: u16 = 24 * 60 - 1;

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
        check.format(self.format);
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
        let retention_days = self.retention_days(&mut check);
        let code_format = self.codes.as_ref().map(|codes| codes.compile(&mut check));
        let stacking = self.stacking(&mut check);
        self.check_automatic(&mut check);
        self.check_account(&mut check);
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
            application: match self.automatic {
                Some(true) => campaign::Application::Automatic,
                None | Some(false) => campaign::Application::ByCode,
            },
            stacking,
            groups: self.groups.iter().map(|group| group.as_str().into()).collect(),
            account: self.account.as_deref().map(Into::into),
            retention_days,
            currency: check.known_currency(),
            balance_minor,
            hold_ttl_ms,
            code_format,
        })
    }

    fn is_automatic(&self) -> bool {
        self.automatic == Some(true)
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
        if let Some(text) = &self.day_begins
            && let Some(minutes) = check.minutes("day_begins", text, LAST_MINUTE)
        {
            calendar.day_begins_min = minutes;
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
            check.texts(&format!("texts.{field}"), by_language);
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
        Validity { from, until, relative, hours: check.hours(written) }
    }

    fn uses(&self, check: &mut Check) -> Option<u64> {
        match self.uses {
            Some(Uses::Word(Unlimited::Unlimited)) => None,
            Some(Uses::Count(0)) => {
                check.fail("uses", "is 0; give at least 1, or \"unlimited\"");
                None
            }
            Some(Uses::Count(count)) => Some(count),
            None if self.is_bought() || self.is_automatic() => None,
            None => Some(1),
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
        let mut ms = |path: &str, length: &Option<Length>| {
            let ms = check.length_ms(path, length.as_ref()?, 1..=INTERVAL_MS_MAX)?;
            i64::try_from(ms).ok()
        };
        Passback {
            interval_ms: ms("passback.interval", &written.interval),
            reentry_ms: ms("passback.reentry", &written.reentry),
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

    fn retention_days(&self, check: &mut Check) -> Option<u32> {
        let written = self.retention.as_ref()?;
        let day_ms = DAY_MS.unsigned_abs();
        let range = day_ms..=RETENTION_DAYS_MAX * day_ms;
        let ms = check.length_ms("retention", written, range)?;
        if !ms.is_multiple_of(day_ms) {
            check.fail(
                "retention",
                format!("{:?} is not whole days, such as \"90days\"", written.0),
            );
        }
        u32::try_from(ms / day_ms).ok()
    }

    fn stacking(&self, check: &mut Check) -> Stacking {
        let mut name = |path: &str, text: &Option<String>| -> Option<Box<str>> {
            let text = text.as_deref()?;
            check.text(path, text, REFERENCE_BYTES_MAX);
            Some(text.into())
        };
        let exclusion_group = name("exclusion_group", &self.exclusion_group);
        let best_of = name("best_of", &self.best_of);
        check.at_most("groups", self.groups.len(), GROUPS_MAX);
        for (place, group) in self.groups.iter().enumerate() {
            check.slug(&format!("groups[{place}]"), group);
        }
        let after = match self.stops {
            Some(true) => campaign::After::Stops,
            None | Some(false) => campaign::After::GoesOn,
        };
        Stacking { order_number: self.order_number.unwrap_or(0), exclusion_group, best_of, after }
    }

    /// An automatic campaign applies without a code, so nothing in it can be about one.
    fn check_automatic(&self, check: &mut Check) {
        if !self.is_automatic() {
            return;
        }
        let of_codes = "is about codes, and an automatic campaign has none";
        if self.is_bought() {
            let kind = campaign::Kind::from(self.kind).name();
            check.fail("automatic", format!("cannot be: a {kind} needs a code"));
        }
        if self.codes.is_some() {
            check.fail("codes", of_codes);
        }
        if self.activation.is_some_and(|word| word == super::Activation::Paid) {
            check.fail("activation", of_codes);
        }
        if self.validity.relative.is_some() {
            check.fail("validity.relative", of_codes);
        }
        if self.passback.is_some() {
            check.fail("passback", of_codes);
        }
        if self.retention.is_some() {
            check.fail("retention", of_codes);
        }
        let by_code = |limit: &super::LimitDocument| limit.scope == super::Scope::Code;
        if let Some(place) = self.limits.iter().position(by_code) {
            let message = format!("{of_codes}; to limit it in all, say \"campaign\"");
            check.fail(&format!("limits[{place}].scope"), message);
        }
    }

    fn check_account(&self, check: &mut Check) {
        if let Some(account) = &self.account {
            check.slug("account", account);
        } else if let Some(user) = check.account_user() {
            let message = format!("is needed, because {user} is about one");
            check.fail("account", message);
        }
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

pub(super) fn boxed(texts: &Texts) -> campaign::Texts {
    texts.iter().map(|(language, text)| (language.as_str().into(), text.as_str().into())).collect()
}
