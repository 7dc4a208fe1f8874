//! Value apart from orders, over the wire: topping up, moving, looking at an account, and a voucher
//! or credit instead of money back.

use jeton::auth::role::Role;
use jeton::client::{Order, Reply, Request};
use jeton::protocol::Redeem;
use serde_json::{Value, json};

use crate::house::{block_on, id};
use crate::offices::Offices;

const DAY_MS: i64 = 86_400_000;

const BUNDLE: &str = r#"
[[account]]
id = "full"
currency = "EUR"
max = "100"
at_max = "refuse"

[[account]]
id = "brim"
currency = "EUR"
max = "100"

[[account]]
id = "tab"
currency = "EUR"
claw_back = "debt"

[[account]]
id = "stars"
unit = "points"
currency = "EUR"
lasts = { count = 12, unit = "months" }
claw_back = "debt"
weights = { cart = 10 }
pending_days = 2

[[account]]
id = "stamps"
unit = "points"

[[campaign]]
id = "gift"
kind = "voucher"
currency = "EUR"
balance = "50"

[[campaign]]
id = "past"
kind = "voucher"
currency = "EUR"
balance = "50"
validity = { until = "2026-06-01" }

[[campaign]]
id = "crowns"
kind = "voucher"
currency = "CZK"
balance = "500"

[[campaign]]
id = "again"
kind = "voucher"
currency = "EUR"
validity = { until = "2027-06-30" }
codes = { pattern = "AGAIN-############" }

[[campaign]]
id = "trip"
kind = "access"

[[campaign]]
id = "pay-full"
kind = "points"
currency = "EUR"
account = "full"
uses = "unlimited"
effects = [{ type = "balance", of = "account" }]

[[campaign]]
id = "pay-tab"
kind = "points"
currency = "EUR"
account = "tab"
uses = "unlimited"
effects = [{ type = "balance", of = "account" }]

[[campaign]]
id = "collect"
kind = "points"
account = "stars"
uses = "unlimited"
effects = [{ type = "points", by_weight = true }]

[[campaign]]
id = "reward"
kind = "points"
account = "stars"
uses = "unlimited"
effects = [{ type = "spend", amount = 20 }]
"#;

const CODES: [(&str, &str); 8] = [
    ("gift", "GIFT\nGIFT-B\nGIFT-C"),
    ("past", "PAST"),
    ("crowns", "CROWNS"),
    ("trip", "TRIP\nTRIP-B\nTRIP-C"),
    ("pay-full", "PAY-FULL"),
    ("pay-tab", "PAY-TAB"),
    ("collect", "COLLECT"),
    ("reward", "REWARD"),
];

/// An office, and guests with vouchers and accounts.
struct Bank(Offices);

impl Bank {
    fn embedded() -> Self {
        Self::open(Offices::embedded())
    }

    fn open(offices: Offices) -> Self {
        offices.nodes[0].define(BUNDLE).unwrap();
        for (campaign, list) in CODES {
            offices.nodes[0].codes(campaign, list).unwrap();
        }
        let (last, last_code) = (offices.last(), "POST /v1/codes/lookup {\"code\":\"REWARD\"}");
        offices.soon(last, last_code, |heard| heard.json()["ok"] == true);
        Self(offices)
    }

    fn post_to(&self, node: usize, key: &str, path: &str, body: &Value) -> Value {
        self.0.ask(node, &format!("POST {path} {body}"), &[("idempotency-key", key)]).json()
    }

    fn post(&self, key: &str, path: &str, body: &Value) -> Value {
        self.post_to(0, key, path, body)
    }

    fn top_up(&self, key: &str, to: &Value, amount: &str) -> Value {
        self.post(key, "/v1/topups", &json!({"to": to, "amount": amount}))
    }

    fn transfer(&self, key: &str, from: &Value, to: &Value, amount: &str) -> Value {
        self.post(key, "/v1/transfers", &json!({"from": from, "to": to, "amount": amount}))
    }

