//! The codes of a pattern, one per serial: unique by construction.
//!
//! A serial goes through a secret [`Permutation`] of the pattern's whole capacity and is written
//! in the pattern's alphabet. Different serials are different codes; nothing is drawn, compared
//! or tried again. The permutation's key comes from tenant and shape, so campaigns that share a
//! shape continue one series and cannot collide either, as long as no serial is given out twice.

use std::ops::Range;
use std::{array, fmt};

use crate::domain::code::{Normal, masked};

use super::check::Checksum;
use super::key::CodeKeys;
use super::pattern::{Pattern, SHOWN_BYTES_MAX, Verdict};
use super::permutation::Permutation;

/// How many codes are made side by side: what keeps the cipher's pipeline full.
const LANES: usize = 8;

/// All codes of one shape of one tenant, in a secret order.
pub struct Series {
    pattern: Pattern,
    permutation: Permutation,
    /// Size of the right half of a serial.
    right_size: u64,
    /// The pattern as shown; its holes are overwritten.
    template: CodeText,
    left_holes: Vec<usize>,
    right_holes: Vec<usize>,
    check_hole: Option<usize>,
}

impl Series {
    /// The series of a tenant's pattern.
    #[must_use]
    pub fn new(pattern: Pattern, keys: &CodeKeys, tenant: &str) -> Self {
        let (left_size, right_size) = pattern.halves();
        let key = keys.series_key(tenant, pattern.shape());
        let mut holes = pattern.hole_positions().into_iter();
        let left_holes = holes.by_ref().take(pattern.left_len()).collect();
        let right_holes = holes.by_ref().take(pattern.data_len() - pattern.left_len()).collect();
        let check_hole = holes.next();
        Self {
            permutation: Permutation::new(key, left_size, right_size),
            right_size,
            template: CodeText::of(pattern.as_str()),
            left_holes,
            right_holes,
            check_hole,
            pattern,
        }
    }

    /// The pattern.
    #[must_use]
    pub const fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// The code of a serial, as it is shown; `None` from the capacity on.
    #[must_use]
    pub fn text(&self, serial: u64) -> Option<CodeText> {
        let exists = u128::from(serial) < self.pattern.capacity();
        exists.then(|| {
            let [text] = self.write([serial]);
            text
        })
    }

    /// The code of a serial in normal form; `None` from the capacity on.
    #[must_use]
    pub fn normal(&self, serial: u64) -> Option<Normal> {
        Normal::parse(self.text(serial)?.as_str()).ok()
    }

    /// The codes of a range of serials, in order: generation is resumed by starting later.
    ///
    /// # Errors
    /// [`Exhausted`] if the range goes beyond the capacity; then there is no code at all.
    pub fn texts(&self, serials: Range<u64>) -> Result<impl Iterator<Item = CodeText>, Exhausted> {
        let capacity = self.pattern.capacity();
        if u128::from(serials.end) > capacity {
            return Err(Exhausted { end: serials.end, capacity });
        }
        let Range { start, end } = serials;
        let batches = (start..end).step_by(LANES);
        Ok(batches.flat_map(move |first| {
            // The last batch repeats its last serial to be full; what is too much is cut off.
            let batch: [u64; LANES] =
                array::from_fn(|lane| first.saturating_add(lane as u64).min(end - 1));
            let wanted = usize::try_from(end - first).unwrap_or(usize::MAX);
            self.write(batch).into_iter().take(wanted)
        }))
    }

    /// The serial of a code; `None` if the code is not of this series, or is of a serial beyond
    /// 64 bits. A forger who knows the pattern gets some serial; that it was given out is for
    /// the caller to check, and costs one comparison.
    #[must_use]
    pub fn serial_of(&self, normal: &Normal) -> Option<u64> {
        if self.pattern.verify(normal) != Verdict::Right {
            return None;
        }
        let size = u64::from(self.pattern.alphabet().size());
        let number = |number: u64, value: u8| number * size + u64::from(value);
        let mut values = self.pattern.data_values(normal);
        let left = values.by_ref().take(self.left_holes.len()).fold(0, number);
        let right = values.fold(0, number);
        let (left, right) = self.permutation.backward((left, right));
        left.checked_mul(self.right_size)?.checked_add(right)
    }

    /// The codes of serials below the capacity.
    fn write<const N: usize>(&self, serials: [u64; N]) -> [CodeText; N] {
        let halves = serials.map(|serial| (serial / self.right_size, serial % self.right_size));
        self.permutation.forward(halves).map(|(left, right)| self.spell(left, right))
    }

    /// The code with these halves of a permuted serial.
    fn spell(&self, left: u64, right: u64) -> CodeText {
        let mut text = self.template;
        let alphabet = self.pattern.alphabet();
        let mut checksum = Checksum::new(alphabet);
        let mut values = [0_u8; SHOWN_BYTES_MAX];
        for (holes, number) in [(&self.left_holes, left), (&self.right_holes, right)] {
            write_number(number, alphabet.size(), values.iter_mut().take(holes.len()));
            for (hole, value) in holes.iter().zip(values) {
                text.set(*hole, alphabet.character(value));
                checksum.add(value);
            }
        }
        if let Some(hole) = self.check_hole {
            text.set(hole, alphabet.character(checksum.closing_value()));
        }
        text
    }
}

