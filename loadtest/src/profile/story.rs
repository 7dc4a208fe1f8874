//! The stories, as tables.
//!
//! Rates are requests a second on a machine of a few cores; `--scale` multiplies them, and whatever
//! is said to go with them. All mixes are of validate, redeem, hold, confirm, release, in this
//! order.

use super::Profile;
use crate::box_server::campaign;
use crate::pacer::{Curve, Stretch};
use crate::report;
use crate::workload::{Law, Mix};

/// A story.
#[derive(Debug, Clone, Copy)]
pub(super) struct Story {
    /// What happens, a sentence.
    pub(super) tells: &'static str,
    pub(super) connections: u32,
    /// How long it takes, unless told otherwise.
    pub(super) seconds: u32,
    /// How long the warm-up takes, unless told otherwise.
    pub(super) warm_up_s: u32,
    pub(super) warm_up_rate: f64,
    phases: &'static [Phase],
    pub(super) mix: Mix,
    pub(super) law: Law,
    stock: Stock,
    /// What its codes begin with.
    word: &'static str,
    uses: Uses,
    /// Seconds that the campaign wants between two redemptions of a code.
    pub(super) apart_s: Option<u32>,
}

/// A time in which the rate goes evenly from one figure to another.
#[derive(Debug, Clone, Copy)]
struct Phase {
    name: &'static str,
    length: Length,
    from: f64,
    to: f64,
}

/// How long a phase takes.
#[derive(Debug, Clone, Copy)]
enum Length {
    /// Always so many seconds, if there are so many.
    Seconds(f64),
    /// So much of the rest, in proportion.
    Share(f64),
}

/// How many codes there are, besides those for the warm-up.
#[derive(Debug, Clone, Copy)]
enum Stock {
    Fixed(u64),
    PerRequest(f64),
}

/// How often each code can be used.
#[derive(Debug, Clone, Copy)]
enum Uses {
    Fixed(u64),
    /// Goes with the rates.
    Scaled(f64),
}

/// Nine o'clock: guests wait, the gates open, two fifths of the day's guests come in the rush.
/// Ten times as many passes are sold as come on one day, so one scan in twenty is a second scan of
/// a pass that is inside already, which is refused: ten minutes must lie between two entries.
const GATE_OPENING: Story = Story {
    tells: "Gates open: season passes are scanned at thousands of hand-helds, in a trickle, then \
            all at once, then fewer and fewer. A pass that was scanned minutes ago is refused.",
    connections: 4_000,
    seconds: 60,
    warm_up_s: 3,
    warm_up_rate: 200.0,
    phases: &[
        Phase { name: "trickle", length: Length::Share(3.0), from: 50.0, to: 50.0 },
        Phase { name: "opening", length: Length::Share(3.0), from: 50.0, to: 4_000.0 },
        Phase { name: "rush", length: Length::Share(6.0), from: 4_000.0, to: 4_000.0 },
        Phase { name: "thinning", length: Length::Share(5.0), from: 4_000.0, to: 800.0 },
        Phase { name: "day", length: Length::Share(3.0), from: 800.0, to: 400.0 },
    ],
    mix: Mix::of([0, 1, 0, 0, 0]),
    law: Law::Uniform,
    stock: Stock::PerRequest(10.0),
    word: "PARK",
    uses: Uses::Fixed(365),
    apart_s: Some(600),
};

/// Noon: the code was on television. Half of the callers of the first second come too late.
const FLASH_SALE: Story = Story {
    tells: "A sale begins: a hundred thousand callers want one code in the first second, and it \
            has uses for half of them. Exactly so many get a yes.",
    connections: 1_000,
    seconds: 10,
    warm_up_s: 3,
    warm_up_rate: 1_000.0,
    phases: &[
        Phase { name: "first second", length: Length::Seconds(1.0), from: 1e5, to: 1e5 },
        Phase { name: "latecomers", length: Length::Share(1.0), from: 4_000.0, to: 500.0 },
    ],
    mix: Mix::of([0, 1, 0, 0, 0]),
    law: Law::Hot,
    stock: Stock::Fixed(1),
    word: "SALE",
    uses: Uses::Scaled(50_000.0),
    apart_s: None,
};

