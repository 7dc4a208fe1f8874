//! Lists of campaigns and codes: filtered by paid and redeemed, in pages, and as sheets.

use jeton::auth::role::Role;
use serde_json::{Value, json};

use crate::offices::Offices;

const ANY: [(&str, &str); 1] = [("if-match", "*")];

fn put(offices: &Offices, id: &str, more: &Value) {
    let mut document = json!({
        "id": id, "kind": "access", "uses": 2,
        "codes": {"pattern": format!("{}-############", id.to_uppercase())},
    });
    document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let heard = offices.ask(0, &format!("PUT /v1/campaigns/{id} {document}"), &ANY);
    assert_eq!(heard.status, 200, "{}", heard.wrong());
}

/// Generates codes; gives them in order.
fn generate(offices: &Offices, id: &str, query: &str) -> Vec<String> {
    let asked = format!("POST /v1/campaigns/{id}/codes:generate?{query}");
    let heard = offices.ask(0, &asked, &[]);
    assert_eq!(heard.status, 200, "{}", heard.wrong());
    let lines = heard.lines();
    lines.iter().filter_map(|line| Some(line.get("code")?.as_str()?.to_owned())).collect()
}

fn act(offices: &Offices, node: usize, path: &str, code: &str) {
    let asked = format!("POST {path} {}", json!({ "code": code }));
    let heard = offices.ask(node, &asked, &[("idempotency-key", code)]);
    assert_eq!(heard.json()["ok"], true, "{asked}: {}", heard.json());
}

fn get(offices: &Offices, node: usize, path: &str) -> Value {
    let heard = offices.ask(node, &format!("GET {path}"), &[]);
    assert_eq!(heard.status, 200, "{path}: {}", heard.wrong());
    heard.json()
}

/// The texts of all codes of a list, and how many pages it took.
fn walk(offices: &Offices, node: usize, id: &str, query: &str) -> (Vec<String>, usize) {
    let (mut texts, mut pages, mut after) = (Vec::new(), 0, String::new());
    loop {
        let page = get(offices, node, &format!("/v1/campaigns/{id}/codes?{query}{after}"));
        let codes = page["codes"].as_array().unwrap();
        texts.extend(codes.iter().map(|code| code["code"].as_str().unwrap().to_owned()));
        pages += 1;
        let Some(place) = page.get("after") else { return (texts, pages) };
        after = format!("&after={}", place.as_str().unwrap());
    }
}

fn reversed(codes: &[String]) -> Vec<String> {
    codes.iter().rev().cloned().collect()
}

fn codes_are_listed_by_paid_and_redeemed(offices: Offices) {
    put(&offices, "gift", &json!({}));
    let old = generate(&offices, "gift", "count=250&paid_at=2026-03-01T10:00:00Z");
    let new = generate(&offices, "gift", "count=30");
    let last = offices.last();
    for code in [&new[3], &new[20]] {
        act(&offices, 0, "/v1/codes/paid", code);
    }
    let known = format!("POST /v1/codes/lookup {}", json!({ "code": new[20] }));
    offices.soon(last, &known, |heard| heard.json()["ok"] == true);
    for code in [&old[0], &old[77], &new[20]] {
        act(&offices, last, "/v1/redeem", code);
    }
    let is_paid = |number: usize| number == 3 || number == 20;
    let unpaid: Vec<String> =
        (0..30).rev().filter(|n| !is_paid(*n)).map(|n| new[n].clone()).collect();
    let paid = [&[new[20].clone(), new[3].clone()], &*reversed(&old)].concat();
    let whole = [reversed(&new), reversed(&old)].concat();
    let path = "GET /v1/campaigns?paid=no";
    offices.soon(last, path, |heard| heard.json()["campaigns"][0]["paid"] == 252);

    let check = |offices: &Offices, node: usize| {
        let list = |query: &str| walk(offices, node, "gift", query);
        assert_eq!(list("limit=100"), (whole.clone(), 3));
        assert_eq!(list("limit=280"), (whole.clone(), 1), "nothing is behind the last");
        assert_eq!(list("limit=7&paid=no").0, unpaid);
        assert_eq!(list("limit=1000&paid=yes").0, paid);
        let redeemed = [new[20].clone(), old[77].clone(), old[0].clone()];
        assert_eq!(list("redeemed=yes").0, redeemed);
        assert_eq!(list("redeemed=yes&paid=no").0, [""; 0]);
        assert_eq!(list("redeemed=yes&batch=1").0, redeemed[1..]);
        assert_eq!(list("redeemed=no&limit=1000").0.len(), 277);
        let first = &get(offices, node, "/v1/campaigns/gift/codes?redeemed=yes")["codes"][0];
        let told = ["used", "max", "state", "batch", "position"].map(|name| first[name].clone());
        assert_eq!(told, [json!(1), json!(2), json!("ready"), json!(2), json!(20)], "{first}");
        assert!(first["paid_at"].is_string() && first.get("balance").is_none(), "{first}");
    };
    check(&offices, 0);
    check(&offices, last);

    let exported = |query: &str| {
        let lines = offices.ask(last, &format!("GET /v1/batches/2/codes?{query}"), &[]).lines();
        lines.len() - 1
    };
    let counts = ["", "paid=yes", "paid=no", "redeemed=yes", "redeemed=no", "paid=no&redeemed=yes"];
    assert_eq!(counts.map(exported), [30, 2, 28, 1, 29, 0]);
    check(&offices.restart(), 0);
}

