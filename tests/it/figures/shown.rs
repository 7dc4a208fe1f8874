//! What offices are shown of figures: series, refusals with their reasons, the last refused
//! attempts of a code, and clear words where a question makes no sense.

use jeton::auth::role::Role;
use jeton::catalog::{CampaignDocument, Expect};
use jeton::domain::id::{CampaignId, TenantId};
use jeton::engine::Cursor;
use jeton::engine::figures::{Counted, Urgency};
use jeton::testing::{BoxOptions, engine_in};
use serde_json::{Value, json};

use crate::offices::Offices;

const CAMPAIGNS: &str = r#"
[[campaign]]
id = "once"
kind = "discount"
currency = "EUR"
zone = "Asia/Tokyo"
effects = [{ type = "amount", amount = "5.00" }]

[[campaign]]
id = "free"
kind = "access"
uses = "unlimited"

[[account]]
id = "card"
unit = "points"
texts = { name = { en = "Card" } }

[[campaign]]
id = "bonus"
kind = "points"
account = "card"
customer = "required"
uses = "unlimited"
effects = [{ type = "points", points = 40 }]
"#;

/// An office with three campaigns and a few codes.
fn furnished() -> Offices {
    let offices = Offices::embedded();
    let node = &offices.nodes[0];
    node.define(CAMPAIGNS).unwrap();
    node.allow_codes(4).unwrap();
    node.codes("once", "ONE-1\nONE-2\nONE-3").unwrap();
    node.codes("free", "FREE-1").unwrap();
    node.codes("bonus", "BONUS-1").unwrap();
    offices
}

fn post(offices: &Offices, path: &str, key: &str, body: &Value) -> Value {
    let asked = format!("POST {path} {body}");
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    offices.ask_as(Role::Admin, 0, &asked, &headers).json()
}

fn redeem(offices: &Offices, key: &str, codes: &[&str], gate: &str) -> Value {
    let order = json!({
        "gate": gate, "property": "lido", "currency": "EUR", "total": "20.00", "customer": "mia",
    });
    post(offices, "/v1/redeem", key, &json!({ "codes": codes, "order": order }))
}

