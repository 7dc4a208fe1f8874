//! Where Redis is, as a URL says it.

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroize;

const PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26_379;

/// Where Redis is and as whom to come: parsed from a store URL.
///
/// | URL | servers |
/// |---|---|
/// | `redis://[user:password@]host[:6379][/database]` | one server |
/// | `redis+sentinel://[user:password@]host[:26379],host/master[/database]` | the sentinels' |
/// | `redis+cluster://[user:password@]host[:6379],host` | a cluster, some of its nodes |
///
/// With `rediss` for `redis` everything runs over TLS. In user and password, `%` escapes a
/// character: `%40` is `@`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// How the servers are organised.
    pub kind: Kind,
    /// The server, the sentinels, or some nodes of the cluster; at least one.
    pub nodes: Vec<Node>,
    /// Whether to speak TLS.
    pub tls: bool,
    /// The ACL user; absent: the default user.
    pub username: Option<String>,
    /// The password; absent: none is sent.
    pub password: Option<Password>,
    /// The number of the database, from 0. Always 0 in a cluster.
    pub database: i64,
}

/// How the servers are organised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// One server.
    Standalone,
    /// A master that sentinels choose.
    Sentinel {
        /// What the sentinels call it.
        master: String,
    },
    /// A cluster.
    Cluster,
}

/// One address.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Node {
    /// Name or address, IPv6 without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// A password: never shown, and wiped from memory when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

/// Why a text is not the URL of a store in Redis. Never has any of its secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// It begins otherwise.
    #[error(
        "a Redis URL begins with redis://, redis+sentinel:// or redis+cluster://, \
         or with rediss for TLS"
    )]
    Scheme,
    /// A host is missing.
    #[error("a host is missing; type for example redis://127.0.0.1:6379")]
    Host,
    /// More than one host where one is meant.
    #[error("redis:// has one host; type redis+cluster://… or redis+sentinel://… for more")]
    OneHost,
    /// A port is no port.
    #[error(
        "the port of {host:?} is no number from 1 to 65535; \
         in a password type %40 for @ and %2F for /"
    )]
    Port {
        /// The host before it.
        host: String,
    },
    /// A user without a password.
    #[error("a user name comes with a password; type user:password@host, or :password@host")]
    Password,
    /// A `%` without two hexadecimal digits, or what they say is no text.
    #[error("in user and password % begins a character's two hexadecimal digits; type %25 for %")]
    Escape,
    /// The master's name is missing.
    #[error("the master's name is missing; type redis+sentinel://host:26379/name")]
    Master,
    /// What follows the hosts is not what may follow.
    #[error("{found:?} follows the hosts; there may be {allowed}")]
    Path {
        /// What was found.
        found: String,
        /// What may be there.
        allowed: &'static str,
    },
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(url: &str) -> Result<Self, TargetError> {
        let (scheme, rest) = url.split_once("://").ok_or(TargetError::Scheme)?;
        let (family, organised) = scheme.split_once('+').unwrap_or((scheme, ""));
        let tls = match family {
            "redis" => false,
            "rediss" => true,
            _ => return Err(TargetError::Scheme),
        };
        // The last @: a password may have one that somebody forgot to escape.
        let (account, rest) = match rest.rsplit_once('@') {
            Some((account, rest)) => (Some(account), rest),
            None => (None, rest),
        };
        let (username, password) = account.map_or(Ok((None, None)), account_of)?;
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (kind, default_port, database) = match organised {
            "" if hosts.contains(',') => return Err(TargetError::OneHost),
            "" => (Kind::Standalone, PORT, path),
            "sentinel" => {
                let (master, database) = path.split_once('/').unwrap_or((path, ""));
                if master.is_empty() {
                    return Err(TargetError::Master);
                }
                (Kind::Sentinel { master: master.to_owned() }, SENTINEL_PORT, database)
            }
            "cluster" if path.is_empty() => (Kind::Cluster, PORT, ""),
            "cluster" => {
                let allowed = "nothing: a cluster has one database";
                return Err(TargetError::Path { found: path.to_owned(), allowed });
            }
            _ => return Err(TargetError::Scheme),
        };
        let nodes = hosts.split(',').map(|host| node_of(host, default_port));
        let nodes = nodes.collect::<Result<_, _>>()?;
        Ok(Self { kind, nodes, tls, username, password, database: database_of(database)? })
    }
}

impl fmt::Display for Target {
    /// The URL, with `***` for the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let family = if self.tls { "rediss" } else { "redis" };
        let organised = match self.kind {
            Kind::Standalone => "",
            Kind::Sentinel { .. } => "+sentinel",
            Kind::Cluster => "+cluster",
        };
        write!(f, "{family}{organised}://")?;
        if let Some(password) = &self.password {
            write!(f, "{}:{password}@", self.username.as_deref().unwrap_or_default())?;
        }
        for (place, node) in self.nodes.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma}{node}")?;
        }
        if let Kind::Sentinel { master } = &self.kind {
            write!(f, "/{master}")?;
        }
        if self.database != 0 {
            write!(f, "/{}", self.database)?;
        }
        Ok(())
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

impl Password {
    /// A password as it is, not escaped.
    #[must_use]
    pub fn new(plain: String) -> Self {
        Self(plain)
    }

    pub(super) fn plain(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Drop for Password {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// `user:password` or `:password`.
fn account_of(text: &str) -> Result<(Option<String>, Option<Password>), TargetError> {
    let (user, password) = text.split_once(':').ok_or(TargetError::Password)?;
    let (user, password) = (unescaped(user)?, unescaped(password)?);
    if password.is_empty() {
        return Err(TargetError::Password);
    }
    Ok((Some(user).filter(|user| !user.is_empty()), Some(Password(password))))
}

fn node_of(text: &str, default_port: u16) -> Result<Node, TargetError> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or(TargetError::Host)?;
            match rest.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if rest.is_empty() => (host, None),
                None => return Err(TargetError::Port { host: host.to_owned() }),
            }
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    if host.is_empty() {
        return Err(TargetError::Host);
    }
    let wrong = || TargetError::Port { host: host.to_owned() };
    let port = port.map_or(Some(default_port), |port| port.parse().ok().filter(|&port| port > 0));
    Ok(Node { host: host.to_owned(), port: port.ok_or_else(wrong)? })
}

fn database_of(text: &str) -> Result<i64, TargetError> {
    if text.is_empty() {
        return Ok(0);
    }
    let number = text.parse().ok().filter(|&number| number >= 0);
    let allowed = "the number of a database";
    number.ok_or_else(|| TargetError::Path { found: text.to_owned(), allowed })
}

fn unescaped(text: &str) -> Result<String, TargetError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    bytes.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
    for part in parts {
        let (digits, rest) = part.split_at_checked(2).ok_or(TargetError::Escape)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(TargetError::Escape);
        }
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| TargetError::Escape)?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).map_err(|_| TargetError::Escape)
}
