//! Which legs a code needs, and what a ledger's "no" to each of them means.

mod accounts;
mod reentry;
mod rolling;

use proptest::prelude::*;

use super::*;
use crate::domain::book::Book;
use crate::domain::campaign::{Passback, RelativeValidity, Remainder, Scope, Since, ZoneRule};
use crate::domain::id::PostingId;
use crate::domain::pass::{OUTSIDE, UNNAMED, zone_id};
use crate::domain::posting::Part as ReleasedPart;
use crate::domain::posting::{
    Blocked, Command, LotPart, Mark, Mode, Outcome, Posting, State, Unset, ZoneId,
};
use crate::domain::rules::scene::{
    CAMPAIGN, CODE, CUSTOMER, Scene, at, draw, points_account, refusal_text, surcharge,
};
use crate::domain::rules::{Running, judge};
use crate::domain::time::{Period, ROLLING_MINUTES_MAX, ValidityUnit};

use super::counter::{counter_place, reason_of};

const ACCOUNT: Owner = Owner([4; 16]);

const OWNERS: Owners = Owners { customer: Some(CUSTOMER), account: Some(ACCOUNT) };

fn limit(scope: Scope, counts: Counts, period: Period, max: u64) -> Limit {
    Limit { scope, counts, period, max }
}

fn planned(scene: &Scene) -> Plan {
    let mut out = Plan::default();
    let offer = scene.judge().unwrap();
    plan(&scene.question(), &offer, OWNERS, 0, &mut out).unwrap();
    out
}

/// A leg in a few words: what it means, whose it is, and its numbers.
fn leg_text(leg: &Leg, meaning: &Meaning) -> String {
    let owner = |key: &Key| match key.owner {
        CODE => "code",
        CAMPAIGN => "campaign",
        CUSTOMER => "customer",
        ACCOUNT => "account",
        _ => "other",
    };
    let until = |moment: &Option<Timestamp>| match moment {
        Some(moment) => format!(" until {}", moment.to_rfc3339().replace(":00:00.000Z", "h")),
        None => String::new(),
    };
    let limit = |max: u64| if max == u64::MAX { "any".to_owned() } else { max.to_string() };
    match leg {
        Leg::Count { key, n, max, keep_until } => {
            let what = match meaning.about {
                About::Limit { limit, .. } => explain::limit_name(limit.counts, limit.period),
                _ => "in all",
            };
            format!("{} {what} {n}/{}{}", owner(key), limit(*max), until(keep_until))
        }
        Leg::Once { marker, key, n, max, keep_until, counter_keep_until } => {
            assert_eq!(marker.owner, key.owner);
            let what = match meaning.about {
                About::Limit { limit, .. } => explain::limit_name(limit.counts, limit.period),
                _ => "in all",
            };
            let once = if marker.facet.is(FacetKind::Reentry) { "once " } else { "" };
            let (max, marker_until) = (limit(*max), until(keep_until));
            let counter_until = until(counter_keep_until).replace("until", "counter");
            format!("{once}{} {what} {n}/{max}{marker_until}{counter_until}", owner(key))
        }
        Leg::Interval { min_ms, mark: Mark::Last, .. } => format!("interval {min_ms}"),
        Leg::Interval { min_ms, mark: Mark::First, .. } => format!("first use {min_ms}"),
        Leg::Zone { from, from_unset, to, keep_until, .. } => {
            let passes = if *from_unset == Unset::Passes { " or unset" } else { "" };
            let name = |zone: ZoneId| match zone {
                OUTSIDE => "outside",
                UNNAMED => "inside",
                zone if zone == zone_id(Some("pool")) => "pool",
                _ => "elsewhere",
            };
            format!("zone {}{passes} to {}{}", name(*from), name(*to), until(keep_until))
        }
        Leg::Spend { amount, take, opening, .. } => {
            let of = match meaning.about {
                About::Balance => opening.map_or(0, |opening| opening.amount).to_string(),
                about => format!("the {}'s {about:?}", owner(leg.key())),
            };
            format!("spend {amount} {take:?} of {of}")
        }
        Leg::Earn { key, amount, cap, at_cap, claw_back, .. } => {
            format!("earn {amount} of the {}'s, {at_cap:?} at {cap:?}, {claw_back:?}", owner(key))
        }
    }
}

