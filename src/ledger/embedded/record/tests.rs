//! Records of all versions.
#![expect(clippy::unwrap_used, reason = "a failed one is a failed test")]

use rmp::encode;
use smallvec::smallvec;

use super::{Decoder, Encoder, key_bytes};
use crate::domain::book::{Balance, Change, Event, EventKind, Lot, Record};
use crate::domain::id::{Owner, PostingId};
use crate::domain::posting::{
    AtCap, ClawBack, Facet, Key, Leg, LegResult, LotPart, Part, Receipt, Released, State, Take,
};
use crate::domain::time::Timestamp;

const KEY: Key = Key { owner: Owner([7; 16]), facet: Facet(9) };
const ID: PostingId = PostingId([1; 16]);

#[derive(Clone, Copy)]
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Nil,
}

use Value::{Bytes, Nil, Number};

/// A record as the first version wrote it.
fn first(values: &[Value<'_>]) -> Vec<u8> {
    of_version(1, values)
}

fn of_version(version: u8, values: &[Value<'_>]) -> Vec<u8> {
    let mut bytes = vec![version];
    for value in values {
        match value {
            Number(number) => drop(encode::write_uint(&mut bytes, *number).unwrap()),
            Bytes(content) => encode::write_bin(&mut bytes, content).unwrap(),
            Nil => encode::write_nil(&mut bytes).unwrap(),
        }
    }
    bytes
}

fn earn(spendable_from: Option<Timestamp>, claw_back: ClawBack) -> Leg {
    Leg::Earn {
        key: KEY,
        amount: 10,
        lot_expires: Some(Timestamp(90)),
        spendable_from,
        cap: None,
        at_cap: AtCap::Clamp,
        claw_back,
        opening: None,
    }
}

fn receipt() -> Receipt {
    let spend = Leg::Spend { key: KEY, amount: 4, take: Take::Exact, opening: None };
    let lots = smallvec![LotPart { amount: 4, expires: Some(Timestamp(90)), spendable_from: None }];
    let release = Released {
        id: PostingId([2; 16]),
        part: Part::Of(3),
        given: 3,
        at: Timestamp(6),
        event: 2,
        lapsed: 0,
        short: 1,
        after: smallvec![8, 8],
        credit: None,
    };
    Receipt {
        id: ID,
        fingerprint: 5,
        state: State::Redeemed,
        size: 4,
        confirmed: 4,
        released: 3,
        gone: 0,
        until: None,
        first_until: None,
        at: Timestamp(3),
        event: 1,
        confirm: None,
        legs: smallvec![earn(None, ClawBack::Floor), spend],
        results: smallvec![
            LegResult { amount: 10, after: 10, ..LegResult::default() },
            LegResult { amount: 4, after: 6, lots, before: None },
        ],
        note: Box::default(),
        releases: smallvec![release],
    }
}

fn balance(debt: u64, spendable_from: Option<Timestamp>) -> Balance {
    let lot = Lot { amount: 4, expires: Some(Timestamp(90)), spendable_from };
    let lots = if debt > 0 { smallvec![] } else { smallvec![lot] };
    let earned = if debt > 0 { 0 } else { 9 };
    Balance { lots, earned, taken: 5, lapsed: 0, debt }
}

fn event(balance: Balance) -> Event {
    let changes = smallvec![Change::Is(Record::Balance(KEY, balance), 3)];
    Event { number: 1, at: Timestamp(3), kind: EventKind::Redeemed, id: ID, changes }
}

#[test]
fn records_of_the_first_version_say_nothing_of_what_came_later() {
    let key = key_bytes(&KEY);
    let bytes = first(&[Number(9), Number(5), Number(0), Number(1), Number(4), Number(90)]);
    let mut decoder = Decoder::new(&bytes).unwrap();
    assert_eq!(decoder.balance().unwrap(), balance(0, None));
    decoder.end().unwrap();

    let head = [Number(5), Number(1), Number(4), Number(4), Number(3), Nil, Nil, Number(3)];
    let legs = [Number(1), Nil, Number(2), Number(5), Bytes(&key), Number(10), Number(90), Nil];
    let more = [Number(1), Nil, Number(4), Bytes(&key), Number(4), Number(0), Nil];
    let results = [Number(10), Number(10), Nil, Number(0), Number(4), Number(6), Nil, Number(1)];
    let rest = [Number(4), Number(90), Bytes(&[]), Number(1), Bytes(&[2; 16]), Number(3)];
    let release = [Number(3), Number(6), Number(2), Number(0), Number(1), Number(2), Number(8)];
    let all = head.into_iter().chain(legs).chain(more).chain(results).chain(rest).chain(release);
    let bytes = first(&all.chain([Number(8)]).collect::<Vec<_>>());
    let mut decoder = Decoder::new(&bytes).unwrap();
    assert_eq!(decoder.receipt(ID).unwrap(), receipt());
    decoder.end().unwrap();

    let head = [Number(1), Number(1), Number(3), Number(0), Bytes(&ID.0), Number(1), Number(2)];
    let change = [Bytes(&key), Number(9), Number(5), Number(0), Number(1), Number(4), Number(90)];
    let all = head.into_iter().chain(change).chain([Number(3)]);
    let mut decoder_bytes = first(&all.collect::<Vec<_>>());
    let mut decoder = Decoder::new(&decoder_bytes).unwrap();
    assert_eq!(decoder.events().unwrap().0, [event(balance(0, None))]);
    decoder.end().unwrap();

    decoder_bytes.pop();
    let mut cut = Decoder::new(&decoder_bytes).unwrap();
    assert!(cut.events().is_err());
}

fn once(counter_keep_until: Option<Timestamp>) -> Receipt {
    let (marker, keep_until) = (Key { facet: Facet(8), ..KEY }, Some(Timestamp(20)));
    let mut receipt = receipt();
    (receipt.size, receipt.confirmed, receipt.released) = (1, 1, 0);
    receipt.legs =
        smallvec![Leg::Once { marker, key: KEY, n: 1, max: 4, keep_until, counter_keep_until }];
    receipt.results = smallvec![LegResult { amount: 1, after: 1, ..LegResult::default() }];
    receipt.releases.clear();
    receipt
}

#[test]
fn before_the_third_version_counters_behind_markers_have_no_end() {
    let (marker, key) = (key_bytes(&Key { facet: Facet(8), ..KEY }), key_bytes(&KEY));
    let head = [Number(5), Number(1), Number(1), Number(1), Number(0)];
    let gone = [Number(0)];
    let more = [Nil, Nil, Number(3), Number(1), Nil, Number(1)];
    let leg = [Number(1), Bytes(&marker), Bytes(&key), Number(1), Number(4), Number(20)];
    let rest = [Number(1), Number(1), Nil, Number(0), Bytes(&[]), Number(0)];
    for version in [1, 2] {
        let gone = gone.iter().filter(|_| version > 1).copied();
        let all = head.into_iter().chain(gone).chain(more).chain(leg).chain(rest);
        let bytes = of_version(version, &all.collect::<Vec<_>>());
        let mut decoder = Decoder::new(&bytes).unwrap();
        assert_eq!(decoder.receipt(ID).unwrap(), once(None));
        decoder.end().unwrap();
    }
    for counter_keep_until in [None, Some(Timestamp(40))] {
        let mut encoder = Encoder::new(0);
        encoder.receipt(&once(counter_keep_until));
        let bytes = encoder.done();
        let mut decoder = Decoder::new(&bytes).unwrap();
        assert_eq!(decoder.receipt(ID).unwrap(), once(counter_keep_until));
        decoder.end().unwrap();
    }
}

#[test]
fn what_is_written_is_read() {
    let mut receipt = receipt();
    receipt.gone = 1 << 1;
    receipt.legs = receipt.legs.iter().cloned().rev().collect();
    receipt.results.reverse();
    let from = Some(Timestamp(50));
    for result in &mut receipt.results {
        result.lots.iter_mut().for_each(|lot| lot.spendable_from = from);
    }
    let credit = (earn(from, ClawBack::Debt), LegResult { amount: 7, ..LegResult::default() });
    for release in &mut receipt.releases {
        (release.part, release.credit) = (Part::Legs(u64::MAX), Some(Box::new(credit.clone())));
    }
    receipt.legs.push(credit.0);
    receipt.results.push(credit.1);
    let mut encoder = Encoder::new(0);
    encoder.receipt(&receipt);
    let bytes = encoder.done();
    let mut decoder = Decoder::new(&bytes).unwrap();
    assert_eq!(decoder.receipt(ID).unwrap(), receipt);
    decoder.end().unwrap();

    let mut events = vec![event(balance(5, None)), event(balance(0, from))];
    // What is given back can make more lots than may be earned.
    let lots =
        (0..300).map(|end| Lot { amount: 1, expires: Some(Timestamp(end)), spendable_from: None });
    events.push(event(Balance { lots: lots.collect(), earned: 300, ..Balance::default() }));
    let mut encoder = Encoder::new(0);
    let others = [(2, smallvec![]), (3, smallvec![KEY.owner, Owner([8; 16])])];
    encoder.events(&events, &others);
    let bytes = encoder.done();
    let mut decoder = Decoder::new(&bytes).unwrap();
    assert_eq!(decoder.events().unwrap(), (events, others.into_iter().collect()));
    decoder.end().unwrap();
}
