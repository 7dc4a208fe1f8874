//! Further entries that are free for a while.

use super::*;
use crate::domain::time::MINUTE_MS;

/// A pass with two uses, whose holder can go out for a sandwich.
fn pass() -> Scene {
    Scene::pass().with(|s| {
        s.campaign.uses = Some(2);
        s.campaign.passback.reentry_ms = Some(30 * MINUTE_MS);
    })
}

fn later(scene: &Scene, minutes: i64) -> Scene {
    scene.clone().with(|s| s.now = s.now.plus_ms(minutes * MINUTE_MS))
}

#[test]
fn what_counts_uses_counts_once_a_stay() {
    let scene = pass().with(|s| {
        s.campaign.limits = vec![
            limit(Scope::Campaign, Counts::Units, Period::Total, 100),
            limit(Scope::Customer, Counts::Orders, Period::Day, 5),
            limit(Scope::Code, Counts::Days, Period::Total, 3),
            limit(Scope::Campaign, Counts::Money, Period::Total, 10_000),
        ];
        s.campaign.effects = vec![draw(BalanceOf::Code, Remainder::Kept)];
        s.code.balance_minor = Some(500);
        s.order.customer = Some("ada");
        s.order.amount_minor = Some(500);
        s.order.units = 2;
    });
    check(
        &scene,
        "size 500: once code in all 2/2 until 2026-06-15T10:30:00.000Z; \
         code days 1/3 until 2026-06-17T22h; \
         once campaign units 2/100 until 2026-06-15T10:30:00.000Z; \
         once customer orders per day 1/5 until 2026-06-15T10:30:00.000Z \
         counter 2026-06-17T22h; \
         campaign money 500/10000; spend 500 Exact of 500",
    );
    let off = pass().with(|s| s.campaign.passback.reentry_ms = Some(0));
    check(&off, "size 1: code in all 1/2");
}

#[test]
fn entries_within_the_time_take_nothing() {
    let mut book = Book::default();
    let daily = pass().with(|s| {
        s.campaign.limits = vec![limit(Scope::Code, Counts::Units, Period::Day, 1)];
        s.now = at("2026-06-15T23:50:00+02:00");
    });
    let free = later(&daily, 29);
    assert_eq!(post(&mut book, 1, Mode::Post, &daily), "yes 1");
    // The stay goes on past midnight, for as long as it was begun.
    assert_eq!(post(&mut book, 2, Mode::Post, &free), "yes 1");
    assert_eq!(post(&mut book, 3, Mode::Post, &later(&daily, 30)), "yes 2");
    assert_eq!(post(&mut book, 4, Mode::Post, &later(&daily, 59)), "yes 2");
    let answer = post(&mut book, 5, Mode::Post, &later(&daily, 60));
    assert_eq!(answer, "171 usage_limit scope=code limit=uses used=2 held=0 max=2");
}

#[test]
fn what_counts_in_a_period_is_forgotten_with_it() {
    let periods = [
        Period::Day,
        Period::Week,
        Period::Month,
        Period::Year,
        Period::Rolling { minutes: 24 * 60 },
    ];
    for (period, counts) in periods.into_iter().flat_map(|p| [(p, Counts::Days), (p, Counts::Uses)])
    {
        let scene =
            pass().with(|s| s.campaign.limits = vec![limit(Scope::Code, counts, period, 9)]);
        let mut book = Book::default();
        assert_eq!(post(&mut book, 1, Mode::Post, &scene), "yes 1");
        let over = later(&scene, 2 * 366 * 24 * 60).now;
        assert!(!book.forget(over, usize::MAX).is_empty());
        // The uses of the code in all are left.
        assert_eq!(book.sizes().counters, 1, "{period:?}");
    }
}

#[test]
fn the_interval_holds_for_all_entries() {
    let mut book = Book::default();
    let scene = pass().with(|s| s.campaign.passback.interval_ms = Some(2 * MINUTE_MS));
    assert_eq!(post(&mut book, 1, Mode::Post, &scene), "yes 1");
    let soon = post(&mut book, 2, Mode::Post, &later(&scene, 1));
    assert_eq!(soon, "180 too_soon retry_after_ms=60000");
    assert_eq!(post(&mut book, 3, Mode::Post, &later(&scene, 2)), "yes 1");
}

#[test]
fn who_enters_with_another_code_is_counted() {
    let mut book = Book::default();
    let shared = pass().with(|s| {
        s.campaign.uses = None;
        s.campaign.limits = vec![limit(Scope::Campaign, Counts::Uses, Period::Total, 2)];
    });
    let with_code = |code: u8| shared.clone().with(|s| s.code.owner = Owner([code; 16]));
    assert_eq!(post(&mut book, 1, Mode::Post, &with_code(10)), "yes 1");
    assert_eq!(post(&mut book, 2, Mode::Post, &with_code(11)), "yes 1");
    assert_eq!(post(&mut book, 3, Mode::Post, &with_code(10)), "yes 1");
    assert_eq!(
        post(&mut book, 4, Mode::Post, &with_code(12)),
        "172 campaign_limit scope=campaign limit=uses used=2 held=0 max=2"
    );
}

#[test]
fn a_rolling_period_counts_a_stay_once() {
    let mut book = Book::default();
    let rolling = pass().with(|s| {
        s.campaign.uses = None;
        let hourly = |max| {
            let minutes = 60 * u32::try_from(max).unwrap();
            limit(Scope::Code, Counts::Uses, Period::Rolling { minutes }, max)
        };
        s.campaign.limits = vec![hourly(1), hourly(2)];
    });
    assert_eq!(post(&mut book, 1, Mode::Post, &rolling), "yes 1");
    assert_eq!(post(&mut book, 2, Mode::Post, &later(&rolling, 29)), "yes 1");
    let answer = post(&mut book, 3, Mode::Post, &later(&rolling, 64));
    assert!(answer.starts_with("174 period_limit"), "{answer}");
    // The free entry counts in no window either.
    assert_eq!(post(&mut book, 4, Mode::Post, &later(&rolling, 65)), "yes 2");
}
