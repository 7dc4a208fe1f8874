//! Finding, merging and changing codes in memory.

use std::collections::BTreeMap;

use chrono_tz::Tz;

use crate::domain::campaign::{
    AccountingType, Activation, Application, CustomerRule, Effect, HOLD_TTL_MS, Kind, NoEffect,
    Passback, Stacking, Status, Validity,
};
use crate::domain::id::{CampaignId, TenantId};
use crate::domain::time::{Calendar, Timestamp};

use super::*;

mod automatic;
mod others;

fn key(n: u64) -> CodeKey {
    let mut bytes = [0x5a; 16];
    for (byte, of_n) in bytes.iter_mut().zip(n.to_be_bytes()) {
        *byte = of_n;
    }
    CodeKey::from_bytes(bytes)
}

fn campaign(id: &str, version: u32, status: Status) -> Arc<Campaign> {
    Arc::new(Campaign {
        tenant: TenantId::parse("park").unwrap(),
        id: CampaignId::parse(id).unwrap(),
        owner: Owner([7; 16]),
        version,
        status,
        kind: Kind::Pass,
        accounting: AccountingType::Purchase,
        name: BTreeMap::new(),
        refusal_texts: BTreeMap::new(),
        labels: Vec::new(),
        calendar: Calendar::plain(Tz::UTC),
        validity: Validity::default(),
        activation: Activation::AtOnce,
        uses: None,
        units: 1..=1,
        limits: Vec::new(),
        customer: CustomerRule::Optional,
        passback: Passback::default(),
        conditions: Vec::new(),
        effects: vec![Effect::Zero],
        no_effect: NoEffect::Allow,
        application: Application::ByCode,
        stacking: Stacking::default(),
        groups: Vec::new(),
        account: None,
        retention_days: None,
        currency: None,
        balance_minor: None,
        hold_ttl_ms: HOLD_TTL_MS,
        code_format: None,
    })
}

fn batch(number: u32, id: &str, version: u32) -> Batch {
    Batch {
        number,
        tenant: TenantId::parse("park").unwrap(),
        campaign: CampaignId::parse(id).unwrap(),
        version,
        issued: Timestamp(1_000),
        paid: None,
        uses: Some(3),
        balance_minor: None,
        valid_from: None,
        valid_until: Some(Timestamp(9_000)),
    }
}

fn own(state: CodeState) -> Override {
    Override {
        state,
        paid: None,
        holder: None,
        photo: None,
        issued: None,
        uses: None,
        balance_minor: None,
        valid_from: None,
        valid_until: None,
        owner: None,
        replaced_by: None,
    }
}

fn season() -> Index {
    let index = Index::with_capacity(100);
    index.change(|definitions| {
        definitions.put_campaign(campaign("season", 1, Status::Active));
        definitions.put_batch(batch(1, "season", 1)).unwrap();
    });
    assert!(index.insert_new(key(1), Entry::new(1, 0).unwrap()));
    index
}

#[test]
fn an_entry_keeps_its_parts_apart() {
    let entry = Entry::new(Entry::BATCH_MAX, u32::MAX).unwrap().with_flags(Flags::REPLACED);
    assert_eq!(
        (entry.batch(), entry.position(), entry.flags()),
        (Entry::BATCH_MAX, u32::MAX, Flags::REPLACED)
    );
    let plain = Entry::new(1, 0).unwrap();
    assert_eq!((plain.batch(), plain.position(), plain.flags()), (1, 0, Flags::NONE));
    assert_eq!(Entry::new(Entry::BATCH_MAX + 1, 0), None);
    assert!(Entry::new(1, u32::MAX).unwrap() < Entry::new(2, 0).unwrap());
}

#[test]
fn codes_that_were_paid_apart_are_counted_by_batch() {
    let index = season();
    index.change(|definitions| definitions.put_batch(batch(2, "season", 1)).unwrap());
    let paid = || Arc::new(Override { paid: Some(Timestamp(2_000)), ..own(CodeState::Live) });
    let counts = || (index.paid_apart(1), index.paid_apart(2));
    assert_eq!(counts(), (0, 0));
    assert!(index.put_override(key(1), Arc::new(own(CodeState::Revoked))));
    assert_eq!(counts(), (0, 0));
    assert!(index.put_override(key(1), paid()));
    assert!(index.put_override(key(1), paid()));
    assert!(!index.put_override(key(9), paid()), "it is unknown");
    assert_eq!(counts(), (1, 0));
    let entry = |batch, position| Entry::new(batch, position).unwrap();
    assert!(index.insert_overridden(key(2), entry(2, 0), paid()));
    assert!(!index.insert_overridden(key(2), entry(1, 7), paid()), "it is taken");
    assert_eq!(counts(), (1, 1));
    index.fill(entry(1, 8), [key(2)]);
    assert_eq!(counts(), (2, 0), "the earlier batch has it");
    assert!(index.remove(&key(1)));
    assert!(!index.remove(&key(1)));
    assert_eq!(counts(), (1, 0));
    assert!(index.put_override(key(2), Arc::new(own(CodeState::Live))));
    assert_eq!(counts(), (0, 0));
}

