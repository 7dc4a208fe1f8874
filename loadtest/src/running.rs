//! `run`, and what else loads a server that runs already: where it is, who asks, which codes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::{ArgGroup, Args};
use jeton::client::Options;

use crate::args::{Time, up_to};
use crate::drive::{self, Loop, Manners, Plan};
use crate::machine::Machine;
use crate::report::{Named, Report};
use crate::workload::{Codes, Law, Mix, Verb, Workload};

/// Where a server is when nothing is said.
const SERVER: &str = "127.0.0.1:7411";

/// A server that runs already.
#[derive(Debug, Args)]
pub(crate) struct ServerArgs {
    /// Where the server is [default: 127.0.0.1:7411]
    #[arg(long, value_name = "HOST:PORT")]
    server: Option<String>,
    /// The name in the server's certificate [default: the host]
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
    /// The server's data directory: its ca.pem and admin.token are used
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The authority to trust, PEM
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The token to show
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Codes, one a line
    #[arg(long, value_name = "FILE", conflicts_with = "code")]
    codes: Option<PathBuf>,
    /// One hot code
    #[arg(long, value_name = "CODE")]
    code: Option<String>,
}

impl ServerArgs {
    /// Whether such a server is meant at all.
    pub(crate) const fn is_given(&self) -> bool {
        self.server.is_some() || self.data.is_some() || self.ca.is_some()
    }

    /// How to reach the server, and as whom.
    pub(crate) fn options(&self) -> anyhow::Result<Options> {
        let in_data = |name: &str| self.data.as_ref().map(|data| data.join(name));
        let ca = self.ca.clone().or_else(|| in_data("ca.pem")).context("give --ca or --data")?;
        let token = self.token_file.clone().or_else(|| in_data("admin.token"));
        let token = token.context("give --token-file or --data")?;
        let read =
            |file: &Path| fs::read_to_string(file).with_context(|| file.display().to_string());
        let server = self.server.as_deref().unwrap_or(SERVER);
        let options = Options::new(server, read(&ca)?).token(read(&token)?.trim());
        Ok(match &self.server_name {
            Some(name) => options.server_name(name),
            None => options,
        })
    }

    /// The codes to ask about.
    pub(crate) fn codes(&self) -> anyhow::Result<Codes> {
        match (&self.code, &self.codes) {
            (Some(code), _) => Ok(Codes::one(code)),
            (None, Some(file)) => Codes::read(file),
            (None, None) => anyhow::bail!("give --codes or --code"),
        }
    }
}

/// Load a server that runs already.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("trusted").args(["data", "ca"]).required(true).multiple(true)))]
#[command(group(ArgGroup::new("shown").args(["data", "token_file"]).required(true).multiple(true)))]
#[command(group(ArgGroup::new("asked").args(["codes", "code"]).required(true)))]
pub(crate) struct RunArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// How codes are chosen [default: once; hot with --code]
    #[arg(long, value_enum)]
    law: Option<Law>,
    /// What is asked
    #[arg(long, value_enum, default_value = "validate", conflicts_with = "mix")]
    verb: Verb,
    /// A mix of verbs, such as validate=4,redeem=1
    #[arg(long, value_name = "VERB=N,…")]
    mix: Option<Mix>,
    /// Open loop: requests a second, by a schedule that does not wait for answers
    #[arg(long, value_name = "N", conflicts_with = "peak", required_unless_present = "peak")]
    rate: Option<u32>,
    /// Closed loop: the next request when an answer comes, as fast as it goes
    #[arg(long)]
    peak: bool,
    /// Connections
    #[arg(long, value_name = "C", default_value_t = 64, value_parser = up_to(10_000))]
    connections: u32,
    /// Requests in flight on each connection, with --peak
    #[arg(long, value_name = "F", default_value_t = 1, value_parser = up_to(4_096))]
    in_flight: u32,
    /// How long an answer is of use, in milliseconds, with --rate; 0: requests do not say
    #[arg(long, value_name = "MS", default_value_t = 0)]
    deadline_ms: u32,
    /// How many questions that are due together are asked on one connection, with --rate
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = up_to(4_096))]
    together: u32,
    /// Write a page with plots, too
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    time: Time,
}

/// Loads it. Says whether every promise was kept.
pub(crate) async fn run(args: &RunArgs) -> anyhow::Result<bool> {
    let law = args.law.unwrap_or(if args.server.code.is_some() { Law::Hot } else { Law::Once });
    let mix = args.mix.unwrap_or(Mix::only(args.verb));
    let kind = match args.rate {
        Some(rate) => {
            let manners = Manners { deadline_ms: args.deadline_ms, together: args.together };
            Loop::Open { rate, manners }
        }
        None => Loop::Closed { in_flight: args.in_flight },
    };
    let plan = Plan {
        workload: Workload { codes: Arc::new(args.server.codes()?), law, mix },
        kind,
        connections: args.connections,
        warm_up_s: args.time.warm_up,
        seconds: args.time.seconds,
    };
    let machine = Machine::look(args.server.data.as_deref())?;
    let figures = drive::carry_out(args.server.options()?, plan, &mix.name()).await?;
    let run = Named { durability: None, profile: None, phases: Vec::new(), figures };
    let report = Report { machine, runs: vec![run] };
    if let Some(file) = &args.html {
        report.write_html(file)?;
    }
    report.print(args.time.json)
}
