//! What the rule book must do to the cent and to the lot, over the wire, at stated moments.

use serde_json::{Value, json};

use crate::house::{House, block_on};
use crate::offices::Offices;

/// Runs a script where these definitions and codes are.
#[track_caller]
fn check(bundle: &str, codes: &[(&str, &str)], script: &str) {
    let told = block_on(async {
        let house = House::open(&[]).await;
        house.put(bundle);
        for (campaign, list) in codes {
            house.server.codes(campaign, &list.replace(' ', "\n")).unwrap();
        }
        house.run(script).await
    });
    assert!(told.is_ok(), "{}", told.err().unwrap_or_default());
}

#[test]
fn the_order_of_two_discounts_is_the_campaigns_own() {
    let campaign = |id: &str, number: u8, effect: &str| {
        format!(
            "[[campaign]]\nid = \"{id}\"\nkind = \"discount\"\ncurrency = \"EUR\"\n\
             uses = \"unlimited\"\norder_number = {number}\neffects = [{{ {effect} }}]\n"
        )
    };
    let hundred = "type = \"amount\", amount = \"100\"";
    let bundle = [
        campaign("hundred-first", 1, hundred),
        campaign("twenty", 2, "type = \"percent\", percent = \"20\""),
        campaign("hundred-last", 3, hundred),
    ];
    check(
        &bundle.concat(),
        &[("hundred-first", "FIRST"), ("twenty", "TWENTY"), ("hundred-last", "LAST")],
        "redeem a FIRST,TWENTY total=50000:EUR => redeemed worth=10000,8000 after=32000
         redeem b TWENTY,FIRST total=50000:EUR => redeemed after=32000
         redeem c LAST,TWENTY total=50000:EUR => redeemed after=30000
         redeem d TWENTY,LAST total=50000:EUR => redeemed worth=10000,10000 after=30000",
    );
}

const EACH: &str = r#"
[[campaign]]
id = "person"
kind = "discount"
currency = "EUR"
effects = [{ type = "amount", amount = "10", per = "person" }]

[[campaign]]
id = "night"
kind = "discount"
currency = "EUR"
effects = [{ type = "amount", amount = "15", per = "night" }]

[[campaign]]
id = "adult"
kind = "discount"
currency = "EUR"
effects = [{ type = "amount", amount = "20", per = "adult" }]

[[campaign]]
id = "child"
kind = "discount"
currency = "EUR"
effects = [{ type = "amount", amount = "5", per = "child" }]
"#;

#[test]
fn an_amount_counts_what_it_is_for() {
    check(
        EACH,
        &[("person", "PERSON"), ("night", "NIGHT"), ("adult", "ADULT"), ("child", "CHILD")],
        "validate PERSON total=50000:EUR persons=3 => valid worth=3000 after=47000
         validate PERSON total=50000:EUR adults=2 children=1 => valid worth=3000
         validate NIGHT total=50000:EUR nights=4 => valid worth=6000
         validate NIGHT total=50000:EUR arrival=2026-07-01 departure=2026-07-05 => valid worth=6000
         validate ADULT total=50000:EUR adults=2 children=3 => valid worth=4000
         validate CHILD total=50000:EUR adults=2 children=3 => valid worth=1500
         validate CHILD total=50000:EUR adults=2 => input_missing missing=children
         validate CHILD total=50000:EUR adults=2 children=0 => no_effect",
    );
}

const TIERS: &str = r#"
id = "tiers"
kind = "discount"
currency = "EUR"
[[effects]]
type = "tiers"
tiers = [{ from = "500", percent = "5" }, { from = "1000", amount = "80" }]
"#;

#[test]
fn tiers_begin_at_their_cent() {
    check(
        TIERS,
        &[("tiers", "TIERS")],
        "validate TIERS total=49999:EUR => no_effect
         validate TIERS total=50000:EUR => valid worth=2500
         validate TIERS total=99999:EUR => valid worth=5000
         validate TIERS total=100000:EUR => valid worth=8000",
    );
}

const GIFTS: &str = r#"
[[campaign]]
id = "kept"
kind = "voucher"
currency = "EUR"
balance = "200"

