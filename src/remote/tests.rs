//! URLs, and lanes to real servers: order, errors, time-outs, passwords, TLS, sentinels, clusters.

mod server;

use std::time::Duration;

use redis::{Cmd, cmd};

pub(crate) use server::{Server, cluster, cluster_url, options, remote};

use super::*;

fn command(text: &str) -> Cmd {
    let mut words = text.split(' ');
    let mut command = cmd(words.next().unwrap());
    words.for_each(|word| {
        command.arg(word);
    });
    command
}

/// The replies in one line each.
pub(crate) async fn send(lane: &mut Lane, key: &str, texts: &[&str]) -> Vec<String> {
    let commands: Vec<_> = texts.iter().map(|text| command(text)).collect();
    let replies = lane.send(key.as_bytes(), &commands).await.unwrap();
    replies.into_iter().map(shown).collect()
}

fn shown(reply: Result<Value, ServerError>) -> String {
    match reply {
        Ok(Value::BulkString(bytes)) => String::from_utf8(bytes).unwrap(),
        Ok(Value::SimpleString(text)) => text,
        Ok(value) => format!("{value:?}"),
        Err(error) => format!("-{error}"),
    }
}

#[test]
fn urls() {
    let table = [
        ("redis://localhost", "redis://localhost:6379"),
        ("redis://10.0.0.1:7000/3", "redis://10.0.0.1:7000/3"),
        ("redis://[::1]:7000", "redis://[::1]:7000"),
        ("rediss://[::1]", "rediss://[::1]:6379"),
        ("redis://:pw@h", "redis://:***@h:6379"),
        ("rediss://u%40x:p%25w@h/1", "rediss://u@x:***@h:6379/1"),
        ("redis://u:a@b/c@h", "redis://u:***@h:6379"),
        ("redis+sentinel://a,b:1/m", "redis+sentinel://a:26379,b:1/m"),
        ("rediss+sentinel://u:p@a/m/2", "rediss+sentinel://u:***@a:26379/m/2"),
        ("redis+cluster://a:1,b", "redis+cluster://a:1,b:6379"),
        ("rediss+cluster://:x@a/", "rediss+cluster://:***@a:6379"),
        ("localhost:6379", "Scheme"),
        ("http://h", "Scheme"),
        ("redis+ring://h", "Scheme"),
        ("redis://", "Host"),
        ("redis+cluster://a,,b", "Host"),
        ("redis://[::1", "Host"),
        ("redis://a,b", "OneHost"),
        ("redis://h:0", "Port"),
        ("redis://h:65536", "Port"),
        ("redis://user:secret", "Port"),
        ("redis://user@h", "Password"),
        ("redis://user:@h", "Password"),
        ("redis://u:p%4@h", "Escape"),
        ("redis://u:p%+4@h", "Escape"),
        ("redis://u:p%ff@h", "Escape"),
        ("redis+sentinel://a", "Master"),
        ("redis://h/x", "Path"),
        ("redis://h/-1", "Path"),
        ("redis+cluster://a/1", "Path"),
    ];
    for (url, expected) in table {
        match url.parse::<Target>() {
            Ok(target) => assert_eq!(target.to_string(), expected, "{url}"),
            Err(error) => {
                assert!(format!("{error:?}").starts_with(expected), "{url}: {error:?}");
                assert!(!error.to_string().contains("secret"), "{error}");
            }
        }
    }
    let target: Target = "redis://u%20x:p%25%C3%A4@h".parse().unwrap();
    assert_eq!(target.username.as_deref(), Some("u x"));
    assert_eq!(target.password, Some(Password::new("p%ä".to_owned())));
    assert!(!format!("{target:?}").contains('ä'));
}

#[tokio::test]
async fn replies_come_in_order_and_errors_alone() {
    let server = Server::start(&[]);
    let mut lane = server.remote().lane().await.unwrap();
    assert!(!lane.is_cluster());
    let replies =
        send(&mut lane, "k", &["SET k 1", "INCR k", "LPUSH k x", "INCR k", "NONSENSE"]).await;
    assert_eq!(replies[..2], ["ok", "int(2)"]);
    assert!(replies[2].starts_with("-WRONGTYPE"), "{replies:?}");
    assert_eq!(replies[3], "int(3)");
    assert!(replies[4].starts_with("-ERR unknown command"), "{replies:?}");
    assert_eq!(lane.send(b"k", &[]).await.unwrap(), []);

    let library = "#!lua name=own\n\
        redis.register_function('own', function() return redis.error_reply('NOEPOCH gone') end)";
    let mut masters = server.remote().masters().await.unwrap();
    assert_eq!(masters[0].address, format!("127.0.0.1:{}", server.port()));
    masters[0].query(cmd("FUNCTION").arg("LOAD").arg(library)).await.unwrap();
    let reply = lane.send(b"k", &[command("FCALL own 1 k")]).await.unwrap().remove(0).unwrap_err();
    let expected = ServerError { code: Some("NOEPOCH".to_owned()), text: "gone".to_owned() };
    assert_eq!(reply, expected);
    let refused = masters[0].query(&command("CONFIG NONSENSE")).await.unwrap_err();
    assert!(matches!(refused, RemoteError::Refused(error) if error.is("ERR")));
}

