//! Budgets with time as a parameter: running out, waiting, lock-outs, forgiveness, the bound on
//! memory.

use std::net::Ipv4Addr;

use super::*;
use Throttled::{LockedOut, RateLimited};

const ALICE: GuessKey = GuessKey::Address(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)));
const BOB: GuessKey = GuessKey::Address(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)));

/// 3 misses at once, one a second; locked out from the third exhaustion on for 10 s, 20 s, at most
/// 30 s.
fn budget() -> GuessBudget {
    let limits = GuessLimits {
        burst: 3,
        refill_ms: 1_000,
        exhaustions_max: 2,
        lock_out_ms: 10_000,
        lock_out_ms_max: 30_000,
    };
    GuessBudget::new(GuessOptions { public: limits, ..GuessOptions::default() })
}

/// Misses until the budget is used up and returns how many it took and what followed.
fn exhaust(budget: &GuessBudget, key: GuessKey, now_ms: i64) -> (u32, Throttled) {
    for count in 1.. {
        assert_eq!(budget.check(key, now_ms), Ok(()), "miss {count}");
        if let Some(throttled) = budget.miss(key, None, now_ms) {
            assert_eq!(budget.check(key, now_ms), Err(throttled));
            return (count, throttled);
        }
    }
    unreachable!("a budget is finite");
}

#[test]
fn who_never_missed_is_never_slowed() {
    let budget = budget();
    exhaust(&budget, ALICE, 0);
    for now_ms in [i64::MIN, 0, i64::MAX] {
        assert_eq!(budget.check(BOB, now_ms), Ok(()));
    }
    assert_eq!(budget.keys(), 1);
}

#[test]
fn a_used_up_budget_refills_one_by_one() {
    let budget = budget();
    assert_eq!(exhaust(&budget, ALICE, 0), (3, RateLimited { retry_after_ms: 1_000 }));
    assert_eq!(budget.check(ALICE, 999), Err(RateLimited { retry_after_ms: 1 }));
    assert_eq!(budget.check(ALICE, 1_000), Ok(()));
    assert_eq!(exhaust(&budget, ALICE, 1_000), (1, RateLimited { retry_after_ms: 1_000 }));
}

#[test]
fn a_slow_typist_is_never_refused() {
    let budget = budget();
    for second in 0..10_000 {
        assert_eq!(budget.check(ALICE, second * 1_000), Ok(()));
        assert_eq!(budget.miss(ALICE, None, second * 1_000), None);
    }
}

#[test]
fn persistence_is_locked_out_for_longer_and_longer() {
    let budget = budget();
    let mut now_ms = 0;
    let mut waits = Vec::new();
    for _ in 0..6 {
        let (_, throttled) = exhaust(&budget, ALICE, now_ms);
        let (RateLimited { retry_after_ms } | LockedOut { retry_after_ms }) = throttled;
        waits.push(throttled);
        now_ms += i64::try_from(retry_after_ms).unwrap_or(i64::MAX);
        assert!(budget.check(ALICE, now_ms - 1).is_err());
    }
    assert_eq!(
        waits,
        [
            RateLimited { retry_after_ms: 1_000 },
            RateLimited { retry_after_ms: 1_000 },
            LockedOut { retry_after_ms: 10_000 },
            LockedOut { retry_after_ms: 20_000 },
            LockedOut { retry_after_ms: 30_000 },
            LockedOut { retry_after_ms: 30_000 },
        ]
    );
}

#[test]
fn who_stays_out_of_trouble_is_forgiven() {
    let budget = budget();
    exhaust(&budget, ALICE, 0);
    exhaust(&budget, ALICE, 1_000);
    // The bucket is full again at 4 s; 30 quiet seconds later the exhaustions are forgotten.
    let (count, throttled) = exhaust(&budget, ALICE, 34_000);
    assert_eq!((count, throttled), (3, RateLimited { retry_after_ms: 1_000 }));
    exhaust(&budget, ALICE, 35_000);
    assert_eq!(exhaust(&budget, ALICE, 67_999).1, LockedOut { retry_after_ms: 10_000 });
}

