//! Servers to be loaded: processes of their own, with stores of their own.
//!
//! A server says where it is as one line of JSON, and ends when its standard input does, so that it
//! cannot outlive whoever started it.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use clap::{Args, ValueEnum};
use jeton::auth::role::Role;
use jeton::client;
use jeton::domain::id::CampaignId;
use jeton::engine::IssueOrder;
use jeton::ledger::Durability;
use jeton::ledger::redis::PARTITIONS_DEFAULT;
use jeton::metrics::latencies_text;
use jeton::telemetry::Meters;
use jeton::testing::servers::{RedisOptions, RedisServer};
use jeton::testing::{BoxOptions, RedisStore, ServerBox};
use serde::{Deserialize, Serialize};

use crate::args::Keep;

/// What campaigns say of codes that are made.
const CODES: &str = r#"codes = { pattern = "LOAD-####-####-####" }"#;
/// Uses that no load uses up.
const ENDLESS: u64 = 1_000_000_000;

/// The hot code.
pub(crate) const HOT_CODE: &str = "FLASH-SALE-2026";
/// The hot code that is used up.
pub(crate) const LIMITED_CODE: &str = "FIRST-COME-2026";

/// Uses of [`LIMITED_CODE`], unless told otherwise.
const LIMIT: u64 = 1_000_000;

/// How often metrics are asked for, where they are on: more often than anybody scrapes.
const SCRAPE_EVERY: Duration = Duration::from_secs(1);

/// The server that `box` and `goal` load.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServeBoxArgs {
    /// The store
    #[arg(long)]
    pub(crate) dir: PathBuf,
    /// What answers survive
    #[arg(long, value_enum)]
    pub(crate) durability: Keep,
    /// Where Redis is, an empty one, for `--durability redis`
    #[arg(long)]
    pub(crate) redis: Option<String>,
    /// Codes to make
    #[arg(long)]
    pub(crate) codes: u64,
    /// How often each of them may be used
    #[arg(long, value_enum, default_value = "once")]
    pub(crate) uses: Uses,
    /// The campaign that they are of, TOML with the id `story`, instead
    #[arg(long, value_name = "TOML")]
    pub(crate) campaign: Option<String>,
    /// Uses of the hot code that is used up
    #[arg(long, default_value_t = LIMIT)]
    pub(crate) limit: u64,
    /// Collect metrics, and ask for them every second
    #[arg(long)]
    pub(crate) metrics: bool,
    /// The store is there already: make nothing
    #[arg(long)]
    pub(crate) again: bool,
}

/// How often a code may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Uses {
    Once,
    Often,
}

impl ServeBoxArgs {
    /// So many single-use codes over a store in `dir`.
    pub(crate) fn new(dir: &Path, durability: Keep, codes: u64) -> Self {
        Self {
            dir: dir.to_owned(),
            durability,
            redis: None,
            codes,
            uses: Uses::Once,
            campaign: None,
            limit: LIMIT,
            metrics: false,
            again: false,
        }
    }

    fn words(&self) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec!["serve-box".into(), "--dir".into()];
        words.push(self.dir.clone().into());
        let mut option = |name: &str, value: &str| words.extend([name.into(), value.into()]);
        option("--durability", self.durability.name());
        option("--codes", &self.codes.to_string());
        option("--limit", &self.limit.to_string());
        if let Some(redis) = &self.redis {
            option("--redis", redis);
        }
        if let Some(campaign) = &self.campaign {
            option("--campaign", campaign);
        }
        if self.uses == Uses::Often {
            option("--uses", "often");
        }
        words.extend(self.metrics.then(|| "--metrics".into()));
        words.extend(self.again.then(|| "--again".into()));
        words
    }
}

/// Where a server is, and what it has.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Whereabouts {
    pub(crate) server: String,
    pub(crate) server_name: String,
    pub(crate) ca_pem: String,
    pub(crate) token: String,
    pub(crate) codes: PathBuf,
}

