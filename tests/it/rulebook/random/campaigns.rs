//! Random campaigns and codes, made for their order.

use chrono::{DateTime, Datelike, NaiveDate, Timelike, WeekdaySet};
use jeton::domain::account::Account;
use jeton::domain::campaign::{
    AccountingType, Activation, After, Application, Campaign, Code, CodeState, Condition, Counts,
    CustomerRule, Effect, HOLD_TTL_MS, Hours, Kind, Limit, NoEffect, Passback, RelativeValidity,
    Scope, Since, Stacking, Status, Terms, Validity, Window, Worth,
};
use jeton::domain::id::{CampaignId, Owner, TenantId};
use jeton::domain::money::Currency;
use jeton::domain::rules::Seen;
use jeton::domain::time::{Calendar, DAY_MS, Period, Timestamp, ValidityUnit};

use super::conditions::condition;
use super::effects::effects;
use super::orders::near;
use super::{Dice, GROUPS, Scene};
use crate::rulebook::case::Entry;

/// Whose counters those of this name are.
pub(super) fn owner(name: &str) -> Owner {
    let mut bytes = [0; 16];
    for (byte, letter) in bytes.iter_mut().zip(name.bytes().rev()) {
        *byte = letter;
    }
    Owner(bytes)
}

/// A plain campaign: a cent off, at any time.
pub(in crate::rulebook) fn plain(name: &str) -> Campaign {
    Campaign {
        tenant: TenantId::parse("park").unwrap(),
        id: CampaignId::parse(&name.to_lowercase()).unwrap(),
        owner: owner(&name.to_lowercase()),
        version: 1,
        status: Status::Active,
        kind: Kind::Discount,
        accounting: AccountingType::Discount,
        name: Default::default(),
        refusal_texts: Default::default(),
        labels: Vec::new(),
        calendar: Calendar::plain(chrono_tz::Tz::UTC),
        validity: Validity::default(),
        activation: Activation::AtOnce,
        uses: None,
        units: 1..=4,
        limits: Vec::new(),
        customer: CustomerRule::Optional,
        passback: Passback::default(),
        conditions: Vec::new(),
        effects: vec![Effect::Off { worth: Worth::Amount(1), terms: Terms::PLAIN }],
        no_effect: NoEffect::Refuse,
        application: Application::ByCode,
        stacking: Stacking::default(),
        groups: Vec::new(),
        account: None,
        retention_days: None,
        currency: Some(Currency::new("EUR", 2).unwrap()),
        balance_minor: Some(5_000),
        hold_ttl_ms: HOLD_TTL_MS,
        code_format: None,
    }
}

/// One of a crowd that applies by itself.
pub(super) fn humble(dice: &mut Dice, scene: &Scene<'_>, name: &'static str) -> Entry {
    let mut campaign = plain(name);
    campaign.application = Application::Automatic;
    campaign.stacking.order_number = i32::try_from(dice.between(0, 1)).unwrap();
    campaign.groups = GROUPS.map(Box::from).to_vec();
    let code = code(dice, scene, name, false);
    Entry {
        is_code: false,
        name,
        campaign,
        worth: None,
        code: Code { state: CodeState::Live, holder: None, ..code },
        seen: Seen::default(),
        account: None,
    }
}

pub(super) fn entry(
    dice: &mut Dice,
    scene: &Scene<'_>,
    name: &'static str,
    is_code: bool,
) -> Entry {
    let account_number = usize::from(dice.percent(40));
    let mut account = dice.maybe(45, |_| scene.accounts[account_number].clone());
    let campaign = campaign(dice, scene, name, is_code, account.as_ref());
    let worth = (is_code && dice.percent(5)).then(|| {
        let effects = effects(dice, scene, account.is_some());
        let kind = dice.pick(&Kind::ALL);
        Campaign { effects, kind, version: 1, ..campaign.clone() }
    });
    let touches = |effect: &Effect| {
        matches!(effect, Effect::Points { .. } | Effect::Spend { .. } | Effect::Balance { .. })
    };
    let all = campaign.effects.iter().chain(worth.iter().flat_map(|worth| &worth.effects));
    if account.is_some() && !all.into_iter().any(touches) && dice.percent(20) {
        account = None;
    }
    let code = code(dice, scene, name, is_code);
    let seen = Seen {
        first_use: dice.maybe(20, |dice| scene.now.plus_ms(-dice.between(0, 3) * DAY_MS)),
        balance: dice.maybe(50, |dice| dice.amount().unsigned_abs()),
        account: scene.spendable[account_number],
    };
    Entry { is_code, name, campaign, worth, code, seen, account }
}

