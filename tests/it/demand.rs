//! Single codes on demand, photos, and codes that nobody used.

use std::thread;

use jeton::auth::role::Role;
use serde_json::{Value, json};

use crate::offices::Offices;

const ANY: [(&str, &str); 1] = [("if-match", "*")];

const GIFT: &str = r#"{"id": "gift", "kind": "voucher", "currency": "EUR", "balance": "100.00",
    "codes": {"pattern": "GIFT-############"}}"#;

fn issue(offices: &Offices, node: usize, key: &str, body: &Value) -> Value {
    let asked = format!("POST /v1/campaigns/gift/issue {body}");
    let heard = offices.ask_as(Role::Checkout, node, &asked, &[("idempotency-key", key)]);
    assert_eq!(heard.status, 200, "{}", heard.wrong());
    heard.json()
}

fn look_up(offices: &Offices, node: usize, code: &Value) -> Value {
    offices.ask(node, &format!("POST /v1/codes/lookup {}", json!({ "code": code })), &[]).json()
}

fn put_gift(offices: &Offices) {
    let put = offices.ask(0, &format!("PUT /v1/campaigns/gift {}", one_line(GIFT)), &ANY);
    assert_eq!(put.status, 200, "{}", put.wrong());
}

fn one_line(text: &str) -> String {
    serde_json::from_str::<Value>(text).unwrap().to_string()
}

fn a_code_is_issued_once_for_a_key(offices: Offices) {
    put_gift(&offices);
    let wish = json!({"holder": "ada", "balance": "12.50", "label": "refunds", "photo": "p/1"});
    let first = issue(&offices, 0, "order 7", &wish);
    assert_eq!((&first["repeated"], &first["version"]), (&json!(false), &json!(1)));
    let code = &first["code"];
    let page = look_up(&offices, 0, code);
    assert_eq!((&page["holder"], &page["photo"]), (&json!("ada"), &json!("p/1")), "{page}");
    assert_eq!((&page["balance"], &page["batch"]), (&json!("12.50"), &first["batch"]), "{page}");

    // The same key gives the same code, on every node and after a restart.
    let last = offices.last();
    let again = issue(&offices, last, "order 7", &json!({}));
    assert_eq!((&again["code"], &again["repeated"]), (code, &json!(true)));
    let plain = issue(&offices, last, "order 8", &json!({}));
    assert_ne!((&plain["code"], &plain["batch"]), (code, &first["batch"]));
    let labelled = issue(&offices, last, "order 9", &json!({"label": "refunds"}));
    assert_eq!(labelled["batch"], first["batch"]);
    offices.soon(
        0,
        &format!("POST /v1/codes/lookup {}", json!({"code": plain["code"]})),
        |heard| heard.json()["ok"] == true,
    );
    let offices = offices.restart();
    assert_eq!(issue(&offices, 0, "order 7", &json!({}))["code"], *code);
    let page = look_up(&offices, 0, code);
    assert_eq!((&page["balance"], &page["photo"]), (&json!("12.50"), &json!("p/1")));
    assert_eq!(look_up(&offices, 0, &plain["code"])["balance"], "100.00");
    let batches = offices.ask(0, "GET /v1/batches?campaign=gift", &[]).json();
    let told: Vec<(&Value, &Value)> =
        batches.as_array().unwrap().iter().map(|one| (&one["source"], &one["stored"])).collect();
    assert_eq!(told, [(&json!("on_demand"), &json!(2)), (&json!("on_demand"), &json!(1))]);
}

fn who_asks_at_the_same_time_gets_the_same_code(offices: &Offices) {
    put_gift(offices);
    let last = offices.last();
    let codes: Vec<(usize, Value)> = thread::scope(|scope| {
        let asking: Vec<_> = (0..24)
            .map(|n| {
                let node = if n % 2 == 0 { 0 } else { last };
                let key = format!("order {}", n / 4);
                scope.spawn(move || (n / 4, issue(offices, node, &key, &json!({}))["code"].clone()))
            })
            .collect();
        asking.into_iter().map(|asked| asked.join().unwrap()).collect()
    });
    let mut different: Vec<String> = codes.iter().map(|(_, code)| code.to_string()).collect();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), 6, "{codes:?}");
    for (order, code) in &codes {
        let same = codes.iter().filter(|(other, _)| other == order);
        assert!(same.map(|(_, code)| code).all(|other| other == code));
    }
    let batches = offices.ask(0, "GET /v1/batches", &[]).json();
    assert_eq!((batches.as_array().unwrap().len(), &batches[0]["stored"]), (1, &json!(6)));
}