#[tokio::test]
async fn databases_are_apart() {
    let server = Server::start(&[]);
    let mut first = server.remote().lane().await.unwrap();
    let mut second = remote(&format!("{}/1", server.url())).lane().await.unwrap();
    send(&mut first, "k", &["SET k 1"]).await;
    assert_eq!(send(&mut second, "k", &["GET k"]).await, ["nil"]);
}

#[tokio::test]
async fn a_server_that_stands_still_times_out() {
    let server = Server::start(&[]);
    let mut options = options(&server.url());
    options.connect_timeout = Duration::from_millis(100);
    options.response_timeout = Duration::from_millis(100);
    let remote = Remote::new(options).unwrap();
    let mut lane = remote.lane().await.unwrap();
    server.signal("STOP");
    let late = lane.send(b"k", &[command("SET k 1")]).await.unwrap_err();
    assert_eq!(late, RemoteError::TimedOut);
    let closed = remote.lane().await.err().unwrap();
    assert!(closed.is_transient() && late.is_transient(), "{closed}");
    server.signal("CONT");
    let mut lane = remote.lane().await.unwrap();
    assert_eq!(send(&mut lane, "k", &["GET k"]).await, ["1"], "it was done all the same");
}

#[tokio::test]
async fn a_server_that_dies_drops_the_lane() {
    let mut server = Server::start(&[]);
    let remote = server.remote();
    let mut lane = remote.lane().await.unwrap();
    server.kill();
    let lost = lane.send(b"k", &[command("GET k")]).await.unwrap_err();
    assert_eq!(lost, RemoteError::Dropped);
    let away = remote.lane().await.err().unwrap();
    assert!(matches!(&away, RemoteError::Unreachable { .. }), "{away}");
    assert!(away.to_string().contains(&server.port().to_string()) && away.is_transient());
    server.start_again();
    let mut lane = remote.lane().await.unwrap();
    assert_eq!(send(&mut lane, "k", &["GET k"]).await, ["nil"]);
}

#[tokio::test]
async fn who_is_not_let_in_hears_why() {
    let server = Server::start(&[]);
    let server_url = server.url();
    let mut lane = server.remote().lane().await.unwrap();
    let commands = ["ACL SETUSER desk on >right ~a* +get +ping", "CONFIG SET requirepass hush"];
    assert_eq!(send(&mut lane, "", &commands).await, ["ok"; 2]);
    let url = |account: &str| server_url.replace("redis://", &format!("redis://{account}"));
    for account in ["", ":wrong@", "desk:wrong@", "nobody:right@"] {
        let error = remote(&url(account)).lane().await.err().unwrap();
        assert!(matches!(error, RemoteError::Refused(_)), "{account}: {error}");
        assert!(!error.is_transient() && !error.to_string().contains("right"), "{error}");
    }
    let mut lane = remote(&url(":hush@")).lane().await.unwrap();
    assert_eq!(send(&mut lane, "a", &["SET a 1"]).await, ["ok"]);
    let mut lane = remote(&url("desk:right@")).lane().await.unwrap();
    let replies = send(&mut lane, "a", &["GET a", "GET b", "SET a 2"]).await;
    assert_eq!(replies[0], "1");
    assert!(replies[1].starts_with("-NOPERM") && replies[2].starts_with("-NOPERM"), "{replies:?}");
}

#[tokio::test]
async fn tls_trusts_the_given_authority_only() {
    let (ca, own) = (authority(), authority());
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &own).unwrap();
    let files = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| {
        let path = files.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let certificate = file("cert", certificate.pem());
    let key = file("key", key.serialize_pem());
    let authority_file = file("ca", own.pem());
    let tls_port = server::free_port();
    let port = tls_port.to_string();
    let _server = Server::start(&[
        "--tls-port",
        &port,
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &authority_file,
        "--tls-auth-clients",
        "no",
    ]);
    let with = |host: &str, ca: &rcgen::CertifiedIssuer<'_, rcgen::KeyPair>| {
        let mut options = options(&format!("rediss://{host}:{tls_port}"));
        options.ca_pem = Some(ca.pem().into_bytes());
        Remote::new(options).unwrap()
    };
    let mut lane = with("localhost", &own).lane().await.unwrap();
    assert_eq!(send(&mut lane, "k", &["SET k 1"]).await, ["ok"]);
    for (host, ca) in [("localhost", &ca), ("127.0.0.1", &own)] {
        let error = with(host, ca).lane().await.err().unwrap();
        assert!(matches!(error, RemoteError::Tls(_)), "{host}: {error}");
    }
    let mut broken = options("rediss://localhost");
    broken.ca_pem =
        Some(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec());
    assert!(matches!(Remote::new(broken).err().unwrap(), RemoteError::Tls(_)));
}

