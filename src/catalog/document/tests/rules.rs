//! What conditions, effects, limits, hours and stacking are compiled to.

use chrono::NaiveDate;

use crate::domain::campaign::{
    self, After, AmongRule, Application, BalanceOf, Basis, Campaign, Condition, Effect, Item, Per,
    Pick, Points, ProductType, Remainder, Switch, Terms, Tier, Times, Worth,
};
use crate::domain::money::Percent;
use crate::domain::order::Trigger;
use crate::domain::time::Period;

use super::{check, compile};

/// A campaign in euros with an account.
#[track_caller]
fn with(more: &str) -> Campaign {
    let text = format!("id = \"a\"\ncurrency = \"EUR\"\naccount = \"lucky\"\n{more}");
    compile(&text).unwrap_or_else(|errors| panic!("{more}\n{errors:?}"))
}

#[track_caller]
fn check_effect(kind: &str, effect: &str, expect: &Effect) {
    let campaign = with(&format!("kind = \"{kind}\"\neffects = [{effect}]"));
    assert_eq!(campaign.effects.as_slice(), std::slice::from_ref(expect), "{effect}");
}

#[track_caller]
fn check_condition(condition: &str, expect: &str) {
    let campaign = with(&format!("kind = \"pass\"\nconditions = [{condition}]"));
    let [found] = campaign.conditions.as_slice() else { panic!("{condition}") };
    assert_eq!(format!("{found:?}"), expect);
}

fn percent(whole: i64) -> Worth {
    Worth::Percent(Percent::new(whole.into()).unwrap())
}

#[test]
fn price_effects() {
    let off = |worth, terms| Effect::Off { worth, terms };
    let nightly = Times { per: Per::Night, max: Some(4) };
    check_effect(
        "discount",
        "{ type = \"percent\", percent = 20, basis = \"original\", cap = \"9.99\" }",
        &off(percent(20), Terms { basis: Basis::Original, cap_minor: Some(999), ..Terms::PLAIN }),
    );
    check_effect(
        "discount",
        "{ type = \"amount\", amount = 5, per = \"night\", max_times = 4, cap = 15 }",
        &off(Worth::Amount(500), Terms { times: nightly, cap_minor: Some(1_500), ..Terms::PLAIN }),
    );
    check_effect(
        "discount",
        "{ type = \"price\", price = 0, per = \"cart\" }",
        &off(Worth::Price(0), Terms::PLAIN),
    );
    check_effect(
        "discount",
        "{ type = \"tiers\", per = \"person\", tiers = [{ from = 1000, amount = 80 }, \
         { from = 0, price = \"0.50\" }] }",
        &Effect::Tiers {
            tiers: vec![
                Tier { from_minor: 0, worth: Worth::Price(50) },
                Tier { from_minor: 100_000, worth: Worth::Amount(8_000) },
            ],
            terms: Terms { times: Times { per: Per::Person, max: None }, ..Terms::PLAIN },
        },
    );
    check_effect(
        "surcharge",
        "{ type = \"surcharge\", percent = 3, basis = \"original\" }",
        &Effect::Surcharge {
            worth: percent(3),
            terms: Terms { basis: Basis::Original, ..Terms::PLAIN },
        },
    );
    check_effect(
        "surcharge",
        "{ type = \"surcharge\", amount = \"2.50\", per = \"adult\" }",
        &Effect::Surcharge {
            worth: Worth::Amount(250),
            terms: Terms { times: Times { per: Per::Adult, max: None }, ..Terms::PLAIN },
        },
    );
}

