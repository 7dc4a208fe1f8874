//! What campaigns say to orders, as tables.

mod conditions;
mod effects;
mod explain;
mod hours;
mod points;
mod running;
mod stacking;

use super::scene::{Scene, at, costs, lines, not, off, only, percent, refusal_text};
use super::*;
use crate::domain::campaign::Effect;

fn offer_text(offer: &Offer) -> String {
    let mut text = format!("worth {}", offer.worth_minor);
    if offer.line_parts.len() > 1 {
        text.push_str(&format!(" lines {:?}", &offer.line_parts[..]));
    }
    if let Some(draw) = offer.draw {
        text.push_str(&format!(" draw {} {:?}", draw.amount, draw.take));
        if draw.of == BalanceOf::Account {
            text.push_str(&format!(" of account at {}", draw.unit_minor));
        }
        if draw.worth_minor_max < i64::MAX {
            text.push_str(&format!(" for {}", draw.worth_minor_max));
        }
    }
    if let Some(spend) = offer.spend {
        text.push_str(&format!(" spend {spend}"));
    }
    if let Some(earning) = offer.earning {
        text.push_str(&format!(" earn {}", earning.amount));
        if let Some(moment) = earning.spendable_from {
            text.push_str(&format!(" from {}", moment.to_rfc3339()));
        }
        if let Some(moment) = earning.expires {
            text.push_str(&format!(" until {}", moment.to_rfc3339()));
        }
    }
    for (product, to) in &offer.switches {
        text.push_str(&format!(" {product} {}", to.name()));
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

fn paying_off(amount_minor: i64) -> Scene {
    Scene::discount().with(|s| s.campaign.effects = vec![off(amount_minor)])
}

/// A discount of the tests' usual order with these effects.
fn giving(effects: Vec<Effect>) -> Scene {
    Scene::discount().with(|s| s.campaign.effects = effects)
}
