//! Budgets for wrong guesses: what makes trying out codes hopeless.
//!
//! Only *misses* (malformed, not found) cost; a caller that never missed is never slowed, and pays
//! one look-up in a mostly empty map. The budget is a bucket that refills steadily (GCRA, as in
//! ITU-T I.371: one number per caller). Whoever empties it is `rate_limited` until the next refill;
//! whoever keeps emptying it is `locked_out`, each time for twice as long, up to a cap.
//!
//! Does not know codes, sockets or the clock. `now_ms` may be any clock in milliseconds, as long as
//! it is always the same one; a monotonic one is best, since a wall clock that is set back prolongs
//! a lock-out by as much.
//!
//! Invariant: at most `keys_max` callers are remembered. When there are more, those who owe the
//! least are forgotten first, so a flood of fresh addresses does not free one that is locked out.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use foldhash::quality::RandomState;
use serde::{Deserialize, Serialize};

use crate::auth::caller::CallerId;
use crate::auth::role::Role;

/// Independent parts of the map; a power of two, so that a mask picks one.
const SHARDS: usize = 64;

/// Whose budget it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GuessKey {
    /// A proven caller.
    Caller(CallerId),
    /// A name that somebody tries to sign in with, by its hash: whether it exists or not, and in
    /// whatever tenant, or the budget would tell.
    SignIn(CallerId),
    /// Where wrong tokens and public callers' wrong codes come from, as [`Self::of_ip`] makes it.
    Address(IpAddr),
    /// Where wrong names and passwords come from, as [`Self::sign_in_from`] makes it. Apart from
    /// [`Self::Address`]: visitors who mistype codes keep nobody from signing in, where they share
    /// an address.
    SignInFrom(IpAddr),
}

impl GuessKey {
    /// The key of whoever guesses tokens or codes from `ip`.
    #[must_use]
    pub const fn of_ip(ip: IpAddr) -> Self {
        Self::Address(neighbours(ip))
    }

    /// The key of whoever signs in from `ip`.
    #[must_use]
    pub const fn sign_in_from(ip: IpAddr) -> Self {
        Self::SignInFrom(neighbours(ip))
    }
}

/// An IPv4 address as it is, also one that is mapped into IPv6; the first 64 bits of an IPv6
/// address: what one customer of a provider owns at least.
const fn neighbours(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        v4 @ IpAddr::V4(_) => v4,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !(u64::MAX as u128))),
    }
}

impl From<CallerId> for GuessKey {
    fn from(id: CallerId) -> Self {
        Self::Caller(id)
    }
}

/// How generous a budget is. Values below 1 count as 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuessLimits {
    /// Misses in a row that a rested caller may make.
    pub burst: u32,
    /// Time until one more miss is allowed, in milliseconds.
    pub refill_ms: u32,
    /// How often the budget may run out before that locks the caller out.
    pub exhaustions_max: u32,
    /// The first lock-out, in milliseconds; each further one is twice as long.
    pub lock_out_ms: u32,
    /// The longest lock-out, in milliseconds; also how long a caller must stay out of trouble to be
    /// forgiven.
    pub lock_out_ms_max: u32,
}

impl GuessLimits {
    /// For callers with credentials. Typing errors and foreign barcodes happen all day, and a gate
    /// that stands still is dear: 100 misses at once, then one a second; lock-outs of 10 s to 5
    /// min.
    pub const TRUSTED: Self = Self {
        burst: 100,
        refill_ms: 1_000,
        exhaustions_max: 5,
        lock_out_ms: 10_000,
        lock_out_ms_max: 300_000,
    };

    /// For strangers: 10 misses at once, then two a minute; lock-outs of 1 min to 1 h.
    pub const PUBLIC: Self = Self {
        burst: 10,
        refill_ms: 30_000,
        exhaustions_max: 3,
        lock_out_ms: 60_000,
        lock_out_ms_max: 3_600_000,
    };
}

/// The budgets' settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GuessOptions {
    /// For callers with any role but `public`. Default [`GuessLimits::TRUSTED`].
    pub trusted: GuessLimits,
    /// For the role `public` and for strangers. Default [`GuessLimits::PUBLIC`].
    pub public: GuessLimits,
    /// Callers remembered at once. Default 100,000, about 9 MB if all of them guess; 64 at least.
    pub keys_max: usize,
}

