//! Files that cannot be read say where and what was meant; the schema tells the same.

use serde_json::{Value, json};

use super::super::{BundleDocument, CampaignDocument, schema};
use super::FULL;

/// The one mistake that keeps a file from being read.
#[track_caller]
fn check_unreadable(toml: &str, expect: &str) {
    let told = BundleDocument::from_toml(toml).unwrap_err();
    assert_eq!(told.to_string(), expect, "\n{toml}");
}

#[test]
fn a_mistake_says_where_it_is_and_what_was_meant() {
    check_unreadable(
        "id = \"a\"\nkind = \"diskount\"",
        "kind: unknown variant `diskount` at line 2 column 8 (did you mean discount?)",
    );
    let rule = |text: &str| format!("id = \"a\"\nkind = \"pass\"\n{text}");
    for (text, path, meant) in [
        ("efects = []", "efects", Some("effects")),
        ("validity = { form = \"2026-01-01\" }", "validity.form", Some("from")),
        ("limits = [{ scope = \"code\", max = 1, per = \"day\" }]", "limits[0].per", None),
        (
            "limits = [{ scope = \"code\", max = 1 }, { scope = \"cde\", max = 1 }]",
            "limits[1].scope",
            Some("code"),
        ),
        (
            "limits = [{ scope = \"code\", max = 1, period = \"dya\" }]",
            "limits[0].period",
            Some("day"),
        ),
        (
            "limits = [{ scope = \"code\", max = 1, period = { roling = \"1h\" } }]",
            "limits[0].period.roling",
            Some("rolling"),
        ),
        ("conditions = [{ type = \"gate\", onli = [] }]", "conditions[0].onli", Some("only")),
        ("conditions = [{ type = \"persns\", min = 1 }]", "conditions[0].type", Some("persons")),
        (
            "conditions = [{ type = \"trigger\", only = [\"brithday\"] }]",
            "conditions[0]",
            Some("birthday"),
        ),
        (
            "effects = [{ type = \"zero\" }, { type = \"percent\", percent = 3, capp = 3 }]",
            "effects[1].capp",
            Some("cap"),
        ),
        (
            "effects = [{ type = \"percent\", percent = 3, per = \"night\" }]",
            "effects[0].per",
            None,
        ),
        ("effects = [{ type = \"zero\", amount = 3 }]", "effects[0].amount", None),
        ("effects = [{ type = \"item\", pick = \"cheepest\" }]", "effects[0]", Some("cheapest")),
        (
            "effects = [{ type = \"item\", pick = { produkt = \"a\" } }]",
            "effects[0].produkt",
            Some("product"),
        ),
    ] {
        let told = BundleDocument::from_toml(&rule(text)).unwrap_err();
        assert_eq!((told.path.as_str(), told.suggestion.as_deref()), (path, meant), "{told}");
        assert!(told.message.contains(" at line 3 column "), "{told}");
    }
}

#[test]
fn the_same_is_told_of_json_and_of_bundles() {
    let json = "{\"campaign\":[{\"id\":\"a\",\"kind\":\"pass\",\"uses\":1,\"uzes\":2}]}";
    let told = BundleDocument::from_json(json).unwrap_err();
    assert_eq!(
        (told.path.as_str(), told.suggestion.as_deref()),
        ("campaign[0].uzes", Some("uses"))
    );
    assert!(told.message.ends_with("at line 1 column 52"), "{told}");
    check_unreadable(
        "[[acount]]\nid = \"a\"",
        "acount: unknown field `acount` at line 1 column 3 (did you mean account?)",
    );
    check_unreadable(
        "[policy]\ncodes_max = \"two\"",
        "policy.codes_max: invalid type: string \"two\", expected u32 at line 2 column 13",
    );
    let broken = BundleDocument::from_toml("id = \"a").unwrap_err();
    assert!(broken.path.is_empty() && broken.message.contains("line 1, column"), "{broken}");
    let broken = BundleDocument::from_json("{} {}").unwrap_err();
    assert!(broken.message.contains("trailing characters"), "{broken}");
}

