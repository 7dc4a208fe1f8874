//! Catalogs go from one store to the other, record by record.

use std::path::PathBuf;

use jeton::catalog::archive::{Pair, Table};
use jeton::catalog::{
    AuditEntry, CampaignDocument, Catalog, DefinitionDocument, Expect, Issue, Options, Override,
    Sort, Source, Store, StoreError, Wish,
};
use jeton::domain::campaign::{CodeState, Status};
use jeton::domain::code::CodeKey;
use jeton::domain::id::{CampaignId, Owner, RequestId, TenantId};
use jeton::domain::time::Timestamp;
use jeton::remote;

use crate::ledgers::executor::scratch;
use crate::redis::executor::Server;

fn embedded(dir: PathBuf) -> Catalog {
    Catalog::open(&Options { store: Store::Embedded { dir }, store_key: [7; 32] }).unwrap()
}

fn in_redis(server: &Server) -> Catalog {
    let remote = remote::Options::new(server.url.parse().unwrap());
    let store = Store::Redis { remote, replicas: 0 };
    Catalog::open(&Options { store, store_key: [7; 32] }).unwrap()
}

fn records(catalog: &Catalog, table: Table) -> Vec<Pair> {
    let mut records = Vec::new();
    let take = &mut |key, value| {
        records.push((key, value));
        Ok(())
    };
    catalog.each_record(table, take).unwrap();
    records
}

fn move_all(from: &Catalog, to: &Catalog) {
    for table in Table::ALL {
        assert_eq!(records(to, table), [], "{table:?}");
        for some in records(from, table).chunks(7) {
            to.put_records(table, some).unwrap();
        }
    }
    to.sync().unwrap();
    for table in Table::ALL {
        assert_eq!(records(from, table), records(to, table), "{table:?}");
    }
}

fn tenant() -> TenantId {
    TenantId::parse("park").unwrap()
}

fn document(more: &str) -> CampaignDocument {
    CampaignDocument::from_toml(&format!("id = \"season\"\nkind = \"pass\"\n{more}")).unwrap()
}

fn put(catalog: &Catalog, more: &str) {
    let owner = Owner([5; 16]);
    let document = document(more);
    catalog.put_campaign(&tenant(), document, Expect::Any, owner, Timestamp(1)).unwrap();
}

fn issue() -> Issue {
    Issue {
        tenant: tenant(),
        campaign: CampaignId::parse("season").unwrap(),
        version: 1,
        label: String::new(),
        source: Source::Imported,
        request: Some(RequestId([9; 16])),
        wanted: Some(100),
        issued: Timestamp(2),
        paid: None,
        uses: None,
        balance_minor: None,
        valid_from: None,
        valid_until: None,
    }
}

fn append(catalog: &Catalog, batch: u32, nonce: u8) {
    let texts: Vec<String> = (0..30).map(|nr| format!("CODE-{nonce}-{nr}")).collect();
    let key = |nr: usize| CodeKey::from_bytes([nonce * 40 + u8::try_from(nr).unwrap(); 16]);
    let codes: Vec<_> = texts.iter().enumerate().map(|(nr, text)| (key(nr), &**text)).collect();
    catalog.append_block(batch, None, &codes, [nonce; 12]).unwrap();
}

#[test]
fn a_catalog_that_moves_goes_on_where_it_stood() {
    let server = Server::start();
    let (one, other) = (scratch(), scratch());
    let first = embedded(one.path().join("catalog"));
    put(&first, "uses = 1");
    put(&first, "uses = 2");
    let id = CampaignId::parse("season").unwrap();
    first.put_status(&tenant(), &id, Status::Paused, Expect::Any, Timestamp(5_000)).unwrap();
    let batch = first.begin_batch(issue()).unwrap();
    append(&first, batch.number, 1);
    append(&first, batch.number, 2);
    assert_eq!(first.reserve([3; 16], 10, 100).unwrap(), 0);
    let revoked = Override { state: CodeState::Revoked, ..Override::default() };
    first.put_overrides(&[(CodeKey::from_bytes([40; 16]), revoked.clone())]).unwrap();
    let group = toml::from_str("id = \"members\"").unwrap();
    let group = Wish::put(DefinitionDocument::Group(group), Expect::Any);
    first.put_definitions(&tenant(), &[group]).unwrap();
    first.put_token([4; 16], b"a token").unwrap();
    let line = AuditEntry { at: Timestamp(3), who: "ann".to_owned(), what: "all".to_owned() };
    first.append_audit(&[line.clone(), line]).unwrap();

    let redis = in_redis(&server);
    move_all(&first, &redis);
    let second = embedded(other.path().join("catalog"));
    move_all(&redis, &second);

    for catalog in [&redis, &second] {
        let found = catalog.campaign(&tenant(), &id, None).unwrap().unwrap();
        assert_eq!((found.campaign.version, found.campaign.status), (2, Status::Paused));
        assert!(catalog.campaign(&tenant(), &id, Some(1)).unwrap().is_some());
        let again = catalog.begin_batch(issue()).unwrap();
        assert_eq!((again.number, again.stored), (batch.number, 60));
        assert_eq!(catalog.text(batch.number, 31).unwrap().as_deref(), Some("CODE-2-1"));
        append(catalog, batch.number, 3);
        assert_eq!(catalog.text(batch.number, 60).unwrap().as_deref(), Some("CODE-3-0"));
        assert_eq!(catalog.reserve([3; 16], 1, 100).unwrap(), 10);
        let own = catalog.override_of(&CodeKey::from_bytes([40; 16])).unwrap();
        assert_eq!(own, Some(revoked.clone()));
        assert_eq!(catalog.overrides(None, 10).unwrap().len(), 1);
        let groups = catalog.definitions_of(&tenant(), Sort::Group).unwrap();
        assert_eq!((groups.len(), groups[0].document.id()), (1, "members"));
        assert_eq!(catalog.tokens().unwrap().len(), 1);
        assert_eq!(catalog.audit(None, 10).unwrap().len(), 2);
        let other = Issue { request: None, ..issue() };
        assert_eq!(catalog.begin_batch(other).unwrap().number, batch.number + 1);
    }
    let stop = &mut |_, _| Err(StoreError::Contended);
    assert!(matches!(redis.each_record(Table::Tokens, stop), Err(StoreError::Contended)));
}