impl Default for GuessOptions {
    fn default() -> Self {
        Self { trusted: GuessLimits::TRUSTED, public: GuessLimits::PUBLIC, keys_max: 100_000 }
    }
}

/// The caller has guessed too much; maps to the refusals 220 and 221.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Throttled {
    /// The budget is used up.
    RateLimited {
        /// Until the next attempt is allowed, in milliseconds; at least 1.
        retry_after_ms: u64,
    },
    /// The budget was used up again and again.
    LockedOut {
        /// Until the next attempt is allowed, in milliseconds; at least 1.
        retry_after_ms: u64,
    },
}

/// What is remembered of a caller that missed.
#[derive(Debug, Clone, Copy)]
struct Tally {
    /// When the bucket will be full again.
    full_at_ms: i64,
    limited_until_ms: i64,
    locked_until_ms: i64,
    /// When nothing is left to be remembered.
    forget_at_ms: i64,
    exhaustions: u32,
}

impl Tally {
    const CLEAN: Self = Self {
        full_at_ms: i64::MIN,
        limited_until_ms: i64::MIN,
        locked_until_ms: i64::MIN,
        forget_at_ms: i64::MIN,
        exhaustions: 0,
    };

    fn throttled(&self, now_ms: i64) -> Option<Throttled> {
        let left = |until_ms: i64| u64::try_from(until_ms.saturating_sub(now_ms)).unwrap_or(0);
        match (left(self.locked_until_ms), left(self.limited_until_ms)) {
            (0, 0) => None,
            (0, limited_ms) => Some(Throttled::RateLimited { retry_after_ms: limited_ms }),
            (locked_ms, limited_ms) => {
                Some(Throttled::LockedOut { retry_after_ms: locked_ms.max(limited_ms) })
            }
        }
    }

    /// Charges one miss; says so if that used the budget up.
    fn charge(&mut self, limits: &GuessLimits, now_ms: i64) -> Option<Throttled> {
        if now_ms >= self.forget_at_ms {
            *self = Self::CLEAN;
        }
        let [burst, refill_ms, lock_out_ms, lock_out_ms_max] =
            [limits.burst, limits.refill_ms, limits.lock_out_ms, limits.lock_out_ms_max]
                .map(|value| i64::from(value.max(1)));
        let was_throttled = self.throttled(now_ms).is_some();

        // Requests already under way when the budget ran out still cost, but never more than the
        // longest lock.
        let spare_ms = refill_ms.saturating_mul(burst - 1);
        let debt_ms_max = spare_ms.saturating_add(refill_ms.max(lock_out_ms_max));
        let full_at_ms = self.full_at_ms.max(now_ms).saturating_add(refill_ms);
        self.full_at_ms = full_at_ms.min(now_ms.saturating_add(debt_ms_max));
        self.limited_until_ms = self.full_at_ms.saturating_sub(spare_ms);

        let newly_throttled = !was_throttled && self.limited_until_ms > now_ms;
        if newly_throttled {
            self.exhaustions = self.exhaustions.saturating_add(1);
            if let Some(further) =
                self.exhaustions.checked_sub(limits.exhaustions_max.max(1).saturating_add(1))
            {
                let doubled_ms = lock_out_ms.saturating_mul(1 << further.min(32));
                self.locked_until_ms = now_ms.saturating_add(doubled_ms.min(lock_out_ms_max));
            }
        }
        let grudge_ms = if self.exhaustions > 0 { lock_out_ms_max } else { 0 };
        self.forget_at_ms = self.full_at_ms.max(self.locked_until_ms).saturating_add(grudge_ms);
        if newly_throttled { self.throttled(now_ms) } else { None }
    }
}

type TallyByKey = HashMap<GuessKey, Tally, RandomState>;

/// The budgets of all callers.
#[derive(Debug)]
pub struct GuessBudget {
    options: GuessOptions,
    hasher: RandomState,
    shards: [RwLock<TallyByKey>; SHARDS],
}

