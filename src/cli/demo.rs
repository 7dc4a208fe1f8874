//! `jeton demo`: a server with a sample park and a sample sale, people who can sign in, and
//! commands to paste.
//!
//! Everything lives in a directory of its own that is made anew each time, so that what is printed
//! beside each command is what it will say.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use clap::Args;

use super::output::{Exit, Output};
use super::place::Global;
use super::serve::{Running, ServeFlags, runtime};
use crate::auth::caller::{Identity, Name};
use crate::auth::role::Role;
use crate::catalog::{CampaignDocument, Expect};
use crate::client::new_id;
use crate::codes::import::Format;
use crate::domain::id::{CampaignId, TenantId};
use crate::domain::time::Timestamp;
use crate::engine::{Engine, ImportNews, IssueOrder, List, Trial};
use crate::server::Shared;

/// Where the demo keeps its data, unless told otherwise.
const DEMO_DIR: &str = "jeton-demo";

/// Marks a directory that the demo made and may make anew.
const MARK: &str = "made-by-jeton-demo";

/// Who does all that in the audit log.
const WHO: &str = "demo";

const CAMPAIGNS: [&str; 6] = [
    include_str!("../../deploy/examples/campaigns/season-pass.toml"),
    include_str!("../../deploy/examples/campaigns/ten-entries.toml"),
    include_str!("../../deploy/examples/campaigns/gift-voucher.toml"),
    include_str!("../../deploy/examples/campaigns/summer-sale.toml"),
    include_str!("../../deploy/examples/campaigns/newsletter.toml"),
    include_str!("../../deploy/examples/campaigns/vip.toml"),
];

/// How to show the demo.
#[derive(Debug, Clone, Args)]
pub(super) struct DemoFlags {
    /// Where gates and checkouts connect (UDP)
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7411")]
    listen: String,
    /// Where offices and web shops connect (TCP)
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7412")]
    http_listen: String,
    /// error, warn, info, debug, or a filter
    #[arg(long, value_name = "LEVEL", default_value = "warn")]
    log_level: String,
}

pub(super) fn run(flags: &DemoFlags, global: &Global, output: Output) -> anyhow::Result<Exit> {
    let mut global = global.clone();
    let dir = global.data.get_or_insert_with(|| PathBuf::from(DEMO_DIR)).clone();
    begin_anew(&dir, flags)?;
    let serve = ServeFlags {
        log_level: Some(flags.log_level.clone()),
        tenant: "park".to_owned(),
        ..ServeFlags::default()
    };
    let (config, tenant) = (serve.config(&global)?, serve.tenant()?);
    let runtime = runtime(&config)?;
    let ended = runtime.block_on(async {
        let running = Running::start(config, &tenant, output).await?;
        let engine = std::sync::Arc::clone(running.engine());
        let shared = std::sync::Arc::clone(running.shared());
        let made = tokio::task::spawn_blocking(move || {
            let sample = Sample::make(&engine, &tenant)?;
            anyhow::Ok((sample, People::make(&shared, &tenant)?))
        });
        let (sample, people) = made.await??;
        running.announce(output)?;
        let tour = sample.tour(&program(), &dir, running.pages(), people);
        output.answer(&tour, |out| tour.write(out))?;
        running.until_told().await
    });
    runtime.shutdown_background();
    ended.map(|()| Exit::Yes)
}

/// Makes the directory anew, if it is the demo's own.
fn begin_anew(dir: &Path, flags: &DemoFlags) -> anyhow::Result<()> {
    if dir.exists() {
        if !dir.join(MARK).exists() {
            bail!(
                "{} exists and was not made by the demo; name another directory with --data",
                dir.display()
            );
        }
        fs::remove_dir_all(dir).with_context(|| format!("{} cannot be removed", dir.display()))?;
    }
    super::installation::make_dir(dir, &mut Vec::new())?;
    let settings = format!(
        "# Where the demo listens, so that commands with --data find it.\n\
         [quic]\nlisten = {:?}\n\n[http]\nlisten = {:?}\n",
        flags.listen, flags.http_listen
    );
    fs::write(dir.join("jeton.toml"), settings)?;
    fs::write(dir.join(MARK), "jeton demo makes this directory anew each time it starts\n")?;
    Ok(())
}

/// How this program is called from here.
fn program() -> String {
    let Ok(program) = std::env::current_exe() else { return "jeton".to_owned() };
    let here = std::env::current_dir().ok();
    let below = here.and_then(|here| program.strip_prefix(here).ok().map(Path::to_owned));
    match below {
        Some(below) => format!("./{}", below.display()),
        None => program.display().to_string(),
    }
}

/// Codes of the sample park and sale.
struct Sample {
    season: String,
    ten: String,
    voucher: String,
    unpaid: String,
    news: String,
}