/// Where a value breaks a schema. Knows what the schema is made of and nothing else: a word that is
/// new there fails the test.
fn breaks(value: &Value, of: &Value, whole: &Value, path: &str) -> Vec<String> {
    let mut broken = Vec::new();
    let inner = |value: &Value, of: &Value, path: &str| breaks(value, of, whole, path);
    let holds = |of: &Value| inner(value, of, path).is_empty();
    let empty = serde_json::Map::new();
    let fields = of.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let mut demand = |holds: bool, what: &str| {
        if !holds {
            broken.push(format!("{path}: {what}"));
        }
    };
    for (word, rule) in of.as_object().unwrap() {
        match word.as_str() {
            "$defs" | "$schema" | "title" | "description" | "examples" | "format" | "then"
            | "else" => {}
            "$ref" => {
                let at = rule.as_str().unwrap().strip_prefix('#').unwrap();
                for one in inner(value, whole.pointer(at).unwrap(), path) {
                    demand(false, &one);
                }
            }
            "if" => {
                let branch = if holds(rule) { "then" } else { "else" };
                inner(value, &of[branch], path).iter().for_each(|one| demand(false, one));
            }
            "anyOf" => demand(rule.as_array().unwrap().iter().any(holds), "fits nothing"),
            "oneOf" => {
                let fits = rule.as_array().unwrap().iter().filter(|one| holds(one)).count();
                demand(fits == 1, "fits not exactly one");
            }
            "enum" => demand(rule.as_array().unwrap().contains(value), "is no such word"),
            "minimum" => demand(value.as_f64() >= rule.as_f64() || !value.is_number(), "is less"),
            "type" => demand(has_type(value, rule), "is of another type"),
            "items" => {
                for (place, one) in value.as_array().into_iter().flatten().enumerate() {
                    let found = inner(one, rule, &format!("{path}[{place}]"));
                    found.iter().for_each(|one| demand(false, one));
                }
            }
            "required" => {
                for name in rule.as_array().unwrap() {
                    let is_there = value.get(name.as_str().unwrap()).is_some();
                    demand(is_there || !value.is_object(), &format!("lacks {name}"));
                }
            }
            "properties" | "additionalProperties" => {
                for (name, one) in value.as_object().into_iter().flatten() {
                    let rule = match (fields.get(name), word.as_str()) {
                        (Some(field), "properties") => field,
                        (None, "additionalProperties") => rule,
                        _ => continue,
                    };
                    let path = format!("{path}.{name}");
                    if rule == &Value::Bool(false) {
                        demand(false, &format!("{name} is unknown"));
                    } else {
                        inner(one, rule, &path).iter().for_each(|one| demand(false, one));
                    }
                }
            }
            "propertyNames" => assert_eq!(rule, &json!({ "type": "string" })),
            other => panic!("{other} is no word that is known"),
        }
    }
    broken
}

/// Whether a value is of a type, or of one of several.
fn has_type(value: &Value, rule: &Value) -> bool {
    let types = rule.as_array().map_or(std::slice::from_ref(rule), Vec::as_slice);
    types.iter().any(|of| match of.as_str().unwrap() {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "null" => value.is_null(),
        other => panic!("{other} is no type that is known"),
    })
}

/// A file's text as a program that knows the schema sees it.
fn value(toml: &str) -> Value {
    fn plain(value: toml::Value) -> Value {
        match value {
            // JSON has no dates: they are texts there.
            toml::Value::Datetime(moment) => moment.to_string().into(),
            toml::Value::Array(values) => values.into_iter().map(plain).collect(),
            toml::Value::Table(table) => {
                table.into_iter().map(|(key, value)| (key, plain(value))).collect()
            }
            toml::Value::String(text) => text.into(),
            toml::Value::Integer(number) => number.into(),
            toml::Value::Float(number) => number.into(),
            toml::Value::Boolean(is_so) => is_so.into(),
        }
    }
    plain(toml::from_str(toml).unwrap())
}

#[track_caller]
fn check_schema(value: &Value, is_good: bool) {
    let schema = schema();
    let broken = breaks(value, &schema, &schema, "");
    assert_eq!(broken.is_empty(), is_good, "{value:#}\n{broken:#?}");
}

#[test]
fn every_example_is_as_the_schema_says_and_without_mistakes() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/examples/campaigns");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let (value, bundle) = match path.extension().and_then(|kind| kind.to_str()) {
            Some("json") => {
                (serde_json::from_str(&text).unwrap(), BundleDocument::from_json(&text))
            }
            Some("toml") => (value(&text), BundleDocument::from_toml(&text)),
            _ => continue,
        };
        check_schema(&value, true);
        assert_eq!(bundle.unwrap().mistakes(), [], "{}", path.display());
        count += 1;
    }
    assert!(count >= 6, "{folder} holds {count} files");
}

