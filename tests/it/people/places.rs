//! People of some properties only: what they may do, and what they see.

use serde_json::{Value, json};

use super::{Browser, Desk};

const DRINK: &str = r#"
id = "drink"
kind = "unit"
uses = 100
effects = [{ type = "unit", product = "drink" }]
"#;

const CARD: &str = "[[account]]\nid = \"card\"\ncurrency = \"EUR\"\n";

impl Desk {
    /// Uses a code under this id; in this property, if one is named.
    fn use_code(&self, by: &Browser, path: &str, id: &str, property: Option<&str>) -> super::Heard {
        let mut body = json!({"code": "DRINK-1", "order": {}});
        if let Some(property) = property {
            body["order"]["property"] = json!(property);
        }
        let [cookie, csrf] = by.headers();
        self.ask("POST", path, &[cookie, csrf, ("idempotency-key", id)], &body.to_string())
    }

    /// The properties of the events at `path`, in order.
    fn properties(&self, by: &Browser, method: &str, path: &str, body: &Value) -> Vec<Value> {
        let heard = self.by(by, method, path, body).is(200).json();
        let events = heard["events"].as_array().unwrap().iter();
        events.map(|event| event["receipt"]["property"].clone()).collect()
    }

    fn staffed() -> (Self, [Browser; 3]) {
        let desk = Self::open();
        desk.server.define(DRINK).unwrap();
        desk.server.codes("drink", "DRINK-1").unwrap();
        desk.server.define(CARD).unwrap();
        for (name, properties) in
            [("all", json!([])), ("aqua", json!(["aqua"])), ("two", json!(["dry", "aqua"]))]
        {
            let made = desk.user(name, &json!({"properties": properties}));
            assert_eq!(
                made["properties"].as_array().unwrap().len(),
                properties.as_array().unwrap().len()
            );
        }
        let browsers = ["all", "aqua", "two"].map(|name| desk.sign_in(name));
        (desk, browsers)
    }
}

#[test]
fn who_has_properties_acts_in_these_only() {
    let (desk, [all, aqua, two]) = Desk::staffed();
    let check = |by: &Browser, property: Option<&str>, status: u16| {
        for (path, id) in [("/v1/redeem", "r"), ("/v1/hold", "h"), ("/v1/validate", "v")] {
            let id = format!("{id}-{}-{property:?}", by.session["name"]);
            desk.use_code(by, path, &id, property).is(status);
        }
    };
    check(&all, None, 200);
    check(&all, Some("lake"), 200);
    check(&aqua, None, 200);
    check(&aqua, Some("aqua"), 200);
    check(&aqua, Some("dry"), 403);
    check(&two, Some("dry"), 200);
    check(&two, Some("aqua"), 200);
    check(&two, Some("lake"), 403);
    check(&two, None, 403);
    let hint = desk.use_code(&two, "/v1/redeem", "x", None).json();
    assert!(hint["hint"].as_str().unwrap().contains("aqua, dry"), "{hint}");

    let top_up = |by: &Browser, id: &str, order: Value| {
        let to = json!({"account": "card", "customer": "mia"});
        let body = json!({"to": to, "amount": "5.00", "order": order}).to_string();
        let [cookie, csrf] = by.headers();
        desk.ask("POST", "/v1/topups", &[cookie, csrf, ("idempotency-key", id)], &body).status
    };
    assert_eq!(top_up(&aqua, "t1", json!({"property": "dry"})), 403);
    assert_eq!(top_up(&two, "t2", json!({})), 403);
    assert_eq!(top_up(&two, "t3", json!({"property": "dry"})), 200);
    assert_eq!(top_up(&aqua, "t4", json!({})), 200);
    let account = json!({"customer": "mia"});
    let path = "/v1/accounts/card/lookup";
    assert_eq!(desk.properties(&all, "POST", path, &account), ["aqua", "dry"]);
    assert_eq!(desk.properties(&aqua, "POST", path, &account), ["aqua"]);
}