fn plan_text(plan: &Plan) -> String {
    assert_eq!(plan.legs.len(), plan.meanings.len());
    let legs = plan.legs.iter().zip(&plan.meanings).map(|(leg, meaning)| leg_text(leg, meaning));
    format!("size {}: {}", plan.size, legs.collect::<Vec<_>>().join("; "))
}

#[track_caller]
fn check(scene: &Scene, expect: &str) {
    assert_eq!(plan_text(&planned(scene)), expect);
}

/// The refusal for the leg at `place`, which finds `used` and `held`.
#[track_caller]
fn check_refusal(scene: &Scene, place: usize, used: u64, held: u64, expect: &str) {
    let plan = planned(scene);
    let max = match &plan.legs[place] {
        Leg::Count { max, .. } | Leg::Once { max, .. } => *max,
        Leg::Spend { amount, .. } => *amount,
        other => panic!("{other:?} has no guard of numbers"),
    };
    let retry_after_ms = Some(5_000);
    let blocked = Blocked::Guard { leg: place, used, held, max, retry_after_ms };
    let refusal = explain(&blocked, &plan, |_| None);
    assert_eq!(refusal.code_index, Some(0));
    assert_eq!(refusal_text(&refusal), expect);
}

fn limited(limits: &[Limit]) -> Scene {
    Scene::discount().with(|s| {
        s.campaign.limits = limits.to_vec();
        s.order.customer = Some("ada");
    })
}

#[test]
fn uses_are_counted_with_and_without_a_limit() {
    check(&Scene::discount(), "size 1: code in all 1/1");
    check(&Scene::discount().with(|s| s.code.uses = Some(7)), "size 1: code in all 1/7");
    check(
        &Scene::discount().with(|s| {
            s.campaign.uses = None;
            s.order.units = 3;
        }),
        "size 3: code in all 3/any",
    );
}

#[test]
fn legs_stand_in_the_order_of_their_reasons() {
    let scene = limited(&[
        limit(Scope::Campaign, Counts::Money, Period::Total, 900_000),
        limit(Scope::Campaign, Counts::Money, Period::Month, 500_000),
        limit(Scope::Customer, Counts::Orders, Period::Total, 2),
        limit(Scope::Campaign, Counts::Uses, Period::Total, 100),
        limit(Scope::Code, Counts::Units, Period::Day, 4),
        limit(Scope::Account, Counts::Uses, Period::Total, 8),
        limit(Scope::Code, Counts::Days, Period::Total, 3),
    ])
    .with(|s| {
        s.order.units = 2;
        s.campaign.passback =
            Passback { interval_ms: Some(600_000), reentry_ms: None, zones: ZoneRule::Followed };
        s.campaign.validity.relative =
            Some(RelativeValidity { since: Since::FirstUse, count: 1, unit: ValidityUnit::Years });
        s.campaign.effects.push(draw(BalanceOf::Code, Remainder::Kept));
        s.campaign.balance_minor = Some(1_000);
    });
    // Worth 20 % of 100 euros and the balance of 10.
    check(
        &scene,
        "size 1000: code in all 2/1; account uses 2/8; code days 1/3 until 2026-06-17T22h; \
         campaign uses 2/100; customer orders 1/2; \
         campaign money per month 3000/500000 until 2026-07-02T22h; \
         code units per day 2/4 until 2026-06-17T22h; campaign money 3000/900000; \
         interval 600000; first use 0; zone outside or unset to inside until 2026-06-17T22h; \
         spend 1000 Exact of 1000",
    );
}

#[test]
fn what_is_worth_no_money_takes_none() {
    let scene = limited(&[limit(Scope::Campaign, Counts::Money, Period::Total, 100)])
        .with(|s| s.campaign.effects = vec![surcharge(5)]);
    check(&scene, "size 1: code in all 1/1");
}

