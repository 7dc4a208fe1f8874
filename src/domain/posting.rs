//! Postings: what the engine asks a ledger to do, and what it hears back.
//!
//! A posting is a list of *legs*, applied all or none. A ledger knows counters, registers and
//! balances by opaque keys and the numbers in the legs; it never learns which rule or campaign
//! stands behind them.
//!
//! # Parts
//! A posting has a `size`, the quantity in which it can be divided: persons, or minor units of
//! money. Confirming and releasing name a part of that size. When `q` of `size` are in force, a leg
//! of `n` has [`share`]`(n, q, size)` in force, which is exact at both ends and never falls as `q`
//! grows, so parts can be given back one by one and sum to the whole. A release can also name
//! some legs; those are *gone* then, and what happens to the posting later does not touch them.

use std::sync::Arc;

use smallvec::SmallVec;

use super::id::{Owner, PostingId};
use super::time::Timestamp;

/// Most legs in one posting.
pub const LEGS_MAX: usize = 64;

const _: () = assert!(LEGS_MAX <= u64::BITS as usize, "a bit for each leg");

/// Longest note, in bytes.
pub const NOTE_BYTES_MAX: usize = 1024;

/// Most resolutions (partial releases) that one posting remembers.
pub const RELEASES_MAX: usize = 64;

/// Most lots in one balance.
pub const LOTS_MAX: usize = 256;

/// Nothing is counted beyond this, and no balance takes in more: every ledger, and whoever reads
/// our JSON, can still count it to the unit and add three of them up in a double.
pub const AMOUNT_MAX: u64 = 1_000_000_000_000_000;

/// Which of an owner's counters, registers or balances is meant: a kind, for limits what they
/// count, and the period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Facet(pub u64);

/// What a key holds; part of every [`Facet`], so that two uses of one owner can never meet in one
/// key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FacetKind {
    /// Uses of the code in total.
    Uses = 1,
    /// A limit of the campaign, by what it counts and its period.
    Limit = 2,
    /// The marker of a distinct day.
    Marker = 3,
    /// The time of the last entry.
    LastEntry = 4,
    /// The zone somebody is in.
    Zone = 5,
    /// The balance.
    Balance = 6,
    /// The time of the first use.
    FirstUse = 7,
    /// The marker of an entry after which others are free for a while.
    Reentry = 8,
}

impl Facet {
    /// Puts a facet together. `bucket` is the period's number, zero for "in total"; only its lower
    /// 48 bits count, which carry days since 1970 for longer than the calendar lasts.
    #[must_use]
    pub fn new(kind: FacetKind, place: u8, bucket: i64) -> Self {
        let bucket = bucket.cast_unsigned() & 0xFFFF_FFFF_FFFF;
        Self((kind as u64) << 56 | u64::from(place) << 48 | bucket)
    }

    /// The kind's number and the limit's.
    #[must_use]
    pub fn kind_and_place(self) -> (u8, u8) {
        let [kind, place, ..] = self.0.to_be_bytes();
        (kind, place)
    }

    /// Whether this facet is of `kind`.
    #[must_use]
    pub fn is(self, kind: FacetKind) -> bool {
        self.kind_and_place().0 == kind as u8
    }
}

/// The name of one counter, register or balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Whose it is. All keys of an owner live in one partition.
    pub owner: Owner,
    /// Which of the owner's it is.
    pub facet: Facet,
}

impl Key {
    /// The one that `owner` has of this kind, apart from limits and periods.
    #[must_use]
    pub fn of(owner: Owner, kind: FacetKind) -> Self {
        Self { owner, facet: Facet::new(kind, 0, 0) }
    }
}

/// What a zone register holds: 0 is outside, everything else the hash of a zone's name.
pub type ZoneId = u64;