#[test]
fn other_effects() {
    let item =
        |pick, worth, every, pieces_max| Effect::Item(Item { pick, worth, every, pieces_max });
    check_effect(
        "discount",
        "{ type = \"item\", pick = \"cheapest\", every = 3 }",
        &item(Pick::Cheapest, percent(100), Some(3), None),
    );
    check_effect(
        "discount",
        "{ type = \"item\", pick = { product = \"tea\" }, price = 1, pieces_max = 2 }",
        &item(Pick::Named("tea".into()), Worth::Price(100), None, Some(2)),
    );
    let product = Some("dinner".into());
    check_effect(
        "unit",
        "{ type = \"pays_all\", product = \"dinner\" }",
        &Effect::PaysAll { product },
    );
    check_effect("unit", "{ type = \"pays_all\" }", &Effect::PaysAll { product: None });
    check_effect(
        "access",
        "{ type = \"switch\", product = \"vip-hour\", to = \"not_bookable\" }",
        &Effect::Switch { product: "vip-hour".into(), to: Switch::NotBookable },
    );
    check_effect(
        "points",
        "{ type = \"points\", points = 20, per = \"room\" }",
        &Effect::Points { points: Points::Fixed(20), times: Times { per: Per::Room, max: None } },
    );
    check_effect(
        "points",
        "{ type = \"points\", by_weight = true }",
        &Effect::Points { points: Points::ByWeight, times: Times::ONCE },
    );
    check_effect(
        "points",
        "{ type = \"spend\", amount = 20 }",
        &Effect::Spend { amount: 20, times: Times::ONCE },
    );
    check_effect(
        "points",
        "{ type = \"balance\", of = \"account\", remainder = \"forfeited\" }",
        &Effect::Balance { of: BalanceOf::Account, remainder: Remainder::Forfeited },
    );
    let voucher = with(
        "kind = \"voucher\"\neffects = [{ type = \"balance\" }, \
                        { type = \"points\", by_weight = true }]",
    );
    assert!(voucher.has_balance() && voucher.effects.len() == 2);
}

#[test]
fn conditions() {
    check_condition(
        "{ type = \"amount\", min = 50, basis = \"running\" }",
        "Amount { min: Some(5000), max: None, basis: Running }",
    );
    check_condition(
        "{ type = \"persons\", min = 2, max = 5 }",
        "Persons { min: Some(2), max: Some(5) }",
    );
    check_condition("{ type = \"nights\", min = 2 }", "Nights { min: Some(2), max: None }");
    check_condition("{ type = \"points\", max = 99 }", "Points { min: None, max: Some(99) }");
    check_condition(
        "{ type = \"booked\", only = [2026-12-01, { from = \"2026-12-24\", until = 2026-12-26 }] }",
        "Booked(Dates { rule: Only, ranges: [2026-12-01..=2026-12-01, 2026-12-24..=2026-12-26] })",
    );
    for (word, name) in [("arrival", "Arrival"), ("departure", "Departure")] {
        check_condition(
            &format!("{{ type = \"{word}\", not = [\"2026-12-24\"] }}"),
            &format!("{name}(Dates {{ rule: Not, ranges: [2026-12-24..=2026-12-24] }})"),
        );
    }
    let lists = [
        ("product", "Product"),
        ("product_type", "ProductType"),
        ("category", "Category"),
        ("theme", "Theme"),
        ("region", "Region"),
        ("channel", "Channel"),
        ("property", "Property"),
        ("gate", "Gate"),
        ("zone", "Zone"),
        ("partner", "Partner"),
        ("brand", "Brand"),
        ("customer_group", "CustomerGroup"),
    ];
    for (word, name) in lists {
        check_condition(
            &format!("{{ type = \"{word}\", only = [\"x\"] }}"),
            &format!("{name}(Among {{ rule: Only, set: {{\"x\"}} }})"),
        );
    }
    let types = [
        ("room_type", ProductType::Room),
        ("package", ProductType::Package),
        ("programme", ProductType::Programme),
        ("board", ProductType::Board),
        ("voucher", ProductType::Voucher),
    ];
    for (word, product_type) in types {
        let among = "among: Among { rule: Not, set: {\"x\"} }";
        check_condition(
            &format!("{{ type = \"{word}\", not = [\"x\"] }}"),
            &format!("Contains {{ product_type: {product_type:?}, {among} }}"),
        );
    }
    check_condition("{ type = \"first_order\", is = true }", "FirstOrder(Only)");
    check_condition("{ type = \"first_order\", is = false }", "FirstOrder(Not)");
    let triggers = vec![Trigger::Birthday, Trigger::VoucherPurchase];
    let campaign = with(
        "kind = \"pass\"\nconditions = [{ type = \"trigger\", only = [\"birthday\", \
         \"voucher_purchase\"] }]",
    );
    assert_eq!(campaign.conditions, [Condition::Trigger { rule: AmongRule::Only, triggers }]);
}

