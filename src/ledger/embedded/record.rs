//! Records as they lie on disk: MessagePack values one after the other, behind a version.
//!
//! ```text
//! counter    version, used, keep_until
//! register   version, value, event, keep_until
//! balance    version, earned, taken, lapsed, debt, n, n × (amount, expires, spendable_from)
//! receipt    version, fingerprint, state, size, confirmed, released, gone, until, first_until,
//!            at, event, confirm, legs, results, note, releases  (its id is its key)
//! events     version, n, n × event, m, m × others             (the first number is its key)
//! event      number, at, kind, id, n, n × change
//! others     number, n, n × owner
//! history    version, n, n × number                  (owner and first number are its key)
//! ```
//! `nil` stands for what is absent. Version 1 has no debt, no `spendable_from`, no legs that are
//! gone, no way of clawing back and no credit; before version 3, counters behind markers have no
//! end; before version 4, there are no others. All are as if nothing was said. A reader that meets
//! a version it does not know refuses to guess.
//!
//! An event concerns the owners of the records that it changed, unless others are told.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use rmp::decode;
use rmp::encode;
use smallvec::SmallVec;

use crate::domain::book::{
    Balance, Change, Counter, Event, EventKind, Lot, Record, Register, Slot,
};
use crate::domain::id::{Owner, PostingId};
use crate::domain::posting::{
    AtCap, ClawBack, Confirmed, Facet, Key, LEGS_MAX, Leg, LegResult, LotPart, Mark,
    NOTE_BYTES_MAX, Opening, Part, RELEASES_MAX, Receipt, Released, Setting, State, Take, Unset,
};
use crate::domain::time::Timestamp;

/// The version that is written.
const VERSION: u64 = 4;

/// The first version, which is still read.
const VERSION_FIRST: u64 = 1;

/// Bytes of a key on disk: owner, then facet, big-endian.
pub(super) const KEY_BYTES: usize = 24;

/// What is wrong with a record.
pub(super) type Damage = String;

type Decoded<T> = Result<T, Damage>;

/// The owners that an event concerns, each once.
pub(super) type Owners = SmallVec<[Owner; 2]>;

/// The owners of the records that an event changed.
pub(super) fn owners_of_changes(event: &Event) -> Owners {
    let mut owners = Owners::new();
    for owner in event.changes.iter().map(|change| change.slot().key().owner) {
        if !owners.contains(&owner) {
            owners.push(owner);
        }
    }
    owners
}

pub(super) fn key_bytes(key: &Key) -> [u8; KEY_BYTES] {
    let mut bytes = [0; KEY_BYTES];
    let (owner, facet) = bytes.split_at_mut(16);
    owner.copy_from_slice(&key.owner.0);
    facet.copy_from_slice(&key.facet.0.to_be_bytes());
    bytes
}

pub(super) fn key_from(bytes: &[u8]) -> Decoded<Key> {
    let wrong = || format!("a key has {} bytes instead of {KEY_BYTES}", bytes.len());
    let (owner, facet) = bytes.split_first_chunk::<16>().ok_or_else(wrong)?;
    let facet = <[u8; 8]>::try_from(facet).map_err(|_short| wrong())?;
    Ok(Key { owner: Owner(*owner), facet: Facet(u64::from_be_bytes(facet)) })
}

/// Writes records.
pub(super) struct Encoder(Vec<u8>);

impl Encoder {
    pub(super) fn new(capacity: usize) -> Self {
        let mut encoder = Self(Vec::with_capacity(capacity));
        encoder.uint(VERSION);
        encoder
    }

    pub(super) fn done(self) -> Vec<u8> {
        self.0
    }

    pub(super) fn uint(&mut self, value: u64) {
        // Writing into memory cannot fail.
        let _written = encode::write_uint(&mut self.0, value);
    }

    fn int(&mut self, value: i64) {
        let _written = encode::write_sint(&mut self.0, value);
    }

    fn nil(&mut self) {
        let _written = encode::write_nil(&mut self.0);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let _written = encode::write_bin(&mut self.0, bytes);
    }

    fn len(&mut self, len: usize) {
        self.uint(len as u64);
    }