fn campaign(
    dice: &mut Dice,
    scene: &Scene<'_>,
    name: &str,
    is_code: bool,
    account: Option<&Account>,
) -> Campaign {
    let mut campaign = plain(name);
    campaign.application = if is_code { Application::ByCode } else { Application::Automatic };
    campaign.calendar.zone = scene.zone;
    if dice.percent(10) {
        campaign.calendar.day_begins_min = 240;
    }
    if dice.percent(20) {
        campaign.kind = dice.pick(&Kind::ALL);
    }
    campaign.accounting = dice.pick(&AccountingType::ALL);
    if dice.percent(4) {
        campaign.status = dice.pick(&[Status::Draft, Status::Paused, Status::Ended]);
    }
    if dice.percent(3) {
        campaign.activation = Activation::Paid;
    }
    campaign.validity = validity(dice, scene);
    campaign.limits = limits(dice);
    if dice.percent(4) {
        campaign.customer = CustomerRule::Required;
    }
    if dice.percent(5) {
        campaign.units = 2..=3;
    }
    let count = dice.weighted(&[25, 35, 25, 15]);
    campaign.conditions = (0..count).map(|_| condition(dice, scene)).collect();
    campaign.effects = effects(dice, scene, account.is_some());
    if account.is_none() {
        let asks = |condition: &Condition| matches!(condition, Condition::Points { .. });
        campaign.conditions.retain(|condition| !asks(condition) || dice.percent(10));
    }
    campaign.account = account.map(|account| account.id.clone());
    if dice.percent(25) {
        campaign.no_effect = NoEffect::Allow;
    }
    campaign.stacking = stacking(dice);
    let in_group = |group: &&str| {
        let is_meant = scene.group.is_some_and(|meant| &*meant.id == *group);
        dice.percent(if is_meant { 85 } else { 30 })
    };
    campaign.groups = GROUPS.into_iter().filter(in_group).map(Box::from).collect();
    campaign
}

fn stacking(dice: &mut Dice) -> Stacking {
    Stacking {
        order_number: dice.pick(&[-1, 0, 0, 0, 1, 2]),
        exclusion_group: dice.maybe(12, |dice| dice.pick(&["day", "night"]).into()),
        best_of: dice.maybe(12, |_| "best".into()),
        after: if dice.percent(6) { After::Stops } else { After::GoesOn },
    }
}

fn limits(dice: &mut Dice) -> Vec<Limit> {
    let mut limits = Vec::new();
    if dice.percent(5) {
        let scope = dice.pick(&[Scope::Customer, Scope::Account, Scope::Code]);
        limits.push(Limit { scope, counts: Counts::Uses, period: Period::Day, max: 3 });
    }
    if dice.percent(4) {
        let (scope, counts) = (Scope::Campaign, Counts::Money);
        limits.push(Limit { scope, counts, period: Period::Total, max: 100_000 });
    }
    limits
}

