//! `redis`: what jeton makes of a Redis, against what Redis itself does with the smallest script
//! that keeps the same promise: a limit, and one answer for one request id.
//!
//! Both sides use one Redis and take turns (A B A B …); medians and ratios are printed.

use std::io::Write;
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, anyhow, ensure};
use jeton::testing::servers::{RedisOptions, RedisServer};
use serde::Serialize;

use crate::args::{Keep, RedisArgs, Shape};
use crate::box_server::{BoxServer, HOT_CODE};
use crate::drive::{self, Loop, Plan};
use crate::machine::Machine;
use crate::report::{figure, write_machine};
use crate::workload::{Codes, Law, Mix, Verb, Workload};

/// The smallest script with the same promise.
const SCRIPT: &str = "if redis.call('EXISTS',KEYS[2])==1 then return 0 end \
    local n=redis.call('INCR',KEYS[1]) \
    if n>tonumber(ARGV[1]) then redis.call('DECR',KEYS[1]) return -1 end \
    redis.call('SET',KEYS[2],n) return n";

/// How `redis-benchmark` is called: its name in the table, clients, commands in one flush.
struct Rival {
    name: &'static str,
    clients: u32,
    pipeline: u32,
    requests: u32,
}

const PIPELINED: Rival =
    Rival { name: "EVALSHA -c 8 -P 32", clients: 8, pipeline: 32, requests: 400_000 };
const SINGLE: Rival = Rival { name: "EVALSHA -c 64", clients: 64, pipeline: 1, requests: 200_000 };

/// One measure of one side, in each round.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    per_second: Vec<f64>,
}

impl Row {
    fn median(&self) -> f64 {
        let mut sorted = self.per_second.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
    }
}

/// Runs all rounds and prints the table. Says whether every promise was kept.
pub(crate) async fn run(args: &RedisArgs) -> anyhow::Result<bool> {
    let parent = args.dir.clone().unwrap_or_else(std::env::temp_dir);
    let dir = tempfile::Builder::new().prefix("jeton-redis-").tempdir_in(parent)?;
    let machine = Machine::look(Some(dir.path()))?;
    let redis = RedisServer::start(&RedisOptions::default()).map_err(|why| anyhow!(why))?;
    let store = dir.path().join("box");
    std::fs::create_dir(&store)?;
    let server = BoxServer::start(&store, Keep::Redis, args.codes, Some(&redis.url()))?;
    let single = Arc::new(Codes::read(server.codes())?);
    let hot = Arc::new(Codes::one(HOT_CODE));
    let sha = redis.cli(&["SCRIPT", "LOAD", SCRIPT]).map_err(|why| anyhow!(why))?;
    let names =
        [PIPELINED.name, "redeem 8x32", SINGLE.name, "redeem 64x1", "redeem 1 hot code 8x32"];
    let mut rows = names.map(|name| Row { name: name.to_owned(), per_second: Vec::new() });
    let mut kept = true;
    for _ in 0..args.rounds {
        let shapes = [(8, 32, Law::Once), (64, 1, Law::Once), (8, 32, Law::Hot)];
        let mut found = Vec::new();
        for (rival, shape) in [Some(&PIPELINED), Some(&SINGLE), None].into_iter().zip(shapes) {
            if let Some(rival) = rival {
                found.push(rival.run(&redis, sha.trim())?);
            }
            let (connections, in_flight, law) = shape;
            let codes = if law == Law::Hot { &hot } else { &single };
            let shape = Shape { connections, in_flight };
            let figures = load(&server, args, codes, law, shape).await?;
            for what in figures.broken() {
                kept = false;
                writeln!(std::io::stderr(), "broken: {what}")?;
            }
            found.push(figures.achieved_per_s);
        }
        for (row, per_second) in rows.iter_mut().zip(found) {
            row.per_second.push(per_second);
        }
    }
    server.end()?;
    print(&machine, &rows, args)?;
    Ok(kept)
}

impl Rival {
    fn run(&self, redis: &RedisServer, sha: &str) -> anyhow::Result<f64> {
        let output = Command::new("redis-benchmark")
            .args(["-p", &redis.port().to_string(), "--csv", "-r", "1000000000"])
            .args(["-c", &self.clients.to_string(), "-P", &self.pipeline.to_string()])
            .args(["-n", &self.requests.to_string()])
            .args(["EVALSHA", sha, "2", "c:__rand_int__", "i:__rand_int__", "1000000"])
            .output()
            .context("redis-benchmark cannot be started; it comes with redis-tools")?;
        ensure!(output.status.success(), "redis-benchmark failed: {}", output.status);
        let text = String::from_utf8_lossy(&output.stdout);
        let last = text.lines().last().unwrap_or_default();
        let fields = last.rsplit("\",\"").map(|field| field.trim_matches('"'));
        // From the end: max, p99, p95, p50, min, average, requests a second.
        let rate = fields.map(str::parse::<f64>).nth(6);
        rate.and_then(Result::ok).with_context(|| format!("redis-benchmark said {last:?}"))
    }
}

async fn load(
    server: &BoxServer,
    args: &RedisArgs,
    codes: &Arc<Codes>,
    law: Law,
    shape: Shape,
) -> anyhow::Result<drive::Figures> {
    let workload = Workload { codes: Arc::clone(codes), law, mix: Mix::only(Verb::Redeem) };
    let plan = Plan {
        workload,
        kind: Loop::Closed { in_flight: shape.in_flight },
        connections: shape.connections,
        warm_up_s: args.time.warm_up,
        seconds: args.time.seconds,
    };
    drive::carry_out(server.options(), plan, "redeem on Redis").await
}

fn print(machine: &Machine, rows: &[Row], args: &RedisArgs) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let at = |place: usize| rows.get(place).map_or(0.0, Row::median);
    let ratios = [
        ("P5: redeem 8x32 / EVALSHA -c 8 -P 32", at(1) / at(0)),
        ("P6: redeem 64x1 / EVALSHA -c 64", at(3) / at(2)),
        ("P7: one hot code / distinct codes, 8x32", at(4) / at(1)),
    ];
    if args.time.json {
        let document = serde_json::json!({ "rows": rows, "ratios": ratios });
        writeln!(out, "{document}")?;
        return Ok(());
    }
    write_machine(&mut out, machine)?;
    writeln!(out, "\n{:<44} {:>12} {:>24}", "closed loop, a second", "median", "spread")?;
    for row in rows {
        let least = row.per_second.iter().copied().fold(f64::INFINITY, f64::min);
        let most = row.per_second.iter().copied().fold(0.0, f64::max);
        let spread = format!("{} to {}", figure(least, 0), figure(most, 0));
        writeln!(out, "{:<44} {:>12} {:>24}", row.name, figure(row.median(), 0), spread)?;
    }
    writeln!(out)?;
    for (name, ratio) in ratios {
        writeln!(out, "{name:<44} {ratio:>12.2}")?;
    }
    Ok(())
}