fn authority() -> rcgen::CertifiedIssuer<'static, rcgen::KeyPair> {
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    rcgen::CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate().unwrap()).unwrap()
}

#[tokio::test]
async fn sentinels_lead_to_the_master() {
    let master = Server::start(&["--requirepass", "hush", "--masterauth", "hush"]);
    let port = master.port().to_string();
    let replicaof = format!("127.0.0.1 {port}");
    let replica = Server::start(&[
        "--replicaof",
        &replicaof,
        "--requirepass",
        "hush",
        "--masterauth",
        "hush",
    ]);
    let watching = |port: u16| {
        format!("sentinel monitor jeton 127.0.0.1 {port} 1\nsentinel auth-pass jeton hush\n")
    };
    let good = Server::sentinel(&watching(master.port()));
    let lying = Server::sentinel(&watching(replica.port()));
    let hosts = |sentinels: &[u16], name: &str| {
        let hosts: Vec<_> = sentinels.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        remote(&format!("redis+sentinel://:hush@{}/{name}", hosts.join(",")))
    };
    // One is not there, one names a replica.
    let three = hosts(&[server::free_port(), lying.port(), good.port()], "jeton");
    let mut lane = three.lane().await.unwrap();
    assert_eq!(send(&mut lane, "k", &["SET k 1"]).await, ["ok"]);
    let masters = three.masters().await.unwrap();
    assert_eq!(masters[0].address, format!("127.0.0.1:{port}"));
    for remote in [hosts(&[lying.port()], "jeton"), hosts(&[good.port()], "other")] {
        let error = remote.lane().await.err().unwrap();
        assert!(matches!(error, RemoteError::NoMaster { .. }), "{error}");
    }
    let away = hosts(&[server::free_port()], "jeton").lane().await.err().unwrap();
    assert!(matches!(away, RemoteError::Unreachable { .. }), "{away}");
}

#[tokio::test]
async fn a_cluster_is_sent_to_by_slot() {
    let bare = Server::start(&["--cluster-enabled", "yes"]);
    let none = remote(&cluster_url(std::slice::from_ref(&bare))).masters().await.err().unwrap();
    assert!(none.to_string().contains("no slots"), "{none}");
    let mut lane = bare.remote().lane().await.unwrap();
    send(&mut lane, "", &["CONFIG SET requirepass hush"]).await;
    let refused = remote(&cluster_url(std::slice::from_ref(&bare))).lane().await.err().unwrap();
    assert!(matches!(refused, RemoteError::Refused(_)), "{refused}");
    let servers = cluster().await;
    let cluster = remote(&cluster_url(&servers));
    assert_eq!(cluster.masters().await.unwrap().len(), 3);
    let mut lane = cluster.lane().await.unwrap();
    assert!(lane.is_cluster());
    for tag in 0..16 {
        let key = format!("{{j{tag}}}k");
        let (set, incr) = (format!("SET {key} {tag}"), format!("INCR {key}"));
        let replies =
            send(&mut lane, &key, &[&set, &incr, "WAIT 0 10", &format!("LPUSH {key} x")]).await;
        assert_eq!(replies[..3], ["ok".to_owned(), format!("int({})", tag + 1), "int(0)".into()]);
        assert!(replies[3].starts_with("-WRONGTYPE"), "{replies:?}");
    }
    // A slot that moves while the lane is there: the new master is found.
    let moved = redis::cluster_routing::Slot::for_key("{j0}k");
    let slot = (0..16_384).find(|n| redis::cluster_routing::Slot::new(*n) == Some(moved)).unwrap();
    let owner = usize::from(slot > 5_460) + usize::from(slot > 10_922);
    let mut to = servers[(owner + 1) % 3].remote().lane().await.unwrap();
    let id = send(&mut to, "", &["CLUSTER MYID"]).await.remove(0);
    let mut from = servers[owner].remote().lane().await.unwrap();
    send(&mut from, "", &["DEL {j0}k"]).await;
    let claim = format!("CLUSTER SETSLOT {slot} NODE {id}");
    assert_eq!(send(&mut to, "", &[&claim]).await, ["ok"]);
    assert_eq!(send(&mut from, "", &[&claim]).await, ["ok"]);
    assert_eq!(send(&mut lane, "{j0}k", &["SET {j0}k 7"]).await, ["ok"]);
    assert_eq!(send(&mut to, "", &["GET {j0}k"]).await, ["7"]);
}
