//! The catalog over a real directory and a real Redis: reopening, conflicts, torn batches, sealed
//! texts.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use crate::domain::campaign::{Campaign, CodeState};
use crate::remote::tests::{Server, options};

use super::*;

mod definitions;
mod singles;

use definitions::{definitions_have_versions_and_are_removed, many_definitions_are_put_at_once};
use singles::{a_single_code_is_issued_once, removed_codes_are_gone_and_the_others_stay};

pub(super) const KEY: [u8; 32] = [42; 32];
pub(super) const OWNER: Owner = Owner([3; 16]);

/// Where the catalog of a test lives.
pub(super) enum Home {
    Embedded(TempDir),
    Redis(Server),
    Cluster(String),
}

impl Home {
    fn embedded() -> Self {
        Self::Embedded(tempfile::tempdir().unwrap())
    }

    pub(super) fn redis() -> Self {
        Self::Redis(Server::start(&[]))
    }

    fn open(&self) -> Catalog {
        match self {
            Self::Embedded(dir) => open(dir.path()),
            Self::Redis(server) => open_at(&server.url()),
            Self::Cluster(url) => open_at(url),
        }
    }
}

fn open(dir: &Path) -> Catalog {
    let store = Store::Embedded { dir: dir.to_owned() };
    Catalog::open(&Options { store, store_key: KEY }).unwrap()
}

pub(super) fn open_at(url: &str) -> Catalog {
    let store = Store::Redis { remote: options(url), replicas: 0 };
    Catalog::open(&Options { store, store_key: KEY }).unwrap()
}

