//! Where ledger and catalog are, and what an answer survives there.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::reader::{About, Reader};
use super::{RedisStore, Store};
use crate::ledger::Durability;
use crate::remote::Target;

/// Most replicas that an answer can wait for.
const REPLICAS_MAX: u16 = 16;

const REDIS_WORDS: &str = "\"redis-aof-always\", { replicas = 1 } or \"redis-as-is\"";

/// The settings that say something only with a store in Redis.
const REDIS_KEYS: [&str; 5] =
    ["redis_user", "redis_password_file", "redis_ca_file", "ledger_lanes", "ledger_retention_days"];

pub(super) fn read(r: &mut Reader<'_>, data: &Path) -> (Store, Durability) {
    let store = r.read(
        About {
            key: "store",
            range: "embedded:DIR, redis://HOST, redis+sentinel://HOST,HOST/MASTER or \
                    redis+cluster://HOST,HOST; rediss for TLS",
            what: "where ledger and catalog are; a relative DIR is inside the data directory",
        },
        "embedded:.",
        |text: String| parse_store(&text, data),
    );
    r.mask("store", masked);
    let default = match store {
        Some(Store::Redis(_)) => (Durability::RedisAofAlways, "redis-aof-always"),
        Some(Store::Embedded(_)) | None => (Durability::Sync, "sync"),
    };
    let durability = r.read(
        About {
            key: "durability",
            range: "\"sync\", { interval_ms = 1 to 60000 } or \"memory\"; with Redis \
                    \"redis-aof-always\", { replicas = 1 to 16 } or \"redis-as-is\"",
            what: "what an answer survives; see deploy/redis for Redis",
        },
        default.1,
        parse_durability,
    );
    let durability = durability.unwrap_or(default.0);
    let (user, password_file, ca_file) = files(r);
    let lanes = r.number(
        About {
            key: "ledger_lanes",
            range: "calls",
            what: "to Redis that are on their way at a time",
        },
        2,
        1..=8,
    );
    let retention_days: u32 = r.number(
        About {
            key: "ledger_retention_days",
            range: "days",
            what: "for which Redis keeps settled receipts and events",
        },
        400,
        1..=36_500,
    );
    let store = match store {
        // A wrong one is a mistake already; what does not go with it would be none.
        None if r.is_set("store") => return (Store::Embedded(data.join(".")), Durability::Sync),
        None => Store::Embedded(data.join(".")),
        Some(Store::Redis(found)) => {
            let mut target = found.target;
            if target.username.is_none() {
                target.username = user;
            }
            Store::Redis(RedisStore { target, password_file, ca_file, lanes, retention_days })
        }
        Some(embedded @ Store::Embedded(_)) => embedded,
    };
    check(r, &store, durability);
    (store, durability)
}

fn files(r: &mut Reader<'_>) -> (Option<String>, Option<PathBuf>, Option<PathBuf>) {
    let none = serde_json::Value::Null;
    let user = r.read(
        About {
            key: "redis_user",
            range: "a name",
            what: "the ACL user whose password is in redis_password_file",
        },
        &none,
        |user: String| Ok(user),
    );
    let password_file = r.read(
        About {
            key: "redis_password_file",
            range: "a file that only its owner may read",
            what: "the password for Redis, instead of one in store",
        },
        &none,
        |file: PathBuf| Ok(file),
    );
    let ca_file = r.read(
        About {
            key: "redis_ca_file",
            range: "a PEM file",
            what: "who may sign the certificates of Redis; the system's authorities if not set",
        },
        &none,
        |file: PathBuf| Ok(file),
    );
    (user, password_file, ca_file)
}

