//! What is counted in one place over one stretch of time, and pages of it as they are stored.
//!
//! ```text
//! page = cell …
//! cell = campaign property gate reason mask count … currencies (currency minor) …
//! ```
//! MessagePack integers. The first three are numbers of labels, the fourth that of a reason, 0 for
//! what was accepted. Bit n of the mask says that count n follows, which is not zero then. A
//! currency's three letters are the bytes of its number.

use std::collections::BTreeMap;

use rmp::{decode, encode};
use smallvec::SmallVec;

/// What is counted. The numbers are part of stored pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Count {
    /// Codes redeemed, at once or by confirming.
    Redeemed = 0,
    /// Codes given back, all or partly, after they were redeemed.
    Released = 1,
    /// Uses taken from codes.
    Uses = 2,
    /// Uses given back to codes.
    UsesBack = 3,
    /// Codes held.
    Held = 4,
    /// Codes whose hold became a redemption.
    Confirmed = 5,
    /// Codes whose hold was given up, all or partly.
    HoldReleased = 6,
    /// Codes whose hold came to its end.
    Expired = 7,
    /// Uses that holds keep: those of new holds less those of ended ones.
    HeldUses = 8,
    /// Points spent, less those that came back.
    PointsSpent = 9,
    /// Points earned, less those that were taken back.
    PointsEarned = 10,
    /// Requests that were refused.
    Refused = 11,
}

/// How many things are counted.
const COUNTS: usize = 12;

/// A currency, by its three letters.
type Letters = [u8; 3];

/// Most currencies whose money is counted in one place; that of further ones is left out, and no
/// tenant has them.
const CURRENCIES_MAX: usize = 32;

/// What was counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sums {
    counts: [i64; COUNTS],
    money_minor: SmallVec<[(Letters, i64); 1]>,
}

impl Sums {
    /// How often, or how much.
    #[must_use]
    pub fn count(&self, what: Count) -> i64 {
        self.counts.get(what as usize).copied().unwrap_or(0)
    }

    /// Money given, less what was given back, in minor units by currency.
    pub fn money_minor(&self) -> impl Iterator<Item = (&str, i64)> {
        let text = |letters| std::str::from_utf8(letters).unwrap_or("XXX");
        self.money_minor.iter().map(move |(letters, minor)| (text(letters), *minor))
    }

    /// Counts.
    pub fn add(&mut self, what: Count, n: i64) {
        if let Some(count) = self.counts.get_mut(what as usize) {
            *count = count.saturating_add(n);
        }
    }

    /// Adds money of a currency, which has three letters.
    pub fn add_money(&mut self, currency: &str, minor: i64) {
        if let Ok(letters) = Letters::try_from(currency.as_bytes()) {
            self.add_letters(letters, minor);
        }
    }

    fn add_letters(&mut self, letters: Letters, minor: i64) {
        if minor == 0 {
            return;
        }
        if let Some((_, sum)) = self.money_minor.iter_mut().find(|(known, _)| *known == letters) {
            *sum = sum.saturating_add(minor);
        } else if self.money_minor.len() < CURRENCIES_MAX {
            self.money_minor.push((letters, minor));
        }
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count = count.saturating_add(*more);
        }
        for (letters, minor) in &other.money_minor {
            self.add_letters(*letters, *minor);
        }
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.iter().all(|count| *count == 0)
            && self.money_minor.iter().all(|(_, minor)| *minor == 0)
    }
}

/// A place that is counted by itself: labels by their numbers, and of a refusal its reason's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Cell {
    pub(super) campaign: u16,
    pub(super) property: u16,
    pub(super) gate: u16,
    pub(super) reason: u16,
}

/// Most places that one page counts by themselves; further ones are counted with their campaign
/// alone, so that a page stays below about 300 kB whatever callers send.
const CELLS_MAX: usize = 4_096;

/// All places of a tenant over one stretch of time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Page(BTreeMap<Cell, Sums>);

impl Page {
    /// Adds to a place.
    pub(super) fn add(&mut self, cell: Cell, sums: &Sums) {
        let is_room = self.0.len() < CELLS_MAX || self.0.contains_key(&cell);
        let cell = if is_room { cell } else { Cell { property: 0, gate: 0, ..cell } };
        self.0.entry(cell).or_default().merge(sums);
    }

