//! `jeton topup`, `transfer`, `account lookup`, and what `release` gives instead of money.
//!
//! All of it is asked over HTTP. Knows nothing of units: an amount is what the server makes of it,
//! money of the voucher or account, or whole points.

use std::io::{self, Write};

use anyhow::Context;
use clap::{ArgGroup, Args, Subcommand};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use ureq::http::Method;

use super::answer::tell_no;
use super::definition::{self, Definition, Sort};
use super::office::{Content, Office, escaped};
use super::order::parse_id;
use super::output::{Exit, Output, cell, fields, list, table};
use super::place::Place;
use crate::client::new_id;
use crate::protocol::Id;

/// What can be seen of accounts.
#[derive(Debug, Subcommand)]
pub(super) enum Account {
    #[command(flatten)]
    Definition(Definition),
    /// Show how a customer's account stands, and what happened to it
    #[command(after_long_help = LOOKUP_EXAMPLES)]
    Lookup(Lookup),
}

const LOOKUP_EXAMPLES: &str = "\
Examples:
  jeton account lookup card mia
  jeton account lookup card mia --events 100";

/// Whose account.
#[derive(Debug, Args)]
pub(super) struct Lookup {
    /// The account
    account: String,
    /// The customer
    customer: String,
    /// At most so many of the newest events
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 20,
        value_parser = clap::value_parser!(u16).range(0..=1_000)
    )]
    events: u16,
    /// Only events before this number
    #[arg(long, value_name = "EVENT")]
    before: Option<u64>,
}

/// What is put in, and where.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("purse").args(["code", "account"]).required(true))]
pub(super) struct TopUp {
    /// How much: money of the voucher or account, such as 50.00, or whole points
    amount: Decimal,
    /// Into the balance of this code
    #[arg(long)]
    code: Option<String>,
    /// Into this account
    #[arg(long, requires = "customer")]
    account: Option<String>,
    /// The customer whose account it is
    #[arg(long, requires = "account")]
    customer: Option<String>,
    #[command(flatten)]
    said: Said,
}

/// What is moved, from where to where.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("from").args(["from_code", "from_account"]).required(true),
    group = ArgGroup::new("to").args(["to_code", "to_account"]).required(true)
)]
pub(super) struct Transfer {
    /// How much: money, such as 20.00, or whole points
    amount: Decimal,
    /// Out of the balance of this code
    #[arg(long, value_name = "CODE")]
    from_code: Option<String>,
    /// Out of this account
    #[arg(long, value_name = "ACCOUNT", requires = "from_customer")]
    from_account: Option<String>,
    /// The customer whose account it is
    #[arg(long, value_name = "CUSTOMER", requires = "from_account")]
    from_customer: Option<String>,
    /// Into the balance of this code
    #[arg(long, value_name = "CODE")]
    to_code: Option<String>,
    /// Into this account
    #[arg(long, value_name = "ACCOUNT", requires = "to_customer")]
    to_account: Option<String>,
    /// The customer whose account it is
    #[arg(long, value_name = "CUSTOMER", requires = "to_account")]
    to_customer: Option<String>,
    #[command(flatten)]
    said: Said,
}

/// What history shall say of a movement.
#[derive(Debug, Args)]
struct Said {
    /// Its id, a UUID; the same for every repetition, and to release it; a new one unless given
    #[arg(long, value_parser = parse_id)]
    id: Option<Id>,
    /// Your own name for it, such as the number of the sale
    #[arg(long, value_name = "TEXT")]
    order_ref: Option<String>,
    /// The gate or till
    #[arg(long)]
    gate: Option<String>,
    /// The house, park, pool
    #[arg(long)]
    property: Option<String>,
    /// How it came in, such as web
    #[arg(long)]
    channel: Option<String>,
}

