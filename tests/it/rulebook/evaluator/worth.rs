//! B, V: what an entry is worth.

use jeton::domain::account::AccountUnit;
use jeton::domain::campaign::{
    BalanceOf, Basis, Counts, Effect, Item, Per, Pick, Points, Remainder, Switch, Terms, Tier,
    Times, Worth,
};
use jeton::domain::money::{AMOUNT_MINOR_MAX, Percent};
use jeton::domain::order::Order;
use jeton::domain::posting::{AMOUNT_MAX, Opening, Take};
use jeton::domain::rules::{Draw, Offer};

use super::Tally;
use super::eligibility::until;
use super::lines::pieces;
use super::sheet::Sheet;
use crate::rulebook::case::{Case, Entry};
use crate::rulebook::fraction::Fraction;

/// Gives an entry's effects one after the other, each to what the earlier ones left. What is earned
/// comes later.
pub(super) fn give(
    case: &Case,
    entry: &Entry,
    matching: &[bool],
    alone: bool,
    sheet: &mut Sheet,
    tally: &mut Tally,
) -> Offer {
    let before = sheet.parts.clone();
    let mut hand = Hand { case, entry, matching, alone, sheet, offer: Offer::default() };
    hand.offer.units = case.order.units;
    hand.offer.opening = opening(case, entry);
    for effect in &entry.worth().effects {
        let before = hand.offer.clone();
        hand.effect(effect);
        let did = if hand.offer == before { "nothing" } else { "something" };
        tally.note(row_of(effect), did);
        for detail in details_of(effect) {
            tally.note(detail, did);
        }
    }
    let Hand { mut offer, sheet, .. } = hand;
    offer.line_parts = before.iter().zip(&sheet.parts).map(|(was, is)| was - is).collect();
    offer
}

/// The row of each effect and its name.
fn row_of(effect: &Effect) -> &'static str {
    match effect {
        Effect::Off { worth: Worth::Percent(_), .. } => "B1 percent",
        Effect::Off { worth: Worth::Amount(_), .. } => "B1 amount",
        Effect::Off { worth: Worth::Price(_), .. } => "B1 price",
        Effect::Zero => "B2 zero",
        Effect::Surcharge { .. } => "B2 surcharge",
        Effect::Tiers { .. } => "B4 tiers",
        Effect::Unit { .. } => "B5 unit",
        Effect::Item(_) => "B5 item",
        Effect::PaysAll { .. } => "B6 pays all",
        Effect::Switch { to: Switch::Exempt, .. } => "B7 exempt",
        Effect::Switch { .. } => "B7 switch",
        Effect::Points { .. } => "B8 points",
        Effect::Spend { .. } => "B8 spend",
        Effect::Balance { of: BalanceOf::Code, .. } => "V1 balance of the code",
        Effect::Balance { of: BalanceOf::Account, .. } => "V8 balance of the account",
    }
}

/// In which of their ways the effects were used.
fn details_of(effect: &Effect) -> Vec<&'static str> {
    match effect {
        Effect::Off { terms, .. } | Effect::Tiers { terms, .. } => vec![
            each(terms.times),
            match terms.basis {
                Basis::Running => "B1 basis running",
                Basis::Original => "B1 basis original",
            },
            if terms.cap_minor.is_some() { "B1 with a cap" } else { "B1 without a cap" },
        ],
        Effect::Surcharge { terms, .. } => vec![each(terms.times)],
        Effect::Spend { times, .. } => vec![each(*times)],
        Effect::Item(item) => vec![
            match item.pick {
                Pick::Cheapest => "B5 cheapest",
                Pick::Dearest => "B5 dearest",
                Pick::Named(_) => "B5 named",
            },
            if item.every.is_some() { "B5 for every" } else { "B5 at once" },
        ],
        Effect::Balance { remainder: Remainder::Kept, .. } => vec!["B9 kept"],
        Effect::Balance { remainder: Remainder::Forfeited, .. } => vec!["B9 forfeited"],
        _ => Vec::new(),
    }
}

fn each(times: Times) -> &'static str {
    match times.per {
        Per::Order => "B3 order",
        Per::Unit => "B3 unit",
        Per::Night => "B3 night",
        Per::Room => "B3 room",
        Per::Programme => "B3 programme",
        Per::Package => "B3 package",
        Per::Adult => "B3 adult",
        Per::Child => "B3 child",
        Per::Person => "B3 person",
    }
}

/// An offer in the making.
struct Hand<'a> {
    case: &'a Case,
    entry: &'a Entry,
    matching: &'a [bool],
    alone: bool,
    sheet: &'a mut Sheet,
    offer: Offer,
}