impl Sample {
    fn make(engine: &Engine, tenant: &TenantId) -> anyhow::Result<Self> {
        for campaign in CAMPAIGNS {
            let document =
                CampaignDocument::from_toml(campaign).map_err(|wrong| anyhow!("{wrong}"))?;
            engine.put_campaign(tenant, document, Expect::Any, WHO)?;
        }
        own_code(engine, tenant, "summer-sale", "SUMMER-2026")?;
        own_code(engine, tenant, "vip", "VIP-CIRCLE")?;
        let now = engine.now();
        Ok(Self {
            season: fresh_code(engine, tenant, "season-pass", None)?,
            ten: fresh_code(engine, tenant, "ten-entries", None)?,
            voucher: fresh_code(engine, tenant, "gift-voucher", Some(now))?,
            unpaid: fresh_code(engine, tenant, "gift-voucher", None)?,
            news: fresh_code(engine, tenant, "newsletter", None)?,
        })
    }

    fn tour(&self, program: &str, dir: &Path, pages: Option<String>, people: Vec<People>) -> Tour {
        let call = format!("{program} --data {}", dir.display());
        let all = [self.park(), self.voucher(), self.sale()];
        let steps = all.concat().into_iter().map(|mut step| {
            step.command = format!("{call} {}", step.command);
            step
        });
        Tour { pages, people, steps: steps.collect() }
    }

    fn park(&self) -> Vec<Step> {
        let (entry, party) = (new_id(), new_id());
        let Self { season, ten, .. } = self;
        let mistyped = mistype(season);
        vec![
            Step::new(
                "A season pass at the gate",
                format!("redeem {season} --gate north --id {entry}"),
                "yes: use 1",
            ),
            Step::new(
                "The same request again",
                format!("redeem {season} --gate north --id {entry}"),
                "yes, as answered before: counted once",
            ),
            Step::new(
                "The same pass, the same day",
                format!("redeem {season} --gate south"),
                "no: period_limit, with the midnight at which it resets",
            ),
            Step::new(
                "The guest turns back: give the entry back",
                format!("release {entry}"),
                "yes: released",
            ),
            Step::new(
                "Now it can be used again",
                format!("redeem {season} --gate north"),
                "yes: use 1",
            ),
            Step::new(
                "A typing error",
                format!("redeem {mistyped} --gate north"),
                "no: code_malformed, without any look-up",
            ),
            Step::new(
                "A party of four on ten entries",
                format!("redeem {ten} --units 4 --gate north --id {party}"),
                "yes: 6 left",
            ),
            Step::new("One of them comes back", format!("release {party} --part 1"), "yes: 7 left"),
            Step::new(
                "Five more, and then too many",
                format!("redeem {ten} --units 5 --gate north"),
                "yes: 2 left",
            ),
            Step::new(
                "",
                format!("redeem {ten} --units 3 --gate north"),
                "no: units_exceed_remaining",
            ),
        ]
    }

    fn voucher(&self) -> Vec<Step> {
        let hold = new_id();
        let Self { voucher, unpaid, .. } = self;
        vec![
            Step::new(
                "A gift voucher of 100 EUR: hold 60 while the customer pays",
                format!("hold {voucher} --amount 60 --currency EUR --ttl 10m --id {hold}"),
                "yes: held, 40.00 left",
            ),
            Step::new(
                "Somebody else wants 50 of it meanwhile",
                format!("redeem {voucher} --amount 50 --currency EUR"),
                "no: held, with the milliseconds to wait",
            ),
            Step::new(
                "Only 40 are needed: confirm those, the rest returns",
                format!("confirm {hold} --part-amount 40 --currency EUR"),
                "yes: redeemed, 60.00 left",
            ),
            Step::new(
                "Cancelled: give all of it back",
                format!("release {hold}"),
                "yes: released, 100.00 left",
            ),
            Step::new(
                "What happened to it",
                format!("code history {voucher}"),
                "released, confirmed, held: newest first",
            ),
            Step::new(
                "A voucher that nobody has paid",
                format!("redeem {unpaid} --amount 10 --currency EUR"),
                "no: not_activated",
            ),
            Step::new("It is paid now", format!("code paid {unpaid}"), "done"),
            Step::new("", format!("redeem {unpaid} --amount 10 --currency EUR"), "yes: 90.00 left"),
        ]
    }

