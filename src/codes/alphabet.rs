//! The characters a generated code draws from.
//!
//! Invariant: every character is its own normal form, so that what was generated, what was typed
//! and what is looked up are the same characters.

use std::str::FromStr;

/// A set of characters, each with a value from 0 to `size - 1`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Alphabet {
    /// 31 digits and capitals without the look-alikes `0 O 1 I L`. The default. 31 is prime,
    /// which gives the check character its strength; the likeness of `U` and `V` that remains is
    /// what the check character is for.
    #[default]
    Clear,
    /// The ten digits, for keypads.
    Digits,
}

const CLEAR: &[u8; 31] = b"23456789ABCDEFGHJKMNPQRSTUVWXYZ";
const DIGITS: &[u8; 10] = b"0123456789";

impl Alphabet {
    /// The characters in the order of their values, ASCII.
    #[must_use]
    pub const fn characters(self) -> &'static [u8] {
        match self {
            Self::Clear => CLEAR,
            Self::Digits => DIGITS,
        }
    }

    /// How many characters there are.
    #[must_use]
    pub const fn size(self) -> u8 {
        match self {
            Self::Clear => 31,
            Self::Digits => 10,
        }
    }

    /// The name used in definitions: `clear` or `digits`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Digits => "digits",
        }
    }

    /// Most characters that carry a serial: each half of them fits 64 bits.
    pub(super) const fn data_max(self) -> usize {
        match self {
            Self::Clear => 24,
            Self::Digits => 38,
        }
    }

    pub(super) fn value(self, character: u8) -> Option<u8> {
        let values = match self {
            Self::Clear => &CLEAR_VALUES,
            Self::Digits => &DIGIT_VALUES,
        };
        values.get(usize::from(character)).copied().filter(|value| *value != ABSENT)
    }

    /// The character of a value below [`Alphabet::size`].
    pub(super) fn character(self, value: u8) -> u8 {
        debug_assert!(value < self.size(), "a value is below the size of its alphabet");
        self.characters().get(usize::from(value)).copied().unwrap_or(b'?')
    }
}

impl FromStr for Alphabet {
    type Err = UnknownAlphabet;

    fn from_str(name: &str) -> Result<Self, UnknownAlphabet> {
        match name {
            "clear" => Ok(Self::Clear),
            "digits" => Ok(Self::Digits),
            _ => Err(UnknownAlphabet),
        }
    }
}

/// The name of no alphabet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an alphabet is `clear` or `digits`")]
pub struct UnknownAlphabet;

const ABSENT: u8 = u8::MAX;
const CLEAR_VALUES: [u8; 256] = values(CLEAR);
const DIGIT_VALUES: [u8; 256] = values(DIGITS);

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler only")]
const fn values(characters: &[u8]) -> [u8; 256] {
    let mut values = [ABSENT; 256];
    let mut value = 0_u8;
    while (value as usize) < characters.len() {
        values[characters[value as usize] as usize] = value;
        value += 1;
    }
    values
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use crate::domain::code::Normal;

    #[test]
    fn characters_are_distinct_and_their_own_normal_form() {
        for alphabet in [Alphabet::Clear, Alphabet::Digits] {
            assert_eq!(alphabet.characters().len(), usize::from(alphabet.size()));
            assert_eq!(alphabet.as_str().parse(), Ok(alphabet));
            let text = str::from_utf8(alphabet.characters()).unwrap();
            assert_eq!(Normal::parse(text).unwrap().as_str(), text);
            for byte in 0..=u8::MAX {
                let position = alphabet.characters().iter().position(|c| *c == byte);
                assert_eq!(alphabet.value(byte).map(usize::from), position);
            }
            let half = u32::try_from(alphabet.data_max().div_ceil(2)).unwrap();
            assert!(u64::from(alphabet.size()).checked_pow(half).is_some());
        }
        assert_eq!("Clear".parse::<Alphabet>(), Err(UnknownAlphabet));
    }
}
