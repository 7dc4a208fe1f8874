//! The index: the picture of the catalog that requests read, wholly in memory.
//!
//! It answers "which code is this, whose, and under which rules" in the time of a few cache
//! misses, also with tens of millions of codes. It knows keyed hashes, never code texts, and
//! neither where definitions are stored nor how often a code was used.
//!
//! Invariants: no guard and no reference into a map ever leaves it, only copies and shared
//! pointers, so a caller can wait or call again while holding an answer; a reader sees all of a
//! change of definitions or nothing of it.
//!
//! A code costs 24 bytes and one control byte in tables that are at most 7/8 full. When it is known
//! how many codes there are, the tables are as many as are then nearly full: 31 to 35 bytes. Those
//! that grow afterwards double.

mod automatic;
mod chunked;
mod definitions;
mod entry;

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use dashmap::{DashMap, Entry as Place};
use foldhash::fast::RandomState;

use crate::domain::campaign::{Campaign, Code, CodeState};
use crate::domain::code::CodeKey;
use crate::domain::id::Owner;

pub use definitions::{Batch, BatchError, Definitions, Override};
pub use entry::{Entry, Flags};

/// Tables in one map, each locked by itself.
const SHARDS: usize = 8;

/// Fewest maps. So there are many more tables than cores, two threads seldom meet, and a table that
/// grows moves only a sixty-fourth of the codes at a time.
const MAPS_MIN: usize = 8;

type Map<V> = DashMap<CodeKey, V, RandomState>;

/// Codes, campaigns, batches and overrides, to be read by many threads at once.
///
/// The hasher's seed is drawn anew for every index: keys arrive from outside.
#[derive(Debug)]
pub struct Index {
    /// A map has a power of two tables, and a table a power of two places; how many maps there are
    /// is free.
    entries: Box<[Map<Entry>]>,
    overrides: Map<Arc<Override>>,
    /// How many codes have a moment of payment of their own, by the number of their batch.
    paid_by_batch: DashMap<u32, i64, RandomState>,
    definitions: ArcSwap<Definitions>,
    /// Held while a new picture of the definitions is made out of the last one.
    changing: Mutex<()>,
}

/// A code with all that is needed to judge it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its campaign as it is now.
    pub campaign: Arc<Campaign>,
    /// The version of the campaign that says what the code is worth.
    pub worth: Arc<Campaign>,
    /// The code itself.
    pub code: Code,
    /// The number of its batch.
    pub batch: u32,
    /// Its position in the batch, from 0.
    pub position: u32,
}

impl Index {
    /// An empty index with room for `codes`; it grows beyond that part by part.
    #[must_use]
    pub fn with_capacity(codes: usize) -> Self {
        let (maps, room) = maps_for(codes);
        let map = |_| {
            DashMap::with_capacity_and_hasher_and_shard_amount(room, RandomState::default(), SHARDS)
        };
        Self {
            entries: (0..maps).map(map).collect(),
            overrides: DashMap::with_hasher_and_shard_amount(RandomState::default(), SHARDS),
            paid_by_batch: DashMap::with_hasher_and_shard_amount(RandomState::default(), SHARDS),
            definitions: ArcSwap::default(),
            changing: Mutex::new(()),
        }
    }

    /// The code with all that is needed to judge it; `None` when it is unknown.
    #[must_use]
    pub fn find(&self, key: &CodeKey) -> Option<Found> {
        let entry = self.lookup(key)?;
        let flags = entry.flags();
        let own = if flags.has(Flags::OVERRIDDEN) { self.override_of(key) } else { None };
        let definitions = self.definitions.load();
        let (batch, campaign, worth) = definitions.issue(entry.batch())?;
        let own = own.as_deref();
        let code = Code {
            owner: own.and_then(|own| own.owner).unwrap_or(Owner(*key.as_bytes())),
            state: state_of(flags),
            issued: own.and_then(|own| own.issued).unwrap_or(batch.issued),
            paid: own.and_then(|own| own.paid).or(batch.paid),
            holder: own.and_then(|own| own.holder.clone()),
            photo: own.and_then(|own| own.photo.clone()),
            uses: own.and_then(|own| own.uses).or(batch.uses),
            balance_minor: own.and_then(|own| own.balance_minor).or(batch.balance_minor),
            valid_from: own.and_then(|own| own.valid_from).or(batch.valid_from),
            valid_until: own.and_then(|own| own.valid_until).or(batch.valid_until),
        };
        Some(Found {
            campaign: Arc::clone(campaign),
            worth: Arc::clone(worth),
            code,
            batch: entry.batch(),
            position: entry.position(),
        })
    }

