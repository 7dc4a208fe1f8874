//! Effects of a document: what is taken off, added, given and drawn.

use crate::domain::campaign::{
    self, BalanceOf, Effect, Item, Points, RULES_MAX, Remainder, Terms, Tier, Times, Worth,
};
use crate::domain::id::REFERENCE_BYTES_MAX;
use crate::domain::money::Percent;
use crate::domain::posting::AMOUNT_MAX;

use super::check::Check;
use super::{Amount, Basis, ByPrice, EffectDocument, Kind, Per, Pick, TierDocument};

/// What a voucher is worth where its document does not say more.
const BALANCE: Effect = Effect::Balance { of: BalanceOf::Code, remainder: Remainder::Kept };

/// How something is counted, as written.
#[derive(Clone, Copy)]
struct Counted {
    per: Option<Per>,
    max_times: Option<u32>,
}

/// How much is taken off, as written: exactly one is given.
#[derive(Clone, Copy, Default)]
struct Written<'a> {
    percent: Option<&'a Amount>,
    amount: Option<&'a Amount>,
    price: Option<&'a Amount>,
}

impl Check {
    /// The effects as written, or what a kind is worth by its nature.
    pub(super) fn effects(&mut self, kind: Kind, written: &[EffectDocument]) -> Vec<Effect> {
        self.at_most("effects", written.len(), RULES_MAX);
        if !written.is_empty() {
            let effect = |(place, e)| self.effect(&format!("effects[{place}]"), kind, e);
            let effects = written.iter().enumerate().filter_map(effect).collect();
            self.check_balances(kind, written);
            return effects;
        }
        match kind {
            Kind::Voucher => vec![BALANCE],
            Kind::Pass | Kind::Access => vec![Effect::Zero],
            Kind::Discount | Kind::Unit | Kind::Points | Kind::Surcharge => {
                let kind = campaign::Kind::from(kind).name();
                self.fail("effects", format!("say what it is worth: a {kind} has no default"));
                Vec::new()
            }
        }
    }

    fn check_balances(&mut self, kind: Kind, written: &[EffectDocument]) {
        let balances = written.iter().filter(|e| matches!(e, EffectDocument::Balance { .. }));
        let balances = balances.count();
        let goes_along = |effect: &EffectDocument| {
            matches!(
                effect,
                EffectDocument::Balance { .. }
                    | EffectDocument::Points { .. }
                    | EffectDocument::Switch { .. }
            )
        };
        if kind == Kind::Voucher && (balances != 1 || !written.iter().all(goes_along)) {
            let message = "a voucher draws from its balance once; besides, it can only give points \
                           and switch products";
            self.fail("effects", message);
        } else if balances > 1 {
            self.fail("effects", "draw from a balance more than once");
        }
    }

