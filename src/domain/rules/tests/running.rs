//! Laws of what an order costs while codes take their part.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::domain::campaign::{
    Basis, Condition, Item, Per, Pick, Remainder, Terms, Tier, Times, Worth,
};
use crate::domain::money::Percent;
use crate::domain::order::Line;
use crate::domain::rules::scene::draw;

fn any_worth() -> impl Strategy<Value = Worth> {
    prop_oneof![
        (0_i64..=100).prop_map(|percent| Worth::Percent(Percent::new(percent.into()).unwrap())),
        (0_i64..20_000).prop_map(Worth::Amount),
        (0_i64..9_000).prop_map(Worth::Price),
    ]
}

fn any_terms() -> impl Strategy<Value = Terms> {
    let basis = prop_oneof![Just(Basis::Running), Just(Basis::Original)];
    let per = prop_oneof![Just(Per::Order), Just(Per::Unit), Just(Per::Person)];
    (basis, per, option::of(0_u32..3), option::of(0_i64..5_000)).prop_map(
        |(basis, per, max, cap_minor)| Terms { basis, times: Times { per, max }, cap_minor },
    )
}

fn any_item() -> impl Strategy<Value = Item> {
    let pick =
        prop_oneof![Just(Pick::Cheapest), Just(Pick::Dearest), Just(Pick::Named("a".into())),];
    (pick, any_worth(), option::of(1_u32..4), option::of(1_u32..6))
        .prop_map(|(pick, worth, every, pieces_max)| Item { pick, worth, every, pieces_max })
}

pub(super) fn any_effect() -> impl Strategy<Value = Effect> {
    let tier =
        (0_i64..20_000, any_worth()).prop_map(|(from_minor, worth)| Tier { from_minor, worth });
    prop_oneof![
        (any_worth(), any_terms()).prop_map(|(worth, terms)| Effect::Off { worth, terms }),
        (vec(tier, 1..4), any_terms()).prop_map(|(mut tiers, terms)| {
            tiers.sort_by_key(|tier| tier.from_minor);
            Effect::Tiers { tiers, terms }
        }),
        (any_worth(), any_terms()).prop_map(|(worth, terms)| Effect::Surcharge { worth, terms }),
        any_item().prop_map(Effect::Item),
        option::of(Just("a"))
            .prop_map(|product| { Effect::PaysAll { product: product.map(Into::into) } }),
        Just(Effect::Switch { product: "b".into(), to: Switch::Exempt }),
        Just(draw(BalanceOf::Code, Remainder::Kept)),
        Just(draw(BalanceOf::Code, Remainder::Forfeited)),
        Just(Effect::Zero),
    ]
}

fn any_condition() -> impl Strategy<Value = Condition> {
    let among = prop_oneof![Just(only(&["a", "b"])), Just(not(&["b"])), Just(not(&["c", "d"]))];
    (among, any::<bool>()).prop_map(|(among, by_product)| {
        if by_product { Condition::Product(among) } else { Condition::Category(among) }
    })
}

/// What belongs to a campaign: its effects and conditions, and whether it may be without effect.
type Rules = (Vec<Effect>, Vec<Condition>, bool);

pub(super) fn any_rules() -> impl Strategy<Value = Rules> {
    (vec(any_effect(), 0..4), vec(any_condition(), 0..3), any::<bool>())
}

pub(super) fn any_order() -> impl Strategy<Value = Order<'static>> {
    const NAMES: [&str; 4] = ["a", "b", "c", "d"];
    let line = (0_usize..4, 0_usize..4, 1_u32..5, -500_i64..10_000).prop_map(
        |(product, category, quantity, amount_minor)| Line {
            product: NAMES[product],
            category: NAMES[category],
            quantity,
            amount_minor,
            ..Line::default()
        },
    );
    (vec(line, 0..8), option::of(0_i64..40_000), 0_u32..3).prop_map(
        |(lines, total_minor, units)| Order {
            total_minor,
            lines: lines.into(),
            units,
            persons: Some(2),
            ..Order::default()
        },
    )
}

pub(super) fn ruled(order: &Order<'static>, (effects, conditions, may_be_zero): Rules) -> Scene {
    Scene::discount().with(|s| {
        s.campaign.effects = effects;
        s.campaign.conditions = conditions;
        s.campaign.no_effect = if may_be_zero { NoEffect::Allow } else { NoEffect::Refuse };
        s.campaign.balance_minor = Some(7_000);
        s.order = order.clone();
        s.alone = false;
    })
}

proptest! {
    #[test]
    fn lines_sum_to_the_total_and_never_fall_below_zero(
        order in any_order(),
        codes in vec(any_rules(), 1..4),
    ) {
        let mut running = Running::of(&order);
        prop_assert_eq!(running.total_minor(), order.total());
        for rules in codes {
            let scene = ruled(&order, rules);
            let before = running.clone();
            let Ok(offer) = judge(&scene.question(), &mut running) else {
                prop_assert_eq!(&running, &before);
                continue;
            };
            prop_assert_eq!(offer.line_parts.iter().sum::<i64>(), offer.worth_minor);
            prop_assert_eq!(offer.line_parts.len(), order.lines.len() + 1);
            let (Some(was), Some(is)) = (before.total_minor(), running.total_minor()) else {
                prop_assert!(offer.worth_minor <= 0, "at most more to pay");
                continue;
            };
            prop_assert_eq!(was - offer.worth_minor, is);
            prop_assert!(is >= was.min(0));
            let lines = before.lines_minor().iter().zip(running.lines_minor());
            for ((&was, &is), &part) in lines.zip(&offer.line_parts) {
                prop_assert_eq!(was - part, is);
                prop_assert!(is >= was.min(0));
            }
        }
    }

    #[test]
    fn what_was_taken_can_be_put_back(order in any_order(), rules in any_rules()) {
        let scene = ruled(&order, rules);
        let before = Running::of(&order);
        let mut running = before.clone();
        if let Ok(offer) = judge(&scene.question(), &mut running) {
            running.put_back(&offer.line_parts, before.asked_minor());
        }
        prop_assert_eq!(running, before);
    }
}

#[test]
fn a_total_that_is_stated_wins_over_the_lines() {
    let order = |total_minor| Order {
        total_minor,
        lines: lines("a x 1 600, b x 1 400, c x 1 -100"),
        ..Order::default()
    };
    let of = |total| {
        let running = Running::of(&order(total));
        (running.lines_minor().to_vec(), running.total_minor())
    };
    assert_eq!(of(None), (vec![600, 400, -100], Some(900)));
    assert_eq!(of(Some(1_000)), (vec![600, 400, -100], Some(1_000)));
    assert_eq!(of(Some(400)), (vec![300, 200, -100], Some(400)));
    assert_eq!(of(Some(-300)), (vec![0, 0, -100], Some(-300)));
}
