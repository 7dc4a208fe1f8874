//! The HTTP door: what offices, web shops and dashboards say and hear, over a real socket.

use std::io::Read;
use std::time::{Duration, Instant};

use jeton::auth::guess::{GuessLimits, GuessOptions};
use jeton::auth::role::Role;
use jeton::testing::{BoxOptions, ServerBox};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use ureq::http::{Request, Response};
use ureq::{Agent, Body};

const CAMPAIGN: &str = r#"
id = "day"
kind = "unit"
uses = 2
effects = [{ type = "unit", product = "drink" }]
[codes]
pattern = "DAY-############"
"#;

const VOUCHER: &str =
    r#"{"id": "gift", "kind": "voucher", "currency": "EUR", "balance": "100.00"}"#;

/// A server in a box and an agent that speaks to it.
struct Office {
    agent: Agent,
    url: String,
    server: Option<ServerBox>,
    runtime: Runtime,
    _dir: tempfile::TempDir,
}

/// What was heard.
struct Heard {
    status: u16,
    etag: Option<String>,
    text: String,
}

impl Heard {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    fn lines(&self) -> Vec<Value> {
        self.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Office {
    fn open() -> Self {
        Self::open_with(GuessOptions::default())
    }

    fn open_with(guess: GuessOptions) -> Self {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).enable_all().build().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let options = BoxOptions { http: true, guess, ..BoxOptions::default() };
        let server = runtime.block_on(ServerBox::start(dir.path(), options)).unwrap();
        let agent = Agent::config_builder().http_status_as_error(false).proxy(None).build();
        let url = format!("http://{}", server.server.http_address().unwrap());
        Self { agent: agent.new_agent(), url, server: Some(server), runtime, _dir: dir }
    }

    fn token(&self, role: Role) -> String {
        self.server.as_ref().unwrap().token(role).unwrap()
    }

    fn send(
        &self,
        token: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if method == "GET" || method == "DELETE" {
            self.agent.run(request.body(()).unwrap()).unwrap()
        } else {
            self.agent.run(request.body(body.to_owned()).unwrap()).unwrap()
        }
    }

    fn ask(
        &self,
        token: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Heard {
        let mut response = self.send(token, method, path, headers, body);
        let etag = response.headers().get("etag").map(|etag| etag.to_str().unwrap().to_owned());
        let text = response.body_mut().read_to_string().unwrap();
        Heard { status: response.status().as_u16(), etag, text }
    }

    fn get(&self, token: &str, path: &str) -> Heard {
        self.ask(token, "GET", path, &[], "")
    }

    fn post(&self, token: &str, path: &str, body: &Value) -> Value {
        self.ask(token, "POST", path, &[], &body.to_string()).json()
    }

    /// A verb under this id.
    fn act(&self, token: &str, path: &str, id: &str, body: &Value) -> Value {
        self.ask(token, "POST", path, &[("idempotency-key", id)], &body.to_string()).json()
    }

    fn put_toml(&self, token: &str, id: &str, toml: &str) -> Heard {
        let headers = [("content-type", "application/toml"), ("if-match", "*")];
        let heard = self.ask(token, "PUT", &format!("/v1/campaigns/{id}"), &headers, toml);
        if heard.status != 412 {
            return heard;
        }
        let headers = [("content-type", "application/toml"), ("if-none-match", "*")];
        self.ask(token, "PUT", &format!("/v1/campaigns/{id}"), &headers, toml)
    }

    /// The campaigns `day` with the codes ANNA and BERT, and `gift` with GIFT.
    fn stock(&self, token: &str) {
        assert_eq!(self.put_toml(token, "day", CAMPAIGN).status, 200);
        let new = [("if-none-match", "*"), ("content-type", "application/json")];
        assert_eq!(self.ask(token, "PUT", "/v1/campaigns/gift", &new, VOUCHER).status, 200);
        for (campaign, code) in [("day", "ANNA"), ("day", "BERT"), ("gift", "GIFT")] {
            let added = self.post(token, "/v1/codes", &json!({"campaign": campaign, "code": code}));
            assert_eq!(added["ok"], true, "{added}");
        }
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.server.drain());
        }
    }
}

