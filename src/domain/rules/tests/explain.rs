//! What is told to people who try a campaign out.

use chrono::WeekdaySet;

use super::*;
use crate::domain::campaign::{
    AmongRule, Basis, Condition, CustomerRule, Dates, Hours, ProductType, Window,
};
use crate::domain::order::{FirstOrder, Trigger};
use crate::domain::rules::scene::points_account;

/// All findings, one a line: `+` where it holds and `-` where it does not.
fn explained(scene: &Scene) -> String {
    let findings = explain(&scene.question(), &Running::of(&scene.order));
    let line = |finding: &Finding| {
        let sign = if finding.holds == Holds::Yes { '+' } else { '-' };
        format!("{sign} {}: {} | {}", finding.rule, finding.asked, finding.found)
    };
    findings.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn check_explained(scene: &Scene, expect: &[&str]) {
    assert_eq!(explained(scene), expect.join("\n"));
}

/// The finding of the only condition.
#[track_caller]
fn check_condition(condition: Condition, change: impl FnOnce(&mut Scene), expect: &str) {
    let scene = Scene::discount().condition(condition).with(change);
    let text = explained(&scene);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 5, "{text}");
    assert_eq!(lines[3], expect);
    let judged = scene.judge();
    assert_eq!(judged.is_ok(), expect.starts_with('+'), "{judged:?}");
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let scene = Scene::discount().with(|s| {
        s.code.state = CodeState::Revoked;
        s.code.holder = Some("ada".into());
        s.campaign.status = Status::Paused;
        s.campaign.activation = Activation::Paid;
        s.campaign.customer = CustomerRule::Required;
        s.campaign.validity.from = None;
        s.campaign.validity.until = Some(at("2026-06-01T00:00:00+02:00"));
        s.campaign.validity.hours = Hours {
            windows: vec![Window { days: WeekdaySet::ALL, from_min: 1_320, until_min: 120 }],
            blackout: vec!["2026-12-24".parse().unwrap()..="2026-12-26".parse().unwrap()],
            extra: vec!["2026-12-25".parse().unwrap()..="2026-12-25".parse().unwrap()],
        };
        s.campaign.conditions = vec![costs(Some(5_000), None), Condition::Gate(only(&["north"]))];
        s.order.total_minor = Some(4_999);
        s.order.currency = Some("CZK");
        s.order.units = 9;
    });
    check_explained(
        &scene,
        &[
            "- code: live | revoked",
            "- campaign: active | paused",
            "- activation: paid | not paid",
            "- validity: before 2026-06-01 00:00:00 | 2026-06-15 12:00:00",
            "- hours: every day 22:00-02:00; not 2026-12-24 to 2026-12-26; also 2026-12-25 \
             | Mon 2026-06-15 12:00:00",
            "- customer: a customer | not stated",
            "- holder: the holder | not stated",
            "- amount: at least 50.00 EUR | 49.99 EUR",
            "- gate: north | not stated",
            "- currency: EUR | CZK",
            "- units: 1 to 4 | 9",
        ],
    );
    assert!(scene.judge().is_err());
    let right = scene.with(|s| {
        s.code.state = CodeState::Live;
        s.code.paid = Some(at("2026-05-02T08:00:00+02:00"));
        s.campaign.status = Status::Active;
        s.campaign.validity.from = Some(at("2026-01-01T00:00:00+01:00"));
        s.campaign.validity.until = Some(at("2027-01-01T00:00:00+01:00"));
        s.now = at("2026-06-16T01:00:00+02:00");
        s.order.customer = Some("ada");
        s.order.total_minor = Some(5_000);
        s.order.gate = Some("north");
        s.order.currency = Some("EUR");
        s.order.units = 4;
    });
    check_explained(
        &right,
        &[
            "+ code: live | live",
            "+ campaign: active | active",
            "+ activation: paid | 2026-05-02 08:00:00",
            "+ validity: from 2026-01-01 00:00:00, before 2027-01-01 00:00:00 \
             | 2026-06-16 01:00:00",
            "+ hours: every day 22:00-02:00; not 2026-12-24 to 2026-12-26; also 2026-12-25 \
             | Tue 2026-06-16 01:00:00",
            "+ customer: a customer | ada",
            "+ holder: the holder | ada",
            "+ amount: at least 50.00 EUR | 50.00 EUR",
            "+ gate: north | north",
            "+ currency: EUR | EUR",
            "+ units: 1 to 4 | 4",
        ],
    );
    assert!(right.judge().is_ok());
}

