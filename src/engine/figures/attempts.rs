//! Refused attempts: the last ones of each code, so that an office can say why a guest was not let
//! in. In memory of this process only, since its start; codes by their keys, never their texts.
//!
//! Nobody waits here: where two threads meet, one of them leaves its attempt out. So a flood of
//! refusals costs no more than the refusals.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError, TryLockError};

use foldhash::fast::RandomState;

use super::tally::PlaceId;
use crate::domain::code::CodeKey;
use crate::domain::refusal::Reason;
use crate::domain::time::Timestamp;
use crate::engine::Verb;

/// Attempts that are kept of one code.
pub const ATTEMPTS_OF_CODE_MAX: usize = 20;

/// Attempts that are kept of all codes, about 10 MB; then the oldest go.
pub const ATTEMPTS_MAX: usize = 100_000;

const SHARDS: usize = 64;

const SHARD_ATTEMPTS_MAX: usize = ATTEMPTS_MAX / SHARDS;

/// One attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) struct Attempt {
    pub(in crate::engine) at: Timestamp,
    pub(in crate::engine) verb: Verb,
    pub(in crate::engine) reason: Reason,
    pub(in crate::engine) place: PlaceId,
}

#[derive(Default)]
struct Shard {
    by_code: HashMap<CodeKey, VecDeque<(u64, Attempt)>, RandomState>,
    /// In the order in which they came, by their numbers.
    order: VecDeque<(CodeKey, u64)>,
    last: u64,
}

/// The last attempts.
pub(in crate::engine) struct Attempts([Mutex<Shard>; SHARDS]);

impl Default for Attempts {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl Attempts {
    /// Remembers an attempt, unless somebody else is at the same.
    pub(in crate::engine) fn push(&self, key: CodeKey, attempt: Attempt) {
        let Some(shard) = self.shard(&key) else { return };
        match shard.try_lock() {
            Ok(mut shard) => shard.push(key, attempt),
            // What a panic left is attempts all the same.
            Err(TryLockError::Poisoned(shard)) => shard.into_inner().push(key, attempt),
            Err(TryLockError::WouldBlock) => {}
        }
    }

    /// The last attempts of a code, newest first.
    pub(in crate::engine) fn of(&self, key: &CodeKey) -> Vec<Attempt> {
        let Some(shard) = self.shard(key) else { return Vec::new() };
        let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let own = shard.by_code.get(key).into_iter().flatten();
        own.rev().map(|(_, attempt)| *attempt).collect()
    }

    fn shard(&self, key: &CodeKey) -> Option<&Mutex<Shard>> {
        let first = key.as_bytes().first().copied().unwrap_or(0);
        self.0.get(usize::from(first) % SHARDS)
    }
}

impl Shard {
    fn push(&mut self, key: CodeKey, attempt: Attempt) {
        self.last += 1;
        let own = self.by_code.entry(key).or_default();
        own.push_back((self.last, attempt));
        if own.len() > ATTEMPTS_OF_CODE_MAX {
            own.pop_front();
        }
        self.order.push_back((key, self.last));
        while self.order.len() > SHARD_ATTEMPTS_MAX {
            let Some((key, number)) = self.order.pop_front() else { return };
            let Some(own) = self.by_code.get_mut(&key) else { continue };
            if own.front().is_some_and(|(oldest, _)| *oldest == number) {
                own.pop_front();
            }
            if own.is_empty() {
                self.by_code.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tally::Tally;
    use super::*;

    #[test]
    fn a_code_keeps_its_last_attempts_and_all_together_are_bounded() {
        let (attempts, place) = (Attempts::default(), Tally::default().nowhere("park"));
        let attempt =
            |at| Attempt { at: Timestamp(at), verb: Verb::Redeem, reason: Reason::Expired, place };
        let key = |n: u32| {
            let mut bytes = [0; 16];
            bytes[1..5].copy_from_slice(&n.to_be_bytes());
            CodeKey::from_bytes(bytes)
        };
        for at in 0..50 {
            attempts.push(key(0), attempt(at));
        }
        let kept = attempts.of(&key(0));
        assert_eq!(kept.len(), ATTEMPTS_OF_CODE_MAX);
        assert_eq!(
            (kept.first().copied(), kept.last().copied()),
            (Some(attempt(49)), Some(attempt(30)),)
        );
        // All of these are in one shard.
        for n in 1..=u32::try_from(SHARD_ATTEMPTS_MAX).unwrap_or(0) {
            attempts.push(key(n), attempt(i64::from(n)));
        }
        assert!(attempts.of(&key(0)).is_empty());
        assert_eq!(attempts.of(&key(1)).len(), 1);
        attempts.push(key(9_999_999), attempt(1));
        assert!(attempts.of(&key(1)).is_empty());
    }
}
