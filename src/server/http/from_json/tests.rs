//! Bodies: what is read from them, and what is wrong with them.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed one is a failed test")]

use super::*;
use crate::auth::caller::{CallerId, Identity, Name};
use crate::auth::role::Role;
use crate::domain::order::FirstOrder;
use crate::domain::rules::StackMode;

fn caller() -> Caller {
    let identity = Identity {
        properties: vec![Name::parse("aqua").unwrap()],
        gate: Some(Name::parse("north").unwrap()),
        ..Identity::new(
            TenantId::parse("park").unwrap(),
            Role::Gate,
            Name::parse("scanner").unwrap(),
        )
    };
    Caller { id: CallerId::of_identity(&identity), identity, expires_ms: None }
}

/// The paths of the mistakes in a body, or what order it makes.
fn mistakes(body: &str) -> Vec<String> {
    let body: AskBody = serde_json::from_str(body).unwrap();
    match body.ask(&caller(), Timestamp(0)) {
        Ok(_) => Vec::new(),
        Err(problem) => problem.view().errors.iter().map(|error| error.path.clone()).collect(),
    }
}

#[test]
fn an_order_means_what_it_says() {
    let body: AskBody = serde_json::from_str(
        r#"{"code": "A", "order": {"currency": "EUR", "total": "12.5", "amount": "3", "passage": "exit",
            "gate": "south", "lines": [{"product": "day", "amount": "12.50"}]}}"#,
    )
    .unwrap();
    let caller = caller();
    let ask = body.ask(&caller, Timestamp(7)).unwrap();
    assert_eq!(ask.tenant.as_str(), "park");
    assert_eq!(ask.codes.as_slice(), ["A"]);
    let order = &ask.order;
    assert_eq!((order.total_minor, order.amount_minor), (Some(1250), Some(300)));
    assert_eq!((order.gate, order.property), (Some("south"), Some("aqua")));
    assert_eq!((order.lines[0].quantity, order.lines[0].amount_minor), (1, 1250));
    assert_eq!((order.passage, order.units), (Passage::Exit, 1));
    assert_eq!((ask.now, ask.mode), (Timestamp(7), StackMode::AllOrNothing));
}

#[test]
fn another_moment_and_a_part_can_be_asked_for() {
    let body = r#"{"codes": ["A", "B"], "partial": true, "now": "1970-01-01T01:00:01+01:00"}"#;
    let body: AskBody = serde_json::from_str(body).unwrap();
    let caller = caller();
    let ask = body.ask(&caller, Timestamp(7)).unwrap();
    assert_eq!((ask.now, ask.mode), (Timestamp(1_000), StackMode::Partial));
}

#[test]
fn a_stay_means_what_it_says() {
    let body: AskBody = serde_json::from_str(
        r#"{"order": {
            "currency": "EUR", "nights": 4, "arrival": "2026-05-01", "departure": "2026-05-05",
            "booked": "1969-12-31", "adults": 2, "children": 1, "persons": 3, "first_order": false,
            "trigger": "voucher_purchase", "slot": "summer", "lines": [{"product": "suite",
            "amount": "400", "product_type": "room", "theme": "spa", "region": "tyrol"}]}}"#,
    )
    .unwrap();
    let caller = caller();
    let ask = body.ask(&caller, Timestamp(7)).unwrap();
    assert!(ask.codes.is_empty(), "what applies without");
    let line = Line {
        product: "suite",
        quantity: 1,
        amount_minor: 40_000,
        product_type: "room",
        theme: "spa",
        region: "tyrol",
        ..Line::default()
    };
    let expected = Order {
        gate: Some("north"),
        property: Some("aqua"),
        currency: Some("EUR"),
        lines: [line].into_iter().collect(),
        nights: Some(4),
        arrival: NaiveDate::from_ymd_opt(2026, 5, 1),
        departure: NaiveDate::from_ymd_opt(2026, 5, 5),
        booked: NaiveDate::from_ymd_opt(1969, 12, 31),
        adults: Some(2),
        children: Some(1),
        persons: Some(3),
        first_order: FirstOrder::No,
        trigger: Trigger::VoucherPurchase,
        slot: Some("summer"),
        ..Order::default()
    };
    assert_eq!(ask.order, expected);
}

#[test]
fn yen_have_no_cents_and_dinars_have_three_digits() {
    assert_eq!(minor("1250", currency("JPY"), true), Ok(1250));
    assert!(minor("12.5", currency("JPY"), true).is_err());
    assert_eq!(minor("1.234", currency("TND"), true), Ok(1234));
    assert_eq!(minor("-0.01", currency("EUR"), true), Ok(-1));
    for wrong in ["", "1e3", "1,5", "0x1", "NaN", "99999999999999999999999999999999"] {
        assert!(minor(wrong, currency("EUR"), true).is_err(), "{wrong}");
    }
}

