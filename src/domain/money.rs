//! Money: whole minor units of one currency, and shares of it.
//!
//! Amounts are `i64` minor units (cents) everywhere inside; decimals exist only at the edges.
//! Rounding is half away from zero, in this file and nowhere else.

use std::fmt;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use smallvec::SmallVec;

/// An ISO 4217 currency: its three letters and how many digits its minor unit has.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency {
    letters: [u8; 3],
    digits: u8,
}

/// Largest amount that is accepted, in minor units: ten thousand thousand million. Sums of a whole
/// order stay far inside `i64`.
pub const AMOUNT_MINOR_MAX: i64 = 1_000_000_000_000;

/// Why a text or number is not money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not three capital letters.
    #[error("{0:?} is not a currency; give three capital letters of ISO 4217, such as EUR")]
    Currency(String),
    /// More decimals than the currency has.
    #[error("{amount} has more decimals than {currency} has ({digits})")]
    TooPrecise {
        /// The amount as given.
        amount: Decimal,
        /// Its currency.
        currency: Currency,
        /// Digits that the currency has.
        digits: u8,
    },
    /// Outside of what is accepted.
    #[error("{0} is outside of what is accepted (±{AMOUNT_MINOR_MAX} minor units)")]
    OutOfRange(Decimal),
}

impl Currency {
    /// A currency from its letters and the digits of its minor unit (EUR: 2, JPY: 0, TND: 3).
    ///
    /// # Errors
    /// [`MoneyError::Currency`] when `letters` are not three capitals.
    pub fn new(letters: &str, digits: u8) -> Result<Self, MoneyError> {
        match letters.as_bytes() {
            &[a, b, c] if [a, b, c].iter().all(u8::is_ascii_uppercase) => {
                Ok(Self { letters: [a, b, c], digits })
            }
            _ => Err(MoneyError::Currency(letters.to_owned())),
        }
    }

    /// The three letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only capitals are ever stored, so this is never the fallback.
        std::str::from_utf8(&self.letters).unwrap_or("XXX")
    }

    /// Digits of the minor unit: 2 for EUR.
    #[must_use]
    pub fn digits(&self) -> u8 {
        self.digits
    }

    /// `amount` in whole minor units: 12.5 EUR is 1250.
    ///
    /// # Errors
    /// When `amount` has more decimals than the currency, or is out of range.
    pub fn minor(&self, amount: Decimal) -> Result<i64, MoneyError> {
        let too_precise =
            || MoneyError::TooPrecise { amount, currency: *self, digits: self.digits };
        let normal = amount.normalize();
        if normal.scale() > u32::from(self.digits) {
            return Err(too_precise());
        }
        let factor = Decimal::from(10_i64.pow(u32::from(self.digits)));
        normal
            .checked_mul(factor)
            .and_then(|minor| minor.to_i64())
            .filter(|minor| minor.abs() <= AMOUNT_MINOR_MAX)
            .ok_or(MoneyError::OutOfRange(amount))
    }

    /// `minor` units as a decimal: 1250 EUR cents are 12.50.
    #[must_use]
    pub fn decimal(&self, minor: i64) -> Decimal {
        Decimal::new(minor, u32::from(self.digits))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A share in millionths of one percent, so that 33.333 333 % is exact enough to be written down
/// and evaluated without decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percent {
    millionths: i64,
}

/// A percentage that is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a percentage; give 0 to 100 with at most six decimals")]
pub struct PercentError(pub Decimal);

impl Percent {
    /// From 0 to 100, with at most six decimals.
    ///
    /// # Errors
    /// [`PercentError`] outside of that.
    pub fn new(percent: Decimal) -> Result<Self, PercentError> {
        let normal = percent.normalize();
        if normal.scale() > 6 || normal.is_sign_negative() || normal > Decimal::ONE_HUNDRED {
            return Err(PercentError(percent));
        }
        let millionths = (normal * Decimal::from(1_000_000)).to_i64();
        millionths.map(|millionths| Self { millionths }).ok_or(PercentError(percent))
    }

    /// The percentage as a decimal.
    #[must_use]
    pub fn decimal(self) -> Decimal {
        Decimal::new(self.millionths, 6).normalize()
    }

    /// This share of `amount_minor`, rounded half away from zero.
    #[must_use]
    pub fn of(self, amount_minor: i64) -> i64 {
        const WHOLE: i128 = 100_000_000;
        let product = i128::from(amount_minor) * i128::from(self.millionths);
        let rounded = (product.abs() + WHOLE / 2) / WHOLE * product.signum();
        // At most the amount itself, because a percentage is at most 100.
        i64::try_from(rounded).unwrap_or(amount_minor)
    }
}

