//! What campaigns say to orders, as tables.

use proptest::prelude::*;

use super::scene::{Scene, at, lines, not, only, percent, refusal_text};
use super::*;
use crate::domain::campaign::{
    Among, Condition, CustomerRule, Effect, Limit, RelativeValidity, Scope,
};
use crate::domain::money::Percent;
use crate::domain::order::Line;
use crate::domain::time::{Period, ValidityUnit};

fn offer_text(offer: &Offer) -> String {
    let mut text = format!("worth {}", offer.worth_minor);
    if offer.line_parts.len() > 1 {
        text.push_str(&format!(" lines {:?}", &offer.line_parts[..]));
    }
    if let Some(draw) = offer.draw {
        text.push_str(&format!(" draw {} {:?}", draw.amount, draw.take));
    }
    for (product, quantity) in &offer.products {
        text.push_str(&format!(" and {quantity} {product}"));
    }
    text
}

#[track_caller]
fn check(scene: &Scene, expect: &str) {
    let before = Running::of(&scene.order);
    let mut running = before.clone();
    let answer = match judge(&scene.question(), &mut running) {
        Ok(offer) => offer_text(&offer),
        Err(refusal) => {
            assert_eq!(running, before, "a refusal leaves the order as it was");
            refusal_text(&refusal)
        }
    };
    assert_eq!(answer, expect);
}

#[track_caller]
fn check_with(change: impl FnOnce(&mut Scene), expect: &str) {
    check(&Scene::discount().with(change), expect);
}

/// Several codes of one order, in turn; the total that is left is the last word.
#[track_caller]
fn check_order(scenes: &[Scene], expect: &str) {
    let order = &scenes[0].order;
    let mut running = Running::of(order);
    let mut text = String::new();
    for scene in scenes {
        let scene = scene.clone().with(|s| {
            s.order = order.clone();
            s.alone = false;
        });
        match judge(&scene.question(), &mut running) {
            Ok(offer) => text.push_str(&offer_text(&offer)),
            Err(refusal) => text.push_str(&refusal_text(&refusal)),
        }
        text.push_str("; ");
    }
    text.push_str(&format!("left {:?}", running.total_minor().unwrap()));
    assert_eq!(text, expect);
}

fn paying_off(amount_minor: i64) -> Scene {
    Scene::discount().with(|s| s.campaign.effects = vec![Effect::Amount { amount_minor }])
}

fn relative(since: Since, count: u32, unit: ValidityUnit) -> Option<RelativeValidity> {
    Some(RelativeValidity { since, count, unit })
}

#[test]
fn a_good_code_is_worth_its_share() {
    check_with(|_| {}, "worth 2000");
}