    /// Where a code lies.
    #[must_use]
    pub fn lookup(&self, key: &CodeKey) -> Option<Entry> {
        self.map(key)?.view(key, |_, entry| *entry)
    }

    /// The map that a key is in; there always is one. Keys are hashes, so all get their share.
    fn map(&self, key: &CodeKey) -> Option<&Map<Entry>> {
        let [a, b, c, d, ..] = *key.as_bytes();
        let share = u64::from(u32::from_le_bytes([a, b, c, d]));
        let place = (share * self.entries.len() as u64) >> u32::BITS;
        self.entries.get(usize::try_from(place).unwrap_or_default())
    }

    /// What a code has different from its batch.
    #[must_use]
    pub fn override_of(&self, key: &CodeKey) -> Option<Arc<Override>> {
        self.overrides.view(key, |_, own| Arc::clone(own))
    }

    /// Adds a code; `false`, and nothing changes, when its key is taken.
    pub fn insert_new(&self, key: CodeKey, entry: Entry) -> bool {
        match self.map(&key).map(|map| map.entry(key)) {
            Some(Place::Vacant(place)) => {
                place.insert(entry);
                true
            }
            Some(Place::Occupied(_)) | None => false,
        }
    }

    /// Adds codes of one batch that lie side by side, the first of them at `entry`. Where a key is
    /// there already, the earlier of the two entries stays, in whatever order they come, with what
    /// the code has of its own: several threads, and nodes, may fill from one store, and the result
    /// is the same.
    pub fn fill(&self, entry: Entry, keys: impl IntoIterator<Item = CodeKey>) {
        for (key, position) in keys.into_iter().zip(entry.position()..) {
            let Some(entry) = Entry::new(entry.batch(), position) else { return };
            let Some(map) = self.map(&key) else { return };
            match map.entry(key) {
                Place::Vacant(place) => {
                    place.insert(entry);
                }
                Place::Occupied(mut place) => {
                    let known = *place.get();
                    if entry < known.with_flags(Flags::NONE) {
                        place.insert(entry.with_flags(known.flags()));
                        let paid = self.override_of(place.key()).map_or(0, |own| paid_apart(&own));
                        self.count_paid(known.batch(), -paid);
                        self.count_paid(entry.batch(), paid);
                    }
                }
            }
        }
    }

    /// Adds a code that differs from its batch; `false`, and nothing changes, when its key is
    /// taken. Nobody sees the code without what is different about it.
    pub fn insert_overridden(&self, key: CodeKey, entry: Entry, own: Arc<Override>) -> bool {
        let Some(Place::Vacant(place)) = self.map(&key).map(|map| map.entry(key)) else {
            return false;
        };
        // The map of overrides is another one, and nobody holds it while waiting for this one.
        let flags = flags_of(&own);
        self.keep_override(key, own, entry.batch());
        place.insert(entry.with_flags(flags));
        true
    }

    /// Gives a code exactly these flags; `false` when the code is unknown.
    pub fn mark(&self, key: &CodeKey, flags: Flags) -> bool {
        let Some(mut entry) = self.map(key).and_then(|map| map.get_mut(key)) else { return false };
        *entry = entry.with_flags(flags);
        true
    }

    /// Sets what a code has different from its batch, in the place of what it had; `false`, and
    /// nothing changes, when the code is unknown.
    pub fn put_override(&self, key: CodeKey, own: Arc<Override>) -> bool {
        let Some(entry) = self.lookup(&key) else { return false };
        let flags = flags_of(&own);
        // The override first: who sees the flag must find it.
        self.keep_override(key, own, entry.batch());
        let known = self.mark(&key, flags);
        if !known {
            // It was removed in between.
            self.forget_override(&key, entry.batch());
        }
        known
    }