    fn release(&self, key: &str, of: &str, body: &Value) -> Value {
        self.post(key, &format!("/v1/redemptions/{of}/release"), body)
    }

    /// Pays `total` euros with a code.
    fn pay(&self, key: &str, code: &str, total: &str) -> Value {
        let order = json!({"customer": "mia", "total": total, "currency": "EUR"});
        self.post(key, "/v1/redeem", &json!({"code": code, "order": order}))
    }

    fn code(&self, code: &str) -> Value {
        self.post("-", "/v1/codes/lookup", &json!({"code": code}))
    }

    fn balance(&self, code: &str) -> Value {
        self.code(code)["balance"].clone()
    }

    fn account(&self, account: &str) -> Value {
        let path = format!("/v1/accounts/{account}/lookup");
        self.post("-", &path, &json!({"customer": "mia"}))
    }

    /// What can be spent, and what is owed.
    fn stands(&self, account: &str) -> [Value; 2] {
        let page = self.account(account);
        ["balance", "debt"].map(|name| page[name].clone())
    }

    /// How many vouchers were ever issued instead of money.
    fn issued(&self) -> u64 {
        let batches = self.0.ask(0, "GET /v1/batches?campaign=again", &[]).json();
        let list = batches.as_array().or(batches["batches"].as_array()).unwrap();
        list.iter().map(|batch| batch["stored"].as_u64().unwrap()).sum()
    }
}

fn gift() -> Value {
    json!({"code": "GIFT"})
}

fn of_mia(account: &str) -> Value {
    json!({"account": account, "customer": "mia"})
}

/// The answer but for the mark that it was given before.
fn first(mut answer: Value) -> Value {
    assert_eq!(answer["replayed"].take(), true, "{answer}");
    answer["replayed"] = json!(false);
    answer
}

fn check_a_top_up_happens_once(bank: &Bank) {
    let yes = bank.top_up("a", &gift(), "20.00");
    assert_eq!((&yes["state"], &yes["currency"]), (&json!("redeemed"), &json!("EUR")), "{yes}");
    assert_eq!(yes["uses"][0]["balance"], "70.00", "{yes}");
    let last = bank.0.last();
    let again = json!({"to": gift(), "amount": "20.00"});
    assert_eq!(first(bank.post_to(last, "a", "/v1/topups", &again)), yes);
    assert_eq!(bank.top_up("a", &gift(), "20.01")["reason"], "id_mismatch");
    assert_eq!(bank.top_up("a", &of_mia("tab"), "20.00")["reason"], "id_mismatch");
    assert_eq!(bank.balance("GIFT"), "70.00");

    let yes = bank.top_up("b", &of_mia("tab"), "10.50");
    let did = ["account", "earned", "balance"].map(|name| &yes["uses"][0]["account"][name]);
    assert_eq!(did, ["tab", "10.50", "10.50"], "{yes}");
    assert_eq!(first(bank.top_up("b", &of_mia("tab"), "10.50")), yes);
    assert_eq!(bank.stands("tab"), ["10.50", "0.00"]);
    assert_eq!(bank.pay("c", "GIFT", "65.00")["total_after"], "0.00");
    assert_eq!(bank.balance("GIFT"), "5.00");
}

#[test]
fn a_top_up_happens_once() {
    check_a_top_up_happens_once(&Bank::embedded());
}

#[test]
fn a_top_up_happens_once_with_redis() {
    check_a_top_up_happens_once(&Bank::open(Offices::redis()));
}

#[test]
fn a_redemption_is_not_taken_for_a_top_up() {
    let bank = Bank::embedded();
    let id = id("a");
    assert_eq!(bank.top_up(&id.to_string(), &gift(), "20.00")["ok"], true);
    let codes = ["GIFT".to_owned()].into_iter().collect();
    let order = Order { amount_minor: Some(2_000), ..Order::default() };
    let redeem = Request::Redeem(Redeem { id, codes, order, ..Redeem::default() });
    let reply = block_on(async {
        bank.0.nodes[0].client(Role::Checkout).await.unwrap().send(redeem).await.unwrap()
    });
    let Reply::Refused(no) = reply else { panic!("{reply:?}") };
    assert_eq!(no.reason, "id_mismatch", "{no:?}");
    assert_eq!(bank.balance("GIFT"), "70.00");
}