#[test]
fn in_a_directory_codes_are_listed_by_paid_and_redeemed() {
    codes_are_listed_by_paid_and_redeemed(Offices::embedded());
}

#[test]
fn in_redis_codes_are_listed_by_paid_and_redeemed() {
    codes_are_listed_by_paid_and_redeemed(Offices::redis());
}

/// A page looks at 32,768 codes at most: one that fits far behind is found by reading on.
#[test]
fn a_page_looks_at_so_many_codes_and_no_more() {
    let offices = Offices::embedded();
    put(&offices, "gift", &json!({}));
    let codes = generate(&offices, "gift", "count=40000");
    act(&offices, 0, "/v1/redeem", &codes[5]);
    let page = get(&offices, 0, "/v1/campaigns/gift/codes?redeemed=yes");
    assert_eq!(page, json!({"codes": [], "after": "1.7232"}));
    assert_eq!(walk(&offices, 0, "gift", "redeemed=yes"), (vec![codes[5].clone()], 2));
    // That none is paid is known without looking.
    let page = get(&offices, 0, "/v1/campaigns/gift/codes?paid=yes");
    assert_eq!(page, json!({"codes": []}));
}

#[test]
fn texts_are_for_those_who_may_export_them() {
    let offices = Offices::embedded();
    put(&offices, "gift", &json!({}));
    let codes = generate(&offices, "gift", "count=2");
    let list = |role| offices.ask_as(role, 0, "GET /v1/campaigns/gift/codes", &[]);
    let first = |role| list(role).json()["codes"][0]["code"].as_str().unwrap().to_owned();
    let noted = || get(&offices, 0, "/v1/audit").to_string().matches(": list 2 codes").count();
    let masked = first(Role::Monitor);
    assert!(masked.starts_with("GI") && masked.len() < codes[1].len(), "{masked}");
    assert_eq!(noted(), 0);
    assert_eq!(first(Role::Office), codes[1]);
    assert_eq!(noted(), 1);
    assert_eq!(list(Role::Gate).status, 403);

    // Lists of codes concern all properties.
    let wish = json!({"name": "aqua", "role": "office", "property": "aqua"});
    let made = offices.ask_as(Role::Admin, 0, &format!("POST /v1/tokens {wish}"), &[]).json();
    let token = format!("Bearer {}", made["token"].as_str().unwrap());
    let address = offices.nodes[0].server.http_address().unwrap();
    let asked = ureq::get(format!("http://{address}/v1/campaigns/gift/codes"));
    let heard = asked.config().http_status_as_error(false).build();
    let heard = heard.header("authorization", token).call().unwrap();
    assert_eq!(heard.status().as_u16(), 403);

    let wrong = |path: &str| offices.ask(0, &format!("GET {path}"), &[]).status;
    assert_eq!(wrong("/v1/campaigns/none/codes"), 404);
    assert_eq!(wrong("/v1/campaigns/gift/codes?after=1"), 422);
    assert_eq!(wrong("/v1/campaigns/gift/codes?limit=0"), 422);
    assert_eq!(wrong("/v1/campaigns/gift/codes?limit=1001"), 422);
    assert_eq!(wrong("/v1/campaigns/gift/codes?paid=maybe"), 400);
}

/// Four campaigns; of `gift` some codes are paid, of `deal` all, `open` has none that is, and
/// `bare` has no codes. `gift` and `deal` were used.
fn stock(offices: &Offices) {
    let name = |en: &str, de: &str| json!({"name": {"en": en, "de": de}});
    put(offices, "gift", &json!({"texts": name("Zebra", "affe"), "labels": ["fair"]}));
    offices.clock.advance(1_000);
    let only = json!([{"type": "partner", "only": ["tui"]}, {"type": "brand", "only": ["aqua"]}]);
    put(offices, "deal", &json!({"texts": name("yak", "Yak"), "conditions": only}));
    offices.clock.advance(1_000);
    put(offices, "open", &json!({"accounting": "purchase"}));
    put(offices, "bare", &json!({"labels": ["fair", "b"]}));
    let gift = generate(offices, "gift", "count=10");
    let deal = generate(offices, "deal", "count=5&paid_at=2026-03-01T10:00:00Z");
    generate(offices, "open", "count=3");
    act(offices, 0, "/v1/codes/paid", &gift[0]);
    act(offices, 0, "/v1/redeem", &gift[1]);
    let asked = json!({"code": deal[1], "order": {"partner": "tui", "brand": "aqua"}});
    let heard = offices.ask(0, &format!("POST /v1/redeem {asked}"), &[("idempotency-key", "d")]);
    assert_eq!(heard.json()["ok"], true, "{}", heard.json());
}

