//! `jeton init`: makes the data directory without serving, and an installation in Redis.
//!
//! In Redis it is made once: the epoch is kept as begun until everything is there, so that an
//! interrupted one goes on, and a finished one is never made again over codes that were used.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Args;
use serde_json::{Value, json};

use super::epoch::{EPOCH, EPOCH_BEGUN, EpochFile};
use super::installation::{CA_CERTIFICATE, CA_KEY, Installation, PRIVATE, SECRET, write};
use super::output::{Exit, Output, refused, wrong_use};
use super::place::Global;
use super::redis_store::{self, Survey, wait};
use super::serve::{engine_options, opening_failed};
use crate::clock::Clock;
use crate::config::{Config, DATA_FILE, RedisStore, Sources, Store, examine};
use crate::domain::id::TenantId;
use crate::engine::Engine;
use crate::ledger::redis::{Finding, PARTITIONS_DEFAULT, Severity, initialise, inspect};
use crate::ledger::{Durability, Now};
use crate::remote::Remote;
use crate::server::access::Access;

/// How to make it.
#[derive(Debug, Args)]
pub(super) struct InitFlags {
    /// Where ledger and catalog are, such as redis://127.0.0.1:6379 [default: embedded, here]
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// Into how many partitions a ledger in Redis is divided, for good; 16 unless given
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=256))]
    partitions: Option<u16>,
    /// Any other setting; may be repeated. What is given here is kept in jeton.toml in the data
    /// directory, if there is no configuration file yet
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// The tenant that the first admin token is for
    #[arg(long, default_value = "default")]
    tenant: String,
    /// Make another admin token, also if there is one; for a tenant's first, or when it was lost
    #[arg(long)]
    new_token: bool,
}

pub(super) fn run(flags: &InitFlags, global: &Global, output: Output) -> anyhow::Result<Exit> {
    let tenant = TenantId::parse(&flags.tenant).map_err(|error| wrong_use(error.to_string()))?;
    let sources = flags.sources(global)?;
    let examined = examine(&sources);
    let file = examined.file.clone();
    let config = examined.checked().map_err(|faults| wrong_use(faults.to_string()))?;
    let now_ms = Clock::system().now().0;
    let (mut installation, findings) = match &config.store {
        Store::Embedded(_) if flags.partitions.is_some() => {
            return Err(wrong_use("--partitions is for a store in Redis: --store redis://HOST"));
        }
        Store::Embedded(_) => (Installation::open(&config, now_ms)?, Vec::new()),
        Store::Redis(store) => shared(&config, store, flags.partitions, now_ms)?,
    };
    finish(flags, &config, &mut installation, &tenant, output)?;
    if matches!(config.store, Store::Redis(_)) {
        installation.made.extend(complete(&config.data)?);
    }
    if file.is_none() {
        installation.made.extend(keep_settings(&config.data, &sources)?);
    }
    let document = json!({
        "data": config.data,
        "tenant": tenant.as_str(),
        "made": installation.made,
        "checked": findings.iter().map(finding_document).collect::<Vec<_>>(),
        "copy_to_further_nodes": further_node_files(&config),
    });
    output.answer(&document, |out| tell(out, &config, &installation.made, &findings))?;
    Ok(Exit::Yes)
}

impl InitFlags {
    fn sources(&self, global: &Global) -> anyhow::Result<Sources> {
        let mut sources = global.sources();
        sources.flag("--store", "store", self.store.as_ref());
        for setting in &self.settings {
            let Some((key, value)) = setting.split_once('=') else {
                return Err(wrong_use(format!("--set {setting}: expected is KEY=VALUE")));
            };
            sources.flag(&format!("--set {key}"), key.trim(), Some(value.trim()));
        }
        Ok(sources)
    }
}

/// What both kinds of store have in common: the stores themselves, a token, a certificate.
fn finish(
    flags: &InitFlags,
    config: &Config,
    installation: &mut Installation,
    tenant: &TenantId,
    output: Output,
) -> anyhow::Result<()> {
    let options = engine_options(config, installation)?;
    let bar = output.progress("loading codes", 0);
    let opened = Engine::open(options, |done, of| {
        bar.set_length(of);
        bar.set_position(done);
    });
    let (engine, _) = opened.map_err(opening_failed)?;
    bar.finish_and_clear();
    let engine = Arc::new(engine);
    let access = Access::open(Arc::clone(&engine), config.guess)?;
    if flags.new_token {
        installation.new_token(&access, tenant)?;
    } else {
        installation.first_token(&access, tenant)?;
    }
    installation.server_texts(&config.tls, Clock::system().now().0)?;
    engine.ledger().close();
    Ok(())
}

