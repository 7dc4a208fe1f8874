//! How requests are taken: in part, for show, at another moment, without a code; and giving back
//! what one code of several took.

use jeton::auth::role::Role;
use jeton::client::{Answer, Validate};
use jeton::domain::time::Timestamp;

use crate::house::{House, block_on, check, moment};

const PASS: &str = "id = \"pass\"\nkind = \"pass\"\nuses = 2\n";

/// Ten percent off for whoever stays three nights or more.
const NIGHTS: &str = r#"
id = "nights"
kind = "discount"
currency = "EUR"
automatic = true
[[conditions]]
type = "nights"
min = 3
[[effects]]
type = "percent"
percent = "10"
"#;

#[test]
fn what_is_only_tried_changes_nothing() {
    check(
        &[(PASS, "PASS")],
        "redeem a PASS dry=true => valid ordinal=0 remaining=2
         hold b PASS dry=true ttl=60000 => valid until=-
         status a => redemption_not_found
         code PASS => ready used=0 held=0
         redeem a PASS => redeemed ordinal=1
         redeem c PASS => redeemed ordinal=2
         redeem d PASS dry=true => usage_limit",
    );
}

#[test]
fn codes_that_cannot_be_used_are_left_out_where_that_is_asked_for() {
    check(
        &[(PASS, "PASS")],
        "redeem a PASS,NONE => code_not_found code=1
         validate PASS,NONE partial=true => valid codes=0 left_out=1:code_not_found
         redeem a PASS,NONE partial=true => redeemed ordinal=1 left_out=1:code_not_found
         redeem a PASS,NONE partial=true => again redeemed ordinal=1
         redeem a PASS,NONE => code_not_found
         redeem b PASS partial=true => redeemed ordinal=2 left_out=
         redeem b PASS => id_mismatch",
    );
}

#[test]
fn an_order_without_a_code_has_what_applies_by_itself() {
    check(
        &[(NIGHTS, "")],
        "validate - total=30000:EUR nights=3 => valid codes=- campaign=nights worth=3000 after=27000
         redeem a - total=30000:EUR arrival=2026-07-01 departure=2026-07-05 => redeemed worth=3000
         redeem a - total=30000:EUR arrival=2026-07-01 departure=2026-07-05 => again redeemed
         redeem a - total=30000:EUR arrival=2026-07-01 departure=2026-07-06 => id_mismatch",
    );
}

#[test]
fn what_applies_by_itself_and_finds_no_room_stays_away() {
    let mut limits = Vec::new();
    for scope in ["campaign", "customer"] {
        for counts in ["uses", "orders", "units"] {
            for period in ["total", "day", "week", "month", "year"] {
                limits.push(format!(
                    "{{ scope = \"{scope}\", counts = \"{counts}\", period = \"{period}\", max = 9 }}"
                ));
            }
        }
    }
    // One has room in a posting, three have not.
    let campaign = |id: &str| {
        format!(
            "id = \"{id}\"\nkind = \"discount\"\ncurrency = \"EUR\"\nautomatic = true\n\
             effects = [{{ type = \"amount\", amount = \"1.00\" }}]\nlimits = [{}]\n",
            limits.join(", ")
        )
    };
    let [first, second, third] = ["first", "second", "third"].map(campaign);
    check(
        &[(PASS, "PASS"), (&first, ""), (&second, ""), (&third, "")],
        "redeem a PASS customer=mia total=5000:EUR => redeemed campaign=pass,first,second worth=0,100,100 after=4800
         redeem a PASS customer=mia total=5000:EUR => again redeemed
         redeem b PASS total=5000:EUR => redeemed campaign=pass worth=0 after=5000",
    );
}

#[test]
fn other_moments_are_for_the_office_and_only_where_nothing_changes() {
    let season = "id = \"season\"\nkind = \"pass\"\n[validity]\nfrom = \"2026-07-01\"\n";
    block_on(async {
        let house = House::open(&[(season, "SEASON")]).await;
        let house = house
            .run(
                "validate SEASON => not_started
                 validate SEASON now=2026-07-02T10:00:00+02:00 => not_permitted
                 redeem a SEASON now=2026-07-02T10:00:00+02:00 => not_permitted",
            )
            .await
            .unwrap();
        let july = moment("2026-07-02T10:00:00+02:00");
        let office = house.server.client(Role::Office).await.unwrap();
        let ask = |at: Timestamp| office.validate(Validate::code("SEASON").at_ms(at.0));
        assert!(ask(july).await.unwrap().is_yes());
        let june = ask(moment("2026-06-30T23:59:59+02:00")).await.unwrap();
        let Answer::No(no) = june else { panic!("{june:?}") };
        assert_eq!(no.reason, "not_started");
        office.close().await;
    });
}

#[test]
fn what_one_code_of_several_took_can_be_given_back() {
    let drink = "id = \"drink\"\nkind = \"unit\"\nuses = 5\n\
                 effects = [{ type = \"unit\", product = \"drink\" }]\n";
    block_on(async {
        let house = House::open(&[(PASS, "PASS"), (drink, "DRINK")]).await;
        house.server.allow_codes(2).unwrap();
        house
            .run(
                "redeem a PASS,DRINK => redeemed ordinal=1,1 remaining=1,4
                 release a codes=NONE => code_not_found code=0
                 release a codes=DRINK as=b => redeemed
                 code DRINK => ready used=0
                 code PASS => ready used=1
                 release a codes=DRINK as=b => again redeemed
                 release a codes=DRINK => already_released
                 release a codes=PASS => released
                 code PASS => ready used=0",
            )
            .await
            .unwrap();
    });
}
