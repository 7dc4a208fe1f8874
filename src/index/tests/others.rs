//! Accounts, groups, slots and policies.

use super::*;
use crate::domain::policy::{Group, NeedsCode, Policy};

fn tenant() -> TenantId {
    TenantId::parse("park").unwrap()
}

fn group(id: &str) -> Arc<Group> {
    Arc::new(Group { id: id.into(), name: BTreeMap::new(), needs_code: NeedsCode::Optional })
}

#[test]
fn a_slot_has_its_own_group_or_the_default_one() {
    let index = Index::with_capacity(0);
    let slot = |slot: &str, group: Option<&str>| (slot.into(), group.map(Into::into));
    index.change(|all| {
        all.put_group(&tenant(), group("members"));
        all.put_group(&tenant(), group("guests"));
        all.put_slots(&tenant(), [slot("easter", Some("members")), slot("lost", Some("gone"))]);
    });
    let group_of = |slot| index.definitions().group_of_slot(&tenant(), slot).map(|g| g.id.clone());
    assert_eq!(group_of("easter").as_deref(), Some("members"));
    assert_eq!((group_of("lost"), group_of("summer")), (None, None));
    let policy = Policy { codes_max: 3, codes_max_by_type: [None; 4] };
    index.change(|all| all.put_policy(&tenant(), policy, Some("guests")));
    assert_eq!(group_of("lost").as_deref(), Some("guests"));
    assert_eq!(group_of("summer").as_deref(), Some("guests"));
    assert_eq!(group_of("easter").as_deref(), Some("members"));
    let before = index.definitions();
    assert_eq!(
        (before.policy(&tenant()), before.default_group(&tenant())),
        (policy, Some("guests"))
    );
    assert_eq!(before.slot_of_group(&tenant(), "members"), Some("easter"));
    index.change(|all| all.put_slots(&tenant(), [slot("easter", None)]));
    assert_eq!(group_of("easter").as_deref(), Some("guests"));
    assert_eq!(before.slot_of_group(&tenant(), "members"), Some("easter"));
    index.change(Definitions::clear_others);
    assert_eq!((group_of("easter"), index.definitions().policy(&tenant()).codes_max), (None, 1));
}