    /// How many codes of a batch have a moment of payment of their own.
    #[must_use]
    pub fn paid_apart(&self, batch: u32) -> u64 {
        let count = self.paid_by_batch.view(&batch, |_, count| *count);
        count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0)
    }

    fn count_paid(&self, batch: u32, more: i64) {
        if more != 0 {
            *self.paid_by_batch.entry(batch).or_default() += more;
        }
    }

    fn keep_override(&self, key: CodeKey, own: Arc<Override>, batch: u32) {
        let paid = paid_apart(&own);
        let before = self.overrides.insert(key, own);
        self.count_paid(batch, paid - before.map_or(0, |own| paid_apart(&own)));
    }

    fn forget_override(&self, key: &CodeKey, batch: u32) {
        if let Some((_, own)) = self.overrides.remove(key) {
            self.count_paid(batch, -paid_apart(&own));
        }
    }

    /// Takes a code out: one that could not be stored, or whose time of keeping is over. `false`
    /// when it was not there.
    pub fn remove(&self, key: &CodeKey) -> bool {
        let removed = self.map(key).and_then(|map| map.remove(key));
        if let Some((_, entry)) = removed {
            self.forget_override(key, entry.batch());
        }
        removed.is_some()
    }

    /// How many codes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.iter().map(DashMap::len).sum()
    }

    /// Whether there is no code.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.iter().all(DashMap::is_empty)
    }

    /// The definitions as they are now. What is returned does not change any more.
    #[must_use]
    pub fn definitions(&self) -> Arc<Definitions> {
        self.definitions.load_full()
    }

    /// The same, for a request and no longer: it is cheaper, because readers on several cores do
    /// not meet at one count.
    #[must_use]
    pub fn definitions_briefly(&self) -> arc_swap::Guard<Arc<Definitions>> {
        self.definitions.load()
    }

    /// Changes definitions: readers see all that `change` did at once. It works on a copy that
    /// shares what is not changed; still, many changes belong into one call.
    pub fn change<R>(&self, change: impl FnOnce(&mut Definitions) -> R) -> R {
        // The lock guards nothing that a panic could have left half done.
        let _turn = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut definitions = Definitions::clone(&self.definitions.load());
        let result = change(&mut definitions);
        self.definitions.store(Arc::new(definitions));
        result
    }
}

/// How many maps for so many codes take the least memory, and for how many codes each has room.
fn maps_for(codes: usize) -> (usize, usize) {
    let of = |maps: usize| {
        let share = codes.div_ceil(maps * SHARDS);
        // Some codes are made later, and by chance no table gets just its share: five deviations.
        let share = share.saturating_add(share / 16 + 5 * share.isqrt());
        // A table is enlarged when it is 7/8 full.
        let places = share.saturating_mul(8).div_ceil(7).checked_next_power_of_two();
        (maps, places.unwrap_or(share))
    };
    let all = (MAPS_MIN..2 * MAPS_MIN).map(of);
    let least = all.min_by_key(|(maps, places)| maps.saturating_mul(*places));
    let (maps, places) = least.unwrap_or((MAPS_MIN, 0));
    (maps, if codes == 0 { 0 } else { (places / 8 * 7).max(1).saturating_mul(SHARDS) })
}

fn flags_of(own: &Override) -> Flags {
    match own.state {
        CodeState::Live => Flags::OVERRIDDEN,
        CodeState::Revoked => Flags::OVERRIDDEN.with(Flags::REVOKED),
        CodeState::Replaced => Flags::OVERRIDDEN.with(Flags::REPLACED),
    }
}

/// 1 when a code has a moment of payment of its own, else 0.
fn paid_apart(own: &Override) -> i64 {
    i64::from(own.paid.is_some())
}

fn state_of(flags: Flags) -> CodeState {
    // Revoked wins: whoever blocked a code meant it for good.
    if flags.has(Flags::REVOKED) {
        CodeState::Revoked
    } else if flags.has(Flags::REPLACED) {
        CodeState::Replaced
    } else {
        CodeState::Live
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests;
