//! `goal`: one command for each goal of performance, and one for all.
//!
//! A goal is a ratio: both sides are measured in one run on one machine, in turns (A B A B …), and
//! the median of the rounds' ratios is told, so that it means the same on every machine. Whatever a
//! goal needs (an echo, a Redis, a PostgreSQL) is started by its command in a directory and on
//! ports of its own, and ends with it.
//!
//! - [`list`]: the goals; [`verdict`]: the arithmetic; [`field`]: what all measurements share;
//!   [`told`]: how one is told; [`results`]: the page with all of them;
//! - the other files measure, a few related goals each.
//!
//! No figure counts if a promise was broken while it was measured: every answer is checked.

mod echo;
mod embedded;
mod field;
mod growth;
mod hot;
mod issue;
mod list;
mod loading;
mod metrics;
mod overload;
mod postgres;
mod program;
mod redis;
mod results;
mod rules;
mod told;
mod verdict;

use std::io::{self, Write};
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::ensure;
use clap::{Args, ValueEnum};
use jeton::engine::ISSUE_COUNT_MAX;
use serde::Serialize;

use field::Field;
use list::Id;
use results::Results;
use verdict::{Findings, Verdict};

use crate::args::{Disk, from_0_to, up_to};
use crate::machine::Machine;

pub(crate) use echo::{ServeEchoArgs, serve_echo};

/// A verdict, and on what it was reached.
#[derive(Debug, Clone)]
struct Measured {
    machine: Machine,
    verdict: Verdict,
}

/// One goal, or all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    One(Id),
    All,
}

impl FromStr for Which {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self::All);
        }
        let names: Vec<String> = Id::value_variants().iter().map(Id::to_string).collect();
        let unknown = |_| format!("{text:?} is neither all nor one of {}", names.join(", "));
        Id::from_str(text, true).map(Self::One).map_err(unknown)
    }
}

const ROUNDS: u32 = 5;
const SECONDS: u32 = 3;
const WARM_UP: u32 = 1;
const OUT: &str = "loadtest/RESULTS.md";

/// Measure a goal of performance, both sides in turns, and say whether it holds.
#[derive(Debug, Clone, Args)]
pub(crate) struct GoalArgs {
    /// P1 to P7, P9 to P16; or all, which writes the page of results
    #[arg(value_name = "GOAL")]
    which: Which,
    /// How often each side has its turn; medians are told
    #[arg(long, value_name = "N", default_value_t = ROUNDS, value_parser = up_to(100))]
    rounds: u32,
    /// How long each side is measured in a turn
    #[arg(long, value_name = "S", default_value_t = SECONDS, value_parser = up_to(3_600))]
    seconds: u32,
    /// How long each side is loaded before that
    #[arg(long, value_name = "S", default_value_t = WARM_UP, value_parser = from_0_to(3_600))]
    warm_up: u32,
    /// How many codes there are [default: what the goal says, or needs]
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u64).range(1_000..=ISSUE_COUNT_MAX)
    )]
    codes: Option<u64>,
    #[command(flatten)]
    disk: Disk,
    /// Write this goal's part of the page of results, too
    #[arg(long)]
    write: bool,
    /// The page of results
    #[arg(long, value_name = "FILE", default_value = OUT)]
    out: PathBuf,
}

impl GoalArgs {
    /// What to type to measure one goal as these arguments say.
    fn command(&self, id: Id) -> String {
        let mut words = format!("goal {id}");
        let mut option = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                words.push_str(&format!(" --{name} {value}"));
            }
        };
        let unless = |value: u32, default| (value != default).then(|| value.to_string());
        option("rounds", unless(self.rounds, ROUNDS));
        option("seconds", unless(self.seconds, SECONDS));
        option("warm-up", unless(self.warm_up, WARM_UP));
        option("codes", self.codes.map(|codes| codes.to_string()));
        option("dir", self.disk.dir.as_ref().map(|dir| dir.display().to_string()));
        words
    }
}

