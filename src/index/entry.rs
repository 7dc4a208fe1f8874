//! What the index keeps of one code: eight bytes.

use std::fmt;

/// Where a code lies and what is special about it.
///
/// ```text
///  63         40 39                    8 7      0
/// ┌─────────────┬───────────────────────┬────────┐
/// │ batch (24)  │ position in it (32)   │ flags  │
/// └─────────────┴───────────────────────┴────────┘
/// ```
///
/// Entries compare by batch and then by position: the smaller one was issued earlier.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry(u64);

const _: () = assert!(size_of::<Entry>() == 8, "ten million of them are kept");

impl Entry {
    /// Largest batch number: 24 bits.
    pub const BATCH_MAX: u32 = (1 << 24) - 1;

    /// The entry of a code without flags; `None` when `batch` is above [`Entry::BATCH_MAX`].
    #[must_use]
    pub const fn new(batch: u32, position: u32) -> Option<Self> {
        if batch > Self::BATCH_MAX {
            return None;
        }
        Some(Self(((batch as u64) << 40) | ((position as u64) << 8)))
    }

    /// The number of the batch.
    #[must_use]
    pub const fn batch(self) -> u32 {
        (self.0 >> 40) as u32
    }

    /// The code's position in its batch, from 0.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the batch above is meant to fall off")]
    pub const fn position(self) -> u32 {
        (self.0 >> 8) as u32
    }

    /// What is special about the code.
    #[must_use]
    pub const fn flags(self) -> Flags {
        Flags((self.0 & 0xFF) as u8)
    }

    pub(super) const fn with_flags(self, flags: Flags) -> Self {
        Self((self.0 & !0xFF) | flags.0 as u64)
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entry({}/{} {:?})", self.batch(), self.position(), self.flags())
    }
}

/// A set of what can be special about a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(u8);

impl Flags {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// It was blocked.
    pub const REVOKED: Self = Self(1);
    /// Another code took its place.
    pub const REPLACED: Self = Self(2);
    /// Something about it differs from its batch.
    pub const OVERRIDDEN: Self = Self(4);

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether everything in `other` is in this set too.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}
