//! Answers, in the words in which scripts say what they expect.

use jeton::client::{Accepted, CodeState, CodeStatus, Error, Refused, Reply, State, Use};
use jeton::domain::time::Timestamp;
use jeton::protocol::NO_CODE;

/// One fact of an answer; `?` when such an answer has no such fact.
pub(crate) fn fact(reply: &Result<Reply, Error>, name: &str, now: Timestamp) -> String {
    let value = match reply {
        Ok(Reply::Accepted(yes)) => of_yes(yes, name, now),
        Ok(Reply::Refused(no)) => of_no(no, name),
        Ok(Reply::CodeStatus(status)) => of_code(status, name),
        _ => None,
    };
    value.unwrap_or_else(|| "?".to_owned())
}

/// Words with single blanks between them; moments in UTC.
pub(crate) fn normal(expected: &str) -> String {
    let words = expected.split_whitespace().map(|word| match word.split_once('=') {
        Some((name, value)) => match Timestamp::from_rfc3339(value) {
            Some(moment) => format!("{name}={}", moment.to_rfc3339()),
            None => word.to_owned(),
        },
        None => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

pub(crate) fn outcome(reply: &Result<Reply, Error>) -> String {
    match reply {
        Ok(Reply::Accepted(yes)) => {
            let state = match yes.state {
                State::Valid => "valid",
                State::Held => "held",
                State::Redeemed => "redeemed",
                State::Released => "released",
                State::Expired => "expired",
                State::Other(_) => "other",
            };
            format!("{}{state}", if yes.replayed { "again " } else { "" })
        }
        Ok(Reply::Refused(no)) => no.reason.clone(),
        Ok(Reply::CodeStatus(status)) => match status.code_state {
            CodeState::Ready => "ready",
            CodeState::NotActivated => "not_activated",
            CodeState::Used => "used",
            CodeState::Revoked => "revoked",
            CodeState::Replaced => "replaced",
            CodeState::Expired => "expired",
            CodeState::Other(_) => "other",
        }
        .to_owned(),
        Err(Error::Protocol { number, .. }) => format!("fault {number}"),
        reply => format!("{reply:?}"),
    }
}

fn or_dash<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

fn utc(ms: i64) -> String {
    Timestamp(ms).to_rfc3339()
}

/// A figure of a yes; of several codes joined by commas.
fn of_yes(yes: &Accepted, name: &str, now: Timestamp) -> Option<String> {
    let uses = |of: &dyn Fn(&Use) -> String| yes.uses.iter().map(of).collect::<Vec<_>>().join(",");
    Some(match name {
        "size" => yes.size.to_string(),
        "live" => yes.live.to_string(),
        "before" => yes.total_before_minor.to_string(),
        "after" => yes.total_after_minor.to_string(),
        "currency" => yes.currency.clone(),
        "until" if yes.until_ms == 0 => "-".to_owned(),
        "until" => format!("{:+}", yes.until_ms - now.0),
        "at" => utc(yes.at_ms),
        "campaign" => uses(&|one| one.campaign.clone()),
        "worth" => uses(&|one| one.worth_minor.to_string()),
        "ordinal" => uses(&|one| one.ordinal.to_string()),
        "remaining" => uses(&|one| or_dash(one.remaining)),
        "balance" => uses(&|one| or_dash(one.balance_minor)),
        "units" => uses(&|one| one.units.to_string()),
        "version" => uses(&|one| one.version.to_string()),
        "holder" => uses(&|one| or_dash(one.holder.as_ref())),
        "products" => uses(&|one| {
            let all = one.products.iter().map(|p| format!("{}*{}", p.product, p.quantity));
            all.collect::<Vec<_>>().join("+")
        }),
        "codes" => uses(&|one| or_dash(Some(one.code_index).filter(|index| *index != NO_CODE))),
        "original" => uses(&|one| or_dash(one.details.original_minor)),
        "forfeited" => uses(&|one| one.details.forfeited_minor.to_string()),
        "account" => uses(&|one| or_dash(one.details.account.as_ref().map(|a| &a.account))),
        "spent" => uses(&|one| or_dash(one.details.account.as_ref().map(|a| a.spent))),
        "earned" => uses(&|one| or_dash(one.details.account.as_ref().map(|a| a.earned))),
        "points" => uses(&|one| or_dash(one.details.account.as_ref().and_then(|a| a.balance))),
        "photo" => uses(&|one| or_dash(one.details.photo.as_ref())),
        "entry" => uses(&|one| or_dash(one.details.last_entry_ms.map(utc))),
        "lines" => uses(&|one| {
            let all = one.details.lines_minor.iter().map(i64::to_string);
            all.collect::<Vec<_>>().join("+")
        }),
        "switches" => uses(&|one| {
            let all = one.details.switches.iter().map(|s| format!("{}:{}", s.product, s.to));
            all.collect::<Vec<_>>().join("+")
        }),
        "left_out" => {
            let all = yes.left_out.iter().map(|no| format!("{}:{}", no.code_index, no.reason));
            all.collect::<Vec<_>>().join(",")
        }
        _ => return None,
    })
}

/// A detail of a no, with its name; blanks become low lines.
fn of_no(no: &Refused, name: &str) -> Option<String> {
    let details = &no.details;
    let text = |text: &Option<String>| text.as_ref().map(|text| text.replace(' ', "_"));
    let number = |number: Option<u64>| number.map(|number| number.to_string());
    let told = [
        ("scope", text(&details.scope)),
        ("limit", text(&details.limit)),
        ("used", number(details.used)),
        ("held", number(details.held)),
        ("max", number(details.max)),
        ("retry", number(details.retry_after_ms)),
        ("resets", details.resets_at_ms.map(utc)),
        ("next", details.next_valid_at_ms.map(utc)),
        ("missing", text(&details.missing)),
        ("conflicts", text(&details.conflicts_with)),
        ("rule", text(&details.rule)),
        ("last", details.last_used_ms.map(utc)),
        ("gate", text(&details.last_gate)),
        ("off_by", number(details.off_by)),
    ];
    let code = (no.code_index != NO_CODE).then(|| no.code_index.to_string());
    Some(match name {
        "number" => no.number.to_string(),
        "transient" => no.transient.to_string(),
        "code" => or_dash(code),
        "all" => {
            let all = told
                .iter()
                .filter_map(|(name, value)| value.as_ref().map(|value| format!("{name}:{value}")));
            all.collect::<Vec<_>>().join(";")
        }
        name => {
            let one = told.into_iter().find(|(known, _)| *known == name);
            or_dash(one?.1)
        }
    })
}

fn of_code(status: &CodeStatus, name: &str) -> Option<String> {
    Some(match name {
        "campaign" => status.campaign.clone(),
        "version" => status.version.to_string(),
        "used" => status.used.to_string(),
        "held" => status.held.to_string(),
        "max" => or_dash(status.max),
        "balance" => or_dash(status.balance_minor),
        "holder" => or_dash(status.holder.as_ref()),
        "until" => or_dash(status.valid_to_ms.map(utc)),
        "last" => or_dash(status.last_used_ms.map(utc)),
        _ => return None,
    })
}
