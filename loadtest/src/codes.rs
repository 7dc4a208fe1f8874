//! `codes`: what the claims about codes rest on.
//!
//! Makes many codes through the engine; proves from what is on the disk that no two are alike;
//! starts again and weighs the index; imports the same list into a second store; mistypes a sample
//! at every place and shows that no slip gets as far as the index.

mod mistype;

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, anyhow, ensure};
use indicatif::ProgressBar;
use jeton::catalog::{self, CampaignDocument, Catalog, Expect};
use jeton::domain::code::CodeKey;
use jeton::domain::id::{CampaignId, TenantId};
use jeton::engine::{Engine, ImportNews, IssueOrder, List, ListFormat, Trial};
use jeton::metrics::Stopwatch;
use jeton::testing::{BoxOptions, engine_in};
use serde::{Deserialize, Serialize};

use crate::args::CodesArgs;
use crate::box_server::campaign;
use crate::machine::{Machine, cpu_seconds, resident_bytes};
use crate::report::{figure, write_machine};
use mistype::{Mistyped, mistype};

/// What the campaign says of its codes: twelve places, one of them the check character, are 31^11
/// codes.
const GENERATED: &str = r#"codes = { pattern = "TEN-####-####-####" }"#;

/// The same, of codes that were made elsewhere.
const IMPORTED: &str = "";

/// Bytes in which a text of [`GENERATED`] fits, padded with zeros, to be sorted quickly.
const TEXT_BYTES: usize = 24;
pub(crate) type Text = [u8; TEXT_BYTES];

/// The key that [`engine_in`] opens its catalog with.
const STORE_KEY: [u8; 32] = [7; 32];

/// What was found.
#[derive(Debug, Serialize)]
struct Found {
    machine: Machine,
    count: u64,
    generate: Pace,
    generate_per_s: f64,
    /// The same lines into a file, with a sync at the end.
    write_file: Pace,
    write_file_per_s: f64,
    different_keys: u64,
    different_texts: u64,
    open: Opened,
    disk_bytes: u64,
    import: Pace,
    import_per_s: f64,
    mistyped: Mistyped,
}

/// How long something took, by the clock and in processor time, which says what it would take on a
/// machine that does nothing else.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Pace {
    pub(crate) seconds: f64,
    cpu_seconds: f64,
}

/// Measures how long something takes.
struct Pacing(Stopwatch, f64);

impl Pacing {
    fn begin() -> Self {
        Self(Stopwatch::start(), own_cpu_seconds())
    }

    fn end(&self) -> Pace {
        Pace { seconds: self.0.seconds(), cpu_seconds: own_cpu_seconds() - self.1 }
    }
}

fn own_cpu_seconds() -> f64 {
    cpu_seconds(std::process::id()).unwrap_or_default()
}

/// What opening a store took, in a process of its own.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Opened {
    pub(crate) codes: u64,
    took: Pace,
    resident_before_bytes: u64,
    resident_after_bytes: u64,
    pub(crate) bytes_per_code: f64,
}

/// Does all of it. Says whether every promise was kept.
pub(crate) fn run(args: &CodesArgs) -> anyhow::Result<bool> {
    let dir = args.disk.scratch("codes")?;
    let machine = Machine::look(Some(dir.path()))?;
    let (first, second) = (dir.path().join("generated"), dir.path().join("imported"));
    let list = dir.path().join("codes.txt");

    say("generating");
    let (generate, texts) = generate(&first, args.count)?;
    let write_file = write_file(&list, &texts)?;
    drop(texts);
    say("proving that all are different");
    let (different_keys, different_texts) = different(&first)?;
    say("opening again");
    let open = open_elsewhere(&first)?;
    say("mistyping");
    let mistyped = mistype(&first, args)?;
    say("importing");
    let import = import(&second, &list, args.count)?;

    let found = Found {
        machine,
        count: args.count,
        generate,
        generate_per_s: per_s(args.count, generate.seconds),
        write_file,
        write_file_per_s: per_s(args.count, write_file.seconds),
        different_keys,
        different_texts,
        open,
        disk_bytes: disk_bytes(&first.join("catalog"))?,
        import,
        import_per_s: per_s(args.count, import.seconds),
        mistyped,
    };
    found.print(args.json)?;
    Ok(found.is_kept())
}

