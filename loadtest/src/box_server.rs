//! The server that `box` loads: a process of its own, with stores of its own.
//!
//! It says where it is as one line of JSON, and ends when its standard input does, so that it
//! cannot outlive whoever started it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, anyhow, ensure};
use jeton::auth::role::Role;
use jeton::client;
use jeton::domain::id::CampaignId;
use jeton::engine::IssueOrder;
use jeton::ledger::Durability;
use jeton::ledger::redis::PARTITIONS_DEFAULT;
use jeton::testing::{BoxOptions, RedisStore, ServerBox};
use serde::{Deserialize, Serialize};

use crate::args::{Keep, ServeBoxArgs};

const SINGLE: &str = r#"
id = "single"
kind = "pass"
status = "active"
zone = "Europe/Vienna"
uses = 1
codes = { pattern = "LOAD-####-####-####" }
"#;

const HOT: &str = r#"
id = "hot"
kind = "pass"
status = "active"
zone = "Europe/Vienna"
uses = 1000000000
"#;

/// The hot code.
pub(crate) const HOT_CODE: &str = "FLASH-SALE-2026";

/// Where the server is, and what it has.
#[derive(Debug, Serialize, Deserialize)]
struct Whereabouts {
    server: String,
    server_name: String,
    ca_pem: String,
    token: String,
    codes: PathBuf,
}

/// Serves until standard input ends.
pub(crate) async fn serve(args: &ServeBoxArgs) -> anyhow::Result<()> {
    let durability = match args.durability {
        Keep::Sync => Durability::Sync,
        Keep::Memory => Durability::Memory,
        Keep::Redis => Durability::RedisAsIs,
    };
    let redis = match &args.redis {
        Some(url) => {
            let made = RedisStore::initialise(url.clone(), PARTITIONS_DEFAULT).await;
            Some(made.map_err(|why| anyhow!(why))?)
        }
        None => None,
    };
    let options = BoxOptions { durability, redis, ..BoxOptions::default() };
    let server = ServerBox::start(&args.dir, options).await.map_err(|why| anyhow!(why))?;
    for campaign in [SINGLE, HOT] {
        server.define(campaign).map_err(|why| anyhow!(why))?;
    }
    server.codes("hot", HOT_CODE).map_err(|why| anyhow!(why))?;
    let codes = args.dir.join("codes.txt");
    write_codes(&server, args.codes, &codes)?;
    let options = server.client_options(Role::Gate).map_err(|why| anyhow!(why))?;
    let whereabouts = Whereabouts {
        server: options.server,
        server_name: options.server_name,
        ca_pem: server.ca_pem.clone(),
        token: options.token,
        codes,
    };
    writeln!(io::stdout(), "{}", serde_json::to_string(&whereabouts)?)?;
    tokio::task::spawn_blocking(|| io::stdin().read_to_end(&mut Vec::new())).await??;
    let ServerBox { server, engine, .. } = server;
    server.drain().await;
    engine.ledger().close();
    Ok(())
}

fn write_codes(server: &ServerBox, count: u64, file: &Path) -> anyhow::Result<()> {
    let order = IssueOrder::plain(CampaignId::parse("single")?);
    let mut generation = server.engine.generate(server.tenant(), &order, count, "loadtest")?;
    let mut out = BufWriter::new(File::create(file)?);
    let mut written = Ok(());
    while generation.next_block(|code| {
        if written.is_ok() {
            written = writeln!(out, "{code}");
        }
    })? > 0
    {}
    written?;
    Ok(out.flush()?)
}

/// A server in a child process.
pub(crate) struct BoxServer {
    child: Child,
    whereabouts: Whereabouts,
    pub(crate) durability: Keep,
}

impl BoxServer {
    /// Starts one over a store in `dir`.
    pub(crate) fn start(
        dir: &Path,
        durability: Keep,
        codes: u64,
        redis: Option<&str>,
    ) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["serve-box", "--durability", durability.name(), "--codes"])
            .arg(codes.to_string())
            .arg("--dir")
            .arg(dir)
            .args(redis.iter().flat_map(|url| ["--redis", url]))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the server's process")?;
        let out = child.stdout.take().context("the server's process has no output")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        ensure!(!line.is_empty(), "the server's process ended: {}", child.wait()?);
        Ok(Self { child, whereabouts: serde_json::from_str(&line)?, durability })
    }

    /// How to reach it.
    pub(crate) fn options(&self) -> client::Options {
        let at = &self.whereabouts;
        let options = client::Options::new(at.server.clone(), at.ca_pem.clone());
        options.server_name(at.server_name.clone()).token(at.token.clone())
    }

    /// Its process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Its single-use codes, one a line.
    pub(crate) fn codes(&self) -> &Path {
        &self.whereabouts.codes
    }

    /// Tells it to end, and waits for that.
    pub(crate) fn end(mut self) -> anyhow::Result<()> {
        drop(self.child.stdin.take());
        let status = self.child.wait()?;
        ensure!(status.success(), "the server's process failed: {status}");
        Ok(())
    }
}
