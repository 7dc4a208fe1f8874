//! Watching: a history first, then a message a second with what this node answered.

use std::io::{BufRead, BufReader};
use std::time::Duration;

use jeton::auth::role::Role;
use jeton::testing::{BoxOptions, ServerBox};
use serde_json::{Value, json};
use ureq::http::Request;
use ureq::{Agent, Body};

/// The next message of a stream: its name and its data.
fn next(reader: &mut impl BufRead) -> (String, Value) {
    let (mut name, mut line) = (String::new(), String::new());
    loop {
        line.clear();
        assert!(reader.read_line(&mut line).unwrap() > 0, "the stream ended");
        if let Some(event) = line.strip_prefix("event: ") {
            name = event.trim().to_owned();
        }
        if let Some(data) = line.strip_prefix("data: ") {
            return (name, serde_json::from_str(data).unwrap());
        }
    }
}

fn watch(agent: &Agent, url: &str, token: &str) -> BufReader<ureq::BodyReader<'static>> {
    let request = Request::builder().uri(format!("{url}/v1/live"));
    let request = request.header("authorization", format!("Bearer {token}")).body(()).unwrap();
    BufReader::new(agent.run(request).unwrap().into_body().into_reader())
}

fn post(agent: &Agent, url: &str, token: &str, path: &str, key: &str, body: &Value) -> Value {
    let request = Request::builder().method("POST").uri(format!("{url}{path}"));
    let request = request.header("authorization", format!("Bearer {token}"));
    let request = request.header("content-type", "application/json");
    let request = request.header("idempotency-key", key).body(body.to_string()).unwrap();
    let mut response: ureq::http::Response<Body> = agent.run(request).unwrap();
    serde_json::from_str(&response.body_mut().read_to_string().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_is_seen_within_a_second() {
    let dir = tempfile::tempdir().unwrap();
    let options = BoxOptions { http: true, ..BoxOptions::default() };
    let server = ServerBox::start(dir.path(), options).await.unwrap();
    server
        .define("[[campaign]]\nid = \"free\"\nkind = \"access\"\nuses = \"unlimited\"\n")
        .unwrap();
    server.codes("free", "FREE-1").unwrap();
    let (admin, gate) = (server.token(Role::Admin).unwrap(), server.token(Role::Gate).unwrap());
    let url = format!("http://{}", server.server.http_address().unwrap());
    let watched = tokio::task::spawn_blocking(move || {
        let config = Agent::config_builder().http_status_as_error(false).proxy(None);
        let agent = config.timeout_recv_body(Some(Duration::from_secs(60))).build().new_agent();
        let mut stream = watch(&agent, &url, &admin);
        let (name, history) = next(&mut stream);
        assert_eq!(name, "history");
        assert!(history["points"].as_array().unwrap().len() <= 600);
        let order = json!({ "gate": "north", "property": "lido" });
        for number in 0..7 {
            let body = json!({ "code": "FREE-1", "order": order });
            let id = number.to_string();
            assert_eq!(post(&agent, &url, &admin, "/v1/redeem", &id, &body)["ok"], true);
        }
        let unknown = json!({ "code": "NOBODY", "order": { "channel": "web" } });
        assert_eq!(post(&agent, &url, &admin, "/v1/validate", "v", &unknown)["ok"], false);
        let (mut redeemed, mut refused) = (0, 0);
        let last = loop {
            let (name, message) = next(&mut stream);
            assert_eq!(name, "live");
            redeemed += message["per_second"]["redeemed"].as_u64().unwrap();
            refused += message["per_second"]["refused"].as_u64().unwrap();
            if redeemed == 7 && refused == 1 {
                break message;
            }
            assert!(message["totals"]["redeemed"].as_u64().unwrap() <= 7);
        };
        let row = |label: &str, redeemed: u64, refused: u64| json!({ "label": label, "redeemed": redeemed, "refused": refused });
        assert_eq!(last["by_property"], json!([row("lido", 7, 0), row("", 0, 1)]));
        assert_eq!(last["by_gate"], json!([row("north", 7, 0), row("channel:web", 0, 1)]));
        assert_eq!(last["by_campaign"], json!([row("free", 7, 0), row("", 0, 1)]));
        assert_eq!(last["by_reason"], json!([row("code_not_found", 0, 1)]));
        assert_eq!(last["totals"]["redeemed"], 7);
        assert_eq!(last["ledger"]["kind"], "embedded");
        assert_eq!(
            (&last["ledger"]["ready"], &last["ledger"]["last_event"]),
            (&json!(true), &json!(7))
        );
        let latency = &last["latency"]["http/redeem"];
        assert!(
            latency["count"].as_u64().unwrap() >= 1 && latency["p99_ms"].as_f64().unwrap() > 0.0
        );
        // Who comes later is told what was before.
        let (_, history) = next(&mut watch(&agent, &url, &admin));
        let points = history["points"].as_array().unwrap().clone();
        let before: u64 =
            points.iter().map(|point| point["per_second"]["redeemed"].as_u64().unwrap()).sum();
        assert_eq!(before, 7);
        let request = Request::builder().uri(format!("{url}/v1/live"));
        let request = request.header("authorization", format!("Bearer {gate}")).body(()).unwrap();
        assert_eq!(agent.run(request).unwrap().status(), 403);
    });
    watched.await.unwrap();
}
