//! Refusals over the wire: each reason of a code, exactly, and in the documented order.

use jeton::auth::caller::{Identity, Name};
use jeton::auth::role::Role;
use jeton::client::{Answer, Client, Redeem};
use jeton::domain::id::{CampaignId, TenantId};
use jeton::engine::IssueOrder;

use crate::house::{House, block_on, check};

/// Everything that can be wrong with a code is wrong with it, at first.
const STRICT: &str = r#"
id = "strict"
kind = "discount"
status = "draft"
zone = "Europe/Vienna"
currency = "EUR"
activation = "paid"
customer = "required"
validity = { from = "2026-07-01", until = "2026-07-31" }
effects = [{ type = "percent", percent = "10" }]
conditions = [
  { type = "channel", only = ["web"] },
  { type = "customer_group", only = ["vip"] },
  { type = "property", only = ["park"] },
  { type = "product", only = ["ticket"] },
  { type = "amount", min = "50.00", max = "90.00" },
]
"#;

#[test]
fn the_order_of_the_list_is_the_order_of_the_checks() {
    check(
        &[(STRICT, "code,holder\nCODE,anna")],
        "
        redeem a C/DE  total=0      => code_malformed number=100 transient=false code=0 all=
        redeem a C0DX  total=0      => code_not_found number=101 transient=false code=0 all=
        revoke CODE
        redeem a CODE  total=0:USD  => code_revoked number=102 transient=false code=0 all=
        reinstate CODE
        redeem a CODE  total=0:USD  => campaign_draft number=110 transient=false code=0 all=
        pause strict
        redeem a CODE  total=0:USD  => campaign_paused number=111 transient=true code=0 all=
        end strict
        redeem a CODE  total=0:USD  => campaign_ended number=112 transient=false code=0 all=
        resume strict
        redeem a CODE  total=0:USD  => not_activated number=113 transient=true code=0 all=
        paid CODE 2026-06-01T00:00:00Z
        redeem a CODE  total=0:USD  => not_started number=120 code=0 all=next:2026-06-30T22:00:00.000Z
        at 2026-08-01T00:00:00+02:00
        redeem a CODE  total=0:USD  => expired number=121 code=0 all=
        at 2026-07-31T23:59:59.999+02:00
        redeem a CODE               => input_missing number=130 code=0 all=missing:total_minor;rule:percent
        redeem a CODE  total=0:USD  => input_missing code=0 all=missing:channel;rule:channel",
    );
}

#[test]
fn of_the_conditions_the_lowest_number_is_the_answer() {
    const WRONG: &str = "channel=shop property=zoo line=beer/bar/1/100";
    let said = [
        ("total=4999:USD", WRONG, "customer_required number=131 all=rule:customer"),
        ("total=4999:USD customer=ben", WRONG, "not_holder number=132 all=rule:holder"),
        (
            "total=4999:USD customer=anna",
            WRONG,
            "customer_not_eligible number=133 all=rule:customer_group",
        ),
        (
            "total=4999:USD customer=anna group=vip",
            WRONG,
            "property_not_eligible number=134 all=rule:property",
        ),
        (
            "total=4999:USD customer=anna group=vip",
            "channel=shop property=park line=beer/bar/1/100",
            "channel_not_eligible number=135 all=rule:channel",
        ),
        (
            "total=4999:USD customer=anna group=vip",
            "channel=web property=park line=beer/bar/1/100",
            "product_not_eligible number=140 all=rule:product",
        ),
        (
            "total=4999:USD customer=anna group=vip",
            "channel=web property=park line=ticket/gate/1/0",
            "amount_below_min number=144 all=rule:amount;off_by:1",
        ),
        (
            "total=9001:USD customer=anna group=vip",
            "channel=web property=park line=ticket/gate/1/0",
            "amount_above_max number=145 all=rule:amount;off_by:1",
        ),
        (
            "total=5000:USD customer=anna group=vip",
            "channel=web property=park line=ticket/gate/1/0",
            "currency_mismatch number=147 all=rule:currency",
        ),
        (
            "total=5000:EUR customer=anna group=vip",
            "channel=web property=park line=ticket/gate/1/0",
            "no_effect number=165 all=",
        ),
        (
            "total=5000:EUR customer=anna group=vip units=2",
            "channel=web property=park line=ticket/gate/1/4000",
            "units_out_of_range number=177 all=max:1",
        ),
        (
            "total=5000:EUR customer=anna group=vip gate=desk",
            "channel=web property=park line=ticket/gate/1/4000",
            "redeemed worth=400",
        ),
    ];
    let mut script = String::from(
        "resume strict\npaid CODE 2026-06-01T00:00:00Z\nat 2026-07-31T12:00:00+02:00\n",
    );
    for (who, what, expected) in said {
        script += &format!("redeem a CODE {who} {what} => {expected}\n");
    }
    script += "+1000 redeem b CODE total=5000:EUR customer=anna group=vip channel=web property=park \
               line=ticket/gate/1/4000 => already_redeemed number=170 transient=false code=0 \
               all=scope:code;limit:uses;used:1;held:0;max:1;last:2026-07-31T10:00:00.000Z;gate:desk\n";
    check(&[(STRICT, "code,holder\nCODE,anna")], &script);
}

const SINGLE: &str = r#"
id = "single"
kind = "access"
uses = 1
"#;

