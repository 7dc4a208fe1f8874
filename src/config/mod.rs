//! The configuration: defaults, one TOML file, the environment, flags; each beats the one before.
//!
//! Every setting is declared once, in `settings`, with its unit, range, default and meaning;
//! reading, checking and explaining all follow from that declaration. [`examine`] reads everything
//! and finds all mistakes at once, before anything is opened. It deliberately knows nothing of what
//! the settings do.
//!
//! - **File**: the one that is named; else `jeton.toml` in the data directory, else
//!   `/etc/jeton/jeton.toml`, if there.
//! - **Environment**: `JETON_QUIC__LISTEN` sets `quic.listen`. Values are written as in TOML; what
//!   is no TOML value is taken as text.
//! - **Flags**: `--set quic.listen=…`, and flags of their own for the most common ones.
//!
//! Invariant: an unknown key is a mistake, wherever it stands; a misspelt setting is never a
//! default.

mod layers;
mod reader;
mod settings;
mod store;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Serialize;

use crate::auth::guess::GuessOptions;
use crate::ledger::Durability;
use crate::remote::Target;
use crate::telemetry::LogOptions;
use layers::Layers;
use reader::Reader;

/// Where an installation without a file of its own in the data directory keeps its configuration.
pub const SYSTEM_FILE: &str = "/etc/jeton/jeton.toml";

/// Name of the file in the data directory.
pub const DATA_FILE: &str = "jeton.toml";

/// Everything that can be set. See `jeton config check` for units, ranges and defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The data directory.
    pub data: PathBuf,
    /// Where ledger and catalog are.
    pub store: Store,
    /// What an answer survives.
    pub durability: Durability,
    /// Most commands that wait for the ledger.
    pub ledger_queue_max: usize,
    /// The door for gates and checkouts.
    pub quic: Quic,
    /// The door for offices and web shops.
    pub http: Http,
    /// The server's certificate.
    pub tls: Tls,
    /// Budgets for wrong guesses.
    pub guess: GuessOptions,
    /// Campaigns that metrics count by name.
    pub campaign_labels: Vec<String>,
    /// How to log.
    pub log: LogOptions,
    /// Threads that serve; 0 is one per core.
    pub workers: usize,
    /// How long requests in flight may take when the server stops, in milliseconds.
    pub drain_ms: u64,
}

/// Where ledger and catalog are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Store {
    /// In a directory of this machine; written `embedded:DIR`.
    Embedded(PathBuf),
    /// In Redis, for several nodes; written as a URL.
    Redis(RedisStore),
}

/// A store in Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisStore {
    /// Where it is and as whom to come; without the password that is in the file.
    pub target: Target,
    /// A file with the password.
    pub password_file: Option<PathBuf>,
    /// Who may sign its certificates, PEM; `None` is whom the operating system trusts.
    pub ca_file: Option<PathBuf>,
    /// Calls that are on their way at a time, 1 to 8.
    pub lanes: u16,
    /// Days for which settled receipts and events are kept.
    pub retention_days: u32,
}

/// Settings of the QUIC door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quic {
    /// Where it listens (UDP).
    pub listen: SocketAddr,
    /// Most connections at once.
    pub connections_max: usize,
    /// Most lanes of a connection.
    pub lanes_max: u32,
    /// Most requests in flight on a connection.
    pub in_flight_max: u32,
    /// How long a silent connection is kept, in milliseconds.
    pub idle_ms: u32,
    /// What the socket's buffers are asked to hold, in bytes.
    pub udp_buffer_bytes: usize,
}

/// Settings of the HTTP door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Http {
    /// Where it listens (TCP).
    pub listen: SocketAddr,
    /// Whether it speaks TLS.
    pub is_tls: bool,
    /// Longest import, in bytes.
    pub import_bytes_max: u64,
    /// Most requests at once.
    pub concurrent_max: usize,
    /// Whether metrics may be read without a token.
    pub metrics_open: bool,
}

