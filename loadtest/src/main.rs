//! Loads a jeton server from another process, by the public client, and says what it measured and
//! whether every answer was right.
//!
//! - [`workload`]: what is asked; [`pacer`]: when; [`drive`]: one run, on connections of its own;
//! - [`stats`]: what is counted; [`machine`]: on what; [`report`]: how it is told;
//! - [`running`]: a server that runs already; [`box_suite`] and [`box_server`]: a server of its own
//!   in another process, and the table that is quoted;
//! - [`profile`]: loads that tell a story; [`compare`]: two reports side by side; [`html`]: pages;
//! - [`goal`]: the goals of performance, each against its other side;
//! - [`masters`]: what more masters of a Redis Cluster bring;
//! - [`codes`]: ten million codes, made, proven, weighed, imported, mistyped.
//!
//! The exit code is 0 when every promise was kept, 1 when one was broken, 2 for wrong use, 3 for
//! an error.

mod args;
mod box_server;
mod box_suite;
mod codes;
mod compare;
mod drive;
mod goal;
mod html;
mod machine;
mod masters;
mod pacer;
mod profile;
mod report;
mod running;
mod stats;
mod workload;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use args::{Line, What};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
        What::Run(args) => running::run(&args).await,
        What::Box(args) => box_suite::run(&args).await,
        What::Profile(args) => profile::run(&args).await,
        What::Compare(args) => compare::run(&args),
        What::Codes(args) => codes::run(&args),
        What::Goal(args) => goal::run(&args).await,
        What::Masters(args) => masters::run(&args).await.map(|()| true),
        What::ServeBox(args) => box_server::serve(&args).await.map(|()| true),
        What::ServeEcho(args) => goal::serve_echo(&args).await.map(|()| true),
        What::OpenBox { dir } => codes::open(&dir).map(|()| true),
    }
}
