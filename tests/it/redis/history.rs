//! Clients of several nodes on one Redis: what they ask, what they hear, and how it is judged.
//!
//! Every request takes a use of one hot code and counts on a campaign, a customer, a day and a code
//! of its own. Whoever hears nothing asks again with the same id, at another node. In the end all
//! are asked again, and what was heard is held against receipts, counters and events.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use jeton::client::new_id;
use jeton::clock::Clock;
use jeton::domain::book::EventKind;
use jeton::domain::id::{Owner, PostingId};
use jeton::domain::posting::{
    Blocked, Command, FacetKind, Key, Leg, Mode, Outcome, Posting, State,
};
use jeton::domain::time::Timestamp;
use jeton::ledger::redis::Place;
use jeton::ledger::{Answer, Durability, Entry, Ledger, LedgerError, Options, Task};
use jeton::testing::{Call, Heard, Standing, judge, key};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::executor::wait;
use super::partitions::{amiss, apart, entries};
use super::verdict::{Row, Verdict};

/// Between hearing nothing and asking again.
const RETRY: Duration = Duration::from_millis(10);

/// Commands of one batch when all are asked again.
const BATCH: usize = 100;

/// Until something that must come has come.
const PATIENCE: Duration = Duration::from_secs(30);

const DAY_MS: i64 = 24 * 3_600_000;

pub(crate) fn now() -> Timestamp {
    Clock::system().now()
}

/// How often the tests that break things do so; once unless the environment says otherwise.
#[expect(clippy::disallowed_methods, reason = "the long run asks for more in the environment")]
pub(crate) fn rounds() -> u32 {
    let told = std::env::var("JETON_TEST_ROUNDS").ok();
    told.map_or(1, |rounds| rounds.parse().expect("JETON_TEST_ROUNDS is a number"))
}

/// Looks until `look` sees something. How long that took.
#[track_caller]
pub(crate) fn until(what: &str, mut look: impl FnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !look() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
        sleep(Duration::from_millis(2));
    }
    begun.elapsed()
}

/// How a node's ledger is opened: on the machine's clock.
pub(crate) fn options(place: &Place, durability: Durability) -> Options {
    let mut options = Options::new("/nowhere".into(), Arc::new(now));
    options.durability = durability;
    options.redis = Some(place.clone());
    options
}

/// A node's ledger.
pub(crate) fn node(place: &Place, durability: Durability) -> Arc<Ledger> {
    Arc::new(Ledger::open(options(place, durability)).unwrap())
}

/// Hands over a batch and waits for the answers.
pub(crate) async fn ask(
    ledger: &Ledger,
    commands: Vec<Command>,
    within_ms: i64,
) -> Result<Vec<Answer>, LedgerError> {
    let deadline = now().plus_ms(within_ms);
    let (heard, answer) = oneshot::channel();
    let tasks = commands.into_iter().map(|command| Task { command, deadline }).collect();
    // Who no longer waits needs no answer.
    ledger.submit(tasks, Box::new(move |answers| drop(heard.send(answers))));
    answer.await.expect("every batch is answered")
}

/// What is used and what is held of a key, as one node sees it after a look.
pub(crate) fn standing_of(node: &Ledger, key: Key) -> (u64, u64) {
    let look = Command::Look { owners: [key.owner].into_iter().collect() };
    wait(ask(node, vec![look], 10_000)).unwrap();
    let book = node.read();
    (book.used(&key), book.held(&key))
}

/// A key of that name, in a partition of its own.
pub(crate) fn key_of(kind: FacetKind, name: &str) -> Key {
    let key = key(kind, name);
    Key { owner: Owner(apart(key.owner.0)), ..key }
}

/// What is redeemed: so many uses of one code.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sale {
    pub(crate) limit: u64,
    pub(crate) deadline_ms: i64,
    pub(crate) begun: Timestamp,
}

impl Sale {
    pub(crate) fn new(limit: u64) -> Self {
        Self { limit, deadline_ms: 2_000, begun: now() }
    }

    pub(crate) fn hot() -> Key {
        key_of(FacetKind::Uses, "the hot code")
    }

    fn own(id: PostingId) -> Key {
        let mut owner = id.0;
        owner[0] ^= 0xff;
        Key { owner: Owner(owner), ..Self::hot() }
    }

    /// The counters that a redemption counts on beside the hot code: for many of them.
    fn shared(self, id: PostingId) -> [Key; 3] {
        let customer = format!("customer {}", id.0[14] % 7);
        let day = format!("day {}", self.begun.0 / DAY_MS);
        [("campaign", ""), ("", customer.as_str()), ("", day.as_str())]
            .map(|(one, other)| key_of(FacetKind::Limit, &format!("{one}{other}")))
    }

    pub(crate) fn redemption(self, id: PostingId) -> Command {
        self.posting(id, Mode::Post)
    }