#[test]
fn a_code_is_found_with_its_batch_and_campaign() {
    let index = season();
    let found = index.find(&key(1)).unwrap();
    assert_eq!(found.campaign.version, 1);
    assert_eq!(found.code.owner, Owner(*key(1).as_bytes()));
    assert_eq!((found.code.issued, found.code.uses), (Timestamp(1_000), Some(3)));
    assert_eq!(found.code.valid_until, Some(Timestamp(9_000)));
    assert_eq!((found.batch, found.position), (1, 0));
    assert_eq!(index.find(&key(2)), None);
}

#[test]
fn an_edit_changes_the_rules_and_not_the_worth() {
    let index = season();
    let before = index.definitions();
    index.change(|definitions| {
        definitions.put_campaign(campaign("season", 2, Status::Active));
        definitions.put_batch(batch(2, "season", 2)).unwrap();
    });
    assert!(index.insert_new(key(2), Entry::new(2, 0).unwrap()));
    let versions = |n| {
        let found = index.find(&key(n)).unwrap();
        (found.campaign.version, found.worth.version)
    };
    assert_eq!((versions(1), versions(2)), ((2, 1), (2, 2)));
    let tenant = TenantId::parse("park").unwrap();
    let id = CampaignId::parse("season").unwrap();
    assert_eq!(before.campaign(&tenant, &id).unwrap().version, 1);
    assert!(before.batch(2).is_none());

    // An older version that arrives late does not become the current one.
    index.change(|definitions| definitions.put_campaign(campaign("season", 1, Status::Draft)));
    assert_eq!(versions(1), (2, 1));
}

#[test]
fn a_change_of_status_reaches_all_codes() {
    let index = season();
    index.change(|definitions| definitions.put_campaign(campaign("season", 1, Status::Paused)));
    let found = index.find(&key(1)).unwrap();
    assert_eq!((found.campaign.status, found.worth.status), (Status::Paused, Status::Paused));
}

#[test]
fn a_batch_needs_its_campaign() {
    let index = season();
    let put = |batch| index.change(|definitions| definitions.put_batch(batch));
    assert!(matches!(put(batch(5, "season", 9)), Err(BatchError::Campaign { version: 9, .. })));
    assert!(matches!(put(batch(5, "other", 1)), Err(BatchError::Campaign { batch: 5, .. })));
    assert!(matches!(put(batch(1 << 24, "season", 1)), Err(BatchError::Number(_))));
    // A code whose batch has not arrived is not there yet.
    assert!(index.insert_new(key(5), Entry::new(5, 0).unwrap()));
    assert_eq!(index.find(&key(5)), None);
}

#[test]
fn a_key_is_taken_once() {
    let index = season();
    assert!(!index.insert_new(key(1), Entry::new(1, 7).unwrap()));
    assert_eq!(index.lookup(&key(1)).unwrap().position(), 0);
    assert!(index.remove(&key(1)));
    assert!(!index.remove(&key(1)));
    assert!(index.is_empty());
}

#[test]
fn an_override_wins_over_the_batch() {
    let index = season();
    let other = Owner([9; 16]);
    assert!(!index.put_override(key(2), Arc::new(own(CodeState::Live))));
    let replaced = Override {
        paid: Some(Timestamp(5)),
        holder: Some("c-1".into()),
        photo: None,
        issued: None,
        uses: Some(8),
        owner: Some(other),
        ..own(CodeState::Live)
    };
    assert!(index.put_override(key(1), Arc::new(replaced)));
    let code = index.find(&key(1)).unwrap().code;
    assert_eq!((code.owner, code.uses, code.paid), (other, Some(8), Some(Timestamp(5))));
    assert_eq!(code.holder.as_deref(), Some("c-1"));
    assert_eq!((code.state, code.valid_until), (CodeState::Live, Some(Timestamp(9_000))));
}

