//! Answers: a receipt and its note, as callers hear them.
//!
//! An answer is a function of the receipt alone, so that a repeat gives the first answer again,
//! also after the rules have changed or other parts were given back since.

use std::sync::Arc;

use smallvec::SmallVec;

use super::note::{Note, NotedUse, Role};
use crate::domain::campaign::{Code, Switch};
use crate::domain::code::CodeKey;
use crate::domain::id::{Owner, PostingId, RequestId};
use crate::domain::posting::{
    FacetKind, Key, Leg, LegResult, Part, Receipt, Released, State, share,
};
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
    /// One for each code, and one for each campaign that applied by itself.
    pub uses: SmallVec<[Use; 1]>,
    /// Codes that were left out, each with its place and why.
    pub left_out: Vec<Refusal>,
    /// What came into a voucher or account with this release: minor units or points.
    pub credited: Option<u64>,
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

/// What one code gave, or one campaign by itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Use {
    /// The place of the code in the request; absent: the campaign applied by itself.
    pub code_index: Option<u8>,
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
    /// What is left of the code's balance, in minor units.
    pub balance_minor: Option<i64>,
    /// The balance with which the code began, in minor units.
    pub original_minor: Option<i64>,
    /// What was lost of its balance because the order needed less, in minor units.
    pub forfeited_minor: i64,
    /// The customer that the code is bound to.
    pub holder: Option<Arc<str>>,
    /// A reference to the holder's picture.
    pub photo: Option<Arc<str>>,
    /// When somebody entered with the code before, where the campaign keeps an interval.
    pub last_entry: Option<Timestamp>,
    /// Goods and services that come with it.
    pub products: SmallVec<[(Box<str>, u32); 1]>,
    /// What products are switched to.
    pub switches: SmallVec<[(Box<str>, Switch); 0]>,
    /// What it did to the customer's account.
    pub account: Option<UseOfAccount>,
    /// What was taken off each line of the order, in minor units, and last off the rest of its
    /// total. Empty where all was given back in parts, or the history has no room for it.
    pub lines_minor: SmallVec<[i64; 5]>,
}

/// What a use did to the customer's account: points, or minor units of money.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UseOfAccount {
    /// The account.
    pub id: Box<str>,
    /// Its currency; absent: it keeps points.
    pub currency: Option<Box<str>>,
    /// What was spent of it.
    pub spent: u64,
    /// What came into it.
    pub earned: u64,
    /// What is in it afterwards.
    pub balance: Option<u64>,
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

/// What is shown of a code that no receipt remembers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) key: CodeKey,
    pub(super) holder: Option<Arc<str>>,
    pub(super) photo: Option<Arc<str>>,
}

impl Shown {
    /// What is shown of `code`.
    pub(super) fn of(key: CodeKey, code: &Code) -> Self {
        Self { key, holder: code.holder.clone(), photo: code.photo.clone() }
    }
}

/// The moment of a receipt's life that an answer tells of.
struct Moment<'a> {
    standing: Standing,
    at: Timestamp,
    event: u64,
    live: u64,
    /// Legs that were given back by themselves, a bit each.
    gone: u64,
    /// What each leg stood at; absent: as the results say.
    after: Option<&'a [u64]>,
    credited: Option<u64>,
}

/// Tells of `receipt` what `asked` wants to hear.
pub(super) fn tell(
    receipt: &Receipt,
    asked: Asked,
    id: RequestId,
    is_replayed: bool,
    shown: &[Shown],
) -> Accepted {
    let note = Note::decode(&receipt.note).unwrap_or_default();
    let moment = moment(receipt, asked);
    let uses: SmallVec<[Use; 1]> =
        (0..note.uses.len()).map(|place| use_of(receipt, &note, place, &moment, shown)).collect();
    let worth: i64 = uses.iter().map(|used| used.worth_minor).sum();
    let until = if asked == Asked::Hold { receipt.first_until } else { receipt.until };
    let left_out = note.left_out.iter().map(|(index, reason)| Refusal::new(*reason).at(*index));
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
        uses,
        left_out: left_out.collect(),
        currency: note.currency,
        credited: moment.credited,
        counts_age_ms: None,
    }
}