    pub(crate) fn hold(self, id: PostingId, until: Timestamp) -> Command {
        self.posting(id, Mode::Hold { until })
    }

    fn posting(self, id: PostingId, mode: Mode) -> Command {
        let count = |key, max, keep_until| Leg::Count { key, n: 1, max, keep_until };
        let [campaign, customer, day] = self.shared(id);
        let room = 100 * self.limit;
        let tomorrow = Some(self.begun.plus_ms(DAY_MS));
        let legs = [
            count(Self::hot(), self.limit, None),
            count(campaign, room, None),
            count(customer, room, None),
            count(day, room, tomorrow),
            count(Self::own(id), 1, None),
        ];
        let (legs, note) = (legs.into_iter().collect(), Box::default());
        Command::Post(Posting { id, fingerprint: 7, mode, size: 1, legs, note, now: now() })
    }
}

/// What all clients of a sale have seen.
pub(crate) struct History {
    pub(crate) sale: Sale,
    nodes: Vec<Arc<Ledger>>,
    ticks: AtomicU64,
    yeses: AtomicU64,
    late_ms: AtomicU64,
    is_over: AtomicBool,
    calls: Mutex<Vec<Call>>,
    odd: Mutex<Vec<String>>,
}

impl History {
    fn tick(&self) -> u64 {
        self.ticks.fetch_add(1, Ordering::SeqCst)
    }

    fn heard(&self, answer: &Answer) -> Heard {
        match answer {
            Answer::Outcome(Outcome::Done(receipt) | Outcome::Replayed(receipt))
                if receipt.state == State::Redeemed =>
            {
                Heard::Yes(receipt.results[0].after)
            }
            Answer::Outcome(Outcome::Refused(Blocked::Guard { leg: 0, .. })) => Heard::No,
            Answer::Late | Answer::Failed(_) => Heard::Nothing,
            Answer::Outcome(outcome) => {
                self.odd.lock().unwrap().push(format!("{outcome:?}"));
                Heard::Nothing
            }
        }
    }

    /// Asks one node for some ids, in one batch.
    async fn redeem(&self, turn: usize, ids: &[PostingId]) -> Vec<Heard> {
        let node = &self.nodes[turn % self.nodes.len()];
        let commands = ids.iter().map(|id| self.sale.redemption(*id)).collect();
        let began = self.tick();
        let deadline = now().plus_ms(self.sale.deadline_ms);
        let answers = ask(node, commands, self.sale.deadline_ms).await;
        self.late_ms.fetch_max(now().since_ms(deadline), Ordering::SeqCst);
        let heard: Vec<Heard> = match answers {
            Ok(answers) => answers.iter().map(|answer| self.heard(answer)).collect(),
            Err(_) => vec![Heard::Nothing; ids.len()],
        };
        assert_eq!(heard.len(), ids.len(), "an answer is missing");
        let ended = self.tick();
        let yeses = heard.iter().filter(|heard| matches!(heard, Heard::Yes(_))).count() as u64;
        self.yeses.fetch_add(yeses, Ordering::SeqCst);
        let calls =
            ids.iter().zip(&heard).map(|(id, heard)| Call { id: *id, began, ended, heard: *heard });
        self.calls.lock().unwrap().extend(calls);
        heard
    }

    /// Redeems under new ids, so many or until all is over; what nothing is heard about is asked
    /// again at the next node.
    async fn client(self: Arc<Self>, place: usize, most: usize) {
        for nr in 0..most {
            let id = [PostingId(new_id().0)];
            let mut turn = place + nr;
            while self.redeem(turn, &id).await == [Heard::Nothing] {
                if self.is_over.load(Ordering::SeqCst) {
                    return;
                }
                turn += 1;
                tokio::time::sleep(RETRY).await;
            }
            if self.is_over.load(Ordering::SeqCst) {
                return;
            }
        }
    }