[[campaign]]
id = "forfeited"
kind = "voucher"
currency = "EUR"
balance = "200"
effects = [{ type = "balance", remainder = "forfeited" }]
"#;

#[test]
fn what_an_order_does_not_need_stays_or_is_lost_and_told() {
    check(
        GIFTS,
        &[("kept", "KEPT"), ("forfeited", "LOST")],
        "redeem a KEPT total=10000:EUR => redeemed worth=10000 balance=10000 original=20000 \
         forfeited=0 after=0
         redeem b KEPT total=15000:EUR => redeemed worth=10000 balance=0 original=20000 after=5000
         redeem c KEPT total=100:EUR => balance_empty
         redeem d LOST total=10000:EUR => redeemed worth=10000 balance=0 original=20000 \
         forfeited=10000 after=0
         redeem e LOST total=100:EUR => balance_empty
         release d => released
         code LOST => ready balance=20000",
    );
}

const SLOTS: &str = r#"
policy = { codes_max = 2, default_group = "gifts" }
group = [{ id = "members", mandatory = true }, { id = "gifts" }]
slot = [{ id = "tuesday", group = "members" }, { id = "sunday", group = "gifts" }]

[[campaign]]
id = "member"
kind = "access"
groups = ["members"]

[[campaign]]
id = "gift"
kind = "voucher"
currency = "EUR"
balance = "50"
groups = ["gifts"]

[[campaign]]
id = "both"
kind = "discount"
groups = ["gifts", "members"]
uses = "unlimited"
effects = [{ type = "percent", percent = "10" }]
"#;

#[test]
fn a_slot_accepts_one_group_perhaps_mandatorily() {
    check(
        SLOTS,
        &[("member", "MEMBER"), ("gift", "GIFT"), ("both", "BOTH")],
        "redeem a - slot=tuesday total=3000:EUR => code_required code=-
         redeem a - slot=tuesday total=3000:EUR partial=true => code_required
         redeem a GIFT slot=tuesday total=3000:EUR => slot_not_accepted code=0
         redeem a GIFT slot=tuesday total=3000:EUR partial=true => code_required
         redeem a MEMBER slot=tuesday total=3000:EUR => redeemed worth=0 after=3000
         redeem b BOTH slot=tuesday total=3000:EUR => redeemed worth=300
         redeem c MEMBER slot=sunday total=3000:EUR => slot_not_accepted
         redeem c BOTH,MEMBER slot=sunday total=3000:EUR partial=true => redeemed \
         left_out=1:slot_not_accepted
         redeem d MEMBER slot=elsewhere total=3000:EUR => slot_not_accepted
         redeem e GIFT slot=elsewhere total=3000:EUR => redeemed worth=3000
         redeem f BOTH total=3000:EUR => redeemed worth=300",
    );
}

const QUOTAS: &str = r#"
policy = { codes_max_by_type = { discount = 3, deal = 2 } }

[[campaign]]
id = "five"
kind = "discount"
currency = "EUR"
effects = [{ type = "amount", amount = "5" }]

[[campaign]]
id = "deal"
kind = "discount"
accounting = "deal"
currency = "EUR"
effects = [{ type = "amount", amount = "10" }]

[[campaign]]
id = "reward"
kind = "discount"
exclusion_group = "reward"
effects = [{ type = "percent", percent = "20" }]

[[campaign]]
id = "promo"
kind = "discount"
exclusion_group = "reward"
effects = [{ type = "percent", percent = "10" }]
"#;

