//! `jeton export`: the whole installation into one file.

use std::path::PathBuf;

use anyhow::ensure;
use clap::Args;
use indicatif::ProgressBar;
use serde_json::json;

use super::archive::{Header, PARTS, Writer, letter_of_part, letter_of_table};
use super::installation::{CATALOG, Installation};
use super::output::{Exit, Output};
use super::place::{Global, load};
use super::serve::engine_options;
use super::tally::Tally;
use crate::catalog::archive::Table;
use crate::catalog::{Catalog, StoreError};
use crate::clock::Clock;
use crate::config::{Config, Store as StorePlace};
use crate::ledger::archive::{ArchiveError, Parts, Store, encode};

/// How often a bar is told where things stand, in records.
const TOLD_EVERY: u64 = 4_096;

/// Where to.
#[derive(Debug, Args)]
pub(super) struct ExportFlags {
    /// The file to make
    file: PathBuf,
    /// Where ledger and catalog are [default: as configured]
    #[arg(long, value_name = "URL")]
    store: Option<String>,
}

/// An installation's stores, opened for moving.
pub(super) struct Stores {
    pub(super) catalog: Catalog,
    pub(super) ledger: Store,
    /// The fingerprint of the secret, in hexadecimal digits.
    pub(super) installation: String,
    /// Where they are.
    pub(super) name: String,
}

impl Stores {
    pub(super) fn open(global: &Global, store: Option<&String>) -> anyhow::Result<Self> {
        let mut sources = global.sources();
        sources.flag("--store", "store", store);
        let config = load(&sources)?;
        Self::check_there(&config)?;
        let now = Clock::system().now();
        let installation = Installation::open(&config, now.0)?;
        let options = engine_options(&config, &installation)?;
        let ledger = Store::open(&options.ledger)?;
        let catalog = Catalog::open(&options.catalog)?;
        let fingerprint = installation.keys.fingerprint();
        let name = match &config.store {
            StorePlace::Embedded(dir) => format!("embedded:{}", dir.display()),
            StorePlace::Redis(redis) => redis.target.to_string(),
        };
        let installation = fingerprint.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { catalog, ledger, installation, name })
    }

    /// Moving makes no installation.
    fn check_there(config: &Config) -> anyhow::Result<()> {
        if let StorePlace::Embedded(dir) = &config.store {
            ensure!(
                dir.join(CATALOG).exists(),
                "there is no installation in {}; jeton init makes one, --data names another",
                dir.display()
            );
        }
        Ok(())
    }
}

/// Hands over all there is in one table of a catalog.
pub(super) fn each_pair(
    catalog: &Catalog,
    table: Table,
    mut take: impl FnMut(Vec<u8>, Vec<u8>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut failed = None;
    let read = catalog.each_record(table, &mut |key, value| {
        take(key, value).map_err(|error| {
            failed = Some(error);
            StoreError::Damaged("it is not read to the end".to_owned())
        })
    });
    match failed {
        Some(error) => Err(error),
        None => Ok(read?),
    }
}

/// Says on a bar how many records were moved.
pub(super) struct Moved {
    bar: ProgressBar,
    records: u64,
}

impl Moved {
    pub(super) fn new(output: Output, what: &'static str, of: u64) -> Self {
        Self { bar: output.progress(what, of), records: 0 }
    }

    pub(super) fn one_more(&mut self) {
        self.records += 1;
        if self.records.is_multiple_of(TOLD_EVERY) {
            if self.bar.length().is_none_or(|len| len < self.records) {
                self.bar.set_length(self.records);
            }
            self.bar.set_position(self.records);
        }
    }

    pub(super) fn done(self) {
        self.bar.finish_and_clear();
    }
}

pub(super) fn run(flags: &ExportFlags, global: &Global, output: Output) -> anyhow::Result<Exit> {
    let mut stores = Stores::open(global, flags.store.as_ref())?;
    let before = stores.catalog.cursor()?;
    let header = Header::new(stores.ledger.now(), stores.installation.clone(), stores.name.clone());
    let mut writer = Writer::create(&flags.file, &header)?;
    let mut tally = Tally::default();
    let mut moved = Moved::new(output, "exporting", 0);
    for table in Table::ALL {
        writer.begin(letter_of_table(table))?;
        each_pair(&stores.catalog, table, |key, value| {
            tally.add_pair(table, &key, &value);
            moved.one_more();
            Ok(writer.pair(&key, &value)?)
        })?;
        writer.end()?;
    }
    for part in PARTS {
        writer.begin(letter_of_part(part))?;
        stores.ledger.each(part, &mut |item| {
            let record = encode(&item);
            tally.add_item(item);
            moved.one_more();
            writer.record(&record).map_err(|error| ArchiveError::Source(error.to_string()))
        })?;
        writer.end()?;
    }
    stores.ledger.check_still()?;
    ensure!(
        stores.catalog.cursor()? == before,
        "the catalog was changed while it was read; stop all nodes, then repeat"
    );
    writer.finish(&tally)?;
    moved.done();
    let document = json!({
        "file": flags.file, "store": stores.name, "installation": stores.installation,
        "tally": tally,
    });
    output.answer(&document, |out| {
        writeln!(out, "{} holds {}", flags.file.display(), stores.name)?;
        for (what, count) in tally.rows() {
            writeln!(out, "  {what:<12} {count}")?;
        }
        writeln!(out, "It is of use only with the secret of this installation.")
    })?;
    Ok(Exit::Yes)
}
