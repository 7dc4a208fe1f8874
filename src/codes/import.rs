//! Reading lists of own codes: pasted in any shape, CSV with a header, or NDJSON.
//!
//! It splits text into rows and goes on after a bad one. What a code or a field means, and
//! whether it exists already, is the caller's: codes come out as they were written.
//!
//! Invariants: memory depends on [`LINE_BYTES_MAX`] alone, whatever is read; whatever looks like a
//! row comes out as one, or as an error with the number of its line; no input panics.

mod csv;

use std::io::{self, BufRead, Read as _};
use std::ops::Range;

use serde_json::Value;

/// Longest line in bytes, its end included. Lists on one line may be longer; their items not.
pub const LINE_BYTES_MAX: usize = 64 * 1024;

/// How the input is written. UTF-8 in each case, with or without a byte order mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Decided by the first line with content: `{` begins NDJSON, a field called `code` makes it
    /// a CSV header, everything else is a list.
    #[default]
    Auto,
    /// Codes between line ends, commas, semicolons and tabs; quotes and brackets around them are
    /// dropped. Blanks and dashes belong to the code.
    List,
    /// Fields between commas, semicolons or tabs (whichever the header has most of), in double
    /// quotes if need be, doubled inside. The header names the columns and has one called `code`.
    /// A field cannot contain a line end: so an unclosed quote spoils its own line only.
    Csv,
    /// One JSON value a line: an object with a field `code`, or the code as a string.
    Ndjson,
}

/// One code and what was written beside it.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    /// The line it is on, from 1.
    pub line: u64,
    /// The code as written, without blanks and quotes around it; never empty.
    pub code: &'a str,
    names: &'a [String],
    /// Where in `text` the values are, in the order of the names.
    values: &'a [Range<usize>],
    text: &'a str,
}

impl<'a> Row<'a> {
    /// The field of this name: lower case, `_` for blanks and dashes (`valid_from`). An empty
    /// field is none.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'a str> {
        self.fields().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The fields that are not empty, by name, without the code.
    pub fn fields(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let text = self.text;
        let value = move |at: &Range<usize>| text.get(at.clone()).unwrap_or_default();
        let pairs = self.names.iter().zip(self.values);
        pairs.map(move |(name, at)| (name.as_str(), value(at))).filter(|(_, v)| !v.is_empty())
    }
}

/// A line that gives no row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct RowError {
    /// The line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: Reason,
}

/// Why a line gives no row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// Longer than [`LINE_BYTES_MAX`].
    #[error("longer than {LINE_BYTES_MAX} bytes")]
    TooLong,
    /// Another encoding.
    #[error("not UTF-8: save the file with this encoding")]
    NotUtf8,
    /// The header of a CSV file has no column for the code, or two. As after every error in
    /// a header, nothing else is read.
    #[error("the header needs exactly one column called `code`")]
    NoCodeColumn,
    /// The code is missing or empty.
    #[error("no code")]
    NoCode,
    /// A quote that is not closed on its line.
    #[error("a quote is not closed")]
    UnclosedQuote,
    /// Something between a closing quote and the next delimiter.
    #[error("text after a closing quote")]
    TextAfterQuote,
    /// A field beyond the last column of the header.
    #[error("more fields than the header's {columns}")]
    TooManyFields {
        /// Columns in the header.
        columns: usize,
    },
    /// Not JSON.
    #[error("not JSON (column {column})")]
    NotJson {
        /// Where reading stopped, from 1.
        column: usize,
    },
    /// JSON, but neither an object nor a string.
    #[error("neither an object with a field `code` nor a string")]
    NotAnObject,
    /// A field holds a list or an object.
    #[error("the field `{name}` is neither text nor a number")]
    FieldNotText {
        /// The field.
        name: String,
    },
}

/// Reads rows one by one.
pub struct Rows<R> {
    input: R,
    format: Format,
    /// Bytes read and not yet done with.
    line: Vec<u8>,
    /// Where the complete part of `line` ends. Only a list line that is longer than the limit is
    /// ever incomplete: it is taken in pieces that end at a separator.
    line_end: usize,
    /// Whether the line goes on behind `line`.
    line_goes_on: bool,
    line_number: u64,
    /// Where the next item of a list begins in `line`.
    cursor: usize,
    columns: Option<Columns>,
    is_over: bool,
    code: String,
    names: Vec<String>,
    values: Vec<Range<usize>>,
    /// The values of one row, one behind the other.
    text: String,
}

/// What the header of a CSV file says beside the names.
#[derive(Clone, Copy)]
struct Columns {
    delimiter: char,
    /// Which column is the code.
    code: usize,
}

