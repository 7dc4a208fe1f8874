//! `jeton validate`, `redeem`, `hold`, `confirm`, `release`, `extend`, `status`: what gates and
//! checkouts ask.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use serde_json::json;

use super::office::Office;
use super::order::{OrderFlags, PartFlags, parse_id};
use super::output::{Exit, Output};
use super::place::{Place, read};
use super::value::{self, CreditFlags};
use super::{answer, explanation};
use crate::client::{Client, Options, new_id};
use crate::domain::time::Timestamp;
use crate::protocol::{
    CodeQuery, Confirm, Extend, Hold, Id, Options as AskOptions, Redeem, Release, Reply, Request,
    StatusQuery, Validate,
};

/// How to reach the server.
#[derive(Debug, Clone, Args)]
pub(super) struct Way {
    /// A client certificate, PEM; needs no token
    #[arg(long, value_name = "FILE", requires = "key", help_heading = "Connection")]
    cert: Option<PathBuf>,
    /// Its private key, PEM
    #[arg(long, value_name = "FILE", requires = "cert", help_heading = "Connection")]
    key: Option<PathBuf>,
    /// The name in the server's certificate; the server's host unless given
    #[arg(long, value_name = "NAME", help_heading = "Connection")]
    server_name: Option<String>,
    /// How long it may take with all repetitions
    #[arg(
        long,
        value_name = "TIME",
        default_value = "2s",
        value_parser = humantime::parse_duration,
        help_heading = "Connection"
    )]
    deadline: Duration,
}

/// Codes and their circumstances.
#[derive(Debug, Clone, Args)]
pub(super) struct Question {
    /// The codes: all of them, or none; without codes, what campaigns give by themselves
    #[arg(value_name = "CODE")]
    codes: Vec<String>,
    /// Leave out codes that cannot be used, and use the others
    #[arg(long)]
    partial: bool,
    #[command(flatten)]
    order: OrderFlags,
    #[command(flatten)]
    way: Way,
}

/// What to validate.
#[derive(Debug, Clone, Args)]
pub(super) struct ValidateFlags {
    #[command(flatten)]
    question: Question,
    /// Ask the ledger itself, not the server's picture of it
    #[arg(long)]
    exact: bool,
    /// Say for each campaign what was asked and found, what its effects did, and how its limits
    /// stand; asks over HTTP
    #[arg(long)]
    explain: bool,
    /// Answer as at this moment, such as 2026-08-01T10:00:00+02:00; for the office only
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    now: Option<i64>,
}

/// What to redeem.
#[derive(Debug, Clone, Args)]
pub(super) struct RedeemFlags {
    #[command(flatten)]
    question: Question,
    /// The request's id, a UUID; the same for every repetition; a new one unless given
    #[arg(long, value_parser = parse_id)]
    id: Option<Id>,
    /// Change nothing, and say what would be
    #[arg(long)]
    dry: bool,
}

/// What to hold.
#[derive(Debug, Clone, Args)]
pub(super) struct HoldFlags {
    #[command(flatten)]
    redeem: RedeemFlags,
    /// How long, such as 15m; what the campaign says unless given
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    ttl: Option<Duration>,
}

/// What to confirm.
#[derive(Debug, Clone, Args)]
pub(super) struct ConfirmFlags {
    /// The hold's id
    #[arg(value_parser = parse_id)]
    id: Id,
    #[command(flatten)]
    part: PartFlags,
    #[command(flatten)]
    way: Way,
}

/// What to give back.
#[derive(Debug, Clone, Args)]
pub(super) struct ReleaseFlags {
    /// The id of the hold or redemption
    #[arg(value_parser = parse_id)]
    of: Id,
    /// This release's own id; the same for every repetition; a new one unless given
    #[arg(long, value_parser = parse_id)]
    id: Option<Id>,
    #[command(flatten)]
    part: PartFlags,
    /// Only what this code took of it, all of that; may be repeated
    #[arg(long = "code", value_name = "CODE", conflicts_with_all = ["part", "part_amount"])]
    codes: Vec<String>,
    #[command(flatten)]
    credit: CreditFlags,
    #[command(flatten)]
    way: Way,
}

/// What to hold longer.
#[derive(Debug, Clone, Args)]
pub(super) struct ExtendFlags {
    /// The hold's id
    #[arg(value_parser = parse_id)]
    id: Id,
    /// How long from now; what the campaign says unless given
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    ttl: Option<Duration>,
    #[command(flatten)]
    way: Way,
}

/// What to ask about.
#[derive(Debug, Clone, Args)]
pub(super) struct StatusFlags {
    /// The id of a redeem, hold or release; or a code
    id_or_code: String,
    #[command(flatten)]
    way: Way,
}

pub(super) fn validate(
    flags: ValidateFlags,
    place: &Place<'_>,
    output: Output,
) -> anyhow::Result<Exit> {
    let ValidateFlags { question, exact, explain, now: now_ms } = flags;
    let Question { codes, partial, order, way } = question;
    let options = AskOptions { partial, now_ms, dry: false };
    let (codes, order) = (codes.into(), order.order()?);
    let validate = Validate { codes, order, exact, explain, options, deadline_ms: 0 };
    if explain {
        return explained(&validate, place, output);
    }
    ask(Request::Validate(validate), &way, place, output)
}

