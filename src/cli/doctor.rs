//! `jeton doctor`: what is wrong with this machine and this installation, and what to type.
//!
//! Changes nothing but for one small file in the data directory, which it takes away again. What
//! it looks at in Redis is in `doctor_redis`.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Serialize;
use serde_json::json;

use super::doctor_redis;
use super::installation::{
    ADMIN_TOKEN, CA_CERTIFICATE, SECRET, SERVER_CERTIFICATE, check_dir, check_private,
};
use super::office::Office;
use super::output::{Exit, Output};
use super::place::{Place, read};
use crate::auth::certificate::needs_renewal;
use crate::auth::secret::Installation as Keys;
use crate::clock::Clock;
use crate::config::{Config, Store};
use crate::ledger::Durability;
use crate::metrics::Stopwatch;

/// The release's year began then; a clock before it is wrong.
const CLOCK_LEAST_MS: i64 = 1_767_225_600_000;

/// How often syncing is tried: enough for a 99th percentile that means something.
const SYNCS: usize = 200;

/// What is written before each try, about a batch of eight.
const SYNC_BYTES: usize = 4_096;

/// Slower than this, a gate feels it.
const SYNC_SLOW_SECONDS: f64 = 0.010;

/// Faster than this, nothing was written anywhere that survives a power cut.
const SYNC_UNBELIEVABLE_SECONDS: f64 = 0.000_015;

/// Less free than this is little.
const FREE_LITTLE_MIB: u64 = 2_048;

/// Less free than this is too little to start.
const FREE_LEAST_MIB: u64 = 256;

/// Descriptors that a process with a thousand HTTP callers and the stores' files may need.
const DESCRIPTORS_LEAST: u64 = 4_096;

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Ok,
    Warn,
    /// It could not be found out.
    Unknown,
    Fail,
    /// A promise would be broken.
    Unsafe,
}

/// One line.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    name: &'static str,
    state: State,
    detail: String,
    /// What to type or do.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Check {
    pub(super) fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, state: State::Ok, detail: detail.into(), advice: None }
    }

    pub(super) fn warn(
        name: &'static str,
        detail: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { name, state: State::Warn, detail: detail.into(), advice: Some(advice.into()) }
    }

    pub(super) fn of(
        name: &'static str,
        state: State,
        detail: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { name, state, detail: detail.into(), advice: Some(advice.into()) }
    }

    pub(super) fn fail(
        name: &'static str,
        detail: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { name, state: State::Fail, detail: detail.into(), advice: Some(advice.into()) }
    }
}

pub(super) fn run(place: &Place<'_>, output: Output) -> anyhow::Result<Exit> {
    let config = &place.config;
    let now_ms = Clock::system().now().0;
    let mut checks = vec![clock(config, now_ms)];
    checks.extend(installation(config, now_ms));
    checks.extend(disk(config));
    checks.extend(doors(place));
    if let Store::Redis(store) = &config.store {
        checks.extend(doctor_redis::checks(config, store));
    }
    checks.push(udp_buffers(config));
    checks.push(descriptors());
    checks.push(durability(config));
    let any = |state| checks.iter().any(|check| check.state == state);
    let exit = match (any(State::Unsafe), any(State::Fail)) {
        (true, _) => Exit::Error,
        (false, is_failed) => Exit::of(!is_failed),
    };
    output.answer(&json!({ "ok": exit == Exit::Yes, "checks": checks }), |out| {
        checks.iter().try_for_each(|check| tell(out, check))
    })?;
    Ok(exit)
}

fn tell(out: &mut dyn Write, check: &Check) -> io::Result<()> {
    let Check { name, state, detail, advice } = check;
    let word = match state {
        State::Ok => "ok     ",
        State::Warn => "warn   ",
        State::Unknown => "unknown",
        State::Fail => "FAIL   ",
        State::Unsafe => "UNSAFE ",
    };
    writeln!(out, "{word}  {name:<12} {detail}")?;
    advice.iter().try_for_each(|advice| writeln!(out, "{:22}→ {advice}", ""))
}

fn clock(config: &Config, now_ms: i64) -> Check {
    const ADVICE: &str = "set the clock: timedatectl set-ntp true";
    if now_ms < CLOCK_LEAST_MS {
        return Check::fail("clock", "is behind this release", ADVICE);
    }
    // What was written in the future was written by a clock that has since been set back.
    let newest = newest_ms(&config.data).unwrap_or(0);
    if newest > now_ms.saturating_add(60_000) {
        let seconds = (newest - now_ms) / 1_000;
        let detail = format!("is {seconds} s behind the newest file in the data directory");
        return Check::warn("clock", detail, ADVICE);
    }
    Check::ok("clock", crate::domain::time::Timestamp(now_ms).to_rfc3339())
}

fn newest_ms(dir: &Path) -> Option<i64> {
    let modified = |entry: io::Result<fs::DirEntry>| {
        let time = entry.ok()?.metadata().ok()?.modified().ok()?;
        let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
        i64::try_from(since.as_millis()).ok()
    };
    fs::read_dir(dir).ok()?.filter_map(modified).max()
}

