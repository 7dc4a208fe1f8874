//! `masters`: how much more three masters of a Redis Cluster carry than one, each of them held to a
//! part of a processor, so that a few processors are enough to see it.
//!
//! What is expected is told beside it: as much more as the busiest master has fewer partitions. The
//! part is kept by a control group of the kernel, so this needs root. Linux only.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow, ensure};
use clap::Args;
use jeton::ledger::redis::PARTITIONS_DEFAULT;
use jeton::testing::servers::{Cluster, RedisOptions};
use serde::Serialize;

use crate::args::{Disk, Keep, up_to};
use crate::box_server::{BoxServer, ServeBoxArgs};
use crate::drive::{self, Loop, Plan};
use crate::stats;
use crate::workload::{Codes, Law, Mix, Verb, Workload};

/// How long a master may run before it must wait, in microseconds: short, so that it is slow rather
/// than fast and stopped in turns.
const PERIOD_US: u32 = 20_000;

/// More than one master of these parts redeems in a second.
const RATE_MAX: u64 = 60_000;

/// One master of a Redis Cluster against three, each held to a part of a processor.
#[derive(Debug, Clone, Args)]
pub(crate) struct MastersArgs {
    /// Percent of a processor that each master gets
    #[arg(long, value_name = "PERCENT", default_value_t = 15)]
    #[arg(value_parser = clap::value_parser!(u32).range(5..=100))]
    share: u32,
    /// How often each has its turn; medians are told
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = up_to(100))]
    rounds: u32,
    /// How long each is measured in a turn
    #[arg(long, value_name = "S", default_value_t = 5, value_parser = up_to(600))]
    seconds: u32,
    #[command(flatten)]
    disk: Disk,
}

/// What a turn found.
#[derive(Debug, Clone, Copy)]
struct Turn {
    redeemed_per_s: f64,
    /// Processor time of all masters for a redeem.
    redis_us: f64,
}

/// The last line.
#[derive(Debug, Serialize)]
struct Line {
    masters: [usize; 2],
    redeemed_per_s: [f64; 2],
    redis_us: [f64; 2],
    expected: f64,
    ratio: f64,
}

/// Measures both in turns.
///
/// # Errors
/// When it cannot be measured, and when an answer was wrong.
pub(crate) async fn run(args: &MastersArgs) -> anyhow::Result<()> {
    let mut out = io::stdout();
    let (mut turns, mut shares) = ([Vec::new(), Vec::new()], [0; 2]);
    let counts = [1, 3];
    for round in 1..=args.rounds {
        for (place, masters) in counts.iter().copied().enumerate() {
            let (turn, busiest) = turn(args, masters).await?;
            let Turn { redeemed_per_s, redis_us } = turn;
            writeln!(
                out,
                "round {round}: {masters} masters, {redeemed_per_s:.0} redeems/s, {redis_us:.1} µs \
                 of Redis each, {busiest} of {PARTITIONS_DEFAULT} partitions on the busiest"
            )?;
            if let (Some(all), Some(share)) = (turns.get_mut(place), shares.get_mut(place)) {
                all.push(turn);
                *share = busiest;
            }
        }
    }
    let median = |of: &dyn Fn(&Turn) -> f64| {
        turns.each_ref().map(|all| stats::median(all.iter().map(of).collect()))
    };
    let redeemed_per_s = median(&|turn| turn.redeemed_per_s);
    let [one, three] = redeemed_per_s;
    let [all, busiest] = shares.map(|count| f64::from(u32::try_from(count).unwrap_or(1)));
    let line = Line {
        masters: counts,
        redeemed_per_s,
        redis_us: median(&|turn| turn.redis_us),
        expected: all / busiest,
        ratio: three / one,
    };
    writeln!(
        out,
        "three masters carry {:.2} times as much; expected {:.2}",
        line.ratio, line.expected
    )?;
    Ok(writeln!(out, "{}", serde_json::to_string(&line)?)?)
}

