//! A house to test in: a server in a box with a clock that stands still, and a table language for
//! what callers and the office do there. Everything a caller does goes over QUIC.
//!
//! One line is one request. `at MOMENT` or `+MS` in front sets the clock; text after `#` is a
//! remark.
//!
//! ```text
//! at 2026-06-15T10:00:00+02:00 redeem a ANNA gate=north => redeemed ordinal=1
//! +500     redeem b ANNA          => period_limit resets=2026-06-16T00:00:00+02:00
//!          release a part=1 as=r  => again released live=0
//! ```
//!
//! Callers: `redeem ID CODES`, `hold ID CODES ttl=MS`, `validate CODES`, `confirm ID part=N`,
//! `release ID part=N as=ID`, `extend ID ttl=MS`, `status ID`, `code CODE`; what they can say of
//! an order is in [`order`]. Several codes are joined by commas, `-` is none; `partial=true`,
//! `dry=true` and `now=MOMENT` are options; `release ID codes=CODES` gives back these only. The
//! office: `pause`, `resume`,
//! `end` and `draft CAMPAIGN`, `revoke` and `reinstate CODE`, `paid CODE MOMENT`,
//! `replace OLD NEW`; and `restart`, which stops the server and starts it over the same stores.
//!
//! Expected is the state or the refusal's reason (`again` before it: a repeated answer), and any
//! facts. `same=true` says that everything but that mark is as it was when this verb was answered
//! with yes for this id for the first time. `all` of a refusal names every detail that is told.

use std::collections::HashMap;

use jeton::auth::role::Role;
use jeton::catalog::{CampaignDocument, Expect};
use jeton::client::{
    Accepted, Client, Confirm, Extend, Id, Line, Order, Passage, Release, Reply, Request, Trigger,
};
use jeton::domain::campaign::Status;
use jeton::domain::id::CampaignId;
use jeton::domain::time::Timestamp;
use jeton::engine::CodeChange;
use jeton::protocol::{CodeQuery, Hold, Options, Redeem, StatusQuery, Validate};
use jeton::testing::{BoxOptions, ManualClock, ServerBox};

use crate::told::{fact, normal, outcome};

/// Where the clock of a new house stands: a Monday noon in June.
pub(crate) const NOON: &str = "2026-06-15T12:00:00+02:00";

/// Runs `script` in a new house with these campaigns (TOML) and their codes.
#[track_caller]
pub(crate) fn check(campaigns: &[(&str, &str)], script: &str) {
    let told = block_on(async { House::open(campaigns).await.run(script).await });
    assert!(told.is_ok(), "{}", told.err().unwrap_or_default());
}

/// Runs a test with two threads, as the smallest server has.
pub(crate) fn block_on<T>(test: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().unwrap().block_on(test)
}

pub(crate) fn moment(text: &str) -> Timestamp {
    Timestamp::from_rfc3339(text).unwrap()
}

/// The id that `name` stands for.
pub(crate) fn id(name: &str) -> Id {
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to = from);
    Id(bytes)
}

/// A server with campaigns, a clock and somebody at the till.
pub(crate) struct House {
    pub(crate) clock: ManualClock,
    pub(crate) server: ServerBox,
    pub(crate) client: Client,
    options: BoxOptions,
    first_yes: HashMap<(String, Id), Accepted>,
    releases: u64,
    dir: tempfile::TempDir,
}

impl House {
    pub(crate) async fn open(campaigns: &[(&str, &str)]) -> Self {
        Self::open_with(BoxOptions::default(), campaigns).await
    }

    /// With other options than usual; the clock is the house's own.
    pub(crate) async fn open_with(options: BoxOptions, campaigns: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(moment(NOON));
        let options = BoxOptions { clock: clock.clock(), ..options };
        let server = ServerBox::start(dir.path(), options.clone()).await.unwrap();
        let client = server.client(Role::Checkout).await.unwrap();
        let first_yes = HashMap::new();
        let house = Self { clock, server, client, options, first_yes, releases: 0, dir };
        house.server.allow_codes(16).unwrap();
        for (toml, codes) in campaigns {
            house.put(toml);
            let id = CampaignDocument::from_toml(toml).unwrap().id;
            if !codes.is_empty() {
                house.server.codes(&id, codes).unwrap();
            }
        }
        house
    }

    /// Stores a campaign, or another version of it.
    pub(crate) fn put(&self, toml: &str) {
        self.server.define(toml).unwrap();
    }