#[test]
fn in_a_directory_a_code_is_issued_once_for_a_key() {
    a_code_is_issued_once_for_a_key(Offices::embedded());
}

#[test]
fn in_redis_a_code_is_issued_once_for_a_key() {
    a_code_is_issued_once_for_a_key(Offices::redis());
}

#[test]
fn in_a_directory_who_asks_at_the_same_time_gets_the_same_code() {
    who_asks_at_the_same_time_gets_the_same_code(&Offices::embedded());
}

#[test]
fn in_redis_who_asks_at_the_same_time_gets_the_same_code() {
    who_asks_at_the_same_time_gets_the_same_code(&Offices::redis());
}

#[test]
fn issuing_needs_a_key_a_pattern_and_a_role() {
    let offices = Offices::embedded();
    put_gift(&offices);
    let own = r#"{"id": "own", "kind": "access"}"#;
    assert_eq!(offices.ask(0, &format!("PUT /v1/campaigns/own {own}"), &ANY).status, 200);
    let key = [("idempotency-key", "k")];
    let ask = |role, path: &str, headers: &[(&str, &str)]| {
        offices.ask_as(role, 0, &format!("POST /v1/campaigns/{path}/issue {{}}"), headers).status
    };
    assert_eq!(ask(Role::Gate, "gift", &key), 403);
    assert_eq!(ask(Role::Checkout, "gift", &[]), 400);
    assert_eq!(ask(Role::Checkout, "none", &key), 404);
    assert_eq!(ask(Role::Checkout, "own", &key), 422);
    assert_eq!(ask(Role::Checkout, "gift", &key), 200);
    // The key was for another campaign's code.
    let other = r#"{"id": "other", "kind": "access", "codes": {"pattern": "O-############"}}"#;
    assert_eq!(offices.ask(0, &format!("PUT /v1/campaigns/other {other}"), &ANY).status, 200);
    assert_eq!(ask(Role::Checkout, "other", &key), 409);
    // Nor does it name a batch.
    let generate = "POST /v1/campaigns/gift/codes:generate?count=2";
    assert_eq!(offices.ask(0, generate, &key).status, 409);
}

#[test]
fn a_photo_is_set_and_shown() {
    let offices = Offices::embedded();
    put_gift(&offices);
    let create = json!({"campaign": "gift", "code": "FERRY-TICKET", "photo": "p/1"});
    assert_eq!(offices.ask(0, &format!("POST /v1/codes {create}"), &[]).status, 200);
    let code = json!("FERRY-TICKET");
    assert_eq!(look_up(&offices, 0, &code)["photo"], "p/1");
    let set = |photo: &Value| {
        let body = json!({"code": "FERRY-TICKET", "photo": photo});
        offices.ask(0, &format!("POST /v1/codes/photo {body}"), &[]).status
    };
    assert_eq!(set(&json!("https://photos.example/ada")), 200);
    assert_eq!(look_up(&offices, 0, &code)["photo"], "https://photos.example/ada");
    assert_eq!(set(&json!("x".repeat(513))), 422);
    let offices = offices.restart();
    assert_eq!(look_up(&offices, 0, &code)["photo"], "https://photos.example/ada");
    let none = json!({"code": "FERRY-TICKET"});
    assert_eq!(offices.ask(0, &format!("POST /v1/codes/photo {none}"), &[]).status, 200);
    assert_eq!(look_up(&offices, 0, &code)["photo"], Value::Null);
}

const DAY_MS: i64 = 86_400_000;

fn fair(more: &Value) -> String {
    let mut document = json!({
        "id": "fair", "kind": "access", "retention": "30days",
        "codes": {"pattern": "FAIR-############"},
    });
    for (name, value) in more.as_object().unwrap() {
        document[name] = value.clone();
    }
    format!("PUT /v1/campaigns/fair {document}")
}

