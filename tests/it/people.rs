//! People: how they sign in and out over HTTP, what keeps others from doing it in their place, and
//! what ends their sessions.

mod nodes;
mod places;
mod program;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use jeton::auth::guess::{GuessLimits, GuessOptions};
use jeton::auth::role::Role;
use jeton::testing::{BoxOptions, ManualClock, ServerBox};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use ureq::Agent;
use ureq::http::Request;

use crate::house::{NOON, moment};

const PASSWORD: &str = "sailing by the sea";

const HOUR_MS: i64 = 3_600_000;

/// A server with a clock that stands still, and its administrator's token.
struct Desk {
    agent: Agent,
    server: ServerBox,
    admin: String,
    clock: ManualClock,
    options: BoxOptions,
    runtime: Runtime,
    dir: tempfile::TempDir,
}

/// What was heard.
#[derive(Debug, PartialEq, Eq)]
struct Heard {
    status: u16,
    set_cookie: Option<String>,
    text: String,
}

impl Heard {
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    #[track_caller]
    fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }
}

/// Somebody's browser: a cookie, and what its page knows.
#[derive(Debug, Clone)]
struct Browser {
    cookie: String,
    csrf: String,
    session: Value,
}

impl Browser {
    #[track_caller]
    fn of(heard: &Heard) -> Self {
        let set = heard.set_cookie.as_deref().unwrap_or_else(|| panic!("no cookie: {heard:?}"));
        let cookie = set.split(';').next().unwrap().to_owned();
        let session = heard.json();
        Self { cookie, csrf: session["csrf"].as_str().unwrap().to_owned(), session }
    }

    fn headers(&self) -> [(&str, &str); 2] {
        [("cookie", &self.cookie), ("x-csrf-token", &self.csrf)]
    }
}

impl Desk {
    fn open() -> Self {
        Self::open_with(GuessOptions::default())
    }

    fn open_with(guess: GuessOptions) -> Self {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).enable_all().build().unwrap();
        let clock = ManualClock::at(moment(NOON));
        let options =
            BoxOptions { http: true, guess, clock: clock.clock(), ..BoxOptions::default() };
        let dir = tempfile::tempdir().unwrap();
        let server = runtime.block_on(ServerBox::start(dir.path(), options.clone())).unwrap();
        let admin = server.token(Role::Admin).unwrap();
        Self { agent: agent(), server, admin, clock, options, runtime, dir }
    }

    fn address(&self) -> SocketAddr {
        self.server.server.http_address().unwrap()
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Heard {
        ask(&self.agent, self.address(), method, path, headers, body)
    }

    /// As the administrator with a token.
    fn admin(&self, method: &str, path: &str, body: &Value) -> Heard {
        let bearer = format!("Bearer {}", self.admin);
        self.ask(method, path, &[("authorization", &bearer)], &body.to_string())
    }

    /// As somebody who has signed in.
    fn by(&self, browser: &Browser, method: &str, path: &str, body: &Value) -> Heard {
        self.ask(method, path, &browser.headers(), &body.to_string())
    }

    #[track_caller]
    fn user(&self, name: &str, more: &Value) -> Value {
        let mut wish = json!({"name": name, "password": PASSWORD, "role": "office"});
        for (key, value) in more.as_object().unwrap() {
            wish[key] = value.clone();
        }
        self.admin("POST", "/v1/users", &wish).is(200).json()
    }

    fn try_sign_in(&self, name: &str, password: &str) -> Heard {
        let body = json!({"name": name, "password": password});
        self.ask("POST", "/v1/session", &[], &body.to_string())
    }

    #[track_caller]
    fn sign_in(&self, name: &str) -> Browser {
        Browser::of(&self.try_sign_in(name, PASSWORD).is(200))
    }

    /// Who the service says this is: 200 or 401.
    fn status(&self, browser: &Browser) -> u16 {
        self.by(browser, "GET", "/v1/session", &Value::Null).status
    }
}

fn agent() -> Agent {
    Agent::config_builder().http_status_as_error(false).proxy(None).build().new_agent()
}

