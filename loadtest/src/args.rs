//! The command line: what to load, how hard, and for how long.

use std::path::PathBuf;

use clap::builder::{RangedI64ValueParser, RangedU64ValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use jeton::engine::ISSUE_COUNT_MAX;
use serde::{Deserialize, Serialize};

use crate::workload::{Law, Mix, Verb};

/// Loads a jeton server and says what it measured, and whether every answer was right.
#[derive(Debug, Parser)]
#[command(name = "loadtest", version, max_term_width = 100)]
pub(crate) struct Line {
    /// What to do
    #[command(subcommand)]
    pub(crate) what: What,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum What {
    /// Load a server that runs already
    Run(RunArgs),
    /// Start a server of its own in another process, load it, and print the table
    Box(BoxArgs),
    /// Make ten million codes; prove them different, weigh them, import them again, mistype them
    Codes(CodesArgs),
    /// Redeem on a Redis of its own, against the smallest script with the same promise
    Redis(RedisArgs),
    /// The server that `box` loads
    #[command(hide = true)]
    ServeBox(ServeBoxArgs),
    /// Opens a store and says what that took; `codes` asks it
    #[command(hide = true)]
    OpenBox {
        /// The store
        #[arg(long)]
        dir: PathBuf,
    },
}

/// Load a server that runs already.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Where the server is [default: 127.0.0.1:7411]
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) server: Option<String>,
    /// The name in the server's certificate [default: the host]
    #[arg(long, value_name = "NAME")]
    pub(crate) server_name: Option<String>,
    /// The server's data directory: its ca.pem and admin.token are used
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The authority to trust, PEM
    #[arg(long, value_name = "FILE", required_unless_present = "data")]
    pub(crate) ca: Option<PathBuf>,
    /// The token to show
    #[arg(long, value_name = "FILE", required_unless_present = "data")]
    pub(crate) token_file: Option<PathBuf>,
    /// Codes, one a line
    #[arg(long, value_name = "FILE", conflicts_with = "code", required_unless_present = "code")]
    pub(crate) codes: Option<PathBuf>,
    /// One hot code
    #[arg(long, value_name = "CODE")]
    pub(crate) code: Option<String>,
    /// How codes are chosen [default: once; hot with --code]
    #[arg(long, value_enum)]
    pub(crate) law: Option<Law>,
    /// What is asked
    #[arg(long, value_enum, default_value = "validate", conflicts_with = "mix")]
    pub(crate) verb: Verb,
    /// A mix of verbs, such as validate=4,redeem=1
    #[arg(long, value_name = "VERB=N,…")]
    pub(crate) mix: Option<Mix>,
    /// Open loop: requests a second, by a schedule that does not wait for answers
    #[arg(long, value_name = "N", conflicts_with = "peak", required_unless_present = "peak")]
    pub(crate) rate: Option<u32>,
    /// Closed loop: the next request when an answer comes, as fast as it goes
    #[arg(long)]
    pub(crate) peak: bool,
    /// Connections
    #[arg(long, value_name = "C", default_value_t = 64, value_parser = up_to(10_000))]
    pub(crate) connections: u32,
    /// Requests in flight on each connection, with --peak
    #[arg(long, value_name = "F", default_value_t = 1, value_parser = up_to(4_096))]
    pub(crate) in_flight: u32,
    #[command(flatten)]
    pub(crate) time: Time,
}

/// For how long.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Time {
    /// How long is measured
    #[arg(long, value_name = "S", default_value_t = 5, value_parser = up_to(86_400))]
    pub(crate) seconds: u32,
    /// How long is loaded before that
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) warm_up: u32,
    /// Print one JSON document instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

/// Start a server of its own, load it, and print the table.
#[derive(Debug, Args)]
pub(crate) struct BoxArgs {
    /// What is asked [default: validate, then redeem]
    #[arg(long, value_enum)]
    pub(crate) verb: Option<Verb>,
    /// What answers survive; several, divided by commas, take turns
    #[arg(long, value_enum, value_delimiter = ',', default_value = "sync")]
    pub(crate) durability: Vec<Keep>,
    /// Open loop: requests a second
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub(crate) rate: u32,
    /// Connections of the open loop
    #[arg(long, value_name = "C", default_value_t = 64, value_parser = up_to(10_000))]
    pub(crate) connections: u32,
    /// Shapes of the peak, connections x in flight
    #[arg(long, value_name = "CxF", value_delimiter = ',', default_value = "64x1,8x128")]
    pub(crate) peaks: Vec<Shape>,
    /// How often the whole round is repeated; medians are printed
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = up_to(100))]
    pub(crate) rounds: u32,
    /// Single-use codes to make; a quarter of them is only asked about
    #[arg(long, value_name = "N", default_value_t = 4_000_000, value_parser = some_up_to_max())]
    pub(crate) codes: u64,
    /// Where the store is made; on the disk that is meant, not on tmpfs [default: the system's]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) time: Time,
}

/// The server that `box` loads.
#[derive(Debug, Args)]
pub(crate) struct ServeBoxArgs {
    /// The store
    #[arg(long)]
    pub(crate) dir: PathBuf,
    /// What answers survive
    #[arg(long, value_enum)]
    pub(crate) durability: Keep,
    /// Where Redis is, for `--durability redis`
    #[arg(long)]
    pub(crate) redis: Option<String>,
    /// Single-use codes to make
    #[arg(long)]
    pub(crate) codes: u64,
}

/// Redeem on a Redis of its own.
#[derive(Debug, Args)]
pub(crate) struct RedisArgs {
    /// How often each side has its turn; medians are printed
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = up_to(100))]
    pub(crate) rounds: u32,
    /// Single-use codes to make
    #[arg(long, value_name = "N", default_value_t = 3_000_000, value_parser = some_up_to_max())]
    pub(crate) codes: u64,
    /// Where the node's files are made [default: the system's directory for temporary files]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) time: Time,
}

/// Make ten million codes.
#[derive(Debug, Args)]
pub(crate) struct CodesArgs {
    /// How many
    #[arg(long, value_name = "N", default_value_t = 10_000_000, value_parser = some_up_to_max())]
    pub(crate) count: u64,
    /// How many of them are mistyped, at every place
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub(crate) mistyped: u64,
    /// Where the stores are made [default: the system's directory for temporary files]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

fn up_to(max: i64) -> RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=max)
}

fn some_up_to_max() -> RangedU64ValueParser {
    clap::value_parser!(u64).range(1..=ISSUE_COUNT_MAX)
}

/// What answers survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Keep {
    /// A power cut
    Sync,
    /// Nothing
    Memory,
    /// What Redis survives
    Redis,
}

impl Keep {
    /// Its name on the command line and in tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Memory => "memory",
            Self::Redis => "redis",
        }
    }
}

/// How many connections, and how many requests in flight on each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) connections: u32,
    pub(crate) in_flight: u32,
}

impl std::str::FromStr for Shape {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number =
            |text: &str, max| text.parse().ok().filter(|number| (1..=max).contains(number));
        let shape = text.split_once('x').and_then(|(connections, in_flight)| {
            let (connections, in_flight) =
                (number(connections, 10_000)?, number(in_flight, 4_096)?);
            Some(Self { connections, in_flight })
        });
        shape.ok_or_else(|| format!("{text:?} is no shape such as 8x128"))
    }
}