/// These run over every store.
macro_rules! over_all_stores {
    ($($name:ident)+) => {
        mod in_directory {
            $(#[test] fn $name() { super::$name(&super::Home::embedded()); })+
        }
        mod in_redis {
            $(#[test] fn $name() { super::$name(&super::Home::redis()); })+
        }
    };
}

over_all_stores! {
    an_edit_makes_a_version_and_all_versions_stay
    a_status_makes_no_version
    conflicts_name_both_versions
    ten_thousand_codes_come_back
    a_request_finds_its_batch_and_goes_on
    what_cannot_be_stored_is_refused
    series_never_repeat
    overrides_come_back_in_pages_and_when_loading
    tokens_and_audit_come_back
    tokens_change_and_are_removed
    definitions_have_versions_and_are_removed
    many_definitions_are_put_at_once
    a_single_code_is_issued_once
    removed_codes_are_gone_and_the_others_stay
    only_versions_in_use_are_loaded
    progress_ends_with_everything
}

pub(super) fn tenant() -> TenantId {
    TenantId::parse("park").unwrap()
}

pub(super) fn id(text: &str) -> CampaignId {
    CampaignId::parse(text).unwrap()
}

pub(super) fn document(more: &str) -> CampaignDocument {
    CampaignDocument::from_toml(&format!("id = \"season\"\nkind = \"pass\"\n{more}")).unwrap()
}

pub(super) fn put(
    catalog: &Catalog,
    more: &str,
    expect: Expect,
) -> Result<(u32, Status, Change), CampaignError> {
    let (stored, change) =
        catalog.put_campaign(&tenant(), document(more), expect, OWNER, Timestamp(1_000))?;
    Ok((stored.campaign.version, stored.campaign.status, change))
}

pub(super) fn issue() -> Issue {
    Issue {
        tenant: tenant(),
        campaign: id("season"),
        version: 1,
        label: "first print".to_owned(),
        source: Source::Imported,
        request: None,
        wanted: None,
        issued: Timestamp(2_000),
        paid: None,
        uses: None,
        balance_minor: None,
        valid_from: None,
        valid_until: None,
    }
}

pub(super) fn key(n: u64) -> CodeKey {
    let mut bytes = [0x5a; 16];
    bytes[..8].copy_from_slice(&n.to_be_bytes());
    CodeKey::from_bytes(bytes)
}

pub(super) fn text(n: u64) -> String {
    format!("GEHEIM-{n:06}")
}

/// Appends the codes `range`, one block for each `block` of them.
pub(super) fn append(catalog: &Catalog, batch: u32, range: Range<u64>, block: usize) {
    let codes: Vec<_> = range.map(|n| (key(n), text(n))).collect();
    for codes in codes.chunks(block) {
        // Unique because a code is appended to one batch only.
        let mut nonce = [0; 12];
        nonce[..8].copy_from_slice(&codes[0].0.as_bytes()[..8]);
        let codes: Vec<_> = codes.iter().map(|(key, text)| (*key, text.as_str())).collect();
        catalog.append_block(batch, None, &codes, nonce).unwrap();
    }
}

pub(super) fn texts(catalog: &Catalog, batch: u32, positions: Range<u32>) -> Vec<(u32, String)> {
    let mut texts = Vec::new();
    let each = |row: Row<'_>| {
        texts.push((row.position, row.text.to_owned()));
        ControlFlow::Continue(())
    };
    catalog.rows(batch, positions, each).unwrap();
    texts
}

#[derive(Default)]
pub(super) struct Seen {
    pub(super) campaigns: Mutex<Vec<(String, u32)>>,
    pub(super) batches: Mutex<Vec<Batch>>,
    pub(super) others: Mutex<Vec<Definition>>,
    pub(super) codes: Mutex<HashMap<CodeKey, (u32, u32)>>,
    pub(super) overrides: Mutex<BTreeMap<CodeKey, Override>>,
}

impl Picture for Seen {
    fn definitions(
        &self,
        campaigns: Vec<Arc<Campaign>>,
        batches: Vec<Batch>,
        others: Vec<Definition>,
    ) {
        *self.others.lock().unwrap() = others;
        *self.campaigns.lock().unwrap() =
            campaigns.iter().map(|campaign| (campaign.id.to_string(), campaign.version)).collect();
        *self.batches.lock().unwrap() = batches;
    }

    fn codes(&self, batch: u32, first: u32, keys: impl Iterator<Item = CodeKey>) {
        let mut codes = self.codes.lock().unwrap();
        for (key, position) in keys.zip(first..) {
            assert_eq!(codes.insert(key, (batch, position)), None, "a code was loaded twice");
        }
    }

    fn overridden(&self, key: CodeKey, own: Override) {
        self.overrides.lock().unwrap().insert(key, own);
    }
}

pub(super) fn load(catalog: &Catalog) -> (Seen, Loaded) {
    let seen = Seen::default();
    let loaded = catalog.load(&seen, |_, _| {}).unwrap();
    (seen, loaded)
}

pub(super) fn an_edit_makes_a_version_and_all_versions_stay(home: &Home) {
    let catalog = home.open();
    let active = Status::Active;
    assert_eq!(put(&catalog, "uses = 1", Expect::New).unwrap(), (1, active, Change::Created));
    assert_eq!(put(&catalog, "uses = 2", Expect::Version(1)).unwrap(), (2, active, Change::Edited));
    assert_eq!(put(&catalog, "uses = 2", Expect::Any).unwrap(), (2, active, Change::Nothing));
    drop(catalog);

    let catalog = home.open();
    let uses = |version| {
        catalog.campaign(&tenant(), &id("season"), version).unwrap().map(|s| s.campaign.uses)
    };
    assert_eq!(uses(None), Some(Some(2)));
    assert_eq!(uses(Some(1)), Some(Some(1)));
    assert_eq!((uses(Some(0)), uses(Some(3))), (None, None));
    let other = TenantId::parse("par").unwrap();
    assert!(catalog.campaigns(&other).unwrap().is_empty());
    let listed = catalog.campaigns(&tenant()).unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].campaign.owner, OWNER);
}

pub(super) fn a_status_makes_no_version(home: &Home) {
    let catalog = home.open();
    let created = put(&catalog, "status = \"draft\"", Expect::New).unwrap();
    assert_eq!(created, (1, Status::Draft, Change::Created));
    let kept = put(&catalog, "", Expect::Any).unwrap();
    assert_eq!(kept, (1, Status::Draft, Change::Nothing));
    let changed = put(&catalog, "status = \"active\"", Expect::Version(1)).unwrap();
    assert_eq!(changed, (1, Status::Active, Change::StatusOnly));
    let paused =
        catalog.put_status(&tenant(), &id("season"), Status::Paused, Expect::Any, Timestamp(5_000));
    assert_eq!(paused.unwrap().unwrap().campaign.status, Status::Paused);
    let stored = catalog.campaign(&tenant(), &id("season"), None).unwrap().unwrap();
    assert_eq!((stored.campaign.version, stored.campaign.status), (1, Status::Paused));
    // What is shown can be put again and changes nothing.
    let again = catalog.put_campaign(&tenant(), stored.document, Expect::Any, OWNER, Timestamp(9));
    assert_eq!(again.unwrap().1, Change::Nothing);
    let none = catalog
        .put_status(&tenant(), &id("none"), Status::Ended, Expect::Any, Timestamp(5_000))
        .unwrap();
    assert_eq!(none, None);
}

