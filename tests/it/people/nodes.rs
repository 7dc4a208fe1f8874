//! Sessions over restarts, and on several nodes over one Redis.

use std::time::{Duration, Instant};

use jeton::auth::role::Role;
use jeton::ledger::Durability;
use jeton::testing::servers::{RedisOptions, RedisServer};
use jeton::testing::{BoxOptions, RedisStore, ServerBox};
use serde_json::{Value, json};

use super::{Browser, Desk, PASSWORD, agent, ask, sign_in_from};
use crate::house::block_on;

/// How soon all nodes know what one was told.
const SOON: Duration = Duration::from_secs(2);

impl Desk {
    /// Stops the server and starts it again over the same stores.
    fn restart(self) -> Self {
        let Self { agent, server, admin, clock, options, runtime, dir } = self;
        let server = runtime.block_on(async {
            server.stop().await;
            ServerBox::start(dir.path(), options.clone()).await.unwrap()
        });
        Self { agent, server, admin, clock, options, runtime, dir }
    }
}

#[test]
fn sessions_outlive_a_restart_and_those_that_ended_do_not_come_back() {
    let desk = Desk::open();
    desk.user("anna", &json!({"properties": ["aqua", "dry"], "language": "de"}));
    desk.user("otto", &json!({}));
    desk.user("away", &json!({}));
    let (stays, leaves) = (desk.sign_in("anna"), desk.sign_in("anna"));
    let (otto, away) = (desk.sign_in("otto"), desk.sign_in("away"));
    desk.by(&leaves, "DELETE", "/v1/session", &Value::Null).is(204);
    desk.admin("PUT", "/v1/users/otto", &json!({"disabled": true})).is(200);
    desk.admin("DELETE", "/v1/users/away", &Value::Null).is(200);
    let before = desk.admin("GET", "/v1/users", &Value::Null).json();

    let desk = desk.restart();
    assert_eq!(desk.admin("GET", "/v1/users", &Value::Null).json(), before);
    let told = desk.by(&stays, "GET", "/v1/session", &Value::Null).is(200).json();
    assert_eq!(told, stays.session);
    for gone in [&leaves, &otto, &away] {
        assert_eq!(desk.status(gone), 401, "{gone:?}");
    }
    desk.by(&stays, "DELETE", "/v1/session", &Value::Null).is(204);
    let desk = desk.restart();
    assert_eq!(desk.status(&stays), 401);
    desk.try_sign_in("otto", PASSWORD).is(401);
    desk.sign_in("anna");
}

#[test]
fn what_one_node_knows_of_people_all_know_soon() {
    let redis = RedisServer::start(&RedisOptions::default()).unwrap();
    block_on(async {
        let store = RedisStore::initialise(redis.url(), 4).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let options = || BoxOptions {
            redis: Some(store.clone()),
            durability: Durability::RedisAsIs,
            http: true,
            ..BoxOptions::default()
        };
        let mut boxes = Vec::new();
        for _ in 0..2 {
            boxes.push(ServerBox::start(dir.path(), options()).await.unwrap());
        }
        let addresses: Vec<_> =
            boxes.iter().map(|one| one.server.http_address().unwrap()).collect();
        let token = boxes[0].token(Role::Admin).unwrap();
        let tested = tokio::task::spawn_blocking(move || two_nodes(&addresses, &token));
        tested.await.unwrap();
    });
}

fn two_nodes(addresses: &[std::net::SocketAddr], token: &str) {
    let agent = agent();
    let bearer = format!("Bearer {token}");
    let admin = |node: usize, method: &str, path: &str, body: &Value| {
        let headers = [("authorization", bearer.as_str())];
        ask(&agent, addresses[node], method, path, &headers, &body.to_string())
    };
    let sign_in = |node: usize| {
        let body = json!({"name": "anna", "password": PASSWORD}).to_string();
        ask(&agent, addresses[node], "POST", "/v1/session", &[], &body)
    };
    let by = |node: usize, browser: &Browser, method: &str| {
        ask(&agent, addresses[node], method, "/v1/session", &browser.headers(), "").status
    };
    let soon = |what: &str, is_so: &dyn Fn() -> bool| {
        let begun = Instant::now();
        while !is_so() {
            assert!(begun.elapsed() < SOON, "{what} took too long");
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    let wish = json!({"name": "anna", "password": PASSWORD, "role": "office"});
    admin(0, "POST", "/v1/users", &wish).is(200);
    soon("a new user", &|| sign_in(1).status == 200);
    // The name is taken on all nodes, whether they have heard of it or not.
    admin(1, "POST", "/v1/users", &wish).is(409);
    let twin = json!({"name": "otto", "password": PASSWORD, "role": "office"});
    let mut both: Vec<u16> = std::thread::scope(|scope| {
        let make = |node| {
            scope.spawn({
                let (admin, twin) = (&admin, &twin);
                move || admin(node, "POST", "/v1/users", twin).status
            })
        };
        let made = [make(0), make(1)];
        made.into_iter().map(|one| one.join().unwrap()).collect()
    });
    both.sort_unstable();
    assert_eq!(both, [200, 409]);

    let anna = Browser::of(&sign_in(0).is(200));
    soon("a new session", &|| by(1, &anna, "GET") == 200);
    assert_eq!(by(1, &anna, "DELETE"), 204);
    soon("signing out", &|| by(0, &anna, "GET") == 401);

    let anna = Browser::of(&sign_in(1).is(200));
    soon("a new session", &|| by(0, &anna, "GET") == 200);
    admin(0, "PUT", "/v1/users/anna", &json!({"disabled": true})).is(200);
    assert_eq!(by(0, &anna, "GET"), 401);
    soon("disabling", &|| by(1, &anna, "GET") == 401);
    sign_in(1).is(401);
    admin(1, "PUT", "/v1/users/anna", &json!({"disabled": false})).is(200);
    soon("enabling", &|| sign_in(0).status == 200);
    let anna = Browser::of(&sign_in(0).is(200));
    soon("a new session", &|| by(1, &anna, "GET") == 200);
    admin(1, "DELETE", "/v1/users/anna", &Value::Null).is(200);
    soon("removing", &|| by(0, &anna, "GET") == 401 && sign_in(0).status != 200);

    // Each node counts for itself who guesses, but a new password ends it on all.
    for last in 10..20 {
        let wrong = sign_in_from(addresses[1], last, "otto", "wrong password").0;
        assert_eq!(wrong, 401);
    }
    assert_eq!(sign_in_from(addresses[1], 20, "otto", PASSWORD).0, 429);
    assert_eq!(sign_in_from(addresses[0], 20, "otto", PASSWORD).0, 200);
    let password = "another one by far";
    admin(0, "PUT", "/v1/users/otto", &json!({ "password": password })).is(200);
    soon("forgiving", &|| sign_in_from(addresses[1], 20, "otto", password).0 == 200);
}
