//! The check character: one more character of the same alphabet, which makes every single wrong
//! character and every swap of two neighbours recognisable.
//!
//! Both schemes run a state over the values, starting at 0, and hold when it ends at 0.
//!
//! **Odd orders** (31): `state' = 3 · (state + value) mod n`, a weighted sum with powers of 3.
//! One wrong character changes the sum by `3^k · d`, a swap of neighbours by `3^k · 2 · d`, both
//! with `0 < |d| < n`; 2 and 3 have inverses modulo `n`, so neither can be 0. For 31, of which 3
//! is a primitive root, the same argument covers a swap at any distance up to 29.
//!
//! **Ten**, where no weighted sum can do both: the anti-symmetric quasigroup of H. M. Damm,
//! *Total anti-symmetrische Quasigruppen*, Marburg 2004. The tests verify the properties
//! themselves: every row and column is a permutation; `(c∘x)∘y = (c∘y)∘x` only if `x = y`;
//! `x∘x = 0`, so that the state is the check value.

use super::alphabet::Alphabet;

const WEIGHT: u8 = 3;
const CLEAR_ORDER: u8 = Alphabet::Clear.size();

// What the argument above needs, and that a step fits a byte.
const _: () = assert!(!CLEAR_ORDER.is_multiple_of(2) && !CLEAR_ORDER.is_multiple_of(WEIGHT));
const _: () = assert!((CLEAR_ORDER as u16 - 1) * 2 * WEIGHT as u16 <= u8::MAX as u16);

#[rustfmt::skip]
const DAMM: [[u8; 10]; 10] = [
    [0, 3, 1, 7, 5, 9, 8, 6, 4, 2],
    [7, 0, 9, 2, 1, 5, 4, 8, 6, 3],
    [4, 2, 0, 6, 8, 7, 1, 3, 5, 9],
    [1, 7, 5, 0, 9, 8, 3, 4, 2, 6],
    [6, 1, 2, 3, 0, 4, 5, 9, 7, 8],
    [3, 6, 7, 4, 2, 0, 9, 5, 8, 1],
    [5, 8, 6, 9, 7, 2, 0, 1, 3, 4],
    [8, 9, 4, 5, 3, 6, 2, 0, 1, 7],
    [9, 4, 3, 8, 6, 1, 7, 2, 0, 5],
    [2, 5, 8, 1, 4, 3, 6, 7, 9, 0],
];

/// The state of a check over values of one alphabet.
#[derive(Clone, Copy)]
pub(super) struct Checksum {
    alphabet: Alphabet,
    state: u8,
}

impl Checksum {
    pub(super) const fn new(alphabet: Alphabet) -> Self {
        Self { alphabet, state: 0 }
    }

    /// Takes in the next value, which is below the alphabet's size.
    pub(super) fn add(&mut self, value: u8) {
        debug_assert!(value < self.alphabet.size(), "a value is below the size of its alphabet");
        self.state = match self.alphabet {
            Alphabet::Clear => (self.state + value) * WEIGHT % CLEAR_ORDER,
            Alphabet::Digits => DAMM
                .get(usize::from(self.state))
                .and_then(|row| row.get(usize::from(value)))
                .copied()
                .unwrap_or_default(),
        };
    }

    /// The value that, added last, makes the check hold.
    pub(super) fn closing_value(self) -> u8 {
        match self.alphabet {
            Alphabet::Clear => (CLEAR_ORDER - self.state) % CLEAR_ORDER,
            Alphabet::Digits => self.state,
        }
    }

    /// Whether the values so far, the closing one included, are free of the errors above.
    pub(super) const fn holds(self) -> bool {
        self.state == 0
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "a test may stop at the first surprise")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn over(alphabet: Alphabet, values: &[u8]) -> Checksum {
        let mut check = Checksum::new(alphabet);
        values.iter().for_each(|value| check.add(*value));
        check
    }

    #[test]
    fn the_published_example_comes_out() {
        assert_eq!(over(Alphabet::Digits, &[5, 7, 2]).closing_value(), 4);
    }

    /// From every state: another value gives another state, and a swap of two values gives
    /// another state. As a step is a permutation of the states, no later value can undo that.
    /// This is the whole proof, for codes of every length.
    #[test]
    fn one_step_and_two_steps_are_exhaustively_distinct() {
        for alphabet in [Alphabet::Clear, Alphabet::Digits] {
            let step = |state, value| {
                let mut check = Checksum { alphabet, state };
                check.add(value);
                check.state
            };
            let n = alphabet.size();
            for a in 0..n {
                let distinct = |f: &dyn Fn(u8) -> u8| {
                    let mut seen = [false; 256];
                    (0..n).for_each(|b| seen[usize::from(f(b))] = true);
                    seen[..usize::from(n)].iter().all(|s| *s)
                };
                assert!(distinct(&|value| step(a, value)), "values from state {a}");
                assert!(distinct(&|state| step(state, a)), "states under value {a}");
                let check = Checksum { alphabet, state: a };
                assert_eq!(step(a, check.closing_value()), 0);
                for (x, y) in (0..n).flat_map(|x| (0..x).map(move |y| (x, y))) {
                    assert_ne!(step(step(a, x), y), step(step(a, y), x), "{a}: {x} and {y}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn swaps_at_a_distance_are_caught_in_the_clear_alphabet(
            values in prop::collection::vec(0..31_u8, 2..=24),
            at in any::<(prop::sample::Index, prop::sample::Index)>(),
        ) {
            let mut values = values;
            values.push(over(Alphabet::Clear, &values).closing_value());
            prop_assert!(over(Alphabet::Clear, &values).holds());
            let (i, j) = (at.0.index(values.len()), at.1.index(values.len()));
            let differ = values[i] != values[j];
            values.swap(i, j);
            prop_assert_eq!(over(Alphabet::Clear, &values).holds(), !differ);
        }
    }
}
