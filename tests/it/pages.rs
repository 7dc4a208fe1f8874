//! The web pages as files: how they are sent, and that they fit together. What they do is tried in
//! a browser (`tests/browser`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use jeton::auth::role::Role;
use jeton::testing::{BoxOptions, ServerBox};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use ureq::Agent;
use ureq::http::{HeaderMap, Request};

/// Longest module, in lines.
const LINES_MAX: usize = 400;

/// A server, and a browser that only fetches.
struct House {
    agent: Agent,
    url: String,
    server: ServerBox,
    _runtime: Runtime,
    _dir: tempfile::TempDir,
}

struct Heard {
    status: u16,
    headers: HeaderMap,
    bytes: Vec<u8>,
}

impl Heard {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }
}

impl House {
    fn open() -> Self {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).enable_all().build().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let options = BoxOptions { http: true, ..BoxOptions::default() };
        let server = runtime.block_on(ServerBox::start(dir.path(), options)).unwrap();
        let agent = Agent::config_builder().http_status_as_error(false).proxy(None).build();
        let url = format!("http://{}", server.server.http_address().unwrap());
        Self { agent: agent.new_agent(), url, server, _runtime: runtime, _dir: dir }
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Heard {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = match method {
            "GET" => self.agent.run(request.body(()).unwrap()),
            _ => self.agent.run(request.body(body.to_owned()).unwrap()),
        };
        let mut response = response.unwrap();
        let bytes = response.body_mut().read_to_vec().unwrap();
        Heard { status: response.status().as_u16(), headers: response.headers().clone(), bytes }
    }

    fn get(&self, path: &str, headers: &[(&str, &str)]) -> Heard {
        self.ask("GET", path, headers, "")
    }

    /// As somebody of this role.
    fn act(&self, role: Role, method: &str, path: &str, key: &str, body: &Value) -> Heard {
        let token = format!("Bearer {}", self.server.token(role).unwrap());
        let headers = [
            ("authorization", token.as_str()),
            ("content-type", "application/json"),
            ("idempotency-key", key),
            ("if-match", "*"),
        ];
        self.ask(method, path, &headers, &body.to_string())
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server/http/web")
}

/// All files of the pages, by their paths.
fn files() -> BTreeMap<String, String> {
    fn collect(folder: &Path, name: &str, files: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            let name = format!("{name}{}", entry.file_name().to_str().unwrap());
            if path.is_dir() {
                collect(&path, &format!("{name}/"), files);
            } else {
                files.insert(name, fs::read_to_string(path).unwrap());
            }
        }
    }
    let mut files = BTreeMap::new();
    collect(&folder(), "", &mut files);
    files
}

/// Our own modules: not what others wrote.
fn modules() -> impl Iterator<Item = (String, String)> {
    let own = |name: &String| name.ends_with(".js") && !name.starts_with("vendor/");
    files().into_iter().filter(move |(name, _)| own(name))
}

