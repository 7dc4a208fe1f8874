//! A park over the wire: passes, limits, holds, releases.

use jeton::auth::role::Role;
use jeton::client::{Answer, Client, Redeem};
use jeton::testing::{BoxOptions, ServerBox};

const TEN_ENTRIES: &str = r#"
id = "ten"
kind = "pass"
status = "active"
zone = "Europe/Vienna"
uses = 10
units = { max = 4 }
texts = { name = { en = "Ten entries" } }
"#;

async fn park(toml: &str, campaign: &str, codes: &str) -> (tempfile::TempDir, ServerBox, Client) {
    let dir = tempfile::tempdir().unwrap();
    let server = ServerBox::start(dir.path(), BoxOptions::default()).await.unwrap();
    server.campaign(toml).unwrap();
    server.codes(campaign, codes).unwrap();
    let client = server.client(Role::Checkout).await.unwrap();
    (dir, server, client)
}

#[tokio::test]
async fn a_party_of_four_enters_and_one_comes_back() {
    let (_dir, _server, client) = park(TEN_ENTRIES, "ten", "FAMILY-2026").await;
    let redeem = Redeem::code("family 2026").gate("north").units(4);
    let Answer::Yes(first) = client.redeem(redeem).await.unwrap() else { panic!("a no") };
    assert_eq!((first.size, first.live), (4, 4));
    assert_eq!(first.uses[0].remaining, Some(6));
    assert_eq!(first.uses[0].ordinal, 4);
}