fn ask(
    agent: &Agent,
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Heard {
    let mut request = Request::builder().method(method).uri(format!("http://{address}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let sent = match method {
        "GET" | "DELETE" => agent.run(request.body(()).unwrap()),
        _ => agent.run(request.body(body.to_owned()).unwrap()),
    };
    let mut response = sent.unwrap();
    let set_cookie = response.headers().get("set-cookie");
    Heard {
        status: response.status().as_u16(),
        set_cookie: set_cookie.map(|value| value.to_str().unwrap().to_owned()),
        text: response.body_mut().read_to_string().unwrap(),
    }
}

#[test]
fn signing_in_gives_a_session_in_a_cookie_and_nothing_secret() {
    let desk = Desk::open();
    let made = desk.user("Anna", &json!({"language": "de"}));
    assert_eq!((&made["name"], &made["sessions"]), (&json!("anna"), &json!(0)));
    let heard = desk.try_sign_in("ANNA", PASSWORD).is(200);
    let set = heard.set_cookie.clone().unwrap();
    let (text, flags) = set.split_once("; ").unwrap();
    assert_eq!(flags, "Path=/; HttpOnly; SameSite=Strict; Max-Age=43200");
    let secret = text.strip_prefix("jeton_session=jts_").unwrap();
    assert!(secret.len() == 64 && !heard.text.contains(secret));

    let anna = Browser::of(&heard);
    let told = desk.by(&anna, "GET", "/v1/session", &Value::Null).is(200).json();
    assert_eq!(told, anna.session, "asking changes nothing");
    let expected = json!({
        "name": "anna", "tenant": "park", "role": "office", "properties": [], "language": "de",
        "csrf": anna.csrf, "expires_at": "2026-06-15T22:00:00.000Z",
        "may": ["validate", "redeem", "hold", "issue", "status", "read_catalog", "write_catalog",
            "events"],
    });
    assert_eq!(told, expected);

    let behind_tls = desk.ask(
        "POST",
        "/v1/session",
        &[("x-forwarded-proto", "https")],
        &json!({"tenant": "park", "name": "anna", "password": PASSWORD}).to_string(),
    );
    assert!(behind_tls.set_cookie.unwrap().ends_with("; Secure"));
    let users = desk.admin("GET", "/v1/users", &Value::Null).is(200);
    assert_eq!(users.json()[0]["sessions"], 2);
    let tokens = desk.admin("GET", "/v1/tokens", &Value::Null).is(200);
    assert_eq!(tokens.json().as_array().unwrap().len(), 1, "sessions are no tokens");
    let audit = desk.admin("GET", "/v1/audit", &Value::Null).is(200);
    assert!(audit.text.contains("user anna: made for urn:jeton:tenant:park:role:office:name:anna"));
    for heard in [users, tokens, audit] {
        assert!(!heard.text.contains("argon2") && !heard.text.contains(PASSWORD), "{heard:?}");
    }
    // The secret is for the cookie alone.
    let bearer = format!("Bearer jts_{secret}");
    desk.ask("GET", "/v1/session", &[("authorization", &bearer)], "").is(401);
    let token = desk.admin("GET", "/v1/session", &Value::Null).is(200).json();
    assert_eq!((&token["role"], token.get("csrf")), (&json!("admin"), None));
}

#[test]
fn what_changes_something_needs_the_sessions_csrf_and_a_page_of_our_own() {
    let desk = Desk::open();
    desk.user("anna", &json!({"role": "admin"}));
    let (anna, other) = (desk.sign_in("anna"), desk.sign_in("anna"));
    let cookie = ("cookie", anna.cookie.as_str());
    let wish = json!({"name": "north", "role": "gate"}).to_string();
    let post = |headers: &[(&str, &str)]| {
        desk.ask("POST", "/v1/tokens", &[&[cookie], headers].concat(), &wish)
    };
    for headers in [&[][..], &[("x-csrf-token", "")], &[("x-csrf-token", &other.csrf)]] {
        let heard = post(headers).is(403);
        assert!(heard.text.contains("X-CSRF-Token"), "{heard:?}");
    }
    let csrf = ("x-csrf-token", anna.csrf.as_str());
    let own = format!("http://{}", desk.address());
    for foreign in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
        assert!(post(&[csrf, foreign]).is(403).text.contains("another origin"));
    }
    assert_eq!(desk.admin("GET", "/v1/tokens", &Value::Null).json().as_array().unwrap().len(), 1);
    post(&[csrf]).is(200);
    post(&[csrf, ("origin", &own), ("sec-fetch-site", "same-origin")]).is(200);
    desk.ask("DELETE", "/v1/session", &[cookie], "").is(403);
    desk.ask("PUT", "/v1/users/anna", &[cookie], "{}").is(403);
    desk.ask("GET", "/v1/tokens", &[cookie], "").is(200);

    let body = json!({"name": "anna", "password": PASSWORD}).to_string();
    let foreign = [("origin", "https://evil.example")];
    let heard = desk.ask("POST", "/v1/session", &foreign, &body).is(403);
    assert_eq!(heard.set_cookie, None, "nobody is signed in by somebody else's page");
}

#[test]
fn signing_out_ends_one_session_at_once() {
    let desk = Desk::open();
    desk.user("anna", &json!({}));
    let (here, there) = (desk.sign_in("anna"), desk.sign_in("anna"));
    let heard = desk.by(&here, "DELETE", "/v1/session", &Value::Null).is(204);
    let set = heard.set_cookie.unwrap();
    assert!(set.starts_with("jeton_session=; ") && set.contains("Max-Age=0"), "{set}");
    assert_eq!((desk.status(&here), desk.status(&there)), (401, 200));
    desk.by(&here, "DELETE", "/v1/session", &Value::Null).is(401);
    desk.admin("DELETE", "/v1/session", &Value::Null).is(404);
}

#[test]
fn a_stream_ends_with_its_session() {
    let desk = Desk::open();
    desk.user("anna", &json!({}));
    let anna = desk.sign_in("anna");
    let mut stream = std::net::TcpStream::connect(desk.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let head = "GET /v1/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncookie:";
    write!(stream, "{head} {}\r\n\r\n", anna.cookie).unwrap();
    let mut begun = [0; 15];
    stream.read_exact(&mut begun).unwrap();
    assert_eq!(&begun, b"HTTP/1.1 200 OK");
    desk.by(&anna, "DELETE", "/v1/session", &Value::Null).is(204);
    let mut rest = String::new();
    stream.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("event: history"), "{rest}");
}

#[test]
fn guessing_is_locked_out_by_name_and_by_address_and_tells_nothing() {
    let limits = GuessLimits { burst: 3, refill_ms: 60_000, ..GuessLimits::PUBLIC };
    let desk = Desk::open_with(GuessOptions { public: limits, ..GuessOptions::default() });
    desk.user("anna", &json!({}));
    desk.user("otto", &json!({}));
    let from =
        |last: u8, name: &str, password: &str| sign_in_from(desk.address(), last, name, password);
    // Alternating addresses, so that only the name's budget runs out; a name that is not there
    // fares alike.
    for name in ["anna", "nobody"] {
        let mut heard = Vec::new();
        for round in 0..4 {
            heard.push(from(if name == "anna" { 10 } else { 20 } + round, name, "wrong password"));
        }
        let statuses: Vec<u16> = heard.iter().map(|(status, _)| *status).collect();
        assert_eq!(statuses, [401, 401, 401, 429], "{name}");
        assert!(heard[3].1.contains("retry-after: 60"), "{}", heard[3].1);
        assert!(!heard.iter().any(|(_, text)| text.contains(name)), "{heard:?}");
    }
    assert_eq!(from(30, "anna", PASSWORD).0, 429, "even the right one, lest it be found");
    assert_eq!(from(30, "otto", PASSWORD).0, 200);
    // One address that tries many names.
    for name in ["a", "b", "c"] {
        assert_eq!(from(40, name, "wrong password").0, 401);
    }
    assert_eq!(from(40, "otto", PASSWORD).0, 429);
    assert_eq!(from(41, "otto", PASSWORD).0, 200);
    desk.clock.advance(61_000);
    assert_eq!(from(40, "otto", PASSWORD).0, 200);
    assert_eq!(from(30, "anna", PASSWORD).0, 200);
}

#[test]
fn a_new_password_ends_a_lock_out_but_not_where_the_name_is_somebody_elses_too() {
    let limits = GuessLimits { burst: 3, refill_ms: 60_000, ..GuessLimits::PUBLIC };
    let desk = Desk::open_with(GuessOptions { public: limits, ..GuessOptions::default() });
    desk.user("anna", &json!({}));
    let password = json!({ "password": "another one by far" });
    let lock_out = |from: u8| {
        for last in from..from + 3 {
            assert_eq!(sign_in_from(desk.address(), last, "anna", "wrong password").0, 401);
        }
        let (status, text) = sign_in_from(desk.address(), from + 3, "anna", PASSWORD);
        assert!(status == 429 && text.contains("jeton user password name"), "{text}");
    };
    lock_out(10);
    desk.admin("PUT", "/v1/users/anna", &json!({"role": "monitor"})).is(200);
    assert_eq!(
        sign_in_from(desk.address(), 13, "anna", PASSWORD).0,
        429,
        "this was no new password"
    );
    desk.admin("PUT", "/v1/users/anna", &password).is(200);
    assert_eq!(sign_in_from(desk.address(), 13, "anna", "another one by far").0, 200);

    let twin = json!({"tenant": "pool", "name": "anna", "password": PASSWORD, "role": "office"});
    desk.admin("POST", "/v1/users", &twin).is(200);
    lock_out(20);
    desk.admin("PUT", "/v1/users/anna", &password).is(200);
    assert_eq!(sign_in_from(desk.address(), 23, "anna", PASSWORD).0, 429);
}

#[test]
fn wrong_tokens_and_codes_from_an_address_keep_nobody_there_from_signing_in() {
    let limits = GuessLimits { burst: 3, refill_ms: 60_000, ..GuessLimits::PUBLIC };
    let desk = Desk::open_with(GuessOptions { public: limits, ..GuessOptions::default() });
    desk.user("anna", &json!({}));
    let shop = desk.server.token(Role::Public).unwrap();
    let validate = |token: &str| {
        let bearer = format!("Bearer {token}");
        let body = json!({"code": "NO-SUCH-CODE"}).to_string();
        desk.ask("POST", "/v1/validate", &[("authorization", &bearer)], &body)
    };
    for _ in 0..3 {
        desk.try_sign_in("nobody", PASSWORD).is(401);
    }
    let heard = desk.try_sign_in("anna", PASSWORD).is(429);
    assert!(heard.text.contains("from this address"), "{heard:?}");
    validate("jtn_0").is(401);
    desk.clock.advance(180_000);
    for _ in 0..3 {
        validate(&shop).is(200);
    }
    validate("jtn_0").is(429);
    desk.sign_in("anna");
}

/// Signs in from 127.0.0.`last`; the status and all that was heard, in lower case.
fn sign_in_from(server: SocketAddr, last: u8, name: &str, password: &str) -> (u16, String) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0)).into()).unwrap();
    socket.connect(&server.into()).unwrap();
    let mut stream = std::net::TcpStream::from(socket);
    let body = json!({"name": name, "password": password}).to_string();
    let head = "POST /v1/session HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length:";
    write!(stream, "{head} {}\r\n\r\n{body}", body.len()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let status = text.split(' ').nth(1).unwrap().parse().unwrap();
    (status, text.to_lowercase())
}

