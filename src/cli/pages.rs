//! Lists that the server gives in pages.

use serde_json::{Value, json};

use super::office::{Office, escaped};
use super::output::Output;

/// Most things in one answer of the server.
const PAGE_MAX: usize = 1_000;

/// What was read of a list.
pub(super) struct Listed {
    /// The things, in order.
    pub(super) rows: Vec<Value>,
    /// Where to read on; absent: that was all.
    pub(super) after: Option<String>,
}

impl Listed {
    /// Reads at most `most` of what is under `name` in the server's answers, page by page.
    pub(super) fn read(
        office: &Office,
        path: &str,
        wish: &str,
        name: &str,
        (most, after): (usize, Option<&str>),
    ) -> anyhow::Result<Self> {
        let mut listed = Self { rows: Vec::new(), after: after.map(str::to_owned) };
        loop {
            let limit = most.saturating_sub(listed.rows.len()).min(PAGE_MAX);
            let after = query(&[("after", listed.after.as_deref())]);
            let mut page = office.get(&format!("{path}?limit={limit}{wish}{after}"))?;
            listed.after = page.get("after").and_then(Value::as_str).map(str::to_owned);
            if let Some(Value::Array(rows)) = page.get_mut(name) {
                listed.rows.append(rows);
            }
            if listed.after.is_none() || listed.rows.len() >= most {
                return Ok(listed);
            }
        }
    }

    /// The whole as one document.
    pub(super) fn document(&self, name: &str) -> Value {
        let mut document = json!({ name: self.rows });
        if let (Value::Object(fields), Some(after)) = (&mut document, &self.after) {
            fields.insert("after".to_owned(), after.as_str().into());
        }
        document
    }

    /// Tells people how to read on.
    pub(super) fn note(&self, output: Output) {
        if let Some(after) = &self.after {
            output.note(&format!("there are more; read on with: --after {after}"));
        }
    }
}

/// What is given, as further parts of a query.
pub(super) fn query(parts: &[(&str, Option<&str>)]) -> String {
    let given = parts.iter().filter_map(|(name, value)| Some((name, (*value)?)));
    given.map(|(name, value)| format!("&{name}={}", escaped(value))).collect()
}
