//! Limits over the wire: many callers at once, and every limit to the last use.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jeton::auth::role::Role;
use jeton::client::{Answer, Client, Hold, Redeem, Refused, new_id};

use crate::house::{House, block_on, check};

/// So many clients, each with its own connection.
async fn crowd(house: &House, count: usize) -> Vec<Client> {
    let options = house.server.client_options(Role::Checkout).unwrap();
    let mut clients = Vec::new();
    for _ in 0..count {
        clients.push(Client::connect(options.clone()).await.unwrap());
    }
    clients
}

/// What a client of the crowd was told.
#[derive(Default)]
struct Told {
    ordinals: Vec<u64>,
    refusals: BTreeMap<String, u64>,
}

impl Told {
    fn no(&mut self, no: &Refused) {
        *self.refusals.entry(no.reason.clone()).or_default() += 1;
    }
}

/// Lets every client of the crowd do `deed` with its number, and adds up what they were told.
async fn all<F>(clients: &[Client], deed: impl Fn(Client, usize) -> F) -> Told
where
    F: Future<Output = Told> + Send + 'static,
{
    let deeds = clients.iter().enumerate().map(|(nr, client)| deed(client.clone(), nr));
    let tasks: Vec<_> = deeds.map(tokio::spawn).collect();
    let mut sum = Told::default();
    for task in tasks {
        let told = task.await.unwrap();
        sum.ordinals.extend(told.ordinals);
        for (reason, count) in told.refusals {
            *sum.refusals.entry(reason).or_default() += count;
        }
    }
    sum
}

#[test]
fn ten_thousand_requests_on_a_thousand_uses() {
    const SALE: &str = r#"
id = "sale"
kind = "discount"
uses = 1000
effects = [{ type = "percent", percent = "10" }]
"#;
    let told = block_on(async {
        let house = House::open(&[(SALE, "SALE")]).await;
        let clients = crowd(&house, 64).await;
        let told = all(&clients, |client, nr| async move {
            let mut told = Told::default();
            for request in 0..10_000 {
                if request % 64 != nr {
                    continue;
                }
                let ask = Redeem::code("SALE").total_minor(1_000, "EUR");
                match client.redeem(ask).await.unwrap() {
                    Answer::Yes(yes) => told.ordinals.push(yes.uses[0].ordinal),
                    Answer::No(no) => told.no(&no),
                }
            }
            told
        });
        let told = told.await;
        house.run("code SALE => used used=1000 max=1000").await.unwrap();
        told
    });
    assert_eq!(told.ordinals.len(), 1_000);
    let ordinals: BTreeSet<u64> = told.ordinals.into_iter().collect();
    assert_eq!(ordinals, (1..=1_000).collect::<BTreeSet<u64>>());
    assert_eq!(told.refusals, BTreeMap::from([("usage_limit".to_owned(), 9_000)]));
}

/// Ten codes that anybody may use: each so often a day, each customer so often, all so often.
fn crowded(campaign: u64, customer: u64) -> String {
    format!(
        "id = \"crowded\"\nkind = \"pass\"\nzone = \"Europe/Vienna\"\nlimits = [\n\
         {{ scope = \"code\", period = \"day\", max = 30 }},\n\
         {{ scope = \"campaign\", max = {campaign} }},\n\
         {{ scope = \"customer\", max = {customer} }},\n]\n"
    )
}

/// Each client uses all codes in turn until none says yes; gives the uses of each customer.
async fn rush(clients: &[Client]) -> (BTreeMap<usize, usize>, BTreeMap<String, u64>) {
    let uses = Arc::new(std::sync::Mutex::new(BTreeMap::<usize, usize>::new()));
    let told = all(clients, |client, nr| {
        let uses = Arc::clone(&uses);
        async move {
            let mut told = Told::default();
            let mut is_over = false;
            while !is_over {
                is_over = true;
                for code in 0..10 {
                    let code = (code + nr) % 10;
                    let ask = Redeem::code(format!("GATE{code}")).customer(format!("c{nr}"));
                    match client.redeem(ask).await.unwrap() {
                        Answer::Yes(_) => {
                            is_over = false;
                            *uses.lock().unwrap().entry(nr).or_default() += 1;
                        }
                        Answer::No(no) => told.no(&no),
                    }
                }
            }
            told
        }
    });
    let told = told.await;
    let uses = uses.lock().unwrap().clone();
    (uses, told.refusals)
}

