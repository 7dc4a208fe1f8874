//! What effects are worth, to the cent.

use super::*;
use crate::domain::account::AccountUnit;
use crate::domain::campaign::{
    Basis, Condition, Counts, Item, Limit, Per, Pick, Points, Remainder, Scope, Terms, Tier, Times,
    Worth,
};
use crate::domain::money::Currency;
use crate::domain::rules::scene::{draw, points_account, share, surcharge};
use crate::domain::time::Period;

#[test]
fn effects_apply_in_turn_and_never_below_zero() {
    check(&paying_off(3_000), "worth 3000");
    check(&paying_off(30_000), "worth 10000");
    check(&giving(vec![off(5_000), percent("20")]), "worth 6000");
    check(&giving(vec![percent("20"), off(5_000)]), "worth 7000");
    let half = |basis, cap_minor| Effect::Off {
        worth: share("50"),
        terms: Terms { basis, cap_minor, ..Terms::PLAIN },
    };
    check(&giving(vec![half(Basis::Running, Some(1_234))]), "worth 1234");
    check(&giving(vec![half(Basis::Running, Some(9_000))]), "worth 5000");
    check(&giving(vec![off(2_000), half(Basis::Running, None)]), "worth 6000");
    check(&giving(vec![off(2_000), half(Basis::Original, None)]), "worth 7000");
    check(&giving(vec![off(6_000), half(Basis::Original, None)]), "worth 10000");
    let price = |minor| Effect::Off { worth: Worth::Price(minor), terms: Terms::PLAIN };
    check(&giving(vec![price(7_500)]), "worth 2500");
    check(&giving(vec![off(5_000), price(7_500)]), "worth 5000");
    check(&giving(vec![price(12_000)]), "165 no_effect");
    check(&giving(vec![surcharge(500)]), "worth -500");
    check(&giving(vec![surcharge(500), percent("10")]), "worth 550");
    let share_more = |basis, cap_minor| Effect::Surcharge {
        worth: share("10"),
        terms: Terms { basis, cap_minor, ..Terms::PLAIN },
    };
    check(&giving(vec![off(5_000), share_more(Basis::Running, None)]), "worth 4500");
    check(&giving(vec![off(5_000), share_more(Basis::Original, None)]), "worth 4000");
    check(&giving(vec![share_more(Basis::Running, Some(300))]), "worth -300");
    let coffee = Effect::Unit { product: "coffee".into(), quantity: 2 };
    let coffees = giving(vec![coffee]).with(|s| s.order = Order::default());
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
    let surcharge = vec![surcharge(10)];
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
    let crowd = voucher(3_000, Some(2_000), None).with(|s| s.order.units = 9);
    check(&crowd, "177 units_out_of_range max=4");
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
fn amounts_count_for_each_of_something() {
    const STAY: &str = "single rooms 2 20000 room, double rooms 1 30000 room, \
                        hike tours 3 9000 programme, spa deals 1 9000 package";
    let each = |per, max| Effect::Off {
        worth: Worth::Amount(1_000),
        terms: Terms { times: Times { per, max }, ..Terms::PLAIN },
    };
    let stay = |per, max| {
        giving(vec![each(per, max)]).with(|s| {
            s.order.total_minor = Some(68_000);
            s.order.lines = lines(STAY);
            (s.order.nights, s.order.adults, s.order.children) = (Some(4), Some(2), Some(1));
        })
    };
    let worth = |scene: Scene| scene.judge().unwrap().worth_minor;
    for (per, times) in [
        (Per::Order, 1),
        (Per::Unit, 7),
        (Per::Night, 4),
        (Per::Room, 3),
        (Per::Programme, 3),
        (Per::Package, 1),
        (Per::Adult, 2),
        (Per::Child, 1),
        (Per::Person, 3),
    ] {
        assert_eq!(worth(stay(per, None)), times * 1_000, "{per:?}");
        assert_eq!(worth(stay(per, Some(2))), times.min(2) * 1_000, "{per:?}");
    }
    // Only of the lines that match.
    let singles = stay(Per::Room, None).condition(Condition::Product(only(&["single", "spa"])));
    check(&singles, "worth 2000 lines [1379, 0, 0, 621, 0]");
    let nothing = |s: &mut Scene| s.order.children = Some(0);
    check(&stay(Per::Child, None).with(nothing), "165 no_effect");
    // Adults and children apart: 10 and 5 off.
    let child = Effect::Off {
        worth: Worth::Amount(500),
        terms: Terms { times: Times { per: Per::Child, max: None }, ..Terms::PLAIN },
    };
    let family = giving(vec![each(Per::Adult, None), child])
        .with(|s| (s.order.adults, s.order.children) = (Some(2), Some(3)));
    check(&family, "worth 3500");
    // A price for each, and more for each.
    let price = |per| Effect::Off {
        worth: Worth::Price(2_000),
        terms: Terms { times: Times { per, max: None }, ..Terms::PLAIN },
    };
    let nights = |effect, nights| giving(vec![effect]).with(|s| s.order.nights = Some(nights));
    check(&nights(price(Per::Night), 4), "worth 2000");
    check(&nights(price(Per::Night), 0), "165 no_effect");
    let tax = Effect::Surcharge {
        worth: Worth::Amount(150),
        terms: Terms { times: Times { per: Per::Night, max: Some(3) }, ..Terms::PLAIN },
    };
    check(&nights(tax, 4), "worth -450");
}

#[test]
fn what_is_counted_must_be_known() {
    let times = |per| Times { per, max: None };
    let each = |per| Effect::Off {
        worth: Worth::Amount(100),
        terms: Terms { times: times(per), ..Terms::PLAIN },
    };
    for (per, field) in [
        (Per::Unit, "lines"),
        (Per::Room, "lines"),
        (Per::Programme, "lines"),
        (Per::Package, "lines"),
        (Per::Night, "nights"),
        (Per::Adult, "adults"),
        (Per::Child, "children"),
        (Per::Person, "persons"),
    ] {
        check(&giving(vec![each(per)]), &format!("130 input_missing missing={field} rule=amount"));
    }
    let unknown = |effect| giving(vec![effect]).with(|s| s.order.total_minor = None);
    let refused = |field, rule| format!("130 input_missing missing={field} rule={rule}");
    let tiers = vec![Tier { from_minor: 0, worth: share("5") }];
    let terms = Terms { times: times(Per::Night), ..Terms::PLAIN };
    check(&unknown(Effect::Tiers { tiers, terms }), &refused("total_minor", "tiers"));
    let tiers = vec![Tier { from_minor: 0, worth: Worth::Amount(5) }];
    check(&giving(vec![Effect::Tiers { tiers, terms }]), &refused("nights", "tiers"));
    check(&unknown(Effect::PaysAll { product: None }), &refused("total_minor", "pays_all"));
    let tour = Some("tour".into());
    check(&unknown(Effect::PaysAll { product: tour }), &refused("lines", "pays_all"));
    let surcharge = Effect::Surcharge { worth: share("5"), terms: Terms::PLAIN };
    check(&unknown(surcharge), &refused("total_minor", "surcharge"));
    check(&giving(vec![item(Pick::Cheapest, share("100"))]), &refused("lines", "item"));
    let spend = Effect::Spend { amount: 1, times: times(Per::Person) };
    check(&giving(vec![spend]), &refused("persons", "spend"));
    // A share is taken once, so nobody counts.
    let terms = Terms { times: times(Per::Person), ..Terms::PLAIN };
    check(&giving(vec![Effect::Off { worth: share("20"), terms }]), "worth 2000");
}

#[test]
fn tiers_go_by_what_the_order_cost_before() {
    let tiers = || Effect::Tiers {
        tiers: vec![
            Tier { from_minor: 50_000, worth: share("5") },
            Tier { from_minor: 100_000, worth: Worth::Amount(8_000) },
        ],
        terms: Terms::PLAIN,
    };
    for (total, expect) in [
        (49_999, "165 no_effect"),
        (50_000, "worth 2500"),
        (99_999, "worth 5000"),
        (100_000, "worth 8000"),
        (5_000_000, "worth 8000"),
    ] {
        check(&giving(vec![tiers()]).with(|s| s.order.total_minor = Some(total)), expect);
    }
    let after = |effect| giving(vec![effect, tiers()]).with(|s| s.order.total_minor = Some(50_000));
    check(&after(off(10_000)), "worth 12000");
}

fn item(pick: Pick, worth: Worth) -> Effect {
    Effect::Item(Item { pick, worth, every: None, pieces_max: None })
}

#[test]
fn pieces_of_the_cart_become_free_or_cheaper() {
    const CART: &str = "tea drinks 3 900, cake food 2 1000, wine drinks 1 2000, bun food 1 300";
    let of = |item: Item| {
        giving(vec![Effect::Item(item)]).with(|s| {
            s.order.lines = lines(CART);
            s.order.total_minor = None;
        })
    };
    let free = |pick, every, pieces_max| {
        let worth = share("100");
        of(Item { pick, worth, every, pieces_max })
    };
    // Tea and bun cost 3.00 each: of equals, the earlier line.
    check(&free(Pick::Cheapest, None, None), "worth 300 lines [300, 0, 0, 0, 0]");
    check(&free(Pick::Dearest, None, None), "worth 2000 lines [0, 0, 2000, 0, 0]");
    check(&free(Pick::Named("cake".into()), None, None), "worth 500 lines [0, 500, 0, 0, 0]");
    check(&free(Pick::Named("soup".into()), None, None), "165 no_effect");
    check(&free(Pick::Cheapest, None, Some(5)), "worth 1700 lines [900, 500, 0, 300, 0]");
    check(&free(Pick::Dearest, None, Some(4)), "worth 3300 lines [300, 1000, 2000, 0, 0]");
    check(&free(Pick::Cheapest, None, Some(99)), "worth 4200 lines [900, 1000, 2000, 300, 0]");
    // Seven pieces: one for every three are two.
    check(&free(Pick::Cheapest, Some(3), None), "worth 600 lines [600, 0, 0, 0, 0]");
    check(&free(Pick::Cheapest, Some(3), Some(1)), "worth 300 lines [300, 0, 0, 0, 0]");
    check(&free(Pick::Cheapest, Some(8), None), "165 no_effect");
    // Buy two teas, get the third.
    check(&free(Pick::Named("tea".into()), Some(3), None), "worth 300 lines [300, 0, 0, 0, 0]");
    let drinks =
        free(Pick::Cheapest, Some(2), None).condition(Condition::Category(only(&["drinks"])));
    check(&drinks, "worth 600 lines [600, 0, 0, 0, 0]");
    let cheaper = |worth| of(Item { pick: Pick::Dearest, worth, every: None, pieces_max: Some(2) });
    check(&cheaper(share("50")), "worth 1250 lines [0, 250, 1000, 0, 0]");
    check(&cheaper(Worth::Amount(600)), "worth 1100 lines [0, 500, 600, 0, 0]");
    check(&cheaper(Worth::Price(800)), "worth 1200 lines [0, 0, 1200, 0, 0]");
    // A third of ten euros, and two thirds.
    let thirds = |pieces| {
        free(Pick::Cheapest, None, Some(pieces)).with(|s| s.order.lines = lines("x x 3 1000"))
    };
    check(&thirds(1), "worth 333 lines [333, 0]");
    check(&thirds(2), "worth 667 lines [667, 0]");
    // What earlier effects left is what a piece costs; what gives something back is not cheaper
    // than nothing, and leaves less to take.
    let later = free(Pick::Named("wine".into()), None, None)
        .with(|s| s.campaign.effects.insert(0, percent("50")));
    check(&later, "worth 3100 lines [450, 500, 2000, 150, 0]");
    let deposit = free(Pick::Dearest, None, None)
        .with(|s| s.order.lines = lines("tea x 1 600, deposit x 1 -500"));
    check(&deposit, "worth 100 lines [100, 0, 0]");
    let cheapest = free(Pick::Cheapest, None, None)
        .with(|s| s.order.lines = lines("tea x 1 600, deposit x 1 -500"));
    check(&cheapest, "165 no_effect");
}

#[test]
fn a_deal_pays_for_its_product() {
    let pays = |product: Option<&str>| {
        giving(vec![Effect::PaysAll { product: product.map(Into::into) }]).with(|s| {
            s.order.lines = lines("tour tours 2 9000, lunch food 2 2400");
            s.order.total_minor = Some(12_000);
        })
    };
    check(&pays(Some("tour")), "worth 9000 lines [9000, 0, 0]");
    check(&pays(None), "worth 12000 lines [9000, 2400, 600]");
    check(&pays(Some("spa")), "140 product_not_eligible rule=pays_all");
    let food = |scene: Scene| scene.condition(Condition::Category(only(&["food"])));
    check(&food(pays(None)), "worth 2400 lines [0, 2400, 0]");
    check(&food(pays(Some("tour"))), "140 product_not_eligible rule=pays_all");
    // Before the order's amount, whatever the campaign lists first.
    let small = pays(Some("spa")).condition(costs(Some(99_999), None));
    check(&small, "140 product_not_eligible rule=pays_all");
    let free = pays(Some("tour")).with(|s| s.order.lines[0].amount_minor = 0);
    check(&free.with(|s| s.order.total_minor = None), "165 no_effect");
}

#[test]
fn products_are_switched_and_exempted() {
    let switch = |to| Effect::Switch { product: "tea".into(), to };
    check(&giving(vec![switch(Switch::NotBookable)]), "worth 0 tea not_bookable");
    check(&giving(vec![switch(Switch::Bookable), off(5)]), "worth 5 tea bookable");
    let exempt = |cart| {
        giving(vec![percent("10"), switch(Switch::Exempt)]).with(|s| {
            s.order.lines = lines(cart);
            s.order.total_minor = None;
        })
    };
    check(&exempt("tea x 1 500, cake x 1 400"), "worth 40 lines [0, 40, 0] tea exempt");
    check(&exempt("tea x 1 500"), "141 product_excluded rule=switch");
    let unknown = exempt("tea x 1 500").with(|s| {
        s.order.lines.clear();
        s.campaign.effects.remove(0);
    });
    check(&unknown, "worth 0 tea exempt");
    // Shipping is no product.
    let shipped = exempt("tea x 1 500").with(|s| s.order.total_minor = Some(600));
    check(&shipped, "worth 10 lines [0, 10] tea exempt");
    let paid = exempt("tea x 1 500, cake x 1 400")
        .with(|s| s.campaign.effects.push(Effect::PaysAll { product: Some("tea".into()) }));
    check(&paid, "140 product_not_eligible rule=pays_all");
}

#[test]
fn the_rest_of_a_voucher_is_kept_or_forfeited() {
    let voucher = |remainder, total, seen| {
        Scene::voucher().with(|s| {
            s.campaign.effects = vec![draw(BalanceOf::Code, remainder)];
            s.campaign.balance_minor = Some(20_000);
            s.order.total_minor = Some(total);
            s.seen.balance = seen;
        })
    };
    check(&voucher(Remainder::Kept, 10_000, None), "worth 10000 draw 10000 UpTo");
    let forfeited = |total, seen| voucher(Remainder::Forfeited, total, seen);
    let all = "draw 1000000000000000 UpTo";
    check(&forfeited(10_000, None), &format!("worth 10000 {all} for 10000"));
    check(&forfeited(30_000, None), &format!("worth 20000 {all} for 30000"));
    check(&forfeited(10_000, Some(700)), &format!("worth 700 {all} for 10000"));
    check(&forfeited(0, None), "165 no_effect");
    // Where others must know what it gives, all that was seen.
    let known = |scene: Scene| scene.with(|s| s.alone = false);
    check(&known(forfeited(10_000, None)), "worth 10000 draw 20000 Exact for 10000");
    check(&known(forfeited(10_000, Some(700))), "worth 700 draw 700 Exact for 10000");
    check(&known(forfeited(10_000, Some(0))), "worth 10000 draw 10000 Exact for 10000");
    let asked = |scene: Scene| scene.with(|s| s.order.amount_minor = Some(4_000));
    check(&asked(forfeited(10_000, None)), "worth 4000 draw 20000 Exact for 4000");
    check(&asked(forfeited(10_000, Some(700))), "worth 4000 draw 4000 Exact for 4000");
}

#[test]
fn accounts_pay_in_money_or_points() {
    let euro = || AccountUnit::Money(Currency::new("EUR", 2).unwrap());
    let pays = |unit, pays_minor, seen| {
        giving(vec![draw(BalanceOf::Account, Remainder::Kept)]).with(|s| {
            s.order.customer = Some("ada");
            s.seen.account = Some(seen);
            s.account = Some(Account { unit, pays_minor, ..points_account() });
        })
    };
    let credit = |seen| pays(euro(), None, seen);
    check(&credit(20_000), "worth 10000 draw 10000 UpTo of account at 1");
    check(&credit(700), "worth 700 draw 10000 UpTo of account at 1");
    let points = |seen| pays(AccountUnit::Points, Some(30), seen);
    check(&points(50), "worth 1500 draw 333 UpTo of account at 30");
    check(&points(999), "worth 9990 draw 333 UpTo of account at 30");
    let asked = |scene: Scene, minor| scene.with(|s| s.order.amount_minor = Some(minor));
    check(&asked(points(999), 100), "worth 90 draw 3 Exact of account at 30");
    check(&asked(points(999), 29), "165 no_effect");
    check(&pays(AccountUnit::Points, None, 50), "165 no_effect");
    // All points are gone, and pay what they can.
    let forfeits =
        |s: &mut Scene| s.campaign.effects = vec![draw(BalanceOf::Account, Remainder::Forfeited)];
    let known = points(999).with(forfeits).with(|s| s.alone = false);
    check(&known, "worth 10000 draw 999 Exact of account at 30 for 10000");
    let nobody = credit(1).with(|s| s.order.customer = None);
    check(&nobody, "131 customer_required rule=customer");
    check(&credit(1).with(|s| s.account = None), "131 customer_required rule=balance");
    let crowns = credit(1).with(|s| {
        s.order.currency = Some("CZK");
        s.campaign.currency = None;
    });
    check(&crowns, "147 currency_mismatch rule=balance");
}

#[test]
fn what_is_worth_nothing_but_costs_or_gives_elsewhere_matters() {
    let spend = |amount, per| Effect::Spend { amount, times: Times { per, max: None } };
    let spending = |effects| {
        giving(effects).with(|s| {
            s.order.customer = Some("ada");
            s.order.nights = Some(3);
            s.account = Some(points_account());
        })
    };
    check(&spending(vec![spend(20, Per::Order)]), "worth 0 spend 20");
    check(&spending(vec![percent("20"), spend(20, Per::Night)]), "worth 2000 spend 60");
    check(&spending(vec![spend(20, Per::Order), spend(1, Per::Night)]), "worth 0 spend 23");
    let nobody = spending(vec![spend(20, Per::Order)]).with(|s| s.order.customer = None);
    check(&nobody, "131 customer_required rule=customer");
    let none = spending(vec![spend(20, Per::Night)]).with(|s| s.order.nights = Some(0));
    check(&none, "165 no_effect");
}

#[test]
fn money_that_is_limited_or_weighed_must_be_known() {
    let lone = |effects| {
        Scene::voucher().with(|s| {
            s.campaign.effects = effects;
            s.order.customer = Some("ada");
            s.account = Some(points_account());
        })
    };
    let kept = || draw(BalanceOf::Code, Remainder::Kept);
    let points = |points| Effect::Points { points, times: Times::ONCE };
    check(&lone(vec![kept(), points(Points::Fixed(5))]), "worth 3000 draw 3000 UpTo earn 5");
    check(&lone(vec![kept(), points(Points::ByWeight)]), "worth 3000 draw 3000 Exact");
    let max = Limit { scope: Scope::Code, counts: Counts::Money, period: Period::Day, max: 9_999 };
    check(&lone(vec![kept()]).with(|s| s.campaign.limits.push(max)), "worth 3000 draw 3000 Exact");
}

#[test]
fn each_effect_is_told_with_what_it_left() {
    let scene = giving(vec![off(1_000), percent("50"), Effect::Zero, surcharge(200)]);
    let told = |scene: &Scene| -> Vec<(&str, i64, i64)> {
        let all = steps(&scene.question(), &Running::of(&scene.order));
        all.into_iter().map(|step| (step.effect, step.before_minor, step.after_minor)).collect()
    };
    let expect = [
        ("amount", 10_000, 9_000),
        ("percent", 9_000, 4_500),
        ("zero", 4_500, 4_500),
        ("surcharge", 4_500, 4_700),
    ];
    assert_eq!(told(&scene), expect);
    assert_eq!(told(&scene.condition(costs(Some(99_999), None))), []);
}
