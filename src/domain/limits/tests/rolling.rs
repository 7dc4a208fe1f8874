//! Periods that look back from every moment.

use super::*;
use crate::domain::time::{DAY_MS, MINUTE_MS, ROLLING_STEPS};

fn hour(max: u64) -> Scene {
    limited(&[limit(Scope::Code, Counts::Uses, Period::Rolling { minutes: 60 }, max)])
        .with(|s| s.campaign.uses = None)
}

fn at_noon(scene: &Scene, later_ms: i64) -> Scene {
    scene.clone().with(|s| s.now = s.now.plus_ms(later_ms))
}

#[test]
fn a_use_counts_in_every_window_that_it_lies_in() {
    let plan = planned(&hour(3));
    assert_eq!(plan.legs.len(), 1 + 13);
    let noon = hour(3).now;
    let mut keys = std::collections::HashSet::new();
    for (step, (leg, meaning)) in plan.legs.iter().zip(&plan.meanings).skip(1).enumerate() {
        let over = noon.plus_ms((i64::try_from(step).unwrap() + 1) * 5 * MINUTE_MS);
        let Leg::Count { key, n: 1, max: 3, keep_until } = leg else { panic!("{leg:?}") };
        assert!(*keep_until > Some(over) && *keep_until <= Some(over.plus_ms(MINUTE_MS)));
        let About::Limit { limit, resets_at } = meaning.about else { panic!("{meaning:?}") };
        assert_eq!((limit.max, resets_at), (3, Some(over)));
        assert!(keys.insert(*key));
    }
    // Five minutes later, all windows but the first and the new last one are the same.
    let later = planned(&at_noon(&hour(3), 5 * MINUTE_MS));
    let same = later.legs[1..].iter().filter(|leg| keys.contains(leg.key())).count();
    assert_eq!(same, usize::from(ROLLING_STEPS));
    let moment_later = planned(&at_noon(&hour(3), 5 * MINUTE_MS - 1));
    assert!(moment_later.legs[1..].iter().all(|leg| keys.contains(leg.key())));
}

#[test]
fn periods_of_different_lengths_count_apart() {
    let rolling = |minutes| limit(Scope::Code, Counts::Uses, Period::Rolling { minutes }, 3);
    let plan = planned(&limited(&[rolling(60), rolling(61), rolling(60)]));
    let keys: std::collections::HashSet<_> = plan.legs.iter().map(Leg::key).collect();
    assert_eq!((plan.legs.len(), keys.len()), (1 + 26, 1 + 26));
}

#[test]
fn a_use_counts_for_its_period_and_a_twelfth() {
    let mut book = Book::default();
    let mut ids = 0_u8;
    let mut post_at = |minutes: i64, seconds: i64| {
        ids += 1;
        let later_ms = minutes * MINUTE_MS + seconds * 1_000;
        post(&mut book, ids, Mode::Post, &at_noon(&hour(2), later_ms))
    };
    let refused = |resets_at: &str| {
        format!(
            "174 period_limit scope=code limit=uses per rolling period used=2 held=0 max=2 \
             resets_at=2026-06-15T{resets_at}:00.000Z"
        )
    };
    assert_eq!(post_at(0, 0), "yes 1");
    assert_eq!(post_at(17, 0), "yes 2");
    // Of two uses, one must leave: the first does when its step is an hour old.
    assert_eq!(post_at(17, 30), refused("11:05"));
    assert_eq!(post_at(64, 59), refused("11:05"));
    assert_eq!(post_at(65, 0), "yes 3");
    assert_eq!(post_at(65, 0), refused("11:20"));
    assert_eq!(post_at(80, 0), "yes 4");
}

#[test]
fn where_nothing_is_known_all_uses_must_leave() {
    let plan = planned(&hour(2));
    let blocked = Blocked::Guard { leg: 1, used: 2, held: 0, max: 2, retry_after_ms: None };
    let resets_at = |used: &dyn Fn(&Key) -> Option<u64>| {
        explain(&blocked, &plan, used).details.unwrap().resets_at.unwrap().to_rfc3339()
    };
    assert_eq!(resets_at(&|_| None), "2026-06-15T11:05:00.000Z");
    assert_eq!(resets_at(&|_| Some(1)), "2026-06-15T10:05:00.000Z");
    assert_eq!(resets_at(&|key| Some(u64::from(key != plan.legs[4].key()) + 1)), {
        "2026-06-15T10:15:00.000Z"
    });
}

