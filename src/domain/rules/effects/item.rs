//! Pieces in the cart that become free or cheaper.

use smallvec::SmallVec;

use super::Giving;
use crate::domain::campaign::{Basis, Item, Pick, Worth};
use crate::domain::money::portion;
use crate::domain::order::Line;

/// The pieces of one line.
#[derive(Clone, Copy)]
struct Pieces {
    place: usize,
    /// How many there are, at least 1.
    count: u32,
    /// What all of them cost now, in minor units.
    cost_minor: i64,
}

impl Giving<'_, '_, '_> {
    /// Takes pieces from the front of the line-up, whole lines first, and what each line's pieces
    /// become cheaper off that very line.
    pub(super) fn item(&mut self, item: &Item) {
        let pieces = self.pieces(&item.pick);
        let all = pieces.iter().map(|of| u64::from(of.count)).sum::<u64>();
        let most = item.pieces_max.map(u64::from);
        let mut wanted = match item.every {
            Some(every) => most.unwrap_or(u64::MAX).min(all / u64::from(every.max(1))),
            None => most.unwrap_or(1),
        };
        // Lines that give something back can make the whole order cheaper than its dear lines.
        let mut left = self.base_minor(Basis::Running);
        for line in pieces {
            let picked = wanted.min(line.count.into());
            wanted -= picked;
            let off = off(item.worth, picked, line).min(left);
            left -= off;
            self.running.take_from(line.place, off, &mut self.offer.line_parts);
            self.offer.worth_minor += off;
        }
    }

    /// The pieces that can become cheaper, in the order in which they do.
    fn pieces(&self, pick: &Pick) -> SmallVec<[Pieces; 8]> {
        let costs = self.running.lines_minor();
        let order = self.question.order;
        let matching = match pick {
            Pick::Named(product) => self.admitted.matching.lines_of(order, product),
            Pick::Cheapest | Pick::Dearest => self.admitted.matching,
        };
        let lines = order.lines.iter().zip(costs).enumerate();
        let own = lines.filter(|&(place, _)| matching.has_line(place));
        let of = |(place, (line, &cost_minor)): (usize, (&Line<'_>, &i64))| Pieces {
            place,
            count: line.quantity.max(1),
            cost_minor,
        };
        let mut pieces: SmallVec<[Pieces; 8]> = own.map(of).collect();
        // Of one piece, without dividing.
        let cost = |a: &Pieces, b: &Pieces| i128::from(a.cost_minor) * i128::from(b.count);
        match pick {
            Pick::Cheapest => pieces
                .sort_unstable_by(|a, b| cost(a, b).cmp(&cost(b, a)).then(a.place.cmp(&b.place))),
            Pick::Dearest => pieces
                .sort_unstable_by(|a, b| cost(b, a).cmp(&cost(a, b)).then(a.place.cmp(&b.place))),
            Pick::Named(_) => {}
        }
        pieces
    }
}

/// What is taken off so many pieces of a line. What gives something back gives no less.
fn off(worth: Worth, picked: u64, line: Pieces) -> i64 {
    let cost = portion(line.cost_minor.max(0), picked, line.count.into());
    let times = |amount: i64| amount.saturating_mul(i64::try_from(picked).unwrap_or(i64::MAX));
    let off = match worth {
        Worth::Percent(percent) => percent.of(cost),
        Worth::Amount(amount) => times(amount),
        Worth::Price(price) => cost.saturating_sub(times(price)),
    };
    off.clamp(0, cost)
}
