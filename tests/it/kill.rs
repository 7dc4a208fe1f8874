//! The real program is killed under load, started again on the same data, and asked everything
//! again: each yes is still there with the same answer, each unknown settles, and exactly the limit
//! is used. So it is with two nodes on one Redis, of which one is killed.
//!
//! `JETON_TEST_ROUNDS` says how often; three times unless told otherwise.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jeton::client::{Accepted, Answer, Client, Error, Hold, Id, Options, Redeem, State, new_id};
use jeton::domain::id::PostingId;
use jeton::testing::servers::{Aof, RedisOptions, RedisServer};
use jeton::testing::{Call, Heard, Lie, Standing, judge};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// Uses of the hot code.
const LIMIT: u64 = 1_000;
/// Who take them.
const CLIENTS: usize = 64;
/// Codes of one use for each of them; more than they come to.
const SINGLES: usize = 40;

const HOT: &str = "HOT-SALE-2026";
const PARTY: &str = "PARTY-TABLE-1";

const CAMPAIGNS: [(&str, u64); 3] = [("hot", LIMIT), ("single", 1), ("party", 100_000)];

fn single(client: usize, nr: usize) -> String {
    format!("SINGLE-{client:02}-{nr:03}")
}

/// The program with a data directory of its own.
struct Program {
    dir: tempfile::TempDir,
    durability: &'static str,
    /// Where its store is, unless it is its own.
    redis: Option<RedisServer>,
}

/// The program, serving; killed when dropped.
struct Serving {
    child: Child,
    quic: String,
    http: String,
}

impl Program {
    fn new(durability: &'static str) -> Self {
        Self { dir: tempfile::tempdir().unwrap(), durability, redis: None }
    }

    /// An installation in a Redis that syncs before it answers.
    fn on_redis() -> Self {
        let options = RedisOptions { aof: Aof::Always, ..RedisOptions::default() };
        let redis = RedisServer::start(&options).unwrap();
        let program = Self { redis: Some(redis), ..Self::new("redis-aof-always") };
        let url = program.redis.as_ref().unwrap().url();
        let output = program.command().args(["init", "--store", &url]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        program
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("jeton"));
        command.env_clear().env("HOME", self.dir.path());
        command.arg("--json").arg("--data").arg(self.data()).stderr(Stdio::null());
        command
    }

    fn serve(&self) -> Serving {
        let mut command = self.command();
        command.args(["serve", "--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"]);
        command.args(["--durability", self.durability]).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
        let text = |name: &str| ready[name].as_str().unwrap().to_owned();
        Serving { quic: text("quic"), http: text("http"), child }
    }

    /// Stores the campaigns and their codes.
    fn furnish(&self, serving: &Serving) {
        let run = |words: &[&str], file: &Path| {
            let mut command = self.command();
            command.args(["--url", &serving.http]).args(words).arg(file);
            let output = command.output().unwrap();
            assert!(
                output.status.success(),
                "{words:?}: {}",
                String::from_utf8_lossy(&output.stdout)
            );
        };
        for (name, uses) in CAMPAIGNS {
            let file = self.dir.path().join(format!("{name}.toml"));
            std::fs::write(&file, format!("id = \"{name}\"\nkind = \"access\"\nuses = {uses}\n"))
                .unwrap();
            run(&["campaign", "apply"], &file);
            let singles = (0..CLIENTS).flat_map(|one| (0..SINGLES).map(move |nr| single(one, nr)));
            let list = match name {
                "hot" => HOT.to_owned(),
                "party" => PARTY.to_owned(),
                _ => singles.collect::<Vec<_>>().join("\n"),
            };
            let file = self.dir.path().join(format!("{name}.txt"));
            std::fs::write(&file, list).unwrap();
            run(&["code", "import", name], &file);
        }
    }

