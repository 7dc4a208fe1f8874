//! The server's answers, for people and for programs.
//!
//! The JSON has the fields of the HTTP door's answers: money as decimal texts, moments in RFC 3339.

use std::io::{self, Write};

use anyhow::bail;
use serde_json::{Map, Value, json};

use super::order::decimal;
use super::output::{Exit, Output, cell, fields};
use crate::domain::time::Timestamp;
use crate::protocol::{
    Accepted, CampaignKind, CampaignStatus, CodeState, CodeStatus, Id, NO_CODE, Refused, Reply,
    State, Use, UseOfAccount,
};

/// Shows a reply. `id` is the request's own.
pub(super) fn show(reply: &Reply, id: Option<Id>, output: Output) -> anyhow::Result<Exit> {
    match reply {
        Reply::Accepted(yes) => {
            let document = accepted(yes);
            output.answer(&document, |out| tell_accepted(out, yes))?;
            Ok(Exit::Yes)
        }
        Reply::Refused(no) => {
            let document = refused(no, id);
            output.answer(&document, |out| tell_no(out, &document))?;
            Ok(Exit::Refused)
        }
        Reply::CodeStatus(status) => {
            let document = code_status(status);
            output.answer(&document, |out| fields(out, &document, 0))?;
            Ok(Exit::Yes)
        }
        Reply::Error(error) => bail!("protocol error {}: {}", error.number, error.message),
        Reply::Welcome(_) | Reply::Pong(_) | Reply::GoAway(_) => {
            bail!("the server's reply does not belong to the request")
        }
    }
}

fn moment(ms: i64) -> String {
    Timestamp(ms).to_rfc3339()
}

/// Leaves out what is null, so that answers are as short as they can be.
fn without_nulls(mut document: Value) -> Value {
    if let Value::Object(fields) = &mut document {
        fields.retain(|_, value| !value.is_null());
    }
    document
}

fn accepted(yes: &Accepted) -> Value {
    let has_money = !yes.currency.is_empty();
    let money = |minor: i64| has_money.then(|| decimal(minor, &yes.currency));
    without_nulls(json!({
        "ok": true,
        "state": state(yes.state),
        "replayed": yes.replayed,
        "id": yes.id.map(|id| id.to_string()),
        "event": (yes.event != 0).then_some(yes.event),
        "at": moment(yes.at_ms),
        "until": (yes.until_ms != 0).then(|| moment(yes.until_ms)),
        "size": yes.size,
        "live": yes.live,
        "currency": has_money.then_some(&yes.currency),
        "total_before": money(yes.total_before_minor),
        "total_after": money(yes.total_after_minor),
        "uses": yes.uses.iter().map(|one| one_use(one, &yes.currency)).collect::<Vec<_>>(),
        "left_out": (!yes.left_out.is_empty())
            .then(|| yes.left_out.iter().map(|no| refused(no, None)).collect::<Vec<_>>()),
        "counts_age_ms": yes.counts_age_ms,
    }))
}

fn one_use(one: &Use, currency: &str) -> Value {
    let products: Vec<Value> = one
        .products
        .iter()
        .map(|product| json!({ "product": product.product, "quantity": product.quantity }))
        .collect();
    let details = &one.details;
    let switches: Vec<Value> = details
        .switches
        .iter()
        .map(|switch| json!({ "product": switch.product, "to": switch.to }))
        .collect();
    let lines: Vec<String> =
        details.lines_minor.iter().map(|minor| decimal(*minor, currency)).collect();
    without_nulls(json!({
        "campaign": one.campaign,
        "version": one.version,
        "kind": kind(one.kind),
        "units": one.units,
        "worth": (!currency.is_empty()).then(|| decimal(one.worth_minor, currency)),
        "ordinal": (one.ordinal != 0).then_some(one.ordinal),
        "remaining": one.remaining,
        "balance": one.balance_minor.map(|minor| decimal(minor, currency)),
        "original": details.original_minor.map(|minor| decimal(minor, currency)),
        "forfeited": (details.forfeited_minor != 0)
            .then(|| decimal(details.forfeited_minor, currency)),
        "account": details.account.as_ref().map(use_of_account),
        "holder": one.holder,
        "photo": details.photo,
        "last_entry_at": details.last_entry_ms.map(moment),
        "products": (!products.is_empty()).then_some(products),
        "switches": (!switches.is_empty()).then_some(switches),
        "lines": (!lines.is_empty()).then_some(lines),
        "code_index": (one.code_index != NO_CODE).then_some(one.code_index),
    }))
}

