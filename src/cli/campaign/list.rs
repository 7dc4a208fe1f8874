//! `jeton campaign list`.

use clap::Args;
use serde_json::Value;
use ureq::http::Method;

use super::super::office::{Content, Office};
use super::super::output::{Output, cell, table, wrong_use};
use super::super::pages::{Listed, query};

/// Which campaigns, and how they are written.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Whose id, name or label contains this
    #[arg(long)]
    text: Option<String>,
    /// Only those that stand so
    #[arg(long, value_parser = ["draft", "active", "paused", "ended"])]
    status: Option<String>,
    /// Only those of this kind
    #[arg(
        long,
        value_parser = ["discount", "voucher", "pass", "unit", "points", "access", "surcharge"],
    )]
    kind: Option<String>,
    /// Only those that accounting sees so
    #[arg(long, value_parser = ["discount", "deal", "purchase", "settlement"])]
    accounting: Option<String>,
    /// Only those with this label
    #[arg(long)]
    label: Option<String>,
    /// Only those for this partner
    #[arg(long)]
    partner: Option<String>,
    /// Only those for this brand
    #[arg(long)]
    brand: Option<String>,
    /// yes: all their codes are paid; no: at least one is not
    #[arg(long, value_parser = ["yes", "no"])]
    paid: Option<String>,
    /// Whether a use of any of their codes is in force
    #[arg(long, value_parser = ["yes", "no"])]
    redeemed: Option<String>,
    /// By id, by name, or the one that was changed last first
    #[arg(long, default_value = "id", value_parser = ["id", "title", "newest"])]
    sort: String,
    /// The language of the names
    #[arg(long, default_value = "en")]
    language: String,
    /// At most so many; all unless given
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Only those behind this one, in the same order
    #[arg(long, value_name = "ID")]
    after: Option<String>,
    /// The whole list as CSV, for spreadsheets
    #[arg(long, conflicts_with_all = ["limit", "after"])]
    csv: bool,
}

impl List {
    fn query(&self) -> String {
        query(&[
            ("text", self.text.as_deref()),
            ("status", self.status.as_deref()),
            ("kind", self.kind.as_deref()),
            ("accounting", self.accounting.as_deref()),
            ("label", self.label.as_deref()),
            ("partner", self.partner.as_deref()),
            ("brand", self.brand.as_deref()),
            ("paid", self.paid.as_deref()),
            ("redeemed", self.redeemed.as_deref()),
            ("sort", Some(&self.sort)),
            ("language", Some(&self.language)),
        ])
    }

    fn title<'a>(&self, campaign: &'a Value) -> Option<&'a Value> {
        let names = campaign.pointer("/document/texts/name")?.as_object()?;
        names.get(&self.language).or_else(|| names.get("en")).or_else(|| names.values().next())
    }
}

pub(super) fn list(list: &List, office: &Office, output: Output) -> anyhow::Result<()> {
    const PATH: &str = "/v1/campaigns";
    let wish = list.query();
    if list.csv {
        if output.is_for_programs() {
            return Err(wrong_use("either --json or --csv"));
        }
        let path = format!("{PATH}?format=csv{wish}");
        let mut sheet = office.stream(Method::GET, &path, Content::Nothing, &[])?;
        return output.answer(&(), |out| std::io::copy(&mut sheet, out).map(|_| ()));
    }
    let most = list.limit.map_or(usize::MAX, |limit| limit as usize);
    let from = (most, list.after.as_deref());
    let listed = Listed::read(office, PATH, &wish, "campaigns", from)?;
    let heads = ["ID", "NAME", "KIND", "STATUS", "VERSION", "CODES", "PAID", "USED"];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    for one in &listed.rows {
        let part = |name| cell(one.get(name));
        let [id, kind, status, version] = ["id", "kind", "status", "version"].map(part);
        let [codes, paid, used] = ["codes", "paid", "used"].map(part);
        rows.push(vec![id, cell(list.title(one)), kind, status, version, codes, paid, used]);
    }
    output.answer(&listed.document("campaigns"), |out| table(out, &rows))?;
    listed.note(output);
    Ok(())
}
