//! Taking in own codes from a list: the body streams in, what was refused streams out.

use std::io::{self, BufReader, Read};
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::Response;
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use utoipa::{IntoParams, ToSchema};

use super::body::{Path, Query, key_text};
use super::caller::By;
use super::from_json::{IssueWish, request_id};
use super::generate::order_of;
use super::lines::{LineFormat, Lines, STALL_MAX};
use super::problem::{Problem, ProblemView};
use super::{Hall, Of};
use crate::auth::role::Action;
use crate::engine::{ImportNews, Imported, IssueOrder, List, ListFormat, RowRefused, Trial};

/// Most refused rows that are told one by one; the rest is only counted. So many fit into memory:
/// many clients send everything before they read anything, and must not be made to wait for
/// themselves.
const REFUSED_TOLD_MAX: u64 = 10_000;

/// Longest message about a row, in bytes: it may show a whole field.
const MESSAGE_BYTES_MAX: usize = 512;

/// Pieces of the body that may wait to be read.
const PIECES_MAX: usize = 4;

/// How the list is written, and what its codes have in common.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ImportQuery {
    /// Only say what would happen. Default false.
    dry_run: Option<bool>,
    /// `auto`, `list`, `csv` or `ndjson`. Default `auto`.
    #[param(inline)]
    format: Option<FormatWord>,
    /// What people call the batch.
    label: Option<String>,
    /// When they were paid.
    paid_at: Option<String>,
    /// Their number of uses, where neither row nor campaign says it.
    uses: Option<u64>,
    /// Their starting balance, where the row does not say it.
    balance: Option<String>,
    /// Their first day or moment.
    valid_from: Option<String>,
    /// Their last day, or the first moment after.
    valid_until: Option<String>,
}

/// How a list is written.
#[derive(Debug, Default, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum FormatWord {
    /// As the first line looks.
    #[default]
    Auto,
    /// Codes between line ends, commas, semicolons and tabs.
    List,
    /// With a header that has a column `code`.
    Csv,
    /// One JSON value a line.
    Ndjson,
}

impl From<FormatWord> for ListFormat {
    fn from(word: FormatWord) -> Self {
        match word {
            FormatWord::Auto => Self::Auto,
            FormatWord::List => Self::List,
            FormatWord::Csv => Self::Csv,
            FormatWord::Ndjson => Self::Ndjson,
        }
    }
}

/// A row that was not taken.
#[derive(Serialize)]
struct RefusedLine {
    refused: RefusedRow,
}

#[derive(Serialize)]
struct RefusedRow {
    line: u64,
    message: String,
}

/// The last line.
#[derive(Serialize)]
struct DoneLine {
    done: bool,
    dry_run: bool,
    report: Report,
}

/// How far it is.
#[derive(Serialize)]
struct ProgressLine {
    progress: Report,
}

#[derive(Serialize)]
struct Report {
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<u32>,
    rows: u64,
    accepted: u64,
    stored_before: u64,
    refused: u64,
    /// Refused rows that were not told one by one.
    refused_untold: u64,
}

/// Take in own codes. Wrong and duplicate rows are told by line and left out; the rest goes on.
/// Repeated with the same Idempotency-Key and list, it goes on where it stopped. The answer is
/// NDJSON: `{"refused":{"line","message"}}` for each such row (the first 10,000), and at last
/// `{"done":true,"report":{…}}`, or how far it came as `{"progress":{…}}` and then
/// `{"problem":{…}}`.
#[utoipa::path(
    post, path = "/v1/campaigns/{id}/codes:import", tag = "codes",
    request_body(content = String, content_type = "application/octet-stream", description = "The list"),
    params(
        ("id" = String, Path, description = "The campaign's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it resumable"),
        ImportQuery,
    ),
    responses(
        (status = 200, description = "What became of it, line by line", content_type = "application/x-ndjson", body = String),
        (status = "4XX", body = ProblemView),
    )
)]
pub(super) async fn import(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<ImportQuery>,
    request: Request,
) -> Result<Response, Problem> {
    by.require(Action::WriteCatalog)?;
    let key = key_text(request.headers())?.map(request_id);
    let (lines, response) = Lines::open(&hall, LineFormat::Ndjson)?;
    let (begun, begins) = oneshot::channel();
    let input = input_of(request.into_body(), hall.import_bytes_max);
    let shared = Arc::clone(&hall.shared);
    hall.shared.tasks.spawn_blocking(move || {
        let trial = if query.dry_run.unwrap_or(false) { Trial::Dry } else { Trial::Real };
        let format = query.format.unwrap_or_default().into();
        let wish = IssueWish {
            label: query.label,
            paid_at: query.paid_at,
            uses: query.uses,
            balance: query.balance,
            valid_from: query.valid_from,
            valid_until: query.valid_until,
        };
        match order_of(&shared, &by, &id, &wish, key) {
            Ok(order) => {
                // Who has gone already is noticed when the body ends.
                let _gone = begun.send(Ok(()));
                let list = List { input: BufReader::new(input), format, trial };
                carry_out(&shared.engine, &by, &order, list, lines);
            }
            Err(problem) => {
                // Who has gone needs no answer.
                let _gone = begun.send(Err(problem));
            }
        }
    });
    begins.await.map_err(|error| Problem::internal(&error))??;
    Ok(response)
}