impl Whereabouts {
    /// Says it to whoever started this process, and waits until standard input ends.
    pub(crate) async fn tell(&self) -> anyhow::Result<()> {
        writeln!(io::stdout(), "{}", serde_json::to_string(self)?)?;
        tokio::task::spawn_blocking(|| io::stdin().read_to_end(&mut Vec::new())).await??;
        Ok(())
    }
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
    if args.metrics {
        // Before the engine takes its handles.
        tokio::spawn(scrape(Meters::install()?));
    }
    let options = BoxOptions { durability, redis, ..BoxOptions::default() };
    let server = ServerBox::start(&args.dir, options).await.map_err(|why| anyhow!(why))?;
    let codes = args.dir.join("codes.txt");
    if !args.again {
        define(&server, args).map_err(|why| anyhow!(why))?;
        write_codes(&server, args, &codes)?;
    }
    let options = server.client_options(Role::Checkout).map_err(|why| anyhow!(why))?;
    let whereabouts = Whereabouts {
        server: options.server,
        server_name: options.server_name,
        ca_pem: server.ca_pem.clone(),
        token: options.token,
        codes,
    };
    whereabouts.tell().await?;
    let ServerBox { server, engine, .. } = server;
    server.drain().await;
    engine.ledger().close();
    Ok(())
}

fn define(server: &ServerBox, args: &ServeBoxArgs) -> Result<(), String> {
    let campaigns = [
        campaign("single", 1, CODES),
        campaign("season", ENDLESS, CODES),
        campaign("hot", ENDLESS, ""),
        campaign("limited", args.limit, ""),
    ];
    for campaign in campaigns.iter().chain(&args.campaign) {
        server.define(campaign)?;
    }
    server.codes("hot", HOT_CODE)?;
    server.codes("limited", LIMITED_CODE)?;
    Ok(())
}

/// A campaign of passes, TOML: so many uses of each code, and whatever more there is to say.
pub(crate) fn campaign(id: &str, uses: u64, more: &str) -> String {
    format!(
        "id = \"{id}\"\nkind = \"pass\"\nstatus = \"active\"\nzone = \"Europe/Vienna\"\n\
         uses = {uses}\n{more}\n"
    )
}

async fn scrape(meters: Meters) {
    let mut each = tokio::time::interval(SCRAPE_EVERY);
    loop {
        each.tick().await;
        meters.upkeep();
        std::hint::black_box(meters.text() + &latencies_text());
    }
}

fn write_codes(server: &ServerBox, args: &ServeBoxArgs, file: &Path) -> anyhow::Result<()> {
    let campaign = match (&args.campaign, args.uses) {
        (Some(_), _) => "story",
        (None, Uses::Once) => "single",
        (None, Uses::Often) => "season",
    };
    let order = IssueOrder::plain(CampaignId::parse(campaign)?);
    let mut generation = server.engine.generate(server.tenant(), &order, args.codes, "loadtest")?;
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

/// A server in a child process, which is killed when this is dropped.
pub(crate) struct BoxServer {
    child: Child,
    whereabouts: Whereabouts,
    pub(crate) durability: Keep,
    /// A Redis of its own, which goes after it.
    redis: Option<RedisServer>,
}

impl BoxServer {
    /// Starts one, with a Redis of its own where it needs one and none is named.
    pub(crate) fn launch(args: &ServeBoxArgs) -> anyhow::Result<Self> {
        if args.durability != Keep::Redis || args.redis.is_some() {
            return Self::run(args.words(), args.durability);
        }
        let own = RedisServer::start(&RedisOptions::default()).map_err(|why| anyhow!(why))?;
        let args = ServeBoxArgs { redis: Some(own.url()), ..args.clone() };
        let mut server = Self::run(args.words(), args.durability)?;
        server.redis = Some(own);
        Ok(server)
    }

    /// Runs this program with these words, which make it a server.
    pub(crate) fn run(words: Vec<OsString>, durability: Keep) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the server's process")?;
        let out = child.stdout.take().context("the server's process has no output")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        ensure!(!line.is_empty(), "the server's process ended: {}", child.wait()?);
        Ok(Self { child, whereabouts: serde_json::from_str(&line)?, durability, redis: None })
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

    /// Its codes, one a line.
    pub(crate) fn codes(&self) -> &Path {
        &self.whereabouts.codes
    }

    /// Tells it to end, and waits for that.
    pub(crate) fn end(mut self) -> anyhow::Result<()> {
        drop(self.child.stdin.take());
        let status = self.child.wait()?;
        ensure!(status.success(), "the server's process failed: {status}");
        drop(self.redis.take());
        Ok(())
    }
}

impl Drop for BoxServer {
    fn drop(&mut self) {
        // Both fail only when it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
