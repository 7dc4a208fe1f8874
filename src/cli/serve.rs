//! `jeton serve`: opens everything, says so, and serves until told to stop.
//!
//! SIGTERM or SIGINT lets everybody finish, a second one does not wait. SIGHUP takes up a new
//! certificate. When the ledger cannot write any more, the process ends with an error: a supervisor
//! starts it again, and nothing is lost.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::json;
use std::net::SocketAddr;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::gauges::{self, Ends, Gauges};
use super::installation::{Installation, ServerTexts};
use super::output::{Exit, Output, wrong_use};
use super::place::{Global, load};
use super::{redis_store, supervisor};
use crate::catalog;
use crate::clock::Clock;
use crate::config::{Config, Store};
use crate::domain::id::TenantId;
use crate::engine::{self, Engine};
use crate::ledger::{self, Durability, Health};
use crate::metrics::latencies_text;
use crate::server::access::Access;
use crate::server::{self, Server, Shared, http, quic};
use crate::telemetry::{self, Meters};

/// How often the certificate's age is looked at. It is renewed months before its end.
const CERTIFICATE_EVERY: Duration = Duration::from_secs(6 * 3_600);

/// How long threads that still work may hold up the end of the process.
const LAST_PATIENCE: Duration = Duration::from_secs(2);

/// How to serve.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct ServeFlags {
    /// Where gates and checkouts connect (UDP); port 0 takes any
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(super) listen: Option<String>,
    /// Where offices and web shops connect (TCP); port 0 takes any
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(super) http_listen: Option<String>,
    /// sync, memory, or '{ interval_ms = 20 }'; with Redis redis-aof-always, redis-as-is, or
    /// '{ replicas = 1 }': what an answer survives
    #[arg(long, value_name = "WORD")]
    pub(super) durability: Option<String>,
    /// error, warn, info, debug, or a filter
    #[arg(long, value_name = "LEVEL")]
    pub(super) log_level: Option<String>,
    /// text or json
    #[arg(long, value_name = "FORMAT")]
    pub(super) log_format: Option<String>,
    /// Threads that serve; 0 is one per core
    #[arg(long, value_name = "THREADS")]
    pub(super) workers: Option<u16>,
    /// Any other setting; may be repeated. See jeton config check --all
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(super) settings: Vec<String>,
    /// The tenant that the first admin token is for
    #[arg(long, default_value = "default")]
    pub(super) tenant: String,
}

impl ServeFlags {
    /// The configuration with these flags on top.
    pub(super) fn config(&self, global: &Global) -> anyhow::Result<Config> {
        let mut sources = global.sources();
        sources.flag("--listen", "quic.listen", self.listen.as_ref());
        sources.flag("--http-listen", "http.listen", self.http_listen.as_ref());
        sources.flag("--durability", "durability", self.durability.as_ref());
        sources.flag("--log-level", "log.level", self.log_level.as_ref());
        sources.flag("--log-format", "log.format", self.log_format.as_ref());
        sources.flag("--workers", "workers", self.workers);
        for setting in &self.settings {
            let Some((key, value)) = setting.split_once('=') else {
                return Err(wrong_use(format!("--set {setting}: expected is KEY=VALUE")));
            };
            sources.flag(&format!("--set {key}"), key.trim(), Some(value.trim()));
        }
        load(&sources)
    }

    pub(super) fn tenant(&self) -> anyhow::Result<TenantId> {
        TenantId::parse(&self.tenant).map_err(|error| wrong_use(error.to_string()))
    }
}

pub(super) fn run(flags: &ServeFlags, global: &Global, output: Output) -> anyhow::Result<Exit> {
    let (config, tenant) = (flags.config(global)?, flags.tenant()?);
    let runtime = runtime(&config)?;
    let ended = runtime.block_on(async {
        let running = Running::start(config, &tenant, output).await?;
        running.announce(output)?;
        supervisor::ready(&running.status());
        running.until_told().await
    });
    runtime.shutdown_timeout(LAST_PATIENCE);
    ended.map(|()| Exit::Yes)
}

/// The threads that serve.
pub(super) fn runtime(config: &Config) -> anyhow::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if config.workers > 0 {
        builder.worker_threads(config.workers);
    }
    builder.thread_name("serve").enable_all().build().context("threads cannot be started")
}

/// A server that serves.
pub(super) struct Running {
    config: Config,
    installation: Installation,
    engine: Arc<Engine>,
    server: Server,
    /// When the certificates end, for whoever measures.
    ends: watch::Sender<Ends>,
    stop: Stop,
    hangup: Signal,
}