fn moment(receipt: &Receipt, asked: Asked) -> Moment<'_> {
    let accepted = Moment {
        standing: if receipt.until.is_some() { Standing::Held } else { Standing::Redeemed },
        at: receipt.at,
        event: receipt.event,
        live: receipt.size,
        gone: 0,
        after: None,
        credited: None,
    };
    match asked {
        Asked::Hold => accepted,
        Asked::Redeem | Asked::Confirm => match &receipt.confirm {
            Some(confirm) => Moment {
                standing: Standing::Redeemed,
                at: confirm.at,
                event: confirm.event,
                live: receipt.confirmed.saturating_sub(released_before(receipt, confirm.event)),
                gone: gone_before(receipt, confirm.event),
                after: Some(confirm.after.as_slice()),
                credited: None,
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
            Moment {
                standing,
                at: release.at,
                event: release.event,
                live,
                gone: gone_before(receipt, release.event + 1),
                after: Some(release.after.as_slice()),
                credited: release.credit.as_ref().map(|credit| credit.1.amount),
            }
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
        gone: receipt.gone,
        after: None,
        credited: None,
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

/// The releases of this posting before `event`, without those that belong to an expired hold of the
/// same id.
fn releases_before(receipt: &Receipt, event: u64) -> impl Iterator<Item = &Released> {
    let own = move |release: &&Released| release.event > receipt.event && release.event < event;
    receipt.releases.iter().filter(own)
}

fn released_before(receipt: &Receipt, event: u64) -> u64 {
    releases_before(receipt, event).map(|release| release.given).sum()
}

fn gone_before(receipt: &Receipt, event: u64) -> u64 {
    releases_before(receipt, event)
        .map(|release| match release.part {
            Part::Legs(legs) => legs,
            Part::All | Part::Of(_) => 0,
        })
        .fold(0, |gone, legs| gone | legs)
}

/// The legs of the use at `place`, a bit each.
pub(super) fn legs_of(note: &Note, place: usize) -> u64 {
    let own = |(_, of): &(u32, &u8)| usize::from(**of) == place;
    let bits = (0_u32..).zip(&note.leg_uses).filter(own);
    bits.map(|(at, _)| 1_u64.checked_shl(at).unwrap_or(0)).fold(0, |all, bit| all | bit)
}

fn use_of(
    receipt: &Receipt,
    note: &Note,
    place: usize,
    moment: &Moment<'_>,
    shown: &[Shown],
) -> Use {
    let Some(noted) = note.uses.get(place) else { return Use::default() };
    let own = legs_of(note, place);
    let live = if own != 0 && own & !moment.gone == 0 { 0 } else { moment.live };
    let mut told = Use {
        code_index: noted.code_index,
        campaign: noted.campaign.clone(),
        version: noted.version,
        kind: noted.kind,
        units: noted.units,
        products: noted.products.clone(),
        switches: noted.switches.clone(),
        ..Use::default()
    };
    if let Some(shown) = shown.iter().find(|shown| Some(shown.key) == noted.code) {
        (told.holder, told.photo) = (shown.holder.clone(), shown.photo.clone());
    }
    let mut counted = Counted::default();
    let mut value = Value::default();
    let legs = receipt.legs.iter().zip(&receipt.results).enumerate();
    for (at, (leg, result)) in legs.filter(|(at, _)| own >> at & 1 == 1) {
        let after = moment.after.and_then(|after| after.get(at)).copied().unwrap_or(result.after);
        counted.add(leg, result.after, after);
        let amount = share(result.amount, live, receipt.size);
        value.add(note.role(at, leg), leg, Moved { amount, whole: result.amount, after });
        if leg.key().facet.is(FacetKind::LastEntry) {
            told.last_entry = result.before.map(|before| Timestamp(before.value));
        }
    }
    told.ordinal = counted.ordinal;
    told.remaining = counted.remaining;
    let worth = noted.worth_minor.unwrap_or_else(|| value.worth_minor(noted));
    let in_force = share(worth.unsigned_abs(), live, receipt.size);
    told.worth_minor = i64::try_from(in_force).unwrap_or(i64::MAX) * worth.signum();
    if noted.worth_minor.is_none() {
        let drawn = minor(value.drawn).saturating_mul(noted.unit_minor);
        told.forfeited_minor = drawn.saturating_sub(told.worth_minor).max(0);
    }
    told.balance_minor = value.balance.map(minor);
    told.original_minor = value.original.map(minor);
    told.account = noted.account.clone().map(|id| UseOfAccount {
        id,
        currency: noted.account_currency.clone(),
        spent: value.spent,
        earned: value.earned,
        balance: value.account_balance,
    });
    if live == receipt.size {
        told.lines_minor = noted.lines_minor.clone();
    }
    told
}

fn minor(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

/// What the counters of one code say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counted {
    pub(super) ordinal: u64,
    pub(super) remaining: Option<u64>,
    owner: Option<Owner>,
}

impl Counted {
    /// Reads a leg of a code: the ordinal from its uses as they were counted at `first`, what
    /// remains, at `after`, from all of its own counters that never begin anew.
    pub(super) fn add(&mut self, leg: &Leg, first: u64, after: u64) {
        let (Leg::Count { key, .. } | Leg::Once { key, .. }) = leg else { return };
        if key.facet.is(FacetKind::Uses) {
            self.ordinal = first;
            self.owner = Some(key.owner);
        }
        if self.owner == Some(key.owner) && is_total(key) {
            let left = limits::remaining(leg, &LegResult { after, ..LegResult::default() });
            self.remaining = [self.remaining, left].into_iter().flatten().min();
        }
    }
}

/// What a leg moved: what of it is in force, all that it moved at first, and what is there after.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moved {
    pub(super) amount: u64,
    pub(super) whole: u64,
    pub(super) after: u64,
}

/// What the balances of one use say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Value {
    /// What was drawn and is in force, in the balance's own unit.
    pub(super) drawn: u64,
    /// All that was drawn at first.
    drawn_at_first: u64,
    pub(super) balance: Option<u64>,
    pub(super) original: Option<u64>,
    pub(super) spent: u64,
    pub(super) earned: u64,
    pub(super) account_balance: Option<u64>,
}

impl Value {
    /// Reads a leg that has this role.
    pub(super) fn add(&mut self, role: Role, leg: &Leg, moved: Moved) {
        let Moved { amount, whole, after } = moved;
        match role {
            Role::Guard => {}
            Role::Draw | Role::TopUp => {
                if role == Role::Draw {
                    self.drawn += amount;
                    self.drawn_at_first += whole;
                }
                self.balance = Some(after);
                if let Leg::Spend { opening, .. } | Leg::Earn { opening, .. } = leg {
                    self.original = opening.map(|opening| opening.amount);
                }
            }
            Role::AccountDraw => {
                self.drawn += amount;
                self.drawn_at_first += whole;
                self.spent += amount;
                self.account_balance = Some(after);
            }
            Role::AccountCost => {
                self.spent += amount;
                self.account_balance = Some(after);
            }
            Role::AccountEarning => {
                self.earned += amount;
                self.account_balance = Some(after);
            }
        }
    }

    /// What all that was drawn at first is worth.
    fn worth_minor(&self, noted: &NotedUse) -> i64 {
        minor(self.drawn_at_first).saturating_mul(noted.unit_minor).min(noted.worth_minor_max)
    }
}

fn is_total(key: &Key) -> bool {
    key.facet.0 & 0xFFFF_FFFF_FFFF == 0
}

/// What a part on the wire means: zero is "all".
pub(super) fn part(part: u64) -> Part {
    if part == 0 { Part::All } else { Part::Of(part) }
}