#[test]
fn the_first_reason_that_applies_is_the_answer() {
    // Everything is wrong at once, and put right one after the other.
    let mut scene = Scene::discount().with(|s| {
        s.code.state = CodeState::Revoked;
        s.campaign.status = Status::Paused;
        s.campaign.activation = Activation::Paid;
        s.campaign.validity.from = Some(at("2026-07-01T00:00:00+02:00"));
        s.code.valid_until = Some(at("2026-06-01T00:00:00+02:00"));
        s.code.holder = Some("ada".into());
        s.order.customer = Some("eve");
        s.order.channel = Some("phone");
        s.order.gate = Some("south");
        s.order.currency = Some("CZK");
        s.order.units = 9;
        s.order.lines = lines("tea drinks 1 500");
        s.order.total_minor = None;
        s.campaign.effects = vec![Effect::Zero];
        // Listed backwards.
        s.campaign.conditions = vec![
            Condition::Quantity { min: Some(2), max: None },
            Condition::Amount { min: Some(600), max: None },
            Condition::Product(only(&["coffee"])),
            Condition::Gate(only(&["north"])),
            Condition::Channel(not(&["phone"])),
            Condition::CustomerGroup(only(&["vip"])),
            Condition::Property(only(&["park"])),
        ];
    });
    type Remedy = fn(&mut Scene);
    let steps: [(&str, Remedy); 16] = [
        ("102 code_revoked", |s| s.code.state = CodeState::Live),
        ("111 campaign_paused", |s| s.campaign.status = Status::Active),
        ("113 not_activated", |s| s.code.paid = Some(s.code.issued)),
        ("120 not_started next_valid_at=2026-06-30T22:00:00.000Z", |s| {
            s.campaign.validity.from = None;
        }),
        ("121 expired", |s| s.code.valid_until = None),
        ("130 input_missing missing=property rule=property", |s| s.order.property = Some("pool")),
        ("132 not_holder rule=holder", |s| s.order.customer = Some("ada")),
        ("133 customer_not_eligible rule=customer_group", |s| {
            s.order.customer_groups.push("vip");
        }),
        ("134 property_not_eligible rule=property", |s| s.order.property = Some("park")),
        ("135 channel_not_eligible rule=channel", |s| s.order.channel = Some("web")),
        ("137 gate_not_eligible rule=gate", |s| s.order.gate = Some("north")),
        ("140 product_not_eligible rule=product", |s| {
            s.order.lines = lines("coffee drinks 1 500");
        }),
        ("144 amount_below_min off_by=100 rule=amount", |s| s.order.total_minor = Some(600)),
        ("146 quantity_out_of_range off_by=1 rule=quantity", |s| {
            s.order.lines = lines("coffee drinks 2 600");
        }),
        ("147 currency_mismatch rule=currency", |s| s.order.currency = Some("EUR")),
        ("165 no_effect", |s| s.campaign.effects = vec![percent("50")]),
    ];
    for (expect, remedy) in steps {
        check(&scene, expect);
        remedy(&mut scene);
    }
    check(&scene, "177 units_out_of_range max=4");
    scene.order.units = 4;
    check(&scene, "worth 300 lines [300, 0]");
}

#[test]
fn a_code_and_its_campaign_must_stand() {
    check_with(|s| s.code.state = CodeState::Replaced, "103 code_replaced");
    check_with(|s| s.campaign.status = Status::Draft, "110 campaign_draft");
    check_with(|s| s.campaign.status = Status::Ended, "112 campaign_ended");
    let unpaid = relative(Since::Payment, 1, ValidityUnit::Years);
    check_with(|s| s.campaign.validity.relative = unpaid, "113 not_activated");
}

#[test]
fn the_last_day_counts_to_its_end() {
    check_with(|s| s.now = at("2026-12-31T23:59:59.999+01:00"), "worth 2000");
    check_with(|s| s.now = at("2027-01-01T00:00:00+01:00"), "121 expired");
    check_with(|s| s.now = at("2026-01-01T00:00:00+01:00"), "worth 2000");
    check_with(
        |s| s.now = at("2025-12-31T23:59:59.999+01:00"),
        "120 not_started next_valid_at=2025-12-31T23:00:00.000Z",
    );
}

#[test]
fn a_code_has_its_own_days() {
    let later = at("2028-01-01T00:00:00+01:00");
    let scene = Scene::discount().with(|s| {
        s.code.valid_until = Some(later);
        s.now = at("2027-06-01T00:00:00+02:00");
    });
    check(&scene, "worth 2000");
    check(&scene.with(|s| s.code.valid_from = Some(later)), {
        "120 not_started next_valid_at=2027-12-31T23:00:00.000Z"
    });
}

