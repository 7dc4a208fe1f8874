//! The index and other concurrent maps under one face: the same keys, the same eight bytes of each
//! code, the same hasher.
//!
//! Each map is asked in the way that its documentation advises: papaya and scc are pinned once for
//! a batch.

use foldhash::fast::RandomState;
use jeton::domain::code::CodeKey;
use jeton::index::{Entry, Index};

use crate::scene::spread;

/// How many codes there are; powers of two.
pub(crate) const SIZES: [(&str, u32); 2] = [("1 k", 1 << 10), ("1 M", 1 << 20)];

/// An odd step: visits all of a power of two, and neighbours seldom lie side by side.
const STEP: u64 = 611_953;

/// papaya's map: lock-free, an allocation for each code.
pub(crate) type Papaya = papaya::HashMap<CodeKey, Entry, RandomState>;
/// scc's map for writing: a lock for each bucket.
pub(crate) type SccMap = scc::HashMap<CodeKey, Entry, RandomState>;
/// scc's map for reading: readers take no locks.
pub(crate) type SccIndex = scc::HashIndex<CodeKey, Entry, RandomState>;

/// What is compared.
pub(crate) trait Map: Send + Sync {
    /// As it is called in the report.
    const NAME: &'static str;

    fn with_room(codes: usize) -> Self;

    fn add(&self, key: CodeKey, entry: Entry) -> bool;

    fn look(&self, key: &CodeKey) -> Option<Entry>;

    /// How many of `keys` are there.
    fn look_all(&self, keys: &[CodeKey]) -> usize;
}

impl Map for Index {
    const NAME: &'static str = "jeton";

    fn with_room(codes: usize) -> Self {
        Self::with_capacity(codes)
    }

    fn add(&self, key: CodeKey, entry: Entry) -> bool {
        self.insert_new(key, entry)
    }

    fn look(&self, key: &CodeKey) -> Option<Entry> {
        self.lookup(key)
    }

    fn look_all(&self, keys: &[CodeKey]) -> usize {
        keys.iter().filter_map(|key| self.lookup(key)).count()
    }
}

impl Map for Papaya {
    const NAME: &'static str = "papaya";

    fn with_room(codes: usize) -> Self {
        Self::with_capacity_and_hasher(codes, RandomState::default())
    }

    fn add(&self, key: CodeKey, entry: Entry) -> bool {
        self.pin().try_insert(key, entry).is_ok()
    }

    fn look(&self, key: &CodeKey) -> Option<Entry> {
        self.pin().get(key).copied()
    }

    fn look_all(&self, keys: &[CodeKey]) -> usize {
        let map = self.pin();
        keys.iter().filter_map(|key| map.get(key).copied()).count()
    }
}

impl Map for SccMap {
    const NAME: &'static str = "scc map";

    fn with_room(codes: usize) -> Self {
        Self::with_capacity_and_hasher(codes, RandomState::default())
    }

    fn add(&self, key: CodeKey, entry: Entry) -> bool {
        self.insert_sync(key, entry).is_ok()
    }

    fn look(&self, key: &CodeKey) -> Option<Entry> {
        self.read_sync(key, |_, entry| *entry)
    }

    fn look_all(&self, keys: &[CodeKey]) -> usize {
        keys.iter().filter_map(|key| self.look(key)).count()
    }
}

impl Map for SccIndex {
    const NAME: &'static str = "scc index";

    fn with_room(codes: usize) -> Self {
        Self::with_capacity_and_hasher(codes, RandomState::default())
    }

    fn add(&self, key: CodeKey, entry: Entry) -> bool {
        self.insert_sync(key, entry).is_ok()
    }

    fn look(&self, key: &CodeKey) -> Option<Entry> {
        self.peek_with(key, |_, entry| *entry)
    }

    fn look_all(&self, keys: &[CodeKey]) -> usize {
        let guard = scc::Guard::new();
        keys.iter().filter_map(|key| self.peek(key, &guard).copied()).count()
    }
}

/// The key of a code; numbers from the number of codes on are nobody's.
pub(crate) fn key(number: u64) -> CodeKey {
    CodeKey::from_bytes(spread(number))
}

/// Gives the numbers of all `codes` in turn, over and over.
pub(crate) fn walk(codes: u32) -> impl FnMut() -> u64 {
    let (mut at, mask) = (0_u64, u64::from(codes - 1));
    move || {
        at = at.wrapping_add(STEP) & mask;
        at
    }
}

/// Looks up code after code, each where the one before led: none can begin before that has ended.
pub(crate) fn chase<M: Map>(map: &M, codes: u32) -> impl FnMut() -> u64 {
    let (mut at, mask) = (0, u64::from(codes - 1));
    move || {
        let entry = map.look(&key(at)).unwrap();
        at = u64::from(entry.position()).wrapping_add(STEP) & mask;
        at
    }
}

/// Puts the codes 0 to `codes` in.
pub(crate) fn fill(map: &impl Map, codes: u32) {
    for position in 0..codes {
        assert!(map.add(key(position.into()), Entry::new(1, position).unwrap()));
    }
}
