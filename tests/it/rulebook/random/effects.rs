//! Random effects.

use jeton::domain::campaign::{
    BalanceOf, Basis, Effect, Item, Per, Pick, Points, Remainder, Switch, Terms, Tier, Times, Worth,
};
use jeton::domain::money::Percent;

use super::{AMOUNTS, Dice, PRODUCTS, Scene};

const PERCENTS: [&str; 9] = ["0", "0.000001", "5", "7.7", "12.5", "20", "33.333333", "50", "100"];

/// Up to three effects; `account` says whether there is one to put into or draw from. At most one
/// draws from a balance.
pub(super) fn effects(dice: &mut Dice, scene: &Scene<'_>, account: bool) -> Vec<Effect> {
    let count = dice.weighted(&[3, 62, 25, 10]);
    let mut effects: Vec<Effect> = Vec::new();
    for _ in 0..count {
        let next = effect(dice, scene, account);
        let draws = |effect: &Effect| matches!(effect, Effect::Balance { .. });
        if !(draws(&next) && effects.iter().any(draws)) {
            effects.push(next);
        }
    }
    effects
}

fn effect(dice: &mut Dice, scene: &Scene<'_>, account: bool) -> Effect {
    let account = if account { 16 } else { 0 };
    match dice.weighted(&[20, 14, 6, 8, 3, 8, 5, 12, 5, 7, account, account / 2, 8, account / 2]) {
        0 => Effect::Off { worth: Worth::Percent(share(dice)), terms: terms(dice, true) },
        1 => Effect::Off { worth: Worth::Amount(positive(dice)), terms: terms(dice, false) },
        2 => Effect::Off { worth: Worth::Price(dice.amount()), terms: terms(dice, false) },
        3 => tiers(dice, scene.order.total().unwrap_or(5_000)),
        4 => Effect::Zero,
        5 => {
            let worth = worth(dice);
            let is_share = matches!(worth, Worth::Percent(_));
            let worth =
                if let Worth::Price(price) = worth { Worth::Amount(price.max(1)) } else { worth };
            Effect::Surcharge { worth, terms: terms(dice, is_share) }
        }
        6 => Effect::Unit { product: dice.pick(&PRODUCTS).into(), quantity: few(dice) },
        7 => Effect::Item(item(dice)),
        8 => Effect::PaysAll { product: dice.maybe(50, |dice| dice.pick(&PRODUCTS).into()) },
        9 => {
            let to = dice.pick(&[Switch::Bookable, Switch::NotBookable, Switch::Exempt]);
            Effect::Switch { product: dice.pick(&PRODUCTS).into(), to }
        }
        10 if dice.percent(30) => {
            Effect::Points { points: Points::Fixed(few(dice).into()), times: times(dice) }
        }
        10 => Effect::Points { points: Points::ByWeight, times: Times::ONCE },
        11 => Effect::Spend { amount: few(dice).into(), times: times(dice) },
        12 => Effect::Balance { of: BalanceOf::Code, remainder: remainder(dice) },
        _ => Effect::Balance { of: BalanceOf::Account, remainder: remainder(dice) },
    }
}

fn share(dice: &mut Dice) -> Percent {
    Percent::new(dice.pick(&PERCENTS).parse().unwrap()).unwrap()
}

fn worth(dice: &mut Dice) -> Worth {
    match dice.below(3) {
        0 => Worth::Percent(share(dice)),
        1 => Worth::Amount(positive(dice)),
        _ => Worth::Price(dice.amount()),
    }
}

fn positive(dice: &mut Dice) -> i64 {
    dice.pick(&AMOUNTS).max(1)
}

fn few(dice: &mut Dice) -> u32 {
    u32::try_from(dice.between(1, 5)).unwrap()
}

fn remainder(dice: &mut Dice) -> Remainder {
    dice.pick(&[Remainder::Kept, Remainder::Kept, Remainder::Forfeited])
}

/// A share is not taken several times.
fn terms(dice: &mut Dice, is_share: bool) -> Terms {
    Terms {
        basis: dice.pick(&[Basis::Running, Basis::Original]),
        times: if is_share { Times::ONCE } else { times(dice) },
        cap_minor: dice.maybe(25, positive),
    }
}

fn times(dice: &mut Dice) -> Times {
    if dice.percent(40) {
        return Times::ONCE;
    }
    let per = dice.pick(&[
        Per::Order,
        Per::Unit,
        Per::Night,
        Per::Room,
        Per::Programme,
        Per::Package,
        Per::Adult,
        Per::Child,
        Per::Person,
    ]);
    Times { per, max: dice.maybe(30, few) }
}

/// Tiers that begin around the order's total.
fn tiers(dice: &mut Dice, total: i64) -> Effect {
    let mut starts: Vec<i64> = (0..dice.between(1, 3))
        .map(|_| match dice.below(3) {
            0 => (total + dice.between(-1, 1)).max(0),
            1 => total / 2,
            _ => dice.amount(),
        })
        .collect();
    starts.sort_unstable();
    starts.dedup();
    let tiers: Vec<Tier> =
        starts.into_iter().map(|from_minor| Tier { from_minor, worth: worth(dice) }).collect();
    let has_share = tiers.iter().any(|tier| matches!(tier.worth, Worth::Percent(_)));
    Effect::Tiers { terms: terms(dice, has_share), tiers }
}

fn item(dice: &mut Dice) -> Item {
    Item {
        pick: match dice.below(3) {
            0 => Pick::Cheapest,
            1 => Pick::Dearest,
            _ => Pick::Named(dice.pick(&PRODUCTS).into()),
        },
        worth: if dice.percent(40) { Worth::Percent(share(dice)) } else { worth(dice) },
        every: dice.maybe(40, few),
        pieces_max: dice.maybe(40, few),
    }
}
