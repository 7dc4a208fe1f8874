//! Figures agree with the ledger to the unit: after a mixed load with the program killed in the
//! middle, on both stores, with one node and with two; and what offices are shown of them.

mod live;
mod shown;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jeton::testing::servers::{Aof, RedisOptions, RedisServer};
use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::Request;

use crate::deploying::program::{Machine, Serving};

/// Codes of each campaign.
const CODES: usize = 8;

const CAMPAIGNS: [(&str, &str); 3] = [
    (
        "ten",
        "kind = \"discount\"\ncurrency = \"EUR\"\nuses = \"unlimited\"\nzone = \"Asia/Tokyo\"\n\
         limits = [{ scope = \"campaign\", counts = \"uses\", max = 1000000 }]\n\
         effects = [{ type = \"amount\", amount = \"3.33\" }]\n",
    ),
    ("gift", "kind = \"voucher\"\ncurrency = \"EUR\"\nbalance = \"50000.00\"\n"),
    ("stay", "kind = \"pass\"\nuses = \"unlimited\"\npassback = { reentry = \"2h\" }\n"),
];

fn code(campaign: &str, number: usize) -> String {
    format!("{}-CODE-{number:03}", campaign.to_uppercase())
}

fn serve(machine: &Machine) -> Serving {
    machine.start(machine.command(&["serve"]).env("JETON_CAMPAIGN_LABELS", "[\"ten\"]"))
}

fn furnish(machine: &Machine, serving: &Serving) {
    for (name, text) in CAMPAIGNS {
        let codes: Vec<String> = (0..CODES).map(|number| code(name, number)).collect();
        machine.furnish(serving, &format!("id = \"{name}\"\n{text}"), &codes.join("\n"));
    }
}

/// Asks a server.
#[derive(Clone)]
struct Office {
    agent: Agent,
    url: String,
    token: String,
}

impl Office {
    fn of(machine: &Machine, serving: &Serving) -> Self {
        let token = std::fs::read_to_string(machine.data().join("admin.token")).unwrap();
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .timeout_global(Some(Duration::from_secs(10)))
            .build();
        let (agent, url) = (agent.new_agent(), serving.http.clone());
        Self { agent, url, token: token.trim().to_owned() }
    }

    /// Nothing: there was no answer.
    fn ask(&self, method: &str, path: &str, key: &str, body: &Value) -> Option<Value> {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        let mut request = request.header("authorization", format!("Bearer {}", self.token));
        if !key.is_empty() {
            request = request.header("idempotency-key", key);
        }
        let answered = match method {
            "GET" => self.agent.run(request.body(()).unwrap()),
            _ => {
                let request = request.header("content-type", "application/json");
                self.agent.run(request.body(body.to_string()).unwrap())
            }
        };
        let text = answered.ok()?.body_mut().read_to_string().ok()?;
        serde_json::from_str(&text).ok()
    }

    fn get(&self, path: &str) -> Value {
        self.ask("GET", path, "", &Value::Null).unwrap()
    }

    /// The figures of a campaign, once all that happened is counted.
    fn campaign(&self, campaign: &str, query: &str) -> Value {
        self.get(&format!("/v1/campaigns/{campaign}/figures?{query}"))
    }
}

