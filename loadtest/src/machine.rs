//! What it was measured on, and how. Without this a figure means nothing.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::thread::available_parallelism;

use anyhow::Context;
use jeton::metrics::Stopwatch;
use serde::{Deserialize, Serialize};

use crate::stats::{Latencies, Quantiles};

/// Syncs that are measured.
const SYNCS: u32 = 300;
/// Written before each: about one small commit.
const SYNC_BYTES: usize = 512;

/// The machine and the exact command.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) memory_gib: u64,
    pub(crate) kernel: String,
    /// Processes that waited for a core when it began, over the last minute.
    pub(crate) load_average: String,
    /// Device, file system and options of the store; absent when nothing is stored here.
    pub(crate) file_system: Option<String>,
    /// What one small durable write costs there.
    pub(crate) sync: Option<Quantiles>,
    pub(crate) profile: String,
    pub(crate) version: String,
    pub(crate) commit: Option<String>,
    pub(crate) command: String,
}

impl Machine {
    /// Looks around; measures the disk below `store`, if something is stored.
    pub(crate) fn look(store: Option<&Path>) -> anyhow::Result<Self> {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        Ok(Self {
            cpu: cpu(),
            cores: available_parallelism()?.get(),
            memory_gib: memory_gib(),
            kernel: first_line("/proc/sys/kernel/osrelease"),
            load_average: first_line("/proc/loadavg").split(' ').next().unwrap_or("").to_owned(),
            file_system: store.and_then(file_system),
            sync: store.map(sync).transpose()?,
            command: Self::command_of(&arguments.join(" ")),
            profile: profile(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: commit(),
        })
    }

    /// What to type so that this program hears `words`.
    pub(crate) fn command_of(words: &str) -> String {
        let release = if profile() == "release" { " --release" } else { "" };
        format!("cargo run{release} -p loadtest -- {words}")
    }
}

fn first_line(file: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().next().unwrap_or("unknown").to_owned()
}

fn cpu() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    name.unwrap_or("unknown").to_owned()
}

fn memory_gib() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib: Option<u64> = total.and_then(|line| line.split_whitespace().next()?.parse().ok());
    kib.unwrap_or_default().div_ceil(1024 * 1024)
}

/// The mount that holds `dir`: the longest one that is a parent of it.
fn file_system(dir: &Path) -> Option<String> {
    let dir = dir.canonicalize().ok()?;
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    let fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let holding = fields.filter(|mount| mount.get(1).is_some_and(|at| dir.starts_with(at)));
    let mount = holding.max_by_key(|mount| mount.get(1).map_or(0, |at| at.len()))?;
    match mount.as_slice() {
        [device, _, kind, options, ..] => Some(format!("{kind} on {device} ({options})")),
        _ => None,
    }
}

/// What a small write costs that is on the disk afterwards.
fn sync(dir: &Path) -> anyhow::Result<Quantiles> {
    let path = dir.join("sync-probe");
    let mut file = File::create(&path).with_context(|| path.display().to_string())?;
    let mut latencies = Latencies::new()?;
    for _ in 0..SYNCS {
        let watch = Stopwatch::start();
        file.write_all(&[0x5a; SYNC_BYTES])?;
        file.sync_data()?;
        let took = std::time::Duration::from_secs_f64(watch.seconds());
        latencies.record(u64::try_from(took.as_nanos())?);
    }
    fs::remove_file(&path)?;
    Ok(latencies.quantiles())
}

/// The build profile, by the directory that the program lies in.
fn profile() -> String {
    let program = std::env::current_exe().ok();
    let dir = program.as_deref().and_then(Path::parent).and_then(Path::file_name);
    dir.map_or_else(|| "unknown".to_owned(), |dir| dir.to_string_lossy().into_owned())
}

fn commit() -> Option<String> {
    let git = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output().ok()?;
    let text = String::from_utf8(git.stdout).ok()?;
    git.status.success().then(|| text.trim().to_owned())
}

/// Processor time that a process has used, in seconds.
pub(crate) fn cpu_seconds(process: u32) -> Option<f64> {
    /// Of a second: what Linux counts in, on every machine there is.
    const TICKS: f64 = 100.0;
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // Behind the name, which may have blanks: state is the first field, user and system time the
    // 12th and 13th.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS)
}

/// Memory that a process has in use, in bytes.
pub(crate) fn resident_bytes(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}
