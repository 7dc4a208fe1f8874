//! `jeton token`: who may speak to the server.

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use ureq::http::Method;

use super::office::{Content, Office, escaped};
use super::output::{Exit, Output, cell, list, table};
use super::place::Place;

/// What can be done with tokens.
#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Make a token; it is shown this once
    #[command(after_long_help = CREATE_EXAMPLES)]
    Create(Create),
    /// List all tokens, without their texts
    List,
    /// Take a token back, at once and for ever
    Revoke {
        /// Its id, as listed
        id: String,
    },
}

const CREATE_EXAMPLES: &str = "\
Examples:
  jeton token create --role gate --name north-1 --gate north
  jeton token create --role checkout --name webshop --expires-in 365d
  jeton --json token create --role monitor --name prometheus | jq -r .token";

/// What a token grants.
#[derive(Debug, Args)]
pub(super) struct Create {
    /// gate, checkout, office, admin, monitor or public
    #[arg(long)]
    role: String,
    /// How people call it
    #[arg(long)]
    name: String,
    /// The tenant; your own unless given
    #[arg(long)]
    tenant: Option<String>,
    /// The only property it may speak for
    #[arg(long)]
    property: Option<String>,
    /// The only gate it may speak for
    #[arg(long)]
    gate: Option<String>,
    /// How long it is good, such as 90d or 12h; for ever unless given
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    expires_in: Option<std::time::Duration>,
}

pub(super) fn run(command: &Token, place: &Place<'_>, output: Output) -> anyhow::Result<Exit> {
    let office = Office::new(place)?;
    match command {
        Token::Create(create) => self::create(create, &office, output)?,
        Token::List => show_list(&office.get("/v1/tokens")?, output)?,
        Token::Revoke { id } => {
            let path = format!("/v1/tokens/{}", escaped(id));
            let answered = office.ask(Method::DELETE, &path, Content::Nothing)?;
            let document = match answered.is_null() {
                true => json!({ "ok": true, "id": id }),
                false => answered,
            };
            output.line(&document, &format!("token {id} is revoked"))?;
        }
    }
    Ok(Exit::Yes)
}

fn create(create: &Create, office: &Office, output: Output) -> anyhow::Result<()> {
    let mut wish = json!({ "name": create.name, "role": create.role });
    if let Value::Object(fields) = &mut wish {
        let expires_in = create.expires_in.map(|time| humantime::format_duration(time).to_string());
        let optional = [
            ("tenant", create.tenant.clone()),
            ("property", create.property.clone()),
            ("gate", create.gate.clone()),
            ("expires_in", expires_in),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                fields.insert(name.to_owned(), Value::String(value));
            }
        }
    }
    let made = office.post("/v1/tokens", wish)?;
    output.note("Keep it now; it is not shown again:");
    output.answer(&made, |out| writeln!(out, "{}", cell(made.get("token"))))
}

fn show_list(document: &Value, output: Output) -> anyhow::Result<()> {
    let columns =
        ["id", "role", "name", "property", "gate", "created_at", "expires_at", "revoked_at"];
    let mut rows = vec![columns.map(str::to_uppercase).to_vec()];
    for one in list(document) {
        rows.push(columns.map(|name| cell(one.get(name))).to_vec());
    }
    output.answer(document, |out| table(out, &rows))
}
