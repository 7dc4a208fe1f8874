//! What a code and its campaign demand of an order.

use super::*;
use crate::domain::campaign::{
    Among, AmongRule, Basis, Condition, CustomerRule, Dates, Effect, Limit, Points, ProductType,
    RelativeValidity, Scope, Times,
};
use crate::domain::order::{FirstOrder, Trigger};
use crate::domain::rules::scene::points_account;
use crate::domain::time::{Period, ValidityUnit};

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
            costs(Some(600), None),
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
    let rules: [(Make, Put, &str, &str); 6] = [
        (Condition::Property, |s, r| s.order.property = r, "property", "134 property"),
        (Condition::Channel, |s, r| s.order.channel = r, "channel", "135 channel"),
        (Condition::Brand, |s, r| s.order.brand = r, "brand", "135 channel"),
        (Condition::Partner, |s, r| s.order.partner = r, "partner", "136 partner"),
        (Condition::Gate, |s, r| s.order.gate = r, "gate", "137 gate"),
        (Condition::Zone, |s, r| s.order.zone = r, "zone", "137 gate"),
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
            s.campaign.effects = vec![off(600)];
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
    let amount = |min, max| Scene::discount().condition(costs(min, max));
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

/// A condition with what the order says to it: nothing, something right, something wrong.
#[track_caller]
fn check_field(
    condition: Condition,
    put: impl Fn(&mut Scene, &'static str),
    missing: &str,
    table: &[(&'static str, &str)],
) {
    let scene = Scene::discount().condition(condition);
    if !missing.is_empty() {
        check(&scene, missing);
    }
    for &(found, expect) in table {
        let answer = match scene.clone().with(|s| put(s, found)).judge() {
            Ok(_) => "yes".to_owned(),
            Err(refusal) => refusal_text(&refusal),
        };
        assert_eq!(answer, expect, "{found}");
    }
}

#[test]
fn persons_and_nights_are_stated_or_follow() {
    let persons = || Condition::Persons { min: Some(2), max: Some(4) };
    let below = "146 quantity_out_of_range off_by=1 rule=persons";
    check_field(
        persons(),
        |s, text| s.order.persons = Some(text.parse().unwrap()),
        "130 input_missing missing=persons rule=persons",
        &[
            ("1", below),
            ("2", "yes"),
            ("4", "yes"),
            ("6", "146 quantity_out_of_range off_by=2 rule=persons"),
        ],
    );
    let put = |s: &mut Scene, text: &'static str| {
        let (adults, children) = text.split_once('+').unwrap();
        s.order.adults = adults.parse().ok();
        s.order.children = children.parse().ok();
    };
    check_field(persons(), put, "", &[("1+1", "yes"), ("2+", "yes"), ("+1", below)]);
    let nights = || Condition::Nights { min: Some(3), max: None };
    check_field(
        nights(),
        |s, text| s.order.nights = Some(text.parse().unwrap()),
        "130 input_missing missing=nights rule=nights",
        &[("2", "146 quantity_out_of_range off_by=1 rule=nights"), ("3", "yes")],
    );
    let stay = |s: &mut Scene, departure: &'static str| {
        s.order.arrival = Some("2026-03-28".parse().unwrap());
        s.order.departure = Some(departure.parse().unwrap());
    };
    let short = "146 quantity_out_of_range off_by=2 rule=nights";
    check_field(nights(), stay, "", &[("2026-03-31", "yes"), ("2026-03-29", short)]);
    // Who leaves before arriving stays an unknown time.
    let backwards = "130 input_missing missing=nights rule=nights";
    check_field(nights(), stay, "", &[("2026-03-27", backwards)]);
}

#[test]
fn dates_are_among_ranges_or_not() {
    let dates = |rule| {
        let range = |first: &str, last: &str| first.parse().unwrap()..=last.parse().unwrap();
        let ranges = vec![range("2026-06-15", "2026-06-15"), range("2026-07-01", "2026-07-31")];
        Dates { rule, ranges }
    };
    type Make = fn(Dates) -> Condition;
    type Put = fn(&mut Scene, &'static str);
    let rules: [(Make, Put, &str); 3] = [
        (Condition::Booked, |s, d| s.order.booked = Some(d.parse().unwrap()), "booked"),
        (Condition::Arrival, |s, d| s.order.arrival = Some(d.parse().unwrap()), "arrival"),
        (Condition::Departure, |s, d| s.order.departure = Some(d.parse().unwrap()), "departure"),
    ];
    for (condition, put, rule) in rules {
        let no = format!("143 date_not_eligible rule={rule}");
        let missing = if rule == "booked" {
            String::new()
        } else {
            format!("130 input_missing missing={rule} rule={rule}")
        };
        check_field(
            condition(dates(AmongRule::Only)),
            put,
            &missing,
            &[
                ("2026-06-14", &no),
                ("2026-06-15", "yes"),
                ("2026-06-16", &no),
                ("2026-07-01", "yes"),
                ("2026-07-31", "yes"),
                ("2026-08-01", &no),
            ],
        );
        check_field(
            condition(dates(AmongRule::Not)),
            put,
            &missing,
            &[("2026-06-15", &no), ("2026-06-16", "yes"), ("2026-07-15", &no)],
        );
    }
    // Booked is, if nothing is said, the plain local date, whatever the calendar says of days.
    let booked_at = |now| {
        Scene::discount().condition(Condition::Booked(dates(AmongRule::Only))).with(|s| {
            s.now = at(now);
            s.campaign.calendar.day_begins_min = 240;
        })
    };
    check(&booked_at("2026-06-15T00:00:00+02:00"), "worth 2000");
    check(&booked_at("2026-06-15T23:59:59.999+02:00"), "worth 2000");
    check(&booked_at("2026-06-16T00:00:00+02:00"), "143 date_not_eligible rule=booked");
}

#[test]
fn points_are_those_of_somebodys_account() {
    let points = |seen, min, max| {
        Scene::discount().condition(Condition::Points { min, max }).with(|s| {
            s.account = Some(points_account());
            s.order.customer = Some("ada");
            s.seen.account = seen;
        })
    };
    check(&points(Some(20), Some(20), Some(20)), "worth 2000");
    check(&points(Some(19), Some(20), None), "192 points_insufficient off_by=1 rule=points");
    check(&points(None, Some(20), None), "192 points_insufficient off_by=20 rule=points");
    check(&points(None, None, Some(0)), "worth 2000");
    check(&points(Some(21), None, Some(20)), "133 customer_not_eligible rule=points");
    let nobody = points(Some(20), Some(20), None).with(|s| s.order.customer = None);
    check(&nobody, "131 customer_required rule=points");
    let held = nobody.with(|s| {
        s.campaign.kind = Kind::Access;
        s.code.holder = Some("ada".into());
    });
    check(&held, "worth 2000");
    check(&held.with(|s| s.account = None), "131 customer_required rule=points");
}

#[test]
fn whose_account_is_touched_must_be_known() {
    let by = |change: fn(&mut Scene)| {
        Scene::discount().with(|s| s.account = Some(points_account())).with(change)
    };
    let scenes = [
        by(|s| {
            let (scope, counts, period) = (Scope::Account, Counts::Uses, Period::Total);
            s.campaign.limits = vec![Limit { scope, counts, period, max: 1 }];
        }),
        by(|s| s.campaign.effects.push(Effect::Spend { amount: 1, times: Times::ONCE })),
        by(|s| {
            let (points, times) = (Points::Fixed(1), Times::ONCE);
            s.campaign.effects.push(Effect::Points { points, times });
        }),
    ];
    for scene in scenes {
        check(&scene, "131 customer_required rule=customer");
        check(&scene.clone().with(|s| s.order.customer = Some("")), {
            "131 customer_required rule=customer"
        });
        assert!(scene.with(|s| s.order.customer = Some("ada")).judge().is_ok());
    }
}

#[test]
fn lines_are_told_apart_by_type_theme_and_region() {
    const CART: &str =
        "suite x 1 600 room calm tyrol, tour x 2 400 programme wild tyrol, spa x 1 200 spa calm";
    let cart = |conditions: Vec<Condition>| {
        Scene::discount().with(|s| {
            s.order.lines = lines(CART);
            s.order.total_minor = None;
            s.campaign.conditions = conditions;
        })
    };
    let one = |condition| cart(vec![condition]);
    check(&one(Condition::ProductType(only(&["room"]))), "worth 120 lines [120, 0, 0, 0]");
    check(&one(Condition::ProductType(not(&["room"]))), "worth 120 lines [0, 80, 40, 0]");
    check(&one(Condition::Theme(only(&["calm"]))), "worth 160 lines [120, 0, 40, 0]");
    check(&one(Condition::Theme(only(&["loud"]))), "140 product_not_eligible rule=theme");
    check(&one(Condition::Region(only(&["tyrol"]))), "worth 200 lines [120, 80, 0, 0]");
    check(&one(Condition::Region(not(&["tyrol"]))), "worth 40 lines [0, 0, 40, 0]");
    let tyrol_calm = vec![Condition::Region(only(&["tyrol"])), Condition::Theme(only(&["calm"]))];
    check(&cart(tyrol_calm), "worth 120 lines [120, 0, 0, 0]");
    for rule in ["theme", "region"] {
        let missing = format!("130 input_missing missing=lines rule={rule}");
        let condition = if rule == "theme" { Condition::Theme } else { Condition::Region };
        check(&Scene::discount().condition(condition(only(&["a"]))), &missing);
    }
}

#[test]
fn regions_are_to_blame_where_the_rest_would_do() {
    let cart = |conditions: Vec<Condition>| {
        Scene::discount().with(|s| {
            s.order.lines = lines("suite x 1 600 room calm tyrol, spa x 1 200 spa calm vienna");
            s.campaign.conditions = conditions;
        })
    };
    let region = |among| Condition::Region(among);
    let product = |among| Condition::Product(among);
    let no = "142 region_not_eligible rule=region";
    check(&cart(vec![region(only(&["graz"]))]), no);
    check(&cart(vec![region(not(&["tyrol", "vienna"]))]), no);
    check(&cart(vec![product(only(&["suite"])), region(only(&["vienna"]))]), no);
    check(&cart(vec![region(not(&["tyrol"])), product(only(&["suite"]))]), no);
    // The others leave nothing by themselves.
    check(
        &cart(vec![region(only(&["graz"])), product(only(&["wine"]))]),
        "140 product_not_eligible rule=product",
    );
    check(
        &cart(vec![region(only(&["graz"])), product(not(&["suite", "spa"]))]),
        "141 product_excluded rule=product",
    );
}

#[test]
fn what_an_order_contains() {
    let contains = |product_type, among| {
        Scene::discount().condition(Condition::Contains { product_type, among }).with(|s| {
            s.order.lines = lines("suite x 1 600 room, suite x 1 100 board, spa x 1 300 spa");
            s.order.total_minor = None;
        })
    };
    let rooms = |among| contains(ProductType::Room, among);
    // Other lines take part as before.
    check(&rooms(only(&["suite", "single"])), "worth 200 lines [120, 20, 60, 0]");
    check(&rooms(only(&["single"])), "140 product_not_eligible rule=room_type");
    check(&rooms(not(&["suite"])), "141 product_excluded rule=room_type");
    check(&rooms(not(&["single"])), "worth 200 lines [120, 20, 60, 0]");
    for product_type in [ProductType::Package, ProductType::Programme, ProductType::Voucher] {
        let rule = product_type.name();
        let no = format!("140 product_not_eligible rule={rule}");
        check(&contains(product_type, only(&["suite"])), &no);
        check(&contains(product_type, not(&["suite"])), "worth 200 lines [120, 20, 60, 0]");
    }
    check(&contains(ProductType::Board, not(&["suite"])), "141 product_excluded rule=board");
    let no_lines = rooms(not(&["suite"])).with(|s| {
        s.order.lines.clear();
        s.order.total_minor = Some(100);
    });
    check(&no_lines, "130 input_missing missing=lines rule=room_type");
}

#[test]
fn first_orders_and_triggers() {
    let first = |rule, first_order| {
        Scene::discount()
            .condition(Condition::FirstOrder(rule))
            .with(|s| s.order.first_order = first_order)
    };
    let missing = "130 input_missing missing=first_order rule=first_order";
    let no = "133 customer_not_eligible rule=first_order";
    for (rule, found, expect) in [
        (AmongRule::Only, FirstOrder::Unknown, missing),
        (AmongRule::Not, FirstOrder::Unknown, missing),
        (AmongRule::Only, FirstOrder::Yes, "worth 2000"),
        (AmongRule::Only, FirstOrder::No, no),
        (AmongRule::Not, FirstOrder::Yes, no),
        (AmongRule::Not, FirstOrder::No, "worth 2000"),
    ] {
        check(&first(rule, found), expect);
    }
    let trigger = |rule, trigger| {
        let triggers = vec![Trigger::Birthday, Trigger::Referral];
        Scene::discount()
            .condition(Condition::Trigger { rule, triggers })
            .with(|s| s.order.trigger = trigger)
    };
    for one in Trigger::ALL {
        let is_listed = matches!(one, Trigger::Birthday | Trigger::Referral);
        for (rule, holds) in [(AmongRule::Only, is_listed), (AmongRule::Not, !is_listed)] {
            let expect = if holds { "worth 2000" } else { "148 trigger_not_eligible rule=trigger" };
            check(&trigger(rule, one), expect);
        }
    }
}

#[test]
fn what_earlier_codes_leave_is_looked_at_when_they_have() {
    let rest = |min| Condition::Amount { min: Some(min), max: None, basis: Basis::Running };
    let earlier = Scene::discount();
    let judged = |min, max_original| {
        let mut running = Running::of(&earlier.order);
        judge(&earlier.question(), &mut running).unwrap();
        let scene = Scene::discount().condition(rest(min)).condition(costs(None, max_original));
        let alone = super::super::conditions::check(&scene.question(), None).map(|_| ());
        let after = super::super::conditions::check(&scene.question(), Some(&running)).map(|_| ());
        [alone, after].map(|answer| answer.map_or_else(|no| refusal_text(&no), |()| "yes".into()))
    };
    assert_eq!(judged(8_000, None), ["yes", "yes"]);
    let below = "144 amount_below_min off_by=1 rule=amount";
    assert_eq!(judged(8_001, None), ["yes", below]);
    let above = "145 amount_above_max off_by=1000 rule=amount";
    assert_eq!(judged(8_000, Some(9_000)), [above, above]);
    let unknown = Scene::discount().condition(rest(1)).with(|s| {
        s.order.total_minor = None;
        s.campaign.effects.clear();
    });
    check(&unknown, "130 input_missing missing=total_minor rule=amount");
}