/// A newsletter goes out: everybody has a code that is good once.
const UNIQUE_DROP: Story = Story {
    tells: "Unique codes drop: everybody has a code that is good for one use, and most use it as \
            soon as they have it. Every one of them gets a yes.",
    connections: 2_000,
    seconds: 20,
    warm_up_s: 3,
    warm_up_rate: 1_000.0,
    phases: &[
        Phase { name: "drop", length: Length::Share(1.0), from: 0.0, to: 20_000.0 },
        Phase { name: "crowd", length: Length::Share(5.0), from: 20_000.0, to: 20_000.0 },
        Phase { name: "rest", length: Length::Share(4.0), from: 20_000.0, to: 1_000.0 },
    ],
    mix: Mix::of([0, 1, 0, 0, 0]),
    law: Law::Once,
    stock: Stock::PerRequest(1.01),
    word: "DROP",
    uses: Uses::Fixed(1),
    apart_s: None,
};

/// Each code stands for a tour, each use for a place on it. A visitor asks twice on average; of
/// four held places three are paid for and one is given back.
const BOOKING_DAY: Story = Story {
    tells: "A day of booking: places on tours are asked about, held while the guest pays, \
            confirmed or given back. The tours that everybody wants sell out first.",
    connections: 400,
    seconds: 60,
    warm_up_s: 3,
    warm_up_rate: 500.0,
    phases: &[
        Phase { name: "morning", length: Length::Share(2.0), from: 200.0, to: 2_000.0 },
        Phase { name: "forenoon", length: Length::Share(3.0), from: 2_000.0, to: 2_400.0 },
        Phase { name: "lunch", length: Length::Share(1.5), from: 2_400.0, to: 1_200.0 },
        Phase { name: "evening", length: Length::Share(2.0), from: 1_200.0, to: 3_000.0 },
        Phase { name: "night", length: Length::Share(1.5), from: 3_000.0, to: 100.0 },
    ],
    mix: Mix::of([8, 0, 4, 3, 1]),
    law: Law::Skewed,
    stock: Stock::Fixed(2_000),
    word: "TOUR",
    uses: Uses::Scaled(400.0),
    apart_s: None,
};

/// Codes of partners, some used far more often than others.
const STEADY: Story = Story {
    tells: "An ordinary day: partners' codes are checked while the customer types and redeemed at \
            the end, at the same rate all the time.",
    connections: 256,
    seconds: 30,
    warm_up_s: 3,
    warm_up_rate: 5_000.0,
    phases: &[Phase { name: "day", length: Length::Share(1.0), from: 5_000.0, to: 5_000.0 }],
    mix: Mix::of([4, 1, 0, 0, 0]),
    law: Law::Skewed,
    stock: Stock::Fixed(20_000),
    word: "SHOP",
    uses: Uses::Scaled(2_000.0),
    apart_s: None,
};

impl Story {
    /// The table of a profile.
    pub(super) const fn of(profile: Profile) -> Self {
        match profile {
            Profile::GateOpening => GATE_OPENING,
            Profile::FlashSale => FLASH_SALE,
            Profile::UniqueDrop => UNIQUE_DROP,
            Profile::BookingDay => BOOKING_DAY,
            Profile::Steady => STEADY,
        }
    }

    /// Its rates, told in so many seconds.
    pub(super) fn curve(&self, scale: f64, seconds: u32) -> Curve {
        let stretches = self.lengths_s(seconds).filter(|(_, seconds)| *seconds > 0.0);
        Curve::new(stretches.map(|(phase, seconds)| Stretch {
            seconds,
            from: phase.from * scale,
            to: phase.to * scale,
        }))
    }

    /// When its phases begin, told in so many seconds.
    pub(super) fn phases(&self, seconds: u32) -> Vec<report::Phase> {
        let mut at_s = 0.0;
        let lengths = self.lengths_s(seconds).filter(|(_, seconds)| *seconds > 0.0);
        lengths
            .map(|(phase, seconds)| {
                let begins = report::Phase { name: phase.name.to_owned(), at_s };
                at_s += seconds;
                begins
            })
            .collect()
    }

