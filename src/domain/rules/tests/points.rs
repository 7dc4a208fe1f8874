//! What an order earns.

use super::*;
use crate::domain::account::{Lasting, RedeemAndEarn, Weights};
use crate::domain::campaign::{Condition, Per, Points, Remainder, Times};
use crate::domain::rules::scene::{draw, points_account};
use crate::domain::time::ValidityUnit;

fn fixed(points: u64, per: Per) -> Effect {
    Effect::Points { points: Points::Fixed(points), times: Times { per, max: None } }
}

fn by_weight() -> Effect {
    Effect::Points { points: Points::ByWeight, times: Times::ONCE }
}

/// A known customer, who has an account.
fn earning(effects: Vec<Effect>, change: impl FnOnce(&mut Account)) -> Scene {
    giving(effects).with(|s| {
        s.order.customer = Some("ada");
        let mut account = points_account();
        change(&mut account);
        s.account = Some(account);
    })
}

#[test]
fn fixed_numbers_count_for_each_of_something() {
    let persons = |effects| earning(effects, |_| {}).with(|s| s.order.persons = Some(3));
    check(&persons(vec![fixed(5, Per::Order)]), "worth 0 earn 5");
    check(&persons(vec![fixed(5, Per::Person), fixed(2, Per::Order)]), "worth 0 earn 17");
    check(&persons(vec![fixed(5, Per::Night)]), "130 input_missing missing=nights rule=points");
    let none = persons(vec![fixed(5, Per::Person)]).with(|s| s.order.persons = Some(0));
    check(&none, "165 no_effect");
    let nobody = persons(vec![fixed(5, Per::Order)]).with(|s| s.order.customer = None);
    check(&nobody, "131 customer_required rule=customer");
    let held = nobody.with(|s| {
        s.code.holder = Some("ada".into());
        s.campaign.kind = Kind::Pass;
    });
    check(&held, "worth 0 earn 5");
    check(&held.with(|s| s.account = None), "131 customer_required rule=points");
}

#[test]
fn points_are_weighed_against_what_is_paid() {
    let cart = |minor| earning(vec![by_weight()], |a| a.weights = Weights::Cart(minor));
    check(&cart(10_000), "worth 0 earn 1");
    check(&cart(3_000), "worth 0 earn 3");
    check(&cart(10_001), "165 no_effect");
    check(&earning(vec![by_weight()], |_| {}), "165 no_effect");
    let unknown = cart(10).with(|s| s.order.total_minor = None);
    check(&unknown, "165 no_effect");
    // On what effects leave, wherever they are listed.
    let less = cart(1_000).with(|s| s.campaign.effects.push(percent("25")));
    check(&less, "worth 2500 earn 7");
    const CART: &str = "tea drinks 1 1900, cake food 1 2500";
    let drinks = cart(1_000)
        .with(|s| s.order.lines = lines(CART))
        .condition(Condition::Category(only(&["drinks"])));
    check(&drinks, "worth 0 lines [0, 0, 0] earn 1");
}

#[test]
fn product_types_have_their_own_weights() {
    const STAY: &str = "single rooms 1 25000 room, double rooms 1 15000 room, \
                        hike tours 2 19900 programme, map shop 1 90000";
    let weights = || {
        let of = |(name, weight): (&str, i64)| (name.into(), weight);
        Weights::ByProductType([("room", 10_000), ("programme", 10_000)].map(of).into())
    };
    let stay = earning(vec![by_weight()], |a| a.weights = weights()).with(|s| {
        s.order.lines = lines(STAY);
        s.order.total_minor = None;
    });
    // 400 for rooms and 199 for programmes, each by itself.
    check(&stay, "worth 0 lines [0, 0, 0, 0, 0] earn 5");
    let half = stay.clone().with(|s| s.campaign.effects.insert(0, percent("50")));
    check(&half, "worth 74950 lines [12500, 7500, 9950, 45000, 0] earn 2");
    let single = stay.condition(Condition::Product(only(&["single", "map"])));
    check(&single, "worth 0 lines [0, 0, 0, 0, 0] earn 2");
}

#[test]
fn an_order_that_spends_earns_on_the_rest_or_not_at_all() {
    let spend = || Effect::Spend { amount: 20, times: Times::ONCE };
    let order = |effects, redeem_and_earn| {
        earning(effects, |a| {
            a.weights = Weights::Cart(10_000);
            a.redeem_and_earn = redeem_and_earn;
        })
        .with(|s| s.order.total_minor = Some(50_000))
    };
    let twenty = || vec![spend(), percent("20"), by_weight()];
    check(&order(twenty(), RedeemAndEarn::Earns), "worth 10000 spend 20 earn 4");
    check(&order(twenty(), RedeemAndEarn::EarnsNothing), "worth 10000 spend 20");
    let unspent = || vec![percent("20"), by_weight()];
    check(&order(unspent(), RedeemAndEarn::EarnsNothing), "worth 10000 earn 4");
    // Points that pay are spent, too; a fixed number is a gift.
    let pays = order(
        vec![draw(BalanceOf::Account, Remainder::Kept), by_weight(), fixed(3, Per::Order)],
        RedeemAndEarn::EarnsNothing,
    )
    .with(|s| {
        s.seen.account = Some(10);
        s.account.as_mut().unwrap().pays_minor = Some(1_000);
    });
    check(&pays, "worth 10000 draw 10 Exact of account at 1000 earn 3");
    let pays = pays.with(|s| s.account.as_mut().unwrap().redeem_and_earn = RedeemAndEarn::Earns);
    check(&pays, "worth 10000 draw 10 Exact of account at 1000 earn 7");
}

#[test]
fn lots_last_from_the_day_of_booking() {
    let days = |count, pending_days| {
        earning(vec![fixed(1, Per::Order)], |a| {
            a.lasts = Some(Lasting { count, unit: ValidityUnit::Days });
            a.pending_days = pending_days;
        })
    };
    // At noon of 15 June in Vienna.
    check(&days(2, 0), "worth 0 earn 1 until 2026-06-16T22:00:00.000Z");
    check(
        &days(9, 1),
        "worth 0 earn 1 from 2026-06-15T22:00:00.000Z until 2026-06-23T22:00:00.000Z",
    );
    let booked = days(2, 1).with(|s| s.order.booked = "2026-03-28".parse().ok());
    check(&booked, "worth 0 earn 1 from 2026-03-28T23:00:00.000Z until 2026-03-29T22:00:00.000Z");
    let months = earning(vec![fixed(1, Per::Order)], |a| {
        a.lasts = Some(Lasting { count: 1, unit: ValidityUnit::Months });
    });
    let booked = months.with(|s| s.order.booked = "2026-01-31".parse().ok());
    check(&booked, "worth 0 earn 1 until 2026-02-28T23:00:00.000Z");
}
