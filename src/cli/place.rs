//! Which installation and which server a command speaks to, and as whom.
//!
//! On the server's own host everything is found in the data directory; elsewhere flags or variables
//! say it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use super::installation::{ADMIN_TOKEN, CA_CERTIFICATE};
use super::output::{Output, Reader, wrong_use};
use crate::config::{self, Config, Sources};

/// Flags that every command knows.
#[derive(Debug, Clone, Args)]
pub(super) struct Global {
    /// Print one JSON document (or one a line, for streams) instead of text
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub(super) json: bool,
    /// The configuration file [default: jeton.toml in the data directory, or /etc/jeton/jeton.toml]
    #[arg(
        long,
        global = true,
        env = "JETON_CONFIG",
        value_name = "FILE",
        help_heading = "Everywhere"
    )]
    pub(super) config: Option<PathBuf>,
    /// The data directory [default: $XDG_STATE_HOME/jeton, that is ~/.local/state/jeton]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Everywhere")]
    pub(super) data: Option<PathBuf>,
    /// The server's QUIC door, HOST:PORT [default: as configured here]
    #[arg(
        long,
        global = true,
        env = "JETON_SERVER",
        value_name = "HOST:PORT",
        help_heading = "Everywhere"
    )]
    pub(super) server: Option<String>,
    /// The server's HTTP door [default: as configured here]
    #[arg(long, global = true, env = "JETON_URL", value_name = "URL", help_heading = "Everywhere")]
    pub(super) url: Option<String>,
    /// The token to show; better kept in a file or in the variable [default: admin.token in the
    /// data directory]
    #[arg(
        long,
        global = true,
        env = "JETON_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN",
        help_heading = "Everywhere"
    )]
    pub(super) token: Option<String>,
    /// A file that holds the token
    #[arg(
        long,
        global = true,
        env = "JETON_TOKEN_FILE",
        value_name = "FILE",
        conflicts_with = "token",
        help_heading = "Everywhere"
    )]
    pub(super) token_file: Option<PathBuf>,
    /// The authority that signed the server's certificate, PEM [default: ca.pem in the data
    /// directory]
    #[arg(long, global = true, env = "JETON_CA", value_name = "FILE", help_heading = "Everywhere")]
    pub(super) ca: Option<PathBuf>,
}

impl Global {
    pub(super) fn output(&self) -> Output {
        Output::new(if self.json { Reader::Programs } else { Reader::People })
    }

    /// Everything that configures: file, environment, the flags that every command knows.
    pub(super) fn sources(&self) -> Sources {
        let mut sources = Sources::of_process(self.config.clone());
        sources.flag("--data", "data", self.data.as_ref().map(|data| data.display()));
        sources
    }

    pub(super) fn place(&self) -> anyhow::Result<Place<'_>> {
        Ok(Place { global: self, config: load(&self.sources())? })
    }
}

/// The configuration; mistakes in it are wrong use.
pub(super) fn load(sources: &Sources) -> anyhow::Result<Config> {
    config::load(sources).map_err(|faults| wrong_use(faults.to_string()))
}

/// What a command that speaks to a server needs.
pub(super) struct Place<'a> {
    global: &'a Global,
    pub(super) config: Config,
}

impl Place<'_> {
    /// `HOST:PORT` of the QUIC door.
    pub(super) fn server(&self) -> String {
        let configured = || reachable(self.config.quic.listen).to_string();
        self.global.server.clone().unwrap_or_else(configured)
    }

    /// The HTTP door, without a slash at the end.
    pub(super) fn url(&self) -> String {
        if let Some(url) = &self.global.url {
            return url.trim_end_matches('/').to_owned();
        }
        let scheme = if self.config.http.is_tls { "https" } else { "http" };
        format!("{scheme}://{}", reachable(self.config.http.listen))
    }

    /// The token that was given, or the installation's own.
    pub(super) fn token(&self) -> anyhow::Result<String> {
        if let Some(token) = &self.global.token {
            return Ok(token.trim().to_owned());
        }
        let own = self.config.data.join(ADMIN_TOKEN);
        let (file, advice) = match &self.global.token_file {
            Some(file) => (file, "the token file cannot be read".to_owned()),
            None => (&own, no_token(&own)),
        };
        Ok(read(file).with_context(|| advice)?.trim().to_owned())
    }

    /// The authority to trust, if one is known.
    pub(super) fn authority(&self) -> anyhow::Result<Option<String>> {
        if let Some(file) = &self.global.ca {
            return read(file).map(Some);
        }
        let own = self.config.data.join(CA_CERTIFICATE);
        if own.is_file() { read(&own).map(Some) } else { Ok(None) }
    }
}

fn no_token(own: &Path) -> String {
    format!(
        "no token was given (--token-file, JETON_TOKEN) and {} cannot be read; \
         has the server been started here, and are you its user?",
        own.display()
    )
}

/// Reads a small text file; the error names it.
pub(super) fn read(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| file.display().to_string())
}

/// Where a server that listens everywhere is reached from its own host.
pub(super) fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, listen.port())
}
