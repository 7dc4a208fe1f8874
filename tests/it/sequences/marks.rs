//! Markers and what is counted behind them, worked out from the answers alone: who shares a
//! marker, until it is over or the last of them has given it back.

use std::collections::BTreeMap;

use jeton::domain::id::PostingId;
use jeton::domain::posting::{Key, Leg, Receipt, bit};
use jeton::domain::time::Timestamp;

use super::laws::Verdict;

#[derive(Default)]
pub(crate) struct Marks {
    by_marker: BTreeMap<Key, Mark>,
    /// What was counted behind markers that were over before the last had given back.
    for_good: BTreeMap<Key, u64>,
}

/// A marker as it was set last.
struct Mark {
    end: Timestamp,
    key: Key,
    n: u64,
    sharers: Vec<(PostingId, usize)>,
}

impl Marks {
    /// Takes over a new posting. Only who finds a marker unset or over counts.
    pub(crate) fn posted(&mut self, receipt: &Receipt) -> Verdict {
        for (place, (leg, result)) in receipt.legs.iter().zip(&receipt.results).enumerate() {
            let Leg::Once { marker, key, n, keep_until, .. } = leg else { continue };
            let is_set = |mark: &Mark| mark.end > receipt.at && !mark.sharers.is_empty();
            let is_free = self.by_marker.get(marker).is_some_and(is_set);
            if result.amount != if is_free { 0 } else { *n } {
                return Err(format!("counted {}, free: {is_free}", result.amount));
            }
            if !is_free {
                let end = keep_until.unwrap_or(Timestamp::NEVER);
                let mark = Mark { end, key: *key, n: *n, sharers: Vec::new() };
                let over = self.by_marker.insert(*marker, mark);
                if let Some(over) = over.filter(|over| !over.sharers.is_empty()) {
                    *self.for_good.entry(over.key).or_default() += over.n;
                }
            }
            let mark = self.by_marker.get_mut(marker).ok_or("a marker is not set")?;
            mark.sharers.push((receipt.id, place));
        }
        Ok(())
    }

    /// Takes the legs that a posting no longer has in force at `now` off markers that still are.
    pub(crate) fn changed(&mut self, receipt: &Receipt, now: Timestamp) {
        let left = if receipt.live() > 0 { receipt.legs_left() } else { 0 };
        for mark in self.by_marker.values_mut().filter(|mark| mark.end > now) {
            mark.sharers.retain(|(id, leg)| *id != receipt.id || left & bit(*leg) != 0);
        }
    }

    /// What stands on a marker or is counted behind markers on a counter.
    pub(crate) fn used(&self, wanted: &Key) -> u64 {
        let counted = self.by_marker.values().filter(|mark| mark.key == *wanted);
        let counted = counted.filter(|mark| !mark.sharers.is_empty()).map(|mark| mark.n);
        let sharers = self.by_marker.get(wanted).map_or(0, |mark| mark.sharers.len() as u64);
        let for_good = self.for_good.get(wanted).copied().unwrap_or_default();
        counted.sum::<u64>() + sharers + for_good
    }
}