    fn time(&mut self, time: Option<Timestamp>) {
        match time {
            Some(time) => self.int(time.0),
            None => self.nil(),
        }
    }

    fn maybe_uint(&mut self, value: Option<u64>) {
        match value {
            Some(value) => self.uint(value),
            None => self.nil(),
        }
    }

    fn key(&mut self, key: &Key) {
        self.bytes(&key_bytes(key));
    }

    pub(super) fn counter(&mut self, counter: &Counter) {
        self.uint(counter.used);
        self.int(counter.keep_until.0);
    }

    pub(super) fn register(&mut self, register: &Register) {
        self.int(register.setting.value);
        self.uint(register.setting.event);
        self.int(register.keep_until.0);
    }

    pub(super) fn balance(&mut self, balance: &Balance) {
        self.uint(balance.earned);
        self.uint(balance.taken);
        self.uint(balance.lapsed);
        self.uint(balance.debt);
        self.len(balance.lots.len());
        for lot in &balance.lots {
            self.uint(lot.amount);
            self.time(lot.expires);
            self.time(lot.spendable_from);
        }
    }

    pub(super) fn receipt(&mut self, receipt: &Receipt) {
        self.uint(receipt.fingerprint);
        self.uint(state_number(receipt.state));
        self.uint(receipt.size);
        self.uint(receipt.confirmed);
        self.uint(receipt.released);
        self.uint(receipt.gone);
        self.time(receipt.until);
        self.time(receipt.first_until);
        self.int(receipt.at.0);
        self.uint(receipt.event);
        self.confirm(receipt.confirm.as_ref());
        self.len(receipt.legs.len());
        for leg in &receipt.legs {
            self.leg(leg);
        }
        for result in &receipt.results {
            self.result(result);
        }
        self.bytes(&receipt.note);
        self.len(receipt.releases.len());
        for release in &receipt.releases {
            self.release(release);
        }
    }

    fn confirm(&mut self, confirm: Option<&Confirmed>) {
        let Some(confirm) = confirm else { return self.nil() };
        self.part(confirm.part);
        self.int(confirm.at.0);
        self.uint(confirm.event);
        self.standings(&confirm.after);
    }

    fn release(&mut self, release: &Released) {
        self.bytes(&release.id.0);
        self.part(release.part);
        self.uint(release.given);
        self.int(release.at.0);
        self.uint(release.event);
        self.uint(release.lapsed);
        self.uint(release.short);
        self.standings(&release.after);
        let Some(credit) = &release.credit else { return self.nil() };
        let (leg, result) = &**credit;
        self.leg(leg);
        self.result(result);
    }

    fn standings(&mut self, standings: &[u64]) {
        self.len(standings.len());
        for standing in standings {
            self.uint(*standing);
        }
    }

    /// Zero is "all": no part is empty. Legs stand behind the sign for their absence.
    fn part(&mut self, part: Part) {
        match part {
            Part::All => self.uint(0),
            Part::Of(part) => self.uint(part),
            Part::Legs(legs) => {
                self.nil();
                self.uint(legs);
            }
        }
    }

    fn leg(&mut self, leg: &Leg) {
        match leg {
            Leg::Count { key, n, max, keep_until } => {
                self.uint(0);
                self.key(key);
                self.uint(*n);
                self.uint(*max);
                self.time(*keep_until);
            }
            Leg::Once { marker, key, n, max, keep_until, counter_keep_until } => {
                self.uint(1);
                self.key(marker);
                self.key(key);
                self.uint(*n);
                self.uint(*max);
                self.time(*keep_until);
                self.time(*counter_keep_until);
            }
            Leg::Interval { key, min_ms, mark } => {
                self.uint(2);
                self.key(key);
                self.int(*min_ms);
                self.uint(u64::from(*mark == Mark::First));
            }
            Leg::Zone { key, from, from_unset, to, keep_until } => {
                self.uint(3);
                self.key(key);
                self.uint(*from);
                self.uint(u64::from(*from_unset == Unset::Passes));
                self.uint(*to);
                self.time(*keep_until);
            }
            Leg::Spend { key, amount, take, opening } => {
                self.uint(4);
                self.key(key);
                self.uint(*amount);
                self.uint(u64::from(*take == Take::UpTo));
                self.opening(opening.as_ref());
            }
            Leg::Earn {
                key,
                amount,
                lot_expires,
                spendable_from,
                cap,
                at_cap,
                claw_back,
                opening,
            } => {
                self.uint(5);
                self.key(key);
                self.uint(*amount);
                self.time(*lot_expires);
                self.time(*spendable_from);
                self.maybe_uint(*cap);
                self.uint(u64::from(*at_cap == AtCap::Clamp));
                self.uint(u64::from(*claw_back == ClawBack::Debt));
                self.opening(opening.as_ref());
            }
        }
    }