#[test]
fn campaigns_are_made_changed_and_never_overwritten_unseen() {
    let office = Office::open();
    let admin = office.token(Role::Admin);
    let put = |headers: &[(&str, &str)], body: &str| {
        office.ask(&admin, "PUT", "/v1/campaigns/gift", headers, body)
    };
    assert_eq!(put(&[], VOUCHER).status, 428);
    let made = put(&[("if-none-match", "*")], VOUCHER);
    assert_eq!((made.status, made.etag.as_deref()), (200, Some("\"1\"")), "{}", made.text);
    assert_eq!(made.json()["change"], "created");
    let again = put(&[("if-none-match", "*")], VOUCHER);
    assert_eq!((again.status, &again.json()["found_version"]), (412, &json!(1)));

    let dearer = VOUCHER.replace("100.00", "200.00");
    let plan =
        office.post(&admin, "/v1/campaigns/gift/plan", &serde_json::from_str(&dearer).unwrap());
    assert_eq!((&plan["change"], &plan["current_version"]), (&json!("edited"), &json!(1)));
    assert_eq!(plan["changes"][0]["path"], "balance");
    assert_eq!(office.get(&admin, "/v1/campaigns/gift").json()["version"], 1);

    let edited = put(&[("if-match", "\"1\"")], &dearer);
    assert_eq!((edited.status, edited.etag.as_deref()), (200, Some("\"2\"")));
    let late = put(&[("if-match", "\"1\"")], VOUCHER).json();
    assert_eq!(
        (&late["status"], &late["expected_version"], &late["found_version"]),
        (&json!(412), &json!("1"), &json!(2))
    );
    let first = office.get(&admin, "/v1/campaigns/gift?version=1").json();
    assert_eq!(first["document"]["balance"], "100.00");

    let wrong = put(&[("if-match", "*")], &VOUCHER.replace("EUR", "EUX")).json();
    assert_eq!((&wrong["status"], &wrong["errors"][0]["path"]), (&json!(422), &json!("currency")));
    let unknown = put(&[("if-match", "*")], &VOUCHER.replace("balance", "balanse"));
    assert!(unknown.text.contains("balanse"), "{}", unknown.text);

    let paused = office.post(&admin, "/v1/campaigns/gift/status", &json!({"status": "paused"}));
    assert_eq!((&paused["status"], &paused["version"]), (&json!("paused"), &json!(2)));
    assert_eq!(office.get(&admin, "/v1/campaigns").json()["campaigns"][0]["status"], "paused");
    assert_eq!(office.get(&admin, "/v1/campaigns/none").status, 404);
    let audit = office.get(&admin, "/v1/audit").json();
    assert_eq!(audit["entries"][0]["who"], "park/admin/test-admin");
}