#[test]
fn so_many_of_each_sort_and_one_of_each_exclusion_group() {
    check(
        QUOTAS,
        &[
            ("five", "FIVE-A FIVE-B FIVE-C FIVE-D FIVE-E FIVE-F FIVE-G"),
            ("deal", "DEAL-A DEAL-B DEAL-C DEAL-D DEAL-E"),
            ("reward", "REWARD REWARD-B"),
            ("promo", "PROMO"),
        ],
        "redeem a FIVE-A,DEAL-A,FIVE-B,DEAL-B,FIVE-C total=50000:EUR => redeemed after=46500
         redeem b FIVE-D,FIVE-E,FIVE-F,FIVE-G total=50000:EUR => too_many_codes code=3 \
         conflicts=FIVE-D
         redeem b FIVE-D,DEAL-C,DEAL-D,DEAL-E total=50000:EUR => too_many_codes code=3 \
         conflicts=DEAL-C
         redeem b FIVE-D,FIVE-E,FIVE-F,FIVE-G total=50000:EUR partial=true => redeemed \
         left_out=3:too_many_codes after=48500
         redeem c REWARD,PROMO total=50000:EUR => not_combinable code=1 conflicts=REWARD
         redeem c REWARD,REWARD-B total=50000:EUR => not_combinable code=1 conflicts=REWARD
         redeem c PROMO,FIVE-G total=50000:EUR => redeemed after=44500
         code REWARD => ready used=0",
    );
}

/// Points of a hotel, as `redeem_and_earn` says.
fn hotel(redeem_and_earn: bool) -> String {
    format!(
        r#"
[[account]]
id = "card"
unit = "points"
currency = "EUR"
weights = {{ by_product_type = {{ room = 100, programme = 50 }} }}
redeem_and_earn = {redeem_and_earn}

[[campaign]]
id = "earn"
kind = "points"
automatic = true
account = "card"
effects = [{{ type = "points", by_weight = true }}]

[[campaign]]
id = "start"
kind = "points"
account = "card"
effects = [{{ type = "points", points = 20 }}]

[[campaign]]
id = "reward"
kind = "discount"
account = "card"
uses = "unlimited"
effects = [{{ type = "percent", percent = "20" }}, {{ type = "spend", amount = 20 }}]
"#
    )
}

#[test]
fn who_spends_points_earns_on_the_rest_if_that_is_wanted() {
    let codes = [("start", "START"), ("reward", "REWARD")];
    check(
        &hotel(true),
        &codes,
        "redeem a REWARD customer=mia total=50000:EUR => points_insufficient
         redeem a START customer=mia => redeemed earned=20 points=20
         redeem b REWARD customer=mia total=50000:EUR line=double//1/50000/room => redeemed \
         after=40000 spent=20,0 earned=0,4 points=4,4
         redeem c REWARD customer=mia total=50000:EUR => points_insufficient",
    );
    check(
        &hotel(false),
        &codes,
        "redeem a START customer=mia => redeemed points=20
         redeem b REWARD customer=mia total=50000:EUR line=double//1/50000/room => redeemed \
         after=40000 campaign=reward spent=20 earned=0 points=0
         redeem c - customer=mia total=50000:EUR line=double//1/50000/room => redeemed earned=5",
    );
}

#[test]
fn rooms_and_programmes_have_weights_of_their_own() {
    check(
        &hotel(true),
        &[],
        "validate - customer=mia line=double//1/25000/room total=25000:EUR => valid earned=2
         validate - customer=mia line=spa//1/14999/programme total=14999:EUR => valid earned=2
         validate - customer=mia line=double//1/25000/room line=spa//1/15000/programme \
         line=wine//2/9900/drink total=49900:EUR => valid earned=5
         validate - customer=mia line=wine//2/9900/drink total=9900:EUR => valid campaign=
         validate - line=double//1/25000/room total=25000:EUR => valid campaign=",
    );
}

/// A shop and its office over HTTP, with a clock.
struct Shop(Offices);

impl Shop {
    fn open(bundle: &str, codes: &[(&str, &str)]) -> Self {
        let offices = Offices::embedded();
        offices.nodes[0].define(bundle).unwrap();
        for (campaign, list) in codes {
            offices.nodes[0].codes(campaign, &list.replace(' ', "\n")).unwrap();
        }
        Self(offices)
    }

    fn post(&self, key: &str, path: &str, body: &Value) -> Value {
        self.0.ask(0, &format!("POST {path} {body}"), &[("idempotency-key", key)]).json()
    }

    fn redeem(&self, key: &str, codes: &[&str], order: &Value) -> Value {
        self.post(key, "/v1/redeem", &json!({"codes": codes, "order": order}))
    }

    fn release(&self, key: &str, of: &str, body: &Value) -> Value {
        self.post(key, &format!("/v1/redemptions/{of}/release"), body)
    }

