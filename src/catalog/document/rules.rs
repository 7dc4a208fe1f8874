//! Limits and conditions of a document.

use crate::domain::campaign::{
    Among, AmongRule, Basis, Condition, Counts, Limit, ProductType, RULES_MAX, Scope,
};
use crate::domain::id::REFERENCE_BYTES_MAX;
use crate::domain::limits::ROLLING_MAX;
use crate::domain::posting::LEGS_MAX;
use crate::domain::time::{MINUTE_MS, Period, ROLLING_MINUTES_MAX, ROLLING_STEPS};

use super::check::Check;
use super::{AmongDocument, Amount, ConditionDocument, LimitDocument, LimitPeriod};

/// Most limits in one campaign. A posting also has legs for the code's uses, its first use, the
/// interval, the zone, the balance, and what goes into and out of an account.
pub const LIMITS_MAX: usize = LEGS_MAX - 8;

/// Legs of a limit of a rolling period: one for each window that a use counts in.
const ROLLING_LEGS: usize = ROLLING_STEPS as usize + 1;

/// Most references in one list of a condition.
pub const AMONG_MAX: usize = 10_000;

const _: () = assert!(LIMITS_MAX <= RULES_MAX && ROLLING_MAX * ROLLING_LEGS <= LIMITS_MAX);

impl Check {
    pub(super) fn limits(&mut self, written: &[LimitDocument]) -> Vec<Limit> {
        let is_rolling = |l: &&LimitDocument| matches!(l.period, Some(LimitPeriod::Rolling { .. }));
        let rolling = written.iter().filter(is_rolling).count();
        if rolling > ROLLING_MAX {
            let message =
                format!("has {rolling} rolling periods; at most {ROLLING_MAX} are allowed");
            self.fail("limits", message);
        }
        let room = LIMITS_MAX - rolling.min(ROLLING_MAX) * (ROLLING_LEGS - 1);
        self.at_most("limits", written.len(), room);
        let mut limits: Vec<Limit> = Vec::with_capacity(written.len());
        for (place, limit) in written.iter().enumerate() {
            let path = format!("limits[{place}]");
            let counts = limit.counts.map_or(Counts::Uses, Into::into);
            let period = self.period(&format!("{path}.period"), limit.period.as_ref());
            let scope = limit.scope.into();
            if scope == Scope::Account {
                self.need_account(&path);
            }
            let same = |l: &Limit| (l.scope, l.counts, l.period) == (scope, counts, period);
            if limits.iter().any(same) {
                self.fail(&path, "repeats scope, counts and period of an earlier limit");
            }
            if counts == Counts::Days && period == Period::Day {
                self.fail(&format!("{path}.period"), "a day has no more than one distinct day");
            }
            if counts == Counts::Days && matches!(period, Period::Rolling { .. }) {
                let message = "distinct days are counted by day, week, month, year or in total";
                self.fail(&format!("{path}.period"), message);
            }
            let max_path = format!("{path}.max");
            let max = match counts {
                Counts::Money => {
                    self.money(&max_path, &limit.max).and_then(|minor| u64::try_from(minor).ok())
                }
                Counts::Uses | Counts::Orders | Counts::Units | Counts::Days => {
                    self.count(&max_path, &limit.max)
                }
            };
            // A limit without a maximum was noted as a mistake and is only kept to be compared.
            limits.push(Limit { scope, counts, period, max: max.unwrap_or(1) });
        }
        limits
    }

    fn period(&mut self, path: &str, period: Option<&LimitPeriod>) -> Period {
        let length = match period {
            None => return Period::Total,
            Some(&LimitPeriod::Word(word)) => return word.into(),
            Some(LimitPeriod::Rolling { rolling }) => rolling,
        };
        let path = format!("{path}.rolling");
        let minute_ms = MINUTE_MS.unsigned_abs();
        let range = minute_ms..=u64::from(ROLLING_MINUTES_MAX) * minute_ms;
        let ms = self.length_ms(&path, length, range).unwrap_or(minute_ms);
        if !ms.is_multiple_of(minute_ms) {
            self.fail(&path, format!("{:?} is not whole minutes", length.0));
        }
        Period::Rolling { minutes: u32::try_from(ms / minute_ms).unwrap_or(1) }
    }

    pub(super) fn conditions(&mut self, written: &[ConditionDocument]) -> Vec<Condition> {
        self.at_most("conditions", written.len(), RULES_MAX);
        let condition =
            |(place, condition)| self.condition(&format!("conditions[{place}]"), condition);
        written.iter().enumerate().filter_map(condition).collect()
    }