    /// Stops the server and starts it again over the same stores.
    pub(crate) async fn restart(self) -> Self {
        let Self { clock, server, client, options, first_yes, releases, dir } = self;
        client.close().await;
        server.stop().await;
        let server = ServerBox::start(dir.path(), options.clone()).await.unwrap();
        let client = server.client(Role::Checkout).await.unwrap();
        Self { clock, server, client, options, first_yes, releases, dir }
    }

    /// Runs a script and says which line was answered otherwise.
    pub(crate) async fn run(mut self, script: &str) -> Result<Self, String> {
        for (number, text) in script.lines().enumerate() {
            let line = text.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let wrong = |what: String| format!("line {}: {line}\n{what}\nin{script}", number + 1);
            let (left, expected) = line.split_once("=>").unwrap_or((line, ""));
            let mut words: Vec<&str> = left.split_whitespace().collect();
            self.set_clock(&mut words);
            if words.is_empty() {
                continue;
            }
            if words == ["restart"] {
                self = self.restart().await;
                continue;
            }
            let found = self.line(&words, expected).await.map_err(wrong)?;
            let expected = normal(expected);
            if expected != found {
                return Err(wrong(format!("expected: {expected}\n   found: {found}")));
            }
        }
        Ok(self)
    }

    fn set_clock(&self, words: &mut Vec<&str>) {
        if let Some(ms) = words[0].strip_prefix('+') {
            self.clock.advance(ms.parse().unwrap());
            words.remove(0);
        } else if words[0] == "at" {
            self.clock.set(moment(words[1]));
            words.drain(..2);
        }
    }

    async fn line(&mut self, words: &[&str], expected: &str) -> Result<String, String> {
        if self.office(words)? {
            return Ok(String::new());
        }
        let request = self.request(words)?;
        let named = request.id();
        let reply = self.client.send(request).await;
        let now = self.clock.now();
        if expected.trim().is_empty() {
            return Err(format!("a request needs its answer after =>: {reply:?}"));
        }
        let same = match (&reply, named) {
            (Ok(Reply::Accepted(yes)), Some(id)) => self.is_same(words[0], id, yes),
            _ => false,
        };
        let mut found = vec![outcome(&reply)];
        for (name, _) in expected.split_whitespace().filter_map(|word| word.split_once('=')) {
            let value = if name == "same" { same.to_string() } else { fact(&reply, name, now) };
            found.push(format!("{name}={value}"));
        }
        Ok(found.join(" "))
    }

    /// Whether everything but the mark is as it was the first time.
    fn is_same(&mut self, verb: &str, id: Id, yes: &Accepted) -> bool {
        let plain = Accepted { replayed: false, ..yes.clone() };
        let first = self.first_yes.entry((verb.to_owned(), id)).or_insert_with(|| plain.clone());
        *first == plain
    }

    /// What the office does, without asking over the wire. False when it is not its matter.
    fn office(&self, words: &[&str]) -> Result<bool, String> {
        let (engine, tenant) = (&self.server.engine, self.server.tenant());
        let subject = words.get(1).copied().unwrap_or_default();
        let change = match words[0] {
            "pause" | "resume" | "end" | "draft" => {
                let status = match words[0] {
                    "pause" => Status::Paused,
                    "resume" => Status::Active,
                    "end" => Status::Ended,
                    _ => Status::Draft,
                };
                let id = CampaignId::parse(subject).unwrap();
                let put = engine.put_status(tenant, &id, status, Expect::Any, "test");
                return put.map(|_| true).map_err(|error| error.to_string());
            }
            "replace" => {
                let new = engine.replace_code(tenant, subject, Some(words[2]), "test");
                return new.map(|_| true).map_err(|error| error.to_string());
            }
            "revoke" => CodeChange::Revoke,
            "reinstate" => CodeChange::Reinstate,
            "paid" => CodeChange::Paid(moment(words[2])),
            _ => return Ok(false),
        };
        let changed = engine.change_code(tenant, subject, &change, "test");
        changed.map(|()| true).map_err(|error| error.to_string())
    }