#[test]
fn codes_are_generated_once_and_exported_whole() {
    let office = Office::open();
    let admin = office.token(Role::Admin);
    office.stock(&admin);
    let path = "/v1/campaigns/day/codes:generate?count=5000";
    let key = [("idempotency-key", "print-1")];
    let made = office.ask(&admin, "POST", path, &key, "");
    let lines = made.lines();
    assert_eq!(lines.len(), 5001, "{}", made.text.get(..300).unwrap_or(&made.text));
    let done = lines.last().unwrap();
    assert_eq!((&done["done"], &done["count"]), (&json!(true), &json!(5000)));
    assert_eq!(office.ask(&admin, "POST", path, &key, "").text, made.text);

    let code = lines[0]["code"].as_str().unwrap();
    let yes = office.act(&admin, "/v1/redeem", "a", &json!({"code": code}));
    assert_eq!((&yes["ok"], &yes["uses"][0]["ordinal"]), (&json!(true), &json!(1)));
    let batch = format!("/v1/batches/{}/codes", done["batch"]);
    let export = office.get(&admin, &format!("{batch}?format=csv")).text;
    let mut rows = export.lines();
    assert_eq!(rows.next(), Some("code,campaign,state,paid_at,holder,used,max,balance"));
    assert_eq!(rows.next(), Some(format!("{code},day,live,,,1,2,").as_str()));
    assert_eq!(rows.count(), 4999);
    let text = office.get(&admin, &format!("{batch}?format=text")).text;
    assert_eq!(text.lines().next(), Some(code));
    assert_eq!(office.get(&admin, "/v1/batches/999/codes").status, 404);
    let all = office.get(&admin, "/v1/batches?campaign=day").json();
    assert_eq!(all.as_array().unwrap().len(), 3);

    let weak = office.ask(&admin, "POST", "/v1/campaigns/gift/codes:generate?count=1", &[], "");
    assert_eq!(weak.status, 422, "{}", weak.text);
    assert_eq!(
        office.ask(&admin, "POST", "/v1/campaigns/no/codes:generate?count=1", &[], "").status,
        404
    );
}

#[test]
fn an_import_takes_what_is_good_and_names_the_rest() {
    let office = Office::open();
    let admin = office.token(Role::Admin);
    office.stock(&admin);
    let list = "code;holder\nCARLA;c-1\nANNA;\nCARLA;c-2\nDORA;\n";
    let path = "/v1/campaigns/day/codes:import";
    let import = |query: &str| {
        let key = [("idempotency-key", "list-1")];
        office.ask(&admin, "POST", &format!("{path}{query}"), &key, list).lines()
    };
    let told = import("?dry_run=true&format=csv");
    assert_eq!(told.last().unwrap()["report"]["accepted"], 2);
    assert_eq!(
        office.post(&admin, "/v1/codes/lookup", &json!({"code": "DORA"}))["reason"],
        "code_not_found"
    );
    let told = import("?label=list");
    let refused: Vec<&Value> = told.iter().filter_map(|line| line["refused"].get("line")).collect();
    assert_eq!(refused, [&json!(3), &json!(4)]);
    let report = &told.last().unwrap()["report"];
    assert_eq!((&report["rows"], &report["accepted"]), (&json!(4), &json!(2)));
    let report = import("?label=list").pop().unwrap();
    assert_eq!(report["report"]["accepted"], 0, "{report}");
    assert_eq!(office.post(&admin, "/v1/codes/lookup", &json!({"code": "carla"}))["holder"], "c-1");
}