/// One change of one counter, balance or register, with the guard under which it may happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leg {
    /// Counts `n` up to `max`.
    Count {
        /// The counter.
        key: Key,
        /// How much is taken, at least 1.
        n: u64,
        /// used + held + n may not pass this; `u64::MAX` is "no limit, count only", which means
        /// up to [`AMOUNT_MAX`].
        max: u64,
        /// The counter is forgotten after this moment, because its period is over.
        keep_until: Option<Timestamp>,
    },
    /// As `Count`, but only the first time that `marker` is met: distinct days.
    Once {
        /// Set by the first posting.
        marker: Key,
        /// The counter behind it.
        key: Key,
        /// How much the first posting takes.
        n: u64,
        /// The ceiling of the counter.
        max: u64,
        /// The marker is over at this moment: the next posting sets it anew.
        keep_until: Option<Timestamp>,
        /// The counter is forgotten after this moment, because its period is over; as in `Count`.
        counter_keep_until: Option<Timestamp>,
    },
    /// Demands that `min_ms` have passed since the register was set, then sets it to now.
    Interval {
        /// The register.
        key: Key,
        /// Milliseconds that must lie between two settings.
        min_ms: i64,
        /// Which moment the register remembers.
        mark: Mark,
    },
    /// Demands that the register holds one place, then moves to another.
    Zone {
        /// The register.
        key: Key,
        /// Where one must be.
        from: ZoneId,
        /// Whether an unset register counts as being at `from`.
        from_unset: Unset,
        /// Where one is afterwards.
        to: ZoneId,
        /// The register is forgotten after this moment: everybody leaves at the end of the day.
        keep_until: Option<Timestamp>,
    },
    /// Takes money or points out of a balance, from the lot that expires first.
    Spend {
        /// The balance.
        key: Key,
        /// How much, at least 1.
        amount: u64,
        /// Whether less will do.
        take: Take,
        /// The lot with which a balance begins that the ledger has never seen.
        opening: Option<Opening>,
    },
    /// Puts money or points into a balance, as a lot of its own.
    Earn {
        /// The balance.
        key: Key,
        /// How much, at least 1.
        amount: u64,
        /// When the lot lapses.
        lot_expires: Option<Timestamp>,
        /// From when on the lot can be spent; absent: at once.
        spendable_from: Option<Timestamp>,
        /// The balance may not pass this.
        cap: Option<u64>,
        /// What happens at the cap.
        at_cap: AtCap,
        /// What happens when it is given back and was spent meanwhile.
        claw_back: ClawBack,
        /// The lot with which a balance begins that the ledger has never seen.
        opening: Option<Opening>,
    },
}

impl Leg {
    /// What it changes, and by which whoever needs the same finds its holds. A marker is beside it.
    #[must_use]
    pub fn key(&self) -> &Key {
        match self {
            Self::Count { key, .. }
            | Self::Once { key, .. }
            | Self::Interval { key, .. }
            | Self::Zone { key, .. }
            | Self::Spend { key, .. }
            | Self::Earn { key, .. } => key,
        }
    }
}

/// Which moment an interval's register remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// The latest use: anti-passback.
    Last,
    /// The first use ever: validity that begins with it.
    First,
}

/// What an unset zone register means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unset {
    /// It counts as being in the place asked for.
    Passes,
    /// It counts as being somewhere else.
    Fails,
}

/// Whether a spending must be met in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Take {
    /// All of it or nothing.
    Exact,
    /// As much as there is, at least 1.
    UpTo,
}

/// What an earning does when the balance would pass its cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtCap {
    /// Earns what fits, even if that is nothing, and says so.
    Clamp,
    /// Is refused.
    Refuse,
}

/// What taking back does when what was earned is no longer there. What is missing is told either
/// way, as [`Released::short`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClawBack {
    /// Takes what is there and leaves it at that.
    Floor,
    /// Keeps the rest as a debt, which whatever comes into the balance later pays first.
    Debt,
}

/// The lot with which a balance begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening {
    /// What is in it.
    pub amount: u64,
    /// When it lapses.
    pub expires: Option<Timestamp>,
}

/// Whether a posting is final or holds capacity for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Redeem at once.
    Post,
    /// Hold until that moment, exclusive: at it, the hold is over.
    Hold {
        /// The hold's end.
        until: Timestamp,
    },
}

