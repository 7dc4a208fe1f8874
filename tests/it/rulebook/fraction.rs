//! Exact numbers: what is taken of what, before anything is rounded.

use std::cmp::Ordering;

/// A number as one whole number over another, which is above zero.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fraction {
    over: i128,
    under: i128,
}

impl Fraction {
    /// A whole number.
    pub(super) fn whole(number: i64) -> Self {
        Self { over: i128::from(number), under: 1 }
    }

    /// So much times `number`.
    pub(super) fn times(self, number: i64) -> Self {
        Self { over: self.over * i128::from(number), ..self }
    }

    /// A part of so many equal parts.
    pub(super) fn divided_by(self, parts: i64) -> Self {
        assert!(parts > 0);
        Self { under: self.under * i128::from(parts), ..self }
    }

    /// The whole number at or below it.
    pub(super) fn floor(self) -> i64 {
        i64::try_from(self.over.div_euclid(self.under)).unwrap()
    }

    /// The nearest whole number; from the middle, the one that is farther from zero.
    pub(super) fn rounded(self) -> i64 {
        let size = Self { over: self.over.abs() * 2 + self.under, under: self.under * 2 }.floor();
        if self.over < 0 { -size } else { size }
    }

    /// What it is above [`Fraction::floor`].
    pub(super) fn rest(self) -> Self {
        Self { over: self.over.rem_euclid(self.under), ..self }
    }

    /// Which of the two is more.
    pub(super) fn compare(self, other: Self) -> Ordering {
        (self.over * other.under).cmp(&(other.over * self.under))
    }
}
