//! P13: twice as much as the service can do. The yes answers in a second must stay what they are at
//! saturation, and a refusal must come sooner than a yes, or it helps nobody.
//!
//! Saturation is what a closed loop reaches; twice that is then offered by a schedule that does not
//! wait for answers. All redeem one code of a thousand million uses, so that no list of codes ends.

use std::sync::Arc;

use anyhow::ensure;

use super::field::{Field, Peak};
use super::verdict::{Contest, Findings, Series, Target};
use crate::args::Keep;
use crate::box_server::{HOT_CODE, ServeBoxArgs};
use crate::workload::{Codes, Law, Verb};

const CONNECTIONS: u32 = 64;
/// On each connection, at saturation.
const IN_FLIGHT: u32 = 32;
/// What is offered, in parts of what saturates.
const OVERLOAD: f64 = 2.0;
/// How long a gate waits for an answer before it asks again, as each question says.
const DEADLINE_MS: u32 = 250;
/// The least share of what was to be offered that must have been; below, it was no overload.
const OFFERED_MIN: f64 = 0.9;

pub(super) async fn against_saturation(field: &mut Field) -> anyhow::Result<Findings> {
    let server = field.server(&ServeBoxArgs::new(&field.path("ours"), Keep::Sync, 1))?;
    let codes = Arc::new(Codes::one(HOT_CODE));
    let peak = || Peak {
        options: server.options(),
        codes: &codes,
        verb: Verb::Redeem,
        law: Law::Hot,
        connections: CONNECTIONS,
        in_flight: IN_FLIGHT,
    };
    let mut ours = Series::new("yes, offered twice that", "/s");
    let mut theirs = Series::new("yes, at saturation", "/s");
    let mut refused = Series::new("p99 of refusals, offered twice that", "µs");
    let mut accepted = Series::new("p50 of yes, offered twice that", "µs");
    let mut offered = Series::new("offered", "/s");
    let mut refusals = Series::new("refused, of what was answered", "share");
    for _ in field.rounds() {
        // So many wait at saturation that a few may be turned away there, too: they do not count.
        let figures = field.load(peak()).await?;
        let (errors, first) = (figures.errors, &figures.first_error);
        field.check(errors == 0, || format!("{errors} errors at saturation: {first:?}"));
        let saturated = figures.accepted_per_s;
        theirs.push(saturated);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate far below 2^32"
        )]
        let rate = (saturated * OVERLOAD) as u32;
        ensure!(rate > 0, "nothing was redeemed at saturation");
        let figures = field.open(peak(), rate, DEADLINE_MS).await?;
        let due = figures.offered_per_s.unwrap_or_default();
        field.check(due >= f64::from(rate) * OFFERED_MIN, || {
            format!("only {due} a second were offered instead of {rate}: it was no overload")
        });
        let (errors, first) = (figures.errors, &figures.first_error);
        field.check(errors == 0, || format!("{errors} errors under overload: {first:?}"));
        offered.push(due);
        ours.push(figures.accepted_per_s);
        let no = figures.achieved_per_s - figures.accepted_per_s;
        refusals.push(no / figures.achieved_per_s.max(1.0));
        let latencies = figures.latency_refused.zip(figures.latency_accepted);
        field.check(latencies.is_some(), || {
            "nothing was refused: what could not be done was left waiting".to_owned()
        });
        if let Some((no, yes)) = latencies {
            refused.push(no.p99_us);
            accepted.push(yes.p50_us);
        }
    }
    server.end()?;
    let contests = vec![
        Contest::against(ours, theirs, Target::AtLeast(0.95)),
        Contest::against(refused, accepted, Target::AtMost(1.0)),
    ];
    Ok(Findings { contests, beside: vec![offered, refusals] })
}