#[test]
fn what_must_be_paid_is_good_from_the_moment_it_is() {
    const PAID: &str = r#"
id = "paid"
kind = "access"
activation = "paid"
zone = "Europe/Vienna"
validity.relative = { since = "payment", count = 2, unit = "days" }
"#;
    check(
        &[(PAID, "code,paid_at\nOPEN,\nDONE,2026-06-15T09:00:00Z")],
        "
        redeem a OPEN                    => not_activated
        code OPEN                        => not_activated
        paid OPEN 2026-06-15T10:00:00Z
        redeem a OPEN                    => redeemed
        at 2026-06-16T23:59:59.999+02:00
        redeem b DONE                    => redeemed
        paid OPEN 2026-06-14T10:00:00Z
        redeem c OPEN                    => expired",
    );
}

#[test]
fn revoked_and_paused_are_in_force_at_once_and_come_before_used() {
    check(
        &[(SINGLE, "USED\nNEW")],
        "
        redeem a USED gate=north => redeemed
        redeem b USED            => already_redeemed gate=north
        revoke USED
        redeem b USED            => code_revoked
        validate USED            => code_revoked
        code USED                => revoked
        reinstate USED
        pause single
        redeem b USED            => campaign_paused
        redeem b NEW             => campaign_paused
        resume single
        revoke NEW
        redeem b NEW             => code_revoked
        reinstate NEW
        hold h NEW               => held
        revoke NEW
        confirm h                => redeemed       # what was promised is kept
        restart
        redeem b NEW             => code_revoked
        redeem b USED            => already_redeemed gate=north",
    );
}

#[test]
fn a_replaced_code_hands_on_what_it_had() {
    const TEN: &str = "id = \"ten\"\nkind = \"pass\"\nuses = 10\nunits = { max = 9 }\n";
    const GIFT: &str =
        "id = \"gift\"\nkind = \"voucher\"\ncurrency = \"EUR\"\nbalance = \"50.00\"\n";
    check(
        &[(TEN, "LOST"), (GIFT, "TORN")],
        "
        redeem a LOST units=4      => redeemed remaining=6
        redeem b TORN amount=2000  => redeemed balance=3000
        replace LOST FOUND
        replace TORN MENDED
        redeem c LOST              => code_replaced number=103 transient=false code=0
        redeem c TORN amount=1     => code_replaced
        code LOST                  => replaced
        code FOUND                 => ready used=4 max=10
        code MENDED                => ready balance=3000
        redeem c FOUND units=7     => units_exceed_remaining used=4
        redeem c FOUND units=5     => redeemed remaining=1 ordinal=9
        redeem d MENDED amount=3000 => redeemed balance=0
        release a                  => released
        release b                  => released balance=2000
        restart
        code FOUND                 => ready used=5
        code MENDED                => ready balance=2000
        redeem e TORN amount=1     => code_replaced",
    );
}

#[test]
fn a_slip_of_the_finger_is_told_from_an_unknown_code() {
    const PRINTED: &str = r#"
id = "printed"
kind = "access"
codes = { pattern = "PARK-####-####-####" }
"#;
    block_on(async {
        let house = House::open(&[(PRINTED, "")]).await;
        let campaign = CampaignId::parse("printed").unwrap();
        let (engine, tenant) = (&house.server.engine, house.server.tenant());
        let order = IssueOrder::plain(campaign);
        let mut texts = Vec::new();
        let mut generation = engine.generate(tenant, &order, 20, "test").unwrap();
        while generation.next_block(|text| texts.push(text.to_owned())).unwrap() > 0 {}
        drop(generation);
        assert_eq!(texts.len(), 20);
        let mut script = String::new();
        for (nr, text) in texts.iter().enumerate() {
            // One wrong letter anywhere, or two neighbours swapped, is never another code.
            let mut wrong: Vec<char> = text.chars().collect();
            let last = wrong.len() - 1;
            wrong[last] = if wrong[last] == '7' { '8' } else { '7' };
            let wrong: String = wrong.into_iter().collect();
            script += &format!("redeem w{nr} {wrong} => code_malformed\n");
            script += &format!("redeem r{nr} {} => redeemed\n", text.to_lowercase());
        }
        let told = house.run(&script).await;
        assert!(told.is_ok(), "{}", told.err().unwrap_or_default());
    });
}

#[test]
fn codes_of_others_are_codes_that_do_not_exist() {
    block_on(async {
        let house = House::open(&[(SINGLE, "VIP")]).await;
        let hotel = TenantId::parse("hotel").unwrap();
        let name = Name::parse("till").unwrap();
        let identity = Identity::new(hotel, Role::Office, name);
        let access = &house.server.server.shared().access;
        let (token, _) = access.mint(identity, None).unwrap();
        let options = house.server.client_options(Role::Gate).unwrap().token(token.as_str());
        let stranger = Client::connect(options).await.unwrap();
        assert_eq!(stranger.welcome().unwrap().tenant, "hotel");

        let id = crate::house::id("a");
        let house = house.run("redeem a VIP => redeemed").await.unwrap();
        let reason = |answer: Answer| match answer {
            Answer::Yes(yes) => panic!("{yes:?}"),
            Answer::No(no) => no.reason,
        };
        let redeemed = stranger.redeem(Redeem::code("VIP").id(id)).await.unwrap();
        assert_eq!(reason(redeemed), "code_not_found");
        assert_eq!(reason(stranger.status(id).await.unwrap()), "redemption_not_found");
        assert_eq!(reason(stranger.release(id).await.unwrap()), "redemption_not_found");
        let Answer::No(page) = stranger.code("VIP").await.unwrap() else { panic!("a page") };
        assert_eq!(page.reason, "code_not_found");
        house.run("code VIP => used used=1").await.unwrap();
    });
}