#[test]
fn a_top_up_needs_a_good_code_and_an_amount() {
    let bank = Bank::embedded();
    let refused = |key: &str, to: &Value| bank.top_up(key, to, "5")["reason"].clone();
    assert_eq!(refused("a", &json!({"code": "PAST"})), "expired");
    assert_eq!(refused("b", &json!({"code": "TRIP"})), "no_effect");
    assert_eq!(refused("c", &json!({"code": "NONE"})), "code_not_found");
    assert_eq!(refused("d", &json!({"account": "none", "customer": "mia"})), "input_missing");
    assert_eq!(refused("e", &json!({"account": "tab", "customer": ""})), "customer_required");
    bank.post("-", "/v1/codes/revoke", &gift());
    assert_eq!(refused("f", &gift()), "code_revoked");
    bank.post("-", "/v1/codes/reinstate", &gift());
    assert_eq!(bank.top_up("f", &gift(), "5")["ok"], true);
    for (to, amount) in [
        (gift(), "0"),
        (gift(), "-1"),
        (gift(), "1.005"),
        (of_mia("stars"), "1.5"),
        (json!({"code": "GIFT", "account": "tab"}), "1"),
        (json!({"account": "tab", "customer": "m".repeat(1_000)}), "1"),
    ] {
        let asked = format!("POST /v1/topups {}", json!({"to": to, "amount": amount}));
        let heard = bank.0.ask(0, &asked, &[("idempotency-key", "g")]);
        assert_eq!(heard.status, 422, "{asked}");
    }
    assert_eq!(bank.balance("GIFT"), "55.00");
}

#[test]
fn a_released_top_up_is_taken_out_again() {
    let bank = Bank::embedded();
    bank.top_up("a", &gift(), "20.00");
    let released = bank.release("r", "a", &json!({}));
    assert_eq!(released["state"], "released", "{released}");
    assert_eq!(released["uses"][0]["balance"], "50.00", "{released}");
    assert_eq!(first(bank.release("r", "a", &json!({}))), released);
    assert_eq!(bank.release("s", "a", &json!({}))["reason"], "already_released");
    assert_eq!(first(bank.top_up("a", &gift(), "20.00"))["state"], "redeemed");
    assert_eq!(bank.balance("GIFT"), "50.00");
    bank.top_up("b", &gift(), "20.00");
    bank.release("half", "b", &json!({"part": 500}));
    assert_eq!(bank.balance("GIFT"), "65.00");
}

#[test]
fn what_was_spent_of_a_released_top_up_is_given_up_or_owed() {
    let bank = Bank::embedded();
    bank.top_up("a", &gift(), "20.00");
    bank.pay("pay-a", "GIFT", "60.00");
    bank.release("r-a", "a", &json!({}));
    bank.top_up("b", &gift(), "5.00");
    assert_eq!(bank.balance("GIFT"), "5.00", "a code gives up what is missing");

    for (account, code, key) in [("full", "PAY-FULL", "c"), ("tab", "PAY-TAB", "d")] {
        bank.top_up(key, &of_mia(account), "20.00");
        let paid = bank.pay(&format!("pay-{key}"), code, "15.00");
        assert_eq!(paid["total_after"], "0.00", "{paid}");
        assert_eq!(bank.release(&format!("r-{key}"), key, &json!({}))["state"], "released");
    }
    assert_eq!(bank.stands("full"), ["0.00", "0.00"]);
    assert_eq!(bank.stands("tab"), ["0.00", "15.00"]);
    bank.top_up("e", &of_mia("tab"), "20.00");
    assert_eq!(bank.stands("tab"), ["5.00", "0.00"]);
}

