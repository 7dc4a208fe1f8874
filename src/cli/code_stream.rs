//! Codes by the thousand: generated, imported, exported as streams, so that a million need little
//! memory.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use indicatif::ProgressBar;
use serde_json::{Value, json};
use ureq::http::Method;
use uuid::Uuid;

use super::code::{Export, Generate, Import, Sheet};
use super::office::{Content, Office, escaped};
use super::output::{Exit, Output, cell, table, wrong_use};

/// How much is copied at once.
const COPY_BYTES: usize = 64 << 10;

pub(super) fn generate(wish: &Generate, office: &Office, output: Output) -> anyhow::Result<Exit> {
    let format = &wish.sheet.format;
    let path = format!(
        "/v1/campaigns/{}/codes:generate?count={}&format={format}{}",
        escaped(&wish.campaign),
        wish.count,
        wish.common.query()
    );
    let id = wish.common.request.unwrap_or_else(Uuid::now_v7).to_string();
    let mut sink = Sink::open(&wish.sheet)?;
    let headers = [("idempotency-key", id.as_str())];
    let stream = office.stream(Method::POST, &path, Content::Nothing, &headers)?;
    let bar = output.progress("generating", wish.count);
    let copied = copy(BufReader::with_capacity(COPY_BYTES, stream), &mut sink, format, &bar);
    bar.finish_and_clear();
    let again = || format!("go on with: --request {id}");
    let codes = copied.with_context(again)?;
    if codes != wish.count {
        return Err(anyhow::anyhow!("only {codes} of {} codes came", wish.count))
            .with_context(again);
    }
    let file = sink.finish()?;
    say(output, file.as_deref(), &json!({ "codes": codes, "file": file, "request": id }))
}

pub(super) fn export(wish: &Export, office: &Office, output: Output) -> anyhow::Result<Exit> {
    let format = &wish.sheet.format;
    let filter = wish.filter.query();
    let path = format!("/v1/batches/{}/codes?format={format}{filter}", wish.batch);
    let mut sink = Sink::open(&wish.sheet)?;
    let stream = office.stream(Method::GET, &path, Content::Nothing, &[])?;
    let bar = output.progress("exporting", 0);
    let copied = copy(BufReader::with_capacity(COPY_BYTES, stream), &mut sink, format, &bar);
    bar.finish_and_clear();
    let codes = copied?;
    let file = sink.finish()?;
    say(output, file.as_deref(), &json!({ "codes": codes, "file": file, "batch": wish.batch }))
}

/// Has unused codes removed, and says of which campaigns.
pub(super) fn prune(dry_run: bool, office: &Office, output: Output) -> anyhow::Result<Exit> {
    let content = Content::Json(json!({ "dry_run": dry_run }));
    let stream = office.stream(Method::POST, "/v1/codes/prune", content, &[])?;
    let mut campaigns = Vec::new();
    for line in BufReader::new(stream).lines() {
        let line = line.context("the stream broke off")?;
        let said: Value = serde_json::from_str(&line).context("the server's answer is no JSON")?;
        if said.get("campaign").is_some() {
            campaigns.push(said);
            continue;
        }
        end_of(line.as_bytes())?;
        let document = json!({ "dry_run": dry_run, "campaigns": campaigns, "sum": said });
        output.answer(&document, |out| {
            let columns = ["campaign", "removed", "kept_used", "kept_valid"];
            let heads = ["CAMPAIGN", if dry_run { "WOULD GO" } else { "REMOVED" }, "USED", "VALID"];
            let mut rows = vec![heads.map(str::to_owned).to_vec()];
            for one in &campaigns {
                rows.push(columns.map(|name| cell(one.get(name))).to_vec());
            }
            table(out, &rows)
        })?;
        return Ok(Exit::Yes);
    }
    bail!("the stream broke off")
}

/// The report, unless standard output has the codes.
fn say(output: Output, file: Option<&Path>, document: &Value) -> anyhow::Result<Exit> {
    let codes = cell(document.get("codes"));
    match file {
        Some(file) => output.line(document, &format!("{codes} codes in {}", file.display()))?,
        None => output.note(&format!("{codes} codes")),
    }
    Ok(Exit::Yes)
}

/// Copies lines and counts codes. NDJSON says at its end whether all went well; the other formats
/// break off.
fn copy(
    mut from: impl BufRead,
    to: &mut Sink,
    format: &str,
    bar: &ProgressBar,
) -> anyhow::Result<u64> {
    let mut codes = 0;
    let mut line = Vec::with_capacity(256);
    let mut is_heading = format == "csv";
    while from.read_until(b'\n', &mut line).context("the stream broke off")? > 0 {
        if format == "ndjson" && !is_code(&line) {
            return end_of(&line).map(|()| codes);
        }
        to.write_all(&line)?;
        if is_heading {
            is_heading = false;
        } else {
            codes += 1;
            bar.inc(1);
        }
        line.clear();
    }
    if format == "ndjson" { bail!("the stream broke off") } else { Ok(codes) }
}

