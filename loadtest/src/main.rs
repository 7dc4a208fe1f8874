//! Loads a jeton server from another process, by the public client, and says what it measured and
//! whether every answer was right.
//!
//! - [`workload`]: what is asked; [`pacer`]: when; [`drive`]: one run, on connections of its own;
//! - [`stats`]: what is counted; [`machine`]: on what; [`report`]: how it is told;
//! - [`box_suite`] and [`box_server`]: a server of its own in another process, and the table that
//!   is quoted; [`redis_suite`]: the same against Redis alone;
//! - [`codes`]: ten million codes, made, proven, weighed, imported, mistyped.
//!
//! The exit code is 0 when every promise was kept, 1 when one was broken, 2 for wrong use, 3 for
//! an error.

mod args;
mod box_server;
mod box_suite;
mod codes;
mod drive;
mod machine;
mod pacer;
mod redis_suite;
mod report;
mod stats;
mod workload;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Parser;
use jeton::client::Options;

use args::{Line, RunArgs, What};
use drive::{Loop, Plan};
use machine::Machine;
use report::{Named, Report};
use workload::{Codes, Law, Mix, Workload};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Where a server is when nothing is said.
const SERVER: &str = "127.0.0.1:7411";

#[tokio::main]
async fn main() -> ExitCode {
    match carry_out(Line::parse().what).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            // Nobody may be listening.
            let _unheard = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::from(3)
        }
    }
}

async fn carry_out(what: What) -> anyhow::Result<bool> {
    match what {
        What::Run(args) => run(&args).await,
        What::Box(args) => box_suite::run(&args).await,
        What::Codes(args) => codes::run(&args),
        What::Redis(args) => redis_suite::run(&args).await,
        What::ServeBox(args) => box_server::serve(&args).await.map(|()| true),
        What::OpenBox { dir } => codes::open(&dir).map(|()| true),
    }
}

/// Loads a server that runs already.
async fn run(args: &RunArgs) -> anyhow::Result<bool> {
    let codes = match (&args.code, &args.codes) {
        (Some(code), _) => Codes::one(code),
        (None, Some(file)) => Codes::read(file)?,
        (None, None) => anyhow::bail!("give --codes or --code"),
    };
    let law = args.law.unwrap_or(if args.code.is_some() { Law::Hot } else { Law::Once });
    let mix = args.mix.unwrap_or(Mix::only(args.verb));
    let kind = match args.rate {
        Some(rate) => Loop::Open { rate },
        None => Loop::Closed { in_flight: args.in_flight },
    };
    let plan = Plan {
        workload: Workload { codes: Arc::new(codes), law, mix },
        kind,
        connections: args.connections,
        warm_up_s: args.time.warm_up,
        seconds: args.time.seconds,
    };
    let machine = Machine::look(args.data.as_deref())?;
    let figures = drive::carry_out(options(args)?, plan, &mix.name()).await?;
    let runs = vec![Named { durability: None, figures }];
    Report { machine, runs }.print(args.time.json)
}

/// How to reach the server, and as whom.
fn options(args: &RunArgs) -> anyhow::Result<Options> {
    let in_data = |name: &str| args.data.as_ref().map(|data| data.join(name));
    let ca = args.ca.clone().or_else(|| in_data("ca.pem")).context("give --ca or --data")?;
    let token = args.token_file.clone().or_else(|| in_data("admin.token"));
    let token = token.context("give --token-file or --data")?;
    let read = |file: &std::path::Path| {
        std::fs::read_to_string(file).with_context(|| file.display().to_string())
    };
    let server = args.server.as_deref().unwrap_or(SERVER);
    let options = Options::new(server, read(&ca)?).token(read(&token)?.trim());
    Ok(match &args.server_name {
        Some(name) => options.server_name(name),
        None => options,
    })
}
