//! What the customer's account gives and gets, and giving back one code of several.

use super::*;
use crate::domain::campaign::BalanceOf;
use crate::domain::money::Currency;
use crate::domain::rules::{Draw, Earning};

/// A scene with an account of points, of money, or none.
fn scene(unit: Option<AccountUnit>) -> Scene {
    Scene::discount().with(|s| {
        s.order.customer = Some("ada");
        s.account = unit.map(|unit| Account { unit, ..points_account() });
    })
}

fn euros() -> AccountUnit {
    AccountUnit::Money(Currency::new("EUR", 2).unwrap())
}

fn drawn(of: BalanceOf, amount: u64, take: Take, unit_minor: i64) -> Option<Draw> {
    Some(Draw { of, amount, take, unit_minor, worth_minor_max: i64::MAX })
}

fn earned(amount: u64) -> Option<Earning> {
    Some(Earning { amount, expires: None, spendable_from: None })
}

fn planned_for(scene: &Scene, offer: &Offer) -> Plan {
    let mut out = Plan::default();
    plan(&scene.question(), &Offer { units: 1, ..offer.clone() }, OWNERS, 0, &mut out).unwrap();
    out
}

#[track_caller]
fn check_offer(scene: &Scene, offer: &Offer, expect: &str) {
    assert_eq!(plan_text(&planned_for(scene, offer)), format!("size {expect}"));
}

#[test]
fn accounts_come_last_and_give_before_they_get() {
    let points = scene(Some(AccountUnit::Points)).with(|s| {
        let account = s.account.as_mut().unwrap();
        account.max = Some(900);
        account.at_max = AtMax::Refuse;
        account.claw_back = ClawBackRule::Debt;
        s.campaign.passback.interval_ms = Some(1);
    });
    let both = Offer { spend: Some(20), earning: earned(4), ..Offer::default() };
    check_offer(
        &points,
        &both,
        "10000: code in all 1/1; interval 1; spend 20 Exact of the account's Points; \
         earn 4 of the account's, Refuse at Some(900), Debt",
    );
    check_offer(
        &scene(Some(euros())),
        &Offer { earning: earned(4), ..Offer::default() },
        "10000: code in all 1/1; earn 4 of the account's, Clamp at None, Floor",
    );
    let draws = Offer {
        draw: drawn(BalanceOf::Account, 700, Take::UpTo, 1),
        spend: Some(3),
        ..Offer::default()
    };
    check_offer(
        &scene(Some(euros())),
        &draws,
        "10000: code in all 1/1; spend 3 Exact of the account's Credit; \
         spend 700 UpTo of the account's Credit",
    );
    // Leaving gives and gets nothing.
    let exit = points.with(|s| s.order.passage = Passage::Exit);
    check_offer(&exit, &Offer::default(), "1: ");
}

#[test]
fn money_divides_by_itself_and_points_by_the_order() {
    let draw = |take, unit_minor| Offer {
        draw: drawn(BalanceOf::Account, 700, take, unit_minor),
        ..Offer::default()
    };
    let size = |scene: &Scene, offer: &Offer| planned_for(scene, offer).size;
    let (money, points) = (scene(Some(euros())), scene(Some(AccountUnit::Points)));
    assert_eq!(size(&money, &draw(Take::Exact, 1)), 700);
    assert_eq!(size(&money, &draw(Take::UpTo, 1)), 0);
    assert_eq!(size(&points, &draw(Take::Exact, 2)), 10_000);
    let unknown = |total| points.clone().with(|s| s.order.total_minor = total);
    assert_eq!(size(&unknown(None), &draw(Take::Exact, 2)), 1);
    assert_eq!(size(&unknown(Some(0)), &draw(Take::Exact, 2)), 1);
    assert_eq!(size(&unknown(Some(-5)), &draw(Take::Exact, 2)), 1);
}

