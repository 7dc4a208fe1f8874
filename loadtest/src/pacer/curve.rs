//! How many questions a second are due, over time: stretches in which the rate goes evenly from one
//! figure to another.
//!
//! ```text
//! rate │      ┌────╲
//!      │    ╱ ╎    ╎ ╲──────
//!      └──┴───┴────┴──┴─────▶ time
//! ```
//!
//! With rate `from + a·t` in a stretch, `from·t + a·t²/2` questions are due by `t`; the moment of
//! the n-th is that solved for `t`, in the form `2n / (from + √(from² + 2·a·n))`, which also holds
//! for `a = 0` and loses no digits.

use std::time::Duration;

/// Rates over time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Curve(Vec<Stretch>);

/// A time in which the rate goes evenly from one figure to another, both questions a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Stretch {
    /// How long, in seconds; above 0, and infinite for as long as it is wanted.
    pub(crate) seconds: f64,
    pub(crate) from: f64,
    pub(crate) to: f64,
}

impl Curve {
    /// These stretches, one after the other.
    pub(crate) fn new(stretches: impl IntoIterator<Item = Stretch>) -> Self {
        Self(stretches.into_iter().collect())
    }

    /// The same, later: behind `before`.
    pub(crate) fn after(&self, before: Option<Stretch>) -> Self {
        Self::new(before.into_iter().chain(self.0.iter().copied()))
    }

    /// The same rate for ever.
    pub(crate) fn even(rate: f64) -> Self {
        Self(vec![Stretch { seconds: f64::INFINITY, from: rate, to: rate }])
    }

    /// When each question is due, in nanoseconds since the beginning, in order.
    pub(crate) fn dues(&self) -> impl Iterator<Item = u64> {
        let mut rest = self.0.iter();
        let mut current = None::<&Stretch>;
        let mut begin_s = 0.0;
        // How far into the current stretch the next question is, counted in questions.
        let mut next = 0.0;
        std::iter::from_fn(move || {
            loop {
                if let Some(stretch) = current {
                    if next < stretch.questions() {
                        let due_s = begin_s + stretch.due_s(next);
                        next += 1.0;
                        return Duration::try_from_secs_f64(due_s)
                            .ok()
                            .and_then(|due| u64::try_from(due.as_nanos()).ok());
                    }
                    begin_s += stretch.seconds;
                    next -= stretch.questions();
                }
                current = Some(rest.next()?);
            }
        })
    }

    /// How many questions are due in all.
    pub(crate) fn questions(&self) -> f64 {
        self.0.iter().map(Stretch::questions).sum()
    }

    /// How long all of it takes, in seconds.
    #[cfg(test)]
    pub(crate) fn seconds(&self) -> f64 {
        self.0.iter().map(|stretch| stretch.seconds).sum()
    }
}

impl Stretch {
    fn questions(&self) -> f64 {
        self.seconds * f64::midpoint(self.from, self.to)
    }

    /// When so many questions have been due, in seconds since the stretch began.
    fn due_s(&self, questions: f64) -> f64 {
        let rise = (self.to - self.from) / self.seconds;
        let rate = (self.from * self.from + 2.0 * rise * questions).max(0.0).sqrt();
        if questions > 0.0 { 2.0 * questions / (self.from + rate) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch(seconds: f64, from: f64, to: f64) -> Stretch {
        Stretch { seconds, from, to }
    }

    #[test]
    fn an_even_curve_is_even_and_exact() {
        let dues: Vec<_> = Curve::even(3.0).dues().take(4).collect();
        assert_eq!(dues, [0, 333_333_333, 666_666_667, 1_000_000_000]);
        let day = Curve::even(1_000.0).dues().nth(86_400).map(|ns| ns / 1_000_000);
        assert_eq!(day, Some(86_400));
    }

    #[test]
    fn a_rise_is_a_square_root() {
        // From 0 to 200 a second in 1 s: 100 questions, half of them in the last 0.293 s.
        let rise = Curve::new([stretch(1.0, 0.0, 200.0)]);
        let dues: Vec<_> = rise.dues().collect();
        assert_eq!((dues.len(), dues.first()), (100, Some(&0)));
        assert_eq!(dues.get(25), Some(&500_000_000), "a quarter of them by half of the time");
        let fall: Vec<_> = Curve::new([stretch(1.0, 200.0, 0.0)]).dues().collect();
        assert_eq!(fall.len(), 100);
        assert_eq!(fall.get(75), Some(&500_000_000));
    }

    #[test]
    fn stretches_follow_each_other_without_a_gap() {
        let curve = Curve::new([
            stretch(0.55, 10.0, 10.0),
            stretch(1.0, 10.0, 1_000.0),
            stretch(2.0, 1_000.0, 1_000.0),
            stretch(1.0, 1_000.0, 0.0),
        ]);
        let dues: Vec<_> = curve.dues().collect();
        assert!(dues.is_sorted_by(|a, b| a < b));
        assert!((curve.questions() - (5.5 + 505.0 + 2_000.0 + 500.0)).abs() < 1e-9);
        assert!((curve.seconds() - 4.55).abs() < 1e-9);
        assert_eq!(dues.len(), 3_011, "the last is the 3,010.5th, rounded up");
        let within = |from_s: f64, to_s: f64| {
            let inside = |ns: &&u64| {
                let due_s = Duration::from_nanos(**ns).as_secs_f64();
                (from_s..to_s).contains(&due_s)
            };
            dues.iter().filter(inside).count()
        };
        assert_eq!(within(0.0, 0.55), 6);
        assert_eq!(within(1.55, 3.55), 2_000);
    }

    #[test]
    fn nothing_is_due_where_the_rate_is_0() {
        let pause = Curve::new([stretch(1.0, 0.0, 0.0), stretch(1.0, 2.0, 2.0)]);
        assert_eq!(pause.dues().collect::<Vec<_>>(), [1_000_000_000, 1_500_000_000]);
    }
}