#[test]
fn relative_validity_ends_with_its_last_local_day() {
    let scene = |since, now| {
        Scene::discount().with(|s| {
            s.campaign.validity.relative = relative(since, 2, ValidityUnit::Days);
            s.now = at(now);
        })
    };
    // Issued on 1 May: that is day 1.
    check(&scene(Since::Issue, "2026-05-02T23:59:59.999+02:00"), "worth 2000");
    check(&scene(Since::Issue, "2026-05-03T00:00:00+02:00"), "121 expired");
    let paid = |now| {
        scene(Since::Payment, now).with(|s| s.code.paid = Some(at("2026-06-01T09:00:00+02:00")))
    };
    check(&paid("2026-06-02T23:00:00+02:00"), "worth 2000");
    check(&paid("2026-06-03T00:00:00+02:00"), "121 expired");
    // Never used: begins now, and the campaign's end still holds.
    check(&scene(Since::FirstUse, "2026-12-31T20:00:00+01:00"), "worth 2000");
    check(&scene(Since::FirstUse, "2027-01-01T00:00:00+01:00"), "121 expired");
    // First used on the day before clocks go back: the second day has 25 hours.
    let used = |now| {
        scene(Since::FirstUse, now)
            .with(|s| s.seen.first_use = Some(at("2026-10-24T18:00:00+02:00")))
    };
    check(&used("2026-10-25T23:59:59.999+01:00"), "worth 2000");
    check(&used("2026-10-26T00:00:00+01:00"), "121 expired");
}

#[test]
fn the_earliest_end_wins() {
    let scene = Scene::voucher().with(|s| {
        s.campaign.validity.relative = relative(Since::Issue, 1, ValidityUnit::Years);
        s.code.valid_until = Some(at("2026-09-01T00:00:00+02:00"));
    });
    assert_eq!(window(&scene.question()).until, Some(at("2026-09-01T00:00:00+02:00")));
    let opening = scene.judge().unwrap().opening;
    let expires = Some(at("2026-09-01T00:00:00+02:00"));
    assert_eq!(opening, Some(Opening { amount: 5_000, expires }));
    let scene = scene.with(|s| s.code.valid_until = None);
    assert_eq!(window(&scene.question()).until, Some(at("2027-01-01T00:00:00+01:00")));
}

#[test]
fn customers_and_holders() {
    let counted =
        Limit { scope: Scope::Customer, counts: Counts::Uses, period: Period::Total, max: 1 };
    let required = "131 customer_required rule=customer";
    check_with(|s| s.campaign.customer = CustomerRule::Required, required);
    check_with(|s| s.campaign.limits.push(counted), required);
    check_with(
        |s| {
            s.campaign.limits.push(counted);
            s.order.customer = Some("");
        },
        required,
    );
    check_with(|s| s.code.holder = Some("ada".into()), "131 customer_required rule=holder");
    let bound = Scene::pass().with(|s| s.code.holder = Some("ada".into()));
    check(&bound, "worth 0");
    check(&bound.clone().with(|s| s.order.customer = Some("ada")), "worth 0");
    check(&bound.with(|s| s.order.customer = Some("eve")), "132 not_holder rule=holder");
    let no_staff = || Scene::discount().condition(Condition::CustomerGroup(not(&["staff"])));
    check(&no_staff(), "worth 2000");
    check(&no_staff().with(|s| s.order.customer_groups.push("vip")), "worth 2000");
    check(
        &no_staff().with(|s| s.order.customer_groups.extend(["vip", "staff"])),
        "133 customer_not_eligible rule=customer_group",
    );
}