#[test]
fn days_of_25_hours_have_one_counter() {
    let on = |now: &str| {
        limited(&[limit(Scope::Code, Counts::Uses, Period::Day, 1)]).with(|s| s.now = at(now))
    };
    let key = |now: &str| match planned(&on(now)).legs[1] {
        Leg::Count { key, .. } => key,
        _ => panic!("not a count"),
    };
    let first = key("2026-10-25T00:00:00+02:00");
    assert_eq!(key("2026-10-25T23:59:59.999+01:00"), first);
    assert_ne!(key("2026-10-26T00:00:00+01:00"), first);
    assert_ne!(key("2026-10-24T23:59:59.999+02:00"), first);
    check_refusal(
        &on("2026-10-25T00:30:00+02:00"),
        1,
        1,
        0,
        "174 period_limit scope=code limit=uses per day used=1 held=0 max=1 \
         resets_at=2026-10-25T23:00:00.000Z",
    );
    check_refusal(
        &on("2026-03-29T12:00:00+02:00"),
        1,
        1,
        0,
        "174 period_limit scope=code limit=uses per day used=1 held=0 max=1 \
         resets_at=2026-03-29T22:00:00.000Z",
    );
}

#[test]
fn counters_survive_a_reordering_of_limits() {
    let a = limit(Scope::Campaign, Counts::Uses, Period::Total, 100);
    let b = limit(Scope::Campaign, Counts::Orders, Period::Total, 50);
    let keys = |limits: &[Limit]| {
        let mut keys: Vec<_> = planned(&limited(limits))
            .legs
            .iter()
            .map(|leg| match leg {
                Leg::Count { key, n, max, .. } => (*key, *n, *max),
                _ => panic!("not a count"),
            })
            .collect();
        keys.sort();
        keys
    };
    assert_eq!(keys(&[a, b]), keys(&[b, a]));
    assert_eq!(keys(&[a, b]).len(), 3);
    // Twice the same: the stricter one counts, once.
    let stricter = Limit { max: 10, ..a };
    assert_eq!(keys(&[a, stricter, a]), keys(&[stricter]));
}

#[test]
fn counters_of_one_owner_never_meet() {
    let mut seen = std::collections::HashSet::new();
    for scope in [Scope::Code, Scope::Campaign, Scope::Customer, Scope::Account] {
        for counts in [Counts::Uses, Counts::Orders, Counts::Units, Counts::Money, Counts::Days] {
            let rolling = Period::Rolling { minutes: 7 };
            let periods =
                [Period::Total, Period::Day, Period::Week, Period::Month, Period::Year, rolling];
            for period in periods {
                assert!(seen.insert(counter_place(limit(scope, counts, period, 1))));
                let name = explain::limit_name(counts, period);
                assert!(name.starts_with(counts.name()), "{name}");
                assert_eq!(name.contains(period.name()), period != Period::Total, "{name}");
            }
        }
    }
    assert_eq!(seen.len(), 120);
    assert!(!seen.contains(&counter::USES_PLACE));
}

#[test]
fn two_codes_of_one_campaign_add_up() {
    let scene = limited(&[
        limit(Scope::Customer, Counts::Uses, Period::Total, 1),
        limit(Scope::Customer, Counts::Orders, Period::Total, 1),
        limit(Scope::Customer, Counts::Days, Period::Total, 1),
        limit(Scope::Campaign, Counts::Money, Period::Total, 10_000),
    ]);
    let other = scene.clone().with(|s| s.code.owner = Owner([9; 16]));
    let mut out = Plan::default();
    let mut running = Running::of(&scene.order);
    for (code_index, scene) in [(0, &scene), (1, &other)] {
        let offer = judge(&scene.question(), &mut running).unwrap();
        plan(&scene.question(), &offer, OWNERS, code_index, &mut out).unwrap();
    }
    assert_eq!(
        plan_text(&out),
        "size 1: code in all 1/1; customer uses 1/1; customer orders 1/1; \
         customer days 1/1 until 2026-06-17T22h; campaign money 2000/10000; other in all 1/1; \
         customer uses 1/1; campaign money 1600/10000"
    );
    let places: Vec<_> = out.meanings.iter().map(|meaning| meaning.code_index).collect();
    assert_eq!(places, [0, 0, 0, 0, 0, 1, 1, 1]);
    assert_eq!((out.legs_of(0), out.legs_of(1), out.legs_of(2)), (0b1_1111, 0b1110_0000, 0));
    let refused = |leg, used, held, max| {
        let blocked = Blocked::Guard { leg, used, held, max, retry_after_ms: None };
        let refusal = explain(&blocked, &out, |_| None);
        (refusal.reason, refusal.code_index)
    };
    assert_eq!(refused(5, 1, 0, 1), (Reason::AlreadyRedeemed, Some(1)));
    // The first code's use of the same counter is no hold that will end.
    assert_eq!(refused(6, 0, 0, 1), (Reason::UnitsExceedRemaining, Some(1)));
    assert_eq!(refused(6, 0, 1, 2), (Reason::Held, Some(1)));
    assert_eq!(refused(7, 7_000, 0, 10_000), (Reason::BudgetExhausted, Some(1)));
}

