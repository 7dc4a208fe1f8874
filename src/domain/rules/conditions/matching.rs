//! Which lines of an order take part.

use crate::domain::campaign::{Among, AmongRule, Campaign, Condition};
use crate::domain::order::{LINES_MAX, Line, Order};

/// Which lines of the order the product conditions let take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::domain::rules) struct Matching {
    /// One bit for each line that is in every list and that no list excludes.
    lines: u128,
    /// One bit for each line that is in every list.
    listed: u128,
    /// Whether what no line explains takes part: only if no condition is about products.
    rest: bool,
}

/// What a list of products looks at.
type Column = for<'a> fn(&Line<'a>) -> &'a str;

const _: () = assert!(LINES_MAX <= 128, "a bit for each line");

impl Matching {
    /// What all lists of the campaign let take part.
    pub(in crate::domain::rules) fn of(campaign: &Campaign, order: &Order<'_>) -> Self {
        Self::of_lists(campaign.conditions.iter(), order)
    }

    /// What the lists but those of regions let take part.
    pub(super) fn anywhere(campaign: &Campaign, order: &Order<'_>) -> Self {
        let is_region = |condition: &&Condition| matches!(condition, Condition::Region(_));
        Self::of_lists(campaign.conditions.iter().filter(|c| !is_region(c)), order)
    }

    fn of_lists<'c>(conditions: impl Iterator<Item = &'c Condition>, order: &Order<'_>) -> Self {
        let mut matching = Self { lines: u128::MAX, listed: u128::MAX, rest: true };
        for (among, column) in conditions.filter_map(list_of) {
            let accepted = places(order, |line| among.accepts(column(line)));
            matching.rest = false;
            matching.lines &= accepted;
            if among.rule == AmongRule::Only {
                matching.listed &= accepted;
            }
        }
        matching
    }

    /// Whether the line at this place takes part.
    pub(in crate::domain::rules) fn has_line(self, place: usize) -> bool {
        self.lines & bit(place) != 0
    }

    /// Whether any line takes part.
    pub(in crate::domain::rules) fn has_lines(self, order: &Order<'_>) -> bool {
        self.lines & all(order) != 0
    }

    /// Whether any line is in every list, be it excluded or not.
    pub(super) fn has_listed(self, order: &Order<'_>) -> bool {
        self.listed & all(order) != 0
    }

    /// Whether what no line explains takes part.
    pub(in crate::domain::rules) fn has_rest(self) -> bool {
        self.rest
    }

    /// How many pieces the lines have that take part.
    pub(in crate::domain::rules) fn pieces(self, order: &Order<'_>) -> u64 {
        let lines = order.lines.iter().enumerate().filter(|&(place, _)| self.has_line(place));
        lines.map(|(_, line)| u64::from(line.quantity)).sum()
    }

    /// The same without the lines of `product`.
    pub(in crate::domain::rules) fn without(self, order: &Order<'_>, product: &str) -> Self {
        let others = places(order, |line| line.product != product);
        Self { lines: self.lines & others, ..self }
    }

    /// Of what takes part, the lines of `product` only.
    pub(in crate::domain::rules) fn lines_of(self, order: &Order<'_>, product: &str) -> Self {
        self.only(places(order, |line| line.product == product))
    }

    /// Of what takes part, the lines of this product type only.
    pub(in crate::domain::rules) fn lines_of_type(
        self,
        order: &Order<'_>,
        product_type: &str,
    ) -> Self {
        self.only(places(order, |line| line.product_type == product_type))
    }

    fn only(self, lines: u128) -> Self {
        Self { lines: self.lines & lines, rest: false, ..self }
    }
}

/// The list of a condition that narrows the lines, and what it looks at.
pub(in crate::domain::rules) fn list_of(condition: &Condition) -> Option<(&Among, Column)> {
    let (among, column): (&Among, Column) = match condition {
        Condition::Product(among) => (among, |line| line.product),
        Condition::ProductType(among) => (among, |line| line.product_type),
        Condition::Category(among) => (among, |line| line.category),
        Condition::Theme(among) => (among, |line| line.theme),
        Condition::Region(among) => (among, |line| line.region),
        Condition::Amount { .. }
        | Condition::Quantity { .. }
        | Condition::Persons { .. }
        | Condition::Nights { .. }
        | Condition::Points { .. }
        | Condition::Booked(_)
        | Condition::Arrival(_)
        | Condition::Departure(_)
        | Condition::Contains { .. }
        | Condition::Channel(_)
        | Condition::Property(_)
        | Condition::Gate(_)
        | Condition::Zone(_)
        | Condition::Partner(_)
        | Condition::Brand(_)
        | Condition::CustomerGroup(_)
        | Condition::FirstOrder(_)
        | Condition::Trigger { .. } => return None,
    };
    Some((among, column))
}

/// The places of the lines for which `is_meant` holds.
fn places(order: &Order<'_>, is_meant: impl Fn(&Line<'_>) -> bool) -> u128 {
    let lines = order.lines.iter().enumerate().filter(|(_, line)| is_meant(line));
    lines.fold(0, |places, (place, _)| places | bit(place))
}

/// The places of all lines.
fn all(order: &Order<'_>) -> u128 {
    bit(order.lines.len()).wrapping_sub(1)
}

/// An order has at most [`LINES_MAX`] lines; a line beyond them would match nothing.
fn bit(place: usize) -> u128 {
    u32::try_from(place).ok().and_then(|place| 1_u128.checked_shl(place)).unwrap_or(0)
}