#[test]
fn a_wrong_name_takes_as_long_as_a_wrong_password() {
    let generous = GuessLimits { burst: 10_000, ..GuessLimits::PUBLIC };
    let desk = Desk::open_with(GuessOptions { public: generous, ..GuessOptions::default() });
    desk.user("anna", &json!({}));
    desk.user("otto", &json!({}));
    desk.admin("PUT", "/v1/users/otto", &json!({"disabled": true})).is(200);
    let names = ["anna", "nobody", "otto", "no name at all"];
    let mut shortest = [Duration::MAX; 4];
    let is_alike = |shortest: &[Duration; 4]| {
        let known = shortest[0].as_secs_f64();
        shortest.iter().all(|took| (0.5..2.0).contains(&(took.as_secs_f64() / known)))
    };
    // In turns, and again while the machine is busy with something else: the shortest times only
    // become truer.
    for round in 0..60 {
        for (name, shortest) in names.iter().zip(&mut shortest) {
            let begun = Instant::now();
            desk.try_sign_in(name, "wrong password").is(401);
            *shortest = begun.elapsed().min(*shortest);
        }
        if round >= 4 && is_alike(&shortest) {
            return;
        }
    }
    panic!("{names:?} took {shortest:?}");
}

#[test]
fn another_password_ends_all_other_sessions() {
    let desk = Desk::open();
    desk.user("anna", &json!({}));
    let (here, there) = (desk.sign_in("anna"), desk.sign_in("anna"));
    let change = |old: &str, new: &str| {
        desk.by(&here, "PUT", "/v1/session/password", &json!({"old": old, "new": new}))
    };
    for (new, why) in
        [("short", "too short"), ("ANNA      ", "name"), ("control\u{7}s!", "control")]
    {
        let heard = change(PASSWORD, new).is(422).json();
        assert_eq!(heard["errors"][0]["path"], "new");
        assert!(heard["detail"].as_str().unwrap().contains(why), "{heard}");
    }
    change(PASSWORD, &"x".repeat(257)).is(422);
    change("not the old one", "the new one!").is(401);
    assert_eq!((desk.status(&here), desk.status(&there)), (200, 200));

    let after = Browser::of(&change(PASSWORD, "über den Wölken").is(200));
    assert_ne!((&after.cookie, &after.csrf), (&here.cookie, &here.csrf));
    let statuses = [&here, &there, &after].map(|browser| desk.status(browser));
    assert_eq!(statuses, [401, 401, 200]);
    desk.try_sign_in("anna", PASSWORD).is(401);
    desk.try_sign_in("anna", "u\u{308}ber den Wo\u{308}lken").is(200);
    let audit = desk.admin("GET", "/v1/audit", &Value::Null).json();
    assert!(audit["entries"][0]["what"].as_str().unwrap().contains("own password changed"));
    assert_eq!(audit["entries"][0]["who"], "park/office/anna");
}

