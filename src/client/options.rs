//! What a client must be told, and what it may be told.

use std::fmt;
use std::time::Duration;

/// How to reach a server and how to behave. Start with [`Options::new`]; the rest has defaults.
#[derive(Clone)]
pub struct Options {
    /// `host:port`, `address:port` or `[v6 address]:port`.
    pub server: String,
    /// The name the server's certificate must carry; the host unless told otherwise.
    pub server_name: String,
    /// The certificates to trust, PEM.
    pub ca_pem: Vec<u8>,
    /// Client certificate chain and private key, each PEM.
    pub identity_pem: Option<(Vec<u8>, Vec<u8>)>,
    /// Token; "" when a client certificate speaks.
    pub token: String,
    /// What the client calls itself, at most 64 bytes. Default: `jeton-client/` and the version.
    pub name: String,
    /// Streams that requests are spread over; a lost packet holds up one of them. Default 2.
    pub lanes: usize,
    /// How long a request may take with all its tries. Default 2 s.
    pub deadline: Duration,
    /// How long the first try may take; each further one twice as long. Default 250 ms: several
    /// round trips over any network a gate is likely to have.
    pub try_timeout: Duration,
    /// How long connecting may take, hello included. Default 5 s.
    pub connect_timeout: Duration,
}

impl Options {
    /// The server's address and the certificates to trust.
    #[must_use]
    pub fn new(server: impl Into<String>, ca_pem: impl Into<Vec<u8>>) -> Self {
        let server = server.into();
        let host = server.rsplit_once(':').map_or(server.as_str(), |(host, _)| host);
        Self {
            server_name: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            server,
            ca_pem: ca_pem.into(),
            identity_pem: None,
            token: String::new(),
            name: concat!("jeton-client/", env!("CARGO_PKG_VERSION")).to_owned(),
            lanes: 2,
            deadline: Duration::from_secs(2),
            try_timeout: Duration::from_millis(250),
            connect_timeout: Duration::from_secs(5),
        }
    }

    /// Sets [`server_name`](Self::server_name).
    #[must_use]
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = name.into();
        self
    }

    /// Sets [`token`](Self::token).
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = token.into();
        self
    }

    /// Sets [`identity_pem`](Self::identity_pem).
    #[must_use]
    pub fn identity_pem(mut self, chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.identity_pem = Some((chain.into(), key.into()));
        self
    }

    /// Sets [`lanes`](Self::lanes).
    #[must_use]
    pub const fn lanes(mut self, lanes: usize) -> Self {
        self.lanes = lanes;
        self
    }

    /// Sets [`deadline`](Self::deadline).
    #[must_use]
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sets [`try_timeout`](Self::try_timeout).
    #[must_use]
    pub const fn try_timeout(mut self, try_timeout: Duration) -> Self {
        self.try_timeout = try_timeout;
        self
    }
}

/// Without the secrets.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("server", &self.server)
            .field("server_name", &self.server_name)
            .field("name", &self.name)
            .field("identity", &self.identity_pem.is_some())
            .field("token", &!self.token.is_empty())
            .field("lanes", &self.lanes)
            .field("deadline", &self.deadline)
            .field("try_timeout", &self.try_timeout)
            .field("connect_timeout", &self.connect_timeout)
            .finish_non_exhaustive()
    }
}
