//! Layers, provenance, mistakes.

use std::path::Path;

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// What a file, variables and flags come to.
fn examined(file: &str, environment: &[(&str, &str)], flags: &[(&str, &str)]) -> Examined {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("jeton.toml");
    std::fs::write(&path, file).unwrap();
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let mut sources = Sources {
        file: Some(path),
        environment: environment.iter().map(pair).collect(),
        flags: Vec::new(),
    };
    for (key, value) in flags {
        sources.flag(&format!("--{key}"), key, Some(value));
    }
    examine(&sources)
}

#[track_caller]
fn check_fault(file: &str, key: &str, part: &str) {
    let faults = examined(file, &[], &[]).faults;
    let found = faults.iter().any(|fault| fault.key == key && fault.to_string().contains(part));
    assert!(found, "{file:?} gives {faults:?}");
}

fn origin(examined: &Examined, key: &str) -> Origin {
    let found = examined.settings.iter().find(|setting| setting.key == key);
    found.unwrap().origin.clone()
}

#[test]
fn nothing_set_is_everything_default() {
    let examined = examined("", &[("HOME", "/home/a")], &[]);
    assert_eq!(examined.faults, []);
    assert!(examined.settings.iter().all(|setting| setting.origin == Origin::Default));
    assert!(examined.settings.iter().all(|setting| setting.value == setting.default));
    let config = examined.config;
    assert_eq!(config.data, Path::new("/home/a/.local/state/jeton"));
    assert_eq!(config.store, Store::Embedded("/home/a/.local/state/jeton/.".into()));
    assert_eq!(config.durability, Durability::Sync);
    assert_eq!(config.quic.listen.to_string(), "127.0.0.1:7411");
    assert!(!config.http.is_tls && config.http.metrics_open);
    assert_eq!(config.guess, GuessOptions::default());
}

#[test]
fn later_layers_beat_earlier_ones_and_say_who_they_are() {
    let file = "workers = 1\ndrain_ms = 1\n[quic]\nlisten = \"127.0.0.1:1\"\nidle_ms = 2000";
    let environment = [("JETON_WORKERS", "2"), ("JETON_QUIC__LISTEN", "127.0.0.1:2")];
    let examined = examined(file, &environment, &[("workers", "3")]);
    assert_eq!(examined.faults, []);
    let config = &examined.config;
    assert_eq!((config.workers, config.drain_ms), (3, 1));
    assert_eq!((config.quic.listen.port(), config.quic.idle_ms), (2, 2_000));
    assert_eq!(origin(&examined, "workers"), Origin::Flag("--workers".to_owned()));
    let variable = Origin::Environment("JETON_QUIC__LISTEN".to_owned());
    assert_eq!(origin(&examined, "quic.listen"), variable);
    let file = Origin::File(examined.file.clone().unwrap().display().to_string());
    assert_eq!(origin(&examined, "quic.idle_ms"), file);
}

#[test]
fn values_of_variables_are_toml_or_text() {
    let environment = [
        ("JETON_TLS__SERVER_NAMES", r#"["a.example", "b.example"]"#),
        ("JETON_DURABILITY__INTERVAL_MS", "20"),
        ("JETON_HTTP__TLS", "on"),
        ("JETON_TOKEN", "not a setting"),
        ("OTHER", "ignored"),
    ];
    let examined = examined("", &environment, &[]);
    assert_eq!(examined.faults, []);
    assert_eq!(examined.config.tls.server_names, ["a.example", "b.example"]);
    assert_eq!(examined.config.durability, Durability::Interval { window_ms: 20 });
    assert!(examined.config.http.is_tls);
}

#[test]
fn a_misspelt_setting_is_a_mistake_with_a_suggestion() {
    check_fault("[quic]\nlissen = \"127.0.0.1:1\"", "quic.lissen", "did you mean quic.listen?");
    check_fault("drain = 5", "drain", "did you mean drain_ms?");
    check_fault("[wholly]\nelsewhere = 1", "wholly.elsewhere", "config check lists all");
    let faults = examined("", &[("JETON_WORKRES", "2")], &[]).faults;
    let texts: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["workres: is no setting; did you mean workers? (JETON_WORKRES)"]);
}

#[test]
fn a_heading_with_nothing_below_it_is_no_mistake() {
    assert_eq!(examined("[quic]\n[guess.public]\n[log]", &[], &[]).faults, []);
    check_fault("quic = 5", "quic", "is no setting");
    check_fault("[quick]", "quick", "is no setting");
}