    pub(super) fn cells(&self) -> impl Iterator<Item = (&Cell, &Sums)> {
        self.0.iter()
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len() * 24);
        for (cell, sums) in &self.0 {
            // Writing into memory cannot fail.
            let _written = write(&mut bytes, *cell, sums);
        }
        bytes
    }

    /// From bytes; `None` when they are no page.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        cells(bytes).collect::<Option<_>>().map(Self)
    }
}

/// The places of a stored page, for who looks at each once and keeps none. What is no page ends
/// with `None`.
pub(super) fn cells(mut bytes: &[u8]) -> impl Iterator<Item = Option<(Cell, Sums)>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let cell = read(&mut bytes);
        if cell.is_none() {
            bytes = &[];
        }
        Some(cell)
    })
}

fn write(out: &mut Vec<u8>, cell: Cell, sums: &Sums) -> Result<(), encode::ValueWriteError> {
    for label in [cell.campaign, cell.property, cell.gate, cell.reason] {
        encode::write_uint(out, label.into())?;
    }
    let mask = (0..).zip(&sums.counts).filter(|(_, count)| **count != 0);
    encode::write_uint(out, mask.fold(0, |mask, (place, _)| mask | 1 << place))?;
    for count in sums.counts.iter().filter(|count| **count != 0) {
        encode::write_sint(out, *count)?;
    }
    encode::write_uint(out, u64::try_from(sums.money_minor.len()).unwrap_or(0))?;
    for ([a, b, c], minor) in &sums.money_minor {
        encode::write_uint(out, u32::from_be_bytes([0, *a, *b, *c]).into())?;
        encode::write_sint(out, *minor)?;
    }
    Ok(())
}

fn read(bytes: &mut &[u8]) -> Option<(Cell, Sums)> {
    let mut number = || decode::read_int::<i64, _>(bytes).ok();
    let mut label = || u16::try_from(number()?).ok();
    let (campaign, property, gate, reason) = (label()?, label()?, label()?, label()?);
    let cell = Cell { campaign, property, gate, reason };
    let mut sums = Sums::default();
    let mask = number()?;
    for (place, count) in sums.counts.iter_mut().enumerate() {
        if mask >> place & 1 == 1 {
            *count = number()?;
        }
    }
    for _ in 0..number()? {
        let [_, a, b, c] = u32::try_from(number()?).ok()?.to_be_bytes();
        sums.money_minor.push(([a, b, c], number()?));
    }
    Some((cell, sums))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is a failed test")]
mod tests {
    use super::*;

    fn cell(campaign: u16, gate: u16) -> Cell {
        Cell { campaign, property: 1, gate, reason: 0 }
    }

    #[test]
    fn pages_come_back_as_they_were() {
        let mut sums = Sums::default();
        sums.add(Count::Redeemed, 3);
        sums.add(Count::HeldUses, -70_000);
        sums.add(Count::Refused, i64::MAX);
        sums.add_money("EUR", -1_250);
        sums.add_money("CZK", 7);
        let mut page = Page::default();
        page.add(cell(1, 2), &sums);
        page.add(cell(1, 2), &sums);
        page.add(cell(900, 0), &Sums::default());
        let bytes = page.encode();
        assert_eq!(Page::decode(&bytes), Some(page.clone()));
        assert_eq!(Page::decode(&bytes[..bytes.len() - 1]), None);
        let torn: Vec<bool> = cells(&bytes[..bytes.len() - 1]).map(|cell| cell.is_some()).collect();
        assert_eq!(torn, [true, false]);
        let (_, twice) = page.cells().next().unwrap();
        assert_eq!((twice.count(Count::Redeemed), twice.count(Count::Refused)), (6, i64::MAX));
        let money: Vec<(&str, i64)> = twice.money_minor().collect();
        assert_eq!(money, [("EUR", -2_500), ("CZK", 14)]);
    }

    #[test]
    fn a_full_page_counts_on_with_the_campaign_alone() {
        let mut sums = Sums::default();
        sums.add(Count::Uses, 1);
        let mut page = Page::default();
        for gate in 0..6_000 {
            page.add(cell(7, gate), &sums);
        }
        assert_eq!(page.cells().count(), CELLS_MAX + 1);
        let all: i64 = page.cells().map(|(_, sums)| sums.count(Count::Uses)).sum();
        assert_eq!(all, 6_000);
    }
}
