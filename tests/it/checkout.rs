//! A till over the wire: vouchers, holds, effects, several codes, and the same answer twice.

use crate::house::{House, block_on, check};

const VOUCHER: &str = r#"
id = "gift"
kind = "voucher"
zone = "Europe/Vienna"
currency = "EUR"
balance = "100.00"
"#;

const SINGLE: &str = r#"
id = "ten-off"
kind = "discount"
currency = "EUR"
effects = [{ type = "amount", amount = "10.00" }]
"#;

#[test]
fn a_voucher_is_held_confirmed_in_part_and_given_back() {
    check(
        &[(VOUCHER, "GIFT")],
        "
        hold a GIFT amount=6000 ttl=60000  => held worth=6000 balance=4000 size=6000 live=6000 until=+60000 currency=EUR
        code GIFT                          => ready balance=4000
        redeem b GIFT amount=5000          => held number=178 transient=true code=0 all=limit:balance;used:4000;held:6000;max:5000;retry:60000
        +1000 redeem b GIFT amount=5000    => held retry=59000
        redeem b GIFT amount=10001         => balance_insufficient all=limit:balance;used:4000;held:6000;max:10001
        confirm a part=4000                => redeemed worth=4000 live=4000 balance=6000
        confirm a part=4000                => again redeemed same=true
        confirm a part=3000                => id_mismatch
        redeem b GIFT amount=5000          => redeemed worth=5000 balance=1000
        redeem a GIFT amount=6000 ttl=1    => again redeemed worth=4000
        release b                          => released balance=6000
        release a                          => released live=0 balance=10000
        code GIFT                          => ready balance=10000
        redeem c GIFT amount=10000         => redeemed balance=0
        redeem d GIFT amount=1             => balance_empty code=0 all=limit:balance;used:0;held:0;max:1
        code GIFT                          => used balance=0",
    );
}

#[test]
fn a_voucher_pays_what_the_order_leaves() {
    check(
        &[(VOUCHER, "GIFT\nCARD")],
        "
        validate GIFT total=3050:EUR     => valid worth=3050 before=3050 after=0 balance=10000
        redeem a GIFT total=3050:EUR     => redeemed worth=3050 after=0 balance=6950
        redeem b GIFT total=10000:EUR    => redeemed worth=6950 after=3050 balance=0 size=6950
        redeem c GIFT total=10000:EUR    => balance_empty
        redeem c GIFT                    => input_missing all=missing:amount_minor;rule:balance
        redeem c GIFT,CARD total=4000    => balance_empty code=0
        redeem c CARD,GIFT total=4000    => no_effect code=1        # nothing is left to pay
        release b part=950               => redeemed worth=6000 live=6000 balance=950
        redeem c GIFT,CARD total=4000    => redeemed worth=950,3050 balance=0,6950 after=0 size=4000
        release c                        => released balance=950,10000",
    );
}

#[test]
fn what_comes_back_keeps_its_own_end() {
    let short = format!("{VOUCHER}validity = {{ until = \"2026-06-20\" }}\n");
    check(
        &[(&short, "GIFT")],
        "
        redeem a GIFT amount=6000 => redeemed balance=4000
        redeem b GIFT amount=1000 => redeemed balance=3000
        at 2026-06-20T23:59:59.999+02:00
        release b                 => released balance=4000
        +1 release a              => released balance=0   # its time is over, and so is the lot's
        code GIFT                 => expired balance=0",
    );
}

#[test]
fn a_hold_ends_exactly_at_its_end() {
    check(
        &[(SINGLE, "ONCE")],
        "
        hold a ONCE total=5000 ttl=60000 => held worth=1000 until=+60000 remaining=0
        hold a ONCE total=5000 ttl=60000 => again held same=true
        redeem b ONCE total=5000         => held all=scope:code;limit:uses;used:0;held:1;max:1;retry:60000
        +59999 redeem b ONCE total=5000  => held retry=1
        status a                         => held until=+1
        +1 status a                      => expired live=0
        redeem b ONCE total=5000         => redeemed ordinal=1
        confirm a                        => hold_expired number=201
        extend a ttl=60000               => hold_expired
        release a                        => hold_expired
        redeem a ONCE total=5000         => already_redeemed
        confirm nobody                   => hold_not_found number=200
        confirm b                        => hold_not_found",
    );
}

#[test]
fn a_hold_does_not_stand_in_its_own_way() {
    check(
        &[(SINGLE, "ONCE\nTWICE")],
        "
        hold a ONCE total=5000           => held until=+900000      # a quarter of an hour
        redeem a ONCE total=5000         => redeemed ordinal=1 until=-
        redeem a ONCE total=5000         => again redeemed same=true
        confirm a                        => again redeemed
        hold b TWICE total=5000 ttl=1000 => held
        extend b ttl=5000                => held until=+5000
        hold b TWICE total=5000 ttl=1000 => again held until=+1000  # what was promised first
        +2000 status b                   => held until=+3000
        extend b ttl=500                 => held until=+500
        +500 redeem b TWICE total=5000   => redeemed                # over, and free again
        release b                        => released
        hold c TWICE total=5000          => held
        release c                        => released live=0
        confirm c                        => already_released
        redeem d TWICE total=5000        => redeemed",
    );
}