#[test]
fn of_what_is_counted_once_the_stricter_counts() {
    let scene = |max| {
        limited(&[
            limit(Scope::Campaign, Counts::Orders, Period::Total, max),
            limit(Scope::Campaign, Counts::Days, Period::Total, max),
        ])
    };
    let mut out = Plan::default();
    for (scene, code_index) in [scene(5), scene(3), scene(9)].into_iter().zip(0..) {
        let scene = scene.with(|s| s.code.owner = Owner([code_index + 10; 16]));
        let offer = scene.judge().unwrap();
        plan(&scene.question(), &offer, OWNERS, code_index, &mut out).unwrap();
    }
    assert_eq!(
        plan_text(&out),
        "size 1: other in all 1/1; campaign orders 1/3; campaign days 1/3 until 2026-06-17T22h; \
         other in all 1/1; other in all 1/1"
    );
    assert_eq!((out.legs_of(0), out.legs_of(1), out.legs_of(2)), (0b111, 0b1000, 0b1_0000));
}

#[test]
fn a_campaign_that_applies_by_itself_has_no_code_to_count() {
    let automatic = Scene::discount().with(|s| {
        s.code.owner = CAMPAIGN;
        s.campaign.uses = None;
    });
    check(&automatic, "size 1: ");
    check(&automatic.with(|s| s.campaign.uses = Some(9)), "size 1: campaign in all 1/9");
}

#[test]
fn what_divides_a_posting() {
    let size = |scenes: &[Scene]| {
        let mut out = Plan::default();
        for (scene, code_index) in scenes.iter().zip(0..) {
            let offer = scene.judge().unwrap();
            plan(&scene.question(), &offer, Owners::default(), code_index, &mut out).unwrap();
        }
        out.size
    };
    let three = Scene::pass().with(|s| s.order.units = 3);
    assert_eq!(size(std::slice::from_ref(&three)), 3);
    assert_eq!(size(&[three.clone(), three.clone()]), 3);
    let exact = Scene::voucher().with(|s| s.order.amount_minor = Some(2_500));
    assert_eq!(size(&[exact]), 2_500);
    // How much there is to draw, the ledger finds.
    assert_eq!(size(&[Scene::voucher()]), 0);
    let costing = |total| three.clone().with(|s| s.order.total_minor = total);
    assert_eq!(size(&[Scene::voucher(), costing(Some(3_000))]), 3_000);
    let till = Scene::voucher().with(|s| {
        s.order.total_minor = None;
        s.order.amount_minor = Some(700);
    });
    assert_eq!(size(&[till.clone(), costing(None)]), 1);
    assert_eq!(size(&[costing(None), till, costing(None)]), 1);
}

#[test]
fn used_up_too_many_and_held_are_told_apart() {
    let uses = |uses: u64, units: u32| {
        Scene::pass().with(|s| {
            s.campaign.uses = Some(uses);
            s.order.units = units;
        })
    };
    let cases = [
        (1, 1, 1, 0, "170 already_redeemed"),
        (3, 1, 3, 0, "171 usage_limit"),
        (3, 2, 2, 0, "176 units_exceed_remaining"),
        (3, 4, 0, 0, "176 units_exceed_remaining"),
        (1, 2, 0, 0, "176 units_exceed_remaining"),
        (1, 2, 1, 0, "170 already_redeemed"),
        (3, 2, 2, 1, "176 units_exceed_remaining"),
    ];
    for (max, units, used, held, name) in cases {
        let expect = format!("{name} scope=code limit=uses used={used} held={held} max={max}");
        check_refusal(&uses(max, units), 0, used, held, &expect);
    }
    check_refusal(
        &uses(3, 2),
        0,
        1,
        1,
        "178 held scope=code limit=uses used=1 held=1 max=3 retry_after_ms=5000",
    );
}