/// Whether a line of NDJSON is a code's, not the end's.
fn is_code(line: &[u8]) -> bool {
    // Codes are by far the most lines, and begin with their name.
    line.starts_with(b"{\"code\":")
        || serde_json::from_slice::<Value>(line).is_ok_and(|line| line.get("code").is_some())
}

/// The last line of NDJSON: all is done, or why not.
fn end_of(line: &[u8]) -> anyhow::Result<()> {
    let last: Value = serde_json::from_slice(line).context("the stream broke off")?;
    if last.get("done").is_some() {
        return Ok(());
    }
    bail!("{}", problem_text(&last))
}

fn problem_text(line: &Value) -> String {
    let problem = line.get("problem").unwrap_or(line);
    let part = |name: &str| problem.get(name).and_then(Value::as_str);
    match (part("detail").or_else(|| part("title")), part("hint")) {
        (Some(detail), Some(hint)) => format!("{detail}; {hint}"),
        (Some(detail), None) => detail.to_owned(),
        (None, _) => line.to_string(),
    }
}

/// Where codes go: standard output, or a file that appears when it is whole.
struct Sink {
    out: BufWriter<Box<dyn Write>>,
    file: Option<(PathBuf, PathBuf)>,
}

impl Sink {
    fn open(sheet: &Sheet) -> anyhow::Result<Self> {
        let Some(file) = &sheet.out else {
            let out: Box<dyn Write> = Box::new(io::stdout().lock());
            return Ok(Self { out: BufWriter::with_capacity(COPY_BYTES, out), file: None });
        };
        if file.exists() {
            return Err(wrong_use(format!("{} exists already", file.display())));
        }
        let mut part = file.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let mut open = OpenOptions::new();
        let handle = open.write(true).create(true).truncate(true).mode(0o600).open(&part);
        let handle = handle.with_context(|| part.display().to_string())?;
        let out: Box<dyn Write> = Box::new(handle);
        let out = BufWriter::with_capacity(COPY_BYTES, out);
        Ok(Self { out, file: Some((part, file.clone())) })
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)
    }

    /// The file, whole and durable.
    fn finish(mut self) -> anyhow::Result<Option<PathBuf>> {
        self.out.flush()?;
        let Some((part, file)) = self.file else { return Ok(None) };
        File::open(&part)?.sync_all()?;
        std::fs::rename(&part, &file)?;
        Ok(Some(file))
    }
}

pub(super) fn import(wish: &Import, office: &Office, output: Output) -> anyhow::Result<Exit> {
    let (input, bytes) = open_input(&wish.file)?;
    let path = format!(
        "/v1/campaigns/{}/codes:import?dry_run={}&format={}{}",
        escaped(&wish.campaign),
        wish.dry_run,
        wish.format,
        wish.common.query()
    );
    let id = wish.common.request.unwrap_or_else(Uuid::now_v7).to_string();
    let bar = output.progress("importing", bytes);
    let input = Box::new(bar.wrap_read(input));
    let headers = [("idempotency-key", id.as_str())];
    let stream = office.stream(Method::POST, &path, Content::Stream(input), &headers)?;
    let told = follow(BufReader::new(stream), output, &bar);
    bar.finish_and_clear();
    let report = told.with_context(|| format!("go on with: --request {id}"))?;
    let count = |name: &str| report.get(name).and_then(Value::as_u64).unwrap_or(0);
    let refused = count("refused");
    if !output.is_for_programs() {
        let verb = if wish.dry_run { "would be taken in" } else { "taken in" };
        let (rows, accepted, before) = (count("rows"), count("accepted"), count("stored_before"));
        let before = if before > 0 { format!(", {before} were there") } else { String::new() };
        let line = format!("{rows} rows: {accepted} {verb}, {refused} refused{before}");
        output.line(&report, &line)?;
    }
    Ok(Exit::of(refused == 0))
}

/// Tells what the server says while it reads; gives its last line, the report.
fn follow(from: impl BufRead, output: Output, bar: &ProgressBar) -> anyhow::Result<Value> {
    let mut last = Value::Null;
    for line in from.lines() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let said: Value = serde_json::from_str(&line).context("the server's answer is no JSON")?;
        if output.is_for_programs() {
            writeln!(io::stdout().lock(), "{line}")?;
        } else if let Some(row) = said.get("refused") {
            let (number, why) = (cell(row.get("line")), cell(row.get("message")));
            bar.suspend(|| writeln!(io::stdout().lock(), "line {number}: {why}"))?;
        }
        last = said;
    }
    match last.get("report") {
        Some(report) => Ok(report.clone()),
        None if last.get("problem").is_some() => bail!("{}", problem_text(&last)),
        None => bail!("the stream broke off"),
    }
}

fn open_input(file: &Path) -> anyhow::Result<(Box<dyn Read + Send>, u64)> {
    if file == Path::new("-") {
        return Ok((Box::new(io::stdin()), 0));
    }
    let handle = File::open(file).with_context(|| file.display().to_string())?;
    let bytes = handle.metadata()?.len();
    Ok((Box::new(handle), bytes))
}
