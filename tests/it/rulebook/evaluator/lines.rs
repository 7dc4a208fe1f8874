//! E3, B7: which parts of the order an entry is for.

use jeton::domain::campaign::{Among, AmongRule, Condition, Effect, Switch};
use jeton::domain::order::{Line, Order};
use jeton::domain::refusal::{Reason, Refusal};

use super::Tally;
use super::conditions::{Found, either, is_in, listed, refusal_of, rule_of};
use super::sheet::Sheet;
use crate::rulebook::case::Entry;

/// E3: which parts of the order all lists together leave, and why none, if none.
pub(super) fn narrowed(
    entry: &Entry,
    order: &Order<'_>,
    tally: &mut Tally,
) -> (Vec<bool>, Option<Refusal>) {
    let lists: Vec<(&Condition, &Among)> = entry
        .campaign
        .conditions
        .iter()
        .filter_map(|condition| column(condition).map(|among| (condition, among)))
        .collect();
    let is_region = |condition: &Condition| matches!(condition, Condition::Region(_));
    let passes = |line: &Line<'_>, (condition, among): &(&Condition, &Among)| {
        listed(among.rule, is_in(among, value(condition, line)))
    };
    for list in &lists {
        let some = order.lines.iter().any(|line| passes(line, list));
        if !order.lines.is_empty() {
            tally.note(
                rule_of(list.0),
                match (list.1.rule, some) {
                    (AmongRule::Only, true) => "only these: some left",
                    (AmongRule::Only, false) => "only these: none left",
                    (AmongRule::Not, true) => "not these: some left",
                    (AmongRule::Not, false) => "not these: none left",
                },
            );
        }
    }
    let mut matching: Vec<bool> =
        order.lines.iter().map(|line| lists.iter().all(|list| passes(line, list))).collect();
    let is_empty = !matching.contains(&true);
    matching.push(lists.is_empty());
    if lists.is_empty() || order.lines.is_empty() || !is_empty {
        return (matching, None);
    }
    // Regions are the reason only where the other lists leave something.
    let others: Vec<_> = lists.iter().filter(|(condition, _)| !is_region(condition)).collect();
    let elsewhere = |line: &Line<'_>| others.iter().all(|list| passes(line, list));
    let wanted = |line: &Line<'_>| {
        let mut only = others.iter().filter(|(_, among)| among.rule == AmongRule::Only);
        only.all(|list| passes(line, list))
    };
    let reason = if order.lines.iter().any(elsewhere) {
        Reason::RegionNotEligible
    } else if order.lines.iter().any(wanted) {
        Reason::ProductExcluded
    } else {
        Reason::ProductNotEligible
    };
    (matching, Some(Refusal::new(reason)))
}

/// The list of a condition that narrows the lines.
fn column(condition: &Condition) -> Option<&Among> {
    match condition {
        Condition::Product(among)
        | Condition::ProductType(among)
        | Condition::Category(among)
        | Condition::Theme(among)
        | Condition::Region(among) => Some(among),
        _ => None,
    }
}

/// What such a list looks at.
fn value<'a>(condition: &Condition, line: &Line<'a>) -> &'a str {
    match condition {
        Condition::Product(_) => line.product,
        Condition::ProductType(_) => line.product_type,
        Condition::Category(_) => line.category,
        Condition::Theme(_) => line.theme,
        _ => line.region,
    }
}

/// B7: lines of products that the campaign exempts take no part in its effects; nothing else left
/// is a refusal.
pub(super) fn exempted(
    entry: &Entry,
    order: &Order<'_>,
    matching: &[bool],
    tally: &mut Tally,
) -> (Vec<bool>, Option<Refusal>) {
    let exempt: Vec<&str> = entry
        .worth()
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Switch { product, to: Switch::Exempt } => Some(&**product),
            _ => None,
        })
        .collect();
    let mut left = matching.to_vec();
    for (place, line) in order.lines.iter().enumerate() {
        left[place] = matching[place] && !exempt.contains(&line.product);
    }
    let lines = order.lines.len();
    let had_line = matching[..lines].contains(&true);
    let has_line = left[..lines].contains(&true);
    let has_rest = left[lines] && Sheet::of(order).parts[lines] > 0;
    if !had_line || exempt.is_empty() {
        return (left, None);
    }
    let found = either(has_line || has_rest, Reason::ProductExcluded);
    tally.held("B7 exempt", matches!(found, Found::Holds));
    (left, refusal_of(found, "switch"))
}

/// How many pieces the matching lines have.
pub(super) fn pieces(order: &Order<'_>, matching: &[bool]) -> u64 {
    let lines = order.lines.iter().zip(matching).filter(|(_, is_in)| **is_in);
    lines.map(|(line, _)| u64::from(line.quantity)).sum()
}
