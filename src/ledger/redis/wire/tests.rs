//! What functions kept before lots could wait, balances owe, legs go and releases credit; and what
//! they keep now.
#![expect(clippy::unwrap_used, reason = "a failed one is a failed test")]

use rmp::encode;
use smallvec::smallvec;

use super::{BALANCE, COUNTER, Reader, Writer};
use crate::domain::book::{Balance, Lot, Record};
use crate::domain::id::{Owner, PostingId};
use crate::domain::posting::{
    AtCap, ClawBack, Facet, Key, Leg, LegResult, LotPart, Part, Receipt, Released, State,
};
use crate::domain::time::Timestamp;

const KEY: Key = Key { owner: Owner([7; 16]), facet: Facet(9) };
const ID: PostingId = PostingId([1; 16]);

fn earn(spendable_from: Option<Timestamp>, claw_back: ClawBack) -> Leg {
    Leg::Earn {
        key: KEY,
        amount: 10,
        lot_expires: Some(Timestamp(90)),
        spendable_from,
        cap: Some(30),
        at_cap: AtCap::Refuse,
        claw_back,
        opening: None,
    }
}

fn receipt(leg: Leg) -> Receipt {
    let lots =
        smallvec![LotPart { amount: 10, expires: Some(Timestamp(90)), spendable_from: None }];
    let release = Released {
        id: PostingId([2; 16]),
        part: Part::Of(3),
        given: 3,
        at: Timestamp(6),
        event: 2,
        lapsed: 0,
        short: 1,
        after: smallvec![8],
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
        legs: smallvec![leg],
        results: smallvec![LegResult { amount: 10, after: 10, lots, before: None }],
        note: Box::default(),
        releases: smallvec![release],
    }
}

/// A leg as it was written before.
fn leg_before() -> Vec<u8> {
    let mut legs = Writer::default();
    legs.array(1);
    legs.array(9);
    legs.uint(6);
    legs.entry(BALANCE, &KEY);
    legs.uint(10);
    legs.uint(90);
    legs.uint(30);
    legs.flag(true);
    legs.absent();
    legs.absent();
    legs.done()
}

#[test]
fn a_receipt_of_before_says_nothing_of_what_came_later() {
    let mut out = Writer::default();
    out.array(15);
    out.bytes(&5_u64.to_be_bytes());
    for number in [2, 4, 4, 3] {
        out.uint(number);
    }
    out.absent();
    out.absent();
    out.uint(3);
    out.uint(1);
    out.absent();
    out.bytes(&leg_before());
    out.array(1);
    out.array(4);
    out.uint(10);
    out.uint(10);
    out.array(2);
    out.uint(10);
    out.uint(90);
    out.absent();
    out.bytes(b"");
    out.array(1);
    out.array(8);
    out.bytes(&[2; 16]);
    for number in [3, 3, 6, 2, 0, 1] {
        out.uint(number);
    }
    out.array(1);
    out.uint(8);
    out.array(4);
    out.uint(3);
    out.bytes(&[4; 8]);
    out.array(1);
    out.uint(2);
    out.uint(3);
    let bytes = out.done();
    let mut reader = Reader::new(&bytes);
    let (found, spread) = reader.receipt_and_spread(ID).unwrap();
    assert_eq!(found, receipt(earn(None, ClawBack::Floor)));
    assert!(!spread.unwrap().is_behind());
    assert!(reader.is_empty());
}

#[test]
fn a_counter_behind_a_marker_had_no_end_before() {
    let marker = Key { facet: Facet(8), ..KEY };
    let leg = |counter_keep_until| Leg::Once {
        marker,
        key: KEY,
        n: 1,
        max: 4,
        keep_until: Some(Timestamp(20)),
        counter_keep_until,
    };
    let mut before = Writer::default();
    before.array(8);
    before.uint(2);
    before.entry(COUNTER, &KEY);
    for number in [1, 4, 20] {
        before.uint(number);
    }
    before.entry(COUNTER, &marker);
    let bytes = before.done();
    let mut reader = Reader::new(&bytes);
    assert_eq!(reader.leg().unwrap(), leg(None));
    assert!(reader.is_empty());
    for leg in [leg(None), leg(Some(Timestamp(40)))] {
        let mut out = Writer::default();
        out.leg(&leg);
        let bytes = out.done();
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.leg().unwrap(), leg);
        assert!(reader.is_empty());
    }
}

#[test]
fn an_owner_of_before_says_nothing_of_what_came_later() {
    let mut out = Writer::default();
    out.array(3);
    out.bytes(b"");
    encode::write_map_len(&mut out.0, 1).unwrap();
    let name = [[BALANCE].as_slice(), &KEY.facet.0.to_be_bytes()].concat();
    out.bytes(&name);
    out.array(4);
    for number in [9, 5, 0] {
        out.uint(number);
    }
    out.array(4);
    for number in [1, 90, 3] {
        out.uint(number);
    }
    out.absent();
    out.absent();
    let bytes = out.done();
    let mut reader = Reader::new(&bytes);
    let found = reader.owner_record(KEY.owner).unwrap().records;
    let lot = |amount, expires| Lot { amount, expires, spendable_from: None };
    let lots = smallvec![lot(1, Some(Timestamp(90))), lot(3, None)];
    let balance = Balance { lots, earned: 9, taken: 5, lapsed: 0, debt: 0 };
    assert_eq!(found, [Record::Balance(KEY, balance)]);
    assert!(reader.is_empty());
}

#[test]
fn what_is_written_is_read() {
    let from = Some(Timestamp(50));
    let mut written = receipt(earn(from, ClawBack::Debt));
    written.gone = 1 << 63;
    for lot in written.results.iter_mut().flat_map(|result| &mut result.lots) {
        lot.spendable_from = from;
    }
    let credit = (earn(None, ClawBack::Debt), LegResult { amount: 7, ..LegResult::default() });
    for release in &mut written.releases {
        (release.part, release.credit) = (Part::Legs(u64::MAX), Some(Box::new(credit.clone())));
    }
    let mut out = Writer::default();
    out.receipt(&written);
    let bytes = out.done();
    let mut reader = Reader::new(&bytes);
    assert_eq!(reader.receipt(ID).unwrap(), written);
    assert!(reader.is_empty());

    let lot = Lot { amount: 4, expires: None, spendable_from: from };
    let owed = Balance { taken: 5, debt: 5, ..Balance::default() };
    let waits = Balance { lots: smallvec![lot], earned: 4, ..Balance::default() };
    for balance in [owed, waits] {
        let records = [Record::Balance(KEY, balance)];
        let mut out = Writer::default();
        out.owner(&[ID], &records, &[]);
        let bytes = out.done();
        assert_eq!(Reader::new(&bytes).owner_record(KEY.owner).unwrap().records, records);
    }
}