/// What the engine asks a ledger to do, all or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posting {
    /// Made by the caller before the first try.
    pub id: PostingId,
    /// Hash of what the request means: the same id with another meaning is a mistake, not a repeat.
    pub fingerprint: u64,
    /// Final or held.
    pub mode: Mode,
    /// In how many parts it can be divided; 0: in as many as its first [`Leg::Spend`] takes.
    pub size: u64,
    /// At most [`LEGS_MAX`], in the order in which their guards are checked.
    pub legs: SmallVec<[Leg; 2]>,
    /// What history shows; at most [`NOTE_BYTES_MAX`].
    pub note: Box<[u8]>,
    /// The moment of the request.
    pub now: Timestamp,
}

/// How much of a posting a confirm or release is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All that is left.
    All,
    /// That much of its size; at least 1.
    Of(u64),
    /// Some of its legs, all that is left of them: bit 0 is the first leg. Legs that are gone and
    /// bits beyond the last leg count for nothing. Only a release takes this.
    Legs(u64),
}

/// One thing for a ledger to do.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are postings, and boxing each would cost more"
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Redeem or hold.
    Post(Posting),
    /// Answer what an earlier [`Command::Post`] with this id was answered, if there was one: rules
    /// may have changed since, the first answer may not.
    Recall {
        /// The posting.
        id: PostingId,
        /// What the request means now.
        fingerprint: u64,
        /// What it asks for now.
        mode: Mode,
        /// The moment of the request.
        now: Timestamp,
    },
    /// Turn a hold into a redemption. What is not confirmed is released.
    Confirm {
        /// The hold.
        id: PostingId,
        /// How much of it.
        part: Part,
        /// The moment of the request.
        now: Timestamp,
    },
    /// Give back a hold or a redemption.
    Release {
        /// The hold or redemption.
        id: PostingId,
        /// The id of this release: repeated, it answers the same and gives back once.
        release_id: PostingId,
        /// How much of it.
        part: Part,
        /// What somebody gets for it in the same step, always a [`Leg::Earn`]. Its guard looks at
        /// the balance as it is before anything is given back, and a refusal names it as leg 0; a
        /// cap that clamps sees what was given back.
        credit: Option<Box<Leg>>,
        /// The moment of the request.
        now: Timestamp,
    },
    /// Let a hold end later (or earlier).
    Extend {
        /// The hold.
        id: PostingId,
        /// Its new end.
        until: Timestamp,
        /// The moment of the request.
        now: Timestamp,
    },
    /// What is known of a posting.
    Status {
        /// The posting.
        id: PostingId,
        /// The moment of the request.
        now: Timestamp,
    },
    /// Fetch what these owners have, so that it can be read: for a ledger whose records are not
    /// all in this process.
    Look {
        /// Whose records.
        owners: SmallVec<[Owner; 2]>,
    },
}

impl Command {
    /// The posting that this is about.
    #[must_use]
    pub fn id(&self) -> Option<PostingId> {
        match self {
            Self::Look { .. } => None,
            Self::Post(posting) => Some(posting.id),
            Self::Recall { id, .. }
            | Self::Confirm { id, .. }
            | Self::Release { id, .. }
            | Self::Extend { id, .. }
            | Self::Status { id, .. } => Some(*id),
        }
    }
}

/// Where a posting stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Capacity is taken until the hold ends.
    Held,
    /// Used.
    Redeemed,
    /// All of it was given back.
    Released,
    /// The hold came to its end.
    Expired,
}

/// What one leg did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LegResult {
    /// How much the leg took (or put in). Zero for registers, and for a marker that was set before.
    pub amount: u64,
    /// Counters: used + held afterwards, which is the ordinal of the last unit taken ("use 41,207
    /// of 100,000"). Balances: what is left.
    pub after: u64,
    /// Lots that were touched, in the order in which they were taken.
    pub lots: SmallVec<[LotPart; 1]>,
    /// What a register held before: undoing puts it back. Absent when it was unset, or when nothing
    /// was set. For a marker, when it is over, which tells it from one that is set later; absent
    /// when it never is. No event stands with that.
    pub before: Option<Setting>,
}

/// What a register holds, and which event set it: two settings are the same only if both agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// A moment in milliseconds, or a zone.
    pub value: i64,
    /// The number of the event.
    pub event: u64,
}

