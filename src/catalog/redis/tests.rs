//! Several nodes on one Redis: conflicts, news, retries, restarts, losses.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;
use std::thread;

use super::super::tests::{
    Home, KEY, Seen, append, id, issue, key as code_key, load, open_at, put, tenant, text, texts,
};
use super::super::*;
use super::{Commit, key as redis_key, of, whole};
use crate::domain::campaign::CodeState;
use crate::remote::tests::{Server, cluster, cluster_url, options, send};

/// What an operator types.
fn operate(server: &Server, commands: &[&str]) -> Vec<String> {
    let work = async {
        let mut lane = server.remote().lane().await.unwrap();
        send(&mut lane, super::TAG, commands).await
    };
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn inner(catalog: &Catalog) -> &super::Redis {
    let Catalog::Redis(redis) = catalog else { unreachable!("opened in Redis") };
    redis
}

/// Follows until there is nothing more.
fn all_changes(catalog: &Catalog, mut after: Cursor) -> (Vec<CatalogChange>, Cursor) {
    let mut changes = Vec::new();
    loop {
        let news = catalog.changes(&after).unwrap();
        assert!(!news.lost);
        after = news.cursor;
        if news.changes.is_empty() {
            return (changes, after);
        }
        changes.extend(news.changes);
    }
}

#[test]
fn of_eight_writers_one_wins() {
    let server = Server::start(&[]);
    let nodes: Vec<_> = (0..8).map(|_| open_at(&server.url())).collect();
    let wins = |put_by: &(dyn Fn(usize, &Catalog) -> bool + Sync)| {
        thread::scope(|scope| {
            let writing: Vec<_> = nodes
                .iter()
                .enumerate()
                .map(|(node, catalog)| scope.spawn(move || put_by(node, catalog)))
                .collect();
            writing.into_iter().filter_map(|won| won.join().unwrap().then_some(())).count()
        })
    };
    // All say the same, and still it is only one who made it.
    assert_eq!(wins(&|_, catalog| put(catalog, "uses = 1", Expect::New).is_ok()), 1);
    for version in 1..6 {
        let edit = |node: usize, catalog: &Catalog| {
            let uses = format!("uses = {}", 10 * u64::from(version) + 2 + node as u64);
            match put(catalog, &uses, Expect::Version(version)) {
                Ok((made, _, change)) => {
                    assert_eq!((made, change), (version + 1, Change::Edited));
                    true
                }
                Err(CampaignError::Conflict { found, .. }) => {
                    assert_eq!(found, Some(version + 1));
                    false
                }
                Err(other) => unreachable!("{other}"),
            }
        };
        assert_eq!(wins(&edit), 1);
    }
    let stored = nodes[0].campaign(&tenant(), &id("season"), None).unwrap().unwrap();
    assert_eq!(stored.campaign.version, 6);
}

#[test]
fn a_follower_hears_what_changed_and_the_urgent_first() {
    let server = Server::start(&[]);
    let (writer, follower) = (open_at(&server.url()), open_at(&server.url()));
    put(&writer, "", Expect::New).unwrap();
    let cursor = follower.cursor().unwrap().unwrap();
    assert_eq!(follower.changes(&cursor).unwrap(), News::nothing(&cursor));

    put(&writer, "uses = 2", Expect::Any).unwrap();
    put(&writer, "uses = 2", Expect::Any).unwrap();
    let batch = writer.begin_batch(issue()).unwrap().number;
    append(&writer, batch, 0..10, 7);
    writer.complete_batch(batch).unwrap();
    writer.complete_batch(batch).unwrap();
    let own = |state| Override { state, ..Override::default() };
    let overrides = [(code_key(1), own(CodeState::Live)), (code_key(2), own(CodeState::Revoked))];
    writer.put_overrides(&overrides).unwrap();
    let positions = [1, 2, 5].into();
    writer.remove_codes(batch, &positions, &mut || Some([9; 12])).unwrap();
    let group = toml::from_str("id = \"members\"").unwrap();
    let group = Wish::put(DefinitionDocument::Group(group), Expect::Any);
    let groups = [group];
    writer.put_definitions(&tenant(), &groups).unwrap();
    writer.put_definitions(&tenant(), &groups).unwrap();
    writer.put_token([7; 16], b"token").unwrap();
    writer
        .put_status(&tenant(), &id("season"), Status::Paused, Expect::Any, Timestamp(5_000))
        .unwrap();
    put(&writer, "uses = 3\nstatus = \"active\"", Expect::Any).unwrap();

    let (changes, cursor) = all_changes(&follower, cursor);
    let status = || CatalogChange::Status { tenant: tenant(), id: id("season") };
    let campaign =
        |version| CatalogChange::Campaign { tenant: tenant(), id: id("season"), version };
    let expected = [
        CatalogChange::Overridden { keys: vec![code_key(2)] },
        status(),
        status(),
        campaign(2),
        CatalogChange::Begun { batch },
        CatalogChange::Appended { batch, positions: 0..7 },
        CatalogChange::Appended { batch, positions: 7..10 },
        CatalogChange::Completed { batch },
        CatalogChange::Overridden { keys: vec![code_key(1)] },
        CatalogChange::Removed { batch, keys: vec![code_key(1), code_key(2), code_key(5)] },
        CatalogChange::Definitions { tenant: tenant(), names: vec![groups[0].name.clone()] },
        CatalogChange::Token { id: [7; 16] },
        campaign(3),
    ];
    assert_eq!(changes, expected);
    assert_eq!(follower.cursor().unwrap(), Some(cursor.clone()));

    // Who waits hears at once.
    let heard = thread::scope(|scope| {
        let waiting = scope.spawn(|| all_changes(&follower, cursor).0);
        writer
            .put_status(&tenant(), &id("season"), Status::Paused, Expect::Any, Timestamp(5_000))
            .unwrap();
        waiting.join().unwrap()
    });
    assert!(heard.is_empty() || heard == [status()], "{heard:?}");
}

#[test]
fn many_changes_come_in_pages() {
    let server = Server::start(&[]);
    let catalog = open_at(&server.url());
    let cursor = catalog.cursor().unwrap().unwrap();
    let mut id = [0; 16];
    for n in 0..2_500_u32 {
        id[..4].copy_from_slice(&n.to_be_bytes());
        catalog.put_token(id, b"x").unwrap();
    }
    assert_eq!(all_changes(&catalog, cursor.clone()).0.len(), 2_500);
    // What was dropped is missed at once, not only after all that is left.
    operate(&server, &[&format!("XTRIM {} MAXLEN 2000", redis_key(super::STREAM))]);
    assert!(catalog.changes(&cursor).unwrap().lost);
}

#[test]
fn what_was_lost_is_said() {
    let server = Server::start(&[]);
    let catalog = open_at(&server.url());
    let token = |n| catalog.put_token([n; 16], b"x").unwrap();
    let stream = redis_key(super::STREAM);
    token(1);
    let old = catalog.cursor().unwrap().unwrap();
    token(2);
    token(3);
    let news = catalog.changes(&old).unwrap();
    assert_eq!((news.changes.len(), news.lost), (2, false));
    let current = news.cursor;

    operate(&server, &[&format!("XTRIM {stream} MAXLEN 1")]);
    let news = catalog.changes(&old).unwrap();
    assert_eq!((news.changes, news.lost, &news.cursor), (Vec::new(), true, &current));
    assert!(!catalog.changes(&current).unwrap().lost, "it had heard what was dropped");

    // Redis comes back without the last entry, and others have written since.
    let last = operate(&server, &[&format!("XINFO STREAM {stream}")]);
    assert!(last[0].contains("entries-added"), "{last:?}");
    operate(&server, &[&format!("DEL {stream}")]);
    assert!(catalog.changes(&current).unwrap().lost);
    for n in 4..7 {
        token(n);
        assert!(catalog.changes(&current).unwrap().lost, "after {n}");
    }
    let news = catalog.changes(&current).unwrap();
    token(9);
    let next = catalog.changes(&news.cursor).unwrap();
    assert_eq!((next.changes, next.lost), (vec![CatalogChange::Token { id: [9; 16] }], false));
}

#[test]
fn an_emptied_redis_is_not_written_to() {
    let server = Server::start(&[]);
    let catalog = open_at(&server.url());
    put(&catalog, "", Expect::New).unwrap();
    let cursor = catalog.cursor().unwrap().unwrap();
    operate(&server, &["FLUSHALL"]);
    let check = || {
        let written = put(&catalog, "uses = 5", Expect::Any);
        assert!(matches!(written, Err(CampaignError::Store(StoreError::Replaced))), "{written:?}");
        assert!(matches!(catalog.changes(&cursor), Err(StoreError::Replaced)));
        let loaded = catalog.load(&Seen::default(), |_, _| {});
        assert!(matches!(loaded, Err(StoreError::Replaced)));
        assert!(matches!(catalog.put_token([1; 16], b"x"), Err(StoreError::Replaced)));
    };
    check();
    // Nor when somebody has made another one there.
    let other = open_at(&server.url());
    check();
    put(&other, "", Expect::New).unwrap();
    check();
}

#[test]
fn two_nodes_begin_one_batch_for_one_request() {
    let server = Server::start(&[]);
    let nodes: Vec<_> = (0..4).map(|_| open_at(&server.url())).collect();
    put(&nodes[0], "", Expect::New).unwrap();
    for request in 1..=20 {
        let begun: BTreeSet<_> = thread::scope(|scope| {
            let beginning: Vec<_> = nodes
                .iter()
                .map(|node| {
                    let request = Some(RequestId([request; 16]));
                    scope.spawn(move || node.begin_batch(Issue { request, ..issue() }).unwrap())
                })
                .collect();
            beginning.into_iter().map(|batch| batch.join().unwrap().number).collect()
        });
        assert_eq!(begun, [u32::from(request)].into());
    }
    assert_eq!(nodes[0].batches().unwrap().len(), 20);
}

#[test]
fn two_nodes_that_append_are_told_or_kept_apart() {
    let server = Server::start(&[]);
    let nodes = [open_at(&server.url()), open_at(&server.url())];
    put(&nodes[0], "", Expect::New).unwrap();
    let batch = nodes[0].begin_batch(issue()).unwrap().number;
    let block = |from: u64| (from..from + 3).map(|n| (code_key(n), text(n))).collect::<Vec<_>>();
    thread::scope(|scope| {
        for (place, node) in nodes.iter().enumerate() {
            scope.spawn(move || {
                let begin = 1_000 * place as u64;
                for first in (begin..begin + 150).step_by(3) {
                    append(node, batch, first..first + 3, 3);
                }
            });
        }
    });
    let all = texts(&nodes[0], batch, 0..u32::MAX);
    assert_eq!(all.len(), 300);
    assert!(all.iter().zip(0..).all(|((position, _), n)| *position == n));
    assert_eq!(all.iter().map(|(_, text)| text).collect::<BTreeSet<_>>().len(), 300);

    let codes = block(9_000);
    let codes: Vec<_> = codes.iter().map(|(key, text)| (*key, text.as_str())).collect();
    let at = |node: usize, at| nodes[node].append_block(batch, Some(at), &codes, [1; 12]);
    assert_eq!(at(0, 300).unwrap(), 300);
    assert!(matches!(at(1, 300), Err(BatchError::Moved { stored: 303, .. })));
}

#[test]
fn serials_are_given_once_while_connections_break() {
    let server = Server::start(&[]);
    let url = server.url();
    let done = AtomicBool::new(false);
    let given: Vec<u64> = thread::scope(|scope| {
        let reserving: Vec<_> = (0..8)
            .map(|_| {
                let node = open_at(&url);
                scope.spawn(move || {
                    let reserve = || node.reserve([1; 16], 3, u64::MAX);
                    // A connection may be cut more often than a node tries.
                    let given = (0..60).filter_map(|_| reserve().ok());
                    given.collect::<Vec<_>>()
                })
            })
            .collect();
        let cutting = scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                operate(&server, &["CLIENT KILL TYPE normal SKIPME yes"]);
                thread::park_timeout(std::time::Duration::from_millis(5));
            }
        });
        let given = reserving.into_iter().flat_map(|node| node.join().unwrap()).collect();
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        cutting.join().unwrap();
        given
    });
    assert!(given.len() > 200, "{} of 480 went through", given.len());
    let different: BTreeSet<_> = given.iter().collect();
    assert_eq!(different.len(), given.len());
    assert!(given.iter().all(|first| first.is_multiple_of(3)));
}