fn installation(config: &Config, now_ms: i64) -> Vec<Check> {
    let data = &config.data;
    let file = |name: &str| data.join(name);
    if !data.exists() {
        let detail = format!("{} does not exist yet", data.display());
        return vec![Check::warn("data", detail, "jeton init, or just jeton serve")];
    }
    let mut checks = vec![match check_dir(data) {
        Ok(()) => Check::ok("data", data.display().to_string()),
        Err(error) => said("data", &error),
    }];
    if !file(SECRET).exists() {
        let detail = "there is none in the data directory";
        checks.push(Check::warn("secret", detail, "jeton init makes a new installation"));
        return checks;
    }
    let secret = check_private(&file(SECRET))
        .and_then(|()| read(&file(SECRET)))
        .and_then(|text| Ok(Keys::decode(&text)?));
    checks.push(match secret {
        Ok(_) => Check::ok("secret", "can be read by its owner only; keep a copy elsewhere"),
        Err(error) => said("secret", &error),
    });
    let mut certificates = vec![("authority", file(CA_CERTIFICATE))];
    certificates.push(match &config.tls.files {
        Some((own, _)) => ("certificate", own.clone()),
        None => ("certificate", file(SERVER_CERTIFICATE)),
    });
    for (name, path) in certificates {
        checks.push(certificate(name, &path, now_ms));
    }
    if file(ADMIN_TOKEN).exists() {
        checks.push(match check_private(&file(ADMIN_TOKEN)) {
            Ok(()) => Check::ok("token", "can be read by its owner only"),
            Err(error) => said("token", &error),
        });
    }
    checks
}

/// A failure whose text says what to type, after the last semicolon.
fn said(name: &'static str, error: &anyhow::Error) -> Check {
    let text = format!("{error:#}");
    match text.rsplit_once("; ") {
        Some((detail, advice)) => Check::fail(name, detail, advice),
        None => Check::fail(name, text, "see the message"),
    }
}

fn certificate(name: &'static str, path: &Path, now_ms: i64) -> Check {
    let needs = read(path).and_then(|pem| Ok(needs_renewal(&pem, now_ms)?));
    match needs {
        Ok(false) => Check::ok(name, path.display().to_string()),
        Ok(true) => {
            let detail = format!("{} is near its end, or past it", path.display());
            Check::warn(name, detail, "restart jeton serve; a certificate of your own: replace it")
        }
        Err(error) => Check::fail(name, format!("{error:#}"), "jeton init makes what is missing"),
    }
}

fn disk(config: &Config) -> Vec<Check> {
    // What does not exist yet will be where its nearest ancestor is.
    let there = |dir: &Path| dir.ancestors().find(|dir| dir.is_dir()).map(Path::to_owned);
    match &config.store {
        Store::Embedded(store) => {
            let Some(dir) = there(store) else { return Vec::new() };
            let mut checks = vec![file_system(&dir), free(&dir)];
            if config.data.is_dir() {
                checks.push(sync_latency(&dir));
            }
            checks
        }
        // Only small files are kept here, and no answer waits for them.
        Store::Redis(_) => there(&config.data).map(|dir| free(&dir)).into_iter().collect(),
    }
}

fn file_system(dir: &Path) -> Check {
    let whole = fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let kind = mounts
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ').skip(1);
            Some((PathBuf::from(words.next()?), words.next()?))
        })
        .filter(|(mounted, _)| whole.starts_with(mounted))
        .max_by_key(|(mounted, _)| mounted.as_os_str().len())
        .map(|(_, kind)| kind);
    match kind {
        Some(kind @ ("tmpfs" | "ramfs")) => {
            let detail = format!("{kind}: nothing in it survives a power cut");
            Check::warn("file system", detail, "put the data on a disk: --data DIR")
        }
        Some(kind @ ("nfs" | "nfs4" | "cifs" | "9p" | "fuse.sshfs")) => {
            let detail = format!("{kind}: a network's locks and syncs are not to be relied on");
            Check::warn("file system", detail, "put the data on a local disk: --data DIR")
        }
        Some(kind) => Check::ok("file system", kind),
        None => Check::ok("file system", "not known"),
    }
}

fn free(dir: &Path) -> Check {
    let told = Command::new("df").arg("-Pm").arg(dir).output();
    let text = told.map(|told| String::from_utf8_lossy(&told.stdout).into_owned());
    let free = text
        .ok()
        .and_then(|text| text.lines().nth(1)?.split_whitespace().nth(3)?.parse::<u64>().ok());
    let advice = "make room, or move the data directory";
    match free {
        None => Check::ok("disk free", "not known (no df)"),
        Some(mib) if mib < FREE_LEAST_MIB => Check::fail("disk free", format!("{mib} MiB"), advice),
        Some(mib) if mib < FREE_LITTLE_MIB => {
            Check::warn("disk free", format!("{mib} MiB"), advice)
        }
        Some(mib) => Check::ok("disk free", format!("{mib} MiB")),
    }
}