fn say(what: &str) {
    // Nobody may be listening.
    let _unheard = writeln!(io::stderr(), "{what} …");
}

/// A rate.
#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
pub(crate) fn per_s(count: u64, seconds: f64) -> f64 {
    count as f64 / seconds.max(1e-9)
}

fn tenant() -> anyhow::Result<TenantId> {
    Ok(TenantId::parse("park")?)
}

fn order() -> anyhow::Result<IssueOrder> {
    Ok(IssueOrder::plain(CampaignId::parse("codes")?))
}

/// An engine over a store that has the campaign, which says this of its codes.
fn engine_with(dir: &Path, codes: &str) -> anyhow::Result<Engine> {
    let engine = engine_in(dir, &BoxOptions::default()).map_err(|why| anyhow!(why))?;
    let document = CampaignDocument::from_toml(&campaign("codes", 1, codes))
        .map_err(|why| anyhow!("{why}"))?;
    engine.put_campaign(&tenant()?, document, Expect::Any, "loadtest")?;
    Ok(engine)
}

/// Makes the codes, each durable before it is handed out; gives back how long that took, and the
/// codes.
pub(crate) fn generate(dir: &Path, count: u64) -> anyhow::Result<(Pace, Vec<Text>)> {
    let engine = engine_with(dir, GENERATED)?;
    let mut texts: Vec<Text> = Vec::with_capacity(usize::try_from(count)?);
    let progress = ProgressBar::new(count);
    let pacing = Pacing::begin();
    let mut generation = engine.generate(&tenant()?, &order()?, count, "loadtest")?;
    loop {
        let made = generation.next_block(|code| texts.push(padded(code)))?;
        if made == 0 {
            break;
        }
        progress.inc(made);
    }
    let took = pacing.end();
    progress.finish_and_clear();
    ensure!(u64::try_from(texts.len())? == count, "{} codes came out", texts.len());
    engine.ledger().close();
    Ok((took, texts))
}

fn padded(code: &str) -> Text {
    let mut text = [0; TEXT_BYTES];
    for (cell, byte) in text.iter_mut().zip(code.bytes()) {
        *cell = byte;
    }
    text
}

/// The plain floor to compare with: the lines, and one sync at the end.
pub(crate) fn write_file(list: &Path, texts: &[Text]) -> anyhow::Result<Pace> {
    let pacing = Pacing::begin();
    let mut out = BufWriter::with_capacity(1024 * 1024, File::create(list)?);
    for text in texts {
        let len = text.iter().position(|byte| *byte == 0).unwrap_or(TEXT_BYTES);
        out.write_all(text.get(..len).unwrap_or_default())?;
        out.write_all(b"\n")?;
    }
    out.into_inner()?.sync_all()?;
    Ok(pacing.end())
}

/// How many different keys and texts are on the disk, by sorting them.
fn different(dir: &Path) -> anyhow::Result<(u64, u64)> {
    let store = catalog::Store::Embedded { dir: dir.join("catalog") };
    let options = catalog::Options { store, store_key: STORE_KEY };
    let catalog = Catalog::open(&options)?;
    let (mut keys, mut texts): (Vec<CodeKey>, Vec<Text>) = (Vec::new(), Vec::new());
    for batch in catalog.batches()? {
        catalog.rows(batch.number, 0..u32::MAX, |row| {
            keys.push(row.key);
            texts.push(padded(row.text));
            ControlFlow::Continue(())
        })?;
    }
    keys.sort_unstable();
    keys.dedup();
    texts.sort_unstable();
    texts.dedup();
    Ok((u64::try_from(keys.len())?, u64::try_from(texts.len())?))
}

