//! Making and checking code texts: keys, patterns, check characters, series, imported lists.
//!
//! Secrets, serials and inputs come in as arguments. It makes no randomness, reads no clock and
//! knows nothing of where codes are stored, what they are worth or who may ask.
//!
//! A generated code is `pattern` (what it looks like) with a `serial` put through a secret
//! permutation: [`Series`] makes it, reads it back, and cannot make the same one twice.
//! [`strength`] says whether guessing would pay. Own codes come in through [`import`].
//!
//! Three rules are the caller's, because only it knows what exists:
//!
//! - One counter of serials per tenant and [`Pattern::shape`], shared by all campaigns.
//! - A pattern that [`Pattern::overlaps`] one of another shape of the tenant is refused.
//! - An own code for which some pattern's [`Pattern::verify`] is not [`Verdict::NotMine`] is
//!   refused; so is a pattern that would claim an own code which exists. Then a verdict of
//!   [`Verdict::Mistyped`] is final and needs no look-up.

mod alphabet;
mod check;
pub mod import;
mod key;
mod pattern;
mod permutation;
mod series;
pub mod strength;

pub use alphabet::Alphabet;
pub use key::CodeKeys;
pub use pattern::{CAPACITY_MIN, Check, Pattern, PatternError, SHOWN_BYTES_MAX, Verdict};
pub use series::{CodeText, Exhausted, Series};
