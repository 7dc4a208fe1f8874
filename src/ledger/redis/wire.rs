//! What travels to and from the functions in `jeton.lua`, which draws the layouts: MessagePack,
//! where `false` stands for whatever is absent.
//!
//! Lua counts in doubles. All amounts stay below 10^15, which the book enforces, and moments
//! beyond 2^53 milliseconds are "never"; what has 64 bits travels as 8 bytes.

mod foreseen;
mod kept;
#[cfg(test)]
mod tests;
mod writer;

use rmp::Marker;
use rmp::decode;
use smallvec::SmallVec;

use crate::domain::book::{
    Balance, Change, Counter, Event, EventKind, Lot, Record, Register, Slot,
};
use crate::domain::id::{Owner, PostingId};
use crate::domain::posting::{
    AtCap, Blocked, ClawBack, Confirmed, Facet, Key, LEGS_MAX, Leg, LegResult, LotPart, Mark,
    NOTE_BYTES_MAX, Opening, Part, RELEASES_MAX, Receipt, Released, Setting, State, Take, Unset,
};
use crate::domain::time::Timestamp;

pub(super) use foreseen::Foreseen;
pub(super) use kept::Held;
pub(super) use writer::{Credit, Writer, packed, packed_release};

/// What is wrong with something that was read.
pub(super) type Damage = String;

type Decoded<T> = Result<T, Damage>;

/// The last moment that a double names to the millisecond.
const MOMENT_MAX: i64 = 1 << 53;

/// The last number that a double names to the unit.
const UINT_MAX: u64 = 1 << 53;

/// Letters of an owner's entries.
const COUNTER: u8 = b'c';
const REGISTER: u8 = b'r';
const BALANCE: u8 = b'b';

/// How far the other partitions of a posting have followed its home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spread {
    /// What the home has decided, counted.
    pub(super) step: u64,
    /// The attempt that was decided.
    pub(super) attempt: [u8; 8],
    /// The other partitions.
    pub(super) others: Vec<u16>,
    /// The step that all have followed.
    pub(super) followed: u64,
    /// What releases credit in other partitions and is not closed.
    pub(super) credits: Vec<PostingId>,
}

impl Spread {
    /// Whether something is decided that others have not followed.
    pub(super) fn is_behind(&self) -> bool {
        self.followed < self.step || !self.credits.is_empty()
    }
}

/// What one owner has.
#[derive(Debug, Default)]
pub(super) struct OwnerRecord {
    /// The newest postings.
    pub(super) ids: Vec<PostingId>,
    /// Counters, registers and balances.
    pub(super) records: Vec<Record>,
    /// What holds keep of a key, and will earn.
    pub(super) held: Vec<(Key, u64, u64)>,
}

