//! Callers over the wire: who may do what, who is thrown out, who guesses, and what strangers hear.

use std::time::Duration;

use jeton::auth::caller::{Identity, Name};
use jeton::auth::guess::{GuessLimits, GuessOptions};
use jeton::auth::role::Role;
use jeton::client::{
    Answer, Client, Error, Hold, Id, Redeem, Refused, Release, Reply, Request, Validate, new_id,
};
use jeton::ledger::Durability;
use jeton::testing::servers::{RedisOptions, RedisServer};
use jeton::testing::{BoxOptions, RedisStore};
use tokio::time::Instant;

use crate::house::{House, block_on};
use crate::told::outcome;

const ENTRY: &str = "id = \"entry\"\nkind = \"pass\"\nuses = 1\n";
const ANY: &str = "id = \"any\"\nkind = \"pass\"\n";

fn reason(answer: Result<Answer, Error>) -> String {
    match answer {
        Ok(Answer::Yes(_)) => "yes".to_owned(),
        Ok(Answer::No(no)) => no.reason,
        Err(error) => outcome(&Err(error)),
    }
}

fn no(answer: Result<Answer, Error>) -> Refused {
    match answer {
        Ok(Answer::No(no)) => no,
        other => panic!("{other:?}"),
    }
}

#[test]
fn roles_may_do_what_the_table_says() {
    block_on(async {
        let house = House::open(&[(ANY, "PASS")]).await;
        let table = "
            gate      yes             yes             not_permitted  redemption_not_found
            checkout  yes             yes             yes            redemption_not_found
            office    yes             yes             yes            redemption_not_found
            monitor   not_permitted   not_permitted   not_permitted  redemption_not_found
            public    yes             not_applicable  not_applicable not_applicable";
        for row in table.lines().filter(|row| !row.trim().is_empty()) {
            let row: Vec<&str> = row.split_whitespace().collect();
            let client = house.server.client(row[0].parse().unwrap()).await.unwrap();
            let told = [
                reason(client.validate(Validate::code("PASS")).await),
                reason(client.redeem(Redeem::code("PASS")).await),
                reason(client.hold(Hold::code("PASS")).await),
                reason(client.status(new_id()).await),
            ];
            assert_eq!(told[..], row[1..], "{}", row[0]);
        }
        house.run("code PASS => ready used=3 held=2").await.unwrap();
    });
}

#[test]
fn a_client_certificate_says_who_calls() {
    block_on(async {
        let house = House::open(&[(ANY, "PASS")]).await;
        let (chain, key) = house.server.client_certificate(Role::Gate).unwrap();
        let options = house.server.client_options(Role::Monitor).unwrap().token("");
        let gate = Client::connect(options.clone().identity_pem(chain, key)).await.unwrap();
        let welcome = gate.welcome().unwrap();
        assert_eq!((welcome.tenant.as_str(), welcome.role.as_str()), ("park", "gate"));
        assert_eq!(reason(gate.redeem(Redeem::code("PASS")).await), "yes");
        assert_eq!(reason(gate.hold(Hold::code("PASS")).await), "not_permitted");

        let nobody = Client::connect(options).await;
        assert!(matches!(nobody, Err(Error::TurnedAway { number: 6, .. })), "{nobody:?}");

        // A certificate of another authority does not get through the handshake.
        let other = House::open(&[]).await;
        let (chain, key) = other.server.client_certificate(Role::Gate).unwrap();
        let options = house.server.client_options(Role::Monitor).unwrap().token("");
        let forged = Client::connect(options.identity_pem(chain, key)).await;
        assert!(forged.is_err(), "{forged:?}");
    });
}

#[test]
fn a_revoked_token_is_out_within_a_second() {
    block_on(async {
        let house = House::open(&[(ANY, "PASS")]).await;
        let access = &house.server.server.shared().access;
        let tenant = house.server.tenant().clone();
        let name = Name::parse("thief").unwrap();
        let identity = Identity::new(tenant.clone(), Role::Gate, name);
        let (token, record) = access.mint(identity, None).unwrap();
        let options = house.server.client_options(Role::Gate).unwrap().token(token.as_str());
        let thief = Client::connect(options.clone()).await.unwrap();
        assert_eq!(reason(thief.redeem(Redeem::code("PASS")).await), "yes");
        access.revoke(&tenant, record.id()).unwrap().unwrap();
        house.clock.advance(1_001);
        assert_eq!(reason(thief.redeem(Redeem::code("PASS")).await), "fault 5");
        assert_eq!(reason(thief.redeem(Redeem::code("PASS")).await), "fault 5");
        let again = Client::connect(options).await;
        assert!(matches!(again, Err(Error::TurnedAway { number: 6, .. })), "{again:?}");
        house.run("redeem a PASS => redeemed ordinal=2").await.unwrap();
    });
}