fn sync_latency(dir: &Path) -> Check {
    let file = dir.join(".doctor");
    let measured = measure_syncs(&file);
    let _absent = fs::remove_file(&file);
    let mut seconds = match measured {
        Ok(seconds) => seconds,
        Err(error) => {
            return Check::fail("sync", error.to_string(), "the data directory must be writable");
        }
    };
    seconds.sort_by(f64::total_cmp);
    let at = |percent: usize| {
        seconds.get(seconds.len().saturating_sub(1) * percent / 100).copied().unwrap_or(0.0)
    };
    let (p50, p99) = (at(50), at(99));
    let detail = format!("p50 {:.0} µs, p99 {:.0} µs", p50 * 1e6, p99 * 1e6);
    if p50 > SYNC_SLOW_SECONDS {
        let advice = "every answer waits for this; use an SSD, or an interval: durability";
        Check::warn("sync", detail, advice)
    } else if p50 < SYNC_UNBELIEVABLE_SECONDS {
        Check::warn("sync", detail, "too fast to be true: does this disk keep what it is told?")
    } else {
        Check::ok("sync", detail)
    }
}

fn measure_syncs(file: &Path) -> io::Result<Vec<f64>> {
    let mut handle = OpenOptions::new().create(true).append(true).open(file)?;
    let block = [0x6a; SYNC_BYTES];
    (0..SYNCS)
        .map(|_| {
            let watch = Stopwatch::start();
            handle.write_all(&block)?;
            handle.sync_data()?;
            Ok(watch.seconds())
        })
        .collect()
}

fn doors(place: &Place<'_>) -> Vec<Check> {
    let config = &place.config;
    let answers = Office::anonymous(place).and_then(|office| office.see("/livez")).is_ok();
    let http = TcpListener::bind(config.http.listen).map(|_| ());
    let quic = UdpSocket::bind(config.quic.listen).map(|_| ());
    let both = [("http door", config.http.listen, http), ("quic door", config.quic.listen, quic)];
    both.map(|(name, address, bound)| door(name, address, bound, answers)).into()
}

fn door(name: &'static str, address: SocketAddr, bound: io::Result<()>, answers: bool) -> Check {
    match bound {
        Ok(()) => Check::ok(name, format!("{address} is free")),
        Err(_) if answers => Check::ok(name, format!("{address}: jeton answers")),
        Err(error) => {
            let detail = format!("{address}: {error}");
            let advice = format!("who has it? type: ss -lntup 'sport = :{}'", address.port());
            Check::fail(name, detail, advice)
        }
    }
}

fn udp_buffers(config: &Config) -> Check {
    let wanted = u64::try_from(config.quic.udp_buffer_bytes).unwrap_or(u64::MAX);
    let most = |name: &str| {
        let text = fs::read_to_string(format!("/proc/sys/net/core/{name}")).ok()?;
        text.trim().parse::<u64>().ok()
    };
    let (Some(receive), Some(send)) = (most("rmem_max"), most("wmem_max")) else {
        return Check::ok("udp buffers", "not known");
    };
    let least = receive.min(send);
    if least >= wanted {
        return Check::ok("udp buffers", format!("{least} bytes"));
    }
    let detail = format!("the system gives {least} of {wanted} bytes: a rush may lose packets");
    let advice = format!("sysctl -w net.core.rmem_max={wanted} net.core.wmem_max={wanted}");
    Check::warn("udp buffers", detail, advice)
}

fn descriptors() -> Check {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find(|line| line.starts_with("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().nth(3));
    match soft.map(str::parse::<u64>) {
        Some(Ok(soft)) if soft < DESCRIPTORS_LEAST => {
            let detail = format!("{soft} open files are few");
            Check::warn("open files", detail, "ulimit -n 65536, or LimitNOFILE= of the service")
        }
        Some(Ok(soft)) => Check::ok("open files", soft.to_string()),
        Some(Err(_)) => Check::ok("open files", "unlimited"),
        None => Check::ok("open files", "not known"),
    }
}

fn durability(config: &Config) -> Check {
    let advice = "durability = \"sync\" loses nothing";
    match config.durability {
        Durability::Sync => Check::ok("durability", "sync"),
        Durability::Interval { window_ms } => {
            let detail = format!("a power cut loses at most the last {window_ms} ms");
            Check::warn("durability", detail, advice)
        }
        Durability::Memory => {
            Check::warn("durability", "memory: nothing survives the process", advice)
        }
        Durability::RedisAofAlways => Check::ok("durability", "redis-aof-always"),
        Durability::Replicas { replicas } => {
            Check::ok("durability", format!("replicas = {replicas}"))
        }
        Durability::RedisAsIs => {
            let detail = "redis-as-is: what Redis has not persisted can be lost and used again";
            Check::warn("durability", detail, "durability = \"redis-aof-always\" loses nothing")
        }
    }
}