impl GuessBudget {
    /// Budgets in which nobody has missed yet.
    #[must_use]
    pub fn new(options: GuessOptions) -> Self {
        let hasher = RandomState::default();
        let shards = std::array::from_fn(|_| RwLock::new(HashMap::with_hasher(hasher.clone())));
        Self { options, hasher, shards }
    }

    /// Asked before a request is looked up: may this caller make another attempt?
    ///
    /// # Errors
    /// [`Throttled`] with the time to wait.
    pub fn check(&self, key: GuessKey, now_ms: i64) -> Result<(), Throttled> {
        match read(self.shard(key)).get(&key).and_then(|tally| tally.throttled(now_ms)) {
            None => Ok(()),
            Some(throttled) => Err(throttled),
        }
    }

    /// Told after a miss. `role` is the caller's, `None` a stranger's. Returns what follows if this
    /// miss used the budget up: once per time, which makes it fit for the audit log.
    pub fn miss(&self, key: GuessKey, role: Option<Role>, now_ms: i64) -> Option<Throttled> {
        let limits = match role {
            None | Some(Role::Public) => &self.options.public,
            Some(Role::Gate | Role::Checkout | Role::Office | Role::Admin | Role::Monitor) => {
                &self.options.trusted
            }
        };
        let mut tally_by_key = write(self.shard(key));
        if tally_by_key.len() >= self.keys_max_per_shard() && !tally_by_key.contains_key(&key) {
            forget_least(&mut tally_by_key);
        }
        tally_by_key.entry(key).or_insert(Tally::CLEAN).charge(limits, now_ms)
    }

    /// Forgets all misses: a lock-out, too, is over.
    pub fn forgive(&self, key: GuessKey) {
        write(self.shard(key)).remove(&key);
    }

    /// Forgets who has nothing left to be remembered and gives the memory back. Worth calling every
    /// minute or so; looks at everybody, one shard at a time.
    pub fn sweep(&self, now_ms: i64) {
        for shard in &self.shards {
            if read(shard).values().any(|tally| now_ms >= tally.forget_at_ms) {
                let mut tally_by_key = write(shard);
                tally_by_key.retain(|_, tally| now_ms < tally.forget_at_ms);
                tally_by_key.shrink_to_fit();
            }
        }
    }

    /// How many callers are remembered.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.shards.iter().map(|shard| read(shard).len()).sum()
    }

    fn keys_max_per_shard(&self) -> usize {
        (self.options.keys_max / SHARDS).max(1)
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "the mask keeps a few bits, which are an index inside the array"
    )]
    fn shard(&self, key: GuessKey) -> &RwLock<TallyByKey> {
        const { assert!(SHARDS.is_power_of_two()) };
        // From the middle of the hash: a map spreads its keys by the low and the high bits, which
        // must therefore still differ within a shard.
        &self.shards[(self.hasher.hash_one(key) >> 32) as usize & (SHARDS - 1)]
    }
}

/// Forgets the quarter that would be forgotten first anyway: those who owe the least. A quarter at
/// a time makes the search for them cheap per newcomer.
fn forget_least(tally_by_key: &mut TallyByKey) {
    let mut to_forget = tally_by_key.len().div_ceil(4);
    let mut forget_at: Vec<i64> = tally_by_key.values().map(|tally| tally.forget_at_ms).collect();
    forget_at.sort_unstable();
    let last = forget_at.get(to_forget.saturating_sub(1)).copied().unwrap_or(i64::MAX);
    tally_by_key.retain(|_, tally| {
        let forget = to_forget > 0 && tally.forget_at_ms <= last;
        to_forget -= usize::from(forget);
        !forget
    });
}

// A panic while a shard is locked cannot leave it half-changed in a way that matters: a tally is
// overwritten by the next miss. So a poisoned lock is used on.
fn read(shard: &RwLock<TallyByKey>) -> RwLockReadGuard<'_, TallyByKey> {
    shard.read().unwrap_or_else(PoisonError::into_inner)
}

fn write(shard: &RwLock<TallyByKey>) -> RwLockWriteGuard<'_, TallyByKey> {
    shard.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