#[test]
fn who_has_properties_sees_what_happened_in_these_only() {
    let (desk, [all, aqua, two]) = Desk::staffed();
    for (id, property) in
        [("1", Some("aqua")), ("2", Some("dry")), ("3", Some("lake")), ("4", None)]
    {
        desk.use_code(&all, "/v1/hold", id, property).is(200);
    }
    let code = json!({"code": "DRINK-1"});
    for (by, expected) in [
        (&all, vec![json!("aqua"), json!("dry"), json!("lake"), Value::Null]),
        (&aqua, vec![json!("aqua")]),
        (&two, vec![json!("aqua"), json!("dry")]),
    ] {
        assert_eq!(desk.properties(by, "GET", "/v1/events", &Value::Null), expected);
        let mut history = desk.properties(by, "POST", "/v1/codes/history", &code);
        history.reverse();
        assert_eq!(history, expected);
        for (id, property) in [("1", "aqua"), ("2", "dry"), ("3", "lake"), ("4", "")] {
            let named = if property.is_empty() { Value::Null } else { json!(property) };
            let status = if expected.contains(&named) { 200 } else { 403 };
            desk.by(by, "GET", &format!("/v1/requests/{id}"), &Value::Null).is(status);
        }
    }
    // Of what is unknown nothing is told that a stranger would not hear.
    let unknown = desk.by(&aqua, "GET", "/v1/requests/nothing", &Value::Null).is(200).json();
    assert_eq!(unknown["ok"], false);
    let release = |by: &Browser, id: &str| {
        let [cookie, csrf] = by.headers();
        let headers = [cookie, csrf, ("idempotency-key", id)];
        desk.ask("POST", &format!("/v1/redemptions/{id}/release"), &headers, "{}").status
    };
    let ttl = json!({"ttl": "10m"});
    desk.by(&aqua, "POST", "/v1/holds/2/extend", &ttl).is(403);
    desk.by(&two, "POST", "/v1/holds/2/extend", &ttl).is(200);
    desk.by(&aqua, "POST", "/v1/holds/2/confirm", &json!({})).is(403);
    desk.by(&two, "POST", "/v1/holds/2/confirm", &json!({})).is(200);
    assert_eq!((release(&aqua, "2"), release(&two, "3")), (403, 403));
    assert_eq!((release(&two, "2"), release(&aqua, "1")), (200, 200));
}

#[test]
fn what_concerns_all_properties_is_for_those_who_have_all() {
    let (desk, [all, aqua, _]) = Desk::staffed();
    desk.user("boss", &json!({"role": "admin", "properties": ["aqua"]}));
    let boss = desk.sign_in("boss");
    let may = |by: &Browser| by.session["may"].to_string();
    assert!(may(&all).contains("write_catalog") && !may(&aqua).contains("write_catalog"));
    for forbidden in ["tokens", "metrics", "write_catalog"] {
        assert!(!may(&boss).contains(forbidden), "{}", may(&boss));
    }
    let heard = desk.by(&boss, "GET", "/v1/users", &Value::Null).is(403);
    assert!(heard.text.contains("all properties"), "{heard:?}");
    desk.by(
        &boss,
        "POST",
        "/v1/users",
        &json!({"name": "x", "password": "0123456789", "role": "admin"}),
    )
    .is(403);
    desk.by(&boss, "POST", "/v1/tokens", &json!({"name": "x", "role": "admin"})).is(403);
    desk.by(&aqua, "POST", "/v1/campaigns/drink/status", &json!({"status": "paused"})).is(403);
    desk.by(&aqua, "GET", "/v1/campaigns", &Value::Null).is(200);

    // The audit log: all of it, or what one did oneself.
    let lines = |by: &Browser| {
        let told = desk.by(by, "GET", "/v1/audit", &Value::Null).is(200).json();
        told["entries"].as_array().unwrap().clone()
    };
    assert!(lines(&all).iter().any(|line| line["who"] == "park/admin/test-admin"));
    assert_eq!(lines(&aqua), Vec::<Value>::new());
    let change = json!({"old": super::PASSWORD, "new": "another password"});
    let heard = desk.by(&aqua, "PUT", "/v1/session/password", &change).is(200);
    assert_eq!(lines(&Browser::of(&heard)).len(), 1);
}