#[test]
fn mistakes_say_what_is_right() {
    check_fault("workers = -1", "workers", "is -1; expected is 0 to 1024 threads");
    check_fault("workers = 5000", "workers", "expected is 0 to 1024 threads");
    check_fault(
        "[quic]\nlisten = \"here\"",
        "quic.listen",
        "is \"here\"; expected is ADDRESS:PORT",
    );
    check_fault("durability = \"often\"", "durability", "{ interval_ms = 20 }");
    check_fault("[durability]\ninterval_ms = 0", "durability", "expected is 1 to 60000 ms");
    check_fault("store = \"redis://localhost:x\"", "store", "is no number from 1 to 65535");
    check_fault("store = \"postgres://:pw@h\"", "store", "is \"postgres://:***@h\"; expected");
    check_fault("store = \"embedded:\"", "store", "names no directory");
    check_fault("[log]\nlevel = \"a=b=c\"", "log.level", "is no log level");
    check_fault("[tls]\nkey = \"k.pem\"", "tls.key", "needs tls.certificate");
    check_fault("data = [", "", "is no TOML");
    check_fault("[guess.public]\nlock_out_ms = 86400000", "guess.public.lock_out_ms", "is longer");
}

const REDIS: &str = "store = \"redis://u:hunter7@r.example:1/2\"";

#[test]
fn each_store_has_its_durabilities() {
    let table = [
        (REDIS, "", Some(Durability::RedisAofAlways)),
        (REDIS, "\"redis-aof-always\"", Some(Durability::RedisAofAlways)),
        (REDIS, "{ replicas = 2 }", Some(Durability::Replicas { replicas: 2 })),
        (REDIS, "\"redis-as-is\"", Some(Durability::RedisAsIs)),
        (REDIS, "\"sync\"", None),
        (REDIS, "{ interval_ms = 5 }", None),
        (REDIS, "\"memory\"", None),
        ("", "", Some(Durability::Sync)),
        ("", "{ interval_ms = 5 }", Some(Durability::Interval { window_ms: 5 })),
        ("", "\"redis-aof-always\"", None),
        ("", "{ replicas = 1 }", None),
        ("", "\"redis-as-is\"", None),
    ];
    for (store, durability, expected) in table {
        let line = format!("durability = {durability}");
        let line = if durability.is_empty() { "" } else { &line };
        let examined = examined(&format!("{store}\n{line}"), &[], &[]);
        match expected {
            Some(expected) => {
                assert_eq!(examined.faults, [], "{store} {line}");
                assert_eq!(examined.config.durability, expected);
            }
            None => {
                let fault = &examined.faults[0];
                assert_eq!((examined.faults.len(), fault.key.as_str()), (1, "durability"));
                assert!(fault.message.contains("type "), "{fault}");
            }
        }
    }
    check_fault(&format!("{REDIS}\ndurability = {{ replicas = 17 }}"), "durability", "1 to 16");
}

#[test]
fn a_store_in_redis_is_read_whole_and_its_password_never_shown() {
    let file = "store = \"rediss://r.example\"\nredis_user = \"jeton\"\n\
        redis_password_file = \"/p\"\nredis_ca_file = \"/c\"\nledger_retention_days = 30";
    let whole = examined(file, &[("JETON_LEDGER_LANES", "4")], &[]);
    assert_eq!(whole.faults, []);
    let Store::Redis(store) = whole.config.store else { panic!("no store in Redis") };
    assert_eq!(store.target.to_string(), "rediss://r.example:6379");
    assert_eq!(store.target.username.as_deref(), Some("jeton"));
    assert_eq!((store.lanes, store.retention_days), (4, 30));
    assert_eq!((store.password_file, store.ca_file), (Some("/p".into()), Some("/c".into())));

    for file in [REDIS, "store = \"redis://u:hunter7@r.example:x\"", "store = \"rdis:hunter7@h\""] {
        let all = examined(file, &[], &[]);
        let texts = (serde_json::to_string(&all.settings), serde_json::to_string(&all.faults));
        assert!(!format!("{texts:?} {all:?}").contains("hunter7"), "{all:?}");
        assert!(texts.0.unwrap().contains("***@"), "{file}");
    }
}