pub(super) fn conflicts_name_both_versions(home: &Home) {
    let catalog = home.open();
    let refused = |more, expect| put(&catalog, more, expect).unwrap_err().to_string();
    assert_eq!(
        refused("", Expect::Version(1)),
        "campaign season does not exist; expected was version 1"
    );
    put(&catalog, "", Expect::New).unwrap();
    put(&catalog, "uses = 7", Expect::Version(1)).unwrap();
    assert_eq!(
        refused("uses = 8", Expect::Version(1)),
        "campaign season is at version 2; expected was version 1"
    );
    assert_eq!(refused("", Expect::New), "campaign season is at version 2; expected was none");
    assert_eq!(refused("uses = 0", Expect::Any), "uses: is 0; give at least 1, or \"unlimited\"");
    let mut other = document("");
    other.kind = document::Kind::Access;
    let kind = catalog.put_campaign(&tenant(), other, Expect::Any, OWNER, Timestamp(1));
    assert!(kind.unwrap_err().to_string().starts_with("kind: cannot be changed"));
    let status = catalog.put_status(
        &tenant(),
        &id("season"),
        Status::Ended,
        Expect::Version(1),
        Timestamp(5_000),
    );
    assert!(matches!(status, Err(CampaignError::Conflict { found: Some(2), .. })));
}

pub(super) fn ten_thousand_codes_come_back(home: &Home) {
    let catalog = home.open();
    put(&catalog, "", Expect::New).unwrap();
    let first = catalog.begin_batch(issue()).unwrap().number;
    let second = catalog.begin_batch(issue()).unwrap().number;
    assert_eq!((first, second), (1, 2));
    append(&catalog, first, 0..9_000, BLOCK_CODES_MAX);
    append(&catalog, second, 9_000..10_000, 7);
    assert_eq!(catalog.complete_batch(first).unwrap().stored, 9_000);
    catalog.sync().unwrap();
    drop(catalog);

    let catalog = home.open();
    let (seen, loaded) = load(&catalog);
    assert_eq!(loaded, Loaded { campaigns: 1, batches: 2, codes: 10_000, overrides: 0 });
    assert_eq!(catalog.code_count().unwrap(), 10_000);
    let codes = seen.codes.into_inner().unwrap();
    for n in 0..10_000_u32 {
        let place = if n < 9_000 { (first, n) } else { (second, n - 9_000) };
        assert_eq!(codes.get(&key(n.into())), Some(&place), "code {n}");
    }
    assert_eq!(catalog.text(first, 8_999).unwrap(), Some(text(8_999)));
    assert_eq!(catalog.text(first, 9_000).unwrap(), None);
    assert_eq!(catalog.text(second, 0).unwrap(), Some(text(9_000)));
    assert_eq!(catalog.text(3, 0).unwrap(), None);
    // Across a border of blocks, and only what was asked for.
    let rows = texts(&catalog, first, 4_094..4_098);
    assert_eq!(rows, (4_094..4_098).map(|n| (n, text(n.into()))).collect::<Vec<_>>());
    assert_eq!(texts(&catalog, second, 0..u32::MAX).len(), 1_000);
    let refused = catalog.append_block(first, None, &[(key(1), "x")], [0; 12]);
    assert!(matches!(refused, Err(BatchError::Complete(1))));
}

pub(super) fn a_request_finds_its_batch_and_goes_on(home: &Home) {
    let catalog = home.open();
    put(&catalog, "", Expect::New).unwrap();
    let source = |first_serial| Source::Generated {
        pattern: "P-####".to_owned(),
        alphabet: "clear".to_owned(),
        check: true,
        first_serial,
    };
    let wanted = |first_serial, wanted| Issue {
        request: Some(RequestId([8; 16])),
        wanted: Some(wanted),
        source: source(first_serial),
        ..issue()
    };
    assert_eq!(catalog.batch_of_request(&tenant(), RequestId([8; 16])).unwrap(), None);
    let begun = catalog.begin_batch(wanted(100, 10)).unwrap();
    append(&catalog, begun.number, 0..6, 3);
    drop(catalog);

    let catalog = home.open();
    let again = catalog.begin_batch(wanted(500, 10)).unwrap();
    assert_eq!((again.number, again.stored), (begun.number, 6));
    assert_eq!(again.issue.source, source(100), "it goes on with the serials it had");
    let found = catalog.batch_of_request(&tenant(), RequestId([8; 16])).unwrap();
    assert_eq!(found, Some(again));
    assert!(matches!(
        catalog.begin_batch(wanted(100, 11)),
        Err(BatchError::RequestMismatch { batch: 1 })
    ));
    let five = [1, 2, 3, 4, 5].map(|n| (key(n), "x"));
    let full = catalog.append_block(begun.number, None, &five, [0; 12]);
    assert!(matches!(full, Err(BatchError::Full { stored: 6, max: 10, more: 5, .. })));
    assert_eq!(catalog.append_block(begun.number, None, &five[..4], [0; 12]).unwrap(), 6);
}