#[test]
fn changing_disabling_and_removing_a_user_ends_her_sessions() {
    let desk = Desk::open();
    desk.user("anna", &json!({}));
    let put = |change: Value| desk.admin("PUT", "/v1/users/anna", &change).is(200).json();
    let anna = desk.sign_in("anna");
    put(json!({}));
    assert_eq!(put(json!({"language": "cs"}))["language"], "cs");
    assert_eq!(put(json!({"language": ""})).get("language"), None);
    assert_eq!(desk.status(&anna), 200, "nothing of her rights was changed");
    for change in [
        json!({"role": "monitor"}),
        json!({"properties": ["aqua"]}),
        json!({"properties": [], "role": "office"}),
        json!({"password": PASSWORD}),
        json!({"disabled": true}),
    ] {
        let anna = desk.sign_in("anna");
        assert_eq!(desk.status(&anna), 200);
        put(change.clone());
        assert_eq!(desk.status(&anna), 401, "{change}");
    }
    desk.try_sign_in("anna", PASSWORD).is(401);
    put(json!({"disabled": false}));
    let anna = desk.sign_in("anna");
    assert_eq!(desk.admin("DELETE", "/v1/users/anna", &Value::Null).is(200).json()["name"], "anna");
    assert_eq!(desk.status(&anna), 401);
    desk.try_sign_in("anna", PASSWORD).is(401);
    desk.admin("DELETE", "/v1/users/anna", &Value::Null).is(404);
    desk.admin("PUT", "/v1/users/anna", &json!({})).is(404);
    desk.user("anna", &json!({}));
    assert_eq!(desk.status(&anna), 401, "a new user has no sessions of an old one");
    let audit = desk.admin("GET", "/v1/audit", &Value::Null).text;
    for what in ["role monitor", "properties aqua", "password set", "disabled", "removed"] {
        assert!(audit.contains(what), "{what}: {audit}");
    }
}