#[test]
fn the_schema_refuses_what_the_reader_refuses() {
    let full = FULL.replace("from = 2026-03-01", "from = \"2026-03-01\"");
    check_schema(&value(&full), true);
    let good = json!({
        "id": "a", "kind": "pass", "uses": "unlimited",
        "validity": { "hours": [{}], "extra": ["2026-01-01", { "from": "a", "until": "b" }] },
        "conditions": [{ "type": "gate", "only": ["a"] }, { "type": "first_order", "is": true }],
        "effects": [{ "type": "item", "pick": { "product": "a" } }, { "type": "balance" }],
        "limits": [{ "scope": "code", "max": 1, "period": { "rolling": "24h" } }],
    });
    check_schema(&good, true);
    check_schema(&json!({ "campaign": [good], "slot": [{ "id": "a", "group": "b" }] }), true);
    let mut broken = Vec::new();
    for (path, wrong) in [
        ("/kind", json!("ticket")),
        ("/uses", json!("often")),
        ("/validity/hours/0", json!({ "form": "18:00" })),
        ("/validity/extra/1", json!({ "from": "a" })),
        ("/conditions/0", json!({ "type": "gate", "onli": ["a"] })),
        ("/conditions/1", json!({ "type": "first_order" })),
        ("/effects/0/pick", json!("cheepest")),
        ("/effects/1", json!({ "type": "balance", "off": "code" })),
        ("/limits/0/period", json!({ "rolling": 1.5 })),
        ("/limits/0", json!({ "scope": "code", "max": 1, "per": "day" })),
        ("", json!({ "id": "a", "kind": "pass", "efects": [] })),
        ("", json!({ "slots": [] })),
    ] {
        let mut document = good.clone();
        *document.pointer_mut(path).unwrap() = wrong;
        check_schema(&document, false);
        broken.push(document);
    }
    let read = |document: &Value| BundleDocument::from_json(&document.to_string());
    assert!(read(&good).is_ok());
    assert!(broken.iter().all(|document| read(document).is_err()), "the reader takes one of them");
}

#[test]
fn the_schema_explains_every_field() {
    let schema = schema();
    for (name, part) in schema["$defs"].as_object().unwrap() {
        let alternatives = part["oneOf"].as_array();
        let objects = alternatives.map_or(std::slice::from_ref(part), Vec::as_slice);
        for object in objects {
            for (field, of) in object["properties"].as_object().into_iter().flatten() {
                let one = of["oneOf"].get(0).unwrap_or(of);
                let is_told = one.get("description").is_some();
                assert!(is_told || field == "type", "{name}.{field} is not explained");
            }
        }
    }
    assert_eq!(schema["$defs"]["CampaignDocument"]["required"], json!(["id", "kind"]));
    let document = CampaignDocument::from_toml(FULL).unwrap();
    let known = &schema["$defs"]["CampaignDocument"]["properties"];
    for (field, _) in serde_json::to_value(document).unwrap().as_object().unwrap() {
        assert!(known.get(field).is_some(), "{field} is not in the schema");
    }
}

const REFERENCE: &str = include_str!("../README.md");

#[test]
fn the_reference_names_every_field_and_word() {
    let mut missing = Vec::new();
    let mut demand = |word: &str, of: &str| {
        let is_there = [
            format!("`{word}`"),
            format!("`{word} = "),
            format!("{{ {word} = "),
            format!("`\"{word}\"`"),
        ];
        if !is_there.iter().any(|written| REFERENCE.contains(written)) {
            missing.push(format!("{word} of {of}"));
        }
    };
    for (name, part) in schema()["$defs"].as_object().unwrap() {
        let alternatives = part["oneOf"].as_array();
        for object in alternatives.map_or(std::slice::from_ref(part), Vec::as_slice) {
            let fields = object["properties"].as_object().into_iter().flatten();
            for (field, of) in fields.filter(|(field, _)| !is_heading(name, field)) {
                demand(field, name);
                for word in of["enum"].as_array().into_iter().flatten() {
                    demand(word.as_str().unwrap(), name);
                }
            }
            for word in object["enum"].as_array().into_iter().flatten() {
                demand(word.as_str().unwrap(), name);
            }
        }
    }
    assert!(missing.is_empty(), "README.md lacks: {missing:?}");
}