#[test]
fn a_state_comes_and_goes() {
    let index = season();
    let state = || index.find(&key(1)).unwrap().code.state;
    for wanted in [CodeState::Revoked, CodeState::Replaced, CodeState::Live] {
        assert!(index.put_override(key(1), Arc::new(own(wanted))));
        assert_eq!(state(), wanted);
    }
    assert!(index.mark(&key(1), Flags::REVOKED.with(Flags::REPLACED)));
    assert_eq!(state(), CodeState::Revoked);
    assert!(!index.mark(&key(2), Flags::REVOKED));
}

#[test]
fn filling_in_any_order_gives_the_same_index() {
    let forward = Index::with_capacity(0);
    let backward = Index::with_capacity(0);
    let blocks = [(1, 0, 0_u64), (1, 500, 250), (2, 0, 400)];
    for (batch, position, first) in blocks {
        forward.fill(Entry::new(batch, position).unwrap(), (first..first + 500).map(key));
    }
    std::thread::scope(|scope| {
        for (batch, position, first) in blocks.into_iter().rev() {
            let backward = &backward;
            scope.spawn(move || {
                backward.fill(Entry::new(batch, position).unwrap(), (first..first + 500).map(key));
            });
        }
    });
    assert_eq!((forward.len(), backward.len()), (900, 900));
    for n in 0..900 {
        assert_eq!(forward.lookup(&key(n)), backward.lookup(&key(n)), "code {n}");
    }
    assert_eq!(forward.lookup(&key(499)), Entry::new(1, 499));
    assert_eq!(forward.lookup(&key(500)), Entry::new(1, 750));
}

#[test]
fn an_earlier_entry_leaves_a_code_what_it_has_of_its_own() {
    let index = season();
    let mine = index.lookup(&key(1)).unwrap();
    assert!(index.put_override(key(1), Arc::new(own(CodeState::Revoked))));
    index.change(|definitions| definitions.put_batch(batch(0, "season", 1)).unwrap());
    index.fill(Entry::new(0, 3).unwrap(), [key(1)]);
    let entry = index.lookup(&key(1)).unwrap();
    assert_eq!((entry.batch(), entry.position()), (0, 3));
    assert_ne!(entry.batch(), mine.batch());
    assert_eq!(index.find(&key(1)).unwrap().code.state, CodeState::Revoked);
}

#[test]
fn campaigns_are_listed_by_id() {
    let index = season();
    index.change(|definitions| {
        definitions.put_campaign(campaign("autumn", 1, Status::Draft));
        definitions.put_campaign(campaign("season", 2, Status::Active));
    });
    let definitions = index.definitions();
    let tenant = TenantId::parse("park").unwrap();
    let listed: Vec<_> =
        definitions.campaigns(&tenant).map(|c| (c.id.to_string(), c.version)).collect();
    assert_eq!(listed, [("autumn".to_owned(), 1), ("season".to_owned(), 2)]);
    assert_eq!(definitions.campaigns(&TenantId::parse("zoo").unwrap()).count(), 0);
}

/// With as many codes as come, the tables are nearly full; with none, there are none.
#[test]
fn tables_fit_the_codes() {
    assert_eq!(maps_for(0), (MAPS_MIN, 0));
    for codes in [1, 1_000, 1_000_000, 8_000_000, 10_000_000, 12_345_678, 100_000_000] {
        let (maps, room) = maps_for(codes);
        let all = maps * room;
        assert!((MAPS_MIN..2 * MAPS_MIN).contains(&maps), "{maps} maps");
        assert!(all >= codes + codes / 16, "room for {all} of {codes}");
        assert!(codes < 1_000_000 || all < codes / 16 * 20, "room for {all} of {codes}");
    }
    let index = Index::with_capacity(100_000);
    let before: usize = index.entries.iter().map(DashMap::capacity).sum();
    for position in 0..100_000_u32 {
        let mut key = [7; CodeKey::LEN];
        // Spread as hashes are.
        let spread = position.wrapping_mul(0x9E37_79B9).to_le_bytes();
        key.iter_mut()
            .zip(spread.into_iter().chain(position.to_le_bytes()))
            .for_each(|(at, b)| *at = b);
        assert!(index.insert_new(CodeKey::from_bytes(key), Entry::new(1, position).unwrap()));
    }
    assert_eq!(index.len(), 100_000);
    let after: usize = index.entries.iter().map(DashMap::capacity).sum();
    assert_eq!(before, after, "no table has grown");
}
