//! `jeton code`: codes in numbers, and single ones.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use ureq::http::Method;

use super::office::{Content, Office, escaped};
use super::output::{Exit, Output, cell, fields, list, table, wrong_use};
use super::place::Place;
use super::{code_list, code_stream};
use crate::clock::Clock;

/// What can be done with codes.
#[derive(Debug, Subcommand)]
pub(super) enum Code {
    /// Generate codes by the campaign's pattern
    ///
    /// Codes are written as they are made. Interrupted, the same command with --request and the id
    /// it told goes on where it stopped: no code is made twice, none is lost.
    #[command(after_long_help = GENERATE_EXAMPLES)]
    Generate(Generate),
    /// Take in codes of your own from a list, CSV or NDJSON
    ///
    /// Wrong and duplicate rows are told by line and left out; the rest goes on. Exits with 1 if
    /// any row was refused.
    #[command(after_long_help = IMPORT_EXAMPLES)]
    Import(Import),
    /// Write a batch's codes out again
    Export(Export),
    /// List a campaign's codes, the newest first
    ///
    /// Their texts are masked unless the token may export codes.
    #[command(after_long_help = LIST_EXAMPLES)]
    List(code_list::List),
    /// List batches
    Batches {
        /// Only this campaign's
        #[arg(long)]
        campaign: Option<String>,
    },
    /// Add one code of your own
    Add {
        /// The campaign
        campaign: String,
        #[command(flatten)]
        code: One,
    },
    /// Issue one fresh code
    ///
    /// If the answer is lost, repeat with the same --request: it is the same code.
    Issue(Issue),
    /// Remove unused codes of campaigns that ended longer ago than their retention
    ///
    /// The server does the same once a day.
    Prune {
        /// Say what would be removed, remove nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Show where a code stands
    Show(One),
    /// Show what happened to a code, newest first
    History {
        #[command(flatten)]
        code: One,
        /// At most so many events
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// Only events before this number
        #[arg(long, value_name = "EVENT")]
        before: Option<u64>,
    },
    /// Block a code
    Revoke(One),
    /// Let a blocked code be used again
    Reinstate(One),
    /// Move a code's remaining uses and balance to another code
    Replace {
        #[command(flatten)]
        code: One,
        /// The other code; a generated one unless given
        #[arg(long, value_name = "CODE")]
        new: Option<String>,
    },
    /// Let a barcode, chip or transponder reach a code, too
    Link {
        #[command(flatten)]
        code: One,
        /// The text of the medium; one of another code of the campaign moves here
        #[arg(long, value_name = "TEXT")]
        medium: String,
    },
    /// Say that a code was paid
    Paid {
        #[command(flatten)]
        code: One,
        /// When, in RFC 3339; now unless given
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
    },
    /// Bind a code to a customer, or to nobody
    Holder {
        #[command(flatten)]
        code: One,
        /// The customer; nobody unless given
        #[arg(long)]
        customer: Option<String>,
    },
    /// Say which picture shows a code's holder, or none
    Photo {
        #[command(flatten)]
        code: One,
        /// A reference to the picture; none unless given
        #[arg(long)]
        photo: Option<String>,
    },
}

/// What to issue.
#[derive(Debug, Args)]
pub(super) struct Issue {
    /// The campaign
    campaign: String,
    /// The customer it is bound to
    #[arg(long, value_name = "CUSTOMER")]
    holder: Option<String>,
    /// A reference to the holder's picture
    #[arg(long)]
    photo: Option<String>,
    #[command(flatten)]
    common: Common,
}

const GENERATE_EXAMPLES: &str = "\
Examples:
  jeton code generate summer --count 1000 --out codes.csv
  jeton code generate summer --count 1000000 --format text | gzip > codes.gz
  jeton code generate gift --count 20 --balance 50.00 --paid now --out gift.csv";

const IMPORT_EXAMPLES: &str = "\
Examples:
  jeton code import summer list.txt --dry-run
  jeton code import summer codes.csv --label 'fair 2026'
  cut -f3 old.tsv | jeton code import summer -";

const LIST_EXAMPLES: &str = "\
Examples:
  jeton code list gift --paid no                   what is still to be paid
  jeton code list gift --paid yes --redeemed no    what is paid and not used yet
  jeton --json code list gift --batch 12 --limit 1000";

/// One code. `-` reads it from standard input, where other users of the machine cannot see it.
#[derive(Debug, Args)]
pub(super) struct One {
    /// The code; - reads it from standard input
    code: String,
}

impl One {
    fn text(&self) -> anyhow::Result<String> {
        if self.code != "-" {
            return Ok(self.code.clone());
        }
        let mut line = String::new();
        std::io::stdin().read_line(&mut line)?;
        let code = line.trim();
        if code.is_empty() {
            Err(wrong_use("no code on standard input"))
        } else {
            Ok(code.to_owned())
        }
    }
}

/// What all codes of a batch have in common.
#[derive(Debug, Args)]
pub(super) struct Common {
    /// What people call the batch
    #[arg(long)]
    label: Option<String>,
    /// When they were paid, in RFC 3339, or now
    #[arg(long, value_name = "TIME")]
    paid: Option<String>,
    /// Uses of each code, instead of the campaign's
    #[arg(long)]
    uses: Option<u64>,
    /// Starting balance of each code, such as 50.00, instead of the campaign's
    #[arg(long, value_name = "MONEY")]
    balance: Option<rust_decimal::Decimal>,
    /// First moment or day, instead of the campaign's
    #[arg(long, value_name = "TIME")]
    valid_from: Option<String>,
    /// Last day or end, instead of the campaign's
    #[arg(long, value_name = "TIME")]
    valid_until: Option<String>,
    /// The id of an earlier, interrupted request, to go on where it stopped
    #[arg(long, value_name = "ID")]
    pub(super) request: Option<uuid::Uuid>,
}

impl Common {
    /// As parts of a query.
    pub(super) fn query(&self) -> String {
        let given = self.given();
        given.map(|(name, value)| format!("&{name}={}", escaped(&value))).collect()
    }

