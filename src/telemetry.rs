//! Logs and metrics of the process: where they go, what they are called, in which units.
//!
//! Knows the names of all metrics and nothing of who counts them. Installed once, by the program,
//! never by the library's users.

use std::io::IsTerminal;
use std::time::Duration;

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

/// How often what histograms collected is folded into their buckets. Samples wait in memory until
/// then: 16 bytes each.
pub const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Buckets of everything measured in seconds: from 5 µs, what the fastest answer takes, to 10 s.
const SECONDS: [f64; 20] = [
    5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1,
    0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Buckets of batch sizes: powers of two, up to what one batch may hold and a little more.
const COMMANDS: [f64; 13] =
    [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_024.0, 2_048.0, 4_096.0];

/// How to log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogOptions {
    /// A level, or a filter such as `info,jeton::server=debug`. Default `info`.
    pub level: String,
    /// How lines look. Default [`LogFormat::Text`].
    pub format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text }
    }
}

impl LogOptions {
    /// Whether a text is a filter.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check_level(level: &str) -> Result<(), String> {
        filter(level).map(|_| ())
    }
}

/// What the stores below say of their housekeeping is for their makers; a filter may ask for it.
const QUIET: &str = "fjall=warn,lsm_tree=warn,";

fn filter(level: &str) -> Result<EnvFilter, String> {
    let whole = format!("{QUIET}{level}");
    EnvFilter::builder().parse(whole).map_err(|error| error.to_string())
}

/// Telemetry could not be installed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TelemetryError(String);

/// Logs to standard error from now on.
///
/// # Errors
/// When the filter is wrong, or the process logs already.
pub fn install_logs(options: &LogOptions) -> Result<(), TelemetryError> {
    let filter = filter(&options.level).map_err(TelemetryError)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let installed = match options.format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    installed.map_err(|error| TelemetryError(error.to_string()))
}

/// The process's metrics.
#[derive(Clone)]
pub struct Meters(PrometheusHandle);

impl Meters {
    /// Collects metrics from now on. Handles that were taken before stay deaf.
    ///
    /// # Errors
    /// When the process collects metrics already.
    pub fn install() -> Result<Self, TelemetryError> {
        let error =
            |error: metrics_exporter_prometheus::BuildError| TelemetryError(error.to_string());
        let handle = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
            .map_err(error)?
            .set_buckets_for_metric(
                Matcher::Full("jeton_ledger_batch_commands".to_owned()),
                &COMMANDS,
            )
            .map_err(error)?
            .install_recorder()
            .map_err(error)?;
        describe();
        Ok(Self(handle))
    }

    /// All metrics as Prometheus text.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.render()
    }

    /// Folds collected samples into their buckets. Called every [`UPKEEP_EVERY`].
    pub fn upkeep(&self) {
        self.0.run_upkeep();
    }
}

/// Says of every metric what it is. The unit is part of the name, as Prometheus has it.
fn describe() {
    describe_requests();
    describe_stores();
    describe_figures();
    describe_process();
}

fn describe_requests() {
    describe_counter!("jeton_requests_total", Unit::Count, "Requests by verb and outcome.");
    describe_counter!("jeton_refusals_total", Unit::Count, "Refusals by reason.");
    describe_counter!(
        "jeton_campaign_uses_total",
        Unit::Count,
        "Redemptions by campaign; campaigns that are not named in campaign_labels are other."
    );
    describe_counter!(
        "jeton_guesses_total",
        Unit::Count,
        "Codes and tokens that do not exist, and passwords that are wrong."
    );
    describe_counter!("jeton_sign_ins_total", Unit::Count, "People who signed in, by result.");
    describe_counter!("jeton_guess_lockouts_total", Unit::Count, "Times a failure budget ran out.");
    describe_gauge!("jeton_connections", Unit::Count, "Open connections by door.");
    describe_gauge!("jeton_lanes", Unit::Count, "Open lanes.");
    describe_gauge!("jeton_ready", Unit::Count, "1 when requests are answered, else 0.");
}

fn describe_stores() {
    let count = Unit::Count;
    describe_histogram!(
        "jeton_ledger_batch_commands",
        count,
        "Commands that were made durable together."
    );
    describe_histogram!("jeton_ledger_commit_seconds", Unit::Seconds, "Making a batch durable.");
    describe_counter!("jeton_ledger_commits_total", count, "Batches that were made durable.");
    describe_counter!("jeton_ledger_syncs_total", count, "Times the ledger was synced to disk.");
    describe_counter!("jeton_ledger_retries_total", count, "Calls to Redis that were repeated.");
    describe_gauge!("jeton_codes", count, "Codes in the index.");
    describe_gauge!("jeton_holds", count, "Open holds.");
    describe_gauge!("jeton_holds_overdue", count, "Holds that should have ended 10 s ago.");
    describe_gauge!("jeton_ledger_counters", count, "Counters in memory.");
    describe_gauge!("jeton_ledger_balances", count, "Balances in memory.");
    describe_gauge!("jeton_ledger_queue_commands", count, "Commands that wait for the ledger.");
    describe_gauge!("jeton_ledger_queue_max_commands", count, "How many of them may wait.");
    describe_gauge!("jeton_ledger_last_event", count, "Number of the newest durable event.");
    describe_gauge!("jeton_ledger_up", count, "1 when the ledger answers, else 0.");
    describe_gauge!("jeton_ledger_health", count, "1 for the state that the ledger is in.");
    describe_gauge!(
        "jeton_redis_clock_skew_seconds",
        Unit::Seconds,
        "How far this machine's clock is ahead of Redis's."
    );
    describe_gauge!("jeton_redis_memory_bytes", Unit::Bytes, "Memory that Redis's data take.");
    describe_gauge!(
        "jeton_catalog_followed_seconds",
        Unit::Seconds,
        "Time since this node last heard what others change in the catalog."
    );
    describe_counter!(
        "jeton_catalog_reloads_total",
        count,
        "Times that changes were missed and the whole catalog was read again."
    );
    describe_counter!(
        "jeton_catalog_clashes_total",
        count,
        "Codes that two nodes have issued at the same time."
    );
}

/// These are of the whole installation: every node says the same, so they are not to be summed.
fn describe_figures() {
    let count = Unit::Count;
    describe_gauge!("jeton_campaign_used", count, "Uses in force of a campaign's codes.");
    describe_gauge!("jeton_campaign_held", count, "Uses that holds keep of a campaign's codes.");
    describe_gauge!(
        "jeton_campaign_money_minor",
        count,
        "Money that a campaign has given and that is in force, in minor units."
    );
    describe_gauge!("jeton_figures_counted_events", count, "Events that the figures have counted.");
}

fn describe_process() {
    describe_gauge!("jeton_build_info", Unit::Count, "Always 1; its labels say what this is.");
    describe_gauge!("jeton_started_seconds", Unit::Seconds, "When it began to serve, Unix time.");
    describe_gauge!(
        "jeton_clock_seconds",
        Unit::Seconds,
        "This machine's clock when it was scraped, Unix time."
    );
    describe_gauge!(
        "jeton_certificate_expires_seconds",
        Unit::Seconds,
        "Time until a certificate ends: the server's, the authority's."
    );
    describe_gauge!("jeton_disk_free_bytes", Unit::Bytes, "Free bytes where the data are.");
    describe_gauge!("jeton_disk_size_bytes", Unit::Bytes, "All bytes where the data are.");
    describe_gauge!("jeton_memory_bytes", Unit::Bytes, "Resident memory of the process.");
}
