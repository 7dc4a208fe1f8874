//! What a command says: short lines for people, or exactly one JSON document for programs.
//!
//! Everything goes through [`Output`]. A reader that goes away early, as `head` does, ends the
//! program quietly and never with a panic.

use std::io::{self, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::Value;

/// How a command ended, as the shell sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done; the answer is yes.
    Yes,
    /// 1: the answer is no.
    Refused,
    /// 2: the command cannot be understood, or what it was given is wrong.
    WrongUse,
    /// 3: something failed.
    Error,
}

impl Exit {
    /// The number.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Yes => 0,
            Self::Refused => 1,
            Self::WrongUse => 2,
            Self::Error => 3,
        }
    }

    /// Yes or no.
    #[must_use]
    pub const fn of(is_yes: bool) -> Self {
        if is_yes { Self::Yes } else { Self::Refused }
    }
}

/// A failure that is not the usual [`Exit::Error`].
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(super) struct Ended {
    pub(super) exit: Exit,
    pub(super) text: String,
}

/// The command was used wrongly.
pub(super) fn wrong_use(text: impl Into<String>) -> anyhow::Error {
    Ended { exit: Exit::WrongUse, text: text.into() }.into()
}

/// Somebody said no.
pub(super) fn refused(text: impl Into<String>) -> anyhow::Error {
    Ended { exit: Exit::Refused, text: text.into() }.into()
}

/// Who reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    People,
    Programs,
}

/// Where a command's answer goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    reader: Reader,
}

impl Output {
    pub(super) const fn new(reader: Reader) -> Self {
        Self { reader }
    }

    pub(super) fn is_for_programs(self) -> bool {
        self.reader == Reader::Programs
    }

    /// The answer: `document` for programs, what `tell` writes for people.
    pub(super) fn answer(
        self,
        document: &impl Serialize,
        tell: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        match self.reader {
            Reader::Programs => {
                serde_json::to_writer(&mut out, document)?;
                out.write_all(b"\n")?;
            }
            Reader::People => tell(&mut out)?,
        }
        Ok(out.flush()?)
    }

    /// The answer in one line.
    pub(super) fn line(self, document: &impl Serialize, line: &str) -> anyhow::Result<()> {
        self.answer(document, |out| writeln!(out, "{line}"))
    }

    /// Something for people that is not the answer.
    pub(super) fn note(self, line: &str) {
        if self.reader == Reader::People {
            // Nobody is there to be told that nobody is there.
            let _gone = writeln!(io::stderr().lock(), "{line}");
        }
    }

    /// A failure.
    pub(super) fn failure(self, exit: Exit, text: &str) {
        let _gone = writeln!(io::stderr().lock(), "error: {text}");
        if self.reader == Reader::Programs {
            let document = serde_json::json!({
                "ok": false, "error": text, "exit": exit.number(),
            });
            let _gone = writeln!(io::stdout().lock(), "{document}");
        }
    }

    /// A bar on standard error, if it is a terminal.
    pub(super) fn progress(self, what: &'static str, len: u64) -> ProgressBar {
        if self.reader == Reader::Programs || !io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let template = "{msg} {wide_bar} {human_pos}/{human_len} {per_sec} {eta}";
        let style =
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        ProgressBar::new(len).with_style(style).with_message(what)
    }
}

/// Rows in aligned columns, the first row being the heading.
pub(super) fn table(out: &mut dyn Write, rows: &[Vec<String>]) -> io::Result<()> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width - cell.chars().count() + 2));
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// A value of a document as a cell: texts without quotes, nothing for null.
pub(super) fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// The list in a document: the document itself, or the only list inside it.
pub(super) fn list(document: &Value) -> &[Value] {
    match document {
        Value::Array(list) => list,
        Value::Object(fields) => {
            fields.values().find_map(Value::as_array).map_or(&[], Vec::as_slice)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => &[],
    }
}

/// Fields and values, one a line, aligned; fields inside fields are indented.
pub(super) fn fields(out: &mut dyn Write, document: &Value, indent: usize) -> io::Result<()> {
    let Value::Object(all) = document else {
        return writeln!(out, "{:indent$}{}", "", cell(Some(document)));
    };
    let width = all.keys().map(String::len).max().unwrap_or(0);
    for (name, value) in all {
        match value {
            Value::Null => {}
            Value::Array(list) if list.iter().any(Value::is_object) => {
                writeln!(out, "{:indent$}{name}:", "")?;
                for one in list {
                    fields(out, one, indent + 2)?;
                }
            }
            Value::Object(_) => {
                writeln!(out, "{:indent$}{name}:", "")?;
                fields(out, value, indent + 2)?;
            }
            Value::Array(_) | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                writeln!(out, "{:indent$}{name:width$}  {}", "", cell(Some(value)))?;
            }
        }
    }
    Ok(())
}