    fn condition(&mut self, path: &str, condition: &ConditionDocument) -> Option<Condition> {
        use ConditionDocument as D;
        Some(match condition {
            D::Amount { min, max, basis } => {
                let mut side = |name: &str, amount: &Option<Amount>| {
                    amount.as_ref().and_then(|amount| self.money(&format!("{path}.{name}"), amount))
                };
                let (low, high) = (side("min", min), side("max", max));
                self.bounds(path, min.is_some() || max.is_some(), low, high);
                let basis = basis.map_or(Basis::Original, Into::into);
                Condition::Amount { min: low, max: high, basis }
            }
            &D::Quantity { min, max } => {
                let (min, max) = self.numbers(path, min, max);
                Condition::Quantity { min, max }
            }
            &D::Persons { min, max } => {
                let (min, max) = self.numbers(path, min, max);
                Condition::Persons { min, max }
            }
            &D::Nights { min, max } => {
                let (min, max) = self.numbers(path, min, max);
                Condition::Nights { min, max }
            }
            &D::Points { min, max } => {
                self.need_account(path);
                let (min, max) = self.numbers(path, min, max);
                Condition::Points { min, max }
            }
            D::Booked(dates) => Condition::Booked(self.dates(path, dates)?),
            D::Arrival(dates) => Condition::Arrival(self.dates(path, dates)?),
            D::Departure(dates) => Condition::Departure(self.dates(path, dates)?),
            D::Product(among) => Condition::Product(self.among(path, among)?),
            D::ProductType(among) => Condition::ProductType(self.among(path, among)?),
            D::Category(among) => Condition::Category(self.among(path, among)?),
            D::Theme(among) => Condition::Theme(self.among(path, among)?),
            D::Region(among) => Condition::Region(self.among(path, among)?),
            D::RoomType(among) => self.contains(path, ProductType::Room, among)?,
            D::Package(among) => self.contains(path, ProductType::Package, among)?,
            D::Programme(among) => self.contains(path, ProductType::Programme, among)?,
            D::Board(among) => self.contains(path, ProductType::Board, among)?,
            D::Voucher(among) => self.contains(path, ProductType::Voucher, among)?,
            D::Channel(among) => Condition::Channel(self.among(path, among)?),
            D::Property(among) => Condition::Property(self.among(path, among)?),
            D::Gate(among) => Condition::Gate(self.among(path, among)?),
            D::Zone(among) => Condition::Zone(self.among(path, among)?),
            D::Partner(among) => Condition::Partner(self.among(path, among)?),
            D::Brand(among) => Condition::Brand(self.among(path, among)?),
            D::CustomerGroup(among) => Condition::CustomerGroup(self.among(path, among)?),
            D::FirstOrder { is } => {
                Condition::FirstOrder(if *is { AmongRule::Only } else { AmongRule::Not })
            }
            D::Trigger { only, not } => {
                let (rule, _, list) = self.only_or_not(path, only, not)?;
                let triggers = list.iter().map(|&trigger| trigger.into()).collect();
                Condition::Trigger { rule, triggers }
            }
        })
    }

    fn contains(
        &mut self,
        path: &str,
        product_type: ProductType,
        among: &AmongDocument,
    ) -> Option<Condition> {
        let among = self.among(path, among)?;
        Some(Condition::Contains { product_type, among })
    }

    fn numbers(
        &mut self,
        path: &str,
        min: Option<u64>,
        max: Option<u64>,
    ) -> (Option<u64>, Option<u64>) {
        self.bounds(path, min.is_some() || max.is_some(), min, max);
        (min, max)
    }

    fn bounds<T: PartialOrd>(&mut self, path: &str, given: bool, min: Option<T>, max: Option<T>) {
        if !given {
            self.fail(path, "needs min, max or both");
        }
        if let (Some(min), Some(max)) = (min, max)
            && min > max
        {
            self.fail(path, "has a min above its max");
        }
    }

    fn among(&mut self, path: &str, among: &AmongDocument) -> Option<Among> {
        let (rule, name, list) = self.only_or_not(path, &among.only, &among.not)?;
        let path = format!("{path}.{name}");
        self.at_most(&path, list.len(), AMONG_MAX);
        for (place, reference) in list.iter().enumerate() {
            self.text(&format!("{path}[{place}]"), reference, REFERENCE_BYTES_MAX);
        }
        Some(Among { rule, set: list.iter().map(|reference| reference.as_str().into()).collect() })
    }
}