#[test]
fn the_verbs_answer_and_repeat_their_answers() {
    let office = Office::open();
    let (admin, till) = (office.token(Role::Admin), office.token(Role::Checkout));
    office.stock(&admin);
    let order = json!({"code": "GIFT", "order": {"currency": "EUR", "total": "30.50"}});
    let valid = office.post(&till, "/v1/validate", &order);
    assert_eq!((&valid["state"], &valid["total_after"]), (&json!("valid"), &json!("0.00")));
    let exact = json!({"code": "GIFT", "exact": true, "order": order["order"]});
    let known = office.post(&till, "/v1/validate", &exact);
    assert_eq!((&known["state"], known.get("counts_age_ms")), (&json!("valid"), None));
    let told = office.act(&till, "/v1/redeem", "e", &exact);
    assert_eq!((&told["status"], &told["errors"][0]["path"]), (&json!(422), &json!("exact")));
    let bare = office.post(&till, "/v1/redeem", &order);
    assert_eq!((&bare["status"], bare["hint"].is_string()), (&json!(400), true));

    let held = office.act(
        &till,
        "/v1/hold",
        "h",
        &json!({"code": "GIFT", "ttl": "10m", "order": {"currency": "EUR", "amount": "60.00"}}),
    );
    assert_eq!((&held["state"], &held["uses"][0]["balance"]), (&json!("held"), &json!("40.00")));
    let more = office.act(
        &till,
        "/v1/redeem",
        "r",
        &json!({"code": "GIFT", "order": {"currency": "EUR", "amount": "50"}}),
    );
    assert_eq!((&more["ok"], &more["reason"]), (&json!(false), &json!("held")));
    let later = office.post(&till, "/v1/holds/h/extend", &json!({"ttl": "1h"}));
    assert_eq!(later["state"], "held");
    let confirmed = office.post(&till, "/v1/holds/h/confirm", &json!({"part_amount": "45.00"}));
    assert_eq!((&confirmed["state"], &confirmed["live"]), (&json!("redeemed"), &json!(4500)));
    let again = office.post(&till, "/v1/holds/h/confirm", &json!({"part": 4500}));
    assert_eq!(again["replayed"], true);
    let given =
        office.act(&till, "/v1/redemptions/h/release", "b", &json!({"part_amount": "5.00"}));
    assert_eq!(given["uses"][0]["balance"], "60.00");
    let repeated = office.act(&till, "/v1/redemptions/h/release", "b", &json!({"part": 500}));
    assert_eq!((&repeated["replayed"], &repeated["live"]), (&json!(true), &json!(4000)));
    let status = office.get(&till, "/v1/requests/h").json();
    let kinds: Vec<&Value> =
        status["events"].as_array().unwrap().iter().map(|e| &e["kind"]).collect();
    assert_eq!(kinds, ["released", "confirmed", "extended", "held"]);
    assert_eq!(office.get(&till, "/v1/requests/none").json()["reason"], "redemption_not_found");

    for id in ["1", "2"] {
        assert_eq!(office.act(&till, "/v1/redeem", id, &json!({"code": "ANNA"}))["ok"], true);
    }
    let used = json!({"code": "ANNA", "language": "de"});
    let no = office.act(&till, "/v1/redeem", "3", &used);
    assert_eq!((&no["reason"], &no["number"]), (&json!("usage_limit"), &json!(171)));
    assert_ne!(no["text"], office.act(&till, "/v1/redeem", "3", &json!({"code": "ANNA"}))["text"]);
    let repeat = office.act(&till, "/v1/redeem", "1", &json!({"code": "ANNA"}));
    assert_eq!((&repeat["ok"], &repeat["replayed"]), (&json!(true), &json!(true)));
    let other = office.act(&till, "/v1/redeem", "1", &json!({"code": "BERT"}));
    assert_eq!(other["reason"], "id_mismatch");
}

#[test]
fn single_codes_are_revoked_replaced_and_remembered() {
    let office = Office::open();
    let admin = office.token(Role::Admin);
    office.stock(&admin);
    let change = |what: &str, body: Value| office.post(&admin, &format!("/v1/codes/{what}"), &body);
    let anna = || json!({"code": "ANNA"});
    assert_eq!(change("revoke", anna())["ok"], true);
    assert_eq!(office.act(&admin, "/v1/redeem", "a", &anna())["reason"], "code_revoked");
    assert_eq!(change("reinstate", anna())["ok"], true);
    assert_eq!(office.act(&admin, "/v1/redeem", "b", &anna())["ok"], true);
    let fresh = change("replace", anna());
    let fresh = json!({"code": fresh["code"]});
    assert_eq!(change("lookup", fresh.clone())["used"], 1);
    assert_eq!(office.act(&admin, "/v1/redeem", "c", &anna())["reason"], "code_replaced");
    assert_eq!(change("holder", json!({"code": "BERT", "holder": "c-9"}))["ok"], true);
    assert_eq!(change("paid", json!({"code": "BERT", "at": "2026-03-01T10:00:00Z"}))["ok"], true);
    let bert = change("lookup", json!({"code": "BERT"}));
    assert_eq!(
        (&bert["holder"], &bert["paid_at"]),
        (&json!("c-9"), &json!("2026-03-01T10:00:00.000Z"))
    );
    let history = change("history", fresh);
    assert_eq!(history["events"][0]["kind"], "redeemed");
    let taken = office.post(&admin, "/v1/codes", &json!({"campaign": "day", "code": "bert"}));
    assert_eq!(taken["status"], 409);
    let odd = office.post(&admin, "/v1/codes", &json!({"campaign": "day", "code": "ÄÖ"}));
    assert_eq!((&odd["status"], &odd["errors"][0]["path"]), (&json!(422), &json!("code")));
}

