//! What a serving process measures of itself: once a second from memory, and every few seconds from
//! the disk and from Redis. What is counted where it happens is not its matter.
//!
//! Handles are looked up once; labels come from closed sets. It decides nothing: what cannot be
//! found out keeps its last value, and `jeton_ledger_health` says why.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Gauge, counter, gauge};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::epoch::EpochFile;
use super::installation::ServerTexts;
use super::redis_store::{self, Sight};
use crate::auth::certificate::{CertificateError, end_of_pem_ms};
use crate::clock::Clock;
use crate::config::{Config, Store};
use crate::domain::time::Timestamp;
use crate::ledger::Health;
use crate::remote::Remote;
use crate::server::Shared;
use crate::telemetry::{Meters, UPKEEP_EVERY};

/// How often what is in memory is measured.
const GAUGES_EVERY: Duration = Duration::from_secs(1);

/// How often disk, memory and Redis are looked at. Each look at Redis asks two questions a
/// partition.
const SURVEY_EVERY: Duration = Duration::from_secs(10);

/// How long the ledger may take to show that it can be written.
const PROBE_MAX: Duration = Duration::from_secs(2);

/// How long after its end a hold may still stand before it is overdue, in milliseconds. Holds are
/// ended twice a second.
pub(super) const OVERDUE_MS: i64 = 10_000;

/// Most overdue holds that are counted.
const OVERDUE_MAX: usize = 10_000;

/// When the certificates end, in milliseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ends {
    server_ms: i64,
    authority_ms: i64,
}

impl Ends {
    pub(super) fn of(texts: &ServerTexts) -> Result<Self, CertificateError> {
        Ok(Self {
            server_ms: end_of_pem_ms(&texts.certificate)?,
            authority_ms: end_of_pem_ms(&texts.client_authority)?,
        })
    }
}

/// What is measured at the moment at which it is read.
pub(super) struct Scraped {
    clock: Gauge,
}

impl Scraped {
    pub(super) fn new() -> Self {
        Self { clock: gauge!("jeton_clock_seconds") }
    }

    pub(super) fn set(&self, now: Timestamp) {
        self.clock.set(seconds(now.0));
    }
}

/// Gauges of what is in memory, handles looked up once.
pub(super) struct Gauges {
    ends: watch::Receiver<Ends>,
    codes: Gauge,
    holds: Gauge,
    overdue: Gauge,
    counters: Gauge,
    balances: Gauge,
    queue: Gauge,
    last_event: Gauge,
    up: Gauge,
    /// In the order of [`Health::NAMES`].
    health: [Gauge; 4],
    ready: Gauge,
    server_certificate: Gauge,
    authority: Gauge,
}

impl Gauges {
    /// Sets what never changes, too.
    pub(super) fn new(config: &Config, ends: watch::Receiver<Ends>) -> Self {
        let store = match config.store {
            Store::Embedded(_) => "embedded",
            Store::Redis(_) => "redis",
        };
        let version = env!("CARGO_PKG_VERSION");
        gauge!("jeton_build_info", "version" => version, "store" => store).set(1.0);
        gauge!("jeton_started_seconds").set(seconds(Clock::system().now().0));
        gauge!("jeton_ledger_queue_max_commands").set(number(config.ledger_queue_max));
        // There before the first guess, so that the first one is an increase.
        for rare in ["jeton_guesses_total", "jeton_guess_lockouts_total"] {
            counter!(rare).increment(0);
        }
        let certificate =
            |name: &'static str| gauge!("jeton_certificate_expires_seconds", "certificate" => name);
        Self {
            ends,
            codes: gauge!("jeton_codes"),
            holds: gauge!("jeton_holds"),
            overdue: gauge!("jeton_holds_overdue"),
            counters: gauge!("jeton_ledger_counters"),
            balances: gauge!("jeton_ledger_balances"),
            queue: gauge!("jeton_ledger_queue_commands"),
            last_event: gauge!("jeton_ledger_last_event"),
            up: gauge!("jeton_ledger_up"),
            health: Health::NAMES.map(|state| gauge!("jeton_ledger_health", "state" => state)),
            ready: gauge!("jeton_ready"),
            server_certificate: certificate("server"),
            authority: certificate("authority"),
        }
    }

