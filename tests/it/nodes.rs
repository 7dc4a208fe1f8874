//! Several nodes over one installation in Redis: no limit is exceeded between them, what the office
//! does on one holds on all within a second, and a Redis that is silent or empty lets nothing pass.
//!
//! `JETON_TEST_ROUNDS` set: the rushes on a cluster are five times as large.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jeton::auth::role::Role;
use jeton::client::{Answer, Client, Error, Hold, Redeem, Validate, new_id};
use jeton::codes::import::Format;
use jeton::domain::campaign::Status;
use jeton::domain::id::CampaignId;
use jeton::domain::order as domain;
use jeton::engine::{Ask, CodeChange, Counts, Expect, Follow, IssueOrder, List, Trial};
use jeton::ledger::Durability;
use jeton::testing::servers::{Cluster, Fault, Proxy, RedisOptions, RedisServer};
use jeton::testing::{BoxOptions, RedisStore, ServerBox, engine_in};
use tokio::task::JoinSet;
use tokio::time::sleep;
use ureq::Agent;
use ureq::http::Request;

use crate::house::block_on;

/// How soon all nodes know what one was told.
const SOON: Duration = Duration::from_secs(1);

/// Clients of a rush.
const CLIENTS: usize = 200;

/// Requests that a client has on their way.
const IN_FLIGHT: usize = 10;

const PARTITIONS: u16 = 16;

const DRINK: &str = "id = \"drink\"\nkind = \"access\"\nuses = 5\n";

/// Servers that share an installation, and an agent that asks them over HTTP.
struct Nodes {
    boxes: Vec<ServerBox>,
    store: RedisStore,
    agent: Agent,
    dir: tempfile::TempDir,
}

impl Nodes {
    async fn start(url: String, count: usize) -> Self {
        let agent = Agent::config_builder().http_status_as_error(false).proxy(None).build();
        let store = RedisStore::initialise(url, PARTITIONS).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let mut nodes = Self { boxes: Vec::new(), store, agent: agent.new_agent(), dir };
        for _ in 0..count {
            nodes.add(nodes.store.clone()).await;
        }
        nodes
    }

    /// One more, which reaches Redis as `store` says.
    async fn add(&mut self, store: RedisStore) {
        let options = Self::options(store);
        self.boxes.push(ServerBox::start(self.dir.path(), options).await.unwrap());
    }

    fn options(store: RedisStore) -> BoxOptions {
        BoxOptions {
            redis: Some(store),
            durability: Durability::RedisAsIs,
            http: true,
            ..BoxOptions::default()
        }
    }

    fn status(&self, node: usize, campaign: &str, status: Status) {
        let (node, id) = (&self.boxes[node], CampaignId::parse(campaign).unwrap());
        node.engine.put_status(node.tenant(), &id, status, Expect::Any, "test").unwrap();
    }

    fn change(&self, node: usize, code: &str, change: &CodeChange) {
        let node = &self.boxes[node];
        node.engine.change_code(node.tenant(), code, change, "test").unwrap();
    }