#[test]
fn a_day_a_customer_and_a_campaign_limit_at_once() {
    block_on(async {
        let codes: Vec<String> = (0..10).map(|nr| format!("GATE{nr}")).collect();
        let house = House::open(&[(&crowded(250, 9), &codes.join("\n"))]).await;
        let clients = crowd(&house, 32).await;

        // 32 customers could use 288, ten codes 300: the campaign's 250 are the end.
        let (first, why) = rush(&clients).await;
        assert_eq!(first.values().sum::<usize>(), 250);
        assert!(first.values().all(|&uses| uses <= 9), "{first:?}");
        assert!(why.contains_key("campaign_limit"), "{why:?}");

        // More for the campaign: now the customers' 9 are, for each of them.
        house.put(&crowded(10_000, 9));
        let (second, _) = rush(&clients).await;
        for nr in 0..32 {
            let uses = first.get(&nr).unwrap_or(&0) + second.get(&nr).unwrap_or(&0);
            assert_eq!(uses, 9, "customer {nr}");
        }

        // More for the customers: now each code's 30 of the day.
        house.put(&crowded(10_000, 1_000));
        let (third, _) = rush(&clients).await;
        assert_eq!(third.values().sum::<usize>(), 300 - 288);
        house.clock.set(crate::house::moment("2026-06-16T00:00:00+02:00"));
        let (fourth, why) = rush(&clients).await;
        assert_eq!(fourth.values().sum::<usize>(), 300);
        assert_eq!(why.keys().collect::<Vec<_>>(), ["period_limit"]);
        let each = "code GATE0 => ready used=60\ncode GATE9 => ready used=60";
        house.run(each).await.unwrap();
    });
}

#[test]
fn a_hundred_releases_give_back_once_and_race_with_redeems() {
    const TEN: &str = "id = \"ten\"\nkind = \"pass\"\nuses = 10\nunits = { max = 10 }\n";
    block_on(async {
        let house = House::open(&[(TEN, "PASS\nRACE")]).await;
        let clients = crowd(&house, 20).await;
        let id = new_id();
        let taken = clients[0].redeem(Redeem::code("PASS").units(10).id(id)).await.unwrap();
        assert!(taken.is_yes());
        let told = all(&clients, move |client, _| async move {
            let mut told = Told::default();
            for _ in 0..5 {
                match client.release(id).await.unwrap() {
                    Answer::Yes(yes) => told.ordinals.push(yes.live),
                    Answer::No(no) => told.no(&no),
                }
            }
            told
        });
        let told = told.await;
        assert_eq!(told.ordinals, [0]);
        assert_eq!(told.refusals, BTreeMap::from([("already_released".to_owned(), 99)]));

        // Each gives back every other use it got: what is used is what was kept.
        let told = all(&clients, |client, _| async move {
            let mut told = Told::default();
            for round in 0..20 {
                let id = new_id();
                let answer = client.redeem(Redeem::code("RACE").id(id)).await.unwrap();
                let Answer::Yes(yes) = answer else { continue };
                assert!((1..=10).contains(&yes.uses[0].ordinal));
                if round % 2 == 0 {
                    assert!(client.release(id).await.unwrap().is_yes());
                } else {
                    told.ordinals.push(yes.uses[0].ordinal);
                }
            }
            told
        });
        let kept = told.await.ordinals.len();
        let figures = format!("code PASS => ready used=0\ncode RACE => used used={kept}");
        let figures = if kept < 10 { figures.replace("=> used", "=> ready") } else { figures };
        house.run(&figures).await.unwrap();
        assert!(kept <= 10);
    });
}

#[test]
fn money_is_limited_to_the_cent() {
    const BUDGET: &str = r#"
id = "budget"
kind = "discount"
currency = "EUR"
uses = "unlimited"
effects = [{ type = "percent", percent = "10" }]
limits = [{ scope = "campaign", counts = "money", max = "20.00" }]
"#;
    check(
        &[(BUDGET, "ONE\nTWO")],
        "
        redeem a ONE total=9000:EUR     => redeemed worth=900
        redeem b TWO total=11010:EUR    => budget_exhausted number=175 code=0 all=scope:campaign;limit:money;used:900;held:0;max:2000
        hold h TWO total=11000:EUR ttl=1000 => held worth=1100
        redeem c ONE total=10:EUR       => held scope=campaign retry=1000
        release h                       => released
        redeem d TWO total=11000:EUR    => redeemed worth=1100
        redeem e ONE total=10:EUR       => budget_exhausted used=2000
        release a                       => released
        redeem e ONE total=9000:EUR     => redeemed",
    );
}