    /// What is given, by name.
    fn given(&self) -> impl Iterator<Item = (&'static str, String)> {
        let text = |text: &Option<String>| text.clone();
        let paid = self.paid.as_ref().map(|paid| match paid.as_str() {
            "now" => Clock::system().now().to_rfc3339(),
            moment => moment.to_owned(),
        });
        let all = [
            ("label", text(&self.label)),
            ("paid_at", paid),
            ("uses", self.uses.map(|uses| uses.to_string())),
            ("balance", self.balance.map(|balance| balance.to_string())),
            ("valid_from", text(&self.valid_from)),
            ("valid_until", text(&self.valid_until)),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?)))
    }
}

/// What to generate.
#[derive(Debug, Args)]
pub(super) struct Generate {
    /// The campaign
    pub(super) campaign: String,
    /// How many
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub(super) count: u64,
    #[command(flatten)]
    pub(super) sheet: Sheet,
    #[command(flatten)]
    pub(super) common: Common,
}

/// Where codes are written, and how.
#[derive(Debug, Args)]
pub(super) struct Sheet {
    /// A new file, for its owner only; standard output unless given
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
    /// csv, ndjson or text (one code a line)
    #[arg(long, default_value = "csv", value_parser = ["csv", "ndjson", "text"])]
    pub(super) format: String,
}

/// What to import.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// The campaign
    pub(super) campaign: String,
    /// The file; - is standard input
    pub(super) file: PathBuf,
    /// Say what would happen, take nothing in
    #[arg(long)]
    pub(super) dry_run: bool,
    /// auto (by the first line), list, csv or ndjson
    #[arg(long, default_value = "auto", value_parser = ["auto", "list", "csv", "ndjson"])]
    pub(super) format: String,
    #[command(flatten)]
    pub(super) common: Common,
}

/// What to export.
#[derive(Debug, Args)]
pub(super) struct Export {
    /// The batch's number, as code batches lists it
    pub(super) batch: u32,
    #[command(flatten)]
    pub(super) filter: code_list::Filter,
    #[command(flatten)]
    pub(super) sheet: Sheet,
}

