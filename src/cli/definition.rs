//! `jeton account`, `jeton group`, `jeton slot`: what a tenant defines besides campaigns. They come
//! in by `jeton campaign apply`.

use clap::Subcommand;
use serde_json::Value;

use super::office::{Office, escaped};
use super::output::{Exit, Output, cell, fields, list, table};
use super::place::Place;

/// What can be seen of definitions.
#[derive(Debug, Subcommand)]
pub(super) enum Definition {
    /// List them
    List,
    /// Show one
    Show {
        /// Its id
        id: String,
    },
}

/// The sorts of definitions that are listed, as addresses name them.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sort {
    Accounts,
    Groups,
    Slots,
}

impl Sort {
    /// The end of the address, and what of the document is worth a column.
    fn parts(self) -> (&'static str, [&'static str; 2]) {
        match self {
            Self::Accounts => ("accounts", ["unit", "currency"]),
            Self::Groups => ("groups", ["mandatory", "texts"]),
            Self::Slots => ("slots", ["group", ""]),
        }
    }
}

pub(super) fn run(
    sort: Sort,
    command: &Definition,
    place: &Place<'_>,
    output: Output,
) -> anyhow::Result<Exit> {
    let (path, columns) = sort.parts();
    let office = Office::new(place)?;
    match command {
        Definition::List => {
            let document = office.get(&format!("/v1/{path}"))?;
            show_list(&document, columns, output)?;
        }
        Definition::Show { id } => {
            let document = office.get(&format!("/v1/{path}/{}", escaped(id)))?;
            output.answer(&document, |out| fields(out, &document, 0))?;
        }
    }
    Ok(Exit::Yes)
}

fn show_list(document: &Value, columns: [&str; 2], output: Output) -> anyhow::Result<()> {
    let named = columns.into_iter().filter(|name| !name.is_empty());
    let heads = ["ID", "VERSION"].into_iter().map(str::to_owned);
    let mut rows = vec![heads.chain(named.clone().map(str::to_uppercase)).collect()];
    for one in list(document) {
        let stated = ["id", "version"].into_iter().map(|name| cell(one.get(name)));
        let of_document =
            named.clone().map(|name| cell(one.get("document").and_then(|own| own.get(name))));
        rows.push(stated.chain(of_document).collect::<Vec<String>>());
    }
    output.answer(document, |out| table(out, &rows))
}
