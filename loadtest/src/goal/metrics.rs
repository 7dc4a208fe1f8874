//! P14: what metrics cost: two servers that differ in nothing else, in turns. With metrics on, they
//! are collected, and asked for every second.

use std::sync::Arc;

use super::embedded::Side;
use super::field::{Field, Peak};
use super::verdict::{Contest, Findings, Series, Target};
use crate::args::Keep;
use crate::box_server::{BoxServer, ServeBoxArgs};
use crate::workload::{Codes, Law, Verb};

/// More than a server redeems in a second.
const RATE: u64 = 400_000;
/// Codes that are asked about.
const CODES: u64 = 1_000_000;

pub(super) async fn on_against_off(field: &mut Field) -> anyhow::Result<Findings> {
    Ok(Findings {
        contests: vec![validate(field).await?, redeem(field).await?],
        beside: Vec::new(),
    })
}

/// The cheapest request, of which metrics are the largest share.
async fn validate(field: &mut Field) -> anyhow::Result<Contest> {
    let start = |field: &Field, metrics| -> anyhow::Result<(BoxServer, Arc<Codes>)> {
        let dir = field.path(&format!("validate-{metrics}"));
        let args = ServeBoxArgs::new(&dir, Keep::Sync, field.codes(CODES));
        let server = field.server(&ServeBoxArgs { metrics, ..args })?;
        let codes = Arc::new(Codes::read(server.codes())?);
        Ok((server, codes))
    };
    let (on, off) = (start(field, true)?, start(field, false)?);
    let mut ours = Series::new("validate 8 x 128, metrics on", "/s");
    let mut theirs = Series::new("validate 8 x 128, metrics off", "/s");
    for _ in field.rounds() {
        for ((server, codes), series) in [(&on, &mut ours), (&off, &mut theirs)] {
            let (options, verb, law) = (server.options(), Verb::Validate, Law::Uniform);
            let peak = Peak { options, codes, verb, law, connections: 8, in_flight: 128 };
            series.push(field.peak(peak).await?.achieved_per_s);
        }
    }
    on.0.end()?;
    off.0.end()?;
    Ok(Contest::against(ours, theirs, Target::AtLeast(0.97)))
}

async fn redeem(field: &mut Field) -> anyhow::Result<Contest> {
    let codes = field.codes_for(RATE, 1);
    let start = |field: &Field, metrics| {
        let dir = field.path(&format!("redeem-{metrics}"));
        let args = ServeBoxArgs::new(&dir, Keep::Sync, codes);
        Side::start(field, &ServeBoxArgs { metrics, ..args })
    };
    let (on, off) = (start(field, true)?, start(field, false)?);
    let mut ours = Series::new("redeem 8 x 128, sync, metrics on", "/s");
    let mut theirs = Series::new("redeem 8 x 128, sync, metrics off", "/s");
    for _ in field.rounds() {
        ours.push(on.redeem(field).await?.achieved_per_s);
        theirs.push(off.redeem(field).await?.achieved_per_s);
    }
    on.end()?;
    off.end()?;
    Ok(Contest::against(ours, theirs, Target::AtLeast(0.97)))
}
