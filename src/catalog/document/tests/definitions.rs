//! Accounts, groups, slots, the policy, and files that hold them all.

use crate::domain::account::{AccountUnit, AtMax, ClawBackRule, Lasting, RedeemAndEarn, Weights};
use crate::domain::policy::{CODES_MAX, NeedsCode, Policy};
use crate::domain::time::ValidityUnit;

use super::super::{
    AccountDocument, BundleDocument, FieldError, GroupDocument, PolicyDocument, SLOTS_MAX,
    SlotDocument,
};

fn told(errors: &[FieldError]) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}

fn account(toml: &str) -> AccountDocument {
    toml::from_str(&format!("id = \"lucky\"\n{toml}")).unwrap()
}

#[track_caller]
fn check_account(toml: &str, expect: &[&str]) {
    let found = account(toml).compile().err().unwrap_or_default();
    assert_eq!(told(&found), expect, "\n{toml}");
}

#[test]
fn an_account_of_points() {
    let account = account(
        "unit = \"points\"\ncurrency = \"EUR\"\nzone = \"Europe/Prague\"\nmax = 1000\n\
         at_max = \"refuse\"\n\
         redeem_and_earn = false\nclaw_back = \"debt\"\npays = \"0.10\"\npending_days = 14\n\
         lasts = { count = 6, unit = \"months\" }\n\
         weights.by_product_type = { room = 100, package = \"50.50\" }\n\
         texts = { name = { en = \"Lucky Card\" }, unit_name = { en = \"stars\" } }",
    );
    let json = serde_json::to_string(&account).unwrap();
    assert_eq!(serde_json::from_str::<AccountDocument>(&json).unwrap(), account);
    let account = account.compile().unwrap();
    assert_eq!(
        (&*account.id, account.unit, account.max),
        ("lucky", AccountUnit::Points, Some(1_000))
    );
    assert_eq!(account.lasts, Some(Lasting { count: 6, unit: ValidityUnit::Months }));
    assert_eq!((account.at_max, account.claw_back), (AtMax::Refuse, ClawBackRule::Debt));
    assert_eq!(account.redeem_and_earn, RedeemAndEarn::EarnsNothing);
    assert_eq!((account.pays_minor, account.pending_days), (Some(10), 14));
    let weights = vec![("package".into(), 5_050), ("room".into(), 10_000)];
    assert_eq!(account.weights, Weights::ByProductType(weights));
    assert_eq!(account.unit_name.get("en").map(|name| &**name), Some("stars"));
}

#[test]
fn an_account_of_money_and_its_defaults() {
    let account = account("currency = \"CZK\"\nmax = \"500.50\"\nweights.cart = 20");
    let account = account.compile().unwrap();
    let AccountUnit::Money(currency) = account.unit else { panic!("{:?}", account.unit) };
    assert_eq!((currency.as_str(), account.max), ("CZK", Some(50_050)));
    assert_eq!(account.weights, Weights::Cart(2_000));
    assert_eq!((account.at_max, account.claw_back), (AtMax::Clamp, ClawBackRule::Floor));
    assert_eq!((account.redeem_and_earn, account.lasts), (RedeemAndEarn::Earns, None));
    assert_eq!((account.pays_minor, account.pending_days), (None, 0));
}

#[test]
fn mistakes_in_accounts() {
    check_account("", &["unit: is needed: \"points\"; or give the currency of its money"]);
    let needed = "currency: is needed because the document has amounts";
    check_account("unit = \"money\"", &[needed]);
    check_account("unit = \"points\"\npays = \"0.10\"", &[needed]);
    check_account(
        "currency = \"EUR\"\npays = 1\nmax = 0\npending_days = 40000\n\
         lasts = { count = 0, unit = \"hours\" }\nweights = {}\ntexts.name = { English = \"\" }",
        &[
            "texts.name.English: is not a language; give two small letters, such as \"de\"",
            "texts.name.English: is empty",
            "lasts.count: is 0; give 1 to 36525",
            "lasts.unit: is hours; what comes in lasts whole days, give days or more",
            "max: is 0; give more than 0",
            "weights: needs exactly one of cart and by_product_type",
            "pays: is for points; money pays itself",
            "pending_days: is 40000; give at most 36525",
        ],
    );
    check_account(
        "unit = \"points\"\ncurrency = \"EUR\"\nmax = \"1.5\"\nweights.by_product_type = {}",
        &["max: \"1.5\" is not a whole number of at least 1", "weights.by_product_type: is empty"],
    );
}

