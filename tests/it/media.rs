//! Media: several texts that reach one pass, and wristbands that reach one customer's account.

use serde_json::{Value, json};

use crate::offices::Offices;

const ANY: [(&str, &str); 1] = [("if-match", "*")];

const PASS: &str = r#"{"id": "pass", "kind": "pass", "uses": 3}"#;

const PURSE: &str = r#"{"id": "purse", "unit": "money", "currency": "EUR", "claw_back": "floor"}"#;

const BAND: &str = r#"{"id": "band", "kind": "points", "uses": "unlimited", "account": "purse",
    "currency": "EUR", "effects": [{"type": "balance", "of": "account"}]}"#;

struct Park(Offices);

impl Park {
    fn put(&self, path: &str, document: &str) {
        let document: Value = serde_json::from_str(document).unwrap();
        let heard = self.0.ask(0, &format!("PUT {path} {document}"), &ANY);
        assert_eq!(heard.status, 200, "{}", heard.wrong());
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let heard = self.0.ask(0, &format!("POST {path} {body}"), &[]);
        assert_eq!(heard.status, 200, "{}", heard.wrong());
        heard.json()
    }

    fn add(&self, campaign: &str, code: &str) {
        self.post("/v1/codes", &json!({ "campaign": campaign, "code": code }));
    }

    fn link(&self, code: &str, medium: &str) -> Value {
        self.post("/v1/codes/media", &json!({ "code": code, "medium": medium }))
    }

    /// What redeeming says: how many uses are left, or the reason.
    fn scan(&self, key: &str, code: &str) -> Value {
        let asked = format!("POST /v1/redeem {}", json!({ "code": code }));
        let heard = self.0.ask(0, &asked, &[("idempotency-key", key)]).json();
        if heard["ok"] == true {
            heard["uses"][0]["remaining"].clone()
        } else {
            heard["reason"].clone()
        }
    }

    /// What paying with a wristband says: what is left in the account, or the reason.
    fn pay(&self, key: &str, code: &str, amount: &str) -> Value {
        let order = json!({ "currency": "EUR", "amount": amount });
        let asked = format!("POST /v1/redeem {}", json!({ "code": code, "order": order }));
        let heard = self.0.ask(0, &asked, &[("idempotency-key", key)]).json();
        match heard["ok"] == true {
            true => heard["uses"][0]["account"]["balance"].clone(),
            false => heard["reason"].clone(),
        }
    }
}

fn several_media_reach_one_pass(offices: Offices) {
    let park = Park(offices);
    park.put("/v1/campaigns/pass", PASS);
    park.add("pass", "PAPER-1");
    park.add("pass", "PAPER-2");
    assert_eq!(park.link("PAPER-1", "CHIP-77")["ok"], true);
    assert_eq!(park.scan("a", "PAPER-1"), 2);
    assert_eq!(park.scan("b", "CHIP-77"), 1, "the same uses under another text");
    let both = json!({ "codes": ["PAPER-1", "CHIP-77"] });
    assert_eq!(park.post("/v1/validate", &both)["ok"], false, "one order takes a pass once");
    park.post("/v1/codes/revoke", &json!({ "code": "CHIP-77" }));
    assert_eq!(park.scan("c", "CHIP-77"), "code_revoked");
    assert_eq!(park.scan("c", "PAPER-1"), 0, "the paper is still good");

    // The chip moves to another guest's pass; a code of its own does not.
    assert_eq!(park.link("PAPER-2", "CHIP-77")["ok"], true);
    assert_eq!(park.scan("d", "CHIP-77"), 2);
    let taken = json!({ "code": "PAPER-2", "medium": "PAPER-1" });
    let heard = park.0.ask(0, &format!("POST /v1/codes/media {taken}"), &[]);
    assert_eq!(heard.status, 422, "{}", heard.wrong());

    let park = Park(park.0.restart());
    assert_eq!(park.scan("e", "PAPER-2"), 1, "and all of it is remembered");
    assert_eq!(park.scan("f", "CHIP-77"), 0);
}

#[test]
fn several_media_reach_one_pass_embedded() {
    several_media_reach_one_pass(Offices::embedded());
}

#[test]
fn several_media_reach_one_pass_on_redis() {
    several_media_reach_one_pass(Offices::redis());
}

#[test]
fn wristbands_pay_from_the_account_of_who_wears_them() {
    let park = Park(Offices::embedded());
    park.put("/v1/accounts/purse", PURSE);
    park.put("/v1/campaigns/band", BAND);
    for band in ["BAND-1", "BAND-2"] {
        park.add("band", band);
        park.post("/v1/codes/holder", &json!({ "code": band, "holder": "ada" }));
    }
    let top_up = json!({ "to": { "account": "purse", "customer": "ada" }, "amount": "30.00" });
    let asked = format!("POST /v1/topups {top_up}");
    let heard = park.0.ask(0, &asked, &[("idempotency-key", "cash")]);
    assert_eq!(heard.json()["ok"], true, "{}", heard.wrong());
    assert_eq!(park.pay("a", "BAND-1", "12.00"), "18.00");
    assert_eq!(park.pay("b", "BAND-2", "8.00"), "10.00", "both reach one account");
    assert_eq!(park.pay("c", "BAND-2", "10.01"), "balance_insufficient");
    park.post("/v1/codes/holder", &json!({ "code": "BAND-2", "holder": "bert" }));
    assert_eq!(park.pay("d", "BAND-2", "1.00"), "balance_empty", "it changed its wearer");
    assert_eq!(park.pay("e", "BAND-1", "10.00"), "0.00");
}