    async fn clients(&self, serving: &Serving, count: usize, deadline: Duration) -> Vec<Client> {
        let ca = std::fs::read(self.data().join("ca.pem")).unwrap();
        let token = std::fs::read_to_string(self.data().join("admin.token")).unwrap();
        let options = Options::new(&serving.quic, ca).server_name("localhost").token(token.trim());
        let options = options.deadline(deadline).lanes(1);
        let mut clients = Vec::new();
        for _ in 0..count {
            clients.push(Client::connect(options.clone()).await.unwrap());
        }
        clients
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // SIGKILL, as the tests want it.
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// What was asked for beside the hot code.
#[derive(Debug, Clone)]
enum Asked {
    Single { code: String, id: Id, heard: Heard },
    Hold { id: Id, heard: Heard },
    Confirm { id: Id, heard: Heard },
}

/// What all clients saw.
#[derive(Default)]
struct History {
    ticks: AtomicU64,
    yeses: AtomicU64,
    /// The kill is due after so many yeses.
    due_after: u64,
    due: Notify,
    calls: Mutex<Vec<Call>>,
    others: Mutex<Vec<Asked>>,
}

fn heard(answer: &Result<Answer, Error>) -> Heard {
    match answer {
        Ok(Answer::Yes(yes)) => Heard::Yes(ordinal(yes)),
        Ok(Answer::No(no)) if no.transient => Heard::Nothing,
        Ok(Answer::No(_)) => Heard::No,
        Err(_) => Heard::Nothing,
    }
}

fn ordinal(yes: &Accepted) -> u64 {
    yes.uses.first().map_or(0, |used| used.ordinal)
}

impl History {
    fn tick(&self) -> u64 {
        self.ticks.fetch_add(1, Ordering::SeqCst)
    }

    async fn hot(&self, client: &Client, id: Id) -> Heard {
        let began = self.tick();
        let heard = heard(&client.redeem(Redeem::code(HOT).id(id)).await);
        let call = Call { id: PostingId(id.0), began, ended: self.tick(), heard };
        self.calls.lock().unwrap().push(call);
        if matches!(heard, Heard::Yes(_))
            && self.yeses.fetch_add(1, Ordering::SeqCst) + 1 == self.due_after
        {
            self.due.notify_one();
        }
        heard
    }

    fn keep(&self, asked: Asked) {
        self.others.lock().unwrap().push(asked);
    }

    /// What one client does until nobody answers any more.
    async fn load(self: Arc<Self>, place: usize, client: Client) {
        for nr in 0.. {
            if nr % 4 == 0 && nr / 4 < SINGLES {
                let (code, id) = (single(place, nr / 4), new_id());
                let heard = heard(&client.redeem(Redeem::code(&code).id(id)).await);
                self.keep(Asked::Single { code, id, heard });
            }
            if nr % 5 == 0 {
                let id = new_id();
                let ask = Hold::code(PARTY).id(id).ttl(Duration::from_secs(600));
                let held = heard(&client.hold(ask).await);
                self.keep(Asked::Hold { id, heard: held });
                if nr % 2 == 0 && matches!(held, Heard::Yes(_)) {
                    let heard = heard(&client.confirm(id).await);
                    self.keep(Asked::Confirm { id, heard });
                }
            }
            if self.hot(&client, new_id()).await == Heard::Nothing {
                return;
            }
        }
    }
}

/// Serves, loads, kills at a random moment. What was seen by then.
async fn until_killed(program: &Program) -> Arc<History> {
    let serving = program.serve();
    program.furnish(&serving);
    let [.., high, low] = new_id().0;
    let due_after = 20 + u64::from(u16::from_be_bytes([high, low])) % (LIMIT - 100);
    let history = Arc::new(History { due_after, ..History::default() });
    let clients = program.clients(&serving, CLIENTS, Duration::from_millis(400)).await;
    let mut tasks = JoinSet::new();
    for (place, client) in clients.into_iter().enumerate() {
        tasks.spawn(Arc::clone(&history).load(place, client));
    }
    history.due.notified().await;
    drop(serving);
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    history
}

/// Two nodes serve, both are loaded, one is killed at a random moment. What was seen by then, and
/// the node that lives.
async fn until_one_is_killed(program: &Program) -> (Arc<History>, Serving) {
    /// What a client of the living node asks for.
    const MOST: usize = 30;
    let (dying, living) = (program.serve(), program.serve());
    program.furnish(&dying);
    let [.., low] = new_id().0;
    let history = Arc::new(History { due_after: 20 + u64::from(low), ..History::default() });
    let mut tasks = JoinSet::new();
    let clients = program.clients(&dying, CLIENTS / 2, Duration::from_millis(400)).await;
    for (place, client) in clients.into_iter().enumerate() {
        tasks.spawn(Arc::clone(&history).load(place, client));
    }
    for client in program.clients(&living, CLIENTS / 4, Duration::from_secs(10)).await {
        let history = Arc::clone(&history);
        tasks.spawn(async move {
            for _ in 0..MOST {
                history.hot(&client, new_id()).await;
            }
        });
    }
    history.due.notified().await;
    drop(dying);
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    (history, living)
}

/// Asks again for everything with the same ids, then takes what is left of the hot code.
async fn ask_again(history: &Arc<History>, clients: &[Client]) {
    let mut ids: Vec<Id> = history.calls.lock().unwrap().iter().map(|call| Id(call.id.0)).collect();
    // The later ones first: order must not matter.
    ids.reverse();
    let mut tasks = JoinSet::new();
    for (place, client) in clients.iter().enumerate() {
        let own: Vec<Id> = ids.iter().skip(place).step_by(clients.len()).copied().collect();
        let (history, client) = (Arc::clone(history), client.clone());
        tasks.spawn(async move {
            for id in own {
                history.hot(&client, id).await;
            }
            while matches!(history.hot(&client, new_id()).await, Heard::Yes(_)) {}
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}

/// Where the ledger stands, by asking for the status of every id.
async fn standing(history: &History, client: &Client) -> Standing {
    let Ok(Answer::Yes(status)) = client.code(HOT).await else { panic!("no status of the code") };
    let mut standing = Standing { limit: LIMIT, used: status.used, ..Standing::default() };
    assert_eq!(status.held, 0);
    let ids: Vec<PostingId> = history.calls.lock().unwrap().iter().map(|call| call.id).collect();
    for id in ids {
        if let Answer::Yes(yes) = client.status(Id(id.0)).await.unwrap() {
            standing.ordinals.insert(id, ordinal(&yes));
        }
    }
    standing
}

/// Codes of one use: what was yes is yes again, and nobody else gets one.
async fn check_singles(asked: &[Asked], client: &Client) {
    for one in asked {
        let Asked::Single { code, id, heard } = one else { continue };
        let Ok(Answer::Yes(again)) = client.redeem(Redeem::code(code).id(*id)).await else {
            panic!("lost: {one:?}");
        };
        assert!(again.replayed || *heard == Heard::Nothing, "done again: {one:?}");
        let other = client.redeem(Redeem::code(code)).await.unwrap();
        assert!(!other.is_yes(), "used twice: {one:?}");
    }
}

/// Holds stay holds and confirms stay confirmed; all can be confirmed, and then add up.
async fn check_holds(asked: &[Asked], client: &Client) {
    let mut holds = 0;
    for one in asked {
        let Asked::Hold { id, heard } = one else { continue };
        let ask = Hold::code(PARTY).id(*id).ttl(Duration::from_secs(600));
        let Ok(Answer::Yes(again)) = client.hold(ask).await else { panic!("lost: {one:?}") };
        assert!(again.replayed || *heard == Heard::Nothing, "done again: {one:?}");
        let confirm = asked.iter().find_map(|other| match other {
            Asked::Confirm { id: confirmed, heard } if confirmed == id => Some(*heard),
            _ => None,
        });
        let Ok(Answer::Yes(yes)) = client.confirm(*id).await else { panic!("lost: {one:?}") };
        assert_eq!(yes.state, State::Redeemed);
        let was_confirmed = matches!(confirm, Some(Heard::Yes(_)));
        assert!(yes.replayed || !was_confirmed, "a confirm is lost: {one:?}");
        assert!(!yes.replayed || confirm.is_some(), "nobody confirmed: {one:?}");
        holds += 1;
    }
    let Ok(Answer::Yes(status)) = client.code(PARTY).await else { panic!("no status") };
    assert_eq!((status.used, status.held), (holds, 0));
}

/// One life and the next: what the judge says, where the ledger stands, and what else was asked.
async fn round(program: &Program) -> (Vec<Lie>, Standing, Vec<Asked>) {
    let (history, serving) = if program.redis.is_some() {
        until_one_is_killed(program).await
    } else {
        (until_killed(program).await, program.serve())
    };
    let clients = program.clients(&serving, 8, Duration::from_secs(10)).await;
    ask_again(&history, &clients).await;
    let standing = standing(&history, &clients[0]).await;
    let others = history.others.lock().unwrap().clone();
    if program.durability != "memory" {
        check_singles(&others, &clients[0]).await;
        check_holds(&others, &clients[0]).await;
    }
    let calls = history.calls.lock().unwrap();
    (judge(&calls, &standing), standing, others)
}

#[expect(clippy::disallowed_methods, reason = "the long run asks for more in the environment")]
fn rounds() -> u32 {
    let told = std::env::var("JETON_TEST_ROUNDS").ok();
    told.map_or(3, |rounds| rounds.parse().expect("JETON_TEST_ROUNDS is a number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_keeps_every_promise() {
    for number in 1..=rounds() {
        let program = Program::new("sync");
        let (lies, standing, others) = round(&program).await;
        assert_eq!(lies, [], "in round {number}");
        assert_eq!(standing.used, LIMIT, "in round {number}");
        assert!(others.len() > CLIENTS, "in round {number}: too little was asked");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_keeps_nothing_is_caught() {
    let (lies, ..) = round(&Program::new("memory")).await;
    let changed = lies.iter().any(|lie| matches!(lie, Lie::Changed(..) | Lie::Shared(..)));
    assert!(changed, "{lies:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_node_on_redis_keeps_every_promise() {
    for number in 1..=rounds() {
        let program = Program::on_redis();
        let (lies, standing, others) = round(&program).await;
        assert_eq!(lies, [], "in round {number}");
        assert_eq!(standing.used, LIMIT, "in round {number}");
        assert!(others.len() > CLIENTS / 2, "in round {number}: too little was asked");
    }
}
