//! A Redis that lost what it had, or is another: no node says yes until the data are back.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use jeton::domain::id::PostingId;
use jeton::domain::posting::Outcome;
use jeton::ledger::redis::{Epoch, initialise};
use jeton::ledger::{Answer, Durability, Health, Ledger, LedgerError, OpenError};
use jeton::remote::Remote;
use jeton::testing::posting_id;

use super::executor::wait;
use super::faults::{PARTITIONS, health, safe, safe_nodes, wait_until_good};
use super::history::{Crowd, Sale, ask, options, until};

fn is_fenced(node: &Arc<Ledger>) -> bool {
    matches!(health(node), Health::Fenced(_))
}

#[track_caller]
fn wait_until_fenced(nodes: &[Arc<Ledger>]) -> Duration {
    until("the nodes to be fenced", || nodes.iter().all(is_fenced))
}

/// How often any node says yes when it is asked for `ids` and for ids that nobody has used.
pub(super) fn yeses(nodes: &[Arc<Ledger>], sale: Sale, ids: &[PostingId]) -> usize {
    let fresh = (0..10).map(|nr| posting_id(&format!("never used {nr}")));
    let ids: Vec<PostingId> = ids.iter().copied().chain(fresh).collect();
    let mut yeses = 0;
    for node in nodes {
        let commands = ids.iter().map(|id| sale.redemption(*id)).collect();
        match wait(ask(node, commands, 500)) {
            Ok(answers) => {
                let yes = |answer: &&Answer| {
                    let done =
                        |outcome| matches!(outcome, &Outcome::Done(_) | &Outcome::Replayed(_));
                    matches!(answer, Answer::Outcome(outcome) if done(outcome))
                };
                yeses += answers.iter().filter(yes).count();
            }
            Err(LedgerError::Away(_) | LedgerError::Fenced(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    yeses
}

/// Copies the files of a directory.
fn copy_files(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

#[test]
fn a_redis_that_lost_everything_is_fenced_until_it_is_back() {
    let (mut redis, place) = safe();
    let nodes = safe_nodes(&place, 3);
    let sale = Sale::new(300);
    let mut crowd = Crowd::start(&nodes, sale, 16, 25);
    crowd.finish();
    let ids = crowd.ids();
    let kept = tempfile::tempdir().unwrap();
    let log = redis.dir().join("appendonlydir");
    copy_files(&log, kept.path());

    redis.cli(&["FLUSHALL"]).unwrap();
    // All are idle now: they find out by themselves.
    let took = wait_until_fenced(&nodes);
    assert!(took < Duration::from_secs(1), "fenced after {took:?}");
    assert_eq!(yeses(&nodes, sale, &ids), 0);
    let opened = || Ledger::open(options(&place, Durability::RedisAofAlways)).err();
    assert!(matches!(opened(), Some(OpenError::NotInitialised(_))), "{:?}", opened());

    redis.cli(&["FUNCTION", "FLUSH"]).unwrap();
    redis.cli(&["SCRIPT", "FLUSH"]).unwrap();
    assert_eq!(yeses(&nodes, sale, &ids), 0);
    sleep(Duration::from_secs(1));
    assert!(nodes.iter().all(is_fenced), "without functions, a fence is a fence");

    // Somebody makes a new installation where ours was.
    let remote = Remote::new(place.remote.clone()).unwrap();
    wait(initialise(&remote, Epoch([8; 16]), PARTITIONS)).unwrap();
    sleep(Duration::from_secs(1));
    assert!(nodes.iter().all(is_fenced), "another epoch is not ours");
    assert_eq!(yeses(&nodes, sale, &ids), 0);
    assert!(matches!(opened(), Some(OpenError::OtherEpoch(_))), "{:?}", opened());

    redis.restart_empty().unwrap();
    assert_eq!(yeses(&nodes, sale, &ids), 0);
    wait_until_fenced(&nodes);
    assert_eq!(yeses(&nodes, sale, &ids), 0);

    redis.kill();
    fs::remove_dir_all(&log).unwrap();
    copy_files(kept.path(), &log);
    redis.restart().unwrap();
    wait_until_good(&nodes);
    let verdict = crowd.judge(4, PARTITIONS);
    verdict.kept().print("everything is lost, and brought back");
    assert_eq!(verdict.row.yes, 300);
    for node in &nodes {
        let fresh = wait(ask(node, vec![sale.redemption(posting_id("too late"))], 1_000));
        let refused = matches!(fresh.as_deref(), Ok([Answer::Outcome(Outcome::Refused(_))]));
        assert!(refused, "{fresh:?}");
    }
}

#[test]
fn after_a_flush_under_load_nobody_hears_yes() {
    let (redis, place) = safe();
    let nodes = safe_nodes(&place, 2);
    let mut crowd = Crowd::start(&nodes, Sale::new(100_000), 32, usize::MAX);
    crowd.wait_for(300);
    redis.cli(&["FLUSHALL"]).unwrap();
    // What Redis answered before may still be on its way.
    sleep(Duration::from_millis(200));
    let before = crowd.yeses();
    wait_until_fenced(&nodes);
    sleep(Duration::from_millis(500));
    crowd.stop();
    assert_eq!(crowd.yeses(), before);
}
