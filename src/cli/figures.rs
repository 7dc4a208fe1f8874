//! `jeton figures`: what happened, by minute, hour or day, and how a campaign stands.

use std::io::{self, Write};

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::office::{Office, escaped};
use super::order::currency;
use super::output::{Exit, Output, cell, list, table};
use super::place::Place;

/// Figures, or what can be done with them.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct FiguresFlags {
    #[command(subcommand)]
    command: Option<Figures>,
    #[command(flatten)]
    which: Which,
}

/// What can be done with figures.
#[derive(Debug, Subcommand)]
enum Figures {
    /// Count everything again from the ledger's events; refusals, which are in no event, stay
    Rebuild,
}

/// Which figures.
#[derive(Debug, Args)]
struct Which {
    /// Only of this campaign; then also how it stands
    #[arg(long, short)]
    campaign: Option<String>,
    /// Only of this property
    #[arg(long)]
    property: Option<String>,
    /// Only of this gate, or channel as channel:NAME
    #[arg(long)]
    gate: Option<String>,
    /// The first day or moment, as 2026-07-01 or 2026-07-01T10:00:00Z
    #[arg(long)]
    from: Option<String>,
    /// The first day or moment after; now unless given
    #[arg(long)]
    to: Option<String>,
    /// Minutes are kept for 48 hours, hours for 60 days, days for ever
    #[arg(long, value_enum, default_value_t = Step::Day)]
    step: Step,
    /// Whose figures are told apart
    #[arg(long, value_enum)]
    by: Option<By>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Step {
    Minute,
    Hour,
    Day,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    Campaign,
    Property,
    Gate,
    Reason,
}

pub(super) fn run(flags: &FiguresFlags, place: &Place<'_>, output: Output) -> anyhow::Result<Exit> {
    let office = Office::new(place)?;
    match flags.command {
        Some(Figures::Rebuild) => {
            let document = office.post("/v1/figures/rebuild", json!({}))?;
            output.line(&document, "everything is being counted again")?;
        }
        None => {
            let document = office.get(&flags.which.path())?;
            output.answer(&document, |out| show(out, &document))?;
        }
    }
    Ok(Exit::Yes)
}

impl Which {
    fn path(&self) -> String {
        let mut path = match &self.campaign {
            Some(campaign) => format!("/v1/campaigns/{}/figures", escaped(campaign)),
            None => "/v1/figures".to_owned(),
        };
        let step = name(&self.step);
        let by = self.by.as_ref().map(name);
        let parts = [
            ("step", Some(&step)),
            ("by", by.as_ref()),
            ("property", self.property.as_ref()),
            ("gate", self.gate.as_ref()),
            ("from", self.from.as_ref()),
            ("to", self.to.as_ref()),
        ];
        let given = parts.into_iter().filter_map(|(name, value)| Some((name, value?)));
        for (place, (name, value)) in given.enumerate() {
            let before = if place == 0 { "?" } else { "&" };
            path.extend([before, name, "=", &escaped(value)]);
        }
        path
    }
}

/// As it is said on the command line and in addresses.
fn name(value: &impl ValueEnum) -> String {
    value.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

/// One series by its points, several by their sums.
fn show(out: &mut dyn Write, document: &Value) -> io::Result<()> {
    let series = document.get("series").map(list).unwrap_or_default();
    let heads = ["", "REDEEMED", "RELEASED", "REFUSED", "USES", "BACK", "HELD", "GIVEN"];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    match series {
        [only] if text(only, "label") == "all" => {
            let points = only.get("points").map(list).unwrap_or_default();
            rows.extend(points.iter().map(|point| row(text(point, "at"), point)));
        }
        several => rows.extend(several.iter().filter_map(|one| {
            let label = text(one, "label");
            let label = if label.is_empty() { "-".to_owned() } else { label };
            Some(row(label, one.get("totals")?))
        })),
    }
    if let Some(totals) = document.get("totals") {
        rows.push(row("total".to_owned(), totals));
    }
    table(out, &rows)?;
    let Some(standing) = document.get("standing") else { return Ok(()) };
    writeln!(out)?;
    let number = |name| cell(standing.get(name));
    let mut rows = vec![
        vec!["used".to_owned(), number("used")],
        vec!["held".to_owned(), number("held")],
        vec!["codes".to_owned(), number("codes")],
        vec!["given".to_owned(), money(standing)],
    ];
    if standing.get("remaining").is_some() {
        rows.insert(2, vec!["remaining".to_owned(), number("remaining")]);
    }
    table(out, &rows)
}

fn text(value: &Value, name: &str) -> String {
    cell(value.get(name))
}

fn row(label: String, sums: &Value) -> Vec<String> {
    let counts = ["redeemed", "released", "refused", "uses", "uses_back", "held"];
    let counts = counts.into_iter().map(|name| cell(sums.get(name)));
    [label].into_iter().chain(counts).chain([money(sums)]).collect()
}

/// Amounts of money with their currencies.
fn money(sums: &Value) -> String {
    let amounts = sums.get("money_minor").and_then(Value::as_object);
    let amount = |(letters, minor): (&String, &Value)| {
        let minor = minor.as_i64().unwrap_or(0);
        match currency(letters) {
            Ok(currency) => format!("{} {currency}", currency.decimal(minor)),
            Err(_unknown) => format!("{minor} {letters}"),
        }
    };
    amounts.into_iter().flatten().map(amount).collect::<Vec<_>>().join(", ")
}