impl Running {
    /// Opens the installation, the stores and the doors. Installs logs and metrics for the process.
    pub(super) async fn start(
        config: Config,
        tenant: &TenantId,
        output: Output,
    ) -> anyhow::Result<Self> {
        telemetry::install_logs(&config.log)?;
        let meters = Meters::install()?;
        // Before anything slow, so that an early signal is not lost.
        let (stop, hangup) = (Stop::new()?, signal(SignalKind::hangup())?);
        let now_ms = Clock::system().now().0;
        let mut installation = Installation::open(&config, now_ms)?;
        let options = engine_options(&config, &installation)?;
        let bar = output.progress("loading codes", 0);
        let opened = tokio::task::spawn_blocking(move || {
            let opened = Engine::open(options, |done, of| {
                bar.set_length(of);
                bar.set_position(done);
            });
            let (engine, loaded) = opened.map_err(opening_failed)?;
            bar.finish_and_clear();
            tracing::info!(
                campaigns = loaded.campaigns,
                batches = loaded.batches,
                codes = loaded.codes,
                "loaded"
            );
            anyhow::Ok(Arc::new(engine))
        });
        let engine = opened.await??;
        let access = Access::open(Arc::clone(&engine), config.guess)?;
        installation.first_token(&access, tenant)?;
        let texts = installation.server_texts(&config.tls, now_ms)?;
        let ends = watch::Sender::new(Ends::of(&texts)?);
        let (all, scraped) = (meters.clone(), gauges::Scraped::new());
        let text = Box::new(move || {
            scraped.set(Clock::system().now());
            all.text() + &latencies_text()
        });
        let shared = Shared::new(Arc::clone(&engine), access, text);
        let options = server_options(&config, &installation, texts);
        let server = Server::start(shared, options).await?;
        // Set before anybody can scrape.
        let gauges = Gauges::new(&config, ends.subscribe());
        gauges.set(server.shared()).await;
        tokio::spawn(gauges::measure(Arc::clone(server.shared()), meters, gauges));
        tokio::spawn(gauges::survey(config.clone(), installation.epoch));
        tokio::spawn(supervisor::watchdog(Arc::clone(&engine)));
        Ok(Self { config, installation, engine, server, ends, stop, hangup })
    }

    /// The use cases.
    pub(super) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// What both doors share.
    pub(super) fn shared(&self) -> &Arc<Shared> {
        self.server.shared()
    }

    /// Where browsers find the pages.
    pub(super) fn pages(&self) -> Option<String> {
        let scheme = if self.config.http.is_tls { "https" } else { "http" };
        let at = self.server.http_address()?;
        Some(format!("{scheme}://{}/", super::place::reachable(at)))
    }

    /// The state of things in a line, for the service manager.
    fn status(&self) -> String {
        format!("{} codes, quic {}", self.engine.codes_len(), self.server.quic_address())
    }

    /// Says what was made, where it listens and what an answer survives.
    pub(super) fn announce(&self, output: Output) -> anyhow::Result<()> {
        let quic = self.server.quic_address();
        let scheme = if self.config.http.is_tls { "https" } else { "http" };
        let http = self.server.http_address().map(|at: SocketAddr| format!("{scheme}://{at}"));
        let durability = durability_text(self.config.durability);
        let document = json!({
            "ready": true,
            "version": env!("CARGO_PKG_VERSION"),
            "quic": quic.to_string(),
            "http": http,
            "durability": durability,
            "data": self.config.data,
            "made": self.installation.made,
            "codes": self.engine.codes_len(),
        });
        output.answer(&document, |out| {
            for made in &self.installation.made {
                writeln!(out, "made       {}", made.display())?;
            }
            writeln!(out, "data       {}", self.config.data.display())?;
            writeln!(out, "durability {durability}")?;
            writeln!(out, "quic       {quic}")?;
            if let Some(http) = &http {
                writeln!(out, "http       {http}")?;
            }
            if self.server.shared().access.has_no_users() {
                writeln!(
                    out,
                    "people     nobody can sign in yet: jeton user create NAME --role admin"
                )?;
            }
            writeln!(out, "ready      {} codes", self.engine.codes_len())
        })
    }

    /// Serves until a signal, or until the ledger fails; then lets everybody finish.
    pub(super) async fn until_told(mut self) -> anyhow::Result<()> {
        let mut health = self.engine.ledger().health();
        let mut certificate = interval(CERTIFICATE_EVERY);
        certificate.set_missed_tick_behavior(MissedTickBehavior::Delay);
        certificate.tick().await;
        let failure = loop {
            tokio::select! {
                () = self.stop.told() => break None,
                why = poisoned(&mut health) => break Some(why),
                _ = self.hangup.recv() => self.reload(Reload::Always).await,
                _ = certificate.tick() => self.reload(Reload::IfRenewed).await,
            }
        };
        match &failure {
            None => tracing::info!("stopping; a second signal does not wait"),
            Some(why) => tracing::error!(%why, "the ledger cannot write any more; stopping"),
        }
        supervisor::stopping();
        let Self { engine, server, mut stop, .. } = self;
        tokio::select! {
            () = server.drain() => {}
            () = stop.told() => tracing::warn!("stopped without waiting"),
        }
        tokio::task::spawn_blocking(move || engine.ledger().close()).await?;
        match failure {
            None => Ok(()),
            Some(why) => Err(anyhow!("the ledger cannot write any more: {why}")),
        }
    }