#[test]
fn what_is_not_restricted_is_left_out() {
    let plain = Scene::discount().with(|s| {
        s.campaign.validity.from = None;
        s.campaign.validity.until = None;
    });
    check_explained(
        &plain,
        &["+ code: live | live", "+ campaign: active | active", "+ units: 1 to 4 | 1"],
    );
    let exit = plain.with(|s| {
        s.order.passage = Passage::Exit;
        s.code.state = CodeState::Replaced;
    });
    check_explained(&exit, &["- code: live | replaced"]);
}

#[test]
fn effects_that_lack_something_say_what() {
    let unknown = Scene::discount().with(|s| s.order.total_minor = None);
    assert!(explained(&unknown).contains("\n- percent: total_minor | not stated\n"));
}

#[test]
fn amounts_and_numbers() {
    let running = Condition::Amount { min: Some(100), max: Some(5_000), basis: Basis::Running };
    let text = "amount: 1.00 to 50.00 EUR after earlier codes | 100.00 EUR";
    check_condition(running, |_| {}, &format!("- {text}"));
    check_condition(
        costs(None, Some(10_000)),
        |s| s.campaign.currency = None,
        "+ amount: at most 10000 minor units | 10000 minor units",
    );
    check_condition(
        Condition::Nights { min: Some(2), max: None },
        |s| {
            s.order.arrival = Some("2026-07-01".parse().unwrap());
            s.order.departure = Some("2026-07-02".parse().unwrap());
        },
        "- nights: at least 2 | 1",
    );
    check_condition(
        Condition::Persons { min: Some(2), max: Some(3) },
        |s| s.order.adults = Some(2),
        "+ persons: 2 to 3 | 2",
    );
    let points = || Condition::Points { min: Some(20), max: None };
    check_condition(points(), |_| {}, "- points: at least 20 | not stated");
    check_condition(
        points(),
        |s| {
            s.account = Some(points_account());
            s.order.customer = Some("ada");
            s.seen.account = Some(21);
        },
        "+ points: at least 20 | 21",
    );
}

#[test]
fn lists_and_words() {
    let many: Vec<String> = (10..30).map(|number| format!("p{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    check_condition(
        Condition::Channel(only(&many)),
        |s| s.order.channel = Some("web"),
        "- channel: p10, p11, p12, p13, p14, p15, p16, p17, … (+12) | web",
    );
    let cart = |s: &mut Scene| {
        s.order.lines = lines("suite x 1 50 room, spa y 2 40, suite x 1 10 room");
    };
    check_condition(
        Condition::Product(not(&["wine", "beer"])),
        cart,
        "+ product: not beer, wine | suite, spa",
    );
    let product_type = ProductType::Room;
    let rooms = Condition::Contains { product_type, among: only(&["single"]) };
    check_condition(rooms, cart, "- room_type: single | suite");
    check_condition(Condition::Theme(only(&["sea"])), cart, "- theme: sea | none");
    check_condition(
        Condition::CustomerGroup(not(&["vip"])),
        |_| {},
        "+ customer_group: not vip | none",
    );
    check_condition(
        Condition::FirstOrder(AmongRule::Not),
        |s| s.order.first_order = FirstOrder::Yes,
        "- first_order: not the first order | the first order",
    );
    let triggers = vec![Trigger::Birthday, Trigger::Referral];
    check_condition(
        Condition::Trigger { rule: AmongRule::Only, triggers },
        |_| {},
        "- trigger: birthday, referral | booking",
    );
    let ranges = vec!["2026-06-15".parse().unwrap()..="2026-06-15".parse().unwrap()];
    check_condition(
        Condition::Booked(Dates { rule: AmongRule::Only, ranges }),
        |_| {},
        "+ booked: 2026-06-15 | 2026-06-15",
    );
}