    /// `AMOUNT until DAY`, one after the other.
    fn lots(&self, account: &str, customer: &str) -> String {
        let path = format!("/v1/accounts/{account}/lookup");
        let page = self.post("-", &path, &json!({"customer": customer, "limit": 0}));
        let lots = page["lots"].as_array().unwrap_or_else(|| panic!("{page}"));
        let told = lots.iter().map(|lot| {
            let expires = lot["expires"].as_str().map_or("ever", |day| &day[..10]);
            format!("{} until {expires}", lot["amount"].as_str().unwrap())
        });
        told.collect::<Vec<_>>().join(", ")
    }

    fn balance(&self, code: &str) -> Value {
        self.post("-", "/v1/codes/lookup", &json!({"code": code}))["balance"].clone()
    }

    fn used(&self, code: &str) -> Value {
        self.post("-", "/v1/codes/lookup", &json!({"code": code}))["used"].clone()
    }
}

const PROGRAMME: &str = r#"
policy = { codes_max = 3 }

[[account]]
id = "card"
unit = "points"
currency = "EUR"
lasts = { count = 12, unit = "months" }
max = 20
weights = { cart = 9 }

[[campaign]]
id = "earn"
kind = "points"
automatic = true
account = "card"
effects = [{ type = "points", by_weight = true }]

[[campaign]]
id = "five"
kind = "discount"
currency = "EUR"
order_number = 1
effects = [{ type = "amount", amount = "5" }]

[[campaign]]
id = "reward"
kind = "discount"
account = "card"
uses = "unlimited"
order_number = 2
effects = [{ type = "percent", percent = "10" }, { type = "spend", amount = 6 }]

[[campaign]]
id = "gift"
kind = "voucher"
currency = "EUR"
balance = "30"
order_number = 3
"#;

const CODES: [(&str, &str); 3] = [("five", "FIVE"), ("reward", "REWARD"), ("gift", "GIFT")];

fn order(total: &str, booked: &str) -> Value {
    json!({"customer": "mia", "total": total, "currency": "EUR", "booked": booked})
}

/// A shop where mia has 3 and 5 points of two bookings.
fn programme() -> Shop {
    let shop = Shop::open(PROGRAMME, &CODES);
    for (key, total, booked) in [("a", "30", "2026-01-10"), ("b", "50", "2026-03-20")] {
        let yes = shop.redeem(key, &[], &order(total, booked));
        assert_eq!(yes["ok"], true, "{yes}");
    }
    assert_eq!(shop.lots("card", "mia"), "3 until 2027-01-10, 5 until 2027-03-20");
    shop
}

#[test]
fn points_lapse_by_the_day_of_booking_and_stop_at_the_maximum() {
    let shop = programme();
    let yes = shop.redeem("c", &[], &order("900", "2026-06-01"));
    let account = &yes["uses"][0]["account"];
    assert_eq!((&account["earned"], &account["balance"]), (&json!("12"), &json!("20")), "{yes}");
    assert_eq!(
        shop.lots("card", "mia"),
        "3 until 2027-01-10, 5 until 2027-03-20, 12 until 2027-06-01"
    );
    // The first lot lapses at the end of its last day, and makes room.
    shop.0.clock.set(crate::house::moment("2027-01-09T23:59:59Z"));
    assert_eq!(shop.lots("card", "mia").split(", ").count(), 3);
    shop.0.clock.advance(1_000);
    assert_eq!(shop.lots("card", "mia"), "5 until 2027-03-20, 12 until 2027-06-01");
    let yes = shop.redeem("d", &[], &order("900", "2027-01-10"));
    assert_eq!(yes["uses"][0]["account"]["earned"], "3", "{yes}");
}

/// Mia's order of 100: 5 off, 10 % for 6 points, 30 by voucher; 55.50 are paid and earn 6.
fn ordered() -> Shop {
    let shop = programme();
    let yes = shop.redeem("o", &["FIVE", "REWARD", "GIFT"], &order("100", "2026-06-15"));
    assert_eq!(yes["total_after"], "55.50", "{yes}");
    assert_eq!(shop.lots("card", "mia"), "2 until 2027-03-20, 6 until 2027-06-15");
    assert_eq!((shop.balance("GIFT"), shop.used("FIVE")), (json!("0.00"), json!(1)));
    shop
}