    fn effect(&mut self, path: &str, kind: Kind, effect: &EffectDocument) -> Option<Effect> {
        Some(match effect {
            EffectDocument::Percent { percent, cap, basis } => {
                let terms = self.terms(path, Times::ONCE, cap.as_ref(), *basis);
                let worth = Worth::Percent(self.percent(&format!("{path}.percent"), percent)?);
                Effect::Off { worth, terms }
            }
            EffectDocument::Amount { amount, per, max_times, cap } => {
                let times = self.times(path, Counted { per: *per, max_times: *max_times });
                let terms = self.terms(path, times, cap.as_ref(), None);
                let worth = Worth::Amount(self.money(&format!("{path}.amount"), amount)?);
                Effect::Off { worth, terms }
            }
            EffectDocument::Price { price, per, max_times, cap } => {
                let times = self.times(path, Counted { per: *per, max_times: *max_times });
                let terms = self.terms(path, times, cap.as_ref(), None);
                let worth = Worth::Price(self.money_or_zero(&format!("{path}.price"), price)?);
                Effect::Off { worth, terms }
            }
            EffectDocument::Tiers { tiers, per, max_times, cap, basis } => {
                let counted = Counted { per: *per, max_times: *max_times };
                let is_share = |tier: &TierDocument| tier.percent.is_some();
                self.check_share(path, tiers.iter().any(is_share), counted, *basis);
                let times = self.times(path, counted);
                let terms = self.terms(path, times, cap.as_ref(), *basis);
                Effect::Tiers { tiers: self.tiers(&format!("{path}.tiers"), tiers), terms }
            }
            EffectDocument::Zero {} => Effect::Zero,
            EffectDocument::Surcharge { amount, percent, per, max_times, cap, basis } => {
                if kind != Kind::Surcharge {
                    self.fail(path, "only a campaign of kind surcharge adds to the price");
                }
                let counted = Counted { per: *per, max_times: *max_times };
                self.check_share(path, percent.is_some(), counted, *basis);
                let times = self.times(path, counted);
                let terms = self.terms(path, times, cap.as_ref(), *basis);
                let (percent, amount) = (percent.as_ref(), amount.as_ref());
                let worth = self.worth(path, Written { percent, amount, price: None }, "")?;
                Effect::Surcharge { worth, terms }
            }
            EffectDocument::Unit { product, quantity } => {
                let product = self.product(path, product);
                let quantity = quantity.unwrap_or(1);
                self.at_least_one(&format!("{path}.quantity"), Some(quantity));
                Effect::Unit { product, quantity }
            }
            EffectDocument::Item { pick, percent, amount, price, every, pieces_max } => {
                let (percent, amount, price) = (percent.as_ref(), amount.as_ref(), price.as_ref());
                let written = Written { percent, amount, price };
                self.item(path, pick, written, *every, *pieces_max)?
            }
            EffectDocument::PaysAll { product } => Effect::PaysAll {
                product: product.as_ref().map(|product| self.product(path, product)),
            },
            EffectDocument::Switch { product, to } => {
                Effect::Switch { product: self.product(path, product), to: (*to).into() }
            }
            EffectDocument::Points { points, by_weight, per, max_times } => {
                let counted = Counted { per: *per, max_times: *max_times };
                self.points(path, *points, *by_weight, counted)?
            }
            &EffectDocument::Spend { amount, per, max_times } => {
                self.need_account(path);
                let times = self.times(path, Counted { per, max_times });
                Effect::Spend { amount: self.quantity(&format!("{path}.amount"), amount), times }
            }
            &EffectDocument::Balance { of, remainder } => {
                let of = of.map_or(BalanceOf::Code, Into::into);
                self.check_balance(path, kind, of);
                Effect::Balance { of, remainder: remainder.map_or(Remainder::Kept, Into::into) }
            }
        })
    }

    fn check_balance(&mut self, path: &str, kind: Kind, of: BalanceOf) {
        match of {
            BalanceOf::Code if kind != Kind::Voucher => {
                self.fail(path, "only a voucher has a balance to draw from");
            }
            BalanceOf::Account if kind == Kind::Voucher => {
                self.fail(path, "a voucher draws from its own balance");
            }
            BalanceOf::Account => self.need_account(path),
            BalanceOf::Code => {}
        }
    }

    fn item(
        &mut self,
        path: &str,
        pick: &Pick,
        written: Written<'_>,
        every: Option<u32>,
        pieces_max: Option<u32>,
    ) -> Option<Effect> {
        self.at_least_one(&format!("{path}.every"), every);
        self.at_least_one(&format!("{path}.pieces_max"), pieces_max);
        let pick = match pick {
            Pick::ByPrice(ByPrice::Cheapest) => campaign::Pick::Cheapest,
            Pick::ByPrice(ByPrice::Dearest) => campaign::Pick::Dearest,
            Pick::Named { product } => {
                campaign::Pick::Named(self.product(&format!("{path}.pick"), product))
            }
        };
        let is_given =
            written.percent.is_some() || written.amount.is_some() || written.price.is_some();
        let worth = if is_given {
            self.worth(path, written, ", price")?
        } else {
            Worth::Percent(Percent::new(rust_decimal::Decimal::ONE_HUNDRED).ok()?)
        };
        Some(Effect::Item(Item { pick, worth, every, pieces_max }))
    }