/// Makes the installation in Redis, goes on with one that was begun, or checks one that is there.
fn shared(
    config: &Config,
    store: &RedisStore,
    partitions: Option<u16>,
    now_ms: i64,
) -> anyhow::Result<(Installation, Vec<Finding>)> {
    let remote = redis_store::remote(store)?;
    let now: Now = Arc::new(|| Clock::system().now());
    let findings = wait(inspect(&remote, config.durability, &now))??;
    if config.data.join(EPOCH).exists() {
        let installation = Installation::open(config, now_ms)?;
        check_complete(&remote, &installation, partitions)?;
        return Ok((installation, findings));
    }
    if config.durability != Durability::RedisAsIs {
        refuse_unsafe(&findings)?;
    }
    let begun = config.data.join(EPOCH_BEGUN);
    let epoch = if begun.exists() {
        let epoch = EpochFile::read(&begun)?;
        epoch.check_partitions(partitions)?;
        epoch
    } else {
        EpochFile::generate(partitions.unwrap_or(PARTITIONS_DEFAULT))?
    };
    // Before anything is made here.
    let found = wait(Survey::take(&remote, 0))??.installation;
    let is_initialised = match found {
        Some((found, _)) if found != epoch.epoch.text() => return Err(occupied(&remote, &found)),
        Some(_) => true,
        None => false,
    };
    let installation = Installation::begin_shared(&config.data, epoch, now_ms)?;
    epoch.write(&begun)?;
    if !is_initialised {
        wait(initialise(&remote, epoch.epoch, epoch.partitions))??;
    }
    Ok((installation, findings))
}

fn occupied(remote: &Remote, epoch: &str) -> anyhow::Error {
    refused(format!(
        "{} has an installation already (epoch {epoch}); for a further node of it copy {SECRET}, \
         {EPOCH}, {CA_CERTIFICATE} and {CA_KEY} from the data directory of one that has it; for \
         an installation of its own name another Redis, or another database of it",
        remote.target()
    ))
}

fn check_complete(
    remote: &Remote,
    installation: &Installation,
    partitions: Option<u16>,
) -> anyhow::Result<()> {
    let Some(epoch) = installation.epoch else { return Ok(()) };
    epoch.check_partitions(partitions)?;
    let survey = wait(Survey::take(remote, epoch.partitions))??;
    match survey.fence(&epoch).trouble() {
        None => Ok(()),
        Some((what, remedy)) => Err(refused(format!(
            "{what}; jeton init does not make it again, for used codes could be used again; \
             {remedy}"
        ))),
    }
}

fn refuse_unsafe(findings: &[Finding]) -> anyhow::Result<()> {
    let is_unsafe = |finding: &&Finding| finding.severity == Severity::Unsafe;
    let lines: Vec<String> = findings.iter().filter(is_unsafe).map(ToString::to_string).collect();
    if lines.is_empty() {
        return Ok(());
    }
    bail!(
        "Redis would break the promise of this durability:\n  {}\nor accept it: \
         --set durability=redis-as-is",
        lines.join("\n  ")
    )
}

/// From now on it may be served, and never be made again.
fn complete(data: &Path) -> anyhow::Result<Option<PathBuf>> {
    let (begun, file) = (data.join(EPOCH_BEGUN), data.join(EPOCH));
    if !begun.exists() {
        return Ok(None);
    }
    fs::rename(&begun, &file).with_context(|| file.display().to_string())?;
    fs::File::open(data)
        .and_then(|dir| dir.sync_all())
        .with_context(|| data.display().to_string())?;
    Ok(Some(file))
}

/// Keeps what the flags said, so that later commands need not be told again. May hold a password.
fn keep_settings(data: &Path, sources: &Sources) -> anyhow::Result<Option<PathBuf>> {
    let mut lines = std::collections::BTreeMap::new();
    for flag in sources.flags.iter().filter(|flag| flag.key != "data") {
        let is_toml = toml::from_str::<toml::Table>(&format!("value = {}", flag.value)).is_ok();
        let text = || toml::Value::String(flag.value.clone()).to_string();
        lines.insert(&flag.key, if is_toml { flag.value.clone() } else { text() });
    }
    if lines.is_empty() {
        return Ok(None);
    }
    let lines: String = lines.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
    let file = data.join(DATA_FILE);
    write(&file, lines.as_bytes(), PRIVATE)?;
    Ok(Some(file))
}

/// What a further node of the same installation is given.
fn further_node_files(config: &Config) -> Vec<PathBuf> {
    let mut names = vec![SECRET, EPOCH, CA_CERTIFICATE, CA_KEY, DATA_FILE];
    names.retain(|name| config.data.join(name).exists());
    match config.store {
        Store::Embedded(_) => Vec::new(),
        Store::Redis(_) => names.into_iter().map(|name| config.data.join(name)).collect(),
    }
}

fn finding_document(finding: &Finding) -> Value {
    let severity = match finding.severity {
        Severity::Good => "ok",
        Severity::Unsafe => "unsafe",
        Severity::Unknown => "unknown",
    };
    let Finding { server, what, remedy, .. } = finding;
    json!({ "state": severity, "server": server, "what": what, "remedy": remedy })
}

fn tell(
    out: &mut dyn Write,
    config: &Config,
    made: &[PathBuf],
    findings: &[Finding],
) -> io::Result<()> {
    for finding in findings {
        let word = match finding.severity {
            Severity::Good => "ok     ",
            Severity::Unsafe => "UNSAFE ",
            Severity::Unknown => "unknown",
        };
        writeln!(out, "{word}  {finding}")?;
    }
    for made in made {
        writeln!(out, "made     {}", made.display())?;
    }
    if made.is_empty() {
        return writeln!(out, "{} is there; nothing was missing", config.data.display());
    }
    writeln!(out, "next     jeton serve")?;
    let files = further_node_files(config);
    if files.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\nA further node: copy into its data directory (0700), each file with mode 0600,"
    )?;
    for file in &files {
        writeln!(out, "  {}", file.display())?;
    }
    writeln!(out, "and type there: jeton serve")
}