fn ids(list: &Value) -> Vec<&str> {
    list["campaigns"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect()
}

fn campaigns_are_listed_by_paid_and_redeemed(offices: Offices) {
    stock(&offices);
    let last = offices.last();
    let counted = "GET /v1/campaigns?redeemed=yes";
    offices.soon(last, counted, |heard| heard.json()["matching"] == 2);

    let check = |offices: &Offices, node: usize, query: &str, expect: &[&str]| {
        let list = get(offices, node, &format!("/v1/campaigns?{query}"));
        assert_eq!(ids(&list), expect, "{query}");
        assert_eq!(list["matching"], expect.len(), "{query}");
        assert!(list.get("after").is_none(), "{query}");
    };
    let all = |offices: &Offices, node| {
        check(offices, node, "", &["bare", "deal", "gift", "open"]);
        check(offices, node, "paid=yes", &["deal"]);
        check(offices, node, "paid=no", &["gift", "open"]);
        check(offices, node, "redeemed=yes", &["deal", "gift"]);
        check(offices, node, "redeemed=no", &["bare", "open"]);
        check(offices, node, "paid=no&redeemed=yes", &["gift"]);
        check(offices, node, "partner=tui&brand=aqua", &["deal"]);
        check(offices, node, "label=fair", &["bare", "gift"]);
        check(offices, node, "text=ZEB", &["gift"]);
        check(offices, node, "accounting=purchase&status=active&kind=access", &["open"]);
        check(offices, node, "kind=pass", &[]);
        check(offices, node, "sort=title", &["bare", "open", "deal", "gift"]);
        check(offices, node, "sort=title&language=de", &["gift", "bare", "open", "deal"]);
    };
    all(&offices, 0);
    all(&offices, last);

    let list = get(&offices, last, "/v1/campaigns?limit=1&label=fair");
    let known = json!({"labels": ["b", "fair"], "partners": ["tui"], "brands": ["aqua"]});
    assert_eq!((&list["known"], &list["matching"]), (&known, &json!(2)), "of all campaigns");
    let sums = get(&offices, last, "/v1/campaigns?text=gift")["campaigns"][0].clone();
    assert_eq!(
        ["codes", "paid", "used"].map(|name| sums[name].clone()),
        [10, 1, 1].map(Value::from)
    );

    let sheet = offices.ask(0, "GET /v1/campaigns?format=csv&paid=no&limit=1&language=de", &[]);
    let rows: Vec<String> = sheet.text().lines().map(str::to_owned).collect();
    assert!(rows[0].starts_with("id,name,kind,accounting,status,version,made_at,labels,codes"));
    assert!(rows[1].starts_with("gift,affe,access,discount,active,1,"), "{}", rows[1]);
    assert!(rows[1].ends_with(",fair,10,1,1"), "{}", rows[1]);
    assert_eq!(rows.len(), 3, "{rows:?}");
    all(&offices.restart(), 0);
}

#[test]
fn in_a_directory_campaigns_are_listed_by_paid_and_redeemed() {
    campaigns_are_listed_by_paid_and_redeemed(Offices::embedded());
}

#[test]
fn in_redis_campaigns_are_listed_by_paid_and_redeemed() {
    campaigns_are_listed_by_paid_and_redeemed(Offices::redis());
}

#[test]
fn campaigns_come_in_pages() {
    let offices = Offices::embedded();
    for number in 0..7 {
        put(&offices, &format!("c{number}"), &json!({}));
        offices.clock.advance(1_000);
    }
    for (sort, expect) in [
        ("id", ["c0", "c1", "c2", "c3", "c4", "c5", "c6"]),
        ("newest", ["c6", "c5", "c4", "c3", "c2", "c1", "c0"]),
    ] {
        let (mut seen, mut after) = (Vec::new(), String::new());
        for length in [3, 3, 1] {
            let path = format!("/v1/campaigns?limit=3&sort={sort}{after}");
            let list = get(&offices, 0, &path);
            assert_eq!((ids(&list).len(), &list["matching"]), (length, &json!(7)));
            seen.extend(ids(&list).into_iter().map(str::to_owned));
            after = format!("&after={}", list["after"].as_str().unwrap_or("-"));
        }
        assert_eq!((seen, after.as_str()), (expect.map(str::to_owned).to_vec(), "&after=-"));
    }
    let wrong = |query: &str| offices.ask(0, &format!("GET /v1/campaigns?{query}"), &[]).status;
    assert_eq!(
        ["after=none", "limit=0", "limit=1001", "paid=1", "motif=x"].map(wrong),
        [422, 422, 422, 400, 400]
    );
}
