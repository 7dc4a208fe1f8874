//! The wire: each message that travels often, to bytes and back, beside rmp-serde.
//!
//! Both write the same frames, length included, and read into types with the same fields. Ours also
//! checks lengths and limits, takes nil for what is absent, and passes over what a newer side says.

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion};
use jeton::protocol::{HEADER_LEN, Reply, Request};
use serde::Serialize;
use smallvec::smallvec;

use crate::messages::{self, AT_MS, CODE, DEADLINE_MS, ID, RELEASE_ID};
use crate::mirror::{self, Details, Few, Id, Line, Order};

/// The sequence number of every message here.
const SEQ: u32 = 1;

type Group<'a> = BenchmarkGroup<'a, WallTime>;

pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("codec");
    requests(&mut group);
    replies(&mut group);
    group.finish();
}

fn requests(group: &mut Group<'_>) {
    let (seq, deadline_ms) = (SEQ, DEADLINE_MS);
    let (id, codes) = (|| Id(ID.0), || Few(smallvec![CODE]));
    let (order, options) = (cart(), None);
    let (exact, explain) = (false, false);
    let validate = mirror::Validate {
        kind: 1,
        seq,
        deadline_ms,
        codes: codes(),
        order,
        exact,
        explain,
        options,
    };
    let order = Order { gate: Some("north-1"), ..Order::default() };
    let redeem =
        mirror::Redeem { kind: 2, seq, deadline_ms, id: id(), codes: codes(), order, options };
    let (order, ttl_ms) = (cart(), 900_000);
    let hold = mirror::Hold {
        kind: 3,
        seq,
        deadline_ms,
        id: id(),
        codes: codes(),
        order,
        ttl_ms,
        options,
    };
    let confirm = mirror::Confirm { kind: 4, seq, deadline_ms, id: id(), part: 0 };
    let (release_id, codes) = (Id(RELEASE_ID.0), Few::default());
    let release =
        mirror::Release { kind: 5, seq, deadline_ms, release_id, id: id(), part: 0, codes };
    let pairs = [
        ("validate", messages::validate(), mirror::Request::Validate(validate)),
        ("redeem", messages::redeem(), mirror::Request::Redeem(redeem)),
        ("hold", messages::hold(), mirror::Request::Hold(hold)),
        ("confirm", messages::confirm(), mirror::Request::Confirm(confirm)),
        ("release", messages::release(), mirror::Request::Release(release)),
    ];
    for (name, ours, theirs) in pairs {
        let body = &encode(group, name, &theirs, |out| black_box(&ours).encode(SEQ, out).unwrap());
        decode(
            group,
            name,
            || Request::decode(black_box(body)).unwrap(),
            || rmp_serde::from_slice::<mirror::Request<'_>>(black_box(body)).unwrap(),
        );
    }
}

/// What a shop says while the customer types.
fn cart() -> Order<'static> {
    let line = |product, quantity, amount_minor| Line {
        product,
        category: "day",
        quantity,
        amount_minor,
        ..Line::default()
    };
    Order {
        customer: Some("c-4711"),
        channel: Some("web"),
        currency: Some("EUR"),
        total_minor: Some(9_700),
        lines: Some(Few(smallvec![line("ticket", 2, 6_400), line("meal", 3, 3_300)])),
        ..Order::default()
    }
}

fn replies(group: &mut Group<'_>) {
    let season = mirror::Use {
        campaign: "season-2026",
        version: 3,
        kind: 2,
        units: 1,
        ordinal: 41_207,
        remaining: Some(58_793),
        ..mirror::Use::default()
    };
    let accepted = mirror::Accepted {
        kind: 129,
        seq: SEQ,
        state: 2,
        id: Some(Id(ID.0)),
        event: 41_207,
        at_ms: AT_MS,
        size: 1,
        live: 1,
        uses: Few(smallvec![season]),
        ..mirror::Accepted::default()
    };
    let details = Details {
        scope: Some("code"),
        limit: Some("uses"),
        used: Some(1),
        held: Some(0),
        max: Some(1),
        last_used_ms: Some(AT_MS),
        last_gate: Some("north-1"),
        ..Details::default()
    };
    let refused = mirror::Refused {
        kind: 190,
        seq: SEQ,
        number: 170,
        reason: "already_redeemed",
        details,
        ..mirror::Refused::default()
    };
    let pairs = [
        ("accepted", messages::accepted(), mirror::Reply::Accepted(accepted)),
        ("refused", messages::refused(), mirror::Reply::Refused(refused)),
    ];
    for (name, ours, theirs) in pairs {
        let body = &encode(group, name, &theirs, |out| black_box(&ours).encode(SEQ, out).unwrap());
        decode(
            group,
            name,
            || Reply::decode(black_box(body)).unwrap(),
            || rmp_serde::from_slice::<mirror::Reply<'_>>(black_box(body)).unwrap(),
        );
    }
}

/// Gives back the body.
fn encode(
    group: &mut Group<'_>,
    name: &str,
    theirs: &impl Serialize,
    ours: impl Fn(&mut Vec<u8>),
) -> Vec<u8> {
    let theirs = |out: &mut Vec<u8>| {
        out.resize(HEADER_LEN, 0);
        rmp_serde::encode::write(out, black_box(theirs)).unwrap();
        let len = u32::try_from(out.len() - HEADER_LEN).unwrap();
        *out.first_chunk_mut().unwrap() = len.to_be_bytes();
    };
    let (mut one, mut other) = (Vec::with_capacity(1_024), Vec::with_capacity(1_024));
    ours(&mut one);
    theirs(&mut other);
    assert_eq!(one, other, "{name}");
    let mut row = |side, write: &dyn Fn(&mut Vec<u8>)| {
        group.bench_function(BenchmarkId::new(format!("encode {name}"), side), |bench| {
            bench.iter(|| {
                one.clear();
                write(&mut one);
            });
        });
    };
    row("jeton", &ours);
    row("rmp-serde", &theirs);
    other.split_off(HEADER_LEN)
}

fn decode<R, S>(group: &mut Group<'_>, name: &str, ours: impl Fn() -> R, theirs: impl Fn() -> S) {
    let name = format!("decode {name}");
    group.bench_function(BenchmarkId::new(&name, "jeton"), |bench| bench.iter(&ours));
    group.bench_function(BenchmarkId::new(&name, "rmp-serde"), |bench| bench.iter(&theirs));
}