/// What `count` of `whole` equal pieces of `amount_minor` are, rounded half away from zero; all of
/// it for all of them.
#[must_use]
pub fn portion(amount_minor: i64, count: u64, whole: u64) -> i64 {
    if count >= whole {
        return amount_minor;
    }
    let whole = i128::from(whole);
    let product = i128::from(amount_minor) * i128::from(count);
    let rounded = (product.abs() + whole / 2) / whole * product.signum();
    // Fewer pieces than all are at most the amount.
    i64::try_from(rounded).unwrap_or(amount_minor)
}

/// Spreads `total` over `weights` so that the parts sum to `total` exactly, by largest remainder;
/// ties go to the earlier part. Parts have the sign of `total`. Weights below zero count as zero;
/// with no weight at all, everything goes to the first part.
#[must_use]
pub fn spread(total: i64, weights: &[i64]) -> SmallVec<[i64; 8]> {
    let weight = |w: &i64| i128::from((*w).max(0));
    let sum: i128 = weights.iter().map(weight).sum();
    let mut parts: SmallVec<[i64; 8]> = SmallVec::from_elem(0, weights.len());
    if sum == 0 {
        if let Some(first) = parts.first_mut() {
            *first = total;
        }
        return parts;
    }
    let size = i128::from(total).abs();
    let sign = total.signum();
    let mut left = size;
    let mut remainders: SmallVec<[(i128, usize); 8]> = SmallVec::new();
    for (place, (part, w)) in parts.iter_mut().zip(weights).enumerate() {
        let product = size * weight(w);
        let floor = product / sum;
        left -= floor;
        *part = i64::try_from(floor).unwrap_or(0);
        remainders.push((product % sum, place));
    }
    remainders.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    for &(_, place) in remainders.iter().take(usize::try_from(left).unwrap_or(0)) {
        if let Some(part) = parts.get_mut(place) {
            *part += 1;
        }
    }
    for part in &mut parts {
        *part *= sign;
    }
    parts
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn euro() -> Currency {
        Currency::new("EUR", 2).unwrap()
    }

    #[test]
    fn decimals_become_minor_units() {
        assert_eq!(euro().minor("12.5".parse().unwrap()), Ok(1250));
        assert_eq!(euro().minor("12.500".parse().unwrap()), Ok(1250));
        assert!(euro().minor("0.005".parse().unwrap()).is_err());
        assert!(euro().minor("99999999999999".parse().unwrap()).is_err());
        assert_eq!(euro().decimal(1250).to_string(), "12.50");
        assert!(Currency::new("eur", 2).is_err());
    }

    #[test]
    fn percent_rounds_half_away_from_zero() {
        let half = Percent::new("50".parse().unwrap()).unwrap();
        assert_eq!(half.of(5), 3);
        assert_eq!(half.of(-5), -3);
        assert!(Percent::new("100.1".parse().unwrap()).is_err());
        assert!(Percent::new("-1".parse().unwrap()).is_err());
        assert_eq!(Percent::new("12.5".parse().unwrap()).unwrap().decimal().to_string(), "12.5");
    }

    #[test]
    fn pieces_are_portions() {
        assert_eq!(portion(1_000, 1, 3), 333);
        assert_eq!(portion(1_000, 2, 3), 667);
        assert_eq!(portion(5, 1, 2), 3);
        assert_eq!(portion(-5, 1, 2), -3);
        assert_eq!(portion(7, 3, 3), 7);
        assert_eq!(portion(7, 0, 3), 0);
        assert_eq!(portion(7, 1, 0), 7);
    }

    #[test]
    fn spreading_gives_odd_cents_to_the_largest_remainder() {
        assert_eq!(spread(100, &[1, 1, 1])[..], [34, 33, 33]);
        assert_eq!(spread(-100, &[1, 1, 1])[..], [-34, -33, -33]);
        assert_eq!(spread(10, &[0, 0])[..], [10, 0]);
        assert!(spread(7, &[]).is_empty());
    }

    proptest! {
        #[test]
        fn spread_parts_sum_to_the_total(
            total in -1_000_000_000_i64..1_000_000_000,
            weights in proptest::collection::vec(0_i64..1_000_000, 1..20),
        ) {
            let parts = spread(total, &weights);
            prop_assert_eq!(parts.iter().sum::<i64>(), total);
            prop_assert!(parts.iter().all(|part| part.signum() * total.signum() >= 0));
        }

        #[test]
        fn a_portion_is_never_more_than_the_whole(
            amount in 0_i64..AMOUNT_MINOR_MAX, count in 0_u64..1_000, whole in 1_u64..1_000,
        ) {
            prop_assert!((0..=amount).contains(&portion(amount, count, whole)));
        }

        #[test]
        fn a_percentage_is_never_more_than_the_whole(
            amount in 0_i64..AMOUNT_MINOR_MAX, p in 0_i64..=100,
        ) {
            let part = Percent::new(Decimal::from(p)).unwrap().of(amount);
            prop_assert!((0..=amount).contains(&part));
        }
    }
}