fn carry_out(
    engine: &crate::engine::Engine,
    by: &By,
    order: &IssueOrder,
    list: List<BufReader<Input>>,
    mut lines: Lines,
) {
    let dry_run = list.trial == Trial::Dry;
    let tenant = &by.caller.identity.tenant;
    let mut news = News::default();
    let done = engine.import(tenant, order, list, &by.who(), |what| news.take(&what));
    let told = news.refused.len() as u64;
    for row in &news.refused {
        if lines.json(row).is_err() {
            return;
        }
    }
    match done {
        Ok(imported) => {
            lines.finish(&DoneLine { done: true, dry_run, report: report(imported, told) });
        }
        Err(error) => {
            let progress = ProgressLine { progress: report(news.progress, told) };
            if lines.json(&progress).is_ok() {
                let hint = "what is counted as accepted is stored; repeat the whole list with the \
                            same Idempotency-Key, and it goes on there";
                lines.fail(&Problem::from(error).hint(hint));
            }
        }
    }
}

/// What is told at the end.
#[derive(Default)]
struct News {
    refused: Vec<RefusedLine>,
    progress: Imported,
}

impl News {
    fn take(&mut self, news: &ImportNews<'_>) {
        match news {
            ImportNews::Refused(row) if (self.refused.len() as u64) < REFUSED_TOLD_MAX => {
                let RowRefused { line, fault } = row;
                let mut message = fault.to_string();
                if message.len() > MESSAGE_BYTES_MAX {
                    message.truncate(message.floor_char_boundary(MESSAGE_BYTES_MAX));
                    message.push('…');
                }
                let refused = RefusedRow { line: *line, message };
                self.refused.push(RefusedLine { refused });
            }
            ImportNews::Refused(_) => {}
            ImportNews::Progress(progress) => self.progress = *progress,
        }
    }
}

fn report(imported: Imported, told: u64) -> Report {
    Report {
        batch: Some(imported.batch).filter(|batch| *batch > 0),
        rows: imported.rows,
        accepted: imported.accepted,
        stored_before: imported.stored_before,
        refused: imported.refused,
        refused_untold: imported.refused.saturating_sub(told),
    }
}

/// A body as a blocking thread reads it.
struct Input {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    piece: Bytes,
}

impl Read for Input {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.piece = piece?,
                None => return Ok(0),
            }
        }
        let count = self.piece.len().min(out.len());
        let piece = self.piece.split_to(count);
        if let Some(out) = out.get_mut(..count) {
            out.copy_from_slice(&piece);
        }
        Ok(count)
    }
}

/// Lets a task fetch the body, piece by piece; it ends when nobody reads any more, or the client
/// stalls.
fn input_of(body: Body, bytes_max: u64) -> Input {
    let (sender, pieces) = mpsc::channel(PIECES_MAX);
    Handle::current().spawn(async move {
        let mut stream = body.into_data_stream();
        let mut left = bytes_max;
        loop {
            let piece = match tokio::time::timeout(STALL_MAX, stream.next()).await {
                Ok(None) => return,
                Ok(Some(Ok(piece))) => match left.checked_sub(piece.len() as u64) {
                    Some(rest) => {
                        left = rest;
                        Ok(piece)
                    }
                    None => {
                        Err(io::Error::other(format!("the list is longer than {bytes_max} bytes")))
                    }
                },
                Ok(Some(Err(_cut))) => Err(io::Error::other("the body did not arrive whole")),
                Err(_late) => Err(io::Error::other("the body stopped coming")),
            };
            let is_last = piece.is_err();
            if sender.send(piece).await.is_err() || is_last {
                return;
            }
        }
    });
    Input { pieces, piece: Bytes::new() }
}
