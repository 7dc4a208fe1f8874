//! A secret permutation of the pairs `(left, right)` with `left < L` and `right < R`.
//!
//! A Feistel network in mixed radix, after FF1 (NIST SP 800-38G Rev. 1): ten rounds, in which the
//! halves take turns in being increased by a pseudo-random function of the other one, modulo
//! their own size. Each round can be undone, so the whole is a bijection whatever the function;
//! the function, one AES-128 block of round number and half, decides only how random it looks.
//! The key belongs to one tenant and one shape and thereby takes the place of FF1's tweak.

use aes::cipher::{BlockCipherEncrypt as _, KeyInit as _};
use aes::{Aes128, Block};

const ROUNDS: u8 = 10;

/// The permutation under one key.
pub(super) struct Permutation {
    cipher: Aes128,
    left_size: u64,
    right_size: u64,
}

impl Permutation {
    /// Sizes are at least 1.
    pub(super) fn new(key: [u8; 16], left_size: u64, right_size: u64) -> Self {
        assert!(left_size > 0 && right_size > 0, "an empty half has nothing to permute");
        Self { cipher: Aes128::new(&key.into()), left_size, right_size }
    }

    /// Permutes several pairs at once: their blocks go through the cipher side by side.
    pub(super) fn forward<const N: usize>(&self, mut pairs: [(u64, u64); N]) -> [(u64, u64); N] {
        debug_assert!(pairs.iter().all(|(l, r)| *l < self.left_size && *r < self.right_size));
        for round in 0..ROUNDS {
            if round % 2 == 0 {
                let random = self.round(round, pairs.map(|(_, right)| right), self.left_size);
                for ((left, _), random) in pairs.iter_mut().zip(random) {
                    *left = add(*left, random, self.left_size);
                }
            } else {
                let random = self.round(round, pairs.map(|(left, _)| left), self.right_size);
                for ((_, right), random) in pairs.iter_mut().zip(random) {
                    *right = add(*right, random, self.right_size);
                }
            }
        }
        pairs
    }

    pub(super) fn backward(&self, (mut left, mut right): (u64, u64)) -> (u64, u64) {
        debug_assert!(left < self.left_size && right < self.right_size);
        for round in (0..ROUNDS).rev() {
            if round % 2 == 0 {
                let [random] = self.round(round, [right], self.left_size);
                left = subtract(left, random, self.left_size);
            } else {
                let [random] = self.round(round, [left], self.right_size);
                right = subtract(right, random, self.right_size);
            }
        }
        (left, right)
    }

    /// For each half a pseudo-random number below `size`: the block read as a fraction of 2^128,
    /// times `size`. Its bias is below 2^-64.
    fn round<const N: usize>(&self, round: u8, halves: [u64; N], size: u64) -> [u64; N] {
        let block = |half| u128::from(half) << 64 | u128::from(round);
        let mut blocks: [Block; N] = halves.map(|half| block(half).to_be_bytes().into());
        self.cipher.encrypt_blocks(&mut blocks);
        blocks.map(|block| {
            let random = u128::from_be_bytes(block.into());
            let low = (random & u128::from(u64::MAX)) * u128::from(size);
            let high = (random >> 64) * u128::from(size) + (low >> 64);
            (high >> 64) as u64
        })
    }
}

/// `a + b` modulo `size`, where `a` and `b` are below it and their sum may exceed 64 bits.
const fn add(a: u64, b: u64, size: u64) -> u64 {
    let gap = size - b;
    if a >= gap { a - gap } else { a + b }
}

/// `a - b` modulo `size`, where both are below it.
const fn subtract(a: u64, b: u64, size: u64) -> u64 {
    if a >= b { a - b } else { a + (size - b) }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "a test may stop at the first surprise")]
#[expect(clippy::cast_possible_truncation, reason = "small spaces")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn small_spaces_are_permuted_exhaustively() {
        for (l, r) in [(1, 1), (1, 31), (31, 1), (2, 2), (10, 10), (31, 31), (31, 961), (100, 1000)]
        {
            let permutation = Permutation::new([l as u8; 16], l, r);
            let mut seen = vec![false; (l * r) as usize];
            for serial in 0..l * r {
                let [(left, right)] = permutation.forward([(serial / r, serial % r)]);
                assert!(left < l && right < r);
                assert_eq!(permutation.backward((left, right)), (serial / r, serial % r));
                let place = &mut seen[(left * r + right) as usize];
                assert!(!std::mem::replace(place, true), "{l}·{r}: twice");
            }
        }
    }

    /// Successive serials spread evenly over the first half: chi-square of 31 classes, whose
    /// mean is 30; beyond 100 the chance is below one in 10^9.
    #[test]
    fn serials_in_order_look_unordered() {
        let n = 31_u64.pow(4);
        let permutation = Permutation::new([9; 16], n, n);
        let mut counts = [0_u32; 31];
        (0..31_000).for_each(|serial| {
            counts[(permutation.forward([(0, serial)])[0].0 / 31_u64.pow(3)) as usize] += 1;
        });
        let chi: f64 = counts.iter().map(|c| (f64::from(*c) - 1000.0).powi(2) / 1000.0).sum();
        assert!((5.0..100.0).contains(&chi), "{chi}");
    }

    proptest! {
        #[test]
        fn large_spaces_come_back(
            key: [u8; 16],
            (l, left) in (1..=u64::MAX).prop_flat_map(|l| (Just(l), 0..l)),
            (r, right) in (1..=u64::MAX).prop_flat_map(|r| (Just(r), 0..r)),
        ) {
            let permutation = Permutation::new(key, l, r);
            let other = (l - 1 - left, r - 1 - right);
            let [first, second] = permutation.forward([(left, right), other]);
            prop_assert!(first.0 < l && first.1 < r);
            prop_assert_eq!(permutation.forward([other]), [second]);
            prop_assert_eq!(permutation.backward(first), (left, right));
        }
    }
}