#[test]
fn a_campaign_says_no_in_its_own_words() {
    const OWN: &str = r#"
id = "words"
kind = "access"
conditions = [{ type = "channel", only = ["web"] }]
[texts.refusal]
de = "Nur im Netz."
en = "Online only."
"#;
    let office = Office::open();
    let admin = office.token(Role::Admin);
    assert_eq!(office.put_toml(&admin, "words", OWN).status, 200);
    office.post(&admin, "/v1/codes", &json!({"campaign": "words", "code": "WORDS-1"}));
    let said = |id: &str, language: &str, channel: &str| {
        let order = json!({"channel": channel});
        let body = json!({"code": "WORDS-1", "language": language, "order": order});
        office.act(&admin, "/v1/redeem", id, &body)
    };
    let no = said("a", "de", "desk");
    assert_eq!(
        (&no["reason"], &no["text"]),
        (&json!("channel_not_eligible"), &json!("Nur im Netz."))
    );
    assert_eq!(said("b", "en", "desk")["text"], "Online only.");
    // A language in which it has no words: the refusal's own.
    assert!(said("c", "cs", "desk")["text"].as_str().unwrap().len() > 10);
    // Also where the ledger says no.
    assert_eq!(said("d", "de", "web")["ok"], true);
    let used = said("e", "de", "web");
    assert_eq!(
        (&used["reason"], &used["text"]),
        (&json!("already_redeemed"), &json!("Nur im Netz."))
    );
}

#[test]
fn the_public_hears_one_no_after_one_time() {
    let office = Office::open();
    let (admin, public) = (office.token(Role::Admin), office.token(Role::Public));
    office.stock(&admin);
    office.post(&admin, "/v1/codes/revoke", &json!({"code": "BERT"}));
    let ask = |code: &str| {
        let begin = Instant::now();
        let body = json!({"code": code}).to_string();
        let mut response = office.send(&public, "POST", "/v1/validate", &[], &body);
        let text = response.body_mut().read_to_string().unwrap();
        let names: Vec<String> = response.headers().keys().map(ToString::to_string).collect();
        (text, names, begin.elapsed())
    };
    let (revoked, revoked_headers, _) = ask("BERT");
    for code in ["NOBODY", "DAY-AAAAAAAAAAAA", "!", "GIFT"] {
        let (text, headers, took) = ask(code);
        assert_eq!((&text, &headers), (&revoked, &revoked_headers), "{code}");
        assert!(took >= Duration::from_millis(20), "{code}: {took:?}");
    }
    assert!(revoked.contains("not_applicable") && !revoked.contains("code_index"), "{revoked}");
    let (yes, _, took) = ask("ANNA");
    assert!(yes.contains("\"valid\"") && took >= Duration::from_millis(20));
    assert_eq!(office.post(&public, "/v1/redeem", &json!({"code": "ANNA"}))["status"], 403);
}

#[test]
fn who_guesses_too_often_has_to_wait() {
    let limits = GuessLimits { burst: 3, refill_ms: 60_000, ..GuessLimits::TRUSTED };
    let office = Office::open_with(GuessOptions { trusted: limits, ..GuessOptions::default() });
    let (admin, gate) = (office.token(Role::Admin), office.token(Role::Gate));
    office.stock(&admin);
    let validate = |code: &str| {
        let body = json!({"code": code}).to_string();
        let mut response = office.send(&gate, "POST", "/v1/validate", &[], &body);
        let waits = response.headers().contains_key("retry-after");
        let text = response.body_mut().read_to_string().unwrap();
        (serde_json::from_str::<Value>(&text).unwrap()["reason"].clone(), waits)
    };
    for guess in ["NO1", "NO2", "NO3"] {
        assert_eq!(validate(guess), (json!("code_not_found"), false), "{guess}");
    }
    assert_eq!(validate("ANNA"), (json!("rate_limited"), true));
    assert_eq!(office.post(&admin, "/v1/validate", &json!({"code": "ANNA"}))["ok"], true);
}

