//! `jeton validate --explain`: why the answer is what it is, for people.
//!
//! Explanations are told over HTTP only: here the question is written as its JSON, and the answer's
//! `explanation` becomes columns.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::order::{date, decimal, trigger_name};
use super::output::{cell, list, table};
use crate::domain::time::Timestamp;
use crate::protocol::{Line, Order, Passage, Trigger, Validate};

/// The question, as the HTTP door has it.
pub(super) fn question(validate: &Validate) -> Value {
    let options = validate.options;
    without_nothing(json!({
        "codes": validate.codes.as_slice(),
        "order": order(&validate.order),
        "exact": validate.exact,
        "partial": options.partial,
        "dry": options.dry,
        "now": options.now_ms.map(|ms| Timestamp(ms).to_rfc3339()),
        "explain": true,
    }))
}

fn order(order: &Order) -> Value {
    let letters = order.currency.as_deref().unwrap_or_default();
    let money = |minor: Option<i64>| minor.map(|minor| decimal(minor, letters));
    without_nothing(json!({
        "customer": order.customer,
        "customer_groups": order.customer_groups.as_slice(),
        "gate": order.gate,
        "property": order.property,
        "channel": order.channel,
        "partner": order.partner,
        "brand": order.brand,
        "currency": order.currency,
        "total": money(order.total_minor),
        "lines": order.lines.iter().map(|one| line(one, letters)).collect::<Vec<_>>(),
        "units": order.units,
        "amount": money(order.amount_minor),
        "order_ref": order.order_ref,
        "zone": order.zone,
        "passage": match order.passage {
            Passage::None => None,
            Passage::Entry => Some("entry"),
            Passage::Exit => Some("exit"),
        },
        "nights": order.nights,
        "arrival": order.arrival_day.and_then(date),
        "departure": order.departure_day.and_then(date),
        "booked": order.booked_day.and_then(date),
        "adults": order.adults,
        "children": order.children,
        "persons": order.persons,
        "first_order": order.first_order,
        "trigger": (order.trigger != Trigger::Booking).then(|| trigger_name(order.trigger)),
        "slot": order.slot,
    }))
}

fn line(line: &Line, letters: &str) -> Value {
    without_nothing(json!({
        "product": line.product,
        "category": line.category,
        "quantity": line.quantity,
        "amount": decimal(line.amount_minor, letters),
        "product_type": line.product_type,
        "theme": line.theme,
        "region": line.region,
    }))
}

/// Leaves out what says nothing, so that a question is as short as it can be.
fn without_nothing(mut document: Value) -> Value {
    if let Value::Object(fields) = &mut document {
        fields.retain(|_, value| !value.is_null() && *value != json!([]) && *value != json!(""));
    }
    document
}

/// The answer and its explanation, for people.
pub(super) fn tell(out: &mut dyn Write, answer: &Value) -> io::Result<()> {
    let said = |name: &str| cell(answer.get(name));
    if answer.get("ok") == Some(&Value::Bool(true)) {
        write!(out, "yes: {}", said("state"))?;
        if said("total_before") != said("total_after") {
            let (before, after) = (said("total_before"), said("total_after"));
            write!(out, "  total {before} → {after} {}", said("currency"))?;
        }
    } else {
        write!(out, "no: {} ({}): {}", said("reason"), said("number"), said("text"))?;
    }
    writeln!(out)?;
    for no in all(answer, "left_out") {
        let said = |name: &str| cell(no.get(name));
        let (code, reason) = (said("code_index"), said("reason"));
        writeln!(out, "left out: code {code}, {reason} ({}): {}", said("number"), said("text"))?;
    }
    for campaign in answer.get("explanation").map_or(&[][..], list) {
        tell_campaign(out, campaign)?;
    }
    Ok(())
}

fn tell_campaign(out: &mut dyn Write, campaign: &Value) -> io::Result<()> {
    let by = match campaign.get("code_index") {
        Some(index) => format!("code {index}"),
        None => "by itself".to_owned(),
    };
    writeln!(out, "\n{} ({by})", cell(campaign.get("campaign")))?;
    if let Some(no) = campaign.get("refused") {
        let said = |name: &str| cell(no.get(name));
        write!(out, "  ✗ {} ({})", said("reason"), said("number"))?;
        match no.get("conflicts_with") {
            Some(other) => writeln!(out, ": stands against {}", cell(Some(other)))?,
            None => writeln!(out)?,
        }
    }
    let findings = all(campaign, "findings").iter().map(|finding| {
        let said = |name: &str| cell(finding.get(name));
        let mark = if finding.get("holds") == Some(&Value::Bool(true)) { '✓' } else { '✗' };
        let found = format!("found: {}", said("found"));
        vec![format!("  {mark} {}", said("rule")), said("asked"), found]
    });
    table(out, &findings.collect::<Vec<_>>())?;
    let effects = all(campaign, "effects").iter().map(|effect| {
        let said = |name: &str| cell(effect.get(name));
        vec![format!("  = {}", said("effect")), format!("{} → {}", said("before"), said("after"))]
    });
    table(out, &effects.collect::<Vec<_>>())?;
    if let Some(account) = campaign.get("account") {
        let said = |name: &str| cell(account.get(name));
        let id = said("account");
        writeln!(out, "  ± {id}  −{} +{}, has {}", said("spent"), said("earned"), said("balance"))?;
    }
    let limits = all(campaign, "limits").iter().map(|limit| {
        let said = |name: &str| cell(limit.get(name));
        let max = limit.get("max").map_or("any".to_owned(), Value::to_string);
        let begins = limit.get("resets_at").map(|at| format!("anew at {}", cell(Some(at))));
        vec![
            format!("  # {} of the {}", said("name"), said("scope")),
            format!("{} used, {} held of {max}", said("used"), said("held")),
            format!("takes {}", said("asked")),
            begins.unwrap_or_default(),
        ]
    });
    table(out, &limits.collect::<Vec<_>>())
}