impl Hand<'_> {
    fn effect(&mut self, effect: &Effect) {
        let order = &self.case.order;
        match effect {
            Effect::Off { worth, terms } => self.off(*worth, *terms),
            Effect::Tiers { tiers, terms } => self.tiers(tiers, *terms),
            Effect::Zero | Effect::Points { .. } => {}
            Effect::Surcharge { worth, terms } => self.surcharge(*worth, *terms),
            Effect::Unit { product, quantity } => {
                self.offer.products.push((product.clone(), quantity * order.units));
            }
            Effect::Item(item) => self.item(item),
            Effect::PaysAll { product } => self.pays_all(product.as_deref()),
            Effect::Switch { product, to } => self.offer.switches.push((product.clone(), *to)),
            Effect::Spend { amount, times } => {
                let spend = amount * count(*times, order, self.matching);
                if spend > 0 {
                    self.offer.spend = Some(self.offer.spend.unwrap_or(0) + spend);
                }
            }
            Effect::Balance { of, remainder } => self.draw(*of, *remainder),
        }
    }

    fn base(&self, basis: Basis) -> i64 {
        self.sheet.base_minor(basis, self.matching)
    }

    /// B1: a share, an amount, or down to a price; with a cap, and never below zero.
    fn off(&mut self, worth: Worth, terms: Terms) {
        let base = self.base(Basis::Running);
        let times = count(terms.times, &self.case.order, self.matching) as i64;
        let minor = match worth {
            Worth::Percent(percent) => share(percent, self.base(terms.basis)),
            Worth::Amount(amount) => amount * times,
            Worth::Price(_) if times == 0 => 0,
            Worth::Price(price) => (base - price * times).max(0),
        };
        let minor = terms.cap_minor.map_or(minor, |cap| minor.min(cap)).clamp(0, base);
        self.take(minor, minor);
    }

    /// B4: the last tier that the original total reaches.
    fn tiers(&mut self, tiers: &[Tier], terms: Terms) {
        let total = self.case.order.total().unwrap();
        let reached = tiers.iter().filter(|tier| tier.from_minor <= total);
        if let Some(tier) = reached.max_by_key(|tier| tier.from_minor) {
            self.off(tier.worth, terms);
        }
    }

    /// B2: a negative discount, which is bounded as every amount is.
    fn surcharge(&mut self, worth: Worth, terms: Terms) {
        let times = count(terms.times, &self.case.order, self.matching) as i64;
        let minor = match worth {
            Worth::Percent(percent) => share(percent, self.base(terms.basis)),
            Worth::Amount(amount) => amount * times,
            Worth::Price(_) => 0,
        };
        let minor = terms.cap_minor.map_or(minor, |cap| minor.min(cap)).clamp(0, AMOUNT_MINOR_MAX);
        self.take(-minor, -minor);
    }

    /// Counts `worth` and takes `minor` of it off the matching parts.
    fn take(&mut self, worth: i64, minor: i64) {
        self.sheet.take(minor, self.matching);
        self.offer.worth_minor += worth;
    }

    /// B5: pieces in the cart become free or cheaper.
    fn item(&mut self, item: &Item) {
        let order = &self.case.order;
        let mut places: Vec<usize> =
            (0..order.lines.len()).filter(|&place| self.matching[place]).collect();
        let quantity = |place: usize| i64::from(order.lines[place].quantity);
        let parts = self.sheet.parts.clone();
        let piece = |place: usize| Fraction::whole(parts[place]).divided_by(quantity(place));
        match &item.pick {
            Pick::Cheapest => places.sort_by(|&a, &b| piece(a).compare(piece(b))),
            Pick::Dearest => places.sort_by(|&a, &b| piece(b).compare(piece(a))),
            Pick::Named(product) => {
                places.retain(|&place| order.lines[place].product == &**product);
            }
        }
        let pieces: i64 = places.iter().map(|&place| quantity(place)).sum();
        let max = item.pieces_max.map(i64::from);
        let mut left = match item.every {
            Some(every) => (pieces / i64::from(every)).min(max.unwrap_or(i64::MAX)),
            None => max.unwrap_or(1).min(pieces),
        };
        for place in places {
            let taken = left.min(quantity(place));
            left -= taken;
            let cost = piece(place).times(taken).rounded();
            let minor = match item.worth {
                Worth::Percent(percent) => share(percent, cost),
                Worth::Amount(amount) => (amount * taken).min(cost),
                Worth::Price(price) => cost - price * taken,
            };
            // Never more than all that matches costs, where another line gives something back.
            let minor = minor.min(self.base(Basis::Running)).max(0);
            self.sheet.parts[place] -= minor;
            self.offer.worth_minor += minor;
        }
    }

    /// B6: all that the matching lines cost, or those of one product.
    fn pays_all(&mut self, product: Option<&str>) {
        let mut matching = self.matching.to_vec();
        if let Some(product) = product {
            let lines = self.case.order.lines.len();
            for (place, line) in self.case.order.lines.iter().enumerate() {
                matching[place] = matching[place] && line.product == product;
            }
            matching[lines] = false;
        }
        let minor = self.sheet.base_minor(Basis::Running, &matching);
        self.sheet.take(minor, &matching);
        self.offer.worth_minor += minor;
    }

    /// V1, V8, B9: draws what is asked for, or what the matching lines cost.
    fn draw(&mut self, of: BalanceOf, remainder: Remainder) {
        let Some((unit, there)) = self.balance(of) else { return };
        let base = self.base(Basis::Running);
        let asked = self.sheet.asked_minor;
        let needed = asked.unwrap_or(base).max(0);
        let wanted = (needed / unit) as u64;
        if wanted == 0 {
            return;
        }
        let campaign = &self.entry.campaign;
        let is_limited = campaign.limits.iter().any(|limit| limit.counts == Counts::Money);
        let weighs = self
            .entry
            .worth()
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::Points { points: Points::ByWeight, .. }));
        let is_exact = asked.is_some() || !self.alone || is_limited || weighs;
        let drawn = match asked {
            Some(_) => wanted,
            // Nothing seen: the ledger is asked for all of it, and decides.
            None if is_exact && there == 0 => wanted,
            None => wanted.min(there),
        };
        let amount = match remainder {
            Remainder::Kept => drawn,
            // All that there is goes, and pays no more than what is needed.
            Remainder::Forfeited => there.max(if is_exact { drawn } else { 0 }),
        };
        let minor = (amount as i64 * unit).min(needed);
        self.offer.draw = Some(Draw {
            of,
            amount: match (remainder, is_exact) {
                (_, true) => amount,
                (Remainder::Kept, false) => wanted,
                (Remainder::Forfeited, false) => AMOUNT_MAX,
            },
            take: if is_exact { Take::Exact } else { Take::UpTo },
            unit_minor: unit,
            worth_minor_max: match remainder {
                Remainder::Kept => i64::MAX,
                Remainder::Forfeited => needed,
            },
        });
        if let Some(asked) = &mut self.sheet.asked_minor {
            *asked -= minor;
        }
        self.take(minor, minor.min(base));
    }

    /// What one unit of a balance pays, and how much was last seen of it.
    fn balance(&self, of: BalanceOf) -> Option<(i64, u64)> {
        let seen = &self.entry.seen;
        match of {
            BalanceOf::Code => {
                let begin = self.offer.opening.as_ref().map_or(0, |opening| opening.amount);
                Some((1, seen.balance.unwrap_or(begin)))
            }
            BalanceOf::Account => {
                let account = self.entry.account.as_ref()?;
                let unit = match account.unit {
                    AccountUnit::Money(_) => 1,
                    AccountUnit::Points => account.pays_minor?,
                };
                Some((unit, seen.account.unwrap_or(0)))
            }
        }
    }
}