#[test]
fn a_write_that_is_sent_again_is_done_once() {
    let server = Server::start(&[]);
    let catalog = open_at(&server.url());
    let redis = inner(&catalog);
    let line =
        |what: &str| AuditEntry { at: Timestamp(1), who: "desk".to_owned(), what: what.to_owned() };
    let command = |what: &str, mark: &str| {
        let mut commit = Commit::default();
        commit.expect("tokens", b"t", None);
        commit.set("tokens", b"t", b"there".to_vec());
        commit.push("audit", serde_json::to_vec(&line(what)).unwrap());
        commit.command(&redis_key(mark), &redis.epoch)
    };
    let send = |what, mark| redis.call(vec![command(what, mark)]).unwrap().remove(0);
    assert_eq!(send("first", "write:a"), ::redis::Value::Int(1));
    assert_eq!(send("first", "write:a"), ::redis::Value::Int(1));
    assert_eq!(send("other", "write:b"), ::redis::Value::Int(0), "it expects what is not there");
    assert_eq!(catalog.audit(None, 9).unwrap(), [(1, line("first"))]);
    let mark = redis.ask::<i64>("a mark", whole("TTL", "write:a")).unwrap();
    assert!((1..=600).contains(&mark), "{mark}");
    let present: i64 = redis.ask("marks", of("EXISTS", "write:b", &[redis_key("x")])).unwrap();
    assert_eq!(present, 0, "what was not done is not remembered");
}