#[test]
fn every_limit_has_its_reason() {
    let cases = [
        (Scope::Code, Counts::Uses, Period::Total, 1, "170 already_redeemed scope=code limit=uses"),
        (
            Scope::Account,
            Counts::Orders,
            Period::Total,
            1,
            "171 usage_limit scope=account limit=orders",
        ),
        (Scope::Code, Counts::Days, Period::Total, 1, "171 usage_limit scope=code limit=days"),
        (
            Scope::Account,
            Counts::Uses,
            Period::Total,
            5,
            "171 usage_limit scope=account limit=uses",
        ),
        (
            Scope::Campaign,
            Counts::Units,
            Period::Total,
            5,
            "172 campaign_limit scope=campaign limit=units",
        ),
        (
            Scope::Customer,
            Counts::Orders,
            Period::Total,
            1,
            "173 customer_limit scope=customer limit=orders",
        ),
        (
            Scope::Campaign,
            Counts::Money,
            Period::Total,
            5,
            "175 budget_exhausted scope=campaign limit=money",
        ),
    ];
    for (scope, counts, period, max, begin) in cases {
        let expect = format!("{begin} used={max} held=0 max={max}");
        check_refusal(&limited(&[limit(scope, counts, period, max)]), 1, max, 0, &expect);
    }
    for (period, resets_at) in [
        (Period::Day, "2026-06-15T22:00:00.000Z"),
        (Period::Week, "2026-06-21T22:00:00.000Z"),
        (Period::Month, "2026-06-30T22:00:00.000Z"),
        (Period::Year, "2026-12-31T23:00:00.000Z"),
    ] {
        let name = period.name();
        check_refusal(
            &limited(&[limit(Scope::Customer, Counts::Uses, period, 2)]),
            1,
            2,
            1,
            &format!(
                "174 period_limit scope=customer limit=uses per {name} used=2 held=1 max=2 \
                 resets_at={resets_at}"
            ),
        );
        // Some money is left, but not enough for a worth of 20 euros.
        check_refusal(
            &limited(&[limit(Scope::Campaign, Counts::Money, period, 5_000)]),
            1,
            4_000,
            0,
            &format!(
                "174 period_limit scope=campaign limit=money per {name} used=4000 held=0 \
                 max=5000 resets_at={resets_at}"
            ),
        );
    }
}

#[test]
fn whoever_is_counted_must_be_known() {
    for scope in [Scope::Customer, Scope::Account] {
        let scene = limited(&[limit(scope, Counts::Uses, Period::Total, 1)]);
        let offer = scene.judge().unwrap();
        let refused = plan(&scene.question(), &offer, Owners::default(), 2, &mut Plan::default());
        assert_eq!(refused, Err(Refusal::new(Reason::CustomerRequired).at(2)), "{scope:?}");
    }
}

#[test]
fn balances_that_are_empty_short_or_held() {
    let exact = Scene::voucher().with(|s| s.order.amount_minor = Some(3_000));
    let check_exact = |free, held, expect| check_refusal(&exact, 1, free, held, expect);
    check_exact(0, 0, "190 balance_empty limit=balance used=0 held=0 max=3000");
    check_exact(900, 0, "191 balance_insufficient limit=balance used=900 held=0 max=3000");
    check_exact(0, 900, "191 balance_insufficient limit=balance used=0 held=900 max=3000");
    check_exact(
        2_000,
        1_000,
        "178 held limit=balance used=2000 held=1000 max=3000 retry_after_ms=5000",
    );
    let up_to = Scene::voucher();
    check_refusal(&up_to, 1, 0, 0, "190 balance_empty limit=balance used=0 held=0 max=3000");
    check_refusal(
        &up_to,
        1,
        0,
        1,
        "178 held limit=balance used=0 held=1 max=3000 retry_after_ms=5000",
    );
}