    fn request(&mut self, words: &[&str]) -> Result<Request, String> {
        let subject = words.get(1).copied().ok_or("what?")?;
        let number = |name: &str| said(words, name).map_or(0, |n| n.parse().unwrap());
        let ttl_ms = u32::try_from(number("ttl")).unwrap();
        let codes =
            |text: &str| text.split(',').filter(|code| *code != "-").map(str::to_owned).collect();
        let options = Options {
            partial: said(words, "partial") == Some("true"),
            now_ms: said(words, "now").map(|now| moment(now).0),
            dry: said(words, "dry") == Some("true"),
        };
        let about = id(subject);
        Ok(match words[0] {
            "redeem" => Request::Redeem(Redeem {
                deadline_ms: 0,
                id: about,
                codes: codes(words[2]),
                order: order(&words[3..])?,
                options,
            }),
            "hold" => Request::Hold(Hold {
                deadline_ms: 0,
                id: about,
                codes: codes(words[2]),
                order: order(&words[3..])?,
                ttl_ms,
                options,
            }),
            "validate" => Request::Validate(Validate {
                codes: codes(subject),
                order: order(&words[2..])?,
                options,
                ..Validate::default()
            }),
            "confirm" => {
                Request::Confirm(Confirm { id: about, part: number("part"), ..Confirm::default() })
            }
            "release" => {
                self.releases += 1;
                let fresh = format!("release {}", self.releases);
                let release_id = id(said(words, "as").unwrap_or(&fresh));
                let part = number("part");
                let codes = said(words, "codes").map(codes).unwrap_or_default();
                Request::Release(Release { id: about, release_id, part, codes, deadline_ms: 0 })
            }
            "extend" => Request::Extend(Extend { id: about, ttl_ms, ..Extend::default() }),
            "status" => Request::Status(StatusQuery { deadline_ms: 0, id: about }),
            "code" => Request::Code(CodeQuery { deadline_ms: 0, code: subject.to_owned() }),
            verb => return Err(format!("{verb} is no verb")),
        })
    }
}

fn said<'a>(words: &[&'a str], name: &str) -> Option<&'a str> {
    words.iter().filter_map(|word| word.split_once('=')).find(|(n, _)| *n == name).map(|w| w.1)
}

/// `customer= group= gate= property= channel= partner= brand= ref= units= amount=MINOR
/// total=MINOR:EUR line=PRODUCT/CATEGORY/QUANTITY/MINOR[/TYPE[/THEME[/REGION]]] in=ZONE out=ZONE
/// nights= arrival=DATE departure=DATE booked=DATE adults= children= persons= first=BOOL
/// trigger=NUMBER slot=`
fn order(words: &[&str]) -> Result<Order, String> {
    let mut order = Order::default();
    for word in words {
        let (name, value) = word.split_once('=').ok_or_else(|| format!("{word}?"))?;
        let own = || Some(value.to_owned());
        match name {
            "customer" => order.customer = own(),
            "group" => order.customer_groups.push(value.to_owned()),
            "gate" => order.gate = own(),
            "property" => order.property = own(),
            "channel" => order.channel = own(),
            "partner" => order.partner = own(),
            "brand" => order.brand = own(),
            "ref" => order.order_ref = own(),
            "units" => order.units = value.parse().unwrap(),
            "amount" => order.amount_minor = Some(value.parse().unwrap()),
            "total" => {
                let (minor, currency) = value.split_once(':').unwrap_or((value, ""));
                order.total_minor = Some(minor.parse().unwrap());
                order.currency = (!currency.is_empty()).then(|| currency.to_owned());
            }
            "line" => {
                let parts: Vec<&str> = value.split('/').collect();
                order.lines.push(Line {
                    product: parts[0].to_owned(),
                    category: parts[1].to_owned(),
                    quantity: parts[2].parse().unwrap(),
                    amount_minor: parts[3].parse().unwrap(),
                    product_type: parts.get(4).copied().unwrap_or_default().to_owned(),
                    theme: parts.get(5).copied().unwrap_or_default().to_owned(),
                    region: parts.get(6).copied().unwrap_or_default().to_owned(),
                });
            }
            "nights" => order.nights = Some(value.parse().unwrap()),
            "arrival" => order.arrival_day = Some(day(value)),
            "departure" => order.departure_day = Some(day(value)),
            "booked" => order.booked_day = Some(day(value)),
            "adults" => order.adults = Some(value.parse().unwrap()),
            "children" => order.children = Some(value.parse().unwrap()),
            "persons" => order.persons = Some(value.parse().unwrap()),
            "first" => order.first_order = Some(value.parse().unwrap()),
            "trigger" => {
                order.trigger = Trigger::from_number(value.parse().unwrap()).unwrap();
            }
            "slot" => order.slot = own(),
            "in" => (order.zone, order.passage) = (own(), Passage::Entry),
            "out" => (order.zone, order.passage) = (own(), Passage::Exit),
            "ttl" | "partial" | "dry" | "now" => {}
            _ => return Err(format!("an order has no {name}")),
        }
    }
    Ok(order)
}

fn day(date: &str) -> i32 {
    date.parse::<chrono::NaiveDate>().unwrap().to_epoch_days()
}
