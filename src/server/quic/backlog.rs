//! How much may wait for the ledger, and who may add to it.
//!
//! An answer for which callers would wait too long is of use to nobody, so no more is let in than
//! is done within [`WAIT_MS`]; the rest is refused as soon as its first bytes are read. How much
//! that is follows from what is seen, by Little's law: what waited when a batch was handed over,
//! over how long it then took.
//!
//! Everybody may have as much waiting as is still free. One greedy connection thus gets half of
//! the room and *n* of them n/(n+1), shared evenly: who has nothing waiting always finds some.
//!
//! Knows neither requests nor the ledger, and reads no clock.

use std::sync::atomic::{AtomicU32, Ordering};

/// How long a request may have to wait for the ledger, in milliseconds: well within the 250 ms
/// after which a gate asks again.
const WAIT_MS: u32 = 100;

/// So many may wait, however slow the ledger is: a disk that stalls once is no overload, and eight
/// shops with 128 requests under way each are none either.
const MOST_MIN: u32 = 2_048;

/// Before anything was seen.
const MOST_AT_FIRST: u32 = 8_192;

/// However fast the ledger is, no more than this.
const MOST_MAX: u32 = 65_536;

/// What one batch counts for in the average, as a divisor: several rounds of the ledger.
const SMOOTHING: f64 = 16.0;

/// What waits for the ledger on all connections, and how much may.
pub(super) struct Backlog {
    waiting: AtomicU32,
    most: AtomicU32,
}

impl Backlog {
    pub(super) const fn new() -> Self {
        Self { waiting: AtomicU32::new(0), most: AtomicU32::new(MOST_AT_FIRST) }
    }

    /// Whether a connection that has `own` requests waiting, and `gathered` more that nobody
    /// counted yet, may add one, whose answer is of use for `deadline_ms`; 0: no matter when it
    /// comes.
    pub(super) fn admits(&self, own: u32, gathered: u32, deadline_ms: u32) -> bool {
        let most = u64::from(self.most.load(Ordering::Relaxed));
        let in_time = match deadline_ms {
            1..WAIT_MS => most * u64::from(deadline_ms) / u64::from(WAIT_MS),
            _ => most,
        };
        let waiting = self.waiting.load(Ordering::Relaxed);
        u64::from(own) + u64::from(waiting) + 2 * u64::from(gathered) < in_time.max(1)
    }

    /// Counts what was handed to the ledger. Gives what waits now.
    pub(super) fn came_in(&self, count: u32) -> u32 {
        self.waiting.fetch_add(count, Ordering::Relaxed).saturating_add(count)
    }

    /// Counts what was answered, or what nobody waits for any more.
    pub(super) fn answered(&self, count: u32) {
        self.waiting.fetch_sub(count, Ordering::Relaxed);
    }

    /// Hears that a batch took so long which was handed over when, with it, `waiting` waited.
    pub(super) fn took(&self, waiting: u32, seconds: f64) {
        let most = f64::from(self.most.load(Ordering::Relaxed));
        let wait_s = f64::from(WAIT_MS) / 1e3;
        // What neither took long nor filled the room does not tell what would fit.
        if seconds < wait_s && f64::from(waiting) * 2.0 < most {
            return;
        }
        let fits = f64::from(waiting) * wait_s / seconds.max(1e-6);
        let next = most + (fits.min(f64::from(MOST_MAX)) - most) / SMOOTHING;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between two constants"
        )]
        let next = next.clamp(MOST_MIN.into(), MOST_MAX.into()) as u32;
        // Who writes at the same time has seen about the same.
        self.most.store(next, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ledger that does `per_s` a second, with so many waiting, for a while.
    fn see(backlog: &Backlog, waiting: u32, per_s: f64) -> u32 {
        for _ in 0..400 {
            backlog.took(waiting, f64::from(waiting) / per_s);
        }
        backlog.most.load(Ordering::Relaxed)
    }

    #[test]
    fn the_room_is_what_is_done_in_time() {
        let backlog = Backlog::new();
        for (waiting, per_s, expect) in [
            // Too much waits: what is done in a tenth of a second stays.
            (8_000, 40_000.0, 4_000),
            // All of it is done in time: there is room for more.
            (6_000, 100_000.0, 10_000),
            // As little as this tells nothing.
            (10, 1_000.0, 10_000),
            // However slow, and however fast.
            (1_000, 100.0, MOST_MIN),
            (60_000, 1e9, MOST_MAX),
        ] {
            let found = see(&backlog, waiting, per_s);
            assert!(found.abs_diff(expect) <= 16, "{waiting} at {per_s}: {found}");
        }
    }

    #[test]
    fn a_stall_of_the_disk_turns_nobody_away() {
        let backlog = Backlog::new();
        let all = backlog.came_in(64);
        for _ in 0..1_000 {
            backlog.took(all, 2.0);
        }
        assert!((0..64).all(|own| backlog.admits(own, 0, 250)));
    }

    #[test]
    fn the_greedy_leave_room_for_the_modest() {
        for greedy in [1, 2, 7, 63] {
            let backlog = Backlog::new();
            let mut own = vec![0; greedy];
            while own.iter().any(|own| backlog.admits(*own, 0, 0)) {
                for own in &mut own {
                    if backlog.admits(*own, 0, 0) {
                        *own += 1;
                        backlog.came_in(1);
                    }
                }
            }
            assert!(backlog.admits(0, 0, 0), "{greedy} greedy ones left nothing");
            let (least, most) = (own.iter().min(), own.iter().max());
            assert!(least.zip(most).is_some_and(|(least, most)| most - least <= 1), "{own:?}");
            let taken: u32 = own.iter().sum();
            assert!(taken >= MOST_AT_FIRST / 2, "{greedy} greedy ones got {taken}");
        }
    }

    #[test]
    fn who_has_less_time_finds_less_room() {
        let backlog = Backlog::new();
        backlog.came_in(MOST_AT_FIRST / 2);
        let admitted = [0, 1, 25, 75, 250].map(|deadline_ms| backlog.admits(0, 0, deadline_ms));
        assert_eq!(admitted, [true, false, false, true, true]);
        backlog.answered(MOST_AT_FIRST / 2);
        assert!(backlog.admits(0, 0, 1), "nothing waits");
    }
}