#[test]
fn policies() {
    let policy = |toml: &str| toml::from_str::<PolicyDocument>(toml).unwrap().compile();
    assert_eq!(policy("").unwrap(), Policy::default());
    let by_type = [Some(3), Some(2), None, None];
    assert_eq!(
        policy("codes_max_by_type = { discount = 3, deal = 2 }").unwrap(),
        Policy { codes_max: 5, codes_max_by_type: by_type }
    );
    let given = policy("codes_max = 4\ncodes_max_by_type = { settlement = 0 }").unwrap();
    assert_eq!(given, Policy { codes_max: 4, codes_max_by_type: [None, None, None, Some(0)] });
    let wrong = |toml: &str| told(&policy(toml).unwrap_err());
    assert_eq!(
        wrong("codes_max = 17\ncodes_max_by_type = { deal = 300 }\ndefault_group = \"A\""),
        [
            "codes_max_by_type.deal: makes 300 codes in one order; give 0 to 16",
            "codes_max: makes 17 codes in one order; give 1 to 16",
            "default_group: contains 'A'; only a-z, 0-9, '-' and '_' are allowed",
        ]
    );
    let sum = "codes_max_by_type: makes 20 codes in one order; give 1 to 16";
    assert_eq!(wrong("codes_max_by_type = { deal = 10, discount = 10 }"), [sum]);
    assert_eq!(CODES_MAX, 16, "the texts say it");
}

#[test]
fn groups_and_slots() {
    let group = |toml: &str| toml::from_str::<GroupDocument>(toml).unwrap().compile();
    let members = group("id = \"members\"\nmandatory = true\ntexts.name.de = \"Mitglieder\"");
    assert_eq!(members.unwrap().needs_code, NeedsCode::Mandatory);
    assert_eq!(group("id = \"open\"").unwrap().needs_code, NeedsCode::Optional);
    assert_eq!(told(&group("id = \"\"").unwrap_err()).len(), 1);
    let slot = |id: &str, group: &str| {
        SlotDocument { id: id.to_owned(), group: group.to_owned() }.compile()
    };
    assert_eq!(&*slot("Rafting 2026-05-01T10:00", "members").unwrap().group, "members");
    assert_eq!(
        told(&slot("a\u{7}", "Members").unwrap_err()),
        [
            "id: contains a control character",
            "group: contains 'M'; only a-z, 0-9, '-' and '_' are allowed",
        ]
    );
}

const BUNDLE: &str = r#"
format = 1

[[account]]
id = "lucky"
unit = "points"

[[group]]
id = "members"
mandatory = true

[[slot]]
id = "2026-05-01"
group = "members"

[policy]
codes_max = 3
default_group = "members"

[[campaign]]
id = "a"
kind = "pass"

[[campaign]]
id = "b"
kind = "points"
account = "lucky"
effects = [{ type = "points", points = 5 }]
"#;

#[test]
fn a_bundle_holds_definitions_of_all_sorts() {
    let bundle = BundleDocument::from_toml(BUNDLE).unwrap();
    assert_eq!(bundle.mistakes(), []);
    assert_eq!((bundle.account.len(), bundle.slot.len(), bundle.campaign.len()), (1, 1, 2));
    let json = serde_json::to_string(&bundle).unwrap();
    assert_eq!(BundleDocument::from_json(&json).unwrap(), bundle);
    let toml = toml::to_string(&bundle).unwrap();
    assert_eq!(BundleDocument::from_toml(&toml).unwrap(), bundle);
}

#[test]
fn a_file_with_one_campaign_is_read_as_before() {
    let one = BundleDocument::from_toml("id = \"a\"\nkind = \"pass\"\naccount = \"x\"").unwrap();
    assert_eq!((one.campaign.len(), one.mistakes()), (1, Vec::new()));
    let one = BundleDocument::from_json("{\"id\":\"A\",\"kind\":\"unit\"}").unwrap();
    let paths: Vec<_> = one.mistakes().into_iter().map(|mistake| mistake.path).collect();
    assert_eq!(paths, ["id", "effects"], "no prefix, for there is only one");
}

#[test]
fn mistakes_in_bundles_are_told_together() {
    let text = BUNDLE
        .replace("format = 1", "format = 2")
        .replace("id = \"b\"", "id = \"a\"")
        .replace("account = \"lucky\"\n", "")
        .replace("unit = \"points\"", "")
        .replace("codes_max = 3", "codes_max = 0");
    assert_eq!(
        told(&BundleDocument::from_toml(&text).unwrap().mistakes()),
        [
            "format: is 2; this version of jeton reads 1",
            "campaign[1].id: is that of campaign[0] too",
            "account[0].unit: is needed: \"points\"; or give the currency of its money",
            "policy.codes_max: makes 0 codes in one order; give 1 to 16",
            "campaign[1].account: is needed, because effects[0] is about one",
        ]
    );
}

#[test]
fn ten_thousand_slots_are_read_and_not_one_more() {
    let text = |count: usize| {
        (0..count).map(|n| format!("[[slot]]\nid = \"{n}\"\ngroup = \"g\"\n")).collect::<String>()
    };
    assert_eq!(BundleDocument::from_toml(&text(SLOTS_MAX)).unwrap().mistakes(), []);
    let more = BundleDocument::from_toml(&text(SLOTS_MAX + 1)).unwrap().mistakes();
    assert_eq!(told(&more), ["slot: has 10001 entries; at most 10000 are allowed"]);
}