/// Whether a field is written as a heading.
fn is_heading(part: &str, field: &str) -> bool {
    let is_there = REFERENCE.contains(&format!("[{field}]"));
    part == "BundleDocument" && is_there
}

#[test]
fn every_file_in_the_reference_is_without_mistakes() {
    let mut files = REFERENCE.split("```toml\n").skip(1).map(|rest| rest.split("```").next());
    let count = files
        .by_ref()
        .map(|file| BundleDocument::from_toml(file.unwrap()).unwrap())
        .inspect(|bundle| assert_eq!(bundle.mistakes(), []))
        .count();
    assert_eq!(count, 4);
}

/// A surcharge cannot be in one campaign with the rest; everything else is in one file.
const EVERYTHING: &str = r#"
[[campaign]]
id = "all"
kind = "points"
currency = "EUR"
account = "lucky"
passback = { interval = 60000, reentry = "1h" }
validity = { hours = [{ days = ["monday"], from = "10:00" }], blackout = ["2026-12-24"], extra = [
    { from = "2026-01-01", until = "2026-01-06" },
] }
limits = [{ scope = "account", counts = "money", period = { rolling = "1h" }, max = "10.50" }]
conditions = [
    { type = "amount", min = 1, basis = "running" }, { type = "quantity", min = 1 },
    { type = "persons", max = 9 }, { type = "nights", min = 1, max = 9 },
    { type = "points", min = 1 },
    { type = "booked", only = ["2026-01-01"] }, { type = "arrival", not = ["2026-01-01"] },
    { type = "departure", only = [{ from = "2026-01-01", until = "2026-01-06" }] },
    { type = "product", only = ["a"] }, { type = "product_type", only = ["a"] },
    { type = "category", only = ["a"] }, { type = "theme", only = ["a"] },
    { type = "region", only = ["a"] }, { type = "room_type", not = ["a"] },
    { type = "package", not = ["a"] }, { type = "programme", not = ["a"] },
    { type = "board", not = ["a"] }, { type = "voucher", not = ["a"] },
    { type = "channel", not = ["a"] }, { type = "property", not = ["a"] },
    { type = "gate", not = ["a"] }, { type = "zone", not = ["a"] },
    { type = "partner", not = ["a"] }, { type = "brand", not = ["a"] },
    { type = "customer_group", not = ["a"] }, { type = "first_order", is = false },
    { type = "trigger", only = ["birthday"] },
]
effects = [
    { type = "percent", percent = "5.5", basis = "original" },
    { type = "amount", amount = 5, per = "night", max_times = 3, cap = 10 },
    { type = "price", price = 0, per = "cart" },
    { type = "tiers", tiers = [{ from = 5, percent = 5 }, { from = 9, price = 5 }], cap = 3 },
    { type = "zero" }, { type = "unit", product = "a", quantity = 2 },
    { type = "item", pick = "dearest", every = 3 },
    { type = "item", pick = { product = "a" }, amount = 1, pieces_max = 2 },
    { type = "pays_all", product = "a" }, { type = "switch", product = "a", to = "exempt" },
    { type = "points", by_weight = true }, { type = "spend", amount = 5, per = "child" },
    { type = "balance", of = "account", remainder = "forfeited" },
]

[[campaign]]
id = "surcharge"
kind = "surcharge"
currency = "EUR"
effects = [{ type = "surcharge", percent = 5 }]
"#;

#[test]
fn everything_that_can_be_written_survives_and_is_in_the_schema() {
    let bundle = BundleDocument::from_toml(EVERYTHING).unwrap();
    assert_eq!(bundle.mistakes(), []);
    check_schema(&value(EVERYTHING), true);
    let json = serde_json::to_string(&bundle).unwrap();
    assert_eq!(BundleDocument::from_json(&json).unwrap(), bundle);
    check_schema(&serde_json::from_str(&json).unwrap(), true);
    let toml = toml::to_string(&bundle).unwrap();
    assert_eq!(BundleDocument::from_toml(&toml).unwrap(), bundle);
    let schema = schema();
    for rule in ["ConditionDocument", "EffectDocument"] {
        for one in schema["$defs"][rule]["oneOf"].as_array().unwrap() {
            let word = one["properties"]["type"]["enum"][0].as_str().unwrap();
            let is_written = EVERYTHING.contains(&format!("{{ type = \"{word}\""));
            assert!(is_written, "{word} of {rule} is not tried");
        }
    }
}