    /// The status of a request over HTTP, and its text.
    fn http(
        &self,
        node: usize,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> (u16, String) {
        self.send(node, method, path, headers, "")
    }

    fn send(
        &self,
        node: usize,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (u16, String) {
        let address = self.boxes[node].server.http_address().unwrap();
        let mut request = Request::builder().method(method).uri(format!("http://{address}{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = match method {
            "GET" => self.agent.run(request.body(()).unwrap()),
            _ => self.agent.run(request.body(body.to_owned()).unwrap()),
        };
        let mut response = response.unwrap();
        (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
    }

    fn ready(&self, node: usize) -> (u16, String) {
        let asked = Instant::now();
        let told = self.http(node, "GET", "/readyz", &[]);
        assert!(asked.elapsed() < Duration::from_millis(1_500), "a probe took too long");
        assert_eq!(self.http(node, "GET", "/livez", &[]).0, 200);
        told
    }

    async fn client(&self, node: usize) -> Client {
        self.boxes[node].client(Role::Checkout).await.unwrap()
    }

    /// A client whose requests are given up so soon.
    async fn hasty(&self, node: usize, deadline_ms: u64) -> Client {
        let options = self.boxes[node].client_options(Role::Checkout).unwrap();
        let deadline = Duration::from_millis(deadline_ms);
        Client::connect(options.deadline(deadline)).await.unwrap()
    }
}

fn redis() -> RedisServer {
    RedisServer::start(&RedisOptions::default()).unwrap()
}

/// Yes, or why not; of what is not known, why it could not be told.
fn told(answer: Result<Answer, Error>) -> String {
    match answer {
        Ok(Answer::Yes(_)) => "yes".to_owned(),
        Ok(Answer::No(no)) => no.reason,
        Err(Error::Unknown { refused: Some(no), .. }) => no.reason,
        Err(error) => error.to_string(),
    }
}

async fn redeem(client: &Client, code: &str) -> String {
    told(client.redeem(Redeem::code(code)).await)
}

async fn validate(client: &Client, code: &str, exact: bool) -> Result<Answer, Error> {
    let ask = Validate::code(code);
    client.validate(if exact { ask.exact() } else { ask }).await
}

/// How often a code can still be used, and how old that knowledge is.
async fn remaining(client: &Client, code: &str, exact: bool) -> (u64, Option<u64>) {
    match validate(client, code, exact).await.unwrap() {
        Answer::Yes(yes) => (yes.uses[0].remaining.unwrap(), yes.counts_age_ms),
        Answer::No(no) => panic!("{no:?}"),
    }
}

/// Waits no longer than [`SOON`] until `is_so`.
#[track_caller]
fn soon<F: Future<Output = bool>>(is_so: impl FnMut() -> F) -> impl Future<Output = ()> {
    within(SOON, is_so)
}

#[track_caller]
fn within<F: Future<Output = bool>>(
    patience: Duration,
    mut is_so: impl FnMut() -> F,
) -> impl Future<Output = ()> {
    let place = std::panic::Location::caller();
    async move {
        let begun = Instant::now();
        while !is_so().await {
            assert!(begun.elapsed() < patience, "it took too long at {place}");
            sleep(Duration::from_millis(10)).await;
        }
    }
}

/// What a rush had.
#[derive(Debug, PartialEq, Eq)]
struct Rush {
    yes: usize,
    no: usize,
    is_complete: bool,
}

/// The clients send so many requests for one code in all, each as its own customer.
async fn rush(clients: &[Client], code: &'static str, requests: usize, reason: &str) -> Rush {
    let mut running = JoinSet::new();
    for (number, client) in clients.iter().enumerate() {
        let share = requests / clients.len() / IN_FLIGHT;
        for _ in 0..IN_FLIGHT {
            let client = client.clone();
            running.spawn(async move {
                let mut heard = Vec::with_capacity(share);
                for _ in 0..share {
                    let redeem = Redeem::code(code).customer(format!("customer-{number}"));
                    heard.push(client.redeem(redeem).await);
                }
                heard
            });
        }
    }
    let (mut ordinals, mut no) = (Vec::new(), 0);
    while let Some(heard) = running.join_next().await {
        for answer in heard.unwrap() {
            match answer.unwrap() {
                Answer::Yes(yes) => ordinals.push(yes.uses[0].ordinal),
                Answer::No(refused) => {
                    // On a cluster the last uses are held for a moment before they are taken.
                    assert!([reason, "held"].contains(&&*refused.reason), "{refused:?}");
                    no += 1;
                }
            }
        }
    }
    ordinals.sort_unstable();
    let yes = ordinals.len();
    Rush { yes, no, is_complete: ordinals.into_iter().eq(1..=yes as u64) }
}

/// Clients, evenly over the nodes. One token a node: it is the connections that count.
async fn crowd(nodes: &Nodes) -> Vec<Client> {
    let options: Vec<_> =
        nodes.boxes.iter().map(|node| node.client_options(Role::Checkout).unwrap()).collect();
    let mut clients = Vec::new();
    for options in options.iter().cycle().take(CLIENTS) {
        let options = options.clone().lanes(1).deadline(Duration::from_secs(60));
        let patient = options.try_timeout(Duration::from_secs(20));
        clients.push(Client::connect(patient).await.unwrap());
    }
    clients
}

/// Divides the sizes of rushes unless all is wanted.
fn size(full: usize) -> usize {
    if std::env::var_os("JETON_TEST_ROUNDS").is_some() { full } else { full / 5 }
}

#[test]
fn three_nodes_use_a_hot_code_exactly_as_often_as_it_may() {
    block_on(async {
        let redis = redis();
        let nodes = Nodes::start(redis.url(), 3).await;
        let limit = 10_000;
        nodes.boxes[0].define("id = \"hot\"\nkind = \"access\"\nuses = 10_000\n").unwrap();
        nodes.boxes[0].codes("hot", "HOT-SALE").unwrap();
        let clients = crowd(&nodes).await;
        let rush = rush(&clients, "HOT-SALE", 3 * limit, "usage_limit").await;
        assert_eq!(rush, Rush { yes: limit, no: 2 * limit, is_complete: true });
    });
}

#[test]
fn three_nodes_on_a_cluster_keep_every_limit() {
    block_on(async {
        let cluster = Cluster::start(3, 0, &RedisOptions::default()).unwrap();
        let nodes = Nodes::start(cluster.url(), 3).await;
        let (uses, all, each) = (size(10_000), size(12_000), size(1_000) / CLIENTS);
        let campaign = format!(
            "id = \"hot\"\nkind = \"access\"\nuses = {uses}\n\
             limits = [{{ scope = \"campaign\", max = {all} }}, \
             {{ scope = \"customer\", max = {uses} }}]\n"
        );
        let sparing = format!(
            "id = \"sparing\"\nkind = \"access\"\nuses = {uses}\n\
             limits = [{{ scope = \"campaign\", max = {uses} }}, \
             {{ scope = \"customer\", max = {each} }}]\n"
        );
        nodes.boxes[0].define(&campaign).unwrap();
        nodes.boxes[0].define(&sparing).unwrap();
        nodes.boxes[0].codes("hot", "HOT-SALE\nLATE-SALE").unwrap();
        nodes.boxes[0].codes("sparing", "ONE-EACH").unwrap();
        let clients = crowd(&nodes).await;

        // In each rush one limit is the narrowest, so that it alone says no.
        let hot = rush(&clients, "HOT-SALE", 3 * uses, "usage_limit").await;
        assert_eq!(hot, Rush { yes: uses, no: 2 * uses, is_complete: true });
        let late = rush(&clients, "LATE-SALE", uses, "campaign_limit").await;
        assert_eq!((late.yes, late.no), (all - uses, 2 * uses - all));
        let sparing = rush(&clients, "ONE-EACH", uses, "customer_limit").await;
        assert_eq!((sparing.yes, sparing.no), (each * CLIENTS, uses - each * CLIENTS));
    });
}

#[test]
fn what_one_node_is_told_holds_on_all_within_a_second() {
    block_on(async {
        let redis = redis();
        let nodes = Nodes::start(redis.url(), 2).await;
        let there = nodes.client(1).await;
        let says = |code: &'static str, wanted: &'static str| {
            let there = there.clone();
            async move { told(validate(&there, code, false).await) == wanted }
        };
        nodes.boxes[0].define(DRINK).unwrap();
        nodes.boxes[0].codes("drink", "ANNA\nBERT").unwrap();
        soon(|| says("ANNA", "yes")).await;
        assert_eq!(redeem(&there, "ANNA").await, "yes");

        nodes.status(0, "drink", Status::Paused);
        soon(|| says("ANNA", "campaign_paused")).await;
        assert_eq!(redeem(&there, "ANNA").await, "campaign_paused");
        nodes.status(1, "drink", Status::Active);
        soon(|| says("ANNA", "yes")).await;

        nodes.change(0, "ANNA", &CodeChange::Revoke);
        soon(|| says("ANNA", "code_revoked")).await;
        assert_eq!(redeem(&there, "ANNA").await, "code_revoked");

        let here = &nodes.boxes[0];
        let heir = here.engine.replace_code(here.tenant(), "BERT", Some("CARL"), "test").unwrap();
        assert_eq!(heir, "CARL");
        soon(|| says("BERT", "code_replaced")).await;
        soon(|| says("CARL", "yes")).await;
    });
}

#[test]
fn a_pause_does_not_wait_for_a_long_import() {
    block_on(async {
        let redis = redis();
        let nodes = Nodes::start(redis.url(), 2).await;
        nodes.boxes[0].define(DRINK).unwrap();
        nodes.boxes[0].codes("drink", "ANNA").unwrap();
        let there = nodes.client(1).await;
        soon(|| async { told(validate(&there, "ANNA", false).await) == "yes" }).await;
        let list: String = (0..60_000).map(|number| format!("LONG-{number}\n")).collect();
        let server = &nodes.boxes[0];
        let imported = std::thread::scope(|scope| {
            let import = scope.spawn(|| server.codes("drink", &list).unwrap().accepted);
            while server.engine.codes_len() < 10_000 {
                std::thread::yield_now();
            }
            nodes.status(0, "drink", Status::Paused);
            let is_first = !import.is_finished();
            let wait =
                soon(|| async { told(validate(&there, "ANNA", false).await) == "campaign_paused" });
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(wait));
            (is_first, import.join().unwrap())
        });
        assert_eq!(imported, (true, 60_000));
        within(Duration::from_secs(10), || async { nodes.boxes[1].engine.codes_len() == 60_001 })
            .await;
    });
}

#[test]
fn a_later_change_of_a_code_does_not_undo_what_another_node_did() {
    block_on(async {
        let redis = redis();
        let nodes = Nodes::start(redis.url(), 2).await;
        nodes.boxes[0].define(DRINK).unwrap();
        let codes: Vec<String> = (0..40).map(|number| format!("CODE-{number}")).collect();
        nodes.boxes[0].codes("drink", &codes.join("\n")).unwrap();
        let there = nodes.client(1).await;
        within(SOON, || async { told(validate(&there, &codes[39], false).await) == "yes" }).await;

        // Both at once: one blocks, the other binds; neither may lose what the other did.
        let holder = CodeChange::Holder(Some("anna".to_owned()));
        std::thread::scope(|scope| {
            scope.spawn(|| codes.iter().for_each(|code| nodes.change(1, code, &holder)));
            codes.iter().for_each(|code| nodes.change(0, code, &CodeChange::Revoke));
        });
        soon(|| async { told(validate(&there, &codes[39], false).await) == "code_revoked" }).await;
        for code in &codes {
            assert_eq!(told(validate(&there, code, false).await), "code_revoked", "{code}");
            nodes.change(1, code, &CodeChange::Reinstate);
            let page = there.code(code).await.unwrap();
            let Answer::Yes(page) = page else { panic!("{page:?}") };
            assert_eq!(page.holder.as_deref(), Some("anna"), "{code}");
        }

        // Two nodes replace the same code: one does.
        let both = std::thread::scope(|scope| {
            let replace = |node: usize, heir| {
                let node = &nodes.boxes[node];
                node.engine.replace_code(node.tenant(), "CODE-0", Some(heir), "test").is_ok()
            };
            let other = scope.spawn(move || replace(1, "HEIR-1"));
            [replace(0, "HEIR-0"), other.join().unwrap()]
        });
        assert_eq!(both.iter().filter(|&&is_done| is_done).count(), 1, "{both:?}");
        let (heir, none) = if both[0] { ("HEIR-0", "HEIR-1") } else { ("HEIR-1", "HEIR-0") };
        soon(|| async { told(validate(&there, heir, false).await) == "yes" }).await;
        soon(|| async { told(validate(&there, "CODE-0", false).await) == "code_replaced" }).await;
        assert_ne!(redeem(&there, none).await, "yes");
    });
}

#[test]
fn a_campaign_edited_on_two_nodes_is_one_conflict() {
    block_on(async {
        let redis = redis();
        let nodes = Nodes::start(redis.url(), 2).await;
        let token = format!("Bearer {}", nodes.boxes[0].token(Role::Admin).unwrap());
        nodes.boxes[0].define(DRINK).unwrap();
        let known =
            || async { nodes.http(1, "GET", "/v1/tokens", &[("authorization", &token)]).0 == 200 };
        soon(known).await;

        let headers = [
            ("authorization", token.as_str()),
            ("content-type", "application/toml"),
            ("if-match", "\"1\""),
        ];
        let edit = |node: usize, uses: u32| {
            let document = format!("id = \"drink\"\nkind = \"access\"\nuses = {uses}\n");
            nodes.send(node, "PUT", "/v1/campaigns/drink", &headers, &document)
        };
        let mut both = std::thread::scope(|scope| {
            let other = scope.spawn(|| edit(1, 7));
            [edit(0, 6), other.join().unwrap()]
        });
        both.sort();
        assert_eq!([both[0].0, both[1].0], [200, 412], "{both:?}");
        assert!(both[1].1.contains("is at version 2; expected was version 1"), "{both:?}");
    });
}

#[test]
fn codes_and_tokens_of_one_node_work_on_the_others() {
    block_on(async {
        let redis = redis();
        let nodes = Nodes::start(redis.url(), 2).await;
        let admin = format!("Bearer {}", nodes.boxes[0].token(Role::Admin).unwrap());
        let with = [("authorization", admin.as_str())];
        nodes.boxes[0]
            .define(&format!("{DRINK}[codes]\npattern = \"DRINK-############\"\n"))
            .unwrap();
        let path = "/v1/campaigns/drink/codes:generate?count=5000&format=text";
        let (status, codes) = nodes.send(0, "POST", path, &with, "");
        assert_eq!(status, 200);
        let codes: Vec<&str> = codes.lines().collect();
        assert_eq!(codes.len(), 5_000);
        let there = nodes.client(1).await;
        let last = codes[4_999];
        soon(|| async { told(validate(&there, last, false).await) == "yes" }).await;
        for code in codes.iter().step_by(500) {
            assert_eq!(redeem(&there, code).await, "yes");
        }

        // The token was made on one node; it is revoked on the other.
        let (_, tokens) = nodes.http(1, "GET", "/v1/tokens", &with);
        let tokens: serde_json::Value = serde_json::from_str(&tokens).unwrap();
        let made = tokens.as_array().unwrap().iter().find(|token| token["role"] == "admin");
        let id = made.unwrap()["id"].as_str().unwrap().to_owned();
        let (status, _) = nodes.send(1, "DELETE", &format!("/v1/tokens/{id}"), &with, "");
        assert_eq!(status, 200);
        soon(|| async { nodes.http(0, "GET", "/v1/tokens", &with).0 == 401 }).await;
    });
}

#[test]
fn a_late_node_loads_all_and_one_that_missed_something_reads_again() {
    block_on(async {
        let redis = redis();
        let proxy = Proxy::start(redis.port()).unwrap();
        let mut nodes = Nodes::start(redis.url(), 1).await;
        nodes.boxes[0].define(DRINK).unwrap();
        nodes.boxes[0].codes("drink", "ANNA\nBERT").unwrap();
        nodes.change(0, "BERT", &CodeChange::Revoke);
        let store = RedisStore { url: proxy.url(), ..nodes.store.clone() };
        nodes.add(store).await;
        let there = nodes.client(1).await;
        assert_eq!(redeem(&there, "ANNA").await, "yes");
        assert_eq!(redeem(&there, "BERT").await, "code_revoked");

        let token = format!("Bearer {}", nodes.boxes[1].token(Role::Admin).unwrap());
        proxy.set(Fault::Refuse);
        proxy.cut_all();
        let with = [("authorization", token.as_str())];
        let (status, text) = nodes.http(1, "GET", "/v1/campaigns/drink", &with);
        assert_eq!(status, 503, "{text}");
        assert!(text.contains("retry_after_ms"), "{text}");
        nodes.boxes[0].codes("drink", "CARL\nDORA").unwrap();
        nodes.change(0, "DORA", &CodeChange::Revoke);
        nodes.change(0, "ANNA", &CodeChange::Revoke);
        for stream in ["{jc}changes", "{jc}urgent"] {
            redis.cli(&["XTRIM", stream, "MAXLEN", "0"]).unwrap();
        }
        assert_eq!(told(validate(&there, "CARL", false).await), "code_not_found");
        proxy.set(Fault::None);
        within(Duration::from_secs(5), || async { redeem(&there, "CARL").await == "yes" }).await;
        assert_eq!(redeem(&there, "DORA").await, "code_revoked");
        assert_eq!(redeem(&there, "ANNA").await, "code_revoked");

        // It goes on from there.
        nodes.change(0, "CARL", &CodeChange::Revoke);
        soon(|| async { told(validate(&there, "CARL", false).await) == "code_revoked" }).await;
    });
}

#[test]
fn codes_issued_twice_belong_to_the_earlier_batch_everywhere() {
    block_on(async {
        let redis = redis();
        let mut nodes = Nodes::start(redis.url(), 1).await;
        nodes.boxes[0].define(DRINK).unwrap();
        nodes.boxes[0].define("id = \"other\"\nkind = \"access\"\nuses = 9\n").unwrap();
        // Nobody lets this node hear of the others.
        let (dir, options) = (nodes.dir.path().to_owned(), Nodes::options(nodes.store.clone()));
        let deaf = tokio::task::spawn_blocking(move || engine_in(&dir, &options).unwrap());
        let deaf = deaf.await.unwrap();
        let tenant = nodes.boxes[0].tenant().clone();
        nodes.boxes[0].codes("drink", "TWICE").unwrap();
        let order = IssueOrder::plain(CampaignId::parse("other").unwrap());
        let list =
            List { input: "TWICE\nONCE".as_bytes(), format: Format::Auto, trial: Trial::Real };
        let imported = deaf.import(&tenant, &order, list, "test", |_| {}).unwrap();
        assert_eq!(imported.accepted, 2, "it cannot know better");

        let left_there = async || {
            let codes = ["TWICE"].into_iter().collect();
            let ask = Ask {
                tenant: &tenant,
                codes,
                order: domain::Order::default(),
                now: deaf.now(),
                mode: jeton::engine::StackMode::AllOrNothing,
            };
            let prepared = deaf.validate(&ask, Counts::Exact, deaf.now().plus_ms(5_000));
            deaf.carry_out(prepared).await.unwrap().uses[0].remaining
        };
        assert_eq!(left_there().await, Some(9));
        assert_eq!(deaf.follow(|_| Ok(())), Follow::On);
        assert_eq!(left_there().await, Some(5), "now it knows");

        nodes.add(nodes.store.clone()).await;
        for node in 0..2 {
            let client = nodes.client(node).await;
            soon(|| async { told(validate(&client, "ONCE", false).await) == "yes" }).await;
            assert_eq!(remaining(&client, "TWICE", true).await.0, 5);
        }
    });
}

#[test]
fn a_silent_redis_is_unavailable_and_comes_back_by_itself() {
    block_on(async {
        let redis = redis();
        let nodes = Nodes::start(redis.url(), 2).await;
        nodes.boxes[0].define(DRINK).unwrap();
        nodes.boxes[0].codes("drink", "ANNA").unwrap();
        let there = nodes.hasty(1, 4_000).await;
        soon(|| async { told(validate(&there, "ANNA", false).await) == "yes" }).await;
        assert_eq!(nodes.ready(1).0, 200);

        redis.pause();
        let asked = Instant::now();
        assert_eq!(redeem(&there, "ANNA").await, "unavailable");
        assert!(asked.elapsed() < Duration::from_secs(5), "not within its deadline");
        let (left, age_ms) = remaining(&there, "ANNA", false).await;
        assert_eq!(left, 5);
        assert!(age_ms.is_some_and(|age_ms| age_ms > 0), "{age_ms:?}");
        within(Duration::from_secs(5), || async { nodes.ready(1).0 == 503 }).await;
        within(Duration::from_secs(5), || async { nodes.ready(0).0 == 503 }).await;

        redis.resume();
        within(Duration::from_secs(5), || async { nodes.ready(1).0 == 200 }).await;
        let before = remaining(&there, "ANNA", true).await.0;
        assert!(before >= 4, "one redemption was asked for, which may have been done");
        within(Duration::from_secs(5), || async { redeem(&there, "ANNA").await == "yes" }).await;
        nodes.change(0, "ANNA", &CodeChange::Revoke);
        within(Duration::from_secs(5), || async { redeem(&there, "ANNA").await == "code_revoked" })
            .await;
    });
}

#[test]
fn an_emptied_redis_lets_nothing_pass() {
    block_on(async {
        let redis = redis();
        let nodes = Nodes::start(redis.url(), 3).await;
        nodes.boxes[0].define("id = \"once\"\nkind = \"access\"\nuses = 1\n").unwrap();
        nodes.boxes[0].codes("once", "USED\nFRESH").unwrap();
        let mut clients = Vec::new();
        for node in 0..3 {
            clients.push(nodes.hasty(node, 300).await);
        }
        for client in &clients {
            soon(|| async { told(validate(client, "FRESH", false).await) == "yes" }).await;
        }
        assert_eq!(redeem(&clients[0], "USED").await, "yes");

        redis.cli(&["FLUSHALL"]).unwrap();
        let flushed = Instant::now();
        while flushed.elapsed() < Duration::from_secs(3) {
            for client in &clients {
                assert_ne!(redeem(client, "USED").await, "yes", "a used code passed");
                assert_ne!(redeem(client, "FRESH").await, "yes", "nothing passes any more");
                if flushed.elapsed() > SOON {
                    assert_eq!(told(validate(client, "FRESH", false).await), "unavailable");
                }
            }
        }
        for node in 0..3 {
            let (status, text) = nodes.ready(node);
            assert_eq!(status, 503);
            assert!(text.contains("emptied or replaced"), "{text}");
        }
    });
}

#[test]
fn validate_knows_what_was_used() {
    block_on(async {
        let redis = redis();
        let nodes = Nodes::start(redis.url(), 2).await;
        nodes.boxes[0].define("id = \"many\"\nkind = \"access\"\nuses = 100\n").unwrap();
        nodes.boxes[0].codes("many", "ANNA").unwrap();
        let (here, there) = (nodes.client(0).await, nodes.client(1).await);
        soon(|| async { told(validate(&there, "ANNA", false).await) == "yes" }).await;
        for used in 1..=20 {
            assert_eq!(redeem(&here, "ANNA").await, "yes");
            assert_eq!(remaining(&here, "ANNA", false).await.0, 100 - used, "on the same node");
            assert_eq!(remaining(&there, "ANNA", true).await, (100 - used, None), "exactly");
        }
        assert_eq!(redeem(&here, "ANNA").await, "yes");
        soon(|| async { remaining(&there, "ANNA", false).await.0 == 79 }).await;
    });
}

#[test]
fn a_hold_can_be_confirmed_and_released_elsewhere() {
    block_on(async {
        let redis = redis();
        let nodes = Nodes::start(redis.url(), 3).await;
        nodes.boxes[0].define("id = \"once\"\nkind = \"access\"\nuses = 1\n").unwrap();
        nodes.boxes[0].codes("once", "ANNA").unwrap();
        let mut clients = Vec::new();
        for node in 0..3 {
            clients.push(nodes.client(node).await);
            let client = &clients[node];
            soon(|| async { told(validate(client, "ANNA", false).await) == "yes" }).await;
        }
        let id = new_id();
        let hold = Hold::code("ANNA").id(id).ttl(Duration::from_mins(1));
        assert_eq!(told(clients[0].hold(hold).await), "yes");
        assert_ne!(redeem(&clients[1], "ANNA").await, "yes", "it is held");
        assert_eq!(told(clients[1].confirm(id).await), "yes");
        assert_eq!(redeem(&clients[0], "ANNA").await, "already_redeemed");
        assert_eq!(told(clients[2].release(id).await), "yes");
        assert_eq!(redeem(&clients[1], "ANNA").await, "yes");
    });
}

#[test]
fn a_program_that_ends_leaves_the_others_alone() {
    block_on(async {
        let redis = redis();
        let mut nodes = Nodes::start(redis.url(), 2).await;
        nodes.boxes[0].define(DRINK).unwrap();
        nodes.boxes[0].codes("drink", "ANNA").unwrap();
        let gone = nodes.boxes.remove(0);
        let last = Arc::downgrade(&gone.engine);
        gone.server.drain().await;
        drop(gone.engine);
        within(Duration::from_secs(5), || async { last.strong_count() == 0 }).await;
        let there = nodes.client(0).await;
        soon(|| async { redeem(&there, "ANNA").await == "yes" }).await;
    });
}