#[test]
fn an_administrator_does_not_lock_herself_out() {
    let desk = Desk::open();
    desk.user("root", &json!({"role": "admin"}));
    let root = desk.sign_in("root");
    for change in
        [json!({"disabled": true}), json!({"role": "office"}), json!({"properties": ["a"]})]
    {
        desk.by(&root, "PUT", "/v1/users/root", &change).is(409);
    }
    desk.by(&root, "DELETE", "/v1/users/root", &Value::Null).is(409);
    desk.by(&root, "PUT", "/v1/users/root", &json!({"language": "en"})).is(200);
    desk.by(
        &root,
        "POST",
        "/v1/users",
        &json!({"name": "root", "password": PASSWORD, "role": "gate"}),
    )
    .is(409);
    desk.user("anna", &json!({}));
    let anna = desk.sign_in("anna");
    desk.by(&anna, "GET", "/v1/users", &Value::Null).is(403);
    desk.by(&anna, "PUT", "/v1/users/anna", &json!({"role": "admin"})).is(403);
}

#[test]
fn a_user_has_at_most_twenty_sessions_and_they_last_twelve_hours() {
    let desk = Desk::open();
    desk.user("anna", &json!({}));
    let mut browsers = Vec::new();
    for _ in 0..21 {
        browsers.push(desk.sign_in("anna"));
        desk.clock.advance(1_000);
    }
    let in_force = browsers.iter().filter(|browser| desk.status(browser) == 200).count();
    assert_eq!((desk.status(&browsers[0]), in_force), (401, 20));
    assert_eq!(desk.server.engine.tokens().unwrap().len(), 2 + 20, "a token, a user, sessions");
    desk.clock.advance(12 * HOUR_MS - 1_500);
    assert_eq!(desk.status(&browsers[19]), 401);
    assert_eq!(desk.status(&browsers[20]), 200);
    desk.server.server.shared().access.sweep();
    assert_eq!(desk.server.engine.tokens().unwrap().len(), 2 + 1);
    assert_eq!(desk.status(&browsers[20]), 200);
}

