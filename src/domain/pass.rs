//! Passing a gate: how often, and from where to where.
//!
//! Says which registers an entry or exit must find as it expects them. It deliberately does not
//! know how many entries a pass has: that is a matter of [`limits`](super::limits).
//!
//! Zones live for one local day of the campaign: with the next day a new register begins, unset,
//! and everybody is outside.

use super::campaign::{Since, ZoneRule};
use super::order::Passage;
use super::posting::{Facet, FacetKind, Key, Leg, Mark, Unset, ZoneId};
use super::refusal::Reason;
use super::rules::Question;
use super::time::{DAY_MS, Period, Span, Timestamp};

/// Outside of every zone.
pub const OUTSIDE: ZoneId = 0;

/// The zone of a gate that names none.
pub const UNNAMED: ZoneId = 1;

/// How long what belongs to a period is kept after its end, in milliseconds: two days, so that a
/// late confirm or release still finds it.
const KEEP_MARGIN_MS: i64 = 2 * DAY_MS;

/// Which register holds a zone, by its name: FNV-1a over 64 bits, which never changes between
/// versions, because ledgers remember it. Constants: <http://www.isthe.com/chongo/tech/comp/fnv/>.
#[must_use]
pub fn zone_id(name: Option<&str>) -> ZoneId {
    const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let name = match name {
        None | Some("") => return UNNAMED,
        Some(name) => name,
    };
    let step = |hash: u64, &byte: &u8| (hash ^ u64::from(byte)).wrapping_mul(PRIME);
    match name.as_bytes().iter().fold(OFFSET_BASIS, step) {
        hash @ (OUTSIDE | UNNAMED) => !hash,
        hash => hash,
    }
}

/// The guard that two entries are not too close, where the campaign asks for one.
pub(super) fn interval(question: &Question<'_, '_>) -> Option<Leg> {
    let min_ms = question.campaign.passback.interval_ms.filter(|&ms| ms > 0)?;
    let key = register(question, FacetKind::LastEntry, 0);
    Some(Leg::Interval { key, min_ms, mark: Mark::Last })
}

/// The memory of the first use, where validity begins with it. Guards nothing.
pub(super) fn first_use(question: &Question<'_, '_>) -> Option<Leg> {
    let relative = question.campaign.validity.relative?;
    let key = register(question, FacetKind::FirstUse, 0);
    (relative.since == Since::FirstUse).then_some(Leg::Interval {
        key,
        min_ms: 0,
        mark: Mark::First,
    })
}

/// The step from outside into a zone or back, where the campaign follows them.
pub(super) fn zone(question: &Question<'_, '_>) -> Option<Leg> {
    let Question { campaign, order, now, .. } = *question;
    if campaign.passback.zones == ZoneRule::Free {
        return None;
    }
    let today = campaign.calendar.span(Period::Day, now);
    let key = register(question, FacetKind::Zone, today.number);
    let keep_until = keep_until(today);
    let inside = zone_id(order.zone);
    Some(match order.passage {
        Passage::None | Passage::Entry => {
            Leg::Zone { key, from: OUTSIDE, from_unset: Unset::Passes, to: inside, keep_until }
        }
        Passage::Exit => {
            Leg::Zone { key, from: inside, from_unset: Unset::Fails, to: OUTSIDE, keep_until }
        }
    })
}

/// What counts a use, made so that it counts only once while further entries are free, where the
/// campaign lets them be. Of the legs on one owner, `place` and `bucket` tell them apart.
///
/// Free is who entered with the same code; a counter that codes share has a marker for each of
/// them, so the code is in the marker's name: the last 48 bits of its owner, which is a hash.
pub(super) fn once_per_stay(question: &Question<'_, '_>, leg: Leg, place: u8, bucket: i64) -> Leg {
    let reentry_ms = question.campaign.passback.reentry_ms.filter(|&ms| ms > 0);
    match (leg, reentry_ms) {
        (Leg::Count { key, n, max, keep_until: counter_keep_until }, Some(ms)) => {
            let code = u128::from_be_bytes(question.code.owner.0) & 0xFFFF_FFFF_FFFF;
            let code = i64::try_from(code).unwrap_or_default();
            let facet = Facet::new(FacetKind::Reentry, place, code ^ bucket);
            let marker = Key { owner: key.owner, facet };
            let keep_until = Some(question.now.plus_ms(ms));
            Leg::Once { marker, key, n, max, keep_until, counter_keep_until }
        }
        (leg, _) => leg,
    }
}

/// Why the step is refused to somebody who is `at` another place than the leg expects.
pub(super) fn elsewhere(leg: &Leg, at: Option<ZoneId>) -> Reason {
    let to = if let Leg::Zone { to, .. } = leg { *to } else { OUTSIDE };
    match at {
        None | Some(OUTSIDE) => Reason::EntryRequired,
        Some(at) if at == to => Reason::ExitRequired,
        Some(_) => Reason::WrongZone,
    }
}

/// Until when what belongs to `span` is kept; absent: for ever.
pub(super) fn keep_until(span: Span) -> Option<Timestamp> {
    (span.end != Timestamp::NEVER).then(|| span.end.plus_ms(KEEP_MARGIN_MS))
}

fn register(question: &Question<'_, '_>, kind: FacetKind, bucket: i64) -> Key {
    Key { owner: question.code.owner, facet: Facet::new(kind, 0, bucket) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zone_ids_are_fixed_for_ever() {
        assert_eq!(zone_id(None), UNNAMED);
        assert_eq!(zone_id(Some("")), UNNAMED);
        // Published vectors of FNV-1a.
        assert_eq!(zone_id(Some("a")), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(zone_id(Some("foobar")), 0x8594_4171_f739_67e8);
    }
}