fn use_of_account(account: &UseOfAccount) -> Value {
    without_nulls(json!({
        "account": account.account,
        "currency": (!account.currency.is_empty()).then_some(&account.currency),
        "spent": value(account.spent, &account.currency),
        "earned": value(account.earned, &account.currency),
        "balance": account.balance.map(|balance| value(balance, &account.currency)),
    }))
}

/// Points as they are, money as a decimal.
fn value(amount: u64, currency: &str) -> String {
    match currency {
        "" => amount.to_string(),
        _ => decimal(i64::try_from(amount).unwrap_or(i64::MAX), currency),
    }
}

fn refused(no: &Refused, id: Option<Id>) -> Value {
    let details = &no.details;
    let mut document = without_nulls(json!({
        "ok": false,
        "reason": no.reason,
        "number": no.number,
        "transient": no.transient,
        "id": id.map(|id| id.to_string()),
        "text": details.text,
        "code_index": (no.code_index != NO_CODE).then_some(no.code_index),
        "scope": details.scope,
        "limit": details.limit,
        "used": details.used,
        "held": details.held,
        "max": details.max,
        "off_by": details.off_by,
        "retry_after_ms": details.retry_after_ms,
        "resets_at": details.resets_at_ms.map(moment),
        "next_valid_at": details.next_valid_at_ms.map(moment),
        "missing": details.missing,
        "conflicts_with": details.conflicts_with,
        "rule": details.rule,
    }));
    if let Value::Object(fields) = &mut document {
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                fields.insert(name.to_owned(), Value::String(value));
            }
        };
        add("last_used_at", details.last_used_ms.map(moment));
        add("last_gate", details.last_gate.clone());
    }
    document
}

fn code_status(status: &CodeStatus) -> Value {
    without_nulls(json!({
        "ok": true,
        "campaign": status.campaign,
        "version": status.version,
        "kind": kind(status.kind),
        "campaign_status": campaign_status(status.campaign_status),
        "code_state": code_state(status.code_state),
        "used": status.used,
        "held": status.held,
        "max": status.max,
        "balance": status.balance_minor.map(|minor| decimal(minor, &status.currency)),
        "currency": (!status.currency.is_empty()).then_some(&status.currency),
        "valid_from": status.valid_from_ms.map(moment),
        "valid_until": status.valid_to_ms.map(moment),
        "holder": status.holder,
        "last_used_at": status.last_used_ms.map(moment),
    }))
}

fn tell_accepted(out: &mut dyn Write, yes: &Accepted) -> io::Result<()> {
    let again = if yes.replayed { " (as answered before)" } else { "" };
    write!(out, "yes: {}{again}", state(yes.state))?;
    if let Some(id) = yes.id {
        write!(out, "  id {id}")?;
    }
    if yes.until_ms != 0 {
        write!(out, "  until {}", moment(yes.until_ms))?;
    }
    writeln!(out)?;
    for one in &yes.uses {
        write!(out, "  {} v{}", one.campaign, one.version)?;
        if one.ordinal != 0 {
            write!(out, ", use {}", one.ordinal)?;
        }
        if let Some(remaining) = one.remaining {
            write!(out, ", {remaining} left")?;
        }
        if !yes.currency.is_empty() {
            write!(out, ", worth {} {}", decimal(one.worth_minor, &yes.currency), yes.currency)?;
        }
        if let Some(balance) = one.balance_minor {
            write!(out, ", balance {}", decimal(balance, &yes.currency))?;
        }
        if let Some(original) = one.details.original_minor {
            write!(out, " of {}", decimal(original, &yes.currency))?;
        }
        if one.details.forfeited_minor != 0 {
            write!(out, ", {} lost", decimal(one.details.forfeited_minor, &yes.currency))?;
        }
        tell_account(out, one.details.account.as_ref())?;
        for product in &one.products {
            write!(out, ", {} × {}", product.quantity, product.product)?;
        }
        for switch in &one.details.switches {
            write!(out, ", {} is {}", switch.product, switch.to.replace('_', " "))?;
        }
        if let Some(holder) = &one.holder {
            write!(out, ", for {holder}")?;
        }
        if let Some(entry_ms) = one.details.last_entry_ms {
            write!(out, ", entered before at {}", moment(entry_ms))?;
        }
        writeln!(out)?;
    }
    for no in &yes.left_out {
        write!(out, "  left out: code {}, {} ({})", no.code_index, no.reason, no.number)?;
        if let Some(text) = &no.details.text {
            write!(out, ": {text}")?;
        }
        writeln!(out)?;
    }
    if yes.total_before_minor != yes.total_after_minor {
        let total = |minor| decimal(minor, &yes.currency);
        let (before, after) = (total(yes.total_before_minor), total(yes.total_after_minor));
        writeln!(out, "  total {before} → {after} {}", yes.currency)?;
    }
    if let Some(age_ms) = yes.counts_age_ms {
        // Never younger than it is.
        let tenths = age_ms.div_ceil(100);
        writeln!(out, "  counts as of {}.{} s ago", tenths / 10, tenths % 10)?;
    }
    Ok(())
}

