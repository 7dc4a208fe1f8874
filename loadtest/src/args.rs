//! The command line: what to load, how hard, and for how long.

use std::path::PathBuf;

use anyhow::Context;
use clap::builder::{RangedI64ValueParser, RangedU64ValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use jeton::engine::ISSUE_COUNT_MAX;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::box_server::ServeBoxArgs;
use crate::compare::CompareArgs;
use crate::goal::{GoalArgs, ServeEchoArgs};
use crate::masters::MastersArgs;
use crate::profile::ProfileArgs;
use crate::running::RunArgs;
use crate::workload::Verb;

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
    /// Load with a story: gates open, a sale begins, codes drop, a day is booked, nothing happens
    Profile(ProfileArgs),
    /// Two reports that --json printed, side by side
    Compare(CompareArgs),
    /// Make ten million codes; prove them different, weigh them, import them again, mistype them
    Codes(CodesArgs),
    /// Measure a goal of performance, both sides in turns, and say whether it holds
    Goal(GoalArgs),
    /// One master of a Redis Cluster against three, each held to a part of a processor (needs root)
    Masters(MastersArgs),
    /// The server that `box` and `goal` load
    #[command(hide = true)]
    ServeBox(ServeBoxArgs),
    /// The bare echo that `goal` compares with
    #[command(hide = true)]
    ServeEcho(ServeEchoArgs),
    /// Opens a store and says what that took; `codes` asks it
    #[command(hide = true)]
    OpenBox {
        /// The store
        #[arg(long)]
        dir: PathBuf,
    },
}

/// For how long.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Time {
    /// How long is measured
    #[arg(long, value_name = "S", default_value_t = 5, value_parser = up_to(86_400))]
    pub(crate) seconds: u32,
    /// How long is loaded before that
    #[arg(long, value_name = "S", default_value_t = 1, value_parser = from_0_to(86_400))]
    pub(crate) warm_up: u32,
    /// Print one JSON document instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where stores are made.
#[derive(Debug, Clone, Args)]
pub(crate) struct Disk {
    /// Where stores are made; on the disk that is meant, not on tmpfs [default: the system's
    /// directory for temporary files]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

impl Disk {
    /// A new directory there, which goes when this is dropped; `what` is part of its name.
    pub(crate) fn scratch(&self, what: &str) -> anyhow::Result<TempDir> {
        let parent = self.dir.clone().unwrap_or_else(std::env::temp_dir);
        let dir = TempDir::with_prefix_in(format!("jeton-{what}-"), &parent);
        dir.with_context(|| parent.display().to_string())
    }
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
    #[command(flatten)]
    pub(crate) disk: Disk,
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
    #[command(flatten)]
    pub(crate) disk: Disk,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

/// A whole number from 1.
pub(crate) fn up_to(max: i64) -> RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=max)
}

/// A whole number from 0.
pub(crate) fn from_0_to(max: i64) -> RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(0..=max)
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