/// Which certificate the server shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// Names and addresses, besides the local ones, that the installation's own certificate is for.
    pub server_names: Vec<String>,
    /// A certificate and its key from elsewhere, as PEM files; `None` is the installation's own.
    pub files: Option<(PathBuf, PathBuf)>,
}

/// What the layers are made from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The file that was named; it must exist.
    pub file: Option<PathBuf>,
    /// The environment.
    pub environment: Vec<(String, String)>,
    /// Flags that set something.
    pub flags: Vec<Flag>,
}

/// A setting given on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// The flag, for messages.
    pub flag: String,
    /// The setting.
    pub key: String,
    /// Its value, written as in TOML; what is no TOML value is text.
    pub value: String,
}

impl Sources {
    /// The process's environment, no flags.
    #[must_use]
    pub fn of_process(file: Option<PathBuf>) -> Self {
        let text = |text: std::ffi::OsString| text.into_string().ok();
        let environment =
            std::env::vars_os().filter_map(|(name, value)| Some((text(name)?, text(value)?)));
        Self { file, environment: environment.collect(), flags: Vec::new() }
    }

    /// Adds a flag, if it was given.
    pub fn flag(&mut self, flag: &str, key: &str, value: Option<impl fmt::Display>) {
        if let Some(value) = value {
            let (flag, key, value) = (flag.to_owned(), key.to_owned(), value.to_string());
            self.flags.push(Flag { flag, key, value });
        }
    }
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "from", content = "name")]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// The file.
    File(String),
    /// A variable.
    Environment(String),
    /// A flag.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(name) | Self::Environment(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

/// A setting, explained.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Setting {
    /// Its name, such as `quic.listen`.
    pub key: &'static str,
    /// Its value as it was written.
    pub value: serde_json::Value,
    /// Who wrote it.
    pub origin: Origin,
    /// What it is when nobody sets it.
    pub default: serde_json::Value,
    /// What it may be, with its unit.
    pub range: String,
    /// What it does.
    pub what: &'static str,
}

/// A mistake in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The setting; empty for a file as a whole.
    pub key: String,
    /// Where it was written.
    pub origin: Origin,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}", self.message)?;
        if self.origin == Origin::Default { Ok(()) } else { write!(f, " ({})", self.origin) }
    }
}

/// All mistakes of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the configuration has mistakes:{}", lines(.0))]
pub struct Faults(pub Vec<Fault>);

fn lines(faults: &[Fault]) -> String {
    faults.iter().map(|fault| format!("\n  {fault}")).collect()
}

/// A configuration, and how it came about.
#[derive(Debug, Clone)]
pub struct Examined {
    /// The values; where there is a mistake, the default.
    pub config: Config,
    /// Every setting.
    pub settings: Vec<Setting>,
    /// All mistakes.
    pub faults: Vec<Fault>,
    /// The file that was read.
    pub file: Option<PathBuf>,
}

impl Examined {
    /// The configuration, if nothing is wrong with it.
    ///
    /// # Errors
    /// All [`Faults`].
    pub fn checked(self) -> Result<Config, Faults> {
        if self.faults.is_empty() { Ok(self.config) } else { Err(Faults(self.faults)) }
    }
}

/// Reads and checks everything. Opens nothing but the configuration file.
#[must_use]
pub fn examine(sources: &Sources) -> Examined {
    let data = settings::default_data(&sources.environment);
    let mut faults = Vec::new();
    let layers = Layers::new(sources, &data, &mut faults);
    let mut reader = Reader::new(&layers, faults);
    let config = settings::read(&mut reader, &data);
    let (settings, faults) = reader.finish();
    Examined { config, settings, faults, file: layers.file }
}

/// Reads and checks everything.
///
/// # Errors
/// All mistakes at once.
pub fn load(sources: &Sources) -> Result<Config, Faults> {
    examine(sources).checked()
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed one is a failed test"
)]
mod tests;