#[test]
fn a_restart_in_between_loses_nothing() {
    let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let catalog = open_at(&server.url());
    put(&catalog, "", Expect::New).unwrap();
    let batch = catalog.begin_batch(issue()).unwrap().number;
    let mut cursor = catalog.cursor().unwrap().unwrap();
    for round in 0..3_u32 {
        let positions = 100 * round..100 * round + 100;
        append(&catalog, batch, positions.start.into()..positions.end.into(), 100);
        server.kill();
        let away = catalog.batch(batch).unwrap_err();
        assert!(away.is_transient(), "{away}");
        server.start_again();
        let (changes, after) = all_changes(&catalog, cursor);
        assert_eq!(changes, [CatalogChange::Appended { batch, positions }]);
        cursor = after;
    }
    let (seen, loaded) = load(&catalog);
    assert_eq!((loaded.codes, seen.codes.lock().unwrap().len()), (300, 300));
    assert_eq!(texts(&catalog, batch, 0..300).len(), 300);
}

#[test]
fn functions_that_are_gone_are_put_back() {
    let server = Server::start(&[]);
    let catalog = open_at(&server.url());
    operate(&server, &["FUNCTION FLUSH"]);
    put(&catalog, "", Expect::New).unwrap();
    operate(&server, &["FUNCTION FLUSH"]);
    assert!(catalog.cursor().unwrap().is_some());
}