#[test]
fn a_transfer_moves_everything_or_nothing() {
    let bank = Bank::embedded();
    let other = json!({"code": "GIFT-B"});
    let moved = bank.transfer("a", &gift(), &other, "30.00");
    assert_eq!((&moved["state"], &moved["currency"]), (&json!("redeemed"), &json!("EUR")));
    let told = [0, 1].map(|place| {
        let used = &moved["uses"][place];
        (used["code_index"].clone(), used["balance"].clone())
    });
    assert_eq!(told, [(json!(0), json!("20.00")), (json!(1), json!("80.00"))], "{moved}");
    assert_eq!(first(bank.transfer("a", &gift(), &other, "30.00")), moved);
    assert_eq!(bank.transfer("a", &other, &gift(), "30.00")["reason"], "id_mismatch");

    let (full, brim, stars) = (of_mia("full"), of_mia("brim"), of_mia("stars"));
    let third = json!({"code": "GIFT-C"});
    bank.post("-", "/v1/codes/revoke", &third);
    bank.top_up("full", &full, "90");
    bank.top_up("brim", &brim, "90");
    let no = |key: &str, from: &Value, to: &Value, amount: &str| {
        let no = bank.transfer(key, from, to, amount);
        (no["reason"].as_str().unwrap_or_else(|| panic!("{no}")).to_owned(), no)
    };
    assert_eq!(no("b", &gift(), &other, "20.01").0, "balance_insufficient");
    assert_eq!(no("c", &gift(), &full, "10.01").0, "balance_cap");
    assert_eq!(no("d", &gift(), &brim, "10.01").0, "balance_cap", "nothing is lost on the way");
    let (reason, mismatch) = no("e", &gift(), &json!({"code": "CROWNS"}), "1");
    assert_eq!((reason.as_str(), &mismatch["number"]), ("currency_mismatch", &json!(147)));
    assert_eq!(no("f", &stars, &gift(), "1").0, "currency_mismatch");
    assert_eq!(no("g", &gift(), &gift(), "1").0, "already_applied");
    assert_eq!(no("h", &full, &full, "1").0, "already_applied");
    let (reason, revoked) = no("i", &gift(), &third, "1");
    assert_eq!((reason.as_str(), &revoked["code_index"]), ("code_revoked", &json!(1)));
    let (reason, expired) = no("j", &json!({"code": "PAST"}), &gift(), "1");
    assert_eq!((reason.as_str(), &expired["code_index"]), ("expired", &json!(0)));
    assert_eq!([bank.balance("GIFT"), bank.balance("GIFT-B")], ["20.00", "80.00"]);
    assert_eq!([bank.stands("full"), bank.stands("brim")], [["90.00", "0.00"]; 2]);
    assert_eq!(bank.balance("PAST"), "50.00");

    // Points of one account are no points of another.
    let stamps = of_mia("stamps");
    bank.top_up("stamps", &stamps, "5");
    assert_eq!(no("l", &stamps, &stars, "1").0, "currency_mismatch");
    let of_tom = json!({"account": "stamps", "customer": "tom"});
    assert_eq!(no("m", &stamps, &of_tom, "6").0, "points_insufficient");
    assert_eq!(bank.transfer("n", &stamps, &of_tom, "5")["ok"], true);

    bank.transfer("k", &gift(), &brim, "10.00");
    assert_eq!(bank.stands("brim"), ["100.00", "0.00"]);
}

#[test]
fn a_released_transfer_goes_back_and_makes_no_value() {
    let bank = Bank::embedded();
    let other = json!({"code": "GIFT-B"});
    bank.transfer("a", &gift(), &other, "30.00");
    assert_eq!(bank.release("r", "a", &json!({}))["state"], "released");
    assert_eq!([bank.balance("GIFT"), bank.balance("GIFT-B")], ["50.00", "50.00"]);

    bank.transfer("b", &gift(), &other, "30.00");
    assert_eq!(bank.pay("pay", "GIFT-B", "70.00")["total_after"], "0.00");
    bank.release("s", "b", &json!({}));
    assert_eq!([bank.balance("GIFT"), bank.balance("GIFT-B")], ["50.00", "0.00"]);
    bank.top_up("c", &other, "25.00");
    assert_eq!(bank.balance("GIFT-B"), "5.00", "20 were owed");
}

