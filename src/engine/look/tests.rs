//! What is known well enough, and that a look changes nothing but what is known.

use std::ops::ControlFlow;
use std::sync::Arc;

use chrono::NaiveDate;
use smallvec::smallvec;

use super::*;
use crate::catalog::{self, document::PolicyDocument};
use crate::clock::Clock;
use crate::domain::id::{CampaignId, RequestId, TenantId};
use crate::domain::order::{FirstOrder, Line, Order, Trigger};
use crate::domain::refusal::Reason;
use crate::domain::rules::StackMode;
use crate::engine::{
    CampaignDocument, CodeFilter, DefinitionDocument, Expect, IssueOrder, List, ListFormat,
    Options, Standing, Trial, Verdict, fingerprint,
};
use crate::ledger::{self, Durability};

const NOW: Timestamp = Timestamp(1_781_517_600_000);

fn known(ago_ms: i64) -> Knowledge {
    Knowledge::Of(NOW.plus_ms(-ago_ms))
}

#[test]
fn what_is_known_is_enough_while_it_is_young() {
    let table = [
        (Knowledge::Exact, Counts::Known, Ok(None)),
        (Knowledge::Exact, Counts::Exact, Ok(None)),
        (known(0), Counts::Known, Ok(Some(0))),
        (known(1_000), Counts::Known, Ok(Some(1_000))),
        (known(1_001), Counts::Known, Err(TooLittle)),
        // Fetched for another request, a moment after this one came.
        (known(-5), Counts::Known, Ok(Some(0))),
        (known(0), Counts::Exact, Err(TooLittle)),
        (Knowledge::None, Counts::Known, Err(TooLittle)),
        (Knowledge::None, Counts::Exact, Err(TooLittle)),
    ];
    for (knowledge, counts, expect) in table {
        assert_eq!(enough(knowledge, counts, NOW, Some(1_000)), expect, "{knowledge:?} {counts:?}");
    }
}

#[test]
fn what_this_node_has_changed_is_not_enough_unless_any_age_will_do() {
    let stale = Knowledge::Stale(NOW.plus_ms(-7));
    assert_eq!(enough(stale, Counts::Known, NOW, Some(1_000)), Err(TooLittle));
    assert_eq!(enough(stale, Counts::Known, NOW, None), Ok(Some(7)));
    assert_eq!(enough(stale, Counts::Exact, NOW, None), Err(TooLittle));
    assert_eq!(enough(known(86_400_000), Counts::Known, NOW, None), Ok(Some(86_400_000)));
}

#[test]
fn a_ledger_that_is_away_leaves_what_was_known_and_a_fenced_one_nothing() {
    let looked = || Ok(Answer::Outcome(Outcome::Looked));
    let (late, away) = (|| Ok(Answer::Late), || Err(LedgerError::Away("cut".into())));
    let fenced = || Err(LedgerError::Fenced("flushed".into()));
    let old = known(86_400_000);
    let (unavailable, busy) = (Err(Reason::Unavailable), Err(Reason::Busy));
    let table = [
        (looked(), old, Counts::Known, Ok(None)),
        (looked(), known(0), Counts::Exact, Ok(None)),
        (late(), old, Counts::Known, Ok(Some(86_400_000))),
        (away(), old, Counts::Known, Ok(Some(86_400_000))),
        (Err(LedgerError::Busy), old, Counts::Known, Ok(Some(86_400_000))),
        (late(), old, Counts::Exact, unavailable),
        (away(), old, Counts::Exact, unavailable),
        (Err(LedgerError::Busy), old, Counts::Exact, busy),
        (late(), Knowledge::None, Counts::Known, unavailable),
        (away(), Knowledge::None, Counts::Known, unavailable),
        (
            Ok(Answer::Failed(LedgerError::Away("cut".into()))),
            old,
            Counts::Known,
            Ok(Some(86_400_000)),
        ),
        (Ok(Answer::Failed(LedgerError::Busy)), Knowledge::None, Counts::Known, busy),
        (
            Ok(Answer::Failed(LedgerError::Fenced("flushed".into()))),
            old,
            Counts::Known,
            unavailable,
        ),
        (fenced(), old, Counts::Known, unavailable),
        (fenced(), old, Counts::Exact, unavailable),
        (Err(LedgerError::Closed), old, Counts::Known, unavailable),
        (Ok(Answer::Outcome(Outcome::Unknown)), old, Counts::Known, unavailable),
    ];
    for (answer, knowledge, counts, expect) in table {
        let age = age_after(&answer, knowledge, counts, NOW).map_err(|refusal| refusal.reason);
        assert_eq!(age, expect, "{answer:?} {knowledge:?} {counts:?}");
    }
}