#[test]
fn hours_and_dates() {
    let campaign = with(
        "kind = \"pass\"\nzone = \"Europe/Vienna\"\n[validity]\n\
         hours = [{ days = [\"friday\", \"saturday\"], from = \"18:00\", until = \"02:00\" }, {},\n\
         { from = \"20:00\", until = \"00:00\" }]\n\
         blackout = [2026-12-24, { from = \"2026-12-31\", until = \"2027-01-01\" }]\n\
         extra = [\"2026-10-26\"]",
    );
    let hours = campaign.validity.hours;
    let windows: Vec<_> = hours
        .windows
        .iter()
        .map(|window| (window.days.len(), window.from_min, window.until_min))
        .collect();
    assert_eq!(windows, [(2, 1_080, 120), (7, 0, 1_440), (7, 1_200, 1_440)]);
    let date = |y, m, d| NaiveDate::from_ymd_opt(y, m, d).unwrap();
    let christmas = date(2026, 12, 24);
    assert_eq!(hours.blackout, [christmas..=christmas, date(2026, 12, 31)..=date(2027, 1, 1)]);
    assert_eq!(hours.extra, [date(2026, 10, 26)..=date(2026, 10, 26)]);
}

#[test]
fn limits_and_passback() {
    let campaign = with(
        "kind = \"pass\"\nretention = \"90days\"\n\
         passback = { interval = \"10m\", reentry = \"2h\" }\nlimits = [\n\
         { scope = \"account\", period = { rolling = \"24h\" }, max = 3 },\n\
         { scope = \"code\", period = { rolling = \"7days\" }, max = 5 },\n\
         { scope = \"customer\", period = \"week\", max = 4 },\n]",
    );
    let periods: Vec<_> = campaign.limits.iter().map(|limit| limit.period).collect();
    let rolling = |minutes| Period::Rolling { minutes };
    assert_eq!(periods, [rolling(1_440), rolling(10_080), Period::Week]);
    assert_eq!(campaign.retention_days, Some(90));
    assert_eq!(campaign.passback.reentry_ms, Some(7_200_000));
    assert_eq!(campaign.passback.interval_ms, Some(600_000));
}

#[test]
fn stacking_and_automatic_campaigns() {
    let campaign = with(
        "kind = \"discount\"\nautomatic = true\norder_number = -5\nexclusion_group = \"sale\"\n\
         best_of = \"spring\"\nstops = true\ngroups = [\"members\", \"staff\"]\n\
         effects = [{ type = \"zero\" }]",
    );
    assert_eq!((campaign.application, campaign.uses), (Application::Automatic, None));
    let stacking = campaign.stacking;
    assert_eq!((stacking.order_number, stacking.after), (-5, After::Stops));
    assert_eq!(stacking.exclusion_group.as_deref(), Some("sale"));
    assert_eq!(stacking.best_of.as_deref(), Some("spring"));
    assert_eq!(campaign.groups, ["members", "staff"].map(Box::<str>::from));
    assert_eq!(campaign.account.as_deref(), Some("lucky"));
    let plain = with("kind = \"discount\"\neffects = [{ type = \"zero\" }]");
    assert_eq!(plain.stacking, campaign::Stacking::default());
    assert_eq!((plain.application, plain.retention_days), (Application::ByCode, None));
}