#[test]
fn a_cancelled_order_gives_everything_back_into_the_same_lots() {
    let shop = ordered();
    let released = shop.release("r", "o", &json!({}));
    assert_eq!(released["state"], "released", "{released}");
    let check = || {
        assert_eq!(shop.lots("card", "mia"), "3 until 2027-01-10, 5 until 2027-03-20");
        assert_eq!((shop.balance("GIFT"), shop.used("FIVE")), (json!("30.00"), json!(0)));
        assert_eq!(shop.used("REWARD"), 0);
    };
    check();
    assert_eq!(shop.release("r", "o", &json!({}))["replayed"], true);
    assert_eq!(shop.release("s", "o", &json!({}))["reason"], "already_released");
    check();
}

#[test]
fn half_of_an_order_gives_half_back() {
    let shop = ordered();
    let half = shop.release("r", "o", &json!({"part": 5_000}));
    assert_eq!((&half["state"], &half["live"]), (&json!("redeemed"), &json!(5_000)), "{half}");
    assert_eq!(shop.balance("GIFT"), "15.00");
    assert_eq!(
        shop.lots("card", "mia"),
        "5 until 2027-03-20, 3 until 2027-06-15",
        "3 points came back and 3 earned ones are gone"
    );
    assert_eq!(shop.release("r", "o", &json!({"part": 5_000}))["replayed"], true);
    assert_eq!(shop.balance("GIFT"), "15.00");
    let rest = shop.release("s", "o", &json!({"part": 5_000}));
    assert_eq!(rest["state"], "released", "{rest}");
    assert_eq!(shop.lots("card", "mia"), "3 until 2027-01-10, 5 until 2027-03-20");
    assert_eq!((shop.balance("GIFT"), shop.used("FIVE")), (json!("30.00"), json!(0)));
}

#[test]
fn one_code_of_an_order_is_given_back_alone() {
    let shop = ordered();
    let released = shop.release("r", "o", &json!({"codes": ["GIFT"]}));
    assert_eq!(released["state"], "redeemed", "{released}");
    assert_eq!((shop.balance("GIFT"), shop.used("FIVE")), (json!("30.00"), json!(1)));
    assert_eq!(shop.lots("card", "mia"), "2 until 2027-03-20, 6 until 2027-06-15");
    let released = shop.release("s", "o", &json!({"codes": ["REWARD"]}));
    assert_eq!(released["state"], "redeemed", "{released}");
    assert_eq!(
        shop.lots("card", "mia"),
        "3 until 2027-01-10, 5 until 2027-03-20, 6 until 2027-06-15"
    );
}

const PURSES: &str = r#"
[[account]]
id = "credit"
currency = "EUR"
max = "100"
at_max = "refuse"

[[campaign]]
id = "trip"
kind = "access"

[[campaign]]
id = "again"
kind = "voucher"
currency = "EUR"
codes = { pattern = "AGAIN-############" }

[[campaign]]
id = "gift"
kind = "voucher"
currency = "EUR"
balance = "50"

[[campaign]]
id = "pay"
kind = "points"
currency = "EUR"
account = "credit"
uses = "unlimited"
effects = [{ type = "balance", of = "account" }]
"#;

fn purses() -> Shop {
    Shop::open(
        PURSES,
        &[("trip", "TRIP TRIP-B TRIP-C"), ("gift", "GIFT GIFT-B"), ("pay", "BAND CHIP")],
    )
}

