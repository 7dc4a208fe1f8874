//! Negative controls: the library without one of its guards, and the tests that notice.

use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use jeton::domain::posting::{Command, Outcome, Part};
use jeton::ledger::redis::{Flaw, Place};
use jeton::ledger::{Answer, Durability, Ledger};
use jeton::testing::posting_id;
use jeton::testing::servers::{Fault, Proxy};

use super::executor::{Server, place, wait};
use super::faults::{PARTITIONS, behind, wait_until_good};
use super::fence::yeses;
use super::history::{Crowd, Sale, ask, node, now, standing_of, until};
use super::verdict::Verdict;

/// A Redis with nodes whose library has a flaw.
fn flawed(flaw: Flaw, count: usize) -> (Server, Place, Vec<Arc<Ledger>>) {
    let server = Server::start();
    let place = Place { flaw, ..place(&server.url, PARTITIONS) };
    let nodes = (0..count).map(|_| node(&place, Durability::RedisAsIs)).collect();
    (server, place, nodes)
}

/// How many hear yes after everything was lost.
fn yeses_after_a_flush(flaw: Flaw) -> usize {
    let (server, _, nodes) = flawed(flaw, 2);
    let sale = Sale::new(20);
    let mut crowd = Crowd::start(&nodes, sale, 4, 10);
    crowd.finish();
    server.redis.cli(&["FLUSHALL"]).unwrap();
    yeses(&nodes, sale, &crowd.ids())
}

#[test]
fn a_library_without_the_fence_is_caught() {
    assert_eq!(yeses_after_a_flush(Flaw::None), 0);
    assert!(yeses_after_a_flush(Flaw::NoFence) > 0);
}

fn with_cuts(flaw: Flaw) -> Verdict {
    let (server, place, _) = flawed(flaw, 0);
    let proxy = Proxy::start(server.redis.port()).unwrap();
    let nodes = [node(&behind(&proxy, &place), Durability::RedisAsIs)];
    proxy.set(Fault::CutAfterRequest);
    proxy.cut_every(5);
    let mut crowd = Crowd::start(&nodes, Sale::new(1_000), 8, usize::MAX);
    until("cuts", || proxy.strikes() >= 10);
    proxy.set(Fault::None);
    crowd.stop();
    wait_until_good(&nodes);
    crowd.judge(proxy.strikes(), PARTITIONS)
}

#[test]
fn a_library_without_receipts_is_caught() {
    with_cuts(Flaw::None).kept();
    let verdict = with_cuts(Flaw::NoReceipts);
    assert!(verdict.row.lost > 0, "{verdict:?}");
}

fn sold_out(flaw: Flaw) -> Verdict {
    let (_server, _, nodes) = flawed(flaw, 3);
    Crowd::start(&nodes, Sale::new(100), 20, 10).judge(0, PARTITIONS)
}

#[test]
fn a_library_without_ceilings_is_caught() {
    sold_out(Flaw::None).kept();
    let verdict = sold_out(Flaw::NoCeiling);
    assert!(verdict.row.over > 0, "{verdict:?}");
}

/// How often a hold that is over keeps somebody out.
fn kept_out(flaw: Flaw) -> usize {
    let (_server, _, nodes) = flawed(flaw, 2);
    let sale = Sale::new(1);
    let one =
        |node: &Arc<Ledger>, command| wait(ask(node, vec![command], 1_000)).unwrap().remove(0);
    let mut kept_out = 0;
    // A sweep may be faster than the one who comes next, but not every time.
    for nr in 0..6 {
        let end = now().plus_ms(20);
        let held = one(&nodes[0], sale.hold(posting_id(&format!("held {nr}")), end));
        assert!(matches!(held, Answer::Outcome(Outcome::Done(_))), "{held:?}");
        while now() < end {
            sleep(Duration::from_millis(1));
        }
        let id = posting_id(&format!("next {nr}"));
        match one(&nodes[1], sale.redemption(id)) {
            Answer::Outcome(Outcome::Refused(_)) => kept_out += 1,
            Answer::Outcome(Outcome::Done(_)) => {
                let (part, now) = (Part::All, now());
                one(&nodes[0], Command::Release { id, release_id: id, part, credit: None, now });
            }
            answer => panic!("{answer:?}"),
        }
        until("the hold to be swept", || standing_of(&nodes[0], Sale::hot()).1 == 0);
    }
    kept_out
}

#[test]
fn a_library_that_reclaims_nothing_is_caught() {
    assert_eq!(kept_out(Flaw::None), 0);
    assert!(kept_out(Flaw::NoReclaim) > 0);
}
