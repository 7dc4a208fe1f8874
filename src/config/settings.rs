//! Every setting: its name, unit, range, default and meaning, said once.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::reader::{About, Reader};
use super::{Config, Http, Quic, Tls, store};
use crate::auth::bind::{Credentials, Encryption, check_bind};
use crate::auth::certificate::SERVER_NAMES_MAX;
use crate::auth::guess::{GuessLimits, GuessOptions};
use crate::engine::CAMPAIGN_LABELS_MAX;
use crate::telemetry::{LogFormat, LogOptions};

const DAY_MS: u64 = 86_400_000;

/// Where the data is when nobody says: the service manager's directory, else the user's directory
/// for state, else a directory here.
pub(super) fn default_data(environment: &[(String, String)]) -> PathBuf {
    let variable = |name: &str| {
        let found = environment.iter().find(|(key, value)| key == name && !value.is_empty());
        found.map(|(_, value)| PathBuf::from(value))
    };
    // A service manager may give several directories, separated by colons.
    let first = |dir: PathBuf| {
        let dirs = dir.to_string_lossy().into_owned();
        PathBuf::from(dirs.split(':').next().unwrap_or_default())
    };
    variable("STATE_DIRECTORY")
        .map(first)
        .or_else(|| variable("XDG_STATE_HOME").map(|state| state.join("jeton")))
        .or_else(|| variable("HOME").map(|home| home.join(".local/state/jeton")))
        .unwrap_or_else(|| PathBuf::from("./jeton-data"))
}

pub(super) fn read(r: &mut Reader<'_>, default_data: &Path) -> Config {
    let data = r.plain(
        About {
            key: "data",
            range: "a directory",
            what: "secrets, certificates, ledger and catalog; only its owner may enter",
        },
        default_data.to_owned(),
    );
    let (store, durability) = store::read(r, &data);
    let ledger_queue_max = r.number(
        about("ledger_queue_max", "commands", "waiting for the ledger; beyond, callers hear busy"),
        65_536,
        1..=16_777_216,
    );
    let config = Config {
        store,
        data,
        durability,
        ledger_queue_max,
        quic: quic(r),
        http: http(r),
        tls: tls(r),
        guess: guess(r),
        campaign_labels: labels(r),
        log: log(r),
        workers: r.number(
            about("workers", "threads", "that serve; 0 is one per core"),
            0,
            0..=1_024,
        ),
        drain_ms: r.number(
            about("drain_ms", "ms", "requests in flight may take when the server stops"),
            10_000,
            0..=600_000,
        ),
    };
    check_doors(r, &config);
    config
}

const fn about(key: &'static str, range: &'static str, what: &'static str) -> About {
    About { key, range, what }
}

fn quic(r: &mut Reader<'_>) -> Quic {
    Quic {
        listen: listen(r, "quic.listen", "where gates and checkouts connect (UDP)", 7411),
        connections_max: r.number(
            about(
                "quic.connections_max",
                "connections",
                "at once; beyond, callers are turned away",
            ),
            20_000,
            1..=1_000_000,
        ),
        lanes_max: r.number(
            about("quic.lanes_max", "lanes", "of one connection at once"),
            64,
            1..=1_024,
        ),
        in_flight_max: r.number(
            about("quic.in_flight_max", "requests", "of one connection at once; beyond, busy"),
            4_096,
            1..=1_000_000,
        ),
        idle_ms: r.number(
            about("quic.idle_ms", "ms", "until a silent connection is given up"),
            15_000,
            1_000..=600_000,
        ),
        udp_buffer_bytes: r.number(
            about("quic.udp_buffer_bytes", "bytes", "that each socket buffer is asked to hold"),
            8 << 20,
            65_536..=1 << 30,
        ),
    }
}

fn http(r: &mut Reader<'_>) -> Http {
    let listen =
        listen(r, "http.listen", "where offices, web shops and dashboards connect (TCP)", 7412);
    let is_local = listen.ip().to_canonical().is_loopback();
    let is_tls = r.read(
        About {
            key: "http.tls",
            range: "\"auto\", \"on\" or \"off\"",
            what: "whether HTTP is encrypted; auto: unless it listens on loopback",
        },
        "auto",
        |word: String| match word.as_str() {
            "auto" => Ok(!is_local),
            "on" => Ok(true),
            "off" => Ok(false),
            other => Err(format!("is {other:?}; expected is \"auto\", \"on\" or \"off\"")),
        },
    );
    Http {
        listen,
        is_tls: is_tls.unwrap_or(!is_local),
        import_bytes_max: r.number(
            about("http.import_bytes_max", "bytes", "of one import"),
            2 << 30,
            1_024..=1 << 40,
        ),
        concurrent_max: r.number(
            about("http.concurrent_max", "requests", "at once; beyond, 503"),
            1_024,
            1..=65_536,
        ),
        metrics_open: r.plain(
            About {
                key: "http.metrics_open",
                range: "true or false",
                what: "whether metrics need no token; default: if it listens on loopback",
            },
            is_local,
        ),
    }
}

fn listen(r: &mut Reader<'_>, key: &'static str, what: &'static str, port: u16) -> SocketAddr {
    let default = SocketAddr::from(([127, 0, 0, 1], port));
    r.plain(About { key, range: "ADDRESS:PORT; port 0 takes any that is free", what }, default)
}