fn check_a_voucher_comes_with_the_release(bank: &Bank) {
    let voucher = json!({"credit": {"campaign": "again", "amount": "80.00"}});
    assert_eq!(bank.post("a", "/v1/redeem", &json!({"code": "TRIP"}))["ok"], true);
    let released = bank.release("r", "a", &voucher);
    assert_eq!(released["state"], "released", "{released}");
    let credit = &released["credit"];
    assert_eq!((&credit["amount"], &credit["currency"]), (&json!("80.00"), &json!("EUR")));
    let code = credit["code"].as_str().unwrap();
    let page = bank.code(code);
    assert_eq!((&page["balance"], &page["campaign"]), (&json!("80.00"), &json!("again")));
    let path = "/v1/redemptions/a/release";
    assert_eq!(first(bank.post_to(bank.0.last(), "r", path, &voucher)), released);
    let order = json!({"total": "100.00", "currency": "EUR"});
    let paid = bank.post("b", "/v1/redeem", &json!({"code": code, "order": order}));
    assert_eq!(
        (&paid["total_after"], &paid["uses"][0]["worth"]),
        (&json!("20.00"), &json!("80.00"))
    );
    assert_eq!((bank.balance(code), bank.issued()), (json!("0.00"), 1));

    // What is released already gives nothing, and no code is made for it.
    assert_eq!(bank.release("s", "a", &voucher)["reason"], "already_released");
    assert_eq!(bank.release("t", "none", &voucher)["reason"], "redemption_not_found");
    assert_eq!(bank.issued(), 1);
}

#[test]
fn a_voucher_comes_with_the_release() {
    check_a_voucher_comes_with_the_release(&Bank::embedded());
}

#[test]
fn a_voucher_comes_with_the_release_with_redis() {
    check_a_voucher_comes_with_the_release(&Bank::open(Offices::redis()));
}

#[test]
fn a_release_that_is_refused_gives_nothing() {
    let bank = Bank::embedded();
    let with = |more: Value| {
        let mut wish = json!({"credit": {"campaign": "again", "amount": "80.00"}});
        wish.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        wish
    };
    bank.post("a", "/v1/redeem", &json!({"code": "TRIP"}));
    assert_eq!(bank.release("r", "a", &with(json!({"part": 2})))["reason"], "release_exceeds");
    let other = bank.release("r", "a", &with(json!({"codes": ["TRIP-B"]})));
    assert_eq!(other["reason"], "code_not_found", "{other}");
    assert_eq!(bank.code("TRIP")["used"], 1);
    // The code that was made ready for it is there, and worth nothing before the release is.
    assert_eq!(bank.issued(), 1);
    let released = bank.release("r", "a", &with(json!({})));
    assert_eq!(bank.balance(released["credit"]["code"].as_str().unwrap()), "80.00");
    assert_eq!((bank.issued(), bank.code("TRIP")["used"].clone()), (1, json!(0)));

    // What cannot be a voucher at all is an error, and releases nothing.
    bank.post("b", "/v1/redeem", &json!({"code": "TRIP-B"}));
    for (credit, status) in [
        (json!({"campaign": "trip", "amount": "80"}), 422),
        (json!({"campaign": "none", "amount": "80"}), 404),
        (json!({"campaign": "again", "amount": "0"}), 422),
        (json!({"campaign": "again", "account": "tab", "amount": "8"}), 422),
        (json!({"account": "tab", "customer": "m".repeat(1_000), "amount": "8"}), 422),
    ] {
        let body = json!({ "credit": credit });
        let asked = format!("POST /v1/redemptions/b/release {body}");
        let heard = bank.0.ask(0, &asked, &[("idempotency-key", "s")]);
        assert_eq!(heard.status, status, "{asked}: {}", heard.wrong());
    }
    assert_eq!(bank.code("TRIP-B")["used"], 1);
}