#[test]
fn nothing_is_taken_over_records_that_were_not_fetched() {
    let table = [
        (Ok(Answer::Outcome(Outcome::Looked)), Ok(())),
        (Ok(Answer::Outcome(Outcome::Unknown)), Err(Reason::Unavailable)),
        (Ok(Answer::Late), Err(Reason::Busy)),
        (Ok(Answer::Failed(LedgerError::Busy)), Err(Reason::Busy)),
        (Ok(Answer::Failed(LedgerError::Closed)), Err(Reason::Unavailable)),
        (Err(LedgerError::Busy), Err(Reason::Busy)),
        (Err(LedgerError::Away("cut".into())), Err(Reason::Unavailable)),
        (Err(LedgerError::Fenced("flushed".into())), Err(Reason::Unavailable)),
    ];
    for (answer, expect) in table {
        assert_eq!(fetched(&answer).map_err(|no| no.reason), expect, "{answer:?}");
    }
}

/// An engine over a ledger in memory, with one code of each campaign: the code is the campaign's id
/// in capitals.
struct Place {
    engine: Engine,
    tenant: TenantId,
    _dir: tempfile::TempDir,
}

const CAMPAIGNS: [&str; 4] = [
    r#"id = "plain"
       kind = "pass"
       uses = 2"#,
    r#"id = "week"
       kind = "pass"
       zone = "Europe/Vienna"
       validity.relative = { since = "first_use", count = 7, unit = "days" }"#,
    r#"id = "gift"
       kind = "voucher"
       currency = "EUR"
       balance = "50.00""#,
    r#"id = "limited"
       kind = "discount"
       currency = "EUR"
       effects = [{ type = "amount", amount = "1.00" }]
       limits = [
           { scope = "code", counts = "uses", period = "day", max = 5 },
           { scope = "campaign", counts = "money", period = "total", max = "900.00" },
           { scope = "customer", counts = "uses", period = "total", max = 5 },
       ]"#,
];

