//! Definitions over every store: versions, conflicts, removal, loading.

use super::*;
use crate::catalog::document::{GroupDocument, PolicyDocument, SlotDocument};

fn group(more: &str) -> DefinitionDocument {
    let text = format!("id = \"members\"\n{more}");
    DefinitionDocument::Group(toml::from_str::<GroupDocument>(&text).unwrap())
}

fn slot(id: String, group: &str) -> DefinitionDocument {
    DefinitionDocument::Slot(SlotDocument { id, group: group.to_owned() })
}

fn wish(catalog: &Catalog, wish: Wish) -> Result<(Change, u32), String> {
    let granted = catalog.put_definitions(&tenant(), &[wish]);
    granted.map(|all| (all[0].change, all[0].version)).map_err(|error| error.to_string())
}

pub(super) fn definitions_have_versions_and_are_removed(home: &Home) {
    let catalog = home.open();
    let put = |document, expect| wish(&catalog, Wish::put(document, expect));
    assert_eq!(put(group(""), Expect::New), Ok((Change::Created, 1)));
    assert_eq!(put(group("mandatory = true"), Expect::Version(1)), Ok((Change::Edited, 2)));
    assert_eq!(put(group("mandatory = true"), Expect::Any), Ok((Change::Nothing, 2)));
    let found = "group members is at version 2; expected was";
    assert_eq!(put(group(""), Expect::New), Err(format!("{found} none")));
    assert_eq!(put(group(""), Expect::Version(1)), Err(format!("{found} version 1")));
    let policy = DefinitionDocument::Policy(PolicyDocument::default());
    assert_eq!(put(policy.clone(), Expect::Any), Ok((Change::Created, 1)));

    let name = DefinitionName::of(&group(""));
    let removed = Wish { name: name.clone(), document: None, expect: Expect::Version(2) };
    assert_eq!(wish(&catalog, removed.clone()), Ok((Change::Edited, 3)));
    let again = Err("group members does not exist; expected was version 2".to_owned());
    assert_eq!(wish(&catalog, removed), again);
    // Who still believes in the old one does not change the new one.
    assert_eq!(put(group(""), Expect::New), Ok((Change::Created, 4)));
    drop(catalog);

    let catalog = home.open();
    let names = [name, DefinitionName { sort: Sort::Account, id: "members".to_owned() }];
    let named = catalog.definitions_named(&tenant(), &names).unwrap();
    let members = Definition { tenant: tenant(), version: 4, document: group("") };
    assert_eq!(named, [Some(members.clone()), None]);
    let rules = Definition { tenant: tenant(), version: 1, document: policy };
    let mut others = load(&catalog).0.others.into_inner().unwrap();
    others.sort_by_key(|one| one.document.sort());
    assert_eq!(others, [members, rules]);
    let strangers = TenantId::parse("par").unwrap();
    assert_eq!(catalog.definitions_of(&strangers, Sort::Group).unwrap(), []);
}

pub(super) fn many_definitions_are_put_at_once(home: &Home) {
    let catalog = home.open();
    let slots = |group: &str| -> Vec<Wish> {
        let slot = |n| Wish::put(slot(format!("2026/{n:04}"), group), Expect::Any);
        (0..1_200).map(slot).collect()
    };
    let changed = |wishes: &[Wish]| {
        let granted = catalog.put_definitions(&tenant(), wishes).unwrap();
        granted.iter().filter(|granted| granted.change != Change::Nothing).count()
    };
    assert_eq!(changed(&slots("members")), 1_200);
    assert_eq!(changed(&slots("members")), 0);
    let mut some = slots("members");
    some.splice(10..20, slots("guests").drain(10..20));
    assert_eq!(changed(&some), 10);
    let all = catalog.definitions_of(&tenant(), Sort::Slot).unwrap();
    let ids: Vec<&str> = all.iter().map(|slot| slot.document.id()).collect();
    assert_eq!((ids.len(), ids[0], ids[1_199]), (1_200, "2026/0000", "2026/1199"));
    assert_eq!((all[9].version, all[10].version), (1, 2));
}
