//! What generated codes look like: `PARK-####-####`.
//!
//! `#` is a *hole*: one random character of the alphabet. Letters and digits are literal. Dash,
//! dot, blank and underscore are separators: shown, and dropped by normalising. With a check
//! character (the default), the last hole carries it. It covers the holes only; literals are
//! compared one by one, which finds every error in them.
//!
//! Invariants: a pattern has at least [`CAPACITY_MIN`] codes; every code of it, as shown, has the
//! pattern's skeleton as its normal form with the holes filled in.

use crate::domain::code::Normal;

use super::alphabet::Alphabet;
use super::check::Checksum;

/// Longest pattern, and so longest code as shown, in bytes.
pub const SHOWN_BYTES_MAX: usize = 64;

/// Fewest codes a pattern may have: below a million a keyed permutation of digits is no longer
/// secret (NIST SP 800-38G Rev. 1 draws the same line), and guessing always pays.
pub const CAPACITY_MIN: u128 = 1_000_000;

/// Stands for a random character, in patterns and skeletons.
const HOLE: u8 = b'#';

/// Whether the last hole is a check character.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Check {
    /// Yes: every single wrong character and every swap of neighbours is recognised.
    #[default]
    On,
    /// No: all holes are random, and a typing error may look like another code.
    Off,
}

/// What a pattern says of a code text. It is not whether the code exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The shape is this pattern's and the check character, if it has one, is right.
    Right,
    /// One of this pattern's codes with a typing error: the shape fits but the check character is
    /// wrong; or exactly one character does not fit its place; or two neighbours do not, and
    /// would if swapped. All single wrong characters and swaps of neighbours end here.
    Mistyped,
    /// Another length, or too far from the shape to be a slip.
    NotMine,
}

/// A parsed pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// As written, with separators.
    shown: String,
    /// The normal form of its codes, with [`HOLE`] in the holes.
    skeleton: Vec<u8>,
    shape: String,
    alphabet: Alphabet,
    check: Check,
    /// Holes that carry a serial: all but the check character's.
    data_len: usize,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`PatternError`], naming the first thing that is wrong.
    pub fn parse(shown: &str, alphabet: Alphabet, check: Check) -> Result<Self, PatternError> {
        if shown.len() > SHOWN_BYTES_MAX {
            return Err(PatternError::TooLong);
        }
        let is_separator = |c: char| matches!(c, '-' | '.' | ' ' | '_');
        if shown.starts_with(is_separator) || shown.ends_with(is_separator) {
            return Err(PatternError::SeparatorAtEdge);
        }
        let mut skeleton = Vec::with_capacity(Normal::LEN_MAX);
        for character in shown.chars().filter(|c| !is_separator(*c)) {
            if character == char::from(HOLE) {
                skeleton.push(HOLE);
            } else if character.is_ascii_alphanumeric() {
                let literal = Normal::parse(character.encode_utf8(&mut [0; 4]));
                let literal = literal.map_err(|_| PatternError::Character(character))?;
                skeleton.extend_from_slice(literal.as_bytes());
            } else {
                return Err(PatternError::Character(character));
            }
        }
        if skeleton.len() > Normal::LEN_MAX {
            return Err(PatternError::TooManyCharacters { have: skeleton.len() });
        }
        let holes = skeleton.iter().filter(|byte| **byte == HOLE).count();
        let checks = usize::from(check == Check::On);
        let needed = data_len_for(alphabet, CAPACITY_MIN) + checks;
        if holes < needed {
            return Err(PatternError::TooFewHoles { have: holes, needed });
        }
        let data_len = holes - checks;
        if data_len > alphabet.data_max() {
            let max = alphabet.data_max() + checks;
            return Err(PatternError::TooManyHoles { have: holes, max });
        }
        let shape = shape(&skeleton, alphabet, check);
        Ok(Self { shown: shown.to_owned(), skeleton, shape, alphabet, check, data_len })
    }

    /// The pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// The name of the set of codes this pattern can make: normal form, alphabet and check.
    /// Patterns that differ only in separators, case or look-alikes have the same shape.
    #[must_use]
    pub fn shape(&self) -> &str {
        &self.shape
    }

    /// How many characters the normal form of its codes has.
    #[must_use]
    pub fn normal_len(&self) -> usize {
        self.skeleton.len()
    }

    /// What the holes draw from.
    #[must_use]
    pub const fn alphabet(&self) -> Alphabet {
        self.alphabet
    }

    /// Whether the last hole is a check character.
    #[must_use]
    pub const fn check(&self) -> Check {
        self.check
    }

    /// How many different codes there are, [`CAPACITY_MIN`] or more.
    #[must_use]
    pub fn capacity(&self) -> u128 {
        let (left, right) = self.halves();
        u128::from(left) * u128::from(right)
    }

    /// What this pattern says of a code.
    #[must_use]
    pub fn verify(&self, normal: &Normal) -> Verdict {
        let text = normal.as_bytes();
        if text.len() != self.skeleton.len() {
            return Verdict::NotMine;
        }
        let mut misfits = 0_usize;
        let mut checksum = Checksum::new(self.alphabet);
        for (&place, &character) in self.skeleton.iter().zip(text) {
            if place != HOLE {
                misfits += usize::from(place != character);
            } else if let Some(value) = self.alphabet.value(character) {
                checksum.add(value);
            } else {
                misfits += 1;
            }
        }
        match misfits {
            0 if self.check == Check::Off || checksum.holds() => Verdict::Right,
            0 | 1 => Verdict::Mistyped,
            2 if self.has_swapped_misfits(text) => Verdict::Mistyped,
            _ => Verdict::NotMine,
        }
    }

    /// Whether some code could belong to both patterns. Conservative: check characters are left
    /// out of account. Patterns of one shape overlap, and are meant to: they share their serials.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let common = |&character: &u8| {
            self.alphabet.value(character).is_some() && other.alphabet.value(character).is_some()
        };
        self.skeleton.len() == other.skeleton.len()
            && self.skeleton.iter().zip(&other.skeleton).all(|(&mine, &theirs)| {
                match (mine == HOLE, theirs == HOLE) {
                    (true, true) => self.alphabet.characters().iter().any(common),
                    (true, false) => self.alphabet.value(theirs).is_some(),
                    (false, true) => other.alphabet.value(mine).is_some(),
                    (false, false) => mine == theirs,
                }
            })
    }

    pub(super) const fn data_len(&self) -> usize {
        self.data_len
    }

    /// How many holes a pattern like this one needs for `capacity` codes.
    pub(super) fn holes_for(&self, capacity: u128) -> usize {
        data_len_for(self.alphabet, capacity) + self.holes() - self.data_len
    }

    pub(super) fn holes(&self) -> usize {
        self.data_len + usize::from(self.check == Check::On)
    }

    /// Where the holes are in the code as shown.
    pub(super) fn hole_positions(&self) -> Vec<usize> {
        let bytes = self.shown.bytes().enumerate();
        bytes.filter(|(_, byte)| *byte == HOLE).map(|(at, _)| at).collect()
    }

    /// How many characters of a serial are in the left half; the right half has the others.
    pub(super) const fn left_len(&self) -> usize {
        self.data_len / 2
    }

    /// The sizes of the two halves; their product is the capacity.
    pub(super) fn halves(&self) -> (u64, u64) {
        let size = |len: usize| (0..len).fold(1, |size, _| size * u64::from(self.alphabet.size()));
        (size(self.left_len()), size(self.data_len - self.left_len()))
    }

    /// The values in the data holes of a code of which [`Pattern::verify`] said `Right`.
    pub(super) fn data_values(&self, normal: &Normal) -> impl Iterator<Item = u8> {
        let places = self.skeleton.iter().zip(normal.as_bytes());
        let characters = places.filter(|(place, _)| **place == HOLE).map(|(_, c)| *c);
        characters.filter_map(|character| self.alphabet.value(character)).take(self.data_len)
    }

    /// Whether a character fits its place.
    fn fits(&self, place: u8, character: u8) -> bool {
        if place == HOLE { self.alphabet.value(character).is_some() } else { place == character }
    }

    /// Whether two neighbours do not fit their places, but would fit each other's.
    fn has_swapped_misfits(&self, text: &[u8]) -> bool {
        self.skeleton.windows(2).zip(text.windows(2)).any(|pair| match pair {
            (&[first, second], &[x, y]) => {
                !self.fits(first, x)
                    && !self.fits(second, y)
                    && self.fits(first, y)
                    && self.fits(second, x)
            }
            _ => false,
        })
    }
}

