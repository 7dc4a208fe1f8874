//! Documents: round trips, every mistake by its path, hostile values.

use proptest::prelude::*;
use utoipa::{PartialSchema, ToSchema};

use rust_decimal::Decimal;

use crate::domain::campaign::{
    self, BalanceOf, Basis, Campaign, Condition, Effect, HOLD_TTL_MS, Remainder, Terms, Worth,
};
use crate::domain::id::{Owner, TenantId};
use crate::domain::money::Percent;
use crate::domain::time::Timestamp;

mod definitions;
mod files;
mod rules;

use super::{
    CampaignDocument, DOCUMENT_BYTES_MAX, FieldError, LABELS_MAX, LIMITS_MAX, TEXT_BYTES_MAX,
};

const FULL: &str = r##"
id = "summer-2026"
kind = "discount"
accounting = "deal"
status = "draft"
labels = ["Messe", "Print 2026"]
zone = "Europe/Vienna"
day_begins = "04:00"
week_begins = "sunday"
uses = 3
customer = "required"
activation = "paid"
currency = "EUR"
hold_ttl = "1h 30m"
no_effect = "allow"

[texts.name]
de = "Sommer"
en = "Summer"

[texts.refusal]
de = "Leider nicht."

[validity]
from = 2026-03-01
until = "2026-03-28"
relative = { since = "payment", count = 30, unit = "days" }

[units]
min = 1
max = 3

[[limits]]
scope = "customer"
period = "day"
max = 2

[[limits]]
scope = "campaign"
counts = "money"
max = "1000.50"

[passback]
interval = "10m"
zones = "followed"

[[conditions]]
type = "amount"
min = "50"

[[conditions]]
type = "product"
only = ["ticket", "ticket", "meal"]

[[conditions]]
type = "channel"
not = ["phone"]

[[effects]]
type = "percent"
percent = "12.5"
cap = 20

[[effects]]
type = "unit"
product = "coffee"

[codes]
pattern = "SUN-####-####"
"##;

fn tenant() -> TenantId {
    TenantId::parse("park").unwrap()
}

fn compile(toml: &str) -> Result<Campaign, Vec<FieldError>> {
    let document = CampaignDocument::from_toml(toml).map_err(|error| vec![error])?;
    document.compile(&tenant(), 3, Owner([1; 16]), campaign::Status::Active)
}

/// What is wrong with a document that is a plain one and `more`; each mistake as it is shown.
#[track_caller]
fn check(more: &str, expect: &[&str]) {
    let found: Vec<_> = match compile(&format!("id = \"a\"\n{more}")) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    };
    assert_eq!(found, expect, "\n{more}");
}

fn at(text: &str) -> Option<Timestamp> {
    Some(Timestamp::from_rfc3339(text).unwrap())
}

#[test]
fn everything_written_is_understood() {
    let campaign = compile(FULL).unwrap();
    assert_eq!((campaign.id.as_str(), campaign.version), ("summer-2026", 3));
    assert_eq!(campaign.status, campaign::Status::Active, "a status in a document is a wish");
    assert_eq!(campaign.accounting, campaign::AccountingType::Deal);
    assert_eq!(campaign.calendar.day_begins_min, 240);
    assert_eq!(campaign.calendar.week_begins, chrono::Weekday::Sun);
    assert_eq!(campaign.uses, Some(3));
    assert_eq!(campaign.units, 1..=3);
    assert_eq!(campaign.validity.from, at("2026-03-01T04:00:00+01:00"));
    assert_eq!(campaign.validity.until, at("2026-03-29T04:00:00+02:00"), "a day of 23 hours");
    let limits: Vec<_> = campaign.limits.iter().map(|l| (l.scope.name(), l.max)).collect();
    assert_eq!(limits, [("customer", 2), ("campaign", 100_050)]);
    assert_eq!(campaign.passback.interval_ms, Some(600_000));
    assert_eq!(campaign.hold_ttl_ms, 5_400_000);
    let [
        Condition::Amount { min: Some(5_000), max: None, basis: Basis::Original },
        product,
        channel,
    ] = campaign.conditions.as_slice()
    else {
        panic!("conditions are {:?}", campaign.conditions);
    };
    let (Condition::Product(products), Condition::Channel(channels)) = (product, channel) else {
        panic!("lists are {product:?} and {channel:?}");
    };
    assert!(products.accepts("meal") && !products.accepts("beer") && products.set.len() == 2);
    assert!(channels.accepts("web") && !channels.accepts("phone"));
    let percent =
        |text| Worth::Percent(Percent::new(Decimal::from_str_exact(text).unwrap()).unwrap());
    let off = Effect::Off {
        worth: percent("12.5"),
        terms: Terms { cap_minor: Some(2_000), ..Terms::PLAIN },
    };
    let coffee = Effect::Unit { product: "coffee".into(), quantity: 1 };
    assert_eq!(campaign.effects, [off, coffee]);
    let format = campaign.code_format.unwrap();
    assert_eq!((&*format.alphabet, format.check), ("clear", campaign::CheckRule::Checked));
}