/// What only several settings together can do wrong.
fn check(r: &mut Reader<'_>, store: &Store, durability: Durability) {
    let is_of_redis = match durability {
        Durability::Sync | Durability::Interval { .. } | Durability::Memory => false,
        Durability::RedisAofAlways | Durability::Replicas { .. } | Durability::RedisAsIs => true,
    };
    let redis = match store {
        Store::Embedded(_) => {
            if is_of_redis {
                let message = "is for a store in Redis; type store = \"redis://HOST:6379\", or \
                    durability = \"sync\"";
                r.fault("durability", message.to_owned());
            }
            for key in REDIS_KEYS {
                if r.is_set(key) {
                    let message = "is for a store in Redis; take it away, or type store = \
                        \"redis://HOST:6379\"";
                    r.fault(key, message.to_owned());
                }
            }
            return;
        }
        Store::Redis(redis) => redis,
    };
    if !is_of_redis {
        r.fault(
            "durability",
            format!("is for an embedded store; with Redis type durability = {REDIS_WORDS}"),
        );
    }
    let (target, file) = (&redis.target, &redis.password_file);
    if target.password.is_some() && file.is_some() {
        let message = "is of no use: the password is in store; take one of them away";
        r.fault("redis_password_file", message.to_owned());
    }
    if r.is_set("redis_user") && (file.is_none() || target.password.is_some()) {
        let message = "needs redis_password_file beside it, and no user in store";
        r.fault("redis_user", message.to_owned());
    }
    if redis.ca_file.is_some() && !target.tls {
        let message = "is of no use without TLS; begin store with rediss instead of redis";
        r.fault("redis_ca_file", message.to_owned());
    }
}

fn parse_store(text: &str, data: &Path) -> Result<Store, String> {
    if let Some(dir) = text.strip_prefix("embedded:") {
        return if dir.is_empty() {
            Err("names no directory; write embedded:DIR".to_owned())
        } else {
            // Joining an absolute path replaces.
            Ok(Store::Embedded(data.join(dir)))
        };
    }
    if text.starts_with("redis") {
        let target: Target = text.parse().map_err(|error| format!("is no Redis URL: {error}"))?;
        return Ok(Store::Redis(RedisStore {
            target,
            password_file: None,
            ca_file: None,
            lanes: 0,
            retention_days: 0,
        }));
    }
    let shown = masked(text);
    Err(format!("is {shown:?}; expected is embedded:DIR, or a URL such as redis://HOST:6379"))
}

/// A store as it was written, with `***` for the password. Works for what is no URL, too.
fn masked(text: &str) -> String {
    let Some((account, hosts)) = text.rsplit_once('@') else { return text.to_owned() };
    let (scheme, account) = match account.split_once("://") {
        Some((scheme, account)) => (format!("{scheme}://"), account),
        None => (String::new(), account),
    };
    match account.split_once(':') {
        Some((user, _)) => format!("{scheme}{user}:***@{hosts}"),
        None => format!("{scheme}***@{hosts}"),
    }
}

/// How a durability is written.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Word(String),
    Window(Window),
    Copies(Copies),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Window {
    interval_ms: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Copies {
    replicas: u64,
}

fn parse_durability(written: Written) -> Result<Durability, String> {
    match written {
        Written::Window(Window { interval_ms: window_ms @ 1..=60_000 }) => {
            Ok(Durability::Interval { window_ms })
        }
        Written::Window(Window { interval_ms }) => {
            Err(format!("has interval_ms = {interval_ms}; expected is 1 to 60000 ms"))
        }
        Written::Copies(Copies { replicas }) => {
            let fits = u16::try_from(replicas).ok().filter(|n| (1..=REPLICAS_MAX).contains(n));
            fits.map(|replicas| Durability::Replicas { replicas }).ok_or_else(|| {
                format!("has replicas = {replicas}; expected is 1 to {REPLICAS_MAX} replicas")
            })
        }
        Written::Word(word) => match word.as_str() {
            "sync" => Ok(Durability::Sync),
            "memory" => Ok(Durability::Memory),
            "redis-aof-always" => Ok(Durability::RedisAofAlways),
            "redis-as-is" => Ok(Durability::RedisAsIs),
            other => Err(format!(
                "is {other:?}; expected is \"sync\", {{ interval_ms = 20 }} or \"memory\"; with \
                 Redis {REDIS_WORDS}"
            )),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn no_password_is_shown_however_wrong_the_rest_is() {
        let table = [
            ("redis://h:1/2", "redis://h:1/2"),
            ("redis://:pw@h", "redis://:***@h"),
            ("rediss://u:p@w:x@h", "rediss://u:***@h"),
            ("redis+cluster://pw@h,i", "redis+cluster://***@h,i"),
            ("redis:pw@h", "redis:***@h"),
            ("pw@h", "***@h"),
            ("embedded:.", "embedded:."),
        ];
        for (text, expected) in table {
            assert_eq!(masked(text), expected, "{text}");
        }
    }
}