#[test]
fn references_must_be_known_and_as_the_list_demands() {
    type Make = fn(Among) -> Condition;
    type Put = fn(&mut Scene, Option<&'static str>);
    let rules: [(Make, Put, &str, &str); 5] = [
        (Condition::Property, |s, r| s.order.property = r, "property", "134 property"),
        (Condition::Channel, |s, r| s.order.channel = r, "channel", "135 channel"),
        (Condition::Brand, |s, r| s.order.brand = r, "brand", "135 channel"),
        (Condition::Partner, |s, r| s.order.partner = r, "partner", "136 partner"),
        (Condition::Gate, |s, r| s.order.gate = r, "gate", "137 gate"),
    ];
    for (condition, put, rule, reason) in rules {
        for (among, found, accepted) in [
            (only(&["a", "b"]), "b", true),
            (only(&["a", "b"]), "c", false),
            (not(&["a", "b"]), "c", true),
            (not(&["a", "b"]), "a", false),
        ] {
            let scene = Scene::discount().condition(condition(among)).with(|s| put(s, Some(found)));
            let refused = format!("{reason}_not_eligible rule={rule}");
            check(&scene, if accepted { "worth 2000" } else { &refused });
            let missing = format!("130 input_missing missing={rule} rule={rule}");
            check(&scene.with(|s| put(s, None)), &missing);
        }
    }
}

#[test]
fn products_choose_the_lines_that_take_part() {
    const CART: &str = "coffee drinks 2 600, cake food 1 400, tea drinks 1 300";
    let cart = |conditions: Vec<Condition>| {
        Scene::discount().with(|s| {
            s.order.lines = lines(CART);
            s.order.total_minor = None;
            s.campaign.conditions = conditions;
        })
    };
    let product = |among| cart(vec![Condition::Product(among)]);
    check(&cart(vec![]), "worth 260 lines [120, 80, 60, 0]");
    check(&product(only(&["cake", "tea"])), "worth 140 lines [0, 80, 60, 0]");
    check(&product(not(&["cake"])), "worth 180 lines [120, 0, 60, 0]");
    check(&cart(vec![Condition::Category(only(&["food"]))]), "worth 80 lines [0, 80, 0, 0]");
    check(&product(only(&["wine"])), "140 product_not_eligible rule=product");
    check(&product(not(&["coffee", "cake", "tea"])), "141 product_excluded rule=product");
    let drinks_but = |products: &[&str]| {
        cart(vec![Condition::Product(not(products)), Condition::Category(only(&["drinks"]))])
    };
    check(&drinks_but(&["tea"]), "worth 120 lines [120, 0, 0, 0]");
    check(&drinks_but(&["tea", "coffee"]), "141 product_excluded rule=product");
    // What the total has beyond the lines is no product.
    let shipped = |scene: Scene| scene.with(|s| s.order.total_minor = Some(1_500));
    check(&shipped(cart(vec![])), "worth 300 lines [120, 80, 60, 40]");
    check(&shipped(product(only(&["cake"]))), "worth 80 lines [0, 80, 0, 0]");
    // A total below the lines is spread over them.
    check(
        &product(only(&["coffee"])).with(|s| s.order.total_minor = Some(650)),
        "worth 60 lines [60, 0, 0, 0]",
    );
    // A line that gives something back lowers what there is to take from.
    check(
        &product(only(&["coffee"])).with(|s| {
            s.order.lines = lines("coffee drinks 1 600, deposit x 1 -500");
            s.campaign.effects = vec![Effect::Amount { amount_minor: 600 }];
        }),
        "worth 100 lines [100, 0, 0]",
    );
    check(
        &Scene::discount().condition(Condition::Product(only(&["cake"]))),
        "130 input_missing missing=lines rule=product",
    );
}

#[test]
fn amounts_and_quantities_have_bounds() {
    let amount = |min, max| Scene::discount().condition(Condition::Amount { min, max });
    check(&amount(Some(10_000), Some(10_000)), "worth 2000");
    check(&amount(Some(10_001), None), "144 amount_below_min off_by=1 rule=amount");
    check(&amount(None, Some(9_900)), "145 amount_above_max off_by=100 rule=amount");
    let pieces = |min, max| {
        let drinks = Condition::Category(only(&["drinks"]));
        Scene::discount().condition(Condition::Quantity { min, max }).condition(drinks).with(|s| {
            s.order.lines = lines("coffee drinks 3 600, cake food 9 400");
            s.order.total_minor = None;
        })
    };
    check(&pieces(Some(3), Some(3)), "worth 120 lines [120, 0, 0]");
    check(&pieces(Some(5), None), "146 quantity_out_of_range off_by=2 rule=quantity");
    check(&pieces(None, Some(2)), "146 quantity_out_of_range off_by=1 rule=quantity");
    let unknown = |scene: Scene| scene.with(|s| s.order.total_minor = None);
    check(
        &unknown(amount(Some(1), None).with(|s| s.campaign.effects.clear())),
        "130 input_missing missing=total_minor rule=amount",
    );
    check(&unknown(Scene::discount()), "130 input_missing missing=total_minor rule=percent");
    check(&unknown(Scene::voucher()), "130 input_missing missing=amount_minor rule=balance");
    let count = Condition::Quantity { min: Some(1), max: None };
    check(&Scene::discount().condition(count), "130 input_missing missing=lines rule=quantity");
}

#[test]
fn units_are_bounded_per_request() {
    check_with(|s| s.order.units = 4, "worth 2000");
    check_with(|s| s.order.units = 5, "177 units_out_of_range max=4");
    check_with(|s| s.order.units = 0, "177 units_out_of_range max=4");
    check_with(
        |s| {
            s.campaign.units = 0..=4;
            s.order.units = 0;
        },
        "177 units_out_of_range max=4",
    );
}

#[test]
fn effects_apply_in_turn_and_never_below_zero() {
    check(&paying_off(3_000), "worth 3000");
    check(&paying_off(30_000), "worth 10000");
    let effects = |effects: Vec<Effect>| Scene::discount().with(|s| s.campaign.effects = effects);
    let off = |amount_minor| Effect::Amount { amount_minor };
    check(&effects(vec![off(5_000), percent("20")]), "worth 6000");
    check(&effects(vec![percent("20"), off(5_000)]), "worth 7000");
    let capped = |cap| Effect::Percent {
        percent: Percent::new("50".parse().unwrap()).unwrap(),
        cap_minor: Some(cap),
    };
    check(&effects(vec![capped(1_234)]), "worth 1234");
    check(&effects(vec![capped(9_000)]), "worth 5000");
    check(&effects(vec![Effect::Surcharge { amount_minor: 500 }]), "worth -500");
    let coffee = Effect::Unit { product: "coffee".into(), quantity: 2 };
    let coffees = effects(vec![coffee]).with(|s| s.order = Order::default());
    check(&coffees, "worth 0 and 2 coffee");
    check(&coffees.with(|s| s.order.units = 3), "worth 0 and 6 coffee");
}

#[test]
fn odd_cents_go_half_away_from_zero_and_to_the_largest_remainder() {
    let cart = Scene::discount().with(|s| {
        s.order.lines = lines("a x 1 33, b x 1 33, c x 1 34");
        s.order.total_minor = None;
        s.campaign.effects = vec![percent("10")];
    });
    check(&cart, "worth 10 lines [3, 3, 4, 0]");
    let surcharge = vec![Effect::Surcharge { amount_minor: 10 }];
    check(
        &cart.clone().with(|s| s.campaign.effects = surcharge.clone()),
        "worth -10 lines [-3, -3, -4, 0]",
    );
    check_with(|s| s.order.total_minor = Some(2), "165 no_effect");
    check_with(|s| s.order.total_minor = Some(3), "worth 1");
    // What costs nothing shares a surcharge evenly, among the lines that match.
    let free = cart.condition(Condition::Product(not(&["a"]))).with(|s| {
        s.campaign.effects = surcharge;
        s.order.lines = lines("a x 1 50, b x 1 0, c x 1 0");
    });
    check(&free, "worth -10 lines [0, -5, -5, 0]");
}

#[test]
fn a_use_is_not_taken_for_nothing() {
    let nothing = |s: &mut Scene| s.order.total_minor = Some(0);
    check_with(nothing, "165 no_effect");
    check_with(|s| s.campaign.effects = vec![Effect::Zero], "165 no_effect");
    let allowed = Scene::discount().with(|s| s.campaign.no_effect = NoEffect::Allow);
    check(&allowed.with(nothing), "worth 0");
    check(&Scene::voucher().with(nothing), "165 no_effect");
    for kind in [Kind::Pass, Kind::Access] {
        check(&Scene::pass().with(|s| s.campaign.kind = kind), "worth 0");
        let zero = Scene::pass().with(|s| s.campaign.effects = vec![Effect::Zero]);
        check(&zero.with(|s| s.campaign.kind = kind), "worth 0");
    }
}

#[test]
fn the_worth_is_that_of_the_version_under_which_a_code_was_issued() {
    let scene = Scene::voucher().with(|s| {
        s.worth = Some(s.campaign.clone());
        s.campaign.effects.clear();
        s.campaign.balance_minor = Some(1);
    });
    check(&scene, "worth 3000 draw 3000 UpTo");
    assert_eq!(scene.judge().unwrap().opening.map(|o| o.amount), Some(5_000));
    // The rules are those of today.
    check(&scene.with(|s| s.campaign.status = Status::Ended), "112 campaign_ended");
}

#[test]
fn vouchers_draw_what_is_asked_or_what_is_left_to_pay() {
    let voucher = |total: i64, amount: Option<i64>, seen: Option<u64>| {
        Scene::voucher().with(|s| {
            s.order.total_minor = Some(total);
            s.order.amount_minor = amount;
            s.seen.balance = seen;
        })
    };
    check(&voucher(3_000, None, None), "worth 3000 draw 3000 UpTo");
    check(&voucher(8_000, None, None), "worth 5000 draw 8000 UpTo");
    check(&voucher(3_000, None, Some(700)), "worth 700 draw 3000 UpTo");
    check(&voucher(3_000, None, Some(0)), "worth 0 draw 3000 UpTo");
    check(&voucher(3_000, Some(2_000), Some(700)), "worth 2000 draw 2000 Exact");
    check(&voucher(3_000, Some(0), None), "165 no_effect");
    check(&voucher(3_000, Some(-5), None), "165 no_effect");
    let several = |scene: Scene| scene.with(|s| s.alone = false);
    check(&several(voucher(3_000, None, Some(700))), "worth 700 draw 700 Exact");
    check(&several(voucher(3_000, None, Some(0))), "worth 3000 draw 3000 Exact");
    let budget =
        Limit { scope: Scope::Campaign, counts: Counts::Money, period: Period::Total, max: 9 };
    check(
        &voucher(3_000, None, Some(700)).with(|s| s.campaign.limits.push(budget)),
        "worth 700 draw 700 Exact",
    );
    // A code's own balance, and an amount without any order.
    let own = voucher(8_000, None, None).with(|s| s.code.balance_minor = Some(1_200));
    check(&own, "worth 1200 draw 8000 UpTo");
    let till = voucher(0, Some(800), None).with(|s| s.order.total_minor = None);
    check(&till, "worth 800 draw 800 Exact");
    // Drawn for the matching lines only.
    let cake = Scene::voucher().condition(Condition::Product(only(&["cake"]))).with(|s| {
        s.order.total_minor = None;
        s.order.lines = lines("coffee drinks 2 600, cake food 1 400");
    });
    check(&cake, "worth 400 lines [0, 400, 0] draw 400 UpTo");
}

#[test]
fn several_codes_share_one_order() {
    let of = |total, scene: Scene| scene.with(|s| s.order.total_minor = Some(total));
    let fifth = Scene::discount();
    let amount = paying_off(10_000);
    check_order(
        &[of(50_000, amount.clone()), fifth.clone()],
        "worth 10000; worth 8000; left 32000",
    );
    check_order(&[of(50_000, fifth.clone()), amount], "worth 10000; worth 10000; left 30000");
    check_order(
        &[of(8_000, Scene::voucher()), Scene::voucher()],
        "worth 5000 draw 5000 Exact; worth 3000 draw 3000 Exact; left 0",
    );
    // A stated amount is drawn once.
    let stated = of(8_000, Scene::voucher()).with(|s| s.order.amount_minor = Some(4_000));
    check_order(
        &[stated, Scene::voucher()],
        "worth 4000 draw 4000 Exact; 165 no_effect; left 4000",
    );
    check_order(&[paying_off(10_000), fifth], "worth 10000; 165 no_effect; left 0");
}

#[test]
fn leaving_asks_only_that_the_code_stands() {
    let exit = Scene::discount().with(|s| {
        s.order.passage = Passage::Exit;
        s.campaign.status = Status::Paused;
        s.now = at("2030-01-01T00:00:00Z");
    });
    check(&exit, "worth 0");
    assert_eq!(exit.judge(), Ok(Offer::default()));
    check(&exit.with(|s| s.code.state = CodeState::Revoked), "102 code_revoked");
}

#[test]
fn currencies_must_agree_when_stated() {
    check_with(|s| s.order.currency = Some("EUR"), "worth 2000");
    check_with(|s| s.order.currency = Some("CZK"), "147 currency_mismatch rule=currency");
    check_with(
        |s| {
            s.order.currency = Some("CZK");
            s.campaign.currency = None;
        },
        "worth 2000",
    );
}

fn any_effect() -> impl Strategy<Value = Effect> {
    prop_oneof![
        (0_i64..=100, proptest::option::of(0_i64..5_000)).prop_map(|(percent, cap_minor)| {
            Effect::Percent { percent: Percent::new(percent.into()).unwrap(), cap_minor }
        }),
        (0_i64..20_000).prop_map(|amount_minor| Effect::Amount { amount_minor }),
        (0_i64..5_000).prop_map(|amount_minor| Effect::Surcharge { amount_minor }),
        Just(Effect::Balance),
        Just(Effect::Zero),
    ]
}

fn any_condition() -> impl Strategy<Value = Condition> {
    let among = prop_oneof![Just(only(&["a", "b"])), Just(not(&["b"])), Just(not(&["c", "d"]))];
    (among, any::<bool>()).prop_map(|(among, by_product)| {
        if by_product { Condition::Product(among) } else { Condition::Category(among) }
    })
}

proptest! {
    #[test]
    fn lines_sum_to_the_total_and_never_fall_below_zero(
        amounts in proptest::collection::vec((0_usize..4, 0_usize..4, 0_i64..10_000), 0..8),
        stated in proptest::option::of(0_i64..40_000),
        codes in proptest::collection::vec(
            (
                proptest::collection::vec(any_effect(), 0..4),
                proptest::collection::vec(any_condition(), 0..3),
            ),
            1..4,
        ),
    ) {
        let names = ["a", "b", "c", "d"];
        let order = Order {
            total_minor: stated,
            lines: amounts
                .iter()
                .map(|&(product, category, amount_minor)| Line {
                    product: names[product],
                    category: names[category],
                    quantity: 1,
                    amount_minor,
                })
                .collect(),
            ..Order::default()
        };
        let mut running = Running::of(&order);
        prop_assert_eq!(running.total_minor(), order.total());
        for (effects, conditions) in codes {
            let scene = Scene::discount().with(|s| {
                s.campaign.effects = effects;
                s.campaign.conditions = conditions;
                s.campaign.no_effect = NoEffect::Allow;
                s.campaign.balance_minor = Some(7_000);
                s.order = order.clone();
                s.alone = false;
            });
            let before = running.clone();
            let Ok(offer) = judge(&scene.question(), &mut running) else {
                prop_assert_eq!(&running, &before);
                continue;
            };
            prop_assert_eq!(offer.line_parts.iter().sum::<i64>(), offer.worth_minor);
            prop_assert_eq!(offer.line_parts.len(), order.lines.len() + 1);
            let (Some(was), Some(is)) = (before.total_minor(), running.total_minor()) else {
                continue;
            };
            prop_assert_eq!(was - offer.worth_minor, is);
            prop_assert!(is >= 0);
            prop_assert!(running.lines_minor().iter().all(|&line| line >= 0));
            let lines: i64 = running.lines_minor().iter().sum();
            prop_assert!(lines <= is);
            for ((was, is), part) in
                before.lines_minor().iter().zip(running.lines_minor()).zip(&offer.line_parts)
            {
                prop_assert_eq!(was - part, *is);
            }
        }
    }
}