    fn ids(&self) -> Vec<PostingId> {
        let calls = self.calls.lock().unwrap();
        calls.iter().map(|call| call.id).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Asks for everything again, the later ones first: order must not matter.
    async fn ask_again(&self) {
        let mut ids = self.ids();
        ids.reverse();
        for (turn, ids) in ids.chunks(BATCH).enumerate() {
            self.redeem(turn, ids).await;
        }
    }

    /// Where the ledger stands, by the status of every id.
    async fn standing(&self) -> Standing {
        let mut standing = Standing { limit: self.sale.limit, ..Standing::default() };
        for ids in self.ids().chunks(BATCH) {
            let status = |id: &PostingId| Command::Status { id: *id, now: now() };
            let answers = ask(&self.nodes[0], ids.iter().map(status).collect(), 10_000).await;
            for (id, answer) in ids.iter().zip(answers.unwrap()) {
                match answer {
                    Answer::Outcome(Outcome::Unknown) => {}
                    answer => match self.heard(&answer) {
                        Heard::Yes(ordinal) => drop(standing.ordinals.insert(*id, ordinal)),
                        _ => panic!("no status: {answer:?}"),
                    },
                }
            }
        }
        standing.used = self.used(Sale::hot()).await;
        standing
    }

    async fn used(&self, key: Key) -> u64 {
        let look = Command::Look { owners: [key.owner].into_iter().collect() };
        ask(&self.nodes[0], vec![look], 10_000).await.unwrap();
        self.nodes[0].read().used(&key)
    }

    /// Counters that do not stand where the receipts say.
    async fn miscounted(&self, standing: &Standing) -> Vec<String> {
        let mut uses: BTreeMap<Key, u64> = BTreeMap::new();
        for id in standing.ordinals.keys() {
            for key in self.sale.shared(*id) {
                *uses.entry(key).or_default() += 1;
            }
        }
        let mut wrong = Vec::new();
        for (key, uses) in uses {
            let used = self.used(key).await;
            if used != uses {
                wrong.push(format!("{key:?} stands at {used} after {uses} uses"));
            }
        }
        wrong
    }
}

/// Clients at work. They stop when this is dropped.
pub(crate) struct Crowd {
    pub(crate) history: Arc<History>,
    runtime: Runtime,
    clients: Vec<JoinHandle<()>>,
}

impl Crowd {
    /// So many clients at these nodes, each with at most so many requests.
    pub(crate) fn start(nodes: &[Arc<Ledger>], sale: Sale, clients: usize, most: usize) -> Self {
        let history = Arc::new(History {
            sale,
            nodes: nodes.to_vec(),
            ticks: AtomicU64::new(0),
            yeses: AtomicU64::new(0),
            late_ms: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
            calls: Mutex::default(),
            odd: Mutex::default(),
        });
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let client = |place| runtime.spawn(Arc::clone(&history).client(place, most));
        let clients = (0..clients).map(client).collect();
        Self { history, runtime, clients }
    }

    pub(crate) fn yeses(&self) -> u64 {
        self.history.yeses.load(Ordering::SeqCst)
    }

    /// Waits until so many have heard yes.
    #[track_caller]
    pub(crate) fn wait_for(&self, yeses: u64) {
        until("more to hear yes", || self.yeses() >= yeses);
    }

    /// Waits until so many more have heard yes.
    #[track_caller]
    pub(crate) fn wait_for_more(&self, yeses: u64) {
        self.wait_for(self.yeses() + yeses);
    }

    /// Whether so many more hear yes in that time.
    pub(crate) fn hears(&self, yeses: u64, within: Duration) -> bool {
        let (wanted, begun) = (self.yeses() + yeses, Instant::now());
        while self.yeses() < wanted {
            if begun.elapsed() > within {
                return false;
            }
            sleep(Duration::from_millis(2));
        }
        true
    }

    /// Waits for all clients: until they have had their requests, or at once.
    pub(crate) fn finish(&mut self) {
        for client in self.clients.drain(..) {
            self.runtime.block_on(client).unwrap();
        }
    }

    /// Lets all clients go home.
    pub(crate) fn stop(&mut self) {
        self.history.is_over.store(true, Ordering::SeqCst);
        self.finish();
    }

    /// How many ids were asked for, by now.
    pub(crate) fn ids(&self) -> Vec<PostingId> {
        self.history.ids()
    }

    /// Asks for all again and judges. The nodes must be well.
    pub(crate) fn judge(mut self, faults: u64, partitions: u16) -> Verdict {
        self.finish();
        let history = &self.history;
        let first = history.calls.lock().unwrap().clone();
        let late_ms = history.late_ms.load(Ordering::SeqCst);
        let (standing, mut wrong) = self.runtime.block_on(async {
            history.ask_again().await;
            let standing = history.standing().await;
            let wrong = history.miscounted(&standing).await;
            (standing, wrong)
        });
        let entries = entries(&history.nodes[0]);
        wrong.extend(amiss(&history.nodes[0], &entries, partitions));
        wrong.extend(untold(&entries, &standing));
        wrong.extend(history.odd.lock().unwrap().drain(..));
        let calls = history.calls.lock().unwrap();
        let lies = judge(&calls, &standing);
        let row = Row::of(faults, &first, &standing, &lies);
        Verdict { row, lies, wrong, late_ms }
    }
}

/// Redemptions of which the events do not tell once, and events of others.
fn untold(entries: &[Entry], standing: &Standing) -> Vec<String> {
    let mut times: BTreeMap<PostingId, i64> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.event.kind == EventKind::Redeemed) {
        *times.entry(entry.event.id).or_default() += 1;
    }
    for id in standing.ordinals.keys() {
        *times.entry(*id).or_default() -= 1;
    }
    let wrong = times.into_iter().filter(|(_, times)| *times != 0);
    wrong.map(|(id, times)| format!("{id}: {times} events too many")).collect()
}
