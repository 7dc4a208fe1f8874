//! Offices that speak HTTP to one or two nodes over one installation, in a directory or in Redis.

use std::path::Path;
use std::time::{Duration, Instant};

use jeton::auth::role::Role;
use jeton::ledger::Durability;
use jeton::testing::servers::{RedisOptions, RedisServer};
use jeton::testing::{BoxOptions, ManualClock, RedisStore, ServerBox};
use serde_json::Value;
use tokio::runtime::Runtime;
use ureq::Agent;
use ureq::http::Request;

use crate::house::{NOON, moment};

/// How soon all nodes know what one was told.
const SOON: Duration = Duration::from_secs(1);

/// What was heard.
pub(crate) struct Heard {
    pub(crate) status: u16,
    pub(crate) etag: Option<String>,
    text: String,
}

impl Heard {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn lines(&self) -> Vec<Value> {
        self.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The status and what is wrong, in words.
    pub(crate) fn wrong(&self) -> String {
        format!("{} {}", self.status, self.json()["detail"].as_str().unwrap_or_default())
    }
}

/// Nodes and somebody who asks them.
pub(crate) struct Offices {
    pub(crate) clock: ManualClock,
    pub(crate) nodes: Vec<ServerBox>,
    options: BoxOptions,
    agent: Agent,
    runtime: Runtime,
    dir: tempfile::TempDir,
    _redis: Option<RedisServer>,
}

impl Offices {
    /// One node over a directory.
    pub(crate) fn embedded() -> Self {
        Self::open(1, None)
    }

    /// Two nodes over one Redis.
    pub(crate) fn redis() -> Self {
        Self::open(2, Some(RedisServer::start(&RedisOptions::default()).unwrap()))
    }

    fn open(count: usize, redis: Option<RedisServer>) -> Self {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).enable_all().build().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(moment(NOON));
        let mut options = BoxOptions { http: true, ..BoxOptions::default() };
        match &redis {
            Some(server) => {
                let store = runtime.block_on(RedisStore::initialise(server.url(), 4)).unwrap();
                options.redis = Some(store);
                options.durability = Durability::RedisAsIs;
            }
            None => options.clock = clock.clock(),
        }
        let agent = Agent::config_builder().http_status_as_error(false).proxy(None).build();
        let start = |_| start(&runtime, dir.path(), &options);
        let nodes = (0..count).map(start).collect();
        let agent = agent.new_agent();
        Self { clock, nodes, options, agent, runtime, dir, _redis: redis }
    }

    /// Stops all nodes and starts one.
    pub(crate) fn restart(mut self) -> Self {
        for node in self.nodes.drain(..) {
            self.runtime.block_on(node.stop());
        }
        self.nodes.push(start(&self.runtime, self.dir.path(), &self.options));
        self
    }

    pub(crate) fn last(&self) -> usize {
        self.nodes.len() - 1
    }

    pub(crate) fn ask(&self, node: usize, asked: &str, headers: &[(&str, &str)]) -> Heard {
        self.ask_as(Role::Office, node, asked, headers)
    }

    /// `METHOD PATH [BODY]`.
    pub(crate) fn ask_as(
        &self,
        role: Role,
        node: usize,
        asked: &str,
        headers: &[(&str, &str)],
    ) -> Heard {
        let mut words = asked.splitn(3, ' ');
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        let node = &self.nodes[node];
        let address = node.server.http_address().unwrap();
        let token = format!("Bearer {}", node.token(role).unwrap());
        let mut request = Request::builder().method(method).uri(format!("http://{address}{path}"));
        for (name, value) in headers.iter().chain(&[("authorization", token.as_str())]) {
            request = request.header(*name, *value);
        }
        let response = match words.next() {
            Some(body) => self.agent.run(request.body(body.to_owned()).unwrap()),
            None if method == "POST" => self.agent.run(request.body(String::new()).unwrap()),
            None => self.agent.run(request.body(()).unwrap()),
        };
        let mut response = response.unwrap();
        let etag = response.headers().get("etag").map(|etag| etag.to_str().unwrap().to_owned());
        let text = response.body_mut().read_to_string().unwrap();
        Heard { status: response.status().as_u16(), etag, text }
    }

    /// Asks until the answer is as wanted, for as long as a change may take to reach a node.
    #[track_caller]
    pub(crate) fn soon(&self, node: usize, asked: &str, is_wanted: impl Fn(&Heard) -> bool) {
        let begun = Instant::now();
        loop {
            let heard = self.ask(node, asked, &[]);
            if is_wanted(&heard) {
                return;
            }
            assert!(begun.elapsed() < 2 * SOON, "{asked}: {} {}", heard.status, heard.text);
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn start(runtime: &Runtime, dir: &Path, options: &BoxOptions) -> ServerBox {
    runtime.block_on(ServerBox::start(dir, options.clone())).unwrap()
}