/// What comes with a release instead of money.
#[derive(Debug, Clone, Args)]
pub(super) struct CreditFlags {
    /// A fresh voucher of this campaign
    #[arg(
        long,
        value_name = "CAMPAIGN",
        group = "credited",
        requires = "amount",
        help_heading = "Instead of money"
    )]
    voucher: Option<String>,
    /// The customer that the voucher is bound to
    #[arg(long, value_name = "CUSTOMER", requires = "voucher", help_heading = "Instead of money")]
    holder: Option<String>,
    /// Credit in this account
    #[arg(
        long = "credit",
        value_name = "ACCOUNT",
        group = "credited",
        requires_all = ["customer", "amount"],
        help_heading = "Instead of money"
    )]
    account: Option<String>,
    /// The customer whose account it is
    #[arg(long, requires = "account", help_heading = "Instead of money")]
    customer: Option<String>,
    /// What the voucher or credit is worth, such as 80.00, or whole points
    #[arg(long, value_name = "MONEY", requires = "credited", help_heading = "Instead of money")]
    amount: Option<Decimal>,
}

impl CreditFlags {
    /// As the HTTP door has it; nothing, where nothing is wished for.
    pub(super) fn wish(&self) -> Option<Value> {
        let amount = self.amount?.to_string();
        Some(given([
            ("campaign", self.voucher.as_deref()),
            ("holder", self.holder.as_deref()),
            ("account", self.account.as_deref()),
            ("customer", self.customer.as_deref()),
            ("amount", Some(&amount)),
        ]))
    }
}

/// The texts that are given, as a document.
fn given<const N: usize>(texts: [(&str, Option<&str>); N]) -> Value {
    let given = texts.into_iter().filter_map(|(name, text)| Some((name, text?)));
    Value::Object(given.map(|(name, text)| (name.to_owned(), Value::from(text))).collect())
}

fn purse(code: Option<&str>, account: Option<&str>, customer: Option<&str>) -> Value {
    given([("code", code), ("account", account), ("customer", customer)])
}

impl Said {
    fn order(&self) -> Value {
        given([
            ("order_ref", self.order_ref.as_deref()),
            ("gate", self.gate.as_deref()),
            ("property", self.property.as_deref()),
            ("channel", self.channel.as_deref()),
        ])
    }
}

pub(super) fn account(
    command: &Account,
    place: &Place<'_>,
    output: Output,
) -> anyhow::Result<Exit> {
    match command {
        Account::Definition(command) => definition::run(Sort::Accounts, command, place, output),
        Account::Lookup(lookup) => self::lookup(lookup, place, output),
    }
}

pub(super) fn top_up(top_up: &TopUp, place: &Place<'_>, output: Output) -> anyhow::Result<Exit> {
    let TopUp { amount, code, account, customer, said } = top_up;
    let to = purse(code.as_deref(), account.as_deref(), customer.as_deref());
    let wish = json!({ "to": to, "amount": amount.to_string(), "order": said.order() });
    ask("/v1/topups", wish, said.id, place, output)
}

pub(super) fn transfer(
    transfer: &Transfer,
    place: &Place<'_>,
    output: Output,
) -> anyhow::Result<Exit> {
    let Transfer { amount, said, .. } = transfer;
    let wish = json!({
        "from": purse(
            transfer.from_code.as_deref(),
            transfer.from_account.as_deref(),
            transfer.from_customer.as_deref(),
        ),
        "to": purse(
            transfer.to_code.as_deref(),
            transfer.to_account.as_deref(),
            transfer.to_customer.as_deref(),
        ),
        "amount": amount.to_string(),
        "order": said.order(),
    });
    ask("/v1/transfers", wish, said.id, place, output)
}

/// Releases with what comes instead of money.
pub(super) fn release(
    of: Id,
    id: Option<Id>,
    wish: Value,
    place: &Place<'_>,
    output: Output,
) -> anyhow::Result<Exit> {
    ask(&format!("/v1/redemptions/{of}/release"), wish, id, place, output)
}

/// Asks under an id, which is told with whatever the answer is.
fn ask(
    path: &str,
    wish: Value,
    id: Option<Id>,
    place: &Place<'_>,
    output: Output,
) -> anyhow::Result<Exit> {
    let request = id.unwrap_or_else(new_id).to_string();
    let headers = [("idempotency-key", request.as_str())];
    let answered = Office::new(place)?.ask_with(Method::POST, path, Content::Json(wish), &headers);
    let mut answer = answered.with_context(|| format!("repeat with: --id {request}"))?;
    if let Value::Object(fields) = &mut answer {
        fields.insert("request".to_owned(), Value::from(request));
    }
    let is_yes = answer.get("ok") == Some(&Value::Bool(true));
    output.answer(
        &answer,
        |out| {
            if is_yes { tell_yes(out, &answer) } else { tell_no(out, &answer) }
        },
    )?;
    Ok(Exit::of(is_yes))
}