/// Three codes, the first of which was used, the second given back after use; the last one is as
/// it was made. And one that is valid for longer, where that is wanted.
fn four_codes(offices: &Offices) -> Vec<Value> {
    let put = offices.ask(0, &fair(&json!({})), &ANY);
    assert_eq!(put.status, 200, "{}", put.wrong());
    let generated = offices.ask(0, "POST /v1/campaigns/fair/codes:generate?count=2", &[]).lines();
    let mut codes: Vec<Value> = generated[..2].iter().map(|line| line["code"].clone()).collect();
    for (key, body) in [("c", json!({})), ("d", json!({"valid_until": "2099-01-01"}))] {
        let asked = format!("POST /v1/campaigns/fair/issue {body}");
        let issued = offices.ask(0, &asked, &[("idempotency-key", key)]).json();
        codes.push(issued["code"].clone());
    }
    for (place, id) in [(0, "kept"), (1, "given-back")] {
        let redeem = json!({"codes": [codes[place]], "order": {}});
        let key = [("idempotency-key", id)];
        let yes = offices.ask(0, &format!("POST /v1/redeem {redeem}"), &key).json();
        assert_eq!(yes["ok"], true, "{yes}");
    }
    let release = "POST /v1/redemptions/given-back/release {}";
    let released = offices.ask(0, release, &[("idempotency-key", "r")]).json();
    assert_eq!(released["ok"], true, "{released}");
    codes
}

fn prune(offices: &Offices, body: &str) -> Vec<Value> {
    offices.ask(offices.last(), &format!("POST /v1/codes/prune {body}"), &[]).lines()
}

fn fair_line(removed: u32, used: u32, valid: u32) -> Value {
    json!({"campaign": "fair", "removed": removed, "kept_used": used, "kept_valid": valid})
}

#[test]
fn unused_codes_go_when_their_campaign_was_ended_long_enough() {
    let offices = Offices::embedded();
    let codes = four_codes(&offices);
    let end = r#"POST /v1/campaigns/fair/status {"status": "ended"}"#;
    assert_eq!(offices.ask(0, end, &[]).status, 200);
    offices.clock.advance(30 * DAY_MS - 1);
    assert_eq!(prune(&offices, "{}").len(), 1, "nothing is due");
    offices.clock.advance(1);
    let tried = prune(&offices, r#"{"dry_run": true}"#);
    assert_eq!(tried[0], fair_line(2, 2, 0));
    assert_eq!(look_up(&offices, 0, &codes[2])["ok"], true);
    let done = prune(&offices, "{}");
    assert_eq!(done[0], fair_line(2, 2, 0));
    assert_eq!((&done[1]["done"], &done[1]["removed"]), (&json!(true), &json!(2)));
    assert_eq!(prune(&offices, "{}")[0], fair_line(0, 2, 0));

    let offices = offices.restart();
    let reason = |code| look_up(&offices, 0, code)["reason"].clone();
    assert_eq!([&codes[2], &codes[3]].map(reason), ["code_not_found", "code_not_found"]);
    let page = look_up(&offices, 0, &codes[0]);
    assert_eq!((&page["used"], &page["state"]), (&json!(1), &json!("used")));
    assert_eq!(look_up(&offices, 0, &codes[1])["ok"], true);
    let exported = offices.ask(0, "GET /v1/batches/1/codes?format=ndjson", &[]).lines();
    assert_eq!(exported.iter().filter(|line| line.get("code").is_some()).count(), 2);
    let audit = offices.ask(0, "GET /v1/audit", &[]).json().to_string();
    assert!(audit.contains("removed 2 unused codes; 2 used ones stay"), "{audit}");
    // What was removed is never made again, and its request has no other code.
    assert_eq!(offices.ask(0, &fair(&json!({"status": "active"})), &ANY).status, 200);
    let again = "POST /v1/campaigns/fair/issue {}";
    assert_eq!(offices.ask(0, again, &[("idempotency-key", "c")]).status, 404);
    let fresh = offices.ask(0, "POST /v1/campaigns/fair/codes:generate?count=50", &[]).lines();
    assert!(fresh.iter().all(|line| !codes.contains(&line["code"])));
}

#[test]
fn unused_codes_go_from_all_nodes_when_their_campaign_is_past() {
    let offices = Offices::redis();
    let codes = four_codes(&offices);
    let past = json!({"validity": {"until": "2020-12-31"}});
    assert_eq!(offices.ask(0, &fair(&past), &ANY).status, 200);
    let other = format!("POST /v1/codes/lookup {}", json!({"code": codes[2]}));
    offices.soon(offices.last(), &other, |heard| heard.json()["state"] == "expired");
    assert_eq!(prune(&offices, "{}")[0], fair_line(1, 2, 1));
    offices.soon(0, &other, |heard| heard.json()["reason"] == "code_not_found");
    assert_eq!(look_up(&offices, 0, &codes[3])["ok"], true);
    let offices = offices.restart();
    let reason = |code| look_up(&offices, 0, code)["reason"].clone();
    assert_eq!(reason(&codes[2]), "code_not_found");
    for kept in [&codes[0], &codes[1], &codes[3]] {
        assert_eq!(look_up(&offices, 0, kept)["ok"], true);
    }
}