/// A part of a lot that a posting took or made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LotPart {
    /// How much.
    pub amount: u64,
    /// When the lot lapses; what is given back returns with this.
    pub expires: Option<Timestamp>,
    /// From when on the lot can be spent; what is given back returns with this.
    pub spendable_from: Option<Timestamp>,
}

/// The turning of a hold into a redemption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmed {
    /// What was asked for.
    pub part: Part,
    /// When.
    pub at: Timestamp,
    /// Its event's number.
    pub event: u64,
    /// What each leg's counter or balance stood at afterwards.
    pub after: SmallVec<[u64; 2]>,
}

/// One release of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    /// The id of the release.
    pub id: PostingId,
    /// What was asked for.
    pub part: Part,
    /// How much of the size was given back; 0 when some legs were, but not the last.
    pub given: u64,
    /// When.
    pub at: Timestamp,
    /// Its event's number.
    pub event: u64,
    /// Money or points that returned to lots which had lapsed meanwhile, and so are gone.
    pub lapsed: u64,
    /// Earned money or points that could not be taken back because they were spent.
    pub short: u64,
    /// What each leg's counter or balance stood at afterwards.
    pub after: SmallVec<[u64; 2]>,
    /// What was credited with it, as it was asked for, and what that did.
    pub credit: Option<Box<(Leg, LegResult)>>,
}

impl Released {
    /// Whether `part` with `credit` is what this release was asked for.
    #[must_use]
    pub fn is_for(&self, part: Part, credit: Option<&Leg>) -> bool {
        self.part == part && self.credit.as_ref().map(|credit| &credit.0) == credit
    }
}

/// What a ledger remembers of a posting: enough to repeat its answers and to undo it exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The posting.
    pub id: PostingId,
    /// What it meant.
    pub fingerprint: u64,
    /// Where it stands.
    pub state: State,
    /// In how many parts it can be divided.
    pub size: u64,
    /// How far the size was confirmed, counting parts that were released before: the whole size for
    /// a redemption without a hold, zero while it is held.
    pub confirmed: u64,
    /// How much of the size was given back.
    pub released: u64,
    /// The legs that were given back by themselves: bit 0 is the first.
    pub gone: u64,
    /// The hold's end, kept after it was confirmed; absent for a redemption without a hold.
    pub until: Option<Timestamp>,
    /// The hold's end as it was first promised, before it was extended.
    pub first_until: Option<Timestamp>,
    /// When it was accepted.
    pub at: Timestamp,
    /// The number of the event that accepted it.
    pub event: u64,
    /// How the hold became a redemption.
    pub confirm: Option<Confirmed>,
    /// The legs as they were asked for.
    pub legs: SmallVec<[Leg; 2]>,
    /// What each leg did.
    pub results: SmallVec<[LegResult; 2]>,
    /// What history shows.
    pub note: Box<[u8]>,
    /// Releases so far, oldest first.
    pub releases: SmallVec<[Released; 0]>,
}

impl Receipt {
    /// How much of the size is held or redeemed now.
    #[must_use]
    pub fn live(&self) -> u64 {
        match self.state {
            State::Held => self.size.saturating_sub(self.released),
            State::Redeemed => self.confirmed.saturating_sub(self.released),
            State::Released | State::Expired => 0,
        }
    }

    /// The legs that were not given back by themselves, as bits.
    #[must_use]
    pub fn legs_left(&self) -> u64 {
        let all = (0..self.legs.len()).fold(0, |all, leg| all | bit(leg));
        all & !self.gone
    }

    /// The legs that were not given back by themselves, with what they did.
    pub fn in_force(&self) -> impl DoubleEndedIterator<Item = (&Leg, &LegResult)> {
        let legs = self.legs.iter().zip(&self.results).enumerate();
        legs.filter(|(leg, _)| self.gone & bit(*leg) == 0).map(|(_, leg)| leg)
    }
}

/// The bit that stands for a leg, by its place; none for a place that no posting has.
#[must_use]
pub fn bit(leg: usize) -> u64 {
    u32::try_from(leg).ok().and_then(|leg| 1_u64.checked_shl(leg)).unwrap_or(0)
}