#[test]
fn too_few_replicas_are_said() {
    let server = Server::start(&[]);
    let open = || {
        let mut remote = options(&server.url());
        remote.response_timeout = std::time::Duration::from_millis(400);
        let store = Store::Redis { remote, replicas: 1 };
        Catalog::open(&Options { store, store_key: KEY }).unwrap()
    };
    let catalog = open();
    let alone = catalog.put_token([1; 16], b"x").unwrap_err();
    assert!(matches!(alone, StoreError::Replicas { wanted: 1, reached: 0 }), "{alone}");
    assert!(alone.is_transient());
    let master = format!("127.0.0.1 {}", server.port());
    let _replica = Server::start(&["--replicaof", &master]);
    // A replica that has just come confirms nothing before it has caught up.
    while let Err(error) = catalog.put_token([1; 16], b"x") {
        assert!(matches!(error, StoreError::Replicas { wanted: 1, reached: 0 }), "{error}");
    }
}

#[test]
fn the_wrong_key_format_or_content_is_named() {
    let server = Server::start(&[]);
    let open = |store_key| {
        let store = Store::Redis { remote: options(&server.url()), replicas: 0 };
        Catalog::open(&Options { store, store_key })
    };
    drop(open(KEY).unwrap());
    let other = open([1; 32]).err().unwrap();
    assert!(matches!(other, OpenError::OtherKey), "{other}");
    operate(&server, &["HSET {jc}meta format abcd"]);
    let format = open(KEY).err().unwrap();
    assert!(matches!(format, OpenError::Format { .. }), "{format}");
    operate(&server, &["DEL {jc}meta", "HSET {jc}batches x y"]);
    let foreign = open(KEY).err().unwrap();
    assert!(matches!(foreign, OpenError::Foreign(_)), "{foreign}");
    drop(server);
    let store = Store::Redis { remote: options("redis://127.0.0.1:1"), replicas: 0 };
    let away = Catalog::open(&Options { store, store_key: KEY }).err().unwrap().to_string();
    assert!(away.contains("127.0.0.1:1"), "{away}");
}