#[test]
fn entries_and_exits() {
    let gate = |zone, passage| {
        Scene::pass().with(|s| {
            s.campaign.passback = Passback {
                interval_ms: Some(600_000),
                reentry_ms: None,
                zones: ZoneRule::Followed,
            };
            s.order.zone = zone;
            s.order.passage = passage;
        })
    };
    let entry = "size 1: code in all 1/any; interval 600000; zone outside or unset to";
    check(&gate(None, Passage::Entry), &format!("{entry} inside until 2026-06-17T22h"));
    check(&gate(Some("pool"), Passage::None), &format!("{entry} pool until 2026-06-17T22h"));
    check(&gate(Some("pool"), Passage::Exit), "size 1: zone pool to outside until 2026-06-17T22h");
    let free = Scene::pass().with(|s| s.order.passage = Passage::Exit);
    check(&free, "size 1: ");
    let refused = |passage, leg, at| {
        let plan = planned(&gate(Some("pool"), passage));
        refusal_text(&explain(&Blocked::Elsewhere { leg, at }, &plan, |_| None))
    };
    let (pool, sauna) = (Some(zone_id(Some("pool"))), Some(zone_id(Some("sauna"))));
    assert_eq!(refused(Passage::Entry, 2, pool), "181 exit_required");
    assert_eq!(refused(Passage::Entry, 2, sauna), "183 wrong_zone");
    assert_eq!(refused(Passage::Exit, 0, None), "182 entry_required");
    assert_eq!(refused(Passage::Exit, 0, Some(OUTSIDE)), "182 entry_required");
    assert_eq!(refused(Passage::Exit, 0, sauna), "183 wrong_zone");
    let soon = Blocked::TooSoon { leg: 1, retry_after_ms: 77 };
    let refusal = explain(&soon, &planned(&gate(None, Passage::Entry)), |_| None);
    assert_eq!(refusal_text(&refusal), "180 too_soon retry_after_ms=77");
    assert_eq!(refusal.code_index, Some(0));
}

#[test]
fn everybody_is_outside_on_the_next_local_day() {
    let key = |now: &str| {
        let scene = Scene::pass().with(|s| {
            s.campaign.passback.zones = ZoneRule::Followed;
            s.now = at(now);
        });
        match planned(&scene).legs[1] {
            Leg::Zone { key, .. } => key,
            _ => panic!("not a zone"),
        }
    };
    let evening = key("2026-06-15T23:59:59.999+02:00");
    assert_eq!(key("2026-06-15T00:00:00+02:00"), evening);
    assert_ne!(key("2026-06-16T00:00:00+02:00"), evening);
}

#[test]
fn resolutions_are_refused_in_their_own_words() {
    for (blocked, expect) in [
        (Blocked::HoldNotFound, "200 hold_not_found"),
        (Blocked::HoldExpired, "201 hold_expired"),
        (Blocked::NotFound, "202 redemption_not_found"),
        (Blocked::AlreadyReleased, "203 already_released"),
        (Blocked::ReleaseExceeds { left: 3 }, "204 release_exceeds max=3"),
        (Blocked::ConfirmExceeds { left: 3 }, "205 confirm_exceeds max=3"),
        (Blocked::Cap { leg: 0, balance: 9, max: 10 }, "193 balance_cap used=9 max=10"),
        (Blocked::TooManyLots { leg: 0 }, "193 balance_cap"),
    ] {
        assert_eq!(refusal_text(&explain(&blocked, &Plan::default(), |_| None)), expect);
    }
}

#[test]
fn what_is_left() {
    let plan = planned(&Scene::voucher().with(|s| s.campaign.uses = Some(10)));
    let result = LegResult { amount: 1, after: 4, ..LegResult::default() };
    assert_eq!(remaining(&plan.legs[0], &result), Some(6));
    let lots =
        [LotPart { amount: 3_000, expires: None, spendable_from: None }].into_iter().collect();
    let drawn = LegResult { amount: 3_000, after: 2_000, lots, before: None };
    assert_eq!(remaining(&plan.legs[1], &drawn), Some(2_000));
    let unlimited = planned(&Scene::pass());
    assert_eq!(remaining(&unlimited.legs[0], &result), None);
    let days = planned(&limited(&[limit(Scope::Code, Counts::Days, Period::Total, 5)]));
    assert_eq!(remaining(&days.legs[1], &result), Some(1));
    let untimed = Scene::pass().with(|s| s.campaign.passback.interval_ms = Some(0));
    assert_eq!(planned(&untimed).legs.len(), 1);
    let timed = Scene::pass().with(|s| s.campaign.passback.interval_ms = Some(1));
    assert_eq!(remaining(&planned(&timed).legs[1], &LegResult::default()), None);
}