/// What stands in quotes behind each `before`.
fn quoted<'a>(text: &'a str, before: &str) -> Vec<&'a str> {
    let behind = text.split(before).skip(1);
    behind.filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn the_shell_is_asked_again_and_allows_nothing_from_elsewhere() {
    let house = House::open();
    let shell = house.get("/", &[]);
    assert_eq!((shell.status, shell.header("content-type")), (200, "text/html; charset=utf-8"));
    assert_eq!(shell.header("cache-control"), "no-cache");
    assert_eq!(shell.header("x-content-type-options"), "nosniff");
    assert_eq!(shell.header("x-frame-options"), "DENY");
    assert_eq!(shell.header("referrer-policy"), "no-referrer");
    let policy = shell.header("content-security-policy");
    for rule in ["default-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.contains(rule), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    let etag = shell.header("etag");
    for known in [etag.to_owned(), format!("\"other\", W/{etag}")] {
        let again = house.get("/", &[("if-none-match", &known)]);
        assert_eq!((again.status, again.bytes.len()), (304, 0));
        assert_eq!(again.header("etag"), etag);
        assert_eq!(again.header("content-security-policy"), policy);
    }
    assert_eq!(house.get("/", &[("if-none-match", "\"other\"")]).status, 200);
}

#[test]
fn what_the_shell_names_is_kept_for_ever() {
    let house = House::open();
    let shell = house.get("/", &[]);
    let named: Vec<&str> = quoted(shell.text(), "=\"").into_iter().collect();
    let named: Vec<&str> = named.into_iter().filter(|path| path.starts_with("/ui/")).collect();
    assert_eq!(named.len(), 4, "{named:?}");
    for path in named {
        let asset = house.get(path, &[]);
        assert_eq!(asset.status, 200, "{path}");
        assert_eq!(asset.header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(asset.header("x-content-type-options"), "nosniff");
        assert!(!asset.header("content-type").starts_with("text/plain"), "{path}");
        // The same without the version is found, too, and asked again.
        let plain = format!("/ui/{}", path.splitn(4, '/').nth(3).unwrap());
        let asked = house.get(&plain, &[]);
        assert_eq!((asked.status, asked.header("cache-control")), (200, "no-cache"));
        assert_eq!(asked.header("etag"), asset.header("etag"));
    }
}

#[test]
fn browsers_that_understand_gzip_get_less() {
    let house = House::open();
    let path = "/ui/vendor/uPlot.esm.js";
    let plain = house.get(path, &[("accept-encoding", "identity")]);
    let small = house.get(path, &[("accept-encoding", "br, gzip")]);
    assert_eq!((plain.header("content-encoding"), small.header("content-encoding")), ("", "gzip"));
    assert!(small.bytes.len() * 3 < plain.bytes.len(), "{} bytes", small.bytes.len());
    assert_eq!(small.header("vary"), "accept-encoding");
    assert_ne!(small.header("etag"), plain.header("etag"));
    let refused = house.get(path, &[("accept-encoding", "gzip;q=0")]);
    assert_eq!(refused.bytes, plain.bytes);
    let known = [("accept-encoding", "gzip"), ("if-none-match", small.header("etag"))];
    assert_eq!(house.get(path, &known).status, 304);
}

#[test]
fn what_is_not_there_is_a_problem() {
    let house = House::open();
    for path in ["/ui/nothing.js", "/ui/0123456789abcdef/main.js", "/ui/%2e%2e/web.rs", "/ui//"] {
        let heard = house.get(path, &[]);
        assert_eq!(heard.status, 404, "{path}");
        assert_eq!(heard.header("content-type"), "application/problem+json", "{path}");
        assert_eq!(heard.json()["type"], "urn:jeton:problem:not-found");
    }
    let unreadable = house.get("/ui/%ff", &[]);
    assert_eq!(unreadable.header("content-type"), "application/problem+json");
    assert_eq!(house.ask("POST", "/ui/main.js", &[], "").status, 405);
}

#[test]
fn forms_follow_the_schema_that_the_command_prints() {
    let house = House::open();
    let heard = house.get("/v1/schemas/campaign", &[]);
    assert_eq!((heard.status, heard.header("content-type")), (200, "application/schema+json"));
    assert_eq!(heard.json(), jeton::catalog::document::schema());
    // The form of an order takes its fields from here.
    let openapi = house.get("/openapi.json", &[]).json();
    assert!(openapi["components"]["schemas"]["OrderBody"]["properties"]["total"].is_object());
}

/// What the pages say in a language, by key.
fn dictionary(tag: &str) -> BTreeMap<String, String> {
    let path = folder().join(format!("dictionary/{tag}.json"));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn the_dictionaries_say_the_same() {
    let english = dictionary("en");
    let blanks = |text: &str| -> BTreeSet<String> {
        let parts = text.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
        parts.map(|(name, _)| name.to_owned()).collect()
    };
    for tag in ["de", "cs"] {
        let other = dictionary(tag);
        assert!(english.keys().eq(other.keys()), "{tag} has other keys than en");
        for (key, text) in &english {
            assert!(!other[key].trim().is_empty(), "{tag}: {key} says nothing");
            assert_eq!(blanks(text), blanks(&other[key]), "{tag}: {key}");
        }
    }
    for (name, text) in modules() {
        for key in quoted(&text, "t(\"") {
            let is_key = key.contains('.')
                && key.chars().all(|c| c.is_ascii_lowercase() || ".:_".contains(c));
            let begins =
                text.contains(&format!(" t(\"{key}")) || text.contains(&format!("(t(\"{key}"));
            assert!(
                !is_key || !begins || english.contains_key(key),
                "{name}: {key} is in no dictionary"
            );
        }
    }
}

#[test]
fn every_key_is_said_somewhere() {
    let english = dictionary("en");
    let all: String = modules().map(|(_, text)| text).collect();
    let said: BTreeSet<&str> = all.split('"').collect();
    // Keys that are put together begin with what stands before the first blank.
    let is_stem = |stem: &String| {
        stem.contains('.') && stem.chars().all(|c| c.is_ascii_lowercase() || "._".contains(c))
    };
    let composed = all.split('`').filter_map(|text| Some(text.split_once("${")?.0.to_owned()));
    let groups = quoted(&all, "named(\"").into_iter().map(|group| format!("{group}."));
    let stems: BTreeSet<String> = composed.filter(is_stem).chain(groups).collect();
    for key in english.keys() {
        let is_composed = stems.iter().any(|stem| key.starts_with(stem));
        assert!(is_composed || said.contains(key.as_str()), "nothing says {key}");
    }
    for stem in &stems {
        assert!(english.keys().any(|key| key.starts_with(stem)), "no key begins with {stem}");
    }
}

#[test]
fn every_module_that_is_imported_exists() {
    let house = House::open();
    let mut imported = BTreeSet::new();
    for (name, text) in modules() {
        for from in quoted(&text, "from \"") {
            assert!(from.starts_with('.'), "{name} imports {from}");
            let mut path: Vec<&str> = name.split('/').collect();
            path.pop();
            for part in from.split('/') {
                match part {
                    "." => {}
                    ".." => drop(path.pop()),
                    part => path.push(part),
                }
            }
            imported.insert((name.clone(), path.join("/")));
        }
    }
    assert!(imported.len() > 50, "{}", imported.len());
    for (name, path) in &imported {
        let heard = house.get(&format!("/ui/{path}"), &[]);
        assert_eq!(heard.status, 200, "{name} imports {path}");
        assert_eq!(heard.header("content-type"), "text/javascript; charset=utf-8");
    }
    let paths: BTreeSet<&String> = imported.iter().map(|(_, path)| path).collect();
    for (name, _) in modules() {
        assert!(name == "main.js" || paths.contains(&name), "nothing imports {name}");
    }
}

#[test]
fn no_file_mentions_another_host_or_brings_in_markup() {
    /// The name of a format, not a place.
    const SVG: &str = "http://www.w3.org/2000/svg";
    for (name, text) in files() {
        let text = text.replace(SVG, "");
        let code = text.lines().filter(|line| {
            let line = line.trim_start();
            !(name.starts_with("vendor/") && (line.starts_with('*') || line.starts_with("//")))
        });
        for line in code {
            let elsewhere = line.contains("http://") || line.contains("https://");
            assert!(!elsewhere, "{name} mentions another host: {line}");
        }
    }
    const NEVER: [&str; 8] = [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "globalThis.",
        "window.",
    ];
    for (name, text) in modules() {
        for word in NEVER {
            assert!(!text.contains(word), "{name} uses {word}");
        }
        assert!(text.starts_with("// "), "{name} does not say what it is");
        assert!(text.lines().count() <= LINES_MAX, "{name} is too long");
    }
    let shell = &files()["index.html"];
    for inline in ["<style", "style=", "onload=", "onclick="] {
        assert!(!shell.contains(inline), "the shell has {inline}");
    }
}

#[test]
fn what_history_shows_can_be_given_back() {
    let house = House::open();
    let campaign = json!({
        "id": "ten", "kind": "pass", "uses": 10, "units": {"min": 1, "max": 5},
    });
    let put = house.act(Role::Office, "PUT", "/v1/campaigns/ten", "", &campaign);
    assert_eq!(put.status, 200, "{}", put.text());
    let code = json!({"campaign": "ten", "code": "TEN-ENTRIES"});
    house.act(Role::Office, "POST", "/v1/codes", "own", &code);
    let ask = json!({"code": "TEN-ENTRIES", "order": {"units": 4, "gate": "north"}});
    let used = house.act(Role::Gate, "POST", "/v1/redeem", "party", &ask).json();
    assert_eq!(used["ok"], true, "{used}");

    let look = json!({"code": "TEN-ENTRIES"});
    let history = house.act(Role::Office, "POST", "/v1/codes/history", "", &look).json();
    let posting = history["events"][0]["posting"].as_str().unwrap();
    let path = format!("/v1/postings/{posting}/release");
    let release = |role, path: &str, key: &str, body: &Value| {
        let heard = house.act(role, "POST", path, key, body);
        (heard.status, heard.json())
    };
    for _ in 0..2 {
        let (_, one) = release(Role::Office, &path, "first", &json!({"part": 1}));
        assert_eq!((&one["ok"], &one["live"]), (&json!(true), &json!(3)), "{one}");
        assert_eq!(one["id"], Value::Null, "the id of the request is the gate's own");
    }
    let (_, over) = release(Role::Office, &path, "second", &json!({"part": 4}));
    assert_eq!(over["reason"], "release_exceeds");
    let (_, rest) = release(Role::Office, &path, "third", &json!({}));
    assert_eq!((&rest["ok"], &rest["live"]), (&json!(true), &json!(0)), "{rest}");
    let page = house.act(Role::Office, "POST", "/v1/codes/lookup", "", &look).json();
    assert_eq!(page["used"], 0);

    let unknown = format!("/v1/postings/{}/release", "0".repeat(32));
    for path in [unknown.as_str(), "/v1/postings/nonsense/release"] {
        let (status, no) = release(Role::Office, path, "fourth", &json!({}));
        assert_eq!((status, &no["reason"]), (200, &json!("redemption_not_found")));
    }
    let pool = json!({"name": "pool", "role": "office", "tenant": "pool"});
    let pool = house.act(Role::Admin, "POST", "/v1/tokens", "", &pool).json();
    let token = format!("Bearer {}", pool["token"].as_str().unwrap());
    let headers = [("authorization", token.as_str()), ("idempotency-key", "theirs")];
    let no = house.ask("POST", &path, &headers, "{}").json();
    assert_eq!(no["reason"], "redemption_not_found", "{no}");
    for role in [Role::Gate, Role::Checkout, Role::Monitor] {
        assert_eq!(release(role, &path, "fifth", &json!({})).0, 403, "{role}");
    }
    assert_eq!(release(Role::Office, &path, "sixth", &json!({"part": 0})).0, 422);
}