#[test]
fn a_cluster_has_it_all() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let servers = runtime.block_on(cluster());
    let home = Home::Cluster(cluster_url(&servers));
    let over_empty = |test: fn(&Home)| {
        for server in &servers {
            operate(server, &["FLUSHALL"]);
        }
        test(&home);
    };
    over_empty(super::super::tests::ten_thousand_codes_come_back);
    over_empty(super::super::tests::conflicts_name_both_versions);
    over_empty(super::super::tests::tokens_and_audit_come_back);
    let catalog = open_at(&cluster_url(&servers));
    let cursor = catalog.cursor().unwrap().unwrap();
    assert!(catalog.changes(&cursor).unwrap().changes.is_empty());
    catalog.put_token([1; 16], b"x").unwrap();
    assert_eq!(all_changes(&catalog, cursor).0, [CatalogChange::Token { id: [1; 16] }]);
}

#[test]
fn a_million_codes_load() {
    let server = Server::start(&[]);
    let catalog = open_at(&server.url());
    put(&catalog, "", Expect::New).unwrap();
    let batch = catalog.begin_batch(issue()).unwrap().number;
    let begin = tokio::time::Instant::now();
    append(&catalog, batch, 0..1_000_000, BLOCK_CODES_MAX);
    let stored = begin.elapsed();
    let again = open_at(&server.url());
    let begin = tokio::time::Instant::now();
    let counted = Counted::default();
    let loaded = again.load(&counted, |_, _| {}).unwrap();
    eprintln!("1,000,000 codes: stored in {stored:?}, loaded in {:?}", begin.elapsed());
    assert_eq!(loaded.codes, 1_000_000);
    assert_eq!(counted.0.into_inner(), (0..1_000_000).sum::<u64>());
    assert_eq!(again.text(batch, 999_999).unwrap(), Some(text(999_999)));
}

/// The sum of all positions.
#[derive(Default)]
struct Counted(std::sync::atomic::AtomicU64);

impl Picture for Counted {
    fn definitions(
        &self,
        _: Vec<std::sync::Arc<crate::domain::campaign::Campaign>>,
        _: Vec<Batch>,
        _: Vec<Definition>,
    ) {
    }

    fn codes(&self, _: u32, first: u32, keys: impl Iterator<Item = CodeKey>) {
        for (key, position) in keys.zip(u64::from(first)..) {
            assert_eq!(key, code_key(position));
            self.0.fetch_add(position, std::sync::atomic::Ordering::Relaxed);
        }
    }

    fn overridden(&self, _: CodeKey, _: Override) {}
}