fn validity(dice: &mut Dice, scene: &Scene<'_>) -> Validity {
    let relative = dice.maybe(8, |dice| RelativeValidity {
        since: dice.pick(&[Since::FirstUse, Since::FirstUse, Since::Issue, Since::Payment]),
        count: u32::try_from(dice.between(1, 3)).unwrap(),
        unit: dice.pick(&[
            ValidityUnit::Hours,
            ValidityUnit::Days,
            ValidityUnit::Weeks,
            ValidityUnit::Months,
        ]),
    });
    Validity {
        from: dice.maybe(20, |dice| begin(dice, scene.now)),
        until: dice.maybe(30, |dice| end(dice, scene.now)),
        relative,
        hours: if dice.percent(12) { hours(dice, scene) } else { Hours::default() },
    }
}

fn begin(dice: &mut Dice, now: Timestamp) -> Timestamp {
    let ms = dice.pick(&[0, 0, 1, DAY_MS]);
    now.plus_ms(if dice.percent(94) { -ms } else { ms })
}

fn end(dice: &mut Dice, now: Timestamp) -> Timestamp {
    if dice.percent(4) {
        return now;
    }
    let ms = dice.pick(&[1, DAY_MS / 8, DAY_MS, 5 * DAY_MS, 30 * DAY_MS]);
    now.plus_ms(ms)
}

/// Windows around the time of day, and dates around the day.
fn hours(dice: &mut Dice, scene: &Scene<'_>) -> Hours {
    let local = DateTime::from_timestamp_millis(scene.now.0).unwrap().with_timezone(&scene.zone);
    let (today, minute) = (local.date_naive(), i64::from(local.hour() * 60 + local.minute()));
    let windows = dice.below(3);
    let range = |dice: &mut Dice| {
        let first = if dice.percent(40) { today } else { near(dice, today) };
        first..=first + chrono::Days::new(dice.below(3))
    };
    let mut blackout: Vec<std::ops::RangeInclusive<NaiveDate>> =
        if dice.percent(30) { vec![range(dice)] } else { Vec::new() };
    if dice.per_mille(15) {
        // Never again.
        blackout = vec![today..=today + chrono::Days::new(900)];
    }
    Hours {
        windows: (0..windows).map(|_| window(dice, today, minute)).collect(),
        blackout,
        extra: if dice.percent(25) { vec![range(dice)] } else { Vec::new() },
    }
}

fn window(dice: &mut Dice, today: NaiveDate, minute: i64) -> Window {
    let mut days = WeekdaySet::EMPTY;
    for number in 0..7 {
        if dice.percent(30) {
            days.insert(chrono::Weekday::try_from(number).unwrap());
        }
    }
    if dice.percent(70) {
        days.insert(today.weekday());
    }
    let edge = |dice: &mut Dice, minute: i64| match dice.below(3) {
        0 => minute + dice.between(-1, 1),
        1 => dice.between(0, 95) * 15,
        _ => minute + dice.between(-240, 240),
    };
    let from = edge(dice, minute).rem_euclid(1_440);
    let mut until = edge(dice, minute).rem_euclid(1_440);
    if until == 0 || dice.percent(15) {
        until = 1_440;
    }
    Window {
        days,
        from_min: u16::try_from(from).unwrap(),
        until_min: u16::try_from(until).unwrap(),
    }
}

fn code(dice: &mut Dice, scene: &Scene<'_>, name: &str, is_code: bool) -> Code {
    let strange = is_code && dice.percent(3);
    Code {
        owner: owner(name),
        state: if strange {
            dice.pick(&[CodeState::Revoked, CodeState::Replaced])
        } else {
            CodeState::Live
        },
        issued: scene.now.plus_ms(-dice.between(0, 20) * DAY_MS),
        paid: dice.maybe(60, |dice| scene.now.plus_ms(-dice.between(0, 20) * DAY_MS)),
        holder: dice.maybe(if is_code { 6 } else { 0 }, |dice| {
            scene.order.customer.filter(|_| dice.percent(70)).unwrap_or("eve").into()
        }),
        photo: None,
        uses: None,
        balance_minor: dice.maybe(40, Dice::amount),
        valid_from: dice.maybe(3, |dice| begin(dice, scene.now)),
        valid_until: dice.maybe(3, |dice| end(dice, scene.now)),
    }
}