#[test]
fn a_token_ends_when_it_says() {
    block_on(async {
        let house = House::open(&[(ANY, "PASS")]).await;
        let access = &house.server.server.shared().access;
        let name = Name::parse("helper").unwrap();
        let identity = Identity::new(house.server.tenant().clone(), Role::Gate, name);
        let end = house.clock.now().plus_ms(60_000);
        let (token, _) = access.mint(identity, Some(end.0)).unwrap();
        let options = house.server.client_options(Role::Gate).unwrap().token(token.as_str());
        let helper = Client::connect(options).await.unwrap();
        house.clock.advance(59_999);
        assert_eq!(reason(helper.redeem(Redeem::code("PASS")).await), "yes");
        house.clock.advance(1_001);
        assert_eq!(reason(helper.redeem(Redeem::code("PASS")).await), "fault 5");
    });
}

#[test]
fn a_scanner_speaks_for_its_own_place_only() {
    const NORTH: &str = r#"
id = "north"
kind = "pass"
conditions = [{ type = "gate", only = ["north"] }]
"#;
    block_on(async {
        let house = House::open(&[(NORTH, "PASS")]).await;
        let access = &house.server.server.shared().access;
        let name = Name::parse("scanner").unwrap();
        let mut identity = Identity::new(house.server.tenant().clone(), Role::Gate, name);
        identity.gate = Some(Name::parse("north").unwrap());
        let (token, _) = access.mint(identity, None).unwrap();
        let options = house.server.client_options(Role::Gate).unwrap().token(token.as_str());
        let scanner = Client::connect(options).await.unwrap();
        let told = [
            reason(scanner.redeem(Redeem::code("PASS").gate("south")).await),
            reason(scanner.redeem(Redeem::code("PASS").gate("north")).await),
            reason(scanner.redeem(Redeem::code("PASS")).await),
        ];
        assert_eq!(told, ["not_permitted", "yes", "yes"]);
        house.run("code PASS => ready used=2").await.unwrap();
    });
}

/// Somebody at a till, granted these properties only; none: all.
async fn till_of(house: &House, properties: &[&str]) -> Client {
    let name = Name::parse("till").unwrap();
    let mut identity = Identity::new(house.server.tenant().clone(), Role::Checkout, name);
    identity.properties = properties.iter().map(|name| Name::parse(name).unwrap()).collect();
    let minted = house.server.server.shared().access.mint(identity, None);
    let options = house.server.client_options(Role::Gate).unwrap().token(minted.unwrap().0);
    Client::connect(options).await.unwrap()
}

/// What somebody hears who tries everything on the request of this id, a release last.
async fn touch(client: &Client, id: Id) -> [String; 5] {
    let codes = ["PASS".to_owned()].into_iter().collect();
    let part = Request::Release(Release { release_id: new_id(), id, codes, ..Release::default() });
    let extended = reason(client.extend(id, Duration::from_secs(60)).await);
    let confirmed = reason(client.confirm(id).await);
    let status = reason(client.status(id).await);
    let part = match client.send(part).await.unwrap() {
        Reply::Accepted(_) => "yes".to_owned(),
        Reply::Refused(no) => no.reason,
        other => panic!("{other:?}"),
    };
    [extended, confirmed, status, part, reason(client.release(id).await)]
}

#[test]
fn who_has_properties_touches_what_was_made_in_these_only() {
    touches_what_is_its_own(BoxOptions::default());
}

#[test]
fn who_has_properties_touches_only_these_with_a_ledger_in_redis() {
    let redis = RedisServer::start(&RedisOptions::default()).unwrap();
    let store = block_on(RedisStore::initialise(redis.url(), 4)).unwrap();
    let durability = Durability::RedisAsIs;
    touches_what_is_its_own(BoxOptions { redis: Some(store), durability, ..BoxOptions::default() });
}

fn touches_what_is_its_own(options: BoxOptions) {
    block_on(async {
        let house = House::open_with(options, &[(ANY, "PASS")]).await;
        let [all, aqua, two] =
            [till_of(&house, &[]), till_of(&house, &["aqua"]), till_of(&house, &["dry", "aqua"])];
        let (all, aqua, two) = (all.await, aqua.await, two.await);
        let held = async |property: Option<&str>| {
            let id = new_id();
            let hold = Hold::code("PASS").id(id);
            let hold = property.into_iter().fold(hold, |hold, name| hold.property(name));
            assert_eq!(reason(all.hold(hold).await), "yes");
            id
        };
        let no = ["not_permitted"; 5];
        let yes = ["yes", "yes", "yes", "yes", "already_released"];
        for (property, expected) in [
            (Some("aqua"), [yes, yes, yes]),
            (Some("dry"), [yes, no, yes]),
            (Some("lake"), [yes, no, no]),
            (None, [yes, no, no]),
        ] {
            for (client, expected) in [&all, &aqua, &two].into_iter().zip(expected) {
                let id = held(property).await;
                assert_eq!(touch(client, id).await, expected, "{property:?}");
                // Who may not touch it has changed nothing.
                let left = if expected == no { "yes" } else { "already_released" };
                assert_eq!(reason(all.release(id).await), left, "{property:?}");
            }
        }
        // What a till of one property uses without naming it, it used there.
        let id = new_id();
        assert_eq!(reason(aqua.redeem(Redeem::code("PASS").id(id)).await), "yes");
        assert_eq!(reason(aqua.status(id).await), "yes");
        // Of what is unknown all hear the same.
        let unknown = touch(&all, new_id()).await;
        assert_eq!(touch(&aqua, new_id()).await, unknown);
        assert_eq!(unknown[2], "redemption_not_found");
        house.run("code PASS => ready used=1 held=0").await.unwrap();
    });
}

