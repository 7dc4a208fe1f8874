//! Reading documents, and saying of each mistake where it is and what was probably meant.

use std::fmt::Display;

use serde::de::DeserializeOwned;
use serde_path_to_error::{Segment, deserialize};

use super::{CampaignDocument, FieldError};

/// Longest document that is read, in bytes: a megabyte, for long lists of products.
pub const DOCUMENT_BYTES_MAX: usize = 1 << 20;

/// Longest bundle that is read, in bytes: ten thousand slots and a campaign or two.
pub const BUNDLE_BYTES_MAX: usize = 8 << 20;

impl CampaignDocument {
    /// Reads a document from JSON.
    ///
    /// # Errors
    /// When it is longer than [`DOCUMENT_BYTES_MAX`], no JSON, or has wrong or unknown fields.
    pub fn from_json(text: &str) -> Result<Self, FieldError> {
        json(text, DOCUMENT_BYTES_MAX)
    }

    /// Reads a document from TOML.
    ///
    /// # Errors
    /// When it is longer than [`DOCUMENT_BYTES_MAX`], no TOML, or has wrong or unknown fields.
    pub fn from_toml(text: &str) -> Result<Self, FieldError> {
        toml(text, DOCUMENT_BYTES_MAX)
    }
}

/// Reads any document from JSON.
pub(super) fn json<T: DeserializeOwned>(text: &str, bytes_max: usize) -> Result<T, FieldError> {
    check_length(text, bytes_max)?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let document = deserialize(&mut reader).map_err(|error| {
        // The message ends with the line and column already.
        mistake(error.path(), &error.inner().to_string())
    })?;
    reader.end().map_err(|error| unreadable(&error))?;
    Ok(document)
}

/// Reads any document from TOML.
pub(super) fn toml<T: DeserializeOwned>(text: &str, bytes_max: usize) -> Result<T, FieldError> {
    check_length(text, bytes_max)?;
    let reader = toml::Deserializer::parse(text).map_err(|error| unreadable(&error))?;
    deserialize(reader).map_err(|error| {
        let (path, inner) = (error.path(), error.inner());
        let message = match inner.span() {
            Some(span) => format!("{} at {}", inner.message(), place(text, span.start)),
            None => inner.message().to_owned(),
        };
        mistake(path, &message)
    })
}

/// The line and column of a byte.
fn place(text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
    format!("line {line} column {column}")
}

fn check_length(text: &str, bytes_max: usize) -> Result<(), FieldError> {
    if text.len() <= bytes_max {
        return Ok(());
    }
    let message = format!("the document has {} bytes; at most {bytes_max} are read", text.len());
    Err(FieldError { path: String::new(), message, suggestion: None })
}

pub(super) fn unreadable(error: &dyn Display) -> FieldError {
    let message = error.to_string().trim_end().to_owned();
    FieldError { path: String::new(), message, suggestion: None }
}

/// A mistake that the reader found: `message` names in backticks what was found, and after
/// "expected" what would have been right.
fn mistake(path: &serde_path_to_error::Path, message: &str) -> FieldError {
    let is_known = path.iter().all(|segment| !matches!(segment, Segment::Unknown));
    let mut path = if is_known && path.iter().len() > 0 { path.to_string() } else { String::new() };
    let (found, expected) = message.split_once("expected").unwrap_or((message, ""));
    let suggestion = match (found.strip_prefix("unknown "), quoted(found).next()) {
        (Some(what), Some(word)) => {
            if what.starts_with("field") && !path.ends_with(word) {
                // Fields of a rule are only known once its type is, so the reader lost this step.
                path.extend([if path.is_empty() { "" } else { "." }, word]);
            }
            similar(word, quoted(expected))
        }
        _ => None,
    };
    let message = match (&suggestion, message.rsplit_once(" at line ")) {
        // Who knows what was meant need not read a list of everything that could have been.
        (Some(_), Some((_, place))) => {
            format!("{} at line {place}", found.trim_end().trim_end_matches(','))
        }
        _ => message.trim_end().to_owned(),
    };
    FieldError { path, message, suggestion }
}

/// What stands in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The known word that differs least from `word`, if it is a misspelling and not another word.
pub(super) fn similar<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let written = word.to_lowercase();
    let distance = |known: &str| strsim::damerau_levenshtein(&written, known);
    let (distance, best) =
        known.map(|known| (distance(known), known)).min_by_key(|(distance, _)| *distance)?;
    (distance <= (written.chars().count() / 3).max(1)).then(|| best.to_owned())
}
