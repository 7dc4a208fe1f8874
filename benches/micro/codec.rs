//! The wire: a redemption and its answer, to bytes and back.

use std::hint::black_box;

use criterion::Criterion;
use jeton::protocol::{Accepted, HEADER_LEN, Id, Order, Redeem, Reply, Request, State, Use};
use smallvec::smallvec;

fn redeem() -> Request<&'static str> {
    Request::Redeem(Redeem {
        deadline_ms: 2_000,
        id: Id([7; 16]),
        codes: smallvec!["PARK-7K3M-9QXT"],
        order: Order { gate: Some("north-1"), ..Order::default() },
        ..Redeem::default()
    })
}

fn accepted() -> Reply<&'static str> {
    Reply::Accepted(Accepted {
        state: State::Redeemed,
        id: Some(Id([7; 16])),
        event: 41_207,
        at_ms: 1_781_517_600_000,
        size: 1,
        live: 1,
        uses: smallvec![Use {
            campaign: "season-2026",
            version: 3,
            units: 1,
            ordinal: 41_207,
            remaining: Some(58_793),
            ..Use::default()
        }],
        ..Accepted::default()
    })
}

pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("codec");
    let mut out = Vec::with_capacity(1_024);
    group.bench_function("encode redeem", |bench| {
        let request = redeem();
        bench.iter(|| {
            out.clear();
            black_box(&request).encode(1, &mut out).unwrap();
        });
    });
    let mut out = Vec::with_capacity(1_024);
    group.bench_function("encode accepted", |bench| {
        let reply = accepted();
        bench.iter(|| {
            out.clear();
            black_box(&reply).encode(1, &mut out).unwrap();
        });
    });
    let mut frame = Vec::new();
    redeem().encode(1, &mut frame).unwrap();
    let body = frame.split_off(HEADER_LEN);
    group.bench_function("decode redeem", |bench| {
        bench.iter(|| Request::decode(black_box(&body)).unwrap().0);
    });
    let mut frame = Vec::new();
    accepted().encode(1, &mut frame).unwrap();
    let body = frame.split_off(HEADER_LEN);
    group.bench_function("decode accepted", |bench| {
        bench.iter(|| Reply::decode(black_box(&body)).unwrap().0);
    });
    group.finish();
}
