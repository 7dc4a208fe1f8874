//! P3 and P4: redeem, durable on this machine's disk.
//!
//! Against the same service with the ledger in memory: what durability costs. Against one thread
//! that commits each redemption by itself with the same store, [`fjall`]: what batching gains.

use std::path::Path;
use std::sync::Arc;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use jeton::metrics::Stopwatch;

use super::field::{Field, Peak};
use super::verdict::{Contest, Findings, Series, Target};
use crate::args::Keep;
use crate::box_server::{BoxServer, ServeBoxArgs};
use crate::drive::Figures;
use crate::workload::{Codes, Law, Verb};

/// More than a server redeems in a second.
const RATE: u64 = 400_000;

/// A server and its codes, asked with 8 × 128 in flight.
pub(super) struct Side {
    pub(super) server: BoxServer,
    pub(super) codes: Arc<Codes>,
}

impl Side {
    pub(super) fn start(field: &Field, args: &ServeBoxArgs) -> anyhow::Result<Self> {
        let server = field.server(args)?;
        let codes = Arc::new(Codes::read(server.codes())?);
        Ok(Self { server, codes })
    }

    /// Every answer must be yes. The server's processor time is measured, too.
    pub(super) async fn peak(
        &self,
        field: &mut Field,
        verb: Verb,
        law: Law,
    ) -> anyhow::Result<Figures> {
        let (options, codes) = (self.server.options(), &self.codes);
        let peak = Peak { options, codes, verb, law, connections: 8, in_flight: 128 };
        field.peak_beside(peak, Some(self.server.process())).await
    }

    async fn redeem(&self, field: &mut Field) -> anyhow::Result<Figures> {
        self.peak(field, Verb::Redeem, Law::Once).await
    }

    pub(super) fn end(self) -> anyhow::Result<()> {
        self.server.end()
    }
}

/// P3: against the ledger in memory.
pub(super) async fn against_memory(field: &mut Field) -> anyhow::Result<Findings> {
    let codes = field.codes_for(RATE);
    let [sync, memory] = [Keep::Sync, Keep::Memory]
        .map(|keep| Side::start(field, &ServeBoxArgs::new(&field.path(keep.name()), keep, codes)));
    let (sync, memory) = (sync?, memory?);
    let mut ours = Series::new("redeem 8 x 128, sync", "/s");
    let mut theirs = Series::new("redeem 8 x 128, memory", "/s");
    for _ in field.rounds() {
        ours.push(sync.redeem(field).await?.achieved_per_s);
        theirs.push(memory.redeem(field).await?.achieved_per_s);
    }
    sync.end()?;
    memory.end()?;
    let contests = vec![Contest::against(ours, theirs, Target::AtLeast(0.60))];
    Ok(Findings { contests, beside: Vec::new() })
}

/// P4: against one commit for each.
pub(super) async fn against_single_commits(field: &mut Field) -> anyhow::Result<Findings> {
    let codes = field.codes_for(RATE);
    let sync = Side::start(field, &ServeBoxArgs::new(&field.path("ours"), Keep::Sync, codes))?;
    let mut single = Single::open(&field.path("fjall"))?;
    let mut ours = Series::new("redeem 8 x 128, sync", "/s");
    let mut theirs = Series::new("fjall, one sync commit each", "/s");
    for _ in field.rounds() {
        ours.push(sync.redeem(field).await?.achieved_per_s);
        theirs.push(single.commits_per_s(field.seconds().into())?);
    }
    sync.end()?;
    let contests = vec![Contest::against(ours, theirs, Target::AtLeast(40.0))];
    Ok(Findings { contests, beside: Vec::new() })
}

/// One thread, one redemption, one commit: the receipt, the counter and the event, as large as
/// ours are for a gate's redemption of a single-use code.
struct Single {
    db: Database,
    receipts: Keyspace,
    counters: Keyspace,
    events: Keyspace,
    next: u64,
}

impl Single {
    const RECEIPT: [u8; 130] = [0x5a; 130];
    const COUNTER: [u8; 4] = [0x5a; 4];
    const EVENT: [u8; 80] = [0x5a; 80];

    fn open(dir: &Path) -> anyhow::Result<Self> {
        let db = Database::builder(dir).open()?;
        let keyspace = |name| db.keyspace(name, KeyspaceCreateOptions::default);
        let (receipts, counters) = (keyspace("receipts")?, keyspace("counters")?);
        let events = keyspace("events")?;
        Ok(Self { db, receipts, counters, events, next: 0 })
    }

    fn commits_per_s(&mut self, seconds: f64) -> anyhow::Result<f64> {
        let (watch, first) = (Stopwatch::start(), self.next);
        while watch.seconds() < seconds {
            self.commit()?;
        }
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let commits = (self.next - first) as f64;
        Ok(commits / watch.seconds())
    }

    fn commit(&mut self) -> anyhow::Result<()> {
        self.next += 1;
        let number = self.next.to_be_bytes();
        // Receipts come in the order of their time, counters in none.
        let spread = self.next.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes();
        let mut writes = self.db.batch();
        writes.insert(&self.receipts, [number, spread].concat(), Self::RECEIPT);
        writes.insert(&self.counters, [spread, number, [0; 8]].concat(), Self::COUNTER);
        writes.insert(&self.events, number, Self::EVENT);
        Ok(writes.durability(Some(PersistMode::SyncData)).commit()?)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn the_single_commits_are_all_there() {
        let dir = tempfile::tempdir().unwrap();
        let mut single = Single::open(dir.path()).unwrap();
        assert!(single.commits_per_s(0.05).unwrap() > 0.0);
        let made = usize::try_from(single.next).unwrap();
        assert_eq!(single.receipts.len().unwrap(), made);
        assert_eq!(single.counters.len().unwrap(), made);
    }
}