impl Place {
    fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = ledger::Options::new(dir.path().join("ledger"), Arc::new(|| NOW));
        ledger.durability = Durability::Memory;
        let options = Options {
            catalog: catalog::Options {
                store: catalog::Store::Embedded { dir: dir.path().join("catalog") },
                store_key: [7; 32],
            },
            ledger,
            code_secret: [9; 32],
            campaign_labels: Vec::new(),
            counts_age_ms_max: 1_000,
            clock: Clock::from_fn(|| NOW),
            random: Arc::new(|bytes| {
                bytes.fill(3);
                true
            }),
        };
        let (engine, _) = Engine::open(options, |_, _| {}).unwrap();
        let tenant = TenantId::parse("park").unwrap();
        let place = Self { engine, tenant, _dir: dir };
        let policy = PolicyDocument { codes_max: Some(16), ..PolicyDocument::default() };
        let policy = DefinitionDocument::Policy(policy);
        place.engine.put_definition(&place.tenant, policy, Expect::New, "test").unwrap();
        CAMPAIGNS.into_iter().for_each(|campaign| place.put(campaign));
        place
    }

    fn put(&self, toml: &str) {
        let document = CampaignDocument::from_toml(toml).unwrap();
        let stored = self.engine.put_campaign(&self.tenant, document, Expect::New, "test");
        let campaign = stored.unwrap().0.campaign.id.clone();
        let code = campaign.as_str().to_uppercase();
        let order = IssueOrder::plain(campaign);
        let list = List { input: code.as_bytes(), format: ListFormat::Auto, trial: Trial::Real };
        let imported = self.engine.import(&self.tenant, &order, list, "test", |_| {}).unwrap();
        assert_eq!(imported.accepted, 1);
    }

    fn ask<'a>(&'a self, codes: &[&'a str]) -> Ask<'a> {
        Ask {
            tenant: &self.tenant,
            codes: codes.into(),
            order: order(),
            now: NOW,
            mode: StackMode::AllOrNothing,
        }
    }

    fn codes(&self, ask: &Ask<'_>) -> Codes {
        self.engine.find_all(ask).unwrap()
    }

    /// Carries out what follows a look, as where the ledger is elsewhere.
    fn after_look(&self, verb: Verb, ask: &Ask<'_>, then: Then) -> Verdict {
        let owners = self.engine.owners(ask, &self.codes(ask));
        let origin = self.engine.origin_of(verb, &self.tenant);
        let prepared = self.engine.look(origin, owners, then, Timestamp::NEVER);
        self.carry_out(prepared)
    }

    fn carry_out(&self, prepared: Prepared) -> Verdict {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(self.engine.carry_out(prepared))
    }
}

fn order<'a>() -> Order<'a> {
    Order {
        customer: Some("guest-81"),
        customer_groups: smallvec!["vip", "staff"],
        gate: Some("north"),
        property: Some("aqua"),
        channel: Some("web"),
        partner: Some("agency"),
        brand: Some("splash"),
        currency: Some("EUR"),
        total_minor: Some(9_000),
        lines: smallvec![
            Line {
                product: "adult",
                category: "ticket",
                quantity: 2,
                amount_minor: 8_000,
                product_type: "programme",
                theme: "slides",
                region: "tyrol",
            },
            Line { product: "locker", quantity: 1, amount_minor: 500, ..Line::default() },
        ],
        units: 1,
        amount_minor: None,
        order_ref: Some("order-7"),
        zone: Some("slides"),
        passage: Passage::Entry,
        nights: Some(4),
        arrival: NaiveDate::from_epoch_days(20_574),
        departure: NaiveDate::from_epoch_days(20_578),
        booked: NaiveDate::from_epoch_days(20_400),
        adults: Some(2),
        children: Some(1),
        persons: Some(3),
        first_order: FirstOrder::No,
        trigger: Trigger::Referral,
        slot: Some("summer"),
    }
}

#[test]
fn a_kept_question_is_the_same_question() {
    let place = Place::open();
    for passage in [Passage::None, Passage::Entry, Passage::Exit] {
        let mut ask = place.ask(&["PLAIN"]);
        ask.order.passage = passage;
        ask.mode = StackMode::Partial;
        let key = *place.codes(&ask).keys.first().unwrap();
        let all = |ask: &Ask<'_>| {
            let print = fingerprint::of_request(&[key], &ask.order, ask.mode);
            (ask.tenant.clone(), ask.now, ask.mode, format!("{:?}", ask.order), print)
        };
        assert_eq!(all(&KeptAsk::of(&ask).ask()), all(&ask));
    }
}

#[test]
fn every_leg_of_a_plan_is_among_the_owners_that_are_looked_at() {
    let place = Place::open();
    for codes in [&["PLAIN"][..], &["WEEK"], &["GIFT"], &["LIMITED"], &["LIMITED", "WEEK", "GIFT"]]
    {
        let ask = place.ask(codes);
        let found = place.codes(&ask);
        let mut missed = place.engine.owners(&ask, &found);
        let judged = place.engine.judge(&ask, &found).unwrap();
        for leg in &judged.plan.legs {
            let owner = leg.key().owner;
            let owners = place.engine.owners(&ask, &place.codes(&ask));
            assert!(owners.contains(&owner), "{codes:?}: {leg:?}");
            missed.retain(|missed| *missed != owner);
        }
        assert!(missed.is_empty(), "{codes:?}: nothing is looked at in vain");
    }
}