/// Loads a node on so many masters; what it found, and the partitions of the busiest master.
async fn turn(args: &MastersArgs, masters: usize) -> anyhow::Result<(Turn, usize)> {
    let cluster =
        Cluster::start(masters, 0, &RedisOptions::default()).map_err(|why| anyhow!(why))?;
    let dir = args.disk.scratch("masters")?;
    let codes = RATE_MAX * u64::from(args.seconds + 1);
    let node = ServeBoxArgs::new(dir.path(), Keep::Redis, codes);
    let server = BoxServer::launch(&ServeBoxArgs { redis: Some(cluster.url()), ..node })?;
    let codes = Arc::new(Codes::read(server.codes())?);
    let mut groups = Vec::new();
    for master in cluster.nodes() {
        groups.push(Group::hold(master.pid(), args.share)?);
    }
    let before = used_us(&cluster)?;
    let plan = Plan {
        workload: Workload { codes, law: Law::Once, mix: Mix::only(Verb::Redeem) },
        kind: Loop::Closed { in_flight: 32 },
        connections: 8,
        warm_up_s: 1,
        seconds: args.seconds,
    };
    let figures = drive::carry_out(server.options(), plan, "redeem on a cluster").await?;
    let used = used_us(&cluster)? - before;
    let broken = figures.broken();
    ensure!(broken.is_empty(), "broken promises: {broken:?}");
    ensure!(figures.yes == figures.asked, "{} of {} were yes", figures.yes, figures.asked);
    let busiest = busiest(&cluster)?;
    server.end()?;
    drop(cluster);
    drop(groups);
    let warm_up = figures.warm_up.as_ref().map_or(0, |warm_up| warm_up.asked);
    #[expect(clippy::cast_precision_loss, reason = "a count of requests for people")]
    let asked = (figures.asked + warm_up) as f64;
    Ok((Turn { redeemed_per_s: figures.achieved_per_s, redis_us: used / asked }, busiest))
}

/// How many partitions the master has that has most.
fn busiest(cluster: &Cluster) -> anyhow::Result<usize> {
    let mut partitions_by_master = vec![0; cluster.nodes().len()];
    for partition in 0..PARTITIONS_DEFAULT {
        let slot = Cluster::slot_of(format!("{{j{partition}}}").as_bytes());
        let master = cluster.master_of_slot(slot).map_err(|why| anyhow!(why))?;
        if let Some(count) = partitions_by_master.get_mut(master) {
            *count += 1;
        }
    }
    Ok(partitions_by_master.into_iter().max().unwrap_or_default())
}

/// Processor time that all masters have used, in microseconds.
fn used_us(cluster: &Cluster) -> anyhow::Result<f64> {
    let mut sum = 0.0;
    for master in cluster.nodes() {
        let told = master.cli(&["INFO", "cpu"]).map_err(|why| anyhow!(why))?;
        for name in ["used_cpu_user:", "used_cpu_sys:"] {
            let text = told.lines().find_map(|line| line.strip_prefix(name));
            let seconds: f64 = text.context("Redis does not say what it used")?.trim().parse()?;
            sum += seconds * 1e6;
        }
    }
    Ok(sum)
}

/// A control group that holds one process to a part of a processor, until it is dropped: after the
/// process has ended.
struct Group(PathBuf);

impl Group {
    fn hold(process: u32, percent: u32) -> anyhow::Result<Self> {
        let quota_us = PERIOD_US * percent / 100;
        let first = Path::new("/sys/fs/cgroup/cpu");
        let is_first = first.is_dir();
        let root = if is_first { first } else { Path::new("/sys/fs/cgroup") };
        let group = Self(root.join(format!("jeton-masters-{process}")));
        let why = || format!("{}: a control group needs root", group.0.display());
        fs::create_dir(&group.0).with_context(why)?;
        let limits = match is_first {
            true => vec![
                ("cpu.cfs_period_us", PERIOD_US.to_string()),
                ("cpu.cfs_quota_us", quota_us.to_string()),
            ],
            false => vec![("cpu.max", format!("{quota_us} {PERIOD_US}"))],
        };
        for (name, value) in limits.into_iter().chain([("cgroup.procs", process.to_string())]) {
            fs::write(group.0.join(name), value).with_context(|| format!("{name}: {}", why()))?;
        }
        Ok(group)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // A process that has not quite ended keeps it; it does no harm then.
        let _kept = fs::remove_dir(&self.0);
    }
}
