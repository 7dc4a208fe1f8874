//! `jeton ledger`: where the ledger stands, and the way back after Redis has lost it.

use std::io::{self, Write};
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::epoch::EpochFile;
use super::installation::{Installation, LEDGER};
use super::output::{Exit, Output, fields};
use super::place::Place;
use super::redis_store::{self, Fence, Survey, wait};
use super::serve::durability_text;
use crate::clock::Clock;
use crate::config::{Config, RedisStore, Store};
use crate::ledger::{Ledger, OpenError, Options};
use crate::remote::{Remote, RemoteError};

/// What can be done with the ledger.
#[derive(Debug, Subcommand)]
pub(super) enum LedgerCommand {
    /// Say where the ledger is and how it stands
    ///
    /// With a store in Redis: the epoch here and there, events and open holds of each partition,
    /// memory. Exits with 3 when Redis is away or does not belong to this installation.
    #[command(after_long_help = STATUS_EXAMPLES)]
    Status,
    /// After Redis lost its data: check that a restored backup is this installation's
    ///
    /// A Redis that was emptied, replaced, or restarted without its data has no fence of this
    /// installation: every node refuses to redeem. Restore Redis from its own AOF or RDB backup:
    /// the fence comes back with it. Then restart every node, so that it reads the catalog again.
    ///
    /// What was redeemed after the backup was made is not in it, and those codes can be used
    /// again: prefer the AOF, and compare the number of events with what your gates have seen.
    ///
    /// Without such a backup, an archive that jeton export made is the second best: make a new
    /// installation from it, under the old secret.
    #[command(after_long_help = RESTORE_EXAMPLES)]
    Restore(Restore),
}

/// How to come back.
#[derive(Debug, Args)]
pub(super) struct Restore {
    /// Compare what is in Redis with this installation; changes nothing
    #[arg(long, required = true)]
    check: bool,
}

const STATUS_EXAMPLES: &str = "\
Examples:
  jeton ledger status
  jeton --json ledger status | jq .health";

const RESTORE_EXAMPLES: &str = "\
Examples, after Redis lost its data:
  systemctl stop redis-server                          stop the empty one before it is saved
  cp -a /backup/appendonlydir /var/lib/redis/          put the backup where `dir` points
  systemctl start redis-server
  jeton ledger restore --check                         0: it is ours
  systemctl restart jeton                              on every node
  jeton ledger status                                  how many events came back
From an archive of jeton export, with an empty Redis:
  mkdir -m 700 /var/lib/jeton-2 && cp -p /var/lib/jeton/{secret,ca.pem,ca.key} /var/lib/jeton-2
  jeton --data /var/lib/jeton-2 init --store redis://127.0.0.1:6379
  jeton --data /var/lib/jeton-2 import installation.jeton
  jeton --data /var/lib/jeton-2 serve                  and the new epoch file to every node";

pub(super) fn run(
    command: &LedgerCommand,
    place: &Place<'_>,
    output: Output,
) -> anyhow::Result<Exit> {
    let config = &place.config;
    match (command, &config.store) {
        (LedgerCommand::Status, Store::Embedded(_)) => embedded_status(config, output),
        (LedgerCommand::Status, Store::Redis(store)) => redis_status(config, store, output),
        (LedgerCommand::Restore(Restore { check: _ }), Store::Embedded(_)) => {
            let text = "the ledger is on this machine and has no fence; restore the data \
                        directory from its backup while nothing is running";
            Err(super::output::wrong_use(text))
        }
        (LedgerCommand::Restore(Restore { check: _ }), Store::Redis(store)) => {
            check_restored(config, store, output)
        }
    }
}

fn embedded_status(config: &Config, output: Output) -> anyhow::Result<Exit> {
    let Store::Embedded(dir) = &config.store else { return Ok(Exit::WrongUse) };
    let mut document = json!({
        "store": format!("embedded:{}", dir.display()),
        "durability": durability_text(config.durability),
    });
    let facts = if dir.join(LEDGER).exists() {
        let now_ms = Clock::system().now().0;
        let installation = Installation::open(config, now_ms)?;
        let now = Arc::new(|| Clock::system().now());
        let mut options = Options::new(installation.ledger_dir(), now);
        options.durability = config.durability;
        match Ledger::open(options) {
            Ok(ledger) => {
                let sizes = ledger.read().sizes();
                let events = ledger.pulse().borrow().last_event;
                ledger.close();
                json!({
                    "health": "good", "events": events, "open_holds": sizes.holds,
                    "counters": sizes.counters, "balances": sizes.balances,
                })
            }
            Err(OpenError::Locked(_)) => json!({
                "health": "in use",
                "see": "a server has it; how it stands is in its /readyz and /metrics",
            }),
            Err(error) => return Err(error.into()),
        }
    } else {
        json!({ "health": "none yet" })
    };
    merge(&mut document, facts);
    output.answer(&document, |out| fields(out, &document, 0))?;
    Ok(Exit::Yes)
}