    fn opening(&mut self, opening: Option<&Opening>) {
        let Some(opening) = opening else { return self.nil() };
        self.uint(opening.amount);
        self.time(opening.expires);
    }

    fn result(&mut self, result: &LegResult) {
        self.uint(result.amount);
        self.uint(result.after);
        match result.before {
            Some(before) => {
                self.int(before.value);
                self.uint(before.event);
            }
            None => self.nil(),
        }
        self.len(result.lots.len());
        for lot in &result.lots {
            self.uint(lot.amount);
            self.time(lot.expires);
            self.time(lot.spendable_from);
        }
    }

    /// `others` are the owners of those events, by number, that concern others than they changed.
    pub(super) fn events(&mut self, events: &[Event], others: &[(u64, Owners)]) {
        self.len(events.len());
        for event in events {
            self.uint(event.number);
            self.int(event.at.0);
            self.uint(kind_number(event.kind));
            self.bytes(&event.id.0);
            self.len(event.changes.len());
            for change in &event.changes {
                self.change(change);
            }
        }
        self.len(others.len());
        for (number, owners) in others {
            self.uint(*number);
            self.len(owners.len());
            for owner in owners {
                self.bytes(&owner.0);
            }
        }
    }

    fn change(&mut self, change: &Change) {
        match change {
            Change::Is(Record::Counter(key, counter), held) => {
                self.uint(0);
                self.key(key);
                self.counter(counter);
                self.uint(*held);
            }
            Change::Is(Record::Register(key, register), held) => {
                self.uint(1);
                self.key(key);
                self.register(register);
                self.uint(*held);
            }
            Change::Is(Record::Balance(key, balance), held) => {
                self.uint(2);
                self.key(key);
                self.balance(balance);
                self.uint(*held);
            }
            Change::Gone(slot) => {
                self.uint(match slot {
                    Slot::Counter(_) => 3,
                    Slot::Register(_) => 4,
                    Slot::Balance(_) => 5,
                });
                self.key(&slot.key());
            }
        }
    }

    pub(super) fn numbers(&mut self, numbers: impl ExactSizeIterator<Item = u64>) {
        self.len(numbers.len());
        for number in numbers {
            self.uint(number);
        }
    }
}