/// Reads what the functions write.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn uint(&mut self) -> Decoded<u64> {
        decode::read_int(&mut self.rest).map_err(|error| error.to_string())
    }

    pub(super) fn int(&mut self) -> Decoded<i64> {
        decode::read_int(&mut self.rest).map_err(|error| error.to_string())
    }

    /// Takes a `false` (or `nil`), if one is next.
    pub(super) fn is_absent(&mut self) -> bool {
        let Some((&(0xc0 | 0xc2), rest)) = self.rest.split_first() else { return false };
        self.rest = rest;
        true
    }

    fn flag(&mut self) -> Decoded<bool> {
        decode::read_bool(&mut self.rest).map_err(|error| error.to_string())
    }

    pub(super) fn array(&mut self, most: usize) -> Decoded<usize> {
        let len = decode::read_array_len(&mut self.rest).map_err(|error| error.to_string())?;
        usize::try_from(len)
            .ok()
            .filter(|len| *len <= most)
            .ok_or_else(|| format!("a list has {len} elements, at most {most} are possible"))
    }

    /// An array of exactly `len`.
    fn tuple(&mut self, len: usize) -> Decoded<()> {
        match self.array(len)? {
            found if found == len => Ok(()),
            found => Err(format!("a record has {found} fields instead of {len}")),
        }
    }

    /// A map. Lua writes an empty one as an empty array.
    fn map(&mut self) -> Decoded<usize> {
        if self.rest.first() == Some(&Marker::FixArray(0).to_u8()) {
            return self.array(0);
        }
        let len = decode::read_map_len(&mut self.rest).map_err(|error| error.to_string())?;
        usize::try_from(len).map_err(|error| error.to_string())
    }

    pub(super) fn bytes(&mut self, most: usize) -> Decoded<&'a [u8]> {
        let len = decode::read_str_len(&mut self.rest).map_err(|error| error.to_string())?;
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if len > most || len > self.rest.len() {
            return Err(format!("{len} bytes are announced, {} are there", self.rest.len()));
        }
        let (bytes, rest) = self.rest.split_at(len);
        self.rest = rest;
        Ok(bytes)
    }

    fn exactly<const N: usize>(&mut self) -> Decoded<[u8; N]> {
        let bytes = self.bytes(N)?;
        <[u8; N]>::try_from(bytes).map_err(|_short| format!("{} bytes are not {N}", bytes.len()))
    }

    pub(super) fn id(&mut self) -> Decoded<PostingId> {
        self.exactly().map(PostingId)
    }

    pub(super) fn owner(&mut self) -> Decoded<Owner> {
        self.exactly().map(Owner)
    }

    fn word(&mut self) -> Decoded<u64> {
        self.exactly().map(u64::from_be_bytes)
    }

    fn maybe_uint(&mut self) -> Decoded<Option<u64>> {
        if self.is_absent() { Ok(None) } else { self.uint().map(Some) }
    }

    fn moment(&mut self) -> Decoded<Timestamp> {
        self.int().map(Timestamp)
    }

    fn maybe_moment(&mut self) -> Decoded<Option<Timestamp>> {
        if self.is_absent() { Ok(None) } else { self.moment().map(Some) }
    }

    /// A period's end, where absent is for ever.
    fn keep_until(&mut self) -> Decoded<Timestamp> {
        Ok(self.maybe_moment()?.unwrap_or(Timestamp::NEVER))
    }

    fn many<T, C: FromIterator<T>>(
        &mut self,
        most: usize,
        one: impl Fn(&mut Self) -> Decoded<T>,
    ) -> Decoded<C> {
        let len = self.array(most)?;
        (0..len).map(|_| one(self)).collect()
    }

    /// Amounts and moments of lots, one after the other. What is given back can make more lots than
    /// may be earned.
    fn lots<T, C: FromIterator<T>>(
        &mut self,
        lot: impl Fn(u64, Option<Timestamp>, Option<Timestamp>) -> T,
    ) -> Decoded<C> {
        let len = self.array(self.rest.len())?;
        let one = |_| {
            let amount = self.uint()?;
            let is_pair = self.rest.first() == Some(&Marker::FixArray(2).to_u8());
            if !is_pair {
                return Ok(lot(amount, self.maybe_moment()?, None));
            }
            self.tuple(2)?;
            Ok(lot(amount, self.maybe_moment()?, Some(self.moment()?)))
        };
        (0..len / 2).map(one).collect()
    }

    fn entry_name(&mut self) -> Decoded<(u8, Facet)> {
        let [letter, facet @ ..] = self.exactly::<9>()?;
        Ok((letter, Facet(u64::from_be_bytes(facet))))
    }

    fn entry(&mut self, letter: u8) -> Decoded<Key> {
        let owner = self.owner()?;
        let (found, facet) = self.entry_name()?;
        if found != letter {
            return Err(format!("an entry is of kind {found}, not {letter}"));
        }
        Ok(Key { owner, facet })
    }

    /// What a register holds: a moment, or the 8 bytes of a zone.
    fn value(&mut self) -> Decoded<i64> {
        match self.rest.first().map(|first| Marker::from_u8(*first)) {
            Some(Marker::FixStr(_)) => self.word().map(u64::cast_signed),
            _ => self.int(),
        }
    }

    fn setting(&mut self) -> Decoded<Setting> {
        Ok(Setting { value: self.value()?, event: self.uint()? })
    }

    fn record(&mut self, letter: u8, key: Key) -> Decoded<Record> {
        match letter {
            COUNTER => {
                self.tuple(2)?;
                let (used, keep_until) = (self.uint()?, self.keep_until()?);
                Ok(Record::Counter(key, Counter { used, keep_until }))
            }
            REGISTER => {
                self.tuple(3)?;
                let (setting, keep_until) = (self.setting()?, self.keep_until()?);
                Ok(Record::Register(key, Register { setting, keep_until }))
            }
            BALANCE => {
                let fields = self.array(5)?;
                let (earned, taken, lapsed) = (self.uint()?, self.uint()?, self.uint()?);
                let lots = self.lots(|amount, expires, spendable_from| Lot {
                    amount,
                    expires,
                    spendable_from,
                })?;
                let debt = if fields > 4 { self.uint()? } else { 0 };
                Ok(Record::Balance(key, Balance { lots, earned, taken, lapsed, debt }))
            }
            other => Err(format!("an entry is of kind {other}")),
        }
    }

    /// What `owner` has.
    pub(super) fn owner_record(&mut self, owner: Owner) -> Decoded<OwnerRecord> {
        self.tuple(3)?;
        let ids = self.bytes(usize::MAX)?.as_chunks::<16>().0;
        let mut found = OwnerRecord {
            ids: ids.iter().map(|id| PostingId(*id)).collect(),
            ..OwnerRecord::default()
        };
        for _ in 0..self.map()? {
            let (letter, facet) = self.entry_name()?;
            found.records.push(self.record(letter, Key { owner, facet })?);
        }
        if !self.is_absent() {
            for _ in 0..self.map()? {
                let facet = Facet(self.word()?);
                self.tuple(5)?;
                found.held.push((Key { owner, facet }, self.uint()?, self.uint()?));
                let (_first_end, _count, _prepared) = (self.moment()?, self.uint()?, self.uint()?);
            }
        }
        Ok(found)
    }

    fn limit(&mut self) -> Decoded<u64> {
        Ok(self.maybe_uint()?.unwrap_or(u64::MAX))
    }

    fn opening(&mut self) -> Decoded<Option<Opening>> {
        let amount = self.maybe_uint()?;
        let expires = self.maybe_moment()?;
        Ok(amount.map(|amount| Opening { amount, expires }))
    }

    fn leg(&mut self) -> Decoded<Leg> {
        let fields = self.array(11)?;
        Ok(match self.uint()? {
            1 => Leg::Count {
                key: self.entry(COUNTER)?,
                n: self.uint()?,
                max: self.limit()?,
                keep_until: self.maybe_moment()?,
            },
            2 => {
                let (key, n, max) = (self.entry(COUNTER)?, self.uint()?, self.limit()?);
                let keep_until = self.maybe_moment()?;
                let marker = self.entry(COUNTER)?;
                let counter_keep_until = if fields > 8 { self.maybe_moment()? } else { None };
                Leg::Once { marker, key, n, max, keep_until, counter_keep_until }
            }
            3 => Leg::Interval {
                key: self.entry(REGISTER)?,
                min_ms: self.int()?,
                mark: if self.flag()? { Mark::First } else { Mark::Last },
            },
            4 => Leg::Zone {
                key: self.entry(REGISTER)?,
                from: self.word()?,
                from_unset: if self.flag()? { Unset::Passes } else { Unset::Fails },
                to: self.word()?,
                keep_until: self.maybe_moment()?,
            },
            5 => Leg::Spend {
                key: self.entry(BALANCE)?,
                amount: self.uint()?,
                take: if self.flag()? { Take::Exact } else { Take::UpTo },
                opening: self.opening()?,
            },
            6 => {
                let (key, amount) = (self.entry(BALANCE)?, self.uint()?);
                let (lot_expires, cap) = (self.maybe_moment()?, self.maybe_uint()?);
                let at_cap = if self.flag()? { AtCap::Refuse } else { AtCap::Clamp };
                let opening = self.opening()?;
                let (spendable_from, is_debt) =
                    if fields > 9 { (self.maybe_moment()?, self.flag()?) } else { (None, false) };
                let claw_back = if is_debt { ClawBack::Debt } else { ClawBack::Floor };
                Leg::Earn {
                    key,
                    amount,
                    lot_expires,
                    spendable_from,
                    cap,
                    at_cap,
                    claw_back,
                    opening,
                }
            }
            other => return Err(format!("a leg has kind {other}")),
        })
    }

    pub(super) fn result(&mut self) -> Decoded<LegResult> {
        let fields = self.array(5)?;
        let (amount, after) = (self.uint()?, self.uint()?);
        let lots = if self.is_absent() {
            SmallVec::new()
        } else {
            self.lots(|amount, expires, spendable_from| LotPart {
                amount,
                expires,
                spendable_from,
            })?
        };
        let before = if self.is_absent() {
            None
        } else {
            self.tuple(2)?;
            Some(self.setting()?)
        };
        if fields > 4 {
            let _event = self.uint()?;
        }
        Ok(LegResult { amount, after, lots, before })
    }

    fn part(&mut self) -> Decoded<Part> {
        if self.is_absent() {
            return Ok(Part::All);
        }
        match self.rest.first().map(|first| Marker::from_u8(*first)) {
            Some(Marker::FixStr(_)) => self.word().map(Part::Legs),
            _ => self.uint().map(Part::Of),
        }
    }

    fn confirm(&mut self) -> Decoded<Option<Confirmed>> {
        if self.is_absent() {
            return Ok(None);
        }
        self.tuple(4)?;
        let (part, at, event) = (self.part()?, self.moment()?, self.uint()?);
        Ok(Some(Confirmed { part, at, event, after: self.many(LEGS_MAX, Self::uint)? }))
    }

    fn release(&mut self) -> Decoded<Released> {
        let fields = self.array(10)?;
        Ok(Released {
            id: self.id()?,
            part: self.part()?,
            given: self.uint()?,
            at: self.moment()?,
            event: self.uint()?,
            lapsed: self.uint()?,
            short: self.uint()?,
            after: self.many(LEGS_MAX, Self::uint)?,
            credit: if fields > 8 { Some(self.credit()?) } else { None },
        })
    }

    fn credit(&mut self) -> Decoded<Box<(Leg, LegResult)>> {
        let mut legs = Reader::new(self.bytes(usize::MAX)?);
        legs.tuple(1)?;
        Ok(Box::new((legs.leg()?, self.result()?)))
    }

    /// The receipt of posting `id`.
    pub(super) fn receipt(&mut self, id: PostingId) -> Decoded<Receipt> {
        self.receipt_and_spread(id).map(|(receipt, _)| receipt)
    }

    /// The receipt of posting `id`, and how far others have followed.
    pub(super) fn receipt_and_spread(
        &mut self,
        id: PostingId,
    ) -> Decoded<(Receipt, Option<Spread>)> {
        let fields = self.array(16)?;
        let fingerprint = self.word()?;
        let state = state_of(self.uint()?)?;
        let (size, confirmed, released) = (self.uint()?, self.uint()?, self.uint()?);
        let (until, first_until) = (self.maybe_moment()?, self.maybe_moment()?);
        let (at, event) = (self.moment()?, self.uint()?);
        let confirm = self.confirm()?;
        let mut legs = Reader::new(self.bytes(usize::MAX)?);
        let legs: SmallVec<[Leg; 2]> = legs.many(LEGS_MAX, Reader::leg)?;
        let results: SmallVec<[LegResult; 2]> = self.many(LEGS_MAX, Self::result)?;
        if results.len() != legs.len() {
            return Err(format!("{} legs have {} results", legs.len(), results.len()));
        }
        let note = self.bytes(NOTE_BYTES_MAX)?.into();
        let releases = self.many(RELEASES_MAX, Self::release)?;
        let spread = self.spread()?;
        let gone = if fields < 16 || self.is_absent() { 0 } else { self.word()? };
        let receipt = Receipt {
            id,
            fingerprint,
            state,
            size,
            confirmed,
            released,
            gone,
            until,
            first_until,
            at,
            event,
            confirm,
            legs,
            results,
            note,
            releases,
        };
        Ok((receipt, spread))
    }

    fn spread(&mut self) -> Decoded<Option<Spread>> {
        if self.is_absent() {
            return Ok(None);
        }
        let fields = self.array(6)?;
        let (step, attempt) = (self.uint()?, self.exactly()?);
        let others = self.many(usize::from(super::PARTITIONS_MAX), Self::partition)?;
        let followed = self.uint()?;
        let credits = if fields > 4 { self.many(RELEASES_MAX, Self::id)? } else { Vec::new() };
        let _event = if fields > 5 { self.uint()? } else { 0 };
        Ok(Some(Spread { step, attempt, others, followed, credits }))
    }

    pub(super) fn partition(&mut self) -> Decoded<u16> {
        u16::try_from(self.uint()?).map_err(|error| error.to_string())
    }

    pub(super) fn attempt(&mut self) -> Decoded<[u8; 8]> {
        self.exactly()
    }

    pub(super) fn standings(&mut self) -> Decoded<SmallVec<[u64; 2]>> {
        self.many(LEGS_MAX, Self::uint)
    }

    pub(super) fn results(&mut self) -> Decoded<SmallVec<[LegResult; 2]>> {
        self.many(LEGS_MAX, Self::result)
    }

    /// Why something was refused. The ceiling that a guard names is the leg's own, which the caller
    /// knows: `max_of` says it.
    pub(super) fn blocked(&mut self, max_of: impl Fn(usize) -> u64) -> Decoded<Blocked> {
        let _fields = self.array(5)?;
        let place = |reader: &mut Self| -> Decoded<usize> {
            usize::try_from(reader.uint()?).map_err(|error| error.to_string())
        };
        Ok(match self.uint()? {
            1 => {
                let leg = place(self)?;
                let (used, held, max) = (self.uint()?, self.uint()?, max_of(leg));
                Blocked::Guard { leg, used, held, max, retry_after_ms: self.maybe_uint()? }
            }
            2 => Blocked::TooSoon { leg: place(self)?, retry_after_ms: self.uint()? },
            3 => {
                let leg = place(self)?;
                let at = if self.is_absent() { None } else { Some(self.value()?.cast_unsigned()) };
                Blocked::Elsewhere { leg, at }
            }
            4 => {
                let (leg, balance) = (place(self)?, self.uint()?);
                let max = self.maybe_uint()?.unwrap_or(crate::domain::posting::AMOUNT_MAX);
                Blocked::Cap { leg, balance, max }
            }
            5 => Blocked::TooManyLots { leg: place(self)? },
            6 => Blocked::HoldNotFound,
            7 => Blocked::HoldExpired,
            8 => Blocked::NotFound,
            9 => Blocked::AlreadyReleased,
            10 => Blocked::ReleaseExceeds { left: self.uint()? },
            11 => Blocked::ConfirmExceeds { left: self.uint()? },
            other => return Err(format!("a refusal has kind {other}")),
        })
    }

    /// One event.
    pub(super) fn event(&mut self) -> Decoded<Event> {
        self.tuple(5)?;
        let most = self.rest.len();
        Ok(Event {
            number: self.uint()?,
            at: self.moment()?,
            kind: kind_of(self.uint()?)?,
            id: self.id()?,
            changes: self.many(most, Self::change)?,
        })
    }

    fn change(&mut self) -> Decoded<Change> {
        self.tuple(4)?;
        let owner = self.owner()?;
        let (letter, facet) = self.entry_name()?;
        let key = Key { owner, facet };
        if self.is_absent() {
            let _held = self.uint()?;
            return Ok(Change::Gone(match letter {
                REGISTER => Slot::Register(key),
                BALANCE => Slot::Balance(key),
                _ => Slot::Counter(key),
            }));
        }
        let record = self.record(letter, key)?;
        Ok(Change::Is(record, self.uint()?))
    }
}

fn state_number(state: State) -> u64 {
    match state {
        State::Held => 1,
        State::Redeemed => 2,
        State::Released => 3,
        State::Expired => 4,
    }
}

fn state_of(number: u64) -> Decoded<State> {
    Ok(match number {
        1 => State::Held,
        2 => State::Redeemed,
        3 => State::Released,
        4 => State::Expired,
        other => return Err(format!("a state is {other}")),
    })
}

fn kind_number(kind: EventKind) -> u64 {
    match kind {
        EventKind::Redeemed => 1,
        EventKind::Held => 2,
        EventKind::Confirmed => 3,
        EventKind::Released => 4,
        EventKind::Extended => 5,
        EventKind::Expired => 6,
        EventKind::Followed => 7,
    }
}

fn kind_of(number: u64) -> Decoded<EventKind> {
    Ok(match number {
        1 => EventKind::Redeemed,
        2 => EventKind::Held,
        3 => EventKind::Confirmed,
        4 => EventKind::Released,
        5 => EventKind::Extended,
        6 => EventKind::Expired,
        7 => EventKind::Followed,
        other => return Err(format!("an event has kind {other}")),
    })
}