/// Why a ledger says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocked {
    /// A counter or balance does not allow it. `used + n <= max` then means that only live holds
    /// are in the way.
    Guard {
        /// Which leg, by its place.
        leg: usize,
        /// Counters: used. Balances: what can be spent now.
        used: u64,
        /// What live holds keep.
        held: u64,
        /// The ceiling. Balances: what was asked.
        max: u64,
        /// How long until enough live holds have ended, if they are all that is in the way.
        retry_after_ms: Option<u64>,
    },
    /// The interval is not over.
    TooSoon {
        /// Which leg.
        leg: usize,
        /// How long it still lasts.
        retry_after_ms: u64,
    },
    /// The register holds another place.
    Elsewhere {
        /// Which leg.
        leg: usize,
        /// Where one is; absent when the register is unset.
        at: Option<ZoneId>,
    },
    /// The balance would pass its cap.
    Cap {
        /// Which leg.
        leg: usize,
        /// What is in it.
        balance: u64,
        /// The cap.
        max: u64,
    },
    /// A balance has too many lots.
    TooManyLots {
        /// Which leg.
        leg: usize,
    },
    /// There is no hold with this id.
    HoldNotFound,
    /// The hold came to its end.
    HoldExpired,
    /// There is no hold or redemption with this id.
    NotFound,
    /// All of it, or all of the legs that are meant, was given back before.
    AlreadyReleased,
    /// More than what is left of it, or more releases than are remembered.
    ReleaseExceeds {
        /// What is left of its size.
        left: u64,
    },
    /// More than what is held, or some of its legs.
    ConfirmExceeds {
        /// What is held of its size.
        left: u64,
    },
}

/// What a ledger answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Done now. The receipt is as it stands afterwards.
    Done(Arc<Receipt>),
    /// Done before; the answer is the first one. The receipt is as it stands now.
    Replayed(Arc<Receipt>),
    /// Not done; nothing was written.
    Refused(Blocked),
    /// The id was used before for something else.
    Mismatch,
    /// [`Command::Recall`] and [`Command::Status`] only: no such posting.
    Unknown,
    /// [`Command::Look`] only: what there is can be read now.
    Looked,
}

/// How much of a leg's `n` is in force when `q` of `size` are: `n·q/size`, rounded up, so that a
/// leg that cannot be divided stays until the last part has gone.
#[must_use]
pub fn share(n: u64, q: u64, size: u64) -> u64 {
    if q >= size {
        return n;
    }
    let exact = (u128::from(n) * u128::from(q)).div_ceil(u128::from(size.max(1)));
    u64::try_from(exact).unwrap_or(n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_indivisible_leg_stays_until_the_last_part() {
        assert_eq!(share(1, 4, 4), 1);
        assert_eq!(share(1, 1, 4), 1);
        assert_eq!(share(1, 0, 4), 0);
        assert_eq!(share(4, 3, 4), 3);
    }

    #[test]
    fn facets_never_meet() {
        let day = Facet::new(FacetKind::Limit, 3, 20_000);
        assert_eq!(day.kind_and_place(), (FacetKind::Limit as u8, 3));
        assert!(day.is(FacetKind::Limit));
        assert_ne!(day, Facet::new(FacetKind::Limit, 3, 20_001));
        assert_ne!(day, Facet::new(FacetKind::Limit, 4, 20_000));
        assert_ne!(Facet::new(FacetKind::Limit, 0, -1), Facet::new(FacetKind::Limit, 1, 0));
    }

    proptest! {
        #[test]
        fn a_share_is_exact_at_both_ends_and_never_falls(
            n in 0_u64..=u64::MAX / 2, size in 1_u64..1_000_000, q in 0_u64..1_000_000,
        ) {
            let q = q.min(size);
            prop_assert_eq!(share(n, 0, size), 0);
            prop_assert_eq!(share(n, size, size), n);
            prop_assert!(share(n, q, size) <= n);
            if q > 0 {
                prop_assert!(share(n, q - 1, size) <= share(n, q, size));
            }
        }
    }
}