#[test]
fn strangers_and_roles_are_kept_apart() {
    let office = Office::open();
    let admin = office.token(Role::Admin);
    office.stock(&admin);
    let forged = format!("jtn_{}", "0".repeat(64));
    assert_eq!(office.get("", "/v1/campaigns").status, 401);
    assert_eq!(
        office.get(&forged, "/v1/campaigns").json()["type"],
        "urn:jeton:problem:unauthenticated"
    );
    for (role, path, status) in [
        (Role::Gate, "/v1/campaigns", 403),
        (Role::Monitor, "/v1/campaigns", 200),
        (Role::Monitor, "/v1/batches/1/codes", 403),
        (Role::Office, "/v1/tokens", 403),
        (Role::Public, "/v1/requests/a", 403),
    ] {
        assert_eq!(office.get(&office.token(role), path).status, status, "{role} {path}");
    }
    let wish = json!({"name": "scanner", "role": "gate", "gate": "north", "expires_in": "1h"});
    let made = office.post(&admin, "/v1/tokens", &wish);
    let gate = made["token"].as_str().unwrap();
    let at = |gate_name: &str| json!({"code": "ANNA", "order": {"gate": gate_name}});
    assert_eq!(office.post(gate, "/v1/validate", &at("south"))["status"], 403);
    assert_eq!(office.act(gate, "/v1/redeem", "x", &json!({"code": "ANNA"}))["ok"], true);
    let events = office.get(&admin, "/v1/events").json();
    assert_eq!(events["events"][0]["receipt"]["gate"], "north");
    let listed = office.get(&admin, "/v1/tokens").json();
    assert!(listed.as_array().unwrap().iter().all(|token| token.get("token").is_none()));
    let path = format!("/v1/tokens/{}", made["id"].as_str().unwrap());
    assert_eq!(office.ask(&admin, "DELETE", &path, &[], "").status, 200);
    assert_eq!(office.post(gate, "/v1/validate", &json!({"code": "ANNA"}))["status"], 401);
    let wrong = office.post(&admin, "/v1/tokens", &json!({"name": "a b", "role": "root"}));
    assert_eq!(wrong["errors"].as_array().unwrap().len(), 2);

    let other = json!({"name": "boss", "role": "admin", "tenant": "pool"});
    let boss = office.post(&admin, "/v1/tokens", &other)["token"].as_str().unwrap().to_owned();
    assert_eq!(office.get(&boss, "/v1/campaigns").json()["campaigns"], json!([]));
    assert_eq!(office.get(&boss, "/v1/events").json()["events"], json!([]));
    assert_eq!(office.get(&boss, "/v1/requests/x").json()["ok"], false);
    assert_eq!(
        office.post(&boss, "/v1/codes/lookup", &json!({"code": "ANNA"}))["reason"],
        "code_not_found"
    );
}

#[test]
fn events_are_followed_without_a_gap() {
    let office = Office::open();
    let admin = office.token(Role::Admin);
    office.stock(&admin);
    for id in ["1", "2"] {
        assert_eq!(office.act(&admin, "/v1/redeem", id, &json!({"code": "ANNA"}))["ok"], true);
    }
    let numbers = |last: &str, most: usize| -> Vec<u64> {
        let response =
            office.send(&admin, "GET", "/v1/events/stream", &[("last-event-id", last)], "");
        let mut reader = response.into_body().into_reader();
        let (mut text, mut piece) = (String::new(), [0; 1024]);
        while text.matches("\n\n").count() < most {
            let count = reader.read(&mut piece).unwrap();
            assert!(count > 0, "the stream ended: {text}");
            text.push_str(std::str::from_utf8(&piece[..count]).unwrap());
        }
        let ids = text.lines().filter_map(|line| line.strip_prefix("id: "));
        ids.map(|id| id.parse().unwrap()).collect()
    };
    assert_eq!(numbers("0", 2), [1, 2]);
    assert_eq!(office.act(&admin, "/v1/redeem", "3", &json!({"code": "BERT"}))["ok"], true);
    assert_eq!(numbers("1", 2), [2, 3]);
    let page = office.get(&admin, "/v1/events?after=1&limit=1").json();
    assert_eq!((&page["after"], &page["last"]), (&json!(2), &json!(3)));
    assert_eq!(office.get(&admin, "/v1/events?limit=0").status, 422);
}