pub(super) fn what_cannot_be_stored_is_refused(home: &Home) {
    let catalog = home.open();
    let unknown = catalog.begin_batch(issue()).unwrap_err().to_string();
    assert_eq!(unknown, "there is no version 1 of campaign season");
    put(&catalog, "", Expect::New).unwrap();
    assert!(catalog.begin_batch(Issue { version: 2, ..issue() }).is_err());
    let batch = catalog.begin_batch(issue()).unwrap().number;
    let long = "x".repeat(256);
    for text in ["", long.as_str()] {
        let refused = catalog.append_block(batch, None, &[(key(0), "ok"), (key(1), text)], [0; 12]);
        assert!(matches!(refused, Err(BatchError::TextLength(_))));
    }
    let many = vec![(key(0), "x"); BLOCK_CODES_MAX + 1];
    let refused = catalog.append_block(batch, None, &many, [0; 12]);
    assert!(matches!(refused, Err(BatchError::BlockTooLarge(4_097))));
    assert!(matches!(catalog.append_block(9, None, &[], [0; 12]), Err(BatchError::Unknown(9))));
    assert_eq!(catalog.batch(batch).unwrap().unwrap().stored, 0);
    let longest = &long[..255];
    catalog.append_block(batch, None, &[(key(0), longest)], [0; 12]).unwrap();
    assert_eq!(catalog.text(batch, 0).unwrap().as_deref(), Some(longest));
}

#[test]
fn a_torn_write_is_not_there_and_the_batch_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = open(dir.path());
    put(&catalog, "", Expect::New).unwrap();
    let batch = catalog.begin_batch(Issue { wanted: Some(50), ..issue() }).unwrap().number;
    append(&catalog, batch, 0..30, 10);
    catalog.sync().unwrap();
    // What a killed process leaves behind, cut off at several places: the store is still open.
    let journal = journal_of(dir.path());
    let written = fs::read(&journal).unwrap();
    let end = written.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    for cut in [0, 1, 7, 40, 200, 400, 700, 1_000] {
        let copy = tempfile::tempdir().unwrap();
        copy_dir(dir.path(), copy.path());
        let kept = written.iter().take(end - cut).copied().collect::<Vec<_>>();
        fs::write(journal_of(copy.path()), kept).unwrap();

        let catalog = open(copy.path());
        let stored = catalog.batch(batch).unwrap().unwrap().stored;
        assert!(
            stored.is_multiple_of(10) && (stored < 30 || cut == 0),
            "{stored} after cutting {cut}"
        );
        let (seen, loaded) = load(&catalog);
        assert_eq!((loaded.codes, seen.codes.lock().unwrap().len() as u64), (stored, stored));
        assert_eq!(texts(&catalog, batch, 0..50).len() as u64, stored);

        append(&catalog, batch, stored..50, 10);
        catalog.complete_batch(batch).unwrap();
        drop(catalog);
        let rows = texts(&open(copy.path()), batch, 0..50);
        assert_eq!(rows, (0..50).map(|n| (n, text(n.into()))).collect::<Vec<_>>());
    }
}

fn journal_of(dir: &Path) -> std::path::PathBuf {
    let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut journals = files.filter(|path| path.extension().is_some_and(|e| e == "jnl"));
    let journal = journals.next().unwrap();
    assert_eq!(journals.next(), None, "so little fits one journal");
    journal
}

fn copy_dir(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&target).unwrap();
            copy_dir(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn files_contain(dir: &Path, wanted: &[u8]) -> bool {
    fs::read_dir(dir).unwrap().any(|entry| {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            return files_contain(&entry.path(), wanted);
        }
        fs::read(entry.path()).unwrap().windows(wanted.len()).any(|found| found == wanted)
    })
}

