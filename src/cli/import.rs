//! `jeton import`: an archive into an installation in which nothing has happened yet.
//!
//! The ledger comes first: an installation that is only half there knows what was used before it
//! knows anything that could be used. All is read back and compared before anybody can serve.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::ensure;
use clap::Args;
use serde_json::json;

use super::archive::{Archive, PARTS};
use super::export::{Moved, Stores, each_pair};
use super::output::{Exit, Output, table};
use super::place::Global;
use super::tally::Tally;
use crate::catalog::Catalog;
use crate::catalog::archive::{Pair, Table};
use crate::ledger::archive::Parts;

/// Records that are written together.
const RECORDS_AT_ONCE: usize = 1_000;

/// Bytes that are written together, about.
const BYTES_AT_ONCE: usize = 4 << 20;

/// What a new installation has of its own: values by table and key.
type Own = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

/// From where.
#[derive(Debug, Args)]
pub(super) struct ImportFlags {
    /// The archive, made by jeton export
    file: PathBuf,
    /// Where ledger and catalog are [default: as configured]
    #[arg(long, value_name = "URL")]
    store: Option<String>,
}

pub(super) fn run(flags: &ImportFlags, global: &Global, output: Output) -> anyhow::Result<Exit> {
    let mut archive = checked(&flags.file, output)?;
    let mut stores = Stores::open(global, flags.store.as_ref())?;
    ensure!(
        archive.header.installation == stores.installation,
        "{} was made by another installation ({}; this one is {}): its codes cannot be read here. \
         Copy the file `secret` of that installation into the data directory before jeton init",
        flags.file.display(),
        archive.header.installation,
        stores.installation
    );
    archive.leave_out(stores.ledger.now());
    stores.ledger.check_empty()?;
    let own = own_pairs(&stores)?;
    let mut expected = Tally::default();
    let mut found = Tally::default();
    bring_ledger(&mut archive, &mut stores, [&mut expected, &mut found], output)?;
    let is_same = expected == found
        && bring_catalog_and_finish(
            &mut archive,
            stores,
            own,
            [&mut expected, &mut found],
            output,
        )?;
    tell(flags, &expected, &found, is_same, output)
}

fn checked(file: &Path, output: Output) -> anyhow::Result<Archive> {
    let bytes = std::fs::metadata(file).map_or(0, |metadata| metadata.len());
    let bar = output.progress("checking", bytes);
    let archive = Archive::open(file, |read| bar.set_position(read));
    bar.finish_and_clear();
    archive
}

/// What a new installation has of its own, which stays: tokens, and lines of the audit log.
fn own_pairs(stores: &Stores) -> anyhow::Result<Own> {
    let mut own = BTreeMap::new();
    for table in Table::ALL {
        each_pair(&stores.catalog, table, |key, value| {
            ensure!(
                matches!(table, Table::Tokens | Table::Audit),
                "the catalog of {} is not empty: an archive goes only into a new installation; \
                 make another one with jeton init",
                stores.name
            );
            own.insert((table, key), value);
            Ok(())
        })?;
    }
    Ok(own)
}

/// Fills the ledger and reads it back.
fn bring_ledger(
    archive: &mut Archive,
    stores: &mut Stores,
    [expected, found]: [&mut Tally; 2],
    output: Output,
) -> anyhow::Result<()> {
    let mut moved = Moved::new(output, "ledger", archive.tally.items());
    stores.ledger.fill(archive)?;
    for part in PARTS {
        archive.each(part, &mut |item| {
            expected.add_item(item);
            Ok(())
        })?;
        stores.ledger.each(part, &mut |item| {
            found.add_item(item);
            moved.one_more();
            Ok(())
        })?;
    }
    moved.done();
    Ok(())
}

/// Lets the ledger be used, fills the catalog, reads it back and says whether all is as expected.
fn bring_catalog_and_finish(
    archive: &mut Archive,
    stores: Stores,
    mut own: Own,
    [expected, found]: [&mut Tally; 2],
    output: Output,
) -> anyhow::Result<bool> {
    let Stores { catalog, ledger, .. } = stores;
    ledger.finish()?;
    let mut moved = Moved::new(output, "catalog", 0);
    for table in Table::ALL {
        let mut waiting = Waiting { catalog: &catalog, table, pairs: Vec::new(), bytes: 0 };
        archive.each_pair(table, |key, value| {
            expected.add_pair(table, &key, &value);
            if table == Table::Tokens {
                own.remove(&(table, key.clone()));
            }
            moved.one_more();
            waiting.put(key, value)
        })?;
        waiting.flush()?;
    }
    catalog.sync()?;
    for ((table, key), value) in &own {
        expected.add_pair(*table, key, value);
    }
    for table in Table::ALL {
        each_pair(&catalog, table, |key, value| {
            found.add_pair(table, &key, &value);
            Ok(())
        })?;
    }
    moved.done();
    Ok(expected == found)
}

/// Records of a table that are to be written.
struct Waiting<'a> {
    catalog: &'a Catalog,
    table: Table,
    pairs: Vec<Pair>,
    bytes: usize,
}

impl Waiting<'_> {
    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) -> anyhow::Result<()> {
        self.bytes += key.len() + value.len();
        self.pairs.push((key, value));
        let is_much = self.pairs.len() >= RECORDS_AT_ONCE || self.bytes >= BYTES_AT_ONCE;
        if is_much { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        if !self.pairs.is_empty() {
            self.catalog.put_records(self.table, &self.pairs)?;
        }
        self.pairs.clear();
        self.bytes = 0;
        Ok(())
    }
}

/// What was expected beside what is there.
fn tell(
    flags: &ImportFlags,
    expected: &Tally,
    found: &Tally,
    is_same: bool,
    output: Output,
) -> anyhow::Result<Exit> {
    let document =
        json!({ "ok": is_same, "file": flags.file, "expected": expected, "store": found });
    output.answer(&document, |out| {
        let mut rows = vec![[String::new(), "expected".to_owned(), "store".to_owned()].to_vec()];
        for ((what, expected), (_, found)) in expected.rows().into_iter().zip(found.rows()) {
            rows.push(vec![what.to_owned(), expected, found]);
        }
        table(out, &rows)?;
        if is_same {
            writeln!(out, "All is there.")
        } else {
            writeln!(out, "They differ: do not serve from this store; empty it and begin again.")
        }
    })?;
    Ok(if is_same { Exit::Yes } else { Exit::Error })
}