/// What was done under which ids.
#[derive(Default)]
struct Done {
    ids: Mutex<Vec<(String, &'static str)>>,
    asked: AtomicUsize,
}

/// Numbers that look random.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// Redeems, holds, confirms and releases until it is told to stop.
fn load(office: &Office, done: &Done, client: u64, stop: &AtomicBool) {
    let mut dice = Dice(client * 7_919 + 1);
    while !stop.load(Ordering::Relaxed) {
        one(office, done, &mut dice);
    }
}

fn one(office: &Office, done: &Done, dice: &mut Dice) {
    let number = done.asked.fetch_add(1, Ordering::Relaxed);
    let id = format!("0190f2f0-0000-7000-8000-{number:012x}");
    let campaign = CAMPAIGNS[usize::try_from(dice.roll(3)).unwrap()].0;
    done.ids.lock().unwrap().push((id.clone(), campaign));
    let code = code(campaign, usize::try_from(dice.roll(CODES as u64)).unwrap());
    let mut order = json!({
        "gate": format!("g{}", dice.roll(3)), "property": format!("p{}", dice.roll(2)),
        "channel": "desk", "currency": "EUR", "total": "100.00",
    });
    let units = 1 + dice.roll(3);
    match campaign {
        "gift" => order["amount"] = json!(format!("{}.37", dice.roll(9))),
        "stay" => order["passage"] = json!("entry"),
        _ => order["units"] = json!(units),
    }
    let mut body = json!({ "codes": [code], "order": order });
    let post = |path: &str, key: &str, body: &Value| office.ask("POST", path, key, body);
    if dice.roll(2) == 0 {
        post("/v1/redeem", &id, &body);
    } else {
        body["ttl"] = json!("1s");
        post("/v1/hold", &id, &body);
        let path = format!("/v1/holds/{id}/confirm");
        match dice.roll(4) {
            // Confirmed by parts, or whole, or left to its end.
            0 if campaign == "ten" => post(&path, "", &json!({ "part": 1 })),
            0 | 1 => post(&path, "", &json!({})),
            2 => None,
            _ => {
                let path = format!("/v1/redemptions/{id}/release");
                post(&path, &format!("{id}-early"), &json!({}))
            }
        };
    }
    for turn in 0..dice.roll(3) {
        let part = if campaign == "ten" { json!({ "part": 1 }) } else { json!({}) };
        let path = format!("/v1/redemptions/{id}/release");
        post(&path, &format!("{id}-{turn}"), &part);
    }
}

/// What the ledger says, read from codes and receipts.
#[derive(Debug, Default, PartialEq, Eq)]
struct Truth {
    used: i64,
    held: i64,
    minor: i64,
}

fn truth(office: &Office, done: &Done, campaign: &str) -> Truth {
    let mut truth = Truth::default();
    for number in 0..CODES {
        let body = json!({ "code": code(campaign, number) });
        let page = office.ask("POST", "/v1/codes/lookup", "", &body).unwrap();
        truth.used += page["used"].as_i64().unwrap();
        truth.held += page["held"].as_i64().unwrap();
    }
    for (id, of) in done.ids.lock().unwrap().iter() {
        if *of != campaign {
            continue;
        }
        let status = office.get(&format!("/v1/requests/{id}"));
        for used in status["uses"].as_array().into_iter().flatten() {
            let worth = used["worth"].as_str().unwrap_or("0");
            truth.minor += worth.replace('.', "").parse::<i64>().unwrap();
        }
    }
    truth
}

/// How often each kind of event happened to a campaign.
fn events(office: &Office) -> BTreeMap<(String, String), i64> {
    let mut counts = BTreeMap::new();
    let mut after = json!(0);
    loop {
        let place = after.as_str().map_or_else(|| after.to_string(), str::to_owned);
        let page = office.get(&format!("/v1/events?after={place}&limit=1000"));
        let list = page["events"].as_array().unwrap();
        for event in list {
            let campaign = event["receipt"]["uses"][0]["campaign"].as_str().unwrap_or_default();
            let kind = event["kind"].as_str().unwrap();
            *counts.entry((campaign.to_owned(), kind.to_owned())).or_default() += 1;
        }
        if list.is_empty() {
            return counts;
        }
        after = page["after"].clone();
    }
}

fn number(value: &Value, name: &str) -> i64 {
    value[name].as_i64().unwrap_or_else(|| panic!("{name} in {value}"))
}

/// Everything that is shown agrees with the ledger.
fn agree(machine: &Machine, office: &Office, done: &Done) {
    let happened = events(office);
    for (campaign, _) in CAMPAIGNS {
        let truth = truth(office, done, campaign);
        let count = |kind: &str| {
            happened.get(&(campaign.to_owned(), kind.to_owned())).copied().unwrap_or(0)
        };
        assert!(count("confirmed") > 0 && count("expired") > 0 && count("released") > 0);
        let shown = office.campaign(campaign, "step=day");
        let standing = &shown["standing"];
        let minor = standing["money_minor"]["EUR"].as_i64().unwrap_or(0);
        let told = Truth { used: number(standing, "used"), held: number(standing, "held"), minor };
        assert_eq!(told, truth, "{campaign}");
        assert_eq!(number(standing, "codes"), CODES as i64);
        if campaign == "ten" {
            assert_eq!(number(standing, "remaining"), 1_000_000 - truth.used);
        }
        for query in ["step=day", "step=hour", "step=minute&by=gate", "step=day&by=property"] {
            let totals = &office.campaign(campaign, query)["totals"];
            let uses = number(totals, "uses") - number(totals, "uses_back");
            assert_eq!(uses, truth.used, "{campaign} {query}");
            let minor = totals["money_minor"]["EUR"].as_i64().unwrap_or(0);
            assert_eq!(minor, truth.minor, "{campaign} {query}");
            let redeemed = count("redeemed") + count("confirmed");
            assert_eq!(number(totals, "redeemed"), redeemed, "{campaign} {query}");
            let released = number(totals, "released") + number(totals, "hold_released");
            assert_eq!(released, count("released"), "{campaign} {query}");
            assert_eq!(number(totals, "held"), count("held"), "{campaign} {query}");
            assert_eq!(number(totals, "confirmed"), count("confirmed"), "{campaign} {query}");
            assert_eq!(number(totals, "expired"), count("expired"), "{campaign} {query}");
        }
        let by_command =
            machine.json(0, &["--url", &office.url, "figures", "--campaign", campaign]);
        assert_eq!(by_command["standing"], *standing);
        // Refusals come a few seconds later, so they may come in between.
        let told = |shown: &Value| {
            let mut totals = shown["totals"].clone();
            totals["refused"] = Value::Null;
            totals
        };
        assert_eq!(told(&by_command), told(&shown));
    }
}

/// Waits until Prometheus is shown this number.
fn scraped(office: &Office, line: &str) {
    let begun = Instant::now();
    loop {
        let request = Request::builder().uri(format!("{}/metrics", office.url));
        let mut response = office.agent.run(request.body(()).unwrap()).unwrap();
        let text = response.body_mut().read_to_string().unwrap();
        if text.lines().any(|found| found == line) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(15), "no {line} in\n{text}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Loads `serving`; in the middle one of them is killed and another one takes its place.
fn shaken(machine: &Machine, mut serving: Vec<Serving>, done: &Arc<Done>) -> Vec<Serving> {
    for turn in 0..3 {
        let stop = Arc::new(AtomicBool::new(false));
        let clients: Vec<_> = (0..4_u64)
            .map(|client| {
                let nodes = serving.len() as u64;
                let own = &serving[usize::try_from(client % nodes).unwrap()];
                let (office, done, stop) =
                    (Office::of(machine, own), Arc::clone(done), stop.clone());
                std::thread::spawn(move || load(&office, &done, turn * 10 + client, &stop))
            })
            .collect();
        std::thread::sleep(Duration::from_millis(900));
        if turn < 2 {
            drop(serving.remove(0));
        }
        stop.store(true, Ordering::Relaxed);
        for client in clients {
            client.join().unwrap();
        }
        if turn < 2 {
            serving.push(serve(machine));
        }
    }
    serving
}

fn check(machine: &Machine, nodes: usize) {
    let first = serve(machine);
    furnish(machine, &first);
    let serving: Vec<Serving> =
        std::iter::once(first).chain((1..nodes).map(|_| serve(machine))).collect();
    let done = Arc::new(Done::default());
    let serving = shaken(machine, serving, &done);
    let asked = done.ids.lock().unwrap().len();
    assert!(asked > 100, "too little was asked: {asked}");
    // Every hold comes to its end.
    std::thread::sleep(Duration::from_millis(2_500));
    for node in &serving {
        agree(machine, &Office::of(machine, node), &done);
    }
    let office = Office::of(machine, &serving[0]);
    let used = truth(&office, &done, "ten").used;
    scraped(&office, &format!("jeton_campaign_used{{campaign=\"ten\"}} {used}"));
    // Counted anew, all is as it was.
    machine.json(0, &["--url", &office.url, "figures", "rebuild"]);
    agree(machine, &office, &done);
}

fn check_on_redis(nodes: usize) {
    let options = RedisOptions { aof: Aof::Always, ..RedisOptions::default() };
    let redis = RedisServer::start(&options).unwrap();
    let machine = Machine::new();
    machine.json(0, &["init", "--store", &redis.url()]);
    check(&machine, nodes);
}

#[test]
fn figures_agree_with_the_ledger_after_a_kill() {
    check(&Machine::new(), 1);
}

#[test]
fn figures_agree_with_a_ledger_in_redis_after_a_kill() {
    check_on_redis(1);
}

#[test]
fn two_nodes_count_everything_once() {
    check_on_redis(2);
}