/// Fewest characters of the alphabet that make `capacity` different texts.
fn data_len_for(alphabet: Alphabet, capacity: u128) -> usize {
    let size = u128::from(alphabet.size());
    let mut texts = 1_u128;
    let mut len = 0;
    while texts < capacity {
        texts = texts.saturating_mul(size);
        len += 1;
    }
    len
}

fn shape(skeleton: &[u8], alphabet: Alphabet, check: Check) -> String {
    let check = match check {
        Check::On => "check",
        Check::Off => "plain",
    };
    format!("{}/{}/{check}", String::from_utf8_lossy(skeleton), alphabet.as_str())
}

/// Why a text is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// More than [`SHOWN_BYTES_MAX`] bytes.
    #[error("a pattern has at most {SHOWN_BYTES_MAX} characters, separators included")]
    TooLong,
    /// The codes would be longer than a code can be.
    #[error(
        "a code has at most {max} letters and digits, this pattern has {have}",
        max = Normal::LEN_MAX
    )]
    TooManyCharacters {
        /// Characters of the pattern without separators.
        have: usize,
    },
    /// The first or last character is a separator.
    #[error("a pattern begins and ends with a letter, a digit or #")]
    SeparatorAtEdge,
    /// Neither a letter from A to Z, nor a digit, nor `#`, nor a separator.
    #[error("'{}' cannot be in a pattern: use A to Z, 0 to 9, # and the separators - . _ and blank",
        .0.escape_debug())]
    Character(char),
    /// Too few random characters.
    #[error("a pattern needs at least {needed} # (has {have}), the check character included")]
    TooFewHoles {
        /// Holes of the pattern.
        have: usize,
        /// Fewest holes, with the check character if there is one.
        needed: usize,
    },
    /// More random characters than a serial can fill.
    #[error("a pattern has at most {max} # (has {have}), the check character included")]
    TooManyHoles {
        /// Holes of the pattern.
        have: usize,
        /// Most holes, with the check character if there is one.
        max: usize,
    },
}

#[cfg(test)]
mod tests;
