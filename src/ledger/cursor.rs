//! How far somebody has read the events.

use std::fmt;
use std::str::FromStr;

use smallvec::SmallVec;

use super::redis::PARTITIONS_MAX;

/// For each partition, the number of its last event that was read. A ledger on this machine has
/// one partition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cursor(SmallVec<[u64; 1]>);

impl Cursor {
    pub(super) fn of(counts: Vec<u64>) -> Self {
        Self(counts.into())
    }

    /// How many events of a partition were read.
    #[must_use]
    pub fn count(&self, partition: usize) -> u64 {
        self.0.get(partition).copied().unwrap_or(0)
    }

    /// How many events were read, of all partitions together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().copied().fold(0, u64::saturating_add)
    }

    /// Whether all that was read up to `other` was read.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        (0..other.0.len()).all(|partition| self.count(partition) >= other.count(partition))
    }

    pub(super) fn set(&mut self, partition: usize, count: u64) {
        if self.0.len() <= partition {
            self.0.resize(partition + 1, 0);
        }
        if let Some(slot) = self.0.get_mut(partition) {
            *slot = count;
        }
    }
}

impl From<u64> for Cursor {
    fn from(count: u64) -> Self {
        Self(SmallVec::from_slice(&[count]))
    }
}

/// As `17`, or with several partitions as `17-4-0-9`.
impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, count) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str("-")?;
            }
            write!(f, "{count}")?;
        }
        if self.0.is_empty() { f.write_str("0") } else { Ok(()) }
    }
}

/// The text is no cursor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is no place in the events; take the one that the last event came with, or 0")]
pub struct CursorError;

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let counts: Result<SmallVec<[u64; 1]>, _> = text
            .split('-')
            .take(usize::from(PARTITIONS_MAX) + 1)
            .map(|count| count.parse::<u64>().map_err(|_| CursorError))
            .collect();
        counts.map(Self).and_then(|cursor| {
            if cursor.0.len() > usize::from(PARTITIONS_MAX) { Err(CursorError) } else { Ok(cursor) }
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed one is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_is_written() {
        for text in ["0", "17", "17-4-0-9"] {
            assert_eq!(text.parse::<Cursor>().unwrap().to_string(), text);
        }
        for text in ["", "-", "1-", "a", "1-b", "-1", &"1-".repeat(300)] {
            assert_eq!(text.parse::<Cursor>(), Err(CursorError), "{text}");
        }
        assert_eq!(Cursor::default().to_string(), "0");
    }

    #[test]
    fn a_cursor_counts_all_its_partitions() {
        for (text, total) in [("0", 0), ("17", 17), ("17-4-0-9", 30)] {
            assert_eq!(text.parse::<Cursor>().unwrap().total(), total);
        }
    }
}