#[test]
fn a_document_survives_json_and_toml() {
    let document = CampaignDocument::from_toml(FULL).unwrap();
    let json = serde_json::to_string(&document).unwrap();
    assert_eq!(CampaignDocument::from_json(&json).unwrap(), document);
    let toml = toml::to_string(&document).unwrap();
    assert_eq!(CampaignDocument::from_toml(&toml).unwrap(), document);
}

#[test]
fn kinds_have_their_defaults() {
    let plain = |more: &str| compile(&format!("id = \"a\"\n{more}")).unwrap();
    let pass = plain("kind = \"pass\"");
    assert_eq!((pass.uses, pass.effects.as_slice()), (None, [Effect::Zero].as_slice()));
    assert_eq!(pass.accounting, campaign::AccountingType::Purchase);
    let voucher = plain("kind = \"voucher\"\ncurrency = \"TND\"\nbalance = \"50.125\"");
    assert_eq!((voucher.uses, voucher.balance_minor), (None, Some(50_125)));
    let balance = Effect::Balance { of: BalanceOf::Code, remainder: Remainder::Kept };
    assert_eq!(voucher.effects, [balance]);
    let discount = plain("kind = \"discount\"\neffects = [{ type = \"zero\" }]");
    assert_eq!(
        (discount.uses, discount.units, discount.hold_ttl_ms),
        (Some(1), 1..=1, HOLD_TTL_MS)
    );
    assert_eq!(discount.accounting, campaign::AccountingType::Discount);
    let unlimited = plain("kind = \"access\"\nuses = \"unlimited\"\nhold_ttl = 60000");
    assert_eq!((unlimited.uses, unlimited.hold_ttl_ms), (None, 60_000));
}

#[test]
fn an_end_date_is_included_and_an_end_moment_is_not() {
    let until = |text: &str| {
        let zone = "kind = \"pass\"\nzone = \"America/New_York\"";
        compile(&format!("id = \"a\"\n{zone}\nvalidity = {{ until = {text} }}"))
            .unwrap()
            .validity
            .until
    };
    assert_eq!(until("\"2026-12-31\""), at("2027-01-01T05:00:00Z"));
    assert_eq!(until("2026-12-31"), at("2027-01-01T05:00:00Z"));
    assert_eq!(until("\"2026-12-31T12:00:00Z\""), at("2026-12-31T12:00:00Z"));
    assert_eq!(until("2026-12-31T12:00:00Z"), at("2026-12-31T12:00:00Z"));
}

#[test]
fn mistakes_in_money() {
    let discount = "kind = \"discount\"\n";
    let amount = |amount: &str, currency: &str| {
        format!("{discount}{currency}\neffects = [{{ type = \"amount\", amount = {amount} }}]")
    };
    let euro = "currency = \"EUR\"";
    check(&amount("5", euro), &[]);
    check(&amount("5", ""), &["currency: is needed because the document has amounts"]);
    check(
        &amount("5", "currency = \"eur\""),
        &["currency: \"eur\" is not a currency of ISO 4217, such as \"EUR\" (did you mean EUR?)"],
    );
    check(
        &amount("\"5,50\"", euro),
        &["effects[0].amount: \"5,50\" is not a decimal number, such as \"12.50\" \
           (did you mean \"5.50\"?)"],
    );
    check(
        &amount("\"1e3\"", euro),
        &["effects[0].amount: \"1e3\" is not a decimal number, such as \"12.50\""],
    );
    check(
        &amount("\"0.005\"", euro),
        &["effects[0].amount: 0.005 has more decimals than EUR has (2)"],
    );
    check(&amount("-5", euro), &["effects[0].amount: is -5; give more than 0"]);
    check(&amount("0", euro), &["effects[0].amount: is 0; give more than 0"]);
    check("kind = \"voucher\"\n", &["currency: is needed because the document has amounts"]);
    check(
        &format!("{discount}{euro}\nbalance = 5\neffects = [{{ type = \"balance\" }}]"),
        &[
            "effects[0]: only a voucher has a balance to draw from",
            "balance: only vouchers have one",
        ],
    );
}

