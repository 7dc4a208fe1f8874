//! Nodes, Redis and the way between them break while clients redeem: nothing is over, nothing is
//! lost, and the nodes go on by themselves.
//!
//! `JETON_TEST_ROUNDS` says how often.

use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use jeton::domain::id::PostingId;
use jeton::ledger::redis::Place;
use jeton::ledger::{Answer, Durability, Health, Ledger, LedgerError};
use jeton::testing::posting_id;
use jeton::testing::servers::{Aof, Fault, Proxy, RedisOptions, RedisServer};

use super::executor::{Server, place, wait};
use super::history::{Crowd, Sale, ask, node, rounds, until};
use super::verdict::Row;

pub(super) const PARTITIONS: u16 = 16;

/// A Redis that syncs before each reply, and its place.
pub(super) fn safe() -> (RedisServer, Place) {
    let redis = RedisServer::start(&RedisOptions { aof: Aof::Always, ..RedisOptions::default() });
    let redis = redis.unwrap();
    let place = place(&redis.url(), PARTITIONS);
    (redis, place)
}

pub(super) fn safe_nodes(place: &Place, count: usize) -> Vec<Arc<Ledger>> {
    (0..count).map(|_| node(place, Durability::RedisAofAlways)).collect()
}

/// The same place, by way of a proxy. Silence is noticed soon, so that a test meets it often.
pub(super) fn behind(proxy: &Proxy, place: &Place) -> Place {
    let mut place = place.clone();
    place.remote.target = proxy.url().parse().unwrap();
    place.remote.response_timeout = Duration::from_millis(300);
    place
}

pub(super) fn health(node: &Ledger) -> Health {
    node.health().borrow().clone()
}

#[track_caller]
pub(super) fn wait_until_good(nodes: &[Arc<Ledger>]) -> Duration {
    until("the nodes to be well", || nodes.iter().all(|node| health(node) == Health::Good))
}

/// What one redemption is answered, and after how long.
pub(super) fn one(
    node: &Ledger,
    sale: Sale,
    id: PostingId,
) -> (Result<Answer, LedgerError>, Duration) {
    let begun = Instant::now();
    let answers = wait(ask(node, vec![sale.redemption(id)], sale.deadline_ms));
    (answers.map(|mut answers| answers.remove(0)), begun.elapsed())
}

#[test]
fn three_nodes_sell_exactly_as_many_as_there_are() {
    let server = Server::start();
    let place = place(&server.url, PARTITIONS);
    let nodes: Vec<_> = (0..3).map(|_| node(&place, Durability::RedisAsIs)).collect();
    let sale = Sale { deadline_ms: 30_000, ..Sale::new(10_000) };
    let verdict = Crowd::start(&nodes, sale, 200, 150).judge(0, PARTITIONS);
    verdict.kept().print("three nodes, one code");
    assert_eq!((verdict.row.calls, verdict.row.yes, verdict.row.unknown), (30_000, 10_000, 0));
}

#[test]
fn a_killed_redis_that_syncs_loses_nothing() {
    let mut total = Row::default();
    for _ in 0..rounds() {
        let (mut redis, place) = safe();
        let nodes = safe_nodes(&place, 3);
        let mut crowd = Crowd::start(&nodes, Sale::new(2_000), 48, usize::MAX);
        for kill in 1..=4 {
            crowd.wait_for(kill * 350);
            redis.kill();
            if kill == 2 {
                // A node goes too; its clients ask the others.
                nodes[2].close();
            }
            redis.restart().unwrap();
        }
        crowd.wait_for(1_900);
        crowd.stop();
        wait_until_good(&nodes[..2]);
        total += crowd.judge(5, PARTITIONS).kept();
    }
    total.print("Redis is killed and started again");
    assert!(total.unknown > 0, "no kill was felt");
}

/// Two nodes, one of them over connections to which something happens every so many requests.
fn spoilt(fault: Fault, every: u64, strikes: u64) -> Row {
    let (redis, place) = safe();
    let proxy = Proxy::start(redis.port()).unwrap();
    let mut nodes = safe_nodes(&place, 1);
    nodes.push(node(&behind(&proxy, &place), Durability::RedisAofAlways));
    proxy.set(fault);
    proxy.cut_every(every);
    let mut crowd =
        Crowd::start(&nodes, Sale { deadline_ms: 700, ..Sale::new(1_500) }, 24, usize::MAX);
    crowd.wait_for(1_500);
    until("faults", || proxy.strikes() >= strikes);
    proxy.set(Fault::None);
    crowd.stop();
    wait_until_good(&nodes);
    crowd.judge(proxy.strikes(), PARTITIONS).kept()
}

#[test]
fn connections_that_are_spoilt_lose_nothing() {
    let faults = [
        (Fault::CutAfterRequest, 5, 20),
        (Fault::CutBeforeRequest, 5, 20),
        (Fault::HalfClose, 7, 15),
        (Fault::DelayMs(60), 3, 20),
        (Fault::BlackHole, 11, 3),
    ];
    for (fault, every, strikes) in faults {
        let mut total = Row::default();
        for _ in 0..rounds() {
            total += spoilt(fault, every, strikes);
        }
        total.print(&format!("one request of {every}: {fault:?}"));
    }
}

#[test]
fn a_black_hole_is_answered_in_time_and_left_without_help() {
    let (redis, place) = safe();
    let proxy = Proxy::start(redis.port()).unwrap();
    let nodes = [node(&behind(&proxy, &place), Durability::RedisAofAlways)];
    let sale = Sale { deadline_ms: 250, ..Sale::new(100_000) };
    let mut crowd = Crowd::start(&nodes, sale, 16, usize::MAX);
    crowd.wait_for(100);
    proxy.set(Fault::BlackHole);
    until("the node to be away", || matches!(health(&nodes[0]), Health::Away(_)));
    for nr in 0..20 {
        let (answer, took) = one(&nodes[0], sale, posting_id(&format!("while away {nr}")));
        assert!(matches!(answer, Err(LedgerError::Away(_))), "{answer:?}");
        assert!(took < Duration::from_millis(200), "being away is said after {took:?}");
        sleep(Duration::from_millis(20));
    }
    proxy.set(Fault::None);
    let back = wait_until_good(&nodes);
    assert!(back < Duration::from_secs(2), "back after {back:?}");
    crowd.wait_for_more(100);
    crowd.stop();
    crowd.judge(proxy.strikes(), PARTITIONS).kept().print("a black hole");
}

#[test]
fn a_redis_that_stands_still_loses_nothing() {
    let mut total = Row::default();
    for _ in 0..rounds() {
        let (redis, place) = safe();
        let nodes = safe_nodes(&place, 2);
        let sale = Sale { deadline_ms: 400, ..Sale::new(100_000) };
        let mut crowd = Crowd::start(&nodes, sale, 32, usize::MAX);
        crowd.wait_for(300);
        redis.pause();
        sleep(Duration::from_secs(3));
        for node in &nodes {
            assert!(matches!(health(node), Health::Away(_)), "{:?}", health(node));
            let (answer, took) = one(node, sale, posting_id("while it stands"));
            assert!(matches!(answer, Err(LedgerError::Away(_))), "{answer:?}");
            assert!(took < Duration::from_millis(200), "being away is said after {took:?}");
        }
        redis.resume();
        let back = wait_until_good(&nodes);
        assert!(back < Duration::from_secs(2), "back after {back:?}");
        crowd.wait_for_more(300);
        crowd.stop();
        total += crowd.judge(1, PARTITIONS).kept();
    }
    total.print("Redis stands still for 3 s");
    assert!(total.unknown > 0, "standing still was not felt");
}
