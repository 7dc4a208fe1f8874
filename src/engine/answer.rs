//! Answers: a receipt and its note, as callers hear them.
//!
//! An answer is a function of the receipt alone, so that a repeat gives the first answer again,
//! also after the rules have changed or other parts were given back since.

use std::sync::Arc;

use smallvec::SmallVec;

use super::note::{Note, NotedUse};
use crate::domain::id::{Owner, PostingId, RequestId};
use crate::domain::posting::{FacetKind, Key, Leg, LegResult, Part, Receipt, State, share};
use crate::domain::time::Timestamp;
use crate::domain::{limits, refusal::Refusal};

/// Yes with all that it says, or no with its reason.
pub type Verdict = Result<Box<Accepted>, Refusal>;

/// A yes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Where the posting stands after this request.
    pub standing: Standing,
    /// Whether this request was answered before.
    pub is_replayed: bool,
    /// The id of the hold or redemption; absent for *validate*.
    pub id: Option<RequestId>,
    /// Number of the event that this request made; zero when there is none.
    pub event: u64,
    /// When it was accepted.
    pub at: Timestamp,
    /// The hold's end.
    pub until: Option<Timestamp>,
    /// In how many parts the posting can be divided.
    pub size: u64,
    /// How many of them are in force after this request.
    pub live: u64,
    /// The order's currency.
    pub currency: Option<Box<str>>,
    /// What the order cost before, in minor units.
    pub total_before_minor: Option<i64>,
    /// What it costs after what is in force was taken off, in minor units.
    pub total_after_minor: Option<i64>,
    /// One for each code.
    pub uses: SmallVec<[Use; 1]>,
    /// How old the counts are that it rests on, in milliseconds; absent: exact. Only *validate*
    /// may rest on counts that are not.
    pub counts_age_ms: Option<u64>,
}

/// Where a posting stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Nothing was recorded: it was only asked.
    Valid,
    /// Capacity is taken until the hold ends.
    Held,
    /// Used.
    Redeemed,
    /// Given back.
    Released,
    /// The hold came to its end.
    Expired,
}

impl Standing {
    /// Its name in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Held => "held",
            Self::Redeemed => "redeemed",
            Self::Released => "released",
            Self::Expired => "expired",
        }
    }
}

impl From<State> for Standing {
    fn from(state: State) -> Self {
        match state {
            State::Held => Self::Held,
            State::Redeemed => Self::Redeemed,
            State::Released => Self::Released,
            State::Expired => Self::Expired,
        }
    }
}

/// What one code gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// The place of the code in the request.
    pub code_index: u8,
    /// Its campaign.
    pub campaign: Box<str>,
    /// The version whose effects were given.
    pub version: u32,
    /// The number of the campaign's kind.
    pub kind: u8,
    /// Units taken.
    pub units: u32,
    /// What is taken off the order, in minor units; below zero for a surcharge.
    pub worth_minor: i64,
    /// The number of this use among the code's uses: "use 41,207 of 100,000". Zero when only asked.
    pub ordinal: u64,
    /// How many uses are left; absent: without limit.
    pub remaining: Option<u64>,
    /// What is left of the balance, in minor units.
    pub balance_minor: Option<i64>,
    /// The customer that the code is bound to.
    pub holder: Option<Arc<str>>,
    /// Goods and services that come with it.
    pub products: SmallVec<[(Box<str>, u32); 1]>,
}

/// Which request an answer is for; it picks the moment of the receipt's life that the answer tells
/// of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Redeem,
    Hold,
    Confirm,
    Release(PostingId),
    Extend,
    Status,
}

/// The moment of a receipt's life that an answer tells of.
struct Moment<'a> {
    standing: Standing,
    at: Timestamp,
    event: u64,
    live: u64,
    /// What each leg stood at; absent: as the results say.
    after: Option<&'a [u64]>,
}

/// Tells of `receipt` what `asked` wants to hear.
pub(super) fn tell(
    receipt: &Receipt,
    asked: Asked,
    id: RequestId,
    is_replayed: bool,
    holders: &[Option<Arc<str>>],
) -> Accepted {
    let note = Note::decode(&receipt.note).unwrap_or_default();
    let moment = moment(receipt, asked);
    let uses: SmallVec<[Use; 1]> = note
        .uses
        .iter()
        .enumerate()
        .map(|(place, noted)| {
            let holder = holders.get(place).cloned().flatten();
            use_of(receipt, &note, noted, place, &moment, holder)
        })
        .collect();
    let worth: i64 = uses.iter().map(|used| used.worth_minor).sum();
    let until = if asked == Asked::Hold { receipt.first_until } else { receipt.until };
    Accepted {
        standing: moment.standing,
        is_replayed,
        id: Some(id),
        event: moment.event,
        at: moment.at,
        until: until.filter(|_| moment.standing == Standing::Held),
        size: receipt.size,
        live: moment.live,
        total_after_minor: note.total_before_minor.map(|total| total.saturating_sub(worth)),
        total_before_minor: note.total_before_minor,
        currency: note.currency,
        uses,
        counts_age_ms: None,
    }
}