fn tell_yes(out: &mut dyn Write, answer: &Value) -> io::Result<()> {
    let said = |name: &str| cell(answer.get(name));
    let again = match answer.get("replayed") {
        Some(Value::Bool(true)) => " (as answered before)",
        _ => "",
    };
    writeln!(out, "yes: {}{again}  request {}", said("state"), said("request"))?;
    if let Some(credit) = answer.get("credit") {
        let said = |name: &str| cell(credit.get(name));
        let worth = format!("{} {}", said("amount"), said("currency"));
        return match credit.get("code") {
            Some(_) => writeln!(out, "  {}, worth {}", said("code"), worth.trim_end()),
            None => writeln!(out, "  credited {}", worth.trim_end()),
        };
    }
    let letters = said("currency");
    for used in answer.get("uses").map_or(&[][..], list) {
        let Some(account) = used.get("account") else {
            let (campaign, balance) = (cell(used.get("campaign")), cell(used.get("balance")));
            writeln!(out, "  {}", format!("{campaign}, balance {balance} {letters}").trim_end())?;
            continue;
        };
        write!(out, "  {}", cell(account.get("account")))?;
        for (name, sign) in [("spent", '−'), ("earned", '+')] {
            let moved = cell(account.get(name));
            if moved.parse().is_ok_and(|moved: Decimal| !moved.is_zero()) {
                write!(out, " {sign}{moved}")?;
            }
        }
        let balance = format!("{} {letters}", cell(account.get("balance")));
        writeln!(out, ", balance {}", balance.trim_end())?;
    }
    Ok(())
}

fn lookup(lookup: &Lookup, place: &Place<'_>, output: Output) -> anyhow::Result<Exit> {
    let Lookup { account, customer, events, before } = lookup;
    let mut wish = json!({ "customer": customer, "limit": events });
    if let (Value::Object(fields), Some(before)) = (&mut wish, before) {
        fields.insert("before".to_owned(), Value::from(*before));
    }
    let path = format!("/v1/accounts/{}/lookup", escaped(account));
    let page = Office::new(place)?.post(&path, wish)?;
    let is_yes = page.get("ok") == Some(&Value::Bool(true));
    output.answer(&page, |out| if is_yes { tell_page(out, &page) } else { tell_no(out, &page) })?;
    Ok(Exit::of(is_yes))
}

fn tell_page(out: &mut dyn Write, page: &Value) -> io::Result<()> {
    let mut plain: Map<String, Value> = page.as_object().cloned().unwrap_or_default();
    plain.retain(|name, value| name != "ok" && !value.is_array());
    fields(out, &Value::Object(plain), 0)?;
    columns(out, page.get("lots"), &["amount", "expires", "spendable_from"], Value::get)?;
    let shown = ["number", "at", "kind", "earned", "spent", "balance", "order_ref", "gate"];
    columns(out, page.get("events"), &shown, |event, name| {
        event.get(name).or_else(|| event.get("receipt")?.get(name))
    })
}

/// A list as a table, if there is anything in it.
fn columns(
    out: &mut dyn Write,
    all: Option<&Value>,
    names: &[&'static str],
    find: impl for<'a> Fn(&'a Value, &'static str) -> Option<&'a Value>,
) -> io::Result<()> {
    let all = all.map_or(&[][..], list);
    if all.is_empty() {
        return Ok(());
    }
    let heads = names.iter().map(|name| name.replace('_', " ").to_uppercase()).collect();
    let row = |one| names.iter().map(|name| cell(find(one, name))).collect::<Vec<String>>();
    let rows: Vec<Vec<String>> = [heads].into_iter().chain(all.iter().map(row)).collect();
    writeln!(out)?;
    table(out, &rows)
}