#[test]
fn code_texts_are_not_on_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = open(dir.path());
    put(&catalog, "", Expect::New).unwrap();
    let batch = catalog.begin_batch(issue()).unwrap().number;
    append(&catalog, batch, 0..5_000, 1_000);
    catalog.complete_batch(batch).unwrap();
    drop(catalog);
    assert!(files_contain(dir.path(), b"first print"), "the search finds what is in plain text");
    assert!(files_contain(dir.path(), key(4_321).as_bytes()));
    assert!(!files_contain(dir.path(), b"GEHEIM-"));
    assert!(!files_contain(dir.path(), b"004321"));
}

pub(super) fn series_never_repeat(home: &Home) {
    let catalog = home.open();
    assert_eq!(catalog.reserve([1; 16], 5, 12).unwrap(), 0);
    assert_eq!(catalog.reserve([2; 16], 1, 12).unwrap(), 0);
    drop(catalog);
    let catalog = home.open();
    assert_eq!(catalog.reserve([1; 16], 5, 12).unwrap(), 5);
    let exhausted = catalog.reserve([1; 16], 3, 12).unwrap_err().to_string();
    assert_eq!(exhausted, "2 codes of this pattern are left; 3 were asked for");
    assert_eq!(catalog.reserve([1; 16], 2, 12).unwrap(), 10);
    assert!(catalog.reserve([1; 16], u64::MAX, u64::MAX).is_err());
}

pub(super) fn overrides_come_back_in_pages_and_when_loading(home: &Home) {
    let catalog = home.open();
    let full = Override {
        state: CodeState::Replaced,
        paid: Some(Timestamp(1)),
        holder: Some("c-1".to_owned()),
        photo: Some("https://photos.example/c-1".to_owned()),
        issued: Some(Timestamp(7)),
        uses: Some(2),
        balance_minor: Some(-3),
        valid_from: Some(Timestamp(i64::MIN)),
        valid_until: Some(Timestamp::NEVER),
        owner: Some(Owner([0xab; 16])),
        replaced_by: Some(key(9)),
    };
    let plain = Override::default();
    catalog.put_overrides(&[(key(2), full.clone()), (key(1), plain.clone())]).unwrap();
    catalog.put_overrides(&[(key(3), plain.clone())]).unwrap();
    drop(catalog);
    let catalog = home.open();
    assert_eq!(catalog.override_of(&key(2)).unwrap(), Some(full.clone()));
    assert_eq!(catalog.override_of(&key(9)).unwrap(), None);
    let some = catalog.overrides_of(&[key(9), key(2), key(1)]).unwrap();
    assert_eq!(some, [None, Some(full.clone()), Some(plain.clone())]);
    let page = catalog.overrides(None, 2).unwrap();
    assert_eq!(page, [(key(1), plain.clone()), (key(2), full.clone())]);
    assert_eq!(catalog.overrides(Some(key(2)), 2).unwrap(), [(key(3), plain.clone())]);

    let more = |own: Option<Override>| Override { uses: Some(7), ..own.unwrap_or_default() };
    let two = |own| Ok::<_, StoreError>(vec![(key(2), more(own)), (key(1), more(None))]);
    catalog.change_override(&key(2), two).unwrap();
    let wanted = [Some(more(Some(full))), Some(more(None)), Some(plain)];
    assert_eq!(catalog.overrides_of(&[key(2), key(1), key(3)]).unwrap(), wanted);
    let refused = catalog.change_override(&key(2), |_| Err(StoreError::Contended));
    assert!(matches!(refused, Err(StoreError::Contended)));
    assert_eq!(catalog.overrides_of(&[key(2), key(1), key(3)]).unwrap(), wanted);
    let (seen, loaded) = load(&catalog);
    assert_eq!((loaded.overrides, seen.overrides.lock().unwrap().len()), (3, 3));
}

pub(super) fn tokens_and_audit_come_back(home: &Home) {
    let catalog = home.open();
    catalog.put_token([2; 16], b"two").unwrap();
    catalog.put_token([1; 16], b"one").unwrap();
    catalog.put_token([2; 16], b"TWO").unwrap();
    let line = |n: i64| AuditEntry {
        at: Timestamp(n),
        who: "desk".to_owned(),
        what: format!("change {n}"),
    };
    catalog.append_audit(&[line(1), line(2)]).unwrap();
    drop(catalog);
    let catalog = home.open();
    catalog.append_audit(&[line(3)]).unwrap();
    let tokens = catalog.tokens().unwrap();
    let token = |id, record: &[u8]| Token { id: [id; 16], record: record.to_vec() };
    assert_eq!(tokens, [token(1, b"one"), token(2, b"TWO")]);
    assert_eq!(catalog.audit(None, 2).unwrap(), [(3, line(3)), (2, line(2))]);
    assert_eq!(catalog.audit(Some(2), 2).unwrap(), [(1, line(1))]);
    assert_eq!(catalog.audit(Some(1), 2).unwrap(), []);
}