    pub(super) async fn set(&self, shared: &Shared) {
        let (ledger, now) = (shared.engine.ledger(), shared.engine.now());
        let (sizes, overdue) = {
            let book = ledger.read();
            (book.sizes(), book.holds_ended_before(now.plus_ms(-OVERDUE_MS), OVERDUE_MAX))
        };
        if ledger.is_local() {
            // The holds of all nodes are in Redis.
            self.holds.set(number(sizes.holds));
            self.overdue.set(number(overdue));
        }
        self.codes.set(number(shared.engine.codes_len()));
        self.counters.set(number(sizes.counters));
        self.balances.set(number(sizes.balances));
        self.queue.set(number(ledger.queue_len()));
        self.last_event.set(ledger.pulse().borrow().last_event as f64);
        let health = ledger.health().borrow().clone();
        self.up.set(flag(health == Health::Good));
        for (state, gauge) in Health::NAMES.iter().zip(&self.health) {
            gauge.set(flag(*state == health.name()));
        }
        let ends = *self.ends.borrow();
        self.server_certificate.set(seconds(ends.server_ms.saturating_sub(now.0)));
        self.authority.set(seconds(ends.authority_ms.saturating_sub(now.0)));
        let probed = timeout(PROBE_MAX, shared.engine.probe()).await;
        self.ready.set(flag(shared.is_ready() && matches!(probed, Ok(Ok(())))));
    }
}

fn flag(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}

/// Metrics are floating point numbers; exact up to 2^53.
fn number(count: usize) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "exact for hundreds of thousands of years")]
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1e3
}

/// Measures what is in memory until the process ends.
pub(super) async fn measure(shared: Arc<Shared>, meters: Meters, gauges: Gauges) {
    let mut each = interval(GAUGES_EVERY);
    let mut upkeep = interval(UPKEEP_EVERY);
    // A ledger that answers late is not asked more often afterwards.
    each.set_missed_tick_behavior(MissedTickBehavior::Delay);
    upkeep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = each.tick() => gauges.set(&shared).await,
            _ = upkeep.tick() => meters.upkeep(),
        }
    }
}

/// Looks at disk, memory and Redis until the process ends.
pub(super) async fn survey(config: Config, epoch: Option<EpochFile>) {
    let dir = match &config.store {
        Store::Embedded(dir) => dir.clone(),
        Store::Redis(_) => config.data.clone(),
    };
    let machine = Machine::new(dir);
    let redis = match (&config.store, epoch) {
        // What is wrong with these options stopped the ledger from opening.
        (Store::Redis(store), Some(epoch)) => {
            redis_store::remote(store).ok().map(|remote| Seen::new(remote, epoch.partitions))
        }
        (Store::Redis(_) | Store::Embedded(_), _) => None,
    };
    let mut each = interval(SURVEY_EVERY);
    each.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        each.tick().await;
        let looked = machine.clone();
        // A disk that does not answer must not hold up a thread that serves.
        let _ended = tokio::task::spawn_blocking(move || looked.set()).await;
        if let Some(redis) = &redis {
            redis.set().await;
        }
    }
}

/// The machine as far as this process needs it.
#[derive(Clone)]
struct Machine {
    dir: PathBuf,
    free: Gauge,
    size: Gauge,
    memory: Gauge,
}

impl Machine {
    fn new(dir: PathBuf) -> Self {
        Self {
            dir,
            free: gauge!("jeton_disk_free_bytes"),
            size: gauge!("jeton_disk_size_bytes"),
            memory: gauge!("jeton_memory_bytes"),
        }
    }

    fn set(&self) {
        if let Ok(disk) = rustix::fs::statvfs(&self.dir) {
            let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize) as f64;
            self.free.set(bytes(disk.f_bavail));
            self.size.set(bytes(disk.f_blocks));
        }
        if let Some(kib) = fs::read_to_string("/proc/self/status").ok().as_deref().and_then(memory)
        {
            self.memory.set(kib * 1_024.0);
        }
    }
}

/// Resident memory in KiB, as the kernel tells it.
fn memory(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// What is seen of Redis.
struct Seen {
    remote: Remote,
    partitions: u16,
    holds: Gauge,
    overdue: Gauge,
    skew: Gauge,
    memory: Gauge,
}

impl Seen {
    fn new(remote: Remote, partitions: u16) -> Self {
        Self {
            remote,
            partitions,
            holds: gauge!("jeton_holds"),
            overdue: gauge!("jeton_holds_overdue"),
            skew: gauge!("jeton_redis_clock_skew_seconds"),
            memory: gauge!("jeton_redis_memory_bytes"),
        }
    }

    async fn set(&self) {
        let now = || Clock::system().now();
        // Away or not allowed: the ledger says so itself.
        let Ok(sight) = Sight::take(&self.remote, self.partitions, &now).await else { return };
        self.holds.set(sight.holds as f64);
        self.overdue.set(sight.holds_overdue as f64);
        self.skew.set(seconds(sight.skew_ms));
        if let Some(bytes) = sight.used_memory_bytes {
            self.memory.set(bytes as f64);
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed one is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_what_the_kernel_says() {
        assert_eq!(memory("Name:\tjeton\nVmHWM:\t  900 kB\nVmRSS:\t     812 kB\n"), Some(812.0));
        assert_eq!(memory("VmRSS:\tmany kB"), None);
        let own = fs::read_to_string("/proc/self/status").unwrap();
        assert!(memory(&own).unwrap() > 100.0);
    }
}