#[test]
fn forgiving_ends_a_lock_out_and_begins_anew() {
    let budget = budget();
    for now_ms in [0, 1_000, 2_000] {
        exhaust(&budget, ALICE, now_ms);
        exhaust(&budget, BOB, now_ms);
    }
    assert!(matches!(budget.check(ALICE, 2_000), Err(LockedOut { .. })));
    budget.forgive(ALICE);
    assert_eq!(exhaust(&budget, ALICE, 2_000), (3, RateLimited { retry_after_ms: 1_000 }));
    assert!(matches!(budget.check(BOB, 2_000), Err(LockedOut { .. })), "nobody else is");
}

#[test]
fn misses_under_way_cost_but_are_not_counted_as_new_attempts() {
    let budget = budget();
    exhaust(&budget, ALICE, 0);
    for _ in 0..1_000 {
        assert_eq!(budget.miss(ALICE, None, 0), None);
    }
    assert_eq!(budget.check(ALICE, 0), Err(RateLimited { retry_after_ms: 30_000 }));
    assert_eq!(budget.check(ALICE, 30_000), Ok(()));
}

#[test]
fn trusted_callers_have_a_larger_budget() {
    let budget = GuessBudget::new(GuessOptions::default());
    let gate = GuessKey::from(CallerId([1; 16]));
    let count = |key, role| (1..).find(|_| budget.miss(key, role, 0).is_some());
    assert_eq!(count(gate, Some(Role::Gate)), Some(GuessLimits::TRUSTED.burst));
    assert_eq!(count(ALICE, Some(Role::Public)), Some(GuessLimits::PUBLIC.burst));
    assert_eq!(count(BOB, None), Some(GuessLimits::PUBLIC.burst));
}

#[test]
fn addresses_share_a_budget_per_prefix() {
    let key = |text: &str| text.parse().map(GuessKey::of_ip);
    assert_eq!(key("10.0.0.1"), Ok(ALICE));
    assert_eq!(key("::ffff:10.0.0.1"), Ok(ALICE));
    assert_eq!(key("2001:db8:0:7::1"), key("2001:db8:0:7:ffff::2"));
    assert_ne!(key("2001:db8:0:7::1"), key("2001:db8:0:8::1"));
    let signs_in = |text: &str| text.parse().map(GuessKey::sign_in_from);
    assert_eq!(signs_in("2001:db8:0:7::1"), signs_in("2001:db8:0:7:ffff::2"));
    assert_ne!(signs_in("10.0.0.1"), key("10.0.0.1"), "signing in has budgets of its own");
}

#[test]
fn memory_is_bounded_and_the_worst_are_remembered() {
    let keys_max = 6_400;
    let limits = budget().options.public;
    let options = GuessOptions { public: limits, keys_max, ..GuessOptions::default() };
    let budget = GuessBudget::new(options);
    let stranger = |number: u32| GuessKey::of_ip(Ipv4Addr::from_bits(number).into());
    let locked_out = || (0..50).map(stranger);
    for now_ms in [0, 1_000, 2_000] {
        for key in locked_out() {
            exhaust(&budget, key, now_ms);
        }
    }
    for number in 50..100_000 {
        budget.miss(stranger(number), None, 2_000);
        assert!(number % 1_000 != 0 || budget.keys() <= keys_max);
    }
    assert!(budget.keys() > keys_max / 2, "{}", budget.keys());
    for key in locked_out() {
        assert!(matches!(budget.check(key, 2_000), Err(LockedOut { .. })), "{key:?}");
    }
}

#[test]
fn a_sweep_forgets_the_idle_only() {
    let budget = budget();
    budget.miss(ALICE, None, 0);
    exhaust(&budget, BOB, 0);
    budget.sweep(999);
    assert_eq!(budget.keys(), 2);
    budget.sweep(1_000);
    assert_eq!(budget.keys(), 1);
    assert!(read(budget.shard(BOB)).contains_key(&BOB));
    budget.sweep(33_000);
    assert_eq!(budget.keys(), 0);
}

#[test]
fn absurd_settings_and_times_do_no_harm() {
    for value in [0, u32::MAX] {
        let limits = GuessLimits {
            burst: value,
            refill_ms: value,
            exhaustions_max: value,
            lock_out_ms: value,
            lock_out_ms_max: value,
        };
        let options = GuessOptions { trusted: limits, public: limits, keys_max: 0 };
        let budget = GuessBudget::new(options);
        for now_ms in [0, i64::MAX, i64::MIN, -1, 0] {
            for _ in 0..3 {
                budget.miss(ALICE, None, now_ms);
            }
        }
        assert_eq!(budget.keys(), 1);
    }
}