#[test]
fn vouchers_count_what_is_drawn_against_money_limits() {
    const DAILY: &str = r#"
id = "daily"
kind = "voucher"
currency = "EUR"
balance = "100.00"
zone = "Europe/Vienna"
limits = [{ scope = "code", counts = "money", period = "day", max = "30.00" }]
"#;
    check(
        &[(DAILY, "CARD")],
        "
        redeem a CARD amount=2000     => redeemed balance=8000
        redeem b CARD amount=1001     => period_limit limit=money_per_day used=2000 max=3000 resets=2026-06-16T00:00:00+02:00
        redeem b CARD total=1000:EUR  => redeemed balance=7000
        release a part=500            => redeemed balance=7500
        redeem c CARD amount=501      => period_limit used=2500
        redeem c CARD amount=500      => redeemed balance=7000",
    );
}

#[test]
fn orders_and_units_are_not_the_same() {
    const GROUPS: &str = r#"
id = "groups"
kind = "pass"
units = { max = 4 }
limits = [
  { scope = "campaign", counts = "orders", max = 3 },
  { scope = "customer", counts = "units", max = 6 },
]
"#;
    check(
        &[(GROUPS, "A1\nB1")],
        "
        redeem a A1 units=4                 => customer_required number=131
        redeem a A1 units=4 customer=       => customer_required
        redeem a A1 units=4 customer=anna   => redeemed
        redeem b B1 units=3 customer=anna   => units_exceed_remaining all=scope:customer;limit:units;used:4;held:0;max:6
        redeem b B1 units=2 customer=anna   => redeemed
        redeem c B1 customer=anna           => customer_limit number=173 all=scope:customer;limit:units;used:6;held:0;max:6
        redeem c A1,B1 units=2 customer=ben => redeemed          # one order, four persons
        redeem d A1 customer=cleo           => campaign_limit number=172 all=scope:campaign;limit:orders;used:3;held:0;max:3",
    );
}

#[test]
fn codes_of_one_campaign_share_its_limits() {
    const THREE: &str = r#"
id = "three"
kind = "pass"
limits = [{ scope = "campaign", max = 3 }, { scope = "customer", max = 2 }]
"#;
    check(
        &[(THREE, "A1\nB1\nC1")],
        "
        redeem a A1,B1 customer=anna    => redeemed ordinal=1,1
        redeem b C1 customer=anna       => customer_limit used=2 max=2
        redeem b A1,C1 customer=ben     => units_exceed_remaining scope=campaign used=2 max=3
        code C1                         => ready used=0
        hold b C1 customer=ben ttl=1000 => held
        redeem c A1 customer=cleo       => held scope=campaign limit=uses retry=1000
        confirm b                       => redeemed
        redeem c A1 customer=cleo       => campaign_limit code=0",
    );
}

#[test]
fn one_id_from_everywhere_is_one_use() {
    const TEN: &str = "id = \"ten\"\nkind = \"pass\"\nuses = 10\n";
    block_on(async {
        let house = House::open(&[(TEN, "PASS\nHELD")]).await;
        let clients = crowd(&house, 16).await;
        let id = new_id();
        let told = all(&clients, move |client, _| async move {
            let mut told = Told::default();
            for _ in 0..10 {
                match client.redeem(Redeem::code("PASS").id(id)).await.unwrap() {
                    Answer::Yes(yes) if yes.replayed => assert_eq!(yes.uses[0].ordinal, 1),
                    Answer::Yes(yes) => told.ordinals.push(yes.uses[0].ordinal),
                    Answer::No(no) => told.no(&no),
                }
            }
            told
        });
        let told = told.await;
        assert_eq!((told.ordinals, told.refusals.len()), (vec![1], 0));

        // Confirmed by half of them and given back by the other half: one outcome for all.
        let mut house = house;
        for _ in 0..10 {
            let id = new_id();
            assert!(clients[0].hold(Hold::code("HELD").id(id)).await.unwrap().is_yes());
            let told = all(&clients, move |client, nr| async move {
                let mut told = Told::default();
                let answer =
                    if nr % 2 == 0 { client.confirm(id).await } else { client.release(id).await };
                match answer.unwrap() {
                    Answer::Yes(yes) if nr % 2 == 1 => told.ordinals.push(yes.live),
                    Answer::Yes(_) => {}
                    Answer::No(no) => assert_eq!(no.reason, "already_released"),
                }
                told
            });
            assert_eq!(told.await.ordinals, [0], "one of them gave it back");
            house = house.run("code HELD => ready used=0 held=0").await.unwrap();
        }
    });
}