/// What was read next.
enum Step {
    /// A row, in `code`, `names`, `values` and `text`.
    Row,
    /// Nothing to report: go on.
    Nothing,
    End,
}

impl<R: BufRead> Rows<R> {
    /// Rows of `input`, from its beginning.
    pub fn new(input: R, format: Format) -> Self {
        Self {
            input,
            format,
            line: Vec::new(),
            line_end: 0,
            line_goes_on: false,
            line_number: 0,
            cursor: 0,
            columns: None,
            is_over: false,
            code: String::new(),
            names: Vec::new(),
            values: Vec::new(),
            text: String::new(),
        }
    }

    /// The next row or the next bad line; `None` at the end.
    ///
    /// # Errors
    /// Those of the input. What is wrong with a line is inside, and the next call goes on.
    pub fn next_row(&mut self) -> io::Result<Option<Result<Row<'_>, RowError>>> {
        loop {
            let step = if self.cursor < self.line_end {
                self.list_item()
            } else if self.is_over {
                Ok(Step::End)
            } else {
                self.read_line()?.and_then(|step| match step {
                    Step::Row => self.take_line(),
                    Step::Nothing | Step::End => Ok(step),
                })
            };
            match step {
                Ok(Step::Nothing) => {}
                Ok(Step::End) => return Ok(None),
                Ok(Step::Row) => break,
                Err(reason) => {
                    // Without its header, there is nothing to relate a CSV line to.
                    self.is_over |= self.format == Format::Csv && self.columns.is_none();
                    return Ok(Some(Err(RowError { line: self.line_number, reason })));
                }
            }
        }
        Ok(Some(Ok(Row {
            line: self.line_number,
            code: &self.code,
            names: &self.names,
            values: &self.values,
            text: &self.text,
        })))
    }

    /// Fills `line` with the next line, or with the next piece of a long list line. `Row` means
    /// that there is something in it.
    fn read_line(&mut self) -> io::Result<Result<Step, Reason>> {
        self.line.drain(..self.line_end);
        (self.line_end, self.cursor) = (0, 0);
        if !self.line_goes_on {
            self.line_number += 1;
        }
        let is_complete = self.read_piece()?;
        if self.line.is_empty() {
            self.is_over = true;
            return Ok(Ok(Step::End));
        }
        if self.line_number == 1 && !self.line_goes_on && self.line.starts_with(b"\xEF\xBB\xBF") {
            self.line.drain(..3);
        }
        if self.line.iter().all(u8::is_ascii_whitespace) && is_complete {
            (self.line_end, self.cursor) = (self.line.len(), self.line.len());
            self.line_goes_on = false;
            return Ok(Ok(Step::Nothing));
        }
        if self.format == Format::Auto {
            self.format = detect(&self.line);
        }
        let last_separator = match self.format {
            Format::List => self.line.iter().rposition(is_list_separator),
            Format::Auto | Format::Csv | Format::Ndjson => None,
        };
        self.line_goes_on = !is_complete;
        match (is_complete, last_separator) {
            (true, _) => self.line_end = self.line.len(),
            (false, Some(at)) => self.line_end = at + 1,
            (false, None) => {
                self.skip_line()?;
                return Ok(Err(Reason::TooLong));
            }
        }
        Ok(Ok(Step::Row))
    }

    /// Appends to `line`, up to the limit. Whether the line ends there.
    fn read_piece(&mut self) -> io::Result<bool> {
        let room = LINE_BYTES_MAX - self.line.len();
        let mut piece = self.input.by_ref().take(room as u64);
        let len = piece.read_until(b'\n', &mut self.line)?;
        Ok(len < room || self.line.last() == Some(&b'\n'))
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            self.line.clear();
            if self.read_piece()? {
                break;
            }
        }
        self.line.clear();
        self.line_goes_on = false;
        Ok(())
    }

    /// Makes a row of the line; of a list, its first item.
    fn take_line(&mut self) -> Result<Step, Reason> {
        match self.format {
            Format::Auto | Format::List => return self.list_item(),
            Format::Csv | Format::Ndjson => self.cursor = self.line_end,
        }
        let line = std::mem::take(&mut self.line);
        let step = match str::from_utf8(&line) {
            Err(_) => Err(Reason::NotUtf8),
            Ok(text) if self.format == Format::Ndjson => self.json(text.trim_end()),
            Ok(text) => match self.columns {
                Some(columns) => self.csv_record(text, columns),
                None => self.csv_header(text),
            },
        };
        self.line = line;
        step
    }

    fn list_item(&mut self) -> Result<Step, Reason> {
        let rest = self.line.get(self.cursor..self.line_end).unwrap_or_default();
        let len = rest.iter().position(is_list_separator).unwrap_or(rest.len());
        self.cursor += len + 1;
        let item = str::from_utf8(rest.get(..len).unwrap_or_default());
        let item = item.map_err(|_| Reason::NotUtf8)?.trim_matches(is_wrapping);
        self.code.clear();
        self.code.push_str(item);
        Ok(if item.is_empty() { Step::Nothing } else { Step::Row })
    }

    fn csv_header(&mut self, line: &str) -> Result<Step, Reason> {
        let count = |delimiter| line.matches(delimiter).count();
        let delimiter = [',', ';', '\t'].into_iter().rev().max_by_key(|d| count(*d));
        let delimiter = delimiter.unwrap_or(',');
        self.names.clear();
        csv::split(line, delimiter, |_, cell| {
            self.names.push(field_name(cell));
            Ok(())
        })?;
        let mut codes = self.names.iter().enumerate().filter(|(_, name)| *name == "code");
        let (Some((code, _)), None) = (codes.next(), codes.next()) else {
            return Err(Reason::NoCodeColumn);
        };
        self.columns = Some(Columns { delimiter, code });
        Ok(Step::Nothing)
    }

    fn csv_record(&mut self, line: &str, columns: Columns) -> Result<Step, Reason> {
        self.clear_row();
        let mut is_blank = true;
        csv::split(line, columns.delimiter, |at, cell| {
            is_blank &= cell.is_empty();
            if at >= self.names.len() && !cell.is_empty() {
                return Err(Reason::TooManyFields { columns: self.names.len() });
            }
            if at == columns.code {
                self.code.push_str(cell);
                self.push_value("");
            } else {
                self.push_value(cell);
            }
            Ok(())
        })?;
        match (is_blank, self.code.is_empty()) {
            (true, _) => Ok(Step::Nothing),
            (false, true) => Err(Reason::NoCode),
            (false, false) => Ok(Step::Row),
        }
    }

    fn clear_row(&mut self) {
        self.code.clear();
        self.values.clear();
        self.text.clear();
    }

    fn push_value(&mut self, value: &str) {
        let start = self.text.len();
        self.text.push_str(value);
        self.values.push(start..self.text.len());
    }

    fn json(&mut self, line: &str) -> Result<Step, Reason> {
        self.clear_row();
        self.names.clear();
        let value = serde_json::from_str(line);
        match value.map_err(|error| Reason::NotJson { column: error.column() })? {
            Value::String(code) => self.code.push_str(code.trim()),
            Value::Object(fields) => {
                for (name, value) in fields {
                    let name = field_name(&name);
                    let value = match value {
                        Value::Null => continue,
                        Value::String(text) => text.trim().to_owned(),
                        Value::Bool(_) | Value::Number(_) => value.to_string(),
                        Value::Array(_) | Value::Object(_) => {
                            return Err(Reason::FieldNotText { name });
                        }
                    };
                    if name == "code" {
                        self.code = value;
                    } else {
                        self.names.push(name);
                        self.push_value(&value);
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
                return Err(Reason::NotAnObject);
            }
        }
        if self.code.is_empty() { Err(Reason::NoCode) } else { Ok(Step::Row) }
    }
}

/// The format of an input whose first line with content begins with `line`.
fn detect(line: &[u8]) -> Format {
    let is_code = |field: &[u8]| {
        let field = field.trim_ascii();
        let field = field.strip_prefix(b"\"").and_then(|f| f.strip_suffix(b"\"")).unwrap_or(field);
        field.trim_ascii().eq_ignore_ascii_case(b"code")
    };
    if line.trim_ascii_start().starts_with(b"{") {
        Format::Ndjson
    } else if line.split(is_list_separator).any(is_code) {
        Format::Csv
    } else {
        Format::List
    }
}

fn is_list_separator(byte: &u8) -> bool {
    matches!(byte, b',' | b';' | b'\t' | b'\r' | b'\n')
}

/// What stands around a pasted code: blanks, quotes of any language, brackets of a JSON list.
fn is_wrapping(character: char) -> bool {
    matches!(character,
        ' ' | '"' | '\'' | '`' | '[' | ']' | '\u{201A}'..='\u{201F}' | '\u{2018}'..='\u{2019}'
        | '«' | '»' | '‹' | '›'
    ) || character.is_whitespace()
}

fn field_name(text: &str) -> String {
    text.trim().to_lowercase().replace([' ', '-'], "_")
}

#[cfg(test)]
mod tests;