    /// Takes up the certificate as it is in its files now; renews the installation's own when it is
    /// time.
    async fn reload(&mut self, when: Reload) {
        let made_before = self.installation.made.len();
        let now_ms = self.engine.now().0;
        let texts = match self.installation.server_texts(&self.config.tls, now_ms) {
            Ok(texts) => texts,
            Err(error) => return tracing::error!(?error, "the certificate cannot be read"),
        };
        if when == Reload::IfRenewed && self.installation.made.len() == made_before {
            return;
        }
        match self.server.reload(&texts.certificate, &texts.key).await {
            Ok(()) => {
                tracing::info!("new connections get the new certificate");
                if let Ok(ends) = Ends::of(&texts) {
                    self.ends.send_replace(ends);
                }
            }
            Err(error) => tracing::error!(%error, "the old certificate stays"),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reload {
    Always,
    IfRenewed,
}

/// The signals that end the process.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    fn new() -> anyhow::Result<Self> {
        let (terminate, interrupt) = (SignalKind::terminate(), SignalKind::interrupt());
        Ok(Self { terminate: signal(terminate)?, interrupt: signal(interrupt)? })
    }

    async fn told(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Waits until the ledger fails.
async fn poisoned(health: &mut tokio::sync::watch::Receiver<Health>) -> Arc<str> {
    match health.wait_for(|health| matches!(health, Health::Poisoned(_))).await.as_deref() {
        Ok(Health::Poisoned(why)) => Arc::clone(why),
        Ok(Health::Good | Health::Away(_) | Health::Fenced(_)) | Err(_) => {
            "its thread is gone".into()
        }
    }
}

/// What the engine is opened with.
pub(super) fn engine_options(
    config: &Config,
    installation: &Installation,
) -> anyhow::Result<engine::Options> {
    let clock = Clock::system();
    let now = clock.clone();
    let mut ledger = ledger::Options::new(installation.ledger_dir(), Arc::new(move || now.now()));
    ledger.durability = config.durability;
    ledger.queue_max = config.ledger_queue_max;
    let store = match (&config.store, installation.epoch) {
        (Store::Redis(store), Some(epoch)) => {
            ledger.redis = Some(redis_store::place(store, epoch)?);
            redis_store::catalog_store(config, store)?
        }
        (Store::Redis(_), None) => bail!("the epoch file is missing; type jeton doctor"),
        (Store::Embedded(_), _) => catalog::Store::Embedded { dir: installation.catalog_dir() },
    };
    let random = SystemRandom::new();
    Ok(engine::Options {
        catalog: catalog::Options { store, store_key: *installation.keys.store_key.bytes() },
        ledger,
        code_secret: *installation.keys.code_secret.bytes(),
        campaign_labels: config.campaign_labels.clone(),
        counts_age_ms_max: engine::COUNTS_AGE_MS_MAX,
        clock,
        random: Arc::new(move |bytes| random.fill(bytes).is_ok()),
    })
}

/// Why the stores could not be opened, with the way back.
pub(super) fn opening_failed(error: engine::OpenError) -> anyhow::Error {
    use ledger::OpenError::NotInitialised;
    if let engine::OpenError::Ledger(NotInitialised(server)) = &error {
        return anyhow!(
            "{server} has nothing of this installation: it was emptied, replaced, or restarted \
             without its data; restore Redis from its own AOF or RDB backup, then type: jeton \
             ledger restore --check"
        );
    }
    error.into()
}

fn server_options(
    config: &Config,
    installation: &Installation,
    texts: ServerTexts,
) -> server::Options {
    let ServerTexts { certificate, key, client_authority } = texts;
    let endpoint_secret = *installation.keys.endpoint_secret.bytes();
    let http = http::Options {
        listen: config.http.listen,
        tls: config
            .http
            .is_tls
            .then(|| http::Pem { certificate: certificate.clone(), key: key.clone() }),
        import_bytes_max: config.http.import_bytes_max,
        concurrent_max: config.http.concurrent_max,
        metrics_open: config.http.metrics_open,
    };
    let quic = quic::Options {
        listen: config.quic.listen,
        client_authority: Some(client_authority),
        connections_max: config.quic.connections_max,
        lanes_max: config.quic.lanes_max,
        in_flight_max: config.quic.in_flight_max,
        idle_ms: config.quic.idle_ms,
        udp_buffer_bytes: config.quic.udp_buffer_bytes,
        ..quic::Options::new(certificate, key, endpoint_secret)
    };
    server::Options { quic, http: Some(http), drain_ms: config.drain_ms }
}

/// What an answer survives, in words.
pub(super) fn durability_text(durability: Durability) -> String {
    match durability {
        Durability::Sync => "sync: an answer survives a power cut".to_owned(),
        Durability::Interval { window_ms } => {
            format!("interval: a power cut loses at most the last {window_ms} ms of answers")
        }
        Durability::Memory => "memory: NOTHING survives the end of this process".to_owned(),
        Durability::RedisAofAlways => {
            "redis-aof-always: an answer survives a crash of Redis and a power cut".to_owned()
        }
        Durability::Replicas { replicas } => format!(
            "replicas = {replicas}: an answer is on so many replicas; Redis may still lose it when \
             it fails over in other ways than these"
        ),
        Durability::RedisAsIs => "redis-as-is: a restart or failover of Redis may lose what it \
            had not persisted, and used codes come back"
            .to_owned(),
    }
}