/// Opens the store in a process of its own, whose memory is that of the store alone.
pub(crate) fn open_elsewhere(dir: &Path) -> anyhow::Result<Opened> {
    let mut command = Command::new(std::env::current_exe()?);
    let output = command.args(["open-box", "--dir"]).arg(dir).output()?;
    ensure!(output.status.success(), "opening: {}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Opens a store and says what that took.
pub(crate) fn open(dir: &Path) -> anyhow::Result<()> {
    let resident = || {
        let bytes = resident_bytes(std::process::id());
        bytes.context("this system does not say what memory is in use")
    };
    let resident_before_bytes = resident()?;
    let pacing = Pacing::begin();
    let engine = engine_in(dir, &BoxOptions::default()).map_err(|why| anyhow!(why))?;
    let took = pacing.end();
    let resident_after_bytes = resident()?;
    let codes = u64::try_from(engine.codes_len())?;
    let grown = resident_after_bytes.saturating_sub(resident_before_bytes);
    #[expect(clippy::cast_precision_loss, reason = "an average for people")]
    let bytes_per_code = grown as f64 / codes.max(1) as f64;
    let opened =
        Opened { codes, took, resident_before_bytes, resident_after_bytes, bytes_per_code };
    writeln!(io::stdout(), "{}", serde_json::to_string(&opened)?)?;
    Ok(())
}

/// Imports a list into a store of its own.
pub(crate) fn import(dir: &Path, list: &Path, count: u64) -> anyhow::Result<Pace> {
    let engine = engine_with(dir, IMPORTED)?;
    let progress = ProgressBar::new(count);
    let mut refused = None;
    let pacing = Pacing::begin();
    let input = BufReader::with_capacity(1024 * 1024, File::open(list)?);
    let list = List { input, format: ListFormat::Auto, trial: Trial::Real };
    let imported = engine.import(&tenant()?, &order()?, list, "loadtest", |news| match news {
        ImportNews::Refused(row) => _ = refused.get_or_insert_with(|| row.to_string()),
        ImportNews::Progress(so_far) => progress.set_position(so_far.rows),
    })?;
    let took = pacing.end();
    progress.finish_and_clear();
    engine.ledger().close();
    ensure!(imported.accepted == count, "{} were imported; {refused:?}", imported.accepted);
    Ok(took)
}

fn disk_bytes(dir: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    let mut dirs: Vec<PathBuf> = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let about = entry.metadata()?;
            if about.is_dir() {
                dirs.push(entry.path());
            } else {
                bytes += about.len();
            }
        }
    }
    Ok(bytes)
}

impl Found {
    fn is_kept(&self) -> bool {
        let different = self.different_keys == self.count && self.different_texts == self.count;
        different && self.mistyped.others == 0 && self.open.codes == self.count
    }

    fn print(&self, is_json: bool) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        if is_json {
            serde_json::to_writer_pretty(&mut out, self)?;
            return Ok(writeln!(out)?);
        }
        write_machine(&mut out, &self.machine)?;
        #[expect(clippy::cast_precision_loss, reason = "figures for people")]
        let (whole, mib) = (
            |count: u64| figure(count as f64, 0),
            |bytes: u64| figure(bytes as f64 / 1_048_576.0, 0),
        );
        let Opened { took, bytes_per_code, resident_before_bytes, resident_after_bytes, .. } =
            &self.open;
        let took_s = |pace: &Pace| {
            format!("{:.2} s ({:.2} s of processor time)", pace.seconds, pace.cpu_seconds)
        };
        let slips = &self.mistyped;
        writeln!(
            out,
            "\ngenerate    {} codes in {}: {} a second, each durable before it is handed out\n\
             write file  {}: {} a second, the same lines and one sync\n\
             different   {} keys and {} texts, by sorting what is on the disk\n\
             disk        {} MiB\n\
             open        {}; memory {} to {} MiB: {bytes_per_code:.1} bytes a code\n\
             import      {}: {} a second, {:.2} of generating\n\
             mistyped    {} codes, {} wrong characters and {} swaps of neighbours: {} malformed \
             without a look-up, {} anything else",
            whole(self.count),
            took_s(&self.generate),
            figure(self.generate_per_s, 0),
            took_s(&self.write_file),
            figure(self.write_file_per_s, 0),
            whole(self.different_keys),
            whole(self.different_texts),
            mib(self.disk_bytes),
            took_s(took),
            mib(*resident_before_bytes),
            mib(*resident_after_bytes),
            took_s(&self.import),
            figure(self.import_per_s, 0),
            self.import_per_s / self.generate_per_s,
            whole(slips.codes),
            whole(slips.wrong_characters),
            whole(slips.swaps),
            whole(slips.malformed),
            whole(slips.others),
        )?;
        Ok(())
    }
}
