//! The JSON Schema of campaign files, made from the documents' own types.

use serde_json::{Map, Value, json};
use utoipa::{PartialSchema, ToSchema};

use super::{BundleDocument, CampaignDocument};

/// Where a schema of an HTTP interface has its parts, and where one that stands alone has them.
const PARTS: (&str, &str) = ("#/components/schemas/", "#/$defs/");

/// The JSON Schema (2020-12) of what a campaign file holds: one campaign, or a bundle.
#[must_use]
pub fn schema() -> Value {
    let mut parts = vec![
        ("CampaignDocument".to_owned(), CampaignDocument::schema()),
        ("BundleDocument".to_owned(), BundleDocument::schema()),
    ];
    BundleDocument::schemas(&mut parts);
    CampaignDocument::schemas(&mut parts);
    let loose: Map<String, Value> = parts
        .into_iter()
        // A schema of texts and numbers only can always be written down.
        .map(|(name, part)| (name, serde_json::to_value(part).unwrap_or_default()))
        .collect();
    let strict: Map<String, Value> =
        loose.iter().map(|(name, part)| (name.clone(), strict(part, &loose))).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "jeton campaign file",
        "description": "One campaign, or a bundle of campaigns and what they refer to.",
        "if": { "anyOf": [{ "required": ["id"] }, { "required": ["kind"] }] },
        "then": { "$ref": "#/$defs/CampaignDocument" },
        "else": { "$ref": "#/$defs/BundleDocument" },
        "$defs": strict,
    })
}

/// The same schema, in which an object has no fields but those it names.
fn strict(loose: &Value, parts: &Map<String, Value>) -> Value {
    match loose {
        Value::Array(all) => all.iter().map(|one| strict(one, parts)).collect(),
        Value::Object(fields) => {
            let merged = merged(fields, parts);
            let mut fields: Map<String, Value> =
                merged.iter().map(|(name, value)| (name.clone(), strict(value, parts))).collect();
            if let Some(Value::String(part)) = fields.get_mut("$ref") {
                *part = part.replace(PARTS.0, PARTS.1);
            }
            if let Some(example) = fields.remove("example") {
                fields.insert("examples".to_owned(), json!([example]));
            }
            if fields.contains_key("properties") {
                fields.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            Value::Object(fields)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => loose.clone(),
    }
}

/// One object in the place of several that must all hold: of those, each would refuse the fields
/// of the others.
fn merged(fields: &Map<String, Value>, parts: &Map<String, Value>) -> Map<String, Value> {
    let mut merged = fields.clone();
    let Some(Value::Array(all)) = merged.remove("allOf") else { return merged };
    for one in &all {
        let part = one.get("$ref").and_then(Value::as_str).and_then(|of| of.strip_prefix(PARTS.0));
        let Some(object) = part.and_then(|part| parts.get(part)).unwrap_or(one).as_object() else {
            continue;
        };
        for (name, value) in object {
            match (merged.get_mut(name), value) {
                (Some(Value::Object(known)), Value::Object(more)) => {
                    known.extend(more.clone());
                }
                (Some(Value::Array(known)), Value::Array(more)) => {
                    known.extend(more.iter().cloned());
                }
                (Some(_), _) => {}
                (None, _) => {
                    merged.insert(name.clone(), value.clone());
                }
            }
        }
    }
    merged
}