    fn lengths_s(&self, seconds: u32) -> impl Iterator<Item = (&Phase, f64)> {
        let mut rest_s = f64::from(seconds);
        let fixed = |phase: &Phase| match phase.length {
            Length::Seconds(seconds) => seconds,
            Length::Share(_) => 0.0,
        };
        let share = |phase: &Phase| match phase.length {
            Length::Share(share) => share,
            Length::Seconds(_) => 0.0,
        };
        let shared_s = (rest_s - self.phases.iter().map(fixed).sum::<f64>()).max(0.0);
        let shares = self.phases.iter().map(share).sum::<f64>();
        self.phases.iter().map(move |phase| {
            let wanted_s = match phase.length {
                Length::Seconds(seconds) => seconds,
                Length::Share(share) => shared_s * share / shares,
            };
            let length_s = wanted_s.min(rest_s);
            rest_s -= length_s;
            (phase, length_s)
        })
    }

    /// How many codes it needs.
    pub(super) fn stock(&self, scale: f64, seconds: u32) -> u64 {
        match self.stock {
            Stock::Fixed(count) => count,
            Stock::PerRequest(codes) => {
                whole(codes * self.curve(scale, seconds).questions()).saturating_add(1)
            }
        }
    }

    /// How many more it needs for the warm-up: one for each request.
    pub(super) fn held_out(&self, scale: f64, warm_up_s: u32) -> u64 {
        whole(self.warm_up_rate * scale * f64::from(warm_up_s)).saturating_add(1)
    }

    /// The campaign of its codes, TOML.
    pub(super) fn campaign(&self, scale: f64) -> String {
        let mut codes = format!("codes = {{ pattern = \"{}-####-####-####\" }}", self.word);
        if let Some(apart_s) = self.apart_s {
            codes.push_str(&format!("\npassback = {{ interval = \"{apart_s}s\" }}"));
        }
        campaign("story", self.uses(scale), &codes)
    }

    /// How often each code can be used.
    pub(super) fn uses(&self, scale: f64) -> u64 {
        match self.uses {
            Uses::Fixed(uses) => uses,
            Uses::Scaled(uses) => whole(uses * scale).max(1),
        }
    }
}

/// The next whole number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of requests, which saturate"
)]
fn whole(count: f64) -> u64 {
    count.ceil() as u64
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use clap::ValueEnum;
    use jeton::catalog::CampaignDocument;

    use super::*;

    #[test]
    fn every_story_fits_its_time_and_scale() {
        for profile in Profile::value_variants() {
            let story = Story::of(*profile);
            let curve = story.curve(1.0, story.seconds);
            assert!((curve.seconds() - f64::from(story.seconds)).abs() < 1e-9, "{profile:?}");
            let twice = story.curve(2.0, story.seconds);
            assert!((twice.questions() / curve.questions() - 2.0).abs() < 1e-9, "{profile:?}");
            assert!((story.curve(1.0, 1).seconds() - 1.0).abs() < 1e-9, "{profile:?}");
            assert!(curve.questions() > 1_000.0, "{profile:?}");
        }
    }

    #[test]
    fn the_first_second_stays_a_second() {
        let story = Story::of(Profile::FlashSale);
        for seconds in [2, 10, 100] {
            let phases = story.phases(seconds);
            assert!((phases.last().unwrap().at_s - 1.0).abs() < 1e-9, "{phases:?}");
            let curve = story.curve(1.0, seconds);
            let due = curve.dues().take_while(|ns| *ns < 1_000_000_000);
            assert_eq!(due.count(), 100_000);
        }
        assert_eq!(story.phases(1).len(), 1, "no time is left for the rest");
        assert!(story.curve(1.0, 10).questions() > 2.0 * 50_000.0, "it sells out");
        assert_eq!((story.uses(1.0), story.uses(0.000_01)), (50_000, 1));
    }

    #[test]
    fn there_are_codes_for_all() {
        let drop = Story::of(Profile::UniqueDrop);
        let asked = whole(drop.curve(1.0, 20).questions());
        assert!(drop.stock(1.0, 20) > asked, "each is asked for once");
        assert_eq!(drop.held_out(1.0, 3), 3_001);
        assert_eq!(Story::of(Profile::FlashSale).stock(3.0, 20), 1);
    }

    #[test]
    fn every_campaign_can_be_read() {
        for profile in Profile::value_variants() {
            let story = Story::of(*profile);
            let campaign = CampaignDocument::from_toml(&story.campaign(1.0));
            assert!(campaign.is_ok(), "{profile:?}: {campaign:?}");
        }
    }
}