/// Reads records.
pub(super) struct Decoder<'a> {
    rest: &'a [u8],
    version: u64,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Decoded<Self> {
        let mut decoder = Self { rest: bytes, version: VERSION };
        decoder.version = decoder.uint()?;
        match decoder.version {
            VERSION_FIRST..=VERSION => Ok(decoder),
            other => Err(format!("it has version {other}, known is {VERSION}")),
        }
    }

    /// Something that versions before `version` do not have.
    fn since<T: Default>(
        &mut self,
        version: u64,
        read: impl FnOnce(&mut Self) -> Decoded<T>,
    ) -> Decoded<T> {
        if self.version >= version { read(self) } else { Ok(T::default()) }
    }

    pub(super) fn uint(&mut self) -> Decoded<u64> {
        decode::read_int(&mut self.rest).map_err(|error| error.to_string())
    }

    fn int(&mut self) -> Decoded<i64> {
        decode::read_int(&mut self.rest).map_err(|error| error.to_string())
    }

    /// Takes a `nil`, if one is next.
    fn nil(&mut self) -> bool {
        let Some((&0xc0, rest)) = self.rest.split_first() else { return false };
        self.rest = rest;
        true
    }

    /// A length of at most `most`, so that damage cannot ask for memory.
    fn len(&mut self, most: usize) -> Decoded<usize> {
        let len = self.uint()?;
        usize::try_from(len)
            .ok()
            .filter(|len| *len <= most)
            .ok_or_else(|| format!("a length is {len}, at most {most} is possible"))
    }

    fn bytes(&mut self, most: usize) -> Decoded<&'a [u8]> {
        let len = decode::read_bin_len(&mut self.rest).map_err(|error| error.to_string())?;
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if len > most || len > self.rest.len() {
            return Err(format!("{len} bytes are announced, {} are there", self.rest.len()));
        }
        let (bytes, rest) = self.rest.split_at(len);
        self.rest = rest;
        Ok(bytes)
    }

    fn id(&mut self) -> Decoded<PostingId> {
        let bytes = self.bytes(16)?;
        let bytes =
            <[u8; 16]>::try_from(bytes).map_err(|_short| "an id is too short".to_owned())?;
        Ok(PostingId(bytes))
    }

    fn time(&mut self) -> Decoded<Option<Timestamp>> {
        Ok(self.maybe_int()?.map(Timestamp))
    }

    fn maybe_int(&mut self) -> Decoded<Option<i64>> {
        if self.nil() { Ok(None) } else { self.int().map(Some) }
    }

    fn maybe_uint(&mut self) -> Decoded<Option<u64>> {
        if self.nil() { Ok(None) } else { self.uint().map(Some) }
    }

    fn flag(&mut self) -> Decoded<bool> {
        match self.uint()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(format!("a flag is {other}")),
        }
    }

    fn key(&mut self) -> Decoded<Key> {
        key_from(self.bytes(KEY_BYTES)?)
    }

    fn many<T, C: FromIterator<T>>(
        &mut self,
        most: usize,
        one: impl Fn(&mut Self) -> Decoded<T>,
    ) -> Decoded<C> {
        let len = self.len(most)?;
        (0..len).map(|_| one(self)).collect()
    }

    pub(super) fn counter(&mut self) -> Decoded<Counter> {
        Ok(Counter { used: self.uint()?, keep_until: Timestamp(self.int()?) })
    }

    pub(super) fn register(&mut self) -> Decoded<Register> {
        let setting = Setting { value: self.int()?, event: self.uint()? };
        Ok(Register { setting, keep_until: Timestamp(self.int()?) })
    }

    pub(super) fn balance(&mut self) -> Decoded<Balance> {
        let (earned, taken, lapsed) = (self.uint()?, self.uint()?, self.uint()?);
        let debt = self.since(2, Self::uint)?;
        // What is given back can make more lots than may be earned.
        let most = self.rest.len();
        let lots = self.many(most, |decoder| {
            let (amount, expires) = (decoder.uint()?, decoder.time()?);
            Ok(Lot { amount, expires, spendable_from: decoder.since(2, Self::time)? })
        })?;
        let balance = Balance { lots, earned, taken, lapsed, debt };
        check_balance(&balance)?;
        Ok(balance)
    }

    pub(super) fn receipt(&mut self, id: PostingId) -> Decoded<Receipt> {
        let fingerprint = self.uint()?;
        let state = state_of(self.uint()?)?;
        let (size, confirmed, released) = (self.uint()?, self.uint()?, self.uint()?);
        let gone = self.since(2, Self::uint)?;
        let (until, first_until) = (self.time()?, self.time()?);
        let at = Timestamp(self.int()?);
        let event = self.uint()?;
        let confirm = self.confirm()?;
        let legs: SmallVec<[Leg; 2]> = self.many(LEGS_MAX, Self::leg)?;
        let results = (0..legs.len()).map(|_| self.result()).collect::<Decoded<_>>()?;
        let note = self.bytes(NOTE_BYTES_MAX)?.into();
        let releases = self.many(RELEASES_MAX, Self::release)?;
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
        check_receipt(&receipt)?;
        Ok(receipt)
    }

    fn confirm(&mut self) -> Decoded<Option<Confirmed>> {
        if self.nil() {
            return Ok(None);
        }
        let part = self.part()?;
        let at = Timestamp(self.int()?);
        Ok(Some(Confirmed { part, at, event: self.uint()?, after: self.standings()? }))
    }

    fn release(&mut self) -> Decoded<Released> {
        Ok(Released {
            id: self.id()?,
            part: self.part()?,
            given: self.uint()?,
            at: Timestamp(self.int()?),
            event: self.uint()?,
            lapsed: self.uint()?,
            short: self.uint()?,
            after: self.standings()?,
            credit: self.since(2, Self::credit)?,
        })
    }

    fn credit(&mut self) -> Decoded<Option<Box<(Leg, LegResult)>>> {
        if self.nil() {
            return Ok(None);
        }
        Ok(Some(Box::new((self.leg()?, self.result()?))))
    }

    fn standings(&mut self) -> Decoded<SmallVec<[u64; 2]>> {
        self.many(LEGS_MAX, Self::uint)
    }

    fn part(&mut self) -> Decoded<Part> {
        if self.nil() {
            return Ok(Part::Legs(self.uint()?));
        }
        Ok(match self.uint()? {
            0 => Part::All,
            part => Part::Of(part),
        })
    }

    fn leg(&mut self) -> Decoded<Leg> {
        Ok(match self.uint()? {
            0 => Leg::Count {
                key: self.key()?,
                n: self.uint()?,
                max: self.uint()?,
                keep_until: self.time()?,
            },
            1 => Leg::Once {
                marker: self.key()?,
                key: self.key()?,
                n: self.uint()?,
                max: self.uint()?,
                keep_until: self.time()?,
                counter_keep_until: self.since(3, Self::time)?,
            },
            2 => Leg::Interval {
                key: self.key()?,
                min_ms: self.int()?,
                mark: if self.flag()? { Mark::First } else { Mark::Last },
            },
            3 => Leg::Zone {
                key: self.key()?,
                from: self.uint()?,
                from_unset: if self.flag()? { Unset::Passes } else { Unset::Fails },
                to: self.uint()?,
                keep_until: self.time()?,
            },
            4 => Leg::Spend {
                key: self.key()?,
                amount: self.uint()?,
                take: if self.flag()? { Take::UpTo } else { Take::Exact },
                opening: self.opening()?,
            },
            5 => Leg::Earn {
                key: self.key()?,
                amount: self.uint()?,
                lot_expires: self.time()?,
                spendable_from: self.since(2, Self::time)?,
                cap: self.maybe_uint()?,
                at_cap: if self.flag()? { AtCap::Clamp } else { AtCap::Refuse },
                claw_back: match self.since(2, Self::flag)? {
                    true => ClawBack::Debt,
                    false => ClawBack::Floor,
                },
                opening: self.opening()?,
            },
            other => return Err(format!("a leg has kind {other}")),
        })
    }

    fn opening(&mut self) -> Decoded<Option<Opening>> {
        if self.nil() {
            return Ok(None);
        }
        Ok(Some(Opening { amount: self.uint()?, expires: self.time()? }))
    }

    fn result(&mut self) -> Decoded<LegResult> {
        let (amount, after) = (self.uint()?, self.uint()?);
        let before = match self.maybe_int()? {
            Some(value) => Some(Setting { value, event: self.uint()? }),
            None => None,
        };
        let most = self.rest.len();
        let lots = self.many(most, |decoder| {
            let (amount, expires) = (decoder.uint()?, decoder.time()?);
            Ok(LotPart { amount, expires, spendable_from: decoder.since(2, Self::time)? })
        })?;
        Ok(LegResult { amount, after, lots, before })
    }

    /// Events, and the owners of those that concern others than they changed.
    pub(super) fn events(&mut self) -> Decoded<(Vec<Event>, HashMap<u64, Owners>)> {
        // A block holds the events of one commit, each of several bytes.
        let most = self.rest.len();
        let events = self.many(most, |decoder| {
            Ok(Event {
                number: decoder.uint()?,
                at: Timestamp(decoder.int()?),
                kind: kind_of(decoder.uint()?)?,
                id: decoder.id()?,
                changes: decoder.many(most, Self::change)?,
            })
        })?;
        let others = self.since(4, |decoder| decoder.many(most, Self::others))?;
        Ok((events, others))
    }

    fn others(&mut self) -> Decoded<(u64, Owners)> {
        let number = self.uint()?;
        // As many as there can be legs and credits, each of several bytes.
        let most = self.rest.len();
        Ok((number, self.many(most, |decoder| decoder.id().map(|id| Owner(id.0)))?))
    }

    fn change(&mut self) -> Decoded<Change> {
        let kind = self.uint()?;
        let key = self.key()?;
        let record = match kind {
            0 => Record::Counter(key, self.counter()?),
            1 => Record::Register(key, self.register()?),
            2 => Record::Balance(key, self.balance()?),
            3 => return Ok(Change::Gone(Slot::Counter(key))),
            4 => return Ok(Change::Gone(Slot::Register(key))),
            5 => return Ok(Change::Gone(Slot::Balance(key))),
            other => return Err(format!("a change has kind {other}")),
        };
        Ok(Change::Is(record, self.uint()?))
    }

    pub(super) fn numbers(&mut self) -> Decoded<Vec<u64>> {
        let most = self.rest.len();
        self.many(most, Self::uint)
    }

    /// Nothing may follow.
    pub(super) fn end(self) -> Decoded<()> {
        match self.rest.len() {
            0 => Ok(()),
            more => Err(format!("{more} bytes too many")),
        }
    }
}