/// What the book says to the scene's plan: the ordinal of the use, or the refusal.
fn post(book: &mut Book, id: u8, mode: Mode, scene: &Scene) -> String {
    let plan = planned(scene);
    let posting = Posting {
        id: PostingId([id; 16]),
        fingerprint: u64::from(id),
        mode,
        size: plan.size,
        legs: plan.legs.clone(),
        note: Box::default(),
        now: scene.now,
    };
    book.forget(scene.now, usize::MAX);
    match book.apply(&Command::Post(posting)) {
        Outcome::Done(receipt) => format!("yes {}", receipt.results[0].after),
        Outcome::Refused(blocked) => {
            refusal_text(&explain(&blocked, &plan, |key| Some(book.used(key))))
        }
        other => {
            panic!("{other:?}")
        }
    }
}

#[test]
fn a_pass_at_the_gate_as_the_book_sees_it() {
    let mut book = Book::default();
    let pass = |now: &str, units: u32| {
        Scene::pass().with(|s| {
            s.campaign.limits = vec![limit(Scope::Code, Counts::Units, Period::Day, 3)];
            s.campaign.passback.interval_ms = Some(60_000);
            s.order.units = units;
            s.now = at(now);
        })
    };
    let until = at("2026-03-29T12:00:00+02:00");
    let morning = pass("2026-03-29T10:00:00+02:00", 2);
    assert_eq!(post(&mut book, 1, Mode::Post, &morning), "yes 2");
    let soon = pass("2026-03-29T10:00:59+02:00", 1);
    assert_eq!(post(&mut book, 2, Mode::Post, &soon), "180 too_soon retry_after_ms=1000");
    let many = pass("2026-03-29T11:00:00+02:00", 2);
    assert_eq!(
        post(&mut book, 3, Mode::Post, &many),
        "176 units_exceed_remaining scope=code limit=units per day used=2 held=0 max=3 \
         resets_at=2026-03-29T22:00:00.000Z"
    );
    let held = pass("2026-03-29T11:30:00+02:00", 1);
    assert_eq!(post(&mut book, 4, Mode::Hold { until }, &held), "yes 3");
    assert_eq!(
        post(&mut book, 5, Mode::Post, &pass("2026-03-29T11:45:00+02:00", 1)),
        "178 held scope=code limit=units per day used=2 held=1 max=3 retry_after_ms=900000 \
         resets_at=2026-03-29T22:00:00.000Z"
    );
    let after_hold = pass("2026-03-29T12:00:00+02:00", 1);
    assert_eq!(post(&mut book, 6, Mode::Post, &after_hold), "yes 3");
    let evening = pass("2026-03-29T23:59:59.999+02:00", 1);
    assert_eq!(
        post(&mut book, 7, Mode::Post, &evening),
        "174 period_limit scope=code limit=units per day used=3 held=0 max=3 \
         resets_at=2026-03-29T22:00:00.000Z"
    );
    assert_eq!(post(&mut book, 8, Mode::Post, &pass("2026-03-30T00:00:59+02:00", 3)), "yes 6");
}

#[test]
fn a_voucher_is_drawn_down_as_the_book_sees_it() {
    let mut book = Book::default();
    let draw = |amount_minor| Scene::voucher().with(|s| s.order.amount_minor = amount_minor);
    assert_eq!(post(&mut book, 1, Mode::Post, &draw(None)), "yes 1");
    assert_eq!(
        post(&mut book, 2, Mode::Post, &draw(Some(3_000))),
        "191 balance_insufficient limit=balance used=2000 held=0 max=3000"
    );
    assert_eq!(post(&mut book, 3, Mode::Post, &draw(None)), "yes 2");
    assert_eq!(
        post(&mut book, 4, Mode::Post, &draw(None)),
        "190 balance_empty limit=balance used=0 held=0 max=3000"
    );
}