    fn points(
        &mut self,
        path: &str,
        points: Option<u64>,
        by_weight: Option<bool>,
        counted: Counted,
    ) -> Option<Effect> {
        self.need_account(path);
        let times = self.times(path, counted);
        match (points, by_weight) {
            (Some(points), None | Some(false)) => {
                let points = Points::Fixed(self.quantity(&format!("{path}.points"), points));
                Some(Effect::Points { points, times })
            }
            (None, Some(true)) => {
                if counted.per.is_some() {
                    let message = "is for a fixed number of points; a weight counts what is paid";
                    self.fail(&format!("{path}.per"), message);
                }
                Some(Effect::Points { points: Points::ByWeight, times })
            }
            (None, None | Some(false)) | (Some(_), Some(true)) => {
                self.fail(path, "needs exactly one of points and by_weight = true");
                None
            }
        }
    }

    fn tiers(&mut self, path: &str, written: &[TierDocument]) -> Vec<Tier> {
        if written.is_empty() {
            self.fail(path, "is empty");
        }
        self.at_most(path, written.len(), RULES_MAX);
        let mut tiers: Vec<Tier> = Vec::with_capacity(written.len());
        for (place, tier) in written.iter().enumerate() {
            let path = format!("{path}[{place}]");
            let from_minor = self.money_or_zero(&format!("{path}.from"), &tier.from);
            let worth = Written {
                percent: tier.percent.as_ref(),
                amount: tier.amount.as_ref(),
                price: tier.price.as_ref(),
            };
            let worth = self.worth(&path, worth, ", price");
            let (Some(from_minor), Some(worth)) = (from_minor, worth) else { continue };
            if tiers.iter().any(|other| other.from_minor == from_minor) {
                self.fail(&format!("{path}.from"), "is that of an earlier tier");
            }
            tiers.push(Tier { from_minor, worth });
        }
        tiers.sort_by_key(|tier| tier.from_minor);
        tiers
    }

    /// The one worth that is given; `more` names what could be besides a share or an amount.
    fn worth(&mut self, path: &str, written: Written<'_>, more: &str) -> Option<Worth> {
        match (written.percent, written.amount, written.price) {
            (Some(percent), None, None) => {
                self.percent(&format!("{path}.percent"), percent).map(Worth::Percent)
            }
            (None, Some(amount), None) => {
                self.money(&format!("{path}.amount"), amount).map(Worth::Amount)
            }
            (None, None, Some(price)) => {
                self.money_or_zero(&format!("{path}.price"), price).map(Worth::Price)
            }
            _ => {
                self.fail(path, format!("needs exactly one of percent, amount{more}"));
                None
            }
        }
    }

    fn terms(
        &mut self,
        path: &str,
        times: Times,
        cap: Option<&Amount>,
        basis: Option<Basis>,
    ) -> Terms {
        let cap_minor = cap.and_then(|cap| self.money(&format!("{path}.cap"), cap));
        Terms { basis: basis.map_or(campaign::Basis::Running, Into::into), times, cap_minor }
    }

    fn times(&mut self, path: &str, counted: Counted) -> Times {
        let max_path = format!("{path}.max_times");
        self.at_least_one(&max_path, counted.max_times);
        if counted.per.is_none() && counted.max_times.is_some() {
            self.fail(&max_path, "is without effect unless per says what is counted");
        }
        Times { per: counted.per.map_or(campaign::Per::Order, Into::into), max: counted.max_times }
    }

    /// A share is of everything already, and only a share is of something.
    fn check_share(&mut self, path: &str, has_share: bool, counted: Counted, basis: Option<Basis>) {
        if has_share && counted.per.is_some() {
            let message = "counts amounts; a share is of all that the lines cost already";
            self.fail(&format!("{path}.per"), message);
        }
        if !has_share && basis.is_some() {
            self.fail(&format!("{path}.basis"), "is for shares, and there is none");
        }
    }

    fn product(&mut self, path: &str, product: &str) -> Box<str> {
        self.text(&format!("{path}.product"), product, REFERENCE_BYTES_MAX);
        product.into()
    }

    fn at_least_one(&mut self, path: &str, count: Option<u32>) {
        if count == Some(0) {
            self.fail(path, "is 0; give at least 1");
        }
    }

    /// Points, or minor units of money.
    fn quantity(&mut self, path: &str, quantity: u64) -> u64 {
        if !(1..=AMOUNT_MAX).contains(&quantity) {
            self.fail(path, format!("is {quantity}; give 1 to {AMOUNT_MAX}"));
        }
        quantity
    }
}