/// Lots + taken + lapsed = earned + debt, or money would come from nowhere.
fn check_balance(balance: &Balance) -> Decoded<()> {
    let Balance { lots, earned, taken, lapsed, debt } = balance;
    let sum = lots.iter().try_fold(*taken, |sum, lot| sum.checked_add(lot.amount));
    match sum.and_then(|sum| sum.checked_add(*lapsed)) {
        Some(sum) if Some(sum) == earned.checked_add(*debt) => Ok(()),
        _ => Err(format!("a balance does not add up to the {earned} that came in")),
    }
}

/// Nothing can be given back that was not taken.
fn check_receipt(receipt: &Receipt) -> Decoded<()> {
    let Receipt { size, confirmed, released, .. } = receipt;
    if confirmed.max(released) > size {
        return Err(format!("of {size} parts, {confirmed} are confirmed, {released} released"));
    }
    for (leg, result) in receipt.legs.iter().zip(&receipt.results) {
        let most = match leg {
            Leg::Count { n, .. } | Leg::Once { n, .. } => *n,
            Leg::Spend { amount, .. } | Leg::Earn { amount, .. } => *amount,
            Leg::Interval { .. } | Leg::Zone { .. } => 1,
        };
        let lots = result.lots.iter().try_fold(0_u64, |sum, lot| sum.checked_add(lot.amount));
        let is_spend = matches!(leg, Leg::Spend { .. });
        if result.amount > most || (is_spend && lots != Some(result.amount)) {
            return Err(format!("a leg of {most} took {}", result.amount));
        }
    }
    Ok(())
}

fn state_number(state: State) -> u64 {
    match state {
        State::Held => 0,
        State::Redeemed => 1,
        State::Released => 2,
        State::Expired => 3,
    }
}

fn state_of(number: u64) -> Decoded<State> {
    Ok(match number {
        0 => State::Held,
        1 => State::Redeemed,
        2 => State::Released,
        3 => State::Expired,
        other => return Err(format!("a state is {other}")),
    })
}

fn kind_number(kind: EventKind) -> u64 {
    match kind {
        EventKind::Redeemed => 0,
        EventKind::Held => 1,
        EventKind::Confirmed => 2,
        EventKind::Released => 3,
        EventKind::Extended => 4,
        EventKind::Expired => 5,
        EventKind::Followed => 6,
    }
}

fn kind_of(number: u64) -> Decoded<EventKind> {
    Ok(match number {
        0 => EventKind::Redeemed,
        1 => EventKind::Held,
        2 => EventKind::Confirmed,
        3 => EventKind::Released,
        4 => EventKind::Extended,
        5 => EventKind::Expired,
        6 => EventKind::Followed,
        other => return Err(format!("an event has kind {other}")),
    })
}
