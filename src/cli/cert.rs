//! `jeton cert issue`: client certificates from the installation's own authority.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::installation::{Installation, check_private, write};
use super::output::{Exit, Output, wrong_use};
use super::place::Place;
use crate::auth::caller::{Identity, Name};
use crate::auth::role::Role;
use crate::clock::Clock;
use crate::domain::id::TenantId;

/// What can be done with certificates.
#[derive(Debug, Subcommand)]
pub(super) enum Cert {
    /// Issue a client certificate
    ///
    /// Signed by the authority in the data directory; the server need not run. Writes NAME.pem,
    /// NAME.key and ca.pem: all that a caller needs. A certificate cannot be taken back before its
    /// end; give short times, or use tokens.
    #[command(after_long_help = EXAMPLES)]
    Issue(Issue),
}

const EXAMPLES: &str = "\
Examples:
  jeton cert issue --role gate --name scanner-17 --gate north --out ./scanner-17
  jeton cert issue --role checkout --name webshop --tenant park --days 90 --out .";

/// What a certificate grants.
#[derive(Debug, Args)]
pub(super) struct Issue {
    /// gate, checkout, office, admin, monitor or public
    #[arg(long)]
    role: Role,
    /// How people call the caller; also the files' name
    #[arg(long)]
    name: String,
    /// The tenant
    #[arg(long, default_value = "default")]
    tenant: String,
    /// The only property it may speak for; may be repeated
    #[arg(long)]
    property: Vec<String>,
    /// The only gate it may speak for
    #[arg(long)]
    gate: Option<String>,
    /// How many days it is good
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: u32,
    /// The directory for the files; made if it does not exist
    #[arg(long, default_value = ".", value_name = "DIR")]
    out: PathBuf,
}

pub(super) fn run(command: &Cert, place: &Place<'_>, output: Output) -> anyhow::Result<Exit> {
    let Cert::Issue(issue) = command;
    let name = |text: &str| Name::parse(text).map_err(|error| wrong_use(error.to_string()));
    let tenant = TenantId::parse(&issue.tenant).map_err(|error| wrong_use(error.to_string()))?;
    let identity = Identity {
        properties: issue.property.iter().map(|text| name(text)).collect::<Result<_, _>>()?,
        gate: issue.gate.as_deref().map(name).transpose()?,
        ..Identity::new(tenant, issue.role, name(&issue.name)?)
    };
    let now_ms = Clock::system().now().0;
    let installation = Installation::open(&place.config, now_ms)?;
    let pem = installation.authority()?.issue_client(&identity, issue.days, now_ms)?;
    std::fs::create_dir_all(&issue.out)?;
    let file = |end: &str| issue.out.join(format!("{}.{end}", issue.name));
    let (certificate, key, authority) = (file("pem"), file("key"), issue.out.join("ca.pem"));
    if certificate.exists() || key.exists() {
        return Err(wrong_use(format!("{} exists already", certificate.display())));
    }
    write(&key, pem.key.as_bytes(), 0o600)?;
    check_private(&key)?;
    write(&certificate, pem.certificate.as_bytes(), 0o644)?;
    write(&authority, installation.authority_certificate()?.as_bytes(), 0o644)?;
    let document = json!({
        "identity": identity.urn(), "days": issue.days,
        "certificate": certificate, "key": key, "authority": authority,
    });
    output.answer(&document, |out| {
        writeln!(out, "{}", identity.urn())?;
        [certificate, key, authority]
            .iter()
            .try_for_each(|file| writeln!(out, "  {}", file.display()))
    })?;
    Ok(Exit::Yes)
}