/// V1: the balance with which a code begins.
fn opening(case: &Case, entry: &Entry) -> Option<Opening> {
    let of_code = |effect: &Effect| matches!(effect, Effect::Balance { of: BalanceOf::Code, .. });
    if !entry.worth().effects.iter().any(of_code) {
        return None;
    }
    let amount = entry.code.balance_minor.or(entry.worth().balance_minor)?;
    Some(Opening { amount: amount as u64, expires: until(case, entry) })
}

/// B3: for each of what.
pub(super) fn count(times: Times, order: &Order<'_>, matching: &[bool]) -> u64 {
    let of_type = |name: &str| {
        let is_meant = |(line, is_in): (&jeton::domain::order::Line<'_>, &bool)| {
            *is_in && line.product_type == name
        };
        pieces(order, &order.lines.iter().zip(matching).map(is_meant).collect::<Vec<bool>>())
    };
    let found = match times.per {
        Per::Order => 1,
        Per::Unit => pieces(order, matching),
        Per::Night => order.nights().unwrap().into(),
        Per::Room => of_type("room"),
        Per::Programme => of_type("programme"),
        Per::Package => of_type("package"),
        Per::Adult => order.adults.unwrap().into(),
        Per::Child => order.children.unwrap().into(),
        Per::Person => order.persons().unwrap().into(),
    };
    times.max.map_or(found, |max| found.min(u64::from(max)))
}

/// B1: a share, rounded half away from zero.
fn share(percent: Percent, minor: i64) -> i64 {
    let percent = percent.decimal();
    let hundredths = 100 * 10_i64.pow(percent.scale());
    let mantissa = i64::try_from(percent.mantissa()).unwrap();
    Fraction::whole(minor).times(mantissa).divided_by(hundredths).rounded()
}