#[test]
fn hostile_input_is_refused_and_harms_nobody() {
    let desk = Desk::open_with(GuessOptions {
        public: GuessLimits { burst: 1_000, ..GuessLimits::PUBLIC },
        ..GuessOptions::default()
    });
    desk.user("anna", &json!({}));
    let huge = "x".repeat(900_000);
    for name in ["", "\0", "anna\0", "anna\r\nset-cookie: a=b", "аnna", "annä", "🎟", " anna", &huge]
    {
        let heard = desk.try_sign_in(name, PASSWORD).is(401);
        assert!(heard.text.len() < 1_000 && heard.set_cookie.is_none());
        let wish = json!({"name": name, "password": PASSWORD, "role": "office"});
        let heard = desk.admin("POST", "/v1/users", &wish).is(422);
        assert!(heard.text.len() < 1_000, "what is far too long is not repeated");
        assert_eq!(heard.json()["errors"][0]["path"], "name");
    }
    for password in ["", "\0", &huge, &format!("{PASSWORD}\0")] {
        desk.try_sign_in("anna", password).is(401);
    }
    for tenant in ["", "Park", "pool", "\0", &huge] {
        let body = json!({"tenant": tenant, "name": "anna", "password": PASSWORD}).to_string();
        desk.ask("POST", "/v1/session", &[], &body).is(401);
    }
    for body in ["", "{}", "[]", "null", r#"{"name": ["anna"], "password": {}}"#, "{\"name\":"] {
        desk.ask("POST", "/v1/session", &[], body).is(400);
    }
    let body = json!({"name": "anna", "password": PASSWORD}).to_string();
    let form = [("content-type", "application/x-www-form-urlencoded")];
    desk.ask("POST", "/v1/session", &form, &body).is(415);
    let zeros = format!("jeton_session=jts_{}", "0".repeat(64));
    for cookie in
        ["jeton_session=", "jeton_session=jts_", &zeros, "jeton_session=\u{1}", &huge[..9_000]]
    {
        let heard = ask_raw(&desk, cookie);
        assert!(["401", "400"].contains(&heard.split(' ').nth(1).unwrap()), "{heard}");
    }
    let long: Vec<String> = (0..65).map(|number| format!("p{number}")).collect();
    for (change, path) in [
        (json!({"role": "public"}), "role"),
        (json!({"role": huge}), "role"),
        (json!({"properties": [huge]}), "properties[0]"),
        (json!({"properties": ["aqua", ""]}), "properties[1]"),
        (json!({"properties": long}), "properties"),
        (json!({"language": "deutsch"}), "language"),
        (json!({"password": "anna"}), "password"),
    ] {
        let heard = desk.admin("PUT", "/v1/users/anna", &change).is(422);
        assert_eq!(heard.json()["errors"][0]["path"], path);
        assert!(heard.text.len() < 1_000);
    }
    desk.admin("PUT", "/v1/users/anna", &json!({"name": "otto"})).is(400);
    desk.admin("DELETE", "/v1/users/%00", &Value::Null).is(404);
    desk.admin("GET", "/v1/users/anna", &Value::Null).is(405);
    assert_eq!(desk.status(&desk.sign_in("anna")), 200);
}

/// Asks with a cookie that no client library lets pass.
fn ask_raw(desk: &Desk, cookie: &str) -> String {
    let mut stream = std::net::TcpStream::connect(desk.address()).unwrap();
    let head = "GET /v1/session HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncookie:";
    write!(stream, "{head} {cookie}\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn many_at_once_are_let_in_one_after_the_other() {
    let desk = Desk::open();
    desk.user("anna", &json!({}));
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let begin = || scope.spawn(|| desk.try_sign_in("anna", PASSWORD).status);
        let all: Vec<_> = (0..12).map(|_| begin()).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(statuses, [200; 12]);
    // Wrong ones at once get no more tries than one after the other, but those under way.
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let begin = || scope.spawn(|| desk.try_sign_in("anna", "wrong password").status);
        let all: Vec<_> = (0..40).map(|_| begin()).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let tried = statuses.iter().filter(|status| **status == 401).count();
    assert!((10..=14).contains(&tried), "{tried} of {statuses:?}");
    assert!(statuses.iter().all(|status| [401, 429].contains(status)), "{statuses:?}");
}