#[test]
fn a_hold_lasts_as_long_as_the_campaign_says_at_most_a_week() {
    let longer = SINGLE.replace("ten-off", "longer") + "hold_ttl = \"20m\"\n";
    let shorter = SINGLE.replace("ten-off", "shorter") + "hold_ttl = \"30s\"\n";
    check(
        &[(&longer, "LONGER"), (&shorter, "SHORTER")],
        "
        hold a LONGER total=5000               => held until=+1200000
        release a                              => released
        hold b LONGER,SHORTER total=5000       => held until=+30000
        release b                              => released
        hold c LONGER total=5000 ttl=900000000 => held until=+604800000
        extend c ttl=900000000                 => again held until=+604800000",
    );
}

#[test]
fn what_is_released_never_exceeds_what_was_taken() {
    check(
        &[(VOUCHER, "GIFT")],
        "
        redeem a GIFT amount=5000 => redeemed
        release a part=2000 as=r  => redeemed live=3000 worth=3000 balance=7000
        release a part=2000 as=r  => again redeemed same=true
        release a part=1000 as=r  => id_mismatch
        release a part=3001       => release_exceeds number=204 max=3000
        release a part=1000       => redeemed live=2000 balance=8000
        release a part=2000 as=r  => again redeemed same=true
        release a as=s            => released live=0 balance=10000
        release a as=s            => again released same=true
        release a                 => already_released number=203
        release nobody            => redemption_not_found number=202
        hold h GIFT amount=4000   => held
        release h part=1000       => held live=3000 balance=7000
        confirm h part=3001       => confirm_exceeds max=3000
        confirm h part=2500       => redeemed live=2500 balance=7500
        release h part=2501       => release_exceeds max=2500
        release h                 => released balance=10000
        status h                  => released live=0",
    );
}