fn tell_account(out: &mut dyn Write, account: Option<&UseOfAccount>) -> io::Result<()> {
    let Some(UseOfAccount { account, spent, earned, balance, currency }) = account else {
        return Ok(());
    };
    let told = |amount: u64| value(amount, currency);
    write!(out, ", {account}")?;
    if *spent != 0 {
        write!(out, " −{}", told(*spent))?;
    }
    if *earned != 0 {
        write!(out, " +{}", told(*earned))?;
    }
    balance.map_or(Ok(()), |balance| write!(out, " = {}", told(balance)))
}

/// A no, for people; the same from both doors.
pub(super) fn tell_no(out: &mut dyn Write, document: &Value) -> io::Result<()> {
    let said = |name: &str| cell(document.get(name));
    write!(out, "no: {} ({})", said("reason"), said("number"))?;
    if document.get("text").is_some() {
        write!(out, ": {}", said("text"))?;
    }
    writeln!(out)?;
    const SAID: [&str; 5] = ["ok", "reason", "number", "text", "transient"];
    let mut rest: Map<String, Value> = document.as_object().cloned().unwrap_or_default();
    rest.retain(|name, _| !SAID.contains(&name.as_str()));
    if document.get("transient") == Some(&Value::Bool(true)) {
        rest.insert("transient".to_owned(), Value::Bool(true));
    }
    if rest.is_empty() { Ok(()) } else { fields(out, &Value::Object(rest), 2) }
}

fn state(state: State) -> &'static str {
    match state {
        State::Valid => "valid",
        State::Held => "held",
        State::Redeemed => "redeemed",
        State::Released => "released",
        State::Expired => "expired",
        State::Other(_) => "other",
    }
}

fn kind(kind: CampaignKind) -> &'static str {
    match kind {
        CampaignKind::Discount => "discount",
        CampaignKind::Voucher => "voucher",
        CampaignKind::Pass => "pass",
        CampaignKind::Unit => "unit",
        CampaignKind::Points => "points",
        CampaignKind::Access => "access",
        CampaignKind::Surcharge => "surcharge",
        CampaignKind::Other(_) => "other",
    }
}

fn campaign_status(status: CampaignStatus) -> &'static str {
    match status {
        CampaignStatus::Draft => "draft",
        CampaignStatus::Active => "active",
        CampaignStatus::Paused => "paused",
        CampaignStatus::Ended => "ended",
        CampaignStatus::Other(_) => "other",
    }
}

fn code_state(state: CodeState) -> &'static str {
    match state {
        CodeState::Ready => "ready",
        CodeState::NotActivated => "not_activated",
        CodeState::Used => "used",
        CodeState::Revoked => "revoked",
        CodeState::Replaced => "replaced",
        CodeState::Expired => "expired",
        CodeState::Other(_) => "other",
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "they fail a test")]
mod tests {
    use super::*;
    use crate::protocol::Details;

