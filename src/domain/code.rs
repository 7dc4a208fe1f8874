//! Code texts: from what a person typed, scanned or pasted to the one form that is looked up.
//!
//! It knows nothing of campaigns, patterns, stores or secrets, and makes no hash itself: a
//! [`CodeKey`] is only carried here.
//!
//! Invariants: a [`Normal`] holds 1 to [`Normal::LEN_MAX`] characters out of `0–9 A–Z` without
//! `I`, `L` and `O`; normalising it again gives itself; no code is ever printed in full by
//! `Debug` or [`masked`].

use std::{error, fmt};

use unicode_normalization::UnicodeNormalization;

/// Longest input in bytes that is looked at. A printed code with generous separators stays below
/// 100; anything much longer is not a code, and the work a stranger can cause stays bounded.
pub const INPUT_BYTES_MAX: usize = 256;

/// A code text in normal form, held inline.
///
/// Made by [`Normal::parse`]: NFKC, upper case, separators and invisible characters dropped
/// (blanks, dashes, dots, bullets, underscores, soft hyphens, zero-width and other default
/// ignorables), look-alikes folded (`O` to `0`, `I` and `L` to `1`). Everything else must be a
/// digit or a letter from A to Z. Letters with marks are refused rather than stripped: `Ä` typed
/// on one keyboard is `AE` on the next, and a code that not everybody can type is no code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Normal {
    /// Zero after `len`, so that the derived comparisons are those of the text.
    bytes: [u8; Self::LEN_MAX],
    len: u8,
}

impl Normal {
    /// Most characters a code has in normal form.
    pub const LEN_MAX: usize = 48;

    /// Normalises `text`.
    ///
    /// # Errors
    /// [`Malformed`], naming the first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text.len() > INPUT_BYTES_MAX {
            return Err(Malformed::InputTooLong);
        }
        let mut normal = Self { bytes: [0; Self::LEN_MAX], len: 0 };
        if text.is_ascii() {
            for &byte in text.as_bytes() {
                normal.push(fold_ascii(byte), char::from(byte))?;
            }
        } else {
            for character in text.nfkc().flat_map(char::to_uppercase) {
                normal.push(fold(character), character)?;
            }
        }
        if normal.len == 0 { Err(Malformed::Empty) } else { Ok(normal) }
    }

    /// The characters as bytes, all ASCII.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// The characters as text. This is the secret itself: see [`masked`] for logs.
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    fn push(&mut self, folded: Folded, original: char) -> Result<(), Malformed> {
        match folded {
            Folded::Keep(byte) => {
                let cell = self.bytes.get_mut(usize::from(self.len)).ok_or(Malformed::TooLong)?;
                *cell = byte;
                self.len += 1;
                Ok(())
            }
            Folded::Drop => Ok(()),
            Folded::Refuse => Err(Malformed::Character(original)),
        }
    }
}

impl fmt::Debug for Normal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Normal({})", masked(self.as_str()))
    }
}

/// Why a text cannot be a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Malformed {
    /// Nothing but separators, or nothing at all.
    Empty,
    /// More than [`INPUT_BYTES_MAX`] bytes were given.
    InputTooLong,
    /// More than [`Normal::LEN_MAX`] characters are left.
    TooLong,
    /// Neither a letter from A to Z, nor a digit, nor a separator. After NFKC and upper-casing.
    Character(char),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Empty => f.write_str("a code needs at least one letter or digit"),
            Self::InputTooLong => {
                write!(f, "a code is given in at most {INPUT_BYTES_MAX} bytes")
            }
            Self::TooLong => {
                write!(f, "a code has at most {} letters and digits", Normal::LEN_MAX)
            }
            Self::Character(character) => write!(
                f,
                "a code has only digits and the letters A to Z, not '{}' (U+{:04X})",
                character.escape_debug(),
                u32::from(character)
            ),
        }
    }
}

impl error::Error for Malformed {}

/// A code's name wherever its text must not be: a keyed hash of tenant and normal form.
///
/// It is made by `codes::CodeKeys`; here it is only carried and compared.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CodeKey([u8; Self::LEN]);

impl CodeKey {
    /// Length in bytes.
    pub const LEN: usize = 16;

    /// The key with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// The bytes, as stored and sent.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl fmt::Debug for CodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeKey(")?;
        for byte in self.0 {
            write!(f, "{byte:02x}")?;
        }
        f.write_str(")")
    }
}

/// What logs and traces may show of a code: its first and last two characters when it has at
/// least [`MASKED_CHARS_MIN`], else none; never its length. Anything but letters and digits is
/// shown as `?`, so that a hostile text cannot forge log lines.
#[must_use]
pub fn masked(code: &str) -> Masked<'_> {
    Masked(code)
}

/// Shortest text of which [`masked`] shows anything, in characters: six or more stay hidden.
pub const MASKED_CHARS_MIN: usize = 10;

/// A code as [`masked`] shows it.
#[derive(Clone, Copy)]
pub struct Masked<'a>(&'a str);

impl fmt::Display for Masked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const HIDDEN: &str = "…";
        if self.0.chars().nth(MASKED_CHARS_MIN - 1).is_none() {
            return f.write_str(HIDDEN);
        }
        let plain = |c: char| if c.is_alphanumeric() { c } else { '?' };
        let mut ends = self.0.chars().map(plain);
        // Taken from the back first: the last character, then the one before it.
        let (last, last_but_one) = (ends.next_back(), ends.next_back());
        let (first, second) = (ends.next(), ends.next());
        for character in first.into_iter().chain(second) {
            write!(f, "{character}")?;
        }
        f.write_str(HIDDEN)?;
        for character in last_but_one.into_iter().chain(last) {
            write!(f, "{character}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Masked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What becomes of one character.
#[derive(Clone, Copy)]
enum Folded {
    Keep(u8),
    Drop,
    Refuse,
}

fn fold_ascii(byte: u8) -> Folded {
    match byte.to_ascii_uppercase() {
        b'O' => Folded::Keep(b'0'),
        b'I' | b'L' => Folded::Keep(b'1'),
        kept @ (b'0'..=b'9' | b'A'..=b'Z') => Folded::Keep(kept),
        // Blanks are Unicode's White_Space below U+0080.
        b'-' | b' ' | b'.' | b'_' | b'\t'..=b'\r' => Folded::Drop,
        _ => Folded::Refuse,
    }
}

fn fold(character: char) -> Folded {
    match u8::try_from(character) {
        Ok(byte) if byte.is_ascii() => fold_ascii(byte),
        _ if is_separator(character) || is_ignorable(character) => Folded::Drop,
        _ => Folded::Refuse,
    }
}

/// Blanks, and the dashes and dots that office programs put in the place of `-` and `.`, as far
/// as NFKC has not turned them into ASCII already.
fn is_separator(character: char) -> bool {
    character.is_whitespace()
        || matches!(
            character,
            '\u{58A}' | '\u{5BE}' | '\u{2010}'
                ..='\u{2015}' | '\u{2043}' | '\u{2212}'
            | '\u{2E3A}' | '\u{2E3B}' // dashes
            | '\u{B7}' | '\u{2022}' | '\u{2027}' // dots
        )
}

/// Unicode's `Default_Ignorable_Code_Point` (DerivedCoreProperties, Unicode 16).
fn is_ignorable(character: char) -> bool {
    matches!(character,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}'
        | '\u{FFA0}' | '\u{FFF0}'..='\u{FFF8}' | '\u{1BCA0}'..='\u{1BCA3}'
        | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}'
    )
}

#[cfg(test)]
mod tests;