fn moment(receipt: &Receipt, asked: Asked) -> Moment<'_> {
    let accepted = Moment {
        standing: if receipt.until.is_some() { Standing::Held } else { Standing::Redeemed },
        at: receipt.at,
        event: receipt.event,
        live: receipt.size,
        after: None,
    };
    match asked {
        Asked::Hold => accepted,
        Asked::Redeem | Asked::Confirm => match &receipt.confirm {
            Some(confirm) => Moment {
                standing: Standing::Redeemed,
                at: confirm.at,
                event: confirm.event,
                live: receipt.confirmed.saturating_sub(released_before(receipt, confirm.event)),
                after: Some(confirm.after.as_slice()),
            },
            None => accepted,
        },
        Asked::Release(release_id) => {
            let release = receipt.releases.iter().find(|release| release.id == release_id);
            let Some(release) = release else { return now(receipt) };
            let confirmed = receipt.confirm.as_ref().is_some_and(|c| c.event < release.event);
            let was_held = receipt.until.is_some() && !confirmed;
            let whole = if was_held { receipt.size } else { receipt.confirmed };
            let live = whole.saturating_sub(released_before(receipt, release.event + 1));
            let standing = match (live, was_held) {
                (0, _) => Standing::Released,
                (_, true) => Standing::Held,
                (_, false) => Standing::Redeemed,
            };
            let after = Some(release.after.as_slice());
            Moment { standing, at: release.at, event: release.event, live, after }
        }
        Asked::Extend | Asked::Status => now(receipt),
    }
}

/// As it stands after the last thing that happened to it.
fn now(receipt: &Receipt) -> Moment<'_> {
    let mut moment = Moment {
        standing: receipt.state.into(),
        at: receipt.at,
        event: receipt.event,
        live: receipt.live(),
        after: None,
    };
    if let Some(confirm) = &receipt.confirm {
        (moment.at, moment.event, moment.after) =
            (confirm.at, confirm.event, Some(confirm.after.as_slice()));
    }
    if let Some(release) = receipt.releases.last()
        && release.event > moment.event
    {
        (moment.at, moment.event, moment.after) =
            (release.at, release.event, Some(release.after.as_slice()));
    }
    moment
}

fn released_before(receipt: &Receipt, event: u64) -> u64 {
    // Releases before the receipt itself belong to an expired hold of the same id.
    let own = |event: u64| event > receipt.event;
    let earlier = receipt.releases.iter().filter(|r| own(r.event) && r.event < event);
    earlier.map(|release| release.given).sum()
}

fn use_of(
    receipt: &Receipt,
    note: &Note,
    noted: &NotedUse,
    place: usize,
    moment: &Moment<'_>,
    holder: Option<Arc<str>>,
) -> Use {
    let code_index = u8::try_from(place).unwrap_or(u8::MAX);
    let all = receipt.legs.iter().zip(&receipt.results).enumerate();
    let legs = all.filter(|(at, _)| note.leg_codes.get(*at) == Some(&code_index)).map(
        |(at, (leg, result))| {
            let mut result = result.clone();
            if let Some(after) = moment.after.and_then(|after| after.get(at)) {
                result.after = *after;
            }
            (leg, result)
        },
    );
    let legs: SmallVec<[(&Leg, LegResult); 2]> = legs.collect();
    let mut counted = Counted::of(legs.iter().map(|(leg, result)| (*leg, result)));
    // What remains is as of this moment; the ordinal stays the one that the use was given.
    counted.ordinal = ordinal(receipt, note, code_index);
    let drawn: u64 = legs.iter().filter(|(leg, _)| is_spend(leg)).map(|(_, r)| r.amount).sum();
    let worth = noted.worth_minor.unwrap_or_else(|| i64::try_from(drawn).unwrap_or(i64::MAX));
    let in_force = share(worth.unsigned_abs(), moment.live, receipt.size);
    let worth_minor = i64::try_from(in_force).unwrap_or(i64::MAX) * worth.signum();
    Use {
        code_index,
        campaign: noted.campaign.clone(),
        version: noted.version,
        kind: noted.kind,
        units: noted.units,
        worth_minor,
        ordinal: counted.ordinal,
        remaining: counted.remaining,
        balance_minor: counted.balance.map(|left| i64::try_from(left).unwrap_or(i64::MAX)),
        holder,
        products: noted.products.clone(),
    }
}

/// The number that the use of a code was given.
fn ordinal(receipt: &Receipt, note: &Note, code_index: u8) -> u64 {
    let results = receipt.legs.iter().zip(&receipt.results).zip(&note.leg_codes);
    let own = results.filter(|(_, code)| **code == code_index).map(|(pair, _)| pair);
    Counted::of(own).ordinal
}

fn is_spend(leg: &Leg) -> bool {
    matches!(leg, Leg::Spend { .. })
}

/// What the counters of one code say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counted {
    pub(super) ordinal: u64,
    pub(super) remaining: Option<u64>,
    pub(super) balance: Option<u64>,
}

impl Counted {
    /// Reads the legs of one code: the ordinal from its uses, what remains from all of its own
    /// counters that never begin anew.
    pub(super) fn of<'a>(legs: impl Iterator<Item = (&'a Leg, &'a LegResult)>) -> Self {
        let mut counted = Self::default();
        let mut owner: Option<Owner> = None;
        for (leg, result) in legs {
            match leg {
                Leg::Count { key, .. } | Leg::Once { key, .. } => {
                    if key.facet.is(FacetKind::Uses) {
                        counted.ordinal = result.after;
                        owner = Some(key.owner);
                    }
                    if owner == Some(key.owner) && is_total(key) {
                        let left = limits::remaining(leg, result);
                        counted.remaining = [counted.remaining, left].into_iter().flatten().min();
                    }
                }
                Leg::Spend { .. } | Leg::Earn { .. } => counted.balance = Some(result.after),
                Leg::Interval { .. } | Leg::Zone { .. } => {}
            }
        }
        counted
    }
}

fn is_total(key: &Key) -> bool {
    key.facet.0 & 0xFFFF_FFFF_FFFF == 0
}

/// What a part on the wire means: zero is "all".
pub(super) fn part(part: u64) -> Part {
    if part == 0 { Part::All } else { Part::Of(part) }
}
