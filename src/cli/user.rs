//! `jeton user`: the people who may sign in to the pages.
//!
//! A password is typed without being shown, or read from standard input; never from the command
//! line, which every other user of the machine can read.

use std::io::Read;

use clap::{Args, Subcommand};
use console::Term;
use serde_json::{Map, Value, json};
use ureq::http::Method;

use super::office::{Content, Office, escaped};
use super::output::{Exit, Output, cell, list, table, wrong_use};
use super::place::Place;

/// Longest line that can be a password, in bytes; whether it is one, the server says.
const LINE_BYTES_MAX: u64 = 4_096;

/// What can be done with users.
#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// Make a user, who signs in with a name and a password
    #[command(after_long_help = CREATE_EXAMPLES)]
    Create(Create),
    /// List all users
    List,
    /// Set another password; the user's sessions end
    Password {
        /// The user
        name: String,
        #[command(flatten)]
        password: PasswordFlags,
    },
    /// Keep a user from signing in, and end all sessions
    Disable {
        /// The user
        name: String,
    },
    /// Let a user sign in again
    Enable {
        /// The user
        name: String,
    },
    /// Remove a user, and end all sessions
    Remove {
        /// The user
        name: String,
    },
}

const CREATE_EXAMPLES: &str = "\
Examples:
  jeton user create anna --role office
  jeton user create otto --role monitor --property aqua --property dry --language de
  pass show jeton/anna | jeton user create anna --role admin --password-stdin";

/// Who it is, and what she may do.
#[derive(Debug, Args)]
pub(super) struct Create {
    /// The name to sign in with; kept in lower case
    name: String,
    /// office, monitor, admin, checkout or gate
    #[arg(long)]
    role: String,
    /// A property that she may name and sees; may be repeated. All, unless given
    #[arg(long)]
    property: Vec<String>,
    /// The language of the pages, two letters; the browser's unless given
    #[arg(long)]
    language: Option<String>,
    /// The tenant; your own unless given
    #[arg(long)]
    tenant: Option<String>,
    #[command(flatten)]
    password: PasswordFlags,
}

/// Where the password comes from.
#[derive(Debug, Args)]
pub(super) struct PasswordFlags {
    /// Read the password from standard input, its first line
    #[arg(long)]
    password_stdin: bool,
}

pub(super) fn run(command: &User, place: &Place<'_>, output: Output) -> anyhow::Result<Exit> {
    let office = Office::new(place)?;
    match command {
        User::Create(create) => self::create(create, &office, output)?,
        User::List => show_list(&office.get("/v1/users")?, output)?,
        User::Password { name, password } => {
            let wish = json!({ "password": password.read(name)? });
            change(&office, name, wish, output, "has another password")?;
        }
        User::Disable { name } => {
            change(&office, name, json!({ "disabled": true }), output, "is disabled")?;
        }
        User::Enable { name } => {
            change(&office, name, json!({ "disabled": false }), output, "is enabled")?;
        }
        User::Remove { name } => {
            let removed = office.ask(Method::DELETE, &path(name), Content::Nothing)?;
            output.line(&removed, &format!("user {} is removed", cell(removed.get("name"))))?;
        }
    }
    Ok(Exit::Yes)
}

fn create(create: &Create, office: &Office, output: Output) -> anyhow::Result<()> {
    let mut wish = Map::new();
    wish.insert("name".to_owned(), json!(create.name));
    wish.insert("role".to_owned(), json!(create.role));
    wish.insert("properties".to_owned(), json!(create.property));
    for (name, value) in [("language", &create.language), ("tenant", &create.tenant)] {
        if let Some(value) = value {
            wish.insert(name.to_owned(), json!(value));
        }
    }
    wish.insert("password".to_owned(), json!(create.password.read(&create.name)?));
    let made = office.post("/v1/users", Value::Object(wish))?;
    output.line(&made, &format!("user {} can sign in", cell(made.get("name"))))
}

fn change(
    office: &Office,
    name: &str,
    wish: Value,
    output: Output,
    what: &str,
) -> anyhow::Result<()> {
    let changed = office.ask(Method::PUT, &path(name), Content::Json(wish))?;
    output.line(&changed, &format!("user {} {what}", cell(changed.get("name"))))
}

fn path(name: &str) -> String {
    format!("/v1/users/{}", escaped(name))
}

fn show_list(document: &Value, output: Output) -> anyhow::Result<()> {
    let columns = ["name", "role", "properties", "language", "changed_at", "disabled", "sessions"];
    let mut rows = vec![columns.map(str::to_uppercase).to_vec()];
    for one in list(document) {
        rows.push(columns.map(|name| told(one.get(name))).to_vec());
    }
    output.answer(document, |out| table(out, &rows))
}

/// A cell; of a list its items, and of an empty one what it means.
fn told(value: Option<&Value>) -> String {
    let Some(Value::Array(items)) = value else { return cell(value) };
    let items: Vec<String> = items.iter().map(|item| cell(Some(item))).collect();
    if items.is_empty() { "all".to_owned() } else { items.join(",") }
}

impl PasswordFlags {
    fn read(&self, name: &str) -> anyhow::Result<String> {
        if self.password_stdin {
            return first_line(std::io::stdin().lock());
        }
        let terminal = Term::stderr();
        if !terminal.is_term() {
            return Err(wrong_use("there is no terminal to ask; give --password-stdin"));
        }
        let ask = |what: &str| {
            terminal.write_str(what)?;
            terminal.read_secure_line()
        };
        let password = ask(&format!("Password of {name}: "))?;
        if ask("Once more: ")? != password {
            return Err(wrong_use("the two passwords are not the same"));
        }
        Ok(password)
    }
}

fn first_line(input: impl Read) -> anyhow::Result<String> {
    let mut text = String::new();
    input.take(LINE_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_first_line() {
        for (input, line) in
            [("secret\n", "secret"), ("a b \r\nmore", "a b "), ("x", "x"), ("", "")]
        {
            assert_eq!(first_line(input.as_bytes()).unwrap(), line);
        }
        assert!(first_line(&[0xff, 0xfe][..]).is_err());
    }
}