#[test]
fn mistakes_in_effects() {
    let euro = "currency = \"EUR\"\nkind = \"discount\"\n";
    check(
        &format!(
            "{euro}effects = [\n\
             {{ type = \"amount\", amount = 5, max_times = 0 }},\n\
             {{ type = \"price\", price = -1 }},\n\
             {{ type = \"tiers\", tiers = [] }},\n\
             {{ type = \"tiers\", per = \"night\", tiers = [{{ from = 5, percent = 5 }}] }},\n\
             {{ type = \"tiers\", basis = \"original\", tiers = [{{ from = 5, amount = 5 }},\
                {{ from = \"5.00\", percent = 5, amount = 5 }}, {{ from = 5, price = 5 }}] }},\n\
             {{ type = \"item\", pick = \"dearest\", percent = 5, price = 5, every = 0 }},\n\
             {{ type = \"pays_all\", product = \" \" }},\n]"
        ),
        &[
            "effects[0].max_times: is 0; give at least 1",
            "effects[0].max_times: is without effect unless per says what is counted",
            "effects[1].price: is -1; give at least 0",
            "effects[2].tiers: is empty",
            "effects[3].per: counts amounts; a share is of all that the lines cost already",
            "effects[4].tiers[1]: needs exactly one of percent, amount, price",
            "effects[4].tiers[2].from: is that of an earlier tier",
            "effects[5].every: is 0; give at least 1",
            "effects[5]: needs exactly one of percent, amount, price",
            "effects[6].product: is empty",
        ],
    );
    check(
        &format!(
            "{euro}account = \"lucky\"\neffects = [\n\
             {{ type = \"surcharge\", percent = 5, per = \"unit\" }},\n\
             {{ type = \"points\" }},\n\
             {{ type = \"points\", points = 5, by_weight = true }},\n\
             {{ type = \"points\", by_weight = true, per = \"night\" }},\n\
             {{ type = \"spend\", amount = 0 }},\n\
             {{ type = \"balance\" }}, {{ type = \"balance\", of = \"account\" }},\n]"
        ),
        &[
            "effects[0]: only a campaign of kind surcharge adds to the price",
            "effects[0].per: counts amounts; a share is of all that the lines cost already",
            "effects[1]: needs exactly one of points and by_weight = true",
            "effects[2]: needs exactly one of points and by_weight = true",
            "effects[3].per: is for a fixed number of points; a weight counts what is paid",
            "effects[4].amount: is 0; give 1 to 1000000000000000",
            "effects[5]: only a voucher has a balance to draw from",
            "effects: draw from a balance more than once",
        ],
    );
    check(
        "kind = \"voucher\"\ncurrency = \"EUR\"\neffects = [{ type = \"zero\" }]",
        &["effects: a voucher draws from its balance once; besides, it can only give points and \
           switch products"],
    );
}

#[test]
fn what_is_about_an_account_needs_one() {
    for (more, user) in [
        ("effects = [{ type = \"zero\" }, { type = \"points\", points = 5 }]", "effects[1]"),
        ("effects = [{ type = \"spend\", amount = 5 }]", "effects[0]"),
        ("effects = [{ type = \"balance\", of = \"account\" }]", "effects[0]"),
        ("conditions = [{ type = \"points\", min = 5 }]", "conditions[0]"),
        ("limits = [{ scope = \"account\", max = 5 }]", "limits[0]"),
    ] {
        let expect = format!("account: is needed, because {user} is about one");
        check(&format!("kind = \"pass\"\n{more}"), &[&expect]);
    }
    check(
        "kind = \"pass\"\naccount = \"Lucky Card\"\ngroups = [\"\"]",
        &[
            "groups[0]: is empty; give 1 to 64 characters of a-z, 0-9, '-' and '_'",
            "account: contains 'L'; only a-z, 0-9, '-' and '_' are allowed",
        ],
    );
}

