//! Makes a case that fails smaller, as long as it still fails, and shows what is left.

use std::fmt::{Debug, Write};

use jeton::domain::campaign::{
    Activation, Campaign, CustomerRule, Kind, NoEffect, Stacking, Status, Validity,
};
use jeton::domain::order::Order;
use jeton::domain::policy::Policy;
use jeton::domain::rules::{Seen, StackMode};

use super::case::{Case, Entry};

/// The smallest case that still fails, by taking away one thing after the other.
pub(super) fn smallest(mut case: Case, fails: impl Fn(&Case) -> bool) -> Case {
    loop {
        let Some(smaller) = smaller(&case).into_iter().find(|smaller| fails(smaller)) else {
            return case;
        };
        case = smaller;
    }
}

/// Each case with one thing less.
fn smaller(case: &Case) -> Vec<Case> {
    let mut all = Vec::new();
    let before = format!("{case:?}");
    let mut with = |change: &dyn Fn(&mut Case)| {
        let mut smaller = case.clone();
        change(&mut smaller);
        if format!("{smaller:?}") != before {
            all.push(smaller);
        }
    };
    for place in 0..case.entries.len() {
        with(&|case| {
            case.entries.remove(place);
        });
    }
    with(&|case| case.mode = StackMode::AllOrNothing);
    with(&|case| case.group = None);
    with(&|case| case.policy = Policy { codes_max: 16, codes_max_by_type: [None; 4] });
    for place in 0..case.order.lines.len() {
        with(&|case| {
            case.order.lines.remove(place);
        });
    }
    for place in 0..case.entries.len() {
        for change in ENTRY_CHANGES {
            with(&|case| change(&mut case.entries[place]));
        }
        let entry = &case.entries[place];
        for number in 0..entry.campaign.conditions.len() {
            with(&|case| {
                case.entries[place].campaign.conditions.remove(number);
            });
        }
        for number in 0..entry.campaign.effects.len() {
            with(&|case| {
                case.entries[place].campaign.effects.remove(number);
            });
        }
    }
    for change in ORDER_CHANGES {
        with(&|case| change(&mut case.order));
    }
    all
}

const ENTRY_CHANGES: &[fn(&mut Entry)] = &[
    |e| e.worth = None,
    |e| e.seen = Seen::default(),
    |e| e.code.holder = None,
    |e| (e.code.valid_from, e.code.valid_until) = (None, None),
    |e| e.campaign.validity = Validity::default(),
    |e| e.campaign.validity.hours.windows.clear(),
    |e| e.campaign.validity.hours.blackout.clear(),
    |e| e.campaign.validity.hours.extra.clear(),
    |e| e.campaign.validity.until = None,
    |e| e.campaign.stacking = Stacking::default(),
    |e| e.campaign.stacking.order_number = 0,
    |e| e.campaign.stacking.best_of = None,
    |e| e.campaign.stacking.exclusion_group = None,
    |e| e.campaign.limits.clear(),
    |e| e.campaign.groups.clear(),
    |e| e.campaign.conditions.clear(),
    |e| e.campaign.units = 0..=9,
    |e| e.campaign.kind = Kind::Discount,
    |e| e.campaign.status = Status::Active,
    |e| e.campaign.customer = CustomerRule::Optional,
    |e| e.campaign.activation = Activation::AtOnce,
    |e| e.campaign.no_effect = NoEffect::Allow,
    |e| e.campaign.calendar.day_begins_min = 0,
    |e| e.campaign.calendar.zone = chrono_tz::Tz::UTC,
];

const ORDER_CHANGES: &[fn(&mut Order<'static>)] = &[
    |o| o.total_minor = None,
    |o| o.amount_minor = None,
    |o| o.currency = None,
    |o| o.units = 1,
    |o| o.customer_groups.clear(),
    |o| (o.gate, o.zone, o.property, o.channel) = (None, None, None, None),
    |o| (o.partner, o.brand) = (None, None),
    |o| (o.nights, o.arrival, o.departure, o.booked) = (None, None, None, None),
    |o| (o.adults, o.children, o.persons) = (None, None, None),
    |o| o.customer = None,
    |o| o.first_order = Order::default().first_order,
    |o| o.trigger = Order::default().trigger,
    |o| o.passage = Order::default().passage,
    |o| o.lines.iter_mut().for_each(|line| line.quantity = 1),
    |o| {
        for line in &mut o.lines {
            (line.category, line.theme, line.region) = ("", "", "");
        }
    },
];

/// The case, without what is as usual.
pub(super) fn show(case: &Case) -> String {
    let Case { order, now, policy, group, mode, entries } = case;
    let mut text = format!("now {} {policy:?} {mode:?}\n", now.to_rfc3339());
    if let Some(group) = group {
        writeln!(text, "group {} {:?}", group.id, group.needs_code).unwrap();
    }
    differing(&mut text, "order", order, &Order::default());
    for (place, entry) in entries.iter().enumerate() {
        let plain = super::random::plain(entry.name);
        writeln!(text, "entry {place}: {} is_code {}", entry.name, entry.is_code).unwrap();
        differing(&mut text, "campaign", &entry.campaign, &plain);
        if let Some(worth) = &entry.worth {
            differing::<Campaign>(&mut text, "worth", worth, &plain);
        }
        writeln!(text, "  {:?}\n  {:?}", entry.code, entry.seen).unwrap();
        if let Some(account) = &entry.account {
            writeln!(text, "  {account:?}").unwrap();
        }
    }
    text
}

/// The fields of `thing` that are not as in `usual`: printed in full, they begin at the first
/// indent.
fn differing<T: Debug>(text: &mut String, name: &str, thing: &T, usual: &T) {
    let fields = |thing: &T| {
        let mut fields: Vec<String> = Vec::new();
        for line in format!("{thing:#?}").lines() {
            match fields.last_mut() {
                Some(field) if line.starts_with("     ") || line.starts_with("    }") => {
                    field.push_str(line.trim_start());
                }
                Some(field) if line.starts_with("    ]") => field.push_str(line.trim_start()),
                Some(field) if line.starts_with("    )") => field.push_str(line.trim_start()),
                _ => fields.push(line.to_owned()),
            }
        }
        fields
    };
    for (field, usual) in fields(thing).iter().zip(fields(usual)) {
        if *field != usual {
            writeln!(text, "  {name}{field}").unwrap();
        }
    }
}