#[test]
fn broken_requests_are_problems() {
    let office = Office::open();
    let admin = office.token(Role::Admin);
    let deep = format!("{{\"code\": {}1{}}}", "[".repeat(5_000), "]".repeat(5_000));
    let long = format!("{{\"code\": \"{}\"}}", "x".repeat(2 << 20));
    for (body, status) in [
        ("", 400),
        ("{", 400),
        (deep.as_str(), 400),
        (long.as_str(), 413),
        (r#"{"cod": "A"}"#, 400),
        (r#"{"code": "A", "order": {"units": 1e999}}"#, 400),
        (r#"{"code": "A", "order": {"total": "1"}}"#, 422),
    ] {
        let heard = office.ask(&admin, "POST", "/v1/validate", &[], body);
        assert_eq!(heard.status, status, "{}", heard.text);
        assert!(heard.json()["detail"].is_string());
    }
    let xml = [("content-type", "text/xml")];
    assert_eq!(office.ask(&admin, "POST", "/v1/validate", &xml, "<a/>").status, 415);
    assert_eq!(office.get(&admin, "/v1/nothing").json()["status"], 404);
    assert_eq!(office.ask(&admin, "DELETE", "/v1/campaigns", &[], "").json()["status"], 405);
    assert_eq!(office.get(&admin, "/v1/batches/x/codes").status, 400);
    assert_eq!(office.get(&admin, "/v1/events?sinc=1").status, 400);
}

#[test]
fn every_path_is_described_and_nothing_needs_a_token_to_know_that_it_lives() {
    let office = Office::open();
    for path in ["/livez", "/readyz", "/metrics", "/openapi.json"] {
        let response = office.send("", "GET", path, &[], "");
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    }
    let described = office.get("", "/openapi.json").json();
    assert_eq!(described["openapi"], "3.1.0");
    let paths = described["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 53, "{:?}", paths.keys());
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            let named = path.matches('{').count();
            let parameters = operation["parameters"].as_array().map_or(&[][..], Vec::as_slice);
            let stated = parameters.iter().filter(|one| one["in"] == "path").count();
            assert_eq!(named, stated, "{method} {path}");
            assert!(operation["description"].is_string() || operation["summary"].is_string());
            let is_described = |status: &str| operation["responses"][status].is_object();
            assert!(["200", "204"].into_iter().any(is_described), "{method} {path}");
        }
    }
    let text = described.to_string();
    let schemas = described["components"]["schemas"].as_object().unwrap();
    for part in text.split("#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(schemas.contains_key(name), "{name} is not described");
    }
}

#[test]
fn a_validation_is_explained_and_other_verbs_can_be_tried() {
    let office = Office::open();
    let admin = office.token(Role::Admin);
    let campaign = json!({
        "id": "sale", "kind": "discount", "currency": "EUR", "uses": 1,
        "conditions": [{"type": "amount", "min": "500.00"}],
        "effects": [{"type": "percent", "percent": "10"}],
    });
    let put = [("if-none-match", "*")];
    let heard = office.ask(&admin, "PUT", "/v1/campaigns/sale", &put, &campaign.to_string());
    assert_eq!(heard.status, 200, "{}", heard.text);
    office.server.as_ref().unwrap().codes("sale", "SALE").unwrap();
    let order = json!({"currency": "EUR", "total": "600.00"});
    let mut ask = json!({"code": "SALE", "order": order, "explain": true});

    let yes = office.post(&admin, "/v1/validate", &ask);
    assert_eq!((&yes["ok"], &yes["total_after"]), (&json!(true), &json!("540.00")), "{yes}");
    let told = &yes["explanation"]["campaigns"][0];
    assert_eq!((&told["campaign"], &told["code_index"]), (&json!("sale"), &json!(0)));
    let findings = told["findings"].as_array().unwrap();
    assert!(findings.iter().all(|finding| finding["holds"] == true), "{told}");
    let effect = &told["effects"][0];
    assert_eq!((&effect["before"], &effect["after"]), (&json!("600.00"), &json!("540.00")));
    let limit = &told["limits"][0];
    assert_eq!(
        (&limit["scope"], &limit["used"], &limit["max"]),
        (&json!("code"), &json!(0), &json!(1))
    );

    ask["order"]["total"] = json!("499.99");
    let no = office.post(&admin, "/v1/validate", &ask);
    assert_eq!((&no["reason"], &no["off_by"]), (&json!("amount_below_min"), &json!(1)));
    let findings = no["explanation"]["campaigns"][0]["findings"].as_array().unwrap();
    let broken: Vec<&Value> = findings.iter().filter(|f| f["holds"] == false).collect();
    assert!(matches!(broken.as_slice(), [one] if one["rule"] == "amount"), "{no}");
    let public = office.token(Role::Public);
    assert_eq!(office.post(&public, "/v1/validate", &ask).get("explanation"), None);
    ask["code"] = json!("NONE");
    assert_eq!(office.post(&admin, "/v1/validate", &ask).get("explanation"), None);

    let mut ask = json!({"code": "SALE", "order": order, "dry": true});
    for (path, id) in [("/v1/redeem", "one"), ("/v1/hold", "two")] {
        let tried = office.act(&admin, path, id, &ask);
        assert_eq!((&tried["state"], tried.get("id")), (&json!("valid"), None), "{tried}");
    }
    ask["explain"] = json!(true);
    assert_eq!(office.act(&admin, "/v1/redeem", "one", &ask)["errors"][0]["path"], "explain");
    let moment = json!({"code": "SALE", "order": order, "now": "2031-01-01T00:00:00Z"});
    assert_eq!(office.post(&admin, "/v1/validate", &moment)["at"], "2031-01-01T00:00:00.000Z");
    assert_eq!(office.act(&admin, "/v1/redeem", "one", &moment)["errors"][0]["path"], "now");
    let till = office.token(Role::Checkout);
    let heard = office.ask(&till, "POST", "/v1/validate", &[], &moment.to_string());
    assert_eq!((heard.status, heard.json()["ok"].clone()), (403, Value::Null));

    let partly = json!({"codes": ["SALE", "NONE"], "order": order, "partial": true});
    let used = office.act(&till, "/v1/redeem", "three", &partly);
    assert_eq!(used["state"], "redeemed", "{used}");
    let left_out = &used["left_out"][0];
    assert_eq!(
        (&left_out["reason"], &left_out["code_index"]),
        (&json!("code_not_found"), &json!(1))
    );
    let codes = json!({"codes": ["SALE"]});
    let path = format!("/v1/redemptions/{}/release", used["id"].as_str().unwrap());
    assert_eq!(office.act(&till, &path, "four", &codes)["state"], "released");
}

#[test]
fn streams_end_when_the_server_drains() {
    let mut office = Office::open();
    let admin = office.token(Role::Admin);
    let response = office.send(&admin, "GET", "/v1/events/stream", &[], "");
    let server = office.server.take().unwrap();
    let begin = Instant::now();
    office.runtime.block_on(server.server.drain());
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
    let mut rest = String::new();
    response.into_body().into_reader().read_to_string(&mut rest).unwrap();
    assert!(!rest.contains("id:"), "{rest}");
}