#[test]
fn a_release_brings_a_voucher_or_credit_or_nothing_at_all() {
    let shop = purses();
    for (key, code) in [("a", "TRIP"), ("b", "TRIP-B"), ("c", "TRIP-C")] {
        assert_eq!(shop.redeem(key, &[code], &json!({}))["ok"], true);
    }
    let voucher = json!({"credit": {"campaign": "again", "holder": "mia", "amount": "80.00"}});
    let first = shop.release("r", "a", &voucher);
    assert_eq!((&first["state"], &first["replayed"]), (&json!("released"), &json!(false)));
    let code = first["credit"]["code"].as_str().unwrap();
    assert_eq!(shop.balance(code), "80.00");
    let again = shop.release("r", "a", &voucher);
    assert_eq!((&again["replayed"], &again["credit"]), (&json!(true), &first["credit"]));
    assert_eq!(shop.balance(code), "80.00");
    let order = json!({"customer": "tom", "total": "30", "currency": "EUR"});
    assert_eq!(shop.redeem("d", &[code], &order)["reason"], "not_holder");

    let credit = |amount: &str| json!({"credit": {"account": "credit", "customer": "mia", "amount": amount}});
    assert_eq!(shop.release("s", "b", &credit("60.00"))["state"], "released");
    assert_eq!(shop.lots("credit", "mia"), "60.00 until ever");
    // More than the account holds: neither the credit nor the release.
    assert_eq!(shop.release("t", "c", &credit("40.01"))["reason"], "balance_cap");
    assert_eq!((shop.used("TRIP-B"), shop.used("TRIP-C")), (json!(0), json!(1)));
    assert_eq!(shop.lots("credit", "mia"), "60.00 until ever");
}

#[test]
fn value_comes_in_and_moves_and_pays() {
    let shop = purses();
    let gift = json!({"code": "GIFT"});
    let mia = json!({"account": "credit", "customer": "mia"});
    let top_up = |key: &str, to: &Value, n: &str| {
        shop.post(key, "/v1/topups", &json!({"to": to, "amount": n}))
    };
    let transfer = |key: &str, from: &Value, to: &Value, n: &str| {
        shop.post(key, "/v1/transfers", &json!({"from": from, "to": to, "amount": n}))
    };
    assert_eq!(top_up("a", &gift, "20.00")["state"], "redeemed");
    assert_eq!(top_up("a", &gift, "20.00")["replayed"], true);
    assert_eq!(shop.balance("GIFT"), "70.00");
    assert_eq!(top_up("b", &mia, "10.00")["state"], "redeemed");
    assert_eq!(top_up("c", &mia, "90.01")["reason"], "balance_cap");
    assert_eq!(transfer("d", &gift, &json!({"code": "GIFT-B"}), "25.50")["state"], "redeemed");
    assert_eq!((shop.balance("GIFT"), shop.balance("GIFT-B")), (json!("44.50"), json!("75.50")));
    assert_eq!(transfer("e", &gift, &mia, "44.51")["reason"], "balance_insufficient");
    assert_eq!(transfer("f", &gift, &mia, "44.50")["state"], "redeemed");
    assert_eq!((shop.balance("GIFT"), shop.lots("credit", "mia").as_str()), {
        (json!("0.00"), "54.50 until ever")
    });
    // Two media of one guest pay from one account.
    let till = |total: &str| json!({"customer": "mia", "total": total, "currency": "EUR"});
    assert_eq!(shop.redeem("g", &["BAND"], &till("50.00"))["total_after"], "0.00");
    let rest = shop.redeem("h", &["CHIP"], &till("10.00"));
    assert_eq!((&rest["uses"][0]["worth"], &rest["total_after"]), (&json!("4.50"), &json!("5.50")));
    assert_eq!(shop.redeem("i", &["CHIP"], &till("10.00"))["reason"], "balance_empty");
    assert_eq!(shop.release("r", "h", &json!({}))["state"], "released");
    assert_eq!(shop.lots("credit", "mia"), "4.50 until ever");
}

const TIMES: &str = r#"
[[campaign]]
id = "lunch"
kind = "pass"
zone = "Europe/Vienna"
uses = 2
passback = { reentry = "2h" }

[[campaign]]
id = "sauna"
kind = "pass"
limits = [{ scope = "code", period = { rolling = "24h" }, max = 2 }]

[[campaign]]
id = "night"
kind = "pass"
zone = "Europe/Vienna"

[campaign.validity]
hours = [{ days = ["friday"], from = "22:00", until = "02:00" }]
blackout = [2026-06-26]
extra = [2026-06-18]
"#;