#[test]
fn the_next_day_a_repeat_is_answered_as_before() {
    let mut bank = Bank::embedded();
    for (key, code) in [("a", "TRIP"), ("b", "TRIP-B")] {
        bank.post(key, "/v1/redeem", &json!({"code": code}));
    }
    let voucher = json!({"credit": {"campaign": "again", "holder": "mia", "amount": "80.00"}});
    let points = json!({"credit": {"account": "stars", "customer": "mia", "amount": "25"}});
    let released = bank.release("r", "a", &voucher);
    let credited = bank.release("s", "b", &points);
    let filled = bank.top_up("c", &of_mia("stars"), "5");
    let moved = bank.transfer("d", &gift(), &of_mia("full"), "12.34");
    assert_eq!(credited["credit"], json!({"amount": "25"}), "{credited}");
    for restarts in [false, true] {
        bank.0.clock.advance(DAY_MS);
        if restarts {
            bank = Bank(bank.0.restart());
        }
        assert_eq!(first(bank.release("r", "a", &voucher)), released);
        assert_eq!(first(bank.release("s", "b", &points)), credited);
        assert_eq!(first(bank.top_up("c", &of_mia("stars"), "5")), filled);
        assert_eq!(first(bank.transfer("d", &gift(), &of_mia("full"), "12.34")), moved);
    }
    let more = json!({"credit": {"campaign": "again", "holder": "mia", "amount": "80.01"}});
    assert_eq!(bank.release("r", "a", &more)["reason"], "id_mismatch");
    assert_eq!(bank.balance(released["credit"]["code"].as_str().unwrap()), "80.00");
    assert_eq!((bank.stands("stars")[0].clone(), bank.issued()), (json!("30"), 1));
}

#[test]
fn credit_stops_at_what_an_account_holds() {
    let bank = Bank::embedded();
    for (key, code) in [("a", "TRIP"), ("b", "TRIP-B")] {
        bank.post(key, "/v1/redeem", &json!({"code": code}));
    }
    let credit = |account: &str, amount: &str| json!({"credit": {"account": account, "customer": "mia", "amount": amount}});
    bank.top_up("full", &of_mia("full"), "60");
    bank.top_up("brim", &of_mia("brim"), "60");
    assert_eq!(bank.release("r", "a", &credit("full", "40.01"))["reason"], "balance_cap");
    assert_eq!(bank.code("TRIP")["used"], 1);
    assert_eq!(bank.stands("full"), ["60.00", "0.00"]);
    assert_eq!(bank.release("r", "a", &credit("full", "40.00"))["credit"]["amount"], "40.00");
    let clamped = bank.release("s", "b", &credit("brim", "40.01"));
    assert_eq!(clamped["state"], "released", "{clamped}");
    assert_eq!(clamped["credit"], json!({"currency": "EUR", "amount": "40.00"}));
    assert_eq!(first(bank.release("s", "b", &credit("brim", "40.01"))), clamped);
    assert_eq!([bank.stands("full"), bank.stands("brim")], [["100.00", "0.00"]; 2]);
    // A top-up likewise: what fits comes in, and the answer tells.
    bank.pay("pay", "PAY-FULL", "1.00");
    assert_eq!(bank.top_up("c", &of_mia("full"), "1.01")["reason"], "balance_cap");
    let full = bank.top_up("d", &of_mia("brim"), "5");
    assert_eq!(full["uses"][0]["account"]["earned"], "0.00", "{full}");
}

