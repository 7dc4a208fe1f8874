//! Random cases from a seed: always the same from the same.
//!
//! Campaigns are made for their order: most of what they demand nearly fits, by a cent or a day to
//! either side, because an order that matches nothing tells nothing. Knows no rule but the shape of
//! things.

mod campaigns;
mod conditions;
mod effects;
mod orders;

use chrono::NaiveDate;
use chrono_tz::Tz;
use jeton::domain::account::{
    Account, AccountUnit, AtMax, ClawBackRule, Lasting, RedeemAndEarn, Weights,
};
use jeton::domain::money::{AMOUNT_MINOR_MAX, Currency};
use jeton::domain::order::Order;
use jeton::domain::policy::{Group, NeedsCode, Policy};
use jeton::domain::rules::StackMode;
use jeton::domain::time::{Calendar, HOUR_MS, MINUTE_MS, Timestamp, ValidityUnit};

pub(super) use campaigns::plain;

use super::case::{Case, Entry};

/// Few names, so that lists hit.
const PRODUCTS: [&str; 3] = ["bed", "tour", "soup"];
const PRODUCT_TYPES: [&str; 7] = ["room", "package", "programme", "board", "voucher", "gear", ""];
const CATEGORIES: [&str; 3] = ["lake", "hill", ""];
const THEMES: [&str; 3] = ["calm", "wild", ""];
const REGIONS: [&str; 3] = ["north", "south", ""];
const GROUPS: [&str; 2] = ["members", "gifts"];
const CUSTOMERS: [&str; 2] = ["ada", "eve"];
const PLACES: [&str; 3] = ["one", "two", "three"];

/// Names of codes, and ids of campaigns that apply by themselves: not in the order of the places.
const CODES: [&str; 5] = ["CODE-0", "CODE-1", "CODE-2", "CODE-3", "CODE-4"];
const AUTOMATIC: [&str; 3] = ["early-bird", "weekend", "bonus"];
const CROWD: [&str; 20] = [
    "crowd-k", "crowd-c", "crowd-a", "crowd-t", "crowd-b", "crowd-d", "crowd-s", "crowd-e",
    "crowd-r", "crowd-f", "crowd-q", "crowd-g", "crowd-p", "crowd-h", "crowd-o", "crowd-i",
    "crowd-n", "crowd-j", "crowd-m", "crowd-l",
];

/// Amounts in minor units around which things happen.
const AMOUNTS: [i64; 12] = [0, 1, 99, 100, 333, 4_999, 5_000, 5_001, 9_999, 10_000, 12_345, 50_000];

/// A number generator: splitmix64, whose constants are public.
/// <https://prng.di.unimi.it/splitmix64.c>
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to below `count`.
    fn below(&mut self, count: u64) -> u64 {
        self.roll() % count
    }

    /// `from` to `to`, both included.
    fn between(&mut self, from: i64, to: i64) -> i64 {
        from + (self.roll() % (to - from + 1).unsigned_abs()).cast_signed()
    }

    /// Yes in so many of a thousand times.
    fn per_mille(&mut self, chance: u64) -> bool {
        self.below(1_000) < chance
    }

    fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    fn pick<T: Clone>(&mut self, all: &[T]) -> T {
        let place = usize::try_from(self.below(all.len() as u64)).unwrap();
        all[place].clone()
    }

    /// Something in so many of a hundred times.
    fn maybe<T>(&mut self, chance: u64, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.percent(chance) { Some(make(self)) } else { None }
    }

    /// The place of one of these weights.
    fn weighted(&mut self, weights: &[u64]) -> usize {
        let mut left = self.below(weights.iter().sum());
        for (place, weight) in weights.iter().enumerate() {
            if left < *weight {
                return place;
            }
            left -= weight;
        }
        weights.len() - 1
    }

    fn amount(&mut self) -> i64 {
        match self.below(200) {
            // Six lines, and as much again beyond them.
            0 => AMOUNT_MINOR_MAX / 12,
            1..=120 => self.pick(&AMOUNTS),
            _ => self.between(0, 20_000),
        }
    }
}

/// What the campaigns of a case are made for.
struct Scene<'a> {
    order: &'a Order<'static>,
    now: Timestamp,
    zone: Tz,
    accounts: &'a [Account; 2],
    /// What each account was last seen to have.
    spendable: [Option<u64>; 2],
    group: Option<&'a Group>,
}

/// The case with this seed.
pub(super) fn case(seed: u64) -> Case {
    let mut dice = Dice::new(seed);
    let dice = &mut dice;
    let zone = dice.pick(&[
        Tz::Europe__Vienna,
        Tz::Europe__Vienna,
        Tz::Europe__Vienna,
        Tz::America__New_York,
        Tz::Asia__Kolkata,
        Tz::UTC,
    ]);
    let now = moment(dice);
    let order = orders::order(dice, now);
    let accounts = [account(dice, "stars", AccountUnit::Points), {
        let currency = Currency::new("EUR", 2).unwrap();
        account(dice, "credit", AccountUnit::Money(currency))
    }];
    let spendable = [(); 2].map(|()| dice.maybe(85, balance));
    let group = dice.maybe(18, group);
    let scene =
        Scene { order: &order, now, zone, accounts: &accounts, spendable, group: group.as_ref() };
    let entries = entries(dice, &scene);
    let policy = policy(dice);
    let mode = dice.pick(&[StackMode::AllOrNothing, StackMode::Partial]);
    Case { order, now, policy, group, mode, entries }
}

