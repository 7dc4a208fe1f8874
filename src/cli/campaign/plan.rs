//! What applying files would change, definition by definition and field by field.

use std::collections::HashMap;
use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::file::{Sort, Written};
use crate::cli::office::{Office, escaped};
use crate::cli::output::{Ended, cell, list, refused};

/// Longest value that is shown, in characters.
const SHOWN_CHARS: usize = 60;

/// Most slots that are shown one by one.
pub(super) const SLOTS_SHOWN: usize = 20;

/// What applying a definition would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Created,
    Edited,
    Nothing,
}

impl Change {
    fn mark(self) -> char {
        match self {
            Self::Created => '+',
            Self::Edited => '~',
            Self::Nothing => '=',
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Edited => "edited",
            Self::Nothing => "unchanged",
        }
    }
}

/// A field that would change; null: it is absent.
#[derive(Debug, PartialEq)]
struct Field {
    path: String,
    before: Value,
    after: Value,
}

/// A definition, and what applying it would do.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) written: Written,
    pub(super) change: Change,
    /// The version that is there; absent: there is none.
    pub(super) version: Option<u64>,
    fields: Vec<Field>,
}

impl Planned {
    pub(super) fn to_json(&self) -> Value {
        let Written { file, sort, id, .. } = &self.written;
        let fields: Vec<Value> = self
            .fields
            .iter()
            .map(|f| json!({ "path": f.path, "before": f.before, "after": f.after }))
            .collect();
        json!({
            "sort": sort.name(),
            "id": id,
            "file": file.display().to_string(),
            "change": self.change.word(),
            "current_version": self.version,
            "changes": fields,
        })
    }
}

/// Plans everything, or tells everything that the server finds wrong.
pub(super) fn plan(all: Vec<Written>, office: &Office) -> anyhow::Result<Vec<Planned>> {
    let mut known = HashMap::new();
    for sort in [Sort::Account, Sort::Group, Sort::Policy, Sort::Slot] {
        if all.iter().any(|one| one.sort == sort) {
            known.extend(known_of(sort, office)?);
        }
    }
    let new: Vec<(Sort, String)> = all
        .iter()
        .map(|one| (one.sort, one.id.clone()))
        .filter(|name| name.0 != Sort::Campaign && !known.contains_key(name))
        .collect();
    let mut planned = Vec::with_capacity(all.len());
    let mut mistakes = String::new();
    for written in all {
        let name = (written.sort, written.id.clone());
        let file = written.file.display().to_string();
        let found = if written.sort != Sort::Campaign {
            Ok(compare(written, known.remove(&name)))
        } else if names_any(&written.document, &new) {
            // The server could not find what only comes with this campaign, and would refuse it.
            let path = format!("/v1/campaigns/{}", escaped(&written.id));
            office.find(&path).map(|found| compare(written, found))
        } else {
            asked(written, office)
        };
        match found {
            Ok(one) => planned.push(one),
            Err(error) if error.is::<Ended>() => {
                mistakes.push_str(&format!("\n{file}: {error}"));
            }
            Err(error) => return Err(error),
        }
    }
    if mistakes.is_empty() {
        Ok(planned)
    } else {
        Err(refused(format!("nothing was changed:{mistakes}")))
    }
}

/// What the server has of one sort.
fn known_of(sort: Sort, office: &Office) -> anyhow::Result<HashMap<(Sort, String), Value>> {
    if sort == Sort::Policy {
        let found = office.find("/v1/policy")?;
        return Ok(found.map(|policy| ((sort, String::new()), policy)).into_iter().collect());
    }
    let all = office.get(&format!("/v1/{}s", sort.name()))?;
    let named = |one: &Value| ((sort, cell(one.get("id"))), one.clone());
    Ok(list(&all).iter().map(named).collect())
}

/// Whether a campaign names one of these accounts or groups.
fn names_any(campaign: &Value, new: &[(Sort, String)]) -> bool {
    let account = campaign.get("account").into_iter().map(|id| (Sort::Account, id));
    let groups = campaign.get("groups").and_then(Value::as_array).into_iter().flatten();
    let mut named = account.chain(groups.map(|id| (Sort::Group, id)));
    named.any(|(sort, id)| new.iter().any(|(s, i)| *s == sort && id.as_str() == Some(i)))
}

/// A definition against what the server has.
fn compare(written: Written, known: Option<Value>) -> Planned {
    let Some(known) = known else {
        return Planned { written, change: Change::Created, version: None, fields: Vec::new() };
    };
    let version = known.get("version").and_then(Value::as_u64);
    let before = known.get("document").cloned().unwrap_or_default();
    let mut after = written.document.clone();
    if let (Some(status), Value::Object(after)) = (before.get("status"), &mut after) {
        // What a document does not say of its status stays.
        after.entry("status").or_insert_with(|| status.clone());
    }
    let mut fields = Vec::new();
    difference("", &before, &after, &mut fields);
    let change = if fields.is_empty() { Change::Nothing } else { Change::Edited };
    Planned { written, change, version, fields }
}

/// A campaign, as the server plans it.
fn asked(written: Written, office: &Office) -> anyhow::Result<Planned> {
    let path = format!("/v1/campaigns/{}/plan", escaped(&written.id));
    let plan = office.post(&path, written.document.clone())?;
    let changes = plan.get("changes").and_then(Value::as_array).into_iter().flatten();
    let part = |change: &Value, name: &str| change.get(name).cloned().unwrap_or_default();
    let fields = changes.map(|change| Field {
        path: cell(change.get("path")),
        before: part(change, "before"),
        after: part(change, "after"),
    });
    let version = plan.get("current_version").and_then(Value::as_u64);
    let change = match plan.get("change").and_then(Value::as_str) {
        Some("created") => Change::Created,
        Some("nothing") => Change::Nothing,
        _ => Change::Edited,
    };
    Ok(Planned { fields: fields.collect(), change, version, written })
}

