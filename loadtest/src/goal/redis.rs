//! P5 and P6: redeem on Redis, against what the same Redis does with the smallest script that keeps
//! the same promise, a limit and one answer for one request's id, driven by `redis-benchmark`.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, anyhow, ensure};
use jeton::testing::servers::{RedisOptions, RedisServer};

use super::field::{Field, Peak, version};
use super::verdict::{Contest, Findings, Series, Target};
use crate::args::Keep;
use crate::box_server::{BoxServer, ServeBoxArgs};
use crate::workload::{Codes, Law, Verb};

/// The smallest script with the same promise.
const SCRIPT: &str = "if redis.call('EXISTS',KEYS[2])==1 then return 0 end \
    local n=redis.call('INCR',KEYS[1]) \
    if n>tonumber(ARGV[1]) then redis.call('DECR',KEYS[1]) return -1 end \
    redis.call('SET',KEYS[2],n) return n";

/// A Redis of our own, and a node on it.
pub(super) struct Node {
    pub(super) redis: RedisServer,
    pub(super) server: BoxServer,
}

impl Node {
    pub(super) fn start(field: &mut Field, codes: u64, limit: u64) -> anyhow::Result<Self> {
        field.setting(version(Path::new("redis-server"), "redis-server")?);
        field.setting("Redis without AOF and snapshots (redis-as-is), receipts kept");
        let redis = RedisServer::start(&RedisOptions::default()).map_err(|why| anyhow!(why))?;
        let args = ServeBoxArgs::new(&field.path("node"), Keep::Redis, codes);
        let args = ServeBoxArgs { redis: Some(redis.url()), limit, ..args };
        Ok(Self { server: field.server(&args)?, redis })
    }
}

/// How `redis-benchmark` is called: clients, commands in one flush, and about how many it does in a
/// second, so that it runs as long as we do.
#[derive(Debug, Clone, Copy)]
struct Rival {
    clients: u32,
    pipeline: u32,
    per_second: u32,
}

/// P5: 8 × 32 in flight.
pub(super) async fn many_in_flight(field: &mut Field) -> anyhow::Result<Findings> {
    let rival = Rival { clients: 8, pipeline: 32, per_second: 130_000 };
    against(field, rival, 300_000, Target::AtLeast(1.5)).await
}

/// P6: 64 connections, one in flight.
pub(super) async fn one_in_flight(field: &mut Field) -> anyhow::Result<Findings> {
    let rival = Rival { clients: 64, pipeline: 1, per_second: 65_000 };
    against(field, rival, 120_000, Target::AtLeast(0.80)).await
}

/// `rate` is more than we redeem in a second.
async fn against(
    field: &mut Field,
    rival: Rival,
    rate: u64,
    target: Target,
) -> anyhow::Result<Findings> {
    version(Path::new("redis-benchmark"), "redis-tools")?;
    let codes = field.codes_for(rate);
    let Node { redis, server } = Node::start(field, codes, 1)?;
    let codes = Arc::new(Codes::read(server.codes())?);
    let sha = redis.cli(&["SCRIPT", "LOAD", SCRIPT]).map_err(|why| anyhow!(why))?;
    let Rival { clients: connections, pipeline: in_flight, .. } = rival;
    let shape = format!("{connections} x {in_flight}");
    let mut ours = Series::new(format!("redeem {shape}"), "/s");
    let mut theirs = Series::new(format!("EVALSHA -c {connections} -P {in_flight}"), "/s");
    for _ in field.rounds() {
        let (options, verb, law) = (server.options(), Verb::Redeem, Law::Once);
        let peak = Peak { options, codes: &codes, verb, law, connections, in_flight };
        ours.push(field.peak(peak).await?.achieved_per_s);
        theirs.push(rival.run(&redis, sha.trim(), field.seconds())?);
    }
    server.end()?;
    let contests = vec![Contest::against(ours, theirs, target)];
    Ok(Findings { contests, beside: Vec::new() })
}

impl Rival {
    fn run(self, redis: &RedisServer, sha: &str, seconds: u32) -> anyhow::Result<f64> {
        let Self { clients, pipeline, per_second } = self;
        let output = Command::new("redis-benchmark")
            .args(["-p", &redis.port().to_string(), "--csv", "-r", "1000000000"])
            .args(["-c", &clients.to_string(), "-P", &pipeline.to_string()])
            .args(["-n", &(u64::from(per_second) * u64::from(seconds)).to_string()])
            .args(["EVALSHA", sha, "2", "c:__rand_int__", "i:__rand_int__", "1000000"])
            .output()?;
        ensure!(output.status.success(), "redis-benchmark failed: {}", output.status);
        let text = String::from_utf8_lossy(&output.stdout);
        rate_of(&text).with_context(|| format!("redis-benchmark said {text:?}"))
    }
}

/// Requests a second, from the last line.
fn rate_of(csv: &str) -> Option<f64> {
    let fields = csv.lines().last()?.rsplit("\",\"").map(|field| field.trim_matches('"'));
    // From the end: max, p99, p95, p50, min, average, requests a second.
    fields.map(str::parse).nth(6)?.ok()
}

#[cfg(test)]
mod tests {
    use super::rate_of;

    #[test]
    fn the_rate_is_found_behind_a_name_with_commas() {
        let csv = "\"test\",\"rps\",\"avg_latency_ms\",\"min_latency_ms\",\"p50_latency_ms\",\
            \"p95_latency_ms\",\"p99_latency_ms\",\"max_latency_ms\"\n\
            \"EVALSHA ab 2 \"\"c\"\" 1\",\"131926.12\",\"1.9\",\"0.5\",\"1.8\",\"2.3\",\"3\",\"9\"";
        assert_eq!(rate_of(csv), Some(131_926.12));
        assert_eq!(rate_of("no figures"), None);
    }
}