#[test]
fn what_is_held_is_no_matter_of_time() {
    let mut book = Book::default();
    let until = hour(1).now.plus_ms(MINUTE_MS);
    assert_eq!(post(&mut book, 1, Mode::Hold { until }, &hour(1)), "yes 1");
    let answer = post(&mut book, 2, Mode::Post, &hour(1));
    assert!(answer.starts_with("178 held scope=code limit=uses per rolling period used=0 held=1"));
    assert_eq!(post(&mut book, 3, Mode::Post, &at_noon(&hour(1), MINUTE_MS)), "yes 1");
}

#[test]
fn days_are_told_apart_in_a_rolling_period_too() {
    let mut book = Book::default();
    let days =
        limited(&[limit(Scope::Code, Counts::Days, Period::Rolling { minutes: 4 * 24 * 60 }, 2)])
            .with(|s| s.campaign.uses = None);
    let mut ids = 0_u8;
    let mut is_let_in = |hours: i64| {
        ids += 1;
        let scene = at_noon(&days, hours * 60 * MINUTE_MS);
        post(&mut book, ids, Mode::Post, &scene).starts_with("yes")
    };
    // Two days, however often, and not a third; thirteen steps of eight hours after the first day's
    // last use there is room again.
    assert!(is_let_in(0) && is_let_in(9) && is_let_in(24) && is_let_in(33));
    assert!(!is_let_in(48) && !is_let_in(109));
    assert!(is_let_in(110) && is_let_in(113));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn never_more_than_the_most_in_any_period(
        minutes in 1_u32..2_000,
        max in 1_u64..5,
        steps in proptest::collection::vec((0_i64..100, 1_u32..3), 1..60),
    ) {
        let period_ms = i64::from(minutes) * MINUTE_MS;
        let (mut book, mut uses) = (Book::default(), Vec::<(Timestamp, u64)>::new());
        let mut now = hour(max).now;
        for (id, (step, units)) in (1..).zip(steps) {
            now = now.plus_ms(period_ms / 150 * step);
            let scene = limited(&[
                limit(Scope::Code, Counts::Units, Period::Rolling { minutes }, max),
            ]).with(|s| {
                s.campaign.uses = None;
                s.order.units = units;
                s.now = now;
            });
            let within = |ms: i64| -> u64 {
                uses.iter().filter(|(at, _)| at.plus_ms(ms) > now).map(|(_, n)| n).sum()
            };
            let asked = u64::from(units);
            let is_let_in = post(&mut book, id, Mode::Post, &scene).starts_with("yes");
            if is_let_in {
                prop_assert!(within(period_ms) + asked <= max);
                uses.push((now, asked));
            } else {
                prop_assert!(within(period_ms + period_ms / 12) + asked > max);
            }
        }
    }

    #[test]
    fn it_resets_when_it_says(
        max in 1_u64..4,
        steps in proptest::collection::vec(0_i64..20 * MINUTE_MS, 8..20),
    ) {
        let mut book = Book::default();
        let mut now = hour(max).now;
        for (id, step) in (1..).zip(steps) {
            now = now.plus_ms(step);
            let scene = hour(max).with(|s| s.now = now);
            let plan = planned(&scene);
            book.forget(now, usize::MAX);
            let Err(blocked) = book.check(&plan.legs, now) else {
                post(&mut book, id, Mode::Post, &scene);
                continue;
            };
            let refusal = explain(&blocked, &plan, |key| Some(book.used(key)));
            let resets_at = refusal.details.unwrap().resets_at.unwrap();
            let is_free = |now| {
                let scene = hour(max).with(|s| s.now = now);
                book.check(&planned(&scene).legs, now).is_ok()
            };
            prop_assert!(now < resets_at && resets_at.0 - now.0 <= DAY_MS);
            prop_assert!(is_free(resets_at) && !is_free(resets_at.plus_ms(-1)));
        }
    }
}