fn guesses(burst: u32) -> BoxOptions {
    let limits = GuessLimits {
        burst,
        refill_ms: 1_000,
        exhaustions_max: 1,
        lock_out_ms: 10_000,
        lock_out_ms_max: 300_000,
    };
    let guess = GuessOptions { trusted: limits, public: limits, ..GuessOptions::default() };
    BoxOptions { guess, ..BoxOptions::default() }
}

#[test]
fn who_guesses_too_much_is_locked_out_and_nobody_else() {
    block_on(async {
        let house = House::open_with(guesses(5), &[(ANY, "PASS")]).await;
        let guesser = house.server.client(Role::Gate).await.unwrap();
        let guess = |nr: u32| Redeem::code(format!("GUESS{nr}"));
        for nr in 0..5 {
            assert_eq!(reason(guesser.redeem(guess(nr)).await), "code_not_found");
        }
        let limited = no(guesser.redeem(Redeem::code("PASS")).await);
        assert_eq!((limited.reason.as_str(), limited.number), ("rate_limited", 220));
        assert!(limited.transient);
        assert_eq!(limited.details.retry_after_ms, Some(1_000));
        assert_eq!(reason(guesser.validate(Validate::code("PASS")).await), "rate_limited");
        // Another connection with the same token is the same caller; another token is not.
        let house = house.run("redeem a PASS => redeemed").await.unwrap();
        house.clock.advance(1_000);
        assert_eq!(reason(guesser.redeem(Redeem::code("PASS")).await), "yes");
        assert_eq!(reason(guesser.redeem(guess(9)).await), "code_not_found");
        let locked = no(guesser.redeem(Redeem::code("PASS")).await);
        assert_eq!((locked.reason.as_str(), locked.number), ("locked_out", 221));
        assert_eq!(locked.details.retry_after_ms, Some(10_000));
        house.clock.advance(9_999);
        assert_eq!(reason(guesser.redeem(Redeem::code("PASS")).await), "locked_out");
        house.clock.advance(1);
        assert_eq!(reason(guesser.redeem(Redeem::code("PASS")).await), "yes");
        house.run("code PASS => ready used=3").await.unwrap();
    });
}

#[test]
fn wrong_tokens_of_a_neighbour_keep_nobody_out() {
    block_on(async {
        let house = House::open_with(guesses(3), &[(ANY, "PASS")]).await;
        let options = house.server.client_options(Role::Gate).unwrap();
        for nr in 0..10 {
            let wrong = Client::connect(options.clone().token(format!("jt_{nr:064}"))).await;
            assert!(matches!(wrong, Err(Error::TurnedAway { number: 6, .. })), "{wrong:?}");
        }
        // Behind one address there are many: a gate with a good token is one of ours.
        let gate = Client::connect(options).await.unwrap();
        assert_eq!(reason(gate.redeem(Redeem::code("PASS")).await), "yes");
    });
}

#[test]
fn the_public_hears_one_no_in_one_time() {
    block_on(async {
        let paused = "id = \"paused\"\nkind = \"pass\"\nstatus = \"paused\"\n";
        let house =
            House::open(&[(ENTRY, "USED\nSTOLEN\nHELD"), (paused, "PAUSED"), (ANY, "GOOD")]).await;
        let house = house
            .run(
                "
                redeem a USED => redeemed
                hold h HELD   => held
                revoke STOLEN",
            )
            .await
            .unwrap();
        let public = house.server.client(Role::Public).await.unwrap();
        let mut told = Vec::new();
        for code in ["NOWHERE", "?", "USED", "STOLEN", "HELD", "PAUSED", "GOOD,USED"] {
            let begin = Instant::now();
            let codes: Vec<&str> = code.split(',').collect();
            let refused = no(public.validate(Validate::codes(codes)).await);
            let took = begin.elapsed();
            assert!(took >= Duration::from_millis(20), "{code}: {took:?}");
            told.push((code, took, refused));
        }
        for (code, _, refused) in &told {
            assert_eq!((refused.number, refused.reason.as_str()), (225, "not_applicable"));
            assert_eq!(refused, &told[0].2, "{code}");
        }
        let begin = Instant::now();
        assert_eq!(reason(public.validate(Validate::code("GOOD")).await), "yes");
        assert!(begin.elapsed() >= Duration::from_millis(20));
        // What takes the look-up longer is less than what the answer waits for.
        let mut times: Vec<Duration> = told.iter().map(|(_, took, _)| *took).collect();
        times.sort_unstable();
        assert!(times[times.len() / 2] < Duration::from_millis(60), "{times:?}");
    });
}
