//! Limits, conditions and effects of a document.

use crate::domain::campaign::{
    self, Among, AmongRule, Condition, Counts, Effect, Limit, RULES_MAX,
};
use crate::domain::id::REFERENCE_BYTES_MAX;
use crate::domain::posting::LEGS_MAX;
use crate::domain::time::Period;

use super::check::Check;
use super::{AmongDocument, Amount, ConditionDocument, EffectDocument, Kind, LimitDocument};

/// Most limits in one campaign. A posting also has legs for the code's uses, its first use, the
/// interval, the zone and the balance; the rest is spare.
pub const LIMITS_MAX: usize = LEGS_MAX - 8;

/// Most references in one list of a condition.
pub const AMONG_MAX: usize = 10_000;

const _: () = assert!(LIMITS_MAX <= RULES_MAX);

impl Check {
    pub(super) fn limits(&mut self, written: &[LimitDocument]) -> Vec<Limit> {
        self.at_most("limits", written.len(), LIMITS_MAX);
        let mut limits: Vec<Limit> = Vec::with_capacity(written.len());
        for (place, limit) in written.iter().enumerate() {
            let path = format!("limits[{place}]");
            let counts = limit.counts.map_or(Counts::Uses, Into::into);
            let period = limit.period.map_or(Period::Total, Into::into);
            let scope = limit.scope.into();
            let same = |l: &Limit| (l.scope, l.counts, l.period) == (scope, counts, period);
            if limits.iter().any(same) {
                self.fail(&path, "repeats scope, counts and period of an earlier limit");
            }
            if counts == Counts::Days && period == Period::Day {
                self.fail(&format!("{path}.period"), "a day has no more than one distinct day");
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

    pub(super) fn conditions(&mut self, written: &[ConditionDocument]) -> Vec<Condition> {
        self.at_most("conditions", written.len(), RULES_MAX);
        let condition =
            |(place, condition)| self.condition(&format!("conditions[{place}]"), condition);
        written.iter().enumerate().filter_map(condition).collect()
    }

    fn condition(&mut self, path: &str, condition: &ConditionDocument) -> Option<Condition> {
        Some(match condition {
            ConditionDocument::Amount { min, max } => {
                let mut side = |name: &str, amount: &Option<Amount>| {
                    amount.as_ref().and_then(|amount| self.money(&format!("{path}.{name}"), amount))
                };
                let (low, high) = (side("min", min), side("max", max));
                self.bounds(path, min.is_some() || max.is_some(), low, high);
                Condition::Amount { min: low, max: high }
            }
            &ConditionDocument::Quantity { min, max } => {
                self.bounds(path, min.is_some() || max.is_some(), min, max);
                Condition::Quantity { min, max }
            }
            ConditionDocument::Product(among) => Condition::Product(self.among(path, among)?),
            ConditionDocument::Category(among) => Condition::Category(self.among(path, among)?),
            ConditionDocument::Channel(among) => Condition::Channel(self.among(path, among)?),
            ConditionDocument::Property(among) => Condition::Property(self.among(path, among)?),
            ConditionDocument::Gate(among) => Condition::Gate(self.among(path, among)?),
            ConditionDocument::Partner(among) => Condition::Partner(self.among(path, among)?),
            ConditionDocument::Brand(among) => Condition::Brand(self.among(path, among)?),
            ConditionDocument::CustomerGroup(among) => {
                Condition::CustomerGroup(self.among(path, among)?)
            }
        })
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
        let (rule, name, list) = match (&among.only, &among.not) {
            (Some(list), None) => (AmongRule::Only, "only", list),
            (None, Some(list)) => (AmongRule::Not, "not", list),
            (None, None) | (Some(_), Some(_)) => {
                self.fail(path, "needs exactly one of the lists only and not");
                return None;
            }
        };
        let path = format!("{path}.{name}");
        if list.is_empty() {
            self.fail(&path, "is empty");
        }
        self.at_most(&path, list.len(), AMONG_MAX);
        for (place, reference) in list.iter().enumerate() {
            self.text(&format!("{path}[{place}]"), reference, REFERENCE_BYTES_MAX);
        }
        Some(Among { rule, set: list.iter().map(|reference| reference.as_str().into()).collect() })
    }

    /// The effects as written, or what a kind is worth by its nature.
    pub(super) fn effects(&mut self, kind: Kind, written: &[EffectDocument]) -> Vec<Effect> {
        self.at_most("effects", written.len(), RULES_MAX);
        if !written.is_empty() {
            let balances = written.iter().filter(|e| **e == EffectDocument::Balance).count();
            if kind == Kind::Voucher && balances != written.len() || balances > 1 {
                self.fail("effects", "a voucher draws from its balance once, and nothing else");
            }
            let effect = |(place, e)| self.effect(&format!("effects[{place}]"), kind, e);
            return written.iter().enumerate().filter_map(effect).collect();
        }
        match kind {
            Kind::Voucher => vec![Effect::Balance],
            Kind::Pass | Kind::Access => vec![Effect::Zero],
            Kind::Discount | Kind::Unit | Kind::Points | Kind::Surcharge => {
                let kind = campaign::Kind::from(kind).name();
                self.fail("effects", format!("say what it is worth: a {kind} has no default"));
                Vec::new()
            }
        }
    }

    fn effect(&mut self, path: &str, kind: Kind, effect: &EffectDocument) -> Option<Effect> {
        Some(match effect {
            EffectDocument::Percent { percent, cap } => {
                let cap_path = format!("{path}.cap");
                let cap_minor = cap.as_ref().and_then(|cap| self.money(&cap_path, cap));
                Effect::Percent {
                    percent: self.percent(&format!("{path}.percent"), percent)?,
                    cap_minor,
                }
            }
            EffectDocument::Amount { amount } => {
                Effect::Amount { amount_minor: self.money(&format!("{path}.amount"), amount)? }
            }
            EffectDocument::Zero => Effect::Zero,
            EffectDocument::Surcharge { amount } => {
                if kind != Kind::Surcharge {
                    self.fail(path, "only a campaign of kind surcharge adds to the price");
                }
                Effect::Surcharge { amount_minor: self.money(&format!("{path}.amount"), amount)? }
            }
            EffectDocument::Unit { product, quantity } => {
                self.text(&format!("{path}.product"), product, REFERENCE_BYTES_MAX);
                let quantity = quantity.unwrap_or(1);
                if quantity == 0 {
                    self.fail(&format!("{path}.quantity"), "is 0; give at least 1");
                }
                Effect::Unit { product: product.as_str().into(), quantity }
            }
            EffectDocument::Balance => {
                if kind != Kind::Voucher {
                    self.fail(path, "only a voucher has a balance to draw from");
                }
                Effect::Balance
            }
        })
    }
}