pub(super) fn run(command: &Code, place: &Place<'_>, output: Output) -> anyhow::Result<Exit> {
    let office = Office::new(place)?;
    match command {
        Code::Generate(generate) => return code_stream::generate(generate, &office, output),
        Code::Import(import) => return code_stream::import(import, &office, output),
        Code::Export(export) => return code_stream::export(export, &office, output),
        Code::List(list) => code_list::list(list, &office, output)?,
        Code::Issue(issue) => self::issue(issue, &office, output)?,
        Code::Prune { dry_run } => return code_stream::prune(*dry_run, &office, output),
        Code::Batches { campaign } => batches(campaign.as_deref(), &office, output)?,
        Code::Add { campaign, code } => {
            let wish = json!({ "campaign": campaign, "code": code.text()? });
            told(&office.post("/v1/codes", wish)?, output)?;
        }
        Code::Show(code) => {
            told(&office.post("/v1/codes/lookup", json!({ "code": code.text()? }))?, output)?;
        }
        Code::History { code, limit, before } => {
            let mut wish = json!({ "code": code.text()?, "limit": limit });
            set(&mut wish, "before", before.map(Value::from));
            history(&office.post("/v1/codes/history", wish)?, output)?;
        }
        Code::Revoke(code) => change("revoke", json!({ "code": code.text()? }), &office, output)?,
        Code::Reinstate(code) => {
            change("reinstate", json!({ "code": code.text()? }), &office, output)?;
        }
        Code::Replace { code, new } => {
            let mut wish = json!({ "code": code.text()? });
            set(&mut wish, "new", new.clone().map(Value::from));
            change("replace", wish, &office, output)?;
        }
        Code::Link { code, medium } => {
            let wish = json!({ "code": code.text()?, "medium": medium });
            change("media", wish, &office, output)?;
        }
        Code::Paid { code, at } => {
            let mut wish = json!({ "code": code.text()? });
            set(&mut wish, "at", at.clone().map(Value::from));
            change("paid", wish, &office, output)?;
        }
        Code::Holder { code, customer } => {
            let wish = json!({ "code": code.text()?, "holder": customer });
            change("holder", wish, &office, output)?;
        }
        Code::Photo { code, photo } => {
            let wish = json!({ "code": code.text()?, "photo": photo });
            change("photo", wish, &office, output)?;
        }
    }
    Ok(Exit::Yes)
}

fn issue(issue: &Issue, office: &Office, output: Output) -> anyhow::Result<()> {
    let mut wish = json!({});
    for (name, value) in issue.common.given() {
        let value = if name == "uses" { json!(issue.common.uses) } else { Value::from(value) };
        set(&mut wish, name, Some(value));
    }
    set(&mut wish, "holder", issue.holder.clone().map(Value::from));
    set(&mut wish, "photo", issue.photo.clone().map(Value::from));
    let request = issue.common.request.unwrap_or_else(uuid::Uuid::now_v7).to_string();
    let path = format!("/v1/campaigns/{}/issue", escaped(&issue.campaign));
    let headers = [("idempotency-key", request.as_str())];
    let answered = office.ask_with(Method::POST, &path, Content::Json(wish), &headers);
    let document = answered.with_context(|| format!("repeat with: --request {request}"))?;
    told(&document, output)
}

fn set(document: &mut Value, name: &str, value: Option<Value>) {
    if let (Value::Object(fields), Some(value)) = (document, value) {
        fields.insert(name.to_owned(), value);
    }
}

fn change(verb: &str, wish: Value, office: &Office, output: Output) -> anyhow::Result<()> {
    let path = format!("/v1/codes/{verb}");
    let document = office.post(&path, wish)?;
    told(&if document.is_null() { json!({ "ok": true }) } else { document }, output)
}

fn told(document: &Value, output: Output) -> anyhow::Result<()> {
    output.answer(document, |out| fields(out, document, 0))
}

fn history(document: &Value, output: Output) -> anyhow::Result<()> {
    output.answer(document, |out| {
        for event in list(document) {
            fields(out, event, 0)?;
            writeln!(out)?;
        }
        Ok(())
    })
}

fn batches(campaign: Option<&str>, office: &Office, output: Output) -> anyhow::Result<()> {
    let query =
        campaign.map_or_else(String::new, |campaign| format!("?campaign={}", escaped(campaign)));
    let document = office.get(&format!("/v1/batches{query}"))?;
    let columns =
        ["number", "campaign", "label", "source", "wanted", "stored", "complete", "issued_at"];
    let mut rows = vec![columns.map(str::to_uppercase).to_vec()];
    for one in list(&document) {
        rows.push(columns.map(|name| cell(one.get(name))).to_vec());
    }
    output.answer(&document, |out| table(out, &rows))
}
