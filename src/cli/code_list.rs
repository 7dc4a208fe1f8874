//! `jeton code list`.

use clap::Args;

use super::office::{Office, escaped};
use super::output::{Output, cell, table};
use super::pages::{Listed, query};

/// Which codes.
#[derive(Debug, Args)]
pub(super) struct List {
    /// The campaign
    campaign: String,
    #[command(flatten)]
    filter: Filter,
    /// Only this batch's
    #[arg(long)]
    batch: Option<u32>,
    /// At most so many
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Read on where an earlier list said
    #[arg(long, value_name = "PLACE")]
    after: Option<String>,
}

/// Which codes of many.
#[derive(Debug, Args)]
pub(super) struct Filter {
    /// Only codes that are paid, or that are not
    #[arg(long, value_parser = ["yes", "no"])]
    paid: Option<String>,
    /// Only codes of which a use is in force, or none
    #[arg(long, value_parser = ["yes", "no"])]
    redeemed: Option<String>,
}

impl Filter {
    /// As parts of a query.
    pub(super) fn query(&self) -> String {
        query(&[("paid", self.paid.as_deref()), ("redeemed", self.redeemed.as_deref())])
    }
}

pub(super) fn list(list: &List, office: &Office, output: Output) -> anyhow::Result<()> {
    let batch = list.batch.map(|batch| batch.to_string());
    let wish = format!("{}{}", list.filter.query(), query(&[("batch", batch.as_deref())]));
    let path = format!("/v1/campaigns/{}/codes", escaped(&list.campaign));
    let from = (list.limit as usize, list.after.as_deref());
    let listed = Listed::read(office, &path, &wish, "codes", from)?;
    let columns = ["code", "state", "paid_at", "used", "max", "balance", "holder", "batch"];
    let mut rows = vec![columns.map(str::to_uppercase).to_vec()];
    for one in &listed.rows {
        rows.push(columns.map(|name| cell(one.get(name))).to_vec());
    }
    output.answer(&listed.document("codes"), |out| table(out, &rows))?;
    listed.note(output);
    Ok(())
}