/// Measures what is asked for. Says whether it holds.
pub(crate) async fn run(args: &GoalArgs) -> anyhow::Result<bool> {
    match args.which {
        Which::One(id) => {
            let measured = measure(id, args).await?;
            if args.write {
                let mut results = Results::read(&args.out)?;
                results.put(&measured);
                results.write(&args.out)?;
            }
            print(&measured)?;
            Ok(measured.verdict.holds())
        }
        Which::All => all(args).await,
    }
}

/// What is told when all were measured.
#[derive(Debug, Default, Serialize)]
struct All {
    goal: &'static str,
    held: Vec<Id>,
    missed: Vec<Id>,
    not_measured: Vec<Id>,
    holds: bool,
}

/// Measures all, and writes the page after each. A goal that cannot be measured is told as an
/// error, after the others.
async fn all(args: &GoalArgs) -> anyhow::Result<bool> {
    let mut all = All { goal: "all", ..All::default() };
    for id in Id::value_variants().iter().copied() {
        match measure(id, args).await {
            Ok(measured) => {
                let mut results = Results::read(&args.out)?;
                results.put(&measured);
                results.write(&args.out)?;
                print(&measured)?;
                let list = if measured.verdict.holds() { &mut all.held } else { &mut all.missed };
                list.push(id);
            }
            Err(error) => {
                writeln!(io::stderr(), "error: {id}: {error:#}")?;
                all.not_measured.push(id);
            }
        }
    }
    all.holds = all.missed.is_empty() && all.not_measured.is_empty();
    writeln!(io::stdout(), "\n{}", serde_json::to_string(&all)?)?;
    ensure!(all.not_measured.is_empty(), "{:?} could not be measured", all.not_measured);
    Ok(all.holds)
}

fn print(measured: &Measured) -> anyhow::Result<()> {
    let line = serde_json::to_string(&measured.verdict.line())?;
    Ok(writeln!(io::stdout(), "{}\n{line}", told::text(measured))?)
}

async fn measure(id: Id, args: &GoalArgs) -> anyhow::Result<Measured> {
    let mut field = Field::prepare(id, args)?;
    let findings = findings(id, &mut field).await?;
    Ok(field.end(findings))
}

async fn findings(id: Id, field: &mut Field) -> anyhow::Result<Findings> {
    match id {
        Id::P1 => echo::one_in_flight(field).await,
        Id::P2 => echo::many_in_flight(field).await,
        Id::P3 => embedded::against_memory(field).await,
        Id::P4 => embedded::against_single_commits(field).await,
        Id::P5 => redis::many_in_flight(field).await,
        Id::P6 => redis::one_in_flight(field).await,
        Id::P7 => hot::against_distinct(field).await,
        Id::P9 => postgres::against_updates(field).await,
        Id::P10 => loading::memory(field).await,
        Id::P11 => loading::start(field).await,
        Id::P12 => issue::against_a_file(field),
        Id::P13 => overload::against_saturation(field).await,
        Id::P14 => metrics::on_against_off(field).await,
        Id::P15 => rules::evaluate(field),
        Id::P16 => growth::of_codes(field).await,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: GoalArgs,
    }

    #[test]
    fn goals_are_named_in_any_case() {
        assert_eq!("p5".parse(), Ok(Which::One(Id::P5)));
        assert_eq!("all".parse(), Ok(Which::All));
        assert!("P8".parse::<Which>().unwrap_err().contains("P7, P9"));
    }

    #[test]
    fn the_command_repeats_what_was_said() {
        let line = Line::parse_from(["goal", "all", "--rounds", "7", "--seconds", "3", "--write"]);
        assert_eq!(line.args.command(Id::P9), "goal P9 --rounds 7");
        let line = Line::parse_from(["goal", "p3", "--codes", "20000", "--dir", "/data"]);
        assert_eq!(line.args.command(Id::P3), "goal P3 --codes 20000 --dir /data");
    }
}