#[test]
fn accounts_have_their_own_refusals() {
    let refused = |unit, offer: &Offer, used, held| {
        let plan = planned_for(&scene(Some(unit)), offer);
        let Leg::Spend { amount: max, .. } = plan.legs[1] else { panic!("{plan:?}") };
        let blocked = Blocked::Guard { leg: 1, used, held, max, retry_after_ms: None };
        refusal_text(&explain(&blocked, &plan, |_| None))
    };
    let spend = Offer { spend: Some(20), ..Offer::default() };
    let points = |used, held| refused(AccountUnit::Points, &spend, used, held);
    let about = "scope=account limit=points";
    assert_eq!(points(0, 0), format!("192 points_insufficient {about} used=0 held=0 max=20"));
    assert_eq!(points(9, 0), format!("192 points_insufficient {about} used=9 held=0 max=20"));
    assert_eq!(points(9, 11), format!("178 held {about} used=9 held=11 max=20"));
    let money = |used| refused(euros(), &spend, used, 0);
    let about = "scope=account limit=credit";
    assert_eq!(money(0), format!("190 balance_empty {about} used=0 held=0 max=20"));
    assert_eq!(money(9), format!("191 balance_insufficient {about} used=9 held=0 max=20"));
    let plan = planned_for(
        &scene(Some(AccountUnit::Points)),
        &Offer { earning: earned(4), ..Offer::default() },
    );
    let full = explain(&Blocked::Cap { leg: 1, balance: 9, max: 10 }, &plan, |_| None);
    assert_eq!(refusal_text(&full), "193 balance_cap used=9 max=10");
    assert_eq!(full.code_index, Some(0));
}

#[test]
fn without_an_owner_there_is_no_account() {
    let scene = scene(Some(AccountUnit::Points));
    let owners = Owners { customer: Some(CUSTOMER), account: None };
    for offer in [
        Offer { spend: Some(20), ..Offer::default() },
        Offer { earning: earned(4), ..Offer::default() },
        Offer { draw: drawn(BalanceOf::Account, 7, Take::Exact, 1), ..Offer::default() },
    ] {
        let refused = plan(&scene.question(), &offer, owners, 3, &mut Plan::default());
        assert_eq!(refused, Err(Refusal::new(Reason::CustomerRequired).at(3)));
    }
}

#[test]
fn one_code_of_several_is_given_back_by_itself() {
    let mut book = Book::default();
    let limits = [
        limit(Scope::Campaign, Counts::Uses, Period::Total, 9),
        limit(Scope::Campaign, Counts::Orders, Period::Total, 9),
    ];
    let scenes = [10, 11].map(|code| limited(&limits).with(|s| s.code.owner = Owner([code; 16])));
    let mut plan = Plan::default();
    for (scene, code_index) in scenes.iter().zip(0..) {
        let offer = scene.judge().unwrap();
        super::plan(&scene.question(), &offer, OWNERS, code_index, &mut plan).unwrap();
    }
    let now = scenes[0].now;
    let posting = Posting {
        id: PostingId([1; 16]),
        fingerprint: 1,
        mode: Mode::Post,
        size: plan.size,
        legs: plan.legs.clone(),
        note: Box::default(),
        now,
    };
    assert!(matches!(book.apply(&Command::Post(posting)), Outcome::Done(_)));
    let [first, second] = [0, 1].map(|code_index| plan.legs_of(code_index));
    assert_eq!((first & second, first | second), (0, (1 << plan.legs.len()) - 1));
    let used =
        |book: &Book| -> Vec<u64> { plan.legs.iter().map(|leg| book.used(leg.key())).collect() };
    assert_eq!(plan_text(&plan).matches("uses").count(), 2);
    assert_eq!(used(&book), [1, 2, 1, 1, 2]);
    let release = |release: u8, legs| Command::Release {
        id: PostingId([1; 16]),
        release_id: PostingId([release; 16]),
        part: ReleasedPart::Legs(legs),
        credit: None,
        now,
    };
    assert!(matches!(book.apply(&release(2, second)), Outcome::Done(_)));
    assert_eq!(used(&book), [1, 1, 1, 0, 1]);
    let Outcome::Done(receipt) = book.apply(&release(3, first)) else { panic!("refused") };
    assert_eq!(receipt.state, State::Released);
    assert_eq!(used(&book), [0, 0, 0, 0, 0]);
}