#[test]
fn only_what_no_guard_decides_is_looked_at_before_it_is_taken() {
    let place = Place::open();
    let count = |codes: &[&str], passage| {
        let mut ask = place.ask(codes);
        ask.order.passage = passage;
        place.engine.owners_to_take(&ask, &place.codes(&ask)).len()
    };
    assert_eq!(count(&["PLAIN"], Passage::Entry), 0);
    assert_eq!(count(&["LIMITED"], Passage::None), 0);
    assert_eq!(count(&["WEEK"], Passage::None), 1);
    assert_eq!(count(&["WEEK"], Passage::Exit), 0);
    // The ledger finds what a lone voucher has; what the next one pays must be known before.
    assert_eq!(count(&["GIFT"], Passage::None), 0);
    assert_eq!(count(&["GIFT", "PLAIN"], Passage::None), 1);
}

#[test]
fn a_validation_after_a_look_says_what_it_says_without() {
    let place = Place::open();
    let check = |codes: &[&str], expect: Result<Standing, Reason>| {
        let ask = place.ask(codes);
        let at_once = place.carry_out(place.engine.validate(&ask, Counts::Exact, NOW));
        let (kept, found) = (KeptAsk::of(&ask), place.codes(&ask));
        let then = Then::Validate { ask: kept, codes: found, counts: Counts::Exact };
        let later = place.after_look(Verb::Validate, &ask, then);
        assert_eq!(later, at_once, "{codes:?}");
        let told = later.map(|yes| (yes.standing, yes.counts_age_ms)).map_err(|no| no.reason);
        assert_eq!(told, expect.map(|standing| (standing, None)), "{codes:?}");
    };
    let yes = Ok(Standing::Valid);
    check(&["PLAIN"], yes);
    check(&["LIMITED", "GIFT"], yes);
    check(&["GIFT", "GIFT"], Err(Reason::AlreadyApplied));
    for id in [1, 2] {
        let redeem = place.engine.redeem(&place.ask(&["PLAIN"]), RequestId([id; 16]), NOW);
        assert_eq!(place.carry_out(redeem).unwrap().standing, Standing::Redeemed);
    }
    check(&["PLAIN"], Err(Reason::UsageLimit));
}

#[test]
fn a_redemption_after_a_look_is_the_one_that_goes_straight() {
    let place = Place::open();
    let ask = place.ask(&["WEEK"]);
    let id = RequestId([5; 16]);
    let after_look = |verb| {
        let taking = Taking { id, verb, ttl_ms: 0, deadline: Timestamp::NEVER };
        let then = Then::Take { ask: KeptAsk::of(&ask), codes: place.codes(&ask), taking };
        place.after_look(verb, &ask, then).unwrap()
    };
    let first = after_look(Verb::Redeem);
    assert_eq!((first.standing, first.is_replayed), (Standing::Redeemed, false));
    let straight = place.engine.redeem(&ask, id, Timestamp::NEVER);
    let again = place.carry_out(straight).unwrap();
    assert!(again.is_replayed, "the same id with the same meaning");
    assert_eq!(again.uses, first.uses);
    assert!(after_look(Verb::Redeem).is_replayed);
}

