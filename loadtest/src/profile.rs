//! `profile`: loads that tell a story, as they happen at gates and in shops.
//!
//! Each [story](story::Story) is a table: how the rate goes, what is asked, about which codes, on
//! how many connections. All of them are open loops, whose latencies count from when a request was
//! due. Codes of their own are held out for the warm-up, which is told apart.
//!
//! A server of its own is started for each story, with a campaign made for it, so that every answer
//! can be checked: no code beyond its limit, no use twice, what sold out sold out exactly, open
//! holds confirmed and released whole, and in the end the server's own count beside the answers'.

mod story;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::ensure;
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::args::{Disk, Keep, from_0_to, up_to};
use crate::box_server::{BoxServer, ServeBoxArgs};
use crate::drive::{self, Course, Figures, Known, Loop, Plan};
use crate::machine::Machine;
use crate::report::{Named, Report};
use crate::running::ServerArgs;
use crate::workload::{Codes, Law, Workload};
use story::Story;

/// A story.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Profile {
    /// Season passes at thousands of gates: a trickle, the rush, the tail
    GateOpening,
    /// A hundred thousand callers want one code in the first second; there is not enough for all
    FlashSale,
    /// Everybody has a code of their own and uses it at once
    UniqueDrop,
    /// Places on tours: asked about, held, confirmed, given back; the good ones are gone by noon
    BookingDay,
    /// A shop on an ordinary day
    Steady,
}

impl Profile {
    /// Its name on the command line and in tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::GateOpening => "gate-opening",
            Self::FlashSale => "flash-sale",
            Self::UniqueDrop => "unique-drop",
            Self::BookingDay => "booking-day",
            Self::Steady => "steady",
        }
    }

    /// What happens in it, a sentence.
    pub(crate) const fn tells(self) -> &'static str {
        Story::of(self).tells
    }
}

/// Load with a story.
#[derive(Debug, Args)]
pub(crate) struct ProfileArgs {
    /// Which; several come one after the other
    #[arg(value_enum, value_name = "PROFILE", required = true)]
    profiles: Vec<Profile>,
    /// So many times as much: rates, and uses and codes where they go with them
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = scale)]
    scale: f64,
    /// How long is measured [default: as the story says]
    #[arg(long, value_name = "S", value_parser = up_to(86_400))]
    seconds: Option<u32>,
    /// How long is loaded before that [default: as the story says]
    #[arg(long, value_name = "S", value_parser = from_0_to(86_400))]
    warm_up: Option<u32>,
    /// Connections [default: as the story says]
    #[arg(long, value_name = "C", value_parser = up_to(10_000))]
    connections: Option<u32>,
    /// What answers survive
    #[arg(long, value_enum, default_value = "sync")]
    durability: Keep,
    /// The Redis to use with --durability redis, an empty one [default: one of its own]
    #[arg(long, value_name = "URL")]
    redis: Option<String>,
    #[command(flatten)]
    disk: Disk,
    /// Print one JSON document instead of a table
    #[arg(long)]
    json: bool,
    /// Write a page with plots, too
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten, next_help_heading = "To load a server that runs already")]
    server: ServerArgs,
}

fn scale(text: &str) -> Result<f64, String> {
    let scale = text.parse().ok().filter(|scale| (1e-6..=1e6).contains(scale));
    scale.ok_or_else(|| format!("{text:?} is no number from 0.000001 to 1000000"))
}

/// Tells the stories, prints what was found. Says whether every promise was kept.
pub(crate) async fn run(args: &ProfileArgs) -> anyhow::Result<bool> {
    let dir = args.disk.scratch("profile")?;
    let store = if args.server.is_given() { args.server.data.as_deref() } else { Some(dir.path()) };
    let machine = Machine::look(store)?;
    ensure!(
        args.redis.is_none() || args.profiles.len() == 1,
        "one Redis is for one story: each begins with a Redis that is empty"
    );
    let mut runs = Vec::new();
    for profile in &args.profiles {
        let telling = Telling::new(*profile, args);
        let figures = if args.server.is_given() {
            telling.load_running(&args.server).await?
        } else {
            telling.load_own(&dir.path().join(profile.name()), args).await?
        };
        let durability = (!args.server.is_given()).then_some(args.durability);
        let phases = telling.story.phases(telling.seconds);
        runs.push(Named { durability, profile: Some(*profile), phases, figures });
    }
    let report = Report { machine, runs };
    if let Some(file) = &args.html {
        report.write_html(file)?;
    }
    report.print(args.json)
}

