//! Backups come back, and nodes are replaced under load.

use std::collections::HashSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use jeton::client::{Answer, Client, Redeem, new_id};
use jeton::testing::servers::{Aof, RedisOptions, RedisServer};
use tokio::task::JoinSet;

use super::program::{Machine, PATIENCE, Serving, until};

const ONCE: &str = "id = \"once\"\nkind = \"access\"\nuses = 1\n";

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}

/// What was used stays used, what was not can be used, and the catalog is there.
#[track_caller]
fn check(machine: &Machine, used: &str, fresh: &str) {
    let serving = machine.serve();
    assert_eq!(machine.redeem(&serving, 1, used)["reason"], "already_redeemed");
    assert_eq!(machine.redeem(&serving, 0, fresh)["state"], "redeemed");
    assert!(serving.stop().success());
}

#[test]
fn a_directory_that_is_lost_comes_back_from_a_copy_or_an_archive() {
    let machine = Machine::new();
    let serving = machine.serve();
    machine.furnish(&serving, ONCE, "ANNA\nBERT\nCARL");
    machine.redeem(&serving, 0, "ANNA");
    assert!(serving.stop().success());

    let (backup, archive) = (machine.path("backup"), machine.path("park.jeton"));
    copy(&machine.data(), &backup);
    machine.json(0, &["export", archive.to_str().unwrap()]);

    std::fs::remove_dir_all(machine.data()).unwrap();
    copy(&backup, &machine.data());
    check(&machine, "ANNA", "BERT");

    // The archive, the secret and the authority are enough; it does not know BERT's use.
    std::fs::remove_dir_all(machine.data()).unwrap();
    machine.make_data();
    for name in ["secret", "ca.pem", "ca.key"] {
        copy(&backup.join(name), &machine.data().join(name));
    }
    machine.json(0, &["init"]);
    machine.json(0, &["import", archive.to_str().unwrap()]);
    check(&machine, "ANNA", "BERT");
}

#[test]
fn a_store_under_another_secret_is_not_opened() {
    let machine = Machine::new();
    let serving = machine.serve();
    machine.furnish(&serving, ONCE, "ANNA");
    machine.redeem(&serving, 0, "ANNA");
    assert!(serving.stop().success());
    std::fs::remove_file(machine.data().join("secret")).unwrap();
    let output = machine.command(&["serve"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("Restore the file from its backup"), "{said}");
}

/// What a rolling restart is under.
struct Load {
    stop: AtomicBool,
    /// Answers so far, by node.
    answers: [AtomicU64; 2],
}

impl Load {
    /// Redeems until it is told to stop; every request must be answered with yes by the client.
    async fn run(self: Arc<Self>, node: usize, client: Client) -> Vec<u64> {
        let mut ordinals = Vec::new();
        while !self.stop.load(Ordering::Relaxed) {
            let ask = Redeem::code("PASS").id(new_id()).gate("north");
            match client.redeem(ask).await {
                Ok(Answer::Yes(yes)) => ordinals.push(yes.uses[0].ordinal),
                other => panic!("a request of node {node} was lost: {other:?}"),
            }
            self.answers[node].fetch_add(1, Ordering::Relaxed);
        }
        ordinals
    }

    /// Waits until node `node` has answered `more` times from now on.
    async fn goes_on(&self, node: usize, more: u64) {
        let from = self.answers[node].load(Ordering::Relaxed);
        let answered = async {
            while self.answers[node].load(Ordering::Relaxed) < from + more {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let done = tokio::time::timeout(PATIENCE, answered).await;
        assert!(done.is_ok(), "node {node} does not go on");
    }
}

/// Serves at the addresses at which it served before.
fn again(machine: &Machine, quic: &str, http: &str) -> Serving {
    machine.start(&mut machine.command(&["serve", "--listen", quic, "--http-listen", http]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_are_restarted_one_by_one_under_load_and_no_request_is_lost() {
    /// Requests of a node that are on their way at a time.
    const TILLS: usize = 8;
    let options = RedisOptions { aof: Aof::Always, ..RedisOptions::default() };
    let redis = RedisServer::start(&options).unwrap();
    let first = Machine::new();
    let made = first.json(0, &["init", "--store", &redis.url()]);
    let machines = [Machine::join(&made), first];
    std::fs::copy(machines[1].data().join("admin.token"), machines[0].data().join("admin.token"))
        .unwrap();
    let mut nodes: Vec<Serving> = machines.iter().map(Machine::serve).collect();
    machines[1].furnish(&nodes[1], "id = \"pass\"\nkind = \"pass\"\n", "PASS");
    // Within a second all nodes know what one was told.
    until("the code on the other node", || {
        let words = ["--server", &nodes[0].quic, "validate", "PASS"];
        machines[0].command(&words).output().unwrap().status.success().then_some(())
    });

    let load = Arc::new(Load { stop: AtomicBool::new(false), answers: Default::default() });
    let mut tills = JoinSet::new();
    for (node, machine) in machines.iter().enumerate() {
        let client = machine.client(&nodes[node]).await;
        for _ in 0..TILLS {
            tills.spawn(Arc::clone(&load).run(node, client.clone()));
        }
        load.goes_on(node, 50).await;
    }
    for node in [0, 1, 0, 1] {
        let Serving { quic, http, .. } = &nodes[node];
        let (quic, http) = (quic.clone(), http.split_once("://").unwrap().1.to_owned());
        nodes[node].signal("TERM");
        let ended = nodes[node].child.wait().unwrap();
        assert!(ended.success(), "{}", machines[node].log());
        nodes[node] = again(&machines[node], &quic, &http);
        machines[node].json(0, &["--url", &nodes[node].http, "ready"]);
        load.goes_on(node, 100).await;
        load.goes_on(1 - node, 50).await;
    }
    load.stop.store(true, Ordering::Relaxed);
    let mut ordinals = Vec::new();
    while let Some(till) = tills.join_next().await {
        ordinals.extend(till.unwrap());
    }
    // Each answer is another use, and there are no uses but those.
    let asked = ordinals.len();
    assert!(asked > 600);
    let distinct: HashSet<u64> = ordinals.iter().copied().collect();
    assert_eq!(distinct.len(), asked, "one use was answered twice");
    assert_eq!(ordinals.iter().max(), Some(&u64::try_from(asked).unwrap()), "something is doubled");
}
