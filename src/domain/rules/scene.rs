//! A code, its campaign and an order to try things out with, for the tests of this and of the
//! neighbouring modules. Answers are compared as text.

use std::collections::BTreeMap;

use chrono_tz::Tz;

use super::*;
use crate::domain::account::{Account, AccountUnit, AtMax, ClawBackRule, RedeemAndEarn, Weights};
use crate::domain::campaign::{
    AccountingType, Among, AmongRule, Application, BalanceOf, Basis, Condition, CustomerRule,
    Effect, HOLD_TTL_MS, Hours, Passback, Remainder, Stacking, Terms, Validity, Worth,
};
use crate::domain::id::{CampaignId, Owner, TenantId};
use crate::domain::money::{Currency, Percent};
use crate::domain::order::Line;
use crate::domain::time::Calendar;

/// One code that somebody wants to use.
#[derive(Debug, Clone)]
pub(in crate::domain) struct Scene {
    pub(in crate::domain) campaign: Campaign,
    /// What the code is worth, when the campaign was changed since.
    pub(in crate::domain) worth: Option<Campaign>,
    pub(in crate::domain) code: Code,
    pub(in crate::domain) seen: Seen,
    pub(in crate::domain) order: Order<'static>,
    pub(in crate::domain) now: Timestamp,
    pub(in crate::domain) alone: bool,
    /// The account that the campaign names.
    pub(in crate::domain) account: Option<Account>,
}

pub(in crate::domain) const CODE: Owner = Owner([1; 16]);
pub(in crate::domain) const CAMPAIGN: Owner = Owner([2; 16]);
pub(in crate::domain) const CUSTOMER: Owner = Owner([3; 16]);

pub(in crate::domain) fn at(text: &str) -> Timestamp {
    Timestamp::from_rfc3339(text).unwrap()
}

pub(in crate::domain) fn percent(text: &str) -> Effect {
    Effect::Off { worth: share(text), terms: Terms::PLAIN }
}

pub(in crate::domain) fn share(percent: &str) -> Worth {
    Worth::Percent(Percent::new(percent.parse().unwrap()).unwrap())
}

pub(in crate::domain) fn off(amount_minor: i64) -> Effect {
    Effect::Off { worth: Worth::Amount(amount_minor), terms: Terms::PLAIN }
}

pub(in crate::domain) fn surcharge(amount_minor: i64) -> Effect {
    Effect::Surcharge { worth: Worth::Amount(amount_minor), terms: Terms::PLAIN }
}

pub(in crate::domain) fn draw(of: BalanceOf, remainder: Remainder) -> Effect {
    Effect::Balance { of, remainder }
}

pub(in crate::domain) fn costs(min: Option<i64>, max: Option<i64>) -> Condition {
    Condition::Amount { min, max, basis: Basis::Original }
}

/// An account of points that last for ever.
pub(in crate::domain) fn points_account() -> Account {
    Account {
        id: "stars".into(),
        name: BTreeMap::new(),
        unit_name: BTreeMap::new(),
        unit: AccountUnit::Points,
        calendar: Calendar::plain(Tz::Europe__Vienna),
        lasts: None,
        max: None,
        at_max: AtMax::Clamp,
        weights: Weights::None,
        redeem_and_earn: RedeemAndEarn::Earns,
        claw_back: ClawBackRule::Floor,
        pays_minor: None,
        pending_days: 0,
    }
}

pub(in crate::domain) fn only(references: &[&str]) -> Among {
    Among { rule: AmongRule::Only, set: references.iter().map(|&text| text.into()).collect() }
}

pub(in crate::domain) fn not(references: &[&str]) -> Among {
    Among { rule: AmongRule::Not, ..only(references) }
}

/// Lines from `product category quantity amount type theme region`, separated by commas; the last
/// three may be absent.
pub(in crate::domain) fn lines(text: &'static str) -> SmallVec<[Line<'static>; 4]> {
    let line = |text: &'static str| {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (quantity, amount_minor) = (words[2].parse().unwrap(), words[3].parse().unwrap());
        let word = |place| words.get(place).copied().unwrap_or_default();
        Line {
            product: words[0],
            category: words[1],
            quantity,
            amount_minor,
            product_type: word(4),
            theme: word(5),
            region: word(6),
        }
    };
    text.split(',').map(line).collect()
}

