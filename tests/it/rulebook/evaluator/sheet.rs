//! The order's prices while entry after entry takes its part (B1).

use jeton::domain::campaign::Basis;
use jeton::domain::order::Order;

use crate::rulebook::fraction::Fraction;

/// What each line costs, and last what the total has beyond the lines.
#[derive(Debug, Clone)]
pub(super) struct Sheet {
    pub(super) parts: Vec<i64>,
    original: Vec<i64>,
    is_known: bool,
    /// What is still to be drawn of the amount that the order states.
    pub(super) asked_minor: Option<i64>,
}

impl Sheet {
    pub(super) fn of(order: &Order<'_>) -> Self {
        let lines: Vec<i64> = order.lines.iter().map(|line| line.amount_minor).collect();
        let sum: i64 = lines.iter().sum();
        let total = order.total_minor.unwrap_or(sum);
        let mut parts = if total < sum { lowered(total, &lines) } else { lines };
        parts.push((total - sum).max(0));
        Self {
            original: parts.clone(),
            parts,
            is_known: order.total_minor.is_some() || !order.lines.is_empty(),
            asked_minor: order.amount_minor,
        }
    }

    /// What is left to pay, where that is known.
    pub(super) fn total_minor(&self) -> Option<i64> {
        self.is_known.then(|| self.parts.iter().sum())
    }

    /// What each line costs.
    pub(super) fn lines_minor(&self) -> Vec<i64> {
        self.parts[..self.parts.len() - 1].to_vec()
    }

    /// What the matching parts cost: never more than the whole order, never below zero, and nothing
    /// where nobody says what the order costs.
    pub(super) fn base_minor(&self, basis: Basis, matching: &[bool]) -> i64 {
        let parts = match basis {
            Basis::Running => &self.parts,
            Basis::Original => &self.original,
        };
        if !self.is_known {
            return 0;
        }
        let matches = parts.iter().zip(matching).filter(|(_, is_in)| **is_in);
        let sum: i64 = matches.map(|(part, _)| *part).sum();
        sum.min(parts.iter().sum()).max(0)
    }

    /// Takes `minor` off the matching parts in proportion to what they cost (adds it, when below
    /// zero), and says how much of each.
    pub(super) fn take(&mut self, minor: i64, matching: &[bool]) -> Vec<i64> {
        let lines = self.parts.len() - 1;
        let weight = |place: usize| if matching[place] { self.parts[place].max(0) } else { 0 };
        let mut weights: Vec<i64> = (0..=lines).map(weight).collect();
        if weights.iter().all(|weight| *weight == 0) {
            // Lines that cost nothing share evenly; without a line, the rest bears it all.
            let mut even: Vec<i64> = matching.iter().map(|is_in| i64::from(*is_in)).collect();
            even[lines] = 0;
            even[lines] = i64::from(even.iter().all(|weight| *weight == 0));
            weights = even;
        }
        let taken = spread(minor, &weights);
        for (part, taken) in self.parts.iter_mut().zip(&taken) {
            *part -= taken;
        }
        taken
    }
}

/// Lines that together cost less than they say: what they cost less is spread over them. A line
/// that gives something back gives as much as before.
fn lowered(total: i64, lines: &[i64]) -> Vec<i64> {
    let less = spread(lines.iter().sum::<i64>() - total, lines);
    lines.iter().zip(less).map(|(line, less)| line - less).collect()
}

/// Spreads an amount in proportion to the weights: each gets what it is due without fractions, and
/// what is left goes cent by cent to where the largest fraction was lost, ties to the earlier.
fn spread(minor: i64, weights: &[i64]) -> Vec<i64> {
    let weights: Vec<i64> = weights.iter().map(|weight| (*weight).max(0)).collect();
    let sum: i64 = weights.iter().sum();
    if sum == 0 {
        let first = |place: usize| if place == 0 { minor } else { 0 };
        return (0..weights.len()).map(first).collect();
    }
    let due = |weight: &i64| Fraction::whole(minor.abs()).times(*weight).divided_by(sum);
    let dues: Vec<Fraction> = weights.iter().map(due).collect();
    let mut parts: Vec<i64> = dues.iter().map(|due| due.floor()).collect();
    let mut places: Vec<usize> = (0..weights.len()).collect();
    // Stable: of equals, the earlier stays in front.
    places.sort_by(|&one, &other| dues[other].rest().compare(dues[one].rest()));
    let lost = minor.abs() - parts.iter().sum::<i64>();
    for &place in places.iter().take(usize::try_from(lost).unwrap()) {
        parts[place] += 1;
    }
    parts.into_iter().map(|part| part * minor.signum()).collect()
}