#[test]
fn entries_again_rolling_days_and_hours() {
    check(
        TIMES,
        &[("lunch", "LUNCH"), ("sauna", "SAUNA"), ("night", "NIGHT")],
        "at 2026-06-15T11:00:00+02:00 redeem a LUNCH => redeemed remaining=1
         at 2026-06-15T12:59:59+02:00 redeem b LUNCH => redeemed remaining=1
         at 2026-06-15T13:00:00+02:00 redeem c LUNCH => redeemed remaining=0
         at 2026-06-15T13:30:00+02:00 redeem d LUNCH => redeemed
         at 2026-06-15T15:00:00+02:00 redeem e LUNCH => usage_limit

         at 2026-06-15T20:00:00Z redeem f SAUNA => redeemed
         at 2026-06-16T19:00:00Z redeem g SAUNA => redeemed
         at 2026-06-16T19:59:59Z redeem h SAUNA => period_limit scope=code
         at 2026-06-16T22:00:00Z redeem h SAUNA => redeemed
         at 2026-06-17T18:59:59Z redeem i SAUNA => period_limit

         at 2026-06-17T23:00:00+02:00 redeem j NIGHT => outside_window \
         next=2026-06-18T22:00:00+02:00
         at 2026-06-18T22:00:00+02:00 redeem j NIGHT => redeemed
         at 2026-06-20T01:59:59+02:00 redeem k NIGHT => redeemed
         at 2026-06-20T02:00:00+02:00 redeem l NIGHT => outside_window \
         next=2026-07-03T22:00:00+02:00
         at 2026-06-26T23:00:00+02:00 redeem l NIGHT => outside_window",
    );
}

const TRIED: &str = r#"
[[campaign]]
id = "july"
kind = "discount"
validity = { from = 2026-07-01 }
conditions = [{ type = "amount", min = "100" }, { type = "channel", only = ["web"] }]
effects = [{ type = "percent", percent = "20" }]
currency = "EUR"

[[campaign]]
id = "share"
kind = "discount"
automatic = true
conditions = [{ type = "nights", min = 3 }]
effects = [{ type = "percent", percent = "10" }]
"#;

#[test]
fn tomorrow_is_tried_today_and_explained() {
    let shop = Shop::open(TRIED, &[("july", "JULY")]);
    let order = json!({"total": "200", "currency": "EUR", "channel": "web", "nights": 3});
    let ask = |more: Value| {
        let mut question = json!({"code": "JULY", "order": order, "explain": true});
        question.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        shop.post("-", "/v1/validate", &question)
    };
    let today = ask(json!({}));
    let next = "2026-07-01T00:00:00.000Z";
    assert_eq!((&today["reason"], &today["next_valid_at"]), (&json!("not_started"), &json!(next)));
    let july = ask(json!({"now": "2026-07-01T00:00:00Z"}));
    assert_eq!((&july["state"], &july["total_after"]), (&json!("valid"), &json!("144.00")));
    let campaigns = july["explanation"]["campaigns"].as_array().unwrap();
    let effects: Vec<String> = campaigns
        .iter()
        .map(|one| {
            let (effect, id) = (&one["effects"][0], one["campaign"].as_str().unwrap());
            let money = |name: &str| effect[name].as_str().unwrap();
            format!("{id}: {} → {}", money("before"), money("after"))
        })
        .collect();
    assert_eq!(effects, ["july: 200.00 → 160.00", "share: 160.00 → 144.00"]);
    let findings = campaigns[0]["findings"].as_array().unwrap();
    let amount = findings.iter().find(|finding| finding["rule"] == "amount").unwrap();
    assert_eq!(
        (&amount["asked"], &amount["found"], &amount["holds"]),
        (&json!("at least 100.00 EUR"), &json!("200.00 EUR"), &json!(true))
    );

    shop.0.clock.set(crate::house::moment("2026-07-02T00:00:00Z"));
    let redeem = json!({"code": "JULY", "order": order, "dry": true});
    assert_eq!(shop.post("a", "/v1/redeem", &redeem)["state"], "valid");
    assert_eq!(shop.used("JULY"), 0);
    assert_eq!(shop.redeem("a", &["JULY"], &order)["total_after"], "144.00");
}