#[test]
fn all_mistakes_are_told_with_their_places() {
    assert_eq!(mistakes(r#"{"code": "A"}"#), [""; 0]);
    assert_eq!(mistakes("{}"), [""; 0]);
    assert_eq!(mistakes(r#"{"code": "A", "codes": ["B"]}"#), ["codes"]);
    let long = "x".repeat(REFERENCE_BYTES_MAX + 1);
    let body = format!(
        r#"{{"code": "A", "order": {{"currency": "EUX", "total": "a", "customer": "{long}",
            "lines": [{{"product": "p", "quantity": 0, "amount": "1"}}]}}}}"#
    );
    assert_eq!(
        mistakes(&body),
        ["order.currency", "order.total", "order.customer", "order.lines[0].quantity"]
    );
    assert_eq!(mistakes(r#"{"code": "A", "order": {"total": "1"}}"#), ["order.total"]);
    let body = format!(
        r#"{{"now": "10000-01-01T00:00:00Z", "order": {{"currency": "EUR", "slot": "{long}",
            "nights": 1000001, "children": 4294967295, "arrival": "2026-02-29",
            "booked": "+12026-01-01", "trigger": "whim",
            "lines": [{{"product": "p", "amount": "1", "region": "{long}"}}]}}}}"#
    );
    assert_eq!(
        mistakes(&body),
        [
            "now",
            "order.slot",
            "order.lines[0].region",
            "order.nights",
            "order.children",
            "order.arrival",
            "order.booked",
            "order.trigger"
        ]
    );
    let many = serde_json::json!({ "codes": vec!["A"; CODES_MAX + 1] }).to_string();
    assert_eq!(mistakes(&many), ["codes"]);
}

#[test]
fn what_is_given_back_is_a_part_or_codes() {
    let given = |body: &str| {
        let body: PartBody = serde_json::from_str(body).unwrap();
        body.given_codes().map(|codes| codes.len()).ok()
    };
    assert_eq!(given("{}"), Some(0));
    assert_eq!(given(r#"{"part": 1}"#), Some(0));
    assert_eq!(given(r#"{"codes": ["A", "B"]}"#), Some(2));
    assert_eq!(given(r#"{"codes": ["A"], "part": 1}"#), None);
    assert_eq!(given(r#"{"codes": ["A"], "part_amount": "1"}"#), None);
    let many = serde_json::json!({ "codes": vec!["A"; CODES_MAX + 1] }).to_string();
    assert_eq!(given(&many), None);
}

#[test]
fn unknown_fields_and_binary_fractions_are_refused() {
    for (body, word) in [
        (r#"{"code": "A", "ordr": {}}"#, "ordr"),
        (r#"{"code": "A", "order": {"totl": "1"}}"#, "totl"),
        (r#"{"code": "A", "order": {"total": 12.5}}"#, "string"),
    ] {
        let error = serde_json::from_str::<AskBody>(body).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
}

#[test]
fn a_uuid_is_taken_as_its_bytes_and_other_texts_by_their_hash() {
    let id = "0190163d-8694-739b-aea5-966c26f8ad91";
    let bytes = uuid::Uuid::parse_str(id).unwrap().into_bytes();
    assert_eq!(request_id(id), RequestId(bytes));
    assert_eq!(request_id(&id.to_uppercase()), RequestId(bytes));
    assert_eq!(
        request_id(&super::super::views::uuid_text(request_id("order-7"))),
        request_id("order-7")
    );
    assert_ne!(request_id("order-7"), request_id("order-8"));
}

#[test]
fn lengths_of_time_are_texts_or_milliseconds() {
    let ms = |json: &str| serde_json::from_str::<Length>(json).unwrap().ms("ttl").ok();
    assert_eq!(ms("\"10m\""), Some(600_000));
    assert_eq!(ms("1500"), Some(1500));
    for wrong in ["0", "\"8days\"", "\"soon\""] {
        assert_eq!(ms(wrong), None, "{wrong}");
    }
}

#[test]
fn the_body_says_the_language_before_the_header() {
    assert_eq!(language(Some("cs"), Some("de")), Language::Czech);
    assert_eq!(language(None, Some("fr, de-AT;q=0.8, en")), Language::German);
    assert_eq!(language(Some("fr"), None), Language::English);
}