pub(super) fn tokens_change_and_are_removed(home: &Home) {
    let catalog = home.open();
    let change = |n: u8, expected: Option<&[u8]>, wished: Option<&[u8]>| {
        catalog.change_token([n; 16], |found| {
            assert_eq!(found.as_deref(), expected);
            Ok::<_, StoreError>(wished.map(<[u8]>::to_vec))
        })
    };
    for n in 1..=3 {
        change(n, None, Some(b"made")).unwrap();
    }
    change(1, Some(b"made"), Some(b"changed")).unwrap();
    change(2, Some(b"made"), None).unwrap();
    let refused = catalog.change_token([1; 16], |_| Err(StoreError::Contended));
    assert!(matches!(refused, Err(StoreError::Contended)));
    let ids = [[3; 16], [2; 16], [1; 16]];
    let found = || catalog.tokens_of(&ids).unwrap();
    assert_eq!(found(), [Some(b"made".to_vec()), None, Some(b"changed".to_vec())]);
    catalog.remove_tokens(&[[1; 16], [2; 16]]).unwrap();
    assert_eq!(found(), [Some(b"made".to_vec()), None, None]);
    catalog.remove_tokens(&[]).unwrap();
    assert_eq!(catalog.tokens_of(&[]).unwrap(), Vec::<Option<Vec<u8>>>::new());
    drop(catalog);
    let kept: Vec<[u8; 16]> = home.open().tokens().unwrap().iter().map(|one| one.id).collect();
    assert_eq!(kept, [[3; 16]]);
}

pub(super) fn only_versions_in_use_are_loaded(home: &Home) {
    let catalog = home.open();
    for uses in 1..=4 {
        put(&catalog, &format!("uses = {uses}"), Expect::Any).unwrap();
        if uses == 2 {
            catalog.begin_batch(Issue { version: 2, ..issue() }).unwrap();
        }
    }
    let (seen, loaded) = load(&catalog);
    let campaigns = seen.campaigns.into_inner().unwrap();
    assert_eq!(campaigns, [("season".to_owned(), 2), ("season".to_owned(), 4)]);
    assert_eq!((loaded.campaigns, seen.batches.into_inner().unwrap().len()), (1, 1));
}

pub(super) fn progress_ends_with_everything(home: &Home) {
    let catalog = home.open();
    put(&catalog, "", Expect::New).unwrap();
    let batch = catalog.begin_batch(issue()).unwrap().number;
    append(&catalog, batch, 0..100, 10);
    let heard = Mutex::new(Vec::new());
    catalog.load(&Seen::default(), |n, total| heard.lock().unwrap().push((n, total))).unwrap();
    assert_eq!(heard.into_inner().unwrap().last(), Some(&(100, 100)));
}

#[test]
fn the_wrong_directory_key_or_format_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let options = |dir: &Path, store_key| Options {
        store: Store::Embedded { dir: dir.to_owned() },
        store_key,
    };
    let catalog = open(dir.path());
    let locked = Catalog::open(&options(dir.path(), KEY)).err().unwrap();
    assert!(matches!(locked, OpenError::Locked(_)), "{locked}");
    drop(catalog);
    let other = Catalog::open(&options(dir.path(), [1; 32])).err().unwrap();
    assert!(matches!(other, OpenError::OtherKey), "{other}");

    let raw = |dir: &Path, keyspace: &str| {
        let db = fjall::Database::builder(dir).open().unwrap();
        let keyspace = db.keyspace(keyspace, fjall::KeyspaceCreateOptions::default).unwrap();
        keyspace.insert("format", 7_u32.to_be_bytes()).unwrap();
    };
    raw(dir.path(), "meta");
    let format = Catalog::open(&options(dir.path(), KEY)).err().unwrap().to_string();
    assert_eq!(format, "the catalog has format 7; this release reads format 1");
    let ledger = tempfile::tempdir().unwrap();
    raw(ledger.path(), "counters");
    let foreign = Catalog::open(&options(ledger.path(), KEY)).err().unwrap();
    assert!(matches!(foreign, OpenError::Foreign(_)), "{foreign}");
}