    fn sale(&self) -> Vec<Step> {
        const HOT: &str = "SUMMER-2026 --total 80 --currency EUR --customer";
        let news = &self.news;
        vec![
            Step::new(
                "One code for everybody, 10 % off: ask first",
                format!("validate {HOT} ann"),
                "yes: 8.00 off, 72.00 to pay; nothing recorded",
            ),
            Step::new("Buy", format!("redeem {HOT} ann"), "yes: use 1, 999 left"),
            Step::new("Once for each customer", format!("redeem {HOT} ann"), "no: customer_limit"),
            Step::new(
                "A reader's own code needs an order of 50 EUR",
                format!("redeem {news} --total 49.99 --currency EUR"),
                "no: amount_below_min, by 1 cent",
            ),
            Step::new("", format!("redeem {news} --total 50 --currency EUR"), "yes: 40.00 to pay"),
            Step::new(
                "It is used now",
                format!("redeem {news} --total 50 --currency EUR"),
                "no: already_redeemed, with when",
            ),
            Step::new(
                "20 % for one circle",
                "redeem VIP-CIRCLE --total 500 --currency EUR".to_owned(),
                "no: customer_not_eligible",
            ),
            Step::new(
                "",
                "redeem VIP-CIRCLE --total 500 --currency EUR --group vip".to_owned(),
                "yes: 400.00 to pay",
            ),
            Step::new("The office stops the sale", "campaign pause summer-sale".to_owned(), "done"),
            Step::new("", format!("redeem {HOT} bob"), "no: campaign_paused"),
        ]
    }
}

/// What to paste, and what it will say.
#[derive(serde::Serialize)]
struct Tour {
    #[serde(skip_serializing_if = "Option::is_none")]
    pages: Option<String>,
    people: Vec<People>,
    steps: Vec<Step>,
}

/// Somebody who can sign in to the demo's pages.
#[derive(serde::Serialize)]
struct People {
    name: &'static str,
    password: String,
}

impl People {
    fn make(shared: &Shared, tenant: &TenantId) -> anyhow::Result<Vec<Self>> {
        let make = |(name, role): (&'static str, Role)| {
            let password = random_password(&shared.engine)?;
            let identity = Identity::new(tenant.clone(), role, Name::parse(name)?);
            let user = shared.access.create_user(identity, &password, None)?;
            shared.engine.audit(WHO, format!("user {name}: made for {}", user.identity.urn()))?;
            Ok(Self { name, password })
        };
        [("office", Role::Office), ("admin", Role::Admin)].into_iter().map(make).collect()
    }
}

/// Four groups of four characters that cannot be mistaken for each other: 80 bits.
fn random_password(engine: &Engine) -> anyhow::Result<String> {
    const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz123456789";
    let mut bytes = [0; 16];
    if !engine.randomize(&mut bytes) {
        bail!("the operating system gave no randomness");
    }
    let mut password = String::new();
    for (at, byte) in bytes.iter().enumerate() {
        if at > 0 && at % 4 == 0 {
            password.push('-');
        }
        let letter = ALPHABET.get(usize::from(byte % 32)).copied().unwrap_or(b'a');
        password.push(char::from(letter));
    }
    Ok(password)
}

#[derive(Clone, serde::Serialize)]
struct Step {
    what: String,
    command: String,
    says: String,
}

impl Step {
    /// A step without a title goes on with the one before.
    fn new(what: &str, command: String, says: &str) -> Self {
        Self { what: what.to_owned(), command, says: says.to_owned() }
    }
}

impl Tour {
    fn write(&self, out: &mut dyn std::io::Write) -> std::io::Result<()> {
        if let Some(pages) = &self.pages {
            writeln!(out, "\nOpen {pages} in a browser and sign in:")?;
            for People { name, password } in &self.people {
                writeln!(out, "  {name:<8} {password}")?;
            }
        }
        writeln!(out, "\nPaste these in a second shell, in this order:")?;
        for step in &self.steps {
            if !step.what.is_empty() {
                writeln!(out, "\n# {}", step.what)?;
            }
            writeln!(out, "{}", step.command)?;
            writeln!(out, "#   → {}", step.says)?;
        }
        writeln!(out, "\nCtrl-C ends the demo.")
    }
}

fn own_code(engine: &Engine, tenant: &TenantId, campaign: &str, code: &str) -> anyhow::Result<()> {
    let order = IssueOrder::plain(CampaignId::parse(campaign)?);
    let list = List { input: code.as_bytes(), format: Format::List, trial: Trial::Real };
    let mut refused = None;
    engine.import(tenant, &order, list, WHO, |news| {
        if let ImportNews::Refused(row) = news {
            refused = Some(row.clone());
        }
    })?;
    refused.map_or(Ok(()), |row| Err(row.into()))
}

fn fresh_code(
    engine: &Engine,
    tenant: &TenantId,
    campaign: &str,
    paid: Option<Timestamp>,
) -> anyhow::Result<String> {
    let order = IssueOrder { paid, ..IssueOrder::plain(CampaignId::parse(campaign)?) };
    let mut generation = engine.generate(tenant, &order, 1, WHO)?;
    let mut code = String::new();
    while generation.next_block(|text| text.clone_into(&mut code))? > 0 {}
    Ok(code)
}

/// The code with a wrong last character.
fn mistype(code: &str) -> String {
    let mut mistyped = code.to_owned();
    let wrong = if mistyped.pop() == Some('2') { '3' } else { '2' };
    mistyped.push(wrong);
    mistyped
}
