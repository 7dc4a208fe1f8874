//! P7: everybody at one code, against as many callers at codes of their own, on the same ledger;
//! embedded and on Redis. Beside it, a code with a limit is used up on both: not one use over.

use std::sync::Arc;

use super::field::{Field, Peak};
use super::redis::Node;
use super::verdict::{Contest, Findings, Series, Target};
use crate::args::Keep;
use crate::box_server::{BoxServer, HOT_CODE, LIMITED_CODE, ServeBoxArgs};
use crate::workload::{Codes, Law, Verb};

/// Uses of the code that is used up.
const LIMIT: u64 = 1_000_000;
/// More than a server redeems in a second.
const RATE: u64 = 300_000;
/// Runs in which a code must be used up.
const RUNS_MAX: u32 = 1_000;

/// A ledger, and what was measured on it.
struct Side {
    name: &'static str,
    server: BoxServer,
    distinct: Arc<Codes>,
    ours: Series,
    theirs: Series,
}

pub(super) async fn against_distinct(field: &mut Field) -> anyhow::Result<Findings> {
    let limit = field.codes(LIMIT).min(LIMIT);
    let codes = field.codes_for(RATE);
    let args = ServeBoxArgs::new(&field.path("embedded"), Keep::Sync, codes);
    let embedded = field.server(&ServeBoxArgs { limit, ..args })?;
    let Node { redis, server: node } = Node::start(field, codes, limit)?;
    let mut sides = [Side::new("embedded", embedded)?, Side::new("Redis", node)?];
    let hot = Arc::new(Codes::one(HOT_CODE));
    for _ in field.rounds() {
        for side in &mut sides {
            let figures = field.peak(side.peak(&hot, Law::Hot)).await?;
            side.ours.push(figures.achieved_per_s);
            let distinct = Arc::clone(&side.distinct);
            let figures = field.peak(side.peak(&distinct, Law::Once)).await?;
            side.theirs.push(figures.achieved_per_s);
        }
    }
    let mut findings = Findings::default();
    for side in sides {
        let mut uses = Series::new(format!("{}: yes of a code of {limit}", side.name), "uses");
        #[expect(clippy::cast_precision_loss, reason = "a count for people")]
        uses.push(side.use_up(field, limit).await? as f64);
        findings.beside.push(uses);
        let Side { server, ours, theirs, .. } = side;
        server.end()?;
        findings.contests.push(Contest::against(ours, theirs, Target::AtLeast(1.0)));
    }
    drop(redis);
    Ok(findings)
}

impl Side {
    fn new(name: &'static str, server: BoxServer) -> anyhow::Result<Self> {
        let distinct = Arc::new(Codes::read(server.codes())?);
        let ours = Series::new(format!("{name}: one hot code, 8 x 32"), "/s");
        let theirs = Series::new(format!("{name}: distinct codes, 8 x 32"), "/s");
        Ok(Self { name, server, distinct, ours, theirs })
    }

    fn peak<'a>(&self, codes: &'a Arc<Codes>, law: Law) -> Peak<'a> {
        let (options, verb) = (self.server.options(), Verb::Redeem);
        Peak { options, codes, verb, law, connections: 8, in_flight: 32 }
    }

    /// Redeems until nothing is left; how many said yes.
    async fn use_up(&self, field: &mut Field, limit: u64) -> anyhow::Result<u64> {
        field.say(&format!("{}: using up a code of {limit} uses", self.name));
        let limited = Arc::new(Codes::one(LIMITED_CODE));
        let (mut yes, mut last) = (0, 0);
        for _ in 0..RUNS_MAX {
            let figures = field.load(self.peak(&limited, Law::Hot)).await?;
            let more = figures.yes + figures.warm_up.as_ref().map_or(0, |warm_up| warm_up.yes);
            if more == 0 {
                break;
            }
            yes += more;
            last = last.max(figures.ordinals.last);
        }
        field.check(yes == limit && last == limit, || {
            format!("{}: {yes} of {limit} uses were given, up to number {last}", self.name)
        });
        Ok(yes)
    }
}