impl Scene {
    /// A code for 20 % off an order of 100 euros, good in Vienna throughout 2026, at noon of a day
    /// in June.
    pub(in crate::domain) fn discount() -> Self {
        let calendar = Calendar::plain(Tz::Europe__Vienna);
        let validity = Validity {
            from: Some(at("2026-01-01T00:00:00+01:00")),
            until: Some(at("2027-01-01T00:00:00+01:00")),
            relative: None,
            hours: Hours::default(),
        };
        let campaign = Campaign {
            tenant: TenantId::parse("park").unwrap(),
            id: CampaignId::parse("summer").unwrap(),
            owner: CAMPAIGN,
            version: 1,
            status: Status::Active,
            kind: Kind::Discount,
            accounting: AccountingType::Discount,
            name: BTreeMap::new(),
            refusal_texts: BTreeMap::new(),
            labels: Vec::new(),
            calendar,
            validity,
            activation: Activation::AtOnce,
            uses: Some(1),
            units: 1..=4,
            limits: Vec::new(),
            customer: CustomerRule::Optional,
            passback: Passback::default(),
            conditions: Vec::new(),
            effects: vec![percent("20")],
            no_effect: NoEffect::Refuse,
            application: Application::ByCode,
            stacking: Stacking::default(),
            groups: Vec::new(),
            account: None,
            retention_days: None,
            currency: Some(Currency::new("EUR", 2).unwrap()),
            balance_minor: None,
            hold_ttl_ms: HOLD_TTL_MS,
            code_format: None,
        };
        let code = Code {
            owner: CODE,
            state: CodeState::Live,
            issued: at("2026-05-01T10:00:00+02:00"),
            paid: None,
            holder: None,
            photo: None,
            uses: None,
            balance_minor: None,
            valid_from: None,
            valid_until: None,
        };
        let order = Order { total_minor: Some(10_000), ..Order::default() };
        Self {
            campaign,
            worth: None,
            code,
            seen: Seen::default(),
            order,
            now: at("2026-06-15T12:00:00+02:00"),
            alone: true,
            account: None,
        }
    }

    /// A voucher with a balance of 50 euros for an order of 30.
    pub(in crate::domain) fn voucher() -> Self {
        let mut scene = Self::discount();
        scene.campaign.kind = Kind::Voucher;
        scene.campaign.effects = vec![draw(BalanceOf::Code, Remainder::Kept)];
        scene.campaign.balance_minor = Some(5_000);
        scene.campaign.uses = None;
        scene.order.total_minor = Some(3_000);
        scene
    }

    /// A pass for as many entries as one likes, at a gate that knows nothing but itself.
    pub(in crate::domain) fn pass() -> Self {
        let mut scene = Self::discount();
        scene.campaign.kind = Kind::Pass;
        scene.campaign.effects = Vec::new();
        scene.campaign.uses = None;
        scene.order = Order { gate: Some("north"), passage: Passage::Entry, ..Order::default() };
        scene
    }

    pub(in crate::domain) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(in crate::domain) fn condition(self, condition: Condition) -> Self {
        self.with(|s| s.campaign.conditions.push(condition))
    }

    pub(in crate::domain) fn question(&self) -> Question<'_, 'static> {
        Question {
            campaign: &self.campaign,
            worth: self.worth.as_ref().unwrap_or(&self.campaign),
            code: &self.code,
            seen: &self.seen,
            order: &self.order,
            now: self.now,
            alone: self.alone,
            account: self.account.as_ref(),
        }
    }

    pub(in crate::domain) fn judge(&self) -> Result<Offer, Refusal> {
        judge(&self.question(), &mut Running::of(&self.order))
    }
}

/// A refusal in one line: number, name, and the details that are set.
pub(in crate::domain) fn refusal_text(refusal: &Refusal) -> String {
    let mut text = format!("{} {}", refusal.reason.number(), refusal.reason);
    let Some(d) = refusal.details.as_deref() else { return text };
    let number = |value: Option<u64>| value.map(|value| value.to_string());
    let moment = |value: Option<Timestamp>| value.map(Timestamp::to_rfc3339);
    let word = |value: Option<&str>| value.map(str::to_owned);
    let fields = [
        ("scope", word(d.scope)),
        ("limit", word(d.limit)),
        ("used", number(d.used)),
        ("held", number(d.held)),
        ("max", number(d.max)),
        ("off_by", number(d.off_by)),
        ("retry_after_ms", number(d.retry_after_ms)),
        ("resets_at", moment(d.resets_at)),
        ("next_valid_at", moment(d.next_valid_at)),
        ("missing", word(d.missing)),
        ("conflicts_with", word(d.conflicts_with.as_deref())),
        ("rule", word(d.rule)),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            text.push_str(&format!(" {name}={value}"));
        }
    }
    text
}
