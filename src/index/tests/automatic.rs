//! Automatic campaigns: which are found for an order.

use chrono_tz::Tz;
use smallvec::smallvec;

use super::*;
use crate::domain::campaign::{Among, AmongRule, Application, Condition};
use crate::domain::order::{Line, Order, Trigger};
use crate::domain::policy::{Group, NeedsCode, Policy};

fn tenant() -> TenantId {
    TenantId::parse("park").unwrap()
}

fn only(list: &[&str]) -> Among {
    let set = list.iter().map(|&one| Box::from(one)).collect();
    Among { rule: AmongRule::Only, set }
}

fn by_itself(id: &str, conditions: Vec<Condition>, groups: &[&str]) -> Campaign {
    Campaign {
        application: Application::Automatic,
        conditions,
        groups: groups.iter().map(|&group| group.into()).collect(),
        calendar: Calendar::plain(Tz::UTC),
        ..Campaign::clone(&campaign(id, 1, Status::Active))
    }
}

fn put(definitions: &mut Definitions, campaign: Campaign) {
    definitions.put_campaign(Arc::new(campaign));
}

#[track_caller]
fn check(definitions: &Definitions, order: &Order<'_>, ids: &str) {
    let found = definitions.automatic(&tenant(), order).map(|one| one.id.as_str());
    assert_eq!(found.collect::<Vec<_>>().join(" "), ids);
}

fn all_sorts() -> Definitions {
    let mut all = Definitions::default();
    let room = Condition::Product(only(&["double", "single"]));
    let not_web = Among { rule: AmongRule::Not, ..only(&["web"]) };
    let triggers = vec![Trigger::Birthday, Trigger::Referral];
    let trigger = Condition::Trigger { rule: AmongRule::Only, triggers };
    for (id, conditions) in [
        ("all", vec![]),
        ("birthday", vec![trigger]),
        ("north", vec![Condition::Property(only(&["north"]))]),
        ("not-web", vec![Condition::Channel(not_web)]),
        ("rooms", vec![room.clone()]),
        ("rooms-web", vec![Condition::Channel(only(&["web"])), room]),
        ("vip", vec![Condition::CustomerGroup(only(&["gold", "vip"]))]),
    ] {
        put(&mut all, by_itself(id, conditions, &[]));
    }
    put(&mut all, by_itself("members", vec![], &["members", "staff"]));
    all.put_campaign(campaign("coded", 1, Status::Active));
    all
}

#[test]
fn an_order_meets_the_campaigns_that_name_what_it_has() {
    let all = all_sorts();
    check(&all, &Order::default(), "all members not-web");
    let birthday = Order { trigger: Trigger::Birthday, ..Order::default() };
    check(&all, &birthday, "all birthday members not-web");
    let north = Order { property: Some("north"), channel: Some("app"), ..Order::default() };
    check(&all, &north, "all members north not-web");
    let guests = smallvec!["vip", "new", "gold"];
    check(&all, &Order { customer_groups: guests, ..Order::default() }, "all members not-web vip");
    let line = |product| Line { product, quantity: 1, ..Line::default() };
    let lines = smallvec![line("single"), line("double"), line("suite")];
    let web = Order { channel: Some("web"), lines, ..Order::default() };
    check(&all, &web, "all members not-web rooms rooms-web");
    let other = TenantId::parse("other").unwrap();
    assert_eq!(all.automatic(&other, &web).count(), 0);
}

#[test]
fn a_slot_lets_in_the_campaigns_of_its_group_only() {
    let mut all = all_sorts();
    for id in ["members", "guests"] {
        let (name, needs_code) = (BTreeMap::new(), NeedsCode::Optional);
        all.put_group(&tenant(), Arc::new(Group { id: id.into(), name, needs_code }));
    }
    let slots = [("easter", "members"), ("summer", "guests")];
    let slots = slots.map(|(slot, group)| (slot.into(), Some(group.into())));
    all.put_slots(&tenant(), slots);
    let at = |slot| Order { slot: Some(slot), ..Order::default() };
    check(&all, &at("easter"), "members");
    check(&all, &at("summer"), "");
    // What is not defined accepts everything, unless there is a default group.
    check(&all, &at("winter"), "all members not-web");
    all.put_policy(&tenant(), Policy::default(), Some("members"));
    check(&all, &at("winter"), "members");
}

#[test]
fn what_a_campaign_was_before_is_not_found() {
    let mut all = Definitions::default();
    let at = |property| Order { property: Some(property), ..Order::default() };
    let version = |version, property: &str, status| Campaign {
        version,
        status,
        ..by_itself("hotel", vec![Condition::Property(only(&[property]))], &[])
    };
    put(&mut all, version(1, "north", Status::Active));
    let before = all.clone();
    put(&mut all, version(2, "south", Status::Active));
    check(&all, &at("north"), "");
    check(&all, &at("south"), "hotel");
    put(&mut all, version(2, "south", Status::Paused));
    check(&all, &at("south"), "");
    put(&mut all, version(2, "south", Status::Active));
    // An earlier version that is read once more changes nothing.
    put(&mut all, version(1, "north", Status::Active));
    check(&all, &at("south"), "hotel");
    check(&all, &at("north"), "");
    check(&before, &at("north"), "hotel");
}

#[test]
fn ten_thousand_hotels_do_not_meet_each_other() {
    let mut all = Definitions::default();
    for n in 0..10_000 {
        // All are for double rooms on the web, so only the hotel tells them apart.
        let conditions = vec![
            Condition::Product(only(&["double"])),
            Condition::ProductType(only(&["room"])),
            Condition::Channel(only(&["web"])),
            Condition::Property(only(&[&format!("h{n}")])),
        ];
        put(&mut all, by_itself(&format!("c{n}"), conditions, &[]));
    }
    let line = Line { product: "double", product_type: "room", quantity: 1, ..Line::default() };
    for n in 0..10_000 {
        let (property, own) = (format!("h{n}"), format!("c{n}"));
        let order = Order {
            property: Some(&property),
            channel: Some("web"),
            lines: smallvec![line],
            ..Order::default()
        };
        let found: Vec<&str> =
            all.automatic(&tenant(), &order).map(|one| one.id.as_str()).collect();
        assert!(found.contains(&own.as_str()) && found.len() <= 4, "{own}: {found:?}");
    }
}
