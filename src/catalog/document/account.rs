//! An account as people write it: what customers can collect and spend.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::check::Check;
use super::compile::boxed;
use super::{Amount, AtMax, ClawBack, FieldError, Stores, Texts, Unit};
use crate::domain::account::{
    Account, AccountUnit, AtMax as AtMaxRule, ClawBackRule, Lasting, RedeemAndEarn, WEIGHTS_MAX,
    Weights,
};
use crate::domain::id::REFERENCE_BYTES_MAX;
use crate::domain::posting::AMOUNT_MAX;
use crate::domain::time::Calendar;

/// Longest life of what comes in, in units of any length, and longest wait before it can be spent,
/// in days: a century of days.
const COUNT_MAX: u32 = 36_525;

/// A kind of account that customers can have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountDocument {
    /// Its id: 1 to 64 characters of a-z, 0-9, `-` and `_`.
    pub id: String,
    /// Its texts.
    #[serde(default, skip_serializing_if = "AccountTexts::is_empty")]
    pub texts: AccountTexts,
    /// What it stores. Default: `money` where there is a currency, which must be given otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<Stores>,
    /// The ISO 4217 currency of all its amounts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// The IANA zone of its days, for what is put in apart from any campaign; what a campaign puts
    /// in goes by the campaign's zone. Default `UTC`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// How long what comes in lasts, from the day of booking. Default: for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lasts: Option<LastsDocument>,
    /// The most that may be in it: whole points, or an amount of money. Default: without limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<Amount>,
    /// What happens at the most. Default `clamp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_max: Option<AtMax>,
    /// How much must be paid for one point. Default: nothing is earned by paying.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<WeightsDocument>,
    /// Whether an order that spends from it also earns, on the rest that is paid. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redeem_and_earn: Option<bool>,
    /// What happens to points that were earned with a cancelled order and spent since.
    /// Default `floor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claw_back: Option<ClawBack>,
    /// What one point pays, where points are a means of payment. Default: they are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pays: Option<Amount>,
    /// So many days must pass before what was earned can be spent. Default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending_days: Option<u32>,
}

/// An account's texts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountTexts {
    /// Its name: "Lucky Card".
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub name: Texts,
    /// What its unit is called: "stars".
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unit_name: Texts,
}

/// A length of time in the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LastsDocument {
    /// How many units, at least 1. The first day is day 1, and the last counts to its end.
    pub count: u32,
    /// Of what length: days or longer.
    pub unit: Unit,
}

/// How much must be paid for one point; exactly one of the two is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WeightsDocument {
    /// Of the whole cart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cart: Option<Amount>,
    /// Of all lines of a product type together; lines of other types earn nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_product_type: Option<BTreeMap<String, Amount>>,
}

impl AccountTexts {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl AccountDocument {
    /// The account that this document describes.
    ///
    /// # Errors
    /// All mistakes in the document, each with its place.
    pub fn compile(&self) -> Result<Account, Vec<FieldError>> {
        let mut check = Check::default();
        check.slug("id", &self.id);
        check.texts("texts.name", &self.texts.name);
        check.texts("texts.unit_name", &self.texts.unit_name);
        check.currency(self.currency.as_deref());
        let unit = self.unit(&mut check);
        let calendar = Calendar::plain(check.zone(self.zone.as_deref()));
        let lasts = self.lasts.map(|lasts| lasts.compile(&mut check));
        let max = self.max.as_ref().and_then(|max| match self.stores() {
            Stores::Money => check.money("max", max).and_then(|minor| u64::try_from(minor).ok()),
            Stores::Points => self.points_max(&mut check, max),
        });
        let weights = self.weights.as_ref();
        let weights = weights.map_or(Weights::None, |weights| weights.compile(&mut check));
        let pays_minor = self.pays.as_ref().and_then(|pays| check.money("pays", pays));
        if self.pays.is_some() && self.stores() == Stores::Money {
            check.fail("pays", "is for points; money pays itself");
        }
        let pending_days = self.pending_days.unwrap_or(0);
        if pending_days > COUNT_MAX {
            check.fail("pending_days", format!("is {pending_days}; give at most {COUNT_MAX}"));
        }
        let errors = check.errors();
        let (Some(unit), true) = (unit, errors.is_empty()) else { return Err(errors) };
        Ok(Account {
            id: self.id.as_str().into(),
            name: boxed(&self.texts.name),
            unit_name: boxed(&self.texts.unit_name),
            unit,
            calendar,
            lasts,
            max,
            at_max: self.at_max.map_or(AtMaxRule::Clamp, Into::into),
            weights,
            redeem_and_earn: match self.redeem_and_earn {
                None | Some(true) => RedeemAndEarn::Earns,
                Some(false) => RedeemAndEarn::EarnsNothing,
            },
            claw_back: self.claw_back.map_or(ClawBackRule::Floor, Into::into),
            pays_minor,
            pending_days,
        })
    }

    fn stores(&self) -> Stores {
        self.unit.unwrap_or(Stores::Money)
    }

    fn unit(&self, check: &mut Check) -> Option<AccountUnit> {
        match (self.unit, &self.currency) {
            (Some(Stores::Points), _) => Some(AccountUnit::Points),
            (None, None) => {
                check.fail("unit", "is needed: \"points\"; or give the currency of its money");
                None
            }
            (None | Some(Stores::Money), _) => {
                check.need_currency();
                check.known_currency().map(AccountUnit::Money)
            }
        }
    }

    fn points_max(&self, check: &mut Check, max: &Amount) -> Option<u64> {
        let count = check.count("max", max)?;
        if count > AMOUNT_MAX {
            check.fail("max", format!("is {count}; give at most {AMOUNT_MAX}"));
        }
        Some(count)
    }
}

impl LastsDocument {
    fn compile(self, check: &mut Check) -> Lasting {
        if !(1..=COUNT_MAX).contains(&self.count) {
            let message = format!("is {}; give 1 to {COUNT_MAX}", self.count);
            check.fail("lasts.count", message);
        }
        if self.unit == Unit::Hours {
            check.fail("lasts.unit", "is hours; what comes in lasts whole days, give days or more");
        }
        Lasting { count: self.count, unit: self.unit.into() }
    }
}

impl WeightsDocument {
    fn compile(&self, check: &mut Check) -> Weights {
        match (&self.cart, &self.by_product_type) {
            (Some(cart), None) => {
                check.money("weights.cart", cart).map_or(Weights::None, Weights::Cart)
            }
            (None, Some(by_type)) => {
                let path = "weights.by_product_type";
                if by_type.is_empty() {
                    check.fail(path, "is empty");
                }
                check.at_most(path, by_type.len(), WEIGHTS_MAX);
                let mut weights = Vec::with_capacity(by_type.len());
                for (product_type, amount) in by_type {
                    let path = format!("{path}.{product_type}");
                    check.text(&path, product_type, REFERENCE_BYTES_MAX);
                    if let Some(minor) = check.money(&path, amount) {
                        weights.push((product_type.as_str().into(), minor));
                    }
                }
                Weights::ByProductType(weights)
            }
            (None, None) | (Some(_), Some(_)) => {
                check.fail("weights", "needs exactly one of cart and by_product_type");
                Weights::None
            }
        }
    }
}