    fn told(tell: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        tell(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_yes_says_what_it_is_worth() {
        let one = Use {
            campaign: "summer".to_owned(),
            version: 2,
            worth_minor: 250,
            ordinal: 7,
            remaining: Some(3),
            ..Use::default()
        };
        let yes = Accepted {
            state: State::Redeemed,
            id: Some(Id([1; 16])),
            event: 9,
            currency: "EUR".to_owned(),
            total_before_minor: 1_250,
            total_after_minor: 1_000,
            uses: [one].into_iter().collect(),
            ..Accepted::default()
        };
        let expected = "yes: redeemed  id 01010101-0101-0101-0101-010101010101\n  \
             summer v2, use 7, 3 left, worth 2.50 EUR\n  total 12.50 → 10.00 EUR\n";
        assert_eq!(told(|out| tell_accepted(out, &yes)), expected);
        let document = accepted(&yes);
        assert_eq!(document["total_after"], "10.00");
        assert_eq!(document["at"], "1970-01-01T00:00:00.000Z");
        assert_eq!(document.get("until"), None);
        assert_eq!(document.get("counts_age_ms"), None);
    }

    #[test]
    fn a_yes_over_older_counts_says_how_old_they_are() {
        for (age_ms, text) in [(0, "0.0"), (1, "0.1"), (400, "0.4"), (61_950, "62.0")] {
            let yes = Accepted { counts_age_ms: Some(age_ms), ..Accepted::default() };
            let expected = format!("yes: valid\n  counts as of {text} s ago\n");
            assert_eq!(told(|out| tell_accepted(out, &yes)), expected);
            assert_eq!(accepted(&yes)["counts_age_ms"], age_ms);
        }
    }

    #[test]
    fn a_yes_to_an_order_says_what_each_campaign_did() {
        use crate::protocol::{ProductSwitch, UseDetails};
        let gift = Use {
            campaign: "gift".to_owned(),
            version: 1,
            worth_minor: 10_000,
            balance_minor: Some(0),
            details: UseDetails {
                original_minor: Some(20_000),
                forfeited_minor: 10_000,
                lines_minor: vec![10_000, 0],
                ..UseDetails::default()
            },
            ..Use::default()
        };
        let by_itself = Use {
            campaign: "stars".to_owned(),
            version: 2,
            code_index: NO_CODE,
            details: UseDetails {
                account: Some(UseOfAccount {
                    account: "card".to_owned(),
                    spent: 20,
                    earned: 3,
                    balance: Some(83),
                    currency: String::new(),
                }),
                switches: vec![ProductSwitch {
                    product: "suite".to_owned(),
                    to: "not_bookable".to_owned(),
                }],
                photo: Some("photo-81".to_owned()),
                last_entry_ms: Some(0),
                ..UseDetails::default()
            },
            ..Use::default()
        };
        let yes = Accepted {
            currency: "EUR".to_owned(),
            uses: [gift, by_itself].into_iter().collect(),
            left_out: vec![Refused {
                number: 160,
                reason: "already_applied".to_owned(),
                code_index: 1,
                ..Refused::default()
            }],
            ..Accepted::default()
        };
        let expected = "yes: valid\n  \
             gift v1, worth 100.00 EUR, balance 0.00 of 200.00, 100.00 lost\n  \
             stars v2, worth 0.00 EUR, card −20 +3 = 83, suite is not bookable, \
             entered before at 1970-01-01T00:00:00.000Z\n  \
             left out: code 1, already_applied (160)\n";
        assert_eq!(told(|out| tell_accepted(out, &yes)), expected);
        let document = accepted(&yes);
        let uses = &document["uses"];
        assert_eq!(
            (&uses[0]["original"], &uses[0]["forfeited"], &uses[0]["lines"]),
            (&json!("200.00"), &json!("100.00"), &json!(["100.00", "0.00"]))
        );
        let account = json!({"account": "card", "spent": "20", "earned": "3", "balance": "83"});
        assert_eq!((&uses[1]["account"], uses[1].get("code_index")), (&account, None));
        assert_eq!(uses[1]["switches"], json!([{"product": "suite", "to": "not_bookable"}]));
        assert_eq!(document["left_out"][0]["reason"], "already_applied");
    }

    #[test]
    fn a_no_says_why_and_when_to_come_back() {
        let details = Details {
            retry_after_ms: Some(50),
            text: Some("Please try again.".to_owned()),
            ..Details::default()
        };
        let no = Refused {
            number: 222,
            reason: "busy".to_owned(),
            transient: true,
            details,
            ..Refused::default()
        };
        let document = refused(&no, Some(Id([0; 16])));
        assert_eq!((&document["ok"], &document["reason"]), (&json!(false), &json!("busy")));
        let text = told(|out| tell_no(out, &document));
        let expected = "no: busy (222): Please try again.\n  \
             id              00000000-0000-0000-0000-000000000000\n  \
             retry_after_ms  50\n  transient       true\n";
        assert_eq!(text, expected);
    }
}
