//! Streams: of codes, line by line, which a blocking thread writes and a client reads; and what
//! streams of anything share.
//!
//! The channel between them is short, so a slow client slows the work down; one that stops reading
//! ends it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use utoipa::ToSchema;

use super::Hall;
use super::problem::{Kind, Problem};

/// A client that reads nothing for so long has gone.
pub(super) const STALL_MAX: Duration = Duration::from_secs(30);

/// How long a stream of what happens lasts; its client comes again by itself, and a revoked token
/// is found out.
const FOLLOW_MAX: Duration = Duration::from_secs(3_600);

/// Pieces that may wait for the client.
const PIECES_MAX: usize = 4;

/// Size from which a piece is sent, in bytes.
const PIECE_BYTES: usize = 64 * 1024;

/// How codes are written.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum LineFormat {
    /// One JSON object a line; the last says whether all went well.
    #[default]
    Ndjson,
    /// With a header; cells that a spreadsheet could take for a formula begin with `'`.
    Csv,
    /// One code a line.
    Text,
}

impl LineFormat {
    fn media_type(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Text => "text/plain; charset=utf-8",
        }
    }
}

/// The client has gone.
#[derive(Debug)]
pub(super) struct Gone;

/// The writing end.
pub(super) struct Lines {
    format: LineFormat,
    pieces: mpsc::Sender<io::Result<Bytes>>,
    runtime: Handle,
    buffer: Vec<u8>,
    _permit: OwnedSemaphorePermit,
}

impl Lines {
    /// Both ends: the response for the client, and what a blocking thread writes to.
    ///
    /// # Errors
    /// 503 when there are too many streams.
    pub(super) fn open(hall: &Arc<Hall>, format: LineFormat) -> Result<(Self, Response), Problem> {
        let permit = stream_permit(hall)?;
        let (pieces, reading) = mpsc::channel(PIECES_MAX);
        let body = Body::from_stream(stream_of(reading));
        let response = ([(CONTENT_TYPE, format.media_type())], body).into_response();
        let lines = Self {
            format,
            pieces,
            runtime: Handle::current(),
            buffer: Vec::with_capacity(PIECE_BYTES + 1_024),
            _permit: permit,
        };
        Ok((lines, response))
    }

    /// The names of the columns; only CSV shows them.
    pub(super) fn header(&mut self, columns: &[&str]) {
        if self.format == LineFormat::Csv {
            self.csv(columns.iter().copied());
        }
    }

