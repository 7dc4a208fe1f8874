//! Whether guessing codes of a pattern would pay.
//!
//! A guess of the right shape hits one of `live` codes among `capacity` with the chance
//! `live / capacity`. The check character does not count: who knows the pattern computes it. A
//! pattern is refused unless [`GUESSES`] guesses together hit with a chance below one in
//! [`CHANCE_ONE_IN`], that is unless `capacity ≥ live · 10^7`.
//!
//! The numbers: at ten failures a minute, which a failure budget may allow a caller, 10,000
//! guesses are 17 hours of nothing but failures, and a thousand such callers find one code on
//! average. A voucher of 100 EUR is then worth 0.00001 EUR a guess, below the cost of the
//! request. `PARK-####-####` (31^7) carries 2,751 codes, twelve `#` 2.5 billion.
//!
//! Own codes such as `SOMMER-2026` are chosen to be known and are exempt; limits protect them.

use super::pattern::Pattern;

/// Guesses that one caller gets through before anybody looks.
pub const GUESSES: u64 = 10_000;

/// The chance that they hit at all is below one in this many.
pub const CHANCE_ONE_IN: u64 = 1_000;

const CODES_PER_LIVE: u128 = GUESSES as u128 * CHANCE_ONE_IN as u128;

/// Checks that a pattern is strong enough for `live` codes: all of its shape that have not been
/// revoked or removed, those about to be made included.
///
/// # Errors
/// [`TooGuessable`], saying how many holes it takes.
pub fn check(pattern: &Pattern, live: u64) -> Result<(), TooGuessable> {
    let capacity_needed = u128::from(live) * CODES_PER_LIVE;
    if pattern.capacity() >= capacity_needed {
        return Ok(());
    }
    Err(TooGuessable {
        live,
        live_max: live_max(pattern),
        holes: pattern.holes(),
        holes_needed: pattern.holes_for(capacity_needed),
    })
}

/// Most live codes a pattern may have. Never beyond its capacity.
#[must_use]
pub fn live_max(pattern: &Pattern) -> u64 {
    u64::try_from(pattern.capacity() / CODES_PER_LIVE).unwrap_or(u64::MAX)
}

/// The pattern has too few codes for so many live ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{live} codes of this pattern could be guessed: it is safe for {live_max}; \
     use {holes_needed} # instead of {holes}"
)]
pub struct TooGuessable {
    /// Live codes there would be.
    pub live: u64,
    /// Live codes the pattern is strong enough for.
    pub live_max: u64,
    /// Holes of the pattern, the check character included.
    pub holes: usize,
    /// Holes it needs for `live` codes, the check character included.
    pub holes_needed: usize,
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use crate::codes::{Alphabet, Check};

    fn pattern(holes: usize, alphabet: Alphabet, check: Check) -> Pattern {
        Pattern::parse(&"#".repeat(holes), alphabet, check).unwrap()
    }

    #[test]
    fn the_limit_is_exact_and_the_advice_suffices() {
        let park = pattern(8, Alphabet::Clear, Check::On);
        assert_eq!(live_max(&park), 2751);
        assert_eq!(check(&park, 2751), Ok(()));
        let error = check(&park, 2752).unwrap_err();
        assert_eq!(
            error.to_string(),
            "2752 codes of this pattern could be guessed: it is safe for 2751; \
             use 9 # instead of 8"
        );
        for (alphabet, with_check) in [
            (Alphabet::Clear, Check::On),
            (Alphabet::Clear, Check::Off),
            (Alphabet::Digits, Check::On),
            (Alphabet::Digits, Check::Off),
        ] {
            for live in [3, 10_000, 1_000_000, 10_000_000_000] {
                let weak = pattern(7, alphabet, with_check);
                let advice = check(&weak, live).map_err(|e| e.holes_needed);
                let Err(needed) = advice else { continue };
                assert_eq!(check(&pattern(needed, alphabet, with_check), live), Ok(()));
                let less = pattern(needed - 1, alphabet, with_check);
                assert!(check(&less, live).is_err(), "{live} with {needed}");
            }
        }
    }

    #[test]
    fn a_weak_space_has_room_for_nothing() {
        let weak = pattern(7, Alphabet::Digits, Check::On);
        assert_eq!(live_max(&weak), 0);
        assert!(check(&weak, 1).is_err());
        assert_eq!(check(&weak, 0), Ok(()));
    }
}