#[test]
fn effects_are_worth_what_they_say() {
    let percent = r#"{ type = "percent", percent = "12.5" }"#;
    let capped = r#"{ type = "percent", percent = "20", cap = "30.00" }"#;
    let amount = r#"{ type = "amount", amount = "10.00" }"#;
    let two = r#"{ type = "amount", amount = "100" }, { type = "percent", percent = "20" }"#;
    let unit = r#"{ type = "unit", product = "coffee", quantity = 2 }"#;
    let surcharge = r#"{ type = "surcharge", amount = "3.50" }"#;
    let cases = [
        ("discount", percent, "total=999:EUR", "worth=125 before=999 after=874"), // 124.875
        ("discount", percent, "total=996:EUR", "worth=125 after=871"),            // 124.5
        ("discount", percent, "total=995:EUR", "worth=124 after=871"),            // 124.375
        ("discount", percent, "line=bed/room/1/400 line=tea/bar/2/600", "worth=125 before=1000"),
        ("discount", capped, "total=14999:EUR", "worth=3000 after=11999"),
        ("discount", capped, "total=15001:EUR", "worth=3000 after=12001"),
        ("discount", amount, "total=2500:EUR", "worth=1000 after=1500"),
        ("discount", amount, "total=700:EUR", "worth=700 after=0"),
        ("discount", two, "total=50000:EUR", "worth=18000 after=32000"),
        ("surcharge", surcharge, "total=1000:EUR", "worth=-350 after=1350"),
        ("unit", unit, "total=1000:EUR", "worth=0 after=1000 products=coffee*2"),
        ("access", r#"{ type = "zero" }"#, "total=1000:EUR", "worth=0 after=1000"),
    ];
    let (mut campaigns, mut script) = (Vec::new(), String::new());
    for (nr, (kind, effects, order, expected)) in cases.into_iter().enumerate() {
        campaigns.push((
            format!(
                "id = \"c{nr}\"\nkind = \"{kind}\"\ncurrency = \"EUR\"\neffects = [{effects}]\n"
            ),
            format!("VIP{nr}"),
        ));
        script += &format!(
            "validate VIP{nr}      {order} => valid {expected}
             redeem a{nr}   VIP{nr} {order} => redeemed {expected} ordinal=1 remaining=0
             redeem a{nr}   VIP{nr} {order} => again redeemed same=true\n"
        );
    }
    let campaigns: Vec<(&str, &str)> =
        campaigns.iter().map(|(toml, code)| (toml.as_str(), code.as_str())).collect();
    check(&campaigns, &script);
}

#[test]
fn codes_take_effect_one_after_the_other() {
    const HUNDRED: &str = r#"
id = "hundred"
kind = "discount"
currency = "EUR"
effects = [{ type = "amount", amount = "100.00" }]
"#;
    const FIFTH: &str = r#"
id = "fifth"
kind = "discount"
effects = [{ type = "percent", percent = "20" }]
"#;
    check(
        &[(HUNDRED, "HUNDRED"), (FIFTH, "FIFTH")],
        "
        validate HUNDRED,FIFTH total=50000:EUR => valid worth=10000,8000 after=32000
        validate FIFTH,HUNDRED total=50000:EUR => valid worth=10000,10000 after=30000
        redeem a HUNDRED,FIFTH total=50000:EUR => redeemed worth=10000,8000 after=32000 campaign=hundred,fifth
        release a part=1                       => released after=50000 worth=0,0",
    );
}

#[test]
fn several_codes_are_taken_together_or_not_at_all() {
    check(
        &[(SINGLE, "ONE\nTWO\nGONE"), (VOUCHER, "GIFT")],
        "
        redeem a GONE total=5000          => redeemed
        redeem b ONE,GIFT,GONE total=99000 => already_redeemed code=2
        hold b ONE,GIFT,GONE total=99000  => already_redeemed code=2
        code ONE                          => ready used=0 held=0
        code GIFT                         => ready balance=10000
        redeem b ONE,NOWHERE total=9000   => code_not_found code=1
        redeem b ONE,one total=9000       => already_applied number=160 code=1
        redeem b ONE,ON.E total=9000      => already_applied code=1
        code ONE                          => ready used=0
        redeem b ONE,TWO,GIFT total=9000  => redeemed worth=1000,1000,7000 after=0 size=9000
        redeem b ONE,TWO,GIFT total=9000  => again redeemed same=true
        redeem b ONE,GIFT,TWO total=9000  => id_mismatch
        redeem c TWO total=9000           => already_redeemed
        release b                         => released
        code TWO                          => ready used=0
        code GIFT                         => ready balance=10000",
    );
}

#[test]
fn a_use_is_never_lost_for_nothing() {
    let allowing = SINGLE.replace("ten-off", "allowing") + "no_effect = \"allow\"\n";
    check(
        &[(SINGLE, "REFUSES"), (&allowing, "ALLOWS")],
        "
        redeem a REFUSES total=0:EUR    => no_effect number=165 code=0
        code REFUSES                    => ready used=0
        redeem a ALLOWS total=0:EUR     => redeemed worth=0
        code ALLOWS                     => used used=1
        redeem b REFUSES total=5000:USD => currency_mismatch number=147 all=rule:currency
        redeem b REFUSES                => input_missing all=missing:total_minor;rule:amount
        redeem b REFUSES total=5000:EUR => redeemed",
    );
}

#[test]
fn the_same_id_has_the_same_answer_for_ever() {
    let edited = SINGLE.replace("10.00", "25.00");
    block_on(async {
        let house = House::open(&[(SINGLE, "code,holder\nONE,anna\nTWO,anna\nBEN,")]).await;
        let house = house
            .run(
                "
                redeem a ONE total=5000 customer=anna ref=o-1 => redeemed worth=1000 holder=anna version=1
                hold h TWO total=5000 customer=anna           => held
                redeem a ONE total=5000 customer=anna ref=o-1 => again redeemed same=true
                redeem a ONE total=5000 customer=anna ref=o-2 => id_mismatch number=210
                redeem a ONE total=5001 customer=anna ref=o-1 => id_mismatch
                redeem a BEN total=5000                       => id_mismatch
                hold a ONE total=5000 customer=anna ref=o-1   => id_mismatch
                +1000
                status a                                      => redeemed live=1
                restart
                redeem a ONE total=5000 customer=anna ref=o-1 => again redeemed same=true
                redeem a ONE total=5000 customer=anna ref=o-2 => id_mismatch
                hold h TWO total=5000 customer=anna           => again held same=true
                status nobody                                 => redemption_not_found
                pause ten-off
                redeem a ONE total=5000 customer=anna ref=o-1 => again redeemed same=true
                redeem b BEN total=5000                       => campaign_paused
                confirm h                                     => redeemed worth=1000
                revoke ONE
                redeem a ONE total=5000 customer=anna ref=o-1 => again redeemed same=true
                resume ten-off",
            )
            .await
            .unwrap();
        house.put(&edited);
        let house = house
            .run(
                "
                redeem a ONE total=5000 customer=anna ref=o-1 => again redeemed same=true
                redeem b BEN total=5000   => redeemed worth=1000 version=1   # as it was issued
                release a as=r            => released live=0 after=5000
                redeem a ONE total=5000 customer=anna ref=o-1 => again redeemed same=true
                restart
                release a as=r            => again released same=true
                release a as=s            => already_released
                status a                  => released live=0
                at 2028-06-15T12:00:00+02:00
                redeem a ONE total=5000 customer=anna ref=o-1 => again redeemed same=true
                status h                  => redeemed live=1",
            )
            .await;
        assert!(house.is_ok(), "{}", house.err().unwrap_or_default());
    });
}

#[test]
fn holds_outlive_a_restart_and_end_when_they_should() {
    check(
        &[(SINGLE, "ONCE"), (VOUCHER, "GIFT")],
        "
        hold a ONCE,GIFT total=5000 ttl=60000 => held worth=1000,4000
        restart
        redeem b ONCE total=5000              => held retry=60000
        redeem b GIFT amount=7000             => held retry=60000 held=4000
        +60000
        restart
        redeem b ONCE total=5000              => redeemed
        code GIFT                             => ready balance=10000
        status a                              => expired",
    );
}