    /// One line with these columns, of which plain text shows the first.
    pub(super) fn row(&mut self, names: &[&str], values: &[Option<String>]) -> Result<(), Gone> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        match self.format {
            LineFormat::Text => {
                self.buffer
                    .extend_from_slice(values.first().map(text).unwrap_or_default().as_bytes());
                self.buffer.push(b'\n');
            }
            LineFormat::Csv => {
                let cells: Vec<String> = values.iter().map(text).collect();
                self.csv(cells.iter().map(String::as_str));
            }
            LineFormat::Ndjson => {
                let pairs = names.iter().zip(values);
                let given = pairs
                    .filter_map(|(name, value)| Some(((*name).to_owned(), value.clone()?.into())));
                return self.json(&serde_json::Value::Object(given.collect()));
            }
        }
        self.flush_full()
    }

    /// One line with nothing but a code.
    pub(super) fn code(&mut self, code: &str) -> Result<(), Gone> {
        match self.format {
            LineFormat::Text => {
                self.buffer.extend_from_slice(code.as_bytes());
                self.buffer.push(b'\n');
            }
            LineFormat::Csv => self.csv(std::iter::once(code)),
            LineFormat::Ndjson => return self.json(&CodeLine { code }),
        }
        self.flush_full()
    }

    /// One line of NDJSON.
    pub(super) fn json(&mut self, line: &impl Serialize) -> Result<(), Gone> {
        // Writing into memory does not fail.
        let _written = serde_json::to_writer(&mut self.buffer, line);
        self.buffer.push(b'\n');
        self.flush_full()
    }

    /// All went well. NDJSON says so in its last line, or a cut could not be seen behind every
    /// proxy.
    pub(super) fn finish(mut self, last: &impl Serialize) {
        let told = match self.format {
            LineFormat::Ndjson => self.json(last),
            LineFormat::Csv | LineFormat::Text => Ok(()),
        };
        // Who has gone needs no end.
        let _gone = told.and_then(|()| self.flush());
    }

    /// It cannot go on. NDJSON says why in its last line; the other formats are cut off, which the
    /// client sees as an incomplete answer, because a line of words could be taken for a code.
    pub(super) fn fail(mut self, problem: &Problem) {
        let told = match self.format {
            LineFormat::Ndjson => self.json(&ProblemLine { problem }).and_then(|()| self.flush()),
            LineFormat::Csv | LineFormat::Text => self.flush(),
        };
        if told.is_ok() && self.format != LineFormat::Ndjson {
            // Who has gone needs no end.
            let _gone = self.send(Err(io::Error::other(problem.view().detail.clone())));
        }
    }

    fn csv<'a>(&mut self, cells: impl Iterator<Item = &'a str>) {
        let mut writer = csv::Writer::from_writer(&mut self.buffer);
        let cells: Vec<std::borrow::Cow<'a, str>> = cells.map(harmless).collect();
        // Writing into memory does not fail.
        let _written = writer.write_record(cells.iter().map(|cell| cell.as_bytes()));
        let _flushed = writer.flush();
    }

    fn flush_full(&mut self) -> Result<(), Gone> {
        if self.buffer.len() < PIECE_BYTES { Ok(()) } else { self.flush() }
    }

    /// Sends what was written so far.
    pub(super) fn flush(&mut self) -> Result<(), Gone> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let piece = Bytes::from(std::mem::take(&mut self.buffer));
        self.send(Ok(piece))
    }

    fn send(&self, piece: io::Result<Bytes>) -> Result<(), Gone> {
        self.runtime.block_on(send(&self.pieces, piece))
    }
}

/// A cell that a spreadsheet does not take for a formula.
fn harmless(cell: &str) -> std::borrow::Cow<'_, str> {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{cell}").into()
    } else {
        cell.into()
    }
}

#[derive(Serialize)]
struct CodeLine<'a> {
    code: &'a str,
}

/// The last line of a stream that failed.
#[derive(Serialize)]
pub(super) struct ProblemLine<'a> {
    pub(super) problem: &'a Problem,
}

/// The right to be one of the streams.
pub(super) fn stream_permit(hall: &Hall) -> Result<OwnedSemaphorePermit, Problem> {
    Arc::clone(&hall.streams).try_acquire_owned().map_err(|_none| {
        Problem::new(Kind::Unavailable, "there are too many streams at once")
            .hint("repeat it later with the same Idempotency-Key")
            .retry_after_ms(5_000)
    })
}

/// Sends a piece as soon as there is room for it.
///
/// # Errors
/// When the client has gone, or reads nothing for [`STALL_MAX`].
pub(super) async fn send<T>(pieces: &mpsc::Sender<T>, piece: T) -> Result<(), Gone> {
    match tokio::time::timeout(STALL_MAX, pieces.send(piece)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Gone),
    }
}

/// Does `work` until it ends, the client goes, the server drains or the time is over.
pub(super) async fn while_wanted<T>(
    hall: &Hall,
    pieces: &mpsc::Sender<T>,
    work: impl Future<Output = ()>,
) {
    tokio::select! {
        () = hall.shared.draining.cancelled() => {}
        () = pieces.closed() => {}
        () = tokio::time::sleep(FOLLOW_MAX) => {}
        () = work => {}
    }
}

/// The reading end of a channel as a stream.
pub(super) fn stream_of<T>(mut reading: mpsc::Receiver<T>) -> impl Stream<Item = T> {
    stream::poll_fn(move |context| reading.poll_recv(context))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_become_texts() {
        for (cell, written) in [("=1+1", "'=1+1"), ("-5", "'-5"), ("@a", "'@a"), ("A-1", "A-1")] {
            assert_eq!(harmless(cell), written);
        }
    }
}