/// A story as it is told this time.
struct Telling {
    profile: Profile,
    story: Story,
    scale: f64,
    seconds: u32,
    warm_up_s: u32,
    connections: u32,
}

impl Telling {
    fn new(profile: Profile, args: &ProfileArgs) -> Self {
        let story = Story::of(profile);
        Self {
            profile,
            scale: args.scale,
            seconds: args.seconds.unwrap_or(story.seconds),
            warm_up_s: args.warm_up.unwrap_or(story.warm_up_s),
            connections: args.connections.unwrap_or(story.connections),
            story,
        }
    }

    /// Loads a server of its own.
    async fn load_own(&self, dir: &Path, args: &ProfileArgs) -> anyhow::Result<Figures> {
        std::fs::create_dir(dir)?;
        let measured = self.story.stock(self.scale, self.seconds);
        let held_out = self.story.held_out(self.scale, self.warm_up_s);
        let uses = self.story.uses(self.scale);
        let (campaign, redis) = (Some(self.story.campaign(self.scale)), args.redis.clone());
        let args = ServeBoxArgs::new(dir, args.durability, measured + held_out);
        let server = BoxServer::launch(&ServeBoxArgs { campaign, redis, ..args })?;
        let (codes, apart) = Codes::read(server.codes())?.hold_out(usize::try_from(held_out)?);
        // Nobody enters twice before the time that the campaign wants between two entries.
        let run_s = self.warm_up_s + self.seconds;
        let once = self.story.apart_s.is_some_and(|apart_s| run_s < apart_s);
        let uses_max = Some(if once { 1 } else { uses });
        let known = Known { uses_max, is_ours: true };
        let plan = self.plan(codes, (apart, Law::Once), known);
        let (title, process) = (self.profile.name(), server.process());
        let figures = drive::carry_out_beside(server.options(), plan, title, Some(process)).await?;
        server.end()?;
        Ok(figures)
    }

    /// Loads a server that runs already, of whose codes nothing is known.
    async fn load_running(&self, server: &ServerArgs) -> anyhow::Result<Figures> {
        let codes = server.codes()?;
        let held_out = match codes.len() {
            // One hot code has nothing to hold out: it is warmed up itself.
            1 => 0,
            count => usize::try_from(self.story.held_out(self.scale, self.warm_up_s))?
                .min(count / 10)
                .max(1),
        };
        let (codes, apart) = codes.hold_out(held_out);
        ensure!(codes.len() > 0, "too few codes");
        let apart = if held_out == 0 { Codes::one(codes.text(0)) } else { apart };
        let plan = self.plan(codes, (apart, Law::Uniform), Known::default());
        drive::carry_out(server.options()?, plan, self.profile.name()).await
    }

    /// About `codes`, after a warm-up with others by a law of its own.
    fn plan(&self, codes: Codes, (apart, apart_law): (Codes, Law), known: Known) -> Plan {
        let Story { mix, law, .. } = self.story;
        let warm_up = Workload { codes: Arc::new(apart), law: apart_law, mix };
        let course = Course {
            curve: self.story.curve(self.scale, self.seconds),
            warm_up,
            warm_up_rate: self.story.warm_up_rate * self.scale,
            known,
        };
        Plan {
            workload: Workload { codes: Arc::new(codes), law, mix },
            kind: Loop::Course(Arc::new(course)),
            connections: self.connections,
            warm_up_s: self.warm_up_s,
            seconds: self.seconds,
        }
    }
}