/// What is known of a ledger in Redis.
struct Standing {
    epoch: EpochFile,
    survey: Survey,
    fence: Fence,
    used_memory_bytes: Option<u64>,
}

fn standing(config: &Config, store: &RedisStore) -> anyhow::Result<Result<Standing, RemoteError>> {
    let installation = Installation::open(config, Clock::system().now().0)?;
    let missing = || anyhow::anyhow!("the epoch file is missing");
    let epoch = installation.epoch.ok_or_else(missing)?;
    let remote = redis_store::remote(store)?;
    wait(stand(&remote, epoch))
}

async fn stand(remote: &Remote, epoch: EpochFile) -> Result<Standing, RemoteError> {
    let survey = Survey::take(remote, epoch.partitions).await?;
    let facts = redis_store::facts(remote, 0).await?;
    let fence = survey.fence(&epoch);
    let used_memory_bytes = facts.iter().map(|facts| facts.used_memory_bytes).sum();
    Ok(Standing { epoch, survey, fence, used_memory_bytes })
}

fn redis_status(config: &Config, store: &RedisStore, output: Output) -> anyhow::Result<Exit> {
    let mut document = json!({
        "store": store.target.to_string(),
        "durability": durability_text(config.durability),
    });
    let standing = match standing(config, store)? {
        Ok(standing) => standing,
        Err(error) => {
            merge(&mut document, json!({ "health": "away", "reason": error.to_string() }));
            output.answer(&document, |out| fields(out, &document, 0))?;
            return Ok(Exit::Error);
        }
    };
    merge(&mut document, facts_document(&standing));
    let mut partitions = Vec::new();
    for (number, partition) in standing.survey.partitions.iter().enumerate() {
        partitions.push(json!({
            "partition": number,
            "fenced": partition.epoch.as_ref() != Some(&standing.epoch.epoch.text()),
            "events": partition.events,
            "open_holds": partition.holds,
        }));
    }
    let people = document.clone();
    merge(&mut document, json!({ "partitions": partitions }));
    output.answer(&document, |out| {
        fields(out, &people, 0)?;
        tell_partitions(out, &standing)
    })?;
    Ok(if standing.fence == Fence::Ours { Exit::Yes } else { Exit::Error })
}

fn facts_document(standing: &Standing) -> Value {
    let Standing { epoch, survey, fence, used_memory_bytes } = standing;
    let sum =
        |of: fn(&redis_store::Partition) -> u64| survey.partitions.iter().map(of).sum::<u64>();
    let trouble = fence.trouble();
    json!({
        "health": if trouble.is_none() { "good" } else { "fenced" },
        "reason": trouble.as_ref().map(|(what, _)| what),
        "remedy": trouble.as_ref().map(|(_, remedy)| remedy),
        "epoch": epoch.epoch.text(),
        "epoch_in_redis": survey.installation.as_ref().map(|(epoch, _)| epoch),
        "events": sum(|partition| partition.events),
        "open_holds": sum(|partition| partition.holds),
        "used_memory_bytes": used_memory_bytes,
        "catalog": survey.has_catalog,
    })
}

fn tell_partitions(out: &mut dyn Write, standing: &Standing) -> io::Result<()> {
    let own = standing.epoch.epoch.text();
    let heading = ["partition", "fence", "events", "holds"].map(str::to_owned).to_vec();
    let mut rows = vec![heading];
    for (number, partition) in standing.survey.partitions.iter().enumerate() {
        let fence = match &partition.epoch {
            Some(epoch) if *epoch == own => "ours",
            Some(_) => "ANOTHER'S",
            None => "NONE",
        };
        rows.push(vec![
            number.to_string(),
            fence.to_owned(),
            partition.events.to_string(),
            partition.holds.to_string(),
        ]);
    }
    super::output::table(out, &rows)
}

fn check_restored(config: &Config, store: &RedisStore, output: Output) -> anyhow::Result<Exit> {
    let standing = standing(config, store)??;
    let document = facts_document(&standing);
    let trouble = standing.fence.trouble();
    output.answer(&document, |out| match &trouble {
        None => {
            let events = super::output::cell(document.get("events"));
            writeln!(out, "this is our installation, with {events} events; restart every node")?;
            writeln!(out, "what was redeemed after the backup was made is not in it")
        }
        Some((what, remedy)) => writeln!(out, "{what}\n→ {remedy}"),
    })?;
    Ok(if trouble.is_none() { Exit::Yes } else { Exit::Error })
}

fn merge(document: &mut Value, more: Value) {
    if let (Value::Object(all), Value::Object(more)) = (document, more) {
        all.extend(more);
    }
}