#[test]
fn gates_and_strangers_move_nothing() {
    let bank = Bank::embedded();
    bank.post("a", "/v1/redeem", &json!({"code": "TRIP"}));
    let asked = [
        ("/v1/topups", json!({"to": gift(), "amount": "5"})),
        ("/v1/transfers", json!({"from": gift(), "to": {"code": "GIFT-B"}, "amount": "5"})),
        ("/v1/redemptions/a/release", json!({"credit": {"campaign": "again", "amount": "5"}})),
    ];
    for (path, body) in &asked {
        let (asked, key) = (format!("POST {path} {body}"), [("idempotency-key", *path)]);
        for role in [Role::Gate, Role::Public, Role::Monitor] {
            assert_eq!(bank.0.ask_as(role, 0, &asked, &key).status, 403, "{role} {path}");
        }
        let yes = bank.0.ask_as(Role::Checkout, 0, &asked, &key).json();
        assert_eq!(yes["ok"], true, "{path}: {yes}");
    }
    assert_eq!([bank.balance("GIFT"), bank.balance("GIFT-B")], ["50.00", "55.00"]);
    let asked = "POST /v1/accounts/stars/lookup {\"customer\":\"mia\"}";
    assert_eq!(bank.0.ask_as(Role::Public, 0, asked, &[]).status, 403);
    // A till sees how an account stands; what happened is for the office.
    let page = bank.0.ask_as(Role::Checkout, 0, asked, &[]).json();
    assert_eq!((&page["balance"], page.get("events")), (&json!("0"), None));
}

#[test]
fn an_account_shows_lots_pending_debt_and_movements() {
    let bank = Bank::embedded();
    bank.top_up("a", &of_mia("stars"), "30");
    assert_eq!(bank.pay("b", "REWARD", "10.00")["ok"], true);
    assert_eq!(bank.pay("c", "COLLECT", "70.00")["ok"], true);
    bank.0.clock.advance(DAY_MS);
    let page = bank.account("stars");
    let lots = json!([
        {"amount": "10", "expires": "2027-06-15T00:00:00.000Z"},
        {
            "amount": "7",
            "expires": "2027-06-15T00:00:00.000Z",
            "spendable_from": "2026-06-17T00:00:00.000Z",
        },
    ]);
    assert_eq!(page["lots"], lots, "{page}");
    let told = ["balance", "pending", "debt", "earned", "spent"].map(|name| page[name].clone());
    assert_eq!(told, ["10", "7", "0", "37", "20"]);
    assert_eq!(page.get("currency"), None);
    bank.0.clock.advance(DAY_MS);
    let later = bank.account("stars");
    assert_eq!(["balance", "pending"].map(|name| later[name].clone()), ["17", "0"]);

    bank.release("r", "a", &json!({}));
    let page = bank.account("stars");
    assert_eq!(["balance", "debt"].map(|name| page[name].clone()), ["0", "13"]);
    assert_eq!(page["lots"], json!([]));
    let events: Vec<String> = page["events"].as_array().unwrap().iter().map(movement).collect();
    let expected = [
        "released +30 −null 0",
        "redeemed +7 −null 17",
        "redeemed +null −20 10",
        "redeemed +30 −null 30",
    ];
    assert_eq!(events, expected);
    let path = "/v1/accounts/stars/lookup";
    let newest = bank.post("-", path, &json!({"customer": "mia", "limit": 1}));
    assert_eq!(newest["events"][0], page["events"][0]);
    let before = newest["events"][0]["number"].clone();
    let rest = bank.post("-", path, &json!({"customer": "mia", "before": before}));
    assert_eq!(rest["events"].as_array().unwrap().len(), 3);

    bank.post("d", "/v1/redeem", &json!({"code": "TRIP"}));
    let credit = json!({"account": "stars", "customer": "mia", "amount": "20"});
    bank.release("s", "d", &json!({ "credit": credit }));
    let page = bank.account("stars");
    assert_eq!(movement(&page["events"][0]), "released +20 −null 7");
    assert_eq!(["balance", "debt"].map(|name| page[name].clone()), ["7", "0"]);
}

fn movement(event: &Value) -> String {
    let said = |name: &str| event[name].as_str().unwrap_or("null");
    format!("{} +{} −{} {}", said("kind"), said("earned"), said("spent"), said("balance"))
}