#[test]
fn floats_are_refused_wherever_amounts_are() {
    let text =
        "id = \"a\"\nkind = \"discount\"\neffects = [{ type = \"percent\", percent = 12.5 }]";
    let error = CampaignDocument::from_toml(text).unwrap_err();
    assert!(error.message.contains("12.5 is a binary fraction"), "{error}");
    assert!(error.message.contains("write it as text: \"12.5\""), "{error}");
    let text = "{\"id\":\"a\",\"kind\":\"voucher\",\"balance\":0.1}";
    let error = CampaignDocument::from_json(text).unwrap_err();
    assert!(error.message.contains("0.1 is a binary fraction"), "{error}");
}

#[test]
fn unknown_fields_are_refused_at_every_depth() {
    for text in [
        "kind = \"pass\"\ncondition = []",
        "kind = \"pass\"\nconditions = [{ type = \"gate\", onli = [\"a\"] }]",
        "kind = \"pass\"\nconditions = [{ type = \"amount\", maximum = 3 }]",
        "kind = \"pass\"\neffects = [{ type = \"percent\", percent = 3, capp = 3 }]",
        "kind = \"pass\"\nlimits = [{ scope = \"code\", max = 3, per = \"day\" }]",
        "kind = \"pass\"\nvalidity = { form = \"2026-01-01\" }",
        "kind = \"pass\"\ntexts = { titel = {} }",
    ] {
        let error = CampaignDocument::from_toml(&format!("id = \"a\"\n{text}")).unwrap_err();
        assert!(error.message.contains("unknown field"), "{text}: {error}");
    }
}

#[test]
fn mistakes_in_time() {
    check(
        "kind = \"pass\"\nzone = \"vienna\"\nday_begins = \"25:00\"",
        &[
            "zone: \"vienna\" is not an IANA zone, such as \"Europe/Vienna\" \
             (did you mean Europe/Vienna?)",
            "day_begins: \"25:00\" is no time; write \"00:00\" to \"23:59\"",
        ],
    );
    check(
        "kind = \"pass\"\nvalidity = { from = \"2026-03-02\", until = \"2026-03-01\" }",
        &["validity.until: is not after validity.from"],
    );
    check("kind = \"pass\"\nvalidity = { from = \"2026-03-01\", until = \"2026-03-01\" }", &[]);
    check(
        "kind = \"pass\"\nvalidity = { from = \"01.03.2026\" }",
        &["validity.from: \"01.03.2026\" is no date; write \"2026-03-01\" or \
           \"2026-03-01T10:00:00+01:00\""],
    );
    check(
        "kind = \"pass\"\n\
         validity = { relative = { since = \"payment\", count = 0, unit = \"days\" } }",
        &[
            "validity.relative.count: is 0; give 1 to 36525",
            "validity.relative.since: counts from the payment, so codes must be paid first: set \
             activation = \"paid\"",
        ],
    );
    check(
        "kind = \"pass\"\nhold_ttl = \"8days\"\npassback = { interval = \"soon\" }",
        &[
            "passback.interval: \"soon\" is not a length of time, such as \"10m\"",
            "hold_ttl: \"8days\" is not within 1s and 7days",
        ],
    );
}

#[test]
fn mistakes_in_numbers_and_lists() {
    check("kind = \"pass\"\nuses = 0", &["uses: is 0; give at least 1, or \"unlimited\""]);
    check(
        "kind = \"pass\"\nuses = 2\nunits = { min = 5, max = 4 }",
        &[
            "units.max: is 4, below units.min, which is 5",
            "units.min: is 5, but a code has only 2 uses in all",
        ],
    );
    check(
        "kind = \"pass\"\nlimits = [\n\
         { scope = \"code\", period = \"day\", max = 1 },\n\
         { scope = \"code\", period = \"day\", max = 2 },\n\
         { scope = \"code\", counts = \"days\", period = \"day\", max = 0 },\n\
         { scope = \"code\", counts = \"units\", max = \"1.5\" },\n]",
        &[
            "limits[1]: repeats scope, counts and period of an earlier limit",
            "limits[2].period: a day has no more than one distinct day",
            "limits[2].max: \"0\" is not a whole number of at least 1",
            "limits[3].max: \"1.5\" is not a whole number of at least 1",
        ],
    );
    check(
        "kind = \"pass\"\nconditions = [\n\
         { type = \"gate\" },\n\
         { type = \"gate\", only = [\"a\"], not = [\"b\"] },\n\
         { type = \"gate\", only = [] },\n\
         { type = \"gate\", only = [\" \"] },\n\
         { type = \"quantity\" },\n\
         { type = \"quantity\", min = 3, max = 2 },\n]",
        &[
            "conditions[0]: needs exactly one of the lists only and not",
            "conditions[1]: needs exactly one of the lists only and not",
            "conditions[2].only: is empty",
            "conditions[3].only[0]: is empty",
            "conditions[4]: needs min, max or both",
            "conditions[5]: has a min above its max",
        ],
    );
    check("kind = \"unit\"", &["effects: say what it is worth: a unit has no default"]);
    check(
        "kind = \"pass\"\neffects = [{ type = \"percent\", percent = 101 }]",
        &["effects[0].percent: 101 is not a percentage; give 0 to 100 with at most six decimals"],
    );
}