/// The list of this name; nothing where there is none.
fn all<'a>(document: &'a Value, name: &str) -> &'a [Value] {
    document.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "they fail a test")]
mod tests {
    use super::*;
    use crate::protocol::Options;
    use smallvec::smallvec;

    #[test]
    fn a_question_says_what_was_said_and_no_more() {
        let plain = Validate { codes: smallvec!["A".to_owned()], ..Validate::default() };
        let flags = json!({"exact": false, "partial": false, "dry": false, "explain": true});
        let mut expected = json!({"codes": ["A"], "order": {"units": 1}});
        expected.as_object_mut().unwrap().extend(flags.as_object().unwrap().clone());
        assert_eq!(question(&plain), expected);
        let stay = Validate {
            order: Order {
                currency: Some("EUR".to_owned()),
                total_minor: Some(60_000),
                lines: smallvec![Line {
                    product: "suite".to_owned(),
                    quantity: 1,
                    amount_minor: 40_050,
                    product_type: "room".to_owned(),
                    ..Line::default()
                }],
                arrival_day: Some(20_574),
                first_order: Some(false),
                trigger: Trigger::VoucherPurchase,
                passage: Passage::Exit,
                ..Order::default()
            },
            options: Options { now_ms: Some(0), ..Options::default() },
            ..Validate::default()
        };
        let asked = question(&stay);
        assert_eq!(asked["now"], "1970-01-01T00:00:00.000Z");
        let order = json!({
            "currency": "EUR", "total": "600.00", "units": 1, "arrival": "2026-05-01",
            "first_order": false, "trigger": "voucher_purchase", "passage": "exit",
            "lines": [{
                "product": "suite", "quantity": 1, "amount": "400.50", "product_type": "room",
            }],
        });
        assert_eq!(asked["order"], order);
    }

    #[test]
    fn an_explanation_is_read_from_the_top() {
        let answer = json!({
            "ok": false, "reason": "amount_below_min", "number": 144, "text": "Too little.",
            "explanation": {"campaigns": [
                {
                    "code_index": 0, "campaign": "summer",
                    "findings": [
                        {"rule": "validity", "asked": "until May", "found": "April", "holds": true},
                        {"rule": "amount", "asked": "from 500", "found": "499.99", "holds": false},
                    ],
                    "effects": [],
                    "limits": [{
                        "name": "uses per day", "scope": "code", "used": 3, "held": 1, "asked": 1,
                        "max": 4, "resets_at": "2026-05-01T00:00:00Z",
                    }],
                },
                {
                    "campaign": "early", "findings": [],
                    "effects": [{"effect": "off", "before": "500.00", "after": "400.00"}],
                    "limits": [{
                        "name": "uses", "scope": "campaign", "used": 0, "held": 0, "asked": 1,
                    }],
                },
            ]},
        });
        let mut out = Vec::new();
        tell(&mut out, &answer).unwrap();
        let expected = "no: amount_below_min (144): Too little.\n\n\
             summer (code 0)\n\
             \x20 ✓ validity  until May  found: April\n\
             \x20 ✗ amount    from 500   found: 499.99\n\
             \x20 # uses per day of the code  3 used, 1 held of 4  takes 1  anew at \
             2026-05-01T00:00:00Z\n\n\
             early (by itself)\n\
             \x20 = off  500.00 → 400.00\n\
             \x20 # uses of the campaign  0 used, 0 held of any  takes 1\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn a_yes_says_the_price_and_what_was_left_out() {
        let answer = json!({
            "ok": true, "state": "valid", "total_before": "500.00", "total_after": "400.00",
            "currency": "EUR", "explanation": {"campaigns": []},
            "left_out": [{
                "code_index": 1, "reason": "already_applied", "number": 160, "text": "Twice.",
            }],
        });
        let mut out = Vec::new();
        tell(&mut out, &answer).unwrap();
        let expected = "yes: valid  total 500.00 → 400.00 EUR\n\
             left out: code 1, already_applied (160): Twice.\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