/// Waits until everything was counted.
#[track_caller]
fn figures(offices: &Offices, path: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
    let asked = format!("GET {path}");
    let begun = std::time::Instant::now();
    loop {
        let heard = offices.ask(0, &asked, &[]);
        assert_eq!(heard.status, 200, "{path}: {}", heard.json());
        let shown = heard.json();
        if is_wanted(&shown) {
            return shown;
        }
        assert!(begun.elapsed().as_secs() < 12, "{path}: {shown}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// Labels with what was redeemed, given back and refused.
fn rows(shown: &Value) -> Vec<(String, i64, i64, i64)> {
    let row = |series: &Value| {
        let count = |name: &str| series["totals"][name].as_i64().unwrap();
        let label = series["label"].as_str().unwrap().to_owned();
        (label, count("redeemed"), count("released"), count("refused"))
    };
    let mut rows: Vec<_> = shown["series"].as_array().unwrap().iter().map(row).collect();
    rows.sort();
    rows
}

fn row(label: &str, redeemed: i64, released: i64, refused: i64) -> (String, i64, i64, i64) {
    (label.to_owned(), redeemed, released, refused)
}

#[test]
fn series_tell_campaigns_gates_and_reasons_apart() {
    let offices = furnished();
    let both = ["ONE-1", "FREE-1"];
    assert_eq!(redeem(&offices, "a", &both, "north")["ok"], true);
    // A repeat counts nothing.
    assert_eq!(redeem(&offices, "a", &both, "north")["replayed"], true);
    assert_eq!(redeem(&offices, "b", &["ONE-2"], "south")["ok"], true);
    assert_eq!(redeem(&offices, "c", &["BONUS-1"], "")["ok"], true);
    assert_eq!(redeem(&offices, "d", &["ONE-1"], "north")["reason"], "already_redeemed");
    assert_eq!(redeem(&offices, "e", &["NOBODY-KNOWS"], "north")["reason"], "code_not_found");
    // Asking whether a request arrived refuses nobody anything.
    let asked = offices.ask(0, "GET /v1/requests/lost", &[]).json();
    assert_eq!(asked["reason"], "redemption_not_found");
    let one_code = json!({ "codes": ["ONE-1"] });
    let released = post(&offices, "/v1/redemptions/a/release", "f", &one_code);
    assert_eq!(released["ok"], true, "{released}");
    let counted = |released: i64, refused: i64| {
        move |shown: &Value| {
            let totals = &shown["totals"];
            totals["released"] == released && totals["refused"] == refused
        }
    };
    let by_campaign = figures(&offices, "/v1/figures?by=campaign", counted(1, 2));
    assert_eq!(
        rows(&by_campaign),
        [row("", 0, 0, 1), row("bonus", 1, 0, 0), row("free", 1, 0, 0), row("once", 2, 1, 1)]
    );
    let totals = &by_campaign["totals"];
    assert_eq!(totals["money_minor"], json!({ "EUR": 500 }));
    assert_eq!((&totals["uses"], &totals["uses_back"]), (&json!(4), &json!(1)));
    assert_eq!(totals["points_earned"], 40);
    let shown = figures(&offices, "/v1/figures?by=gate&step=minute", counted(1, 2));
    assert_eq!(rows(&shown), [row("", 1, 0, 0), row("north", 2, 1, 2), row("south", 1, 0, 0)]);
    let shown = figures(&offices, "/v1/figures?by=reason&step=day", counted(0, 2));
    assert_eq!(rows(&shown), [row("already_redeemed", 0, 0, 1), row("code_not_found", 0, 0, 1)]);
    let shown = figures(&offices, "/v1/figures?gate=south&property=lido", counted(0, 0));
    assert_eq!(rows(&shown), [row("all", 1, 0, 0)]);
    let shown = figures(&offices, "/v1/figures?property=elsewhere", |_| true);
    assert_eq!(rows(&shown), []);
    // Noon in Berlin is the same day in Tokyo; twelve hours later it is not.
    let day = figures(&offices, "/v1/campaigns/once/figures?step=day", |_| true);
    assert_eq!(day["series"][0]["points"][0]["at"], "2026-06-15");
    assert_eq!(day["standing"]["used"], 1);
    assert_eq!(day["standing"]["codes"], 3);
    offices.clock.advance(6 * 3_600_000);
    assert_eq!(redeem(&offices, "g", &["ONE-3"], "north")["ok"], true);
    let day = figures(&offices, "/v1/campaigns/once/figures?step=day", |_| true);
    assert_eq!(day["series"][0]["points"][1]["at"], "2026-06-16");
    assert_eq!(day["standing"]["used"], 2);
}

#[test]
fn old_minutes_and_hours_go_and_days_stay() {
    let offices = furnished();
    assert_eq!(redeem(&offices, "a", &["FREE-1"], "north")["ok"], true);
    let path = |step: &str| {
        format!("/v1/figures?from=2026-06-15T09:00:00Z&to=2026-06-15T12:00:00Z&step={step}")
    };
    let has = |n: i64| move |shown: &Value| shown["totals"]["redeemed"] == n;
    for step in ["minute", "hour"] {
        figures(&offices, &path(step), has(1));
    }
    offices.clock.advance(49 * 3_600_000);
    assert_eq!(redeem(&offices, "b", &["FREE-1"], "north")["ok"], true);
    figures(&offices, &path("minute"), has(0));
    figures(&offices, &path("hour"), has(1));
    offices.clock.advance(60 * 24 * 3_600_000);
    assert_eq!(redeem(&offices, "c", &["FREE-1"], "north")["ok"], true);
    figures(&offices, &path("hour"), has(0));
    let days = "/v1/figures?from=2026-06-01&to=2026-09-01&step=day";
    figures(&offices, days, has(3));
    // Counted again, what is over stays over.
    post(&offices, "/v1/figures/rebuild", "", &json!({}));
    figures(&offices, days, has(3));
    figures(&offices, &path("minute"), has(0));
    let offices = offices.restart();
    figures(&offices, days, has(3));
    let shown = figures(&offices, "/v1/campaigns/free/figures", |_| true);
    assert_eq!(shown["standing"]["used"], 3);
}

#[test]
fn a_code_shows_its_last_refused_attempts() {
    let offices = furnished();
    assert_eq!(redeem(&offices, "a", &["ONE-1"], "north")["ok"], true);
    let history = || post(&offices, "/v1/codes/history", "", &json!({ "code": "ONE-1" }));
    assert_eq!(history()["refused"], json!([]));
    redeem(&offices, "b", &["ONE-2", "ONE-1"], "south");
    let order = json!({ "channel": "web", "currency": "EUR", "total": "20.00" });
    post(&offices, "/v1/validate", "", &json!({ "code": "ONE-1", "order": order }));
    let refused = &history()["refused"];
    let attempt = |place: usize, name: &str| refused[place][name].as_str().unwrap_or("-");
    assert_eq!(refused.as_array().unwrap().len(), 2, "{refused}");
    assert_eq!((attempt(0, "verb"), attempt(0, "channel")), ("validate", "web"));
    assert_eq!((attempt(0, "gate"), attempt(0, "property")), ("-", "-"));
    assert_eq!((attempt(1, "gate"), attempt(1, "property")), ("south", "lido"));
    assert_eq!(attempt(1, "reason"), "already_redeemed");
    assert_eq!(attempt(1, "at"), attempt(0, "at"));
    let other = post(&offices, "/v1/codes/history", "", &json!({ "code": "ONE-2" }));
    assert_eq!(other["refused"], json!([]));
    for number in 0..30 {
        redeem(&offices, &format!("again-{number}"), &["ONE-1"], "north");
    }
    assert_eq!(history()["refused"].as_array().unwrap().len(), 20);
}

#[test]
fn questions_without_sense_are_told_so() {
    let offices = furnished();
    for (query, wrong) in [
        ("step=minute&from=2026-06-01&to=2026-06-10", "12960 steps before `to`"),
        ("from=2026-06-10&to=2026-06-01", "is not after `from`"),
        ("from=yesterday", "is no day"),
    ] {
        let heard = offices.ask(0, &format!("GET /v1/figures?{query}"), &[]);
        assert_eq!(heard.status, 422, "{query}");
        let message = heard.json()["errors"][0]["message"].to_string();
        assert!(message.contains(wrong), "{query}: {message}");
    }
    assert_eq!(offices.ask(0, "GET /v1/figures?step=week", &[]).status, 400);
    assert_eq!(offices.ask(0, "GET /v1/campaigns/nothing/figures", &[]).status, 404);
    assert_eq!(offices.ask_as(Role::Gate, 0, "GET /v1/figures", &[]).status, 403);
    assert_eq!(offices.ask_as(Role::Monitor, 0, "POST /v1/figures/rebuild", &[]).status, 403);
}

#[test]
fn a_standing_says_no_place_while_all_is_counted_anew() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine_in(dir.path(), &BoxOptions::default()).unwrap();
    let (tenant, campaign) = (TenantId::parse("park").unwrap(), CampaignId::parse("free").unwrap());
    let free = CampaignDocument::from_toml("id = \"free\"\nkind = \"access\"").unwrap();
    engine.put_campaign(&tenant, free, Expect::New, "test").unwrap();
    let through = || engine.campaign_standing(&tenant, &campaign, &[]).unwrap().unwrap().through;
    assert_eq!(through(), Some(Cursor::default()));
    engine.rebuild_figures("test").unwrap();
    assert_eq!(through(), None);
    while engine.count_events(Urgency::Wanted).unwrap() != Counted::All {}
    assert_eq!(through(), Some(Cursor::default()));
}