/// Every field that differs. Lists are compared as wholes: their order counts.
fn difference(path: &str, before: &Value, after: &Value, fields: &mut Vec<Field>) {
    if before == after {
        return;
    }
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        let (before, after) = (before.clone(), after.clone());
        return fields.push(Field { path: path.to_owned(), before, after });
    };
    let value = |of: &Map<String, Value>, name: &str| of.get(name).cloned().unwrap_or_default();
    let added = new.keys().filter(|name| !old.contains_key(*name));
    for name in old.keys().chain(added) {
        let dot = if path.is_empty() { "" } else { "." };
        difference(&format!("{path}{dot}{name}"), &value(old, name), &value(new, name), fields);
    }
}

/// The plan, for people. Of many slots only some are named.
pub(super) fn show(out: &mut dyn Write, planned: &[Planned]) -> io::Result<()> {
    let is_before = |one: &Planned| one.written.sort < Sort::Campaign;
    let (others, campaigns) = planned.split_at(planned.partition_point(is_before));
    let mut slots_by_mark = HashMap::new();
    for one in others {
        if one.written.sort == Sort::Slot {
            let count = slots_by_mark.entry(one.change.mark()).or_insert(0_usize);
            *count += 1;
            if *count > SLOTS_SHOWN {
                continue;
            }
        }
        show_one(out, one)?;
    }
    for mark in ['+', '~', '='] {
        let hidden = slots_by_mark.get(&mark).map_or(0, |count| count.saturating_sub(SLOTS_SHOWN));
        if hidden > 0 {
            writeln!(out, "{mark} and {hidden} more slots")?;
        }
    }
    campaigns.iter().try_for_each(|one| show_one(out, one))
}

fn show_one(out: &mut dyn Write, one: &Planned) -> io::Result<()> {
    let Written { sort, id, .. } = &one.written;
    let line = format!("{} {} {id}", one.change.mark(), sort.name());
    writeln!(out, "{}", line.trim_end())?;
    for Field { path, before, after } in &one.fields {
        writeln!(out, "    {path}: {} → {}", shown(before), shown(after))?;
    }
    Ok(())
}

fn shown(value: &Value) -> String {
    if value.is_null() {
        return "absent".to_owned();
    }
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or(&text)),
        None => text,
    }
}

/// How many would change how.
pub(super) fn sum(planned: &[Planned]) -> String {
    let count = |change: Change| planned.iter().filter(|one| one.change == change).count();
    let all = [Change::Created, Change::Edited, Change::Nothing];
    let parts: Vec<String> = all
        .into_iter()
        .filter(|&change| count(change) > 0)
        .map(|change| format!("{} {}", count(change), change.word()))
        .collect();
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn planned(sort: Sort, id: &str, document: Value, known: Option<Value>) -> Planned {
        let written = Written { file: PathBuf::from("a.toml"), sort, id: id.to_owned(), document };
        compare(written, known)
    }

    #[test]
    fn a_plan_says_what_would_become_of_each_definition() {
        let stored =
            |document: Value| Some(json!({ "id": "x", "version": 3, "document": document }));
        let old = json!({ "id": "summer", "uses": 1, "status": "paused", "texts": { "name": {} } });
        let new = json!({ "id": "summer", "zone": "UTC", "texts": { "name": { "en": "S" } },
                          "labels": ["x".repeat(70)] });
        let policy = json!({ "codes_max": 2 });
        let mut all = vec![
            planned(Sort::Account, "lucky", json!({ "id": "lucky" }), None),
            planned(Sort::Policy, "", policy.clone(), stored(policy)),
        ];
        for number in 0..SLOTS_SHOWN + 2 {
            all.push(planned(Sort::Slot, &format!("s{number}"), json!({}), None));
        }
        all.push(planned(Sort::Campaign, "summer", new, stored(old)));
        let mut out = Vec::new();
        assert!(show(&mut out, &all).is_ok());
        let text = String::from_utf8_lossy(&out);
        assert!(text.starts_with("+ account lucky\n= policy\n+ slot s0\n"), "{text}");
        let expected = format!(
            "+ slot s19\n+ and 2 more slots\n~ campaign summer\n    \
             texts.name.en: absent → \"S\"\n    uses: 1 → absent\n    labels: absent → [\"{}…\n    \
             zone: absent → \"UTC\"\n",
            "x".repeat(SHOWN_CHARS - 2)
        );
        assert!(text.ends_with(&expected), "{text}");
        assert_eq!(sum(&all), "23 created, 1 edited, 1 unchanged");
        assert_eq!(all.last().and_then(|one| one.version), Some(3));
    }

    #[test]
    fn what_comes_with_a_campaign_is_recognised() {
        let new = [(Sort::Account, "lucky".to_owned()), (Sort::Group, "members".to_owned())];
        assert!(names_any(&json!({ "account": "lucky" }), &new));
        assert!(names_any(&json!({ "groups": ["vip", "members"] }), &new));
        assert!(!names_any(&json!({ "account": "members", "groups": ["lucky"] }), &new));
    }
}