#[test]
fn a_look_that_came_too_late_takes_nothing() {
    let place = Place::open();
    let ask = place.ask(&["WEEK"]);
    let codes = place.codes(&ask);
    let taking =
        Taking { id: RequestId([6; 16]), verb: Verb::Hold, ttl_ms: 0, deadline: Timestamp::NEVER };
    let owners = place.engine.owners(&ask, &codes);
    let look = |looks| {
        let (ask, codes) = (KeptAsk::of(&ask), codes.clone());
        let then = Then::Take { ask, codes, taking };
        Look { owners: owners.clone(), then, deadline: Timestamp::NEVER, looks }
    };
    let is_busy = |prepared| {
        let Prepared::Answer(Err(refusal)) = prepared else { return false };
        refusal.reason == Reason::Busy
    };
    let origin = || place.engine.origin_of(Verb::Hold, &place.tenant);
    assert!(is_busy(place.engine.looked(origin(), look(1), &Ok(Answer::Late))));
    // What others change over and over is not looked at for ever.
    let again = place.engine.look_again(origin(), look(LOOKS_MAX - 1));
    assert!(matches!(again, Prepared::Posting(_)));
    assert!(is_busy(place.engine.look_again(origin(), look(LOOKS_MAX))));
    assert_eq!(place.engine.ledger().read().last_event(), 0);
}

#[test]
fn a_page_after_a_look_says_what_it_says_without() {
    let place = Place::open();
    let ask = place.ask(&["PLAIN"]);
    let redeem = place.engine.redeem(&ask, RequestId([7; 16]), NOW);
    assert_eq!(place.carry_out(redeem).unwrap().standing, Standing::Redeemed);
    let found = place.codes(&ask).named.first().unwrap().found.clone();
    let owners = Owners::from_iter([found.code.owner]);
    let page = |answer| {
        let then = Then::Page { found: found.clone(), now: NOW };
        let look = Look { owners: owners.clone(), then, deadline: NOW, looks: 1 };
        let origin = place.engine.origin_of(Verb::Code, &place.tenant);
        place.engine.looked(origin, look, &answer)
    };
    let Prepared::Page(later) = page(Ok(Answer::Outcome(Outcome::Looked))) else {
        panic!("a page is expected")
    };
    let at_once = place.engine.code_page(&place.tenant, "PLAIN", NOW).unwrap();
    assert_eq!((later.used, later.readiness), (1, at_once.readiness));
    assert_eq!((later.last_used, at_once.last_used), (None, Some(NOW)));
    let away = page(Err(LedgerError::Away("cut".into())));
    let Prepared::Answer(Err(refusal)) = away else { panic!("a refusal is expected") };
    assert_eq!(refusal.reason, Reason::Unavailable);
}

#[test]
fn an_export_is_whole_over_its_pages_and_ends_where_it_is_told() {
    const CODES: usize = 2_345;
    let place = Place::open();
    let list: Vec<String> = (0..CODES).map(|place| format!("GUEST-{place:04}")).collect();
    let order = IssueOrder::plain(CampaignId::parse("plain").unwrap());
    let text = list.join("\n");
    let input = List { input: text.as_bytes(), format: ListFormat::Auto, trial: Trial::Real };
    let imported = place.engine.import(&place.tenant, &order, input, "test", |_| {}).unwrap();
    let redeem = place.engine.redeem(&place.ask(&["GUEST-2000"]), RequestId([8; 16]), NOW);
    assert_eq!(place.carry_out(redeem).unwrap().standing, Standing::Redeemed);
    let batches = place.engine.batches(&place.tenant, None).unwrap();
    let batch = batches.iter().find(|batch| batch.number == imported.batch).unwrap();
    let export = |most: usize| {
        let mut rows = Vec::new();
        let exported = place.engine.export(batch, CodeFilter::default(), |code| {
            rows.push((code.text.to_owned(), code.used));
            if rows.len() == most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        exported.unwrap();
        rows
    };
    let expect = |most: usize| -> Vec<(String, u64)> {
        let used = |text: &String| u64::from(text == "GUEST-2000");
        list.iter().take(most).map(|text| (text.clone(), used(text))).collect()
    };
    for most in [1, 999, 1_000, 1_001, 2_000, CODES, usize::MAX] {
        assert_eq!(export(most), expect(most), "at most {most}");
    }
}
