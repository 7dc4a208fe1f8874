//! What an order still costs while code after code takes its part.

use smallvec::SmallVec;

use crate::domain::campaign::Basis;
use crate::domain::money::spread;
use crate::domain::order::Order;

use super::conditions::Matching;

/// An order's lines and total as the earlier codes of the order left them, and as they were before.
///
/// What the stated total has beyond the lines (shipping, or everything when there are no lines) is
/// a line of its own that is no product. A stated total below the sum of the lines is spread over
/// them. So the parts always sum to the total. Amounts are within
/// [`AMOUNT_MINOR_MAX`](crate::domain::money::AMOUNT_MINOR_MAX): the maker of the order sees to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// One for each line, and last what no line explains.
    parts: Parts,
    /// The same before any code.
    original: Parts,
    total_minor: Option<i64>,
    /// What is still to be drawn of the stated amount.
    asked_minor: Option<i64>,
}

type Parts = SmallVec<[i64; 5]>;

impl Running {
    /// The order before any code.
    #[must_use]
    pub fn of(order: &Order<'_>) -> Self {
        let mut parts: Parts = order.lines.iter().map(|line| line.amount_minor).collect();
        let total_minor = order.total();
        let lines_minor: i64 = parts.iter().sum();
        let rest = total_minor.map_or(0, |total| total - lines_minor);
        parts.push(rest.max(0));
        let asked_minor = order.amount_minor;
        let mut running = Self { parts, original: Parts::new(), total_minor, asked_minor };
        if rest < 0 {
            let weights: Parts = running.parts.iter().map(|part| *part.max(&0)).collect();
            let off = weights.iter().sum::<i64>().min(-rest);
            let mut taken: Parts = SmallVec::from_elem(0, weights.len());
            running.subtract(off, &weights, &mut taken);
            // What the lines cannot bear, because the stated total is itself below zero.
            if let Some(last) = running.parts.last_mut() {
                *last += rest + off;
            }
            running.total_minor = total_minor;
        }
        running.original = SmallVec::from_slice(&running.parts);
        running
    }

    /// What is left to pay, in minor units; absent when the order says neither total nor lines.
    #[must_use]
    pub fn total_minor(&self) -> Option<i64> {
        self.total_minor
    }

    /// What each line still costs, in minor units.
    #[must_use]
    pub fn lines_minor(&self) -> &[i64] {
        self.parts.split_last().map_or(&[], |(_, lines)| lines)
    }

    /// How many parts the order has: its lines, and what no line explains.
    pub(super) fn places(&self) -> usize {
        self.parts.len()
    }

    /// What is still to be drawn of the amount that the order states.
    pub(super) fn asked_minor(&self) -> Option<i64> {
        self.asked_minor
    }

    /// Counts `minor` of the stated amount as drawn.
    pub(super) fn draw(&mut self, minor: i64) {
        self.asked_minor = self.asked_minor.map(|asked| (asked - minor).max(0));
    }

    /// What the matching lines cost, now or before any code: never more than the whole order.
    pub(super) fn base_minor(&self, basis: Basis, matching: Matching) -> i64 {
        let (parts, most) = match basis {
            Basis::Running => (&self.parts, self.total_minor.unwrap_or(0)),
            Basis::Original => (&self.original, self.original.iter().sum()),
        };
        let places = parts.iter().enumerate();
        let cost: i64 =
            places.filter(|&(place, _)| self.matches(matching, place)).map(|(_, p)| p).sum();
        cost.min(most).max(0)
    }

    /// Takes `minor` off the matching lines (adds, when below zero), in proportion to what they
    /// cost, and adds what each gave to its place in `taken`. At most [`Running::base_minor`].
    pub(super) fn take(&mut self, minor: i64, matching: Matching, taken: &mut [i64]) {
        if minor == 0 {
            return;
        }
        let mut weights: Parts = SmallVec::with_capacity(self.parts.len());
        for (place, part) in self.parts.iter().enumerate() {
            weights.push(if self.matches(matching, place) { *part.max(&0) } else { 0 });
        }
        if weights.iter().all(|&weight| weight == 0) {
            // A surcharge on what costs nothing is shared evenly by the lines, if there are any.
            let lines = self.lines_minor().len();
            for (place, weight) in weights.iter_mut().enumerate() {
                *weight = i64::from(place < lines && self.matches(matching, place));
            }
            if weights.iter().all(|&weight| weight == 0)
                && let Some(rest) = weights.last_mut()
            {
                *rest = 1;
            }
        }
        self.subtract(minor, &weights, taken);
    }

    /// Takes `minor` off one line.
    pub(super) fn take_from(&mut self, place: usize, minor: i64, taken: &mut [i64]) {
        if let Some((part, taken)) = self.parts.get_mut(place).zip(taken.get_mut(place)) {
            *part -= minor;
            *taken += minor;
            self.total_minor = self.total_minor.map(|total| total - minor);
        }
    }

    /// Puts back what one code took of each part and of the stated amount, which was `asked_minor`
    /// before it.
    pub(super) fn put_back(&mut self, taken: &[i64], asked_minor: Option<i64>) {
        for (part, taken) in self.parts.iter_mut().zip(taken) {
            *part += taken;
        }
        self.total_minor = self.total_minor.map(|total| total + taken.iter().sum::<i64>());
        self.asked_minor = asked_minor;
    }

    fn matches(&self, matching: Matching, place: usize) -> bool {
        if place + 1 == self.parts.len() { matching.has_rest() } else { matching.has_line(place) }
    }

    fn subtract(&mut self, minor: i64, weights: &[i64], taken: &mut [i64]) {
        let pairs = self.parts.iter_mut().zip(taken.iter_mut());
        if weights.iter().filter(|&&weight| weight > 0).count() == 1 {
            for ((part, taken), &weight) in pairs.zip(weights) {
                if weight > 0 {
                    *part -= minor;
                    *taken += minor;
                }
            }
        } else {
            for ((part, taken), share) in pairs.zip(spread(minor, weights)) {
                *part -= share;
                *taken += share;
            }
        }
        self.total_minor = self.total_minor.map(|total| total - minor);
    }
}