fn entries(dice: &mut Dice, scene: &Scene<'_>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let codes = dice.weighted(&[4, 27, 30, 21, 10, 8]);
    for name in CODES.into_iter().take(codes) {
        let entry = if !entries.is_empty() && dice.percent(15) {
            // A second code of the same campaign, or the same code again.
            let mut again = dice.pick(&entries);
            if dice.percent(75) {
                again.code.owner = campaigns::owner(name);
            }
            Entry { name, ..again }
        } else {
            campaigns::entry(dice, scene, name, true)
        };
        entries.push(entry);
    }
    if dice.per_mille(2) {
        for name in CROWD {
            entries.push(campaigns::humble(dice, scene, name));
        }
        return entries;
    }
    let automatic = dice.weighted(&[50, 25, 15, 10]);
    for name in AUTOMATIC.into_iter().take(automatic) {
        entries.push(campaigns::entry(dice, scene, name, false));
    }
    entries
}

/// Mostly a day in June, sometimes one on which clocks change somewhere, then often about the hour.
fn moment(dice: &mut Dice) -> Timestamp {
    let begin = dice.pick(&[
        "2026-06-15T12:00:00Z",
        "2026-06-15T12:00:00Z",
        "2026-06-15T12:00:00Z",
        "2026-03-28T22:00:00Z",
        "2026-10-24T22:00:00Z",
        "2026-03-08T04:00:00Z",
        "2026-11-01T03:00:00Z",
        "2026-12-31T18:00:00Z",
    ]);
    let begin = Timestamp::from_rfc3339(begin).unwrap();
    let hours = if dice.percent(40) { 6 } else { 48 };
    let after = dice.between(0, hours * HOUR_MS / MINUTE_MS) * MINUTE_MS;
    let within = if dice.percent(50) { 0 } else { dice.between(0, MINUTE_MS - 1) };
    begin.plus_ms(after + within)
}

fn balance(dice: &mut Dice) -> u64 {
    if dice.percent(70) { dice.below(60) } else { dice.amount().unsigned_abs() }
}

fn account(dice: &mut Dice, id: &str, unit: AccountUnit) -> Account {
    let weight = |dice: &mut Dice| dice.pick(&[1, 7, 100, 1_000, 10_000]);
    let weights = match dice.below(5) {
        0 => Weights::None,
        1 | 2 => Weights::Cart(weight(dice)),
        _ => {
            let types = ["room", "programme", "gear"].into_iter();
            Weights::ByProductType(types.map(|name| (name.into(), weight(dice))).collect())
        }
    };
    let units = [
        ValidityUnit::Hours,
        ValidityUnit::Days,
        ValidityUnit::Weeks,
        ValidityUnit::Months,
        ValidityUnit::Years,
    ];
    Account {
        id: id.into(),
        name: Default::default(),
        unit_name: Default::default(),
        unit,
        // Another one than any campaign's: what a campaign puts in goes by the campaign's.
        calendar: Calendar::plain(Tz::Pacific__Auckland),
        lasts: dice.maybe(60, |dice| Lasting {
            count: u32::try_from(dice.between(1, 40)).unwrap(),
            unit: dice.pick(&units),
        }),
        max: None,
        at_max: AtMax::Clamp,
        weights,
        redeem_and_earn: dice.pick(&[RedeemAndEarn::Earns, RedeemAndEarn::EarnsNothing]),
        claw_back: ClawBackRule::Floor,
        pays_minor: dice.maybe(70, |dice| dice.pick(&[1, 10, 33, 100])),
        pending_days: if dice.percent(30) { 3 } else { 0 },
    }
}

fn group(dice: &mut Dice) -> Group {
    Group {
        id: dice.pick(&GROUPS).into(),
        name: Default::default(),
        needs_code: dice.pick(&[NeedsCode::Mandatory, NeedsCode::Optional]),
    }
}

fn policy(dice: &mut Dice) -> Policy {
    let of_type =
        |dice: &mut Dice| dice.maybe(15, |dice| u8::try_from(dice.between(0, 2)).unwrap());
    Policy {
        codes_max: if dice.percent(75) { 5 } else { u8::try_from(dice.between(1, 3)).unwrap() },
        codes_max_by_type: [(); 4].map(|()| of_type(dice)),
    }
}

/// The day, so many days later.
fn day_after(date: NaiveDate, days: i64) -> NaiveDate {
    date + chrono::Duration::days(days)
}
