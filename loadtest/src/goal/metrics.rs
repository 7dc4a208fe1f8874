//! P14: what metrics cost: two servers that differ in nothing else, in turns. With metrics on, they
//! are collected, and asked for every second.

use super::embedded::Side;
use super::field::Field;
use super::verdict::{Contest, Findings, Series, Target};
use crate::args::Keep;
use crate::box_server::ServeBoxArgs;
use crate::workload::{Law, Verb};

/// More than a server redeems in a second.
const RATE: u64 = 400_000;
/// Codes that are asked about.
const CODES: u64 = 1_000_000;

/// The cheapest request, of which metrics are the largest share, and the one that counts.
pub(super) async fn on_against_off(field: &mut Field) -> anyhow::Result<Findings> {
    let (asked_about, redeemed) = (field.codes(CODES), field.codes_for(RATE));
    let contests = vec![
        contest(field, Verb::Validate, Law::Uniform, asked_about).await?,
        contest(field, Verb::Redeem, Law::Once, redeemed).await?,
    ];
    Ok(Findings { contests, beside: Vec::new() })
}

async fn contest(field: &mut Field, verb: Verb, law: Law, codes: u64) -> anyhow::Result<Contest> {
    let name = verb.name();
    let start = |field: &Field, metrics| {
        let dir = field.path(&format!("{name}-{metrics}"));
        let args = ServeBoxArgs::new(&dir, Keep::Sync, codes);
        Side::start(field, &ServeBoxArgs { metrics, ..args })
    };
    let (on, off) = (start(field, true)?, start(field, false)?);
    let mut ours = Series::new(format!("{name} 8 x 128, sync, metrics on"), "/s");
    let mut theirs = Series::new(format!("{name} 8 x 128, sync, metrics off"), "/s");
    for _ in field.rounds() {
        ours.push(on.peak(field, verb, law).await?.achieved_per_s);
        theirs.push(off.peak(field, verb, law).await?.achieved_per_s);
    }
    on.end()?;
    off.end()?;
    Ok(Contest::against(ours, theirs, Target::AtLeast(0.97)))
}
