//! What `jeton doctor` looks at when the store is in Redis: the servers, the fences, the catalog.

use std::sync::Arc;

use super::doctor::{Check, State};
use super::epoch::{EPOCH, EPOCH_BEGUN, EpochFile};
use super::installation::{SECRET, check_private};
use super::place::read;
use super::redis_store::{self, ServerFacts, Survey, wait};
use crate::auth::secret::Installation as Keys;
use crate::catalog::{self, Catalog};
use crate::clock::Clock;
use crate::config::{Config, RedisStore};
use crate::ledger::Now;
use crate::ledger::redis::{Finding, Severity, inspect};
use crate::remote::{Remote, RemoteError};

/// Round trips that are measured.
const PINGS: usize = 100;

/// A slower round trip is felt at a gate.
const PING_SLOW_SECONDS: f64 = 0.005;

/// What a node of this release loads.
const LIBRARIES: [&str; 2] = ["jeton_4", "jeton_catalog_1"];

/// The findings, and what stands there.
struct Looked {
    findings: Vec<Finding>,
    facts: Vec<ServerFacts>,
    survey: Survey,
}

pub(super) fn checks(config: &Config, store: &RedisStore) -> Vec<Check> {
    let remote = match redis_store::remote(store) {
        Ok(remote) => remote,
        Err(error) => {
            let advice = "check redis_password_file and redis_ca_file";
            return vec![Check::fail("redis", format!("{error:#}"), advice)];
        }
    };
    let mut checks = vec![encryption(store)];
    let epoch = own_epoch(config);
    let partitions = epoch.as_ref().map_or(0, |epoch| epoch.partitions);
    let looked = match wait(look(config, &remote, partitions)) {
        Ok(Ok(looked)) => looked,
        Ok(Err(error)) => {
            checks.push(Check::fail("redis", error.to_string(), "see the message"));
            return checks;
        }
        Err(error) => {
            checks.push(Check::fail("redis", format!("{error:#}"), "see the message"));
            return checks;
        }
    };
    checks.extend(looked.findings.iter().map(finding));
    checks.extend(looked.facts.iter().flat_map(server));
    let epoch = match epoch {
        Ok(epoch) => epoch,
        Err(missing) => {
            checks.push(missing);
            return checks;
        }
    };
    if let Some((what, remedy)) = looked.survey.fence(&epoch).trouble() {
        let found = looked.survey.installation.as_ref().map_or("none", |(epoch, _)| epoch);
        let detail = format!("{what}; ours is {}, Redis has {found}", epoch.epoch.text());
        checks.push(Check::of("epoch", State::Unsafe, detail, remedy));
    } else {
        checks.push(Check::ok("epoch", format!("{} here and in Redis", epoch.epoch.text())));
        checks.push(Check::ok("partitions", format!("{}, all fenced", epoch.partitions)));
        checks.push(catalog(config, store, &looked.survey));
    }
    checks
}

async fn look(config: &Config, remote: &Remote, partitions: u16) -> Result<Looked, RemoteError> {
    let now: Now = Arc::new(|| Clock::system().now());
    Ok(Looked {
        findings: inspect(remote, config.durability, &now).await?,
        facts: redis_store::facts(remote, PINGS).await?,
        survey: Survey::take(remote, partitions).await?,
    })
}

fn own_epoch(config: &Config) -> Result<EpochFile, Check> {
    let file = config.data.join(EPOCH);
    if config.data.join(EPOCH_BEGUN).exists() {
        let detail = "jeton init was interrupted here";
        return Err(Check::fail("epoch", detail, "jeton init goes on"));
    }
    if !file.exists() {
        let detail = format!("{} is missing", file.display());
        let advice = "first node: jeton init; a further one: copy the files that it names";
        return Err(Check::warn("epoch", detail, advice));
    }
    EpochFile::read(&file).map_err(|error| {
        Check::fail("epoch", format!("{error:#}"), "copy it from another node, with mode 0600")
    })
}

fn encryption(store: &RedisStore) -> Check {
    let target = &store.target;
    let is_local = |host: &str| {
        host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
    };
    if target.tls {
        return Check::ok("redis", format!("{target}, over TLS"));
    }
    if target.nodes.iter().all(|node| is_local(&node.host)) {
        return Check::ok("redis", format!("{target}, on this machine"));
    }
    let advice = "begin store with rediss, and name redis_ca_file";
    Check::warn("redis", format!("{target} is not encrypted"), advice)
}

fn finding(finding: &Finding) -> Check {
    let Finding { severity, server, what, remedy } = finding;
    let detail = format!("{server}: {what}");
    match severity {
        Severity::Good => Check::ok("redis", detail),
        Severity::Unsafe => Check::of("redis", State::Unsafe, detail, remedy),
        Severity::Unknown => Check::of("redis", State::Unknown, detail, remedy),
    }
}

fn server(facts: &ServerFacts) -> [Check; 2] {
    let at = |percent: usize| {
        let place = facts.pings.len().saturating_sub(1) * percent / 100;
        facts.pings.get(place).copied().unwrap_or(0.0)
    };
    let (p50, p99) = (at(50), at(99));
    let address = &facts.address;
    let detail = format!("{address}: PING p50 {:.0} µs, p99 {:.0} µs", p50 * 1e6, p99 * 1e6);
    let latency = if p50 > PING_SLOW_SECONDS {
        Check::warn("latency", detail, "every redemption waits for this: bring Redis nearer")
    } else {
        Check::ok("latency", detail)
    };
    [latency, functions(facts)]
}

fn functions(facts: &ServerFacts) -> Check {
    let address = &facts.address;
    let Some(found) = &facts.libraries else {
        let detail = format!("{address}: what is loaded cannot be read");
        let advice = "allow the user function|list, as in deploy/redis/users.acl";
        return Check::of("functions", State::Unknown, detail, advice);
    };
    let is_missing = |library: &&&str| !found.iter().any(|found| found == **library);
    let missing: Vec<&str> = LIBRARIES.iter().filter(is_missing).copied().collect();
    if missing.is_empty() {
        return Check::ok("functions", format!("{address}: {}", LIBRARIES.join(", ")));
    }
    let detail = format!("{address}: {} not loaded", missing.join(", "));
    Check::warn("functions", detail, "jeton serve loads them")
}

/// Opens the catalog where there is one: only its own key opens it.
fn catalog(config: &Config, store: &RedisStore, survey: &Survey) -> Check {
    const NAME: &str = "catalog";
    if !survey.has_catalog {
        let detail = "there is none in Redis, though the ledger is there: it was lost";
        return Check::fail(NAME, detail, "restore Redis from its own AOF or RDB backup");
    }
    let secret = config.data.join(SECRET);
    let keys = check_private(&secret)
        .and_then(|()| read(&secret))
        .and_then(|text| Ok(Keys::decode(&text)?));
    let opened = keys.and_then(|keys| {
        let store = redis_store::catalog_store(config, store)?;
        let options = catalog::Options { store, store_key: *keys.store_key.bytes() };
        let catalog = Catalog::open(&options)?;
        Ok(catalog.code_count()?)
    });
    match opened {
        Ok(codes) => Check::ok(NAME, format!("opens with our key; {codes} codes")),
        Err(error) => {
            let advice = "copy the secret file from a node of this installation";
            Check::fail(NAME, format!("{error:#}"), advice)
        }
    }
}
