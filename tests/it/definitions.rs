//! Accounts, groups, slots and the policy over HTTP: versions, references, and that all nodes know
//! them.

use serde_json::{Value, json};

use crate::offices::Offices;

const NEW: [(&str, &str); 1] = [("if-none-match", "*")];
const ANY: [(&str, &str); 1] = [("if-match", "*")];

macro_rules! over_both_stores {
    ($($name:ident)+) => {
        mod in_a_directory {
            $(#[test] fn $name() { super::$name(&super::Offices::embedded()); })+
        }
        mod in_redis {
            $(#[test] fn $name() { super::$name(&super::Offices::redis()); })+
        }
    };
}

over_both_stores! {
    definitions_are_stored_in_versions
    many_slots_come_at_once
    what_is_named_must_be_there
    an_account_in_use_keeps_its_unit
}

fn put(offices: &Offices, path: &str, document: &Value, headers: &[(&str, &str)]) -> String {
    let heard = offices.ask(0, &format!("PUT {path} {document}"), headers);
    match heard.status {
        200 => format!("{} {}", heard.json()["change"].as_str().unwrap(), heard.etag.unwrap()),
        _ => heard.wrong(),
    }
}

fn definitions_are_stored_in_versions(offices: &Offices) {
    let card = json!({"id": "card", "unit": "points"});
    let stars = json!({"id": "card", "unit": "points", "max": "500"});
    let put =
        |document: &Value, headers: &[_]| put(offices, "/v1/accounts/card", document, headers);
    assert_eq!(put(&card, &NEW), "created \"1\"");
    assert_eq!(put(&stars, &[("if-match", "\"1\"")]), "edited \"2\"");
    assert_eq!(put(&stars, &ANY), "nothing \"2\"");
    let stale = "412 account card is at version 2; expected was version 1";
    assert_eq!(put(&card, &[("if-match", "\"1\"")]), stale);
    assert_eq!(put(&card, &NEW), "412 account card is at version 2; expected was none");
    let other = json!({"id": "other", "unit": "points"});
    assert!(put(&other, &NEW).starts_with("422 id: is \"other\", but the address says \"card\""));
    let shown = offices.ask(offices.last(), "GET /v1/accounts/card", &[]);
    assert_eq!(shown.etag.as_deref(), Some("\"2\""));
    assert_eq!(shown.json()["document"], stars);
    let listed = offices.ask(offices.last(), "GET /v1/accounts", &[]).json();
    assert_eq!(listed, json!([{"id": "card", "version": 2, "document": stars}]));

    let none = offices.ask(0, "GET /v1/policy", &[]);
    assert_eq!(none.wrong(), "404 there is no policy: one code goes into an order");
    let policy = json!({"codes_max": 3});
    let heard = offices.ask(0, &format!("PUT /v1/policy {policy}"), &NEW);
    assert_eq!((heard.status, heard.json()["document"].clone()), (200, policy));

    let removed = offices.ask(offices.last(), "DELETE /v1/accounts/card", &[("if-match", "\"2\"")]);
    assert_eq!((removed.status, removed.json()), (200, json!({"ok": true})));
    assert_eq!(
        offices.ask(0, "GET /v1/accounts/card", &[]).wrong(),
        "404 there is no account card"
    );
    assert_eq!(offices.ask(0, "DELETE /v1/accounts/card", &[]).status, 404);
    // Another one with this id goes on with the versions: nobody takes it for the old one.
    assert_eq!(put(&card, &NEW), "created \"4\"");
    let audit = offices.ask(0, "GET /v1/audit", &[]).json().to_string();
    assert!(audit.contains("account card: removed"), "{audit}");
}

fn many_slots_come_at_once(offices: &Offices) {
    let group = json!({"id": "members", "mandatory": true});
    assert_eq!(put(offices, "/v1/groups/members", &group, &NEW), "created \"1\"");
    let slots = |group: &str| -> Value {
        (0..2_000).map(|n| json!({"id": format!("room 7/{n}"), "group": group})).collect()
    };
    let put_all = |slots: &Value| offices.ask(0, &format!("PUT /v1/slots {slots}"), &[]);
    let unknown = put_all(&slots("guests"));
    assert_eq!(unknown.status, 422);
    assert_eq!(unknown.json()["errors"][1_999]["path"], "[1999].group");
    assert_eq!(offices.ask(0, "GET /v1/slots", &[]).json(), json!([]));
    let twice = json!([{"id": "a", "group": "members"}, {"id": "a", "group": "members"}]);
    assert_eq!(put_all(&twice).wrong(), "422 [1].id: is in the list before");
    let all = slots("members");
    assert_eq!(put_all(&all).json(), json!({"created": 2_000, "edited": 0, "unchanged": 0}));
    assert_eq!(put_all(&all).json(), json!({"created": 0, "edited": 0, "unchanged": 2_000}));
    let one = offices.ask(offices.last(), "GET /v1/slots/room%207%2F1999", &[]).json();
    assert_eq!(one["document"], json!({"id": "room 7/1999", "group": "members"}));
    assert_eq!(offices.ask(0, "GET /v1/slots", &[]).json().as_array().unwrap().len(), 2_000);
}

fn what_is_named_must_be_there(offices: &Offices) {
    let wrong = |path: &str, document: Value| put(offices, path, &document, &NEW);
    let slot = json!({"id": "easter", "group": "members"});
    assert_eq!(wrong("/v1/slots/easter", slot.clone()), "422 group: there is no group members");
    let policy = wrong("/v1/policy", json!({"default_group": "members"}));
    assert_eq!(policy, "422 default_group: there is no group members");
    let campaign = json!({
        "id": "club", "kind": "access", "groups": ["members"], "account": "card",
    });
    let both = offices.ask(0, &format!("PUT /v1/campaigns/club {campaign}"), &NEW);
    let errors = &both.json()["errors"];
    assert_eq!((both.status, &errors[0]["path"]), (422, &json!("account")));
    assert_eq!(errors[0]["message"], "there is no account card");
    assert_eq!(errors[1]["path"], "groups[0]");
    let planned = offices.ask(0, &format!("POST /v1/campaigns/club/plan {campaign}"), &[]);
    assert_eq!(planned.status, 422);

    let group = json!({"id": "members"});
    assert_eq!(wrong("/v1/groups/members", group), "created \"1\"");
    assert_eq!(
        wrong("/v1/accounts/card", json!({"id": "card", "unit": "points"})),
        "created \"1\""
    );
    assert_eq!(wrong("/v1/slots/easter", slot), "created \"1\"");
    assert_eq!(offices.ask(0, &format!("PUT /v1/campaigns/club {campaign}"), &NEW).status, 200);

    let pays = json!({
        "id": "band", "kind": "points", "account": "card", "currency": "EUR",
        "effects": [{"type": "balance", "of": "account"}],
    });
    assert_eq!(
        wrong("/v1/campaigns/band", pays),
        "422 account: is card, whose points pay nothing: say what one pays there"
    );

    // Every node knows within a second who names them.
    let other = offices.last();
    let in_use = |name: &str, by: &str| {
        let refused = format!("409 {name} cannot be removed: {by} names it");
        move |heard: &crate::offices::Heard| heard.status == 409 && heard.wrong() == refused
    };
    let by_club = in_use("account card", "campaign club");
    offices.soon(other, "DELETE /v1/accounts/card", by_club);
    offices.soon(other, "DELETE /v1/groups/members", in_use("group members", "campaign club"));
    let left = json!({"id": "club", "kind": "access"});
    assert_eq!(offices.ask(0, &format!("PUT /v1/campaigns/club {left}"), &ANY).status, 200);
    offices.soon(other, "DELETE /v1/groups/members", in_use("group members", "slot easter"));
    assert_eq!(offices.ask(0, "DELETE /v1/slots/easter", &[]).status, 200);
    offices.soon(other, "DELETE /v1/groups/members", |heard| heard.status == 200);
}

fn an_account_in_use_keeps_its_unit(offices: &Offices) {
    let purse = |currency: &str| json!({"id": "purse", "currency": currency});
    let put = |document: &Value| put(offices, "/v1/accounts/purse", document, &ANY);
    assert_eq!(put(&purse("EUR")), "created \"1\"");
    assert_eq!(put(&purse("CZK")), "edited \"2\"");
    let campaign = |currency: &str| {
        let campaign = json!({
            "id": "pay", "kind": "access", "account": "purse", "currency": currency,
        });
        offices.ask(0, &format!("PUT /v1/campaigns/pay {campaign}"), &ANY)
    };
    let other = campaign("EUR").wrong();
    assert_eq!(other, "422 account: is an account in CZK, which this campaign is not in");
    assert_eq!(campaign("CZK").status, 200);
    let refused = "422 unit: cannot be changed, nor its currency: campaign pay names it";
    assert_eq!(put(&purse("EUR")), refused);
    assert_eq!(put(&json!({"id": "purse", "unit": "points"})), refused);
    assert_eq!(put(&json!({"id": "purse", "currency": "CZK", "max": "90.00"})), "edited \"3\"");
}