fn any_limit() -> impl Strategy<Value = Limit> {
    let scopes = [Scope::Code, Scope::Campaign, Scope::Customer, Scope::Account];
    let counts = [Counts::Uses, Counts::Orders, Counts::Units, Counts::Money, Counts::Days];
    let periods = [Period::Total, Period::Day, Period::Week, Period::Month, Period::Year];
    let pick = proptest::sample::select::<Scope>(scopes.to_vec());
    (pick, proptest::sample::select(counts.to_vec()), proptest::sample::select(periods.to_vec()))
        .prop_flat_map(|(scope, counts, period)| {
            (1_u64..1_000).prop_map(move |max| limit(scope, counts, period, max))
        })
}

proptest! {
    #[test]
    fn one_code_always_fits_and_its_legs_are_well_formed(
        mut limits in proptest::collection::vec(any_limit(), LIMITS_MAX),
        rolling in proptest::collection::vec(1..=ROLLING_MINUTES_MAX, 0..=ROLLING_MAX),
        reentry_ms in proptest::option::of(1_i64..1_000_000),
        units in 1_u32..=4,
        balance in any::<bool>(),
    ) {
        limits.truncate(LIMITS_MAX - rolling.len() * ROLLING_LEGS);
        limits.extend(rolling.into_iter().zip([Counts::Uses, Counts::Days]).map(
            |(minutes, counts)| limit(Scope::Customer, counts, Period::Rolling { minutes }, 5),
        ));
        let scene = limited(&limits).with(|s| {
            s.order.units = units;
            s.campaign.passback = Passback {
 interval_ms: Some(1),
 reentry_ms,
 zones: ZoneRule::Followed,
 };
            s.campaign.validity.relative = Some(RelativeValidity {
                since: Since::FirstUse,
                count: 1,
                unit: ValidityUnit::Days,
            });
            if balance {
                s.campaign.effects = vec![draw(BalanceOf::Code, Remainder::Kept)];
                s.campaign.balance_minor = Some(5);
            }
        });
        let plan = planned(&scene);
        prop_assert!(plan.legs.len() <= LEGS_MAX);
        prop_assert_eq!(plan.legs.len(), plan.meanings.len());
        let drawn = if plan.meanings.iter().any(|meaning| meaning.about == About::Balance) {
            5
        } else {
            u64::from(units)
        };
        prop_assert!([0, drawn].contains(&plan.size));
        let mut keys = std::collections::HashSet::new();
        let mut last = Reason::CodeMalformed;
        for (leg, meaning) in plan.legs.iter().zip(&plan.meanings) {
            let key = match leg {
                Leg::Count { key, n, max, .. } => {
                    prop_assert!(*n >= 1 && *max >= 1);
                    key
                }
                Leg::Once { key, n, marker, .. } => {
                    prop_assert!(*n >= 1);
                    prop_assert!(keys.insert(*marker));
                    key
                }
                Leg::Spend { key, amount, take, .. } => {
                    prop_assert!(*amount >= 1);
                    let money = limits.iter().any(|limit| limit.counts == Counts::Money);
                    prop_assert_eq!(*take == Take::Exact, money);
                    key
                }
                Leg::Interval { key, .. } | Leg::Zone { key, .. } | Leg::Earn { key, .. } => key,
            };
            prop_assert!(keys.insert(*key), "two legs on one key");
            if let About::Limit { limit, .. } = meaning.about {
                prop_assert!(reason_of(limit) >= last);
                last = reason_of(limit);
            }
        }
    }

    #[test]
    fn a_plan_beyond_the_most_legs_is_refused(limits in 0_usize..6) {
        let all: Vec<Limit> = (1..=limits as u64)
            .zip([Period::Total, Period::Day, Period::Week, Period::Month, Period::Year])
            .map(|(max, period)| limit(Scope::Code, Counts::Uses, period, max + 3))
            .collect();
        let mut out = Plan::default();
        for code_index in 0..=u8::MAX {
            let scene = limited(&all).with(|s| s.code.owner = Owner([code_index; 16]));
            let offer = scene.judge().unwrap();
            let refused = plan(&scene.question(), &offer, Owners::default(), code_index, &mut out);
            if out.legs.len() <= LEGS_MAX {
                prop_assert_eq!(refused, Ok(()));
            } else {
                prop_assert_eq!(refused, Err(Refusal::new(Reason::TooManyCodes).at(code_index)));
                return Ok(());
            }
        }
        prop_assert!(false, "never refused");
    }
}