/// Writes `number` in base `size`, most significant value first.
fn write_number<'a>(
    mut number: u64,
    size: u8,
    values: impl DoubleEndedIterator<Item = &'a mut u8>,
) {
    for value in values.rev() {
        *value = u8::try_from(number % u64::from(size)).unwrap_or_default();
        number /= u64::from(size);
    }
    debug_assert_eq!(number, 0, "a half fits its characters");
}

impl fmt::Debug for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Series({})", self.pattern.shape())
    }
}

/// A code as it is printed, held inline. Like every code it is a secret: `Debug` masks it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CodeText {
    bytes: [u8; SHOWN_BYTES_MAX],
    len: u8,
}

impl CodeText {
    /// The text, ASCII, at most [`SHOWN_BYTES_MAX`] bytes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let text = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        str::from_utf8(text).unwrap_or_default()
    }

    /// A pattern's own text.
    fn of(shown: &str) -> Self {
        let mut text = Self { bytes: [0; SHOWN_BYTES_MAX], len: 0 };
        for (cell, byte) in text.bytes.iter_mut().zip(shown.bytes()) {
            *cell = byte;
            text.len += 1;
        }
        text
    }

    fn set(&mut self, at: usize, character: u8) {
        if let Some(cell) = self.bytes.get_mut(at) {
            *cell = character;
        }
    }
}

impl AsRef<str> for CodeText {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Debug for CodeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CodeText({})", masked(self.as_str()))
    }
}

/// More serials were asked for than the pattern has codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the pattern has {capacity} codes, too few for serials up to {end}")]
pub struct Exhausted {
    /// One more than the last serial asked for.
    pub end: u64,
    /// How many codes the pattern has.
    pub capacity: u128,
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;
    use crate::codes::{Alphabet, Check};

    fn series(shown: &str, alphabet: Alphabet, check: Check) -> Series {
        let pattern = Pattern::parse(shown, alphabet, check).unwrap();
        Series::new(pattern, &CodeKeys::new([5; 32]), "park")
    }

    #[test]
    fn codes_are_the_same_after_a_restart() {
        let series = series("Park-####-####", Alphabet::Clear, Check::On);
        let texts = series.texts(0..3).unwrap().map(|t| t.as_str().to_owned());
        assert_eq!(
            texts.collect::<Vec<_>>(),
            ["Park-V3UM-6HKS", "Park-KXXP-P6WB", "Park-F6FV-PGT7"]
        );
        assert_eq!(format!("{:?}", series.text(0).unwrap()), "CodeText(Pa…KS)");
    }

    #[test]
    fn a_whole_space_is_used_up_without_a_repeat() {
        let series = series("T-######", Alphabet::Digits, Check::Off);
        let mut seen = HashSet::new();
        for (serial, text) in (0..1_000_000).zip(series.texts(0..1_000_000).unwrap()) {
            let normal = Normal::parse(text.as_str()).unwrap();
            assert!(seen.insert(normal));
            if serial % 101 == 0 {
                assert_eq!(series.serial_of(&normal), Some(serial));
            }
        }
        assert_eq!(series.text(1_000_000), None);
        assert_eq!(series.texts(7..7).unwrap().count(), 0);
        let beyond = series.texts(999_999..1_000_001).err();
        assert_eq!(beyond, Some(Exhausted { end: 1_000_001, capacity: 1_000_000 }));
    }

    #[test]
    fn one_shape_is_one_series_per_tenant() {
        let keys = CodeKeys::new([5; 32]);
        let normal = |shown: &str, tenant: &str| {
            let pattern = Pattern::parse(shown, Alphabet::Clear, Check::On).unwrap();
            Series::new(pattern, &keys, tenant).normal(41).unwrap()
        };
        assert_eq!(normal("PARK-####-####", "a"), normal("Park ########", "a"));
        assert_ne!(normal("PARK-####-####", "a"), normal("PARK-####-####", "b"));
    }

    proptest! {
        #[test]
        fn serials_come_back_from_their_codes(
            shown in "[A-Z]{0,6}-?#{7,19}-?[A-Z]{0,3}#{0,6}[A-Z]",
            digits: bool,
            off: bool,
            serial: u64,
        ) {
            let alphabet = if digits { Alphabet::Digits } else { Alphabet::Clear };
            let check = if off { Check::Off } else { Check::On };
            let shown = shown.trim_matches('-');
            let pattern = Pattern::parse(shown, alphabet, check);
            prop_assume!(pattern.is_ok());
            let series = series(shown, alphabet, check);
            let capacity = u64::try_from(series.pattern().capacity()).unwrap_or(u64::MAX);
            let serial = serial % capacity;
            let text = series.text(serial).unwrap();
            prop_assert_eq!(text.as_str().len(), shown.len());
            let normal = Normal::parse(text.as_str()).unwrap();
            prop_assert_eq!(series.serial_of(&normal), Some(serial));
        }

        /// Whatever text passes the check has exactly one serial, and that serial has this text.
        #[test]
        fn any_accepted_text_is_the_text_of_its_serial(digits in 0..10_000_000_u32) {
            let series = series("#######", Alphabet::Digits, Check::On);
            let normal = Normal::parse(&format!("{digits:07}")).unwrap();
            if let Some(serial) = series.serial_of(&normal) {
                prop_assert_eq!(series.normal(serial), Some(normal));
            } else {
                prop_assert_eq!(series.pattern().verify(&normal), Verdict::Mistyped);
            }
        }
    }
}