#[test]
fn settings_of_redis_go_together() {
    let fault = |lines: &str, key, part| check_fault(&format!("{REDIS}\n{lines}"), key, part);
    fault("redis_password_file = \"/p\"", "redis_password_file", "the password is in store");
    fault("redis_user = \"a\"", "redis_user", "needs redis_password_file");
    fault("redis_ca_file = \"/c\"", "redis_ca_file", "begin store with rediss");
    fault("ledger_lanes = 9", "ledger_lanes", "1 to 8");
    check_fault("ledger_lanes = 2", "ledger_lanes", "is for a store in Redis");
    check_fault("redis_ca_file = \"/c\"", "redis_ca_file", "is for a store in Redis");
}

#[test]
fn all_mistakes_are_told_at_once() {
    let file = "workers = \"many\"\ndurability = 5\nnonsense = 1\n[http]\ntls = \"maybe\"";
    let faults = load(&Sources { file: None, ..Sources::default() });
    assert!(faults.is_ok(), "{faults:?}");
    let keys: Vec<String> =
        examined(file, &[], &[]).faults.into_iter().map(|fault| fault.key).collect();
    assert_eq!(keys, ["durability", "http.tls", "workers", "nonsense"]);
}

#[test]
fn clear_http_is_for_loopback_only() {
    let open = "[http]\nlisten = \"0.0.0.0:7412\"";
    let examined = examined(open, &[], &[]);
    assert_eq!(examined.faults, []);
    assert!(examined.config.http.is_tls && !examined.config.http.metrics_open);
    check_fault(&format!("{open}\ntls = \"off\""), "http.tls", "without TLS");
}

#[test]
fn a_file_that_was_named_must_be_there() {
    let file = Some(PathBuf::from("/nonexistent/jeton.toml"));
    let faults = load(&Sources { file, ..Sources::default() }).unwrap_err();
    assert_eq!(faults.0.len(), 1);
    assert!(faults.to_string().contains("cannot be read"), "{faults}");
}

#[test]
fn the_data_directory_has_a_file_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(DATA_FILE), "workers = 7").unwrap();
    let mut sources = Sources::default();
    sources.flag("--data", "data", Some(dir.path().display()));
    let examined = examine(&sources);
    assert_eq!((examined.config.workers, examined.faults), (7, vec![]));
    assert_eq!(examined.config.store, Store::Embedded(dir.path().join(".")));
}

#[test]
fn settings_are_explained() {
    let examined = examined("[quic]\nidle_ms = 5000", &[], &[]);
    let setting = examined.settings.iter().find(|setting| setting.key == "quic.idle_ms").unwrap();
    assert_eq!((&setting.value, &setting.default), (&json!(5_000), &json!(15_000)));
    assert_eq!(setting.range, "1000 to 600000 ms");
    assert!(examined.settings.iter().all(|one| !one.what.is_empty() && !one.range.is_empty()));
}

fn any_value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|n| format!("{n:?}")),
        any::<bool>().prop_map(|b| b.to_string()),
        ".{0,20}".prop_map(|text| format!("{text:?}")),
        Just("1979-05-27T07:32:00Z".to_owned()),
        Just("\"127.0.0.1:0\"".to_owned()),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|all| format!("[{}]", all.join(", "))),
            ("[a-z_]{1,12}", inner).prop_map(|(key, value)| format!("{{ {key} = {value} }}")),
        ]
    })
}

fn any_line() -> impl Strategy<Value = String> {
    let keys: Vec<String> = examined("", &[], &[])
        .settings
        .iter()
        .flat_map(|setting| [setting.key.to_owned(), setting.key.replace("s", "z")])
        .collect();
    let key = prop_oneof![prop::sample::select(keys), "[a-z_]{1,8}(\\.[a-z_]{1,8}){0,2}"];
    prop_oneof![
        8 => (key, any_value()).prop_map(|(key, value)| format!("{key} = {value}")),
        1 => ".{0,40}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn hostile_files_give_mistakes_never_panics(
        lines in prop::collection::vec(any_line(), 0..6),
        names in prop::collection::vec("JETON_[A-Z_]{0,16}", 0..3),
        texts in prop::collection::vec(".{0,30}", 0..3),
        flag in ("[a-z._]{0,16}", any_value()),
    ) {
        let environment: Vec<(&str, &str)> =
            names.iter().zip(&texts).map(|(n, t)| (n.as_str(), t.as_str())).collect();
        let examined = examined(&lines.join("\n"), &environment, &[(&flag.0, &flag.1)]);
        // Whatever was written, all settings are explained, and the values are usable ones.
        prop_assert!(examined.settings.len() > 20);
        prop_assert!(examined.config.guess.keys_max >= 64);
        prop_assert!(examined.config.quic.idle_ms >= 1_000);
    }
}