#[test]
fn what_is_about_codes_is_refused_in_an_automatic_campaign() {
    let of_codes = "is about codes, and an automatic campaign has none";
    let told = |path: &str| format!("{path}: {of_codes}");
    check(
        "kind = \"discount\"\nautomatic = true\nactivation = \"paid\"\nretention = \"1day\"\n\
         passback = {}\n\
         validity = { relative = { since = \"issue\", count = 1, unit = \"days\" } }\n\
         codes = { pattern = \"A-####\" }\neffects = [{ type = \"zero\" }]\n\
         limits = [{ scope = \"campaign\", max = 1 }, { scope = \"code\", max = 1 }]",
        &[
            &told("codes"),
            &told("activation"),
            &told("validity.relative"),
            &told("passback"),
            &told("retention"),
            &format!("{}; to limit it in all, say \"campaign\"", told("limits[1].scope")),
        ],
    );
    check("kind = \"pass\"\nautomatic = true", &["automatic: cannot be: a pass needs a code"]);
}

#[test]
fn mistakes_in_periods_and_dates() {
    check(
        "kind = \"pass\"\nretention = \"36h\"\npassback = { reentry = \"2days\" }\nlimits = [\n\
         { scope = \"code\", period = { rolling = \"90s\" }, max = 1 },\n\
         { scope = \"code\", counts = \"days\", period = { rolling = \"7days\" }, max = 1 },\n\
         { scope = \"customer\", period = { rolling = \"1s\" }, max = 1 },\n]",
        &[
            "limits: has 3 rolling periods; at most 2 are allowed",
            "limits[0].period.rolling: \"90s\" is not whole minutes",
            "limits[1].period: distinct days are counted by day, week, month, year or in total",
            "limits[2].period.rolling: \"1s\" is not within 1m and 1year 18h",
            "passback.reentry: \"2days\" is not within 1ms and 1day",
            "retention: \"36h\" is not whole days, such as \"90days\"",
        ],
    );
    check(
        "kind = \"pass\"\nvalidity.hours = [{ days = [] }, \
         { from = \"24:00\", until = \"24:01\" },\n\
         { from = \"6:00\" }]\nvalidity.extra = [\"tomorrow\", { from = \"2026-02-02\", \
         until = \"2026-02-01\" }]\nconditions = [{ type = \"booked\", only = [] }, \
         { type = \"arrival\" }]",
        &[
            "validity.hours[0].days: is empty; leave it out for all days",
            "validity.hours[1].from: \"24:00\" is no time; write \"00:00\" to \"23:59\"",
            "validity.hours[1].until: \"24:01\" is no time; write \"00:00\" to \"24:00\"",
            "validity.hours[2].from: \"6:00\" is no time; write \"00:00\" to \"23:59\"",
            "validity.extra[0]: \"tomorrow\" is no date; write \"2026-12-24\"",
            "validity.extra[1]: has a from after its until",
            "conditions[0].only: is empty",
            "conditions[1]: needs exactly one of the lists only and not",
        ],
    );
}

#[test]
fn rolling_periods_leave_less_room_for_other_limits() {
    let periods = ["day", "week", "month", "year", "total"];
    let scopes = ["code", "campaign", "customer"];
    let counts = ["uses", "orders", "units"];
    let mut limits = String::new();
    let all = periods.iter().flat_map(|p| scopes.iter().map(move |s| (p, s)));
    for ((period, scope), counts) in all.flat_map(|one| counts.iter().map(move |c| (one, c))) {
        limits += &format!(
            "{{ scope = \"{scope}\", counts = \"{counts}\", period = \"{period}\", max = 1 }},"
        );
    }
    check(&format!("kind = \"pass\"\nlimits = [{limits}]"), &[]);
    let rolling = "{ scope = \"code\", period = { rolling = \"1h\" }, max = 1 }";
    check(
        &format!("kind = \"pass\"\nlimits = [{limits}{rolling}]"),
        &["limits: has 46 entries; at most 44 are allowed"],
    );
}