fn tls(r: &mut Reader<'_>) -> Tls {
    let server_names = r.read(
        About {
            key: "tls.server_names",
            range: "a list of at most 97 host names and addresses",
            what: "what callers call this server; localhost, 127.0.0.1 and ::1 are always known",
        },
        Vec::<String>::new(),
        |names: Vec<String>| {
            let most = SERVER_NAMES_MAX - 3;
            let fits = names.len() <= most;
            if fits {
                Ok(names)
            } else {
                Err(format!("has {} names; at most {most} fit", names.len()))
            }
        },
    );
    let mut file = |key, what| {
        let about = About { key, range: "a PEM file", what };
        r.read(about, serde_json::Value::Null, |path: PathBuf| Ok(path))
    };
    let certificate =
        file("tls.certificate", "a certificate of your own, instead of the installation's");
    let key = file("tls.key", "its private key");
    let files = match (certificate, key) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        (Some(_), None) => {
            r.fault("tls.certificate", "needs tls.key beside it".to_owned());
            None
        }
        (None, Some(_)) => {
            r.fault("tls.key", "needs tls.certificate beside it".to_owned());
            None
        }
    };
    Tls { server_names: server_names.unwrap_or_default(), files }
}

/// The names of one budget's settings.
struct Budget {
    burst: &'static str,
    refill_ms: &'static str,
    exhaustions_max: &'static str,
    lock_out_ms: &'static str,
    lock_out_ms_max: &'static str,
}

macro_rules! budget {
    ($name:literal) => {
        Budget {
            burst: concat!("guess.", $name, ".burst"),
            refill_ms: concat!("guess.", $name, ".refill_ms"),
            exhaustions_max: concat!("guess.", $name, ".exhaustions_max"),
            lock_out_ms: concat!("guess.", $name, ".lock_out_ms"),
            lock_out_ms_max: concat!("guess.", $name, ".lock_out_ms_max"),
        }
    };
}

fn guess(r: &mut Reader<'_>) -> GuessOptions {
    let trusted = budget(r, &budget!("trusted"), GuessLimits::TRUSTED);
    let public = budget(r, &budget!("public"), GuessLimits::PUBLIC);
    let remembered = about("guess.keys_max", "callers", "whose wrong guesses are remembered");
    GuessOptions { trusted, public, keys_max: r.number(remembered, 100_000, 64..=100_000_000) }
}

fn budget(r: &mut Reader<'_>, keys: &Budget, default: GuessLimits) -> GuessLimits {
    GuessLimits {
        burst: r.number(
            about(keys.burst, "guesses", "that a rested caller may miss in a row"),
            default.burst,
            1..=1_000_000,
        ),
        refill_ms: r.number(
            about(keys.refill_ms, "ms", "until one more miss is allowed"),
            default.refill_ms,
            1..=DAY_MS,
        ),
        exhaustions_max: r.number(
            about(keys.exhaustions_max, "times", "the budget may run out before a lock-out"),
            default.exhaustions_max,
            1..=1_000,
        ),
        lock_out_ms: r.number(
            about(
                keys.lock_out_ms,
                "ms",
                "the first lock-out lasts; each further one twice as long",
            ),
            default.lock_out_ms,
            1..=DAY_MS,
        ),
        lock_out_ms_max: r.number(
            about(keys.lock_out_ms_max, "ms", "the longest lock-out lasts"),
            default.lock_out_ms_max,
            1..=DAY_MS,
        ),
    }
}

fn labels(r: &mut Reader<'_>) -> Vec<String> {
    let labels = r.read(
        About {
            key: "campaign_labels",
            range: "a list of at most 64 campaign ids",
            what: "campaigns that metrics count by name; all others are counted as other",
        },
        Vec::<String>::new(),
        |labels: Vec<String>| {
            if labels.len() <= CAMPAIGN_LABELS_MAX {
                return Ok(labels);
            }
            Err(format!(
                "has {} campaigns; at most {CAMPAIGN_LABELS_MAX} can be named",
                labels.len()
            ))
        },
    );
    labels.unwrap_or_default()
}

fn log(r: &mut Reader<'_>) -> LogOptions {
    let default = LogOptions::default();
    let level = r.read(
        About {
            key: "log.level",
            range: "error, warn, info, debug, or a filter such as \"info,jeton::server=debug\"",
            what: "what is logged",
        },
        &default.level,
        |level: String| match LogOptions::check_level(&level) {
            Ok(()) => Ok(level),
            Err(why) => Err(format!("is no log level: {why}")),
        },
    );
    let format = r.read(
        About {
            key: "log.format",
            range: "\"text\" or \"json\"",
            what: "how lines on stderr look",
        },
        "text",
        |word: String| match word.as_str() {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            other => Err(format!("is {other:?}; expected is \"text\" or \"json\"")),
        },
    );
    LogOptions { level: level.unwrap_or(default.level), format: format.unwrap_or(default.format) }
}

/// What only several settings together can do wrong.
fn check_doors(r: &mut Reader<'_>, config: &Config) {
    let http = &config.http;
    let encryption = if http.is_tls { Encryption::Tls } else { Encryption::Clear };
    if let Err(refused) = check_bind(http.listen, encryption, Credentials::Required) {
        r.fault("http.tls", refused.to_string());
    }
    if let Err(refused) = check_bind(config.quic.listen, Encryption::Tls, Credentials::Required) {
        r.fault("quic.listen", refused.to_string());
    }
    for (name, limits) in [("trusted", config.guess.trusted), ("public", config.guess.public)] {
        if limits.lock_out_ms > limits.lock_out_ms_max {
            let key = format!("guess.{name}.lock_out_ms");
            r.fault(&key, format!("is longer than guess.{name}.lock_out_ms_max"));
        }
    }
    if r.is_set("tls.server_names") && config.tls.files.is_some() {
        let message = "is of no use: the certificate of tls.certificate says its names itself";
        r.fault("tls.server_names", message.to_owned());
    }
}