/// Asks over HTTP, where explanations are told.
fn explained(validate: &Validate, place: &Place<'_>, output: Output) -> anyhow::Result<Exit> {
    let question = explanation::question(validate);
    let answer = Office::new(place)?.post("/v1/validate", question)?;
    output.answer(&answer, |out| explanation::tell(out, &answer))?;
    Ok(Exit::of(answer.get("ok") == Some(&serde_json::Value::Bool(true))))
}

pub(super) fn redeem(
    flags: RedeemFlags,
    place: &Place<'_>,
    output: Output,
) -> anyhow::Result<Exit> {
    let RedeemFlags { question, id, dry } = flags;
    let Question { codes, partial, order, way } = question;
    let options = AskOptions { partial, now_ms: None, dry };
    let (id, codes, order) = (id.unwrap_or_else(new_id), codes.into(), order.order()?);
    ask(Request::Redeem(Redeem { id, codes, order, options, deadline_ms: 0 }), &way, place, output)
}

pub(super) fn hold(flags: HoldFlags, place: &Place<'_>, output: Output) -> anyhow::Result<Exit> {
    let HoldFlags { redeem: RedeemFlags { question, id, dry }, ttl } = flags;
    let Question { codes, partial, order, way } = question;
    let options = AskOptions { partial, now_ms: None, dry };
    let (id, codes, order) = (id.unwrap_or_else(new_id), codes.into(), order.order()?);
    let hold = Hold { id, codes, order, ttl_ms: ms(ttl), options, deadline_ms: 0 };
    ask(Request::Hold(hold), &way, place, output)
}

pub(super) fn confirm(
    flags: &ConfirmFlags,
    place: &Place<'_>,
    output: Output,
) -> anyhow::Result<Exit> {
    let confirm = Confirm { id: flags.id, part: flags.part.part()?, deadline_ms: 0 };
    ask(Request::Confirm(confirm), &flags.way, place, output)
}

pub(super) fn release(
    flags: ReleaseFlags,
    place: &Place<'_>,
    output: Output,
) -> anyhow::Result<Exit> {
    let ReleaseFlags { of, id, part, codes, credit, way } = flags;
    let part = part.part()?;
    if let Some(credit) = credit.wish() {
        let part = (part > 0).then_some(part);
        let wish = json!({ "part": part, "codes": codes, "credit": credit });
        return value::release(of, id, wish, place, output);
    }
    let release_id = id.unwrap_or_else(new_id);
    let release = Release { release_id, id: of, part, codes: codes.into(), deadline_ms: 0 };
    ask(Request::Release(release), &way, place, output)
}

pub(super) fn extend(
    flags: &ExtendFlags,
    place: &Place<'_>,
    output: Output,
) -> anyhow::Result<Exit> {
    let extend = Extend { id: flags.id, ttl_ms: ms(flags.ttl), deadline_ms: 0 };
    ask(Request::Extend(extend), &flags.way, place, output)
}

pub(super) fn status(
    flags: StatusFlags,
    place: &Place<'_>,
    output: Output,
) -> anyhow::Result<Exit> {
    let request = match parse_id(&flags.id_or_code) {
        Ok(id) => Request::Status(StatusQuery { id, deadline_ms: 0 }),
        Err(_) => Request::Code(CodeQuery { code: flags.id_or_code, deadline_ms: 0 }),
    };
    ask(request, &flags.way, place, output)
}

/// A moment that was given, in milliseconds since 1970 UTC.
fn parse_moment(text: &str) -> Result<i64, String> {
    let moment = Timestamp::from_rfc3339(text);
    moment.map(|moment| moment.0).ok_or_else(|| "expected is a moment of RFC 3339".to_owned())
}

fn ms(time: Option<Duration>) -> u32 {
    time.map_or(0, |time| u32::try_from(time.as_millis()).unwrap_or(u32::MAX).max(1))
}

fn ask(request: Request, way: &Way, place: &Place<'_>, output: Output) -> anyhow::Result<Exit> {
    let options = options(way, place)?;
    let id = request.id();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let reply: Reply = runtime.block_on(async {
        let client = Client::connect(options).await?;
        let reply = client.send(request).await;
        client.close().await;
        reply
    })?;
    answer::show(&reply, id, output)
}

fn options(way: &Way, place: &Place<'_>) -> anyhow::Result<Options> {
    let authority = place.authority()?.with_context(|| {
        format!(
            "no authority is known: give --ca FILE (the server's ca.pem); there is none in {}",
            place.config.data.display()
        )
    })?;
    let mut options = Options::new(place.server(), authority).deadline(way.deadline);
    if let Some(name) = &way.server_name {
        options = options.server_name(name);
    }
    match (&way.cert, &way.key) {
        (Some(cert), Some(key)) => Ok(options.identity_pem(read(cert)?, read(key)?)),
        (None, _) | (_, None) => Ok(options.token(place.token()?)),
    }
}