#[test]
fn words_are_told_when_they_are_wrong() {
    let wrong =
        |more: &str| CampaignDocument::from_toml(&format!("id = \"a\"\n{more}")).unwrap_err();
    let uses = wrong("kind = \"pass\"\nuses = \"often\"");
    assert!(uses.message.contains("a whole number or \"unlimited\""), "{uses}");
    let kind = wrong("kind = \"ticket\"");
    assert!(kind.message.contains("`discount`, `voucher`, `pass`"), "{kind}");
}

#[test]
fn the_schema_names_every_field() {
    let mut schemas = Vec::new();
    CampaignDocument::schemas(&mut schemas);
    let names: Vec<_> = schemas.iter().map(|(name, _)| name.as_str()).collect();
    assert!(names.contains(&"campaign.Status") && names.contains(&"EffectDocument"), "{names:?}");
    let schema = serde_json::to_value(CampaignDocument::schema()).unwrap();
    let document = CampaignDocument::from_toml(FULL).unwrap();
    for (field, _) in serde_json::to_value(document).unwrap().as_object().unwrap() {
        assert!(schema["properties"].get(field).is_some(), "{field} is not in the schema");
    }
    assert_eq!(schema["required"], serde_json::json!(["id", "kind"]));
}

#[test]
fn all_mistakes_are_told_at_once() {
    let errors = compile("id = \"A\"\nkind = \"pass\"\nzone = \"x\"\nuses = 0").unwrap_err();
    let paths: Vec<_> = errors.iter().map(|error| error.path.as_str()).collect();
    assert_eq!(paths, ["id", "zone", "uses"]);
}

#[test]
fn sizes_are_bounded() {
    let huge = format!("id = \"{}\"", "x".repeat(DOCUMENT_BYTES_MAX));
    assert!(CampaignDocument::from_toml(&huge).unwrap_err().message.contains("at most"));
    let limit = "{ scope = \"code\", max = 1 },".repeat(LIMITS_MAX + 1);
    let errors = compile(&format!("id = \"a\"\nkind = \"pass\"\nlimits = [{limit}]")).unwrap_err();
    assert_eq!(errors[0].to_string(), "limits: has 57 entries; at most 56 are allowed");
    let label = "\"l\",".repeat(LABELS_MAX + 1);
    let errors = compile(&format!("id = \"a\"\nkind = \"pass\"\nlabels = [{label}]")).unwrap_err();
    assert_eq!(errors[0].path, "labels");
    let text = "x".repeat(TEXT_BYTES_MAX + 1);
    check(
        &format!(
            "kind = \"pass\"\ntexts = {{ name = {{ de = \"{text}\", Deutsch = \"\\u0007\" }} }}"
        ),
        &[
            "texts.name.Deutsch: is not a language; give two small letters, such as \"de\"",
            "texts.name.Deutsch: contains a control character",
            "texts.name.de: has 4097 bytes; at most 4096 are allowed",
        ],
    );
}

proptest! {
    #[test]
    fn hostile_values_are_refused_without_panic(value in ".{0,40}", minor in any::<i64>()) {
        let quoted = serde_json::to_string(&value).unwrap();
        for field in ["id", "zone", "day_begins", "currency", "hold_ttl", "balance"] {
            let json = format!("{{\"kind\":\"voucher\",\"{field}\":{quoted},\"id\":\"a\"}}");
            if let Ok(document) = CampaignDocument::from_json(&json) {
                let _ = document.compile(&tenant(), 1, Owner([0; 16]), campaign::Status::Draft);
            }
        }
        let json = format!(
            "{{\"id\":\"a\",\"kind\":\"voucher\",\"currency\":\"EUR\",\"balance\":{minor},\
             \"validity\":{{\"from\":{quoted},\"until\":{quoted}}}}}"
        );
        let document = CampaignDocument::from_json(&json).unwrap();
        let compiled = document.compile(&tenant(), 1, Owner([0; 16]), campaign::Status::Draft);
        prop_assert!(compiled.is_err() || minor > 0);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        let _ = CampaignDocument::from_json(&text);
        let _ = CampaignDocument::from_toml(&text);
    }
}
